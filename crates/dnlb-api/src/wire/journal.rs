//! Service `dnlb`: who changed what, and what happened by itself.

use serde_json::Value;

use super::models;

models! {
    /// A change that somebody made.
    AuditRecord {
        /// When.
        time: String,
        /// The request.
        request_id: String,
        /// Account of who made it.
        account_id: String,
        /// Who made it.
        user_id: String,
        /// That user's name at the time.
        user_name: String,
        /// The access key that signed, or `session`.
        means: String,
        /// Where the request came from.
        source_address: String,
        /// The operation's service.
        service: String,
        /// The operation.
        operation: String,
        /// What it changed.
        changes: Vec<ChangedResource>,
    }

    /// A resource that a change made, changed or removed.
    ChangedResource {
        /// Its kind.
        resource_type: String,
        /// Its id.
        resource_id: String,
        /// The fields that differ, as they were; null: there was no such resource.
        before: Value,
        /// The fields that differ, as they are; null: there is no such resource any more.
        after: Value,
    }

    /// Something that happened by itself.
    Event {
        /// When.
        time: String,
        /// What.
        kind: String,
        /// Kind of the resource to which it happened.
        resource_type: String,
        /// Its id.
        resource_id: String,
        /// More about it, for people.
        message: String,
        ?
        /// Of a backend service, the target that it is about: its instance.
        instance_id: String,
    }
}

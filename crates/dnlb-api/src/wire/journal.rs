//! Service `dnlb`: who changed what, and what happened by itself.

use serde_json::Value;

use super::models;

models! {
    /// A change that somebody made.
    AuditRecord {
        time: String,
        request_id: String,
        account_id: String,
        user_id: String,
        user_name: String,
        means: String,
        source_address: String,
        service: String,
        operation: String,
        changes: Vec<ChangedResource>,
    }

    /// A resource that a change made, changed or removed: the fields that differ, as they were and as they are.
    ChangedResource {
        resource_type: String,
        resource_id: String,
        before: Value,
        after: Value,
    }

    /// Something that happened by itself.
    Event {
        time: String,
        kind: String,
        resource_type: String,
        resource_id: String,
        message: String,
    }
}

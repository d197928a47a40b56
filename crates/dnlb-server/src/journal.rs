//! What is remembered of changes: who changed what, and what happened by itself.
//!
//! A record is made of the difference between two regions and is written in the transaction that makes that difference, so neither is
//! without the other. Records lie beside the region in the store, not in memory, and go when they are old ([`retention`]).

mod difference;
pub mod retention;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use dnlb_api::{time, wire};
use dnlb_model::{AccountId, BackendId, HostId, HostState, InstanceId, InstanceState, Region, changes};
use dnlb_store::{Store, StoreError};
use wire::journal::{AuditRecord, Event};

use crate::{access::Caller, region_store::Writes};

/// Where records of changes lie: behind it the account, the time and the request.
pub const AUDIT: &str = "audit/";
/// Where events lie: behind it the account, the time and a number.
pub const EVENTS: &str = "events/";

/// Records that are looked at for one page at most, however few of them a filter lets through.
const LOOKED_AT_MAX: usize = 5_000;

/// Who changes something, and by what request.
#[derive(Clone, Debug)]
pub struct Actor {
    /// Who calls.
    pub caller: Caller,
    /// The request's id.
    pub request_id: String,
    /// Where it came from.
    pub source: String,
    /// Service.
    pub service: String,
    /// Operation.
    pub operation: String,
}

/// What to write beside the change from `old` to `new`: a record if somebody made it, and events.
///
/// # Errors
/// When something cannot be encoded.
pub(crate) fn entries(
    actor: Option<&Actor>,
    old: &Region,
    new: &Region,
    now: SystemTime,
) -> Result<Writes, StoreError> {
    let millis = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_millis();
    let time = time::iso(u64::try_from(millis / 1000).unwrap_or(u64::MAX));
    let mut writes = Writes::new();
    if let Some(actor) = actor {
        let changes = difference::changed_resources(old, new);
        if !changes.is_empty() {
            let account = &actor.caller.account;
            let record = AuditRecord {
                time: time.clone(),
                request_id: actor.request_id.clone(),
                account_id: account.0.clone(),
                user_id: actor.caller.user.0.clone(),
                user_name: actor.caller.user_name.clone(),
                means: actor.caller.means().to_owned(),
                source_address: actor.source.clone(),
                service: actor.service.clone(),
                operation: actor.operation.clone(),
                changes,
            };
            writes.push((
                format!("{AUDIT}{account}/{millis:014}-{}", actor.request_id),
                Some(encode(&record)?),
            ));
        }
    }
    for (number, (account, mut event)) in events(old, new).into_iter().enumerate() {
        event.time.clone_from(&time);
        // Two transactions of one millisecond have different random parts.
        let key = format!("{EVENTS}{account}/{millis:014}-{:08x}-{number:06}", rand::random::<u32>());
        writes.push((key, Some(encode(&event)?)));
    }
    Ok(writes)
}

fn encode<T: serde::Serialize>(record: &T) -> Result<Vec<u8>, StoreError> {
    serde_json::to_vec(record)
        .map_err(|source| StoreError::Failed { doing: "encoding a record", source: source.into() })
}

/// To what something happened.
enum Subject<'a> {
    Host(&'a HostId),
    Instance(&'a InstanceId),
    Target(&'a BackendId, &'a InstanceId),
}

/// What happened by itself, with whose it is. The times are left empty.
fn events(old: &Region, new: &Region) -> Vec<(AccountId, Event)> {
    let mut events = Vec::new();
    let mut note = |account: AccountId, kind: &str, of: Subject, message: String| {
        let (resource_type, resource_id, instance_id) = match of {
            Subject::Host(id) => ("host", id.0.clone(), None),
            Subject::Instance(id) => ("instance", id.0.clone(), None),
            Subject::Target(backend, instance) => ("backend", backend.0.clone(), Some(instance.0.clone())),
        };
        let (kind, resource_type) = (kind.to_owned(), resource_type.to_owned());
        let time = String::new();
        events.push((account, Event { time, kind, resource_type, resource_id, instance_id, message }));
    };
    for (id, was, is) in changes(&old.hosts, &new.hosts) {
        let Some(host) = is else { continue };
        let (kind, message) = match (was.map(|host| host.state), host.state) {
            (None, _) => ("HostJoined", format!("in {}, rack {}, as {}", host.az, host.rack, host.underlay)),
            (Some(HostState::Up), HostState::Down) => ("HostDown", "its heart-beats are missing".to_owned()),
            (Some(HostState::Down), HostState::Up) => ("HostUp", "it is heard of again".to_owned()),
            _ => continue,
        };
        note(AccountId::operating(), kind, Subject::Host(id), message);
    }
    for (id, was, is) in changes(&old.instances, &new.instances) {
        let (Some(was), Some(is)) = (was, is) else { continue };
        if was.state == is.state {
            continue;
        }
        let (kind, message) = match &is.state {
            InstanceState::Error(reason) => ("InstanceFailed", reason.clone()),
            InstanceState::Pending => ("InstancePending", format!("on host {}", is.host)),
            InstanceState::Running => ("InstanceRunning", format!("on host {}", is.host)),
            InstanceState::Stopped => ("InstanceStopped", format!("on host {}", is.host)),
        };
        note(new.owner(id.as_str()), kind, Subject::Instance(id), message);
    }
    for ((backend, instance), was, is) in changes(&old.health, &new.health) {
        let Some(is) = is.filter(|is| was.is_none_or(|was| was.healthy != is.healthy)) else { continue };
        let kind = if is.healthy { "TargetHealthy" } else { "TargetUnhealthy" };
        let message = format!("target {instance}: {}", is.reason);
        note(new.owner(backend.as_str()), kind, Subject::Target(backend, instance), message);
    }
    for ((backend, instance), was, is) in changes(&old.draining, &new.draining) {
        let over = |drain: &dnlb_model::Draining| drain.over;
        let (kind, message) = match (was.map(|was| over(was)), is) {
            (None, Some(is)) => (
                "DrainBegun",
                format!("target {instance} keeps its connections until {}", time::iso(is.until)),
            ),
            (Some(false), Some(is)) if is.over => ("DrainOver", format!("target {instance}: time is over")),
            (Some(false), None) => ("DrainOver", format!("target {instance}: it is back, or gone")),
            _ => continue,
        };
        let of = if new.backends.contains_key(backend) { new } else { old };
        note(of.owner(backend.as_str()), kind, Subject::Target(backend, instance), message);
    }
    events
}

/// Which records are asked for.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// From this second on.
    pub begin: Option<u64>,
    /// Before this second.
    pub end: Option<u64>,
    /// Only those behind the one with this token, which the page before has ended with.
    pub token: Option<String>,
    /// So many at most.
    pub limit: usize,
}

/// Records of an account, newest first, and the token for the next page, if there may be one.
///
/// # Errors
/// When the store fails.
pub async fn search<T: serde::de::DeserializeOwned>(
    store: &dyn Store,
    prefix: &str,
    account: &AccountId,
    search: &Search,
    wanted: impl Fn(&T) -> bool,
) -> Result<(Vec<T>, Option<String>), StoreError> {
    let base = format!("{prefix}{account}/");
    let at = |second: u64| format!("{base}{:014}", second.saturating_mul(1000));
    let from = search.begin.map_or_else(|| base.clone(), at);
    let mut to = search.end.map_or_else(|| format!("{base}~"), at);
    if let Some(token) = &search.token {
        let behind = format!("{base}{token}");
        if behind < to {
            to = behind;
        }
    }
    let mut found = Vec::new();
    let mut looked_at = 0;
    while looked_at < LOOKED_AT_MAX {
        let entries = store.scan(&from, &to, 500, true).await?.entries;
        let last_page = entries.len() < 500;
        for entry in entries {
            looked_at += 1;
            // What a later version wrote and we cannot read is not ours to show.
            if let Ok(record) = serde_json::from_slice::<T>(&entry.value)
                && wanted(&record)
            {
                found.push(record);
            }
            let token = entry.key[base.len()..].to_owned();
            to = entry.key;
            if found.len() >= search.limit {
                return Ok((found, Some(token)));
            }
        }
        if last_page {
            return Ok((found, None));
        }
    }
    Ok((found, Some(to[base.len()..].to_owned())))
}

#[cfg(test)]
pub(crate) mod tests;

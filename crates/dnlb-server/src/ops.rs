//! What the API's operations do: functions from a region and a call to a reply, and, for writes, a changed region.
//!
//! A write works on a copy of the region that becomes the region only if it returns `Ok`, so it may check and
//! change in any order: nothing is ever half-created.
//!
//! The region that an operation gets is the view of the caller's account, in which nobody else has anything. Operations whose kind begins with
//! `Region` get the whole.

mod access_key;
mod account;
mod acl;
mod address;
mod ag;
mod ag_target;
mod ask;
mod backend;
mod catalogue;
mod check;
mod console_log;
mod describe;
mod dnlb;
mod eip;
mod flow;
mod health_check;
mod instance;
mod list;
mod listener;
mod load_balancer;
mod metrics;
mod quota;
mod records;
mod refused;
mod row_distribution;
mod security_group;
mod session;
mod spec;
mod subnet;
mod table;
mod target_group;
mod template;
mod trace;
mod user;
mod vpc;

use std::{fmt::Display, sync::Arc};

use dnlb_api::{ApiError, Query, body};
use dnlb_model::{Map, Region};
use rand::Rng;
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{access::Caller, observed::SharedObserved};

pub use ask::Inquiry;
pub(crate) use describe::{Description, Parameter, service as describe_service};
pub use quota::{QuotaSetting, Quotas};
pub use records::{Records, RecordsError};
pub use session::{begin as begin_session, named as named_user};
pub use table::{Operation, Route, route, routes};

/// What an operation is called with.
pub struct Call<'a> {
    /// Identifiers in the path, in their order.
    pub ids: &'a [String],
    /// The query.
    pub query: &'a Query,
    /// The body.
    pub body: &'a [u8],
    /// Seconds since the epoch.
    pub now: u64,
    /// Who calls.
    pub caller: &'a Caller,
    /// The region of all accounts, to look at: where things are unique or shared among all.
    pub whole: &'a Region,
    /// How much of everything there may be.
    pub quotas: &'a Quotas,
    /// What hosts were last seen to do.
    pub observed: &'a SharedObserved,
}

impl Call<'_> {
    /// The identifier in the path.
    fn id<K: for<'a> From<&'a str>>(&self) -> K {
        K::from(self.ids.first().map_or("", String::as_str))
    }

    fn body<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        body::parse(self.body)
    }
}

/// The result of an operation.
pub(crate) type Outcome = Result<Value, ApiError>;

/// `{}`.
const DONE: Outcome = Ok(Value::Null);

/// A result with several fields.
fn object(value: impl Serialize) -> Outcome {
    serde_json::to_value(value).map_err(|_| ApiError::internal())
}

/// `{"key": value}`.
fn one(key: &str, value: impl Serialize) -> Outcome {
    let value = object(value)?;
    Ok(Value::Object([(key.to_owned(), value)].into_iter().collect()))
}

fn find<'a, K: Ord + Display, V>(map: &'a Map<K, V>, kind: &str, id: &K) -> Result<&'a V, ApiError> {
    map.get(id).map(|found| &**found).ok_or_else(|| ApiError::not_found(kind, id))
}

fn edit<'a, K: Ord + Clone + Display, V: Clone>(
    map: &'a mut Map<K, V>,
    kind: &str,
    id: &K,
) -> Result<&'a mut V, ApiError> {
    map.get_mut(id).map(Arc::make_mut).ok_or_else(|| ApiError::not_found(kind, id))
}

/// An identifier that is not taken: the prefix and ten characters.
fn fresh<K: From<String>>(prefix: &str, taken: impl Fn(&K) -> bool) -> K {
    loop {
        let id = K::from(random_id(prefix));
        if !taken(&id) {
            return id;
        }
    }
}

fn random_id(prefix: &str) -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let mut random = rand::rng();
    let tail = (0..10).map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())]));
    prefix.chars().chain(tail).collect()
}

/// Hands out the next number of a kind.
fn next(
    region: &mut Region,
    kind: &str,
    last: u32,
    sequence: impl FnOnce(&mut dnlb_model::Sequences) -> &mut u32,
) -> Result<u32, ApiError> {
    let number = sequence(&mut Arc::make_mut(&mut region.settings).sequences);
    if *number >= last {
        return Err(ApiError::quota(format!("the region has used up its numbers for {kind}s")));
    }
    *number += 1;
    Ok(*number)
}

//! Sessions: to log in, to log out, and who one is.

use std::sync::Arc;

use dnlb_api::{ApiError, time, wire};
use dnlb_model::{Region, Secret, Session, UserId, remove_where};
use wire::identity::{CreateSession, SessionCreated};

use super::{Call, DONE, Outcome, account, object, one};
use crate::access::{By, SESSION_SECONDS, session_id};

/// Sessions of a user at once; the oldest goes.
const SESSIONS_MAX: usize = 20;

/// What [`super::Operation::Login`] is done with.
pub(super) const BY_PASSWORD: () = ();

/// The user whom a request to log in names, with the hash of its password.
#[must_use]
pub fn named(region: &Region, request: &CreateSession) -> Option<(UserId, Option<Secret>)> {
    let account = match &request.account_name {
        None => region.accounts.get(&dnlb_model::AccountId::operating())?,
        Some(name) => region.accounts.values().find(|account| account.name == *name)?,
    };
    let user = region
        .users
        .values()
        .find(|user| user.account == account.id && user.name == request.user_name)
        .filter(|user| user.enabled && account.enabled)?;
    Some((user.id.clone(), user.password.clone()))
}

/// Begins a session of a user whose password was right.
///
/// # Errors
/// 401 when there is no such user any more.
pub fn begin(region: &mut Region, user: &UserId, token: &str, now: u64) -> Outcome {
    let account = region.users.get(user).ok_or_else(ApiError::access)?.account.clone();
    remove_where(&mut region.sessions, |_, session| session.expires <= now);
    let mut own: Vec<_> = region.sessions.values().filter(|session| session.user == *user).collect();
    own.sort_by_key(|session| session.created);
    let surplus = (own.len() + 1).saturating_sub(SESSIONS_MAX);
    let oldest: Vec<_> = own.iter().take(surplus).map(|session| session.id.clone()).collect();
    for id in oldest {
        region.sessions.remove(&id);
    }
    let expires = now + SESSION_SECONDS;
    let session = Session { id: session_id(token), account, user: user.clone(), expires, created: now };
    region.sessions.insert(session.id.clone(), Arc::new(session));
    let caller = account::caller_view(region, user)?;
    object(SessionCreated { token: token.to_owned(), expires_time: time::iso(expires), caller })
}

pub(super) fn describe(region: &Region, call: &Call<'_>) -> Outcome {
    one("caller", account::caller_view(region, &call.caller.user)?)
}

/// To log out.
pub(super) fn delete(region: &mut Region, call: &Call<'_>) -> Outcome {
    match &call.caller.by {
        By::Session(id) => {
            region.sessions.remove(id);
            DONE
        }
        By::Key(_) => Err(ApiError::invalid("this request has no session: an access key has signed it")),
    }
}

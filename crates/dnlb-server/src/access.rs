//! Who calls, and what may it: accounts, users, access keys, sessions.
//!
//! Decisions are functions of the region; [`limits`] remembers what the region does not: who has tried how often.

pub mod bootstrap;
pub mod limits;
pub mod password;

use dnlb_model::{AccessKeyId, AccountId, Region, Role, Secret, SessionId, UserId};
use sha2::{Digest, Sha256};

pub use bootstrap::{BootstrapError, FirstAdmin};

/// Seconds that a session lasts.
pub const SESSION_SECONDS: u64 = 12 * 3600;

/// Whoever makes a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Account.
    pub account: AccountId,
    /// User.
    pub user: UserId,
    /// The user's name.
    pub user_name: String,
    /// What it may do.
    pub role: Role,
    /// By what it has shown who it is.
    pub by: By,
}

/// By what a caller has shown who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// An access key's signature.
    Key(AccessKeyId),
    /// A session's token.
    Session(SessionId),
}

impl Caller {
    /// Whether it may do what needs a role.
    #[must_use]
    pub fn may(&self, role: Role) -> bool {
        self.role >= role
    }

    /// The access key's id, or the word `session`: for the log.
    #[must_use]
    pub fn means(&self) -> &str {
        match &self.by {
            By::Key(key) => key.as_str(),
            By::Session(_) => "session",
        }
    }
}

/// The secret of an access key that counts, and for whom it signs.
#[must_use]
pub fn by_key(region: &Region, id: &str, now: u64) -> Option<(Caller, Secret)> {
    let key = region.access_keys.get(&AccessKeyId::from(id))?;
    if !key.enabled || key.expires.is_some_and(|expires| expires <= now) {
        return None;
    }
    Some((caller(region, &key.user, By::Key(key.id.clone()))?, key.secret.clone()))
}

/// Who has a session's token.
#[must_use]
pub fn by_token(region: &Region, token: &str, now: u64) -> Option<Caller> {
    // What is looked up is a hash: how long that takes says nothing about tokens that exist.
    let session = region.sessions.get(&session_id(token))?;
    if session.expires <= now {
        return None;
    }
    caller(region, &session.user, By::Session(session.id.clone()))
}

/// The session of a token.
#[must_use]
pub fn session_id(token: &str) -> SessionId {
    SessionId(hex::encode(Sha256::digest(token.as_bytes())))
}

fn caller(region: &Region, user: &UserId, by: By) -> Option<Caller> {
    let user = region.users.get(user)?;
    let account = region.accounts.get(&user.account)?;
    (user.enabled && account.enabled).then(|| Caller {
        account: account.id.clone(),
        user: user.id.clone(),
        user_name: user.name.clone(),
        role: user.role,
        by,
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dnlb_model::{AccessKey, Account, Session, User};

    use super::*;

    fn region() -> Region {
        let mut region = Region::default();
        let account = Account {
            id: "account-1".into(),
            name: "one".into(),
            description: String::new(),
            enabled: true,
            created: 0,
        };
        let user = User {
            id: "user-1".into(),
            account: account.id.clone(),
            name: "u".into(),
            description: String::new(),
            role: Role::Viewer,
            password: None,
            enabled: true,
            created: 0,
        };
        let key = AccessKey {
            id: "AK1".into(),
            account: account.id.clone(),
            user: user.id.clone(),
            secret: Secret("s".into()),
            description: String::new(),
            enabled: true,
            expires: Some(100),
            created: 0,
        };
        let session = Session {
            id: session_id("token"),
            account: account.id.clone(),
            user: user.id.clone(),
            expires: 100,
            created: 0,
        };
        region.accounts.insert(account.id.clone(), Arc::new(account));
        region.users.insert(user.id.clone(), Arc::new(user));
        region.access_keys.insert(key.id.clone(), Arc::new(key));
        region.sessions.insert(session.id.clone(), Arc::new(session));
        region
    }

    fn comes_in(region: &Region, now: u64) -> (bool, bool) {
        (by_key(region, "AK1", now).is_some(), by_token(region, "token", now).is_some())
    }

    #[test]
    fn keys_and_sessions_count_until_they_end() {
        let region = region();
        assert_eq!((comes_in(&region, 99), comes_in(&region, 100)), ((true, true), (false, false)));
        assert!(by_key(&region, "AK2", 1).is_none() && by_token(&region, "AK1", 1).is_none());
        let caller = by_token(&region, "token", 1).unwrap();
        assert!(caller.may(Role::Viewer) && !caller.may(Role::Operator));
    }

    #[test]
    fn who_is_disabled_does_not_come_in() {
        let mut one = region();
        Arc::make_mut(one.access_keys.get_mut(&AccessKeyId::from("AK1")).unwrap()).enabled = false;
        assert_eq!(comes_in(&one, 1), (false, true));
        let mut one = region();
        Arc::make_mut(one.users.get_mut(&UserId::from("user-1")).unwrap()).enabled = false;
        assert_eq!(comes_in(&one, 1), (false, false));
        let mut one = region();
        Arc::make_mut(one.accounts.get_mut(&AccountId::from("account-1")).unwrap()).enabled = false;
        assert_eq!(comes_in(&one, 1), (false, false));
    }
}

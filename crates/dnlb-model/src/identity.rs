//! Who may do what: accounts, their users, and the users' access keys and sessions.

use serde::{Deserialize, Serialize};

use crate::{AccessKeyId, AccountId, SessionId, UserId};

/// Whom resources belong to. One account neither sees nor names what another has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Identifier.
    pub id: AccountId,
    /// Name, unique in the region: users give it when they log in.
    pub name: String,
    /// Description.
    pub description: String,
    /// Whether its users and keys may do anything.
    pub enabled: bool,
    /// When it was created.
    pub created: u64,
}

impl AccountId {
    /// The account of those who operate the region. It is there from the start, and what an earlier version made belongs to it.
    #[must_use]
    pub fn operating() -> Self {
        Self("account-operating".to_owned())
    }

    /// Whether it is the account of those who operate the region.
    #[must_use]
    pub fn is_operating(&self) -> bool {
        *self == Self::operating()
    }
}

/// What a user may do, from less to more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Role {
    /// Look.
    Viewer,
    /// And change resources.
    Operator,
    /// And change users and their keys.
    Admin,
}

/// Somebody, or some program, of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// Identifier.
    pub id: UserId,
    /// Account.
    pub account: AccountId,
    /// Name, unique in the account.
    pub name: String,
    /// Description.
    pub description: String,
    /// What it may do.
    pub role: Role,
    /// Hash of its password in PHC string format; none: it cannot log in.
    pub password: Option<Secret>,
    /// Whether it may do anything.
    pub enabled: bool,
    /// When it was created.
    pub created: u64,
}

/// A key and its secret, by which a program signs for a user.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccessKey {
    /// Identifier, which requests name.
    pub id: AccessKeyId,
    /// Account.
    pub account: AccountId,
    /// User for whom it signs, with whose role.
    pub user: UserId,
    /// The secret. Kept as it is: who checks a signature needs it.
    pub secret: Secret,
    /// Description.
    pub description: String,
    /// Whether it counts.
    pub enabled: bool,
    /// When it stops to count, in seconds of the Unix time; none: never.
    pub expires: Option<u64>,
    /// When it was created.
    pub created: u64,
}

/// A user that has logged in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Identifier: the SHA-256 of its token in hexadecimal. The token itself is kept nowhere.
    pub id: SessionId,
    /// Account.
    pub account: AccountId,
    /// User.
    pub user: UserId,
    /// When it ends, in seconds of the Unix time.
    pub expires: u64,
    /// When it was created.
    pub created: u64,
}

/// A text that no log shows.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(pub String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

//! The first administrator: made when a region has no account yet, told once.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use dnlb_model::{AccessKey, AccessKeyId, Account, AccountId, Region, Role, Secret, User, UserId};
use serde::{Deserialize, Serialize};

use super::password;
use crate::new_file;

/// Name of the first account and of its first user.
pub const FIRST_NAME: &str = "admin";

/// What the first administrator needs to come in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FirstAdmin {
    /// Access key.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
    /// Password of the user `admin` of the account `admin`; none: it gets none, and cannot log in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

impl std::fmt::Debug for FirstAdmin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FirstAdmin").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

/// Why there is no first administrator.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// The file holds something else.
    #[error("{} does not hold an access key", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// An empty key or secret would let everybody in.
    #[error("{} holds an empty key or secret", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The file cannot be read or written.
    #[error("cannot read or write {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The password in the file is none.
    #[error("{}: {reason}", path.display())]
    Password {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl FirstAdmin {
    /// A random key and password.
    #[must_use]
    pub fn random() -> Self {
        let (access_key, secret_key) = new_key();
        Self { access_key, secret_key, password: Some(hex::encode(rand::random::<[u8; 10]>())) }
    }

    /// Reads the file; if there is none, makes it, readable by its owner only. Whether it was made.
    ///
    /// # Errors
    /// [`BootstrapError`].
    pub fn open(path: &Path) -> Result<(Self, bool), BootstrapError> {
        let file = |source| BootstrapError::File { path: path.to_owned(), source };
        let content = |source| BootstrapError::Content { path: path.to_owned(), source };
        match fs::read(path) {
            Ok(text) => {
                let admin: Self = serde_json::from_slice(&text).map_err(content)?;
                if admin.access_key.is_empty() || admin.secret_key.is_empty() {
                    return Err(BootstrapError::Empty { path: path.to_owned() });
                }
                Ok((admin, false))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let admin = Self::random();
                let text = serde_json::to_vec_pretty(&admin).map_err(content)?;
                new_file::write(path, &text, 0o600).map_err(file)?;
                Ok((admin, true))
            }
            Err(error) => Err(file(error)),
        }
    }

    /// Makes the operating account with this administrator.
    ///
    /// # Errors
    /// [`BootstrapError::Password`].
    pub fn found(&self, region: &mut Region, path: &Path, now: u64) -> Result<(), BootstrapError> {
        let hash = self
            .password
            .as_deref()
            .map(password::hash)
            .transpose()
            .map_err(|error| BootstrapError::Password { path: path.to_owned(), reason: error.message })?;
        let account = Account {
            id: AccountId::operating(),
            name: FIRST_NAME.to_owned(),
            description: "operates the region".to_owned(),
            enabled: true,
            created: now,
        };
        let user = User {
            id: UserId(format!("{}{FIRST_NAME}", UserId::PREFIX)),
            account: account.id.clone(),
            name: FIRST_NAME.to_owned(),
            description: String::new(),
            role: Role::Admin,
            password: hash,
            enabled: true,
            created: now,
        };
        let key = AccessKey {
            id: AccessKeyId(self.access_key.clone()),
            account: account.id.clone(),
            user: user.id.clone(),
            secret: Secret(self.secret_key.clone()),
            description: "made with the region".to_owned(),
            enabled: true,
            expires: None,
            created: now,
        };
        region.accounts.insert(account.id.clone(), Arc::new(account));
        region.users.insert(user.id.clone(), Arc::new(user));
        region.access_keys.insert(key.id.clone(), Arc::new(key));
        Ok(())
    }
}

/// A random access key and its secret.
#[must_use]
pub fn new_key() -> (String, String) {
    let id = format!("{}{}", AccessKeyId::PREFIX, hex::encode_upper(rand::random::<[u8; 12]>()));
    (id, hex::encode(rand::random::<[u8; 24]>()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::access::by_key;

    #[test]
    fn the_first_run_makes_a_file_and_the_next_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.json");
        let (made, new) = FirstAdmin::open(&path).unwrap();
        assert!(new);
        assert_eq!(FirstAdmin::open(&path).unwrap(), (made.clone(), false));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let shown = format!("{made:?}");
        assert!(!shown.contains(&made.secret_key) && !shown.contains(&made.password.unwrap()));
        assert_ne!(FirstAdmin::open(&dir.path().join("other.json")).unwrap().0.secret_key, made.secret_key);
    }

    #[test]
    fn an_empty_secret_and_a_short_password_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.json");
        fs::write(&path, r#"{"accessKey":"a","secretKey":""}"#).unwrap();
        assert!(matches!(FirstAdmin::open(&path), Err(BootstrapError::Empty { .. })));
        fs::write(&path, r#"{"accessKey":"a","secretKey":"s","password":"short"}"#).unwrap();
        let (admin, _) = FirstAdmin::open(&path).unwrap();
        let refused = admin.found(&mut Region::default(), &path, 1).unwrap_err();
        assert!(refused.to_string().contains("5 characters"), "{refused}");
    }

    #[test]
    fn who_is_first_is_an_administrator_of_the_operating_account() {
        let mut region = Region::default();
        let admin = FirstAdmin::random();
        admin.found(&mut region, Path::new(""), 1).unwrap();
        let (caller, secret) = by_key(&region, &admin.access_key, 2).unwrap();
        assert!(caller.account.is_operating() && caller.may(Role::Admin));
        assert_eq!(secret.0, admin.secret_key);
        assert!(!format!("{region:?}").contains(&secret.0));
        let user = &region.users[&caller.user];
        assert!(password::verify(&admin.password.unwrap(), user.password.as_ref()));
    }
}

//! The access key: who may call, kept in a file of its owner.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// An access key and its secret.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct AccessKey {
    access_key: String,
    secret_key: String,
}

impl std::fmt::Debug for AccessKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AccessKey").field("access_key", &self.access_key).finish_non_exhaustive()
    }
}

/// Why there is no access key.
#[derive(Debug, thiserror::Error)]
pub enum AccessKeyError {
    /// The file holds something else.
    #[error("{} does not hold an access key", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// The file cannot be read or written.
    #[error("cannot read or write {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// An empty key or secret would let everybody in.
    #[error("{} holds an empty key or secret", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
}

impl AccessKey {
    /// Reads the file; if there is none, makes a key and writes it there, readable by its owner only.
    ///
    /// # Errors
    /// [`AccessKeyError`].
    pub fn open(path: &Path) -> Result<Self, AccessKeyError> {
        let file = |source| AccessKeyError::File { path: path.to_owned(), source };
        let content = |source| AccessKeyError::Content { path: path.to_owned(), source };
        match fs::read(path) {
            Ok(text) => {
                let key: Self = serde_json::from_slice(&text).map_err(content)?;
                if key.access_key.is_empty() || key.secret_key.is_empty() {
                    return Err(AccessKeyError::Empty { path: path.to_owned() });
                }
                Ok(key)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = Self {
                    access_key: format!("AK{}", hex::encode_upper(rand::random::<[u8; 12]>())),
                    secret_key: hex::encode(rand::random::<[u8; 24]>()),
                };
                let text = serde_json::to_vec(&key).map_err(content)?;
                write_new(path, &text).map_err(file)?;
                Ok(key)
            }
            Err(error) => Err(file(error)),
        }
    }

    /// A key from its parts.
    #[must_use]
    pub fn new(access_key: String, secret_key: String) -> Self {
        Self { access_key, secret_key }
    }

    /// The secret of a key, if it is this one.
    pub(super) fn secret_of(&self, access_key: &str) -> Option<String> {
        (access_key == self.access_key).then(|| self.secret_key.clone())
    }
}

/// Whole or not at all, also if the machine stops in between.
fn write_new(path: &Path, text: &[u8]) -> io::Result<()> {
    let draft = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&draft)?;
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(&draft, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_first_run_makes_a_key_and_the_next_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.json");
        let made = AccessKey::open(&path).unwrap();
        let read = AccessKey::open(&path).unwrap();
        assert_eq!((&made.access_key, &made.secret_key), (&read.access_key, &read.secret_key));
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!format!("{made:?}").contains(&made.secret_key));
        assert_ne!(AccessKey::open(&dir.path().join("other.json")).unwrap().secret_key, made.secret_key);
    }

    #[test]
    fn an_empty_secret_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key.json");
        fs::write(&path, r#"{"accessKey":"a","secretKey":""}"#).unwrap();
        assert!(matches!(AccessKey::open(&path), Err(AccessKeyError::Empty { .. })));
    }
}

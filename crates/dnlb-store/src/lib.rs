//! The control plane's memory: revisioned keys with multi-key compare-and-swap.
//!
//! Knows keys and bytes; refuses to know what they mean. Read [`Store`] and [`Transaction`] first, then
//! [`SqliteStore`], the embedded backend. Every backend has to pass [`conformance`].
#![forbid(unsafe_code)]

pub mod conformance;
mod sqlite;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

pub use sqlite::{LOG_LENGTH, SqliteStore};

/// Revisioned keys. Every committed transaction moves the one revision of the whole store by one.
pub trait Store: Send + Sync + 'static {
    /// All keys with the prefix in the order of their names, and the revision at which they were read.
    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Listing, StoreError>>;

    /// The first `limit` entries with `from <= key < to` in the order of their keys, or the last ones, last first,
    /// and the revision at which they were read.
    fn scan<'a>(
        &'a self,
        from: &'a str,
        to: &'a str,
        limit: usize,
        reverse: bool,
    ) -> BoxFuture<'a, Result<Listing, StoreError>>;

    /// Writes all of a transaction or nothing; durable when it returns its revision.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] if a condition does not hold. After [`StoreError::Unacknowledged`] the
    /// outcome is unknown: read back. Dropping the future does not take the transaction back.
    fn commit(&self, transaction: Transaction) -> BoxFuture<'_, Result<u64, StoreError>>;

    /// What happened after a revision, oldest first, whole revisions only, at least one if there is any;
    /// stops after the revision that passes `limit` changes.
    ///
    /// # Errors
    /// [`StoreError::Compacted`] when that is too long ago: list again and watch from there.
    fn changes(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Change>, StoreError>>;

    /// The latest revision that this store has seen; wakes those who wait for changes.
    fn revisions(&self) -> watch::Receiver<u64>;
}

/// Keys and values at one revision.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listing {
    /// Revision of the store at which they were read.
    pub revision: u64,
    /// Entries in the order that was asked for.
    pub entries: Vec<Entry>,
}

/// A key and its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Name.
    pub key: String,
    /// Bytes.
    pub value: Vec<u8>,
    /// Revision that wrote this value.
    pub revision: u64,
}

/// What to write, and what must hold for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Transaction {
    /// Keys with the revision that must have written them; 0: the key must not exist.
    pub conditions: Vec<(String, u64)>,
    /// Keys with their new values; none deletes. A key at most once.
    pub writes: Vec<(String, Option<Vec<u8>>)>,
}

/// One write of the past.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Revision that wrote it.
    pub revision: u64,
    /// Key.
    pub key: String,
    /// Value; none: deleted.
    pub value: Option<Vec<u8>>,
}

/// Why a store did not do what it was asked. One variant per thing a caller may do next.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The log no longer reaches back so far: list again.
    #[error("changes up to revision {oldest} are compacted")]
    Compacted {
        /// The oldest revision after which changes can be had.
        oldest: u64,
    },
    /// Somebody else wrote the key first: read again, decide again, retry.
    #[error("`{key}` was written by revision {found}, not {expected}")]
    Conflict {
        /// The key whose condition does not hold.
        key: String,
        /// What the condition says.
        expected: u64,
        /// What the store says; 0: no such key.
        found: u64,
    },
    /// Nothing was read or written.
    #[error("the store failed while {doing}")]
    Failed {
        /// What it was doing.
        doing: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Another process has the store open.
    #[error("{path} is in use by another server")]
    InUse {
        /// The lock file.
        path: String,
    },
    /// The outcome of a commit is unknown: read back.
    #[error("a commit was not acknowledged")]
    Unacknowledged {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

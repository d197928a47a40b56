//! The control plane's memory: revisioned keys with multi-key compare-and-swap.
//!
//! Knows keys and bytes; refuses to know what they mean. Read [`Store`] and [`Transaction`] first, then
//! [`SqliteStore`], the embedded backend, and [`StoreReader`], which reads its file beside a server. Every backend
//! has to pass [`conformance`]; [`transfer`] moves entries from one to another.
#![forbid(unsafe_code)]

mod checksum;
pub mod conformance;
mod error;
mod sqlite;
pub mod transfer;

use futures_util::future::BoxFuture;
use tokio::sync::watch;

pub use error::StoreError;
pub use sqlite::{LOG_LENGTH, Restored, SqliteStore, StoreReader, Summary, restore};

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

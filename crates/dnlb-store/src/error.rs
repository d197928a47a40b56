//! Why a store did not do what it was asked.

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
    /// What was written is no longer what is there: restore a backup. Nothing was repaired, since that would be to
    /// forget what cannot be read.
    #[error("{store} is damaged: {what}; restore a backup")]
    Damaged {
        /// The file.
        store: String,
        /// What is wrong with it.
        what: String,
    },
    /// There is such a file already, and nothing is written over it: give another name.
    #[error("{path} exists, and nothing is written over it")]
    Exists {
        /// The file.
        path: String,
    },
    /// Nothing was read or written.
    #[error("the store failed while {doing}")]
    Failed {
        /// What it was doing.
        doing: &'static str,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A former version of this program wrote it: start a server of this version, which brings it up to date.
    #[error(
        "{store} has schema {found}, of a former version; a server of this one has to bring it up to {known} first"
    )]
    Former {
        /// The file.
        store: String,
        /// Its schema.
        found: u64,
        /// The schema of this program.
        known: u64,
    },
    /// Nothing was written: make room and retry. Reading goes on.
    #[error("there is no space left for the store ({doing}); nothing was changed")]
    Full {
        /// What it was doing.
        doing: &'static str,
    },
    /// Another process has the store open.
    #[error("{path} is in use by another server")]
    InUse {
        /// The lock file.
        path: String,
    },
    /// A later version of this program wrote it: start that one, or restore a backup that this one made.
    #[error("{store} has schema {found}, written by a later version; this one knows up to {known}")]
    Newer {
        /// The file.
        store: String,
        /// Its schema.
        found: u64,
        /// The latest schema that this program knows.
        known: u64,
    },
    /// It is something else: it was not touched.
    #[error("{store} is not a store of this program: {what}")]
    NotAStore {
        /// The file.
        store: String,
        /// What it is, or lacks.
        what: String,
    },
    /// The outcome of a commit is unknown: read back.
    #[error("a commit was not acknowledged")]
    Unacknowledged {
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

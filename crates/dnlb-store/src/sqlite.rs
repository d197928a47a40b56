//! The embedded backend: one SQLite file, written by one server.

mod checkpoints;
mod fault;
mod keep;
mod layout;
mod open;
mod read;
#[cfg(test)]
mod tests;
mod verify;
mod wal;

use std::{
    fs::File,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::BoxFuture;
use rusqlite::{Connection, ErrorCode, OpenFlags, OptionalExtension, TransactionBehavior, params};
use tokio::sync::watch;

use self::{
    checkpoints::Checkpoints,
    fault::{Fault, at, at_commit, at_file},
    layout::Numbers,
};
use crate::{Change, Entry, Listing, Store, StoreError, Transaction, checksum::of_entry};

pub use keep::{Restored, restore};
pub use read::StoreReader;
pub use verify::Summary;

/// Revisions that the log reaches back, and up to twenty more: enough for a watcher that was away for
/// minutes, small enough that the file does not grow for ever.
pub const LOG_LENGTH: u64 = 10_000;

/// Revisions that the log is shortened by at once.
const LOG_CUT: u64 = 20;

/// Of what the log does not reach back to any more, a commit deletes twice as much as it writes, and this: so all of it goes, and no commit is late because
/// one of long ago was large, as one is that imports a region.
const LOG_CUT_ENTRIES: usize = 64;

/// Revisioned keys in one SQLite file.
///
/// # Invariants
/// Crash-safe: write-ahead log with `synchronous=FULL`, so that a commit is on disk when it is acknowledged.
/// Every entry has a checksum, which is looked at whenever it is read, and all of them when the store is opened.
/// A lock file beside the database keeps a second server out; `sqlite3` may read at any time.
pub struct SqliteStore {
    // Goes first: the last connection that is closed copies the log a last time.
    _checkpoints: Checkpoints,
    file: Arc<OpenFile>,
    revisions: Arc<watch::Sender<u64>>,
    // Held until the store goes: the kernel releases it, however the process ends.
    _lock: File,
}

struct OpenFile {
    /// For what is said of errors.
    path: Box<Path>,
    connection: Mutex<Connection>,
}

impl SqliteStore {
    /// Opens the file, or makes it, readable by its owner only. A file of a former version becomes one of this version.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if another process has it open; [`StoreError::Damaged`], [`StoreError::NotAStore`] and
    /// [`StoreError::Newer`] if it is not what this program wrote, and nothing was done to it then;
    /// [`StoreError::Full`] and [`StoreError::Failed`] if it cannot be opened.
    ///
    /// # Cost
    /// Reads all of it: 0.2 s for 100,000 entries of 300 bytes and as many in the log.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let lock = open::lock(path)?;
        if !path.try_exists().map_err(at_file("looking for the database"))? {
            open::create(path)?;
        }
        open::inspect(path)?;
        let mut connection = open::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        // Nothing is written before all is read: neither a migration nor the log must change a damaged file.
        open::let_lie(&connection, true).map_err(at(path, "opening the database"))?;
        verify::verify(&mut connection, path)?;
        open::let_lie(&connection, false).map_err(at(path, "opening the database"))?;
        layout::migrate(&mut connection, path)?;
        let revision = prepare(&connection).map_err(at(path, "preparing the database"))?;
        let revisions = watch::Sender::new(revision);
        Ok(Self {
            _checkpoints: Checkpoints::take_over(&connection, path, revisions.subscribe())?,
            file: Arc::new(OpenFile { path: path.into(), connection: Mutex::new(connection) }),
            revisions: Arc::new(revisions),
            _lock: lock,
        })
    }

    /// Runs blocking work on a thread that may block; it finishes even if the caller goes away.
    async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection, &Path) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let file = Arc::clone(&self.file);
        tokio::task::spawn_blocking(move || work(&mut locked(&file.connection), &file.path))
            .await
            .map_err(|source| StoreError::Unacknowledged { source: source.into() })?
    }
}

impl Store for SqliteStore {
    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Listing, StoreError>> {
        let prefix = prefix.to_owned();
        Box::pin(
            self.on_thread(move |connection, path| list(connection, &prefix).map_err(at(path, "listing"))),
        )
    }

    fn scan<'a>(
        &'a self,
        from: &'a str,
        to: &'a str,
        limit: usize,
        reverse: bool,
    ) -> BoxFuture<'a, Result<Listing, StoreError>> {
        let (from, to) = (from.to_owned(), to.to_owned());
        Box::pin(self.on_thread(move |connection, path| {
            scan(connection, &from, &to, limit, reverse).map_err(at(path, "reading a range"))
        }))
    }

    fn commit(&self, transaction: Transaction) -> BoxFuture<'_, Result<u64, StoreError>> {
        let revisions = Arc::clone(&self.revisions);
        Box::pin(self.on_thread(move |connection, path| {
            let revision = commit(connection, path, &transaction)?;
            // Under the connection's lock, so the revisions are published in order.
            revisions.send_replace(revision);
            Ok(revision)
        }))
    }

    fn changes(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Change>, StoreError>> {
        Box::pin(self.on_thread(move |connection, path| {
            changes(connection, after, limit).map_err(at(path, "reading the log"))
        }))
    }

    fn revisions(&self) -> watch::Receiver<u64> {
        self.revisions.subscribe()
    }
}

/// A panic while the lock was held has rolled its transaction back, so the connection is sound.
fn locked(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn prepare(connection: &Connection) -> rusqlite::Result<u64> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    // Read before the checkpoint: in the moment of its change to this journal SQLite calls itself locked.
    let revision = layout::number(connection, "revision")?;
    // The log begins empty, so that what a crash left behind in it is not mistaken for damage later on.
    match connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())) {
        // Then it goes on from what there is.
        Err(error) if error.sqlite_error_code() == Some(ErrorCode::DiskFull) => {}
        done => done?,
    }
    Ok(revision)
}

/// Reads an entry from the columns key, value, revision and checksum.
fn entry(row: &rusqlite::Row<'_>) -> Result<Entry, Fault> {
    let entry = Entry { key: row.get(0)?, value: row.get(1)?, revision: row.get(2)? };
    unchanged(&entry.key, Some(&entry.value), entry.revision, row.get(3)?)?;
    Ok(entry)
}

fn unchanged(key: &str, value: Option<&[u8]>, revision: u64, stored: u32) -> Result<(), Fault> {
    if of_entry(key, value, revision) == stored {
        return Ok(());
    }
    Err(Fault::Content(format!("`{key}` is not what was written")))
}

fn list(connection: &mut Connection, prefix: &str) -> Result<Listing, Fault> {
    let transaction = connection.transaction()?;
    let revision = layout::number(&transaction, "revision")?;
    let mut entries = Vec::new();
    {
        // A range, not LIKE: it uses the index and gives no character a meaning.
        let mut statement = transaction.prepare_cached(
            "SELECT key, value, revision, checksum FROM entries WHERE key >= ?1 ORDER BY key",
        )?;
        let mut rows = statement.query([prefix])?;
        while let Some(row) = rows.next()? {
            let entry = entry(row)?;
            if !entry.key.starts_with(prefix) {
                break;
            }
            entries.push(entry);
        }
    }
    Ok(Listing { revision, entries })
}

fn scan(
    connection: &mut Connection,
    from: &str,
    to: &str,
    limit: usize,
    reverse: bool,
) -> Result<Listing, Fault> {
    let transaction = connection.transaction()?;
    let revision = layout::number(&transaction, "revision")?;
    // An order cannot be a parameter.
    let sql = if reverse {
        "SELECT key, value, revision, checksum FROM entries WHERE key >= ?1 AND key < ?2 ORDER BY key DESC LIMIT ?3"
    } else {
        "SELECT key, value, revision, checksum FROM entries WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3"
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let entries = transaction
        .prepare_cached(sql)?
        .query_and_then(params![from, to, limit], entry)?
        .collect::<Result<_, Fault>>()?;
    Ok(Listing { revision, entries })
}

fn commit(connection: &mut Connection, path: &Path, wanted: &Transaction) -> Result<u64, StoreError> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(at(path, "beginning a transaction"))?;
    for (key, expected) in &wanted.conditions {
        let found = written_by(&transaction, key).map_err(at(path, "checking a condition"))?;
        if found != *expected {
            return Err(StoreError::Conflict { key: key.clone(), expected: *expected, found });
        }
    }
    let revision = write(&transaction, &wanted.writes).map_err(at(path, "writing"))?;
    transaction.commit().map_err(at_commit(path))?;
    Ok(revision)
}

fn written_by(connection: &Connection, key: &str) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached("SELECT revision FROM entries WHERE key = ?1")?;
    Ok(statement.query_row([key], |row| row.get(0)).optional()?.unwrap_or(0))
}

fn write(connection: &Connection, writes: &[(String, Option<Vec<u8>>)]) -> Result<u64, Fault> {
    let mut numbers = Numbers::read(connection)?;
    numbers.revision += 1;
    let revision = numbers.revision;
    let mut former = connection.prepare_cached("SELECT checksum FROM entries WHERE key = ?1")?;
    let mut put = connection.prepare_cached("INSERT OR REPLACE INTO entries VALUES (?1, ?2, ?3, ?4)")?;
    let mut delete = connection.prepare_cached("DELETE FROM entries WHERE key = ?1")?;
    let mut log = connection.prepare_cached("INSERT INTO log VALUES (?1, ?2, ?3, ?4)")?;
    for (key, value) in writes {
        if let Some(former) = former.query_row([key], |row| row.get(0)).optional()? {
            numbers.digest.remove(former);
        }
        let checksum = of_entry(key, value.as_deref(), revision);
        match value {
            Some(value) => {
                numbers.digest.add(checksum);
                put.execute(params![key, value, revision, checksum])?
            }
            None => delete.execute([key])?,
        };
        log.execute(params![revision, key, value, checksum])?;
    }
    if revision > LOG_LENGTH && revision % LOG_CUT == 0 {
        numbers.compacted = revision - LOG_LENGTH;
    }
    let mut cut = connection.prepare_cached(
        "DELETE FROM log WHERE (revision, key) IN \
         (SELECT revision, key FROM log WHERE revision <= ?1 ORDER BY revision, key LIMIT ?2)",
    )?;
    cut.execute(params![numbers.compacted, 2 * writes.len() + LOG_CUT_ENTRIES])?;
    numbers.write(connection)?;
    Ok(revision)
}

fn changes(connection: &mut Connection, after: u64, limit: usize) -> Result<Vec<Change>, Fault> {
    let transaction = connection.transaction()?;
    let oldest = layout::number(&transaction, "compacted")?;
    if after < oldest {
        return Err(StoreError::Compacted { oldest }.into());
    }
    let mut statement = transaction.prepare_cached(
        "SELECT revision, key, value, checksum FROM log WHERE revision > ?1 ORDER BY revision, key",
    )?;
    let mut rows = statement.query([after])?;
    let mut found: Vec<Change> = Vec::new();
    while let Some(row) = rows.next()? {
        let revision = row.get(0)?;
        if found.len() >= limit && found.last().is_some_and(|last| last.revision != revision) {
            break;
        }
        let change = Change { revision, key: row.get(1)?, value: row.get(2)? };
        unchanged(&change.key, change.value.as_deref(), revision, row.get(3)?)?;
        found.push(change);
    }
    Ok(found)
}

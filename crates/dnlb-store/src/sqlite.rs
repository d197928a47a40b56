//! The embedded backend: one SQLite file, written by one server.

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::future::BoxFuture;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use tokio::sync::watch;

use crate::{Change, Entry, Listing, Store, StoreError, Transaction};

/// Revisions that the log reaches back, give or take a tenth: enough for a watcher that was away for
/// minutes, small enough that the file does not grow for ever.
pub const LOG_LENGTH: u64 = 10_000;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS entries (
        key TEXT PRIMARY KEY, value BLOB NOT NULL, revision INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS log (
        revision INTEGER NOT NULL, key TEXT NOT NULL, value BLOB, PRIMARY KEY (revision, key)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;
    INSERT OR IGNORE INTO meta VALUES ('schema', 1), ('revision', 0), ('compacted', 0);
";

/// Revisioned keys in one SQLite file.
///
/// # Invariants
/// Crash-safe: write-ahead log with `synchronous=FULL`, so that a commit is on disk when it is acknowledged.
/// A lock file beside the database keeps a second server out; `sqlite3` may read at any time.
pub struct SqliteStore {
    connection: Arc<Mutex<Connection>>,
    revisions: Arc<watch::Sender<u64>>,
    // Held until the store goes: the kernel releases it, however the process ends.
    _lock: File,
}

impl SqliteStore {
    /// Opens the file, or makes it, readable by its owner only.
    ///
    /// # Errors
    /// [`StoreError::InUse`] if another process has it open, [`StoreError::Failed`] if it cannot be opened.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let lock_path = path.with_extension("lock");
        let lock = owner_only(&lock_path).map_err(failed("opening the lock file"))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                return Err(StoreError::InUse { path: lock_path.display().to_string() });
            }
            Err(TryLockError::Error(source)) => return Err(failed("locking the store")(source)),
        }
        // SQLite gives its -wal and -shm files the mode of the database.
        drop(owner_only(path).map_err(failed("opening the database"))?);
        let connection = Connection::open(path).map_err(failed("opening the database"))?;
        let revision = prepare(&connection).map_err(failed("preparing the database"))?;
        Ok(Self {
            connection: Arc::new(Mutex::new(connection)),
            revisions: Arc::new(watch::Sender::new(revision)),
            _lock: lock,
        })
    }

    /// Runs blocking work on a thread that may block; it finishes even if the caller goes away.
    async fn on_thread<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Connection) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let connection = Arc::clone(&self.connection);
        tokio::task::spawn_blocking(move || work(&mut locked(&connection)))
            .await
            .map_err(|source| StoreError::Unacknowledged { source: source.into() })?
    }
}

impl Store for SqliteStore {
    fn list<'a>(&'a self, prefix: &'a str) -> BoxFuture<'a, Result<Listing, StoreError>> {
        let prefix = prefix.to_owned();
        Box::pin(self.on_thread(move |connection| list(connection, &prefix).map_err(failed("listing"))))
    }

    fn scan<'a>(
        &'a self,
        from: &'a str,
        to: &'a str,
        limit: usize,
        reverse: bool,
    ) -> BoxFuture<'a, Result<Listing, StoreError>> {
        let (from, to) = (from.to_owned(), to.to_owned());
        Box::pin(self.on_thread(move |connection| {
            scan(connection, &from, &to, limit, reverse).map_err(failed("reading a range"))
        }))
    }

    fn commit(&self, transaction: Transaction) -> BoxFuture<'_, Result<u64, StoreError>> {
        let revisions = Arc::clone(&self.revisions);
        Box::pin(self.on_thread(move |connection| {
            let revision = commit(connection, &transaction)?;
            // Under the connection's lock, so the revisions are published in order.
            revisions.send_replace(revision);
            Ok(revision)
        }))
    }

    fn changes(&self, after: u64, limit: usize) -> BoxFuture<'_, Result<Vec<Change>, StoreError>> {
        Box::pin(self.on_thread(move |connection| changes(connection, after, limit)))
    }

    fn revisions(&self) -> watch::Receiver<u64> {
        self.revisions.subscribe()
    }
}

fn owner_only(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path)
}

fn failed<E: Into<Box<dyn std::error::Error + Send + Sync>>>(
    doing: &'static str,
) -> impl FnOnce(E) -> StoreError {
    move |source| StoreError::Failed { doing, source: source.into() }
}

/// A panic while the lock was held has rolled its transaction back, so the connection is sound.
fn locked(connection: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    connection.lock().unwrap_or_else(PoisonError::into_inner)
}

fn prepare(connection: &Connection) -> rusqlite::Result<u64> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.busy_timeout(std::time::Duration::from_secs(5))?;
    connection.execute_batch(SCHEMA)?;
    number(connection, "revision")
}

fn number(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    connection.prepare_cached("SELECT number FROM meta WHERE name = ?1")?.query_row([name], |row| row.get(0))
}

fn set_number(connection: &Connection, name: &str, value: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE meta SET number = ?2 WHERE name = ?1")?
        .execute(params![name, value])?;
    Ok(())
}

fn list(connection: &mut Connection, prefix: &str) -> rusqlite::Result<Listing> {
    let transaction = connection.transaction()?;
    let revision = number(&transaction, "revision")?;
    let mut entries = Vec::new();
    {
        // A range, not LIKE: it uses the index and gives no character a meaning.
        let mut statement = transaction
            .prepare_cached("SELECT key, value, revision FROM entries WHERE key >= ?1 ORDER BY key")?;
        let mut rows = statement.query([prefix])?;
        while let Some(row) = rows.next()? {
            let key: String = row.get(0)?;
            if !key.starts_with(prefix) {
                break;
            }
            entries.push(Entry { key, value: row.get(1)?, revision: row.get(2)? });
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
) -> rusqlite::Result<Listing> {
    let transaction = connection.transaction()?;
    let revision = number(&transaction, "revision")?;
    // An order cannot be a parameter.
    let sql = if reverse {
        "SELECT key, value, revision FROM entries WHERE key >= ?1 AND key < ?2 ORDER BY key DESC LIMIT ?3"
    } else {
        "SELECT key, value, revision FROM entries WHERE key >= ?1 AND key < ?2 ORDER BY key LIMIT ?3"
    };
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let entries = transaction
        .prepare_cached(sql)?
        .query_map(params![from, to, limit], |row| {
            Ok(Entry { key: row.get(0)?, value: row.get(1)?, revision: row.get(2)? })
        })?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Listing { revision, entries })
}

fn commit(connection: &mut Connection, wanted: &Transaction) -> Result<u64, StoreError> {
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed("beginning a transaction"))?;
    for (key, expected) in &wanted.conditions {
        let found = written_by(&transaction, key).map_err(failed("checking a condition"))?;
        if found != *expected {
            return Err(StoreError::Conflict { key: key.clone(), expected: *expected, found });
        }
    }
    let revision = write(&transaction, &wanted.writes).map_err(failed("writing"))?;
    transaction.commit().map_err(|source| StoreError::Unacknowledged { source: source.into() })?;
    Ok(revision)
}

fn written_by(connection: &Connection, key: &str) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached("SELECT revision FROM entries WHERE key = ?1")?;
    Ok(statement.query_row([key], |row| row.get(0)).optional()?.unwrap_or(0))
}

fn write(connection: &Connection, writes: &[(String, Option<Vec<u8>>)]) -> rusqlite::Result<u64> {
    let revision = number(connection, "revision")? + 1;
    set_number(connection, "revision", revision)?;
    let mut put = connection.prepare_cached("INSERT OR REPLACE INTO entries VALUES (?1, ?2, ?3)")?;
    let mut delete = connection.prepare_cached("DELETE FROM entries WHERE key = ?1")?;
    let mut log = connection.prepare_cached("INSERT INTO log VALUES (?1, ?2, ?3)")?;
    for (key, value) in writes {
        match value {
            Some(value) => put.execute(params![key, value, revision])?,
            None => delete.execute([key])?,
        };
        log.execute(params![revision, key, value])?;
    }
    if revision > LOG_LENGTH && revision % (LOG_LENGTH / 10) == 0 {
        let compacted = revision - LOG_LENGTH;
        connection.execute("DELETE FROM log WHERE revision <= ?1", [compacted])?;
        set_number(connection, "compacted", compacted)?;
    }
    Ok(revision)
}

fn changes(connection: &mut Connection, after: u64, limit: usize) -> Result<Vec<Change>, StoreError> {
    let transaction = connection.transaction().map_err(failed("reading the log"))?;
    let oldest = number(&transaction, "compacted").map_err(failed("reading the log"))?;
    if after < oldest {
        return Err(StoreError::Compacted { oldest });
    }
    read_log(&transaction, after, limit).map_err(failed("reading the log"))
}

fn read_log(connection: &Connection, after: u64, limit: usize) -> rusqlite::Result<Vec<Change>> {
    let mut statement = connection
        .prepare_cached("SELECT revision, key, value FROM log WHERE revision > ?1 ORDER BY revision, key")?;
    let mut rows = statement.query([after])?;
    let mut found: Vec<Change> = Vec::new();
    while let Some(row) = rows.next()? {
        let revision = row.get(0)?;
        if found.len() >= limit && found.last().is_some_and(|last| last.revision != revision) {
            break;
        }
        found.push(Change { revision, key: row.get(1)?, value: row.get(2)? });
    }
    Ok(found)
}

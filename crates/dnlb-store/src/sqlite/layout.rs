//! The tables, their versions, and the store's own numbers.

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior, params};

use super::fault::{Fault, at, at_commit};
use crate::{
    StoreError,
    checksum::{self, Digest},
};

/// Version of the tables: raise it when the former program could not write them any more, and let [`migrate`] make
/// them of the former ones.
///
/// | version | since then |
/// |---|---|
/// | 1 | |
/// | 2 | checksums of entries and of the log, a digest of all entries, a seal over the store's own numbers |
pub(super) const SCHEMA: u64 = 2;

const TABLES: &str = "
    CREATE TABLE entries (
        key TEXT PRIMARY KEY, value BLOB NOT NULL, revision INTEGER NOT NULL, checksum INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE log (
        revision INTEGER NOT NULL, key TEXT NOT NULL, value BLOB, checksum INTEGER NOT NULL,
        PRIMARY KEY (revision, key)
    ) WITHOUT ROWID;
";

const NUMBERS: &str = "CREATE TABLE meta (name TEXT PRIMARY KEY, number INTEGER NOT NULL) WITHOUT ROWID;";

/// The store's own numbers: the table `meta`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Numbers {
    /// The log does not reach back to this revision.
    pub(super) compacted: u64,
    /// Of all entries.
    pub(super) digest: Digest,
    /// The latest revision.
    pub(super) revision: u64,
}

impl Numbers {
    /// Reads them and looks at their seal.
    pub(super) fn read(connection: &Connection) -> Result<Self, Fault> {
        let numbers = Self {
            compacted: number(connection, "compacted")?,
            digest: Digest::stored(number(connection, "digest")?),
            revision: number(connection, "revision")?,
        };
        if number(connection, "seal")? != numbers.seal() {
            return Err(Fault::Content("its own numbers are not what was written".into()));
        }
        Ok(numbers)
    }

    /// Writes them, and their seal.
    pub(super) fn write(self, connection: &Connection) -> rusqlite::Result<()> {
        let mut put = connection.prepare_cached("INSERT OR REPLACE INTO meta VALUES (?1, ?2)")?;
        for (name, number) in self.named().into_iter().chain([("seal", self.seal())]) {
            put.execute(params![name, number])?;
        }
        Ok(())
    }

    fn named(self) -> [(&'static str, u64); 4] {
        [
            ("compacted", self.compacted),
            ("digest", self.digest.number()),
            ("revision", self.revision),
            ("schema", SCHEMA),
        ]
    }

    fn seal(self) -> u64 {
        checksum::of_numbers(self.named()).into()
    }
}

/// One of the store's own numbers, as it is.
pub(super) fn number(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    connection.prepare_cached("SELECT number FROM meta WHERE name = ?1")?.query_row([name], |row| row.get(0))
}

/// Makes the tables of an empty store.
pub(super) fn create(connection: &Connection) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch(TABLES)?;
    transaction.execute_batch(NUMBERS)?;
    Numbers::default().write(&transaction)?;
    transaction.commit()
}

/// The version of the tables that are there.
///
/// # Errors
/// [`StoreError::Newer`], and [`StoreError::NotAStore`] if they are not ours.
pub(super) fn version(connection: &Connection, path: &Path) -> Result<u64, Fault> {
    let tables: u64 = connection.query_row(
        "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN ('entries', 'log', 'meta')",
        [],
        |row| row.get(0),
    )?;
    let store = path.display().to_string();
    if tables != 3 {
        let what = "it is a database with other tables".to_owned();
        return Err(StoreError::NotAStore { store, what }.into());
    }
    match number(connection, "schema")? {
        found @ 1..=SCHEMA => Ok(found),
        found => Err(StoreError::Newer { store, found, known: SCHEMA }.into()),
    }
}

/// Brings the tables up to [`SCHEMA`], all of it or nothing.
pub(super) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    const DOING: &str = "migrating it from the former schema";
    if version(connection, path).map_err(at(path, DOING))? == SCHEMA {
        return Ok(());
    }
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(at(path, DOING))?;
    from_1(&transaction).map_err(at(path, DOING))?;
    transaction.commit().map_err(at_commit(path))
}

fn from_1(connection: &Connection) -> rusqlite::Result<()> {
    connection.execute_batch("ALTER TABLE entries RENAME TO entries_1; ALTER TABLE log RENAME TO log_1;")?;
    connection.execute_batch(TABLES)?;
    let mut numbers = Numbers {
        compacted: number(connection, "compacted")?,
        digest: Digest::default(),
        revision: number(connection, "revision")?,
    };
    {
        let mut read = connection.prepare("SELECT key, value, revision FROM entries_1")?;
        let mut write = connection.prepare("INSERT INTO entries VALUES (?1, ?2, ?3, ?4)")?;
        let mut rows = read.query([])?;
        while let Some(row) = rows.next()? {
            let (key, value): (String, Vec<u8>) = (row.get(0)?, row.get(1)?);
            let revision = row.get(2)?;
            let checksum = checksum::of_entry(&key, Some(&value), revision);
            numbers.digest.add(checksum);
            write.execute(params![key, value, revision, checksum])?;
        }
        let mut read = connection.prepare("SELECT revision, key, value FROM log_1")?;
        let mut write = connection.prepare("INSERT INTO log VALUES (?1, ?2, ?3, ?4)")?;
        let mut rows = read.query([])?;
        while let Some(row) = rows.next()? {
            let (revision, key): (u64, String) = (row.get(0)?, row.get(1)?);
            let value: Option<Vec<u8>> = row.get(2)?;
            let checksum = checksum::of_entry(&key, value.as_deref(), revision);
            write.execute(params![revision, key, value, checksum])?;
        }
    }
    connection.execute_batch("DROP TABLE entries_1; DROP TABLE log_1;")?;
    numbers.write(connection)
}

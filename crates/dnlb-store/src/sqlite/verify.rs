//! Whether a file holds what was written to it.

use std::path::Path;

use rusqlite::Connection;

use super::{
    fault::{Fault, at},
    layout::{self, Numbers, SCHEMA},
};
use crate::{
    StoreError,
    checksum::{self, Digest},
};

/// Of many problems the first few tell enough.
const PROBLEMS: usize = 5;

/// What a store holds, after all of it was read and found right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Version of its tables. The first one has no checksums: there, only the file's structure could be checked.
    pub schema: u64,
    /// The latest revision.
    pub revision: u64,
    /// How many entries.
    pub entries: u64,
    /// How long their keys and values are, together.
    pub bytes: u64,
}

/// Reads everything: the file's structure, every checksum, and that no entry is missing or of yesterday.
///
/// # Errors
/// [`StoreError::Damaged`] with what is wrong; [`StoreError::NotAStore`] and [`StoreError::Newer`].
pub(super) fn verify(connection: &mut Connection, path: &Path) -> Result<Summary, StoreError> {
    // One snapshot, if a server writes meanwhile.
    let transaction = connection.transaction().map_err(at(path, "checking"))?;
    check(&transaction, path).map_err(at(path, "checking"))
}

fn check(connection: &Connection, path: &Path) -> Result<Summary, Fault> {
    let structure: Vec<String> = connection
        .prepare(&format!("PRAGMA quick_check({PROBLEMS})"))?
        .query_map([], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    if structure != ["ok"] {
        return Err(Fault::Content(structure.join("; ").replace('\n', " ")));
    }
    let schema = layout::version(connection, path)?;
    let mut summary =
        Summary { schema, revision: layout::number(connection, "revision")?, entries: 0, bytes: 0 };
    if schema < SCHEMA {
        (summary.entries, summary.bytes) = connection.query_row(
            "SELECT count(*), ifnull(sum(length(CAST(key AS BLOB)) + length(value)), 0) FROM entries",
            [],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        return Ok(summary);
    }
    let numbers = Numbers::read(connection)?;
    let mut problems = Vec::new();
    let mut digest = Digest::default();
    let mut last = 0;
    for (table, sql) in [
        ("entries", "SELECT key, value, revision, checksum FROM entries"),
        ("log", "SELECT key, value, revision, checksum FROM log"),
    ] {
        let mut statement = connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            // Not copied: all of the store goes through here at every start.
            let text = |_| Fault::Content("a key is no text".into());
            let key = row.get_ref(0)?.as_str().map_err(text)?;
            let value = row.get_ref(1)?.as_blob_or_null().map_err(text)?;
            let (revision, stored): (u64, u32) = (row.get(2)?, row.get(3)?);
            last = last.max(revision);
            if checksum::of_entry(key, value, revision) != stored {
                problems.push(format!("`{key}` in the table `{table}` is not what was written"));
                if problems.len() == PROBLEMS {
                    return Err(Fault::Content(problems.join("; ")));
                }
            }
            if table == "entries" {
                digest.add(stored);
                summary.entries += 1;
                summary.bytes += (key.len() + value.map_or(0, <[u8]>::len)) as u64;
            }
        }
    }
    if problems.is_empty() && digest != numbers.digest {
        problems.push("entries are missing, or have come back from an earlier time".into());
    }
    if last > numbers.revision {
        problems.push(format!(
            "it has writes of revision {last} and says that {} is the latest",
            numbers.revision
        ));
    }
    if problems.is_empty() { Ok(summary) } else { Err(Fault::Content(problems.join("; "))) }
}

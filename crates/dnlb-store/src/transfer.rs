//! Entries as lines of JSON, to move them from one store to another.
//!
//! The first line says how many there are and what they add up to, so that a file that was cut short or changed is
//! refused. Values are text where they are text, so that a person can read them, and base64 where they are not.

use std::io::{BufRead, Write};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde::{Deserialize, Serialize};

use crate::{
    Listing, Store, StoreError, Transaction,
    checksum::{Digest, of_entry},
};

/// Version of the lines.
const VERSION: u32 = 1;

/// Why entries were not moved.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The lines are not as they were written.
    #[error("line {line} of the export: {what}")]
    Content {
        /// Which one, from 1.
        line: u64,
        /// What is wrong with it.
        what: String,
    },
    /// They cannot be read or written.
    #[error("the export cannot be read or written")]
    File(#[from] std::io::Error),
    /// The store has entries already.
    #[error("the store has {entries} entries already; only an empty one takes an export")]
    NotEmpty {
        /// How many.
        entries: usize,
    },
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

#[derive(Serialize, Deserialize)]
struct Head {
    dnlb_export: u32,
    revision: u64,
    entries: u64,
    digest: u64,
}

#[derive(Serialize, Deserialize)]
struct Line {
    key: String,
    revision: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    base64: Option<String>,
}

/// Writes entries as lines.
///
/// # Errors
/// Those of the writer.
pub fn export(listing: &Listing, to: &mut impl Write) -> std::io::Result<()> {
    let mut digest = Digest::default();
    for entry in &listing.entries {
        digest.add(of_entry(&entry.key, Some(&entry.value), entry.revision));
    }
    let head = Head {
        dnlb_export: VERSION,
        revision: listing.revision,
        entries: listing.entries.len() as u64,
        digest: digest.number(),
    };
    serde_json::to_writer(&mut *to, &head)?;
    to.write_all(b"\n")?;
    for entry in &listing.entries {
        let text = str::from_utf8(&entry.value).ok().map(str::to_owned);
        let base64 = text.is_none().then(|| STANDARD.encode(&entry.value));
        let line = Line { key: entry.key.clone(), revision: entry.revision, text, base64 };
        serde_json::to_writer(&mut *to, &line)?;
        to.write_all(b"\n")?;
    }
    to.flush()
}

/// Reads lines that [`export`] wrote; what they add up to has to be what the first one says.
///
/// # Errors
/// [`TransferError::Content`] and [`TransferError::File`].
pub fn parse(from: impl BufRead) -> Result<Vec<(String, Vec<u8>)>, TransferError> {
    let mut lines = (1..).zip(from.lines());
    let wrong = |line: u64, what: &str| TransferError::Content { line, what: what.to_owned() };
    let Some((_, first)) = lines.next() else {
        return Err(wrong(1, "the file is empty"));
    };
    let head: Head =
        serde_json::from_str(&first?).map_err(|_| wrong(1, "it is no export of this program"))?;
    if head.dnlb_export != VERSION {
        let what = format!("it has version {}; this program reads {VERSION}", head.dnlb_export);
        return Err(TransferError::Content { line: 1, what });
    }
    let mut entries = Vec::new();
    let mut digest = Digest::default();
    let mut last = 1;
    for (number, line) in lines {
        last = number;
        let line: Line = serde_json::from_str(&line?)
            .map_err(|error| TransferError::Content { line: number, what: error.to_string() })?;
        let value = match (line.text, line.base64) {
            (Some(text), None) => text.into_bytes(),
            (None, Some(base64)) => {
                STANDARD.decode(base64).map_err(|_| wrong(number, "the value is no base64"))?
            }
            _ => return Err(wrong(number, "an entry has either `text` or `base64`")),
        };
        digest.add(of_entry(&line.key, Some(&value), line.revision));
        entries.push((line.key, value));
    }
    if entries.len() as u64 != head.entries {
        let what = format!("{} entries, and the first line says {}", entries.len(), head.entries);
        return Err(TransferError::Content { line: last, what });
    }
    if digest.number() != head.digest {
        return Err(wrong(1, "the entries do not add up to what it says: something was changed"));
    }
    Ok(entries)
}

/// Writes entries to an empty store: all of them or none. Its revisions begin anew.
///
/// # Errors
/// [`TransferError::NotEmpty`] and [`TransferError::Store`].
pub async fn import(entries: Vec<(String, Vec<u8>)>, store: &dyn Store) -> Result<usize, TransferError> {
    let there = store.list("").await?.entries.len();
    if there > 0 {
        return Err(TransferError::NotEmpty { entries: there });
    }
    let count = entries.len();
    let writes = entries.into_iter().map(|(key, value)| (key, Some(value))).collect();
    store.commit(Transaction { conditions: vec![], writes }).await?;
    Ok(count)
}

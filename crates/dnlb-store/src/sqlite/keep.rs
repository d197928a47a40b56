//! A backup takes the place of a store.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use rusqlite::OpenFlags;

use super::{
    fault::at_file,
    open::{self, beside},
    read,
    verify::Summary,
};
use crate::StoreError;

/// What a restore has done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Restored {
    /// What the store holds now.
    pub summary: Summary,
    /// Where the former store is; none: there was none.
    pub former: Option<PathBuf>,
}

/// Puts a copy of a backup in the place of the store at `path`, which no server may have open. The former store is
/// kept beside it under another name, whatever state it is in.
///
/// # Errors
/// [`StoreError::InUse`] if a server has it open; [`StoreError::Damaged`], [`StoreError::NotAStore`] and
/// [`StoreError::Newer`] if the backup is not whole, and nothing was done then.
pub fn restore(path: &Path, backup: &Path) -> Result<Restored, StoreError> {
    let doing = "restoring";
    let _lock = open::lock(path)?;
    if open::nonempty(&beside(backup, "-wal")).map_err(at_file(doing))? {
        let what = "it has a write-ahead log beside it: it is a server's own file, not a backup".to_owned();
        return Err(StoreError::NotAStore { store: backup.display().to_string(), what });
    }
    let mut source = File::open(backup).map_err(at_file("opening the backup"))?;
    let draft = tempfile::Builder::new().prefix(".dnlb-restore-").tempfile_in(open::folder(path));
    let mut draft = draft.map_err(at_file(doing))?;
    io::copy(&mut source, draft.as_file_mut()).map_err(at_file("copying the backup"))?;
    // The copy is checked: that is what will be used.
    let summary = open::connect(draft.path(), OpenFlags::SQLITE_OPEN_READ_WRITE)
        .and_then(|mut copy| read::settle(&mut copy, draft.path()))
        .map_err(|error| of_backup(error, backup))?;
    let former = set_aside(path).map_err(at_file("setting the former store aside"))?;
    read::keep(draft, path)?;
    Ok(Restored { summary, former })
}

/// What is wrong with the copy was wrong with the backup.
fn of_backup(error: StoreError, backup: &Path) -> StoreError {
    let store = backup.display().to_string();
    match error {
        StoreError::Damaged { what, .. } => StoreError::Damaged { store, what },
        StoreError::Newer { found, known, .. } => StoreError::Newer { store, found, known },
        StoreError::NotAStore { what, .. } => StoreError::NotAStore { store, what },
        other => other,
    }
}

/// Renames what is there. The database first: without it the log is refused, where the other way round the store
/// would open and lack what is in the log.
fn set_aside(path: &Path) -> io::Result<Option<PathBuf>> {
    let parts = ["", "-wal"].map(|suffix| beside(path, suffix));
    let mut found = false;
    for part in &parts {
        found |= part.try_exists()?;
    }
    if !found {
        return Ok(None);
    }
    let mut number = 1;
    let former = loop {
        let name = beside(path, &format!(".before-restore-{number}"));
        if !name.try_exists()? && !beside(&name, "-wal").try_exists()? {
            break name;
        }
        number += 1;
    };
    for (part, suffix) in parts.iter().zip(["", "-wal"]) {
        if part.try_exists()? {
            fs::rename(part, beside(&former, suffix))?;
        }
    }
    // Of the other two alone; SQLite makes it anew.
    match fs::remove_file(beside(path, "-shm")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    open::sync_folder(path)?;
    Ok(Some(former))
}

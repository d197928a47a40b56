//! A store that is only read, whether a server has it open or not.

use std::{
    fs::File,
    path::{Path, PathBuf},
    thread::sleep,
    time::{Duration, Instant},
};

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};
use tempfile::NamedTempFile;

use super::{
    fault::{at, at_file},
    layout, open,
    verify::{Summary, verify},
};
use crate::{Listing, StoreError};

/// How long a copy waits for a moment in which nobody has locked the file. A server never has.
const PATIENCE: Duration = Duration::from_secs(10);

/// Reads the file of a [`SqliteStore`](crate::SqliteStore), also while a server writes it: what it sees is always
/// one revision, and the server does not wait.
pub struct StoreReader {
    connection: Connection,
    path: PathBuf,
    // While no server has the store open none may come.
    lock: Option<File>,
}

impl StoreReader {
    /// Opens a file that is there; changes nothing.
    ///
    /// # Errors
    /// [`StoreError::Damaged`], [`StoreError::NotAStore`], [`StoreError::Failed`].
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        // Before the lock file is made beside something that is not there.
        let doing = "opening the database";
        path.metadata().map_err(at_file(doing))?;
        let lock = match open::lock(path) {
            Ok(lock) => {
                open::inspect(path)?;
                Some(lock)
            }
            // The server has looked at the log when it started, and writes it now.
            Err(StoreError::InUse { .. }) => None,
            Err(error) => return Err(error),
        };
        let connection = open::connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        Ok(Self { connection, path: path.to_owned(), lock })
    }

    /// Whether a server has the store open.
    #[must_use]
    pub fn in_use(&self) -> bool {
        self.lock.is_none()
    }

    /// Reads everything and says what is there.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with what is wrong; [`StoreError::NotAStore`] and [`StoreError::Newer`].
    pub fn verify(&mut self) -> Result<Summary, StoreError> {
        verify(&mut self.connection, &self.path)
    }

    /// All entries, at one revision.
    ///
    /// # Errors
    /// [`StoreError::Damaged`]; [`StoreError::Former`] if no server of this version has had it open yet.
    pub fn list(&mut self) -> Result<Listing, StoreError> {
        let doing = "listing";
        let found = layout::version(&self.connection, &self.path).map_err(at(&self.path, doing))?;
        if found < layout::SCHEMA {
            let store = self.path.display().to_string();
            return Err(StoreError::Former { store, found, known: layout::SCHEMA });
        }
        super::list(&mut self.connection, "").map_err(at(&self.path, doing))
    }

    /// Copies the store as it is now to a file that is not there yet, readable by its owner only, and reads the copy
    /// to see that it is whole. The copy appears under its name when all of it is on disk.
    ///
    /// # Errors
    /// [`StoreError::Exists`] if there is such a file; [`StoreError::Damaged`] if the store is damaged; else that
    /// the copy could not be written.
    pub fn back_up(&mut self, to: &Path) -> Result<Summary, StoreError> {
        let doing = "making the backup";
        if to.try_exists().map_err(at_file(doing))? {
            return Err(StoreError::Exists { path: to.display().to_string() });
        }
        let draft = tempfile::Builder::new().prefix(".dnlb-backup-").tempfile_in(open::folder(to));
        let draft = draft.map_err(at_file(doing))?;
        let mut copy = Connection::open(draft.path()).map_err(at(draft.path(), doing))?;
        self.copy_to(&mut copy)?;
        let summary = settle(&mut copy, draft.path())?;
        drop(copy);
        keep(draft, to)?;
        Ok(summary)
    }

    fn copy_to(&self, copy: &mut Connection) -> Result<(), StoreError> {
        let doing = "making the backup";
        // All in one step, hence one snapshot: in several steps it would begin again whenever the server writes.
        let backup = Backup::new(&self.connection, copy).map_err(at(&self.path, doing))?;
        let started = Instant::now();
        loop {
            match backup.step(-1).map_err(at(&self.path, doing))? {
                StepResult::Done => return Ok(()),
                _ if started.elapsed() > PATIENCE => {
                    let source = "another program has locked it for too long".into();
                    return Err(StoreError::Failed { doing, source });
                }
                _ => sleep(Duration::from_millis(20)),
            }
        }
    }
}

/// Makes a copy one file, without a write-ahead log beside it, and reads all of it.
pub(super) fn settle(copy: &mut Connection, path: &Path) -> Result<Summary, StoreError> {
    copy.pragma_update(None, "journal_mode", "DELETE").map_err(at(path, "checking the copy"))?;
    verify(copy, path)
}

/// Gives a file its name when it is on disk; never the name of another file.
pub(super) fn keep(draft: NamedTempFile, to: &Path) -> Result<(), StoreError> {
    let doing = "writing the copy";
    draft.as_file().sync_all().map_err(at_file(doing))?;
    draft.persist_noclobber(to).map_err(|refused| match refused.error.kind() {
        std::io::ErrorKind::AlreadyExists => StoreError::Exists { path: to.display().to_string() },
        _ => at_file(doing)(refused.error),
    })?;
    open::sync_folder(to).map_err(at_file(doing))
}

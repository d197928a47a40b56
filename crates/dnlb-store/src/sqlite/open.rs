//! From a name to a connection: locks, files that are not what they should be, and what a crash left behind.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::{
    fault::{Fault, at, at_file},
    layout, wal,
};
use crate::StoreError;

/// What SQLite's files begin with.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// How long another process may keep the file locked, as `sqlite3` does for a moment.
const PATIENCE: Duration = Duration::from_secs(5);

/// The file's name with something behind it.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// Keeps other servers out for as long as the result lives: the kernel releases it, however the process ends.
pub(super) fn lock(path: &Path) -> Result<File, StoreError> {
    let lock_path = path.with_extension("lock");
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(&lock_path)
        .map_err(at_file("opening the lock file"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(StoreError::InUse { path: lock_path.display().to_string() }),
        Err(TryLockError::Error(source)) => Err(at_file("locking the store")(source)),
    }
}

/// Makes an empty store, whole or not at all, readable by its owner only. Nobody else is at it.
pub(super) fn create(path: &Path) -> Result<(), StoreError> {
    if nonempty(&beside(path, "-wal")).map_err(at_file("looking for the database"))? {
        // A store that lost its main part, or a restore that did not come to its end.
        return Err(at(path, "opening")(Fault::Content(
            "the file is gone, its write-ahead log is there".into(),
        )));
    }
    let draft = beside(path, ".new");
    let doing = "making the database";
    // Of a creation that was cut short, with its journal: that one must not be taken for the new file's.
    for left in [beside(&draft, "-journal"), draft.clone()] {
        match fs::remove_file(left) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(at_file(doing)(error)),
            _ => {}
        }
    }
    let file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&draft);
    let file = file.map_err(at_file(doing))?;
    let connection = Connection::open(&draft).map_err(at(&draft, doing))?;
    layout::create(&connection).map_err(at(&draft, doing))?;
    drop(connection);
    file.sync_all().map_err(at_file(doing))?;
    fs::rename(&draft, path).map_err(at_file(doing))?;
    sync_folder(path).map_err(at_file(doing))
}

/// Looks at the files of a store that no server has open, before SQLite changes anything.
pub(super) fn inspect(path: &Path) -> Result<(), StoreError> {
    let doing = "reading the write-ahead log";
    let log = match File::open(beside(path, "-wal")) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        log => log.map_err(at_file(doing))?,
    };
    let log = wal::inspect(io::BufReader::with_capacity(1 << 16, log)).map_err(at_file(doing))?;
    match log.damage() {
        None => Ok(()),
        Some(what) => Err(at(path, doing)(Fault::Content(what))),
    }
}

/// Opens a file that is there and is SQLite's.
pub(super) fn connect(path: &Path, flags: OpenFlags) -> Result<Connection, StoreError> {
    let doing = "opening the database";
    let mut begin = Vec::new();
    let file = File::open(path).map_err(at_file(doing))?;
    file.take(MAGIC.len() as u64).read_to_end(&mut begin).map_err(at_file(doing))?;
    if begin.is_empty() {
        return Err(at(path, doing)(Fault::Content("the file is empty".into())));
    }
    if begin != MAGIC {
        let what = "it is not a SQLite database".to_owned();
        return Err(StoreError::NotAStore { store: path.display().to_string(), what });
    }
    let prepare = || {
        let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
        connection.busy_timeout(PATIENCE)?;
        // What is temporary must not need room on a full disk.
        connection.pragma_update(None, "temp_store", "MEMORY")?;
        Ok::<_, rusqlite::Error>(connection)
    };
    prepare().map_err(at(path, doing))
}

/// Says whether the write-ahead log stays as it is when the connection is closed, instead of going into the database.
pub(super) fn let_lie(connection: &Connection, lie: bool) -> rusqlite::Result<()> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, lie).map(drop)
}

/// Makes a new or renamed file's name survive a power cut.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(folder(path))?.sync_all()
}

/// Where a file is.
pub(super) fn folder(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether there is such a file with something in it.
pub(super) fn nonempty(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(metadata.len() > 0),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

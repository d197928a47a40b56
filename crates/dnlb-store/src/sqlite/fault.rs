//! What goes wrong in a file, and what that means to whoever uses a store.

use std::{io, path::Path};

use rusqlite::{Error, ErrorCode, ffi};

use crate::StoreError;

/// What went wrong, before it is known where and during what.
#[derive(Debug)]
pub(super) enum Fault {
    /// What was read is not what was written.
    Content(String),
    /// SQLite says so.
    Sqlite(Error),
    /// Known already.
    Store(StoreError),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Sqlite(error)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

/// A fault while something was done that commits nothing.
pub(super) fn at<F: Into<Fault>>(path: &Path, doing: &'static str) -> impl FnOnce(F) -> StoreError {
    move |fault| match fault.into() {
        Fault::Content(what) => StoreError::Damaged { store: path.display().to_string(), what },
        Fault::Sqlite(error) if no_index(&error) => StoreError::Full { doing },
        Fault::Sqlite(error) => {
            known(path, doing, &error).unwrap_or(StoreError::Failed { doing, source: error.into() })
        }
        Fault::Store(error) => error,
    }
}

/// A commit that did not return as it should.
///
/// SQLite reports a full disk before the record that commits is whole, so that nothing is committed, also when the
/// server dies now. Any other error may come after it.
pub(super) fn at_commit(path: &Path) -> impl FnOnce(Error) -> StoreError {
    |error| known(path, "committing", &error).unwrap_or(StoreError::Unacknowledged { source: error.into() })
}

/// Something that was done to a file without SQLite.
pub(super) fn at_file(doing: &'static str) -> impl FnOnce(io::Error) -> StoreError {
    move |error| match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StoreError::Full { doing },
        _ => StoreError::Failed { doing, source: error.into() },
    }
}

/// Whether the index of the write-ahead log, in shared memory with a file behind it, found no room to grow. In a commit
/// that says nothing about whether the log has it.
fn no_index(error: &Error) -> bool {
    error.sqlite_error().is_some_and(|error| error.extended_code == ffi::SQLITE_IOERR_SHMSIZE)
}

fn known(path: &Path, doing: &'static str, error: &Error) -> Option<StoreError> {
    let store = || path.display().to_string();
    let damaged = || StoreError::Damaged { store: store(), what: error.to_string() };
    match error {
        // A column that is not of the type that is written there.
        Error::FromSqlConversionFailure(..)
        | Error::IntegralValueOutOfRange(..)
        | Error::InvalidColumnType(..)
        | Error::Utf8Error(..) => return Some(damaged()),
        _ => {}
    }
    match error.sqlite_error_code()? {
        // No value that was written is too big: its length is not what was written.
        ErrorCode::DatabaseCorrupt | ErrorCode::TooBig => Some(damaged()),
        ErrorCode::DiskFull => Some(StoreError::Full { doing }),
        ErrorCode::NotADatabase => Some(StoreError::NotAStore { store: store(), what: error.to_string() }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sqlite(code: i32) -> Error {
        Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn only_what_surely_wrote_nothing_is_called_full() {
        let path = Path::new("x");
        let full = |error: StoreError| matches!(error, StoreError::Full { .. });
        assert!(full(at(path, "d")(sqlite(ffi::SQLITE_FULL))));
        assert!(full(at(path, "d")(sqlite(ffi::SQLITE_IOERR_SHMSIZE))));
        assert!(full(at_commit(path)(sqlite(ffi::SQLITE_FULL))));
        assert!(full(at_file("d")(io::ErrorKind::StorageFull.into())));
        for unknown in [ffi::SQLITE_IOERR_SHMSIZE, ffi::SQLITE_IOERR_FSYNC, ffi::SQLITE_BUSY] {
            let error = at_commit(path)(sqlite(unknown));
            assert!(matches!(error, StoreError::Unacknowledged { .. }), "{error:?}");
        }
        assert!(matches!(at(path, "d")(sqlite(ffi::SQLITE_CORRUPT)), StoreError::Damaged { .. }));
        assert!(matches!(at(path, "d")(sqlite(ffi::SQLITE_IOERR_READ)), StoreError::Failed { .. }));
    }
}

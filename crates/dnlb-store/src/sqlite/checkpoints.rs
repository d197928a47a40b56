//! Copies the write-ahead log into the database, beside commits and not within one.
//!
//! SQLite does it by itself in whichever commit finds the log long, and that one, with all that wait behind it, is late by as long as the disk takes for
//! thousands of scattered pages.

use std::{
    io,
    path::Path,
    sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel},
    thread::{Builder, JoinHandle},
    time::Duration,
};

use rusqlite::{Connection, OpenFlags};
use tokio::sync::watch;

use super::{
    fault::{at, at_file},
    open,
};
use crate::StoreError;

/// How often the log is copied, if there is anything new in it.
const INTERVAL: Duration = Duration::from_secs(1);
/// Pages of 4 KiB in the log at which a commit copies it after all: if writers never rest, a copy beside them never comes to the end, and only from an
/// end on can the log begin anew.
const PAGES_MAX: u32 = 16_384;

/// A thread that copies until this is dropped, and is gone then.
pub(super) struct Checkpoints {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpoints {
    /// Takes the work from the connection that writes.
    pub(super) fn take_over(
        writer: &Connection,
        path: &Path,
        revisions: watch::Receiver<u64>,
    ) -> Result<Self, StoreError> {
        writer
            .pragma_update(None, "wal_autocheckpoint", PAGES_MAX)
            .map_err(at(path, "preparing the database"))?;
        let connection = open::connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
        let (stop, stopped) = channel();
        let thread = Builder::new().name("checkpoints".to_owned());
        let thread = thread
            .spawn(move || run(&connection, revisions, &stopped))
            .map_err(|error: io::Error| at_file("starting a thread")(error))?;
        Ok(Self { stop: Some(stop), thread: Some(thread) })
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A panic there has been told of, and hurts nobody here.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

fn run(connection: &Connection, mut revisions: watch::Receiver<u64>, stopped: &Receiver<()>) {
    while stopped.recv_timeout(INTERVAL) == Err(RecvTimeoutError::Timeout) {
        if !matches!(revisions.has_changed(), Ok(true)) {
            continue;
        }
        revisions.mark_unchanged();
        // What fails here is tried again, and in the end by a commit, which can say so.
        let _ = connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(()));
    }
}

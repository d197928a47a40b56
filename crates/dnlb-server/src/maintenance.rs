//! What an operator does with a server's data: copies, checks and moves, most of it while the server runs.

use std::{
    fs::{self, DirBuilder, File, OpenOptions},
    io::{BufReader, BufWriter, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::Context;
use dnlb_store::{Listing, SqliteStore, StoreError, StoreReader, Summary, restore, transfer};
use serde_json::{Value, json};

/// Name of the store in the data directory.
const STORE: &str = "region.db";

/// What can be done with a server's data.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Maintenance {
    /// Copy the region to one file, as it is now, also while the server runs
    Backup {
        /// The server's data directory
        #[arg(long)]
        data_dir: PathBuf,
        /// File to make; its folder must be there, the file must not. It holds secrets: only its owner can read it
        #[arg(long)]
        to: PathBuf,
    },
    /// Read all of the region's store and say whether it is as it was written, also while the server runs
    Check {
        /// The server's data directory
        #[arg(long)]
        data_dir: PathBuf,
    },
    /// Write the region as lines of JSON, to move it to another store, also while the server runs
    Export {
        /// The server's data directory
        #[arg(long)]
        data_dir: PathBuf,
        /// File to make; it holds secrets: only its owner can read it
        #[arg(long)]
        to: PathBuf,
    },
    /// Read an export into a data directory that has no region yet
    Import {
        /// The server's data directory
        #[arg(long)]
        data_dir: PathBuf,
        /// File that `export` made
        #[arg(long)]
        from: PathBuf,
    },
    /// Put a backup in the place of the region; the server must not run. The former region is kept beside it
    Restore {
        /// The server's data directory
        #[arg(long)]
        data_dir: PathBuf,
        /// File that `backup` made
        #[arg(long)]
        from: PathBuf,
    },
}

/// Does it, and says what was done.
///
/// # Errors
/// When it was not done. Nothing is left half-done then.
pub fn maintain(command: &Maintenance) -> anyhow::Result<Value> {
    match command {
        Maintenance::Backup { data_dir, to } => {
            let summary = reader(data_dir)?
                .back_up(to)
                .with_context(|| format!("cannot make the backup {}", to.display()))?;
            Ok(told(json!({"backup": to}), summary))
        }
        Maintenance::Check { data_dir } => {
            let mut reader = reader(data_dir)?;
            let summary = reader.verify()?;
            Ok(told(json!({"store": store_path(data_dir), "serverRuns": reader.in_use()}), summary))
        }
        Maintenance::Export { data_dir, to } => {
            let listing = reader(data_dir)?.list()?;
            write_export(&listing, to).with_context(|| format!("cannot write {}", to.display()))?;
            let (revision, entries) = (listing.revision, listing.entries.len());
            Ok(json!({"export": to, "revision": revision, "entries": entries}))
        }
        Maintenance::Import { data_dir, from } => {
            let file = File::open(from).with_context(|| format!("cannot open {}", from.display()))?;
            let entries = transfer::parse(BufReader::new(file))
                .with_context(|| format!("cannot import {}", from.display()))?;
            make_data_dir(data_dir)?;
            let store = open_store(data_dir)?;
            let runtime = tokio::runtime::Builder::new_current_thread().build();
            let runtime = runtime.context("starting the runtime")?;
            let entries = runtime
                .block_on(transfer::import(entries, &store))
                .with_context(|| format!("cannot import into {}", store_path(data_dir).display()))?;
            Ok(json!({"store": store_path(data_dir), "entries": entries}))
        }
        Maintenance::Restore { data_dir, from } => {
            make_data_dir(data_dir)?;
            let restored = restore(&store_path(data_dir), from)
                .with_context(|| format!("cannot restore {}; nothing was changed", from.display()))?;
            let what = json!({"store": store_path(data_dir), "formerStore": restored.former});
            Ok(told(what, restored.summary))
        }
    }
}

/// Opens the store of a data directory for a server.
///
/// # Errors
/// When it cannot be opened, with what to do about it.
pub(crate) fn open_store(data_dir: &Path) -> anyhow::Result<SqliteStore> {
    let path = store_path(data_dir);
    SqliteStore::open(&path).map_err(|error| {
        let context = match &error {
            StoreError::Damaged { .. } | StoreError::NotAStore { .. } => format!(
                "cannot open {0}, and did not touch it: `dnlb server restore --data-dir {1} --from BACKUP` puts a backup in its place",
                path.display(),
                data_dir.display()
            ),
            _ => format!("cannot open {}", path.display()),
        };
        anyhow::Error::new(error).context(context)
    })
}

/// Makes a data directory for its owner alone, if it is not there.
pub(crate) fn make_data_dir(path: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make {}", path.display()))
}

fn reader(data_dir: &Path) -> anyhow::Result<StoreReader> {
    let path = store_path(data_dir);
    StoreReader::open(&path).with_context(|| format!("cannot open {}", path.display()))
}

fn store_path(data_dir: &Path) -> PathBuf {
    data_dir.join(STORE)
}

fn told(mut what: Value, summary: Summary) -> Value {
    let Summary { schema, revision, entries, bytes } = summary;
    what["revision"] = revision.into();
    what["entries"] = entries.into();
    what["bytes"] = bytes.into();
    what["schema"] = schema.into();
    what
}

fn write_export(listing: &Listing, to: &Path) -> std::io::Result<()> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?;
    let write = || {
        let mut writer = BufWriter::new(&file);
        transfer::export(listing, &mut writer)?;
        writer.flush()?;
        file.sync_all()
    };
    write().inspect_err(|_| {
        // What is there is ours, and not whole.
        let _ = fs::remove_file(to);
    })
}

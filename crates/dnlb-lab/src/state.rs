//! What is known of a lab between two commands: a folder under `/run/dnlb`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use nix::fcntl::{Flock, FlockArg};
use serde::{Deserialize, Serialize};

use crate::{process::Process, topology::Size};

/// Where labs are noted.
const FOLDER: &str = "/run/dnlb";

/// A lab's record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Its size, from which the topology follows.
    pub size: Size,
    /// The API's port on the machine's loopback.
    pub port: u16,
    /// Who brought it up.
    pub owner: String,
    /// What it was made for: `lab up`, or a command that may remove it again.
    pub purpose: String,
    /// When, in seconds since the Unix epoch.
    pub created: u64,
    /// The program that its processes run.
    pub program: PathBuf,
    /// Nodes that were upgraded: the program that runs there instead.
    #[serde(default)]
    pub programs: BTreeMap<String, PathBuf>,
    /// Processes that the lab started, by node.
    pub processes: BTreeMap<String, Process>,
    /// What is broken on purpose.
    pub broken: BTreeMap<String, Failure>,
}

/// A way to break a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Failure {
    /// Its link is cut; everything on it goes on running
    Cut,
    /// It and the server do not hear each other; everything else on its link goes on
    Deaf,
    /// Its agent or server is stopped as by a debugger, for as long as this lasts
    Freeze,
    /// Its agent or server is killed; kernel programs and instances go on
    Kill,
    /// It loses power: link, agent, instances and kernel programs are gone
    Off,
}

/// The files of a lab.
#[derive(Clone, Debug)]
pub struct Files {
    root: PathBuf,
}

/// Held by the one command that changes a lab.
#[derive(Debug)]
pub struct Lock {
    _file: Flock<File>,
    path: PathBuf,
}

impl Lock {
    /// Gives the lock back and removes its file.
    pub(crate) fn remove(self) -> Result<()> {
        fs::remove_file(&self.path).with_context(|| format!("removing {}", self.path.display()))
    }
}

impl Files {
    /// The files of the lab of that name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        Self { root: Path::new(FOLDER).join(name) }
    }

    /// The ports of all labs' APIs. One whose record cannot be read has none.
    pub(crate) fn ports() -> BTreeSet<u16> {
        let Ok(entries) = fs::read_dir(FOLDER) else { return BTreeSet::new() };
        let labs = entries.filter_map(|entry| Some(Self { root: entry.ok()?.path() }));
        labs.filter_map(|lab| Some(lab.load().ok()??.port)).collect()
    }

    /// Keeps every other command from changing the lab.
    ///
    /// # Errors
    /// When another one is at it.
    pub fn lock(&self) -> Result<Lock> {
        let path = self.root.with_extension("lock");
        fs::create_dir_all(FOLDER).with_context(|| format!("creating {FOLDER}"))?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| format!("opening {}", path.display()))?;
        if let Ok(file) = Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            // A lock on a file that `down` has removed in between keeps nobody out.
            let inode = file.metadata().map(|held| held.ino()).ok();
            if inode.is_some() && inode == fs::metadata(&path).map(|named| named.ino()).ok() {
                return Ok(Lock { _file: file, path });
            }
        }
        bail!("another command is changing this lab at the moment ({})", path.display())
    }

    /// Makes the folder; only root may look inside, for it holds secrets.
    pub(crate) fn create(&self) -> Result<()> {
        private_folder(&self.root)
    }

    /// A node's folder: an agent's run directory, or the server's data.
    #[must_use]
    pub fn node(&self, node: &str) -> PathBuf {
        self.root.join(node)
    }

    /// What a node's process prints.
    #[must_use]
    pub fn log(&self, node: &str) -> PathBuf {
        self.node(node).join("log")
    }

    /// The server's access key.
    #[must_use]
    pub fn access_key(&self) -> PathBuf {
        self.root.join("access-key.json")
    }

    /// The secret by which agents join.
    pub(crate) fn join_token(&self) -> PathBuf {
        self.root.join("join-token")
    }

    /// Reads the record; none: there is no such lab.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn load(&self) -> Result<Option<Record>> {
        let path = self.record();
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .with_context(|| format!("reading {}", path.display())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }

    /// Writes the record, whole or not at all.
    pub(crate) fn save(&self, record: &Record) -> Result<()> {
        let path = self.record();
        let new = path.with_extension("new");
        let bytes = serde_json::to_vec_pretty(record).context("writing a lab's record")?;
        fs::write(&new, bytes).with_context(|| format!("writing {}", new.display()))?;
        fs::rename(&new, &path).with_context(|| format!("writing {}", path.display()))
    }

    /// Whether anything is left of the lab.
    pub(crate) fn exist(&self) -> bool {
        self.root.exists()
    }

    /// Folders of nodes.
    pub(crate) fn node_folders(&self) -> Vec<PathBuf> {
        let Ok(entries) = fs::read_dir(&self.root) else { return Vec::new() };
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| path.is_dir()).collect()
    }

    /// First processes of the instances that a node's agent noted.
    pub(crate) fn instances(node_folder: &Path) -> BTreeMap<String, Process> {
        let Ok(entries) = fs::read_dir(node_folder.join("instances")) else { return BTreeMap::new() };
        let instance = |path: &Path| {
            let process =
                serde_json::from_slice::<Process>(&fs::read(path.join("process.json")).ok()?).ok()?;
            Some((path.file_name()?.to_str()?.to_owned(), process))
        };
        entries
            .filter_map(|entry| instance(&entry.ok()?.path()))
            .filter(|(_, process)| process.is_alive())
            .collect()
    }

    /// Removes everything; what is mounted inside must have been unmounted.
    pub(crate) fn remove(&self) -> Result<()> {
        match fs::remove_dir_all(&self.root) {
            Err(error) if error.kind() != ErrorKind::NotFound => {
                Err(error).with_context(|| format!("removing {}", self.root.display()))
            }
            _ => Ok(()),
        }
    }

    fn record(&self) -> PathBuf {
        self.root.join("lab.json")
    }
}

/// Creates a folder that only root may enter.
pub(crate) fn private_folder(path: &Path) -> Result<()> {
    fs::create_dir_all(path).with_context(|| format!("creating {}", path.display()))?;
    let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o700);
    fs::set_permissions(path, mode).with_context(|| format!("protecting {}", path.display()))
}

/// Writes a file that only root may read.
pub(crate) fn write_secret(path: &Path, text: &str) -> Result<()> {
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .mode(0o600)
        .open(path)
        .with_context(|| format!("creating {}", path.display()))?;
    file.write_all(text.as_bytes()).with_context(|| format!("writing {}", path.display()))
}

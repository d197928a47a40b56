//! The agent's directory: where everything is that outlives the agent.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{Flock, FlockArg},
    mount::{MsFlags, mount},
    sys::statfs::{BPF_FS_MAGIC, statfs},
};

/// Paths under an agent's directory.
///
/// # Shape
/// `agent.pid` (locked while an agent runs), `config.bin`, `alloc.json`, `status.json`, `trace.sock`, `flows.log`, `bpf/` (a
/// bpffs), `instances/<id>/`.
#[derive(Clone, Debug)]
pub struct RunDir {
    root: PathBuf,
}

/// Why the directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RunDirError {
    /// Another agent works on it.
    #[error("another agent (pid {pid}) runs on {}", path.display())]
    Busy {
        /// The lock's path.
        path: PathBuf,
        /// What the other agent wrote as its process id.
        pid: String,
    },
    /// The file system said no.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On what.
        path: PathBuf,
        /// The system's word.
        source: io::Error,
    },
}

/// Proof that this process is the directory's only agent; dropping it lets another one in.
#[derive(Debug)]
pub struct RunDirLock {
    _file: Flock<File>,
}

impl RunDir {
    /// Takes `root`; nothing is created yet.
    #[must_use]
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Creates the directories, private to root: launch scripts and the flow hash's secret lie there.
    ///
    /// # Errors
    /// The file system's.
    pub fn create(&self) -> Result<(), RunDirError> {
        for path in [self.root.clone(), self.instances(), self.bpf()] {
            fs::create_dir_all(&path).map_err(|source| io_error("create", &path, source))?;
        }
        let private = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o700);
        fs::set_permissions(&self.root, private).map_err(|source| io_error("protect", &self.root, source))
    }

    /// Becomes the directory's only agent.
    ///
    /// # Errors
    /// [`RunDirError::Busy`] while another agent runs.
    pub fn lock(&self) -> Result<RunDirLock, RunDirError> {
        let path = self.pid_file();
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o644)
            .open(&path)
            .map_err(|source| io_error("open", &path, source))?;
        let mut file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => file,
            Err(_) => {
                let pid = fs::read_to_string(&path).unwrap_or_default().trim().to_owned();
                return Err(RunDirError::Busy { path, pid });
            }
        };
        let write = |file: &mut File| {
            file.set_len(0)?;
            writeln!(file, "{}", std::process::id())
        };
        write(&mut file).map_err(|source| io_error("write", &path, source))?;
        Ok(RunDirLock { _file: file })
    }

    /// Mounts a BPF file system at [`RunDir::bpf`] unless one is there.
    ///
    /// # Errors
    /// The kernel's refusal to mount.
    pub fn mount_bpf(&self) -> Result<(), RunDirError> {
        let path = self.bpf();
        if self.bpf_mounted()? {
            return Ok(());
        }
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
        mount(Some("bpf"), &path, Some("bpf"), flags, Some("mode=0700"))
            .map_err(|errno| io_error("mount a BPF file system at", &path, errno.into()))
    }

    /// Whether a BPF file system is at [`RunDir::bpf`].
    ///
    /// # Errors
    /// The kernel's, other than that there is nothing at all.
    pub fn bpf_mounted(&self) -> Result<bool, RunDirError> {
        let path = self.bpf();
        match statfs(&path) {
            Ok(found) => Ok(found.filesystem_type() == BPF_FS_MAGIC),
            Err(Errno::ENOENT) => Ok(false),
            Err(errno) => Err(io_error("look at", &path, errno.into())),
        }
    }

    /// The directory itself.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where programs, links and maps are pinned.
    #[must_use]
    pub fn bpf(&self) -> PathBuf {
        self.root.join("bpf")
    }

    /// One directory an instance.
    #[must_use]
    pub fn instances(&self) -> PathBuf {
        self.root.join("instances")
    }

    /// The running agent's process id, and the lock.
    #[must_use]
    pub fn pid_file(&self) -> PathBuf {
        self.root.join("agent.pid")
    }

    /// The last configuration received.
    #[must_use]
    pub fn config(&self) -> PathBuf {
        self.root.join("config.bin")
    }

    /// Which kernel-map ranges belong to what.
    #[must_use]
    pub fn allocation(&self) -> PathBuf {
        self.root.join("alloc.json")
    }

    /// The socket at which the agent takes traces.
    #[must_use]
    pub fn trace_socket(&self) -> PathBuf {
        self.root.join("trace.sock")
    }

    /// The log of flows; the one before it has `.1` after its name.
    #[must_use]
    pub fn flow_log(&self) -> PathBuf {
        self.root.join("flows.log")
    }

    /// What the agent does, for tools.
    #[must_use]
    pub fn status(&self) -> PathBuf {
        self.root.join("status.json")
    }
}

/// Replaces a file so that a crash, of the machine too, leaves either the old content or the new, never less.
///
/// # Errors
/// The file system's.
pub(crate) fn write_atomically(path: &Path, content: &[u8], mode: u32) -> Result<(), RunDirError> {
    replace(path, content, mode, true)
}

/// Replaces a file whose readers must never see half of it, but that means nothing after a crash of the machine.
///
/// # Errors
/// The file system's.
pub(crate) fn write_for_readers(path: &Path, content: &[u8], mode: u32) -> Result<(), RunDirError> {
    replace(path, content, mode, false)
}

fn replace(path: &Path, content: &[u8], mode: u32, durable: bool) -> Result<(), RunDirError> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let new = path.with_file_name(name);
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(mode).open(&new)?;
        file.write_all(content)?;
        if durable {
            file.sync_data()?;
        }
        fs::rename(&new, path)
    };
    write().map_err(|source| {
        // The half-written file is of no use to anybody; that it cannot be removed changes nothing.
        let _ = fs::remove_file(&new);
        io_error("write", path, source)
    })
}

pub(crate) fn io_error(action: &'static str, path: &Path, source: io::Error) -> RunDirError {
    RunDirError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_agent_on_the_same_directory_is_refused_and_told_who_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let run = RunDir::new(dir.path().join("run"));
        run.create().unwrap();
        let lock = run.lock().unwrap();
        let refused = run.lock().unwrap_err();
        assert!(
            matches!(refused, RunDirError::Busy { ref pid, .. } if *pid == std::process::id().to_string())
        );
        drop(lock);
        run.lock().unwrap();
    }

    #[test]
    fn an_atomic_write_replaces_the_content_and_leaves_nothing_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        write_atomically(&path, b"a long first content", 0o600).unwrap();
        write_atomically(&path, b"short", 0o600).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"short");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}

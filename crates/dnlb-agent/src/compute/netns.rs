//! The `netns` driver: an instance is a process tree in namespaces of its own.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read, Seek, SeekFrom},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use dnlb_model::InstanceId;
use nix::{
    fcntl::{FallocateFlags, Flock, FlockArg, fallocate},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use tokio::{io::AsyncReadExt, process::Command};

use super::{
    ComputeDriver, ComputeError, InstanceDir, InstanceSpec, Observed,
    record::{ProcessRecord, io_error},
};

/// How long an instance may take to come up.
const START_PATIENCE: Duration = Duration::from_secs(20);
/// How long an instance may take to end by itself.
const STOP_PATIENCE: Duration = Duration::from_secs(3);
/// How long the kernel may take to end killed processes.
const KILL_PATIENCE: Duration = Duration::from_secs(10);
/// How much of what an instance has written is kept: an hour of a talkative one.
const CONSOLE_KEPT: u64 = 8 << 20;
/// How often to look while waiting for a process to end.
const LOOK: Duration = Duration::from_millis(10);

/// Runs instances as process trees in their own network, PID, mount, UTS and IPC namespaces.
///
/// Each has a keeper, a small process outside the namespaces (`guest spawn`) that notes its first process and
/// how it ended. Keeper and instance live and die together, and neither depends on the agent.
///
/// Namespaces keep instances out of each other's way; they are no wall against an enemy. Root inside is root outside,
/// and the host's files are there to be written: run only what you would run on the host itself.
#[derive(Clone, Debug)]
pub struct NetnsDriver {
    instances: PathBuf,
    program: PathBuf,
}

impl NetnsDriver {
    /// Keeps instances under `instances`; `program` is what understands `guest spawn`.
    #[must_use]
    pub fn new(instances: impl Into<PathBuf>, program: impl Into<PathBuf>) -> Self {
        Self { instances: instances.into(), program: program.into() }
    }

    /// Kills everything at once without a trace of how it ended, as a loss of power would.
    ///
    /// # Errors
    /// Something still runs.
    pub async fn power_off(&self) -> Result<(), ComputeError> {
        for (id, _) in self.list()? {
            let dir = self.dir(&id)?;
            end(&id, &dir, Duration::ZERO).await?;
            dir.clear_run()?;
        }
        Ok(())
    }

    /// The end of what an instance has written since it was made, and how much it has written altogether; nothing if it never ran.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn console(&self, id: &InstanceId, bytes_max: u64) -> Result<(Vec<u8>, u64), ComputeError> {
        let path = self.dir(id)?.console();
        let read = || -> io::Result<(Vec<u8>, u64)> {
            let mut file = File::open(&path)?;
            let written = file.metadata()?.len();
            file.seek(SeekFrom::Start(written.saturating_sub(bytes_max)))?;
            let mut text = Vec::new();
            // It may be written to meanwhile.
            file.take(bytes_max).read_to_end(&mut text)?;
            Ok((text, written))
        };
        match read() {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok((Vec::new(), 0)),
            other => other.map_err(|error| io_error("read", &path, error)),
        }
    }

    fn dir(&self, id: &InstanceId) -> Result<InstanceDir, ComputeError> {
        if !names_a_directory(id.as_str()) {
            return Err(ComputeError::BadId { id: id.to_string() });
        }
        Ok(InstanceDir::new(self.instances.join(id.as_str())))
    }
}

impl ComputeDriver for NetnsDriver {
    fn list(&self) -> Result<Vec<(InstanceId, Option<u32>)>, ComputeError> {
        let entries = match fs::read_dir(&self.instances) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(io_error("list", &self.instances, error)),
        };
        let mut ids = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|error| io_error("list", &self.instances, error))?;
            if let Ok(name) = entry.file_name().into_string()
                && names_a_directory(&name)
            {
                let id = InstanceId(name);
                // One whose specification is damaged is still there, and may have to go.
                let number = self.dir(&id)?.spec().ok().flatten().map(|spec| spec.number);
                ids.push((id, number));
            }
        }
        ids.sort();
        Ok(ids)
    }

    fn observe(&self, id: &InstanceId) -> Result<Observed, ComputeError> {
        self.dir(id)?.observe()
    }

    fn tidy(&self, id: &InstanceId) -> Result<(), ComputeError> {
        let path = self.dir(id)?.console();
        match forget_beginning(&path, CONSOLE_KEPT) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            other => other.map_err(|error| io_error("shorten", &path, error)),
        }
    }

    async fn start(&self, spec: &InstanceSpec) -> Result<u32, ComputeError> {
        let dir = self.dir(&spec.id)?;
        if let Observed::Running { pid, .. } = dir.observe()? {
            return Ok(pid);
        }
        // A keeper that was just starting when the former agent died would start a second life beside ours.
        end(&spec.id, &dir, Duration::ZERO).await?;
        fs::create_dir_all(dir.path()).map_err(|error| io_error("create", dir.path(), error))?;
        dir.clear_run()?;
        dir.put_spec(spec)?;
        let failed = |reason: String| ComputeError::Start { id: spec.id.to_string(), reason };
        let mut keeper = Command::new(&self.program)
            .args(["guest", "spawn"])
            .arg(dir.path())
            // Whatever the agent was given in its environment is none of an instance's business.
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(open_console(&dir)?)
            .spawn()
            .map_err(|error| failed(format!("cannot run {}: {error}", self.program.display())))?;
        let mut answer = String::new();
        if let Some(mut stdout) = keeper.stdout.take() {
            match tokio::time::timeout(START_PATIENCE, stdout.read_to_string(&mut answer)).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => answer = format!("cannot hear its keeper: {error}"),
                Err(_) => answer = "it was not ready in time".to_owned(),
            }
        }
        // Reaps the keeper whenever it ends; a later agent leaves that to the system.
        tokio::spawn(async move { keeper.wait().await });
        match dir.observe()? {
            Observed::Running { pid, .. } if answer.trim() == "ready" => Ok(pid),
            _ => {
                end(&spec.id, &dir, Duration::ZERO).await?;
                dir.clear_run()?;
                Err(failed(if answer.trim() == "ready" { "it ended at once".into() } else { answer }))
            }
        }
    }

    async fn stop(&self, id: &InstanceId) -> Result<(), ComputeError> {
        let dir = self.dir(id)?;
        end(id, &dir, STOP_PATIENCE).await?;
        dir.clear_run()
    }

    async fn remove(&self, id: &InstanceId) -> Result<(), ComputeError> {
        let dir = self.dir(id)?;
        end(id, &dir, Duration::ZERO).await?;
        match fs::remove_dir_all(dir.path()) {
            Err(error) if error.kind() != ErrorKind::NotFound => Err(io_error("remove", dir.path(), error)),
            _ => Ok(()),
        }
    }
}

/// Ends an instance and waits until its keeper, too, is gone: then nobody writes its records any more.
async fn end(id: &InstanceId, dir: &InstanceDir, patience: Duration) -> Result<(), ComputeError> {
    let undead = || ComputeError::Undead { id: id.to_string() };
    let polite_until = tokio::time::Instant::now() + patience;
    let hard_until = polite_until + KILL_PATIENCE;
    if !patience.is_zero()
        && let Some(process) = dir.process()?
    {
        signal(&process, Signal::SIGTERM);
    }
    while keeper_lives(dir)? {
        let now = tokio::time::Instant::now();
        if now >= hard_until {
            return Err(undead());
        }
        // Looked up each time: a keeper that is just starting has not noted its process yet.
        if now >= polite_until
            && let Some(process) = dir.process()?
        {
            signal(&process, Signal::SIGKILL);
        }
        tokio::time::sleep(LOOK).await;
    }
    // A keeper that was killed takes its instance along, but not before this very moment.
    while dir.process()?.is_some_and(|process| process.alive()) {
        if tokio::time::Instant::now() >= hard_until {
            return Err(undead());
        }
        if let Some(process) = dir.process()? {
            signal(&process, Signal::SIGKILL);
        }
        tokio::time::sleep(LOOK).await;
    }
    Ok(())
}

fn signal(process: &ProcessRecord, signal: Signal) {
    if !process.alive() {
        return;
    }
    let Ok(pid) = i32::try_from(process.pid) else { return };
    if let Err(error) = kill(Pid::from_raw(pid), signal) {
        tracing::debug!(pid, %error, "an instance's process ended before it was told to");
    }
}

/// Whether the instance's keeper runs: it holds the lock for as long as it does.
fn keeper_lives(dir: &InstanceDir) -> Result<bool, ComputeError> {
    let path = dir.lock();
    match File::open(&path) {
        Ok(file) => Ok(Flock::lock(file, FlockArg::LockSharedNonblock).is_err()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(io_error("open", &path, error)),
    }
}

fn open_console(dir: &InstanceDir) -> Result<File, ComputeError> {
    let path = dir.console();
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| io_error("open", &path, error))
}

/// Gives the disk back all but the last `kept` bytes of a file, once there are twice as many. The file stays as long as it is, with a hole at
/// its beginning: whoever writes to its end loses nothing, and how much was written can still be told.
fn forget_beginning(path: &Path, kept: u64) -> io::Result<()> {
    /// Unit of `st_blocks`, whatever the file system has.
    const BLOCK: u64 = 512;
    let data = fs::metadata(path)?;
    // What is set aside behind its end is the file system's business.
    if data.blocks() * BLOCK <= 2 * kept || data.len() <= kept {
        return Ok(());
    }
    let file = OpenOptions::new().write(true).open(path)?;
    let hole = i64::try_from(data.len() - kept).map_err(io::Error::other)?;
    let how = FallocateFlags::FALLOC_FL_PUNCH_HOLE | FallocateFlags::FALLOC_FL_KEEP_SIZE;
    match fallocate(&file, how, 0, hole) {
        // A file system without holes: better no log than a full disk.
        Err(nix::errno::Errno::EOPNOTSUPP) => file.set_len(0),
        other => other.map_err(io::Error::from),
    }
}

fn names_a_directory(id: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !id.is_empty() && id.len() <= 64 && id.bytes().all(allowed)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn only_plain_names_become_directories() {
        assert!(names_a_directory("i-0a1b2c3d4e"));
        for id in ["", ".", "..", "a/b", "i-1\0", "i 1", &"x".repeat(65)] {
            assert!(!names_a_directory(id), "{id:?}");
        }
    }

    #[test]
    fn of_a_console_the_end_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let driver = NetnsDriver::new(dir.path(), "/nonexistent");
        let id = InstanceId::from("i-web");
        assert_eq!(driver.console(&id, 10).unwrap(), (vec![], 0));
        fs::create_dir(dir.path().join("i-web")).unwrap();
        fs::write(dir.path().join("i-web/console.log"), "first\nsecond\n").unwrap();
        assert_eq!(driver.console(&id, 7).unwrap(), (b"second\n".to_vec(), 13));
        assert_eq!(driver.console(&id, 100).unwrap(), (b"first\nsecond\n".to_vec(), 13));
        assert!(driver.console(&"../i-web".into(), 7).is_err());
    }

    #[test]
    fn of_what_is_written_without_end_the_end_is_kept() {
        const KEPT: u64 = 64 << 10;
        let dir = tempfile::tempdir().unwrap();
        let driver = NetnsDriver::new(dir.path(), "/nonexistent");
        let id = InstanceId::from("i-web");
        driver.tidy(&id).unwrap();
        fs::create_dir(dir.path().join("i-web")).unwrap();
        let path = dir.path().join("i-web/console.log");
        let mut console = OpenOptions::new().create(true).append(true).open(&path).unwrap();
        let on_disk = || fs::metadata(&path).unwrap().blocks() * 512;
        let mut written = 0;
        for line in 0..40_000 {
            let line = format!("this is line {line} of many\n");
            console.write_all(line.as_bytes()).unwrap();
            written += line.len() as u64;
            if line.ends_with("000 of many\n") {
                console.sync_all().unwrap();
                forget_beginning(&path, KEPT).unwrap();
                assert!(on_disk() <= 2 * KEPT + 8192, "{} of {written}", on_disk());
            }
        }
        assert!(written > 10 * KEPT);
        let (text, all) = driver.console(&id, KEPT).unwrap();
        assert_eq!((text.len() as u64, all), (KEPT, written));
        assert!(!text.contains(&0), "what is kept is whole");
        assert!(text.ends_with(b"this is line 39999 of many\n"));
    }

    #[tokio::test]
    async fn an_id_that_would_leave_the_directory_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let driver = NetnsDriver::new(dir.path(), "/nonexistent");
        let refused = driver.remove(&InstanceId("../etc".into())).await.unwrap_err();
        assert!(matches!(refused, ComputeError::BadId { .. }));
    }
}

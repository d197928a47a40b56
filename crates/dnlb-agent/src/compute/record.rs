//! What stands in an instance's directory, written by the agent and by the instance's keeper.

use std::{
    fs,
    io::{self, ErrorKind},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize, de::DeserializeOwned};

use super::{ComputeError, InstanceSpec, Observed};
use crate::run_dir::write_atomically;

/// An instance's directory.
///
/// # Shape
/// `spec.json` (what to run), `process.json` and `pid` (what runs), `exit.json` (how it ended), `console.log`,
/// `lock` (held by the keeper for as long as anything may run).
#[derive(Clone, Debug)]
pub(crate) struct InstanceDir {
    path: PathBuf,
}

/// The first process of a running instance.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProcessRecord {
    /// As the host numbers it.
    pub(crate) pid: u32,
    /// When it started, in clock ticks since the kernel did: tells it from a later process of the same number.
    pub(crate) started: u64,
    /// Which run of the kernel that was.
    pub(crate) kernel: String,
    /// Which start of the instance this is.
    pub(crate) boot: u32,
}

/// How an instance ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ExitRecord {
    pub(crate) boot: u32,
    pub(crate) reason: String,
}

impl InstanceDir {
    pub(crate) fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn console(&self) -> PathBuf {
        self.path.join("console.log")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.path.join("lock")
    }

    pub(crate) fn spec(&self) -> Result<Option<InstanceSpec>, ComputeError> {
        self.read("spec.json")
    }

    pub(crate) fn put_spec(&self, spec: &InstanceSpec) -> Result<(), ComputeError> {
        self.write("spec.json", spec)
    }

    pub(crate) fn process(&self) -> Result<Option<ProcessRecord>, ComputeError> {
        self.read("process.json")
    }

    /// Notes the first process; the bare number comes last, for tools that wait for it.
    pub(crate) fn put_process(&self, process: &ProcessRecord) -> Result<(), ComputeError> {
        self.write("process.json", process)?;
        let path = self.path.join("pid");
        write_atomically(&path, format!("{}\n", process.pid).as_bytes(), 0o644)
            .map_err(|error| io_error("write", &path, io::Error::other(error)))
    }

    pub(crate) fn put_exit(&self, exit: &ExitRecord) -> Result<(), ComputeError> {
        self.write("exit.json", exit)
    }

    /// Forgets that the instance ever ran.
    pub(crate) fn clear_run(&self) -> Result<(), ComputeError> {
        for name in ["pid", "process.json", "exit.json"] {
            let path = self.path.join(name);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(io_error("remove", &path, error));
                }
                _ => {}
            }
        }
        Ok(())
    }

    pub(crate) fn observe(&self) -> Result<Observed, ComputeError> {
        let Some(process) = self.process()? else { return Ok(Observed::Absent) };
        if process.alive() {
            return Ok(Observed::Running { boot: process.boot, pid: process.pid });
        }
        // No word of its end: its keeper died with it, as when a host loses power. It starts again.
        let exit: Option<ExitRecord> = self.read("exit.json")?;
        Ok(match exit {
            Some(exit) if exit.boot == process.boot => {
                Observed::Exited { boot: exit.boot, reason: exit.reason }
            }
            _ => Observed::Absent,
        })
    }

    fn read<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, ComputeError> {
        let path = self.path.join(name);
        match fs::read(&path) {
            Ok(bytes) => serde_json::from_slice(&bytes)
                .map(Some)
                .map_err(|error| io_error("understand", &path, error.into())),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(io_error("read", &path, error)),
        }
    }

    fn write<T: Serialize>(&self, name: &str, value: &T) -> Result<(), ComputeError> {
        let path = self.path.join(name);
        let bytes =
            serde_json::to_vec_pretty(value).map_err(|error| io_error("write", &path, error.into()))?;
        write_atomically(&path, &bytes, 0o600)
            .map_err(|error| io_error("write", &path, io::Error::other(error)))
    }
}

impl ProcessRecord {
    /// Describes a process that runs now.
    pub(crate) fn of(pid: u32, boot: u32) -> io::Result<Self> {
        let started = process_started(pid).ok_or_else(|| io::Error::other("it ended at once"))?;
        Ok(Self { pid, started, kernel: kernel_run()?, boot })
    }

    /// Whether this very process still runs.
    pub(crate) fn alive(&self) -> bool {
        process_started(self.pid) == Some(self.started)
            && kernel_run().is_ok_and(|kernel| kernel == self.kernel)
    }
}

/// When a process started, in clock ticks since the kernel did; none when it has ended.
pub(crate) fn process_started(pid: u32) -> Option<u64> {
    parse_started(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

fn parse_started(stat: &str) -> Option<u64> {
    // The name in parentheses may hold anything, spaces and parentheses included.
    let mut fields = stat[stat.rfind(')')? + 1..].split_ascii_whitespace();
    let state = fields.next()?;
    // Field 22 of proc_pid_stat(5); the state is field 3. A zombie has ended.
    if state == "Z" || state == "X" { None } else { fields.nth(18)?.parse().ok() }
}

fn kernel_run() -> io::Result<String> {
    Ok(fs::read_to_string("/proc/sys/kernel/random/boot_id")?.trim().to_owned())
}

pub(crate) fn io_error(action: &'static str, path: &Path, source: io::Error) -> ComputeError {
    ComputeError::Io { action, path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_start_time_is_read_behind_a_name_with_spaces_and_parentheses() {
        let stat = "17 (a) b (c)) S 1 17 17 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4711 99 1";
        assert_eq!(parse_started(stat), Some(4711));
        assert_eq!(parse_started(&stat.replace(" S ", " Z ")), None);
        assert_eq!(parse_started("17 (a"), None);
    }

    #[test]
    fn a_process_that_ended_without_a_word_counts_as_never_started() {
        let dir = tempfile::tempdir().unwrap();
        let dir = InstanceDir::new(dir.path());
        assert_eq!(dir.observe().unwrap(), Observed::Absent);

        let own = ProcessRecord::of(std::process::id(), 3).unwrap();
        dir.put_process(&own).unwrap();
        assert_eq!(dir.observe().unwrap(), Observed::Running { boot: 3, pid: own.pid });

        dir.put_process(&ProcessRecord { started: own.started + 1, ..own.clone() }).unwrap();
        assert_eq!(dir.observe().unwrap(), Observed::Absent);

        dir.put_exit(&ExitRecord { boot: 2, reason: "of a former start".into() }).unwrap();
        assert_eq!(dir.observe().unwrap(), Observed::Absent);
        dir.put_exit(&ExitRecord { boot: 3, reason: "exited with status 1".into() }).unwrap();
        assert_eq!(
            dir.observe().unwrap(),
            Observed::Exited { boot: 3, reason: "exited with status 1".into() }
        );

        dir.clear_run().unwrap();
        assert_eq!(dir.observe().unwrap(), Observed::Absent);
    }
}

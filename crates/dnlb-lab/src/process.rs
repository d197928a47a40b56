//! Processes that outlive the command that starts them, and their end.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use nix::{
    errno::Errno,
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde::{Deserialize, Serialize};

/// A process, told from a later one with the same number by the time of its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Number.
    pub pid: i32,
    /// Clock ticks from the machine's start to the process's.
    pub started: u64,
}

impl Process {
    /// Looks up a running process.
    pub(crate) fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name, in parentheses, may contain anything; the fields after it are numbered from 3.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        let dead = matches!(*fields.first()?, "Z" | "X");
        (!dead).then_some(Self { pid, started: fields.get(22 - 3)?.parse().ok()? })
    }

    /// Whether it still runs.
    #[must_use]
    pub fn is_alive(self) -> bool {
        Self::of(self.pid) == Some(self)
    }

    /// Sends a signal, if it still runs.
    pub(crate) fn signal(self, signal: Signal) -> Result<()> {
        if !self.is_alive() {
            return Ok(());
        }
        match kill(Pid::from_raw(self.pid), signal) {
            Ok(()) | Err(Errno::ESRCH) => Ok(()),
            Err(errno) => Err(errno).with_context(|| format!("sending {signal} to {}", self.pid)),
        }
    }
}

/// Starts a program in a session of its own; standard output and error go to the end of `log`.
///
/// The calling thread's network namespace becomes the program's.
pub(crate) fn start(program: &Path, arguments: &[String], log: &Path) -> Result<Process> {
    let log_file = fs::File::options()
        .create(true)
        .append(true)
        .open(log)
        .with_context(|| format!("opening {}", log.display()))?;
    // `setsid` becomes the program; a child that leads no group is not forked again, so the number stays.
    let child = Command::new("setsid")
        .arg(program)
        .args(arguments)
        .env("RUST_LOG", std::env::var("DNLB_LAB_LOG").unwrap_or_else(|_| "info".to_owned()))
        .env_remove("RUST_BACKTRACE")
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(log_file.try_clone()?)
        .stderr(log_file)
        .spawn()
        .context("starting `setsid` (package util-linux)")?;
    let pid = i32::try_from(child.id()).context("a process id")?;
    Process::of(pid).with_context(|| format!("the program ended at once; see {}", log.display()))
}

/// Kills processes and waits until they are gone.
pub(crate) fn kill_all(processes: &[Process]) -> Result<()> {
    signal_all(processes, Signal::SIGKILL)
}

/// Tells a process to end and waits until it has.
pub(crate) fn end(process: Process) -> Result<()> {
    signal_all(&[process], Signal::SIGTERM)
}

fn signal_all(processes: &[Process], signal: Signal) -> Result<()> {
    for process in processes {
        process.signal(signal)?;
    }
    let deadline = Instant::now() + Duration::from_secs(10);
    for process in processes {
        while process.is_alive() {
            anyhow::ensure!(Instant::now() < deadline, "process {} does not end", process.pid);
            sleep(Duration::from_millis(5));
        }
    }
    Ok(())
}

/// Processes whose network namespace has one of these inodes.
pub(crate) fn in_namespaces(inodes: &[u64]) -> Vec<Process> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    pids.filter(|pid| net_inode(*pid).is_some_and(|inode| inodes.contains(&inode)))
        .filter_map(Process::of)
        .collect()
}

fn net_inode(pid: i32) -> Option<u64> {
    let link: PathBuf = fs::read_link(format!("/proc/{pid}/ns/net")).ok()?;
    link.to_str()?.strip_prefix("net:[")?.strip_suffix(']')?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_told_from_another_with_its_number() {
        let me = Process::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        assert!(me.is_alive());
        assert!(!Process { started: me.started + 1, ..me }.is_alive());
    }

    #[test]
    fn a_killed_child_that_nobody_waited_for_counts_as_dead() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let process = Process::of(i32::try_from(child.id()).unwrap()).unwrap();
        kill_all(&[process]).unwrap();
        assert!(!process.is_alive());
        child.wait().unwrap();
    }

    #[test]
    fn own_processes_are_found_by_their_network_namespace() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let found = in_namespaces(&[net_inode(pid).unwrap()]);
        assert!(found.iter().any(|process| process.pid == pid));
    }
}

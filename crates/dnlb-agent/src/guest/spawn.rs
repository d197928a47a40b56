//! The keeper: starts an instance's first process and stays beside it until it ends.

use std::{
    fs::OpenOptions,
    io::{Read, Write},
    os::unix::{fs::OpenOptionsExt, process::ExitStatusExt},
    path::Path,
    process::{Command, ExitStatus, Stdio},
};

use anyhow::{Context, bail};
use nix::{
    fcntl::{Flock, FlockArg},
    sched::{CloneFlags, unshare},
    unistd::{dup2_stdout, setsid},
};

use crate::compute::{ExitRecord, InstanceDir, ProcessRecord};

/// Starts the instance whose directory this is, says `ready` or what is wrong on the standard output, and waits
/// for its end.
///
/// # Errors
/// The instance did not start; the same text was said on the standard output.
pub fn spawn(dir: &Path) -> anyhow::Result<()> {
    let dir = InstanceDir::new(dir);
    let outcome = start_and_wait(&dir);
    if let Err(error) = &outcome {
        // Nobody listens any more once the instance was ready.
        let _ = write!(std::io::stdout(), "{error:#}");
    }
    outcome
}

fn start_and_wait(dir: &InstanceDir) -> anyhow::Result<()> {
    // Away from the agent's terminal and process group. Fails for a group's leader, which has its own already.
    let _ = setsid();
    let lock = OpenOptions::new()
        .create(true)
        .truncate(false)
        .write(true)
        .mode(0o600)
        .open(dir.lock())
        .context("cannot open the instance's lock")?;
    let Ok(_lock) = Flock::lock(lock, FlockArg::LockExclusiveNonblock) else {
        bail!("the instance has a keeper already");
    };
    let spec = dir.spec()?.context("the instance's directory holds no specification")?;

    // Holds for children only: the next one is the first process of a new PID namespace.
    unshare(CloneFlags::CLONE_NEWPID).context("cannot make a PID namespace")?;
    let mut first = Command::new("/proc/self/exe")
        .args(["guest", "init"])
        .arg(dir.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start the instance's first process")?;
    let mut answer = String::new();
    if let Some(mut stdout) = first.stdout.take() {
        stdout.read_to_string(&mut answer).context("cannot hear the instance's first process")?;
    }
    if answer != "ready" {
        let status = first.wait().context("cannot wait for the instance's first process")?;
        bail!("{}", if answer.is_empty() { describe(status) } else { answer });
    }
    let noted = ProcessRecord::of(first.id(), spec.boot)
        .context("cannot look at the instance's first process")
        .and_then(|process| Ok(dir.put_process(&process)?));
    if let Err(error) = noted {
        // An instance that nobody knows of must not run.
        first.kill().context("cannot end an instance that cannot be noted")?;
        return Err(error);
    }
    // An agent that was killed meanwhile hears nothing; its successor finds the record.
    let _ = writeln!(std::io::stdout(), "ready");
    // The end of the output is the agent's sign; the console takes what may come later.
    dup2_stdout(std::io::stderr()).context("cannot close the standard output")?;

    let status = first.wait().context("cannot wait for the instance's end")?;
    dir.put_exit(&ExitRecord { boot: spec.boot, reason: describe(status) })?;
    Ok(())
}

/// How a process ended, in words.
fn describe(status: ExitStatus) -> String {
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exited with status {code}"),
        (None, Some(signal)) => format!("killed by signal {signal}"),
        (None, None) => "ended in an unknown way".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_is_told_by_status_or_signal() {
        assert_eq!(describe(ExitStatus::from_raw(3 << 8)), "exited with status 3");
        assert_eq!(describe(ExitStatus::from_raw(9)), "killed by signal 9");
    }
}

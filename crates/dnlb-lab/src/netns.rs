//! Network namespaces: making, entering and configuring them through iproute2.

use std::{
    fs::{self, File},
    io::Write,
    os::unix::fs::MetadataExt,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context, Result, anyhow, ensure};
use nix::sched::{CloneFlags, setns};

/// Where iproute2 keeps named namespaces.
const FOLDER: &str = "/run/netns";

/// Path that holds a named namespace open.
#[must_use]
pub(crate) fn path(namespace: &str) -> PathBuf {
    PathBuf::from(FOLDER).join(namespace)
}

/// Names of all namespaces that begin so.
pub(crate) fn list(prefix: &str) -> Vec<String> {
    let Ok(entries) = fs::read_dir(FOLDER) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<_> = names.filter(|name| name.starts_with(prefix)).collect();
    names.sort();
    names
}

/// The namespace's inode, by which a process's own can be told.
pub(crate) fn inode(namespace: &str) -> Option<u64> {
    fs::metadata(path(namespace)).ok().map(|metadata| metadata.ino())
}

/// Calls `work` on a thread of its own inside the namespace; processes that it starts are inside, too.
///
/// Unlike `ip netns exec`, this leaves `/sys` and the mounts alone.
pub(crate) fn inside<T: Send>(namespace: &str, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
    let file = File::open(path(namespace)).with_context(|| format!("opening namespace {namespace}"))?;
    std::thread::scope(|scope| {
        scope
            .spawn(move || {
                setns(file, CloneFlags::CLONE_NEWNET)
                    .with_context(|| format!("entering namespace {namespace}"))?;
                work()
            })
            .join()
            .map_err(|_| anyhow!("the thread inside {namespace} panicked"))?
    })
}

/// Runs lines of `ip -batch`, in a namespace or in the machine's own.
pub(crate) fn ip(namespace: Option<&str>, lines: &[String]) -> Result<()> {
    let mut command = Command::new("ip");
    if let Some(namespace) = namespace {
        command.args(["-netns", namespace]);
    }
    command.args(["-batch", "-"]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let mut child = command.spawn().context("starting `ip` (package iproute2)")?;
    let mut stdin = child.stdin.take().context("ip's input")?;
    stdin.write_all((lines.join("\n") + "\n").as_bytes()).context("telling ip what to do")?;
    drop(stdin);
    let output = child.wait_with_output().context("waiting for ip")?;
    let error = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "ip {}: {}", namespace.unwrap_or_default(), error.trim());
    Ok(())
}

/// Runs a program in a namespace; what it prints is shown only when it fails.
pub(crate) fn run(namespace: &str, program: &str, arguments: &[&str]) -> Result<()> {
    inside(namespace, || {
        let output = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("starting {program}"))?;
        let error = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{program} {}: {}", arguments.join(" "), error.trim());
        Ok(())
    })
}

/// Writes settings under `/proc/sys/net` of a namespace; one that this kernel lacks is left out.
pub(crate) fn sysctl(namespace: &str, settings: &[(&str, &str)]) -> Result<()> {
    inside(namespace, || {
        for (name, value) in settings {
            let file = PathBuf::from("/proc/sys/net").join(name);
            if file.exists() {
                fs::write(&file, value).with_context(|| format!("writing {}", file.display()))?;
            }
        }
        Ok(())
    })
}

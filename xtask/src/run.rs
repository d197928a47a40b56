//! Running other programs.

use std::{
    ffi::{OsStr, OsString},
    path::PathBuf,
    process::Command,
    thread,
    time::Instant,
};

use anyhow::{Context, Result, ensure};

/// A call of the cargo that runs this.
pub(crate) fn cargo<const N: usize>(arguments: [&str; N]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    // Set for xtask by the outer cargo; to the inner one they would mean something else.
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_"))
        {
            command.env_remove(name);
        }
    }
    command
}

/// Runs a command under a heading; an exit code other than zero is an error.
pub(crate) fn step(name: &str, mut command: Command) -> Result<()> {
    under(name, || {
        let status = command.status().with_context(|| format!("starting {command:?}"))?;
        ensure!(status.success(), "{name}: {status}");
        Ok(())
    })
}

/// Does something under a heading, and says how long it took.
pub(crate) fn under(heading: &str, work: impl FnOnce() -> Result<()>) -> Result<()> {
    println!("== {heading}");
    let start = Instant::now();
    work()?;
    println!("== {heading}: done in {:.1} s", start.elapsed().as_secs_f32());
    Ok(())
}

/// Does two things at the same time, and both to their end.
pub(crate) fn both(one: fn() -> Result<()>, other: fn() -> Result<()>) -> Result<()> {
    let (ended, beside) = thread::scope(|scope| {
        let beside = scope.spawn(other);
        (one(), beside.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    if let (Err(_), Err(error)) = (&ended, &beside) {
        eprintln!("error: {error:#}");
    }
    ended.and(beside)
}

/// Whether a program of that name is on the PATH.
pub(crate) fn exists(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Where `scripts/setup.sh` puts Node on a system whose own is too old for the console's build.
pub(crate) fn own_node() -> PathBuf {
    // Complete, since programs that are started look for it from elsewhere.
    std::path::absolute("target/node/bin").unwrap_or_default()
}

/// The PATH, with that Node first.
pub(crate) fn path_with_node() -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let all = std::iter::once(own_node()).chain(std::env::split_paths(&path));
    // A folder whose name has a colon in it cannot stand there.
    std::env::join_paths(all).unwrap_or(path)
}

/// Whether this process is root's.
pub(crate) fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}

/// Lets cargo start the tests through sudo, unless this is root already.
pub(crate) fn as_root(command: &mut Command) {
    if !is_root() {
        command.env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER", "sudo -E");
        command.env("CARGO_TARGET_AARCH64_UNKNOWN_LINUX_GNU_RUNNER", "sudo -E");
    }
}

/// A program that runs as root: through sudo, unless this is root already.
pub(crate) fn root(program: impl AsRef<OsStr>) -> Command {
    if is_root() { Command::new(program) } else { with(with(Command::new("sudo"), ["-E"]), [program]) }
}

/// Appends arguments.
pub(crate) fn with<S: AsRef<OsStr>>(mut command: Command, arguments: impl IntoIterator<Item = S>) -> Command {
    command.args(arguments);
    command
}

//! Commands on a node or inside an instance.

use std::{
    os::unix::process::ExitStatusExt,
    path::Path,
    process::{Command, ExitStatus, Stdio},
};

use anyhow::{Context, Result, bail, ensure};

use crate::Lab;

/// What a command printed and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Exit code; 128 and the signal's number for a killed one, as shells say it.
    pub code: u8,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

/// Where instances have the program that runs them: the host's folders may be hidden from them, as `/tmp` is.
const PROGRAM_INSIDE: &str = "/run/dnlb/bin/dnlb";

/// Environment variable by which a host's commands find the folder of its agent.
pub const RUN_DIR: &str = "DNLB_RUN_DIR";

/// Runs a command on a node or in an instance with this process's input and output; returns its exit code.
///
/// `dnlb` means the program that runs there, whether or not it lies in the place's `PATH`.
///
/// # Errors
/// When there is no such place or the command cannot be started.
pub fn exec(lab: &Lab, place: &str, command: &[String]) -> Result<u8> {
    let status = at(lab, place, command, |command| Ok(command.status()?))?;
    Ok(code(status))
}

/// Runs a command on a node or in an instance and returns what it printed.
///
/// # Errors
/// As [`exec`].
pub fn output(lab: &Lab, place: &str, command: &[String]) -> Result<Output> {
    let output = at(lab, place, command, |command| Ok(command.stdin(Stdio::null()).output()?))?;
    Ok(Output {
        code: code(output.status),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    })
}

/// Starts the echo server in an instance, under the name of its id; it goes on until the instance ends.
///
/// # Errors
/// As [`exec`], and when the instance's shell cannot start it.
pub fn serve_echo(lab: &Lab, instance: &str, port: u16) -> Result<()> {
    // The shell knows no `dnlb`.
    let line =
        format!("{PROGRAM_INSIDE} guest echo --port {port} --name {instance} </dev/null >/dev/null 2>&1 &");
    let started = output(lab, instance, &["sh".to_owned(), "-c".to_owned(), line])?;
    ensure!(started.code == 0, "the echo server of {instance}: {}", started.stderr.trim());
    Ok(())
}

fn at<T: Send>(
    lab: &Lab,
    place: &str,
    words: &[String],
    run: impl FnOnce(&mut Command) -> Result<T> + Send,
) -> Result<T> {
    let (program, arguments) = words.split_first().context("no command given")?;
    let own = program == "dnlb";
    if lab.topology().node(place).is_some() {
        let starting = || format!("starting `{program}` on {place}");
        let program = if own { lab.program_on(place) } else { Path::new(program) };
        // What is run on a node means that node's agent.
        let run_dir = lab.files().node(place);
        return lab.inside(place, || {
            run(Command::new(program).args(arguments).env(RUN_DIR, run_dir)).with_context(starting)
        });
    }
    let instances = lab.instances();
    let Some((_, _, process)) = instances.iter().find(|(id, _, _)| id == place) else {
        let nodes: Vec<_> = lab.topology().nodes.iter().map(|node| node.name.as_str()).collect();
        let instances: Vec<_> = instances.iter().map(|(id, _, _)| id.as_str()).collect();
        bail!(
            "there is no node or running instance `{place}`; nodes: {}; instances: {}",
            nodes.join(", "),
            if instances.is_empty() { "none".to_owned() } else { instances.join(", ") }
        );
    };
    let mut command = Command::new("nsenter");
    command.args(["--target", &process.pid.to_string(), "--net", "--pid", "--mount", "--uts", "--ipc", "--"]);
    command.arg(if own { PROGRAM_INSIDE } else { program });
    run(command.args(arguments)).context("starting `nsenter` (package util-linux)")
}

fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(u8::MAX)
}

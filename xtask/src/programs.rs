//! Programs of tests: built for the whole workspace at once, and run one by one.
//!
//! Cargo builds what several crates share with the features that the selected ones ask for. Tests of one crate would so build the half
//! of the workspace again, which takes longer than most tests.

use std::{
    collections::VecDeque,
    io::{self, Write},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::{Mutex, PoisonError},
    thread,
    time::Instant,
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::run::{cargo, under};

/// A program of tests.
pub(crate) struct Program {
    /// The crate that it tests.
    pub(crate) package: String,
    /// Of the file of tests, or of the crate where they are among its sources.
    pub(crate) name: String,
    path: PathBuf,
    /// The crate's folder, where tests are run.
    folder: PathBuf,
}

/// Builds all of them.
pub(crate) fn programs() -> Result<Vec<Program>> {
    let mut build =
        cargo(["test", "--locked", "--quiet", "--workspace", "--no-run", "--message-format", "json"]);
    let Output { status, stdout, .. } =
        build.stderr(Stdio::inherit()).output().context("starting cargo to build tests")?;
    ensure!(status.success(), "building tests: {status}");
    let messages = serde_json::Deserializer::from_slice(&stdout).into_iter::<Value>();
    let messages = messages.collect::<Result<Vec<_>, _>>().context("reading what cargo says of tests")?;
    Ok(messages.iter().filter_map(program).collect())
}

/// The program that a message of cargo tells of, if it does.
fn program(message: &Value) -> Option<Program> {
    if message["profile"]["test"] != true {
        return None;
    }
    let path = PathBuf::from(message["executable"].as_str()?);
    let folder = Path::new(message["manifest_path"].as_str()?).parent()?.to_owned();
    let package = folder.file_name()?.to_str()?.to_owned();
    Some(Program { package, name: message["target"]["name"].as_str()?.to_owned(), path, folder })
}

/// Runs programs under a heading, so many at a time. What one prints is shown when it has ended. After a failure no other one is begun.
pub(crate) fn run(
    heading: &str,
    programs: Vec<Program>,
    at_a_time: usize,
    command: impl Fn(&Path) -> Command + Sync,
) -> Result<()> {
    ensure!(!programs.is_empty(), "{heading}: there is no such program");
    let waiting = Mutex::new(VecDeque::from(programs));
    let lane = || -> Result<()> {
        loop {
            // The guard is gone before the program is run.
            let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            let Some(program) = next else { return Ok(()) };
            let ended = run_one(&program, command(&program.path));
            if ended.is_err() {
                waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
            }
            ended.with_context(|| heading.to_owned())?;
        }
    };
    under(heading, || {
        thread::scope(|scope| {
            let lanes: Vec<_> = (0..at_a_time).map(|_| scope.spawn(lane)).collect();
            lanes
                .into_iter()
                .try_for_each(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        })
    })
}

fn run_one(Program { package, name, folder, .. }: &Program, mut command: Command) -> Result<()> {
    let start = Instant::now();
    let Output { status, stdout, stderr } =
        command.current_dir(folder).output().with_context(|| format!("starting {command:?}"))?;
    let seconds = start.elapsed().as_secs_f32();
    let mut out = io::stdout().lock();
    writeln!(out, "-- {package}, {name}: {status} after {seconds:.1} s")?;
    out.write_all(&stdout)?;
    out.write_all(&stderr)?;
    ensure!(status.success(), "{package}, {name}: {status}");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &'static str) -> impl Fn(&Path) -> Command + Sync {
        move |path| {
            let mut command = Command::new("sh");
            command.args(["-c", script]).arg(path);
            command
        }
    }

    fn made(names: &[&str]) -> Vec<Program> {
        let folder = std::env::temp_dir();
        let one = |name: &&str| Program {
            package: "p".into(),
            name: (*name).into(),
            path: (*name).into(),
            folder: folder.clone(),
        };
        names.iter().map(one).collect()
    }

    #[test]
    fn a_message_about_a_program_of_tests_is_told_from_others() {
        let told = |test, executable: Value| {
            program(&serde_json::json!({
                "reason": "compiler-artifact", "manifest_path": "/w/crates/dnlb-lab/Cargo.toml",
                "target": {"name": "metrics"}, "profile": {"test": test}, "executable": executable,
            }))
        };
        let found = told(true, "/t/metrics-1".into()).unwrap();
        assert_eq!((found.package.as_str(), found.name.as_str()), ("dnlb-lab", "metrics"));
        assert!(told(false, "/t/dnlb".into()).is_none());
        assert!(told(true, Value::Null).is_none());
        assert!(program(&serde_json::json!({"reason": "build-finished", "success": true})).is_none());
    }

    #[test]
    fn a_failure_is_an_error_with_the_name_and_begins_nothing_more() {
        run("good", made(&["a", "b", "c"]), 2, shell("exit 0")).unwrap();
        let error = run("bad", made(&["a", "b", "c"]), 1, shell("test $0 = a")).unwrap_err();
        assert!(format!("{error:#}").starts_with("bad: p, b: exit status: 1"), "{error:#}");
        assert!(run("none", made(&[]), 2, shell("exit 0")).is_err());
    }

    #[test]
    fn after_a_failure_the_other_lane_ends_what_it_has_begun_and_nothing_more() {
        let folder = std::env::temp_dir().join(format!("dnlb-xtask-lanes-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let programs = made(&["a", "b", "c"]).into_iter();
        let programs = programs.map(|one| Program { folder: folder.clone(), ..one }).collect();
        // The first one fails while the second one is still at it.
        run("bad", programs, 2, shell("if [ $0 = b ]; then sleep 0.5; fi; touch $0; test $0 != a"))
            .unwrap_err();
        assert!(folder.join("a").exists() && !folder.join("c").exists());
        std::fs::remove_dir_all(folder).unwrap();
    }
}

//! Tests, but the console's.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Result;

use crate::{
    programs::{self, programs},
    run::{as_root, cargo, root, step, with},
};

/// The crate of labs.
const LAB: &str = "dnlb-lab";

/// Tests of every crate that need nothing but a user.
pub(crate) fn unit() -> Result<()> {
    step("unit tests", cargo(["test", "--quiet", "--workspace"]))
}

/// The API by its own description: that is valid, and what it says of requests and replies is true.
pub(crate) fn api() -> Result<()> {
    step("Schemathesis", with(Command::new("scripts/setup.sh"), ["--schemathesis"]))?;
    let api =
        programs()?.into_iter().filter(|one| one.package == "dnlb-server" && one.name == "api").collect();
    let arguments = ["schemathesis::", "--ignored", "--nocapture", "--test-threads=1"];
    programs::run("the API by its description", api, 1, |program| with(Command::new(program), arguments))
}

/// Tests that load programs into the kernel or make namespaces: all ignored ones but the API's and the lab's.
pub(crate) fn kernel() -> Result<()> {
    let (packets, others): (Vec<_>, Vec<_>) = programs()?
        .into_iter()
        .filter(|one| one.package != LAB)
        .partition(|one| one.package == "dnlb-testkit");
    // Packet cases share nothing; what the verifier takes for each is most of the time.
    programs::run("kernel tests of packets", packets, 1, |program| {
        with(root(program), ["--quiet", "--ignored"])
    })?;
    let arguments = ["--quiet", "--ignored", "--skip=schemathesis::", "--test-threads=1"];
    programs::run("kernel tests", others, 1, |program| with(root(program), arguments))
}

/// End-to-end tests in a lab, with the binary as users get it, and an agent with other layouts of the maps to upgrade to.
pub(crate) fn lab() -> Result<()> {
    step("release build", cargo(["build", "--quiet", "--release", "-p", "dnlb"]))?;
    let (binary, trial) = (fs::canonicalize("target/release/dnlb")?, trial()?);
    step("official clients", with(Command::new("scripts/setup.sh"), ["--clients"]))?;
    let labs = programs()?.into_iter().filter(|one| one.package == LAB).collect();
    // Most of what a lab does is to wait, for health checks and for connections to end.
    programs::run("lab tests", labs, 2, |program| {
        let mut command = with(root(program), ["--ignored", "--test-threads=1"]);
        command.env("DNLB_BIN", &binary).env("DNLB_TRIAL_BIN", &trial);
        command
    })
}

/// An agent with other layouts. It is built as tests are: as a release it would take three minutes more.
fn trial() -> Result<PathBuf> {
    // With the features that tests give to everything it is built of, and that is built already; a test of the agent brings it along.
    let options = ["--features", "dnlb-agent/layout-trial", "--test", "agent"];
    let build = with(cargo(["test", "--quiet", "--locked", "--workspace", "--no-run"]), options);
    step("an agent with other layouts", build)?;
    let trial = Path::new("target/dnlb-host-layout-trial");
    fs::copy("target/debug/dnlb-host", trial)?;
    Ok(fs::canonicalize(trial)?)
}

/// Kills a server more often than the tests of every day do.
pub(crate) fn kills(count: u64, seed: Option<u64>) -> Result<()> {
    let mut command = cargo(["test", "--quiet", "-p", "dnlb", "--test", "sigkill", "--", "--nocapture"]);
    command.env("DNLB_KILLS", count.to_string());
    if let Some(seed) = seed {
        command.env("DNLB_SEED", seed.to_string());
    }
    step("kills", command)
}

/// Prints what the verifier counted for each program.
pub(crate) fn insns() -> Result<()> {
    let example = "crates/dnlb-switch/examples/insns.rs";
    anyhow::ensure!(Path::new(example).exists(), "{example} is missing");
    let mut command = with(cargo(["run", "--quiet", "-p", "dnlb-switch"]), ["--example", "insns"]);
    as_root(&mut command);
    step("verified instructions", command)
}

/// Runs the fuzzers; what they find worth keeping goes to the corpus.
pub(crate) fn fuzz(seconds: u64, seed: u64) -> Result<()> {
    let mut command = cargo(["run", "--quiet", "-p", "dnlb-testkit", "--example", "fuzz", "--"]);
    as_root(&mut command);
    step("fuzzing", with(command, [seconds.to_string(), seed.to_string()]))
}

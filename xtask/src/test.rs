//! Tests, but the console's.

use std::{fs, path::Path, process::Command};

use anyhow::Result;

use crate::run::{as_root, cargo, step, with};

/// Tests of every crate that need nothing but a user.
pub(crate) fn unit() -> Result<()> {
    step("unit tests", cargo(["test", "--quiet", "--workspace"]))
}

/// The API by its own description: that is valid, and what it says of requests and replies is true.
pub(crate) fn api() -> Result<()> {
    step("Schemathesis", with(Command::new("scripts/setup.sh"), ["--schemathesis"]))?;
    let tests = ["test", "--quiet", "--locked", "-p", "dnlb-server", "--test", "api", "--"];
    let shown = ["schemathesis::", "--ignored", "--nocapture", "--test-threads=1"];
    step("the API by its description", with(cargo(tests), shown))
}

/// Tests that load programs into the kernel or make namespaces: all ignored ones but the API's and the lab's.
pub(crate) fn kernel() -> Result<()> {
    // Packet cases share nothing; what the verifier takes for each is most of the time.
    let mut packets = cargo(["test", "--locked", "-p", "dnlb-testkit", "--", "--ignored"]);
    as_root(&mut packets);
    step("kernel tests of packets", packets)?;
    let mut command = cargo([
        "test",
        "--locked",
        "--workspace",
        "--exclude",
        "dnlb-lab",
        "--exclude",
        "dnlb-testkit",
        "--",
        "--ignored",
        "--skip=schemathesis::",
        "--test-threads=1",
    ]);
    as_root(&mut command);
    step("kernel tests", command)
}

/// End-to-end tests in a lab, with the binary as users get it, and one with other layouts of the maps to upgrade to.
pub(crate) fn lab() -> Result<()> {
    let (binary, trial) = ("target/release/dnlb", "target/release/dnlb-layout-trial");
    // In the same folder, so that only our own crates are built twice; the last build leaves the usual binary there.
    let build = || cargo(["build", "--quiet", "--release", "-p", "dnlb"]);
    step("release build, trial layout", with(build(), ["--features", "layout-trial"]))?;
    fs::copy(binary, trial)?;
    step("release build", build())?;
    step("official clients", with(Command::new("scripts/setup.sh"), ["--clients"]))?;
    let mut command = cargo(["test", "-p", "dnlb-lab", "--tests", "--", "--ignored", "--test-threads=1"]);
    as_root(&mut command);
    command.env("DNLB_BIN", fs::canonicalize(binary)?).env("DNLB_TRIAL_BIN", fs::canonicalize(trial)?);
    step("lab tests", command)
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

//! Every command of CI, so that CI has none that a developer lacks.
//!
//! `cargo xtask ci` is what `make test` runs. Each step is a command of its own; a step prints what it runs.
#![forbid(unsafe_code)]

mod console;
mod deps;
mod programs;
mod purity;
mod reference;
mod run;
mod test;

use std::process::ExitCode;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand, ValueEnum};

use crate::run::{cargo, step};

/// Commands of this workspace's CI.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Everything: formatting, lints, dependency rule, tests, purity, licences, console, kernel and lab tests
    Ci,
    /// Builds target/release/dnlb with the web console in it (needs Node)
    Console,
    /// Licences, bans and sources of the dependencies (cargo-deny)
    Deny,
    /// The rule about which crate may depend on which
    Deps,
    /// Formatting
    Fmt,
    /// Looks for inputs that break the parser, the decision or the loaded programs (these need root)
    Fuzz {
        /// How long, all three together
        #[arg(long, default_value_t = 60)]
        seconds: u64,
        /// Where chance begins
        #[arg(long, default_value_t = 1)]
        seed: u64,
    },
    /// Verified instruction counts of the eBPF programs, as the kernel reports them (needs root)
    Insns,
    /// Kills a server at random moments and looks whether it lost or tore anything
    Kills {
        /// How often
        #[arg(long, default_value_t = 1000)]
        count: u64,
        /// Repeats an order of requests and kills; without it, a new one
        #[arg(long)]
        seed: Option<u64>,
    },
    /// Formatting, clippy, rustdoc, dependency rule, generated pages
    Lint,
    /// Builds the pure crates for targets without an operating system
    Purity,
    /// Writes docs/outcomes.md and the examples of the API from the code
    Reference,
    /// Tests; without a kind, all of them
    Test {
        /// Which tests
        kind: Option<TestKind>,
    },
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum TestKind {
    /// The API by its own description (installs Schemathesis)
    Api,
    /// The web console: its modules, and all of it in a browser (installs Chromium)
    Console,
    /// Tests that run anywhere
    Unit,
    /// Ignored tests of the crates that load eBPF programs or make namespaces (need root)
    Kernel,
    /// End to end, in a lab (needs root)
    Lab,
}

fn main() -> ExitCode {
    match run_command(Arguments::parse().command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run_command(command: Command) -> Result<()> {
    let workspace =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?;
    std::env::set_current_dir(workspace).context("going to the workspace's folder")?;
    match command {
        Command::Ci => {
            let mut metadata = cargo(["metadata", "--locked", "--format-version", "1"]);
            metadata.stdout(std::process::Stdio::null());
            step("Cargo.lock is up to date", metadata)?;
            lint()?;
            test::unit()?;
            // Questions to a server leave a processor idle, which a build has use for.
            run::both(test::api, purity::check)?;
            deny()?;
            console::test()?;
            test::kernel()?;
            test::lab()?;
            console::lab()
        }
        Command::Console => console::build(),
        Command::Deny => deny(),
        Command::Deps => deps::check(),
        Command::Fmt => format(),
        Command::Fuzz { seconds, seed } => test::fuzz(seconds, seed),
        Command::Insns => test::insns(),
        Command::Kills { count, seed } => test::kills(count, seed),
        Command::Lint => lint(),
        Command::Purity => purity::check(),
        Command::Reference => reference::write(),
        Command::Test { kind } => match kind {
            Some(TestKind::Api) => test::api(),
            Some(TestKind::Console) => console::test(),
            Some(TestKind::Unit) => test::unit(),
            Some(TestKind::Kernel) => test::kernel(),
            Some(TestKind::Lab) => {
                test::lab()?;
                console::lab()
            }
            None => {
                test::unit()?;
                test::api()?;
                console::test()?;
                test::kernel()?;
                test::lab()?;
                console::lab()
            }
        },
    }
}

fn format() -> Result<()> {
    step("formatting", cargo(["fmt", "--all", "--check"]))
}

fn lint() -> Result<()> {
    format()?;
    deps::check()?;
    reference::check()?;
    step("clippy", cargo(["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"]))?;
    let mut rustdoc = cargo(["doc", "--quiet", "--workspace", "--no-deps"]);
    rustdoc.env("RUSTDOCFLAGS", "-D warnings");
    step("rustdoc", rustdoc)
}

fn deny() -> Result<()> {
    if !run::exists("cargo-deny") {
        println!(
            "== cargo deny: left out, cargo-deny is not installed (scripts/setup.sh --deny installs it)"
        );
        return Ok(());
    }
    step("cargo deny", cargo(["deny", "--log-level", "error", "check", "licenses", "bans", "sources"]))?;
    let mut advisories = cargo(["deny", "--log-level", "error", "fetch", "db"]);
    advisories.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
    if advisories.status().context("starting cargo deny")?.success() {
        step("cargo deny advisories", cargo(["deny", "--log-level", "error", "check", "advisories"]))
    } else {
        println!("== cargo deny advisories: left out, the advisory database cannot be reached from here");
        Ok(())
    }
}

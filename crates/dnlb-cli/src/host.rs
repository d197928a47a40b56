//! Commands about the host on which they run: they read its agent's folder and the kernel's maps, and change nothing.

mod counters;
mod explain;
mod flow_log;
mod flows;
mod replay;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context, Result, ensure};
use clap::{Args, Subcommand};
use dnlb_agent::{HostNames, RunDir, saved_config};
use dnlb_switch::{LiveMaps, SwitchError};

use crate::print::Format;

/// What can be asked of a host.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// What this host would do with a packet, step by step, without sending one (on the host itself, as root)
    Explain(explain::Options),
    /// Flow records of this host's instances, or the log of new and closed flows (on the host itself, as root)
    Flows(flows::Options),
    /// What became of all packets, by outcome, and how many each service had (on the host itself, as root)
    Counters(counters::Options),
    /// What this host would do with the packets of a capture, one after another, without sending any (on the host itself, as
    /// root)
    Replay(replay::Options),
}

/// Which host's agent is meant.
#[derive(Args)]
struct Place {
    /// Folder of the host's agent; `dnlb lab exec NODE` sets it
    #[arg(long, env = dnlb_lab::RUN_DIR, default_value = "/var/lib/dnlb")]
    run_dir: PathBuf,
}

/// Runs one of them.
pub(crate) fn run(command: Command, format: Format) -> Result<()> {
    match command {
        Command::Explain(options) => explain::run(&options, format),
        Command::Flows(options) => flows::run(&options, format),
        Command::Counters(options) => counters::run(&options, format),
        Command::Replay(options) => replay::run(&options, format),
    }
}

impl Place {
    /// The kernel's maps.
    fn maps(&self) -> Result<LiveMaps> {
        self.open(LiveMaps::open)
    }

    /// The agent's folder.
    fn run_dir(&self) -> RunDir {
        RunDir::new(&self.run_dir)
    }

    /// Opens some of the kernel's maps.
    fn open<T>(&self, open: impl FnOnce(&Path) -> Result<T, SwitchError>) -> Result<T> {
        ensure!(
            nix::unistd::geteuid().is_root(),
            "reading the kernel's maps needs root: try again with sudo"
        );
        match open(&self.run_dir().bpf()) {
            Err(error @ SwitchError::NotPinned { .. }) => Err(error).with_context(|| {
                format!(
                    "no agent of this version has run with the folder {}; --run-dir names another",
                    self.run_dir.display()
                )
            }),
            other => other.context("cannot open the kernel's maps"),
        }
    }

    /// Names for numbers, from what the agent has saved.
    fn names(&self) -> Result<HostNames> {
        Ok(HostNames::new(saved_config(&self.run_dir())?.map(Arc::new)))
    }
}

//! Prints the benchmarks that need no lab, as Markdown. Those of the kernel programs need root.

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use dnlb_bench::{
    changes, control_plane,
    programs::{self, Effort},
};

/// How much to measure.
#[derive(Parser)]
#[command(args_conflicts_with_subcommands = true)]
struct Arguments {
    #[command(subcommand)]
    part: Option<Part>,
    /// Rounds; in each, every case runs once
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// Packets of each case and round
    #[arg(long, default_value_t = 500_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    packets: u32,
    /// Measure only packets whose line of the report contains this
    #[arg(long, conflicts_with = "changes")]
    only: Option<String>,
    /// Measure changes of configuration only, no packets
    #[arg(long)]
    changes: bool,
}

/// What is measured by itself.
#[derive(Subcommand)]
enum Part {
    /// Measure a server with a large region: lists, writes of many clients, the way of a change to the agents. Needs no root
    ControlPlane(control_plane::Options),
    /// Serve a large region, with agents that report its targets healthy, until standard input ends. Needs no root
    Region(control_plane::Hold),
    /// Be the server that is measured
    #[command(hide = true)]
    Server(Box<dnlb_server::Options>),
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    match arguments.part {
        Some(Part::ControlPlane(options)) => {
            println!("## The control plane at scale\n\n{}", control_plane::run(&options)?);
            return Ok(());
        }
        Some(Part::Region(options)) => return control_plane::hold(&options),
        Some(Part::Server(options)) => return serve(*options),
        None => {}
    }
    if !arguments.changes {
        let effort = Effort { rounds: arguments.rounds, repetitions: arguments.packets };
        let only = arguments.only.as_deref().unwrap_or_default();
        println!("## Packets, one program at a time\n\n{}", programs::run(effort, only)?);
    }
    if arguments.only.is_some() {
        return Ok(());
    }
    println!("## Tables of members\n\n{}", changes::rows(arguments.rounds));
    let updates = changes::updates(&mut programs::harness()?, arguments.rounds)?;
    println!("## Changes on a host that knows 10,000 services\n\n{updates}");
    Ok(())
}

/// As `dnlb server` does it.
fn serve(options: dnlb_server::Options) -> Result<()> {
    let filter = tracing_subscriber::EnvFilter::new("info");
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    runtime
        .context("starting the runtime")?
        .block_on(dnlb_server::run(options, dnlb_server::console::Console::default()))
}

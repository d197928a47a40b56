//! Prints the benchmarks that need no lab, as Markdown. Needs root.

use anyhow::Result;
use clap::Parser;
use dnlb_bench::{
    changes,
    programs::{self, Effort},
};

/// How much to measure.
#[derive(Parser)]
struct Arguments {
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

fn main() -> Result<()> {
    let arguments = Arguments::parse();
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

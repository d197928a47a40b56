//! Prints the benchmarks that need no lab, as Markdown. Needs root.

use anyhow::Result;
use clap::Parser;
use dnlb_bench::programs::{self, Effort};

/// How much to measure.
#[derive(Parser)]
struct Arguments {
    /// Rounds; in each, every case runs once
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    rounds: u32,
    /// Packets of each case and round
    #[arg(long, default_value_t = 500_000, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    packets: u32,
}

fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let effort = Effort { rounds: arguments.rounds, repetitions: arguments.packets };
    println!("{}", programs::run(effort)?);
    Ok(())
}

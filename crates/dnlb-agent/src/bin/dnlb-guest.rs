//! `dnlb guest` alone: what instances are made of, without the rest of the product.

use clap::Parser;

/// Mirrors the command line of the whole product, so that either binary can start instances.
#[derive(Debug, Parser)]
#[command(name = "dnlb-guest", about = "Runs inside instances")]
enum Cli {
    /// What runs inside instances.
    #[command(subcommand)]
    Guest(dnlb_agent::guest::Command),
}

fn main() -> anyhow::Result<()> {
    let Cli::Guest(command) = Cli::parse();
    dnlb_agent::guest::run(command)
}

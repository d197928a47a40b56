//! `dnlb agent` and `dnlb guest` alone: what a host needs, without the rest of the product.

use clap::Parser;

/// Mirrors the command line of the whole product, so that either binary can start instances.
#[derive(Debug, Parser)]
#[command(name = "dnlb-host", about = "What a host runs")]
enum Cli {
    /// Keep this host equal to its configuration.
    Agent(dnlb_agent::Options),
    /// What runs inside instances.
    #[command(subcommand)]
    Guest(dnlb_agent::guest::Command),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse() {
        Cli::Guest(command) => dnlb_agent::guest::run(command),
        Cli::Agent(options) => {
            let filter = tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
            tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
            tokio::runtime::Runtime::new()?.block_on(dnlb_agent::run(options))
        }
    }
}

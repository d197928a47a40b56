//! A region of a given size in a real server process, driven over loopback: how long lists, writes and the way to the agents take.
//!
//! The region is put into the store directly, as one transaction ([`fill`]); what agents say of it, the health of every target above all, comes by
//! the stream that real agents use ([`agents`]). Requests are signed, over connections that are kept ([`caller`]). Server, agents and clients share
//! the machine's processors.

pub mod agents;
pub mod arrival;
pub mod caller;
pub mod fill;
pub mod reads;
pub mod server;
pub mod writes;

use std::{
    io::{Write, copy, sink, stdin, stdout},
    path::PathBuf,
    sync::Arc,
    time::Instant,
};

use anyhow::{Context, Result};
use dnlb_model::Region;
use tempfile::TempDir;

use crate::report::{Samples, table};

use agents::Agents;
use fill::Size;
use server::{Server, Usage};

/// What to build, and how much to measure.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// The region.
    #[command(flatten)]
    pub size: Size,
    /// Requests of each kind of read
    #[arg(long, default_value_t = 300, value_parser = clap::value_parser!(u32).range(1..))]
    pub reads: u32,
    /// Clients that write at the same time
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=500))]
    pub clients: u32,
    /// Writes of all clients together, once as fast as they can and once at each pace
    #[arg(long, default_value_t = 5_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub writes: u32,
    /// Writes a second of all clients together, when they keep a pace; several with commas
    #[arg(long, default_value = "200,500", value_delimiter = ',', value_parser = clap::value_parser!(u32).range(1..))]
    pub pace: Vec<u32>,
    /// Changes of each kind that are followed to the agents
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..))]
    pub changes: u32,
    /// Folder in which the server's data lies while this runs [default: the system's for temporary files]
    #[arg(long)]
    pub dir: Option<PathBuf>,
}

/// A region to look at.
#[derive(Clone, Debug, clap::Args)]
pub struct Hold {
    /// The region.
    #[command(flatten)]
    pub size: Size,
    /// The `dnlb` that serves it
    #[arg(long, default_value = "target/release/dnlb")]
    pub program: PathBuf,
}

/// Builds the region, with agents that report every target healthy, says on standard output where it is, as JSON, and keeps it until standard
/// input ends.
///
/// # Errors
/// When something does not answer as it should.
pub fn hold(options: &Hold) -> Result<()> {
    let dir = TempDir::new().context("making a folder for the server's data")?;
    let region = Arc::new(fill::into_store(&options.size, dir.path())?);
    let server = Server::start(&options.program, dir.path())?;
    let agents = Agents::connect(&region, &server)?;
    agents.wait_until_all_healthy(&region)?;
    let key = dir.path().join(server::DATA).join("access-key.json");
    let place = serde_json::json!({"api": server.api(), "region": server::REGION, "keyFile": key});
    writeln!(stdout(), "{place}").context("saying where it is")?;
    copy(&mut stdin().lock(), &mut sink()).context("waiting for the end of standard input")?;
    Ok(())
}

/// What part of the run took how much.
struct Phase {
    name: String,
    seconds: f64,
    after: Usage,
    cpu: f64,
}

/// Builds the region, measures, and returns what came out as Markdown. Says on standard error what it is doing.
///
/// # Errors
/// When something does not answer as it should.
pub fn run(options: &Options) -> Result<String> {
    let dir = match &options.dir {
        Some(dir) => TempDir::new_in(dir),
        None => TempDir::new(),
    };
    let dir = dir.context("making a folder for the server's data")?;
    let begun = Instant::now();
    let region = Arc::new(fill::into_store(&options.size, dir.path())?);
    let filled = begun.elapsed();

    let begun = Instant::now();
    let program = std::env::current_exe().context("looking for this program")?;
    let server = Server::start(&program, dir.path())?;
    let mut phases = vec![Phase {
        name: format!("opening a region that the benchmark wrote in {:.1} s", filled.as_secs_f64()),
        seconds: begun.elapsed().as_secs_f64(),
        after: server.usage()?,
        cpu: server.usage()?.cpu_seconds,
    }];
    let agents =
        server_phase(&mut phases, &server, "agents connect and report every target healthy", || {
            let agents = Agents::connect(&region, &server)?;
            agents.wait_until_all_healthy(&region)?;
            Ok(agents)
        })?;
    let reads =
        server_phase(&mut phases, &server, "reads", || reads::measure(&server, &region, options.reads))?;
    let arrivals = server_phase(&mut phases, &server, "changes followed to the agents", || {
        arrival::measure(&server, &region, &agents, options.changes)
    })?;
    let fast = server_phase(&mut phases, &server, "writes, as fast as clients can", || {
        writes::measure(&server, &region, options.clients, options.writes, None)
    })?;
    let mut paced = Vec::new();
    for &pace in &options.pace {
        let name = format!("writes, {pace} a second");
        let writes = server_phase(&mut phases, &server, &name, || {
            writes::measure(&server, &region, options.clients, options.writes, Some(pace))
        })?;
        paced.push((pace, writes));
    }

    let mut page = said(&options.size, &region);
    page += &format!("\n### Reads, one after the other\n\n{}", latencies(&reads));
    page +=
        &format!("\n### Writes of {} clients, as fast as they can\n\n{}", options.clients, latencies(&fast));
    for (pace, writes) in &paced {
        page += &format!(
            "\n### Writes of {} clients, {pace} a second in all, from when each was due\n\n{}",
            options.clients,
            latencies(writes)
        );
    }
    page +=
        &format!("\n### From a reply, or a report, to each agent that has it\n\n{}", latencies(&arrivals));
    page += &format!("\n### The server's processor time and memory\n\n{}", usage(&phases));
    Ok(page)
}

/// Does a part of the run and notes what it took.
fn server_phase<T>(
    phases: &mut Vec<Phase>,
    server: &Server,
    name: &str,
    run: impl FnOnce() -> Result<T>,
) -> Result<T> {
    eprintln!("{name} ...");
    let (before, begun) = (server.usage()?, Instant::now());
    let result = run().with_context(|| format!("{name}\n{}", server.log()))?;
    let after = server.usage()?;
    let cpu = after.cpu_seconds - before.cpu_seconds;
    phases.push(Phase { name: name.to_owned(), seconds: begun.elapsed().as_secs_f64(), after, cpu });
    Ok(result)
}

fn said(size: &Size, region: &Region) -> String {
    format!(
        "{} targets in {} target groups, {} listeners, {} load balancers ({} with an elastic IP), {} VPCs, {} hosts and {} edges.\n",
        size.targets,
        region.target_groups.len(),
        region.listeners.len(),
        region.load_balancers.len(),
        region.eips.len(),
        region.vpcs.len(),
        size.hosts,
        size.edges,
    )
}

/// Milliseconds of each kind of thing, as a table.
fn latencies(lines: &[(String, Samples)]) -> String {
    let shares = [0.5, 0.9, 0.99, 0.999, 1.0];
    let rows: Vec<_> = lines
        .iter()
        .map(|(name, samples)| {
            let mut row = vec![name.clone(), samples.len().to_string()];
            row.extend(shares.iter().map(|share| format!("{:.1}", samples.quantile(*share))));
            row
        })
        .collect();
    table(&["what", "how many", "50 %, ms", "90 %", "99 %", "99.9 %", "slowest"], &rows)
}

fn usage(phases: &[Phase]) -> String {
    let rows: Vec<_> = phases
        .iter()
        .map(|phase| {
            vec![
                phase.name.clone(),
                format!("{:.1}", phase.seconds),
                format!("{:.1}", phase.cpu),
                format!("{:.0}", phase.after.resident_mib),
                format!("{:.0}", phase.after.most_resident_mib),
            ]
        })
        .collect();
    table(&["part", "seconds", "processor seconds", "MiB in memory after it", "MiB at most so far"], &rows)
}

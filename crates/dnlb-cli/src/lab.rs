//! The lab's commands.

mod bench;
mod demo;
mod flood;
mod torture;
mod upgrade;
mod walk;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use dnlb_lab::{Access, DEFAULT_NAME, Failure, Lab, Size};
use dnlb_server::{access::bootstrap::FIRST_NAME, console};
use serde_json::{Value, json};

use crate::{
    access::lab_access,
    api::Api,
    print::{self, Format},
    wait::wait_until,
};

/// How long agents may take to connect and to show the first configuration.
const READY: Duration = Duration::from_secs(40);

/// The lab's commands and which lab is meant.
#[derive(Args)]
pub(crate) struct Command {
    /// Which lab, if there are several on this machine
    #[arg(long, global = true, default_value = DEFAULT_NAME)]
    name: String,
    #[command(subcommand)]
    command: LabCommand,
}

/// What a lab is made of. Each has one value so far; naming another is refused instead of ignored.
#[derive(Args)]
struct Parts {
    /// Servers
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..=1))]
    servers: u8,
    /// Where the server keeps the region
    #[arg(long, default_value = "embedded", value_parser = ["embedded"])]
    store: String,
    /// What instances are
    #[arg(long, default_value = "netns", value_parser = ["netns"])]
    driver: String,
}

#[derive(Subcommand)]
enum LabCommand {
    /// Build a region; returns when all agents show the present configuration
    Up {
        #[command(flatten)]
        size: Size,
        #[command(flatten)]
        _parts: Parts,
    },
    /// Print what a shell needs to talk to it: eval "$(dnlb lab env)"
    Env,
    /// Nodes, what runs on them, what is broken on purpose
    Status,
    /// Run a command on a node or inside an instance
    Exec {
        /// client, router, server, edge-1, a host's name, or an instance's id
        node: String,
        /// The command and its arguments
        #[arg(required = true, trailing_var_arg = true, allow_hyphen_values = true)]
        command: Vec<String>,
    },
    /// Break a node or kill an instance
    Fail {
        /// An agent's node, the server, the client, or an instance's id
        node: String,
        /// How; without it, nodes lose power and the client is cut off
        #[arg(long, value_enum)]
        how: Option<Failure>,
    },
    /// Mend a node: connect it, start what does not run
    Heal {
        /// A node's name
        node: String,
    },
    /// Run another program as a node's agent; returns when its kernel programs have taken over
    Upgrade {
        /// A host or an edge
        node: String,
        /// The program: another build of this one
        #[arg(long)]
        program: PathBuf,
    },
    /// Remove everything, also what a crash has left
    Down,
    /// Build a region and walk through it, from an empty network to balanced traffic
    Demo,
    /// Throughput, latency and connection rates through a VIP, beside no balancer and beside others
    Bench(bench::Options),
    /// What a flood of SYNs does to connections that are there
    Flood(flood::Options),
    /// Long-lived connections that check their bytes while everything changes; the last line says how many broke
    Torture(torture::Options),
}

/// Runs one of the lab's commands; the exit code is that of the command run on a node.
pub(crate) fn run(command: Command, format: Format) -> Result<u8> {
    let name = command.name;
    dnlb_lab::require_root()?;
    match command.command {
        LabCommand::Up { size, .. } => {
            let lab = up(&name, &size, "lab up")?;
            announce(&lab)?;
        }
        LabCommand::Env => {
            let access = Lab::open(&name)?.access()?;
            println!("export DNLB_ENDPOINT={}", access.endpoint);
            println!("export DNLB_SCHEME=http");
            println!("export DNLB_REGION={}", access.region);
            println!("export DNLB_ACCESS_KEY={}", access.access_key);
            println!("export DNLB_SECRET_KEY={}", access.secret_key);
            println!("export DNLB_CONSOLE_URL={}", console_url(&access));
            println!("export DNLB_CONSOLE_USER={FIRST_NAME}");
            if let Some(password) = access.password {
                println!("export DNLB_CONSOLE_PASSWORD={password}");
            }
        }
        LabCommand::Status => status(&Lab::open(&name)?, format),
        LabCommand::Exec { node, command } => return dnlb_lab::exec(&Lab::open(&name)?, &node, &command),
        LabCommand::Fail { node, how } => fail(&mut Lab::open(&name)?, &node, how)?,
        LabCommand::Heal { node } => {
            Lab::open(&name)?.heal(&node)?;
            println!("{node} is whole again");
        }
        LabCommand::Upgrade { node, program } => {
            upgrade::run(&mut Lab::open(&name)?, &node, &program)?;
            println!("{node} runs {}", program.display());
        }
        LabCommand::Down => {
            let found = dnlb_lab::down(&name)?;
            println!("{}", if found { "the lab is gone" } else { "there was nothing to remove" });
        }
        LabCommand::Demo => demo::run(&name)?,
        LabCommand::Bench(options) => bench::run(&options)?,
        LabCommand::Flood(options) => flood::run(&options)?,
        LabCommand::Torture(options) => return Ok(u8::from(!torture::run(&options)?)),
    }
    Ok(0)
}

/// Builds a lab and waits until all its agents show the present configuration.
fn up(name: &str, size: &Size, purpose: &str) -> Result<Lab> {
    let lab = Lab::create(name, size, &dnlb_lab::own_program()?, purpose)?;
    let agents = lab.topology().agents().count();
    let mut last = json!(null);
    let ready = wait_until(READY, || {
        if let Some(dead) = lab.record().processes.iter().find(|(_, process)| !process.is_alive()) {
            bail!("the process on {} ended:\n{}", dead.0, tail(&lab.files().log(dead.0)));
        }
        // The server makes its key before it listens; until then there is nobody to ask.
        let Ok(status) = lab_access(name).and_then(|access| Api::new(access).status()) else {
            return Ok(false);
        };
        last = status;
        let hosts = last["hosts"].as_array().map_or(0, Vec::len);
        Ok(hosts == agents && last["converged"] == true)
    });
    ready.with_context(|| {
        format!(
            "lab `{name}` did not get ready ({} names what is there; logs are in {}): {last}",
            "`dnlb lab status`",
            lab.files().node("").display()
        )
    })?;
    Ok(lab)
}

/// Says where the lab's API is and how to go on.
fn announce(lab: &Lab) -> Result<()> {
    let access = lab.access()?;
    let (dnlb, in_lab) = (own_name()?, lab_words(lab.name())?);
    println!("lab `{}` is up: {} nodes, all agents ready\n", lab.name(), lab.topology().nodes.len());
    println!("  API         http://{}", access.endpoint);
    println!("  region      {} ({})", access.region, lab.topology().azs.join(", "));
    println!("  access key  {} (its secret: {})", access.access_key, lab.files().access_key().display());
    print_console(lab, &access);
    println!("\nNext:");
    println!("  eval \"$({in_lab} env)\"   for the other commands");
    println!("  {dnlb} status   hosts, load balancers, health");
    println!("  {in_lab} exec client -- ip route   a command on a node");
    println!("  {in_lab} down   remove everything");
    Ok(())
}

/// Where a lab's console is.
fn console_url(access: &Access) -> String {
    format!("http://{}{}", access.endpoint, console::PATH)
}

/// Says where the console is and how to come in. The password stays in its file: what is printed here may be kept in a log.
fn print_console(lab: &Lab, access: &Access) {
    println!(
        "  console     {} (user {FIRST_NAME}; its password: {})",
        console_url(access),
        lab.files().access_key().display()
    );
}

/// How to call this program again from where its user is.
fn own_name() -> Result<String> {
    let program = dnlb_lab::own_program()?;
    let here = std::env::current_dir().unwrap_or_default();
    Ok(program.strip_prefix(&here).unwrap_or(&program).display().to_string())
}

/// How to call the lab's commands again.
fn lab_words(name: &str) -> Result<String> {
    let sudo = if std::env::var_os("SUDO_USER").is_some() { "sudo " } else { "" };
    let option = if name == DEFAULT_NAME { String::new() } else { format!(" --name {name}") };
    Ok(format!("{sudo}{} lab{option}", own_name()?))
}

fn fail(lab: &mut Lab, node: &str, how: Option<Failure>) -> Result<()> {
    if lab.topology().node(node).is_none() {
        lab.kill_instance(node)?;
        println!("instance {node} is dead");
        return Ok(());
    }
    let how = how.unwrap_or(if node == "client" { Failure::Cut } else { Failure::Off });
    lab.fail(node, how)?;
    let word = match how {
        Failure::Cut => "is cut off",
        Failure::Deaf => "is cut off from the server alone",
        Failure::Freeze => "has its process stopped",
        Failure::Kill => "has lost its process",
        Failure::Off => "has lost power",
    };
    println!("{node} {word}; `dnlb lab heal {node}` mends it");
    Ok(())
}

fn status(lab: &Lab, format: Format) {
    let record = lab.record();
    let instances = lab.instances();
    let nodes: Vec<Value> = lab
        .topology()
        .nodes
        .iter()
        .map(|node| {
            let process = record.processes.get(&node.name);
            let on_node: Vec<_> =
                instances.iter().filter(|(_, host, _)| *host == node.name).map(|(id, _, _)| id).collect();
            json!({
                "node": node.name,
                "address": node.ip(lab.topology().underlay).map(|addr| addr.to_string()),
                "az": node.az,
                "rack": node.rack,
                "process": process.map(|process| if process.is_alive() { "runs" } else { "dead" }),
                "pid": process.map(|process| process.pid),
                "broken": record.broken.get(&node.name),
                "instances": on_node,
            })
        })
        .collect();
    if format != Format::Table {
        let lab = json!({"name": lab.name(), "port": record.port, "owner": record.owner, "nodes": nodes});
        print::data(format, &lab);
        return;
    }
    println!(
        "lab `{}`, API at http://127.0.0.1:{}, brought up by {}\n",
        lab.name(),
        record.port,
        record.owner
    );
    print::table(
        &[
            ("NODE", "/node"),
            ("ADDRESS", "/address"),
            ("AZ", "/az"),
            ("RACK", "/rack"),
            ("PROCESS", "/process"),
            ("PID", "/pid"),
            ("BROKEN", "/broken"),
            ("INSTANCES", "/instances"),
        ],
        &nodes,
    );
}

/// The last lines of a log.
fn tail(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<_> = text.lines().collect();
    lines[lines.len().saturating_sub(15)..].join("\n")
}

//! `dnlb lab torture`: everything changes while thousands of connections check their bytes.

use std::{
    collections::BTreeMap,
    fs, thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use dnlb_lab::{Failure, Lab, Size};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::Value;

use super::{
    up,
    walk::{Walk, text},
};

/// Its own lab, so that it disturbs nobody's.
const LAB: &str = "torture";
/// Where instances serve.
const PORT: &str = "9000";
/// Where they are checked: apart, so that one can be unhealthy and alive.
const CHECK_PORT: &str = "9001";
/// Instances, in the group or out of it.
const INSTANCES: usize = 8;
/// The group is never smaller.
const FEWEST: usize = 3;

/// What to do, and how hard.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Connections, half of them from outside by the elastic IP, half from an instance by the VIP
    #[arg(long, default_value_t = 4000, value_parser = clap::value_parser!(u32).range(2..=20_000))]
    connections: u32,
    /// Sessions of datagrams beside them, half from outside too
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(2..=20_000))]
    sessions: u32,
    /// Seconds of changes: fewer than the 300 s for which an instance that leaves keeps its connections
    #[arg(long, default_value_t = 120, value_parser = clap::value_parser!(u16).range(5..=280))]
    seconds: u16,
    /// What the order of changes is drawn from
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Which changes; without it, all
    #[arg(long, value_enum, value_delimiter = ',')]
    changes: Vec<Change>,
}

/// Something that must not break a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Change {
    /// An agent is killed and starts again
    Agent,
    /// An edge loses power, and later has it again
    Edge,
    /// An instance fails its checks for a while, alive
    Flap,
    /// An instance joins the group
    Join,
    /// An instance leaves the group and drains
    Leave,
    /// An instance's weight changes
    Weight,
}

/// Builds a lab, tortures it, prints, removes the lab; whether nothing broke.
pub(crate) fn run(options: &Options) -> Result<bool> {
    ensure!(
        dnlb_lab::Files::of(LAB).load()?.is_none(),
        "lab `{LAB}` is there already: `dnlb lab --name {LAB} down`"
    );
    let result = up(LAB, &Size::default(), "lab torture").and_then(|lab| torture(lab, options));
    let removed = dnlb_lab::down(LAB);
    // The torture's own error says more.
    let held = result?;
    removed?;
    Ok(held)
}

fn torture(lab: Lab, options: &Options) -> Result<bool> {
    let mut walk = Walk { lab, aloud: false };
    let scene = prepare(&walk)?;
    println!(
        "{} connections and {} sessions of datagrams to {INSTANCES} instances; changes for {} s, seed {}",
        options.connections, options.sessions, options.seconds, options.seed
    );
    let (half, sessions) = (options.connections / 2, options.sessions / 2);
    let outside = ("client".to_owned(), format!("{}:80", scene.eip));
    let inside = (scene.caller.clone(), format!("{}:80", scene.vip));
    let holders: Vec<_> = [
        (&outside, options.connections - half, false),
        (&inside, half, false),
        (&outside, options.sessions - sessions, true),
        (&inside, sessions, true),
    ]
    .into_iter()
    .map(|((place, to), connections, datagrams)| {
        // A few seconds more than the changes, to see the last of them.
        let mut words = [
            "dnlb",
            "guest",
            "hold",
            "--to",
            to,
            "--connections",
            &connections.to_string(),
            "--seconds",
            &(options.seconds + 8).to_string(),
        ]
        .map(str::to_owned)
        .to_vec();
        if datagrams {
            words.push("--datagrams".to_owned());
        }
        let place = place.clone();
        let title =
            format!("{} from {place}", if datagrams { "sessions of datagrams" } else { "connections" });
        thread::spawn(move || {
            let output = dnlb_lab::output(&Lab::open(LAB)?, &place, &words)?;
            ensure!(output.code == 0, "holding {title}: {}", output.stderr.trim());
            Ok((title, output.stdout))
        })
    })
    .collect();
    thread::sleep(Duration::from_millis(u64::from(half.max(sessions)) + 2_000));
    let made = change(&mut walk, &scene, options);
    let mut broken = 0;
    for holder in holders {
        let (title, said) = holder.join().map_err(|_| anyhow::anyhow!("a holder panicked"))??;
        broken += report(&title, &serde_json::from_str(&said).context("the holder said no JSON")?);
    }
    // After the connections' own report, which says more.
    let made = made?;
    println!("\nchanges made");
    for (name, count) in made {
        println!("  {name:<8} {count:>8}");
    }
    counters(&walk)?;
    println!("\nbroken: {broken} of {}", options.connections + options.sessions);
    Ok(broken == 0)
}

/// What [`prepare`] has made.
struct Scene {
    vip: String,
    eip: String,
    caller: String,
    /// Ids of the instances.
    instances: Vec<String>,
}

fn prepare(walk: &Walk) -> Result<Scene> {
    walk.dnlb("vpc create t --prefix 10.0.0.0/16")?;
    walk.dnlb("subnet create t --vpc t --prefix 10.0.0.0/24")?;
    walk.dnlb("sg create t --vpc t")?;
    for protocol in ["tcp", "udp"] {
        for direction in ["in", "out"] {
            walk.dnlb(&format!("sg allow t --direction {direction} --protocol {protocol}"))?;
        }
    }
    walk.dnlb("template create t --subnet t --sg t --image img-blank")?;
    walk.dnlb("ag create t --template t")?;
    let made = walk.dnlb(&format!("ag scale t --to {INSTANCES} --wait"))?;
    let made = made.as_array().context("a list of instances")?;
    let instances = made.iter().map(|instance| text(instance, "/instanceId")).collect::<Result<Vec<_>>>()?;
    let caller = text(&walk.dnlb("instance create caller --template t --az lab-1a --wait")?, "/instanceId")?;
    for id in &instances {
        for port in [PORT, CHECK_PORT] {
            // The shell knows no `dnlb`; the name of the program comes as its argument.
            let line = format!("\"$0\" guest echo --port {port} --name {id} </dev/null >/dev/null 2>&1 &");
            let program = walk.lab.program().display().to_string();
            walk.exec(id, &["sh", "-c", &line, &program])?;
        }
    }
    let vip = text(&walk.dnlb("lb create t --subnet t")?, "/privateIp/privateIpAddress")?;
    walk.dnlb("target-group create t --lb t")?;
    for id in &instances {
        walk.dnlb(&format!("target-group register t --instance {id} --weight 10"))?;
    }
    for protocol in ["tcp", "udp"] {
        walk.dnlb(&format!(
            "backend create {protocol} --lb t --protocol {protocol} --port {PORT} --target-group t --algorithm quintuple-hash --check-protocol tcp --check-port {CHECK_PORT} --check-interval 5 --check-timeout 2 --healthy-after 1 --unhealthy-after 1"
        ))?;
        walk.dnlb(&format!(
            "listener create {protocol} --lb t --protocol {protocol} --port 80 --backend {protocol}"
        ))?;
    }
    let eip = text(&walk.dnlb("eip create")?, "/elasticIpAddress")?;
    walk.dnlb(&format!("lb associate-eip t {eip}"))?;
    walk.dnlb(&format!("health tcp --wait {INSTANCES}"))?;
    walk.dnlb(&format!("health udp --wait {INSTANCES}"))?;
    walk.dnlb("status --wait")?;
    Ok(Scene { vip, eip, caller, instances })
}

/// Makes changes until the time is over, then undoes what is left of them; says how often each was made.
fn change(walk: &mut Walk, scene: &Scene, options: &Options) -> Result<BTreeMap<String, u32>> {
    let mut rng = StdRng::seed_from_u64(options.seed);
    let kinds = if options.changes.is_empty() { Change::value_variants() } else { &options.changes };
    let agents: Vec<String> = walk.lab.topology().agents().map(|node| node.name.clone()).collect();
    let edges: Vec<&String> = agents.iter().filter(|name| name.starts_with("edge-")).collect();
    let (mut members, mut others) = (scene.instances.clone(), Vec::new());
    let mut made = BTreeMap::new();
    let mut flapping: Option<String> = None;
    let mut dark: Option<String> = None;
    let end = Instant::now() + Duration::from_secs(options.seconds.into());
    while Instant::now() < end {
        thread::sleep(Duration::from_millis(rng.random_range(0..1_500)));
        let kind = *kinds.choose(&mut rng).context("there are kinds of changes")?;
        match kind {
            Change::Agent => {
                let agent = agents.choose(&mut rng).context("there are agents")?;
                if dark.as_ref() == Some(agent) {
                    continue;
                }
                walk.lab.fail(agent, Failure::Kill)?;
                thread::sleep(Duration::from_millis(rng.random_range(0..1_500)));
                walk.lab.heal(agent)?;
            }
            Change::Edge => match dark.take() {
                Some(edge) => {
                    walk.lab.heal(&edge)?;
                    // The other one must not go before this one forwards.
                    walk.dnlb("status --wait")?;
                }
                None => {
                    let edge = (*edges.choose(&mut rng).context("there are edges")?).clone();
                    walk.lab.fail(&edge, Failure::Off)?;
                    dark = Some(edge);
                }
            },
            Change::Flap => match flapping.take() {
                Some(id) => stop_flapping(walk, &id)?,
                None => {
                    let id = members.choose(&mut rng).context("there are members")?.clone();
                    start_flapping(walk, &id)?;
                    flapping = Some(id);
                }
            },
            Change::Join => {
                if others.is_empty() {
                    continue;
                }
                let id: String = others.swap_remove(rng.random_range(0..others.len()));
                let weight = rng.random_range(1..=100);
                walk.dnlb(&format!("target-group register t --instance {id} --weight {weight}"))?;
                members.push(id);
            }
            Change::Leave => {
                if members.len() <= FEWEST {
                    continue;
                }
                let id = members.swap_remove(rng.random_range(0..members.len()));
                walk.dnlb(&format!("target-group deregister t --instance {id}"))?;
                others.push(id);
            }
            Change::Weight => {
                let id = members.choose(&mut rng).context("there are members")?;
                let weight = rng.random_range(1..=100);
                walk.dnlb(&format!("target-group set-target t --instance {id} --weight {weight}"))?;
            }
        }
        *made.entry(format!("{kind:?}").to_lowercase()).or_insert(0) += 1;
    }
    if let Some(id) = flapping {
        stop_flapping(walk, &id)?;
    }
    if let Some(edge) = dark {
        walk.lab.heal(&edge)?;
    }
    ensure!(!made.is_empty(), "nothing was changed: the chosen kinds of changes need others before them");
    Ok(made)
}

fn start_flapping(walk: &Walk, id: &str) -> Result<()> {
    let rules = format!(
        "table inet flap {{ chain in {{ type filter hook input priority 0; tcp dport {CHECK_PORT} drop; }}; }}"
    );
    walk.exec(id, &["nft", &rules]).map(drop)
}

fn stop_flapping(walk: &Walk, id: &str) -> Result<()> {
    walk.exec(id, &["nft", "delete table inet flap"]).map(drop)
}

/// Prints what became of the connections or sessions of one place; how many broke, or never came to be.
fn report(title: &str, held: &Value) -> u64 {
    println!("\n{title}: {}, {} blocks", held["connections"], held["blocks"]);
    let mut broken = 0;
    for (reason, count) in held["neverOpened"].as_object().into_iter().flatten() {
        println!("  never opened: {count}, {reason}");
        broken += count.as_u64().unwrap_or(0);
    }
    for one in held["broken"].as_array().into_iter().flatten() {
        println!("  broken at {}: {}, {}", one["server"], one["connections"], one["reason"]);
        broken += one["connections"].as_u64().unwrap_or(0);
    }
    for (server, count) in held["lasted"].as_object().into_iter().flatten() {
        println!("  lasted at {server}: {count}");
    }
    broken
}

/// Prints every counter, of all hosts together.
fn counters(walk: &Walk) -> Result<()> {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for node in walk.lab.topology().agents() {
        let path = walk.lab.files().node(&node.name).join("status.json");
        let status = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let status: Value = serde_json::from_slice(&status).with_context(|| path.display().to_string())?;
        for (name, counted) in status["outcomes"].as_object().into_iter().flatten() {
            *sums.entry(name.clone()).or_default() += counted["packets"].as_u64().unwrap_or(0);
        }
    }
    println!("\npackets by outcome, all hosts (an edge that lost power has begun anew)");
    for (name, packets) in sums {
        println!("  {name:<26} {packets:>10}");
    }
    Ok(())
}

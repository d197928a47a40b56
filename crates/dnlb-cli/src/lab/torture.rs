//! `dnlb lab torture`: everything changes while thousands of connections check their bytes.

use std::{
    collections::BTreeMap,
    fs,
    path::PathBuf,
    thread,
    time::{Duration, Instant, UNIX_EPOCH},
};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use dnlb_lab::{Failure, Lab, Size};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};
use serde_json::Value;

use super::{
    up, upgrade,
    walk::{Walk, text},
};

/// Its own lab, so that it disturbs nobody's.
const LAB: &str = "torture";
/// Where instances serve.
const PORT: u16 = 9000;
/// Where they are checked: apart, so that one can be unhealthy and alive.
const CHECK_PORT: u16 = 9001;
/// Instances of a family, in its group or out of it.
const INSTANCES: usize = 6;
/// A group is never smaller.
const FEWEST: usize = 3;
/// Instances of a family that are removed for good: more would leave few connections whose server lives.
const REMOVED: usize = 2;

/// What to do, and how hard.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Connections, half of them from outside by an elastic IP, half from an instance by a VIP; half over IPv4, half over IPv6
    #[arg(long, default_value_t = 4000, value_parser = clap::value_parser!(u32).range(4..=20_000))]
    connections: u32,
    /// Sessions of datagrams beside them, in the same shares
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(4..=20_000))]
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
    /// What agents are upgraded to, and back from: another build, for example one with other layouts of the maps. Without it,
    /// the same program takes over from itself
    #[arg(long, env = "DNLB_TRIAL_BIN")]
    upgrade_to: Option<PathBuf>,
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
    /// An instance joins its group
    Join,
    /// An agent hears of nothing for a while, stopped or cut off from the server alone; then it hears of everything at once
    Late,
    /// An instance leaves its group and drains
    Leave,
    /// An instance is deleted, and another one made that can join; what the deleted one served ends with it
    Remove,
    /// Another program, or the same again, takes over from an agent
    Upgrade,
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
    let mut scenes = [Scene::prepare(&walk, Family::V4)?, Scene::prepare(&walk, Family::V6)?];
    println!(
        "{} connections and {} sessions of datagrams to {INSTANCES} instances by IPv4 and {INSTANCES} by IPv6; changes for {} s, seed {}",
        options.connections, options.sessions, options.seconds, options.seed
    );
    let ends: Vec<_> = scenes
        .iter()
        .flat_map(|scene| {
            [("client".to_owned(), scene.eip.clone()), (scene.caller.clone(), scene.vip.clone())]
        })
        .collect();
    let mut holders = Vec::new();
    for (at, (place, to)) in ends.iter().enumerate() {
        for (all, datagrams) in [(options.connections, false), (options.sessions, true)] {
            // What does not divide is the last one's.
            let share = all / ends.len() as u32;
            let count = if at + 1 == ends.len() { all - share * at as u32 } else { share };
            // A few seconds more than the changes, to see the last of them.
            holders.push(hold(place, to, count, options.seconds + 8, datagrams));
        }
    }
    let opening = options.connections.max(options.sessions) / ends.len() as u32;
    thread::sleep(Duration::from_millis(u64::from(opening) + 2_000));
    let made = Changes::new(&mut walk, &mut scenes, options).and_then(Changes::make);
    let (mut broken, mut all) = (0, 0);
    let removed: BTreeMap<_, _> = scenes.iter().flat_map(|scene| scene.removed.iter().cloned()).collect();
    for holder in holders {
        let (title, said) = holder.join().map_err(|_| anyhow::anyhow!("a holder panicked"))??;
        let held = serde_json::from_str(&said).context("the holder said no JSON")?;
        let (own_broken, living) = report(&title, &held, &removed);
        broken += own_broken;
        all += living;
    }
    // After the connections' own report, which says more.
    let made = made?;
    println!("\nchanges made");
    for (name, count) in made {
        println!("  {name:<8} {count:>8}");
    }
    counters(&walk)?;
    println!("\nbroken: {broken} of {all}");
    Ok(broken == 0)
}

/// Holds connections or sessions from a node or instance; ends with what they are and the holder's JSON.
fn hold(
    place: &str,
    to: &str,
    count: u32,
    seconds: u16,
    datagrams: bool,
) -> thread::JoinHandle<Result<(String, String)>> {
    let line = format!("dnlb guest hold --to {to} --connections {count} --seconds {seconds}");
    let mut words: Vec<_> = line.split(' ').map(str::to_owned).collect();
    if datagrams {
        words.push("--datagrams".to_owned());
    }
    let kind = if datagrams { "sessions of datagrams" } else { "connections" };
    let (place, title) = (place.to_owned(), format!("{kind} from {place} to {to}"));
    thread::spawn(move || {
        let output = dnlb_lab::output(&Lab::open(LAB)?, &place, &words)?;
        ensure!(output.code == 0, "holding {title}: {}", output.stderr.trim());
        Ok((title, output.stdout))
    })
}

/// IP version of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    V4,
    V6,
}

/// A network of one family with its load balancer; everything in it has the same name.
struct Scene {
    name: &'static str,
    /// VIP and EIP with the listeners' port.
    vip: String,
    eip: String,
    /// The instance that calls.
    caller: String,
    /// Ids of the instances in the group.
    members: Vec<String>,
    /// Ids of those out of it.
    others: Vec<String>,
    /// Ids of those that are gone, and since when: the Unix time in milliseconds before their deletion.
    removed: Vec<(String, u64)>,
    /// Whose checks fail.
    flapping: Option<String>,
}

impl Scene {
    fn prepare(walk: &Walk, family: Family) -> Result<Self> {
        let (name, vpc, subnet, version) = match family {
            Family::V4 => ("t4", "10.0.0.0/16", "10.0.0.0/24", 4),
            Family::V6 => ("t6", "fd00:0:1::/48", "fd00:0:1:1::/64", 6),
        };
        walk.dnlb(&format!("vpc create {name} --prefix {vpc}"))?;
        walk.dnlb(&format!("subnet create {name} --vpc {name} --prefix {subnet}"))?;
        walk.dnlb(&format!("sg create {name} --vpc {name}"))?;
        for protocol in ["tcp", "udp"] {
            for direction in ["in", "out"] {
                walk.dnlb(&format!("sg allow {name} --direction {direction} --protocol {protocol}"))?;
            }
        }
        walk.dnlb(&format!("template create {name} --subnet {name} --sg {name} --image img-blank"))?;
        walk.dnlb(&format!("ag create {name} --template {name}"))?;
        let made = walk.dnlb(&format!("ag scale {name} --to {INSTANCES} --wait"))?;
        let made = made.as_array().context("a list of instances")?;
        let members =
            made.iter().map(|instance| text(instance, "/instanceId")).collect::<Result<Vec<_>>>()?;
        let caller = format!("instance create {name}-caller --template {name} --az lab-1a --wait");
        let caller = text(&walk.dnlb(&caller)?, "/instanceId")?;
        let vip =
            text(&walk.dnlb(&format!("lb create {name} --subnet {name}"))?, "/privateIp/privateIpAddress")?;
        walk.dnlb(&format!("target-group create {name} --lb {name}"))?;
        for id in &members {
            serve(walk, id)?;
            walk.dnlb(&format!("target-group register {name} --instance {id} --weight 10"))?;
        }
        for protocol in ["tcp", "udp"] {
            let backend = format!("{name}-{protocol}");
            walk.dnlb(&format!(
                "backend create {backend} --lb {name} --protocol {protocol} --port {PORT} --target-group {name} --algorithm quintuple-hash --check-protocol tcp --check-port {CHECK_PORT} --check-interval 5 --check-timeout 2 --healthy-after 1 --unhealthy-after 1"
            ))?;
            walk.dnlb(&format!(
                "listener create {backend} --lb {name} --protocol {protocol} --port 80 --backend {backend}"
            ))?;
        }
        let eip = text(&walk.dnlb(&format!("eip create --ip-version {version}"))?, "/elasticIpAddress")?;
        walk.dnlb(&format!("lb associate-eip {name} {eip}"))?;
        for protocol in ["tcp", "udp"] {
            walk.dnlb(&format!("health {name}-{protocol} --wait {INSTANCES}"))?;
        }
        walk.dnlb("status --wait")?;
        let [vip, eip] = [vip, eip].map(|addr| match family {
            Family::V4 => format!("{addr}:80"),
            Family::V6 => format!("[{addr}]:80"),
        });
        let (others, removed, flapping) = (Vec::new(), Vec::new(), None);
        Ok(Self { name, vip, eip, caller, members, others, removed, flapping })
    }
}

/// Starts the servers in an instance.
fn serve(walk: &Walk, id: &str) -> Result<()> {
    [PORT, CHECK_PORT].into_iter().try_for_each(|port| dnlb_lab::serve_echo(&walk.lab, id, port))
}

/// What changes everything, and what it has to undo in the end.
struct Changes<'t> {
    walk: &'t mut Walk,
    scenes: &'t mut [Scene],
    rng: StdRng,
    kinds: Vec<Change>,
    until: Duration,
    /// What agents run, and what they are upgraded to.
    programs: [PathBuf; 2],
    agents: Vec<String>,
    edges: Vec<String>,
    /// The edge without power.
    dark: Option<String>,
    /// The node whose agent hears of nothing.
    late: Option<String>,
    /// How often each change was made.
    made: BTreeMap<String, u32>,
}

impl<'t> Changes<'t> {
    fn new(walk: &'t mut Walk, scenes: &'t mut [Scene], options: &Options) -> Result<Self> {
        let agents: Vec<String> = walk.lab.topology().agents().map(|node| node.name.clone()).collect();
        let usual = walk.lab.program().to_owned();
        let other = options.upgrade_to.clone().unwrap_or_else(|| usual.clone());
        let other = fs::canonicalize(&other).with_context(|| format!("finding {}", other.display()))?;
        let kinds =
            if options.changes.is_empty() { Change::value_variants() } else { options.changes.as_slice() };
        Ok(Self {
            rng: StdRng::seed_from_u64(options.seed),
            kinds: kinds.to_vec(),
            until: Duration::from_secs(options.seconds.into()),
            programs: [usual, other],
            edges: agents.iter().filter(|name| name.starts_with("edge-")).cloned().collect(),
            agents,
            dark: None,
            late: None,
            made: BTreeMap::new(),
            walk,
            scenes,
        })
    }

    /// Makes changes until the time is over, then undoes what is left of them; says how often each was made.
    fn make(mut self) -> Result<BTreeMap<String, u32>> {
        let end = Instant::now() + self.until;
        while Instant::now() < end {
            self.pause();
            let kind = *self.kinds.choose(&mut self.rng).context("there are kinds of changes")?;
            let scene = self.rng.random_range(0..self.scenes.len());
            if self.change(kind, scene).with_context(|| format!("making the change {kind:?}"))? {
                *self.made.entry(format!("{kind:?}").to_lowercase()).or_insert(0) += 1;
            }
        }
        self.end_late()?;
        for scene in self.scenes.iter_mut() {
            if let Some(id) = scene.flapping.take() {
                stop_flapping(self.walk, &id)?;
            }
        }
        if let Some(edge) = self.dark.take() {
            self.walk.lab.heal(&edge)?;
        }
        ensure!(
            !self.made.is_empty(),
            "nothing was changed: the chosen kinds of changes need others before them"
        );
        Ok(self.made)
    }

    /// Makes a change, in one of the networks if it is about instances; false: it is not possible now.
    fn change(&mut self, kind: Change, scene: usize) -> Result<bool> {
        let node = self.agents.choose(&mut self.rng).context("there are agents")?.clone();
        let well = self.dark.as_ref() != Some(&node) && self.late.as_ref() != Some(&node);
        match kind {
            Change::Agent if well => {
                self.walk.lab.fail(&node, Failure::Kill)?;
                self.pause();
                self.walk.lab.heal(&node)?;
            }
            Change::Edge => return self.edge(),
            Change::Late if self.late.is_some() => self.end_late()?,
            Change::Late if well => {
                let how = if self.rng.random() { Failure::Freeze } else { Failure::Deaf };
                self.walk.lab.fail(&node, how)?;
                self.late = Some(node);
            }
            Change::Remove => return self.remove(scene),
            Change::Upgrade if well => {
                let [usual, other] = &self.programs;
                let next = if self.walk.lab.program_on(&node) == usual { other } else { usual };
                upgrade::run(&mut self.walk.lab, &node, next)?;
            }
            Change::Agent | Change::Late | Change::Upgrade => return Ok(false),
            Change::Flap | Change::Join | Change::Leave | Change::Weight => return self.member(kind, scene),
        }
        Ok(true)
    }

    /// Takes an edge's power, or gives it back.
    fn edge(&mut self) -> Result<bool> {
        if let Some(edge) = self.dark.take() {
            self.walk.lab.heal(&edge)?;
            // The other one must not go before this one forwards; that is asked of everybody.
            self.end_late()?;
            self.walk.dnlb("status --wait")?;
            return Ok(true);
        }
        let edge = self.edges.choose(&mut self.rng).context("there are edges")?.clone();
        if self.late.as_ref() == Some(&edge) {
            return Ok(false);
        }
        self.walk.lab.fail(&edge, Failure::Off)?;
        self.dark = Some(edge);
        Ok(true)
    }

    /// Changes a network's group or one of its members.
    fn member(&mut self, kind: Change, scene: usize) -> Result<bool> {
        let scene = &mut self.scenes[scene];
        let name = scene.name;
        match kind {
            Change::Flap => match scene.flapping.take() {
                Some(id) => stop_flapping(self.walk, &id)?,
                None => {
                    let id = scene.members.choose(&mut self.rng).context("there are members")?.clone();
                    start_flapping(self.walk, &id)?;
                    scene.flapping = Some(id);
                }
            },
            Change::Join if !scene.others.is_empty() => {
                let id = scene.others.swap_remove(self.rng.random_range(0..scene.others.len()));
                let weight = self.rng.random_range(1..=100);
                self.walk.dnlb(&format!("target-group register {name} --instance {id} --weight {weight}"))?;
                scene.members.push(id);
            }
            Change::Leave if scene.members.len() > FEWEST => {
                let id = scene.members.swap_remove(self.rng.random_range(0..scene.members.len()));
                self.walk.dnlb(&format!("target-group deregister {name} --instance {id}"))?;
                scene.others.push(id);
            }
            Change::Weight => {
                let id = scene.members.choose(&mut self.rng).context("there are members")?;
                let weight = self.rng.random_range(1..=100);
                self.walk
                    .dnlb(&format!("target-group set-target {name} --instance {id} --weight {weight}"))?;
            }
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Deletes an instance, in the group or out of it, and makes another one, out of it.
    fn remove(&mut self, scene: usize) -> Result<bool> {
        // Whoever has instances must hear of it.
        self.end_late()?;
        let Scene { name, members, others, removed, flapping, .. } = &mut self.scenes[scene];
        if removed.len() == REMOVED || members.len() + others.len() <= FEWEST {
            return Ok(false);
        }
        let id = if members.len() > FEWEST {
            let id = members.swap_remove(self.rng.random_range(0..members.len()));
            self.walk.dnlb(&format!("target-group deregister {name} --instance {id}"))?;
            id
        } else {
            others.swap_remove(self.rng.random_range(0..others.len()))
        };
        if flapping.as_ref() == Some(&id) {
            *flapping = None;
        }
        let since = UNIX_EPOCH.elapsed().context("the clock is before 1970")?.as_millis() as u64;
        self.walk.dnlb(&format!("instance delete {id}"))?;
        removed.push((id, since));
        let az = ["lab-1a", "lab-1b"][removed.len() % 2];
        let line = format!("instance create {name}-{} --template {name} --az {az} --wait", removed.len());
        let made = text(&self.walk.dnlb(&line)?, "/instanceId")?;
        serve(self.walk, &made)?;
        others.push(made);
        Ok(true)
    }

    /// Lets an agent hear of everything again.
    fn end_late(&mut self) -> Result<()> {
        self.late.take().map_or(Ok(()), |node| self.walk.lab.heal(&node))
    }

    fn pause(&mut self) {
        thread::sleep(Duration::from_millis(self.rng.random_range(0..1_500)));
    }
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

/// Prints what became of the connections or sessions of one place; how many broke or never came to be, of how many whose
/// server is still there.
fn report(title: &str, held: &Value, removed: &BTreeMap<String, u64>) -> (u64, u64) {
    println!("\n{title}: {}, {} blocks", held["connections"], held["blocks"]);
    let (mut broken, mut living) = (0, held["connections"].as_u64().unwrap_or(0));
    for (reason, count) in held["neverOpened"].as_object().into_iter().flatten() {
        println!("  never opened: {count}, {reason}");
        broken += count.as_u64().unwrap_or(0);
    }
    for one in held["broken"].as_array().into_iter().flatten() {
        let (server, connections) = (&one["server"], one["connections"].as_u64().unwrap_or(0));
        let since = server.as_str().and_then(|server| removed.get(server));
        // What broke while its server was there counts, whatever became of that.
        if since.is_some_and(|since| one["first"].as_u64().is_some_and(|first| first >= *since)) {
            println!("  ended with {server}, which was deleted: {connections}, {}", one["reason"]);
            living -= connections;
        } else {
            println!("  broken at {server}: {connections}, {}", one["reason"]);
            broken += connections;
        }
    }
    for (server, count) in held["lasted"].as_object().into_iter().flatten() {
        println!("  lasted at {server}: {count}");
    }
    (broken, living)
}

/// Prints every counter of every host, and of all hosts together.
fn counters(walk: &Walk) -> Result<()> {
    let nodes: Vec<_> = walk.lab.topology().agents().map(|node| node.name.clone()).collect();
    let mut counted: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for (at, node) in nodes.iter().enumerate() {
        let path = walk.lab.files().node(node).join("status.json");
        let status = fs::read(&path).with_context(|| format!("reading {}", path.display()))?;
        let status: Value = serde_json::from_slice(&status).with_context(|| path.display().to_string())?;
        for (name, outcome) in status["outcomes"].as_object().into_iter().flatten() {
            let packets = counted.entry(name.clone()).or_insert_with(|| vec![0; nodes.len()]);
            packets[at] = outcome["packets"].as_u64().unwrap_or(0);
        }
    }
    println!("\npackets by outcome (an edge that lost power has begun anew)");
    let line = |name: &str, columns: Vec<String>| {
        let columns: String = columns.iter().map(|column| format!(" {column:>9}")).collect();
        println!("  {name:<28}{columns}");
    };
    line("", ["all".to_owned()].into_iter().chain(nodes).collect());
    for (name, packets) in counted {
        let sum = packets.iter().sum::<u64>();
        line(&name, [sum].iter().chain(&packets).map(u64::to_string).collect());
    }
    Ok(())
}

//! Every agent is replaced by one with other layouts of the maps, and again by the first one: no connection breaks, no
//! session of datagrams is answered by somebody else, no packet is dropped.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod common;

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    thread::{self, JoinHandle},
    time::Duration,
};

use common::{Region, text};
use dnlb_lab::Lab;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

const INSTANCES: usize = 4;
/// Of each of the four kinds: connections and sessions, by VIP and by EIP.
const HELD: u32 = 60;
/// For how long: longer than two rounds of upgrades take anywhere. They are ended when those are over.
const SECONDS: u32 = 400;

#[test]
#[ignore = "needs root, and an agent with other layouts"]
fn nothing_breaks_while_every_agent_is_upgraded_and_brought_back() {
    let trial = std::env::var("DNLB_TRIAL_BIN")
        .expect("DNLB_TRIAL_BIN names an agent with the trial layout: run `cargo xtask test lab`");
    let region = Region::up("upgrade");
    let (vip, eip, caller) = prepare(&region);
    let usual = region.lab().program().display().to_string();
    let nodes: Vec<_> = region.lab().topology().agents().map(|node| node.name.clone()).collect();

    let holders: Vec<_> = [("client", &eip), (caller.as_str(), &vip)]
        .into_iter()
        .flat_map(|(place, to)| [false, true].map(|datagrams| hold(&region, place, to, datagrams, SECONDS)))
        .collect();
    thread::sleep(Duration::from_secs(3));
    let before = drops(&region, &nodes);
    for (program, other) in [(&trial, &usual), (&usual, &trial)] {
        for (at, node) in nodes.iter().enumerate() {
            let folders = map_folders(&region, node);
            if at == 0 {
                // Killed on the way, wherever that is, and started again.
                let process = region.lab().upgrade(node, Path::new(program)).unwrap();
                thread::sleep(Duration::from_millis(400));
                kill(Pid::from_raw(process.pid), Signal::SIGKILL).unwrap();
            }
            region.lab_command(&format!("upgrade {node} --program {program}"));
            let now = map_folders(&region, node);
            assert_ne!(now, folders, "{node} has other maps than those of {other}");
            assert_eq!(now.len(), folders.len(), "{node} has nothing left of {other}");
        }
        // A change still arrives, and who calls is served.
        region.dnlb("sg allow t --direction in --protocol icmp");
        region.dnlb("status --wait");
        let held = hold(&region, "client", &eip, false, 1).join().unwrap();
        assert_eq!(lasted(&held), u64::from(HELD), "{held}");
    }
    let after = drops(&region, &nodes);
    assert!(holders.iter().all(|holder| !holder.is_finished()), "they are held until the last upgrade's end");
    end_holding();
    for holder in holders {
        let held = holder.join().unwrap();
        println!("{held}");
        assert_eq!(lasted(&held), u64::from(HELD), "{held}");
    }
    assert_eq!(after, before, "no packet was dropped");
}

/// Echoing instances behind a VIP and an EIP, for TCP and UDP, and one that calls; returns VIP, EIP and who calls.
fn prepare(region: &Region) -> (String, String, String) {
    region.dnlb("vpc create t --prefix 10.0.0.0/16");
    region.dnlb("subnet create t --vpc t --prefix 10.0.0.0/24");
    region.dnlb("sg create t --vpc t");
    for protocol in ["tcp", "udp"] {
        for direction in ["in", "out"] {
            region.dnlb(&format!("sg allow t --direction {direction} --protocol {protocol}"));
        }
    }
    region.dnlb("template create t --subnet t --sg t --image img-blank");
    region.dnlb("ag create t --template t");
    let made = region.dnlb(&format!("ag scale t --to {INSTANCES} --wait"));
    let caller = text(&region.dnlb("instance create caller --template t --az lab-1a --wait"), "/instanceId");
    let vip = text(&region.dnlb("lb create t --subnet t"), "/privateIp/privateIpAddress");
    for instance in made.as_array().unwrap() {
        let id = text(instance, "/instanceId");
        region.serve_echo(&id, 8080);
    }
    for protocol in ["tcp", "udp"] {
        region.dnlb(&format!(
            "backend create {protocol} --lb t --protocol {protocol} --port 8080 --ag t --algorithm quintuple-hash --check-protocol tcp --check-port 8080 --healthy-after 1"
        ));
        region.dnlb(&format!(
            "listener create {protocol} --lb t --protocol {protocol} --port 80 --backend {protocol}"
        ));
    }
    let eip = text(&region.dnlb("eip create"), "/elasticIpAddress");
    region.dnlb(&format!("lb associate-eip t {eip}"));
    region.dnlb(&format!("health tcp --wait {INSTANCES}"));
    region.dnlb(&format!("health udp --wait {INSTANCES}"));
    region.dnlb("status --wait");
    (vip, eip, caller)
}

/// Holds checked connections or sessions to port 80 of an address; ends with what became of them.
fn hold(region: &Region, place: &str, to: &str, datagrams: bool, seconds: u32) -> JoinHandle<Value> {
    let line = format!("dnlb guest hold --to {to}:80 --connections {HELD} --seconds {seconds}");
    let mut words: Vec<_> = line.split(' ').map(str::to_owned).collect();
    if datagrams {
        words.push("--datagrams".to_owned());
    }
    let (name, place) = (region.lab().name().to_owned(), place.to_owned());
    thread::spawn(move || {
        let output = dnlb_lab::output(&Lab::open(&name).unwrap(), &place, &words).unwrap();
        assert_eq!(output.code, 0, "{}", output.stderr);
        serde_json::from_str(&output.stdout).unwrap()
    })
}

/// Ends what this test holds, as Ctrl-C does. Other labs hold connections to the same addresses.
fn end_holding() {
    let processes = fs::read_dir("/proc").unwrap();
    let pids = processes.filter_map(|entry| entry.unwrap().file_name().to_str()?.parse::<i32>().ok());
    let parent = |pid: i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit(") ").next()?.split(' ').nth(1)?.parse::<i32>().ok()
    };
    let is_own = |pid| {
        std::iter::successors(Some(pid), |pid| parent(*pid)).any(|pid| pid as u32 == std::process::id())
    };
    let holds = |pid: &i32| {
        let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<_> = words.split(|byte| *byte == 0).collect();
        // `nsenter` waits for what it has started in an instance.
        words.windows(2).any(|two| two == [&b"guest"[..], b"hold"])
            && !words[0].ends_with(b"nsenter")
            && is_own(*pid)
    };
    let holding: Vec<_> = pids.filter(holds).collect();
    assert_eq!(holding.len(), 4, "from two places, by two protocols");
    holding.into_iter().for_each(|pid| kill(Pid::from_raw(pid), Signal::SIGINT).unwrap());
}

/// How many of them lasted.
fn lasted(held: &Value) -> u64 {
    held["lasted"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum()
}

/// Packets by reason for which a node dropped them, of all nodes. Counters go on through upgrades.
fn drops(region: &Region, nodes: &[String]) -> BTreeMap<String, u64> {
    // The agents say it every few seconds.
    thread::sleep(Duration::from_secs(3));
    let mut drops = BTreeMap::new();
    for node in nodes {
        let status = fs::read(region.lab().files().node(node).join("status.json")).unwrap();
        let status: Value = serde_json::from_slice(&status).unwrap();
        let outcomes = status["outcomes"].as_object().unwrap();
        assert!(outcomes.values().any(|counted| counted["packets"].as_u64() > Some(0)), "{node} counts");
        for (name, counted) in outcomes.iter().filter(|(name, _)| name.starts_with("drop_")) {
            *drops.entry(name.clone()).or_default() += counted["packets"].as_u64().unwrap();
        }
    }
    drops
}

/// Names of the folders in which a node's maps are pinned.
fn map_folders(region: &Region, node: &str) -> Vec<String> {
    let path = region.lab().files().node(node).join("bpf/maps");
    let entries = fs::read_dir(path).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

//! What `dnlb explain` says of a flow is what becomes of it, while the members of its service change all the time.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod common;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed},
    thread,
    time::Duration,
};

use common::{Region, Talk, text};
use rand::{Rng, SeedableRng, rngs::StdRng};
use serde_json::{Value, json};

const INSTANCES: usize = 6;
/// Flows of each place.
const FLOWS: u32 = 5_000;
const CLIENT: &str = "198.51.100.10";

#[test]
#[ignore = "needs root and a release build"]
fn explanations_agree_with_what_happens_while_members_change() {
    let region = Region::up_with("explain", "up --hosts-per-rack 1 --edges 1");
    let (vip, eip, caller) = prepare(&region);
    let instances = region.dnlb("instance list");
    let field = |item: &Value, name: &str| item[name].as_str().unwrap().to_owned();
    let find = |id: &str| instances.as_array().unwrap().iter().find(|item| item["instanceId"] == id).unwrap();
    let host = field(find(&caller), "hostId");
    let ids: Vec<String> = instances
        .as_array()
        .unwrap()
        .iter()
        .map(|item| field(item, "instanceId"))
        .filter(|id| *id != caller)
        .collect();
    let addr = text(find(&caller), "/privateIpAddress");

    let (over, changes) = (AtomicBool::new(false), AtomicU32::new(0));
    let (region, over, changes) = (&region, &over, &changes);
    thread::scope(|scope| {
        scope.spawn(|| {
            // Whoever panics below lets this end, too.
            let mut rng = StdRng::seed_from_u64(7);
            let mut members: BTreeSet<&String> = ids.iter().collect();
            while !over.load(Relaxed) {
                change(region, &mut rng, &ids, &mut members);
                changes.fetch_add(1, Relaxed);
            }
        });
        let _over = Over(over);
        let outside = scope.spawn(|| compare(region, 1, "client", CLIENT, "edge-1", &eip));
        let inside = scope.spawn(|| compare(region, 2, &caller, &addr, &host, &vip));
        for (way, compared) in
            [("from outside", outside.join().unwrap()), ("by the VIP", inside.join().unwrap())]
        {
            println!("{way}: {compared:?}, {} changes", changes.load(Relaxed));
            assert_eq!(compared.agreed, FLOWS, "{way}");
            assert_eq!(compared.servers.len(), INSTANCES, "{way}: {compared:?}");
            // Else nothing would have been compared but what was moving.
            assert!(compared.moved < FLOWS / 5, "{way}: {compared:?}");
        }
        assert!(changes.load(Relaxed) > 20, "{} changes only", changes.load(Relaxed));
    });
}

/// Set when dropped.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Relaxed);
    }
}

/// What came out.
#[derive(Debug, Default)]
struct Compared {
    /// Flows for which explanations before and after were the same, and true.
    agreed: u32,
    /// Flows whose member changed between the two.
    moved: u32,
    servers: BTreeMap<String, u32>,
}

/// Makes connections from a place to port 80 of an address, and asks the node where they are balanced before and after each.
///
/// No datagrams: where a row has had other members, one goes on from its member's host, which may be a change ahead or behind.
fn compare(region: &Region, seed: u64, place: &str, from: &str, node: &str, to: &str) -> Compared {
    let mut rng = StdRng::seed_from_u64(seed);
    let to = format!("{to}:80");
    let mut explain = Talk::start(region, node, &["dnlb", "explain", "--batch"]);
    let mut calls = Talk::start(region, place, &["dnlb", "guest", "ask", "--to", &to]);
    let mut ports = BTreeSet::new();
    let mut compared = Compared::default();
    while compared.agreed < FLOWS {
        let port: u16 = rng.random_range(1_024..=65_535);
        // A port that was used may have a flow that is remembered.
        if !ports.insert(port) {
            continue;
        }
        let packet = json!({"from": format!("{from}:{port}"), "to": to, "protocol": "tcp"}).to_string();
        let before = member(&explain.ask(&packet));
        let real = calls.ask(&port.to_string());
        let after = member(&explain.ask(&packet));
        if before == after {
            assert_eq!(real, before, "from port {port}");
            compared.agreed += 1;
            *compared.servers.entry(real).or_default() += 1;
        } else {
            compared.moved += 1;
        }
    }
    compared
}

/// The id of the instance for which a packet goes on or is delivered.
fn member(reply: &str) -> String {
    let reply: Value = serde_json::from_str(reply).unwrap();
    let steps = reply["steps"].as_array().unwrap_or_else(|| panic!("{reply}"));
    let verdict = steps.iter().find(|step| step["step"] == "verdict").unwrap();
    assert!(verdict["instance"].is_u64(), "{reply}");
    let words = verdict["text"].as_str().unwrap();
    let id = words.split(|c: char| !c.is_alphanumeric() && c != '-').find(|word| word.starts_with("i-"));
    id.unwrap_or_else(|| panic!("no instance in {words}")).to_owned()
}

/// Changes the group: somebody leaves, joins or gets another weight.
fn change<'a>(region: &Region, rng: &mut StdRng, ids: &'a [String], members: &mut BTreeSet<&'a String>) {
    let id = &ids[rng.random_range(0..ids.len())];
    let weight = rng.random_range(1..=100);
    if !members.contains(id) {
        region.dnlb(&format!("target-group register t --instance {id} --weight {weight}"));
        members.insert(id);
    } else if members.len() > 3 && rng.random_bool(0.4) {
        region.dnlb(&format!("target-group deregister t --instance {id}"));
        members.remove(id);
    } else {
        region.dnlb(&format!("target-group set-target t --instance {id} --weight {weight}"));
    }
    thread::sleep(Duration::from_millis(rng.random_range(20..150)));
}

/// Echoing instances behind a VIP and an EIP, and one that calls; returns VIP, EIP and who calls.
fn prepare(region: &Region) -> (String, String, String) {
    let servers = region.echo_servers(INSTANCES, 8080);
    let caller = text(&region.dnlb("instance create caller --template t --az lab-1a --wait"), "/instanceId");
    let vip = text(&region.dnlb("lb create l --subnet s"), "/privateIp/privateIpAddress");
    region.dnlb("target-group create t --lb l");
    for id in &servers {
        region.dnlb(&format!("target-group register t --instance {id} --weight 50"));
    }
    region.dnlb(
        "backend create b --lb l --port 8080 --target-group t --algorithm quintuple-hash --healthy-after 1",
    );
    region.dnlb("listener create l --lb l --port 80 --backend b");
    let eip = text(&region.dnlb("eip create"), "/elasticIpAddress");
    region.dnlb(&format!("lb associate-eip l {eip}"));
    region.dnlb(&format!("health b --wait {INSTANCES}"));
    region.dnlb("status --wait");
    assert!(vip.parse::<IpAddr>().is_ok());
    (vip, eip, caller)
}

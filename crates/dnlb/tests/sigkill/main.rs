//! A server that is killed at random moments loses nothing that it acknowledged, and leaves nothing half-done.
//!
//! Several clients change things of their own, many of them in one request; the server is killed in the middle, its
//! store is read as it lies there, and the next server has to show what was acknowledged. `DNLB_KILLS` says how often,
//! `DNLB_SEED` repeats an order; `cargo xtask kills` runs a thousand.
#![allow(clippy::unwrap_used, reason = "a test that panics fails, as it should")]

mod client;
#[path = "../common/mod.rs"]
mod common;
mod model;

use std::{
    thread,
    time::{Duration, Instant},
};

use dnlb_proto::{AgentLink, Hello, JoinToken, LinkOptions};
use dnlb_store::StoreReader;
use rand::{Rng, SeedableRng, rngs::StdRng};

use crate::{
    client::{Owner, Shown},
    common::{Site, TOKEN},
    model::{Fate, judge},
};

/// Kills in the tests of every day: some seconds.
const KILLS: u64 = 40;

const CLIENTS: u8 = 4;

/// Longest time that a server is left alone.
const LIFE_MILLIS: u64 = 250;

const QUOTAS: &[&str] = &[
    "elastic_ips=2000",
    "instances=2000",
    "load_balancers=1000",
    "security_groups=500",
    "security_group_rules=1000",
    "vpcs=500",
];

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap_or_else(|_| panic!("{name}={text}")))
}

#[test]
fn a_killed_server_has_every_acknowledged_change_and_no_half_of_another() {
    let kills = setting("DNLB_KILLS", KILLS);
    let seed = setting("DNLB_SEED", rand::random::<u32>().into());
    println!("{kills} kills, seed {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let dir = tempfile::tempdir().unwrap();
    let site = Site::new(dir.path(), QUOTAS);

    let mut server = site.start();
    let client = site.ready(&mut server);
    let agents = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    // They never end: instances need a host that is up.
    let _hosts = [1, 2].map(|number| agents.block_on(async { host(&site, number) }));
    wait_for_hosts(&client);
    let mut owners: Vec<Owner> = (1..=CLIENTS)
        .map(|number| Owner::new(number, &client, StdRng::seed_from_u64(rng.random())))
        .collect();

    let started = Instant::now();
    let (mut kept, mut vanished, mut slowest) = (0_u64, 0_u64, Duration::ZERO);
    for kill in 1..=kills {
        let life = Duration::from_millis(rng.random_range(0..LIFE_MILLIS));
        thread::scope(|scope| {
            for owner in &mut owners {
                let client = client.clone();
                scope.spawn(move || owner.run(&client));
            }
            thread::sleep(life);
            server.kill();
        });
        // As it lies there, before anybody mends it.
        let lying = StoreReader::open(&site.data.join("region.db")).and_then(|mut store| store.verify());
        lying.unwrap_or_else(|error| panic!("after kill {kill}, seed {seed}: {error}"));
        if rng.random_range(0..8) == 0 {
            // In the middle of a start.
            let early = site.start();
            thread::sleep(Duration::from_millis(rng.random_range(0..60)));
            early.kill();
        }
        let restart = Instant::now();
        server = site.start();
        site.ready(&mut server);
        slowest = slowest.max(restart.elapsed());
        let shown = Shown::read(&client);
        for owner in &mut owners {
            let seen = owner.see(&client, &shown);
            match judge(&owner.known, owner.pending.as_ref(), &seen) {
                Ok(Fate::Kept) => kept += 1,
                Ok(Fate::Vanished) => vanished += 1,
                Ok(Fate::None) => {}
                Err(difference) => panic!("after kill {kill}, seed {seed}: {difference}\n{}", site.log()),
            }
            owner.pending = None;
            owner.known = seen;
        }
    }
    drop(server);
    let acknowledged: u64 = owners.iter().map(|owner| owner.acknowledged).sum();
    println!(
        "{kills} kills in {:.0} s, seed {seed}: {acknowledged} acknowledged changes, all there; {} without a reply, {kept} of \
         them whole and {vanished} not there at all; ready again after {} ms at most",
        started.elapsed().as_secs_f32(),
        kept + vanished,
        slowest.as_millis()
    );
    assert!(acknowledged > kills, "the server was killed before anything happened");
    assert!(kills < KILLS || kept + vanished > 0, "no request was under way at any kill");
}

/// A host that does as it is told, as far as the server knows.
fn host(site: &Site, number: u8) -> impl Sized {
    let options = LinkOptions {
        server: format!("http://{}", site.agents),
        token: JoinToken::parse(TOKEN).unwrap(),
        hello: Hello {
            host: format!("h{number}").as_str().into(),
            az: "lab-1a".into(),
            rack: "r1".into(),
            underlay: [192, 0, 2, number].into(),
            edge: false,
            compute: true,
        },
    };
    AgentLink::spawn(options).unwrap()
}

fn wait_for_hosts(client: &dnlb_api::client::Client) {
    let started = Instant::now();
    let hosts = || client.call("dnlb", "GET", "hosts/", &[], None::<&serde_json::Value>).unwrap();
    while hosts()["totalCount"] != 2 {
        assert!(started.elapsed() < Duration::from_secs(20), "the hosts do not come");
        thread::sleep(Duration::from_millis(20));
    }
}

//! `dnlb lab demo`: from an empty network to balanced traffic, with every claim checked.

use std::{collections::BTreeMap, thread, time::Instant};

use anyhow::{Context, Result, bail, ensure};
use dnlb_lab::{Files, Size};
use serde_json::Value;

use super::{
    lab_words, own_name, print_console, up,
    walk::{Served, Walk, text},
};

/// What a lab's record says of one that this command made and may remove.
const PURPOSE: &str = "lab demo";
/// Requests of a burst.
const BURST: u32 = 400;
/// The client's address outside.
const CLIENT: &str = "198.51.100.10";

/// Walks through everything; whatever is not as it should be is an error.
pub(crate) fn run(name: &str) -> Result<()> {
    if let Some(record) = Files::of(name).load()? {
        ensure!(
            record.purpose == PURPOSE,
            "lab `{name}` is up and the demo did not make it: `dnlb lab --name {name} down` removes it"
        );
        println!("The demo's region is up already: starting afresh.");
        dnlb_lab::down(name)?;
    }
    println!(
        "Building a region on this machine: a router, a server, 2 edges, 4 hosts in 2 zones, a client outside ..."
    );
    let start = Instant::now();
    let lab = up(name, &Size::default(), PURPOSE)?;
    println!("ready after {:.1} s", start.elapsed().as_secs_f32());

    let walk = Walk { lab, aloud: true };
    network(&walk)?;
    let (names, caller) = instances(&walk)?;
    let (vip, eip) = balancer(&walk)?;
    requests(&walk, &names, &caller, &vip, &eip)?;
    let dead = failure(&walk, names, &eip)?;
    growth(&walk, &dead, &eip)?;
    farewell(name, &eip, &walk)
}

fn network(walk: &Walk) -> Result<()> {
    walk.heading(
        "A network, and what may pass: only TCP to the instances' port, and what they ask for themselves",
    );
    walk.dnlb("vpc create shop --prefix 10.0.0.0/16")?;
    walk.dnlb("subnet create shop-web --vpc shop --prefix 10.0.0.0/24")?;
    walk.dnlb("sg create web --vpc shop")?;
    walk.dnlb("sg allow web --direction in --protocol tcp --port 8080")?;
    walk.dnlb("sg allow web --direction out --protocol tcp")?;
    walk.dnlb("acl create web --vpc shop")?;
    walk.dnlb("acl add web --direction in --protocol tcp --port 8080 --priority 100")?;
    walk.dnlb("acl add web --direction in --protocol tcp --port 1024-65535 --priority 200")?;
    walk.dnlb("acl add web --direction out --protocol tcp --priority 100")?;
    walk.dnlb("acl attach web shop-web").map(drop)
}

/// Makes the instances; returns those of the group by id, and the one that will call them.
fn instances(walk: &Walk) -> Result<(BTreeMap<String, Instance>, Value)> {
    walk.heading("Four instances of one template, spread over both zones, and a fifth to call them from");
    walk.dnlb("template create web --subnet shop-web --sg web --image img-web")?;
    walk.dnlb("ag create web --template web --azs lab-1a,lab-1b")?;
    let made = walk.dnlb("ag scale web --to 4 --wait")?;
    walk.dnlb("template create caller --subnet shop-web --sg web --image img-blank")?;
    let caller = walk.dnlb("instance create caller --template caller --az lab-1a --wait")?;
    let names = names(&made)?;
    print_instances(&names);
    let zones = |az: &str| names.values().filter(|instance| instance.az == az).count();
    ensure!((zones("lab-1a"), zones("lab-1b")) == (2, 2), "the four instances are not spread two and two");
    Ok((names, caller))
}

/// Makes the load balancer; returns its VIP and its elastic IP.
fn balancer(walk: &Walk) -> Result<(String, String)> {
    walk.heading("A load balancer: port 80 of one address leads to port 8080 of whoever is healthy");
    let lb = walk.dnlb("lb create shop --subnet shop-web")?;
    let vip = text(&lb, "/privateIp/privateIpAddress")?;
    walk.dnlb(
        "backend create web --lb shop --port 8080 --ag web --algorithm quintuple-hash --check-interval 5 --check-timeout 2 --healthy-after 1 --unhealthy-after 1",
    )?;
    walk.dnlb("listener create http --lb shop --protocol tcp --port 80 --backend web")?;
    let eip = text(&walk.dnlb("eip create")?, "/elasticIpAddress")?;
    walk.dnlb(&format!("lb associate-eip shop {eip}"))?;
    walk.dnlb("health web --wait 4")?;
    println!("  VIP {vip}, elastic IP {eip}, 4 of 4 targets healthy");
    Ok((vip, eip))
}

fn requests(
    walk: &Walk,
    names: &BTreeMap<String, Instance>,
    caller: &Value,
    vip: &str,
    eip: &str,
) -> Result<()> {
    walk.heading(&format!("{BURST} requests from the client outside, to the elastic IP"));
    let served = walk.load("client", &format!("http://{eip}/"), BURST)?;
    print_served(&served, names);
    ensure!(served.failed == 0, "{} requests failed: {}", served.failed, served.errors);
    ensure!(served.instances.len() == 4, "{} of 4 instances served", served.instances.len());
    ensure!(
        served.clients.keys().eq([CLIENT]),
        "the instances should have seen the client's own address {CLIENT}, and saw {:?}",
        served.clients.keys()
    );

    walk.heading(&format!("{BURST} requests from another instance, to the VIP"));
    let (id, address) = (text(caller, "/instanceId")?, text(caller, "/privateIpAddress")?);
    let served = walk.load(&id, &format!("http://{vip}/"), BURST)?;
    print_served(&served, names);
    ensure!(served.failed == 0, "{} requests failed: {}", served.failed, served.errors);
    ensure!(served.instances.len() == 4, "{} of 4 instances served", served.instances.len());
    ensure!(served.clients.keys().eq([&address]), "the instances should have seen {address}");
    Ok(())
}

/// Kills an instance; returns its id.
fn failure(walk: &Walk, mut names: BTreeMap<String, Instance>, eip: &str) -> Result<String> {
    let (victim, instance) = names.pop_last().context("there are instances")?;
    walk.heading(&format!("{} dies; nobody tells the load balancer", instance.name));
    println!("  $ dnlb lab fail {victim}");
    let url = format!("http://{eip}/");
    let start = Instant::now();
    let during = thread::scope(|scope| {
        let load = scope.spawn(|| walk.load("client", &url, 10 * BURST));
        walk.lab.kill_instance(&victim)?;
        walk.dnlb("health web --wait 3")?;
        load.join().unwrap_or_else(|_| bail!("the load panicked"))
    })?;
    println!(
        "  out of the rows after {:.1} s; meanwhile {} requests were answered, {} were lost with it",
        start.elapsed().as_secs_f32(),
        during.instances.values().sum::<u64>(),
        during.failed
    );
    let served = walk.load("client", &url, BURST)?;
    print_served(&served, &names);
    ensure!(served.failed == 0, "{} requests failed: {}", served.failed, served.errors);
    ensure!(served.instances.keys().eq(names.keys()), "the three that are left should have served");
    Ok(victim)
}

fn growth(walk: &Walk, dead: &str, eip: &str) -> Result<()> {
    walk.heading("The dead one is deleted, the group grows to six; the load balancer follows by itself");
    walk.dnlb(&format!("instance delete {dead}"))?;
    let names = names(&walk.dnlb("ag scale web --to 6 --wait")?)?;
    walk.dnlb("health web --wait 6")?;
    let served = walk.load("client", &format!("http://{eip}/"), BURST)?;
    print_served(&served, &names);
    ensure!(served.failed == 0, "{} requests failed: {}", served.failed, served.errors);
    ensure!(served.instances.keys().eq(names.keys()), "all six should have served");
    Ok(())
}

fn farewell(name: &str, eip: &str, walk: &Walk) -> Result<()> {
    let (dnlb, in_lab) = (own_name()?, lab_words(name)?);
    walk.heading("All is as it should be. The region stays up; try:");
    println!("  {in_lab} exec client -- curl -s http://{eip}/");
    println!("  {in_lab} fail host-b1   (a host loses power; `heal host-b1` gives it back)");
    println!("  {in_lab} status");
    println!("  eval \"$({in_lab} env)\"   then:");
    println!("  {dnlb} status");
    println!("  {dnlb} ag scale web --to 3 --wait");
    println!("and in a browser on this machine:");
    print_console(&walk.lab, &walk.lab.access()?);
    println!("and when you have seen enough:");
    println!("  make demo-down");
    Ok(())
}

/// What the demo says of an instance.
struct Instance {
    name: String,
    az: String,
    host: String,
    address: String,
}

fn names(list: &Value) -> Result<BTreeMap<String, Instance>> {
    let instance = |item: &Value| -> Result<_> {
        let field = |name: &str| text(item, &format!("/{name}"));
        let instance = Instance {
            name: field("instanceName")?,
            az: field("az")?,
            host: field("hostId")?,
            address: field("privateIpAddress")?,
        };
        Ok((field("instanceId")?, instance))
    };
    list.as_array().into_iter().flatten().map(instance).collect()
}

fn print_instances(names: &BTreeMap<String, Instance>) {
    for (id, instance) in names {
        println!(
            "  {:<8} {id:<14} {:<12} {} on {}",
            instance.name, instance.address, instance.az, instance.host
        );
    }
}

fn by_name(names: &BTreeMap<String, Instance>) -> Vec<(&String, &Instance)> {
    let mut sorted: Vec<_> = names.iter().collect();
    sorted.sort_by_key(|(_, instance)| &instance.name);
    sorted
}

/// One line an instance, with a bar.
fn print_served(served: &Served, names: &BTreeMap<String, Instance>) {
    let total = served.instances.values().sum::<u64>().max(1);
    let known = by_name(names).into_iter().map(|(id, _)| id);
    let strangers = served.instances.keys().filter(|id| !names.contains_key(*id));
    for id in known.chain(strangers) {
        let Some(count) = served.instances.get(id) else { continue };
        let instance = names.get(id);
        let name = instance.map_or(id.as_str(), |instance| instance.name.as_str());
        let az = instance.map_or("", |instance| instance.az.as_str());
        let host = instance.map_or("", |instance| instance.host.as_str());
        let bar = "#".repeat(usize::try_from(count * 60 / total).unwrap_or(0));
        println!(
            "  {name:<8} {az:<7} {host:<8} {count:>5}  {:>4.1} %  {bar}",
            *count as f64 * 100.0 / total as f64
        );
    }
    let clients: Vec<_> = served.clients.keys().map(String::as_str).collect();
    println!("  client address that the instances saw: {}", clients.join(", "));
}

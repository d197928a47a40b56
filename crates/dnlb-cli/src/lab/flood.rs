//! `dnlb lab flood`: what a flood of SYNs does to connections that are there, and to those who record flows.

use std::{collections::BTreeSet, thread};

use anyhow::{Context, Result, ensure};
use dnlb_abi::{FlowKey, FlowRecord};
use dnlb_agent::RunDir;
use dnlb_lab::{Lab, Size};
use dnlb_switch::LiveMaps;
use serde_json::Value;

use super::{
    bench::{self, Scene},
    up,
    walk::Walk,
};

/// Its own lab, so that it disturbs nobody's.
const LAB: &str = "flood";
/// Connections that are held all the time, half from outside and half from an instance.
const HELD: u32 = 200;

/// How long to measure.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Options {
    /// Rounds; in each, one run of every kind
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u8).range(1..=50))]
    rounds: u8,
    /// Seconds of each run
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=30))]
    seconds: u8,
}

/// Builds a lab, floods it, prints, removes the lab.
pub(crate) fn run(options: &Options) -> Result<()> {
    ensure!(
        dnlb_lab::Files::of(LAB).load()?.is_none(),
        "lab `{LAB}` is there already: `dnlb lab --name {LAB} down`"
    );
    let size = Size { azs: 3, hosts_per_rack: 1, edges: 1, ..Size::default() };
    let result = up(LAB, &size, "lab flood").and_then(|lab| {
        let walk = Walk { lab, aloud: false };
        let scene = bench::prepare(&walk)?;
        flood(&walk, &scene, options.rounds, options.seconds)
    });
    dnlb_lab::down(LAB)?;
    print!("{}", result?);
    Ok(())
}

/// A source of SYNs.
struct Sender<'a> {
    title: &'a str,
    place: &'a str,
    to: String,
    from: Option<&'a str>,
}

/// Floods a lab in turns; the report in Markdown.
pub(crate) fn flood(walk: &Walk, scene: &Scene, rounds: u8, seconds: u8) -> Result<String> {
    let senders = [
        // What the sender's own work costs on a machine where everybody shares the processors.
        Sender {
            title: "SYNs from outside to an address that the router drops",
            place: "client",
            to: "192.0.2.1:80".into(),
            from: None,
        },
        Sender {
            title: "SYNs from outside to the elastic IP, from random addresses",
            place: "client",
            to: format!("{}:80", scene.eip),
            from: None,
        },
        Sender {
            title: "SYNs from an instance to the VIP, from random ports",
            place: &scene.balancer.id,
            to: format!("{}:80", scene.vip),
            from: Some(&scene.balancer.addr),
        },
    ];
    // Every run takes as long, and a second to begin and end.
    let all = u32::from(rounds) * (1 + senders.len() as u32) * (u32::from(seconds) + 3) + 10;
    let holders = [("client", &scene.eip), (scene.client.id.as_str(), &scene.vip)].map(|(place, addr)| {
        let words = format!(
            "dnlb guest hold --to {addr}:{} --connections {} --seconds {all}",
            bench::ECHO_PORT,
            HELD / 2
        );
        background(walk.lab.name(), place, &words)
    });
    thread::sleep(std::time::Duration::from_secs(3));
    let maps = LiveMaps::open(&RunDir::new(walk.lab.files().node(&scene.servers_host)).bpf())
        .context("opening the maps of the servers' host")?;
    let held = established(&maps)?;
    ensure!(held.len() >= HELD as usize, "only {} established flows of {HELD}", held.len());

    let mut rates = vec![Vec::new(); 1 + senders.len()];
    let (mut sent, mut fullest) = (vec![Vec::new(); senders.len()], vec![0; senders.len()]);
    for _ in 0..rounds {
        rates[0].push(bench::stream(walk, &scene.client.id, &scene.vip, bench::IPERF_PORT, seconds)?);
        for (at, sender) in senders.iter().enumerate() {
            let from = sender.from.map_or(String::new(), |from| format!(" --from {from}"));
            let words =
                format!("dnlb guest flood --to {} --seconds {}{from}", sender.to, u16::from(seconds) + 1);
            let flood = background(walk.lab.name(), sender.place, &words);
            rates[1 + at].push(bench::stream(
                walk,
                &scene.client.id,
                &scene.vip,
                bench::IPERF_PORT,
                seconds,
            )?);
            let said = flood.join().map_err(|_| anyhow::anyhow!("the sender panicked"))??;
            let number = |name: &str| said[name].as_f64().unwrap_or(0.0);
            sent[at].push(number("sent") / number("seconds"));
            fullest[at] = fullest[at].max(half_open(&maps)?);
        }
    }
    let lost = held.difference(&established(&maps)?).count();
    let mut broken = 0;
    for holder in holders {
        let said = holder.join().map_err(|_| anyhow::anyhow!("a holder panicked"))??;
        let lasted = said["lasted"].as_object().into_iter().flatten();
        broken += i64::from(HELD / 2) - lasted.filter_map(|(_, count)| count.as_i64()).sum::<i64>();
    }
    let quiet = bench::median(&rates[0]);
    let row = |title: &str, at: usize, sent: f64, half_open: usize| {
        let rate = bench::median(&rates[at]);
        let (flood, records) = if at == 0 {
            (String::new(), String::new())
        } else {
            (format!("{:.0},000", sent / 1e3), half_open.to_string())
        };
        format!("| {title} | {flood} | {rate:.2} | {:.2} | {records} |\n", rate / quiet)
    };
    let mut report = "| flood | SYNs a second | established connection, Gbit/s | against none | half-open records afterwards, at most |\n|---|---|---|---|---|\n".to_owned();
    report += &row("none", 0, 0.0, 0);
    for (at, sender) in senders.iter().enumerate() {
        report += &row(sender.title, 1 + at, bench::median(&sent[at]), fullest[at]);
    }
    report += &format!(
        "\n{HELD} connections were held all the time: {broken} broke. Of their {} flow records {lost} were lost.\n",
        held.len()
    );
    Ok(report)
}

/// Runs one of our own tools somewhere while others go on; it says JSON.
fn background(lab: &str, place: &str, words: &str) -> thread::JoinHandle<Result<Value>> {
    let (lab, place) = (lab.to_owned(), place.to_owned());
    let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
    thread::spawn(move || {
        let output = dnlb_lab::output(&Lab::open(&lab)?, &place, &words)?;
        ensure!(output.code == 0, "`{}` on {place}: {}", words.join(" "), output.stderr.trim());
        serde_json::from_str(&output.stdout).with_context(|| format!("`{}` said no JSON", words.join(" ")))
    })
}

/// Flows that are established at the port of the held connections; not those of health checks, which come and go.
fn established(maps: &LiveMaps) -> Result<BTreeSet<FlowKey>> {
    let mut keys = BTreeSet::new();
    for flow in maps.flows() {
        let (key, record, established) = flow?;
        if !established {
            break;
        }
        if (key.ports >> 16) as u16 == bench::ECHO_PORT && record.via != FlowRecord::VIA_PROBE {
            keys.insert(key);
        }
    }
    Ok(keys)
}

fn half_open(maps: &LiveMaps) -> Result<usize> {
    let mut count = 0;
    for flow in maps.flows() {
        count += usize::from(!flow?.2);
    }
    Ok(count)
}

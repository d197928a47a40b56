//! What the server says went by, beside what did.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod common;

use std::{
    thread,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use common::Region;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

#[test]
#[ignore = "needs root and a release build"]
fn metrics_tell_how_many_connections_went_where_also_after_the_server_was_killed() {
    let region = Region::up("metrics");
    let ids = region.web(2);
    let (_, eip) = region.balancer("quintuple-hash", 2);
    let public = format!("http://{eip}/");
    // The same sockets over and over: records are replaced before the agent sees them.
    let mut sent = 0;
    for _ in 0..3 {
        let served = region.load("client", &public, 1_000);
        assert_eq!(served.failed, 0, "{}", served.errors);
        sent += 1_000;
    }
    let of_listener = "listener http";
    wait_for(&region, of_listener, sent);

    let listener = metrics(&region, of_listener);
    let per_target: Vec<u64> =
        ids.iter().map(|id| total(&metrics(&region, &format!("target b {id}")), "connections")).collect();
    assert_eq!(total(&listener, "connections"), sent);
    assert_eq!(per_target.iter().sum::<u64>(), sent, "{per_target:?}");
    assert!(per_target.iter().all(|count| *count > sent / 3), "{per_target:?}");
    let balancer = metrics(&region, "lb l");
    for name in ["connections", "packetsIn", "packetsOut", "bytes"] {
        assert_eq!(total(&balancer, name), total(&listener, name), "{name}");
    }
    // SYN, request, FIN and the acknowledgements between them.
    let (packets_in, packets_out) = (total(&listener, "packetsIn"), total(&listener, "packetsOut"));
    assert!((4 * sent..9 * sent).contains(&packets_in), "{packets_in}");
    assert!((3 * sent..9 * sent).contains(&packets_out), "{packets_out}");
    assert!((300 * sent..2_000 * sent).contains(&total(&listener, "bytes")), "{listener}");

    let hosts: Vec<Value> = ["host-a1", "host-a2", "host-b1", "host-b2"]
        .iter()
        .map(|host| metrics(&region, &format!("host {host}")))
        .collect();
    assert_eq!(hosts.iter().map(|host| total(host, "connections")).sum::<u64>(), sent);
    let delivered: u64 = hosts.iter().map(|host| total(host, "delivered")).sum();
    assert!(delivered >= packets_in, "{delivered} of {packets_in}");
    let edges: u64 = ["edge-1", "edge-2"]
        .map(|edge| total(&metrics(&region, &format!("host {edge}")), "balanced"))
        .iter()
        .sum();
    assert!(edges >= packets_in, "{edges} of {packets_in}");

    what_goes_wrong_is_told_of_listeners_and_targets(&region, &eip, &ids);
    living_flows_are_seen(&region, &eip);
    minutes_outlive_the_server(&region, of_listener);
}

/// A listener without servers, whose callers an edge refuses, and one whose servers' rules let nobody in.
fn what_goes_wrong_is_told_of_listeners_and_targets(region: &Region, eip: &str, ids: &[String]) {
    region.dnlb("backend create none --lb l --port 8080");
    region.dnlb("listener create none --lb l --port 82 --backend none --wait");
    region.dnlb("backend create shut --lb l --port 9 --ag web --without-member fail-open");
    region.dnlb("listener create shut --lb l --port 83 --backend shut --wait");
    let call = |port: u16, times: u32| {
        let call = format!("timeout 0.5 bash -c 'exec 3<>/dev/tcp/{eip}/{port}'");
        let calls = vec![call; times as usize].join("; ");
        let run = || Ok(std::process::Command::new("bash").args(["-c", &calls]).output()?);
        assert!(!region.lab().inside("client", run).unwrap().status.success(), "port {port}");
    };
    call(82, 5);
    call(83, 3);
    let of = |of: &str, outcome: &str| total(&metrics(region, of), outcome);
    let all_told =
        || of("listener none", "reset_no_backend") >= 5 && of("listener shut", "drop_security_group_in") >= 3;
    assert!(until(Duration::from_secs(15), all_told), "{}", metrics(region, "listener none"));
    assert_eq!(of("listener none", "reset_no_backend"), 5);
    let denied = of("listener shut", "drop_security_group_in");
    let by_target = ids.iter().map(|id| of(&format!("target shut {id}"), "drop_security_group_in"));
    assert_eq!(by_target.sum::<u64>(), denied);
    assert_eq!(of("lb l", "reset_no_backend"), 5);
    assert_eq!(of("lb l", "drop_security_group_in"), denied);
    // Whoever is served has none of it.
    let http = metrics(region, "listener http");
    assert_eq!((total(&http, "reset_no_backend"), total(&http, "drop_security_group_in")), (0, 0));
}

/// Open connections are a state: it is there while they are, and gone when they are.
fn living_flows_are_seen(region: &Region, eip: &str) {
    let highest = || {
        let points = points(&metrics_with(region, "listener http", "--last 20s --step 1"), "flows");
        points.last().copied().flatten().unwrap_or(0.0)
    };
    let lab = region.lab();
    let hold = format!("for n in 1 2 3 4 5 6 7; do exec {{fd}}<>/dev/tcp/{eip}/80; done; sleep 12");
    let mut client =
        lab.inside("client", || Ok(std::process::Command::new("bash").args(["-c", &hold]).spawn()?)).unwrap();
    let seen = until(Duration::from_secs(11), || highest() == 7.0);
    client.wait().unwrap();
    assert!(seen, "{}", highest());
    assert!(until(Duration::from_secs(30), || highest() == 0.0), "{}", highest());
}

fn minutes_outlive_the_server(region: &Region, of: &str) {
    let by_minutes = || total(&metrics_with(region, of, "--last 30m --step 60"), "connections");
    let all = total(&metrics_with(region, of, "--last 30m --step 60"), "connections");
    // Until the minute of the last connection is over and on disk.
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    thread::sleep(Duration::from_secs(60 - now.as_secs() % 60 + 15));
    let before = by_minutes();
    assert!(before >= all, "{before} of {all}");
    let server = region.processes()["server"].pid;
    kill(Pid::from_raw(server), Signal::SIGKILL).unwrap();
    region.lab_command("heal server");
    region.dnlb("status --wait");
    assert_eq!(by_minutes(), before);
    let seconds = metrics_with(region, of, "--last 1m --step 1");
    assert!(
        points(&seconds, "connections").iter().any(Option::is_none),
        "nothing is known of while it was dead"
    );
}

fn metrics(region: &Region, of: &str) -> Value {
    metrics_with(region, of, "--last 10m --step 1")
}

fn metrics_with(region: &Region, of: &str, options: &str) -> Value {
    region.dnlb(&format!("metrics {of} {options}"))
}

fn points(metrics: &Value, name: &str) -> Vec<Option<f64>> {
    let series = metrics["series"].as_array().unwrap().iter();
    let series = series.clone().find(|series| series["name"] == name);
    series.map_or_else(Vec::new, |it| it["points"].as_array().unwrap().iter().map(Value::as_f64).collect())
}

/// What all points of a rate come to.
fn total(metrics: &Value, name: &str) -> u64 {
    let step = metrics["stepSeconds"].as_f64().unwrap();
    (points(metrics, name).into_iter().flatten().sum::<f64>() * step).round() as u64
}

fn wait_for(region: &Region, of: &str, connections: u64) {
    let counted = || total(&metrics(region, of), "connections");
    assert!(until(Duration::from_secs(15), || counted() >= connections), "{} of {connections}", counted());
    // Whether there are more of them than there should be.
    thread::sleep(Duration::from_secs(3));
}

fn until(patience: Duration, done: impl Fn() -> bool) -> bool {
    let end = Instant::now() + patience;
    while Instant::now() < end {
        if done() {
            return true;
        }
        thread::sleep(Duration::from_millis(300));
    }
    false
}

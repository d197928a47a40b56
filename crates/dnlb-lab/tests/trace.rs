//! Packets are followed over hosts, and flows are logged: what is told is what happened.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod common;

use std::{
    process::{Child, Command, Stdio},
    thread::{self, sleep},
    time::{Duration, Instant},
};

use common::{Region, text};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::Value;

const HOSTS: [&str; 4] = ["host-a1", "host-a2", "host-b1", "host-b2"];
const EDGES: [&str; 2] = ["edge-1", "edge-2"];
const NODES: [&str; 6] = ["host-a1", "host-a2", "host-b1", "host-b2", "edge-1", "edge-2"];

#[test]
#[ignore = "needs root and a release build"]
fn a_packet_is_seen_on_the_edge_then_on_its_host_then_its_reply_and_its_flow_is_logged() {
    let region = Region::up("trace");
    region.web(2);
    let (vip, eip) = region.balancer("quintuple-hash", 2);

    a_request_is_followed_over_all_hosts(&region, &eip);
    a_drop_is_seen_where_it_happens(&region);
    a_host_traces_without_the_server_and_for_several_at_once(&region, &eip);
    nothing_is_traced_any_more_when_who_asked_is_gone(&region);
    a_closed_flow_is_logged_with_its_packets(&region, &eip);
    flows_are_followed_as_they_come_and_go(&region, &eip);
    a_capture_replays_as_it_was(&region, &eip);
    wrong_questions_are_refused(&region, &vip);
}

/// Starts a trace through the server, whose steps come as lines of JSON; returns when it runs on all hosts.
fn begin(region: &Region, options: &str) -> Child {
    let child = spawn(region, options);
    running(region, &NODES, 1);
    child
}

fn spawn(region: &Region, options: &str) -> Child {
    let access = region.lab().access().unwrap();
    Command::new(std::env::var_os("DNLB_BIN").unwrap())
        .env("DNLB_ENDPOINT", access.endpoint)
        .env("DNLB_REGION", access.region)
        .env("DNLB_ACCESS_KEY", access.access_key)
        .env("DNLB_SECRET_KEY", access.secret_key)
        .args(["trace", "-o", "json"])
        .args(options.split(' '))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// Waits until so many traces run on nodes.
fn running(region: &Region, nodes: &[&str], wanted: u64) {
    wait(
        || nodes.iter().all(|node| counters(region, node)["traces"] == wanted),
        || format!("{wanted} traces on {nodes:?}"),
    );
}

/// Waits for something that comes true within a minute.
fn wait(mut is_so: impl FnMut() -> bool, what: impl Fn() -> String) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < deadline, "never: {}", what());
        sleep(Duration::from_millis(100));
    }
}

fn counters(region: &Region, node: &str) -> Value {
    serde_json::from_str(&region.exec(node, "dnlb counters -o json")).unwrap()
}

/// How often an outcome was counted on a node.
fn counted(region: &Region, node: &str, outcome: &str) -> u64 {
    let counters = counters(region, node);
    let found = counters["outcomes"].as_array().unwrap().iter().find(|item| item["outcome"] == outcome);
    found.unwrap()["packets"].as_u64().unwrap()
}

fn steps(child: Child) -> Vec<Value> {
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    lines(&String::from_utf8(output.stdout).unwrap())
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn is(step: &Value, name: &str, value: &str) -> bool {
    step[name] == value
}

fn a_request_is_followed_over_all_hosts(region: &Region, eip: &str) {
    let trace = begin(region, &format!("--from 198.51.100.10 --to {eip}:80 --seconds 4"));
    assert_eq!(region.load("client", &format!("http://{eip}/"), 1).failed, 0);
    let steps = steps(trace);
    let syn = steps.iter().position(|step| is(step, "flags", "SYN")).expect("the first packet");
    let client = text(&steps[syn], "/source");
    // Nothing else was going on, and times sort.
    let times: Vec<_> = steps.iter().map(|step| text(step, "/time")).collect();
    assert!(times.is_sorted(), "{times:#?}");

    let edge = &steps[0];
    assert!(is(edge, "program", "edge") && is(edge, "outcome", "forwarded"), "{edge:#}");
    assert!(text(edge, "/host").starts_with("edge-"), "{edge:#}");
    assert_eq!(
        (text(edge, "/destination"), text(edge, "/listener")),
        (format!("{eip}:80"), "l/http".to_owned())
    );
    let host = &steps[1];
    assert!(is(host, "program", "from_overlay") && is(host, "outcome", "delivered"), "{host:#}");
    assert_eq!(text(host, "/host"), text(edge, "/to"));
    let reply = &steps[2];
    assert!(is(reply, "program", "from_instance") && is(reply, "outcome", "replied_outside"), "{reply:#}");
    assert!(is(reply, "flags", "SYN,ACK"), "{reply:#}");

    // One flow: the same five-tuple on the edge and on the host, and turned round in the reply.
    for step in [edge, host] {
        assert_eq!(
            (text(step, "/source"), text(step, "/destination")),
            (client.clone(), format!("{eip}:80"))
        );
        assert_eq!(step["sequence"], edge["sequence"]);
    }
    assert_eq!((text(reply, "/sourceAfter"), text(reply, "/destination")), (format!("{eip}:80"), client));
    assert_eq!(text(reply, "/source"), text(host, "/destinationAfter"));
    assert_eq!(text(reply, "/sender"), text(host, "/instance"));
    assert_eq!(text(host, "/instance"), text(edge, "/instance"));
    // The row by which the edge chose it has it in front.
    assert_eq!(text(edge, "/chain/0"), text(edge, "/instance"));
    assert_eq!((&host["chain"], &host["row"]), (&edge["chain"], &edge["row"]));
    // As many came from the edges as went into the tunnel.
    let of = |program: &str| steps.iter().filter(|step| is(step, "program", program)).count();
    assert_eq!(of("edge"), of("from_overlay"));
}

fn a_drop_is_seen_where_it_happens(region: &Region) {
    let trace = begin(region, "--outcome drop --count 1 --seconds 100");
    let instance = region.dnlb("instance list")[0].clone();
    let id = text(&instance, "/instanceId");
    // The address is nobody's.
    region.exit_code(&id, "ping -c 1 -W 1 10.0.0.250");
    let steps = steps(trace);
    let [step] = steps.as_slice() else { panic!("it ends with its count: {steps:#?}") };
    assert_eq!(text(step, "/outcome"), "drop_no_route");
    assert_eq!((text(step, "/sender"), text(step, "/host")), (id, text(&instance, "/hostId")));
    assert!(text(step, "/destination").starts_with("10.0.0.250:"));
    running(region, &NODES, 0);
}

fn a_host_traces_without_the_server_and_for_several_at_once(region: &Region, eip: &str) {
    let program = std::env::var("DNLB_BIN").unwrap();
    let trace = |name: &str| {
        format!(
            "{program} trace --here --to {eip} --port 80 --protocol tcp --count 2 --seconds 100 -o json >/tmp/dnlb-trace-{name}"
        )
    };
    let script = format!("{} & {} & wait", trace("one"), trace("two"));
    let lab = region.lab();
    let tracing = thread::spawn(move || {
        let command = ["sh", "-c", &script].map(str::to_owned);
        dnlb_lab::output(&lab, EDGES[0], &command).unwrap()
    });
    running(region, &EDGES[..1], 2);
    // By both edges, as the fabric likes.
    wait(
        || {
            assert_eq!(region.load("client", &format!("http://{eip}/"), 4).failed, 0);
            tracing.is_finished()
        },
        || "two packets by the first edge".to_owned(),
    );
    assert_eq!(tracing.join().unwrap().code, 0);
    for name in ["one", "two"] {
        let told = take(&format!("/tmp/dnlb-trace-{name}"));
        assert_eq!(told.lines().count(), 2, "{told}");
        assert!(lines(&told).iter().all(|step| is(step, "outcome", "forwarded")), "{told}");
    }
    running(region, &NODES, 0);
}

/// Reads a file and removes it.
fn take(path: &str) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    std::fs::remove_file(path).unwrap();
    text
}

fn nothing_is_traced_any_more_when_who_asked_is_gone(region: &Region) {
    let stopped = begin(region, "--seconds 600");
    kill(Pid::from_raw(stopped.id().try_into().unwrap()), Signal::SIGINT).unwrap();
    // It ends as one does whose time is over; its own messages are nothing that it tells of.
    let told = steps(stopped);
    assert!(!told.iter().any(|step| is(step, "outcome", "passed")), "{told:#?}");
    running(region, &NODES, 0);
    let mut killed = begin(region, "--seconds 600");
    killed.kill().unwrap();
    killed.wait().unwrap();
    running(region, &NODES, 0);
}

fn a_closed_flow_is_logged_with_its_packets(region: &Region, eip: &str) {
    let trace = begin(region, &format!("--from 198.51.100.10 --to {eip}:80 --seconds 4"));
    assert_eq!(region.load("client", &format!("http://{eip}/"), 1).failed, 0);
    let steps = steps(trace);
    let client = text(&steps[0], "/source");
    let host = text(&steps[0], "/to");
    let seen = |program: &str| steps.iter().filter(|step| is(step, "program", program)).count() as u64;
    let mut log = Vec::new();
    wait(
        || {
            let line = format!("dnlb flows --log --peer {client} -o json");
            log = serde_json::from_str::<Vec<Value>>(&region.exec(&host, &line)).unwrap();
            log.iter().any(|line| line["event"] == "closed")
        },
        || "the flow's record is removed".to_owned(),
    );
    let [new, closed] = log.as_slice() else { panic!("{log:#?}") };
    assert_eq!((text(new, "/event"), text(closed, "/reason")), ("new".to_owned(), "fin".to_owned()));
    assert_eq!(closed["packetsIn"], seen("from_overlay"));
    assert_eq!(closed["packetsOut"], seen("from_instance"));
    assert!(closed["durationMs"].is_u64(), "{closed}");
    assert_eq!(text(closed, "/listener"), "l/http");
    assert_eq!(closed["instanceId"], new["instanceId"]);
    assert!(text(new, "/time") <= text(closed, "/time"));
    // On the other hosts there is nothing of it.
    for other in HOSTS.iter().filter(|other| **other != host) {
        let line = format!("dnlb flows --log --peer {client} -o json");
        assert_eq!(region.exec(other, &line).trim(), "[]", "{other}");
    }
}

fn flows_are_followed_as_they_come_and_go(region: &Region, eip: &str) {
    let line = format!("dnlb flows --follow --vip {eip}:80 --limit 2 -o json");
    let following: Vec<_> = HOSTS
        .iter()
        .map(|host| {
            let (lab, words) = (region.lab(), line.split(' ').map(str::to_owned).collect::<Vec<_>>());
            thread::spawn(move || dnlb_lab::output(&lab, host, &words).unwrap().stdout)
        })
        .collect();
    // What they show first may be what was there already, so there is always more: until somebody has seen enough.
    let mut seen = Vec::new();
    wait(
        || {
            assert_eq!(region.load("client", &format!("http://{eip}/"), 4).failed, 0);
            seen = following.iter().map(std::thread::JoinHandle::is_finished).collect();
            seen.iter().filter(|done| **done).count() == 2
        },
        || "both hosts with instances have seen two".to_owned(),
    );
    for (thread, done) in following.into_iter().zip(seen) {
        if done {
            let told = lines(&thread.join().unwrap());
            assert_eq!(told.len(), 2, "{told:#?}");
            for line in &told {
                assert!(["new", "closed"].contains(&text(line, "/event").as_str()), "{line}");
                assert_eq!(text(line, "/destination"), format!("{eip}:80"));
            }
        }
    }
}

/// Captures on nodes while something is done; returns the captures' paths.
fn capture(region: &Region, nodes: &[(&'static str, &str)], done: impl FnOnce()) -> Vec<String> {
    let running: Vec<_> = nodes
        .iter()
        .map(|(node, which)| {
            let path = format!("/tmp/dnlb-replay-{node}.pcap");
            // One that a failed run has left would look like one that has begun.
            let _ = std::fs::remove_file(&path);
            let line = format!("timeout 4 tcpdump -Z root -U -i up0 -w {path} {which}");
            let (lab, node) = (region.lab(), *node);
            let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
            (path, thread::spawn(move || dnlb_lab::output(&lab, node, &words).unwrap()))
        })
        .collect();
    // It writes the file's header when it listens.
    wait(
        || running.iter().all(|(path, _)| std::fs::metadata(path).is_ok_and(|file| file.len() >= 24)),
        || "tcpdump listens".to_owned(),
    );
    done();
    running
        .into_iter()
        .map(|(path, thread)| {
            thread.join().unwrap();
            path
        })
        .collect()
}

fn replay(region: &Region, node: &str, line: &str) -> Value {
    serde_json::from_str(&region.exec(node, &format!("dnlb replay {line} -o json"))).unwrap()
}

/// What became of packets, in an order of its own.
fn fates<'a>(steps: impl IntoIterator<Item = &'a Value>) -> Vec<String> {
    let names = ["source", "sequence", "flags", "destinationAfter", "outcome", "instance", "row"];
    let mut fates: Vec<_> =
        steps.into_iter().map(|step| names.map(|name| step[name].to_string()).join(" ")).collect();
    fates.sort();
    fates
}

fn a_capture_replays_as_it_was(region: &Region, eip: &str) {
    let forwarded = || EDGES.iter().map(|edge| counted(region, edge, "forwarded")).sum::<u64>();
    let before = forwarded();
    let trace = begin(region, &format!("--to {eip}:80 --seconds 6"));
    let filter = format!("-Q out tcp and dst host {eip}");
    let mut nodes = vec![("client", filter.as_str())];
    nodes.extend(HOSTS.iter().map(|host| (*host, "-Q in udp port 4789")));
    let paths = capture(region, &nodes, || {
        assert_eq!(region.load("client", &format!("http://{eip}/"), 6).failed, 0);
    });
    let steps = steps(trace);
    let packets = forwarded() - before;

    // What the client sent: every edge would have done with it what the two have done together.
    for edge in EDGES {
        let told = replay(region, edge, &format!("{} --at edge", paths[0]));
        assert_eq!(told["outcomes"], serde_json::json!({"forwarded": packets}), "{edge}");
    }
    // What came out of the tunnels, packet by packet.
    let mut replayed = 0;
    for (host, path) in HOSTS.iter().zip(&paths[1..]) {
        let out = format!("/tmp/dnlb-replay-{host}-out.pcap");
        let told = replay(region, host, &format!("{path} --out {out}"));
        let told = told["packets"].as_array().unwrap();
        let real: Vec<_> = steps.iter().filter(|step| is(step, "host", host)).collect();
        let real = real.into_iter().filter(|step| is(step, "program", "from_overlay"));
        // Processors take packets of different connections in another order than tcpdump writes them.
        assert_eq!(fates(told), fates(real), "{host}");
        replayed += told.len() as u64;
        // As the instances got them.
        let shown = region.exec(host, &format!("tcpdump -nn -r {out}"));
        assert_eq!(shown.lines().filter(|line| line.contains(".8080: Flags")).count(), told.len(), "{shown}");
        std::fs::remove_file(out).unwrap();
    }
    assert_eq!(replayed, packets);
    for path in paths {
        std::fs::remove_file(path).unwrap();
    }
}

fn wrong_questions_are_refused(region: &Region, vip: &str) {
    let refused = |line: &str| region.attempt(line).unwrap_err();
    assert!(refused("trace --outcome dropped").contains("dropped"));
    assert!(refused("trace --listener l/https").contains("l/https"));
    assert!(refused("trace --host host-c1").contains("host-c1"));
    let known_nowhere = "dnlb trace --here --listener l/https";
    assert_ne!(region.exit_code(HOSTS[0], known_nowhere), 0);
    // Nothing of that kind happens.
    let trace = spawn(region, &format!("--to {vip}:9 --listener l/http --seconds 3"));
    let concerned: Vec<_> =
        region.dnlb("instance list").as_array().unwrap().iter().map(|own| text(own, "/hostId")).collect();
    running(region, &concerned.iter().map(String::as_str).chain(EDGES).collect::<Vec<_>>(), 1);
    assert_eq!(steps(trace), Vec::<Value>::new());
}

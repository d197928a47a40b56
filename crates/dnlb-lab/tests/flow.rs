//! What hosts answer to the server: the way that they tell for a flow is the way that it goes, and what an instance writes is read.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod common;

use std::{thread, time::Duration};

use common::{Region, Talk, text};
use serde_json::Value;

/// Flows of each place.
const FLOWS: u16 = 20;

#[test]
#[ignore = "needs root and a release build"]
fn hosts_tell_the_way_of_a_flow_and_what_an_instance_writes() {
    let region = Region::up_with("flow", "up --hosts-per-rack 1 --edges 1");
    let (vip, eip) = prepare(&region);
    let talker = region.dnlb("instance show talker");
    let (id, addr) = (text(&talker, "/instanceId"), text(&talker, "/privateIpAddress"));

    let inside = format!("--vpc v --from {addr}");
    for (place, from, to, program) in
        [("client", "--from 198.51.100.10", &eip, "edge"), (&id, &inside, &vip, "from_instance")]
    {
        let mut calls = Talk::start(&region, place, &["dnlb", "guest", "ask", "--to", &format!("{to}:80")]);
        for port in 20_000..20_000 + FLOWS {
            let told = region.dnlb(&format!("flow explain {from}:{port} --to {to}:80"));
            let server = calls.ask(&port.to_string());
            assert_eq!(told["instanceId"], server.as_str(), "{told}");
            let hops = told["hops"].as_array().unwrap();
            let last = hops.last().unwrap();
            assert_eq!(hops[0]["program"], program);
            assert_eq!((&last["outcome"], &last["fate"]), (&"delivered".into(), &"Delivered".into()));
            assert_eq!(last["hostId"], region.dnlb(&format!("instance show {server}"))["hostId"]);
        }
    }

    let last = |line: &str| -> Value {
        let told = region.dnlb(&format!("flow explain {line}"));
        told["hops"].as_array().unwrap().last().unwrap().clone()
    };
    let lost = last("--instance talker --to 10.0.0.250:80");
    assert_eq!((&lost["outcome"], &lost["kind"]), (&"drop_no_route".into(), &"Dropped".into()));
    assert!(text(&lost, "/advice").contains("instance list"));
    let refused = last(&format!("--from 198.51.100.10 --to {eip}:81"));
    assert_eq!((&refused["outcome"], &refused["kind"]), (&"reset_no_listener".into(), &"Refused".into()));

    let spoken = || text(&region.dnlb("instance console-log talker"), "/text");
    // It runs before its script has ended.
    while !spoken().contains("this is talker\n") {
        thread::sleep(Duration::from_millis(50));
    }

    region.lab_command(&format!("fail {} --how kill", text(&talker, "/hostId")));
    for line in ["flow explain --instance talker --to 10.0.0.250:80", "instance console-log talker"] {
        let error = region.attempt(line).unwrap_err();
        assert!(error.contains("was asked: it is not connected"), "{error}");
    }
}

/// Echoing instances behind a VIP and an EIP, and one that says who it is; returns VIP and EIP.
fn prepare(region: &Region) -> (String, String) {
    region.echo_servers(4, 8080);
    let vip = text(&region.dnlb("lb create l --subnet s"), "/privateIp/privateIpAddress");
    region.dnlb("backend create b --lb l --port 8080 --ag a --algorithm quintuple-hash --healthy-after 1");
    region.dnlb("listener create l --lb l --port 80 --backend b");
    let eip = text(&region.dnlb("eip create"), "/elasticIpAddress");
    region.dnlb(&format!("lb associate-eip l {eip}"));
    let script = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(script.path(), "#!/bin/sh\necho this is $(hostname)\n").unwrap();
    region.dnlb(&format!(
        "template create talker --subnet s --sg g --image img-blank --script {}",
        script.path().display()
    ));
    region.dnlb("instance create talker --template talker --az lab-1a --wait");
    region.dnlb("health b --wait 4");
    region.dnlb("status --wait");
    (vip, eip)
}

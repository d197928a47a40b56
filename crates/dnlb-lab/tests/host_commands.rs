//! Commands that are run on a host: what they tell is what happens.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod common;

use common::{Region, text};
use serde_json::Value;

const HOSTS: [&str; 4] = ["host-a1", "host-a2", "host-b1", "host-b2"];

#[test]
#[ignore = "needs root and a release build"]
fn hosts_tell_their_flows_and_what_would_become_of_a_packet() {
    let region = Region::up("hosts");
    let ids = region.web(4);
    let (vip, eip) = region.balancer("quintuple-hash", 4);
    assert_eq!(region.load("client", &format!("http://{eip}/"), 40).failed, 0);

    flows_of_all_hosts_are_those_connections(&region, &eip, &ids);
    an_edge_and_then_the_host_explain_a_packet_from_outside(&region, &eip, &ids);
    an_instances_call_is_explained_without_leaving_a_record(&region, &vip, &ids[0]);
}

fn json(region: &Region, node: &str, line: &str) -> Vec<Value> {
    serde_json::from_str(&region.exec(node, &format!("dnlb {line} -o json"))).unwrap()
}

fn flows_of_all_hosts_are_those_connections(region: &Region, eip: &str, ids: &[String]) {
    let flows: Vec<Value> =
        HOSTS.iter().flat_map(|host| json(region, host, &format!("flows --vip {eip}:80"))).collect();
    assert_eq!(flows.len(), 40, "{flows:#?}");
    for flow in &flows {
        assert!(ids.contains(&text(flow, "/instanceId")), "{flow}");
        assert_eq!((text(flow, "/direction"), text(flow, "/via")), ("in".to_owned(), "uplink".to_owned()));
        assert!(text(flow, "/peer").starts_with("198.51.100.10:"), "{flow}");
        assert!(["closed", "closing", "reset"].contains(&text(flow, "/state").as_str()), "{flow}");
    }
    assert_eq!(json(region, HOSTS[0], "flows --vip 192.0.2.1").len(), 0);
    assert_eq!(json(region, HOSTS[0], "flows --limit 1").len(), 1);
}

fn an_edge_and_then_the_host_explain_a_packet_from_outside(region: &Region, eip: &str, ids: &[String]) {
    let line = format!("explain --from 198.51.100.10:54321 --to {eip}:80");
    let on_edge = json(region, "edge-1", &line);
    let verdict = on_edge.iter().find(|step| step["step"] == "verdict").unwrap();
    assert_eq!(verdict["outcome"], "forwarded");
    // By names, though the edge has no instances of its own.
    let service = on_edge.iter().find(|step| step["step"] == "service").unwrap();
    assert!(text(service, "/text").contains("listener l/http"), "{service}");
    assert!(ids.iter().any(|id| text(verdict, "/text").contains(id.as_str())), "{verdict}");
    // The other hosts say whom to ask.
    let told: Vec<_> =
        HOSTS.iter().filter(|host| region.exit_code(host, &format!("dnlb {line}")) == 0).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    let on_host = json(region, told[0], &line);
    let delivered = on_host.iter().find(|step| step["step"] == "verdict").unwrap();
    assert_eq!(delivered["outcome"], "delivered");
    assert_eq!(delivered["instance"], verdict["instance"]);
    assert!(text(delivered, "/to").ends_with(":8080"), "{delivered}");
}

fn an_instances_call_is_explained_without_leaving_a_record(region: &Region, vip: &str, id: &str) {
    let instance = region.dnlb(&format!("instance show {id}"));
    let (host, addr) = (text(&instance, "/hostId"), text(&instance, "/privateIpAddress"));
    let count = |host: &str| json(region, host, &format!("flows --vip {vip}")).len();
    let before = count(&host);
    let told = json(region, &host, &format!("explain --from {addr}:54321 --to {vip}:80"));
    for step in ["service", "row", "generations", "member", "verdict"] {
        assert!(told.iter().any(|line| line["step"] == step), "{step} in {told:#?}");
    }
    assert_eq!(count(&host), before);
}

//! A host whose agent is dead for long is out of the rows, and keeps the connections that it has.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod common;

use std::{thread, time::Duration};

use common::{Region, text};
use serde_json::Value;

#[test]
#[ignore = "needs root and a release build"]
fn connections_to_a_host_that_nobody_hears_of_go_on_while_others_change() {
    let region = Region::up("unheard");
    let instances = region.echo_servers(4, 7);
    region.dnlb("lb create l --subnet s");
    region.dnlb("target-group create t --lb l");
    for id in &instances {
        region.dnlb(&format!("target-group register t --instance {id} --weight 10"));
    }
    for protocol in ["tcp", "udp"] {
        region.dnlb(&format!(
            "backend create {protocol} --lb l --protocol {protocol} --port 7 --target-group t --algorithm quintuple-hash --check-protocol tcp --check-port 7 --healthy-after 1 --check-timeout 2"
        ));
        region.dnlb(&format!(
            "listener create {protocol} --lb l --protocol {protocol} --port 80 --backend {protocol}"
        ));
    }
    let eip = text(&region.dnlb("eip create"), "/elasticIpAddress");
    region.dnlb(&format!("lb associate-eip l {eip}"));
    region.dnlb("health tcp --wait 4");
    region.dnlb("health udp --wait 4");
    region.dnlb("status --wait");

    let hold = |datagrams: &str| -> Value {
        let hold = format!("dnlb guest hold --connections 60 {datagrams}--seconds 18 --to {eip}:80");
        serde_json::from_str(&region.exec("client", &hold)).unwrap()
    };
    let (silent, other) = (&instances[0], &instances[1]);
    let host = text(&region.dnlb(&format!("instance show {silent}")), "/hostId");
    let held = thread::scope(|scope| {
        let held = [scope.spawn(|| hold("")), scope.spawn(|| hold("--datagrams "))];
        thread::sleep(Duration::from_secs(2));
        region.lab_command(&format!("fail {host} --how kill"));
        region.dnlb("health tcp --wait 3");
        for weight in [20, 5, 10] {
            region.dnlb(&format!("target-group set-target t --instance {other} --weight {weight}"));
            thread::sleep(Duration::from_secs(1));
        }
        region.lab_command(&format!("heal {host}"));
        region.dnlb("health tcp --wait 4");
        held.map(|held| held.join().unwrap())
    });
    for held in held {
        assert_eq!(held["broken"], serde_json::json!([]), "{held}");
        assert!(held["lasted"][silent].as_u64().unwrap() > 0, "{held}");
    }
}

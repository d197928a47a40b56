//! IPv6 inside, outside and as the underlay: the same promises as over IPv4.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod common;

use common::{Region, Served, text};

const CLIENT: &str = "2001:db8:51::10";

#[test]
#[ignore = "needs root and a release build"]
fn ipv6_is_balanced_over_an_ipv4_underlay() {
    ipv6_is_balanced(&Region::up_with("six", "up --hosts-per-rack 1"));
}

#[test]
#[ignore = "needs root and a release build"]
fn ipv6_is_balanced_over_an_ipv6_underlay() {
    let region = Region::up_with("sixsix", "up --hosts-per-rack 1 --underlay-family 6");
    // The underlay's 1,600 bytes without the headers of a tunnel over IPv6.
    let tunnel = region.exec("host-a1", "ip -o link show dev dnlb-vx");
    assert!(tunnel.contains("mtu 1530"), "{tunnel}");
    ipv6_is_balanced(&region);
}

fn ipv6_is_balanced(region: &Region) {
    region.dnlb("vpc create v --prefix fd00:0:1::/48");
    region.dnlb("subnet create s --vpc v --prefix fd00:0:1:1::/64");
    region.dnlb("sg create g --vpc v");
    for protocol in ["tcp", "udp"] {
        region.dnlb(&format!("sg allow g --direction in --protocol {protocol} --port 8080"));
        region.dnlb(&format!("sg allow g --direction out --protocol {protocol}"));
    }
    for direction in ["in", "out"] {
        region.dnlb(&format!("sg allow g --direction {direction} --protocol icmp"));
    }
    region.dnlb("template create web --subnet s --sg g --image img-web");
    region.dnlb("template create blank --subnet s --sg g --image img-blank");
    region.dnlb("ag create web --template web");
    let made = region.dnlb("ag scale web --to 4 --wait");
    let ids: Vec<_> = made.as_array().unwrap().iter().map(|it| text(it, "/instanceId")).collect();
    let caller = region.dnlb("instance create caller --template blank --az lab-1a --wait");
    let (caller, caller_addr) = (text(&caller, "/instanceId"), text(&caller, "/privateIpAddress"));

    let vip = text(&region.dnlb("lb create l --subnet s"), "/privateIp/privateIpAddress");
    let eip = text(&region.dnlb("eip create --ip-version 6"), "/elasticIpAddress");
    region.dnlb(&format!("lb associate-eip l {eip}"));
    let checks = "--healthy-after 1 --unhealthy-after 1 --check-timeout 2";
    // One is checked by connecting, the other by pinging.
    for protocol in ["tcp", "udp"] {
        region.dnlb(&format!(
            "backend create {protocol} --lb l --protocol {protocol} --port 8080 --ag web --algorithm quintuple-hash {checks}"
        ));
        region.dnlb(&format!(
            "listener create {protocol} --lb l --protocol {protocol} --port 80 --backend {protocol}"
        ));
    }
    region.dnlb("health tcp --wait 4");
    region.dnlb("health udp --wait 4");
    region.dnlb("status --wait");

    for (scheme, connections) in [("http", 4_000), ("udp", 2_000)] {
        let served = region.load("client", &format!("{scheme}://[{eip}]:80"), connections);
        answered(&served, connections);
        assert_eq!(served.clients, [CLIENT]);
        for id in &ids {
            let share = served.share(id);
            assert!((20.0..=30.0).contains(&share), "{id} got {share} %: {served:?}");
        }
        let served = region.load(&caller, &format!("{scheme}://[{vip}]:80"), 400);
        answered(&served, 400);
        assert_eq!(served.clients, [caller_addr.as_str()]);
        assert_eq!(served.instances.len(), 4);
        // An instance among those that it calls.
        let served = region.load(&ids[0], &format!("{scheme}://[{vip}]:80"), 200);
        answered(&served, 200);
        assert_eq!(served.instances.len(), 4);
    }

    for (place, addr) in [("client", &eip), (caller.as_str(), &vip)] {
        region.exec(place, &format!("ping -c 3 -i 0.2 -W 2 {addr}"));
        let curl = format!("curl --silent --max-time 2 http://[{addr}]:81/");
        assert_eq!(region.exit_code(place, &curl), 7, "curl's word for refused, {place}");
    }

    // Who has died is found out and asked no more.
    region.lab_command(&format!("fail {}", ids[0]));
    region.dnlb("health tcp --wait 3");
    region.dnlb("status --wait");
    let served = region.load("client", &format!("http://[{eip}]:80"), 500);
    answered(&served, 500);
    assert!(!served.instances.contains_key(&ids[0]), "{served:?}");
}

fn answered(served: &Served, connections: u32) {
    assert_eq!(served.failed, 0, "{}", served.errors);
    assert_eq!(served.instances.values().sum::<u64>(), u64::from(connections));
}

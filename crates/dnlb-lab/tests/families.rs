//! Both families in one VPC at once, and both protocols.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod common;

use std::thread;

use common::{Region, Served, text};

#[test]
#[ignore = "needs root and a release build"]
fn one_vpc_serves_both_families_and_both_protocols_at_once() {
    let region = Region::up_with("families", "up --hosts-per-rack 1");
    region.dnlb("vpc create v --prefix 10.0.0.0/16 --prefix-v6 fd00:0:1::/48");
    region.dnlb("sg create g --vpc v");
    for protocol in ["tcp", "udp"] {
        region.dnlb(&format!("sg allow g --direction in --protocol {protocol} --port 8080"));
        region.dnlb(&format!("sg allow g --direction out --protocol {protocol}"));
    }
    for direction in ["in", "out"] {
        region.dnlb(&format!("sg allow g --direction {direction} --protocol icmp"));
    }
    let families = [("4", "10.0.0.0/24"), ("6", "fd00:0:1:1::/64")].map(|(version, prefix)| {
        let name = |kind: &str| format!("{kind}{version}");
        let (subnet, group, lb) = (name("s"), name("web"), name("l"));
        region.dnlb(&format!("subnet create {subnet} --vpc v --prefix {prefix}"));
        for image in ["web", "blank"] {
            region.dnlb(&format!(
                "template create {image}{version} --subnet {subnet} --sg g --image img-{image}"
            ));
        }
        region.dnlb(&format!("ag create {group} --template web{version}"));
        let made = region.dnlb(&format!("ag scale {group} --to 2 --wait"));
        let ids: Vec<_> = made.as_array().unwrap().iter().map(|it| text(it, "/instanceId")).collect();
        let caller = region
            .dnlb(&format!("instance create caller{version} --template blank{version} --az lab-1a --wait"));
        let vip =
            text(&region.dnlb(&format!("lb create {lb} --subnet {subnet}")), "/privateIp/privateIpAddress");
        let eip =
            text(&region.dnlb(&format!("eip create --ip-version {version}")), "/elasticIpAddress");
        region.dnlb(&format!("lb associate-eip {lb} {eip}"));
        for protocol in ["tcp", "udp"] {
            let backend = name(protocol);
            region.dnlb(&format!(
                "backend create {backend} --lb {lb} --protocol {protocol} --port 8080 --ag {group} --algorithm quintuple-hash --healthy-after 1 --unhealthy-after 1 --check-timeout 2"
            ));
            region.dnlb(&format!(
                "listener create {protocol} --lb {lb} --protocol {protocol} --port 80 --backend {backend}"
            ));
        }
        Family { version, ids, caller: text(&caller, "/instanceId"), vip, eip }
    });
    for family in &families {
        for protocol in ["tcp", "udp"] {
            region.dnlb(&format!("health {protocol}{} --wait 2", family.version));
        }
    }
    region.dnlb("status --wait");

    // All at once: from outside and from inside, by every listener.
    let load = |place: &str, scheme: &str, addr: &str| {
        let host = if addr.contains(':') { format!("[{addr}]") } else { addr.to_owned() };
        region.load(place, &format!("{scheme}://{host}:80"), 400)
    };
    let all: Vec<(&Family, Served)> = thread::scope(|scope| {
        let mut loads = Vec::new();
        for family in &families {
            for scheme in ["http", "udp"] {
                for (place, addr) in [("client", &family.eip), (family.caller.as_str(), &family.vip)] {
                    loads.push((family, scope.spawn(move || load(place, scheme, addr))));
                }
            }
        }
        loads.into_iter().map(|(family, load)| (family, load.join().unwrap())).collect()
    });
    assert_eq!(all.len(), 8);
    for (family, served) in all {
        assert_eq!(served.failed, 0, "{served:?}");
        assert!(served.instances.keys().eq(family.sorted().iter()), "{served:?}");
    }

    // Datagrams' servers are checked by ping: one that does not answer is left out, by that listener alone.
    for (family, setting) in
        families.iter().zip(["net.ipv4.icmp_echo_ignore_all", "net.ipv6.icmp.echo_ignore_all"])
    {
        let [silent, other] = [&family.ids[0], &family.ids[1]];
        region.exec(silent, &format!("sysctl -qw {setting}=1"));
        region.dnlb(&format!("health udp{} --wait 1", family.version));
        region.dnlb("status --wait");
        let served = load("client", "udp", &family.eip);
        assert_eq!(served.failed, 0, "{served:?}");
        // A client's port that was used before may belong to a flow that it keeps.
        assert!(served.share(other) > 90.0, "{other}: {served:?}");
        assert_eq!(load("client", "http", &family.eip).instances.len(), 2);
        region.exec(silent, &format!("sysctl -qw {setting}=0"));
        region.dnlb(&format!("health udp{} --wait 2", family.version));
    }
}

/// What there is of one family.
struct Family {
    version: &'static str,
    ids: Vec<String>,
    caller: String,
    vip: String,
    eip: String,
}

impl Family {
    fn sorted(&self) -> Vec<String> {
        let mut ids = self.ids.clone();
        ids.sort();
        ids
    }
}

//! Real connections through a VIP and through an elastic IP: who gets them, and whom the instances see.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod common;

use common::{Region, Served, text};

const CLIENT: &str = "198.51.100.10";

#[test]
#[ignore = "needs root and a release build"]
fn connections_are_spread_by_weight_and_keep_their_source() {
    let region = Region::up("balancing");
    let ids = region.web(4);
    let (vip, eip) = region.balancer("quintuple-hash", 4);
    let public = format!("http://{eip}/");

    equal_instances_get_equal_shares(&region, &public, &ids);
    replies_pass_no_edge(&region, &public);
    instances_see_each_other_by_vip(&region, &vip, &ids);
    one_client_stays_with_one_instance_by_source_hash(&region, &public, &ids);
    datagrams_are_balanced_and_their_servers_checked_by_ping(&region, &vip, &eip, &ids);
    calls_for_nobody_are_answered_at_once(&region, &vip, &eip);
    weights_of_a_target_group_are_followed(&region, &public, &ids);
    ports_are_used_again_while_weights_change(&region, &public, &ids);
    what_no_rule_allows_is_dropped(&region, &public);
    vpcs_with_the_same_addresses_stay_apart(&region, &ids[0]);
    mistakes_are_refused_and_leave_nothing(&region);
}

fn answered(served: &Served, connections: u64) {
    assert_eq!(served.failed, 0, "{}", served.errors);
    assert_eq!(served.instances.values().sum::<u64>(), connections);
}

fn equal_instances_get_equal_shares(region: &Region, url: &str, ids: &[String]) {
    let served = region.load("client", url, 10_000);
    answered(&served, 10_000);
    assert_eq!(served.clients, [CLIENT]);
    for id in ids {
        let share = served.share(id);
        assert!((23.0..=27.0).contains(&share), "{id} got {share} %: {served:?}");
    }
}

/// Packets that a node's uplink has seen in one direction, `rx` or `tx`.
fn packets(region: &Region, node: &str, direction: &str) -> u64 {
    let link = region.exec(node, "ip -s -json link show dev up0");
    let link: serde_json::Value = serde_json::from_str(&link).unwrap();
    link[0]["stats64"][direction]["packets"].as_u64().unwrap()
}

fn replies_pass_no_edge(region: &Region, url: &str) {
    const CONNECTIONS: u32 = 500;
    let count = || {
        let edges: u64 = ["edge-1", "edge-2"].iter().map(|edge| packets(region, edge, "rx")).sum();
        let hosts: u64 =
            ["host-a1", "host-a2", "host-b1", "host-b2"].iter().map(|host| packets(region, host, "tx")).sum();
        (edges, hosts, packets(region, "client", "rx"), packets(region, "client", "tx"))
    };
    let before = count();
    answered(&region.load("client", url, CONNECTIONS), u64::from(CONNECTIONS));
    let after = count();
    let (edges, hosts) = (after.0 - before.0, after.1 - before.1);
    let (replies, requests) = (after.2 - before.2, after.3 - before.3);
    // Beside the client's own packets the edges hear only their agents' heart-beats; replies would double that.
    let noise = 200;
    assert!(
        edges >= requests && edges < requests + noise,
        "edges received {edges} packets for {requests} of the client's"
    );
    assert!(hosts + noise > replies, "hosts sent {hosts} packets, the client received {replies}");
    assert!(replies >= u64::from(CONNECTIONS) * 3, "{replies}");
}

fn instances_see_each_other_by_vip(region: &Region, vip: &str, ids: &[String]) {
    let caller = region.dnlb("instance create caller --template blank --az lab-1a --wait");
    let served = region.load(&text(&caller, "/instanceId"), &format!("http://{vip}/"), 1000);
    answered(&served, 1000);
    assert_eq!(served.clients, [text(&caller, "/privateIpAddress")]);
    assert_eq!(served.instances.len(), ids.len());

    // One of the servers itself, which its own VIP sometimes chooses.
    let served = region.load(&ids[0], &format!("http://{vip}/"), 200);
    answered(&served, 200);
    assert_eq!(served.instances.len(), ids.len());
}

fn one_client_stays_with_one_instance_by_source_hash(region: &Region, url: &str, ids: &[String]) {
    region.dnlb("backend update b --algorithm ip-hash");
    region.dnlb("health b --wait 4");
    let served = region.load("client", url, 500);
    answered(&served, 500);
    assert_eq!(served.instances.len(), 1, "{served:?}");
    assert!(ids.contains(served.instances.keys().next().unwrap()));
    region.dnlb("backend update b --algorithm quintuple-hash");
}

fn datagrams_are_balanced_and_their_servers_checked_by_ping(
    region: &Region,
    vip: &str,
    eip: &str,
    ids: &[String],
) {
    region.dnlb("backend create u --lb l --protocol udp --port 8080 --ag web --algorithm quintuple-hash --healthy-after 1 --unhealthy-after 1 --check-timeout 2");
    region.dnlb("listener create dns --lb l --protocol udp --port 80 --backend u");
    region.dnlb("sg allow g --direction in --protocol udp --port 8080");
    region.dnlb("sg allow g --direction in --protocol icmp");
    region.dnlb("sg allow g --direction out --protocol udp");
    region.dnlb("sg allow g --direction out --protocol icmp");
    region.dnlb("health u --wait 4");
    region.dnlb("status --wait");
    let served = region.load("client", &format!("udp://{eip}:80"), 4_000);
    answered(&served, 4_000);
    assert_eq!(served.clients, [CLIENT]);
    for id in ids {
        let share = served.share(id);
        assert!((21.0..=29.0).contains(&share), "{id} got {share} %: {served:?}");
    }
    let caller = text(&region.dnlb("instance show caller"), "/instanceId");
    let served = region.load(&caller, &format!("udp://{vip}:80"), 400);
    answered(&served, 400);
    assert_eq!(served.instances.len(), 4);
    // An instance among those that it calls.
    answered(&region.load(&ids[0], &format!("udp://{vip}:80"), 100), 100);
}

fn calls_for_nobody_are_answered_at_once(region: &Region, vip: &str, eip: &str) {
    let caller = text(&region.dnlb("instance show caller"), "/instanceId");
    region.dnlb("backend create empty --lb l --port 8080");
    region.dnlb("listener create nobody --lb l --port 82 --backend empty");
    region.dnlb("status --wait");
    for (place, addr) in [("client", eip), (caller.as_str(), vip)] {
        for port in [81, 82] {
            let curl = format!("curl --silent --max-time 2 http://{addr}:{port}/");
            assert_eq!(region.exit_code(place, &curl), 7, "curl's word for refused, {place}, port {port}");
        }
        let served = region.load(place, &format!("udp://{addr}:81"), 200);
        let refused = served.errors.as_object().unwrap().iter().all(|(error, _)| error.contains("refused"));
        assert!(refused && served.failed == 200, "{place}: {served:?}");
        region.exec(place, &format!("ping -c 3 -i 0.2 -W 2 {addr}"));
    }
    region.dnlb("backend update empty --without-member drop");
    region.dnlb("status --wait");
    let curl = format!("curl --silent --max-time 1 http://{eip}:82/");
    assert_eq!(region.exit_code("client", &curl), 28, "curl's word for a time-out");
    // Nobody listens at the port where they are checked, so nobody is healthy.
    region.dnlb("backend create open --lb l --port 8080 --ag web --check-port 9 --unhealthy-after 1 --check-timeout 2 --without-member fail-open");
    region.dnlb("listener create open --lb l --port 83 --backend open --wait");
    answered(&region.load("client", &format!("http://{eip}:83/"), 50), 50);
    region.dnlb("listener delete open");
    region.dnlb("backend delete open");
    region.dnlb("listener delete nobody");
    region.dnlb("backend delete empty");
    // While no listener is on, the addresses are the load balancer's all the same.
    let listeners = region.dnlb("listener list");
    let names: Vec<_> = listeners.as_array().unwrap().iter().map(|one| text(one, "/listenerName")).collect();
    let switch = |how: &str| {
        names.iter().for_each(|name| drop(region.dnlb(&format!("listener {how} {name}"))));
        region.dnlb("status --wait");
    };
    switch("off");
    for (place, addr) in [("client", eip), (caller.as_str(), vip)] {
        let curl = format!("curl --silent --max-time 2 http://{addr}:80/");
        assert_eq!(region.exit_code(place, &curl), 7, "curl's word for refused, {place}, no listener on");
        region.exec(place, &format!("ping -c 3 -i 0.2 -W 2 {addr}"));
    }
    switch("on");
    answered(&region.load("client", &format!("http://{eip}:80/"), 50), 50);
}

fn weights_of_a_target_group_are_followed(region: &Region, url: &str, ids: &[String]) {
    region.dnlb("target-group create t --lb l");
    region.dnlb(&format!("target-group register t --instance {} --weight 10", ids[0]));
    region.dnlb(&format!("target-group register t --instance {} --weight 30", ids[1]));
    region.dnlb("backend update b --target-group t");
    region.dnlb("health b --wait 2");
    let served = region.load("client", url, 10_000);
    answered(&served, 10_000);
    let share = served.share(&ids[0]);
    assert!((23.0..=27.0).contains(&share), "10 of 40 is a quarter, not {share} %");
    assert_eq!(served.instances.len(), 2);
}

/// More connections than the client has ports, while rows move all the time: a connection whose port had one before at
/// another member must not be taken for that.
fn ports_are_used_again_while_weights_change(region: &Region, url: &str, ids: &[String]) {
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let changes = std::thread::scope(|scope| {
        let changing = scope.spawn(move || {
            let mut changes = 0;
            // Ends also when a failed assertion below drops the other end; else the scope would wait for ever.
            while stopped.try_recv() == Err(std::sync::mpsc::TryRecvError::Empty) {
                let weight = 1 + changes * 37 % 100;
                region.dnlb(&format!(
                    "target-group set-target t --instance {} --weight {weight}",
                    ids[changes % 2]
                ));
                changes += 1;
            }
            changes
        });
        // Moved in, so that a panic drops it.
        let stop = stop;
        for _ in 0..8 {
            answered(&region.load("client", url, 10_000), 10_000);
        }
        drop(stop);
        changing.join().unwrap()
    });
    assert!(changes > 20, "{changes} changes only");
    region.dnlb("backend update b --ag web");
    region.dnlb("health b --wait 4");
}

/// An ACL at the subnet's border that allows nothing stops what the security groups allow, and back.
fn what_no_rule_allows_is_dropped(region: &Region, url: &str) {
    region.dnlb("acl create nothing --vpc v");
    region.dnlb("acl attach nothing s");
    region.dnlb("status --wait");
    let curl = format!("curl --silent --max-time 1 {url}");
    assert_eq!(region.exit_code("client", &curl), 28, "curl's word for a time-out");
    region.dnlb("acl add nothing --direction in --protocol tcp --port 8080");
    region.dnlb("acl add nothing --direction out --protocol tcp --port 1024-65535");
    region.dnlb("status --wait");
    answered(&region.load("client", url, 100), 100);
    region.dnlb("acl detach nothing s");
}

fn vpcs_with_the_same_addresses_stay_apart(region: &Region, own: &str) {
    let address = text(&region.dnlb(&format!("instance show {own}")), "/privateIpAddress");
    region.dnlb("vpc create w --prefix 10.0.0.0/16");
    region.dnlb("subnet create sw --vpc w --prefix 10.0.0.0/24");
    region.dnlb("sg create gw --vpc w");
    region.dnlb("sg allow gw --direction in --protocol tcp --port 8080");
    region.dnlb("sg allow gw --direction out --protocol tcp");
    region.dnlb("template create web-w --subnet sw --sg gw --image img-web");
    let twin = format!("instance create twin --template web-w --az lab-1b --address {address} --wait");
    let twin = text(&region.dnlb(&twin), "/instanceId");
    let neighbour = region.dnlb("instance create neighbour --template web-w --az lab-1a --wait");
    let url = format!("http://{address}:8080/");
    for (from, expected) in [
        (text(&region.dnlb("instance show caller"), "/instanceId"), own),
        (text(&neighbour, "/instanceId"), twin.as_str()),
    ] {
        let served = region.load(&from, &url, 20);
        answered(&served, 20);
        assert!(served.instances.keys().eq([expected]), "{served:?}");
    }
}

fn mistakes_are_refused_and_leave_nothing(region: &Region) {
    let idle = region.dnlb("listener update http --idle-time 20");
    assert_eq!(idle["connectionIdleTimeSeconds"], 20, "{idle}");
    let counts = || {
        let count = |line: &str| region.dnlb(line).as_array().unwrap().len();
        ["listener list", "backend list", "subnet list", "target-group list", "lb list"].map(count)
    };
    let before = counts();
    for (line, expected) in [
        ("listener create x --lb l --port 0 --backend b", "port"),
        ("listener create x --lb l --port 65536 --backend b", "port"),
        ("listener create x --lb l --port 80 --backend b", "80"),
        ("listener create x --lb l --port 81 --backend nobody", "nobody"),
        ("subnet create x --vpc v --prefix 10.0.0.128/25", "10.0.0.128/25"),
        ("lb create x --subnet s --vip 10.0.0.1", "10.0.0.1"),
        ("backend delete b", "listener"),
        ("target-group register t --instance twin", "VPC"),
    ] {
        let error = region.attempt(line).expect_err(line);
        assert!(error.contains(expected), "`{line}` said: {error}");
    }
    assert_eq!(counts(), before);

    // 16 addresses, of which four are nobody's.
    region.dnlb("subnet create small --vpc v --prefix 10.0.1.0/28");
    for number in 0..12 {
        region.dnlb(&format!("lb create small{number} --subnet small"));
    }
    let full = region.attempt("lb create more --subnet small").unwrap_err();
    assert!(full.contains("no free address") || full.contains("full"), "{full}");
}

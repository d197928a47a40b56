//! Scenes and frames that nobody thought of.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv6Addr},
};

use dnlb_abi::{HOP_FINAL, ROUTER_MAC, instance_mac, probe_address, tunnel_mac};
use dnlb_model::{Direction, FilterRule, RuleProtocol};

use crate::{
    Choices, Program, Scene, TestFrame, arp_request,
    family::{parse_address, parse_endpoint, parse_prefix},
    solicitation,
};

/// Ports of all listeners, targets and clients.
const PORTS: [u16; 6] = [80, 8080, 40_000, 40_001, 50_000, 53];
/// Addresses that may be instances', VIPs, EIPs, or nobody's.
const ADDRESSES: [&str; 18] = [
    "10.0.0.11",
    "10.0.0.12",
    "10.0.0.13",
    "10.0.0.14",
    "10.0.0.15",
    "10.0.0.16",
    "10.0.0.17",
    "10.0.0.18",
    "10.0.0.100",
    "10.0.0.101",
    "10.0.0.102",
    "203.0.113.1",
    "203.0.113.2",
    "198.51.100.9",
    "10.9.1.1",
    "169.254.169.110",
    "240.0.0.1",
    "255.255.255.255",
];
/// The two VPCs, the first far more often.
const VNIS: [u32; 4] = [7, 7, 7, 8];

/// Rules that may allow or, in an ACL, deny.
fn rules(choices: &mut Choices<'_>, acl: bool) -> Vec<FilterRule> {
    let prefixes =
        ["0.0.0.0/0", "10.0.0.0/24", "10.0.0.13/32", "10.9.0.0/16", "198.51.100.0/25", "169.254.169.110/32"];
    let protocols = [RuleProtocol::All, RuleProtocol::Tcp, RuleProtocol::Udp, RuleProtocol::Icmp];
    let ports = [(1, 65_535), (80, 80), (8080, 8080), (40_000, 50_000)];
    (0..choices.below(12))
        .map(|_| FilterRule {
            direction: choices.pick(&[Direction::In, Direction::Out]),
            protocol: choices.pick(&protocols),
            prefix: parse_prefix(choices.pick(&prefixes)),
            ports: choices.pick(&ports),
            allow: !acl || !choices.rarely(100),
        })
        .collect()
}

impl Scene {
    /// A host with up to eight instances of two VPCs on four hosts, up to six listeners with histories of their
    /// member sets, rules, and what a host lacks while it is being changed. Instance 1 is always the one that sends.
    #[must_use]
    pub fn random(choices: &mut Choices<'_>) -> Self {
        let mut scene = Self::new().instance(1, VNIS[0], ADDRESSES[0], 1);
        let mut instances: Vec<(u32, u32, u16)> = vec![(1, VNIS[0], 1)];
        let mut taken = BTreeSet::from([(VNIS[0], ADDRESSES[0])]);
        for number in 2..=choices.below(8) as u32 + 1 {
            let (vni, host) = (choices.pick(&VNIS), choices.pick(&[1, 1, 2, 3, 4]));
            let addr = ADDRESSES[(number as usize - 1 + choices.below(2)) % 8];
            if taken.insert((vni, addr)) {
                scene = scene.instance(number, vni, addr, host);
                instances.push((number, vni, host));
            }
        }
        let mut listeners = BTreeSet::new();
        for number in 1..=choices.below(7) as u32 {
            let (vni, datagrams) = (choices.pick(&VNIS), choices.rarely(100));
            let (vip, port) = (ADDRESSES[8 + choices.below(3)], choices.pick(&PORTS));
            let eip = (!choices.rarely(90)).then(|| ADDRESSES[11 + choices.below(2)]);
            // A listener's address and port are its own, as the API has it.
            let keys = [Some((vni, vip)), eip.map(|eip| (0, eip))].into_iter().flatten();
            let keys: Vec<_> = keys.map(|key| (key, port, datagrams)).collect();
            if keys.iter().any(|key| listeners.contains(key)) {
                continue;
            }
            listeners.extend(keys);
            let own: Vec<_> = instances.iter().filter(|instance| instance.1 == vni).copied().collect();
            let some = |choices: &mut Choices<'_>| -> Vec<(u32, u16)> {
                own.iter().filter(|_| !choices.rarely(100)).map(|it| (it.0, it.2)).collect()
            };
            let target_port = choices.pick(&PORTS);
            let members = some(choices).into_iter().map(|(number, host)| (number, host, target_port));
            scene = scene.service(number, vni, vip, port, &members.collect::<Vec<_>>());
            if datagrams {
                scene = scene.udp();
            }
            if let Some(eip) = eip {
                scene = scene.eip(eip);
            }
            if choices.rarely(40) {
                scene = scene.silent();
            }
            for _ in 0..choices.pick(&[0, 1, 2, 3, 16]) {
                scene = scene.former(&some(choices));
            }
            if let Some(&(number, _, host)) = own.get(choices.below(own.len() + 2)) {
                scene =
                    if host == 1 { scene.draining(number, target_port) } else { scene.other(number, host) };
            }
        }
        for &(number, ..) in &instances {
            if choices.rarely(60) {
                scene = scene.security(number, rules(choices, false));
            }
            if choices.rarely(40) {
                scene = scene.acl(number, rules(choices, true));
            }
            if choices.rarely(10) {
                scene = scene.unlinked(number);
            }
        }
        if choices.rarely(30) {
            scene = scene.unresolved(choices.pick(&[2, 3, 4]));
        }
        if choices.rarely(20) {
            scene = scene.no_second_chance();
        }
        if choices.rarely(20) {
            scene = scene.underlay_v6();
        }
        scene
    }
}

/// A frame for a program, more often than not one that makes sense in a [`Scene::random`].
#[must_use]
pub fn random_frame(choices: &mut Choices<'_>) -> (Program, Vec<u8>) {
    let program = match choices.below(11) {
        0..4 => Program::FromInstance,
        4..8 if choices.rarely(6) => Program::FromStranger(VNIS[0]),
        4..8 => Program::FromOverlay(choices.pick(&VNIS)),
        8 => Program::Edge,
        9 => Program::EdgeTc,
        _ => Program::Probe,
    };
    let usual = !choices.rarely(30);
    let number = if usual { choices.pick(&[1, 1, 2, 3, 4, 5]) } else { choices.below(9) as u32 };
    if program == Program::FromInstance && choices.rarely(8) {
        return (program, neighbour(choices, number));
    }
    let [a, b, c, d] = probe_address(number);
    let (src, dst) = match program {
        Program::FromInstance if usual => (ADDRESSES[0].to_owned(), choices.pick(&ADDRESSES).to_owned()),
        Program::Probe if usual => ("169.254.169.110".to_owned(), format!("{a}.{b}.{c}.{d}")),
        Program::Edge | Program::EdgeTc if usual => {
            ("198.51.100.9".to_owned(), ADDRESSES[11 + choices.below(2)].to_owned())
        }
        _ => (choices.pick(&ADDRESSES).to_owned(), choices.pick(&ADDRESSES).to_owned()),
    };
    let (src, dst) = (format!("{src}:{}", choices.pick(&PORTS)), format!("{dst}:{}", choices.pick(&PORTS)));
    let hops = [0, 0, 1, 2, 3, 4, 5, 6, 20, HOP_FINAL];
    let (dst_mac, src_mac) = match program {
        Program::FromInstance => (ROUTER_MAC, instance_mac(if usual { 1 } else { number })),
        _ => (instance_mac(number), tunnel_mac(choices.pick(&hops), choices.rarely(128))),
    };
    let lengths = [0, 1, 8, 59, 80, 536, 1_378, 1_400, 1_446, 1_448, 1_460, 1_472, 1_600];
    let payload = vec![choices.byte(); choices.pick(&lengths)];
    let mut frame = TestFrame::syn(&src, &dst)
        .flags(choices.pick(&[2, 16, 18, 17, 4, 20, 24, 0]))
        .macs(dst_mac, src_mac)
        .seq(choices.byte().into())
        .payload(&payload);
    if choices.rarely(25) {
        frame.options = vec![1; choices.below(11) * 4];
    }
    if choices.rarely(12) {
        // Often one of the same few packets' first or second fragment.
        let any = u16::from_be_bytes([choices.byte(), 8]);
        frame.fragment = choices.pick(&[0x2000, 0x2000, 0x0002, any]);
    }
    if choices.rarely(60) {
        frame.tos = choices.byte();
    }
    if choices.rarely(90) {
        frame.protocol = choices.pick(&[17, 17, 1, 58, 132]);
        frame.echo_reply = choices.rarely(60);
    }
    let mut bytes = if choices.rarely(25) { error(choices, &frame) } else { frame.build() };
    // The kernel refuses test runs with frames shorter than an IP header.
    let shortest = if frame.src.is_ipv4() { 34 } else { 54 };
    if choices.rarely(30) {
        for _ in 0..=choices.below(4) {
            let at = 12 + choices.below(bytes.len().min(100) - 12);
            bytes[at] = choices.byte();
        }
    }
    if choices.rarely(12) {
        bytes.truncate(shortest + choices.below(bytes.len() + 1 - shortest));
    }
    (program, bytes)
}

/// A question of an instance who has an address.
fn neighbour(choices: &mut Choices<'_>, number: u32) -> Vec<u8> {
    let (mac, target) = (instance_mac(number), choices.pick(&ADDRESSES[..12]));
    match parse_address(target) {
        IpAddr::V4(target) => {
            arp_request(mac, choices.pick(&[[10, 0, 0, 11], [0; 4], [10, 0, 0, 99]]), target.octets())
        }
        IpAddr::V6(target) => {
            let own = match parse_address(ADDRESSES[0]) {
                IpAddr::V6(own) => own,
                IpAddr::V4(_) => Ipv6Addr::UNSPECIFIED,
            };
            let link_local = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9);
            solicitation(mac, choices.pick(&[own, link_local, Ipv6Addr::UNSPECIFIED, target]), target)
        }
    }
}

/// An ICMP error from the frame's sender to its receiver about a packet that the one, or the other, may have sent.
fn error(choices: &mut Choices<'_>, frame: &TestFrame) -> Vec<u8> {
    let mut quoted = TestFrame { options: Vec::new(), fragment: 0x4000, ..frame.clone().turned() };
    // A router speaks of others' packets.
    if choices.rarely(80) {
        quoted.dst = parse_endpoint("198.51.100.9:1");
    }
    quoted.src.set_port(choices.pick(&PORTS));
    quoted.dst.set_port(choices.pick(&PORTS));
    if choices.rarely(25) {
        quoted.options = vec![1; 8];
    }
    let kinds: [[u8; 2]; 4] = if frame.src.is_ipv4() {
        [[3, 3], [3, 4], [11, 0], [12, 0]]
    } else {
        [[1, 4], [2, 0], [3, 0], [4, 0]]
    };
    frame.error(choices.pick(&kinds), &quoted, choices.pick(&[8, 8, 20, 60, 7]))
}

//! Random packets in random order through the pure function and the kernel: no difference, in no byte.

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv6Addr},
};

use dnlb_abi::{Outcome, ROUTER_MAC, instance_mac, probe_address, tunnel_mac};
use dnlb_explain::{Maps, Step, explain};
use dnlb_model::{Direction, FilterRule, RuleProtocol};
use dnlb_testkit::{
    Engine, Family, Kernel, Program, Pure, Scene, Seen, TestFrame, arp_request, family, parse_address,
    parse_endpoint, parse_prefix, solicitation, with_family,
};
use rand::{Rng, SeedableRng, rngs::StdRng, seq::IndexedRandom};

fn random_rules(rng: &mut StdRng) -> Vec<FilterRule> {
    let prefixes =
        ["0.0.0.0/0", "10.0.0.0/24", "10.0.0.13/32", "10.9.0.0/16", "198.51.100.0/25", "169.254.169.110/32"];
    let protocols = [RuleProtocol::All, RuleProtocol::Tcp, RuleProtocol::Udp, RuleProtocol::Icmp];
    (0..rng.random_range(0..12))
        .map(|_| FilterRule {
            direction: if rng.random() { Direction::In } else { Direction::Out },
            protocol: *protocols.choose(rng).expect("not empty"),
            prefix: parse_prefix(prefixes.choose(rng).expect("not empty")),
            ports: *[(1, 65535), (80, 80), (8080, 8080), (40_000, 50_000)].choose(rng).expect("not empty"),
            allow: true,
        })
        .collect()
}

fn random_scene(rng: &mut StdRng) -> Scene {
    let mut scene = Scene::new()
        .instance(1, 7, "10.0.0.11", 1)
        .instance(2, 7, "10.0.0.12", 1)
        .instance(3, 7, "10.0.0.13", 2)
        .instance(4, 8, "10.0.0.11", 1)
        .service(1, 7, "10.0.0.100", 80, &[(1, 1, 8080), (2, 1, 80), (3, 2, 8080)])
        .eip("203.0.113.1")
        .service(2, 7, "10.0.0.101", 80, &[(3, 2, 8080)])
        .service(3, 7, "10.0.0.102", 80, &[])
        .service(4, 7, "10.0.0.103", 80, &[(1, 1, 8080)])
        .service(5, 7, "10.0.0.104", 80, &[(1, 1, 8080), (3, 2, 8080)])
        .former(&[(2, 1)])
        .former(&[(3, 2), (1, 1)])
        .draining(2, 8080)
        .service(6, 7, "10.0.0.100", 8080, &[(1, 1, 80), (2, 1, 80), (3, 2, 8080)])
        .udp()
        .eip("203.0.113.1")
        .former(&[(3, 2), (2, 1)])
        .service(7, 7, "10.0.0.102", 80, &[])
        .udp()
        .former(&[(1, 1)]);
    for number in [1, 2] {
        if rng.random() {
            scene = scene.security(number, random_rules(rng));
        }
        if rng.random_bool(0.3) {
            let mut rules = random_rules(rng);
            rules.iter_mut().for_each(|rule| rule.allow = rng.random());
            scene = scene.acl(number, rules);
        }
    }
    scene
}

fn random_frame(rng: &mut StdRng) -> (Program, Vec<u8>) {
    let addresses = [
        "10.0.0.11",
        "10.0.0.12",
        "10.0.0.13",
        "10.0.0.100",
        "10.0.0.101",
        "10.0.0.102",
        "10.0.0.103",
        "10.0.0.104",
        "10.9.1.1",
        "198.51.100.9",
        "203.0.113.1",
        "169.254.169.110",
        "240.0.0.1",
    ];
    let ports = [80, 8080, 40_000, 40_001, 50_000];
    let endpoint = |rng: &mut StdRng, fixed: Option<&str>| {
        let addr = fixed.unwrap_or_else(|| addresses.choose(rng).expect("not empty"));
        format!("{addr}:{}", ports.choose(rng).expect("not empty"))
    };
    let program = match rng.random_range(0..10) {
        0..4 => Program::FromInstance,
        4..8 if rng.random_bool(0.02) => Program::FromStranger(7),
        4..8 => Program::FromOverlay(if rng.random_bool(0.95) { 7 } else { 8 }),
        8 => Program::Probe,
        _ if rng.random() => Program::EdgeTc,
        _ => Program::Edge,
    };
    let edge = matches!(program, Program::Edge | Program::EdgeTc);
    if program == Program::FromInstance && rng.random_bool(0.03) {
        return (program, random_neighbour(rng));
    }
    let usual = rng.random_bool(0.9);
    let src = match program {
        Program::FromInstance if usual => endpoint(rng, Some("10.0.0.11")),
        Program::Probe if usual => endpoint(rng, Some("169.254.169.110")),
        _ => endpoint(rng, None),
    };
    let [a, b, c, d] = probe_address(rng.random_range(1..4));
    let dst = match program {
        Program::Probe if usual => endpoint(rng, Some(&format!("{a}.{b}.{c}.{d}"))),
        _ if edge && usual => endpoint(rng, Some("203.0.113.1")),
        _ => endpoint(rng, None),
    };
    let (dst_mac, src_mac) = match program {
        Program::FromInstance => (ROUTER_MAC, instance_mac(if usual { 1 } else { 2 })),
        _ => (
            instance_mac(rng.random_range(1..4)),
            tunnel_mac(*[0, 0, 1, 2, 3, 4, 255].choose(rng).expect("not empty"), rng.random()),
        ),
    };
    let mut frame = TestFrame::syn(&src, &dst)
        .flags(*[2, 18, 16, 16, 16, 17, 4, 20, 0, 24].choose(rng).expect("not empty"))
        .macs(dst_mac, src_mac)
        .seq(rng.random_range(0..200))
        .payload(&vec![rng.random(); rng.random_range(0..80)]);
    if rng.random_bool(0.1) {
        frame.options = vec![1; rng.random_range(0..11) * 4];
    }
    if rng.random_bool(0.05) {
        // Often one of the same few packets' first or second fragment.
        frame.fragment = *[0x2000, 0x2000, 0x0002, rng.random()].choose(rng).expect("not empty");
    }
    if rng.random_bool(0.3) {
        frame.tos = rng.random();
    }
    if rng.random_bool(0.4) {
        frame.protocol = *[1, 17, 17].choose(rng).expect("not empty");
        frame.echo_reply = rng.random();
    }
    if rng.random_bool(0.03) {
        frame.protocol = rng.random();
    }
    let mut bytes = frame.build();
    if rng.random_bool(0.1) {
        bytes = random_error(rng, &frame);
    }
    let ip = if frame.src.is_ipv4() { 34 } else { 54 };
    if rng.random_bool(0.1) {
        let at = rng.random_range(12..bytes.len().min(ip + 56));
        bytes[at] = rng.random();
    }
    if rng.random_bool(0.05) {
        // The kernel refuses test runs with frames shorter than an IP header.
        bytes.truncate(rng.random_range(ip..=bytes.len()));
    }
    (program, bytes)
}

/// A question who has an address.
fn random_neighbour(rng: &mut StdRng) -> Vec<u8> {
    let mac = instance_mac(rng.random_range(1..3));
    let target = rng.random_range(10..13);
    match parse_address(&format!("10.0.0.{target}")) {
        IpAddr::V4(target) => {
            let sender = if rng.random() { [10, 0, 0, 11] } else { [0, 0, 0, 0] };
            arp_request(mac, sender, target.octets())
        }
        IpAddr::V6(target) => {
            let own = match parse_address("10.0.0.11") {
                IpAddr::V6(own) => own,
                IpAddr::V4(_) => Ipv6Addr::UNSPECIFIED,
            };
            let link_local = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 9);
            let sender =
                *[own, own, link_local, Ipv6Addr::UNSPECIFIED, target].choose(rng).expect("not empty");
            solicitation(mac, sender, target)
        }
    }
}

/// An ICMP error from the frame's sender to its receiver about a packet that the one, or the other, may have sent.
fn random_error(rng: &mut StdRng, frame: &TestFrame) -> Vec<u8> {
    let ports = [80, 8080, 40_000, 40_001, 50_000];
    let port = |rng: &mut StdRng| *ports.choose(rng).expect("not empty");
    let mut quoted = TestFrame { options: Vec::new(), fragment: 0x4000, ..frame.clone().turned() };
    // A router speaks of others' packets.
    if rng.random_bool(0.3) {
        quoted.dst = parse_endpoint("198.51.100.9:1");
    }
    quoted.src.set_port(port(rng));
    quoted.dst.set_port(port(rng));
    if rng.random_bool(0.1) {
        quoted.options = vec![1; 8];
    }
    let kinds: [[u8; 2]; 4] = if frame.src.is_ipv4() {
        [[3, 3], [3, 4], [11, 0], [12, 0]]
    } else {
        [[1, 4], [2, 0], [3, 0], [4, 0]]
    };
    frame.error(
        *kinds.choose(rng).expect("not empty"),
        &quoted,
        *[8, 8, 20, 60, 7].choose(rng).expect("not empty"),
    )
}

/// What an explanation foretells: outcome, details, counters.
fn foretold<M: Maps<Error: std::fmt::Debug>>(
    maps: &M,
    program: Program,
    frame: &[u8],
) -> (Outcome, [u32; 4], BTreeMap<&'static str, u64>) {
    let told = explain(maps, program.explained(), frame).expect("maps can be read");
    let noted = told.steps.iter().filter_map(|step| match step {
        Step::Counted(outcome) => Some(*outcome),
        _ => None,
    });
    let mut counted = BTreeMap::new();
    for outcome in noted.chain([told.verdict.outcome]) {
        *counted.entry(outcome.name()).or_default() += 1;
    }
    (told.verdict.outcome, told.verdict.details(), counted)
}

fn summary(seen: &Seen) -> (Outcome, [u32; 4], BTreeMap<&'static str, u64>) {
    (seen.outcome, seen.details, seen.counted.clone())
}

fn compare(seed: u64, scenes: u32, frames: u32) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut outcomes = std::collections::BTreeMap::new();
    for scene in 0..scenes {
        with_family(if scene % 2 == 0 { Family::V4 } else { Family::V6 }, || {
            let state = random_scene(&mut rng).state();
            let mut pure = Pure::new(state.clone());
            let mut kernel = Kernel::new(&state).expect("the programs load");
            for at in 0..frames {
                let (program, frame) = random_frame(&mut rng);
                let wanted = pure.run(program, &frame).expect("the pure function runs");
                // First, since it must not leave anything that the run would find; what it left would show in the records.
                let foretold = foretold(&kernel.switch().live().expect("maps"), program, &frame);
                let seen = kernel.run(program, &frame).expect("the kernel runs");
                assert_eq!(
                    foretold,
                    summary(&seen),
                    "explained: seed {seed}, scene {scene}, frame {at}, {program:?}"
                );
                assert_eq!(
                    seen,
                    wanted,
                    "seed {seed}, scene {scene} ({:?}), frame {at}, {program:?}: {frame:02x?}",
                    family()
                );
                *outcomes.entry(wanted.outcome.name()).or_insert(0_u32) += 1;
            }
            let (pure, kernel) = (pure.flows().expect("flows"), kernel.flows().expect("flows"));
            assert_eq!(kernel, pure, "flow records after scene {scene}");
        });
    }
    println!("{} frames, no difference: {outcomes:?}", scenes * frames);
    // A generator that only ever hits one outcome would compare nothing.
    assert!(outcomes.len() >= 25, "{outcomes:?}");
}

#[test]
fn an_explanation_foretells_what_becomes_of_random_packets() {
    let mut rng = StdRng::seed_from_u64(0xe791);
    let mut outcomes = std::collections::BTreeSet::new();
    for scene in 0..4 {
        with_family(if scene % 2 == 0 { Family::V4 } else { Family::V6 }, || {
            let mut pure = Pure::new(random_scene(&mut rng).state());
            for at in 0..20_000 {
                let (program, frame) = random_frame(&mut rng);
                let before = pure.flows().expect("flows");
                let foretold = foretold(&pure, program, &frame);
                assert_eq!(pure.flows().expect("flows"), before, "explaining changes nothing");
                let seen = pure.run(program, &frame).expect("the pure function runs");
                assert_eq!(foretold, summary(&seen), "scene {scene}, frame {at}, {program:?}: {frame:02x?}");
                outcomes.insert(seen.outcome.name());
            }
        });
    }
    assert!(outcomes.len() >= 25, "{outcomes:?}");
}

#[test]
#[ignore = "needs root"]
fn the_kernel_decides_random_packets_as_the_pure_function_does() {
    // 100,000 frames take half a minute; a hundred scenes are the million of docs/benchmarks.md.
    let scenes = std::env::var("DNLB_SCENES").map_or(10, |it| it.parse().expect("a number of scenes"));
    compare(0xd11b, scenes, 10_000);
}

//! Nanoseconds a packet of each program, net of the wrapper that undoes what it did.

use std::net::Ipv4Addr;

use anyhow::{Context, Result};
use dnlb_abi::{FlowKey, FlowRecord, Outcome, ROUTER_MAC, bench_client, instance_mac, tunnel_mac, v4_mapped};
use dnlb_model::{Direction, FilterRule, RuleProtocol};
use dnlb_plan::{SwitchState, row_count};
use dnlb_switch::{
    Capacities,
    bench::{Harness, Timed, Traffic},
};
use dnlb_testkit::{Scene, TestFrame};
use ipnet::IpNet;

use crate::report::{Samples, table};

/// One line of the report.
pub struct Case {
    /// What it is.
    pub name: String,
    /// The budget for its net time, in nanoseconds, where there is one.
    pub budget: Option<f64>,
    /// What is sent.
    pub traffic: Traffic,
    /// Records that must be there.
    established: Option<(Vec<FlowKey>, FlowRecord)>,
}

/// Cases that share a scene.
pub struct Group {
    /// Contents of the maps.
    state: SwitchState,
    /// The cases.
    pub cases: Vec<Case>,
}

/// How much to measure.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Rounds; each runs every case once.
    pub rounds: u32,
    /// Repetitions of each batch.
    pub repetitions: u32,
}

/// Half-open flows that the kernel remembers here: fewer than there are new flows, so that each of them is new.
const HALF_OPEN: u32 = 16_384;
/// VNI of the VPC.
const VNI: u32 = 7;
/// Underlay address from which frames come through the tunnel.
const REMOTE: u32 = 0xac10_0002;
/// Flows of a benchmark with many.
const MANY: u32 = 1 << 20;
/// TCP flags.
const SYN: u8 = 2;
const ACK: u8 = 16;
/// The instance that sends, and its port.
const SENDER: u32 = 1;
const PORT: u16 = 8080;

/// Loads the programs with maps that are large enough for every group.
///
/// # Errors
/// The kernel refuses.
pub fn harness() -> Result<Harness> {
    // 64 services of a hundred members have all rows that a host has by default.
    let capacities =
        Capacities { rows: 1 << 21, flows_half_open: HALF_OPEN, flows: 1 << 21, ..Capacities::default() };
    Harness::open(&capacities).context("loading the programs")
}

/// All cases.
#[must_use]
pub fn groups() -> Vec<Group> {
    let mut groups = vec![edge(), host()];
    groups.extend([1, 100, 1_000].map(sender_with_rules));
    groups
}

/// Runs every case whose name contains `only` and prints the report.
///
/// # Errors
/// The kernel refuses, or a program did something else than what was to be timed.
pub fn run(effort: Effort, only: &str) -> Result<String> {
    let mut harness = harness()?;
    let mut groups = groups();
    for group in &mut groups {
        group.cases.retain(|case| case.name.contains(only));
    }
    groups.retain(|group| !group.cases.is_empty());
    let mut samples: Vec<Vec<(Samples, Samples)>> =
        groups.iter().map(|group| vec![Default::default(); group.cases.len()]).collect();
    let mut bare = [Samples::default(), Samples::default()];
    for round in 0..=effort.rounds {
        for (group, samples) in groups.iter().zip(&mut samples) {
            enter(&mut harness, group)?;
            for (case, (net, wrapper)) in group.cases.iter().zip(samples) {
                let (time, overhead) = time(&mut harness, case, effort.repetitions)?;
                // The first round only warms up.
                if round > 0 {
                    net.add(time - overhead);
                    wrapper.add(overhead);
                }
            }
        }
        for (xdp, samples) in [true, false].into_iter().zip(&mut bare) {
            samples.add(harness.bare(xdp, effort.repetitions)?);
        }
    }
    let mut rows = vec![
        row("reference: return only, XDP, no wrapper", None, &bare[0], None),
        row("reference: return only, TCX, no wrapper", None, &bare[1], None),
    ];
    for (group, samples) in groups.iter().zip(&samples) {
        for (case, (net, wrapper)) in group.cases.iter().zip(samples) {
            rows.push(row(&case.name, case.budget, net, Some(wrapper)));
        }
    }
    Ok(table(&["program and packet", "net ns", "quartiles", "budget", "wrapper ns"], &rows))
}

fn row(name: &str, budget: Option<f64>, net: &Samples, wrapper: Option<&Samples>) -> Vec<String> {
    let number = |value: f64| format!("{value:.1}");
    vec![
        name.to_owned(),
        number(net.median()),
        format!("{:.1} to {:.1}", net.quantile(0.25), net.quantile(0.75)),
        budget.map_or(String::new(), |budget| format!("{budget:.0}")),
        wrapper.map_or(String::new(), |wrapper| number(wrapper.median())),
    ]
}

/// Fills the maps for a group.
///
/// # Errors
/// The kernel refuses.
pub fn enter(harness: &mut Harness, group: &Group) -> Result<()> {
    harness.switch().apply(&group.state).context("filling the maps")?;
    for case in &group.cases {
        if let Some((keys, record)) = &case.established {
            harness.establish(keys.iter().copied(), *record).context("making flow records")?;
        }
    }
    Ok(())
}

/// Time of a case with its wrapper, and of the wrapper alone, in nanoseconds.
///
/// # Errors
/// The kernel refuses, or the program did something else than what was to be timed.
pub fn time(harness: &mut Harness, case: &Case, repetitions: u32) -> Result<(f64, f64)> {
    let overhead = harness.wrapper(&case.traffic, repetitions).with_context(|| case.name.clone())?;
    let time = harness.gross(&case.traffic, repetitions).with_context(|| case.name.clone())?;
    Ok((time, overhead))
}

/// A frame as long as wrappers want it.
fn frame(src: &str, dst: &str, flags: u8) -> Vec<u8> {
    TestFrame::syn(src, dst).flags(flags).payload(&[0x55; 26]).build()
}

fn case(name: impl Into<String>, program: Timed, frame: Vec<u8>, flows: u32, outcomes: &[Outcome]) -> Case {
    let traffic = Traffic {
        program,
        frame,
        flows,
        own_port: 0,
        services: 1,
        head: 0,
        tunnel: [VNI, REMOTE],
        outcomes: outcomes.to_vec(),
    };
    Case { name: name.into(), budget: None, traffic, established: None }
}

impl Case {
    fn budget(mut self, nanoseconds: f64) -> Self {
        self.budget = Some(nanoseconds);
        self
    }

    fn services(mut self, services: u32) -> Self {
        self.traffic.services = services;
        self
    }

    /// It puts an outer header in front.
    fn encapsulates(mut self) -> Self {
        self.traffic.head = 50;
        self
    }

    /// An instance sends it: the source address stays.
    fn port(mut self, port: u16) -> Self {
        self.traffic.own_port = port;
        self
    }

    fn established(mut self, keys: Vec<FlowKey>, record: FlowRecord) -> Self {
        self.established = Some((keys, record));
        self
    }
}

/// An edge that knows 10,000 services, 64 of them of 100 members.
fn edge() -> Group {
    const HOT: u32 = 64;
    const KNOWN: u32 = 10_000;
    let eip = |number: u32| Ipv4Addr::from(0xcb00_7100 + number).to_string();
    let mut scene = Scene::new();
    for service in 0..HOT {
        let members: Vec<_> =
            (1..=100).map(|member| (service * 100 + member, 2 + (member % 3) as u16, PORT)).collect();
        let vip = Ipv4Addr::from(0x0a01_0000 + service).to_string();
        scene = scene.service(1 + service, VNI, &vip, 80, &members).rows(row_count(100)).eip(&eip(service));
    }
    // Eight listeners at each of the other addresses.
    for service in HOT..KNOWN {
        let vip = Ipv4Addr::from(0x0a02_0000 + service / 8).to_string();
        scene = scene.also(1 + service, &vip, 80 + (service % 8) as u16).eip(&eip(HOT + service / 8));
    }
    // An edge looks at hosts and MAC addresses of members only, so those of IPv4 do. All rows are taken.
    scene = scene.also(1 + KNOWN, "fd00::100", 80).eip("2001:db8::1");
    let to_first = |flags| frame("11.0.0.0:1024", &format!("{}:80", eip(0)), flags);
    let forwarded = [Outcome::Balanced, Outcome::Forwarded];
    let balanced = |name: &str, flags, flows| {
        case(name, Timed::Edge, to_first(flags), flows, &forwarded).encapsulates().budget(25.0)
    };
    let balanced_v6 = |name: &str, flags, flows| {
        let frame = frame("[2001:db8:11::]:1024", "[2001:db8::1]:80", flags);
        case(name, Timed::Edge, frame, flows, &forwarded).encapsulates().budget(25.0)
    };
    let passed = |name: &str, src: &str, dst: &str| {
        case(name, Timed::Edge, frame(src, dst, ACK), MANY, &[Outcome::Passed]).budget(6.0)
    };
    let reference = "reference: parse and encapsulate, XDP";
    Group {
        state: scene.state(),
        cases: vec![
            case(reference, Timed::ReferenceEncapsulate, to_first(ACK), MANY, &[]).encapsulates(),
            balanced("`edge`, 1 service, 1 flow", ACK, 1),
            balanced("`edge`, 1 service, 65,536 flows", ACK, 1 << 16),
            balanced("`edge`, 1 service, 1,048,576 flows", ACK, MANY),
            balanced("`edge`, 1 service, SYNs of 1,048,576 flows", SYN, MANY),
            balanced("`edge`, 64 services of 100 members, 1,048,576 flows", ACK, MANY)
                .services(HOT)
                .budget(60.0),
            balanced_v6("`edge`, IPv6, 1 service, 1 flow", ACK, 1),
            balanced_v6("`edge`, IPv6, 1 service, 1,048,576 flows", ACK, MANY),
            balanced_v6("`edge`, IPv6, 1 service, SYNs of 1,048,576 flows", SYN, MANY),
            passed("`edge`, not for an elastic IP", "11.0.0.0:1024", "192.0.2.1:80"),
            passed("`edge`, IPv6, not for an elastic IP", "[2001:db8:11::]:1024", "[2001:db8:22::1]:80"),
        ],
    }
}

/// Rules of one direction of which the last allows the packet and the others speak of somebody else: `count` of them, half in
/// the security group and half in the ACL when that are more than one list may hold.
fn rules(direction: Direction, count: u16) -> (Vec<FilterRule>, Option<Vec<FilterRule>>) {
    let list = |len: u16| {
        (1..=len)
            .map(|number| {
                // Sorted as they stand: clients are in 11.0.0.0/8, who is called in 10.0.0.0/8.
                let [high, low] = number.to_be_bytes();
                let (prefix, bits) = if number == len { ([10, 0, 0, 0], 7) } else { ([1, high, low, 0], 24) };
                let prefix = IpNet::new(Ipv4Addr::from(prefix).into(), bits).unwrap_or_default();
                FilterRule { direction, protocol: RuleProtocol::Tcp, prefix, ports: (1, 65_535), allow: true }
            })
            .collect()
    };
    let other = if direction == Direction::In { Direction::Out } else { Direction::In };
    let any = |mut rule: FilterRule| {
        rule.direction = other;
        rule
    };
    let with_other = |mut list: Vec<FilterRule>| {
        list.extend(list.last().cloned().map(any));
        list
    };
    if count > dnlb_abi::RULES_PER_RANGE as u16 {
        (with_other(list(count / 2)), Some(with_other(list(count / 2))))
    } else {
        (with_other(list(count)), None)
    }
}

/// Gives an instance rules of one direction.
fn filtered(scene: Scene, number: u32, direction: Direction, count: u16) -> Scene {
    let (security, acl) = rules(direction, count);
    let scene = scene.security(number, security);
    match acl {
        Some(acl) => scene.acl(number, acl),
        None => scene,
    }
}

fn key(instance: u32, own_port: u16, peer: [u8; 4], peer_port: u16) -> FlowKey {
    FlowKey {
        peer: v4_mapped(peer),
        instance,
        ports: u32::from(peer_port) | u32::from(own_port) << 16,
        protocol: 6,
    }
}

/// Everything of a host but what an instance's own rules cost.
fn host() -> Group {
    let server = 2;
    let scene = Scene::new()
        .instance(SENDER, VNI, "10.0.0.10", 1)
        .instance(server, VNI, "10.0.0.20", 1)
        .instance(3, VNI, "10.0.0.30", 2)
        .service(1, VNI, "10.0.0.100", 80, &[(server, 1, PORT)])
        .eip("203.0.113.1")
        .service(2, VNI, "10.0.0.101", 80, &[(3, 2, PORT)])
        .service(3, VNI, "10.0.0.102", 80, &[(server, 1, PORT)])
        .former(&[(3, 2)]);
    let lists = [(11, 1), (12, 100), (13, 1_000)];
    let scene = lists.iter().fold(scene, |scene, &(number, count)| {
        let scene = scene.instance(number, VNI, &format!("10.0.0.{}", 100 + number), 1);
        filtered(scene, number, Direction::In, count)
    });

    let mut cases = vec![case(
        "reference: parse and hand to the kernel's tunnel, TCX",
        Timed::ReferenceTunnel,
        frame("11.0.0.0:1024", "10.0.0.20:8080", ACK),
        MANY,
        &[],
    )];
    let record = FlowRecord {
        original_addr: v4_mapped([10, 0, 0, 10]),
        via: FlowRecord::VIA_OVERLAY,
        flags: FlowRecord::FLAG_ANSWERED,
        ..Default::default()
    };
    let state = scene.state();
    let allowed = |number: u32| state.instances.get(&number).map_or(0, |instance| instance.rules);
    let sent = |dst: &str, flags| {
        TestFrame::syn("10.0.0.10:1024", dst)
            .flags(flags)
            .macs(ROUTER_MAC, instance_mac(SENDER))
            .payload(&[0x55; 26])
            .build()
    };
    let ports = 1 << 15;
    for (flows, count) in [(1, "1 flow"), (ports, "32,768 flows")] {
        let outbound = |dst: [u8; 4], dst_port: u16| {
            let keys = (0..flows).map(|flow| key(SENDER, 1024 + flow as u16, dst, dst_port)).collect();
            let flags = record.flags | FlowRecord::FLAG_OUTBOUND;
            (keys, FlowRecord { flags, rules: allowed(SENDER), ..record })
        };
        let (keys, known) = outbound([10, 0, 0, 101], 80);
        cases.push(
            case(
                format!("`from_instance`, to a VIP, established, {count}"),
                Timed::FromInstance,
                sent("10.0.0.101:80", ACK),
                flows,
                &[Outcome::Balanced, Outcome::Tunnelled],
            )
            .port(1024)
            .established(keys, known),
        );
        let (keys, known) = outbound([10, 0, 0, 30], PORT);
        cases.push(
            case(
                format!("`from_instance`, to an instance, established, {count}"),
                Timed::FromInstance,
                sent("10.0.0.30:8080", ACK),
                flows,
                &[Outcome::Tunnelled],
            )
            .port(1024)
            .established(keys, known),
        );
        let peers =
            (0..flows).map(|flow| key(SENDER, PORT, (0x0b80_0000 | flow).to_be_bytes(), 1024)).collect();
        let known = FlowRecord {
            original_addr: v4_mapped([203, 0, 113, 1]),
            original_port: 80,
            via: FlowRecord::VIA_UPLINK,
            flags: record.flags | FlowRecord::FLAG_TRANSLATED,
            rules: allowed(SENDER),
            ..record
        };
        cases.push(
            case(
                format!("`from_instance`, reply to a client outside, {count}"),
                Timed::FromInstance,
                sent("11.128.0.0:1024", ACK),
                1,
                &[Outcome::RepliedOutside],
            )
            .port(PORT)
            .services(flows)
            .established(peers, known),
        );
    }
    cases.push(
        case(
            "`from_instance`, to a VIP, SYNs of new flows",
            Timed::FromInstance,
            sent("10.0.0.101:80", SYN),
            1 << 16,
            &[Outcome::Balanced, Outcome::Tunnelled],
        )
        .port(1),
    );

    let tunnelled = |dst: &str, instance, flags| {
        TestFrame::syn("11.0.0.0:1024", dst)
            .flags(flags)
            .macs(instance_mac(instance), tunnel_mac(0, false))
            .payload(&[0x55; 26])
            .build()
    };
    for (flows, count) in [(1, "1 flow"), (1 << 16, "65,536 flows"), (MANY, "1,048,576 flows")] {
        let keys = (0..flows).map(|flow| {
            let (peer, port) = bench_client(flow);
            key(server, PORT, peer.to_be_bytes(), port)
        });
        let known = FlowRecord {
            original_addr: v4_mapped([10, 0, 0, 100]),
            original_port: 80,
            flags: record.flags | FlowRecord::FLAG_TRANSLATED,
            service: 1,
            rules: allowed(server),
            ..record
        };
        cases.push(
            case(
                format!("`from_overlay`, hit: established by a VIP, {count}"),
                Timed::FromOverlay,
                tunnelled("10.0.0.100:80", server, ACK),
                flows,
                &[Outcome::Delivered],
            )
            .established(keys.collect(), known),
        );
    }
    cases.push(case(
        "`from_overlay`, second chance: unknown flows in mid-flight",
        Timed::FromOverlay,
        tunnelled("10.0.0.102:80", server, ACK),
        MANY,
        &[Outcome::SecondChance, Outcome::Tunnelled],
    ));
    for (number, count) in lists {
        cases.push(case(
            format!("`from_overlay`, miss: SYNs of new flows, {}", rules_in_words(count)),
            Timed::FromOverlay,
            tunnelled(&format!("10.0.0.{}:8080", 100 + number), number, SYN),
            MANY,
            &[Outcome::Delivered],
        ));
    }
    Group { state, cases }
}

/// An instance with so many rules for what it sends opens connections.
fn sender_with_rules(count: u16) -> Group {
    let scene = Scene::new().instance(SENDER, VNI, "10.0.0.10", 1).instance(3, VNI, "10.9.0.30", 2);
    let frame = TestFrame::syn("10.0.0.10:1024", "10.9.0.30:8080")
        .macs(ROUTER_MAC, instance_mac(SENDER))
        .payload(&[0x55; 26])
        .build();
    Group {
        state: filtered(scene, SENDER, Direction::Out, count).state(),
        cases: vec![
            case(
                format!("`from_instance`, to an instance, SYNs of new flows, {}", rules_in_words(count)),
                Timed::FromInstance,
                frame,
                1 << 16,
                &[Outcome::Tunnelled],
            )
            .port(1),
        ],
    }
}

fn rules_in_words(count: u16) -> String {
    match count {
        1 => "1 rule".to_owned(),
        1_000 => "1,000 rules (500 of the ACL)".to_owned(),
        count => format!("{count} rules"),
    }
}

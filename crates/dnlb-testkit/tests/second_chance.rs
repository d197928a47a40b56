//! Hosts that learn of changes late, each at its own time, and connections that must not notice.
//!
//! A region with real histories of member sets, planned and compiled as the server and the agents do it; every
//! host decides with maps of its own, and what one sends into the tunnel the next one gets. Random changes reach the hosts late and in
//! different order while connections and sessions of datagrams, from outside by either edge and from instances, send packets.
//!
//! # The property
//! A packet of an open connection reaches the instance that has it, and the hop number bounds its way. It need not
//! - when the instance's time of draining is over, or it is deleted;
//! - when its way led over a host that cannot know better (see `World::knows`): one that has not heard yet that the instance is
//!   a target; in a group of more than 15, or for datagrams of a row that to this host's knowledge never moved, one whose
//!   chain does not name the instance: its row has had three other members since, or its set was pushed out by newer ones.
//!
//! `PROPTEST_CASES=5000 cargo test --release -p dnlb-testkit --test second_chance` looks longer; a failure is
//! shrunk to the fewest events, printed, and kept in `proptest-regressions`.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use std::{cell::Cell, collections::BTreeMap, sync::Arc};

use dnlb_abi::{HostEntry, Outcome, ServiceEntry, instance_mac};
use dnlb_datapath::{Packet, flow_hash, row_of};
use dnlb_model::{
    Algorithm, BackendId, Direction, FilterRule, HostConfig, HostId, InstanceId, ListenerId, Protocol,
    Region, RuleProtocol, ServerGroup, Target, TargetGroupId, TargetId,
};
use dnlb_plan::{
    Allocation, LocalFacts, SwitchState, compile, follow, host_configs,
    test_region::{add_eip, add_instance, add_service, add_targets, addr, change_host, region, set_healthy},
};
use dnlb_testkit::{Engine, Program, Pure, Seen, TEST_IFINDEX, TestFrame};
use proptest::{
    prelude::*,
    strategy::ValueTree,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

/// Hosts 1 to 3 have instances, 4 and 5 are edges.
const COMPUTE: usize = 3;
const HOSTS: usize = 5;
/// Flows from outside first, then one third of them from instances.
const FLOWS: usize = 24;
const VNI: u32 = 11;
/// The instance that calls from host `h` has this number and `h`.
const CALLERS: u32 = 900;

/// Something that happens.
#[derive(Clone, Debug)]
enum Event {
    /// An instance becomes a target.
    Join { instance: usize, weight: u32 },
    /// A target leaves and drains.
    Leave { instance: usize },
    /// The time of whoever drains is over.
    Drained,
    /// An instance that is no target is deleted.
    Delete { instance: usize },
    /// A target's weight changes.
    Weight { instance: usize, weight: u32 },
    /// A target fails its checks, alive, or passes them again.
    Flap { instance: usize },
    /// A host gets the configuration of some changes ago, if that is newer than what it has.
    Learn { host: usize, ago: usize },
    /// A client opens a flow, unless it is open.
    Open { flow: usize, edge: usize },
    /// A client that has sent nothing yet but its SYN sends it again: the answer was late.
    OpenAgain { flow: usize, edge: usize },
    /// A flow's next packet.
    Send { flow: usize, edge: usize },
    /// A client breaks its flow off.
    Close { flow: usize, edge: usize },
}

fn event(instances: usize) -> impl Strategy<Value = Event> {
    let weight = prop_oneof![Just(10), 1_u32..=100];
    let edge = 0..2_usize;
    prop_oneof![
        4 => (0..instances, weight.clone()).prop_map(|(instance, weight)| Event::Join { instance, weight }),
        3 => (0..instances).prop_map(|instance| Event::Leave { instance }),
        1 => Just(Event::Drained),
        1 => (0..instances).prop_map(|instance| Event::Delete { instance }),
        4 => (0..instances, weight).prop_map(|(instance, weight)| Event::Weight { instance, weight }),
        3 => (0..instances).prop_map(|instance| Event::Flap { instance }),
        14 => (0..HOSTS, 0..4_usize).prop_map(|(host, ago)| Event::Learn { host, ago }),
        12 => (0..FLOWS, edge.clone()).prop_map(|(flow, edge)| Event::Open { flow, edge }),
        8 => (0..FLOWS, edge.clone()).prop_map(|(flow, edge)| Event::OpenAgain { flow, edge }),
        24 => (0..FLOWS, edge.clone()).prop_map(|(flow, edge)| Event::Send { flow, edge }),
        2 => (0..FLOWS, edge).prop_map(|(flow, edge)| Event::Close { flow, edge }),
    ]
}

/// One host: its maps, and which configuration they show.
struct Host {
    id: HostId,
    version: usize,
    alloc: Allocation,
    state: SwitchState,
    engine: Pure,
}

/// A client's socket, and who serves it.
#[derive(Clone)]
struct Flow {
    port: u16,
    seq: u32,
    /// What it acknowledges of its server, or of its former one.
    ack: u32,
    /// Whether it has sent a SYN alone.
    new: bool,
    server: Option<u32>,
}

impl Flow {
    /// Gives up what was not closed. The server does not know, so the client will not use the port again.
    fn give_up(&mut self) {
        (self.port, self.new, self.server) = (self.port + FLOWS as u16, false, None);
    }
}

/// The way of one packet.
#[derive(Debug)]
struct Trip {
    /// Hosts whose rows were asked.
    asked: Vec<usize>,
    tunnels: usize,
    outcome: Outcome,
    instance: u32,
}

/// What a run came to.
#[derive(Clone, Copy, Debug, Default)]
struct Tally {
    /// SYNs sent again that reached another instance than the first.
    opened_twice: u32,
    sent: u32,
    passed_on: u32,
    excused: u32,
    broken: u32,
}

impl std::ops::Add for Tally {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            opened_twice: self.opened_twice + other.opened_twice,
            sent: self.sent + other.sent,
            passed_on: self.passed_on + other.passed_on,
            excused: self.excused + other.excused,
            broken: self.broken + other.broken,
        }
    }
}

struct World {
    region: Region,
    backend: BackendId,
    protocol: Protocol,
    second_chance: bool,
    /// Configurations of all hosts after every change.
    versions: Vec<BTreeMap<HostId, HostConfig>>,
    hosts: Vec<Host>,
    flows: Vec<Flow>,
    tally: Tally,
}

impl World {
    fn new(instances: usize, members: usize, protocol: Protocol, second_chance: bool) -> Self {
        let mut region = region(&[("a", "r1"), ("a", "r2"), ("b", "r1"), ("a", "r3"), ("b", "r3")]);
        for host in 1..=HOSTS {
            change_host(&mut region, &format!("h{host}"), |it| {
                it.underlay = std::net::Ipv4Addr::new(172, 16, 0, host as u8).into();
                it.edge = host > COMPUTE;
            });
        }
        for at in 0..instances {
            add_instance(&mut region, at as u32 + 1, &format!("h{}", at % COMPUTE + 1), "a", None);
        }
        for host in 1..=COMPUTE as u32 {
            add_instance(&mut region, CALLERS + host, &format!("h{host}"), "a", None);
        }
        let backend = add_service(&mut region, 1, "a", None);
        let targets: Vec<InstanceId> = (0..members).map(instance_id).collect();
        let targets: Vec<_> = targets.iter().map(|id| (id, 8080, 10)).collect();
        let group: ServerGroup = add_targets(&mut region, "t", &targets);
        let service = Arc::make_mut(region.backends.get_mut(&backend).unwrap());
        (service.group, service.draining_seconds) = (Some(group), 300);
        service.algorithm = Algorithm::QuintupleHash;
        service.protocol = protocol;
        Arc::make_mut(region.listeners.get_mut(&ListenerId::from("listener-1")).unwrap()).protocol = protocol;
        add_eip(&mut region, 1);
        for at in 0..instances {
            set_healthy(&mut region, &backend, &instance_id(at), true);
        }
        follow(&Region::default(), &mut region, 0);
        let first = shrunk(host_configs(&region));
        let hosts = (1..=HOSTS).map(|index| Host {
            id: format!("h{index}").into(),
            version: 0,
            alloc: Allocation::default(),
            state: SwitchState::default(),
            engine: Pure::new(SwitchState::default()),
        });
        let mut world = Self {
            region,
            backend,
            protocol,
            second_chance,
            versions: vec![first],
            hosts: hosts.collect(),
            flows: (0..FLOWS)
                .map(|flow| Flow { port: 20_000 + flow as u16, seq: 0, ack: 0, new: false, server: None })
                .collect(),
            tally: Tally::default(),
        };
        for host in 0..HOSTS {
            world.show(host, 0);
        }
        world
    }

    fn happen(&mut self, event: &Event) {
        match *event {
            Event::Join { instance, weight } => self.change(|region, _| {
                let id = instance_id(instance);
                if region.instances.contains_key(&id) {
                    target_group(region).entry(target_id(instance)).or_insert(Target {
                        id: target_id(instance),
                        instance: id,
                        port: 8080,
                        weight,
                    });
                }
            }),
            Event::Leave { instance } => self.change(|region, _| {
                target_group(region).remove(&target_id(instance));
            }),
            Event::Drained => self.change(|region, _| region.draining.clear()),
            Event::Delete { instance } => self.change(|region, backend| {
                let id = instance_id(instance);
                let drains = region.draining.contains_key(&(backend.clone(), id.clone()));
                if !drains && !target_group(region).contains_key(&target_id(instance)) {
                    region.instances.remove(&id);
                }
            }),
            Event::Weight { instance, weight } => self.change(|region, _| {
                if let Some(target) = target_group(region).get_mut(&target_id(instance)) {
                    target.weight = weight;
                }
            }),
            Event::Flap { instance } => self.change(|region, backend| {
                let id = instance_id(instance);
                let healthy = region.health[&(backend.clone(), id.clone())].healthy;
                set_healthy(region, backend, &id, !healthy);
            }),
            Event::Learn { host, ago } => {
                let version = (self.versions.len() - 1).saturating_sub(ago);
                if version > self.hosts[host].version {
                    self.show(host, version);
                }
            }
            Event::Open { flow, edge } => {
                if self.flows[flow].server.is_none() {
                    // Beyond everything that the port's last connection can have sent.
                    self.flows[flow].seq += 100_000;
                    let trip = self.send(flow, edge, 2);
                    let answer = self.answer(flow, &trip);
                    self.flows[flow].ack = answer.unwrap_or_default();
                    self.flows[flow].new = true;
                    let delivered = trip.outcome == Outcome::Delivered;
                    // It may be that its host only has not heard yet that its time is over.
                    let home = trip.asked.last().map_or(0, |&home| self.hosts[home].version);
                    if delivered && (home..self.versions.len()).all(|at| self.serves(at, trip.instance)) {
                        self.flows[flow].server = Some(trip.instance);
                    } else if delivered {
                        self.flows[flow].give_up();
                    }
                }
            }
            Event::OpenAgain { flow, edge } => {
                // Whoever gets it answers, too; the client stays with whose answer it has.
                if self.protocol == Protocol::Tcp && self.flows[flow].new {
                    self.flows[flow].seq -= 1;
                    let trip = self.send(flow, edge, 2);
                    self.answer(flow, &trip);
                    self.tally.opened_twice += u32::from(Some(trip.instance) != self.flows[flow].server);
                }
            }
            Event::Send { flow, edge } => self.go_on(flow, edge, 16),
            Event::Close { flow, edge } => {
                // Nothing ends a session but silence.
                if self.protocol == Protocol::Tcp {
                    self.go_on(flow, edge, 20);
                    self.flows[flow].server = None;
                }
            }
        }
    }

    /// Makes a change of the region, of which no host knows yet.
    fn change(&mut self, change: impl FnOnce(&mut Region, &BackendId)) {
        let old = self.region.clone();
        change(&mut self.region, &self.backend);
        follow(&old, &mut self.region, 0);
        self.region.revision += 1;
        self.versions.push(shrunk(host_configs(&self.region)));
        // Whoever is no target any more, and has drained, loses its connections; that is what draining means.
        let latest = self.versions.len() - 1;
        for flow in 0..FLOWS {
            if self.flows[flow].server.is_some_and(|number| !self.serves(latest, number)) {
                self.flows[flow].give_up();
            }
        }
    }

    /// Whether an instance is a target, or drains, in a version.
    fn serves(&self, version: usize, number: u32) -> bool {
        let backends = self.versions[version].values().flat_map(|config| config.backends.values());
        backends.into_iter().any(|backend| backend.targets.contains_key(&number))
    }

    /// Gives a host a configuration.
    fn show(&mut self, at: usize, version: usize) {
        let host = &mut self.hosts[at];
        let config = &self.versions[version][&host.id];
        let entry = |index: u16| HostEntry {
            addr: dnlb_abi::v4_mapped([172, 16, 0, index as u8]),
            local_addr: dnlb_abi::v4_mapped([172, 16, 0, at as u8 + 1]),
            next_hop_mac: [2, 0xee, 0, 0, 0, index as u8],
            uplink_mac: [2, 0xdd, 0, 0, 0, at as u8 + 1],
            reserved: [0; 4],
        };
        let link = |number: u32| if number > CALLERS { TEST_IFINDEX } else { 1_000 + number };
        let local = LocalFacts {
            uplink_ifindex: 1,
            overlay_ifindex: 1,
            probe_ifindex: 1,
            overlay_mtu: 1500,
            no_second_chance: !self.second_chance,
            links: config.instances.keys().map(|&number| (number, link(number))).collect(),
            hosts: config.hosts.keys().map(|&index| (index, entry(index))).collect(),
            ..LocalFacts::default()
        };
        host.state = compile(config, &local, &mut host.alloc).unwrap();
        host.engine.change(host.state.clone()).unwrap();
        host.version = version;
        chains_name_only_who_lives(config, &host.state);
    }

    /// Whoever got a SYN answers it; what is to be acknowledged.
    fn answer(&mut self, flow: usize, trip: &Trip) -> Option<u32> {
        if self.protocol != Protocol::Tcp || trip.outcome != Outcome::Delivered {
            return None;
        }
        let (number, &home) = (trip.instance, trip.asked.last()?);
        // Each chooses its own.
        let first = self.flows[flow].seq.wrapping_mul(7).wrapping_add(number * 1_000_003);
        let client = self.client(flow);
        let reply = TestFrame::syn(&format!("{}:8080", addr(number)), &client).flags(18).seq(first);
        let reply = reply.macs(dnlb_abi::ROUTER_MAC, instance_mac(number)).build();
        let link = self.hosts[home].state.instances[&number].ifindex;
        let seen = self.hosts[home].engine.run_at(link, Program::FromInstance, &reply).unwrap();
        assert!(
            matches!(seen.outcome, Outcome::RepliedOutside | Outcome::Tunnelled | Outcome::Delivered),
            "{seen:?}"
        );
        Some(first.wrapping_add(1))
    }

    /// A packet of an open flow, which must reach whoever has it.
    fn go_on(&mut self, flow: usize, edge: usize, flags: u8) {
        self.flows[flow].new = false;
        let Some(server) = self.flows[flow].server else { return };
        let trip = self.send(flow, edge, flags);
        self.tally.sent += 1;
        self.tally.passed_on += u32::from(trip.asked.len() > 1);
        if trip.outcome == Outcome::Delivered && trip.instance == server {
            return;
        }
        let packet = self.packet(flow);
        self.flows[flow].give_up();
        if trip.asked.iter().all(|&host| self.knows(host, &packet, server)) {
            self.tally.broken += 1;
            if self.second_chance {
                let versions: Vec<usize> = self.hosts.iter().map(|host| host.version).collect();
                println!("flow {flow} of {server} broke: {trip:?}; hosts show {versions:?}");
                let chains: Vec<_> =
                    (0..HOSTS).map(|host| self.chain(host, &packet).map(|it| it.1)).collect();
                println!("chains: {chains:?}");
            }
        } else {
            self.tally.excused += 1;
        }
    }

    /// Sends a packet on its way, to its end.
    fn send(&mut self, flow: usize, edge: usize, flags: u8) -> Trip {
        self.flows[flow].seq += 1;
        let mut frame = self.frame(flow, flags);
        let outside = flow < FLOWS * 2 / 3;
        let mut trip = Trip { asked: Vec::new(), tunnels: 0, outcome: Outcome::Passed, instance: 0 };
        let mut at = if outside { COMPUTE + edge } else { flow % COMPUTE };
        let mut hop = None;
        let mut program = if outside { Program::Edge } else { Program::FromInstance };
        loop {
            let Seen { outcome, details, frame: after, .. } =
                self.hosts[at].engine.run(program, &frame).unwrap();
            // An edge asks nobody, and neither does a client's host that only sends on to the row's member.
            let sent_on = matches!(outcome, Outcome::Forwarded | Outcome::Tunnelled);
            if matches!(program, Program::FromOverlay(_)) || !sent_on {
                trip.asked.push(at);
            }
            trip.outcome = outcome;
            match outcome {
                Outcome::Forwarded => {
                    at = usize::from(after[33]) - 1;
                    frame = after[50..].to_vec();
                }
                Outcome::Tunnelled => {
                    at = (details[0] & 0xff) as usize - 1;
                    assert!(hop.is_none_or(|hop| details[3] > hop), "the hop number grows with every tunnel");
                    hop = Some(details[3]);
                    frame = after;
                }
                Outcome::Delivered => {
                    trip.instance = details[1];
                    return trip;
                }
                _ => return trip,
            }
            trip.tunnels += 1;
            assert!(trip.tunnels <= 21, "{} tunnels", trip.tunnels);
            program = Program::FromOverlay(VNI);
        }
    }

    /// A client's address and port.
    fn client(&self, flow: usize) -> String {
        let outside = flow < FLOWS * 2 / 3;
        let caller = CALLERS + (flow % COMPUTE) as u32 + 1;
        let addr = if outside { "198.51.100.9".to_owned() } else { addr(caller).to_string() };
        format!("{addr}:{}", self.flows[flow].port)
    }

    fn frame(&self, flow: usize, flags: u8) -> Vec<u8> {
        let outside = flow < FLOWS * 2 / 3;
        let caller = CALLERS + (flow % COMPUTE) as u32 + 1;
        let src = self.client(flow);
        let dst = if outside { "203.0.113.1".to_owned() } else { addr(10_001).to_string() };
        let frame = match self.protocol {
            Protocol::Tcp => TestFrame::syn(&src, &format!("{dst}:80")),
            Protocol::Udp => TestFrame::datagram(&src, &format!("{dst}:80")),
        };
        let macs = (dnlb_abi::ROUTER_MAC, instance_mac(caller));
        frame.macs(macs.0, macs.1).flags(flags).seq(self.flows[flow].seq).ack(self.flows[flow].ack).build()
    }

    /// What the data path makes of a flow's frame.
    fn packet(&self, flow: usize) -> Packet {
        let mut packet = Packet::default();
        let frame = self.frame(flow, 16);
        let frame = frame.as_slice();
        dnlb_wire::parse(&frame, &dnlb_wire::Ethernet::read(&frame).unwrap(), &mut packet);
        packet
    }

    /// The service and the chain of a packet's row at a host, by instance numbers; none while it has no rows.
    fn chain(&self, host: usize, packet: &Packet) -> Option<(ServiceEntry, [u32; 4])> {
        let state = &self.hosts[host].state;
        let mut services = state.services.entries.values();
        let service = *services.find(|entry| entry.rows > 0 && entry.key.addr == packet.dst)?;
        let row = row_of(flow_hash(&state.settings, service.algorithm, packet), service.rows);
        let range = state.rows.iter().find(|range| range.base == service.rows_base).unwrap();
        Some((service, range.cold[row as usize].map(|slot| self.member(host, &service, slot))))
    }

    /// Number of the instance in a slot; 0: nobody.
    fn member(&self, host: usize, service: &ServiceEntry, slot: u16) -> u32 {
        let members = &self.hosts[host].state.members;
        let member = members.get(&(service.members_base + u32::from(slot)));
        member.filter(|_| slot != 0).map_or(0, |member| member.instance)
    }

    /// Whether a host's own configuration names `server` to those that search for the flow of `packet`.
    fn knows(&self, host: usize, packet: &Packet, server: u32) -> bool {
        let Some((service, chain)) = self.chain(host, packet) else { return false };
        let never_moved = chain[1] == 0 && service.flags & ServiceEntry::FLAG_FORGETFUL == 0;
        if service.slots > ServiceEntry::SLOTS_ALL_ASKED || (self.protocol == Protocol::Udp && never_moved) {
            return chain.contains(&server);
        }
        (1..service.slots).any(|slot| self.member(host, &service, slot as u16) == server)
    }

    /// Everybody learns everything: then all have the same chains, whatever each has seen on the way there.
    fn settle(&mut self) {
        let chains: Vec<Vec<[u32; 4]>> = (0..HOSTS)
            .map(|host| {
                self.show(host, self.versions.len() - 1);
                let state = &self.hosts[host].state;
                let Some(service) = state.services.entries.values().find(|entry| entry.rows > 0) else {
                    return Vec::new();
                };
                let range = state.rows.iter().find(|range| range.base == service.rows_base).unwrap();
                range.cold.iter().map(|chain| chain.map(|slot| self.member(host, service, slot))).collect()
            })
            .collect();
        assert!(chains.iter().all(|it| *it == chains[0]), "hosts with one configuration have one table");
        for flow in 0..FLOWS {
            self.go_on(flow, flow % 2, 16);
        }
    }
}

/// Tables of a sixteenth of their rows, so that much happens in a second; security groups that allow everything.
fn shrunk(mut configs: BTreeMap<HostId, HostConfig>) -> BTreeMap<HostId, HostConfig> {
    let allow = |direction| FilterRule {
        direction,
        protocol: RuleProtocol::All,
        prefix: "0.0.0.0/0".parse().unwrap(),
        ports: (0, 0),
        allow: true,
    };
    for instance in configs.values_mut().flat_map(|config| config.instances.values_mut()) {
        instance.security_rules = vec![allow(Direction::In), allow(Direction::Out)];
    }
    let backends = configs.values_mut().flat_map(|config| config.backends.values_mut());
    for set in backends.flat_map(|backend| &mut backend.generations) {
        set.rows = set.rows.div_ceil(16);
    }
    configs
}

fn chains_name_only_who_lives(config: &HostConfig, state: &SwitchState) {
    for service in state.services.entries.values().filter(|entry| entry.rows > 0) {
        let backend = &config.backends[&service.backend];
        let range = state.rows.iter().find(|range| range.base == service.rows_base).unwrap();
        for slot in range.cold.iter().flatten().filter(|slot| **slot != 0) {
            let member = state.members[&(service.members_base + u32::from(*slot))];
            let sets = || backend.generations.iter().filter_map(|set| set.members.get(&member.instance));
            let lives = sets().any(|it| it.host != 0) || backend.others.contains_key(&member.instance);
            assert!(lives && member.host != 0, "a chain names {}, which is deleted", member.instance);
        }
    }
}

fn instance_id(at: usize) -> InstanceId {
    format!("i-{:05}", at + 1).into()
}

fn target_id(at: usize) -> TargetId {
    format!("target-{}", instance_id(at)).into()
}

fn target_group(region: &mut Region) -> &mut BTreeMap<TargetId, Target> {
    &mut Arc::make_mut(region.target_groups.get_mut(&TargetGroupId::from("t")).unwrap()).targets
}

/// What happens to a group of so many members out of so many instances.
fn story(
    instances: std::ops::Range<usize>,
    length: usize,
) -> impl Strategy<Value = (usize, usize, Vec<Event>)> {
    instances.prop_flat_map(move |instances| {
        (Just(instances), 1..=instances, prop::collection::vec(event(instances), 1..length))
    })
}

fn live(
    protocol: Protocol,
    second_chance: bool,
    (instances, members, events): &(usize, usize, Vec<Event>),
) -> Tally {
    let mut world = World::new(*instances, *members, protocol, second_chance);
    for flow in 0..FLOWS / 2 {
        world.happen(&Event::Open { flow: flow * 2, edge: flow % 2 });
    }
    for event in events {
        world.happen(event);
    }
    world.settle();
    world.tally
}

/// Whether no story of many breaks a flow; what they came to together.
fn none_breaks(protocol: Protocol, instances: std::ops::Range<usize>, length: usize, cases: u32) {
    let config = Config { failure_persistence: None, max_shrink_iters: 4_000, ..Config::default() };
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { config.cases } else { cases };
    let sum = Cell::new(Tally::default());
    let result = TestRunner::new(Config { cases, ..config }).run(&story(instances, length), |story| {
        let tally = live(protocol, true, &story);
        sum.set(sum.get() + tally);
        prop_assert_eq!(tally.broken, 0, "{:?}", tally);
        Ok(())
    });
    println!("{:?}", sum.get());
    if let Err(failure) = result {
        panic!("{failure}");
    }
    let sum = sum.get();
    // Stories in which nothing moves, or nearly all is excused, would prove nothing.
    assert!(sum.passed_on * 20 > sum.sent && sum.excused * 10 < sum.sent, "{sum:?}");
}

#[test]
fn no_connection_to_a_small_group_breaks() {
    none_breaks(Protocol::Tcp, 2..8, 150, 60);
}

#[test]
fn no_session_of_datagrams_with_a_small_group_breaks() {
    none_breaks(Protocol::Udp, 2..8, 150, 60);
}

#[test]
fn no_connection_to_a_large_group_breaks() {
    none_breaks(Protocol::Tcp, 20..26, 80, 25);
}

#[test]
fn no_session_of_datagrams_with_a_large_group_breaks() {
    none_breaks(Protocol::Udp, 20..26, 80, 25);
}

#[test]
fn without_second_chance_flows_break() {
    let mut runner =
        TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        let mut sum = Tally::default();
        for _ in 0..10 {
            let story = story(2..8, 150).new_tree(&mut runner).unwrap().current();
            sum = sum + live(protocol, false, &story);
        }
        println!("{protocol:?}: {sum:?}");
        assert!(sum.broken * 20 > sum.sent, "{protocol:?}: {sum:?}");
    }
}

/// What the properties have found.
#[test]
fn a_search_ends_although_hosts_no_longer_have_who_is_asked() {
    let events = vec![
        Event::Leave { instance: 1 },
        Event::Drained,
        Event::Delete { instance: 1 },
        Event::Learn { host: 1, ago: 0 },
        Event::Open { flow: 5, edge: 0 },
    ];
    // It went round and round for 250 tunnels.
    assert_eq!(live(Protocol::Udp, true, &(2, 2, events)).broken, 0);
}

#[test]
fn a_reset_reaches_its_connection_when_nobody_takes_new_ones() {
    let events = vec![
        Event::Open { flow: 8, edge: 0 },
        Event::Leave { instance: 0 },
        Event::Learn { host: 4, ago: 0 },
        Event::Close { flow: 8, edge: 1 },
    ];
    assert_eq!(live(Protocol::Tcp, true, &(2, 1, events)).broken, 0);
}

//! What programs tell of packets and flows.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use dnlb_abi::{
    Addr, FlowEvent, Outcome, ROUTER_MAC, Role, StepEvent, TraceControl, TraceEnd, TraceFilter, instance_mac,
    probe_address, tunnel_mac, v4_mapped,
};
use dnlb_datapath::{flow_sampled, goes_on, traces_wanting};
use dnlb_explain::{
    Replay,
    trace::{event_of, row_of_flow},
};
use dnlb_switch::{Event, LostEvents};
use dnlb_testkit::{
    Engine, Family, Kernel, Program, Pure, Scene, TEST_IFINDEX, TestFrame, family, with_family,
};
use rand::{Rng, SeedableRng, rngs::StdRng};

const ACK: u8 = 16;

/// Instance 1 is here and serves .100:80 at 8080 by 203.0.113.1; 3 is elsewhere and serves .101:80 by 203.0.113.2.
fn scene() -> Scene {
    Scene::new()
        .instance(1, 7, "10.0.0.11", 1)
        .instance(3, 7, "10.0.0.13", 2)
        .service(1, 7, "10.0.0.100", 80, &[(1, 1, 8080)])
        .eip("203.0.113.1")
        .service(2, 7, "10.0.0.101", 80, &[(3, 2, 8080)])
        .eip("203.0.113.2")
}

/// A filter that wants everything, for as long as a test may take.
fn everything() -> TraceFilter {
    TraceFilter { deadline_ns: u64::MAX, outcomes: TraceFilter::ANY_OUTCOME, ..TraceFilter::default() }
}

fn kernel(filters: &[TraceFilter], flows_one_in: u32) -> Kernel {
    let mut kernel = Kernel::new(&scene().state()).expect("the programs load");
    let mut control = TraceControl { flows_one_in, ..TraceControl::default() };
    for (at, filter) in filters.iter().enumerate() {
        control.active |= 1 << at;
        control.filters[at] = *filter;
    }
    kernel.switch().ask(&control).unwrap();
    kernel
}

fn events(kernel: &mut Kernel) -> Vec<Event> {
    let mut events = kernel.switch().events().unwrap();
    std::iter::from_fn(|| events.next_event()).collect()
}

/// Runs one frame, of which one step must be told.
fn step(kernel: &mut Kernel, program: Program, frame: &TestFrame) -> StepEvent {
    kernel.run(program, &frame.build()).unwrap();
    match events(kernel).as_slice() {
        [Event::Step(step)] => *step,
        other => panic!("{other:?}"),
    }
}

const fn ports(src: u16, dst: u16) -> u32 {
    src as u32 | (dst as u32) << 16
}

#[test]
#[ignore = "needs root"]
fn every_program_tells_what_it_did() {
    let mut kernel = kernel(&[everything()], 0);
    let (client, eip, own) =
        (v4_mapped([198, 51, 100, 9]), v4_mapped([203, 0, 113, 1]), v4_mapped([10, 0, 0, 11]));
    let host = v4_mapped([172, 16, 0, 1]);

    let call = TestFrame::syn("198.51.100.9:40000", "203.0.113.1:80").seq(77);
    let edge = step(&mut kernel, Program::Edge, &call);
    let wanted = StepEvent {
        kind: StepEvent::KIND,
        traces: 1,
        time_ns: edge.time_ns,
        src: client,
        dst: eip,
        new_src: client,
        new_dst: eip,
        remote: host,
        ports: ports(40_000, 80),
        new_ports: ports(40_000, 80),
        outcome: Outcome::Forwarded as u32,
        ifindex: edge.ifindex,
        vni: 7,
        service: 1,
        instance: 1,
        ip_len: 40,
        seq: 77,
        protocol: 6,
        tcp_flags: 2,
        role: Role::Edge as u8,
        ..StepEvent::default()
    };
    assert_eq!(edge, wanted);

    let came = call.clone().macs(instance_mac(1), tunnel_mac(0, true));
    let overlay = step(&mut kernel, Program::FromOverlay(7), &came);
    let wanted = StepEvent {
        time_ns: overlay.time_ns,
        new_dst: own,
        new_ports: ports(40_000, 8080),
        remote: [0; 16],
        outcome: Outcome::Delivered as u32,
        ifindex: TEST_IFINDEX,
        role: Role::FromOverlay as u8,
        ..wanted
    };
    assert_eq!(overlay, wanted);

    let answer = TestFrame::syn("10.0.0.11:8080", "198.51.100.9:40000").flags(18).seq(5);
    let answer = answer.macs(ROUTER_MAC, instance_mac(1));
    let reply = step(&mut kernel, Program::FromInstance, &answer);
    let wanted = StepEvent {
        time_ns: reply.time_ns,
        src: own,
        dst: client,
        new_src: eip,
        new_dst: client,
        ports: ports(8080, 40_000),
        new_ports: ports(80, 40_000),
        outcome: Outcome::RepliedOutside as u32,
        instance: 0,
        sender: 1,
        seq: 5,
        tcp_flags: 18,
        role: Role::FromInstance as u8,
        ..wanted
    };
    assert_eq!(reply, wanted);

    let [a, b, c, d] = probe_address(1);
    let check = TestFrame::syn("169.254.169.110:9999", &format!("{a}.{b}.{c}.{d}:8080"));
    let probe = step(&mut kernel, Program::Probe, &check);
    assert_eq!((probe.role, probe.outcome), (Role::Probe as u8, Outcome::Delivered as u32));
    assert_eq!((probe.new_dst, probe.instance, probe.vni), (own, 1, 7));
    assert!(edge.time_ns < overlay.time_ns && overlay.time_ns < reply.time_ns);
}

#[test]
#[ignore = "needs root"]
fn an_edge_without_xdp_tells_the_same() {
    let mut kernel = kernel(&[everything()], 0);
    let call = TestFrame::syn("198.51.100.9:40000", "203.0.113.1:80").seq(77);
    let xdp = step(&mut kernel, Program::Edge, &call);
    let tcx = step(&mut kernel, Program::EdgeTc, &call);
    assert_eq!(StepEvent { time_ns: 0, ifindex: 0, ..tcx }, StepEvent { time_ns: 0, ifindex: 0, ..xdp });
    // An answer replaces the frame; what is told is what was asked.
    let closed = TestFrame::syn("198.51.100.9:40000", "203.0.113.1:81");
    for program in [Program::Edge, Program::EdgeTc] {
        let answered = step(&mut kernel, program, &closed);
        assert_eq!(answered.outcome, Outcome::ResetNoListener as u32);
        assert_eq!((answered.dst, answered.ports), (v4_mapped([203, 0, 113, 1]), ports(40_000, 81)));
    }
}

#[test]
#[ignore = "needs root"]
fn a_record_made_in_mid_flight_is_told_beside_the_verdict() {
    let mut kernel = kernel(&[everything()], 0);
    let there = TestFrame::syn("198.51.100.9:40000", "203.0.113.1:80").flags(ACK);
    let adopted =
        step(&mut kernel, Program::FromOverlay(7), &there.macs(instance_mac(1), tunnel_mac(0, true)));
    assert_eq!((adopted.outcome, adopted.also), (Outcome::Delivered as u32, Outcome::Adopted as u32 + 1));
}

#[test]
#[ignore = "needs root"]
fn a_call_of_another_host_tells_where_it_went_and_a_drop_what_it_was() {
    let mut kernel = kernel(&[everything()], 0);
    let from_1 = |dst: &str| TestFrame::syn("10.0.0.11:40000", dst).macs(ROUTER_MAC, instance_mac(1));
    let call = step(&mut kernel, Program::FromInstance, &from_1("10.0.0.101:80"));
    assert_eq!((call.outcome, call.remote), (Outcome::Tunnelled as u32, v4_mapped([172, 16, 0, 2])));
    assert_eq!((call.sender, call.instance, call.service, call.vni), (1, 3, 2, 7));

    let lost = step(&mut kernel, Program::FromInstance, &from_1("10.9.9.9:80"));
    assert_eq!((lost.outcome, lost.service), (Outcome::DropNoRoute as u32, 0));
    assert_eq!(lost.dst, v4_mapped([10, 9, 9, 9]));
    let spoofed = TestFrame::syn("10.0.0.99:1", "10.0.0.101:80").macs(ROUTER_MAC, instance_mac(1));
    assert_eq!(step(&mut kernel, Program::FromInstance, &spoofed).outcome, Outcome::DropSpoofed as u32);

    // What holds no packet shows none: neither its own nor that of the packet before.
    let asked = dnlb_testkit::arp_request(instance_mac(1), [10, 0, 0, 11], [10, 0, 0, 1]);
    kernel.run(Program::FromInstance, &asked).unwrap();
    let [Event::Step(arp)] = events(&mut kernel)[..] else { panic!("no step") };
    assert_eq!((arp.outcome, arp.src, arp.ports), (Outcome::ArpReply as u32, [0; 16], 0));
    // A later fragment has addresses and no ports.
    let mut fragment = from_1("10.0.0.101:80");
    fragment.fragment = 0x2001;
    let fragment = step(&mut kernel, Program::FromInstance, &fragment);
    assert_eq!((fragment.outcome, fragment.ports), (Outcome::DropFragment as u32, 0));
    assert_eq!(fragment.dst, v4_mapped([10, 0, 0, 101]));
}

#[test]
#[ignore = "needs root"]
fn nothing_is_told_unless_asked_nor_after_the_deadline() {
    let frame = TestFrame::syn("198.51.100.9:40000", "203.0.113.1:80");
    let mut idle = kernel(&[], 0);
    let past = TraceFilter { deadline_ns: 1, ..everything() };
    let drops = TraceFilter { outcomes: [1 << Outcome::DropNoRoute as u32, 0], ..everything() };
    let mut other = kernel(&[past, drops], 0);
    for kernel in [&mut idle, &mut other] {
        assert_eq!(kernel.run(Program::Edge, &frame.build()).unwrap().outcome, Outcome::Forwarded);
        let came = frame.clone().macs(instance_mac(1), tunnel_mac(0, true));
        kernel.run(Program::FromOverlay(7), &came.build()).unwrap();
        assert_eq!(events(kernel), []);
    }
}

#[test]
#[ignore = "needs root"]
fn what_there_is_no_room_for_is_counted() {
    let mut kernel = kernel(&[everything()], 0);
    let frame = TestFrame::syn("198.51.100.9:40000", "203.0.113.1:80").build();
    let mut sent = 0;
    while kernel.switch().events().unwrap().lost().unwrap().steps < 10 {
        for _ in 0..100 {
            kernel.run(Program::Edge, &frame).unwrap();
        }
        sent += 100;
        assert!(sent < 100_000);
    }
    let lost = kernel.switch().events().unwrap().lost().unwrap();
    assert_eq!(events(&mut kernel).len() as u64 + lost.steps, sent);
    assert_eq!(lost.flows, 0);
}

#[test]
#[ignore = "needs root"]
fn a_flow_is_told_of_when_it_is_established_and_when_another_takes_its_place() {
    let mut kernel = kernel(&[], 1);
    let there =
        TestFrame::syn("198.51.100.9:40000", "203.0.113.1:80").macs(instance_mac(1), tunnel_mac(0, true));
    let back = TestFrame::syn("10.0.0.11:8080", "198.51.100.9:40000").macs(ROUTER_MAC, instance_mac(1));
    kernel.run(Program::FromOverlay(7), &there.build()).unwrap();
    kernel.run(Program::FromInstance, &back.clone().flags(18).build()).unwrap();
    assert_eq!(events(&mut kernel), [], "half-open");
    kernel.run(Program::FromOverlay(7), &there.clone().flags(ACK).build()).unwrap();
    let [Event::Flow(new)] = events(&mut kernel)[..] else { panic!("no flow") };
    assert_eq!((new.kind, new.key.instance, new.record.service), (FlowEvent::ESTABLISHED, 1, 1));
    assert_eq!((new.record.packets_in, new.record.packets_out), (2, 1));

    kernel.run(Program::FromOverlay(7), &there.clone().flags(17).build()).unwrap();
    kernel.run(Program::FromInstance, &back.flags(17).build()).unwrap();
    assert_eq!(events(&mut kernel), []);
    kernel.run(Program::FromOverlay(7), &there.seq(1_000_000).build()).unwrap();
    let [Event::Flow(over)] = events(&mut kernel)[..] else { panic!("no flow") };
    assert_eq!((over.kind, over.key), (FlowEvent::REPLACED, new.key));
    assert_eq!((over.record.packets_in, over.record.packets_out), (3, 2));
    assert_eq!(kernel.switch().events().unwrap().lost().unwrap(), LostEvents::default());
}

#[test]
#[ignore = "needs root"]
fn only_sampled_flows_are_told_of() {
    const ONE_IN: u32 = 4;
    let mut kernel = kernel(&[], ONE_IN);
    let mut told = 0;
    for port in 2000..2100 {
        let client = format!("198.51.100.9:{port}");
        let there = TestFrame::syn(&client, "203.0.113.1:80").macs(instance_mac(1), tunnel_mac(0, true));
        let back = TestFrame::syn("10.0.0.11:8080", &client).macs(ROUTER_MAC, instance_mac(1)).flags(18);
        kernel.run(Program::FromOverlay(7), &there.build()).unwrap();
        kernel.run(Program::FromInstance, &back.build()).unwrap();
        kernel.run(Program::FromOverlay(7), &there.flags(ACK).build()).unwrap();
        let flows = kernel.flows().unwrap();
        let (key, (record, _)) = flows.iter().find(|(key, _)| key.ports as u16 == port).unwrap();
        let events = events(&mut kernel);
        assert_eq!(events.len(), usize::from(flow_sampled(key, record, ONE_IN)), "{port}: {events:?}");
        told += events.len();
    }
    assert!((10..45).contains(&told), "{told} of 100");
}

/// A filter of few values, so that many packets pass.
fn random_filter(random: &mut StdRng) -> TraceFilter {
    let mut filter = everything();
    for end in [&mut filter.from, &mut filter.to] {
        let bits = [0, 0, 0, 96, 104, 126, 128][random.random_range(0..7)];
        let port = [None, None, None, Some(80), Some(40_000)][random.random_range(0..5)];
        *end = TraceEnd::new(random_addr(random), bits, port);
    }
    if random.random_ratio(1, 3) {
        filter.outcomes = [random.random(), random.random()];
    }
    if random.random_ratio(1, 4) {
        filter.vni = random.random_range(7..9);
    }
    if random.random_ratio(1, 4) {
        filter.service = random.random_range(1..3);
    }
    if random.random_ratio(1, 4) {
        filter.protocol = [1, 6, 17][random.random_range(0..3)];
    }
    filter.one_in = [0, 0, 1, 2][random.random_range(0..4)];
    filter
}

fn random_addr(random: &mut StdRng) -> Addr {
    let v4 = [[10, 0, 0, 11], [10, 0, 0, 100], [10, 0, 0, 101], [203, 0, 113, 1], [198, 51, 100, 9]];
    v4_mapped(v4[random.random_range(0..5)])
}

fn random_frame(random: &mut StdRng) -> (Program, TestFrame) {
    let port = |random: &mut StdRng| [80, 8080, 40_000, 40_001][random.random_range(0..4)];
    let text = |addr: Addr, port: u16| format!("{}.{}.{}.{}:{port}", addr[12], addr[13], addr[14], addr[15]);
    let (src, dst) = (random_addr(random), random_addr(random));
    let (src_port, dst_port) = (port(random), port(random));
    let mut frame = TestFrame::syn(&text(src, src_port), &text(dst, dst_port));
    frame.protocol = [6, 6, 17, 1, 47][random.random_range(0..5)];
    frame.flags = [2, 16, 18, 17, 4][random.random_range(0..5)];
    match random.random_range(0..3) {
        0 => (Program::Edge, frame),
        1 => (Program::FromOverlay(7), frame.macs(instance_mac(1), tunnel_mac(0, random.random()))),
        _ => {
            frame.src = dnlb_testkit::parse_endpoint(&text(v4_mapped([10, 0, 0, 11]), src_port));
            (Program::FromInstance, frame.macs(ROUTER_MAC, instance_mac(1)))
        }
    }
}

#[test]
#[ignore = "needs root"]
fn the_kernel_filters_as_the_function_does() {
    let seed = rand::random();
    println!("seed {seed}");
    let mut random = StdRng::seed_from_u64(seed);
    let mut kernel = kernel(&[], 0);
    let (mut wanted, mut unwanted) = (0, 0);
    for _ in 0..300 {
        let filters = std::array::from_fn(|slot| match slot {
            // Shows every packet.
            3 => everything(),
            _ => random_filter(&mut random),
        });
        let control = TraceControl { active: 0b1000 | random.random_range(0..8), flows_one_in: 0, filters };
        kernel.switch().ask(&control).unwrap();
        for _ in 0..30 {
            let (program, frame) = random_frame(&mut random);
            let step = step(&mut kernel, program, &frame);
            let pure = traces_wanting(&control, &StepEvent { traces: 0, ..step }, step.time_ns);
            assert_eq!(step.traces, pure, "{step:?} of {control:?}");
            wanted += (pure & 7).count_ones();
            unwanted += (control.active & 7 & !pure).count_ones();
        }
    }
    assert!(wanted > 500 && unwanted > 500, "{wanted} and {unwanted}: the filters are no test");
}

/// The program as tools know it.
fn known(program: Program) -> dnlb_explain::Program {
    match program {
        Program::FromInstance => dnlb_explain::Program::FromInstance { ifindex: TEST_IFINDEX },
        Program::FromOverlay(vni) => dnlb_explain::Program::FromOverlay { vni, remote: None },
        Program::Probe => dnlb_explain::Program::Probe,
        _ => dnlb_explain::Program::Edge,
    }
}

#[test]
#[ignore = "needs root"]
fn a_replay_tells_of_every_packet_what_the_kernel_does() {
    // A client that goes on though nobody has answered it, and its port again: a replay that takes it for answered differs.
    let unanswered = 2_062_379_388_536_878_447;
    for seed in [unanswered, rand::random()] {
        println!("seed {seed}");
        for family in [Family::V4, Family::V6] {
            with_family(family, || replay_and_compare(seed));
        }
    }
}

fn replay_and_compare(seed: u64) {
    let mut random = StdRng::seed_from_u64(seed);
    let mut kernel = kernel(&[everything()], 0);
    // The kernel's own flow records lie in its maps, which a replay reads: so it reads those of a scene that stays as it is.
    let still = Pure::new(scene().state());
    let mut replay = Replay::new(&still);
    let mut outcomes = std::collections::BTreeSet::new();
    for _ in 0..1000 {
        let (program, frame) = random_frame(&mut random);
        let frame = frame.build();
        let seen = kernel.run(program, &frame).unwrap();
        let [Event::Step(told)] = events(&mut kernel)[..] else { panic!("no step") };
        let (explanation, carried) = replay.decide(known(program), &frame).unwrap();
        let mut event = event_of(&still, &explanation).unwrap();
        (event.time_ns, event.traces, event.ifindex) = (told.time_ns, told.traces, told.ifindex);
        assert_eq!(event, told, "{explanation:#?}");
        assert_eq!(carried.outcome, seen.outcome);
        if goes_on(event.outcome) {
            assert_eq!(carried.frame, seen.frame, "{explanation:#?}");
        }
        if event.ip_len != 0 {
            assert_eq!(dnlb_wire::is_v4(&event.src), family() == Family::V4);
        }
        if let Some(row) = row_of_flow(&still, &event).unwrap() {
            // Each service has one member.
            assert_eq!(row.chain, [if event.service == 1 { 1 } else { 3 }]);
        }
        outcomes.insert(seen.outcome.name());
    }
    assert!(outcomes.len() > 8, "{outcomes:?}");
}

//! Packets in, packets out: every case runs through the pure function and through the loaded programs.

use dnlb_abi::{
    FlowRecord, FlowTotals, FlowTotalsKey, Outcome, ROUTER_MAC, instance_mac, probe_address, tunnel_mac,
};
use dnlb_model::{Direction, FilterRule, RuleProtocol};
use dnlb_switch::{Aged, ExpiryRules};
use dnlb_testkit::{
    Engine, Family, Kernel, Program, Pure, Scene, Seen, TestFrame, arp_request, checksums_hold,
    parse_endpoint, parse_prefix, solicitation, with_family,
};

const SYN_ACK: u8 = 18;
const ACK: u8 = 16;
const RST: u8 = 4;
const FIN_ACK: u8 = 17;

/// Declares cases; each becomes one test per engine and family. Addresses are written as IPv4; in the other family they mean
/// others, see `dnlb_testkit::Family`.
macro_rules! cases {
    ($($name:ident($scene:expr) $body:expr;)*) => {
        cases!(@engines v4, V4, $($name($scene) $body;)*);
        cases!(@engines v6, V6, $($name($scene) $body;)*);
    };
    (@engines $module:ident, $family:ident, $($name:ident($scene:expr) $body:expr;)*) => {
        mod $module {
            mod pure {
                #[allow(clippy::wildcard_imports, reason = "the cases' own words")]
                use super::super::*;
                $(#[test]
                fn $name() {
                    with_family(Family::$family, || {
                        let body: fn(&mut dyn Engine) = $body;
                        body(&mut Pure::new($scene.state()));
                    });
                })*
            }
            mod kernel {
                #[allow(clippy::wildcard_imports, reason = "the cases' own words")]
                use super::super::*;
                $(#[test]
                #[ignore = "needs root"]
                fn $name() {
                    with_family(Family::$family, || {
                        let body: fn(&mut dyn Engine) = $body;
                        Kernel::lend(&$scene.state(), |kernel| body(kernel)).expect("the programs load");
                    });
                })*
            }
        }
    };
}

/// Cases of one family alone.
macro_rules! cases_of {
    ($module:ident, $family:ident: $($name:ident($scene:expr) $body:expr;)*) => {
        cases!(@engines $module, $family, $($name($scene) $body;)*);
    };
}

/// Client 1 here, VIP .100 with one member here (2) at 8080 and one VIP .101 with a member elsewhere (3).
fn scene() -> Scene {
    Scene::new()
        .instance(1, 7, "10.0.0.11", 1)
        .instance(2, 7, "10.0.0.12", 1)
        .instance(3, 7, "10.0.0.13", 2)
        .instance(4, 8, "10.0.0.14", 2)
        .service(1, 7, "10.0.0.100", 80, &[(2, 1, 8080)])
        .eip("203.0.113.1")
        .service(2, 7, "10.0.0.101", 80, &[(3, 2, 8080)])
        .service(3, 7, "10.0.0.102", 80, &[])
        .eip("203.0.113.3")
        .service(4, 7, "10.0.0.103", 80, &[(1, 1, 8080)])
}

/// Members have changed: .104 went from 3 elsewhere to 1 here; .105 from 2 here, which drains, to 1 here; .106 from 3
/// elsewhere over 2 here to 1 here; .107 had 1 here, and has nobody now; .108 had 1 here, and has 3 elsewhere now; .109
/// had 5 here, and has 3 elsewhere; .115 went from 1 here, which drains, to 2 here.
fn changed() -> Scene {
    scene()
        .service(5, 7, "10.0.0.104", 80, &[(1, 1, 8080)])
        .former(&[(3, 2)])
        .service(6, 7, "10.0.0.105", 80, &[(1, 1, 8080)])
        .former(&[(2, 1)])
        .draining(2, 8080)
        .service(7, 7, "10.0.0.106", 80, &[(1, 1, 8080)])
        .former(&[(2, 1)])
        .former(&[(3, 2)])
        .draining(2, 8080)
        .service(8, 7, "10.0.0.107", 80, &[])
        .former(&[(1, 1)])
        .draining(1, 8080)
        .service(9, 7, "10.0.0.108", 80, &[(3, 2, 8080)])
        .former(&[(1, 1)])
        .draining(1, 8080)
        .instance(5, 7, "10.0.0.15", 1)
        .service(10, 7, "10.0.0.109", 80, &[(3, 2, 8080)])
        .former(&[(5, 1)])
        .draining(5, 8080)
        .service(15, 7, "10.0.0.115", 80, &[(2, 1, 8080)])
        .former(&[(1, 1)])
        .draining(1, 8080)
}

/// Datagrams: .111 is served by 1 here, .112 by nobody, .113 by 1 here after 3 elsewhere, .114 by nobody after 1 here.
fn datagrams() -> Scene {
    scene()
        .service(11, 7, "10.0.0.111", 53, &[(1, 1, 5353)])
        .udp()
        .eip("203.0.113.11")
        .service(12, 7, "10.0.0.112", 53, &[])
        .udp()
        .service(13, 7, "10.0.0.113", 53, &[(1, 1, 5353)])
        .udp()
        .former(&[(3, 2)])
        .service(14, 7, "10.0.0.114", 53, &[])
        .udp()
        .former(&[(1, 1)])
        .draining(1, 5353)
}

/// The same for instance 2 or 3, with a hop number.
fn hop_to(instance: u32, hop: u8, from_edge: bool, src: &str, dst: &str) -> TestFrame {
    TestFrame::syn(src, dst).flags(ACK).macs(instance_mac(instance), tunnel_mac(hop, from_edge))
}

/// A frame of instance 1.
fn from_1(dst: &str) -> TestFrame {
    TestFrame::syn("10.0.0.11:40000", dst).macs(ROUTER_MAC, instance_mac(1))
}

/// The answer of instance 1, at its service's port, to a SYN.
fn answer_of_1(client: &str) -> TestFrame {
    TestFrame::syn("10.0.0.11:8080", client).flags(SYN_ACK).macs(ROUTER_MAC, instance_mac(1))
}

/// A datagram or ping of instance 1.
fn from_1_by(protocol: u8, dst: &str) -> TestFrame {
    TestFrame { protocol, ..from_1(dst).payload(b"question") }
}

/// A datagram or ping out of the tunnel for instance 1.
fn to_1_by(protocol: u8, src: &str, dst: &str) -> TestFrame {
    TestFrame { protocol, ..to_1(src, dst).payload(b"question") }
}

/// A frame out of the tunnel for instance 1.
fn to_1(src: &str, dst: &str) -> TestFrame {
    TestFrame::syn(src, dst).macs(instance_mac(1), tunnel_mac(0, false))
}

fn rule(direction: Direction, prefix: &str, ports: (u16, u16), allow: bool) -> FilterRule {
    FilterRule { direction, protocol: RuleProtocol::Tcp, prefix: parse_prefix(prefix), ports, allow }
}

fn run(engine: &mut dyn Engine, program: Program, frame: &[u8]) -> Seen {
    engine.run(program, frame).expect("the engine runs")
}

/// Expects a drop that moves exactly one counter and leaves the frame as it was.
fn dropped(engine: &mut dyn Engine, program: Program, frame: &[u8], outcome: Outcome) {
    let seen = run(engine, program, frame);
    assert_eq!(seen.outcome, outcome);
    assert_eq!(seen.frame, frame);
    let counted: Vec<_> = seen.counted.iter().filter(|(name, _)| **name != "balanced").collect();
    assert_eq!(counted, [(&outcome.name(), &1)]);
}

/// Source and destination address in a frame.
fn addresses(frame: &[u8]) -> (&[u8], &[u8]) {
    if frame[12..14] == [8, 0] { (&frame[26..30], &frame[30..34]) } else { (&frame[22..38], &frame[38..54]) }
}

/// Where a frame without IP options has its transport header.
fn plain_l4(frame: &[u8]) -> usize {
    if frame[12..14] == [8, 0] { 34 } else { 54 }
}

/// Expects an answer to `asked`, correct and sent back where that came from.
fn answers(engine: &mut dyn Engine, program: Program, asked: &[u8], outcome: Outcome) -> Vec<u8> {
    let seen = run(engine, program, asked);
    assert_eq!(seen.outcome, outcome);
    assert!(checksums_hold(&seen.frame), "checksums");
    assert_eq!((&seen.frame[..6], &seen.frame[6..12]), (&asked[6..12], &asked[..6]));
    let ((src, dst), (from, to)) = (addresses(&seen.frame), addresses(asked));
    assert_eq!((src, dst), (to, from));
    seen.frame
}

/// Expects a reset that the sender of `frame` accepts (RFC 9293, section 3.10.7.1).
fn resets(engine: &mut dyn Engine, program: Program, frame: &TestFrame, outcome: Outcome) {
    let answer = answers(engine, program, &frame.build(), outcome);
    let segment = &answer[plain_l4(&answer)..];
    assert_eq!(segment[..4], [frame.dst.port().to_be_bytes(), frame.src.port().to_be_bytes()].concat());
    let acknowledged = frame.flags & ACK != 0;
    let end =
        frame.seq + frame.payload.len() as u32 + u32::from(frame.flags & 2 != 0) + u32::from(frame.flags & 1);
    let (seq, ack, flags) = if acknowledged { (2, 0, RST) } else { (0, end, RST | ACK) };
    assert_eq!(segment[4..12], [u32::to_be_bytes(seq), u32::to_be_bytes(ack)].concat());
    assert_eq!((segment[13], segment.len()), (flags, 20));
}

/// Expects an ICMP message that says why `asked` does not arrive, and quotes it.
fn unreachable(
    engine: &mut dyn Engine,
    program: Program,
    asked: &[u8],
    outcome: Outcome,
    (v4, v6): ([u8; 2], [u8; 2]),
) -> Vec<u8> {
    let answer = answers(engine, program, asked, outcome);
    let l4 = plain_l4(&answer);
    assert_eq!(answer[l4..l4 + 2], if l4 == 34 { v4 } else { v6 });
    // The IP header and eight bytes.
    assert_eq!(answer[l4 + 8..], asked[14..l4 + 8]);
    answer
}

/// Type and code of port unreachable.
const PORT_UNREACHABLE: ([u8; 2], [u8; 2]) = ([3, 3], [1, 4]);
/// Type and code of "it does not fit".
const TOO_BIG: ([u8; 2], [u8; 2]) = ([3, 4], [2, 0]);

/// The same frame with the error of `kind` that its sender sends about `quoted`.
fn error(frame: &TestFrame, kind: ([u8; 2], [u8; 2]), quoted: &TestFrame, most: usize) -> Vec<u8> {
    frame.error(if frame.src.is_ipv4() { kind.0 } else { kind.1 }, quoted, most)
}

/// Expects that `sent`, an ICMP error, becomes `wanted`; the quoted packet's own checksum counts only as far as it is quoted.
fn error_becomes(
    engine: &mut dyn Engine,
    program: Program,
    sent: &[u8],
    outcome: Outcome,
    wanted: &[u8],
) -> Seen {
    let seen = run(engine, program, sent);
    assert_eq!(seen.outcome, outcome);
    assert!(checksums_hold(&seen.frame), "checksums");
    assert_eq!(seen.frame, wanted);
    assert_eq!(seen.counted.get("icmp_error"), Some(&1));
    seen
}

/// Expects what becomes of a frame: outcome, details, the frame as a builder.
fn becomes(
    engine: &mut dyn Engine,
    program: Program,
    frame: &TestFrame,
    outcome: Outcome,
    wanted: &TestFrame,
) -> Seen {
    let seen = run(engine, program, &frame.build());
    assert_eq!(seen.outcome, outcome);
    assert!(checksums_hold(&seen.frame), "checksums");
    assert_eq!(seen.frame, wanted.build());
    seen
}

cases! {
    a_packet_in_mid_flight_goes_on_to_who_had_the_row(changed()) |engine| {
        let packet = to_1("10.0.0.13:50000", "10.0.0.104:80").flags(ACK).payload(b"more");
        let wanted = packet.clone().macs(instance_mac(3), tunnel_mac(2, false));
        let seen = becomes(engine, Program::FromOverlay(7), &packet, Outcome::Tunnelled, &wanted);
        assert_eq!(seen.details, [u32::from_be_bytes([172, 16, 0, 2]), 7, 3, 2]);
        assert_eq!(seen.counted.into_iter().collect::<Vec<_>>(), [("second_chance", 1), ("tunnelled", 1)]);
        assert!(engine.flows().expect("flows").is_empty());
    };
    what_came_by_an_edge_says_so_when_it_goes_on(changed()) |engine| {
        let packet = hop_to(1, 0, true, "198.51.100.9:50000", "10.0.0.104:80");
        let wanted = packet.clone().macs(instance_mac(3), tunnel_mac(2, true));
        becomes(engine, Program::FromOverlay(7), &packet, Outcome::Tunnelled, &wanted);
    };
    without_second_chance_a_packet_in_mid_flight_is_adopted(changed().no_second_chance()) |engine| {
        let packet = hop_to(1, 0, false, "10.0.0.13:50000", "10.0.0.104:80");
        let wanted = TestFrame { dst: parse_endpoint("10.0.0.11:8080"), ..packet.clone() }.macs(instance_mac(1), ROUTER_MAC);
        let seen = becomes(engine, Program::FromOverlay(7), &packet, Outcome::Delivered, &wanted);
        assert_eq!(seen.counted.into_iter().collect::<Vec<_>>(), [("adopted", 1), ("delivered", 1)]);
    };
    a_syn_stays_where_its_row_sent_it(changed()) |engine| {
        let seen = run(engine, Program::FromOverlay(7), &to_1("10.0.0.13:50000", "10.0.0.104:80").build());
        assert_eq!((seen.outcome, seen.details[1]), (Outcome::Delivered, 1));
    };
    a_known_flow_stays(changed()) |engine| {
        run(engine, Program::FromOverlay(7), &to_1("10.0.0.13:50000", "10.0.0.104:80").build());
        run(engine, Program::FromInstance, &answer_of_1("10.0.0.13:50000").build());
        let seen = run(engine, Program::FromOverlay(7), &hop_to(1, 0, false, "10.0.0.13:50000", "10.0.0.104:80").build());
        assert_eq!(seen.counted.into_iter().collect::<Vec<_>>(), [("delivered", 1)]);
    };
    a_syn_that_was_not_answered_keeps_no_connection(changed()) |engine| {
        run(engine, Program::FromOverlay(7), &to_1("10.0.0.13:50000", "10.0.0.104:80").build());
        let packet = hop_to(1, 0, false, "10.0.0.13:50000", "10.0.0.104:80");
        let wanted = packet.clone().macs(instance_mac(3), tunnel_mac(2, false));
        becomes(engine, Program::FromOverlay(7), &packet, Outcome::Tunnelled, &wanted);
    };
    a_client_goes_on_with_the_member_whose_answer_it_acknowledges(changed()) |engine| {
        // Its SYN went to 3 first, and to 1 when it was sent again; both have answered.
        run(engine, Program::FromOverlay(7), &to_1("10.0.0.13:50000", "10.0.0.104:80").build());
        run(engine, Program::FromInstance, &answer_of_1("10.0.0.13:50000").seq(u32::MAX).build());
        let packet = hop_to(1, 0, false, "10.0.0.13:50000", "10.0.0.104:80");
        for other in [1, u32::MAX] {
            let packet = packet.clone().ack(other);
            let wanted = packet.clone().macs(instance_mac(3), tunnel_mac(2, false));
            becomes(engine, Program::FromOverlay(7), &packet, Outcome::Tunnelled, &wanted);
        }
        let seen = run(engine, Program::FromOverlay(7), &packet.clone().ack(0).build());
        assert_eq!((seen.outcome, seen.details[1]), (Outcome::Delivered, 1));
        // From now on it is established, and what the client acknowledges moves on.
        let seen = run(engine, Program::FromOverlay(7), &packet.ack(5_000).build());
        assert_eq!((seen.outcome, seen.details[1]), (Outcome::Delivered, 1));
    };
    a_port_used_again_is_another_connection_which_another_member_may_have(changed()) |engine| {
        let client = hop_to(1, 0, false, "10.0.0.13:50000", "10.0.0.104:80");
        let server = TestFrame::syn("10.0.0.11:8080", "10.0.0.13:50000").macs(ROUTER_MAC, instance_mac(1));
        run(engine, Program::FromOverlay(7), &client.clone().flags(2).seq(u32::MAX - 5).build());
        run(engine, Program::FromInstance, &server.clone().flags(SYN_ACK).build());
        run(engine, Program::FromOverlay(7), &client.clone().seq(u32::MAX - 4).payload(b"request").build());
        run(engine, Program::FromInstance, &server.clone().flags(FIN_ACK).build());
        run(engine, Program::FromOverlay(7), &client.clone().seq(2).flags(FIN_ACK).build());
        // Its last acknowledgement, and its FIN once more.
        for late in [client.clone().seq(3), client.clone().seq(2).flags(FIN_ACK)] {
            assert_eq!(run(engine, Program::FromOverlay(7), &late.build()).outcome, Outcome::Delivered);
        }
        let (record, _) = engine.flows().expect("flows").into_values().next().expect("a flow");
        assert_eq!((record.end, record.flags & FlowRecord::FLAG_END), (3, FlowRecord::FLAG_END));
        let later = client.seq(100_000);
        let wanted = later.clone().macs(instance_mac(3), tunnel_mac(2, false));
        becomes(engine, Program::FromOverlay(7), &later, Outcome::Tunnelled, &wanted);
    };
    after_a_reset_by_the_server_the_port_is_free_too(changed()) |engine| {
        let client = hop_to(1, 0, false, "10.0.0.13:50000", "10.0.0.104:80");
        let server = TestFrame::syn("10.0.0.11:8080", "10.0.0.13:50000").macs(ROUTER_MAC, instance_mac(1));
        run(engine, Program::FromOverlay(7), &client.clone().flags(2).build());
        // It acknowledges 2: refused.
        run(engine, Program::FromInstance, &server.flags(RST | ACK).build());
        assert_eq!(run(engine, Program::FromOverlay(7), &client.clone().seq(2).build()).outcome, Outcome::Delivered);
        assert_eq!(run(engine, Program::FromOverlay(7), &client.seq(3).build()).outcome, Outcome::Tunnelled);
    };
    a_final_hop_is_adopted(changed()) |engine| {
        let packet = hop_to(1, dnlb_abi::HOP_FINAL, false, "10.0.0.13:50000", "10.0.0.104:80");
        let seen = run(engine, Program::FromOverlay(7), &packet.build());
        assert_eq!(seen.counted.into_iter().collect::<Vec<_>>(), [("adopted", 1), ("delivered", 1)]);
    };
    when_nobody_is_left_the_current_member_adopts(changed()) |engine| {
        // Its only former member is here and does not know the flow.
        let packet = hop_to(1, 0, false, "10.0.0.13:50000", "10.0.0.105:80");
        let seen = run(engine, Program::FromOverlay(7), &packet.build());
        assert_eq!(seen.counted.into_iter().collect::<Vec<_>>(), [("adopted", 1), ("delivered", 1)]);
    };
    after_the_rows_chain_all_members_of_a_small_group_are_asked(changed()) |engine| {
        let packet = hop_to(1, 4, false, "10.0.0.13:50000", "10.0.0.104:80");
        let wanted = packet.clone().macs(instance_mac(3), tunnel_mac(5, false));
        let seen = becomes(engine, Program::FromOverlay(7), &packet, Outcome::Tunnelled, &wanted);
        assert_eq!(seen.counted.into_iter().collect::<Vec<_>>(), [("second_chance", 1), ("tunnelled", 1)]);
    };
    the_last_of_all_members_sends_the_packet_back_to_the_current_one(changed()) |engine| {
        let packet = hop_to(5, 5, false, "10.0.0.13:50000", "10.0.0.109:80");
        let wanted = packet.clone().macs(instance_mac(3), tunnel_mac(dnlb_abi::HOP_FINAL, false));
        let seen = becomes(engine, Program::FromOverlay(7), &packet, Outcome::Tunnelled, &wanted);
        assert_eq!(seen.counted.into_iter().collect::<Vec<_>>(), [("tunnelled", 1)]);
    };
    what_comes_for_an_instance_that_is_gone_goes_on_to_the_others(changed()) |engine| {
        let packet = hop_to(77, 0, false, "10.0.0.13:50000", "10.0.0.108:80");
        let wanted = packet.clone().macs(instance_mac(3), tunnel_mac(1, false));
        becomes(engine, Program::FromOverlay(7), &packet, Outcome::Tunnelled, &wanted);
        let syn = hop_to(77, 0, false, "10.0.0.13:50000", "10.0.0.108:80").flags(2);
        dropped(engine, Program::FromOverlay(7), &syn.build(), Outcome::DropUnknownInstance);
    };
    a_host_with_newer_rows_sends_on_what_an_older_one_sent(changed()) |engine| {
        let packet = hop_to(1, 0, false, "10.0.0.13:50000", "10.0.0.108:80");
        let wanted = packet.clone().macs(instance_mac(3), tunnel_mac(1, false));
        becomes(engine, Program::FromOverlay(7), &packet, Outcome::Tunnelled, &wanted);
    };
    a_draining_instance_of_the_same_host_keeps_its_flow(changed()) |engine| {
        // Its SYN came for instance 1 while that was a member, from a host with older rows.
        let syn = hop_to(1, 0, false, "10.0.0.13:50000", "10.0.0.115:80").flags(2);
        run(engine, Program::FromOverlay(7), &syn.build());
        run(engine, Program::FromInstance, &answer_of_1("10.0.0.13:50000").build());
        let packet = hop_to(2, 0, false, "10.0.0.13:50000", "10.0.0.115:80");
        let wanted = TestFrame { dst: parse_endpoint("10.0.0.11:8080"), ..packet.clone() }.macs(instance_mac(1), ROUTER_MAC);
        let seen = becomes(engine, Program::FromOverlay(7), &packet, Outcome::Delivered, &wanted);
        assert_eq!(seen.counted.into_iter().collect::<Vec<_>>(), [("delivered", 1), ("second_chance", 1)]);
    };
    a_frame_with_a_vlans_tag_is_for_the_vlans_own_device(scene()) |engine| {
        let plain = TestFrame::syn("198.51.100.9:4000", "203.0.113.1:80").build();
        let tagged = [&plain[..12], &[0x81, 0, 0, 100], &plain[12..]].concat();
        for program in [Program::Edge, Program::EdgeTc] {
            let seen = run(engine, program, &tagged);
            assert_eq!((seen.outcome, &seen.frame), (Outcome::Passed, &tagged));
            assert_eq!(run(engine, program, &plain).outcome, Outcome::Forwarded);
        }
    };
    a_former_member_here_that_does_not_know_the_flow_is_passed_over(changed()) |engine| {
        let packet = hop_to(1, 0, false, "10.0.0.13:50000", "10.0.0.106:80");
        let wanted = packet.clone().macs(instance_mac(3), tunnel_mac(3, false));
        becomes(engine, Program::FromOverlay(7), &packet, Outcome::Tunnelled, &wanted);
    };
    a_service_without_members_goes_on_with_the_flows_that_it_has(changed()) |engine| {
        let seen = run(engine, Program::FromInstance, &from_1("10.0.0.107:80").build());
        assert_eq!(seen.outcome, Outcome::ResetNoBackend);
        run(engine, Program::FromOverlay(7), &to_1("10.0.0.13:50000", "10.0.0.107:80").build());
        let seen = run(engine, Program::FromOverlay(7), &hop_to(1, 0, false, "10.0.0.13:50000", "10.0.0.107:80").build());
        assert_eq!(seen.counted.into_iter().collect::<Vec<_>>(), [("delivered", 1)]);
    };
    a_client_beside_the_new_member_reaches_the_former_one(changed()) |engine| {
        let packet = from_1("10.0.0.106:80").flags(ACK);
        let wanted = packet.clone().macs(instance_mac(3), tunnel_mac(3, false));
        becomes(engine, Program::FromInstance, &packet, Outcome::Tunnelled, &wanted);
    };
    a_flow_that_rules_no_longer_allow_stops_at_once_both_ways(scene()) |engine| {
        let client = to_1("10.0.0.13:50000", "10.0.0.103:80");
        let server = TestFrame::syn("10.0.0.11:8080", "10.0.0.13:50000").flags(ACK).macs(ROUTER_MAC, instance_mac(1));
        run(engine, Program::FromOverlay(7), &client.build());
        assert_eq!(run(engine, Program::FromInstance, &server.build()).outcome, Outcome::Tunnelled);
        let others = rule(Direction::In, "10.0.0.99/32", (1, 65_535), true);
        engine.change(scene().security(1, vec![others]).state()).expect("the scene changes");
        dropped(engine, Program::FromOverlay(7), &client.clone().flags(ACK).build(), Outcome::DropSecurityGroupIn);
        dropped(engine, Program::FromInstance, &server.build(), Outcome::DropSecurityGroupOut);
        let same = rule(Direction::In, "10.0.0.13/32", (8080, 8080), true);
        engine.change(scene().security(1, vec![same]).state()).expect("the scene changes");
        let seen = run(engine, Program::FromOverlay(7), &client.flags(ACK).build());
        assert_eq!(seen.outcome, Outcome::Delivered);
        assert_eq!(run(engine, Program::FromInstance, &server.build()).outcome, Outcome::Tunnelled);
    };
    what_goes_wrong_is_counted_for_its_service(changed().security(1, vec![])) |engine| {
        let mut of = |program, frame: &TestFrame| run(engine, program, &frame.build()).concerned.into_keys().collect::<Vec<_>>();
        // Before anybody was chosen it is the service's alone.
        assert_eq!(of(Program::FromInstance, &from_1("10.0.0.13:80")), []);
        assert_eq!(of(Program::FromOverlay(7), &to_1("10.0.0.13:1", "10.0.0.101:80")), [(2, 0, "drop_not_a_target")]);
        for program in [Program::Edge, Program::EdgeTc] {
            let outside = |dst| TestFrame::syn("198.51.100.9:4000", dst);
            assert_eq!(of(program, &outside("203.0.113.3:80")), [(3, 0, "reset_no_backend")]);
            assert_eq!(of(program, &outside("203.0.113.3:80").flags(RST)), [(3, 0, "drop_no_backend")]);
            // Of no service, also after one.
            assert_eq!(of(program, &outside("203.0.113.3:81")), []);
            assert_eq!(of(program, &outside("203.0.113.1:80")), [], "forwarded");
        }
        let denied = to_1("10.0.0.13:50000", "10.0.0.103:80");
        assert_eq!(of(Program::FromOverlay(7), &denied), [(4, 1, "drop_security_group_in")]);
        let late = hop_to(1, 0, false, "10.0.0.13:50000", "10.0.0.104:80");
        assert_eq!(of(Program::FromOverlay(7), &late), [(5, 1, "second_chance")]);
        assert_eq!(of(Program::FromOverlay(7), &to_1("10.0.0.13:1", "10.0.0.99:80")), []);
    };
    a_second_chance_of_what_came_for_somebody_who_is_gone_is_its_services_alone(changed()) |engine| {
        let packet = hop_to(77, 0, false, "10.0.0.13:50000", "10.0.0.104:80");
        let seen = run(engine, Program::FromOverlay(7), &packet.build());
        assert_eq!(seen.concerned, [((5, 0, "second_chance"), 1)].into());
    };
    replies_that_the_acl_denies_are_counted_for_their_service(scene().acl(1, vec![
        rule(Direction::In, "10.9.1.0/24", (8080, 8080), true),
    ])) |engine| {
        let client = to_1("10.9.1.1:50001", "10.0.0.103:80");
        assert_eq!(run(engine, Program::FromOverlay(7), &client.build()).outcome, Outcome::Delivered);
        let reply = TestFrame::syn("10.0.0.11:8080", "10.9.1.1:50001").flags(SYN_ACK).macs(ROUTER_MAC, instance_mac(1));
        let seen = run(engine, Program::FromInstance, &reply.build());
        assert_eq!((seen.outcome, seen.concerned), (Outcome::DropAclOut, [((4, 1, "drop_acl_out"), 1)].into()));
        // Its own call is no service's.
        let call = run(engine, Program::FromInstance, &from_1("10.9.1.1:80").build());
        assert_eq!((call.outcome, call.concerned), (Outcome::DropAclOut, [].into()));
    };
    icmp_errors_that_rules_deny_are_counted_for_the_service_of_their_flow(scene()) |engine| {
        let syn = to_1("10.0.0.13:50000", "10.0.0.103:80").payload(b"data");
        run(engine, Program::FromOverlay(7), &syn.build());
        engine.change(scene().security(1, vec![]).state()).expect("the scene changes");
        let seen = TestFrame { dst: parse_endpoint("10.0.0.11:8080"), ..syn };
        let member = TestFrame::syn("10.0.0.11:0", "10.0.0.13:0").macs(ROUTER_MAC, instance_mac(1));
        let seen = run(engine, Program::FromInstance, &error(&member, PORT_UNREACHABLE, &seen, 8));
        assert_eq!(seen.concerned, [((4, 1, "drop_security_group_out"), 1)].into());
        let answer = TestFrame::syn("10.0.0.103:80", "10.0.0.13:50000").flags(SYN_ACK);
        let router = TestFrame::syn("10.0.0.13:0", "10.0.0.103:0").macs(instance_mac(1), tunnel_mac(0, false));
        let seen = run(engine, Program::FromOverlay(7), &error(&router, TOO_BIG, &answer, 8));
        assert_eq!(seen.concerned, [((4, 1, "drop_security_group_in"), 1)].into());
        // About an answer of an elastic IP behind which nobody serves any more.
        let answer = TestFrame::syn("203.0.113.3:80", "198.51.100.9:50000").flags(SYN_ACK);
        let router = TestFrame::syn("192.0.2.1:0", "203.0.113.3:0");
        let seen = run(engine, Program::Edge, &error(&router, TOO_BIG, &answer, 8));
        assert_eq!(seen.concerned, [((3, 0, "drop_no_backend"), 1)].into());
    };
    replies_that_rules_no_longer_allow_are_counted_for_their_service(scene()) |engine| {
        let server = TestFrame::syn("10.0.0.11:8080", "10.0.0.13:50000").flags(ACK).macs(ROUTER_MAC, instance_mac(1));
        let served = run(engine, Program::FromOverlay(7), &to_1("10.0.0.13:50000", "10.0.0.103:80").build());
        assert_eq!((served.outcome, served.concerned.len()), (Outcome::Delivered, 0));
        engine.change(scene().security(1, vec![]).state()).expect("the scene changes");
        for packets in 1..=3 {
            let seen = run(engine, Program::FromInstance, &server.build());
            assert_eq!(seen.concerned, [((4, 1, "drop_security_group_out"), 1)].into(), "{packets}");
        }
    };
    a_flow_of_its_own_that_rules_no_longer_allow_stops_at_once(scene()) |engine| {
        run(engine, Program::FromInstance, &from_1("10.0.0.13:22").build());
        let reply = to_1("10.0.0.13:22", "10.0.0.11:40000").flags(SYN_ACK);
        engine.change(scene().security(1, vec![rule(Direction::Out, "10.0.0.13/32", (23, 23), true)]).state()).expect("the scene changes");
        dropped(engine, Program::FromInstance, &from_1("10.0.0.13:22").flags(ACK).build(), Outcome::DropSecurityGroupOut);
        dropped(engine, Program::FromOverlay(7), &reply.build(), Outcome::DropSecurityGroupIn);
    };
    an_instance_calls_its_own_vip(scene()) |engine| {
        let syn = from_1("10.0.0.103:80");
        let wanted = TestFrame { src: parse_endpoint("10.0.0.103:40000"), dst: parse_endpoint("10.0.0.11:8080"), ..syn.clone() }
            .macs(instance_mac(1), ROUTER_MAC);
        becomes(engine, Program::FromInstance, &syn, Outcome::Delivered, &wanted);
        let reply = TestFrame::syn("10.0.0.11:8080", "10.0.0.103:40000").flags(SYN_ACK).macs(ROUTER_MAC, instance_mac(1));
        let wanted = TestFrame { src: parse_endpoint("10.0.0.103:80"), dst: parse_endpoint("10.0.0.11:40000"), ..reply.clone() }
            .macs(instance_mac(1), ROUTER_MAC);
        becomes(engine, Program::FromInstance, &reply, Outcome::Delivered, &wanted);
        run(engine, Program::FromInstance, &syn.flags(ACK).build());
        let flows = engine.flows().expect("flows");
        assert_eq!(flows.len(), 2);
        assert!(flows.values().all(|(_, established)| *established), "{flows:?}");
    };
    a_syn_to_a_vip_with_its_member_here_is_delivered_at_the_members_port(scene()) |engine| {
        let syn = from_1("10.0.0.100:80");
        let wanted = TestFrame { dst: parse_endpoint("10.0.0.12:8080"), ..syn.clone() }.macs(instance_mac(2), ROUTER_MAC);
        let seen = becomes(engine, Program::FromInstance, &syn, Outcome::Delivered, &wanted);
        assert_eq!(seen.details[1], 2);
        assert_eq!(seen.counted.into_iter().collect::<Vec<_>>(), [("balanced", 1), ("delivered", 1)]);
    };
    a_syn_to_a_vip_with_its_member_elsewhere_is_tunnelled_unchanged(scene()) |engine| {
        let syn = from_1("10.0.0.101:80").payload(b"hello");
        let wanted = syn.clone().macs(instance_mac(3), tunnel_mac(0, false));
        let seen = becomes(engine, Program::FromInstance, &syn, Outcome::Tunnelled, &wanted);
        assert_eq!(seen.details, [u32::from_be_bytes([172, 16, 0, 2]), 7, 3, 0]);
    };
    a_tunnelled_syn_to_the_vip_is_delivered_and_its_reply_leaves_as_the_vip(scene()) |engine| {
        let syn = to_1("10.0.0.13:50000", "10.0.0.103:80");
        let wanted = TestFrame { dst: parse_endpoint("10.0.0.11:8080"), ..syn.clone() }.macs(instance_mac(1), ROUTER_MAC);
        becomes(engine, Program::FromOverlay(7), &syn, Outcome::Delivered, &wanted);
        let reply = TestFrame::syn("10.0.0.11:8080", "10.0.0.13:50000").flags(SYN_ACK).macs(ROUTER_MAC, instance_mac(1));
        let wanted = TestFrame { src: parse_endpoint("10.0.0.103:80"), ..reply.clone() }.macs(instance_mac(3), tunnel_mac(0, false));
        let seen = becomes(engine, Program::FromInstance, &reply, Outcome::Tunnelled, &wanted);
        assert_eq!(seen.counted.into_iter().collect::<Vec<_>>(), [("tunnelled", 1)]);
    };
    a_flow_is_promoted_by_its_openers_second_packet(scene()) |engine| {
        let client = to_1("10.0.0.13:50000", "10.0.0.103:80");
        let server = TestFrame::syn("10.0.0.11:8080", "10.0.0.13:50000").macs(ROUTER_MAC, instance_mac(1));
        run(engine, Program::FromOverlay(7), &client.build());
        run(engine, Program::FromInstance, &server.clone().flags(SYN_ACK).build());
        assert!(engine.flows().expect("flows").values().all(|(_, established)| !established));
        run(engine, Program::FromOverlay(7), &client.flags(ACK).build());
        let flows = engine.flows().expect("flows");
        let (record, established) = flows.values().next().expect("a flow");
        assert!(established);
        assert_eq!((record.packets_in, record.packets_out), (2, 1));
        assert_eq!(record.flags, FlowRecord::FLAG_TRANSLATED | FlowRecord::FLAG_ANSWERED);
    };
    a_flow_from_outside_is_answered_by_the_uplink(scene()) |engine| {
        // Also when the client's address is one of the VPC's: the edge marked it.
        let scene_client = "10.0.0.13:50000";
        let syn = to_1(scene_client, "10.0.0.103:80").macs(instance_mac(1), tunnel_mac(0, true));
        run(engine, Program::FromOverlay(7), &syn.build());
        let reply = TestFrame::syn("10.0.0.11:8080", scene_client).flags(SYN_ACK).macs(ROUTER_MAC, instance_mac(1));
        let wanted = TestFrame { src: parse_endpoint("10.0.0.103:80"), ..reply.clone() };
        becomes(engine, Program::FromInstance, &reply, Outcome::RepliedOutside, &wanted);
    };
    instances_of_a_vpc_reach_each_other(scene()) |engine| {
        let syn = from_1("10.0.0.13:22");
        let wanted = syn.clone().macs(instance_mac(3), tunnel_mac(0, false));
        becomes(engine, Program::FromInstance, &syn, Outcome::Tunnelled, &wanted);
        let syn = from_1("10.0.0.12:22");
        becomes(engine, Program::FromInstance, &syn, Outcome::Delivered, &syn.clone().macs(instance_mac(2), ROUTER_MAC));
    };
    another_vpcs_address_has_no_route(scene()) |engine| {
        dropped(engine, Program::FromInstance, &from_1("10.0.0.14:22").build(), Outcome::DropNoRoute);
    };
    what_a_stranger_sends_through_the_tunnel_is_dropped(scene()) |engine| {
        let syn = to_1("10.0.0.13:50000", "10.0.0.103:80");
        dropped(engine, Program::FromStranger(7), &syn.build(), Outcome::DropForeignTunnel);
        assert_eq!(run(engine, Program::FromOverlay(7), &syn.build()).outcome, Outcome::Delivered);
    };
    a_packet_with_another_vpcs_vni_is_not_delivered(scene()) |engine| {
        dropped(engine, Program::FromOverlay(8), &to_1("10.0.0.14:1", "10.0.0.11:2").build(), Outcome::DropWrongVpc);
    };
    a_mac_of_nobody_here_is_counted(scene()) |engine| {
        let frame = to_1("10.0.0.13:1", "10.0.0.11:2").macs(instance_mac(3), tunnel_mac(0, false));
        dropped(engine, Program::FromOverlay(7), &frame.build(), Outcome::DropUnknownInstance);
    };
    a_foreign_source_address_is_spoofed(scene()) |engine| {
        let frame = TestFrame::syn("10.0.0.12:1", "10.0.0.13:2").macs(ROUTER_MAC, instance_mac(1));
        dropped(engine, Program::FromInstance, &frame.build(), Outcome::DropSpoofed);
    };
    a_foreign_source_mac_is_spoofed(scene()) |engine| {
        let frame = from_1("10.0.0.13:2").macs(ROUTER_MAC, instance_mac(2));
        dropped(engine, Program::FromInstance, &frame.build(), Outcome::DropSpoofed);
    };
    an_interface_without_instance_is_counted(Scene::new()) |engine| {
        dropped(engine, Program::FromInstance, &from_1("10.0.0.13:2").build(), Outcome::DropUnknownPort);
    };
    a_listener_without_members_resets(scene()) |engine| {
        resets(engine, Program::FromInstance, &from_1("10.0.0.102:80"), Outcome::ResetNoBackend);
        assert!(engine.flows().expect("flows").is_empty());
    };
    a_backend_service_may_be_silent_without_members(scene().service(5, 7, "10.0.0.104", 80, &[]).silent().eip("203.0.113.5")) |engine| {
        dropped(engine, Program::FromInstance, &from_1("10.0.0.104:80").build(), Outcome::DropNoBackend);
        let outside = TestFrame::syn("198.51.100.9:1", "203.0.113.5:80").build();
        dropped(engine, Program::Edge, &outside, Outcome::DropNoBackend);
    };
    a_vip_resets_where_it_has_no_listener(scene()) |engine| {
        let syn = TestFrame { options: vec![1; 8], ..from_1("10.0.0.100:81").payload(b"fast open") };
        resets(engine, Program::FromInstance, &syn, Outcome::ResetNoListener);
        resets(engine, Program::FromInstance, &from_1("10.0.0.100:81").flags(ACK), Outcome::ResetNoListener);
        resets(engine, Program::FromInstance, &from_1("10.0.0.100:81").flags(FIN_ACK), Outcome::ResetNoListener);
        let reset = from_1("10.0.0.100:81").flags(RST).build();
        dropped(engine, Program::FromInstance, &reset, Outcome::DropNoListener);
        dropped(engine, Program::FromInstance, &from_1("10.0.0.99:81").build(), Outcome::DropNoRoute);
    };
    an_address_without_any_listener_answers_all_the_same(scene().idle(7, "10.0.0.105", "203.0.113.5")) |engine| {
        resets(engine, Program::FromInstance, &from_1("10.0.0.105:80"), Outcome::ResetNoListener);
        resets(engine, Program::FromInstance, &from_1("203.0.113.5:80"), Outcome::ResetNoListener);
        resets(engine, Program::Edge, &TestFrame::syn("198.51.100.9:1", "203.0.113.5:80"), Outcome::ResetNoListener);
        let question = from_1_by(17, "10.0.0.105:53").build();
        unreachable(engine, Program::FromInstance, &question, Outcome::UnreachableNoListener, PORT_UNREACHABLE);
        let ping = TestFrame::ping("198.51.100.9:77", "203.0.113.5:77");
        let wanted = TestFrame { echo_reply: true, ..ping.clone() }.turned().macs([2, 0, 0, 0, 0, 1], ROUTER_MAC);
        becomes(engine, Program::Edge, &ping, Outcome::EchoReply, &wanted);
    };
    a_vip_answers_only_whom_the_rules_let_call_it(scene().security(1, vec![rule(Direction::Out, "10.0.0.100/32", (80, 80), true)])) |engine| {
        dropped(engine, Program::FromInstance, &from_1("10.0.0.100:81").build(), Outcome::DropSecurityGroupOut);
        dropped(engine, Program::FromInstance, &from_1_by(17, "10.0.0.100:81").build(), Outcome::DropSecurityGroupOut);
        dropped(engine, Program::FromInstance, &from_1_by(1, "10.0.0.100:0").build(), Outcome::DropSecurityGroupOut);
    };
    a_vip_tells_datagrams_where_it_has_no_listener(datagrams()) |engine| {
        for (dst, outcome) in [
            ("10.0.0.100:53", Outcome::UnreachableNoListener),
            ("10.0.0.112:53", Outcome::UnreachableNoBackend),
        ] {
            let frame = from_1_by(17, dst).build();
            unreachable(engine, Program::FromInstance, &frame, outcome, PORT_UNREACHABLE);
        }
        let with_options = TestFrame { options: vec![1; 4], ..from_1_by(17, "10.0.0.100:53") }.build();
        dropped(engine, Program::FromInstance, &with_options, Outcome::DropNoListener);
    };
    a_vip_answers_pings(scene()) |engine| {
        let ping = from_1_by(1, "10.0.0.100:0");
        let wanted = TestFrame { echo_reply: true, src: ping.dst, dst: ping.src, ..ping.clone() };
        let wanted = TestFrame { src: std::net::SocketAddr::new(ping.dst.ip(), ping.src.port()), ..wanted };
        becomes(engine, Program::FromInstance, &ping, Outcome::EchoReply, &wanted.macs(instance_mac(1), ROUTER_MAC));
        let reply = TestFrame { echo_reply: true, ..ping };
        dropped(engine, Program::FromInstance, &reply.build(), Outcome::DropNoListener);
    };
    instances_of_a_vpc_ping_each_other(scene()) |engine| {
        let ping = TestFrame { src: parse_endpoint("10.0.0.13:7"), ..to_1("10.0.0.13:7", "10.0.0.11:7") };
        let ping = TestFrame { protocol: 1, ..ping };
        becomes(engine, Program::FromOverlay(7), &ping, Outcome::Delivered, &ping.clone().macs(instance_mac(1), ROUTER_MAC));
        let reply = TestFrame { echo_reply: true, ..from_1_by(1, "10.0.0.13:7") };
        let reply = TestFrame { src: parse_endpoint("10.0.0.11:7"), ..reply };
        becomes(engine, Program::FromInstance, &reply, Outcome::Tunnelled, &reply.clone().macs(instance_mac(3), tunnel_mac(0, false)));
        let stray = TestFrame { src: parse_endpoint("10.0.0.11:8"), ..reply };
        dropped(engine, Program::FromInstance, &stray.build(), Outcome::DropNoFlow);
    };
    rules_for_icmp_mean_no_ports(scene().security(1, vec![FilterRule {
        protocol: RuleProtocol::Icmp, ..rule(Direction::In, "10.0.0.13/32", (0, 0), true)
    }])) |engine| {
        let ping = TestFrame { protocol: 1, ..to_1("10.0.0.13:7", "10.0.0.11:7") };
        assert_eq!(run(engine, Program::FromOverlay(7), &ping.build()).outcome, Outcome::Delivered);
        let other = TestFrame { src: parse_endpoint("10.0.0.15:7"), ..ping };
        dropped(engine, Program::FromOverlay(7), &other.build(), Outcome::DropSecurityGroupIn);
    };
    other_icmp_messages_are_counted(scene()) |engine| {
        let frame = from_1_by(1, "10.0.0.13:7");
        let at = frame.l4_offset();
        let mut frame = frame.build();
        frame[at] = 13;
        dropped(engine, Program::FromInstance, &frame, Outcome::DropProtocol);
    };
    a_datagram_is_balanced_and_its_answer_comes_from_the_vip(datagrams()) |engine| {
        let question = to_1_by(17, "10.0.0.13:50000", "10.0.0.111:53");
        let wanted = TestFrame { dst: parse_endpoint("10.0.0.11:5353"), ..question.clone() }.macs(instance_mac(1), ROUTER_MAC);
        let seen = becomes(engine, Program::FromOverlay(7), &question, Outcome::Delivered, &wanted);
        assert_eq!(seen.counted.into_iter().collect::<Vec<_>>(), [("delivered", 1)]);
        let answer = TestFrame { src: parse_endpoint("10.0.0.11:5353"), ..from_1_by(17, "10.0.0.13:50000") };
        let wanted = TestFrame { src: parse_endpoint("10.0.0.111:53"), ..answer.clone() }.macs(instance_mac(3), tunnel_mac(0, false));
        becomes(engine, Program::FromInstance, &answer, Outcome::Tunnelled, &wanted);
        run(engine, Program::FromOverlay(7), &question.build());
        let flows = engine.flows().expect("flows");
        let (record, established) = flows.values().next().expect("a flow");
        assert!(established);
        assert_eq!((record.packets_in, record.packets_out), (2, 1));
    };
    an_answer_without_record_is_never_sent(datagrams()) |engine| {
        let answer = TestFrame { src: parse_endpoint("10.0.0.11:5353"), ..from_1_by(17, "10.0.0.13:50000") };
        dropped(engine, Program::FromInstance, &answer.build(), Outcome::DropNoFlow);
        let question = from_1_by(17, "10.0.0.13:53");
        assert_eq!(run(engine, Program::FromInstance, &question.build()).outcome, Outcome::Tunnelled);
    };
    a_datagram_of_a_moved_row_goes_on_and_comes_back_when_nobody_knows_it(datagrams()) |engine| {
        let question = to_1_by(17, "10.0.0.13:50000", "10.0.0.113:53");
        let wanted = question.clone().macs(instance_mac(3), tunnel_mac(2, false));
        becomes(engine, Program::FromOverlay(7), &question, Outcome::Tunnelled, &wanted);
        let last = question.clone().macs(instance_mac(1), tunnel_mac(dnlb_abi::HOP_FINAL, false));
        let seen = run(engine, Program::FromOverlay(7), &last.build());
        assert_eq!(seen.counted.into_iter().collect::<Vec<_>>(), [("delivered", 1)]);
        let seen = run(engine, Program::FromOverlay(7), &question.build());
        assert_eq!(seen.counted.into_iter().collect::<Vec<_>>(), [("delivered", 1)]);
    };
    a_datagram_of_a_row_that_never_moved_stays(datagrams().service(15, 7, "10.0.0.115", 53, &[(1, 1, 5353)]).udp().other(3, 2)) |engine| {
        let question = to_1_by(17, "10.0.0.13:50000", "10.0.0.115:53");
        assert_eq!(run(engine, Program::FromOverlay(7), &question.build()).outcome, Outcome::Delivered);
    };
    a_datagram_goes_on_when_the_row_may_have_moved_before_anybody_remembers(
        (0..15).fold(
            datagrams().service(15, 7, "10.0.0.115", 53, &[(1, 1, 5353)]).udp().other(3, 2),
            |scene, _| scene.former(&[(1, 1)]),
        )
    ) |engine| {
        let question = to_1_by(17, "10.0.0.13:50000", "10.0.0.115:53");
        let wanted = question.clone().macs(instance_mac(3), tunnel_mac(5, false));
        becomes(engine, Program::FromOverlay(7), &question, Outcome::Tunnelled, &wanted);
    };
    a_service_without_members_takes_no_new_datagrams(datagrams()) |engine| {
        let question = to_1_by(17, "10.0.0.13:50000", "10.0.0.114:53");
        dropped(engine, Program::FromOverlay(7), &question.build(), Outcome::DropNoBackend);
    };
    a_short_datagram_is_malformed(datagrams()) |engine| {
        for len in [7, 17] {
            let mut frame = from_1_by(17, "10.0.0.111:53").build();
            let at = plain_l4(&frame) + 5;
            frame[at] = len;
            dropped(engine, Program::FromInstance, &frame, Outcome::DropMalformed);
        }
    };
    a_tunnelled_packet_to_an_unknown_vip_is_counted(scene()) |engine| {
        dropped(engine, Program::FromOverlay(7), &to_1("10.0.0.13:1", "10.0.0.99:80").build(), Outcome::DropNoListener);
    };
    a_tunnelled_packet_for_another_instances_service_is_counted(scene()) |engine| {
        dropped(engine, Program::FromOverlay(7), &to_1("10.0.0.13:1", "10.0.0.101:80").build(), Outcome::DropNotATarget);
    };
    a_member_without_link_is_counted(scene().unlinked(2)) |engine| {
        dropped(engine, Program::FromInstance, &from_1("10.0.0.100:80").build(), Outcome::DropUnknownInstance);
    };
    a_later_fragment_goes_as_its_first_one_went(datagrams()) |engine| {
        let whole = to_1_by(17, "10.0.0.13:50000", "10.0.0.111:53");
        // More fragments; then the offset of 16 bytes.
        let first = TestFrame { fragment: 0x2000, ..whole.clone() };
        let later = TestFrame { fragment: 0x0002, ..whole.clone() };
        dropped(engine, Program::FromOverlay(7), &later.build(), Outcome::DropFragment);
        let delivered = |frame: &TestFrame| {
            TestFrame { dst: parse_endpoint("10.0.0.11:5353"), ..frame.clone() }.macs(instance_mac(1), ROUTER_MAC)
        };
        assert_eq!(run(engine, Program::FromOverlay(7), &first.build()).frame, delivered(&first).build());
        assert_eq!(run(engine, Program::FromOverlay(7), &later.build()).frame, delivered(&later).build());
        assert_eq!(engine.flows().expect("flows").len(), 1);
    };
    fragments_of_an_instance_are_balanced_together(datagrams()) |engine| {
        let first = TestFrame { fragment: 0x2000, ..from_1_by(17, "10.0.0.113:53") };
        let later = TestFrame { fragment: 0x0002, ..first.clone() };
        dropped(engine, Program::FromInstance, &later.build(), Outcome::DropFragment);
        let went = run(engine, Program::FromInstance, &first.build());
        let goes = run(engine, Program::FromInstance, &later.build());
        assert_eq!((goes.outcome, goes.details), (went.outcome, went.details));
    };
    fragments_of_pings_go_together(scene()) |engine| {
        let first = TestFrame { fragment: 0x2000, ..from_1_by(1, "10.0.0.12:7") };
        let later = TestFrame { fragment: 0x0002, ..first.clone() };
        assert_eq!(run(engine, Program::FromInstance, &first.build()).outcome, Outcome::Delivered);
        becomes(engine, Program::FromInstance, &later, Outcome::Delivered, &later.clone().macs(instance_mac(2), ROUTER_MAC));
    };
    an_edge_balances_fragments_together(datagrams()) |engine| {
        let first = TestFrame { fragment: 0x2000, ..TestFrame::datagram("198.51.100.9:1234", "203.0.113.11:53") };
        let later = TestFrame { fragment: 0x0002, ..first.clone() };
        dropped(engine, Program::Edge, &later.build(), Outcome::DropFragment);
        let went = run(engine, Program::Edge, &first.build());
        let goes = run(engine, Program::Edge, &later.build());
        assert_eq!((goes.outcome, goes.details), (Outcome::Forwarded, went.details));
        assert_eq!(goes.frame[62..], later.build()[12..]);
        let foreign = TestFrame { dst: parse_endpoint("203.0.113.2:53"), ..later };
        assert_eq!(run(engine, Program::Edge, &foreign.build()).outcome, Outcome::Passed);
    };
    health_checks_are_never_fragments(scene()) |engine| {
        let check = TestFrame { fragment: 0x2000, ..TestFrame::datagram("169.254.169.110:3", "240.0.0.1:8080") };
        dropped(engine, Program::Probe, &check.build(), Outcome::DropFragment);
    };
    other_protocols_are_counted(scene()) |engine| {
        let frame = TestFrame { protocol: 132, ..from_1("10.0.0.13:2") };
        dropped(engine, Program::FromInstance, &frame.build(), Outcome::DropProtocol);
    };
    other_ethertypes_are_counted(scene()) |engine| {
        let mut frame = from_1("10.0.0.13:2").build();
        frame[12] = 0x88;
        dropped(engine, Program::FromInstance, &frame, Outcome::DropEthertype);
    };
    a_total_length_beyond_the_frame_is_malformed(scene()) |engine| {
        let mut frame = from_1("10.0.0.13:2").build();
        let low = if plain_l4(&frame) == 34 { 17 } else { 19 };
        frame[low] += 1;
        dropped(engine, Program::FromInstance, &frame, Outcome::DropMalformed);
    };
    a_tcp_header_longer_than_the_packet_is_malformed(scene()) |engine| {
        let mut frame = from_1("10.0.0.13:2").build();
        let at = plain_l4(&frame) + 12;
        frame[at] = 0xf0;
        dropped(engine, Program::FromInstance, &frame, Outcome::DropMalformed);
    };
    ip_options_are_carried(scene()) |engine| {
        let syn = TestFrame { options: vec![1; 40], ..from_1("10.0.0.100:80") };
        let wanted = TestFrame { dst: parse_endpoint("10.0.0.12:8080"), ..syn.clone() }.macs(instance_mac(2), ROUTER_MAC);
        becomes(engine, Program::FromInstance, &syn, Outcome::Delivered, &wanted);
    };
    a_reply_without_record_is_never_sent(scene()) |engine| {
        let reply = from_1("10.0.0.13:50000").flags(SYN_ACK);
        dropped(engine, Program::FromInstance, &reply.build(), Outcome::DropNoFlow);
        dropped(engine, Program::FromInstance, &reply.flags(ACK).build(), Outcome::DropNoFlow);
        assert!(engine.flows().expect("flows").is_empty());
    };
    a_lost_record_is_adopted_at_the_clients_next_packet(scene()) |engine| {
        let data = to_1("10.0.0.13:50000", "10.0.0.103:80").flags(ACK).payload(b"x");
        let seen = run(engine, Program::FromOverlay(7), &data.build());
        assert_eq!(seen.counted.into_iter().collect::<Vec<_>>(), [("adopted", 1), ("delivered", 1)]);
        let flows = engine.flows().expect("flows");
        let (record, established) = flows.values().next().expect("a flow");
        assert!(!established && record.flags & FlowRecord::FLAG_ADOPTED != 0);
    };
    a_client_in_mid_flight_to_a_vip_is_adopted(scene()) |engine| {
        let seen = run(engine, Program::FromInstance, &from_1("10.0.0.101:80").flags(ACK).build());
        assert_eq!(seen.outcome, Outcome::Tunnelled);
        assert_eq!(seen.counted["adopted"], 1);
    };
    late_packets_and_resets_create_nothing(scene()) |engine| {
        for flags in [RST, SYN_ACK, RST | ACK] {
            let frame = to_1("10.0.0.13:50000", "10.0.0.103:80").flags(flags).build();
            dropped(engine, Program::FromOverlay(7), &frame, Outcome::DropNoFlow);
        }
        assert!(engine.flows().expect("flows").is_empty());
    };
    two_vips_with_one_client_socket_are_told_apart(scene().service(5, 7, "10.0.0.104", 80, &[(1, 1, 8080)])) |engine| {
        let port_of = |frame: &[u8]| u16::from_be_bytes([frame[plain_l4(frame)], frame[plain_l4(frame) + 1]]);
        let establish = |engine: &mut dyn Engine, client: &TestFrame| {
            let seen = run(engine, Program::FromOverlay(7), &client.clone().flags(2).build());
            assert_eq!(seen.outcome, Outcome::Delivered);
            let port = port_of(&seen.frame);
            let server = TestFrame::syn("10.0.0.11:8080", &format!("10.0.0.13:{port}")).macs(ROUTER_MAC, instance_mac(1));
            let wanted = client.clone().turned().macs(instance_mac(3), tunnel_mac(0, false));
            let wanted = TestFrame { flags: SYN_ACK, seq: 1, ..wanted };
            becomes(engine, Program::FromInstance, &server.flags(SYN_ACK), Outcome::Tunnelled, &wanted);
            run(engine, Program::FromOverlay(7), &client.clone().flags(ACK).build());
            port
        };
        let first = to_1("10.0.0.13:50000", "10.0.0.103:80");
        assert_eq!(establish(engine, &first), 50_000);
        // The same socket by another VIP: the instance sees another port, and the client its own again.
        let second = to_1("10.0.0.13:50000", "10.0.0.104:80");
        let port = establish(engine, &second);
        assert_ne!(port, 50_000);
        let flows = engine.flows().expect("flows");
        assert!(flows.len() == 2 && flows.values().all(|(_, established)| *established), "{flows:?}");
        // It stays so while the first one's record goes.
        let seen = run(engine, Program::FromOverlay(7), &second.clone().flags(ACK).build());
        assert_eq!(port_of(&seen.frame), port);
        let seen = run(engine, Program::FromOverlay(7), &first.flags(ACK).build());
        assert_eq!(port_of(&seen.frame), 50_000);
        assert_eq!(engine.flows().expect("flows").len(), 2);
    };
    a_datagram_by_another_vip_is_told_apart_too(datagrams().service(15, 7, "10.0.0.115", 53, &[(1, 1, 5353)]).udp()) |engine| {
        let first = to_1_by(17, "10.0.0.13:50000", "10.0.0.111:53");
        let second = to_1_by(17, "10.0.0.13:50000", "10.0.0.115:53");
        run(engine, Program::FromOverlay(7), &first.build());
        let answer = TestFrame { src: parse_endpoint("10.0.0.11:5353"), ..from_1_by(17, "10.0.0.13:50000") };
        run(engine, Program::FromInstance, &answer.build());
        run(engine, Program::FromOverlay(7), &first.build());
        let seen = run(engine, Program::FromOverlay(7), &second.build());
        assert_eq!(seen.outcome, Outcome::Delivered);
        let at = plain_l4(&seen.frame);
        let port = u16::from_be_bytes([seen.frame[at], seen.frame[at + 1]]);
        assert_ne!(port, 50_000);
        assert!(checksums_hold(&seen.frame), "checksums");
        let answer = TestFrame { src: parse_endpoint("10.0.0.11:5353"), ..from_1_by(17, &format!("10.0.0.13:{port}")) };
        let wanted = TestFrame { src: parse_endpoint("10.0.0.115:53"), dst: parse_endpoint("10.0.0.13:50000"), ..answer.clone() };
        becomes(engine, Program::FromInstance, &answer, Outcome::Tunnelled, &wanted.macs(instance_mac(3), tunnel_mac(0, false)));
    };
    flows_that_cannot_be_told_apart_are_counted(scene().service(5, 7, "10.0.0.104", 80, &[(1, 1, 8080)])) |engine| {
        let establish = |engine: &mut dyn Engine, client: &TestFrame, port: u16| {
            let server = TestFrame::syn("10.0.0.11:8080", &format!("10.0.0.13:{port}")).flags(SYN_ACK);
            run(engine, Program::FromOverlay(7), &client.build());
            run(engine, Program::FromInstance, &server.macs(ROUTER_MAC, instance_mac(1)).build());
            run(engine, Program::FromOverlay(7), &client.clone().flags(ACK).build());
        };
        establish(engine, &to_1("10.0.0.13:50000", "10.0.0.103:80"), 50_000);
        let second = to_1("10.0.0.13:50000", "10.0.0.104:80");
        let seen = run(engine, Program::FromOverlay(7), &second.build());
        let at = plain_l4(&seen.frame);
        let port = u16::from_be_bytes([seen.frame[at], seen.frame[at + 1]]);
        // The client itself uses the other port for a connection of its own.
        establish(engine, &to_1(&format!("10.0.0.13:{port}"), "10.0.0.103:80"), port);
        dropped(engine, Program::FromOverlay(7), &second.build(), Outcome::DropFlowCollision);
    };
    a_new_connection_may_take_the_place_of_one_that_is_over(scene().service(5, 7, "10.0.0.104", 80, &[(1, 1, 8080)])) |engine| {
        let client = to_1("10.0.0.13:50000", "10.0.0.103:80");
        let server = TestFrame::syn("10.0.0.11:8080", "10.0.0.13:50000").macs(ROUTER_MAC, instance_mac(1));
        run(engine, Program::FromOverlay(7), &client.build());
        run(engine, Program::FromInstance, &server.clone().flags(SYN_ACK).build());
        run(engine, Program::FromOverlay(7), &client.clone().flags(ACK).build());
        run(engine, Program::FromOverlay(7), &client.flags(FIN_ACK).build());
        run(engine, Program::FromInstance, &server.flags(FIN_ACK).build());
        let second = to_1("10.0.0.13:50000", "10.0.0.104:80");
        assert_eq!(run(engine, Program::FromOverlay(7), &second.build()).outcome, Outcome::Delivered);
        let flows = engine.flows().expect("flows");
        assert_eq!(flows.len(), 1);
        let (record, established) = flows.values().next().expect("a flow");
        assert_eq!((record.original_addr[15], *established), (104, false));
    };
    security_groups_admit_new_flows_by_rule(scene().security(1, vec![rule(Direction::In, "10.0.0.13/32", (8080, 8080), true)])) |engine| {
        assert_eq!(run(engine, Program::FromOverlay(7), &to_1("10.0.0.13:1", "10.0.0.103:80").build()).outcome, Outcome::Delivered);
        let other_port = to_1("10.0.0.13:1", "10.0.0.11:8081").build();
        dropped(engine, Program::FromOverlay(7), &other_port, Outcome::DropSecurityGroupIn);
        let other_client = to_1("10.0.0.15:1", "10.0.0.103:80").build();
        dropped(engine, Program::FromOverlay(7), &other_client, Outcome::DropSecurityGroupIn);
        dropped(engine, Program::FromInstance, &from_1("10.0.0.13:22").build(), Outcome::DropSecurityGroupOut);
    };
    security_groups_are_stateful(scene().security(1, vec![rule(Direction::Out, "0.0.0.0/0", (1, 65535), true)])) |engine| {
        let syn = from_1("10.0.0.101:80");
        assert_eq!(run(engine, Program::FromInstance, &syn.build()).outcome, Outcome::Tunnelled);
        let reply = to_1("10.0.0.101:80", "10.0.0.11:40000").flags(SYN_ACK);
        assert_eq!(run(engine, Program::FromOverlay(7), &reply.build()).outcome, Outcome::Delivered);
        let stranger = to_1("10.0.0.101:81", "10.0.0.11:40000").flags(SYN_ACK).build();
        dropped(engine, Program::FromOverlay(7), &stranger, Outcome::DropNoFlow);
    };
    acls_are_ordered_and_stateless(scene().acl(1, vec![
        rule(Direction::In, "10.9.0.0/24", (1, 65535), false),
        rule(Direction::In, "10.9.0.0/16", (8080, 8080), true),
        rule(Direction::Out, "10.9.1.0/24", (50000, 50000), true),
    ])) |engine| {
        let denied = to_1("10.9.0.1:50000", "10.0.0.103:80").build();
        dropped(engine, Program::FromOverlay(7), &denied, Outcome::DropAclIn);
        let allowed = to_1("10.9.1.1:50000", "10.0.0.103:80");
        assert_eq!(run(engine, Program::FromOverlay(7), &allowed.build()).outcome, Outcome::Delivered);
        // Stateless: the reply needs its own rule, and another ephemeral port has none.
        let other = to_1("10.9.1.1:50001", "10.0.0.103:80");
        assert_eq!(run(engine, Program::FromOverlay(7), &other.build()).outcome, Outcome::Delivered);
        let reply = TestFrame::syn("10.0.0.11:8080", "10.9.1.1:50001").flags(SYN_ACK).macs(ROUTER_MAC, instance_mac(1));
        dropped(engine, Program::FromInstance, &reply.build(), Outcome::DropAclOut);
    };
    acls_are_the_subnets_border_and_not_inside_it(scene().acl(1, vec![])) |engine| {
        let inside = to_1("10.0.0.13:50000", "10.0.0.103:80").build();
        assert_eq!(run(engine, Program::FromOverlay(7), &inside).outcome, Outcome::Delivered);
        let outside = to_1("10.0.1.13:50000", "10.0.0.103:80").build();
        dropped(engine, Program::FromOverlay(7), &outside, Outcome::DropAclIn);
    };
    a_ping_of_the_checker_reaches_its_instance_and_comes_back(scene()) |engine| {
        let [a, b, c, d] = probe_address(1);
        let target = format!("{a}.{b}.{c}.{d}:77");
        let check = TestFrame::ping("169.254.169.110:77", &target);
        let wanted = TestFrame { dst: parse_endpoint("10.0.0.11:77"), ..check.clone() }.macs(instance_mac(1), ROUTER_MAC);
        becomes(engine, Program::Probe, &check, Outcome::Delivered, &wanted);
        let reply = TestFrame { echo_reply: true, ..TestFrame::ping("10.0.0.11:77", "169.254.169.110:77") }.macs(ROUTER_MAC, instance_mac(1));
        let wanted = TestFrame { src: parse_endpoint(&target), ..reply.clone() }.macs([2, 0xcc, 0, 0, 0, 1], ROUTER_MAC);
        becomes(engine, Program::FromInstance, &reply, Outcome::RepliedProbe, &wanted);
    };
    a_health_check_reaches_its_instance_and_comes_back(scene()) |engine| {
        let [a, b, c, d] = probe_address(1);
        let target = format!("{a}.{b}.{c}.{d}:8080");
        let check = TestFrame::syn("169.254.169.110:33333", &target);
        let wanted = TestFrame { dst: parse_endpoint("10.0.0.11:8080"), ..check.clone() }.macs(instance_mac(1), ROUTER_MAC);
        becomes(engine, Program::Probe, &check, Outcome::Delivered, &wanted);
        let reply = TestFrame::syn("10.0.0.11:8080", "169.254.169.110:33333").flags(SYN_ACK).macs(ROUTER_MAC, instance_mac(1));
        let wanted = TestFrame { src: parse_endpoint(&target), ..reply.clone() }.macs([2, 0xcc, 0, 0, 0, 1], ROUTER_MAC);
        becomes(engine, Program::FromInstance, &reply, Outcome::RepliedProbe, &wanted);
    };
    only_the_checkers_address_may_probe(scene()) |engine| {
        let frame = TestFrame::syn("169.254.169.111:1", "240.0.0.1:8080").build();
        dropped(engine, Program::Probe, &frame, Outcome::DropSpoofed);
    };
    an_edge_encapsulates_for_the_members_host(scene()) |engine| {
        let syn = TestFrame::syn("198.51.100.9:1234", "203.0.113.1:80").payload(b"payload").build();
        let seen = run(engine, Program::Edge, &syn);
        assert_eq!(seen.outcome, Outcome::Forwarded);
        assert_eq!(seen.frame[..6], [2, 0xee, 0, 0, 0, 1]);
        assert_eq!(seen.frame[26..34], [172, 16, 0, 1, 172, 16, 0, 1]);
        assert_eq!(seen.frame[46..49], [0, 0, 7]);
        assert_eq!(seen.frame[50..56], instance_mac(2));
        assert_eq!(seen.frame[56..62], tunnel_mac(0, true));
        // The packet itself is as the client sent it.
        assert_eq!(seen.frame[62..], syn[12..]);
    };
    an_edge_balances_datagrams(datagrams()) |engine| {
        let frame = TestFrame::datagram("198.51.100.9:1234", "203.0.113.11:53").build();
        let seen = run(engine, Program::Edge, &frame);
        assert_eq!(seen.outcome, Outcome::Forwarded);
        assert_eq!((&seen.frame[50..56], &seen.frame[62..]), (&instance_mac(1)[..], &frame[12..]));
    };
    an_eip_answers_pings_and_calls_for_nobody(scene()) |engine| {
        let client = [2, 0, 0, 0, 0, 1];
        let ping = TestFrame::ping("198.51.100.9:77", "203.0.113.1:77");
        let wanted = TestFrame { echo_reply: true, ..ping.clone() }.turned().macs(client, ROUTER_MAC);
        becomes(engine, Program::Edge, &ping, Outcome::EchoReply, &wanted);
        resets(engine, Program::Edge, &TestFrame::syn("198.51.100.9:1", "203.0.113.1:81"), Outcome::ResetNoListener);
        resets(engine, Program::Edge, &TestFrame::syn("198.51.100.9:1", "203.0.113.3:80").payload(b"data"), Outcome::ResetNoBackend);
        let question = TestFrame::datagram("198.51.100.9:1", "203.0.113.1:81").build();
        unreachable(engine, Program::Edge, &question, Outcome::UnreachableNoListener, PORT_UNREACHABLE);
    };
    an_edge_takes_nothing_that_an_eip_sends_to_itself(datagrams()) |engine| {
        for frame in [TestFrame::syn("203.0.113.1:80", "203.0.113.1:80"), TestFrame::datagram("203.0.113.11:53", "203.0.113.11:53")] {
            dropped(engine, Program::Edge, &frame.build(), Outcome::DropSpoofed);
            dropped(engine, Program::EdgeTc, &frame.build(), Outcome::DropSpoofed);
        }
    };
    an_edge_leaves_alone_what_is_not_an_eips(scene()) |engine| {
        for dst in ["203.0.113.2:80", "10.0.0.100:80"] {
            let frame = TestFrame::syn("198.51.100.9:1234", dst).build();
            let seen = run(engine, Program::Edge, &frame);
            assert_eq!((seen.outcome, &seen.frame), (Outcome::Passed, &frame));
        }
    };
    an_edge_says_what_fits_the_tunnel(scene()) |engine| {
        let frame = TestFrame::syn("198.51.100.9:1", "203.0.113.1:80").payload(&[0; 1461]);
        let answer = unreachable(engine, Program::Edge, &frame.build(), Outcome::UnreachableTooBig, TOO_BIG);
        let at = plain_l4(&answer);
        assert_eq!(answer[at + 6..at + 8], 1500_u16.to_be_bytes());
        // With options it cannot be quoted.
        let frame = TestFrame { options: vec![1; 4], ..frame };
        dropped(engine, Program::Edge, &frame.build(), Outcome::DropTooBig);
    };
    an_instance_is_told_what_fits_the_tunnel(scene()) |engine| {
        let frame = from_1("10.0.0.101:80").payload(&[0; 1461]);
        let answer = unreachable(engine, Program::FromInstance, &frame.build(), Outcome::UnreachableTooBig, TOO_BIG);
        let at = plain_l4(&answer);
        assert_eq!(answer[at + 6..at + 8], 1500_u16.to_be_bytes());
        // Without a tunnel nothing is too big.
        let near = from_1("10.0.0.100:80").payload(&[0; 1461]);
        assert_eq!(run(engine, Program::FromInstance, &near.build()).outcome, Outcome::Delivered);
        let frame = TestFrame { options: vec![1; 4], ..frame };
        dropped(engine, Program::FromInstance, &frame.build(), Outcome::DropTooBig);
    };
    a_members_error_about_a_clients_packet_leaves_as_the_vips(scene()) |engine| {
        let syn = to_1("10.0.0.13:50000", "10.0.0.103:80").payload(b"data");
        run(engine, Program::FromOverlay(7), &syn.build());
        // As the member saw it.
        let seen = TestFrame { dst: parse_endpoint("10.0.0.11:8080"), ..syn.clone() };
        let from = TestFrame::syn("10.0.0.11:0", "10.0.0.13:0").macs(ROUTER_MAC, instance_mac(1));
        let to = TestFrame { src: parse_endpoint("10.0.0.103:0"), ..from.clone() }.macs(instance_mac(3), tunnel_mac(0, false));
        for most in [8, 20, 24] {
            let sent = error(&from, PORT_UNREACHABLE, &seen, most);
            let wanted = error(&to, PORT_UNREACHABLE, &syn, most);
            error_becomes(engine, Program::FromInstance, &sent, Outcome::Tunnelled, &wanted);
        }
    };
    a_members_error_about_a_clients_packet_from_outside_leaves_by_the_uplink(datagrams()) |engine| {
        let question = to_1_by(17, "198.51.100.9:50000", "10.0.0.111:53").macs(instance_mac(1), tunnel_mac(0, true));
        run(engine, Program::FromOverlay(7), &question.build());
        let seen = TestFrame { dst: parse_endpoint("10.0.0.11:5353"), ..question.clone() };
        let from = TestFrame::syn("10.0.0.11:0", "198.51.100.9:0").macs(ROUTER_MAC, instance_mac(1));
        let to = TestFrame { src: parse_endpoint("10.0.0.111:0"), ..from.clone() };
        let sent = error(&from, PORT_UNREACHABLE, &seen, 8);
        error_becomes(engine, Program::FromInstance, &sent, Outcome::RepliedOutside, &error(&to, PORT_UNREACHABLE, &question, 8));
    };
    an_error_about_a_vips_answer_reaches_who_gave_it(datagrams()) |engine| {
        let question = to_1_by(17, "198.51.100.9:50000", "10.0.0.111:53").macs(instance_mac(1), tunnel_mac(0, true));
        run(engine, Program::FromOverlay(7), &question.build());
        // A router on the way tells the VIP that its answer is too big.
        let answer = TestFrame::datagram("10.0.0.111:53", "198.51.100.9:50000").payload(b"long answer");
        let given = TestFrame { src: parse_endpoint("10.0.0.11:5353"), ..answer.clone() };
        let router = TestFrame::syn("192.0.2.1:0", "10.0.0.111:0").macs(instance_mac(1), tunnel_mac(0, true));
        let to = TestFrame { dst: parse_endpoint("10.0.0.11:0"), ..router.clone() }.macs(instance_mac(1), ROUTER_MAC);
        let sent = error(&router, TOO_BIG, &answer, 16);
        let records = engine.flows().expect("flows");
        error_becomes(engine, Program::FromOverlay(7), &sent, Outcome::Delivered, &error(&to, TOO_BIG, &given, 16));
        assert_eq!(engine.flows().expect("flows"), records, "an error changes no record");
        let other = TestFrame { dst: parse_endpoint("198.51.100.9:50001"), ..answer };
        dropped(engine, Program::FromOverlay(7), &error(&router, TOO_BIG, &other, 8), Outcome::DropNoFlow);
    };
    an_error_about_a_moved_flow_goes_on_like_its_packets(datagrams()) |engine| {
        let answer = TestFrame::datagram("10.0.0.113:53", "198.51.100.9:50000");
        let router = TestFrame::syn("192.0.2.1:0", "10.0.0.113:0").macs(instance_mac(1), tunnel_mac(0, true));
        let sent = error(&router, TOO_BIG, &answer, 8);
        let wanted = error(&router.clone().macs(instance_mac(3), tunnel_mac(2, true)), TOO_BIG, &answer, 8);
        let seen = run(engine, Program::FromOverlay(7), &sent);
        assert_eq!((seen.outcome, &seen.frame), (Outcome::Tunnelled, &wanted));
        assert_eq!(seen.counted.into_iter().collect::<Vec<_>>(), [("icmp_error", 1), ("second_chance", 1), ("tunnelled", 1)]);
    };
    an_edge_sends_an_error_where_its_flow_goes(datagrams()) |engine| {
        let question = TestFrame::datagram("198.51.100.9:1234", "203.0.113.11:53");
        let went = run(engine, Program::Edge, &question.build()).details;
        let router = TestFrame::syn("192.0.2.1:0", "203.0.113.11:0");
        let sent = error(&router, TOO_BIG, &question.clone().turned(), 8);
        let seen = run(engine, Program::Edge, &sent);
        assert_eq!((seen.outcome, seen.details), (Outcome::Forwarded, went));
        assert_eq!(seen.frame[62..], sent[12..]);
        // Of nobody's answers.
        let other = error(&router, TOO_BIG, &TestFrame::datagram("203.0.113.2:53", "198.51.100.9:1234"), 8);
        assert_eq!(run(engine, Program::Edge, &other).outcome, Outcome::Passed);
        let other = error(&router, TOO_BIG, &TestFrame::datagram("203.0.113.11:54", "198.51.100.9:1234"), 8);
        assert_eq!(run(engine, Program::Edge, &other).outcome, Outcome::Passed);
    };
    an_error_reaches_who_opened_the_flow(scene()) |engine| {
        let syn = from_1("10.0.0.101:80");
        run(engine, Program::FromInstance, &syn.build());
        let from = TestFrame::syn("10.0.0.101:0", "10.0.0.11:0").macs(instance_mac(1), tunnel_mac(0, false));
        let sent = error(&from, PORT_UNREACHABLE, &syn, 8);
        let wanted = error(&from.clone().macs(instance_mac(1), ROUTER_MAC), PORT_UNREACHABLE, &syn, 8);
        error_becomes(engine, Program::FromOverlay(7), &sent, Outcome::Delivered, &wanted);
        let unknown = TestFrame { dst: parse_endpoint("10.0.0.101:81"), ..syn };
        dropped(engine, Program::FromOverlay(7), &error(&from, PORT_UNREACHABLE, &unknown, 8), Outcome::DropNoFlow);
    };
    an_error_between_instances_stays_as_it_is(scene()) |engine| {
        run(engine, Program::FromOverlay(7), &to_1("10.0.0.13:50000", "10.0.0.11:22").build());
        let quoted = to_1("10.0.0.13:50000", "10.0.0.11:22");
        let from = TestFrame::syn("10.0.0.11:0", "10.0.0.13:0").macs(ROUTER_MAC, instance_mac(1));
        let sent = error(&from, PORT_UNREACHABLE, &quoted, 8);
        let wanted = error(&from.clone().macs(instance_mac(3), tunnel_mac(0, false)), PORT_UNREACHABLE, &quoted, 8);
        error_becomes(engine, Program::FromInstance, &sent, Outcome::Tunnelled, &wanted);
    };
    a_clients_error_about_a_vips_answer_goes_to_a_member(datagrams()) |engine| {
        let question = from_1_by(17, "10.0.0.113:53");
        let went = run(engine, Program::FromInstance, &question.build());
        assert_eq!(went.outcome, Outcome::Tunnelled, "{went:?}");
        let answer = TestFrame::datagram("10.0.0.113:53", "10.0.0.11:40000");
        let from = from_1("10.0.0.113:0");
        let seen = run(engine, Program::FromInstance, &error(&from, PORT_UNREACHABLE, &answer, 8));
        assert!(matches!(seen.outcome, Outcome::DropNoFlow | Outcome::Tunnelled), "{seen:?}");
    };
    errors_about_strangers_packets_are_dropped(scene()) |engine| {
        let from = from_1("10.0.0.13:0");
        let unknown = to_1("10.0.0.13:50000", "10.0.0.11:22");
        dropped(engine, Program::FromInstance, &error(&from, PORT_UNREACHABLE, &unknown, 8), Outcome::DropNoFlow);
        let anothers = to_1("10.0.0.13:50000", "10.0.0.12:22");
        dropped(engine, Program::FromInstance, &error(&from, PORT_UNREACHABLE, &anothers, 8), Outcome::DropSpoofed);
        let short = error(&from, PORT_UNREACHABLE, &unknown, 7);
        dropped(engine, Program::FromInstance, &short, Outcome::DropMalformed);
    };
    errors_are_not_for_health_checks(scene()) |engine| {
        let quoted = TestFrame::syn("10.0.0.11:1", "169.254.169.110:2");
        let sent = error(&TestFrame::syn("169.254.169.110:0", "240.0.0.1:0"), PORT_UNREACHABLE, &quoted, 8);
        dropped(engine, Program::Probe, &sent, Outcome::DropProtocol);
    };
    traffic_class_and_options_go_through_the_tunnel(scene()) |engine| {
        let syn = TestFrame { tos: 0xb9, options: vec![1; 4], ..TestFrame::syn("198.51.100.9:1234", "203.0.113.1:80") };
        let seen = run(engine, Program::Edge, &syn.build());
        // DSCP and ECN stand outside, too; the packet is as it came.
        assert_eq!((seen.outcome, seen.frame[15]), (Outcome::Forwarded, 0xb9));
        assert_eq!(seen.frame[62..], syn.build()[12..]);
        let syn = TestFrame { tos: 0x03, ..from_1("10.0.0.101:80") };
        becomes(engine, Program::FromInstance, &syn, Outcome::Tunnelled, &syn.clone().macs(instance_mac(3), tunnel_mac(0, false)));
    };
    an_edge_encapsulates_over_ipv6(scene().underlay_v6()) |engine| {
        let syn = TestFrame { tos: 0x2e, ..TestFrame::syn("198.51.100.9:1234", "203.0.113.1:80").payload(b"payload") }.build();
        let seen = run(engine, Program::Edge, &syn);
        assert_eq!((seen.outcome, seen.details[1..3].to_vec()), (Outcome::Forwarded, vec![7, 2]));
        assert_eq!(seen.frame[12..16], [0x86, 0xdd, 0x62, 0xe0]);
        assert_eq!(seen.frame[18..20], (syn.len() as u16 + 16).to_be_bytes());
        assert_eq!((&seen.frame[22..24], seen.frame[53]), (&[0xfd, 0x99][..], 1));
        assert_eq!((&seen.frame[70..76], &seen.frame[82..]), (&instance_mac(2)[..], &syn[12..]));
    };
    a_tunnel_over_ipv6_names_its_host(scene().underlay_v6()) |engine| {
        let seen = run(engine, Program::FromInstance, &from_1("10.0.0.101:80").build());
        assert_eq!((seen.outcome, seen.details), (Outcome::Tunnelled, [2, 7, 3, 0]));
    };
    an_edge_without_xdp_decides_alike(scene()) |engine| {
        let syn = TestFrame::syn("198.51.100.9:1234", "203.0.113.1:80");
        let wanted = syn.clone().macs(instance_mac(2), tunnel_mac(0, true));
        let seen = becomes(engine, Program::EdgeTc, &syn, Outcome::Forwarded, &wanted);
        assert_eq!(seen.details, [u32::from_be_bytes([172, 16, 0, 1]), 7, 2, 0]);
        resets(engine, Program::EdgeTc, &TestFrame::syn("198.51.100.9:1", "203.0.113.1:81"), Outcome::ResetNoListener);
        let question = TestFrame::datagram("198.51.100.9:1", "203.0.113.1:81").build();
        unreachable(engine, Program::EdgeTc, &question, Outcome::UnreachableNoListener, PORT_UNREACHABLE);
        let ping = TestFrame::ping("198.51.100.9:77", "203.0.113.1:77");
        let wanted = TestFrame { echo_reply: true, ..ping.clone() }.turned().macs([2, 0, 0, 0, 0, 1], ROUTER_MAC);
        becomes(engine, Program::EdgeTc, &ping, Outcome::EchoReply, &wanted);
        let other = TestFrame::syn("198.51.100.9:1", "203.0.113.2:80");
        assert_eq!(run(engine, Program::EdgeTc, &other.build()).outcome, Outcome::Passed);
        let long = syn.payload(&[0; 1461]).build();
        unreachable(engine, Program::EdgeTc, &long, Outcome::UnreachableTooBig, TOO_BIG);
    };
    an_edge_without_xdp_counts_hosts_that_it_cannot_reach(scene().unresolved(1)) |engine| {
        dropped(engine, Program::EdgeTc, &TestFrame::syn("198.51.100.9:1", "203.0.113.1:80").build(), Outcome::DropUnknownHost);
    };
    an_edge_counts_hosts_without_next_hop(scene().unresolved(1)) |engine| {
        dropped(engine, Program::Edge, &TestFrame::syn("198.51.100.9:1", "203.0.113.1:80").build(), Outcome::DropUnknownHost);
    };

    the_end_of_a_drain_resets_the_client_and_then_the_instance(scene()) |engine| {
        let client = to_1("10.0.0.13:50000", "10.0.0.103:80");
        let server = TestFrame::syn("10.0.0.11:8080", "10.0.0.13:50000").macs(ROUTER_MAC, instance_mac(1));
        run(engine, Program::FromOverlay(7), &client.build());
        run(engine, Program::FromInstance, &server.clone().flags(SYN_ACK).build());
        run(engine, Program::FromOverlay(7), &client.clone().flags(ACK).build());
        engine.drain().expect("marked");

        // PSH and ACK, with payload.
        let says = server.clone().flags(ACK | 8).seq(2).payload(b"something");
        let seen = run(engine, Program::FromInstance, &says.build());
        assert_eq!((seen.outcome, seen.counted.get("drained")), (Outcome::Tunnelled, Some(&1)));
        let wanted = TestFrame::syn("10.0.0.103:80", "10.0.0.13:50000").flags(RST | ACK).seq(2).payload(b"something");
        assert_eq!(seen.frame, wanted.macs(instance_mac(3), tunnel_mac(0, false)).build());
        resets(engine, Program::FromInstance, &says, Outcome::ResetDrained);
        resets(engine, Program::FromInstance, &says, Outcome::ResetDrained);

        // A new connection of the same sockets begins as any other.
        let seen = run(engine, Program::FromOverlay(7), &client.seq(100).build());
        assert_eq!(seen.outcome, Outcome::Delivered);
        let seen = run(engine, Program::FromInstance, &server.flags(SYN_ACK).build());
        assert_eq!((seen.outcome, seen.counted.get("drained")), (Outcome::Tunnelled, None));
    };

    an_instance_that_resets_a_drained_connection_itself_is_not_answered(scene()) |engine| {
        run(engine, Program::FromOverlay(7), &to_1("10.0.0.13:50000", "10.0.0.103:80").build());
        engine.drain().expect("marked");
        let reset = TestFrame::syn("10.0.0.11:8080", "10.0.0.13:50000").macs(ROUTER_MAC, instance_mac(1)).flags(RST | ACK);
        let seen = run(engine, Program::FromInstance, &reset.build());
        assert_eq!(seen.outcome, Outcome::Tunnelled);
        resets(engine, Program::FromInstance, &reset.flags(ACK), Outcome::ResetDrained);
    };

    the_end_of_a_drain_leaves_flows_alone_that_came_by_no_service(scene()) |engine| {
        run(engine, Program::FromOverlay(7), &to_1("10.0.0.13:50000", "10.0.0.11:8080").build());
        engine.drain().expect("marked");
        let server = TestFrame::syn("10.0.0.11:8080", "10.0.0.13:50000").macs(ROUTER_MAC, instance_mac(1));
        let seen = run(engine, Program::FromInstance, &server.flags(SYN_ACK).build());
        assert_eq!((seen.outcome, seen.counted.get("drained")), (Outcome::Tunnelled, None));
    };

    the_end_of_a_drain_stops_datagrams(datagrams()) |engine| {
        let question = to_1_by(17, "10.0.0.13:5000", "10.0.0.111:53");
        let answer = TestFrame::datagram("10.0.0.11:5353", "10.0.0.13:5000").macs(ROUTER_MAC, instance_mac(1));
        run(engine, Program::FromOverlay(7), &question.build());
        assert_eq!(run(engine, Program::FromInstance, &answer.build()).outcome, Outcome::Tunnelled);
        engine.drain().expect("marked");
        dropped(engine, Program::FromInstance, &answer.build(), Outcome::DropNoFlow);
    };
}

cases_of! { ipv4, V4:
    arp_for_any_address_is_answered_with_the_router(scene()) |engine| {
        let seen = run(engine, Program::FromInstance, &arp_request(instance_mac(1), [10, 0, 0, 11], [10, 0, 0, 1]));
        assert_eq!(seen.outcome, Outcome::ArpReply);
        assert_eq!(seen.frame[..6], instance_mac(1));
        assert_eq!(seen.frame[6..12], ROUTER_MAC);
        assert_eq!(seen.frame[20..22], [0, 2]);
        assert_eq!(seen.frame[28..32], [10, 0, 0, 1]);
    };
    arp_with_another_senders_address_is_spoofed(scene()) |engine| {
        let frame = arp_request(instance_mac(1), [10, 0, 0, 12], [10, 0, 0, 1]);
        dropped(engine, Program::FromInstance, &frame, Outcome::DropSpoofed);
    };
    arp_announcements_ask_for_nothing(scene()) |engine| {
        let frame = arp_request(instance_mac(1), [10, 0, 0, 11], [10, 0, 0, 11]);
        dropped(engine, Program::FromInstance, &frame, Outcome::DropArp);
    };
    a_datagram_without_checksum_stays_without(datagrams()) |engine| {
        let mut frame = to_1_by(17, "10.0.0.13:50000", "10.0.0.111:53").build();
        frame[40..42].copy_from_slice(&[0, 0]);
        let seen = run(engine, Program::FromOverlay(7), &frame);
        assert_eq!((seen.outcome, &seen.frame[40..42]), (Outcome::Delivered, &[0, 0][..]));
    };
    what_may_be_fragmented_is_not_answered_when_it_does_not_fit(scene()) |engine| {
        let frame = TestFrame::syn("198.51.100.9:1", "203.0.113.1:80").payload(&[0; 1461]);
        let frame = TestFrame { fragment: 0, ..frame };
        dropped(engine, Program::Edge, &frame.build(), Outcome::DropTooBig);
        let frame = TestFrame { fragment: 0, ..from_1("10.0.0.101:80").payload(&[0; 1461]) };
        dropped(engine, Program::FromInstance, &frame.build(), Outcome::DropTooBig);
    };
    an_ipv4_instance_has_no_ipv6(scene()) |engine| {
        let asks = solicitation(instance_mac(1), "fe80::1".parse().expect("an address"), "fe80::2".parse().expect("an address"));
        dropped(engine, Program::FromInstance, &asks, Outcome::DropNeighbour);
    };
}

cases_of! { ipv6, V6:
    a_solicitation_for_any_address_is_answered_with_the_router(scene()) |engine| {
        let (own, link_local) = ("fd00:10::a00:b", "fe80::401:ff:fe00:1");
        for sender in [own, link_local] {
            let (sender, target) = (sender.parse().expect("an address"), "fd00:10::a00:1".parse().expect("an address"));
            let seen = run(engine, Program::FromInstance, &solicitation(instance_mac(1), sender, target));
            assert_eq!(seen.outcome, Outcome::NeighbourReply);
            assert!(checksums_hold(&seen.frame), "checksums");
            assert_eq!((&seen.frame[..6], &seen.frame[6..12]), (&instance_mac(1)[..], &ROUTER_MAC[..]));
            assert_eq!((addresses(&seen.frame).0, addresses(&seen.frame).1), (&target.octets()[..], &sender.octets()[..]));
            assert_eq!((seen.frame[54], &seen.frame[62..78], &seen.frame[80..]), (136, &target.octets()[..], &ROUTER_MAC[..]));
        }
    };
    a_solicitation_with_another_senders_address_is_spoofed(scene()) |engine| {
        let target = "fd00:10::a00:1".parse().expect("an address");
        let frame = solicitation(instance_mac(1), "fd00:10::a00:c".parse().expect("an address"), target);
        dropped(engine, Program::FromInstance, &frame, Outcome::DropSpoofed);
        let frame = solicitation(instance_mac(2), "fd00:10::a00:b".parse().expect("an address"), target);
        dropped(engine, Program::FromInstance, &frame, Outcome::DropSpoofed);
    };
    neighbour_discovery_that_asks_for_nothing_is_counted(scene()) |engine| {
        let own: std::net::Ipv6Addr = "fd00:10::a00:b".parse().expect("an address");
        // It tries whether its own address is somebody else's.
        let frame = solicitation(instance_mac(1), std::net::Ipv6Addr::UNSPECIFIED, own);
        dropped(engine, Program::FromInstance, &frame, Outcome::DropNeighbour);
        dropped(engine, Program::FromInstance, &solicitation(instance_mac(1), own, own), Outcome::DropNeighbour);
        // A router solicitation; and what came through a router.
        let mut frame = solicitation(instance_mac(1), own, own);
        frame[54] = 133;
        dropped(engine, Program::FromInstance, &frame, Outcome::DropNeighbour);
        let mut frame = solicitation(instance_mac(1), own, "fd00:10::a00:1".parse().expect("an address"));
        frame[21] = 254;
        dropped(engine, Program::FromInstance, &frame, Outcome::DropMalformed);
        let frame = solicitation(instance_mac(1), own, own);
        dropped(engine, Program::FromOverlay(7), &frame, Outcome::DropNeighbour);
        dropped(engine, Program::Probe, &frame, Outcome::DropNeighbour);
    };
    an_ipv6_instance_has_no_arp(scene()) |engine| {
        dropped(engine, Program::FromInstance, &arp_request(instance_mac(1), [10, 0, 0, 11], [10, 0, 0, 1]), Outcome::DropArp);
    };
    extension_headers_beyond_reach_are_another_protocol(scene()) |engine| {
        // Four of them: hop-by-hop options that all name the next.
        let plain = from_1("10.0.0.13:2").build();
        let mut frame = [&plain[..54], [0, 0, 1, 4, 0, 0, 0, 0].repeat(4).as_slice(), &plain[54..]].concat();
        frame[20] = 0;
        frame[19] += 32;
        dropped(engine, Program::FromInstance, &frame, Outcome::DropProtocol);
        // One that is longer than the packet.
        let mut frame = [&plain[..54], &[6, 200, 1, 4, 0, 0, 0, 0], &plain[54..]].concat();
        frame[20] = 60;
        frame[19] += 8;
        dropped(engine, Program::FromInstance, &frame, Outcome::DropMalformed);
    };
    an_atomic_fragment_is_whole(scene()) |engine| {
        let plain = from_1("10.0.0.101:80").build();
        let mut frame = [&plain[..54], &[6, 0, 0, 0, 1, 2, 3, 4], &plain[54..]].concat();
        frame[20] = 44;
        frame[19] += 8;
        assert_eq!(run(engine, Program::FromInstance, &frame).outcome, Outcome::Tunnelled);
    };
}

/// The agent looks at all records first and removes those that are over then; a client does not wait for it.
#[test]
#[ignore = "needs root"]
fn a_port_used_again_while_records_age_keeps_its_new_record() {
    let mut kernel = Kernel::new(&scene().state()).expect("the programs load");
    let client = to_1("10.0.0.13:50000", "10.0.0.103:80");
    let server = TestFrame::syn("10.0.0.11:8080", "10.0.0.13:50000").macs(ROUTER_MAC, instance_mac(1));
    let establish = |kernel: &mut Kernel| {
        run(kernel, Program::FromOverlay(7), &client.build());
        run(kernel, Program::FromInstance, &server.clone().flags(SYN_ACK).build());
        run(kernel, Program::FromOverlay(7), &client.clone().flags(ACK).build());
    };
    establish(&mut kernel);
    run(&mut kernel, Program::FromOverlay(7), &client.clone().flags(FIN_ACK).build());
    run(&mut kernel, Program::FromInstance, &server.clone().flags(FIN_ACK).build());

    let rules = ExpiryRules::default();
    assert!(kernel.flows().expect("flows").values().all(|(_, established)| *established));
    let later = monotonic_ns() + 60_000_000_000;
    let mut seen = Vec::new();
    let expired = kernel.switch().find_expired(later, &rules, |key, _| seen.push(*key)).expect("found");
    assert_eq!((seen.len(), expired.len()), (0, 1));
    establish(&mut kernel);
    let mut became = Vec::new();
    let switch = kernel.switch();
    switch.remove_expired(&expired, later, &rules, |_, _, aged| became.push(aged)).expect("removed");
    assert_eq!(kernel.flows().expect("flows").len(), 1);
    let much_later = later + 3_600_000_000_000;
    let switch = kernel.switch();
    switch.remove_expired(&expired, much_later, &rules, |_, _, aged| became.push(aged)).expect("removed");
    assert_eq!(became, [Aged::Living, Aged::Removed]);
    assert!(kernel.flows().expect("flows").is_empty());
}

/// What records cannot tell: how many there have been, and what was in those that others took the place of.
#[test]
#[ignore = "needs root"]
fn flows_are_counted_when_they_are_established_and_when_they_are_replaced() {
    let mut kernel = Kernel::new(&scene().state()).expect("the programs load");
    let client = to_1("10.0.0.13:50000", "10.0.0.103:80");
    let server = TestFrame::syn("10.0.0.11:8080", "10.0.0.13:50000").macs(ROUTER_MAC, instance_mac(1));
    let whose = FlowTotalsKey { service: 4, instance: 1 };
    run(&mut kernel, Program::FromOverlay(7), &client.build());
    run(&mut kernel, Program::FromInstance, &server.clone().flags(SYN_ACK).build());
    assert!(kernel.switch().flow_totals().expect("totals").is_empty(), "half-open");
    run(&mut kernel, Program::FromOverlay(7), &client.clone().flags(ACK).build());
    let totals = kernel.switch().flow_totals().expect("totals");
    assert_eq!(totals, [(whose, FlowTotals::ONE_OPENED)].into());

    run(&mut kernel, Program::FromOverlay(7), &client.clone().flags(FIN_ACK).build());
    run(&mut kernel, Program::FromInstance, &server.clone().flags(FIN_ACK).build());
    let (former, _) = *kernel.flows().expect("flows").values().next().expect("a record");
    // The same socket once more.
    run(&mut kernel, Program::FromOverlay(7), &client.build());
    run(&mut kernel, Program::FromInstance, &server.clone().flags(SYN_ACK).build());
    run(&mut kernel, Program::FromOverlay(7), &client.clone().flags(ACK).build());
    let totals = kernel.switch().flow_totals().expect("totals");
    assert_eq!((former.packets_in, former.packets_out), (3, 2));
    assert_eq!(totals, [(whose, FlowTotals { opened: 2, ..FlowTotals::of_replaced(&former) })].into());
    // Refused, and to be forgotten with the rest; but not what is nobody's.
    kernel.change(scene().security(1, vec![]).state()).expect("the scene changes");
    run(&mut kernel, Program::FromOverlay(7), &to_1("10.0.0.13:50001", "10.0.0.103:80").build());
    run(&mut kernel, Program::FromOverlay(7), &to_1("10.0.0.13:1", "10.0.0.101:80").build());
    let nobody = FlowTotalsKey { service: 2, instance: 0 };
    let (denied, not_a_target) = (Outcome::DropSecurityGroupIn as u8, Outcome::DropNotATarget as u8);
    let outcomes = kernel.switch().service_outcomes().expect("outcomes");
    assert_eq!(outcomes, [(nobody, [(not_a_target, 1)].into()), (whose, [(denied, 1)].into())].into());
    kernel.switch().forget_totals(&whose, [denied]).expect("forgotten");
    assert!(kernel.switch().flow_totals().expect("totals").is_empty());
    let outcomes = kernel.switch().service_outcomes().expect("outcomes");
    assert_eq!(outcomes, [(nobody, [(not_a_target, 1)].into())].into());
}

/// The clock of flow records.
fn monotonic_ns() -> u64 {
    let up = std::fs::read_to_string("/proc/uptime").expect("the uptime");
    let seconds: f64 = up.split(' ').next().and_then(|text| text.parse().ok()).expect("seconds");
    (seconds * 1e9) as u64
}

#[test]
#[ignore = "needs root"]
fn a_balanced_packet_counts_for_its_service() {
    let mut kernel = Kernel::new(&scene().state()).expect("the programs load");
    let frame = from_1("10.0.0.101:80").build();
    run(&mut kernel, Program::FromInstance, &frame);
    let counters = kernel.switch().service_counters(&[1, 2]).expect("the counters");
    assert_eq!(counters[0].1.packets, 0);
    // From the IP header on.
    assert_eq!((counters[1].1.packets, counters[1].1.bytes), (1, frame.len() as u64 - 14));
}

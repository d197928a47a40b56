//! Explanations: which program a packet meets, and what is told of its way.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

use std::convert::Infallible;

use dnlb_abi::{Outcome, ServiceEntry};
use dnlb_explain::{Fate, Filter, Numbers, Program, Question, Step, Unplaced, describe, explain};
use dnlb_model::{Direction, FilterRule, RuleProtocol};
use dnlb_testkit::{Engine, Pure, Scene, TEST_IFINDEX, TestFrame};
use dnlb_wire::TcpFlags;

/// Two instances here and one elsewhere serve a VIP with an EIP; a fourth is in another VPC with the first one's address.
fn scene() -> Scene {
    Scene::new()
        .instance(1, 7, "10.0.0.11", 1)
        .instance(2, 7, "10.0.0.12", 1)
        .instance(3, 7, "10.0.0.13", 2)
        .service(1, 7, "10.0.0.100", 80, &[(2, 1, 8080), (3, 2, 8080)])
        .eip("203.0.113.1")
}

fn question(from: &str, to: &str) -> Question {
    Question {
        src: from.parse().unwrap(),
        dst: to.parse().unwrap(),
        protocol: 6,
        flags: TcpFlags(TcpFlags::SYN),
        size: 40,
        vni: None,
        instance: None,
        edge: true,
    }
}

fn allow(direction: Direction, prefix: &str, ports: (u16, u16)) -> FilterRule {
    let prefix = prefix.parse().unwrap();
    FilterRule { direction, protocol: RuleProtocol::Tcp, prefix, ports, allow: true }
}

#[test]
fn a_packet_meets_the_program_that_its_ends_say() {
    let pure = Pure::new(scene().state());
    let program = |question: Question| question.place(&pure).map(|(program, _)| program);
    let from_instance = Program::FromInstance { ifindex: TEST_IFINDEX };
    assert_eq!(program(question("10.0.0.11:4000", "10.0.0.100:80")).unwrap(), from_instance);
    assert_eq!(program(question("198.51.100.9:4000", "203.0.113.1:80")).unwrap(), Program::Edge);
    assert_eq!(
        program(question("10.0.0.13:4000", "10.0.0.12:8080")).unwrap(),
        Program::FromOverlay { vni: 7, remote: None }
    );
    assert_eq!(program(question("169.254.169.110:4000", "10.0.0.12:8080")).unwrap(), Program::Probe);
    let foreign = program(question("198.51.100.9:4000", "192.0.2.1:80"));
    assert!(matches!(foreign, Err(Unplaced::Foreign)), "{foreign:?}");
}

#[test]
fn an_address_of_two_vpcs_needs_the_vpc_named() {
    let pure = Pure::new(scene().instance(4, 8, "10.0.0.11", 1).state());
    let asked = question("10.0.0.11:4000", "10.0.0.100:80");
    let refused = asked.place(&pure);
    assert!(matches!(&refused, Err(Unplaced::Ambiguous(vnis)) if *vnis == [7, 8]), "{refused:?}");
    let (program, _) = Question { vni: Some(8), ..asked }.place(&pure).unwrap();
    assert_eq!(program, Program::FromInstance { ifindex: 1004 });
}

#[test]
fn on_a_host_an_eips_packet_is_for_the_member_that_its_row_chooses() {
    // The same without an edge: the EIP is known in the VPC alone.
    let mut state = scene().state();
    for entry in state.services.entries.values_mut().filter(|entry| entry.key.vni == 0) {
        *entry = ServiceEntry::default();
    }
    let pure = Pure::new(state);
    let (mut here, mut elsewhere) = (0, 0);
    for port in 4000..4100 {
        let asked = Question { edge: false, ..question(&format!("198.51.100.9:{port}"), "203.0.113.1:80") };
        match asked.place(&pure) {
            Ok((program, frame)) => {
                let told = explain(&pure, program, &frame).unwrap();
                assert!(matches!(told.verdict.fate, Fate::Delivered { instance: 2, .. }), "{told:?}");
                here += 1;
            }
            Err(Unplaced::Elsewhere { instance: 3, host: 2 }) => elsewhere += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert!(here > 20 && elsewhere > 20, "{here} and {elsewhere}");
}

#[test]
fn a_questions_frame_is_one_that_the_data_path_takes() {
    let mut pure = Pure::new(scene().state());
    for (protocol, size) in [(6, 40), (6, 41), (6, 1500), (17, 40), (1, 45)] {
        let asked = Question { protocol, size, ..question("10.0.0.11:4000", "10.0.0.12:22") };
        let (_, frame) = asked.place(&pure).unwrap();
        assert_eq!(frame.len(), 14 + usize::from(size));
        assert!(dnlb_testkit::checksums_hold(&frame));
        let seen = pure.run(dnlb_testkit::Program::FromInstance, &frame).unwrap();
        assert_eq!(seen.outcome, Outcome::Delivered);
    }
}

/// What is told of a packet to the VIP: its steps by name, the text of all of them.
fn told(pure: &Pure, asked: Question) -> (Vec<&'static str>, String) {
    let (program, frame) = asked.place(pure).unwrap();
    let told = explain(pure, program, &frame).unwrap();
    let lines = describe(&told, &Numbers);
    let text: Vec<_> = lines.iter().map(|line| format!("{}: {}", line.what, line.text)).collect();
    (lines.iter().map(|line| line.what).collect(), text.join("\n"))
}

#[test]
fn a_balanced_packet_is_told_step_by_step() {
    let pure = Pure::new(scene().state());
    let (steps, text) = (4000..4100)
        .map(|port| told(&pure, question(&format!("10.0.0.11:{port}"), "10.0.0.100:80")))
        .find(|(_, text)| text.contains("delivered"))
        .unwrap();
    assert_eq!(
        steps,
        [
            "packet",
            "program",
            "instance",
            "flow",
            "service",
            "row",
            "counted",
            "member",
            "security groups out",
            "record",
            "instance",
            "target",
            "flow",
            "security groups in",
            "record",
            "rewritten",
            "verdict"
        ],
        "{text}"
    );
    for words in [
        "10.0.0.100:80 is listener 1, backend service 1, VNI 7, rows by five-tuple",
        "of 256: instance 2 on host 1",
        "security groups in: instance 2, rule 1 of 1: allow everything, 0.0.0.0/0",
        "target: instance 2 serves backend service 1 at port 8080",
        "-> 10.0.0.12:8080",
    ] {
        assert!(text.contains(words), "`{words}` in\n{text}");
    }
}

#[test]
fn a_drop_names_the_rules_that_did_not_let_it_pass() {
    let rules = vec![
        allow(Direction::In, "10.0.0.0/24", (80, 80)),
        allow(Direction::In, "10.9.0.0/16", (8080, 8081)),
    ];
    let pure = Pure::new(scene().security(2, rules).state());
    let (steps, text) = told(&pure, question("10.0.0.13:4000", "10.0.0.12:8080"));
    assert!(text.contains("security groups in: instance 2, none of 2 rules speaks of it"), "{text}");
    assert!(text.contains("drop_security_group_in"), "{text}");
    assert_eq!(steps.last(), Some(&"look at"));
}

/// The order of questions, not the range, tells them apart: equal rules share a range.
#[test]
fn acl_and_security_groups_with_the_same_rules_are_told_apart() {
    let both = || {
        let mut rules = vec![allow(Direction::In, "0.0.0.0/0", (1, 65535))];
        rules.push(allow(Direction::Out, "0.0.0.0/0", (1, 65535)));
        rules
    };
    let scene = scene().instance(5, 7, "10.1.0.15", 1);
    let scene =
        [1, 5].into_iter().fold(scene, |scene, number| scene.security(number, both()).acl(number, both()));
    let pure = Pure::new(scene.state());
    let (program, frame) = question("10.0.0.11:4000", "10.1.0.15:22").place(&pure).unwrap();
    let told = explain(&pure, program, &frame).unwrap();
    let filters: Vec<_> = told
        .steps
        .iter()
        .filter_map(|step| match step {
            Step::Rules { instance, filter, .. } => Some((*instance, *filter)),
            _ => None,
        })
        .collect();
    assert_eq!(
        filters,
        [(1, Filter::AclOut), (1, Filter::SecurityOut), (5, Filter::AclIn), (5, Filter::SecurityIn)]
    );
}

#[test]
fn a_flow_that_exists_is_found_and_left_as_it_is() {
    let mut pure = Pure::new(scene().state());
    let (vip, client) = ("10.0.0.12:8080", "10.0.0.13:4000");
    let macs = (dnlb_abi::instance_mac(2), dnlb_abi::tunnel_mac(0, false));
    let syn = TestFrame::syn(client, vip).macs(macs.0, macs.1).build();
    pure.run(dnlb_testkit::Program::FromOverlay(7), &syn).unwrap();
    let before = pure.flows().unwrap();
    let asked = Question { flags: TcpFlags(TcpFlags::ACK), ..question(client, vip) };
    let (program, frame) = asked.place(&pure).unwrap();
    let told: Result<_, Infallible> = explain(&pure, program, &frame);
    let steps = told.unwrap().steps;
    assert!(steps.iter().any(|step| matches!(step, Step::Flow { found: Some((_, false)), .. })), "{steps:?}");
    assert!(!steps.iter().any(|step| matches!(step, Step::CreateFlow { .. })), "{steps:?}");
    assert_eq!(pure.flows().unwrap(), before);
}

#[test]
fn a_call_for_nobody_is_told_with_its_answer_and_what_to_look_at() {
    let pure = Pure::new(scene().service(2, 7, "10.0.0.101", 80, &[]).state());
    for (asked, outcome) in [
        (question("10.0.0.11:4000", "10.0.0.100:81"), "reset_no_listener"),
        (question("10.0.0.11:4000", "10.0.0.101:80"), "reset_no_backend"),
        (Question { protocol: 17, ..question("10.0.0.11:4000", "10.0.0.100:81") }, "unreachable_no_listener"),
        (question("198.51.100.9:4000", "203.0.113.1:81"), "reset_no_listener"),
    ] {
        let (steps, text) = told(&pure, asked);
        assert!(text.contains(&format!("verdict: {outcome}")), "{text}");
        assert!(text.contains(&format!("answer: {} -> {}", asked.dst, asked.src)), "{text}");
        assert_eq!(steps.last(), Some(&"look at"), "{text}");
    }
    let ping = Question { protocol: 1, ..question("10.0.0.11:77", "10.0.0.100:0") };
    let (_, text) = told(&pure, ping);
    assert!(text.contains("address: 10.0.0.100 is a load balancer's"), "{text}");
    assert!(text.contains("verdict: echo_reply"), "{text}");
}

//! Every outcome has a case; here are those that no packet alone brings about.

use dnlb_abi::{FlowKey, Outcome, ROUTER_MAC, instance_mac};
use dnlb_testkit::{Engine, Kernel, Program, Pure, Scene, TestFrame};

/// Client 1 here, a VIP and an elastic IP whose member is elsewhere.
fn scene() -> Scene {
    Scene::new()
        .instance(1, 7, "10.0.0.11", 1)
        .instance(2, 7, "10.0.0.12", 2)
        .service(1, 7, "10.0.0.100", 80, &[(2, 2, 8080)])
        .eip("203.0.113.1")
}

/// The kernel's map of half-open flows makes room for new ones by itself, so that it is never full when nobody else writes to
/// it in the same moment; what happens when it refuses one is the same function's decision.
#[test]
fn a_new_flow_without_room_for_its_record_is_dropped_and_an_old_one_goes_on() {
    let mut pure = Pure::new(scene().state());
    let call = |from: &str| TestFrame::syn(from, "10.0.0.12:80").macs(ROUTER_MAC, instance_mac(1)).build();
    let known = call("10.0.0.11:4000");
    assert_eq!(pure.run(Program::FromInstance, &known).expect("runs").outcome, Outcome::Tunnelled);
    pure.fill_flows();
    let new = call("10.0.0.11:4001");
    assert_eq!(pure.run(Program::FromInstance, &new).expect("runs").outcome, Outcome::DropFlowTableFull);
    assert_eq!(pure.run(Program::FromInstance, &known).expect("runs").outcome, Outcome::Tunnelled);
    let ports: Vec<u32> = pure.flows().expect("flows").keys().map(|key: &FlowKey| key.ports).collect();
    assert_eq!(ports, [4000 << 16 | 80]);
}

/// The kernel refuses to make a frame longer when there is no headroom left.
#[test]
#[ignore = "needs root"]
fn a_packet_that_the_kernel_will_not_change_is_dropped_and_counted() {
    let mut kernel = Kernel::new(&scene().state()).expect("the programs load");
    let frame = TestFrame::syn("198.51.100.9:4000", "203.0.113.1:80").build();
    let switch = kernel.switch();
    let counted = |switch: &mut dnlb_switch::Switch| {
        let outcomes = switch.outcomes().expect("counters");
        [Outcome::Forwarded, Outcome::DropKernel].map(|outcome| outcomes[outcome as usize].1.packets)
    };
    // 256 bytes of headroom less 40 of the kernel's: 160 leave room for the tunnel's 50, 180 do not.
    assert_eq!(switch.run_edge_behind(160, &frame).expect("runs").returned, 3, "XDP_TX");
    assert_eq!(counted(switch), [1, 0]);
    assert_eq!(switch.run_edge_behind(180, &frame).expect("runs").returned, 1, "XDP_DROP");
    assert_eq!(counted(switch), [1, 1]);
}

#[test]
fn every_outcome_has_a_case() {
    let cases = [include_str!("outcomes.rs"), include_str!("packets.rs")].concat();
    let named = |outcome: &Outcome| {
        let variant = format!("Outcome::{outcome:?}");
        let whole = |at: usize| !cases[at + variant.len()..].starts_with(char::is_alphanumeric);
        cases.match_indices(&variant).any(|(at, _)| whole(at))
            || cases.contains(&format!("\"{}\"", outcome.name()))
    };
    let missing: Vec<_> = Outcome::ALL.iter().filter(|outcome| !named(outcome)).collect();
    assert_eq!(missing, [] as [&Outcome; 0], "add a case for each to packets.rs");
}

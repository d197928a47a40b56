//! What programs of two versions do with packets of one flow, while one version takes over from the other.

use std::{collections::BTreeSet, fs, path::PathBuf, process::Command};

use dnlb_abi::{ROUTER_MAC, instance_mac, tunnel_mac};
use dnlb_switch::{Capacities, Switch, SwitchOptions};
use dnlb_testkit::{Scene, TEST_IFINDEX, TestFrame};

const SYN: u8 = 2;
const SYN_ACK: u8 = 18;
const ACK: u8 = 16;
/// `TC_ACT_SHOT` and `TC_ACT_REDIRECT`.
const DROPPED: u32 = 2;
const SENT: u32 = 7;

/// A BPF file system of its own.
struct Pins(PathBuf);

impl Pins {
    fn mount(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("dnlb-upgrade-{}-{name}", std::process::id()));
        fs::create_dir(&path).expect("a folder of its own");
        let mounted = Command::new("mount").args(["-t", "bpf", "bpf"]).arg(&path).status();
        assert!(mounted.is_ok_and(|status| status.success()), "mounting {}", path.display());
        Self(path)
    }

    /// A version that has room for so many flows, so that its flow maps are its own.
    fn open(&self, flows: u32, scene: &Scene) -> Switch {
        let capacities = Capacities { flows, flows_half_open: 4096, ..Capacities::default() };
        let mut switch =
            Switch::open(SwitchOptions { pin_dir: self.0.clone(), capacities }).expect("the programs load");
        switch.apply(&scene.state()).expect("the scene is written");
        switch.load_overlay_test().expect("the program loads");
        switch
    }
}

impl Drop for Pins {
    fn drop(&mut self) {
        let _ = Command::new("umount").args(["-l"]).arg(&self.0).status();
        let _ = fs::remove_dir(&self.0);
    }
}

/// Instance 1 opens a connection to instance 3 on host 2 by the programs of `opened`; the answer meets those of `answered`.
fn open_and_answer(opened: &Switch, answered: &Switch, port: u16) -> u32 {
    let syn = TestFrame::syn(&format!("10.0.0.11:{port}"), "10.0.0.13:80").macs(ROUTER_MAC, instance_mac(1));
    let sent = opened.run_classifier("from_instance", &syn.build(), TEST_IFINDEX, [0; 2]).expect("it runs");
    assert_eq!(sent.returned, SENT);
    let answer = TestFrame::syn("10.0.0.13:80", &format!("10.0.0.11:{port}"))
        .flags(SYN_ACK)
        .macs(instance_mac(1), tunnel_mac(0, false));
    let from_host_2 = [7, u32::from_be_bytes([172, 16, 0, 2])];
    let got = answered.run_classifier("from_overlay_test", &answer.build(), TEST_IFINDEX, from_host_2);
    got.expect("it runs").returned
}

#[test]
#[ignore = "needs root"]
fn a_flow_that_one_version_made_is_known_to_the_other() {
    // Nobody may come in, so an answer comes in only if its flow is known.
    let scene = Scene::new().instance(1, 7, "10.0.0.11", 1).instance(3, 7, "10.0.0.13", 2);
    let only_out = dnlb_model::FilterRule {
        direction: dnlb_model::Direction::Out,
        protocol: dnlb_model::RuleProtocol::All,
        prefix: dnlb_testkit::parse_prefix("0.0.0.0/0"),
        ports: (0, 0),
        allow: true,
    };
    let scene = scene.security(1, vec![only_out]);
    let pins = Pins::mount("known");
    let former = pins.open(1024, &scene);
    assert_eq!(open_and_answer(&former, &former, 40_000), SENT);

    let mut next = pins.open(2048, &scene);
    assert_eq!(open_and_answer(&former, &next, 40_001), DROPPED, "nothing was said yet");
    next.take_over().expect("it takes over");
    assert_eq!(open_and_answer(&former, &next, 40_002), SENT);
    assert_eq!(open_and_answer(&next, &former, 40_003), SENT);
    // The same ports again, after a record of them was made here.
    assert_eq!(open_and_answer(&former, &next, 40_003), SENT);

    next.finish_taking_over().expect("the former version goes");
    let flows = next.flows().expect("they are read");
    let known: BTreeSet<u32> =
        flows.iter().flat_map(|flow| [flow.0.ports & 0xffff, flow.0.ports >> 16]).collect();
    assert!(known.is_superset(&(40_000..=40_003).collect()), "{known:?}");
    assert_eq!(open_and_answer(&next, &next, 40_004), SENT);
}

#[test]
#[ignore = "needs root"]
fn a_server_goes_on_speaking_after_the_upgrade_and_after_the_way_back() {
    let scene = Scene::new()
        .instance(1, 7, "10.0.0.11", 1)
        .instance(3, 7, "10.0.0.13", 2)
        .service(1, 7, "10.0.0.100", 80, &[(1, 1, 8080)])
        .service(2, 7, "10.0.0.101", 53, &[(1, 1, 5353)])
        .udp();
    let client = |flags: u8| {
        let frame = TestFrame::syn("10.0.0.13:40000", "10.0.0.100:80").flags(flags);
        frame.macs(instance_mac(1), tunnel_mac(0, false)).build()
    };
    let question = TestFrame::datagram("10.0.0.13:40000", "10.0.0.101:53")
        .macs(instance_mac(1), tunnel_mac(0, false))
        .build();
    let server = |flags: u8| {
        let frame = TestFrame::syn("10.0.0.11:8080", "10.0.0.13:40000").flags(flags);
        frame.macs(ROUTER_MAC, instance_mac(1)).build()
    };
    let datagram =
        TestFrame::datagram("10.0.0.11:5353", "10.0.0.13:40000").macs(ROUTER_MAC, instance_mac(1)).build();
    let comes = |switch: &Switch, frame: &[u8]| {
        let from_host_2 = [7, u32::from_be_bytes([172, 16, 0, 2])];
        let seen = switch.run_classifier("from_overlay_test", frame, TEST_IFINDEX, from_host_2);
        assert_eq!(seen.expect("it runs").returned, SENT);
    };
    let goes = |switch: &Switch, frame: &[u8]| {
        let seen = switch.run_classifier("from_instance", frame, TEST_IFINDEX, [0; 2]).expect("it runs");
        assert_eq!(seen.returned, SENT);
        seen.frame
    };

    let pins = Pins::mount("speaking");
    let former = pins.open(1024, &scene);
    comes(&former, &client(SYN));
    goes(&former, &server(SYN_ACK));
    comes(&former, &client(ACK));
    comes(&former, &question);
    let translated = [goes(&former, &server(ACK)), goes(&former, &datagram)];

    let mut switch = former;
    for flows in [2048, 1024] {
        let mut next = pins.open(flows, &scene);
        next.take_over().expect("it takes over");
        // The client says nothing any more.
        assert_eq!([goes(&next, &server(ACK)), goes(&next, &datagram)], translated);
        assert_eq!([goes(&switch, &server(ACK)), goes(&switch, &datagram)], translated, "not yet replaced");
        next.finish_taking_over().expect("the former version goes");
        assert_eq!([goes(&next, &server(ACK)), goes(&next, &datagram)], translated);
        switch = next;
    }
}

//! An instance, the outside and the underlay send what they may not: it is counted, arrives nowhere, and disturbs nobody.

#![allow(clippy::unwrap_used, reason = "a test may panic, also in its helpers")]

mod common;

use std::{
    fs::File,
    io::{Read, Write},
    net::{TcpStream, UdpSocket},
    os::fd::{AsRawFd, OwnedFd},
    path::PathBuf,
    thread,
    time::{Duration, Instant},
};

use common::{Region, text};
use dnlb_switch::LiveMaps;
use dnlb_testkit::TestFrame;
use nix::{
    ifaddrs::getifaddrs,
    sched::{CloneFlags, setns},
    sys::socket::{
        AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, recv, sendto, socket,
    },
};

/// In the payload of every frame that must not arrive.
const MARK: &[u8] = b"hostile!";
/// Where the switch is for whoever sends from an instance.
const ROUTER: [u8; 6] = [0x06, 0xfe, 0, 0, 0, 1];
/// What the inner source of an honest tunnel says.
const TUNNEL: [u8; 6] = [0x06, 0xfd, 0, 0, 0, 0];
/// Half-open records that a host has room for.
const HALF_OPEN: usize = 65_536;
/// For how long to wait for what must come.
const LIMIT: Duration = Duration::from_secs(20);
/// Who is outside.
const CLIENT: &str = "198.51.100.10";

#[test]
#[ignore = "needs root and a release build"]
fn nothing_hostile_arrives_or_disturbs_anybody() {
    let region = Region::up_with("hostile", "up --hosts-per-rack 1 --edges 1");
    let scene = Scene::prepare(&region);
    let before = region.processes();
    scene.an_honest_frame_arrives();
    scene.by_an_instance();
    scene.by_somebody_outside();
    scene.on_the_underlay();
    scene.a_flood();
    assert_eq!(region.processes(), before);
    assert!(before.values().all(|process| process.is_alive()), "{before:?}");
    assert_eq!(region.counted("drop_kernel"), 0);
}

struct Scene<'r> {
    region: &'r Region,
    vip: String,
    eip: String,
    /// VIP and instance of another VPC.
    others: [String; 2],
    attacker: (String, Wire),
    victim: (String, Wire),
    other: Wire,
    /// From outside, and from the attacker.
    held: [TcpStream; 2],
}

impl<'r> Scene<'r> {
    /// In two VPCs an instance behind a VIP, for TCP and UDP, one of them behind an EIP as well, and one on another host that attacks.
    fn prepare(region: &'r Region) -> Self {
        let instance = |name: &str, template: &str, az: &str| {
            let made =
                region.dnlb(&format!("instance create i-{name} --template {template} --az {az} --wait"));
            (text(&made, "/instanceId"), text(&made, "/privateIpAddress"))
        };
        let made = [("v", "10.0.0.0"), ("w", "10.1.0.0")].map(|(name, prefix)| {
            region.dnlb(&format!("vpc create {name} --prefix {prefix}/16"));
            region.dnlb(&format!("subnet create {name} --vpc {name} --prefix {prefix}/24"));
            region.dnlb(&format!("sg create {name} --vpc {name}"));
            for direction in ["in", "out"] {
                for protocol in ["tcp", "udp"] {
                    region.dnlb(&format!("sg allow {name} --direction {direction} --protocol {protocol}"));
                }
            }
            region.dnlb(&format!("template create {name} --subnet {name} --sg {name} --image img-blank"));
            let vip = text(&region.dnlb(&format!("lb create {name} --subnet {name}")), "/privateIp/privateIpAddress");
            let (id, addr) = instance(name, name, "lab-1a");
            region.serve_echo(&id, 7);
            region.dnlb(&format!("target-group create {name} --lb {name}"));
            region.dnlb(&format!("target-group register {name} --instance {id}"));
            region.dnlb(&format!(
                "backend create {name} --lb {name} --port 7 --target-group {name} --healthy-after 1 --check-timeout 2"
            ));
            region.dnlb(&format!("listener create {name} --lb {name} --port 80 --backend {name}"));
            region.dnlb(&format!(
                "backend create {name}u --lb {name} --protocol udp --port 7 --target-group {name} --check-protocol tcp --check-port 7 --healthy-after 1 --check-timeout 2"
            ));
            region.dnlb(&format!("listener create {name}u --lb {name} --protocol udp --port 80 --backend {name}u"));
            (vip, id, addr)
        });
        let [(vip, victim, victim_addr), (other_vip, other, other_addr)] = made;
        let attacker = instance("attacker", "v", "lab-1b");
        let eip = text(&region.dnlb("eip create"), "/elasticIpAddress");
        region.dnlb(&format!("lb associate-eip v {eip}"));
        region.dnlb("health v --wait 1");
        region.dnlb("health vu --wait 1");
        region.dnlb("status --wait");
        let hold = |place: &str, to: &str| {
            inside(region, place, || {
                let mut stream = TcpStream::connect((to, 80)).unwrap();
                stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                while {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).unwrap();
                    byte != *b"\n"
                } {}
                stream
            })
        };
        Self {
            held: [hold("client", &eip), hold(&attacker.0, &vip)],
            attacker: (attacker.1, Wire::open(region, &attacker.0, "eth0")),
            victim: (victim_addr, Wire::open(region, &victim, "eth0")),
            other: Wire::open(region, &other, "eth0"),
            others: [other_vip, other_addr],
            region,
            vip,
            eip,
        }
    }

    /// Or it would mean nothing that others do not.
    fn an_honest_frame_arrives(&self) {
        let frame = marked(&self.attacker.0, &self.vip, 80).macs(ROUTER, self.attacker.1.mac());
        self.attacker.1.send(&[frame.build()]);
        wait("honest", || u64::from(self.victim.1.heard() == 0));
    }

    fn by_an_instance(&self) {
        let (own, wire) = &self.attacker;
        let mac = wire.mac();
        let frame = |from: &str, to: &str, port| marked(from, to, port).macs(ROUTER, mac);
        let honest = frame(own, &self.vip, 80);
        let addresses =
            [&self.victim.0, &self.vip, &self.eip, &self.others[1], "127.0.0.1", "0.0.0.0", CLIENT];
        let mut spoofed: Vec<_> = addresses.iter().map(|from| frame(from, &self.vip, 80).build()).collect();
        for mac in [self.victim.1.mac(), ROUTER, TUNNEL, [0; 6], [0xff; 6]] {
            spoofed.push(honest.clone().macs(ROUTER, mac).build());
        }
        // Behind a VLAN's tag, too.
        let plain = &spoofed[0];
        spoofed.push([&plain[..12], &[0x81, 0, 0, 7], &plain[12..]].concat());
        self.refused("drop_spoofed", wire, &spoofed);
        self.refused("drop_malformed", wire, &malformed(&honest));
        let scan: Vec<_> =
            (1..=2_000).filter(|port| *port != 80).map(|port| frame(own, &self.vip, port).build()).collect();
        self.refused("reset_no_listener", wire, &scan);
        let underlay = self.underlay("host-a1");
        let astray: Vec<_> =
            [&self.others[0], &self.others[1], &underlay, CLIENT, "255.255.255.255", "224.0.0.1"]
                .iter()
                .map(|to| frame(own, to, 80).build())
                .collect();
        self.refused("drop_no_route", wire, &astray);
    }

    fn by_somebody_outside(&self) {
        let client = Wire::open(self.region, "client", "up0");
        let router = Wire::open(self.region, "router", "to-client").mac();
        let scan: Vec<_> = (1..=2_000)
            .filter(|port| *port != 80)
            .map(|port| marked(CLIENT, &self.eip, port).macs(router, client.mac()).build())
            .collect();
        self.refused("reset_no_listener", &client, &scan);
        // What routers drop, on the edge's own wire.
        let edge = Wire::open(self.region, "edge-1", "up0").mac();
        let wire = Wire::open(self.region, "router", "to-edge-1");
        let frame = |to: &str| marked(CLIENT, to, 80).macs(edge, wire.mac());
        self.refused("passed", &wire, &malformed(&frame(&self.eip)));
        self.refused("passed", &wire, &[frame(&self.vip).build(), frame(&self.victim.0).build()]);
        let host = Wire::open(self.region, "host-a1", "up0").mac();
        let wire = Wire::open(self.region, "router", "to-host-a1");
        for to in [&self.eip, &self.vip, &self.victim.0] {
            wire.send(&[marked(CLIENT, to, 80).macs(host, wire.mac()).build()]);
        }
        // Nobody is between: it would have arrived by now.
        thread::sleep(Duration::from_secs(1));
        self.nothing_arrived("to a host");
        // Whoever answers these answers himself.
        let syn = TestFrame::syn(&format!("{}:80", self.eip), &format!("{}:80", self.eip)).payload(MARK);
        let syn = syn.macs(router, client.mac());
        let datagram = TestFrame { protocol: 17, ..syn.clone() };
        self.refused("drop_spoofed", &client, &[syn.build(), datagram.build()]);
    }

    fn on_the_underlay(&self) {
        let said = self
            .region
            .exec("edge-1", &format!("dnlb --output json explain --from {CLIENT}:5000 --to {}:80", self.eip));
        let said: serde_json::Value = serde_json::from_str(&said).unwrap();
        let vni = said.as_array().unwrap().last().unwrap()["vni"].as_u64().unwrap() as u32;
        let frame = |to: &str| marked(CLIENT, to, 80).macs(self.victim.1.mac(), TUNNEL);
        let frames = [
            frame(&self.vip).build(),
            frame(&self.eip).build(),
            marked(CLIENT, &self.victim.0, 7).macs(self.victim.1.mac(), TUNNEL).build(),
        ];
        for place in ["client", "router"] {
            self.tunnelled("drop_foreign_tunnel", place, vni, &frames);
        }
        self.tunnelled("drop_wrong_vpc", "host-b1", vni + 1, &frames);
        self.tunnelled("drop_wrong_vpc", "host-b1", 0, &frames);
        let nobody = frame(&self.victim.0).macs([0x06, 0x01, 0x0f, 0xff, 0xff, 0xff], TUNNEL);
        self.tunnelled("drop_unknown_instance", "host-b1", vni, &[nobody.build()]);
        self.tunnelled(
            "drop_no_listener",
            "host-b1",
            vni,
            &[frame(&self.others[0]).build(), frame(CLIENT).build()],
        );
        let mut malformed = malformed(&frame(&self.vip));
        // What is shorter than an IP header ends in the kernel's own tunnel.
        malformed.retain(|frame| frame.len() >= 34);
        self.tunnelled("drop_malformed", "host-b1", vni, &malformed);
    }

    fn a_flood(&self) {
        let was = self.region.counted("delivered");
        while self.region.counted("delivered") < was + 3 * HALF_OPEN as u64 {
            self.region.exec("client", &format!("dnlb guest flood --to {}:80 --seconds 1", self.eip));
            self.still_echo();
        }
        let maps = LiveMaps::open(&self.region.lab().files().node("host-a1").join("bpf")).unwrap();
        let half_open = maps.flows().filter(|flow| !flow.as_ref().unwrap().2).count();
        println!("{half_open} half-open records");
        assert!((HALF_OPEN / 2..=HALF_OPEN).contains(&half_open), "{half_open}");
    }

    /// Sends frames into the tunnel of the victim's host.
    fn tunnelled(&self, outcome: &str, place: &str, vni: u32, frames: &[Vec<u8>]) {
        let to = self.underlay("host-a1");
        let header = [&[8, 0, 0, 0][..], &(vni << 8).to_be_bytes()].concat();
        let send = || {
            inside(self.region, place, || {
                let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
                for frame in frames {
                    socket.send_to(&[&header, frame.as_slice()].concat(), (to.as_str(), 4789)).unwrap();
                }
            });
        };
        self.counted(outcome, frames.len(), send);
    }

    /// Sends frames that all end so.
    fn refused(&self, outcome: &str, wire: &Wire, frames: &[Vec<u8>]) {
        self.counted(outcome, frames.len(), || wire.send(frames));
    }

    /// So many frames are counted, none arrives, and who is connected stays so.
    fn counted(&self, outcome: &str, frames: usize, send: impl FnOnce()) {
        let was = self.region.counted(outcome);
        send();
        wait(outcome, || (was + frames as u64).saturating_sub(self.region.counted(outcome)));
        self.nothing_arrived(outcome);
        self.still_echo();
    }

    fn nothing_arrived(&self, what: &str) {
        assert_eq!([self.victim.1.heard(), self.other.heard()], [0, 0], "{what}");
    }

    fn still_echo(&self) {
        for mut stream in &self.held {
            stream.write_all(b"hello").unwrap();
            let mut answer = [0; 5];
            stream.read_exact(&mut answer).unwrap();
            assert_eq!(&answer, b"hello");
        }
    }

    fn underlay(&self, node: &str) -> String {
        self.region.lab().topology().node(node).unwrap().link.unwrap().v4.addr().to_string()
    }
}

/// A SYN that must not arrive.
fn marked(from: &str, to: &str, port: u16) -> TestFrame {
    TestFrame::syn(&format!("{from}:666"), &format!("{to}:{port}")).payload(MARK)
}

/// Waits until nothing is missing.
fn wait(what: &str, missing: impl Fn() -> u64) {
    let start = Instant::now();
    loop {
        match missing() {
            0 => return,
            missing => assert!(start.elapsed() < LIMIT, "{what}: {missing} are missing"),
        }
        thread::sleep(Duration::from_millis(100));
    }
}

/// The frame with every length that is wrong, and cut off everywhere.
fn malformed(frame: &TestFrame) -> Vec<Vec<u8>> {
    let tcp = frame.build();
    let udp = TestFrame { protocol: 17, ..frame.clone() }.build();
    // The version and the IP header's length, the packet's, the TCP header's.
    let lengths =
        [(14, &[0x65][..]), (14, &[0x40]), (14, &[0x44]), (14, &[0x4f]), (16, &[0xff, 0xff]), (16, &[0, 0])];
    let tcp_lengths = [(16, &[0, 19][..]), (46, &[0]), (46, &[0x40]), (46, &[0xf0])];
    let udp_lengths = [(16, &[0, 27][..]), (38, &[0, 0]), (38, &[0, 7]), (38, &[0xff, 0xff])];
    let with = |frame: &Vec<u8>, (at, bytes): (usize, &[u8])| {
        let mut frame = frame.clone();
        frame[at..at + bytes.len()].copy_from_slice(bytes);
        frame
    };
    let mut all: Vec<_> = lengths.into_iter().chain(tcp_lengths).map(|wrong| with(&tcp, wrong)).collect();
    all.extend(lengths.into_iter().chain(udp_lengths).map(|wrong| with(&udp, wrong)));
    all.extend((15..tcp.len()).map(|len| tcp[..len].to_vec()));
    // IPv6 by its type, and not by its version.
    all.push(with(&tcp, (12, &[0x86, 0xdd])));
    all
}

/// An interface as whoever sits there sees it.
struct Wire {
    socket: OwnedFd,
    link: LinkAddr,
}

impl Wire {
    fn open(region: &Region, place: &str, interface: &str) -> Self {
        inside(region, place, || {
            let mut all = getifaddrs().unwrap().filter(|one| one.interface_name == interface);
            let link = all.find_map(|one| one.address?.as_link_addr().copied()).unwrap();
            let kind = (AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll);
            Self { socket: socket(kind.0, kind.1, kind.2, kind.3).unwrap(), link }
        })
    }

    fn mac(&self) -> [u8; 6] {
        self.link.addr().unwrap()
    }

    fn send(&self, frames: &[Vec<u8>]) {
        // Queues are short.
        for some in frames.chunks(32) {
            for frame in some {
                sendto(self.socket.as_raw_fd(), frame, &self.link, MsgFlags::empty()).unwrap();
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// How many marked frames came since it was asked last.
    fn heard(&self) -> usize {
        let mut frame = [0; 2048];
        let next = || {
            recv(self.socket.as_raw_fd(), &mut frame, MsgFlags::MSG_DONTWAIT)
                .ok()
                .map(|len| frame[..len].windows(MARK.len()).any(|window| window == MARK))
        };
        std::iter::from_fn(next).filter(|marked| *marked).count()
    }
}

/// Calls `work` in the network of a node or an instance.
fn inside<T: Send>(region: &Region, place: &str, work: impl FnOnce() -> T + Send) -> T {
    let lab = region.lab();
    let instances = lab.instances();
    let path = match instances.iter().find(|(id, _, _)| id == place) {
        Some((_, _, process)) => format!("/proc/{}/ns/net", process.pid).into(),
        None => PathBuf::from("/run/netns").join(dnlb_lab::namespace(lab.name(), place)),
    };
    let network = File::open(path).unwrap();
    let enter = || {
        setns(network, CloneFlags::CLONE_NEWNET).unwrap();
        work()
    };
    thread::scope(|scope| scope.spawn(enter).join().unwrap())
}

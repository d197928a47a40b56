//! Deciding a frame without doing anything.

use dnlb_abi::{Addr, InstanceEntry, Outcome, instance_of_mac};
use dnlb_datapath::{
    EdgeSink, Outer, Packet, Rewrite, Room, Sink, Tunnel, edge, flow_of_error, from_instance, from_overlay,
    probe,
};
use dnlb_wire::{Ethernet, Unreachable, arp, parse};

use crate::{Fate, Maps, Program, Step, Verdict, recorder::Recorder};

/// Why a packet has the fate that it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// The program that decided.
    pub program: Program,
    /// The packet as it came; zero where it could not be parsed.
    pub packet: Packet,
    /// What the program asked, in order, and what it would have written.
    pub steps: Vec<Step>,
    /// What it decided.
    pub verdict: Verdict,
}

/// Decides `frame` as `program` would, on `maps`, and changes nothing: the very function that is compiled into the kernel's
/// programs, on tables that only read.
///
/// What the kernel itself may refuse at that moment (a full map, a change of the packet) is not foreseen.
///
/// # Errors
/// When a map could not be read.
pub fn explain<M: Maps>(maps: &M, program: Program, frame: &[u8]) -> Result<Explanation, M::Error> {
    let mut packet = Packet::default();
    // How far it can be parsed is the program's to judge.
    if let Some(ethernet) = Ethernet::read(&frame) {
        let _ = parse(&frame, &ethernet, &mut packet);
    }
    let recorder = Recorder::new(maps, program, flow_of_error(&frame, &packet).unwrap_or(packet));
    let settings = maps.settings()?.unwrap_or_default();
    let (uplink, probe_link) = (settings.uplink_ifindex, settings.probe_ifindex);
    let teller = Teller { packet, program, uplink, probe_link };
    let mut room = Room::default();
    let verdict = match program {
        Program::Edge => edge(&frame, &recorder, &mut Packet::default(), || Some(&mut room), teller),
        Program::FromInstance { ifindex } => from_instance(&frame, &recorder, ifindex, &mut room, teller),
        Program::FromOverlay { vni, remote } => {
            let remote = remote.unwrap_or_default();
            from_overlay(&frame, &recorder, (vni, &remote), &mut room, teller)
        }
        Program::Probe => probe(&frame, &recorder, &mut room, teller),
    };
    Ok(Explanation { program, packet, steps: recorder.finish()?, verdict })
}

/// Tells the verdict instead of carrying it out.
struct Teller {
    packet: Packet,
    program: Program,
    uplink: u32,
    probe_link: u32,
}

impl Teller {
    fn verdict(&self, outcome: Outcome, fate: Fate, rewrite: &Rewrite) -> Verdict {
        let mut packet = self.packet;
        // An ICMP error has no ports.
        let port = |new: u16| if rewrite.error { 0 } else { new };
        if rewrite.source {
            (packet.src, packet.src_port) = (rewrite.src, port(rewrite.src_port));
        }
        if rewrite.destination {
            (packet.dst, packet.dst_port) = (rewrite.dst, port(rewrite.dst_port));
        }
        Verdict { outcome, fate, packet }
    }

    /// An answer goes back where the packet came from.
    fn answered(&self, outcome: Outcome) -> Verdict {
        let fate = match self.program {
            Program::FromInstance { ifindex } => Fate::Replied { ifindex },
            _ => Fate::Answered,
        };
        let Packet { src, dst, src_port, dst_port, .. } = self.packet;
        let turned = Rewrite {
            source: true,
            destination: true,
            src: dst,
            dst: src,
            src_port: dst_port,
            dst_port: src_port,
            ..Rewrite::default()
        };
        self.verdict(outcome, fate, &turned)
    }

    fn ended(&self, outcome: Outcome) -> Verdict {
        self.verdict(outcome, Fate::Ended, &Rewrite::default())
    }
}

impl Sink for Teller {
    type Verdict = Verdict;

    fn drop(self, outcome: Outcome) -> Verdict {
        self.ended(outcome)
    }

    fn arp_reply(self, _request: &arp::Request) -> Verdict {
        self.answered(Outcome::ArpReply)
    }

    fn neighbour_reply(self, _ethernet: &Ethernet, _packet: &Packet, _target: &Addr) -> Verdict {
        self.answered(Outcome::NeighbourReply)
    }

    fn echo_reply(self, _ethernet: &Ethernet, _packet: &Packet) -> Verdict {
        self.answered(Outcome::EchoReply)
    }

    fn reset(self, _ethernet: &Ethernet, _packet: &Packet, outcome: Outcome) -> Verdict {
        self.answered(outcome)
    }

    fn unreachable(
        self,
        _ethernet: &Ethernet,
        _packet: &Packet,
        _why: Unreachable,
        outcome: Outcome,
    ) -> Verdict {
        self.answered(outcome)
    }

    fn deliver(self, instance: &InstanceEntry, _packet: &Packet, rewrite: &Rewrite) -> Verdict {
        let fate = Fate::Delivered { instance: instance.number, ifindex: instance.ifindex };
        self.verdict(Outcome::Delivered, fate, rewrite)
    }

    fn tunnel(self, tunnel: &Tunnel, _packet: &Packet, rewrite: &Rewrite) -> Verdict {
        self.verdict(Outcome::Tunnelled, Fate::Tunnelled(*tunnel), rewrite)
    }

    fn reply_outside(self, _packet: &Packet, rewrite: &Rewrite) -> Verdict {
        self.verdict(Outcome::RepliedOutside, Fate::Replied { ifindex: self.uplink }, rewrite)
    }

    fn reply_probe(self, _packet: &Packet, rewrite: &Rewrite) -> Verdict {
        self.verdict(Outcome::RepliedProbe, Fate::Replied { ifindex: self.probe_link }, rewrite)
    }
}

impl EdgeSink for Teller {
    type Verdict = Verdict;

    fn pass(self) -> Verdict {
        self.ended(Outcome::Passed)
    }

    fn drop(self, outcome: Outcome) -> Verdict {
        self.ended(outcome)
    }

    fn echo_reply(self, _ethernet: &Ethernet, _packet: &Packet) -> Verdict {
        self.answered(Outcome::EchoReply)
    }

    fn reset(self, _ethernet: &Ethernet, _packet: &Packet, outcome: Outcome) -> Verdict {
        self.answered(outcome)
    }

    fn unreachable(
        self,
        _ethernet: &Ethernet,
        _packet: &Packet,
        _why: Unreachable,
        outcome: Outcome,
    ) -> Verdict {
        self.answered(outcome)
    }

    fn forward(self, outer: &Outer, inner: &[u8; 12]) -> Verdict {
        let mac = [inner[0], inner[1], inner[2], inner[3], inner[4], inner[5]];
        let fate = Fate::Forwarded { remote: outer.dst, vni: outer.vni, instance: instance_of_mac(mac) };
        self.verdict(Outcome::Forwarded, fate, &Rewrite::default())
    }
}

//! Deciding a frame without doing anything.

use dnlb_abi::{Addr, InstanceEntry, Outcome, instance_of_mac};
use dnlb_datapath::{
    EdgeSink, Outer, Packet, Rewrite, Room, Sink, Tunnel, edge, flow_of_error, from_instance, from_overlay,
    probe,
};
use dnlb_wire::{Ethernet, Unreachable, arp, parse};

use crate::{
    Carried, Carrier, Fate, Maps, Program, Step, Verdict,
    recorder::{Memory, Recorder},
};

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
    Ok(decide(maps, program, frame, Memory::default())?.0)
}

/// Packet after packet on one host's maps, each after what those before it would have written: flow records, fragments.
///
/// The maps themselves never change; what was read of a flow once is not read again.
pub struct Replay<'m, M: Maps> {
    maps: &'m M,
    memory: Memory,
}

impl<'m, M: Maps> Replay<'m, M> {
    /// From the maps as they are, of every packet that the host sees.
    #[must_use]
    pub fn new(maps: &'m M) -> Self {
        Self { maps, memory: Memory::default() }
    }

    /// From the maps as they are, of a capture that may lack one direction: that of an uplink has no replies of instances. Whoever
    /// goes on after a SYN is taken for answered.
    #[must_use]
    pub fn of_capture(maps: &'m M) -> Self {
        Self { maps, memory: Memory::of_one_direction() }
    }

    /// [`explain`] of the next packet, and the frame as it goes on.
    ///
    /// # Errors
    /// When a map could not be read.
    pub fn decide(&mut self, program: Program, frame: &[u8]) -> Result<(Explanation, Carried), M::Error> {
        let (explanation, carried, memory) =
            decide(self.maps, program, frame, std::mem::take(&mut self.memory))?;
        self.memory = memory;
        Ok((explanation, carried))
    }
}

fn decide<M: Maps>(
    maps: &M,
    program: Program,
    frame: &[u8],
    memory: Memory,
) -> Result<(Explanation, Carried, Memory), M::Error> {
    let mut packet = Packet::default();
    // How far it can be parsed is the program's to judge.
    if let Some(ethernet) = Ethernet::read(&frame) {
        let _ = parse(&frame, &ethernet, &mut packet);
    }
    let recorder = Recorder::new(maps, program, flow_of_error(&frame, &packet).unwrap_or(packet), memory);
    let settings = maps.settings()?.unwrap_or_default();
    let (uplink, probe_link) = (settings.uplink_ifindex, settings.probe_ifindex);
    let ifindex = if let Program::FromInstance { ifindex } = program { ifindex } else { 0 };
    let carrier = Carrier { frame, settings, ifindex, encapsulates: true, concerned: (0, 0) };
    let teller = Teller { packet, program, uplink, probe_link, carrier };
    let mut room = Room::default();
    let (verdict, carried) = match program {
        Program::Edge => edge(&frame, &recorder, &mut Packet::default(), || Some(&mut room), teller),
        Program::FromInstance { ifindex } => from_instance(&frame, &recorder, ifindex, &mut room, teller),
        Program::FromOverlay { vni, remote } => {
            let remote = remote.unwrap_or_default();
            from_overlay(&frame, &recorder, (vni, &remote), &mut room, teller)
        }
        Program::Probe => probe(&frame, &recorder, &mut room, teller),
    };
    let (steps, memory) = recorder.finish()?;
    Ok((Explanation { program, packet, steps, verdict }, carried, memory))
}

/// Tells the verdict beside carrying it out on bytes.
struct Teller<'f> {
    packet: Packet,
    program: Program,
    uplink: u32,
    probe_link: u32,
    carrier: Carrier<'f>,
}

impl Teller<'_> {
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

impl Sink for Teller<'_> {
    type Verdict = (Verdict, Carried);

    fn concerns(&mut self, service: u32, instance: u32) {
        Sink::concerns(&mut self.carrier, service, instance);
    }

    fn drop(self, outcome: Outcome) -> Self::Verdict {
        let verdict = self.ended(outcome);
        (verdict, Sink::drop(self.carrier, outcome))
    }

    fn arp_reply(self, request: &arp::Request) -> Self::Verdict {
        let verdict = self.answered(Outcome::ArpReply);
        (verdict, Sink::arp_reply(self.carrier, request))
    }

    fn neighbour_reply(self, ethernet: &Ethernet, packet: &Packet, target: &Addr) -> Self::Verdict {
        let verdict = self.answered(Outcome::NeighbourReply);
        (verdict, Sink::neighbour_reply(self.carrier, ethernet, packet, target))
    }

    fn echo_reply(self, ethernet: &Ethernet, packet: &Packet) -> Self::Verdict {
        let verdict = self.answered(Outcome::EchoReply);
        (verdict, Sink::echo_reply(self.carrier, ethernet, packet))
    }

    fn reset(self, ethernet: &Ethernet, packet: &Packet, outcome: Outcome) -> Self::Verdict {
        let verdict = self.answered(outcome);
        (verdict, Sink::reset(self.carrier, ethernet, packet, outcome))
    }

    fn unreachable(
        self,
        ethernet: &Ethernet,
        packet: &Packet,
        why: Unreachable,
        outcome: Outcome,
    ) -> Self::Verdict {
        let verdict = self.answered(outcome);
        (verdict, Sink::unreachable(self.carrier, ethernet, packet, why, outcome))
    }

    fn deliver(self, instance: &InstanceEntry, packet: &Packet, rewrite: &Rewrite) -> Self::Verdict {
        let fate = Fate::Delivered { instance: instance.number, ifindex: instance.ifindex };
        let verdict = self.verdict(Outcome::Delivered, fate, rewrite);
        (verdict, Sink::deliver(self.carrier, instance, packet, rewrite))
    }

    fn tunnel(self, tunnel: &Tunnel, packet: &Packet, rewrite: &Rewrite) -> Self::Verdict {
        let verdict = self.verdict(Outcome::Tunnelled, Fate::Tunnelled(*tunnel), rewrite);
        (verdict, Sink::tunnel(self.carrier, tunnel, packet, rewrite))
    }

    fn reply_outside(self, packet: &Packet, rewrite: &Rewrite) -> Self::Verdict {
        let verdict = self.verdict(Outcome::RepliedOutside, Fate::Replied { ifindex: self.uplink }, rewrite);
        (verdict, Sink::reply_outside(self.carrier, packet, rewrite))
    }

    fn reply_probe(self, packet: &Packet, rewrite: &Rewrite) -> Self::Verdict {
        let verdict =
            self.verdict(Outcome::RepliedProbe, Fate::Replied { ifindex: self.probe_link }, rewrite);
        (verdict, Sink::reply_probe(self.carrier, packet, rewrite))
    }
}

impl EdgeSink for Teller<'_> {
    type Verdict = (Verdict, Carried);

    fn concerns(&mut self, service: u32) {
        EdgeSink::concerns(&mut self.carrier, service);
    }

    fn pass(self) -> Self::Verdict {
        let verdict = self.ended(Outcome::Passed);
        (verdict, EdgeSink::pass(self.carrier))
    }

    fn drop(self, outcome: Outcome) -> Self::Verdict {
        let verdict = self.ended(outcome);
        (verdict, EdgeSink::drop(self.carrier, outcome))
    }

    fn echo_reply(self, ethernet: &Ethernet, packet: &Packet) -> Self::Verdict {
        let verdict = self.answered(Outcome::EchoReply);
        (verdict, EdgeSink::echo_reply(self.carrier, ethernet, packet))
    }

    fn reset(self, ethernet: &Ethernet, packet: &Packet, outcome: Outcome) -> Self::Verdict {
        let verdict = self.answered(outcome);
        (verdict, EdgeSink::reset(self.carrier, ethernet, packet, outcome))
    }

    fn unreachable(
        self,
        ethernet: &Ethernet,
        packet: &Packet,
        why: Unreachable,
        outcome: Outcome,
    ) -> Self::Verdict {
        let verdict = self.answered(outcome);
        (verdict, EdgeSink::unreachable(self.carrier, ethernet, packet, why, outcome))
    }

    fn forward(self, outer: &Outer, inner: &[u8; 12]) -> Self::Verdict {
        let mac = [inner[0], inner[1], inner[2], inner[3], inner[4], inner[5]];
        let fate = Fate::Forwarded { remote: outer.dst, vni: outer.vni, instance: instance_of_mac(mac) };
        let verdict = self.verdict(Outcome::Forwarded, fate, &Rewrite::default());
        (verdict, EdgeSink::forward(self.carrier, outer, inner))
    }
}

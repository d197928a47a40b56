//! Verdicts on bytes: what the kernel's programs do on packets.

use dnlb_abi::{
    Addr, InstanceEntry, Outcome, ROUTER_MAC, Settings, instance_mac, instance_of_mac, tunnel_mac,
};
use dnlb_datapath::{EdgeSink, Outer, Packet, Rewrite, Sink, Tunnel, rewrite_error};
use dnlb_wire::{
    ADVERTISEMENT_LEN, Ethernet, Fragment, ICMP, ICMPV6, RESET_LEN, RESET_LEN_V6, UDP, UNREACHABLE_LEN,
    UNREACHABLE_LEN_V6, Unreachable, advertisement, arp, is_v4, replace, replace_addr, reset, reset_v6,
    unreachable, unreachable_v6, v4,
};

/// Carries out verdicts on bytes, as the kernel's programs do on packets.
#[derive(Clone, Copy, Debug)]
pub struct Carrier<'f> {
    /// The frame that was decided.
    pub frame: &'f [u8],
    /// The host's settings.
    pub settings: Settings,
    /// Interface on which it came in.
    pub ifindex: u32,
    /// Whether an edge itself puts the outer header in front.
    pub encapsulates: bool,
    /// Numbers of the service and of the instance that the packet concerns; 0: none, and so it begins.
    pub concerned: (u32, u32),
}

/// What has become of a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Carried {
    /// The outcome; [`Outcome::DropKernel`] when the frame ends before what was to be written.
    pub outcome: Outcome,
    /// As programs leave them for tests: interface and instance of whom it was delivered to; or, of what went into a tunnel,
    /// underlay address (IPv4), VNI, instance, hop.
    pub details: [u32; 4],
    /// As [`Carrier::concerned`] in the end.
    pub concerned: (u32, u32),
    /// The frame as it goes on; of one that was dropped or passed, as it came.
    pub frame: Vec<u8>,
}

impl Carrier<'_> {
    /// An answer to the frame.
    fn answered(&self, ethernet: &Ethernet, packet: &Packet, answer: Answer) -> Option<Vec<u8>> {
        Some(match (answer, packet.v6) {
            (Answer::Echo, _) => {
                let mut frame = self.frame.to_vec();
                dnlb_wire::echo_reply(&mut frame.as_mut_slice(), ethernet, packet).then_some(frame)?
            }
            (Answer::Neighbour(target), _) => {
                let mut frame = [0; ADVERTISEMENT_LEN];
                advertisement(&mut frame, ethernet, packet, &target, ROUTER_MAC);
                frame.to_vec()
            }
            (Answer::Reset, false) => {
                let mut frame = [0; RESET_LEN];
                reset(&mut frame, ethernet, packet);
                frame.to_vec()
            }
            (Answer::Reset, true) => {
                let mut frame = [0; RESET_LEN_V6];
                reset_v6(&mut frame, ethernet, packet);
                frame.to_vec()
            }
            (Answer::Unreachable(why), false) => {
                let mut frame = [0; UNREACHABLE_LEN];
                unreachable(&mut frame, &self.frame, ethernet, packet, why).then(|| frame.to_vec())?
            }
            (Answer::Unreachable(why), true) => {
                let mut frame = [0; UNREACHABLE_LEN_V6];
                unreachable_v6(&mut frame, &self.frame, ethernet, packet, why).then(|| frame.to_vec())?
            }
        })
    }

    fn rewritten(
        &self,
        packet: &Packet,
        rewrite: &Rewrite,
        macs: Option<([u8; 6], [u8; 6])>,
    ) -> Option<Vec<u8>> {
        let mut frame = self.frame.to_vec();
        if rewrite.error {
            rewrite_error(&mut frame.as_mut_slice(), packet, rewrite).then_some(())?;
        } else {
            if rewrite.reset {
                become_reset(&mut frame, packet);
            }
            if rewrite.source {
                endpoint(&mut frame, packet, false, (rewrite.src, rewrite.src_port));
            }
            if rewrite.destination {
                endpoint(&mut frame, packet, true, (rewrite.dst, rewrite.dst_port));
            }
        }
        if let Some((dst, src)) = macs {
            frame[..6].copy_from_slice(&dst);
            frame[6..12].copy_from_slice(&src);
        }
        Some(frame)
    }

    /// A frame as it goes on, if it could be written.
    fn carried(&self, outcome: Outcome, details: [u32; 4], frame: Option<Vec<u8>>) -> Carried {
        match frame {
            Some(frame) => Carried { outcome, details, concerned: self.concerned, frame },
            None => Carried { outcome: Outcome::DropKernel, ..self.unchanged(outcome) },
        }
    }

    fn unchanged(&self, outcome: Outcome) -> Carried {
        Carried { outcome, details: [0; 4], concerned: self.concerned, frame: self.frame.to_vec() }
    }
}

/// How a frame is answered.
#[derive(Clone, Copy)]
enum Answer {
    Echo,
    Neighbour(Addr),
    Reset,
    Unreachable(Unreachable),
}

/// Writes the packet's flags, and nothing else that a TCP header has.
fn become_reset(frame: &mut [u8], packet: &Packet) {
    let at = packet.l4_offset + 12;
    let word = |frame: &[u8], at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    let (old, check) = (word(frame, at), word(frame, at + 4));
    let new = old & 0xf000 | u16::from(packet.flags.0);
    frame[at..at + 2].copy_from_slice(&new.to_be_bytes());
    frame[at + 4..at + 6].copy_from_slice(&replace(check, old, new).to_be_bytes());
}

/// Writes an address and a port, and updates the checksums.
fn endpoint(frame: &mut [u8], packet: &Packet, destination: bool, (addr, port): (Addr, u16)) {
    let u16_at = |frame: &[u8], at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    let (old, old_port) =
        if destination { (packet.dst, packet.dst_port) } else { (packet.src, packet.src_port) };
    if packet.v6 {
        let at = if destination { 38 } else { 22 };
        frame[at..at + 16].copy_from_slice(&addr);
    } else {
        let at = if destination { 30 } else { 26 };
        let check = replace_addr(u16_at(frame, 24), &old, &addr);
        frame[24..26].copy_from_slice(&check.to_be_bytes());
        frame[at..at + 4].copy_from_slice(&v4(addr));
    }
    if packet.protocol == ICMP || packet.fragment == Fragment::Later {
        return;
    }
    let l4 = packet.l4_offset;
    let check_at = match packet.protocol {
        UDP => l4 + 6,
        ICMPV6 => l4 + 2,
        _ => l4 + 16,
    };
    let check = u16_at(frame, check_at);
    let none = packet.protocol == UDP && check == 0;
    let mut mended = replace_addr(check, &old, &addr);
    if packet.protocol != ICMPV6 {
        mended = replace(mended, old_port, port);
        let port_at = if destination { l4 + 2 } else { l4 };
        frame[port_at..port_at + 2].copy_from_slice(&port.to_be_bytes());
    }
    let mended = if packet.protocol == UDP && mended == 0 { 0xffff } else { mended };
    if !none {
        frame[check_at..check_at + 2].copy_from_slice(&mended.to_be_bytes());
    }
}

impl Sink for Carrier<'_> {
    type Verdict = Carried;

    fn concerns(&mut self, service: u32, instance: u32) {
        self.concerned = (service, instance);
    }

    fn drop(self, outcome: Outcome) -> Carried {
        self.unchanged(outcome)
    }

    fn arp_reply(self, request: &arp::Request) -> Carried {
        let mut frame = self.frame.to_vec();
        frame[..42].copy_from_slice(&request.reply(ROUTER_MAC));
        self.carried(Outcome::ArpReply, [self.ifindex, 0, 0, 0], Some(frame))
    }

    fn neighbour_reply(self, ethernet: &Ethernet, packet: &Packet, target: &Addr) -> Carried {
        let frame = self.answered(ethernet, packet, Answer::Neighbour(*target));
        self.carried(Outcome::NeighbourReply, [self.ifindex, 0, 0, 0], frame)
    }

    fn echo_reply(self, ethernet: &Ethernet, packet: &Packet) -> Carried {
        let frame = self.answered(ethernet, packet, Answer::Echo);
        self.carried(Outcome::EchoReply, [self.ifindex, 0, 0, 0], frame)
    }

    fn reset(self, ethernet: &Ethernet, packet: &Packet, outcome: Outcome) -> Carried {
        self.carried(outcome, [self.ifindex, 0, 0, 0], self.answered(ethernet, packet, Answer::Reset))
    }

    fn unreachable(
        self,
        ethernet: &Ethernet,
        packet: &Packet,
        why: Unreachable,
        outcome: Outcome,
    ) -> Carried {
        self.carried(
            outcome,
            [self.ifindex, 0, 0, 0],
            self.answered(ethernet, packet, Answer::Unreachable(why)),
        )
    }

    fn deliver(self, instance: &InstanceEntry, packet: &Packet, rewrite: &Rewrite) -> Carried {
        let frame = self.rewritten(packet, rewrite, Some((instance.mac, ROUTER_MAC)));
        self.carried(Outcome::Delivered, [instance.ifindex, instance.number, 0, 0], frame)
    }

    fn tunnel(self, tunnel: &Tunnel, packet: &Packet, rewrite: &Rewrite) -> Carried {
        let macs = (instance_mac(tunnel.instance), tunnel_mac(tunnel.hop, tunnel.from_edge));
        let frame = self.rewritten(packet, rewrite, Some(macs));
        let remote = u32::from_be_bytes(v4(tunnel.remote));
        self.carried(Outcome::Tunnelled, [remote, tunnel.vni, tunnel.instance, tunnel.hop.into()], frame)
    }

    fn reply_outside(self, packet: &Packet, rewrite: &Rewrite) -> Carried {
        let frame = self.rewritten(packet, rewrite, None);
        self.carried(Outcome::RepliedOutside, [self.settings.uplink_ifindex, 0, 0, 0], frame)
    }

    fn reply_probe(self, packet: &Packet, rewrite: &Rewrite) -> Carried {
        let frame = self.rewritten(packet, rewrite, Some((self.settings.probe_mac, ROUTER_MAC)));
        self.carried(Outcome::RepliedProbe, [self.settings.probe_ifindex, 0, 0, 0], frame)
    }
}

impl EdgeSink for Carrier<'_> {
    type Verdict = Carried;

    fn concerns(&mut self, service: u32) {
        self.concerned = (service, 0);
    }

    fn pass(self) -> Carried {
        self.unchanged(Outcome::Passed)
    }

    fn drop(self, outcome: Outcome) -> Carried {
        self.unchanged(outcome)
    }

    fn echo_reply(self, ethernet: &Ethernet, packet: &Packet) -> Carried {
        self.carried(Outcome::EchoReply, [0; 4], self.answered(ethernet, packet, Answer::Echo))
    }

    fn reset(self, ethernet: &Ethernet, packet: &Packet, outcome: Outcome) -> Carried {
        self.carried(outcome, [0; 4], self.answered(ethernet, packet, Answer::Reset))
    }

    fn unreachable(
        self,
        ethernet: &Ethernet,
        packet: &Packet,
        why: Unreachable,
        outcome: Outcome,
    ) -> Carried {
        self.carried(outcome, [0; 4], self.answered(ethernet, packet, Answer::Unreachable(why)))
    }

    fn forward(self, outer: &Outer, inner: &[u8; 12]) -> Carried {
        let mac = [inner[0], inner[1], inner[2], inner[3], inner[4], inner[5]];
        let details = [u32::from_be_bytes(v4(outer.dst)), outer.vni, instance_of_mac(mac), inner[8].into()];
        let header = match (self.encapsulates, is_v4(&outer.dst)) {
            (false, _) => Vec::new(),
            (true, true) => outer.bytes().to_vec(),
            (true, false) => outer.bytes_v6().to_vec(),
        };
        self.carried(
            Outcome::Forwarded,
            details,
            Some([header.as_slice(), inner, &self.frame[12..]].concat()),
        )
    }
}

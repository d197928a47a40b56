//! Where verdicts go.

use dnlb_abi::{Addr, InstanceEntry, Outcome};
use dnlb_wire::{Ethernet, Outer, Packet, Quote, Unreachable, arp};

/// What to write into a packet before it goes on. Parts that are not switched on hold nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrite {
    /// Whether the segment becomes a reset: the sequence numbers and the payload stay.
    pub reset: bool,
    /// Whether source address and port change.
    pub source: bool,
    /// Whether destination address and port change.
    pub destination: bool,
    /// New source address.
    pub src: Addr,
    /// New destination address.
    pub dst: Addr,
    /// New source port.
    pub src_port: u16,
    /// New destination port.
    pub dst_port: u16,
    /// Whether the packet is an ICMP error that changes: [`crate::rewrite_error`] does it. Ports above mean nothing then.
    pub error: bool,
    /// Whether source address and port of the packet that it quotes change.
    pub quoted_source: bool,
    /// Whether destination address and port of the quoted packet change; never both.
    pub quoted_destination: bool,
    /// New port of the quoted packet.
    pub quoted_port: u16,
    /// New address of the quoted packet.
    pub quoted_addr: Addr,
    /// What an ICMP error quotes.
    pub quote: Quote,
}

impl Rewrite {
    /// Switches everything off; the rest need not be looked at then.
    #[inline(always)]
    pub(crate) fn clear(&mut self) {
        self.reset = false;
        self.source = false;
        self.destination = false;
        self.error = false;
        self.quoted_source = false;
        self.quoted_destination = false;
    }
}

/// Where a packet goes over the underlay.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tunnel {
    /// Underlay address of the receiving host, IPv4 as `::ffff:a.b.c.d`.
    pub remote: Addr,
    /// VNI of the VPC.
    pub vni: u32,
    /// Number of the instance for which it is.
    pub instance: u32,
    /// Hop number.
    pub hop: u8,
    /// Whether it came from outside by an edge.
    pub from_edge: bool,
    /// Traffic class of the packet, for the outer header too.
    pub tos: u8,
}

/// One method a verdict of the switch's programs; exactly one is called for each packet, but for [`Sink::concerns`].
///
/// Methods and not an enum: merging enums with payload from several places copies uninitialised bytes, which the
/// verifier refuses depending on how LLVM laid them out.
pub trait Sink {
    /// What the program returns.
    type Verdict;

    /// The packet is one of this service; of an instance of this host that serves, or 0. How it ends is counted for them, too, if it
    /// [`Outcome::concerns_service`]. The last call counts; a service of 0 takes it back.
    fn concerns(&mut self, service: u32, instance: u32);
    /// Drops it; `outcome` is the reason.
    fn drop(self, outcome: Outcome) -> Self::Verdict;
    /// Answers an ARP request with the router's MAC address, back where it came from.
    fn arp_reply(self, request: &arp::Request) -> Self::Verdict;
    /// Sends [`dnlb_wire::advertisement`] back where the solicitation came from: the router has the target.
    fn neighbour_reply(self, ethernet: &Ethernet, packet: &Packet, target: &Addr) -> Self::Verdict;
    /// Sends the ping back where it came from, as an echo reply.
    fn echo_reply(self, ethernet: &Ethernet, packet: &Packet) -> Self::Verdict;
    /// Sends [`dnlb_wire::reset`] back where the segment came from; `outcome` is the reason.
    fn reset(self, ethernet: &Ethernet, packet: &Packet, outcome: Outcome) -> Self::Verdict;
    /// Sends [`dnlb_wire::unreachable`] back where the datagram came from; `outcome` is the reason.
    fn unreachable(
        self,
        ethernet: &Ethernet,
        packet: &Packet,
        why: Unreachable,
        outcome: Outcome,
    ) -> Self::Verdict;
    /// Hands it to an instance of this host: MAC addresses, rewriting, its interface.
    fn deliver(self, instance: &InstanceEntry, packet: &Packet, rewrite: &Rewrite) -> Self::Verdict;
    /// Sends it through the tunnel.
    fn tunnel(self, tunnel: &Tunnel, packet: &Packet, rewrite: &Rewrite) -> Self::Verdict;
    /// Sends it out of the uplink, to a client outside; the kernel's routing finds the next hop.
    fn reply_outside(self, packet: &Packet, rewrite: &Rewrite) -> Self::Verdict;
    /// Sends it to the agent's probe link.
    fn reply_probe(self, packet: &Packet, rewrite: &Rewrite) -> Self::Verdict;
}

/// One method a verdict of the edge.
pub trait EdgeSink {
    /// What the program returns.
    type Verdict;

    /// As [`Sink::concerns`]: an edge serves nothing itself.
    fn concerns(&mut self, service: u32);
    /// Leaves it to the host's own stack.
    fn pass(self) -> Self::Verdict;
    /// Drops it.
    fn drop(self, outcome: Outcome) -> Self::Verdict;
    /// As [`Sink::echo_reply`].
    fn echo_reply(self, ethernet: &Ethernet, packet: &Packet) -> Self::Verdict;
    /// As [`Sink::reset`].
    fn reset(self, ethernet: &Ethernet, packet: &Packet, outcome: Outcome) -> Self::Verdict;
    /// As [`Sink::unreachable`].
    fn unreachable(
        self,
        ethernet: &Ethernet,
        packet: &Packet,
        why: Unreachable,
        outcome: Outcome,
    ) -> Self::Verdict;
    /// Replaces the frame's MAC addresses by `inner` (destination, source), puts `outer` in front, sends it out where it came in.
    fn forward(self, outer: &Outer, inner: &[u8; 12]) -> Self::Verdict;
}

//! Carries out verdicts on socket buffers.
//!
//! The decision's sink only notes its verdict, in per-CPU memory, and the program carries it out once, at its end. Carried out where
//! it falls, every place that decides would bring a copy of the whole: too many instructions for a jump's sixteen bits.

use core::ptr::from_ref;

use aya_ebpf::{
    EbpfContext,
    bindings::{
        __sk_buff, BPF_F_DONT_FRAGMENT, BPF_F_MARK_MANGLED_0, BPF_F_PSEUDO_HDR, BPF_F_RECOMPUTE_CSUM,
        BPF_F_TUNINFO_IPV6, BPF_F_ZERO_CSUM_TX, TC_ACT_OK, TC_ACT_SHOT, TC_ACT_UNSPEC, bpf_tunnel_key,
    },
    helpers::generated::{
        bpf_csum_diff, bpf_redirect, bpf_redirect_neigh, bpf_redirect_peer, bpf_skb_change_tail,
        bpf_skb_get_tunnel_key, bpf_skb_set_tunnel_key,
    },
    programs::TcContext,
};
use dnlb_abi::{
    Addr, InstanceEntry, Outcome, ROUTER_MAC, instance_mac, instance_of_mac, tunnel_mac, v4_mapped,
};
use dnlb_datapath::{EdgeSink, Outer, Packet, Rewrite, Sink, Tunnel, rewrite_error};
use dnlb_wire::{
    ADVERTISEMENT_LEN, ETHERTYPE_IPV4, ETHERTYPE_IPV6, Ethernet, Fragment, Frame, ICMP, ICMPV6, OFFSET_MAX,
    Patch, RESET_LEN, RESET_LEN_V6, TCP, UDP, UNREACHABLE_LEN, UNREACHABLE_LEN_V6, Unreachable, arp, is_v4,
    v4,
};

use crate::{
    events,
    frame::PacketPointers,
    tables::{self, KernelTables, count},
};

/// Set by test harnesses when they load the object: leave the decision in [`DECISION`]. Dead code in production.
#[unsafe(no_mangle)]
static TRACE: u8 = 0;

/// The last decision, while tracing: the outcome's number and one, then its details.
#[unsafe(no_mangle)]
static mut DECISION: [u32; 5] = [0; 5];

/// As far as headers usually reach: Ethernet, IPv4 with options or IPv6 with some extension headers, TCP without options.
const HEADERS_MAX: usize = 14 + 60 + 32;

/// As far as the packet reaches that an ICMP error quotes.
const QUOTE_MAX: usize = OFFSET_MAX + 8;

/// The frame of a context, its headers made readable.
#[inline(always)]
pub(crate) fn frame(ctx: &TcContext) -> PacketPointers {
    let len = ctx.len();
    make_readable(ctx, HEADERS_MAX, len);
    // SAFETY: the context is a live `__sk_buff`; the kernel rewrites the load of its field.
    let segment_len = unsafe { (*ctx.as_ptr().cast::<__sk_buff>()).gso_size };
    let frame = PacketPointers { start: ctx.data(), end: ctx.data_end(), len: len as usize, segment_len };
    if !is_icmp(&frame) {
        return frame;
    }
    make_readable(ctx, QUOTE_MAX, len);
    PacketPointers { start: ctx.data(), end: ctx.data_end(), len: len as usize, segment_len }
}

/// Brings the first bytes of a frame into its linear part. A failure leaves what is there.
#[inline(always)]
fn make_readable(ctx: &TcContext, most: usize, len: u32) {
    if ctx.data() + most > ctx.data_end() {
        let _ = ctx.pull_data(if len < most as u32 { len } else { most as u32 });
    }
}

/// Whether it is an ICMP message, as far as that can be told without looking at extension headers.
#[inline(always)]
fn is_icmp(frame: &PacketPointers) -> bool {
    let Some([high, low]) = frame.read::<2>(12) else {
        return false;
    };
    let (at, icmp) = match u16::from_be_bytes([high, low]) {
        ETHERTYPE_IPV4 => (23, ICMP),
        ETHERTYPE_IPV6 => (20, ICMPV6),
        _ => return false,
    };
    frame.read::<1>(at) == Some([icmp])
}

/// VNI with which the packet came out of the tunnel, and who sent it.
#[inline(always)]
pub(crate) fn tunnel(ctx: &TcContext) -> Option<(u32, Addr)> {
    const LEN: u32 = size_of::<bpf_tunnel_key>() as u32;
    // SAFETY: plain old data, filled by the helper.
    let mut key: bpf_tunnel_key = unsafe { core::mem::zeroed() };
    // SAFETY: `key` is as large as is said; so below.
    let failed = unsafe { bpf_skb_get_tunnel_key(ctx.as_ptr().cast(), &mut key, LEN, 0) };
    if failed == 0 {
        // SAFETY: without the flag for IPv6 the helper fills this member of the union, in host byte order.
        let remote = unsafe { key.__bindgen_anon_1.remote_ipv4 };
        return Some((key.tunnel_id, v4_mapped(remote.to_be_bytes())));
    }
    // The helper refuses when the tunnel is of the other family than is asked for.
    let failed =
        unsafe { bpf_skb_get_tunnel_key(ctx.as_ptr().cast(), &mut key, LEN, BPF_F_TUNINFO_IPV6.into()) };
    // SAFETY: with the flag it fills this one, in network byte order.
    let [a, b, c, d] = unsafe { key.__bindgen_anon_1.remote_ipv6 }.map(u32::to_ne_bytes);
    let remote =
        [a[0], a[1], a[2], a[3], b[0], b[1], b[2], b[3], c[0], c[1], c[2], c[3], d[0], d[1], d[2], d[3]];
    (failed == 0).then_some((key.tunnel_id, remote))
}

/// A socket buffer as ICMP errors are mended in it.
struct SkbPatch<'c>(&'c mut TcContext);

impl Patch for SkbPatch<'_> {
    #[inline(always)]
    fn load<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        self.0.load(offset).ok()
    }

    #[inline(always)]
    fn store<const N: usize>(&mut self, offset: usize, bytes: [u8; N]) -> bool {
        // A sum over the whole frame that a network card has made stays right.
        self.0.store(offset, &bytes, BPF_F_RECOMPUTE_CSUM.into()).is_ok()
    }
}

/// What a decision noted of its verdict beside [`Act`]; each act reads what it needs.
#[repr(C)]
pub(crate) struct Note {
    pub(crate) outcome: Outcome,
    /// Number of the service that the packet concerns, or 0; the next field then means nothing.
    pub(crate) service: u32,
    /// Number of the instance that serves, or 0.
    served_by: u32,
    /// Interface to which it goes.
    ifindex: u32,
    /// Number of the instance to which it goes.
    pub(crate) instance: u32,
    mac: [u8; 6],
    why: Unreachable,
    arp: arp::Request,
    ethernet: Ethernet,
    target: Addr,
    pub(crate) tunnel: Tunnel,
}

/// What is to be done with a packet.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub(crate) enum Act {
    /// It ends here.
    Drop,
    /// It is the host's.
    Pass,
    /// The router has the IPv4 address that was asked for.
    ReplyArp,
    /// The same for an IPv6 address.
    Advertise,
    /// A ping goes back.
    Echo,
    /// A reset goes back.
    Reset,
    /// Word goes back that it does not arrive.
    Unreachable,
    /// To an instance of this host.
    Deliver,
    /// Through the tunnel.
    Tunnel,
    /// Through the tunnel, from an edge.
    Forward,
    /// Out of the uplink.
    ReplyOutside,
    /// To the probe link.
    ReplyProbe,
}

/// Notes the verdict.
pub(crate) struct TcSink {
    /// Where.
    pub(crate) note: &'static mut Note,
}

impl TcSink {
    #[inline(always)]
    fn answer(self, act: Act, ethernet: &Ethernet, outcome: Outcome) -> Act {
        self.note.outcome = outcome;
        self.note.ethernet = *ethernet;
        act
    }
}

impl Sink for TcSink {
    type Verdict = Act;

    #[inline(always)]
    fn concerns(&mut self, service: u32, instance: u32) {
        (self.note.service, self.note.served_by) = (service, instance);
    }

    #[inline(always)]
    fn drop(self, outcome: Outcome) -> Act {
        self.note.outcome = outcome;
        Act::Drop
    }

    #[inline(always)]
    fn arp_reply(self, request: &arp::Request) -> Act {
        self.note.outcome = Outcome::ArpReply;
        self.note.arp = *request;
        Act::ReplyArp
    }

    #[inline(always)]
    fn neighbour_reply(self, ethernet: &Ethernet, _packet: &Packet, target: &Addr) -> Act {
        self.note.target = *target;
        self.answer(Act::Advertise, ethernet, Outcome::NeighbourReply)
    }

    #[inline(always)]
    fn echo_reply(self, ethernet: &Ethernet, _packet: &Packet) -> Act {
        self.answer(Act::Echo, ethernet, Outcome::EchoReply)
    }

    #[inline(always)]
    fn reset(self, ethernet: &Ethernet, _packet: &Packet, outcome: Outcome) -> Act {
        self.answer(Act::Reset, ethernet, outcome)
    }

    #[inline(always)]
    fn unreachable(self, ethernet: &Ethernet, _packet: &Packet, why: Unreachable, outcome: Outcome) -> Act {
        self.note.why = why;
        self.answer(Act::Unreachable, ethernet, outcome)
    }

    #[inline(always)]
    fn deliver(self, instance: &InstanceEntry, _packet: &Packet, _rewrite: &Rewrite) -> Act {
        self.note.outcome = Outcome::Delivered;
        self.note.ifindex = instance.ifindex;
        self.note.instance = instance.number;
        self.note.mac = instance.mac;
        Act::Deliver
    }

    #[inline(always)]
    fn tunnel(self, tunnel: &Tunnel, _packet: &Packet, _rewrite: &Rewrite) -> Act {
        self.note.outcome = Outcome::Tunnelled;
        self.note.tunnel = *tunnel;
        Act::Tunnel
    }

    #[inline(always)]
    fn reply_outside(self, _packet: &Packet, _rewrite: &Rewrite) -> Act {
        self.note.outcome = Outcome::RepliedOutside;
        Act::ReplyOutside
    }

    #[inline(always)]
    fn reply_probe(self, _packet: &Packet, _rewrite: &Rewrite) -> Act {
        self.note.outcome = Outcome::RepliedProbe;
        Act::ReplyProbe
    }
}

/// Verdicts of an edge whose uplink has no XDP: the tunnel's device encapsulates, the kernel finds the way.
impl EdgeSink for TcSink {
    type Verdict = Act;

    #[inline(always)]
    fn concerns(&mut self, service: u32) {
        Sink::concerns(self, service, 0);
    }

    #[inline(always)]
    fn pass(self) -> Act {
        self.note.outcome = Outcome::Passed;
        Act::Pass
    }

    #[inline(always)]
    fn drop(self, outcome: Outcome) -> Act {
        Sink::drop(self, outcome)
    }

    #[inline(always)]
    fn echo_reply(self, ethernet: &Ethernet, packet: &Packet) -> Act {
        keep(packet);
        Sink::echo_reply(self, ethernet, packet)
    }

    #[inline(always)]
    fn reset(self, ethernet: &Ethernet, packet: &Packet, outcome: Outcome) -> Act {
        keep(packet);
        Sink::reset(self, ethernet, packet, outcome)
    }

    #[inline(always)]
    fn unreachable(self, ethernet: &Ethernet, packet: &Packet, why: Unreachable, outcome: Outcome) -> Act {
        keep(packet);
        Sink::unreachable(self, ethernet, packet, why, outcome)
    }

    #[inline(always)]
    fn forward(self, outer: &Outer, inner: &[u8; 12]) -> Act {
        self.note.outcome = Outcome::Forwarded;
        self.note.tunnel = tunnel_of(outer, inner);
        Act::Forward
    }
}

/// Where an edge sends a packet.
#[inline(always)]
pub(crate) fn tunnel_of(outer: &Outer, inner: &[u8; 12]) -> Tunnel {
    let mac = [inner[0], inner[1], inner[2], inner[3], inner[4], inner[5]];
    let (vni, instance) = (outer.vni, instance_of_mac(mac));
    Tunnel { remote: outer.dst, vni, instance, hop: 0, from_edge: true, tos: outer.tos }
}

/// An edge's packet lies on the stack: here it is kept where acts look for it.
#[inline(always)]
fn keep(packet: &Packet) {
    if let Some(room) = tables::room() {
        room.keep(packet);
    }
}

/// Who carries out what was noted.
struct Carrier<'c> {
    ctx: &'c mut TcContext,
    /// Interface from which the packet came.
    ifindex: u32,
}

/// Does what the decision noted, and has it told if somebody wants to hear of it; returns what the program returns.
#[inline(always)]
pub(crate) fn carry_out(ctx: &mut TcContext, ifindex: u32, act: Act) -> i32 {
    let verdict = act_on(ctx, ifindex, act);
    if let Some(note) = tables::note() {
        if verdict == SHOT && act != Act::Drop {
            // It could not be done as decided.
            note.outcome = Outcome::DropKernel;
        }
        tables::count_for_service(note.service, note.served_by, note.outcome);
    }
    events::tell(ctx, verdict);
    verdict
}

#[inline(always)]
fn act_on(ctx: &mut TcContext, ifindex: u32, act: Act) -> i32 {
    let (Some(note), Some(room)) = (tables::note(), tables::room()) else {
        return SHOT;
    };
    let mut carrier = Carrier { ctx, ifindex };
    let (packet, rewrite) = (room.packet(), room.rewrite());
    match act {
        Act::Drop => {
            carrier.done(note.outcome, [0; 4]);
            SHOT
        }
        Act::Pass => {
            carrier.done(note.outcome, [0; 4]);
            // Others may have a program on this hook, too.
            TC_ACT_UNSPEC
        }
        Act::ReplyArp => carrier.reply_arp(&note.arp, note.outcome),
        Act::Advertise => {
            let Some(answer) = tables::answer::<ADVERTISEMENT_LEN>() else {
                return carrier.fail();
            };
            dnlb_wire::advertisement(answer, &note.ethernet, packet, &note.target, ROUTER_MAC);
            carrier.send_back(answer, note.outcome)
        }
        Act::Echo => carrier.echo(&note.ethernet, packet, note.outcome),
        Act::Reset => carrier.reset(&note.ethernet, packet, note.outcome),
        Act::Unreachable => carrier.unreachable(&note.ethernet, packet, note.why, note.outcome),
        Act::Deliver | Act::Tunnel | Act::Forward | Act::ReplyOutside | Act::ReplyProbe => {
            if act != Act::Forward && !carrier.rewrite(packet, rewrite) {
                return carrier.fail();
            }
            carrier.send(act, note)
        }
    }
}

impl Carrier<'_> {
    /// Counts, and leaves the decision for whoever tests.
    #[inline(always)]
    fn done(&mut self, outcome: Outcome, details: [u32; 4]) {
        count(outcome, self.ctx.len());
        // SAFETY: a constant of this object; volatile, because the loader may have changed it.
        if unsafe { (&raw const TRACE).read_volatile() } != 0 {
            let [a, b, c, d] = details;
            // SAFETY: only one test runs on an object at a time, and nobody takes a reference.
            unsafe { (&raw mut DECISION).write_volatile([outcome as u32 + 1, a, b, c, d]) };
        }
    }

    /// The packet could not be changed as decided.
    #[inline(always)]
    fn fail(&mut self) -> i32 {
        self.done(Outcome::DropKernel, [0; 4]);
        SHOT
    }

    /// Back where it came from.
    #[inline(always)]
    fn back(&mut self, outcome: Outcome) -> i32 {
        self.done(outcome, [self.ifindex, 0, 0, 0]);
        // SAFETY: a helper that takes numbers only.
        unsafe { bpf_redirect(self.ifindex, 0) as i32 }
    }

    /// Replaces the whole frame and sends it back where it came from.
    #[inline(always)]
    fn send_back<const N: usize>(&mut self, answer: &[u8; N], outcome: Outcome) -> i32 {
        // SAFETY: a helper on the program's own context.
        let cut = unsafe { bpf_skb_change_tail(self.ctx.as_ptr().cast(), N as u32, 0) };
        if cut != 0 || self.ctx.store(0, answer, 0).is_err() {
            return self.fail();
        }
        self.back(outcome)
    }

    #[inline(always)]
    fn reply_arp(&mut self, request: &arp::Request, outcome: Outcome) -> i32 {
        let Some(answer) = tables::answer::<42>() else {
            return self.fail();
        };
        *answer = request.reply(ROUTER_MAC);
        // The request's padding stays.
        if self.ctx.store(0, answer, 0).is_err() {
            return self.fail();
        }
        self.back(outcome)
    }

    #[inline(always)]
    fn echo(&mut self, ethernet: &Ethernet, packet: &Packet, outcome: Outcome) -> i32 {
        if !dnlb_wire::echo_reply(&mut SkbPatch(self.ctx), ethernet, packet) {
            return self.fail();
        }
        self.back(outcome)
    }

    #[inline(always)]
    fn reset(&mut self, ethernet: &Ethernet, packet: &Packet, outcome: Outcome) -> i32 {
        if packet.v6 {
            let Some(answer) = tables::answer::<RESET_LEN_V6>() else {
                return self.fail();
            };
            dnlb_wire::reset_v6(answer, ethernet, packet);
            return self.send_back(answer, outcome);
        }
        let Some(answer) = tables::answer::<RESET_LEN>() else {
            return self.fail();
        };
        dnlb_wire::reset(answer, ethernet, packet);
        self.send_back(answer, outcome)
    }

    #[inline(always)]
    fn unreachable(
        &mut self,
        ethernet: &Ethernet,
        packet: &Packet,
        why: Unreachable,
        outcome: Outcome,
    ) -> i32 {
        let original = frame(self.ctx);
        if packet.v6 {
            let Some(answer) = tables::answer::<UNREACHABLE_LEN_V6>() else {
                return self.fail();
            };
            if !dnlb_wire::unreachable_v6(answer, &original, ethernet, packet, why) {
                return self.fail();
            }
            return self.send_back(answer, outcome);
        }
        let Some(answer) = tables::answer::<UNREACHABLE_LEN>() else {
            return self.fail();
        };
        if !dnlb_wire::unreachable(answer, &original, ethernet, packet, why) {
            return self.fail();
        }
        self.send_back(answer, outcome)
    }

    /// Sends the packet, rewritten by now, on its way.
    #[inline(always)]
    fn send(&mut self, act: Act, note: &Note) -> i32 {
        let Some(settings) = KernelTables::settings_static() else {
            return self.fail();
        };
        let (dst, src) = match act {
            Act::Deliver => (note.mac, ROUTER_MAC),
            Act::ReplyProbe => (settings.probe_mac, ROUTER_MAC),
            _ => {
                let to = &note.tunnel;
                (instance_mac(to.instance), tunnel_mac(to.hop, to.from_edge))
            }
        };
        if act != Act::ReplyOutside && !self.set_macs(dst, src) {
            return self.fail();
        }
        match act {
            Act::Deliver => {
                // On the tunnel's device the frame was for "another host": its MAC is the instance's. 0: for us.
                let _ = self.ctx.change_type(0);
                self.done(note.outcome, [note.ifindex, note.instance, 0, 0]);
                // SAFETY: a helper that takes numbers only; so below.
                unsafe { bpf_redirect_peer(note.ifindex, 0) as i32 }
            }
            Act::ReplyOutside => {
                self.done(note.outcome, [settings.uplink_ifindex, 0, 0, 0]);
                // SAFETY: no parameters: the kernel looks up route and neighbour of the packet's destination.
                unsafe { bpf_redirect_neigh(settings.uplink_ifindex, core::ptr::null_mut(), 0, 0) as i32 }
            }
            Act::ReplyProbe => {
                self.done(note.outcome, [settings.probe_ifindex, 0, 0, 0]);
                // SAFETY: as above.
                unsafe { bpf_redirect(settings.probe_ifindex, 0) as i32 }
            }
            _ => self.encapsulate(&note.tunnel, settings.overlay_ifindex, note.outcome),
        }
    }

    #[inline(always)]
    fn set_macs(&self, dst: [u8; 6], src: [u8; 6]) -> bool {
        let macs =
            [dst[0], dst[1], dst[2], dst[3], dst[4], dst[5], src[0], src[1], src[2], src[3], src[4], src[5]];
        self.ctx.store(0, &macs, 0).is_ok()
    }

    /// Sends the frame to the tunnel's device, which puts the outer header in front.
    #[inline(always)]
    fn encapsulate(&mut self, to: &Tunnel, ifindex: u32, outcome: Outcome) -> i32 {
        // SAFETY: plain old data.
        let mut key: bpf_tunnel_key = unsafe { core::mem::zeroed() };
        key.tunnel_id = to.vni;
        key.tunnel_ttl = 64;
        key.tunnel_tos = to.tos;
        let mut flags = BPF_F_ZERO_CSUM_TX | BPF_F_DONT_FRAGMENT;
        if is_v4(&to.remote) {
            key.__bindgen_anon_1.remote_ipv4 = u32::from_be_bytes(v4(to.remote));
        } else {
            let r = &to.remote;
            let word = |at: usize| u32::from_ne_bytes([r[at], r[at + 1], r[at + 2], r[at + 3]]);
            key.__bindgen_anon_1.remote_ipv6 = [word(0), word(4), word(8), word(12)];
            flags |= BPF_F_TUNINFO_IPV6;
        }
        // SAFETY: `key` is as large as is said.
        let failed = unsafe {
            bpf_skb_set_tunnel_key(
                self.ctx.as_ptr().cast(),
                &mut key,
                size_of::<bpf_tunnel_key>() as u32,
                flags.into(),
            )
        };
        if failed != 0 {
            return self.fail();
        }
        let remote = u32::from_be_bytes(v4(to.remote));
        self.done(outcome, [remote, to.vni, to.instance, to.hop as u32]);
        // SAFETY: a helper that takes numbers only.
        unsafe { bpf_redirect(ifindex, 0) as i32 }
    }

    /// Writes new addresses and ports and mends the checksums.
    #[inline(always)]
    fn rewrite(&mut self, packet: &Packet, rewrite: &Rewrite) -> bool {
        if rewrite.error {
            return rewrite_error(&mut SkbPatch(self.ctx), packet, rewrite);
        }
        if rewrite.reset && !self.become_reset(packet) {
            return false;
        }
        if rewrite.source {
            let ports = (packet.src_port, rewrite.src_port);
            if !self.endpoint(packet, false, &packet.src, &rewrite.src, ports) {
                return false;
            }
        }
        if rewrite.destination {
            let ports = (packet.dst_port, rewrite.dst_port);
            if !self.endpoint(packet, true, &packet.dst, &rewrite.dst, ports) {
                return false;
            }
        }
        true
    }

    /// Writes the packet's flags, and nothing else that a TCP header has.
    #[inline(always)]
    fn become_reset(&self, packet: &Packet) -> bool {
        let (flags_at, check_at) = (packet.l4_offset + 12, packet.l4_offset + 16);
        let Ok(old) = self.ctx.load::<[u8; 2]>(flags_at) else {
            return false;
        };
        let new = [old[0] & 0xf0, packet.flags.0];
        let (from, to) = (u16::from_ne_bytes(old) as u64, u16::from_ne_bytes(new) as u64);
        self.ctx.l4_csum_replace(check_at, from, to, 2).is_ok() && self.ctx.store(flags_at, &new, 0).is_ok()
    }

    /// One side of [`Self::rewrite`]. The helpers know partial checksums of offloading senders.
    #[inline(always)]
    fn endpoint(
        &self,
        packet: &Packet,
        destination: bool,
        old: &Addr,
        new: &Addr,
        (old_port, new_port): (u16, u16),
    ) -> bool {
        const IP_CHECKSUM: usize = 24;
        // Since Linux 6.16 the helper wants to know, for sums over whole frames; before, it refuses the flag.
        const BPF_F_IPV6: u64 = 1 << 7;
        let l4 = packet.l4_offset;
        // A datagram without checksum stays without; one whose checksum becomes 0 gets the other zero (RFC 768).
        let (check_at, mangled) = match packet.protocol {
            UDP => (l4 + 6, BPF_F_MARK_MANGLED_0 as u64),
            TCP => (l4 + 16, 0),
            _ => (l4 + 2, 0),
        };
        let later = packet.fragment == Fragment::Later;
        // The checksum of an ICMP message knows no addresses, ICMPv6's does.
        let covered = !later && packet.protocol != ICMP;
        if *old != *new {
            let flags = BPF_F_PSEUDO_HDR as u64 | mangled;
            let replaced = if packet.v6 {
                // SAFETY: both are 16 bytes long, which is a multiple of four.
                let diff =
                    unsafe { bpf_csum_diff(from_ref(old) as *mut u32, 16, from_ref(new) as *mut u32, 16, 0) };
                (!covered
                    || self.ctx.l4_csum_replace(check_at, 0, diff as u64, flags | BPF_F_IPV6).is_ok()
                    || self.ctx.l4_csum_replace(check_at, 0, diff as u64, flags).is_ok())
                    && self.ctx.store(if destination { 38 } else { 22 }, new, 0).is_ok()
            } else {
                let (old, new) = (v4(*old), v4(*new));
                let (from, to) = (u32::from_ne_bytes(old) as u64, u32::from_ne_bytes(new) as u64);
                (!covered || self.ctx.l4_csum_replace(check_at, from, to, flags | 4).is_ok())
                    && self.ctx.l3_csum_replace(IP_CHECKSUM, from, to, 4).is_ok()
                    && self.ctx.store(if destination { 30 } else { 26 }, &new, 0).is_ok()
            };
            if !replaced {
                return false;
            }
        }
        // An echo's identifier never changes.
        if covered && packet.protocol != ICMPV6 && old_port != new_port {
            let (from, to) = (old_port.to_be() as u64, new_port.to_be() as u64);
            let port_at = if destination { l4 + 2 } else { l4 };
            if self.ctx.l4_csum_replace(check_at, from, to, mangled | 2).is_err()
                || self.ctx.store(port_at, &new_port.to_be_bytes(), 0).is_err()
            {
                return false;
            }
        }
        true
    }
}

/// What a program returns when it cannot run at all.
pub(crate) const SHOT: i32 = TC_ACT_SHOT as i32;

/// What a program returns for a packet that it has nothing to say about.
pub(crate) const PASS: i32 = TC_ACT_OK as i32;

//! Carries out verdicts on socket buffers.

use aya_ebpf::{
    EbpfContext,
    bindings::{
        BPF_F_DONT_FRAGMENT, BPF_F_MARK_MANGLED_0, BPF_F_PSEUDO_HDR, BPF_F_ZERO_CSUM_TX, TC_ACT_OK,
        TC_ACT_SHOT, bpf_tunnel_key,
    },
    helpers::generated::{
        bpf_redirect, bpf_redirect_neigh, bpf_redirect_peer, bpf_skb_change_tail, bpf_skb_get_tunnel_key,
        bpf_skb_set_tunnel_key,
    },
    programs::TcContext,
};
use dnlb_abi::{Addr, InstanceEntry, Outcome, ROUTER_MAC, Settings, instance_mac, tunnel_mac, v4_mapped};
use dnlb_datapath::{Packet, Rewrite, Sink, Tunnel};
use dnlb_wire::{Ethernet, Frame, ICMP, RESET_LEN, UDP, UNREACHABLE_LEN, Unreachable, replace, v4};

use crate::{
    frame::PacketPointers,
    tables::{self, KernelTables, count},
};

/// Set by test harnesses when they load the object: leave the decision in [`DECISION`]. Dead code in production.
#[unsafe(no_mangle)]
static TRACE: u8 = 0;

/// The last decision, while tracing: the outcome's number and one, then its details.
#[unsafe(no_mangle)]
static mut DECISION: [u32; 5] = [0; 5];

/// As far as any header reaches: Ethernet, IPv4 with options, TCP without.
const HEADERS_MAX: usize = 14 + 60 + 20;

/// The frame of a context, its headers made readable.
#[inline(always)]
pub(crate) fn frame(ctx: &TcContext) -> PacketPointers {
    let len = ctx.len();
    if ctx.data() + HEADERS_MAX > ctx.data_end() {
        // Less is in the linear part than headers may take. A failure leaves what is there.
        let _ = ctx.pull_data(if len < HEADERS_MAX as u32 { len } else { HEADERS_MAX as u32 });
    }
    PacketPointers { start: ctx.data(), end: ctx.data_end(), len: len as usize }
}

/// VNI with which the packet came out of the tunnel, and who sent it.
#[inline(always)]
pub(crate) fn tunnel(ctx: &TcContext) -> Option<(u32, Addr)> {
    // SAFETY: plain old data, filled by the helper.
    let mut key: bpf_tunnel_key = unsafe { core::mem::zeroed() };
    // SAFETY: `key` is as large as is said.
    let failed = unsafe {
        bpf_skb_get_tunnel_key(ctx.as_ptr().cast(), &mut key, size_of::<bpf_tunnel_key>() as u32, 0)
    };
    // SAFETY: the union's other member is for IPv6, which the device does not carry. Host byte order.
    let remote = unsafe { key.__bindgen_anon_1.remote_ipv4 };
    (failed == 0).then_some((key.tunnel_id, v4_mapped(remote.to_be_bytes())))
}

/// Verdicts of the switch's programs.
pub(crate) struct TcSink<'c> {
    /// The packet.
    pub(crate) ctx: &'c mut TcContext,
    /// Interface from which it came.
    pub(crate) ifindex: u32,
}

impl TcSink<'_> {
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
    fn fail(mut self) -> i32 {
        self.done(Outcome::DropKernel, [0; 4]);
        TC_ACT_SHOT as i32
    }

    /// The host's settings, which the decision has read already.
    #[inline(always)]
    fn settings(&self) -> Option<&'static Settings> {
        KernelTables::settings_static()
    }

    /// Replaces the whole frame and sends it back where it came from.
    #[inline(always)]
    fn send_back<const N: usize>(mut self, answer: &[u8; N], outcome: Outcome) -> i32 {
        // SAFETY: a helper on the program's own context.
        let cut = unsafe { bpf_skb_change_tail(self.ctx.as_ptr().cast(), N as u32, 0) };
        if cut != 0 || self.ctx.store(0, answer, 0).is_err() {
            return self.fail();
        }
        self.done(outcome, [self.ifindex, 0, 0, 0]);
        // SAFETY: a helper that takes numbers only.
        unsafe { bpf_redirect(self.ifindex, 0) as i32 }
    }

    #[inline(always)]
    fn set_macs(&self, dst: [u8; 6], src: [u8; 6]) -> bool {
        let macs =
            [dst[0], dst[1], dst[2], dst[3], dst[4], dst[5], src[0], src[1], src[2], src[3], src[4], src[5]];
        self.ctx.store(0, &macs, 0).is_ok()
    }

    /// Writes new addresses and ports and mends the checksums.
    #[inline(always)]
    fn rewrite(&self, packet: &Packet, rewrite: &Rewrite) -> bool {
        if rewrite.source {
            let old = (v4(packet.src), packet.src_port);
            if !self.endpoint(
                packet.protocol,
                26,
                packet.l4_offset,
                packet.l4_offset,
                old,
                (v4(rewrite.src), rewrite.src_port),
            ) {
                return false;
            }
        }
        if rewrite.destination {
            let old = (v4(packet.dst), packet.dst_port);
            let new = (v4(rewrite.dst), rewrite.dst_port);
            if !self.endpoint(packet.protocol, 30, packet.l4_offset, packet.l4_offset + 2, old, new) {
                return false;
            }
        }
        true
    }

    /// One side of [`Self::rewrite`]. The helpers know partial checksums of offloading senders.
    #[inline(always)]
    fn endpoint(
        &self,
        protocol: u8,
        addr_at: usize,
        l4: usize,
        port_at: usize,
        old: ([u8; 4], u16),
        new: ([u8; 4], u16),
    ) -> bool {
        const IP_CHECKSUM: usize = 24;
        // A datagram without checksum stays without; one whose checksum becomes 0 gets the other zero (RFC 768).
        let (check_at, mangled) = if protocol == UDP { (l4 + 6, BPF_F_MARK_MANGLED_0) } else { (l4 + 16, 0) };
        // An ICMP message's checksum knows no addresses, and its identifier never changes.
        let covered = protocol != ICMP;
        if old.0 != new.0 {
            let (from, to) = (u32::from_ne_bytes(old.0) as u64, u32::from_ne_bytes(new.0) as u64);
            let flags = (BPF_F_PSEUDO_HDR | mangled | 4) as u64;
            if (covered && self.ctx.l4_csum_replace(check_at, from, to, flags).is_err())
                || self.ctx.l3_csum_replace(IP_CHECKSUM, from, to, 4).is_err()
                || self.ctx.store(addr_at, &new.0, 0).is_err()
            {
                return false;
            }
        }
        if covered && old.1 != new.1 {
            let (from, to) = (old.1.to_be() as u64, new.1.to_be() as u64);
            if self.ctx.l4_csum_replace(check_at, from, to, (mangled | 2) as u64).is_err()
                || self.ctx.store(port_at, &new.1.to_be_bytes(), 0).is_err()
            {
                return false;
            }
        }
        true
    }
}

impl Sink for TcSink<'_> {
    type Verdict = i32;

    #[inline(always)]
    fn drop(mut self, outcome: Outcome) -> i32 {
        self.done(outcome, [0; 4]);
        TC_ACT_SHOT as i32
    }

    #[inline(always)]
    fn arp_reply(mut self, reply: &[u8; 42]) -> i32 {
        if self.ctx.store(0, reply, 0).is_err() {
            return self.fail();
        }
        self.done(Outcome::ArpReply, [self.ifindex, 0, 0, 0]);
        // SAFETY: a helper that takes numbers only; so in every call below without its own reason.
        unsafe { bpf_redirect(self.ifindex, 0) as i32 }
    }

    #[inline(always)]
    fn echo_reply(mut self, ethernet: &Ethernet, packet: &Packet) -> i32 {
        // Swapping the addresses leaves the IP checksum as it is. Only messages without IP options are answered.
        const ICMP_AT: usize = 34;
        let Some([_, code, high, low]) = frame(self.ctx).read::<4>(ICMP_AT) else {
            return self.fail();
        };
        let check = u16::from_be_bytes([high, low]);
        let [high, low] = replace(check, u16::from(Packet::ECHO) << 8, 0).to_be_bytes();
        if !self.set_macs(ethernet.src, ethernet.dst)
            || self.ctx.store(26, &v4(packet.dst), 0).is_err()
            || self.ctx.store(30, &v4(packet.src), 0).is_err()
            || self.ctx.store(ICMP_AT, &[Packet::ECHO_REPLY, code, high, low], 0).is_err()
        {
            return self.fail();
        }
        self.done(Outcome::EchoReply, [self.ifindex, 0, 0, 0]);
        // SAFETY: as above.
        unsafe { bpf_redirect(self.ifindex, 0) as i32 }
    }

    #[inline(always)]
    fn reset(self, ethernet: &Ethernet, packet: &Packet, outcome: Outcome) -> i32 {
        let Some(answer) = tables::answer::<RESET_LEN>() else {
            return self.fail();
        };
        dnlb_wire::reset(answer, ethernet, packet);
        self.send_back(answer, outcome)
    }

    #[inline(always)]
    fn unreachable(self, ethernet: &Ethernet, packet: &Packet, why: Unreachable, outcome: Outcome) -> i32 {
        let Some(answer) = tables::answer::<UNREACHABLE_LEN>() else {
            return self.fail();
        };
        if !dnlb_wire::unreachable(answer, &frame(self.ctx), ethernet, packet, why) {
            return self.fail();
        }
        self.send_back(answer, outcome)
    }

    #[inline(always)]
    fn deliver(mut self, instance: &InstanceEntry, packet: &Packet, rewrite: &Rewrite) -> i32 {
        let (ifindex, mac) = (instance.ifindex, instance.mac);
        if !self.rewrite(packet, rewrite) || !self.set_macs(mac, ROUTER_MAC) {
            return self.fail();
        }
        // On the tunnel's device the frame was for "another host": its MAC is the instance's. 0: for us.
        let _ = self.ctx.change_type(0);
        self.done(Outcome::Delivered, [ifindex, instance.number, 0, 0]);
        // SAFETY: as above.
        unsafe { bpf_redirect_peer(ifindex, 0) as i32 }
    }

    #[inline(always)]
    fn tunnel(mut self, tunnel: &Tunnel, packet: &Packet, rewrite: &Rewrite) -> i32 {
        let Some(settings) = self.settings() else {
            return self.fail();
        };
        let ifindex = settings.overlay_ifindex;
        if !self.rewrite(packet, rewrite)
            || !self.set_macs(instance_mac(tunnel.instance), tunnel_mac(tunnel.hop, tunnel.from_edge))
        {
            return self.fail();
        }
        // SAFETY: plain old data.
        let mut key: bpf_tunnel_key = unsafe { core::mem::zeroed() };
        key.tunnel_id = tunnel.vni;
        key.tunnel_ttl = 64;
        key.__bindgen_anon_1.remote_ipv4 = u32::from_be_bytes(v4(tunnel.remote));
        // SAFETY: `key` is as large as is said.
        let failed = unsafe {
            bpf_skb_set_tunnel_key(
                self.ctx.as_ptr().cast(),
                &mut key,
                size_of::<bpf_tunnel_key>() as u32,
                (BPF_F_ZERO_CSUM_TX | BPF_F_DONT_FRAGMENT) as u64,
            )
        };
        if failed != 0 {
            return self.fail();
        }
        let remote = u32::from_be_bytes(v4(tunnel.remote));
        self.done(Outcome::Tunnelled, [remote, tunnel.vni, tunnel.instance, tunnel.hop as u32]);
        // SAFETY: as above.
        unsafe { bpf_redirect(ifindex, 0) as i32 }
    }

    #[inline(always)]
    fn reply_outside(mut self, packet: &Packet, rewrite: &Rewrite) -> i32 {
        let Some(settings) = self.settings() else {
            return self.fail();
        };
        let ifindex = settings.uplink_ifindex;
        if !self.rewrite(packet, rewrite) {
            return self.fail();
        }
        self.done(Outcome::RepliedOutside, [ifindex, 0, 0, 0]);
        // SAFETY: no parameters: the kernel looks up route and neighbour of the packet's destination.
        unsafe { bpf_redirect_neigh(ifindex, core::ptr::null_mut(), 0, 0) as i32 }
    }

    #[inline(always)]
    fn reply_probe(mut self, packet: &Packet, rewrite: &Rewrite) -> i32 {
        let Some(settings) = self.settings() else {
            return self.fail();
        };
        let (ifindex, mac) = (settings.probe_ifindex, settings.probe_mac);
        if !self.rewrite(packet, rewrite) || !self.set_macs(mac, ROUTER_MAC) {
            return self.fail();
        }
        self.done(Outcome::RepliedProbe, [ifindex, 0, 0, 0]);
        // SAFETY: as above.
        unsafe { bpf_redirect(ifindex, 0) as i32 }
    }
}

/// What a program returns when it cannot run at all.
pub(crate) const SHOT: i32 = TC_ACT_SHOT as i32;

/// What a program returns for a packet that it has nothing to say about.
pub(crate) const PASS: i32 = TC_ACT_OK as i32;

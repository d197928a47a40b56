//! Carries out verdicts of the edge on XDP frames.

use aya_ebpf::{
    EbpfContext,
    bindings::xdp_action,
    helpers::generated::{bpf_xdp_adjust_head, bpf_xdp_adjust_tail, bpf_xdp_get_buff_len},
    programs::XdpContext,
};
use dnlb_abi::Outcome;
use dnlb_datapath::{EdgeSink, Outer, Packet};
use dnlb_wire::{Ethernet, OUTER_LEN, RESET_LEN, UNREACHABLE_LEN, Unreachable, replace, v4};

use crate::{
    frame::PacketPointers,
    tables::{self, count},
};

/// The frame of a context.
#[inline(always)]
pub(crate) fn frame(ctx: &XdpContext) -> PacketPointers {
    // SAFETY: a helper on the program's own context.
    let len = unsafe { bpf_xdp_get_buff_len(ctx.as_ptr().cast()) } as usize;
    PacketPointers { start: ctx.data(), end: ctx.data_end(), len }
}

/// Verdicts of the edge.
pub(crate) struct XdpSink<'c> {
    /// The frame.
    pub(crate) ctx: &'c XdpContext,
    /// Its length.
    pub(crate) len: u32,
}

impl XdpSink<'_> {
    /// Replaces the whole frame and sends it back where it came from.
    #[inline(always)]
    fn send_back<const N: usize>(self, answer: &[u8; N], outcome: Outcome) -> u32 {
        let (ctx, longer) = (self.ctx.as_ptr().cast(), N as i32 - self.len as i32);
        // At the front there always is room to grow, at the end only by luck. Everything is written anew anyway.
        // SAFETY: helpers on the program's own context.
        let failed = unsafe {
            if longer > 0 { bpf_xdp_adjust_head(ctx, -longer) } else { bpf_xdp_adjust_tail(ctx, longer) }
        };
        if failed != 0 {
            return self.drop(Outcome::DropKernel);
        }
        let start = self.ctx.data();
        if start + N > self.ctx.data_end() {
            return self.drop(Outcome::DropKernel);
        }
        // SAFETY: the range lies inside the bounds that were just checked.
        unsafe { (start as *mut [u8; N]).write_unaligned(*answer) };
        count(outcome, self.len);
        xdp_action::XDP_TX
    }
}

impl EdgeSink for XdpSink<'_> {
    type Verdict = u32;

    #[inline(always)]
    fn pass(self) -> u32 {
        count(Outcome::Passed, self.len);
        xdp_action::XDP_PASS
    }

    #[inline(always)]
    fn drop(self, outcome: Outcome) -> u32 {
        count(outcome, self.len);
        xdp_action::XDP_DROP
    }

    #[inline(always)]
    fn echo_reply(self, ethernet: &Ethernet, packet: &Packet) -> u32 {
        // Ethernet, IPv4 without options (only such messages are answered), type, code and checksum.
        const LEN: usize = 14 + 20 + 4;
        let start = self.ctx.data();
        if start + LEN > self.ctx.data_end() {
            return self.drop(Outcome::DropKernel);
        }
        // SAFETY: the header lies inside the bounds that were just checked.
        let mut header = unsafe { (start as *const [u8; LEN]).read_unaligned() };
        let (d, s) = (ethernet.src, ethernet.dst);
        let (from, to) = (v4(packet.dst), v4(packet.src));
        let check = u16::from_be_bytes([header[36], header[37]]);
        let check = replace(check, u16::from(Packet::ECHO) << 8, 0).to_be_bytes();
        let mut at = 0;
        while at < 6 {
            (header[at], header[at + 6]) = (d[at], s[at]);
            at += 1;
        }
        let mut at = 0;
        while at < 4 {
            (header[26 + at], header[30 + at]) = (from[at], to[at]);
            at += 1;
        }
        (header[34], header[36], header[37]) = (Packet::ECHO_REPLY, check[0], check[1]);
        // SAFETY: as above.
        unsafe { (start as *mut [u8; LEN]).write_unaligned(header) };
        count(Outcome::EchoReply, self.len);
        xdp_action::XDP_TX
    }

    #[inline(always)]
    fn reset(self, ethernet: &Ethernet, packet: &Packet, outcome: Outcome) -> u32 {
        let Some(answer) = tables::answer::<RESET_LEN>() else {
            return self.drop(Outcome::DropKernel);
        };
        dnlb_wire::reset(answer, ethernet, packet);
        self.send_back(answer, outcome)
    }

    #[inline(always)]
    fn unreachable(self, ethernet: &Ethernet, packet: &Packet, why: Unreachable, outcome: Outcome) -> u32 {
        let Some(answer) = tables::answer::<UNREACHABLE_LEN>() else {
            return self.drop(Outcome::DropKernel);
        };
        if !dnlb_wire::unreachable(answer, &frame(self.ctx), ethernet, packet, why) {
            return self.drop(Outcome::DropKernel);
        }
        self.send_back(answer, outcome)
    }

    #[inline(always)]
    fn forward(self, outer: &Outer, inner: &[u8; 14]) -> u32 {
        let outer = outer.bytes();
        // SAFETY: a helper on the program's own context.
        if unsafe { bpf_xdp_adjust_head(self.ctx.as_ptr().cast(), -(OUTER_LEN as i32)) } != 0 {
            return self.drop(Outcome::DropKernel);
        }
        let start = self.ctx.data();
        if start + OUTER_LEN + 14 > self.ctx.data_end() {
            return self.drop(Outcome::DropKernel);
        }
        // SAFETY: both ranges lie inside the bounds that were just checked.
        unsafe {
            (start as *mut [u8; OUTER_LEN]).write_unaligned(outer);
            ((start + OUTER_LEN) as *mut [u8; 14]).write_unaligned(*inner);
        }
        count(Outcome::Forwarded, self.len);
        xdp_action::XDP_TX
    }
}

//! Frames of XDP, and how verdicts of the edge are carried out on them.

use core::{arch::asm, cell::Cell};

use aya_ebpf::{
    EbpfContext,
    bindings::xdp_action,
    helpers::generated::{bpf_xdp_adjust_head, bpf_xdp_adjust_tail, bpf_xdp_get_buff_len},
    programs::XdpContext,
};
use dnlb_abi::Outcome;
use dnlb_datapath::{EdgeSink, Outer, Packet};
use dnlb_wire::{
    Ethernet, Frame, OFFSET_MAX, Patch, RESET_LEN, RESET_LEN_V6, UNREACHABLE_LEN, UNREACHABLE_LEN_V6,
    Unreachable, is_v4,
};

use crate::{
    events,
    frame::{load, read, store},
    tables::{self, count},
};

/// The frame of a context.
pub(crate) struct XdpFrame<'c> {
    ctx: &'c XdpContext,
    /// First byte, and one past the last byte of the part that can be read.
    bounds: (usize, usize),
    /// How many bytes it is known to have.
    known_len: Cell<usize>,
}

impl<'c> XdpFrame<'c> {
    #[inline(always)]
    pub(crate) fn new(ctx: &'c XdpContext) -> Self {
        let (start, end) = (ctx.data(), ctx.data_end());
        let mut readable = end;
        // SAFETY: a subtraction. LLVM must not see it: it would take checks against the end for checks against the length, and the
        // verifier knows the former only.
        unsafe { asm!("{0} -= {1}", inout(reg) readable, in(reg) start, options(pure, nomem, nostack)) };
        Self { ctx, bounds: (start, end), known_len: Cell::new(readable) }
    }
}

impl Frame for XdpFrame<'_> {
    #[inline(always)]
    fn read<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        // SAFETY: those are the packet's bounds.
        unsafe { read(self.bounds.0, self.bounds.1, offset) }
    }

    #[inline(always)]
    fn len(&self) -> usize {
        // SAFETY: a helper on the program's own context.
        let len = unsafe { bpf_xdp_get_buff_len(self.ctx.as_ptr().cast()) } as usize;
        self.known_len.set(len);
        len
    }

    /// Asks the kernel, which costs 6 ns, only when the packet goes on behind the part that can be read.
    #[inline(always)]
    fn holds(&self, len: usize) -> bool {
        len <= self.known_len.get() || len <= self.len()
    }
}

/// A frame as pings are answered in it.
struct XdpPatch<'c>(&'c XdpContext);

impl XdpPatch<'_> {
    /// Where `N` bytes at `offset` lie, if they do.
    #[inline(always)]
    fn place<const N: usize>(&self, offset: usize) -> Option<usize> {
        if offset > OFFSET_MAX {
            return None;
        }
        let at = self.0.data() + offset;
        (at + N <= self.0.data_end()).then_some(at)
    }
}

impl Patch for XdpPatch<'_> {
    #[inline(always)]
    fn load<const N: usize>(&self, offset: usize) -> Option<[u8; N]> {
        // SAFETY: the bytes lie between the frame's bounds.
        self.place::<N>(offset).map(|place| unsafe { load(place) })
    }

    #[inline(always)]
    fn store<const N: usize>(&mut self, offset: usize, bytes: [u8; N]) -> bool {
        // SAFETY: as above.
        self.place::<N>(offset).map(|place| unsafe { store(place, &bytes) }).is_some()
    }
}

/// Verdicts of the edge.
pub(crate) struct XdpSink<'c> {
    /// The frame.
    pub(crate) frame: &'c XdpFrame<'c>,
    /// Whether somebody traces; a constant of the program.
    pub(crate) traced: bool,
}

impl<'c> XdpSink<'c> {
    #[inline(always)]
    fn ctx(&self) -> &'c XdpContext {
        self.frame.ctx
    }

    /// Counts, with the bytes that the frame is known to have: of what is not parsed, those that can be read. Leaves the outcome
    /// for whoever traces.
    #[inline(always)]
    fn done(&self, outcome: Outcome) {
        count(outcome, self.frame.known_len.get() as u32);
        if self.traced {
            events::outcome(outcome);
        }
    }

    /// Replaces the whole frame and sends it back where it came from.
    #[inline(always)]
    fn send_back<const N: usize>(self, answer: &[u8; N], outcome: Outcome) -> u32 {
        let (ctx, longer) = (self.ctx().as_ptr().cast(), N as i32 - self.frame.len() as i32);
        // At the front there always is room to grow, at the end only by luck. Everything is written anew anyway.
        // SAFETY: helpers on the program's own context.
        let failed = unsafe {
            if longer > 0 { bpf_xdp_adjust_head(ctx, -longer) } else { bpf_xdp_adjust_tail(ctx, longer) }
        };
        if failed != 0 {
            return self.drop(Outcome::DropKernel);
        }
        let start = self.ctx().data();
        if start + N > self.ctx().data_end() {
            return self.drop(Outcome::DropKernel);
        }
        // SAFETY: the range lies inside the bounds that were just checked.
        unsafe { store(start, answer) };
        self.done(outcome);
        xdp_action::XDP_TX
    }
}

impl XdpSink<'_> {
    /// Puts `header` in front of the frame, whose MAC addresses become `inner`.
    #[inline(always)]
    fn encapsulate<const N: usize>(self, header: &[u8; N], inner: &[u8; 12]) -> u32 {
        // SAFETY: a helper on the program's own context.
        if unsafe { bpf_xdp_adjust_head(self.ctx().as_ptr().cast(), -(N as i32)) } != 0 {
            return self.drop(Outcome::DropKernel);
        }
        let start = self.ctx().data();
        if start + N + 12 > self.ctx().data_end() {
            return self.drop(Outcome::DropKernel);
        }
        // SAFETY: both ranges lie inside the bounds that were just checked.
        unsafe {
            store(start, header);
            store(start + N, inner);
        }
        self.done(Outcome::Forwarded);
        xdp_action::XDP_TX
    }
}

impl EdgeSink for XdpSink<'_> {
    type Verdict = u32;

    #[inline(always)]
    fn pass(self) -> u32 {
        self.done(Outcome::Passed);
        xdp_action::XDP_PASS
    }

    #[inline(always)]
    fn drop(self, outcome: Outcome) -> u32 {
        self.done(outcome);
        xdp_action::XDP_DROP
    }

    #[inline(always)]
    fn echo_reply(self, ethernet: &Ethernet, packet: &Packet) -> u32 {
        if !dnlb_wire::echo_reply(&mut XdpPatch(self.ctx()), ethernet, packet) {
            return self.drop(Outcome::DropKernel);
        }
        self.done(Outcome::EchoReply);
        xdp_action::XDP_TX
    }

    #[inline(always)]
    fn reset(self, ethernet: &Ethernet, packet: &Packet, outcome: Outcome) -> u32 {
        if packet.v6 {
            let Some(answer) = tables::answer::<RESET_LEN_V6>() else {
                return self.drop(Outcome::DropKernel);
            };
            dnlb_wire::reset_v6(answer, ethernet, packet);
            return self.send_back(answer, outcome);
        }
        let Some(answer) = tables::answer::<RESET_LEN>() else {
            return self.drop(Outcome::DropKernel);
        };
        dnlb_wire::reset(answer, ethernet, packet);
        self.send_back(answer, outcome)
    }

    #[inline(always)]
    fn unreachable(self, ethernet: &Ethernet, packet: &Packet, why: Unreachable, outcome: Outcome) -> u32 {
        let original = self.frame;
        if packet.v6 {
            let Some(answer) = tables::answer::<UNREACHABLE_LEN_V6>() else {
                return self.drop(Outcome::DropKernel);
            };
            if !dnlb_wire::unreachable_v6(answer, original, ethernet, packet, why) {
                return self.drop(Outcome::DropKernel);
            }
            return self.send_back(answer, outcome);
        }
        let Some(answer) = tables::answer::<UNREACHABLE_LEN>() else {
            return self.drop(Outcome::DropKernel);
        };
        if !dnlb_wire::unreachable(answer, original, ethernet, packet, why) {
            return self.drop(Outcome::DropKernel);
        }
        self.send_back(answer, outcome)
    }

    #[inline(always)]
    fn forward(self, outer: &Outer, inner: &[u8; 12]) -> u32 {
        if is_v4(&outer.dst) {
            let header = outer.bytes();
            self.encapsulate(&header, inner)
        } else {
            let header = outer.bytes_v6();
            self.encapsulate(&header, inner)
        }
    }
}

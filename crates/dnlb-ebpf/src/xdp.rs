//! Carries out verdicts of the edge on XDP frames.

use core::cell::Cell;

use aya_ebpf::{
    EbpfContext,
    bindings::xdp_action,
    helpers::generated::{bpf_xdp_adjust_head, bpf_xdp_adjust_tail},
    programs::XdpContext,
};
use dnlb_abi::Outcome;
use dnlb_datapath::{EdgeSink, Outer, Packet};
use dnlb_wire::{
    Ethernet, Frame as _, OFFSET_MAX, Patch, RESET_LEN, RESET_LEN_V6, UNREACHABLE_LEN, UNREACHABLE_LEN_V6,
    Unreachable, is_v4,
};

use crate::{
    events,
    frame::{XdpFrame, load, store},
    tables::{self, count},
};

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
    /// What is to be counted of the packet when all is done.
    pub(crate) ended: &'c Ended,
}

/// How a packet of a service ended that went nowhere.
#[derive(Default)]
pub(crate) struct Ended {
    /// Number of the service, or 0.
    service: Cell<u32>,
    /// The outcome, if it concerns the service.
    outcome: Cell<Option<Outcome>>,
}

impl Ended {
    /// Counts it, in one place: whatever is done at every verdict is there once for each.
    #[inline(always)]
    pub(crate) fn count(&self) {
        if let Some(outcome) = self.outcome.get() {
            tables::count_for_service(self.service.get(), 0, outcome);
        }
    }
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
        if outcome.concerns_service() {
            self.ended.outcome.set(Some(outcome));
        }
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
    fn concerns(&mut self, service: u32) {
        self.ended.service.set(service);
    }

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

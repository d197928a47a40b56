//! Carries out verdicts of the edge on XDP frames.

use aya_ebpf::{
    EbpfContext,
    bindings::xdp_action,
    helpers::generated::{bpf_xdp_adjust_head, bpf_xdp_get_buff_len},
    programs::XdpContext,
};
use dnlb_abi::Outcome;
use dnlb_datapath::{EdgeSink, Outer};
use dnlb_wire::OUTER_LEN;

use crate::{frame::PacketPointers, tables::count};

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

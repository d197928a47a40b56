//! Wrappers and references.

use aya_ebpf::{
    EbpfContext,
    bindings::{TC_ACT_REDIRECT, TC_ACT_SHOT, bpf_tunnel_key, xdp_action},
    helpers::generated::{bpf_redirect, bpf_skb_set_tunnel_key, bpf_skb_store_bytes, bpf_xdp_adjust_head},
    macros::{classifier, map, xdp},
    maps::{Array, ProgramArray},
    programs::{TcContext, XdpContext},
};
use dnlb_abi::{BenchPlan, v4_mapped};
use dnlb_wire::{ETHERNET_LEN, Ethernet, OUTER_LEN, Outer, Packet, Parsed, parse};

use crate::frame::{PacketPointers, XdpFrame, store};

#[map]
static PLAN: Array<BenchPlan> = Array::with_max_entries(1, 0);
/// The program under test of XDP.
#[map]
static UNDER_TEST_XDP: ProgramArray = ProgramArray::with_max_entries(1, 0);
/// The program under test of TCX.
#[map]
static UNDER_TEST_TC: ProgramArray = ProgramArray::with_max_entries(1, 0);

/// The plan, and the number of this repetition.
#[inline(always)]
fn next() -> Option<(&'static mut BenchPlan, u32)> {
    // SAFETY: one batch runs at a time, on one CPU; the plan lives as long as its map.
    let plan = unsafe { &mut *PLAN.get_ptr_mut(0)? };
    let index = plan.index;
    plan.index = index.wrapping_add(1);
    Some((plan, index))
}

/// Client's address and port, and the service's address, of a repetition.
#[inline(always)]
fn flow(plan: &BenchPlan, index: u32) -> ([u8; 4], [u8; 2], [u8; 4]) {
    let (addr, port) = plan.client(index);
    let service = plan.service_base.wrapping_add(index & plan.service_mask);
    (addr.to_be_bytes(), port.to_be_bytes(), service.to_be_bytes())
}

/// Puts the front back and writes the next flow's addresses and port, then calls the XDP program under test.
#[xdp(frags)]
fn wrap_xdp(ctx: XdpContext) -> u32 {
    let Some((plan, index)) = next() else {
        return xdp_action::XDP_ABORTED;
    };
    if plan.undo != BenchPlan::UNDO_NOTHING {
        let head = plan.head as i32;
        let grow = plan.undo == BenchPlan::UNDO_ALTERNATELY && index & 1 == 1;
        // SAFETY: a helper on the program's own context.
        if unsafe { bpf_xdp_adjust_head(ctx.as_ptr().cast(), if grow { -head } else { head }) } != 0 {
            return xdp_action::XDP_ABORTED;
        }
    }
    let (src, port, dst) = flow(plan, index);
    let start = ctx.data();
    if start + BenchPlan::FRAME_LEN > ctx.data_end() {
        return xdp_action::XDP_ABORTED;
    }
    let write = |[src_at, dst_at, port_at]: [usize; 3]| {
        // SAFETY: all three lie in the bytes that were just checked.
        unsafe {
            ((start + src_at) as *mut [u8; 4]).write_unaligned(src);
            ((start + dst_at) as *mut [u8; 4]).write_unaligned(dst);
            ((start + port_at) as *mut [u8; 2]).write_unaligned(port);
        }
    };
    if plan.ip_version == 6 {
        write(const { BenchPlan::offsets(6) });
    } else {
        write(const { BenchPlan::offsets(4) });
    }
    // SAFETY: comes back only when the slot is empty, which the outcome counters then show.
    unsafe { UNDER_TEST_XDP.tail_call(&ctx, 0) };
    xdp_action::XDP_ABORTED
}

/// Writes the frame's headers anew, as the next flow sends them, then calls the TCX program under test.
#[classifier]
fn wrap_tc(ctx: TcContext) -> i32 {
    let Some((plan, index)) = next() else {
        return TC_ACT_SHOT as i32;
    };
    let (src, port, dst) = flow(plan, index);
    let frame = &mut plan.frame;
    let mut write = |[src_at, dst_at, port_at]: [usize; 3]| {
        let mut at = 0;
        while at < 4 {
            (frame[src_at + at], frame[dst_at + at]) = (src[at], dst[at]);
            at += 1;
        }
        (frame[port_at], frame[port_at + 1]) = (port[0], port[1]);
    };
    if plan.ip_version == 6 {
        write(const { BenchPlan::offsets(6) });
    } else {
        write(const { BenchPlan::offsets(4) });
    }
    let (from, len) = (plan.frame.as_ptr(), BenchPlan::FRAME_LEN as u32);
    // SAFETY: a helper on the program's own context, from a living map value of that length.
    if unsafe { bpf_skb_store_bytes(ctx.as_ptr().cast(), 0, from.cast(), len, 0) } != 0 {
        return TC_ACT_SHOT as i32;
    }
    // SAFETY: as in `wrap_xdp`.
    unsafe { UNDER_TEST_TC.tail_call(&ctx, 0) };
    TC_ACT_SHOT as i32
}

/// Reference: returns.
#[xdp(frags)]
fn return_xdp(_ctx: XdpContext) -> u32 {
    xdp_action::XDP_TX
}

/// Reference: returns.
#[classifier]
fn return_tc(_ctx: TcContext) -> i32 {
    TC_ACT_REDIRECT as i32
}

/// Reference: parses and encapsulates towards one host; no look-up, no hash, no counter.
#[xdp(frags)]
fn encapsulate_xdp(ctx: XdpContext) -> u32 {
    let frame = XdpFrame::new(&ctx);
    let mut packet = Packet::default();
    let Some(ethernet) = Ethernet::read(&frame) else {
        return xdp_action::XDP_DROP;
    };
    if parse(&frame, &ethernet, &mut packet) != Parsed::Packet {
        return xdp_action::XDP_DROP;
    }
    let outer = Outer {
        dst_mac: [2, 0, 0, 0, 0, 1],
        src_mac: [2, 0, 0, 0, 0, 2],
        dst: v4_mapped([172, 16, 0, 2]),
        src: v4_mapped([172, 16, 0, 1]),
        src_port: 0xc000 | (packet.src_port & 0x3fff),
        vni: 7,
        tos: packet.tos,
        inner_len: (packet.ip_len + ETHERNET_LEN as u32) as u16,
    }
    .bytes();
    // SAFETY: a helper on the program's own context.
    if unsafe { bpf_xdp_adjust_head(ctx.as_ptr().cast(), -(OUTER_LEN as i32)) } != 0 {
        return xdp_action::XDP_DROP;
    }
    let start = ctx.data();
    if start + OUTER_LEN + ETHERNET_LEN > ctx.data_end() {
        return xdp_action::XDP_DROP;
    }
    // SAFETY: both ranges lie inside the bounds that were just checked.
    unsafe {
        store(start, &outer);
        store(start + OUTER_LEN, &[6, 1, 0, 0, 0, 9, 6, 0xfd, 0, 1, 0, 0]);
    }
    xdp_action::XDP_TX
}

/// Reference: parses and hands the packet to the kernel's tunnel towards one host.
#[classifier]
fn encapsulate_tc(ctx: TcContext) -> i32 {
    let frame =
        PacketPointers { start: ctx.data(), end: ctx.data_end(), len: ctx.len() as usize, segment_len: 0 };
    let mut packet = Packet::default();
    let Some(ethernet) = Ethernet::read(&frame) else {
        return TC_ACT_SHOT as i32;
    };
    if parse(&frame, &ethernet, &mut packet) != Parsed::Packet {
        return TC_ACT_SHOT as i32;
    }
    // SAFETY: plain old data.
    let mut key: bpf_tunnel_key = unsafe { core::mem::zeroed() };
    key.tunnel_id = u32::from(packet.dst_port);
    key.tunnel_ttl = 64;
    key.__bindgen_anon_1.remote_ipv4 = 0xac10_0002;
    let macs: [u8; 12] = [6, 1, 0, 0, 0, 9, 6, 0xfd, 0, 0, 0, 0];
    let (buffer, size) = (ctx.as_ptr().cast(), size_of::<bpf_tunnel_key>() as u32);
    // SAFETY: helpers on the program's own context; what they read is as long as is said.
    unsafe {
        if bpf_skb_store_bytes(buffer, 0, macs.as_ptr().cast(), 12, 0) != 0
            || bpf_skb_set_tunnel_key(ctx.as_ptr().cast(), &mut key, size, 0) != 0
        {
            return TC_ACT_SHOT as i32;
        }
        bpf_redirect(1, 0) as i32
    }
}

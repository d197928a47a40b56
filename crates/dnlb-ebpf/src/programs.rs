//! The programs' entries. Each is one role of `dnlb-datapath`.

use aya_ebpf::{
    EbpfContext,
    bindings::xdp_action,
    macros::{classifier, xdp},
    programs::{TcContext, XdpContext},
};
use dnlb_abi::Outcome;

use crate::{
    tables::{self, KernelTables, count},
    tc::{self, TcSink},
    xdp::{self, XdpSink},
};

/// TCX ingress of the host side of every instance's link.
#[classifier]
fn from_instance(mut ctx: TcContext) -> i32 {
    let Some(room) = tables::room() else {
        return tc::SHOT;
    };
    let frame = tc::frame(&ctx);
    let ifindex = ifindex(&ctx);
    dnlb_datapath::from_instance(&frame, &KernelTables, ifindex, room, TcSink { ctx: &mut ctx, ifindex })
}

/// TCX ingress of the VXLAN device.
#[classifier]
fn from_overlay(mut ctx: TcContext) -> i32 {
    let Some((vni, remote)) = tc::tunnel(&ctx) else {
        // Not from a tunnel: the device's own traffic, such as neighbour discovery.
        count(Outcome::Passed, ctx.len());
        return tc::PASS;
    };
    let Some(room) = tables::room() else {
        return tc::SHOT;
    };
    let frame = tc::frame(&ctx);
    let ifindex = ifindex(&ctx);
    dnlb_datapath::from_overlay(
        &frame,
        &KernelTables,
        (vni, &remote),
        room,
        TcSink { ctx: &mut ctx, ifindex },
    )
}

/// [`from_overlay`] for test runs, which have no tunnel: VNI and remote address stand in `cb`.
#[classifier]
fn from_overlay_test(mut ctx: TcContext) -> i32 {
    let (vni, remote) = (ctx.cb()[0], ctx.cb()[1]);
    let remote = dnlb_abi::v4_mapped(remote.to_be_bytes());
    let Some(room) = tables::room() else {
        return tc::SHOT;
    };
    let frame = tc::frame(&ctx);
    let ifindex = ifindex(&ctx);
    dnlb_datapath::from_overlay(
        &frame,
        &KernelTables,
        (vni, &remote),
        room,
        TcSink { ctx: &mut ctx, ifindex },
    )
}

/// TCX ingress of the probe link's switch side.
#[classifier]
fn probe(mut ctx: TcContext) -> i32 {
    let Some(room) = tables::room() else {
        return tc::SHOT;
    };
    let frame = tc::frame(&ctx);
    let ifindex = ifindex(&ctx);
    dnlb_datapath::probe(&frame, &KernelTables, room, TcSink { ctx: &mut ctx, ifindex })
}

/// Native XDP of an edge's uplink.
#[xdp(frags)]
fn edge(ctx: XdpContext) -> u32 {
    let frame = xdp::frame(&ctx);
    let len = frame.len as u32;
    dnlb_datapath::edge(&frame, &KernelTables, XdpSink { ctx: &ctx, len })
}

/// Passes everything: a veth delivers `XDP_TX` of its peer only if it has an XDP program itself.
#[xdp(frags)]
fn xdp_pass(_ctx: XdpContext) -> u32 {
    xdp_action::XDP_PASS
}

/// Interface on which the packet came in.
#[inline(always)]
fn ifindex(ctx: &TcContext) -> u32 {
    // SAFETY: the context is a live `__sk_buff`; the kernel rewrites the load of its field.
    unsafe { (*ctx.as_ptr().cast::<aya_ebpf::bindings::__sk_buff>()).ifindex }
}

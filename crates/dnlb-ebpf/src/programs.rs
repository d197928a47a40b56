//! The programs' entries. Each is one role of `dnlb-datapath`.

use aya_ebpf::{
    EbpfContext,
    bindings::xdp_action,
    macros::{classifier, xdp},
    programs::{TcContext, XdpContext},
};
use dnlb_abi::{Addr, Outcome, Role};
use dnlb_datapath::Packet;

use crate::{
    events,
    frame::XdpFrame,
    tables::{self, KernelTables, count},
    tc::{self, TcSink},
    xdp::{Ended, XdpSink},
};

/// TCX ingress of the host side of every instance's link.
#[classifier]
fn from_instance(mut ctx: TcContext) -> i32 {
    let (Some(room), Some(note)) = (tables::new_room(), tables::new_note(Role::FromInstance, 0)) else {
        return tc::SHOT;
    };
    let frame = tc::frame(&ctx);
    let ifindex = ifindex(&ctx);
    let act = dnlb_datapath::from_instance(&frame, &KernelTables, ifindex, room, TcSink { note });
    tc::carry_out(&mut ctx, ifindex, act)
}

/// TCX ingress of the VXLAN device.
#[classifier]
fn from_overlay(ctx: TcContext) -> i32 {
    let Some((vni, remote)) = tc::tunnel(&ctx) else {
        // Not from a tunnel: the device's own traffic, such as neighbour discovery.
        count(Outcome::Passed, ctx.len());
        return tc::PASS;
    };
    out_of_tunnel(ctx, vni, &remote)
}

/// [`from_overlay`] for test runs, which have no tunnel: VNI and remote address (IPv4) stand in `cb`.
#[classifier]
fn from_overlay_test(ctx: TcContext) -> i32 {
    let (vni, remote) = (ctx.cb()[0], ctx.cb()[1]);
    out_of_tunnel(ctx, vni, &dnlb_abi::v4_mapped(remote.to_be_bytes()))
}

#[inline(always)]
fn out_of_tunnel(mut ctx: TcContext, vni: u32, remote: &Addr) -> i32 {
    let (Some(room), Some(note)) = (tables::new_room(), tables::new_note(Role::FromOverlay, vni)) else {
        return tc::SHOT;
    };
    let frame = tc::frame(&ctx);
    let ifindex = ifindex(&ctx);
    let act = dnlb_datapath::from_overlay(&frame, &KernelTables, (vni, remote), room, TcSink { note });
    tc::carry_out(&mut ctx, ifindex, act)
}

/// TCX ingress of the probe link's switch side.
#[classifier]
fn probe(mut ctx: TcContext) -> i32 {
    let (Some(room), Some(note)) = (tables::new_room(), tables::new_note(Role::Probe, 0)) else {
        return tc::SHOT;
    };
    let frame = tc::frame(&ctx);
    let ifindex = ifindex(&ctx);
    let act = dnlb_datapath::probe(&frame, &KernelTables, room, TcSink { note });
    tc::carry_out(&mut ctx, ifindex, act)
}

/// Native XDP of an edge's uplink.
#[xdp(frags)]
#[inline(always)]
fn edge(ctx: XdpContext) -> u32 {
    if events::active() {
        // Returns only if it cannot be done.
        events::to_traced_edge(&ctx);
    }
    let frame = XdpFrame::new(&ctx);
    let ended = Ended::default();
    let sink = XdpSink { frame: &frame, traced: false, ended: &ended };
    let mut packet = Packet::default();
    let verdict = dnlb_datapath::edge(&frame, &KernelTables, &mut packet, tables::room, sink);
    ended.count();
    verdict
}

/// [`edge`] while somebody traces, called by it. A program of its own, so that none of it weighs on the edge.
#[xdp(frags)]
fn edge_traced(ctx: XdpContext) -> u32 {
    let (Some(seen), Some(_)) = (tables::new_edge_packet(), tables::new_note(Role::Edge, 0)) else {
        return xdp_action::XDP_PASS;
    };
    let frame = XdpFrame::new(&ctx);
    // Once more, because the stack has no place for a decision whose packet must last.
    dnlb_datapath::look(&frame, seen);
    let ended = Ended::default();
    let sink = XdpSink { frame: &frame, traced: true, ended: &ended };
    let mut packet = Packet::default();
    let verdict = dnlb_datapath::edge(&frame, &KernelTables, &mut packet, tables::room, sink);
    ended.count();
    events::tell_edge(&ctx, verdict);
    verdict
}

/// Called at the end of [`edge_traced`], as [`tell`] is of classifiers.
#[xdp(frags)]
fn edge_tell(ctx: XdpContext) -> u32 {
    events::note_forwarded(&XdpFrame::new(&ctx));
    // SAFETY: the context is a live `xdp_md`; the kernel rewrites the load of its field.
    events::tell_packet(unsafe { (*ctx.ctx).ingress_ifindex });
    events::verdict() as u32
}

/// Called at the end of the other classifiers when somebody wants to hear of the packet; returns what they would have.
#[classifier]
fn tell(ctx: TcContext) -> i32 {
    events::tell_flows();
    events::tell_packet(ifindex(&ctx));
    events::verdict()
}

/// TCX ingress of an edge's uplink whose driver knows no XDP, or where XDP does not pay: a VLAN, a bond, a veth.
#[classifier]
fn edge_tc(mut ctx: TcContext) -> i32 {
    let (Some(packet), Some(note)) = (tables::new_edge_packet(), tables::new_note(Role::Edge, 0)) else {
        return tc::SHOT;
    };
    let frame = tc::frame(&ctx);
    let ifindex = ifindex(&ctx);
    let act = dnlb_datapath::edge(&frame, &KernelTables, packet, tables::room, TcSink { note });
    tc::carry_out(&mut ctx, ifindex, act)
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

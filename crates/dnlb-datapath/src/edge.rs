//! A packet from outside reaches an edge.

use dnlb_abi::{MemberEntry, Outcome, VNI_PUBLIC, instance_mac, tunnel_mac};
use dnlb_wire::{
    ETHERNET_LEN, ETHERTYPE_IPV4, ETHERTYPE_IPV6, Ethernet, Fragment, Icmp, Outer, Packet, Parsed,
    Unreachable, parse, word,
};

use crate::{
    EdgeSink, Frame, Room, Tables,
    answer::{Absent, Answer},
    fragment,
    hash::entropy,
    icmp_error, service,
};

/// Decides a frame on an edge's uplink: a listener's EIP is balanced, and answers where nobody is; everything else is not
/// ours.
///
/// `packet` is memory for the packet. `room` is asked for only by what is rare: fragments and ICMP errors.
#[inline(always)]
pub fn edge<'r, T: Tables, S: EdgeSink>(
    frame: &impl Frame,
    tables: &T,
    packet: &mut Packet,
    room: impl FnOnce() -> Option<&'r mut Room>,
    mut sink: S,
) -> S::Verdict {
    let (Some(settings), Some(ethernet)) = (tables.settings(), Ethernet::read(frame)) else {
        return sink.pass();
    };
    if ethernet.ethertype != ETHERTYPE_IPV4 && ethernet.ethertype != ETHERTYPE_IPV6 {
        return sink.pass();
    }
    if parse(frame, &ethernet, packet) != Parsed::Packet {
        return sink.pass();
    }
    if packet.icmp == Icmp::Error || packet.fragment != Fragment::Whole {
        let Some(room) = room() else {
            return sink.pass();
        };
        if packet.icmp == Icmp::Error {
            return icmp_error::edge(frame, tables, settings, packet, room, sink);
        }
        if !fragment::complete(tables, VNI_PUBLIC, packet, &mut room.fragment) {
            let ours = service::has_address(tables, settings, VNI_PUBLIC, &packet.dst);
            return if ours { sink.drop(Outcome::DropFragment) } else { sink.pass() };
        }
    }
    let Some(service) =
        service::find(tables, settings, VNI_PUBLIC, &packet.dst, packet.protocol, packet.dst_port)
    else {
        if service::has_address(tables, settings, VNI_PUBLIC, &packet.dst) {
            return answer(frame, &ethernet, packet, Absent::Listener, sink);
        }
        return sink.pass();
    };
    sink.concerns(service.number);
    if to_itself(packet) {
        // Its answer would come back here, and the answer to that.
        return sink.drop(Outcome::DropSpoofed);
    }
    if packet.wire_len(frame) > settings.overlay_mtu {
        // What may be fragmented is not: that is for routers with time.
        return if !packet.may_fragment && Answer::can_quote(frame, packet) {
            let why = Unreachable::too_big(settings.overlay_mtu as u16);
            sink.unreachable(&ethernet, packet, why, Outcome::UnreachableTooBig)
        } else {
            sink.drop(Outcome::DropTooBig)
        };
    }
    let member = service::choose(tables, settings, service, packet);
    if member.instance == 0 {
        return answer(frame, &ethernet, packet, Absent::member(service), sink);
    }
    forward(tables, service.vni, &member, packet, sink)
}

/// Whether it is for its own sender. By words: the hash wants them, too.
#[inline(always)]
fn to_itself(packet: &Packet) -> bool {
    let same = |at| word(&packet.src, at) == word(&packet.dst, at);
    same(3) && same(2) && same(1) && same(0)
}

/// Sends a packet on to its member; `packet` says which flow it is, how long, and of what traffic class.
#[inline(always)]
pub(crate) fn forward<S: EdgeSink>(
    tables: &impl Tables,
    vni: u32,
    member: &MemberEntry,
    packet: &Packet,
    sink: S,
) -> S::Verdict {
    let Some(host) = tables.host(member.host as u32) else {
        return sink.drop(Outcome::DropUnknownHost);
    };
    if host.next_hop_mac == [0; 6] {
        return sink.drop(Outcome::DropUnknownHost);
    }
    let outer = Outer {
        dst_mac: host.next_hop_mac,
        src_mac: host.uplink_mac,
        dst: host.addr,
        src: host.local_addr,
        src_port: 0xc000 | entropy(packet) & 0x3fff,
        vni,
        tos: packet.tos,
        inner_len: (packet.ip_len + ETHERNET_LEN as u32) as u16,
    };
    let (d, s) = (instance_mac(member.instance), tunnel_mac(0, true));
    let inner = [d[0], d[1], d[2], d[3], d[4], d[5], s[0], s[1], s[2], s[3], s[4], s[5]];
    sink.forward(&outer, &inner)
}

/// What the edge answers a client that calls an EIP where nobody is.
#[inline(always)]
fn answer<S: EdgeSink>(
    frame: &impl Frame,
    ethernet: &Ethernet,
    packet: &Packet,
    absent: Absent,
    sink: S,
) -> S::Verdict {
    match Answer::to(frame, packet, absent) {
        Answer::Echo => sink.echo_reply(ethernet, packet),
        Answer::Reset => sink.reset(ethernet, packet, absent.reset()),
        Answer::Unreachable => sink.unreachable(ethernet, packet, Unreachable::PORT, absent.unreachable()),
        Answer::Nothing => sink.drop(absent.drop()),
    }
}

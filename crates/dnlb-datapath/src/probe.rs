//! A health check of the agent enters the switch.

use dnlb_abi::{FlowRecord, Outcome, PROBE_SOURCE, PROBE_SOURCE_V6, v4_mapped};
use dnlb_wire::{ETHERTYPE_IPV4, ETHERTYPE_IPV6, Ethernet, Fragment, Icmp, is_v4, parse};

use crate::{
    Frame, Room, Sink, Tables,
    deliver::{Arrival, deliver},
    refusal,
};

/// Decides a frame from the agent's probe link.
///
/// Its destination is `dnlb_abi::probe_address` or `probe_address_v6` of an instance of this host; the instance sees its own address, and
/// the checker's as source. Rules apply as to every other client: a check must not succeed where clients would fail.
#[inline(always)]
pub fn probe<T: Tables, S: Sink>(frame: &impl Frame, tables: &T, room: &mut Room, sink: S) -> S::Verdict {
    let Room { packet, seen, rewrite, record, key, .. } = room;
    rewrite.clear();
    let Some(ethernet) = Ethernet::read(frame) else {
        return sink.drop(Outcome::DropMalformed);
    };
    if ethernet.ethertype != ETHERTYPE_IPV4 && ethernet.ethertype != ETHERTYPE_IPV6 {
        return sink.drop(Outcome::DropEthertype);
    }
    if let Some(refusal) = refusal(parse(frame, &ethernet, packet)) {
        return sink.drop(refusal);
    }
    if packet.fragment != Fragment::Whole {
        return sink.drop(Outcome::DropFragment);
    }
    match packet.icmp {
        Icmp::None | Icmp::Echo | Icmp::EchoReply => {}
        Icmp::Error => return sink.drop(Outcome::DropProtocol),
        Icmp::Neighbourhood | Icmp::Solicitation => return sink.drop(Outcome::DropNeighbour),
    }
    *seen = *packet;
    let checker = if packet.v6 { PROBE_SOURCE_V6 } else { v4_mapped(PROBE_SOURCE) };
    if packet.src != checker {
        return sink.drop(Outcome::DropSpoofed);
    }
    let number = u32::from_be_bytes([packet.dst[12] & 0x0f, packet.dst[13], packet.dst[14], packet.dst[15]]);
    let Some(instance) = tables.instance(number) else {
        return sink.drop(Outcome::DropUnknownInstance);
    };
    if is_v4(&instance.addr) == packet.v6 {
        return sink.drop(Outcome::DropUnknownInstance);
    }
    let arrival = Arrival { port: packet.dst_port, service: 0, via: FlowRecord::VIA_PROBE };
    deliver(tables, instance, packet, seen, &arrival, rewrite, (record, key), sink)
}

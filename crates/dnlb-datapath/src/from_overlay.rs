//! A packet comes out of the tunnel.

use dnlb_abi::{Addr, FlowRecord, Outcome, Settings, TargetKey, instance_of_mac, tunnel_mac};
use dnlb_wire::{ETHERTYPE_IPV4, ETHERTYPE_IPV6, Ethernet, Icmp, parse, parse_quote};

use crate::{
    Frame, Room, Sink, Tables, Tunnel,
    deliver::{Arrival, deliver},
    fragment::complete,
    icmp_error, refusal,
    second_chance::{self, Choice},
    service, tunnel,
};

/// Decides a frame that arrived with VNI `vni` from the underlay address `remote`.
///
/// The inner destination MAC says for which instance it is; the packet is still addressed to the VIP or EIP to
/// which the client sent it. One of a flow that the instance does not know goes to who had the row before.
#[inline(always)]
pub fn from_overlay<T: Tables, S: Sink>(
    frame: &impl Frame,
    tables: &T,
    (vni, remote): (u32, &Addr),
    room: &mut Room,
    mut sink: S,
) -> S::Verdict {
    let Room { packet, seen, rewrite, fragment, record, key, other } = &mut *room;
    rewrite.clear();
    let (Some(settings), Some(ethernet)) = (tables.settings(), Ethernet::read(frame)) else {
        return sink.drop(Outcome::DropMalformed);
    };
    if settings.flags & Settings::KNOWS_PEERS != 0 && !tables.peer(remote) {
        return sink.drop(Outcome::DropForeignTunnel);
    }
    let mut found = tables.instance(instance_of_mac(ethernet.dst));
    if found.is_some_and(|instance| instance.vni != vni) {
        return sink.drop(Outcome::DropWrongVpc);
    }
    if ethernet.ethertype != ETHERTYPE_IPV4 && ethernet.ethertype != ETHERTYPE_IPV6 {
        return sink.drop(Outcome::DropEthertype);
    }
    if let Some(refusal) = refusal(parse(frame, &ethernet, packet)) {
        return sink.drop(refusal);
    }
    if !complete(tables, vni, packet, fragment) {
        return sink.drop(Outcome::DropFragment);
    }
    *seen = *packet;
    let error = packet.icmp == Icmp::Error;
    if error {
        // It goes where the flow of the packet goes that it quotes.
        if !parse_quote(frame, packet, &mut rewrite.quote) {
            return sink.drop(Outcome::DropMalformed);
        }
        icmp_error::turned(&rewrite.quote, packet.v6, seen);
    } else if matches!(packet.icmp, Icmp::Neighbourhood | Icmp::Solicitation) {
        return sink.drop(Outcome::DropNeighbour);
    }
    let from_edge = ethernet.src[3] == tunnel_mac(0, true)[3];
    let mut arrival = Arrival {
        port: packet.dst_port,
        service: 0,
        via: if from_edge { FlowRecord::VIA_UPLINK } else { FlowRecord::VIA_OVERLAY },
    };
    if found.is_none_or(|instance| packet.dst != instance.addr) {
        let service = service::find(tables, settings, vni, &seen.dst, seen.protocol, seen.dst_port);
        let Some(service) = service.filter(|_| packet.dst == seen.dst) else {
            let unknown = Outcome::DropUnknownInstance;
            return sink.drop(if found.is_none() { unknown } else { Outcome::DropNoListener });
        };
        sink.concerns(service.number, 0);
        // An instance that has gone may still stand in a sender's row; the flow may be somebody else's. Its number still says
        // how far a search among all has come.
        let number = instance_of_mac(ethernet.dst);
        let came = Choice { instance: number, host: settings.host, hop: ethernet.src[2] };
        let next = second_chance::find(tables, settings, service, seen, came, other);
        if next.host != settings.host {
            if error {
                tables.count(Outcome::IcmpError);
            }
            let to = Tunnel { vni, instance: next.instance, hop: next.hop, from_edge, ..Tunnel::default() };
            return tunnel::send(tables, next.host, to, packet, rewrite, sink);
        }
        if error {
            return icmp_error::to_member(tables, service.backend, next.instance, room, sink);
        }
        if next.instance == 0 {
            return sink.drop(Outcome::DropNoBackend);
        }
        if next.instance != number {
            found = tables.instance(next.instance);
        }
        if found.is_none() {
            return sink.drop(Outcome::DropUnknownInstance);
        }
        let target = TargetKey { backend: service.backend, instance: next.instance };
        let Some(port) = tables.target(&target) else {
            return sink.drop(Outcome::DropNotATarget);
        };
        arrival.port = port as u16;
        arrival.service = service.number;
        sink.concerns(service.number, next.instance);
        tables.count_service(service.number, packet.ip_len);
    }
    let Some(instance) = found else {
        return sink.drop(Outcome::DropUnknownInstance);
    };
    if error {
        return icmp_error::to_opener(tables, instance, room, sink);
    }
    deliver(tables, instance, packet, seen, &arrival, rewrite, (record, key), sink)
}

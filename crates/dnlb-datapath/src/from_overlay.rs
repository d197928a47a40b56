//! A packet comes out of the tunnel.

use dnlb_abi::{FlowRecord, Outcome, TargetKey, instance_of_mac, tunnel_mac};
use dnlb_wire::{ETHERTYPE_IPV4, Ethernet, Packet, parse};

use crate::{
    Frame, Rewrite, Sink, Tables,
    deliver::{Arrival, deliver},
    refusal, service,
};

/// Decides a frame that arrived with VNI `vni`.
///
/// The inner destination MAC says for which instance it is; the packet is still addressed to the VIP or EIP to
/// which the client sent it.
#[inline(always)]
pub fn from_overlay<T: Tables, S: Sink>(frame: &impl Frame, tables: &T, vni: u32, sink: S) -> S::Verdict {
    let (Some(settings), Some(ethernet)) = (tables.settings(), Ethernet::read(frame)) else {
        return sink.drop(Outcome::DropMalformed);
    };
    let Some(instance) = tables.instance(instance_of_mac(ethernet.dst)) else {
        return sink.drop(Outcome::DropUnknownInstance);
    };
    if instance.vni != vni {
        return sink.drop(Outcome::DropWrongVpc);
    }
    if ethernet.ethertype != ETHERTYPE_IPV4 {
        return sink.drop(Outcome::DropEthertype);
    }
    let mut packet = Packet::default();
    if let Some(refusal) = refusal(parse(frame, &mut packet)) {
        return sink.drop(refusal);
    }
    let from_edge = ethernet.src[3] == tunnel_mac(0, true)[3];
    let mut arrival = Arrival {
        port: packet.dst_port,
        service: 0,
        via: if from_edge { FlowRecord::VIA_UPLINK } else { FlowRecord::VIA_OVERLAY },
    };
    if packet.dst != instance.addr {
        let Some(service) =
            service::find(tables, settings, vni, &packet.dst, packet.protocol, packet.dst_port)
        else {
            return sink.drop(Outcome::DropNoListener);
        };
        let key = TargetKey { backend: service.backend, instance: instance.number };
        let Some(port) = tables.target(&key) else {
            return sink.drop(Outcome::DropNotATarget);
        };
        arrival.port = port as u16;
        arrival.service = service.number;
        tables.count_service(service.number, packet.ip_len);
    }
    deliver(tables, instance, &packet, &packet, &arrival, Rewrite::default(), sink)
}

//! The backend's side: flow record, rules, destination NAT, delivery.

use dnlb_abi::{FlowKey, FlowRecord, InstanceEntry, Outcome};
use dnlb_wire::{Packet, UDP};

use crate::{Flow, Rewrite, Sink, Tables, flow, rules};

/// What the instance is to see as destination, and how its replies go.
pub(crate) struct Arrival {
    /// The instance's port.
    pub(crate) port: u16,
    /// Number of the service by which it came, or 0.
    pub(crate) service: u32,
    /// [`FlowRecord::via`] of a new flow.
    pub(crate) via: u16,
}

/// Delivers `packet` to an instance of this host.
///
/// `packet` is as it came in; `seen` is the same with the rewriting that is already decided.
#[inline(always)]
#[allow(
    clippy::too_many_arguments,
    reason = "four of them are parts of the room, which its owner has borrowed apart"
)]
pub(crate) fn deliver<T: Tables, S: Sink>(
    tables: &T,
    instance: &InstanceEntry,
    packet: &Packet,
    seen: &Packet,
    arrival: &Arrival,
    rewrite: &mut Rewrite,
    (record, key): (&mut FlowRecord, &mut FlowKey),
    sink: S,
) -> S::Verdict {
    let protocol = packet.protocol;
    if !rules::acl_allows(tables, instance, instance.acl_in, &seen.src, protocol, arrival.port) {
        return sink.drop(Outcome::DropAclIn);
    }
    let hairpin = flow::is_hairpin(instance, seen);
    let peer = flow::peer(instance, seen);
    let mut port = seen.src_port;
    flow::set_key(key, instance.number, &peer, port, arrival.port, protocol);
    let translated = seen.dst != instance.addr || seen.dst_port != arrival.port;
    let mut found = tables.flow(key);
    let taken = found.as_ref().is_some_and(|flow| {
        let outbound = flow.flags() & FlowRecord::FLAG_OUTBOUND != 0;
        let replaced = packet.opens() && (flow::is_over(flow.flags()) || !flow.established());
        !outbound && !flow::is_of(flow, seen, port) && !replaced
    });
    // Of a datagram nobody knows whether it begins something.
    if taken || (found.is_none() && (!packet.opens() || protocol == UDP)) {
        // Another flow looks the same to the instance; or did, when this one began.
        let other = flow::other_port(seen);
        flow::set_key(key, instance.number, &peer, other, arrival.port, protocol);
        let second = tables.flow(key);
        let ours = second.as_ref().is_some_and(|flow| flow::is_of(flow, seen, other));
        let free = second.as_ref().is_none_or(|flow| packet.opens() && flow::is_over(flow.flags()));
        if ours || (taken && free) {
            port = other;
            found = second;
        } else if taken {
            return sink.drop(Outcome::DropFlowCollision);
        } else {
            flow::set_key(key, instance.number, &peer, port, arrival.port, protocol);
        }
    }
    let mut known = false;
    if let Some(flow) = found {
        let outbound = flow.flags() & FlowRecord::FLAG_OUTBOUND != 0;
        // A SYN after the end begins a new flow under the old name, as one in place of another that is not established does.
        let another = !outbound && !flow::is_of(&flow, seen, port);
        let begins = packet.opens() && (flow::is_over(flow.flags()) || another);
        if !begins {
            let ports = (seen.src_port, arrival.port);
            if !flow::allowed(tables, instance, &flow, &seen.src, protocol, ports) {
                return sink.drop(Outcome::DropSecurityGroupIn);
            }
            flow::note(tables, key, &flow, packet, false);
            known = true;
        }
    }
    if !known {
        let adopt = packet.continues() && !packet.opens();
        if !packet.opens() && !adopt {
            return sink.drop(Outcome::DropNoFlow);
        }
        if !rules::allows(tables, instance.security_in, &seen.src, protocol, arrival.port) {
            return sink.drop(if adopt { Outcome::DropNoFlow } else { Outcome::DropSecurityGroupIn });
        }
        let mut flags = 0;
        if translated {
            flags |= FlowRecord::FLAG_TRANSLATED;
        }
        if adopt {
            flags |= FlowRecord::FLAG_ADOPTED;
        }
        if hairpin {
            flags |= FlowRecord::FLAG_HAIRPIN;
        }
        record.original_addr = seen.dst;
        record.original_port = seen.dst_port;
        record.via = arrival.via;
        record.service = arrival.service;
        record.rules = instance.rules;
        record.peer_port = if port == seen.src_port { 0 } else { seen.src_port as u32 };
        if !flow::create(tables, key, record, flags, packet) {
            return sink.drop(Outcome::DropFlowTableFull);
        }
        if adopt {
            tables.count(Outcome::Adopted);
        }
    }
    if hairpin || port != seen.src_port {
        rewrite.source = true;
        rewrite.src = peer;
        rewrite.src_port = port;
    }
    if translated {
        rewrite.destination = true;
        rewrite.dst = instance.addr;
        rewrite.dst_port = arrival.port;
    }
    sink.deliver(instance, packet, rewrite)
}

//! A packet leaves an instance.

use dnlb_abi::{EndpointKey, FlowRecord, InstanceEntry, Outcome, ROUTER_MAC, TargetKey};
use dnlb_wire::{ETHERTYPE_ARP, ETHERTYPE_IPV4, Ethernet, Packet, Parsed, UDP, Unreachable, arp, parse, v4};

use crate::{
    Flow, Frame, Rewrite, Room, Sink, Tables, Tunnel,
    answer::{Absent, Answer},
    deliver::{Arrival, deliver},
    flow, refusal, rules,
    second_chance::{self, Choice},
    service,
};

/// Decides a frame that came from the instance behind interface `ifindex`.
///
/// In order: whose is it and is it honest; the subnet's ACL; a reply of a known flow goes back the way that flow
/// came, from the address that the peer spoke to; anything else is for a VIP (balanced here) or for an instance of
/// the VPC, and opens or continues a flow of the instance's own.
#[inline(always)]
pub fn from_instance<T: Tables, S: Sink>(
    frame: &impl Frame,
    tables: &T,
    ifindex: u32,
    room: &mut Room,
    sink: S,
) -> S::Verdict {
    let Room { packet, seen, rewrite } = room;
    *rewrite = Rewrite::default();
    let (Some(settings), Some(number)) = (tables.settings(), tables.port(ifindex)) else {
        return sink.drop(Outcome::DropUnknownPort);
    };
    let Some(instance) = tables.instance(number) else {
        return sink.drop(Outcome::DropUnknownPort);
    };
    let Some(ethernet) = Ethernet::read(frame) else {
        return sink.drop(Outcome::DropMalformed);
    };
    if ethernet.ethertype == ETHERTYPE_ARP {
        return answer_arp(frame, instance, &ethernet, sink);
    }
    if ethernet.ethertype != ETHERTYPE_IPV4 {
        return sink.drop(Outcome::DropEthertype);
    }
    let parsed = parse(frame, packet);
    if parsed == Parsed::Malformed {
        return sink.drop(Outcome::DropMalformed);
    }
    if ethernet.src != instance.mac || packet.src != instance.addr {
        return sink.drop(Outcome::DropSpoofed);
    }
    if let Some(refusal) = refusal(parsed) {
        return sink.drop(refusal);
    }
    let (protocol, port) = (packet.protocol, packet.dst_port);
    if !rules::acl_allows(tables, instance, instance.acl_out, &packet.dst, protocol, port) {
        return sink.drop(Outcome::DropAclOut);
    }

    let key = flow::key(number, &packet.dst, packet.dst_port, packet.src_port, protocol);
    *seen = *packet;
    let mut known = false;
    let mut reply = false;
    if let Some(flow) = tables.flow(&key) {
        let outbound = flow.flags() & FlowRecord::FLAG_OUTBOUND != 0;
        if !(outbound && packet.opens() && flow::is_over(flow.flags())) {
            let ports = (packet.dst_port, packet.src_port);
            if !flow::allowed(tables, instance, &flow, &packet.dst, protocol, ports) {
                return sink.drop(Outcome::DropSecurityGroupOut);
            }
            flow::note(tables, &key, &flow, packet, true);
            known = true;
        }
        if !outbound {
            reply = true;
            if flow.flags() & FlowRecord::FLAG_TRANSLATED != 0 {
                rewrite.source = true;
                rewrite.src = flow.original_addr();
                rewrite.src_port = flow.original_port();
                seen.src = rewrite.src;
                seen.src_port = rewrite.src_port;
            }
            if flow.flags() & FlowRecord::FLAG_HAIRPIN != 0 {
                rewrite.destination = true;
                rewrite.dst = instance.addr;
                rewrite.dst_port = packet.dst_port;
                seen.dst = instance.addr;
            }
            match flow.via() {
                FlowRecord::VIA_UPLINK => return sink.reply_outside(packet, rewrite),
                FlowRecord::VIA_PROBE => return sink.reply_probe(packet, rewrite),
                _ => {}
            }
        }
    }

    let vni = instance.vni;
    let service = if reply {
        None
    } else {
        service::find(tables, settings, vni, &packet.dst, protocol, packet.dst_port)
    };
    let mut to_instance = 0;
    let mut to_host = 0;
    let mut hop = 0;
    let mut absent = Absent::Listener;
    if let Some(service) = service {
        let member = service::choose(tables, settings, service, packet);
        to_instance = member.instance;
        to_host = member.host as u32;
        absent = Absent::member(service);
    } else if let Some(endpoint) = tables.endpoint(&EndpointKey { vni, addr: seen.dst }) {
        to_instance = endpoint.instance;
        to_host = endpoint.host;
    } else if reply || !service::has_address(tables, settings, vni, &packet.dst) {
        return sink.drop(Outcome::DropNoRoute);
    }
    if to_instance == 0 {
        return answer(frame, tables, instance, &ethernet, packet, absent, sink);
    }

    if !known {
        // In mid-flight only towards a VIP: anything else may be a reply whose record is gone, and that must not
        // leave with the wrong source.
        let adopt = service.is_some() && packet.continues() && !packet.opens();
        if !packet.opens() && !adopt {
            return sink.drop(Outcome::DropNoFlow);
        }
        if protocol == UDP && tables.target(&served(number, packet.src_port)).is_some() {
            return sink.drop(Outcome::DropNoFlow);
        }
        if !rules::allows(tables, instance.security_out, &packet.dst, protocol, port) {
            return sink.drop(Outcome::DropSecurityGroupOut);
        }
        let flags = FlowRecord::FLAG_OUTBOUND | if adopt { FlowRecord::FLAG_ADOPTED } else { 0 };
        let (addr, own_port) = (instance.addr, packet.src_port);
        if !flow::create(
            tables,
            &key,
            &addr,
            own_port,
            flags,
            0,
            FlowRecord::VIA_OVERLAY,
            instance.rules,
            packet,
        ) {
            return sink.drop(Outcome::DropFlowTableFull);
        }
        if adopt {
            tables.count(Outcome::Adopted);
        }
    }

    if let Some(service) = service
        && to_host == settings.host
    {
        let came = Choice { instance: to_instance, host: to_host, hop };
        Choice { instance: to_instance, host: to_host, hop } =
            second_chance::find(tables, settings, service, packet, came);
    }
    if to_host != settings.host {
        let Some(host) = tables.host(to_host) else {
            return sink.drop(Outcome::DropUnknownHost);
        };
        if host.addr == [0; 16] {
            return sink.drop(Outcome::DropUnknownHost);
        }
        let tunnel = Tunnel { remote: host.addr, vni, instance: to_instance, hop, from_edge: false };
        return sink.tunnel(&tunnel, packet, rewrite);
    }
    let Some(target) = tables.instance(to_instance) else {
        return sink.drop(Outcome::DropUnknownInstance);
    };
    if target.vni != vni {
        return sink.drop(Outcome::DropWrongVpc);
    }
    let mut arrival = Arrival { port: packet.dst_port, service: 0, via: FlowRecord::VIA_OVERLAY };
    if let Some(service) = service {
        let Some(port) = tables.target(&TargetKey { backend: service.backend, instance: to_instance }) else {
            return sink.drop(Outcome::DropNotATarget);
        };
        arrival.port = port as u16;
        arrival.service = service.number;
    }
    deliver(tables, target, packet, seen, &arrival, rewrite, sink)
}

/// What the switch answers an honest instance that calls a VIP where nobody is.
#[inline(always)]
fn answer<T: Tables, S: Sink>(
    frame: &impl Frame,
    tables: &T,
    instance: &InstanceEntry,
    ethernet: &Ethernet,
    packet: &Packet,
    absent: Absent,
    sink: S,
) -> S::Verdict {
    let (protocol, port) = (packet.protocol, packet.dst_port);
    if !rules::allows(tables, instance.security_out, &packet.dst, protocol, port) {
        return sink.drop(Outcome::DropSecurityGroupOut);
    }
    match Answer::to(frame, packet, absent) {
        Answer::Echo => sink.echo_reply(ethernet, packet),
        Answer::Reset => sink.reset(ethernet, packet, absent.reset()),
        Answer::Unreachable => sink.unreachable(ethernet, packet, Unreachable::PORT, absent.unreachable()),
        Answer::Nothing => sink.drop(absent.drop()),
    }
}

/// The key under which a UDP port at which an instance serves is noted.
#[inline(always)]
const fn served(instance: u32, port: u16) -> TargetKey {
    TargetKey { backend: TargetKey::SERVES_UDP | port as u32, instance }
}

/// Answers every question for an address with the router's MAC: all traffic of a VPC is routed by the switch.
#[inline(always)]
fn answer_arp<S: Sink>(
    frame: &impl Frame,
    instance: &InstanceEntry,
    ethernet: &Ethernet,
    sink: S,
) -> S::Verdict {
    let Some(request) = arp::Request::read(frame) else {
        return sink.drop(Outcome::DropArp);
    };
    let own = v4(instance.addr);
    // 0.0.0.0 asks whether somebody else has the address (RFC 5227).
    if ethernet.src != instance.mac
        || request.sender_mac != instance.mac
        || (request.sender != own && request.sender != [0; 4])
    {
        return sink.drop(Outcome::DropSpoofed);
    }
    if request.target == own || request.sender == [0; 4] {
        return sink.drop(Outcome::DropArp);
    }
    sink.arp_reply(&request.reply(ROUTER_MAC))
}

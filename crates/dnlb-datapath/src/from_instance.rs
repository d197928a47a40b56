//! A packet leaves an instance.

use dnlb_abi::{EndpointKey, FlowRecord, InstanceEntry, Outcome, TargetKey};
use dnlb_wire::{
    ETHERTYPE_ARP, ETHERTYPE_IPV4, ETHERTYPE_IPV6, Ethernet, Fragment, Icmp, Packet, Parsed, Solicitation,
    TCP, UDP, Unreachable, arp, is_v4, parse, v4,
};

use crate::{
    Flow, Frame, Room, Sink, Tables, Tunnel,
    answer::{Absent, Answer},
    deliver::{Arrival, deliver},
    flow,
    fragment::complete,
    icmp_error, refusal, rules,
    second_chance::{self, Choice},
    service, tunnel,
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
    mut sink: S,
) -> S::Verdict {
    let Room { packet, seen, rewrite, fragment, record, key, other } = &mut *room;
    rewrite.clear();
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
    if ethernet.ethertype != ETHERTYPE_IPV4 && ethernet.ethertype != ETHERTYPE_IPV6 {
        return sink.drop(Outcome::DropEthertype);
    }
    let parsed = parse(frame, &ethernet, packet);
    if parsed == Parsed::Malformed {
        return sink.drop(Outcome::DropMalformed);
    }
    if matches!(packet.icmp, Icmp::Neighbourhood | Icmp::Solicitation) {
        return answer_neighbour(frame, instance, &ethernet, packet, sink);
    }
    if ethernet.src != instance.mac || packet.src != instance.addr {
        return sink.drop(Outcome::DropSpoofed);
    }
    if let Some(refusal) = refusal(parsed) {
        return sink.drop(refusal);
    }
    if !complete(tables, instance.vni, packet, fragment) {
        return sink.drop(Outcome::DropFragment);
    }
    let (protocol, port) = (packet.protocol, packet.dst_port);
    let allowed = rules::acl_allows(tables, instance, instance.acl_out, &packet.dst, protocol, port);
    if packet.icmp == Icmp::Error {
        if !allowed {
            return sink.drop(Outcome::DropAclOut);
        }
        return icmp_error::from_instance(frame, tables, settings, instance, room, sink);
    }

    flow::set_key(key, number, &packet.dst, packet.dst_port, packet.src_port, protocol);
    *seen = *packet;
    let mut known = false;
    let mut reply = false;
    let found = tables.flow(key);
    if let Some(flow) = &found {
        sink.concerns(flow.service(), number);
    }
    if !allowed {
        return sink.drop(Outcome::DropAclOut);
    }
    if let Some(flow) = found {
        let outbound = flow.flags() & FlowRecord::FLAG_OUTBOUND != 0;
        if flow.flags() & FlowRecord::FLAG_DRAINED != 0 && !(protocol == TCP && packet.opens()) {
            if protocol != TCP || packet.fragment == Fragment::Later {
                return sink.drop(Outcome::DropNoFlow);
            }
            // The peer learns of it first: the instance says again what is not acknowledged, and learns of it then.
            if flow.flags() & FlowRecord::FLAG_RESET != 0 {
                flow.note(flow::FINS, true, packet.ip_len, 0);
                return sink.reset(&ethernet, packet, Outcome::ResetDrained);
            }
            rewrite.reset = true;
            packet.flags = packet.flags.reset();
            tables.count(Outcome::Drained);
        }
        if !(outbound && packet.opens() && flow::is_over(flow.flags())) {
            let ports = (packet.dst_port, packet.src_port);
            if !flow::allowed(tables, instance, &flow, &packet.dst, protocol, ports) {
                return sink.drop(Outcome::DropSecurityGroupOut);
            }
            flow::note(tables, key, &flow, packet, true);
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
            let hairpin = flow.flags() & FlowRecord::FLAG_HAIRPIN != 0;
            let peer_port = flow.peer_port();
            if hairpin || peer_port != 0 {
                rewrite.destination = true;
                rewrite.dst = if hairpin { instance.addr } else { packet.dst };
                rewrite.dst_port = if peer_port != 0 { peer_port } else { packet.dst_port };
                seen.dst = rewrite.dst;
                seen.dst_port = rewrite.dst_port;
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
        sink.concerns(service.number, 0);
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
        record.original_addr = instance.addr;
        record.original_port = packet.src_port;
        record.via = FlowRecord::VIA_OVERLAY;
        record.service = 0;
        record.rules = instance.rules;
        record.peer_port = 0;
        if !flow::create(tables, key, record, flags, packet) {
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
            second_chance::find(tables, settings, service, seen, came, other);
    }
    if to_host != settings.host {
        if packet.wire_len(frame) > settings.overlay_mtu {
            // Links have the tunnel's MTU: whoever sends more has changed his, or a smaller one came since.
            return if !packet.may_fragment && Answer::can_quote(frame, packet) {
                let why = Unreachable::too_big(settings.overlay_mtu as u16);
                sink.unreachable(&ethernet, packet, why, Outcome::UnreachableTooBig)
            } else {
                sink.drop(Outcome::DropTooBig)
            };
        }
        let to = Tunnel { vni, instance: to_instance, hop, ..Tunnel::default() };
        return tunnel::send(tables, to_host, to, packet, rewrite, sink);
    }
    let Some(target) = tables.instance(to_instance) else {
        return sink.drop(Outcome::DropUnknownInstance);
    };
    if target.vni != vni {
        return sink.drop(Outcome::DropWrongVpc);
    }
    let mut arrival = Arrival { port: seen.dst_port, service: 0, via: FlowRecord::VIA_OVERLAY };
    if let Some(service) = service {
        let Some(port) = tables.target(&TargetKey { backend: service.backend, instance: to_instance }) else {
            return sink.drop(Outcome::DropNotATarget);
        };
        arrival.port = port as u16;
        arrival.service = service.number;
        sink.concerns(service.number, to_instance);
    }
    deliver(tables, target, packet, seen, &arrival, rewrite, (record, key), sink)
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
    // ARP is IPv4's.
    let Some(request) = arp::Request::read(frame).filter(|_| is_v4(&instance.addr)) else {
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
    sink.arp_reply(&request)
}

/// Answers every solicitation for an address with the router's MAC, as [`answer_arp`] does. An instance speaks from its own
/// address, from its link's, or, while it tries whether somebody else has an address, from none.
#[inline(always)]
fn answer_neighbour<S: Sink>(
    frame: &impl Frame,
    instance: &InstanceEntry,
    ethernet: &Ethernet,
    packet: &Packet,
    sink: S,
) -> S::Verdict {
    let link_local = packet.src[0] == 0xfe && packet.src[1] & 0xc0 == 0x80;
    let nobody = packet.src == [0; 16];
    if ethernet.src != instance.mac || !(link_local || nobody || packet.src == instance.addr) {
        return sink.drop(Outcome::DropSpoofed);
    }
    if packet.icmp != Icmp::Solicitation || nobody || is_v4(&instance.addr) {
        return sink.drop(Outcome::DropNeighbour);
    }
    let Some(solicitation) = Solicitation::read(frame, packet) else {
        return sink.drop(Outcome::DropMalformed);
    };
    if solicitation.target == instance.addr {
        return sink.drop(Outcome::DropNeighbour);
    }
    sink.neighbour_reply(ethernet, packet, &solicitation.target)
}

//! ICMP errors: they belong to the flow of the packet that they quote, and go where that flow goes.
//!
//! What is quoted was seen by the error's sender, so it is translated like the packet's headers, only the other way round.
//! An error makes no flow record, keeps none alive, and without one it goes nowhere.
//!
//! Source: RFC 5508, section 4; RFC 1812, section 5.2.7; RFC 4443, section 2.4.

use dnlb_abi::{EndpointKey, FlowRecord, InstanceEntry, Outcome, Settings, TargetKey, VNI_PUBLIC};
use dnlb_wire::{
    Frame, ICMP, Icmp, Packet, Patch, Quote, TCP, TcpFlags, UDP, parse_quote, replace, replace_addr, v4,
};

use crate::{EdgeSink, Flow, Rewrite, Room, Sink, Tables, Tunnel, edge::forward, flow, service, tunnel};

/// The packet that a quoted one answers, or that will answer it: source and destination change places.
#[inline(always)]
pub(crate) fn turned(quote: &Quote, v6: bool, turned: &mut Packet) {
    turned.src = quote.dst;
    turned.dst = quote.src;
    turned.v6 = v6;
    turned.protocol = quote.protocol;
    // Whatever began, began before.
    turned.flags = TcpFlags(TcpFlags::ACK);
    (turned.src_port, turned.dst_port) = (quote.dst_port, quote.src_port);
}

/// The packet that the one answers which an ICMP error quotes: it says which flow the error belongs to. Nothing when `packet` is no
/// error, or quotes nothing that we carry.
#[inline(always)]
pub fn flow_of_error(frame: &impl Frame, packet: &Packet) -> Option<Packet> {
    let mut quote = Quote::default();
    if packet.icmp != Icmp::Error || !parse_quote(frame, packet, &mut quote) {
        return None;
    }
    let mut seen = *packet;
    turned(&quote, packet.v6, &mut seen);
    Some(seen)
}

/// Decides an error that an instance sent, which is honest and may leave its subnet.
///
/// `room.packet` is the error.
#[inline(always)]
pub(crate) fn from_instance<T: Tables, S: Sink>(
    frame: &impl Frame,
    tables: &T,
    settings: &Settings,
    instance: &InstanceEntry,
    room: &mut Room,
    mut sink: S,
) -> S::Verdict {
    let Room { packet, seen, rewrite, key, .. } = &mut *room;
    if !parse_quote(frame, packet, &mut rewrite.quote) {
        return sink.drop(Outcome::DropMalformed);
    }
    let quote = &rewrite.quote;
    // It came to the instance, so the peer is its source.
    flow::set_key(key, instance.number, &quote.src, quote.src_port, quote.dst_port, quote.protocol);
    if quote.dst != instance.addr {
        return sink.drop(Outcome::DropSpoofed);
    }
    let Some(flow) = tables.flow(key) else {
        return sink.drop(Outcome::DropNoFlow);
    };
    sink.concerns(flow.service(), instance.number);
    // An instance that is its own peer has no use for its errors; and two ports to translate are more than errors are worth.
    if flow.flags() & FlowRecord::FLAG_HAIRPIN != 0 || flow.peer_port() != 0 {
        return sink.drop(Outcome::DropNoFlow);
    }
    let ports = (quote.src_port, quote.dst_port);
    if !flow::allowed(tables, instance, &flow, &quote.src, quote.protocol, ports) {
        return sink.drop(Outcome::DropSecurityGroupOut);
    }
    turned(quote, packet.v6, seen);
    let outbound = flow.flags() & FlowRecord::FLAG_OUTBOUND != 0;
    if flow.flags() & FlowRecord::FLAG_TRANSLATED != 0 {
        rewrite.error = true;
        rewrite.source = true;
        rewrite.src = flow.original_addr();
        rewrite.quoted_destination = true;
        rewrite.quoted_addr = flow.original_addr();
        rewrite.quoted_port = flow.original_port();
    }
    match flow.via() {
        FlowRecord::VIA_UPLINK => {
            tables.count(Outcome::IcmpError);
            return sink.reply_outside(packet, rewrite);
        }
        FlowRecord::VIA_PROBE => {
            tables.count(Outcome::IcmpError);
            return sink.reply_probe(packet, rewrite);
        }
        _ => {}
    }
    let vni = instance.vni;
    let (mut to_instance, mut to_host) = (0, 0);
    if let Some(endpoint) = tables.endpoint(&EndpointKey { vni, addr: packet.dst }) {
        (to_instance, to_host) = (endpoint.instance, endpoint.host);
    } else if outbound {
        // About an answer of a VIP: to whoever gave it, as the flow's own packets go.
        let service = service::find(tables, settings, vni, &seen.dst, seen.protocol, seen.dst_port);
        if let Some(service) = service.filter(|_| packet.dst == seen.dst) {
            let member = service::choose(tables, settings, service, seen);
            (to_instance, to_host) = (member.instance, member.host as u32);
            if to_host == settings.host {
                // Without second chance: if the row has moved since, the error is lost, as networks lose errors.
                return to_member(tables, service.backend, to_instance, room, sink);
            }
        }
    }
    if to_instance == 0 {
        return sink.drop(Outcome::DropNoRoute);
    }
    if to_host != settings.host {
        tables.count(Outcome::IcmpError);
        let to = Tunnel { vni, instance: to_instance, ..Tunnel::default() };
        return tunnel::send(tables, to_host, to, packet, rewrite, sink);
    }
    let Some(target) = tables.instance(to_instance).filter(|target| target.vni == vni) else {
        return sink.drop(Outcome::DropUnknownInstance);
    };
    to_opener(tables, target, room, sink)
}

/// Decides an error that reached an edge: about an answer of an EIP it goes where the flow's packets go.
#[inline(always)]
pub(crate) fn edge<T: Tables, S: EdgeSink>(
    frame: &impl Frame,
    tables: &T,
    settings: &Settings,
    packet: &Packet,
    room: &mut Room,
    mut sink: S,
) -> S::Verdict {
    let Room { seen, rewrite, .. } = room;
    if !parse_quote(frame, packet, &mut rewrite.quote) || packet.dst != rewrite.quote.src {
        return sink.pass();
    }
    turned(&rewrite.quote, packet.v6, seen);
    seen.tos = packet.tos;
    seen.ip_len = packet.ip_len;
    let Some(service) = service::find(tables, settings, VNI_PUBLIC, &seen.dst, seen.protocol, seen.dst_port)
    else {
        return sink.pass();
    };
    sink.concerns(service.number);
    let member = service::choose(tables, settings, service, seen);
    if member.instance == 0 {
        return sink.drop(Outcome::DropNoBackend);
    }
    tables.count(Outcome::IcmpError);
    forward(tables, service.vni, &member, seen, sink)
}

/// Hands the error to the instance that opened the flow: it sees both ends as they are.
#[inline(always)]
pub(crate) fn to_opener<T: Tables, S: Sink>(
    tables: &T,
    instance: &InstanceEntry,
    room: &mut Room,
    sink: S,
) -> S::Verdict {
    let Room { packet, rewrite, key, .. } = room;
    let quote = &rewrite.quote;
    flow::set_key(key, instance.number, &quote.dst, quote.dst_port, quote.src_port, quote.protocol);
    let Some(flow) = tables.flow(key).filter(|_| quote.src == instance.addr) else {
        return sink.drop(Outcome::DropNoFlow);
    };
    let ports = (quote.dst_port, quote.src_port);
    if !flow::allowed(tables, instance, &flow, &quote.dst, quote.protocol, ports) {
        return sink.drop(Outcome::DropSecurityGroupIn);
    }
    tables.count(Outcome::IcmpError);
    sink.deliver(instance, packet, rewrite)
}

/// Hands the error to the member that gave the answer which it quotes: in place of the VIP the member sees itself.
#[inline(always)]
pub(crate) fn to_member<T: Tables, S: Sink>(
    tables: &T,
    backend: u32,
    number: u32,
    room: &mut Room,
    mut sink: S,
) -> S::Verdict {
    let Room { packet, rewrite, key, .. } = room;
    let Some(instance) = tables.instance(number) else {
        return sink.drop(Outcome::DropUnknownInstance);
    };
    let Some(port) = tables.target(&TargetKey { backend, instance: number }) else {
        return sink.drop(Outcome::DropNotATarget);
    };
    let quote = &rewrite.quote;
    flow::set_key(key, number, &quote.dst, quote.dst_port, port as u16, quote.protocol);
    let known = |flow: &T::Flow| {
        flow.original_addr() == quote.src
            && flow.original_port() == quote.src_port
            && flow.flags() & FlowRecord::FLAG_OUTBOUND == 0
    };
    let Some(flow) = tables.flow(key).filter(known) else {
        return sink.drop(Outcome::DropNoFlow);
    };
    sink.concerns(flow.service(), number);
    let ports = (quote.dst_port, port as u16);
    if !flow::allowed(tables, instance, &flow, &quote.dst, quote.protocol, ports) {
        return sink.drop(Outcome::DropSecurityGroupIn);
    }
    rewrite.error = true;
    rewrite.destination = true;
    rewrite.dst = instance.addr;
    rewrite.quoted_source = true;
    rewrite.quoted_addr = instance.addr;
    rewrite.quoted_port = port as u16;
    tables.count(Outcome::IcmpError);
    sink.deliver(instance, packet, rewrite)
}

/// Writes what `rewrite` says into the error `packet` and the packet that it quotes, and mends all checksums; false when the
/// frame ends before.
///
/// Whoever carries out verdicts calls this instead of rewriting the headers alone when [`Rewrite::error`] is set.
#[inline(always)]
pub fn rewrite_error(frame: &mut impl Patch, packet: &Packet, rewrite: &Rewrite) -> bool {
    let check_at = packet.l4_offset + 2;
    let Some(check) = frame.load::<2>(check_at) else {
        return false;
    };
    let mut check = u16::from_be_bytes(check);
    if rewrite.source {
        if !replace_header(frame, packet.v6, 14, false, &packet.src, &rewrite.src) {
            return false;
        }
        check = covered(packet.v6, check, &packet.src, &rewrite.src);
    }
    if rewrite.destination {
        if !replace_header(frame, packet.v6, 14, true, &packet.dst, &rewrite.dst) {
            return false;
        }
        check = covered(packet.v6, check, &packet.dst, &rewrite.dst);
    }
    if rewrite.quoted_source || rewrite.quoted_destination {
        let Some(mended) = rewrite_quote(frame, packet, rewrite, check) else {
            return false;
        };
        check = mended;
    }
    frame.store(check_at, check.to_be_bytes())
}

/// The checksum of a message after an address of its packet changed: ICMPv6 covers addresses, ICMP does not.
#[inline(always)]
fn covered(v6: bool, check: u16, old: &[u8; 16], new: &[u8; 16]) -> u16 {
    if v6 { replace_addr(check, old, new) } else { check }
}

/// Writes an address into the IP header at `l3`, and mends the header's own checksum.
#[inline(always)]
fn replace_header(
    frame: &mut impl Patch,
    v6: bool,
    l3: usize,
    destination: bool,
    old: &[u8; 16],
    new: &[u8; 16],
) -> bool {
    if v6 {
        return frame.store(l3 + if destination { 24 } else { 8 }, *new);
    }
    let Some(check) = frame.load::<2>(l3 + 10) else {
        return false;
    };
    let check = replace_addr(u16::from_be_bytes(check), old, new).to_be_bytes();
    frame.store(l3 + 10, check) && frame.store(l3 + if destination { 16 } else { 12 }, v4(*new))
}

/// Writes an address and a port into the quoted packet; returns the message's checksum after that.
#[inline(always)]
fn rewrite_quote(frame: &mut impl Patch, packet: &Packet, rewrite: &Rewrite, check: u16) -> Option<u16> {
    let quote = &rewrite.quote;
    let destination = rewrite.quoted_destination;
    let (old, old_port) =
        if destination { (&quote.dst, quote.dst_port) } else { (&quote.src, quote.src_port) };
    let (new, new_port) = (&rewrite.quoted_addr, rewrite.quoted_port);
    let mut check = check;
    if !replace_header(frame, packet.v6, quote.l3_offset, destination, old, new) {
        return None;
    }
    // An IPv4 header's sum stays what it was, with its checksum mended; IPv6 has none.
    check = covered(packet.v6, check, old, new);
    let (inner_at, ports) = match quote.protocol {
        UDP => (6, true),
        TCP => (16, true),
        _ => (2, false),
    };
    if ports && old_port != new_port {
        let at = quote.l4_offset + if destination { 2 } else { 0 };
        if !frame.store(at, new_port.to_be_bytes()) {
            return None;
        }
        check = replace(check, old_port, new_port);
    }
    // The quoted packet's own checksum, where the quote reaches that far.
    let at = quote.l4_offset + inner_at;
    if at + 2 <= 14 + packet.ip_len as usize && quote.protocol != ICMP {
        let inner = u16::from_be_bytes(frame.load::<2>(at)?);
        if quote.protocol != UDP || inner != 0 {
            let mut mended = replace_addr(inner, old, new);
            if ports {
                mended = replace(mended, old_port, new_port);
            }
            if !frame.store(at, mended.to_be_bytes()) {
                return None;
            }
            check = replace(check, inner, mended);
        }
    }
    Some(check)
}

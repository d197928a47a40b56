//! The life of a flow record.
//!
//! A record begins half-open. It is promoted when its opener goes on after the other side has answered, so that
//! floods of SYNs, or of packets of connections that never were, only ever push each other out.

use dnlb_abi::{Addr, FlowKey, FlowRecord, InstanceEntry};
use dnlb_wire::{Packet, TCP, TcpFlags};

use crate::{Flow, Tables, rules};

/// Makes `key` that of a flow: instance's side and peer's side. Keys lie in the room, where the kernel's look-ups can read them.
#[inline(always)]
pub(crate) fn set_key(
    key: &mut FlowKey,
    instance: u32,
    peer: &Addr,
    peer_port: u16,
    own_port: u16,
    protocol: u8,
) {
    key.peer = *peer;
    key.instance = instance;
    key.ports = peer_port as u32 | (own_port as u32) << 16;
    key.protocol = protocol as u32;
}

/// Whether a record is of the flow of `seen`, which came from the peer: by the same address, and with the peer's port as it is, or
/// as `port` when the instance sees that instead.
#[inline(always)]
pub(crate) fn is_of(flow: &impl Flow, seen: &Packet, port: u16) -> bool {
    let own = if port == seen.src_port { 0 } else { seen.src_port };
    flow.original_addr() == seen.dst && flow.original_port() == seen.dst_port && flow.peer_port() == own
}

/// The port that an instance sees when the peer's own would make two flows look the same: those of one socket that speaks to one
/// port of the instance by two addresses.
///
/// By the address alone, so that every packet of the flow finds it again; one of the ephemeral range (RFC 6335).
#[inline(always)]
pub(crate) fn other_port(seen: &Packet) -> u16 {
    let word = |at: usize| u16::from_be_bytes([seen.dst[at], seen.dst[at + 1]]);
    let mixed = word(14).wrapping_add(word(12)).wrapping_add(seen.dst_port.rotate_left(5));
    0xc000 | (seen.src_port.wrapping_add(mixed.wrapping_mul(0x9e37) | 1) & 0x3fff)
}

/// The peer's address as the instance sees it: the VIP instead of the instance's own, which it would not answer.
#[inline(always)]
pub(crate) fn peer(instance: &InstanceEntry, packet: &Packet) -> Addr {
    if is_hairpin(instance, packet) { packet.dst } else { packet.src }
}

/// Whether a packet is the instance's own, come back to it by a VIP.
#[inline(always)]
pub(crate) fn is_hairpin(instance: &InstanceEntry, packet: &Packet) -> bool {
    packet.src == instance.addr && packet.dst != instance.addr
}

/// Whether the rules still allow a known flow; asked again only after they have changed.
///
/// `peer` and the ports are those of the flow's other side and of the instance.
#[inline(always)]
pub(crate) fn allowed<T: Tables>(
    tables: &T,
    instance: &InstanceEntry,
    flow: &T::Flow,
    peer: &Addr,
    protocol: u8,
    (peer_port, own_port): (u16, u16),
) -> bool {
    if flow.rules() == instance.rules {
        return true;
    }
    let outbound = flow.flags() & FlowRecord::FLAG_OUTBOUND != 0;
    let range = if outbound { instance.security_out } else { instance.security_in };
    let peer = if flow.flags() & FlowRecord::FLAG_HAIRPIN != 0 { &instance.addr } else { peer };
    let allowed = rules::allows(tables, range, peer, protocol, if outbound { peer_port } else { own_port });
    if allowed {
        flow.allow(instance.rules);
    }
    allowed
}

/// Both sides have said that they are done.
pub(crate) const FINS: u32 = FlowRecord::FLAG_FIN_IN | FlowRecord::FLAG_FIN_OUT;

/// Whether nothing more is expected of the flow: a new one may take its place.
#[inline(always)]
#[must_use]
pub const fn is_over(flags: u32) -> bool {
    flags & (FlowRecord::FLAG_RESET | FlowRecord::FLAG_DRAINED) != 0 || flags & FINS == FINS
}

/// Whether a packet from the peer, which is no SYN, belongs to the connection of a record.
///
/// A client may use its port again as soon as a connection is over, and the new connection may be another member's.
/// Late packets of the old one lie before its end, those of the new one after it: a new connection's first sequence
/// number must lie beyond the last one's (RFC 6191; RFC 9293, section 3.4.2).
///
/// A SYN that is sent again may reach another member than the first one did. Both have a half-open record then, and the client
/// goes on with the one whose SYN-ACK it took: that is the one that it acknowledges.
#[inline(always)]
pub(crate) fn belongs(flow: &impl Flow, packet: &Packet) -> bool {
    let flags = flow.flags();
    if is_over(flags) {
        return flags & FlowRecord::FLAG_END != 0
            && packet.seq.wrapping_sub(flow.end()).wrapping_sub(1) >> 31 != 0;
    }
    if flow.established() || flags & FlowRecord::FLAG_ADOPTED != 0 || packet.protocol != TCP {
        return true;
    }
    flags & FlowRecord::FLAG_ANSWERED != 0 && (!packet.flags.any(TcpFlags::ACK) || packet.ack == flow.end())
}

/// Notes a packet of a known flow.
#[inline(always)]
pub(crate) fn note<T: Tables>(tables: &T, key: &FlowKey, flow: &T::Flow, packet: &Packet, outbound: bool) {
    let flags = flow.flags();
    let from_opener = outbound == (flags & FlowRecord::FLAG_OUTBOUND != 0);
    let reset = packet.flags.any(TcpFlags::RST);
    let mut set = 0;
    if reset {
        set |= FlowRecord::FLAG_RESET;
    } else if !from_opener {
        set |= FlowRecord::FLAG_ANSWERED;
    }
    if packet.flags.any(TcpFlags::FIN) {
        set |= if outbound { FlowRecord::FLAG_FIN_OUT } else { FlowRecord::FLAG_FIN_IN };
    }
    if flags & FlowRecord::FLAG_END == 0 {
        let (tells, end) = if outbound {
            (reset && packet.flags.any(TcpFlags::ACK), packet.ack)
        } else {
            (packet.flags.any(TcpFlags::FIN | TcpFlags::RST), packet.seq_end)
        };
        if tells {
            flow.set_end(end);
            set |= FlowRecord::FLAG_END;
        } else if outbound && packet.flags.any(TcpFlags::SYN) {
            flow.set_end(packet.seq_end);
        }
    }
    // Late packets of a flow that is over must not keep its record alive.
    let now_ns = if reset || is_over(flags) { 0 } else { tables.now_ns() };
    flow.note(set, outbound, packet.ip_len, now_ns);
    if !flow.established() && from_opener && flags & FlowRecord::FLAG_ANSWERED != 0 && packet.continues() {
        tables.promote_flow(key);
    }
}

/// Makes a half-open record in `record`, which says already what it was before translation, by which service it came, how its
/// replies go, and under which rules it is allowed.
#[inline(always)]
pub(crate) fn create(
    tables: &impl Tables,
    key: &FlowKey,
    record: &mut FlowRecord,
    flags: u32,
    packet: &Packet,
) -> bool {
    let outbound = flags & FlowRecord::FLAG_OUTBOUND != 0;
    record.flags = flags;
    record.last_used_ns = tables.now_ns();
    record.packets_in = !outbound as u64;
    record.packets_out = outbound as u64;
    record.bytes = packet.ip_len as u64;
    record.end = 0;
    tables.create_flow(key, record)
}

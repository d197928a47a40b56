//! Fragments: the first one says what the later ones lack.

use dnlb_abi::{FragmentEntry, FragmentKey};
use dnlb_wire::{Fragment, Icmp, Packet};

use crate::Tables;

/// Notes a first fragment, and completes a later one by what its first one said; false when that was not seen.
///
/// Fragments are not put together: each is balanced, translated and sent on by itself, as its first one was. One that comes
/// before its first, as it rarely does, is lost, and so is the packet.
#[inline(always)]
pub(crate) fn complete(tables: &impl Tables, vni: u32, packet: &mut Packet, key: &mut FragmentKey) -> bool {
    if packet.fragment == Fragment::Whole {
        return true;
    }
    key.src = packet.src;
    key.dst = packet.dst;
    key.id = packet.fragment_id;
    key.vni = vni;
    key.protocol = packet.protocol as u32;
    if packet.fragment == Fragment::First {
        let icmp = match packet.icmp {
            Icmp::Echo => 1,
            Icmp::EchoReply => 2,
            _ => 0,
        };
        let ports = packet.src_port as u32 | (packet.dst_port as u32) << 16;
        tables.note_fragment(key, &FragmentEntry { ports, icmp });
        return true;
    }
    let Some(first) = tables.fragment(key) else {
        return false;
    };
    (packet.src_port, packet.dst_port) = (first.ports as u16, (first.ports >> 16) as u16);
    packet.icmp = match first.icmp {
        1 => Icmp::Echo,
        2 => Icmp::EchoReply,
        _ => Icmp::None,
    };
    true
}

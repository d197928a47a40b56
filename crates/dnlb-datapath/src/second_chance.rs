//! A packet in mid-flight whose flow the instance does not know: rows remember who may.

use dnlb_abi::{FlowKey, FlowRecord, HOP_FINAL, Outcome, ServiceEntry, Settings, TargetKey};
use dnlb_wire::{Packet, UDP};

use crate::{Flow, Tables, flow, service};

/// Places of a chain.
const CHAIN: u8 = 4;
/// Who is to have a packet.
#[derive(Clone, Copy)]
pub(crate) struct Choice {
    /// Number of the instance, or 0: nobody.
    pub(crate) instance: u32,
    /// Index of its host.
    pub(crate) host: u32,
    /// Hop number with which it goes there: the place in the row's chain after which to go on looking; more than a
    /// chain has, when all members are asked in turn; or [`HOP_FINAL`].
    pub(crate) hop: u8,
}

/// Whose packet this is, given that it came to this host for `came`.
///
/// A SYN, a flow that `came` knows, and a packet whose hop number is final stay. So does a datagram whose row never had another
/// member, because datagrams do not say whether they begin something. Everything else goes to the next
/// instance that this host's own row names after the packet's hop number: at once if it is here and knows the flow,
/// through the tunnel if it is elsewhere. In a small group the row's chain is followed by everybody else who serves or
/// drains. When nobody is left it goes to the current member, marked final, which
/// takes the flow over and lets the guest answer; a datagram is not for anybody when there is no current member.
///
/// # Invariants
/// The hop number grows with every tunnel, so a packet travels at most 21 times, and at most 6 in large groups, whatever tables the hosts have.
///
/// # Source
/// Olteanu et al., *Stateless Datacenter Load-balancing with Beamer*, NSDI 2018 (daisy chaining).
#[inline(always)]
pub(crate) fn find<T: Tables>(
    tables: &T,
    settings: &Settings,
    service: &ServiceEntry,
    packet: &Packet,
    came: Choice,
    other: &mut FlowKey,
) -> Choice {
    let begins = packet.opens() && packet.protocol != UDP;
    if begins
        || came.hop == HOP_FINAL
        || service.rows == 0
        || settings.flags & Settings::NO_SECOND_CHANCE != 0
        || knows(tables, service.backend, came.instance, packet, other)
    {
        return came;
    }
    let chain = tables.chain(service::row(settings, service, packet));
    let current = service::member(tables, service, chain as u16);
    let datagram = packet.protocol == UDP;
    let whole = service.flags & ServiceEntry::FLAG_FORGETFUL == 0;
    if datagram && whole && current.instance == came.instance && chain >> 16 == 0 {
        // A row that never had another member: a new flow for certain, which no TCP segment in mid-flight is.
        return came;
    }
    let mut place = 0;
    while place < CHAIN {
        let at = place;
        place += 1;
        if at < came.hop {
            continue;
        }
        let member = service::member(tables, service, (chain >> (16 * u64::from(at))) as u16);
        if member.instance == 0 || member.instance == came.instance {
            continue;
        }
        let next = Choice { instance: member.instance, host: u32::from(member.host), hop: at + 1 };
        if next.host != settings.host || knows(tables, service.backend, next.instance, packet, other) {
            tables.count(Outcome::SecondChance);
            return next;
        }
    }
    if service.slots <= ServiceEntry::SLOTS_ALL_ASKED {
        let next = next_of_all(tables, settings, service, packet, came, other);
        if next.instance != 0 {
            tables.count(Outcome::SecondChance);
            return next;
        }
    }
    if current.instance == 0 && datagram {
        return Choice { instance: 0, host: settings.host, hop: HOP_FINAL };
    }
    if current.instance == 0 || current.instance == came.instance {
        return Choice { hop: HOP_FINAL, ..came };
    }
    Choice { instance: current.instance, host: u32::from(current.host), hop: HOP_FINAL }
}

/// The next of all members in the order of their numbers, which is the same on every host, unlike slots; instance 0 when
/// `came` was the last. Those of this host count only if they know the flow.
#[inline(always)]
fn next_of_all<T: Tables>(
    tables: &T,
    settings: &Settings,
    service: &ServiceEntry,
    packet: &Packet,
    came: Choice,
    other: &mut FlowKey,
) -> Choice {
    let mut search = MemberSearch {
        own_host: settings.host,
        came: came.instance,
        after: if came.hop > CHAIN { came.instance } else { 0 },
        backend: service.backend,
        members_base: service.members_base,
        slots: service.slots,
        instance: 0,
        host: 0,
    };
    tables.search_members(&mut search, packet, other);
    let hop = if came.hop > CHAIN { came.hop + 1 } else { CHAIN + 1 };
    Choice { instance: search.instance, host: search.host, hop }
}

/// A search for the member with the next number.
///
/// # Shape
/// 32 bytes without padding: in the kernel it lies on the stack and a callback reads it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct MemberSearch {
    own_host: u32,
    came: u32,
    after: u32,
    backend: u32,
    members_base: u32,
    slots: u32,
    instance: u32,
    host: u32,
}

impl MemberSearch {
    /// Looks at the member in one slot, 1 and up, and remembers it if it is the best so far.
    #[inline(always)]
    pub fn look_at<T: Tables>(&mut self, tables: &T, slot: u32, packet: &Packet, other: &mut FlowKey) {
        if slot >= self.slots {
            return;
        }
        let member = tables.member(self.members_base.wrapping_add(slot));
        let later = member.instance > self.after && (self.instance == 0 || member.instance < self.instance);
        if !later || member.instance == self.came {
            return;
        }
        let host = u32::from(member.host);
        if host != self.own_host || knows(tables, self.backend, member.instance, packet, other) {
            self.instance = member.instance;
            self.host = host;
        }
    }
}

/// Whether an instance of this host has a record of the packet's flow: of this connection, not of one before it
/// between the same sockets.
#[inline(always)]
fn knows<T: Tables>(tables: &T, backend: u32, number: u32, packet: &Packet, other: &mut FlowKey) -> bool {
    let target = TargetKey { backend, instance: number };
    let (Some(port), Some(instance)) = (tables.target(&target), tables.instance(number)) else {
        return false;
    };
    let peer = flow::peer(instance, packet);
    flow::set_key(other, number, &peer, packet.src_port, port as u16, packet.protocol);
    let Some(flow) = tables.flow(other) else {
        return false;
    };
    flow.flags() & FlowRecord::FLAG_OUTBOUND == 0
        && flow.original_addr() == packet.dst
        && flow.original_port() == packet.dst_port
        && flow::belongs(&flow, packet)
}

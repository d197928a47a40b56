//! A packet in mid-flight whose flow the instance does not know: rows remember who may.

use dnlb_abi::{FlowKey, FlowRecord, HOP_FINAL, Outcome, ServiceEntry, Settings, TargetKey};
use dnlb_wire::{Packet, UDP};

use crate::{Flow, Tables, flow, service};

/// Places of a chain.
const CHAIN: u8 = 4;
/// Largest hop number of a search: after the chain, as many as a small group has members. In a large one it takes hosts with
/// different chains to come so far.
const LAST_HOP: u8 = CHAIN + 15;

/// Who is to have a packet.
#[derive(Clone, Copy)]
pub(crate) struct Choice {
    /// Number of the instance, or 0: nobody.
    pub(crate) instance: u32,
    /// Index of its host.
    pub(crate) host: u32,
    /// Hop number with which it goes there: the place in the row's chain after which to go on looking; more than a chain has,
    /// when members are asked in the order of their numbers; or [`HOP_FINAL`].
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
/// The hop number grows with every tunnel, so a packet travels at most 21 times whatever tables the hosts have. In a large group whose chains
/// are the same everywhere it travels at most 6 times.
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
        || knows(tables, service.backend, came.instance, packet, packet.src_port, other)
        || knows(tables, service.backend, came.instance, packet, flow::other_port(packet), other)
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
    let large = service.slots > ServiceEntry::SLOTS_ALL_ASKED;
    let next = next_of_chain(tables, settings, service, packet, came, (chain, large), other);
    if next.instance != 0 {
        count(tables, service, came);
        return next;
    }
    if !large {
        let next = next_of_all(tables, settings, service, packet, came, other);
        if next.instance != 0 {
            count(tables, service, came);
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

/// Counts a second chance, for the instance that it came for too, if that is here: the number may be of one that has gone, or of nobody.
#[inline(always)]
fn count<T: Tables>(tables: &T, service: &ServiceEntry, came: Choice) {
    let here = tables.instance(came.instance).map_or(0, |instance| instance.number);
    tables.count_for(service.number, here, Outcome::SecondChance);
}

/// The next of a row's chain; instance 0 when nobody is left. Those of this host count only if they know the flow.
///
/// In a large group only the first is the nearest; from then on they are asked in the order of their numbers. The
/// places of a chain would not do: a host that is one member set behind has everybody one place further to the front, and
/// would pass over who has the flow.
#[inline(always)]
fn next_of_chain<T: Tables>(
    tables: &T,
    settings: &Settings,
    service: &ServiceEntry,
    packet: &Packet,
    came: Choice,
    (chain, large): (u64, bool),
    other: &mut FlowKey,
) -> Choice {
    if large && came.hop >= LAST_HOP {
        return Choice { instance: 0, host: 0, hop: came.hop };
    }
    let by_number = large && came.hop > 0;
    let mut search = MemberSearch {
        chain,
        from: if by_number { 0 } else { came.hop as u32 },
        by_number: by_number as u32,
        ..MemberSearch::new(settings, service, came)
    };
    tables.search_members(&mut search, CHAIN as u32, packet, other);
    let hop = if by_number { came.next_by_number() } else { search.place as u8 + 1 };
    Choice { instance: search.instance, host: search.host, hop }
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
    let mut search = MemberSearch { by_number: 1, ..MemberSearch::new(settings, service, came) };
    tables.search_members(&mut search, ServiceEntry::SLOTS_ALL_ASKED, packet, other);
    Choice { instance: search.instance, host: search.host, hop: came.next_by_number() }
}

impl Choice {
    /// The hop number after this one among those of a search by numbers.
    #[inline(always)]
    const fn next_by_number(self) -> u8 {
        if self.hop > CHAIN { self.hop + 1 } else { CHAIN + 1 }
    }
}

/// A search for who is asked next, among the places of a chain or all slots of a small group.
///
/// # Shape
/// Without padding: in the kernel it lies in memory that a callback reads.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct MemberSearch {
    /// The chain whose places are looked at; 0: the places are slots.
    chain: u64,
    own_host: u32,
    /// Whom the packet came for: not asked again.
    came: u32,
    backend: u32,
    members_base: u32,
    slots: u32,
    /// Not 0: the lowest number after `after` is next. 0: the first place from `from` on is.
    by_number: u32,
    after: u32,
    from: u32,
    /// Who is next, so far; 0: nobody.
    instance: u32,
    host: u32,
    place: u32,
    reserved: u32,
}

impl MemberSearch {
    /// Among all slots; nobody found yet.
    #[inline(always)]
    fn new(settings: &Settings, service: &ServiceEntry, came: Choice) -> Self {
        Self {
            chain: 0,
            own_host: settings.host,
            came: came.instance,
            backend: service.backend,
            members_base: service.members_base,
            slots: service.slots,
            by_number: 0,
            after: if came.hop > CHAIN { came.instance } else { 0 },
            from: 0,
            instance: 0,
            host: 0,
            place: 0,
            reserved: 0,
        }
    }

    /// How many steps it takes to look at so many places.
    #[inline(always)]
    #[must_use]
    pub const fn steps(places: u32) -> u32 {
        2 * places
    }

    /// Looks at the member in one place, and remembers it if it is the best so far. Every second step asks whether a member of this
    /// host sees another port of the packet's flow.
    #[inline(always)]
    pub fn look_at<T: Tables>(&mut self, tables: &T, step: u32, packet: &Packet, other: &mut FlowKey) {
        let (place, again) = (step / 2, step & 1 != 0);
        let slot = if self.chain == 0 { place } else { (self.chain >> (16 * (place & 3))) as u16 as u32 };
        let settled = self.by_number == 0 && (place < self.from || self.instance != 0);
        // Slot 0 is nobody's.
        if slot == 0 || slot >= self.slots || settled {
            return;
        }
        let member = tables.member(self.members_base.wrapping_add(slot));
        if member.instance == 0 || member.instance == self.came {
            return;
        }
        let later = member.instance > self.after && (self.instance == 0 || member.instance < self.instance);
        if self.by_number != 0 && !later {
            return;
        }
        let host = u32::from(member.host);
        let port = if again { flow::other_port(packet) } else { packet.src_port };
        if host != self.own_host || knows(tables, self.backend, member.instance, packet, port, other) {
            self.instance = member.instance;
            self.host = host;
            self.place = place;
        }
    }
}

/// Whether an instance of this host has a record of the packet's flow, of which it sees the peer's port as `seen_port`: of
/// this connection, not of one before it between the same sockets.
#[inline(always)]
fn knows<T: Tables>(
    tables: &T,
    backend: u32,
    number: u32,
    packet: &Packet,
    seen_port: u16,
    other: &mut FlowKey,
) -> bool {
    let target = TargetKey { backend, instance: number };
    let (Some(port), Some(instance)) = (tables.target(&target), tables.instance(number)) else {
        return false;
    };
    let peer = flow::peer(instance, packet);
    flow::set_key(other, number, &peer, seen_port, port as u16, packet.protocol);
    let Some(flow) = tables.flow(other) else {
        return false;
    };
    flow.flags() & FlowRecord::FLAG_OUTBOUND == 0
        && flow::is_of(&flow, packet, seen_port)
        && flow::belongs(&flow, packet)
}

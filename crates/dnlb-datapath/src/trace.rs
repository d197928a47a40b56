//! Which packets and flows are told of, and what is told of a packet.
//!
//! Nothing here runs while nobody asks: programs test [`TraceControl::active`] first.

use dnlb_abi::{
    Addr, FlowKey, FlowRecord, InstanceEntry, Outcome, Role, StepEvent, TRACE_SLOTS, TraceControl, TraceEnd,
    TraceFilter, VNI_PUBLIC, instance_of_mac, v4_mapped,
};
use dnlb_wire::{
    ETHERNET_LEN, ETHERTYPE_IPV4, ETHERTYPE_IPV6, Ethernet, OUTER_LEN, OUTER_LEN_V6, Packet, Parsed, parse,
};

use crate::{Frame, Rewrite, Room, Tables, Tunnel, service};

impl Room {
    /// Forgets what [`describe`] would take for this packet's if it cannot be read.
    #[inline(always)]
    pub const fn begin(&mut self) {
        self.packet.ip_len = 0;
    }
}

/// Reads a frame for [`describe`], for programs whose decision leaves nothing behind.
#[inline(always)]
pub fn look(frame: &impl Frame, packet: &mut Packet) {
    let ethernet = Ethernet::read(frame);
    let ip = |it: &Ethernet| it.ethertype == ETHERTYPE_IPV4 || it.ethertype == ETHERTYPE_IPV6;
    let Some(ethernet) = ethernet.filter(ip) else {
        packet.ip_len = 0;
        return;
    };
    if parse(frame, &ethernet, packet) == Parsed::Malformed {
        packet.ip_len = 0;
    }
}

/// Reads where an edge has sent a frame from the header that it has put in front; false when that is not one.
#[inline(always)]
pub fn read_outer(frame: &impl Frame, to: &mut Tunnel) -> bool {
    let Some(ethernet) = Ethernet::read(frame) else {
        return false;
    };
    // One after the other: options that are looked at together become registers that the verifier has never seen written.
    let outer_len = if ethernet.ethertype == ETHERTYPE_IPV6 {
        let Some(dst) = frame.read::<16>(ETHERNET_LEN + 24) else {
            return false;
        };
        to.remote = dst;
        OUTER_LEN_V6
    } else {
        let Some(dst) = frame.read::<4>(ETHERNET_LEN + 16) else {
            return false;
        };
        to.remote = v4_mapped(dst);
        OUTER_LEN
    };
    // VXLAN ends with the VNI and a byte that is reserved (RFC 7348, section 5); the inner frame begins with the instance's MAC.
    let Some(vni) = frame.read::<4>(outer_len - 4) else {
        return false;
    };
    let Some(mac) = frame.read::<6>(outer_len) else {
        return false;
    };
    (to.vni, to.hop) = (u32::from_be_bytes(vni) >> 8, 0);
    to.instance = instance_of_mac(mac);
    true
}

/// Fills in what is to be told of a packet and how it was rewritten. A `packet` of no length could not be read.
///
/// The caller has filled in what the verdict says: role, outcome, interfaces, VNI of the tunnel, receiving instance.
#[inline(always)]
pub fn describe<T: Tables>(tables: &T, packet: &Packet, rewrite: Option<&Rewrite>, event: &mut StepEvent) {
    if event.role == Role::FromInstance as u8 {
        event.sender = tables.port(event.ifindex).unwrap_or(0);
    }
    if event.vni == 0 {
        let own = if event.sender == 0 { event.instance } else { event.sender };
        if let Some(InstanceEntry { vni, .. }) = tables.instance(own) {
            event.vni = *vni;
        }
    }
    if packet.ip_len == 0 {
        return;
    }
    (event.src, event.dst) = (packet.src, packet.dst);
    (event.new_src, event.new_dst) = (packet.src, packet.dst);
    let (mut src_port, mut dst_port) = (packet.src_port, packet.dst_port);
    event.ports = ports(src_port, dst_port);
    if let Some(rewrite) = rewrite.filter(|_| goes_on(event.outcome)) {
        // Of an ICMP error, only addresses change.
        if rewrite.source {
            event.new_src = rewrite.src;
            src_port = if rewrite.error { src_port } else { rewrite.src_port };
        }
        if rewrite.destination {
            event.new_dst = rewrite.dst;
            dst_port = if rewrite.error { dst_port } else { rewrite.dst_port };
        }
    }
    event.new_ports = ports(src_port, dst_port);
    event.protocol = packet.protocol;
    event.tcp_flags = packet.flags.0;
    event.seq = packet.seq;
    event.ip_len = packet.ip_len;
    event.service = service_of(tables, event);
}

/// Whether the packet itself goes on after this outcome, and not an answer to it or nothing.
#[inline(always)]
#[must_use]
pub const fn goes_on(outcome: u32) -> bool {
    outcome == Outcome::Delivered as u32
        || outcome == Outcome::Forwarded as u32
        || outcome == Outcome::RepliedOutside as u32
        || outcome == Outcome::RepliedProbe as u32
        || outcome == Outcome::Tunnelled as u32
}

#[inline(always)]
const fn ports(src: u16, dst: u16) -> u32 {
    src as u32 | (dst as u32) << 16
}

/// The listener that the packet calls, or from which it answers; 0: none.
#[inline(always)]
fn service_of<T: Tables>(tables: &T, event: &StepEvent) -> u32 {
    let Some(settings) = tables.settings() else {
        return 0;
    };
    let vni = if event.role == Role::Edge as u8 { VNI_PUBLIC } else { event.vni };
    let protocol = event.protocol;
    let called = service::find(tables, settings, vni, &event.dst, protocol, (event.ports >> 16) as u16);
    if let Some(called) = called {
        return called.number;
    }
    let answering = service::find(tables, settings, vni, &event.new_src, protocol, event.new_ports as u16);
    answering.map_or(0, |answering| answering.number)
}

/// Bits of the filters that want the packet.
#[inline(always)]
#[must_use]
pub fn traces_wanting(control: &TraceControl, event: &StepEvent, now_ns: u64) -> u32 {
    let hash = event_hash(event);
    let mut wanting = 0;
    let mut slot = 0;
    while slot < TRACE_SLOTS {
        if control.active & 1 << slot != 0 && wants_hashed(&control.filters[slot], event, hash, now_ns) {
            wanting |= 1 << slot;
        }
        slot += 1;
    }
    wanting
}

/// Whether a filter wants the packet.
///
/// The ends are compared with the packet as it came and as it went on, and both ways: a flow has two directions, and its
/// replies have other addresses before translation.
#[inline(always)]
#[must_use]
pub fn wants(filter: &TraceFilter, event: &StepEvent, now_ns: u64) -> bool {
    wants_hashed(filter, event, event_hash(event), now_ns)
}

/// [`wants`], given the [`event_hash`].
#[inline(always)]
fn wants_hashed(filter: &TraceFilter, event: &StepEvent, hash: u32, now_ns: u64) -> bool {
    let outcomes = filter.outcomes[(event.outcome >> 6 & 1) as usize];
    if now_ns >= filter.deadline_ns
        || outcomes >> (event.outcome & 63) & 1 == 0
        || (filter.vni != 0 && filter.vni != event.vni)
        || (filter.service != 0 && filter.service != event.service)
        || (filter.protocol != 0 && filter.protocol != event.protocol as u32)
    {
        return false;
    }
    if filter.one_in > 1 && !sampled(hash, filter.one_in) {
        return false;
    }
    let (from, to) = (&filter.from, &filter.to);
    between(from, to, &event.src, &event.dst, event.ports)
        || between(from, to, &event.new_src, &event.new_dst, event.new_ports)
}

/// Whether a packet goes from one end to the other, or back.
#[inline(always)]
fn between(from: &TraceEnd, to: &TraceEnd, src: &Addr, dst: &Addr, ports: u32) -> bool {
    let (src_port, dst_port) = (ports & 0xffff, ports >> 16);
    (differing(from, src, src_port) | differing(to, dst, dst_port)) == 0
        || (differing(from, dst, dst_port) | differing(to, src, src_port)) == 0
}

/// Bits in which an address and port differ from an end where they should not.
#[inline(always)]
fn differing(end: &TraceEnd, addr: &Addr, port: u32) -> u32 {
    let mut differing = (port ^ end.port) & end.port_mask;
    let mut at = 0;
    while at < 4 {
        differing |= (word(addr, at) ^ word(&end.addr, at)) & word(&end.mask, at);
        at += 1;
    }
    differing
}

#[inline(always)]
const fn word(addr: &Addr, at: usize) -> u32 {
    u32::from_be_bytes([addr[at * 4], addr[at * 4 + 1], addr[at * 4 + 2], addr[at * 4 + 3]])
}

/// Whether a flow is one of those that are told of: one of `one_in`, the same ones on every host.
#[inline(always)]
#[must_use]
pub fn flow_sampled(key: &FlowKey, record: &FlowRecord, one_in: u32) -> bool {
    // Of a flow that the instance opened, `original_*` is the instance's own end; of any other it is what the peer
    // spoke to. So this is the flow as its opener sees it, on the opener's host and on the other one.
    let hash = end_hash(&key.peer, key.ports & 0xffff)
        .wrapping_add(end_hash(&record.original_addr, record.original_port as u32));
    one_in != 0 && sampled(hash ^ key.protocol, one_in)
}

/// The same hash of a packet of the flow: from an instance as it went on, from anywhere else as it came.
#[inline(always)]
fn event_hash(event: &StepEvent) -> u32 {
    let hash = if event.role == Role::FromInstance as u8 {
        ends_hash(&event.new_src, &event.new_dst, event.new_ports)
    } else {
        ends_hash(&event.src, &event.dst, event.ports)
    };
    hash ^ event.protocol as u32
}

#[inline(always)]
fn ends_hash(src: &Addr, dst: &Addr, ports: u32) -> u32 {
    end_hash(src, ports & 0xffff).wrapping_add(end_hash(dst, ports >> 16))
}

/// Hash of one end; the sum of two does not depend on the direction.
#[inline(always)]
fn end_hash(addr: &Addr, port: u32) -> u32 {
    let mut hash = port;
    let mut at = 0;
    while at < 4 {
        hash = (hash ^ word(addr, at)).wrapping_mul(0x9e37_79b1);
        hash ^= hash >> 15;
        at += 1;
    }
    hash
}

#[inline(always)]
const fn sampled(hash: u32, one_in: u32) -> bool {
    let hash = (hash ^ hash >> 16).wrapping_mul(0x85eb_ca6b);
    one_in != 0 && (hash >> 8).is_multiple_of(one_in)
}

#[cfg(test)]
mod tests {
    use dnlb_abi::v4_mapped;

    use super::*;

    const CLIENT: Addr = v4_mapped([198, 51, 100, 10]);
    const EIP: Addr = v4_mapped([203, 0, 113, 1]);
    const INSTANCE: Addr = v4_mapped([10, 0, 0, 5]);

    fn event() -> StepEvent {
        StepEvent {
            role: Role::FromOverlay as u8,
            src: CLIENT,
            dst: EIP,
            new_src: CLIENT,
            new_dst: INSTANCE,
            ports: ports(40_000, 80),
            new_ports: ports(40_000, 8080),
            protocol: 6,
            outcome: 2,
            vni: 7,
            service: 3,
            ..StepEvent::default()
        }
    }

    fn reply() -> StepEvent {
        StepEvent {
            role: Role::FromInstance as u8,
            src: INSTANCE,
            dst: CLIENT,
            new_src: EIP,
            new_dst: CLIENT,
            ports: ports(8080, 40_000),
            new_ports: ports(80, 40_000),
            ..event()
        }
    }

    const fn end(addr: Addr, bits: u32, port: u16) -> TraceEnd {
        TraceEnd::new(addr, bits, if port == 0 { None } else { Some(port) })
    }

    fn any() -> TraceFilter {
        TraceFilter { deadline_ns: 100, outcomes: TraceFilter::ANY_OUTCOME, ..TraceFilter::default() }
    }

    #[test]
    fn an_empty_filter_wants_everything_until_its_deadline() {
        assert!(wants(&any(), &event(), 99) && wants(&any(), &StepEvent::default(), 99));
        assert!(!wants(&any(), &event(), 100));
        assert!(!wants(&TraceFilter::default(), &event(), 0), "a slot that nobody has written");
    }

    #[test]
    fn a_flow_is_followed_both_ways_and_by_either_address_of_its_server() {
        for to in [end(EIP, 128, 80), end(INSTANCE, 128, 8080), end(EIP, 96 + 24, 0), end(EIP, 0, 80)] {
            let filter = TraceFilter { from: end(CLIENT, 128, 40_000), to, ..any() };
            assert!(wants(&filter, &event(), 0) && wants(&filter, &reply(), 0), "{to:?}");
            let turned = TraceFilter { from: to, to: filter.from, ..any() };
            assert!(wants(&turned, &event(), 0) && wants(&turned, &reply(), 0), "{to:?}");
        }
        // Neither before nor after translation did it go there.
        let mixed = TraceFilter { to: end(EIP, 128, 8080), ..any() };
        assert!(!wants(&mixed, &event(), 0));
    }

    #[test]
    fn every_part_of_a_filter_counts() {
        for wrong in [
            TraceFilter { vni: 8, ..any() },
            TraceFilter { service: 4, ..any() },
            TraceFilter { protocol: 17, ..any() },
            TraceFilter { outcomes: [!(1 << 2), u64::MAX], ..any() },
            TraceFilter { from: end(CLIENT, 128, 40_001), ..any() },
            TraceFilter { to: end(v4_mapped([203, 0, 113, 2]), 127, 0), ..any() },
        ] {
            assert!(!wants(&wrong, &event(), 0), "{wrong:?}");
        }
        let right = TraceFilter { vni: 7, service: 3, protocol: 6, outcomes: [1 << 2, 0], ..any() };
        assert!(wants(&right, &event(), 0));
        // 203.0.113.0/31 holds .1, and so does /127 of all bits.
        assert!(wants(&TraceFilter { to: end(v4_mapped([203, 0, 113, 0]), 127, 0), ..any() }, &event(), 0));
    }

    #[test]
    fn the_bits_of_all_filters_that_want_it_are_told() {
        let mut control = TraceControl { active: 0b1011, ..TraceControl::default() };
        control.filters = [any(), TraceFilter { protocol: 17, ..any() }, any(), any()];
        assert_eq!(traces_wanting(&control, &event(), 0), 0b1001, "the third is not in force");
    }

    #[test]
    fn hosts_sample_the_same_flows_and_about_as_many_as_they_should() {
        let mut taken = 0;
        for port in 1024..11_024 {
            let there = StepEvent { ports: ports(port, 80), ..event() };
            let back = StepEvent { new_ports: ports(80, port), ..reply() };
            let filter = TraceFilter { one_in: 10, ..any() };
            let wanted = wants(&filter, &there, 0);
            assert_eq!(wanted, wants(&filter, &back, 0));
            // The record on the server's host, and one on an opener's host that is the same flow.
            let served = FlowKey { peer: CLIENT, instance: 5, ports: ports(port, 8080), protocol: 6 };
            let spoken = FlowRecord { original_addr: EIP, original_port: 80, ..FlowRecord::default() };
            assert_eq!(wanted, flow_sampled(&served, &spoken, 10));
            let opened = FlowKey { peer: EIP, instance: 9, ports: ports(80, port), protocol: 6 };
            let own = FlowRecord { original_addr: CLIENT, original_port: port, ..FlowRecord::default() };
            assert_eq!(wanted, flow_sampled(&opened, &own, 10));
            taken += u32::from(wanted);
        }
        assert!((800..1200).contains(&taken), "{taken} of 10,000");
        assert!(!flow_sampled(&FlowKey::default(), &FlowRecord::default(), 0));
    }
}

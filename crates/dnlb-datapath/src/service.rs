//! Finding a service and the member that its rows choose.

use dnlb_abi::{Addr, MemberEntry, Outcome, ServiceEntry, ServiceHash, ServiceKey, Settings};
use dnlb_wire::{ICMP, ICMPV6, Packet};

use crate::{Tables, flow_hash, row_of};

/// The service at an address and port, or nothing.
#[inline(always)]
pub(crate) fn find<'t, T: Tables>(
    tables: &'t T,
    settings: &Settings,
    vni: u32,
    addr: &Addr,
    protocol: u8,
    port: u16,
) -> Option<&'t ServiceEntry> {
    // ICMP has no listeners; its entries say something else.
    if protocol == ICMP || protocol == ICMPV6 {
        None
    } else {
        look_up(tables, settings, ServiceKey::new(vni, *addr, protocol, port))
    }
}

#[inline(always)]
fn look_up<'t, T: Tables>(tables: &'t T, settings: &Settings, key: ServiceKey) -> Option<&'t ServiceEntry> {
    let hash = ServiceHash::new(&key);
    let copy = settings.active_copy & 1;
    let slot = hash.slot(tables.displacement(copy, hash.bucket()));
    let service = tables.service(copy, slot, &key)?;
    (service.key == key).then_some(service)
}

/// Whether somebody has the address: a load balancer that is on, with listeners or without.
#[inline(always)]
pub(crate) fn has_address(tables: &impl Tables, settings: &Settings, vni: u32, addr: &Addr) -> bool {
    look_up(tables, settings, ServiceKey::of_address(vni, *addr)).is_some()
}

/// The member to which `packet` of `service` goes; its instance is 0 when there is none.
#[inline(always)]
pub(crate) fn choose(
    tables: &impl Tables,
    settings: &Settings,
    service: &ServiceEntry,
    packet: &Packet,
) -> MemberEntry {
    tables.count_service(service.number, packet.ip_len);
    if service.rows == 0 {
        return MemberEntry::default();
    }
    let row = row(settings, service, packet);
    let mut slot = tables.row(row);
    if slot == 0 && (packet.continues() || !packet.opens()) {
        // Nobody takes new flows; whoever had the row may have this one, and resets of it are for him too.
        slot = (tables.chain(row) >> 16) as u16;
    }
    if slot == 0 {
        return MemberEntry::default();
    }
    tables.count(Outcome::Balanced);
    member(tables, service, slot)
}

/// The row of a packet's flow.
#[inline(always)]
pub(crate) fn row(settings: &Settings, service: &ServiceEntry, packet: &Packet) -> u32 {
    let row = row_of(flow_hash(settings, service.algorithm, packet), service.rows);
    service.rows_base.wrapping_add(row)
}

/// The member in a slot; its instance is 0 in slot 0.
#[inline(always)]
pub(crate) fn member(tables: &impl Tables, service: &ServiceEntry, slot: u16) -> MemberEntry {
    if slot == 0 {
        MemberEntry::default()
    } else {
        tables.member(service.members_base.wrapping_add(slot as u32))
    }
}

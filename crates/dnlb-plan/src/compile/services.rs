//! Services, the addresses by which packets name them, and the targets that serve them here.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use dnlb_abi::{ServiceEntry, ServiceKey, TargetEntry, TargetKey, VNI_PUBLIC};
use dnlb_model::{Algorithm, BackendConfig, HostConfig, IdleConfig, Protocol, ServiceConfig};

use super::{CompileError, map_addr, table::Table};
use crate::{alloc::BackendPlace, host_config::GENERATIONS_MAX};

/// Every service under every address by which packets name it here, and the addresses themselves; all without what
/// [`face`] tells.
pub(super) fn entries(config: &HostConfig) -> Result<Vec<ServiceEntry>, CompileError> {
    let mut entries = Vec::with_capacity(config.services.len() * 2);
    for service in &config.services {
        let (number, backend, vni) = (service.number, service.backend, service.vni);
        if !config.backends.contains_key(&backend) {
            return Err(CompileError::UnknownBackend { service: number, backend });
        }
        entries.extend(addresses(&place(service), config).map(|(network, addr)| ServiceEntry {
            key: ServiceKey::new(network, map_addr(addr), service.protocol.number(), service.port),
            number,
            backend,
            vni,
            ..Default::default()
        }));
    }
    entries.extend(address_entries(config));
    Ok(entries)
}

/// What the entries of all services of a backend service have in common.
pub(super) fn face(
    number: u32,
    backend: &BackendConfig,
    table: &Table,
    place: &BackendPlace,
) -> ServiceEntry {
    let mut face = ServiceEntry {
        backend: number,
        rows: table.rows(),
        flags: if backend.generations.len() < GENERATIONS_MAX { 0 } else { ServiceEntry::FLAG_FORGETFUL }
            | if backend.silent { ServiceEntry::FLAG_SILENT } else { 0 },
        algorithm: match backend.algorithm {
            Algorithm::IpHash => ServiceEntry::IP_HASH,
            Algorithm::QuintupleHash => ServiceEntry::QUINTUPLE_HASH,
        },
        ..Default::default()
    };
    if face.rows > 0 {
        (face.rows_base, face.members_base, face.slots) =
            (place.rows.base, place.members.base, place.members.len);
    }
    face
}

/// A service's entry with what its backend service's [`face`] tells.
pub(super) fn with_face(entry: &ServiceEntry, face: &ServiceEntry) -> ServiceEntry {
    ServiceEntry { key: entry.key, number: entry.number, vni: entry.vni, ..*face }
}

/// The networks in which an edge has instances: by which packets name services there. Nothing on other hosts, where it
/// does not matter.
pub(super) fn asked_networks(config: &HostConfig) -> BTreeSet<u32> {
    let mut networks = BTreeSet::new();
    let mut next = config.endpoints.keys().next().filter(|_| config.edge);
    while let Some(&(vni, _)) = next {
        networks.insert(vni);
        next =
            vni.checked_add(1).and_then(|vni| config.endpoints.range((vni, LOWEST)..).next()).map(|it| it.0);
    }
    networks
}

/// Where a service is.
const fn place(service: &ServiceConfig) -> IdleConfig {
    IdleConfig { vni: service.vni, vip: service.vip, eip: service.eip }
}

/// The networks and addresses by which packets name a load balancer on this host.
///
/// An edge is asked by VPC only where it has instances, too: without the others, the index has room for three times the
/// services.
fn addresses(place: &IdleConfig, config: &HostConfig) -> impl Iterator<Item = (u32, IpAddr)> + use<> {
    let (vni, edge) = (place.vni, config.edge);
    let asked =
        !config.edge || config.endpoints.range((vni, LOWEST)..).next().is_some_and(|(key, _)| key.0 == vni);
    let own = [Some(place.vip), place.eip].into_iter().flatten().filter(move |_| asked);
    let public = place.eip.filter(|_| edge).map(|eip| (VNI_PUBLIC, eip));
    own.map(move |addr| (vni, addr)).chain(public)
}

/// The least of all addresses.
const LOWEST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

/// An entry for every address that a load balancer has: it answers pings, and says where nobody listens.
fn address_entries(config: &HostConfig) -> Vec<ServiceEntry> {
    let listeners = config.services.iter().map(|service| (service.number, place(service)));
    let idle = config.idle.iter().map(|idle| (0, *idle));
    let mut owners = BTreeMap::new();
    for (number, place) in listeners.chain(idle) {
        for (network, addr) in addresses(&place, config) {
            owners.entry(ServiceKey::of_address(network, map_addr(addr))).or_insert((number, place.vni));
        }
    }
    owners
        .into_iter()
        .map(|(key, (number, vni))| ServiceEntry { key, number, vni, ..Default::default() })
        .collect()
}

/// Where instances that are `linked` take traffic.
pub(super) fn targets(config: &HostConfig, linked: impl Fn(u32) -> bool) -> BTreeMap<TargetKey, TargetEntry> {
    let mut targets = BTreeMap::new();
    let udp = config.services.iter().filter(|service| service.protocol == Protocol::Udp);
    let datagrams: BTreeSet<u32> = udp.map(|service| service.backend).collect();
    for (&backend, found) in &config.backends {
        for (&instance, &port) in found.targets.iter().filter(|(instance, _)| linked(**instance)) {
            let port = u32::from(port);
            targets.insert(TargetKey { backend, instance }, TargetEntry { port });
            if datagrams.contains(&backend) {
                let backend = TargetKey::SERVES_UDP | port;
                targets.insert(TargetKey { backend, instance }, TargetEntry { port });
            }
        }
    }
    targets
}

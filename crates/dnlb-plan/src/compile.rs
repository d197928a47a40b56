//! From a host's configuration to the contents of its kernel maps.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use dnlb_abi::{
    Addr, EndpointEntry, EndpointKey, HostEntry, InstanceEntry, RULES_PER_RANGE, RuleEntry, RuleRange,
    ServiceEntry, ServiceKey, Settings, TargetEntry, TargetKey, VNI_PUBLIC, instance_mac, v4_mapped,
};
use dnlb_model::{
    Algorithm, BackendConfig, Direction, FilterRule, HostConfig, InstanceConfig, Protocol, RuleProtocol,
    ServiceConfig,
};
use ipnet::IpNet;
use zerocopy::IntoBytes;

use crate::{
    RowRange, SwitchState,
    alloc::{AllocError, Allocation, BackendDemand, BackendPlace, Demand},
    host_config::GENERATIONS_MAX,
    rows, service_index,
};

/// Most rows of one table.
pub const ROWS_MAX: u32 = 1 << 16;

/// Why a configuration cannot be turned into map contents.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CompileError {
    /// A map is full.
    #[error(transparent)]
    Alloc(#[from] AllocError),
    /// The services do not fit into the index.
    #[error(transparent)]
    Index(#[from] service_index::IndexError),
    /// A member set of a backend service has a number of rows that no table has.
    #[error(
        "backend service {backend} has a member set with {rows} rows, which is not a power of two up to {ROWS_MAX}"
    )]
    NoRows {
        /// Number of the backend service.
        backend: u32,
        /// How many rows.
        rows: u32,
    },
    /// Two instances are said to be behind one link.
    #[error("instances {first} and {second} have one link, interface {ifindex}")]
    SharedLink {
        /// One instance.
        first: u32,
        /// The other.
        second: u32,
        /// Interface index of the link.
        ifindex: u32,
    },
    /// More rules than programs try.
    #[error(
        "instance {instance} has {rules} rules of one kind in one direction, more than {RULES_PER_RANGE}"
    )]
    TooManyRules {
        /// Number of the instance.
        instance: u32,
        /// How many rules.
        rules: usize,
    },
    /// A service names a backend service that is not in the configuration.
    #[error("service {service} names backend service {backend}, which is missing")]
    UnknownBackend {
        /// Number of the service.
        service: u32,
        /// Number of the backend service.
        backend: u32,
    },
    /// A member or endpoint is on a host that is not in the configuration.
    #[error("instance {instance} is on host {host}, which is missing")]
    UnknownHost {
        /// Number of the instance.
        instance: u32,
        /// Index of the host.
        host: u16,
    },
}

/// What only the host itself knows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalFacts {
    /// Interface index of the uplink.
    pub uplink_ifindex: u32,
    /// Interface index of the VXLAN device.
    pub overlay_ifindex: u32,
    /// Interface index of the probe link's switch side.
    pub probe_ifindex: u32,
    /// Largest packet that fits into the tunnel.
    pub overlay_mtu: u32,
    /// MAC address of the probe link's agent side.
    pub probe_mac: [u8; 6],
    /// Whether no packet gets a second chance: for tests that must see connections break without it.
    pub no_second_chance: bool,
    /// Links of instances: instance number -> interface index of the host side.
    pub links: BTreeMap<u32, u32>,
    /// How to reach each host of the configuration: host index -> entry.
    pub hosts: BTreeMap<u16, HostEntry>,
}

/// Contents of all maps for `config`; moves things in `alloc` as little as possible.
///
/// Deterministic: equal arguments, equal result. Instances without a link are left out until they have one.
///
/// # States
/// `alloc` is what belongs to the state that was applied last; keep the changed one once the result is applied.
///
/// # Errors
/// See [`CompileError`]; `alloc` has not changed then.
pub fn compile(
    config: &HostConfig,
    local: &LocalFacts,
    alloc: &mut Allocation,
) -> Result<SwitchState, CompileError> {
    let known = |instance: u32, host: u16| {
        if config.hosts.contains_key(&host) {
            Ok(u32::from(host))
        } else {
            Err(CompileError::UnknownHost { instance, host })
        }
    };
    let mut endpoints = BTreeMap::new();
    for (&(vni, addr), who) in &config.endpoints {
        let entry = EndpointEntry { instance: who.instance, host: known(who.instance, who.host)? };
        endpoints.insert(EndpointKey { vni, addr: map_addr(addr) }, entry);
    }

    let linked: Vec<(u32, &InstanceConfig)> = config
        .instances
        .values()
        .filter_map(|instance| Some((*local.links.get(&instance.number)?, instance)))
        .collect();
    let mut ports = BTreeMap::new();
    for (ifindex, instance) in &linked {
        if let Some(first) = ports.insert(*ifindex, instance.number) {
            let (second, ifindex) = (instance.number, *ifindex);
            return Err(CompileError::SharedLink { first, second, ifindex });
        }
    }
    let filters: Vec<Filters> =
        linked.iter().map(|(_, instance)| Filters::new(instance)).collect::<Result<_, _>>()?;
    let tables: BTreeMap<u32, Table> = config
        .backends
        .iter()
        .map(|(&number, backend)| Ok((number, Table::new(number, backend)?)))
        .collect::<Result<_, CompileError>>()?;
    for (&instance, &host) in tables.values().flat_map(|table| &table.members) {
        known(instance, host)?;
    }
    let mut services = Vec::new();
    for service in &config.services {
        let (number, backend) = (service.number, service.backend);
        let (Some(found), Some(table)) = (config.backends.get(&backend), tables.get(&backend)) else {
            return Err(CompileError::UnknownBackend { service: number, backend });
        };
        services.extend(service_entries(service, found, table, config));
    }
    services.extend(address_entries(config));
    // Before anything is allocated: an error must leave `alloc` as it is. Places are not part of the hash.
    let mut services = service_index::build(&services)?;

    alloc.update(&Demand {
        backends: tables.iter().map(|(&number, table)| (number, table.demand())).collect(),
        rules: filters.iter().flat_map(Filters::lists).cloned().collect(),
    })?;

    for entry in services.entries.values_mut() {
        if let Some(place) = alloc.backend(entry.backend).filter(|_| entry.rows > 0) {
            (entry.rows_base, entry.members_base) = (place.rows.base, place.members.base);
            entry.slots = place.members.len;
        }
    }
    let mut rows: Vec<RowRange> = tables
        .iter()
        .filter_map(|(number, table)| alloc.backend(*number).map(|place| table.rows(place)))
        .filter(|range| !range.hot.is_empty())
        .collect();
    rows.sort_unstable_by_key(|range| range.base);
    Ok(SwitchState {
        settings: settings(config, local),
        hosts: local
            .hosts
            .iter()
            .filter(|(host, _)| config.hosts.contains_key(host))
            .map(|(&host, entry)| (u32::from(host), *entry))
            .collect(),
        peers: config.peers.iter().map(|&addr| (map_addr(addr), 1)).collect(),
        endpoints,
        instances: linked
            .iter()
            .zip(&filters)
            .map(|((ifindex, instance), filters)| {
                (instance.number, instance_entry(instance, *ifindex, filters, alloc))
            })
            .collect(),
        targets: targets(config, linked.iter().map(|(_, instance)| instance.number).collect()),
        ports,
        rules: alloc.rules().collect(),
        rule_index: alloc.rule_index().collect(),
        services,
        members: tables
            .keys()
            .filter_map(|&number| alloc.backend(number))
            .flat_map(BackendPlace::members)
            // One that was named until now may be on a host that has left.
            .filter(|(_, member)| config.hosts.contains_key(&member.host))
            .collect(),
        rows,
    })
}

/// An address in the form in which maps hold it.
#[must_use]
pub fn map_addr(addr: IpAddr) -> Addr {
    match addr {
        IpAddr::V4(v4) => v4_mapped(v4.octets()),
        IpAddr::V6(v6) => v6.octets(),
    }
}

/// The length of a prefix counted in 128 bits.
fn map_bits(prefix: IpNet) -> u32 {
    u32::from(prefix.prefix_len()) + if prefix.addr().is_ipv4() { 96 } else { 0 }
}

fn settings(config: &HostConfig, local: &LocalFacts) -> Settings {
    Settings {
        host: u32::from(config.host),
        active_copy: 0,
        overlay_ifindex: local.overlay_ifindex,
        uplink_ifindex: local.uplink_ifindex,
        probe_ifindex: local.probe_ifindex,
        overlay_mtu: local.overlay_mtu,
        probe_mac: local.probe_mac,
        flags: if local.no_second_chance { Settings::NO_SECOND_CHANCE } else { 0 }
            | if config.peers.is_empty() { 0 } else { Settings::KNOWS_PEERS },
        hash_key: config.hash_key,
    }
}

fn instance_entry(
    instance: &InstanceConfig,
    ifindex: u32,
    filters: &Filters,
    alloc: &Allocation,
) -> InstanceEntry {
    let range = |rules: &Vec<RuleEntry>| alloc.rule_range(rules).unwrap_or_default();
    let unfiltered = RuleRange { len: RuleRange::UNFILTERED, ..RuleRange::default() };
    InstanceEntry {
        addr: map_addr(instance.addr),
        number: instance.number,
        vni: instance.vni,
        ifindex,
        subnet_bits: map_bits(instance.subnet),
        mac: instance_mac(instance.number),
        security_in: range(&filters.security_in),
        security_out: range(&filters.security_out),
        acl_in: filters.acl_in.as_ref().map_or(unfiltered, range),
        acl_out: filters.acl_out.as_ref().map_or(unfiltered, range),
        rules: filters.fingerprint(),
        ..Default::default()
    }
}

/// The rules of one instance as programs try them.
struct Filters {
    security_in: Vec<RuleEntry>,
    security_out: Vec<RuleEntry>,
    acl_in: Option<Vec<RuleEntry>>,
    acl_out: Option<Vec<RuleEntry>>,
}

impl Filters {
    fn new(instance: &InstanceConfig) -> Result<Self, CompileError> {
        let security = |direction| {
            let mut rules = entries(instance, &instance.security_rules, direction);
            rules.retain(|rule| rule.action == RuleEntry::ALLOW);
            // All of them allow, so order and repetitions mean nothing: equal sets shall share a range.
            rules.sort_unstable_by_key(|rule| (rule.prefix, rule.prefix_bits, rule.protocol, rule.ports));
            rules.dedup();
            rules
        };
        let acl = |direction| instance.acl_rules.as_ref().map(|rules| entries(instance, rules, direction));
        let filters = Self {
            security_in: security(Direction::In),
            security_out: security(Direction::Out),
            acl_in: acl(Direction::In),
            acl_out: acl(Direction::Out),
        };
        let longest = filters.lists().map(Vec::len).max().unwrap_or(0);
        if longest > RULES_PER_RANGE as usize {
            return Err(CompileError::TooManyRules { instance: instance.number, rules: longest });
        }
        Ok(filters)
    }

    /// A number that other security rules do not have, but once in four thousand million.
    fn fingerprint(&self) -> u32 {
        // FNV-1a: short, and the same on every machine.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for (direction, rules) in [(1, &self.security_in), (2, &self.security_out)] {
            let bytes = rules.iter().flat_map(|rule| rule.as_bytes().iter().copied());
            for byte in std::iter::once(direction).chain(bytes) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
        ((hash >> 32) as u32 ^ hash as u32).max(1)
    }

    fn lists(&self) -> impl Iterator<Item = &Vec<RuleEntry>> {
        [Some(&self.security_in), Some(&self.security_out), self.acl_in.as_ref(), self.acl_out.as_ref()]
            .into_iter()
            .flatten()
    }
}

/// Rules of one direction for an instance, in order.
///
/// Those of the other address family are left out: the instance has no such peers, and `::/0` would cover IPv4
/// addresses in the form in which maps hold them.
fn entries(instance: &InstanceConfig, rules: &[FilterRule], direction: Direction) -> Vec<RuleEntry> {
    let v4 = instance.addr.is_ipv4();
    rules
        .iter()
        .filter(|rule| rule.direction == direction && rule.prefix.addr().is_ipv4() == v4)
        .map(|rule| RuleEntry {
            prefix: map_addr(rule.prefix.network()),
            prefix_bits: map_bits(rule.prefix),
            protocol: match rule.protocol {
                RuleProtocol::All => RuleEntry::ANY_PROTOCOL,
                RuleProtocol::Icmp if v4 => 1,
                RuleProtocol::Icmp => 58,
                RuleProtocol::Tcp => 6,
                RuleProtocol::Udp => 17,
            },
            ports: u32::from(rule.ports.0) | u32::from(rule.ports.1) << 16,
            action: if rule.allow { RuleEntry::ALLOW } else { RuleEntry::DENY },
        })
        .collect()
}

/// The rows of a backend service, by instance numbers.
struct Table {
    chains: Vec<[u32; 4]>,
    /// Everybody that a chain may name, and the index of their host.
    members: BTreeMap<u32, u16>,
}

impl Table {
    fn new(number: u32, backend: &BackendConfig) -> Result<Self, CompileError> {
        for set in &backend.generations {
            let possible = set.rows.is_power_of_two() && set.rows <= ROWS_MAX;
            let empty = set.rows == 0 && set.members.is_empty();
            if !possible && !empty {
                return Err(CompileError::NoRows { backend: number, rows: set.rows });
            }
        }
        let mut hosts = BTreeMap::new();
        for set in &backend.generations {
            for (&instance, member) in &set.members {
                hosts.entry(instance).or_insert(member.host);
            }
        }
        for (&instance, &host) in &backend.others {
            hosts.entry(instance).or_insert(host);
        }
        // A superset of those that rows name: telling which would cost more than the slots of the others.
        hosts.retain(|_, host| *host != 0);
        if hosts.is_empty() {
            return Ok(Self { chains: Vec::new(), members: hosts });
        }
        let chains = rows::chains(&backend.generations, |instance| hosts.contains_key(&instance));
        Ok(Self { chains, members: hosts })
    }

    fn demand(&self) -> BackendDemand {
        BackendDemand { rows: self.chains.len() as u32, members: self.members.clone() }
    }

    fn rows(&self, place: &BackendPlace) -> RowRange {
        // A chain names only members that were given a slot; 0 ends it in either form.
        let slots: BTreeMap<u32, u16> =
            self.members.keys().filter_map(|&instance| Some((instance, place.slot(instance)?))).collect();
        let slot = |instance: u32| if instance == 0 { 0 } else { slots.get(&instance).copied().unwrap_or(0) };
        let cold: Vec<[u16; 4]> = self.chains.iter().map(|chain| chain.map(slot)).collect();
        RowRange { base: place.rows.base, hot: cold.iter().map(|chain| chain[0]).collect(), cold }
    }
}

/// A service under every address by which packets name it here, without the places of its rows and members.
fn service_entries(
    service: &ServiceConfig,
    backend: &BackendConfig,
    table: &Table,
    config: &HostConfig,
) -> impl Iterator<Item = ServiceEntry> {
    let entry = |vni, addr| ServiceEntry {
        key: ServiceKey::new(vni, map_addr(addr), service.protocol.number(), service.port),
        number: service.number,
        backend: service.backend,
        vni: service.vni,
        rows: table.chains.len() as u32,
        flags: if backend.generations.len() < GENERATIONS_MAX { 0 } else { ServiceEntry::FLAG_FORGETFUL }
            | if backend.silent { ServiceEntry::FLAG_SILENT } else { 0 },
        algorithm: match backend.algorithm {
            Algorithm::IpHash => ServiceEntry::IP_HASH,
            Algorithm::QuintupleHash => ServiceEntry::QUINTUPLE_HASH,
        },
        ..Default::default()
    };
    addresses(service, config).map(|(vni, addr)| entry(vni, addr)).collect::<Vec<_>>().into_iter()
}

/// The networks and addresses by which packets name a service on this host.
///
/// An edge is asked by VPC only where it has instances, too: without the others, the index has room for three times the
/// services.
fn addresses(service: &ServiceConfig, config: &HostConfig) -> impl Iterator<Item = (u32, IpAddr)> {
    let vni = service.vni;
    let asked =
        !config.edge || config.endpoints.range((vni, LOWEST)..).next().is_some_and(|(key, _)| key.0 == vni);
    let own = [Some(service.vip), service.eip].into_iter().flatten().filter(move |_| asked);
    let public = service.eip.filter(|_| config.edge).map(|eip| (VNI_PUBLIC, eip));
    own.map(move |addr| (vni, addr)).chain(public)
}

/// The least of all addresses.
const LOWEST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

/// An entry for every address that a listener has: it answers pings, and says where nobody listens.
fn address_entries(config: &HostConfig) -> Vec<ServiceEntry> {
    let mut owners = BTreeMap::new();
    for service in &config.services {
        for (vni, addr) in addresses(service, config) {
            owners.entry(ServiceKey::of_address(vni, map_addr(addr))).or_insert(service);
        }
    }
    owners
        .into_iter()
        .map(|(key, service)| ServiceEntry {
            key,
            number: service.number,
            vni: service.vni,
            ..Default::default()
        })
        .collect()
}

fn targets(config: &HostConfig, linked: BTreeSet<u32>) -> BTreeMap<TargetKey, TargetEntry> {
    let mut targets = BTreeMap::new();
    let udp = config.services.iter().filter(|service| service.protocol == Protocol::Udp);
    let datagrams: BTreeSet<u32> = udp.map(|service| service.backend).collect();
    for (&backend, found) in &config.backends {
        for (&instance, &port) in found.targets.iter().filter(|(instance, _)| linked.contains(instance)) {
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

#[cfg(test)]
mod tests;

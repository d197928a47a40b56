//! What is different in a host's configuration, as a message, and the configuration that comes of it.
//!
//! A host of a large region knows ten thousand addresses and more; a change is mostly one of a few of them.

use std::{collections::BTreeMap, mem, net::IpAddr};

use dnlb_model::{HostConfig, HostNames, ServiceConfig};

use crate::{
    ParseError,
    parse::{self, addr_bytes},
    pb,
};

/// What makes `new` of `old`, for somebody who has `old` as of revision `since`. What both say alike may be left out of both, except for what has no
/// keys and the hosts.
#[must_use]
pub fn change_message(since: u64, old: &HostConfig, new: &HostConfig) -> pb::HostChange {
    let (old_services, new_services) = (services(old), services(new));
    let put = HostConfig {
        // What is short, and what has no keys, is told as a whole.
        revision: new.revision,
        region: new.region.clone(),
        host: new.host,
        host_id: new.host_id.clone(),
        az: new.az.clone(),
        rack: new.rack.clone(),
        edge: new.edge,
        hash_key: new.hash_key,
        hosts: new.hosts.clone(),
        peers: new.peers.clone(),
        idle: new.idle.clone(),
        services: other(&old_services, &new_services).into_values().cloned().collect(),
        endpoints: other(&old.endpoints, &new.endpoints),
        instances: other(&old.instances, &new.instances),
        backends: other(&old.backends, &new.backends),
        names: HostNames {
            hosts: other(&old.names.hosts, &new.names.hosts),
            instances: other(&old.names.instances, &new.names.instances),
            listeners: other(&old.names.listeners, &new.names.listeners),
            vpcs: other(&old.names.vpcs, &new.names.vpcs),
        },
    };
    let endpoint = |(vni, addr): &(u32, IpAddr)| pb::Endpoint {
        vni: *vni,
        addr: addr_bytes(*addr),
        ..pb::Endpoint::default()
    };
    pb::HostChange {
        since,
        put: Some((&put).into()),
        gone_services: gone(&old_services, &new_services).copied().collect(),
        gone_endpoints: gone(&old.endpoints, &new.endpoints).map(endpoint).collect(),
        gone_instances: gone(&old.instances, &new.instances).copied().collect(),
        gone_backends: gone(&old.backends, &new.backends).copied().collect(),
        gone_host_names: gone(&old.names.hosts, &new.names.hosts).copied().collect(),
        gone_instance_names: gone(&old.names.instances, &new.names.instances).copied().collect(),
        gone_listener_names: gone(&old.names.listeners, &new.names.listeners).copied().collect(),
        gone_vpc_names: gone(&old.names.vpcs, &new.names.vpcs).copied().collect(),
    }
}

/// Makes of a configuration what a change says; whether anything but its revision is other than it was.
///
/// # Cost
/// That of what is in the message, and of the services: what a host knows besides is neither copied nor compared.
///
/// # Errors
/// When the message is malformed; then the configuration is as it was.
pub fn apply_change(config: &mut HostConfig, change: pb::HostChange) -> Result<bool, ParseError> {
    let mut put = HostConfig::try_from(change.put.ok_or(ParseError::Missing { field: "change.put" })?)?;
    let gone_endpoint =
        |endpoint: &pb::Endpoint| Ok((endpoint.vni, parse::addr("change.gone_endpoints", &endpoint.addr)?));
    let gone_endpoints: Vec<(u32, IpAddr)> =
        change.gone_endpoints.iter().map(gone_endpoint).collect::<Result<_, ParseError>>()?;

    let by_number = |services: &mut Vec<ServiceConfig>| -> BTreeMap<u32, ServiceConfig> {
        mem::take(services).into_iter().map(|service| (service.number, service)).collect()
    };
    let mut services = by_number(&mut config.services);
    let mut differs = update(&mut services, &mut by_number(&mut put.services), &change.gone_services);
    put.services = services.into_values().collect();
    macro_rules! keyed {
        ($($($collection:ident).+, $gone:expr;)*) => {$(
            differs |= update(&mut config.$($collection).+, &mut put.$($collection).+, &$gone);
            put.$($collection).+ = mem::take(&mut config.$($collection).+);
        )*};
    }
    keyed! {
        endpoints, gone_endpoints;
        instances, change.gone_instances;
        backends, change.gone_backends;
        names.hosts, change.gone_host_names;
        names.instances, change.gone_instance_names;
        names.listeners, change.gone_listener_names;
        names.vpcs, change.gone_vpc_names;
    }
    // The rest of the message is whole.
    #[rustfmt::skip]
    let HostConfig {
        region, host, host_id, az, rack, edge, hash_key, hosts, peers, idle,
        // Of no meaning by itself, and what was compared above. No field is left out, so that a new one is thought of.
        revision: _, services: _, endpoints: _, instances: _, backends: _, names: _,
    } = &put;
    differs |= (region, host, host_id) != (&config.region, &config.host, &config.host_id);
    differs |= (az, rack, edge) != (&config.az, &config.rack, &config.edge);
    differs |= (hash_key, hosts) != (&config.hash_key, &config.hosts);
    differs |= (peers, idle) != (&config.peers, &config.idle);
    *config = put;
    Ok(differs)
}

/// Services by number.
fn services(config: &HostConfig) -> BTreeMap<u32, &ServiceConfig> {
    config.services.iter().map(|service| (service.number, service)).collect()
}

/// What `new` has, and `old` has not or has otherwise.
fn other<K: Ord + Clone, V: Clone + PartialEq>(old: &BTreeMap<K, V>, new: &BTreeMap<K, V>) -> BTreeMap<K, V> {
    let differs = |(key, value): &(&K, &V)| old.get(*key) != Some(*value);
    new.iter().filter(differs).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// The keys that `old` alone has.
fn gone<'a, K: Ord, V>(old: &'a BTreeMap<K, V>, new: &'a BTreeMap<K, V>) -> impl Iterator<Item = &'a K> {
    old.keys().filter(|key| !new.contains_key(key))
}

/// Removes what is gone, and moves what is put into its place; whether anything is other than it was.
fn update<K: Ord, V: PartialEq>(held: &mut BTreeMap<K, V>, put: &mut BTreeMap<K, V>, gone: &[K]) -> bool {
    let mut differs = false;
    for key in gone {
        differs |= held.remove(key).is_some();
    }
    // Not `append`: it copies all that is held.
    for (key, value) in mem::take(put) {
        differs |= held.get(&key) != Some(&value);
        held.insert(key, value);
    }
    differs
}

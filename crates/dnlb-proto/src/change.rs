//! What is different in a host's configuration, as a message, and the configuration that comes of it.
//!
//! A host of a large region knows ten thousand addresses and more; a change is mostly one of a few of them.

use std::{collections::BTreeMap, net::IpAddr};

use dnlb_model::{EndpointConfig, HostConfig, HostNames, ServiceConfig};

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

/// The configuration that a change makes of `old`.
///
/// # Errors
/// When the message is malformed.
pub fn apply_change(old: &HostConfig, change: pb::HostChange) -> Result<HostConfig, ParseError> {
    let put = HostConfig::try_from(change.put.ok_or(ParseError::Missing { field: "change.put" })?)?;
    let gone_endpoint =
        |endpoint: &pb::Endpoint| Ok((endpoint.vni, parse::addr("change.gone_endpoints", &endpoint.addr)?));
    let gone_endpoints: Vec<(u32, IpAddr)> =
        change.gone_endpoints.iter().map(gone_endpoint).collect::<Result<_, ParseError>>()?;
    let mut services = services(old);
    services.retain(|number, _| !change.gone_services.contains(number));
    services.extend(put.services.iter().map(|service| (service.number, service)));
    Ok(HostConfig {
        services: services.into_values().cloned().collect(),
        endpoints: changed::<_, EndpointConfig>(&old.endpoints, put.endpoints, &gone_endpoints),
        instances: changed(&old.instances, put.instances, &change.gone_instances),
        backends: changed(&old.backends, put.backends, &change.gone_backends),
        names: HostNames {
            hosts: changed(&old.names.hosts, put.names.hosts, &change.gone_host_names),
            instances: changed(&old.names.instances, put.names.instances, &change.gone_instance_names),
            listeners: changed(&old.names.listeners, put.names.listeners, &change.gone_listener_names),
            vpcs: changed(&old.names.vpcs, put.names.vpcs, &change.gone_vpc_names),
        },
        ..put
    })
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

fn changed<K: Ord + Clone, V: Clone>(
    old: &BTreeMap<K, V>,
    put: BTreeMap<K, V>,
    gone: &[K],
) -> BTreeMap<K, V> {
    let mut new = old.clone();
    for key in gone {
        new.remove(key);
    }
    new.extend(put);
    new
}

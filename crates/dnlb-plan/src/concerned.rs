//! Which hosts' configurations a change of the region may change.

use std::collections::BTreeSet;

use dnlb_model::{BackendId, HostId, Index, LoadBalancerId, Map, Region, VpcId, changes};

use crate::host_config::servers_by_index;

/// Hosts whose configuration in `new` may differ from that in `old` by more than its revision; those that `old` does not have are among them.
///
/// Whatever a host is told lies in a VPC of which it carries instances, or, on an edge, in one with an elastic IP. So what has changed is traced
/// to VPCs, and from there to hosts.
///
/// # Cost
/// That of what differs, and of the instances of the VPCs in which it lies.
#[must_use]
pub fn concerned_hosts(old: &Region, new: &Region) -> BTreeSet<HostId> {
    let common = |region: &Region| (region.settings.name.clone(), region.settings.hash_key);
    // Every host knows the addresses of all.
    if common(old) != common(new) || changes(&old.hosts, &new.hosts).next().is_some() {
        return new.hosts.keys().cloned().collect();
    }
    let both = [(old, old.index()), (new, new.index())];
    let vpcs = changed_vpcs(old, new, &both);
    let mut hosts = BTreeSet::new();
    let mut public = false;
    for (region, index) in &both {
        let instances = vpcs.iter().flat_map(|vpc| index.instances_of_vpc.of(vpc));
        let carriers = instances.filter_map(|id| region.instances.get(id)).map(|instance| &instance.host);
        hosts.extend(carriers.collect::<BTreeSet<_>>().into_iter().cloned());
        let balancers = vpcs.iter().flat_map(|vpc| index.balancers_of_vpc.of(vpc));
        let mut balancers = balancers.filter_map(|id| region.load_balancers.get(id));
        public |= balancers.any(|balancer| balancer.eip.is_some());
    }
    hosts.extend(new.hosts.values().filter(|host| host.edge && public).map(|host| host.id.clone()));
    hosts.retain(|host| new.hosts.contains_key(host));
    hosts
}

/// The VPCs in which something has changed.
fn changed_vpcs(old: &Region, new: &Region, both: &[(&Region, Index); 2]) -> BTreeSet<VpcId> {
    let mut vpcs: BTreeSet<VpcId> = keys(&old.vpcs, &new.vpcs).cloned().collect();
    macro_rules! in_their_vpc {
        ($($collection:ident),*) => {$(
            for (_, was, is) in changes(&old.$collection, &new.$collection) {
                vpcs.extend(was.into_iter().chain(is).map(|one| one.vpc.clone()));
            }
        )*};
    }
    in_their_vpc!(acls, instances, load_balancers, security_groups, subnets);
    let mut backends: BTreeSet<&BackendId> = keys(&old.backends, &new.backends).collect();
    backends.extend(keys(&old.generations, &new.generations));
    backends.extend(keys(&old.draining, &new.draining).map(|(backend, _)| backend));
    backends.extend(keys(&old.health, &new.health).map(|(backend, _)| backend));
    for (_, index) in both {
        let groups = keys(&old.target_groups, &new.target_groups);
        backends.extend(groups.flat_map(|group| index.backends_of_target_group.of(group)));
    }
    for (region, index) in both {
        let listeners = keys(&old.listeners, &new.listeners).filter_map(|id| region.listeners.get(id));
        let mut balancers: BTreeSet<&LoadBalancerId> = listeners.map(|one| &one.load_balancer).collect();
        let eips = keys(&old.eips, &new.eips).filter_map(|id| region.eips.get(id));
        balancers.extend(eips.filter_map(|eip| eip.load_balancer.as_ref()));
        for backend in backends.iter().filter_map(|id| region.backends.get(*id)) {
            balancers.insert(&backend.load_balancer);
            // Whom it checks lies in the same VPC, as far as anybody who may ask for it is concerned.
            let servers = servers_by_index(region, index, backend);
            vpcs.extend(
                servers
                    .iter()
                    .map(|server| &server.instance.vpc)
                    .collect::<BTreeSet<_>>()
                    .into_iter()
                    .cloned(),
            );
        }
        let balancers = balancers.into_iter().filter_map(|id| region.load_balancers.get(id));
        vpcs.extend(balancers.map(|balancer| balancer.vpc.clone()));
    }
    vpcs
}

fn keys<'a, K: Ord, V: PartialEq>(
    old: &'a Map<K, V>,
    new: &'a Map<K, V>,
) -> impl Iterator<Item = &'a K> + use<'a, K, V> {
    changes(old, new).map(|(key, ..)| key)
}

#[cfg(test)]
mod tests;

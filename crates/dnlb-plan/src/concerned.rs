//! Which VPCs a change of the region concerns.

use std::collections::BTreeSet;

use dnlb_model::{BackendId, LoadBalancerId, Region, VpcId, changed_keys, changes};

/// VPCs of which some host may have to know something else in `new` than in `old`.
///
/// # Cost
/// That of what differs, and of the instances of hosts that do.
pub(crate) fn concerned_vpcs(old: &Region, new: &Region) -> BTreeSet<VpcId> {
    let mut vpcs: BTreeSet<VpcId> = changed_keys(&old.vpcs, &new.vpcs).cloned().collect();
    macro_rules! in_their_vpc {
        ($($collection:ident),*) => {$(
            for (_, was, is) in changes(&old.$collection, &new.$collection) {
                vpcs.extend(was.into_iter().chain(is).map(|one| one.vpc.clone()));
            }
        )*};
    }
    in_their_vpc!(acls, instances, load_balancers, security_groups, subnets);
    let both = [(old, old.index()), (new, new.index())];
    let mut backends: BTreeSet<&BackendId> = changed_keys(&old.backends, &new.backends).collect();
    backends.extend(changed_keys(&old.generations, &new.generations));
    backends.extend(changed_keys(&old.draining, &new.draining).map(|(backend, _)| backend));
    backends.extend(changed_keys(&old.health, &new.health).map(|(backend, _)| backend));
    for (_, index) in &both {
        let groups = changed_keys(&old.target_groups, &new.target_groups);
        backends.extend(groups.flat_map(|group| index.backends_of_target_group.of(group)));
    }
    for (region, index) in &both {
        let listeners =
            changed_keys(&old.listeners, &new.listeners).filter_map(|id| region.listeners.get(id));
        let mut balancers: BTreeSet<&LoadBalancerId> = listeners.map(|one| &one.load_balancer).collect();
        let eips = changed_keys(&old.eips, &new.eips).filter_map(|id| region.eips.get(id));
        balancers.extend(eips.filter_map(|eip| eip.load_balancer.as_ref()));
        let backends = backends.iter().filter_map(|id| region.backends.get(*id));
        balancers.extend(backends.map(|backend| &backend.load_balancer));
        let balancers = balancers.into_iter().filter_map(|id| region.load_balancers.get(id));
        vpcs.extend(balancers.map(|balancer| balancer.vpc.clone()));

        // Who is on a host that is other than it was is elsewhere, or alive or not.
        let carried = changed_keys(&old.hosts, &new.hosts).flat_map(|host| index.instances_of_host.of(host));
        let carried = carried.filter_map(|id| region.instances.get(id));
        vpcs.extend(carried.map(|instance| &instance.vpc).collect::<BTreeSet<_>>().into_iter().cloned());
    }
    if changes(&old.hosts, &new.hosts).any(|(_, was, is)| edge(is) != edge(was)) {
        let balancers = old.load_balancers.values().chain(new.load_balancers.values());
        let public = balancers.filter(|balancer| balancer.eip.is_some());
        vpcs.extend(public.map(|balancer| balancer.vpc.clone()));
    }
    vpcs
}

fn edge(host: Option<&std::sync::Arc<dnlb_model::Host>>) -> bool {
    host.is_some_and(|host| host.edge)
}

//! What belongs to what, looked up instead of searched for.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use imbl::{OrdMap, OrdSet};

use crate::{
    AgId, Backend, BackendId, Health, HostId, Instance, InstanceId, Listener, ListenerId, LoadBalancer,
    LoadBalancerId, Map, Region, ServerGroup, SubnetId, TargetGroup, TargetGroupId, VpcId, changes,
};

/// Pairs of an id and another one that belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pairs<A: Ord, B: Ord>(OrdSet<(A, B)>);

impl<A: Ord, B: Ord> Default for Pairs<A, B> {
    fn default() -> Self {
        Self(OrdSet::new())
    }
}

impl<A: Ord + Clone, B: Ord + Clone + for<'b> From<&'b str>> Pairs<A, B> {
    /// What belongs to `one`, in the order of the ids.
    pub fn of(&self, one: &A) -> impl Iterator<Item = &B> + use<'_, A, B> {
        let one = one.clone();
        let first = (one.clone(), B::from(""));
        self.0.range(first..).take_while(move |(of, _)| *of == one).map(|(_, other)| other)
    }

    /// `other` belongs to `is`, and no longer to `was`.
    fn moves(&mut self, was: Option<&A>, is: Option<&A>, other: &B) {
        if was == is {
            return;
        }
        if let Some(was) = was {
            self.0.remove(&(was.clone(), other.clone()));
        }
        if let Some(is) = is {
            self.0.insert((is.clone(), other.clone()));
        }
    }
}

/// What belongs to what in a region.
///
/// Made of the region's maps alone. It keeps the maps that it was made of, which costs nothing, and so can be brought up to any others at the
/// cost of what differs: whoever needs it need not ask who has changed what since.
///
/// # Invariants
/// Equal to the index that is made of the same maps from nothing.
#[derive(Clone, Debug, Default)]
pub struct Index {
    backends: Map<BackendId, Backend>,
    health: Map<(BackendId, InstanceId), Health>,
    instances: Map<InstanceId, Instance>,
    listeners: Map<ListenerId, Listener>,
    load_balancers: Map<LoadBalancerId, LoadBalancer>,
    target_groups: Map<TargetGroupId, TargetGroup>,
    of: Belongings,
}

/// The pairs themselves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Belongings {
    /// Addresses of a subnet that instances and load balancers have; ask [`Belongings::addresses_of_subnet`].
    addresses: OrdSet<(SubnetId, IpAddr)>,
    /// Backend services by number.
    pub backend_of_number: OrdMap<u32, BackendId>,
    /// Backend services that an availability group serves.
    pub backends_of_ag: Pairs<AgId, BackendId>,
    /// Backend services of a load balancer.
    pub backends_of_balancer: Pairs<LoadBalancerId, BackendId>,
    /// Backend services that a target group serves.
    pub backends_of_target_group: Pairs<TargetGroupId, BackendId>,
    /// Load balancers of a VPC.
    pub balancers_of_vpc: Pairs<VpcId, LoadBalancerId>,
    /// Backend services for which something is known of an instance's health.
    pub health_of_instance: Pairs<InstanceId, BackendId>,
    /// Instances by number.
    pub instance_of_number: OrdMap<u32, InstanceId>,
    /// Members of an availability group.
    pub instances_of_ag: Pairs<AgId, InstanceId>,
    /// Instances that a host carries.
    pub instances_of_host: Pairs<HostId, InstanceId>,
    /// How many instances a host carries; none has no entry.
    pub instance_count_of_host: OrdMap<HostId, usize>,
    /// Instances of a VPC.
    pub instances_of_vpc: Pairs<VpcId, InstanceId>,
    /// Listeners by number.
    pub listener_of_number: OrdMap<u32, ListenerId>,
    /// Listeners of a backend service.
    pub listeners_of_backend: Pairs<BackendId, ListenerId>,
    /// Listeners of a load balancer.
    pub listeners_of_balancer: Pairs<LoadBalancerId, ListenerId>,
    /// Target groups of a load balancer.
    pub target_groups_of_balancer: Pairs<LoadBalancerId, TargetGroupId>,
    /// Target groups in which an instance is.
    pub target_groups_of_instance: Pairs<InstanceId, TargetGroupId>,
}

impl Belongings {
    /// Addresses of a subnet that instances and load balancers have, in their order.
    pub fn addresses_of_subnet(&self, subnet: &SubnetId) -> impl Iterator<Item = IpAddr> + use<'_> {
        let subnet = subnet.clone();
        let first = (subnet.clone(), IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        self.addresses.range(first..).take_while(move |(of, _)| *of == subnet).map(|(_, addr)| *addr)
    }

    /// Whether an instance or a load balancer has this address of a subnet.
    #[must_use]
    pub fn has_address(&self, subnet: &SubnetId, addr: IpAddr) -> bool {
        self.addresses.contains(&(subnet.clone(), addr))
    }
}

impl std::ops::Deref for Index {
    type Target = Belongings;

    fn deref(&self) -> &Belongings {
        &self.of
    }
}

impl Index {
    /// Brings it up to a region.
    ///
    /// # Cost
    /// That of what differs from the region that it was brought up to before.
    pub fn follow(&mut self, region: &Region) {
        let of = &mut self.of;
        let of_instances = changes(&self.instances, &region.instances).map(|(_, was, is)| {
            let place = |one: &Arc<Instance>| (one.subnet.clone(), one.addr);
            (was.map(place), is.map(place))
        });
        let of_balancers = changes(&self.load_balancers, &region.load_balancers).map(|(_, was, is)| {
            let place = |one: &Arc<LoadBalancer>| (one.subnet.clone(), one.vip);
            (was.map(place), is.map(place))
        });
        let moved: Vec<_> = of_instances.chain(of_balancers).filter(|(was, is)| was != is).collect();
        // All leave before anybody comes: an address may go from one to another.
        for was in moved.iter().filter_map(|(was, _)| was.as_ref()) {
            of.addresses.remove(was);
        }
        of.addresses.extend(moved.into_iter().filter_map(|(_, is)| is));
        for (id, was, is) in changes(&self.instances, &region.instances) {
            of.instances_of_host.moves(was.map(|one| &one.host), is.map(|one| &one.host), id);
            of.instances_of_vpc.moves(was.map(|one| &one.vpc), is.map(|one| &one.vpc), id);
            let ag = |one: Option<&'_ Arc<Instance>>| one.and_then(|one| one.ag.clone());
            of.instances_of_ag.moves(ag(was).as_ref(), ag(is).as_ref(), id);
            if was.map(|one| &one.host) != is.map(|one| &one.host) {
                let counts = &mut of.instance_count_of_host;
                was.into_iter().for_each(|one| recount(counts, &one.host, |count| count.saturating_sub(1)));
                is.into_iter().for_each(|one| recount(counts, &one.host, |count| count + 1));
            }
            let number = |one: &Arc<Instance>| one.number;
            renumber(&mut of.instance_of_number, was.map(number), is.map(number), id);
        }
        for (id, was, is) in changes(&self.load_balancers, &region.load_balancers) {
            of.balancers_of_vpc.moves(was.map(|one| &one.vpc), is.map(|one| &one.vpc), id);
        }
        for (id, was, is) in changes(&self.listeners, &region.listeners) {
            of.listeners_of_backend.moves(was.map(|one| &one.backend), is.map(|one| &one.backend), id);
            let balancers = (was.map(|one| &one.load_balancer), is.map(|one| &one.load_balancer));
            of.listeners_of_balancer.moves(balancers.0, balancers.1, id);
            let number = |one: &Arc<Listener>| one.number;
            renumber(&mut of.listener_of_number, was.map(number), is.map(number), id);
        }
        for (id, was, is) in changes(&self.backends, &region.backends) {
            let balancers = (was.map(|one| &one.load_balancer), is.map(|one| &one.load_balancer));
            of.backends_of_balancer.moves(balancers.0, balancers.1, id);
            let groups = [was, is].map(|one| one.and_then(|one| one.group.as_ref()));
            let ags = groups.map(|group| match group {
                Some(ServerGroup::Ag(ag)) => Some(ag),
                _ => None,
            });
            of.backends_of_ag.moves(ags[0], ags[1], id);
            let groups = groups.map(|group| match group {
                Some(ServerGroup::TargetGroup(group)) => Some(group),
                _ => None,
            });
            of.backends_of_target_group.moves(groups[0], groups[1], id);
            let number = |one: &Arc<Backend>| one.number;
            renumber(&mut of.backend_of_number, was.map(number), is.map(number), id);
        }
        for (id, was, is) in changes(&self.target_groups, &region.target_groups) {
            let balancers = (was.map(|one| &one.load_balancer), is.map(|one| &one.load_balancer));
            of.target_groups_of_balancer.moves(balancers.0, balancers.1, id);
            // Of an instance that is several targets one may stay when another goes.
            let [were, are] =
                [was, is].map(|group| group.map_or_else(BTreeSet::new, |group| group.instances()));
            for &gone in were.difference(&are) {
                of.target_groups_of_instance.moves(Some(gone), None, id);
            }
            for &new in are.difference(&were) {
                of.target_groups_of_instance.moves(None, Some(new), id);
            }
        }
        for ((backend, instance), was, is) in changes(&self.health, &region.health) {
            let known = |is: Option<_>| is.map(|_| instance);
            of.health_of_instance.moves(known(was), known(is), backend);
        }
        self.instances = region.instances.clone();
        self.load_balancers = region.load_balancers.clone();
        self.listeners = region.listeners.clone();
        self.backends = region.backends.clone();
        self.target_groups = region.target_groups.clone();
        self.health = region.health.clone();
    }
}

/// Something has another number.
fn renumber<K: Clone + PartialEq>(map: &mut OrdMap<u32, K>, was: Option<u32>, is: Option<u32>, id: &K) {
    if was == is {
        return;
    }
    // Of a number that somebody else has taken since, nothing is forgotten.
    if let Some(was) = was.filter(|was| map.get(was) == Some(id)) {
        map.remove(&was);
    }
    if let Some(is) = is {
        map.insert(is, id.clone());
    }
}

fn recount(counts: &mut OrdMap<HostId, usize>, host: &HostId, change: impl FnOnce(usize) -> usize) {
    match change(counts.get(host).copied().unwrap_or(0)) {
        0 => counts.remove(host),
        count => counts.insert(host.clone(), count),
    };
}

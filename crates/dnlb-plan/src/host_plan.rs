//! What each host is to do, VPC by VPC: the configuration of each host, and what a change of the region changes of it.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use dnlb_model::{BackendConfig, Host, HostConfig, HostId, HostNames, IdleConfig, Region, VpcId};

use crate::{
    concerned::concerned_vpcs,
    network::{Carried, Network, Shared},
};

/// A host's configuration in parts, most of which it shares with other hosts and with what it was before.
///
/// # Invariants
/// What it says of the region is what [`host_configs`] says, whether it was planned at once or change by change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPlan {
    own: Own,
    networks: BTreeMap<VpcId, Part>,
}

/// What does not lie in a VPC.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Own {
    region: String,
    hash_key: [u32; 24],
    id: HostId,
    index: u16,
    az: String,
    rack: String,
    underlay: IpAddr,
    edge: bool,
    peers: Arc<BTreeSet<IpAddr>>,
}

impl Own {
    fn of(region: &Region, host: &Host, peers: &Arc<BTreeSet<IpAddr>>) -> Self {
        Self {
            region: region.settings.name.clone(),
            hash_key: region.settings.hash_key,
            id: host.id.clone(),
            index: host.index,
            az: host.az.clone(),
            rack: host.rack.clone(),
            underlay: host.underlay,
            edge: host.edge,
            peers: Arc::clone(peers),
        }
    }
}

/// What a host knows of a VPC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Part {
    shared: Arc<Shared>,
    carried: Arc<Carried>,
}

impl Part {
    /// A backend service, with targets among the host's own instances only.
    fn backend(&self, number: u32) -> Option<BackendConfig> {
        let backend = self.shared.backends.get(&number)?;
        let own = backend.targets.iter().filter(|(target, _)| self.carried.contains_key(target));
        let targets = own.map(|(&target, &port)| (target, port)).collect();
        Some(BackendConfig { targets, ..BackendConfig::clone(backend) })
    }

    /// Adds what another part of the same VPC has not, or has otherwise.
    fn add_other(&self, other: &Self, config: &mut HostConfig) {
        let same_carried = Arc::ptr_eq(&self.carried, &other.carried);
        if Arc::ptr_eq(&self.shared, &other.shared) && same_carried {
            return;
        }
        config.instances.extend(differing(&self.carried, &other.carried));
        let (own, others) = (&self.shared, &other.shared);
        for (&number, backend) in &own.backends {
            let same = same_carried && others.backends.get(&number) == Some(backend);
            if same {
                continue;
            }
            let (one, another) = (self.backend(number), other.backend(number));
            if one != another {
                config.backends.extend(one.map(|one| (number, one)));
            }
        }
        config.endpoints.extend(differing(&own.endpoints, &others.endpoints));
        config.services.extend(differing(&own.services, &others.services).map(|(_, service)| service));
        let names = &mut config.names;
        names.instances.extend(differing(&own.instance_names, &others.instance_names));
        names.listeners.extend(differing(&own.listener_names, &others.listener_names));
        names.vpcs.extend(differing(&own.vpc_names, &others.vpc_names));
    }
}

fn names<'a>(of_all: impl Iterator<Item = &'a BTreeMap<u32, String>>) -> BTreeMap<u32, String> {
    of_all.flatten().map(|(number, name)| (*number, name.clone())).collect()
}

/// What `one` has, and `other` has not or has otherwise.
fn differing<'a, K: Ord + Clone, V: Clone + PartialEq>(
    one: &'a BTreeMap<K, V>,
    other: &'a BTreeMap<K, V>,
) -> impl Iterator<Item = (K, V)> + use<'a, K, V> {
    let same = std::ptr::eq(one, other);
    let differs = move |(key, value): &(&K, &V)| other.get(*key) != Some(*value);
    let one = if same { None } else { Some(one) };
    one.into_iter().flatten().filter(differs).map(|(key, value)| (key.clone(), value.clone()))
}

/// The plans of all hosts.
pub type HostPlans = BTreeMap<HostId, Arc<HostPlan>>;

impl HostPlan {
    /// The whole configuration, as of a revision.
    #[must_use]
    pub fn config(&self, revision: u64) -> HostConfig {
        self.config_of(revision, self.networks.values())
    }

    /// Two configurations that differ by what the whole ones differ by, and have nothing else in common but the hosts and what has no keys.
    ///
    /// # Cost
    /// That of the VPCs in which something differs.
    #[must_use]
    pub fn differing(old: &Self, new: &Self, revision: u64) -> (HostConfig, HostConfig) {
        let [mut was, mut is] = [old, new].map(|plan| plan.config_of(revision, [].iter()));
        let nothing = Part::default();
        let vpcs: BTreeSet<&VpcId> = old.networks.keys().chain(new.networks.keys()).collect();
        for vpc in vpcs {
            let [former, current] = [old, new].map(|plan| plan.networks.get(vpc).unwrap_or(&nothing));
            former.add_other(current, &mut was);
            current.add_other(former, &mut is);
        }
        (was, is)
    }

    fn hosts(&self) -> BTreeMap<u16, IpAddr> {
        let known = self.networks.values().flat_map(|part| &part.shared.hosts);
        let own = (self.own.index, self.own.underlay);
        known.map(|(index, addr)| (*index, *addr)).chain([own]).collect()
    }

    fn idle(&self) -> Vec<IdleConfig> {
        self.networks.values().flat_map(|part| &part.shared.idle).copied().collect()
    }

    fn host_names(&self) -> BTreeMap<u32, String> {
        let known = self.networks.values().flat_map(|part| &part.shared.host_names);
        let own = (self.own.index.into(), self.own.id.0.clone());
        known.map(|(index, name)| (*index, name.clone())).chain([own]).collect()
    }

    /// The configuration as far as some parts go; the hosts, and what has no keys, are those of all.
    fn config_of<'a>(&self, revision: u64, parts: impl Iterator<Item = &'a Part> + Clone) -> HostConfig {
        let shared = || parts.clone().map(|part| &part.shared);
        let mut services: Vec<_> = shared().flat_map(|shared| shared.services.values()).cloned().collect();
        services.sort_by_key(|service| service.number);
        let own = &self.own;
        HostConfig {
            revision,
            region: own.region.clone(),
            host: own.index,
            host_id: own.id.0.clone(),
            az: own.az.clone(),
            rack: own.rack.clone(),
            edge: own.edge,
            hash_key: own.hash_key,
            hosts: self.hosts(),
            peers: BTreeSet::clone(&own.peers),
            endpoints: shared()
                .flat_map(|shared| shared.endpoints.iter())
                .map(|(key, one)| (*key, *one))
                .collect(),
            instances: parts
                .clone()
                .flat_map(|part| part.carried.iter())
                .map(|(number, one)| (*number, one.clone()))
                .collect(),
            services,
            idle: self.idle(),
            backends: parts
                .clone()
                .flat_map(|part| {
                    part.shared.backends.keys().filter_map(|&number| Some((number, part.backend(number)?)))
                })
                .collect(),
            names: HostNames {
                hosts: self.host_names(),
                instances: names(shared().map(|shared| &*shared.instance_names)),
                listeners: names(shared().map(|shared| &shared.listener_names)),
                vpcs: names(shared().map(|shared| &shared.vpc_names)),
            },
        }
    }
}

/// The configuration of every host, whether it is up or not.
///
/// A backend service of which the region remembers nothing has just its current [`members`](crate::members).
#[must_use]
pub fn host_configs(region: &Region) -> BTreeMap<HostId, HostConfig> {
    let plans = plan_hosts(&HostPlans::new(), &Region::default(), region);
    plans.into_iter().map(|(host, plan)| (host, plan.config(region.revision))).collect()
}

/// The plans of all hosts in `new`, from those in `old`: a plan that says the same stays the same allocation.
///
/// # Cost
/// That of what differs, of all that the VPCs hold in which it lies, and a glance at every host.
#[must_use]
pub fn plan_hosts(former: &HostPlans, old: &Region, new: &Region) -> HostPlans {
    let concerned = concerned_vpcs(old, new);
    let index = new.index();
    let mut parts: BTreeMap<&HostId, BTreeMap<&VpcId, Part>> = BTreeMap::new();
    for vpc in &concerned {
        let Some(network) = Network::of(new, &index, vpc) else { continue };
        let known = |host: &HostId| former.get(host).and_then(|plan| plan.networks.get(vpc));
        // What is not other than it was stays the same allocation, so that nobody compares it again.
        let kept = |mut shared: Shared, outside: bool| {
            let known = former.values().filter_map(|plan| Some((plan, plan.networks.get(vpc)?)));
            let is_outside =
                |(plan, part): &(&Arc<HostPlan>, &Part)| plan.own.edge && part.carried.is_empty();
            let mut alike = known.filter(|known| is_outside(known) == outside).map(|(_, part)| &part.shared);
            let Some(former) = alike.next() else { return Arc::new(shared) };
            shared.keep(former);
            if **former == shared { Arc::clone(former) } else { Arc::new(shared) }
        };
        let (inside, outside) =
            (kept(network.inside, false), network.outside.map(|shared| kept(shared, true)));
        for host in new.hosts.values() {
            let part = match network.carried.get(&host.id) {
                Some(carried) => {
                    let former =
                        known(&host.id).map(|part| &part.carried).filter(|known| ***known == *carried);
                    let carried = former.map_or_else(|| Arc::new(carried.clone()), Arc::clone);
                    Part { shared: Arc::clone(&inside), carried }
                }
                None => match outside.as_ref().filter(|_| host.edge) {
                    Some(outside) => Part { shared: Arc::clone(outside), carried: Arc::default() },
                    None => continue,
                },
            };
            parts.entry(&host.id).or_default().insert(vpc, part);
        }
    }
    let peers: BTreeSet<IpAddr> = new.hosts.values().map(|host| host.underlay).collect();
    let known_peers = former.values().next().map(|plan| &plan.own.peers).filter(|known| ***known == peers);
    let peers = known_peers.map_or_else(|| Arc::new(peers), Arc::clone);
    let plan = |host: &Arc<Host>| {
        let (own, parts) = (Own::of(new, host, &peers), parts.get(&host.id));
        let known = former.get(&host.id);
        let knows = |plan: &HostPlan| concerned.iter().any(|vpc| plan.networks.contains_key(vpc));
        if let Some(known) = known.filter(|known| parts.is_none() && !knows(known) && known.own == own) {
            return Arc::clone(known);
        }
        let mut networks = known.map_or_else(BTreeMap::new, |plan| plan.networks.clone());
        networks.retain(|vpc, _| !concerned.contains(vpc));
        let parts = parts.into_iter().flatten();
        networks.extend(parts.map(|(&vpc, part)| (vpc.clone(), part.clone())));
        let plan = HostPlan { own, networks };
        match known {
            Some(known) if **known == plan => Arc::clone(known),
            _ => Arc::new(plan),
        }
    };
    new.hosts.values().map(|host| (host.id.clone(), plan(host))).collect()
}

#[cfg(test)]
mod tests;

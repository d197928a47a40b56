//! How the region changes by what agents say: functions of values.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use dnlb_model::{
    Backend, BackendId, Family, Health, Host, HostId, HostState, Index, Instance, InstanceId, InstanceState,
    Region, ServerGroup, changed_keys, changes,
};
use dnlb_proto::{Hello, Report};

/// Why instances of a silent host do not count.
const HOST_DOWN: &str = "its host is down";

/// Why a host cannot join.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// Its zone is none of the region's.
    #[error("zone `{az}` is not one of this region's: {}", .known.join(", "))]
    Az {
        /// Its zone.
        az: String,
        /// The region's zones.
        known: Vec<String>,
    },
    /// All indices are taken.
    #[error("the region has as many hosts as it can")]
    Full,
    /// A living host has an address of the other family in the underlay: no tunnel could be between them.
    #[error("address {addr} is {}, that of host `{host}` is {other}: all hosts' must be of one family", Family::from(*addr))]
    UnderlayFamily {
        /// The address.
        addr: std::net::IpAddr,
        /// Who has one of the other family.
        host: HostId,
        /// That family.
        other: Family,
    },
    /// A living host has the same address in the underlay.
    #[error("address {addr} is that of host `{host}`")]
    Underlay {
        /// The address.
        addr: std::net::IpAddr,
        /// Who has it.
        host: HostId,
    },
}

/// What an agent has said since it connected.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reported {
    instances: BTreeMap<u32, InstanceState>,
    /// By instance's and backend's number.
    health: BTreeMap<(u32, u32), (bool, String)>,
}

impl Reported {
    /// Takes in what is new. What names no instance of the host, or no backend service, is not kept: an agent
    /// can neither speak for others nor fill our memory. Returns the instances of which something is said.
    pub(crate) fn take(
        &mut self,
        report: Report,
        numbers: &Numbers<'_>,
        host: &HostId,
    ) -> BTreeSet<InstanceId> {
        let mut of = BTreeSet::new();
        for report in report.instances {
            if let Some(instance) = numbers.instance(report.number, host) {
                self.instances.insert(report.number, report.state);
                of.insert(instance.id.clone());
            }
        }
        for report in report.health {
            let instance = numbers.instance(report.instance, host);
            if let Some(instance) = instance.filter(|_| numbers.backend(report.backend).is_some()) {
                self.health.insert((report.instance, report.backend), (report.healthy, report.reason));
                of.insert(instance.id.clone());
            }
        }
        for number in report.forgotten_instances {
            self.instances.remove(&number);
        }
        for (backend, instance) in report.forgotten_health {
            self.health.remove(&(instance, backend));
        }
        of
    }

    fn of_instance(&self, number: u32) -> impl Iterator<Item = (&(u32, u32), &(bool, String))> {
        self.health.range((number, 0)..=(number, u32::MAX))
    }
}

/// Lets a host join, or notes what has changed of one that is known; it is up from now on.
pub(crate) fn register(region: &mut Region, hello: &Hello, now: u64) -> Result<(), Refusal> {
    if !region.settings.azs.contains(&hello.az) {
        return Err(Refusal::Az { az: hello.az.clone(), known: region.settings.azs.clone() });
    }
    let same_address = |host: &&Arc<Host>| {
        host.underlay == hello.underlay && host.id != hello.host && host.state == HostState::Up
    };
    if let Some(other) = region.hosts.values().find(same_address) {
        return Err(Refusal::Underlay { addr: hello.underlay, host: other.id.clone() });
    }
    let family = Family::from(hello.underlay);
    let other_family = |host: &&Arc<Host>| {
        Family::from(host.underlay) != family && host.id != hello.host && host.state == HostState::Up
    };
    if let Some(other) = region.hosts.values().find(other_family) {
        let (addr, host) = (hello.underlay, other.id.clone());
        return Err(Refusal::UnderlayFamily { addr, host, other: other.underlay.into() });
    }
    let (index, created) = match region.hosts.get(&hello.host) {
        Some(known) => (known.index, known.created),
        None => {
            let settings = Arc::make_mut(&mut region.settings);
            settings.sequences.host = settings.sequences.host.checked_add(1).ok_or(Refusal::Full)?;
            (settings.sequences.host, now)
        }
    };
    let host = Host {
        id: hello.host.clone(),
        index,
        az: hello.az.clone(),
        rack: hello.rack.clone(),
        underlay: hello.underlay,
        edge: hello.edge,
        compute: hello.compute,
        state: HostState::Up,
        created,
    };
    region.hosts.insert(hello.host.clone(), Arc::new(host));
    // Its instances move with it.
    for id in region.index().instances_of_host.of(&hello.host) {
        let elsewhere =
            |instance: &&mut Arc<Instance>| instance.az != hello.az || instance.rack != hello.rack;
        if let Some(instance) = region.instances.get_mut(id).filter(elsewhere).map(Arc::make_mut) {
            instance.az.clone_from(&hello.az);
            instance.rack.clone_from(&hello.rack);
        }
    }
    Ok(())
}

/// Notes that a host lives or not.
pub(crate) fn set_host_state(region: &mut Region, id: &HostId, state: HostState) {
    if let Some(host) = region.hosts.get_mut(id).filter(|host| host.state != state) {
        Arc::make_mut(host).state = state;
    }
}

/// What has to change so that the region agrees with its agents.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Settlement {
    states: Vec<(InstanceId, InstanceState)>,
    /// None: the entry is to go.
    health: Vec<((BackendId, InstanceId), Option<Health>)>,
    /// Former and unhealthy targets whose time is over.
    drained: BTreeSet<(BackendId, InstanceId)>,
}

impl Settlement {
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    pub(crate) fn apply(self, region: &mut Region) {
        for key in &self.drained {
            if let Some(drain) = region.draining.get_mut(key) {
                Arc::make_mut(drain).over = true;
            }
        }
        for (id, state) in self.states {
            if let Some(instance) = region.instances.get_mut(&id) {
                Arc::make_mut(instance).state = state;
            }
        }
        for (key, health) in self.health {
            match health {
                Some(health) => region.health.insert(key, Arc::new(health)),
                None => region.health.remove(&key),
            };
        }
    }
}

/// What has to change so that states of instances and health of targets agree with what the connected hosts
/// have said, with which hosts live, and with which targets exist: as far as some instances go, which may be gone, and as far as time goes.
///
/// A level, not an edge: it may be asked at any time and any number of times, so no report is lost because it
/// came before the change that gives it a meaning. A host that is down has no running and no healthy
/// instance, so one that comes back after a power cut gets traffic only when it has said that they are. A host that
/// has not connected yet keeps what was known: a restarted server changes nothing by itself.
///
/// # Cost
/// That of these instances, and a glance at every drain.
pub(crate) fn settle_some(
    region: &Region,
    reported: &BTreeMap<HostId, Reported>,
    now: u64,
    instances: &BTreeSet<InstanceId>,
) -> Settlement {
    let index = region.index();
    let mut settlement = Settlement { drained: dnlb_plan::drained(region, now), ..Settlement::default() };
    for id in instances {
        let instance = region.instances.get(id);
        let host = instance.and_then(|instance| region.hosts.get(&instance.host)).map(|host| host.state);
        let roles = instance.map_or_else(BTreeSet::new, |instance| roles(&index, instance));
        for backend in index.health_of_instance.of(id) {
            let key = (backend.clone(), id.clone());
            if !roles.contains(backend) {
                settlement.health.push((key, None));
            } else if host == Some(HostState::Down) && region.health.get(&key).is_some_and(|one| one.healthy)
            {
                let dead = Health { healthy: false, reason: HOST_DOWN.to_owned(), since: now };
                settlement.health.push((key, Some(dead)));
            }
        }
        let Some(instance) = instance else { continue };
        if host == Some(HostState::Down) && instance.state == InstanceState::Running {
            settlement.states.push((id.clone(), InstanceState::unheard()));
        }
        let Some(reported) = reported.get(&instance.host).filter(|_| host == Some(HostState::Up)) else {
            continue;
        };
        if let Some(state) =
            reported.instances.get(&instance.number).filter(|state| **state != instance.state)
        {
            settlement.states.push((id.clone(), state.clone()));
        }
        for ((_, backend), (healthy, reason)) in reported.of_instance(instance.number) {
            let backend = index.backend_of_number.get(backend).filter(|backend| roles.contains(*backend));
            let Some(backend) = backend else { continue };
            let key = (backend.clone(), id.clone());
            let old = region.health.get(&key);
            let since = old.filter(|old| old.healthy == *healthy).map_or(now, |old| old.since);
            // While a target stays healthy the words of the last check are not worth a write.
            let same = old.is_some_and(|old| old.healthy == *healthy && (*healthy || old.reason == *reason));
            if !same {
                let health = Health { healthy: *healthy, reason: reason.clone(), since };
                settlement.health.push((key, Some(health)));
            }
        }
    }
    settlement
}

/// The instances for which a settlement of `new` may be another than one of `old`, as far as the regions go.
///
/// # Cost
/// That of what differs.
pub(crate) fn in_question(old: &Region, new: &Region) -> BTreeSet<InstanceId> {
    let mut ids: BTreeSet<InstanceId> = changed_keys(&old.instances, &new.instances).cloned().collect();
    ids.extend(changed_keys(&old.health, &new.health).map(|(_, instance)| instance.clone()));
    for (region, index) in [(old, old.index()), (new, new.index())] {
        let carried = changed_keys(&old.hosts, &new.hosts).flat_map(|host| index.instances_of_host.of(host));
        ids.extend(carried.cloned());
        let mut groups = BTreeSet::new();
        for backend in changed_keys(&old.backends, &new.backends).filter_map(|id| region.backends.get(id)) {
            match &backend.group {
                Some(ServerGroup::Ag(ag)) => ids.extend(index.instances_of_ag.of(ag).cloned()),
                Some(ServerGroup::TargetGroup(group)) => drop(groups.insert(group)),
                None => {}
            }
        }
        let groups = groups.into_iter().filter_map(|group| region.target_groups.get(group));
        ids.extend(groups.flat_map(|group| group.instances()).cloned());
    }
    for (_, was, is) in changes(&old.target_groups, &new.target_groups) {
        let [were, are] = [was, is].map(|group| group.map_or_else(BTreeSet::new, |group| group.instances()));
        ids.extend(were.symmetric_difference(&are).copied().cloned());
    }
    ids
}

/// The backend services of which an instance is a target.
fn roles<'a>(index: &'a Index, instance: &Instance) -> BTreeSet<&'a BackendId> {
    let groups = index.target_groups_of_instance.of(&instance.id);
    let by_groups = groups.flat_map(|group| index.backends_of_target_group.of(group));
    by_groups.chain(instance.ag.iter().flat_map(|ag| index.backends_of_ag.of(ag))).collect()
}

/// Things by number, as agents know them.
pub(crate) struct Numbers<'a> {
    region: &'a Region,
    index: Index,
}

impl<'a> Numbers<'a> {
    pub(crate) fn of(region: &'a Region) -> Self {
        Self { region, index: region.index() }
    }

    fn backend(&self, number: u32) -> Option<&'a Arc<Backend>> {
        self.region.backends.get(self.index.backend_of_number.get(&number)?)
    }

    /// The instance with this number, if the host carries it.
    fn instance(&self, number: u32, host: &HostId) -> Option<&'a Arc<Instance>> {
        let instance = self.region.instances.get(self.index.instance_of_number.get(&number)?)?;
        (instance.host == *host).then_some(instance)
    }
}

#[cfg(test)]
mod tests;

//! How the region changes by what agents say: functions of values.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use dnlb_model::{
    AgId, BackendId, Family, Health, Host, HostId, HostState, Instance, InstanceId, InstanceState, Region,
    ServerGroup, change_where,
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
    /// By backend's and instance's number.
    health: BTreeMap<(u32, u32), (bool, String)>,
}

impl Reported {
    /// Takes in what is new. What names no instance of the host, or no backend service, is not kept: an agent
    /// can neither speak for others nor fill our memory.
    pub(crate) fn take(&mut self, report: Report, numbers: &Numbers<'_>, host: &HostId) {
        for report in report.instances {
            if numbers.instance(report.number, host).is_some() {
                self.instances.insert(report.number, report.state);
            }
        }
        for report in report.health {
            if numbers.instance(report.instance, host).is_some()
                && numbers.backends.contains_key(&report.backend)
            {
                self.health.insert((report.backend, report.instance), (report.healthy, report.reason));
            }
        }
        for number in report.forgotten_instances {
            self.instances.remove(&number);
        }
        for key in report.forgotten_health {
            self.health.remove(&key);
        }
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
    change_where(
        &mut region.instances,
        |instance| instance.host == hello.host && (instance.az != hello.az || instance.rack != hello.rack),
        |instance| {
            instance.az.clone_from(&hello.az);
            instance.rack.clone_from(&hello.rack);
        },
    );
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
/// have said, with which hosts live, and with which targets exist.
///
/// A level, not an edge: it may be asked at any time and any number of times, so no report is lost because it
/// came before the change that gives it a meaning. A host that is down has no running and no healthy
/// instance, so one that comes back after a power cut gets traffic only when it has said that they are. A host that
/// has not connected yet keeps what was known: a restarted server changes nothing by itself.
pub(crate) fn settle(region: &Region, reported: &BTreeMap<HostId, Reported>, now: u64) -> Settlement {
    let mut settlement = Settlement { drained: dnlb_plan::drained(region, now), ..Settlement::default() };
    let targets = targets(region);
    let state_of = |host: &HostId| region.hosts.get(host).map(|host| host.state);
    for ((backend, instance), health) in &region.health {
        let key = || (backend.clone(), instance.clone());
        if !targets.contains(&(backend, instance)) {
            settlement.health.push((key(), None));
            continue;
        }
        let host = region.instances.get(instance).and_then(|instance| state_of(&instance.host));
        if health.healthy && host == Some(HostState::Down) {
            let dead = Health { healthy: false, reason: HOST_DOWN.to_owned(), since: now };
            settlement.health.push((key(), Some(dead)));
        }
    }
    for instance in region.instances.values().filter(|instance| instance.state == InstanceState::Running) {
        if state_of(&instance.host) == Some(HostState::Down) {
            settlement.states.push((instance.id.clone(), InstanceState::unheard()));
        }
    }
    let numbers = Numbers::of(region);
    for (host, reported) in reported.iter().filter(|(host, _)| state_of(host) == Some(HostState::Up)) {
        for (number, state) in &reported.instances {
            if let Some(instance) = numbers.instance(*number, host).filter(|known| known.state != *state) {
                settlement.states.push((instance.id.clone(), state.clone()));
            }
        }
        for ((backend, instance), (healthy, reason)) in &reported.health {
            let backend = numbers.backends.get(backend).copied();
            let instance = numbers.instance(*instance, host).map(|instance| &instance.id);
            let Some(target) = backend.zip(instance).filter(|target| targets.contains(target)) else {
                continue;
            };
            let key = (target.0.clone(), target.1.clone());
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

/// All targets of all backend services.
fn targets(region: &Region) -> HashSet<(&BackendId, &InstanceId)> {
    let mut members: HashMap<&AgId, Vec<&InstanceId>> = HashMap::new();
    for instance in region.instances.values() {
        if let Some(ag) = &instance.ag {
            members.entry(ag).or_default().push(&instance.id);
        }
    }
    let mut targets = HashSet::new();
    for backend in region.backends.values() {
        match &backend.group {
            Some(ServerGroup::Ag(ag)) => {
                let members = members.get(ag).into_iter().flatten();
                targets.extend(members.map(|instance| (&backend.id, *instance)));
            }
            Some(ServerGroup::TargetGroup(group)) => {
                let group = region.target_groups.get(group).into_iter();
                let instances = group.flat_map(|group| group.targets.values().map(|target| &target.instance));
                targets.extend(instances.map(|instance| (&backend.id, instance)));
            }
            None => {}
        }
    }
    targets
}

/// Things by number, as agents know them.
pub(crate) struct Numbers<'a> {
    backends: HashMap<u32, &'a BackendId>,
    instances: HashMap<u32, &'a Instance>,
}

impl<'a> Numbers<'a> {
    pub(crate) fn of(region: &'a Region) -> Self {
        Self {
            backends: region.backends.values().map(|backend| (backend.number, &backend.id)).collect(),
            instances: region.instances.values().map(|instance| (instance.number, &**instance)).collect(),
        }
    }

    /// The instance with this number, if the host carries it.
    fn instance(&self, number: u32, host: &HostId) -> Option<&'a Instance> {
        self.instances.get(&number).copied().filter(|instance| instance.host == *host)
    }
}

#[cfg(test)]
mod tests;

//! Who takes part in a backend service, and who of them gets new flows.

use std::collections::BTreeMap;

use dnlb_model::{
    Backend, BackendId, HostState, Index, Instance, InstanceState, MemberConfig, MemberSet, Power, Region,
    ServerGroup, WithoutMember,
};

use crate::rows::row_count;

/// Member sets that a backend service remembers at most, the current one included.
pub const GENERATIONS_MAX: usize = 16;

/// Puts the current member set of a backend service in front of those that it remembers.
///
/// A set that comes back moves to the front instead of being added again, so that a health flap costs nothing.
/// Returns whether anything changed.
pub fn remember(generations: &mut Vec<MemberSet>, current: MemberSet) -> bool {
    if generations.first() == Some(&current) {
        return false;
    }
    generations.retain(|set| *set != current);
    generations.insert(0, current);
    generations.truncate(GENERATIONS_MAX);
    true
}

/// Adds `others` behind the current set, as if they had been before it.
pub(crate) fn remember_former(generations: &mut Vec<MemberSet>, others: &[MemberSet]) {
    let place = generations.len().min(1);
    let new: Vec<_> = others.iter().filter(|set| !generations.contains(set)).cloned().collect();
    generations.splice(place..place, new);
    generations.truncate(GENERATIONS_MAX);
}

/// Who gets new flows of a backend service now: targets that run, are wanted, and are healthy as far as anybody
/// checks. A backend service that does not exist has no members.
#[must_use]
pub fn members(region: &Region, backend: &BackendId) -> MemberSet {
    let Some(backend) = region.backends.get(backend) else { return MemberSet::default() };
    current_members(region, backend, &servers(region, backend))
}

/// Everybody in a backend service's server group, whatever their state, with the port where each takes traffic.
#[must_use]
pub fn servers<'a>(region: &'a Region, backend: &Backend) -> Vec<Server<'a>> {
    servers_by_index(region, &region.index(), backend)
}

/// [`servers`], with the region's index.
pub(crate) fn servers_by_index<'a>(region: &'a Region, index: &Index, backend: &Backend) -> Vec<Server<'a>> {
    servers_by_group(region, backend, |ag| {
        let members = index.instances_of_ag.of(ag);
        members.filter_map(|id| region.instances.get(id)).map(|found| &**found).collect()
    })
}

/// Whether an instance in a backend service's server group gets new flows, and if not, why.
#[must_use]
pub fn fitness<'a>(region: &'a Region, backend: &Backend, instance: &Instance) -> Fitness<'a> {
    if region.hosts.get(&instance.host).is_none_or(|host| host.state != HostState::Up) {
        return Fitness::HostDown;
    }
    if instance.wanted != Power::On || instance.state != InstanceState::Running {
        return Fitness::NotRunning;
    }
    if !backend.check_enabled {
        return Fitness::Unchecked;
    }
    match region.health.get(&(backend.id.clone(), instance.id.clone())) {
        None => Fitness::NotChecked,
        Some(health) if health.healthy => Fitness::Healthy,
        Some(health) => Fitness::Unhealthy(&health.reason),
    }
}

/// An instance in its role as a server of a backend service.
#[derive(Clone, Copy, Debug)]
pub struct Server<'a> {
    /// The instance.
    pub instance: &'a Instance,
    /// Where it takes traffic: never 0.
    pub port: u16,
    /// Its weight, 1 to 100.
    pub weight: u32,
}

/// Why a server gets new flows, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fitness<'a> {
    /// Its checks succeed: it gets new flows.
    Healthy,
    /// Its host is down.
    HostDown,
    /// Its checks have not come to a verdict yet.
    NotChecked,
    /// It does not run, or is not wanted to.
    NotRunning,
    /// Nobody checks it: it gets new flows while it runs.
    Unchecked,
    /// Its checks fail; the last one's result, in words.
    Unhealthy(&'a str),
}

impl Fitness<'_> {
    /// Whether it gets new flows.
    #[must_use]
    pub const fn serves(self) -> bool {
        matches!(self, Self::Healthy | Self::Unchecked)
    }
}

/// [`servers`], with the caller's way to find the members of a group.
pub(crate) fn servers_by_group<'a>(
    region: &'a Region,
    backend: &Backend,
    in_group: impl Fn(&dnlb_model::AgId) -> Vec<&'a Instance>,
) -> Vec<Server<'a>> {
    match &backend.group {
        None => Vec::new(),
        Some(ServerGroup::Ag(ag)) => in_group(ag)
            .into_iter()
            .map(|instance| {
                let weight = backend.ag_weights.of(&instance.id);
                Server { instance, port: backend.port, weight }
            })
            .collect(),
        Some(ServerGroup::TargetGroup(group)) => region
            .target_groups
            .get(group)
            .into_iter()
            .flat_map(|group| group.targets.values())
            .filter_map(|target| {
                let instance = &**region.instances.get(&target.instance)?;
                let port = if target.port == 0 { backend.port } else { target.port };
                Some(Server { instance, port, weight: target.weight })
            })
            .collect(),
    }
}

pub(crate) fn current_members(region: &Region, backend: &Backend, targets: &[Server]) -> MemberSet {
    let member = |server: &Server| {
        let host = region.hosts.get(&server.instance.host)?.index;
        let member = (server.instance.number, MemberConfig { host, weight: server.weight });
        fitness(region, backend, server.instance).serves().then_some(member)
    };
    let mut members: BTreeMap<_, _> = targets.iter().filter_map(member).collect();
    if members.is_empty() && backend.without_member == WithoutMember::FailOpen {
        let runs = |server: &&Server| {
            matches!(fitness(region, backend, server.instance), Fitness::Unhealthy(_) | Fitness::NotChecked)
        };
        members = targets
            .iter()
            .filter(runs)
            .filter_map(|server| {
                let host = region.hosts.get(&server.instance.host)?.index;
                Some((server.instance.number, MemberConfig { host, weight: server.weight }))
            })
            .collect();
    }
    MemberSet { members, rows: row_count(targets.len()) }
}

#[cfg(test)]
mod tests;

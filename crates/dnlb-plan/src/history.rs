//! What a region remembers of its backend services: former member sets, and who leaves.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use dnlb_model::{BackendId, Draining, Index, InstanceId, Map, Region, changed_keys, changes, remove_where};

use crate::host_config::{Fitness, current_members, fitness, remember, remember_former, servers_by_index};

/// Brings the memory of `new` up to date with its other resources: every backend service's member sets, and a drain
/// for every instance that was a target in `old` and is none any more, or was a member and is unfit now.
///
/// A backend service to which a listener switches remembers what the former one did, and drains who is a target of that one only: the
/// listener's connections are found by it now.
///
/// Pure, and without effect when it is called again: `now` in seconds of the Unix time is only used for new drains.
///
/// # Invariants
/// Afterwards each backend service's first generation is its current member set, nothing names a backend service or
/// an instance that does not exist, and a drain that is over is that of an unfit target; if `old` was so.
///
/// The index of `new` is that of `new` afterwards.
///
/// # Cost
/// That of the backend services that the difference of `old` and `new` concerns, and a glance at every drain.
pub fn follow(old: &Region, new: &mut Region, now: u64) {
    let old_index = old.index();
    new.index = new.index();
    let some = concerned(old, (new, &new.index));
    follow_some((old, &old_index), new, now, &some);
}

/// A region and the index of it.
type Indexed<'a> = (&'a Region, &'a Index);

fn follow_some((old, old_index): Indexed<'_>, new: &mut Region, now: u64, some: &BTreeSet<BackendId>) {
    if some.is_empty() {
        return;
    }
    let draining = drains((old, old_index), (new, &new.index), now, some);
    let mut generations = new.generations.clone();
    for id in some {
        let Some(backend) = new.backends.get(id) else {
            generations.remove(id);
            continue;
        };
        let current = current_members(new, backend, &servers_by_index(new, &new.index, backend));
        let sets = generations.entry(id.clone()).or_default();
        if sets.first() != Some(&current) {
            remember(Arc::make_mut(sets), current);
        }
    }
    for (from, to) in switches(old, new) {
        let (Some(theirs), Some(sets)) = (old.generations.get(&from), generations.get_mut(&to)) else {
            continue;
        };
        remember_former(Arc::make_mut(sets), theirs);
    }
    new.draining = draining;
    new.generations = generations;
}

/// The backend services whose members, targets or drains may not be what they were.
fn concerned(old: &Region, (new, new_index): Indexed<'_>) -> BTreeSet<BackendId> {
    let mut ids: BTreeSet<BackendId> = changed_keys(&old.backends, &new.backends).cloned().collect();
    ids.extend(changed_keys(&old.health, &new.health).map(|(backend, _)| backend.clone()));
    ids.extend(changed_keys(&old.draining, &new.draining).map(|(backend, _)| backend.clone()));
    ids.extend(switches(old, new).into_iter().flat_map(<[_; 2]>::from));
    ids.extend(changed_keys(&old.generations, &new.generations).cloned());

    let mut instances: BTreeSet<_> = changed_keys(&old.instances, &new.instances).collect();
    instances
        .extend(changed_keys(&old.hosts, &new.hosts).flat_map(|host| new_index.instances_of_host.of(host)));
    let mut target_groups: BTreeSet<_> = changed_keys(&old.target_groups, &new.target_groups).collect();
    let mut ags = BTreeSet::new();
    for id in &instances {
        let both = [old, new].into_iter().filter_map(|region| region.instances.get(*id));
        ags.extend(both.filter_map(|instance| instance.ag.as_ref()));
        target_groups.extend(new_index.target_groups_of_instance.of(id));
    }
    if !instances.is_empty() {
        let leaving = old.draining.keys().filter(|(_, instance)| instances.contains(instance));
        ids.extend(leaving.map(|(backend, _)| backend.clone()));
    }
    ids.extend(ags.into_iter().flat_map(|ag| new_index.backends_of_ag.of(ag)).cloned());
    ids.extend(
        target_groups.into_iter().flat_map(|group| new_index.backends_of_target_group.of(group)).cloned(),
    );
    // One without memory has it from a version that had none.
    if new.generations.len() < new.backends.len() {
        ids.extend(new.backends.keys().filter(|id| !new.generations.contains_key(*id)).cloned());
    }
    ids
}

/// Who drains in `new`; only those of some backend services may have changed.
fn drains(
    (old, old_index): Indexed<'_>,
    (new, new_index): Indexed<'_>,
    now: u64,
    some: &BTreeSet<BackendId>,
) -> Map<(BackendId, InstanceId), Draining> {
    let (before, after) = (targets((old, old_index), some), targets((new, new_index), some));
    let known = |backend: &BackendId, instance: &InstanceId| {
        new.backends.contains_key(backend) && new.instances.contains_key(instance)
    };
    let mut draining = new.draining.clone();
    remove_where(&mut draining, |key, _| {
        some.contains(&key.0)
            && (!known(&key.0, &key.1) || after.get(key).is_some_and(|target| target.member))
    });
    let mut begin = |backend: &BackendId, to: &BackendId, instance: &InstanceId, port: u16| {
        if !known(to, instance) {
            return;
        }
        let seconds = [new, old].iter().find_map(|region| region.backends.get(backend));
        let seconds = seconds.map_or(0, |backend| backend.draining_seconds);
        let drain = Draining { port, until: now + u64::from(seconds), over: seconds == 0 };
        draining.entry((to.clone(), instance.clone())).or_insert_with(|| Arc::new(drain));
    };
    for ((backend, instance), target) in &before {
        if !after.contains_key(&(backend.clone(), instance.clone())) {
            begin(backend, backend, instance, target.port);
        }
    }
    let switches = switches(old, new);
    for ((backend, instance), target) in after.iter().filter(|(_, target)| target.unfit) {
        // Not the last one alone: it may have been without a verdict in between. What a listener brings along counts, too.
        let brought = switches.iter().filter(|(_, to)| to == backend).map(|(from, _)| from);
        let mut former =
            brought.chain([backend]).filter_map(|id| old.generations.get(id)).flat_map(|sets| sets.iter());
        if former.any(|set| set.members.contains_key(&target.number)) {
            begin(backend, backend, instance, target.port);
        }
    }
    for (from, to) in switches {
        let theirs = before.iter().map(|((backend, instance), target)| (backend, instance, target.port));
        let leaving = old.draining.iter().filter(|(_, drain)| !drain.over);
        let leaving = leaving.map(|((backend, instance), drain)| (backend, instance, drain.port));
        for (_, instance, port) in theirs.chain(leaving).filter(|(backend, ..)| **backend == from) {
            if !after.contains_key(&(to.clone(), instance.clone())) {
                begin(&from, &to, instance, port);
            }
        }
    }
    remove_where(&mut draining, |key, drain| some.contains(&key.0) && drain.over && !after.contains_key(key));
    draining
}

/// Listeners that have another backend service now: the former one and the new one.
fn switches(old: &Region, new: &Region) -> BTreeSet<(BackendId, BackendId)> {
    let both = changes(&old.listeners, &new.listeners)
        .filter_map(|(_, old, new)| Some((old?.backend.clone(), new?.backend.clone())));
    both.filter(|(old, new)| old != new).collect()
}

/// A target of a backend service.
struct Target {
    number: u32,
    port: u16,
    /// It gets new connections.
    member: bool,
    /// It fails its checks, does not run, or its host is down; and so it is no member.
    unfit: bool,
}

/// Every target of some backend services.
fn targets(
    (region, index): Indexed<'_>,
    some: &BTreeSet<BackendId>,
) -> BTreeMap<(BackendId, InstanceId), Target> {
    let mut targets = BTreeMap::new();
    for (id, backend) in some.iter().filter_map(|id| region.backends.get_key_value(id)) {
        let servers = servers_by_index(region, index, backend);
        // Of a backend service that fails open, unhealthy ones may be members.
        let members = current_members(region, backend, &servers).members;
        for server in servers {
            let number = server.instance.number;
            let fitness = fitness(region, backend, server.instance);
            let fails = matches!(fitness, Fitness::HostDown | Fitness::NotRunning | Fitness::Unhealthy(_));
            let member = members.contains_key(&number);
            let target = Target { number, port: server.port, member, unfit: fails && !member };
            targets.insert((id.clone(), server.instance.id.clone()), target);
        }
    }
    targets
}

/// Drains whose time has run out since anybody looked.
#[must_use]
pub fn drained(region: &Region, now: u64) -> BTreeSet<(BackendId, InstanceId)> {
    let over = region.draining.iter().filter(|(_, drain)| !drain.over && drain.until <= now);
    over.map(|(key, _)| key.clone()).collect()
}

#[cfg(test)]
mod tests;

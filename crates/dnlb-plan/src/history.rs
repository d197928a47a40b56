//! What a region remembers of its backend services: former member sets, and who leaves.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use dnlb_model::{Backend, BackendId, Draining, Instance, InstanceId, Region};

use crate::host_config::{Fitness, current_members, fitness, remember, remember_former, servers_by_group};

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
/// an instance that does not exist, and a drain that is over is that of an unfit target.
pub fn follow(old: &Region, new: &mut Region, now: u64) {
    let draining = drains(old, new, now);
    if draining != new.draining {
        new.draining = draining;
    }

    let by_group = InstancesByGroup::new(new);
    let mut generations = BTreeMap::new();
    for (id, backend) in &new.backends {
        let current = current_members(new, backend, &by_group.servers(new, backend));
        let mut sets = new.generations.get(id).cloned().unwrap_or_default();
        if sets.first() != Some(&current) {
            remember(Arc::make_mut(&mut sets), current);
        }
        generations.insert(id.clone(), sets);
    }
    for (from, to) in switches(old, new) {
        let (Some(theirs), Some(sets)) = (old.generations.get(from), generations.get_mut(to)) else {
            continue;
        };
        remember_former(Arc::make_mut(sets), theirs);
    }
    drop(by_group);
    new.generations = generations;
}

/// Who drains in `new`.
fn drains(old: &Region, new: &Region, now: u64) -> BTreeMap<(BackendId, InstanceId), Arc<Draining>> {
    let (before, after) = (targets(old), targets(new));
    let known = |backend: &BackendId, instance: &InstanceId| {
        new.backends.contains_key(backend) && new.instances.contains_key(instance)
    };
    let mut draining = new.draining.clone();
    draining.retain(|key, _| known(&key.0, &key.1) && after.get(key).is_none_or(|target| !target.member));
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
    for ((backend, instance), target) in after.iter().filter(|(_, target)| target.unfit) {
        // Not the last one alone: it may have been without a verdict in between.
        let mut former = old.generations.get(backend).into_iter().flat_map(|sets| sets.iter());
        if former.any(|set| set.members.contains_key(&target.number)) {
            begin(backend, backend, instance, target.port);
        }
    }
    for (from, to) in switches(old, new) {
        let theirs = before.iter().map(|((backend, instance), target)| (backend, instance, target.port));
        let leaving = old.draining.iter().filter(|(_, drain)| !drain.over);
        let leaving = leaving.map(|((backend, instance), drain)| (backend, instance, drain.port));
        for (_, instance, port) in theirs.chain(leaving).filter(|(backend, ..)| *backend == from) {
            if !after.contains_key(&(to.clone(), instance.clone())) {
                begin(from, to, instance, port);
            }
        }
    }
    draining.retain(|key, drain| !drain.over || after.contains_key(key));
    draining
}

/// Listeners that have another backend service now: the former one and the new one.
fn switches<'a>(old: &'a Region, new: &'a Region) -> BTreeSet<(&'a BackendId, &'a BackendId)> {
    let both = new.listeners.iter().filter_map(|(id, listener)| Some((old.listeners.get(id)?, listener)));
    both.filter(|(old, new)| old.backend != new.backend)
        .map(|(old, new)| (&old.backend, &new.backend))
        .collect()
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

/// Every target.
fn targets(region: &Region) -> BTreeMap<(BackendId, InstanceId), Target> {
    let by_group = InstancesByGroup::new(region);
    let mut targets = BTreeMap::new();
    for (id, backend) in &region.backends {
        let servers = by_group.servers(region, backend);
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

/// Instances of each availability group.
struct InstancesByGroup<'a>(BTreeMap<&'a dnlb_model::AgId, Vec<&'a Instance>>);

impl<'a> InstancesByGroup<'a> {
    fn new(region: &'a Region) -> Self {
        let mut groups: BTreeMap<_, Vec<&Instance>> = BTreeMap::new();
        for instance in region.instances.values() {
            if let Some(ag) = &instance.ag {
                groups.entry(ag).or_default().push(instance);
            }
        }
        Self(groups)
    }

    fn servers(&self, region: &'a Region, backend: &Backend) -> Vec<crate::Server<'a>> {
        servers_by_group(region, backend, |ag| self.0.get(ag).cloned().unwrap_or_default())
    }
}

/// Drains whose time has run out since anybody looked.
#[must_use]
pub fn drained(region: &Region, now: u64) -> BTreeSet<(BackendId, InstanceId)> {
    let over = region.draining.iter().filter(|(_, drain)| !drain.over && drain.until <= now);
    over.map(|(key, _)| key.clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dnlb_model::{HostId, HostState, InstanceState, ServerGroup};

    use super::*;
    use crate::{
        Allocation, LocalFacts, compile, host_configs,
        test_region::{add_instance, add_service, region, set_healthy},
    };

    /// Two healthy instances of one group behind one backend service that drains for 300 s.
    fn scene() -> (Region, BackendId, [InstanceId; 2]) {
        let mut region = region(&[("a", "r1"), ("a", "r1")]);
        let ids = [1, 2].map(|number| add_instance(&mut region, number, "h1", "a", Some("ag-1")));
        let backend = add_service(&mut region, 1, "a", Some(ServerGroup::Ag("ag-1".into())));
        Arc::make_mut(region.backends.get_mut(&backend).unwrap()).draining_seconds = 300;
        for id in &ids {
            set_healthy(&mut region, &backend, id, true);
        }
        follow(&Region::default(), &mut region, 1_000);
        (region, backend, ids)
    }

    fn leave(region: &mut Region, id: &InstanceId) {
        Arc::make_mut(region.instances.get_mut(id).unwrap()).ag = None;
    }

    #[test]
    fn a_set_is_remembered_when_it_changes_and_only_then() {
        let (old, backend, ids) = scene();
        let sizes = |region: &Region| -> Vec<_> {
            region.generations[&backend].iter().map(|set| set.members.len()).collect()
        };
        assert_eq!(sizes(&old), [2]);
        let mut new = old.clone();
        set_healthy(&mut new, &backend, &ids[0], false);
        follow(&old, &mut new, 2_000);
        assert_eq!(sizes(&new), [1, 2]);
        let mut same = new.clone();
        follow(&new, &mut same, 3_000);
        assert_eq!((&same.generations, &same.draining), (&new.generations, &new.draining));
        set_healthy(&mut same, &backend, &ids[0], true);
        follow(&new, &mut same, 3_000);
        assert_eq!(sizes(&same), [2, 1]);
    }

    #[test]
    fn a_service_that_fails_open_has_all_that_run_when_nobody_is_healthy() {
        let (old, backend, ids) = scene();
        let mut new = old.clone();
        for id in &ids {
            set_healthy(&mut new, &backend, id, false);
        }
        let members = |region: &Region| crate::members(region, &backend).members.len();
        assert_eq!(members(&new), 0);
        let fails_open = Arc::make_mut(new.backends.get_mut(&backend).unwrap());
        fails_open.without_member = dnlb_model::WithoutMember::FailOpen;
        assert_eq!(members(&new), 2);
        set_healthy(&mut new, &backend, &ids[1], true);
        assert_eq!(members(&new), 1);
    }

    #[test]
    fn who_leaves_a_group_keeps_its_port_until_its_drain_is_over() {
        let (old, backend, ids) = scene();
        let mut new = old.clone();
        leave(&mut new, &ids[1]);
        follow(&old, &mut new, 2_000);
        let key = (backend.clone(), ids[1].clone());
        assert_eq!(new.draining[&key].until, 2_300);
        assert_eq!(drained(&new, 2_299), [].into());
        assert_eq!(drained(&new, 2_300), [key.clone()].into());
        let targets = |region: &Region| -> Vec<u32> {
            let configs = host_configs(region);
            configs[&HostId::from("h1")].backends[&101].targets.keys().copied().collect()
        };
        assert_eq!(targets(&new), [1, 2]);

        // Later changes do not put it off; coming back ends it.
        let mut later = new.clone();
        follow(&new, &mut later, 2_100);
        assert_eq!(later.draining[&key].until, 2_300);
        Arc::make_mut(later.instances.get_mut(&ids[1]).unwrap()).ag = Some("ag-1".into());
        follow(&new, &mut later, 2_200);
        assert!(later.draining.is_empty());

        new.draining.remove(&key);
        assert_eq!(targets(&new), [1]);
    }

    #[test]
    fn who_gets_unhealthy_drains_until_it_is_healthy_again() {
        let (old, backend, ids) = scene();
        let key = (backend.clone(), ids[1].clone());
        let targets = |region: &Region| -> Vec<u32> {
            let configs = host_configs(region);
            configs[&HostId::from("h1")].backends[&101].targets.keys().copied().collect()
        };
        let mut new = old.clone();
        set_healthy(&mut new, &backend, &ids[1], false);
        follow(&old, &mut new, 2_000);
        assert_eq!((new.draining[&key].until, targets(&new)), (2_300, vec![1, 2]));

        let mut over = new.clone();
        Arc::make_mut(over.draining.get_mut(&key).unwrap()).over = true;
        follow(&new, &mut over, 2_300);
        assert_eq!((targets(&over), drained(&over, 9_999)), (vec![1], [].into()));
        // It stays so until it is healthy, or everybody is asked for want of somebody healthy.
        let mut healthy = over.clone();
        set_healthy(&mut healthy, &backend, &ids[1], true);
        follow(&over, &mut healthy, 2_400);
        assert_eq!((targets(&healthy), healthy.draining.len()), (vec![1, 2], 0));
        let mut open = over.clone();
        set_healthy(&mut open, &backend, &ids[0], false);
        let fails_open = Arc::make_mut(open.backends.get_mut(&backend).unwrap());
        fails_open.without_member = dnlb_model::WithoutMember::FailOpen;
        follow(&over, &mut open, 2_400);
        assert_eq!((targets(&open), open.draining.len()), (vec![1, 2], 0));
        let mut gone = over.clone();
        leave(&mut gone, &ids[1]);
        follow(&over, &mut gone, 2_400);
        assert!(gone.draining.is_empty());
    }

    #[test]
    fn who_is_not_heard_of_is_asked_last_while_it_drains() {
        let (mut old, backend, ids) = scene();
        let host = |id: &str| HostId::from(id);
        // 1 is on the host that falls silent. First 3 has all rows, then 1 and 2, then 2 alone.
        Arc::make_mut(old.instances.get_mut(&ids[1]).unwrap()).host = host("h2");
        let third = add_instance(&mut old, 3, "h2", "a", Some("ag-1"));
        for healthy in [[false, false, true], [true, true, false]] {
            let before = old.clone();
            for (id, healthy) in [&ids[0], &ids[1], &third].into_iter().zip(healthy) {
                set_healthy(&mut old, &backend, id, healthy);
            }
            follow(&before, &mut old, 1_500);
        }
        let mut silent = old.clone();
        Arc::make_mut(silent.hosts.get_mut(&host("h1")).unwrap()).state = HostState::Down;
        Arc::make_mut(silent.instances.get_mut(&ids[0]).unwrap()).state = InstanceState::unheard();
        set_healthy(&mut silent, &backend, &ids[0], false);
        follow(&old, &mut silent, 2_000);
        let config = |region: &Region| host_configs(region)[&host("h2")].clone();
        let chains = |region: &Region| {
            let state = compile(&config(region), &LocalFacts::default(), &mut Allocation::default()).unwrap();
            // The only backend service: its slots begin where members do.
            let named = |slot: &u16| {
                let member = state.members.get(&u32::from(*slot)).filter(|_| *slot != 0);
                member.map(|member| member.instance)
            };
            state.rows[0]
                .cold
                .iter()
                .map(|chain| chain.iter().filter_map(named).collect::<Vec<_>>())
                .collect::<Vec<_>>()
        };
        let all = chains(&silent);
        assert!(all.iter().all(|chain| *chain == [2, 3, 1] || *chain == [2, 3]), "{all:?}");
        assert!(all.contains(&vec![2, 3, 1]));

        let mut over = silent.clone();
        let key = (backend.clone(), ids[0].clone());
        Arc::make_mut(over.draining.get_mut(&key).unwrap()).over = true;
        follow(&silent, &mut over, 2_300);
        assert!(chains(&over).iter().all(|chain| !chain.contains(&1)));
    }

    #[test]
    fn who_comes_back_and_falls_silent_before_it_is_checked_keeps_its_connections() {
        let (old, backend, ids) = scene();
        let key = (backend.clone(), ids[1].clone());
        let mut away = old.clone();
        leave(&mut away, &ids[1]);
        away.health.remove(&key);
        follow(&old, &mut away, 2_000);
        let mut back = away.clone();
        Arc::make_mut(back.instances.get_mut(&ids[1]).unwrap()).ag = Some("ag-1".into());
        follow(&away, &mut back, 2_010);
        assert_eq!(back.draining[&key].until, 2_300, "it is no member yet");
        let mut silent = back.clone();
        Arc::make_mut(silent.hosts.get_mut(&HostId::from("h1")).unwrap()).state = HostState::Down;
        Arc::make_mut(silent.instances.get_mut(&ids[1]).unwrap()).state = InstanceState::unheard();
        follow(&back, &mut silent, 2_020);
        assert_eq!(silent.draining[&key].until, 2_300);
        let mut member = back.clone();
        set_healthy(&mut member, &backend, &ids[1], true);
        follow(&back, &mut member, 2_020);
        assert!(member.draining.is_empty());
    }

    #[test]
    fn who_never_was_healthy_has_nothing_to_drain() {
        let (old, backend, _) = scene();
        let mut new = old.clone();
        let id = add_instance(&mut new, 3, "h1", "a", Some("ag-1"));
        set_healthy(&mut new, &backend, &id, false);
        follow(&old, &mut new, 2_000);
        assert!(new.draining.is_empty());
    }

    #[test]
    fn a_listener_that_switches_takes_what_its_backend_service_remembers_along() {
        let (mut old, from, ids) = scene();
        let third = add_instance(&mut old, 3, "h1", "a", Some("ag-2"));
        let to = add_service(&mut old, 2, "a", Some(ServerGroup::Ag("ag-2".into())));
        set_healthy(&mut old, &to, &third, true);
        let before = old.clone();
        follow(&before, &mut old, 1_500);
        let mut new = old.clone();
        let listener = new.listeners.values_mut().find(|listener| listener.backend == from).unwrap();
        Arc::make_mut(listener).backend = to.clone();
        follow(&old, &mut new, 2_000);
        for id in &ids {
            assert_eq!(new.draining[&(to.clone(), id.clone())].until, 2_300);
        }
        let members = |region: &Region| -> Vec<Vec<u32>> {
            region.generations[&to].iter().map(|set| set.members.keys().copied().collect()).collect()
        };
        assert_eq!(members(&new), [vec![3], vec![1, 2]]);
        let config = host_configs(&new)[&HostId::from("h1")].backends[&102].clone();
        assert_eq!(config.targets.into_keys().collect::<Vec<_>>(), [1, 2, 3]);
        assert_eq!(config.others.into_keys().collect::<Vec<_>>(), [1, 2]);

        let mut same = new.clone();
        follow(&new, &mut same, 2_100);
        assert_eq!((&same.generations, &same.draining), (&new.generations, &new.draining));
    }

    #[test]
    fn nothing_is_remembered_of_what_is_gone_and_nothing_drains_without_time() {
        let (old, backend, ids) = scene();
        let mut new = old.clone();
        new.instances.remove(&ids[1]);
        follow(&old, &mut new, 2_000);
        assert!(new.draining.is_empty());
        Arc::make_mut(new.backends.get_mut(&backend).unwrap()).draining_seconds = 0;
        let mut next = new.clone();
        leave(&mut next, &ids[0]);
        follow(&new, &mut next, 2_000);
        assert!(next.draining.is_empty());
        next.backends.remove(&backend);
        let before = next.clone();
        follow(&before, &mut next, 2_000);
        assert!(next.generations.is_empty());
    }
}

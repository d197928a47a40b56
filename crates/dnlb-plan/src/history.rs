//! What a region remembers of its backend services: former member sets, and who leaves.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use dnlb_model::{Backend, BackendId, Draining, Instance, InstanceId, Region};

use crate::host_config::{current_members, remember, servers_by_group};

/// Brings the memory of `new` up to date with its other resources: every backend service's member sets, and a drain
/// for every instance that was a target in `old` and is none any more.
///
/// Pure, and without effect when it is called again: `now` in seconds of the Unix time is only used for new drains.
///
/// # Invariants
/// Afterwards each backend service's first generation is its current member set, and nothing names a backend service or
/// an instance that does not exist.
pub fn follow(old: &Region, new: &mut Region, now: u64) {
    let (before, after) = (ports(old), ports(new));
    let known = |(backend, instance): &(BackendId, InstanceId)| {
        new.backends.contains_key(backend) && new.instances.contains_key(instance)
    };
    let mut draining = new.draining.clone();
    draining.retain(|key, _| known(key) && !after.contains_key(key));
    for (key, port) in before.into_iter().filter(|(key, _)| known(key) && !after.contains_key(key)) {
        let seconds = new.backends.get(&key.0).map_or(0, |backend| backend.draining_seconds);
        if seconds > 0 {
            let drain = Draining { port, until: now + u64::from(seconds) };
            draining.entry(key).or_insert_with(|| Arc::new(drain));
        }
    }
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
    drop(by_group);
    new.generations = generations;
}

/// Every target and the port where it takes traffic.
fn ports(region: &Region) -> BTreeMap<(BackendId, InstanceId), u16> {
    let by_group = InstancesByGroup::new(region);
    let mut ports = BTreeMap::new();
    for (id, backend) in &region.backends {
        for server in by_group.servers(region, backend) {
            ports.insert((id.clone(), server.instance.id.clone()), server.port);
        }
    }
    ports
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

/// Drains that are over.
#[must_use]
pub fn drained(region: &Region, now: u64) -> BTreeSet<(BackendId, InstanceId)> {
    let over = region.draining.iter().filter(|(_, drain)| drain.until <= now);
    over.map(|(key, _)| key.clone()).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use dnlb_model::{HostId, ServerGroup};

    use super::*;
    use crate::{
        host_configs,
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

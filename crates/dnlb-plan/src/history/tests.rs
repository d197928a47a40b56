use std::sync::Arc;

use dnlb_model::{
    HostId, HostState, Index, InstanceState, ListenerId, LoadBalancerId, ServerGroup, Target, TargetGroup,
    TargetGroupId, TargetId,
};
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    Allocation, LocalFacts, compile, host_configs,
    test_region::{add_instance, add_service, change_host, change_instance, region, set_healthy},
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
    let listener = old.listeners.values().find(|listener| listener.backend == from).unwrap();
    Arc::make_mut(new.listeners.get_mut(&listener.id).unwrap()).backend = to.clone();
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
fn who_is_unfit_at_both_backend_services_drains_at_the_one_to_which_a_listener_switches() {
    let (mut old, from, ids) = scene();
    let to = add_service(&mut old, 2, "a", Some(ServerGroup::Ag("ag-1".into())));
    Arc::make_mut(old.backends.get_mut(&to).unwrap()).draining_seconds = 300;
    let before = old.clone();
    Arc::make_mut(old.instances.get_mut(&ids[1]).unwrap()).state = InstanceState::Stopped;
    follow(&before, &mut old, 1_500);
    assert!(old.draining.contains_key(&(from.clone(), ids[1].clone())));
    let mut new = old.clone();
    let listener = old.listeners.values().find(|listener| listener.backend == from).unwrap();
    Arc::make_mut(new.listeners.get_mut(&listener.id).unwrap()).backend = to.clone();
    follow(&old, &mut new, 2_000);
    assert_eq!(
        new.draining[&(to, ids[1].clone())].until,
        2_300,
        "it was no member there, and keeps connections"
    );
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
    let before = next.clone();
    next.backends.remove(&backend);
    follow(&before, &mut next, 2_000);
    assert!(next.generations.is_empty());
}

/// A change of a region with three hosts, six instances and three backend services; each is made by several numbers, of which not all mean
/// something.
fn change(region: &mut Region, (kind, which, value): (u8, u8, u8)) {
    let instance = InstanceId(format!("i-{:05}", which % 6 + 1));
    let backend = BackendId(format!("backend-{}", which % 3 + 1));
    let group = |value: u8| match value % 4 {
        0 => None,
        1 => Some(ServerGroup::Ag("ag-1".into())),
        2 => Some(ServerGroup::Ag("ag-2".into())),
        _ => Some(ServerGroup::TargetGroup("tg-1".into())),
    };
    match kind % 9 {
        0 => change_host(region, &format!("h{}", which % 3 + 1), |host| {
            host.state = if value % 2 == 0 { HostState::Down } else { HostState::Up };
        }),
        1 if region.instances.contains_key(&instance) => change_instance(region, &instance, |instance| {
            instance.state = if value % 2 == 0 { InstanceState::Stopped } else { InstanceState::Running };
        }),
        2 if region.instances.contains_key(&instance) => change_instance(region, &instance, |instance| {
            instance.ag = [None, Some("ag-1".into()), Some("ag-2".into())][usize::from(value % 3)].clone();
        }),
        3 => set_healthy(region, &BackendId(format!("backend-{}", value % 3 + 1)), &instance, value % 2 == 0),
        4 => {
            if let Some(backend) = region.backends.get_mut(&backend).map(Arc::make_mut) {
                backend.group = group(value);
                backend.check_enabled = value % 5 != 0;
                backend.draining_seconds = u32::from(value % 3);
            }
        }
        5 => {
            let group = Arc::make_mut(region.target_groups.get_mut(&TargetGroupId::from("tg-1")).unwrap());
            let id = TargetId(format!("target-{instance}"));
            if value % 2 == 0 {
                group.targets.remove(&id);
            } else {
                group.targets.insert(id.clone(), Target { id, instance, port: 0, weight: u32::from(value) });
            }
        }
        6 if value % 4 == 0 => {
            region.instances.remove(&instance);
            let group = Arc::make_mut(region.target_groups.get_mut(&TargetGroupId::from("tg-1")).unwrap());
            group.targets.retain(|_, target| target.instance != instance);
        }
        7 => {
            let listener = ListenerId(format!("listener-{}", which % 3 + 1));
            let to = BackendId(format!("backend-{}", value % 3 + 1));
            if region.backends.contains_key(&to) {
                Arc::make_mut(region.listeners.get_mut(&listener).unwrap()).backend = to;
            }
        }
        8 if value % 4 == 0 && !region.listeners.values().any(|listener| listener.backend == backend) => {
            region.backends.remove(&backend);
        }
        _ => {}
    }
}

/// Three hosts, six instances of one availability group, and a backend service and a listener of it for each of three load balancers.
fn several() -> Region {
    let mut region = region(&[("a", "r1"), ("a", "r1"), ("a", "r1")]);
    for number in 1..=6 {
        add_instance(&mut region, number, &format!("h{}", number % 3 + 1), "a", Some("ag-1"));
    }
    for number in 1..=3 {
        add_service(&mut region, number, "a", Some(ServerGroup::Ag("ag-1".into())));
    }
    let (id, targets) = ("tg-1".into(), [].into());
    let (name, description, load_balancer) = (String::new(), String::new(), "dnlb-1".into());
    let group = TargetGroup { id, name, description, load_balancer, targets, created: 0 };
    region.target_groups.insert(group.id.clone(), Arc::new(group));
    follow(&Region::default(), &mut region, 0);
    region
}

/// Something belongs to something else than before.
fn move_something(region: &mut Region, (kind, which, value): (u8, u8, u8)) {
    let instance = InstanceId(format!("i-{:05}", value % 6 + 1));
    let balancer = LoadBalancerId(format!("dnlb-{}", value % 3 + 1));
    match kind % 7 {
        // One instance may be several targets.
        0 => {
            let group = Arc::make_mut(region.target_groups.get_mut(&TargetGroupId::from("tg-1")).unwrap());
            let id = TargetId(format!("target-{}", which % 3));
            group.targets.insert(id.clone(), Target { id, instance, port: which.into(), weight: 1 });
        }
        1 => {
            let group = Arc::make_mut(region.target_groups.get_mut(&TargetGroupId::from("tg-1")).unwrap());
            group.load_balancer = balancer;
            group.targets.remove(&TargetId(format!("target-{}", which % 3)));
        }
        2 if region.instances.contains_key(&instance) => change_instance(region, &instance, |instance| {
            instance.host = format!("h{}", which % 3 + 1).into();
            instance.subnet = format!("subnet-{}", which % 2).into();
            instance.vpc = format!("vpc-{}", which % 2).into();
        }),
        3 => {
            let balancer = Arc::make_mut(region.load_balancers.get_mut(&balancer).unwrap());
            balancer.subnet = format!("subnet-{}", which % 2).into();
            balancer.vpc = format!("vpc-{}", which % 2).into();
        }
        // Two exchange their addresses.
        4 => {
            let other = LoadBalancerId(format!("dnlb-{}", which % 3 + 1));
            let [vip, others] = [&balancer, &other].map(|id| region.load_balancers[id].vip);
            Arc::make_mut(region.load_balancers.get_mut(&balancer).unwrap()).vip = others;
            Arc::make_mut(region.load_balancers.get_mut(&other).unwrap()).vip = vip;
        }
        5 => {
            let listener = ListenerId(format!("listener-{}", which % 3 + 1));
            Arc::make_mut(region.listeners.get_mut(&listener).unwrap()).load_balancer = balancer;
        }
        _ => drop(region.health.remove(&(BackendId(format!("backend-{}", which % 3 + 1)), instance))),
    }
}

proptest! {
    #[test]
    fn an_index_that_follows_is_the_one_made_from_nothing(
        rounds in vec(vec((any::<bool>(), any::<(u8, u8, u8)>()), 1..5), 1..10),
    ) {
        let mut region = several();
        for changes in rounds {
            for (moves, what) in changes {
                if moves { move_something(&mut region, what) } else { change(&mut region, what) }
            }
            region.index = region.index();
            let mut whole = Index::default();
            whole.follow(&region);
            prop_assert_eq!(&*region.index, &*whole);
        }
    }

    #[test]
    fn whatever_changes_only_what_it_concerns_is_looked_at(
        rounds in vec((vec(any::<(u8, u8, u8)>(), 1..4), 0_u64..3), 1..12),
    ) {
        let mut region = several();
        let mut now = 0;
        for (changes, seconds) in rounds {
            now += seconds;
            let mut new = region.clone();
            for key in drained(&region, now) {
                Arc::make_mut(new.draining.get_mut(&key).unwrap()).over = true;
            }
            changes.into_iter().for_each(|what| change(&mut new, what));
            let mut whole = new.clone();
            let all = region.backends.keys().chain(new.backends.keys()).cloned().collect();
            whole.index = whole.index();
            follow_some((&region, &region.index()), &mut whole, now, &all);
            follow(&region, &mut new, now);
            prop_assert_eq!(&new.draining, &whole.draining);
            prop_assert_eq!(&new.generations, &whole.generations);
            region = new;
        }
    }
}

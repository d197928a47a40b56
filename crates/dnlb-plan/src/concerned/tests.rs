use std::{collections::BTreeMap, sync::Arc};

use dnlb_model::{
    HostConfig, HostState, InstanceId, InstanceState, ListenerId, LoadBalancerId, Region, ServerGroup,
    Target, TargetGroupId, TargetId,
};
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    follow, host_configs, some_host_configs,
    test_region::{
        add_eip, add_instance, add_service, add_targets, add_vpc, change_host, change_instance, region,
        set_healthy,
    },
};

/// Four hosts, one of them an edge; two VPCs with three instances each, a target group and an availability group, and a public service in the first.
fn scene() -> Region {
    let mut region = region(&[("a", "r1"), ("a", "r1"), ("a", "r1"), ("a", "r1")]);
    change_host(&mut region, "h4", |host| host.edge = true);
    add_vpc(&mut region, "b", 12);
    for number in 1..=3 {
        add_instance(&mut region, number, &format!("h{number}"), "a", Some("ag-1"));
    }
    for number in 4..=6 {
        add_instance(&mut region, number, &format!("h{}", number % 2 + 2), "b", Some("ag-2"));
    }
    add_service(&mut region, 1, "a", Some(ServerGroup::Ag("ag-1".into())));
    add_service(&mut region, 3, "b", Some(ServerGroup::Ag("ag-2".into())));
    let group = add_targets(&mut region, "tg-1", &[(&"i-00001".into(), 0, 10), (&"i-00002".into(), 9, 20)]);
    add_service(&mut region, 2, "a", Some(group));
    add_eip(&mut region, 1);
    follow(&Region::default(), &mut region, 0);
    region
}

/// One of many small changes.
fn change(region: &mut Region, (kind, which, value): (u8, u8, u8)) {
    let instance = InstanceId(format!("i-{:05}", which % 8 + 1));
    let known = region.instances.contains_key(&instance);
    let backend = BackendId(format!("backend-{}", which % 3 + 1));
    let listener = ListenerId(format!("listener-{}", which % 3 + 1));
    match kind % 12 {
        0 if value % 4 == 0 => change_host(region, &format!("h{}", which % 4 + 1), |host| {
            host.state = if value % 8 == 0 { HostState::Down } else { HostState::Up };
        }),
        1 if known => change_instance(region, &instance, |instance| {
            instance.state = if value % 2 == 0 { InstanceState::Stopped } else { InstanceState::Running };
        }),
        2 if known => change_instance(region, &instance, |instance| {
            instance.host = format!("h{}", value % 3 + 1).into();
            instance.name = value.to_string();
        }),
        3 => set_healthy(region, &backend, &instance, value % 2 == 0),
        4 => {
            if let Some(one) = region.listeners.get_mut(&listener).map(Arc::make_mut) {
                one.enabled = value % 3 != 0;
                one.idle_seconds = Some(value.into());
            }
        }
        5 => {
            let group = Arc::make_mut(region.target_groups.get_mut(&TargetGroupId::from("tg-1")).unwrap());
            let id = TargetId(format!("target-{instance}"));
            if value % 3 == 0 {
                group.targets.remove(&id);
            } else if known && region.instances[&instance].vpc.as_str() == "vpc-a" {
                group.targets.insert(id.clone(), Target { id, instance, port: 0, weight: u32::from(value) });
            }
        }
        6 if known && value % 3 == 0 => {
            region.instances.remove(&instance);
            let group = Arc::make_mut(region.target_groups.get_mut(&TargetGroupId::from("tg-1")).unwrap());
            group.targets.retain(|_, target| target.instance != instance);
        }
        7 if !known => {
            let vpc = if which % 2 == 0 { ("a", "ag-1") } else { ("b", "ag-2") };
            add_instance(
                region,
                u32::from(which % 8) + 1,
                &format!("h{}", value % 3 + 1),
                vpc.0,
                Some(vpc.1),
            );
        }
        8 => {
            let id = LoadBalancerId(format!("dnlb-{}", which % 3 + 1));
            if let Some(one) = region.load_balancers.get_mut(&id).map(Arc::make_mut) {
                one.enabled = value % 3 != 0;
                one.name = value.to_string();
            }
        }
        9 => {
            if let Some(one) = region.backends.get_mut(&backend).map(Arc::make_mut) {
                one.check_enabled = value % 3 != 0;
                one.draining_seconds = u32::from(value % 3);
            }
        }
        10 if value % 4 == 0 => {
            region.listeners.remove(&listener);
        }
        11 if which % 4 == 0 && region.eips.len() < 2 && value % 2 == 0 => {
            add_eip(region, 3);
        }
        _ => {}
    }
}

fn without_revision(mut config: HostConfig) -> HostConfig {
    config.revision = 0;
    config
}

proptest! {
    #[test]
    fn who_is_not_concerned_has_the_same_configuration_and_who_is_alone_as_with_all(
        rounds in vec(vec(any::<(u8, u8, u8)>(), 1..3), 1..10),
    ) {
        let mut old = scene();
        let mut known: BTreeMap<HostId, HostConfig> = host_configs(&old);
        for changes in rounds {
            let mut new = Region { revision: old.revision + 1, ..old.clone() };
            changes.into_iter().for_each(|what| change(&mut new, what));
            follow(&old, &mut new, 0);
            let concerned = concerned_hosts(&old, &new);
            let whole = host_configs(&new);
            for (host, config) in &whole {
                let alone = some_host_configs(&new, [host]).remove(host);
                prop_assert_eq!(alone.as_ref(), Some(config));
                if !concerned.contains(host) {
                    let (was, is) = (known[host].clone(), config.clone());
                    prop_assert_eq!(without_revision(was), without_revision(is), "{}", host);
                }
            }
            (old, known) = (new, whole);
        }
    }
}

#[test]
fn a_change_in_one_vpc_is_for_its_hosts_alone() {
    let old = scene();
    let hosts = |change: &dyn Fn(&mut Region)| -> Vec<String> {
        let mut new = old.clone();
        change(&mut new);
        concerned_hosts(&old, &new).into_iter().map(|host| host.0).collect()
    };
    let idle = |region: &mut Region, listener: &str| {
        let listener = region.listeners.get_mut(&ListenerId::from(listener)).unwrap();
        Arc::make_mut(listener).idle_seconds = Some(77);
    };
    assert_eq!(hosts(&|_| {}), [""; 0]);
    assert_eq!(hosts(&|region| idle(region, "listener-3")), ["h2", "h3"]);
    assert_eq!(hosts(&|region| idle(region, "listener-1")), ["h1", "h2", "h3", "h4"], "the edge, too");
}

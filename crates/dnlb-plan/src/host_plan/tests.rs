use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use dnlb_model::{
    BackendId, HostConfig, HostState, InstanceId, InstanceState, ListenerId, LoadBalancerId, Region,
    ServerGroup, Target, TargetGroupId, TargetId,
};
use proptest::{collection::vec, prelude::*};

use super::*;
use crate::{
    follow,
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

/// Another address.
fn add_to(addr: IpAddr) -> IpAddr {
    match addr {
        IpAddr::V4(addr) => Ipv4Addr::from(u32::from(addr) ^ 64).into(),
        other => other,
    }
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
        10 if value % 16 == 1 => change_host(region, &format!("h{}", which % 4 + 1), |host| {
            host.edge = !host.edge;
            host.underlay = add_to(host.underlay);
        }),
        10 if value % 4 == 0 => {
            region.listeners.remove(&listener);
        }
        11 if which % 4 == 0 && region.eips.len() < 2 && value % 2 == 0 => {
            add_eip(region, 3);
        }
        _ => {}
    }
}

/// What somebody with the configuration of `old` has who is told the difference.
fn told(old: &HostPlan, new: &HostPlan) -> HostConfig {
    let (was, is) = HostPlan::differing(old, new, 0);
    let mut config = old.config(0);
    config.services.retain(|service| !was.services.contains(service));
    config.services.extend(is.services);
    config.services.sort_by_key(|service| service.number);
    macro_rules! told {
        ($($($map:ident).+),*) => {$(
            config.$($map).+.retain(|key, _| !was.$($map).+.contains_key(key));
            config.$($map).+.extend(is.$($map).+);
        )*};
    }
    told!(hosts, endpoints, instances, backends);
    told!(names.hosts, names.instances, names.listeners, names.vpcs);
    let (services, endpoints, instances) = (config.services, config.endpoints, config.instances);
    let (backends, hosts, names) = (config.backends, config.hosts, config.names);
    // What has no keys is all there.
    HostConfig { services, endpoints, instances, backends, hosts, names, ..is }
}

proptest! {
    #[test]
    fn change_by_change_the_plans_are_those_that_are_made_at_once(
        rounds in vec(vec(any::<(u8, u8, u8)>(), 1..4), 1..10),
    ) {
        let mut old = scene();
        let mut plans = plan_hosts(&HostPlans::new(), &Region::default(), &old);
        for changes in rounds {
            let mut new = old.clone();
            changes.into_iter().for_each(|what| change(&mut new, what));
            follow(&old, &mut new, 0);
            let next = plan_hosts(&plans, &old, &new);
            let at_once = plan_hosts(&HostPlans::new(), &Region::default(), &new);
            prop_assert!(next.keys().eq(at_once.keys()));
            for (host, plan) in &next {
                prop_assert!(*plan == at_once[host], "{}", host);
                let Some(former) = plans.get(host) else { continue };
                prop_assert_eq!(Arc::ptr_eq(former, plan), former == plan, "{}", host);
                prop_assert!(told(former, plan) == plan.config(0), "{}", host);
            }
            (old, plans) = (new, next);
        }
    }
}

#[test]
fn a_change_in_one_vpc_is_for_its_hosts_alone() {
    let old = scene();
    let plans = plan_hosts(&HostPlans::new(), &Region::default(), &old);
    let hosts = |change: &dyn Fn(&mut Region)| -> Vec<String> {
        let mut new = old.clone();
        change(&mut new);
        let next = plan_hosts(&plans, &old, &new);
        let other = next.into_iter().filter(|(host, plan)| !Arc::ptr_eq(plan, &plans[host]));
        other.map(|(host, _)| host.0).collect()
    };
    let idle = |region: &mut Region, listener: &str| {
        let listener = region.listeners.get_mut(&ListenerId::from(listener)).unwrap();
        Arc::make_mut(listener).idle_seconds = Some(77);
    };
    assert_eq!(hosts(&|_| {}), [""; 0]);
    assert_eq!(hosts(&|region| idle(region, "listener-3")), ["h2", "h3"]);
    // The edge, too.
    assert_eq!(hosts(&|region| idle(region, "listener-1")), ["h1", "h2", "h3", "h4"]);
    // Of a VPC in which nothing differs nothing is said.
    let mut new = old.clone();
    idle(&mut new, "listener-3");
    let next = plan_hosts(&plans, &old, &new);
    let (was, is) = HostPlan::differing(&plans[&HostId::from("h2")], &next[&HostId::from("h2")], 9);
    assert!(was.services.iter().chain(&is.services).all(|service| service.vni == 12));
    assert_eq!((is.services.len(), is.revision), (1, 9));
    assert_eq!(is.hosts, next[&HostId::from("h2")].config(9).hosts);
}

#[test]
fn hosts_of_a_vpc_share_what_they_know_of_it() {
    let plans = plan_hosts(&HostPlans::new(), &Region::default(), &scene());
    let shared = |host: &str, vpc: &str| &plans[&HostId::from(host)].networks[&VpcId::from(vpc)].shared;
    assert!(Arc::ptr_eq(shared("h1", "vpc-a"), shared("h2", "vpc-a")));
    assert!(!Arc::ptr_eq(shared("h1", "vpc-a"), shared("h4", "vpc-a")), "the edge knows what is public");
}

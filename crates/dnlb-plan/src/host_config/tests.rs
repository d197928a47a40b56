use std::{collections::BTreeSet, sync::Arc};

use dnlb_abi::HostEntry;
use dnlb_model::{
    Acl, AclRule, AgId, AgWeights, CheckProtocol, Direction, FilterRule, HostConfig, HostId, InstanceId,
    ListenerId, LoadBalancerId, RuleProtocol, SecurityGroup, SecurityGroupRule, SubnetId, TargetGroupId,
    TargetId,
};
use proptest::prelude::*;

use super::*;
use crate::{
    Allocation, LocalFacts, compile, host_configs, lint,
    test_region::{
        add_eip, add_instance, add_service, add_targets, add_vpc, addr, change_host, change_instance, region,
        set_healthy,
    },
};

fn configs(region: &Region) -> BTreeMap<String, HostConfig> {
    host_configs(region).into_iter().map(|(id, config)| (id.0, config)).collect()
}

fn weights(set: &MemberSet) -> Vec<(u32, u16, u32)> {
    set.members.iter().map(|(&number, member)| (number, member.host, member.weight)).collect()
}

#[test]
fn members_are_targets_that_run_and_are_healthy() {
    let mut region = region(&[("a", "r1"), ("a", "r1"), ("a", "r1")]);
    let ids: Vec<InstanceId> = (1..=6)
        .map(|number| add_instance(&mut region, number, ["h1", "h2", "h3"][number as usize % 3], "a", None))
        .collect();
    let targets: Vec<_> = ids.iter().map(|id| (id, 0, 10)).collect();
    let group = add_targets(&mut region, "tg-1", &targets);
    let backend = add_service(&mut region, 1, "a", Some(group));
    assert_eq!(weights(&members(&region, &backend)), []);
    ids[..5].iter().for_each(|id| set_healthy(&mut region, &backend, id, true));
    set_healthy(&mut region, &backend, &ids[0], false);
    change_instance(&mut region, &ids[1], |found| found.wanted = Power::Off);
    change_instance(&mut region, &ids[2], |found| found.state = InstanceState::Pending);
    assert_eq!(weights(&members(&region, &backend)), [(4, 2, 10), (5, 3, 10)]);
    change_host(&mut region, "h3", |host| host.state = HostState::Down);
    assert_eq!(weights(&members(&region, &backend)), [(4, 2, 10)]);
    Arc::make_mut(region.backends.get_mut(&backend).unwrap()).check_enabled = false;
    assert_eq!(weights(&members(&region, &backend)), [(1, 2, 10), (4, 2, 10), (6, 1, 10)]);
    assert_eq!(members(&region, &"backend-9".into()), MemberSet::default());
}

#[test]
fn a_group_weighs_its_members_alike_and_a_target_group_as_it_says() {
    let mut region = region(&[("a", "r1")]);
    let one = add_instance(&mut region, 1, "h1", "a", Some("ag-1"));
    let two = add_instance(&mut region, 2, "h1", "a", Some("ag-1"));
    add_instance(&mut region, 3, "h1", "a", None);
    let group = add_targets(&mut region, "tg-1", &[(&one, 0, 10), (&two, 9000, 30)]);
    let hand_picked = add_service(&mut region, 1, "a", Some(group));
    let all = add_service(&mut region, 2, "a", Some(ServerGroup::Ag("ag-1".into())));
    for backend in [&hand_picked, &all] {
        set_healthy(&mut region, backend, &one, true);
        set_healthy(&mut region, backend, &two, true);
    }
    assert_eq!(weights(&members(&region, &hand_picked)), [(1, 1, 10), (2, 1, 30)]);
    assert_eq!(weights(&members(&region, &all)), [(1, 1, 10), (2, 1, 10)]);
    let changed = Arc::make_mut(region.backends.get_mut(&all).unwrap());
    changed.ag_weights = AgWeights { default: 20, members: [(two.clone(), 70)].into() };
    assert_eq!(weights(&members(&region, &all)), [(1, 1, 20), (2, 1, 70)]);
    let config = &configs(&region)["h1"];
    assert_eq!(config.backends[&101].targets, BTreeMap::from([(1, 8080), (2, 9000)]));
    assert_eq!(config.backends[&102].targets, BTreeMap::from([(1, 8080), (2, 8080)]));
}

#[test]
fn a_host_gets_its_own_vpcs_and_an_edge_what_has_an_elastic_ip() {
    let mut region = region(&[("a", "r1"), ("a", "r1"), ("a", "r1"), ("a", "r1")]);
    change_host(&mut region, "h4", |host| (host.edge, host.compute) = (true, false));
    add_vpc(&mut region, "b", 12);
    let one = add_instance(&mut region, 1, "h1", "a", Some("ag-1"));
    add_instance(&mut region, 2, "h2", "a", None);
    add_instance(&mut region, 3, "h2", "b", None);
    let first = add_service(&mut region, 1, "a", Some(ServerGroup::Ag("ag-1".into())));
    add_service(&mut region, 2, "b", None);
    let eip = add_eip(&mut region, 1);
    set_healthy(&mut region, &first, &one, true);
    let configs = configs(&region);

    let numbers =
        |host: &str| -> Vec<u32> { configs[host].services.iter().map(|service| service.number).collect() };
    assert_eq!(
        (numbers("h1"), numbers("h2"), numbers("h3"), numbers("h4")),
        (vec![201], vec![201, 202], vec![], vec![201])
    );
    let endpoints = |host: &str| configs[host].endpoints.keys().copied().collect::<Vec<_>>();
    assert_eq!(endpoints("h1"), [(11, addr(1)), (11, addr(2))]);
    assert_eq!(endpoints("h2"), [(11, addr(1)), (11, addr(2)), (12, addr(3))]);
    assert!(endpoints("h3").is_empty() && endpoints("h4").is_empty());
    let hosts = |host: &str| configs[host].hosts.keys().copied().collect::<Vec<_>>();
    assert_eq!((hosts("h1"), hosts("h3"), hosts("h4")), (vec![1, 2], vec![3], vec![1, 4]));

    let service = &configs["h4"].services[0];
    assert_eq!((service.vni, service.vip, service.eip, service.backend), (11, addr(10_001), Some(eip), 101));
    let backend = &configs["h4"].backends[&101];
    assert_eq!(weights(&backend.generations[0]), [(1, 1, 10)]);
    // Only the instance's own host needs to know its port.
    assert!(backend.targets.is_empty());
    assert_eq!(configs["h1"].backends[&101].targets, BTreeMap::from([(1, 8080)]));
    assert_eq!((configs["h4"].revision, configs["h4"].hash_key), (7, [3; 24]));
}

#[test]
fn what_is_switched_off_is_left_out_but_still_checked() {
    let mut region = region(&[("a", "r1")]);
    add_instance(&mut region, 1, "h1", "a", Some("ag-1"));
    for number in 1..=3 {
        add_service(&mut region, number, "a", Some(ServerGroup::Ag("ag-1".into())));
    }
    Arc::make_mut(region.listeners.get_mut(&ListenerId::from("listener-1")).unwrap()).enabled = false;
    Arc::make_mut(region.load_balancers.get_mut(&LoadBalancerId::from("dnlb-2")).unwrap()).enabled = false;
    Arc::make_mut(region.backends.get_mut(&BackendId::from("backend-3")).unwrap()).check_enabled = false;
    let config = &configs(&region)["h1"];
    assert_eq!(config.services.iter().map(|service| service.number).collect::<Vec<_>>(), [203]);
    assert_eq!(config.backends.keys().collect::<Vec<_>>(), [&103]);
    assert_eq!(config.instances[&1].checks.keys().collect::<Vec<_>>(), [&101, &102]);
}

#[test]
fn who_is_on_without_a_listener_keeps_its_addresses() {
    let mut region = region(&[("a", "r1"), ("a", "r1"), ("a", "r1")]);
    change_host(&mut region, "h2", |host| (host.edge, host.compute) = (true, false));
    add_instance(&mut region, 1, "h1", "a", None);
    for number in 1..=3 {
        add_service(&mut region, number, "a", None);
    }
    let eip = add_eip(&mut region, 1);
    let switch = |region: &mut Region, number: u32, on| {
        let id = ListenerId::from(format!("listener-{number}").as_str());
        Arc::make_mut(region.listeners.get_mut(&id).unwrap()).enabled = on;
    };
    let idle = |region: &Region, host: &str| {
        configs(region)[host].idle.iter().map(|it| (it.vni, it.vip, it.eip)).collect::<Vec<_>>()
    };
    assert_eq!(idle(&region, "h1"), []);
    (1..=3).for_each(|number| switch(&mut region, number, false));
    Arc::make_mut(region.load_balancers.get_mut(&LoadBalancerId::from("dnlb-3")).unwrap()).enabled = false;
    let (first, second) = ((11, addr(10_001), Some(eip)), (11, addr(10_002), None));
    assert_eq!(idle(&region, "h1"), [first, second]);
    assert_eq!(idle(&region, "h2"), [first], "an edge cares for elastic IPs");
    assert_eq!(configs(&region)["h2"].names.vpcs.keys().collect::<Vec<_>>(), [&11]);
    assert_eq!(idle(&region, "h3"), []);
    switch(&mut region, 1, true);
    assert_eq!(idle(&region, "h1"), [second]);
}

#[test]
fn a_check_goes_to_its_own_port_or_to_where_the_target_takes_traffic() {
    let mut region = region(&[("a", "r1")]);
    let one = add_instance(&mut region, 1, "h1", "a", None);
    for (number, target, check) in [(1, 0, 0), (2, 9000, 0), (3, 9000, 99)] {
        let group = add_targets(&mut region, &format!("tg-{number}"), &[(&one, target, 10)]);
        let backend = add_service(&mut region, number, "a", Some(group));
        Arc::make_mut(region.backends.get_mut(&backend).unwrap()).check.port = check;
    }
    let checks = &configs(&region)["h1"].instances[&1].checks;
    let ports: Vec<(u32, u16)> = checks.iter().map(|(&backend, check)| (backend, check.port)).collect();
    assert_eq!(ports, [(101, 8080), (102, 9000), (103, 99)]);
    assert_eq!(checks[&101].check.protocol, CheckProtocol::Tcp);
}

#[test]
fn an_instance_gets_all_its_groups_rules_and_its_subnets_acl_in_order() {
    let mut region = region(&[("a", "r1")]);
    let one = add_instance(&mut region, 1, "h1", "a", None);
    let prefix = "0.0.0.0/0".parse().unwrap();
    for (name, port) in [("sg-1", 80), ("sg-2", 22)] {
        let rule = SecurityGroupRule {
            id: format!("rule-{port}").into(),
            direction: Direction::In,
            protocol: RuleProtocol::Tcp,
            prefix,
            ports: (port, port),
            description: String::new(),
            created: 0,
        };
        let group = SecurityGroup {
            id: name.into(),
            name: String::new(),
            description: String::new(),
            vpc: "vpc-a".into(),
            rules: vec![rule],
            created: 0,
        };
        region.security_groups.insert(name.into(), Arc::new(group));
    }
    change_instance(&mut region, &one, |found| found.security_groups = vec!["sg-2".into(), "sg-1".into()]);
    let ports =
        |rules: &[FilterRule]| rules.iter().map(|rule| (rule.ports.0, rule.allow)).collect::<Vec<_>>();
    let found = configs(&region)["h1"].instances[&1].clone();
    assert_eq!(ports(&found.security_rules), [(22, true), (80, true)]);
    assert_eq!(found.acl_rules, None);

    let rule = |priority, port, allow| AclRule {
        id: format!("rule-{port}").into(),
        direction: Direction::Out,
        protocol: RuleProtocol::Tcp,
        prefix,
        ports: (port, port),
        allow,
        priority,
        description: String::new(),
        created: 0,
    };
    let acl = Acl {
        id: "acl-1".into(),
        name: String::new(),
        description: String::new(),
        vpc: "vpc-a".into(),
        rules: vec![rule(20, 1, true), rule(10, 2, false), rule(20, 3, false)],
        created: 0,
    };
    region.acls.insert(acl.id.clone(), Arc::new(acl));
    Arc::make_mut(region.subnets.get_mut(&SubnetId::from("subnet-a")).unwrap()).acl = Some("acl-1".into());
    let found = configs(&region)["h1"].instances[&1].clone();
    assert_eq!(ports(&found.acl_rules.unwrap()), [(2, false), (1, true), (3, false)]);
}

#[test]
fn rows_depend_on_targets_not_on_their_health() {
    let mut region = region(&[("a", "r1")]);
    for number in 1..=10 {
        add_instance(&mut region, number, "h1", "a", Some("ag-1"));
    }
    let backend = add_service(&mut region, 1, "a", Some(ServerGroup::Ag("ag-1".into())));
    let rows = |region: &Region| configs(region)["h1"].backends[&101].generations[0].rows;
    assert_eq!(rows(&region), row_count(10));
    for id in region.instances.keys().cloned().collect::<Vec<_>>() {
        set_healthy(&mut region, &backend, &id, true);
        assert_eq!(rows(&region), row_count(10));
    }
}

#[test]
fn former_sets_are_passed_on_with_deleted_members_marked() {
    let mut region = region(&[("a", "r1"), ("a", "r1")]);
    let one = add_instance(&mut region, 1, "h1", "a", Some("ag-1"));
    let two = add_instance(&mut region, 2, "h2", "a", Some("ag-1"));
    let three = add_instance(&mut region, 3, "h2", "a", Some("ag-1"));
    let backend = add_service(&mut region, 1, "a", Some(ServerGroup::Ag("ag-1".into())));
    let mut generations = Vec::new();
    for healthy in [[true, true, true], [true, false, false]] {
        for (id, healthy) in [&one, &two, &three].into_iter().zip(healthy) {
            set_healthy(&mut region, &backend, id, healthy);
        }
        assert!(remember(&mut generations, members(&region, &backend)));
    }
    assert!(!remember(&mut generations, members(&region, &backend)));
    region.instances.remove(&three);
    region.generations.insert(backend, generations.into());
    let configs = host_configs(&region);
    let known = &configs[&HostId::from("h1")].backends[&101].generations;
    assert_eq!(weights(&known[0]), [(1, 1, 10)]);
    assert_eq!(weights(&known[1]), [(1, 1, 10), (2, 2, 10), (3, 0, 10)]);

    // Compiled, rows name 1, then perhaps 2, and never 3.
    let config = &configs[&HostId::from("h1")];
    let state = compile(config, &local(config), &mut Allocation::default()).unwrap();
    assert_eq!(lint(&state), []);
    let members = state.members.values().map(|member| member.instance).filter(|number| *number != 0);
    assert_eq!(members.collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn a_set_that_comes_back_moves_to_the_front() {
    let set =
        |number| MemberSet { members: [(number, MemberConfig { host: 1, weight: 1 })].into(), rows: 1_024 };
    let mut generations = vec![set(1), set(2), set(3)];
    assert!(remember(&mut generations, set(3)));
    assert_eq!(generations, [set(3), set(1), set(2)]);
    for number in 10..40 {
        assert!(remember(&mut generations, set(number)));
    }
    assert_eq!(generations.len(), GENERATIONS_MAX);
    assert_eq!(generations[0], set(39));
}

fn local(config: &HostConfig) -> LocalFacts {
    let host =
        |(&host, &addr)| (host, HostEntry { addr: crate::compile::map_addr(addr), ..Default::default() });
    LocalFacts {
        links: config.instances.keys().map(|&number| (number, 100 + number)).collect(),
        hosts: config.hosts.iter().map(host).collect(),
        ..Default::default()
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_host_of_any_region_gets_something_that_compiles_and_lints_clean(
        // Host, VPC, group, state.
        instances in prop::collection::vec((0_usize..4, 0_usize..2, 0_usize..3, 0_u8..4), 0..25),
        // VPC, group or hand-picked, EIP, check.
        services in prop::collection::vec((0_usize..2, 0_usize..4, any::<bool>(), any::<bool>()), 0..6),
        unhealthy in prop::collection::btree_set(1_u32..25, 0..8),
        edge in 0_u16..5,
        down in 0_u16..5,
    ) {
        let mut region = region(&[("a", "r1"), ("a", "r2"), ("b", "r1"), ("b", "r2")]);
        add_vpc(&mut region, "b", 12);
        for index in 1..=4 {
            change_host(&mut region, &format!("h{index}"), |host| {
                host.edge = host.index == edge;
                host.state = if host.index == down { HostState::Down } else { HostState::Up };
            });
        }
        let vpcs = ["a", "b"];
        for (number, (host, vpc, ag, state)) in (1..).zip(instances) {
            let ag = (ag > 0).then(|| format!("ag-{}-{ag}", vpcs[vpc]));
            let host = format!("h{}", host + 1);
            let id = add_instance(&mut region, number, &host, vpcs[vpc], ag.as_deref());
            change_instance(&mut region, &id, |found| match state {
                0 => found.state = InstanceState::Pending,
                1 => found.wanted = Power::Off,
                _ => {}
            });
        }
        for (number, (vpc, group, eip, check)) in (1..).zip(services) {
            let group = match group {
                0 => None,
                3 => {
                    let of_vpc = region.instances.values().filter(|found| found.vpc.0 == format!("vpc-{}", vpcs[vpc]));
                    let ids: Vec<(InstanceId, u32)> = of_vpc.map(|found| (found.id.clone(), found.number)).collect();
                    let targets: Vec<_> = ids.iter().map(|(id, number)| (id, *number as u16, *number)).collect();
                    Some(add_targets(&mut region, &format!("tg-{number}"), &targets))
                }
                ag => Some(ServerGroup::Ag(AgId(format!("ag-{}-{ag}", vpcs[vpc])))),
            };
            let backend = add_service(&mut region, number, vpcs[vpc], group);
            Arc::make_mut(region.backends.get_mut(&backend).unwrap()).check_enabled = check;
            if eip {
                add_eip(&mut region, number);
            }
            for found in region.instances.values().cloned().collect::<Vec<_>>() {
                set_healthy(&mut region, &backend, &found.id, !unhealthy.contains(&found.number));
            }
        }
        for (id, config) in host_configs(&region) {
            prop_assert_eq!(id.as_str(), &config.host_id);
            prop_assert!(config.hosts.contains_key(&config.host));
            for service in &config.services {
                let backend = &region.backends[&BackendId(format!("backend-{}", service.backend - 100))];
                prop_assert_eq!(&config.backends[&service.backend].generations[0], &members(&region, &backend.id));
            }
            let vnis: BTreeSet<u32> = config.instances.values().map(|instance| instance.vni).collect();
            prop_assert!(config.endpoints.keys().all(|(vni, _)| vnis.contains(vni)));
            prop_assert!(config.services.iter().all(|service| vnis.contains(&service.vni)
                || (config.edge && service.eip.is_some())));
            let state = compile(&config, &local(&config), &mut Allocation::default()).unwrap();
            prop_assert_eq!(lint(&state), []);
            prop_assert_eq!(state.instances.len(), config.instances.len());
        }
    }
}

#[test]
fn targets_that_no_longer_exist_are_ignored() {
    let mut region = region(&[("a", "r1")]);
    let one = add_instance(&mut region, 1, "h1", "a", None);
    let group = add_targets(&mut region, "tg-1", &[(&one, 0, 10), (&"i-gone".into(), 0, 10)]);
    add_service(&mut region, 1, "a", Some(group));
    assert_eq!(configs(&region)["h1"].backends[&101].targets.len(), 1);
    assert!(
        region.target_groups[&TargetGroupId::from("tg-1")]
            .targets
            .contains_key(&TargetId::from("target-i-gone"))
    );
}

#[test]
fn a_host_learns_the_names_of_what_it_is_told_of_and_no_others() {
    let mut region = region(&[("a", "r1"), ("a", "r1"), ("a", "r1")]);
    add_vpc(&mut region, "b", 12);
    let here = add_instance(&mut region, 1, "h1", "a", None);
    let there = add_instance(&mut region, 2, "h2", "a", None);
    add_instance(&mut region, 3, "h3", "b", None);
    let group = add_targets(&mut region, "tg-1", &[(&here, 0, 10), (&there, 0, 10)]);
    add_service(&mut region, 1, "a", Some(group));
    let configs = configs(&region);
    let numbers = |names: &BTreeMap<u32, String>| names.keys().copied().collect::<Vec<_>>();
    let names = &configs["h1"].names;
    assert_eq!(names.hosts, BTreeMap::from([(1, "h1".to_owned()), (2, "h2".to_owned())]));
    assert_eq!(names.instances, BTreeMap::from([(1, here.0.clone()), (2, there.0.clone())]));
    assert_eq!((numbers(&names.listeners), numbers(&names.vpcs)), (vec![201], vec![11]));
    let other = &configs["h3"].names;
    assert_eq!((numbers(&other.instances), numbers(&other.listeners)), (vec![3], vec![]));
}

//! Regions for tests, put together step by step; tests of other crates have them by the feature `test-region`.
//!
//! # Panics
//! All of it, when it is asked for what the region does not have: tests write it.
#![allow(clippy::unwrap_used, reason = "for tests")]

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use dnlb_model::*;

/// A region with hosts `h1`, `h2`.. in the zone and rack given for each, and one VPC with one subnet.
pub fn region(hosts: &[(&str, &str)]) -> Region {
    let mut region = Region { revision: 7, ..Default::default() };
    region.settings =
        Arc::new(RegionSettings { name: "lab-1".into(), hash_key: [3; 24], ..Default::default() });
    for (index, (az, rack)) in (1..).zip(hosts) {
        let host = Host {
            id: format!("h{index}").into(),
            index,
            az: (*az).into(),
            rack: (*rack).into(),
            underlay: Ipv4Addr::new(192, 0, 2, index as u8).into(),
            edge: false,
            compute: true,
            state: HostState::Up,
            created: 0,
        };
        region.hosts.insert(host.id.clone(), Arc::new(host));
    }
    add_vpc(&mut region, "a", 11);
    region
}

/// A VPC `vpc-NAME` with the subnet `subnet-NAME`, 10.0.0.0/16 like all others.
pub fn add_vpc(region: &mut Region, name: &str, vni: u32) {
    let vpc = Vpc {
        id: format!("vpc-{name}").into(),
        name: String::new(),
        description: String::new(),
        prefix: None,
        prefix_v6: None,
        vni,
        created: 0,
    };
    let subnet = Subnet {
        id: format!("subnet-{name}").into(),
        name: String::new(),
        description: String::new(),
        vpc: vpc.id.clone(),
        prefix: "10.0.0.0/16".parse().unwrap(),
        acl: None,
        created: 0,
    };
    region.vpcs.insert(vpc.id.clone(), Arc::new(vpc));
    region.subnets.insert(subnet.id.clone(), Arc::new(subnet));
}

/// The address of instance or listener `number` in its subnet.
pub fn addr(number: u32) -> IpAddr {
    Ipv4Addr::from(0x0a00_0000 + number).into()
}

/// A running instance `i-NUMBER` on a host, in the VPC with this name.
pub fn add_instance(region: &mut Region, number: u32, host: &str, vpc: &str, ag: Option<&str>) -> InstanceId {
    let host = region.hosts[&HostId::from(host)].clone();
    let instance = Instance {
        id: format!("i-{number:05}").into(),
        number,
        name: String::new(),
        description: String::new(),
        host: host.id.clone(),
        az: host.az.clone(),
        rack: host.rack.clone(),
        vpc: format!("vpc-{vpc}").into(),
        subnet: format!("subnet-{vpc}").into(),
        addr: addr(number),
        security_groups: Vec::new(),
        ag: ag.map(AgId::from),
        template: None,
        instance_type: String::new(),
        image: String::new(),
        launch_script: None,
        metadata: Default::default(),
        tags: Vec::new(),
        wanted: Power::On,
        state: InstanceState::Running,
        boot: 0,
        client_token: None,
        created: u64::from(number),
    };
    let id = instance.id.clone();
    region.instances.insert(id.clone(), Arc::new(instance));
    id
}

/// A load balancer `dnlb-NUMBER` with a listener on port 80 and a backend service `backend-NUMBER` on port 8080.
pub fn add_service(region: &mut Region, number: u32, vpc: &str, group: Option<ServerGroup>) -> BackendId {
    let balancer = LoadBalancer {
        id: format!("dnlb-{number}").into(),
        name: String::new(),
        description: String::new(),
        vpc: format!("vpc-{vpc}").into(),
        subnet: format!("subnet-{vpc}").into(),
        vip: addr(10_000 + number),
        eip: None,
        enabled: true,
        delete_protection: false,
        tags: Vec::new(),
        created: 0,
    };
    let backend = Backend {
        id: format!("backend-{number}").into(),
        number: 100 + number,
        name: String::new(),
        description: String::new(),
        load_balancer: balancer.id.clone(),
        protocol: Protocol::Tcp,
        port: 8080,
        algorithm: Algorithm::IpHash,
        check: HealthCheck::DEFAULT,
        check_enabled: true,
        group,
        draining_seconds: 0,
        without_member: dnlb_model::WithoutMember::default(),
        ag_weights: dnlb_model::AgWeights::default(),
        created: 0,
    };
    let listener = Listener {
        id: format!("listener-{number}").into(),
        number: 200 + number,
        name: String::new(),
        description: String::new(),
        load_balancer: balancer.id.clone(),
        protocol: Protocol::Tcp,
        port: 80,
        backend: backend.id.clone(),
        enabled: true,
        idle_seconds: None,
        created: 0,
    };
    let id = backend.id.clone();
    region.load_balancers.insert(balancer.id.clone(), Arc::new(balancer));
    region.backends.insert(id.clone(), Arc::new(backend));
    region.listeners.insert(listener.id.clone(), Arc::new(listener));
    id
}

/// A target group of instances with port and weight.
pub fn add_targets(region: &mut Region, name: &str, targets: &[(&InstanceId, u16, u32)]) -> ServerGroup {
    let target = |(instance, port, weight): &(&InstanceId, u16, u32)| {
        let id: TargetId = format!("target-{instance}").into();
        (id.clone(), Target { id, instance: (*instance).clone(), port: *port, weight: *weight })
    };
    let group = TargetGroup {
        id: name.into(),
        name: String::new(),
        description: String::new(),
        load_balancer: "dnlb-1".into(),
        targets: targets.iter().map(target).collect(),
        created: 0,
    };
    let id = group.id.clone();
    region.target_groups.insert(id.clone(), Arc::new(group));
    ServerGroup::TargetGroup(id)
}

/// Puts an EIP on the load balancer `dnlb-NUMBER`.
pub fn add_eip(region: &mut Region, number: u32) -> IpAddr {
    let addr = Ipv4Addr::new(203, 0, 113, number as u8).into();
    let eip = Eip {
        id: format!("fip-{number}").into(),
        addr,
        bandwidth_mbps: 1,
        provider: String::new(),
        load_balancer: Some(format!("dnlb-{number}").into()),
        tags: Vec::new(),
        created: 0,
    };
    let balancer = region.load_balancers.get_mut(&LoadBalancerId(format!("dnlb-{number}"))).unwrap();
    Arc::make_mut(balancer).eip = Some(eip.id.clone());
    region.eips.insert(eip.id.clone(), Arc::new(eip));
    addr
}

/// Notes what a check of an instance has found.
pub fn set_healthy(region: &mut Region, backend: &BackendId, instance: &InstanceId, healthy: bool) {
    let health = Health { healthy, reason: String::new(), since: 0 };
    region.health.insert((backend.clone(), instance.clone()), Arc::new(health));
}

/// Changes a host in place.
pub fn change_host(region: &mut Region, host: &str, change: impl FnOnce(&mut Host)) {
    change(Arc::make_mut(region.hosts.get_mut(&HostId::from(host)).unwrap()));
}

/// Changes an instance in place.
pub fn change_instance(region: &mut Region, id: &InstanceId, change: impl FnOnce(&mut Instance)) {
    change(Arc::make_mut(region.instances.get_mut(id).unwrap()));
}

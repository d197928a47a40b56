//! A small region for tests: one VPC, one listener, one backend service, one availability group.

use std::{collections::BTreeMap, net::IpAddr, sync::Arc};

use dnlb_model::{
    Algorithm, Backend, BackendId, Health, HealthCheck, HealthReport, HostId, Instance, InstanceId,
    InstanceReport, InstanceState, Listener, LoadBalancer, Power, Protocol, Region, RegionSettings,
    ServerGroup, Subnet, Vpc,
};
use dnlb_proto::{Hello, Report};

/// Number of the backend service.
pub(crate) const BACKEND: u32 = 1;

pub(crate) fn settings() -> RegionSettings {
    RegionSettings {
        name: "lab-1".into(),
        azs: vec!["lab-1a".into(), "lab-1b".into()],
        ..RegionSettings::default()
    }
}

/// What host `h<number>` says of itself.
pub(crate) fn hello(number: u8) -> Hello {
    Hello {
        host: HostId(format!("h{number}")),
        az: "lab-1a".into(),
        rack: "r1".into(),
        underlay: [192, 0, 2, number].into(),
        edge: false,
        compute: true,
    }
}

/// Adds everything but hosts and instances.
pub(crate) fn populate(region: &mut Region) {
    let vpc = Vpc {
        id: "vpc-1".into(),
        name: "v".into(),
        description: String::new(),
        prefix: None,
        prefix_v6: None,
        vni: 1,
        created: 0,
    };
    let subnet = Subnet {
        id: "subnet-1".into(),
        name: "s".into(),
        description: String::new(),
        vpc: vpc.id.clone(),
        prefix: "10.0.0.0/16".parse().unwrap(),
        acl: None,
        created: 0,
    };
    let balancer = LoadBalancer {
        id: "dnlb-1".into(),
        name: "lb".into(),
        description: String::new(),
        vpc: vpc.id.clone(),
        subnet: subnet.id.clone(),
        vip: [10, 0, 255, 1].into(),
        eip: None,
        enabled: true,
        delete_protection: false,
        tags: vec![],
        created: 0,
    };
    let backend = Backend {
        id: "backend-1".into(),
        number: BACKEND,
        name: "b".into(),
        description: String::new(),
        load_balancer: balancer.id.clone(),
        protocol: Protocol::Tcp,
        port: 8080,
        algorithm: Algorithm::IpHash,
        check: HealthCheck::DEFAULT,
        check_enabled: true,
        group: Some(ServerGroup::Ag("ag-1".into())),
        draining_seconds: 0,
        without_member: dnlb_model::WithoutMember::default(),
        ag_weights: dnlb_model::AgWeights::default(),
        created: 0,
    };
    let listener = Listener {
        id: "listener-1".into(),
        number: 1,
        name: "l".into(),
        description: String::new(),
        load_balancer: balancer.id.clone(),
        protocol: Protocol::Tcp,
        port: 80,
        backend: backend.id.clone(),
        enabled: true,
        idle_seconds: None,
        created: 0,
    };
    region.vpcs.insert(vpc.id.clone(), Arc::new(vpc));
    region.subnets.insert(subnet.id.clone(), Arc::new(subnet));
    region.load_balancers.insert(balancer.id.clone(), Arc::new(balancer));
    region.backends.insert(backend.id.clone(), Arc::new(backend));
    region.listeners.insert(listener.id.clone(), Arc::new(listener));
}

/// Adds an instance of the group, not running yet, to host `h<host>`.
pub(crate) fn add_instance(region: &mut Region, number: u32, host: u8) {
    let [_, _, high, low] = number.to_be_bytes();
    let instance = Instance {
        id: InstanceId(format!("i-{number}")),
        number,
        name: "web".into(),
        description: String::new(),
        host: HostId(format!("h{host}")),
        az: "lab-1a".into(),
        rack: "r1".into(),
        vpc: "vpc-1".into(),
        subnet: "subnet-1".into(),
        addr: IpAddr::from([10, 0, high, low]),
        security_groups: vec![],
        ag: Some("ag-1".into()),
        template: None,
        instance_type: "g.n2.medium".into(),
        image: "web".into(),
        launch_script: None,
        metadata: BTreeMap::new(),
        tags: vec![],
        wanted: Power::On,
        state: InstanceState::Pending,
        boot: 0,
        client_token: None,
        created: 0,
    };
    region.instances.insert(instance.id.clone(), Arc::new(instance));
}

/// Gives the backend service another server group.
pub(crate) fn set_group(region: &mut Region, group: Option<ServerGroup>) {
    let backend = region.backends.get_mut(&BackendId::from("backend-1"));
    Arc::make_mut(backend.expect("made by `populate`")).group = group;
}

/// The instance runs.
pub(crate) fn running(number: u32) -> Report {
    let instances = vec![InstanceReport { number, state: InstanceState::Running }];
    Report { instances, ..Report::default() }
}

/// The instance is a healthy target, or not.
pub(crate) fn health(instance: u32, healthy: bool, reason: &str) -> Report {
    let health = vec![HealthReport { backend: BACKEND, instance, healthy, reason: reason.into() }];
    Report { health, ..Report::default() }
}

/// What the region knows of the instance's health.
pub(crate) fn known_health(region: &Region, instance: u32) -> Option<Health> {
    let key = ("backend-1".into(), InstanceId(format!("i-{instance}")));
    region.health.get(&key).map(|health| Health::clone(health))
}

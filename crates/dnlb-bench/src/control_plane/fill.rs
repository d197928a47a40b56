//! A region of a given size, as it would be after many requests.

use std::{
    collections::BTreeMap,
    fs::{DirBuilder, Permissions, set_permissions},
    net::{IpAddr, Ipv4Addr},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::Path,
    sync::Arc,
};

use anyhow::{Context, Result};
use dnlb_model::{
    AgWeights, Algorithm, Backend, BackendId, DEFAULT_WEIGHT, Direction, Eip, EipId, HealthCheck, Host,
    HostId, HostState, Instance, InstanceId, InstanceState, Listener, ListenerId, LoadBalancer,
    LoadBalancerId, Power, Protocol, Region, RegionSettings, RuleId, RuleProtocol, SecurityGroup,
    SecurityGroupId, SecurityGroupRule, Sequences, ServerGroup, Subnet, SubnetId, Target, TargetGroup,
    TargetGroupId, TargetId, Vpc, VpcId, WithoutMember,
};
use dnlb_server::{RegionStore, TransactError};
use dnlb_store::SqliteStore;
use rand::{Rng, SeedableRng, rngs::StdRng};

use super::server::{AZS, DATA, EIP_POOL, REGION};

/// The second in which the first resource was made.
const BEGINNING: u64 = 1_700_000_000;
/// Listeners of a load balancer: as many as the usual quota allows.
const LISTENERS_OF_A_BALANCER: u32 = 50;

/// How much of everything there is.
#[derive(Clone, Debug, clap::Args)]
pub struct Size {
    /// Targets, each an instance of its own
    #[arg(long, default_value_t = 100_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub targets: u32,
    /// Target groups, each with a backend service
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..))]
    pub target_groups: u32,
    /// Listeners
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub listeners: u32,
    /// Load balancers [default: as few as may have that many listeners]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub load_balancers: Option<u32>,
    /// VPCs
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub vpcs: u32,
    /// Hosts that carry instances
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    pub hosts: u16,
    /// Hosts that carry instances of a VPC
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u16).range(1..))]
    pub hosts_of_a_vpc: u16,
    /// Edges
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(0..=100))]
    pub edges: u16,
    /// Load balancers with an elastic IP
    #[arg(long, default_value_t = 10)]
    pub elastic_ips: u32,
}

impl Size {
    fn load_balancers(&self) -> u32 {
        self.load_balancers.unwrap_or_else(|| self.listeners.div_ceil(LISTENERS_OF_A_BALANCER).max(1))
    }
}

/// Makes the store of a server's data directory with a region of that size, in one transaction.
///
/// # Errors
/// When the store fails.
pub fn into_store(size: &Size, dir: &Path) -> Result<Region> {
    let data = dir.join(DATA);
    DirBuilder::new().mode(0o700).create(&data).context("making the data directory")?;
    set_permissions(&data, Permissions::from_mode(0o700)).context("making the data directory")?;
    let store = SqliteStore::open(&data.join("region.db")).context("making the store")?;
    let settings = RegionSettings {
        name: REGION.to_owned(),
        azs: AZS.iter().map(|az| (*az).to_owned()).collect(),
        eip_pools: vec![EIP_POOL.parse().context("the pool of elastic IPs")?],
        ..RegionSettings::default()
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
    runtime.block_on(async {
        let region = RegionStore::open(Arc::new(store), settings).await?;
        let filled = region.transact(|region| {
            fill(region, size);
            Ok::<_, std::convert::Infallible>(())
        });
        match filled.await {
            Ok(()) => Ok(Region::clone(&region.snapshot())),
            Err(TransactError::Refused(never)) => match never {},
            Err(TransactError::Store(error)) => Err(error).context("writing the region"),
        }
    })
}

/// What lies in one VPC, while it is being filled.
struct Network {
    vpc: VpcId,
    subnet: SubnetId,
    security_group: SecurityGroupId,
    addresses: u32,
}

impl Network {
    fn address(&mut self) -> IpAddr {
        self.addresses += 1;
        Ipv4Addr::from(0x0a00_0000 + self.addresses).into()
    }
}

/// Fills an empty region. Ids are as random as real ones, and the same in every run.
pub fn fill(region: &mut Region, size: &Size) {
    let mut ids = Ids(StdRng::seed_from_u64(1));
    add_hosts(region, size);
    let mut networks: Vec<Network> =
        (0..size.vpcs).map(|number| add_network(region, &mut ids, number)).collect();
    let balancers: Vec<(LoadBalancerId, usize)> = (0..size.load_balancers())
        .map(|number| {
            let network = (number % size.vpcs) as usize;
            let public = number < size.elastic_ips;
            (add_balancer(region, &mut ids, &mut networks[network], number, public), network)
        })
        .collect();
    let of_group = |number: u32| &balancers[number as usize % balancers.len()];
    let mut groups = vec![BTreeMap::new(); size.target_groups as usize];
    for number in 0..size.targets {
        let group = number % size.target_groups;
        let network = of_group(group).1;
        let spread = (number / size.target_groups) % u32::from(size.hosts_of_a_vpc);
        let host = (network as u32 + spread) % u32::from(size.hosts);
        let instance = add_instance(region, &mut ids, &mut networks[network], number, &host_id(host));
        let target = Target { id: ids.fresh(TargetId::PREFIX), instance, port: 0, weight: DEFAULT_WEIGHT };
        groups[group as usize].insert(target.id.clone(), target);
    }
    let backends: Vec<BackendId> = (0..)
        .zip(groups)
        .map(|(number, targets)| add_group(region, &mut ids, &of_group(number).0, number, targets))
        .collect();
    for number in 0..size.listeners {
        let group = number % size.target_groups;
        let groups_of_a_balancer = size.target_groups.div_ceil(size.load_balancers());
        let port = 1_000 + number / size.target_groups * groups_of_a_balancer + group / size.load_balancers();
        let listener = Listener {
            id: ids.fresh(ListenerId::PREFIX),
            number: number + 1,
            name: format!("listener-{number}"),
            description: String::new(),
            load_balancer: of_group(group).0.clone(),
            protocol: Protocol::Tcp,
            port: port as u16,
            backend: backends[group as usize].clone(),
            enabled: true,
            idle_seconds: None,
            created: BEGINNING + u64::from(number),
        };
        region.listeners.insert(listener.id.clone(), Arc::new(listener));
    }
    Arc::make_mut(&mut region.settings).sequences = Sequences {
        host: size.hosts + size.edges,
        vni: size.vpcs,
        instance: size.targets,
        listener: size.listeners,
        backend: size.target_groups,
    };
}

/// The name of a host that carries instances.
fn host_id(number: u32) -> HostId {
    HostId(format!("host-{number}"))
}

fn add_hosts(region: &mut Region, size: &Size) {
    for number in 0..size.hosts + size.edges {
        let edge = number >= size.hosts;
        let id = if edge { HostId(format!("edge-{number}")) } else { host_id(number.into()) };
        let host = Host {
            id: id.clone(),
            index: number + 1,
            az: AZS[usize::from(number) % AZS.len()].to_owned(),
            rack: format!("r{}", number % 10),
            underlay: Ipv4Addr::from(0xc0a8_0001 + u32::from(number)).into(),
            edge,
            compute: !edge,
            state: HostState::Up,
            created: BEGINNING,
        };
        region.hosts.insert(id, Arc::new(host));
    }
}

fn add_network(region: &mut Region, ids: &mut Ids, number: u32) -> Network {
    let vpc = Vpc {
        id: ids.fresh(VpcId::PREFIX),
        name: format!("vpc-{number}"),
        description: String::new(),
        prefix: None,
        prefix_v6: None,
        vni: number + 1,
        created: BEGINNING,
    };
    let rule = |ids: &mut Ids, direction| SecurityGroupRule {
        id: ids.fresh(RuleId::PREFIX),
        direction,
        protocol: RuleProtocol::All,
        prefix: ipnet::Ipv4Net::default().into(),
        ports: (0, 0),
        description: String::new(),
        created: BEGINNING,
    };
    let security_group = SecurityGroup {
        id: ids.fresh(SecurityGroupId::PREFIX),
        name: format!("sg-{number}"),
        description: String::new(),
        vpc: vpc.id.clone(),
        rules: vec![rule(ids, Direction::In), rule(ids, Direction::Out)],
        created: BEGINNING,
    };
    let subnet = Subnet {
        id: ids.fresh(SubnetId::PREFIX),
        name: format!("subnet-{number}"),
        description: String::new(),
        vpc: vpc.id.clone(),
        prefix: ipnet::Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 0, 0), 16).into(),
        acl: None,
        created: BEGINNING,
    };
    let network = Network {
        vpc: vpc.id.clone(),
        subnet: subnet.id.clone(),
        security_group: security_group.id.clone(),
        // The first ones are not for resources.
        addresses: 9,
    };
    region.vpcs.insert(vpc.id.clone(), Arc::new(vpc));
    region.security_groups.insert(security_group.id.clone(), Arc::new(security_group));
    region.subnets.insert(subnet.id.clone(), Arc::new(subnet));
    network
}

fn add_balancer(
    region: &mut Region,
    ids: &mut Ids,
    network: &mut Network,
    number: u32,
    public: bool,
) -> LoadBalancerId {
    let id: LoadBalancerId = ids.fresh(LoadBalancerId::PREFIX);
    let eip = public.then(|| {
        let eip = Eip {
            id: ids.fresh(EipId::PREFIX),
            addr: Ipv4Addr::from(0xc612_0001 + number).into(),
            bandwidth_mbps: 1,
            provider: "bgp".to_owned(),
            load_balancer: Some(id.clone()),
            tags: Vec::new(),
            created: BEGINNING,
        };
        region.eips.insert(eip.id.clone(), Arc::new(eip.clone()));
        eip.id
    });
    let balancer = LoadBalancer {
        id: id.clone(),
        name: format!("lb-{number}"),
        description: String::new(),
        vpc: network.vpc.clone(),
        subnet: network.subnet.clone(),
        vip: network.address(),
        eip,
        enabled: true,
        delete_protection: false,
        tags: Vec::new(),
        created: BEGINNING + u64::from(number),
    };
    region.load_balancers.insert(id.clone(), Arc::new(balancer));
    id
}

fn add_instance(
    region: &mut Region,
    ids: &mut Ids,
    network: &mut Network,
    number: u32,
    host: &HostId,
) -> InstanceId {
    let id: InstanceId = ids.fresh(InstanceId::PREFIX);
    let place = region.hosts.get(host).map(|host| (host.az.clone(), host.rack.clone()));
    let (az, rack) = place.unwrap_or_default();
    let instance = Instance {
        id: id.clone(),
        number: number + 1,
        name: format!("instance-{number}"),
        description: String::new(),
        host: host.clone(),
        az,
        rack,
        vpc: network.vpc.clone(),
        subnet: network.subnet.clone(),
        addr: network.address(),
        security_groups: vec![network.security_group.clone()],
        ag: None,
        template: None,
        instance_type: "g.n2.medium".to_owned(),
        image: "img-blank".to_owned(),
        launch_script: None,
        metadata: BTreeMap::new(),
        tags: Vec::new(),
        wanted: Power::On,
        state: InstanceState::Running,
        boot: 0,
        client_token: None,
        created: BEGINNING + u64::from(number),
    };
    region.instances.insert(id.clone(), Arc::new(instance));
    id
}

/// A target group and its backend service.
fn add_group(
    region: &mut Region,
    ids: &mut Ids,
    load_balancer: &LoadBalancerId,
    number: u32,
    targets: BTreeMap<TargetId, Target>,
) -> BackendId {
    let group = TargetGroup {
        id: ids.fresh(TargetGroupId::PREFIX),
        name: format!("group-{number}"),
        description: String::new(),
        load_balancer: load_balancer.clone(),
        targets,
        created: BEGINNING + u64::from(number),
    };
    let backend = Backend {
        id: ids.fresh(BackendId::PREFIX),
        number: number + 1,
        name: format!("backend-{number}"),
        description: String::new(),
        load_balancer: load_balancer.clone(),
        protocol: Protocol::Tcp,
        port: 8080,
        algorithm: Algorithm::IpHash,
        check: HealthCheck::DEFAULT,
        check_enabled: true,
        group: Some(ServerGroup::TargetGroup(group.id.clone())),
        draining_seconds: 300,
        without_member: WithoutMember::default(),
        ag_weights: AgWeights::default(),
        created: BEGINNING + u64::from(number),
    };
    let id = backend.id.clone();
    region.target_groups.insert(group.id.clone(), Arc::new(group));
    region.backends.insert(id.clone(), Arc::new(backend));
    id
}

/// Identifiers as the server makes them.
struct Ids(StdRng);

impl Ids {
    fn fresh<K: From<String>>(&mut self, prefix: &str) -> K {
        const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
        let tail = (0..10).map(|_| char::from(LETTERS[self.0.random_range(0..LETTERS.len())]));
        K::from(prefix.chars().chain(tail).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_as_large_as_asked_for_and_names_only_what_there_is() {
        let size = Size {
            targets: 120,
            target_groups: 12,
            listeners: 150,
            load_balancers: None,
            vpcs: 2,
            hosts: 5,
            hosts_of_a_vpc: 3,
            edges: 1,
            elastic_ips: 1,
        };
        let mut region = Region::default();
        fill(&mut region, &size);
        let targets: usize = region.target_groups.values().map(|group| group.targets.len()).sum();
        assert_eq!((targets, region.instances.len()), (120, 120));
        assert_eq!((region.listeners.len(), region.load_balancers.len(), region.eips.len()), (150, 3, 1));
        let ports: std::collections::BTreeSet<_> =
            region.listeners.values().map(|listener| (&listener.load_balancer, listener.port)).collect();
        assert_eq!(ports.len(), 150, "a port is that of one listener");
        for group in region.target_groups.values() {
            let vpc = &region.load_balancers[&group.load_balancer].vpc;
            assert!(group.targets.values().all(|target| region.instances[&target.instance].vpc == *vpc));
        }
        assert!(region.instances.values().all(|instance| region.hosts.contains_key(&instance.host)));
    }
}

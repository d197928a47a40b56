//! What hosts know of one VPC.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    sync::Arc,
};

use dnlb_model::{
    Acl, Backend, BackendConfig, CheckConfig, EndpointConfig, FilterRule, HostId, HostState, IdleConfig,
    Index, Instance, InstanceConfig, InstanceId, InstanceState, Listener, LoadBalancer, Power, Region,
    ServiceConfig, Vpc, VpcId, WithoutMember, objects_of,
};

use crate::host_config::{Server, current_members, servers_by_index};

/// What all hosts that know a VPC know of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Shared {
    /// Hosts to which they may have to send.
    pub(crate) hosts: BTreeMap<u16, IpAddr>,
    pub(crate) endpoints: Arc<BTreeMap<(u32, IpAddr), EndpointConfig>>,
    pub(crate) services: BTreeMap<u32, ServiceConfig>,
    pub(crate) idle: Vec<IdleConfig>,
    /// With the targets of all hosts.
    pub(crate) backends: BTreeMap<u32, Arc<BackendConfig>>,
    pub(crate) host_names: BTreeMap<u32, String>,
    pub(crate) instance_names: Arc<BTreeMap<u32, String>>,
    pub(crate) listener_names: BTreeMap<u32, String>,
    pub(crate) vpc_names: BTreeMap<u32, String>,
}

impl Shared {
    /// Lets what is as it was be the same allocation, so that nobody compares it again.
    pub(crate) fn keep(&mut self, former: &Self) {
        if self.endpoints == former.endpoints {
            self.endpoints = Arc::clone(&former.endpoints);
        }
        if self.instance_names == former.instance_names {
            self.instance_names = Arc::clone(&former.instance_names);
        }
        for (number, backend) in &mut self.backends {
            if let Some(former) = former.backends.get(number).filter(|former| *former == backend) {
                *backend = Arc::clone(former);
            }
        }
    }
}

/// What a host carries of a VPC: its instances there, by number.
pub(crate) type Carried = BTreeMap<u32, InstanceConfig>;

/// A VPC as hosts know it.
pub(crate) struct Network {
    /// For hosts that carry instances of it.
    pub(crate) inside: Shared,
    /// For edges that do not; none if nothing in it has an elastic IP.
    pub(crate) outside: Option<Shared>,
    /// Of each host that carries any.
    pub(crate) carried: BTreeMap<HostId, Carried>,
}

impl Network {
    /// # Cost
    /// That of the VPC's instances, listeners and backend services.
    pub(crate) fn of(region: &Region, index: &Index, vpc: &VpcId) -> Option<Self> {
        let vpc = region.vpcs.get(vpc)?;
        Some(View::new(region, index, vpc).network())
    }
}

/// What is worked out once for a VPC.
struct View<'a> {
    region: &'a Region,
    vpc: &'a Vpc,
    /// Its instances on hosts that there are.
    instances: Vec<&'a Instance>,
    known: HashMap<u32, Known<'a>>,
    /// Enabled listeners of enabled load balancers, and their names.
    services: BTreeMap<u32, (ServiceConfig, String)>,
    /// Enabled load balancers without an enabled listener.
    idle: Vec<IdleConfig>,
    /// With the targets of all hosts.
    backends: BTreeMap<u32, Arc<BackendConfig>>,
    /// Health checks: instance -> backend service's number -> check.
    checks: BTreeMap<&'a InstanceId, BTreeMap<u32, CheckConfig>>,
}

/// What is asked of an instance of which only the number is known.
struct Known<'a> {
    id: &'a InstanceId,
    /// The index of its host, if it runs, as far as anybody knows.
    living: Option<u16>,
}

impl<'a> Known<'a> {
    fn new(region: &'a Region, instance: &'a Instance) -> Self {
        let runs = instance.wanted == Power::On && instance.state == InstanceState::Running;
        let host = region.hosts.get(&instance.host).filter(|host| runs && host.state == HostState::Up);
        Self { id: &instance.id, living: host.map(|host| host.index) }
    }
}

impl<'a> View<'a> {
    fn new(region: &'a Region, index: &Index, vpc: &'a Arc<Vpc>) -> Self {
        let instances = index.instances_of_vpc.of(&vpc.id).filter_map(|id| region.instances.get(id));
        let instances: Vec<&Instance> = instances.map(|instance| &**instance).collect();
        let balancers = || index.balancers_of_vpc.of(&vpc.id);
        let mut services = BTreeMap::new();
        let mut idle = Vec::new();
        for balancer in balancers().filter_map(|id| region.load_balancers.get(id)) {
            let Some(place) = place(region, vpc, balancer) else { continue };
            let listeners = index.listeners_of_balancer.of(&balancer.id);
            let listeners = listeners.filter_map(|id| region.listeners.get(id));
            let heard = services.len();
            services.extend(listeners.filter_map(|listener| service(region, balancer, place, listener)));
            if services.len() == heard {
                idle.push(place);
            }
        }
        let mut view = Self {
            region,
            vpc,
            known: instances.iter().map(|one| (one.number, Known::new(region, one))).collect(),
            services,
            idle,
            instances,
            backends: BTreeMap::new(),
            checks: BTreeMap::new(),
        };
        // Targets are instances of the VPC of their load balancer.
        let backends = balancers().flat_map(|balancer| index.backends_of_balancer.of(balancer));
        for backend in backends.filter_map(|id| region.backends.get(id)) {
            view.add_backend(backend, &servers_by_index(region, index, backend));
        }
        view
    }

    fn add_backend(&mut self, backend: &'a Backend, targets: &[Server<'a>]) {
        let mut generations = match self.region.generations.get(&backend.id) {
            Some(known) if !known.is_empty() => known.to_vec(),
            _ => vec![current_members(self.region, backend, targets)],
        };
        let unheard = self.unheard(backend);
        let living = |number: &u32| self.known.get(number).and_then(|known| known.living);
        let host = |number: &u32| living(number).or_else(|| unheard.get(number).copied());
        // A chain leaves out members of former sets that have host 0, while the set still yields the rows that it had.
        for (number, member) in generations[1..].iter_mut().flat_map(|set| &mut set.members) {
            member.host = host(number).unwrap_or(0);
        }
        let keeps = |role: &&Server<'_>| {
            let drain = self.region.draining.get(&(backend.id.clone(), role.instance.id.clone()));
            drain.is_none_or(|drain| !drain.over)
        };
        let ports = targets.iter().filter(keeps).map(|role| (role.instance.number, role.port));
        let draining = self.draining(backend).map(|(instance, port)| (instance.number, port));
        let all: BTreeMap<u32, u16> = draining.chain(ports).collect();
        let config = BackendConfig {
            silent: backend.without_member == WithoutMember::Drop,
            algorithm: backend.algorithm,
            others: all
                .keys()
                .filter(|number| !generations[0].members.contains_key(number))
                .filter_map(|number| Some((*number, host(number)?)))
                .collect(),
            unheard: unheard.keys().copied().collect(),
            targets: all,
            generations,
        };
        self.backends.insert(backend.number, Arc::new(config));
        if !backend.check_enabled {
            return;
        }
        for role in targets {
            let port = if backend.check.port == 0 { role.port } else { backend.check.port };
            let check = CheckConfig { port, check: backend.check.clone() };
            self.checks.entry(&role.instance.id).or_default().insert(backend.number, check);
        }
    }

    /// Who keeps connections of a backend service without being its member, and the port where it has them.
    fn draining(&self, backend: &Backend) -> impl Iterator<Item = (&'a Instance, u16)> {
        let going_on = objects_of(&self.region.draining, &backend.id).filter(|(_, drain)| !drain.over);
        going_on.filter_map(|(id, drain)| Some((&**self.region.instances.get(id)?, drain.port)))
    }

    /// Who drains and may be alive, though nobody hears of its host, and the index of that.
    fn unheard(&self, backend: &Backend) -> BTreeMap<u32, u16> {
        let unheard =
            |instance: &&Instance| instance.wanted == Power::On && instance.state == InstanceState::unheard();
        let host =
            |instance: &Instance| Some((instance.number, self.region.hosts.get(&instance.host)?.index));
        self.draining(backend).map(|(instance, _)| instance).filter(unheard).filter_map(host).collect()
    }

    fn network(&self) -> Network {
        let public = |service: &&ServiceConfig| service.eip.is_some();
        let public: Vec<&ServiceConfig> = self.configs().filter(public).collect();
        let public_idle: Vec<IdleConfig> = self.idle.iter().filter(|it| it.eip.is_some()).copied().collect();
        let mut carried: BTreeMap<HostId, Carried> = BTreeMap::new();
        for instance in self.instances.iter().filter(|one| self.region.hosts.contains_key(&one.host)) {
            // An instance without a subnet is known and not carried, which the API does not let happen.
            let own = carried.entry(instance.host.clone()).or_default();
            own.extend(self.instance_config(instance).map(|config| (instance.number, config)));
        }
        Network {
            inside: self.shared(self.configs(), self.idle.clone(), self.endpoints()),
            outside: (!public.is_empty() || !public_idle.is_empty())
                .then(|| self.shared(public.into_iter(), public_idle, BTreeMap::new())),
            carried,
        }
    }

    fn configs(&self) -> impl Iterator<Item = &ServiceConfig> {
        self.services.values().map(|(service, _)| service)
    }

    fn endpoints(&self) -> BTreeMap<(u32, IpAddr), EndpointConfig> {
        let endpoint = |instance: &&Instance| {
            let host = self.region.hosts.get(&instance.host)?.index;
            Some(((self.vpc.vni, instance.addr), EndpointConfig { instance: instance.number, host }))
        };
        self.instances.iter().filter_map(endpoint).collect()
    }

    /// What those know who know some of the services, some of the idle load balancers, and these addresses.
    fn shared<'b>(
        &self,
        services: impl Iterator<Item = &'b ServiceConfig>,
        idle: Vec<IdleConfig>,
        endpoints: BTreeMap<(u32, IpAddr), EndpointConfig>,
    ) -> Shared {
        let services: BTreeMap<u32, ServiceConfig> =
            services.map(|service| (service.number, service.clone())).collect();
        let numbers: BTreeSet<u32> = services.values().map(|service| service.backend).collect();
        let backends: BTreeMap<u32, Arc<BackendConfig>> =
            numbers.iter().filter_map(|number| Some((*number, self.backends.get(number)?.clone()))).collect();
        let members = || backends.values().flat_map(|one| &one.generations).flat_map(|set| &set.members);
        let others = || backends.values().flat_map(|one| &one.others);
        let mut wanted: BTreeSet<u16> =
            members().map(|(_, member)| member.host).chain(others().map(|(_, host)| *host)).collect();
        wanted.extend(endpoints.values().map(|endpoint| endpoint.host));
        let hosts: Vec<_> = self.region.hosts.values().filter(|host| wanted.contains(&host.index)).collect();
        let named = members().map(|(number, _)| *number).chain(others().map(|(number, _)| *number));
        let named: BTreeSet<u32> =
            named.chain(endpoints.values().map(|endpoint| endpoint.instance)).collect();
        let name = |number| Some((number, self.known.get(&number)?.id.0.clone()));
        let speaks = !services.is_empty() || !idle.is_empty() || !endpoints.is_empty();
        let vpc = speaks.then(|| (self.vpc.vni, self.vpc.name.clone()));
        let listener = |number: &u32| Some((*number, self.services.get(number)?.1.clone()));
        Shared {
            host_names: hosts.iter().map(|host| (host.index.into(), host.id.0.clone())).collect(),
            instance_names: Arc::new(named.into_iter().filter_map(name).collect()),
            listener_names: services.keys().filter_map(listener).collect(),
            vpc_names: vpc.into_iter().collect(),
            hosts: hosts.iter().map(|host| (host.index, host.underlay)).collect(),
            endpoints: Arc::new(endpoints),
            services,
            idle,
            backends,
        }
    }

    /// An instance as its host needs it; none when its subnet is missing.
    fn instance_config(&self, instance: &Instance) -> Option<InstanceConfig> {
        let subnet = self.region.subnets.get(&instance.subnet)?;
        let groups = instance.security_groups.iter().filter_map(|id| self.region.security_groups.get(id));
        let security_rules = groups
            .flat_map(|group| &group.rules)
            .map(|rule| FilterRule {
                direction: rule.direction,
                protocol: rule.protocol,
                prefix: rule.prefix,
                ports: rule.ports,
                allow: true,
            })
            .collect();
        // An ACL that is named and missing must not mean "unfiltered".
        let acl_rules = subnet
            .acl
            .as_ref()
            .map(|id| self.region.acls.get(id).map_or_else(Vec::new, |acl| acl_rules(acl)));
        Some(InstanceConfig {
            number: instance.number,
            id: instance.id.clone(),
            name: instance.name.clone(),
            vni: self.vpc.vni,
            addr: instance.addr,
            subnet: subnet.prefix,
            security_rules,
            acl_rules,
            wanted: instance.wanted,
            boot: instance.boot,
            instance_type: instance.instance_type.clone(),
            image: instance.image.clone(),
            launch_script: instance.launch_script.clone(),
            metadata: instance.metadata.clone(),
            checks: self.checks.get(&instance.id).cloned().unwrap_or_default(),
        })
    }
}

/// A listener as hosts need it, by its number, and its name after that of its load balancer; none while it is switched off.
fn service(
    region: &Region,
    balancer: &LoadBalancer,
    place: IdleConfig,
    listener: &Listener,
) -> Option<(u32, (ServiceConfig, String))> {
    let IdleConfig { vni, vip, eip } = place;
    let service = ServiceConfig {
        number: listener.number,
        vni,
        vip,
        eip,
        protocol: listener.protocol,
        port: listener.port,
        backend: region.backends.get(&listener.backend)?.number,
        idle_seconds: listener.idle_seconds,
    };
    let named = (service, format!("{}/{}", balancer.name, listener.name));
    listener.enabled.then_some((listener.number, named))
}

/// The addresses of a load balancer; none while it is switched off.
fn place(region: &Region, vpc: &Vpc, balancer: &LoadBalancer) -> Option<IdleConfig> {
    let eip = balancer.eip.as_ref().and_then(|eip| region.eips.get(eip)).map(|eip| eip.addr);
    balancer.enabled.then_some(IdleConfig { vni: vpc.vni, vip: balancer.vip, eip })
}

/// The rules of an ACL in the order in which they are tried.
fn acl_rules(acl: &Acl) -> Vec<FilterRule> {
    let mut rules: Vec<_> = acl.rules.iter().collect();
    rules.sort_by_key(|rule| rule.priority);
    rules
        .into_iter()
        .map(|rule| FilterRule {
            direction: rule.direction,
            protocol: rule.protocol,
            prefix: rule.prefix,
            ports: rule.ports,
            allow: rule.allow,
        })
        .collect()
}

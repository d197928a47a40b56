//! From a region to the configuration of each of its hosts.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    sync::Arc,
};

use dnlb_model::{
    Acl, Backend, BackendConfig, BackendId, CheckConfig, EndpointConfig, FilterRule, Host, HostConfig,
    HostId, HostNames, HostState, IdleConfig, Instance, InstanceConfig, InstanceId, InstanceState, Listener,
    LoadBalancer, MemberConfig, MemberSet, Power, Region, ServerGroup, ServiceConfig, VpcId, WithoutMember,
};

use crate::rows::row_count;

/// Member sets that a backend service remembers at most, the current one included.
pub const GENERATIONS_MAX: usize = 16;

/// Puts the current member set of a backend service in front of those that it remembers.
///
/// A set that comes back moves to the front instead of being added again, so that a health flap costs nothing.
/// Returns whether anything changed.
pub fn remember(generations: &mut Vec<MemberSet>, current: MemberSet) -> bool {
    if generations.first() == Some(&current) {
        return false;
    }
    generations.retain(|set| *set != current);
    generations.insert(0, current);
    generations.truncate(GENERATIONS_MAX);
    true
}

/// Adds `others` behind the current set, as if they had been before it.
pub(crate) fn remember_former(generations: &mut Vec<MemberSet>, others: &[MemberSet]) {
    let place = generations.len().min(1);
    let new: Vec<_> = others.iter().filter(|set| !generations.contains(set)).cloned().collect();
    generations.splice(place..place, new);
    generations.truncate(GENERATIONS_MAX);
}

/// Who gets new flows of a backend service now: targets that run, are wanted, and are healthy as far as anybody
/// checks. A backend service that does not exist has no members.
#[must_use]
pub fn members(region: &Region, backend: &BackendId) -> MemberSet {
    let Some(backend) = region.backends.get(backend) else { return MemberSet::default() };
    current_members(region, backend, &servers(region, backend))
}

/// Everybody in a backend service's server group, whatever their state, with the port where each takes traffic.
#[must_use]
pub fn servers<'a>(region: &'a Region, backend: &Backend) -> Vec<Server<'a>> {
    servers_by_group(region, backend, |ag| {
        region
            .instances
            .values()
            .filter(|instance| instance.ag.as_ref() == Some(ag))
            .map(|found| &**found)
            .collect()
    })
}

/// Whether an instance in a backend service's server group gets new flows, and if not, why.
#[must_use]
pub fn fitness<'a>(region: &'a Region, backend: &Backend, instance: &Instance) -> Fitness<'a> {
    if region.hosts.get(&instance.host).is_none_or(|host| host.state != HostState::Up) {
        return Fitness::HostDown;
    }
    if instance.wanted != Power::On || instance.state != InstanceState::Running {
        return Fitness::NotRunning;
    }
    if !backend.check_enabled {
        return Fitness::Unchecked;
    }
    match region.health.get(&(backend.id.clone(), instance.id.clone())) {
        None => Fitness::NotChecked,
        Some(health) if health.healthy => Fitness::Healthy,
        Some(health) => Fitness::Unhealthy(&health.reason),
    }
}

/// The configuration of every host, whether it is up or not.
///
/// A backend service of which the region remembers nothing has just its current [`members`].
#[must_use]
pub fn host_configs(region: &Region) -> BTreeMap<HostId, HostConfig> {
    let view = View::new(region);
    region.hosts.iter().map(|(id, host)| (id.clone(), view.host_config(host))).collect()
}

/// An instance in its role as a server of a backend service.
#[derive(Clone, Copy, Debug)]
pub struct Server<'a> {
    /// The instance.
    pub instance: &'a Instance,
    /// Where it takes traffic: never 0.
    pub port: u16,
    /// Its weight, 1 to 100.
    pub weight: u32,
}

/// Why a server gets new flows, or does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fitness<'a> {
    /// Its checks succeed: it gets new flows.
    Healthy,
    /// Its host is down.
    HostDown,
    /// Its checks have not come to a verdict yet.
    NotChecked,
    /// It does not run, or is not wanted to.
    NotRunning,
    /// Nobody checks it: it gets new flows while it runs.
    Unchecked,
    /// Its checks fail; the last one's result, in words.
    Unhealthy(&'a str),
}

impl Fitness<'_> {
    /// Whether it gets new flows.
    #[must_use]
    pub const fn serves(self) -> bool {
        matches!(self, Self::Healthy | Self::Unchecked)
    }
}

/// [`servers`], with the caller's way to find the members of a group.
pub(crate) fn servers_by_group<'a>(
    region: &'a Region,
    backend: &Backend,
    in_group: impl Fn(&dnlb_model::AgId) -> Vec<&'a Instance>,
) -> Vec<Server<'a>> {
    match &backend.group {
        None => Vec::new(),
        Some(ServerGroup::Ag(ag)) => in_group(ag)
            .into_iter()
            .map(|instance| {
                let weight = backend.ag_weights.of(&instance.id);
                Server { instance, port: backend.port, weight }
            })
            .collect(),
        Some(ServerGroup::TargetGroup(group)) => region
            .target_groups
            .get(group)
            .into_iter()
            .flat_map(|group| group.targets.values())
            .filter_map(|target| {
                let instance = &**region.instances.get(&target.instance)?;
                let port = if target.port == 0 { backend.port } else { target.port };
                Some(Server { instance, port, weight: target.weight })
            })
            .collect(),
    }
}

pub(crate) fn current_members(region: &Region, backend: &Backend, targets: &[Server]) -> MemberSet {
    let member = |server: &Server| {
        let host = region.hosts.get(&server.instance.host)?.index;
        let member = (server.instance.number, MemberConfig { host, weight: server.weight });
        fitness(region, backend, server.instance).serves().then_some(member)
    };
    let mut members: BTreeMap<_, _> = targets.iter().filter_map(member).collect();
    if members.is_empty() && backend.without_member == WithoutMember::FailOpen {
        let runs = |server: &&Server| {
            matches!(fitness(region, backend, server.instance), Fitness::Unhealthy(_) | Fitness::NotChecked)
        };
        members = targets
            .iter()
            .filter(runs)
            .filter_map(|server| {
                let host = region.hosts.get(&server.instance.host)?.index;
                Some((server.instance.number, MemberConfig { host, weight: server.weight }))
            })
            .collect();
    }
    MemberSet { members, rows: row_count(targets.len()) }
}

/// What all hosts' configurations have in common, worked out once.
struct View<'a> {
    region: &'a Region,
    instances_by_host: BTreeMap<&'a HostId, Vec<&'a Instance>>,
    instances_by_vpc: BTreeMap<&'a VpcId, Vec<&'a Instance>>,
    /// Enabled listeners of enabled load balancers, with the VPC to which they belong.
    services: Vec<(&'a VpcId, ServiceConfig)>,
    /// Enabled load balancers without an enabled listener, with their VPC.
    idle: Vec<(&'a VpcId, IdleConfig)>,
    /// Backend services; `targets` holds those of all hosts.
    backends: BTreeMap<u32, BackendConfig>,
    /// Instances that run, as far as anybody knows, and the index of their host.
    living: BTreeMap<u32, u16>,
    /// Ids of all instances, by number.
    ids: BTreeMap<u32, &'a InstanceId>,
    /// Names of all VPCs, by VNI.
    vpcs: BTreeMap<u32, &'a str>,
    /// Names of all listeners after that of their load balancer, by number.
    listeners: BTreeMap<u32, String>,
    /// Health checks: instance -> backend service's number -> check.
    checks: BTreeMap<&'a InstanceId, BTreeMap<u32, CheckConfig>>,
}

impl<'a> View<'a> {
    fn new(region: &'a Region) -> Self {
        let mut view = Self {
            region,
            instances_by_host: BTreeMap::new(),
            instances_by_vpc: BTreeMap::new(),
            services: Vec::new(),
            idle: Vec::new(),
            backends: BTreeMap::new(),
            living: living(region),
            ids: region.instances.values().map(|instance| (instance.number, &instance.id)).collect(),
            vpcs: region.vpcs.values().map(|vpc| (vpc.vni, vpc.name.as_str())).collect(),
            listeners: region.listeners.values().map(|listener| listener_name(region, listener)).collect(),
            checks: BTreeMap::new(),
        };
        let mut by_ag: BTreeMap<_, Vec<&Instance>> = BTreeMap::new();
        for instance in region.instances.values().map(|instance| &**instance) {
            view.instances_by_host.entry(&instance.host).or_default().push(instance);
            view.instances_by_vpc.entry(&instance.vpc).or_default().push(instance);
            if let Some(ag) = &instance.ag {
                by_ag.entry(ag).or_default().push(instance);
            }
        }
        for backend in region.backends.values() {
            let targets = servers_by_group(region, backend, |ag| by_ag.get(ag).cloned().unwrap_or_default());
            view.add_backend(backend, &targets);
        }
        let mut heard = BTreeSet::new();
        for listener in region.listeners.values() {
            if let Some(found) = service(region, listener) {
                heard.insert(&listener.load_balancer);
                view.services.push(found);
            }
        }
        let idle = region.load_balancers.values().filter(|balancer| !heard.contains(&balancer.id));
        view.idle = idle.filter_map(|balancer| Some((&balancer.vpc, place(region, balancer)?))).collect();
        view
    }

    fn add_backend(&mut self, backend: &'a Backend, targets: &[Server<'a>]) {
        let mut generations = match self.region.generations.get(&backend.id) {
            Some(known) if !known.is_empty() => known.to_vec(),
            _ => vec![current_members(self.region, backend, targets)],
        };
        let unheard = self.unheard(backend);
        let host = |number: &u32| self.living.get(number).or_else(|| unheard.get(number)).copied();
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
        self.backends.insert(backend.number, config);
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
        let first = (backend.id.clone(), InstanceId(String::new()));
        let drains = self.region.draining.range(first..).take_while(|((of, _), _)| *of == backend.id);
        let going_on = drains.filter(|(_, drain)| !drain.over);
        going_on.filter_map(|((_, id), drain)| Some((&**self.region.instances.get(id)?, drain.port)))
    }

    /// Who drains and may be alive, though nobody hears of its host, and the index of that.
    fn unheard(&self, backend: &Backend) -> BTreeMap<u32, u16> {
        let unheard =
            |instance: &&Instance| instance.wanted == Power::On && instance.state == InstanceState::unheard();
        let host =
            |instance: &Instance| Some((instance.number, self.region.hosts.get(&instance.host)?.index));
        self.draining(backend).map(|(instance, _)| instance).filter(unheard).filter_map(host).collect()
    }

    fn host_config(&self, host: &Host) -> HostConfig {
        let empty = Vec::new();
        let local = self.instances_by_host.get(&host.id).unwrap_or(&empty);
        let vpcs: BTreeSet<&VpcId> = local.iter().map(|instance| &instance.vpc).collect();
        let endpoints = self.endpoints(&vpcs);
        let services: Vec<ServiceConfig> = self
            .services
            .iter()
            .filter(|(vpc, service)| vpcs.contains(vpc) || (host.edge && service.eip.is_some()))
            .map(|(_, service)| service.clone())
            .collect();
        let idle: Vec<IdleConfig> = self
            .idle
            .iter()
            .filter(|(vpc, idle)| vpcs.contains(vpc) || (host.edge && idle.eip.is_some()))
            .map(|(_, idle)| *idle)
            .collect();
        let backends = self.host_backends(&services, local);
        let hosts = self.hosts(host, &endpoints, &backends);
        let vnis = endpoints.keys().map(|(vni, _)| *vni);
        let vnis = vnis.chain(services.iter().map(|it| it.vni)).chain(idle.iter().map(|it| it.vni));
        let names = self.names(&hosts, &endpoints, &services, &backends, vnis.collect());
        HostConfig {
            revision: self.region.revision,
            region: self.region.settings.name.clone(),
            host: host.index,
            host_id: host.id.0.clone(),
            az: host.az.clone(),
            rack: host.rack.clone(),
            edge: host.edge,
            hash_key: self.region.settings.hash_key,
            hosts,
            peers: self.region.hosts.values().map(|host| host.underlay).collect(),
            endpoints,
            instances: local
                .iter()
                .filter_map(|instance| Some((instance.number, self.instance_config(instance)?)))
                .collect(),
            services,
            idle,
            backends,
            names,
        }
    }

    /// Names for the numbers in a host's configuration; what has none is left out.
    fn names(
        &self,
        hosts: &BTreeMap<u16, IpAddr>,
        endpoints: &BTreeMap<(u32, IpAddr), EndpointConfig>,
        services: &[ServiceConfig],
        backends: &BTreeMap<u32, BackendConfig>,
        vnis: BTreeSet<u32>,
    ) -> HostNames {
        let indices = |host: &&Arc<Host>| hosts.contains_key(&host.index);
        let sets = backends.values().flat_map(|backend| &backend.generations);
        let mut instances: BTreeSet<u32> = sets.flat_map(|set| set.members.keys().copied()).collect();
        instances.extend(backends.values().flat_map(|backend| backend.others.keys().copied()));
        instances.extend(endpoints.values().map(|endpoint| endpoint.instance));
        let listener =
            |service: &ServiceConfig| Some((service.number, self.listeners.get(&service.number)?.clone()));
        HostNames {
            hosts: self
                .region
                .hosts
                .values()
                .filter(indices)
                .map(|host| (host.index.into(), host.id.0.clone()))
                .collect(),
            instances: instances
                .into_iter()
                .filter_map(|number| Some((number, self.ids.get(&number)?.0.clone())))
                .collect(),
            listeners: services.iter().filter_map(listener).collect(),
            vpcs: vnis
                .into_iter()
                .filter_map(|vni| Some((vni, (*self.vpcs.get(&vni)?).to_owned())))
                .collect(),
        }
    }

    /// All instances of some VPCs.
    fn endpoints(&self, vpcs: &BTreeSet<&VpcId>) -> BTreeMap<(u32, IpAddr), EndpointConfig> {
        let mut endpoints = BTreeMap::new();
        for id in vpcs {
            let Some(vpc) = self.region.vpcs.get(*id) else { continue };
            for instance in self.instances_by_vpc.get(*id).into_iter().flatten() {
                let Some(host) = self.region.hosts.get(&instance.host) else { continue };
                let endpoint = EndpointConfig { instance: instance.number, host: host.index };
                endpoints.insert((vpc.vni, instance.addr), endpoint);
            }
        }
        endpoints
    }

    /// Backend services of some listeners, with targets among some instances only.
    fn host_backends(&self, services: &[ServiceConfig], local: &[&Instance]) -> BTreeMap<u32, BackendConfig> {
        let numbers: BTreeSet<u32> = services.iter().map(|service| service.backend).collect();
        let local_numbers: BTreeSet<u32> = local.iter().map(|instance| instance.number).collect();
        numbers
            .into_iter()
            .filter_map(|number| {
                let backend = self.backends.get(&number)?;
                let targets = backend.targets.iter().filter(|(number, _)| local_numbers.contains(number));
                let targets = targets.map(|(&number, &port)| (number, port)).collect();
                Some((number, BackendConfig { targets, ..backend.clone() }))
            })
            .collect()
    }

    /// The host itself and those to which it may have to send.
    fn hosts(
        &self,
        host: &Host,
        endpoints: &BTreeMap<(u32, IpAddr), EndpointConfig>,
        backends: &BTreeMap<u32, BackendConfig>,
    ) -> BTreeMap<u16, IpAddr> {
        let members = backends.values().flat_map(|backend| &backend.generations);
        let mut wanted: BTreeSet<u16> =
            members.flat_map(|set| set.members.values()).map(|member| member.host).collect();
        wanted.extend(backends.values().flat_map(|backend| backend.others.values()));
        wanted.extend(endpoints.values().map(|endpoint| endpoint.host));
        wanted.insert(host.index);
        let hosts = self.region.hosts.values().filter(|host| wanted.contains(&host.index));
        hosts.map(|host| (host.index, host.underlay)).collect()
    }

    /// An instance as its host needs it; none when its VPC or subnet is missing, which the API does not let happen.
    fn instance_config(&self, instance: &Instance) -> Option<InstanceConfig> {
        let vpc = self.region.vpcs.get(&instance.vpc)?;
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
            vni: vpc.vni,
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

/// Instances that run, as far as anybody knows, and the index of their host.
fn living(region: &Region) -> BTreeMap<u32, u16> {
    let running =
        |instance: &&Arc<Instance>| instance.wanted == Power::On && instance.state == InstanceState::Running;
    let host = |instance: &Arc<Instance>| {
        let host = region.hosts.get(&instance.host).filter(|host| host.state == HostState::Up)?;
        Some((instance.number, host.index))
    };
    region.instances.values().filter(running).filter_map(host).collect()
}

/// A listener's number, and its name after that of its load balancer.
fn listener_name(region: &Region, listener: &Listener) -> (u32, String) {
    let balancer = region.load_balancers.get(&listener.load_balancer);
    let balancer = balancer.map_or("", |balancer| balancer.name.as_str());
    (listener.number, format!("{balancer}/{}", listener.name))
}

/// A listener as hosts need it, and its VPC; none while it or its load balancer is switched off.
fn service<'a>(region: &'a Region, listener: &Listener) -> Option<(&'a VpcId, ServiceConfig)> {
    let balancer = region.load_balancers.get(&listener.load_balancer)?;
    let IdleConfig { vni, vip, eip } = place(region, balancer).filter(|_| listener.enabled)?;
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
    Some((&balancer.vpc, service))
}

/// The addresses of a load balancer; none while it is switched off.
fn place(region: &Region, balancer: &LoadBalancer) -> Option<IdleConfig> {
    let eip = balancer.eip.as_ref().and_then(|eip| region.eips.get(eip)).map(|eip| eip.addr);
    let vni = region.vpcs.get(&balancer.vpc)?.vni;
    balancer.enabled.then_some(IdleConfig { vni, vip: balancer.vip, eip })
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

#[cfg(test)]
mod tests;

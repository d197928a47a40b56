//! A host's configuration as a message and back.

use std::collections::BTreeMap;

use dnlb_model::{
    Algorithm, BackendConfig, CheckConfig, CheckProtocol, Direction, EndpointConfig, FilterRule, HealthCheck,
    HostConfig, HostNames, HttpCheck, IdleConfig, InstanceConfig, InstanceId, MemberConfig, MemberSet, Power,
    Protocol, RuleProtocol, ServiceConfig,
};

use crate::{
    ParseError,
    parse::{self, addr_bytes, prefix_message},
    pb,
};

impl From<&HostConfig> for pb::HostConfig {
    fn from(config: &HostConfig) -> Self {
        let hosts = config.hosts.iter();
        let hosts = hosts.map(|(index, underlay)| pb::HostAddress {
            index: u32::from(*index),
            underlay: addr_bytes(*underlay),
        });
        let endpoints = config.endpoints.iter().map(|((vni, addr), endpoint)| pb::Endpoint {
            vni: *vni,
            addr: addr_bytes(*addr),
            instance: endpoint.instance,
            host: endpoint.host.into(),
        });
        Self {
            revision: config.revision,
            region: config.region.clone(),
            host: config.host.into(),
            host_id: config.host_id.clone(),
            az: config.az.clone(),
            rack: config.rack.clone(),
            edge: config.edge,
            hash_key: config.hash_key.to_vec(),
            hosts: hosts.collect(),
            peers: config.peers.iter().copied().map(addr_bytes).collect(),
            endpoints: endpoints.collect(),
            instances: config.instances.values().map(instance_message).collect(),
            services: config.services.iter().map(service_message).collect(),
            idle: config.idle.iter().map(idle_message).collect(),
            backends: config
                .backends
                .iter()
                .map(|(number, backend)| backend_message(*number, backend))
                .collect(),
            host_names: name_messages(&config.names.hosts),
            instance_names: name_messages(&config.names.instances),
            listener_names: name_messages(&config.names.listeners),
            vpc_names: name_messages(&config.names.vpcs),
        }
    }
}

impl TryFrom<pb::HostConfig> for HostConfig {
    type Error = ParseError;

    fn try_from(config: pb::HostConfig) -> Result<Self, ParseError> {
        let words = config.hash_key.len() as u64;
        Ok(Self {
            revision: config.revision,
            region: config.region,
            host: parse::small_nonzero("host", config.host)?,
            host_id: config.host_id,
            az: config.az,
            rack: config.rack,
            edge: config.edge,
            hash_key: <[u32; 24]>::try_from(config.hash_key)
                .map_err(|_| ParseError::Range { field: "hash_key", value: words })?,
            hosts: parse::map("hosts", config.hosts, |host| {
                let index = parse::small_nonzero("hosts.index", host.index)?;
                Ok((index, parse::addr("hosts.underlay", &host.underlay)?))
            })?,
            peers: config.peers.iter().map(|addr| parse::addr("peers", addr)).collect::<Result<_, _>>()?,
            endpoints: parse::map("endpoints", config.endpoints, |endpoint| {
                let vni = parse::vni("endpoints.vni", endpoint.vni)?;
                let addr = parse::addr("endpoints.addr", &endpoint.addr)?;
                let instance = parse::nonzero("endpoints.instance", endpoint.instance)?;
                let host = parse::small_nonzero("endpoints.host", endpoint.host)?;
                Ok(((vni, addr), EndpointConfig { instance, host }))
            })?,
            instances: parse::map("instances", config.instances, |instance| {
                let instance = parse_instance(instance)?;
                Ok((instance.number, instance))
            })?,
            services: config.services.into_iter().map(parse_service).collect::<Result<_, _>>()?,
            idle: config.idle.iter().map(parse_idle).collect::<Result<_, _>>()?,
            backends: parse::map("backends", config.backends, parse_backend)?,
            names: HostNames {
                hosts: parse_names("host_names", config.host_names)?,
                instances: parse_names("instance_names", config.instance_names)?,
                listeners: parse_names("listener_names", config.listener_names)?,
                vpcs: parse_names("vpc_names", config.vpc_names)?,
            },
        })
    }
}

fn name_messages(names: &BTreeMap<u32, String>) -> Vec<pb::Name> {
    names.iter().map(|(&number, name)| pb::Name { number, name: name.clone() }).collect()
}

fn parse_names(field: &'static str, names: Vec<pb::Name>) -> Result<BTreeMap<u32, String>, ParseError> {
    parse::map(field, names, |name| Ok((parse::nonzero(field, name.number)?, name.name)))
}

fn instance_message(instance: &InstanceConfig) -> pb::Instance {
    pb::Instance {
        number: instance.number,
        id: instance.id.0.clone(),
        name: instance.name.clone(),
        vni: instance.vni,
        addr: addr_bytes(instance.addr),
        subnet: Some(prefix_message(instance.subnet)),
        security_rules: instance.security_rules.iter().map(rule_message).collect(),
        acl_rules: instance
            .acl_rules
            .as_ref()
            .map(|rules| pb::Rules { rules: rules.iter().map(rule_message).collect() }),
        wanted: match instance.wanted {
            Power::On => pb::Power::On,
            Power::Off => pb::Power::Off,
        }
        .into(),
        boot: instance.boot,
        instance_type: instance.instance_type.clone(),
        image: instance.image.clone(),
        launch_script: instance.launch_script.clone(),
        metadata: instance.metadata.clone(),
        checks: instance.checks.iter().map(|(backend, check)| check_message(*backend, check)).collect(),
    }
}

fn parse_instance(instance: pb::Instance) -> Result<InstanceConfig, ParseError> {
    let rules = |rules: Vec<pb::Rule>| rules.into_iter().map(parse_rule).collect::<Result<Vec<_>, _>>();
    let wanted = match instance.wanted() {
        pb::Power::On => Power::On,
        pb::Power::Off => Power::Off,
        pb::Power::Unspecified => return Err(ParseError::Missing { field: "instances.wanted" }),
    };
    Ok(InstanceConfig {
        wanted,
        number: parse::nonzero("instances.number", instance.number)?,
        vni: parse::vni("instances.vni", instance.vni)?,
        addr: parse::addr("instances.addr", &instance.addr)?,
        subnet: parse::prefix("instances.subnet", instance.subnet)?,
        id: InstanceId(instance.id),
        name: instance.name,
        security_rules: rules(instance.security_rules)?,
        acl_rules: instance.acl_rules.map(|acl| rules(acl.rules)).transpose()?,
        boot: instance.boot,
        instance_type: instance.instance_type,
        image: instance.image,
        launch_script: instance.launch_script,
        metadata: instance.metadata,
        checks: parse::map("instances.checks", instance.checks, parse_check)?,
    })
}

fn rule_message(rule: &FilterRule) -> pb::Rule {
    pb::Rule {
        direction: match rule.direction {
            Direction::In => pb::Direction::In,
            Direction::Out => pb::Direction::Out,
        }
        .into(),
        protocol: match rule.protocol {
            RuleProtocol::All => pb::RuleProtocol::All,
            RuleProtocol::Icmp => pb::RuleProtocol::Icmp,
            RuleProtocol::Tcp => pb::RuleProtocol::Tcp,
            RuleProtocol::Udp => pb::RuleProtocol::Udp,
        }
        .into(),
        prefix: Some(prefix_message(rule.prefix)),
        first_port: rule.ports.0.into(),
        last_port: rule.ports.1.into(),
        allow: rule.allow,
    }
}

fn parse_rule(rule: pb::Rule) -> Result<FilterRule, ParseError> {
    Ok(FilterRule {
        direction: match rule.direction() {
            pb::Direction::In => Direction::In,
            pb::Direction::Out => Direction::Out,
            pb::Direction::Unspecified => return Err(ParseError::Missing { field: "rules.direction" }),
        },
        protocol: match rule.protocol() {
            pb::RuleProtocol::All => RuleProtocol::All,
            pb::RuleProtocol::Icmp => RuleProtocol::Icmp,
            pb::RuleProtocol::Tcp => RuleProtocol::Tcp,
            pb::RuleProtocol::Udp => RuleProtocol::Udp,
            // Never taken for "all": an unknown protocol would open more than was meant.
            pb::RuleProtocol::Unspecified => return Err(ParseError::Missing { field: "rules.protocol" }),
        },
        prefix: parse::prefix("rules.prefix", rule.prefix)?,
        ports: (
            parse::small("rules.first_port", rule.first_port)?,
            parse::small("rules.last_port", rule.last_port)?,
        ),
        allow: rule.allow,
    })
}

fn check_message(backend: u32, check: &CheckConfig) -> pb::Check {
    let CheckConfig { port, check } = check;
    pb::Check {
        backend,
        port: (*port).into(),
        protocol: match check.protocol {
            CheckProtocol::Icmp => pb::CheckProtocol::Icmp,
            CheckProtocol::Http(_) | CheckProtocol::Tcp => pb::CheckProtocol::Tcp,
        }
        .into(),
        http: match &check.protocol {
            CheckProtocol::Http(http) => Some(http_message(http)),
            CheckProtocol::Icmp | CheckProtocol::Tcp => None,
        },
        healthy_threshold: check.healthy_threshold,
        unhealthy_threshold: check.unhealthy_threshold,
        timeout_seconds: check.timeout_seconds,
        interval_seconds: check.interval_seconds,
        configured_port: check.port.into(),
    }
}

fn http_message(http: &HttpCheck) -> pb::HttpCheck {
    pb::HttpCheck {
        domain: http.domain.as_ref().map(ToString::to_string).unwrap_or_default(),
        path: http.path.to_string(),
        codes: http.codes.to_string(),
    }
}

fn parse_http(http: &pb::HttpCheck) -> Result<HttpCheck, ParseError> {
    let domain = Some(http.domain.as_str()).filter(|domain| !domain.is_empty()).map(str::parse).transpose();
    Ok(HttpCheck {
        domain: domain.map_err(|_| ParseError::Text { field: "checks.http.domain" })?,
        path: http.path.parse().map_err(|_| ParseError::Text { field: "checks.http.path" })?,
        codes: http.codes.parse().map_err(|_| ParseError::Text { field: "checks.http.codes" })?,
    })
}

fn parse_check(check: pb::Check) -> Result<(u32, CheckConfig), ParseError> {
    let protocol = match (check.protocol(), &check.http) {
        (pb::CheckProtocol::Tcp, Some(http)) => CheckProtocol::Http(parse_http(http)?),
        (pb::CheckProtocol::Tcp, None) => CheckProtocol::Tcp,
        (pb::CheckProtocol::Icmp, None) => CheckProtocol::Icmp,
        (pb::CheckProtocol::Icmp, Some(_)) | (pb::CheckProtocol::Unspecified, _) => {
            return Err(ParseError::Missing { field: "checks.protocol" });
        }
    };
    // A pause or threshold of 0 would make the checker spin or never decide.
    let health = HealthCheck {
        protocol,
        healthy_threshold: parse::nonzero("checks.healthy_threshold", check.healthy_threshold)?,
        unhealthy_threshold: parse::nonzero("checks.unhealthy_threshold", check.unhealthy_threshold)?,
        timeout_seconds: parse::nonzero("checks.timeout_seconds", check.timeout_seconds)?,
        interval_seconds: parse::nonzero("checks.interval_seconds", check.interval_seconds)?,
        port: parse::small("checks.configured_port", check.configured_port)?,
    };
    let port = parse::small_nonzero("checks.port", check.port)?;
    Ok((parse::nonzero("checks.backend", check.backend)?, CheckConfig { port, check: health }))
}

fn service_message(service: &ServiceConfig) -> pb::Service {
    pb::Service {
        number: service.number,
        vni: service.vni,
        vip: addr_bytes(service.vip),
        eip: service.eip.map(addr_bytes),
        protocol: match service.protocol {
            Protocol::Tcp => pb::Protocol::Tcp,
            Protocol::Udp => pb::Protocol::Udp,
        }
        .into(),
        port: service.port.into(),
        backend: service.backend,
        idle_seconds: service.idle_seconds,
    }
}

fn parse_service(service: pb::Service) -> Result<ServiceConfig, ParseError> {
    Ok(ServiceConfig {
        number: parse::nonzero("services.number", service.number)?,
        vni: parse::vni("services.vni", service.vni)?,
        vip: parse::addr("services.vip", &service.vip)?,
        eip: service.eip.as_deref().map(|eip| parse::addr("services.eip", eip)).transpose()?,
        protocol: match service.protocol() {
            pb::Protocol::Tcp => Protocol::Tcp,
            pb::Protocol::Udp => Protocol::Udp,
            pb::Protocol::Unspecified => return Err(ParseError::Missing { field: "services.protocol" }),
        },
        port: parse::small_nonzero("services.port", service.port)?,
        backend: parse::nonzero("services.backend", service.backend)?,
        idle_seconds: service.idle_seconds,
    })
}

fn idle_message(idle: &IdleConfig) -> pb::Idle {
    pb::Idle { vni: idle.vni, vip: addr_bytes(idle.vip), eip: idle.eip.map(addr_bytes) }
}

fn parse_idle(idle: &pb::Idle) -> Result<IdleConfig, ParseError> {
    Ok(IdleConfig {
        vni: parse::vni("idle.vni", idle.vni)?,
        vip: parse::addr("idle.vip", &idle.vip)?,
        eip: idle.eip.as_deref().map(|eip| parse::addr("idle.eip", eip)).transpose()?,
    })
}

fn backend_message(number: u32, backend: &BackendConfig) -> pb::Backend {
    let targets = backend.targets.iter();
    let member = |(instance, member): (&u32, &MemberConfig)| pb::Member {
        instance: *instance,
        host: member.host.into(),
        weight: member.weight,
    };
    let set =
        |set: &MemberSet| pb::MemberSet { members: set.members.iter().map(member).collect(), rows: set.rows };
    pb::Backend {
        number,
        algorithm: match backend.algorithm {
            Algorithm::IpHash => pb::Algorithm::IpHash,
            Algorithm::QuintupleHash => pb::Algorithm::QuintupleHash,
        }
        .into(),
        targets: targets
            .map(|(instance, port)| pb::Target { instance: *instance, port: (*port).into() })
            .collect(),
        generations: backend.generations.iter().map(set).collect(),
        others: backend
            .others
            .iter()
            .map(|(&instance, &host)| pb::Other { instance, host: host.into() })
            .collect(),
        silent: backend.silent,
        unheard: backend.unheard.iter().copied().collect(),
    }
}

fn parse_backend(backend: pb::Backend) -> Result<(u32, BackendConfig), ParseError> {
    let algorithm = match backend.algorithm() {
        pb::Algorithm::IpHash => Algorithm::IpHash,
        pb::Algorithm::QuintupleHash => Algorithm::QuintupleHash,
        pb::Algorithm::Unspecified => return Err(ParseError::Missing { field: "backends.algorithm" }),
    };
    if backend.generations.is_empty() {
        return Err(ParseError::Missing { field: "backends.generations" });
    }
    let member = |member: pb::Member| {
        let host = parse::small("members.host", member.host)?;
        let weight = parse::nonzero("members.weight", member.weight)?;
        Ok((parse::nonzero("members.instance", member.instance)?, MemberConfig { host, weight }))
    };
    let set = |set: pb::MemberSet| {
        Ok(MemberSet { members: parse::map("generations.members", set.members, member)?, rows: set.rows })
    };
    let other = |other: pb::Other| {
        let host = parse::small("others.host", other.host)?;
        Ok((parse::nonzero("others.instance", other.instance)?, host))
    };
    let target = |target: pb::Target| {
        let port = parse::small_nonzero("targets.port", target.port)?;
        Ok((parse::nonzero("targets.instance", target.instance)?, port))
    };
    let config = BackendConfig {
        silent: backend.silent,
        unheard: backend.unheard.into_iter().collect(),
        algorithm,
        targets: parse::map("backends.targets", backend.targets, target)?,
        others: parse::map("backends.others", backend.others, other)?,
        generations: backend.generations.into_iter().map(set).collect::<Result<_, _>>()?,
    };
    Ok((parse::nonzero("backends.number", backend.number)?, config))
}

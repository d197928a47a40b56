//! Backend services and the health of their targets.

use std::sync::Arc;

use dnlb_api::{
    ApiError,
    shape::{Draining, Port, Weight},
    time, wire,
};
use dnlb_model::{
    AgId, AgWeights, Algorithm, Backend, BackendId, CheckProtocol, HealthCheck, Instance, LoadBalancerId,
    Protocol, Region, ServerGroup, TargetGroupId, WithoutMember, objects_of,
};
use dnlb_plan::{Fitness, Server, fitness, servers};
use wire::lb::{AgInfo, AgInfoSpec, CreateBackend, TargetHealth, UnhealthReason, UpdateBackend};

use super::{
    Call, DONE, Outcome, ag, check, edit, find, fresh, health_check,
    list::{self, Filters, List},
    load_balancer, next, one, quota, target_group, template,
};

pub(super) const KIND: &str = "backend";

pub(super) const FILTERS: Filters<Backend> = &[
    ("loadBalancerType", |_, _, filter| filter.accepts("dnlb")),
    ("backendIds", |_, backend, filter| filter.accepts(backend.id.as_str())),
    ("backendNames", |_, backend, filter| filter.accepts(&backend.name)),
    ("loadBalancerId", |_, backend, filter| filter.accepts(backend.load_balancer.as_str())),
    (
        "agId",
        |_, backend, filter| matches!(&backend.group, Some(ServerGroup::Ag(ag)) if filter.accepts(ag.as_str())),
    ),
    ("protocol", |_, backend, filter| filter.accepts(protocol_word(backend.protocol))),
];

/// Seconds for which a removed target keeps its connections, unless somebody says otherwise.
const DEFAULT_DRAINING: i64 = 300;

pub(super) fn create(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: CreateBackend = call.body()?;
    let name = check::name("backendName", spec.backend_name)?;
    let description = check::description(spec.description)?;
    let protocol = check::protocol(&spec.protocol)?;
    let port = check::number("port", spec.port, Port::RANGE)?;
    let algorithm = spec.algorithm.as_deref().map_or(Ok(Algorithm::IpHash), algorithm)?;
    if spec.health_check_spec.protocol.is_none() {
        return Err(ApiError::invalid("healthCheckSpec: missing field `protocol`"));
    }
    let check = health_check::changed(&HealthCheck::DEFAULT, &spec.health_check_spec, protocol)?;
    refuse_unsupported(&Unsupported {
        proxy_protocol: spec.proxy_protocol,
        session_stickiness: spec.session_stickiness,
        session_sticky_timeout: spec.session_sticky_timeout,
        http_cookie_expire_seconds: spec.http_cookie_expire_seconds,
        http_forwarded: [
            spec.http_forwarded_protocol,
            spec.http_forwarded_port,
            spec.http_forwarded_host,
            spec.http_forwarded_vip,
            spec.http_forwarded_client_port,
        ],
    })?;
    let load_balancer = LoadBalancerId::from(spec.load_balancer_id);
    load_balancer::check(region, &load_balancer)?;
    let ag_weights = weights(AgWeights::default(), spec.ag_info_spec.as_ref())?;
    let group = match server_group(spec.target_group_ids, spec.ag_ids, spec.ag_info_spec)? {
        Wanted::Unchanged | Wanted::Nobody => None,
        Wanted::Group(group) => Some(group),
    };
    check_group(region, &load_balancer, group.as_ref())?;
    let siblings = region.index().backends_of_balancer.of(&load_balancer).count();
    quota::within(siblings, 1, call.quotas.backends, "backends of the load balancer")?;
    let number = next(region, KIND, u32::MAX, |sequences| &mut sequences.backend)?;
    let id: BackendId = fresh(BackendId::PREFIX, |id| region.backends.contains_key(id));
    let backend = Backend {
        id: id.clone(),
        number,
        name,
        description,
        load_balancer,
        protocol,
        port,
        algorithm,
        check,
        check_enabled: true,
        group,
        without_member: spec
            .without_member
            .as_deref()
            .map_or(Ok(WithoutMember::default()), without_member)?,
        ag_weights,
        draining_seconds: draining(spec.connection_draining_seconds.unwrap_or(DEFAULT_DRAINING))?,
        created: call.now,
    };
    region.backends.insert(id.clone(), Arc::new(backend));
    one("backendId", id)
}

pub(super) fn update(region: &mut Region, call: &Call<'_>) -> Outcome {
    let change: UpdateBackend = call.body()?;
    let id: BackendId = call.id();
    let mut backend = find(&region.backends, KIND, &id)?.clone();
    refuse_unsupported(&Unsupported {
        proxy_protocol: change.proxy_protocol,
        session_stickiness: change.session_stickiness,
        session_sticky_timeout: change.session_sticky_timeout,
        http_cookie_expire_seconds: change.http_cookie_expire_seconds,
        http_forwarded: [
            change.http_forwarded_protocol,
            change.http_forwarded_port,
            change.http_forwarded_host,
            change.http_forwarded_vip,
            change.http_forwarded_client_port,
        ],
    })?;
    let other_protocol = change.protocol.is_some_and(|text| check::protocol(&text) != Ok(backend.protocol));
    let other_port = change.port.is_some_and(|port| port != i64::from(backend.port));
    let other_balancer = change.load_balancer_id.is_some_and(|other| other != backend.load_balancer.0);
    if other_protocol || other_port || other_balancer {
        return Err(ApiError::invalid(
            "protocol, port and load balancer of a backend cannot change: create another backend",
        ));
    }
    if let Some(name) = change.backend_name {
        backend.name = check::name("backendName", name)?;
    }
    if change.description.is_some() {
        backend.description = check::description(change.description)?;
    }
    if let Some(seconds) = change.connection_draining_seconds {
        backend.draining_seconds = draining(seconds)?;
    }
    if let Some(word) = &change.without_member {
        backend.without_member = without_member(word)?;
    }
    if let Some(word) = &change.algorithm {
        backend.algorithm = algorithm(word)?;
    }
    if let Some(spec) = &change.health_check_spec {
        backend.check = health_check::changed(&backend.check, spec, backend.protocol)?;
    }
    if let Some(closed) = change.close_health_check {
        backend.check_enabled = !closed;
    }
    let info = change.ag_info_spec.clone();
    let group = match server_group(change.target_group_ids, change.ag_ids, change.ag_info_spec)? {
        Wanted::Unchanged => backend.group.clone(),
        Wanted::Nobody => None,
        Wanted::Group(group) => Some(group),
    };
    if group != backend.group {
        backend.group = group;
        backend.ag_weights = AgWeights::default();
    }
    backend.ag_weights = weights(backend.ag_weights, info.as_ref())?;
    check_group(region, &backend.load_balancer, backend.group.as_ref())?;
    *edit(&mut region.backends, KIND, &id)? = backend;
    DONE
}

/// The server group is only let go.
pub(super) fn delete(region: &mut Region, call: &Call<'_>) -> Outcome {
    let id: BackendId = call.id();
    find(&region.backends, KIND, &id)?;
    if let Some(listener) = region.index().listeners_of_backend.of(&id).next() {
        return Err(ApiError::precondition(format!("backend {id} is in use by listener {listener}")));
    }
    region.backends.remove(&id);
    let health = region.health.clone();
    for (instance, _) in objects_of(&health, &id) {
        region.health.remove(&(id.clone(), instance.clone()));
    }
    DONE
}

pub(super) fn describe(region: &Region, call: &Call<'_>) -> Outcome {
    one("backend", view(region, find(&region.backends, KIND, &call.id())?))
}

pub(super) fn list(region: &Region, call: &Call<'_>) -> Outcome {
    List {
        key: "backends",
        items: &region.backends,
        filters: FILTERS,
        order: |backend| backend.created,
        name: Some(|backend| &backend.name),
        tags: None,
    }
    .reply_dnlb(region, call, view)
}

pub(super) fn health(region: &Region, call: &Call<'_>) -> Outcome {
    let backend = find(&region.backends, KIND, &call.id())?;
    let ids = match &backend.group {
        None => (None, None),
        Some(ServerGroup::Ag(ag)) => (None, Some(ag.0.clone())),
        Some(ServerGroup::TargetGroup(group)) => (Some(group.0.clone()), None),
    };
    let mut servers = servers(region, backend);
    // As they were made: ids are random.
    servers.sort_by_key(|server| server.instance.number);
    let targets: Vec<TargetHealth> = servers
        .into_iter()
        .map(|target| {
            let fit = fitness(region, backend, target.instance);
            TargetHealth {
                instance_id: target.instance.id.0.clone(),
                kind: "vm".to_owned(),
                port: target.port.into(),
                weight: target.weight.into(),
                status: status_word(fit).to_owned(),
                ip_address: target.instance.addr.to_string(),
                target_group_id: ids.0.clone(),
                ag_id: ids.1.clone(),
                unhealth_reason: unfitness(fit, &backend.check.protocol, target.instance),
                since_time: since(region, backend, fit, target.instance),
            }
        })
        .collect();
    let total = targets.len();
    let paged = ["pageNumber", "pageSize"].iter().any(|name| call.query.text(name).is_some());
    // Older clients know no pages here.
    let targets = if paged { call.query.page()?.of(targets) } else { targets };
    list::reply("targetHealths", &targets, total)
}

/// Whether a server gets new flows, in the API's words.
pub(super) const fn status_word(fitness: Fitness<'_>) -> &'static str {
    match fitness {
        Fitness::Healthy => "healthy",
        Fitness::Unchecked => "N/A",
        _ => "unhealthy",
    }
}

/// Since when checks have said of a server what they say now.
fn since(region: &Region, backend: &Backend, fitness: Fitness<'_>, instance: &Instance) -> Option<String> {
    if !matches!(fitness, Fitness::Healthy | Fitness::Unhealthy(_)) {
        return None;
    }
    let health = region.health.get(&(backend.id.clone(), instance.id.clone()))?;
    Some(time::iso(health.since))
}

/// Why a server gets no new flows, in the API's words.
fn unfitness(fitness: Fitness<'_>, protocol: &CheckProtocol, instance: &Instance) -> Option<UnhealthReason> {
    let (reason, detail) = match fitness {
        Fitness::Healthy | Fitness::Unchecked => return None,
        Fitness::HostDown => ("HOST_DOWN", format!("host {} is down", instance.host)),
        Fitness::NotRunning => ("NOT_RUNNING", "the instance is not running".to_owned()),
        Fitness::NotChecked => ("NOT_CHECKED", "not checked often enough yet".to_owned()),
        Fitness::Unhealthy(reason) => (health_check::failure(protocol, reason), reason.to_owned()),
    };
    Some(UnhealthReason { reason: reason.to_owned(), detail })
}

/// How many servers of a backend service get new flows, and how many there are.
pub(super) fn served(region: &Region, backend: &Backend) -> (usize, usize) {
    let targets = servers(region, backend);
    let fit = |server: &&Server<'_>| fitness(region, backend, server.instance).serves();
    (targets.iter().filter(fit).count(), targets.len())
}

/// What a request says of the server group.
enum Wanted {
    Unchanged,
    Nobody,
    Group(ServerGroup),
}

fn server_group(
    target_groups: Option<Vec<String>>,
    ags: Option<Vec<String>>,
    ag_info: Option<AgInfoSpec>,
) -> Result<Wanted, ApiError> {
    let ags = ag_info.map(|info| vec![info.ag_id]).or(ags);
    let given = target_groups.is_some() || ags.is_some();
    let (target_groups, ags) = (target_groups.unwrap_or_default(), ags.unwrap_or_default());
    match (target_groups.as_slice(), ags.as_slice()) {
        ([], []) if given => Ok(Wanted::Nobody),
        ([], []) => Ok(Wanted::Unchanged),
        ([group], []) => Ok(Wanted::Group(ServerGroup::TargetGroup(TargetGroupId(group.clone())))),
        ([], [ag]) => Ok(Wanted::Group(ServerGroup::Ag(AgId(ag.clone())))),
        _ => Err(ApiError::invalid(
            "a backend has at most one server group: one of targetGroupIds or one of agIds",
        )),
    }
}

/// Weights of an availability group's members, with the default one that a request gives.
fn weights(old: AgWeights, given: Option<&AgInfoSpec>) -> Result<AgWeights, ApiError> {
    let Some(weight) = given.and_then(|info| info.default_weight) else { return Ok(old) };
    let default = check::number("agInfoSpec.defaultWeight", weight, Weight::RANGE)?;
    Ok(AgWeights { default, ..old })
}

fn check_group(
    region: &Region,
    load_balancer: &LoadBalancerId,
    group: Option<&ServerGroup>,
) -> Result<(), ApiError> {
    match group {
        None => Ok(()),
        Some(ServerGroup::TargetGroup(id)) => {
            let group = find(&region.target_groups, target_group::KIND, id)?;
            if group.load_balancer != *load_balancer {
                return Err(ApiError::invalid(format!(
                    "target group {id} belongs to load balancer {}, not to {load_balancer}",
                    group.load_balancer
                )));
            }
            Ok(())
        }
        Some(ServerGroup::Ag(id)) => {
            let ag = find(&region.ags, ag::KIND, id)?;
            let balancer = find(&region.load_balancers, load_balancer::KIND, load_balancer)?;
            if ag.vpc != balancer.vpc {
                return Err(ApiError::invalid(format!(
                    "availability group {id} is in VPC {}, load balancer {load_balancer} in VPC {}",
                    ag.vpc, balancer.vpc
                )));
            }
            let subnet = template::subnet_of(region, &ag.template)?;
            check::same_family(
                &format_args!("availability group {id}, by subnet {}", subnet.id),
                subnet.prefix.addr(),
                &format_args!("load balancer {load_balancer}"),
                balancer.vip,
            )?;
            Ok(())
        }
    }
}

fn algorithm(word: &str) -> Result<Algorithm, ApiError> {
    match word {
        "IpHash" => Ok(Algorithm::IpHash),
        "QuintupleHash" => Ok(Algorithm::QuintupleHash),
        other => Err(ApiError::invalid(format!(
            "algorithm `{}` is not supported: a dnlb knows IpHash and QuintupleHash",
            check::shown(other)
        ))),
    }
}

/// An algorithm, in the API's words.
pub(super) const fn algorithm_word(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::IpHash => "IpHash",
        Algorithm::QuintupleHash => "QuintupleHash",
    }
}

fn without_member(word: &str) -> Result<WithoutMember, ApiError> {
    match word {
        "Reset" => Ok(WithoutMember::Reset),
        "Drop" => Ok(WithoutMember::Drop),
        "FailOpen" => Ok(WithoutMember::FailOpen),
        other => Err(ApiError::invalid(format!(
            "withoutMember `{}` is not supported: Reset, Drop or FailOpen",
            check::shown(other)
        ))),
    }
}

fn draining(seconds: i64) -> Result<u32, ApiError> {
    check::number("connectionDrainingSeconds", seconds, Draining::RANGE)
}

/// Fields that only other types of load balancers honour.
struct Unsupported {
    proxy_protocol: Option<bool>,
    session_stickiness: Option<bool>,
    session_sticky_timeout: Option<i64>,
    http_cookie_expire_seconds: Option<i64>,
    http_forwarded: [Option<bool>; 5],
}

fn refuse_unsupported(asked: &Unsupported) -> Result<(), ApiError> {
    let some = |number: Option<i64>| number.is_some_and(|number| number != 0);
    let forwarded = asked.http_forwarded.contains(&Some(true));
    check::refuse_all(
        &[
            ("proxyProtocol", asked.proxy_protocol == Some(true)),
            ("sessionStickiness", asked.session_stickiness == Some(true)),
            ("sessionStickyTimeout", some(asked.session_sticky_timeout)),
            ("httpCookieExpireSeconds", some(asked.http_cookie_expire_seconds)),
            ("httpForwarded*", forwarded),
        ],
        "a dnlb forwards packets as they are; instances see the client's own address",
    )
}

/// A protocol as the wire writes it.
pub(super) fn protocol_word(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Tcp => "Tcp",
        Protocol::Udp => "Udp",
    }
}

fn view(_: &Region, backend: &Backend) -> wire::lb::Backend {
    let (target_groups, ags) = match &backend.group {
        None => (vec![], vec![]),
        Some(ServerGroup::TargetGroup(id)) => (vec![id.0.clone()], vec![]),
        Some(ServerGroup::Ag(id)) => (vec![], vec![id.0.clone()]),
    };
    let info = |id: &String| AgInfo { ag_id: id.clone(), default_weight: backend.ag_weights.default.into() };
    wire::lb::Backend {
        backend_id: backend.id.0.clone(),
        backend_name: backend.name.clone(),
        load_balancer_id: backend.load_balancer.0.clone(),
        load_balancer_type: "dnlb".to_owned(),
        protocol: protocol_word(backend.protocol).to_owned(),
        port: backend.port.into(),
        algorithm: algorithm_word(backend.algorithm).to_owned(),
        target_group_ids: target_groups,
        ag_infos: ags.iter().map(info).collect(),
        ag_ids: ags,
        proxy_protocol: false,
        description: backend.description.clone(),
        session_stickiness: false,
        health_check: health_check::view(&backend.check),
        close_health_check: !backend.check_enabled,
        created_time: time::iso(backend.created),
        connection_draining_seconds: Some(backend.draining_seconds.into()),
        without_member: Some(
            match backend.without_member {
                WithoutMember::Reset => "Reset",
                WithoutMember::Drop => "Drop",
                WithoutMember::FailOpen => "FailOpen",
            }
            .to_owned(),
        ),
    }
}

//! Listeners.

use std::sync::Arc;

use dnlb_api::{
    ApiError,
    shape::{IdleTime, Port},
    time, wire,
};
use dnlb_model::{BackendId, Listener, ListenerId, LoadBalancerId, Protocol, Region};
use wire::lb::{CreateListener, UpdateListener};

use super::{
    Call, DONE, Outcome, backend, check, edit, find, fresh,
    list::{Filters, List},
    load_balancer, next, one, quota,
};

pub(super) const KIND: &str = "listener";

pub(super) const FILTERS: Filters<Listener> = &[
    ("loadBalancerType", |_, _, filter| filter.accepts("dnlb")),
    ("listenerIds", |_, listener, filter| filter.accepts(listener.id.as_str())),
    ("listenerNames", |_, listener, filter| filter.accepts(&listener.name)),
    ("loadBalancerId", |_, listener, filter| filter.accepts(listener.load_balancer.as_str())),
    ("urlMapIds", |_, _, _| false),
];

pub(super) fn create(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: CreateListener = call.body()?;
    let name = check::name("listenerName", spec.listener_name)?;
    let description = check::description(spec.description)?;
    let protocol = check::protocol(&spec.protocol)?;
    let port: u16 = check::number("port", spec.port, Port::RANGE)?;
    let certificates = spec.certificate_specs.is_some_and(|list| !list.is_empty());
    refuse_layer_7(spec.hsts_enable, spec.hsts_max_age, certificates, spec.url_map_id.as_deref())?;
    let action = spec.action.as_deref().is_some_and(|action| action != "Forward");
    check::refuse(action, "action", "a dnlb only forwards (Forward)")?;
    let idle_seconds = spec.connection_idle_time_seconds.map(idle_time).transpose()?;
    let load_balancer = LoadBalancerId::from(spec.load_balancer_id);
    load_balancer::check(region, &load_balancer)?;
    let backend = BackendId::from(spec.backend_id);
    check_backend(region, &backend, &load_balancer, protocol)?;
    let index = region.index();
    let siblings =
        || index.listeners_of_balancer.of(&load_balancer).filter_map(|id| region.listeners.get(id));
    if let Some(other) = siblings().find(|one| one.protocol == protocol && one.port == port) {
        return Err(ApiError::taken(format!(
            "port {port} of load balancer {load_balancer} is taken by listener {} ({})",
            other.id, other.name
        )));
    }
    quota::within(siblings().count(), 1, call.quotas.listeners, "listeners of the load balancer")?;
    let number = next(region, KIND, u32::MAX, |sequences| &mut sequences.listener)?;
    let id: ListenerId = fresh(ListenerId::PREFIX, |id| region.listeners.contains_key(id));
    let listener = Listener {
        id: id.clone(),
        number,
        name,
        description,
        load_balancer,
        protocol,
        port,
        backend,
        enabled: true,
        idle_seconds,
        created: call.now,
    };
    region.listeners.insert(id.clone(), Arc::new(listener));
    one("listenerId", id)
}

pub(super) fn update(region: &mut Region, call: &Call<'_>) -> Outcome {
    let change: UpdateListener = call.body()?;
    let id: ListenerId = call.id();
    let mut listener = find(&region.listeners, KIND, &id)?.clone();
    let certificates = change.certificate_specs.is_some_and(|list| !list.is_empty());
    refuse_layer_7(change.hsts_enable, change.hsts_max_age, certificates, change.url_map_id.as_deref())?;
    if let Some(seconds) = change.connection_idle_time_seconds {
        listener.idle_seconds = Some(idle_time(seconds)?);
    }
    let other_protocol = change.protocol.is_some_and(|text| check::protocol(&text) != Ok(listener.protocol));
    let other_port = change.port.is_some_and(|port| port != i64::from(listener.port));
    if other_protocol || other_port {
        return Err(ApiError::invalid(
            "protocol and port of a listener cannot change: create another listener",
        ));
    }
    if let Some(name) = change.listener_name {
        listener.name = check::name("listenerName", name)?;
    }
    if change.description.is_some() {
        listener.description = check::description(change.description)?;
    }
    match change.status.as_deref() {
        None => {}
        Some("On") => listener.enabled = true,
        Some("Off") => listener.enabled = false,
        Some(other) => {
            return Err(ApiError::invalid(format!("status `{}` is neither On nor Off", check::shown(other))));
        }
    }
    if let Some(backend) = change.backend_id.map(BackendId) {
        check_backend(region, &backend, &listener.load_balancer, listener.protocol)?;
        listener.backend = backend;
    }
    *edit(&mut region.listeners, KIND, &id)? = listener;
    DONE
}

pub(super) fn delete(region: &mut Region, call: &Call<'_>) -> Outcome {
    let id: ListenerId = call.id();
    find(&region.listeners, KIND, &id)?;
    region.listeners.remove(&id);
    DONE
}

pub(super) fn describe(region: &Region, call: &Call<'_>) -> Outcome {
    one("listener", view(region, find(&region.listeners, KIND, &call.id())?))
}

pub(super) fn list(region: &Region, call: &Call<'_>) -> Outcome {
    List {
        key: "listeners",
        items: &region.listeners,
        filters: FILTERS,
        order: |listener| listener.number.into(),
        name: Some(|listener| &listener.name),
        tags: None,
    }
    .reply_dnlb(region, call, view)
}

fn check_backend(
    region: &Region,
    id: &BackendId,
    load_balancer: &LoadBalancerId,
    protocol: Protocol,
) -> Result<(), ApiError> {
    let backend = find(&region.backends, backend::KIND, id)?;
    if backend.load_balancer != *load_balancer {
        return Err(ApiError::invalid(format!(
            "backend {id} belongs to load balancer {}, not to {load_balancer}",
            backend.load_balancer
        )));
    }
    if backend.protocol != protocol {
        return Err(ApiError::invalid(format!("backend {id} has another protocol than the listener")));
    }
    Ok(())
}

fn refuse_layer_7(
    hsts: Option<bool>,
    hsts_age: Option<i64>,
    certificates: bool,
    url_map: Option<&str>,
) -> Result<(), ApiError> {
    let fields = [
        ("hstsEnable", hsts == Some(true)),
        ("hstsMaxAge", hsts_age.is_some_and(|age| age != 0)),
        ("certificateSpecs", certificates),
        ("urlMapId", url_map.is_some_and(|id| !id.is_empty())),
    ];
    check::refuse_all(&fields, "a dnlb balances at layer 4")
}

/// Shorter times would forget connections between two packets of an ordinary client; a day is long enough for all.
fn idle_time(seconds: i64) -> Result<u32, ApiError> {
    check::number("connectionIdleTimeSeconds", seconds, IdleTime::RANGE)
}

fn view(_: &Region, listener: &Listener) -> wire::lb::Listener {
    wire::lb::Listener {
        listener_id: listener.id.0.clone(),
        listener_name: listener.name.clone(),
        status: if listener.enabled { "On" } else { "Off" }.to_owned(),
        load_balancer_id: listener.load_balancer.0.clone(),
        load_balancer_type: "dnlb".to_owned(),
        protocol: backend::protocol_word(listener.protocol).to_owned(),
        port: listener.port.into(),
        action: "Forward".to_owned(),
        backend_id: listener.backend.0.clone(),
        description: listener.description.clone(),
        created_time: time::iso(listener.created),
        connection_idle_time_seconds: Some(
            listener.idle_seconds.unwrap_or_else(|| listener.protocol.idle_seconds()).into(),
        ),
    }
}

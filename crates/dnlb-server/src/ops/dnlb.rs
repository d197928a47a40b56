//! Our own additions: hosts, and the region at a glance.

use std::{collections::BTreeSet, time::SystemTime};

use dnlb_api::{ApiError, time, wire};
use dnlb_model::{Host, HostState, Index, LoadBalancer, LoadBalancerId, Region};
use wire::dnlb::{Convergence, ListenerStatus, LoadBalancerStatus, Status};

use super::{Call, Outcome, backend, check, list, load_balancer, one, quota};

/// The only filter of the region's status: whoever looks at some load balancers need not wait for all.
pub(super) const STATUS_FILTER: &str = "loadBalancerIds";

pub(super) fn hosts(_: &Region, call: &Call<'_>) -> Outcome {
    let hosts = host_views(call, |_| true);
    list::reply("hosts", &hosts, hosts.len())
}

/// How far a load balancer's configuration has come: on the hosts that carry instances of its VPC, and on edges if it is public.
pub(super) fn convergence(region: &Region, call: &Call<'_>) -> Outcome {
    let balancer = super::find(&region.load_balancers, load_balancer::KIND, &call.id())?;
    let index = region.index();
    let in_vpc = index.instances_of_vpc.of(&balancer.vpc).filter_map(|id| region.instances.get(id));
    let carrying: BTreeSet<_> = in_vpc.map(|instance| &instance.host).collect();
    let is_concerned = |host: &Host| host.edge && balancer.eip.is_some() || carrying.contains(&host.id);
    let hosts = host_views(call, is_concerned);
    let applied = |host: &&wire::dnlb::Host| host.applied_revision == Some(host.wanted_revision);
    let up = |host: &&wire::dnlb::Host| host.state == "Up";
    one(
        "convergence",
        Convergence {
            load_balancer_id: balancer.id.0.clone(),
            wanted_revision: region.revision,
            converged: hosts.iter().filter(up).all(|host| applied(&host)),
            host_count: quota::count(hosts.len()),
            applied_count: quota::count(hosts.iter().filter(applied).count()),
            errors: hosts.iter().filter_map(|host| host.error.clone()).collect(),
            hosts: operating(call).then_some(hosts),
        },
    )
}

/// Hosts are shown to who operates the region.
fn operating(call: &Call<'_>) -> bool {
    call.caller.account.is_operating()
}

pub(super) fn status(region: &Region, call: &Call<'_>) -> Outcome {
    let hosts = host_views(call, |_| true);
    let settled = |host: &wire::dnlb::Host| host.applied_revision == Some(host.wanted_revision);
    let index = region.index();
    let load_balancers = match wanted(call)? {
        None => region.load_balancers.values().map(|one| balancer(region, &index, one)).collect(),
        Some(ids) => {
            let found = ids.iter().filter_map(|id| region.load_balancers.get(id));
            found.map(|one| balancer(region, &index, one)).collect()
        }
    };
    one(
        "status",
        Status {
            region: region.settings.name.clone(),
            revision: region.revision,
            azs: region.settings.azs.clone(),
            converged: hosts.iter().filter(|host| host.state == "Up").all(settled),
            hosts: if operating(call) { hosts } else { Vec::new() },
            load_balancers,
        },
    )
}

/// The load balancers that a call asks for; none: all.
fn wanted(call: &Call<'_>) -> Result<Option<BTreeSet<LoadBalancerId>>, ApiError> {
    let mut ids: Option<BTreeSet<LoadBalancerId>> = None;
    for filter in call.query.filters()? {
        if filter.name != STATUS_FILTER || filter.like {
            return Err(ApiError::invalid(format!(
                "filter `{}` is not known: {STATUS_FILTER}, whole ids",
                check::shown(&filter.name)
            )));
        }
        let named: BTreeSet<_> = filter.values.into_iter().map(LoadBalancerId).collect();
        ids = Some(match ids {
            None => named,
            Some(former) => &former & &named,
        });
    }
    Ok(ids)
}

/// Hosts of the whole region, whoever asks.
fn host_views(call: &Call<'_>, is_wanted: impl Fn(&Host) -> bool) -> Vec<wire::dnlb::Host> {
    let index = call.whole.index();
    let wanted = call.whole.hosts.values().filter(|host| is_wanted(host));
    wanted.map(|host| host_view(call, &index, host)).collect()
}

fn host_view(call: &Call<'_>, index: &Index, host: &Host) -> wire::dnlb::Host {
    let seen = call.observed.host(&host.id);
    let silence = |at: SystemTime| SystemTime::now().duration_since(at).unwrap_or_default().as_secs();
    let instances = index.instance_count_of_host.get(&host.id).copied().unwrap_or_default();
    wire::dnlb::Host {
        host_id: host.id.0.clone(),
        index: host.index.into(),
        az: host.az.clone(),
        rack: host.rack.clone(),
        underlay_address: host.underlay.to_string(),
        edge: host.edge,
        compute: host.compute,
        state: match host.state {
            HostState::Down => "Down",
            HostState::Up => "Up",
        }
        .to_owned(),
        instance_count: quota::count(instances),
        created_time: time::iso(host.created),
        wanted_revision: call.whole.revision,
        applied_revision: seen.as_ref().map(|seen| seen.applied),
        lag_seconds: seen.as_ref().and_then(|seen| seen.heartbeat).map(|beat| silence(beat.time)),
        error: seen.and_then(|seen| seen.error),
    }
}

fn balancer(region: &Region, index: &Index, balancer: &LoadBalancer) -> LoadBalancerStatus {
    let ids = index.listeners_of_balancer.of(&balancer.id);
    let listeners = ids.filter_map(|id| region.listeners.get(id)).map(|listener| &**listener);
    LoadBalancerStatus {
        load_balancer_id: balancer.id.0.clone(),
        load_balancer_name: balancer.name.clone(),
        vpc_id: balancer.vpc.0.clone(),
        vip: balancer.vip.to_string(),
        state: load_balancer::state(balancer).to_owned(),
        listeners: listeners.filter_map(|listener| listener_view(region, listener)).collect(),
        elastic_ip_address: balancer
            .eip
            .as_ref()
            .and_then(|id| region.eips.get(id))
            .map(|eip| eip.addr.to_string()),
    }
}

fn listener_view(region: &Region, listener: &dnlb_model::Listener) -> Option<ListenerStatus> {
    let backend = region.backends.get(&listener.backend)?;
    let (healthy, total) = backend::served(region, backend);
    let (target_group_id, ag_id) = match &backend.group {
        None => (None, None),
        Some(dnlb_model::ServerGroup::Ag(id)) => (None, Some(id.0.clone())),
        Some(dnlb_model::ServerGroup::TargetGroup(id)) => (Some(id.0.clone()), None),
    };
    Some(ListenerStatus {
        listener_id: listener.id.0.clone(),
        listener_name: listener.name.clone(),
        protocol: backend::protocol_word(listener.protocol).to_owned(),
        port: listener.port.into(),
        status: if listener.enabled { "On" } else { "Off" }.to_owned(),
        backend_id: backend.id.0.clone(),
        backend_name: backend.name.clone(),
        backend_port: backend.port.into(),
        healthy_targets: quota::count(healthy),
        total_targets: quota::count(total),
        target_group_id,
        ag_id,
    })
}

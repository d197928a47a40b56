//! Load balancers and their elastic IPs.

use std::sync::Arc;

use dnlb_api::{ApiError, time, wire};
use dnlb_model::{EipId, LoadBalancer, LoadBalancerId, Region, SubnetId};
use wire::lb::{CreateLoadBalancer, ElasticIpId, PrivateIp, State, UpdateLoadBalancer};

use super::{
    Call, DONE, Outcome, address, check, edit, eip, find, fresh,
    list::{Filters, List},
    one, quota, subnet,
};

pub(super) const KIND: &str = "load balancer";

pub(super) const FILTERS: Filters<LoadBalancer> = &[
    ("loadBalancerType", |_, _, filter| filter.accepts("dnlb")),
    ("loadBalancerIds", |_, balancer, filter| filter.accepts(balancer.id.as_str())),
    ("loadBalancerNames", |_, balancer, filter| filter.accepts(&balancer.name)),
    ("vpcId", |_, balancer, filter| filter.accepts(balancer.vpc.as_str())),
    ("azType", |_, _, filter| filter.accepts("standard") || filter.accepts("all")),
    ("azs", |region, _, filter| region.settings.azs.iter().any(|az| filter.accepts(az))),
];

pub(super) fn create(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: CreateLoadBalancer = call.body()?;
    let name = check::name("loadBalancerName", spec.load_balancer_name)?;
    let description = check::description(spec.description)?;
    let kind = spec.kind.as_deref().unwrap_or("alb");
    if kind != "dnlb" {
        return Err(ApiError::invalid(format!(
            "type `{}` is not supported: give `dnlb` (without it, alb is meant)",
            check::shown(kind)
        )));
    }
    let given = |list: Option<Vec<String>>| list.is_some_and(|list| !list.is_empty());
    check::refuse(given(spec.azs), "azs", "a dnlb is always in all zones of its region")?;
    let groups = given(spec.security_group_ids);
    check::refuse(groups, "securityGroupIds", "a dnlb has no security groups; its instances have")?;
    let tags = check::tags(spec.user_tags)?;
    let subnet_id = SubnetId::from(spec.subnet_id);
    let subnet = find(&region.subnets, subnet::KIND, &subnet_id)?.clone();
    quota::within(
        region.load_balancers.len(),
        1,
        call.quotas.load_balancers,
        "load balancers of the account",
    )?;
    let wanted = spec.private_ip_address.filter(|text| !text.is_empty());
    let vip = address::allocate(region, &subnet, "privateIpAddress", wanted.as_deref())?;
    let id: LoadBalancerId = fresh(LoadBalancerId::PREFIX, |id| region.load_balancers.contains_key(id));
    let balancer = LoadBalancer {
        id: id.clone(),
        name,
        description,
        vpc: subnet.vpc,
        subnet: subnet_id,
        vip,
        eip: None,
        enabled: true,
        delete_protection: spec.delete_protection.unwrap_or(false),
        tags,
        created: call.now,
    };
    region.load_balancers.insert(id.clone(), Arc::new(balancer));
    if let Some(wish) = spec.elastic_ip {
        quota::within(region.eips.len(), 1, call.quotas.elastic_ips, "elastic IPs of the account")?;
        let eip =
            eip::add(region, call.whole, &eip::Wish::new(&wish, vip.into())?, None, Vec::new(), call.now)?;
        bind(region, &id, &eip)?;
    }
    one("loadBalancerId", id)
}

pub(super) fn update(region: &mut Region, call: &Call<'_>) -> Outcome {
    let change: UpdateLoadBalancer = call.body()?;
    let id: LoadBalancerId = call.id();
    let old = find(&region.load_balancers, KIND, &id)?.clone();
    let moved = change.private_ip_address.filter(|text| !text.is_empty() && text.parse() != Ok(old.vip));
    let vip = match moved {
        None => old.vip,
        Some(wanted) => {
            let subnet = find(&region.subnets, subnet::KIND, &old.subnet)?;
            address::allocate(region, subnet, "privateIpAddress", Some(&wanted))?
        }
    };
    let balancer = edit(&mut region.load_balancers, KIND, &id)?;
    balancer.vip = vip;
    if let Some(name) = change.load_balancer_name {
        balancer.name = check::name("loadBalancerName", name)?;
    }
    if change.description.is_some() {
        balancer.description = check::description(change.description)?;
    }
    if let Some(protection) = change.delete_protection {
        balancer.delete_protection = protection;
    }
    match change.action.as_deref() {
        None => {}
        Some("Start") => balancer.enabled = true,
        Some("Stop") => balancer.enabled = false,
        Some(other) => {
            return Err(ApiError::invalid(format!(
                "action `{}` is neither Start nor Stop",
                check::shown(other)
            )));
        }
    }
    DONE
}

pub(super) fn delete(region: &mut Region, call: &Call<'_>) -> Outcome {
    let id: LoadBalancerId = call.id();
    let balancer = find(&region.load_balancers, KIND, &id)?.clone();
    if balancer.delete_protection {
        return Err(ApiError::precondition(format!(
            "load balancer {id} is protected against deletion: switch deleteProtection off first"
        )));
    }
    let in_use = |user: String| ApiError::precondition(format!("load balancer {id} is in use by {user}"));
    let index = region.index();
    if let Some(listener) = index.listeners_of_balancer.of(&id).next() {
        return Err(in_use(format!("listener {listener}")));
    }
    if let Some(backend) = index.backends_of_balancer.of(&id).next() {
        return Err(in_use(format!("backend {backend}")));
    }
    if let Some(group) = index.target_groups_of_balancer.of(&id).next() {
        return Err(in_use(format!("target group {group}")));
    }
    if let Some(eip) = &balancer.eip {
        edit(&mut region.eips, eip::KIND, eip)?.load_balancer = None;
    }
    region.load_balancers.remove(&id);
    DONE
}

pub(super) fn associate(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: ElasticIpId = call.body()?;
    bind(region, &call.id(), &EipId(spec.elastic_ip_id))?;
    DONE
}

fn bind(region: &mut Region, id: &LoadBalancerId, eip_id: &EipId) -> Result<(), ApiError> {
    let balancer = edit(&mut region.load_balancers, KIND, id)?;
    let eip = edit(&mut region.eips, eip::KIND, eip_id)?;
    if let Some(user) = &eip.load_balancer {
        return Err(ApiError::taken(format!("elastic IP {eip_id} is in use by load balancer {user}")));
    }
    if let Some(other) = &balancer.eip {
        return Err(ApiError::precondition(format!("load balancer {id} has elastic IP {other} already")));
    }
    check::same_family(
        &format_args!("elastic IP {eip_id}"),
        eip.addr,
        &format_args!("load balancer {id}"),
        balancer.vip,
    )?;
    balancer.eip = Some(eip_id.clone());
    eip.load_balancer = Some(id.clone());
    Ok(())
}

/// The elastic IP survives.
pub(super) fn disassociate(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: ElasticIpId = call.body()?;
    let id: LoadBalancerId = call.id();
    let eip_id = EipId(spec.elastic_ip_id);
    let balancer = edit(&mut region.load_balancers, KIND, &id)?;
    let eip = edit(&mut region.eips, eip::KIND, &eip_id)?;
    if balancer.eip.as_ref() != Some(&eip_id) {
        return Err(ApiError::precondition(format!("elastic IP {eip_id} is not that of load balancer {id}")));
    }
    balancer.eip = None;
    eip.load_balancer = None;
    DONE
}

pub(super) fn describe(region: &Region, call: &Call<'_>) -> Outcome {
    one("loadBalancer", view(region, find(&region.load_balancers, KIND, &call.id())?))
}

pub(super) fn list(region: &Region, call: &Call<'_>) -> Outcome {
    List {
        key: "loadBalancers",
        items: &region.load_balancers,
        filters: FILTERS,
        order: |balancer| balancer.created,
        name: Some(|balancer| &balancer.name),
        tags: Some(|balancer| &balancer.tags),
    }
    .reply_dnlb(region, call, view)
}

/// The API's word for whether it serves.
pub(super) fn state(balancer: &LoadBalancer) -> &'static str {
    if balancer.enabled { "ACTIVE" } else { "DOWN" }
}

/// Refuses to add to a load balancer that there is not.
pub(super) fn check(region: &Region, id: &LoadBalancerId) -> Result<(), ApiError> {
    find(&region.load_balancers, KIND, id).map(drop)
}

fn view(region: &Region, balancer: &LoadBalancer) -> wire::lb::LoadBalancer {
    let eip = balancer.eip.as_ref().and_then(|id| region.eips.get(id));
    wire::lb::LoadBalancer {
        load_balancer_id: balancer.id.0.clone(),
        load_balancer_name: balancer.name.clone(),
        subnet_id: balancer.subnet.0.clone(),
        vpc_id: balancer.vpc.0.clone(),
        kind: "dnlb".to_owned(),
        state: State { code: state(balancer).to_owned(), reason: String::new() },
        azs: region.settings.azs.clone(),
        security_group_ids: Vec::new(),
        private_ip: PrivateIp {
            private_ip_address: balancer.vip.to_string(),
            elastic_ip_id: eip.map(|eip| eip.id.0.clone()),
            elastic_ip_address: eip.map(|eip| eip.addr.to_string()),
        },
        charge: wire::Charge::none(),
        tags: eip::tags(&balancer.tags),
        description: balancer.description.clone(),
        delete_protection: balancer.delete_protection,
        created_time: time::iso(balancer.created),
        az_type: "standard".to_owned(),
    }
}

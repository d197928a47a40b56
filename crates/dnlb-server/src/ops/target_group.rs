//! Target groups ("virtual server groups") and their targets.

use std::{collections::BTreeMap, sync::Arc};

use dnlb_api::{
    ApiError,
    shape::{PortOrZero, Weight},
    time, wire,
};
use dnlb_model::{
    DEFAULT_WEIGHT, InstanceId, LoadBalancerId, Region, Target, TargetGroup, TargetGroupId, TargetId,
};
use wire::lb::{
    CreateTargetGroup, DeregisterTargets, RegisterTargets, TargetSpec, UpdateTargetGroup, UpdateTargets,
};

use super::{
    Call, DONE, Outcome, check, edit, find, fresh, instance,
    list::{self, Filters, List},
    load_balancer, one, quota,
};

pub(super) const KIND: &str = "target group";

pub(super) const FILTERS: Filters<TargetGroup> = &[
    ("loadBalancerType", |_, _, filter| filter.accepts("dnlb")),
    ("targetGroupIds", |_, group, filter| filter.accepts(group.id.as_str())),
    ("targetGroupNames", |_, group, filter| filter.accepts(&group.name)),
    ("loadBalancerId", |_, group, filter| filter.accepts(group.load_balancer.as_str())),
];

/// By what the targets of a group may be filtered.
pub(super) const TARGET_FILTERS: &[&str] = &["targetIds", "instanceId", "type", "port", "ipAddress"];

pub(super) fn create(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: CreateTargetGroup = call.body()?;
    let name = check::name("targetGroupName", spec.target_group_name)?;
    let description = check::description(spec.description)?;
    let other_kind = spec.kind.is_some_and(|kind| kind != "instance");
    check::refuse(other_kind, "type", "targets are instances of the VPC (instance)")?;
    let load_balancer = LoadBalancerId::from(spec.load_balancer_id);
    load_balancer::check(region, &load_balancer)?;
    let siblings = region.index().target_groups_of_balancer.of(&load_balancer).count();
    quota::within(siblings, 1, call.quotas.target_groups, "target groups of the load balancer")?;
    let id: TargetGroupId = fresh(TargetGroupId::PREFIX, |id| region.target_groups.contains_key(id));
    let group = TargetGroup {
        id: id.clone(),
        name,
        description,
        load_balancer,
        targets: BTreeMap::new(),
        created: call.now,
    };
    region.target_groups.insert(id.clone(), Arc::new(group));
    one("targetGroupId", id)
}

pub(super) fn update(region: &mut Region, call: &Call<'_>) -> Outcome {
    let change: UpdateTargetGroup = call.body()?;
    let group = edit(&mut region.target_groups, KIND, &call.id())?;
    if let Some(name) = change.target_group_name {
        group.name = check::name("targetGroupName", name)?;
    }
    if change.description.is_some() {
        group.description = check::description(change.description)?;
    }
    DONE
}

pub(super) fn delete(region: &mut Region, call: &Call<'_>) -> Outcome {
    let id: TargetGroupId = call.id();
    find(&region.target_groups, KIND, &id)?;
    if let Some(backend) = region.index().backends_of_target_group.of(&id).next() {
        return Err(ApiError::precondition(format!("target group {id} is in use by backend {backend}")));
    }
    region.target_groups.remove(&id);
    DONE
}

/// All targets or none.
pub(super) fn register(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: RegisterTargets = call.body()?;
    let id: TargetGroupId = call.id();
    let group = find(&region.target_groups, KIND, &id)?;
    let balancer = find(&region.load_balancers, load_balancer::KIND, &group.load_balancer)?;
    let vpc = &balancer.vpc;
    let mut targets = group.targets.clone();
    if spec.target_specs.is_empty() {
        return Err(ApiError::invalid("targetSpecs is empty: give at least one target"));
    }
    quota::within(
        targets.len(),
        spec.target_specs.len(),
        call.quotas.targets,
        "targets of the target group",
    )?;
    for spec in spec.target_specs {
        let (port, weight) = port_and_weight(spec.port, spec.weight, (0, DEFAULT_WEIGHT))?;
        let instance_id = instance_of(spec)?;
        let instance = find(&region.instances, instance::KIND, &instance_id)?;
        if instance.vpc != *vpc {
            return Err(ApiError::invalid(format!(
                "instance {instance_id} is in VPC {}, load balancer {} in VPC {vpc}",
                instance.vpc, group.load_balancer
            )));
        }
        check::same_family(
            &format_args!("instance {instance_id}"),
            instance.addr,
            &format_args!("load balancer {}", group.load_balancer),
            balancer.vip,
        )?;
        if targets.values().any(|target| target.instance == instance_id) {
            return Err(ApiError::taken(format!("instance {instance_id} is in target group {id} already")));
        }
        let target_id: TargetId = fresh(TargetId::PREFIX, |id| targets.contains_key(id));
        targets.insert(target_id.clone(), Target { id: target_id, instance: instance_id, port, weight });
    }
    edit(&mut region.target_groups, KIND, &id)?.targets = targets;
    DONE
}

fn instance_of(spec: TargetSpec) -> Result<InstanceId, ApiError> {
    let kind = spec.kind.as_deref().unwrap_or("vm");
    let known = ["vm", "container"].contains(&kind);
    check::refuse(!known, &format!("type `{}`", check::shown(kind)), "targets are instances (vm)")?;
    check::refuse(spec.ip_address.is_some(), "ipAddress", "targets are instances, named by instanceId")?;
    spec.instance_id
        .map(InstanceId)
        .ok_or_else(|| ApiError::invalid("targetSpecs: missing field `instanceId`"))
}

/// Port and weight; what is not given stays as it was.
fn port_and_weight(port: Option<i64>, weight: Option<i64>, old: (u16, u32)) -> Result<(u16, u32), ApiError> {
    let port = check::number("port", port.unwrap_or(old.0.into()), PortOrZero::RANGE)?;
    let weight = check::number("weight", weight.unwrap_or(old.1.into()), Weight::RANGE)?;
    Ok((port, weight))
}

pub(super) fn deregister(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: DeregisterTargets = call.body()?;
    let group = edit(&mut region.target_groups, KIND, &call.id())?;
    for id in spec.target_ids.into_iter().map(TargetId) {
        if group.targets.remove(&id).is_none() {
            return Err(ApiError::not_found("target", id));
        }
    }
    DONE
}

pub(super) fn update_targets(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: UpdateTargets = call.body()?;
    let group = edit(&mut region.target_groups, KIND, &call.id())?;
    for change in spec.target_update_specs {
        let id = TargetId(change.target_id);
        let target = group.targets.get_mut(&id).ok_or_else(|| ApiError::not_found("target", &id))?;
        (target.port, target.weight) =
            port_and_weight(change.port, change.weight, (target.port, target.weight))?;
    }
    DONE
}

pub(super) fn describe_targets(region: &Region, call: &Call<'_>) -> Outcome {
    let group = find(&region.target_groups, KIND, &call.id())?;
    let page = call.query.page()?;
    let view = |target: &Target| wire::lb::Target {
        target_id: target.id.0.clone(),
        target_group_id: group.id.0.clone(),
        kind: "vm".to_owned(),
        instance_id: target.instance.0.clone(),
        port: target.port.into(),
        weight: target.weight.into(),
        private_ip_address: region
            .instances
            .get(&target.instance)
            .map(|instance| instance.addr.to_string())
            .unwrap_or_default(),
    };
    let mut found: Vec<wire::lb::Target> = group.targets.values().map(view).collect();
    for filter in call.query.filters()? {
        match filter.name.as_str() {
            "targetIds" => found.retain(|target| filter.accepts(&target.target_id)),
            "instanceId" => found.retain(|target| filter.accepts(&target.instance_id)),
            "type" => found.retain(|target| filter.accepts(&target.kind)),
            "port" => found.retain(|target| filter.accepts(&target.port.to_string())),
            "ipAddress" => found.retain(|target| {
                target.private_ip_address.parse().is_ok_and(|addr| filter.accepts_address(addr))
            }),
            other => {
                let other = check::shown(other);
                return Err(ApiError::invalid(format!(
                    "filter `{other}` is not known: {}",
                    TARGET_FILTERS.join(", ")
                )));
            }
        }
    }
    let total = found.len();
    list::reply("targets", &page.of(found), total)
}

pub(super) fn describe(region: &Region, call: &Call<'_>) -> Outcome {
    one("targetGroup", view(region, find(&region.target_groups, KIND, &call.id())?))
}

pub(super) fn list(region: &Region, call: &Call<'_>) -> Outcome {
    List {
        key: "targetGroups",
        items: &region.target_groups,
        filters: FILTERS,
        order: |group| group.created,
        name: Some(|group| &group.name),
        tags: None,
    }
    .reply_dnlb(region, call, view)
}

fn view(region: &Region, group: &TargetGroup) -> wire::lb::TargetGroup {
    let balancer = region.load_balancers.get(&group.load_balancer);
    wire::lb::TargetGroup {
        target_group_id: group.id.0.clone(),
        target_group_name: group.name.clone(),
        load_balancer_id: group.load_balancer.0.clone(),
        load_balancer_type: "dnlb".to_owned(),
        load_balancer_name: balancer.map(|balancer| balancer.name.clone()).unwrap_or_default(),
        description: group.description.clone(),
        created_time: time::iso(group.created),
        kind: "instance".to_owned(),
    }
}

//! Members of availability groups as targets of one backend service, and their weights.

use dnlb_api::{ApiError, shape::Weight, wire};
use dnlb_model::{AgId, Backend, Instance, InstanceId, Region, ServerGroup, change_where};
use dnlb_plan::{Server, servers};
use wire::lb::{AgTarget, UpdateAgTargets};

use super::{Call, DONE, Outcome, backend, check, edit, find, list};

/// By what members may be filtered.
pub(super) const FILTER: &str = "weight";

pub(super) fn describe(region: &Region, call: &Call<'_>) -> Outcome {
    let backend = find(&region.backends, backend::KIND, &call.id())?;
    let page = call.query.page()?;
    let ag = served_by(backend)?;
    let mut members = servers(region, backend);
    // As they were made: ids are random.
    members.sort_by_key(|member| member.instance.number);
    for filter in call.query.filters()? {
        if filter.name != FILTER {
            return Err(ApiError::invalid(format!("the only filter is {FILTER}")));
        }
        members.retain(|member| filter.accepts(&member.weight.to_string()));
    }
    let total = members.len();
    let targets: Vec<AgTarget> = page.of(members).iter().map(|member| view(ag, member)).collect();
    list::reply("agTargets", &targets, total)
}

/// All weights or none.
pub(super) fn update(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: UpdateAgTargets = call.body()?;
    let backend = find(&region.backends, backend::KIND, &call.id())?;
    served_by(backend)?;
    let mut weights = backend.ag_weights.clone();
    let members = servers(region, backend);
    for change in spec.target_update_specs {
        let member = members.iter().find(|member| target_id(member.instance) == change.target_id);
        let member = member.ok_or_else(|| ApiError::not_found("target", &change.target_id))?;
        let other_port = change.port.is_some_and(|port| port != 0 && port != i64::from(member.port));
        check::refuse(other_port, "port", "members of an availability group have the backend's")?;
        if let Some(weight) = change.weight {
            let weight = check::number("weight", weight, Weight::RANGE)?;
            weights.members.insert(member.instance.id.clone(), weight);
        }
    }
    edit(&mut region.backends, backend::KIND, &call.id())?.ag_weights = weights;
    DONE
}

/// Takes away the weights of an instance that leaves its group.
pub(super) fn forget(region: &mut Region, instance: &InstanceId) {
    change_where(
        &mut region.backends,
        |backend| backend.ag_weights.members.contains_key(instance),
        |backend| {
            backend.ag_weights.members.remove(instance);
        },
    );
}

fn served_by(backend: &Backend) -> Result<&AgId, ApiError> {
    match &backend.group {
        Some(ServerGroup::Ag(ag)) => Ok(ag),
        _ => Err(ApiError::precondition(format!(
            "backend {} is not served by an availability group",
            backend.id
        ))),
    }
}

/// A member is a target of the backend service without having been registered, so its id says which.
fn target_id(instance: &Instance) -> String {
    instance.id.0.replacen(InstanceId::PREFIX, "target-", 1)
}

fn view(ag: &AgId, member: &Server<'_>) -> AgTarget {
    AgTarget {
        target_id: target_id(member.instance),
        ag_id: ag.0.clone(),
        kind: "vm".to_owned(),
        instance_id: member.instance.id.0.clone(),
        port: member.port.into(),
        weight: member.weight.into(),
        private_ip_address: member.instance.addr.to_string(),
        ip_address: member.instance.addr.to_string(),
    }
}

//! Availability groups.

use std::sync::Arc;

use dnlb_api::{ApiError, shape::AgKind, time, wire};
use dnlb_model::{Ag, AgId, Index, InstanceId, Region, TemplateId};
use wire::ag::{AbandonInstances, AvailabilityGroup, CreateAg, SetInstanceTemplate, UpdateAg};

use super::{
    Call, DONE, Outcome, ag_target, check, edit, find, fresh, instance,
    list::{Filters, List},
    one, quota, template,
};

pub(super) const KIND: &str = "availability group";

pub(super) const FILTERS: Filters<Ag> = &[
    ("agName", |_, ag, filter| filter.accepts_part(&ag.name)),
    ("agId", |_, ag, filter| filter.accepts(ag.id.as_str())),
    ("instanceTemplateId", |_, ag, filter| filter.accepts(ag.template.as_str())),
    ("vpcId", |_, ag, filter| filter.accepts(ag.vpc.as_str())),
];

pub(super) fn create(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: CreateAg = call.body()?;
    let name = check::name("agName", spec.ag_name)?;
    let description = check::description(spec.description)?;
    let other_kind = spec.ag_type.is_some_and(|kind| !AgKind::WORDS.contains(&kind.as_str()));
    check::refuse(other_kind, "agType", "vm, kvm or container")?;
    let loose = spec.configuration_type.is_some_and(|kind| kind != "strict");
    check::refuse(loose, "configurationType", "groups are bound to their template (strict)")?;
    let template =
        spec.instance_template_id.ok_or_else(|| ApiError::invalid("missing field `instanceTemplateId`"))?;
    let template = TemplateId(template);
    if spec.azs.is_empty() {
        return Err(ApiError::invalid("azs is empty: give at least one zone"));
    }
    for (index, az) in spec.azs.iter().enumerate() {
        if !region.settings.azs.contains(az) {
            return Err(ApiError::invalid(format!(
                "az `{}` is none of this region's: {}",
                check::shown(az),
                region.settings.azs.join(", ")
            )));
        }
        if spec.azs[..index].contains(az) {
            return Err(ApiError::invalid(format!("az {az} is given twice")));
        }
    }
    let vpc = template::subnet_of(region, &template)?.vpc.clone();
    quota::within(region.ags.len(), 1, call.quotas.ags, "availability groups of the account")?;
    let id: AgId = fresh(AgId::PREFIX, |id| region.ags.contains_key(id));
    let ag = Ag { id: id.clone(), name, description, template, vpc, azs: spec.azs, created: call.now };
    region.ags.insert(id.clone(), Arc::new(ag));
    one("agId", id)
}

pub(super) fn update(region: &mut Region, call: &Call<'_>) -> Outcome {
    let change: UpdateAg = call.body()?;
    let ag = edit(&mut region.ags, KIND, &call.id())?;
    if let Some(name) = change.name {
        ag.name = check::name("name", name)?;
    }
    if change.description.is_some() {
        ag.description = check::description(change.description)?;
    }
    DONE
}

pub(super) fn set_template(region: &mut Region, call: &Call<'_>) -> Outcome {
    let change: SetInstanceTemplate = call.body()?;
    let id: AgId = call.id();
    let ag = find(&region.ags, KIND, &id)?;
    let template = TemplateId(change.instance_template_id);
    let subnet = template::subnet_of(region, &template)?;
    if subnet.vpc != ag.vpc {
        return Err(ApiError::invalid(format!(
            "instance template {template} is in VPC {}, availability group {id} in VPC {}",
            subnet.vpc, ag.vpc
        )));
    }
    let old = template::subnet_of(region, &ag.template)?;
    check::same_family(
        &format_args!("instance template {template}, by subnet {}", subnet.id),
        subnet.prefix.addr(),
        &format_args!("availability group {id}, by subnet {}", old.id),
        old.prefix.addr(),
    )?;
    edit(&mut region.ags, KIND, &id)?.template = template;
    DONE
}

/// The instances live on, outside any group.
pub(super) fn abandon(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: AbandonInstances = call.body()?;
    let id: AgId = call.id();
    find(&region.ags, KIND, &id)?;
    for instance_id in spec.instance_ids.into_iter().map(InstanceId) {
        let instance = edit(&mut region.instances, instance::KIND, &instance_id)?;
        if instance.ag.as_ref() != Some(&id) {
            return Err(ApiError::precondition(format!(
                "instance {instance_id} is not in availability group {id}"
            )));
        }
        instance.ag = None;
        ag_target::forget(region, &instance_id);
    }
    DONE
}

pub(super) fn delete(region: &mut Region, call: &Call<'_>) -> Outcome {
    let id: AgId = call.id();
    find(&region.ags, KIND, &id)?;
    let in_use =
        |user: String| ApiError::precondition(format!("availability group {id} is in use by {user}"));
    if let Some(instance) = region.instances.values().find(|one| one.ag.as_ref() == Some(&id)) {
        return Err(in_use(format!("instance {}: delete or abandon its instances first", instance.id)));
    }
    let uses =
        |group: &dnlb_model::ServerGroup| matches!(group, dnlb_model::ServerGroup::Ag(ag) if *ag == id);
    if let Some(backend) = region.backends.values().find(|backend| backend.group.as_ref().is_some_and(uses)) {
        return Err(in_use(format!("backend {}", backend.id)));
    }
    region.ags.remove(&id);
    DONE
}

pub(super) fn describe(region: &Region, call: &Call<'_>) -> Outcome {
    one("ag", view(region, &region.index(), find(&region.ags, KIND, &call.id())?))
}

pub(super) fn list(region: &Region, call: &Call<'_>) -> Outcome {
    let index = region.index();
    List {
        key: "ags",
        items: &region.ags,
        filters: FILTERS,
        order: |ag| ag.created,
        name: Some(|ag| &ag.name),
        tags: None,
    }
    .reply(region, call, |region, ag| view(region, &index, ag))
}

fn view(region: &Region, index: &Index, ag: &Ag) -> AvailabilityGroup {
    let subnet = template::subnet_of(region, &ag.template).ok();
    AvailabilityGroup {
        id: ag.id.0.clone(),
        name: ag.name.clone(),
        description: ag.description.clone(),
        instance_template_id: ag.template.0.clone(),
        azs: ag.azs.clone(),
        ag_type: "vm".to_owned(),
        create_time: time::iso(ag.created),
        count: quota::count(index.instances_of_ag.of(&ag.id).count()),
        auto_scaling: false,
        configuration_type: "strict".to_owned(),
        vpc_id: ag.vpc.0.clone(),
        ip_version: subnet.map(|subnet| if subnet.prefix.addr().is_ipv4() { 4 } else { 6 }),
    }
}

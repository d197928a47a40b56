//! Instance templates.

use std::sync::Arc;

use dnlb_api::{ApiError, time, wire};
use dnlb_model::{Family, Region, Subnet, SubnetId, Template, TemplateId, change_where};
use wire::vm::{
    CreateInstanceTemplate, InstanceTemplate, InstanceTemplateData, InterfaceData, Named,
    PrimaryInterfaceData, UpdateInstanceTemplate,
};

use super::{
    Call, DONE, Outcome, check, find, fresh,
    list::{Filters, List},
    one, quota,
    spec::{self, Machine},
    subnet,
};

pub(super) const KIND: &str = "instance template";

pub(super) const FILTERS: Filters<Template> = &[
    ("name", |_, template, filter| filter.accepts_part(&template.name)),
    ("instanceTemplateId", |_, template, filter| filter.accepts(template.id.as_str())),
];

pub(super) fn create(region: &mut Region, call: &Call<'_>) -> Outcome {
    let request: CreateInstanceTemplate = call.body()?;
    let name = check::name("name", request.name)?;
    let description = check::description(request.description)?;
    fixed_address(&request.instance_template_data)?;
    let machine = Machine::given(request.instance_template_data, None)?;
    machine.check(region)?;
    quota::within(region.templates.len(), 1, call.quotas.templates, "instance templates of the account")?;
    let id: TemplateId = fresh(TemplateId::PREFIX, |id| region.templates.contains_key(id));
    let template = template(id.clone(), name, description, machine, call.now);
    region.templates.insert(id.clone(), Arc::new(template));
    one("instanceTemplateId", id)
}

pub(super) fn update(region: &mut Region, call: &Call<'_>) -> Outcome {
    let request: UpdateInstanceTemplate = call.body()?;
    let id: TemplateId = call.id();
    let old = find(&region.templates, KIND, &id)?.clone();
    if request.name.is_none() && request.description.is_none() && request.instance_template_data.is_none() {
        return Err(ApiError::invalid("nothing to change: give name, description or instanceTemplateData"));
    }
    let name = request.name.map_or(Ok(old.name.clone()), |name| check::name("name", name))?;
    let description = match request.description {
        None => old.description.clone(),
        given => check::description(given)?,
    };
    let mut machine = Machine::of_template(&old);
    if let Some(data) = request.instance_template_data {
        fixed_address(&data)?;
        machine = Machine::given(data, Some(machine))?;
        machine.check(region)?;
        if let Some(ag) = region.ags.values().find(|ag| ag.template == id) {
            let subnet = find(&region.subnets, subnet::KIND, &machine.subnet)?;
            if subnet.vpc != ag.vpc {
                return Err(ApiError::precondition(format!(
                    "availability group {} uses instance template {id} in VPC {}: the subnet must stay in it",
                    ag.id, ag.vpc
                )));
            }
            let before = subnet_of(region, &id)?;
            let (family, family_before) = (Family::from(subnet.prefix), Family::from(before.prefix));
            if family != family_before {
                return Err(ApiError::precondition(format!(
                    "availability group {} uses instance template {id} with {family_before}: subnet {} ({}) is {family}",
                    ag.id, subnet.id, subnet.prefix
                )));
            }
        }
    }
    let changed = template(id.clone(), name, description, machine, old.created);
    region.templates.insert(id, Arc::new(changed));
    DONE
}

pub(super) fn delete(region: &mut Region, call: &Call<'_>) -> Outcome {
    let id: TemplateId = call.id();
    find(&region.templates, KIND, &id)?;
    if let Some(ag) = region.ags.values().find(|ag| ag.template == id) {
        return Err(ApiError::precondition(format!(
            "instance template {id} is in use by availability group {}",
            ag.id
        )));
    }
    region.templates.remove(&id);
    change_where(
        &mut region.instances,
        |instance| instance.template.as_ref() == Some(&id),
        |instance| instance.template = None,
    );
    DONE
}

pub(super) fn verify(region: &Region, call: &Call<'_>) -> Outcome {
    Machine::of_template(find(&region.templates, KIND, &call.id())?).check(region)?;
    DONE
}

pub(super) fn describe(region: &Region, call: &Call<'_>) -> Outcome {
    one("instanceTemplate", view(region, find(&region.templates, KIND, &call.id())?))
}

pub(super) fn list(region: &Region, call: &Call<'_>) -> Outcome {
    List {
        key: "instanceTemplates",
        items: &region.templates,
        filters: FILTERS,
        order: |template| template.created,
        name: Some(|template| &template.name),
        tags: None,
    }
    .reply(region, call, view)
}

fn template(id: TemplateId, name: String, description: String, machine: Machine, created: u64) -> Template {
    let Machine { instance_type, image, subnet, security_groups, launch_script, metadata } = machine;
    Template {
        id,
        name,
        description,
        instance_type,
        image,
        subnet,
        security_groups,
        launch_script,
        metadata,
        created,
    }
}

/// A template makes many instances, so it cannot say the address of one.
fn fixed_address(data: &wire::vm::InstanceTemplateSpec) -> Result<(), ApiError> {
    let interface =
        data.primary_network_interface.as_ref().and_then(|primary| primary.network_interface.as_ref());
    let given = interface.is_some_and(|interface| interface.primary_ip_address.is_some());
    check::refuse(given, "primaryIpAddress", "a template makes many instances")
}

/// The subnet in which a template makes instances.
pub(super) fn subnet_of<'a>(region: &'a Region, id: &TemplateId) -> Result<&'a Subnet, ApiError> {
    let template = find(&region.templates, KIND, id)?;
    region.subnets.get(&template.subnet).map(|subnet| &**subnet).ok_or_else(|| {
        ApiError::precondition(format!("the subnet of instance template {id} no longer exists"))
    })
}

fn vpc_of(region: &Region, subnet: &SubnetId) -> Option<dnlb_model::VpcId> {
    region.subnets.get(subnet).map(|subnet| subnet.vpc.clone())
}

fn view(region: &Region, template: &Template) -> InstanceTemplate {
    let users = region.ags.values().filter(|ag| ag.template == template.id);
    InstanceTemplate {
        id: template.id.0.clone(),
        name: template.name.clone(),
        description: template.description.clone(),
        created_time: time::iso(template.created),
        ags: users.map(|ag| Named { id: ag.id.0.clone(), name: ag.name.clone() }).collect(),
        instance_template_data: InstanceTemplateData {
            instance_type: template.instance_type.clone(),
            vpc_id: vpc_of(region, &template.subnet).map(|vpc| vpc.0).unwrap_or_default(),
            image_id: template.image.clone(),
            include_password: false,
            primary_network_interface: PrimaryInterfaceData {
                device_index: 0,
                auto_delete: true,
                network_interface: InterfaceData {
                    subnet_id: template.subnet.0.clone(),
                    security_groups: template.security_groups.iter().map(|id| id.0.clone()).collect(),
                },
            },
            metadata: spec::metadata_view(&template.metadata),
            userdata: spec::userdata_view(template.launch_script.as_deref()),
            key_names: Vec::new(),
        },
    }
}

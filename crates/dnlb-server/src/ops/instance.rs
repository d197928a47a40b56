//! Instances.

use std::sync::Arc;

use dnlb_api::{
    ApiError,
    shape::{self, Batch},
    time, wire,
};
use dnlb_model::{AgId, ClientToken, Instance, InstanceId, InstanceState, Power, Region, TemplateId};
use dnlb_plan::{PlacementError, place};
use sha2::{Digest, Sha256};
use wire::vm::{
    CreateInstances, InstanceInterface, InstanceSpec, InstanceStatus, Interface, ModifyInstanceAttribute,
    Named, PrimaryIp, SecurityGroupName,
};

use super::{
    Call, DONE, Outcome, address, ag, ag_target, check, edit, eip, find, fresh,
    list::{self, Filters, List},
    next, one, quota,
    spec::{self, Machine},
    subnet, target_group, template,
};

pub(super) const KIND: &str = "instance";

pub(super) const FILTERS: Filters<Instance> = &[
    ("instanceId", |_, one, filter| filter.accepts(one.id.as_str())),
    ("privateIpAddress", |_, one, filter| {
        filter.accepts_part(&one.addr.to_string()) || filter.accepts_address(one.addr)
    }),
    ("az", |_, one, filter| filter.accepts(&one.az)),
    ("vpcId", |_, one, filter| filter.accepts(one.vpc.as_str())),
    ("status", |_, one, filter| filter.accepts(status(one))),
    ("imageId", |_, one, filter| filter.accepts(&one.image)),
    ("networkInterfaceId", |_, one, filter| filter.accepts(&interface_id(one))),
    ("subnetId", |_, one, filter| filter.accepts(one.subnet.as_str())),
    ("instanceType", |_, one, filter| filter.accepts(&one.instance_type)),
    ("faultDomain", |_, one, filter| filter.accepts(&one.rack)),
    ("name", |_, one, filter| filter.accepts_part(&one.name)),
    ("agId", |_, one, filter| one.ag.as_ref().is_some_and(|ag| filter.accepts(ag.as_str()))),
    ("elasticIpAddress", |_, _, _| false),
    ("hostId", |_, one, filter| filter.accepts(one.host.as_str())),
];

pub(super) fn create(region: &mut Region, call: &Call<'_>) -> Outcome {
    let mut request: CreateInstances = call.body()?;
    let count: usize = check::number("maxCount", request.max_count.unwrap_or(1), Batch::RANGE)?;
    let client_token = client_token(&mut request)?;
    if let Some(token) = &client_token
        && let Some(ids) = made_before(region, token)?
    {
        return one("instanceIds", ids);
    }
    let mut spec = request.instance_spec;
    let names = names(&spec.name, count)?;
    let description = check::description(spec.description.take())?;
    let tags = check::tags(spec.user_tags.take())?;
    check::refuse(spec.hostname.is_some(), "hostname", "an instance's host name is its id")?;
    quota::within(region.instances.len(), count, call.quotas.instances, "instances of the account")?;

    let wanted = wanted_address(&spec);
    if wanted.is_some() && count != 1 {
        return Err(ApiError::invalid(format!("primaryIpAddress wants one address, maxCount is {count}")));
    }
    let origin = Origin::of(region, &mut spec)?;
    origin.machine.check(region)?;
    let subnet = find(&region.subnets, subnet::KIND, &origin.machine.subnet)?.clone();
    let mut ids = Vec::new();
    // Hosts carry instances of all accounts.
    let mut carried = call.whole.clone();
    for name in names {
        // One after the other: each instance counts when the next one is placed.
        let host_id = place(&carried, &origin.azs, origin.ag.as_ref()).map_err(|error| match error {
            PlacementError::NoHost { .. } => ApiError::precondition(error.to_string()),
        })?;
        let host = find(&region.hosts, "host", &host_id)?;
        let (az, rack) = (host.az.clone(), host.rack.clone());
        let addr = address::allocate(region, &subnet, "primaryIpAddress", wanted.as_deref())?;
        let number = next(region, KIND, (1 << 28) - 2, |sequences| &mut sequences.instance)?;
        let id: InstanceId = fresh(InstanceId::PREFIX, |id| region.instances.contains_key(id));
        let machine = origin.machine.clone();
        let instance = Instance {
            id: id.clone(),
            number,
            name,
            description: description.clone(),
            host: host_id,
            az,
            rack,
            vpc: subnet.vpc.clone(),
            subnet: subnet.id.clone(),
            addr,
            security_groups: machine.security_groups,
            ag: origin.ag.clone(),
            template: origin.template.clone(),
            instance_type: machine.instance_type,
            image: machine.image,
            launch_script: machine.launch_script,
            metadata: machine.metadata,
            tags: tags.clone(),
            wanted: Power::On,
            state: InstanceState::Pending,
            boot: 0,
            client_token: client_token.clone(),
            created: call.now,
        };
        let instance = Arc::new(instance);
        carried.instances.insert(id.clone(), Arc::clone(&instance));
        region.instances.insert(id.clone(), instance);
        ids.push(id);
    }
    one("instanceIds", ids)
}

/// The token of a request, taken out of it, and what else it says.
fn client_token(request: &mut CreateInstances) -> Result<Option<ClientToken>, ApiError> {
    let Some(token) = request.client_token.take().filter(|token| !token.is_empty()) else { return Ok(None) };
    let length = token.chars().count();
    if length > shape::ClientToken::LENGTH_MAX {
        return Err(ApiError::invalid(format!(
            "clientToken has {length} characters; at most {} are allowed",
            shape::ClientToken::LENGTH_MAX
        )));
    }
    let said = serde_json::to_vec(request).map_err(|_| ApiError::internal())?;
    Ok(Some(ClientToken { token, request: hex::encode(Sha256::digest(&said)) }))
}

/// The instances that a request with this token made, in their order. A token is used up for as long as one of them is there.
fn made_before(region: &Region, token: &ClientToken) -> Result<Option<Vec<InstanceId>>, ApiError> {
    let used = |one: &&Arc<Instance>| one.client_token.as_ref().is_some_and(|used| used.token == token.token);
    let mut made: Vec<&Arc<Instance>> = region.instances.values().filter(used).collect();
    if made.is_empty() {
        return Ok(None);
    }
    if made.iter().any(|one| one.client_token.as_ref() != Some(token)) {
        return Err(ApiError::invalid(format!(
            "clientToken `{}` was used for another request: give another one",
            check::shown(&token.token)
        )));
    }
    made.sort_by_key(|one| one.number);
    Ok(Some(made.into_iter().map(|one| one.id.clone()).collect()))
}

/// Where a new instance's properties come from.
struct Origin {
    machine: Machine,
    azs: Vec<String>,
    ag: Option<AgId>,
    template: Option<TemplateId>,
}

impl Origin {
    fn of(region: &Region, spec: &mut InstanceSpec) -> Result<Self, ApiError> {
        if let Some(id) = spec.ag_id.take() {
            return Self::of_group(region, AgId(id), spec);
        }
        let az =
            spec.az.take().ok_or_else(|| ApiError::invalid("missing field `az`, needed without agId"))?;
        if !region.settings.azs.contains(&az) {
            return Err(ApiError::invalid(format!(
                "az `{}` is none of this region's: {}",
                check::shown(&az),
                region.settings.azs.join(", ")
            )));
        }
        let template = spec.instance_template_id.take().map(TemplateId);
        let base = match &template {
            None => None,
            Some(id) => Some(Machine::of_template(find(&region.templates, template::KIND, id)?)),
        };
        let machine = Machine::given(spec::template_part(spec), base)?;
        Ok(Self { machine, azs: vec![az], ag: None, template })
    }

    /// Everything comes from the group's template; the group chooses the place.
    fn of_group(region: &Region, id: AgId, spec: &mut InstanceSpec) -> Result<Self, ApiError> {
        let ag = find(&region.ags, ag::KIND, &id)?;
        let template_id = ag.template.clone();
        let given_template = spec.instance_template_id.take();
        if let Some(other) = given_template.filter(|given| *given != template_id.0) {
            return Err(ApiError::invalid(format!(
                "instanceTemplateId {} is not that of availability group {id}, {template_id}",
                check::shown(&other)
            )));
        }
        check::refuse(spec.az.is_some(), "az with agId", "the group chooses the zone")?;
        let given = spec::template_part(spec);
        let interface =
            given.primary_network_interface.as_ref().and_then(|one| one.network_interface.as_ref());
        let overrides = [
            ("instanceType", given.instance_type.is_some()),
            ("imageId", given.image_id.is_some()),
            ("systemDisk", given.system_disk.is_some()),
            ("dataDisks", given.data_disks.is_some()),
            ("password", given.password.is_some()),
            ("keyNames", given.key_names.is_some()),
            ("elasticIp", given.elastic_ip.is_some()),
            ("metadata", given.metadata.is_some()),
            ("userdata", given.userdata.is_some()),
            ("securityGroups", interface.is_some_and(|one| one.security_groups.is_some())),
            ("secondaryIpAddresses", interface.is_some_and(|one| one.secondary_ip_addresses.is_some())),
        ];
        check::refuse_all(&overrides, "members of an availability group are made from its template")?;
        let template = find(&region.templates, template::KIND, &template_id)?;
        let subnet = interface.and_then(|one| one.subnet_id.as_ref());
        if let Some(other) = subnet.filter(|subnet| **subnet != template.subnet.0) {
            return Err(ApiError::invalid(format!(
                "subnetId {} is not that of the group's template, {}",
                check::shown(other),
                template.subnet
            )));
        }
        let machine = Machine::of_template(template);
        Ok(Self { machine, azs: ag.azs.clone(), ag: Some(id), template: Some(template_id) })
    }
}

fn wanted_address(spec: &InstanceSpec) -> Option<String> {
    let interface = spec.primary_network_interface.as_ref()?.network_interface.as_ref()?;
    interface.primary_ip_address.clone().filter(|text| !text.is_empty())
}

/// The names of a batch: `web-[001]` counts up from there, any other name is everybody's.
fn names(name: &str, count: usize) -> Result<Vec<String>, ApiError> {
    let numbered = name.split_once('[').and_then(|(before, rest)| {
        let (digits, after) = rest.split_once(']')?;
        let start: usize = digits.parse().ok().filter(|_| digits.len() <= 9 && !digits.starts_with('+'))?;
        Some((before, start, digits.len(), after))
    });
    let names: Vec<String> = match numbered {
        None => vec![name.to_owned(); count],
        Some((before, start, width, after)) => {
            (start..start + count).map(|number| format!("{before}{number:0width$}{after}")).collect()
        }
    };
    names.iter().try_for_each(|name| check::instance_name(name))?;
    Ok(names)
}

pub(super) fn delete(region: &mut Region, call: &Call<'_>) -> Outcome {
    let id: InstanceId = call.id();
    find(&region.instances, KIND, &id)?;
    let index = region.index();
    region.instances.remove(&id);
    for group in index.target_groups_of_instance.of(&id) {
        edit(&mut region.target_groups, target_group::KIND, group)?
            .targets
            .retain(|_, target| target.instance != id);
    }
    ag_target::forget(region, &id);
    for backend in index.health_of_instance.of(&id) {
        region.health.remove(&(backend.clone(), id.clone()));
    }
    DONE
}

pub(super) fn start(region: &mut Region, call: &Call<'_>) -> Outcome {
    let instance = in_status(region, call, "stopped")?;
    instance.wanted = Power::On;
    DONE
}

pub(super) fn stop(region: &mut Region, call: &Call<'_>) -> Outcome {
    let instance = in_status(region, call, "running")?;
    instance.wanted = Power::Off;
    DONE
}

pub(super) fn reboot(region: &mut Region, call: &Call<'_>) -> Outcome {
    let instance = in_status(region, call, "running")?;
    instance.boot = instance.boot.wrapping_add(1);
    DONE
}

fn in_status<'a>(
    region: &'a mut Region,
    call: &Call<'_>,
    wanted: &str,
) -> Result<&'a mut Instance, ApiError> {
    let instance = edit(&mut region.instances, KIND, &call.id())?;
    let now = status(instance);
    if now != wanted {
        return Err(ApiError::precondition(format!(
            "instance {} is {now}; it must be {wanted}",
            instance.id
        )));
    }
    Ok(instance)
}

pub(super) fn modify(region: &mut Region, call: &Call<'_>) -> Outcome {
    let change: ModifyInstanceAttribute = call.body()?;
    check::refuse(change.hostname.is_some(), "hostname", "an instance's host name is its id")?;
    let instance = edit(&mut region.instances, KIND, &call.id())?;
    if let Some(name) = change.name {
        check::instance_name(&name)?;
        instance.name = name;
    }
    if change.description.is_some() {
        instance.description = check::description(change.description)?;
    }
    if let Some(pairs) = change.metadata {
        instance.metadata = spec::metadata(pairs)?;
    }
    if let Some(userdata) = change.userdata {
        instance.launch_script = spec::launch_script(userdata)?;
    }
    DONE
}

pub(super) fn describe(region: &Region, call: &Call<'_>) -> Outcome {
    let instance = find(&region.instances, KIND, &call.id())?;
    let whole = wire::vm::Instance {
        metadata: Some(spec::metadata_view(&instance.metadata)),
        userdata: Some(spec::userdata_view(instance.launch_script.as_deref())),
        ..view(region, instance)
    };
    one("instance", whole)
}

pub(super) fn list(region: &Region, call: &Call<'_>) -> Outcome {
    instances(region, "instances").reply(region, call, view)
}

pub(super) fn statuses(region: &Region, call: &Call<'_>) -> Outcome {
    instances(region, "instanceStatuses").reply(region, call, |_, instance| InstanceStatus {
        instance_id: instance.id.0.clone(),
        status: status(instance).to_owned(),
    })
}

fn instances<'a>(region: &'a Region, key: &'static str) -> list::List<'a, InstanceId, Instance> {
    let items = &region.instances;
    List {
        key,
        items,
        filters: FILTERS,
        order: |one| one.number.into(),
        name: Some(|one| &one.name),
        tags: Some(|one| &one.tags),
    }
}

/// The API's word for what is wanted of an instance and what it does.
pub(super) fn status(instance: &Instance) -> &'static str {
    match (instance.wanted, &instance.state) {
        (_, InstanceState::Error(_)) => "error",
        (Power::On, InstanceState::Pending) => "pending",
        (Power::On, InstanceState::Running) => "running",
        (Power::On, InstanceState::Stopped) => "starting",
        (Power::Off, InstanceState::Pending | InstanceState::Running) => "stopping",
        (Power::Off, InstanceState::Stopped) => "stopped",
    }
}

/// An instance has one interface, so its id says which.
pub(super) fn interface_id(instance: &Instance) -> String {
    instance.id.0.replacen(InstanceId::PREFIX, "port-", 1)
}

fn view(region: &Region, instance: &Instance) -> wire::vm::Instance {
    let mac = dnlb_abi::instance_mac(instance.number);
    let group = |id: &dnlb_model::SecurityGroupId| SecurityGroupName {
        group_id: id.0.clone(),
        group_name: region.security_groups.get(id).map(|group| group.name.clone()).unwrap_or_default(),
    };
    let ag = instance.ag.as_ref().map(|id| Named {
        id: id.0.clone(),
        name: region.ags.get(id).map(|ag| ag.name.clone()).unwrap_or_default(),
    });
    wire::vm::Instance {
        instance_id: instance.id.0.clone(),
        instance_name: instance.name.clone(),
        hostname: instance.id.0.clone(),
        instance_type: instance.instance_type.clone(),
        vpc_id: instance.vpc.0.clone(),
        subnet_id: instance.subnet.0.clone(),
        private_ip_address: instance.addr.to_string(),
        status: status(instance).to_owned(),
        description: instance.description.clone(),
        image_id: instance.image.clone(),
        data_disks: Vec::new(),
        primary_network_interface: InstanceInterface {
            device_index: 0,
            auto_delete: true,
            network_interface: Interface {
                network_interface_id: interface_id(instance),
                mac_address: mac.map(|byte| format!("{byte:02x}")).join(":"),
                vpc_id: instance.vpc.0.clone(),
                subnet_id: instance.subnet.0.clone(),
                security_groups: instance.security_groups.iter().map(group).collect(),
                sanity_check: 1,
                primary_ip: PrimaryIp { private_ip_address: instance.addr.to_string() },
                secondary_ips: Vec::new(),
            },
        },
        secondary_network_interfaces: Vec::new(),
        launch_time: time::iso(instance.created),
        az: instance.az.clone(),
        key_names: Vec::new(),
        charge: wire::Charge::none(),
        fault_domain: instance.rack.clone(),
        tags: eip::tags(&instance.tags),
        host_id: instance.host.0.clone(),
        status_reason: match &instance.state {
            InstanceState::Error(reason) => Some(reason.clone()),
            _ => None,
        },
        ag,
        metadata: None,
        userdata: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_is_numbered_from_where_its_name_says() {
        assert_eq!(names("web-[008]", 3).unwrap(), ["web-008", "web-009", "web-010"]);
        assert_eq!(names("web", 2).unwrap(), ["web", "web"]);
        for bad in ["web-[x]", "web-[]", "web-[+1]", "web-[99999999999]", "w"] {
            assert_eq!(names(bad, 1).unwrap_err().code, 400, "{bad}");
        }
    }
}

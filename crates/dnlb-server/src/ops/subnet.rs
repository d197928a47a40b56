//! Subnets.

use std::sync::Arc;

use dnlb_api::{ApiError, time, wire};
use dnlb_model::{Region, Subnet, SubnetId, VpcId};
use wire::vpc::{CreateSubnet, ModifySubnet};

use super::{
    Call, DONE, Outcome,
    address::Addresses,
    check::{self, BlockOf},
    edit, find, fresh,
    list::{Filters, List},
    one, quota, vpc,
};

pub(super) const KIND: &str = "subnet";

pub(super) const FILTERS: Filters<Subnet> = &[
    ("subnetIds", |_, subnet, filter| filter.accepts(subnet.id.as_str())),
    ("subnetNames", |_, subnet, filter| filter.accepts(&subnet.name)),
    ("azs", |region, _, filter| region.settings.azs.iter().any(|az| filter.accepts(az))),
    ("routeTableId", |_, _, filter| filter.accepts("")),
    ("aclId", |_, subnet, filter| subnet.acl.as_ref().is_some_and(|acl| filter.accepts(acl.as_str()))),
    ("vpcId", |_, subnet, filter| filter.accepts(subnet.vpc.as_str())),
    ("subnetType", |_, _, filter| filter.accepts("standard")),
    ("azType", |_, _, filter| filter.accepts("standard") || filter.accepts("all")),
];

pub(super) fn create(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: CreateSubnet = call.body()?;
    let name = check::name("subnetName", spec.subnet_name)?;
    let description = check::description(spec.description)?;
    let prefix = check::private_prefix("addressPrefix", &spec.address_prefix, BlockOf::Subnet)?;
    let table = spec.route_table_id.is_some_and(|id| !id.is_empty());
    check::refuse(table, "routeTableId", "every subnet of a VPC reaches every other one")?;
    check::refuse(
        spec.ip_mask_len.is_some_and(|len| len != 0),
        "ipMaskLen",
        "instances have one address each",
    )?;
    let vpc_id = VpcId::from(spec.vpc_id);
    let vpc = find(&region.vpcs, vpc::KIND, &vpc_id)?;
    vpc::check_inside(vpc, "addressPrefix", prefix)?;
    let siblings = || region.subnets.values().filter(|subnet| subnet.vpc == vpc_id);
    let overlaps = |subnet: &&Arc<Subnet>| subnet.prefix.contains(&prefix) || prefix.contains(&subnet.prefix);
    if let Some(other) = siblings().find(overlaps) {
        return Err(ApiError::taken(format!(
            "addressPrefix {prefix} overlaps subnet {} ({})",
            other.id, other.prefix
        )));
    }
    quota::within(siblings().count(), 1, call.quotas.subnets, "subnets of the VPC")?;
    let id: SubnetId = fresh(SubnetId::PREFIX, |id| region.subnets.contains_key(id));
    let subnet =
        Subnet { id: id.clone(), name, description, vpc: vpc_id, prefix, acl: None, created: call.now };
    region.subnets.insert(id.clone(), Arc::new(subnet));
    one("subnetId", id)
}

pub(super) fn modify(region: &mut Region, call: &Call<'_>) -> Outcome {
    let change: ModifySubnet = call.body()?;
    check::refuse(
        change.ip_mask_len.is_some_and(|len| len != 0),
        "ipMaskLen",
        "instances have one address each",
    )?;
    let subnet = edit(&mut region.subnets, KIND, &call.id())?;
    if let Some(name) = change.subnet_name {
        subnet.name = check::name("subnetName", name)?;
    }
    if change.description.is_some() {
        subnet.description = check::description(change.description)?;
    }
    DONE
}

pub(super) fn delete(region: &mut Region, call: &Call<'_>) -> Outcome {
    let id: SubnetId = call.id();
    find(&region.subnets, KIND, &id)?;
    let in_use = |user: String| ApiError::precondition(format!("subnet {id} is in use by {user}"));
    if let Some(balancer) = region.load_balancers.values().find(|balancer| balancer.subnet == id) {
        return Err(in_use(format!("load balancer {}", balancer.id)));
    }
    if let Some(instance) = region.instances.values().find(|instance| instance.subnet == id) {
        return Err(in_use(format!("instance {}", instance.id)));
    }
    if let Some(template) = region.templates.values().find(|template| template.subnet == id) {
        return Err(in_use(format!("instance template {}", template.id)));
    }
    region.subnets.remove(&id);
    DONE
}

pub(super) fn describe(region: &Region, call: &Call<'_>) -> Outcome {
    one("subnet", view(region, find(&region.subnets, KIND, &call.id())?))
}

pub(super) fn list(region: &Region, call: &Call<'_>) -> Outcome {
    List {
        key: "subnets",
        items: &region.subnets,
        filters: FILTERS,
        order: |subnet| subnet.created,
        name: Some(|subnet| &subnet.name),
        tags: None,
    }
    .reply(region, call, view)
}

pub(super) fn view(region: &Region, subnet: &Subnet) -> wire::vpc::Subnet {
    let usable = Addresses::of_subnet(subnet);
    wire::vpc::Subnet {
        subnet_id: subnet.id.0.clone(),
        subnet_name: subnet.name.clone(),
        vpc_id: subnet.vpc.0.clone(),
        address_prefix: subnet.prefix.to_string(),
        available_ip_count: usable.left(region.index().addresses_of_subnet(&subnet.id).count()),
        ip_mask_len: 0,
        description: subnet.description.clone(),
        start_ip: usable.first().to_string(),
        end_ip: usable.last().to_string(),
        created_time: time::iso(subnet.created),
        subnet_type: "standard".to_owned(),
        az: String::new(),
        route_table_id: None,
        acl_id: subnet.acl.as_ref().map(|acl| acl.0.clone()),
    }
}

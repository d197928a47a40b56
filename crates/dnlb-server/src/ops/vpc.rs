//! VPCs.

use std::sync::Arc;

use dnlb_api::{ApiError, time, wire};
use dnlb_model::{Region, Vpc, VpcId};
use wire::vpc::{CreateVpc, ModifyVpc};

use super::{
    Call, DONE, Outcome, check, edit, find, fresh,
    list::{Filters, List},
    next, one, quota, subnet,
};

pub(super) const KIND: &str = "VPC";

const FILTERS: Filters<Vpc> = &[
    ("vpcIds", |_, vpc, filter| filter.accepts(vpc.id.as_str())),
    ("vpcNames", |_, vpc, filter| filter.accepts(&vpc.name)),
    ("azs", |region, _, filter| region.settings.azs.iter().any(|az| filter.accepts(az))),
    ("azType", |_, _, filter| filter.accepts("standard") || filter.accepts("all")),
];

pub(super) fn create(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: CreateVpc = call.body()?;
    let name = check::name("vpcName", spec.vpc_name)?;
    let description = check::description(spec.description)?;
    let prefix = match spec.address_prefix.as_deref() {
        None | Some("") => None,
        Some(text) => Some(check::private_prefix("addressPrefix", text)?.into()),
    };
    let edge = spec.az_type.is_some_and(|kind| kind != "standard");
    check::refuse(edge, "azType", "only `standard`")?;
    check::refuse(spec.az.is_some_and(|az| !az.is_empty()), "az", "a VPC spans all zones")?;
    quota::within(region.vpcs.len(), 1, call.quotas.vpcs, "VPCs of the region")?;
    let vni = next(region, "VPC", (1 << 24) - 1, |sequences| &mut sequences.vni)?;
    let id: VpcId = fresh(VpcId::PREFIX, &region.vpcs);
    let vpc = Vpc { id: id.clone(), name, description, prefix, vni, created: call.now };
    region.vpcs.insert(id.clone(), Arc::new(vpc));
    one("vpcId", id)
}

pub(super) fn modify(region: &mut Region, call: &Call<'_>) -> Outcome {
    let change: ModifyVpc = call.body()?;
    let vpc = edit(&mut region.vpcs, KIND, &call.id())?;
    if let Some(name) = change.vpc_name {
        vpc.name = check::name("vpcName", name)?;
    }
    if change.description.is_some() {
        vpc.description = check::description(change.description)?;
    }
    DONE
}

pub(super) fn delete(region: &mut Region, call: &Call<'_>) -> Outcome {
    let id: VpcId = call.id();
    find(&region.vpcs, KIND, &id)?;
    let in_use = |user: String| ApiError::precondition(format!("VPC {id} is in use by {user}"));
    if let Some(subnet) = region.subnets.values().find(|subnet| subnet.vpc == id) {
        return Err(in_use(format!("subnet {}", subnet.id)));
    }
    if let Some(group) = region.security_groups.values().find(|group| group.vpc == id) {
        return Err(in_use(format!("security group {}", group.id)));
    }
    if let Some(acl) = region.acls.values().find(|acl| acl.vpc == id) {
        return Err(in_use(format!("network ACL {}", acl.id)));
    }
    region.vpcs.remove(&id);
    DONE
}

pub(super) fn describe(region: &Region, call: &Call<'_>) -> Outcome {
    one("vpc", view(region, find(&region.vpcs, KIND, &call.id())?))
}

pub(super) fn list(region: &Region, call: &Call<'_>) -> Outcome {
    List { key: "vpcs", items: &region.vpcs, filters: FILTERS, order: |vpc| vpc.created, tags: None }
        .reply(region, call, view)
}

fn view(region: &Region, vpc: &Vpc) -> wire::vpc::Vpc {
    let acls = region.acls.values().filter(|acl| acl.vpc == vpc.id);
    let subnets = region.subnets.values().filter(|subnet| subnet.vpc == vpc.id);
    wire::vpc::Vpc {
        vpc_id: vpc.id.0.clone(),
        vpc_name: vpc.name.clone(),
        address_prefix: vpc.prefix.map(|prefix| prefix.to_string()).unwrap_or_default(),
        description: vpc.description.clone(),
        acl_ids: acls.map(|acl| acl.id.0.clone()).collect(),
        route_table_ids: Vec::new(),
        subnets: subnets.map(|subnet| subnet::view(region, subnet)).collect(),
        created_time: time::iso(vpc.created),
        az_type: "standard".to_owned(),
        az: String::new(),
    }
}

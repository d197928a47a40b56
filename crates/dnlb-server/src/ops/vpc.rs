//! VPCs.

use std::sync::Arc;

use dnlb_api::{ApiError, time, wire};
use dnlb_model::{Family, Region, Vpc, VpcId};
use ipnet::IpNet;
use wire::vpc::{CreateVpc, ModifyVpc};

use super::{
    Call, DONE, Outcome,
    check::{self, BlockOf},
    edit, find, fresh,
    list::{Filters, List},
    next, one, quota, subnet,
};

pub(super) const KIND: &str = "VPC";

pub(super) const FILTERS: Filters<Vpc> = &[
    ("vpcIds", |_, vpc, filter| filter.accepts(vpc.id.as_str())),
    ("vpcNames", |_, vpc, filter| filter.accepts(&vpc.name)),
    ("azs", |region, _, filter| region.settings.azs.iter().any(|az| filter.accepts(az))),
    ("azType", |_, _, filter| filter.accepts("standard") || filter.accepts("all")),
];

pub(super) fn create(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: CreateVpc = call.body()?;
    let name = check::name("vpcName", spec.vpc_name)?;
    let description = check::description(spec.description)?;
    let prefix = range("addressPrefix", spec.address_prefix.as_deref())?;
    let prefix_v6 = range_v6(spec.ipv6_address_prefix.as_deref(), prefix)?;
    let edge = spec.az_type.is_some_and(|kind| kind != "standard");
    check::refuse(edge, "azType", "only `standard`")?;
    check::refuse(spec.az.is_some_and(|az| !az.is_empty()), "az", "a VPC spans all zones")?;
    quota::within(region.vpcs.len(), 1, call.quotas.vpcs, "VPCs of the account")?;
    let vni = next(region, "VPC", (1 << 24) - 1, |sequences| &mut sequences.vni)?;
    let id: VpcId = fresh(VpcId::PREFIX, |id| region.vpcs.contains_key(id));
    let vpc = Vpc { id: id.clone(), name, description, prefix, prefix_v6, vni, created: call.now };
    region.vpcs.insert(id.clone(), Arc::new(vpc));
    one("vpcId", id)
}

pub(super) fn modify(region: &mut Region, call: &Call<'_>) -> Outcome {
    let change: ModifyVpc = call.body()?;
    let id: VpcId = call.id();
    let old = find(&region.vpcs, KIND, &id)?;
    let prefix_v6 = range_v6(change.ipv6_address_prefix.as_deref(), old.prefix)?.or(old.prefix_v6);
    let changed = Vpc { prefix_v6, ..old.clone() };
    for subnet in region.subnets.values().filter(|subnet| subnet.vpc == id) {
        check_inside(&changed, &format!("subnet {}:", subnet.id), subnet.prefix)?;
    }
    let vpc = edit(&mut region.vpcs, KIND, &id)?;
    vpc.prefix_v6 = prefix_v6;
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
    List {
        key: "vpcs",
        items: &region.vpcs,
        filters: FILTERS,
        order: |vpc| vpc.created,
        name: Some(|vpc| &vpc.name),
        tags: None,
    }
    .reply(region, call, view)
}

fn range(field: &str, text: Option<&str>) -> Result<Option<IpNet>, ApiError> {
    let given = text.filter(|text| !text.is_empty());
    given.map(|text| check::private_prefix(field, text, BlockOf::Vpc)).transpose()
}

/// The IPv6 range beside another one.
fn range_v6(text: Option<&str>, other: Option<IpNet>) -> Result<Option<IpNet>, ApiError> {
    let field = "ipv6AddressPrefix";
    let Some(range) = range(field, text)? else { return Ok(None) };
    if Family::from(range) != Family::V6 {
        return Err(ApiError::invalid(format!("{field} {range} is IPv4: it belongs into addressPrefix")));
    }
    if let Some(other) = other.filter(|other| Family::from(*other) == Family::V6) {
        return Err(ApiError::invalid(format!(
            "{field} {range}: a VPC has one IPv6 range, and addressPrefix {other} is one already"
        )));
    }
    Ok(Some(range))
}

/// Refuses a block that lies in none of a VPC's ranges. One without any has all private ones.
pub(super) fn check_inside(vpc: &Vpc, what: &str, block: IpNet) -> Result<(), ApiError> {
    let ranges: Vec<IpNet> = vpc.prefix.into_iter().chain(vpc.prefix_v6).collect();
    let family = Family::from(block);
    let text = ranges.iter().map(IpNet::to_string).collect::<Vec<_>>().join(", ");
    if ranges.is_empty() || ranges.iter().any(|range| range.contains(&block)) {
        return Ok(());
    }
    if ranges.iter().all(|range| Family::from(*range) != family) {
        return Err(ApiError::invalid(format!(
            "{what} {block} is {family}, VPC {} ({text}) has no {family} range",
            vpc.id
        )));
    }
    Err(ApiError::invalid(format!("{what} {block} is not inside VPC {} ({text})", vpc.id)))
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
        ipv6_address_prefix: vpc.prefix_v6.map(|prefix| prefix.to_string()),
    }
}

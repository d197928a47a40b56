//! Elastic IPs.

use std::{collections::BTreeSet, net::IpAddr, sync::Arc};

use dnlb_api::{
    ApiError,
    shape::{Bandwidth, Batch, Provider},
    time, wire,
};
use dnlb_model::{Eip, EipId, Family, Region, Tag};
use wire::vpc::{CreateElasticIps, ElasticIpSpec, ModifyElasticIp};

use super::{
    Call, DONE, Outcome,
    address::Addresses,
    check, edit, find, fresh,
    list::{Filters, List},
    one, quota, random_id,
};

pub(super) const KIND: &str = "elastic IP";

pub(super) const FILTERS: Filters<Eip> = &[
    ("elasticIpIds", |_, eip, filter| filter.accepts(eip.id.as_str())),
    ("elasticIpAddress", |_, eip, filter| filter.accepts_address(eip.addr)),
    ("ipVersion", |_, eip, filter| filter.accepts(&Family::from(eip.addr).version().to_string())),
    ("azs", |_, _, filter| filter.accepts("")),
    ("chargeStatus", |_, _, filter| filter.accepts("normal")),
    ("ipType", |_, _, filter| filter.accepts("standard") || filter.accepts("all")),
    ("bandwidthPackageId", |_, _, _| false),
    ("status", |_, eip, filter| filter.accepts("ALL") || filter.accepts(status(eip))),
];

pub(super) fn create(region: &mut Region, call: &Call<'_>) -> Outcome {
    let spec: CreateElasticIps = call.body()?;
    let count: usize = check::number("maxCount", spec.max_count, Batch::RANGE)?;
    let tags = check::tags(spec.user_tags)?;
    let other_type = spec.ip_type.is_some_and(|kind| !kind.is_empty() && kind != "standard");
    check::refuse(other_type, "ipType", "only `standard`")?;
    let wanted = spec.elastic_ip_address.filter(|text| !text.is_empty());
    if wanted.is_some() && count != 1 {
        return Err(ApiError::invalid(format!("elasticIpAddress wants one address, maxCount is {count}")));
    }
    quota::within(region.eips.len(), count, call.quotas.elastic_ips, "elastic IPs of the account")?;
    let family = family(spec.ip_version, wanted.as_deref())?;
    let wish = Wish::new(&spec.elastic_ip_spec, family)?;
    let mut trial = region.clone();
    let mut ids = Vec::new();
    for _ in 0..count {
        ids.push(add(&mut trial, call.whole, &wish, wanted.as_deref(), tags.clone(), call.now)?);
    }
    if spec.dry_run != Some(true) {
        *region = trial;
    } else {
        ids.clear();
    }
    one("elasticIpIds", ids).map(|mut reply| {
        // This operation's result has a request id of its own, for clients that read it there.
        if let serde_json::Value::Object(reply) = &mut reply {
            reply.insert("requestId".to_owned(), random_id("").into());
        }
        reply
    })
}

/// The family that a request names, or else that of the address that it wants.
fn family(version: Option<i64>, wanted: Option<&str>) -> Result<Family, ApiError> {
    let wanted: Option<IpAddr> = wanted.map(parse).transpose()?;
    let family = match version {
        None => return Ok(wanted.map_or(Family::V4, Family::from)),
        Some(4) => Family::V4,
        Some(6) => Family::V6,
        Some(other) => return Err(ApiError::invalid(format!("ipVersion {other} is neither 4 nor 6"))),
    };
    match wanted.filter(|addr| Family::from(*addr) != family) {
        None => Ok(family),
        Some(addr) => Err(ApiError::invalid(format!(
            "elasticIpAddress {addr} is {}, ipVersion is {}",
            Family::from(addr),
            family.version()
        ))),
    }
}

fn parse(addr: &str) -> Result<IpAddr, ApiError> {
    addr.parse().map_err(|_| {
        ApiError::invalid(format!("elasticIpAddress `{}` is not an address", check::shown(addr)))
    })
}

/// What a new elastic IP is to be like.
pub(super) struct Wish {
    family: Family,
    bandwidth_mbps: u32,
    provider: String,
}

impl Wish {
    pub(super) fn new(spec: &ElasticIpSpec, family: Family) -> Result<Self, ApiError> {
        let bandwidth = match (spec.bandwidth_mbps, spec.bandwidth) {
            (None, None) => return Err(ApiError::invalid("elasticIpSpec: missing field `bandwidthMbps`")),
            (Some(one), Some(other)) if one != other => {
                return Err(ApiError::invalid(format!(
                    "elasticIpSpec says bandwidthMbps {one} and bandwidth {other}: they mean the same"
                )));
            }
            (Some(given), _) | (None, Some(given)) => given,
        };
        let provider = spec.provider.clone().unwrap_or_else(|| "bgp".to_owned());
        if !Provider::WORDS.contains(&provider.as_str()) {
            return Err(ApiError::invalid(format!(
                "provider `{}` is neither bgp nor no_bgp",
                check::shown(&provider)
            )));
        }
        let bandwidth_mbps = check::number("bandwidthMbps", bandwidth, Bandwidth::RANGE)?;
        Ok(Self { family, bandwidth_mbps, provider })
    }
}

/// Takes an address from the pools.
pub(super) fn add(
    region: &mut Region,
    whole: &Region,
    wish: &Wish,
    wanted: Option<&str>,
    tags: Vec<Tag>,
    now: u64,
) -> Result<EipId, ApiError> {
    let addr = allocate(region, whole, wish.family, wanted)?;
    let id: EipId = fresh(EipId::PREFIX, |id| region.eips.contains_key(id));
    let eip = Eip {
        id: id.clone(),
        addr,
        bandwidth_mbps: wish.bandwidth_mbps,
        provider: wish.provider.clone(),
        load_balancer: None,
        tags,
        created: now,
    };
    region.eips.insert(id.clone(), Arc::new(eip));
    Ok(id)
}

fn allocate(
    region: &Region,
    whole: &Region,
    family: Family,
    wanted: Option<&str>,
) -> Result<IpAddr, ApiError> {
    let pools = region.settings.eip_pools.iter().filter(|pool| Family::from(**pool) == family);
    let pools: Vec<Addresses> = pools.map(Addresses::of_pool).collect();
    if pools.is_empty() {
        return Err(ApiError::precondition(format!("this region has no pool of {family} elastic IPs")));
    }
    let taken: BTreeSet<IpAddr> =
        region.eips.values().chain(whole.eips.values()).map(|eip| eip.addr).collect();
    let Some(wanted) = wanted else {
        let free = pools.iter().find_map(|pool| pool.free(taken.iter().copied()));
        return free.ok_or_else(|| {
            ApiError::precondition(format!("the region's pools have no free elastic IP of {family}"))
        });
    };
    let addr = parse(wanted)?;
    if !pools.iter().any(|pool| pool.contains(addr)) {
        return Err(ApiError::invalid(format!("elasticIpAddress {addr} is in none of the region's pools")));
    }
    if taken.contains(&addr) {
        return Err(ApiError::taken(format!("elasticIpAddress {addr} is taken")));
    }
    Ok(addr)
}

pub(super) fn modify(region: &mut Region, call: &Call<'_>) -> Outcome {
    let change: ModifyElasticIp = call.body()?;
    let eip = edit(&mut region.eips, KIND, &call.id())?;
    eip.bandwidth_mbps = check::number("bandwidthMbps", change.bandwidth_mbps, Bandwidth::RANGE)?;
    DONE
}

pub(super) fn delete(region: &mut Region, call: &Call<'_>) -> Outcome {
    let id: EipId = call.id();
    if let Some(balancer) = &find(&region.eips, KIND, &id)?.load_balancer {
        return Err(ApiError::precondition(format!("elastic IP {id} is in use by load balancer {balancer}")));
    }
    region.eips.remove(&id);
    DONE
}

pub(super) fn describe(region: &Region, call: &Call<'_>) -> Outcome {
    one("elasticIp", view(region, find(&region.eips, KIND, &call.id())?))
}

pub(super) fn list(region: &Region, call: &Call<'_>) -> Outcome {
    List {
        key: "elasticIps",
        items: &region.eips,
        filters: FILTERS,
        order: |eip| eip.created,
        name: None,
        tags: Some(|eip| &eip.tags),
    }
    .reply(region, call, view)
}

fn status(eip: &Eip) -> &'static str {
    if eip.load_balancer.is_some() { "ASSOCIATED" } else { "NOT_ASSOCIATED" }
}

fn view(region: &Region, eip: &Eip) -> wire::vpc::ElasticIp {
    let balancer = eip.load_balancer.as_ref().and_then(|id| region.load_balancers.get(id));
    wire::vpc::ElasticIp {
        elastic_ip_id: eip.id.0.clone(),
        elastic_ip_address: eip.addr.to_string(),
        bandwidth_mbps: eip.bandwidth_mbps.into(),
        provider: eip.provider.clone(),
        private_ip_address: balancer.map(|balancer| balancer.vip.to_string()).unwrap_or_default(),
        network_interface_id: String::new(),
        instance_id: balancer.map(|balancer| balancer.id.0.clone()).unwrap_or_default(),
        instance_type: balancer.map(|_| "lb".to_owned()).unwrap_or_default(),
        charge: wire::Charge::none(),
        created_time: time::iso(eip.created),
        az: String::new(),
        tags: tags(&eip.tags),
        ip_type: "standard".to_owned(),
        status: status(eip).to_owned(),
        ip_version: Family::from(eip.addr).version().into(),
    }
}

/// Tags as the wire shows them.
pub(super) fn tags(tags: &[Tag]) -> Vec<wire::Tag> {
    tags.iter().map(|tag| wire::Tag { key: tag.key.clone(), value: tag.value.clone() }).collect()
}

//! Addresses of subnets: which are free, which are taken.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr},
};

use dnlb_api::ApiError;
use dnlb_model::{Region, Subnet};
use ipnet::IpNet;

/// The addresses that resources may have: from the fourth to the last but one.
#[expect(
    clippy::reversed_empty_ranges,
    reason = "IPv6 subnets are not made in this version: they have no address"
)]
pub(super) fn usable(subnet: &Subnet) -> std::ops::RangeInclusive<u32> {
    match subnet.prefix {
        IpNet::V4(net) => u32::from(net.network()) + 3..=u32::from(net.broadcast()) - 1,
        IpNet::V6(_) => 1..=0,
    }
}

/// The addresses of a subnet that instances and load balancers have.
pub(super) fn taken(region: &Region, subnet: &Subnet) -> BTreeSet<IpAddr> {
    let instances = region.instances.values().filter(|instance| instance.subnet == subnet.id);
    let balancers = region.load_balancers.values().filter(|balancer| balancer.subnet == subnet.id);
    instances.map(|instance| instance.addr).chain(balancers.map(|balancer| balancer.vip)).collect()
}

/// A wanted address, or else the first free one.
pub(super) fn allocate(
    region: &Region,
    subnet: &Subnet,
    field: &str,
    wanted: Option<&str>,
) -> Result<IpAddr, ApiError> {
    let taken = taken(region, subnet);
    let Some(wanted) = wanted else {
        return usable(subnet)
            .map(|addr| IpAddr::V4(Ipv4Addr::from(addr)))
            .find(|addr| !taken.contains(addr))
            .ok_or_else(|| {
                ApiError::precondition(format!(
                    "subnet {} ({}) has no free address",
                    subnet.id, subnet.prefix
                ))
            });
    };
    let addr: Ipv4Addr = wanted.parse().map_err(|_| {
        ApiError::invalid(format!("{field} `{}` is not an IPv4 address", super::check::shown(wanted)))
    })?;
    if !subnet.prefix.contains(&IpAddr::V4(addr)) {
        return Err(ApiError::invalid(format!(
            "{field} {addr} is not in subnet {} ({})",
            subnet.id, subnet.prefix
        )));
    }
    if !usable(subnet).contains(&u32::from(addr)) {
        return Err(ApiError::invalid(format!(
            "{field} {addr} is reserved: the first three addresses and the last one of a subnet are"
        )));
    }
    if taken.contains(&IpAddr::V4(addr)) {
        return Err(ApiError::taken(format!(
            "{field} {addr} is taken by {}",
            owner(region, subnet, addr.into())
        )));
    }
    Ok(addr.into())
}

fn owner(region: &Region, subnet: &Subnet, addr: IpAddr) -> String {
    let instance = region.instances.values().find(|one| one.subnet == subnet.id && one.addr == addr);
    let balancer = region.load_balancers.values().find(|one| one.subnet == subnet.id && one.vip == addr);
    match (instance, balancer) {
        (Some(instance), _) => format!("instance {}", instance.id),
        (_, Some(balancer)) => format!("load balancer {}", balancer.id),
        _ => "another resource".to_owned(),
    }
}

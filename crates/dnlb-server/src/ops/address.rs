//! Addresses of blocks: which may be given away, which are free, which are taken.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    ops::RangeInclusive,
};

use dnlb_api::ApiError;
use dnlb_model::{Family, Region, Subnet};
use ipnet::IpNet;

use super::check;

/// Addresses in a row, as numbers: an IPv6 block has too many to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Addresses {
    family: Family,
    numbers: RangeInclusive<u128>,
}

impl Addresses {
    /// Those that resources of a subnet may have: from the fourth of its block to the last but one.
    pub(super) fn of_subnet(subnet: &Subnet) -> Self {
        Self::inside(&subnet.prefix, 3, 1)
    }

    /// Those of a pool of elastic IPs: not those of the network and, of IPv4, the broadcast. The smallest blocks
    /// have neither.
    pub(super) fn of_pool(pool: &IpNet) -> Self {
        let ends = u128::from(pool.max_prefix_len() - pool.prefix_len() > 1);
        Self::inside(pool, ends, if pool.addr().is_ipv4() { ends } else { 0 })
    }

    /// Those of a block without some at either end.
    fn inside(block: &IpNet, before: u128, after: u128) -> Self {
        let numbers = number(block.network()) + before..=number(block.broadcast()) - after;
        Self { family: (*block).into(), numbers }
    }

    pub(super) fn contains(&self, addr: IpAddr) -> bool {
        self.family == addr.into() && self.numbers.contains(&number(addr))
    }

    pub(super) fn first(&self) -> IpAddr {
        self.addr(*self.numbers.start())
    }

    pub(super) fn last(&self) -> IpAddr {
        self.addr(*self.numbers.end())
    }

    /// The first that is not taken. Looks at no more than are taken and one.
    pub(super) fn free(&self, taken: &BTreeSet<IpAddr>) -> Option<IpAddr> {
        self.numbers.clone().map(|number| self.addr(number)).find(|addr| !taken.contains(addr))
    }

    /// How many are left when so many are taken, as the API counts: what a client's 32 bits do not hold is their
    /// greatest number.
    pub(super) fn left(&self, taken: usize) -> i64 {
        let all = self.numbers.end().saturating_sub(*self.numbers.start()).saturating_add(1);
        i32::try_from(all.saturating_sub(taken as u128)).unwrap_or(i32::MAX).into()
    }

    fn addr(&self, number: u128) -> IpAddr {
        match self.family {
            Family::V4 => Ipv4Addr::from(number as u32).into(),
            Family::V6 => Ipv6Addr::from(number).into(),
        }
    }
}

fn number(addr: IpAddr) -> u128 {
    match addr {
        IpAddr::V4(v4) => u32::from(v4).into(),
        IpAddr::V6(v6) => v6.into(),
    }
}

/// The addresses of a subnet that instances and load balancers have.
pub(super) fn taken(region: &Region, subnet: &Subnet) -> BTreeSet<IpAddr> {
    let index = region.index();
    let instances = index.instances_of_subnet.of(&subnet.id).filter_map(|id| region.instances.get(id));
    let balancers = index.balancers_of_subnet.of(&subnet.id).filter_map(|id| region.load_balancers.get(id));
    instances.map(|instance| instance.addr).chain(balancers.map(|balancer| balancer.vip)).collect()
}

/// A wanted address, or else the first free one.
pub(super) fn allocate(
    region: &Region,
    subnet: &Subnet,
    field: &str,
    wanted: Option<&str>,
) -> Result<IpAddr, ApiError> {
    let (usable, taken) = (Addresses::of_subnet(subnet), taken(region, subnet));
    let Some(wanted) = wanted else {
        return usable.free(&taken).ok_or_else(|| {
            ApiError::precondition(format!("subnet {} ({}) has no free address", subnet.id, subnet.prefix))
        });
    };
    let family = Family::from(subnet.prefix);
    let addr: IpAddr = wanted.parse().map_err(|_| {
        ApiError::invalid(format!("{field} `{}` is not an {family} address", check::shown(wanted)))
    })?;
    if family != addr.into() {
        return Err(ApiError::invalid(format!(
            "{field} {addr} is not an {family} address, which those of subnet {} ({}) are",
            subnet.id, subnet.prefix
        )));
    }
    if !subnet.prefix.contains(&addr) {
        return Err(ApiError::invalid(format!(
            "{field} {addr} is not in subnet {} ({})",
            subnet.id, subnet.prefix
        )));
    }
    if !usable.contains(addr) {
        return Err(ApiError::invalid(format!(
            "{field} {addr} is reserved: the first three addresses and the last one of a subnet are"
        )));
    }
    if taken.contains(&addr) {
        return Err(ApiError::taken(format!("{field} {addr} is taken by {}", owner(region, subnet, addr))));
    }
    Ok(addr)
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

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(text: &str) -> Addresses {
        Addresses::of_pool(&text.parse().unwrap())
    }

    #[test]
    fn the_ends_of_a_pool_are_kept_back_where_they_mean_something() {
        for (block, first, last, count) in [
            ("203.0.113.0/29", "203.0.113.1", "203.0.113.6", 6),
            ("203.0.113.8/31", "203.0.113.8", "203.0.113.9", 2),
            ("203.0.113.7/32", "203.0.113.7", "203.0.113.7", 1),
            ("2001:db8:e::/125", "2001:db8:e::1", "2001:db8:e::7", 7),
            ("2001:db8:e::6/127", "2001:db8:e::6", "2001:db8:e::7", 2),
            ("2001:db8:e::9/128", "2001:db8:e::9", "2001:db8:e::9", 1),
            ("2001:db8:e::/64", "2001:db8:e::1", "2001:db8:e:0:ffff:ffff:ffff:ffff", i64::from(i32::MAX)),
        ] {
            let addresses = pool(block);
            assert_eq!(
                (addresses.first().to_string(), addresses.last().to_string()),
                (first.into(), last.into())
            );
            assert_eq!(addresses.left(0), count, "{block}");
            assert!(addresses.contains(addresses.last()));
        }
        assert!(!pool("2001:db8::/64").contains("2001:db8::".parse().unwrap()));
        assert!(!pool("::/96").contains("0.0.0.9".parse().unwrap()), "another family");
    }

    #[test]
    fn the_first_free_address_is_found_without_listing_the_block() {
        let addresses = pool("fd00::/64");
        let mut taken = BTreeSet::new();
        for number in 1..=100_u16 {
            let addr = addresses.free(&taken).unwrap();
            assert_eq!(addr, IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, number]));
            taken.insert(addr);
        }
        taken.remove(&"fd00::7".parse().unwrap());
        assert_eq!(addresses.free(&taken).unwrap().to_string(), "fd00::7");
        assert_eq!(pool("fd00::1/128").free(&taken), None);
    }
}

//! The rules of instances.

use dnlb_abi::{InstanceEntry, RULES_PER_RANGE, RuleEntry, RuleRange, instance_mac};
use dnlb_model::{Direction, FilterRule, InstanceConfig, RuleProtocol};
use zerocopy::IntoBytes;

use super::{CompileError, map_addr, map_bits};
use crate::Allocation;

/// The rules of one instance as programs try them.
#[derive(PartialEq)]
pub(super) struct Filters {
    security_in: Vec<RuleEntry>,
    security_out: Vec<RuleEntry>,
    acl_in: Option<Vec<RuleEntry>>,
    acl_out: Option<Vec<RuleEntry>>,
}

impl Filters {
    pub(super) fn new(instance: &InstanceConfig) -> Result<Self, CompileError> {
        let security = |direction| {
            let mut rules = entries(instance, &instance.security_rules, direction);
            rules.retain(|rule| rule.action == RuleEntry::ALLOW);
            // All of them allow, so order and repetitions mean nothing: equal sets shall share a range.
            rules.sort_unstable_by_key(|rule| (rule.prefix, rule.prefix_bits, rule.protocol, rule.ports));
            rules.dedup();
            rules
        };
        let acl = |direction| instance.acl_rules.as_ref().map(|rules| entries(instance, rules, direction));
        let filters = Self {
            security_in: security(Direction::In),
            security_out: security(Direction::Out),
            acl_in: acl(Direction::In),
            acl_out: acl(Direction::Out),
        };
        let longest = filters.lists().map(Vec::len).max().unwrap_or(0);
        if longest > RULES_PER_RANGE as usize {
            return Err(CompileError::TooManyRules { instance: instance.number, rules: longest });
        }
        Ok(filters)
    }

    /// A number that other security rules do not have, but once in four thousand million.
    fn fingerprint(&self) -> u32 {
        // FNV-1a: short, and the same on every machine.
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for (direction, rules) in [(1, &self.security_in), (2, &self.security_out)] {
            let bytes = rules.iter().flat_map(|rule| rule.as_bytes().iter().copied());
            for byte in std::iter::once(direction).chain(bytes) {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
            }
        }
        ((hash >> 32) as u32 ^ hash as u32).max(1)
    }

    pub(super) fn lists(&self) -> impl Iterator<Item = &Vec<RuleEntry>> {
        [Some(&self.security_in), Some(&self.security_out), self.acl_in.as_ref(), self.acl_out.as_ref()]
            .into_iter()
            .flatten()
    }
}

/// Rules of one direction for an instance, in order.
///
/// Those of the other address family are left out: the instance has no such peers, and `::/0` would cover IPv4
/// addresses in the form in which maps hold them.
fn entries(instance: &InstanceConfig, rules: &[FilterRule], direction: Direction) -> Vec<RuleEntry> {
    let v4 = instance.addr.is_ipv4();
    rules
        .iter()
        .filter(|rule| rule.direction == direction && rule.prefix.addr().is_ipv4() == v4)
        .map(|rule| RuleEntry {
            prefix: map_addr(rule.prefix.network()),
            prefix_bits: map_bits(rule.prefix),
            protocol: match rule.protocol {
                RuleProtocol::All => RuleEntry::ANY_PROTOCOL,
                RuleProtocol::Icmp if v4 => 1,
                RuleProtocol::Icmp => 58,
                RuleProtocol::Tcp => 6,
                RuleProtocol::Udp => 17,
            },
            ports: u32::from(rule.ports.0) | u32::from(rule.ports.1) << 16,
            action: if rule.allow { RuleEntry::ALLOW } else { RuleEntry::DENY },
        })
        .collect()
}

pub(super) fn instance_entry(
    instance: &InstanceConfig,
    ifindex: u32,
    filters: &Filters,
    alloc: &Allocation,
) -> InstanceEntry {
    let range = |rules: &Vec<RuleEntry>| alloc.rule_range(rules).unwrap_or_default();
    let unfiltered = RuleRange { len: RuleRange::UNFILTERED, ..RuleRange::default() };
    InstanceEntry {
        addr: map_addr(instance.addr),
        number: instance.number,
        vni: instance.vni,
        ifindex,
        subnet_bits: map_bits(instance.subnet),
        mac: instance_mac(instance.number),
        security_in: range(&filters.security_in),
        security_out: range(&filters.security_out),
        acl_in: filters.acl_in.as_ref().map_or(unfiltered, range),
        acl_out: filters.acl_out.as_ref().map_or(unfiltered, range),
        rules: filters.fingerprint(),
        ..Default::default()
    }
}

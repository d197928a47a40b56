//! Security groups and network ACLs: the first rule that matches decides, none means no.

use dnlb_abi::{Addr, InstanceEntry, RuleEntry, RuleRange};
use dnlb_wire::ICMP;

use crate::Tables;

/// The two halves of an address as numbers.
#[inline(always)]
fn halves(addr: &Addr) -> (u64, u64) {
    let half = |at: usize| {
        u64::from_be_bytes([
            addr[at],
            addr[at + 1],
            addr[at + 2],
            addr[at + 3],
            addr[at + 4],
            addr[at + 5],
            addr[at + 6],
            addr[at + 7],
        ])
    };
    (half(0), half(8))
}

/// The first `bits` of 128 as two masks.
#[inline(always)]
const fn masks(bits: u32) -> (u64, u64) {
    // A shift by 64 is undefined in BPF as it is in Rust, so shift twice.
    let high = if bits >= 64 { u64::MAX } else { !(u64::MAX >> (bits & 63)) };
    let low = if bits <= 64 {
        0
    } else if bits >= 128 {
        u64::MAX
    } else {
        !(u64::MAX >> (bits & 63))
    };
    (high, low)
}

/// Whether two addresses share their first `bits`.
#[inline(always)]
pub(crate) fn same_prefix(a: &Addr, b: &Addr, bits: u32) -> bool {
    let (mask_high, mask_low) = masks(bits);
    let (a_high, a_low) = halves(a);
    let (b_high, b_low) = halves(b);
    ((a_high ^ b_high) & mask_high) | ((a_low ^ b_low) & mask_low) == 0
}

/// What is asked of a rule.
///
/// # Shape
/// 32 bytes without padding: in the kernel it lies on the stack and a callback reads it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct RuleQuery {
    peer_high: u64,
    peer_low: u64,
    protocol: u64,
    port: u64,
}

/// Whether `rule` speaks of the packet of `query`.
#[inline(always)]
#[must_use]
pub fn rule_matches(rule: &RuleEntry, query: &RuleQuery) -> bool {
    let (mask_high, mask_low) = masks(rule.prefix_bits);
    let (rule_high, rule_low) = halves(&rule.prefix);
    let differs = ((query.peer_high ^ rule_high) & mask_high) | ((query.peer_low ^ rule_low) & mask_low);
    let any = rule.protocol == RuleEntry::ANY_PROTOCOL;
    let ports = query.port >= u64::from(rule.ports & 0xffff) && query.port <= u64::from(rule.ports >> 16);
    differs == 0 && (any || (u64::from(rule.protocol) == query.protocol && ports))
}

/// Whether the rules of `range` let a packet pass: `peer` is the other side, `port` the destination port.
#[inline(always)]
pub(crate) fn allows(tables: &impl Tables, range: RuleRange, peer: &Addr, protocol: u8, port: u16) -> bool {
    if range.len == RuleRange::UNFILTERED {
        return true;
    }
    let (peer_high, peer_low) = halves(peer);
    // Rules of ICMP say port 0; an echo's identifier is none.
    let port = if protocol == ICMP { 0 } else { port };
    let query = RuleQuery { peer_high, peer_low, protocol: u64::from(protocol), port: u64::from(port) };
    tables.first_rule(range, &query) == RuleEntry::ALLOW
}

/// Whether the ACL of the instance's subnet lets a packet pass. Packets inside the subnet do not cross its border.
#[inline(always)]
pub(crate) fn acl_allows(
    tables: &impl Tables,
    instance: &InstanceEntry,
    range: RuleRange,
    peer: &Addr,
    protocol: u8,
    port: u16,
) -> bool {
    same_prefix(peer, &instance.addr, instance.subnet_bits) || allows(tables, range, peer, protocol, port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks_cover_exactly_their_bits() {
        for bits in 0..=128 {
            let (high, low) = masks(bits);
            assert_eq!(high.count_ones() + low.count_ones(), bits);
            assert_eq!(high.leading_ones() + if bits > 64 { low.leading_ones() } else { 0 }, bits);
        }
    }

    #[test]
    fn prefixes_are_compared_bit_by_bit() {
        let a = dnlb_abi::v4_mapped([10, 0, 0, 1]);
        assert!(same_prefix(&a, &dnlb_abi::v4_mapped([10, 0, 0, 254]), 96 + 24));
        assert!(!same_prefix(&a, &dnlb_abi::v4_mapped([10, 0, 1, 1]), 96 + 24));
        assert!(same_prefix(&a, &dnlb_abi::v4_mapped([10, 0, 1, 1]), 96 + 23));
        assert!(!same_prefix(&a, &dnlb_abi::v4_mapped([10, 0, 0, 0]), 128));
    }
}

//! Security groups and network ACLs: the first rule that matches decides, none means no.

use dnlb_abi::{Addr, InstanceEntry, RULES_PER_RANGE, RuleEntry, RuleIndex, RuleRange};
use dnlb_wire::{ICMP, ICMPV6};

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
/// 24 bytes without padding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct RuleQuery {
    peer_high: u64,
    peer_low: u64,
    /// [`RuleIndex::service`].
    service: u64,
}

impl RuleQuery {
    /// Asks for the other side's address and a [`RuleIndex::service`].
    #[inline(always)]
    #[must_use]
    pub fn new(peer: &Addr, service: u32) -> Self {
        let (peer_high, peer_low) = halves(peer);
        Self { peer_high, peer_low, service: u64::from(service) }
    }
}

/// Whether `rule` speaks of the packet of `query`.
#[inline(always)]
#[must_use]
pub fn rule_matches(rule: &RuleEntry, query: &RuleQuery) -> bool {
    let (mask_high, mask_low) = masks(rule.prefix_bits);
    let (rule_high, rule_low) = halves(&rule.prefix);
    let differs = ((query.peer_high ^ rule_high) & mask_high) | ((query.peer_low ^ rule_low) & mask_low);
    let any = rule.protocol == RuleEntry::ANY_PROTOCOL;
    let port = query.service & 0xffff;
    let ports = port >= u64::from(rule.ports & 0xffff) && port <= u64::from(rule.ports >> 16);
    differs == 0 && (any || (u64::from(rule.protocol) == query.service >> 16 && ports))
}

/// The maps of rules, as a search sees them.
///
/// # Invariants
/// As for [`Tables`].
pub trait Rules {
    /// Whether [`rule_matches`] holds for a value of `RULES`, which is copied nowhere: the kernel's stack has no room.
    fn matches(&self, index: u32, query: &RuleQuery) -> bool;
    /// A word of `RULE_INDEX`.
    fn word(&self, index: u32) -> u64;
}

/// Looks for the first rule of a list that speaks of a packet.
///
/// # Cost
/// With an index: a binary search over at most twice as many pieces as there are rules, for the service and the address in
/// step, then one cell or at most [`RuleIndex::VECTOR_MAX`] words. Without one: every rule up to the first that matches.
///
/// # Shape
/// All that is known so far, so that one step after the other can be made by whoever has a loop: written out, the kernel's
/// verifier walks every iteration; as a callback of `bpf_loop` it walks one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C)]
pub struct RuleSearch {
    /// What is asked, as it came; `query` is made of it in the first step.
    peer: Addr,
    query: RuleQuery,
    packet_service: u32,
    range: RuleRange,
    /// 0 before the first step.
    begun: u32,
    /// Position and one of the rule.
    found: u32,
    /// Pieces among which the service's is; 0 once the classes are known.
    services: u32,
    /// Word of the first of them; of the service's vector once the classes are known.
    service: u32,
    /// Pieces among which the address's is.
    addresses: u32,
    /// Number of the first of them; word of the address's vector once the classes are known.
    address: u32,
    /// Word where the pieces of the addresses begin.
    first_address: u32,
    /// Word where their classes begin.
    classes: u32,
    /// Word where the table begins.
    table: u32,
    /// Words of a vector.
    vector: u32,
    /// Rules or words of the vectors that were looked at.
    passed: u32,
}

impl RuleSearch {
    /// Most steps of any search.
    pub const STEPS_MAX: u32 = RULES_PER_RANGE + 1;

    /// Before the first step; `service` is [`RuleIndex::service`] of the packet.
    #[inline(always)]
    #[must_use]
    pub fn new(range: RuleRange, peer: &Addr, service: u32) -> Self {
        let mut search = Self::default();
        search.begin(range, peer, service);
        search
    }

    /// As [`Self::new`], where it lies.
    #[inline(always)]
    pub fn begin(&mut self, range: RuleRange, peer: &Addr, service: u32) {
        self.peer = *peer;
        self.packet_service = service;
        self.range = range;
        self.found = 0;
        self.passed = 0;
        self.begun = 0;
    }

    /// Goes one step on; false once there is nothing more to do.
    #[inline(always)]
    pub fn step<R: Rules>(&mut self, rules: &R) -> bool {
        if self.begun == 0 {
            self.read_index(rules);
            return true;
        }
        if self.range.index == 0 {
            self.try_rule(rules)
        } else if self.services > 1 || self.addresses > 1 {
            self.halve(rules);
            true
        } else if self.services == 1 {
            self.classify(rules)
        } else {
            self.try_word(rules)
        }
    }

    /// The first step: how long the parts of the index are.
    #[inline(always)]
    fn read_index<R: Rules>(&mut self, rules: &R) {
        self.begun = 1;
        self.query = RuleQuery::new(&self.peer, self.packet_service);
        let index = RuleIndex::from_word(rules.word(self.range.index));
        self.services = index.services();
        self.service = self.range.index.wrapping_add(1);
        self.addresses = index.addresses();
        self.address = 0;
        self.first_address = self.service.wrapping_add(index.services());
        self.classes = self.first_address.wrapping_add(2 * index.addresses());
        self.table = self.classes.wrapping_add(index.addresses().div_ceil(4));
        self.vector = index.vector();
    }

    /// Makes all steps.
    #[must_use]
    pub fn finish<R: Rules>(mut self, rules: &R) -> Self {
        while self.step(rules) {}
        self
    }

    /// Position in the list of the rule that was found.
    #[inline(always)]
    #[must_use]
    pub const fn found(&self) -> Option<u32> {
        self.found.checked_sub(1)
    }

    /// One after the other, for lists without an index.
    #[inline(always)]
    fn try_rule<R: Rules>(&mut self, rules: &R) -> bool {
        if self.passed >= self.range.len {
            return false;
        }
        let at = self.range.base.wrapping_add(self.passed);
        self.passed += 1;
        if rules.matches(at, &self.query) {
            self.found = self.passed;
            return false;
        }
        true
    }

    /// Leaves half of the pieces of either line, rounded up. One that is the last is compared with itself, which changes
    /// nothing.
    #[inline(always)]
    fn halve<R: Rules>(&mut self, rules: &R) {
        let half = self.services / 2;
        if rules.word(self.service.wrapping_add(half)) >> 32 <= self.query.service {
            self.service = self.service.wrapping_add(half);
        }
        self.services -= half;
        let half = self.addresses / 2;
        let middle = self.address.wrapping_add(half);
        let at = self.first_address.wrapping_add(2 * middle);
        let high = rules.word(at);
        let low = rules.word(at.wrapping_add(1));
        if high < self.query.peer_high || (high == self.query.peer_high && low <= self.query.peer_low) {
            self.address = middle;
        }
        self.addresses -= half;
    }

    /// Both pieces are known: reads the cell, or goes to the vectors.
    #[inline(always)]
    fn classify<R: Rules>(&mut self, rules: &R) -> bool {
        self.services = 0;
        let service = rules.word(self.service) as u32;
        let class = sixteen_bits(rules, self.classes, self.address);
        if self.vector == 0 {
            self.found = sixteen_bits(rules, self.table, service.wrapping_add(class));
            return false;
        }
        self.service = self.table.wrapping_add(service);
        self.address = self.table.wrapping_add(class.wrapping_mul(self.vector));
        true
    }

    /// One word of the two vectors.
    #[inline(always)]
    fn try_word<R: Rules>(&mut self, rules: &R) -> bool {
        if self.passed >= self.vector {
            return false;
        }
        let (service, address) =
            (self.service.wrapping_add(self.passed), self.address.wrapping_add(self.passed));
        let both = rules.word(service) & rules.word(address);
        if both != 0 {
            self.found = 64 * self.passed + both.trailing_zeros() + 1;
            return false;
        }
        self.passed += 1;
        true
    }
}

/// A value of 16 bits, counted from the word `base` on.
#[inline(always)]
fn sixteen_bits(rules: &impl Rules, base: u32, at: u32) -> u32 {
    (rules.word(base.wrapping_add(at / 4)) >> (at % 4 * 16)) as u32 & 0xffff
}

/// Whether the rules of `range` let a packet pass: `peer` is the other side, `port` the destination port.
#[inline(always)]
pub(crate) fn allows(tables: &impl Tables, range: RuleRange, peer: &Addr, protocol: u8, port: u16) -> bool {
    // Rules of ICMP say port 0; an echo's identifier is none.
    let port = if protocol == ICMP || protocol == ICMPV6 { 0 } else { port };
    range.len == RuleRange::UNFILTERED
        || tables.rules_allow(range, peer, RuleIndex::service(u32::from(protocol), u32::from(port)))
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

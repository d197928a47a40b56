use dnlb_abi::{Addr, RULES_PER_RANGE, RuleRange, v4_mapped};
use dnlb_datapath::{RuleQuery, RuleSearch, Rules, rule_matches};
use proptest::prelude::*;

use super::*;

/// A list at 0 and its index behind a word that belongs to none; without an index the list is walked.
struct Maps<'r> {
    rules: &'r [RuleEntry],
    words: Vec<u64>,
}

impl<'r> Maps<'r> {
    fn new(rules: &'r [RuleEntry]) -> Self {
        let words = index(rules).map_or(Vec::new(), |words| [vec![0], words].concat());
        Self { rules, words }
    }

    fn first(&self, peer: Addr, protocol: u32, port: u32) -> Option<u32> {
        let range =
            RuleRange { base: 0, len: self.rules.len() as u32, index: u32::from(!self.words.is_empty()) };
        let mut search = RuleSearch::new(range, &peer, RuleIndex::service(protocol, port));
        let steps = (1..).find(|_| !search.step(self)).unwrap();
        assert!(steps <= RuleSearch::STEPS_MAX, "{steps} steps");
        if !self.words.is_empty() {
            assert!(steps <= RuleIndex::STEPS + RuleIndex::VECTOR_MAX + 3, "{steps} steps");
        }
        search.found()
    }
}

impl Rules for Maps<'_> {
    fn matches(&self, index: u32, query: &RuleQuery) -> bool {
        rule_matches(&self.rules[index as usize], query)
    }

    fn word(&self, index: u32) -> u64 {
        self.words.get(index as usize).copied().unwrap_or(0)
    }
}

/// The obvious walk.
fn oracle(rules: &[RuleEntry], peer: Addr, protocol: u32, port: u32) -> Option<u32> {
    let query = RuleQuery::new(&peer, RuleIndex::service(protocol, port));
    rules.iter().position(|rule| rule_matches(rule, &query)).map(|at| at as u32)
}

fn rule(prefix: Addr, prefix_bits: u32, protocol: u32, ports: (u16, u16), action: u32) -> RuleEntry {
    let host_bits = u128::MAX.checked_shr(prefix_bits).unwrap_or(0);
    let prefix = (u128::from_be_bytes(prefix) & !host_bits).to_be_bytes();
    RuleEntry { prefix, prefix_bits, protocol, ports: u32::from(ports.0) | u32::from(ports.1) << 16, action }
}

/// Addresses that are near each other, so that prefixes contain and touch each other; the ends of both families.
fn address() -> impl Strategy<Value = Addr> {
    prop_oneof![
        4 => (0..4_u8, 0..4_u8).prop_map(|(c, d)| v4_mapped([10, 0, c, d << 6])),
        2 => any::<[u8; 4]>().prop_map(v4_mapped),
        1 => Just(v4_mapped([255; 4])),
        1 => Just(v4_mapped([0; 4])),
        2 => (0..4_u8, any::<u8>()).prop_map(|(a, b)| {
            let mut addr = [0x20; 16];
            (addr[7], addr[8]) = (a, b);
            addr
        }),
        1 => Just([0xff; 16]),
        1 => Just([0; 16]),
    ]
}

fn any_rule() -> impl Strategy<Value = RuleEntry> {
    let bits = prop_oneof![Just(0), Just(128), Just(96), 96..=128_u32, 0..=128_u32];
    let protocol =
        prop_oneof![Just(RuleEntry::ANY_PROTOCOL), Just(1), Just(6), Just(17), Just(58), 0..256_u32];
    let ports = prop_oneof![
        Just((1, u16::MAX)),
        Just((0, 0)),
        (78..83_u16).prop_map(|port| (port, port)),
        (any::<u16>(), any::<u16>()).prop_map(|(a, b)| (a.min(b), a.max(b))),
        // No packet has such a port.
        Just((80, 79)),
    ];
    let action = prop_oneof![Just(RuleEntry::ALLOW), Just(RuleEntry::DENY)];
    (address(), bits, protocol, ports, action)
        .prop_map(|(prefix, bits, protocol, ports, action)| rule(prefix, bits, protocol, ports, action))
}

/// Packets that lie at the edges of rules: the first and last address and port, and those beside them.
fn edges(rules: &[RuleEntry]) -> Vec<(Addr, u32, u32)> {
    let mut packets = Vec::new();
    for rule in rules {
        let first = u128::from_be_bytes(rule.prefix);
        let last = first | u128::MAX.checked_shr(rule.prefix_bits).unwrap_or(0);
        let (from, to) = (rule.ports & 0xffff, rule.ports >> 16);
        for addr in [first, last, first.wrapping_sub(1), last.wrapping_add(1)] {
            for port in [from, to, from.wrapping_sub(1) & 0xffff, (to + 1) & 0xffff] {
                for protocol in [rule.protocol & 0xff, (rule.protocol + 1) & 0xff] {
                    packets.push((addr.to_be_bytes(), protocol, port));
                }
            }
        }
    }
    packets
}

proptest! {
    #[test]
    fn the_index_finds_what_a_walk_finds(
        rules in prop::collection::vec(any_rule(), 0..100),
        peers in prop::collection::vec((address(), 0..256_u32, 0..65_536_u32), 20),
    ) {
        let maps = Maps::new(&rules);
        for (peer, protocol, port) in edges(&rules).into_iter().chain(peers) {
            prop_assert_eq!(maps.first(peer, protocol, port), oracle(&rules, peer, protocol, port));
        }
    }
}

fn addresses(count: u32) -> Vec<RuleEntry> {
    let addr = |at: u32| v4_mapped((0x0a00_0000 + 2 * at).to_be_bytes());
    (0..count).map(|at| rule(addr(at), 128, 6, (443, 443), RuleEntry::ALLOW)).collect()
}

/// Nothing in common: every prefix inside another one, every range of ports across another one.
fn tangled(count: u32) -> Vec<RuleEntry> {
    (0..count)
        .map(|at| {
            let x = at.wrapping_mul(0x9e37_79b9);
            let from = (at * 30) as u16;
            rule(
                v4_mapped(x.to_be_bytes()),
                96 + 8 + at % 25,
                6 + 11 * (at % 2),
                (from, from + 20_000),
                1 + at % 2,
            )
        })
        .collect()
}

#[test]
fn full_lists_of_every_shape_are_searched_right() {
    let port = |at: u32| (1000 + at as u16, 1000 + at as u16);
    let ports: Vec<_> =
        (0..RULES_PER_RANGE).map(|at| rule(v4_mapped([10; 4]), 104, 6, port(at), RuleEntry::ALLOW)).collect();
    let pairs: Vec<_> = addresses(RULES_PER_RANGE)
        .into_iter()
        .zip(&ports)
        .map(|(a, p)| RuleEntry { ports: p.ports, ..a })
        .collect();
    for rules in [addresses(RULES_PER_RANGE), ports, pairs, tangled(RULES_PER_RANGE)] {
        let maps = Maps::new(&rules);
        for (peer, protocol, port) in edges(&rules) {
            assert_eq!(maps.first(peer, protocol, port), oracle(&rules, peer, protocol, port));
        }
    }
}

#[test]
fn short_lists_have_no_index() {
    assert_eq!(index(&addresses(WALKED_MAX as u32)), None);
    assert!(index(&addresses(WALKED_MAX as u32 + 1)).is_some());
}

/// So many words that a host's map holds what its rules may need: see `docs/decisions/0015-rules-have-an-index.md`.
#[test]
fn an_index_is_small_where_rules_have_something_in_common() {
    let words = |rules: &[RuleEntry]| index(rules).map_or(0, |words| words.len());
    assert!(words(&addresses(1000)) < 6_000, "{}", words(&addresses(1000)));
    assert!(words(&tangled(100)) < 1_300, "{}", words(&tangled(100)));
    assert!(words(&tangled(500)) < 20_000, "{}", words(&tangled(500)));
    assert!(words(&tangled(1000)) < 72_000, "{}", words(&tangled(1000)));
}

#[test]
fn a_list_that_allows_everything_is_one_class() {
    let all = rule([0; 16], 0, RuleEntry::ANY_PROTOCOL, (0, 0), RuleEntry::ALLOW);
    let rules = [all; 3];
    assert_eq!(index(&rules).map(|words| words.len()), Some(6));
    assert_eq!(Maps::new(&rules).first([0xff; 16], 255, 65_535), Some(0));
}

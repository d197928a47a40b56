//! From a list of rules to an index in which its first match is found without trying one after the other.
//!
//! [`RuleIndex`] tells the layout and how it is read. Building sweeps over each line, services and addresses, keeps the set
//! of rules that cover the present place, and gives pieces with the same set the same class: a thousand prefixes of the same
//! port are two classes of services, and a thousand ports of the same prefix are two classes of addresses.

use std::collections::BTreeMap;

use dnlb_abi::{RuleEntry, RuleIndex};

/// Lists up to this length have no index: trying their rules is as fast.
pub const WALKED_MAX: usize = 2;

/// The words of the index of a list; none for a list that is short, or longer than any may be.
///
/// # Invariants
/// Deterministic. The rule that the index leads to is the first of `rules` for which `dnlb_datapath::rule_matches` holds.
///
/// # Cost
/// Time and space grow with the number of classes of services and addresses, each at most twice the rules and one: 1,000
/// rules with nothing in common take half a MiB, 1,000 addresses with the same ports 50 kB.
#[must_use]
pub fn index(rules: &[RuleEntry]) -> Option<Vec<u64>> {
    if rules.len() <= WALKED_MAX {
        return None;
    }
    let services = Line::new(rules.iter().map(service_span), rules.len());
    let addresses = Line::new(rules.iter().map(address_span), rules.len());
    let vector = rules.len().div_ceil(64);
    let cells = services.sets.len() * addresses.sets.len();
    let vectors = (services.sets.len() + addresses.sets.len()) * vector;
    let as_cells = cells.div_ceil(4) <= vectors;
    let lengths = (services.pieces.len(), addresses.pieces.len(), if as_cells { 0 } else { vector });
    let head =
        RuleIndex::new(lengths.0.try_into().ok()?, lengths.1.try_into().ok()?, lengths.2.try_into().ok()?);

    let mut words = vec![head.word()];
    words.extend(services.pieces.iter().map(|&(start, class)| {
        let class = usize::from(class);
        let place =
            if as_cells { class * addresses.sets.len() } else { (addresses.sets.len() + class) * vector };
        start << 32 | place as u64
    }));
    words.extend(addresses.pieces.iter().flat_map(|&(start, _)| [(start >> 64) as u64, start as u64]));
    words.extend(packed(addresses.pieces.iter().map(|&(_, class)| class)));
    if as_cells {
        let rows = services.sets.iter();
        words.extend(packed(
            rows.flat_map(|row| addresses.sets.iter().map(|column| first_of_both(row, column))),
        ));
    } else {
        words.extend(addresses.sets.iter().chain(&services.sets).flat_map(|set| set.iter().copied()));
    }
    Some(words)
}

/// One line, cut where a rule begins or ends.
struct Line<T> {
    /// Where each piece begins, and its class.
    pieces: Vec<(T, u16)>,
    /// The rules that cover each class, a bit for each.
    sets: Vec<Vec<u64>>,
}

impl<T: Copy + Default + Ord> Line<T> {
    /// Each span begins somewhere and ends before somewhere, or never; nothing for a rule that covers no place.
    fn new(spans: impl Iterator<Item = Option<(T, Option<T>)>>, rules: usize) -> Self {
        let mut turns: BTreeMap<T, Vec<usize>> = BTreeMap::from([(T::default(), Vec::new())]);
        for (rule, span) in spans.enumerate() {
            let Some((start, end)) = span else { continue };
            for turn in [Some(start), end].into_iter().flatten() {
                turns.entry(turn).or_default().push(rule);
            }
        }
        let mut line = Self { pieces: Vec::new(), sets: Vec::new() };
        let mut classes: BTreeMap<Vec<u64>, u16> = BTreeMap::new();
        let mut present = vec![0_u64; rules.div_ceil(64)];
        for (start, rules) in turns {
            for rule in rules {
                present[rule / 64] ^= 1 << (rule % 64);
            }
            let class = *classes.entry(present.clone()).or_insert_with(|| {
                line.sets.push(present.clone());
                (line.sets.len() - 1) as u16
            });
            if line.pieces.last().is_none_or(|&(_, last)| last != class) {
                line.pieces.push((start, class));
            }
        }
        line
    }
}

/// The services of which a rule speaks.
fn service_span(rule: &RuleEntry) -> Option<(u64, Option<u64>)> {
    if rule.protocol == RuleEntry::ANY_PROTOCOL {
        return Some((0, None));
    }
    let service = |port| u64::from(RuleIndex::service(rule.protocol, port));
    let (first, last) = (rule.ports & 0xffff, rule.ports >> 16);
    (first <= last && rule.protocol < RuleEntry::ANY_PROTOCOL)
        .then(|| (service(first), Some(service(last) + 1)))
}

/// The addresses of which a rule speaks.
fn address_span(rule: &RuleEntry) -> Option<(u128, Option<u128>)> {
    let host_bits = u128::MAX.checked_shr(rule.prefix_bits).unwrap_or(0);
    let start = u128::from_be_bytes(rule.prefix) & !host_bits;
    Some((start, (start | host_bits).checked_add(1)))
}

/// Position and one of the first rule in both sets, or 0.
fn first_of_both(a: &[u64], b: &[u64]) -> u16 {
    let both = a.iter().zip(b).map(|(a, b)| a & b).enumerate().find(|(_, both)| *both != 0);
    both.map_or(0, |(at, both)| (64 * at) as u16 + both.trailing_zeros() as u16 + 1)
}

/// Four values to a word, the first one lowest.
fn packed(values: impl Iterator<Item = u16>) -> Vec<u64> {
    let values: Vec<u16> = values.collect();
    let word = |four: &[u16]| four.iter().rev().fold(0, |word, &value| word << 16 | u64::from(value));
    values.chunks(4).map(word).collect()
}

#[cfg(test)]
mod tests;

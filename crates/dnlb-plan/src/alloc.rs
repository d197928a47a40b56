//! Where everything lies in the kernel's arrays: row ranges, member ranges and slots, rule ranges.
//!
//! What stays wanted stays where it is, so that an update writes only what changed. What is no longer wanted
//! keeps its place for one more update: programs may still read it while the update is being applied.

use std::collections::{BTreeMap, BTreeSet};

use dnlb_abi::{MemberEntry, RuleEntry, RuleRange, capacity};
use serde::{Deserialize, Serialize};

use crate::rules;

/// Why something has no place.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AllocError {
    /// No gap in the map is long enough.
    #[error(
        "the map {map} has no room for {wanted} more entries in a row: {used} of its {capacity} are in use"
    )]
    Full {
        /// Name of the map.
        map: &'static str,
        /// Length of the range.
        wanted: u32,
        /// Entries in use.
        used: u32,
        /// Entries that the map has.
        capacity: u32,
    },
    /// More members, now and lately, than slots have numbers.
    #[error("backend service {backend} names {members} members, more than {} slots", u16::MAX)]
    Slots {
        /// Number of the backend service.
        backend: u32,
        /// Members named.
        members: usize,
    },
}

/// How many entries there are to allocate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Rows.
    pub rows: u32,
    /// Members.
    pub members: u32,
    /// Rules.
    pub rules: u32,
    /// Words of rule indices.
    pub rule_index: u32,
}

impl Default for Capacity {
    fn default() -> Self {
        Self {
            rows: capacity::ROWS,
            members: capacity::MEMBERS,
            rules: capacity::RULES,
            rule_index: capacity::RULE_INDEX,
        }
    }
}

/// What an update wants a place for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Backend services by number.
    pub backends: BTreeMap<u32, BackendDemand>,
    /// Lists of rules; an empty list needs no place.
    pub rules: Vec<Vec<RuleEntry>>,
}

/// What a backend service needs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackendDemand {
    /// Rows; 0 for none.
    pub rows: u32,
    /// Every instance that a row or chain may name, and the index of its host.
    pub members: BTreeMap<u32, u16>,
}

/// A range of a map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Range {
    /// First entry.
    pub base: u32,
    /// Number of entries.
    pub len: u32,
}

impl Range {
    fn end(self) -> u32 {
        self.base + self.len
    }
}

/// The places of one host, kept over restarts of its agent.
///
/// # States
/// [`Allocation::update`] assumes that the previous update has been applied. Keep the changed value only when
/// applying succeeded; else update again from the one before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocation {
    /// What there is to allocate from; not stored, since it belongs to the maps.
    #[serde(skip)]
    capacity: Capacity,
    backends: BTreeMap<u32, BackendPlace>,
    rules: Vec<RulePlace>,
    /// Row ranges that the previous update still named.
    retired_rows: Vec<Range>,
    /// Member ranges that the previous update still named.
    retired_members: Vec<Range>,
}

/// The place of a backend service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BackendPlace {
    /// Its rows. The base is a multiple of 4; a length of 0 means none.
    pub rows: Range,
    /// Its members; `members.base` is where slot 0 would be, which nobody has.
    pub members: Range,
    slots: BTreeMap<u32, Slot>,
    /// Slots that the previous update still named.
    retired: BTreeMap<u32, Slot>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Slot {
    slot: u16,
    host: u16,
}

impl BackendPlace {
    /// The slot of an instance.
    #[must_use]
    pub fn slot(&self, instance: u32) -> Option<u16> {
        self.slots.get(&instance).map(|slot| slot.slot)
    }

    /// What its member range holds, by index in the map. Members that the previous update named are among them.
    pub fn members(&self) -> impl Iterator<Item = (u32, MemberEntry)> {
        self.slots.iter().chain(&self.retired).map(|(&instance, slot)| {
            let entry = MemberEntry { instance, host: slot.host, reserved: 0 };
            (self.members.base + u32::from(slot.slot), entry)
        })
    }

    /// Gives every member a slot and keeps those that have one.
    fn assign_slots(&mut self, backend: u32, demand: &BackendDemand) -> Result<(), AllocError> {
        let mut former = std::mem::take(&mut self.slots);
        let retired = std::mem::take(&mut self.retired);
        let mut new = Vec::new();
        for (&instance, &host) in &demand.members {
            // One that comes back within an update returns to its slot.
            match former.remove(&instance).or_else(|| retired.get(&instance).copied()) {
                Some(Slot { slot, .. }) => {
                    self.slots.insert(instance, Slot { slot, host });
                }
                None => new.push((instance, host)),
            }
        }
        let taken: BTreeSet<u16> = self.slots.values().chain(former.values()).map(|slot| slot.slot).collect();
        let mut vacant = (1..=u16::MAX).filter(|slot| !taken.contains(slot));
        for (instance, host) in new {
            let Some(slot) = vacant.next() else {
                return Err(AllocError::Slots { backend, members: demand.members.len() + former.len() });
            };
            self.slots.insert(instance, Slot { slot, host });
        }
        self.retired = former;
        Ok(())
    }

    /// Length of the member range that holds all slots.
    fn members_needed(&self) -> u32 {
        let last = self.slots.values().chain(self.retired.values()).map(|slot| slot.slot).max();
        last.map_or(0, |last| (u32::from(last) + 1).next_power_of_two().max(MEMBERS_MIN))
    }
}

/// Member ranges have room for a few more, so that a group may grow without moving.
const MEMBERS_MIN: u32 = 8;

/// A list of rules and where it lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct RulePlace {
    base: u32,
    rules: Vec<StoredRule>,
    /// Where its index lies; a length of 0: it has none.
    index: Range,
    /// No longer named since the previous update.
    retired: bool,
}

impl RulePlace {
    fn range(&self) -> Range {
        Range { base: self.base, len: self.rules.len() as u32 }
    }

    fn build_index(&self) -> Option<Vec<u64>> {
        let rules: Vec<RuleEntry> = self.rules.iter().map(RuleEntry::from).collect();
        rules::index(&rules)
    }
}

/// A rule in a form that can be stored and compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct StoredRule {
    prefix: [u8; 16],
    prefix_bits: u32,
    protocol: u32,
    ports: u32,
    action: u32,
}

impl From<&RuleEntry> for StoredRule {
    fn from(rule: &RuleEntry) -> Self {
        let RuleEntry { prefix, prefix_bits, protocol, ports, action } = *rule;
        Self { prefix, prefix_bits, protocol, ports, action }
    }
}

impl From<&StoredRule> for RuleEntry {
    fn from(rule: &StoredRule) -> Self {
        let StoredRule { prefix, prefix_bits, protocol, ports, action } = *rule;
        Self { prefix, prefix_bits, protocol, ports, action }
    }
}

impl Allocation {
    /// Nothing allocated yet, in maps of this capacity.
    #[must_use]
    pub fn new(capacity: Capacity) -> Self {
        Self { capacity, ..Self::default() }
    }

    /// The same places in maps of this capacity: what a stored allocation needs when the maps are not of the
    /// default size.
    #[must_use]
    pub fn with_capacity(self, capacity: Capacity) -> Self {
        Self { capacity, ..self }
    }

    /// Gives everything in `demand` a place. What had one keeps it; what is not in `demand` loses it, but is
    /// not overwritten before the next update.
    ///
    /// # Errors
    /// When a map is full; nothing has changed then.
    pub fn update(&mut self, demand: &Demand) -> Result<(), AllocError> {
        let mut next = self.clone();
        next.update_backends(demand)?;
        next.update_rules(demand)?;
        *self = next;
        Ok(())
    }

    /// The place of a backend service.
    #[must_use]
    pub fn backend(&self, number: u32) -> Option<&BackendPlace> {
        self.backends.get(&number)
    }

    /// Where a list of rules and its index lie; an empty list lies at 0.
    #[must_use]
    pub fn rule_range(&self, rules: &[RuleEntry]) -> Option<RuleRange> {
        if rules.is_empty() {
            return Some(RuleRange::default());
        }
        let rules: Vec<StoredRule> = rules.iter().map(StoredRule::from).collect();
        let place = self.rules.iter().find(|place| !place.retired && place.rules == rules)?;
        Some(RuleRange { base: place.base, len: place.range().len, index: place.index.base })
    }

    /// What the rule map holds, by index. Rules that the previous update named are among them.
    pub fn rules(&self) -> impl Iterator<Item = (u32, RuleEntry)> {
        self.rules.iter().flat_map(|place| (place.base..).zip(place.rules.iter().map(RuleEntry::from)))
    }

    /// What the map of rule indices holds: first word -> words. Those that the previous update named are among them.
    pub fn rule_index(&self) -> impl Iterator<Item = (u32, Vec<u64>)> {
        let indexed = self.rules.iter().filter(|place| place.index.len > 0);
        indexed.filter_map(|place| Some((place.index.base, place.build_index()?)))
    }

    fn update_backends(&mut self, demand: &Demand) -> Result<(), AllocError> {
        let mut retired_rows = Vec::new();
        let mut retired_members = Vec::new();
        self.backends.retain(|number, place| {
            let wanted = demand.backends.contains_key(number);
            if !wanted {
                retired_rows.push(place.rows);
                retired_members.push(place.members);
            }
            wanted
        });
        for (&number, wanted) in &demand.backends {
            let place = self.backends.entry(number).or_default();
            if place.rows.len != wanted.rows {
                retired_rows.push(std::mem::take(&mut place.rows));
            }
            place.assign_slots(number, wanted)?;
            let needed = place.members_needed();
            // A range that is larger than needed stays: moving it would cost more than it saves.
            if needed > place.members.len || needed == 0 {
                retired_members.push(std::mem::take(&mut place.members));
            }
            if needed > place.members.len {
                // Rows that stayed would name new slots while services still name the former member range, where
                // those slots are somebody else's.
                retired_rows.push(std::mem::take(&mut place.rows));
            }
        }
        // Only now: what the update before this one retired may be used again, what this one retires may not.
        self.retired_rows = retired_rows;
        self.retired_members = retired_members;
        let in_use = self.backends.values().map(|place| place.rows).chain(self.retired_rows.iter().copied());
        let mut rows = Gaps::new(dnlb_abi::maps::ROWS_HOT, self.capacity.rows, ROWS_ALIGN, in_use);
        let in_use = self.backends.values().map(|place| place.members);
        let in_use = in_use.chain(self.retired_members.iter().copied());
        let mut members = Gaps::new(dnlb_abi::maps::MEMBERS, self.capacity.members, 1, in_use);
        self.retired_rows.retain(|range| range.len > 0);
        self.retired_members.retain(|range| range.len > 0);
        for (number, wanted) in &demand.backends {
            let Some(place) = self.backends.get_mut(number) else { continue };
            if place.rows.len != wanted.rows {
                place.rows = rows.take(wanted.rows)?;
            }
            let needed = place.members_needed();
            if place.members.len == 0 && needed > 0 {
                place.members = members.take(needed)?;
            }
        }
        Ok(())
    }

    fn update_rules(&mut self, demand: &Demand) -> Result<(), AllocError> {
        let lists = demand.rules.iter().map(|rules| rules.iter().map(StoredRule::from).collect());
        let mut wanted: BTreeSet<Vec<StoredRule>> = lists.collect();
        wanted.remove([].as_slice());
        // A list that was retired last time and comes back is still there, unchanged.
        self.rules.retain_mut(|place| {
            let named = wanted.remove(&place.rules);
            let was_retired = std::mem::replace(&mut place.retired, !named);
            named || !was_retired
        });
        let in_use = self.rules.iter().map(RulePlace::range);
        let mut gaps = Gaps::new(dnlb_abi::maps::RULES, self.capacity.rules, 1, in_use);
        for rules in wanted {
            let len = u32::try_from(rules.len()).unwrap_or(u32::MAX);
            let (base, index) = (gaps.take(len)?.base, Range::default());
            self.rules.push(RulePlace { base, rules, index, retired: false });
        }
        self.rules.sort_by_key(|place| place.base);
        self.place_indices();
        Ok(())
    }

    /// Gives an index to each list that wants one and has none yet.
    ///
    /// When there is no room the list goes without, and its rules are tried one after the other: slower, but no reason to
    /// leave a host with rules of yesterday.
    fn place_indices(&mut self) {
        // Word 0 belongs to none: it means that there is no index.
        let none = Range { base: 0, len: 1 };
        let in_use = self.rules.iter().map(|place| place.index).chain([none]);
        let mut gaps = Gaps::new(dnlb_abi::maps::RULE_INDEX, self.capacity.rule_index, 1, in_use);
        let lacking = self.rules.iter_mut().filter(|place| !place.retired && place.index.len == 0);
        for place in lacking {
            let len = place.build_index().map_or(0, |words| words.len());
            place.index = u32::try_from(len).ok().and_then(|len| gaps.take(len).ok()).unwrap_or_default();
        }
    }
}

/// Row ranges begin at whole words of packed rows.
const ROWS_ALIGN: u32 = 4;

/// The free parts of a map, handed out first fit.
struct Gaps {
    map: &'static str,
    capacity: u32,
    align: u32,
    free: Vec<Range>,
}

impl Gaps {
    fn new(map: &'static str, capacity: u32, align: u32, in_use: impl Iterator<Item = Range>) -> Self {
        let mut in_use: Vec<Range> = in_use.filter(|range| range.len > 0).collect();
        in_use.sort_unstable();
        let mut free = Vec::new();
        let mut base = 0;
        for range in in_use.into_iter().chain([Range { base: capacity, len: 0 }]) {
            if range.base > base {
                free.push(Range { base, len: range.base - base });
            }
            base = base.max(range.end().next_multiple_of(align));
        }
        Self { map, capacity, align, free }
    }

    fn take(&mut self, len: u32) -> Result<Range, AllocError> {
        if len == 0 {
            return Ok(Range::default());
        }
        let Some(at) = self.free.iter().position(|gap| gap.len >= len) else {
            let used = self.capacity - self.free.iter().map(|gap| gap.len).sum::<u32>();
            return Err(AllocError::Full { map: self.map, wanted: len, used, capacity: self.capacity });
        };
        let gap = &mut self.free[at];
        let range = Range { base: gap.base, len };
        let next = range.end().next_multiple_of(self.align).min(gap.end());
        *gap = Range { base: next, len: gap.end() - next };
        if gap.len == 0 {
            self.free.remove(at);
        }
        Ok(range)
    }
}

#[cfg(test)]
mod tests;

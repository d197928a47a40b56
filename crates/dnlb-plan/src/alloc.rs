//! Where everything lies in the kernel's arrays: row ranges, member ranges and slots, rule ranges.
//!
//! What stays wanted stays where it is, so that an update writes only what changed. What is no longer wanted
//! keeps its place until the update has been applied: programs may still read it until then.

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

/// How what wants a place differs from before.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Demand {
    /// Backend services by number; none: no longer wanted. Those that are not named want what they wanted before.
    pub backends: BTreeMap<u32, Option<BackendDemand>>,
    /// All lists of rules that are wanted; an empty list needs no place. None: the same as before.
    pub rules: Option<Vec<Vec<RuleEntry>>>,
}

/// What an update did not leave as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Moved {
    /// Backend services with another place, or that nobody in their place is retired any more.
    pub backends: BTreeSet<u32>,
    /// Whether lists of rules, or indices of such, came or went.
    pub rules: bool,
}

impl Moved {
    /// Whether everything is where it was.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.backends.is_empty() && !self.rules
    }
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
    /// First entry behind it.
    #[must_use]
    pub fn end(self) -> u32 {
        self.base + self.len
    }
}

/// The places of one host, kept over restarts of its agent.
///
/// # States
/// Between two updates comes [`Allocation::release`], if the first of them has been applied: what it retired is free then.
/// Without it, everything that any update since then named keeps its place.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocation {
    /// What there is to allocate from; not stored, since it belongs to the maps.
    #[serde(skip)]
    capacity: Capacity,
    backends: BTreeMap<u32, BackendPlace>,
    rules: Vec<RulePlace>,
    /// Row ranges that programs may still read.
    retired_rows: Vec<Range>,
    /// Member ranges that programs may still read.
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
    /// Slots that programs may still read.
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

    /// What its member range holds, by index in the map: nobody where no slot is taken. Members that programs may still read
    /// are among them.
    pub fn members(&self) -> impl Iterator<Item = (u32, MemberEntry)> {
        let taken: BTreeMap<u32, MemberEntry> = self
            .slots
            .iter()
            .chain(&self.retired)
            .map(|(&instance, slot)| {
                let entry = MemberEntry { instance, host: slot.host, reserved: 0 };
                (self.members.base + u32::from(slot.slot), entry)
            })
            .collect();
        (self.members.base..self.members.end())
            .skip(1)
            .map(move |at| (at, taken.get(&at).copied().unwrap_or_default()))
    }

    /// Gives every member a slot and keeps those that have one.
    fn assign_slots(&mut self, backend: u32, demand: &BackendDemand) -> Result<(), AllocError> {
        let mut former = std::mem::take(&mut self.slots);
        // One that comes back returns to its slot.
        former.append(&mut self.retired);
        let mut new = Vec::new();
        for (&instance, &host) in &demand.members {
            match former.remove(&instance) {
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

/// Places of backend services that are wanted, then ranges of rows and of members that are retired.
type PlannedBackends = (BTreeMap<u32, BackendPlace>, Vec<Range>, Vec<Range>);

/// Member ranges have room for a few more, so that a group may grow without moving.
const MEMBERS_MIN: u32 = 8;

/// A list of rules and where it lies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RulePlace {
    base: u32,
    rules: Vec<StoredRule>,
    /// Where its index lies; a length of 0: it has none.
    index: Range,
    /// Not wanted any more, but programs may still read it.
    retired: bool,
}

impl RulePlace {
    /// Where its rules lie.
    #[must_use]
    pub fn range(&self) -> Range {
        Range { base: self.base, len: self.rules.len() as u32 }
    }

    /// Where its index lies; a length of 0: it has none.
    #[must_use]
    pub fn index(&self) -> Range {
        self.index
    }

    /// What lies there: index in the map and rule.
    pub fn entries(&self) -> impl Iterator<Item = (u32, RuleEntry)> {
        (self.base..).zip(self.rules.iter().map(RuleEntry::from))
    }

    /// Whether what lies there is the same, retired or not.
    pub(crate) fn holds_the_same(&self, other: &Self) -> bool {
        (self.base, &self.rules, self.index) == (other.base, &other.rules, other.index)
    }

    /// The words of its index, if it is long enough to have one.
    #[must_use]
    pub fn build_index(&self) -> Option<Vec<u64>> {
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

    /// Frees what programs do not read any more now that the last update has been applied.
    pub fn release(&mut self) -> Moved {
        let mut moved = Moved::default();
        self.retired_rows.clear();
        self.retired_members.clear();
        for (&number, place) in &mut self.backends {
            if place.retired.is_empty() {
                continue;
            }
            place.retired.clear();
            moved.backends.insert(number);
            if place.slots.is_empty() {
                self.retired_members.push(std::mem::take(&mut place.members));
            }
        }
        let before = self.rules.len();
        self.rules.retain(|place| !place.retired);
        moved.rules = self.rules.len() < before;
        if moved.rules {
            self.place_indices();
        }
        moved
    }

    /// Gives everything in `demand` a place. What had one keeps it; what is not wanted any more loses it, but is
    /// not overwritten before it is released.
    ///
    /// # Errors
    /// When a map is full; nothing has changed then.
    pub fn update(&mut self, demand: &Demand) -> Result<Moved, AllocError> {
        let (backends, retired_rows, retired_members) = self.plan_backends(demand)?;
        let rules = self.plan_rules(demand)?;

        let mut moved = Moved::default();
        for &number in demand.backends.keys() {
            let (former, now) = (self.backends.get(&number), backends.get(&number));
            if former != now {
                moved.backends.insert(number);
            }
            match now {
                Some(place) => self.backends.insert(number, place.clone()),
                None => self.backends.remove(&number),
            };
        }
        self.retired_rows = retired_rows;
        self.retired_members = retired_members;
        if let Some(rules) = rules {
            moved.rules = rules != self.rules;
            self.rules = rules;
            self.place_indices();
        }
        Ok(moved)
    }

    /// Numbers of the backend services that have a place.
    pub fn backends(&self) -> impl Iterator<Item = u32> {
        self.backends.keys().copied()
    }

    /// Numbers of the backend services that keep slots of members whom only programs may still read.
    pub fn retiring(&self) -> impl Iterator<Item = u32> {
        let retiring = self.backends.iter().filter(|(_, place)| !place.retired.is_empty());
        retiring.map(|(&number, _)| number)
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

    /// All lists of rules, by place. Those that programs may still read are among them.
    #[must_use]
    pub fn rules(&self) -> &[RulePlace] {
        &self.rules
    }

    /// The places of those of `demand`'s backend services that are wanted, and all ranges that are retired then.
    fn plan_backends(&self, demand: &Demand) -> Result<PlannedBackends, AllocError> {
        let (mut retired_rows, mut retired_members) =
            (self.retired_rows.clone(), self.retired_members.clone());
        let mut planned = BTreeMap::new();
        for (&number, wanted) in &demand.backends {
            let mut place = self.backends.get(&number).cloned().unwrap_or_default();
            let Some(wanted) = wanted else {
                retired_rows.push(place.rows);
                retired_members.push(place.members);
                continue;
            };
            if place.rows.len != wanted.rows {
                retired_rows.push(std::mem::take(&mut place.rows));
            }
            place.assign_slots(number, wanted)?;
            // A range that is larger than needed stays: moving it would cost more than it saves.
            if place.members_needed() > place.members.len {
                retired_members.push(std::mem::take(&mut place.members));
                // Rows that stayed would name new slots while services still name the former member range, where
                // those slots are somebody else's.
                retired_rows.push(std::mem::take(&mut place.rows));
            }
            planned.insert(number, place);
        }
        retired_rows.retain(|range| range.len > 0);
        retired_members.retain(|range| range.len > 0);

        let kept = || {
            let others = self.backends.iter().filter(|(number, _)| !demand.backends.contains_key(number));
            others.map(|(_, place)| place).chain(planned.values())
        };
        let rows_in_use = || kept().map(|place| place.rows).chain(retired_rows.iter().copied());
        let members_in_use = || kept().map(|place| place.members).chain(retired_members.iter().copied());
        let (rows_map, members_map) = (dnlb_abi::maps::ROWS_HOT, dnlb_abi::maps::MEMBERS);
        // Most updates need neither.
        let (mut rows, mut members) = (None, None);
        let mut placed = Vec::new();
        for (&number, wanted) in &demand.backends {
            let (Some(wanted), Some(place)) = (wanted, planned.get(&number)) else { continue };
            let (needed, mut ranges) = (place.members_needed(), (place.rows, place.members));
            if ranges.0.len != wanted.rows {
                let gaps = || Gaps::new(rows_map, self.capacity.rows, ROWS_ALIGN, rows_in_use());
                ranges.0 = rows.get_or_insert_with(gaps).take(wanted.rows)?;
            }
            if ranges.1.len == 0 && needed > 0 {
                let gaps = || Gaps::new(members_map, self.capacity.members, 1, members_in_use());
                ranges.1 = members.get_or_insert_with(gaps).take(needed)?;
            }
            placed.push((number, ranges));
        }
        for (number, ranges) in placed {
            if let Some(place) = planned.get_mut(&number) {
                (place.rows, place.members) = ranges;
            }
        }
        Ok((planned, retired_rows, retired_members))
    }

    /// All lists of rules with their places, by place; nothing: as they are.
    fn plan_rules(&self, demand: &Demand) -> Result<Option<Vec<RulePlace>>, AllocError> {
        let Some(rules) = &demand.rules else { return Ok(None) };
        let lists = rules.iter().map(|rules| rules.iter().map(StoredRule::from).collect());
        let mut wanted: BTreeSet<Vec<StoredRule>> = lists.collect();
        wanted.remove([].as_slice());
        // A list that is retired and comes back is still there, unchanged.
        let mut planned = self.rules.clone();
        for place in &mut planned {
            place.retired = !wanted.remove(&place.rules);
        }
        let in_use = planned.iter().map(RulePlace::range);
        let mut gaps = Gaps::new(dnlb_abi::maps::RULES, self.capacity.rules, 1, in_use);
        for rules in wanted {
            let len = u32::try_from(rules.len()).unwrap_or(u32::MAX);
            let (base, index) = (gaps.take(len)?.base, Range::default());
            planned.push(RulePlace { base, rules, index, retired: false });
        }
        planned.sort_by_key(|place| place.base);
        Ok(Some(planned))
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
        let lacks = |place: &&mut RulePlace| !place.retired && place.index.len == 0;
        for place in self.rules.iter_mut().filter(lacks) {
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

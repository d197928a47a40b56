//! What may differ between a state and the maps, and a digest that follows changes.

use std::collections::{BTreeMap, BTreeSet};

use dnlb_abi::{Addr, EndpointKey, Settings, TargetKey};
use zerocopy::{Immutable, IntoBytes};

use crate::{RowRange, SwitchState};

/// Entries of a map that may not be what a state says; all others are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Touched<K> {
    /// Any of them: nothing is known of the map.
    All,
    /// Those with these keys. One that the state does not have is to be deleted.
    Keys(BTreeSet<K>),
}

impl<K: Ord> Touched<K> {
    /// Adds an entry.
    pub fn add(&mut self, key: K) {
        if let Self::Keys(keys) = self {
            keys.insert(key);
        }
    }

    /// Whether an entry is among them.
    #[must_use]
    pub fn contains(&self, key: &K) -> bool {
        match self {
            Self::All => true,
            Self::Keys(keys) => keys.contains(key),
        }
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Keys(keys) if keys.is_empty())
    }

    /// Those of a state's entries that are among them, in order.
    pub fn of<'a, V>(&'a self, entries: &'a BTreeMap<K, V>) -> Box<dyn Iterator<Item = (&'a K, &'a V)> + 'a> {
        match self {
            Self::All => Box::new(entries.iter()),
            Self::Keys(keys) => Box::new(keys.iter().filter_map(|key| entries.get_key_value(key))),
        }
    }
}

impl<K: Copy + Ord> Touched<K> {
    /// Adds all of the other's.
    pub fn extend(&mut self, other: &Self) {
        match (&mut *self, other) {
            (Self::All, _) => {}
            (Self::Keys(_), Self::All) => *self = Self::All,
            (Self::Keys(keys), Self::Keys(others)) => keys.extend(others),
        }
    }
}

impl Touched<u32> {
    /// Those of an array of this length, in order.
    pub fn within(&self, length: u32) -> Box<dyn Iterator<Item = u32> + '_> {
        match self {
            Self::All => Box::new(0..length),
            Self::Keys(keys) => Box::new(keys.range(..length).copied()),
        }
    }
}

impl<K> Default for Touched<K> {
    fn default() -> Self {
        Self::Keys(BTreeSet::new())
    }
}

/// What of a [`SwitchState`] the maps may not hold yet, and what they may hold that it no longer has.
///
/// Each field stands for the field of the same name. [`SwitchState::settings`] is always compared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Host indices.
    pub hosts: Touched<u32>,
    /// Underlay addresses.
    pub peers: Touched<Addr>,
    /// Addresses in VPCs.
    pub endpoints: Touched<EndpointKey>,
    /// Instance numbers.
    pub instances: Touched<u32>,
    /// Interface indices.
    pub ports: Touched<u32>,
    /// Places of rules.
    pub rules: Touched<u32>,
    /// First words of rule indices.
    pub rule_index: Touched<u32>,
    /// Slots of services.
    pub services: Touched<u32>,
    /// Buckets of the service index.
    pub displacements: Touched<u32>,
    /// Targets.
    pub targets: Touched<TargetKey>,
    /// Places of members.
    pub members: Touched<u32>,
    /// First rows of ranges.
    pub rows: Touched<u32>,
}

impl Changes {
    /// Nothing is known of the maps.
    #[must_use]
    pub fn all() -> Self {
        Self {
            hosts: Touched::All,
            peers: Touched::All,
            endpoints: Touched::All,
            instances: Touched::All,
            ports: Touched::All,
            rules: Touched::All,
            rule_index: Touched::All,
            services: Touched::All,
            displacements: Touched::All,
            targets: Touched::All,
            members: Touched::All,
            rows: Touched::All,
        }
    }
}

/// Which map an entry is in, for digests.
#[derive(Clone, Copy)]
pub(crate) enum Part {
    Settings,
    Hosts,
    Peers,
    Endpoints,
    Instances,
    Ports,
    Rules,
    RuleIndex,
    Services,
    Targets,
    Members,
    Rows,
}

/// What an entry adds to the digest of a state. Sums do not depend on order, so that a change costs what it changes.
pub(crate) fn entry_digest(part: Part, key: &[u8], value: &[u8]) -> u64 {
    mixed(words_digest(value).wrapping_add(mixed(words_digest(key).wrapping_add(part as u64))))
}

/// A sum, so that a processor can work on several words at a time; each says where it stands.
fn words_digest(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<8>();
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    let mut sum = 0_u64;
    for (at, word) in (1_u64..).zip(words.iter().chain([&last])) {
        sum = sum.wrapping_add(mixed(u64::from_le_bytes(*word) ^ at.wrapping_mul(0xd6e8_feb8_6659_fd93)));
    }
    sum
}

fn mixed(word: u64) -> u64 {
    let word = (word ^ word >> 32).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ word >> 29).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word ^ word >> 32
}

pub(crate) fn rows_digest(range: &RowRange) -> u64 {
    let base = range.base.as_bytes();
    entry_digest(Part::Rows, base, range.hot.as_bytes()).wrapping_add(entry_digest(
        Part::Rows,
        base,
        range.cold.as_bytes(),
    ))
}

pub(crate) fn settings_digest(settings: &Settings) -> u64 {
    // Which copy is in force differs between hosts by accident.
    entry_digest(Part::Settings, &[], Settings { active_copy: 0, ..*settings }.as_bytes())
}

impl SwitchState {
    /// A number that other states do not have, but once in a very long time.
    #[must_use]
    pub fn digest(&self) -> u64 {
        fn sum<K: Bytes, V: Bytes>(part: Part, entries: &BTreeMap<K, V>) -> u64 {
            let digests =
                entries.iter().map(|(key, value)| entry_digest(part, key.as_bytes(), value.as_bytes()));
            digests.fold(0, u64::wrapping_add)
        }
        let index = self.rule_index.iter();
        let index = index.map(|(key, words)| entry_digest(Part::RuleIndex, key.as_bytes(), words.as_bytes()));
        [
            settings_digest(&self.settings),
            sum(Part::Hosts, &self.hosts),
            sum(Part::Peers, &self.peers),
            sum(Part::Endpoints, &self.endpoints),
            sum(Part::Instances, &self.instances),
            sum(Part::Ports, &self.ports),
            sum(Part::Rules, &self.rules),
            sum(Part::Services, &self.services.entries),
            sum(Part::Targets, &self.targets),
            sum(Part::Members, &self.members),
        ]
        .into_iter()
        .chain(index)
        .chain(self.rows.iter().map(rows_digest))
        .fold(0, u64::wrapping_add)
    }
}

/// What stands in maps.
pub(crate) trait Bytes: Copy + PartialEq + IntoBytes + Immutable {}
impl<T: Copy + PartialEq + IntoBytes + Immutable> Bytes for T {}

/// One map of a state while it is being changed.
pub(crate) struct Sheet<'a, K, V> {
    pub(crate) part: Part,
    pub(crate) entries: &'a mut BTreeMap<K, V>,
    pub(crate) touched: &'a mut Touched<K>,
    pub(crate) digest: &'a mut u64,
}

impl<K: Bytes + Ord, V: Bytes> Sheet<'_, K, V> {
    /// Makes an entry what it is to be; none: there is none.
    pub(crate) fn set(&mut self, key: K, value: Option<V>) {
        let former = match value {
            Some(value) => self.entries.insert(key, value),
            None => self.entries.remove(&key),
        };
        if former == value {
            return;
        }
        let digest = |value: V| entry_digest(self.part, key.as_bytes(), value.as_bytes());
        *self.digest =
            self.digest.wrapping_sub(former.map_or(0, digest)).wrapping_add(value.map_or(0, digest));
        self.touched.add(key);
    }

    /// Makes all entries what they are to be.
    pub(crate) fn set_all(&mut self, wanted: &BTreeMap<K, V>) {
        for key in differing(Some(&*self.entries), wanted) {
            self.set(key, wanted.get(&key).copied());
        }
    }
}

/// Keys under which two maps differ; all of the second one's without a first.
pub(crate) fn differing<K: Copy + Ord, V: PartialEq>(
    former: Option<&BTreeMap<K, V>>,
    now: &BTreeMap<K, V>,
) -> Vec<K> {
    let Some(former) = former else { return now.keys().copied().collect() };
    if std::ptr::eq(former, now) {
        return Vec::new();
    }
    let (mut before, mut after) = (former.iter().peekable(), now.iter().peekable());
    let mut keys = Vec::new();
    loop {
        let (key, differs) = match (before.peek(), after.peek()) {
            (Some(&(key, former)), Some(&(other, now))) if key == other => (key, former != now),
            (Some(&(key, _)), Some(&(other, _))) => (key.min(other), true),
            (Some(&(key, _)), None) | (None, Some(&(key, _))) => (key, true),
            (None, None) => return keys,
        };
        before.next_if(|(other, _)| *other == key);
        after.next_if(|(other, _)| *other == key);
        if differs {
            keys.push(*key);
        }
    }
}

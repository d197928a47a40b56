//! Makes the maps equal to a state, writing only what differs.

use std::{
    collections::BTreeMap,
    sync::atomic::Ordering::Relaxed,
    thread,
    time::{Duration, Instant},
};

use aya::maps::{Array, HashMap};
use dnlb_abi::{
    Addr, EndpointEntry, EndpointKey, HostEntry, InstanceEntry, RuleEntry, SERVICE_BUCKETS, SERVICE_SLOTS,
    ServiceEntry, Settings, TargetEntry, TargetKey, maps,
};
use dnlb_plan::{Changes, RowRange, ServiceIndex, SwitchState, Touched};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::{Plain, Switch, SwitchError, mapped::MappedArray};

/// How long the former copy of the services stays untouched after the flip: programs that still read it take
/// microseconds, so this is four orders of magnitude more.
const GRACE: Duration = Duration::from_millis(20);

/// What applying did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Entries, words and half words written or deleted. Zero when the maps were as wanted.
    pub writes: u64,
}

impl Switch {
    /// Makes the maps equal to `state`, whatever they hold.
    ///
    /// Make before break: whatever something refers to is written before it, and removed after it. Dying in between
    /// leaves maps without dangling references; applying again goes on from there.
    ///
    /// # Errors
    /// [`SwitchError::Map`] and [`SwitchError::OutOfRange`]; the maps then are somewhere between the two states.
    pub fn apply(&mut self, state: &SwitchState) -> Result<Applied, SwitchError> {
        self.apply_changes(state, &Changes::all())
    }

    /// The same when it is known what may not be in the maps yet; nothing else is looked at. What is left of an attempt that
    /// failed must be among the changes.
    ///
    /// # Errors
    /// As [`Self::apply`].
    pub fn apply_changes(&mut self, state: &SwitchState, changes: &Changes) -> Result<Applied, SwitchError> {
        let mut writes = 0;
        writes += self.put_array::<HostEntry>(maps::HOSTS, &state.hosts, &changes.hosts)?;
        // Instances name ranges of these two that they did not name before: nobody reads them yet.
        for (&index, rule) in changes.rules.of(&state.rules) {
            const WORDS: usize = size_of::<RuleEntry>() / 8;
            for at in 0..WORDS {
                writes += self.rules.put(index as usize * WORDS + at, word(&rule.as_bytes()[at * 8..]))?;
            }
        }
        for (&base, words) in changes.rule_index.of(&state.rule_index) {
            for (at, &value) in words.iter().enumerate() {
                writes += self.rule_index.put(base as usize + at, value)?;
            }
        }
        writes += self.put_hash::<Addr, u32>(maps::PEERS, &state.peers, &changes.peers)?;
        writes +=
            self.put_hash::<u32, InstanceEntry>(maps::INSTANCES, &state.instances, &changes.instances)?;
        writes += self.put_hash::<EndpointKey, EndpointEntry>(
            maps::ENDPOINTS,
            &state.endpoints,
            &changes.endpoints,
        )?;
        writes += self.put_hash::<TargetKey, TargetEntry>(maps::TARGETS, &state.targets, &changes.targets)?;
        let members = || changes.members.of(&state.members);
        for (&index, member) in members().filter(|(_, member)| member.instance != 0) {
            writes += self.members.put(index as usize, word(member.as_bytes()))?;
        }
        for range in state.rows.iter().filter(|range| changes.rows.contains(&range.base)) {
            writes += self.put_rows(range)?;
        }
        // No row names these any more, but a small group's slots are all asked.
        for (&index, member) in members().filter(|(_, member)| member.instance == 0) {
            writes += self.members.put(index as usize, word(member.as_bytes()))?;
        }
        writes += self.put_services(state, changes)?;
        writes += self.put_hash::<u32, u32>(maps::PORTS, &state.ports, &changes.ports)?;
        // Nothing refers to these any more.
        writes += self.retain_hash::<Addr, u32>(maps::PEERS, &state.peers, &changes.peers)?;
        writes += self.retain_hash::<u32, u32>(maps::PORTS, &state.ports, &changes.ports)?;
        writes +=
            self.retain_hash::<TargetKey, TargetEntry>(maps::TARGETS, &state.targets, &changes.targets)?;
        writes += self.retain_hash::<EndpointKey, EndpointEntry>(
            maps::ENDPOINTS,
            &state.endpoints,
            &changes.endpoints,
        )?;
        writes +=
            self.retain_hash::<u32, InstanceEntry>(maps::INSTANCES, &state.instances, &changes.instances)?;
        Ok(Applied { writes })
    }

    /// Cold halves first: whoever reads a hot half must find its chain.
    fn put_rows(&self, range: &RowRange) -> Result<u64, SwitchError> {
        let base = range.base as usize;
        let mut writes = 0;
        for (row, chain) in range.cold.iter().enumerate() {
            let word = chain.iter().rev().fold(0, |word, &slot| word << 16 | u64::from(slot));
            writes += self.rows_cold.put(base + row, word)?;
        }
        for (row, &slot) in range.hot.iter().enumerate() {
            writes += self.rows_hot.put_half(base + row, slot)?;
        }
        Ok(writes)
    }

    /// Writes the copy that is not in force and makes it the one that is, unless the one in force is as wanted.
    fn put_services(&mut self, state: &SwitchState, changes: &Changes) -> Result<u64, SwitchError> {
        let current = self.settings()?;
        let active = current.active_copy & 1;
        let mut wanted = Settings { active_copy: active, ..state.settings };
        let mut writes = 0;
        let touched = Index::of(changes);
        if touched.is_whole() {
            // Nothing is known of the other copy, either.
            self.lagging = Index::WHOLE;
        }
        if !touched.words(active, &state.services).try_fold(true, |same, (map, at, value)| {
            Ok::<_, SwitchError>(same && self.index_map(map).word(at)?.load(Relaxed) == value)
        })? {
            let spare = 1 - active;
            if let Some(rest) = self.flipped.and_then(|flipped| GRACE.checked_sub(flipped.elapsed())) {
                thread::sleep(rest);
            }
            // It lacks what the one in force was given when it was the spare one.
            self.lagging.add(&touched);
            for (map, at, value) in self.lagging.words(spare, &state.services) {
                writes += self.index_map(map).put(at, value)?;
            }
            wanted.active_copy = spare;
        }
        if wanted != current {
            let mut array = self.array::<Settings>(maps::SETTINGS)?;
            array.set(0, Plain(wanted), 0).map_err(failed(maps::SETTINGS, "written"))?;
            writes += 1;
        }
        if wanted.active_copy != active {
            self.flipped = Some(Instant::now());
            self.lagging = touched;
        }
        Ok(writes)
    }

    fn index_map(&self, map: IndexMap) -> &MappedArray {
        match map {
            IndexMap::Displacements => &self.displacements,
            IndexMap::Services => &self.services,
        }
    }

    fn settings(&mut self) -> Result<Settings, SwitchError> {
        let array = self.array::<Settings>(maps::SETTINGS)?;
        Ok(array.get(&0, 0).map_err(failed(maps::SETTINGS, "read"))?.0)
    }

    fn array<V: Value>(
        &mut self,
        name: &'static str,
    ) -> Result<Array<&mut aya::maps::MapData, Plain<V>>, SwitchError> {
        let map = self.ebpf.map_mut(name).ok_or(SwitchError::Missing { kind: "map", name })?;
        Array::try_from(map).map_err(failed(name, "opened"))
    }

    fn hash<K: Value, V: Value>(
        &mut self,
        name: &'static str,
    ) -> Result<HashMap<&mut aya::maps::MapData, Plain<K>, Plain<V>>, SwitchError> {
        let map = self.ebpf.map_mut(name).ok_or(SwitchError::Missing { kind: "map", name })?;
        HashMap::try_from(map).map_err(failed(name, "opened"))
    }

    fn put_array<V: Value + PartialEq>(
        &mut self,
        name: &'static str,
        wanted: &BTreeMap<u32, V>,
        touched: &Touched<u32>,
    ) -> Result<u64, SwitchError> {
        let mut array = self.array::<V>(name)?;
        let mut writes = 0;
        for (&index, value) in touched.of(wanted) {
            if index >= array.len() {
                let capacity = u64::from(array.len());
                return Err(SwitchError::OutOfRange { map: name, index: index.into(), capacity });
            }
            if array.get(&index, 0).map_err(failed(name, "read"))?.0 != *value {
                array.set(index, Plain(*value), 0).map_err(failed(name, "written"))?;
                writes += 1;
            }
        }
        Ok(writes)
    }

    fn put_hash<K: Value + Ord, V: Value + PartialEq>(
        &mut self,
        name: &'static str,
        wanted: &BTreeMap<K, V>,
        touched: &Touched<K>,
    ) -> Result<u64, SwitchError> {
        let mut hash = self.hash::<K, V>(name)?;
        let mut writes = 0;
        for (&key, &value) in touched.of(wanted) {
            // Reading first: a needless write would replace an element that programs are reading.
            if hash.get(&Plain(key), 0).ok().map(|found| found.0) != Some(value) {
                hash.insert(Plain(key), Plain(value), 0).map_err(failed(name, "written"))?;
                writes += 1;
            }
        }
        Ok(writes)
    }

    fn retain_hash<K: Value + Ord, V: Value>(
        &mut self,
        name: &'static str,
        wanted: &BTreeMap<K, V>,
        touched: &Touched<K>,
    ) -> Result<u64, SwitchError> {
        let mut hash = self.hash::<K, V>(name)?;
        let surplus = |Plain(key): &Plain<K>| !wanted.contains_key(key);
        let surplus: Vec<_> = match touched {
            Touched::All => hash.keys().filter_map(Result::ok).filter(surplus).collect(),
            Touched::Keys(keys) => {
                let surplus = keys.iter().copied().map(Plain).filter(surplus);
                // One may be gone already.
                surplus.filter(|key| hash.get(key, 0).is_ok()).collect()
            }
        };
        for key in &surplus {
            hash.remove(key).map_err(failed(name, "pruned"))?;
        }
        Ok(surplus.len() as u64)
    }
}

/// What may stand in a map.
trait Value: Copy + FromBytes + IntoBytes + Immutable + 'static {}
impl<T: Copy + FromBytes + IntoBytes + Immutable + 'static> Value for T {}

fn failed(map: &'static str, action: &'static str) -> impl Fn(aya::maps::MapError) -> SwitchError {
    move |source| SwitchError::Map { map, action, source }
}

fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[..8]);
    u64::from_ne_bytes(word)
}

/// A map of the service index.
#[derive(Clone, Copy)]
enum IndexMap {
    Displacements,
    Services,
}

/// A part of the service index.
#[derive(Default)]
pub(crate) struct Index {
    slots: Touched<u32>,
    buckets: Touched<u32>,
}

impl Index {
    /// All of it.
    pub(crate) const WHOLE: Self = Self { slots: Touched::All, buckets: Touched::All };

    fn of(changes: &Changes) -> Self {
        Self { slots: changes.services.clone(), buckets: changes.displacements.clone() }
    }

    fn is_whole(&self) -> bool {
        matches!((&self.slots, &self.buckets), (Touched::All, Touched::All))
    }

    fn add(&mut self, other: &Self) {
        self.slots.extend(&other.slots);
        self.buckets.extend(&other.buckets);
    }

    /// Every word of it in one of the copies: map, index and value.
    fn words(&self, copy: u32, index: &ServiceIndex) -> impl Iterator<Item = (IndexMap, usize, u64)> {
        const WORDS: usize = size_of::<ServiceEntry>() / 8;
        let services = self.slots.within(SERVICE_SLOTS).flat_map(move |slot| {
            let entry = index.entries.get(&slot).copied().unwrap_or_default();
            (0..WORDS).map(move |at| {
                let index = (copy * SERVICE_SLOTS + slot) as usize * WORDS + at;
                (IndexMap::Services, index, word(&entry.as_bytes()[at * 8..]))
            })
        });
        // Four to a word.
        const BUCKETS: u32 = SERVICE_BUCKETS / 4;
        let displacements = self.buckets.within(SERVICE_BUCKETS).map(|bucket| bucket / 4).map(move |at| {
            let value = (0..4).rev().fold(0, |word, part| {
                let displacement = index.displacements.get((at * 4 + part) as usize).copied().unwrap_or(0);
                word << 16 | u64::from(displacement)
            });
            (IndexMap::Displacements, (copy * BUCKETS + at) as usize, value)
        });
        services.chain(displacements)
    }
}

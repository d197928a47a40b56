//! Makes the maps equal to a state, writing only what differs.

use std::{
    collections::{BTreeMap, BTreeSet},
    thread,
    time::{Duration, Instant},
};

use aya::maps::{Array, HashMap};
use dnlb_abi::{
    Addr, EndpointEntry, EndpointKey, HostEntry, InstanceEntry, RuleEntry, SERVICE_BUCKETS, SERVICE_SLOTS,
    ServiceEntry, Settings, TargetEntry, TargetKey, maps,
};
use dnlb_plan::{RowRange, ServiceIndex, SwitchState};
use zerocopy::{FromBytes, Immutable, IntoBytes};

use crate::{Plain, Switch, SwitchError};

/// How long the former copy of the services stays untouched after the flip: programs that still read it take
/// microseconds, so this is four orders of magnitude more.
const GRACE: Duration = Duration::from_millis(20);

/// What applying did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Entries, words and half words written or deleted. Zero when the maps were as wanted.
    pub writes: u64,
    /// Digest of the contents that the maps now have.
    pub digest: u64,
}

impl Switch {
    /// Makes the maps equal to `state`.
    ///
    /// Make before break: whatever something refers to is written before it, and removed after it. Dying in between
    /// leaves maps without dangling references; applying again goes on from there.
    ///
    /// # Errors
    /// [`SwitchError::Map`] and [`SwitchError::OutOfRange`]; the maps then are somewhere between the two states.
    pub fn apply(&mut self, state: &SwitchState) -> Result<Applied, SwitchError> {
        let mut writes = 0;
        writes += self.put_array::<HostEntry>(maps::HOSTS, &state.hosts)?;
        // Instances name ranges of these two that they did not name before: nobody reads them yet.
        for (&index, rule) in &state.rules {
            const WORDS: usize = size_of::<RuleEntry>() / 8;
            for at in 0..WORDS {
                writes += self.rules.put(index as usize * WORDS + at, word(&rule.as_bytes()[at * 8..]))?;
            }
        }
        for (&base, words) in &state.rule_index {
            for (at, &value) in words.iter().enumerate() {
                writes += self.rule_index.put(base as usize + at, value)?;
            }
        }
        writes += self.put_hash::<Addr, u32>(maps::PEERS, &state.peers)?;
        writes += self.put_hash::<u32, InstanceEntry>(maps::INSTANCES, &state.instances)?;
        writes += self.put_hash::<EndpointKey, EndpointEntry>(maps::ENDPOINTS, &state.endpoints)?;
        writes += self.put_hash::<TargetKey, TargetEntry>(maps::TARGETS, &state.targets)?;
        for (&index, member) in &state.members {
            writes += self.members.put(index as usize, word(member.as_bytes()))?;
        }
        for range in &state.rows {
            writes += self.put_rows(range)?;
        }
        // No row names these any more, but a small group's slots are all asked.
        for index in free_slots(state) {
            writes += self.members.put(index as usize, 0)?;
        }
        writes += self.put_services(&state.services, &state.settings)?;
        writes += self.put_hash::<u32, u32>(maps::PORTS, &state.ports)?;
        // Nothing refers to these any more.
        writes += self.retain_hash::<Addr, u32>(maps::PEERS, &state.peers)?;
        writes += self.retain_hash::<u32, u32>(maps::PORTS, &state.ports)?;
        writes += self.retain_hash::<TargetKey, TargetEntry>(maps::TARGETS, &state.targets)?;
        writes += self.retain_hash::<EndpointKey, EndpointEntry>(maps::ENDPOINTS, &state.endpoints)?;
        writes += self.retain_hash::<u32, InstanceEntry>(maps::INSTANCES, &state.instances)?;
        Ok(Applied { writes, digest: digest(state) })
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
    fn put_services(&mut self, index: &ServiceIndex, settings: &Settings) -> Result<u64, SwitchError> {
        let current = self.settings()?;
        let active = current.active_copy & 1;
        let mut wanted = Settings { active_copy: active, ..*settings };
        let mut writes = 0;
        if !self.services_equal(active, index)? {
            let spare = 1 - active;
            if let Some(rest) = self.flipped.and_then(|flipped| GRACE.checked_sub(flipped.elapsed())) {
                thread::sleep(rest);
            }
            for (at, value) in service_words(spare, index) {
                writes += self.services.put(at, value)?;
            }
            for (at, value) in displacement_words(spare, index) {
                writes += self.displacements.put(at, value)?;
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
        }
        Ok(writes)
    }

    fn services_equal(&self, copy: u32, index: &ServiceIndex) -> Result<bool, SwitchError> {
        use std::sync::atomic::Ordering::Relaxed;
        for (at, value) in service_words(copy, index) {
            if self.services.word(at)?.load(Relaxed) != value {
                return Ok(false);
            }
        }
        for (at, value) in displacement_words(copy, index) {
            if self.displacements.word(at)?.load(Relaxed) != value {
                return Ok(false);
            }
        }
        Ok(true)
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
    ) -> Result<u64, SwitchError> {
        let mut array = self.array::<V>(name)?;
        let mut writes = 0;
        for (&index, value) in wanted {
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
    ) -> Result<u64, SwitchError> {
        let mut hash = self.hash::<K, V>(name)?;
        let mut writes = 0;
        for (&key, &value) in wanted {
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
    ) -> Result<u64, SwitchError> {
        let mut hash = self.hash::<K, V>(name)?;
        let surplus: Vec<_> =
            hash.keys().filter_map(Result::ok).filter(|Plain(key)| !wanted.contains_key(key)).collect();
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

/// Places of the members' array that belong to a backend service and have nobody.
fn free_slots(state: &SwitchState) -> impl Iterator<Item = u32> {
    let entries = state.services.entries.values();
    let groups: BTreeSet<_> = entries.map(|entry| (entry.members_base, entry.slots)).collect();
    let slots = groups.into_iter().flat_map(|(base, slots)| (1..slots).map(move |slot| base + slot));
    slots.filter(|index| !state.members.contains_key(index))
}

fn word(bytes: &[u8]) -> u64 {
    let mut word = [0; 8];
    word.copy_from_slice(&bytes[..8]);
    u64::from_ne_bytes(word)
}

/// Every word of one copy of `SERVICES`: index and value.
fn service_words(copy: u32, index: &ServiceIndex) -> impl Iterator<Item = (usize, u64)> {
    const WORDS: usize = size_of::<ServiceEntry>() / 8;
    (0..SERVICE_SLOTS).flat_map(move |slot| {
        let entry = index.entries.get(&slot).copied().unwrap_or_default();
        (0..WORDS).map(move |at| {
            let index = (copy * SERVICE_SLOTS + slot) as usize * WORDS + at;
            (index, word(&entry.as_bytes()[at * 8..]))
        })
    })
}

/// Every word of one copy of `DISPLACEMENTS`.
fn displacement_words(copy: u32, index: &ServiceIndex) -> impl Iterator<Item = (usize, u64)> {
    (0..SERVICE_BUCKETS / 4).map(move |at| {
        let value = (0..4).rev().fold(0, |word, part| {
            let displacement = index.displacements.get((at * 4 + part) as usize).copied().unwrap_or(0);
            word << 16 | u64::from(displacement)
        });
        ((copy * (SERVICE_BUCKETS / 4) + at) as usize, value)
    })
}

/// FNV-1a over everything that a state says; `active_copy` differs between hosts by accident and is left out.
fn digest(state: &SwitchState) -> u64 {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    let mut add = |bytes: &[u8]| {
        for &byte in bytes {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    add(Settings { active_copy: 0, ..state.settings }.as_bytes());
    state.hosts.iter().for_each(|(key, value)| (add(key.as_bytes()), add(value.as_bytes())).1);
    state.peers.keys().for_each(|key| add(key));
    state.endpoints.iter().for_each(|(key, value)| (add(key.as_bytes()), add(value.as_bytes())).1);
    state.instances.iter().for_each(|(key, value)| (add(key.as_bytes()), add(value.as_bytes())).1);
    state.ports.iter().for_each(|(key, value)| (add(key.as_bytes()), add(value.as_bytes())).1);
    state.rules.iter().for_each(|(key, value)| (add(key.as_bytes()), add(value.as_bytes())).1);
    state.rule_index.iter().for_each(|(key, value)| (add(key.as_bytes()), add(value.as_bytes())).1);
    state.services.entries.iter().for_each(|(key, value)| (add(key.as_bytes()), add(value.as_bytes())).1);
    state.targets.iter().for_each(|(key, value)| (add(key.as_bytes()), add(value.as_bytes())).1);
    state.members.iter().for_each(|(key, value)| (add(key.as_bytes()), add(value.as_bytes())).1);
    for range in &state.rows {
        add(range.base.as_bytes());
        add(range.hot.as_bytes());
        range.cold.iter().for_each(|chain| add(chain.as_bytes()));
    }
    hash
}

//! The maps of a running host, for reading alone.

use std::{borrow::Borrow, path::Path, sync::atomic::Ordering::Relaxed};

use aya::{
    Pod,
    maps::{Array, HashMap, Map, MapData, MapError},
};
use dnlb_abi::{
    Addr, EndpointEntry, EndpointKey, FlowKey, FlowRecord, FragmentEntry, FragmentKey, HostEntry,
    InstanceEntry, MemberEntry, RuleEntry, SERVICE_BUCKETS, SERVICE_SLOTS, ServiceEntry, Settings,
    TargetEntry, TargetKey, capacity, maps,
};
use dnlb_explain::Maps;

use crate::{Capacities, Plain, Switch, SwitchError, groups::Folders, mapped::MappedArray};

/// Maps that programs and an agent are using at the same time.
///
/// Reading takes no lock that a program waits for, and does not count as use where the kernel remembers that (the
/// half-open flows). What is read may be gone a moment later.
///
/// `T` is how the maps are held: opened from their pins, or borrowed from a [`Switch`].
pub struct LiveMaps<T: Borrow<MapData> = MapData> {
    settings: Array<T, Plain<Settings>>,
    ports: HashMap<T, u32, u32>,
    instances: HashMap<T, u32, Plain<InstanceEntry>>,
    endpoints: HashMap<T, Plain<EndpointKey>, Plain<EndpointEntry>>,
    hosts: Array<T, Plain<HostEntry>>,
    displacements: Array<T, u64>,
    services: Array<T, Plain<ServiceEntry>>,
    rows_hot: Array<T, u64>,
    rows_cold: Array<T, u64>,
    members: Array<T, Plain<MemberEntry>>,
    peers: HashMap<T, Plain<Addr>, u32>,
    targets: HashMap<T, Plain<TargetKey>, Plain<TargetEntry>>,
    rules: Array<T, Plain<RuleEntry>>,
    /// By its memory: the map has one value, which a system call would copy whole.
    rule_index: MappedArray,
    flows: HashMap<T, Plain<FlowKey>, Plain<FlowRecord>>,
    flows_half_open: HashMap<T, Plain<FlowKey>, Plain<FlowRecord>>,
    fragments: HashMap<T, Plain<FragmentKey>, Plain<FragmentEntry>>,
}

/// Opens all maps, `$source` being a function from a name to what aya makes typed maps of.
macro_rules! open {
    ($source:expr) => {{
        let source = $source;
        macro_rules! map {
            ($name:expr) => {
                source($name)?.try_into().map_err(failed($name, "opened"))?
            };
        }
        LiveMaps {
            settings: map!(maps::SETTINGS),
            ports: map!(maps::PORTS),
            instances: map!(maps::INSTANCES),
            endpoints: map!(maps::ENDPOINTS),
            hosts: map!(maps::HOSTS),
            displacements: map!(maps::DISPLACEMENTS),
            services: map!(maps::SERVICES),
            rows_hot: map!(maps::ROWS_HOT),
            rows_cold: map!(maps::ROWS_COLD),
            members: map!(maps::MEMBERS),
            peers: map!(maps::PEERS),
            targets: map!(maps::TARGETS),
            rules: map!(maps::RULES),
            rule_index: mapped(maps::RULE_INDEX, source(maps::RULE_INDEX)?.borrow())?,
            flows: map!(maps::FLOWS),
            flows_half_open: map!(maps::FLOWS_HALF_OPEN),
            fragments: map!(maps::FRAGMENTS),
        }
    }};
}

fn mapped(name: &'static str, map: &Map) -> Result<MappedArray, SwitchError> {
    match map {
        Map::Array(data) => MappedArray::new(name, data),
        _ => Err(SwitchError::Missing { kind: "map", name }),
    }
}

impl LiveMaps {
    /// Opens the maps that [`Switch::open`] of this version pinned below `pin_dir`, with the usual sizes.
    ///
    /// # Errors
    /// [`SwitchError::NotPinned`], or that this user may not open them.
    pub fn open(pin_dir: &Path) -> Result<Self, SwitchError> {
        let folders = Folders::locate(pin_dir, &Capacities::default());
        for path in [maps::SETTINGS, maps::FLOWS].map(|name| folders.map(name)) {
            if !path.try_exists().unwrap_or(true) {
                return Err(SwitchError::NotPinned { path });
            }
        }
        let pinned = |name| {
            MapData::from_pin(folders.map(name)).and_then(Map::from_map_data).map_err(failed(name, "opened"))
        };
        Ok(open!(pinned))
    }
}

impl Switch {
    /// This switch's maps, for reading alone.
    ///
    /// # Errors
    /// [`SwitchError::Missing`].
    pub fn live(&self) -> Result<LiveMaps<&MapData>, SwitchError> {
        let held = |name| self.ebpf.map(name).ok_or(SwitchError::Missing { kind: "map", name });
        Ok(open!(held))
    }
}

impl<T: Borrow<MapData>> LiveMaps<T> {
    /// Flow records one by one, established ones first; true: established.
    ///
    /// # Invariants
    /// Holds one record at a time. Records that come or go meanwhile may be left out or come twice, and the whole ends
    /// after as many records as the maps can hold.
    pub fn flows(&self) -> impl Iterator<Item = Result<(FlowKey, FlowRecord, bool), SwitchError>> + '_ {
        records(&self.flows, maps::FLOWS, true).chain(records(
            &self.flows_half_open,
            maps::FLOWS_HALF_OPEN,
            false,
        ))
    }
}

fn records<'m, T: Borrow<MapData>>(
    map: &'m HashMap<T, Plain<FlowKey>, Plain<FlowRecord>>,
    name: &'static str,
    established: bool,
) -> impl Iterator<Item = Result<(FlowKey, FlowRecord, bool), SwitchError>> + 'm {
    // When a key is removed between two steps the kernel begins again: without an end that could go on for ever.
    let most = capacity(map).unwrap_or(usize::MAX);
    map.iter().take(most).map(move |entry| match entry {
        Ok((Plain(key), Plain(record))) => Ok((key, record, established)),
        Err(source) => Err(failed(name, "read")(source)),
    })
}

fn capacity<T: Borrow<MapData>, K: Pod, V: Pod>(map: &HashMap<T, K, V>) -> Result<usize, MapError> {
    use aya::maps::IterableMap;
    Ok(map.map().info()?.max_entries() as usize)
}

/// Programs' view of the maps; what lies beyond an array's end is missing.
impl<T: Borrow<MapData>> Maps for LiveMaps<T> {
    type Error = SwitchError;

    fn settings(&self) -> Result<Option<Settings>, SwitchError> {
        item(&self.settings, maps::SETTINGS, 0).map(plain)
    }

    fn port(&self, ifindex: u32) -> Result<Option<u32>, SwitchError> {
        value(&self.ports, maps::PORTS, &ifindex)
    }

    fn instance(&self, number: u32) -> Result<Option<InstanceEntry>, SwitchError> {
        value(&self.instances, maps::INSTANCES, &number).map(plain)
    }

    fn instances(&self) -> Result<Vec<InstanceEntry>, SwitchError> {
        let entries = self.instances.iter().map(|entry| entry.map(|(_, Plain(found))| found));
        entries.collect::<Result<_, _>>().map_err(failed(maps::INSTANCES, "read"))
    }

    fn endpoint(&self, key: &EndpointKey) -> Result<Option<EndpointEntry>, SwitchError> {
        value(&self.endpoints, maps::ENDPOINTS, &Plain(*key)).map(plain)
    }

    fn host(&self, index: u32) -> Result<Option<HostEntry>, SwitchError> {
        item(&self.hosts, maps::HOSTS, index).map(plain)
    }

    fn displacement(&self, copy: u32, bucket: u32) -> Result<u16, SwitchError> {
        let at = copy * (SERVICE_BUCKETS / 4) + bucket / 4;
        let word = item(&self.displacements, maps::DISPLACEMENTS, at)?.unwrap_or(0);
        Ok((word >> (bucket % 4 * 16)) as u16)
    }

    fn service(&self, copy: u32, slot: u32) -> Result<Option<ServiceEntry>, SwitchError> {
        item(&self.services, maps::SERVICES, copy * SERVICE_SLOTS + slot).map(plain)
    }

    fn row(&self, row: u32) -> Result<u16, SwitchError> {
        let word = item(&self.rows_hot, maps::ROWS_HOT, row / 4)?.unwrap_or(0);
        Ok((word >> (row % 4 * 16)) as u16)
    }

    fn chain(&self, row: u32) -> Result<u64, SwitchError> {
        Ok(item(&self.rows_cold, maps::ROWS_COLD, row)?.unwrap_or(0))
    }

    fn member(&self, index: u32) -> Result<MemberEntry, SwitchError> {
        Ok(item(&self.members, maps::MEMBERS, index).map(plain)?.unwrap_or_default())
    }

    fn peer(&self, addr: &Addr) -> Result<bool, SwitchError> {
        Ok(value(&self.peers, maps::PEERS, &Plain(*addr))?.is_some())
    }

    fn target(&self, key: &TargetKey) -> Result<Option<u32>, SwitchError> {
        let found = value(&self.targets, maps::TARGETS, &Plain(*key)).map(plain)?;
        Ok(found.map(|found| found.port))
    }

    fn rule(&self, index: u32) -> Result<Option<RuleEntry>, SwitchError> {
        item(&self.rules, maps::RULES, index).map(plain)
    }

    fn rule_word(&self, index: u32) -> Result<u64, SwitchError> {
        Ok(self.rule_index.word((index & (capacity::RULE_INDEX - 1)) as usize)?.load(Relaxed))
    }

    fn flow(&self, key: &FlowKey) -> Result<Option<(FlowRecord, bool)>, SwitchError> {
        let found = |map, name| value(map, name, &Plain(*key)).map(plain);
        if let Some(record) = found(&self.flows, maps::FLOWS)? {
            return Ok(Some((record, true)));
        }
        if let Some(record) = found(&self.flows_half_open, maps::FLOWS_HALF_OPEN)? {
            return Ok(Some((record, false)));
        }
        // It may have been promoted between the two.
        Ok(found(&self.flows, maps::FLOWS)?.map(|record| (record, true)))
    }

    fn fragment(&self, key: &FragmentKey) -> Result<Option<FragmentEntry>, SwitchError> {
        value(&self.fragments, maps::FRAGMENTS, &Plain(*key)).map(plain)
    }

    fn now_ns(&self) -> u64 {
        monotonic_ns()
    }
}

fn plain<V>(found: Option<Plain<V>>) -> Option<V> {
    found.map(|Plain(value)| value)
}

fn value<T: Borrow<MapData>, K: Pod, V: Pod>(
    map: &HashMap<T, K, V>,
    name: &'static str,
    key: &K,
) -> Result<Option<V>, SwitchError> {
    present(map.get(key, 0), name)
}

fn item<T: Borrow<MapData>, V: Pod>(
    map: &Array<T, V>,
    name: &'static str,
    index: u32,
) -> Result<Option<V>, SwitchError> {
    present(map.get(&index, 0), name)
}

fn present<V>(found: Result<V, MapError>, name: &'static str) -> Result<Option<V>, SwitchError> {
    match found {
        Ok(value) => Ok(Some(value)),
        Err(MapError::KeyNotFound | MapError::OutOfBounds { .. }) => Ok(None),
        Err(source) => Err(failed(name, "read")(source)),
    }
}

pub(crate) fn failed(map: &'static str, action: &'static str) -> impl Fn(MapError) -> SwitchError {
    move |source| SwitchError::Map { map, action, source }
}

/// The clock by which programs stamp flow records.
#[must_use]
pub fn monotonic_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: fills the structure that it is given.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut time) };
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

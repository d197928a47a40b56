//! The maps of a running host, for reading alone.

use std::{
    borrow::Borrow,
    path::{Path, PathBuf},
};

use aya::maps::{HashMap, Map, MapData, MapError};
use dnlb_abi::{ABI_VERSION, FlowKey, FlowRecord, maps};

use crate::{Plain, Switch, SwitchError};

/// Maps that programs and an agent are using at the same time.
///
/// Reading takes no lock that a program waits for, and does not count as use where the kernel remembers that (the
/// half-open flows). What is read may be gone a moment later.
///
/// `T` is how the maps are held: opened from their pins, or borrowed from a [`Switch`].
pub struct LiveMaps<T: Borrow<MapData> = MapData> {
    flows: HashMap<T, Plain<FlowKey>, Plain<FlowRecord>>,
    flows_half_open: HashMap<T, Plain<FlowKey>, Plain<FlowRecord>>,
}

/// Opens all maps, `$source` being a function from a name to what aya makes typed maps of.
macro_rules! open {
    ($source:expr) => {{
        let source = $source;
        let opened = |name| move |source| SwitchError::Map { map: name, action: "opened", source };
        LiveMaps {
            flows: source(maps::FLOWS)?.try_into().map_err(opened(maps::FLOWS))?,
            flows_half_open: source(maps::FLOWS_HALF_OPEN)?
                .try_into()
                .map_err(opened(maps::FLOWS_HALF_OPEN))?,
        }
    }};
}

impl LiveMaps {
    /// Opens the maps that [`Switch::open`] pinned below `pin_dir`.
    ///
    /// # Errors
    /// [`SwitchError::NotPinned`], or that this user may not open them.
    pub fn open(pin_dir: &Path) -> Result<Self, SwitchError> {
        let dir = map_dir(pin_dir);
        if !dir.join(maps::SETTINGS).try_exists().unwrap_or(true) {
            return Err(SwitchError::NotPinned { path: dir });
        }
        let pinned = |name| {
            MapData::from_pin(dir.join(name))
                .and_then(Map::from_map_data)
                .map_err(|source| SwitchError::Map { map: name, action: "opened", source })
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
        Err(source) => Err(SwitchError::Map { map: name, action: "read", source }),
    })
}

fn capacity<T: Borrow<MapData>, K: aya::Pod, V: aya::Pod>(map: &HashMap<T, K, V>) -> Result<usize, MapError> {
    use aya::maps::IterableMap;
    Ok(map.map().info()?.max_entries() as usize)
}

/// The clock by which programs stamp flow records.
#[must_use]
pub fn monotonic_ns() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: fills the structure that it is given.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC_COARSE, &raw mut time) };
    u64::try_from(time.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec).unwrap_or(0)
}

/// Where maps are pinned: the version of their layout is part of the path.
pub(crate) fn map_dir(pin_dir: &Path) -> PathBuf {
    pin_dir.join(format!("maps-v{ABI_VERSION}"))
}

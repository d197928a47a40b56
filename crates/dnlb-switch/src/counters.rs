//! The counters of a running host.

use std::path::Path;

use aya::maps::{MapData, PerCpuArray};
use dnlb_abi::{Counter, Outcome, maps};

use crate::{Events, LostEvents, Plain, SwitchError, events::pinned, live::failed};

/// Counters that programs move while they are read.
pub struct LiveCounters {
    outcomes: PerCpuArray<MapData, Plain<Counter>>,
    services: PerCpuArray<MapData, Plain<Counter>>,
    events: Events,
}

impl LiveCounters {
    /// Opens the counters that [`crate::Switch::open`] pinned below `pin_dir`.
    ///
    /// # Errors
    /// [`SwitchError::NotPinned`], or that this user may not open them.
    pub fn open(pin_dir: &Path) -> Result<Self, SwitchError> {
        let open = |name| pinned(pin_dir, name)?.try_into().map_err(failed(name, "opened"));
        Ok(Self {
            outcomes: open(maps::OUTCOMES)?,
            services: open(maps::SERVICE_COUNTERS)?,
            events: Events::open(pin_dir)?,
        })
    }

    /// Every outcome's counter, in the order of their numbers, summed over the CPUs.
    ///
    /// # Errors
    /// [`SwitchError::Map`].
    pub fn outcomes(&self) -> Result<Vec<(Outcome, Counter)>, SwitchError> {
        let counter =
            |&outcome: &Outcome| Ok((outcome, sum(&self.outcomes, maps::OUTCOMES, outcome as u32)?));
        Outcome::ALL.iter().map(counter).collect()
    }

    /// What this host has seen of a service: as balancer, as the servers' host, or both.
    ///
    /// # Errors
    /// [`SwitchError::Map`], also for numbers beyond the map's end.
    pub fn service(&self, number: u32) -> Result<Counter, SwitchError> {
        sum(&self.services, maps::SERVICE_COUNTERS, number)
    }

    /// Events that were lost.
    ///
    /// # Errors
    /// [`SwitchError::Map`].
    pub fn lost(&self) -> Result<LostEvents, SwitchError> {
        self.events.lost()
    }
}

fn sum(
    counters: &PerCpuArray<MapData, Plain<Counter>>,
    name: &'static str,
    index: u32,
) -> Result<Counter, SwitchError> {
    let values = counters.get(&index, 0).map_err(failed(name, "read"))?;
    Ok(values.iter().fold(Counter::default(), |total, Plain(counter)| Counter {
        packets: total.packets + counter.packets,
        bytes: total.bytes + counter.bytes,
    }))
}

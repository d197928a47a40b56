//! Times of the kernel's monotonic clock for people.

use std::time::{SystemTime, UNIX_EPOCH};

use dnlb_api::time;
use nix::time::{ClockId, clock_gettime};

/// Where the wall clock is, seen from the monotonic one.
///
/// # Invariants
/// Times of one host sort as they came, whatever is done to its wall clock: it is looked at once. Those of several hosts
/// sort as well as their wall clocks agree.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    wall_ns: u64,
    monotonic_ns: u64,
}

impl Clock {
    /// Looks at both.
    pub(crate) fn now() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { wall_ns: u64::try_from(wall.as_nanos()).unwrap_or(u64::MAX), monotonic_ns: monotonic_ns() }
    }

    /// A monotonic time as a wall time, such as `2026-11-25T20:00:00.123456789Z`.
    pub(crate) fn wall(&self, monotonic_ns: u64) -> String {
        let ns = (self.wall_ns + monotonic_ns).saturating_sub(self.monotonic_ns);
        let (seconds, rest) = (ns / 1_000_000_000, ns % 1_000_000_000);
        format!("{}.{rest:09}Z", time::iso(seconds).trim_end_matches('Z'))
    }

    /// The present time, likewise.
    pub(crate) fn wall_now(&self) -> String {
        self.wall(monotonic_ns())
    }
}

/// The clock by which programs stamp events.
pub(crate) fn monotonic_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |time| {
        u64::try_from(time.tv_sec()).unwrap_or(0) * 1_000_000_000 + u64::try_from(time.tv_nsec()).unwrap_or(0)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_sort_as_they_came() {
        let clock = Clock { wall_ns: 1_000_000_000 * 86_400, monotonic_ns: 5_000_000_000 };
        assert_eq!(clock.wall(5_000_000_001), "1970-01-02T00:00:00.000000001Z");
        assert_eq!(clock.wall(4_999_999_999), "1970-01-01T23:59:59.999999999Z");
        assert!(clock.wall(6_000_000_000) < clock.wall(15_000_000_000));
    }
}

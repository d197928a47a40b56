//! Ages flow records.

use std::{collections::BTreeMap, time::Duration};

use aya::maps::{HashMap, IterableMap};
use dnlb_abi::{FlowKey, FlowRecord, maps};
use zerocopy::FromBytes;

use crate::{
    Plain, Switch, SwitchError,
    error::raw_failed,
    load::map_data,
    raw::{RawMap, invalid},
    take::take,
};

/// How long records live after their last packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiryRules {
    /// Established flows by listeners that say so: service number -> time.
    pub services: BTreeMap<u32, Duration>,
    /// Other established TCP flows.
    pub tcp: Duration,
    /// Other established flows, which no FIN ends.
    pub datagrams: Duration,
    /// Flows that were closed or reset: as long as a late packet may still travel (RFC 9293: two segment lifetimes).
    pub closed: Duration,
}

impl Default for ExpiryRules {
    fn default() -> Self {
        Self {
            services: BTreeMap::new(),
            tcp: Duration::from_secs(1800),
            datagrams: Duration::from_secs(300),
            closed: Duration::from_secs(10),
        }
    }
}

/// What becomes of an established record in a round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aged {
    /// It stays.
    Living,
    /// It was removed; this is how it was last.
    Removed,
}

impl ExpiryRules {
    /// Whether a record has had its time at `now_ns` of the kernel's monotonic clock.
    #[must_use]
    pub fn expires(&self, key: &FlowKey, record: &FlowRecord, now_ns: u64) -> bool {
        const TCP: u32 = 6;
        const FINS: u32 = FlowRecord::FLAG_FIN_IN | FlowRecord::FLAG_FIN_OUT;
        // A drained one is still to be told to its instance.
        let reset =
            record.flags & (FlowRecord::FLAG_RESET | FlowRecord::FLAG_DRAINED) == FlowRecord::FLAG_RESET;
        let closed = reset || record.flags & FINS == FINS;
        let usual = if key.protocol == TCP { self.tcp } else { self.datagrams };
        let idle = self.services.get(&record.service).copied().unwrap_or(usual);
        let limit = if closed { self.closed } else { idle };
        u128::from(now_ns.saturating_sub(record.last_used_ns)) > limit.as_nanos()
    }
}

impl Switch {
    /// Removes established records whose time is over; half-open ones push each other out. `each` hears once of every record that
    /// was there all the time.
    ///
    /// # Errors
    /// [`SwitchError::Map`].
    pub fn age_flows(
        &mut self,
        now_ns: u64,
        rules: &ExpiryRules,
        mut each: impl FnMut(&FlowKey, &FlowRecord, Aged),
    ) -> Result<(), SwitchError> {
        let expired = self.find_expired(now_ns, rules, |key, record| each(key, record, Aged::Living))?;
        self.remove_expired(&expired, now_ns, rules, each)
    }

    /// The keys of established records whose time is over. `living` hears of the others.
    ///
    /// # Errors
    /// [`SwitchError::Map`].
    pub fn find_expired(
        &self,
        now_ns: u64,
        rules: &ExpiryRules,
        mut living: impl FnMut(&FlowKey, &FlowRecord),
    ) -> Result<Vec<FlowKey>, SwitchError> {
        let failed = raw_failed(maps::FLOWS, "read");
        let mut expired = Vec::new();
        let flows = RawMap::new(map_data(&self.ebpf, maps::FLOWS)?).map_err(failed)?;
        flows
            .for_each(|key, record| {
                let key = FlowKey::read_from_bytes(key).map_err(|_| invalid())?;
                let record = FlowRecord::read_from_bytes(record).map_err(|_| invalid())?;
                if rules.expires(&key, &record, now_ns) {
                    expired.push(key);
                } else {
                    living(&key, &record);
                }
                Ok(())
            })
            .map_err(failed)?;
        Ok(expired)
    }

    /// Removes those of `expired` whose time still is over. `each` hears what became of those that are still there.
    ///
    /// A client may have opened a new connection with the old one's port since they were looked at, and may do so at
    /// any moment: a record that turns out to be a new one is put back.
    ///
    /// # Errors
    /// [`SwitchError::Map`].
    pub fn remove_expired(
        &mut self,
        expired: &[FlowKey],
        now_ns: u64,
        rules: &ExpiryRules,
        mut each: impl FnMut(&FlowKey, &FlowRecord, Aged),
    ) -> Result<(), SwitchError> {
        let mut flows = self.established_flows()?;
        for key in expired {
            let Ok(Plain(record)) = flows.get(&Plain(*key), 0) else { continue };
            if !rules.expires(key, &record, now_ns) {
                each(key, &record, Aged::Living);
                continue;
            }
            let map: &aya::maps::MapData = flows.map();
            let taken = take::<_, FlowRecord>(map, key).map_err(raw_failed(maps::FLOWS, "pruned"))?;
            match taken {
                Some(record) if !rules.expires(key, &record, now_ns) => {
                    const NOEXIST: u64 = 1;
                    // One that is there already is newer still.
                    let _ = flows.insert(Plain(*key), Plain(record), NOEXIST);
                    each(key, &record, Aged::Living);
                }
                Some(record) => each(key, &record, Aged::Removed),
                None => {}
            }
        }
        Ok(())
    }

    fn established_flows(
        &mut self,
    ) -> Result<HashMap<&mut aya::maps::MapData, Plain<FlowKey>, Plain<FlowRecord>>, SwitchError> {
        const NAME: &str = maps::FLOWS;
        let map = self.ebpf.map_mut(NAME).ok_or(SwitchError::Missing { kind: "map", name: NAME })?;
        HashMap::try_from(map).map_err(|source| SwitchError::Map { map: NAME, action: "opened", source })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TCP: FlowKey = FlowKey { peer: [0; 16], instance: 1, ports: 0, protocol: 6 };

    #[test]
    fn closed_flows_go_sooner_than_idle_ones() {
        let rules = ExpiryRules::default();
        let second = 1_000_000_000;
        let open = FlowRecord { last_used_ns: second, ..FlowRecord::default() };
        let closed = FlowRecord { flags: FlowRecord::FLAG_FIN_IN | FlowRecord::FLAG_FIN_OUT, ..open };
        let half_closed = FlowRecord { flags: FlowRecord::FLAG_FIN_IN, ..open };
        assert!(!rules.expires(&TCP, &open, 1801 * second) && rules.expires(&TCP, &open, 1802 * second));
        assert!(!rules.expires(&TCP, &half_closed, 1801 * second));
        let drained = FlowRecord { flags: FlowRecord::FLAG_DRAINED | FlowRecord::FLAG_RESET, ..open };
        let told = FlowRecord { flags: drained.flags | closed.flags, ..open };
        assert!(!rules.expires(&TCP, &drained, 1801 * second) && rules.expires(&TCP, &told, 12 * second));
        assert!(!rules.expires(&TCP, &closed, 11 * second) && rules.expires(&TCP, &closed, 12 * second));
        // A clock read before the record was used.
        assert!(!rules.expires(&TCP, &open, 0));
    }

    #[test]
    fn a_listener_may_have_its_own_time_and_datagrams_have_a_short_one() {
        let second = 1_000_000_000;
        let rules = ExpiryRules {
            services: BTreeMap::from([(7, Duration::from_secs(60))]),
            ..ExpiryRules::default()
        };
        let udp = FlowKey { protocol: 17, ..TCP };
        let record = FlowRecord { last_used_ns: second, ..FlowRecord::default() };
        let of_7 = FlowRecord { service: 7, ..record };
        for (key, record, seconds) in
            [(&TCP, &record, 1800), (&udp, &record, 300), (&TCP, &of_7, 60), (&udp, &of_7, 60)]
        {
            assert!(!rules.expires(key, record, (seconds + 1) * second));
            assert!(rules.expires(key, record, (seconds + 2) * second));
        }
    }
}

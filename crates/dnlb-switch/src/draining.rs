//! Ends the connections of those whose draining time is over.

use std::io;

use dnlb_abi::{FlowKey, FlowRecord, maps};
use zerocopy::{FromBytes, IntoBytes};

use crate::{
    Switch, SwitchError,
    error::raw_failed,
    load::map_data,
    raw::{EXIST, RawMap, invalid},
};

impl Switch {
    /// Marks the records that `ends` names, but those that are marked or over, as drained: the next packet of their instance
    /// becomes a reset. Returns how many.
    ///
    /// A record is replaced by a copy: what a packet notes in it in the same moment is lost. So `ends` must not name connections
    /// that go on.
    ///
    /// # Errors
    /// [`SwitchError::Map`].
    pub fn drain_flows(
        &mut self,
        now_ns: u64,
        ends: impl Fn(&FlowKey, &FlowRecord) -> bool,
    ) -> Result<u64, SwitchError> {
        [maps::FLOWS, maps::FLOWS_HALF_OPEN].into_iter().try_fold(0, |drained, map| {
            let data = map_data(&self.ebpf, map)?;
            let marked = RawMap::new(data).and_then(|flows| mark(&flows, now_ns, &ends));
            Ok(drained + marked.map_err(raw_failed(map, "marked"))?)
        })
    }
}

fn mark(flows: &RawMap<'_>, now_ns: u64, ends: impl Fn(&FlowKey, &FlowRecord) -> bool) -> io::Result<u64> {
    const OVER: u32 = FlowRecord::FLAG_DRAINED | FlowRecord::FLAG_RESET;
    let mut drained = 0;
    let mut now = vec![0; flows.value_len()];
    flows.for_each(|key_bytes, record_bytes| {
        let key = FlowKey::read_from_bytes(key_bytes).map_err(|_| invalid())?;
        let named = |record: &FlowRecord| record.flags & OVER == 0 && ends(&key, record);
        let seen = FlowRecord::read_from_bytes(record_bytes).map_err(|_| invalid())?;
        // Once more: thousands were read at a time, and its sockets may have made another connection since.
        if !named(&seen) || !flows.lookup(key_bytes, &mut now)? {
            return Ok(());
        }
        let mut record = FlowRecord::read_from_bytes(&now).map_err(|_| invalid())?;
        if named(&record) {
            record.flags |= FlowRecord::FLAG_DRAINED;
            record.last_used_ns = now_ns;
            // One that has gone in between stays away.
            drained += u64::from(flows.update(key_bytes, record.as_bytes(), EXIST)?);
        }
        Ok(())
    })?;
    Ok(drained)
}

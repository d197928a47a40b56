//! One version of the programs takes over from another, without a gap.
//!
//! While links are replaced one after another, programs of both versions are at work. Where both have the same maps that
//! means nothing. Maps of the configuration that differ are filled before the first link is replaced. Flow records are
//! the hard part, since programs make and change them: they are copied before the first link is replaced and again
//! after the last one, and in between both versions tell each other of every flow that they make ([`HandoverRecord`]).
//!
//! Nothing here depends on which version is the newer one, or on how far an attempt before this one came.
//!
//! [`HandoverRecord`]: dnlb_abi::HandoverRecord

use std::{io, thread, time::Duration};

use aya::maps::{Array, HashMap, IterableMap, MapData};
use dnlb_abi::{Counter, FlowKey, FlowRecord, HandoverKey, HandoverRecord, maps};
use zerocopy::{FromBytes, FromZeros, IntoBytes};

use crate::{
    Plain, Switch, SwitchError,
    error::raw_failed,
    groups::{Former, Group},
    layout::Conversion,
    load::map_data,
    raw::{NOEXIST, RawMap},
};

/// How long programs that ran when something was changed may still be running: they take microseconds.
const GRACE: Duration = Duration::from_millis(20);

/// What was taken over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TakenOver {
    /// Flow records that were written.
    pub flows: u64,
    /// Flow records that have no place here: a number is too large for its field, or the maps are full.
    pub left: u64,
}

/// Flow maps of another version, and how their records become ours.
pub(crate) struct FormerFlows {
    maps: [(MapData, Conversion, Conversion, bool); 2],
}

impl Former {
    /// Its flow maps.
    pub(crate) fn flows(&self) -> Result<FormerFlows, SwitchError> {
        let open = |name, established| {
            let (key, value) = self.conversions(name)?;
            Ok::<_, SwitchError>((self.open(name)?, key, value, established))
        };
        // Half-open ones first: one that is promoted meanwhile is found in the second map.
        Ok(FormerFlows { maps: [open(maps::FLOWS_HALF_OPEN, false)?, open(maps::FLOWS, true)?] })
    }
}

impl Switch {
    /// Whether there are maps of another version, or of other sizes, whose programs may still be attached.
    #[must_use]
    pub fn is_taking_over(&self) -> bool {
        !self.former.is_empty()
    }

    /// Carries over what this version's programs must know before the first of them is attached.
    ///
    /// # States
    /// After [`Switch::apply`] and before attaching; [`Switch::finish_taking_over`] follows when everything is attached.
    /// Doing it again is harmless, also for another version on the way back.
    ///
    /// # Errors
    /// [`SwitchError::Unreadable`] when the former maps have no place here; nothing has changed then.
    pub fn take_over(&mut self) -> Result<TakenOver, SwitchError> {
        let former = self.former.iter().filter(|former| former.group == Some(Group::Flows));
        let flows = former.map(Former::flows).collect::<Result<Vec<_>, _>>()?;
        if !flows.is_empty() {
            self.set_handing_over(1)?;
            // From then on every program says what it makes; what was made before is found below.
            thread::sleep(GRACE);
        }
        let taken = self.copy_flows(&flows)?;
        self.raise_counters(Group::Outcomes, maps::OUTCOMES)?;
        self.raise_counters(Group::Services, maps::SERVICE_COUNTERS)?;
        Ok(taken)
    }

    /// Carries over what the former programs did to the end, and removes their maps.
    ///
    /// # States
    /// After every link that is still there has got this version's program.
    ///
    /// # Errors
    /// [`SwitchError::Map`], [`SwitchError::Io`]; doing it again goes on.
    pub fn finish_taking_over(&mut self) -> Result<TakenOver, SwitchError> {
        let former = self.former.iter().filter(|former| former.group == Some(Group::Flows));
        let flows = former.map(Former::flows).collect::<Result<Vec<_>, _>>()?;
        if !flows.is_empty() {
            thread::sleep(GRACE);
        }
        let taken = self.copy_flows(&flows)?;
        if !flows.is_empty() {
            self.set_handing_over(0)?;
            thread::sleep(GRACE);
            self.clear_handover()?;
        }
        while let Some(former) = self.former.last() {
            former.remove()?;
            self.former.pop();
        }
        Ok(taken)
    }

    fn copy_flows(&self, flows: &[FormerFlows]) -> Result<TakenOver, SwitchError> {
        let own = OwnFlows {
            half_open: raw(map_data(&self.ebpf, maps::FLOWS_HALF_OPEN)?, maps::FLOWS_HALF_OPEN)?,
            established: raw(map_data(&self.ebpf, maps::FLOWS)?, maps::FLOWS)?,
        };
        let mut taken = TakenOver::default();
        for (map, key_conversion, record_conversion, established) in flows.iter().flat_map(|it| &it.maps) {
            let name = if *established { maps::FLOWS } else { maps::FLOWS_HALF_OPEN };
            raw(map, name)?
                .for_each(|key, record| {
                    let (mut own_key, mut own_record) = (FlowKey::new_zeroed(), FlowRecord::new_zeroed());
                    let fits = key_conversion.apply(key, own_key.as_mut_bytes())
                        && record_conversion.apply(record, own_record.as_mut_bytes());
                    match fits && own.merge(&own_key, &own_record, *established, &mut taken.flows)? {
                        true => {}
                        false => taken.left += 1,
                    }
                    Ok(())
                })
                .map_err(raw_failed(name, "carried over"))?;
        }
        Ok(taken)
    }

    /// Counters never go back: where a former map has counted more, this version goes on from there.
    fn raise_counters(&self, group: Group, name: &'static str) -> Result<(), SwitchError> {
        let failed = raw_failed(name, "carried over");
        for former in self.former.iter().filter(|former| former.group == Some(group)) {
            let (_, conversion) = former.conversions(name)?;
            let former_map = former.open(name)?;
            let (theirs, own) = (raw(&former_map, name)?, raw(map_data(&self.ebpf, name)?, name)?);
            let (mut their_values, mut own_values) = (vec![0; theirs.value_len()], vec![0; own.value_len()]);
            let cpus = own_values.len() / size_of::<Counter>();
            let stride = their_values.len() / cpus.max(1);
            for index in 0_u32.. {
                let key = index.to_ne_bytes();
                if !(theirs.lookup(&key, &mut their_values).map_err(&failed)?
                    && own.lookup(&key, &mut own_values).map_err(&failed)?)
                {
                    break;
                }
                let (mut total, mut one) = (Counter::default(), Counter::default());
                for value in their_values.chunks_exact(stride) {
                    if conversion.apply(value, one.as_mut_bytes()) {
                        total.packets += one.packets;
                        total.bytes += one.bytes;
                    }
                }
                let counters = own_values.chunks_exact(size_of::<Counter>());
                let own_packets: u64 = counters
                    .filter_map(|value| Counter::read_from_bytes(value).ok())
                    .map(|counter| counter.packets)
                    .sum();
                if total.packets > own_packets {
                    own_values.fill(0);
                    own_values[..size_of::<Counter>()].copy_from_slice(total.as_bytes());
                    own.update(&key, &own_values, 0).map_err(&failed)?;
                }
            }
        }
        Ok(())
    }

    fn set_handing_over(&mut self, value: u32) -> Result<(), SwitchError> {
        const NAME: &str = maps::HANDING_OVER;
        let failed = |source| SwitchError::Map { map: NAME, action: "written", source };
        let map = self.ebpf.map_mut(NAME).ok_or(SwitchError::Missing { kind: "map", name: NAME })?;
        Array::<_, u32>::try_from(map).and_then(|mut array| array.set(0, value, 0)).map_err(failed)
    }

    fn clear_handover(&mut self) -> Result<(), SwitchError> {
        const NAME: &str = maps::HANDOVER;
        let failed = |source| SwitchError::Map { map: NAME, action: "cleared", source };
        let map = self.ebpf.map_mut(NAME).ok_or(SwitchError::Missing { kind: "map", name: NAME })?;
        let hash = HashMap::<_, Plain<HandoverKey>, Plain<HandoverRecord>>::try_from(map).map_err(failed)?;
        let map = raw(hash.map(), NAME)?;
        let mut keys = Vec::new();
        map.for_each(|key, _| {
            keys.push(key.to_vec());
            Ok(())
        })
        .and_then(|()| keys.iter().try_for_each(|key| map.delete(key).map(drop)))
        .map_err(raw_failed(NAME, "cleared"))
    }
}

/// This version's flow maps.
struct OwnFlows<'m> {
    half_open: RawMap<'m>,
    established: RawMap<'m>,
}

impl OwnFlows<'_> {
    /// Takes a former record over unless the one here is as new. False: there was no room.
    fn merge(
        &self,
        key: &FlowKey,
        former: &FlowRecord,
        former_established: bool,
        written: &mut u64,
    ) -> io::Result<bool> {
        let own = self.find(key)?;
        let Some(established) =
            place((former, former_established), own.as_ref().map(|(it, place)| (it, *place)))
        else {
            return Ok(true);
        };
        let put = |map: &RawMap<'_>| {
            // One that a program has made just now is newer.
            let flags = if own.is_none() { NOEXIST } else { 0 };
            match map.update(key.as_bytes(), former.as_bytes(), flags) {
                Err(error) if matches!(error.raw_os_error(), Some(libc::E2BIG | libc::ENOMEM)) => Ok(false),
                other => other.map(|_| true),
            }
        };
        if established && put(&self.established)? {
            *written += 1;
            // Programs look among the established ones first, so there is no moment without a record.
            self.half_open.delete(key.as_bytes())?;
            return Ok(true);
        }
        if !put(&self.half_open)? {
            return Ok(false);
        }
        *written += 1;
        self.established.delete(key.as_bytes())?;
        Ok(true)
    }

    fn find(&self, key: &FlowKey) -> io::Result<Option<(FlowRecord, bool)>> {
        let mut record = FlowRecord::new_zeroed();
        for (map, established) in [(&self.established, true), (&self.half_open, false)] {
            if map.lookup(key.as_bytes(), record.as_mut_bytes())? {
                return Ok(Some((record, established)));
            }
        }
        Ok(None)
    }
}

/// Whether a former record is to be taken over, given the one that is here, and then whether as an established one.
/// Records come with whether they are established.
///
/// The newer one is right: each version notes only the packets that its own programs see.
fn place(former: (&FlowRecord, bool), own: Option<(&FlowRecord, bool)>) -> Option<bool> {
    const FINS: u32 = FlowRecord::FLAG_FIN_IN | FlowRecord::FLAG_FIN_OUT;
    let Some((own, own_established)) = own else { return Some(former.1) };
    let (former, former_established) = former;
    let tells_more = former.flags & !own.flags != 0 && own.flags & !former.flags == 0;
    // The last packets of a flow are noted without a time.
    let newer = former.last_used_ns > own.last_used_ns
        || (former.last_used_ns == own.last_used_ns
            && (tells_more || (former_established && !own_established)));
    if !newer {
        return None;
    }
    let own_over = own.flags & FlowRecord::FLAG_RESET != 0 || own.flags & FINS == FINS;
    let same = (own.original_addr, own.original_port) == (former.original_addr, former.original_port);
    Some(former_established || (own_established && same && !own_over))
}

fn raw<'m>(map: &'m MapData, name: &'static str) -> Result<RawMap<'m>, SwitchError> {
    RawMap::new(map).map_err(raw_failed(name, "opened"))
}

#[cfg(test)]
mod tests;

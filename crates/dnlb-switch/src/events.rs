//! What programs tell of packets and flows, and asking them to.

use std::{borrow::Borrow, io, os::fd::AsRawFd, path::Path, time::Duration};

use aya::maps::{Array, Map, MapData, PerCpuArray, RingBuf};
use dnlb_abi::{FlowEvent, StepEvent, TraceControl, lost, maps};
use zerocopy::FromBytes;

use crate::{Capacities, Plain, Switch, SwitchError, groups::Folders, live::failed};

/// Something that a program told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A flow was established, or its record made room.
    Flow(FlowEvent),
    /// A program has done with a packet.
    Step(StepEvent),
}

impl Event {
    /// Reads an element of the ring buffer; nothing when its kind is not known.
    fn parse(bytes: &[u8]) -> Option<Self> {
        match u32::from_ne_bytes(bytes.get(..4)?.try_into().ok()?) {
            StepEvent::KIND => Some(Self::Step(StepEvent::read_from_bytes(bytes).ok()?)),
            FlowEvent::ESTABLISHED | FlowEvent::REPLACED => {
                Some(Self::Flow(FlowEvent::read_from_bytes(bytes).ok()?))
            }
            _ => None,
        }
    }
}

/// Events for which the ring buffer had no room, since the maps were made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LostEvents {
    /// Steps of packets.
    pub steps: u64,
    /// Flows.
    pub flows: u64,
}

/// The events of a host.
///
/// # Invariants
/// Whoever takes an event takes it from everybody else: there is one reader, the agent.
pub struct Events<T: Borrow<MapData> = MapData> {
    ring: RingBuf<T>,
    lost: PerCpuArray<T, u64>,
}

impl Events {
    /// Opens the events of the maps that [`Switch::open`] pinned below `pin_dir`.
    ///
    /// # Errors
    /// [`SwitchError::NotPinned`], [`SwitchError::Map`].
    pub fn open(pin_dir: &Path) -> Result<Self, SwitchError> {
        Ok(Self {
            ring: pinned(pin_dir, maps::EVENTS)?.try_into().map_err(failed(maps::EVENTS, "opened"))?,
            lost: pinned(pin_dir, maps::EVENTS_LOST)?
                .try_into()
                .map_err(failed(maps::EVENTS_LOST, "opened"))?,
        })
    }
}

impl<T: Borrow<MapData>> Events<T> {
    /// The next event; nothing for now.
    pub fn next_event(&mut self) -> Option<Event> {
        loop {
            // What a newer program tells is not for us.
            if let Some(event) = Event::parse(&self.ring.next()?) {
                return Some(event);
            }
        }
    }

    /// Waits until there are events, but no longer than `most`; whether there are.
    ///
    /// # Errors
    /// [`SwitchError::Io`].
    pub fn wait(&self, most: Duration) -> Result<bool, SwitchError> {
        let mut poll = libc::pollfd { fd: self.ring.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        let milliseconds = libc::c_int::try_from(most.as_millis()).unwrap_or(libc::c_int::MAX);
        // SAFETY: one structure, which the kernel reads and writes during the call.
        match unsafe { libc::poll(&raw mut poll, 1, milliseconds) } {
            -1 => match io::Error::last_os_error() {
                source if source.kind() == io::ErrorKind::Interrupted => Ok(false),
                source => Err(SwitchError::Io { what: "waiting for events".to_owned(), source }),
            },
            ready => Ok(ready > 0),
        }
    }

    /// How many events there was no room for.
    ///
    /// # Errors
    /// [`SwitchError::Map`].
    pub fn lost(&self) -> Result<LostEvents, SwitchError> {
        let sum = |index| {
            let values = self.lost.get(&index, 0).map_err(failed(maps::EVENTS_LOST, "read"))?;
            Ok(values.iter().sum())
        };
        Ok(LostEvents { steps: sum(lost::STEPS)?, flows: sum(lost::FLOWS)? })
    }
}

/// What the programs of a host are asked to tell.
pub struct Traces {
    map: Array<MapData, Plain<TraceControl>>,
}

impl Traces {
    /// Opens that of the maps that [`Switch::open`] pinned below `pin_dir`.
    ///
    /// # Errors
    /// [`SwitchError::NotPinned`], [`SwitchError::Map`].
    pub fn open(pin_dir: &Path) -> Result<Self, SwitchError> {
        let map = pinned(pin_dir, maps::TRACES)?.try_into().map_err(failed(maps::TRACES, "opened"))?;
        Ok(Self { map })
    }

    /// What they are asked at present.
    ///
    /// # Errors
    /// [`SwitchError::Map`].
    pub fn asked(&self) -> Result<TraceControl, SwitchError> {
        let Plain(control) = self.map.get(&0, 0).map_err(failed(maps::TRACES, "read"))?;
        Ok(control)
    }

    /// Asks for this and nothing else.
    ///
    /// # Errors
    /// [`SwitchError::Map`].
    pub fn ask(&mut self, control: &TraceControl) -> Result<(), SwitchError> {
        self.map.set(0, Plain(*control), 0).map_err(failed(maps::TRACES, "written"))
    }
}

impl Switch {
    /// The events of this switch.
    ///
    /// # Errors
    /// [`SwitchError::Missing`].
    pub fn events(&self) -> Result<Events<&MapData>, SwitchError> {
        let held = |name| self.ebpf.map(name).ok_or(SwitchError::Missing { kind: "map", name });
        Ok(Events {
            ring: held(maps::EVENTS)?.try_into().map_err(failed(maps::EVENTS, "opened"))?,
            lost: held(maps::EVENTS_LOST)?.try_into().map_err(failed(maps::EVENTS_LOST, "opened"))?,
        })
    }

    /// Asks this switch's programs for this and nothing else.
    ///
    /// # Errors
    /// [`SwitchError::Missing`], [`SwitchError::Map`].
    pub fn ask(&mut self, control: &TraceControl) -> Result<(), SwitchError> {
        const NAME: &str = maps::TRACES;
        let map = self.ebpf.map_mut(NAME).ok_or(SwitchError::Missing { kind: "map", name: NAME })?;
        let mut map = Array::<_, Plain<TraceControl>>::try_from(map).map_err(failed(NAME, "opened"))?;
        map.set(0, Plain(*control), 0).map_err(failed(NAME, "written"))
    }
}

/// A pinned map of this version, with the usual sizes.
pub(crate) fn pinned(pin_dir: &Path, name: &'static str) -> Result<Map, SwitchError> {
    let path = Folders::locate(pin_dir, &Capacities::default()).map(name);
    if !path.try_exists().unwrap_or(true) {
        return Err(SwitchError::NotPinned { path });
    }
    MapData::from_pin(path).and_then(Map::from_map_data).map_err(failed(name, "opened"))
}

#[cfg(test)]
mod tests {
    use zerocopy::IntoBytes;

    use super::*;

    #[test]
    fn only_whole_events_of_known_kinds_are_read() {
        let step = StepEvent { kind: StepEvent::KIND, outcome: 7, ..StepEvent::default() };
        let flow = FlowEvent { kind: FlowEvent::REPLACED, time_ns: 3, ..FlowEvent::default() };
        assert_eq!(Event::parse(step.as_bytes()), Some(Event::Step(step)));
        assert_eq!(Event::parse(flow.as_bytes()), Some(Event::Flow(flow)));
        assert_eq!(Event::parse(&step.as_bytes()[..100]), None);
        assert_eq!(Event::parse(StepEvent { kind: 9, ..step }.as_bytes()), None);
        assert_eq!(Event::parse(&[1, 0]), None);
    }
}

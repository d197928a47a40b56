//! Takes what programs tell of packets and flows: runs traces, and keeps the log of flows.
//!
//! The agent is the one reader of a host's events, so that any number of those who ask can share them.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
    path::Path,
    sync::Arc,
    time::Duration,
};

use dnlb_abi::{FlowKey, FlowRecord, Outcome, TRACE_SLOTS, TraceControl, TraceEnd, TraceFilter, v4_mapped};
use dnlb_explain::trace::{self, TraceNames};
use dnlb_model::{HostConfig, TraceEndpoint, TraceQuery};
use dnlb_proto::{ConfigReceiver, Reporter, TraceReport, TracesReceiver, WantedTrace};
use dnlb_switch::{Event, Events, LiveMaps, LostEvents, SwitchError, Traces};
use ipnet::IpNet;
use serde_json::{Value, json};
use tokio::{
    sync::mpsc::{self, error::TrySendError},
    time::{Instant, MissedTickBehavior, interval},
};

use crate::{
    clock::{Clock, monotonic_ns},
    flow_log::FlowLog,
    run_dir::RunDir,
    trace_socket,
};

/// Events that are taken before anything else has its turn.
const BATCH: usize = 4096;
/// How often it is looked whether a trace is over.
const TICK: Duration = Duration::from_millis(250);
/// Lines that may wait for somebody who reads slowly.
pub(crate) const LINES_WAITING: usize = 4096;

/// Flows whose records were removed.
pub(crate) type ClosedFlows = Vec<(FlowKey, FlowRecord)>;

/// Somebody on this host who wants a trace.
pub(crate) struct LocalTrace {
    pub(crate) query: TraceQuery,
    /// Where its lines go: objects with one member, `step`, `lost`, `end` or `error`.
    pub(crate) lines: mpsc::Sender<Value>,
}

/// What it works with.
pub(crate) struct TellerOptions {
    pub(crate) host: String,
    pub(crate) flows_one_in: u32,
    pub(crate) configs: ConfigReceiver,
    pub(crate) wanted: TracesReceiver,
    pub(crate) reporter: Reporter,
    pub(crate) closed_flows: mpsc::UnboundedReceiver<ClosedFlows>,
}

/// Reads a host's events.
pub(crate) struct Teller {
    options: TellerOptions,
    told: mpsc::Receiver<Told>,
    traces: Traces,
    control: TraceControl,
    slots: [Option<Running>; TRACE_SLOTS],
    /// Traces of the server that are over here, though it still names them.
    over: BTreeSet<u64>,
    log: FlowLog,
    names: Names,
    maps: LiveMaps,
    clock: Clock,
    lost: LostEvents,
}

/// What was read at once.
struct Told {
    events: Vec<Event>,
    lost: LostEvents,
}

/// A trace that runs.
struct Running {
    sink: Sink,
    /// It ends after so many steps more.
    left: u32,
    until: Instant,
    /// Steps that were lost before it began.
    lost_before: u64,
    /// Steps that found no room on the way to who wants them.
    lost_after: u64,
    /// How many were said to be lost.
    lost_said: u64,
}

enum Sink {
    Local(mpsc::Sender<Value>),
    Server(u64),
}

impl Teller {
    /// Opens the events of the maps that the switch has pinned.
    pub(crate) fn open(run_dir: &RunDir, options: TellerOptions) -> anyhow::Result<Self> {
        let events = Events::open(&run_dir.bpf())?;
        let lost = events.lost()?;
        let (telling, told) = mpsc::channel(4);
        let mut traces = Traces::open(&run_dir.bpf())?;
        // Whatever a former agent asked for is nobody's any more.
        let control = TraceControl { flows_one_in: options.flows_one_in, ..TraceControl::default() };
        traces.ask(&control)?;
        std::thread::Builder::new().name("events".to_owned()).spawn(move || read(events, &telling))?;
        Ok(Self {
            log: FlowLog::new(run_dir.flow_log(), options.flows_one_in),
            options,
            told,
            traces,
            control,
            slots: [const { None }; TRACE_SLOTS],
            over: BTreeSet::new(),
            names: Names::default(),
            maps: LiveMaps::open(&run_dir.bpf())?,
            clock: Clock::now(),
            lost,
        })
    }

    /// Asks the programs of a directory's maps for nothing any more.
    pub(crate) fn silence(bpf: &Path) -> anyhow::Result<()> {
        Ok(Traces::open(bpf)?.ask(&TraceControl::default())?)
    }

    /// Runs until it is dropped.
    pub(crate) async fn run(mut self, run_dir: RunDir) {
        let (asking, mut asked) = mpsc::channel(TRACE_SLOTS);
        let socket = trace_socket::serve(run_dir.trace_socket(), asking);
        let mut socket = std::pin::pin!(socket);
        let mut ticks = interval(TICK);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        self.rename();
        loop {
            tokio::select! {
                told = self.told.recv() => match told {
                    Some(told) => self.on_told(told),
                    None => return,
                },
                error = &mut socket => {
                    tracing::error!(error = format!("{error:#}"), "nobody on this host can trace");
                    // Everything else goes on.
                    std::future::pending::<()>().await;
                }
                Some(LocalTrace { query, lines }) = asked.recv() => {
                    let remaining = Duration::from_secs(query.seconds.into());
                    if let Err(error) = self.start(&query, remaining, Sink::Local(lines.clone())) {
                        // Who has gone needs no answer.
                        let _ = lines.try_send(json!({"error": error}));
                    }
                }
                changed = self.options.wanted.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.on_wanted();
                }
                changed = self.options.configs.changed() => {
                    if changed.is_err() {
                        return;
                    }
                    self.rename();
                    self.on_wanted();
                }
                Some(closed) = self.options.closed_flows.recv() => {
                    for (key, record) in closed {
                        self.log.on_closed(&self.names, &self.clock, &key, &record);
                    }
                }
                _ = ticks.tick() => self.on_tick(),
            }
        }
    }

    fn rename(&mut self) {
        if let Some(config) = self.options.configs.borrow_and_update().as_ref() {
            self.names = Names::of(config);
        }
    }

    fn on_told(&mut self, Told { events, lost }: Told) {
        if lost.flows > self.lost.flows {
            self.log.on_lost(&self.clock, lost.flows - self.lost.flows);
        }
        self.lost = lost;
        let mut reports: BTreeMap<u64, Vec<String>> = BTreeMap::new();
        for event in events {
            let step = match event {
                Event::Flow(flow) => {
                    self.log.on_event(&self.names, &self.clock, &flow);
                    continue;
                }
                Event::Step(step) => step,
            };
            let time = self.clock.wall(step.time_ns);
            let mut item = trace::step(&self.names, &self.options.host, &time, &step);
            // Without it, the step itself is still true.
            if let Ok(Some(row)) = trace::row_of_flow(&self.maps, &step) {
                trace::add_row(&self.names, &mut item, &row);
            }
            for (slot, running) in self.slots.iter_mut().enumerate() {
                let Some(running) = running else { continue };
                if step.traces & 1 << slot == 0 || running.left == 0 {
                    continue;
                }
                running.left -= 1;
                match &running.sink {
                    Sink::Server(id) => reports.entry(*id).or_default().push(item.to_string()),
                    Sink::Local(lines) => {
                        if let Err(TrySendError::Full(_)) = lines.try_send(json!({"step": item})) {
                            running.lost_after += 1;
                        }
                    }
                }
            }
        }
        for (id, steps) in reports {
            let running =
                self.slots.iter().flatten().find(|it| matches!(it.sink, Sink::Server(of) if of == id));
            let lost = running.map_or(0, |running| running.lost(&self.lost));
            self.options.reporter.trace(TraceReport { id, steps, lost, ..TraceReport::default() });
        }
        if self.slots.iter().flatten().any(|running| running.left == 0) {
            self.end_those_that_are_over();
        }
    }

    fn on_tick(&mut self) {
        for running in self.slots.iter_mut().flatten() {
            let lost = running.lost(&self.lost);
            if lost == running.lost_said {
                continue;
            }
            running.lost_said = lost;
            match &running.sink {
                // Who is too slow hears of it later.
                Sink::Local(lines) => drop(lines.try_send(json!({"lost": lost}))),
                Sink::Server(id) => {
                    self.options.reporter.trace(TraceReport { id: *id, lost, ..TraceReport::default() });
                }
            }
        }
        self.end_those_that_are_over();
    }

    /// Makes the traces of the server those that it names.
    fn on_wanted(&mut self) {
        let wanted = self.options.wanted.borrow_and_update().clone();
        let names = |id: u64| wanted.iter().any(|trace| trace.id == id);
        self.over.retain(|id| names(*id));
        let mut running = BTreeSet::new();
        for slot in 0..TRACE_SLOTS {
            if let Some(Running { sink: Sink::Server(id), .. }) = self.slots[slot] {
                if names(id) {
                    running.insert(id);
                } else {
                    self.stop(slot);
                }
            }
        }
        for WantedTrace { id, query, remaining } in &wanted {
            // A listener that this host does not know has no packets here, until a configuration says otherwise.
            let elsewhere = query.host.as_ref().is_some_and(|host| *host != self.options.host)
                || query.listener.as_ref().is_some_and(|name| self.names.listener_called(name).is_none());
            if elsewhere || running.contains(id) || self.over.contains(id) {
                continue;
            }
            if let Err(error) = self.start(query, *remaining, Sink::Server(*id)) {
                self.over.insert(*id);
                let report = TraceReport { id: *id, ended: true, error, ..TraceReport::default() };
                self.options.reporter.trace(report);
            }
        }
    }

    fn start(&mut self, query: &TraceQuery, remaining: Duration, sink: Sink) -> Result<(), String> {
        let Some(slot) = self.slots.iter().position(Option::is_none) else {
            return Err(format!("{TRACE_SLOTS} traces run on this host already"));
        };
        let now = monotonic_ns();
        let filter = filter(query, &self.names, now, remaining)?;
        let mut control = self.control;
        control.filters[slot] = filter;
        control.active |= 1 << slot;
        self.traces.ask(&control).map_err(|error| error.to_string())?;
        self.control = control;
        self.slots[slot] = Some(Running {
            sink,
            left: query.count,
            until: Instant::now() + remaining,
            lost_before: self.lost.steps,
            lost_after: 0,
            lost_said: 0,
        });
        Ok(())
    }

    fn stop(&mut self, slot: usize) {
        self.slots[slot] = None;
        self.control.active &= !(1 << slot);
        self.control.filters[slot] = TraceFilter::default();
        if let Err(error) = self.traces.ask(&self.control) {
            // It has a deadline.
            tracing::warn!(%error, "cannot end a trace in the kernel");
        }
    }

    fn end_those_that_are_over(&mut self) {
        for slot in 0..TRACE_SLOTS {
            let Some(running) = &self.slots[slot] else { continue };
            let gone = matches!(&running.sink, Sink::Local(lines) if lines.is_closed());
            if running.left > 0 && Instant::now() < running.until && !gone {
                continue;
            }
            let lost = running.lost(&self.lost);
            match &running.sink {
                Sink::Local(lines) => {
                    let why = if running.left == 0 { "count" } else { "time" };
                    drop(lines.try_send(json!({"end": why, "lost": lost})));
                }
                Sink::Server(id) => {
                    self.over.insert(*id);
                    let report = TraceReport { id: *id, lost, ended: true, ..TraceReport::default() };
                    self.options.reporter.trace(report);
                }
            }
            self.stop(slot);
        }
    }
}

impl Running {
    /// Steps that it should have and has not.
    fn lost(&self, lost: &LostEvents) -> u64 {
        lost.steps.saturating_sub(self.lost_before) + self.lost_after
    }
}

/// Takes events for as long as somebody wants them. On a thread of its own, for it waits in the kernel.
fn read(mut events: Events, telling: &mpsc::Sender<Told>) {
    let mut round = || {
        events.wait(TICK)?;
        let taken = std::iter::from_fn(|| events.next_event()).take(BATCH).collect();
        Ok::<_, SwitchError>(Told { events: taken, lost: events.lost()? })
    };
    loop {
        match round() {
            Ok(told) => {
                // When it has to wait here, the kernel counts what it has no room for.
                if telling.blocking_send(told).is_err() {
                    return;
                }
            }
            Err(error) => {
                tracing::error!(error = crate::fleet::chain(&error), "cannot read events any more");
                return;
            }
        }
    }
}

/// What the kernel is asked for.
fn filter(
    query: &TraceQuery,
    names: &Names,
    now_ns: u64,
    remaining: Duration,
) -> Result<TraceFilter, String> {
    let end = |end: Option<TraceEndpoint>| match end {
        None => TraceEnd::default(),
        Some(TraceEndpoint { block: IpNet::V4(block), port }) => {
            TraceEnd::new(v4_mapped(block.addr().octets()), 96 + u32::from(block.prefix_len()), port)
        }
        Some(TraceEndpoint { block: IpNet::V6(block), port }) => {
            TraceEnd::new(block.addr().octets(), block.prefix_len().into(), port)
        }
    };
    let listener = |name: &String| {
        names.listener_called(name).ok_or_else(|| format!("this host knows no listener {name}"))
    };
    let nanoseconds = u64::try_from(remaining.as_nanos()).unwrap_or(u64::MAX);
    Ok(TraceFilter {
        deadline_ns: now_ns.saturating_add(nanoseconds),
        outcomes: query.outcome.as_deref().map_or(Ok(OURS), outcomes)?,
        from: end(query.from),
        to: end(query.to),
        vni: query.vni.unwrap_or(0),
        service: query.listener.as_ref().map(listener).transpose()?.unwrap_or(0),
        protocol: query.protocol.unwrap_or(0).into(),
        one_in: query.one_in,
    })
}

/// What a trace shows that wants no outcome in particular: all but what is the host's own. The messages by which agents tell of a trace
/// are such: each would be told of by others, without end.
const OURS: [u64; 2] = {
    let [first, rest] = TraceFilter::ANY_OUTCOME;
    [first & !(1 << Outcome::Passed as u32), rest]
};

/// The outcomes that a word means.
fn outcomes(word: &str) -> Result<[u64; 2], String> {
    let mut bits = [0; 2];
    for &outcome in Outcome::ALL {
        let name = outcome.name();
        if name == word || (word == TraceQuery::DROPS && name.starts_with("drop_")) {
            let at = outcome as usize;
            bits[at / 64] |= 1 << (at % 64);
        }
    }
    if bits == [0; 2] { Err(format!("there is no outcome `{word}`")) } else { Ok(bits) }
}

/// Names of everything that a host has to do with.
#[derive(Debug, Default)]
struct Names {
    instances: BTreeMap<u32, String>,
    listeners: BTreeMap<u32, String>,
    hosts: BTreeMap<IpAddr, String>,
}

impl Names {
    fn of(config: &Arc<HostConfig>) -> Self {
        let host = |(index, addr): (&u16, &IpAddr)| {
            Some((*addr, config.names.hosts.get(&u32::from(*index))?.clone()))
        };
        Self {
            instances: config.names.instances.clone(),
            listeners: config.names.listeners.clone(),
            hosts: config.hosts.iter().filter_map(host).collect(),
        }
    }

    /// The number of the listener that goes by this name.
    fn listener_called(&self, name: &str) -> Option<u32> {
        self.listeners.iter().find(|(_, known)| *known == name).map(|(number, _)| *number)
    }
}

impl TraceNames for Names {
    fn instance_id(&self, number: u32) -> Option<String> {
        self.instances.get(&number).cloned()
    }

    fn listener(&self, number: u32) -> Option<String> {
        self.listeners.get(&number).cloned()
    }

    fn host_at(&self, addr: IpAddr) -> Option<String> {
        self.hosts.get(&addr).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_becomes_what_the_kernel_compares() {
        let names = Names { listeners: [(3, "web/http".to_owned())].into(), ..Names::default() };
        let query = TraceQuery {
            from: Some(TraceEndpoint { block: "198.51.100.0/24".parse().unwrap(), port: None }),
            to: Some(TraceEndpoint { block: "2001:db8::1/128".parse().unwrap(), port: Some(80) }),
            protocol: Some(6),
            vni: Some(7),
            listener: Some("web/http".to_owned()),
            outcome: Some("delivered".to_owned()),
            one_in: 5,
            ..TraceQuery::default()
        };
        let wanted = TraceFilter {
            deadline_ns: 2_000_000_007,
            outcomes: [1 << Outcome::Delivered as u32, 0],
            from: TraceEnd::new(v4_mapped([198, 51, 100, 0]), 120, None),
            to: TraceEnd::new([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 128, Some(80)),
            vni: 7,
            service: 3,
            protocol: 6,
            one_in: 5,
        };
        assert_eq!(filter(&query, &names, 7, Duration::from_secs(2)), Ok(wanted));
        let all = filter(&TraceQuery::default(), &names, 0, Duration::from_secs(1)).unwrap();
        assert_eq!(
            (all.outcomes, all.from),
            ([!1, u64::MAX], TraceEnd::default()),
            "all but `passed`, which is 0"
        );
        let passed = TraceQuery { outcome: Some("passed".to_owned()), ..TraceQuery::default() };
        assert_eq!(filter(&passed, &names, 0, Duration::ZERO).unwrap().outcomes, [1, 0]);
        let unknown = TraceQuery { listener: Some("web".to_owned()), ..TraceQuery::default() };
        assert!(filter(&unknown, &names, 0, Duration::ZERO).unwrap_err().contains("no listener web"));
    }

    #[test]
    fn drop_means_every_drop_and_nothing_else() {
        let drops = outcomes("drop").unwrap();
        for &outcome in Outcome::ALL {
            let at = outcome as usize;
            let set = drops[at / 64] >> (at % 64) & 1 == 1;
            assert_eq!(set, outcome.name().starts_with("drop_"), "{}", outcome.name());
        }
        assert!(outcomes("dropped").is_err());
    }
}

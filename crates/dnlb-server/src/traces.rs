//! Traces over all hosts: agents are told which packets are wanted, and what they see is kept until it is asked for.
//!
//! In memory only. Everything is bounded: traces at once, packets of each, their time, and how long what nobody asks for is kept.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use dnlb_model::{HostId, TraceQuery};
use dnlb_proto::{TraceReport, WantedTrace};
use serde_json::Value;
use tokio::sync::watch;

/// Traces that may run at once: as many as a host can run.
const RUNNING_MAX: usize = 4;
/// Traces that are kept, running or not.
const KEPT_MAX: usize = 16;
/// How long a trace may run that nobody asks about: who began it has gone without a word.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a trace that is over is kept.
const KEPT: Duration = Duration::from_secs(120);
/// Most packets that one reply carries.
const REPLY_MAX: usize = 1000;

/// The traces of a region; clones share them.
#[derive(Clone, Debug)]
pub struct Traces {
    kept: Arc<Mutex<BTreeMap<u64, Kept>>>,
    wanted: Arc<watch::Sender<Vec<Wanted>>>,
}

/// Why no trace was begun: so many run already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{RUNNING_MAX} traces run already; end one, or wait until the time of one is over")]
pub struct TooMany;

/// What was seen since the last look.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Packets after those that were asked to be left out, in the order in which the server heard of them.
    pub steps: Vec<Value>,
    /// How many there were up to here: what to leave out next time.
    pub next: u64,
    /// Packets that should be among them and are not.
    pub lost: u64,
    /// Whether there will be no more.
    pub ended: bool,
    /// Hosts on which it could not run, and why.
    pub errors: BTreeMap<HostId, String>,
}

/// A trace that agents are to run.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    id: u64,
    query: TraceQuery,
    until: Instant,
}

#[derive(Debug)]
struct Kept {
    query: TraceQuery,
    until: Instant,
    /// When somebody last asked.
    looked: Instant,
    /// Steps that have not been taken yet.
    steps: Vec<Value>,
    /// How many were taken before those.
    taken: u64,
    lost: BTreeMap<HostId, u64>,
    errors: BTreeMap<HostId, String>,
    ended: bool,
}

impl Default for Traces {
    fn default() -> Self {
        Self { kept: Arc::default(), wanted: Arc::new(watch::channel(Vec::new()).0) }
    }
}

impl Traces {
    /// Begins a trace; returns its number.
    ///
    /// # Errors
    /// [`TooMany`].
    pub fn begin(&self, query: TraceQuery, now: Instant) -> Result<u64, TooMany> {
        let mut kept = self.kept(now);
        if kept.values().filter(|trace| !trace.ended).count() >= RUNNING_MAX {
            return Err(TooMany);
        }
        while kept.len() >= KEPT_MAX {
            let Some(oldest) = kept.iter().filter(|(_, it)| it.ended).min_by_key(|(_, it)| it.until) else {
                return Err(TooMany);
            };
            let id = *oldest.0;
            kept.remove(&id);
        }
        let id = loop {
            let id = rand::random();
            if !kept.contains_key(&id) {
                break id;
            }
        };
        let until = now + Duration::from_secs(query.seconds.into());
        let (steps, lost, errors) = (Vec::new(), BTreeMap::new(), BTreeMap::new());
        kept.insert(id, Kept { query, until, looked: now, steps, taken: 0, lost, errors, ended: false });
        self.publish(&kept);
        Ok(id)
    }

    /// What a trace has seen beyond the first `after` packets, which are forgotten; nothing when there is no such trace.
    #[must_use]
    pub fn look(&self, id: u64, after: u64, now: Instant) -> Option<Seen> {
        let mut kept = self.kept(now);
        let trace = kept.get_mut(&id)?;
        trace.looked = now;
        let known = usize::try_from(after.saturating_sub(trace.taken)).unwrap_or(usize::MAX);
        let known = known.min(trace.steps.len());
        trace.steps.drain(..known);
        trace.taken += known as u64;
        let steps: Vec<_> = trace.steps.iter().take(REPLY_MAX).cloned().collect();
        Some(Seen {
            next: trace.taken + steps.len() as u64,
            ended: trace.ended && steps.len() == trace.steps.len(),
            steps,
            lost: trace.lost.values().sum(),
            errors: trace.errors.clone(),
        })
    }

    /// Ends a trace and forgets what it has seen; whether there was one.
    pub fn end(&self, id: u64, now: Instant) -> bool {
        let mut kept = self.kept(now);
        let found = kept.remove(&id).is_some();
        self.publish(&kept);
        found
    }

    /// An agent tells what it has seen.
    pub(crate) fn on_report(&self, host: &HostId, report: TraceReport, now: Instant) {
        let mut kept = self.kept(now);
        let Some(trace) = kept.get_mut(&report.id) else { return };
        if !report.error.is_empty() {
            trace.errors.insert(host.clone(), report.error);
        }
        let mut lost = report.lost;
        for step in report.steps {
            let room = u64::from(trace.query.count).saturating_sub(trace.taken + trace.steps.len() as u64);
            if room == 0 {
                // What comes after the last one that was asked for is not lost.
                break;
            }
            match serde_json::from_str(&step) {
                Ok(step @ Value::Object(_)) => trace.steps.push(step),
                _ => lost += 1,
            }
        }
        if lost > 0 {
            trace.lost.insert(host.clone(), lost);
        }
        if trace.taken + trace.steps.len() as u64 >= u64::from(trace.query.count) && !trace.ended {
            trace.ended = true;
            trace.until = now;
            self.publish(&kept);
        }
    }

    /// Ends those whose time is over and those that nobody asks about any more; to be called now and then.
    pub(crate) fn tick(&self, now: Instant) {
        drop(self.kept(now));
    }

    /// Follows what agents are to run.
    pub(crate) fn subscribe(&self) -> watch::Receiver<Vec<Wanted>> {
        self.wanted.subscribe()
    }

    /// The traces, after those whose time is over have ended and old ones were forgotten.
    fn kept(&self, now: Instant) -> MutexGuard<'_, BTreeMap<u64, Kept>> {
        // A panic elsewhere leaves the values whole.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut changed = false;
        for trace in kept.values_mut().filter(|trace| !trace.ended) {
            if trace.until <= now || now.saturating_duration_since(trace.looked) > PATIENCE {
                trace.ended = true;
                trace.until = trace.until.min(now);
                changed = true;
            }
        }
        kept.retain(|_, trace| !trace.ended || now.saturating_duration_since(trace.until) < KEPT);
        if changed {
            self.publish(&kept);
        }
        kept
    }

    fn publish(&self, kept: &BTreeMap<u64, Kept>) {
        let running = kept.iter().filter(|(_, trace)| !trace.ended);
        let wanted =
            running.map(|(id, trace)| Wanted { id: *id, query: trace.query.clone(), until: trace.until });
        self.wanted.send_replace(wanted.collect());
    }
}

impl Wanted {
    /// What an agent is told at this moment.
    pub(crate) fn told(&self, now: Instant) -> WantedTrace {
        let remaining = self.until.saturating_duration_since(now);
        WantedTrace { id: self.id, query: self.query.clone(), remaining }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(id: u64, steps: usize, lost: u64) -> TraceReport {
        let steps = (0..steps).map(|step| format!("{{\"step\": {step}}}")).collect();
        TraceReport { id, steps, lost, ..TraceReport::default() }
    }

    fn query(count: u32) -> TraceQuery {
        TraceQuery { count, seconds: 10, ..TraceQuery::default() }
    }

    #[test]
    fn packets_are_given_once_and_those_of_all_hosts_come_together() {
        let (traces, now) = (Traces::default(), Instant::now());
        let id = traces.begin(query(100), now).unwrap();
        assert_eq!(traces.subscribe().borrow()[0].told(now).remaining, Duration::from_secs(10));
        traces.on_report(&"a".into(), report(id, 2, 1), now);
        traces.on_report(&"b".into(), report(id, 1, 3), now);
        let seen = traces.look(id, 0, now).unwrap();
        assert_eq!((seen.steps.len(), seen.next, seen.lost, seen.ended), (3, 3, 4, false));
        // Until the next look says that they have arrived.
        assert_eq!(traces.look(id, 0, now).unwrap().steps.len(), 3);
        traces.on_report(&"a".into(), report(id, 1, 1), now);
        let seen = traces.look(id, 3, now).unwrap();
        assert_eq!((seen.steps.len(), seen.next, seen.lost), (1, 4, 4));
        assert_eq!(traces.look(id + 1, 0, now), None);
    }

    #[test]
    fn a_trace_ends_with_its_count_its_time_or_by_hand() {
        let (traces, now) = (Traces::default(), Instant::now());
        let (full, late, stopped) = (
            traces.begin(query(2), now).unwrap(),
            traces.begin(query(9), now).unwrap(),
            traces.begin(query(9), now).unwrap(),
        );
        traces.on_report(&"a".into(), report(full, 5, 0), now);
        let seen = traces.look(full, 0, now).unwrap();
        assert_eq!((seen.steps.len(), seen.ended), (2, true));
        assert!(traces.end(stopped, now) && !traces.end(stopped, now));
        let running: Vec<_> = traces.subscribe().borrow().iter().map(|wanted| wanted.id).collect();
        assert_eq!(running, [late]);
        let then = now + Duration::from_secs(10);
        assert!(traces.look(late, 0, then).unwrap().ended);
        assert!(traces.subscribe().borrow().is_empty());
        assert_eq!(traces.look(late, 0, then + KEPT), None, "forgotten");
    }

    #[test]
    fn a_trace_that_nobody_asks_about_ends() {
        let (traces, now) = (Traces::default(), Instant::now());
        let long = || TraceQuery { seconds: 600, ..query(9) };
        let (left, asked) = (traces.begin(long(), now).unwrap(), traces.begin(long(), now).unwrap());
        let later = now + PATIENCE;
        assert!(!traces.look(asked, 0, later).unwrap().ended);
        traces.tick(later + Duration::from_secs(1));
        let running: Vec<_> = traces.subscribe().borrow().iter().map(|wanted| wanted.id).collect();
        assert_eq!(running, [asked]);
        assert!(traces.look(left, 0, later + Duration::from_secs(1)).unwrap().ended);
    }

    #[test]
    fn there_are_never_more_than_hosts_can_run() {
        let (traces, now) = (Traces::default(), Instant::now());
        for _ in 0..RUNNING_MAX {
            traces.begin(query(9), now).unwrap();
        }
        assert_eq!(traces.begin(query(9), now), Err(TooMany));
        // However many were ended, few are kept.
        let later = now + Duration::from_secs(11);
        for _ in 0..100 {
            let id = traces.begin(query(1), later).unwrap();
            traces.on_report(&"a".into(), report(id, 1, 0), later);
        }
        assert!(traces.kept(later).len() <= KEPT_MAX);
    }

    #[test]
    fn nonsense_counts_as_lost_and_errors_are_told() {
        let (traces, now) = (Traces::default(), Instant::now());
        let id = traces.begin(query(9), now).unwrap();
        let steps = vec!["[]".to_owned(), "{".to_owned(), "{}".to_owned()];
        let report = TraceReport { id, steps, error: "no room".to_owned(), ..TraceReport::default() };
        traces.on_report(&"a".into(), report, now);
        let seen = traces.look(id, 0, now).unwrap();
        assert_eq!((seen.steps.len(), seen.lost), (1, 2));
        assert_eq!(seen.errors[&"a".into()], "no room");
    }
}

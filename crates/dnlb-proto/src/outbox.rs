//! What the agent has to say, kept until a server has heard it and repeated to the next one.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use dnlb_model::{HealthReport, InstanceReport, InstanceState};
use tokio::sync::watch;

use crate::{
    Ack, Answer, Counter, Counters, Report, ServiceTraffic, TraceReport, pb, question::answer_message,
    report::SERVICES_MAX, trace::STEPS_MAX,
};

/// Answers that may wait for the link; a server that asks for more than it takes goes without.
const ANSWERS_WAITING: usize = 16;

/// Through this the agent reports; clones report to the same server.
///
/// Calls never block and never fail: the last value of each instance and target is remembered, sent when it is
/// new, and sent again to every server that the link connects to. The link ends with the last clone.
#[derive(Clone, Debug)]
pub struct Reporter {
    outbox: Outbox,
    wake: Arc<watch::Sender<()>>,
}

impl Reporter {
    pub(crate) fn new() -> (Self, Outbox, watch::Receiver<()>) {
        let outbox = Outbox::default();
        outbox.known().epoch = rand::random();
        let (wake, woken) = watch::channel(());
        (Self { outbox: outbox.clone(), wake: Arc::new(wake) }, outbox, woken)
    }

    /// The kernel maps show this revision with this digest, or why they do not.
    pub fn ack(&self, revision: u64, digest: impl Into<String>, error: Option<String>) {
        let ack = Ack { revision, digest: digest.into(), error };
        self.update(|known| {
            let fresh = known.ack.as_ref() != Some(&ack);
            known.ack = Some(ack);
            known.fresh.ack |= fresh;
            fresh
        });
    }

    /// State of an instance of this host.
    pub fn instance(&self, report: InstanceReport) {
        let InstanceReport { number, state } = report;
        self.update(|known| {
            let fresh = known.instances.get(&number) != Some(&state);
            if fresh {
                known.instances.insert(number, state);
                known.fresh.instances.insert(number);
                known.fresh.forgotten_instances.remove(&number);
            }
            fresh
        });
    }

    /// Health of a target on this host. To be called on transitions; `reason` without measurements, so that
    /// equal results are equal.
    pub fn health(&self, report: HealthReport) {
        let key = (report.backend, report.instance);
        let value = (report.healthy, report.reason);
        self.update(|known| {
            let fresh = known.health.get(&key) != Some(&value);
            if fresh {
                known.health.insert(key, value);
                known.fresh.health.insert(key);
                known.fresh.forgotten_health.remove(&key);
            }
            fresh
        });
    }

    /// Totals by outcome name; only the newest are sent.
    pub fn counters(&self, outcomes: BTreeMap<String, Counter>) {
        self.update(|known| {
            known.fresh.counters = Some(outcomes);
            true
        });
    }

    /// Totals by service's and instance's number: all of them; those that are other than before are sent.
    pub fn traffic(&self, totals: &BTreeMap<(u32, u32), ServiceTraffic>) {
        self.update(|known| {
            let fresh = totals.iter().filter(|(key, now)| known.traffic.get(key) != Some(now));
            let fresh: Vec<_> = fresh.map(|(key, now)| (*key, now.clone())).collect();
            known.fresh.traffic.retain(|key| totals.contains_key(key));
            known.traffic.retain(|key, _| totals.contains_key(key));
            known.fresh.traffic.extend(fresh.iter().map(|(key, _)| *key));
            known.traffic.extend(fresh);
            // With the counters that follow.
            false
        });
    }

    /// What a trace has seen; `lost` counts what the agent itself has lost. What is not sent soon enough is lost, too, and
    /// counted.
    pub fn trace(&self, report: TraceReport) {
        self.update(|known| {
            let waiting = known.fresh.traces.entry(report.id).or_default();
            let room = STEPS_MAX.saturating_sub(waiting.steps.len());
            let dropped = report.steps.len().saturating_sub(room) as u64;
            if dropped > 0 {
                *known.dropped_steps.entry(report.id).or_default() += dropped;
            }
            waiting.id = report.id;
            waiting.steps.extend(report.steps.into_iter().take(room));
            waiting.lost = report.lost + known.dropped_steps.get(&report.id).copied().unwrap_or(0);
            waiting.error = report.error;
            waiting.ended |= report.ended;
            if report.ended {
                known.dropped_steps.remove(&report.id);
            }
            true
        });
    }

    /// Answers a question of the server, or says why not. Not repeated to another server: nobody there has asked.
    pub fn answer(&self, id: u64, answer: Result<Answer, String>) {
        self.outbox.answer(id, answer);
        self.wake.send_replace(());
    }

    /// An instance has gone: nothing of it, nor of its health, holds any more.
    pub fn forget_instance(&self, number: u32) {
        self.update(|known| {
            let targets: Vec<_> = known.health.keys().filter(|(_, of)| *of == number).copied().collect();
            for key in &targets {
                known.forget_health(*key);
            }
            known.fresh.instances.remove(&number);
            let gone = known.instances.remove(&number).is_some();
            if gone {
                known.fresh.forgotten_instances.insert(number);
            }
            gone || !targets.is_empty()
        });
    }

    /// A target is not checked any more: its health does not hold any more.
    pub fn forget_health(&self, backend: u32, instance: u32) {
        self.update(|known| known.forget_health((backend, instance)));
    }

    fn update(&self, change: impl FnOnce(&mut Known) -> bool) {
        if change(&mut self.outbox.known()) {
            self.wake.send_replace(());
        }
    }
}

/// What the agent knows, shared by its reporters and the link.
#[derive(Clone, Debug, Default)]
pub(crate) struct Outbox(Arc<Mutex<Known>>);

/// What is to be sent now.
#[derive(Debug, Default)]
pub(crate) struct Fresh {
    pub(crate) ack: Option<Ack>,
    pub(crate) report: Option<Report>,
    pub(crate) counters: Option<Counters>,
    pub(crate) traces: Vec<TraceReport>,
    pub(crate) answers: Vec<pb::Answer>,
}

impl Outbox {
    /// Says this when next there is something to say.
    pub(crate) fn answer(&self, id: u64, answer: Result<Answer, String>) {
        let mut known = self.known();
        if known.fresh.answers.len() < ANSWERS_WAITING {
            known.fresh.answers.push(answer_message(id, answer));
        }
    }

    /// The next [`Outbox::take_fresh`] yields everything that is known.
    pub(crate) fn refresh_all(&self) {
        let mut known = self.known();
        let known = &mut *known;
        known.fresh.ack = known.ack.is_some();
        known.fresh.instances = known.instances.keys().copied().collect();
        known.fresh.health = known.health.keys().copied().collect();
        known.fresh.traffic = known.traffic.keys().copied().collect();
        // A server forgets by itself what an agent said on an earlier connection.
        known.fresh.forgotten_instances.clear();
        known.fresh.forgotten_health.clear();
        // Told to a server that is gone.
        known.fresh.traces.clear();
        known.fresh.answers.clear();
    }

    /// The next [`Outbox::take_fresh`] yields the last acknowledgement again.
    pub(crate) fn refresh_ack(&self) {
        let mut known = self.known();
        known.fresh.ack = known.ack.is_some();
    }

    /// What has changed since the last call.
    pub(crate) fn take_fresh(&self) -> Fresh {
        let mut known = self.known();
        let mut fresh = std::mem::take(&mut known.fresh);
        let counters = fresh.counters.map(|outcomes| {
            let rest = fresh.traffic.iter().nth(SERVICES_MAX).copied();
            let later = rest.map(|first| fresh.traffic.split_off(&first)).unwrap_or_default();
            let now = std::mem::replace(&mut fresh.traffic, later);
            let traffic = |key: (u32, u32)| Some((key, known.traffic.get(&key)?.clone()));
            let services = now.into_iter().filter_map(traffic).collect();
            Counters { outcomes, services, epoch: known.epoch, more: rest.is_some() }
        });
        known.fresh.traffic = std::mem::take(&mut fresh.traffic);
        let instance = |number: u32| {
            let state = known.instances.get(&number)?.clone();
            Some(InstanceReport { number, state })
        };
        let health = |key: (u32, u32)| {
            let (healthy, reason) = known.health.get(&key)?.clone();
            Some(HealthReport { backend: key.0, instance: key.1, healthy, reason })
        };
        let report = Report {
            instances: fresh.instances.into_iter().filter_map(instance).collect(),
            health: fresh.health.into_iter().filter_map(health).collect(),
            forgotten_instances: fresh.forgotten_instances.into_iter().collect(),
            forgotten_health: fresh.forgotten_health.into_iter().collect(),
        };
        Fresh {
            ack: known.ack.clone().filter(|_| fresh.ack),
            report: Some(report).filter(|report| *report != Report::default()),
            counters,
            traces: fresh.traces.into_values().collect(),
            answers: fresh.answers,
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        // A panic elsewhere leaves the values whole: each change is one assignment.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug, Default)]
struct Known {
    ack: Option<Ack>,
    instances: BTreeMap<u32, InstanceState>,
    health: BTreeMap<(u32, u32), (bool, String)>,
    traffic: BTreeMap<(u32, u32), ServiceTraffic>,
    /// Names the life of this agent.
    epoch: u64,
    /// Steps of running traces that were not sent soon enough.
    dropped_steps: BTreeMap<u64, u64>,
    fresh: Unsent,
}

impl Known {
    fn forget_health(&mut self, key: (u32, u32)) -> bool {
        self.fresh.health.remove(&key);
        let gone = self.health.remove(&key).is_some();
        if gone {
            self.fresh.forgotten_health.insert(key);
        }
        gone
    }
}

/// What no server has been sent yet.
#[derive(Debug, Default)]
struct Unsent {
    ack: bool,
    instances: BTreeSet<u32>,
    health: BTreeSet<(u32, u32)>,
    forgotten_instances: BTreeSet<u32>,
    forgotten_health: BTreeSet<(u32, u32)>,
    traffic: BTreeSet<(u32, u32)>,
    counters: Option<BTreeMap<String, Counter>>,
    traces: BTreeMap<u64, TraceReport>,
    answers: Vec<pb::Answer>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn health(instance: u32, healthy: bool) -> HealthReport {
        HealthReport { backend: 1, instance, healthy, reason: "connected".into() }
    }

    #[test]
    fn only_changes_are_sent_and_all_is_repeated_to_the_next_server() {
        let (reporter, outbox, mut woken) = Reporter::new();
        reporter.ack(7, "d", None);
        reporter.instance(InstanceReport { number: 1, state: InstanceState::Pending });
        reporter.instance(InstanceReport { number: 1, state: InstanceState::Running });
        reporter.health(health(1, true));
        assert!(woken.has_changed().unwrap());
        let first = outbox.take_fresh();
        let everything = Report {
            instances: vec![InstanceReport { number: 1, state: InstanceState::Running }],
            health: vec![health(1, true)],
            ..Report::default()
        };
        assert_eq!(first.report, Some(everything.clone()));
        assert_eq!(first.ack.unwrap().revision, 7);

        woken.mark_unchanged();
        reporter.health(health(1, true));
        assert!(!woken.has_changed().unwrap(), "nothing new");
        assert!(outbox.take_fresh().report.is_none());

        outbox.refresh_all();
        let again = outbox.take_fresh();
        assert_eq!((again.report, again.ack.unwrap().revision), (Some(everything), 7));
    }

    #[test]
    fn traffic_is_sent_with_the_counters_when_it_has_changed_and_again_to_the_next_server() {
        let (reporter, outbox, _woken) = Reporter::new();
        let traffic = |connections| ServiceTraffic { connections, ..ServiceTraffic::default() };
        let sent = || {
            reporter.counters(BTreeMap::new());
            let counters = outbox.take_fresh().counters.unwrap();
            counters.services.into_iter().map(|(key, it)| (key, it.connections)).collect::<Vec<_>>()
        };
        reporter.traffic(&BTreeMap::from([((1, 1), traffic(5)), ((1, 2), traffic(6))]));
        assert!(outbox.take_fresh().counters.is_none());
        assert_eq!(sent(), [((1, 1), 5), ((1, 2), 6)]);
        assert_eq!(sent(), []);
        reporter.traffic(&BTreeMap::from([((1, 1), traffic(5)), ((1, 2), traffic(7))]));
        assert_eq!(sent(), [((1, 2), 7)]);
        outbox.refresh_all();
        reporter.traffic(&BTreeMap::from([((1, 2), traffic(7))]));
        assert_eq!(sent(), [((1, 2), 7)]);
    }

    #[test]
    fn more_traffic_than_a_message_takes_is_sent_in_several() {
        let (reporter, outbox, _woken) = Reporter::new();
        let count = u32::try_from(SERVICES_MAX).unwrap() + 5;
        reporter.traffic(&(1..=count).map(|n| ((n, 1), ServiceTraffic::default())).collect());
        let sent = || {
            reporter.counters(BTreeMap::new());
            outbox.take_fresh().counters.unwrap().services.len()
        };
        assert_eq!([sent(), sent(), sent()], [SERVICES_MAX, 5, 0]);
    }

    #[test]
    fn what_is_forgotten_is_said_once_and_not_repeated() {
        let (reporter, outbox, _woken) = Reporter::new();
        for number in 1..=3 {
            reporter.instance(InstanceReport { number, state: InstanceState::Running });
            reporter.health(health(number, true));
        }
        reporter.forget_instance(1);
        reporter.forget_health(1, 2);
        let report = outbox.take_fresh().report.unwrap();
        assert_eq!(report.forgotten_instances, [1]);
        assert_eq!(report.forgotten_health, [(1, 1), (1, 2)]);
        outbox.refresh_all();
        let report = outbox.take_fresh().report.unwrap();
        assert_eq!(report.instances.iter().map(|report| report.number).collect::<Vec<_>>(), [2, 3]);
        assert_eq!(report.health, [health(3, true)]);
        assert!(report.forgotten_instances.is_empty() && report.forgotten_health.is_empty());
    }

    #[test]
    fn steps_that_wait_too_long_are_counted_as_lost() {
        let (reporter, outbox, _woken) = Reporter::new();
        let report = |steps: usize, ended| TraceReport {
            id: 9,
            steps: vec![String::new(); steps],
            lost: 1,
            ended,
            ..TraceReport::default()
        };
        reporter.trace(report(STEPS_MAX - 1, false));
        reporter.trace(report(5, false));
        let sent = outbox.take_fresh().traces;
        assert_eq!((sent.len(), sent[0].steps.len(), sent[0].lost), (1, STEPS_MAX, 5));
        reporter.trace(report(1, true));
        let sent = outbox.take_fresh().traces;
        assert_eq!((sent[0].steps.len(), sent[0].lost, sent[0].ended), (1, 5, true));
        assert!(outbox.take_fresh().traces.is_empty());
    }

    #[test]
    fn an_answer_is_for_the_server_that_asked_and_few_may_wait() {
        let (reporter, outbox, woken) = Reporter::new();
        reporter.answer(1, Err("no".to_owned()));
        assert!(woken.has_changed().unwrap());
        outbox.refresh_all();
        assert!(outbox.take_fresh().answers.is_empty());
        (0..100).for_each(|id| reporter.answer(id, Err("no".to_owned())));
        assert_eq!(outbox.take_fresh().answers.len(), ANSWERS_WAITING);
        assert!(outbox.take_fresh().answers.is_empty());
    }

    #[test]
    fn what_comes_back_is_not_forgotten() {
        let (reporter, outbox, _woken) = Reporter::new();
        reporter.health(health(1, true));
        reporter.forget_health(1, 1);
        reporter.health(health(1, false));
        let report = outbox.take_fresh().report.unwrap();
        assert_eq!((report.health, report.forgotten_health), (vec![health(1, false)], vec![]));
    }
}

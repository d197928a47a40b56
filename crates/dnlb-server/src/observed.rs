//! What hosts were last seen to do: in memory only, for it is learnt again from whoever connects.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Instant, SystemTime},
};

use dnlb_model::HostId;
use dnlb_proto::{Ack, Counter};
use tokio::sync::watch;

use crate::{metrics::Metrics, questions::Questions, traces::Traces};

/// What is known of one host.
#[derive(Clone, Debug, Default)]
pub struct HostObserved {
    /// Whether its agent has a stream to this server.
    pub connected: bool,
    /// When the last heart-beat arrived.
    pub heartbeat: Option<Heartbeat>,
    /// Newest revision that its kernel maps show; the host has converged when it is the region's.
    pub applied: u64,
    /// Digest of its kernel maps, as it said with `applied`.
    pub digest: String,
    /// Why a newer revision could not be applied.
    pub error: Option<String>,
    /// Packets and bytes by outcome.
    pub counters: BTreeMap<String, Counter>,
}

/// When a heart-beat arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// For reckoning.
    pub at: Instant,
    /// For people.
    pub time: SystemTime,
}

/// What is known of all hosts, shared: agents' streams write, API and control loop read.
#[derive(Clone, Debug, Default)]
pub struct SharedObserved {
    hosts: Arc<watch::Sender<BTreeMap<HostId, HostObserved>>>,
    questions: Questions,
    traces: Traces,
    metrics: Metrics,
}

impl SharedObserved {
    /// Nothing seen yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// All hosts that have connected since the server started.
    #[must_use]
    pub fn hosts(&self) -> BTreeMap<HostId, HostObserved> {
        self.hosts.borrow().clone()
    }

    /// One host; none: it has not connected since the server started.
    #[must_use]
    pub fn host(&self, host: &HostId) -> Option<HostObserved> {
        self.hosts.borrow().get(host).cloned()
    }

    /// Nothing seen yet; what hosts count goes to these metrics.
    #[must_use]
    pub fn with_metrics(metrics: Metrics) -> Self {
        Self { metrics, ..Self::default() }
    }

    /// What hosts have counted, and when.
    #[must_use]
    pub const fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// What is asked of hosts.
    #[must_use]
    pub const fn questions(&self) -> &Questions {
        &self.questions
    }

    /// Packets that are followed over all hosts.
    #[must_use]
    pub const fn traces(&self) -> &Traces {
        &self.traces
    }

    /// Follows connections and acknowledgements; heart-beats and counters alone do not wake anybody.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<BTreeMap<HostId, HostObserved>> {
        self.hosts.subscribe()
    }

    pub(crate) fn heartbeats(&self) -> BTreeMap<HostId, Instant> {
        let hosts = self.hosts.borrow();
        hosts.iter().filter_map(|(host, seen)| Some((host.clone(), seen.heartbeat?.at))).collect()
    }

    pub(crate) fn on_connected(&self, host: &HostId) {
        self.hosts.send_modify(|hosts| hosts.entry(host.clone()).or_default().connected = true);
        self.on_heartbeat(host);
    }

    pub(crate) fn on_disconnected(&self, host: &HostId) {
        self.hosts.send_modify(|hosts| hosts.entry(host.clone()).or_default().connected = false);
        self.metrics.on_disconnected(host);
    }

    pub(crate) fn on_heartbeat(&self, host: &HostId) {
        let now = Heartbeat { at: Instant::now(), time: SystemTime::now() };
        self.hosts.send_if_modified(|hosts| {
            hosts.entry(host.clone()).or_default().heartbeat = Some(now);
            false
        });
    }

    pub(crate) fn on_ack(&self, host: &HostId, ack: Ack) {
        self.hosts.send_modify(|hosts| {
            let host = hosts.entry(host.clone()).or_default();
            if ack.error.is_none() {
                host.applied = ack.revision;
                host.digest = ack.digest;
            }
            host.error = ack.error;
        });
    }

    pub(crate) fn on_counters(&self, host: &HostId, counters: BTreeMap<String, Counter>) {
        self.hosts.send_if_modified(|hosts| {
            hosts.entry(host.clone()).or_default().counters = counters;
            false
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_revision_does_not_count_as_applied() {
        let observed = SharedObserved::new();
        let host = HostId::from("h1");
        observed.on_ack(&host, Ack { revision: 3, digest: "three".into(), error: None });
        observed.on_ack(&host, Ack { revision: 4, digest: "four".into(), error: Some("map full".into()) });
        let seen = observed.host(&host).unwrap();
        assert_eq!(
            (seen.applied, seen.digest.as_str(), seen.error.as_deref()),
            (3, "three", Some("map full"))
        );
        observed.on_ack(&host, Ack { revision: 5, digest: "five".into(), error: None });
        let seen = observed.host(&host).unwrap();
        assert_eq!((seen.applied, seen.error), (5, None));
    }
}

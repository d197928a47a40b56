//! Which hosts live, by their heart-beats.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use dnlb_model::{Host, HostId, HostState, Map};

/// Limits of silence.
#[derive(Clone, Copy, Debug)]
pub struct LivenessLimits {
    /// A host that is silent for so long is down.
    pub silence: Duration,
    /// No host is declared down so soon after the server started, or after it heard nobody at all.
    pub grace: Duration,
}

impl Default for LivenessLimits {
    fn default() -> Self {
        Self { silence: Duration::from_secs(5), grace: Duration::from_secs(10) }
    }
}

/// Judges hosts by their heart-beats.
///
/// A server that hears nobody is itself cut off, or was asleep: it declares nobody down, and gives everybody
/// grace once the first is heard again. Otherwise the first agent to come back would be told that all other
/// hosts are dead, and would drop their members.
#[derive(Debug)]
pub(crate) struct Liveness {
    limits: LivenessLimits,
    /// Nobody is declared down before.
    calm_until: Instant,
    deaf: bool,
}

impl Liveness {
    pub(crate) fn new(limits: LivenessLimits, started: Instant) -> Self {
        Self { limits, calm_until: started + limits.grace, deaf: false }
    }

    /// The hosts whose state is to change.
    pub(crate) fn judge(
        &mut self,
        now: Instant,
        heartbeats: &BTreeMap<HostId, Instant>,
        hosts: &Map<HostId, Host>,
    ) -> Vec<(HostId, HostState)> {
        let fresh = |at: &Instant| now.saturating_duration_since(*at) <= self.limits.silence;
        let Some(newest) = heartbeats.values().max() else { return Vec::new() };
        if !fresh(newest) {
            self.deaf = true;
            return Vec::new();
        }
        if std::mem::take(&mut self.deaf) {
            self.calm_until = now + self.limits.grace;
        }
        let verdict = |(id, host): (&HostId, &Arc<Host>)| {
            let alive = heartbeats.get(id).is_some_and(fresh);
            match (host.state, alive) {
                (HostState::Down, true) => Some((id.clone(), HostState::Up)),
                (HostState::Up, false) if now >= self.calm_until => Some((id.clone(), HostState::Down)),
                _ => None,
            }
        };
        hosts.iter().filter_map(verdict).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    struct Scene {
        start: Instant,
        liveness: Liveness,
        hosts: Map<HostId, Host>,
        heartbeats: BTreeMap<HostId, Instant>,
    }

    impl Scene {
        fn new(hosts: &[(&str, HostState)]) -> Self {
            let start = Instant::now();
            let host = |(index, (id, state)): (u16, &(&str, HostState))| {
                let host = Host {
                    id: (*id).into(),
                    index,
                    az: "r-1a".into(),
                    rack: "r1".into(),
                    underlay: [192, 0, 2, 1].into(),
                    edge: false,
                    compute: true,
                    state: *state,
                    created: 0,
                };
                (host.id.clone(), Arc::new(host))
            };
            Self {
                start,
                liveness: Liveness::new(LivenessLimits::default(), start),
                hosts: (1..).zip(hosts).map(host).collect(),
                heartbeats: BTreeMap::new(),
            }
        }

        /// At a second after the start these hosts are heard, then all are judged; the verdicts hold.
        fn at(&mut self, second: u32, heard: &[&str]) -> Vec<(String, HostState)> {
            let now = self.start + SECOND * second;
            self.heartbeats.extend(heard.iter().map(|id| ((*id).into(), now)));
            let verdicts = self.liveness.judge(now, &self.heartbeats, &self.hosts);
            for (id, state) in &verdicts {
                Arc::make_mut(self.hosts.get_mut(id).unwrap()).state = *state;
            }
            verdicts.into_iter().map(|(id, state)| (id.0, state)).collect()
        }
    }

    #[test]
    fn a_silent_host_is_down_after_five_seconds_and_up_with_the_next_heart_beat() {
        let mut scene = Scene::new(&[("a", HostState::Up), ("b", HostState::Up)]);
        assert_eq!(scene.at(20, &["a", "b"]), []);
        assert_eq!(scene.at(25, &["a"]), []);
        assert_eq!(scene.at(26, &["a"]), [("b".into(), HostState::Down)]);
        assert_eq!(scene.at(27, &["a"]), [], "said once");
        assert_eq!(scene.at(28, &["a", "b"]), [("b".into(), HostState::Up)]);
    }

    #[test]
    fn a_restarted_server_waits_before_it_declares_anybody_down() {
        let mut scene = Scene::new(&[("a", HostState::Up), ("b", HostState::Up)]);
        assert_eq!(scene.at(9, &["a"]), []);
        assert_eq!(scene.at(10, &["a"]), [("b".into(), HostState::Down)]);
    }

    #[test]
    fn a_host_that_was_down_before_a_restart_comes_up_at_once_or_stays_down() {
        let mut scene = Scene::new(&[("a", HostState::Down), ("b", HostState::Down)]);
        assert_eq!(scene.at(1, &["a"]), [("a".into(), HostState::Up)]);
        assert_eq!(scene.at(20, &["a"]), []);
    }

    #[test]
    fn a_server_that_hears_nobody_declares_nobody_down() {
        let mut scene = Scene::new(&[("a", HostState::Up), ("b", HostState::Up), ("c", HostState::Up)]);
        assert_eq!(scene.at(20, &["a", "b", "c"]), []);
        assert_eq!(scene.at(60, &[]), []);
        assert_eq!(scene.at(61, &["a"]), [], "the others get grace");
        assert_eq!(scene.at(70, &["a", "b"]), []);
        assert_eq!(scene.at(71, &["a", "b"]), [("c".into(), HostState::Down)]);
    }
}

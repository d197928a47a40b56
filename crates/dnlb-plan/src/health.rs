//! When a target is healthy: a state machine without a clock and without sockets.

use std::time::Duration;

use dnlb_model::HealthCheck;

/// Time between checks of a target until its first verdict.
///
/// Instead of the interval, which is 5 s at least: with three successes needed, a new instance would wait 10 s before
/// it serves; so it waits 2.
pub const FIRST_INTERVAL: Duration = Duration::from_secs(1);

/// What is said of a target that nobody has judged yet.
pub const NOT_CHECKED: &str = "not checked yet";

/// A change of what is known of a target's health: its first verdict, or the opposite of the last one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transition {
    /// Whether it gets new flows from now on.
    pub healthy: bool,
    /// Result of the check that decided.
    pub reason: String,
}

/// The health of one target of one backend service.
///
/// # States
/// Not judged yet (counts as unhealthy), healthy, unhealthy. As many results in a row as the threshold says lead to
/// the other state. Times are those of the caller's monotonic clock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HealthState {
    check: HealthCheck,
    verdict: Option<bool>,
    reason: String,
    /// Equal results in a row that came last, and what they were.
    streak: (bool, u32),
    last_result: Option<Duration>,
    next_check: Duration,
}

impl HealthState {
    /// A target that nobody has checked: to be checked at once.
    #[must_use]
    pub fn new(check: HealthCheck, now: Duration) -> Self {
        Self {
            check,
            verdict: None,
            reason: NOT_CHECKED.to_owned(),
            streak: (false, 0),
            last_result: None,
            next_check: now,
        }
    }

    /// Notes the result of a check that ended at `now`.
    pub fn on_result(&mut self, ok: bool, reason: String, now: Duration) -> Option<Transition> {
        let before = if self.streak.0 == ok { self.streak.1 } else { 0 };
        self.streak = (ok, before.saturating_add(1));
        let decided = self.streak.1 >= self.threshold(ok) && self.verdict != Some(ok);
        if decided {
            self.verdict = Some(ok);
        }
        // What a user reads always fits the state: an unhealthy target tells of its last failure.
        if decided || self.verdict == Some(ok) {
            self.reason.clone_from(&reason);
        }
        self.last_result = Some(now);
        self.next_check = now.saturating_add(self.interval());
        decided.then_some(Transition { healthy: ok, reason })
    }

    /// Notes new parameters. What is known stays known; the next check comes as the new interval says.
    pub fn on_check_changed(&mut self, check: HealthCheck, now: Duration) {
        self.check = check;
        if let Some(last) = self.last_result {
            self.next_check = last.saturating_add(self.interval()).max(now);
        }
    }

    /// When the next check is due.
    #[must_use]
    pub fn next_check(&self) -> Duration {
        self.next_check
    }

    /// Its parameters.
    #[must_use]
    pub fn check(&self) -> &HealthCheck {
        &self.check
    }

    /// Whether it gets new flows.
    #[must_use]
    pub fn healthy(&self) -> bool {
        self.verdict == Some(true)
    }

    /// Whether there has been a verdict.
    #[must_use]
    pub fn judged(&self) -> bool {
        self.verdict.is_some()
    }

    /// Why it is as it is.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    fn threshold(&self, ok: bool) -> u32 {
        if ok { self.check.healthy_threshold } else { self.check.unhealthy_threshold }
    }

    fn interval(&self) -> Duration {
        let interval = Duration::from_secs(u64::from(self.check.interval_seconds));
        if self.verdict.is_none() { FIRST_INTERVAL.min(interval) } else { interval }
    }
}

#[cfg(test)]
mod tests {
    use dnlb_model::CheckProtocol;
    use proptest::prelude::*;

    use super::*;

    fn check(healthy: u32, unhealthy: u32) -> HealthCheck {
        HealthCheck {
            protocol: CheckProtocol::Tcp,
            healthy_threshold: healthy,
            unhealthy_threshold: unhealthy,
            timeout_seconds: 3,
            interval_seconds: 5,
            port: 0,
        }
    }

    fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_new_target_serves_two_seconds_after_its_first_check() {
        let mut state = HealthState::new(check(3, 3), seconds(100));
        assert_eq!((state.healthy(), state.reason()), (false, NOT_CHECKED));
        let mut verdict = None;
        while verdict.is_none() {
            verdict = state.on_result(true, "connected".into(), state.next_check());
        }
        assert_eq!(verdict, Some(Transition { healthy: true, reason: "connected".into() }));
        assert_eq!(state.next_check(), seconds(102 + 5));
        assert!(state.healthy());
    }

    #[test]
    fn the_first_verdict_is_told_also_when_it_is_bad() {
        let mut state = HealthState::new(check(3, 2), seconds(0));
        assert_eq!(state.on_result(false, "refused".into(), seconds(0)), None);
        assert_eq!(state.reason(), NOT_CHECKED);
        let verdict = state.on_result(false, "timed out".into(), seconds(1));
        assert_eq!(verdict, Some(Transition { healthy: false, reason: "timed out".into() }));
        // Later failures change the reason, not the state.
        assert_eq!(state.on_result(false, "refused".into(), seconds(6)), None);
        assert_eq!(state.reason(), "refused");
        assert_eq!(state.on_result(true, "connected".into(), seconds(11)), None);
        assert_eq!(state.reason(), "refused");
    }

    #[test]
    fn new_parameters_keep_the_state_and_move_the_next_check() {
        let mut state = HealthState::new(check(1, 3), seconds(0));
        state.on_result(true, "connected".into(), seconds(0));
        let slower = HealthCheck { interval_seconds: 60, ..check(5, 3) };
        state.on_check_changed(slower, seconds(1));
        assert!(state.healthy());
        assert_eq!(state.next_check(), seconds(60));
        state.on_check_changed(check(5, 3), seconds(30));
        assert_eq!(state.next_check(), seconds(30));
    }

    proptest! {
        #[test]
        fn the_verdict_is_what_the_last_results_say(
            results in prop::collection::vec(any::<bool>(), 0..60),
            healthy in 1_u32..=5,
            unhealthy in 1_u32..=5,
        ) {
            let mut state = HealthState::new(check(healthy, unhealthy), seconds(0));
            let mut told = None;
            for (at, &ok) in results.iter().enumerate() {
                let transition = state.on_result(ok, at.to_string(), state.next_check());
                // Oracle: look back for the last run that was long enough.
                let ends_run = |end: usize, of: bool, len: u32| {
                    let len = len as usize;
                    end + 1 >= len && results[end + 1 - len..=end].iter().all(|&ok| ok == of)
                };
                let expected = (0..=at).rev().find_map(|end| {
                    if ends_run(end, true, healthy) {
                        Some(true)
                    } else {
                        ends_run(end, false, unhealthy).then_some(false)
                    }
                });
                prop_assert_eq!(state.healthy(), expected == Some(true));
                prop_assert_eq!(state.judged(), expected.is_some());
                prop_assert_eq!(transition.as_ref().map(|t| t.healthy), expected.filter(|_| expected != told));
                told = expected;
            }
        }
    }
}

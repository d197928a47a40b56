//! How often somebody may call, log in, or use a nonce.

use std::{
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use dnlb_model::UserId;

use super::origin::Origin;
use crate::access::{
    Caller,
    limits::{Nonces, RateLimit},
};

/// Requests of a user a second, and at once.
const CALLS: (f64, f64) = (500.0, 1000.0);
/// Attempts to log in from an address, or an IPv6 network, a second, and at once.
const LOGINS_FROM: (f64, f64) = (0.2, 10.0);
/// Attempts to log in as a user a second, and at once.
const LOGINS_AS: (f64, f64) = (0.1, 10.0);

/// What is remembered of who has tried how often.
pub struct CallLimits {
    begun: Instant,
    calls: Mutex<RateLimit<UserId>>,
    logins_from: Mutex<RateLimit<Origin>>,
    logins_as: Mutex<RateLimit<String>>,
    nonces: Mutex<Nonces>,
}

impl CallLimits {
    /// With so many requests of a user a second; none: the usual ones.
    #[must_use]
    pub fn new(calls_per_second: Option<u32>) -> Self {
        let calls = calls_per_second.map_or(CALLS, |rate| (rate.into(), (2 * rate).into()));
        Self {
            begun: Instant::now(),
            calls: Mutex::new(RateLimit::new(calls.0, calls.1)),
            logins_from: Mutex::new(RateLimit::new(LOGINS_FROM.0, LOGINS_FROM.1)),
            logins_as: Mutex::new(RateLimit::new(LOGINS_AS.0, LOGINS_AS.1)),
            nonces: Mutex::default(),
        }
    }

    /// Whether a caller may make one more request.
    pub(super) fn may_call(&self, caller: &Caller) -> bool {
        locked(&self.calls).take(caller.user.clone(), self.now())
    }

    /// Whether somebody may try once more to log in as a user.
    pub(super) fn may_log_in(&self, from: IpAddr, user: &str) -> bool {
        let now = self.now();
        locked(&self.logins_from).take(Origin::of(from), now)
            && locked(&self.logins_as).take(user.to_owned(), now)
    }

    /// Whether a nonce of a key is new.
    pub(super) fn is_new_nonce(&self, key: &str, nonce: &str, now: u64) -> bool {
        locked(&self.nonces).is_new(key, nonce, now)
    }

    fn now(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }
}

/// A panic elsewhere leaves counts whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_of_ipv6_has_the_log_ins_of_one_address() {
        let limits = CallLimits::new(None);
        // Another user each time, so that only where they come from counts.
        let tries = |addr: &dyn Fn(u16) -> String| {
            (0..20).filter(|n| limits.may_log_in(addr(*n).parse().unwrap(), &addr(*n))).count()
        };
        assert_eq!(tries(&|n| format!("2001:db8:0:1::{n:x}")), 10);
        assert_eq!(tries(&|n| format!("2001:db8:0:2::{n:x}")), 10, "another network");
        assert_eq!(tries(&|n| format!("192.0.2.{n}")), 20, "other addresses");
    }
}

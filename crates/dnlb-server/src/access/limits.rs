//! How often somebody may try: requests of a key, log-ins, and nonces that came before.
//!
//! Everything here is bounded, whoever calls: what is full forgets the oldest.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    hash::Hash,
};

use dnlb_api::signature::MAX_SKEW_SECONDS;
use sha2::{Digest, Sha256};

/// Buckets that are remembered at most; one that is full again need not be.
const BUCKETS_MAX: usize = 10_000;

/// Nonces of a key that are remembered at most.
const NONCES_MAX: usize = 100_000;

/// A steady rate with a reserve, for each of many keys.
///
/// # Source
/// The token bucket of RFC 2697, section 3, with one colour.
#[derive(Debug)]
pub struct RateLimit<K> {
    per_second: f64,
    burst: f64,
    buckets: HashMap<K, Bucket>,
}

#[derive(Clone, Copy, Debug)]
struct Bucket {
    tokens: f64,
    /// Seconds since some beginning.
    at: f64,
}

impl<K: Hash + Eq> RateLimit<K> {
    /// So many a second, and so many at once.
    #[must_use]
    pub fn new(per_second: f64, burst: f64) -> Self {
        Self { per_second, burst, buckets: HashMap::new() }
    }

    /// Whether one more is within the limit; it counts if it is. `now` in seconds since any moment that stays the same.
    pub fn take(&mut self, key: K, now: f64) -> bool {
        let (per_second, burst) = (self.per_second, self.burst);
        let filled = |bucket: &Bucket| (bucket.tokens + (now - bucket.at).max(0.0) * per_second).min(burst);
        if self.buckets.len() >= BUCKETS_MAX && !self.buckets.contains_key(&key) {
            self.buckets.retain(|_, bucket| filled(bucket) < burst);
            if self.buckets.len() >= BUCKETS_MAX {
                return false;
            }
        }
        let bucket = self.buckets.entry(key).or_insert(Bucket { tokens: burst, at: now });
        let tokens = filled(bucket);
        let enough = tokens >= 1.0;
        *bucket = Bucket { tokens: if enough { tokens - 1.0 } else { tokens }, at: now };
        enough
    }
}

/// Nonces of each key's latest requests.
///
/// Weak where a client does not sign its nonce, as the most used one: who can change a request's nonce can send it
/// again. TLS is what keeps requests from being read at all.
#[derive(Debug, Default)]
pub struct Nonces(HashMap<String, KeyNonces>);

#[derive(Debug, Default)]
struct KeyNonces {
    seen: HashSet<[u8; 16]>,
    /// With the second in which each came.
    order: VecDeque<([u8; 16], u64)>,
}

impl Nonces {
    /// Whether a nonce of a key is new; it is remembered for as long as a signature of the same moment counts.
    pub fn is_new(&mut self, key: &str, nonce: &str, now: u64) -> bool {
        let of_key = self.0.entry(key.to_owned()).or_default();
        let past = |at: u64| at + 2 * MAX_SKEW_SECONDS < now;
        while of_key.order.front().is_some_and(|(_, at)| past(*at)) || of_key.order.len() >= NONCES_MAX {
            if let Some((nonce, _)) = of_key.order.pop_front() {
                of_key.seen.remove(&nonce);
            }
        }
        let mut short = [0; 16];
        short.copy_from_slice(&Sha256::digest(nonce.as_bytes())[..16]);
        let new = of_key.seen.insert(short);
        if new {
            of_key.order.push_back((short, now));
        }
        new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_has_a_reserve_that_fills_again() {
        let mut limit = RateLimit::new(2.0, 3.0);
        let taken = |limit: &mut RateLimit<&str>, key, now| (0..5).filter(|_| limit.take(key, now)).count();
        assert_eq!(taken(&mut limit, "a", 0.0), 3);
        assert_eq!((taken(&mut limit, "a", 1.0), taken(&mut limit, "b", 1.0)), (2, 3));
        assert_eq!((taken(&mut limit, "a", 1.4), taken(&mut limit, "a", 100.0)), (0, 3));
        assert_eq!(taken(&mut limit, "a", 50.0), 0, "a clock that goes back gives nothing");
    }

    #[test]
    fn who_calls_from_everywhere_fills_no_memory() {
        let mut limit = RateLimit::new(1.0, 2.0);
        let let_in = (0..3 * BUCKETS_MAX).filter(|key| limit.take(*key, 0.0)).count();
        assert_eq!((let_in, limit.buckets.len()), (BUCKETS_MAX, BUCKETS_MAX));
        assert!(limit.take(usize::MAX, 10.0), "full ones are forgotten");
    }

    #[test]
    fn a_nonce_counts_once_while_its_signature_would() {
        let mut nonces = Nonces::default();
        assert!(
            nonces.is_new("a", "n", 1000) && !nonces.is_new("a", "n", 1001) && nonces.is_new("b", "n", 1001)
        );
        assert!(!nonces.is_new("a", "n", 1000 + 2 * MAX_SKEW_SECONDS));
        assert!(nonces.is_new("a", "n", 1001 + 2 * MAX_SKEW_SECONDS));
        for number in 0..NONCES_MAX + 10 {
            nonces.is_new("c", &number.to_string(), 2000);
        }
        assert_eq!(nonces.0["c"].order.len(), NONCES_MAX);
        assert_eq!(nonces.0["c"].seen.len(), NONCES_MAX);
    }
}

//! The perfect hash by which programs find services, built by displacement.

use dnlb_abi::{SERVICE_BUCKETS, SERVICE_SLOTS, ServiceEntry, ServiceHash, ServiceKey};

use crate::ServiceIndex;

/// Why a set of services cannot be indexed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// Two services have one key.
    #[error("services {first} and {second} have the same address, protocol and port in one network")]
    Duplicate {
        /// Number of one service.
        first: u32,
        /// Number of the other.
        second: u32,
    },
    /// No displacement keeps the keys of a bucket apart: their hashes are too much alike, or slots are too few.
    #[error("no place for {keys} services that share bucket {bucket} of the index")]
    NoDisplacement {
        /// The bucket.
        bucket: u32,
        /// How many keys it holds.
        keys: usize,
    },
    /// More services than slots.
    #[error("{services} services, but the index has {SERVICE_SLOTS} slots")]
    TooMany {
        /// How many there are.
        services: usize,
    },
}

/// Builds the index of `services`. Their order does not matter.
///
/// # Cost
/// 10,000 services take a few milliseconds; close to all slots used, it takes longer and may fail.
///
/// # Errors
/// See [`IndexError`].
pub fn build(services: &[ServiceEntry]) -> Result<ServiceIndex, IndexError> {
    if services.len() > SERVICE_SLOTS as usize {
        return Err(IndexError::TooMany { services: services.len() });
    }
    let mut sorted: Vec<(ServiceHash, &ServiceEntry)> =
        services.iter().map(|entry| (ServiceHash::new(&entry.key), entry)).collect();
    sorted.sort_by(|(a, x), (b, y)| a.bucket().cmp(&b.bucket()).then_with(|| x.key.cmp(&y.key)));
    for pair in sorted.windows(2) {
        if pair[0].1.key == pair[1].1.key {
            return Err(IndexError::Duplicate { first: pair[0].1.number, second: pair[1].1.number });
        }
    }
    // The fullest buckets first, while there is room to choose.
    let mut buckets: Vec<&[(ServiceHash, &ServiceEntry)]> =
        sorted.chunk_by(|a, b| a.0.bucket() == b.0.bucket()).collect();
    buckets.sort_by_key(|bucket| std::cmp::Reverse(bucket.len()));

    let mut displacements = vec![0; SERVICE_BUCKETS as usize];
    let mut placed = Vec::with_capacity(services.len());
    let mut taken = vec![false; SERVICE_SLOTS as usize];
    let mut slots = Vec::new();
    for bucket in buckets {
        let number = bucket[0].0.bucket();
        // Steps are odd and slots a power of two: after as many displacements as slots all have been tried.
        let displacement = (0..SERVICE_SLOTS as u16).find(|&displacement| {
            slots.clear();
            bucket.iter().all(|(hash, _)| {
                let slot = hash.slot(displacement);
                let fits = !taken[slot as usize] && !slots.contains(&slot);
                slots.push(slot);
                fits
            })
        });
        let Some(displacement) = displacement else {
            return Err(IndexError::NoDisplacement { bucket: number, keys: bucket.len() });
        };
        displacements[number as usize] = displacement;
        for (&slot, (_, entry)) in slots.iter().zip(bucket) {
            taken[slot as usize] = true;
            placed.push((slot, *entry));
        }
    }
    placed.sort_unstable_by_key(|(slot, _)| *slot);
    let entries = placed.into_iter().map(|(slot, entry)| (slot, *entry)).collect();
    Ok(ServiceIndex { displacements, entries })
}

/// Finds a service as programs do: two loads and a comparison.
#[must_use]
pub fn lookup<'a>(index: &'a ServiceIndex, key: &ServiceKey) -> Option<&'a ServiceEntry> {
    let hash = ServiceHash::new(key);
    let displacement = *index.displacements.get(hash.bucket() as usize)?;
    index.entries.get(&hash.slot(displacement)).filter(|entry| entry.key == *key)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use dnlb_abi::v4_mapped;
    use proptest::prelude::*;

    use super::*;

    fn service(number: u32, vni: u32, addr: u32, port: u16) -> ServiceEntry {
        let key = ServiceKey::new(vni, v4_mapped(addr.to_be_bytes()), 6, port);
        ServiceEntry { key, number, backend: number, ..Default::default() }
    }

    #[test]
    fn ten_thousand_services_are_found_and_others_are_not() {
        // Neighbouring addresses and few ports, as operators assign them.
        let services: Vec<_> =
            (0..10_000).map(|n| service(n + 1, 0, 0xcb00_7100 + n / 4, 80 + (n % 4) as u16)).collect();
        let index = build(&services).unwrap();
        assert_eq!(index.displacements.len(), SERVICE_BUCKETS as usize);
        for entry in &services {
            assert_eq!(lookup(&index, &entry.key), Some(entry));
            let other = ServiceKey { vni: 1, ..entry.key };
            assert_eq!(lookup(&index, &other), None);
        }
    }

    #[test]
    fn two_services_with_one_key_are_refused() {
        let services = [service(1, 1, 1, 80), service(2, 1, 2, 80), service(3, 1, 1, 80)];
        assert_eq!(build(&services), Err(IndexError::Duplicate { first: 1, second: 3 }));
    }

    #[test]
    fn more_services_than_slots_are_refused() {
        let services: Vec<_> = (0..=SERVICE_SLOTS).map(|n| service(n + 1, 1, n, 80)).collect();
        assert_eq!(build(&services), Err(IndexError::TooMany { services: services.len() }));
    }

    proptest! {
        #[test]
        fn an_index_answers_like_a_map_whatever_the_order(
            keys in prop::collection::btree_set((0_u32..4, 0_u32..64, 1_u16..16), 0..400),
            asked in prop::collection::vec((0_u32..4, 0_u32..64, 1_u16..16), 20),
        ) {
            let mut services: Vec<_> =
                (1..).zip(&keys).map(|(number, &(vni, addr, port))| service(number, vni, addr, port)).collect();
            let map: BTreeMap<ServiceKey, ServiceEntry> =
                services.iter().map(|entry| (entry.key, *entry)).collect();
            let index = build(&services).unwrap();
            prop_assert_eq!(index.entries.len(), keys.len());
            for (vni, addr, port) in keys.into_iter().chain(asked) {
                let key = service(1, vni, addr, port).key;
                prop_assert_eq!(lookup(&index, &key), map.get(&key));
            }
            services.reverse();
            prop_assert_eq!(build(&services).unwrap(), index);
        }
    }
}

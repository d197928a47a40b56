//! The perfect hash by which programs find services: hash and displace.
//!
//! A key's hash names a bucket; the bucket's displacement and the hash name the slot. User space searches
//! displacements until no two keys share a slot, so a look-up is two loads and one comparison.
//!
//! Source: Belazzougui, Botelho, Dietzfelbinger, *Hash, displace, and compress*, ESA 2009 (without the
//! compression).

use crate::ServiceKey;

/// Buckets of displacements in one copy of `DISPLACEMENTS` (two bytes each: 8 KiB).
pub const SERVICE_BUCKETS: u32 = 4096;
/// Slots in one copy of `SERVICES`. 10,000 services fill 61 %.
pub const SERVICE_SLOTS: u32 = 16_384;

/// The hash of a [`ServiceKey`], from which bucket and slot follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServiceHash(u64);

impl ServiceHash {
    /// Hashes `key`.
    ///
    /// Not keyed: the set of services is the operator's, and a packet for an unknown address costs the same two loads.
    #[inline(always)]
    #[must_use]
    pub fn new(key: &ServiceKey) -> Self {
        let (words, _) = key.addr.as_chunks();
        let word = |at: usize| u64::from(u32::from_le_bytes(words[at]));
        let high = word(0) << 32 | word(1);
        let low = word(2) << 32 | word(3);
        let rest = u64::from(key.vni) << 32 | u64::from(key.protocol_port);
        // Three odd multipliers keep the parts from cancelling; the finaliser is MurmurHash3's.
        let mut hash = high.wrapping_mul(0x9e37_79b9_7f4a_7c15)
            ^ low.rotate_left(23).wrapping_mul(0xc2b2_ae3d_27d4_eb4f)
            ^ rest.rotate_left(41).wrapping_mul(0x1656_67b1_9e37_79f9);
        hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
        hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        Self(hash ^ hash >> 33)
    }

    /// Bucket whose displacement places this key: below [`SERVICE_BUCKETS`].
    #[inline(always)]
    #[must_use]
    pub const fn bucket(self) -> u32 {
        (self.0 >> 52) as u32 & (SERVICE_BUCKETS - 1)
    }

    /// Slot of this key under a displacement: below [`SERVICE_SLOTS`].
    #[inline(always)]
    #[must_use]
    pub const fn slot(self, displacement: u16) -> u32 {
        let start = self.0 as u32;
        let step = (self.0 >> 24) as u32 | 1;
        start.wrapping_add(step.wrapping_mul(displacement as u32)) & (SERVICE_SLOTS - 1)
    }
}

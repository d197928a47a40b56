//! The keyed hash by which a flow chooses its row.
//!
//! NH (from UMAC) over the addresses and ports, then a keyed 64-bit finaliser. Without the region's key nobody can
//! compute which flows share a member. NH is not a pseudo-random function: somebody who could see the member of
//! very many chosen flows might learn about the key; `docs/decisions/0004-flow-hash.md` weighs that.
//!
//! Source: Black et al., *UMAC: Fast and Secure Message Authentication*, CRYPTO 1999, section 4; the finaliser is
//! MurmurHash3's.

use dnlb_abi::{ServiceEntry, Settings};
use dnlb_wire::{Packet, word};

/// One NH step: a product of two keyed 32-bit sums.
#[inline(always)]
const fn nh(a: u32, b: u32, key_a: u32, key_b: u32) -> u64 {
    (a.wrapping_add(key_a) as u64).wrapping_mul(b.wrapping_add(key_b) as u64)
}

/// Hash of the flow of `packet`: of its source address or of its five-tuple, as the service wants.
#[inline(always)]
#[must_use]
pub fn flow_hash(settings: &Settings, algorithm: u32, packet: &Packet) -> u32 {
    let k = &settings.hash_key;
    let mut hash = nh(word(&packet.src, 0), word(&packet.src, 1), k[0], k[1]).wrapping_add(nh(
        word(&packet.src, 2),
        word(&packet.src, 3),
        k[2],
        k[3],
    ));
    if algorithm == ServiceEntry::QUINTUPLE_HASH {
        let ports = (packet.src_port as u32) << 16 | packet.dst_port as u32;
        hash = hash
            .wrapping_add(nh(word(&packet.dst, 0), word(&packet.dst, 1), k[4], k[5]))
            .wrapping_add(nh(word(&packet.dst, 2), word(&packet.dst, 3), k[6], k[7]))
            .wrapping_add(nh(ports, packet.protocol as u32, k[8], k[9]));
    }
    hash ^= (k[10] as u64) << 32 | k[11] as u64;
    hash = (hash ^ hash >> 33).wrapping_mul(0xff51_afd7_ed55_8ccd);
    hash ^= (k[12] as u64) << 32 | k[13] as u64;
    hash = (hash ^ hash >> 33).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    (hash >> 32) as u32
}

/// What the fabric spreads tunnels by, so that not all flows to a host take the same way. Without a key, as the fabric's own hash
/// is, and another function than [`flow_hash`], which would tie it to the member.
#[inline(always)]
#[must_use]
pub(crate) const fn entropy(packet: &Packet) -> u16 {
    const fn fold(addr: &[u8; 16]) -> u64 {
        let high = (word(addr, 0) as u64) << 32 | word(addr, 1) as u64;
        high.rotate_left(17) ^ ((word(addr, 2) as u64) << 32 | word(addr, 3) as u64)
    }
    let ports = (packet.src_port as u64) << 16 | packet.dst_port as u64;
    let sum = fold(&packet.src).wrapping_mul(0x9e37_79b9_7f4a_7c15)
        ^ (fold(&packet.dst) ^ ports.rotate_left(29)).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    ((sum ^ sum >> 32).wrapping_mul(0xff51_afd7_ed55_8ccd) >> 48) as u16
}

/// The row of a hash among `rows`: a multiplication instead of a division.
///
/// Source: Lemire, *Fast random integer generation in an interval*, 2019 (without the rejection: with 2^32 hashes and
/// at most 2^17 rows the bias is below 2^-15).
#[inline(always)]
#[must_use]
pub const fn row_of(hash: u32, rows: u32) -> u32 {
    ((hash as u64 * rows as u64) >> 32) as u32
}

//! The Internet checksum and its incremental update.
//!
//! Source: RFC 1071; RFC 1624, equation 3 (the one without the minus-zero error).

/// Folds a 32-bit one's-complement sum to 16 bits.
#[inline(always)]
#[must_use]
pub const fn fold(sum: u32) -> u16 {
    let sum = (sum & 0xffff) + (sum >> 16);
    ((sum & 0xffff) + (sum >> 16)) as u16
}

/// One's-complement sum of `bytes` as big-endian 16-bit words, not complemented, an odd last byte padded with zero.
#[inline(always)]
#[must_use]
pub fn sum(bytes: &[u8], start: u32) -> u32 {
    let mut total = start;
    let mut pairs = bytes.chunks_exact(2);
    for pair in &mut pairs {
        total += u32::from(pair[0]) << 8 | u32::from(pair[1]);
        total = (total & 0xffff) + (total >> 16);
    }
    if let [last] = pairs.remainder() {
        total += u32::from(*last) << 8;
    }
    (total & 0xffff) + (total >> 16)
}

/// The checksum after one 16-bit word under it changed from `old` to `new`.
#[inline(always)]
#[must_use]
pub const fn replace(checksum: u16, old: u16, new: u16) -> u16 {
    !fold(!checksum as u32 + !old as u32 + new as u32)
}

/// The checksum after an IPv4 address under it changed.
#[inline(always)]
#[must_use]
pub const fn replace_pseudo(checksum: u16, old: [u8; 4], new: [u8; 4]) -> u16 {
    let checksum =
        replace(checksum, u16::from_be_bytes([old[0], old[1]]), u16::from_be_bytes([new[0], new[1]]));
    replace(checksum, u16::from_be_bytes([old[2], old[3]]), u16::from_be_bytes([new[2], new[3]]))
}

/// The checksum after an address of either family under it changed; both in 16 bytes, so IPv4's first twelve never differ.
#[inline(always)]
#[must_use]
pub const fn replace_addr(checksum: u16, old: &[u8; 16], new: &[u8; 16]) -> u16 {
    let mut checksum = checksum;
    let mut at = 0;
    while at < 16 {
        let old = u16::from_be_bytes([old[at], old[at + 1]]);
        checksum = replace(checksum, old, u16::from_be_bytes([new[at], new[at + 1]]));
        at += 2;
    }
    checksum
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec::Vec;

    use super::*;

    #[test]
    fn an_updated_checksum_equals_one_computed_anew() {
        let mut state = 1_u32;
        let mut random = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 16) as u16
        };
        for _ in 0..100_000 {
            let (a, b, new) = (random(), random(), random());
            let words = |x: u16| -> Vec<u8> { [a.to_be_bytes(), b.to_be_bytes(), x.to_be_bytes()].concat() };
            let old = random();
            let before = !fold(sum(&words(old), 0));
            let after = !fold(sum(&words(new), 0));
            let updated = replace(before, old, new);
            // 0x0000 and 0xffff are the same number in one's complement.
            assert!(updated == after || (updated ^ after) == 0xffff && (updated == 0 || after == 0));
        }
    }
}

//! Checksums of what is stored: they notice what SQLite does not, a flipped bit in a value or a page of yesterday.

/// CRC-32 of an entry, or of a write in the log. It finds every flipped bit and nearly every other damage, at a cost
/// that does not show beside reading the file; against malice it does nothing, and is not meant to.
pub(crate) fn of_entry(key: &str, value: Option<&[u8]>, revision: u64) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    // Lengths first, so that no byte can move from a key to its value unnoticed.
    hasher.update(&(key.len() as u64).to_le_bytes());
    hasher.update(&revision.to_le_bytes());
    hasher.update(key.as_bytes());
    if let Some(value) = value {
        hasher.update(&[1]);
        hasher.update(value);
    }
    hasher.finalize()
}

/// CRC-32 of the store's own numbers, in the order of their names.
pub(crate) fn of_numbers<'a>(numbers: impl IntoIterator<Item = (&'a str, u64)>) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    for (name, number) in numbers {
        hasher.update(name.as_bytes());
        hasher.update(&number.to_le_bytes());
    }
    hasher.finalize()
}

/// The sum of the checksums of a set of entries: it tells that one is missing, or that an old one has come back.
///
/// # Invariants
/// Below 2^63, since SQLite's numbers are signed; sums are taken modulo that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Digest(u64);

impl Digest {
    const MASK: u64 = i64::MAX as u64;

    /// One that was stored.
    pub(crate) const fn stored(number: u64) -> Self {
        Self(number & Self::MASK)
    }

    /// As it is stored.
    pub(crate) const fn number(self) -> u64 {
        self.0
    }

    /// Takes an entry in.
    pub(crate) const fn add(&mut self, checksum: u32) {
        self.0 = self.0.wrapping_add(checksum as u64) & Self::MASK;
    }

    /// Lets an entry go.
    pub(crate) const fn remove(&mut self, checksum: u32) {
        self.0 = self.0.wrapping_sub(checksum as u64) & Self::MASK;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_flipped_bit_changes_a_checksum() {
        let (key, value) = ("region/vpcs/vpc-1", b"{\"schema\":2}".as_slice());
        let right = of_entry(key, Some(value), 7);
        for bit in 0..value.len() * 8 {
            let mut flipped = value.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(of_entry(key, Some(&flipped), 7), right, "bit {bit}");
        }
        assert_ne!(of_entry(key, Some(value), 6), right);
        assert_ne!(of_entry("region/vpcs/vpc-", Some(b"1{\"schema\":2}"), 7), right);
        assert_ne!(of_entry("a", None, 1), of_entry("a", Some(b""), 1));
    }

    #[test]
    fn a_digest_is_that_of_a_set_whatever_its_history() {
        let mut straight = Digest::default();
        straight.add(u32::MAX);
        straight.add(7);
        let mut detour = Digest::default();
        // Below zero and up again.
        detour.remove(9);
        detour.add(7);
        detour.add(9);
        detour.add(u32::MAX);
        assert_eq!(detour, straight);
        assert_eq!(Digest::stored(straight.number()), straight);
        let mut below = Digest::default();
        below.remove(1);
        assert!(i64::try_from(below.number()).is_ok());
    }
}

//! What was counted of something in a second or a minute, and many of them as few bytes.

/// Whose metrics: a number that outlives it, for the numbers of resources are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct SeriesId(u64);

impl SeriesId {
    /// The server itself: it was there.
    pub(crate) const SERVER: Self = Self(0);

    /// A listener, by its number.
    pub(crate) const fn listener(number: u32) -> Self {
        Self(1 << 60 | number as u64)
    }

    /// A target, by the numbers of its backend service and of its instance, which has 28 bits.
    pub(crate) const fn target(backend: u32, instance: u32) -> Self {
        Self(2 << 60 | (backend as u64) << 28 | (instance as u64 & 0x0fff_ffff))
    }

    /// A host, by its index.
    pub(crate) const fn host(index: u16) -> Self {
        Self(3 << 60 | index as u64)
    }

    /// As it is kept: below 2^62.
    pub(crate) const fn number(self) -> u64 {
        self.0
    }

    pub(crate) const fn of_number(number: u64) -> Self {
        Self(number)
    }
}

/// What is counted. Numbers are kept on disk, and never mean something else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Field(pub(crate) u8);

impl Field {
    pub(crate) const CONNECTIONS: Self = Self(0);
    /// The only one that is a state and no event: the highest of a time stands for it.
    pub(crate) const FLOWS: Self = Self(1);
    pub(crate) const PACKETS_IN: Self = Self(2);
    pub(crate) const PACKETS_OUT: Self = Self(3);
    pub(crate) const BYTES: Self = Self(4);
    /// The first of the outcomes.
    const OUTCOMES: u8 = 16;

    /// Packets with an outcome, by its number.
    pub(crate) const fn outcome(number: u8) -> Option<Self> {
        match Self::OUTCOMES.checked_add(number) {
            Some(field) => Some(Self(field)),
            None => None,
        }
    }
}

/// What was counted in some time. What is not in it is 0.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sample(Vec<(Field, u64)>);

impl Sample {
    /// Counts more.
    pub(crate) fn add(&mut self, field: Field, more: u64) {
        if more > 0 {
            let value = self.value_mut(field);
            *value = value.saturating_add(more);
        }
    }

    /// It was so high once.
    pub(crate) fn raise(&mut self, field: Field, to: u64) {
        if to > 0 {
            let value = self.value_mut(field);
            *value = to.max(*value);
        }
    }

    /// Takes another time's into this one's.
    pub(crate) fn join(&mut self, other: &Self) {
        for (field, value) in other.iter() {
            if field == Field::FLOWS { self.raise(field, value) } else { self.add(field, value) }
        }
    }

    /// How much of it there was.
    pub(crate) fn value(&self, field: Field) -> u64 {
        self.0.binary_search_by_key(&field, |(known, _)| *known).map_or(0, |at| self.0[at].1)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (Field, u64)> + '_ {
        self.0.iter().copied()
    }

    fn value_mut(&mut self, field: Field) -> &mut u64 {
        let at = match self.0.binary_search_by_key(&field, |(known, _)| *known) {
            Ok(at) => at,
            Err(at) => {
                self.0.insert(at, (field, 0));
                at
            }
        };
        &mut self.0[at].1
    }

    /// Writes it behind what is there: a byte that says which of the first seven fields follow, and, with its highest bit, that others do.
    pub(crate) fn encode(&self, bytes: &mut Vec<u8>) {
        let (usual, other): (Vec<_>, Vec<_>) = self.iter().partition(|(field, _)| field.0 < 7);
        let mask = usual.iter().fold(0, |mask, (field, _)| mask | 1 << field.0);
        bytes.push(mask | u8::from(!other.is_empty()) << 7);
        usual.iter().for_each(|(_, value)| put(bytes, *value));
        if !other.is_empty() {
            put(bytes, other.len() as u64);
        }
        for (field, value) in other {
            bytes.push(field.0);
            put(bytes, value);
        }
    }

    /// Reads one; nothing where there is none.
    pub(crate) fn decode(bytes: &mut &[u8]) -> Option<Self> {
        let mask = take_byte(bytes)?;
        let mut sample = Self::default();
        for field in (0..7).filter(|field| mask >> field & 1 != 0) {
            sample.add(Field(field), take(bytes)?);
        }
        if mask >> 7 != 0 {
            for _ in 0..take(bytes)? {
                let field = Field(take_byte(bytes)?);
                sample.add(field, take(bytes)?);
            }
        }
        Some(sample)
    }
}

/// Samples by time, those without anything left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Track {
    bytes: Vec<u8>,
    last: u64,
}

impl Track {
    /// Adds the sample of a time later than all others, counted from the track's beginning.
    pub(crate) fn push(&mut self, at: u64, sample: &Sample) {
        put(&mut self.bytes, at.saturating_sub(self.last));
        sample.encode(&mut self.bytes);
        self.last = at;
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// It will not grow any more.
    pub(crate) fn shrink(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// Samples of a track that was kept, with their times. Ends where the bytes make no sense.
    pub(crate) fn read(mut bytes: &[u8]) -> impl Iterator<Item = (u64, Sample)> + '_ {
        let mut at = 0_u64;
        std::iter::from_fn(move || {
            at = at.checked_add(take(&mut bytes)?)?;
            Some((at, Sample::decode(&mut bytes)?))
        })
    }
}

/// Writes a number, seven bits a byte, the lowest first (LEB128).
pub(crate) fn put(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// Reads a number; nothing where there is none.
pub(crate) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let byte = take_byte(bytes)?;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

fn take_byte(bytes: &mut &[u8]) -> Option<u8> {
    let (first, rest) = bytes.split_first()?;
    *bytes = rest;
    Some(*first)
}

#[cfg(test)]
mod tests {
    use proptest::{
        collection::{btree_map, vec},
        prelude::*,
    };

    use super::*;

    fn sample() -> impl Strategy<Value = Sample> {
        let value = prop_oneof![1..200_u64, any::<u64>().prop_map(|it| it.max(1))];
        btree_map(any::<u8>().prop_map(Field), value, 0..8).prop_map(|it| Sample(it.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn a_track_is_read_as_it_was_written(samples in btree_map(0..100_000_u64, sample(), 0..50)) {
            let mut track = Track::default();
            samples.iter().for_each(|(at, sample)| track.push(*at, sample));
            let read: Vec<_> = Track::read(track.bytes()).collect();
            prop_assert_eq!(read, samples.into_iter().collect::<Vec<_>>());
        }

        #[test]
        fn a_track_of_any_bytes_ends(bytes in vec(any::<u8>(), 0..200)) {
            prop_assert!(Track::read(&bytes).count() <= bytes.len());
        }
    }

    #[test]
    fn a_busy_second_takes_few_bytes_and_an_idle_one_none() {
        let mut sample = Sample::default();
        for (field, value) in [(0, 30), (1, 120), (2, 900), (3, 700), (4, 800_000)] {
            sample.add(Field(field), value);
        }
        let mut track = Track::default();
        (0..60).for_each(|second| track.push(second, &sample));
        assert_eq!(track.bytes().len(), 60 * 11);
    }

    #[test]
    fn joined_events_add_up_and_the_highest_state_counts() {
        let of = |connections, flows| {
            let mut sample = Sample::default();
            sample.add(Field::CONNECTIONS, connections);
            sample.raise(Field::FLOWS, flows);
            sample
        };
        let mut minute = of(3, 7);
        minute.join(&of(4, 5));
        assert_eq!(minute, of(7, 7));
    }

    #[test]
    fn everybody_has_a_series_of_its_own() {
        let ids = [
            SeriesId::SERVER,
            SeriesId::listener(0),
            SeriesId::listener(u32::MAX),
            SeriesId::target(1, 2),
            SeriesId::target(2, 1),
            SeriesId::target(u32::MAX, (1 << 28) - 1),
            SeriesId::host(0),
            SeriesId::host(u16::MAX),
        ];
        let numbers: std::collections::BTreeSet<_> = ids.iter().map(|id| id.number()).collect();
        assert_eq!(numbers.len(), ids.len());
        assert!(numbers.iter().all(|number| *number < 1 << 62));
    }
}

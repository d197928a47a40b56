//! The last hour, second by second, and what of it becomes minutes.
//!
//! Pure: times are arguments.

use std::collections::{BTreeMap, HashMap, VecDeque};

use super::sample::{Field, Sample, SeriesId, Track};

/// How long a second stays open for what hosts tell of it late.
pub(crate) const OPEN_SECONDS: u64 = 8;
/// Minutes that are kept second by second.
const MINUTES_KEPT: u64 = 60;
/// By so much a clock may be set back unnoticed: those seconds count together.
const CLOCK_STEP: u64 = 10;
/// What a track takes beside its bytes: its place, and what the allocator adds.
const TRACK_COST: usize = 64;

/// Seconds of all series.
///
/// # Shape
/// Seconds that are open are maps, closed ones lie in a track a series and minute. A series without anything in a minute has no track
/// there: what is idle takes no room and no time.
///
/// # Invariants
/// Tracks take no more than `bytes_max`; the oldest minute goes first, of all series.
#[derive(Debug)]
pub(crate) struct History {
    open: BTreeMap<u64, HashMap<SeriesId, Sample>>,
    /// The first second that is not closed.
    next: u64,
    /// The first second of which something is known.
    since: u64,
    tracks: HashMap<SeriesId, VecDeque<(u64, Track)>>,
    /// What each minute's tracks take.
    bytes: BTreeMap<u64, usize>,
    bytes_max: usize,
}

/// A minute of all series that had something in it.
pub(crate) type Minute = (u64, Vec<(SeriesId, Sample)>);

impl History {
    /// Nothing is known before `now`, a second.
    pub(crate) fn new(now: u64, bytes_max: usize) -> Self {
        Self {
            open: BTreeMap::new(),
            next: now,
            since: now,
            tracks: HashMap::new(),
            bytes: BTreeMap::new(),
            bytes_max,
        }
    }

    /// Counts what has happened between two moments, in milliseconds, as if it had been steady. What is too late for its second
    /// counts for the first one that is open.
    pub(crate) fn add(&mut self, (from, to): (u64, u64), series: SeriesId, field: Field, count: u64) {
        for (second, share) in spread(from, to, count) {
            self.sample(second.max(self.next), series).add(field, share);
        }
    }

    /// How many flows there are at the end of a second.
    pub(crate) fn note_flows(&mut self, second: u64, series: SeriesId, flows: u64) {
        if second >= self.next {
            self.sample(second, series).raise(Field::FLOWS, flows);
        }
    }

    fn sample(&mut self, second: u64, series: SeriesId) -> &mut Sample {
        self.open.entry(second).or_default().entry(series).or_default()
    }

    /// Closes the seconds that are over for long enough; returns the minutes that are whole then.
    pub(crate) fn close(&mut self, now: u64) -> Vec<Minute> {
        let mut minutes = Vec::new();
        let until = now.saturating_sub(OPEN_SECONDS);
        if until + CLOCK_STEP < self.next {
            // The clock was set back, and those seconds come once more.
            *self = Self::new(now, self.bytes_max);
            return minutes;
        }
        // One that was set forward: nothing is known of what it left out.
        let leap = until.saturating_sub(self.next) > 60 * MINUTES_KEPT;
        if leap {
            self.since = until;
        }
        while self.next < until {
            let second = self.next;
            let minute = second / 60;
            for (series, sample) in self.open.remove(&second).unwrap_or_default() {
                let tracks = self.tracks.entry(series).or_default();
                let bytes = self.bytes.entry(minute).or_default();
                if tracks.back().is_none_or(|(last, _)| *last != minute) {
                    tracks.push_back((minute, Track::default()));
                    *bytes += TRACK_COST;
                }
                if let Some((_, track)) = tracks.back_mut() {
                    let before = track.bytes().len();
                    track.push(second % 60, &sample);
                    *bytes += track.bytes().len() - before;
                }
            }
            self.next += 1;
            if self.next.is_multiple_of(60) {
                minutes.push((minute, self.end_minute(minute)));
            } else if self.open.is_empty() {
                // Nothing to close until then, or until the minute ends.
                let idle_until = if leap { until } else { (minute + 1) * 60 - 1 };
                self.next = until.min(idle_until).max(self.next);
            }
        }
        minutes
    }

    fn end_minute(&mut self, minute: u64) -> Vec<(SeriesId, Sample)> {
        let mut samples = Vec::new();
        for (series, tracks) in &mut self.tracks {
            let Some((_, track)) = tracks.back_mut().filter(|(last, _)| *last == minute) else { continue };
            track.shrink();
            let mut whole = Sample::default();
            Track::read(track.bytes()).for_each(|(_, sample)| whole.join(&sample));
            samples.push((*series, whole));
        }
        samples.sort_unstable_by_key(|(series, _)| *series);
        while let Some((&oldest, _)) = self.bytes.first_key_value() {
            let total: usize = self.bytes.values().sum();
            if oldest + MINUTES_KEPT > minute && total <= self.bytes_max {
                break;
            }
            self.forget(oldest);
        }
        samples
    }

    fn forget(&mut self, minute: u64) {
        self.bytes.remove(&minute);
        self.tracks.retain(|_, tracks| {
            tracks.pop_front_if(|(first, _)| *first <= minute);
            !tracks.is_empty()
        });
        self.since = self.since.max((minute + 1) * 60);
    }

    /// The first second of which something is known.
    pub(crate) fn since(&self) -> u64 {
        self.since
    }

    /// The first minute that is not whole yet.
    pub(crate) fn next_minute(&self) -> u64 {
        self.next / 60
    }

    /// Seconds of a series in which there was something, oldest first.
    pub(crate) fn seconds(
        &self,
        series: SeriesId,
        from: u64,
        to: u64,
    ) -> impl Iterator<Item = (u64, Sample)> + '_ {
        let tracks = self.tracks.get(&series).into_iter().flatten();
        let tracks = tracks.filter(move |(minute, _)| minute * 60 + 60 > from && minute * 60 < to);
        let closed = tracks.flat_map(|(minute, track)| {
            Track::read(track.bytes()).map(move |(second, sample)| (minute * 60 + second, sample))
        });
        let open =
            self.open.iter().filter_map(move |(second, all)| Some((*second, all.get(&series)?.clone())));
        closed.chain(open).filter(move |(second, _)| (from..to).contains(second))
    }

    /// Bytes of all tracks.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.values().sum()
    }
}

/// What each second has of something that happened steadily between two moments in milliseconds. Nothing is lost to rounding.
fn spread(from: u64, to: u64, count: u64) -> impl Iterator<Item = (u64, u64)> {
    let length = u128::from(to.saturating_sub(from)).max(1);
    let until = move |ms: u64| {
        let part = u128::from(ms.clamp(from, to.max(from)) - from);
        if to <= from { count } else { (u128::from(count) * part / length) as u64 }
    };
    // A moment belongs to the second that ends with it: nothing happens at the beginning of one.
    let (first, last) = if to <= from { (to / 1000, to / 1000) } else { (from / 1000, (to - 1) / 1000) };
    (first..=last).map(move |second| {
        let before = if second == first { 0 } else { until(second * 1000) };
        (second, until(second * 1000 + 1000) - before)
    })
}

#[cfg(test)]
mod tests {
    use proptest::{collection::vec, prelude::*};

    use super::*;

    const ONE: SeriesId = SeriesId::listener(1);

    fn connections(sample: &Sample) -> u64 {
        sample.iter().filter(|(field, _)| *field == Field::CONNECTIONS).map(|(_, value)| value).sum()
    }

    proptest! {
        #[test]
        fn nothing_is_lost_or_invented(from in 0..10_000_u64, length in 0..9_000_u64, count in any::<u64>()) {
            let shares: Vec<_> = spread(from, from + length, count).collect();
            prop_assert_eq!(shares.iter().map(|(_, share)| u128::from(*share)).sum::<u128>(), u128::from(count));
            prop_assert!(shares.iter().all(|(second, _)| (from / 1000..=(from + length) / 1000).contains(second)));
        }

        #[test]
        fn seconds_minutes_and_what_was_told_agree(
            told in vec((0..40_000_u64, 1..2_500_u64, 0..1_000_u64), 1..100),
        ) {
            let start = 6_000;
            let mut history = History::new(start, usize::MAX);
            let (mut now, mut total, mut in_minutes) = (start * 1000, 0, 0);
            for (idle, length, count) in told {
                now += idle;
                let minutes = history.close(now / 1000);
                in_minutes += minutes.iter().flat_map(|(_, all)| all).map(|(_, it)| connections(it)).sum::<u64>();
                history.add((now, now + length), ONE, Field::CONNECTIONS, count);
                now += length;
                total += count;
            }
            let seconds: u64 = history.seconds(ONE, 0, u64::MAX).map(|(_, it)| connections(&it)).sum();
            // An hour is kept, and this may take longer.
            prop_assert!(seconds == total || now / 1000 - start > 3_600);
            let minutes = history.close(now / 1000 + 120);
            in_minutes += minutes.iter().flat_map(|(_, all)| all).map(|(_, it)| connections(it)).sum::<u64>();
            prop_assert_eq!(in_minutes, total);
        }
    }

    #[test]
    fn a_steady_rate_is_steady_whenever_it_is_told() {
        let shares: Vec<_> = spread(10_250, 12_250, 200).collect();
        assert_eq!(shares, [(10, 75), (11, 100), (12, 25)]);
        assert_eq!(spread(10_000, 11_000, 7).collect::<Vec<_>>(), [(10, 7)]);
    }

    #[test]
    fn a_minute_is_whole_when_its_last_second_is_closed_and_there_is_one_for_every_minute() {
        let mut history = History::new(600, usize::MAX);
        history.add((600_000, 601_000), ONE, Field::CONNECTIONS, 5);
        history.note_flows(600, ONE, 3);
        history.note_flows(610, ONE, 2);
        assert!(history.close(660 + OPEN_SECONDS - 1).is_empty());
        let minutes = history.close(660 + OPEN_SECONDS);
        let mut sample = Sample::default();
        sample.add(Field::CONNECTIONS, 5);
        sample.raise(Field::FLOWS, 3);
        assert_eq!(minutes, [(10, vec![(ONE, sample)])]);
        let idle = history.close(900 + OPEN_SECONDS);
        assert_eq!(idle, (11..15).map(|minute| (minute, vec![])).collect::<Vec<_>>());
        assert_eq!(history.next_minute(), 15);
    }

    #[test]
    fn what_comes_too_late_counts_for_the_first_open_second() {
        let mut history = History::new(600, usize::MAX);
        history.close(620);
        history.add((605_000, 606_000), ONE, Field::CONNECTIONS, 5);
        let seconds: Vec<_> = history.seconds(ONE, 0, 700).map(|(at, it)| (at, connections(&it))).collect();
        assert_eq!(seconds, [(612, 5)]);
    }

    #[test]
    fn an_hour_is_kept_and_no_more_bytes_than_allowed() {
        let run = |bytes_max| {
            let mut history = History::new(6_000, bytes_max);
            for second in 6_000..6_000 + 2 * 3_600 {
                history.add((second * 1000, second * 1000 + 1000), ONE, Field::BYTES, 100_000);
                history.close(second + 1);
            }
            history
        };
        let hour = run(usize::MAX);
        assert!((3_600..3_720).contains(&hour.seconds(ONE, 0, u64::MAX).count()));
        let small = run(hour.bytes() / 4);
        let (kept, first) = (small.seconds(ONE, 0, u64::MAX).count(), small.seconds(ONE, 0, u64::MAX).next());
        assert!(small.bytes() <= hour.bytes() / 4 + hour.bytes() / 50, "a minute more at most");
        assert!((800..1_000).contains(&kept), "{kept}");
        assert_eq!(first.map(|(at, _)| at), Some(small.since()));
    }

    #[test]
    fn a_clock_that_jumps_leaves_a_gap() {
        let mut history = History::new(600, usize::MAX);
        history.add((659_000, 660_000), ONE, Field::CONNECTIONS, 5);
        let minutes = history.close(100_000);
        assert_eq!(minutes.iter().map(|(minute, all)| (*minute, all.len())).collect::<Vec<_>>(), [(10, 1)]);
        assert_eq!(history.since(), 100_000 - OPEN_SECONDS);
        history.add((100_000_000, 100_001_000), ONE, Field::CONNECTIONS, 7);
        assert_eq!(history.seconds(ONE, 0, u64::MAX).map(|(_, it)| connections(&it)).last(), Some(7));
        history.close(50_000);
        assert_eq!((history.since(), history.seconds(ONE, 0, u64::MAX).count()), (50_000, 0));
    }
}

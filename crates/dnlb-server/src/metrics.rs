//! What went by listeners, targets and hosts, and when: the last hour second by second in memory, a month minute by minute on disk.
//!
//! Agents tell totals each second (`intake`). What has happened between two of them is spread over the seconds between them
//! (`history`); when a minute is whole it goes to a file (`archive`). What fails there is logged and missing, and concerns nothing
//! else.

mod archive;
mod history;
mod intake;
mod sample;

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use dnlb_model::{HostId, Region};
use dnlb_proto::Counters;
use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{MissedTickBehavior, interval},
};

use archive::{Archive, ArchiveError, ArchiveLimits};
use history::{History, Minute};
use intake::Intake;
use sample::Sample;

pub(crate) use sample::{Field, SeriesId};

/// Name of the file in the data directory.
const FILE: &str = "metrics.db";

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct MetricsLimits {
    /// Days for which minutes are kept.
    pub days: u32,
    /// Bytes of the file.
    pub file_bytes: u64,
    /// Bytes of the seconds in memory.
    pub memory_bytes: usize,
}

impl Default for MetricsLimits {
    fn default() -> Self {
        Self { days: 30, file_bytes: 1 << 30, memory_bytes: 256 << 20 }
    }
}

/// The metrics of a region; clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    kept: Arc<Mutex<Kept>>,
    /// One to write and one to read: who asks for a month does not keep the next minute waiting.
    archive: Option<Arc<(Mutex<Archive>, Mutex<Archive>)>>,
}

#[derive(Debug)]
struct Kept {
    intake: Intake,
    history: History,
}

/// What is known of a series.
#[derive(Debug)]
pub(crate) struct Known {
    /// Times in which there was something, by their beginning in seconds.
    pub(crate) samples: BTreeMap<u64, Sample>,
    /// Whether anything is known of a time that begins at a second.
    pub(crate) covers: Covered,
}

/// Of which times something is known.
#[derive(Debug)]
pub(crate) struct Covered {
    /// All from here on.
    since: u64,
    /// Minutes before, by their beginning.
    minutes: BTreeSet<u64>,
}

impl Covered {
    /// Whether something is known of a part of this time.
    pub(crate) fn any(&self, from: u64, to: u64) -> bool {
        to > self.since || self.minutes.range(from..to).next().is_some()
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::in_memory()
    }
}

impl Metrics {
    /// Without a file: for a server that is a test.
    #[must_use]
    pub fn in_memory() -> Self {
        Self::new(None, MetricsLimits::default())
    }

    /// With the file of a data directory. Without one that can be used, the log says why, and an hour is all that is known.
    #[must_use]
    pub fn open(data_dir: &Path, limits: MetricsLimits) -> Self {
        let path = data_dir.join(FILE);
        let own = ArchiveLimits { days: limits.days, bytes: limits.file_bytes };
        let open = || Ok::<_, ArchiveError>((Archive::open(&path, own)?, Archive::open(&path, own)?));
        let archive = match open() {
            Ok((writer, reader)) => Some(Arc::new((Mutex::new(writer), Mutex::new(reader)))),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::error!(file = %path.display(), error, "metrics are kept for an hour only");
                None
            }
        };
        Self::new(archive, limits)
    }

    fn new(archive: Option<Arc<(Mutex<Archive>, Mutex<Archive>)>>, limits: MetricsLimits) -> Self {
        let history = History::new(unix_ms() / 1000, limits.memory_bytes);
        Self { kept: Arc::new(Mutex::new(Kept { intake: Intake::default(), history })), archive }
    }

    /// Takes what a host has counted. What is not its own to tell is ignored.
    pub(crate) fn on_counters(&self, host: &HostId, counters: &Counters, region: &Region) {
        let Some(index) = region.hosts.get(host).map(|host| host.index) else { return };
        let numbers = region.index();
        let kept = &mut *self.kept();
        let (intake, history) = (&mut kept.intake, &mut kept.history);
        let of = |service, instance| backend_of(region, &numbers, host, service, instance);
        intake.on_counters(host, index, counters, unix_ms(), history, of);
    }

    /// A host has no stream any more.
    pub(crate) fn on_disconnected(&self, host: &HostId) {
        self.kept().intake.on_disconnected(host);
    }

    /// Closes seconds and keeps minutes until it is dropped.
    pub async fn keep(self, snapshots: watch::Receiver<Arc<Region>>) {
        let mut ticks = interval(Duration::from_secs(1));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut works = true;
        loop {
            ticks.tick().await;
            let minutes = self.tick(unix_ms() / 1000, &snapshots.borrow().clone());
            let (false, Some(archive)) = (minutes.is_empty(), self.archive.clone()) else { continue };
            let kept = spawn_blocking(move || {
                let mut writer = lock(&archive.0);
                minutes.iter().try_for_each(|minute| writer.keep(minute))
            });
            match kept.await {
                Ok(Ok(())) => {
                    if !works {
                        tracing::info!("metrics are written again");
                    }
                    works = true;
                }
                Ok(Err(error)) => {
                    if works {
                        let error = &error as &dyn std::error::Error;
                        tracing::error!(
                            error,
                            "metrics cannot be written: minutes are missing until it works again"
                        );
                    }
                    works = false;
                }
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "writing metrics failed");
                }
            }
        }
    }

    fn tick(&self, now: u64, region: &Region) -> Vec<Minute> {
        let kept = &mut *self.kept();
        kept.intake.note_flows(now.saturating_sub(1), &mut kept.history);
        let mut minutes = kept.history.close(now);
        if !minutes.is_empty() {
            let numbers = region.index();
            kept.intake.retain(
                |host| region.hosts.contains_key(host),
                |host, service, instance| backend_of(region, &numbers, host, service, instance),
            );
        }
        // The server was there: a minute in which nothing went by is no minute of which nothing is known.
        let mut there = Sample::default();
        there.add(Field::CONNECTIONS, 1);
        for (_, samples) in &mut minutes {
            samples.insert(0, (SeriesId::SERVER, there.clone()));
        }
        minutes
    }

    /// What is known of several series together, by seconds. Blocks.
    pub(crate) fn seconds(&self, series: &[SeriesId], from: u64, to: u64) -> Known {
        let kept = self.kept();
        let mut samples = BTreeMap::new();
        for series in series {
            add_up(&mut samples, kept.history.seconds(*series, from, to));
        }
        Known { samples, covers: Covered { since: kept.history.since(), minutes: BTreeSet::new() } }
    }

    /// The same by minutes. Blocks.
    pub(crate) fn minutes(&self, series: &[SeriesId], from: u64, to: u64) -> Result<Known, ReadError> {
        let (next, since) = {
            let history = &self.kept().history;
            (history.next_minute(), history.since())
        };
        let mut samples = BTreeMap::new();
        let mut minutes = BTreeSet::new();
        let mut behind = since;
        // Without a file, what is in memory is all there is.
        if let Some(archive) = &self.archive {
            // The last minute may be on its way to the file.
            behind = (next.saturating_sub(2) * 60).max(since / 60 * 60);
            let reader = lock(&archive.1);
            let (first, end) = (from / 60, to.div_ceil(60).min(behind / 60));
            for series in series {
                let found = reader.minutes(*series, first, end)?;
                add_up(&mut samples, found.into_iter().map(|(minute, sample)| (minute * 60, sample)));
            }
            let there = reader.minutes(SeriesId::SERVER, first, end)?;
            minutes.extend(there.into_iter().map(|(minute, _)| minute * 60));
        }
        let kept = self.kept();
        for series in series {
            let mut of_one: BTreeMap<u64, Sample> = BTreeMap::new();
            for (second, sample) in kept.history.seconds(*series, from.max(behind), to) {
                of_one.entry(second / 60 * 60).or_default().join(&sample);
            }
            add_up(&mut samples, of_one);
        }
        Ok(Known { samples, covers: Covered { since: since.max(behind), minutes } })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        lock(&self.kept)
    }
}

/// Why metrics could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the history of metrics cannot be read")]
pub(crate) struct ReadError(#[from] ArchiveError);

/// Adds one series to others: flows, too, are those of all together.
fn add_up(sums: &mut BTreeMap<u64, Sample>, one: impl IntoIterator<Item = (u64, Sample)>) {
    for (at, sample) in one {
        let sum = sums.entry(at).or_default();
        sample.iter().for_each(|(field, value)| sum.add(field, value));
    }
}

/// The number of the backend service of a service, if a host carries the instance; instance 0 is nobody, whom any host may speak of.
fn backend_of(
    region: &Region,
    numbers: &dnlb_model::Index,
    host: &HostId,
    service: u32,
    instance: u32,
) -> Option<u32> {
    let listener = region.listeners.get(numbers.listener_of_number.get(&service)?)?;
    let backend = region.backends.get(&listener.backend)?;
    if instance != 0 {
        let instance = region.instances.get(numbers.instance_of_number.get(&instance)?)?;
        if instance.host != *host {
            return None;
        }
    }
    Some(backend.number)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic elsewhere costs some counts at most.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn unix_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(now.as_millis()).unwrap_or(u64::MAX)
}

//! Minutes of a month, in a file of their own beside the store: whatever becomes of it, the region is not concerned.
//!
//! A minute is written as one row as soon as it is whole. When an hour is over, its rows become one row a series, which is how they
//! are asked for.

use std::path::{Path, PathBuf};

use rusqlite::{Connection, ErrorCode, OptionalExtension, params};

use super::{
    history::Minute,
    sample::{Sample, SeriesId, Track, put, take},
};

/// How the tables look; raised when that changes.
const SCHEMA: u32 = 1;
/// Minutes of an hour.
const HOUR: u64 = 60;

/// Why the archive could not be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ArchiveError {
    /// A later version made it.
    #[error("{} was made by a later version", path.display())]
    Later {
        /// The file.
        path: PathBuf,
    },
    /// The file could not be put aside.
    #[error("{} is damaged and cannot be put aside", path.display())]
    PutAside {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// SQLite says why.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
}

/// The file.
#[derive(Debug)]
pub(crate) struct Archive {
    connection: Connection,
    limits: ArchiveLimits,
}

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ArchiveLimits {
    pub(crate) days: u32,
    pub(crate) bytes: u64,
}

impl Archive {
    /// Opens or makes it. A damaged one is put aside.
    pub(crate) fn open(path: &Path, limits: ArchiveLimits) -> Result<Self, ArchiveError> {
        match Self::try_open(path, limits) {
            Err(ArchiveError::Sqlite(error)) if is_damage(&error) => {
                let aside = path.with_extension("db.damaged");
                tracing::error!(
                    file = %path.display(),
                    aside = %aside.display(),
                    error = &error as &dyn std::error::Error,
                    "the history of metrics is damaged: it is put aside, and a new one begins"
                );
                let put_aside = |source| ArchiveError::PutAside { path: path.to_owned(), source };
                std::fs::rename(path, &aside).map_err(put_aside)?;
                for suffix in ["-wal", "-shm"] {
                    let mut beside = path.as_os_str().to_owned();
                    beside.push(suffix);
                    // Without its file it is of no use, and the next one would stumble over it.
                    let _ = std::fs::remove_file(beside);
                }
                Self::try_open(path, limits)
            }
            other => other,
        }
    }

    fn try_open(path: &Path, limits: ArchiveLimits) -> Result<Self, ArchiveError> {
        let connection = Connection::open(path)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        // A crash of the machine may cost the last minutes; that of the server does not.
        connection.pragma_update(None, "synchronous", "NORMAL")?;
        let schema: u32 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if schema > SCHEMA {
            return Err(ArchiveError::Later { path: path.to_owned() });
        }
        connection.execute_batch(
            "CREATE TABLE IF NOT EXISTS minutes (minute INTEGER PRIMARY KEY, samples BLOB NOT NULL);
             CREATE TABLE IF NOT EXISTS hours (
                 hour INTEGER NOT NULL, series INTEGER NOT NULL, track BLOB NOT NULL, PRIMARY KEY (hour, series)
             ) WITHOUT ROWID;",
        )?;
        connection.pragma_update(None, "user_version", SCHEMA)?;
        Ok(Self { connection, limits })
    }

    /// Keeps a minute, and what has to be done when its hour is the first after another. All of it or nothing.
    pub(crate) fn keep(&mut self, (minute, samples): &Minute) -> Result<(), ArchiveError> {
        let transaction = self.connection.transaction()?;
        let mut bytes = Vec::new();
        for (series, sample) in samples {
            put(&mut bytes, series.number());
            sample.encode(&mut bytes);
        }
        transaction.execute("INSERT OR REPLACE INTO minutes VALUES (?1, ?2)", params![minute, bytes])?;
        while let Some(first) = transaction.query_row(
            "SELECT min(minute) FROM minutes WHERE minute < ?1",
            [minute / HOUR * HOUR],
            |row| row.get::<_, Option<u64>>(0),
        )? {
            seal(&transaction, first / HOUR)?;
        }
        let oldest = (minute / HOUR).saturating_sub(u64::from(self.limits.days) * 24);
        transaction.execute("DELETE FROM hours WHERE hour < ?1", [oldest])?;
        transaction.commit()?;
        self.make_room()
    }

    /// Removes the oldest hours while there is too much; always one that is over, so that something stays.
    fn make_room(&mut self) -> Result<(), ArchiveError> {
        while self.used()? > self.limits.bytes {
            let removed = self
                .connection
                .execute("DELETE FROM hours WHERE hour = (SELECT min(hour) FROM hours)", [])?;
            if removed == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Bytes of the file that hold something; what is free is used again.
    fn used(&self) -> Result<u64, ArchiveError> {
        let pragma =
            |name: &str| self.connection.query_row(&format!("PRAGMA {name}"), [], |row| row.get::<_, u64>(0));
        Ok((pragma("page_count")? - pragma("freelist_count")?) * pragma("page_size")?)
    }

    /// Minutes of a series in which there was something, oldest first.
    pub(crate) fn minutes(
        &self,
        series: SeriesId,
        from: u64,
        to: u64,
    ) -> Result<Vec<(u64, Sample)>, ArchiveError> {
        let mut found = Vec::new();
        let mut hours =
            self.connection.prepare_cached("SELECT track FROM hours WHERE hour = ?1 AND series = ?2")?;
        for hour in self.hours(from / HOUR, to.div_ceil(HOUR))? {
            let track: Option<Vec<u8>> =
                hours.query_row(params![hour, series.number()], |row| row.get(0)).optional()?;
            let track = track.unwrap_or_default();
            found.extend(Track::read(&track).map(|(minute, sample)| (hour * HOUR + minute, sample)));
        }
        let mut minutes = self.connection.prepare_cached(
            "SELECT minute, samples FROM minutes WHERE minute >= ?1 AND minute < ?2 ORDER BY minute",
        )?;
        let mut rows = minutes.query(params![from, to])?;
        while let Some(row) = rows.next()? {
            let samples: Vec<u8> = row.get(1)?;
            let minute = row.get(0)?;
            found.extend(samples_of(&samples).find(|(one, _)| *one == series).map(|(_, it)| (minute, it)));
        }
        found.retain(|(minute, _)| (from..to).contains(minute));
        Ok(found)
    }

    /// The hours of which there are tracks.
    fn hours(&self, from: u64, to: u64) -> Result<Vec<u64>, ArchiveError> {
        let mut all = self
            .connection
            .prepare_cached("SELECT hour FROM hours WHERE hour >= ?1 AND hour < ?2 AND series = ?3")?;
        // Every hour has the server's own.
        let hours = all.query_map(params![from, to, SeriesId::SERVER.number()], |row| row.get(0))?;
        Ok(hours.collect::<Result<_, _>>()?)
    }
}

/// Makes tracks of an hour's minutes.
fn seal(connection: &Connection, hour: u64) -> Result<(), ArchiveError> {
    let (first, end) = (hour * HOUR, (hour + 1) * HOUR);
    let mut tracks = std::collections::BTreeMap::<SeriesId, Track>::new();
    {
        let mut minutes = connection.prepare_cached(
            "SELECT minute, samples FROM minutes WHERE minute >= ?1 AND minute < ?2 ORDER BY minute",
        )?;
        let mut rows = minutes.query(params![first, end])?;
        while let Some(row) = rows.next()? {
            let (minute, samples): (u64, Vec<u8>) = (row.get(0)?, row.get(1)?);
            for (series, sample) in samples_of(&samples) {
                tracks.entry(series).or_default().push(minute - first, &sample);
            }
        }
    }
    let mut insert = connection.prepare_cached("INSERT OR REPLACE INTO hours VALUES (?1, ?2, ?3)")?;
    for (series, track) in tracks {
        insert.execute(params![hour, series.number(), track.bytes()])?;
    }
    connection.execute("DELETE FROM minutes WHERE minute >= ?1 AND minute < ?2", params![first, end])?;
    Ok(())
}

/// The samples of a minute's row. Ends where the bytes make no sense.
fn samples_of(mut bytes: &[u8]) -> impl Iterator<Item = (SeriesId, Sample)> + '_ {
    std::iter::from_fn(move || {
        let series = SeriesId::of_number(take(&mut bytes)?);
        Some((series, Sample::decode(&mut bytes)?))
    })
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::sample::Field;

    const LIMITS: ArchiveLimits = ArchiveLimits { days: 30, bytes: 1 << 30 };

    fn sample(count: u64) -> Sample {
        let mut sample = Sample::default();
        sample.add(Field::CONNECTIONS, count);
        sample
    }

    fn minute(minute: u64, series: impl IntoIterator<Item = (u32, u64)>) -> Minute {
        let listeners = series.into_iter().map(|(number, count)| (SeriesId::listener(number), sample(count)));
        (minute, std::iter::once((SeriesId::SERVER, sample(1))).chain(listeners).collect())
    }

    fn counts(archive: &Archive, number: u32, from: u64, to: u64) -> Vec<(u64, u64)> {
        let found = archive.minutes(SeriesId::listener(number), from, to).unwrap();
        let count = |sample: Sample| sample.iter().map(|(_, value)| value).sum();
        found.into_iter().map(|(minute, sample)| (minute, count(sample))).collect()
    }

    #[test]
    fn minutes_are_found_again_within_an_hour_after_it_and_by_the_next_server() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.db");
        let mut archive = Archive::open(&path, LIMITS).unwrap();
        let written: Vec<_> = (100..330).map(|at| (at, at % 7 + 1)).collect();
        for (at, count) in &written {
            archive.keep(&minute(*at, [(1, *count), (2, 1000)])).unwrap();
            assert_eq!(counts(&archive, 1, 0, 1000).len() as u64, at - 99);
        }
        assert_eq!(counts(&archive, 1, 0, 1000), written);
        assert_eq!(counts(&archive, 1, 119, 121), written[19..21]);
        drop(archive);
        let archive = Archive::open(&path, LIMITS).unwrap();
        assert_eq!(counts(&archive, 1, 0, 1000), written);
        assert_eq!(counts(&archive, 3, 0, 1000), []);
    }

    #[test]
    fn what_is_older_than_the_days_goes() {
        let dir = tempfile::tempdir().unwrap();
        let limits = ArchiveLimits { days: 1, ..LIMITS };
        let mut archive = Archive::open(&dir.path().join("metrics.db"), limits).unwrap();
        for hour in 0..40 {
            archive.keep(&minute(hour * 60, [(1, 1)])).unwrap();
        }
        let kept: Vec<_> = counts(&archive, 1, 0, 10_000).into_iter().map(|(at, _)| at / 60).collect();
        assert_eq!(kept, (15..40).collect::<Vec<_>>());
    }

    #[test]
    fn the_oldest_goes_when_there_is_too_much() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.db");
        let limits = ArchiveLimits { bytes: 512 << 10, ..LIMITS };
        let mut archive = Archive::open(&path, limits).unwrap();
        for at in 0..60 * 20 {
            archive.keep(&minute(at, (1..200).map(|number| (number, at + 1)))).unwrap();
        }
        let kept = counts(&archive, 7, 0, 10_000);
        assert!(archive.used().unwrap() <= limits.bytes);
        assert!(kept.len() > 60 && kept.len() < 60 * 20, "{}", kept.len());
        assert_eq!(kept.last(), Some(&(60 * 20 - 1, 60 * 20)));
        assert!(std::fs::metadata(&path).unwrap().len() < 2 * limits.bytes);
    }

    #[test]
    fn a_damaged_file_is_put_aside_and_a_later_one_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("metrics.db");
        std::fs::write(&path, "no database at all, but long enough to be looked at".repeat(100)).unwrap();
        let mut archive = Archive::open(&path, LIMITS).unwrap();
        archive.keep(&minute(1, [(1, 1)])).unwrap();
        assert_eq!(counts(&archive, 1, 0, 10), [(1, 1)]);
        assert!(dir.path().join("metrics.db.damaged").exists());
        archive.connection.pragma_update(None, "user_version", SCHEMA + 1).unwrap();
        drop(archive);
        assert!(matches!(Archive::open(&path, LIMITS), Err(ArchiveError::Later { .. })));
    }

    #[test]
    fn a_full_disk_loses_a_minute_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let mut archive = Archive::open(&dir.path().join("metrics.db"), LIMITS).unwrap();
        archive.keep(&minute(1, [(1, 1)])).unwrap();
        let pages: u64 = archive.connection.query_row("PRAGMA page_count", [], |row| row.get(0)).unwrap();
        let set = |archive: &Archive, pages: u64| {
            archive.connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(())).unwrap();
        };
        set(&archive, pages);
        assert!(archive.keep(&minute(2, (1..5000).map(|number| (number, 5)))).is_err());
        set(&archive, 1 << 30);
        archive.keep(&minute(3, [(1, 3)])).unwrap();
        assert_eq!(counts(&archive, 1, 0, 10), [(1, 1), (3, 3)]);
    }
}

//! A look at the write-ahead log before SQLite takes it in.
//!
//! SQLite reads the log up to the first record that is not whole and forgets the rest. That is right for what a
//! crash cut short, which nobody was told of, and wrong for a bit that flipped in the middle: acknowledged commits
//! behind it would be gone without a word. The two differ in what comes after.
//!
//! # Source
//! The file format: <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>.

use std::io::{self, Read};

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;

/// What a log holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Log {
    /// Transactions that are whole, one after the other from the beginning.
    pub(super) commits: u64,
    /// Records after them that end a transaction of the same log: one may be what a crash cut short.
    pub(super) stranded: u64,
}

impl Log {
    /// What is wrong with it, if something is.
    ///
    /// A commit is on disk before the next one begins. So a crash leaves at most one that is not whole, and where
    /// there are two, what was acknowledged cannot be read any more.
    pub(super) fn damage(self) -> Option<String> {
        (self.stranded > 1).then(|| {
            format!(
                "of its write-ahead log {} transactions can be read, and {} or more after them cannot",
                self.commits, self.stranded
            )
        })
    }
}

/// Reads a log.
///
/// # Errors
/// Those of the reader.
pub(super) fn inspect(mut log: impl Read) -> io::Result<Log> {
    let mut header = [0; HEADER];
    if !fill(&mut log, &mut header)? {
        return Ok(Log::default());
    }
    let magic = word(&header, 0);
    let big_endian = magic & 1 == 1;
    let mut sum = checksum(big_endian, (0, 0), &header[..24]);
    let whole = magic & !1 == 0x377f_0682 && sum == (word(&header, 24), word(&header, 28));
    // A header that is not whole does not say how long records are; 4 KiB is what this program's are.
    let page = if whole { word(&header, 8) as usize } else { 4096 };
    if !page.is_power_of_two() || !(512..=65_536).contains(&page) {
        return Ok(Log { commits: 0, stranded: 2 });
    }
    let mut salts = whole.then(|| (word(&header, 16), word(&header, 20)));
    let mut readable = whole;
    let mut found = Log::default();
    let mut frame = vec![0; FRAME_HEADER + page];
    while fill(&mut log, &mut frame)? {
        let of = (word(&frame, 8), word(&frame, 12));
        if *salts.get_or_insert(of) != of {
            // Left over from before the log was begun anew, or damaged: later records tell.
            readable = false;
            continue;
        }
        if readable {
            sum = checksum(big_endian, sum, &frame[..8]);
            sum = checksum(big_endian, sum, &frame[FRAME_HEADER..]);
            readable = sum == (word(&frame, 16), word(&frame, 20));
        }
        let ends_a_transaction = word(&frame, 4) != 0;
        match (readable, ends_a_transaction) {
            (_, false) => {}
            (true, true) => found.commits += 1,
            (false, true) => found.stranded += 1,
        }
    }
    Ok(found)
}

/// Fills the buffer; false at the end of the file, also in the middle of a record.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match reader.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |bytes| bytes.iter().fold(0, |word, byte| word << 8 | u32::from(*byte)))
}

/// SQLite's running checksum over pairs of words.
fn checksum(big_endian: bool, start: (u32, u32), bytes: &[u8]) -> (u32, u32) {
    let read = |bytes: &[u8]| {
        let bytes = [bytes[0], bytes[1], bytes[2], bytes[3]];
        if big_endian { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
    };
    bytes.chunks_exact(8).fold(start, |(first, second), pair| {
        let first = first.wrapping_add(read(&pair[..4])).wrapping_add(second);
        (first, second.wrapping_add(read(&pair[4..])).wrapping_add(first))
    })
}

#[cfg(test)]
mod tests {
    use rusqlite::Connection;

    use super::*;

    const FRAME: usize = FRAME_HEADER + 4096;

    /// The log of four small transactions, as a crash would leave it.
    fn log() -> Vec<u8> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("x.db");
        let connection = Connection::open(&path).unwrap();
        connection.pragma_update(None, "journal_mode", "WAL").unwrap();
        connection.execute_batch("CREATE TABLE t (x); INSERT INTO t VALUES (1);").unwrap();
        connection.execute_batch("PRAGMA wal_checkpoint(RESTART)").unwrap();
        for number in 0..4 {
            connection.execute("UPDATE t SET x = ?1", [number]).unwrap();
        }
        let log = std::fs::read(dir.path().join("x.db-wal")).unwrap();
        assert_eq!(inspect(log.as_slice()).unwrap().commits, 4);
        log
    }

    fn found(log: &[u8]) -> (u64, bool) {
        let log = inspect(log).unwrap();
        (log.commits, log.damage().is_some())
    }

    #[test]
    fn what_a_crash_cut_short_is_no_damage() {
        let log = log();
        for end in [0, 7, HEADER, HEADER + 9, HEADER + FRAME, HEADER + FRAME + 100, HEADER + 2 * FRAME - 1] {
            let whole = end.saturating_sub(HEADER) / FRAME;
            assert_eq!(found(&log[..end]), (whole as u64, false), "cut after {end} bytes");
        }
    }

    #[test]
    fn a_last_transaction_that_is_not_whole_is_one_that_nobody_was_told_of() {
        let mut log = log();
        log[HEADER + 3 * FRAME + FRAME_HEADER + 100] ^= 1;
        assert_eq!(found(&log[..HEADER + 4 * FRAME]), (3, false));
    }

    #[test]
    fn a_flipped_bit_before_later_transactions_is_damage() {
        for at in [HEADER + 5, HEADER + FRAME_HEADER + 4000, HEADER + FRAME + 17] {
            let mut log = log();
            log[at] ^= 0x10;
            let (commits, damage) = found(&log);
            assert!(damage && commits < 2, "at {at}: {commits} transactions");
        }
    }

    #[test]
    fn a_header_that_cannot_be_read_before_transactions_is_damage() {
        for at in [0, 8, 17, 25] {
            let mut log = log();
            log[at] ^= 0x10;
            assert_eq!(found(&log), (0, true), "at {at}");
        }
    }

    #[test]
    fn what_is_left_of_a_former_log_is_no_damage() {
        let mut log = log();
        let former: Vec<u8> = log[HEADER..].iter().map(|byte| byte ^ 0x55).collect();
        log.extend_from_slice(&former[..2 * FRAME]);
        let (commits, damage) = found(&log);
        assert!(!damage && commits == 4, "{commits}");
    }

    #[test]
    fn noise_is_neither_a_panic_nor_a_transaction() {
        let mut state = 1_u32;
        let mut noise = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[0]
        };
        for length in [1, 31, 32, 56, 5000, 20_000] {
            let bytes: Vec<u8> = (0..length).map(|_| noise()).collect();
            assert_eq!(inspect(bytes.as_slice()).unwrap().commits, 0);
        }
    }
}

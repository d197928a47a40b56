//! Times as the wire writes them, always UTC.

/// Seconds since the epoch as `2026-11-22T21:04:31Z`.
#[must_use]
pub fn iso(seconds: u64) -> String {
    let (year, month, day, second) = split(seconds);
    let (h, m, s) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}Z")
}

/// Seconds since the epoch as `20261122T210431Z`, the form of `x-jdcloud-date`.
#[must_use]
pub fn basic(seconds: u64) -> String {
    iso(seconds).replace(['-', ':'], "")
}

/// Reads the form of `x-jdcloud-date`, nothing else.
#[must_use]
pub fn parse_basic(text: &str) -> Option<u64> {
    let bytes: &[u8; 16] = text.as_bytes().try_into().ok()?;
    if bytes[8] != b'T' || bytes[15] != b'Z' {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        bytes[range]
            .iter()
            .try_fold(0u64, |sum, &byte| byte.is_ascii_digit().then(|| sum * 10 + u64::from(byte - b'0')))
    };
    let (year, month, day) = (number(0..4)?, number(4..6)?, number(6..8)?);
    let (hour, minute, second) = (number(9..11)?, number(11..13)?, number(13..15)?);
    let seconds = days(year, month, day)? * 86_400 + hour * 3600 + minute * 60 + second;
    // Back and forth: refuses 30 February, hour 24 and the like without a table of them.
    (basic(seconds) == text).then_some(seconds)
}

/// Reads the form that [`iso`] writes, nothing else.
#[must_use]
pub fn parse_iso(text: &str) -> Option<u64> {
    let seconds = parse_basic(&text.replace(['-', ':'], ""))?;
    (iso(seconds) == text).then_some(seconds)
}

/// Days since the epoch of a date of the proleptic Gregorian calendar, from 1970 on.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    // Years begin in March, so that the leap day is the last of its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    Some(365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468)
}

/// Year, month, day and second of the day.
fn split(seconds: u64) -> (u64, u64, u64, u64) {
    let days = seconds / 86_400 + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let (year, month) = if month < 10 {
        (era * 400 + year_of_era, month + 3)
    } else {
        (era * 400 + year_of_era + 1, month - 9)
    };
    (year, month, day, seconds % 86_400)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn known_times() {
        assert_eq!(iso(0), "1970-01-01T00:00:00Z");
        assert_eq!(iso(951_827_696), "2000-02-29T12:34:56Z");
        assert_eq!(iso(4_107_542_400), "2100-03-01T00:00:00Z");
        assert_eq!(parse_basic("20261122T210431Z"), Some(1_795_381_471));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "20261122T210431",
            "20261122t210431Z",
            "2026112 T210431Z",
            "20260230T000000Z",
            "20261122T240000Z",
            "20261322T000000Z",
            "+0261122T210431Z",
            "19691231T235959Z",
        ] {
            assert_eq!(parse_basic(text), None, "{text}");
            assert_eq!(parse_iso(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn reading_undoes_writing(seconds in 0u64..253_402_300_800) {
            prop_assert_eq!(parse_basic(&basic(seconds)), Some(seconds));
            prop_assert_eq!(parse_iso(&iso(seconds)), Some(seconds));
        }
    }
}

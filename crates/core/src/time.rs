//! Points in time, as XSD `dateTimeStamp` writes them. The clock itself is never read here.

use std::fmt;
use std::time::Duration;

use crate::Malformed;

/// A point in time, to the nanosecond, between the years 0001 and 9999.
///
/// Compared as an instant: `10:00:00+02:00` equals `08:00:00Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Since 1970-01-01T00:00:00Z.
    seconds: i64,
    /// Always added to `seconds`.
    nanos: u32,
}

const EARLIEST: i64 = -62_135_596_800; // 0001-01-01T00:00:00Z
const LATEST: i64 = 253_402_300_799; // 9999-12-31T23:59:59Z

impl Timestamp {
    /// The point `seconds` after 1970-01-01T00:00:00Z; `None` outside of the years 0001 to 9999.
    pub fn from_unix(seconds: i64) -> Option<Self> {
        (EARLIEST..=LATEST).contains(&seconds).then_some(Self { seconds, nanos: 0 })
    }

    /// Seconds since 1970-01-01T00:00:00Z, or the nearest point there is: a date that no clock
    /// reaches is as good as never, and one before all clocks as always.
    pub fn from_unix_clamped(seconds: i64) -> Self {
        Self { seconds: seconds.clamp(EARLIEST, LATEST), nanos: 0 }
    }

    /// Seconds since 1970-01-01T00:00:00Z, rounded down.
    pub fn unix(self) -> i64 {
        self.seconds
    }

    /// Parses an XSD `dateTimeStamp` (XSD 1.1 part 2, 3.4.28; VCDM 2.0, 4.9): the offset is
    /// mandatory, the year has four digits, there is no leap second. Digits beyond nanoseconds
    /// are dropped.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        parse_date_time_stamp(text).ok_or_else(|| {
            Malformed::new(
                "date-time",
                "expected a form like 2026-01-31T12:00:00Z, with a time zone",
            )
        })
    }

    /// The point `duration` later, or the latest there is.
    pub fn saturating_add(self, duration: Duration) -> Self {
        let nanos = self.nanos + duration.subsec_nanos();
        let seconds = i64::try_from(duration.as_secs())
            .ok()
            .and_then(|seconds| seconds.checked_add(i64::from(nanos / 1_000_000_000)))
            .and_then(|seconds| self.seconds.checked_add(seconds))
            .filter(|seconds| *seconds <= LATEST);
        match seconds {
            Some(seconds) => Self { seconds, nanos: nanos % 1_000_000_000 },
            None => Self { seconds: LATEST, nanos: 999_999_999 },
        }
    }

    /// The point `duration` earlier, or the earliest there is.
    pub fn saturating_sub(self, duration: Duration) -> Self {
        let borrow = self.nanos < duration.subsec_nanos();
        let nanos = self.nanos + if borrow { 1_000_000_000 } else { 0 } - duration.subsec_nanos();
        let seconds = i64::try_from(duration.as_secs())
            .ok()
            .and_then(|seconds| seconds.checked_add(i64::from(borrow)))
            .and_then(|seconds| self.seconds.checked_sub(seconds))
            .filter(|seconds| *seconds >= EARLIEST);
        match seconds {
            Some(seconds) => Self { seconds, nanos },
            None => Self { seconds: EARLIEST, nanos: 0 },
        }
    }

    /// How long after `earlier` this is; zero if it is not.
    pub fn saturating_since(self, earlier: Self) -> Duration {
        if self <= earlier {
            return Duration::ZERO;
        }
        let mut seconds = self.seconds.abs_diff(earlier.seconds);
        let mut nanos = self.nanos;
        if nanos < earlier.nanos {
            seconds -= 1;
            nanos += 1_000_000_000;
        }
        Duration::new(seconds, nanos - earlier.nanos)
    }
}

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC; a fraction only where there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = civil_from_days(self.seconds.div_euclid(86_400));
        let second = self.seconds.rem_euclid(86_400);
        let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        if self.nanos > 0 {
            let fraction = format!("{:09}", self.nanos);
            write!(f, ".{}", fraction.trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn parse_date_time_stamp(text: &str) -> Option<Timestamp> {
    let bytes = text.as_bytes();
    if bytes.len() < 20 || bytes.len() > 64 {
        return None;
    }
    let number = |range: std::ops::Range<usize>| {
        bytes.get(range)?.iter().try_fold(0_i64, |sum, byte| {
            byte.is_ascii_digit().then(|| sum * 10 + i64::from(byte - b'0'))
        })
    };
    let separators = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if separators.iter().any(|&(index, byte)| bytes[index] != byte) {
        return None;
    }
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let mut rest = &bytes[19..];
    let mut nanos = 0;
    if rest[0] == b'.' {
        let digits = rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return None;
        }
        let padded = rest[1..=digits].iter().copied().chain(std::iter::repeat(b'0'));
        nanos = padded.take(9).fold(0, |nanos, digit| nanos * 10 + u32::from(digit - b'0'));
        rest = &rest[1 + digits..];
    }
    let offset = match rest {
        [b'Z'] => 0,
        [sign @ (b'+' | b'-'), _, _, b':', _, _] => {
            let at = bytes.len() - 5;
            let (hours, minutes) = (number(at..at + 2)?, number(at + 3..at + 5)?);
            if minutes > 59 || hours > 14 || (hours == 14 && minutes > 0) {
                return None;
            }
            let seconds = hours * 3600 + minutes * 60;
            if *sign == b'-' { -seconds } else { seconds }
        }
        _ => return None,
    };
    let end_of_day = hour == 24 && minute == 0 && second == 0 && nanos == 0;
    let in_range = year >= 1
        && (1..=12).contains(&month)
        && (1..=days_in_month(year, month)).contains(&day)
        && (hour <= 23 || end_of_day)
        && minute <= 59
        && second <= 59;
    if !in_range {
        return None;
    }
    let seconds = days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
    Some(Timestamp { nanos, ..Timestamp::from_unix(seconds - offset)? })
}

fn days_in_month(year: i64, month: i64) -> i64 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + i64::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar, by eras of 400 years.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (month + if month > 2 { -3 } else { 9 }) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

/// Parses a length of time like `90s`, `15m`, `24h`, `7d`: a whole number and one unit.
pub fn parse_duration(text: &str) -> Result<Duration, Malformed> {
    let malformed =
        || Malformed::new("duration", "expected a whole number and s, m, h or d, like 15m");
    let (number, unit) = text.split_at_checked(text.len().wrapping_sub(1)).ok_or_else(malformed)?;
    let seconds = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return Err(malformed()),
    };
    if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed());
    }
    let count: u64 = number.parse().map_err(|_| malformed())?;
    count.checked_mul(seconds).map(Duration::from_secs).ok_or_else(malformed)
}

/// Writes a length of time as [`parse_duration`] reads it, in the largest unit that is exact.
pub fn format_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => "0s".to_owned(),
        _ if seconds.is_multiple_of(86_400) => format!("{}d", seconds / 86_400),
        _ if seconds.is_multiple_of(3600) => format!("{}h", seconds / 3600),
        _ if seconds.is_multiple_of(60) => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_and_writes_date_time_stamps() {
        for (text, unix, written) in [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
            ("2000-02-29T23:59:59+14:00", 951_818_399, "2000-02-29T09:59:59Z"),
            ("2026-11-22T10:00:00-06:00", 1_795_363_200, "2026-11-22T16:00:00Z"),
            ("2023-12-31T24:00:00Z", 1_704_067_200, "2024-01-01T00:00:00Z"),
            ("0001-01-01T00:00:00Z", EARLIEST, "0001-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59Z", LATEST, "9999-12-31T23:59:59Z"),
        ] {
            let parsed = Timestamp::parse(text).unwrap();
            assert_eq!((parsed.unix(), parsed.to_string().as_str()), (unix, written), "{text}");
        }
        let fraction = Timestamp::parse("2026-01-01T00:00:00.1230000004Z").unwrap();
        assert_eq!(fraction.to_string(), "2026-01-01T00:00:00.123Z");
    }

    #[test]
    fn refuses_what_is_not_a_date_time_stamp() {
        for text in [
            "",
            "2026-01-01",
            "2026-01-01T00:00:00",
            "2026-01-01 00:00:00Z",
            "2026-01-01t00:00:00z",
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-01-01T24:00:01Z",
            "2026-01-01T00:00:60Z",
            "10000-01-01T00:00:00Z",
            "-001-01-01T00:00:00Z",
            "0000-01-01T00:00:00Z",
            "2026-01-01T00:00:00+15:00",
            "2026-01-01T00:00:00+14:01",
            "2026-01-01T00:00:00.Z",
            "9999-12-31T23:59:59-01:00",
            "Sat 25 Feb 2023 07:16:31 PM CST",
            "２026-01-01T00:00:00Z",
        ] {
            assert!(Timestamp::parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn adds_and_subtracts() {
        let start = Timestamp::parse("2026-01-01T00:00:00.5Z").unwrap();
        let later = start.saturating_add(Duration::from_millis(600));
        assert_eq!(later.to_string(), "2026-01-01T00:00:01.1Z");
        assert_eq!(later.saturating_sub(Duration::from_millis(600)), start);
        assert_eq!(later.saturating_since(start), Duration::from_millis(600));
        assert_eq!(start.saturating_since(later), Duration::ZERO);
        let far = Duration::new(i64::MAX as u64, 999_999_999);
        assert_eq!(start.saturating_add(far).unix(), LATEST);
        assert_eq!(start.saturating_sub(far).unix(), EARLIEST);
        assert_eq!(start.saturating_add(Duration::MAX).unix(), LATEST);
        assert_eq!(start.saturating_sub(Duration::MAX).unix(), EARLIEST);
    }

    #[test]
    fn reads_durations() {
        assert_eq!(parse_duration("15m").unwrap(), Duration::from_secs(900));
        assert_eq!(format_duration(parse_duration("48h").unwrap()), "2d");
        for text in ["", "m", "1.5h", "-1s", "1w", "1 h", "99999999999999999999d", "1é"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}

//! Points in time as text, and the name of a run.

use crate::sys::random;
use std::io;
use std::time::{SystemTime, UNIX_EPOCH};

/// Date and time in UTC, to the millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Civil {
    year: i64,
    month: u64,
    day: u64,
    second: u64,
    milli: u32,
}

impl Civil {
    fn of(time: SystemTime) -> Self {
        // Before 1970 a clock is not set at all.
        let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
        // Days since 0000-03-01, so that the leap day is a year's last.
        let day = days + 719_468;
        let (era, day) = (day / 146_097, day % 146_097);
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let (month, next) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
        let year = i64::try_from(era * 400 + year + next).unwrap_or(i64::MAX);
        Self { year, month, day, second, milli: since.subsec_millis() }
    }
}

/// RFC 3339 in UTC, such as `2026-11-20T23:49:05.123Z`. Texts sort as times do.
pub(crate) fn rfc3339(time: SystemTime) -> String {
    let Civil { year, month, day, second, milli } = Civil::of(time);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
}

/// A name for the run that begins at `time`: letters, digits and hyphens.
///
/// # Errors
/// The system has no random numbers.
pub fn run_id(time: SystemTime) -> io::Result<String> {
    let text = rfc3339(time);
    let digits: String = text.chars().take(19).filter(char::is_ascii_digit).collect();
    let (date, clock) = digits.split_at_checked(8).unwrap_or((&digits, ""));
    Ok(format!("{date}-{clock}-{:08x}", u32::from_le_bytes(random::bytes()?)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn at(seconds: u64) -> String {
        rfc3339(UNIX_EPOCH + Duration::from_secs(seconds))
    }

    #[test]
    fn dates_are_right() {
        assert_eq!(at(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(at(951_782_399), "2000-02-28T23:59:59.000Z");
        assert_eq!(at(951_782_400), "2000-02-29T00:00:00.000Z");
        assert_eq!(at(951_868_800), "2000-03-01T00:00:00.000Z");
        assert_eq!(at(1_709_164_800), "2024-02-29T00:00:00.000Z");
        assert_eq!(at(1_735_689_599), "2024-12-31T23:59:59.000Z");
        assert_eq!(at(4_107_542_400), "2100-03-01T00:00:00.000Z");
        assert_eq!(rfc3339(UNIX_EPOCH - Duration::from_secs(5)), at(0));
    }

    #[test]
    fn runs_have_names_of_their_own() {
        let time = UNIX_EPOCH + Duration::from_secs(1_709_164_801);
        let id = run_id(time).unwrap();
        assert!(id.starts_with("20240229-000001-") && id.len() == 24, "{id}");
        assert_ne!(run_id(time).unwrap(), id);
    }
}

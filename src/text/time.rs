//! Writes points in time.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The last second of the year 9999, since 1970: later ones have no place in the text.
const LAST_SECOND: u64 = 253_402_300_799;

/// RFC 3339 in UTC, such as `2026-11-20T23:49:05.123Z`. Texts sort as times do.
pub fn rfc3339(time: SystemTime) -> String {
    // A clock outside these years is not set at all.
    let last = UNIX_EPOCH + Duration::from_secs(LAST_SECOND);
    humantime::format_rfc3339_millis(time.clamp(UNIX_EPOCH, last)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        assert_eq!(at(LAST_SECOND + 1), "9999-12-31T23:59:59.000Z");
    }
}

//! Knows how long jobs take.

use std::time::Duration;

/// Attempts that the average of times goes back.
const MEMORY: u32 = 8;

/// How long jobs take, on an average of the latest.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pace {
    /// Of one job; nothing before the first is known.
    time: Option<Duration>,
    /// Size of its input in bytes.
    bytes: u64,
}

impl Pace {
    /// A job of so many bytes took so long.
    pub(super) fn measured(&mut self, spent: Duration, bytes: u64) {
        let Some(time) = &mut self.time else {
            *self = Self { time: Some(spent), bytes };
            return;
        };
        *time = (*time * (MEMORY - 1) + spent) / MEMORY;
        let (kept, all) = (u64::from(MEMORY - 1), u64::from(MEMORY));
        self.bytes = self.bytes.saturating_mul(kept).saturating_add(bytes) / all;
    }

    /// How long a job of so many bytes will take: a smaller one than the average is taken to be as
    /// slow.
    pub(super) fn expect(&self, bytes: u64) -> Option<Duration> {
        let times = bytes.div_ceil(self.bytes.max(1)).max(1);
        Some(self.time?.saturating_mul(u32::try_from(times).unwrap_or(u32::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_larger_file_is_taken_to_be_slower_and_a_smaller_one_not_to_be_faster() {
        let mut pace = Pace::default();
        assert_eq!(pace.expect(1), None);
        pace.measured(Duration::from_millis(8), 1000);
        assert_eq!(pace.expect(1000), Some(Duration::from_millis(8)));
        assert_eq!(pace.expect(3500), Some(Duration::from_millis(32)));
        assert_eq!(pace.expect(0), Some(Duration::from_millis(8)));
        for _ in 0..100 {
            pace.measured(Duration::from_millis(1), 10);
        }
        assert!(pace.expect(10).unwrap() < Duration::from_millis(2), "{pace:?}");
    }
}

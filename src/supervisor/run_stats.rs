//! Adds up a run.

use super::event::MemoryStatus;
use super::fault::Fault;
use super::summary::SlotRecord;
use std::collections::BTreeMap;
use std::time::Duration;

/// Sums that are kept while the run goes.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::supervisor) struct RunStats {
    pub(in crate::supervisor) attempts: u64,
    pub(in crate::supervisor) oom_restarts: u64,
    pub(in crate::supervisor) faults: BTreeMap<Fault, u64>,
    /// The smallest limit that was seen, in bytes.
    pub(in crate::supervisor) memory_limit: u64,
}

impl RunStats {
    /// Memory was read.
    pub(in crate::supervisor) fn saw(&mut self, memory: &MemoryStatus) {
        // Another bound may be shown while it is violated; the report names the smallest.
        if self.memory_limit == 0 || memory.limit < self.memory_limit {
            self.memory_limit = memory.limit;
        }
    }

    /// An attempt did not succeed.
    pub(in crate::supervisor) fn failed(&mut self, cause: Fault, will_retry: bool) {
        *self.faults.entry(cause).or_default() += 1;
        self.oom_restarts += u64::from(will_retry && cause == Fault::OutOfMemory);
    }
}

/// Mean over highest busy time, and the share of all slots' time that was busy.
pub(in crate::supervisor) fn balance(slots: &[SlotRecord], took: Duration) -> (f64, f64) {
    let total: f64 = slots.iter().map(|slot| slot.busy_seconds).sum();
    let highest = slots.iter().map(|slot| slot.busy_seconds).fold(0.0, f64::max);
    #[expect(clippy::cast_precision_loss, reason = "there are few slots")]
    let count = slots.len() as f64;
    let ratio = |part: f64, whole: f64| if whole > 0.0 { (part / whole).min(1.0) } else { 1.0 };
    (ratio(total, highest * count), ratio(total, took.as_secs_f64() * count))
}

/// `part` of `whole` in percent; 0 of nothing.
#[expect(clippy::cast_precision_loss, reason = "a percentage for people")]
pub(in crate::supervisor) fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 * 100.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(busy_seconds: f64) -> SlotRecord {
        SlotRecord { busy_seconds, ..SlotRecord::default() }
    }

    #[test]
    fn balance_and_efficiency() {
        let close =
            |(a, b): (f64, f64), (c, d): (f64, f64)| (a - c).abs() < 1e-9 && (b - d).abs() < 1e-9;
        let ten = Duration::from_secs(10);
        assert!(close(balance(&[slot(10.0), slot(10.0)], ten), (1.0, 1.0)));
        assert!(close(balance(&[slot(8.0), slot(4.0)], ten), (0.75, 0.6)));
        assert!(close(balance(&[slot(0.0)], Duration::ZERO), (1.0, 1.0)));
        assert!(close(balance(&[], ten), (1.0, 1.0)));
        assert!((percent(1, 4) - 25.0).abs() < 1e-9 && percent(1, 0).abs() < 1e-9);
    }

    #[test]
    fn the_smallest_limit_is_kept() {
        let mut stats = RunStats::default();
        for limit in [300, 1000, 300] {
            stats.saw(&MemoryStatus { limit, ..MemoryStatus::default() });
        }
        assert_eq!(stats.memory_limit, 300);
    }
}

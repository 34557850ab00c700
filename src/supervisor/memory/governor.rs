//! Decides how many slots may be busy: halves after a death for memory, adds one after each quiet
//! interval, and acts on readings above the safety margin in three steps.

use crate::supervisor::event::{ConcurrencyReason, SafetyStep};
use std::time::Duration;

/// Deaths for memory so close together are one incident.
const INCIDENT: Duration = Duration::from_millis(500);
/// A reading above the margin that stays so long is acted upon.
const PERSISTENT: Duration = Duration::from_secs(1);
/// How long the youngest attempt may take to stop when asked.
const ASKED: Duration = Duration::from_secs(2);
/// The same when use is past the half-way point to the limit.
const ASKED_CRITICAL: Duration = Duration::from_millis(500);

/// One reading of memory, against the budget.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::supervisor) struct Pressure {
    /// In use above the budget.
    pub(in crate::supervisor) over: bool,
    /// Past the half-way point from budget to limit.
    pub(in crate::supervisor) critical: bool,
}

/// What the attempts look like to the governor.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::supervisor) struct Attempts {
    /// All that run.
    pub(in crate::supervisor) busy: u32,
    /// When one was asked to stop for memory and has not.
    pub(in crate::supervisor) asked_at: Option<Duration>,
    /// One was killed for memory and is not gone yet.
    pub(in crate::supervisor) dying: bool,
}

/// What a reading asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::supervisor) enum Order {
    /// A new violation was counted; from now on no new job.
    Hold,
    /// Ask the youngest attempt to stop.
    Ask,
    /// Kill the attempt that was asked.
    Kill,
}

impl From<Order> for SafetyStep {
    fn from(order: Order) -> Self {
        match order {
            Order::Hold => Self::Hold,
            Order::Ask => Self::Ask,
            Order::Kill => Self::Kill,
        }
    }
}

/// A change of the allowed concurrency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::supervisor) struct Change {
    pub(in crate::supervisor) allowed: u32,
    pub(in crate::supervisor) reason: ConcurrencyReason,
}

/// Knows how many slots may be busy, and what was done lately about memory.
#[derive(Debug, Clone)]
pub(in crate::supervisor) struct Governor {
    slots: u32,
    floor: u32,
    quiet_interval: Duration,
    allowed: u32,
    quiet_since: Duration,
    last_cut: Option<Duration>,
    above_since: Option<Duration>,
    violations: u64,
}

impl Governor {
    /// All of `slots` may be busy; never fewer than `floor` (and one) later.
    pub(in crate::supervisor) fn new(slots: u32, floor: u32, quiet_interval: Duration) -> Self {
        let slots = slots.max(1);
        Self {
            slots,
            floor: floor.clamp(1, slots),
            quiet_interval,
            allowed: slots,
            quiet_since: Duration::ZERO,
            last_cut: None,
            above_since: None,
            violations: 0,
        }
    }

    /// Slots that may be busy.
    pub(in crate::supervisor) fn allowed(&self) -> u32 {
        self.allowed
    }

    /// Whether a violation lasts, so that no job may join others.
    pub(in crate::supervisor) fn holds(&self) -> bool {
        self.above_since.is_some()
    }

    /// Violations so far.
    pub(in crate::supervisor) fn violations(&self) -> u64 {
        self.violations
    }

    /// Counts a violation that only a finished attempt's own peak tells of.
    pub(in crate::supervisor) fn count_violation(&mut self) {
        self.violations = self.violations.saturating_add(1);
    }

    /// A worker ran out of memory while `busy` attempts ran, its own included.
    pub(in crate::supervisor) fn out_of_memory(
        &mut self,
        now: Duration,
        busy: u32,
    ) -> Option<Change> {
        let same = self.last_cut.is_some_and(|cut| now.saturating_sub(cut) < INCIDENT);
        self.quiet_since = now;
        if same {
            return None;
        }
        self.last_cut = Some(now);
        self.cut(self.allowed.min(busy.max(1)) / 2, ConcurrencyReason::OutOfMemory)
    }

    /// No worker could be started beside the `live` ones.
    pub(in crate::supervisor) fn cannot_start(
        &mut self,
        now: Duration,
        live: u32,
    ) -> Option<Change> {
        self.quiet_since = now;
        self.cut(self.allowed.min(live), ConcurrencyReason::Spawn)
    }

    fn cut(&mut self, to: u32, reason: ConcurrencyReason) -> Option<Change> {
        let to = to.max(self.floor);
        (to < self.allowed).then(|| {
            self.allowed = to;
            Change { allowed: to, reason }
        })
    }

    /// Takes in a reading.
    pub(in crate::supervisor) fn reading(
        &mut self,
        now: Duration,
        pressure: Pressure,
        attempts: Attempts,
    ) -> (Option<Order>, Option<Change>) {
        if !pressure.over {
            self.above_since = None;
            return (None, None);
        }
        self.quiet_since = now;
        let Some(since) = self.above_since else {
            self.above_since = Some(now);
            self.count_violation();
            return (Some(Order::Hold), None);
        };
        if attempts.dying {
            self.above_since = Some(now);
            return (None, None);
        }
        if let Some(asked) = attempts.asked_at {
            let patience = if pressure.critical { ASKED_CRITICAL } else { ASKED };
            let kill = now.saturating_sub(asked) >= patience && attempts.busy > 1;
            return (kill.then_some(Order::Kill), None);
        }
        let act = pressure.critical || now.saturating_sub(since) >= PERSISTENT;
        if !act || attempts.busy < 2 {
            return (None, None);
        }
        // The next attempt is asked only if the reading stays high without this one.
        self.above_since = Some(now);
        let fewer = self.allowed.min(attempts.busy - 1);
        (Some(Order::Ask), self.cut(fewer, ConcurrencyReason::SafetyViolation))
    }

    /// One more slot after a quiet interval.
    pub(in crate::supervisor) fn tick(&mut self, now: Duration) -> Option<Change> {
        if self.allowed >= self.slots || self.holds() {
            self.quiet_since =
                self.quiet_since.max(if self.holds() { now } else { Duration::ZERO });
            return None;
        }
        if now.saturating_sub(self.quiet_since) < self.quiet_interval {
            return None;
        }
        self.quiet_since = now;
        self.allowed += 1;
        Some(Change { allowed: self.allowed, reason: ConcurrencyReason::Quiet })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUIET: Duration = Duration::from_secs(10);
    const OVER: Pressure = Pressure { over: true, critical: false };
    const CRITICAL: Pressure = Pressure { over: true, critical: true };
    const FINE: Pressure = Pressure { over: false, critical: false };

    fn seconds(s: f64) -> Duration {
        Duration::from_secs_f64(s)
    }

    fn running(busy: u32) -> Attempts {
        Attempts { busy, ..Attempts::default() }
    }

    #[test]
    fn memory_halves_and_quiet_raises_by_one() {
        let mut governor = Governor::new(8, 1, QUIET);
        governor.out_of_memory(seconds(1.0), 8);
        assert_eq!(governor.allowed(), 4);
        assert_eq!(governor.out_of_memory(seconds(1.2), 7), None, "the same incident");
        governor.out_of_memory(seconds(2.0), 4);
        governor.out_of_memory(seconds(3.0), 2);
        governor.out_of_memory(seconds(4.0), 1);
        assert_eq!(governor.allowed(), 1);
        assert_eq!(governor.tick(seconds(13.0)), None);
        assert_eq!(governor.tick(seconds(14.0)).unwrap().allowed, 2);
        assert_eq!(governor.tick(seconds(23.0)), None);
        assert_eq!(governor.tick(seconds(24.0)).unwrap().allowed, 3);
    }

    #[test]
    fn what_was_busy_is_halved_not_what_was_allowed() {
        let mut governor = Governor::new(16, 1, QUIET);
        assert_eq!(governor.out_of_memory(seconds(1.0), 3).unwrap().allowed, 1);
    }

    #[test]
    fn the_floor_holds() {
        let mut governor = Governor::new(8, 3, QUIET);
        for second in 1..10 {
            governor.out_of_memory(Duration::from_secs(second), 8);
        }
        assert_eq!(governor.allowed(), 3);
    }

    #[test]
    fn a_violation_holds_then_asks_then_kills() {
        let mut governor = Governor::new(4, 1, QUIET);
        assert_eq!(governor.reading(seconds(0.0), OVER, running(3)).0, Some(Order::Hold));
        assert!(governor.holds());
        assert_eq!(governor.reading(seconds(0.5), OVER, running(3)).0, None);
        let (order, change) = governor.reading(seconds(1.0), OVER, running(3));
        assert_eq!(order, Some(Order::Ask));
        assert_eq!(change.unwrap().allowed, 2);
        let asked = Attempts { busy: 3, asked_at: Some(seconds(1.0)), dying: false };
        assert_eq!(governor.reading(seconds(2.9), OVER, asked).0, None);
        assert_eq!(governor.reading(seconds(3.0), OVER, asked).0, Some(Order::Kill));
        assert_eq!(governor.violations(), 1, "one violation as long as it lasts");
        governor.reading(seconds(4.0), FINE, running(2));
        assert!(!governor.holds());
        governor.reading(seconds(5.0), OVER, running(2));
        assert_eq!(governor.violations(), 2);
    }

    #[test]
    fn a_critical_reading_does_not_wait() {
        let mut governor = Governor::new(4, 1, QUIET);
        governor.reading(seconds(0.0), CRITICAL, running(2));
        assert_eq!(governor.reading(seconds(0.1), CRITICAL, running(2)).0, Some(Order::Ask));
    }

    #[test]
    fn the_last_attempt_is_left_alone() {
        let mut governor = Governor::new(4, 1, QUIET);
        for tenth in 0..1000 {
            let order = governor.reading(seconds(f64::from(tenth) / 10.0), CRITICAL, running(1)).0;
            assert!(matches!(order, None | Some(Order::Hold)));
        }
    }
}

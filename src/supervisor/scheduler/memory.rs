//! Decides what a reading of memory leads to.

use super::super::event::SafetyStep;
use super::machine::{Scheduler, count};
use super::state::{Slot, SlotState, Stop, Why};
use super::{Action, MemoryReading, Notice};
use crate::supervisor::memory::governor::{Attempts, Order, Pressure};
use std::time::Duration;

impl Scheduler {
    pub(super) fn memory(&mut self, now: Duration, reading: MemoryReading) {
        for &(id, worker, anon) in &reading.anon {
            if let Some(slot) = self.slot_mut(id)
                && slot.worker() == Some(worker)
            {
                slot.anon = anon;
            }
        }
        let half_way =
            reading.budget.saturating_add(reading.limit.saturating_sub(reading.budget) / 2);
        let pressure = Pressure { over: reading.headroom < 0, critical: reading.used > half_way };
        let runs = || self.slots.iter().filter_map(Slot::run);
        let attempts = Attempts {
            busy: count(runs()),
            asked_at: runs()
                .filter_map(|run| match run.stop {
                    Stop::Asked { at, why: Why::Memory } => Some(at),
                    _ => None,
                })
                .min(),
            dying: runs().any(|run| matches!(run.stop, Stop::Killed { .. })),
        };
        let (order, change) = self.governor.reading(now, pressure, attempts);
        let done = match order {
            None => false,
            Some(Order::Hold) => true,
            Some(Order::Ask) => self.ask_youngest(now),
            Some(Order::Kill) => self.kill_asked(now),
        };
        if let (true, Some(order)) = (done, order) {
            self.tell_violation(&reading, order.into());
        }
        self.tell_change(change);
        self.reading = Some(reading);
    }

    /// An attempt's own peak was above the whole budget, though no reading was.
    pub(super) fn check_peak(&mut self, peak: u64) {
        let Some(reading) = &self.reading else { return };
        if peak <= reading.budget || self.governor.holds() {
            return;
        }
        let reading = MemoryReading { used: peak, ..reading.clone() };
        self.governor.count_violation();
        self.tell_violation(&reading, SafetyStep::Hold);
    }

    fn tell_violation(&mut self, reading: &MemoryReading, step: SafetyStep) {
        self.tell(Notice::Violation {
            used: reading.used,
            budget: reading.budget,
            limit: reading.limit,
            count: self.governor.violations(),
            step,
        });
    }

    fn ask_youngest(&mut self, now: Duration) -> bool {
        let youngest = self
            .numbered()
            .filter_map(|(id, slot)| {
                let run = slot.run()?;
                (run.stop == Stop::No).then_some((run.started, run.job, id))
            })
            .max();
        let Some((_, _, id)) = youngest else { return false };
        if let Some(Slot { state: SlotState::Busy { worker, run }, recalled, .. }) =
            self.slot_mut(id)
        {
            run.stop = Stop::Asked { at: now, why: Why::Memory };
            *recalled = recalled.saturating_add(1);
            let worker = *worker;
            self.actions.push(Action::Cancel { slot: id, worker });
        }
        true
    }

    fn kill_asked(&mut self, now: Duration) -> bool {
        for id in (0..count(self.slots.iter())).map(super::super::event::SlotId) {
            if let Some(Slot { state: SlotState::Busy { worker, run }, .. }) = self.slot_mut(id)
                && matches!(run.stop, Stop::Asked { why: Why::Memory, .. })
            {
                run.stop = Stop::Killed { at: now, why: Why::Memory };
                let worker = *worker;
                self.actions.push(Action::Kill { slot: id, worker });
                return true;
            }
        }
        false
    }
}

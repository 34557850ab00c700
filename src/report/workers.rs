//! Prints what each slot of a run did, as a table.

use crate::supervisor::{RunSummary, SlotRecord};
use crate::text;
use std::fmt::Write as _;

/// Most slots that get a line.
const MOST: usize = 16;

/// The table; nothing where no slot was busy.
pub(super) fn workers(run: &RunSummary, block: &mut String) {
    if run.slots.iter().all(|slot| slot.jobs == 0) {
        return;
    }
    let _ =
        writeln!(block, "\n  slot   files       bytes      busy      idle  computed  peak memory");
    for (number, slot) in run.slots.iter().enumerate().take(MOST) {
        let whole = slot.busy_seconds + slot.idle_seconds;
        let _ = writeln!(
            block,
            "  {:>4}  {:>6}  {:>10}  {:>8}  {:>8}  {:>8}  {:>11}",
            number.saturating_add(1),
            slot.jobs,
            text::bytes(slot.bytes),
            text::percent(slot.busy_seconds, whole),
            text::percent(slot.idle_seconds, whole),
            text::percent(slot.cpu_seconds, slot.busy_seconds),
            text::bytes(slot.peak_anon),
        );
    }
    let rest = run.slots.get(MOST..).unwrap_or_default();
    if !rest.is_empty() {
        let jobs: u64 = rest.iter().map(|slot: &SlotRecord| slot.jobs).sum();
        let _ = writeln!(
            block,
            "  and {} more with {}, all of them in the reports (--report FILE)",
            text::count(rest.len() as u64, "slot"),
            text::count(jobs, "file")
        );
    }
}

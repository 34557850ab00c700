//! Draws what a run is doing as lines that fit a terminal: the numbers first, one line for each slot.
//!
//! A pure function: what is drawn is tested letter by letter. No line is wider than the terminal, and
//! of its first line nothing is ever cut, from 60 columns on.

use super::color::{Paint, Tone};
use super::line::STILL;
use crate::supervisor::{LiveSlot, LiveState, TakingAlong, Tracker};
use crate::text::{self, float};
use std::fmt::Write as _;

/// Most lines for slots.
const SLOTS: usize = 8;
/// Lines that are left to what stands above.
const ABOVE: usize = 6;
/// From so many columns on there is room for everything in the first line.
const WIDE: usize = 80;
/// What is typed while a run goes (`^C`) has so much room behind the last line.
const KEYS: usize = 3;
/// Width of the bar.
const BAR: usize = 24;
/// A time that is longer is not known to the minute.
const LONG: f64 = 99.0 * 86400.0;

/// The size of a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size {
    pub(super) rows: usize,
    pub(super) columns: usize,
}

/// A piece of a line and how it is seen.
type Piece = (String, Option<Tone>);

/// The lines of a run at `at`.
pub(super) fn frame(tracker: &Tracker, at: f64, size: Size, paint: Paint) -> Vec<String> {
    if tracker.state() == LiveState::Starting {
        return Vec::new();
    }
    let draw = Draw { tracker, at, wide: size.columns >= WIDE, width: size.columns, paint };
    if let (LiveState::TakingAlong, Some(taking)) = (tracker.state(), tracker.others()) {
        return draw.taking_along(taking);
    }
    let mut lines = vec![draw.numbers()];
    if draw.wide {
        lines.push(draw.bar(&draw.files()));
    } else {
        let through = through(tracker);
        lines.push(draw.bar(&[(through, None)]));
        lines.push(draw.line(&draw.files()));
    }
    lines.push(draw.memory());
    let room = size.rows.saturating_sub(lines.len() + 1 + ABOVE).clamp(1, SLOTS);
    let slots = tracker.slots(at);
    let shown: Vec<&LiveSlot> = if slots.len() <= room {
        slots.iter().collect()
    } else {
        slots.iter().filter(|slot| slot.name.is_some()).take(room).collect()
    };
    let busy = slots.iter().filter(|slot| slot.name.is_some()).count();
    let seen = shown.iter().filter(|slot| slot.name.is_some()).count();
    lines.push(draw.workers(busy.saturating_sub(seen)));
    lines.extend(shown.iter().map(|slot| draw.slot(slot)));
    lines
}

fn through(tracker: &Tracker) -> String {
    let all = tracker.start().bytes;
    format!("{} of {}", text::bytes(tracker.through()), text::bytes(all))
}

fn time(seconds: f64) -> String {
    if seconds > LONG { "over 99 d".to_owned() } else { text::seconds(seconds) }
}

struct Draw<'a> {
    tracker: &'a Tracker,
    at: f64,
    wide: bool,
    width: usize,
    paint: Paint,
}

impl Draw<'_> {
    /// Elapsed, percent, bytes, rate, time left; or what the run does instead of going on.
    fn numbers(&self) -> String {
        let gauge = self.tracker.gauge(self.at);
        let mut pieces =
            vec![(time(gauge.elapsed), None), (format!("{:.1} %", gauge.percent), None)];
        if self.wide {
            pieces.push((through(self.tracker), None));
        }
        let odd = |text: &str| (text.to_owned(), Some(Tone::Odd));
        match self.tracker.state() {
            LiveState::Draining => pieces.push(odd("finishing; again: stop now")),
            LiveState::Stopping => pieces.push(odd("stopping; again: kill")),
            LiveState::Paused => pieces.push(odd("paused: no space")),
            LiveState::Starting
            | LiveState::Running
            | LiveState::TakingAlong
            | LiveState::Finished => {
                let rate = gauge.rate.map_or_else(|| "- B/s".to_owned(), text::pace);
                let left = gauge.eta_seconds.map_or_else(|| "-".to_owned(), time);
                pieces.push((rate, None));
                pieces.push((format!("ETA {left}"), None));
            }
        }
        self.joined(&pieces, "  ")
    }

    /// How far a run is with other files, behind its own.
    fn taking_along(&self, taking: &TakingAlong) -> Vec<String> {
        let first = [
            (time(self.tracker.elapsed(self.at)), None),
            ("files that are not JLD2 are taken along".to_owned(), None),
        ];
        let share = float(taking.done) / float(taking.files.max(1));
        let files = format!("{} of {}", taking.done, text::count(taking.files, "file"));
        let copied = format!("{} copied", text::bytes(taking.bytes));
        vec![self.joined(&first, "  "), self.bar_at(share, &[(files, None), (copied, None)])]
    }

    fn files(&self) -> Vec<Piece> {
        let tracker = self.tracker;
        let files = text::count(tracker.jobs(), "file");
        let mut pieces = vec![(format!("{} of {files}", tracker.ended()), None)];
        if tracker.failed_here() > 0 {
            pieces.push((format!("{} failed", tracker.failed_here()), Some(Tone::Bad)));
        }
        if tracker.retries() > 0 {
            pieces.push((format!("{} tried again", tracker.retries()), Some(Tone::Odd)));
        }
        pieces
    }

    /// The bar, and what fits beside it.
    fn bar(&self, pieces: &[Piece]) -> String {
        self.bar_at(self.tracker.share(), pieces)
    }

    fn bar_at(&self, share: f64, pieces: &[Piece]) -> String {
        let beside = pieces.iter().map(|(text, _)| text.chars().count() + 2).sum::<usize>();
        let room = self.width.saturating_sub(beside + 3).min(BAR);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a few columns is one"
        )]
        let full = (float(room as u64) * share.clamp(0.0, 1.0)) as usize;
        let bar = format!("[{}{}]", "#".repeat(full), ".".repeat(room.saturating_sub(full)));
        let mut all = vec![(bar, None)];
        all.extend_from_slice(pieces);
        self.joined(&all, ", ").replacen("], ", "]  ", 1)
    }

    fn memory(&self) -> String {
        let memory = self.tracker.memory();
        let count = self.tracker.violations();
        let [used, budget, limit] = [memory.used, memory.budget, memory.limit].map(text::bytes);
        let above = memory.used > memory.budget && memory.budget > 0;
        let mut pieces = vec![
            (format!("memory {used} in use, margin {budget}"), above.then_some(Tone::Odd)),
            (format!("violations {count}"), (count > 0).then_some(Tone::Odd)),
        ];
        if self.wide {
            pieces.insert(1, (format!("limit {limit}"), None));
        }
        self.line(&pieces)
    }

    /// How many workers, and why not more; `hidden` busy ones have no line.
    fn workers(&self, hidden: usize) -> String {
        let (allowed, slots, fewer) = self.tracker.workers();
        let start = self.tracker.start();
        let reason = match fewer {
            Some(reason) => (format!(" ({})", reason.why()), Some(Tone::Odd)),
            None => (format!(" ({})", text::tame(&start.slots_reason)), None),
        };
        let mut pieces = vec![(format!("workers {allowed} of {slots}"), None)];
        if hidden > 0 {
            pieces.push((format!(", {hidden} more busy"), None));
        }
        pieces.push(reason);
        self.joined(&pieces, "")
    }

    fn slot(&self, slot: &LiveSlot) -> String {
        let Some(name) = &slot.name else {
            return self.line(&[(format!("{:>3} idle", slot.slot.shown()), None)]);
        };
        let phase = slot.phase.map_or("start", crate::convert::Phase::name);
        let mut right = format!("  {phase:<7} {:>3.0} %", slot.percent);
        if self.wide {
            let _ = write!(right, " of {:>10}", text::bytes(slot.bytes));
        }
        let mut after = Vec::new();
        if slot.attempt > 1 {
            let word = if self.wide { "attempt" } else { "try" };
            after.push((format!("  {word} {}", slot.attempt), Some(Tone::Odd)));
        }
        if slot.still >= STILL {
            let word = if self.wide { "nothing new for" } else { "still" };
            after.push((format!("  {word} {}", time(slot.still)), Some(Tone::Odd)));
        }
        let taken = 4
            + right.chars().count()
            + after.iter().map(|(text, _)| text.chars().count()).sum::<usize>();
        let room = self.width.saturating_sub(taken + KEYS).max(8);
        let name = text::shortened_inside(&text::tame(name), room);
        let mut pieces = vec![(format!("{:>3} {name}{right}", slot.slot.shown()), None)];
        pieces.append(&mut after);
        self.joined(&pieces, "")
    }

    fn line(&self, pieces: &[Piece]) -> String {
        self.joined(pieces, ", ")
    }

    /// Pieces in a line, coloured; what does not fit is cut.
    fn joined(&self, pieces: &[Piece], between: &str) -> String {
        let mut line = String::new();
        let mut room = self.width;
        for (place, (text, tone)) in pieces.iter().enumerate() {
            let between = if place == 0 { "" } else { between };
            let before = between.chars().count();
            if room <= before {
                break;
            }
            line.push_str(between);
            room -= before;
            let whole = text.chars().count();
            let text = if whole <= room {
                text.clone()
            } else {
                text::shortened(text, room.saturating_sub(1))
            };
            room -= text.chars().count().min(room);
            match tone {
                Some(tone) => line.push_str(&self.paint.on(&text, *tone)),
                None => line.push_str(&text),
            }
        }
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::Phase;
    use crate::report::header::tests::start;
    use crate::report::line::tests::record;
    use crate::supervisor::{
        ConcurrencyReason, Fault, JobId, JobOutcome, MemoryStatus, RunEvent, SafetyStep, SlotId,
    };
    use proptest::prelude::*;

    fn begin(slot: u32, number: u64) -> RunEvent {
        RunEvent::AttemptStarted {
            slot: SlotId(slot),
            job: JobId(slot),
            name: format!("output_{number:05}.jld2"),
            bytes: 897_294,
            attempt: 1 + slot,
            pid: 7,
        }
    }

    fn progress(slot: u32, phase: Phase, done: u64, total: u64) -> RunEvent {
        RunEvent::Progress { slot: SlotId(slot), job: JobId(0), phase, done, total }
    }

    fn tracker(slots: u32, events: &[(f64, RunEvent)]) -> Tracker {
        let mut tracker = Tracker::default();
        let mut start = start();
        start.slots = slots;
        tracker.note(&RunEvent::RunStarted(start), 0.0);
        for (at, event) in events {
            tracker.note(event, *at);
        }
        tracker
    }

    fn drawn(tracker: &Tracker, at: f64, rows: usize, columns: usize) -> String {
        frame(tracker, at, Size { rows, columns }, Paint::default()).join("\n")
    }

    fn some_run() -> Tracker {
        let failed = RunEvent::JobFinished(record(101, JobOutcome::Failed));
        tracker(
            3,
            &[
                (0.0, begin(0, 100)),
                (0.0, begin(1, 101)),
                (1.0, progress(0, Phase::Copy, 3, 4)),
                (1.9, failed),
                (2.0, begin(1, 102)),
                (2.0, progress(1, Phase::Rewrite, 1, 2)),
            ],
        )
    }

    #[test]
    fn a_run_at_80_columns() {
        insta::assert_snapshot!(drawn(&some_run(), 2.5, 24, 80), @r"
        2.5 s  18.6 %  1.6 MiB of 8.6 MiB  653.7 KiB/s  ETA 10.9 s
        [####....................]  1 of 10 files, 1 failed
        memory 2.0 GiB in use, margin 19.2 GiB, limit 24.0 GiB, violations 0
        workers 3 of 3 (2 cores)
          1 output_00100.jld2  copy     45 % of  876.3 KiB
          2 output_00102.jld2  rewrite  41 % of  876.3 KiB  attempt 2
          3 idle
        ");
    }

    #[test]
    fn a_run_at_60_columns() {
        insta::assert_snapshot!(drawn(&some_run(), 2.5, 20, 60), @r"
        2.5 s  18.6 %  653.7 KiB/s  ETA 10.9 s
        [####....................]  1.6 MiB of 8.6 MiB
        1 of 10 files, 1 failed
        memory 2.0 GiB in use, margin 19.2 GiB, violations 0
        workers 3 of 3 (2 cores)
          1 output_00100.jld2  copy     45 %
          2 output_00102.jld2  rewrite  41 %  try 2
          3 idle
        ");
    }

    #[test]
    fn trouble_is_seen() {
        let mut tracker = some_run();
        let memory = MemoryStatus {
            limit: 24 << 30,
            limit_source: "physical memory".into(),
            budget: 19 << 30,
            used: 21 << 30,
        };
        let violation = RunEvent::SafetyViolation {
            used: 21 << 30,
            budget: 19 << 30,
            limit: 24 << 30,
            count: 2,
            step: SafetyStep::Hold,
        };
        let failed = RunEvent::AttemptFailed {
            slot: SlotId(1),
            job: JobId(1),
            name: "output_00102.jld2".into(),
            attempt: 1,
            cause: Fault::OutOfMemory,
            message: String::new(),
            will_retry: true,
        };
        let fewer = ConcurrencyReason::OutOfMemory;
        for event in [
            RunEvent::Memory(memory),
            violation,
            failed,
            RunEvent::Concurrency { allowed: 1, slots: 3, reason: fewer },
        ] {
            tracker.note(&event, 3.0);
        }
        insta::assert_snapshot!(drawn(&tracker, 14.0, 24, 80), @r"
        14.0 s  18.6 %  1.6 MiB of 8.6 MiB  116.7 KiB/s  ETA 1:01
        [####....................]  1 of 10 files, 1 failed, 1 tried again
        memory 21.0 GiB in use, margin 19.0 GiB, limit 24.0 GiB, violations 2
        workers 1 of 3 (a worker ran out of memory)
          1 output_00100.jld2  copy     45 % of  876.3 KiB  nothing new for 13.0 s
          2 idle
          3 idle
        ");
        let reason = "SIGINT".to_owned();
        tracker.note(&RunEvent::Draining { reason, grace_seconds: 60.0, running: 1 }, 15.0);
        let text = drawn(&tracker, 16.0, 20, 60);
        assert!(text.lines().next().unwrap().ends_with("finishing; again: stop now"), "{text}");
        let size = Size { rows: 24, columns: 80 };
        let text = frame(&tracker, 16.0, size, Paint::always()).join("\n");
        assert!(text.contains("\x1b[33mfinishing; again: stop now\x1b[0m"), "{text:?}");
        assert!(text.contains("\x1b[31m1 failed\x1b[0m"), "{text:?}");
    }

    #[test]
    fn other_files_have_a_bar_of_their_own_behind_the_last_file() {
        let mut tracker = some_run();
        for done in [0, 150] {
            let taking = TakingAlong { files: 600, done, bytes: 3 << 20 };
            tracker.note(&RunEvent::TakingAlong(taking), 3.0);
        }
        insta::assert_snapshot!(drawn(&tracker, 4.0, 24, 80), @r"
        4.0 s  files that are not JLD2 are taken along
        [######..................]  150 of 600 files, 3.0 MiB copied
        ");
    }

    #[test]
    fn slots_stay_in_order_and_no_more_than_fit_are_shown() {
        let mut events: Vec<_> =
            (0..12).rev().map(|slot| (0.0, begin(slot, 100 + u64::from(slot)))).collect();
        events.push((1.0, RunEvent::JobFinished(record(102, JobOutcome::Converted))));
        let tracker = tracker(64, &events);
        let shown = |rows: usize| -> Vec<String> {
            let text = drawn(&tracker, 1.0, rows, 80);
            text.lines().skip(4).map(|line| line[..3].trim().to_owned()).collect()
        };
        assert_eq!(shown(40), ["1", "2", "4", "5", "6", "7", "8", "9"]);
        assert_eq!(shown(14), ["1", "2", "4", "5"]);
        assert_eq!(shown(5), ["1"]);
        assert!(drawn(&tracker, 1.0, 14, 80).contains("workers 64 of 64, 7 more busy (2 cores)"));
    }

    proptest! {
        /// Whatever the numbers are: nothing is wider than the terminal, and what a person wants to
        /// know first is never cut.
        #[test]
        fn every_line_fits(
            columns in 60_usize..200,
            bytes: u64,
            done in 0.0..1.0_f64,
            elapsed in 1.0..1e9_f64,
            jobs in 1_u64..10_000_000,
            name in "[a-zA-Z0-9_é]{1,200}",
            draining: bool,
        ) {
            let mut start = start();
            (start.bytes, start.jobs, start.slots) = (bytes, jobs, 2);
            let mut tracker = Tracker::default();
            tracker.note(&RunEvent::RunStarted(start), 0.0);
            let begin = RunEvent::AttemptStarted {
                slot: SlotId(1),
                job: JobId(1),
                name,
                bytes,
                attempt: 3,
                pid: 7,
            };
            tracker.note(&begin, 0.0);
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share")]
            let done = (float(bytes) * done) as u64;
            tracker.note(&progress(1, Phase::Copy, done, bytes), elapsed / 2.0);
            if draining {
                let reason = "x".to_owned();
                let event = RunEvent::Draining { reason, grace_seconds: 1.0, running: 1 };
                tracker.note(&event, elapsed);
            }
            let lines = frame(&tracker, elapsed, Size { rows: 24, columns }, Paint::default());
            for line in &lines {
                prop_assert!(line.chars().count() <= columns, "{line}");
            }
            prop_assert!(!lines[0].contains('…'), "{}", lines[0]);
            let last = if draining { "again: stop now" } else { "ETA " };
            prop_assert!(lines[0].contains(last) && lines[0].contains(" %"), "{}", lines[0]);
            let memory = lines.iter().find(|line| line.starts_with("memory ")).unwrap();
            prop_assert!(memory.contains("violations 0"), "{memory}");
        }
    }
}

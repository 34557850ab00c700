//! Draws bars on a terminal: one for the run, one line for each busy slot, at most eight.
//!
//! The cursor is never hidden, so whatever ends the program leaves the terminal as it was.

use crate::convert::Phase;
use crate::supervisor::live::Busy;
use crate::supervisor::{RunEvent, SlotId, Tracker};
use crate::text;
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Most lines for busy slots.
const LINES: usize = 8;

/// The resolution of the run's bar.
const STEPS: u64 = 1000;

/// The bars of a run.
#[derive(Debug)]
pub(super) struct Bars {
    multi: MultiProgress,
    total: ProgressBar,
    lines: Vec<Line>,
    waits: Option<&'static str>,
}

#[derive(Debug)]
struct Line {
    bar: ProgressBar,
    slot: Option<SlotId>,
}

impl Bars {
    /// Bars that are drawn on `target`.
    pub(super) fn new(target: ProgressDrawTarget) -> Self {
        let multi = MultiProgress::with_draw_target(target);
        let total = multi.add(ProgressBar::new(STEPS));
        let style = ProgressStyle::with_template("[{bar:24}] {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar());
        total.set_style(style.progress_chars("##."));
        Self { multi, total, lines: Vec::new(), waits: None }
    }

    /// What prints above the bars.
    pub(super) fn multi(&self) -> &MultiProgress {
        &self.multi
    }

    /// Redraws what `event`, which `tally` has noted, changed; `elapsed` seconds after the start.
    pub(super) fn show(&mut self, event: &RunEvent, tally: &Tracker, elapsed: f64) {
        match event {
            RunEvent::RunStarted(start) => {
                let slots = usize::try_from(start.slots).unwrap_or(LINES);
                for _ in 0..slots.min(LINES) {
                    let bar = self.multi.add(ProgressBar::new(1));
                    if let Ok(style) = ProgressStyle::with_template("  {wide_msg}") {
                        bar.set_style(style);
                    }
                    self.lines.push(Line { bar, slot: None });
                }
            }
            RunEvent::Paused { .. } => self.waits = Some("paused: no space"),
            RunEvent::Draining { .. } => self.waits = Some("finishing"),
            RunEvent::Stopping { .. } => self.waits = Some("stopping"),
            RunEvent::Resumed { .. } => self.waits = None,
            RunEvent::RunFinished(_) => return self.clear(),
            _ => {}
        }
        for line in &mut self.lines {
            if line.slot.is_some_and(|slot| !tally.busy().contains_key(&slot)) {
                line.slot = None;
            }
        }
        for slot in tally.busy().keys() {
            let shown = self.lines.iter().any(|line| line.slot == Some(*slot));
            let free = self.lines.iter_mut().find(|line| line.slot.is_none());
            if let (false, Some(free)) = (shown, free) {
                free.slot = Some(*slot);
            }
        }
        for line in &self.lines {
            let busy = line.slot.and_then(|slot| tally.busy().get(&slot).map(|busy| (slot, busy)));
            line.bar.set_message(busy.map_or_else(String::new, |(slot, busy)| working(slot, busy)));
        }
        let hidden = tally.busy().len().saturating_sub(self.lines.len());
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of the steps is one"
        )]
        let steps = (text::float(tally.through()) / text::float(tally.start().bytes.max(1))
            * text::float(STEPS)) as u64;
        self.total.set_position(steps);
        self.total.set_message(self.overall(tally, elapsed, hidden));
    }

    /// Takes the bars away.
    pub(super) fn clear(&mut self) {
        let _ = self.multi.clear();
    }

    fn overall(&self, tally: &Tracker, elapsed: f64, hidden: usize) -> String {
        let through = tally.through();
        let mut parts = vec![
            format!("{} of {}", text::bytes(through), text::bytes(tally.start().bytes)),
            format!("{} of {}", tally.ended(), text::count(tally.jobs(), "file")),
        ];
        if tally.failed_here() > 0 {
            parts.push(format!("{} failed", tally.failed_here()));
        }
        match (self.waits, tally.left(elapsed)) {
            (Some(waits), _) => parts.push(waits.to_owned()),
            (None, Some(left)) => {
                parts.push(text::rate(through, elapsed));
                parts.push(format!("{} left", text::seconds(left)));
            }
            (None, None) => {}
        }
        if hidden > 0 {
            parts.push(format!("{hidden} more at work"));
        }
        parts.join(", ")
    }
}

fn working(slot: SlotId, busy: &Busy) -> String {
    let phase = busy.phase.map_or("start", Phase::name);
    let attempt = match busy.attempt {
        0 | 1 => String::new(),
        attempt => format!(", attempt {attempt}"),
    };
    format!(
        "{:>2} {} {phase:<7} {:>3.0} % of {}{attempt}",
        slot.0,
        text::tame(&busy.name),
        busy.share * 100.0,
        text::bytes(busy.bytes)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::header::tests::start;
    use crate::report::line::tests::record;
    use crate::supervisor::{JobId, JobOutcome};
    use indicatif::InMemoryTerm;

    struct Terminal {
        screen: InMemoryTerm,
        bars: Bars,
        tally: Tracker,
    }

    impl Terminal {
        fn new() -> Self {
            let screen = InMemoryTerm::new(14, 100);
            let target = ProgressDrawTarget::term_like_with_hz(Box::new(screen.clone()), 255);
            Self { screen, bars: Bars::new(target), tally: Tracker::default() }
        }

        fn show(&mut self, events: &[RunEvent], elapsed: f64) -> String {
            for event in events {
                self.tally.note(event, elapsed);
                self.bars.show(event, &self.tally, elapsed);
            }
            for line in &self.bars.lines {
                line.bar.force_draw();
            }
            self.bars.total.force_draw();
            self.screen.contents()
        }
    }

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

    #[test]
    fn a_run_on_a_terminal() {
        let mut terminal = Terminal::new();
        let progress = RunEvent::Progress {
            slot: SlotId(0),
            job: JobId(0),
            phase: Phase::Copy,
            done: 3,
            total: 4,
        };
        terminal.show(&[RunEvent::RunStarted(start())], 0.0);
        let text = terminal.show(
            &[
                begin(0, 100),
                begin(1, 101),
                progress,
                RunEvent::JobFinished(record(101, JobOutcome::Failed)),
                begin(1, 102),
            ],
            2.0,
        );
        insta::assert_snapshot!(text, @r"
        [####....................] 1.2 MiB of 8.6 MiB, 1 of 10 files, 1 failed, 637.5 KiB/s, 11.7 s left
           0 output_00100.jld2 copy     45 % of 876.3 KiB
           1 output_00102.jld2 start     0 % of 876.3 KiB, attempt 2
        ");
        let text = terminal.show(
            &[RunEvent::Draining { reason: "SIGINT".into(), grace_seconds: 60.0, running: 2 }],
            3.0,
        );
        insta::assert_snapshot!(text, @r"
        [####....................] 1.2 MiB of 8.6 MiB, 1 of 10 files, 1 failed, finishing
           0 output_00100.jld2 copy     45 % of 876.3 KiB
           1 output_00102.jld2 start     0 % of 876.3 KiB, attempt 2
        ");
        let _ = terminal.bars.multi().println("output_00101.jld2 failed");
        let text = terminal.show(&[], 3.0);
        assert!(text.starts_with("output_00101.jld2 failed\n["), "{text}");
    }

    #[test]
    fn no_more_than_eight_slots_have_a_line() {
        let mut terminal = Terminal::new();
        let mut start = start();
        start.slots = 64;
        let mut events = vec![RunEvent::RunStarted(start)];
        events.extend((0..12).map(|slot| begin(slot, 100 + u64::from(slot))));
        events.push(RunEvent::JobFinished(record(102, JobOutcome::Converted)));
        let text = terminal.show(&events, 0.1);
        insta::assert_snapshot!(text, @r"
        [###.....................] 876.3 KiB of 8.6 MiB, 1 of 10 files, 3 more at work
           0 output_00100.jld2 start     0 % of 876.3 KiB
           1 output_00101.jld2 start     0 % of 876.3 KiB, attempt 2
           8 output_00108.jld2 start     0 % of 876.3 KiB, attempt 9
           3 output_00103.jld2 start     0 % of 876.3 KiB, attempt 4
           4 output_00104.jld2 start     0 % of 876.3 KiB, attempt 5
           5 output_00105.jld2 start     0 % of 876.3 KiB, attempt 6
           6 output_00106.jld2 start     0 % of 876.3 KiB, attempt 7
           7 output_00107.jld2 start     0 % of 876.3 KiB, attempt 8
        ");
    }
}

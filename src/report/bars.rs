//! Draws bars on a terminal: a few lines for the run, one for each slot.
//!
//! The cursor is never hidden, so whatever ends the program leaves the terminal as it was.

use super::bar_term::END;
use super::color::Paint;
use super::frame::{Size, frame};
use crate::supervisor::{RunEvent, Tracker};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Bars are drawn again no sooner, in seconds.
const AGAIN: f64 = 0.1;

/// Tells how large the terminal is now.
pub(super) type Measure = Box<dyn Fn() -> Size>;

/// The bars of a run.
pub(super) struct Bars {
    multi: MultiProgress,
    /// All lines, so that they are drawn at one time.
    lines: ProgressBar,
    size: Measure,
    paint: Paint,
    drawn: Option<f64>,
}

impl Bars {
    /// Bars that are drawn on `target`.
    pub(super) fn new(target: ProgressDrawTarget, size: Measure) -> Self {
        let multi = MultiProgress::with_draw_target(target);
        let lines = ProgressBar::new(1);
        let style = ProgressStyle::with_template("{msg}");
        lines.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
        let lines = multi.add(lines);
        Self { multi, lines, size, paint: Paint::default(), drawn: None }
    }

    /// Draws in colours, or not.
    pub(super) fn paint(&mut self, paint: Paint) {
        self.paint = paint;
    }

    /// What prints above the bars.
    pub(super) fn multi(&self) -> &MultiProgress {
        &self.multi
    }

    /// How wide the terminal is.
    pub(super) fn columns(&self) -> usize {
        (self.size)().columns
    }

    /// Redraws what `event`, which `tracker` has noted at `at`, changed.
    pub(super) fn show(&mut self, event: &RunEvent, tracker: &Tracker, at: f64) {
        if let RunEvent::RunFinished(_) = event {
            return self.clear();
        }
        let light = matches!(event, RunEvent::Progress { .. } | RunEvent::JobFinished(_));
        let light = light && tracker.ended() < tracker.jobs();
        if light && self.drawn.is_some_and(|drawn| at - drawn < AGAIN) {
            return;
        }
        let lines = frame(tracker, at, (self.size)(), self.paint);
        if lines.is_empty() {
            return;
        }
        self.drawn = Some(at);
        self.lines.set_message(format!("{}{END}", lines.join("\n")));
        if !light {
            self.lines.force_draw();
        }
    }

    /// Takes the bars away.
    pub(super) fn clear(&mut self) {
        self.lines.finish_and_clear();
        let _ = self.multi.clear();
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        // However the run ended: nothing half drawn stays.
        self.clear();
    }
}

//! What a long command on one file shows on a terminal, and how it hears Ctrl-C.

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use jldconv::convert::{Observer, Phase};
use jldconv::sys::process::{ignore, ignores};
use signal_hook::consts::SIGHUP;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A bar on a terminal, and Ctrl-C.
pub(super) struct Watch {
    bar: ProgressBar,
    stop: Arc<AtomicBool>,
}

impl Watch {
    pub(super) fn new(bars: &MultiProgress) -> io::Result<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&stop);
        // `nohup` asks to outlive the terminal; the handler is for SIGHUP, too.
        let outlives = ignores(SIGHUP);
        ctrlc::set_handler(move || {
            // The first signal asks the conversion to clean up and end, the second ends it.
            if asked.swap(true, Ordering::Relaxed) {
                std::process::exit(3);
            }
        })
        .map_err(io::Error::other)?;
        if outlives {
            ignore(SIGHUP);
        }
        let bar = bars.add(ProgressBar::new(0));
        if let Ok(style) = ProgressStyle::with_template(
            "{msg:<8} [{bar:40}] {binary_bytes} of {binary_total_bytes}",
        ) {
            bar.set_style(style.progress_chars("##."));
        }
        Ok(Self { bar, stop })
    }

    /// Counts rows instead of bytes.
    pub(super) fn counting(self) -> Self {
        if let Ok(style) = ProgressStyle::with_template("{msg}") {
            self.bar.set_style(style);
        }
        self
    }

    /// So many rows were read.
    pub(super) fn rows(&self, rows: u64) {
        if self.bar.length() != Some(rows) {
            self.bar.set_length(rows);
            self.bar.set_message(format!("{} read", jldconv::text::count(rows, "row")));
        }
    }

    /// Takes the bar away.
    pub(super) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Observer for Watch {
    fn progress(&self, phase: Phase, done: u64, total: u64) {
        self.bar.set_message(phase.name());
        self.bar.set_length(total);
        self.bar.set_position(done.min(total));
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }
}

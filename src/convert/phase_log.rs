//! Tells the log when each phase of a conversion begins.

use super::{Observer, Phase};
use crate::sys::stat::StatData;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Instant;

/// Passes everything on to `observer`, and tells the log of each phase the first time it is heard
/// of.
pub(super) struct PhaseLog<'a> {
    observer: &'a dyn Observer,
    begun: Instant,
    /// One bit for each phase that was told.
    told: AtomicU8,
}

impl<'a> PhaseLog<'a> {
    /// The conversion begins now.
    pub(super) fn new(observer: &'a dyn Observer) -> Self {
        Self { observer, begun: Instant::now(), told: AtomicU8::new(0) }
    }

    /// Time since the conversion began, in seconds.
    pub(super) fn seconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }
}

impl Observer for PhaseLog<'_> {
    fn progress(&self, phase: Phase, done: u64, total: u64) {
        let bit = 1 << phase as u8;
        if self.told.load(Ordering::Relaxed) & bit == 0
            && self.told.fetch_or(bit, Ordering::Relaxed) & bit == 0
        {
            tracing::debug!(phase = phase.name(), seconds = self.seconds(), total, "phase begins");
        }
        self.observer.progress(phase, done, total);
    }

    fn cancelled(&self) -> bool {
        self.observer.cancelled()
    }

    fn threads(&self) -> Option<usize> {
        self.observer.threads()
    }

    fn planned(&self) {
        self.observer.planned();
    }

    fn publishing(&self, file: &StatData) {
        self.observer.publishing(file);
    }
}

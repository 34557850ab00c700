//! Shares what is known of a run between the run and those who ask.

use super::{Live, Tracker};
use crate::supervisor::event::{RunEvent, SlotId};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Knows what a run is doing, from any thread. Made by whoever starts the run and handed over in
/// [`Hooks`](crate::supervisor::Hooks); a clone of it sees the same. It is held locked for
/// microseconds only, so the run never waits for those who ask.
#[derive(Debug, Clone)]
pub struct LiveHandle {
    tracker: Arc<Mutex<Tracker>>,
    epoch: Instant,
}

impl Default for LiveHandle {
    fn default() -> Self {
        Self { tracker: Arc::default(), epoch: Instant::now() }
    }
}

impl LiveHandle {
    /// The run as it is now.
    pub fn now(&self) -> Live {
        let at = self.seconds();
        self.tracker().live(at)
    }

    /// Takes note of an event that the dispatcher does not tell.
    pub(crate) fn note(&self, event: &RunEvent) {
        let at = self.seconds();
        self.tracker().note(event, at);
    }

    /// Behind its files the run is to take so many others along.
    pub(crate) fn takes_along(&self, files: u64) {
        self.tracker().takes_along(files);
    }

    /// Whether somebody asked the run to end.
    pub(crate) fn is_to_end(&self) -> bool {
        self.tracker().is_to_end()
    }

    /// Behind its files the run is to end, for this reason.
    pub(crate) fn ends(&self, why: &str) {
        self.tracker().ends(why);
    }

    /// The run has nothing left to do.
    pub(crate) fn over(&self) {
        self.tracker().over();
    }

    /// The worker in `slot` holds so many bytes.
    pub(in crate::supervisor) fn measured(&self, slot: SlotId, held: u64) {
        self.tracker().measured(slot, held);
    }

    /// The worker in `slot` moved bytes, of whatever it does.
    pub(in crate::supervisor) fn moved(&self, slot: SlotId) {
        let at = self.seconds();
        self.tracker().moved(slot, at);
    }

    fn seconds(&self) -> f64 {
        self.epoch.elapsed().as_secs_f64()
    }

    fn tracker(&self) -> MutexGuard<'_, Tracker> {
        // Whoever panicked with it left counts that are still worth showing.
        self.tracker.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

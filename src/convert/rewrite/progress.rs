//! How far the payloads are, in bytes of the input.

use super::RewriteError;
use crate::convert::{Observer, Phase};
use crate::h5::Error;
use std::sync::atomic::{AtomicU64, Ordering};

/// Tells an observer, and asks it whether to go on.
pub(super) struct Progress<'a> {
    observer: &'a dyn Observer,
    total: u64,
    /// Bytes of the columns that are done.
    done: AtomicU64,
}

impl<'a> Progress<'a> {
    pub(super) fn new(observer: &'a dyn Observer, total: u64) -> Self {
        Self { observer, total, done: AtomicU64::new(0) }
    }

    /// `part` of `whole` of a column that takes `stored` bytes in the input is through.
    pub(super) fn within(&self, stored: u64, part: u64, whole: u64) -> Result<(), RewriteError> {
        let share = u128::from(part) * u128::from(stored) / u128::from(whole.max(1));
        let share = u64::try_from(share).unwrap_or(u64::MAX);
        let before = self.done.load(Ordering::Relaxed);
        self.observer.progress(Phase::Rewrite, before.saturating_add(share), self.total);
        if self.observer.cancelled() { Err(Error::cancelled().into()) } else { Ok(()) }
    }

    /// A column that took `stored` bytes is done.
    pub(super) fn done(&self, stored: u64) {
        self.done.fetch_add(stored, Ordering::Relaxed);
    }
}

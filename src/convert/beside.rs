//! Does two parts of a conversion at once, where there are threads and enough to do.

use super::planned::Planned;
use super::{Failure, Observer, Phase};
use crate::h5::{self, Object, RelAddr};
use crate::julia::Watch;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

/// With fewer objects a second thread is not there before the work is done.
const MANY_OBJECTS: u64 = 4096;
/// The same in bytes of data, where those are no columns.
const MUCH: u64 = 4 << 20;

/// Whether the values of a file are digested beside other work on it: there are many objects, which one
/// thread reads one after the other. Columns keep all threads busy by themselves.
pub(super) fn is_worth_it(planned: &Planned, threads: usize) -> bool {
    let survey = &planned.migration.survey;
    let many = survey.datasets.saturating_add(survey.groups) >= MANY_OBJECTS;
    threads > 1
        && match survey.large_columns.count() {
            0 => many || survey.payload_bytes >= MUCH,
            1 => many,
            _ => false,
        }
}

/// What the second part asks and tells: it ends soon once the first one failed.
pub(super) struct Aside<'a> {
    observer: &'a dyn Observer,
    /// Whether it tells how far it is.
    tells: bool,
    over: AtomicBool,
}

impl<'a> Aside<'a> {
    /// For a part that tells how far it is.
    pub(super) fn telling(observer: &'a dyn Observer) -> Self {
        Self { observer, tells: true, over: AtomicBool::new(false) }
    }

    /// For a part of which nobody is told, as the first one tells of another phase.
    pub(super) fn quiet(observer: &'a dyn Observer) -> Self {
        Self { tells: false, ..Self::telling(observer) }
    }

    /// Does `first`, and `second` on another thread, if the system allows one; else one after the other.
    ///
    /// # Errors
    /// That of `first`; that of `second`, if `first` has none.
    pub(super) fn both<A, B: Send>(
        &self,
        first: impl FnOnce() -> Result<A, Failure>,
        second: &(dyn Fn() -> Result<B, Failure> + Sync),
    ) -> Result<(A, B), Failure> {
        thread::scope(|scope| {
            let thread = thread::Builder::new().spawn_scoped(scope, second);
            let first = first();
            self.over.store(first.is_err(), Ordering::Relaxed);
            let told = thread.ok().map(thread::ScopedJoinHandle::join);
            let first = first?;
            let second = match told {
                Some(Ok(told)) => told?,
                Some(Err(panic)) => std::panic::resume_unwind(panic),
                None => second()?,
            };
            Ok((first, second))
        })
    }
}

impl Observer for Aside<'_> {
    fn progress(&self, phase: Phase, done: u64, total: u64) {
        if self.tells {
            self.observer.progress(phase, done, total);
        }
    }

    fn cancelled(&self) -> bool {
        self.over.load(Ordering::Relaxed) || self.observer.cancelled()
    }

    fn threads(&self) -> Option<usize> {
        self.observer.threads()
    }
}

impl Watch for Aside<'_> {
    fn object(&self, _: &Object) -> h5::Result<()> {
        if self.over.load(Ordering::Relaxed) { Err(h5::Error::cancelled()) } else { Ok(()) }
    }

    fn identity(&self, _: RelAddr) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::{FailureKind, Silent};
    use std::sync::Barrier;

    fn failure(message: &str) -> Failure {
        Failure::new(FailureKind::Verify, message)
    }

    #[test]
    fn both_are_done_at_once() {
        let (aside, met) = (Aside::quiet(&Silent), Barrier::new(2));
        let met = || {
            met.wait();
            Ok(thread::current().id())
        };
        let (first, second) = aside.both(met, &met).unwrap();
        assert_ne!(first, second);
    }

    #[test]
    fn the_first_failure_counts_and_ends_the_other_part() {
        let aside = Aside::telling(&Silent);
        let waits = || {
            // Ends only since it is told so.
            while !aside.cancelled() {
                thread::yield_now();
            }
            Err(failure("second"))
        };
        let failed = aside.both::<(), ()>(|| Err(failure("first")), &waits).unwrap_err();
        assert_eq!(failed.message, "first");

        let aside = Aside::telling(&Silent);
        let failed = aside.both::<(), ()>(|| Ok(()), &|| Err(failure("second"))).unwrap_err();
        assert_eq!(failed.message, "second");
        assert!(!aside.cancelled());
    }
}

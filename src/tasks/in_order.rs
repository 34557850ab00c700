//! Tells of results in the order of their places, whichever of them came first.

use crate::supervisor::{JobId, Reporter, RunError, RunEvent, RunSummary, SlotId};
use crate::tasks::reading::{self, Reading, ReadingTask, read};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::btree_map::OccupiedEntry;
use std::io;

/// Hears of results, in their order.
pub(super) trait Listener<R> {
    /// What came out at `place`. An error ends the run.
    ///
    /// # Errors
    /// The listener's own.
    fn ended(&mut self, place: usize, result: &R) -> io::Result<()>;

    /// So many results are there, with so many bytes of data read.
    fn progress(&mut self, through: u64, bytes: u64);

    /// Something that a user should know.
    fn warning(&mut self, message: &str);
}

/// Holds back what is not next.
pub(super) struct InOrder<L, R> {
    listener: L,
    waiting: BTreeMap<usize, R>,
    next: usize,
    /// Why the listener hears nothing any more.
    error: io::Result<()>,
}

impl<L: Listener<R>, R> InOrder<L, R> {
    /// For `listener`, with results that are there before the run.
    pub(super) fn new(listener: L, waiting: BTreeMap<usize, R>) -> RefCell<Self> {
        RefCell::new(Self { listener, waiting, next: 0, error: Ok(()) })
    }

    /// A result is there.
    pub(super) fn take(&mut self, place: usize, result: R) {
        self.waiting.insert(place, result);
        self.tell(false);
    }

    /// The listener's error so far, if there is one.
    ///
    /// # Errors
    /// That.
    pub(super) fn heard(&mut self) -> io::Result<()> {
        std::mem::replace(&mut self.error, Ok(()))
    }

    /// Tells all there is, whatever is missing before it; gives the listener back.
    pub(super) fn finish(mut self) -> (L, io::Result<()>) {
        self.tell(true);
        (self.listener, self.error)
    }

    /// Tells what is next; in the end, all there is.
    fn tell(&mut self, all: bool) {
        while self.error.is_ok() {
            let first = self.waiting.first_entry().filter(|first| all || *first.key() == self.next);
            let Some((place, result)) = first.map(OccupiedEntry::remove_entry) else { return };
            self.next = place.saturating_add(1);
            self.error = self.listener.ended(place, &result);
            if self.error.is_err() {
                // Nobody wants to know any more: the run ends as it does for a user's signal.
                let this = rustix::process::getpid();
                let _ = rustix::process::kill_process(this, rustix::process::Signal::TERM);
            }
        }
    }
}

/// Carries a task out on each file of a plan, and tells `listener` of the results in their order. Gives
/// the listener back, with its error, if that ended the run.
///
/// # Errors
/// The run cannot begin.
pub(super) fn read_in_order<T, L>(
    reading: Reading<'_, T>,
    listener: L,
) -> Result<(RunSummary, L, io::Result<()>), RunError>
where
    T: ReadingTask,
    L: Listener<reading::Result<T::Output>>,
{
    let telling = InOrder::new(listener, BTreeMap::new());
    let each = &mut |place: usize, result| telling.borrow_mut().take(place, result);
    let summary = read(reading, &mut Watching::new(&telling), each);
    let (listener, told) = telling.into_inner().finish();
    Ok((summary?, listener, told))
}

/// Hands on what a run tells beside results, and counts bytes.
pub(super) struct Watching<'a, L, R> {
    telling: &'a RefCell<InOrder<L, R>>,
    /// Data read of the job that is at work in each slot.
    bytes: BTreeMap<SlotId, (JobId, u64)>,
    /// The same of all of them.
    all: u64,
}

impl<'a, L, R> Watching<'a, L, R> {
    /// For the listener of `telling`.
    pub(super) fn new(telling: &'a RefCell<InOrder<L, R>>) -> Self {
        Self { telling, bytes: BTreeMap::new(), all: 0 }
    }
}

impl<L: Listener<R>, R> Reporter for Watching<'_, L, R> {
    fn event(&mut self, event: &RunEvent) {
        let mut telling = self.telling.borrow_mut();
        match event {
            RunEvent::Progress { slot, job, done, .. } => {
                let (at, known) = self.bytes.entry(*slot).or_insert((*job, 0));
                if at != job {
                    (*at, *known) = (*job, 0);
                }
                self.all = self.all.saturating_add(done.saturating_sub(*known));
                *known = (*known).max(*done);
                let through = telling.next.saturating_add(telling.waiting.len()) as u64;
                telling.listener.progress(through, self.all);
            }
            event => {
                if let Some(message) = worth_a_word(event) {
                    telling.listener.warning(&message);
                }
            }
        }
    }
}

/// What a user should know of a run that only shows results: warnings, and that it waits for space.
pub(super) fn worth_a_word(event: &RunEvent) -> Option<String> {
    match event {
        RunEvent::Warning { message } => Some(message.clone()),
        RunEvent::Paused { message } => Some(format!("{message}: waits until there is space")),
        RunEvent::Resumed { .. } => Some("there is space: goes on".to_owned()),
        _ => None,
    }
}

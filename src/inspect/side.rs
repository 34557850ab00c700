//! Reads the values of one side of a comparison: when they are asked for, or ahead of that on a thread
//! of their own.
//!
//! Either way they are read in the same order, by a reader that knows nothing of the other side, so that
//! what is told of them does not depend on the number of threads.

use super::identity::{Identities, Made};
use super::seen::Seen;
use super::view::{Progress, View};
use crate::h5::{self, RelAddr};
use crate::julia::{Digest, Dumper};
use std::collections::BTreeSet;
use std::panic::resume_unwind;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, Scope, ScopedJoinHandle};
use std::{mem, vec};

/// Values that a thread hands on at once.
const TOGETHER: usize = 64;
/// So many times that may wait to be looked at.
const WAITING: usize = 4;
/// Names of objects that are handed on at once, but for those of one value.
const NAMES: usize = 10_000;

/// A value that was read.
pub(super) struct Read {
    pub(super) seen: Seen,
    /// Which objects it is made of.
    pub(super) made: Made,
}

/// A dataset that is to be read: its number among those that are compared, and where it is.
pub(super) type Asked = (u32, RelAddr);

/// Reads values of one file, one after the other.
pub(super) struct Reader<'v> {
    view: &'v View<'v>,
    identities: &'v Identities<'v>,
    dumper: Dumper<'v>,
}

impl<'v> Reader<'v> {
    /// `identities` are those of the file of `view`.
    pub(super) fn new(
        view: &'v View<'v>,
        identities: &'v Identities<'v>,
        progress: Progress<'v>,
    ) -> Self {
        let dumper = Dumper::new(view.types(), Digest::Xxh3)
            .with_digests(view.digests())
            .with_watch(identities)
            .with_progress(progress);
        Self { view, identities, dumper }
    }

    /// Reads the next one.
    pub(super) fn read(&self, (number, addr): Asked) -> h5::Result<Read> {
        self.identities.begin(number);
        let seen = Seen::read(&self.dumper, self.view.types(), addr)?;
        Ok(Read { seen, made: self.identities.made() })
    }
}

/// The values of the second side.
pub(super) enum Second<'v, 's> {
    /// They are read when they are asked for.
    Here(Reader<'v>),
    /// A thread reads them ahead.
    Ahead(Ahead<'s>),
}

/// A thread that reads the values of a file.
pub(super) struct Ahead<'s> {
    ask: Sender<Vec<Asked>>,
    told: Receiver<Vec<h5::Result<Read>>>,
    ready: vec::IntoIter<h5::Result<Read>>,
    thread: ScopedJoinHandle<'s, BTreeSet<RelAddr>>,
}

impl<'s> Ahead<'s> {
    /// None where the system allows no more threads.
    pub(super) fn start<'e: 's>(
        scope: &'s Scope<'s, 'e>,
        view: &'e View<'e>,
        progress: Progress<'e>,
    ) -> Option<Self> {
        let (ask, asked) = channel();
        let (tell, told) = sync_channel(WAITING);
        let work = move || read_ahead(view, progress, &asked, &tell);
        let thread = thread::Builder::new().spawn_scoped(scope, work).ok()?;
        Some(Self { ask, told, ready: Vec::new().into_iter(), thread })
    }
}

/// Reads what is asked for until nobody asks any more, or hears; gives the committed types that were met.
fn read_ahead(
    view: &View<'_>,
    progress: Progress<'_>,
    asked: &Receiver<Vec<Asked>>,
    tell: &SyncSender<Vec<h5::Result<Read>>>,
) -> BTreeSet<RelAddr> {
    let identities = view.identities();
    let reader = Reader::new(view, &identities, progress);
    for some in asked {
        let (mut told, mut names) = (Vec::new(), 0);
        for one in some {
            let read = reader.read(one);
            names += read.as_ref().map_or(0, |read| read.made.names.len());
            told.push(read);
            if told.len() >= TOGETHER || names >= NAMES {
                names = 0;
                if tell.send(mem::take(&mut told)).is_err() {
                    return identities.types();
                }
            }
        }
        if !told.is_empty() && tell.send(told).is_err() {
            break;
        }
    }
    identities.types()
}

impl Second<'_, '_> {
    /// Says what is read next. All of it is to be [taken](Self::next), in that order.
    pub(super) fn ask(&self, some: Vec<Asked>) {
        if let Self::Ahead(ahead) = self {
            // Of a thread that has ended `finish` tells.
            let _ = ahead.ask.send(some);
        }
    }

    /// The value of the one that was asked for next.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn next(&mut self, one: Asked) -> h5::Result<Read> {
        match self {
            Self::Here(reader) => reader.read(one),
            Self::Ahead(Ahead { told, ready, .. }) => {
                if let Some(read) = ready.next() {
                    return read;
                }
                *ready = told.recv().unwrap_or_default().into_iter();
                ready.next().unwrap_or_else(|| Err(h5::Error::cancelled()))
            }
        }
    }

    /// The committed types that were met.
    pub(super) fn finish(self) -> BTreeSet<RelAddr> {
        match self {
            Self::Here(reader) => reader.identities.types(),
            Self::Ahead(Ahead { ask, told, thread, .. }) => {
                drop((ask, told));
                thread.join().unwrap_or_else(|panic| resume_unwind(panic))
            }
        }
    }
}

/// Does `first`, and `second` on another thread if there may be more than one; else one after the other.
pub(super) fn at_once<A, B: Send>(
    threads: usize,
    first: impl FnOnce() -> A,
    second: impl Fn() -> B + Sync,
) -> (A, B) {
    if threads < 2 {
        return (first(), second());
    }
    thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, &second);
        let first = first();
        let second = match thread {
            Ok(thread) => thread.join().unwrap_or_else(|panic| resume_unwind(panic)),
            Err(_) => second(),
        };
        (first, second)
    })
}

//! Threads that make pieces of several feeds ahead of who takes them.

use super::NumberSlice;
use super::feed::Feed;
use super::pool::Pool;
use crate::h5::{Error, Result};
use crate::reader::cache::Piece;
use std::collections::BTreeMap;
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// What threads and taker know of one another.
struct Shared<'s, 'a> {
    feeds: &'s [Feed<'a>],
    state: Mutex<State>,
    /// Buffers of pieces that were taken.
    pool: Pool,
    /// A piece was made, or nobody makes any more.
    made: Condvar,
    /// A piece was taken, or nobody wants any more.
    taken: Condvar,
}

struct State {
    feeds: Vec<Progress>,
    /// Nobody wants any more.
    over: bool,
    /// Threads that make pieces.
    makers: usize,
    /// Bytes that decoders which do not stay open may take at once.
    passing: u64,
    /// What those take that are at work.
    busy: u64,
}

/// How far a feed is.
struct Progress {
    /// The next piece to be made.
    make: u64,
    /// The next piece to be taken.
    take: u64,
    end: u64,
    /// A thread is at work on a piece of a stream.
    busy: bool,
    ready: BTreeMap<u64, Result<Piece>>,
}

/// The taker's side: the piece of each feed that holds the present row.
pub(super) struct Pieces<'p, 's, 'a> {
    shared: &'p Shared<'s, 'a>,
    held: Vec<Option<(u64, u64, Piece)>>,
}

/// Does `take` with the feeds' pieces, which threads make meanwhile.
pub(super) fn with_pieces<E: From<Error>>(
    feeds: &[Feed<'_>],
    threads: usize,
    passing: u64,
    take: impl FnOnce(&mut Pieces<'_, '_, '_>) -> std::result::Result<(), E>,
) -> std::result::Result<(), E> {
    let progress = |feed: &Feed<'_>| {
        let pieces = feed.pieces();
        let (start, end) = (pieces.start, pieces.end);
        Progress { make: start, take: start, end, busy: false, ready: BTreeMap::new() }
    };
    // Who takes what is only copied works as much as who copies.
    let threads =
        if feeds.iter().all(Feed::is_copied) { threads.saturating_sub(1).max(1) } else { threads };
    // More than one cannot work on a stream at once.
    let useful = |feed: &Feed<'_>| if feed.is_stream() { 1 } else { threads };
    let threads = threads.min(feeds.iter().map(useful).fold(0, usize::saturating_add)).max(1);
    let progress = feeds.iter().map(progress).collect();
    let state = State { feeds: progress, over: false, makers: 0, passing, busy: 0 };
    let shared = Shared {
        feeds,
        state: Mutex::new(state),
        pool: Pool::default(),
        made: Condvar::new(),
        taken: Condvar::new(),
    };
    thread::scope(|scope| {
        // Whatever ends the taker ends the threads.
        let _over = Over(&shared);
        for number in 0..threads {
            shared.lock().makers += 1;
            let maker = thread::Builder::new().name(format!("decode-{number}"));
            if let Err(error) = maker.spawn_scoped(scope, || shared.make()) {
                shared.lock().makers -= 1;
                if number == 0 {
                    return Err(Error::io(0, error).into());
                }
                // With fewer it takes longer.
                break;
            }
        }
        let held = feeds.iter().map(|_| None).collect();
        take(&mut Pieces { shared: &shared, held })
    })
}

struct Over<'p, 's, 'a>(&'p Shared<'s, 'a>);

impl Drop for Over<'_, '_, '_> {
    fn drop(&mut self) {
        self.0.lock().over = true;
        self.0.taken.notify_all();
    }
}

/// Tells the taker that a thread is gone, also if it panicked.
struct Gone<'p, 's, 'a>(&'p Shared<'s, 'a>);

impl Drop for Gone<'_, '_, '_> {
    fn drop(&mut self) {
        let mut state = self.0.lock();
        state.makers = state.makers.saturating_sub(1);
        self.0.made.notify_all();
    }
}

impl Shared<'_, '_> {
    fn lock(&self) -> MutexGuard<'_, State> {
        // No code that can panic runs under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What each thread does: pieces, those that are wanted first, until there are no more.
    fn make(&self) {
        let _gone = Gone(self);
        let mut state = self.lock();
        loop {
            if state.over || state.feeds.iter().all(|feed| feed.make >= feed.end) {
                return;
            }
            let Some((i, piece)) = state.next(self.feeds) else {
                state = self.taken.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            };
            drop(state);
            let made = match self.feeds.get(i) {
                Some(feed) => feed.make(piece, &self.pool),
                None => return,
            };
            state = self.lock();
            state.busy = state.busy.saturating_sub(passing_cost(self.feeds.get(i)));
            let failed = made.is_err();
            if let Some(progress) = state.feeds.get_mut(i) {
                progress.busy = false;
                progress.ready.insert(piece, made);
                if failed {
                    // Whoever takes it goes no further.
                    progress.make = progress.end;
                }
            }
            self.made.notify_all();
            // A stream that was busy may be gone on with.
            self.taken.notify_one();
        }
    }

    fn take(&self, i: usize) -> Result<(u64, Piece)> {
        let mut state = self.lock();
        loop {
            let makers = state.makers;
            let Some(progress) = state.feeds.get_mut(i) else { break };
            let number = progress.take;
            if let Some(piece) = progress.ready.remove(&number) {
                progress.take += 1;
                drop(state);
                self.taken.notify_all();
                return piece.map(|piece| (number, piece));
            }
            if makers == 0 {
                break;
            }
            state = self.made.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Err(Error::io(0, io::Error::other("a thread that decodes ended before its work was done")))
    }
}

impl State {
    /// Chooses the piece that is to be made next: of the feed that is least ahead.
    fn next(&mut self, feeds: &[Feed<'_>]) -> Option<(usize, u64)> {
        let (busy, passing) = (self.busy, self.passing);
        let ready = |(_, (progress, feed)): &(usize, (&mut Progress, &Feed<'_>))| {
            let stream = feed.is_stream();
            let cost = passing_cost(Some(feed));
            let fits = busy == 0 || cost == 0 || busy.saturating_add(cost) <= passing;
            fits && progress.make < progress.end
                && progress.make < progress.take.saturating_add(feed.ahead)
                && !(stream && progress.busy)
        };
        let candidates = self.feeds.iter_mut().zip(feeds).enumerate().filter(ready);
        let (i, (progress, feed)) =
            candidates.min_by_key(|(_, (progress, _))| progress.make - progress.take)?;
        let piece = progress.make;
        progress.make += 1;
        progress.busy = true;
        self.busy = self.busy.saturating_add(passing_cost(Some(feed)));
        Some((i, piece))
    }
}

/// What a decoder takes that is there for one piece.
fn passing_cost(feed: Option<&Feed<'_>>) -> u64 {
    feed.filter(|feed| !feed.is_stream() || !feed.stays_open).map_or(0, |feed| feed.cost)
}

impl Pieces<'_, '_, '_> {
    /// Sees to it that the piece of feed `i` with this row is at hand; gives the row behind it.
    pub(super) fn hold(&mut self, i: usize, row: u64) -> Result<u64> {
        let (Some(held), Some(feed)) = (self.held.get_mut(i), self.shared.feeds.get(i)) else {
            return Ok(row);
        };
        loop {
            if let Some((start, end, _)) = held
                && (*start..*end).contains(&row)
            {
                return Ok(*end);
            }
            // Before another is waited for: it takes memory.
            if let Some((.., piece)) = held.take() {
                self.shared.pool.give(piece);
            }
            let (number, piece) = self.shared.take(i)?;
            let rows = feed.rows_of(number);
            *held = Some((rows.start, rows.end, piece));
        }
    }

    /// The numbers of `len` rows from `row` on, which are at hand.
    pub(super) fn slices(&self, row: u64, len: usize) -> Vec<NumberSlice<'_>> {
        self.held
            .iter()
            .zip(self.shared.feeds)
            .map(|(held, feed)| {
                let size = feed.number.size();
                let bytes = held.as_ref().and_then(|(start, _, piece)| {
                    let from = usize::try_from(row.checked_sub(*start)?).ok()?.checked_mul(size)?;
                    piece.get(from..)?.get(..len.checked_mul(size)?)
                });
                NumberSlice::new(feed.number, bytes.unwrap_or_default())
            })
            .collect()
    }
}

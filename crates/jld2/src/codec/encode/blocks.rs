//! Encodes blocks in parallel, and hands them on in order.
//!
//! Every thread does all the work on its blocks: it reads the next one, encodes it, and writes what
//! is due. One of them reads at a time, and one writes, so while blocks are encoded those two go on
//! as well, no thread waits for another to hand it work, and a block stays in the cache of the core
//! that reads it. Blocks are written in the order in which they were read: the bytes do not depend
//! on the number of threads.

use super::output::Output;
use crate::codec::{Error, Reader, payload::fill_up};
use std::{
    collections::BTreeMap,
    io::BufRead as _,
    sync::{Condvar, Mutex, MutexGuard, PoisonError},
    thread,
};

/// How an input is cut.
#[derive(Debug, Clone, Copy)]
pub(super) struct Cut {
    /// Bytes of each block but the last.
    pub(super) block: usize,
    /// Bytes before a block that its encoder wants to see.
    pub(super) dictionary: usize,
}

/// A block on its way.
#[derive(Debug, Default)]
pub(super) struct Block {
    /// How many blocks came before.
    number: u64,
    /// No other block follows.
    pub(super) last: bool,
    pub(super) dictionary: Vec<u8>,
    pub(super) input: Vec<u8>,
    /// What is to be written, and room behind it that is kept for the next block.
    pub(super) output: Vec<u8>,
    /// How much of it is to be written.
    pub(super) used: usize,
    /// Checksum of the input, if the format has one.
    pub(super) check: u32,
}

/// Encodes blocks one after the other, each independently of those before.
pub(super) trait Worker {
    /// Turns a block's input into its output, which holds another block's.
    fn encode(&mut self, block: &mut Block) -> Result<(), Error>;
}

/// Blocks on their way for each thread: one in work, one that waits for its turn.
const ON_THE_WAY: usize = 2;

/// Encodes `total` bytes of `input`; `finished` is called for each block in order, before it is
/// written. An empty input is one empty block.
pub(super) fn encode_blocks<W: Worker>(
    input: Reader<'_>,
    total: u64,
    cut: Cut,
    threads: usize,
    worker: impl Fn() -> W + Sync,
    finished: &mut (dyn FnMut(&Block) + Send),
    out: &mut Output<'_>,
) -> Result<(), Error> {
    let blocks = usize::try_from(total.div_ceil(cut.block.max(1) as u64)).unwrap_or(usize::MAX);
    let threads = threads.min(blocks).max(1);
    let feed = Feed { input, total, left: total, cut, tail: Vec::new(), next: 0, ended: false };
    let line = Line {
        feed: Mutex::new(feed),
        sink: Mutex::new(Sink { finished, out, done: 0 }),
        state: Mutex::new(State { room: threads.saturating_mul(ON_THE_WAY), ..State::default() }),
        moved: Condvar::new(),
    };
    thread::scope(|scope| {
        for _ in 1..threads {
            // Where the system allows no more threads, those that there are do the work.
            let spawned = thread::Builder::new().spawn_scoped(scope, || line.work(worker()));
            if spawned.is_err() {
                break;
            }
        }
        line.work(worker());
    });
    line.ended()
}

/// What all threads work at.
struct Line<'l, 'o> {
    feed: Mutex<Feed<'l>>,
    /// Locked by the thread that writes, see [`State::writing`].
    sink: Mutex<Sink<'l, 'o>>,
    state: Mutex<State>,
    /// There is room for another block, or nothing more to do.
    moved: Condvar,
}

/// Where the blocks are.
#[derive(Default)]
struct State {
    /// How many more blocks may be on their way.
    room: usize,
    /// Encoded blocks whose turn has not come, by their number.
    ready: BTreeMap<u64, Block>,
    /// Number of the block to be written next.
    due: u64,
    /// A thread writes, and takes what is ready along.
    writing: bool,
    /// Buffers to use again.
    spare: Vec<Block>,
    /// All has been read, or something failed.
    over: bool,
    failed: Option<Error>,
}

impl Line<'_, '_> {
    /// What each thread does until the input ends or something fails.
    fn work(&self, mut worker: impl Worker) {
        let alarm = Alarm(self);
        let result = self.blocks(&mut worker);
        drop(alarm);
        self.stop(result.err());
    }

    fn blocks(&self, worker: &mut impl Worker) -> Result<(), Error> {
        while let Some(spare) = self.room() {
            // Poisoned if a reader panicked in another thread, which the scope passes on.
            let next = self.feed.lock().map_err(|_| Error::Failed)?.next(spare)?;
            let Some(mut block) = next else { break };
            worker.encode(&mut block)?;
            self.put(block)?;
        }
        Ok(())
    }

    /// Waits until another block may be on its way; a buffer for it, or nothing if all is over.
    fn room(&self) -> Option<Block> {
        let mut state = self.state();
        while state.room == 0 && !state.over {
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        if state.over {
            return None;
        }
        state.room = state.room.saturating_sub(1);
        Some(state.spare.pop().unwrap_or_default())
    }

    /// Writes `block` and those that waited for it, or leaves it to the thread that will.
    fn put(&self, block: Block) -> Result<(), Error> {
        let mut state = self.state();
        state.ready.insert(block.number, block);
        if state.writing {
            return Ok(());
        }
        // Stays set after an error: nothing may follow a block that is not there.
        state.writing = true;
        loop {
            let due = state.due;
            let Some(block) = state.ready.remove(&due) else { break };
            drop(state);
            self.sink.lock().map_err(|_| Error::Failed)?.put(&block)?;
            state = self.state();
            state.due = state.due.saturating_add(1);
            state.room = state.room.saturating_add(1);
            state.spare.push(block);
            self.moved.notify_one();
        }
        state.writing = false;
        Ok(())
    }

    /// No thread takes another block.
    fn stop(&self, error: Option<Error>) {
        let mut state = self.state();
        state.over = true;
        state.failed = state.failed.take().or(error);
        self.moved.notify_all();
    }

    /// Nothing panics while it holds the state.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ended(self) -> Result<(), Error> {
        let state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        match state.failed {
            Some(error) => Err(error),
            None if state.ready.is_empty() => Ok(()),
            None => Err(Error::Failed),
        }
    }
}

/// Keeps the others from waiting for a thread that panics.
struct Alarm<'a, 'l, 'o>(&'a Line<'l, 'o>);

impl Drop for Alarm<'_, '_, '_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.stop(Some(Error::Failed));
        }
    }
}

/// Cuts the input.
struct Feed<'a> {
    input: Reader<'a>,
    total: u64,
    left: u64,
    cut: Cut,
    /// The last bytes of the block before.
    tail: Vec<u8>,
    /// Number of the next block.
    next: u64,
    ended: bool,
}

impl Feed<'_> {
    /// Fills `block` with the next bytes; nothing if there are no more.
    fn next(&mut self, mut block: Block) -> Result<Option<Block>, Error> {
        if self.ended {
            return Ok(None);
        }
        // Nor after an error, whoever asks.
        self.ended = true;
        let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(self.cut.block);
        block.number = self.next;
        self.next = self.next.saturating_add(1);
        block.dictionary.clear();
        block.dictionary.extend_from_slice(&self.tail);
        block.input.resize(length, 0);
        let filled = fill_up(&mut *self.input, &mut block.input)?;
        if filled < length {
            let found = self.total.saturating_sub(self.left).saturating_add(filled as u64);
            return Err(Error::Short { expected: self.total, found });
        }
        self.left = self.left.saturating_sub(length as u64);
        block.last = self.left == 0;
        if block.last && !self.input.fill_buf()?.is_empty() {
            return Err(Error::Long { expected: self.total });
        }
        if self.cut.dictionary > 0 {
            let from = length.saturating_sub(self.cut.dictionary);
            self.tail.clear();
            self.tail.extend_from_slice(block.input.get(from..).unwrap_or_default());
        }
        self.ended = block.last;
        Ok(Some(block))
    }
}

/// Takes the blocks in order.
struct Sink<'a, 'o> {
    finished: &'a mut (dyn FnMut(&Block) + Send),
    out: &'a mut Output<'o>,
    /// Bytes of the input that are through.
    done: u64,
}

impl Sink<'_, '_> {
    fn put(&mut self, block: &Block) -> Result<(), Error> {
        (self.finished)(block);
        self.out.write(block.output.get(..block.used).ok_or(Error::Failed)?)?;
        self.done = self.done.saturating_add(block.input.len() as u64);
        self.out.report(self.done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        ops::ControlFlow,
        panic,
        sync::atomic::{AtomicUsize, Ordering},
        time::Duration,
    };

    /// Copies blocks, some more slowly than others, and panics at one if told so.
    struct Copying<'a> {
        panics_at: Option<u64>,
        most: &'a AtomicUsize,
        held: &'a AtomicUsize,
    }

    impl Worker for Copying<'_> {
        fn encode(&mut self, block: &mut Block) -> Result<(), Error> {
            let held = self.held.fetch_add(1, Ordering::SeqCst) + 1;
            self.most.fetch_max(held, Ordering::SeqCst);
            thread::sleep(Duration::from_millis(1 + block.number % 3));
            assert_ne!(Some(block.number), self.panics_at, "as told");
            block.output.clone_from(&block.input);
            block.used = block.output.len();
            self.held.fetch_sub(1, Ordering::SeqCst);
            Ok(())
        }
    }

    /// What comes of 1000 bytes in blocks of 7, and how many blocks were in work at a time.
    fn copied(threads: usize, panics_at: Option<u64>) -> (Result<Vec<u8>, Error>, usize) {
        let input: Vec<u8> = (0..1000_u32).map(|i| i.to_le_bytes()[0]).collect();
        let [most, held] = [const { AtomicUsize::new(0) }; 2];
        let worker = || Copying { panics_at, most: &most, held: &held };
        let (mut out, mut count) = (Vec::new(), 0);
        let mut progress = |_| ControlFlow::Continue(());
        let mut output = Output::new(&mut out, &mut progress);
        let cut = Cut { block: 7, dictionary: 0 };
        let mut finished = |block: &Block| {
            assert_eq!(block.number, count);
            count += 1;
        };
        let reader = Box::new(input.as_slice());
        let result = encode_blocks(reader, 1000, cut, threads, worker, &mut finished, &mut output);
        let result = result.map(|()| {
            assert_eq!((count, out == input), (1000_u64.div_ceil(7), true));
            out
        });
        (result, most.load(Ordering::SeqCst))
    }

    #[test]
    fn blocks_come_in_order_and_all_threads_work() {
        for threads in [1, 2, 5] {
            let (result, most) = copied(threads, None);
            assert!(result.is_ok());
            assert_eq!(most, threads);
        }
    }

    #[test]
    fn a_panic_is_passed_on_and_nobody_waits_for_ever() {
        for (threads, at) in [(1, 0), (2, 0), (4, 17), (3, 142)] {
            let panicked = panic::catch_unwind(|| copied(threads, Some(at)).0);
            assert!(panicked.is_err(), "{threads} threads");
        }
    }
}

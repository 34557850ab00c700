//! Blocks in parallel, in order.
//!
//! The calling thread reads and writes, and encodes a block itself where no other thread is free
//! for it: `threads` threads are busy, and one thread needs no other. Each helper has a queue of
//! its own and takes from it in order, so the results' order is known from who got which block,
//! and the bytes do not depend on the number of threads.

use super::output::Output;
use crate::codec::{Error, Reader, payload::fill_up};
use std::{
    collections::VecDeque,
    io::BufRead as _,
    sync::mpsc::{Receiver, SyncSender, TryRecvError, sync_channel},
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

/// Blocks that a helper may hold.
const QUEUE: usize = 2;

/// Encodes `total` bytes of `input`; `finished` is called for each block in order, before it is
/// written. An empty input is one empty block.
pub(super) fn encode_blocks<W: Worker>(
    input: Reader<'_>,
    total: u64,
    cut: Cut,
    threads: usize,
    worker: impl Fn() -> W + Sync,
    finished: &mut dyn FnMut(&Block),
    out: &mut Output<'_>,
) -> Result<(), Error> {
    let blocks = usize::try_from(total / cut.block.max(1) as u64).unwrap_or(usize::MAX);
    let helpers = threads.saturating_sub(1).min(blocks);
    let mut feed = Feed { input, total, left: total, cut, tail: Vec::new(), ended: false };
    let mut sink = Sink { finished, out, done: 0, spare: Vec::new() };
    let worker = &worker;
    thread::scope(|scope| {
        let helpers: Vec<Helper> = (0..helpers)
            .map(|_| {
                let (jobs, queue) = sync_channel::<Block>(QUEUE);
                let (results, ready) = sync_channel(QUEUE);
                scope.spawn(move || help(worker(), &queue, &results));
                Helper { jobs, ready, held: 0 }
            })
            .collect();
        conduct(helpers, worker(), &mut feed, &mut sink)
    })
}

/// A thread that encodes, as the calling one sees it.
struct Helper {
    jobs: SyncSender<Block>,
    ready: Receiver<Result<Block, Error>>,
    /// Blocks that went there and did not come back.
    held: usize,
}

/// What a helper does until its queue is closed.
fn help<W: Worker>(
    mut worker: W,
    queue: &Receiver<Block>,
    results: &SyncSender<Result<Block, Error>>,
) {
    while let Ok(mut block) = queue.recv() {
        let result = worker.encode(&mut block).map(|()| block);
        if results.send(result).is_err() {
            return;
        }
    }
}

/// Where the next block in order is.
enum Place {
    With(usize),
    Here(Block),
}

/// What the calling thread does. The helpers end when their channels, owned here, go.
fn conduct<W: Worker>(
    mut helpers: Vec<Helper>,
    mut worker: W,
    feed: &mut Feed<'_>,
    sink: &mut Sink<'_, '_>,
) -> Result<(), Error> {
    // Room for each helper's queue, and for own blocks that wait behind a slow one.
    let most = helpers.len().saturating_mul(QUEUE + 1).saturating_add(1);
    let mut order: VecDeque<Place> = VecDeque::new();
    while let Some(mut block) = feed.next(sink.spare.pop().unwrap_or_default())? {
        let free = helpers.iter_mut().enumerate().min_by_key(|(_, helper)| helper.held);
        if let Some((i, helper)) = free.filter(|(_, helper)| helper.held < QUEUE) {
            helper.jobs.send(block).map_err(|_| Error::Failed)?;
            helper.held = helper.held.saturating_add(1);
            order.push_back(Place::With(i));
        } else {
            worker.encode(&mut block)?;
            order.push_back(Place::Here(block));
        }
        while let Some(block) = take(&mut order, &mut helpers, most)? {
            sink.put(block)?;
        }
    }
    while let Some(block) = take(&mut order, &mut helpers, 0)? {
        sink.put(block)?;
    }
    Ok(())
}

/// The next block in order, if it is ready; it is waited for if more than `most` are on their way.
fn take(
    order: &mut VecDeque<Place>,
    helpers: &mut [Helper],
    most: usize,
) -> Result<Option<Block>, Error> {
    let wait = order.len() > most;
    let Some(Place::With(i)) = order.front() else {
        return Ok(match order.pop_front() {
            Some(Place::Here(block)) => Some(block),
            _ => None,
        });
    };
    let Some(helper) = helpers.get_mut(*i) else { return Err(Error::Failed) };
    let result = match helper.ready.try_recv() {
        Ok(result) => result,
        Err(TryRecvError::Empty) if !wait => return Ok(None),
        // A helper that is gone without a result has panicked, which the scope passes on.
        Err(_) => helper.ready.recv().map_err(|_| Error::Failed)?,
    };
    helper.held = helper.held.saturating_sub(1);
    order.pop_front();
    result.map(Some)
}

/// Cuts the input.
struct Feed<'a> {
    input: Reader<'a>,
    total: u64,
    left: u64,
    cut: Cut,
    /// The last bytes of the block before.
    tail: Vec<u8>,
    ended: bool,
}

impl Feed<'_> {
    /// Fills `block` with the next bytes; nothing if there are no more.
    fn next(&mut self, mut block: Block) -> Result<Option<Block>, Error> {
        if self.ended {
            return Ok(None);
        }
        let length = usize::try_from(self.left).unwrap_or(usize::MAX).min(self.cut.block);
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
        self.ended = block.last;
        if block.last && !self.input.fill_buf()?.is_empty() {
            return Err(Error::Long { expected: self.total });
        }
        if self.cut.dictionary > 0 {
            let from = length.saturating_sub(self.cut.dictionary);
            self.tail.clear();
            self.tail.extend_from_slice(block.input.get(from..).unwrap_or_default());
        }
        Ok(Some(block))
    }
}

/// Takes the blocks in order.
struct Sink<'a, 'o> {
    finished: &'a mut dyn FnMut(&Block),
    out: &'a mut Output<'o>,
    /// Bytes of the input that are through.
    done: u64,
    /// Buffers to use again.
    spare: Vec<Block>,
}

impl Sink<'_, '_> {
    fn put(&mut self, block: Block) -> Result<(), Error> {
        (self.finished)(&block);
        self.out.write(block.output.get(..block.used).ok_or(Error::Failed)?)?;
        self.done = self.done.saturating_add(block.input.len() as u64);
        self.out.report(self.done)?;
        self.spare.push(block);
        Ok(())
    }
}

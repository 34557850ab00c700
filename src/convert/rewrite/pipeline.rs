//! Columns decoded and encoded chunk by chunk on several threads, written in order.
//!
//! Every thread takes the next chunk that can be had, decodes it, encodes it, and writes what is due.
//! A column in one stream is decoded by one thread at a time; then the others go on with the columns
//! behind it, and what they encode waits in memory, of which there is a bound. So no thread is idle
//! at a column's end, or where decoding takes longer than encoding. Chunks are written in the order
//! of columns, and of a column's bytes: the bytes of the output do not depend on the number of
//! threads.

use super::RewriteError;
use super::column_writer::{Chunk, ColumnWriter, Job};
use crate::codec::{self, ChunkEncoder, Codec, Reader, StreamSource as _};
use crate::h5::Error;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{self, BufRead, Read};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Encoded bytes that may wait for what comes before them.
const WAITING: usize = 8 << 20;

/// Smaller buffers are made when they are needed.
const WORTH_KEEPING: usize = 64 << 10;

/// A chunk of a column: which job, and which of its chunks.
type Unit = (usize, u64);

/// Encodes all `jobs` and hands their chunks to `writer`.
pub(super) fn run(
    jobs: &[Job<'_>],
    threads: usize,
    writer: &mut ColumnWriter<'_, '_>,
) -> Result<(), RewriteError> {
    if jobs.is_empty() {
        return Ok(());
    }
    let begin = Instant::now();
    let line = Line {
        jobs,
        window: threads.max(1),
        writer: Mutex::new(writer),
        state: Mutex::default(),
        moved: Condvar::new(),
    };
    thread::scope(|scope| {
        for _ in 1..threads.max(1) {
            // Where the system allows no more threads, those that there are do the work.
            if thread::Builder::new().spawn_scoped(scope, || line.work()).is_err() {
                break;
            }
        }
        line.work();
    });
    let state = line.state.into_inner().unwrap_or_else(PoisonError::into_inner);
    tracing::debug!(columns = jobs.len(), threads, elapsed = ?begin.elapsed(), idle = ?state.idle, "encoded");
    match state.failed {
        Some(error) => Err(error),
        None if state.due.0 >= jobs.len() => Ok(()),
        None => Err(failed()),
    }
}

/// A thread panicked, which the scope passes on.
fn failed() -> RewriteError {
    Error::payload(0, codec::Error::Failed).into()
}

/// What all threads work at.
struct Line<'l, 'c, 'w, 'a, 'o> {
    jobs: &'l [Job<'c>],
    /// Columns that are decoded at a time, at most.
    window: usize,
    /// Locked by the thread that writes, see [`State::writing`].
    writer: Mutex<&'w mut ColumnWriter<'a, 'o>>,
    state: Mutex<State<'l>>,
    moved: Condvar,
}

/// Where the chunks are.
#[derive(Default)]
struct State<'l> {
    /// Columns of which chunks are left to be taken, in order.
    open: VecDeque<Open<'l>>,
    /// The job to be opened next.
    next: usize,
    /// Encoded chunks whose turn has not come.
    ready: BTreeMap<Unit, Waiting>,
    /// Memory that they take.
    waiting: usize,
    /// Buffers of chunks that waited, for those that will.
    spare: Vec<Vec<u8>>,
    /// Whether the first chunk of a job shrinks, which decides what is needed of the others.
    shrinks: HashMap<usize, bool>,
    /// The chunk to be written next.
    due: Unit,
    /// A thread writes, and takes what is ready along.
    writing: bool,
    /// How long threads had nothing to take, all together.
    idle: Duration,
    /// All has been taken, or something failed.
    over: bool,
    failed: Option<RewriteError>,
}

/// What was made of a chunk.
#[derive(Clone, Copy)]
struct Made {
    /// Encoded bytes.
    used: usize,
    /// Bytes that are the array's.
    len: usize,
    /// Whether the former are fewer.
    shrinks: bool,
}

/// A chunk that waits, as far as it is needed.
struct Waiting {
    made: Made,
    encoded: Option<Vec<u8>>,
    raw: Option<Vec<u8>>,
}

/// A column that is being decoded.
struct Open<'l> {
    job: usize,
    /// The chunk to be taken next.
    next: u64,
    stream: Stream<'l>,
}

/// How the next chunk of a column is had.
enum Stream<'l> {
    /// Each can be read for itself.
    Anywhere,
    /// From a stream that nobody has begun.
    New,
    /// From this one.
    Idle(Reader<'l>),
    /// From one that a thread has now.
    Taken,
}

impl<'l> Line<'l, '_, '_, '_, '_> {
    /// What each thread does until all is taken or something fails.
    fn work(&self) {
        let alarm = Alarm(self);
        let result = self.units();
        drop(alarm);
        if let Err(error) = result {
            self.stop(Some(error));
        }
    }

    fn units(&self) -> Result<(), RewriteError> {
        let mut buffers = Buffers::default();
        while let Some((unit, stream)) = self.take() {
            let jobs: &'l [Job<'_>] = self.jobs;
            let job = jobs.get(unit.0).ok_or_else(failed)?;
            let len = self.decode(unit, job, stream, &mut buffers.raw)?;
            let made = if job.codec == Codec::None {
                Made { used: 0, len, shrinks: false }
            } else {
                let at = job.column.offset();
                let used = buffers.encode(job).map_err(|e| RewriteError::of_codec(at, e))?;
                Made { used, len, shrinks: used < len || !job.hasty }
            };
            self.put(unit, &mut buffers, made)?;
        }
        Ok(())
    }

    /// Waits for a chunk that can be had; none if there are no more.
    fn take(&self) -> Option<(Unit, Stream<'l>)> {
        let mut state = self.state();
        loop {
            if state.over {
                return None;
            }
            if let Some(taken) = self.next(&mut state) {
                return Some(taken);
            }
            if state.open.is_empty() && state.next >= self.jobs.len() {
                return None;
            }
            let begin = Instant::now();
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle += begin.elapsed();
        }
    }

    /// The first chunk, in the order of the output, that nobody is in the way of.
    fn next(&self, state: &mut State<'l>) -> Option<(Unit, Stream<'l>)> {
        let (due, full) = (state.due, state.waiting >= WAITING);
        // What is due next can always be taken: otherwise all might wait for it.
        let may = |unit: Unit| !full || unit == due;
        let ready = |open: &Open<'_>| !matches!(open.stream, Stream::Taken);
        let found = state.open.iter().position(|open| ready(open) && may((open.job, open.next)));
        let at = found.or_else(|| {
            let job = self.jobs.get(state.next)?;
            if state.open.len() >= self.window || !may((state.next, 0)) {
                return None;
            }
            let stream = if job.anywhere { Stream::Anywhere } else { Stream::New };
            state.open.push_back(Open { job: state.next, next: 0, stream });
            state.next += 1;
            Some(state.open.len() - 1)
        })?;
        let open = state.open.get_mut(at)?;
        let unit = (open.job, open.next);
        open.next += 1;
        let stream = match open.stream {
            Stream::Anywhere => Stream::Anywhere,
            _ => std::mem::replace(&mut open.stream, Stream::Taken),
        };
        if open.next >= self.jobs.get(unit.0).map_or(0, |job| job.grid.count()) {
            state.open.remove(at);
        }
        Some((unit, stream))
    }

    /// Fills `raw` with a chunk's bytes, and zeros where it reaches beyond the array. Gives the
    /// number of bytes before these.
    fn decode(
        &self,
        unit: Unit,
        job: &'l Job<'_>,
        stream: Stream<'l>,
        raw: &mut Vec<u8>,
    ) -> Result<usize, RewriteError> {
        let fit = |n: u64| usize::try_from(n).map_err(|_| failed());
        let (start, len) = job.grid.bytes_of(unit.1);
        raw.resize(fit(job.grid.chunk_bytes())?, 0);
        let used = fit(len)?;
        let (bytes, edge) = raw.split_at_mut_checked(used).ok_or_else(failed)?;
        edge.fill(0);
        let at = job.column.offset();
        let told = |e: io::Error| RewriteError::of_stream(at, e);
        let mut reader = match stream {
            Stream::Anywhere => {
                let mut part = job.column.open_range(start..start.saturating_add(len))?;
                part.fill(bytes)?;
                part.finish()?;
                return Ok(used);
            }
            Stream::New => codec::StreamSource::open(job.column).map_err(|e| told(e.into()))?,
            Stream::Idle(reader) => reader,
            Stream::Taken => return Err(failed()),
        };
        reader.read_exact(bytes).map_err(told)?;
        if unit.1 + 1 < job.grid.count() {
            let mut state = self.state();
            if let Some(open) = state.open.iter_mut().find(|open| open.job == unit.0) {
                open.stream = Stream::Idle(reader);
            }
            self.moved.notify_all();
        } else if !reader.fill_buf().map_err(told)?.is_empty() {
            let expected = job.column.total();
            return Err(RewriteError::of_codec(at, codec::Error::Long { expected }));
        }
        Ok(used)
    }

    /// Writes a chunk, and those that waited for it; or leaves it to the thread that will.
    fn put(&self, unit: Unit, buffers: &mut Buffers, made: Made) -> Result<(), RewriteError> {
        let mut state = self.state();
        if unit.1 == 0 {
            state.shrinks.insert(unit.0, made.shrinks);
        }
        if state.writing || state.due != unit {
            let first = state.shrinks.get(&unit.0).copied();
            drop(state);
            let waiting = buffers.waiting(made, first, &|| self.state().spare.pop());
            state = self.state();
            state.waiting += waiting.memory();
            state.ready.insert(unit, waiting);
            if state.writing {
                return Ok(());
            }
            state.writing = true;
        } else {
            state.writing = true;
            drop(state);
            self.write(unit, made, Some(&buffers.encoded), Some(&buffers.raw))?;
            state = self.state();
            self.advance(&mut state);
        }
        loop {
            let due = state.due;
            let Some(waiting) = state.ready.remove(&due) else { break };
            state.waiting = state.waiting.saturating_sub(waiting.memory());
            drop(state);
            let Waiting { made, encoded, raw } = waiting;
            self.write(due, made, encoded.as_deref(), raw.as_deref())?;
            state = self.state();
            for buffer in [encoded, raw].into_iter().flatten() {
                if state.spare.len() < self.window && buffer.capacity() >= WORTH_KEEPING {
                    state.spare.push(buffer);
                }
            }
            self.advance(&mut state);
        }
        // Stays set after an error: nothing may follow a chunk that is not there.
        state.writing = false;
        Ok(())
    }

    fn write(
        &self,
        unit: Unit,
        made: Made,
        encoded: Option<&[u8]>,
        raw: Option<&[u8]>,
    ) -> Result<(), RewriteError> {
        let mut writer = self.writer.lock().map_err(|_| failed())?;
        let job = self.jobs.get(unit.0).ok_or_else(failed)?;
        let encoded = encoded.and_then(|bytes| bytes.get(..made.used));
        let raw = raw.and_then(|bytes| bytes.get(..made.len));
        writer.chunk(job, unit.1, Chunk { encoded, raw, shrinks: made.shrinks })
    }

    fn advance(&self, state: &mut State<'_>) {
        let (job, chunk) = state.due;
        let last = self.jobs.get(job).is_none_or(|job| chunk + 1 >= job.grid.count());
        state.due = if last { (job + 1, 0) } else { (job, chunk + 1) };
        self.moved.notify_all();
    }

    /// No thread takes another chunk.
    fn stop(&self, error: Option<RewriteError>) {
        let mut state = self.state();
        state.over = true;
        state.failed = state.failed.take().or(error);
        self.moved.notify_all();
    }

    /// Nothing panics while it holds the state.
    fn state(&self) -> MutexGuard<'_, State<'l>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps the others from waiting for a thread that panics.
struct Alarm<'s, 'l, 'c, 'w, 'a, 'o>(&'s Line<'l, 'c, 'w, 'a, 'o>);

impl Drop for Alarm<'_, '_, '_, '_, '_, '_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
            state.over = true;
            self.0.moved.notify_all();
        }
    }
}

/// What a thread uses for one chunk after another.
#[derive(Default)]
struct Buffers {
    raw: Vec<u8>,
    encoded: Vec<u8>,
    /// The encoder of the last chunk, and what it is for.
    encoder: Option<((Codec, Option<u32>), ChunkEncoder)>,
}

impl Buffers {
    /// Encodes the raw bytes as `job` wants them; how many bytes there are.
    fn encode(&mut self, job: &Job<'_>) -> Result<usize, codec::Error> {
        let wanted = (job.codec, job.shuffle);
        let encoder = match &mut self.encoder {
            Some((of, encoder)) if *of == wanted => encoder,
            other => {
                let encoder = ChunkEncoder::new(job.codec, job.shuffle)?;
                &mut other.insert((wanted, encoder)).1
            }
        };
        encoder.encode(&self.raw, &mut self.encoded)
    }

    /// Lets a chunk wait; `first` says whether the first one of its column shrinks, if that is
    /// known. `spare` gives a buffer in place of one that waits.
    fn waiting(
        &mut self,
        made: Made,
        first: Option<bool>,
        spare: &dyn Fn() -> Option<Vec<u8>>,
    ) -> Waiting {
        let encoded = first != Some(false) && made.used > 0;
        let raw = first != Some(true) && !made.shrinks;
        Waiting {
            made,
            encoded: encoded.then(|| held(&mut self.encoded, made.used, spare)),
            raw: raw.then(|| held(&mut self.raw, made.len, spare)),
        }
    }
}

/// The first `used` bytes of `buffer`: itself, or a copy if that takes much less memory.
fn held(buffer: &mut Vec<u8>, used: usize, spare: &dyn Fn() -> Option<Vec<u8>>) -> Vec<u8> {
    if used >= buffer.capacity() / 2 {
        return std::mem::replace(buffer, spare().unwrap_or_default());
    }
    buffer.get(..used).unwrap_or_default().to_vec()
}

impl Waiting {
    /// Bytes that it takes.
    fn memory(&self) -> usize {
        [&self.encoded, &self.raw].into_iter().flatten().map(Vec::capacity).sum()
    }
}

//! Runs a library's decoder, a buffer at a time.

use super::input::Input;
use crate::codec::{Error, Reader};
use std::io::{self, BufRead, Read};

/// What one step did.
pub(super) struct Stepped {
    /// Bytes taken from the input.
    pub(super) read: usize,
    /// Bytes given to the output.
    pub(super) written: usize,
    /// The stream ended with the last byte taken.
    pub(super) ended: bool,
}

/// What the library complains about: what it expected, and what it found.
pub(super) struct Complaint {
    pub(super) expected: &'static str,
    pub(super) found: String,
}

/// A library's streaming decoder.
pub(super) trait StreamDecoder {
    /// What errors call it.
    const CODEC: &'static str;

    /// Decodes some of `input`, which is empty at its end, into `output`, which never is.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> Result<Stepped, Complaint>;

    /// Gets ready for another stream behind the first; false if the format forbids one.
    fn restart(&mut self) -> bool;

    /// Whether `first`, the byte behind the end of a stream, can begin another one.
    fn may_begin(first: u8) -> bool;
}

/// Bytes decoded at once for those who look into the buffer.
const CHUNK: usize = 64 * 1024;

/// A [`StreamDecoder`] as a reader.
pub(super) struct Stream<'a, S> {
    input: Input<'a>,
    step: S,
    decoded: u64,
    between: bool,
    buf: Vec<u8>,
    start: usize,
    end: usize,
}

impl<'a, S: StreamDecoder> Stream<'a, S> {
    pub(super) fn new(reader: Reader<'a>, step: S) -> Self {
        Self {
            input: Input::new(reader, S::CODEC),
            step,
            decoded: 0,
            between: false,
            buf: Vec::new(),
            start: 0,
            end: 0,
        }
    }
}

/// Decodes at least a byte into `output` unless the last stream has ended.
fn advance<S: StreamDecoder>(
    input: &mut Input<'_>,
    step: &mut S,
    between: &mut bool,
    decoded: &mut u64,
    output: &mut [u8],
) -> Result<usize, Error> {
    loop {
        let at = input.at();
        let chunk = input.chunk()?;
        let first = chunk.first().copied();
        if *between {
            let Some(first) = first else { return Ok(0) };
            if !S::may_begin(first) || !step.restart() {
                return Err(Error::Trailing { codec: S::CODEC, at });
            }
            *between = false;
        }
        let done = step.step(chunk, output).map_err(|Complaint { expected, found }| {
            Error::Corrupt { codec: S::CODEC, at, expected, found }
        })?;
        input.consume(done.read);
        *decoded = decoded.saturating_add(done.written as u64);
        *between = done.ended;
        if done.written > 0 {
            return Ok(done.written);
        }
        if done.ended {
            continue;
        }
        if first.is_none() {
            return Err(input.truncated(*decoded));
        }
        if done.read == 0 {
            return Err(input.corrupt(0, "a stream that goes on", "one that is stuck"));
        }
    }
}

impl<S: StreamDecoder> BufRead for Stream<'_, S> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.start >= self.end {
            self.buf.resize(CHUNK, 0);
            (self.start, self.end) = (0, 0);
            let Self { input, step, between, decoded, buf, .. } = self;
            self.end = advance(input, step, between, decoded, buf)?;
        }
        Ok(self.buf.get(self.start..self.end).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.start = self.start.saturating_add(amount).min(self.end);
    }
}

impl<S: StreamDecoder> Read for Stream<'_, S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        if self.start >= self.end && !buf.is_empty() {
            let Self { input, step, between, decoded, .. } = self;
            return Ok(advance(input, step, between, decoded, buf)?);
        }
        let n = self.fill_buf()?.read(buf)?;
        self.consume(n);
        Ok(n)
    }
}

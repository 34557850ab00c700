//! Decodes the registered HDF5 LZ4 format: sizes, then raw LZ4 blocks that stand alone.
//!
//! ```text
//! u64 BE  decoded size
//! u32 BE  block size
//! until all is decoded:
//!   u32 BE  stored size
//!   that many bytes: a raw block, or a plain copy if it is as large as the decoded block
//! ```

use super::{
    input::Input,
    lz4_block::{Bad, Block},
    window::{Fork, Refill, Window},
};
use crate::codec::{Error, Reader};
use std::io;
use xxhash_rust::xxh32::Xxh32;

/// Name in errors.
pub(super) const CODEC: &str = "lz4 (hdf5 blocks)";

/// Undoes the filter in some 450 kB, whatever the size of the blocks.
pub(super) struct Lz4Hdf5<'a> {
    input: Input<'a>,
    window: Window,
    /// What the dataspace says, where no other compressor stands between.
    expected: Option<u64>,
    /// Bytes that all blocks to come decode to.
    left: u64,
    decoded: u64,
    block_size: u64,
    state: State,
}

#[derive(Clone)]
enum State {
    Start,
    BlockStart,
    Raw(Block),
    Copy(u64),
    End,
}

impl<'a> Lz4Hdf5<'a> {
    pub(super) fn new(reader: Reader<'a>, expected: Option<u64>) -> Self {
        Self {
            input: Input::new(reader, CODEC),
            window: Window::new(),
            expected,
            left: 0,
            decoded: 0,
            block_size: 0,
            state: State::Start,
        }
    }

    fn start(&mut self) -> Result<State, Error> {
        self.left = u64::from_be_bytes(self.input.need(0)?);
        if let Some(expected) = self.expected.filter(|expected| *expected != self.left) {
            return Err(Error::Declared { codec: CODEC, expected, found: self.left });
        }
        self.block_size = u64::from(u32::from_be_bytes(self.input.need(0)?));
        if self.block_size == 0 && self.left > 0 {
            return Err(self.input.corrupt(4, "a block size", 0));
        }
        Ok(State::BlockStart)
    }

    fn block_start(&mut self) -> Result<State, Error> {
        if self.left == 0 {
            self.input.expect_end()?;
            return Ok(State::End);
        }
        let size = self.block_size.min(self.left);
        let stored = u64::from(u32::from_be_bytes(self.input.need(self.decoded)?));
        self.left = self.left.saturating_sub(size);
        self.window.forget();
        Ok(if stored == size { State::Copy(size) } else { State::Raw(Block::new(stored, size)) })
    }

    /// One piece of work.
    fn advance(&mut self) -> Result<(), Error> {
        let next = match &mut self.state {
            State::Start => self.start()?,
            State::BlockStart => self.block_start()?,
            State::Copy(0) => State::BlockStart,
            State::Copy(left) => {
                let chunk = self.input.chunk()?;
                let wanted = usize::try_from(*left).unwrap_or(usize::MAX).min(chunk.len());
                let n = self.window.append(chunk.get(..wanted).unwrap_or_default());
                if wanted == 0 {
                    return Err(self.input.truncated(self.decoded));
                }
                self.input.consume(n);
                self.decoded = self.decoded.saturating_add(n as u64);
                *left = left.saturating_sub(n as u64);
                return Ok(());
            }
            State::Raw(block) => {
                let step = step(&mut self.input, block, &mut self.window, &mut self.decoded, None)?;
                match step {
                    Progress::More => return Ok(()),
                    Progress::Done if block.out_left() == 0 => State::BlockStart,
                    Progress::Done => {
                        let found = format!("one that lacks {}", block.out_left());
                        return Err(self.input.corrupt(0, "a block of the declared size", found));
                    }
                }
            }
            State::End => return Ok(()),
        };
        self.state = next;
        Ok(())
    }
}

impl Refill for Lz4Hdf5<'_> {
    fn window(&mut self) -> &mut Window {
        &mut self.window
    }

    fn refill(&mut self) -> io::Result<()> {
        self.window.slide();
        while self.window.room() > 0 && !matches!(self.state, State::End) {
            self.advance()?;
        }
        Ok(())
    }
}

impl<'a> Fork<'a> for Lz4Hdf5<'a> {
    fn at(&self) -> u64 {
        self.input.at()
    }

    fn fork(&self, reader: Reader<'a>) -> Self {
        Self {
            input: self.input.fork(reader),
            window: self.window.clone(),
            state: self.state.clone(),
            ..*self
        }
    }

    /// Blocks that are left out as a whole are not even read.
    fn skip(&mut self, mut count: u64, open: &dyn Fn(u64) -> Reader<'a>) -> Result<u64, Error> {
        while count > 0 {
            let fresh = self.window.fresh().len();
            let size = self.block_size.min(self.left);
            if fresh > 0 {
                let n = usize::try_from(count).unwrap_or(usize::MAX).min(fresh);
                self.window.consume(n);
                count = count.saturating_sub(n as u64);
                continue;
            }
            self.window.slide();
            match self.state {
                State::End => break,
                State::BlockStart if (1..=count).contains(&size) => {
                    let stored = u32::from_be_bytes(self.input.need(self.decoded)?);
                    self.input.jump(u64::from(stored), open)?;
                    self.left = self.left.saturating_sub(size);
                    self.decoded = self.decoded.saturating_add(size);
                    count = count.saturating_sub(size);
                }
                _ => self.advance()?,
            }
        }
        Ok(count)
    }
}

/// How far [`step`] came.
pub(super) enum Progress {
    /// The window is full or the input's buffer empty.
    More,
    /// The block is over.
    Done,
}

/// Decodes as much of a block as the input's buffer and the window allow; `hash` sees what is taken.
pub(super) fn step(
    input: &mut Input<'_>,
    block: &mut Block,
    window: &mut Window,
    decoded: &mut u64,
    hash: Option<&mut Xxh32>,
) -> Result<Progress, Error> {
    let before = window.room();
    let chunk = input.chunk()?;
    let ended = chunk.is_empty();
    let read = match block.decode(chunk, window) {
        Ok(read) => read,
        Err(Bad { expected, found, value }) => {
            return Err(input.corrupt(0, expected, format_args!("{found} ({value})")));
        }
    };
    if let Some(hash) = hash {
        hash.update(chunk.get(..read).unwrap_or_default());
    }
    input.consume(read);
    *decoded = decoded.saturating_add(before.saturating_sub(window.room()) as u64);
    if block.is_done() {
        Ok(Progress::Done)
    } else if ended && window.room() > 0 {
        Err(input.truncated(*decoded))
    } else {
        Ok(Progress::More)
    }
}

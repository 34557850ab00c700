//! Decodes LZ4 frames, one behind the other, as liblz4 and JLD2 before 0.6 write them.
//!
//! Linked and independent blocks of every size are decoded through the same small window: a frame
//! of 4 MiB blocks needs no more memory than one of 64 KiB blocks.

use super::{
    input::Input,
    lz4_block::Block,
    lz4_hdf5::{Progress, step},
    window::{Fork, Refill, Window},
};
use crate::codec::{Error, Reader, filter::LZ4_FRAME_MAGIC};
use std::{fmt, io};
use xxhash_rust::xxh32::Xxh32;

/// Name in errors.
pub(super) const CODEC: &str = "lz4 (frame)";

/// Undoes the filter in some 450 kB, whatever the size of the blocks.
pub(super) struct Lz4Frame<'a> {
    input: Input<'a>,
    window: Window,
    decoded: u64,
    frames: u64,
    header: Header,
    /// Decoded bytes of this frame.
    content: u64,
    content_hash: Xxh32,
    block_hash: Xxh32,
    /// Fresh bytes of the window that the content's checksum has seen.
    hashed: usize,
    state: State,
}

/// What a frame says of itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Header {
    independent: bool,
    block_checksums: bool,
    content_checksum: bool,
    content_size: Option<u64>,
    block_size: u64,
}

#[derive(Clone)]
enum State {
    FrameStart,
    BlockStart,
    Raw(Block),
    Copy(u64),
    BlockEnd,
    Skip(u64),
    End,
}

impl<'a> Lz4Frame<'a> {
    pub(super) fn new(reader: Reader<'a>) -> Self {
        Self {
            input: Input::new(reader, CODEC),
            window: Window::new(),
            decoded: 0,
            frames: 0,
            header: Header::default(),
            content: 0,
            content_hash: Xxh32::new(0),
            block_hash: Xxh32::new(0),
            hashed: 0,
            state: State::FrameStart,
        }
    }

    fn frame_start(&mut self) -> Result<State, Error> {
        let Some(magic) = self.input.next::<4>(self.decoded)? else {
            return if self.frames > 0 {
                Ok(State::End)
            } else {
                Err(self.input.truncated(self.decoded))
            };
        };
        if magic != LZ4_FRAME_MAGIC {
            if matches!(magic, [0x50..=0x5f, 0x2a, 0x4d, 0x18]) {
                let size = u32::from_le_bytes(self.input.need(self.decoded)?);
                return Ok(State::Skip(u64::from(size)));
            }
            if self.frames > 0 {
                return Err(Error::Trailing {
                    codec: CODEC,
                    at: self.input.at().saturating_sub(4),
                });
            }
            return Err(self.input.corrupt(4, "a frame's magic number", Hex(&magic)));
        }
        self.header = Header::read(&mut self.input, self.decoded)?;
        self.frames = self.frames.saturating_add(1);
        self.content = 0;
        self.content_hash.reset(0);
        self.window.forget();
        Ok(State::BlockStart)
    }

    fn block_start(&mut self) -> Result<State, Error> {
        const PLAIN: u32 = 1 << 31;
        let word = u32::from_le_bytes(self.input.need(self.decoded)?);
        if word == 0 {
            self.frame_end()?;
            return Ok(State::FrameStart);
        }
        let size = u64::from(word & !PLAIN);
        if size > self.header.block_size {
            return Err(self.input.corrupt(4, "a block within the frame's block size", size));
        }
        self.block_hash.reset(0);
        if self.header.independent {
            self.window.forget();
        }
        Ok(if word & PLAIN == 0 {
            State::Raw(Block::new(size, self.header.block_size))
        } else {
            State::Copy(size)
        })
    }

    fn frame_end(&mut self) -> Result<(), Error> {
        if let Some(declared) = self.header.content_size.filter(|size| *size != self.content) {
            let found =
                format!("a frame that declares {declared} bytes and holds {}", self.content);
            return Err(self.input.corrupt(4, "a frame of the declared size", found));
        }
        if self.header.content_checksum {
            let stored = u32::from_le_bytes(self.input.need(self.decoded)?);
            self.hash_content();
            let computed = self.content_hash.digest();
            if stored != computed {
                return Err(self.input.corrupt(
                    4,
                    "the content's checksum",
                    format_args!("{stored:#010x} instead of {computed:#010x}"),
                ));
            }
        }
        Ok(())
    }

    fn block_end(&mut self) -> Result<State, Error> {
        if self.header.block_checksums {
            let stored = u32::from_le_bytes(self.input.need(self.decoded)?);
            let computed = self.block_hash.digest();
            if stored != computed {
                return Err(self.input.corrupt(
                    4,
                    "the block's checksum",
                    format_args!("{stored:#010x} instead of {computed:#010x}"),
                ));
            }
        }
        Ok(State::BlockStart)
    }

    /// Lets the content's checksum see the fresh bytes that it has not seen.
    fn hash_content(&mut self) {
        let fresh = self.window.fresh();
        if self.header.content_checksum {
            self.content_hash.update(fresh.get(self.hashed..).unwrap_or_default());
        }
        self.hashed = fresh.len();
    }

    /// One piece of work.
    fn advance(&mut self) -> Result<(), Error> {
        let before = self.decoded;
        let next = match &mut self.state {
            State::FrameStart => {
                self.hash_content();
                Some(self.frame_start()?)
            }
            State::BlockStart => Some(self.block_start()?),
            State::BlockEnd => Some(self.block_end()?),
            State::Copy(0) => Some(State::BlockEnd),
            State::Skip(0) => Some(State::FrameStart),
            State::Copy(left) => {
                let chunk = self.input.chunk()?;
                let wanted = usize::try_from(*left).unwrap_or(usize::MAX).min(chunk.len());
                let chunk = chunk.get(..wanted).unwrap_or_default();
                let n = self.window.append(chunk);
                if self.header.block_checksums {
                    self.block_hash.update(chunk.get(..n).unwrap_or_default());
                }
                if wanted == 0 {
                    return Err(self.input.truncated(self.decoded));
                }
                self.input.consume(n);
                *left = left.saturating_sub(n as u64);
                self.decoded = self.decoded.saturating_add(n as u64);
                None
            }
            State::Raw(block) => {
                let hash = self.header.block_checksums.then_some(&mut self.block_hash);
                match step(&mut self.input, block, &mut self.window, &mut self.decoded, hash)? {
                    Progress::More => None,
                    Progress::Done => Some(State::BlockEnd),
                }
            }
            State::Skip(left) => {
                let available = self.input.chunk()?.len();
                let n = usize::try_from(*left).unwrap_or(usize::MAX).min(available);
                if n == 0 {
                    return Err(self.input.truncated(self.decoded));
                }
                self.input.consume(n);
                *left = left.saturating_sub(n as u64);
                None
            }
            State::End => None,
        };
        self.content = self.content.saturating_add(self.decoded.saturating_sub(before));
        if let Some(next) = next {
            self.state = next;
        }
        Ok(())
    }
}

impl Refill for Lz4Frame<'_> {
    fn window(&mut self) -> &mut Window {
        &mut self.window
    }

    fn refill(&mut self) -> io::Result<()> {
        self.window.slide();
        self.hashed = 0;
        while self.window.room() > 0 && !matches!(self.state, State::End) {
            self.advance()?;
        }
        self.hash_content();
        Ok(())
    }
}

impl<'a> Fork<'a> for Lz4Frame<'a> {
    fn at(&self) -> u64 {
        self.input.at()
    }

    fn fork(&self, reader: Reader<'a>) -> Self {
        Self {
            input: self.input.fork(reader),
            window: self.window.clone(),
            content_hash: self.content_hash.clone(),
            block_hash: self.block_hash.clone(),
            state: self.state.clone(),
            ..*self
        }
    }

    fn skip(&mut self, mut count: u64, _: &dyn Fn(u64) -> Reader<'a>) -> Result<u64, Error> {
        while count > 0 {
            if self.window.fresh().is_empty() {
                self.refill()?;
            }
            let fresh = self.window.fresh().len();
            let n = usize::try_from(count).unwrap_or(usize::MAX).min(fresh);
            if n == 0 {
                break;
            }
            self.window.consume(n);
            count = count.saturating_sub(n as u64);
        }
        Ok(count)
    }
}

impl Header {
    fn read(input: &mut Input<'_>, decoded: u64) -> Result<Self, Error> {
        let [flags, sizes] = input.need::<2>(decoded)?;
        let mut hash = Xxh32::new(0);
        hash.update(&[flags, sizes]);
        if flags >> 6 != 1 {
            return Err(input.corrupt(2, "frame version 1", flags >> 6));
        }
        if flags & 0b10 != 0 || sizes & 0b1000_1111 != 0 {
            return Err(input.corrupt(2, "reserved bits that are 0", Hex(&[flags, sizes])));
        }
        let block_size = match sizes >> 4 {
            4 => 64 << 10,
            5 => 256 << 10,
            6 => 1 << 20,
            7 => 4 << 20,
            other => return Err(input.corrupt(1, "a block size from 4 to 7", other)),
        };
        let content_size = if flags & 0b1000 == 0 {
            None
        } else {
            let size = input.need::<8>(decoded)?;
            hash.update(&size);
            Some(u64::from_le_bytes(size))
        };
        if flags & 1 != 0 {
            let what = "a frame that needs a dictionary".to_owned();
            return Err(Error::Unsupported { codec: CODEC, what });
        }
        let [stored] = input.need::<1>(decoded)?;
        let [_, _, computed, _] = hash.digest().to_be_bytes();
        if stored != computed {
            return Err(input.corrupt(1, "the header's checksum", Hex(&[stored])));
        }
        Ok(Self {
            independent: flags & 0b10_0000 != 0,
            block_checksums: flags & 0b1_0000 != 0,
            content_checksum: flags & 0b100 != 0,
            content_size,
            block_size,
        })
    }
}

/// Bytes as people write them.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

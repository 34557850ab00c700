//! The binary data behind the text: arrays, compressed in blocks, each array with a table of its blocks
//! in front.

use super::super::{ExportError, Out};
use flate2::Compression;
use flate2::write::ZlibEncoder;
use std::io::{self, SeekFrom, Write};

/// Bytes of a block.
const BLOCK: usize = 256 << 10;
/// Digits of an offset.
pub(super) const OFFSET_DIGITS: usize = 20;

/// Arrays behind the text.
pub(super) struct Appended<'o> {
    out: &'o mut dyn Out,
    /// Where offsets are counted from.
    begin: u64,
    /// The end of what was written.
    at: u64,
    level: u8,
}

impl<'o> Appended<'o> {
    /// Data that begin at byte `begin` of the file, compressed at this level; 0 for not at all.
    pub(super) fn new(out: &'o mut dyn Out, begin: u64, level: u8) -> Self {
        Self { out, begin, at: begin, level }
    }

    /// The end of what was written.
    pub(super) fn end(&self) -> u64 {
        self.at
    }

    /// Writes an array of so many bytes, which `fill` writes; gives its offset.
    pub(super) fn array(
        &mut self,
        bytes: u64,
        fill: impl FnOnce(&mut dyn Write) -> Result<(), ExportError>,
    ) -> Result<u64, ExportError> {
        let offset = self.at - self.begin;
        let blocks = if self.level == 0 { 0 } else { bytes.div_ceil(BLOCK as u64) };
        let front = if self.level == 0 { 8 } else { 8 * (3 + blocks) };
        let begin = self.at;
        self.out.seek(SeekFrom::Start(begin + front))?;
        let mut writer = Blocks {
            out: &mut *self.out,
            level: self.level,
            held: Vec::with_capacity(BLOCK),
            sizes: Vec::new(),
            taken: 0,
            written: 0,
        };
        fill(&mut writer)?;
        writer.end_block()?;
        let Blocks { sizes, taken, written, .. } = writer;
        if taken != bytes {
            let message = format!("an array of {taken} bytes instead of {bytes}");
            return Err(io::Error::other(message).into());
        }
        let head: Vec<u64> = if self.level == 0 {
            vec![bytes]
        } else {
            let rest = bytes % BLOCK as u64;
            [blocks, BLOCK as u64, rest].into_iter().chain(sizes).collect()
        };
        self.out.seek(SeekFrom::Start(begin))?;
        for number in head {
            self.out.write_all(&number.to_le_bytes())?;
        }
        self.at = begin + front + written;
        self.out.seek(SeekFrom::Start(self.at))?;
        Ok(offset)
    }
}

/// Compresses what is written in blocks.
struct Blocks<'o> {
    out: &'o mut dyn Out,
    level: u8,
    held: Vec<u8>,
    sizes: Vec<u64>,
    taken: u64,
    written: u64,
}

impl Blocks<'_> {
    fn end_block(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::new(u32::from(self.level)));
        encoder.write_all(&self.held)?;
        let block = encoder.finish()?;
        self.out.write_all(&block)?;
        self.sizes.push(block.len() as u64);
        self.written += block.len() as u64;
        self.held.clear();
        Ok(())
    }
}

impl Write for Blocks<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.level == 0 {
            self.out.write_all(bytes)?;
            self.taken += bytes.len() as u64;
            self.written += bytes.len() as u64;
            return Ok(bytes.len());
        }
        let (now, _) = bytes.split_at(bytes.len().min(BLOCK - self.held.len()));
        self.held.extend_from_slice(now);
        self.taken += now.len() as u64;
        if self.held.len() == BLOCK {
            self.end_block()?;
        }
        Ok(now.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

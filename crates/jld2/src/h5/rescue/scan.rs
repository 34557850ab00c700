//! One pass over all bytes of a file: where object headers and heaps begin, which blocks are zero.

use crate::h5::checksum::Checked;
use crate::h5::header::kind;
use crate::h5::{AnyLink, Error, Group, ObjectHeader, RelAddr, Result, Source, Superblock};

/// The file is read in pieces of this many bytes.
const PIECE: usize = 1 << 20;
/// Disks and file systems lose no less than so many bytes at once, at a multiple of as many.
const BLOCK: u64 = 512;
const HEADER: &[u8] = b"OHDR\x02";
const CONTINUATION: &[u8] = b"OCHK";
const HEAP: &[u8] = b"GCOL\x01\0\0\0";
/// A signature may lie across two pieces.
const OVERLAP: usize = HEAP.len() - 1;
/// What is read of headers in all, as a share of the file: bounds what forged headers that hold one
/// another cost.
const TIMES: u64 = 4;
/// What even the shortest header counts for.
const LEAST: u64 = 64;
/// More objects than are held: each takes some ten bytes here and up to a hundred later.
const MAX_OBJECTS: usize = 1 << 24;
/// Damaged headers that are noted one by one.
const MAX_BROKEN: usize = 1 << 16;
/// Ranges of zeros that are noted; behind the last one all bytes count as zero.
const MAX_RANGES: usize = 1 << 20;

/// What a pass over all bytes of a file found.
#[derive(Debug, Default)]
pub struct Scan {
    /// Offsets of object headers whose first chunk has its checksum, or [lost](Checked::Lost) it;
    /// ascending.
    pub headers: Vec<u64>,
    /// Offsets of signatures of headers with another checksum, or that are longer than the file.
    pub broken: Vec<u64>,
    /// How many of those there are.
    pub broken_count: u64,
    /// Offsets of continuations of headers that can be read on their own, and the links in each; only
    /// those with links.
    pub continuations: Vec<(u64, Group)>,
    /// How many heap collections begin in the file.
    pub heaps: u64,
    /// Blocks of zeros.
    pub zeros: ZeroRanges,
}

/// Blocks of 512 bytes, at multiples of as many, that hold nothing but zeros.
#[derive(Debug, Default)]
pub struct ZeroRanges {
    /// Start and end, ascending, apart from one another, and how many bytes those before have.
    ranges: Vec<(u64, u64, u64)>,
    /// Where it is not known any more.
    unknown_from: Option<u64>,
    total: u64,
}

impl Scan {
    /// Reads the whole file once. `progress` is told how many bytes are through; its error ends the
    /// scan.
    ///
    /// # Errors
    /// If the file cannot be read, or holds more than 16 million objects.
    pub fn run(source: &Source, progress: &mut dyn FnMut(u64) -> Result<()>) -> Result<Self> {
        let len = source.len();
        // Addresses are not followed here, so that they may count from anywhere.
        let superblock = Superblock::supposed(0, RelAddr::UNDEF, len);
        let mut out = Self::default();
        let mut left = len.saturating_mul(TIMES);
        let mut left_stray = left;
        let mut carried = 0;
        let mut buffer = Vec::new();
        let mut at = 0;
        while at < len {
            let more = usize::try_from(len - at).unwrap_or(PIECE).min(PIECE);
            buffer.resize(carried + more, 0);
            source.read_into(
                at,
                buffer.get_mut(carried..).unwrap_or_default(),
                "object headers",
            )?;
            out.zeros.look(at, buffer.get(carried..).unwrap_or_default());
            let start = at - carried as u64;
            for place in signatures(&buffer) {
                let offset = start + place as u64;
                let rest = buffer.get(place..).unwrap_or_default();
                if rest.starts_with(HEADER) {
                    out.header(source, &superblock, offset, &mut left)?;
                } else if rest.starts_with(CONTINUATION) {
                    out.continuation(source, &superblock, offset, &mut left_stray)?;
                } else if rest.starts_with(HEAP) {
                    out.heaps += 1;
                }
            }
            at += more as u64;
            // What could not be a whole signature yet goes in front of the next piece.
            carried = OVERLAP.min(buffer.len());
            let tail = buffer.len() - carried;
            buffer.drain(..tail);
            progress(at)?;
        }
        // A signature at a border may be met twice.
        out.headers.dedup();
        out.broken.dedup();
        Ok(out)
    }

    fn continuation(
        &mut self,
        source: &Source,
        superblock: &Superblock,
        offset: u64,
        left: &mut u64,
    ) -> Result<()> {
        if self.continuations.last().is_some_and(|(last, _)| *last == offset) {
            return Ok(());
        }
        *left = left.saturating_sub(LEAST);
        let header = match ObjectHeader::stray(source, superblock, offset, left) {
            Ok(header) => header,
            Err(error) if error.is_of_system() => return Err(error),
            Err(_) => return Ok(()),
        };
        let mut group = Group::default();
        let links = header.of_kind(kind::LINK);
        links
            .filter_map(|m| AnyLink::parse(&mut header.cursor(m, "link")).ok())
            .for_each(|link| group.push(link));
        if group != Group::default() && self.continuations.len() < MAX_OBJECTS {
            self.continuations.push((offset, group));
        }
        Ok(())
    }

    fn header(
        &mut self,
        source: &Source,
        superblock: &Superblock,
        offset: u64,
        left: &mut u64,
    ) -> Result<()> {
        if self.headers.last() == Some(&offset) || self.broken.last() == Some(&offset) {
            return Ok(());
        }
        *left = left.saturating_sub(LEAST);
        match ObjectHeader::start(source, superblock, RelAddr(offset), left) {
            Ok(_) => {
                if self.headers.len() >= MAX_OBJECTS {
                    return Err(Error::foreign(offset, "a file with over 2^24 objects"));
                }
                self.headers.push(offset);
            }
            Err(error) if error.is_of_system() => return Err(error),
            Err(_) => {
                self.broken_count += 1;
                if self.broken.len() < MAX_BROKEN {
                    self.broken.push(offset);
                }
            }
        }
        Ok(())
    }
}

/// Where one of the signatures may begin.
fn signatures(bytes: &[u8]) -> impl Iterator<Item = usize> {
    bytes.windows(4).enumerate().filter_map(|(i, w)| {
        let word = u32::from_le_bytes(<[u8; 4]>::try_from(w).unwrap_or_default());
        [*b"OHDR", *b"OCHK", *b"GCOL"].map(u32::from_le_bytes).contains(&word).then_some(i)
    })
}

impl ZeroRanges {
    /// Looks at the bytes of a piece, which begins at a multiple of the block.
    fn look(&mut self, at: u64, piece: &[u8]) {
        if self.unknown_from.is_some() {
            return;
        }
        let block = usize::try_from(BLOCK).unwrap_or(512);
        for (start, bytes) in (at..).step_by(block).zip(piece.chunks(block)) {
            if bytes.iter().any(|&b| b != 0) {
                continue;
            }
            let end = start + bytes.len() as u64;
            let before = self.total;
            self.total += bytes.len() as u64;
            if let Some(last) = self.ranges.last_mut().filter(|last| last.1 == start) {
                last.1 = end;
            } else if self.ranges.len() < MAX_RANGES {
                self.ranges.push((start, end, before));
            } else {
                self.unknown_from = Some(start);
                return;
            }
        }
    }

    /// Bytes in such blocks.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// The first range of such blocks that has bytes in common with those from `start` to `end`, cut
    /// to them, and how many bytes all of them have in common with those.
    pub fn within(&self, start: u64, end: u64) -> Option<((u64, u64), u64)> {
        let first = self.ranges.partition_point(|r| r.1 <= start);
        let behind = self.ranges.partition_point(|r| r.0 < end);
        let known = self.ranges.get(first..behind).unwrap_or_default();
        let mut found = None;
        let mut bytes = 0;
        if let (Some(low), Some(high)) = (known.first(), known.last()) {
            found = Some((low.0.max(start), low.1.min(end)));
            let all = high.2 + (high.1 - high.0) - low.2;
            bytes = all - start.saturating_sub(low.0) - high.1.saturating_sub(end);
        }
        if let Some(from) = self.unknown_from.map(|from| from.max(start)).filter(|&from| from < end)
        {
            found.get_or_insert((from, end));
            bytes += end - from;
        }
        found.filter(|_| bytes > 0).map(|found| (found, bytes))
    }
}

/// Whether a header that was found says that it lost its checksum.
pub(super) fn is_right(header: &ObjectHeader) -> bool {
    header.chunks.iter().all(|chunk| chunk.checked == Checked::Right)
}

//! A real file, laid out again around larger columns.

use super::parts::{Parts, Piece, Slot};
use super::payload::Packing;
use super::reduce::{check, put, reduce};
use anyhow::{Context as _, Result, bail, ensure};
use jldconv::h5::{File, RelAddr, Source, Superblock};
use std::fs;
use std::io::{self, BufWriter, Seek as _, SeekFrom, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::Path;

/// Names of the groups that Mera makes, one for each kind of data.
pub(crate) const TABLES: [&str; 5] = ["hydro", "gravity", "particles", "clumps", "rt"];

/// Templates are held in memory.
const MAX_TEMPLATE: u64 = 64 << 20;
/// Rows that tell how large one is.
const SAMPLE: u64 = 1 << 16;
/// Bytes of columns that are written at once.
const BUFFER: usize = 1 << 20;

/// A small real file, and what of it becomes larger.
pub(crate) struct Template {
    bytes: Vec<u8>,
    superblock: Superblock,
    parts: Parts,
}

impl Template {
    /// Reads the file at `path`. Of its groups those in `tables` are kept, and
    /// the types that they need.
    pub(crate) fn read(path: &Path, tables: &[&str]) -> Result<Self> {
        let wrong = || format!("{} is not a template", path.display());
        let len = fs::metadata(path).with_context(wrong)?.len();
        ensure!(len <= MAX_TEMPLATE, "{}: too large", wrong());
        let bytes = fs::read(path).with_context(wrong)?;
        Self::new(bytes, tables).with_context(wrong)
    }

    fn new(mut bytes: Vec<u8>, tables: &[&str]) -> Result<Self> {
        reduce(&mut bytes, tables)?;
        let file = File::from_source(Source::from_bytes(bytes.clone()))?;
        let parts = Parts::of(&file)?;
        Ok(Self { bytes, superblock: file.superblock().clone(), parts })
    }

    /// How many rows make a file of about `size` bytes.
    pub(crate) fn rows_for(&self, size: u64, packing: Packing) -> Result<u64> {
        let kept: u64 = self.parts.pieces.iter().map(|p| p.range().len() as u64).sum();
        let room = size.saturating_sub(kept);
        let mut rows = SAMPLE;
        // Columns that are smaller than the sample compress otherwise: look again.
        for _ in 0..3 {
            let mut bytes = 0;
            for (slot, seed) in self.slots().zip(0..) {
                bytes += packing.write(&slot.column.with(rows, seed, 0), &mut io::sink())?;
            }
            let wanted = u128::from(room) * u128::from(rows) / u128::from(bytes.max(1));
            let wanted = u64::try_from(wanted)?;
            ensure!(wanted > 0, "without columns the file takes {kept} bytes already");
            if wanted >= rows {
                return Ok(wanted);
            }
            rows = wanted;
        }
        Ok(rows)
    }

    /// Writes a file whose tables have `rows` rows; gives its length.
    pub(crate) fn write(
        &self,
        out: &fs::File,
        rows: u64,
        packing: Packing,
        seed: u64,
    ) -> Result<u64> {
        let mut places = Places::default();
        let mut end = 0_u64;
        let mut seeds = seed.wrapping_mul(1 << 16)..;
        for piece in &self.parts.pieces {
            places.0.push((piece.range().clone(), end));
            end += match piece {
                Piece::Kept(range) => range.len() as u64,
                Piece::Column(slot) => {
                    let column = slot.column.with(rows, seeds.next().unwrap_or(0), seed);
                    let header = |size, payload: u64| {
                        let addr = RelAddr(payload - self.superblock.base);
                        packing.header(&slot.messages, &column, size, addr)
                    };
                    let payload = end + header(0, end)?.len() as u64;
                    (&*out).seek(SeekFrom::Start(payload))?;
                    let mut buffered = BufWriter::with_capacity(BUFFER, out);
                    let size = packing.write(&column, &mut buffered)?;
                    buffered.flush()?;
                    out.write_all_at(&header(size, payload)?, end)?;
                    payload + size - end
                }
            };
        }
        let bytes = self.moved(&places, end)?;
        // The last column may be a hole.
        out.set_len(end)?;
        for (piece, (_, at)) in self.parts.pieces.iter().zip(&places.0) {
            if let Piece::Kept(range) = piece {
                out.write_all_at(bytes.get(range.clone()).context("a cut template")?, *at)?;
            }
        }
        Ok(end)
    }

    fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.parts.pieces.iter().filter_map(|piece| match piece {
            Piece::Column(slot) => Some(slot),
            Piece::Kept(_) => None,
        })
    }

    /// The template's bytes with the addresses and checksums of another layout, that ends at `end`.
    fn moved(&self, places: &Places, end: u64) -> Result<Vec<u8>> {
        let mut bytes = self.bytes.clone();
        let base = self.superblock.base;
        let moved = |addr: RelAddr| anyhow::Ok(RelAddr(places.find(addr.0 + base)? - base));
        for (at, addr) in &self.parts.addresses {
            put(&mut bytes, *at, &moved(*addr)?.0.to_le_bytes())?;
        }
        for checked in &self.parts.checked {
            check(&mut bytes, checked)?;
        }
        let root = moved(self.superblock.root)?;
        let superblock = Superblock { root, ..self.superblock.clone() }.with_end_of_file(end);
        put(&mut bytes, usize::try_from(self.superblock.offset)?, &superblock)?;
        Ok(bytes)
    }
}

/// Where pieces come to stand, in their old order.
#[derive(Default)]
struct Places(Vec<(Range<usize>, u64)>);

impl Places {
    fn find(&self, old: u64) -> Result<u64> {
        let old = usize::try_from(old)?;
        let behind = self.0.partition_point(|(range, _)| range.start <= old);
        match behind.checked_sub(1).and_then(|i| self.0.get(i)) {
            Some((range, new)) if range.contains(&old) => Ok(new + (old - range.start) as u64),
            _ => bail!("an address of nothing that is kept: {old}"),
        }
    }
}

//! Changes bytes of a file, with the checksums over them.

use super::edit::{EditBuilder, EditList};
use super::error::PlanError;
use crate::h5::checksum::{Lookup3, lookup3};
use crate::h5::{Appended, Checked, Chunk, File, RelAddr};
use std::collections::{BTreeMap, BTreeSet};

/// In place, the superblock with the new end of file goes first: no header may point beyond it.
const STAGE_SUPERBLOCK: u8 = 0;
/// All other replacements.
const STAGE_OBJECTS: u8 = 1;

/// Replacements below the old end of a file.
#[derive(Debug, Default)]
pub(super) struct Patches {
    /// New bytes and what for, by absolute offset.
    bytes: BTreeMap<u64, (Vec<u8>, String)>,
    /// Objects whose headers hold patched bytes, perhaps, or checksums that are not theirs.
    touched: BTreeSet<RelAddr>,
    /// Checksums of blocks outside headers that are put right, by offset, unless a patch needs another.
    sums: BTreeMap<u64, u32>,
}

impl Patches {
    /// Puts `bytes` at the absolute `offset`, which belongs to the object at `owner`.
    pub(super) fn put(
        &mut self,
        owner: RelAddr,
        offset: u64,
        bytes: Vec<u8>,
        why: impl Into<String>,
    ) {
        self.touched.insert(owner);
        self.bytes.insert(offset, (bytes, why.into()));
    }

    /// Puts `bytes` at the absolute `offset`, which no checksum covers.
    pub(super) fn put_unchecked(&mut self, offset: u64, bytes: Vec<u8>, why: impl Into<String>) {
        self.bytes.insert(offset, (bytes, why.into()));
    }

    /// Puts the checksums of the object at `owner` right.
    pub(super) fn checksums_of(&mut self, owner: RelAddr) {
        self.touched.insert(owner);
    }

    /// Puts the checksum of a block outside headers right, which stands at the absolute `offset`.
    pub(super) fn checksum_at(&mut self, offset: u64, sum: u32) {
        self.sums.insert(offset, sum);
    }

    /// The edit list of these patches and of `append`, which starts at the offset `at`.
    pub(super) fn finish(
        self,
        file: &File,
        at: u64,
        append: Appended,
    ) -> Result<EditList, PlanError> {
        let superblock = file.superblock();
        let source = file.source();
        let mut edits = EditBuilder::with_junk(source.len(), superblock.end_of_file);
        let gap = usize::try_from(at.saturating_sub(superblock.end_of_file)).unwrap_or(0);
        edits.append(&vec![0; gap]);
        edits.append_all(append);
        let mut sums: BTreeMap<u64, Vec<u8>> =
            self.sums.iter().map(|(at, sum)| (*at, sum.to_le_bytes().to_vec())).collect();
        for (offset, bytes) in self.checksums(file)? {
            sums.remove(&offset);
            let old = source.read(offset, bytes.len(), "header checksum")?;
            edits.replace(offset, old, bytes, STAGE_OBJECTS, "object header checksum");
        }
        for (offset, bytes) in sums {
            let old = source.read(offset, bytes.len(), "checksum of a block")?;
            edits.replace(offset, old, bytes, STAGE_OBJECTS, "checksum of a block outside headers");
        }
        for (offset, (bytes, why)) in self.bytes {
            let old = source.read(offset, bytes.len(), "replaced bytes")?;
            edits.replace(offset, old, bytes, STAGE_OBJECTS, why);
        }
        let (offset, new) = superblock.new_end_of_file(edits.position());
        let old = source.read(offset, new.len(), "superblock")?;
        edits.replace(offset, old, new, STAGE_SUPERBLOCK, "superblock: end of file");
        Ok(edits.finish()?)
    }

    /// The new checksum, with its offset, of each header chunk or block of a heap that holds patched
    /// bytes, and of each header chunk that has a wrong one.
    fn checksums(&self, file: &File) -> Result<BTreeMap<u64, Vec<u8>>, PlanError> {
        let mut out = BTreeMap::new();
        for &addr in &self.touched {
            let header = &file.object(addr)?.header;
            for chunk in header.chunks.iter().filter(|chunk| chunk.has_checksum) {
                if header.runs.is_some() {
                    let hit = self.bytes.range(chunk.offset..chunk.checksum).next().is_some();
                    if hit || chunk.checked != Checked::Right {
                        let sum = self.sum_of_long(file, chunk)?;
                        out.insert(chunk.checksum, sum.to_le_bytes().to_vec());
                    }
                    continue;
                }
                let mut whole = chunk.bytes.clone();
                let hit = self.apply(chunk.offset, chunk.checksum, &mut whole)?;
                if hit || chunk.checked != Checked::Right {
                    out.insert(chunk.checksum, lookup3(&whole).to_le_bytes().to_vec());
                }
            }
            for storage in &header.storage {
                let storage = storage?;
                let Some(at) = storage.checksum else { continue };
                if self.bytes.range(storage.start..storage.end).next().is_none() {
                    continue;
                }
                let len = usize::try_from(storage.end - storage.start).unwrap_or(usize::MAX);
                let mut whole =
                    file.source().read(storage.start, len, "block of a fractal heap")?;
                self.apply(storage.start, storage.end, &mut whole)?;
                // The checksum is that of the block with zeros in its place.
                let place = usize::try_from(at - storage.start).unwrap_or(usize::MAX);
                if let Some(sum) = whole.get_mut(place..).and_then(|b| b.get_mut(..4)) {
                    sum.fill(0);
                }
                out.insert(at, lookup3(&whole).to_le_bytes().to_vec());
            }
        }
        Ok(out)
    }

    /// The new checksum of a chunk whose bytes are not held.
    fn sum_of_long(&self, file: &File, chunk: &Chunk) -> Result<u32, PlanError> {
        let mut hash = Lookup3::of_len(chunk.checksum - chunk.offset);
        let mut at = chunk.offset;
        for (&offset, (bytes, _)) in self.bytes.range(chunk.offset..chunk.checksum) {
            let end = offset.saturating_add(bytes.len() as u64);
            if offset < at || end > chunk.checksum {
                return Err(PlanError::Internal("a patch leaves its header".into()));
            }
            file.source().each(at, offset - at, "object header", &mut |piece| {
                hash.update(piece);
                true
            })?;
            hash.update(bytes);
            at = end;
        }
        file.source().each(at, chunk.checksum - at, "object header", &mut |piece| {
            hash.update(piece);
            true
        })?;
        Ok(hash.finish())
    }

    /// Puts the patches from `start` to `end` into `whole`, the bytes from `start` on; whether there
    /// are any.
    fn apply(&self, start: u64, end: u64, whole: &mut [u8]) -> Result<bool, PlanError> {
        let mut hit = false;
        for (&offset, (bytes, _)) in self.bytes.range(start..end) {
            let from = usize::try_from(offset - start).unwrap_or(usize::MAX);
            let Some(to) = whole.get_mut(from..).and_then(|b| b.get_mut(..bytes.len())) else {
                return Err(PlanError::Internal("a patch leaves its header".into()));
            };
            to.copy_from_slice(bytes);
            hit = true;
        }
        Ok(hit)
    }
}

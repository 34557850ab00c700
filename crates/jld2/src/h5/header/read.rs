//! Reads a header: its first chunk, and the continuations that lead from one to another.

use super::chunks::{AT_ONCE, Bytes, Prefix};
use super::limits::too_large;
use super::long::{self, LONG};
use super::model::{Chunk, ObjectHeader};
use crate::h5::address::absolute;
use crate::h5::budget::HEADER_BYTES;
use crate::h5::checksum::Checksums;
use crate::h5::effort::{Access, Effort};
use crate::h5::{Error, RelAddr, Result, Source, Superblock};
use std::collections::HashSet;

impl ObjectHeader {
    /// Reads the header at `addr`.
    ///
    /// # Errors
    /// If it is damaged, foreign, or not a header.
    pub fn read(
        source: &Source,
        superblock: &Superblock,
        addr: RelAddr,
        checksums: Checksums,
    ) -> Result<Self> {
        let effort = &Effort::default();
        Self::read_counted(Access { source, superblock, checksums, effort }, addr)
    }

    /// As [`Self::read`]; what it takes is counted, even if it fails.
    fn read_counted(from: Access<'_>, addr: RelAddr) -> Result<Self> {
        Peeked::at(from, addr, &mut [0; AT_ONCE])?.begin(from)?.rest(from, None)
    }

    /// Reads what is in the first chunk of the header at `addr`, if that has its checksum or lost it,
    /// and takes no more than `left` bytes, which it is taken off.
    pub(in crate::h5) fn start(
        source: &Source,
        superblock: &Superblock,
        addr: RelAddr,
        left: &mut u64,
    ) -> Result<Self> {
        let offset = absolute(superblock, addr, "object header")?;
        let from = Bytes { source, superblock, checksums: Checksums::Trusted };
        let prefix = from.prefix(offset)?;
        let len = prefix.checksum - offset;
        *left = left.checked_sub(len).ok_or_else(|| too_large(offset, len))?;
        if len > HEADER_BYTES {
            return Err(too_large(offset, len));
        }
        let chunk = from.first(offset, &prefix)?;
        let mut header = Self::empty(addr, prefix.version, prefix.flags, prefix.extra);
        header.push(chunk)?;
        Ok(header)
    }

    /// Reads what is left of the header at `addr`: its first chunk, and each continuation that can be
    /// read. Gives the errors of the others.
    ///
    /// # Errors
    /// If the first chunk cannot be read.
    pub(in crate::h5) fn read_left(from: Access<'_>, addr: RelAddr) -> Result<(Self, Vec<Error>)> {
        let mut lost = Vec::new();
        let begun = Peeked::at(from, addr, &mut [0; AT_ONCE])?.begin(from)?;
        let header = begun.rest(from, Some(&mut lost))?;
        Ok((header, lost))
    }
}

/// The first bytes of a header.
pub(in crate::h5) struct Peeked<'p> {
    addr: RelAddr,
    /// Absolute offset of the header.
    pub(in crate::h5) offset: u64,
    /// As many of its bytes as were read at once, which can be none.
    pub(in crate::h5) bytes: &'p [u8],
}

impl<'p> Peeked<'p> {
    /// Those of the header at `addr`.
    pub(in crate::h5) fn at(
        from: Access<'_>,
        addr: RelAddr,
        room: &'p mut [u8; AT_ONCE],
    ) -> Result<Self> {
        let Access { source, superblock, checksums, .. } = from;
        let offset = absolute(superblock, addr, "object header")?;
        let bytes = Bytes { source, superblock, checksums }.peek(offset, room)?;
        Ok(Self { addr, offset, bytes })
    }

    /// Reads the first chunk; what it takes is counted.
    pub(in crate::h5) fn begin(self, from: Access<'_>) -> Result<Begun> {
        let Access { source, superblock, checksums, effort } = from;
        let Self { addr, offset, bytes: peek } = self;
        let bytes = Bytes { source, superblock, checksums };
        let (prefix, first) = bytes.begin(offset, peek, LONG)?;
        effort.add(first.as_ref().map_or(0, |first| first.bytes.len() as u64));
        Ok(Begun { addr, offset, prefix, first })
    }
}

/// A header of which the first chunk was read, if it is not [long](LONG).
pub(in crate::h5) struct Begun {
    addr: RelAddr,
    offset: u64,
    prefix: Prefix,
    first: Option<Chunk>,
}

impl Begun {
    /// Its first chunk, if it is not long.
    pub(in crate::h5) fn first(&self) -> Option<&Chunk> {
        self.first.as_ref()
    }

    /// Reads the rest; errors of continuations go to `lost`, if there is such a place.
    pub(in crate::h5) fn rest(
        self,
        from: Access<'_>,
        mut lost: Option<&mut Vec<Error>>,
    ) -> Result<ObjectHeader> {
        let Access { source, superblock, checksums, effort } = from;
        let bytes = Bytes { source, superblock, checksums };
        let Self { addr, offset, prefix, first } = self;
        let Some(first) = first else { return long::read(from, addr, lost) };
        let Prefix { version, flags, extra, ref_count, .. } = prefix;
        // Most headers have no continuation, so that nothing need be remembered.
        let mut met = HashSet::new();
        // Honest chunks do not overlap.
        let mut left = superblock.end_of_file.saturating_sub(first.bytes.len() as u64);
        let mut held = first.bytes.len() as u64;
        let mut header = ObjectHeader::empty(addr, version, flags, extra);
        header.ref_count = ref_count;
        let mut pending = header.push(first)?;
        pending.reverse();
        if !pending.is_empty() {
            met.insert(offset);
        }
        while let Some((at, target, len)) = pending.pop() {
            held = held.saturating_add(len);
            // What does not fit into the file is told of below.
            if held > LONG && len <= left {
                if let Some(lost) = &mut lost {
                    lost.clear();
                }
                return long::read(from, addr, lost);
            }
            let mut new = false;
            let mut next = || {
                let offset = bytes.follow(at, target, &mut met)?;
                left = left.checked_sub(len).ok_or_else(|| too_large(at, len))?;
                new = true;
                effort.add(len);
                bytes.continuation(offset, len, version, flags)
            };
            let more = next().and_then(|chunk| header.push(chunk));
            match (more, &mut lost) {
                (Ok(more), _) => pending.extend(more.into_iter().rev()),
                (Err(error), Some(lost)) => {
                    lost.push(error);
                    if new {
                        let more = bytes.beyond((target, len), version, flags);
                        pending.extend(more.into_iter().rev());
                    }
                }
                (Err(error), None) => return Err(error),
            }
        }
        Ok(header)
    }
}

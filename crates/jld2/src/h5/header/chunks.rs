//! Reads the chunks of a header, with what stands in front of their messages, and their checksums.

use super::kinds::header_flag;
use super::lost::{NO_LAYOUT, is_lost, is_zeroed, lacks_layout};
use super::messages::{Continuation, looked_at, walk};
use super::model::Chunk;
use crate::h5::address::absolute;
use crate::h5::bytes::Cursor;
use crate::h5::checksum::{Checked, Checksums, lookup3};
use crate::h5::{Error, ErrorKind, RelAddr, Result, Source, Superblock};
use std::collections::HashSet;

/// What stands in front of the messages of a header.
pub(super) struct Prefix {
    pub(super) version: u8,
    pub(super) flags: u8,
    pub(super) extra: Vec<u8>,
    pub(super) ref_count: u32,
    pub(super) messages: u64,
    /// Where the messages end.
    pub(super) checksum: u64,
}

/// Where chunks are read from.
pub(super) struct Bytes<'a> {
    pub(super) source: &'a Source,
    pub(super) superblock: &'a Superblock,
    pub(super) checksums: Checksums,
}

/// Most headers are not longer, and are read at once.
pub(in crate::h5) const AT_ONCE: usize = 256;
/// Not across this, for what is behind it may be where a disk fails.
const PAGE: u64 = 4096;

impl Bytes<'_> {
    /// The first bytes of the header at `offset`, as many as can be had without harm; most headers are
    /// whole among them.
    pub(super) fn peek<'p>(&self, offset: u64, room: &'p mut [u8; AT_ONCE]) -> Result<&'p [u8]> {
        let left = self.superblock.end_of_file.saturating_sub(offset).min(AT_ONCE as u64);
        let left = left.min(PAGE - offset % PAGE);
        let peek = room.get_mut(..usize::try_from(left).unwrap_or(0)).unwrap_or_default();
        match self.source.read_into(offset, peek, "object header") {
            Ok(()) => Ok(&*peek),
            Err(error) if matches!(error.kind(), ErrorKind::Io(_)) => Err(error),
            // The file's end may be behind a short header.
            Err(_) => Ok(&[]),
        }
    }

    /// What stands in front of the messages of the header at `offset`, which begins with what was
    /// [peeked](Self::peek) at, and its first chunk if that takes no more than `most` bytes.
    pub(super) fn begin(
        &self,
        offset: u64,
        peek: &[u8],
        most: u64,
    ) -> Result<(Prefix, Option<Chunk>)> {
        let prefix = match peek.first_chunk::<16>() {
            Some(head) => self.prefix_in(offset, head)?,
            None => self.prefix(offset)?,
        };
        let len = prefix.checksum - offset;
        if len > most {
            return Ok((prefix, None));
        }
        let whole = usize::try_from(len).ok().and_then(|len| peek.get(..len.checked_add(4)?));
        let first = match whole {
            Some(whole) if prefix.version > 1 => {
                let Prefix { messages, checksum, version, flags, .. } = prefix;
                let chunk = Chunk::unread(offset, messages, checksum, version);
                self.summed(chunk, whole.to_vec(), flags)?
            }
            _ => self.first(offset, &prefix)?,
        };
        Ok((prefix, Some(first)))
    }

    /// The first chunk, which is not long.
    pub(super) fn first(&self, offset: u64, prefix: &Prefix) -> Result<Chunk> {
        self.chunk(offset, prefix.messages, prefix.checksum, prefix.version, prefix.flags)
    }

    /// Where the continuation begins that the message at `at` leads to; it must not be among those
    /// that were `met`, which it joins.
    pub(super) fn follow(&self, at: u64, target: RelAddr, met: &mut HashSet<u64>) -> Result<u64> {
        let offset = absolute(self.superblock, target, "header continuation")?;
        if !met.insert(offset) {
            return Err(Error::corrupt(
                at,
                "header continuation",
                "a block not met before",
                format!("the block at {offset} again"),
            ));
        }
        Ok(offset)
    }

    /// Of version 1: without a signature, sixteen bytes in front of the messages.
    fn old_prefix(&self, offset: u64) -> Result<Prefix> {
        let head = self.source.read(offset, 16, "object header")?;
        let mut c = Cursor::new(&head, offset, "object header of version 1");
        c.expect_u8(1, "object header version")?;
        // A reserved byte, and how many messages there are in all.
        c.take(3)?;
        let ref_count = c.u32()?;
        let size = u64::from(c.u32()?);
        let messages = offset + 16;
        let end = self.superblock.end_of_file;
        let checksum = messages + size;
        if checksum > end {
            return Err(Error::corrupt(
                offset + 8,
                "object header size",
                format!("at most {} bytes", end.saturating_sub(messages)),
                size.to_string(),
            ));
        }
        Ok(Prefix { version: 1, flags: 0, extra: Vec::new(), ref_count, messages, checksum })
    }

    pub(super) fn prefix(&self, offset: u64) -> Result<Prefix> {
        let end = self.superblock.end_of_file;
        let limit = usize::try_from((end - offset).min(16)).unwrap_or(16);
        let mut head = [0; 16];
        let peek = head.get_mut(..limit).unwrap_or_default();
        self.source.read_into(offset, peek, "object header")?;
        self.prefix_in(offset, peek)
    }

    /// As [`Self::prefix`]; `peek` are the first bytes there.
    fn prefix_in(&self, offset: u64, peek: &[u8]) -> Result<Prefix> {
        let end = self.superblock.end_of_file;
        let mut c = Cursor::new(peek, offset, "object header");
        // Headers of version 1 have no signature; JLD2 takes what begins so for one, too.
        if peek.first() == Some(&1) {
            return self.old_prefix(offset);
        }
        c.expect(b"OHDR", "object header signature")?;
        c.expect_u8(2, "object header version")?;
        let flags = c.u8()?;
        if flags & 0xc0 != 0 {
            return Err(Error::corrupt(
                offset + 5,
                "object header flags",
                "bits 6 and 7 clear",
                format!("{flags:#x}"),
            ));
        }
        // Times and bounds of attributes occur in foreign headers only, but are harmless.
        let extra = if flags & header_flag::TIMES != 0 { 16 } else { 0 }
            + if flags & header_flag::PHASE_CHANGE != 0 { 4 } else { 0 };
        let width = 1_usize << (flags & 3);
        let prefix = 6 + extra + width;
        // Most prefixes are among what was read already. The longest has times, bounds, and eight
        // bytes of size.
        let mut longest = [0; 34];
        let prefix_bytes = if let Some(read) = peek.get(..prefix) {
            read
        } else {
            let longer = longest.get_mut(..prefix).unwrap_or_default();
            self.source.read_into(offset, longer, "object header")?;
            longer
        };
        let mut c = Cursor::new(prefix_bytes, offset, "object header");
        c.take(6)?;
        let extra = c.take(extra)?.to_vec();
        let at = c.offset();
        let size = c.uint(width)?;
        let messages = offset + prefix as u64;
        let Some(checksum) = messages.checked_add(size).filter(|&checksum| checksum <= end) else {
            return Err(Error::corrupt(
                at,
                "object header size",
                format!("at most {} bytes", end.saturating_sub(messages)),
                size.to_string(),
            ));
        };
        Ok(Prefix { version: 2, flags, extra, ref_count: 1, messages, checksum })
    }

    pub(super) fn continuation(
        &self,
        offset: u64,
        len: u64,
        version: u8,
        flags: u8,
    ) -> Result<Chunk> {
        let (messages, checksum) = self.continuation_area(offset, len, version)?;
        self.chunk(offset, messages, checksum, version, flags)
    }

    /// Where a continuation, given by address and length, whose checksum is wrong says that others
    /// stand: those have checksums of their own. None if it makes no sense.
    pub(super) fn beyond(
        &self,
        (target, len): (RelAddr, u64),
        version: u8,
        flags: u8,
    ) -> Vec<Continuation> {
        let Self { source, superblock, .. } = *self;
        let unbelieved = Bytes { source, superblock, checksums: Checksums::Ignored };
        let mut more = Vec::new();
        let found = absolute(superblock, target, "header continuation")
            .and_then(|offset| unbelieved.continuation(offset, len, version, flags))
            .and_then(|chunk| {
                walk(&chunk, version, flags, &mut |message, body| {
                    more.extend(looked_at(&message, body)?);
                    Ok(())
                })
            });
        if found.is_ok() { more } else { Vec::new() }
    }

    /// Where the messages of a continuation begin, and where they end.
    pub(super) fn continuation_area(
        &self,
        offset: u64,
        len: u64,
        version: u8,
    ) -> Result<(u64, u64)> {
        let end = self.superblock.end_of_file;
        if version == 1 {
            return match offset.checked_add(len) {
                Some(end) if end <= self.superblock.end_of_file => Ok((offset, end)),
                _ => Err(Error::corrupt(
                    offset,
                    "header continuation length",
                    format!("at most {} bytes", end - offset),
                    len.to_string(),
                )),
            };
        }
        let checksum = offset.checked_add(len).and_then(|end| end.checked_sub(4));
        match checksum {
            Some(checksum) if len >= 8 && checksum < end => {
                let mut signature = [0; 4];
                self.source.read_into(offset, &mut signature, "header continuation")?;
                Cursor::new(&signature, offset, "header continuation")
                    .expect(b"OCHK", "header continuation signature")?;
                Ok((offset + 4, checksum))
            }
            _ => Err(Error::corrupt(
                offset,
                "header continuation length",
                format!("8 to {} bytes", end - offset),
                len.to_string(),
            )),
        }
    }

    pub(super) fn chunk(
        &self,
        offset: u64,
        messages: u64,
        checksum: u64,
        version: u8,
        flags: u8,
    ) -> Result<Chunk> {
        let mut chunk = Chunk::unread(offset, messages, checksum, version);
        let len = usize::try_from(checksum - offset).unwrap_or(usize::MAX);
        if !chunk.has_checksum {
            chunk.bytes = self.source.read(offset, len, "object header")?;
            return Ok(chunk);
        }
        self.room_for_checksum(checksum)?;
        let bytes = self.source.read(offset, len.saturating_add(4), "object header")?;
        self.summed(chunk, bytes, flags)
    }

    /// Takes in the bytes of a chunk, of which the last four are its checksum.
    fn summed(&self, mut chunk: Chunk, mut bytes: Vec<u8>, flags: u8) -> Result<Chunk> {
        let Some((_, stored)) = bytes.split_last_chunk::<4>() else { return Ok(chunk) };
        let stored = u32::from_le_bytes(*stored);
        bytes.truncate(bytes.len().saturating_sub(4));
        let computed = lookup3(&bytes);
        (chunk.stored_checksum, chunk.bytes) = (stored, bytes);
        if stored != computed {
            let from = (self.source, self.superblock);
            if stored == 0 && lacks_layout(&chunk, flags) && !is_zeroed(from, &chunk, chunk.end())?
            {
                return Err(Error::foreign(chunk.offset, NO_LAYOUT).of_dataset(true));
            }
            let lost = stored == 0 && is_lost(from, &chunk, flags)?;
            chunk.checked = self.mismatch(&chunk, computed, lost)?;
        }
        Ok(chunk)
    }

    /// A checksum stands at `checksum`, in front of the end of the file.
    pub(super) fn room_for_checksum(&self, checksum: u64) -> Result<()> {
        if self.superblock.end_of_file - checksum >= 4 {
            return Ok(());
        }
        let found = "the end of the file";
        Err(Error::corrupt(checksum, "header checksum", "4 bytes", found))
    }

    /// What a checksum says that is not the one `computed`; `lost` is whether its writer lost it.
    pub(super) fn mismatch(&self, chunk: &Chunk, computed: u32, lost: bool) -> Result<Checked> {
        if lost {
            Ok(Checked::Lost)
        } else if self.checksums == Checksums::Ignored {
            Ok(Checked::Wrong)
        } else {
            let (at, stored) = (chunk.checksum, chunk.stored_checksum);
            Err(Error::checksum(at, "object header", computed, stored))
        }
    }
}

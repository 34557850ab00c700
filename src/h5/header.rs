//! Object headers, version 2, with continuations (docs/jld2-format.md, section 2; HDF5
//! specification IV.A).

use super::bytes::Cursor;
use super::checksum::lookup3;
use super::{Error, RelAddr, Result, Source, Superblock};
use std::collections::HashSet;

/// Message types that JLD2 writes or reads (HDF5 specification IV.A.2).
pub mod kind {
    /// Filler.
    pub const NIL: u8 = 0x00;
    /// Dimensions.
    pub const DATASPACE: u8 = 0x01;
    /// How links are stored.
    pub const LINK_INFO: u8 = 0x02;
    /// Element type.
    pub const DATATYPE: u8 = 0x03;
    /// Fill value.
    pub const FILL_VALUE: u8 = 0x05;
    /// One link of a group.
    pub const LINK: u8 = 0x06;
    /// External files.
    pub const EXTERNAL_FILES: u8 = 0x07;
    /// Where the data stand.
    pub const LAYOUT: u8 = 0x08;
    /// Sizes a group reckons with.
    pub const GROUP_INFO: u8 = 0x0a;
    /// Filter pipeline.
    pub const FILTER_PIPELINE: u8 = 0x0b;
    /// Attribute.
    pub const ATTRIBUTE: u8 = 0x0c;
    /// More messages elsewhere.
    pub const CONTINUATION: u8 = 0x10;
    /// A group of the old kind.
    pub const SYMBOL_TABLE: u8 = 0x11;
    /// Attributes stored in a fractal heap, perhaps.
    pub const ATTRIBUTE_INFO: u8 = 0x15;
    /// The highest type that the specification knows.
    pub const LAST: u8 = 0x17;
}

/// More messages than any writer puts into one header: half a million links.
const MAX_MESSAGES: usize = 1 << 19;
/// More bytes than any header has in all its chunks.
const MAX_BYTES: u64 = 16 << 20;

/// One piece of an object header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Absolute offset of its signature (`OHDR` or `OCHK`).
    pub offset: u64,
    /// Absolute offset of its first message.
    pub messages: u64,
    /// Absolute offset of its checksum, which is the end of its message area.
    pub checksum: u64,
    /// The bytes from the signature up to, without, the checksum.
    pub bytes: Vec<u8>,
}

impl Chunk {
    /// Absolute offset behind the checksum.
    pub fn end(&self) -> u64 {
        self.checksum + 4
    }
}

/// One message of an object header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its type, see [`kind`].
    pub kind: u8,
    /// Its flags: bit 0 constant, bit 1 shared, bit 3 fail if unknown.
    pub flags: u8,
    /// Which [`Chunk`] holds it.
    pub chunk: usize,
    /// Absolute offset of its type byte.
    pub offset: u64,
    /// Absolute offset of its body.
    pub body: u64,
    /// Length of its body in bytes.
    pub len: u16,
}

/// An object header: all its chunks and messages, with offsets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHeader {
    /// Its address.
    pub addr: RelAddr,
    /// Chunk 0 and continuations, in the order met.
    pub chunks: Vec<Chunk>,
    /// All messages in order, continuation and NIL messages too.
    pub messages: Vec<Message>,
}

impl ObjectHeader {
    /// Reads the header at `addr`.
    ///
    /// # Errors
    /// If it is damaged, foreign, or not a header.
    pub fn read(source: &Source, superblock: &Superblock, addr: RelAddr) -> Result<Self> {
        let offset = absolute(superblock, addr, "object header")?;
        let (first, flags) = read_first(source, superblock, offset)?;
        let mut met = HashSet::from([offset]);
        // Honest chunks do not overlap.
        let mut left =
            superblock.end_of_file.min(MAX_BYTES).saturating_sub(first.bytes.len() as u64);
        let mut header = Self { addr, chunks: Vec::new(), messages: Vec::new() };
        let mut pending = header.push(first, flags)?;
        pending.reverse();
        while let Some((at, target, len)) = pending.pop() {
            let offset = absolute(superblock, target, "header continuation")?;
            if !met.insert(offset) {
                return Err(Error::corrupt(
                    at,
                    "header continuation",
                    "a block not met before",
                    format!("the block at {offset} again"),
                ));
            }
            left = left.checked_sub(len).ok_or_else(|| too_large(at, len))?;
            let chunk = read_continuation(source, superblock, offset, len)?;
            let more = header.push(chunk, flags)?;
            pending.extend(more.into_iter().rev());
        }
        Ok(header)
    }

    /// The body of one of this header's messages.
    pub fn body(&self, message: &Message) -> &[u8] {
        let Some(chunk) = self.chunks.get(message.chunk) else { return &[] };
        let start = usize::try_from(message.body - chunk.offset).unwrap_or(usize::MAX);
        chunk.bytes.get(start..).and_then(|b| b.get(..usize::from(message.len))).unwrap_or_default()
    }

    /// A cursor over a message's body.
    pub fn cursor(&self, message: &Message, what: &'static str) -> Cursor<'_> {
        Cursor::new(self.body(message), message.body, what)
    }

    /// The messages of one type.
    pub fn of_kind(&self, kind: u8) -> impl Iterator<Item = &Message> {
        self.messages.iter().filter(move |m| m.kind == kind)
    }

    /// The only message of one type, if there is any.
    ///
    /// # Errors
    /// If there are several.
    pub fn single(&self, kind: u8, what: &str) -> Result<Option<&Message>> {
        let mut found = self.of_kind(kind);
        let first = found.next();
        if let Some(second) = found.next() {
            return Err(Error::corrupt(second.offset, what, "one message", "a second one"));
        }
        Ok(first)
    }

    /// Takes a chunk in and gives the continuations in it: message offset, address, length.
    fn push(&mut self, chunk: Chunk, flags: u8) -> Result<Vec<(u64, RelAddr, u64)>> {
        let index = self.chunks.len();
        let head = if flags & 4 == 0 { 4 } else { 6 };
        let start = usize::try_from(chunk.messages - chunk.offset).unwrap_or(usize::MAX);
        let area = chunk.bytes.get(start..).unwrap_or_default();
        let mut c = Cursor::new(area, chunk.messages, "header message");
        let mut continuations = Vec::new();
        while c.remaining() >= head {
            let offset = c.offset();
            let kind = c.u8()?;
            let len = c.u16()?;
            let message_flags = c.u8()?;
            if head == 6 {
                c.u16()?;
            }
            let body = c.offset();
            let bytes = c.take(usize::from(len))?;
            if self.messages.len() >= MAX_MESSAGES {
                return Err(Error::foreign(offset, "an object header with over 2^19 messages"));
            }
            if kind > kind::LAST && message_flags & 8 != 0 {
                return Err(Error::foreign(offset, format!("header message type {kind:#x}")));
            }
            if kind == kind::CONTINUATION {
                let mut b = Cursor::new(bytes, body, "header continuation");
                continuations.push((offset, b.addr()?, b.u64()?));
            }
            self.messages.push(Message {
                kind,
                flags: message_flags,
                chunk: index,
                offset,
                body,
                len,
            });
        }
        self.chunks.push(chunk);
        Ok(continuations)
    }
}

/// Turns a stored address into an offset inside the container.
pub(super) fn absolute(superblock: &Superblock, addr: RelAddr, what: &str) -> Result<u64> {
    match addr.0.checked_add(superblock.base) {
        Some(offset) if offset < superblock.end_of_file => Ok(offset),
        _ => Err(Error::corrupt(
            superblock.offset,
            format!("address of {what}"),
            format!("an address below the end of file ({})", superblock.end_of_file),
            format!("{addr}"),
        )),
    }
}

fn too_large(at: u64, len: u64) -> Error {
    Error::corrupt(
        at,
        "object header size",
        "at most 16 MiB, each byte once",
        format!("{len} more"),
    )
}

fn read_first(source: &Source, superblock: &Superblock, offset: u64) -> Result<(Chunk, u8)> {
    let limit = superblock.end_of_file - offset;
    let peek =
        source.read(offset, usize::try_from(limit.min(16)).unwrap_or(16), "object header")?;
    let mut c = Cursor::new(&peek, offset, "object header");
    if peek.first() == Some(&1) {
        return Err(Error::foreign(offset, "an object header of version 1, or no object header"));
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
    // Times and the attribute phase change occur in foreign headers only, but are harmless.
    let extra = if flags & 0x20 != 0 { 16 } else { 0 } + if flags & 0x10 != 0 { 4 } else { 0 };
    let width = 1_usize << (flags & 3);
    let prefix = 6 + extra + width;
    let prefix_bytes = source.read(offset, prefix, "object header")?;
    let mut c = Cursor::new(&prefix_bytes, offset, "object header");
    c.take(6 + extra)?;
    let size = c.uint(width)?;
    let messages = offset + prefix as u64;
    let checksum = messages.checked_add(size).filter(|&end| end <= superblock.end_of_file);
    let Some(checksum) = checksum else {
        return Err(Error::corrupt(
            offset + 6 + extra as u64,
            "object header size",
            format!("at most {} bytes", superblock.end_of_file.saturating_sub(messages)),
            size.to_string(),
        ));
    };
    if size > MAX_BYTES {
        return Err(too_large(offset + 6 + extra as u64, size));
    }
    Ok((checked_chunk(source, superblock, offset, messages, checksum)?, flags))
}

fn read_continuation(
    source: &Source,
    superblock: &Superblock,
    offset: u64,
    len: u64,
) -> Result<Chunk> {
    let checksum = offset.checked_add(len).and_then(|end| end.checked_sub(4));
    match checksum {
        Some(checksum) if len >= 8 && checksum < superblock.end_of_file => {
            let chunk = checked_chunk(source, superblock, offset, offset + 4, checksum)?;
            Cursor::new(&chunk.bytes, offset, "header continuation")
                .expect(b"OCHK", "header continuation signature")?;
            Ok(chunk)
        }
        _ => Err(Error::corrupt(
            offset,
            "header continuation length",
            format!("8 to {} bytes", superblock.end_of_file - offset),
            len.to_string(),
        )),
    }
}

fn checked_chunk(
    source: &Source,
    superblock: &Superblock,
    offset: u64,
    messages: u64,
    checksum: u64,
) -> Result<Chunk> {
    if superblock.end_of_file - checksum < 4 {
        return Err(Error::corrupt(checksum, "header checksum", "4 bytes", "the end of the file"));
    }
    let len = usize::try_from(checksum - offset).unwrap_or(usize::MAX);
    let mut bytes = source.read(offset, len.saturating_add(4), "object header")?;
    let stored = bytes.split_off(len);
    let computed = lookup3(&bytes).to_le_bytes();
    if stored != computed {
        return Err(Error::corrupt(
            checksum,
            "object header checksum",
            format!("{:#010x}", u32::from_le_bytes(computed)),
            format!("{:#010x}", Cursor::new(&stored, checksum, "checksum").u32()?),
        ));
    }
    Ok(Chunk { offset, messages, checksum, bytes })
}

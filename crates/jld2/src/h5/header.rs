//! Reads object headers, versions 1 and 2, with continuations (docs/jld2-format.md, section 2; HDF5
//! specification IV.A).

use super::bytes::Cursor;
use super::checksum::{Checked, Checksums, lookup3};
use super::effort::{Access, Effort};
use super::link_runs::LinkRuns;
use super::long_header::{self, Bodies, LONG};
use super::message::link::Group;
use super::{Error, RelAddr, Result, Source, Superblock};
use crate::h5::budget::{HEADER_BYTES, HEADER_MESSAGES};
use std::collections::HashSet;
use std::sync::Arc;

/// Flags of an object header (HDF5 specification IV.A.1.b).
pub mod header_flag {
    /// Message heads hold the order in which attributes were created.
    pub const ORDER_TRACKED: u8 = 0x04;
    /// Attributes are indexed by that order, too.
    pub const ORDER_INDEXED: u8 = 0x08;
    /// Bounds on the number of attributes kept in the header are stored.
    pub const PHASE_CHANGE: u8 = 0x10;
    /// Times are stored.
    pub const TIMES: u8 = 0x20;
    /// What of an object does not depend on how its header is laid out.
    pub const KEPT: u8 = ORDER_TRACKED | ORDER_INDEXED | PHASE_CHANGE | TIMES;
}

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
    /// Fill value, as HDF5 before 1.6 wrote it.
    pub const OLD_FILL_VALUE: u8 = 0x04;
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
    /// How many links lead to the object, if it is not one.
    pub const REFERENCE_COUNT: u8 = 0x16;
    /// The highest type that the specification knows.
    pub const LAST: u8 = 0x17;
}

/// Disks and file systems lose no less than so many bytes at once, at a multiple of as many.
const SECTOR: u64 = 512;
/// What is read first of a continuation on its own.
const FIRST_STRAY: usize = 512;
/// Longer continuations are not read on their own.
const MAX_STRAY: u64 = 1 << 20;

/// One piece of an object header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chunk {
    /// Absolute offset of its signature (`OHDR` or `OCHK`).
    pub offset: u64,
    /// Absolute offset of its first message.
    pub messages: u64,
    /// Absolute offset of its checksum, which is the end of its message area.
    pub checksum: u64,
    /// Whether there is a checksum: in headers of version 1 there is none.
    pub has_checksum: bool,
    /// The checksum, as it is stored; 0 where there is none.
    pub stored_checksum: u32,
    /// The bytes from the signature up to, without, the checksum; none of a
    /// [long header](ObjectHeader::runs).
    pub bytes: Vec<u8>,
    /// What the checksum says of them; where there is none, nothing is amiss.
    pub checked: Checked,
}

impl Chunk {
    /// Absolute offset behind the checksum, if there is one.
    pub fn end(&self) -> u64 {
        self.checksum + if self.has_checksum { 4 } else { 0 }
    }
}

/// A message that an object keeps in a heap instead of its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// Absolute offset of its bytes.
    pub offset: u64,
    /// Its bytes: the body of a message.
    pub bytes: Vec<u8>,
}

/// Bytes outside the header that hold an object's links or attributes, or lead to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storage {
    /// Absolute offset of its first byte.
    pub start: u64,
    /// Absolute offset behind its last byte.
    pub end: u64,
    /// Absolute offset of its checksum, if it has one and messages inside: that of all its bytes,
    /// with zeros in the place of the checksum.
    pub checksum: Option<u64>,
}

/// One message of an object header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its type, see [`kind`].
    pub kind: u8,
    /// Its flags: bit 0 constant, bit 1 shared, bit 3 fail if unknown.
    pub flags: u8,
    /// Its place in the order of creation, for attributes of headers that track it.
    pub order: Option<u16>,
    /// Which [`Chunk`] holds it; those behind the last chunk are [`Piece`]s.
    pub chunk: usize,
    /// Absolute offset of its type byte; of its body, if it is a [`Piece`].
    pub offset: u64,
    /// Absolute offset of its body.
    pub body: u64,
    /// Length of its body in bytes: at most 65,535 but in a [`Piece`].
    pub len: u32,
}

/// An object header: all its chunks and messages, with offsets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectHeader {
    /// Its address.
    pub addr: RelAddr,
    /// 1 or 2.
    pub version: u8,
    /// Its flags, see [`header_flag`].
    pub flags: u8,
    /// How many links lead to the object, as a header of version 1 says; 1 in others, where a message
    /// can say so.
    pub ref_count: u32,
    /// Times and bounds of attributes, as they are stored, where the flags say that there are any.
    pub extra: Vec<u8>,
    /// Chunk 0 and continuations, in the order met.
    pub chunks: Vec<Chunk>,
    /// All messages in order, continuation and NIL messages too, but for links in [`Self::runs`];
    /// those that are kept elsewhere follow.
    pub messages: Vec<Message>,
    /// Messages that are kept elsewhere: links and attributes in fractal heaps.
    pub pieces: Vec<Piece>,
    /// Links of a group of the old kind, which has a symbol table instead of messages.
    pub symbols: Option<Group>,
    /// Where all that is kept elsewhere stands.
    pub storage: Vec<Storage>,
    /// Where the links of a long header stand, of which neither the bytes nor these messages are
    /// held.
    pub runs: Option<Arc<LinkRuns>>,
    /// Bodies of the other messages of a long header.
    pub(super) bodies: Bodies,
}

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
    pub(super) fn read_counted(from: Access<'_>, addr: RelAddr) -> Result<Self> {
        Self::read_with(from, addr, None)
    }

    /// As [`Self::read`]; errors of continuations go to `lost`, if there is such a place.
    fn read_with(
        from: Access<'_>,
        addr: RelAddr,
        mut lost: Option<&mut Vec<Error>>,
    ) -> Result<Self> {
        let Access { source, superblock, checksums, effort } = from;
        let offset = absolute(superblock, addr, "object header")?;
        let bytes = Bytes { source, superblock, checksums };
        let prefix = bytes.prefix(offset)?;
        if prefix.checksum - offset > LONG {
            return long_header::read(from, addr, lost);
        }
        let (access, from) = (from, bytes);
        let First { chunk: first, version, flags, extra, ref_count } =
            from.behind(offset, prefix)?;
        effort.add(first.bytes.len() as u64);
        // Most headers have no continuation, so that nothing need be remembered.
        let mut met = HashSet::new();
        // Honest chunks do not overlap.
        let mut left = superblock.end_of_file.saturating_sub(first.bytes.len() as u64);
        let mut held = first.bytes.len() as u64;
        let mut header = Self::empty(addr, version, flags, extra);
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
                return long_header::read(access, addr, lost);
            }
            let mut next = || {
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
                effort.add(len);
                from.continuation(offset, len, version, flags)
            };
            let more = next().and_then(|chunk| header.push(chunk));
            match (more, &mut lost) {
                (Ok(more), _) => pending.extend(more.into_iter().rev()),
                (Err(error), Some(lost)) => lost.push(error),
                (Err(error), None) => return Err(error),
            }
        }
        Ok(header)
    }

    /// Reads what is in the first chunk of the header at `addr`, if that has its checksum or lost it,
    /// and takes no more than `left` bytes, which it is taken off.
    pub(super) fn start(
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
        let First { chunk, version, flags, extra, .. } = from.behind(offset, prefix)?;
        let mut header = Self::empty(addr, version, flags, extra);
        header.push(chunk)?;
        Ok(header)
    }

    /// Reads a continuation at `offset` of which nothing is left that says how long it is: it ends where
    /// its checksum follows a message. Takes no more than `left` bytes for that. Its messages are those
    /// of a header that does not track the order of creation, as JLD2's do not.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn stray(
        source: &Source,
        superblock: &Superblock,
        offset: u64,
        left: &mut u64,
    ) -> Result<Self> {
        let none =
            || Error::corrupt(offset, "header continuation", "one with its checksum", "none");
        let from = Bytes { source, superblock, checksums: Checksums::Trusted };
        let most = superblock.end_of_file.saturating_sub(offset).min(MAX_STRAY);
        let most = usize::try_from(most).unwrap_or(0);
        let mut bytes = Vec::new();
        let mut at = 4_usize;
        loop {
            if bytes.len() < at + 8 {
                let len = (2 * bytes.len()).max(FIRST_STRAY).max(at + 8).min(most);
                *left = left.checked_sub(len as u64).ok_or_else(none)?;
                bytes = source.read(offset, len, "header continuation")?;
                if !bytes.starts_with(b"OCHK") {
                    return Err(none());
                }
            }
            // A checksum follows, or one more message.
            let next = bytes.get(at..).and_then(|b| b.first_chunk::<4>()).ok_or_else(none)?;
            if at > 4 {
                *left = left.checked_sub(at as u64).ok_or_else(none)?;
                if u32::from_le_bytes(*next) == lookup3(bytes.get(..at).unwrap_or_default()) {
                    break;
                }
            }
            let [_, low, high, _] = *next;
            at += 4 + usize::from(u16::from_le_bytes([low, high]));
            if at + 4 > most {
                return Err(none());
            }
        }
        let chunk = from.chunk(offset, offset + 4, offset + at as u64, 2, 0)?;
        let addr = RelAddr(offset.wrapping_sub(superblock.base));
        let mut header = Self::empty(addr, 2, 0, Vec::new());
        header.push(chunk)?;
        Ok(header)
    }

    /// Reads what is left of the header at `addr`: its first chunk, and each continuation that can be
    /// read. Gives the errors of the others.
    ///
    /// # Errors
    /// If the first chunk cannot be read.
    pub(super) fn read_left(from: Access<'_>, addr: RelAddr) -> Result<(Self, Vec<Error>)> {
        let mut lost = Vec::new();
        let header = Self::read_with(from, addr, Some(&mut lost))?;
        Ok((header, lost))
    }

    pub(super) fn empty(addr: RelAddr, version: u8, flags: u8, extra: Vec<u8>) -> Self {
        Self {
            addr,
            version,
            flags,
            ref_count: 1,
            extra,
            chunks: Vec::new(),
            messages: Vec::new(),
            pieces: Vec::new(),
            symbols: None,
            storage: Vec::new(),
            runs: None,
            bodies: Bodies::new(),
        }
    }

    /// Takes in a message that is kept elsewhere.
    pub(super) fn add(&mut self, kind: u8, order: Option<u16>, piece: Piece) -> Result<()> {
        let offset = piece.offset;
        if self.messages.len() >= HEADER_MESSAGES {
            return Err(Error::foreign(offset, "an object with over 2^19 messages"));
        }
        let chunk = self.chunks.len().saturating_add(self.pieces.len());
        let len = u32::try_from(piece.bytes.len()).unwrap_or(u32::MAX);
        self.messages.push(Message { kind, flags: 0, order, chunk, offset, body: offset, len });
        self.pieces.push(piece);
        Ok(())
    }

    /// Whether attributes are numbered in the order of their creation.
    pub fn tracks_order(&self) -> bool {
        self.flags & header_flag::ORDER_TRACKED != 0
    }

    /// The body of a message as it reads once all links and attributes are in the header.
    pub fn gathered(&self, message: &Message) -> Vec<u8> {
        let body = self.body(message);
        match message.kind {
            kind::LINK_INFO => all_inside(body, 8),
            kind::ATTRIBUTE_INFO => all_inside(body, 2),
            _ => body.to_vec(),
        }
    }

    /// Bytes that are kept of it.
    pub(super) fn weight(&self) -> u64 {
        let chunks = self.chunks.iter().map(|c| c.bytes.len());
        let pieces = self.pieces.iter().map(|p| p.bytes.len());
        let symbols = self.symbols.as_ref().map_or(0, Group::weight);
        let held = chunks.chain(pieces).sum::<usize>() as u64 + symbols;
        let Some(runs) = &self.runs else { return held };
        let bodies: usize = self.bodies.values().map(|body| body.len() + 64).sum();
        held + runs.weight() + (bodies + 80 * self.chunks.len()) as u64
    }

    /// The body of one of this header's messages.
    pub fn body(&self, message: &Message) -> &[u8] {
        let Some(chunk) = self.chunks.get(message.chunk) else {
            let piece = message.chunk.checked_sub(self.chunks.len());
            let piece = piece.and_then(|i| self.pieces.get(i));
            return piece.map_or(&[], |p| &p.bytes);
        };
        if self.runs.is_some() {
            return self.bodies.get(&message.body).map(Vec::as_slice).unwrap_or_default();
        }
        let start = usize::try_from(message.body - chunk.offset).unwrap_or(usize::MAX);
        let len = usize::try_from(message.len).unwrap_or(usize::MAX);
        chunk.bytes.get(start..).and_then(|b| b.get(..len)).unwrap_or_default()
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
    fn push(&mut self, chunk: Chunk) -> Result<Vec<(u64, RelAddr, u64)>> {
        let index = self.chunks.len();
        let mut continuations = Vec::new();
        let messages = &mut self.messages;
        if index == 0 {
            // As many as most headers have.
            messages.reserve_exact(6);
            self.chunks.reserve_exact(1);
        }
        walk(&chunk, self.version, self.flags, &mut |message, bytes| {
            let Message { kind, flags, offset, body, .. } = message;
            if messages.len() >= HEADER_MESSAGES {
                return Err(too_many_messages(offset));
            }
            if kind > kind::LAST && flags & 8 != 0 {
                return Err(Error::foreign(offset, format!("header message type {kind:#x}")));
            }
            if kind == kind::CONTINUATION {
                let mut b = Cursor::new(bytes, body, "header continuation");
                continuations.push((offset, b.addr()?, b.u64()?));
            }
            messages.push(Message { chunk: index, ..message });
            Ok(())
        })?;
        self.chunks.push(chunk);
        Ok(continuations)
    }
}

/// Hands on the messages of a chunk with their bodies, as if it were the first of its header.
fn walk(
    chunk: &Chunk,
    version: u8,
    flags: u8,
    each: &mut dyn FnMut(Message, &[u8]) -> Result<()>,
) -> Result<()> {
    let tracked = flags & header_flag::ORDER_TRACKED != 0;
    let head = match version {
        1 => 8,
        _ if tracked => 6,
        _ => 4,
    };
    let start = usize::try_from(chunk.messages - chunk.offset).unwrap_or(usize::MAX);
    let area = chunk.bytes.get(start..).unwrap_or_default();
    let mut c = Cursor::new(area, chunk.messages, "header message");
    while c.remaining() >= head {
        let message = message_head(&mut c, version, flags)?;
        let bytes = c.take(usize::try_from(message.len).unwrap_or(usize::MAX))?;
        each(message, bytes)?;
    }
    Ok(())
}

/// What stands in front of the body of a message, which comes next. `flags` are the header's.
pub(super) fn message_head(c: &mut Cursor<'_>, version: u8, flags: u8) -> Result<Message> {
    let tracked = flags & header_flag::ORDER_TRACKED != 0;
    let offset = c.offset();
    let (kind, len, flags, order) = if version == 1 {
        let kind = c.u16()?;
        let Ok(kind) = u8::try_from(kind) else {
            let (expected, found) = ("a type below 256", kind.to_string());
            return Err(Error::corrupt(offset, "header message", expected, found));
        };
        let (len, flags) = (c.u16()?, c.u8()?);
        c.take(3)?;
        (kind, len, flags, None)
    } else {
        let (kind, len, flags) = (c.u8()?, c.u16()?, c.u8()?);
        (kind, len, flags, if tracked { Some(c.u16()?) } else { None })
    };
    let (body, len) = (c.offset(), u32::from(len));
    Ok(Message { kind, flags, order, chunk: 0, offset, body, len })
}

/// A link info or attribute info with no address: nothing is outside the header. `counter` is how
/// many bytes the highest number in the order of creation takes.
fn all_inside(body: &[u8], counter: usize) -> Vec<u8> {
    let mut out = body.to_vec();
    let tracked = body.get(1).is_some_and(|flags| flags & 1 != 0);
    let start = 2 + if tracked { counter } else { 0 };
    if let Some(addresses) = out.get_mut(start..) {
        let len = addresses.len() / 8 * 8;
        addresses.iter_mut().take(len).for_each(|byte| *byte = 0xff);
    }
    out
}

const NO_LAYOUT: &str = "the layout of this compressed array of references, which JLD2 0.5 and 0.6 leave \
                         out with the checksum: no reader finds its values; jldconv rescue saves \
                         what it referred to";

/// Whether a header without a checksum is one of those that JLD2 0.5 and 0.6 write for compressed
/// arrays whose elements are stored as references, as tuples of more than ten numbers are: shape and
/// type, perhaps a filter pipeline, then zeros where the layout belongs.
fn lacks_layout(chunk: &Chunk, flags: u8) -> bool {
    let (mut space, mut datatype, mut layout, mut zeros) = (false, false, false, false);
    let walked = walk(chunk, 2, flags, &mut |message, _| {
        space |= message.kind == kind::DATASPACE;
        datatype |= message.kind == kind::DATATYPE;
        layout |= message.kind == kind::LAYOUT;
        zeros = message.kind == kind::NIL && message.len == 0;
        Ok(())
    });
    walked.is_ok() && space && datatype && !layout && zeros
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
    let expected = "at most the bytes of the file, each byte once";
    Error::corrupt(at, "object header size", expected, format!("{len} more"))
}

/// No object but a group has so many messages, and those of groups are links, which are not held.
fn too_many_messages(at: u64) -> Error {
    Error::too_large_at(at, "object header", "2^19 messages, the most that are held of one object")
}

/// The first chunk of a header, and what stands in front of its messages.
struct First {
    chunk: Chunk,
    version: u8,
    flags: u8,
    extra: Vec<u8>,
    ref_count: u32,
}

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

impl Bytes<'_> {
    /// The first chunk, which is not long.
    fn behind(&self, offset: u64, prefix: Prefix) -> Result<First> {
        let Prefix { version, flags, extra, ref_count, messages, checksum } = prefix;
        let chunk = self.chunk(offset, messages, checksum, version, flags)?;
        Ok(First { chunk, version, flags, extra, ref_count })
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

    fn continuation(&self, offset: u64, len: u64, version: u8, flags: u8) -> Result<Chunk> {
        let (messages, checksum) = self.continuation_area(offset, len, version)?;
        self.chunk(offset, messages, checksum, version, flags)
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

    fn chunk(
        &self,
        offset: u64,
        messages: u64,
        checksum: u64,
        version: u8,
        flags: u8,
    ) -> Result<Chunk> {
        let has_checksum = version > 1;
        let checked = Checked::Right;
        if !has_checksum {
            let len = usize::try_from(checksum - offset).unwrap_or(usize::MAX);
            let bytes = self.source.read(offset, len, "object header")?;
            let stored_checksum = 0;
            return Ok(Chunk {
                offset,
                messages,
                checksum,
                has_checksum,
                stored_checksum,
                bytes,
                checked,
            });
        }
        if self.superblock.end_of_file - checksum < 4 {
            return Err(Error::corrupt(
                checksum,
                "header checksum",
                "4 bytes",
                "the end of the file",
            ));
        }
        let len = usize::try_from(checksum - offset).unwrap_or(usize::MAX);
        let mut bytes = self.source.read(offset, len.saturating_add(4), "object header")?;
        let stored = bytes.get(len..).unwrap_or_default();
        let stored = Cursor::new(stored, checksum, "checksum").u32()?;
        bytes.truncate(len);
        let computed = lookup3(&bytes);
        let mut chunk = Chunk {
            offset,
            messages,
            checksum,
            has_checksum,
            stored_checksum: stored,
            bytes,
            checked,
        };
        if stored != computed {
            if stored == 0 && lacks_layout(&chunk, flags) && !self.is_zeroed(&chunk, chunk.end())? {
                return Err(Error::foreign(chunk.offset, NO_LAYOUT).of_dataset(true));
            }
            chunk.checked = if stored == 0 && self.is_lost(&chunk, flags)? {
                Checked::Lost
            } else if self.checksums == Checksums::Ignored {
                Checked::Wrong
            } else {
                return Err(Error::checksum(checksum, "object header", computed, stored));
            };
        }
        Ok(chunk)
    }

    /// Whether a checksum of zero is the only thing amiss: its writer lost it, and no block of the
    /// file was zeroed after it had been written.
    ///
    /// A block that the disk or the file system lost is a zeroed [`SECTOR`] at least, so none that
    /// the chunk touches may be all zero; but for the zeros of a filler at its end, with which
    /// nothing would be lost. Nor may the messages end in empty fillers, which JLD2 never puts
    /// there: the zeros of a hole read as those, whatever its size, unless it begins in the last
    /// message.
    fn is_lost(&self, chunk: &Chunk, flags: u8) -> Result<bool> {
        let mut last = None;
        let walked = walk(chunk, 2, flags, &mut |message, _| {
            last = Some(message);
            Ok(())
        });
        let (Ok(()), Some(last)) = (walked, last) else { return Ok(false) };
        let said = chunk.bytes.iter().rposition(|&b| b != 0).map_or(0, |n| n as u64 + 1);
        self.is_lost_behind(chunk, &last, chunk.offset + said)
    }

    /// As there, of a chunk whose last message is `last`, and whose bytes from the offset `said` on
    /// are zeros.
    pub(super) fn is_lost_behind(&self, chunk: &Chunk, last: &Message, said: u64) -> Result<bool> {
        let filler = last.kind == kind::NIL;
        if filler && last.len == 0 || last.body + u64::from(last.len) != chunk.checksum {
            return Ok(false);
        }
        let end = if filler { said } else { chunk.end() };
        Ok(!self.is_zeroed(chunk, end)?)
    }

    /// Whether a whole [`SECTOR`] that a chunk touches in front of `end` is zero.
    fn is_zeroed(&self, chunk: &Chunk, end: u64) -> Result<bool> {
        let mut sector = chunk.offset / SECTOR * SECTOR;
        while sector < end {
            let len = SECTOR.min(self.superblock.end_of_file.saturating_sub(sector));
            let len = usize::try_from(len).unwrap_or(0);
            if self.source.read(sector, len, "object header")?.iter().all(|&b| b == 0) {
                return Ok(true);
            }
            sector += SECTOR;
        }
        Ok(false)
    }
}

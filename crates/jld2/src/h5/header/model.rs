//! An object header with its chunks and messages, and where they stand.

use super::kinds::{header_flag, kind};
use crate::h5::budget::HEADER_MESSAGES;
use crate::h5::bytes::Cursor;
use crate::h5::checksum::Checked;
use crate::h5::group::Group;
use crate::h5::link_runs::LinkRuns;
use crate::h5::{Error, RelAddr, Result, StorageList};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Bodies of messages by where they stand.
pub(super) type Bodies = BTreeMap<u64, Vec<u8>>;

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
    /// One of a header of this version, of which nothing is read yet.
    pub(super) fn unread(offset: u64, messages: u64, checksum: u64, version: u8) -> Self {
        Self {
            offset,
            messages,
            checksum,
            has_checksum: version > 1,
            stored_checksum: 0,
            bytes: Vec::new(),
            checked: Checked::Right,
        }
    }

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
    pub storage: StorageList,
    /// Links that are kept elsewhere, if they are too many to be held: neither these messages nor
    /// what is in a symbol table is.
    pub listed: Option<Arc<LinkRuns>>,
    /// Where the links of a long header stand, of which neither the bytes nor these messages are
    /// held.
    pub runs: Option<Arc<LinkRuns>>,
    /// Bodies of the other messages of a long header.
    pub(super) bodies: Bodies,
}

impl ObjectHeader {
    /// One without messages.
    pub(in crate::h5) fn empty(addr: RelAddr, version: u8, flags: u8, extra: Vec<u8>) -> Self {
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
            storage: StorageList::default(),
            listed: None,
            runs: None,
            bodies: Bodies::new(),
        }
    }

    /// Takes in a message that is kept elsewhere.
    pub(in crate::h5) fn add(&mut self, kind: u8, order: Option<u16>, piece: Piece) -> Result<()> {
        let offset = piece.offset;
        if self.messages.len() >= HEADER_MESSAGES {
            let what = format!("an object with over {HEADER_MESSAGES} messages: no more are read");
            return Err(Error::foreign(offset, what));
        }
        let chunk = self.chunks.len().saturating_add(self.pieces.len());
        let len = u32::try_from(piece.bytes.len()).unwrap_or(u32::MAX);
        self.messages.push(Message { kind, flags: 0, order, chunk, offset, body: offset, len });
        self.pieces.push(piece);
        Ok(())
    }

    /// Whether the chunks say all that there is to say of the object, and are of the kind that can have
    /// checksums: none of its links and attributes are kept elsewhere.
    pub fn is_alone(&self) -> bool {
        self.version == 2
            && self.storage.is_empty()
            && self.pieces.is_empty()
            && self.symbols.is_none()
            && self.listed.is_none()
            && self.runs.is_none()
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
    pub(in crate::h5) fn weight(&self) -> u64 {
        let chunks = self.chunks.iter().map(|c| c.bytes.len());
        let pieces = self.pieces.iter().map(|p| p.bytes.len());
        let symbols = self.symbols.as_ref().map_or(0, Group::weight);
        let listed = self.listed.as_ref().map_or(0, |links| links.weight());
        let outside = symbols + listed + self.storage.weight();
        let held = chunks.chain(pieces).sum::<usize>() as u64 + outside;
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

//! Goes through the messages of one chunk of a header, and takes them in.

use super::kinds::{header_flag, kind};
use super::limits::too_many_messages;
use super::model::{Chunk, Message, ObjectHeader};
use crate::h5::budget::HEADER_MESSAGES;
use crate::h5::bytes::Cursor;
use crate::h5::{Error, RelAddr, Result};

/// Where a continuation is: message offset, address, length.
pub(super) type Continuation = (u64, RelAddr, u64);

impl ObjectHeader {
    /// Takes a chunk in and gives the continuations in it.
    pub(super) fn push(&mut self, chunk: Chunk) -> Result<Vec<Continuation>> {
        let index = self.chunks.len();
        let mut continuations = Vec::new();
        let messages = &mut self.messages;
        if index == 0 {
            // As many as most headers have.
            messages.reserve_exact(6);
            self.chunks.reserve_exact(1);
        }
        walk(&chunk, self.version, self.flags, &mut |message, bytes| {
            if messages.len() >= HEADER_MESSAGES {
                return Err(too_many_messages(message.offset));
            }
            continuations.extend(looked_at(&message, bytes)?);
            messages.push(Message { chunk: index, ..message });
            Ok(())
        })?;
        self.chunks.push(chunk);
        Ok(continuations)
    }
}

/// Hands on the messages of a chunk with their bodies, as if it were the first of its header.
pub(super) fn walk(
    chunk: &Chunk,
    version: u8,
    flags: u8,
    each: &mut dyn FnMut(Message, &[u8]) -> Result<()>,
) -> Result<()> {
    let head = head_len(version, flags);
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

/// Looks at a message with this body, of any type: gives the continuation, if it is one.
pub(super) fn looked_at(message: &Message, body: &[u8]) -> Result<Option<Continuation>> {
    let &Message { kind, flags, offset, .. } = message;
    if kind > kind::LAST && flags & 8 != 0 {
        return Err(Error::foreign(offset, format!("header message type {kind:#x}")));
    }
    if kind != kind::CONTINUATION {
        return Ok(None);
    }
    let mut b = Cursor::new(body, message.body, "header continuation");
    Ok(Some((offset, b.addr()?, b.u64()?)))
}

/// Bytes that stand in front of the body of a message. `flags` are the header's.
pub(super) fn head_len(version: u8, flags: u8) -> usize {
    match version {
        1 => 8,
        _ if flags & header_flag::ORDER_TRACKED != 0 => 6,
        _ => 4,
    }
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

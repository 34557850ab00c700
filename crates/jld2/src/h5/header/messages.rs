//! Goes through the messages of one chunk of a header, and takes them in.

use super::kinds::{header_flag, kind};
use super::limits::too_many_links;
use super::model::{Chunk, Message, ObjectHeader};
use crate::h5::budget::HEADER_MESSAGES;
use crate::h5::bytes::Cursor;
use crate::h5::{Error, RelAddr, Result};

impl ObjectHeader {
    /// Takes a chunk in and gives the continuations in it: message offset, address, length.
    pub(super) fn push(&mut self, chunk: Chunk) -> Result<Vec<(u64, RelAddr, u64)>> {
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
                return Err(too_many_links(offset));
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
pub(super) fn walk(
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
        let offset = c.offset();
        let (kind, len, flags, order) = if version == 1 {
            let kind = c.u16()?;
            let Ok(kind) = u8::try_from(kind) else {
                return Err(Error::corrupt(
                    offset,
                    "header message",
                    "a type below 256",
                    kind.to_string(),
                ));
            };
            let (len, flags) = (c.u16()?, c.u8()?);
            c.take(3)?;
            (kind, len, flags, None)
        } else {
            let (kind, len, flags) = (c.u8()?, c.u16()?, c.u8()?);
            (kind, len, flags, if tracked { Some(c.u16()?) } else { None })
        };
        let body = c.offset();
        let bytes = c.take(usize::from(len))?;
        let len = u32::from(len);
        each(Message { kind, flags, order, chunk: 0, offset, body, len }, bytes)?;
    }
    Ok(())
}

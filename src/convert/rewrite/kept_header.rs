//! Headers of which nothing changes but addresses, and with these the checksum: those of most values
//! that are objects of their own. They are copied instead of being taken apart and made again.

use super::context::Context;
use super::strings;
use crate::h5::checksum::lookup3;
use crate::h5::encode::NewMessage;
use crate::h5::{Checked, Chunk, Dataset, Layout, Message, Object, RefPlan, Result, TypeRef, kind};

/// The only chunk of such a header, and what it is of.
pub(super) struct Kept<'a> {
    chunk: &'a Chunk,
    dataset: &'a Dataset,
}

impl<'a> Kept<'a> {
    /// Of `object`, if its header is one of them, and it has no data elsewhere.
    pub(super) fn of(object: &'a Object) -> Option<Self> {
        let header = &object.header;
        let ([chunk], Some(dataset)) = (header.chunks.as_slice(), object.dataset()) else {
            return None;
        };
        let alone =
            header.is_alone() && chunk.checked == Checked::Right && object.attributes.is_empty();
        let stays = |m: &Message| match m.kind {
            kind::DATASPACE | kind::DATATYPE => true,
            // Without a value, as JLD2 writes it: one could hold addresses.
            kind::FILL_VALUE => header.body(m).len() == 2,
            kind::LAYOUT => matches!(dataset.layout, Layout::Compact { .. }),
            _ => false,
        };
        let mut messages = header.messages.as_slice();
        let end = messages.last().map_or(chunk.messages, |m| m.body + u64::from(m.len));
        if let Some((last, rest)) = messages.split_last()
            && last.kind == kind::NIL
        {
            let filler = NewMessage::placeholder();
            if last.flags != filler.flags || header.body(last) != filler.body {
                return None;
            }
            messages = rest;
        }
        let whole = end == chunk.checksum && messages.iter().all(stays);
        let fixed = dataset.dataspace.max_dims.is_none() && strings::form(dataset).is_none();
        (alone && whole && fixed && is_short(chunk, header.flags))
            .then_some(Self { chunk, dataset })
    }

    /// Bytes that it takes.
    pub(super) fn len(&self) -> u64 {
        self.chunk.end() - self.chunk.offset
    }

    /// Its bytes with the addresses of the output.
    pub(super) fn bytes(&self, context: &Context<'_>) -> Result<Vec<u8>> {
        let Self { chunk, dataset } = self;
        let mut bytes = Vec::with_capacity(chunk.bytes.len() + 4);
        bytes.extend_from_slice(&chunk.bytes);
        let within = |at: u64| usize::try_from(at.wrapping_sub(chunk.offset)).unwrap_or(usize::MAX);
        if let TypeRef::Shared { addr, at } = dataset.datatype {
            let new = context.new_addr(addr, at)?;
            if let Some(to) = bytes.get_mut(within(at)..).and_then(|b| b.first_chunk_mut::<8>()) {
                *to = new.0.to_le_bytes();
            }
        }
        if let (Layout::Compact { offset, size }, Some(places)) = (&dataset.layout, context.places)
        {
            let plan = RefPlan::new(&*context.file.resolve(&dataset.datatype)?)?;
            let len = usize::try_from(*size).unwrap_or(usize::MAX);
            let data = bytes.get_mut(within(*offset)..).and_then(|b| b.get_mut(..len));
            if let Some(data) = data.filter(|_| !plan.is_empty()) {
                places.relocate(&plan, data, *offset)?;
            }
        }
        bytes.extend(lookup3(&bytes).to_le_bytes());
        Ok(bytes)
    }
}

/// Whether the front of a header is the shortest that says what it does, with no flags but those of
/// the width of its size.
fn is_short(chunk: &Chunk, flags: u8) -> bool {
    let width = match chunk.checksum - chunk.messages {
        0..=0xff => 0,
        0x100..=0xffff => 1,
        _ => return false,
    };
    flags == width
}

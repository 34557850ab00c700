//! Compares what cannot be read, byte by byte: headers and stored data of two objects.
//!
//! A patch leaves what JLD2 does not read as it is. That it did can be told without understanding
//! what it means.

use super::unread_elements::elements;
use crate::h5::message::layout::Layout;
use crate::h5::{
    Checksums, Dataset, Error, File, ObjectHeader, ObjectKind, RefPlan, RelAddr, Result,
    StoredChunk, kind,
};
use crate::julia::Column;
use std::collections::HashSet;

/// Data are compared in pieces of this many bytes.
const PIECE: usize = 1 << 20;

/// Whether an error is about one object that JLD2 does not read, or whose data cannot be decoded, so
/// that others are not concerned.
pub(super) fn is_one_objects(error: &Error) -> bool {
    use crate::h5::ErrorKind::{Foreign, Payload, TooLarge};
    matches!(error.kind(), Foreign { .. } | Payload(_) | TooLarge { .. })
}

/// Whether two objects have the same messages and, where they say where their data are, the same
/// stored bytes, `progress` being told how many were read. What their elements lead to, in heaps and by
/// references, is held against one another likewise.
///
/// # Errors
/// If a header or data cannot be read, or `progress` fails.
pub(super) fn same(
    (a, addr_a): (&File, RelAddr),
    (b, addr_b): (&File, RelAddr),
    progress: &dyn Fn(u64) -> Result<()>,
) -> Result<bool> {
    let mut pending = vec![(addr_a, addr_b)];
    let mut met = HashSet::from([(addr_a, addr_b)]);
    while let Some((addr_a, addr_b)) = pending.pop() {
        let mut follow = |pair| {
            if met.insert(pair) {
                pending.push(pair);
            }
        };
        if !one((a, addr_a), (b, addr_b), &mut follow, progress)? {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether one object is the same as another, if all pairs that `follow` is told of are.
fn one(
    (a, addr_a): (&File, RelAddr),
    (b, addr_b): (&File, RelAddr),
    follow: &mut dyn FnMut((RelAddr, RelAddr)),
    progress: &dyn Fn(u64) -> Result<()>,
) -> Result<bool> {
    let headers = [header(a, addr_a)?, header(b, addr_b)?];
    progress(headers[0].chunks.iter().map(|chunk| chunk.bytes.len() as u64).sum())?;
    let [of_a, of_b] = headers.each_ref().map(messages);
    if of_a != of_b {
        return Ok(false);
    }
    if let (Ok(object_a), Ok(object_b)) = (a.object(addr_a), b.object(addr_b)) {
        return match (&object_a.kind, &object_b.kind) {
            (ObjectKind::Dataset(a_is), ObjectKind::Dataset(b_is)) => {
                let datatype = a.resolve(&a_is.datatype)?;
                let plan = RefPlan::new(&datatype)?;
                if plan.is_empty() {
                    return data((a, a_is), (b, b_is), progress);
                }
                let sides = [Column::new(a, a_is, &datatype)?, Column::new(b, b_is, &datatype)?];
                elements([a, b], &sides, &plan, follow, progress)
            }
            // They are named elsewhere, and compared there.
            (ObjectKind::Group(_), ObjectKind::Group(_))
            | (ObjectKind::Datatype(_), ObjectKind::Datatype(_)) => Ok(true),
            _ => Ok(false),
        };
    }
    let [Some(layout_a), Some(layout_b)] = headers.each_ref().map(layout) else {
        return Ok(false);
    };
    match (extent(a, &layout_a?)?, extent(b, &layout_b?)?) {
        (Some(range_a), Some(range_b)) => bytes((a, range_a), (b, range_b), progress),
        _ => Ok(false),
    }
}

fn header(file: &File, addr: RelAddr) -> Result<ObjectHeader> {
    // Whether checksums are right was looked at before; here bytes are compared.
    ObjectHeader::read(file.source(), file.superblock(), addr, Checksums::Ignored)
}

/// Type, flags and body of all messages but fillers.
fn messages(header: &ObjectHeader) -> Vec<(u8, u8, &[u8])> {
    let messages = header.messages.iter();
    messages
        .filter(|m| !matches!(m.kind, kind::NIL | kind::CONTINUATION))
        .map(|m| (m.kind, m.flags, header.body(m)))
        .collect()
}

fn layout(header: &ObjectHeader) -> Option<Result<Layout>> {
    let message = header.of_kind(kind::LAYOUT).next()?;
    Some(Layout::parse(&mut header.cursor(message, "layout")))
}

/// Where data stand that are in one piece: offset and length. None if they are not.
fn extent(file: &File, layout: &Layout) -> Result<Option<(u64, u64)>> {
    let (addr, size) = match layout {
        // They are in the header.
        Layout::Compact { .. } => return Ok(Some((0, 0))),
        Layout::Contiguous { size: 0, .. } => return Ok(Some((0, 0))),
        Layout::Contiguous { addr, size, .. } => (*addr, *size),
        Layout::Chunked(chunked) => match chunked.single() {
            Some(chunk) => (chunk.addr, chunk.size),
            None => return Ok(None),
        },
    };
    if addr.is_undef() {
        return Ok(Some((0, 0)));
    }
    Ok(Some((file.offset(addr, "data")?, size)))
}

fn data(
    (a, of_a): (&File, &Dataset),
    (b, of_b): (&File, &Dataset),
    progress: &dyn Fn(u64) -> Result<()>,
) -> Result<bool> {
    if let (Some(a_at), Some(b_at)) = (extent(a, &of_a.layout)?, extent(b, &of_b.layout)?) {
        return bytes((a, a_at), (b, b_at), progress);
    }
    let (Some(chunks_a), Some(chunks_b)) = (a.chunks(of_a)?, b.chunks(of_b)?) else {
        return Ok(false);
    };
    let (mut chunks_a, mut chunks_b) =
        (chunks_a.stored(0..u64::MAX)?, chunks_b.stored(0..u64::MAX)?);
    let place = |file: &File, chunk: &StoredChunk| -> Result<(u64, u64)> {
        Ok((file.offset(chunk.addr, "chunk")?, chunk.size))
    };
    loop {
        match (chunks_a.next()?, chunks_b.next()?) {
            (None, None) => return Ok(true),
            (Some(one), Some(other))
                if (one.number, one.filter_mask) == (other.number, other.filter_mask) =>
            {
                if !bytes((a, place(a, &one)?), (b, place(b, &other)?), progress)? {
                    return Ok(false);
                }
            }
            _ => return Ok(false),
        }
    }
}

fn bytes(
    (a, (mut at_a, len_a)): (&File, (u64, u64)),
    (b, (mut at_b, len_b)): (&File, (u64, u64)),
    progress: &dyn Fn(u64) -> Result<()>,
) -> Result<bool> {
    if len_a != len_b {
        return Ok(false);
    }
    let mut left = len_a;
    while left > 0 {
        let len = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        let piece = a.source().read(at_a, len, "data")?;
        if !b.source().holds(at_b, &piece, "data")? {
            return Ok(false);
        }
        let len = len as u64;
        progress(len)?;
        (at_a, at_b, left) = (at_a.saturating_add(len), at_b.saturating_add(len), left - len);
    }
    Ok(true)
}

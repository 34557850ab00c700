//! The header and the index of an array that is kept without some of its chunks: a version 1 B-tree,
//! whatever index the array had. They stand behind the end of the damaged file, in the overlay only.

use super::catalogue::Catalogue;
use super::in_part::InPart;
use super::report::rows_said;
use crate::h5::encode::{self, HeaderForm, MAX_BODY, NewMessage};
use crate::h5::{
    Chunked, Class, Datatype, Extent, Grid, Object, RelAddr, Result, StoredChunk, kind,
};

/// Children of a node.
const CHILDREN: usize = 64;
/// The attribute that says what is lost, for whoever has the file and not the report.
const NOTE: &str = "jldconv_filled";
/// Characters of that note.
const MOST_SAID: usize = 4000;

/// Bytes to be put behind the end of a file, and the address of the object header among them.
pub(super) struct NewObject {
    pub(super) bytes: Vec<u8>,
    pub(super) addr: RelAddr,
}

/// The array `object` with the chunks that are whole, to stand at the offset `at`; none if version 3
/// of the layout cannot say it.
///
/// # Errors
/// If its chunks make no sense.
pub(super) fn new_object(
    catalogue: &Catalogue,
    object: &Object,
    part: &InPart,
    at: u64,
) -> Result<Option<NewObject>> {
    let Some(dataset) = object.dataset() else { return Ok(None) };
    let (Some(chunked), Some(table)) = (dataset.layout.chunked(), catalogue.file.chunks(dataset)?)
    else {
        return Ok(None);
    };
    let filters = u32::try_from(dataset.filters.len()).unwrap_or(32).min(32);
    let unfiltered = u32::MAX.checked_shr(32 - filters).unwrap_or(0);
    let mask = |chunk: &StoredChunk| {
        if table.is_filtered(chunk) { chunk.filter_mask } else { unfiltered }
    };
    let chunks: Vec<StoredChunk> =
        part.whole.iter().map(|chunk| StoredChunk { filter_mask: mask(chunk), ..*chunk }).collect();
    let (mut bytes, root) = tree(table.grid(), &chunks, catalogue.file.addr(at));
    let Some(layout) = layout(chunked, root) else { return Ok(None) };
    let note = note(part);
    let header = &object.header;
    let mut attributes = object.attributes.iter();
    let mut messages = Vec::new();
    for message in &header.messages {
        let mut body = header.gathered(message);
        match message.kind {
            kind::NIL | kind::CONTINUATION => continue,
            kind::LAYOUT => body.clone_from(&layout),
            kind::ATTRIBUTE => match attributes.next() {
                Some(attribute) => attribute.trim(&mut body, message.body),
                None => return Ok(None),
            },
            _ => {}
        }
        if body.len() > MAX_BODY {
            return Ok(None);
        }
        let order = message.order.unwrap_or(0);
        messages.push(NewMessage { kind: message.kind, flags: message.flags, order, body });
    }
    messages.push(NewMessage::new(kind::ATTRIBUTE, 0, note));
    let form = HeaderForm { flags: header.flags, extra: header.extra.clone() };
    let addr = catalogue.file.addr(at.saturating_add(bytes.len() as u64));
    bytes.extend(encode::object_header_as(&form, &messages).bytes);
    Ok(Some(NewObject { bytes, addr }))
}

/// A text of fixed length.
fn note(part: &InPart) -> Vec<u8> {
    let mut text =
        format!("lost and filled by jldconv rescue --partial: {}", rows_said(&part.boxes));
    if let Some((end, _)) = text.char_indices().nth(MOST_SAID) {
        text.truncate(end);
        text.push_str(" ...");
    }
    let size = u32::try_from(text.len()).unwrap_or(0);
    let datatype = encode::datatype(&Datatype::new(Class::String, size));
    let space = encode::dataspace(Extent::Scalar, &[]);
    encode::attribute(NOTE, false, &datatype, &space, text.as_bytes())
}

/// A layout of version 3 (HDF5 specification IV.A.2.i).
fn layout(chunked: &Chunked, root: RelAddr) -> Option<Vec<u8>> {
    let mut out = vec![3, 2, u8::try_from(chunked.dims.len() + 1).ok()?];
    out.extend(root.0.to_le_bytes());
    for dim in chunked.dims.iter().chain([&chunked.element_size]) {
        out.extend(u32::try_from(*dim).ok()?.to_le_bytes());
    }
    Some(out)
}

/// A tree of chunks (HDF5 specification III.A.1, node type 1) that begins at `at`: its bytes, and the
/// address of its root. There is at least one chunk.
fn tree(grid: &Grid, chunks: &[StoredChunk], at: RelAddr) -> (Vec<u8>, RelAddr) {
    let mut out = Vec::new();
    let key = |out: &mut Vec<u8>, chunk: &StoredChunk| {
        out.extend(u32::try_from(chunk.size).unwrap_or(u32::MAX).to_le_bytes());
        out.extend(chunk.filter_mask.to_le_bytes());
        out.extend(grid.start(chunk.number).iter().flat_map(|n| n.to_le_bytes()));
        out.extend([0; 8]);
    };
    // Behind the last chunk in each dimension.
    let behind = |out: &mut Vec<u8>| {
        out.extend([0; 8]);
        let last = chunks.last().map(|chunk| grid.start(chunk.number)).unwrap_or_default();
        let ends = last.iter().zip(grid.chunk_dims()).map(|(n, size)| n.saturating_add(*size));
        out.extend(ends.flat_map(u64::to_le_bytes));
        out.extend([0; 8]);
    };
    // The children of a level: the first chunk below each, and its address.
    let mut below: Vec<(usize, RelAddr)> =
        chunks.iter().enumerate().map(|(i, chunk)| (i, chunk.addr)).collect();
    for level in 0_u8.. {
        let mut nodes = Vec::new();
        for (n, children) in below.chunks(CHILDREN).enumerate() {
            let first = children.first().map_or(0, |child| child.0);
            nodes.push((first, RelAddr(at.0.saturating_add(out.len() as u64))));
            out.extend(*b"TREE\x01");
            out.push(level);
            out.extend(u16::try_from(children.len()).unwrap_or(u16::MAX).to_le_bytes());
            out.extend([0xff; 16]);
            for (i, addr) in children {
                if let Some(chunk) = chunks.get(*i) {
                    key(&mut out, chunk);
                }
                out.extend(addr.0.to_le_bytes());
            }
            let next = below.get((n + 1) * CHILDREN).and_then(|child| chunks.get(child.0));
            match next {
                Some(chunk) => key(&mut out, chunk),
                None => behind(&mut out),
            }
        }
        if let [(_, root)] = nodes.as_slice() {
            return (out, *root);
        }
        below = nodes;
    }
    (out, at)
}

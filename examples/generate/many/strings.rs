//! Strings in global heaps.

use super::file::{Writer, inline};
use super::types::id;
use anyhow::Result;
use jldconv::h5::Datatype;
use jldconv::h5::encode::{self, MAX_HEAP_OBJECTS, NewHeap};

/// As many as JLD2 puts into one heap that it can extend: it ends with room for a free object.
const FULL: u64 = MAX_HEAP_OBJECTS as u64;

fn string(i: u64) -> String {
    format!("string {i}")
}

/// A `Vector{String}`.
pub(super) fn vector(out: &mut Writer<'_>, count: u64) -> Result<()> {
    let data = out.array(&inline(&Datatype::vlen_string()), None, count, 16 * count)?;
    let heaps = || (0..count).step_by(MAX_HEAP_OBJECTS).map(|i| i..count.min(i + FULL));
    let mut heap = out.at() + 16 * count;
    for range in heaps() {
        let mut used = 0;
        for (i, index) in range.zip(1..) {
            let text = string(i);
            used += 16 + (text.len() as u64).next_multiple_of(8);
            out.bytes(&id(text.len() as u64, heap, index)?)?;
        }
        heap += encode::heap_len(used);
    }
    for range in heaps() {
        let objects: Vec<_> = range.map(|i| string(i).into_bytes()).collect();
        out.bytes(&encode::heap(&objects))?;
    }
    out.root(&[("data", data)])
}

/// A `Vector{String}` whose second element has `len` bytes.
pub(super) fn long(out: &mut Writer<'_>, len: u64) -> Result<()> {
    let data = out.array(&inline(&Datatype::vlen_string()), None, 2, 32)?;
    let short = encode::heap(&[b"short".to_vec()]);
    let heap = out.at() + 32;
    out.bytes(&id(5, heap, 1)?)?;
    out.bytes(&id(len, heap + short.len() as u64, 1)?)?;
    out.bytes(&short)?;
    let [front, behind] = NewHeap::around(len);
    out.bytes(&front)?;
    out.hole(len)?;
    out.bytes(&behind)?;
    out.root(&[("data", data)])
}

//! A dictionary.

use super::boxes::record;
use super::file::{Writer, inline};
use super::types::{Types, id};
use anyhow::{Result, ensure};
use jldconv::h5::{Datatype, encode};

/// Keys in one heap: with so many of 16 bytes and their heads, JLD2 opens the next.
const KEYS: u8 = 127;
/// Bytes of a key.
const KEY: u64 = 16;

/// A `Dict{String, Int}`: JLD2 writes it as a vector of pairs, which are objects of their own since
/// their keys are; a heap of keys stands in front of the pairs that need it.
pub(super) fn dict(out: &mut Writer<'_>, count: u64) -> Result<()> {
    let mut types = Types::new(out)?;
    let string = types.value(out, "Core.String", &[])?;
    let int = types.value(out, "Core.Int64", &[])?;
    let fields = [("kvvec", Datatype::reference())];
    let parameters = [string, int];
    let own = ("Base.Dict", parameters.as_slice());
    let dict = types.commit(out, own, Some("JLD2.SerializedDict"), &fields)?;
    let element = types.value(out, "Base.Pair", &parameters)?;
    let fields = [("first", Datatype::vlen_string()), ("second", Datatype::integer(8, true))];
    let pair = types.commit(out, ("Base.Pair", &parameters), None, &fields)?;
    let header = |addr: u64| encode::object_header(&record(dict, &addr.to_le_bytes())).bytes;
    let data = out.at();
    let array = data + header(0).len() as u64;
    out.bytes(&header(array))?;
    let reference = inline(&Datatype::reference());
    out.array(&reference, Some(&Types::element(element)), count, 8 * count)?;
    let entry = |i: u64, heap: u64, index: u64| -> Result<Vec<u8>> {
        let mut bytes = id(KEY, heap, index)?;
        bytes.extend(i.to_le_bytes());
        Ok(encode::object_header(&record(pair, &bytes)).bytes)
    };
    let len = entry(0, 0, 0)?.len() as u64;
    let heap_len = encode::heap_len(0);
    let batches = || (0..count).step_by(KEYS.into()).map(|i| i..count.min(i + u64::from(KEYS)));
    let mut at = out.at() + 8 * count;
    for batch in batches() {
        at = at.next_multiple_of(8) + heap_len;
        for _ in batch {
            out.bytes(&at.to_le_bytes())?;
            at += len;
        }
    }
    for batch in batches() {
        out.align()?;
        let heap = out.at();
        let keys: Vec<_> = batch.clone().map(|i| format!("key {i:012}").into_bytes()).collect();
        let bytes = encode::heap(&keys);
        ensure!(bytes.len() as u64 == heap_len, "too many keys in a heap");
        out.bytes(&bytes)?;
        for (i, index) in batch.zip(1..) {
            out.bytes(&entry(i, heap, index)?)?;
        }
    }
    let types = types.finish(out)?;
    out.root(&[("data", data), ("_types", types)])
}

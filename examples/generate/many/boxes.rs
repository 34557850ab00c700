//! Values that are objects of their own.

use super::file::{Writer, committed, inline, value};
use super::types::Types;
use anyhow::Result;
use jldconv::h5::encode::{self, NewMessage};
use jldconv::h5::{Class, Datatype};

/// A `Vector{Any}` of `count` objects.
fn any_vector(
    out: &mut Writer<'_>,
    count: u64,
    object: impl Fn(u64) -> Vec<NewMessage>,
) -> Result<()> {
    let mut types = Types::new(out)?;
    let any = types.value(out, "Core.Any", &[])?;
    let data = array_of_any(out, any, count)?;
    let mut at = out.at() + 8 * count;
    for i in 0..count {
        out.bytes(&at.to_le_bytes())?;
        at += encode::object_header(&object(i)).bytes.len() as u64;
    }
    for i in 0..count {
        out.object(&object(i))?;
    }
    let types = types.finish(out)?;
    out.root(&[("data", data), ("_types", types)])
}

/// The header of a `Vector{Any}`.
fn array_of_any(out: &mut Writer<'_>, any: u64, count: u64) -> Result<u64> {
    out.array(&inline(&Datatype::reference()), Some(&Types::element(any)), count, 8 * count)
}

pub(super) fn number(number: f64) -> Vec<NewMessage> {
    value(inline(&Datatype::float64()), &number.to_le_bytes())
}

pub(super) fn numbers(out: &mut Writer<'_>, count: u64) -> Result<()> {
    #[expect(clippy::cast_precision_loss, reason = "any number will do")]
    any_vector(out, count, |i| number(i as f64))
}

pub(super) fn texts(out: &mut Writer<'_>, count: u64) -> Result<()> {
    // Of different lengths, so that they do not stand at equal distances.
    any_vector(out, count, |i| {
        let more = usize::try_from(i.wrapping_mul(i) % 11).unwrap_or(0);
        let text = format!("text {i:0$}", 12 + more);
        let size = u32::try_from(text.len()).unwrap_or(0);
        value(inline(&Datatype::new(Class::String, size)), text.as_bytes())
    })
}

/// Each array holds the next; the last one a number.
pub(super) fn deep(out: &mut Writer<'_>, levels: u64) -> Result<()> {
    let mut types = Types::new(out)?;
    let any = types.value(out, "Core.Any", &[])?;
    let first = out.at();
    for _ in 0..levels {
        array_of_any(out, any, 1)?;
        let next = out.at() + 8;
        out.bytes(&next.to_le_bytes())?;
    }
    out.object(&number(1.0))?;
    let types = types.finish(out)?;
    out.root(&[("data", first), ("_types", types)])
}

/// An object of a committed type.
pub(super) fn record(datatype: u64, bytes: &[u8]) -> Vec<NewMessage> {
    value(committed(datatype), bytes)
}

//! Links and groups.

use super::file::{Writer, inline, value};
use anyhow::Result;
use jldconv::h5::encode::{self, NewMessage};
use jldconv::h5::{Datatype, RelAddr};

/// Bytes of a name.
const NAME: u64 = 9;

fn integer(i: u64) -> Vec<NewMessage> {
    value(inline(&Datatype::integer(8, true)), &i.to_le_bytes())
}

/// Integers in the root group.
pub(super) fn links(out: &mut Writer<'_>, count: u64) -> Result<()> {
    let first = out.at();
    let len = encode::object_header(&integer(0)).bytes.len() as u64;
    for i in 0..count {
        out.object(&integer(i))?;
    }
    let root = out.group(count, NAME, |i| (format!("x{i:08}"), first + i * len))?;
    out.set_root(root);
    Ok(())
}

/// Groups in the root group, an integer in each.
pub(super) fn wide(out: &mut Writer<'_>, count: u64) -> Result<()> {
    let first = out.at();
    let len = encode::object_header(&integer(0)).bytes.len() as u64;
    for i in 0..count {
        out.object(&integer(i))?;
    }
    let group = |i| encode::group(&[("x".to_owned(), RelAddr(first + i * len))]);
    let groups = out.at();
    let group_len = encode::object_header(&group(0)).bytes.len() as u64;
    for i in 0..count {
        out.object(&group(i))?;
    }
    let root = out.group(count, NAME, |i| (format!("g{i:08}"), groups + i * group_len))?;
    out.set_root(root);
    Ok(())
}

/// Groups inside one another, the innermost in front, as JLD2 writes them when it closes a file.
pub(super) fn nested(out: &mut Writer<'_>, depth: u64) -> Result<()> {
    let mut name = "x";
    let mut inner = out.object(&integer(1))?;
    for _ in 0..=depth {
        inner = out.object(&encode::group(&[(name.to_owned(), RelAddr(inner))]))?;
        name = "g";
    }
    out.set_root(inner);
    Ok(())
}

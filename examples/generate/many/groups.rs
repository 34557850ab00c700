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

/// Objects of one length, one behind the other; tells where each of them stands.
fn row<F: Fn(u64) -> Vec<NewMessage>>(
    out: &mut Writer<'_>,
    count: u64,
    object: F,
) -> Result<impl Fn(u64) -> u64 + use<F>> {
    let first = out.at();
    let len = encode::object_header(&object(0)).bytes.len() as u64;
    for i in 0..count {
        out.object(&object(i))?;
    }
    Ok(move |i| first + i * len)
}

/// Integers in the root group.
pub(super) fn links(out: &mut Writer<'_>, count: u64) -> Result<()> {
    let at = row(out, count, integer)?;
    let root = out.group(count, NAME, |i| (format!("x{i:08}"), at(i)))?;
    out.set_root(root);
    Ok(())
}

/// Integers in the root group under names that say nothing of one another.
pub(super) fn names(out: &mut Writer<'_>, count: u64) -> Result<()> {
    let at = row(out, count, integer)?;
    let root = out.group(count, 20, |i| (random_name(i), at(i)))?;
    out.set_root(root);
    Ok(())
}

/// 20 letters; each number has its own. The mixing is that of splitmix64, which no two numbers share.
fn random_name(i: u64) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz012345";
    let mixed = |seed: u64| {
        let mut z = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    };
    // 13 letters hold 64 bits.
    let (first, rest) = (mixed(i + 1), mixed(!i));
    let letter = |(bits, at): (u64, u32)| {
        let place = usize::try_from(bits >> (5 * at) & 31).unwrap_or(0);
        LETTERS.get(place).map_or('a', |letter| char::from(*letter))
    };
    let first = (0..13).map(|at| (first, at));
    first.chain((0..7).map(|at| (rest, at))).map(letter).collect()
}

/// Groups in the root group, an integer in each.
pub(super) fn wide(out: &mut Writer<'_>, count: u64) -> Result<()> {
    let at = row(out, count, integer)?;
    let groups = row(out, count, |i| encode::group(&[("x", RelAddr(at(i)))]))?;
    let root = out.group(count, NAME, |i| (format!("g{i:08}"), groups(i)))?;
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

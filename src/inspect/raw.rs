//! Describes data of types that HDF5 has and JLD2 never writes (enumerations, arrays as elements
//! ...): they have no value in Julia's terms, so that their bytes are compared.

use crate::h5::{Attribute, Class, Dataset, Datatype, Error, File, RefPlan, Result, TypeRef};
use crate::julia::Column;
use std::fmt::Write as _;
use xxhash_rust::xxh3::Xxh3;

/// Bytes that are read at once.
const WINDOW: usize = 64 << 10;
/// Bytes of a datatype before those of its class: class and version, bits, size.
const HEADER: u32 = 8;

/// Type, shape and a digest of the bytes of an attribute; none if they lead elsewhere.
pub(super) fn attribute(file: &File, a: &Attribute) -> Result<Option<String>> {
    let datatype = file.resolve(&a.datatype)?;
    if !RefPlan::new(&datatype)?.is_empty() {
        return Ok(None);
    }
    let mut hash = Xxh3::new();
    hash.update(&a.data);
    told(file, &datatype, &a.dataspace.dims, hash.digest128()).map(Some)
}

/// The same of a dataset.
pub(super) fn dataset(file: &File, dataset: &Dataset) -> Result<Option<String>> {
    let datatype = file.resolve(&dataset.datatype)?;
    if !RefPlan::new(&datatype)?.is_empty() {
        return Ok(None);
    }
    let column = Column::new(file, dataset, &datatype)?;
    let mut stream = column.open()?;
    let mut hash = Xxh3::new();
    let mut buffer = vec![0; usize::try_from(stream.left()).unwrap_or(WINDOW).min(WINDOW)];
    while stream.left() > 0 {
        let n = usize::try_from(stream.left()).unwrap_or(WINDOW).min(buffer.len());
        let Some(window) = buffer.get_mut(..n) else { break };
        stream.fill(window)?;
        hash.update(window);
    }
    stream.finish()?;
    told(file, &datatype, &dataset.dataspace.dims, hash.digest128()).map(Some)
}

fn told(file: &File, datatype: &Datatype, dims: &[u64], digest: u128) -> Result<String> {
    let datatype = spelled(file, datatype)?;
    Ok(format!("{datatype} {dims:?}, bytes of digest {digest:032x}"))
}

/// Says all of a datatype that is or holds an enumeration; none if there is none. Values are its
/// numbers, of which names are another reading.
pub(super) fn enumerated(file: &File, datatype: &TypeRef) -> Result<Option<String>> {
    let datatype = file.resolve(datatype)?;
    if !has_enumeration(&datatype) {
        return Ok(None);
    }
    spelled(file, &datatype).map(Some)
}

/// Datatypes do not nest deeper than their parser goes.
fn has_enumeration(datatype: &Datatype) -> bool {
    match &datatype.class {
        Class::Enum(_) => true,
        Class::Compound(members) => members.iter().any(|m| has_enumeration(&m.datatype)),
        Class::Vlen { base, .. } | Class::Array { base, .. } => has_enumeration(base),
        _ => false,
    }
}

/// Says all of a datatype of `file` that tells two apart.
pub(super) fn spelled(file: &File, datatype: &Datatype) -> Result<String> {
    let mut text = String::new();
    spell(datatype, &mut text);
    let mut hash = Xxh3::new();
    if details(file, datatype, &mut hash)? {
        // Writing to a string cannot fail.
        let _ = write!(text, " with names of digest {:032x}", hash.digest128());
    }
    Ok(text)
}

/// Digests what is not kept of a datatype when it is parsed: which numbers the names of an
/// enumeration stand for, and what opaque bytes are called. Gives whether there was anything.
fn details(file: &File, datatype: &Datatype, hash: &mut Xxh3) -> Result<bool> {
    let base = match &datatype.class {
        Class::Compound(members) => {
            let mut any = false;
            for m in members {
                any |= details(file, &m.datatype, hash)?;
            }
            return Ok(any);
        }
        Class::Vlen { base, .. } | Class::Array { base, .. } => return details(file, base, hash),
        Class::Enum(base) => base.len,
        Class::Opaque if datatype.len > HEADER => 0,
        _ => return Ok(false),
    };
    // The version in the first byte may be put right, here and in the base, which is spelled.
    let skipped = u64::from(HEADER + base);
    let len = u64::from(datatype.len).saturating_sub(skipped);
    let len = usize::try_from(len).unwrap_or(usize::MAX);
    hash.update(&file.source().read(datatype.offset + skipped, len, "datatype")?);
    Ok(true)
}

fn spell(datatype: &Datatype, out: &mut String) {
    let size = datatype.size;
    // Writing to a string cannot fail.
    let _ = match &datatype.class {
        Class::Compound(members) => {
            out.push('{');
            for m in members {
                let _ = write!(out, "{}@{}:", m.name, m.offset);
                spell(&m.datatype, out);
                out.push(';');
            }
            write!(out, "}}{size}")
        }
        Class::Enum(base) => {
            out.push_str("enum ");
            spell(base, out);
            Ok(())
        }
        Class::Array { dims, base } => {
            let _ = write!(out, "array{dims:?} ");
            spell(base, out);
            Ok(())
        }
        Class::Vlen { string, base } => {
            out.push_str(if *string { "text " } else { "sequence " });
            spell(base, out);
            Ok(())
        }
        Class::FixedPoint { signed, order } => {
            write!(out, "{}{} {order:?}", if *signed { "int" } else { "uint" }, 8 * u64::from(size))
        }
        Class::Float { order, properties } => write!(out, "float{size} {order:?} {properties:?}"),
        Class::Time => write!(out, "time{size}"),
        Class::String => write!(out, "string{size}"),
        Class::Bitfield => write!(out, "bits{size}"),
        Class::Opaque => write!(out, "opaque{size}"),
        Class::Reference => write!(out, "reference{size}"),
    };
}

/// Reads the same of whatever is at `addr`; an error that says why not otherwise.
pub(super) fn at(file: &File, addr: crate::h5::RelAddr, why: Error) -> Result<String> {
    let object = file.object(addr)?;
    let Some(found) = object.dataset() else { return Err(why) };
    dataset(file, found)?.ok_or(why)
}

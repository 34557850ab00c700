//! Data of types that HDF5 has and JLD2 never writes (enumerations, arrays as elements ...): they
//! have no value in Julia's terms, so that their bytes are compared.

use crate::h5::{Attribute, Class, Dataset, Datatype, Error, File, RefPlan, Result};
use crate::julia::Column;
use std::fmt::Write as _;
use xxhash_rust::xxh3::Xxh3;

/// Bytes that are read at once.
const WINDOW: usize = 64 << 10;

/// Type, shape and a digest of the bytes of an attribute; none if they lead elsewhere.
pub(super) fn attribute(file: &File, a: &Attribute) -> Result<Option<String>> {
    let datatype = file.resolve(&a.datatype)?;
    if !RefPlan::new(&datatype)?.is_empty() {
        return Ok(None);
    }
    let mut hash = Xxh3::new();
    hash.update(&a.data);
    Ok(Some(told(&datatype, &a.dataspace.dims, hash.digest128())))
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
    Ok(Some(told(&datatype, &dataset.dataspace.dims, hash.digest128())))
}

fn told(datatype: &Datatype, dims: &[u64], digest: u128) -> String {
    format!("{} {dims:?}, bytes of digest {digest:032x}", spelled(datatype))
}

/// Says all of a datatype that tells two apart.
pub(super) fn spelled(datatype: &Datatype) -> String {
    let mut text = String::new();
    spell(datatype, &mut text);
    text
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

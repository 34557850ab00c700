//! Packs the elements of an array that are structs or tuples of numbers into bytes, as NumPy has
//! records.

use crate::layout::{DEEPEST, Layout, complex};
use jld2::{Array, Scalar, Struct, Value};

/// How the elements lie in bytes, and their bytes; none where they are not all of the array's element
/// type, made of numbers, and in the array itself.
pub(crate) fn packed(array: &Array) -> Option<(Layout, Vec<u8>)> {
    let first = array.items.first()?;
    let own = match first {
        Value::Struct(s) => &s.julia_type,
        Value::Tuple(tuple) => &tuple.julia_type,
        _ => return None,
    };
    if array.julia_type.type_param(0) != Some(own) {
        return None;
    }
    let layout = layout(first, 0)?;
    let size = usize::try_from(layout.size()).ok()?;
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(size.checked_mul(array.items.len())?).ok()?;
    for item in &array.items {
        pack(item, &layout, &mut bytes)?;
    }
    Some((layout, bytes))
}

/// The parts of a struct or tuple by name, without those that hold no data.
fn parts(value: &Value) -> Option<Vec<(String, &Value)>> {
    let (id, all): (_, Vec<_>) = match value {
        Value::Struct(s) => (s.id, s.fields.iter().map(|(name, v)| (name.clone(), v)).collect()),
        Value::Tuple(t) => {
            (t.id, (1..).zip(&t.items).map(|(i, v): (usize, _)| (i.to_string(), v)).collect())
        }
        _ => return None,
    };
    // What has a number of its own can be met again elsewhere: it is no part of the array.
    id.is_none().then(|| all.into_iter().filter(|(_, value)| !is_empty(value)).collect())
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Nothing | Value::Missing => true,
        Value::Struct(Struct { fields, .. }) => fields.is_empty(),
        _ => false,
    }
}

/// A complex number that NumPy has.
fn complex_parts(value: &Value) -> Option<(&'static str, [&Value; 2])> {
    let Value::Struct(s) = value else { return None };
    match s.fields.as_slice() {
        [(_, re), (_, im)] => Some((complex(&s.julia_type)?, [re, im])),
        _ => None,
    }
}

fn layout(value: &Value, depth: usize) -> Option<Layout> {
    if let Value::Number(scalar) = value {
        return Some(match number(scalar)? {
            ("?", _) => Layout::Bool,
            (code, _) => Layout::Number(code.to_owned()),
        });
    }
    if let Some((letters, _)) = complex_parts(value) {
        return Some(Layout::Number(letters.to_owned()));
    }
    if depth > DEEPEST {
        return None;
    }
    let (mut size, mut out) = (0_u32, Vec::new());
    for (name, part) in parts(value)? {
        let part = layout(part, depth + 1)?;
        let end = size.checked_add(u32::try_from(part.size()).ok()?)?;
        out.push((name, size, part));
        size = end;
    }
    Layout::record(size, out)
}

/// Adds a value's bytes, if it has this layout.
fn pack(value: &Value, layout: &Layout, out: &mut Vec<u8>) -> Option<()> {
    match (layout, value) {
        (Layout::Number(code), Value::Number(scalar)) => {
            let (own, bytes) = number(scalar)?;
            (own == code).then(|| out.extend_from_slice(&bytes))
        }
        (Layout::Bool, Value::Number(Scalar::Bool(v))) => {
            out.push(u8::from(*v));
            Some(())
        }
        (Layout::Number(code), _) => {
            let (letters, halves) = complex_parts(value)?;
            if letters != code {
                return None;
            }
            for half in halves {
                let Value::Number(scalar) = half else { return None };
                let (own, bytes) = number(scalar)?;
                if (own, letters) != ("<f8", "<c16") && (own, letters) != ("<f4", "<c8") {
                    return None;
                }
                out.extend_from_slice(&bytes);
            }
            Some(())
        }
        (Layout::Record { parts: wanted, .. }, _) => {
            let parts = parts(value)?;
            if parts.len() != wanted.len() {
                return None;
            }
            for ((name, part), (wanted, _, layout)) in parts.iter().zip(wanted) {
                if name != wanted {
                    return None;
                }
                pack(part, layout, out)?;
            }
            Some(())
        }
        _ => None,
    }
}

/// How NumPy writes the type of a number, and its bytes; none of one that it does not have.
fn number(scalar: &Scalar) -> Option<(&'static str, Vec<u8>)> {
    Some(match scalar {
        Scalar::Int8(v) => ("<i1", v.to_le_bytes().to_vec()),
        Scalar::Int16(v) => ("<i2", v.to_le_bytes().to_vec()),
        Scalar::Int32(v) => ("<i4", v.to_le_bytes().to_vec()),
        Scalar::Int64(v) => ("<i8", v.to_le_bytes().to_vec()),
        Scalar::UInt8(v) => ("<u1", v.to_le_bytes().to_vec()),
        Scalar::UInt16(v) => ("<u2", v.to_le_bytes().to_vec()),
        Scalar::UInt32(v) => ("<u4", v.to_le_bytes().to_vec()),
        Scalar::UInt64(v) => ("<u8", v.to_le_bytes().to_vec()),
        Scalar::Float16(v) => ("<f2", v.to_le_bytes().to_vec()),
        Scalar::Float32(v) => ("<f4", v.to_le_bytes().to_vec()),
        Scalar::Float64(v) => ("<f8", v.to_le_bytes().to_vec()),
        Scalar::Bool(v) => ("?", vec![u8::from(*v)]),
        _ => return None,
    })
}

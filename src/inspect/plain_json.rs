//! Small values as plain JSON: what a comment, a version or a note of the conversion says.

use crate::h5::{RelAddr, Result};
use crate::julia::{Digest, Dumper, TypeTable, half};
use serde::Deserialize;
use serde_json::{Map, Number, Value};
use std::io::{self, Write};

/// Elements of arrays and dictionaries that are looked at.
const ELEMENTS: u64 = 100;

/// A writer into memory that takes no more than `most` bytes.
pub(in crate::inspect) struct Capped {
    pub(in crate::inspect) bytes: Vec<u8>,
    most: usize,
    /// Whether there was more.
    pub(in crate::inspect) full: bool,
}

impl Capped {
    pub(in crate::inspect) fn new(most: usize) -> Self {
        Self { bytes: Vec::new(), most, full: false }
    }
}

impl Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.full || bytes.len() > self.most - self.bytes.len() {
            self.full = true;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The canonical form of the value at `addr`, without the data of its arrays; none if it takes more
/// than `most` bytes.
pub(in crate::inspect) fn abridged(
    types: &TypeTable<'_>,
    addr: RelAddr,
    elements: u64,
    most: usize,
) -> Result<Option<Value>> {
    let mut out = Capped::new(most);
    let written = Dumper::new(types, Digest::Xxh3).abridged(elements).node(addr, &mut out);
    if out.full {
        return Ok(None);
    }
    written?;
    Ok(parse(&out.bytes))
}

/// Reads canonical JSON, however deeply it nests: its writer bounds that, and the stack is deep.
pub(in crate::inspect) fn parse(json: &[u8]) -> Option<Value> {
    let mut from = serde_json::Deserializer::from_slice(json);
    from.disable_recursion_limit();
    Value::deserialize(&mut from).ok()
}

/// The value at `addr` as plain JSON; none if it takes more than `most` bytes.
pub(in crate::inspect) fn natural(
    types: &TypeTable<'_>,
    addr: RelAddr,
    most: usize,
) -> Result<Option<Value>> {
    Ok(abridged(types, addr, ELEMENTS, most)?.as_ref().map(plain))
}

/// The entry of a dictionary in canonical form under a string or symbol.
pub(in crate::inspect) fn entry<'v>(dict: &'v Value, key: &str) -> Option<&'v Value> {
    dict.get("pairs")?.as_array()?.iter().find_map(|pair| {
        let [k, value] = pair.as_array()?.as_slice() else { return None };
        (k.get("v")?.as_str()? == key).then_some(value)
    })
}

/// Numbers, texts, lists and objects in place of the canonical form.
pub(in crate::inspect) fn plain(node: &Value) -> Value {
    let t = node.get("t").and_then(Value::as_str).unwrap_or_default();
    if let Some(value) = node.get("v") {
        return scalar(t, value);
    }
    if let Some(items) = node.get("items").and_then(Value::as_array) {
        return Value::Array(items.iter().map(plain).collect());
    }
    if let Some(head) = node.get("head").and_then(Value::as_array) {
        let element = t.strip_prefix("Core.Array{").unwrap_or_default();
        let element = element.split(',').next().unwrap_or_default();
        return Value::Array(head.iter().map(|value| scalar(element, value)).collect());
    }
    if let Some(pairs) = node.get("pairs").and_then(Value::as_array) {
        let entries = pairs.iter().filter_map(|pair| match pair.as_array()?.as_slice() {
            [key, value] => {
                let key = plain(key);
                Some((key.as_str().map_or_else(|| key.to_string(), str::to_owned), plain(value)))
            }
            _ => None,
        });
        return Value::Object(entries.collect());
    }
    let Some(fields) = node.get("fields").and_then(Value::as_object) else { return Value::Null };
    if t == "Base.VersionNumber" {
        let part = |name| {
            fields.get(name).and_then(|field| field.get("v")).and_then(Value::as_u64).unwrap_or(0)
        };
        return Value::String(format!("{}.{}.{}", part("major"), part("minor"), part("patch")));
    }
    if fields.is_empty() {
        return Value::Null;
    }
    Value::Object(
        fields.iter().map(|(name, field)| (name.clone(), plain(field))).collect::<Map<_, _>>(),
    )
}

/// A value; floats come as their bits.
fn scalar(t: &str, value: &Value) -> Value {
    let Some(float) = float(t, value) else { return value.clone() };
    Number::from_f64(float).map_or_else(|| Value::String(float.to_string()), Value::Number)
}

/// The float of type `t` whose bits stand in `value`.
pub(in crate::inspect) fn float(t: &str, value: &Value) -> Option<f64> {
    let bits = u64::from_str_radix(value.as_str()?.strip_prefix("0x")?, 16).ok()?;
    match t.strip_prefix("Core.")? {
        "Float64" => Some(f64::from_bits(bits)),
        "Float32" => Some(f64::from(f32::from_bits(u32::try_from(bits).ok()?))),
        "Float16" => Some(half(u16::try_from(bits).ok()?)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn canonical_values_become_plain() {
        let float = json!({"t": "Core.Float64", "v": "0x3ff8000000000000"});
        assert_eq!(plain(&float), json!(1.5));
        let version = json!({"t": "Base.VersionNumber", "id": 2, "fields": {
            "major": {"t": "Core.UInt32", "v": 1}, "minor": {"t": "Core.UInt32", "v": 4},
            "patch": {"t": "Core.UInt32", "v": 4}}});
        let list = json!({"t": "Core.Array{Core.Any,1}", "dims": [2],
            "items": [version, {"t": "Core.String", "v": "https://x"}]});
        assert_eq!(plain(&list), json!(["1.4.4", "https://x"]));
        let dict = json!({"t": "Base.Dict{Core.Any,Core.Any}", "pairs": [
            [{"t": "Core.Symbol", "v": "lmax"}, {"t": "Core.Int64", "v": 10}],
            [{"t": "Core.String", "v": "none"}, {"t": "Core.Nothing", "fields": {}}]]});
        assert_eq!(plain(&dict), json!({"lmax": 10, "none": null}));
        assert_eq!(entry(&dict, "lmax").unwrap()["v"], 10);
        assert_eq!(entry(&dict, "lmin"), None);
        let head = json!({"t": "Core.Array{Core.Float32,1}", "dims": [9], "more": 8,
            "head": ["0x3f000000"]});
        assert_eq!(plain(&head), json!([0.5]));
    }

    #[test]
    fn half_floats() {
        let values = [0x3c00, 0xc000, 0x0001, 0x7bff, 0x0000].map(half);
        let want = [1.0, -2.0, 5.960_464_477_539_063e-8, 65504.0, 0.0];
        assert_eq!(values.map(f64::to_bits), want.map(f64::to_bits));
        assert!(half(0x7c01).is_nan() && half(0xfc00) == f64::NEG_INFINITY);
    }

    #[test]
    fn a_capped_writer_stops() {
        let mut out = Capped::new(4);
        out.write_all(b"abc").unwrap();
        assert!(out.write_all(b"de").is_err() && out.full);
        assert_eq!(out.bytes, b"abc");
    }
}

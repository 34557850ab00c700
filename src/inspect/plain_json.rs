//! Writes small values as plain JSON: what a comment, a version or a note of the conversion says.

use super::value_builder::abridged;
use super::value_tree::{Content, Literal, Node, Value};
use crate::h5::{RelAddr, Result};
use crate::julia::{TypeTable, half};
use serde_json::{Number, Value as Json};

/// Elements of arrays and dictionaries that are looked at.
pub(in crate::inspect) const ELEMENTS: u64 = 100;

/// The value at `addr` as plain JSON; none if it takes more than `most` bytes.
pub(in crate::inspect) fn natural(
    types: &TypeTable<'_>,
    addr: RelAddr,
    most: usize,
) -> Result<Option<Json>> {
    Ok(abridged(types, addr, ELEMENTS, most)?.as_ref().map(plain))
}

/// Numbers, texts, lists and objects for a value. What is undefined or has no data, and an object
/// that is met again, is null.
pub(in crate::inspect) fn plain(node: &Node) -> Json {
    let Some(value) = node.value() else { return Json::Null };
    match &value.content {
        Content::Literal(literal) => scalar(&value.t, literal),
        Content::Items(_, items, _) => items.iter().map(plain).collect(),
        Content::Head(_, head, _) => {
            head.iter().map(|number| scalar(value.element(), number)).collect()
        }
        Content::Pairs(pairs, _) => pairs
            .iter()
            .flatten()
            .map(|[key, value]| {
                let key = plain(key);
                (key.as_str().map_or_else(|| key.to_string(), str::to_owned), plain(value))
            })
            .collect(),
        Content::Fields(_) if &*value.t == "Base.VersionNumber" => version(value).into(),
        Content::Fields(fields) if !fields.is_empty() => {
            fields.iter().map(|(name, field)| (name.to_string(), plain(field))).collect()
        }
        Content::Fields(_) | Content::Digest(..) => Json::Null,
    }
}

/// The three numbers of a `VersionNumber`.
pub(in crate::inspect) fn version(value: &Value) -> String {
    let part = |name| value.field(name).and_then(Value::as_i64).unwrap_or(0);
    format!("{}.{}.{}", part("major"), part("minor"), part("patch"))
}

fn scalar(t: &str, literal: &Literal) -> Json {
    match (float(t, literal), literal) {
        (Some(float), _) => {
            Number::from_f64(float).map_or_else(|| float.to_string().into(), Json::Number)
        }
        // JSON's readers take a number of many digits for the nearest float.
        (None, Literal::Number(number) | Literal::Bits(number, _)) => {
            number.parse().unwrap_or(Json::Null)
        }
        (None, Literal::Text(text)) => text.as_str().into(),
    }
}

/// The float of type `t` whose bits a literal has.
pub(in crate::inspect) fn float(t: &str, literal: &Literal) -> Option<f64> {
    let Literal::Text(text) = literal else { return None };
    let bits = u64::from_str_radix(text.strip_prefix("0x")?, 16).ok()?;
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
    use crate::inspect::value_tree::made::{dict, number, of, record, string, text, tuple, vector};
    use serde_json::json;

    #[test]
    fn values_become_plain() {
        assert_eq!(plain(&text("Core.Float64", "0x3ff8000000000000")), json!(1.5));
        let part = |n| number("Core.UInt32", n);
        let version = [("major", part(1)), ("minor", part(4)), ("patch", part(4))];
        let list = [record("Base.VersionNumber", version), string("https://x")];
        assert_eq!(plain(&vector("Core.Array{Core.Any,1}", list)), json!(["1.4.4", "https://x"]));
        let lmax = [text("Core.Symbol", "lmax"), number("Core.Int64", 10)];
        let none = [string("none"), record("Core.Nothing", [])];
        assert_eq!(plain(&dict([lmax, none], 0)), json!({"lmax": 10, "none": null}));
        let half = vec![Literal::Text("0x3f000000".into())];
        let head = of("Core.Array{Core.Float32,1}", Content::Head(vec![9], half, 8));
        assert_eq!(plain(&head), json!([0.5]));
        let others = [number("Core.Bool", true), number("Core.Int128", u64::MAX), Node::Again(3)];
        assert_eq!(plain(&tuple("T", others)), json!([true, u64::MAX, null]));
        assert_eq!(plain(&number("Core.Int128", "1".repeat(30))), json!(1.111_111_111_111_111e29));
    }

    #[test]
    fn half_floats() {
        let values = [0x3c00, 0xc000, 0x0001, 0x7bff, 0x0000].map(half);
        let want = [1.0, -2.0, 5.960_464_477_539_063e-8, 65504.0, 0.0];
        assert_eq!(values.map(f64::to_bits), want.map(f64::to_bits));
        assert!(half(0x7c01).is_nan() && half(0xfc00) == f64::NEG_INFINITY);
    }
}

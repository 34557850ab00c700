//! Writes values as rules say them.

use crate::julia::{Scalar, Value};
use crate::text::{shortened, tame};
use std::fmt::Write as _;
use std::num::FpCategory;

/// Longer texts are no constants.
const LONG: usize = 200;

/// A text as TOML writes it on one line.
pub(super) fn toml_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            c if c.is_control() => {
                let _ = write!(out, "\\u{:04X}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// A value as a rule says it; none if no rule can.
pub(super) fn written(value: &Value) -> Option<String> {
    let number = |t: &str, text: String| Some(format!("{{ {t} = {text} }}"));
    match value {
        Value::Nothing => Some("\"nothing\"".to_owned()),
        Value::Missing => Some("\"missing\"".to_owned()),
        Value::String(text) if text.len() <= LONG => {
            Some(format!("{{ string = {} }}", toml_text(text)))
        }
        Value::Symbol(text) if text.len() <= LONG => {
            Some(format!("{{ symbol = {} }}", toml_text(text)))
        }
        Value::Number(scalar) => match scalar {
            Scalar::Bool(v) => number("bool", v.to_string()),
            Scalar::Int8(v) => number("int8", v.to_string()),
            Scalar::Int16(v) => number("int16", v.to_string()),
            Scalar::Int32(v) => number("int32", v.to_string()),
            Scalar::Int64(v) => number("int64", v.to_string()),
            Scalar::UInt8(v) => number("uint8", v.to_string()),
            Scalar::UInt16(v) => number("uint16", v.to_string()),
            Scalar::UInt32(v) => number("uint32", v.to_string()),
            // TOML's integers end at 2^63 - 1.
            Scalar::UInt64(v) => {
                i64::try_from(*v).ok().and_then(|v| number("uint64", v.to_string()))
            }
            Scalar::Float32(v) => number("float32", float(f64::from(*v), format!("{v:?}"))),
            Scalar::Float64(v) => number("float64", float(*v, format!("{v:?}"))),
            _ => None,
        },
        _ => None,
    }
}

/// A floating-point number as TOML writes it.
fn float(v: f64, text: String) -> String {
    if v.is_nan() { "nan".to_owned() } else { text }
}

/// Whether a value is what a field often holds that says nothing in particular, so that it is rather a
/// constant than something that happens to be the same.
pub(super) fn is_neutral(value: &Value) -> bool {
    match value {
        Value::Nothing | Value::Missing | Value::Number(Scalar::Bool(_)) => true,
        Value::String(text) | Value::Symbol(text) => text.is_empty(),
        Value::Number(scalar) => match scalar.as_i128() {
            Some(n) => (0..=1).contains(&n),
            None => scalar.as_f64().is_some_and(|v| {
                matches!(v.classify(), FpCategory::Zero | FpCategory::Nan | FpCategory::Infinite)
                    || v.to_bits() == 1.0_f64.to_bits()
            }),
        },
        _ => false,
    }
}

/// A value for people, shortly.
pub(super) fn told(value: &Value) -> String {
    tame(&shortened(&value.to_string(), 60))
}

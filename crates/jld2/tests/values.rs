//! Values in memory are what the canonical form says.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use jld2::julia::{Digest, Dumper, TypeTable, datasets};
use jld2::{File, JuliaType, Scalar, Value, Vector};
use serde_json::{Map, Value as Json, json};
use sha2::{Digest as _, Sha256};
use std::path::Path;

fn head(t: &JuliaType, id: Option<u64>) -> Map<String, Json> {
    let mut head = Map::new();
    head.insert("t".into(), t.to_string().into());
    if let Some(id) = id {
        head.insert("id".into(), id.into());
    }
    head
}

fn hex<'b>(bytes: impl Iterator<Item = &'b u8>) -> String {
    bytes.fold(String::new(), |text, b| text + &format!("{b:02x}"))
}

fn scalar(v: &Scalar) -> Json {
    match v {
        Scalar::Float64(v) => format!("0x{:016x}", v.to_bits()).into(),
        Scalar::Float32(v) => format!("0x{:08x}", v.to_bits()).into(),
        Scalar::Float16(bits) => format!("0x{bits:04x}").into(),
        Scalar::Bool(v) => (*v).into(),
        Scalar::UInt128(v) => serde_json::from_str(&v.to_string()).unwrap(),
        Scalar::Bits(bytes) if bytes.is_empty() || bytes.len() > 16 => {
            format!("0x{}", hex(bytes.iter().rev())).into()
        }
        other => serde_json::from_str(&other.as_i128().unwrap().to_string()).unwrap(),
    }
}

fn bytes(values: &Vector) -> Vec<u8> {
    (0..values.len())
        .flat_map(|i| match values.get(i).unwrap() {
            Scalar::Int8(v) => v.to_le_bytes().to_vec(),
            Scalar::Int16(v) => v.to_le_bytes().to_vec(),
            Scalar::Int32(v) => v.to_le_bytes().to_vec(),
            Scalar::Int64(v) => v.to_le_bytes().to_vec(),
            Scalar::Int128(v) => v.to_le_bytes().to_vec(),
            Scalar::UInt8(v) => v.to_le_bytes().to_vec(),
            Scalar::UInt16(v) | Scalar::Float16(v) => v.to_le_bytes().to_vec(),
            Scalar::UInt32(v) => v.to_le_bytes().to_vec(),
            Scalar::UInt64(v) => v.to_le_bytes().to_vec(),
            Scalar::UInt128(v) => v.to_le_bytes().to_vec(),
            Scalar::Float32(v) => v.to_le_bytes().to_vec(),
            Scalar::Float64(v) => v.to_le_bytes().to_vec(),
            Scalar::Bool(v) => vec![u8::from(v)],
            other => panic!("{other:?} in an array of numbers"),
        })
        .collect()
}

/// The canonical form, made of a value. Type names and ids of `nothing` and `missing`, and what
/// kind of type a type is, are taken from `seen`: values do not keep them.
fn canonical(value: &Value, seen: &Json) -> Json {
    let items = |items: &[Value], key: &str| -> Json {
        let seen = |i: usize| seen.get(key).and_then(|s| s.get(i)).unwrap_or(&Json::Null);
        items.iter().enumerate().map(|(i, item)| canonical(item, seen(i))).collect()
    };
    let out = match value {
        Value::Undefined => return Json::Null,
        Value::Shared(id) => return json!({ "ref": id }),
        Value::Nothing | Value::Missing => {
            let mut out = seen.as_object().unwrap().clone();
            let t = if *value == Value::Nothing { "Nothing" } else { "Missing" };
            assert!(out["t"].as_str().unwrap().ends_with(t), "{seen}");
            out.insert("fields".into(), json!({}));
            return out.into();
        }
        Value::Type(t) => return json!({ "t": seen["t"], "v": t.to_string() }),
        Value::Text(t, _) if t.to_string() == "Base.GMP.BigInt" => return seen.clone(),
        Value::Text(t, text) => return json!({ "t": t.to_string(), "v": text }),
        Value::String(text) | Value::Symbol(text) => {
            let mut out = head(&value.julia_type().unwrap(), None);
            out.insert("v".into(), text.as_str().into());
            return out.into();
        }
        Value::Number(v) | Value::Primitive(_, v) => {
            let mut out = head(&value.julia_type().unwrap(), None);
            out.insert("v".into(), scalar(v));
            return out.into();
        }
        Value::Numbers(array) => {
            let mut out = head(&array.julia_type, array.id);
            let digest = Sha256::digest(bytes(&array.values));
            let digest = hex(digest.iter());
            out.insert("dims".into(), array.dims.clone().into());
            out.insert("sha256".into(), digest.into());
            out
        }
        Value::Array(array) => {
            let mut out = head(&array.julia_type, array.id);
            out.insert("dims".into(), array.dims.clone().into());
            out.insert("items".into(), items(&array.items, "items"));
            out
        }
        Value::Tuple(tuple) => {
            let mut out = head(&tuple.julia_type, tuple.id);
            out.insert("items".into(), items(&tuple.items, "items"));
            out
        }
        Value::Struct(s) => {
            let mut out = head(&s.julia_type, s.id);
            let fields: Map<_, _> = s
                .fields
                .iter()
                .map(|(name, field)| (name.clone(), canonical(field, &seen["fields"][name])))
                .collect();
            out.insert("fields".into(), fields.into());
            out
        }
        Value::Dict(dict) => {
            let mut out = head(&dict.julia_type, dict.id);
            let pairs: Vec<_> = dict
                .pairs
                .iter()
                .zip(seen["pairs"].as_array().unwrap())
                .map(|((key, value), seen)| {
                    json!([canonical(key, &seen[0]), canonical(value, &seen[1])])
                })
                .collect();
            out.insert("pairs".into(), pairs.into());
            out
        }
        other => panic!("{other:?}"),
    };
    out.into()
}

fn compare(path: &Path) -> usize {
    let file = File::open(path).unwrap();
    let types = TypeTable::new(file.container());
    let mut count = 0;
    for (name, addr) in datasets(file.container()).unwrap() {
        let mut text = Vec::new();
        let dumped = Dumper::new(&types, Digest::Sha256).node(addr, &mut text);
        let value = file.dataset(&name).and_then(|d| d.value());
        if dumped.is_err() {
            assert!(value.is_err(), "{} {name}", path.display());
            continue;
        }
        let want: Json = serde_json::from_slice(&text).unwrap();
        let have = canonical(&value.unwrap(), &want);
        // As text, so that the order of fields counts. Old JLD2 spells some names twice over.
        let text = |json: Json| json.to_string().replace("Core.Core.", "Core.");
        assert_eq!(text(have), text(want), "{} {name}", path.display());
        count += 1;
    }
    count
}

#[test]
fn values_are_what_the_canonical_form_says() {
    let mut count = 0;
    for entry in Path::new("tests/data").read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "jld2") {
            count += compare(&path);
        }
    }
    assert!(count >= 130, "{count}");
}

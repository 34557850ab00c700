//! Reads Julia values written down in a target or a rules file.

use super::type_text::full_type;
use crate::julia::JuliaType;
use serde::{Deserialize, Deserializer, de::Error as _};

/// A Julia value that a rule can put into a file.
///
/// In TOML a value is a table with one key that names its type, `{ uint32 = 7 }`, so that nothing
/// is guessed from how a number is written.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Literal {
    /// `nothing`; written as a plain string, `"nothing"`.
    Nothing,
    /// `missing`; written as a plain string, `"missing"`.
    Missing,
    /// `Core.Bool`.
    Bool(bool),
    /// `Core.Int8`.
    Int8(i8),
    /// `Core.Int16`.
    Int16(i16),
    /// `Core.Int32`.
    Int32(i32),
    /// `Core.Int64`.
    Int64(i64),
    /// `Core.UInt8`.
    #[serde(rename = "uint8")]
    UInt8(u8),
    /// `Core.UInt16`.
    #[serde(rename = "uint16")]
    UInt16(u16),
    /// `Core.UInt32`.
    #[serde(rename = "uint32")]
    UInt32(u32),
    /// `Core.UInt64`; TOML's integers end at 2^63 - 1.
    #[serde(rename = "uint64")]
    UInt64(u64),
    /// `Core.Float32`.
    Float32(f32),
    /// `Core.Float64`.
    Float64(f64),
    /// `Base.GMP.BigInt`.
    #[serde(rename = "bigint")]
    BigInt(i64),
    /// `Core.String`.
    String(String),
    /// `Core.Symbol`, without the colon.
    Symbol(String),
    /// `Base.VersionNumber` of three numbers, as in `"0.3.0"`.
    Version(Version),
    /// A named tuple; names and values in order.
    NamedTuple(Vec<(String, Literal)>),
    /// A value of a struct type.
    Struct(StructLiteral),
}

/// A struct's type and the values of all its fields.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StructLiteral {
    /// The type's full name, for instance `JLD2Lz4.Lz4Filter`, with its parameters if it has some:
    /// `Base.Threads.Atomic{Core.Int64}`.
    pub r#type: String,
    /// Whether it is a mutable struct, of which a field holds a reference.
    #[serde(default)]
    pub mutable: bool,
    /// Names and values, in the order in which they are stored.
    pub fields: Vec<(String, Literal)>,
}

/// Major, minor and patch of a `VersionNumber` without prerelease or build parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version {
    /// First number.
    pub major: u32,
    /// Second number.
    pub minor: u32,
    /// Third number.
    pub patch: u32,
}

impl<'de> Deserialize<'de> for Version {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let numbers: Result<Vec<u32>, _> = text.split('.').map(str::parse).collect();
        match numbers.as_deref() {
            Ok([major, minor, patch]) => Ok(Self { major: *major, minor: *minor, patch: *patch }),
            _ => Err(D::Error::custom(format!("{text:?} is not a version of three numbers"))),
        }
    }
}

impl Literal {
    /// The value's Julia type in canonical form, for instance `Core.UInt32` or
    /// `Core.NamedTuple{(:a),Core.Tuple{Core.Int64}}`.
    pub fn julia_type(&self) -> String {
        match self {
            Self::Nothing => "Core.Nothing".to_owned(),
            Self::Missing => "Base.Missing".to_owned(),
            Self::Bool(_) => "Core.Bool".to_owned(),
            Self::Int8(_) => "Core.Int8".to_owned(),
            Self::Int16(_) => "Core.Int16".to_owned(),
            Self::Int32(_) => "Core.Int32".to_owned(),
            Self::Int64(_) => "Core.Int64".to_owned(),
            Self::UInt8(_) => "Core.UInt8".to_owned(),
            Self::UInt16(_) => "Core.UInt16".to_owned(),
            Self::UInt32(_) => "Core.UInt32".to_owned(),
            Self::UInt64(_) => "Core.UInt64".to_owned(),
            Self::Float32(_) => "Core.Float32".to_owned(),
            Self::Float64(_) => "Core.Float64".to_owned(),
            Self::BigInt(_) => "Base.GMP.BigInt".to_owned(),
            Self::String(_) => "Core.String".to_owned(),
            Self::Symbol(_) => "Core.Symbol".to_owned(),
            Self::Version(_) => "Base.VersionNumber".to_owned(),
            Self::NamedTuple(fields) => named_tuple_type(fields),
            Self::Struct(value) => value.julia_type().to_string(),
        }
    }

    /// The names and values of a struct or named tuple; empty for anything else.
    pub fn fields(&self) -> &[(String, Self)] {
        match self {
            Self::NamedTuple(fields) | Self::Struct(StructLiteral { fields, .. }) => fields,
            _ => &[],
        }
    }

    /// Whether the value takes no bytes where its type is known: `nothing`, `missing`, a struct
    /// without fields, a named tuple of such values.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Nothing | Self::Missing => true,
            Self::NamedTuple(fields) => fields.iter().all(|(_, value)| value.is_empty()),
            Self::Struct(value) => value.fields.is_empty(),
            _ => false,
        }
    }

    /// Whether it has an identity of its own, so that whatever holds it refers to it.
    pub fn is_mutable(&self) -> bool {
        matches!(self, Self::Struct(StructLiteral { mutable: true, .. }))
    }

    /// What is wrong with the value, if anything.
    pub(super) fn problem(&self) -> Option<String> {
        if let Self::Struct(value) = self {
            if !is_full(&value.r#type) {
                return Some(format!("{:?} is not the full name of a type", value.r#type));
            }
            if value.mutable && value.fields.is_empty() {
                return Some(format!("{} is mutable and has no fields", value.r#type));
            }
        }
        let fields = self.fields();
        for (at, (name, value)) in fields.iter().enumerate() {
            if name.is_empty() {
                return Some("a field has no name".to_owned());
            }
            if fields.iter().skip(at + 1).any(|(other, _)| other == name) {
                return Some(format!("the field {name:?} is given twice"));
            }
            if let Some(problem) = value.problem() {
                return Some(problem);
            }
        }
        None
    }
}

impl StructLiteral {
    /// The type; one whose parameters cannot be read is known by its name alone.
    pub fn julia_type(&self) -> JuliaType {
        full_type(&self.r#type).unwrap_or_else(|| JuliaType::plain(self.r#type.clone()))
    }
}

/// Whether a text names one type in full.
fn is_full(text: &str) -> bool {
    let written = text.split('{').next().is_some_and(|name| name.contains('.'));
    written && !text.contains(['*', ' ']) && full_type(text).is_some()
}

fn named_tuple_type(fields: &[(String, Literal)]) -> String {
    let names: Vec<_> = fields.iter().map(|(name, _)| format!(":{name}")).collect();
    let types: Vec<_> = fields.iter().map(|(_, value)| value.julia_type()).collect();
    format!("Core.NamedTuple{{({}),Core.Tuple{{{}}}}}", names.join(","), types.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Document {
        value: Literal,
    }

    fn parse(value: &str) -> Result<Literal, String> {
        toml::from_str::<Document>(&format!("value = {value}"))
            .map(|document| document.value)
            .map_err(|error| error.message().to_owned())
    }

    #[test]
    fn every_value_says_its_type() {
        for (text, julia) in [
            ("\"nothing\"", "Core.Nothing"),
            ("\"missing\"", "Base.Missing"),
            ("{ bool = false }", "Core.Bool"),
            ("{ int8 = -8 }", "Core.Int8"),
            ("{ int16 = -16 }", "Core.Int16"),
            ("{ int32 = -32 }", "Core.Int32"),
            ("{ int64 = -64 }", "Core.Int64"),
            ("{ uint8 = 8 }", "Core.UInt8"),
            ("{ uint16 = 16 }", "Core.UInt16"),
            ("{ uint32 = 0x40000000 }", "Core.UInt32"),
            ("{ uint64 = 64 }", "Core.UInt64"),
            ("{ float32 = 0.5 }", "Core.Float32"),
            ("{ float64 = nan }", "Core.Float64"),
            ("{ bigint = -70 }", "Base.GMP.BigInt"),
            ("{ string = \"μ\" }", "Core.String"),
            ("{ symbol = \"lz4\" }", "Core.Symbol"),
            ("{ version = \"0.3.0\" }", "Base.VersionNumber"),
            ("{ named-tuple = [] }", "Core.NamedTuple{(),Core.Tuple{}}"),
            (
                "{ named-tuple = [[\"a\", { int64 = 1 }]] }",
                "Core.NamedTuple{(:a),Core.Tuple{Core.Int64}}",
            ),
            (
                "{ named-tuple = [[\"lower\", { version = \"0.1.0\" }], [\"n\", \"nothing\"]] }",
                "Core.NamedTuple{(:lower,:n),Core.Tuple{Base.VersionNumber,Core.Nothing}}",
            ),
            ("{ struct = { type = \"A.B\", fields = [[\"x\", { uint32 = 1 }]] } }", "A.B"),
            (
                "{ struct = { type = \"Base.Threads.Atomic{Core.Int64}\", mutable = true, \
                 fields = [[\"value\", { int64 = 1 }]] } }",
                "Base.Threads.Atomic{Core.Int64}",
            ),
        ] {
            let value = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(value.julia_type(), julia);
            assert_eq!(value.problem(), None);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        for bad in [
            "7",
            "{ uint8 = 256 }",
            "{ uint32 = -1 }",
            "{ int = 1 }",
            "{ int8 = 1, int16 = 1 }",
            "{ version = \"1.2\" }",
            "{ version = \"1.2.x\" }",
            "{ struct = { type = \"A.B\" } }",
            "{ struct = { type = \"A.B\", fields = [], size = 1 } }",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        for bad in [
            "{ struct = { type = \"B\", fields = [] } }",
            "{ struct = { type = \"A.B{C}\", fields = [] } }",
            "{ named-tuple = [[\"a\", { int64 = 1 }], [\"a\", { int64 = 2 }]] }",
            "{ named-tuple = [[\"\", { int64 = 1 }]] }",
        ] {
            assert!(parse(bad).unwrap().problem().is_some(), "{bad}");
        }
    }
}

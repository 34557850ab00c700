//! What rules can do with single fields and parameters, as it is written in TOML.

use super::literal::Literal;
use super::type_text::{bare, full_type};
use crate::julia::{JuliaType, NumberType, Param};
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use std::fmt;

/// What the value of a field becomes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Conversion {
    /// A number of this type.
    Number(NumberType),
    /// An array of such numbers.
    Array(NumberType),
    /// A string, or a symbol.
    Text {
        /// Whether it is a symbol.
        symbol: bool,
    },
}

impl Conversion {
    /// What it needs of the stored field.
    pub(super) fn asks(self) -> &'static str {
        match self {
            Self::Number(_) => "it is not stored as a number inside the object",
            Self::Array(_) => "it is not stored as a reference to an array",
            Self::Text { .. } => "it is not stored as a string or symbol inside the object",
        }
    }
}

impl<'de> Deserialize<'de> for Conversion {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let element = ["Vector", "Matrix", "Array"].into_iter().find_map(|array| {
            let bare = text.strip_prefix("Core.").unwrap_or(&text);
            let inner = bare.strip_prefix(array)?.strip_prefix('{')?.strip_suffix('}')?;
            NumberType::named(inner)
        });
        match (element, NumberType::named(&text), text.strip_prefix("Core.").unwrap_or(&text)) {
            (Some(element), ..) => Ok(Self::Array(element)),
            (None, Some(number), _) => Ok(Self::Number(number)),
            (None, None, "Symbol") => Ok(Self::Text { symbol: true }),
            (None, None, "String") => Ok(Self::Text { symbol: false }),
            _ => Err(D::Error::custom(format!(
                "fields cannot be converted to {text:?}, but to Bool, Int8 to \
                 Int64, UInt8 to UInt64, Float32, Float64, String, Symbol, and Array{{T}} of a \
                 number's type T"
            ))),
        }
    }
}

/// A number's type by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberName(pub NumberType);

impl<'de> Deserialize<'de> for NumberName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let number = NumberType::named(&text);
        number.map(Self).ok_or_else(|| D::Error::custom(format!("{text:?} is not a number's type")))
    }
}

/// How a value follows from other fields.
#[derive(Debug, Clone, PartialEq)]
pub enum Operation {
    /// The value of this field.
    Copy(String),
    /// The number of elements of the array in this field, an `Int64`.
    Length(String),
    /// A vector that counts the elements of an array, from 1.
    Indices(Indices),
    /// A vector of `Bool`: which of `keys` are in an `OrderedDict`, by its `slots`.
    Live(Live),
    /// The fifth word of a `Xoshiro`, a `UInt64`, which follows from the four in these fields.
    SplitState([String; 4]),
}

/// What [`Operation::Indices`] counts.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Indices {
    /// The field with the array.
    pub of: String,
    /// The type of each number.
    #[serde(rename = "type")]
    pub number: Option<NumberName>,
    /// The type's parameter, from 1, that is the type of each number.
    pub parameter: Option<usize>,
}

/// What [`Operation::Live`] looks at.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Live {
    /// The field with the slots.
    pub slots: String,
    /// The field with the keys.
    pub keys: String,
}

/// A field's value as it is written: an operation, or a default, which is a constant.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum RawOperation {
    /// The default value of this type.
    Default(String),
    /// See [`Operation`].
    Operation(Operation),
}

impl<'de> Deserialize<'de> for RawOperation {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(OneOperation)
    }
}

/// Reads a table with one key, the operation.
struct OneOperation;

impl<'de> Visitor<'de> for OneOperation {
    type Value = RawOperation;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "one operation: `{ copy = FIELD }`, `{ length = FIELD }`, `{ indices = { of = FIELD } }`, \
             `{ live = { slots = FIELD, keys = FIELD } }`, `{ split-state = [four FIELDs] }` or \
             `{ default = TYPE }`",
        )
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<RawOperation, A::Error> {
        let Some(name) = table.next_key::<String>()? else {
            return Err(A::Error::invalid_length(0, &self));
        };
        let made = match name.as_str() {
            "copy" => RawOperation::Operation(Operation::Copy(table.next_value()?)),
            "length" => RawOperation::Operation(Operation::Length(table.next_value()?)),
            "indices" => RawOperation::Operation(Operation::Indices(table.next_value()?)),
            "live" => RawOperation::Operation(Operation::Live(table.next_value()?)),
            "split-state" => RawOperation::Operation(Operation::SplitState(table.next_value()?)),
            "default" => RawOperation::Default(table.next_value()?),
            other => {
                return Err(A::Error::custom(format!(
                    "there is no operation {other:?}; there are `copy`, `length`, `indices`, `live`, \
                     `split-state` and `default`"
                )));
            }
        };
        match table.next_key::<String>()? {
            None => Ok(made),
            Some(second) => Err(A::Error::custom(format!(
                "one value comes of one operation, not of {name:?} and {second:?}"
            ))),
        }
    }
}

/// The value that stands for nothing in particular: zero, an empty text, `nothing`.
pub(super) fn default_value(type_name: &str) -> Option<Literal> {
    Some(match bare(type_name) {
        "Bool" => Literal::Bool(false),
        "Int8" => Literal::Int8(0),
        "Int16" => Literal::Int16(0),
        "Int32" => Literal::Int32(0),
        "Int64" | "Int" => Literal::Int64(0),
        "UInt8" => Literal::UInt8(0),
        "UInt16" => Literal::UInt16(0),
        "UInt32" => Literal::UInt32(0),
        "UInt64" | "UInt" => Literal::UInt64(0),
        "Float32" => Literal::Float32(0.0),
        "Float64" => Literal::Float64(0.0),
        "String" => Literal::String(String::new()),
        "Symbol" => Literal::Symbol(String::new()),
        "Nothing" => Literal::Nothing,
        "Missing" => Literal::Missing,
        union if union.starts_with("Union{") && union.contains("Nothing") => Literal::Nothing,
        union if union.starts_with("Union{") && union.contains("Missing") => Literal::Missing,
        _ => return None,
    })
}

/// A parameter of a type afterwards.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ParamEdit {
    /// The parameter that had this number, from 1.
    Keep(usize),
    /// This number.
    Int64(i64),
    /// This symbol.
    Symbol(String),
    /// This type.
    Type(TypeName),
    /// A type that is made of parameters.
    Made(MadeType),
}

/// A type in which `$1`, `$2` and so on stand for the parameters that a type has had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MadeType(String);

impl<'de> Deserialize<'de> for MadeType {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        let made = Self(text);
        let tried = made.with(|_| Some("Core.Any"));
        match tried.ok().and_then(|text| full_type(&text)) {
            Some(_) => Ok(made),
            None => Err(D::Error::custom(format!(
                "{:?} is not a type whose name is written in full, with $1, $2 and so on for parameters",
                made.0
            ))),
        }
    }
}

impl MadeType {
    /// The type, where a type has these parameters; else the number of the one that it lacks.
    pub(super) fn of(&self, parameters: &[&str]) -> Result<Option<JuliaType>, usize> {
        let at = |number: usize| number.checked_sub(1).and_then(|i| parameters.get(i)).copied();
        let text = self.with(at)?;
        Ok(full_type(&text))
    }

    /// The text with parameters in their places.
    fn with<'p>(&self, parameter: impl Fn(usize) -> Option<&'p str>) -> Result<String, usize> {
        let mut parts = self.0.split('$');
        let mut out = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            let (number, rest) = part.split_at(digits);
            let number = number.parse().unwrap_or(0);
            out.push_str(parameter(number).ok_or(number)?);
            out.push_str(rest);
        }
        Ok(out)
    }
}

/// A type that is written out, its name in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeName(JuliaType);

impl<'de> Deserialize<'de> for TypeName {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        full_type(&text).map(Self).ok_or_else(|| {
            D::Error::custom(format!("{text:?} is not a type whose name is written in full"))
        })
    }
}

impl ParamEdit {
    /// What the edit makes of the parameters that a type has.
    ///
    /// # Errors
    /// The number of a parameter that it lacks.
    pub(super) fn value(&self, parameters: &[&str]) -> Result<Edited, usize> {
        Ok(match self {
            Self::Keep(number) if (1..=parameters.len()).contains(number) => {
                Edited::Kept(number - 1)
            }
            Self::Keep(number) => return Err(*number),
            Self::Int64(value) => Edited::Value(Param::Int(i128::from(*value))),
            Self::Symbol(name) => Edited::Value(Param::Symbol(name.clone())),
            Self::Type(TypeName(t)) => Edited::Value(Param::Type(t.clone())),
            Self::Made(made) => match made.of(parameters)? {
                Some(t) => Edited::Value(Param::Type(t)),
                None => Edited::Unwritten(made.0.clone()),
            },
        })
    }
}

/// What a parameter becomes.
#[derive(Debug, PartialEq)]
pub(super) enum Edited {
    /// The one that had this number, from 0.
    Kept(usize),
    /// This.
    Value(Param),
    /// A type that cannot be written of the parameters that are there.
    Unwritten(String),
}

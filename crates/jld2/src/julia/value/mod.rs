//! Holds values in memory: what a file holds as Rust data, with a bound on how large it may become.

mod build;
mod display;
mod number;

use super::{JuliaType, Walk};
use crate::h5::{RelAddr, Result};
use std::sync::Arc;

pub use build::ValueBuilder;
pub use number::{Numeric, Scalar, Vector};
pub(crate) use number::{extend, is_little_endian};

/// What a value may take at most unless one says otherwise, in bytes: 256 MiB.
pub const DEFAULT_LIMIT: usize = 256 << 20;

/// A Julia value.
///
/// ```
/// let file = jld2::File::open("tests/data/structs.jld2")?;
/// let value = file.dataset("added")?.value()?;
/// assert_eq!(value.field("a").and_then(|a| a.as_i64()), Some(3));
/// assert_eq!(value.field("s").and_then(|s| s.as_str()), Some("three"));
/// assert_eq!(value.to_string(), r#"Main.Sim.Added(a = 3, s = "three", tol = 0.0, tag = nothing)"#);
/// # Ok::<(), jld2::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// An element that is not assigned, or a field that is not defined.
    Undefined,
    /// `nothing`.
    Nothing,
    /// `missing`.
    Missing,
    /// A number, Bool or Char.
    Number(Scalar),
    /// An instance of another primitive type, or of an enumeration: its bits.
    Primitive(Arc<JuliaType>, Scalar),
    /// A string. What is not UTF-8 became replacement characters.
    String(String),
    /// A symbol.
    Symbol(String),
    /// A value of another type that is stored as text, such as a `BigInt` (in base 62).
    Text(Arc<JuliaType>, String),
    /// A type.
    Type(JuliaType),
    /// An array of numbers.
    Numbers(NumberArray),
    /// An array of anything else.
    Array(Array),
    /// A tuple.
    Tuple(Tuple),
    /// A struct or named tuple, or the instance of a type without fields.
    Struct(Struct),
    /// A dictionary.
    Dict(Dict),
    /// An object that was met before in the same value, by the `id` it has there.
    Shared(u64),
}

/// An array of numbers.
#[derive(Debug, Clone, PartialEq)]
pub struct NumberArray {
    /// The array's type.
    pub julia_type: Arc<JuliaType>,
    /// What [`Value::Shared`] calls it.
    pub id: Option<u64>,
    /// Its dimensions, the fastest first as in Julia.
    pub dims: Vec<u64>,
    /// Its elements in Julia's order.
    pub values: Vector,
}

/// An array of values.
#[derive(Debug, Clone, PartialEq)]
pub struct Array {
    /// The array's type.
    pub julia_type: Arc<JuliaType>,
    /// What [`Value::Shared`] calls it.
    pub id: Option<u64>,
    /// Its dimensions, the fastest first as in Julia.
    pub dims: Vec<u64>,
    /// Its elements in Julia's order.
    pub items: Vec<Value>,
}

/// A tuple.
#[derive(Debug, Clone, PartialEq)]
pub struct Tuple {
    /// Its type.
    pub julia_type: Arc<JuliaType>,
    /// What [`Value::Shared`] calls it.
    pub id: Option<u64>,
    /// Its elements.
    pub items: Vec<Value>,
}

/// A struct or named tuple.
#[derive(Debug, Clone, PartialEq)]
pub struct Struct {
    /// Its type.
    pub julia_type: Arc<JuliaType>,
    /// What [`Value::Shared`] calls it.
    pub id: Option<u64>,
    /// Its fields in order.
    pub fields: Vec<(String, Value)>,
}

/// A dictionary.
#[derive(Debug, Clone, PartialEq)]
pub struct Dict {
    /// Its type.
    pub julia_type: Arc<JuliaType>,
    /// What [`Value::Shared`] calls it.
    pub id: Option<u64>,
    /// Keys and values as they are stored.
    pub pairs: Vec<(Value, Value)>,
}

impl Value {
    /// The value at `addr`, which may take `limit` bytes of memory.
    ///
    /// # Errors
    /// If it is damaged or takes more.
    pub fn read(walk: &Walk<'_>, addr: RelAddr, limit: usize) -> Result<Self> {
        let mut builder = ValueBuilder::new(limit);
        walk.object(addr, &mut builder)?;
        builder.finish()
    }

    /// The number if it is a floating-point one; `Float16` and `Float32` widen without loss.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/structs.jld2")?;
    /// let value = file.dataset("added")?.value()?;
    /// assert_eq!(value.field("tol").and_then(|v| v.as_f64()), Some(0.0));
    /// assert_eq!(value.field("a").and_then(|v| v.as_f64()), None, "an integer");
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn as_f64(&self) -> Option<f64> {
        self.as_scalar()?.as_f64()
    }

    /// The number if it is an integer that an `i64` holds; Bool, Char and enumerations count.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/structs.jld2")?;
    /// assert_eq!(file.dataset("enum")?.value()?.as_i64(), Some(7));
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn as_i64(&self) -> Option<i64> {
        self.as_scalar()?.as_i128()?.try_into().ok()
    }

    /// The Bool, if it is one.
    ///
    /// ```
    /// use jld2::{Scalar, Value};
    /// assert_eq!(Value::Number(Scalar::Bool(true)).as_bool(), Some(true));
    /// assert_eq!(Value::Number(Scalar::Int64(1)).as_bool(), None);
    /// ```
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Number(Scalar::Bool(v)) => Some(*v),
            _ => None,
        }
    }

    /// The number, if it is one or an instance of a primitive type.
    pub fn as_scalar(&self) -> Option<&Scalar> {
        match self {
            Self::Number(v) | Self::Primitive(_, v) => Some(v),
            _ => None,
        }
    }

    /// The text of a string, a symbol, or what else is stored as text.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/dicts.jld2")?;
    /// let dict = file.dataset("any")?.value()?;
    /// let first = dict.pairs().next().expect("two pairs");
    /// assert_eq!(first.1.as_str(), Some("x"));
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) | Self::Symbol(text) | Self::Text(_, text) => Some(text),
            _ => None,
        }
    }

    /// The numbers of an array, if they are of this type.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/dicts.jld2")?;
    /// let value = file.dataset("plain")?.value()?;
    /// assert_eq!(value.as_slice::<i64>(), Some(&[1, 2][..]));
    /// assert_eq!(value.as_slice::<f64>(), None);
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn as_slice<T: Numeric>(&self) -> Option<&[T]> {
        match self {
            Self::Numbers(array) => array.values.as_slice(),
            _ => None,
        }
    }

    /// The elements of a tuple, or of an array that is none of numbers.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/dicts.jld2")?;
    /// let tuple = file.dataset("tuple")?.value()?;
    /// assert_eq!(tuple.items().map(<[_]>::len), Some(2));
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn items(&self) -> Option<&[Value]> {
        match self {
            Self::Array(array) => Some(&array.items),
            Self::Tuple(tuple) => Some(&tuple.items),
            _ => None,
        }
    }

    /// The dimensions of an array, the fastest first as in Julia.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/struct_arrays.jld2")?;
    /// let x = file.dataset("matrix")?.value()?;
    /// let x = x.field("components").and_then(|c| c.field("x")).expect("a column");
    /// assert_eq!(x.dims(), Some(&[2, 3][..]));
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn dims(&self) -> Option<&[u64]> {
        match self {
            Self::Numbers(array) => Some(&array.dims),
            Self::Array(array) => Some(&array.dims),
            _ => None,
        }
    }

    /// A field of a struct or named tuple.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/structs.jld2")?;
    /// let date = file.dataset("date")?.value()?;
    /// let days = date.field("instant").and_then(|i| i.field("periods")).and_then(|p| p.field("value"));
    /// assert_eq!(days.and_then(|d| d.as_i64()), Some(737_426));
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn field(&self, name: &str) -> Option<&Value> {
        self.fields().find(|(field, _)| *field == name).map(|(_, value)| value)
    }

    /// The fields of a struct or named tuple in order; of anything else there are none.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/structs.jld2")?;
    /// let value = file.dataset("added")?.value()?;
    /// let names: Vec<_> = value.fields().map(|(name, _)| name).collect();
    /// assert_eq!(names, ["a", "s", "tol", "tag"]);
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn fields(&self) -> impl Iterator<Item = (&str, &Value)> {
        let fields = match self {
            Self::Struct(s) => s.fields.as_slice(),
            _ => &[],
        };
        fields.iter().map(|(name, value)| (name.as_str(), value))
    }

    /// The value that a dictionary has for a string or symbol.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/dicts.jld2")?;
    /// let dict = file.dataset("dict")?.value()?;
    /// assert_eq!(dict.get("b").and_then(|v| v.as_i64()), Some(2));
    /// assert!(dict.get("c").is_none());
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn get(&self, key: &str) -> Option<&Value> {
        let mut pairs = self.pairs();
        pairs.find(|(k, _)| k.as_str() == Some(key)).map(|(_, value)| value)
    }

    /// The pairs of a dictionary as they are stored; of anything else there are none.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/dicts.jld2")?;
    /// let dict = file.dataset("bool")?.value()?;
    /// let sum: i64 = dict.pairs().filter_map(|(_, value)| value.as_i64()).sum();
    /// assert_eq!(sum, 1);
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn pairs(&self) -> impl Iterator<Item = (&Value, &Value)> {
        let pairs = match self {
            Self::Dict(dict) => dict.pairs.as_slice(),
            _ => &[],
        };
        pairs.iter().map(|(key, value)| (key, value))
    }

    /// The type of the value; none for what is undefined, and for an object met again.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/dicts.jld2")?;
    /// let t = file.dataset("dict")?.value()?.julia_type().expect("a type");
    /// assert_eq!(t.to_string(), "Base.Dict{Core.String,Core.Int64}");
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn julia_type(&self) -> Option<JuliaType> {
        let plain = |name: &str| Some(JuliaType::plain(name));
        match self {
            Self::Undefined | Self::Shared(_) => None,
            Self::Nothing => plain("Core.Nothing"),
            Self::Missing => plain("Base.Missing"),
            Self::Number(scalar) => scalar.julia_name().and_then(plain),
            Self::String(_) => plain("Core.String"),
            Self::Symbol(_) => plain("Core.Symbol"),
            Self::Type(_) => plain("Core.DataType"),
            Self::Primitive(t, _) | Self::Text(t, _) => Some(JuliaType::clone(t)),
            Self::Numbers(array) => Some(JuliaType::clone(&array.julia_type)),
            Self::Array(array) => Some(JuliaType::clone(&array.julia_type)),
            Self::Tuple(tuple) => Some(JuliaType::clone(&tuple.julia_type)),
            Self::Struct(s) => Some(JuliaType::clone(&s.julia_type)),
            Self::Dict(dict) => Some(JuliaType::clone(&dict.julia_type)),
        }
    }
}

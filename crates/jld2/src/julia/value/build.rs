//! Builds a [`Value`] of what a walk tells.

use super::{Array, Dict, NumberArray, Scalar, Struct, Tuple, Value, Vector};
use crate::h5::budget::VALUE_LEVELS;
use crate::h5::{Error, Result};
use crate::julia::{
    JuliaType, Number, NumberKind, Numbers, Parts, Shape, TextStream, TypeName, Visitor,
};
use std::collections::HashSet;
use std::io::Read as _;
use std::sync::Arc;

/// A visitor that keeps the value it is told of, as long as that takes no more memory than it may.
pub struct ValueBuilder {
    open: Vec<Open>,
    done: Option<Value>,
    types: HashSet<Arc<JuliaType>>,
    left: usize,
    limit: usize,
}

/// A value that is not complete.
enum Open {
    Struct(Struct, String),
    Tuple(Tuple),
    Array(Array),
    Dict(Dict),
    Pair(Option<Value>, Option<Value>),
}

impl ValueBuilder {
    /// A builder of a value that may take `limit` bytes.
    pub fn new(limit: usize) -> Self {
        Self { open: Vec::new(), done: None, types: HashSet::new(), left: limit, limit }
    }

    /// The value.
    ///
    /// # Errors
    /// If the walk did not end.
    pub fn finish(self) -> Result<Value> {
        let open = self.open.len();
        match self.done.filter(|_| open == 0) {
            Some(value) => Ok(value),
            None => Err(Error::corrupt(0, "value", "a whole one", format!("{open} open"))),
        }
    }

    fn spend(&mut self, bytes: usize) -> Result<()> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(Error::too_large("value", format!("{} bytes of memory", self.limit))),
        }
    }

    /// The type, shared by all values that have it.
    fn share(&mut self, t: TypeName<'_>) -> Result<Arc<JuliaType>> {
        let known = match t {
            TypeName::Type(t) => self.types.get(t),
            TypeName::Name(_) => None,
        };
        if let Some(known) = known {
            return Ok(Arc::clone(known));
        }
        let own = t.to_type();
        let extent = own.extent();
        let bytes = extent.parts.saturating_mul(64).saturating_add(extent.bytes);
        self.spend(usize::try_from(bytes).unwrap_or(usize::MAX))?;
        let own = Arc::new(own);
        self.types.insert(Arc::clone(&own));
        Ok(own)
    }

    /// Takes a complete value to where it belongs.
    fn put(&mut self, value: Value) -> Result<()> {
        // Vectors grow by doubling.
        self.spend(2 * size_of::<Value>())?;
        match self.open.last_mut() {
            None => self.done = Some(value),
            Some(Open::Struct(s, name)) => s.fields.push((std::mem::take(name), value)),
            Some(Open::Tuple(tuple)) => tuple.items.push(value),
            Some(Open::Array(array)) => array.items.push(value),
            Some(Open::Dict(dict)) => {
                // What is not a pair stands where one is not assigned.
                dict.pairs.push((Value::Undefined, value));
            }
            Some(Open::Pair(key, of)) => match key {
                None => *key = Some(value),
                Some(_) => *of = Some(value),
            },
        }
        Ok(())
    }

    fn open(&mut self, open: Open) -> Result<()> {
        if self.open.len() >= VALUE_LEVELS {
            return Err(Error::too_large("value", format!("{VALUE_LEVELS} levels")));
        }
        self.open.push(open);
        Ok(())
    }

    fn put_text(&mut self, t: TypeName<'_>, text: &[u8]) -> Result<()> {
        // A byte that is not UTF-8 becomes a character of three.
        let text = String::from_utf8_lossy(text).into_owned();
        self.spend(text.len())?;
        let name = t.to_string();
        let value = match name.as_str() {
            "Core.String" | "Core.Core.String" => Value::String(text),
            "Core.Symbol" | "Core.Core.Symbol" => Value::Symbol(text),
            _ => Value::Text(self.share(t)?, text),
        };
        self.put(value)
    }
}

impl Visitor for ValueBuilder {
    fn number(&mut self, t: TypeName<'_>, number: Number<'_>) -> Result<()> {
        let scalar = Scalar::of(number);
        self.spend(number.bytes.len())?;
        let own = match t {
            TypeName::Type(t) => t.params().is_empty() && scalar.julia_name() == Some(t.name()),
            TypeName::Name(name) => scalar.julia_name() == Some(name),
        };
        let value = if own || number.kind == NumberKind::Char {
            Value::Number(scalar)
        } else {
            Value::Primitive(self.share(t)?, scalar)
        };
        self.put(value)
    }

    fn text(&mut self, t: TypeName<'_>, text: &[u8]) -> Result<()> {
        self.put_text(t, text)
    }

    fn long_text(&mut self, t: TypeName<'_>, text: &mut TextStream<'_>) -> Result<()> {
        let len = usize::try_from(text.len()).unwrap_or(usize::MAX);
        // The bytes, and the text made of them.
        self.spend(len)?;
        let (at, len) = (text.offset(), text.len());
        let mut bytes = Vec::new();
        text.reader().take(len).read_to_end(&mut bytes).map_err(|e| Error::payload(at, e))?;
        if bytes.len() as u64 != len {
            let e = std::io::Error::from(std::io::ErrorKind::UnexpectedEof);
            return Err(Error::payload(at, e));
        }
        self.put_text(t, &bytes)
    }

    fn type_value(&mut self, _: &'static str, value: &JuliaType) -> Result<()> {
        let value = value.clone();
        let extent = value.extent();
        let bytes = extent.parts.saturating_mul(64).saturating_add(extent.bytes);
        self.spend(usize::try_from(bytes).unwrap_or(usize::MAX))?;
        self.put(Value::Type(value))
    }

    fn known(&mut self, t: TypeName<'_>, json: &str) -> Result<()> {
        self.put_text(t, json.as_bytes())
    }

    fn numbers(
        &mut self,
        t: TypeName<'_>,
        id: Option<u64>,
        dims: &[u64],
        numbers: &Numbers<'_>,
    ) -> Result<()> {
        let julia_type = self.share(t)?;
        self.spend(8 * dims.len())?;
        let at = numbers.datatype().offset;
        let values = Vector::empty(numbers.kind(), numbers.size());
        let Some(mut values) = values else {
            return Err(Error::foreign(at, format!("numbers of {} bytes", numbers.size())));
        };
        if numbers.limit().is_some() {
            numbers.each(&mut |_, number| {
                self.spend(2 * number.bytes.len())?;
                values.push_bytes(number.bytes);
                Ok(())
            })?;
        } else {
            // No window is cut inside a number: both are powers of two.
            numbers.read(&mut |window| {
                self.spend(2 * window.len())?;
                values.push_bytes(window);
                Ok(())
            })?;
        }
        self.put(Value::Numbers(NumberArray { julia_type, id, dims: dims.to_vec(), values }))
    }

    fn enter(&mut self, t: TypeName<'_>, id: Option<u64>, shape: Shape<'_>) -> Result<()> {
        let julia_type = self.share(t)?;
        self.open(match shape {
            Shape::Struct => {
                Open::Struct(Struct { julia_type, id, fields: Vec::new() }, String::new())
            }
            Shape::Tuple => Open::Tuple(Tuple { julia_type, id, items: Vec::new() }),
            Shape::Array(dims) => {
                Open::Array(Array { julia_type, id, dims: dims.to_vec(), items: Vec::new() })
            }
            Shape::Dict { .. } => Open::Dict(Dict { julia_type, id, pairs: Vec::new() }),
        })
    }

    fn enter_pair(&mut self, _: Option<&JuliaType>) -> Result<()> {
        self.open(Open::Pair(None, None))
    }

    fn field(&mut self, _: usize, name: &str) -> Result<()> {
        self.spend(size_of::<String>() + name.len())?;
        if let Some(Open::Struct(_, next)) = self.open.last_mut() {
            name.clone_into(next);
        }
        Ok(())
    }

    fn item(&mut self, _: u64) -> Result<()> {
        Ok(())
    }

    fn leave(&mut self, _: Parts, _: u64) -> Result<()> {
        match self.open.pop() {
            Some(Open::Struct(s, _)) => {
                let empty = s.fields.is_empty();
                let value = match s.julia_type.name() {
                    "Core.Nothing" if empty => Value::Nothing,
                    "Base.Missing" | "Missings.Missing" if empty => Value::Missing,
                    _ => Value::Struct(s),
                };
                self.put(value)
            }
            Some(Open::Tuple(tuple)) => self.put(Value::Tuple(tuple)),
            Some(Open::Array(array)) => self.put(Value::Array(array)),
            Some(Open::Dict(dict)) => self.put(Value::Dict(dict)),
            Some(Open::Pair(key, value)) => {
                self.spend(2 * size_of::<Value>())?;
                if let Some(Open::Dict(dict)) = self.open.last_mut() {
                    let or = |v: Option<Value>| v.unwrap_or(Value::Undefined);
                    dict.pairs.push((or(key), or(value)));
                }
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn again(&mut self, id: u64) -> Result<()> {
        self.put(Value::Shared(id))
    }

    fn undefined(&mut self) -> Result<()> {
        self.put(Value::Undefined)
    }
}

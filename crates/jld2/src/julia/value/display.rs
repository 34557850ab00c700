//! Writes values as text, nearly as Julia shows them, for people.

use super::Value;
use std::fmt::{self, Display, Formatter};

impl Display for Value {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Undefined => f.write_str("#undef"),
            Self::Nothing => f.write_str("nothing"),
            Self::Missing => f.write_str("missing"),
            Self::Number(v) => v.fmt(f),
            Self::Primitive(t, v) => match v.as_i128() {
                Some(i) => write!(f, "{t}({i})"),
                None => write!(f, "{t}({v})"),
            },
            Self::String(text) => write!(f, "{text:?}"),
            Self::Symbol(text) => write!(f, ":{text}"),
            Self::Text(t, text) => write!(f, "{t}({text:?})"),
            Self::Type(t) => t.fmt(f),
            Self::Numbers(array) => {
                let items = (0..array.values.len()).filter_map(|i| array.values.get(i));
                f.write_str("[")?;
                list(f, items)?;
                f.write_str("]")
            }
            Self::Array(array) => {
                f.write_str("[")?;
                list(f, array.items.iter())?;
                f.write_str("]")
            }
            Self::Tuple(tuple) => {
                f.write_str("(")?;
                list(f, tuple.items.iter())?;
                f.write_str(if tuple.items.len() == 1 { ",)" } else { ")" })
            }
            Self::Struct(s) => {
                if !s.julia_type.is_named_tuple() {
                    s.julia_type.fmt(f)?;
                }
                f.write_str("(")?;
                for (i, (name, value)) in s.fields.iter().enumerate() {
                    write!(f, "{}{name} = {value}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
            Self::Dict(dict) => {
                f.write_str("Dict(")?;
                for (i, (key, value)) in dict.pairs.iter().enumerate() {
                    write!(f, "{}{key} => {value}", if i == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
            Self::Shared(id) => write!(f, "#{id}"),
        }
    }
}

fn list(f: &mut Formatter<'_>, items: impl Iterator<Item = impl Display>) -> fmt::Result {
    for (i, item) in items.enumerate() {
        write!(f, "{}{item}", if i == 0 { "" } else { ", " })?;
    }
    Ok(())
}

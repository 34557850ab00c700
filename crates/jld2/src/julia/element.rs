//! Tells what the bytes of one element mean.

use super::JuliaType;
use super::committed::Committed;
use crate::h5::{Class, Datatype};
use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

/// The type of an element of a dataset, or of a field.
#[derive(Debug, Clone)]
pub enum Element {
    /// A type that HDF5 itself expresses: a number, a string, a reference.
    Plain(Arc<Datatype>),
    /// A committed datatype.
    Committed(Arc<Committed>),
}

impl Element {
    /// An element of a plain datatype.
    pub fn plain(datatype: impl Into<Arc<Datatype>>) -> Self {
        Self::Plain(datatype.into())
    }

    /// An element of a committed datatype.
    pub fn committed(committed: Arc<Committed>) -> Self {
        Self::Committed(committed)
    }

    /// Its layout.
    pub fn datatype(&self) -> &Datatype {
        match self {
            Self::Plain(d) => d,
            Self::Committed(c) => &c.datatype,
        }
    }

    /// Bytes of an element.
    pub fn size(&self) -> usize {
        usize::try_from(self.datatype().size).unwrap_or(usize::MAX)
    }

    /// The Julia type of an element; a reference's is unknown until it is followed.
    pub fn julia_type(&self) -> JuliaType {
        match self {
            Self::Committed(c) if c.is_inline_union() => {
                let members = [c.julia_type.type_param(0), c.julia_type.type_param(1)];
                JuliaType::Union(members.into_iter().flatten().cloned().collect())
            }
            Self::Committed(c) => c.julia_type.clone(),
            Self::Plain(d) => plain_type(d).into_owned(),
        }
    }

    /// Whether an array of such elements is digested as bytes: numbers and Bool.
    pub fn is_number(&self) -> bool {
        match self {
            Self::Plain(d) => match &d.class {
                Class::FixedPoint { .. } | Class::Float { .. } | Class::Bitfield => true,
                Class::Enum(base) => matches!(base.class, Class::FixedPoint { .. }),
                _ => false,
            },
            Self::Committed(_) => false,
        }
    }
}

/// The Julia type of what HDF5 itself expresses: arrays as elements and sequences are arrays, and an
/// enumeration is read as its number (JLD2 0.6, `src/datatypes.jl`; docs/jld2-format.md, section 4).
pub(super) fn plain_type(datatype: &Datatype) -> Cow<'static, JuliaType> {
    match &datatype.class {
        Class::Enum(base) => plain_type(base),
        Class::Array { dims, base } => {
            Cow::Owned(JuliaType::array(plain_type(base).into_owned(), dims.len()))
        }
        Class::Vlen { string: false, base } => {
            Cow::Owned(JuliaType::array(plain_type(base).into_owned(), 1))
        }
        _ => named(plain_name(datatype)),
    }
}

/// The type of one of [`NAMES`], made once: there may be millions of values of it.
fn named(name: &'static str) -> Cow<'static, JuliaType> {
    static TYPES: LazyLock<[JuliaType; NAMES.len()]> =
        LazyLock::new(|| NAMES.map(JuliaType::plain));
    match TYPES.iter().find(|t| t.name() == name) {
        Some(t) => Cow::Borrowed(t),
        None => Cow::Owned(JuliaType::plain(name)),
    }
}

/// What [`plain_name`] gives, the most frequent ones first.
const NAMES: [&str; 16] = [
    "Core.Int64",
    "Core.Float64",
    "Core.String",
    "Core.Bool",
    "Core.Any",
    "Core.Int32",
    "Core.Float32",
    "Core.UInt8",
    "Core.UInt64",
    "Core.UInt32",
    "Core.Int8",
    "Core.Int16",
    "Core.UInt16",
    "Core.Int128",
    "Core.UInt128",
    "Core.Float16",
];

fn plain_name(datatype: &Datatype) -> &'static str {
    match (&datatype.class, datatype.size) {
        (Class::FixedPoint { signed: true, .. }, 1) => "Core.Int8",
        (Class::FixedPoint { signed: true, .. }, 2) => "Core.Int16",
        (Class::FixedPoint { signed: true, .. }, 4) => "Core.Int32",
        (Class::FixedPoint { signed: true, .. }, 8) => "Core.Int64",
        (Class::FixedPoint { signed: true, .. }, 16) => "Core.Int128",
        (Class::FixedPoint { signed: false, .. }, 1) => "Core.UInt8",
        (Class::FixedPoint { signed: false, .. }, 2) => "Core.UInt16",
        (Class::FixedPoint { signed: false, .. }, 4) => "Core.UInt32",
        (Class::FixedPoint { signed: false, .. }, 8) => "Core.UInt64",
        (Class::FixedPoint { signed: false, .. }, 16) => "Core.UInt128",
        (Class::Float { .. }, 2) => "Core.Float16",
        (Class::Float { .. }, 4) => "Core.Float32",
        (Class::Float { .. }, 8) => "Core.Float64",
        (Class::Bitfield, _) => "Core.Bool",
        (Class::String | Class::Vlen { string: true, .. }, _) => "Core.String",
        _ => "Core.Any",
    }
}

//! Tells how elements that are numbers, or records of numbers, lie in bytes: NumPy's dtypes.

use jld2::Dataset;
use jldconv::h5::{ByteOrder, Class, Datatype};
use jldconv::julia::{Committed, Element, Field, JuliaType};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyString, PyTuple};
use std::collections::HashSet;

/// Records inside records are looked into to this depth.
pub(crate) const DEEPEST: usize = 32;

/// How an element lies in bytes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Layout {
    /// A number, as NumPy writes its type: `<f8`.
    Number(String),
    /// One byte, true unless it is 0.
    Bool,
    /// Parts by name, each with the byte where it begins.
    Record { size: u32, parts: Vec<(String, u32, Layout)> },
    /// So many of the same.
    Several(u32, Box<Layout>),
}

impl Layout {
    /// How the elements of a dataset lie in bytes; none where they are not made of numbers alone.
    pub(crate) fn of(dataset: &Dataset<'_>) -> jld2::Result<Option<Self>> {
        Self::of_element(dataset, &dataset.element()?, 0)
    }

    fn of_element(
        dataset: &Dataset<'_>,
        element: &Element,
        depth: usize,
    ) -> jld2::Result<Option<Self>> {
        match element {
            Element::Plain(datatype) => Ok(Self::plain(datatype, depth)),
            Element::Committed(committed) => Self::committed(dataset, committed, depth),
        }
    }

    fn plain(datatype: &Datatype, depth: usize) -> Option<Self> {
        let number = |order: &ByteOrder, letter: char| {
            let order = if *order == ByteOrder::Big { '>' } else { '<' };
            Self::Number(format!("{order}{letter}{}", datatype.size))
        };
        if depth > DEEPEST {
            return None;
        }
        match (&datatype.class, datatype.size) {
            (Class::FixedPoint { signed, order }, 1 | 2 | 4 | 8) => {
                Some(number(order, if *signed { 'i' } else { 'u' }))
            }
            // Of another form it is none that NumPy has.
            (Class::Float { order, .. }, 2 | 4 | 8) if is_number(datatype) => {
                Some(number(order, 'f'))
            }
            (Class::Bitfield, 1) => Some(Self::Bool),
            (Class::Enum(base), _) => match base.class {
                Class::FixedPoint { .. } => Self::plain(base, depth + 1),
                _ => None,
            },
            (Class::Array { dims, base }, _) => match dims.as_slice() {
                [count] if *count > 0 => {
                    Some(Self::Several(*count, Box::new(Self::plain(base, depth + 1)?)))
                }
                _ => None,
            },
            (Class::Compound(members), size) => {
                let parts = members.iter().map(|m| {
                    Some((m.name.clone(), m.offset, Self::plain(&m.datatype, depth + 1)?))
                });
                Self::record(size, parts.collect::<Option<_>>()?)
            }
            _ => None,
        }
    }

    /// A type of Julia's, if its fields are what is stored, and numbers all through.
    fn committed(
        dataset: &Dataset<'_>,
        committed: &Committed,
        depth: usize,
    ) -> jld2::Result<Option<Self>> {
        let own = committed.written_type.is_none()
            && !committed.empty
            && !committed.is_inline_union()
            && matches!(committed.datatype.class, Class::Compound(_));
        if !own || depth > DEEPEST {
            return Ok(None);
        }
        if let Some(letters) = complex(&committed.julia_type)
            && is_complex(committed, letters)
        {
            return Ok(Some(Self::Number(letters.to_owned())));
        }
        let mut parts = Vec::new();
        for field in &committed.fields {
            let Some(offset) = field.offset else { continue };
            let Some(part) = Self::field(dataset, field, depth)? else { return Ok(None) };
            parts.push((field.name.clone(), offset, part));
        }
        Ok(Self::record(committed.datatype.size, parts))
    }

    fn field(dataset: &Dataset<'_>, field: &Field, depth: usize) -> jld2::Result<Option<Self>> {
        let Some(stored) = &field.datatype else { return Ok(None) };
        let Some(element) = dataset.element_of_field(field)? else { return Ok(None) };
        // What the record says of the field must go with the field's own type.
        if element.datatype().size != stored.size {
            return Ok(None);
        }
        Self::of_element(dataset, &element, depth + 1)
    }

    /// A record, if NumPy can have it: names that differ, parts inside of it.
    pub(crate) fn record(size: u32, parts: Vec<(String, u32, Self)>) -> Option<Self> {
        let mut names = HashSet::new();
        let fine = parts.iter().all(|(name, offset, part)| {
            let end = u64::from(*offset) + part.size();
            !name.is_empty() && names.insert(name) && end <= u64::from(size)
        });
        (fine && !parts.is_empty()).then_some(Self::Record { size, parts })
    }

    /// Bytes of an element.
    pub(crate) fn size(&self) -> u64 {
        match self {
            Self::Number(code) => code.get(2..).and_then(|size| size.parse().ok()).unwrap_or(1),
            Self::Bool => 1,
            Self::Record { size, .. } => u64::from(*size),
            Self::Several(count, part) => u64::from(*count).saturating_mul(part.size()),
        }
    }

    /// Whether there is a Bool in it.
    fn has_bool(&self) -> bool {
        match self {
            Self::Number(_) => false,
            Self::Bool => true,
            Self::Record { parts, .. } => parts.iter().any(|(_, _, part)| part.has_bool()),
            Self::Several(_, part) => part.has_bool(),
        }
    }

    /// Makes each Bool in some elements 0 or 1: NumPy takes it for granted.
    pub(crate) fn set_bools(&self, elements: &mut [u8]) {
        let size = usize::try_from(self.size()).unwrap_or(usize::MAX);
        if size == 0 || !self.has_bool() {
            return;
        }
        for element in elements.chunks_mut(size) {
            match self {
                Self::Number(_) => {}
                Self::Bool => element.iter_mut().for_each(|b| *b = u8::from(*b != 0)),
                Self::Several(_, part) => part.set_bools(element),
                Self::Record { parts, .. } => {
                    for (_, offset, part) in parts {
                        let start = usize::try_from(*offset).unwrap_or(usize::MAX);
                        let len = usize::try_from(part.size()).unwrap_or(usize::MAX);
                        let bytes = element.get_mut(start..).and_then(|b| b.get_mut(..len));
                        bytes.into_iter().for_each(|bytes| part.set_bools(bytes));
                    }
                }
            }
        }
    }

    /// What `numpy.dtype` takes, records as dictionaries.
    pub(crate) fn dtype<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(match self {
            Self::Number(code) => PyString::new(py, code).into_any(),
            Self::Bool => PyString::new(py, "?").into_any(),
            Self::Several(count, part) => {
                PyTuple::new(py, [part.dtype(py)?, (count,).into_pyobject(py)?.into_any()])?
                    .into_any()
            }
            Self::Record { size, parts } => {
                let record = PyDict::new(py);
                let formats: PyResult<Vec<_>> =
                    parts.iter().map(|(_, _, part)| part.dtype(py)).collect();
                record.set_item("names", PyList::new(py, parts.iter().map(|part| &part.0))?)?;
                record.set_item("formats", PyList::new(py, formats?)?)?;
                record.set_item("offsets", PyList::new(py, parts.iter().map(|part| part.1))?)?;
                record.set_item("itemsize", size)?;
                record.into_any()
            }
        })
    }
}

/// Whether it is one of IEEE 754's numbers.
fn is_number(datatype: &Datatype) -> bool {
    jldconv::julia::NumberKind::of(datatype).is_some()
}

/// How NumPy writes a complex type of Julia's, if it has it.
pub(crate) fn complex(t: &JuliaType) -> Option<&'static str> {
    if !matches!(t.name(), "Base.Complex" | "Core.Complex") {
        return None;
    }
    match t.type_param(0)?.name() {
        "Core.Float64" => Some("<c16"),
        "Core.Float32" => Some("<c8"),
        _ => None,
    }
}

/// Whether the real part is followed by the imaginary part, as in NumPy.
fn is_complex(committed: &Committed, letters: &str) -> bool {
    let half = if letters == "<c16" { 8 } else { 4 };
    let is = |field: &Field, at: u32| {
        let float = |d: &Datatype| {
            d.size == half
                && matches!(d.class, Class::Float { order: ByteOrder::Little, .. })
                && is_number(d)
        };
        field.offset == Some(at) && field.datatype.as_ref().is_some_and(float)
    };
    committed.datatype.size == 2 * half
        && matches!(committed.fields.as_slice(), [re, im] if is(re, 0) && is(im, half))
}

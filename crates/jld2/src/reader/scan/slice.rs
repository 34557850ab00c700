//! Numbers as a scan hands them on: bytes, and the type that they are of.

use crate::h5::{Datatype, Error, Result};
use crate::julia::{Element, NumberKind, Numeric, half, kind_of};
use crate::reader::Dataset;

/// The Julia types whose numbers a scan reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of the types")]
pub enum NumberType {
    Int8,
    Int16,
    Int32,
    Int64,
    UInt8,
    UInt16,
    UInt32,
    UInt64,
    Bool,
    Float16,
    Float32,
    Float64,
}

/// Consecutive numbers of a column.
#[derive(Debug, Clone, Copy)]
pub struct NumberSlice<'b> {
    number: NumberType,
    /// Whole numbers, the lowest byte of each first.
    bytes: &'b [u8],
}

impl NumberType {
    /// The type of numbers that are stored so; none if a scan does not read them.
    fn of(kind: NumberKind, size: u32) -> Option<Self> {
        Some(match (kind, size) {
            (NumberKind::Signed, 1) => Self::Int8,
            (NumberKind::Signed, 2) => Self::Int16,
            (NumberKind::Signed, 4) => Self::Int32,
            (NumberKind::Signed, 8) => Self::Int64,
            (NumberKind::Unsigned, 1) => Self::UInt8,
            (NumberKind::Unsigned, 2) => Self::UInt16,
            (NumberKind::Unsigned, 4) => Self::UInt32,
            (NumberKind::Unsigned, 8) => Self::UInt64,
            (NumberKind::Bool, 1) => Self::Bool,
            (NumberKind::Float, 2) => Self::Float16,
            (NumberKind::Float, 4) => Self::Float32,
            (NumberKind::Float, 8) => Self::Float64,
            _ => return None,
        })
    }

    /// The layout and type of a dataset's numbers, and how many there are.
    pub(super) fn of_dataset(dataset: &Dataset<'_>) -> Result<(Datatype, Self, u64)> {
        let types = dataset.types();
        let element = types.element(&dataset.data().datatype)?;
        let datatype = element.datatype();
        let plain = matches!(element, Element::Plain(_)).then(|| kind_of(datatype)).flatten();
        let Some(number) = plain.and_then(|kind| Self::of(kind, datatype.size)) else {
            let found = types.element_type(dataset.object(), &element)?;
            let expected = "a column of numbers: integers, floats or Bools of up to 8 bytes";
            return Err(Error::other_kind(dataset.at(), expected, found.to_string()));
        };
        let datatype = datatype.clone();
        let len = types.file().data_len(dataset.data(), &datatype)? / number.size() as u64;
        Ok((datatype, number, len))
    }

    /// Bytes of a number.
    pub fn size(self) -> usize {
        match self {
            Self::Int8 | Self::UInt8 | Self::Bool => 1,
            Self::Int16 | Self::UInt16 | Self::Float16 => 2,
            Self::Int32 | Self::UInt32 | Self::Float32 => 4,
            Self::Int64 | Self::UInt64 | Self::Float64 => 8,
        }
    }

    /// The type's name in Julia.
    pub fn julia(self) -> &'static str {
        match self {
            Self::Int8 => "Int8",
            Self::Int16 => "Int16",
            Self::Int32 => "Int32",
            Self::Int64 => "Int64",
            Self::UInt8 => "UInt8",
            Self::UInt16 => "UInt16",
            Self::UInt32 => "UInt32",
            Self::UInt64 => "UInt64",
            Self::Bool => "Bool",
            Self::Float16 => "Float16",
            Self::Float32 => "Float32",
            Self::Float64 => "Float64",
        }
    }

    /// Whether such a number can be NaN or have a fraction.
    pub fn is_float(self) -> bool {
        matches!(self, Self::Float16 | Self::Float32 | Self::Float64)
    }
}

impl<'b> NumberSlice<'b> {
    /// The numbers of these bytes; a rest of less than a number is left out.
    pub fn new(number: NumberType, bytes: &'b [u8]) -> Self {
        Self { number, bytes }
    }

    /// The type of the numbers.
    pub fn number_type(&self) -> NumberType {
        self.number
    }

    /// The bytes, the lowest of each number first.
    pub fn bytes(&self) -> &'b [u8] {
        self.bytes
    }

    /// How many numbers there are.
    pub fn len(&self) -> usize {
        self.bytes.len() / self.number.size()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers, if they are of type `T`.
    pub fn of<T: Numeric>(&self) -> Option<impl Iterator<Item = T> + use<'b, T>> {
        let same = T::JULIA.strip_prefix("Core.") == Some(self.number.julia());
        same.then(|| self.stored())
    }

    fn stored<T: Numeric>(&self) -> impl Iterator<Item = T> + use<'b, T> {
        self.bytes.chunks_exact(T::SIZE).map(T::from_stored)
    }

    /// The numbers as Julia's `Float64(x)` gives them: integers of more than 53 bits are rounded.
    pub fn floats(&self) -> impl Iterator<Item = f64> + use<'b> {
        let mut all = Vec::new();
        self.floats_into(&mut all);
        all.into_iter()
    }

    /// Puts the numbers into `out` instead of what is in it, as [`floats`](Self::floats) gives them.
    pub fn floats_into(&self, out: &mut Vec<f64>) {
        #[expect(clippy::cast_precision_loss, reason = "Julia rounds in the same way")]
        let (signed, unsigned) = (|i: i64| i as f64, |i: u64| i as f64);
        out.clear();
        match self.number {
            NumberType::Int8 => out.extend(self.stored::<i8>().map(f64::from)),
            NumberType::Int16 => out.extend(self.stored::<i16>().map(f64::from)),
            NumberType::Int32 => out.extend(self.stored::<i32>().map(f64::from)),
            NumberType::Int64 => out.extend(self.stored::<i64>().map(signed)),
            NumberType::UInt8 => out.extend(self.stored::<u8>().map(f64::from)),
            NumberType::UInt16 => out.extend(self.stored::<u16>().map(f64::from)),
            NumberType::UInt32 => out.extend(self.stored::<u32>().map(f64::from)),
            NumberType::UInt64 => out.extend(self.stored::<u64>().map(unsigned)),
            NumberType::Bool => out.extend(self.stored::<bool>().map(|b| f64::from(u8::from(b)))),
            NumberType::Float16 => out.extend(self.stored::<u16>().map(half)),
            NumberType::Float32 => out.extend(self.stored::<f32>().map(f64::from)),
            NumberType::Float64 => out.extend(self.stored::<f64>()),
        }
    }

    /// The numbers, exactly, if they are integers or Bools.
    pub fn integers(&self) -> Option<Vec<i128>> {
        let mut out = Vec::new();
        self.integers_into(&mut out).then_some(out)
    }

    /// Puts the numbers into `out` instead of what is in it; whether they are integers or Bools.
    pub fn integers_into(&self, out: &mut Vec<i128>) -> bool {
        out.clear();
        match self.number {
            NumberType::Int8 => out.extend(self.stored::<i8>().map(i128::from)),
            NumberType::Int16 => out.extend(self.stored::<i16>().map(i128::from)),
            NumberType::Int32 => out.extend(self.stored::<i32>().map(i128::from)),
            NumberType::Int64 => out.extend(self.stored::<i64>().map(i128::from)),
            NumberType::UInt8 => out.extend(self.stored::<u8>().map(i128::from)),
            NumberType::UInt16 => out.extend(self.stored::<u16>().map(i128::from)),
            NumberType::UInt32 => out.extend(self.stored::<u32>().map(i128::from)),
            NumberType::UInt64 => out.extend(self.stored::<u64>().map(i128::from)),
            NumberType::Bool => out.extend(self.stored::<bool>().map(i128::from)),
            NumberType::Float16 | NumberType::Float32 | NumberType::Float64 => return false,
        }
        true
    }
}

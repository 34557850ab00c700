//! Numbers as Julia's types have them, and one type of number as another.

use super::{Number, NumberKind};
use crate::h5::{Class, Datatype};

/// A type of number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NumberType {
    /// `Core.Bool`.
    Bool,
    /// `Core.Int8`.
    Int8,
    /// `Core.Int16`.
    Int16,
    /// `Core.Int32`.
    Int32,
    /// `Core.Int64`.
    Int64,
    /// `Core.UInt8`.
    UInt8,
    /// `Core.UInt16`.
    UInt16,
    /// `Core.UInt32`.
    UInt32,
    /// `Core.UInt64`.
    UInt64,
    /// `Core.Float32`.
    Float32,
    /// `Core.Float64`.
    Float64,
}

/// A number, little-endian, in the first bytes.
pub type NumberBytes = [u8; 8];

impl NumberType {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::Bool,
        Self::Int8,
        Self::Int16,
        Self::Int32,
        Self::Int64,
        Self::UInt8,
        Self::UInt16,
        Self::UInt32,
        Self::UInt64,
        Self::Float32,
        Self::Float64,
    ];

    /// The type's full name, `Core.Int64`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Bool => "Core.Bool",
            Self::Int8 => "Core.Int8",
            Self::Int16 => "Core.Int16",
            Self::Int32 => "Core.Int32",
            Self::Int64 => "Core.Int64",
            Self::UInt8 => "Core.UInt8",
            Self::UInt16 => "Core.UInt16",
            Self::UInt32 => "Core.UInt32",
            Self::UInt64 => "Core.UInt64",
            Self::Float32 => "Core.Float32",
            Self::Float64 => "Core.Float64",
        }
    }

    /// The type of this name, with or without `Core.`.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.strip_prefix("Core.").unwrap_or(name);
        Self::ALL.into_iter().find(|t| t.name().strip_prefix("Core.") == Some(name))
    }

    /// What numbers of a plain datatype are.
    pub fn of(datatype: &Datatype) -> Option<Self> {
        if let Class::Enum(_) | Class::Opaque = datatype.class {
            return None;
        }
        let kind = NumberKind::of(datatype)?;
        Self::ALL.into_iter().find(|t| t.kind() == kind && t.size() == datatype.size as usize)
    }

    /// Bytes of a number.
    pub fn size(self) -> usize {
        match self {
            Self::Bool | Self::Int8 | Self::UInt8 => 1,
            Self::Int16 | Self::UInt16 => 2,
            Self::Int32 | Self::UInt32 | Self::Float32 => 4,
            Self::Int64 | Self::UInt64 | Self::Float64 => 8,
        }
    }

    /// What the bytes mean.
    pub fn kind(self) -> NumberKind {
        match self {
            Self::Bool => NumberKind::Bool,
            Self::Int8 | Self::Int16 | Self::Int32 | Self::Int64 => NumberKind::Signed,
            Self::UInt8 | Self::UInt16 | Self::UInt32 | Self::UInt64 => NumberKind::Unsigned,
            Self::Float32 | Self::Float64 => NumberKind::Float,
        }
    }

    /// How JLD2 stores them.
    pub fn datatype(self) -> Datatype {
        match self {
            Self::Bool => Datatype::boolean(),
            Self::Float32 => Datatype::float32(),
            Self::Float64 => Datatype::float64(),
            Self::Int8 | Self::Int16 | Self::Int32 | Self::Int64 => {
                Datatype::integer(self.bytes(), true)
            }
            Self::UInt8 | Self::UInt16 | Self::UInt32 | Self::UInt64 => {
                Datatype::integer(self.bytes(), false)
            }
        }
    }

    fn bytes(self) -> u32 {
        u32::try_from(self.size()).unwrap_or(0)
    }

    /// The number as one of this type, as Julia's `convert` has it: integers and whole
    /// floating-point numbers that are in range, and what is rounded to the nearest one where the
    /// type is a floating-point one. `None` where Julia throws an `InexactError`.
    pub fn convert(self, number: Number<'_>) -> Option<NumberBytes> {
        let mut out = NumberBytes::default();
        let mut put = |bytes: &[u8]| out.iter_mut().zip(bytes).for_each(|(to, b)| *to = *b);
        if let Self::Float32 | Self::Float64 = self {
            let wide = self == Self::Float64;
            #[expect(clippy::cast_precision_loss, reason = "the nearest number, as in Julia")]
            let whole = |i: i128| if wide { (i as f64, 0.0) } else { (0.0, i as f32) };
            #[expect(clippy::cast_possible_truncation, reason = "the nearest number, as in Julia")]
            let (double, single) = match number.as_f64() {
                Some(value) => (value, value as f32),
                None => whole(number.as_i128()?),
            };
            if wide {
                put(&double.to_le_bytes());
            } else {
                put(&single.to_le_bytes());
            }
            return Some(out);
        }
        let value = match number.as_f64() {
            // Beyond 2^64 nothing is in range.
            #[expect(clippy::cast_possible_truncation, reason = "whole, and in range")]
            Some(value) if value.fract() == 0.0 && value.abs() < 2e19 => value as i128,
            Some(_) => return None,
            None => number.as_i128()?,
        };
        let bits = 8 * self.bytes();
        let (least, most) = match self.kind() {
            NumberKind::Bool => (0, 1),
            NumberKind::Signed => (-(1_i128 << (bits - 1)), (1_i128 << (bits - 1)) - 1),
            _ => (0, (1_i128 << bits) - 1),
        };
        if !(least..=most).contains(&value) {
            return None;
        }
        put(&value.to_le_bytes());
        Some(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn convert(from: NumberType, bytes: &[u8], to: NumberType) -> Option<Vec<u8>> {
        let made = to.convert(Number { kind: from.kind(), bytes })?;
        Some(made[..to.size()].to_vec())
    }

    #[test]
    fn numbers_convert_as_in_julia() {
        use NumberType::{Bool, Float32, Float64, Int8, Int32, Int64, UInt8, UInt64};
        let wide = convert(Int32, &(-7_i32).to_le_bytes(), Int64);
        assert_eq!(wide, Some((-7_i64).to_le_bytes().to_vec()));
        let wide = convert(Float32, &0.1_f32.to_le_bytes(), Float64);
        assert_eq!(wide, Some(f64::from(0.1_f32).to_le_bytes().to_vec()));
        assert_eq!(convert(Int32, &300_i32.to_le_bytes(), UInt8), None);
        assert_eq!(convert(Int8, &[0xff], UInt64), None);
        assert_eq!(convert(Float64, &1.5_f64.to_le_bytes(), Int64), None);
        assert_eq!(convert(Float64, &3.0_f64.to_le_bytes(), Int8), Some(vec![3]));
        assert_eq!(convert(Float64, &f64::NAN.to_le_bytes(), Int64), None);
        assert_eq!(convert(Float64, &f64::INFINITY.to_le_bytes(), UInt64), None);
        assert_eq!(convert(Int64, &2_i64.to_le_bytes(), Bool), None);
        assert_eq!(convert(Bool, &[1], Float32), Some(1_f32.to_le_bytes().to_vec()));
        // Rounded once: by way of a Float64 it would be the even neighbour, 2^60.
        let near = (1_i64 << 60) + (1 << 36) + 1;
        assert_eq!(
            convert(Int64, &near.to_le_bytes(), Float32),
            Some(f32::from_bits(0x5d80_0001).to_le_bytes().to_vec())
        );
        let nan = f32::from_bits(0x7fc0_0001);
        let read = convert(Float32, &nan.to_le_bytes(), Float32).unwrap();
        assert!(f32::from_le_bytes(read.try_into().unwrap()).is_nan());
    }

    #[test]
    fn every_type_is_known_by_its_name_and_layout() {
        for t in NumberType::ALL {
            assert_eq!(NumberType::named(t.name()), Some(t));
            assert_eq!(NumberType::of(&t.datatype()), Some(t));
        }
        assert_eq!(NumberType::named("Int64"), Some(NumberType::Int64));
        assert_eq!(NumberType::named("Any"), None);
    }
}

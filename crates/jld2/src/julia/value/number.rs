//! Holds numbers, one by one and many of a type.

use crate::h5::{ByteOrder, Class, Datatype};
use crate::julia::number::{code_point, hex};
use crate::julia::{Number, NumberKind};
use std::fmt;

mod sealed {
    pub trait Sealed {}
}

/// A Rust type that numbers of one Julia type are read as: `f64` for `Float64`, `i32` for `Int32`,
/// `bool` for `Bool`. Nothing is converted, so nothing is lost: a `Float32` is not read as `f64`.
pub trait Numeric: sealed::Sealed + Copy + std::fmt::Debug + Send + Sync + 'static {
    /// The Julia type, with its module.
    const JULIA: &'static str;
    /// Bytes of one number.
    const SIZE: usize;
    /// Whether numbers of this layout are read as this type.
    fn fits(kind: NumberKind) -> bool;
    /// The number of these little-endian bytes; bytes that are not there are 0.
    fn from_stored(bytes: &[u8]) -> Self;
    /// The numbers of an array, if they are of this type.
    fn of(vector: &Vector) -> Option<&[Self]>;
}

macro_rules! numbers {
    ($($variant:ident $t:ty, $julia:literal, $kind:ident, $text:literal;)*) => {
        $(
            impl sealed::Sealed for $t {}
            impl Numeric for $t {
                const JULIA: &'static str = $julia;
                const SIZE: usize = size_of::<$t>();
                fn fits(kind: NumberKind) -> bool {
                    kind == NumberKind::$kind
                }
                // Called for each number, also from other crates, which inline only what says so.
                #[inline]
                fn from_stored(bytes: &[u8]) -> Self {
                    // One load, where all bytes are there: nearly always.
                    if let Some(own) = bytes.first_chunk() {
                        return <$t>::from_le_bytes(*own);
                    }
                    let mut own = [0; size_of::<$t>()];
                    own.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
                    <$t>::from_le_bytes(own)
                }
                fn of(vector: &Vector) -> Option<&[Self]> {
                    match vector {
                        Vector::$variant(values) => Some(values),
                        _ => None,
                    }
                }
            }
        )*

        /// A number of one of Julia's own types.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum Scalar {
            $(#[doc = $text] $variant($t),)*
            /// A `Bool`.
            Bool(bool),
            /// A `Float16`, by its bits.
            Float16(u16),
            /// A `Char`: its code point, or its bits if it is not a valid one.
            Char(u32),
            /// Any other number, its lowest byte first.
            Bits(Vec<u8>),
        }

        /// Many numbers of one type, in Julia's (column-major) order.
        #[derive(Debug, Clone, PartialEq)]
        #[non_exhaustive]
        pub enum Vector {
            $(#[doc = $text] $variant(Vec<$t>),)*
            /// A `Bool`.
            Bool(Vec<bool>),
            /// A `Float16`, by its bits.
            Float16(Vec<u16>),
        }

        impl Scalar {
            /// The number that is stored so.
            pub fn of(number: Number<'_>) -> Self {
                let Number { kind, bytes } = number;
                match (kind, bytes.len()) {
                    $((NumberKind::$kind, <$t as Numeric>::SIZE) => {
                        Self::$variant(<$t as Numeric>::from_stored(bytes))
                    })*
                    (NumberKind::Bool, _) => Self::Bool(number.is_true()),
                    (NumberKind::Char, _) => Self::Char(code_point(bytes)),
                    (NumberKind::Float, 2) => Self::Float16(u16::from_stored(bytes)),
                    _ => Self::Bits(bytes.to_vec()),
                }
            }

            /// The Julia type of such a number; none for bits.
            pub fn julia_name(&self) -> Option<&'static str> {
                match self {
                    $(Self::$variant(_) => Some($julia),)*
                    Self::Bool(_) => Some("Core.Bool"),
                    Self::Float16(_) => Some("Core.Float16"),
                    Self::Char(_) => Some("Core.Char"),
                    Self::Bits(_) => None,
                }
            }

            /// The bytes as they are stored, the lowest first.
            fn stored(&self) -> (NumberKind, Vec<u8>) {
                match self {
                    $(Self::$variant(v) => (NumberKind::$kind, v.to_le_bytes().to_vec()),)*
                    Self::Bool(v) => (NumberKind::Bool, vec![u8::from(*v)]),
                    Self::Float16(v) => (NumberKind::Float, v.to_le_bytes().to_vec()),
                    Self::Char(v) => (NumberKind::Unsigned, v.to_le_bytes().to_vec()),
                    Self::Bits(v) => (NumberKind::Bits, v.clone()),
                }
            }
        }

        impl Vector {
            /// An empty one for numbers that are stored so; none if no Rust type holds them.
            pub(super) fn empty(kind: NumberKind, size: usize) -> Option<Self> {
                match (kind, size) {
                    $((NumberKind::$kind, <$t as Numeric>::SIZE) => Some(Self::$variant(Vec::new())),)*
                    (NumberKind::Bool, 1) => Some(Self::Bool(Vec::new())),
                    (NumberKind::Float, 2) => Some(Self::Float16(Vec::new())),
                    _ => None,
                }
            }

            /// Adds the numbers of these bytes.
            pub(super) fn push_bytes(&mut self, bytes: &[u8]) {
                match self {
                    $(Self::$variant(values) => extend(values, bytes),)*
                    Self::Bool(values) => extend(values, bytes),
                    Self::Float16(values) => extend(values, bytes),
                }
            }

            /// How many there are.
            pub fn len(&self) -> usize {
                match self {
                    $(Self::$variant(values) => values.len(),)*
                    Self::Bool(values) => values.len(),
                    Self::Float16(values) => values.len(),
                }
            }

            /// The number at `i`, counted from 0.
            pub fn get(&self, i: usize) -> Option<Scalar> {
                match self {
                    $(Self::$variant(values) => values.get(i).copied().map(Scalar::$variant),)*
                    Self::Bool(values) => values.get(i).copied().map(Scalar::Bool),
                    Self::Float16(values) => values.get(i).copied().map(Scalar::Float16),
                }
            }
        }

        impl fmt::Display for Scalar {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$variant(v) => fmt::Debug::fmt(v, f),)*
                    Self::Bool(v) => v.fmt(f),
                    Self::Float16(_) => fmt::Debug::fmt(&self.as_f64().unwrap_or(f64::NAN), f),
                    Self::Char(v) => match char::from_u32(*v) {
                        Some(c) => write!(f, "{c:?}"),
                        None => write!(f, "'\\x{v:08x}'"),
                    },
                    Self::Bits(v) => write!(f, "0x{}", hex(v.iter().rev().collect::<Vec<_>>().into_iter())),
                }
            }
        }
    };
}

numbers! {
    Int8 i8, "Core.Int8", Signed, "An `Int8`.";
    Int16 i16, "Core.Int16", Signed, "An `Int16`.";
    Int32 i32, "Core.Int32", Signed, "An `Int32`.";
    Int64 i64, "Core.Int64", Signed, "An `Int64`.";
    Int128 i128, "Core.Int128", Signed, "An `Int128`.";
    UInt8 u8, "Core.UInt8", Unsigned, "A `UInt8`.";
    UInt16 u16, "Core.UInt16", Unsigned, "A `UInt16`.";
    UInt32 u32, "Core.UInt32", Unsigned, "A `UInt32`.";
    UInt64 u64, "Core.UInt64", Unsigned, "A `UInt64`.";
    UInt128 u128, "Core.UInt128", Unsigned, "A `UInt128`.";
    Float32 f32, "Core.Float32", Float, "A `Float32`.";
    Float64 f64, "Core.Float64", Float, "A `Float64`.";
}

impl sealed::Sealed for bool {}

impl Numeric for bool {
    const JULIA: &'static str = "Core.Bool";
    const SIZE: usize = 1;

    fn fits(kind: NumberKind) -> bool {
        kind == NumberKind::Bool
    }

    #[inline]
    fn from_stored(bytes: &[u8]) -> Self {
        bytes.iter().any(|&b| b != 0)
    }

    fn of(vector: &Vector) -> Option<&[Self]> {
        match vector {
            Vector::Bool(values) => Some(values),
            _ => None,
        }
    }
}

/// Adds the numbers of these bytes.
pub(crate) fn extend<T: Numeric>(values: &mut Vec<T>, bytes: &[u8]) {
    values.extend(bytes.chunks_exact(T::SIZE).map(T::from_stored));
}

/// Whether numbers of this layout have their lowest byte first, as JLD2 writes them.
pub(crate) fn is_little_endian(datatype: &Datatype) -> bool {
    match &datatype.class {
        Class::FixedPoint { order, .. } | Class::Float { order, .. } => *order == ByteOrder::Little,
        Class::Enum(base) => is_little_endian(base),
        _ => true,
    }
}

impl Scalar {
    /// The number if it is an integer that an `i128` holds; Bool and Char count.
    pub fn as_i128(&self) -> Option<i128> {
        let (kind, bytes) = self.stored();
        Number { kind, bytes: &bytes }.as_i128()
    }

    /// The number if it is a floating-point one; `Float16` and `Float32` widen without loss.
    pub fn as_f64(&self) -> Option<f64> {
        let (kind, bytes) = self.stored();
        Number { kind, bytes: &bytes }.as_f64()
    }
}

impl Vector {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The numbers, if they are of this type.
    pub fn as_slice<T: Numeric>(&self) -> Option<&[T]> {
        T::of(self)
    }
}

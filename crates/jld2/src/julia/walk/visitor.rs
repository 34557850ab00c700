//! Says what a walk through a value tells of it, step by step.

use super::numbers::Numbers;
use crate::h5::{Class, Datatype, Result};
use crate::julia::JuliaType;
use crate::julia::number::{code_point, integer};
use std::fmt;
use std::io::Read;

/// Whoever wants to know what a value is made of, in order and without holding it whole: one that
/// writes it, builds something of it, or compares it.
///
/// A value is one call ([`number`](Self::number), [`text`](Self::text), …) or an
/// [`enter`](Self::enter), its parts, each announced by [`field`](Self::field) or
/// [`item`](Self::item), and a [`leave`](Self::leave). An error ends the walk.
pub trait Visitor {
    /// A number, Bool, Char, or instance of another primitive type.
    ///
    /// # Errors
    /// The visitor's own.
    fn number(&mut self, t: TypeName<'_>, number: Number<'_>) -> Result<()>;

    /// A string or symbol; bytes that are not UTF-8 may occur.
    ///
    /// # Errors
    /// The visitor's own.
    fn text(&mut self, t: TypeName<'_>, text: &[u8]) -> Result<()>;

    /// As [`text`](Self::text), for text that may be too long to hold.
    ///
    /// # Errors
    /// The visitor's own, and what goes wrong with reading.
    fn long_text(&mut self, t: TypeName<'_>, text: &mut TextStream<'_>) -> Result<()>;

    /// A type as a value; `kind` is `Core.DataType`, `Core.Union` or `Core.UnionAll`.
    ///
    /// # Errors
    /// The visitor's own.
    fn type_value(&mut self, kind: &'static str, value: &JuliaType) -> Result<()>;

    /// A value that an override brought along: `json` is what the canonical form says of it.
    ///
    /// # Errors
    /// The visitor's own.
    fn known(&mut self, t: TypeName<'_>, json: &str) -> Result<()>;

    /// An array of numbers, whose data wait to be read or not.
    ///
    /// # Errors
    /// The visitor's own, and what goes wrong with reading.
    fn numbers(
        &mut self,
        t: TypeName<'_>,
        id: Option<u64>,
        dims: &[u64],
        numbers: &Numbers<'_>,
    ) -> Result<()>;

    /// A value with parts begins. The object gets the number `id` if it can be met again.
    ///
    /// # Errors
    /// The visitor's own.
    fn enter(&mut self, t: TypeName<'_>, id: Option<u64>, shape: Shape<'_>) -> Result<()>;

    /// A key and a value begin: two items of a dictionary's item.
    ///
    /// # Errors
    /// The visitor's own.
    fn enter_pair(&mut self) -> Result<()>;

    /// The part numbered `index`, from 0, of what was entered last comes next: a field.
    ///
    /// # Errors
    /// The visitor's own.
    fn field(&mut self, index: usize, name: &str) -> Result<()>;

    /// As [`field`](Self::field), for what has parts without names.
    ///
    /// # Errors
    /// The visitor's own.
    fn item(&mut self, index: u64) -> Result<()>;

    /// What was entered last ends; `more` parts were left out.
    ///
    /// # Errors
    /// The visitor's own.
    fn leave(&mut self, parts: Parts, more: u64) -> Result<()>;

    /// The object that has the number `id`, met again.
    ///
    /// # Errors
    /// The visitor's own.
    fn again(&mut self, id: u64) -> Result<()>;

    /// Nothing: an element that is not assigned, or an undefined field.
    ///
    /// # Errors
    /// The visitor's own.
    fn undefined(&mut self) -> Result<()>;
}

/// The type of a value, as a type or by its name alone.
#[derive(Debug, Clone, Copy)]
pub enum TypeName<'t> {
    /// A type.
    Type(&'t JuliaType),
    /// A type's full name, with parameters if it has some.
    Name(&'t str),
}

impl TypeName<'_> {
    /// The type; of one that is known by name, that name.
    pub fn to_type(self) -> JuliaType {
        match self {
            Self::Type(t) => t.clone(),
            Self::Name(name) => JuliaType::plain(name),
        }
    }
}

impl fmt::Display for TypeName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(t) => t.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// What is entered.
#[derive(Debug, Clone, Copy)]
pub enum Shape<'d> {
    /// A struct or named tuple.
    Struct,
    /// A tuple.
    Tuple,
    /// An array that is none of numbers; its dimensions in Julia's order.
    Array(&'d [u64]),
    /// A dictionary, whose items are pairs.
    Dict,
}

/// What kind of parts end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts {
    /// The fields of a struct.
    Fields,
    /// The items of a tuple, an array or a dictionary.
    Items,
    /// The key and the value of a dictionary.
    Pair,
}

/// What the bytes of a number mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberKind {
    /// An integer with a sign.
    Signed,
    /// An integer without one.
    Unsigned,
    /// A floating-point number.
    Float,
    /// A Bool: true unless all bytes are 0.
    Bool,
    /// A Char, see [`Number::code_point`].
    Char,
    /// The bits of an instance of any other primitive type, or an enumeration's integer.
    Bits,
}

/// A number as it is stored, its lowest byte first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Number<'b> {
    /// What its bytes mean.
    pub kind: NumberKind,
    /// The bytes.
    pub bytes: &'b [u8],
}

impl NumberKind {
    /// What numbers of a plain datatype are; none if it is that of no number.
    pub(super) fn of(datatype: &Datatype) -> Option<Self> {
        match datatype.class {
            Class::FixedPoint { signed: true, .. } => Some(Self::Signed),
            Class::FixedPoint { signed: false, .. } => Some(Self::Unsigned),
            Class::Float { .. } => Some(Self::Float),
            Class::Bitfield => Some(Self::Bool),
            Class::Opaque => Some(Self::Bits),
            _ => None,
        }
    }
}

impl Number<'_> {
    /// The number if it is an integer (or Bool, code point, bits) that an `i128` holds.
    pub fn as_i128(self) -> Option<i128> {
        match self.kind {
            NumberKind::Float => None,
            NumberKind::Bool => Some(self.is_true().into()),
            NumberKind::Char => Some(self.code_point().into()),
            NumberKind::Signed | NumberKind::Bits => integer(self.bytes, true),
            NumberKind::Unsigned => integer(self.bytes, false),
        }
    }

    /// The number if it is a floating-point one of 2, 4 or 8 bytes: each is an `f64`, too.
    pub fn as_f64(self) -> Option<f64> {
        match (self.kind, self.bytes) {
            (NumberKind::Float, &[a, b]) => Some(half(u16::from_le_bytes([a, b]))),
            (NumberKind::Float, &[a, b, c, d]) => Some(f32::from_le_bytes([a, b, c, d]).into()),
            (NumberKind::Float, bytes) => <[u8; 8]>::try_from(bytes).ok().map(f64::from_le_bytes),
            _ => None,
        }
    }

    /// Whether any bit is set: what a Bool says.
    pub fn is_true(self) -> bool {
        self.bytes.iter().any(|&b| b != 0)
    }

    /// The code point of a Char; of one that is not valid, its bits.
    pub fn code_point(self) -> u32 {
        code_point(self.bytes)
    }
}

/// The value of an IEEE half-precision number: a sign, 5 bits of exponent and 10 of mantissa.
pub fn half(bits: u16) -> f64 {
    let sign = if bits >> 15 == 0 { 1.0 } else { -1.0 };
    let (exponent, mantissa) = (i32::from(bits >> 10 & 0x1f), f64::from(bits & 0x3ff));
    match exponent {
        0 => sign * mantissa * 2_f64.powi(-24),
        0x1f if mantissa == 0.0 => sign * f64::INFINITY,
        0x1f => f64::NAN,
        _ => sign * (mantissa + 1024.0) * 2_f64.powi(exponent - 25),
    }
}

/// Text that is read as it is asked for.
pub struct TextStream<'r> {
    input: &'r mut dyn Read,
    len: u64,
    at: u64,
}

impl<'r> TextStream<'r> {
    /// `len` bytes of `input`, which stand at `at` in the file.
    pub(super) fn new(input: &'r mut dyn Read, len: u64, at: u64) -> Self {
        Self { input, len, at }
    }

    /// Length in bytes, from where it begins.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Offset in the file of the stored text.
    pub fn offset(&self) -> u64 {
        self.at
    }

    /// The bytes; no more than [`len`](Self::len) are part of the text.
    pub fn reader(&mut self) -> &mut dyn Read {
        self.input
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_as_ieee_has_it() {
        let half = |bits: u16| {
            Number { kind: NumberKind::Float, bytes: &bits.to_le_bytes() }.as_f64().unwrap()
        };
        assert_eq!(half(0x3c00).to_bits(), 1_f64.to_bits());
        assert_eq!(half(0xc000).to_bits(), (-2_f64).to_bits());
        assert_eq!(half(0x7bff).to_bits(), 65504_f64.to_bits());
        assert_eq!(half(0x0001).to_bits(), 2_f64.powi(-24).to_bits());
        assert_eq!(half(0x8000).to_bits(), (-0_f64).to_bits());
        assert_eq!(half(0x3555).to_bits(), 0.333_251_953_125_f64.to_bits());
        assert!(half(0x7e00).is_nan() && half(0xfc00) < f64::MIN);
    }

    #[test]
    fn integers_by_their_kind() {
        let number = |kind| Number { kind, bytes: &[0xff] };
        assert_eq!(number(NumberKind::Signed).as_i128(), Some(-1));
        assert_eq!(number(NumberKind::Unsigned).as_i128(), Some(255));
        assert_eq!(number(NumberKind::Bool).as_i128(), Some(1));
        assert_eq!(number(NumberKind::Float).as_i128(), None);
        assert_eq!(number(NumberKind::Float).as_f64(), None);
    }
}

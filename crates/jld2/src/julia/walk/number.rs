//! Tells what the bytes of one number mean.

use crate::h5::{ByteOrder, Class, Datatype};
use crate::julia::number::{code_point, digits, integer, number};
use std::io::{self, Write};

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
    pub fn of(datatype: &Datatype) -> Option<Self> {
        match &datatype.class {
            Class::FixedPoint { signed: true, .. } => Some(Self::Signed),
            Class::FixedPoint { signed: false, .. } => Some(Self::Unsigned),
            // Of another form or size, such as long doubles, it is none that Julia has.
            Class::Float { properties, .. } => {
                (ieee(datatype.size) == Some(*properties)).then_some(Self::Float)
            }
            Class::Enum(base) => match &base.class {
                Class::FixedPoint { .. } => Self::of(base),
                _ => None,
            },
            Class::Bitfield => Some(Self::Bool),
            Class::Opaque => Some(Self::Bits),
            _ => None,
        }
    }
}

/// The properties of IEEE 754's numbers of so many bytes: bit offset and precision, place and bits
/// of exponent and mantissa, bias of the exponent.
fn ieee(size: u32) -> Option<[u8; 12]> {
    Some(match size {
        2 => [0, 0, 16, 0, 10, 5, 0, 10, 15, 0, 0, 0],
        4 => [0, 0, 32, 0, 23, 8, 0, 23, 127, 0, 0, 0],
        8 => [0, 0, 64, 0, 52, 11, 0, 52, 0xff, 3, 0, 0],
        _ => return None,
    })
}

/// Does `tell` with the bytes of a number, the lowest first, however they are stored.
pub(in crate::julia) fn with_low_byte_first<T>(
    datatype: &Datatype,
    bytes: &[u8],
    tell: impl FnOnce(&[u8]) -> T,
) -> T {
    let mut swapped = [0; 16];
    match swapped.get_mut(..bytes.len()) {
        Some(to) if is_big_endian(datatype) => {
            to.iter_mut().zip(bytes.iter().rev()).for_each(|(to, from)| *to = *from);
            tell(to)
        }
        _ => tell(bytes),
    }
}

/// Whether numbers are stored with their highest byte first.
pub(super) fn is_big_endian(datatype: &Datatype) -> bool {
    match &datatype.class {
        Class::FixedPoint { order, .. } | Class::Float { order, .. } => *order == ByteOrder::Big,
        Class::Enum(base) => is_big_endian(base),
        _ => false,
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

    /// What the number is if it has no sign, where that is another one and the file does not say: JLD2
    /// stores enumerations and other primitive types as bits (docs/jld2-format.md, section 4). All
    /// other readings here take them to have a sign.
    pub fn without_sign(self) -> Option<String> {
        let negative = self.bytes.last().is_some_and(|&last| last >= 0x80);
        (self.kind == NumberKind::Bits && negative).then(|| number(self.bytes, false))
    }

    /// The number as people write it, for messages: `1.5`, `300`, `NaN`.
    pub fn told(self) -> String {
        match (self.as_f64(), self.bytes.len()) {
            // In as many digits as tell it from its neighbours.
            (Some(value), ..=4) => {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "it was one of 4 bytes or less"
                )]
                let value = value as f32;
                format!("{value:?}")
            }
            (Some(value), _) => format!("{value:?}"),
            (None, _) => self.as_i128().map_or_else(|| self.canonical(), |value| value.to_string()),
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

    /// The number as the canonical form has it, in JSON: an integer, `true` or `false`, the code
    /// point of a Char; of a floating-point number, and of bits that are more than 16 bytes, a
    /// string of `0x` and their hex digits.
    pub fn canonical(self) -> String {
        match self.kind {
            NumberKind::Signed | NumberKind::Bits => number(self.bytes, true),
            NumberKind::Unsigned => number(self.bytes, false),
            NumberKind::Float => format!("\"0x{}\"", digits(self.bytes)),
            NumberKind::Bool => self.is_true().to_string(),
            NumberKind::Char => self.code_point().to_string(),
        }
    }

    /// Writes what [`Self::canonical`] gives.
    pub(in crate::julia) fn write(self, out: &mut dyn Write) -> io::Result<()> {
        // Most fit, and are written without being made text first.
        let signed = match self.kind {
            NumberKind::Signed | NumberKind::Bits => Some(true),
            NumberKind::Unsigned => Some(false),
            NumberKind::Float if matches!(self.bytes.len(), 1..=8) => {
                let mut wide = [0; 8];
                wide.iter_mut().zip(self.bytes).for_each(|(to, from)| *to = *from);
                return write_bits(out, u64::from_le_bytes(wide), 2 * self.bytes.len());
            }
            NumberKind::Float | NumberKind::Bool | NumberKind::Char => None,
        };
        match signed.and_then(|signed| integer(self.bytes, signed)).map(i64::try_from) {
            Some(Ok(integer)) => write!(out, "{integer}"),
            _ => out.write_all(self.canonical().as_bytes()),
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

/// Writes the lowest `width` hex digits of `bits`, at most sixteen, as a string with `0x` in front.
fn write_bits(out: &mut dyn Write, bits: u64, width: usize) -> io::Result<()> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = *b"\"0x0000000000000000\"";
    if let Some(digits) = text.get_mut(3..3 + width) {
        for (shift, to) in (0..).step_by(4).zip(digits.iter_mut().rev()) {
            let digit = usize::try_from(bits >> shift & 0xf).unwrap_or(0);
            *to = DIGITS.get(digit).copied().unwrap_or(b'0');
        }
    }
    if let Some(end) = text.get_mut(3 + width) {
        *end = b'"';
    }
    out.write_all(text.get(..width + 4).unwrap_or_default())
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
    fn numbers_are_written_as_their_canonical_form() {
        let kinds = [
            NumberKind::Signed,
            NumberKind::Unsigned,
            NumberKind::Float,
            NumberKind::Bool,
            NumberKind::Char,
            NumberKind::Bits,
        ];
        for kind in kinds {
            for width in 0..20 {
                for fill in [0, 1, 0x7f, 0x80, 0xff] {
                    let mut bytes = vec![fill; width];
                    bytes.iter_mut().zip(1..).take(3).for_each(|(byte, i)| *byte ^= i);
                    let number = Number { kind, bytes: &bytes };
                    let mut out = Vec::new();
                    number.write(&mut out).unwrap();
                    assert_eq!(String::from_utf8(out).unwrap(), number.canonical(), "{number:?}");
                }
            }
        }
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

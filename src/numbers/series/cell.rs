//! A number as it stands in a series.

use crate::numbers::condition::Number;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A number of a series. Its text has all digits: what reads it gets the same bits.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cell {
    /// A number of integers, or of things.
    Integer(i64),
    /// Any other; its text has a point, an exponent, or is `NaN`, `inf` or `-inf`.
    Float(f64),
}

impl Cell {
    /// The number as a float.
    pub fn float(self) -> f64 {
        match self {
            #[expect(clippy::cast_precision_loss, reason = "who wants a float wants this")]
            Self::Integer(i) => i as f64,
            Self::Float(x) => x,
        }
    }

    /// So many things.
    pub fn count(n: u64) -> Self {
        Number::Integer(i128::from(n)).into()
    }
}

impl From<Number> for Cell {
    fn from(number: Number) -> Self {
        match number {
            Number::Integer(i) => {
                i64::try_from(i).map_or_else(|_| Self::Float(number.float()), Self::Integer)
            }
            Number::Float(x) => Self::Float(x),
        }
    }
}

impl fmt::Display for Cell {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(i) => write!(out, "{i}"),
            Self::Float(x) => write!(out, "{x:?}"),
        }
    }
}

impl FromStr for Cell {
    type Err = std::num::ParseFloatError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map_or_else(|_| text.parse().map(Self::Float), |i| Ok(Self::Integer(i)))
    }
}

impl Serialize for Cell {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Cell {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_text_of_a_cell_gives_the_same_bits(bits: u64, i: i64) {
            let x = f64::from_bits(bits);
            let Ok(Cell::Float(read)) = Cell::Float(x).to_string().parse() else { panic!("{x}") };
            prop_assert!(read.to_bits() == bits || read.is_nan() && x.is_nan());
            prop_assert_eq!(Cell::Integer(i).to_string().parse(), Ok(Cell::Integer(i)));
        }
    }

    #[test]
    fn a_whole_float_stays_a_float() {
        for (cell, text) in [
            (Cell::Float(5.0), "5.0"),
            (Cell::Float(1e16), "1e16"),
            (Cell::Float(f64::NEG_INFINITY), "-inf"),
            (Cell::Integer(-5), "-5"),
        ] {
            assert_eq!(cell.to_string(), text);
            assert_eq!(text.parse(), Ok(cell));
        }
        assert_eq!(Cell::from(Number::Integer(1 << 70)), Cell::Float(2.0_f64.powi(70)));
        assert!("five".parse::<Cell>().is_err());
    }
}

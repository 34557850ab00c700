//! The values of one column.

use super::cells::{Cell, Cells};
use super::field::{Field, Noise};
use jldconv::codec::{self, Reader};
use jldconv::h5::{Class, Datatype};
use std::io::{self, BufRead, Read};

/// Rows that are made at once.
const PIECE: usize = 8192;

/// What a column holds, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Level,
    X,
    Y,
    Z,
    /// Numbers of particles, in no order.
    Id,
    /// One of a few.
    Kind,
    /// Positive, over orders of magnitude.
    Log,
    /// Of either sign.
    Signed,
    /// As before, computed in single precision.
    Single,
}

/// How a value is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stored {
    Integer(usize),
    Double,
    Single,
}

/// A column of a table, as a source of bytes that are made while they are read.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    meaning: Meaning,
    stored: Stored,
    rows: u64,
    /// Seed of the values.
    seed: u64,
    /// Seed of the mesh, the same for all columns of a table.
    mesh: u64,
}

impl Column {
    /// The column `name` with elements of this type; `None` if there are no such columns.
    pub(crate) fn new(name: &str, datatype: &Datatype) -> Option<Self> {
        let stored = match (&datatype.class, datatype.size) {
            (Class::FixedPoint { .. }, size @ 1..=8) => {
                Stored::Integer(usize::try_from(size).ok()?)
            }
            (Class::Float { .. }, 8) => Stored::Double,
            (Class::Float { .. }, 4) => Stored::Single,
            _ => return None,
        };
        let integer = matches!(stored, Stored::Integer(_));
        let meaning = match name {
            "level" => Meaning::Level,
            "cx" => Meaning::X,
            "cy" => Meaning::Y,
            "cz" => Meaning::Z,
            "id" => Meaning::Id,
            _ if integer => Meaning::Kind,
            "p" | "mass" | "birth" => Meaning::Log,
            _ if name.starts_with("rho") => Meaning::Log,
            _ if name.starts_with("var") => Meaning::Single,
            _ => Meaning::Signed,
        };
        Some(Self { meaning, stored, rows: 0, seed: 0, mesh: 0 })
    }

    /// This column with so many rows of made-up values.
    pub(crate) fn with(&self, rows: u64, seed: u64, mesh: u64) -> Self {
        Self { rows, seed, mesh, ..self.clone() }
    }

    /// Bytes of a value.
    pub(crate) fn width(&self) -> usize {
        match self.stored {
            Stored::Integer(width) => width,
            Stored::Double => 8,
            Stored::Single => 4,
        }
    }
}

impl codec::StreamSource for Column {
    fn total(&self) -> u64 {
        self.rows.saturating_mul(self.width() as u64)
    }

    fn open(&self) -> Result<Reader<'_>, codec::Error> {
        Ok(Box::new(Values {
            meaning: self.meaning,
            stored: self.stored,
            left: self.rows,
            cells: Cells::new(self.rows, self.mesh),
            field: Field::new(self.seed),
            noise: Noise::new(!self.seed),
            buffer: Vec::new(),
            at: 0,
        }))
    }
}

/// Makes values in pieces.
struct Values {
    meaning: Meaning,
    stored: Stored,
    left: u64,
    cells: Cells,
    field: Field,
    noise: Noise,
    buffer: Vec<u8>,
    at: usize,
}

impl Values {
    fn push(&mut self) {
        let mut cell = |pick: fn(Cell) -> u64| self.cells.next().map_or(0, pick);
        let integer = match self.meaning {
            Meaning::Level => Some(cell(|c| u64::from(c.level))),
            Meaning::X => Some(cell(|c| c.x)),
            Meaning::Y => Some(cell(|c| c.y)),
            Meaning::Z => Some(cell(|c| c.z)),
            Meaning::Id => Some(self.noise.below(1 << 31)),
            Meaning::Kind => Some(self.noise.below(4)),
            Meaning::Log | Meaning::Signed | Meaning::Single => None,
        };
        #[expect(clippy::cast_precision_loss, reason = "levels and places are small")]
        let value = match (integer, self.meaning) {
            (Some(integer), _) => integer as f64,
            (None, Meaning::Log) => (4.0 * self.field.value()).exp(),
            (None, Meaning::Single) => f64::from(single(self.field.value())),
            (None, _) => self.field.value(),
        };
        match self.stored {
            Stored::Integer(width) => {
                self.buffer.extend(integer.unwrap_or(0).to_le_bytes().iter().take(width));
            }
            Stored::Double => self.buffer.extend(value.to_le_bytes()),
            Stored::Single => self.buffer.extend(single(value).to_le_bytes()),
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "what single precision is")]
fn single(value: f64) -> f32 {
    value as f32
}

impl BufRead for Values {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.at >= self.buffer.len() {
            self.buffer.clear();
            self.at = 0;
            let rows = self.left.min(PIECE as u64);
            (0..rows).for_each(|_| self.push());
            self.left -= rows;
        }
        Ok(self.buffer.get(self.at..).unwrap_or_default())
    }

    fn consume(&mut self, amount: usize) {
        self.at = self.at.saturating_add(amount).min(self.buffer.len());
    }
}

impl Read for Values {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let n = self.fill_buf()?.read(out)?;
        self.consume(n);
        Ok(n)
    }
}

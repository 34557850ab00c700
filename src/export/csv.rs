//! Writes CSV: a line with the columns' names, then one for each row. Numbers have as many digits as
//! they need to be read back exactly; integers are integers.

use super::batches::batches;
use super::{ExportError, Sheet, Watch};
use jld2::{NumberSlice, NumberType};
use std::fmt::{Debug, Write as _};
use std::io::Write;

/// Rows that are put into words at once.
const ROWS: usize = 4096;

pub(super) fn write(
    sheet: &Sheet<'_>,
    watch: &Watch<'_>,
    out: &mut (dyn Write + Send),
) -> Result<(), ExportError> {
    let names: Vec<_> = sheet.heads.iter().map(|head| quoted(&head.label())).collect();
    writeln!(out, "{}", names.join(","))?;
    let numbers: Vec<NumberType> = sheet.heads.iter().map(|head| head.number).collect();
    let mut text = String::new();
    let mut cells: Vec<Cells> = numbers.iter().map(|_| Cells::default()).collect();
    batches(&sheet.all()?, ROWS, watch, |columns, rows| {
        for ((bytes, number), cells) in columns.iter().zip(&numbers).zip(&mut cells) {
            cells.fill(NumberSlice::new(*number, bytes));
        }
        text.clear();
        for row in 0..rows {
            for (i, cells) in cells.iter().enumerate() {
                if i > 0 {
                    text.push(',');
                }
                text.push_str(cells.at(row));
            }
            text.push('\n');
        }
        out.write_all(text.as_bytes())?;
        Ok(())
    })?;
    out.flush()?;
    Ok(())
}

/// A column's numbers in words, one behind the other.
#[derive(Debug, Default)]
struct Cells {
    text: String,
    /// Where each ends.
    ends: Vec<usize>,
}

impl Cells {
    fn fill(&mut self, slice: NumberSlice<'_>) {
        self.text.clear();
        self.ends.clear();
        match slice.number_type() {
            NumberType::Int8 => self.put(slice.of::<i8>()),
            NumberType::Int16 => self.put(slice.of::<i16>()),
            NumberType::Int32 => self.put(slice.of::<i32>()),
            NumberType::Int64 => self.put(slice.of::<i64>()),
            NumberType::UInt8 => self.put(slice.of::<u8>()),
            NumberType::UInt16 => self.put(slice.of::<u16>()),
            NumberType::UInt32 => self.put(slice.of::<u32>()),
            NumberType::UInt64 => self.put(slice.of::<u64>()),
            NumberType::Bool => self.put(slice.of::<bool>()),
            NumberType::Float32 => self.put(slice.of::<f32>()),
            NumberType::Float64 => self.put(slice.of::<f64>()),
            // Each is a number of 32 bits, too.
            #[expect(clippy::cast_possible_truncation, reason = "it has no more digits")]
            NumberType::Float16 => self.put(Some(slice.floats().map(|x| x as f32))),
        }
    }

    /// `Debug` writes as few digits as give the number again when they are read.
    fn put<T: Debug>(&mut self, numbers: Option<impl Iterator<Item = T>>) {
        for number in numbers.into_iter().flatten() {
            // A String takes everything.
            let _ = write!(self.text, "{number:?}");
            self.ends.push(self.text.len());
        }
    }

    fn at(&self, row: usize) -> &str {
        let end = self.ends.get(row).copied().unwrap_or(self.text.len());
        let begin = row.checked_sub(1).and_then(|row| self.ends.get(row)).copied().unwrap_or(0);
        self.text.get(begin..end).unwrap_or_default()
    }
}

/// A name as CSV has it: in quotes where it holds what means something there.
fn quoted(name: &str) -> String {
    if name.contains(['"', ',', '\n', '\r']) || name.trim() != name {
        format!("\"{}\"", name.replace('"', "\"\""))
    } else {
        name.to_owned()
    }
}

//! Writes NumPy's file of one array.
//!
//! One column is an array of its numbers, several are an array of records with the columns' names.
//! An array of several dimensions keeps Julia's order of indices (`fortran_order`): `a[1, 2]` in Julia
//! is `a[0, 1]` in Python.

use super::batches::{batches, column};
use super::{ExportError, Sheet, Watch};
use crate::numbers::{NpyLength, npy_header};
use jld2::NumberType;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Rows of records that are put together at once.
const ROWS: usize = 4096;

pub(super) fn write(
    sheet: &Sheet<'_>,
    watch: &Watch<'_>,
    out: &mut (dyn Write + Send),
) -> Result<(), ExportError> {
    if let [head] = sheet.heads.as_slice() {
        let shape = sheet.shape()?.unwrap_or_else(|| vec![sheet.rows]);
        out.write_all(&header(&descr(head.number), &shape))?;
        column(&sheet.all()?, watch, |bytes| Ok(out.write_all(bytes)?))?;
    } else {
        records(sheet, watch, out)?;
    }
    out.flush()?;
    Ok(())
}

/// Several columns as records.
fn records(
    sheet: &Sheet<'_>,
    watch: &Watch<'_>,
    out: &mut (dyn Write + Send),
) -> Result<(), ExportError> {
    let fields: Vec<_> = sheet
        .heads
        .iter()
        .map(|head| format!("({}, {})", python(&head.name), descr(head.number)))
        .collect();
    out.write_all(&header(&format!("[{}]", fields.join(", ")), &[sheet.rows]))?;
    let sizes: Vec<usize> = sheet.heads.iter().map(|head| head.number.size()).collect();
    let row_bytes: usize = sizes.iter().sum();
    let mut rows = Vec::new();
    batches(&sheet.all()?, ROWS, watch, |columns, count| {
        rows.resize(count * row_bytes, 0);
        let mut at = 0;
        for (column, &size) in columns.iter().zip(&sizes) {
            let places = rows.chunks_exact_mut(row_bytes);
            for (row, number) in places.zip(column.chunks_exact(size)) {
                if let Some(place) = row.get_mut(at..at + size) {
                    place.copy_from_slice(number);
                }
            }
            at += size;
        }
        out.write_all(&rows)?;
        Ok(())
    })
}

/// The bytes in front of the numbers of an array of this shape, the fastest dimension first.
fn header(descr: &str, shape: &[u64]) -> Vec<u8> {
    npy_header(NpyLength::Long, descr, shape)
}

/// A type's name in NumPy, in quotes: the lowest byte of each number comes first.
pub(super) fn descr(number: NumberType) -> String {
    format!("'{}'", dtype(number))
}

/// A type's name in NumPy.
pub(super) fn dtype(number: NumberType) -> &'static str {
    match number {
        NumberType::Int8 => "|i1",
        NumberType::Int16 => "<i2",
        NumberType::Int32 => "<i4",
        NumberType::Int64 => "<i8",
        NumberType::UInt8 => "|u1",
        NumberType::UInt16 => "<u2",
        NumberType::UInt32 => "<u4",
        NumberType::UInt64 => "<u8",
        NumberType::Bool => "|b1",
        NumberType::Float16 => "<f2",
        NumberType::Float32 => "<f4",
        NumberType::Float64 => "<f8",
    }
}

/// A text as Python writes it in a program.
fn python(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        match c {
            '\'' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => {
                // A String takes everything.
                let _ = write!(quoted, "\\u{:04x}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

/// Writes one column of a sheet as such a file inside another.
///
/// # Errors
/// As the sheet's query.
pub(super) fn write_column(
    sheet: &Sheet<'_>,
    place: usize,
    shape: &[u64],
    watch: &Watch<'_>,
    out: &mut dyn Write,
) -> Result<(), ExportError> {
    let number = sheet.heads.get(place).map_or(NumberType::Float64, |head| head.number);
    out.write_all(&header(&descr(number), shape))?;
    column(&sheet.query(&[place])?, watch, |bytes| Ok(out.write_all(bytes)?))
}

/// Bytes of what [`write_column`] writes.
pub(super) fn column_bytes(number: NumberType, shape: &[u64]) -> io::Result<u64> {
    let front = header(&descr(number), shape).len() as u64;
    shape
        .iter()
        .try_fold(number.size() as u64, |bytes, &d| bytes.checked_mul(d))
        .and_then(|bytes| bytes.checked_add(front))
        .ok_or_else(|| io::Error::other("an array of more bytes than a file has"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_as_python_writes_them() {
        assert_eq!(python("it's\\\n"), "'it\\'s\\\\\\u000a'");
    }
}

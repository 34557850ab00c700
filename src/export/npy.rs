//! Writes NumPy's file of one array. The format is described in NumPy's `numpy.lib.format`: a magic
//! text, a header that is a Python dictionary, the numbers.
//!
//! One column is an array of its numbers, several are an array of records with the columns' names.
//! An array of several dimensions keeps Julia's order of indices (`fortran_order`): `a[1, 2]` in Julia
//! is `a[0, 1]` in Python.

use super::batches::{batches, column};
use super::{ExportError, Sheet, Watch};
use jld2::NumberType;
use std::fmt::Write as _;
use std::io::{self, Write};

/// Rows of records that are put together at once.
const ROWS: usize = 4096;
/// Numbers begin at a multiple of this.
const ALIGNMENT: usize = 64;
/// Magic text, version and length of the header.
const FRONT: usize = 12;

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
pub(super) fn header(descr: &str, shape: &[u64]) -> Vec<u8> {
    let mut dims: Vec<_> = shape.iter().map(u64::to_string).collect();
    if dims.len() == 1 {
        dims.push(String::new());
    }
    let order = if shape.len() > 1 { "True" } else { "False" };
    let dims = dims.join(", ");
    let dims = dims.trim_end();
    let mut text = format!("{{'descr': {descr}, 'fortran_order': {order}, 'shape': ({dims}), }}");
    // A line's end behind it, and spaces before that.
    let all = (FRONT + text.len() + 1).next_multiple_of(ALIGNMENT);
    text.extend(std::iter::repeat_n(' ', all - FRONT - text.len() - 1));
    text.push('\n');
    let mut bytes = b"\x93NUMPY".to_vec();
    // Version 3 is version 2 with names in UTF-8.
    bytes.extend([if text.is_ascii() { 2 } else { 3 }, 0]);
    bytes.extend(u32::try_from(text.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend(text.into_bytes());
    bytes
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
    fn headers_as_numpy_writes_them() {
        for (shape, said) in [
            (&[][..], "'shape': (), }"),
            (&[3], "'shape': (3,), }"),
            (&[3, 2], "'shape': (3, 2), }"),
        ] {
            let header = header("'<f8'", shape);
            assert_eq!(header.len() % ALIGNMENT, 0);
            assert_eq!(header.last(), Some(&b'\n'));
            let text = String::from_utf8_lossy(&header).into_owned();
            assert!(text.contains(said), "{text}");
            assert_eq!(text.contains("'fortran_order': True"), shape.len() > 1);
        }
        assert_eq!(python("it's\\\n"), "'it\\'s\\\\\\u000a'");
        assert_eq!(header("[('ϕ', '<f8')]", &[1])[6], 3);
    }
}

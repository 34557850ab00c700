//! Writes Parquet, compressed with Zstandard; units stand with the columns, and what is said of the run
//! with the file.

use super::batches::batches;
use super::columnar::{schema, schema_text};
use super::parquet_file::{Column, Field, Kind, ParquetFile};
use super::{About, ExportError, Sheet, Watch};
use jld2::{NumberSlice, NumberType};
use std::io::Write;

/// Bytes of the numbers in a row group, about: they are held until it is written.
const GROUP: u64 = 4 << 20;
/// The same of what is very large: what is said of each row group is held until the end.
const LARGE_GROUP: u64 = 8 << 20;
/// Row groups of a file, where that is possible.
const GROUPS: u64 = 1024;
/// Rows of a group, at least.
const LEAST: u64 = 64;

pub(super) fn write(
    sheet: &Sheet<'_>,
    level: u8,
    about: &About,
    watch: &Watch<'_>,
    out: &mut (dyn Write + Send),
) -> Result<(), ExportError> {
    let fields: Vec<Field> = sheet
        .heads
        .iter()
        .map(|head| Field {
            name: head.name.clone(),
            kind: Kind::Number(head.number),
            missing: false,
        })
        .collect();
    let numbers: Vec<NumberType> = sheet.heads.iter().map(|head| head.number).collect();
    let said = about.pairs().map(|(name, value)| (name.to_owned(), value));
    let said = said.chain([schema_text(&schema(sheet, about))]);
    let mut file = ParquetFile::begin(&mut *out, &fields, level, said)?;
    batches(&sheet.all()?, group_rows(sheet), watch, |columns, _| {
        let columns = numbers.iter().zip(columns);
        let columns =
            columns.map(|(number, bytes)| Column::Stored(NumberSlice::new(*number, bytes)));
        Ok(file.group(&columns.collect::<Vec<_>>())?)
    })?;
    file.finish()?;
    Ok(out.flush()?)
}

/// Rows of a group.
fn group_rows(sheet: &Sheet<'_>) -> usize {
    let bytes = (sheet.bytes() / GROUPS).clamp(GROUP, LARGE_GROUP);
    let rows = bytes / (sheet.row_bytes() as u64).max(1);
    // No more than there are: room for all is made at once.
    let rows = rows.min(sheet.rows).max(LEAST);
    usize::try_from(rows).unwrap_or(usize::MAX)
}

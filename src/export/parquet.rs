//! Writes Parquet: row groups of some 8 MiB, compressed with Zstandard; units stand with the columns,
//! and what is said of the run with the file.

use super::batches::batches;
use super::columnar::{batch_rows, record_batch, schema};
use super::{About, ExportError, Sheet, Watch};
use jld2::NumberType;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::WriterProperties;
use parquet::schema::types::ColumnPath;
use std::io::{self, Write};

/// Bytes of the numbers in a row group, about: they are held until it is written.
const GROUP: usize = 8 << 20;

pub(super) fn write(
    sheet: &Sheet<'_>,
    level: u8,
    about: &About,
    watch: &Watch<'_>,
    out: &mut (dyn Write + Send),
) -> Result<(), ExportError> {
    let schema = schema(sheet, about);
    let numbers: Vec<NumberType> = sheet.heads.iter().map(|head| head.number).collect();
    let rows = batch_rows(sheet);
    let group = (GROUP / sheet.row_bytes().max(1)).max(rows);
    let mut properties = WriterProperties::builder()
        .set_created_by(concat!("jldconv version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(compression(level)?)
        // Where numbers differ a list of them is no use, and would be given up on the way.
        .set_dictionary_enabled(false)
        .set_max_row_group_row_count(Some(group - group % rows))
        .set_max_row_group_bytes(None)
        .set_key_value_metadata(Some(
            about.pairs().map(|(name, value)| KeyValue::new(name.to_owned(), value)).collect(),
        ));
    for head in sheet.heads.iter().filter(|head| !head.number.is_float()) {
        if head.number != NumberType::Bool {
            let column = ColumnPath::from(head.name.clone());
            properties = properties.set_column_dictionary_enabled(column, true);
        }
    }
    let mut writer =
        ArrowWriter::try_new(&mut *out, schema.clone(), Some(properties.build())).map_err(of)?;
    batches(&sheet.all()?, rows, watch, |columns, _| {
        Ok(writer.write(&record_batch(&schema, &numbers, columns)?).map_err(of)?)
    })?;
    writer.close().map_err(of)?;
    Ok(out.flush()?)
}

fn compression(level: u8) -> io::Result<Compression> {
    Ok(match level {
        0 => Compression::UNCOMPRESSED,
        level => Compression::ZSTD(ZstdLevel::try_new(i32::from(level)).map_err(of)?),
    })
}

/// What the writer says, as what it was caused by.
fn of(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(error) => match error.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}

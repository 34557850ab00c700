//! Makes a Parquet file, row group by row group, and in each column by column: one column's pages and one
//! compressor are in memory at a time, whatever the number of columns.

use jld2::{NumberSlice, NumberType};
use parquet::basic::{Compression, LogicalType, Repetition, Type as Physical, ZstdLevel};
use parquet::column::writer::{ColumnWriter, ColumnWriterImpl};
use parquet::data_type::{ByteArray, DataType, FixedLenByteArray};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, Type};
use std::io::{self, Write};
use std::sync::Arc;

/// Values that are handed to a column's writer at once.
const BLOCK: usize = 8192;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Numbers of one type.
    Number(NumberType),
    /// Texts.
    Text,
    /// Bytes.
    Bytes,
}

/// A column of a file.
#[derive(Debug, Clone)]
pub(super) struct Field {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// Whether values may be missing.
    pub(super) missing: bool,
}

/// The values of a column in a row group; they are of its kind.
#[derive(Debug)]
pub(super) enum Column<'v> {
    /// Numbers as they are in memory, none of which is missing.
    Stored(NumberSlice<'v>),
    /// Numbers of 64 bits, with a sign or without.
    Integers(&'v [Option<i64>]),
    /// Floats of 64 bits.
    Floats(&'v [Option<f64>]),
    Texts(&'v [Option<Arc<str>>]),
    Bytes(&'v [Option<Vec<u8>>]),
}

/// A file in the making.
pub(super) struct ParquetFile<'o> {
    writer: SerializedFileWriter<&'o mut (dyn Write + Send)>,
}

impl<'o> ParquetFile<'o> {
    /// A file with these columns, compressed at this level of Zstandard (0: not at all), of which these
    /// names and values are said.
    pub(super) fn begin(
        out: &'o mut (dyn Write + Send),
        fields: &[Field],
        level: u8,
        said: impl IntoIterator<Item = (String, String)>,
    ) -> io::Result<Self> {
        let said = said.into_iter().map(|(name, value)| KeyValue::new(name, value));
        let mut properties = WriterProperties::builder()
            .set_created_by(concat!("jldconv version ", env!("CARGO_PKG_VERSION")).to_owned())
            .set_compression(compression(level)?)
            // Where numbers differ a list of them is no use, and would be given up on the way.
            .set_dictionary_enabled(false)
            // What is said of pages is held until the end, and grows with the rows.
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_offset_index_disabled(true)
            .set_key_value_metadata(Some(said.collect()));
        let mut types = Vec::with_capacity(fields.len());
        for field in fields {
            let few = match field.kind {
                Kind::Number(number) => !number.is_float() && number != NumberType::Bool,
                Kind::Text => true,
                Kind::Bytes => false,
            };
            if few {
                let column = ColumnPath::from(field.name.clone());
                properties = properties.set_column_dictionary_enabled(column, true);
            }
            types.push(Arc::new(field.parquet().map_err(of)?));
        }
        let schema = Type::group_type_builder("schema").with_fields(types).build().map_err(of)?;
        let properties = Arc::new(properties.build());
        let writer = SerializedFileWriter::new(out, Arc::new(schema), properties);
        Ok(Self { writer: writer.map_err(of)? })
    }

    /// Writes rows: the values of each column, as many in each.
    pub(super) fn group(&mut self, columns: &[Column<'_>]) -> io::Result<()> {
        let mut group = self.writer.next_row_group().map_err(of)?;
        for values in columns {
            let Some(mut column) = group.next_column().map_err(of)? else { break };
            put(column.untyped(), values)?;
            column.close().map_err(of)?;
        }
        group.close().map_err(of)?;
        Ok(())
    }

    /// Ends the file.
    pub(super) fn finish(self) -> io::Result<()> {
        self.writer.close().map_err(of)?;
        Ok(())
    }
}

impl Field {
    /// As Parquet describes it; which types it has is told in its "Logical types".
    fn parquet(&self) -> Result<Type, ParquetError> {
        let integer = |bits, signed| Some(LogicalType::integer(bits, signed));
        let (physical, logical) = match self.kind {
            Kind::Number(number) => match number {
                NumberType::Int8 => (Physical::INT32, integer(8, true)),
                NumberType::Int16 => (Physical::INT32, integer(16, true)),
                NumberType::Int32 => (Physical::INT32, None),
                NumberType::Int64 => (Physical::INT64, None),
                NumberType::UInt8 => (Physical::INT32, integer(8, false)),
                NumberType::UInt16 => (Physical::INT32, integer(16, false)),
                NumberType::UInt32 => (Physical::INT32, integer(32, false)),
                NumberType::UInt64 => (Physical::INT64, integer(64, false)),
                NumberType::Bool => (Physical::BOOLEAN, None),
                NumberType::Float16 => (Physical::FIXED_LEN_BYTE_ARRAY, Some(LogicalType::Float16)),
                NumberType::Float32 => (Physical::FLOAT, None),
                NumberType::Float64 => (Physical::DOUBLE, None),
            },
            Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
            Kind::Bytes => (Physical::BYTE_ARRAY, None),
        };
        let repetition = if self.missing { Repetition::OPTIONAL } else { Repetition::REQUIRED };
        let mut builder = Type::primitive_type_builder(&self.name, physical)
            .with_repetition(repetition)
            .with_logical_type(logical);
        if physical == Physical::FIXED_LEN_BYTE_ARRAY {
            builder = builder.with_length(2);
        }
        builder.build()
    }
}

fn compression(level: u8) -> io::Result<Compression> {
    Ok(match level {
        0 => Compression::UNCOMPRESSED,
        level => Compression::ZSTD(ZstdLevel::try_new(i32::from(level)).map_err(of)?),
    })
}

fn put(writer: &mut ColumnWriter<'_>, values: &Column<'_>) -> io::Result<()> {
    match (writer, values) {
        (ColumnWriter::BoolColumnWriter(writer), Column::Stored(slice)) => {
            stored(writer, slice.of::<bool>())
        }
        (ColumnWriter::Int32ColumnWriter(writer), Column::Stored(slice)) => {
            match slice.number_type() {
                NumberType::Int8 => stored(writer, slice.of::<i8>().map(|it| it.map(i32::from))),
                NumberType::Int16 => stored(writer, slice.of::<i16>().map(|it| it.map(i32::from))),
                NumberType::UInt8 => stored(writer, slice.of::<u8>().map(|it| it.map(i32::from))),
                NumberType::UInt16 => stored(writer, slice.of::<u16>().map(|it| it.map(i32::from))),
                NumberType::UInt32 => {
                    stored(writer, slice.of::<u32>().map(|it| it.map(u32::cast_signed)))
                }
                _ => stored(writer, slice.of::<i32>()),
            }
        }
        (ColumnWriter::Int64ColumnWriter(writer), Column::Stored(slice)) => {
            match slice.number_type() {
                NumberType::UInt64 => {
                    stored(writer, slice.of::<u64>().map(|it| it.map(u64::cast_signed)))
                }
                _ => stored(writer, slice.of::<i64>()),
            }
        }
        (ColumnWriter::FloatColumnWriter(writer), Column::Stored(slice)) => {
            stored(writer, slice.of::<f32>())
        }
        (ColumnWriter::DoubleColumnWriter(writer), Column::Stored(slice)) => {
            stored(writer, slice.of::<f64>())
        }
        (ColumnWriter::FixedLenByteArrayColumnWriter(writer), Column::Stored(slice)) => {
            let halves = slice.bytes().chunks_exact(2);
            stored(writer, Some(halves.map(|half| FixedLenByteArray::from(half.to_vec()))))
        }
        (ColumnWriter::Int64ColumnWriter(writer), Column::Integers(values)) => {
            optional(writer, values.iter().copied())
        }
        (ColumnWriter::DoubleColumnWriter(writer), Column::Floats(values)) => {
            optional(writer, values.iter().copied())
        }
        (ColumnWriter::ByteArrayColumnWriter(writer), Column::Texts(values)) => optional(
            writer,
            values
                .iter()
                .map(|text| text.as_deref().map(|text| ByteArray::from(text.as_bytes().to_vec()))),
        ),
        (ColumnWriter::ByteArrayColumnWriter(writer), Column::Bytes(values)) => {
            optional(writer, values.iter().map(|bytes| bytes.clone().map(ByteArray::from)))
        }
        _ => Err(io::Error::other("values of another type than their column")),
    }
}

/// Writes values none of which may be missing.
fn stored<T: DataType>(
    writer: &mut ColumnWriterImpl<'_, T>,
    values: Option<impl Iterator<Item = T::T>>,
) -> io::Result<()> {
    let Some(mut values) = values else {
        return Err(io::Error::other("numbers of another type than their column"));
    };
    let mut block = Vec::with_capacity(BLOCK);
    loop {
        block.clear();
        block.extend(values.by_ref().take(BLOCK));
        if block.is_empty() {
            return Ok(());
        }
        writer.write_batch(&block, None, None).map_err(of)?;
    }
}

/// Writes values that may be missing.
fn optional<T: DataType>(
    writer: &mut ColumnWriterImpl<'_, T>,
    values: impl Iterator<Item = Option<T::T>>,
) -> io::Result<()> {
    let (mut levels, mut there) = (Vec::new(), Vec::new());
    for value in values {
        levels.push(i16::from(value.is_some()));
        there.extend(value);
    }
    writer.write_batch(&there, Some(&levels), None).map_err(of)?;
    Ok(())
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

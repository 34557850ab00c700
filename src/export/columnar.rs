//! Columns as Arrow has them: what its files are made of, and how its readers see a Parquet file.

use super::{About, ExportError, Sheet};
use crate::text::base64;
use arrow_array::types::{
    Float16Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, UInt8Type,
    UInt16Type, UInt32Type, UInt64Type,
};
use arrow_array::{ArrayRef, ArrowPrimitiveType, BooleanArray, PrimitiveArray, RecordBatch};
use arrow_buffer::{Buffer, ScalarBuffer};
use arrow_ipc::writer::{DictionaryTracker, IpcDataGenerator, IpcWriteOptions};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use jld2::NumberType;
use std::io;
use std::sync::Arc;

/// Bytes of the rows that are handed on at once, about.
const BATCH: usize = 1 << 20;
/// Rows that are handed on at once, at most.
const MOST_ROWS: usize = 64 << 10;
/// Rows that are handed on at once come in multiples of this.
const STEP: usize = 64;

/// The columns with their types and units, and what is said of the run.
pub(super) fn schema(sheet: &Sheet<'_>, about: &About) -> SchemaRef {
    let fields: Vec<Field> = sheet
        .heads
        .iter()
        .map(|head| {
            let field = Field::new(&head.name, data_type(head.number), false);
            let unit = head.unit_text().map(|unit| ("unit".to_owned(), unit));
            field.with_metadata(unit.into_iter().collect::<arrow_schema::Metadata>())
        })
        .collect();
    let about = about.pairs().map(|(name, value)| (name.to_owned(), value));
    Arc::new(Schema::new(fields).with_metadata(about.collect::<arrow_schema::Metadata>()))
}

/// A schema as its readers find it in a Parquet file, by the name and value of its metadata: what Parquet
/// has no place for, such as the metadata of columns, is there. It is described in Arrow's
/// "Reading and writing the Apache Parquet format".
pub(super) fn schema_text(schema: &Schema) -> (String, String) {
    let options = IpcWriteOptions::default();
    let mut dictionaries = DictionaryTracker::new(true);
    let data = IpcDataGenerator::default();
    let message = data
        .schema_to_bytes_with_dictionary_tracker(schema, &mut dictionaries, &options)
        .ipc_message;
    let mut bytes = u32::MAX.to_le_bytes().to_vec();
    bytes.extend(u32::try_from(message.len()).unwrap_or(u32::MAX).to_le_bytes());
    bytes.extend(message);
    ("ARROW:schema".to_owned(), base64(&bytes))
}

/// How many rows are handed on at once.
pub(super) fn batch_rows(sheet: &Sheet<'_>) -> usize {
    let rows = (BATCH / sheet.row_bytes().max(1)).min(MOST_ROWS);
    (rows - rows % STEP).max(STEP)
}

/// Rows, of each column's bytes as they are stored.
pub(super) fn record_batch(
    schema: &SchemaRef,
    numbers: &[NumberType],
    columns: &[Vec<u8>],
) -> io::Result<RecordBatch> {
    let arrays = numbers.iter().zip(columns).map(|(&number, bytes)| array(number, bytes));
    RecordBatch::try_new(Arc::clone(schema), arrays.collect()).map_err(of_arrow)
}

fn data_type(number: NumberType) -> DataType {
    match number {
        NumberType::Int8 => DataType::Int8,
        NumberType::Int16 => DataType::Int16,
        NumberType::Int32 => DataType::Int32,
        NumberType::Int64 => DataType::Int64,
        NumberType::UInt8 => DataType::UInt8,
        NumberType::UInt16 => DataType::UInt16,
        NumberType::UInt32 => DataType::UInt32,
        NumberType::UInt64 => DataType::UInt64,
        NumberType::Bool => DataType::Boolean,
        NumberType::Float16 => DataType::Float16,
        NumberType::Float32 => DataType::Float32,
        NumberType::Float64 => DataType::Float64,
    }
}

fn array(number: NumberType, bytes: &[u8]) -> ArrayRef {
    match number {
        NumberType::Int8 => primitive::<Int8Type>(number, bytes),
        NumberType::Int16 => primitive::<Int16Type>(number, bytes),
        NumberType::Int32 => primitive::<Int32Type>(number, bytes),
        NumberType::Int64 => primitive::<Int64Type>(number, bytes),
        NumberType::UInt8 => primitive::<UInt8Type>(number, bytes),
        NumberType::UInt16 => primitive::<UInt16Type>(number, bytes),
        NumberType::UInt32 => primitive::<UInt32Type>(number, bytes),
        NumberType::UInt64 => primitive::<UInt64Type>(number, bytes),
        NumberType::Float16 => primitive::<Float16Type>(number, bytes),
        NumberType::Float32 => primitive::<Float32Type>(number, bytes),
        NumberType::Float64 => primitive::<Float64Type>(number, bytes),
        NumberType::Bool => {
            let bools: Vec<bool> = bytes.iter().map(|&byte| byte != 0).collect();
            Arc::new(BooleanArray::from(bools))
        }
    }
}

fn primitive<T: ArrowPrimitiveType>(number: NumberType, bytes: &[u8]) -> ArrayRef {
    let size = number.size();
    let whole = bytes.get(..bytes.len() - bytes.len() % size).unwrap_or_default();
    // A copy on a boundary of 64 bytes, in the order of this machine.
    let buffer = if cfg!(target_endian = "big") {
        let mut turned = whole.to_vec();
        turned.chunks_exact_mut(size).for_each(<[u8]>::reverse);
        Buffer::from_slice_ref(turned)
    } else {
        Buffer::from_slice_ref(whole)
    };
    let values = ScalarBuffer::<T::Native>::new(buffer, 0, whole.len() / size);
    Arc::new(PrimitiveArray::<T>::new(values, None))
}

/// What Arrow says, as what it was caused by.
pub(super) fn of_arrow(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        other => io::Error::other(other),
    }
}

impl From<ArrowError> for ExportError {
    fn from(error: ArrowError) -> Self {
        Self::Output(of_arrow(error))
    }
}

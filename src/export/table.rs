//! Writes a small table that is in memory as a Parquet file.

use super::columnar::schema_text;
use super::parquet_file::{self, Field, Kind, ParquetFile};
use arrow_schema::{DataType, Metadata, Schema};
use jld2::NumberType;
use std::io::{self, Write};

/// A column of a table; of no number of rows other than the other columns.
#[derive(Debug, Clone, PartialEq)]
pub struct TableColumn {
    /// Its name.
    pub name: String,
    /// What is said of it: names and values.
    pub about: Vec<(String, String)>,
    /// Its numbers.
    pub numbers: TableNumbers,
}

/// The numbers of a column, some of which may be missing.
#[derive(Debug, Clone, PartialEq)]
pub enum TableNumbers {
    /// `Int64`.
    Integers(Vec<Option<i64>>),
    /// `Float64`; what is no number is NaN, and not missing.
    Floats(Vec<Option<f64>>),
}

/// Writes a table, of which these names and values are said.
///
/// # Errors
/// The writer's own.
pub fn write_table(
    columns: &[TableColumn],
    about: &[(String, String)],
    out: &mut (dyn Write + Send),
) -> io::Result<()> {
    let (mut fields, mut described) = (Vec::new(), Vec::new());
    for column in columns {
        let (number, data_type) = match column.numbers {
            TableNumbers::Integers(_) => (NumberType::Int64, DataType::Int64),
            TableNumbers::Floats(_) => (NumberType::Float64, DataType::Float64),
        };
        fields.push(Field { name: column.name.clone(), kind: Kind::Number(number), missing: true });
        let field = arrow_schema::Field::new(&column.name, data_type, true);
        described.push(field.with_metadata(column.about.iter().cloned().collect::<Metadata>()));
    }
    let schema = Schema::new(described).with_metadata(about.iter().cloned().collect::<Metadata>());
    let said = about.iter().cloned().chain([schema_text(&schema)]);
    let mut file = ParquetFile::begin(&mut *out, &fields, 3, said)?;
    let values = columns.iter().map(|column| match &column.numbers {
        TableNumbers::Integers(numbers) => parquet_file::Column::Integers(numbers),
        TableNumbers::Floats(numbers) => parquet_file::Column::Floats(numbers),
    });
    file.group(&values.collect::<Vec<_>>())?;
    file.finish()?;
    out.flush()
}

//! Reads tables, and finds their columns.

use super::Dataset;
use crate::h5::{Error, RelAddr, Result};
use crate::julia::{Record, TypeTable};
use std::sync::Arc;

/// A table: vectors of one length by name, each an object of its own. These are tables:
///
/// - a `StructArray`, whose columns are in its field `components` or, before StructArrays 0.5,
///   `fieldarrays`;
/// - an `IndexedTable` or `NextTable`, which has a `StructArray` in its field `columns`;
/// - a named tuple of vectors.
///
/// ```
/// let file = jld2::File::open("tests/data/indexed_table.jld2")?;
/// let table = file.dataset("hydro/data")?.table_in("data")?.expect("a table");
/// let rho = table.column("rho")?;
/// assert_eq!(rho.read::<f64>()?.len() as u64, table.len());
/// assert_eq!(rho.slice::<f64>(0..2)?, rho.read::<f64>()?[..2]);
/// # Ok::<(), jld2::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Table<'f> {
    columns: Vec<(String, Dataset<'f>)>,
    path: String,
    len: u64,
}

/// The table that `dataset` is, or has in a field.
pub(super) fn of<'f>(dataset: &Dataset<'f>, field: Option<&str>) -> Result<Option<Table<'f>>> {
    let file = dataset.file();
    let types = TypeTable::new(file.container());
    let Some(whole) = Record::at(&types, dataset.object().addr())? else { return Ok(None) };
    let (record, path) = match field {
        Some(field) => match whole.record(field)? {
            Some(record) => (record, format!("{}.{field}", dataset.path())),
            None => return Ok(None),
        },
        None => (whole, dataset.path().to_owned()),
    };
    let Some(record) = vectors(record)? else { return Ok(None) };
    let mut columns = Vec::new();
    for (name, addr) in references(&record)? {
        let path = format!("{path}.{name}");
        let object = file.container().object(addr).map_err(|e| e.in_object(&path))?;
        if object.dataset().is_some() {
            columns.push((name, Dataset::new(file, path, Arc::clone(&object))?));
        }
    }
    let Some((_, first)) = columns.first() else { return Ok(None) };
    let rows = |column: &Dataset<'_>| -> Result<Option<u64>> {
        let dims = column.dims()?;
        Ok((!dims.is_empty()).then(|| dims.iter().fold(1, |n: u64, &d| n.saturating_mul(d))))
    };
    let Some(len) = rows(first)? else { return Ok(None) };
    // A named tuple whose members are not vectors of one length is just that.
    let named = record.committed.julia_type.is_named_tuple();
    if named && columns.len() < record.committed.fields.len() {
        return Ok(None);
    }
    for (_, column) in &columns {
        if rows(column)? != Some(len) {
            return Ok(None);
        }
    }
    Ok(Some(Table { columns, path, len }))
}

/// The record whose members are the columns.
fn vectors(record: Record<'_>) -> Result<Option<Record<'_>>> {
    let struct_array = match record.record("columns")? {
        Some(columns) => columns,
        None => record,
    };
    for name in ["components", "fieldarrays"] {
        if let Some(arrays) = struct_array.record(name)? {
            return Ok(Some(arrays));
        }
    }
    Ok(Some(struct_array).filter(|r| r.committed.julia_type.is_named_tuple()))
}

fn references(record: &Record<'_>) -> Result<Vec<(String, RelAddr)>> {
    let mut out = Vec::new();
    for name in record.field_names() {
        if let Some(addr) = record.reference(name)? {
            out.push((name.to_owned(), addr));
        }
    }
    Ok(out)
}

impl<'f> Table<'f> {
    /// The path of the dataset, and the field that the table is in.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The names of the columns, in order.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/struct_arrays_old.jld2")?;
    /// let table = file.dataset("struct")?.table()?.expect("a table");
    /// assert_eq!(table.names().collect::<Vec<_>>(), ["x", "n"]);
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(name, _)| name.as_str())
    }

    /// How many rows there are.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The column of this name.
    ///
    /// # Errors
    /// If there is none.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/struct_arrays.jld2")?;
    /// let table = file.dataset("struct")?.table()?.expect("a table");
    /// assert_eq!(table.column("n")?.read::<i64>()?.len(), 2);
    /// assert_eq!(table.column("y").unwrap_err().to_string(), "/struct: there is no column y");
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn column(&self, name: &str) -> Result<&Dataset<'f>> {
        let column = self.columns.iter().find(|(column, _)| column == name);
        column
            .map(|(_, column)| column)
            .ok_or_else(|| Error::not_found(format!("column {name}")).in_object(&self.path))
    }

    /// All columns with their names, in order.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/struct_arrays.jld2")?;
    /// let table = file.dataset("struct")?.table()?.expect("a table");
    /// for (name, column) in table.columns() {
    ///     println!("{name}: {}", column.julia_type()?);
    /// }
    /// assert_eq!(table.columns().count(), 2);
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn columns(&self) -> impl Iterator<Item = (&str, &Dataset<'f>)> {
        self.columns.iter().map(|(name, column)| (name.as_str(), column))
    }
}

//! Reads tables, and finds their columns.

use super::{Dataset, File};
use crate::h5::{Error, RelAddr, Result};
use crate::julia::{Columns, Record, TableKind};

/// A table: columns of one length by name, each an object of its own. These are tables:
///
/// - a `StructArray`, whose columns are in its field `components` or, before StructArrays 0.5,
///   `fieldarrays`;
/// - an `IndexedTable` or `NextTable`, which has a `StructArray` in its field `columns`;
/// - a `DataFrame`, whose columns may be of any type (a `CategoricalArray` is a struct) as long as
///   one is an array, which tells how many rows there are;
/// - a named tuple of vectors.
///
/// ```
/// let file = jld2::File::open("tests/data/indexed_table.jld2")?;
/// let table = file.dataset("hydro/data")?.table_in("data")?.expect("a table");
/// let rho = table.column("rho")?;
/// assert_eq!(rho.read::<f64>()?.len() as u64, table.len());
/// assert_eq!(rho.slice::<f64>(0..2)?, rho.read::<f64>()?[..2]);
///
/// let file = jld2::File::open("tests/data/data_frames.jld2")?;
/// let table = file.dataset("alone")?.table()?.expect("a data frame");
/// assert_eq!(table.names().collect::<Vec<_>>(), ["i", "x", "s"]);
/// assert_eq!(table.column("x")?.read::<f64>()?, [1.5, -2.0, 0.0]);
/// assert_eq!(table.column("s")?.value()?.to_string(), r#"["a", "bc", ""]"#);
/// # Ok::<(), jld2::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Table<'f> {
    file: &'f File,
    columns: Vec<(String, RelAddr)>,
    path: String,
    len: u64,
}

/// The table that `dataset` is, or has in a field.
pub(super) fn of<'f>(dataset: &Dataset<'f>, field: Option<&str>) -> Result<Option<Table<'f>>> {
    let file = dataset.file();
    let types = file.types();
    let Some(whole) = Record::at(&types, dataset.object().addr())? else { return Ok(None) };
    let (record, path) = match field {
        Some(field) => match whole.record(field)? {
            Some(record) => (record, format!("{}.{field}", dataset.path())),
            None => return Ok(None),
        },
        None => (whole, dataset.path().to_owned()),
    };
    let Some(Columns { kind, columns }) = Columns::of(&record)? else { return Ok(None) };
    let mut table = Table { file, columns, path, len: 0 };
    let mut len = None;
    for i in 0..table.columns.len() {
        let rows = match table.at(i)? {
            Some(column) => rows(&column)?,
            None => None,
        };
        match (rows, len) {
            (None, _) if kind == TableKind::DataFrame => {}
            (Some(rows), None) => len = Some(rows),
            (Some(rows), Some(len)) if rows == len => {}
            // A named tuple whose members are not vectors of one length is just that.
            _ => return Ok(None),
        }
    }
    let empty = kind == TableKind::DataFrame && table.columns.is_empty();
    let Some(len) = len.or(empty.then_some(0)) else { return Ok(None) };
    table.len = len;
    Ok(Some(table))
}

/// How many elements an array has.
fn rows(column: &Dataset<'_>) -> Result<Option<u64>> {
    let dims = column.dims()?;
    Ok((!dims.is_empty()).then(|| dims.iter().fold(1, |n: u64, &d| n.saturating_mul(d))))
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

    /// The column of this name. Its header is read; its data wait.
    ///
    /// # Errors
    /// If there is none, or its header is damaged.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/struct_arrays.jld2")?;
    /// let table = file.dataset("struct")?.table()?.expect("a table");
    /// assert_eq!(table.column("n")?.read::<i64>()?.len(), 2);
    /// assert_eq!(table.column("y").unwrap_err().to_string(), "/struct: there is no column y");
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn column(&self, name: &str) -> Result<Dataset<'f>> {
        let found = self.columns.iter().position(|(column, _)| column == name);
        let column = found.map_or(Ok(None), |i| self.at(i))?;
        column.ok_or_else(|| Error::not_found(format!("column {name}")).in_object(&self.path))
    }

    fn at(&self, i: usize) -> Result<Option<Dataset<'f>>> {
        let Some((name, addr)) = self.columns.get(i) else { return Ok(None) };
        let path = format!("{}.{name}", self.path);
        let object = self.file.container().object(*addr).map_err(|e| e.in_object(&path))?;
        Dataset::new(self.file, path, object).map(Some)
    }

    /// All columns with their names, in order.
    ///
    /// ```
    /// let file = jld2::File::open("tests/data/struct_arrays.jld2")?;
    /// let table = file.dataset("struct")?.table()?.expect("a table");
    /// for column in table.columns() {
    ///     let (name, column) = column?;
    ///     println!("{name}: {}", column.julia_type()?);
    /// }
    /// assert_eq!(table.columns().count(), 2);
    /// # Ok::<(), jld2::Error>(())
    /// ```
    pub fn columns(&self) -> impl Iterator<Item = Result<(&str, Dataset<'f>)>> {
        self.columns.iter().enumerate().filter_map(|(i, (name, _))| match self.at(i) {
            Ok(column) => column.map(|column| Ok((name.as_str(), column))),
            Err(e) => Some(Err(e)),
        })
    }
}

//! Finds the columns of tables: their names, and the objects that hold them.
//!
//! A table is known by how it is stored, whatever module its type is from:
//!
//! - a `StructArray` has a named tuple (or tuple) of vectors in its field `components` or, before
//!   StructArrays 0.5, `fieldarrays`;
//! - an `IndexedTable` or `NextTable` has a `StructArray` in its field `columns`;
//! - a `DataFrame` has a vector of vectors in its field `columns`, and the names in the vector
//!   `names` of its field `colindex`;
//! - a named tuple is a table if all its members are objects of their own.

use super::{Column, Record, TypeTable, Value, Walk};
use crate::h5::budget::{COLUMN_NAMES, COLUMNS};
use crate::h5::{Class, Cursor, Error, RelAddr, Result};

/// How a table keeps its columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TableKind {
    /// A `StructArray`.
    StructArray,
    /// An `IndexedTable` or `NextTable`.
    IndexedTable,
    /// A `DataFrame`.
    DataFrame,
    /// A named tuple of vectors.
    NamedTuple,
}

/// The columns of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// How the table keeps them.
    pub kind: TableKind,
    /// Names and datasets in order. What a column holds is not looked at: it need not be an array.
    pub columns: Vec<(String, RelAddr)>,
}

impl Columns {
    /// The columns of the table that `record` is; none if it is not a table.
    ///
    /// # Errors
    /// If the table or the header of a column is damaged.
    pub fn of(record: &Record<'_>) -> Result<Option<Self>> {
        let types = record.types();
        let inner = record.record("columns")?;
        let (holder, indexed) = inner.as_ref().map_or((record, false), |inner| (inner, true));
        for name in ["components", "fieldarrays"] {
            if let Some(vectors) = holder.record(name)? {
                let kind = if indexed { TableKind::IndexedTable } else { TableKind::StructArray };
                let columns = datasets(types, members(&vectors)?)?;
                return Ok(Some(Self { kind, columns }));
            }
        }
        if holder.committed.julia_type.is_named_tuple() {
            let columns = datasets(types, members(holder)?)?;
            let kind = TableKind::NamedTuple;
            let all = columns.len() == holder.committed.fields.len();
            return Ok(all.then_some(Self { kind, columns }));
        }
        let columns = data_frame(record)?;
        Ok(columns.map(|columns| Self { kind: TableKind::DataFrame, columns }))
    }
}

/// The members of a record that are objects of their own.
fn members(record: &Record<'_>) -> Result<Vec<(String, RelAddr)>> {
    let mut out = Vec::new();
    for name in record.field_names() {
        if let Some(addr) = record.reference(name)? {
            out.push((name.to_owned(), addr));
        }
    }
    Ok(out)
}

/// Those that are datasets.
fn datasets(
    types: &TypeTable<'_>,
    columns: Vec<(String, RelAddr)>,
) -> Result<Vec<(String, RelAddr)>> {
    let file = types.file();
    let budget = file.allowance();
    let mut out = Vec::with_capacity(columns.len());
    for (name, addr) in columns {
        budget.check(file, file.offset(addr, "column")?)?;
        if file.object(addr)?.dataset().is_some() {
            out.push((name, addr));
        }
    }
    Ok(out)
}

fn data_frame(record: &Record<'_>) -> Result<Option<Vec<(String, RelAddr)>>> {
    let types = record.types();
    let (Some(columns), Some(index)) = (record.reference("columns")?, record.record("colindex")?)
    else {
        return Ok(None);
    };
    let Some(names) = index.reference("names")? else { return Ok(None) };
    let Some(columns) = references(types, columns)? else { return Ok(None) };
    let at = types.file().offset(names, "names of columns")?;
    let names = match Value::read(&Walk::new(types), names, COLUMN_NAMES)? {
        Value::Array(array) => array.items,
        _ => return Ok(None),
    };
    if names.len() != columns.len() {
        let want = format!("{} names of columns", columns.len());
        return Err(Error::corrupt(at, "data frame", want, names.len().to_string()));
    }
    let named = names.iter().zip(columns).map(|(name, column)| {
        let found = || Error::corrupt(at, "name of a column", "a symbol", name.to_string());
        Ok((name.as_str().ok_or_else(found)?.to_owned(), column))
    });
    datasets(types, named.collect::<Result<_>>()?).map(Some)
}

/// What the elements of a vector refer to; none if it is not a vector of references.
fn references(types: &TypeTable<'_>, addr: RelAddr) -> Result<Option<Vec<RelAddr>>> {
    let file = types.file();
    let object = file.object(addr)?;
    let Some(dataset) = object.dataset() else { return Ok(None) };
    let element = types.element(&dataset.datatype)?;
    let one = types.julia_dims(&object, dataset)?.is_some_and(|dims| dims.len() == 1);
    if !one || !matches!(element.datatype().class, Class::Reference) {
        return Ok(None);
    }
    let column = Column::new(file, dataset, element.datatype())?;
    if !dataset.filters.is_empty() {
        // JLD2 compresses plain data only.
        return Err(Error::foreign(column.offset(), "references inside a filtered chunk"));
    }
    let len = usize::try_from(column.len()).unwrap_or(usize::MAX);
    if len > 8 * COLUMNS {
        return Err(Error::too_large("table", format!("{COLUMNS} columns")));
    }
    let mut bytes = vec![0; len];
    let mut stream = column.open()?;
    stream.fill(&mut bytes)?;
    let mut cursor = Cursor::new(&bytes, stream.offset(), "column of a data frame");
    let mut out = Vec::with_capacity(len / 8);
    while cursor.remaining() >= 8 {
        let at = cursor.offset();
        let addr = cursor.addr()?;
        if addr.is_null() {
            return Err(Error::corrupt(at, "data frame", "a column", "none"));
        }
        out.push(addr);
    }
    Ok(Some(out))
}

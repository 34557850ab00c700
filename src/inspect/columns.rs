//! Lists the columns of a table: where they are, how large, how encoded. Their data stay unread.

use super::model::ColumnInfo;
use crate::codec::{self, ids, sniff_lz4};
use crate::h5::{Dataset, File, Layout, ObjectKind, RelAddr, Result};
use crate::julia::{Columns, Record, TypeTable};

/// The field in which Mera's objects have their table.
const TABLE: &str = "data";

/// What names behind a dataset's path lead to.
pub(super) enum Named {
    /// A column of the table that it is or has in a field.
    Column(RelAddr),
    /// There is a table with these columns, and none of that name.
    NoColumn(Vec<String>),
    /// There is no table.
    NoTable,
}

/// What `names` lead to from the dataset at `addr`: the name of a column, or of a field that holds a
/// table and the column's (`rho` or `data`, `rho`).
pub(super) fn named(file: &File, addr: RelAddr, names: &[&str]) -> Result<Named> {
    let types = TypeTable::new(file);
    let Some(whole) = Record::at(&types, addr)? else { return Ok(Named::NoTable) };
    let (table, name) = match *names {
        [name] => match Columns::of(&whole)? {
            Some(table) => (Some(table), name),
            None => (of_field(&whole, TABLE)?, name),
        },
        [field, name] => (of_field(&whole, field)?, name),
        _ => (None, ""),
    };
    let Some(Columns { columns, .. }) = table else { return Ok(Named::NoTable) };
    Ok(match columns.iter().find(|(column, _)| column == name) {
        Some((_, addr)) => Named::Column(*addr),
        None => Named::NoColumn(columns.into_iter().map(|(name, _)| name).collect()),
    })
}

fn of_field(whole: &Record<'_>, field: &str) -> Result<Option<Columns>> {
    whole.record(field)?.map_or(Ok(None), |table| Columns::of(&table))
}

/// The columns of a table, in order; none if it is not one.
pub(super) fn columns(table: &Record<'_>) -> Result<Vec<ColumnInfo>> {
    let Some(found) = Columns::of(table)? else { return Ok(Vec::new()) };
    let mut out = Vec::new();
    for (name, addr) in &found.columns {
        out.extend(column(table.types(), name, *addr)?);
    }
    Ok(out)
}

fn column(types: &TypeTable<'_>, name: &str, addr: RelAddr) -> Result<Option<ColumnInfo>> {
    let object = types.file().object(addr)?;
    let ObjectKind::Dataset(dataset) = &object.kind else { return Ok(None) };
    let element = types.element(&dataset.datatype)?;
    let rows = types.julia_dims(&object, dataset)?.and_then(|dims| dims.first().copied());
    Ok(Some(ColumnInfo {
        name: name.to_owned(),
        julia_type: types.element_type(&object, &element)?.to_string(),
        rows: rows.unwrap_or(0),
        bytes_stored: stored(types.file(), dataset)?,
        bytes_logical: types.file().data_len(dataset, element.datatype())?,
        codec: codec(types.file(), dataset)?,
    }))
}

fn stored(file: &File, dataset: &Dataset) -> Result<u64> {
    match &dataset.layout {
        Layout::Compact { size, .. } => Ok(*size),
        Layout::Contiguous { .. } | Layout::Chunked(_) => file.stored_len(dataset),
    }
}

/// How a dataset's data are encoded, in the order of writing; none if they are not.
///
/// # Errors
/// If the payload of an LZ4 filter, whose first bytes tell which LZ4 it is, cannot be read.
pub(super) fn codec(file: &File, dataset: &Dataset) -> Result<Option<String>> {
    // Of several chunks the first tells of the others.
    let first = file.first_chunk(dataset)?;
    let mask = first.map_or(0, |(_, chunk)| chunk.filter_mask);
    let applied = |i: usize| i >= 32 || mask >> i & 1 == 0;
    let last = dataset.filters.len().saturating_sub(1);
    let mut names = Vec::new();
    for (i, filter) in dataset.filters.iter().enumerate().filter(|(i, _)| applied(*i)) {
        names.push(match (filter.id, first) {
            // Only the last filter's output lies in the file.
            (ids::LZ4, Some((at, chunk))) if i == last && chunk.size >= 4 => {
                let first = file.source().read(at, 4, "payload")?;
                let first = first.first_chunk::<4>();
                first.map_or("lz4", |first| sniff_lz4(*first).describe()).to_owned()
            }
            (id, _) => filter_name(id),
        });
    }
    Ok((!names.is_empty()).then(|| names.join(" + ")))
}

/// The name of the filter with this number; of one without a name, the number.
pub(super) fn filter_name(id: u16) -> String {
    match codec::describe(id) {
        "unregistered or rare" => format!("filter {id}"),
        name => name.to_owned(),
    }
}

//! Writes a series as Parquet: the numbers of the CSV, in columns with types; units stand with the
//! columns, and what failed with the table.

use super::table::SeriesTable;
use crate::export::{TableColumn, TableNumbers, write_table};
use crate::numbers::series::Cell;
use serde_json::Value;
use std::io::{self, Write};

pub(super) fn write(table: &SeriesTable, out: &mut dyn Write) -> io::Result<()> {
    let about = [
        ("made_by", concat!("jldconv ", env!("CARGO_PKG_VERSION")).to_owned()),
        ("failed", Value::from(table.failed_json()).to_string()),
        ("empty", Value::from(table.empty_json()).to_string()),
        ("missing_outputs", table.missing.to_string()),
        ("gaps", table.gaps.clone()),
    ];
    let about = about.map(|(name, value)| (name.to_owned(), value));
    let mut columns = vec![TableColumn {
        name: "output".to_owned(),
        about: Vec::new(),
        numbers: numbers(table.rows.iter().map(|row| row.number.map(Cell::count)), true),
    }];
    for (i, column) in table.columns.iter().enumerate() {
        let mut said = Vec::new();
        said.extend(column.unit.clone().map(|unit| ("unit".to_owned(), unit)));
        said.extend(column.table.map(|table| ("table".to_owned(), table.name().to_owned())));
        let cells = table.rows.iter().map(|row| row.cells.get(i).copied().flatten());
        columns.push(TableColumn {
            name: table.key(column),
            about: said,
            numbers: numbers(cells, column.counts()),
        });
    }
    let mut bytes = Vec::new();
    write_table(&columns, &about, &mut bytes)?;
    out.write_all(&bytes)
}

/// Integers if all are, or would be; else floats.
fn numbers(cells: impl Iterator<Item = Option<Cell>> + Clone, counts: bool) -> TableNumbers {
    let known = cells.clone().flatten();
    let (mut any, mut whole) = (false, true);
    for cell in known {
        any = true;
        whole &= matches!(cell, Cell::Integer(_));
    }
    if whole && (any || counts) {
        let integer = |cell| match cell {
            Cell::Integer(i) => Some(i),
            Cell::Float(_) => None,
        };
        TableNumbers::Integers(cells.map(|cell| cell.and_then(integer)).collect())
    } else {
        TableNumbers::Floats(cells.map(|cell| cell.map(Cell::float)).collect())
    }
}

//! A series: a row for each snapshot, in the order of their numbers, and what is to be said of it.

use super::task::Answered;
use crate::archive::{Found, Ranges, gaps};
use crate::mera::quantity::TableKind;
use crate::numbers::picture::Named;
use crate::numbers::series::{Cell, Column, Question};
use crate::text;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

/// Stretches of missing numbers that are named.
const MOST_GAPS: usize = 10;

/// A series.
#[derive(Debug, Clone)]
pub struct SeriesTable {
    /// Its columns, behind the number of the output.
    pub columns: Vec<Column>,
    pub(super) rows: Vec<Snapshot>,
    /// Files that could not be read, in order.
    pub failed: Vec<Failed>,
    /// Why cells are empty of files that could.
    pub notes: Vec<Note>,
    /// Numbers that are missing between the first and the last, in words: `3 to 5, 9`.
    pub gaps: String,
    /// How many.
    pub missing: u64,
    /// Numbers that several files have, with these files.
    pub twins: Vec<Vec<String>>,
}

#[derive(Debug, Clone)]
pub(super) struct Snapshot {
    pub(super) number: Option<u64>,
    name: String,
    pub(super) cells: Vec<Option<Cell>>,
}

/// A file that could not be read.
#[derive(Debug, Clone)]
pub struct Failed {
    /// Its name.
    pub name: String,
    /// Why, in words.
    pub why: String,
}

/// Why cells of a column are empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// The column, with its unit.
    pub column: String,
    /// In how many files.
    pub files: u64,
    /// The first of them.
    pub first: String,
    /// Why.
    pub why: String,
}

/// How a series is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Comma-separated: a line with names and units in brackets, then numbers.
    Csv,
    /// One JSON object: columns, rows, what failed.
    Json,
    /// Parquet: columns with types, units in their metadata.
    Parquet,
}

impl Form {
    /// The form of a file with this name.
    ///
    /// # Errors
    /// If there is no such form, in words.
    pub fn of(path: &Path) -> Result<Self, String> {
        let extension = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        match extension.as_str() {
            "csv" => Ok(Self::Csv),
            "json" => Ok(Self::Json),
            "parquet" if cfg!(feature = "arrow") => Ok(Self::Parquet),
            "parquet" => Err(format!(
                "{}: this program was built without parquet: build it with the feature `arrow`, or \
                 write .csv or .json",
                text::path(path)
            )),
            _ => {
                Err(format!("{}: a series is written as .csv, .json or .parquet", text::path(path)))
            }
        }
    }
}

impl SeriesTable {
    /// Puts rows together; those that nobody answered have no numbers.
    pub(super) fn of(question: &Question, files: &[Found], answers: Vec<Option<Answered>>) -> Self {
        let columns = question.columns.clone();
        let numbers: Vec<u64> = files.iter().filter_map(|file| file.number).collect();
        let found = gaps(&numbers, &Ranges::all(), MOST_GAPS);
        let further = found.runs.saturating_sub(found.first.len() as u64);
        let twins = files.chunk_by(|a, b| a.number == b.number).filter(|same| same.len() > 1);
        let mut table = Self {
            rows: Vec::with_capacity(files.len()),
            failed: Vec::new(),
            notes: Vec::new(),
            gaps: format!("{}{}", text::ranges(&found.first), text::and_more(further)),
            missing: found.missing,
            twins: twins.map(|same| same.iter().map(|it| it.name.clone()).collect()).collect(),
            columns,
        };
        let mut notes: BTreeMap<(usize, String), (u64, String)> = BTreeMap::new();
        for (file, answered) in files.iter().zip(answers) {
            let mut cells = vec![None; table.columns.len()];
            match answered {
                Some(Ok(row)) => {
                    for missing in row.missing {
                        let of = (missing.column, missing.why);
                        notes.entry(of).or_insert((0, file.name.clone())).0 += 1;
                    }
                    for (slot, cell) in cells.iter_mut().zip(row.cells) {
                        *slot = cell;
                    }
                }
                Some(Err((fault, message))) => {
                    let name = file.path.display().to_string();
                    let why = text::after_path(&message, &name);
                    let why = format!("{fault}: {why}");
                    table.failed.push(Failed { name: file.name.clone(), why });
                }
                None => {}
            }
            table.rows.push(Snapshot { number: file.number, name: file.name.clone(), cells });
        }
        table.notes = notes
            .into_iter()
            .map(|((column, why), (files, first))| {
                let column = table.columns.get(column).map_or_else(String::new, Column::label);
                Note { column, files, first, why }
            })
            .collect();
        table
    }

    /// How many snapshots there are.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// What it is drawn over (the time, if that is a column and known, else the number of the output),
    /// and all other columns; what is not there is NaN.
    pub fn panels(&self) -> (Named, Vec<Named>) {
        let of = |(i, column): (usize, &Column)| {
            let cell = |row: &Snapshot| row.cells.get(i).copied().flatten();
            let numbers = self.rows.iter().map(|row| cell(row).map_or(f64::NAN, Cell::float));
            Named { label: column.label(), numbers: numbers.collect() }
        };
        let mut panels: Vec<_> = self.columns.iter().enumerate().map(of).collect();
        let known = |named: &Named| named.numbers.iter().any(|x| x.is_finite());
        let time = self.columns.iter().position(|column| column.name == "time");
        if let Some(i) = time.filter(|i| panels.get(*i).is_some_and(known)) {
            let along = panels.remove(i);
            return (along, panels);
        }
        #[expect(clippy::cast_precision_loss, reason = "numbers of outputs are small")]
        let number = |row: &Snapshot| row.number.map_or(f64::NAN, |number| number as f64);
        let numbers = self.rows.iter().map(number).collect();
        (Named { label: "output".to_owned(), numbers }, panels)
    }

    /// What a column is called where its unit stands elsewhere: its name, and with the unit where
    /// another has the same name.
    pub(super) fn key(&self, column: &Column) -> String {
        let same = self.columns.iter().filter(|other| other.name == column.name);
        if same.count() > 1 { column.label() } else { column.name.clone() }
    }

    pub(super) fn csv(&self, out: &mut dyn Write) -> io::Result<()> {
        let labels = self.columns.iter().map(|column| quoted(&column.label()));
        let head: Vec<_> = std::iter::once("output".to_owned()).chain(labels).collect();
        writeln!(out, "{}", head.join(","))?;
        for row in &self.rows {
            let number = row.number.map_or_else(String::new, |number| number.to_string());
            write!(out, "{number}")?;
            for cell in &row.cells {
                match cell {
                    Some(cell) => write!(out, ",{cell}")?,
                    None => out.write_all(b",")?,
                }
            }
            out.write_all(b"\n")?;
        }
        Ok(())
    }

    pub(super) fn json(&self) -> Value {
        let columns: Vec<_> = self
            .columns
            .iter()
            .map(|column| {
                json!({
                    "name": column.name,
                    "unit": column.unit,
                    "table": column.table.map(TableKind::name),
                })
            })
            .collect();
        let rows: Vec<_> = self
            .rows
            .iter()
            .map(|row| {
                let mut fields = Map::new();
                fields.insert("output".to_owned(), row.number.into());
                fields.insert("file".to_owned(), row.name.clone().into());
                for (column, cell) in self.columns.iter().zip(&row.cells) {
                    // JSON has no numbers that are not finite.
                    let value = match cell {
                        None => Value::Null,
                        Some(Cell::Integer(i)) => (*i).into(),
                        Some(Cell::Float(x)) => (*x).into(),
                    };
                    fields.insert(self.key(column), value);
                }
                Value::Object(fields)
            })
            .collect();
        json!({
            "columns": columns,
            "rows": rows,
            "failed": self.failed_json(),
            "empty": self.empty_json(),
            "missing_outputs": self.missing,
            "gaps": self.gaps,
        })
    }
}

impl SeriesTable {
    /// Files that could not be read.
    pub(super) fn failed_json(&self) -> Vec<Value> {
        let failed = self.failed.iter();
        failed.map(|it| json!({ "file": it.name, "error": it.why })).collect()
    }

    /// Why cells are empty of files that could.
    pub(super) fn empty_json(&self) -> Vec<Value> {
        let notes = self.notes.iter();
        let note = |it: &Note| json!({ "column": it.column, "files": it.files, "first": it.first, "why": it.why });
        notes.map(note).collect()
    }
}

/// A name in the head of a table.
fn quoted(name: &str) -> String {
    let plain = !name.contains([',', '"', '\n', '\r']);
    if plain { name.to_owned() } else { format!("\"{}\"", name.replace('"', "\"\"")) }
}

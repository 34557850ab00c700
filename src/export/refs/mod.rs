//! Writes where arrays stand in files, as the sets of references of kerchunk: with them zarr, xarray and
//! dask read columns of an archive without a copy. The format is described in kerchunk's "References
//! specification", version 1; arrays are described as Zarr version 2 has them.
//!
//! A file is a group, with the name of the file without `.jld2`; tables are groups in it, and columns
//! arrays. Only headers and the indexes of chunks are read.

mod array;

use super::batches::Watch;
use super::sheet::{code_unit, code_unit_text};
use super::{About, ExportError, Out, Reading, Request, Sheet};
use crate::h5::Checksums;
use crate::numbers::{MeraFile, NumbersError, Relation};
use crate::text::shortened;
use jld2::ChunkCache;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Characters of a message that are told.
const MOST_TEXT: usize = 300;

/// What is referred to.
#[derive(Debug, Clone)]
pub struct RefsRequest {
    /// `hydro`, or the path of a dataset; all tables of Mera if nothing is said.
    pub table: Option<String>,
    /// Columns; all columns of numbers if there are none.
    pub columns: Vec<String>,
    /// Which checksums are believed.
    pub checksums: Checksums,
}

/// A file, and what its group is called; the file of a set of its own has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefsFile {
    /// Where it is, for whoever reads the references.
    pub path: PathBuf,
    /// The group's name.
    pub group: Option<String>,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RefsMade {
    /// Files that are referred to.
    pub files: u64,
    /// Arrays.
    pub arrays: u64,
    /// Pieces of files.
    pub chunks: u64,
    /// Columns that cannot be referred to, and why.
    pub left_out: Vec<String>,
    /// Files that cannot be read, and why.
    pub failed: Vec<String>,
    /// Codecs that zarr does not have itself, and where it gets them.
    pub needs: BTreeSet<String>,
}

/// Writes the references to all files as JSON.
///
/// # Errors
/// If they cannot be written, or somebody stops it. A file that cannot be read, or a column that cannot
/// be referred to, is told in what comes back.
pub fn references(
    files: &[RefsFile],
    request: &RefsRequest,
    watch: &Watch<'_>,
    out: &mut dyn Out,
) -> Result<RefsMade, ExportError> {
    let mut made = RefsMade::default();
    let mut refs = Refs { out, groups: BTreeSet::new(), first: true };
    refs.out.write_all(b"{\"version\":1,\"refs\":{")?;
    refs.group("", &json!({}))?;
    for file in files {
        watch.more(0).map_err(ExportError::of_pass)?;
        match one_file(file, request, &mut refs, &mut made) {
            Ok(()) => made.files += 1,
            Err(ExportError::Numbers(error)) => {
                made.failed.push(shortened(&error.to_string(), MOST_TEXT));
            }
            Err(error) => return Err(error),
        }
    }
    refs.out.write_all(b"}}\n")?;
    refs.out.flush()?;
    Ok(made)
}

fn one_file(
    file: &RefsFile,
    request: &RefsRequest,
    refs: &mut Refs<'_>,
    made: &mut RefsMade,
) -> Result<(), ExportError> {
    let path = file.path.as_path();
    let opened = MeraFile::open(path, request.checksums)?;
    let tables = match &request.table {
        Some(table) => vec![table.clone()],
        None => opened.groups()?.iter().map(|group| group.kind.name().to_owned()).collect(),
    };
    if tables.is_empty() {
        return Err(NumbersError::NoNumbers {
            file: opened.name().to_owned(),
            what: "not a file of Mera: name a TABLE".to_owned(),
        }
        .into());
    }
    for table in tables {
        let place = Relation::find(&opened, &table)?;
        let columns = match (&place.column, request.columns.is_empty()) {
            (_, false) => request.columns.clone(),
            (Some(column), true) => vec![column.clone()],
            (None, true) => place.relation.names(),
        };
        let name = group_name(&place.relation, &table);
        let attributes = attributes(&opened, &table, &place.relation)?;
        let group = match &file.group {
            Some(group) if name.is_empty() => group.clone(),
            Some(group) => format!("{group}/{name}"),
            None => name,
        };
        refs.group(&group, &attributes)?;
        for column in columns {
            let array = if place.relation.is_array() { last_step(&table) } else { column.as_str() };
            let array =
                if group.is_empty() { array.to_owned() } else { format!("{group}/{array}") };
            let told = place.relation.column(&column).map_err(|error| error.to_string()).and_then(
                |dataset| {
                    let unit = code_unit(&place.relation, &column).map(code_unit_text);
                    array::of(&opened, &dataset, unit)
                },
            );
            match told {
                Ok(described) => {
                    made.arrays += 1;
                    made.needs.extend(described.needs.iter().map(|it| (*it).to_owned()));
                    made.chunks += described.put(&array, path, refs)?;
                }
                Err(why) => {
                    let message = format!("{}: {column}: {why}", opened.name());
                    made.left_out.push(shortened(&message, MOST_TEXT));
                }
            }
        }
    }
    Ok(())
}

/// What the group of a table is called: of a table that is somewhere else, its path.
fn group_name(relation: &Relation<'_>, table: &str) -> String {
    match relation.group() {
        Some(group) => group.kind.name().to_owned(),
        None if relation.is_array() => {
            let path = table.trim_matches('/');
            path.rsplit_once('/').map_or_else(String::new, |(group, _)| group.to_owned())
        }
        None => relation.name.trim_matches('/').to_owned(),
    }
}

fn last_step(path: &str) -> &str {
    let path = path.trim_matches('/');
    path.rsplit_once('/').map_or(path, |(_, last)| last)
}

/// What is said of the run.
fn attributes(file: &MeraFile, table: &str, relation: &Relation<'_>) -> Result<Value, ExportError> {
    if relation.group().is_none() {
        return Ok(json!({}));
    }
    let request = Request::new(table, super::Format::Npy);
    let reading = Reading { threads: Some(1), cache: Arc::new(ChunkCache::new(0)) };
    // A table without columns of numbers has nothing to say.
    match Sheet::open(file, &request, reading) {
        Ok(sheet) => Ok(About::new(&sheet, &request).json()),
        Err(ExportError::Refused(_)) => Ok(json!({})),
        Err(error) => Err(error),
    }
}

/// The references in the making.
pub(super) struct Refs<'o> {
    out: &'o mut dyn Out,
    /// Groups that were told.
    groups: BTreeSet<String>,
    first: bool,
}

impl Refs<'_> {
    /// Tells a group and those that it is in.
    fn group(&mut self, name: &str, attributes: &Value) -> Result<(), ExportError> {
        let mut steps: Vec<&str> = name.split('/').filter(|step| !step.is_empty()).collect();
        let all = steps.clone();
        while let Some(_last) = steps.pop() {
            let parent = steps.join("/");
            if !self.groups.contains(&parent) {
                self.put(&join(&parent, ".zgroup"), &text(&json!({ "zarr_format": 2 })))?;
                self.groups.insert(parent);
            }
        }
        let name = all.join("/");
        if self.groups.insert(name.clone()) {
            self.put(&join(&name, ".zgroup"), &text(&json!({ "zarr_format": 2 })))?;
            if attributes.as_object().is_some_and(|it| !it.is_empty()) {
                self.put(&join(&name, ".zattrs"), &text(attributes))?;
            }
        }
        Ok(())
    }

    /// Tells what a key stands for.
    fn put(&mut self, key: &str, value: &Value) -> Result<(), ExportError> {
        let comma = if std::mem::take(&mut self.first) { "" } else { "," };
        write!(self.out, "{comma}\n{}:{value}", Value::from(key))?;
        Ok(())
    }
}

/// A text that is JSON, as a value.
fn text(json: &Value) -> Value {
    Value::from(json.to_string())
}

fn join(group: &str, name: &str) -> String {
    if group.is_empty() { name.to_owned() } else { format!("{group}/{name}") }
}

/// The path of a file as it is written into references, which may be read from elsewhere.
///
/// # Errors
/// If it is not there, or its name is not text.
pub fn reference_path(path: &Path) -> Result<PathBuf, ExportError> {
    let path = std::fs::canonicalize(path).map_err(|error| {
        ExportError::Numbers(NumbersError::NoNumbers {
            file: path.display().to_string(),
            what: error.to_string(),
        })
    })?;
    match path.to_str() {
        Some(_) => Ok(path),
        None => Err(ExportError::Refused(format!(
            "{}: its path is not text in UTF-8, which references are",
            path.display()
        ))),
    }
}

//! Writes where arrays stand in files, as the sets of references of kerchunk: with them zarr, xarray and
//! dask read columns of an archive without a copy. The format is described in kerchunk's "References
//! specification", version 1; arrays are described as Zarr version 2 has them.
//!
//! A file is a group, with the name of the file without `.jld2`; tables are groups in it, and columns
//! arrays. Only headers and the indexes of chunks are read.

mod array;
mod combine;
#[cfg(feature = "arrow")]
mod parquet;
mod store;

use super::batches::Watch;
use super::sheet::{code_unit, code_unit_text};
use super::{About, ExportError, Out, Reading, Request, Sheet};
use crate::h5::Checksums;
use crate::numbers::{MeraFile, NumbersError, Relation};
use crate::text::shortened;
use array::{Described, Found};
use combine::Combined;
use jld2::ChunkCache;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use store::{JsonStore, Piece, Place, Store, join};

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
    /// Whether tables that are alike in all files become one, along a dimension `snapshot`.
    pub combine: bool,
    /// Whether the only table stands at the root.
    pub flat: bool,
}

/// A file, and what its group is called; the file of a set of its own has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefsFile {
    /// Where it is, for whoever reads the references.
    pub path: PathBuf,
    /// The group's name.
    pub group: Option<String>,
    /// The number of the output, as the file's name tells it.
    pub number: Option<u64>,
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
    /// Tables that are one for all files.
    pub combined: Vec<String>,
    /// Tables that are not, though that was asked for, and why.
    pub apart: Vec<String>,
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
    let mut store = JsonStore::begin(out)?;
    let made = Writer::new(files, request, watch, &mut store).write()?;
    store.finish()?;
    Ok(made)
}

/// Writes the references to all files as a set of Parquet files, into the empty directory `root`.
///
/// # Errors
/// As [`references`].
#[cfg(feature = "arrow")]
pub fn reference_set(
    files: &[RefsFile],
    request: &RefsRequest,
    watch: &Watch<'_>,
    root: &Path,
) -> Result<RefsMade, ExportError> {
    let mut store = parquet::ParquetStore::begin(root)?;
    let made = Writer::new(files, request, watch, &mut store).write()?;
    store.finish()?;
    Ok(made)
}

/// A table of a file, or an array, and which columns of it are wanted.
struct Table<'f> {
    asked: String,
    relation: Relation<'f>,
    columns: Vec<String>,
}

impl Table<'_> {
    /// What an array is called in its group.
    fn array<'n>(&'n self, column: &'n str) -> &'n str {
        if self.relation.is_array() { last_step(&self.asked) } else { column }
    }

    /// An array, or why there are no references to it.
    fn find(&self, file: &MeraFile, column: &str) -> Result<Found, String> {
        let name = self.array(column);
        if name.is_empty() || name.starts_with('.') || name.contains(['/', '\\', '\0']) {
            return Err("its name cannot be that of an array of zarr".to_owned());
        }
        let dataset = self.relation.column(column).map_err(|error| error.to_string())?;
        let unit = code_unit(&self.relation, column).map(code_unit_text);
        array::of(file, &dataset, unit)
    }
}

/// The tables of a file that are wanted.
fn tables<'f>(file: &'f MeraFile, request: &RefsRequest) -> Result<Vec<Table<'f>>, ExportError> {
    let asked = match &request.table {
        Some(table) => vec![table.clone()],
        None => file.groups()?.iter().map(|group| group.kind.name().to_owned()).collect(),
    };
    if asked.is_empty() {
        return Err(NumbersError::NoNumbers {
            file: file.name().to_owned(),
            what: "not a file of Mera: name a TABLE".to_owned(),
        }
        .into());
    }
    let table = |asked: String| {
        let place = Relation::find(file, &asked)?;
        let columns = match (&place.column, request.columns.is_empty()) {
            (_, false) => request.columns.clone(),
            (Some(column), true) => vec![column.clone()],
            (None, true) => place.relation.names(),
        };
        Ok(Table { asked, relation: place.relation, columns })
    };
    asked.into_iter().map(table).collect()
}

/// Goes through files and writes where their arrays are.
struct Writer<'w> {
    files: &'w [RefsFile],
    request: &'w RefsRequest,
    watch: &'w Watch<'w>,
    store: &'w mut dyn Store,
    groups: BTreeSet<String>,
    made: RefsMade,
}

impl<'w> Writer<'w> {
    fn new(
        files: &'w [RefsFile],
        request: &'w RefsRequest,
        watch: &'w Watch<'w>,
        store: &'w mut dyn Store,
    ) -> Self {
        let (groups, made) = (BTreeSet::new(), RefsMade::default());
        Self { files, request, watch, store, groups, made }
    }

    fn write(mut self) -> Result<RefsMade, ExportError> {
        self.group("", &json!({}))?;
        let combined = if self.request.combine {
            let combined = Combined::of(self.files, self.request, self.watch)?;
            self.made.apart.clone_from(&combined.apart);
            Some(combined)
        } else {
            None
        };
        if let Some(combined) = &combined {
            self.begin_combined(combined)?;
        }
        let mut place = 0;
        for file in self.files {
            self.watch.more(0).map_err(ExportError::of_pass)?;
            match self.file(file, combined.as_ref(), place) {
                Ok(()) => {
                    self.made.files += 1;
                    place += 1;
                }
                Err(ExportError::Numbers(error)) => {
                    self.made.failed.push(shortened(&error.to_string(), MOST_TEXT));
                }
                Err(error) => return Err(error),
            }
        }
        for (place, _) in combined.iter().flat_map(Combined::arrays) {
            self.store.end(&place)?;
        }
        Ok(self.made)
    }

    /// Tells the arrays that all files have together.
    fn begin_combined(&mut self, combined: &Combined) -> Result<(), ExportError> {
        for group in combined.groups() {
            self.group(&group.name, &group.attributes)?;
            for (name, values) in &group.coordinates {
                let described = Described::plain(combined.files, values.dtype());
                let place = Place { name: join(&group.name, name), grid: described.grid() };
                let dims = ["snapshot".to_owned()];
                self.array(&place.name, &described.zarray(false), &array::zattrs(&dims, None))?;
                self.store.inline(&place, &values.bytes())?;
            }
            self.made.combined.push(group.table.clone());
        }
        for (place, stacked) in combined.arrays() {
            let mut dims = array::dimensions(stacked.described.shape.get(1..).unwrap_or_default());
            dims.insert(0, "snapshot".to_owned());
            let zattrs = array::zattrs(&dims, stacked.unit.as_deref());
            self.array(&place.name, &stacked.described.zarray(stacked.gaps), &zattrs)?;
            self.made.arrays += 1;
            self.made.needs.extend(stacked.described.needs().map(str::to_owned));
        }
        Ok(())
    }

    fn file(
        &mut self,
        file: &RefsFile,
        combined: Option<&Combined>,
        snapshot: u64,
    ) -> Result<(), ExportError> {
        let path = file.path.as_path();
        let opened = MeraFile::open(path, self.request.checksums)?;
        let all = tables(&opened, self.request)?;
        let path = path.to_string_lossy();
        let alone = self.request.flat && self.files.len() == 1 && all.len() == 1;
        for table in all {
            let stacked = combined.and_then(|combined| combined.group(&table.asked));
            let name = group_name(&table.relation, &table.asked);
            let group = match (&file.group, stacked) {
                (_, Some(group)) => group.name.clone(),
                _ if alone => String::new(),
                (Some(group), _) if name.is_empty() => group.clone(),
                (Some(group), _) => format!("{group}/{name}"),
                (None, _) => name,
            };
            if stacked.is_none() {
                let attributes = attributes(&opened, &table.asked, &table.relation)?;
                self.group(&group, &attributes)?;
            }
            for column in &table.columns {
                let found = match table.find(&opened, column) {
                    Ok(found) => found,
                    Err(why) => {
                        let message = format!("{}: {column}: {why}", opened.name());
                        self.made.left_out.push(shortened(&message, MOST_TEXT));
                        continue;
                    }
                };
                let name = join(&group, table.array(column));
                let described = match stacked {
                    Some(stacked) => match stacked.array(column, &found.described) {
                        Some(described) => described.clone(),
                        None => return Err(changed(&opened)),
                    },
                    None => found.described.clone(),
                };
                let place = Place { name, grid: described.grid() };
                let first = match stacked {
                    Some(_) => {
                        found.described.grid().iter().product::<u64>().saturating_mul(snapshot)
                    }
                    None => 0,
                };
                if stacked.is_none() {
                    let dims = array::dimensions(&described.shape);
                    let zattrs = array::zattrs(&dims, found.unit.as_deref());
                    self.array(&place.name, &described.zarray(found.gaps), &zattrs)?;
                    self.made.arrays += 1;
                    self.made.needs.extend(described.needs().map(str::to_owned));
                }
                self.pieces(&opened, &table, column, &place, first, &path)?;
                if stacked.is_none() {
                    self.store.end(&place)?;
                }
            }
        }
        Ok(())
    }

    fn pieces(
        &mut self,
        file: &MeraFile,
        table: &Table<'_>,
        column: &str,
        place: &Place,
        first: u64,
        path: &str,
    ) -> Result<(), ExportError> {
        let dataset = table.relation.column(column)?;
        let Some(data) = dataset.object().dataset() else { return Err(changed(file)) };
        let (mut count, mut ended) = (0, Ok(()));
        let store = &mut *self.store;
        let gone = array::pieces(file, data, &mut |number, offset, bytes| {
            count += 1;
            let piece = Piece { number: first.saturating_add(number), path, offset, bytes };
            ended = store.piece(place, piece);
            if ended.is_ok() { Ok(()) } else { Err(String::new()) }
        });
        ended?;
        self.made.chunks += count;
        // It was gone through before.
        gone.map_err(|_| changed(file))
    }

    fn array(&mut self, name: &str, zarray: &Value, zattrs: &Value) -> Result<(), ExportError> {
        self.store.document(&join(name, ".zarray"), zarray)?;
        self.store.document(&join(name, ".zattrs"), zattrs)
    }

    /// Tells a group and those that it is in.
    fn group(&mut self, name: &str, attributes: &Value) -> Result<(), ExportError> {
        let steps: Vec<&str> = name.split('/').filter(|step| !step.is_empty()).collect();
        for depth in 0..=steps.len() {
            let group = steps.get(..depth).unwrap_or_default().join("/");
            if self.groups.insert(group.clone()) {
                self.store.document(&join(&group, ".zgroup"), &json!({ "zarr_format": 2 }))?;
            }
        }
        if attributes.as_object().is_some_and(|it| !it.is_empty()) {
            self.store.document(&join(name, ".zattrs"), attributes)?;
        }
        Ok(())
    }
}

/// A file was another when it was read again.
fn changed(file: &MeraFile) -> ExportError {
    ExportError::Output(std::io::Error::other(format!(
        "{} changed while references to it were made: run it again",
        file.name()
    )))
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

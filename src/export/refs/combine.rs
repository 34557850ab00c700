//! Finds which tables are alike in all files: these can be one table with a dimension more.
//!
//! Zarr's arrays have one shape, one kind of chunks and one list of codecs: where a column differs in one
//! of these, each file keeps its own group for the table. What is said of runs stays an attribute where all
//! files say the same; numbers that differ become coordinates along the new dimension.

use super::super::{ExportError, Watch};
use super::array::{Described, Found};
use super::store::{Place, join};
use super::{MOST_TEXT, RefsFile, RefsRequest, attributes, tables};
use crate::numbers::MeraFile;
use crate::text::shortened;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The tables that are one.
#[derive(Debug, Default)]
pub(super) struct Combined {
    /// Files that can be read.
    pub(super) files: u64,
    groups: Vec<Group>,
    /// Tables that cannot be one, and why.
    pub(super) apart: Vec<String>,
}

/// A table of all files.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) table: String,
    /// What it is called; the root's name is empty.
    pub(super) name: String,
    pub(super) attributes: Value,
    pub(super) coordinates: Vec<(String, Coordinate)>,
    arrays: Vec<Stacked>,
}

/// An array of all files.
#[derive(Debug)]
pub(super) struct Stacked {
    column: String,
    array: String,
    single: Described,
    pub(super) described: Described,
    pub(super) unit: Option<String>,
    pub(super) gaps: bool,
}

/// A number of each file.
#[derive(Debug)]
pub(super) enum Coordinate {
    Integers(Vec<i64>),
    Floats(Vec<f64>),
}

impl Coordinate {
    /// Integers if all are, floats if all are numbers.
    fn of(values: &[Value]) -> Option<Self> {
        let integers: Option<Vec<i64>> = values.iter().map(Value::as_i64).collect();
        let floats = || values.iter().map(Value::as_f64).collect::<Option<Vec<f64>>>();
        integers.map(Self::Integers).or_else(|| floats().map(Self::Floats))
    }

    pub(super) fn dtype(&self) -> &'static str {
        match self {
            Self::Integers(_) => "<i8",
            Self::Floats(_) => "<f8",
        }
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Integers(all) => all.iter().flat_map(|it| it.to_le_bytes()).collect(),
            Self::Floats(all) => all.iter().flat_map(|it| it.to_le_bytes()).collect(),
        }
    }
}

impl Combined {
    pub(super) fn groups(&self) -> &[Group] {
        &self.groups
    }

    pub(super) fn group(&self, table: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.table == table)
    }

    /// The arrays, each with its place.
    pub(super) fn arrays(&self) -> impl Iterator<Item = (Place, &Stacked)> {
        self.groups.iter().flat_map(|group| {
            group.arrays.iter().map(|array| {
                let grid = array.described.grid();
                (Place { name: join(&group.name, &array.array), grid }, array)
            })
        })
    }

    /// Reads the headers of all files. One that cannot be read is left out; it is told later.
    pub(super) fn of(
        files: &[RefsFile],
        request: &RefsRequest,
        watch: &Watch<'_>,
    ) -> Result<Self, ExportError> {
        let mut found: BTreeMap<String, Alike> = BTreeMap::new();
        let mut all = Self::default();
        for file in files {
            watch.more(0).map_err(ExportError::of_pass)?;
            let Ok(opened) = MeraFile::open(&file.path, request.checksums) else { continue };
            let Ok(tables) = tables(&opened, request) else { continue };
            let mut told = Vec::new();
            for table in &tables {
                match attributes(&opened, &table.asked, &table.relation) {
                    Ok(said) => told.push(said),
                    Err(_) => break,
                }
            }
            if told.len() < tables.len() {
                continue;
            }
            for (table, said) in tables.iter().zip(told) {
                let columns = table.columns.iter().filter_map(|column| {
                    let array = table.array(column).to_owned();
                    Some((column.clone(), (array, table.find(&opened, column).ok()?)))
                });
                let alike = found.entry(table.asked.clone()).or_insert_with(|| Alike {
                    first: opened.name().to_owned(),
                    ..Alike::default()
                });
                alike.add(&opened, all.files, columns.collect(), said, file.number);
            }
            all.files += 1;
        }
        let many = found.len() > 1;
        for (table, alike) in found {
            let name = if many { table.trim_matches('/').to_owned() } else { String::new() };
            match alike.group(&table, name, all.files) {
                Ok(group) => all.groups.push(group),
                Err(why) => all.apart.push(shortened(&format!("{table}: {why}"), MOST_TEXT)),
            }
        }
        Ok(all)
    }
}

impl Group {
    /// The array of all files that a column of one of them is part of, if it is as it was.
    pub(super) fn array(&self, column: &str, single: &Described) -> Option<&Described> {
        let array = self.arrays.iter().find(|array| array.column == column)?;
        (array.single == *single).then_some(&array.described)
    }
}

/// What is known of a table.
#[derive(Default)]
struct Alike {
    /// The first file that has it.
    first: String,
    files: u64,
    columns: BTreeMap<String, (String, Found)>,
    said: Vec<Value>,
    numbers: Vec<Option<u64>>,
    differs: Option<String>,
}

impl Alike {
    fn add(
        &mut self,
        file: &MeraFile,
        before: u64,
        columns: BTreeMap<String, (String, Found)>,
        said: Value,
        number: Option<u64>,
    ) {
        self.files += 1;
        self.numbers.push(number);
        if self.files == 1 {
            if before > 0 {
                self.differs = Some(format!("not every file in front of {} has it", file.name()));
            }
            (self.columns, self.said) = (columns, vec![said]);
            return;
        }
        if self.differs.is_some() {
            return;
        }
        self.said.push(said);
        self.differs = self.differs_from(file, &columns);
        for (column, (_, found)) in &mut self.columns {
            if let Some((_, other)) = columns.get(column) {
                found.gaps |= other.gaps;
                if found.unit != other.unit {
                    found.unit = None;
                }
            }
        }
    }

    /// What is other than in the first file, in words.
    fn differs_from(
        &self,
        file: &MeraFile,
        columns: &BTreeMap<String, (String, Found)>,
    ) -> Option<String> {
        let (here, first) = (file.name(), &self.first);
        let missing = self.columns.keys().find(|name| !columns.contains_key(*name));
        if let Some(name) = missing {
            return Some(format!("{here} has no references to {name}, {first} has"));
        }
        for (name, (_, found)) in columns {
            let Some((_, known)) = self.columns.get(name) else {
                return Some(format!("{first} has no references to {name}, {here} has"));
            };
            let (a, b) = (&known.described, &found.described);
            if a.shape != b.shape {
                return Some(format!(
                    "{name} has the shape {:?} in {first}, {:?} in {here}",
                    a.shape, b.shape
                ));
            }
            if a != b {
                return Some(format!(
                    "{name} has another type, chunks or filters in {here} than in {first}"
                ));
            }
        }
        None
    }

    fn group(self, table: &str, name: String, files: u64) -> Result<Group, String> {
        if let Some(why) = self.differs {
            return Err(why);
        }
        if self.files != files {
            return Err(format!("{} of {files} files have it", self.files));
        }
        let arrays: Vec<Stacked> = self
            .columns
            .into_iter()
            .map(|(column, (array, found))| Stacked {
                column,
                array,
                described: found.described.stacked(files),
                single: found.described,
                unit: found.unit,
                gaps: found.gaps,
            })
            .collect();
        let (mut attributes, mut coordinates) = (Map::new(), Vec::new());
        let numbers: Option<Vec<Value>> =
            self.numbers.iter().map(|number| number.map(Value::from)).collect();
        let first = self.said.first().and_then(Value::as_object).cloned().unwrap_or_default();
        for (name, value) in first {
            let values: Vec<Value> =
                self.said.iter().map(|said| said.get(&name).cloned().unwrap_or_default()).collect();
            if name == "source" {
                attributes.insert("sources".to_owned(), values.into());
            } else if name == "output" {
                // It is the coordinate of the dimension.
            } else if values.iter().all(|other| *other == value) {
                attributes.insert(name, value);
            } else if let Some(coordinate) = Coordinate::of(&values)
                && !arrays.iter().any(|array| array.array == name)
            {
                coordinates.push((name, coordinate));
            }
        }
        let outputs: Vec<Value> =
            self.said.iter().map(|said| said.get("output").cloned().unwrap_or_default()).collect();
        let snapshots = Coordinate::of(&outputs).or_else(|| Coordinate::of(&numbers?));
        let taken = arrays.iter().any(|array| array.array == "snapshot");
        coordinates.extend(snapshots.filter(|_| !taken).map(|it| ("snapshot".to_owned(), it)));
        let names: Vec<&str> = coordinates.iter().map(|(name, _)| name.as_str()).collect();
        if !names.is_empty() {
            // As xarray finds them.
            attributes.insert("coordinates".to_owned(), names.join(" ").into());
        }
        let attributes = Value::Object(attributes);
        Ok(Group { table: table.to_owned(), name, attributes, coordinates, arrays })
    }
}

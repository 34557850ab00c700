//! What is exported of an open file: columns with types and units, and the rows that are chosen.

use super::{ExportError, Request};
use crate::numbers::{Ask, MeraFile, NumbersError, Place, Query, Relation, Selection, usual_unit};
use crate::text;
use jld2::{ChunkCache, NumberType};
use serde::Serialize;
use std::collections::HashSet;
use std::sync::Arc;

/// Decoded bytes that may wait to be written, of all columns together: writing is slower than decoding.
const IN_FLIGHT: usize = 4 << 20;

/// How a file is read.
#[derive(Debug, Clone)]
pub struct Reading {
    /// Threads that decode; one for each core if nothing is said.
    pub threads: Option<usize>,
    /// What was decoded and may be needed again.
    pub cache: Arc<ChunkCache>,
}

/// A column that is exported.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Head {
    /// The column or quantity.
    pub name: String,
    /// The type of its numbers.
    #[serde(skip)]
    pub number: NumberType,
    /// The unit they are in; none where that is the code's, or nothing is known of units.
    pub unit: Option<String>,
    /// Where they are in code units: a unit that suits, and how many of it one of the code's is.
    pub code_unit: Option<(f64, &'static str)>,
}

impl Head {
    /// A column or quantity of a relation, of numbers of this type.
    fn new(relation: &Relation<'_>, ask: Ask, number: NumberType) -> Self {
        let code_unit = if ask.unit.is_none() { code_unit(relation, &ask.name) } else { None };
        Self { name: ask.name, number, unit: ask.unit, code_unit }
    }

    /// The name, and the unit in brackets where one was asked for.
    pub fn label(&self) -> String {
        Ask { name: self.name.clone(), unit: self.unit.clone() }.label()
    }

    /// What unit its numbers are in, in words.
    pub fn unit_text(&self) -> Option<String> {
        match (&self.unit, self.code_unit) {
            (Some(unit), _) => Some(unit.clone()),
            (None, code_unit) => code_unit.map(code_unit_text),
        }
    }
}

/// A unit that suits a column in code units, and how many of it one of the code's is.
pub(super) fn code_unit(relation: &Relation<'_>, column: &str) -> Option<(f64, &'static str)> {
    let group = relation.group()?;
    let unit = usual_unit(group.kind, column)?;
    let factor = crate::mera::unit::unit_factor(unit, &group.info.units()).ok()?;
    Some((factor, unit))
}

/// The same in words.
pub(super) fn code_unit_text((factor, unit): (f64, &str)) -> String {
    format!("code unit = {factor:?} {unit}")
}

/// What is exported.
#[derive(Debug)]
pub struct Sheet<'f> {
    /// The file that it is in.
    pub file: &'f MeraFile,
    /// The table or array.
    pub relation: Relation<'f>,
    /// The columns, in order.
    pub heads: Vec<Head>,
    /// Columns that hold no numbers, and why they are left out.
    pub left_out: Vec<String>,
    /// How many rows are chosen.
    pub rows: u64,
    /// Which rows are chosen.
    pub selection: Selection,
    reading: Reading,
}

impl<'f> Sheet<'f> {
    /// Finds what is asked for. Rows are counted, for which a condition or a part of the box costs a
    /// pass over the columns that it needs.
    ///
    /// # Errors
    /// If it is not there, holds no numbers, or the columns that choose rows are damaged.
    pub fn open(
        file: &'f MeraFile,
        request: &Request,
        reading: Reading,
    ) -> Result<Self, ExportError> {
        let selection = request.selection()?;
        let Place { relation, column } = Relation::find(file, &request.table)?;
        if relation.is_array() {
            Self::check_array(&relation, request)?;
        }
        let named = match (&column, request.columns.is_empty()) {
            (Some(column), true) => Some(vec![column.clone()]),
            (Some(column), false) if !relation.is_array() => {
                return Err(ExportError::Refused(format!(
                    "{} is one column ({}) already: --columns goes with a table",
                    text::tame(&request.table),
                    text::tame(column)
                )));
            }
            (_, false) => Some(request.columns.clone()),
            (None, true) => None,
        };
        let names = named.clone().unwrap_or_else(|| relation.names());
        if let Some(twice) = twice(&names) {
            let twice = text::tame(twice);
            return Err(ExportError::Refused(format!("--columns names {twice} twice")));
        }
        if let Some(unit) = request.unit_without_column(&names) {
            return Err(ExportError::Refused(format!(
                "--unit {}={}: no column of this name is exported",
                text::tame(unit.column.as_deref().unwrap_or_default()),
                text::tame(&unit.unit)
            )));
        }
        let mut sheet = Self {
            file,
            relation,
            heads: Vec::new(),
            left_out: Vec::new(),
            rows: 0,
            selection,
            reading,
        };
        for name in names {
            let ask = Ask { unit: request.unit_of(&name).map(str::to_owned), name };
            match sheet.ask(std::slice::from_ref(&ask)) {
                Ok(query) => {
                    let number = query.number_types().first().copied();
                    let number = number.unwrap_or(NumberType::Float64);
                    sheet.heads.push(Head::new(&sheet.relation, ask, number));
                }
                // Of all columns those that are no numbers are passed over, with a word.
                Err(error @ NumbersError::Read { .. }) if named.is_none() => {
                    sheet.left_out.push(error.to_string());
                }
                Err(error) => return Err(error.into()),
            }
        }
        if sheet.heads.is_empty() {
            let name = text::tame(&request.table);
            return Err(ExportError::Refused(format!("{name} has no column of numbers")));
        }
        sheet.rows = sheet.count()?;
        Ok(sheet)
    }

    /// What is wrong with an array for a format.
    fn check_array(relation: &Relation<'_>, request: &Request) -> Result<(), ExportError> {
        let dims = relation.dims()?;
        if request.format.is_flat() && dims.len() > 1 {
            return Err(ExportError::Refused(format!(
                "{} is an array of {} dimensions: {} holds columns; npy and npz hold arrays of any \
                 shape",
                text::tame(&relation.name),
                dims.len(),
                request.format.extension()
            )));
        }
        Ok(())
    }

    fn ask(&self, wanted: &[Ask]) -> Result<Query<'f>, NumbersError> {
        let query = Query::new(self.file.name(), &self.relation, wanted, &self.selection)?;
        Ok(self.with_reading(query))
    }

    fn with_reading(&self, query: Query<'f>) -> Query<'f> {
        let query = query.with_cache(Arc::clone(&self.reading.cache)).with_in_flight(IN_FLIGHT);
        match self.reading.threads {
            Some(threads) => query.with_threads(threads),
            None => query,
        }
    }

    fn count(&self) -> Result<u64, ExportError> {
        if self.selection.condition.is_none() && !self.selection.has_region() {
            return Ok(match &self.selection.rows {
                Some(rows) => rows.end.saturating_sub(rows.start),
                None => self.relation.rows().map_err(|error| self.failed(error))?,
            });
        }
        let mut rows = 0;
        let counting = self.ask(&[])?;
        counting.run(|batch| {
            rows += batch.len() as u64;
            Ok(())
        })?;
        Ok(rows)
    }

    fn failed(&self, error: jld2::Error) -> NumbersError {
        NumbersError::Read { file: self.file.name().to_owned(), source: error }
    }

    /// What reads some of the columns, by their places.
    ///
    /// # Errors
    /// If a header is damaged.
    pub fn query(&self, places: &[usize]) -> Result<Query<'f>, ExportError> {
        let heads = places.iter().filter_map(|&place| self.heads.get(place));
        let asks: Vec<_> =
            heads.map(|head| Ask { name: head.name.clone(), unit: head.unit.clone() }).collect();
        Ok(self.ask(&asks)?)
    }

    /// What reads stored columns, exported or not, of the same rows, as they are.
    ///
    /// # Errors
    /// If one is missing.
    pub fn stored(&self, names: &[&str]) -> Result<Query<'f>, ExportError> {
        let asks: Vec<_> = names.iter().map(|name| Ask::new(*name)).collect();
        let (file, selection) = (self.file.name(), &self.selection);
        let query = Query::from_corner(file, &self.relation, &asks, selection)?;
        Ok(self.with_reading(query))
    }

    /// What reads all columns side by side.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn all(&self) -> Result<Query<'f>, ExportError> {
        self.query(&(0..self.heads.len()).collect::<Vec<_>>())
    }

    /// The shape of an array that is exported as a whole, the fastest dimension first; none of
    /// columns.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn shape(&self) -> Result<Option<Vec<u64>>, ExportError> {
        let whole = self.selection.condition.is_none() && self.selection.rows.is_none();
        if !self.relation.is_array() || !whole {
            return Ok(None);
        }
        Ok(Some(self.relation.dims()?))
    }

    /// Bytes of a row.
    pub fn row_bytes(&self) -> usize {
        self.heads.iter().map(|head| head.number.size()).sum()
    }

    /// Bytes of all that is exported, as numbers are in memory.
    pub fn bytes(&self) -> u64 {
        self.rows.saturating_mul(self.row_bytes() as u64)
    }
}

/// A name that is there twice.
fn twice(names: &[String]) -> Option<&str> {
    let mut known = HashSet::new();
    names.iter().find(|name| !known.insert(name.as_str())).map(String::as_str)
}

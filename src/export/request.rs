//! What is to be exported, as it was asked for: it can be sent to a worker and kept in a journal.

use super::{ExportError, Format};
use crate::mera::region::RegionWish;
use crate::numbers::{NumbersError, Selection, parse_condition};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What is to be exported, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// `hydro`, `hydro/rho`, or the path of a dataset.
    pub table: String,
    /// Columns and quantities; all columns of numbers if there are none.
    pub columns: Vec<String>,
    /// The units that numbers are wanted in.
    pub units: Vec<ColumnUnit>,
    /// What must hold in a row, as it was written.
    pub condition: Option<String>,
    /// The part of the box, and where coordinates are counted from.
    pub region: RegionWish,
    /// Which rows, from 0.
    pub rows: Option<Range<u64>>,
    /// In which format.
    pub format: Format,
    /// The level of compression; the format's usual one if nothing is said.
    pub level: Option<u8>,
}

/// The unit that a column, or the only one, is wanted in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ColumnUnit {
    /// The column or quantity; none stands for all that are asked for.
    pub column: Option<String>,
    /// The unit, by Mera's name.
    pub unit: String,
}

impl ColumnUnit {
    /// Whether it is a unit of places.
    fn is_of_places(&self) -> bool {
        self.column.as_deref() == Some("x")
    }
}

impl Request {
    /// All of a table, in code units.
    pub fn new(table: impl Into<String>, format: Format) -> Self {
        Self {
            table: table.into(),
            columns: Vec::new(),
            units: Vec::new(),
            condition: None,
            region: RegionWish::default(),
            rows: None,
            format,
            level: None,
        }
    }

    /// Which rows are chosen.
    ///
    /// # Errors
    /// If the condition is not one.
    pub fn selection(&self) -> Result<Selection, NumbersError> {
        let condition = self.condition.as_deref().map(parse_condition).transpose()?;
        let (region, rows) = (self.region.clone(), self.rows.clone());
        Ok(Selection { condition, region, rows, like_mera: false })
    }

    /// The level of compression.
    ///
    /// # Errors
    /// If the format has no such level.
    pub fn level(&self) -> Result<u8, ExportError> {
        let Some(level) = self.level else { return Ok(self.format.usual_level()) };
        let name = self.format.extension();
        match self.format.levels() {
            Some(levels) if levels.contains(&level) => Ok(level),
            Some(levels) => Err(ExportError::Refused(format!(
                "--level {level}: {name} has levels from {} to {}",
                levels.start(),
                levels.end()
            ))),
            None if level == 0 => Ok(0),
            None => Err(ExportError::Refused(format!("--level {level}: {name} is not compressed"))),
        }
    }

    /// What is wrong with it, whatever the file holds.
    ///
    /// # Errors
    /// If its condition or level makes no sense, or a unit is given for a column that is not asked
    /// for.
    pub fn check(&self) -> Result<(), ExportError> {
        self.selection()?;
        self.level()?;
        Ok(())
    }

    /// A unit for a column that is not among these.
    pub(super) fn unit_without_column(&self, columns: &[String]) -> Option<&ColumnUnit> {
        let placed = self.format == Format::Vtu;
        self.units.iter().find(|unit| {
            let known = unit.column.as_ref().is_none_or(|column| columns.contains(column));
            !(known || placed && unit.is_of_places())
        })
    }

    /// The unit that a column is wanted in.
    pub(super) fn unit_of(&self, column: &str) -> Option<&str> {
        let own = self.units.iter().find(|unit| unit.column.as_deref() == Some(column));
        let any = || self.units.iter().find(|unit| unit.column.is_none());
        own.or_else(any).map(|unit| unit.unit.as_str())
    }

    /// The unit of places in a format that has places of its own: that of the column `x`.
    pub(super) fn length_unit(&self) -> Option<&str> {
        self.units.iter().find(|unit| unit.is_of_places()).map(|unit| unit.unit.as_str())
    }

    /// What an exported file is called where nobody says: after the file, the table and the format.
    pub fn name_for(&self, stem: &str) -> String {
        let table = self.table.trim_matches('/').replace('/', ".");
        format!("{stem}.{table}.{}", self.format.extension())
    }
}

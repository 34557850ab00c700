//! What is asked of each file of a series, and as text: what travels to workers and is kept in a
//! journal.

use super::column::{Column, WhatError, columns};
use crate::h5::Checksums;
use crate::mera::quantity::{TableKind, is_usual, spelled};
use crate::mera::region::{Center, RegionWish};
use crate::mera::unit::{UnitError, suits};
use crate::numbers::condition::{ConditionError, parse};
use crate::numbers::{Condition, Selection};
use serde::{Deserialize, Serialize};

/// What is asked of each file.
#[derive(Debug, Clone)]
pub struct Question {
    /// The columns of the series.
    pub columns: Vec<Column>,
    /// Which rows of tables are looked at.
    pub selection: Selection,
    /// Which checksums are believed.
    pub checksums: Checksums,
}

/// The same as text. Numbers are written so that the same bits come back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuestionText {
    /// Names of columns.
    pub what: Vec<String>,
    /// Units for names that bring none.
    pub units: Vec<(String, String)>,
    /// What must hold in a row.
    pub condition: Option<String>,
    ranges: Vec<Option<String>>,
    /// Of each axis: a place, or none for the middle of the box.
    center: Option<Vec<Option<String>>>,
    range_unit: Option<String>,
    rows: Option<(u64, u64)>,
    /// See [`Selection::like_mera`].
    pub like_mera: bool,
    /// Wrong checksums are let pass.
    pub let_pass: bool,
}

/// Why a text is not a question.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QuestionError {
    /// The columns.
    #[error("--what: {0}")]
    What(#[from] WhatError),
    /// The condition.
    #[error("--where: {0}")]
    Condition(#[from] ConditionError),
    /// A unit in the condition.
    #[error("--where: {0}")]
    ConditionUnit(UnitError),
    /// A unit of ranges.
    #[error("--range-unit: {0}")]
    Unit(UnitError),
    /// A name in the condition that a table does not have.
    #[error(
        "--where: {name} is not of {table}, of which {column} is told: a series has one condition \
         for all of its tables"
    )]
    Elsewhere {
        /// The name in the condition.
        name: String,
        /// The table.
        table: &'static str,
        /// The column of the series.
        column: String,
    },
    /// A number that is not one.
    #[error("{0} is not a number")]
    Number(String),
}

impl QuestionText {
    /// Adds the part of the box and the rows that are chosen.
    #[must_use]
    pub fn of_rows(mut self, selection: &Selection) -> Self {
        let text = |x: f64| format!("{x:?}");
        let region = &selection.region;
        self.ranges = region.ranges.iter().flatten().map(|side| side.map(text)).collect();
        self.center = region.center.map(|center| {
            let along = |at: &Center| match at {
                Center::Middle => None,
                Center::At(x) => Some(text(*x)),
            };
            center.iter().map(along).collect()
        });
        self.range_unit.clone_from(&region.unit);
        self.rows = selection.rows.as_ref().map(|rows| (rows.start, rows.end));
        self
    }

    /// Reads it.
    ///
    /// # Errors
    /// If a name, unit, condition or number is not one.
    pub fn read(&self) -> Result<Question, QuestionError> {
        let columns = columns(&self.what, &self.units)?;
        let condition = self.condition.as_deref().map(parse).transpose()?;
        if let Some(condition) = &condition {
            belongs(condition, &columns)?;
        }
        let number =
            |text: &String| text.parse::<f64>().map_err(|_| QuestionError::Number(text.clone()));
        let mut ranges = [[None; 2]; 3];
        for (side, text) in ranges.iter_mut().flatten().zip(&self.ranges) {
            *side = text.as_ref().map(number).transpose()?;
        }
        let center = match &self.center {
            None => None,
            Some(texts) => {
                let mut center = [Center::Middle; 3];
                for (along, text) in center.iter_mut().zip(texts) {
                    if let Some(text) = text {
                        *along = Center::At(number(text)?);
                    }
                }
                Some(center)
            }
        };
        if let Some(unit) = &self.range_unit {
            suits("x", unit).map_err(QuestionError::Unit)?;
        }
        let region = RegionWish { ranges, center, unit: self.range_unit.clone() };
        let rows = self.rows.map(|(first, end)| first..end);
        Ok(Question {
            columns,
            selection: Selection { condition, region, rows, like_mera: self.like_mera },
            checksums: if self.let_pass { Checksums::Ignored } else { Checksums::Trusted },
        })
    }
}

/// Whether the names of a condition may be those of each table that is asked about: a name that is
/// known of another table only is refused before anything is read.
fn belongs(condition: &Condition, columns: &[Column]) -> Result<(), QuestionError> {
    for variable in condition.variables() {
        let name = spelled(&variable.name);
        if let Some(unit) = &variable.unit {
            suits(name, unit).map_err(QuestionError::ConditionUnit)?;
        }
        if !TableKind::ALL.into_iter().any(|table| is_usual(table, name)) {
            continue;
        }
        let other = columns.iter().filter(|column| column.is_of_rows()).find_map(|column| {
            let table = column.table.filter(|table| !is_usual(*table, name))?;
            Some((table, column))
        });
        if let Some((table, column)) = other {
            let (name, table) = (name.to_owned(), table.name());
            return Err(QuestionError::Elsewhere { name, table, column: column.label() });
        }
    }
    Ok(())
}

//! A row of a series: its numbers, and why some are missing.

use super::cell::Cell;
use crate::text::shortened;
use serde::{Deserialize, Serialize};

/// Characters that are kept of a reason.
const MOST_REASON: usize = 300;

/// What a file has to say.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Row {
    /// The number of each column, where there is one.
    pub cells: Vec<Option<Cell>>,
    /// Why there is none.
    pub missing: Vec<Missing>,
}

/// Why a cell is empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Missing {
    /// The column's place.
    pub column: usize,
    /// The reason, in words that do not name the file.
    pub why: String,
}

/// A row in the making.
pub(super) struct Answers(Row);

impl Answers {
    /// None so far, for so many columns.
    pub(super) fn new(columns: usize) -> Self {
        Self(Row { cells: vec![None; columns], missing: Vec::new() })
    }

    /// What was answered.
    pub(super) fn row(self) -> Row {
        self.0
    }

    pub(super) fn put(&mut self, place: usize, cell: Cell) {
        if let Some(slot) = self.0.cells.get_mut(place) {
            *slot = Some(cell);
        }
    }

    pub(super) fn missing(&mut self, place: usize, why: &str) {
        let why = shortened(why, MOST_REASON);
        self.0.missing.push(Missing { column: place, why });
    }
}

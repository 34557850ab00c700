//! What is asked of a table: which numbers, of which rows.

use super::condition::Condition;
use crate::mera::region::{Center, RegionWish};
use serde::{Deserialize, Serialize};
use std::ops::Range;

/// A column or quantity, and the unit that its numbers are wanted in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// The column or quantity.
    pub name: String,
    /// The unit; the code's if nothing is said.
    pub unit: Option<String>,
}

impl Ask {
    /// A column or quantity in code units.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), unit: None }
    }

    /// The same in a unit.
    #[must_use]
    pub fn in_unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = Some(unit.into());
        self
    }

    /// The name, and the unit in brackets.
    pub fn label(&self) -> String {
        match &self.unit {
            Some(unit) => format!("{} [{unit}]", self.name),
            None => self.name.clone(),
        }
    }
}

/// Which rows are chosen, and where coordinates are counted from.
#[derive(Debug, Clone, Default)]
pub struct Selection {
    /// What must hold in a row.
    pub condition: Option<Condition>,
    /// The part of the box that rows are in. Its centre is that of quantities, too, as it is with
    /// Mera's `center` and `center_unit`.
    pub region: RegionWish,
    /// Which rows, from 0; all if nothing is said.
    pub rows: Option<Range<u64>>,
    /// Where Mera tells something that is wrong, that is told, too.
    pub like_mera: bool,
}

impl Selection {
    /// Whether a part of the box was named.
    pub fn has_region(&self) -> bool {
        self.region.ranges.iter().flatten().any(Option::is_some)
    }

    /// The centre, if one was named.
    pub fn center(&self) -> Option<[Center; 3]> {
        self.region.center
    }
}

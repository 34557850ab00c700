//! What columns of a series tell.

use crate::mera::quantity::TableKind;
use crate::numbers::Ask;

/// What a column tells.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum What {
    /// Something that stands beside the rows.
    Fact(Fact),
    /// How many rows are chosen.
    Chosen,
    /// What a column or quantity of the chosen rows comes to.
    Statistic(Reduction),
    /// Something about stars.
    Stars(Star),
}

/// What stands beside the rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fact {
    Time,
    Redshift,
    Aexp,
    BoxLength,
    LevelMin,
    LevelMax,
    /// All rows of a table.
    Rows(TableKind),
}

/// What numbers are reduced to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Statistic {
    Min,
    Max,
    Sum,
    Mean,
    /// Of the population: divided by the count, as in Mera's `wstat`.
    Deviation,
    Skewness,
    Kurtosis,
    Percentile(f64),
}

/// A statistic of numbers.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Reduction {
    pub(super) statistic: Statistic,
    pub(super) of: Ask,
    pub(super) weight: Option<Ask>,
    /// The unit of the result, where the numbers are added up in code units first.
    pub(super) after: Option<String>,
    /// Places are counted from the corner of the box, whatever the centre of a range is.
    pub(super) from_corner: bool,
}

/// What is told of stars.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Star {
    /// Mass of those that are not older than so many Myr, over that time.
    Rate(f64),
    /// Mass of all over the age of the oldest.
    MeanRate,
    Count,
    Mass,
    Oldest,
}

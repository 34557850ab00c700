//! The formats.

use serde::{Deserialize, Serialize};
use std::ops::RangeInclusive;

/// A format that a table or array is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// NumPy's file of one array: of several columns, of records.
    Npy,
    /// NumPy's archive: an array for each column.
    Npz,
    /// Text with commas, numbers with as many digits as they need to be read back exactly.
    Csv,
    /// Parquet, for data frames.
    Parquet,
    /// Arrow's file of record batches.
    Arrow,
    /// VTK's unstructured grid, for ParaView: cells of the grid, or points.
    Vtu,
}

impl Format {
    /// The end of its files' names.
    pub fn extension(self) -> &'static str {
        match self {
            Self::Npy => "npy",
            Self::Npz => "npz",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Arrow => "arrow",
            Self::Vtu => "vtu",
        }
    }

    /// Whether this program was built with it.
    pub fn is_built(self) -> bool {
        cfg!(feature = "arrow") || !matches!(self, Self::Parquet | Self::Arrow)
    }

    /// Which levels of compression there are; none where nothing is compressed.
    pub fn levels(self) -> Option<RangeInclusive<u8>> {
        match self {
            Self::Npz | Self::Vtu => Some(0..=9),
            Self::Parquet => Some(0..=22),
            Self::Npy | Self::Csv | Self::Arrow => None,
        }
    }

    /// The level of compression where nobody says one; 0 is none.
    pub fn usual_level(self) -> u8 {
        match self {
            Self::Parquet => 3,
            Self::Vtu => 1,
            Self::Npy | Self::Npz | Self::Csv | Self::Arrow => 0,
        }
    }

    /// Whether it is text, which a terminal can show.
    pub fn is_text(self) -> bool {
        self == Self::Csv
    }

    /// Whether it is for columns alone, and has no place for arrays of several dimensions.
    pub(super) fn is_flat(self) -> bool {
        !matches!(self, Self::Npy | Self::Npz)
    }
}

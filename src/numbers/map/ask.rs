//! What is asked of a map.

use super::grid::Pixels;
use crate::numbers::NumbersError;
use jld2::ChunkCache;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// An axis of the box.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Direction {
    /// Along x.
    X,
    /// Along y.
    Y,
    /// Along z.
    #[default]
    Z,
}

impl Direction {
    /// Its name.
    pub fn name(self) -> char {
        match self {
            Self::X => 'x',
            Self::Y => 'y',
            Self::Z => 'z',
        }
    }

    /// Its place among x, y, z.
    pub fn index(self) -> usize {
        match self {
            Self::X => 0,
            Self::Y => 1,
            Self::Z => 2,
        }
    }

    /// The axes of what is seen along it: to the right and upwards, as Mera has them.
    pub fn across(self) -> [Self; 2] {
        match self {
            Self::X => [Self::Y, Self::Z],
            Self::Y => [Self::X, Self::Z],
            Self::Z => [Self::X, Self::Y],
        }
    }
}

/// How all that lies behind a pixel becomes one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum Along {
    /// As suits the quantity: masses and surface densities are added up, all else is averaged.
    #[default]
    Auto,
    /// The weighted mean.
    Mean,
    /// The sum.
    Sum,
    /// The largest.
    Max,
}

/// What is asked of a map.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct MapAsk {
    /// The quantity: a column, what Mera computes of a row, or `sd`, the mass by area.
    pub name: String,
    /// The unit of the numbers; code units if nothing is said.
    pub unit: Option<String>,
    /// How what lies behind a pixel is put together.
    pub along: Along,
    /// What a mean is weighted with: a quantity; the mass, or the volume where there is no mass, if
    /// nothing is said.
    pub weight: Option<String>,
    /// Along which axis one looks.
    pub direction: Direction,
    /// Where a plane across that axis cuts, in the unit of ranges, from the centre; without it
    /// everything along the axis counts.
    pub slice: Option<f64>,
    /// How fine it is.
    pub pixels: Pixels,
    /// As Mera computes it, where that is wrong, too.
    pub like_mera: bool,
}

/// Tells how many rows were read, and whether to go on.
pub type Watch<'a> = &'a dyn Fn(u64) -> Result<(), NumbersError>;

/// How data are read.
#[derive(Clone, Default)]
pub struct Reading<'a> {
    /// Threads that decode and add up; one for each core if nothing is said.
    pub threads: Option<usize>,
    /// Decoded chunks.
    pub cache: Option<Arc<ChunkCache>>,
    /// Cells that wait for coarser ones, at most; a million if nothing is said. Where there are more,
    /// the table is read several times.
    pub waiting: Option<u64>,
    /// Is told of rows as they are read.
    pub watch: Option<Watch<'a>>,
}

impl fmt::Debug for Reading<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reading").field("threads", &self.threads).finish_non_exhaustive()
    }
}

impl Reading<'_> {
    /// Threads that add up.
    pub(super) fn adders(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.unwrap_or_else(cores)
    }

    pub(super) fn heard(&self, rows: u64) -> Result<(), NumbersError> {
        self.watch.map_or(Ok(()), |watch| watch(rows))
    }

    pub(super) fn of<'f>(&self, query: crate::numbers::Query<'f>) -> crate::numbers::Query<'f> {
        let query = match &self.cache {
            Some(cache) => query.with_cache(Arc::clone(cache)),
            None => query,
        };
        match self.threads {
            Some(threads) => query.with_threads(threads),
            None => query,
        }
    }
}

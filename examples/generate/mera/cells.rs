//! The cells of an adaptive mesh, as a sorted table lists them.

use super::field::Noise;

/// Coarsest level there is.
const FIRST: u32 = 6;
/// Finest level: takes all cells that are left.
const LAST: u32 = 16;

/// One cell: its level, and its place on that level's grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Cell {
    pub(crate) level: u32,
    pub(crate) x: u64,
    pub(crate) y: u64,
    pub(crate) z: u64,
}

/// Cells in order of level, x, y and z, none twice: stretches of neighbours along z, and gaps where
/// the mesh is refined or not there.
#[derive(Debug, Clone)]
pub(crate) struct Cells {
    noise: Noise,
    level: u32,
    /// Cells that come on this level.
    here: u64,
    /// Cells that come on finer levels.
    later: u64,
    /// Place of the next cell, counted along z, then y, then x.
    place: u64,
    /// Cells until the next gap.
    stretch: u64,
    /// Length of that stretch.
    stretched: u64,
}

impl Cells {
    /// `count` cells.
    pub(crate) fn new(count: u64, seed: u64) -> Self {
        let noise = Noise::new(seed);
        let mut cells =
            Self { noise, level: FIRST, here: 0, later: count, place: 0, stretch: 0, stretched: 0 };
        cells.begin();
        cells
    }

    /// Begins a level: a quarter of what is left, and at most a quarter of what fits.
    fn begin(&mut self) {
        let fits = 1_u64 << (3 * self.level);
        self.here = if self.level < LAST { (self.later / 4).min(fits / 4) } else { self.later };
        self.later -= self.here;
        self.place = 0;
    }

    /// Jumps so that the level's cells are spread over its grid, and begins a stretch.
    fn jump(&mut self) {
        let fits = 1_u64 << (3 * self.level);
        let mean = (fits - self.place) / self.here.max(1);
        let gap = mean.saturating_sub(1).saturating_mul(self.stretched);
        // Anything up to twice the mean, on even places, as cells come in pairs along each axis.
        let gap = self.noise.below(gap.saturating_mul(2).saturating_add(1)) & !1;
        let most = fits.saturating_sub(self.place).saturating_sub(self.here);
        self.place += gap.min(most);
        self.stretched = 2 << self.noise.below(4);
        self.stretch = self.stretched;
    }
}

impl Iterator for Cells {
    type Item = Cell;

    fn next(&mut self) -> Option<Cell> {
        while self.here == 0 {
            if self.later == 0 {
                return None;
            }
            self.level += 1;
            self.begin();
        }
        if self.stretch == 0 {
            self.jump();
        }
        let side = (1_u64 << self.level) - 1;
        let cell = Cell {
            level: self.level,
            x: self.place >> (2 * self.level),
            y: (self.place >> self.level) & side,
            z: self.place & side,
        };
        self.here -= 1;
        self.stretch -= 1;
        self.place += 1;
        Some(cell)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_sorted_and_inside_their_grids() {
        for count in [0, 1, 5, 1000, 300_000] {
            let cells: Vec<Cell> = Cells::new(count, 3).collect();
            assert_eq!(cells.len() as u64, count);
            assert!(cells.is_sorted_by(|a, b| a < b), "{count}");
            for cell in cells {
                assert!((FIRST..=LAST).contains(&cell.level));
                assert!([cell.x, cell.y, cell.z].iter().all(|&c| c >> cell.level == 0), "{cell:?}");
            }
        }
    }
}

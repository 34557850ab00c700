//! Spreads cells of the grid over the pixels that they cover, level by level.
//!
//! Mera adds up coarse levels before fine ones, each in the table's order, and so do we, so that the
//! last bits are the same. Rows of other levels wait meanwhile, as many as a bound on memory allows;
//! where there are more, the table is read again.

use super::LeftOut;
use super::ask::Reading;
use super::frame::Frame;
use super::layers::{Layers, Sharing, Stamp};
use crate::numbers::floats::Floats;
use crate::numbers::{Ask, NumbersError, Query, Relation, Selection};
use std::collections::BTreeMap;

/// Rows that wait for coarser ones where nothing is said, at most: of 32 bytes each.
const MOST_WAITING: u64 = 1 << 20;
/// Rectangles that are put on the pixels at once.
const AT_ONCE: usize = 16 << 10;
/// Levels up to here are held against the number of cells that a box has of them.
const COUNTED: u32 = 20;

/// A cell as it waits for its turn.
#[derive(Debug, Clone, Copy)]
struct Cell {
    at: [f64; 2],
    value: f64,
    weight: f64,
}

/// The cells of a relation, and the map that they are put on.
pub(super) struct Cells<'a, 'f> {
    pub(super) file: &'a str,
    pub(super) relation: &'a Relation<'f>,
    pub(super) selection: &'a Selection,
    pub(super) frame: &'a Frame,
    /// What is mapped.
    pub(super) value: Ask,
    /// What a mean is weighted with.
    pub(super) weight: Option<Ask>,
    pub(super) reading: &'a Reading<'a>,
}

/// Which levels a run through the table takes.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Pass {
    /// All, as they come.
    AsTheyCome,
    /// One at once, and some that wait.
    Levels { now: Option<u32>, waiting: Vec<u32> },
    /// All wait.
    AllWait,
}

impl Pass {
    /// Whether cells of a level are put on the map in it.
    fn takes(&self, level: u32) -> bool {
        match self {
            Self::AsTheyCome | Self::AllWait => true,
            Self::Levels { now, waiting } => *now == Some(level) || waiting.contains(&level),
        }
    }
}

impl Cells<'_, '_> {
    /// Puts all cells on the map; tells what could not be.
    pub(super) fn spread(&self, layers: &mut Layers) -> Result<LeftOut, NumbersError> {
        let mut left_out = LeftOut::default();
        for (i, pass) in self.passes()?.into_iter().enumerate() {
            let mut run = Run {
                cells: self,
                pass,
                first: i == 0,
                layers,
                left_out: LeftOut::default(),
                waiting: BTreeMap::new(),
                counts: [0; COUNTED as usize],
                stamps: Vec::new(),
                now: 0,
            };
            run.table()?;
            // What is left out is so each time.
            if i == 0 {
                left_out = run.left_out;
            }
        }
        Ok(left_out)
    }

    /// How often the table is read, and for what.
    fn passes(&self) -> Result<Vec<Pass>, NumbersError> {
        if self.frame.level.is_some() {
            return Ok(vec![Pass::AsTheyCome]);
        }
        let rows = self.relation.rows().map_err(NumbersError::of(self.file))?;
        let rows = self.selection.rows.as_ref().map_or(rows, |rows| rows.end - rows.start);
        let most = self.reading.waiting.unwrap_or(MOST_WAITING);
        if rows <= most {
            return Ok(vec![Pass::AllWait]);
        }
        let (counts, sorted) = self.survey()?;
        Ok(if sorted { vec![Pass::AsTheyCome] } else { planned(&counts, most) })
    }

    /// How many rows there are of each level, and whether coarse ones come first.
    fn survey(&self) -> Result<(BTreeMap<u32, u64>, bool), NumbersError> {
        let rows = Selection { rows: self.selection.rows.clone(), ..Selection::default() };
        let query = Query::new(self.file, self.relation, &[Ask::new("level")], &rows)?;
        let (mut counts, mut sorted, mut last) = (BTreeMap::new(), true, 0);
        let mut floats = Vec::new();
        self.reading.of(query).run(|batch| {
            self.reading.heard(0)?;
            for values in batch.values() {
                values.floats_into(&mut floats);
                for level in floats.iter().filter_map(|stored| self.frame.level_of(*stored)) {
                    *counts.entry(level).or_insert(0) += 1;
                    sorted &= last <= level;
                    last = level;
                }
            }
            Ok(())
        })?;
        Ok((counts, sorted))
    }

    fn query(&self) -> Result<Query<'_>, NumbersError> {
        let mut stored = self.frame.places();
        if self.frame.level.is_none() {
            stored.push("level");
        }
        let wanted: Vec<_> = std::iter::once(&self.value).chain(&self.weight).cloned().collect();
        let query = Query::with_stored(self.file, self.relation, &stored, &wanted, self.selection)?;
        Ok(self.reading.of(query))
    }
}

/// The passes through a table with so many rows of each level of which `most` may wait.
fn planned(counts: &BTreeMap<u32, u64>, most: u64) -> Vec<Pass> {
    let mut passes = Vec::new();
    let mut levels = counts.iter().peekable();
    while let Some((now, _)) = levels.next() {
        let (mut waiting, mut rows) = (Vec::new(), 0_u64);
        while let Some((level, count)) = levels.next_if(|(_, count)| rows + **count <= most) {
            rows += count;
            waiting.push(*level);
        }
        passes.push(Pass::Levels { now: Some(*now), waiting });
    }
    passes
}

/// A run through the table.
struct Run<'r, 'a, 'f> {
    cells: &'r Cells<'a, 'f>,
    pass: Pass,
    /// Whether it is the first, which counts what is left out.
    first: bool,
    layers: &'r mut Layers,
    left_out: LeftOut,
    waiting: BTreeMap<u32, Vec<Cell>>,
    /// Rows of each coarse level.
    counts: [u64; COUNTED as usize],
    /// Cells on their way to the pixels, which are all of the level `now`.
    stamps: Vec<Stamp>,
    now: u32,
}

impl Run<'_, '_, '_> {
    fn table(&mut self) -> Result<(), NumbersError> {
        let query = self.cells.query()?;
        let mut floats = Floats::default();
        query.run(|batch| {
            self.cells.reading.heard(batch.len() as u64)?;
            floats.fill(batch);
            self.window(batch.len(), &floats)
        })?;
        self.flush();
        for (level, cells) in std::mem::take(&mut self.waiting) {
            for (i, cell) in cells.into_iter().enumerate() {
                if i % AT_ONCE == 0 {
                    self.cells.reading.heard(0)?;
                }
                self.stamp(level, cell);
            }
            self.flush();
        }
        Ok(())
    }

    fn window(&mut self, rows: usize, floats: &Floats) -> Result<(), NumbersError> {
        let frame = self.cells.frame;
        let at = |column: usize, row: usize| floats.at(column, row).unwrap_or(f64::NAN);
        let depth = frame.needs_depth().then_some(2);
        let level = frame.level.is_none().then_some(2 + usize::from(depth.is_some()));
        let value = 2 + usize::from(depth.is_some()) + usize::from(level.is_some());
        for row in 0..rows {
            let Some(level) = frame.level_of(level.map_or(0.0, |column| at(column, row))) else {
                self.left_out.levels += 1;
                continue;
            };
            if !self.first && !self.pass.takes(level) {
                continue;
            }
            let mut cell =
                Cell { at: [at(0, row), at(1, row)], value: at(value, row), weight: 1.0 };
            let depth = depth.map(|column| at(column, row));
            let known = depth.iter().chain(&cell.at).all(|c| c.is_finite());
            if !known {
                self.left_out.no_place += 1;
                continue;
            }
            let cells = f64::from(level).exp2();
            if cell.at.iter().any(|c| !(1.0..=cells).contains(c)) {
                self.left_out.outside += 1;
                continue;
            }
            let part = depth.map_or(1.0, |depth| frame.depth_of(depth, level));
            if part <= 0.0 {
                continue;
            }
            self.left_out.not_numbers += u64::from(!cell.value.is_finite());
            if self.cells.weight.is_some() {
                cell.weight = at(value + 1, row);
                cell.value *= cell.weight;
            }
            if part < 1.0 && !self.layers.is_max() {
                (cell.value, cell.weight) = (cell.value * part, cell.weight * part);
            }
            self.count(level)?;
            self.take(level, cell);
        }
        self.flush();
        Ok(())
    }

    /// Counts a row: of a coarse level there are only so many, each of which covers many pixels.
    fn count(&mut self, level: u32) -> Result<(), NumbersError> {
        let Some(count) = self.counts.get_mut(level as usize) else { return Ok(()) };
        *count += 1;
        if *count > 1 << (3 * level) {
            let what = format!(
                "there are more than {} cells at level {level}, which is all that the box has room \
                 for: this is not a grid",
                1_u64 << (3 * level)
            );
            return Err(NumbersError::NoNumbers { file: self.cells.file.to_owned(), what });
        }
        Ok(())
    }

    fn take(&mut self, level: u32, cell: Cell) {
        if !self.pass.takes(level) {
            return;
        }
        let waits = match &self.pass {
            Pass::AsTheyCome => false,
            Pass::AllWait => true,
            Pass::Levels { now, .. } => *now != Some(level),
        };
        if waits {
            self.waiting.entry(level).or_default().push(cell);
        } else {
            self.stamp(level, cell);
        }
    }

    fn stamp(&mut self, level: u32, cell: Cell) {
        if level != self.now || self.stamps.len() >= AT_ONCE {
            self.flush();
            self.now = level;
        }
        let side = self.side();
        let center = cell.at.map(|c| (c - 0.5) * side);
        self.stamps.extend(self.layers.stamp(center, side, cell.value, cell.weight));
    }

    /// Length of the cells of the level `now`.
    fn side(&self) -> f64 {
        self.cells.frame.boxlen / f64::from(self.now).exp2()
    }

    fn flush(&mut self) {
        let sharing = match self.cells.frame {
            Frame { plane: Some(_), .. } => Sharing::Covering,
            Frame { like_mera: true, .. } => Sharing::Whole,
            _ => Sharing::Clipped,
        };
        let side = self.side();
        self.layers.add(&mut self.stamps, side, sharing);
        self.stamps.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_wait_as_long_as_there_is_room() {
        let counts = BTreeMap::from([(6, 10), (7, 50), (8, 60), (9, 200), (10, 30)]);
        let pass = |now, waiting: &[u32]| Pass::Levels { now: Some(now), waiting: waiting.into() };
        let expected = [pass(6, &[7]), pass(8, &[]), pass(9, &[10])];
        assert_eq!(planned(&counts, 100), expected);
        assert_eq!(planned(&counts, 1000), [pass(6, &[7, 8, 9, 10])]);
        let each: Vec<_> = counts.keys().map(|level| pass(*level, &[])).collect();
        assert_eq!(planned(&counts, 0), each);
    }
}

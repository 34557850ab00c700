//! Which part of the box a map shows.

use super::ask::{Direction, MapAsk};
use super::grid::Grid;
use crate::mera::quantity::TableKind;
use crate::mera::region::{Region, center_fractions};
use crate::numbers::{MeraGroup, NumbersError, Selection};

/// The coarsest level whose cells have no number of their own in a float's digits.
const DEEPEST: i64 = 62;

/// The part of the box that a map shows, in parts of the box.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    pub(super) table: TableKind,
    pub(super) direction: Direction,
    pub(super) boxlen: f64,
    pub(super) grid: Grid,
    /// First and last along the axis that one looks along.
    pub(super) depth: [f64; 2],
    /// Where the plane of a slice is along it.
    pub(super) plane: Option<f64>,
    /// Where places are counted from.
    pub(super) center: [f64; 3],
    /// The level of all cells; none where the column `level` says it.
    pub(super) level: Option<u32>,
    /// The levels that the object has.
    pub(super) levels: [i64; 2],
    pub(super) like_mera: bool,
}

fn refused(what: impl Into<String>) -> NumbersError {
    NumbersError::Map(what.into())
}

fn pick(values: [f64; 3], axis: Direction) -> f64 {
    values.get(axis.index()).copied().unwrap_or(f64::NAN)
}

impl Frame {
    pub(super) fn new(
        file: &str,
        group: &MeraGroup<'_>,
        selection: &Selection,
        ask: &MapAsk,
    ) -> Result<Self, NumbersError> {
        let (units, boxlen) = (group.info.units(), group.boxlen);
        let bad = |what: String| NumbersError::NoNumbers { file: file.to_owned(), what };
        if !boxlen.is_finite() || boxlen <= 0.0 {
            return Err(bad(format!("the length of the box is {boxlen}: there is nothing to map")));
        }
        let finest = group.lmax.unwrap_or(group.info.levelmax);
        let amr = group.lmax != Some(group.info.levelmin);
        let level = match u32::try_from(finest) {
            _ if !group.kind.is_cells() || amr => None,
            Ok(level) if finest <= DEEPEST => Some(level),
            _ => return Err(bad(format!("all cells are at level {finest}, which cannot be"))),
        };
        let mut wish = selection.region.clone();
        if let (Some(at), Some(range)) = (ask.slice, wish.ranges.get_mut(ask.direction.index())) {
            if range.iter().any(Option::is_some) {
                let axis = ask.direction.name();
                return Err(refused(format!("a slice across {axis} has no range along {axis}")));
            }
            *range = [Some(at), Some(at)];
        }
        let mut region = Region::of(&wish, boxlen, &units)?;
        // As `prepranges` does, sides that are not given are the object's, and none lies outside it.
        let known: Option<&[f64; 6]> = group.ranges.first_chunk();
        let known = known.filter(|ranges| ranges.iter().all(|side| (0.0..=1.0).contains(side)));
        if let Some([x0, x1, y0, y1, z0, z1]) = known {
            let [low, high] = [[*x0, *y0, *z0], [*x1, *y1, *z1]];
            for ((side, low), high) in region.low.iter_mut().zip(low).zip(high) {
                *side = side.max(low).min(high);
            }
            for ((side, low), high) in region.high.iter_mut().zip(low).zip(high) {
                *side = side.max(low).min(high);
            }
        }
        let center = selection.center().unwrap_or([crate::mera::region::Center::At(0.0); 3]);
        let center = center_fractions(center, wish.unit.as_deref(), boxlen, &units)?;
        let across = ask.direction.across();
        let window = [region.low, region.high].map(|sides| across.map(|axis| pick(sides, axis)));
        let depth = [region.low, region.high].map(|sides| pick(sides, ask.direction));
        let finest = u32::try_from(finest.clamp(0, DEEPEST)).unwrap_or(0);
        let plane = ask.slice.map(|_| depth[0]);
        if plane.is_none() && depth[0] >= depth[1] && !ask.like_mera {
            let axis = ask.direction.name();
            let help = format!("--slice {axis}=... shows what a plane cuts");
            return Err(refused(format!("the range along {axis} has no depth; {help}")));
        }
        Ok(Self {
            table: group.kind,
            direction: ask.direction,
            boxlen,
            grid: Grid::new(window, boxlen, finest, ask.pixels)?,
            depth,
            plane,
            center,
            level,
            levels: [group.lmin.unwrap_or(0), group.lmax.unwrap_or(DEEPEST)],
            like_mera: ask.like_mera,
        })
    }

    /// Where places along an axis are counted from.
    pub(super) fn center_along(&self, axis: Direction) -> f64 {
        pick(self.center, axis)
    }

    /// The columns that say where rows are: along the map's axes, and along the line of sight where
    /// that matters.
    pub(super) fn places(&self) -> Vec<&'static str> {
        let names = self.table.place();
        let name = |axis: Direction| names.get(axis.index()).copied().unwrap_or_default();
        let mut places: Vec<_> = self.direction.across().map(name).into();
        if self.needs_depth() {
            places.push(name(self.direction));
        }
        places
    }

    /// Whether it matters where a row is along the line of sight.
    pub(super) fn needs_depth(&self) -> bool {
        let [low, high] = self.depth;
        self.plane.is_some() || low > 0.0 || high < 1.0 || self.like_mera && !self.table.is_cells()
    }

    /// The level of a row, if that can be one.
    pub(super) fn level_of(&self, stored: f64) -> Option<u32> {
        if let Some(level) = self.level {
            return Some(level);
        }
        #[expect(clippy::cast_possible_truncation, reason = "a float that is cast saturates")]
        let level = stored as i64;
        #[expect(clippy::cast_precision_loss, reason = "levels are small")]
        let whole = (level as f64 - stored).abs() < f64::MIN_POSITIVE;
        let [coarsest, finest] = if self.like_mera { self.levels } else { [0, DEEPEST] };
        let fits = whole && (coarsest..=finest).contains(&level) && level <= DEEPEST;
        fits.then(|| u32::try_from(level).ok()).flatten()
    }

    /// What part of a cell is between the ends of the line of sight, or whether the plane of a slice
    /// cuts it; `cell` is its number along that axis.
    pub(super) fn depth_of(&self, cell: f64, level: u32) -> f64 {
        let cells = f64::from(level).exp2();
        let [low, high] = self.depth;
        if let Some(plane) = self.plane {
            let (from, to) = ((cell - 1.0) / cells, cell / cells);
            // A plane between two cells cuts the upper one, at the box's end the last.
            let cut = from <= plane && (plane < to || plane >= 1.0 && to >= 1.0 && cell <= cells);
            return f64::from(u8::from(cut));
        }
        if self.like_mera {
            let [mut low, mut high] = [low, high];
            if low >= high {
                #[expect(clippy::cast_precision_loss, reason = "levels are small")]
                let half = 1.0 / ((self.levels[1] + 1) as f64).exp2();
                (low, high) = (low - half, high + half);
            }
            let kept = (low <= 0.0 || cell >= (low * cells).floor())
                && (high >= 1.0 || cell <= (high * cells).ceil());
            return f64::from(u8::from(kept));
        }
        let inside = (cell.min(high * cells) - (cell - 1.0).max(low * cells)).max(0.0);
        // What is not cut is not to lose its last bit.
        if inside > 1.0 - 1e-9 { 1.0 } else { inside }
    }
}

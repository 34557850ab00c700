//! Maps of a table: what is seen along an axis of the box, what a plane cuts, and how two quantities
//! go together.
//!
//! Cells are spread over the pixels that they overlap, by area, so that nothing is lost; particles
//! are counted in the pixel that they are in. Rows are read in windows: memory is that of the map,
//! of at most a million cells that wait for coarser ones, and the reader's. Numbers are added up in
//! Mera's order, whatever the number of threads, so that maps have the bits of Mera's.

mod ask;
mod cells;
mod frame;
mod grid;
mod layers;
mod phase;
mod points;
mod reduce;
mod request;
mod save;
mod shade;

pub use ask::{Along, Direction, MapAsk, Reading, Watch};
pub use grid::{Grid, MOST_PIXELS, Pixels, USUAL_PIXELS};
pub use phase::{PhaseAsk, USUAL_INTERVALS, phase};
pub use request::{Request, Seen, View};
pub use shade::{Division, Extremes, Shade};

use super::{Ask, MeraFile, MeraGroup, NumbersError, Relation, Selection};
use crate::mera::unit::unit_factor;
use cells::Cells;
use frame::Frame;
use layers::{Fold, Layers};
use points::Points;
use serde::Serialize;

/// The mass by area, as Mera calls it.
pub const SURFACE_DENSITY: &str = "sd";
/// Units that suit it.
const BY_AREA: [&str; 6] = ["standard", "Msol_pc2", "Msun_pc2", "g_cm2", "atoms_cm2", "NH_cm2"];

/// Rows that are not on a map, or spoil it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct LeftOut {
    /// Left out: their place is not a number.
    pub no_place: u64,
    /// Left out: no cell can have their level.
    pub levels: u64,
    /// Left out: they lie outside the box.
    pub outside: u64,
    /// Left out: the pixels that Mera counts in do not reach there.
    pub lost: u64,
    /// Left out: what is along an axis of a phase diagram is NaN or infinite.
    pub no_numbers: u64,
    /// On the map, as NaN or infinite numbers.
    pub not_numbers: u64,
}

/// An axis of a map.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MapAxis {
    /// What is along it.
    pub name: String,
    /// Its unit; none in code units.
    pub unit: Option<String>,
    /// Where it begins.
    pub low: f64,
    /// Where it ends.
    pub high: f64,
    /// Whether equal steps are equal factors.
    pub log: bool,
}

/// Numbers in pixels.
#[derive(Debug, Clone, PartialEq)]
pub struct Map {
    /// Pixels along both axes: to the right, and upwards.
    pub pixels: [usize; 2],
    /// The numbers; the first axis runs fastest.
    pub values: Vec<f64>,
    /// Which pixels have a number, where some have none.
    pub covered: Option<Vec<bool>>,
    /// Both axes.
    pub axes: [MapAxis; 2],
    /// First and last along both axes in code units from the box's corner.
    pub extent: [[f64; 2]; 2],
    /// What the numbers are.
    pub label: String,
    /// Their unit; none in code units.
    pub unit: Option<String>,
    /// Rows that are not on it.
    pub left_out: LeftOut,
}

impl LeftOut {
    /// What is to be said of them, a sentence for each reason.
    pub fn told(&self) -> Vec<String> {
        let reasons = [
            (self.no_place, "left out: their place is not a number"),
            (self.levels, "left out: their level is none of the grid's"),
            (self.outside, "left out: they lie outside the box"),
            (self.lost, "left out: Mera's pixels begin one pixel into the box"),
            (self.no_numbers, "left out: a quantity along an axis is NaN or infinite"),
            (self.not_numbers, "on the map whose number is NaN or infinite"),
        ];
        let told = reasons.into_iter().filter(|(rows, _)| *rows > 0);
        told.map(|(rows, why)| match rows {
            1 => format!("1 row is {}", why.replace("their", "its").replace("they lie", "it lies")),
            rows => format!("{rows} rows are {why}"),
        })
        .collect()
    }
}

/// How a map's numbers are made.
struct Plan {
    label: String,
    unit: Option<String>,
    factor: f64,
    value: Ask,
    weight: Option<Ask>,
    fold: Fold,
    /// Whether sums are divided by the area of a pixel.
    by_area: bool,
}

impl Plan {
    fn of(group: &MeraGroup<'_>, frame: &Frame, ask: &MapAsk) -> Result<Self, NumbersError> {
        let units = group.info.units();
        let factor = unit_factor(ask.unit.as_deref().unwrap_or("standard"), &units)?;
        let by_area = ask.name == SURFACE_DENSITY;
        let sliced = frame.plane.is_some();
        let refuse = |what: String| Err(NumbersError::Map(what));
        if by_area && sliced {
            return refuse("a plane has no mass by area: name another quantity (rho)".to_owned());
        }
        if by_area && matches!(ask.along, Along::Mean | Along::Max) {
            return refuse(
                "masses by area are added up: there is no mean or largest one".to_owned(),
            );
        }
        let unit = ask.unit.as_deref().unwrap_or("standard");
        if by_area && !BY_AREA.contains(&unit) {
            let known = BY_AREA.join(", ");
            return refuse(format!(
                "sd is a mass by area, which {unit} does not measure ({known})"
            ));
        }
        if sliced && !frame.table.is_cells() {
            let table = frame.table.name();
            return refuse(format!(
                "a plane cuts cells, not {table}: give a range with some depth"
            ));
        }
        // Mera averages the masses of particles, by mass.
        let adds = frame.table.is_cells() || !ask.like_mera;
        let summed = by_area || ask.name == "mass" && adds;
        let fold = match ask.along {
            _ if sliced => Fold::Mean,
            Along::Auto if summed => Fold::Sum,
            Along::Auto | Along::Mean => Fold::Mean,
            Along::Sum => Fold::Sum,
            Along::Max => Fold::Max,
        };
        let usual = phase::usual_weight(frame.table);
        let weight = match (&ask.weight, fold) {
            (Some(weight), Fold::Mean) if !sliced => Some(weight.as_str()),
            (Some(weight), _) => {
                return refuse(format!("only a mean along the axis is weighted (with {weight})"));
            }
            (None, Fold::Mean) if !sliced => Some(usual),
            (None, _) => None,
        };
        let name = if by_area { "mass" } else { ask.name.as_str() };
        // The unit is looked at here, and multiplied by when all is added up.
        let setting = group.setting(frame.center);
        let unit = ask.unit.as_deref().filter(|_| !by_area);
        crate::mera::quantity::Quantity::new(name, unit, &setting)?;
        let how = match (fold, weight) {
            _ if sliced => String::new(),
            (Fold::Sum, _) if summed => String::new(),
            (Fold::Sum, _) => ", sum".to_owned(),
            (Fold::Max, _) => ", largest".to_owned(),
            (Fold::Mean, Some(weight)) => format!(", mean by {weight}"),
            (Fold::Mean, None) => ", mean".to_owned(),
        };
        Ok(Self {
            label: format!("{}{how}", ask.name),
            unit: ask.unit.clone().filter(|unit| unit != "standard"),
            factor,
            value: Ask::new(name),
            weight: weight.filter(|name| *name != "none").map(Ask::new),
            fold,
            by_area,
        })
    }
}

/// What is seen of a table along an axis, or what a plane across it cuts.
///
/// # Errors
/// If the relation is not a table of Mera, there is no such quantity, unit or window, the table is
/// not a grid, or data are damaged; those of `reading`, which end it.
pub fn map(
    file: &MeraFile,
    relation: &Relation<'_>,
    selection: &Selection,
    ask: &MapAsk,
    reading: &Reading<'_>,
) -> Result<Map, NumbersError> {
    let Some(group) = relation.group() else {
        let what = format!("a map: {} is not a table of Mera", relation.name);
        return Err(NumbersError::NotMera(what));
    };
    let frame = Frame::new(file.name(), group, selection, ask)?;
    let plan = Plan::of(group, &frame, ask)?;
    // The window chooses; what it cuts is found here, as Mera's other rule for its edges is.
    let mut chosen = selection.clone();
    if ask.like_mera || frame.plane.is_some() || !selection.has_region() {
        chosen.region.ranges = Default::default();
    }
    let mut layers = Layers::new(&frame.grid, plan.fold, reading.adders());
    let (name, value, weight) = (file.name(), plan.value.clone(), plan.weight.clone());
    let (selection, frame_of) = (&chosen, &frame);
    let left_out = if frame.table.is_cells() {
        let frame = frame_of;
        Cells { file: name, relation, selection, frame, value, weight, reading }.spread(&mut layers)
    } else {
        let frame = frame_of;
        Points { file: name, relation, selection, frame, value, weight, reading }.put(&mut layers)
    }?;
    // Mera leaves pixels without gas at 0, and those without particles as they are.
    let empty = if frame.table.is_cells() { 0.0 } else { f64::NAN };
    let (mut values, covered) = layers.finish(empty);
    let [x, y] = frame.grid.step();
    let nominal = frame.grid.nominal;
    let area = if ask.like_mera { nominal * nominal } else { x * y };
    for value in &mut values {
        if plan.by_area {
            *value /= area;
        }
        *value *= plan.factor;
    }
    let axes = axes(group, &frame, selection)?;
    let Grid { pixels, extent, low, high, .. } = frame.grid;
    let [[x0, y0], [x1, y1]] = [low, high];
    let extent = if ask.like_mera { extent } else { [[x0, x1], [y0, y1]] };
    let Plan { label, unit, .. } = plan;
    Ok(Map { pixels, values, covered, axes, extent, label, unit, left_out })
}

/// Units of lengths on axes, the longest first.
const LENGTHS: [&str; 5] = ["Mpc", "kpc", "pc", "Au", "km"];

/// The axes of a map from its centre, in the ranges' unit or one in which the window is a number that
/// is easily read.
fn axes(
    group: &MeraGroup<'_>,
    frame: &Frame,
    selection: &Selection,
) -> Result<[MapAxis; 2], NumbersError> {
    let units = group.info.units();
    let grid = &frame.grid;
    let wide = (grid.high[0] - grid.low[0]).max(grid.high[1] - grid.low[1]);
    let (unit, factor) = match selection.region.unit.as_deref().filter(|unit| *unit != "standard") {
        Some(unit) => (Some(unit), unit_factor(unit, &units)?),
        None => LENGTHS
            .iter()
            .filter_map(|unit| Some((Some(*unit), unit_factor(unit, &units).ok()?)))
            .find(|(_, factor)| factor * wide >= 1.0 && factor.is_finite())
            .unwrap_or((None, 1.0)),
    };
    let along = |axis: Direction, low: f64, high: f64| {
        let center = frame.center_along(axis) * frame.boxlen;
        let [low, high] = [low, high].map(|side| (side - center) * factor);
        let unit = unit.map(str::to_owned);
        MapAxis { name: axis.name().to_string(), unit, low, high, log: false }
    };
    let ([first, second], low, high) = (frame.direction.across(), grid.low, grid.high);
    Ok([along(first, low[0], high[0]), along(second, low[1], high[1])])
}

//! How two quantities of a table go together: its mass, or whatever else, in intervals of both.

use super::ask::Reading;
use super::grid::{MOST_PIXELS, float, index};
use super::{LeftOut, Map, MapAxis};
use crate::mera::quantity::TableKind;
use crate::numbers::floats::Floats;
use crate::numbers::{Ask, MeraFile, NumbersError, Query, Relation, Selection, Spacing};
use serde::{Deserialize, Serialize};

/// Intervals along each axis where nothing is said.
pub const USUAL_INTERVALS: usize = 256;
/// What rows are counted with.
const COUNT: &str = "none";

/// What is asked of a phase diagram.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PhaseAsk {
    /// What is along the axes: to the right, and upwards.
    pub axes: [Ask; 2],
    /// What is added up: a quantity, or `none` for the number of rows; the mass, or the volume where
    /// there is no mass, if nothing is said.
    pub weight: Option<String>,
    /// Its unit; code units if nothing is said.
    pub unit: Option<String>,
    /// Intervals along each axis.
    pub intervals: usize,
    /// Where both axes begin and end; as the rows if nothing is said.
    pub ends: Option<[[f64; 2]; 2]>,
}

/// What a table's rows are weighted with where nothing is said.
pub(super) fn usual_weight(table: TableKind) -> &'static str {
    match table {
        TableKind::Gravity | TableKind::Rt => "volume",
        TableKind::Hydro | TableKind::Particles | TableKind::Clumps => "mass",
    }
}

/// An axis while its ends are looked for, and then in intervals.
#[derive(Debug, Clone, Copy)]
struct Along {
    low: f64,
    high: f64,
    log: bool,
}

impl Along {
    fn empty() -> Self {
        Self { low: f64::INFINITY, high: f64::NEG_INFINITY, log: false }
    }

    fn settle(mut self) -> Self {
        // Logarithmic where that is possible and makes a difference.
        self.log = self.low > 0.0 && self.high / self.low >= 10.0;
        self
    }

    fn interval(self, x: f64, intervals: usize) -> usize {
        let part = Spacing::of(self.log).place([self.low, self.high], x);
        index(part * float(intervals)).min(intervals.saturating_sub(1))
    }
}

/// The sums of a weight in intervals of two quantities. The table is read twice: first for the ends
/// of the axes.
///
/// # Errors
/// If there is no such quantity or unit, or data are damaged; those of `reading`.
pub fn phase(
    file: &MeraFile,
    relation: &Relation<'_>,
    selection: &Selection,
    ask: &PhaseAsk,
    reading: &Reading<'_>,
) -> Result<Map, NumbersError> {
    let intervals = ask.intervals;
    if !(1..=MOST_PIXELS).contains(&intervals) {
        let what = format!("{intervals} intervals along an axis: there can be 1 to {MOST_PIXELS}");
        return Err(NumbersError::Map(what));
    }
    let usual = relation.group().map_or(COUNT, |group| usual_weight(group.kind));
    let weight = ask.weight.as_deref().unwrap_or(usual);
    let counted = weight == COUNT;
    if let (true, Some(unit)) = (counted, &ask.unit) {
        return Err(NumbersError::Map(format!("rows are counted: they have no unit ({unit})")));
    }
    let mut wanted = ask.axes.to_vec();
    let ends = match ask.ends {
        None => run(file, relation, selection, &wanted, reading, Ends::default())?,
        Some(ends) => {
            let axes = ends.map(|[low, high]| Along { low, high, log: false });
            Ends { axes, rows: 1 }
        }
    };
    if !counted {
        wanted.push(Ask { name: weight.to_owned(), unit: ask.unit.clone() });
    }
    let axes = ends.axes.map(Along::settle);
    let sums = Sums {
        axes,
        intervals,
        values: vec![0.0; intervals * intervals],
        covered: vec![false; intervals * intervals],
        left_out: 0,
    };
    let Sums { values, covered, left_out, .. } =
        run(file, relation, selection, &wanted, reading, sums)?;
    let axis = |(along, ask): (Along, &Ask)| {
        let (low, high) = if ends.rows > 0 { (along.low, along.high) } else { (0.0, 0.0) };
        MapAxis { name: ask.name.clone(), unit: ask.unit.clone(), low, high, log: along.log }
    };
    let [first, second] = axes;
    let [across, upwards] = &ask.axes;
    let axes = [axis((first, across)), axis((second, upwards))];
    Ok(Map {
        pixels: [intervals; 2],
        values,
        covered: Some(covered),
        extent: [0, 1].map(|i: usize| axes.get(i).map_or([0.0; 2], |axis| [axis.low, axis.high])),
        axes,
        label: if counted { "rows".to_owned() } else { weight.to_owned() },
        unit: ask.unit.clone(),
        left_out: LeftOut { no_numbers: left_out, ..LeftOut::default() },
    })
}

/// What is done with each row: its places along the axes, and what it brings.
trait Gather {
    fn row(&mut self, at: [f64; 2], weight: f64);
}

/// The ends of the axes.
struct Ends {
    axes: [Along; 2],
    rows: u64,
}

impl Default for Ends {
    fn default() -> Self {
        Self { axes: [Along::empty(); 2], rows: 0 }
    }
}

impl Gather for Ends {
    fn row(&mut self, at: [f64; 2], _: f64) {
        if !at.iter().all(|x| x.is_finite()) {
            return;
        }
        self.rows += 1;
        for (along, x) in self.axes.iter_mut().zip(at) {
            (along.low, along.high) = (along.low.min(x), along.high.max(x));
        }
    }
}

/// The sums.
struct Sums {
    axes: [Along; 2],
    intervals: usize,
    values: Vec<f64>,
    covered: Vec<bool>,
    left_out: u64,
}

impl Gather for Sums {
    fn row(&mut self, at: [f64; 2], weight: f64) {
        if !at.iter().all(|x| x.is_finite()) {
            self.left_out += 1;
            return;
        }
        let [(across, x), (upwards, y)] = [(self.axes[0], at[0]), (self.axes[1], at[1])];
        let place = upwards.interval(y, self.intervals) * self.intervals
            + across.interval(x, self.intervals);
        if let (Some(sum), Some(there)) = (self.values.get_mut(place), self.covered.get_mut(place))
        {
            *sum += weight;
            *there = true;
        }
    }
}

fn run<G: Gather>(
    file: &MeraFile,
    relation: &Relation<'_>,
    selection: &Selection,
    wanted: &[Ask],
    reading: &Reading<'_>,
    mut gather: G,
) -> Result<G, NumbersError> {
    let query = reading.of(Query::new(file.name(), relation, wanted, selection)?);
    let mut floats = Floats::default();
    query.run(|batch| {
        reading.heard(batch.len() as u64)?;
        floats.fill(batch);
        for row in 0..batch.len() {
            let place = [0, 1].map(|axis| floats.at(axis, row).unwrap_or(f64::NAN));
            gather.row(place, floats.at(2, row).unwrap_or(1.0));
        }
        Ok(())
    })?;
    Ok(gather)
}

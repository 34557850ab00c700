//! Puts particles and clumps into the pixels that they are in.

use super::LeftOut;
use super::ask::Reading;
use super::frame::Frame;
use super::grid::{Grid, float, index};
use super::layers::Layers;
use crate::numbers::floats::Floats;
use crate::numbers::{Ask, NumbersError, Query, Relation, Selection};

/// Points of a relation, and what they bring.
pub(super) struct Points<'a, 'f> {
    pub(super) file: &'a str,
    pub(super) relation: &'a Relation<'f>,
    pub(super) selection: &'a Selection,
    pub(super) frame: &'a Frame,
    pub(super) value: Ask,
    pub(super) weight: Option<Ask>,
    pub(super) reading: &'a Reading<'a>,
}

/// Where the pixels of an axis end.
enum Edges {
    /// Pixels of one width, the last with its upper end.
    Even { low: f64, high: f64, step: f64, pixels: usize },
    /// As Mera has them: without the first pixel of the box, each without its upper end.
    Listed(Vec<f64>),
}

impl Edges {
    fn of(grid: &Grid, axis: usize, like_mera: bool) -> Self {
        let pick = |pair: [f64; 2]| pair.get(axis).copied().unwrap_or(f64::NAN);
        let (low, high) = (pick(grid.low), pick(grid.high));
        let pixels = grid.pixels.get(axis).copied().unwrap_or(0);
        if !like_mera {
            return Self::Even { low, high, step: pick(grid.step()), pixels };
        }
        let [from, to] = grid.edges.get(axis).copied().unwrap_or([0.0; 2]);
        let (first, last) = (from + 1.0, to + 1.0);
        let edge = |k: usize| {
            (first + float(k) * (last - 1.0 - first) / (last - first)) / grid.across * grid.boxlen
        };
        Self::Listed((0..=pixels).map(edge).collect())
    }

    fn pixel(&self, x: f64) -> Option<usize> {
        match self {
            Self::Even { low, high, step, pixels } => (*low..=*high)
                .contains(&x)
                .then(|| index((x - low) / step).min(pixels.saturating_sub(1))),
            Self::Listed(edges) => {
                let behind = edges.partition_point(|edge| *edge <= x);
                (1..edges.len()).contains(&behind).then(|| behind - 1)
            }
        }
    }
}

impl Points<'_, '_> {
    /// Puts all points on the map; tells what could not be.
    pub(super) fn put(&self, layers: &mut Layers) -> Result<LeftOut, NumbersError> {
        let (frame, mut left_out) = (self.frame, LeftOut::default());
        let edges = [0, 1].map(|axis| Edges::of(&frame.grid, axis, frame.like_mera));
        let stored = frame.places();
        let wanted: Vec<_> = std::iter::once(&self.value).chain(&self.weight).cloned().collect();
        let query = Query::with_stored(self.file, self.relation, &stored, &wanted, self.selection)?;
        let mut floats = Floats::default();
        let inside =
            |x: f64, [low, high]: [f64; 2]| (low * frame.boxlen..=high * frame.boxlen).contains(&x);
        let value = stored.len();
        self.reading.of(query).run(|batch| {
            self.reading.heard(batch.len() as u64)?;
            floats.fill(batch);
            let at = |column: usize, row: usize| floats.at(column, row).unwrap_or(f64::NAN);
            for row in 0..batch.len() {
                let place = [at(0, row), at(1, row)];
                let depth = frame.needs_depth().then(|| at(2, row));
                if !place.iter().chain(&depth).all(|x| x.is_finite()) {
                    left_out.no_place += 1;
                    continue;
                }
                if place.iter().any(|x| !(0.0..=frame.boxlen).contains(x)) {
                    left_out.outside += 1;
                    continue;
                }
                if depth.is_some_and(|depth| !inside(depth, frame.depth)) {
                    continue;
                }
                // Mera chooses by the window, and then counts in its own pixels.
                let (low, high) = (frame.grid.low, frame.grid.high);
                if !(0..2).all(|axis: usize| {
                    let pick = |pair: [f64; 2]| pair.get(axis).copied().unwrap_or(f64::NAN);
                    (pick(low)..=pick(high)).contains(&pick(place))
                }) {
                    continue;
                }
                let (mut number, weight) = (at(value, row), at(value + 1, row));
                left_out.not_numbers += u64::from(!number.is_finite());
                let (Some(x), Some(y)) = (edges[0].pixel(place[0]), edges[1].pixel(place[1]))
                else {
                    left_out.lost += 1;
                    continue;
                };
                if self.weight.is_some() {
                    number *= weight;
                }
                layers.put([x, y], number, weight);
            }
            Ok(())
        })?;
        Ok(left_out)
    }
}

//! What is added up in the pixels of a map, by several threads in the same order.

use super::grid::{Grid, float, index};

/// What becomes of what falls into one pixel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fold {
    /// It is added up.
    Sum,
    /// It is added up, and so are weights; the quotient is the mean.
    Mean,
    /// The largest stays.
    Max,
}

/// A rectangle in code units, and what it brings.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp {
    low: [f64; 2],
    high: [f64; 2],
    /// The first pixel along each axis, and the one behind the last.
    first: [usize; 2],
    last: [usize; 2],
    /// What an overlap is multiplied by.
    share: f64,
    /// Of a mean, already multiplied by the weight.
    value: f64,
    weight: f64,
}

/// How a rectangle's value is divided among pixels.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Sharing {
    /// All of it goes into the window, whatever part of the rectangle lies in it: as Mera does.
    Whole,
    /// The part outside the window is lost.
    Clipped,
    /// By the part of each pixel that is covered.
    Covering,
}

/// The numbers of the pixels, of which the first axis runs fastest.
#[derive(Debug)]
pub(super) struct Layers {
    grid: Grid,
    fold: Fold,
    values: Vec<f64>,
    /// Sums of weights; of a maximum, 1 where there is one.
    weights: Vec<f64>,
    threads: usize,
}

/// Pixels that are worth starting threads for.
const WORTH: usize = 1 << 19;
/// How far a rectangle may seem to reach across the window's border by rounding, in parts of its size.
const ROUNDING: f64 = 1e-9;

/// Where pixel `i` along an axis begins, and what part of it lies between `low` and `high`.
fn overlap(from: f64, step: f64, i: usize, low: f64, high: f64) -> f64 {
    let edge = from + float(i) * step;
    (high.min(edge + step) - low.max(edge)).max(0.0)
}

impl Layers {
    pub(super) fn new(grid: &Grid, fold: Fold, threads: usize) -> Self {
        let empty = if fold == Fold::Max { f64::NEG_INFINITY } else { 0.0 };
        let weights = if fold == Fold::Sum { Vec::new() } else { vec![0.0; grid.len()] };
        let values = vec![empty; grid.len()];
        Self { grid: grid.clone(), fold, values, weights, threads }
    }

    /// Whether the largest number stays.
    pub(super) fn is_max(&self) -> bool {
        self.fold == Fold::Max
    }

    /// A square about `center` with this side; none if it does not touch the window.
    pub(super) fn stamp(
        &self,
        center: [f64; 2],
        side: f64,
        value: f64,
        weight: f64,
    ) -> Option<Stamp> {
        let (grid, step, half) = (&self.grid, self.grid.step(), side * 0.5);
        let mut stamp = Stamp {
            low: [0.0; 2],
            high: [0.0; 2],
            first: [0; 2],
            last: [0; 2],
            share: 0.0,
            value,
            weight,
        };
        let inside = [0, 1].map(|axis| {
            let (from, to) = (at(grid.low, axis), at(grid.high, axis));
            (from..=to).contains(&at(center, axis))
        }) == [true; 2];
        for axis in [0, 1] {
            let (from, to, x) = (at(grid.low, axis), at(grid.high, axis), at(center, axis));
            let (low, high) = (x - half, x + half);
            // What is not a number touches nothing.
            if !(high >= from && low <= to) {
                return None;
            }
            let inverse = 1.0 / at(step, axis);
            let pixels = grid.pixels.get(axis).copied().unwrap_or(0);
            let mut first = index(((low - from) * inverse).floor());
            let mut last = index(((high - from) * inverse).ceil()).min(pixels);
            if inside {
                let own = index(((x - from) * inverse).floor()).min(pixels.saturating_sub(1));
                first = first.min(own);
                last = last.max(own + 1);
            }
            if let Some(((a, b), (c, d))) = stamp
                .low
                .get_mut(axis)
                .zip(stamp.high.get_mut(axis))
                .zip(stamp.first.get_mut(axis).zip(stamp.last.get_mut(axis)))
            {
                (*a, *b, *c, *d) = (low, high, first, last);
            }
        }
        (stamp.area() > 0).then_some(stamp)
    }

    /// Puts rectangles on the pixels, in their order. Those that overlap none are dropped.
    pub(super) fn add(&mut self, stamps: &mut [Stamp], side: f64, sharing: Sharing) {
        let work = stamps.iter().map(Stamp::area).fold(0, usize::saturating_add);
        let threads = if work < WORTH { 1 } else { self.threads.max(1) };
        let grid = &self.grid;
        if threads == 1 {
            stamps.iter_mut().for_each(|stamp| stamp.divide(grid, side, sharing));
        } else {
            let part = stamps.len().div_ceil(threads).max(1);
            std::thread::scope(|scope| {
                for part in stamps.chunks_mut(part) {
                    scope.spawn(|| part.iter_mut().for_each(|it| it.divide(grid, side, sharing)));
                }
            });
        }
        let [across, rows] = grid.pixels;
        // Each thread has rows of pixels of its own, and all rectangles in their order: the sums are
        // the same whatever their number.
        let band = rows.div_ceil(threads).max(1);
        let (stamps, fold) = (&*stamps, self.fold);
        let values = self.values.chunks_mut(band * across);
        let mut weights = self.weights.chunks_mut(band * across);
        let bands = values.enumerate().map(|(i, values)| Band {
            grid,
            first: i * band,
            rows: values.len() / across.max(1),
            fold,
            values,
            weights: weights.next().unwrap_or_default(),
        });
        if threads == 1 {
            bands.for_each(|mut band| band.put_all(stamps));
        } else {
            std::thread::scope(|scope| {
                for mut band in bands {
                    scope.spawn(move || band.put_all(stamps));
                }
            });
        }
    }

    /// Puts a number into one pixel.
    pub(super) fn put(&mut self, [x, y]: [usize; 2], value: f64, weight: f64) {
        let place = y * self.grid.pixels[0] + x;
        let Some(pixel) = self.values.get_mut(place) else { return };
        match self.fold {
            Fold::Sum => *pixel += value,
            Fold::Mean => *pixel += value,
            Fold::Max => *pixel = larger(*pixel, value),
        }
        if let Some(sum) = self.weights.get_mut(place) {
            *sum = if self.fold == Fold::Max { 1.0 } else { *sum + weight };
        }
    }

    /// The numbers of the pixels, and which pixels have one. A mean of no weight is `empty`.
    pub(super) fn finish(self, empty: f64) -> (Vec<f64>, Option<Vec<bool>>) {
        let Self { mut values, weights, fold, .. } = self;
        if fold == Fold::Sum {
            return (values, None);
        }
        for (value, weight) in values.iter_mut().zip(&weights) {
            *value = match fold {
                // A weight that is not a number makes no mean, and is not hidden.
                _ if *weight <= 0.0 => empty,
                Fold::Mean => *value / weight,
                Fold::Sum | Fold::Max => *value,
            };
        }
        let covered = weights.iter().map(|weight| *weight > 0.0 || weight.is_nan()).collect();
        (values, Some(covered))
    }
}

fn at(pair: [f64; 2], axis: usize) -> f64 {
    pair.get(axis).copied().unwrap_or(f64::NAN)
}

/// The larger of two, and NaN if one is.
fn larger(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

impl Stamp {
    /// Pixels that it may touch.
    fn area(&self) -> usize {
        let [x, y] = [0, 1].map(|axis: usize| {
            let ends = self.last.get(axis).zip(self.first.get(axis));
            ends.map_or(0, |(last, first)| last.saturating_sub(*first))
        });
        x.saturating_mul(y)
    }

    /// Finds what its overlaps are to be multiplied by.
    fn divide(&mut self, grid: &Grid, side: f64, sharing: Sharing) {
        let [step_x, step_y] = grid.step();
        if sharing == Sharing::Covering {
            self.share = 1.0 / (step_x * step_y);
            return;
        }
        let hair = side * ROUNDING;
        let cut = [0, 1].iter().any(|&axis| {
            at(self.low, axis) < at(grid.low, axis) - hair
                || at(self.high, axis) > at(grid.high, axis) + hair
        });
        if cut && sharing == Sharing::Clipped {
            self.share = 1.0 / (side * side);
            return;
        }
        let mut total = 0.0;
        for i in self.first[0]..self.last[0] {
            let x = overlap(grid.low[0], step_x, i, self.low[0], self.high[0]);
            if x <= 0.0 {
                continue;
            }
            for j in self.first[1]..self.last[1] {
                total += x * overlap(grid.low[1], step_y, j, self.low[1], self.high[1]);
            }
        }
        self.share = if total > 0.0 { 1.0 / total } else { 0.0 };
    }
}

/// Rows of pixels that one thread works on.
struct Band<'l> {
    grid: &'l Grid,
    /// The number of the first row, and how many there are.
    first: usize,
    rows: usize,
    fold: Fold,
    values: &'l mut [f64],
    weights: &'l mut [f64],
}

impl Band<'_> {
    fn put_all(&mut self, stamps: &[Stamp]) {
        let mut widths = Vec::new();
        for stamp in stamps.iter().filter(|stamp| stamp.share > 0.0) {
            self.put(stamp, &mut widths);
        }
    }

    fn put(&mut self, stamp: &Stamp, widths: &mut Vec<f64>) {
        let first = stamp.first[1].max(self.first);
        let last = stamp.last[1].min(self.first + self.rows);
        if first >= last {
            return;
        }
        let (grid, [step_x, step_y]) = (self.grid, self.grid.step());
        let across = grid.pixels[0];
        let columns = stamp.first[0]..stamp.last[0];
        widths.clear();
        widths
            .extend(columns.map(|i| overlap(grid.low[0], step_x, i, stamp.low[0], stamp.high[0])));
        for j in first..last {
            let height = overlap(grid.low[1], step_y, j, stamp.low[1], stamp.high[1]);
            if height <= 0.0 {
                continue;
            }
            let from = (j - self.first) * across + stamp.first[0];
            let places = from..from + widths.len();
            let Some(values) = self.values.get_mut(places.clone()) else { continue };
            // Empty where nothing is divided by.
            let weights = self.weights.get_mut(places).unwrap_or_default();
            match self.fold {
                Fold::Sum => {
                    for (pixel, width) in values.iter_mut().zip(&*widths).filter(|it| *it.1 > 0.0) {
                        *pixel += stamp.value * ((width * height) * stamp.share);
                    }
                }
                Fold::Mean => {
                    for ((pixel, sum), width) in
                        values.iter_mut().zip(weights).zip(&*widths).filter(|it| *it.1 > 0.0)
                    {
                        let part = (width * height) * stamp.share;
                        *pixel += stamp.value * part;
                        *sum += stamp.weight * part;
                    }
                }
                Fold::Max => {
                    // What only rounding makes an overlap is none.
                    let side = stamp.high[0] - stamp.low[0];
                    let hair = ROUNDING * (side * side).min(step_x * step_y);
                    let pixels = values.iter_mut().zip(weights).zip(&*widths);
                    for ((pixel, sum), _) in pixels.filter(|it| *it.1 * height > hair) {
                        *pixel = larger(*pixel, stamp.value);
                        *sum = 1.0;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numbers::map::Pixels;
    use proptest::prelude::*;

    /// Cells of a tree that fills a box of this length: centre and size. `choices` says which cells
    /// are divided.
    fn tree(boxlen: f64, choices: &[bool]) -> Vec<([f64; 2], f64)> {
        let mut choices = choices.iter().copied();
        let mut open = vec![([0_u32; 2], 0_u32)];
        let mut cells = Vec::new();
        while let Some((at, level)) = open.pop() {
            if level < 7 && choices.next().unwrap_or(false) {
                let halves = [[0, 0], [1, 0], [0, 1], [1, 1]];
                open.extend(halves.map(|[x, y]| ([2 * at[0] + x, 2 * at[1] + y], level + 1)));
                continue;
            }
            let side = boxlen / f64::from(level).exp2();
            cells.push((at.map(|c| (f64::from(c) + 0.5) * side), side));
        }
        cells
    }

    fn spread(
        cells: &[([f64; 2], f64)],
        values: &[f64],
        grid: &Grid,
        (fold, sharing, threads): (Fold, Sharing, usize),
    ) -> (Vec<f64>, Vec<f64>) {
        let mut layers = Layers::new(grid, fold, threads);
        for ((center, side), value) in cells.iter().zip(values.iter().cycle()) {
            let mut stamps: Vec<_> =
                layers.stamp(*center, *side, *value, 1.0).into_iter().collect();
            layers.add(&mut stamps, *side, sharing);
        }
        (layers.values, layers.weights)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn nothing_is_lost_of_any_tree(
            choices in prop::collection::vec(any::<bool>(), 1..400),
            values in prop::collection::vec(1e-6..1e6_f64, 1..50),
            boxlen in 0.1..1e3_f64,
            pixels in 1..90_usize,
        ) {
            let cells = tree(boxlen, &choices);
            let all = [[0.0; 2], [1.0; 2]];
            let grid = Grid::new(all, boxlen, 7, Pixels::Side(pixels)).unwrap();
            let expected: f64 = cells.iter().zip(values.iter().cycle()).map(|it| it.1).sum();
            for sharing in [Sharing::Whole, Sharing::Clipped] {
                let (sums, _) = spread(&cells, &values, &grid, (Fold::Sum, sharing, 1));
                let sum: f64 = sums.iter().sum();
                prop_assert!((sum / expected - 1.0).abs() < 1e-12, "{sum} {expected}");
            }
            // A tree covers each pixel just once.
            let kind = (Fold::Mean, Sharing::Covering, 1);
            let (_, covered) = spread(&cells, &values, &grid, kind);
            prop_assert!(covered.iter().all(|part| (part - 1.0).abs() < 1e-9), "{covered:?}");
        }

        #[test]
        fn a_window_has_its_share(
            choices in prop::collection::vec(any::<bool>(), 1..400),
            low in prop::array::uniform2(0.0..0.7_f64),
            size in prop::array::uniform2(0.01..0.3_f64),
            pixels in 1..60_usize,
        ) {
            let cells = tree(48.0, &choices);
            let high = [low[0] + size[0], low[1] + size[1]];
            let grid = Grid::new([low, high], 48.0, 7, Pixels::Side(pixels)).unwrap();
            // Values as the areas: what is in the window is its own area.
            let areas: Vec<f64> = cells.iter().map(|(_, side)| side * side).collect();
            let (sums, _) = spread(&cells, &areas, &grid, (Fold::Sum, Sharing::Clipped, 1));
            let (sum, expected) = (sums.iter().sum::<f64>(), size[0] * size[1] * 48.0 * 48.0);
            prop_assert!((sum / expected - 1.0).abs() < 1e-9, "{sum} {expected}");
        }
    }

    #[test]
    fn bands_give_the_same_bits_as_all_at_once() {
        let cells = tree(1.0, &[true; 40]);
        let grid = Grid::new([[0.0; 2], [1.0; 2]], 1.0, 7, Pixels::Side(1500)).unwrap();
        let values = [0.1, 0.7, 1e-9, 3e5];
        for fold in [Fold::Sum, Fold::Mean, Fold::Max] {
            let of = |threads| {
                let mut layers = Layers::new(&grid, fold, threads);
                for (center, side) in &cells {
                    let stamp = |value: &f64| layers.stamp(*center, *side, *value, 0.3);
                    let mut stamps: Vec<_> = values.iter().filter_map(stamp).collect();
                    layers.add(&mut stamps, *side, Sharing::Clipped);
                }
                let bits = |all: Vec<f64>| all.into_iter().map(f64::to_bits).collect::<Vec<_>>();
                (bits(layers.values), bits(layers.weights))
            };
            assert!(of(1) == of(4), "{fold:?}");
        }
    }
}

//! Answers what is asked of one table: all sums and extremes in one pass, moments in a second one,
//! percentiles one by one.

use super::answers::Answers;
use super::cell::Cell;
use super::column::Column;
use super::gathered::{Gathered, Moments};
use super::question::Question;
use super::stars::Stars;
use super::weighted_rank;
use super::what::{Reduction, Star, Statistic, What};
use crate::mera::unit::{unit_factor, unit_factor_of_mera};
use crate::numbers::floats::Floats;
use crate::numbers::query::Query;
use crate::numbers::{Ask, Asked, MeraFile, NumbersError, Relation, Selection, Statistics};
use jld2::ChunkCache;
use std::sync::Arc;

/// Decoded data that are kept from one pass to the next, in bytes.
pub(super) const CACHE: usize = 32 << 20;

/// What tables are read with.
#[derive(Clone, Copy)]
pub(super) struct Reader<'r> {
    pub(super) file: &'r MeraFile,
    pub(super) question: &'r Question,
    /// Threads that decode.
    pub(super) threads: usize,
    /// Hears of rows that were gone through.
    pub(super) watch: &'r dyn Fn(u64) -> Result<(), NumbersError>,
}

/// Columns of the series that are about one table, with their places.
pub(super) type Wanted<'c> = Vec<(usize, &'c Column)>;

/// A column or quantity with its weight, by their places among what is read.
#[derive(Debug)]
struct Pair {
    of: usize,
    weight: Option<usize>,
    gathered: Gathered,
    moments: Option<Moments>,
}

/// What is read side by side.
#[derive(Debug, Default)]
struct Together {
    asks: Vec<Ask>,
    pairs: Vec<Pair>,
    /// Where birth, age and mass stand.
    stars: Option<([usize; 3], Stars)>,
    /// Rows that are chosen.
    chosen: u64,
}

/// Answers all that is wanted of a table.
pub(super) fn answer(
    reader: Reader<'_>,
    relation: &Relation<'_>,
    wanted: Wanted<'_>,
    answers: &mut Answers,
) -> Result<(), NumbersError> {
    let centred = reader.question.selection.center().is_some();
    let mut groups: [Wanted<'_>; 2] = Default::default();
    let [usual, from_corner] = &mut groups;
    for (place, column) in wanted {
        // What cannot be computed here is left out; the rest is.
        if let Err(error) = reader.query(relation, &asks(column, relation), corner(column)) {
            if !error.is_usage() {
                return Err(error);
            }
            answers.missing(place, &error.to_string());
        } else if centred && corner(column) {
            from_corner.push((place, column));
        } else {
            usual.push((place, column));
        }
    }
    for (columns, corner) in groups.into_iter().zip([false, true]) {
        if !columns.is_empty() {
            reader.together(relation, &columns, corner, answers)?;
        }
    }
    Ok(())
}

fn corner(column: &Column) -> bool {
    matches!(&column.what, What::Statistic(it) if it.from_corner)
}

/// What is read of each row for a column.
fn asks(column: &Column, relation: &Relation<'_>) -> Vec<Ask> {
    match &column.what {
        What::Fact(_) | What::Chosen => Vec::new(),
        What::Statistic(it) => std::iter::once(&it.of).chain(&it.weight).cloned().collect(),
        What::Stars(_) => Stars::asks(&relation.names()).to_vec(),
    }
}

fn stars<'c>(columns: &'c Wanted<'_>) -> impl Iterator<Item = Star> + use<'c> {
    columns.iter().filter_map(|(_, column)| match column.what {
        What::Stars(star) => Some(star),
        _ => None,
    })
}

fn reductions<'c>(columns: &'c Wanted<'_>) -> impl Iterator<Item = (usize, &'c Reduction)> {
    columns.iter().filter_map(|(place, column)| match &column.what {
        What::Statistic(reduction) => Some((*place, reduction)),
        _ => None,
    })
}

fn percentile(reduction: &Reduction) -> Option<f64> {
    match reduction.statistic {
        Statistic::Percentile(percentile) => Some(percentile),
        _ => None,
    }
}

fn needs_moments(statistic: Statistic) -> bool {
    matches!(statistic, Statistic::Deviation | Statistic::Skewness | Statistic::Kurtosis)
}

impl<'r> Reader<'r> {
    fn query<'q>(
        self,
        relation: &Relation<'q>,
        asks: &[Ask],
        corner: bool,
    ) -> Result<Query<'q>, NumbersError>
    where
        'r: 'q,
    {
        let selection: &Selection = &self.question.selection;
        let name = self.file.name();
        let query = if corner {
            Query::from_corner(name, relation, asks, selection)
        } else {
            Query::new(name, relation, asks, selection)
        };
        Ok(query?.with_threads(self.threads).watched(self.watch))
    }

    /// Answers what is counted from one centre.
    fn together<'q>(
        self,
        relation: &Relation<'q>,
        columns: &Wanted<'_>,
        corner: bool,
        answers: &mut Answers,
    ) -> Result<(), NumbersError>
    where
        'r: 'q,
    {
        let mut together = Together::of(columns, relation);
        let moments = reductions(columns).any(|(_, it)| needs_moments(it.statistic));
        let ranks = reductions(columns).any(|(_, it)| percentile(it).is_some());
        let cache = (moments || ranks).then(|| Arc::new(ChunkCache::new(CACHE)));
        let kept = |query: Query<'q>| match &cache {
            Some(cache) => query.with_cache(Arc::clone(cache)),
            None => query,
        };
        let query = kept(self.query(relation, &together.asks, corner)?);
        together.gather(&query)?;
        if moments {
            together.moments(&query, columns, self.question.selection.like_mera)?;
        }
        for (place, column) in columns {
            let cell = match &column.what {
                What::Fact(_) => continue,
                What::Chosen => Ok(Cell::count(together.chosen)),
                What::Stars(star) => match &together.stars {
                    Some((_, stars)) => Ok(stars.cell(*star)),
                    None => continue,
                },
                What::Statistic(it) => match percentile(it) {
                    None => self.reduced(relation, &together, it)?,
                    Some(at) => {
                        let asks = asks(column, relation);
                        let query = kept(self.query(relation, &asks, corner)?);
                        self.rank(&together, it, &query, at)?
                    }
                },
            };
            match cell {
                Ok(cell) => answers.put(*place, cell),
                Err(why) => answers.missing(*place, why),
            }
        }
        Ok(())
    }

    /// A statistic that was gathered, or why there is none.
    fn reduced(
        self,
        relation: &Relation<'_>,
        together: &Together,
        reduction: &Reduction,
    ) -> Result<Result<Cell, &'static str>, NumbersError> {
        let Some(pair) = together.pair(reduction) else { return Ok(Err(NO_ROWS)) };
        if let Some(nan) = self.not_a_number(pair) {
            return Ok(Ok(nan));
        }
        let cell = pair.gathered.cell(reduction.statistic, pair.moments.as_ref());
        let Some(cell) = cell else {
            return Ok(Err(if together.chosen == 0 { NO_ROWS } else { NO_NUMBERS }));
        };
        let Some(unit) = &reduction.after else { return Ok(Ok(cell)) };
        // Code units were added up; the sum is scaled once, as Mera does it.
        let units = relation.group().map(|group| group.info.units());
        let of = if self.question.selection.like_mera { unit_factor_of_mera } else { unit_factor };
        let factor = units.map(|units| of(unit, &units)).transpose()?.unwrap_or(1.0);
        Ok(Ok(Cell::Float(cell.float() * factor)))
    }

    fn rank(
        self,
        together: &Together,
        reduction: &Reduction,
        query: &Query<'_>,
        at: f64,
    ) -> Result<Result<Cell, &'static str>, NumbersError> {
        if together.chosen == 0 {
            return Ok(Err(NO_ROWS));
        }
        if let Some(nan) = together.pair(reduction).and_then(|pair| self.not_a_number(pair)) {
            return Ok(Ok(nan));
        }
        let found = if reduction.weight.is_some() {
            weighted_rank::percentile(query, at)?
        } else {
            let asked = Asked { percentiles: vec![at], intervals: 0, spacing: None };
            Statistics::of(query, &asked)?.percentiles.first().map(|(_, number)| *number)
        };
        Ok(found.map(Cell::Float).ok_or(NO_NUMBERS))
    }

    /// With numbers that are not, Mera has no other.
    fn not_a_number(self, pair: &Pair) -> Option<Cell> {
        let spoilt = self.question.selection.like_mera && pair.gathered.nan() > 0;
        spoilt.then_some(Cell::Float(f64::NAN))
    }
}

const NO_ROWS: &str = "no rows are chosen";
const NO_NUMBERS: &str = "there are no numbers, or weights come to 0";

impl Together {
    fn of(columns: &Wanted<'_>, relation: &Relation<'_>) -> Self {
        let mut together = Self::default();
        for (_, reduction) in reductions(columns) {
            let of = together.slot(&reduction.of);
            let weight = reduction.weight.as_ref().map(|weight| together.slot(weight));
            if !together.pairs.iter().any(|pair| (pair.of, pair.weight) == (of, weight)) {
                let gathered = Gathered::default();
                together.pairs.push(Pair { of, weight, gathered, moments: None });
            }
        }
        if stars(columns).next().is_some()
            && let Some(group) = relation.group()
        {
            let slots = Stars::asks(&relation.names()).map(|ask| together.slot(&ask));
            together.stars = Some((slots, Stars::new(stars(columns), &group.info.units())));
        }
        together
    }

    fn slot(&mut self, ask: &Ask) -> usize {
        if let Some(known) = self.asks.iter().position(|known| known == ask) {
            return known;
        }
        self.asks.push(ask.clone());
        self.asks.len() - 1
    }

    fn pair(&self, reduction: &Reduction) -> Option<&Pair> {
        let slot = |ask: &Ask| self.asks.iter().position(|known| known == ask);
        let of = slot(&reduction.of)?;
        let weight = reduction.weight.as_ref().and_then(slot);
        self.pairs.iter().find(|pair| (pair.of, pair.weight) == (of, weight))
    }

    /// The first pass.
    fn gather(&mut self, query: &Query<'_>) -> Result<(), NumbersError> {
        let mut floats = Floats::default();
        query.run(|batch| {
            self.chosen += batch.len() as u64;
            floats.fill(batch);
            let of = |slot: usize| floats.column(slot);
            for pair in &mut self.pairs {
                pair.gathered.take(of(pair.of), pair.weight.map(of));
                if pair.weight.is_none()
                    && let Some(values) = batch.values().get(pair.of)
                {
                    pair.gathered.take_integers(*values);
                }
            }
            if let Some(([birth, age, mass], stars)) = &mut self.stars {
                stars.take(of(*birth), of(*age), of(*mass));
            }
            Ok(())
        })
    }

    /// The second pass.
    fn moments(
        &mut self,
        query: &Query<'_>,
        columns: &Wanted<'_>,
        like_mera: bool,
    ) -> Result<(), NumbersError> {
        let wanted: Vec<(Option<usize>, Option<usize>)> = reductions(columns)
            .filter(|(_, it)| needs_moments(it.statistic))
            .map(|(_, it)| {
                let slot = |ask: &Ask| self.asks.iter().position(|known| known == ask);
                (slot(&it.of), it.weight.as_ref().and_then(slot))
            })
            .collect();
        for pair in &mut self.pairs {
            if wanted.contains(&(Some(pair.of), pair.weight)) {
                pair.moments = Moments::about(&pair.gathered, like_mera);
            }
        }
        let mut floats = Floats::default();
        query.run(|batch| {
            floats.fill(batch);
            let of = |slot: usize| floats.column(slot);
            for pair in &mut self.pairs {
                if let Some(moments) = &mut pair.moments {
                    moments.take(of(pair.of), pair.weight.map(of));
                }
            }
            Ok(())
        })
    }
}

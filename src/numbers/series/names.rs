//! The names that columns of a series have.

use super::what::{Fact, Star, Statistic};
use crate::mera::quantity::{TableKind, computed_names, is_usual, spelled, usual_columns};
use crate::mera::unit::nearest;

/// How statistics are called, in words.
pub(super) const STATISTICS: &str = "min, max, sum, mean, median, pNN, std, skewness or kurtosis";

/// Names that are no statistic of a quantity.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Named {
    Fact(Fact),
    /// Rows that are chosen.
    Count,
    Mass,
    /// The whole vector, or the quantity that is its part.
    Center(Option<&'static str>),
    Velocity(Option<&'static str>),
    /// The usual windows, or one thing.
    Stars(Option<Star>),
}

const NAMED: [(&str, Named); 29] = [
    ("time", Named::Fact(Fact::Time)),
    ("redshift", Named::Fact(Fact::Redshift)),
    ("aexp", Named::Fact(Fact::Aexp)),
    ("boxlen", Named::Fact(Fact::BoxLength)),
    ("levelmin", Named::Fact(Fact::LevelMin)),
    ("levelmax", Named::Fact(Fact::LevelMax)),
    ("cells", Named::Fact(Fact::Rows(TableKind::Hydro))),
    ("particles", Named::Fact(Fact::Rows(TableKind::Particles))),
    ("clumps", Named::Fact(Fact::Rows(TableKind::Clumps))),
    ("count", Named::Count),
    ("msum", Named::Mass),
    ("center_of_mass", Named::Center(None)),
    ("center_of_mass_x", Named::Center(Some("x"))),
    ("center_of_mass_y", Named::Center(Some("y"))),
    ("center_of_mass_z", Named::Center(Some("z"))),
    ("com", Named::Center(None)),
    ("com_x", Named::Center(Some("x"))),
    ("com_y", Named::Center(Some("y"))),
    ("com_z", Named::Center(Some("z"))),
    ("bulk_velocity", Named::Velocity(None)),
    ("bulk_velocity_x", Named::Velocity(Some("vx"))),
    ("bulk_velocity_y", Named::Velocity(Some("vy"))),
    ("bulk_velocity_z", Named::Velocity(Some("vz"))),
    ("sfr", Named::Stars(None)),
    ("sfr_10", Named::Stars(Some(Star::Rate(10.0)))),
    ("sfr_mean", Named::Stars(Some(Star::MeanRate))),
    ("stars", Named::Stars(Some(Star::Count))),
    ("stellar_mass", Named::Stars(Some(Star::Mass))),
    ("oldest_star", Named::Stars(Some(Star::Oldest))),
];

impl Named {
    pub(super) fn of(name: &str) -> Option<Self> {
        if let Some((_, named)) = NAMED.iter().find(|(known, _)| *known == name) {
            return Some(*named);
        }
        let window = plain_number(name.strip_prefix("sfr_")?)?;
        (window > 0.0).then_some(Self::Stars(Some(Star::Rate(window))))
    }
}

/// Digits with a point among them at most.
fn plain_number(text: &str) -> Option<f64> {
    let plain = text.starts_with(|c: char| c.is_ascii_digit())
        && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    text.parse().ok().filter(|number: &f64| plain && number.is_finite())
}

/// The beginnings of statistics' names.
const PREFIXES: [(&str, Statistic); 8] = [
    ("min_", Statistic::Min),
    ("max_", Statistic::Max),
    ("sum_", Statistic::Sum),
    ("mean_", Statistic::Mean),
    ("median_", Statistic::Percentile(50.0)),
    ("std_", Statistic::Deviation),
    ("skewness_", Statistic::Skewness),
    ("kurtosis_", Statistic::Kurtosis),
];

/// The statistic that a name begins with, and the rest.
pub(super) fn statistic(name: &str) -> Option<(Statistic, &str)> {
    for (prefix, statistic) in PREFIXES {
        if let Some(rest) = name.strip_prefix(prefix) {
            return Some((statistic, rest));
        }
    }
    let (percentile, rest) = name.strip_prefix('p')?.split_once('_')?;
    let percentile = plain_number(percentile).filter(|p| (0.0..=100.0).contains(p))?;
    Some((Statistic::Percentile(percentile), rest))
}

/// Whether what stands before the first point is the beginning of a percentile or window: `p99`,
/// `sfr_2`.
pub(super) fn is_percentile(text: &str) -> bool {
    let digits = text.strip_prefix('p').or_else(|| text.strip_prefix("sfr_"));
    digits.is_some_and(|it| !it.is_empty() && it.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a column of one's own may be called so.
pub(super) fn is_plain(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_')
}

/// The table that a quantity is of where none is named: the first of hydro, particles, gravity, clumps
/// and rt that has it, and its weight.
pub(super) fn default_table(name: &str, weight: Option<&str>) -> Option<TableKind> {
    let has = |table: TableKind| {
        is_usual(table, name) && weight.is_none_or(|weight| is_usual(table, weight))
    };
    TableKind::CHOSEN.into_iter().find(|&table| has(table))
}

/// The name that was perhaps meant.
pub(super) fn meant(name: &str, table: Option<TableKind>) -> Option<String> {
    // A quantity alone: its largest value is what people mostly ask for.
    if default_table(spelled(name), None).is_some() {
        return Some(format!("max_{name}"));
    }
    if let Some((_, rest)) = statistic(name) {
        let tables = TableKind::ALL.into_iter().filter(|it| table.is_none_or(|one| *it == one));
        let names =
            tables.flat_map(|it| computed_names(it).chain(usual_columns(it).iter().copied()));
        let quantity = nearest(rest.split('@').next().unwrap_or(rest), names)?;
        return Some(format!("{}{quantity}", name.strip_suffix(rest)?));
    }
    // A statistic by another name: `maximum_rho`.
    if let Some((word, rest)) = name.split_once('_')
        && default_table(spelled(rest), None).is_some()
        && let Some(statistic) = nearest(word, PREFIXES.iter().map(|(prefix, _)| *prefix))
    {
        return Some(format!("{statistic}{rest}"));
    }
    nearest(name, item_names()).map(str::to_owned)
}

/// What there is, in words.
pub(super) fn known() -> &'static str {
    "there are time, redshift, aexp, boxlen, levelmin, levelmax, cells, particles, clumps, count, msum, \
     center_of_mass, bulk_velocity, sfr, sfr_N (of the last N Myr), sfr_mean, stars, stellar_mass, \
     oldest_star, and STAT_QUANTITY, where STAT is min, max, sum, mean, median, pNN, std, skewness or \
     kurtosis (max_rho, p95_T, mean_T@mass); of a column of your own with its table \
     (hydro.max_metals)"
}

/// The names that are no statistic of a quantity.
pub fn item_names() -> impl Iterator<Item = &'static str> {
    NAMED.iter().map(|(name, _)| *name)
}

//! Computes what Mera's `getvar` computes of a table's rows: from stored columns, in the order of
//! operations of Mera 1.9, so that all that is made of `+ - * /` and square roots has the same bits.
//!
//! [`Quantity::new`] finds the rule for a name and says which columns it needs; [`Quantity::value`]
//! is given a row of them. What takes a logarithm, a power or an arctangent depends on the
//! mathematical library's last bits, in Julia and here.

mod body;
mod composition;
mod field;
mod ions;
mod needs;
mod radiation;
mod rule;
mod value;

pub use composition::HYDROGEN;
pub(crate) use ions::GAS;
pub use ions::Ions;
pub use radiation::{MOST_GROUPS, Radiation};
pub use rule::{computed_names, is_usual, spelled, usual_columns};

use super::scales::Units;
use super::time::Clock;
use super::unit::{self, UnitError};
use body::Body;
use field::{Field, Row};
use rule::Rule;

/// The kinds of tables that Mera writes: each a group of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TableKind {
    /// Cells of gas.
    Hydro,
    /// Cells with potential and acceleration.
    Gravity,
    /// Particles.
    Particles,
    /// Clumps of gas.
    Clumps,
    /// Cells with radiation.
    Rt,
}

impl TableKind {
    /// All kinds, in the order in which Mera writes them.
    pub const ALL: [Self; 5] =
        [Self::Hydro, Self::Gravity, Self::Particles, Self::Clumps, Self::Rt];

    /// All kinds, in the order in which one is chosen where nobody names one.
    pub const CHOSEN: [Self; 5] =
        [Self::Hydro, Self::Particles, Self::Gravity, Self::Clumps, Self::Rt];

    /// The name of the group.
    pub fn name(self) -> &'static str {
        match self {
            Self::Hydro => "hydro",
            Self::Gravity => "gravity",
            Self::Particles => "particles",
            Self::Clumps => "clumps",
            Self::Rt => "rt",
        }
    }

    /// Whether its rows are cells of the grid, with a place in whole numbers.
    pub fn is_cells(self) -> bool {
        matches!(self, Self::Hydro | Self::Gravity | Self::Rt)
    }

    /// The columns that say where a row is.
    pub fn place(self) -> [&'static str; 3] {
        match self {
            Self::Hydro | Self::Gravity | Self::Rt => ["cx", "cy", "cz"],
            Self::Particles => ["x", "y", "z"],
            Self::Clumps => ["peak_x", "peak_y", "peak_z"],
        }
    }

    /// The kind of a group's name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// What a table's quantities follow from, beside its rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Setting {
    /// What the rows are.
    pub table: TableKind,
    /// The names of its columns.
    pub columns: Vec<String>,
    /// Of cells with radiation, the names of the gas' columns in the same file.
    pub gas: Vec<String>,
    /// Length of the box in code units.
    pub boxlen: f64,
    /// The finest level of the object; none where it has none (clumps).
    pub lmax: Option<i64>,
    /// The coarsest level of the run.
    pub levelmin: i64,
    /// Adiabatic index.
    pub gamma: f64,
    /// Whether the box expands, by whichever rule.
    pub cosmological: bool,
    /// The output's time, and what the box's expansion follows from.
    pub clock: Clock,
    /// What Mera tells wrongly is told so, too.
    pub like_mera: bool,
    /// Mean density of baryons at the output's redshift, g/cm³; not a number where it is not known.
    pub baryon_density: f64,
    /// What is said of the run's radiation.
    pub radiation: Radiation,
    /// The run's units.
    pub units: Units,
    /// `unit_v`, cm/s, as it is stored.
    pub unit_v: f64,
    /// Where coordinates begin, in parts of the box. Mera's default is the box's corner.
    pub center: [f64; 3],
}

impl Setting {
    /// Whether the cells' levels are in the column `level`; otherwise all are at `lmax`, whatever
    /// that column says (Mera's `checkuniformgrid`).
    pub fn is_amr(&self) -> bool {
        self.lmax != Some(self.levelmin)
    }

    /// Whether the table has such a column, or the gas beside it.
    fn has(&self, column: &str) -> bool {
        match column.strip_prefix(GAS) {
            Some(column) => self.gas.iter().any(|name| name == column),
            None => self.has_own(column),
        }
    }

    fn has_own(&self, column: &str) -> bool {
        self.columns.iter().any(|name| name == column)
    }
}

/// Why a quantity cannot be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum QuantityError {
    /// Neither a column nor a rule has this name.
    #[error(
        "{name} is neither a column of {table} nor a quantity that is computed from it{near}; \
             its columns: {columns}"
    )]
    Unknown {
        /// The name.
        name: String,
        /// The table.
        table: &'static str,
        /// What may have been meant, in words.
        near: String,
        /// The names of all columns.
        columns: String,
    },
    /// The rule is known, a column is missing.
    #[error("{name} is computed from the column {column}, which {table} does not have")]
    MissingColumn {
        /// The quantity.
        name: String,
        /// The column.
        column: String,
        /// The table.
        table: &'static str,
    },
    /// Mera computes it for cosmological runs only.
    #[error("{0} is defined for cosmological runs only")]
    OnlyCosmological(String),
    /// It follows from what this run does not say.
    #[error(
        "{0} is computed from what the run says of its groups of photons, which is not in this file \
             (info.descriptor.rt, info.descriptor.rtPhotonGroups)"
    )]
    Unsaid(String),
    /// It follows from ions, and the run says nothing of any.
    #[error(
        "{0} is computed from the ions that a run with radiation tracks, of which nothing is said in this \
             file (info.descriptor.rt: iIons)"
    )]
    NoIons(String),
    /// It follows from an ion or molecule that the run does not track.
    #[error("{0}: this run does not track it (info.descriptor.rt: nIons)")]
    Untracked(String),
    /// It follows from the gas, which is not there.
    #[error("{0} is computed from the gas of the same cells, and this file has no table hydro")]
    NoGas(String),
    /// Something is wrong with the unit.
    #[error(transparent)]
    Unit(#[from] UnitError),
}

/// A quantity of a table's rows, ready to be computed.
#[derive(Debug, Clone)]
pub struct Quantity {
    name: String,
    rule: Rule,
    /// The columns that it needs, and what each is to the rule.
    columns: Vec<(Field, String)>,
    body: Body,
    unit: f64,
}

impl Quantity {
    /// The quantity of this name in this unit, `standard` or none for code units: a stored column or
    /// what Mera computes of several.
    ///
    /// # Errors
    /// If there is no such quantity or unit, or a column is missing.
    pub fn new(name: &str, unit: Option<&str>, setting: &Setting) -> Result<Self, QuantityError> {
        let name = rule::spelled(name);
        let stored = setting.has_own(name);
        let rule = match rule::of(name, setting.table) {
            // A stored column wins, unless the rule is about where its numbers are counted from.
            Some(rule) if !stored || rule.is_place() => rule,
            _ if stored => Rule::Own,
            _ => return Err(unknown(name, setting)),
        };
        rule.check(name, setting)?;
        let unit = rule.unit(name, unit, setting)?;
        let mut columns = Vec::new();
        for (field, column) in rule.fields(name, setting) {
            if !setting.has(&column) {
                let (name, table) = (name.to_owned(), setting.table.name());
                return Err(QuantityError::MissingColumn { name, column, table });
            }
            columns.push((field, column));
        }
        let body = Body::new(setting, rule);
        Ok(Self { name: name.to_owned(), rule, columns, body, unit })
    }

    /// Its name as Mera spells it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The columns that [`value`](Self::value) needs, in order.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().map(|(_, name)| name.as_str())
    }

    /// Whether it is the stored column of its name, number by number: in code units, and counted from
    /// the box's corner where it is a place.
    pub fn is_stored(&self) -> bool {
        let own = |(_, column): &(Field, String)| *column == self.name;
        let same = match self.rule {
            Rule::Own => true,
            Rule::Corner(_) => return self.body.is_from_corner(),
            Rule::Position(_) => !self.body.is_cells() && self.body.is_from_corner(),
            _ => false,
        };
        same && self.columns.iter().all(own) && self.unit.to_bits() == 1.0_f64.to_bits()
    }

    /// Its value in a row, of which `stored` holds the columns in the order of
    /// [`columns`](Self::columns).
    pub fn value(&self, stored: impl Iterator<Item = f64>) -> f64 {
        let mut row = Row::default();
        for ((field, _), value) in self.columns.iter().zip(stored) {
            row.set(*field, value);
        }
        self.rule.value(&self.body, &row, self.unit)
    }
}

fn unknown(name: &str, setting: &Setting) -> QuantityError {
    let columns = setting.columns.iter().map(String::as_str);
    let known = computed_names(setting.table).map(|name| -> &str { name }).chain(columns);
    let near = unit::near(name, known);
    QuantityError::Unknown {
        name: name.to_owned(),
        table: setting.table.name(),
        near,
        columns: setting.columns.join(", "),
    }
}

#[cfg(test)]
mod tests;

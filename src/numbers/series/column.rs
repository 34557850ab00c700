//! What a column of a series is, and how it is written: `time`, `msum[Msol]`,
//! `particles.mean_age@mass[Myr]`.

use super::names::{self, Named, STATISTICS, default_table, meant};
use super::what::{Fact, Reduction, Star, Statistic, What};
use crate::mera::quantity::{TableKind, is_usual, spelled};
use crate::mera::unit::{UnitError, suits};
use crate::numbers::Ask;
use crate::text::tame;
use std::collections::BTreeSet;

/// Columns of one series, at most.
pub const MOST_COLUMNS: usize = 200;
/// The unit of rates of star formation.
const RATE: &str = "Msol/yr";
/// Windows that Mera's `sfr_snapshot` has where nobody says which, Myr.
const WINDOWS: [f64; 3] = [5.0, 10.0, 100.0];

/// A column of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Column {
    /// Its name: as it was asked for, without the unit.
    pub name: String,
    /// The unit; none for code units and for what has no unit.
    pub unit: Option<String>,
    /// The table whose rows are looked at, or counted.
    pub table: Option<TableKind>,
    pub(super) what: What,
}

/// Why a list of columns is not one.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum WhatError {
    /// There is nothing of this name.
    #[error("{item} is not something that is told of a snapshot{near}; {known}")]
    Unknown {
        /// What was asked for.
        item: String,
        /// What may have been meant, in words.
        near: String,
        /// What there is.
        known: String,
    },
    /// It is not written as a name.
    #[error("{item}: {message}")]
    Written {
        /// What was asked for.
        item: String,
        /// What is wrong with it.
        message: String,
    },
    /// The unit does not suit it.
    #[error("{item}: {source}")]
    Unit {
        /// What was asked for.
        item: String,
        /// What is wrong.
        source: UnitError,
    },
    /// The same column comes twice.
    #[error("{0} is asked for twice")]
    Twice(String),
    /// There are no columns, or too many.
    #[error("{0} columns are asked for; a series has 1 to {MOST_COLUMNS}")]
    Count(usize),
}

/// Reads a list of names; `units` has units for names that bring none: of quantities (`rho`) or of
/// whole items (`msum`).
///
/// # Errors
/// If a name or a unit is not one, or a column comes twice.
pub fn columns<S: AsRef<str>>(
    items: &[S],
    units: &[(String, String)],
) -> Result<Vec<Column>, WhatError> {
    let mut found = Vec::new();
    let mut used = BTreeSet::new();
    for item in items {
        let item = item.as_ref().trim();
        // It is the first column of each series.
        if item == "output" {
            continue;
        }
        found.extend(Item { text: item, units }.read(&mut used)?);
        if found.len() > MOST_COLUMNS {
            return Err(WhatError::Count(found.len()));
        }
    }
    if found.is_empty() {
        return Err(WhatError::Count(0));
    }
    let mut labels = BTreeSet::new();
    for column in &found {
        if !labels.insert(column.label()) {
            return Err(WhatError::Twice(column.label()));
        }
    }
    if let Some((name, _)) = units.iter().find(|(name, _)| !used.contains(name)) {
        let message = "a unit is given for it, but nothing that is asked for needs one".to_owned();
        return Err(WhatError::Written { item: tame(name), message });
    }
    Ok(found)
}

impl Column {
    /// The name, and the unit in brackets: what stands above the column.
    pub fn label(&self) -> String {
        match &self.unit {
            Some(unit) => format!("{} [{unit}]", self.name),
            None => self.name.clone(),
        }
    }

    /// Whether its numbers are integers in every file.
    pub fn counts(&self) -> bool {
        match &self.what {
            What::Fact(Fact::LevelMin | Fact::LevelMax | Fact::Rows(_))
            | What::Chosen
            | What::Stars(Star::Count) => true,
            What::Fact(_) | What::Statistic(_) | What::Stars(_) => false,
        }
    }

    /// Whether it is about rows that are chosen.
    pub fn is_of_rows(&self) -> bool {
        !matches!(self.what, What::Fact(_))
    }
}

/// A name as it was written.
struct Item<'i> {
    text: &'i str,
    units: &'i [(String, String)],
}

impl Item<'_> {
    fn read(&self, used: &mut BTreeSet<String>) -> Result<Vec<Column>, WhatError> {
        let (name, unit) = self.split()?;
        let (table, bare) = match name.split_once('.') {
            // A percentile has a point, too.
            Some((first, rest)) if !names::is_percentile(first) => {
                let table = TableKind::of_name(first).ok_or_else(|| self.no_table(first))?;
                (Some(table), rest)
            }
            _ => (None, name),
        };
        let mut given = |name: &str| {
            let pair = self.units.iter().find(|(known, _)| known == name)?;
            used.insert(pair.0.clone());
            Some(pair.1.clone())
        };
        // Looked at in both places, so that each unit that has a use counts as used.
        let of_item = given(bare);
        let unit = unit.map(str::to_owned).or(of_item);
        let (plain, weight) = match bare.split_once('@') {
            Some((plain, weight)) => (plain, Some(weight)),
            None => (bare, None),
        };
        if let Some(named) = Named::of(plain) {
            let name = name.split('@').next().unwrap_or(name);
            return self.named(named, (name, weight), table, unit);
        }
        let Some((statistic, rest)) = names::statistic(bare) else {
            return Err(self.unknown(bare, table));
        };
        let (quantity, weight) = match rest.split_once('@') {
            Some((quantity, weight)) => (quantity, Some(weight)),
            None => (rest, None),
        };
        let of_quantity = given(quantity);
        let column = self.statistic(statistic, (quantity, weight), name, table)?;
        self.in_unit(column, unit.or(of_quantity)).map(|column| vec![column])
    }

    /// The name, and the unit in brackets behind it.
    fn split(&self) -> Result<(&str, Option<&str>), WhatError> {
        let text = self.text;
        if text.contains(char::is_control) {
            return Err(self.written("a name has no such letters"));
        }
        let Some((name, rest)) = text.split_once('[') else { return Ok((text, None)) };
        match rest.strip_suffix(']').map(str::trim) {
            Some(unit) if !unit.is_empty() => Ok((name.trim_end(), Some(unit))),
            _ => Err(self.written("a unit stands in brackets at the end: max_rho[nH]")),
        }
    }

    fn written(&self, message: &str) -> WhatError {
        WhatError::Written { item: tame(self.text), message: message.to_owned() }
    }

    fn no_table(&self, table: &str) -> WhatError {
        let known: Vec<_> = TableKind::ALL.iter().map(|kind| kind.name()).collect();
        let known = known.join(", ");
        self.written(&format!("{} is not a table of Mera: {known}", tame(table)))
    }

    fn unknown(&self, bare: &str, table: Option<TableKind>) -> WhatError {
        WhatError::Unknown {
            item: tame(self.text),
            near: meant(bare, table).map_or_else(String::new, |it| format!(" (is it {it}?)")),
            known: names::known().to_owned(),
        }
    }

    /// One of the names that are no statistic of a quantity.
    fn named(
        &self,
        named: Named,
        (name, weight): (&str, Option<&str>),
        table: Option<TableKind>,
        unit: Option<String>,
    ) -> Result<Vec<Column>, WhatError> {
        if weight.is_some() && !matches!(named, Named::Velocity(_)) {
            return Err(self.written("it has no weights of one's own"));
        }
        let of_weight = weight.map_or_else(String::new, |weight| format!("@{weight}"));
        let column = |name: String, table, what| {
            let name = format!("{name}{of_weight}");
            Column { name, unit: None, table, what }
        };
        let name = name.to_owned();
        let hydro = Some(table.unwrap_or(TableKind::Hydro));
        let weight = match weight {
            None => Some("mass"),
            // As Mera calls what has none.
            Some("no") => None,
            Some(weight) => Some(self.weight(weight, table.unwrap_or(TableKind::Hydro))?),
        };
        let mass = |statistic, of: &str| {
            What::Statistic(Reduction {
                statistic,
                of: Ask::new(of),
                weight: weight.filter(|_| statistic == Statistic::Mean).map(Ask::new),
                after: unit.clone(),
                from_corner: statistic == Statistic::Mean,
            })
        };
        let vector = |name: &str, axes: [&str; 3]| -> Vec<Column> {
            let parts = axes.iter().zip(["x", "y", "z"]);
            let part = |(of, axis): (&&str, &str)| {
                let what = mass(Statistic::Mean, of);
                column(format!("{name}_{axis}"), hydro, what)
            };
            parts.map(part).collect()
        };
        let check = |quantity: &str| match &unit {
            Some(unit) => {
                let unit = suits(quantity, unit);
                unit.map_err(|source| WhatError::Unit { item: tame(self.text), source })
            }
            None => Ok(()),
        };
        let found = match named {
            Named::Fact(fact) => {
                if table.is_some() {
                    return Err(self.written("it is of the snapshot, not of a table"));
                }
                let table = match fact {
                    Fact::Rows(table) => Some(table),
                    _ => None,
                };
                let mut column = column(name, table, What::Fact(fact));
                match fact {
                    Fact::Time => {
                        check("age")?;
                        column.unit = Some(unit.unwrap_or_else(|| "Myr".to_owned()));
                    }
                    Fact::BoxLength => {
                        check("x")?;
                        column.unit = unit.filter(|unit| unit != "standard");
                    }
                    _ => self.no_unit(unit.as_deref())?,
                }
                return Ok(vec![column]);
            }
            Named::Count => {
                self.no_unit(unit.as_deref())?;
                return Ok(vec![column(name, hydro, What::Chosen)]);
            }
            Named::Mass => {
                check("mass")?;
                vec![column(name, hydro, mass(Statistic::Sum, "mass"))]
            }
            Named::Center(None) => {
                check("x")?;
                vector(&name, ["x", "y", "z"])
            }
            Named::Velocity(None) => {
                check("vx")?;
                vector(&name, ["vx", "vy", "vz"])
            }
            Named::Center(Some(axis)) => {
                check("x")?;
                vec![column(name, hydro, mass(Statistic::Mean, axis))]
            }
            Named::Velocity(Some(axis)) => {
                check("vx")?;
                vec![column(name, hydro, mass(Statistic::Mean, axis))]
            }
            Named::Stars(star) => return self.stars(star, name, table, unit.as_deref()),
        };
        let unit = unit.filter(|unit| unit != "standard");
        Ok(found.into_iter().map(|column| Column { unit: unit.clone(), ..column }).collect())
    }

    fn stars(
        &self,
        star: Option<Star>,
        name: String,
        table: Option<TableKind>,
        unit: Option<&str>,
    ) -> Result<Vec<Column>, WhatError> {
        if table.is_some_and(|table| table != TableKind::Particles) {
            return Err(self.written("it is told of particles"));
        }
        let table = Some(TableKind::Particles);
        let fixed = match star {
            None | Some(Star::Rate(_) | Star::MeanRate) => Some(RATE),
            Some(Star::Mass) => Some("Msol"),
            Some(Star::Oldest) => Some("Myr"),
            Some(Star::Count) => None,
        };
        if let Some(unit) = unit
            && Some(unit) != fixed
        {
            let fixed = fixed.unwrap_or("numbers");
            return Err(self.written(&format!("it is in {fixed}, as Mera's sfr_snapshot tells it")));
        }
        let column = |name: String, star| Column {
            name,
            unit: fixed.map(str::to_owned),
            table,
            what: What::Stars(star),
        };
        Ok(match star {
            Some(star) => vec![column(name, star)],
            None => WINDOWS
                .iter()
                .map(|&window| column(format!("{name}_{window}"), Star::Rate(window)))
                .collect(),
        })
    }

    /// A weight as Mera spells it.
    fn weight<'w>(&self, weight: &'w str, table: TableKind) -> Result<&'w str, WhatError> {
        if !is_usual(table, spelled(weight)) && !names::is_plain(weight) {
            return Err(self.written(&format!("{} is not a weight", tame(weight))));
        }
        Ok(spelled(weight))
    }

    fn no_unit(&self, unit: Option<&str>) -> Result<(), WhatError> {
        match unit {
            Some(_) => Err(self.written("it has no unit")),
            None => Ok(()),
        }
    }

    fn statistic(
        &self,
        statistic: Statistic,
        (quantity, weight): (&str, Option<&str>),
        name: &str,
        table: Option<TableKind>,
    ) -> Result<Column, WhatError> {
        let near = |what: &str| {
            let bare = name.rsplit('.').next().unwrap_or(name);
            if what.is_empty() {
                let message = format!("a quantity is missing: {STATISTICS}_rho");
                return self.written(&message);
            }
            self.unknown(bare, table)
        };
        // Some units are names of a quantity in that unit.
        let (of, own_unit) = match quantity {
            "nH" => ("rho", Some("nH")),
            quantity => (spelled(quantity), None),
        };
        if of.is_empty() || weight == Some("") {
            return Err(near(""));
        }
        // A column of one's own may have any name: whoever names its table knows it.
        let table = match table {
            Some(table) => table,
            None => default_table(of, weight.map(spelled)).ok_or_else(|| near(of))?,
        };
        if let Some(weight) = weight {
            if matches!(statistic, Statistic::Min | Statistic::Max) {
                return Err(self.written("the smallest and the largest have no weights"));
            }
            self.weight(weight, table)?;
        }
        let reduction = Reduction {
            statistic,
            of: Ask { name: of.to_owned(), unit: own_unit.map(str::to_owned) },
            weight: weight.map(|weight| Ask::new(spelled(weight))),
            after: None,
            from_corner: false,
        };
        let unit = own_unit.map(str::to_owned);
        Ok(Column {
            name: name.to_owned(),
            unit,
            table: Some(table),
            what: What::Statistic(reduction),
        })
    }

    /// Gives a statistic's numbers a unit, if it has one.
    fn in_unit(&self, mut column: Column, unit: Option<String>) -> Result<Column, WhatError> {
        let (Some(unit), What::Statistic(reduction)) = (unit, &mut column.what) else {
            return Ok(column);
        };
        if matches!(reduction.statistic, Statistic::Skewness | Statistic::Kurtosis) {
            return Err(self.written("it has no unit"));
        }
        if reduction.of.unit.as_ref().is_some_and(|own| *own != unit) {
            return Err(self.written("it is in a unit already"));
        }
        suits(&reduction.of.name, &unit)
            .map_err(|source| WhatError::Unit { item: tame(self.text), source })?;
        if unit != "standard" {
            reduction.of.unit = Some(unit.clone());
            column.unit = Some(unit);
        }
        Ok(column)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(items: &[&str]) -> Result<Vec<Column>, String> {
        columns(items, &[]).map_err(|error| error.to_string())
    }

    fn labels(items: &[&str]) -> Vec<String> {
        read(items).unwrap().iter().map(Column::label).collect()
    }

    #[test]
    fn what_the_documents_list_is_read() {
        let items = ["time", "redshift", "msum", "max_rho", "mean_nH", "sfr"];
        assert_eq!(
            labels(&items),
            [
                "time [Myr]",
                "redshift",
                "msum",
                "max_rho",
                "mean_nH [nH]",
                "sfr_5 [Msol/yr]",
                "sfr_10 [Msol/yr]",
                "sfr_100 [Msol/yr]"
            ]
        );
        let more = ["time [Gyr]", "msum[Msol]", "p99.9_T[K]", "particles.mean_age@mass[Myr]"];
        assert_eq!(
            labels(&more),
            ["time [Gyr]", "msum [Msol]", "p99.9_T [K]", "particles.mean_age@mass [Myr]"]
        );
        assert_eq!(labels(&["center_of_mass[kpc]"]).len(), 3);
        assert_eq!(labels(&["clumps.center_of_mass_y[kpc]"]), ["clumps.center_of_mass_y [kpc]"]);
        let volume = labels(&["hydro.bulk_velocity@volume[km_s]"]);
        assert_eq!(volume[2], "hydro.bulk_velocity_z@volume [km_s]");
        assert_eq!(labels(&["bulk_velocity_x@no"]), ["bulk_velocity_x@no"]);
        let table = |item: &str| read(&[item]).unwrap().first().unwrap().table;
        assert_eq!(table("max_rho"), Some(TableKind::Hydro));
        assert_eq!(table("max_vx"), Some(TableKind::Hydro), "as Mera's own default");
        assert_eq!(table("mean_age"), Some(TableKind::Particles));
        assert_eq!(table("max_a_magnitude"), Some(TableKind::Gravity));
        assert_eq!(table("sum_mass_cl"), Some(TableKind::Clumps));
        assert_eq!(table("hydro.max_my_own_column"), Some(TableKind::Hydro));
        assert_eq!(table("max_vphi_cylinder"), Some(TableKind::Hydro));
    }

    #[test]
    fn what_is_wrong_is_told_with_what_is_near() {
        let wrong = |item: &str| read(&[item]).unwrap_err();
        assert!(wrong("max_rhoo").contains("(is it max_rho?)"), "{}", wrong("max_rhoo"));
        assert!(wrong("tiem").contains("(is it time?)"), "{}", wrong("tiem"));
        assert!(wrong("maximum_rho").contains("(is it max_rho?)"), "{}", wrong("maximum_rho"));
        assert!(wrong("rho").contains("(is it max_rho?)"), "{}", wrong("rho"));
        assert!(wrong("fluid.max_rho").contains("fluid is not a table of Mera"));
        assert!(wrong("max_rho[Myr]").contains("rho is a density, and Myr measures a time"));
        assert!(wrong("max_rho[nHH]").contains("not a unit that Mera has (is it nH?)"));
        assert!(wrong("max_rho[nH").contains("in brackets at the end"));
        assert!(wrong("max_rho@mass").contains("no weights"));
        assert!(wrong("levelmax[kpc]").contains("no unit"));
        assert!(wrong("msum@volume").contains("no weights"));
        assert!(wrong("bulk_velocity@").contains("is not a weight"));
        assert!(wrong("hydro.sfr").contains("told of particles"));
        assert!(wrong("sfr[Msol]").contains("Msol/yr"));
        assert!(wrong("max_").contains("a quantity is missing"), "{}", wrong("max_"));
        assert!(wrong("p101_rho").contains("is not something"), "{}", wrong("p101_rho"));
        assert!(wrong("time[kpc]").contains("age is a time"), "{}", wrong("time[kpc]"));
        assert_eq!(read(&["msum", "time", "msum"]).unwrap_err(), "msum is asked for twice");
        assert!(read(&[]).is_err() && read(&["output"]).is_err());
    }

    #[test]
    fn units_may_be_given_apart() {
        let pair = |name: &str, unit: &str| (name.to_owned(), unit.to_owned());
        let units = [pair("msum", "Msol"), pair("rho", "nH")];
        let found = columns(&["msum", "max_rho", "mean_rho[g_cm3]"], &units).unwrap();
        let labels: Vec<_> = found.iter().map(Column::label).collect();
        assert_eq!(labels, ["msum [Msol]", "max_rho [nH]", "mean_rho [g_cm3]"]);
        let error = columns(&["time"], &units).unwrap_err().to_string();
        assert!(error.starts_with("msum: a unit is given for it"), "{error}");
    }
}

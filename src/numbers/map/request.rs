//! What is to be looked at, as command lines and tasks say it.

use super::phase::phase;
use super::{Direction, Map, MapAsk, PhaseAsk, Reading, map};
use crate::mera::quantity::TableKind;
use crate::mera::region::RegionWish;
use crate::mera::unit::{unit_factor, usual_unit};
use crate::numbers::{
    Ask, MeraFile, MeraGroup, NumbersError, Relation, Selection, parse_condition, short,
};
use serde::{Deserialize, Serialize};
use std::ops::Range;
use std::path::Path;

/// What is shown.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum View {
    /// What is seen along an axis, or what a plane cuts.
    Map(MapAsk),
    /// How two quantities go together.
    Phase(PhaseAsk),
}

/// What is to be looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Request {
    /// The table; the first that there is of hydro, particles, gravity, clumps and rt if nothing is
    /// said.
    pub table: Option<String>,
    /// What is shown. Units that are not said are those in which a quantity is usually told.
    pub view: View,
    /// What must hold in a row.
    pub condition: Option<String>,
    /// The part of the box.
    pub region: RegionWish,
    /// Which rows.
    pub rows: Option<Range<u64>>,
}

/// What was looked at.
#[derive(Debug)]
pub struct Seen {
    /// The table.
    pub table: &'static str,
    /// The map.
    pub map: Map,
    /// The time of the output, in words.
    pub time: String,
}

impl Request {
    /// Whether it can be understood, whatever the file.
    ///
    /// # Errors
    /// If the condition or the table's name is not one.
    pub fn check(&self) -> Result<(), NumbersError> {
        self.selection()?;
        let unknown = self.table.as_deref().filter(|name| TableKind::of_name(name).is_none());
        match unknown {
            None => Ok(()),
            Some(name) => {
                let known = TableKind::ALL.map(TableKind::name).join(", ");
                let name = crate::text::tame(name);
                Err(NumbersError::Map(format!("{name} is not a table of Mera ({known})")))
            }
        }
    }

    fn selection(&self) -> Result<Selection, NumbersError> {
        let condition = self.condition.as_deref().map(parse_condition).transpose()?;
        Ok(Selection {
            condition,
            region: self.region.clone(),
            rows: self.rows.clone(),
            like_mera: false,
        })
    }

    /// Looks at a file.
    ///
    /// # Errors
    /// If the table is not there or empty, what is asked for makes no sense, or data are damaged.
    pub fn look(&self, file: &MeraFile, reading: &Reading<'_>) -> Result<Seen, NumbersError> {
        self.check()?;
        let group = self.group(file)?;
        let (table, time) = (group.kind.name(), told_time(&group));
        let view = self.view.in_usual_units(&group);
        let relation = Relation::of_group(group);
        let selection = self.selection()?;
        let map = match &view {
            View::Map(ask) => map(file, &relation, &selection, ask, reading),
            View::Phase(ask) => phase(file, &relation, &selection, ask, reading),
        }?;
        Ok(Seen { table, map, time })
    }

    fn group<'f>(&self, file: &'f MeraFile) -> Result<MeraGroup<'f>, NumbersError> {
        let none = |what: String| NumbersError::NoNumbers { file: file.name().to_owned(), what };
        let mut found = None;
        if let Some(name) = &self.table {
            let kind = TableKind::of_name(name);
            let group = kind.map(|kind| file.group(kind)).transpose()?.flatten();
            found = Some(group.ok_or_else(|| none(format!("there is no table {name}")))?);
        }
        for kind in TableKind::CHOSEN {
            if found.is_none() {
                found = file.group(kind)?;
            }
        }
        let found = found.ok_or_else(|| file.not_mera())?;
        if found.rows() == 0 {
            return Err(none(format!("the table {} is empty", found.kind.name())));
        }
        Ok(found)
    }
}

impl View {
    /// With the usual units where none is said, as far as the run's own units are known.
    fn in_usual_units(&self, group: &MeraGroup<'_>) -> Self {
        let units = group.info.units();
        let usual = |name: &str| {
            let unit = if name == super::SURFACE_DENSITY { "Msol_pc2" } else { usual_unit(name)? };
            unit_factor(unit, &units).ok().filter(|factor| factor.is_finite())?;
            Some(unit.to_owned())
        };
        let said = |unit: &Option<String>, name: &str| match unit.as_deref() {
            Some("standard") => None,
            Some(unit) => Some(unit.to_owned()),
            None => usual(name),
        };
        match self {
            Self::Map(ask) => Self::Map(MapAsk { unit: said(&ask.unit, &ask.name), ..ask.clone() }),
            Self::Phase(ask) => {
                let weight = ask.weight.as_deref();
                let weight = weight.unwrap_or(super::phase::usual_weight(group.kind));
                let axes = ask.axes.clone().map(|axis| {
                    let unit = said(&axis.unit, &axis.name);
                    Ask { unit, ..axis }
                });
                Self::Phase(PhaseAsk { unit: said(&ask.unit, weight), axes, ..ask.clone() })
            }
        }
    }

    /// What it is called.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Map(MapAsk { slice: Some(_), .. }) => "slice",
            Self::Map(_) => "projection",
            Self::Phase(_) => "phase",
        }
    }

    /// The axis along which one looks.
    pub fn direction(&self) -> Option<Direction> {
        match self {
            Self::Map(ask) => Some(ask.direction),
            Self::Phase(_) => None,
        }
    }
}

fn told_time(group: &MeraGroup<'_>) -> String {
    let clock = group.info.clock();
    let (myr, redshift) = (clock.myr(), clock.redshift());
    let time = if myr.is_finite() { format!("{} Myr", short(myr)) } else { String::new() };
    if clock.is_cosmological() && redshift.is_finite() {
        return format!("{time}  z = {}", short(redshift)).trim().to_owned();
    }
    time
}

impl Seen {
    /// What stands above a picture of it: the file's name, and the time.
    pub fn title(&self, path: &Path) -> String {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        format!("{}  {}", crate::text::tame(&name), self.time).trim().to_owned()
    }
}

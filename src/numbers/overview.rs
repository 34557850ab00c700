//! What a Mera file holds at a glance: time, box, levels, rows, variables.

use super::mera_file::{MeraFile, MeraGroup, RunInfo};
use super::reductions::{has_levels, rows_by_level, weighted};
use super::statistics::{Asked, Statistics, Told};
use super::{Ask, NumbersError, Query, Relation, Selection};
use crate::mera::quantity::TableKind;
use crate::mera::scales::Units;
use crate::mera::unit::unit_factor;
use jld2::{ChunkCache, NumberType, Scan, Table};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A Mera file at a glance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overview {
    /// The file.
    pub path: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// Time in code units.
    pub time: f64,
    /// Time in Myr, as Mera's `gettime` tells it; none where it is not a number.
    pub time_myr: Option<f64>,
    /// Whether the box expands, as Mera decides it.
    pub cosmological: bool,
    /// The redshift, of a box that expands; none where no expansion factor was stored.
    pub redshift: Option<f64>,
    /// The box in kpc.
    pub box_kpc: f64,
    /// What is said of the run, by the first table.
    pub info: RunInfo,
    /// The tables.
    pub tables: Vec<TableOverview>,
}

/// A table at a glance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TableOverview {
    /// `hydro`, `particles` ...
    pub name: &'static str,
    /// Its rows.
    pub rows: u64,
    /// The coarsest level that was read.
    pub lmin: Option<i64>,
    /// The finest level that was read.
    pub lmax: Option<i64>,
    /// The part of the box that was read, in parts of it.
    pub ranges: Vec<f64>,
    /// Whether that is not all of the box.
    pub part: bool,
    /// Rows by level, if the rows were looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub levels: Option<BTreeMap<i64, u64>>,
    /// Mass in solar masses, if the rows were looked at and have mass.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mass_msol: Option<f64>,
    /// Centre of mass in kpc, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub center_of_mass_kpc: Option<[f64; 3]>,
    /// Its columns.
    pub columns: Vec<ColumnOverview>,
}

/// A column at a glance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ColumnOverview {
    /// Its name.
    pub name: String,
    /// The type of its numbers; none where it holds something else.
    #[serde(rename = "type")]
    pub number: Option<&'static str>,
    /// A unit that suits it.
    pub unit: Option<&'static str>,
    /// What numbers in code units are multiplied by to be in that unit.
    pub factor: Option<f64>,
    /// The smallest number in code units, if the rows were looked at.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min: Option<Told>,
    /// The largest, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<Told>,
}

/// The unit that people use for a column.
pub fn usual_unit(table: TableKind, column: &str) -> Option<&'static str> {
    Some(match (table, column) {
        (_, "vx" | "vy" | "vz") => "km_s",
        (TableKind::Hydro, "rho") => "nH",
        (TableKind::Hydro, "p") => "K_cm3",
        (TableKind::Gravity, "epot") => "erg_g",
        (TableKind::Gravity, "ax" | "ay" | "az") => "cm_s2",
        (TableKind::Particles, "x" | "y" | "z") => "kpc",
        (TableKind::Particles, "mass") | (TableKind::Clumps, "mass_cl") => "Msol",
        (TableKind::Particles, "birth") => "Myr",
        (TableKind::Clumps, "peak_x" | "peak_y" | "peak_z") => "kpc",
        (TableKind::Clumps, "rho-" | "rho+" | "rho_av") => "nH",
        _ => return None,
    })
}

/// Looks at a Mera file: at headers only, or with `scan` at all rows.
///
/// # Errors
/// If the file has no table of Mera, or is damaged.
pub fn overview(file: &MeraFile, scan: Option<&Arc<ChunkCache>>) -> Result<Overview, NumbersError> {
    let groups = file.groups()?;
    let Some(first) = groups.first() else {
        return Err(file.not_mera());
    };
    let info = first.info.clone();
    let clock = info.clock();
    let cosmological = clock.is_cosmological();
    let kpc = unit_factor("kpc", &info.units())?;
    let boxlen = first.boxlen;
    let mut tables = Vec::new();
    for group in groups {
        tables.push(table(file, group, scan)?);
    }
    Ok(Overview {
        path: file.name().to_owned(),
        bytes: file.file().container().source().len(),
        time: info.time,
        time_myr: Some(clock.myr()).filter(|myr| myr.is_finite()),
        cosmological,
        redshift: cosmological.then(|| clock.redshift()).filter(|z| z.is_finite()),
        box_kpc: boxlen * kpc,
        info,
        tables,
    })
}

fn table(
    file: &MeraFile,
    group: MeraGroup<'_>,
    scan: Option<&Arc<ChunkCache>>,
) -> Result<TableOverview, NumbersError> {
    let kind = group.kind;
    let units = group.info.units();
    let mut columns = Vec::new();
    for name in group.table.iter().flat_map(Table::names) {
        let unit = usual_unit(kind, name);
        let dataset = group.table.as_ref().map(|table| table.column(name)).transpose();
        let dataset = dataset.map_err(NumbersError::of(file.name()))?;
        let number = dataset.and_then(|it| Scan::over(vec![it]).ok()?.number_type(0));
        let factor = unit.map(|unit| unit_factor(unit, &units)).transpose()?;
        let (min, max) = (None, None);
        let number = number.map(NumberType::julia);
        columns.push(ColumnOverview { name: name.to_owned(), number, unit, factor, min, max });
    }
    let whole = [0.0, 1.0, 0.0, 1.0, 0.0, 1.0];
    let part = !group.ranges.is_empty()
        && group.ranges.iter().zip(whole).any(|(range, whole)| (range - whole).abs() > 0.0);
    let mut seen = TableOverview {
        name: kind.name(),
        rows: group.rows(),
        lmin: group.lmin,
        lmax: group.lmax,
        ranges: group.ranges.clone(),
        part,
        levels: None,
        mass_msol: None,
        center_of_mass_kpc: None,
        columns,
    };
    if let Some(cache) = scan.filter(|_| group.table.is_some()) {
        let relation = Relation::of_group(group);
        look_at_rows(file, &relation, &units, cache, &mut seen)?;
    }
    Ok(seen)
}

fn look_at_rows(
    file: &MeraFile,
    relation: &Relation<'_>,
    units: &Units,
    cache: &Arc<ChunkCache>,
    seen: &mut TableOverview,
) -> Result<(), NumbersError> {
    let all = Selection::default();
    let query = |names: &[&str]| {
        let wanted: Vec<_> = names.iter().copied().map(Ask::new).collect();
        let query = Query::new(file.name(), relation, &wanted, &all)?;
        Ok::<_, NumbersError>(query.with_cache(Arc::clone(cache)))
    };
    let asked = Asked { percentiles: Vec::new(), intervals: 0, spacing: None };
    for column in &mut seen.columns {
        if column.number.is_none() {
            continue;
        }
        let found = Statistics::of(&query(&[&column.name])?, &asked)?;
        (column.min, column.max) = (found.min, found.max);
    }
    if has_levels(relation) {
        seen.levels = rows_by_level(&query(&["level"])?)?;
    }
    // Not each table has mass, and not each table with mass has places.
    let mut mass = None;
    if let Some(placed) = unless_usage(query(&["mass", "x", "y", "z"]))? {
        let (sums, whole) = weighted(&placed)?;
        let kpc = unit_factor("kpc", units)?;
        let center: [f64; 3] = sums.map(|sum| sum / whole * kpc);
        seen.center_of_mass_kpc = Some(center).filter(|at| at.iter().all(|x| x.is_finite()));
        mass = Some(whole);
    } else if let Some(alone) = unless_usage(query(&["mass"]))? {
        let ([], whole) = weighted(&alone)?;
        mass = Some(whole);
    }
    let msol = unit_factor("Msol", units)?;
    seen.mass_msol = mass.map(|mass| mass * msol);
    Ok(())
}

/// None where a table does not have what was asked of it.
fn unless_usage<T>(result: Result<T, NumbersError>) -> Result<Option<T>, NumbersError> {
    match result {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.is_usage() => Ok(None),
        Err(error) => Err(error),
    }
}

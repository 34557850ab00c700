//! Reads tables: columns and quantities of the rows that are chosen, and what Mera files say of a run.

use crate::errors::{Fail, wrong};
use crate::file::{File, Opened, table};
use crate::hyperslab::reserve;
use crate::layout::Layout;
use crate::signals::Now;
use jld2::{NumberType, Table};
use jldconv::mera::quantity::TableKind;
use jldconv::mera::region::{Center, RegionWish};
use jldconv::numbers::{
    Ask, Asked, MeraFile, MeraGroup, NumbersError, Query, Relation, Selection, Spacing, Statistics,
    USUAL_PERCENTILES, Values, bulk_velocity, center_of_mass, levels, overview, parse_condition,
    total_mass,
};
use numpy::PyArray1;
use pyo3::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which table: the path of a dataset and the field that it is in, or without a field the name of one
/// of Mera's tables.
#[derive(FromPyObject)]
pub(crate) struct Which(String, Option<String>, bool);

/// Which rows: a condition, first and last along x, y, z, a centre (`None` along an axis: the middle of
/// the box), the unit of both, and first and last row.
#[derive(FromPyObject)]
pub(crate) struct Chosen(
    Option<String>,
    [[Option<f64>; 2]; 3],
    Option<[Option<f64>; 3]>,
    Option<String>,
    Option<(u64, u64)>,
);

impl Which {
    /// Does `work` with the table.
    fn with<T>(
        &self,
        file: &MeraFile,
        work: impl FnOnce(&Relation<'_>) -> Result<T, Fail>,
    ) -> Result<T, Fail> {
        let Self(path, field, of_mera) = self;
        if *of_mera {
            let kind = TableKind::of_name(path);
            let group = kind.map(|kind| file.group(kind)).transpose()?.flatten();
            let group = group.ok_or_else(|| jld2::Error::not_found(format!("table {path}")))?;
            return work(&Relation::of_group(group));
        }
        let table = table(&file.file().dataset(path)?, field.as_deref())?;
        work(&Relation::of_table(table.path().to_owned(), table))
    }
}

impl Chosen {
    fn selection(self) -> Result<Selection, Fail> {
        let Self(condition, ranges, center, unit, rows) = self;
        let condition = condition.as_deref().map(parse_condition).transpose();
        let center = center.map(|center| center.map(|at| at.map_or(Center::Middle, Center::At)));
        Ok(Selection {
            condition: condition.map_err(NumbersError::from)?,
            region: RegionWish { ranges, center, unit },
            rows: rows.map(|(first, last)| first..last),
            like_mera: false,
        })
    }
}

/// Does `work` with the chosen rows of a table, without the interpreter.
fn with_rows<T: Send>(
    py: Python<'_>,
    file: &File,
    which: &Which,
    chosen: Chosen,
    work: impl FnOnce(&Opened, &Relation<'_>, &Selection) -> Result<T, Fail> + Send,
) -> PyResult<T> {
    file.apart(py, |opened| {
        let selection = chosen.selection()?;
        which.with(&opened.mera, |relation| work(opened, relation, &selection))
    })
}

/// As NumPy writes it.
fn code(number: NumberType) -> &'static str {
    match number {
        NumberType::Int8 => "<i1",
        NumberType::Int16 => "<i2",
        NumberType::Int32 => "<i4",
        NumberType::Int64 => "<i8",
        NumberType::UInt8 => "<u1",
        NumberType::UInt16 => "<u2",
        NumberType::UInt32 => "<u4",
        NumberType::UInt64 => "<u8",
        NumberType::Bool => "?",
        NumberType::Float16 => "<f2",
        NumberType::Float32 => "<f4",
        NumberType::Float64 => "<f8",
    }
}

/// A column as NumPy has it: dtype and bytes.
type Column<'py> = (&'static str, Bound<'py, PyArray1<u8>>);

/// The bytes of what a query gives, one after another, with the type of each.
fn collect(query: &Query<'_>, rows: Option<u64>) -> Result<Vec<(&'static str, Vec<u8>)>, Fail> {
    let types = query.number_types();
    let mut out = Vec::with_capacity(types.len());
    for number in types {
        let mut bytes = Vec::new();
        // How many rows a condition leaves shows only when they are read.
        reserve(&mut bytes, rows.unwrap_or(0).saturating_mul(number.size() as u64))?;
        out.push((number, bytes));
    }
    let (mut now, mut raised) = (Now::new(), None);
    let read = query.run(|batch| {
        if let Err(error) = now.check() {
            raised = Some(error);
            return Err(NumbersError::Inner(jld2::Error::cancelled()));
        }
        for ((_, bytes), values) in out.iter_mut().zip(batch.values()) {
            match values {
                Values::Stored(slice) => append(bytes, slice.bytes())?,
                Values::Computed(floats) => {
                    bytes.try_reserve(size_of_val(*floats)).map_err(|_| no_memory())?;
                    bytes.extend(floats.iter().flat_map(|x| x.to_ne_bytes()));
                }
            }
        }
        Ok(())
    });
    if let Some(error) = raised {
        return Err(Fail::Python(error));
    }
    read?;
    for (number, bytes) in &mut out {
        if *number == NumberType::Bool {
            Layout::Bool.set_bools(bytes);
        }
    }
    Ok(out.into_iter().map(|(number, bytes)| (code(number), bytes)).collect())
}

fn append(bytes: &mut Vec<u8>, more: &[u8]) -> Result<(), NumbersError> {
    bytes.try_reserve(more.len()).map_err(|_| no_memory())?;
    bytes.extend_from_slice(more);
    Ok(())
}

fn no_memory() -> NumbersError {
    NumbersError::Inner(jld2::Error::too_large("the chosen rows", "there is memory"))
}

fn json<T: serde::Serialize>(value: &T) -> Result<String, Fail> {
    serde_json::to_string(value).map_err(|error| Fail::Own("Error", error.to_string()))
}

/// What is read of a table is asked for by name and unit.
type Wanted = Vec<(String, Option<String>)>;

fn asks(wanted: Wanted) -> Vec<Ask> {
    wanted.into_iter().map(|(name, unit)| Ask { name, unit }).collect()
}

/// dtype and bytes of each column or quantity of the chosen rows.
#[pyfunction]
pub(crate) fn query<'py>(
    py: Python<'py>,
    file: &File,
    which: Which,
    wanted: Wanted,
    chosen: Chosen,
) -> PyResult<Vec<Column<'py>>> {
    let read = with_rows(py, file, &which, chosen, |opened, relation, selection| {
        let query = Query::new(opened.mera.name(), relation, &asks(wanted), selection)?;
        let all = selection.condition.is_none() && !selection.has_region();
        let rows = match &selection.rows {
            Some(rows) => rows.end.saturating_sub(rows.start),
            None => relation.rows()?,
        };
        collect(&query.with_cache(Arc::clone(&opened.cache)), all.then_some(rows))
    })?;
    Ok(read.into_iter().map(|(code, bytes)| (code, PyArray1::from_vec(py, bytes))).collect())
}

/// How many rows are chosen.
#[pyfunction]
pub(crate) fn count(py: Python<'_>, file: &File, which: Which, chosen: Chosen) -> PyResult<u64> {
    with_rows(py, file, &which, chosen, |opened, relation, selection| {
        let query = Query::new(opened.mera.name(), relation, &[], selection)?;
        let mut rows = 0;
        query.with_cache(Arc::clone(&opened.cache)).run(|batch| {
            rows += batch.len() as u64;
            Ok(())
        })?;
        Ok(rows)
    })
}

/// What `jldconv stats --json` tells of a column or quantity, as JSON.
#[pyfunction]
#[expect(clippy::too_many_arguments, reason = "each is asked for by name in Python")]
pub(crate) fn statistics(
    py: Python<'_>,
    file: &File,
    which: Which,
    name: String,
    unit: Option<String>,
    chosen: Chosen,
    percentiles: Option<Vec<f64>>,
    bins: usize,
    scale: &str,
) -> PyResult<String> {
    let percentiles = percentiles.unwrap_or_else(|| USUAL_PERCENTILES.to_vec());
    if let Some(odd) = percentiles.iter().find(|p| !(0.0..=100.0).contains(*p)) {
        return Err(wrong(format!("{odd} is not a percentile: they are from 0 to 100")));
    }
    if percentiles.len() > jldconv::numbers::MOST_PERCENTILES || bins > 1000 {
        let most = jldconv::numbers::MOST_PERCENTILES;
        return Err(wrong(format!("at most {most} percentiles and 1000 bins are told at once")));
    }
    let spacing = match scale {
        "auto" => None,
        "linear" => Some(Spacing::Linear),
        "log" => Some(Spacing::Log),
        other => return Err(wrong(format!("{other:?} is not a scale: auto, linear or log"))),
    };
    with_rows(py, file, &which, chosen, |opened, relation, selection| {
        let query = Query::new(opened.mera.name(), relation, &[Ask { name, unit }], selection)?;
        let asked = Asked { percentiles, intervals: bins, spacing };
        json(&Statistics::of(&query.with_cache(Arc::clone(&opened.cache)), &asked)?)
    })
}

/// The mass of the chosen rows.
#[pyfunction]
pub(crate) fn mass(
    py: Python<'_>,
    file: &File,
    which: Which,
    unit: Option<String>,
    chosen: Chosen,
) -> PyResult<f64> {
    with_rows(py, file, &which, chosen, |opened, relation, selection| {
        Ok(total_mass(&opened.mera, relation, selection, unit.as_deref())?)
    })
}

/// The centre of mass of the chosen rows, or with `velocity` how fast it moves.
#[pyfunction]
pub(crate) fn center(
    py: Python<'_>,
    file: &File,
    which: Which,
    unit: Option<String>,
    chosen: Chosen,
    velocity: bool,
) -> PyResult<[f64; 3]> {
    let of = if velocity { bulk_velocity } else { center_of_mass };
    with_rows(py, file, &which, chosen, |opened, relation, selection| {
        Ok(of(&opened.mera, relation, selection, unit.as_deref())?)
    })
}

/// Chosen rows by level; `None` where a table has no levels.
#[pyfunction]
pub(crate) fn by_level(
    py: Python<'_>,
    file: &File,
    which: Which,
    chosen: Chosen,
) -> PyResult<Option<BTreeMap<i64, u64>>> {
    with_rows(py, file, &which, chosen, |opened, relation, selection| {
        Ok(levels(&opened.mera, relation, selection)?)
    })
}

/// Mera's tables in the file: name, column names, rows.
#[pyfunction]
pub(crate) fn mera_tables(
    py: Python<'_>,
    file: &File,
) -> PyResult<Vec<(&'static str, Vec<String>, u64)>> {
    file.apart(py, |opened| {
        let told = opened.mera.groups()?.into_iter().map(|group| {
            let names = group.table.iter().flat_map(Table::names).map(str::to_owned).collect();
            (group.kind.name(), names, group.rows())
        });
        Ok(told.collect())
    })
}

/// What `jldconv info --json` tells, as JSON; with `scan` what is in all rows, too.
#[pyfunction]
pub(crate) fn mera_overview(py: Python<'_>, file: &File, scan: bool) -> PyResult<String> {
    file.apart(py, |opened| json(&overview(&opened.mera, scan.then_some(&opened.cache))?))
}

/// The first of Mera's tables, which tells of the run.
fn first_group(file: &MeraFile) -> Result<MeraGroup<'_>, Fail> {
    let first = file.groups()?.into_iter().next();
    first.ok_or_else(|| jld2::Error::not_found("table of Mera").into())
}

/// The time of the output in a unit, as Mera's `gettime` tells it.
#[pyfunction]
pub(crate) fn mera_time(py: Python<'_>, file: &File, unit: &str) -> PyResult<f64> {
    file.apart(py, |opened| {
        let group = first_group(&opened.mera)?;
        Ok(group.info.clock().time_in(unit).map_err(NumbersError::from)?)
    })
}

/// What numbers in code units are multiplied by to be in a unit.
#[pyfunction]
pub(crate) fn mera_scale(py: Python<'_>, file: &File, unit: &str) -> PyResult<f64> {
    file.apart(py, |opened| {
        let group = first_group(&opened.mera)?;
        let factor = jldconv::mera::unit::unit_factor(unit, &group.info.units());
        Ok(factor.map_err(NumbersError::from)?)
    })
}

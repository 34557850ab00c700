//! What Mera reduces a table to: its mass, centre of mass, bulk velocity and levels.
//!
//! Sums are compensated. Mera's are not defined to the last bit (they depend on how its Julia was
//! compiled), so that the two agree to some 1e-15 of the sum of sizes.

use super::query::Query;
use super::{Ask, MeraFile, NumbersError, Relation, Selection, Sum};
use crate::mera::quantity::TableKind;
use crate::mera::unit::unit_factor;
use std::collections::BTreeMap;

/// The mass of the chosen rows (`msum`): summed in code units, then in `unit`.
///
/// # Errors
/// If the table has no mass, there is no such unit, or data are damaged.
pub fn total_mass(
    file: &MeraFile,
    relation: &Relation<'_>,
    selection: &Selection,
    unit: Option<&str>,
) -> Result<f64, NumbersError> {
    let factor = factor(relation, unit)?;
    let query = Query::new(file.name(), relation, &[Ask::new("mass")], selection)?;
    let ([], mass) = weighted(&query)?;
    Ok(mass * factor)
}

/// The centre of mass of the chosen rows (`center_of_mass`), from the box's corner, in `unit`.
///
/// # Errors
/// As [`total_mass`].
pub fn center_of_mass(
    file: &MeraFile,
    relation: &Relation<'_>,
    selection: &Selection,
    unit: Option<&str>,
) -> Result<[f64; 3], NumbersError> {
    mass_weighted(file, relation, selection, ["x", "y", "z"], unit)
}

/// The mean velocity of the chosen rows, weighted with mass (`bulk_velocity`), in `unit`.
///
/// # Errors
/// As [`total_mass`], and if there are no velocities.
pub fn bulk_velocity(
    file: &MeraFile,
    relation: &Relation<'_>,
    selection: &Selection,
    unit: Option<&str>,
) -> Result<[f64; 3], NumbersError> {
    mass_weighted(file, relation, selection, ["vx", "vy", "vz"], unit)
}

fn mass_weighted(
    file: &MeraFile,
    relation: &Relation<'_>,
    selection: &Selection,
    names: [&str; 3],
    unit: Option<&str>,
) -> Result<[f64; 3], NumbersError> {
    let factor = factor(relation, unit)?;
    // From the corner, wherever a region is counted from: its rows are found with its own centre.
    let [x, y, z] = names.map(Ask::new);
    let query = Query::from_corner(file.name(), relation, &[Ask::new("mass"), x, y, z], selection)?;
    let (sums, mass) = weighted(&query)?;
    Ok(sums.map(|sum| sum / mass * factor))
}

fn factor(relation: &Relation<'_>, unit: Option<&str>) -> Result<f64, NumbersError> {
    let Some(group) = relation.group() else {
        let what = format!("masses: {} is not a table of Mera", relation.name);
        return Err(NumbersError::NotMera(what));
    };
    Ok(unit_factor(unit.unwrap_or("standard"), &group.info.units())?)
}

/// The sums of what follows the mass, times the mass, and of the mass.
pub(super) fn weighted<const N: usize>(query: &Query<'_>) -> Result<([f64; N], f64), NumbersError> {
    let mut mass = Sum::default();
    let mut sums = [Sum::default(); N];
    let (mut weights, mut values) = (Vec::new(), Vec::new());
    query.run(|batch| {
        let Some((first, others)) = batch.values().split_first() else { return Ok(()) };
        first.floats_into(&mut weights);
        mass.extend(weights.iter().copied());
        for (sum, other) in sums.iter_mut().zip(others) {
            other.floats_into(&mut values);
            sum.extend(values.iter().zip(&weights).map(|(value, weight)| value * weight));
        }
        Ok(())
    })?;
    Ok((sums.map(Sum::value), mass.value()))
}

/// How many of the chosen rows are at each level; none where the table has no levels.
///
/// # Errors
/// If data are damaged.
pub fn levels(
    file: &MeraFile,
    relation: &Relation<'_>,
    selection: &Selection,
) -> Result<Option<BTreeMap<i64, u64>>, NumbersError> {
    if !has_levels(relation) {
        return Ok(None);
    }
    rows_by_level(&Query::new(file.name(), relation, &[Ask::new("level")], selection)?)
}

/// Whether the column `level` of a table says where its rows are.
pub(super) fn has_levels(relation: &Relation<'_>) -> bool {
    relation.group().is_some_and(|group| group.kind != TableKind::Clumps)
        && relation.names().iter().any(|name| name == "level")
}

/// How many rows there are of each level that a query gives; none if these cannot be levels.
pub(super) fn rows_by_level(query: &Query<'_>) -> Result<Option<BTreeMap<i64, u64>>, NumbersError> {
    let mut found = BTreeMap::new();
    let mut values = Vec::new();
    let mut many = false;
    query.run(|batch| {
        for column in batch.values() {
            column.floats_into(&mut values);
            for level in &values {
                #[expect(clippy::cast_possible_truncation, reason = "levels are small")]
                let level = *level as i64;
                // A column of anything else would make a list as long as itself.
                if found.len() < MOST_LEVELS || found.contains_key(&level) {
                    *found.entry(level).or_insert(0) += 1;
                } else {
                    many = true;
                }
            }
        }
        Ok(())
    })?;
    Ok((!many).then_some(found))
}

/// Levels that are told apart: there are no more than bits in a coordinate.
const MOST_LEVELS: usize = 64;

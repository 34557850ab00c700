//! Answers a question for one file: one row of a series.

use super::answers::{Answers, Row};
use super::cell::Cell;
use super::question::Question;
use super::table::{Reader, Wanted, answer};
use super::what::{Fact, What};
use crate::mera::quantity::TableKind;
use crate::mera::unit::unit_factor;
use crate::numbers::{MeraFile, MeraGroup, NumbersError, Relation};

/// Answers `question` for a file, with so many threads that decode; `watch` hears of rows that were gone
/// through, and its error ends it. What the file does not have is a missing cell, not an error.
///
/// # Errors
/// If the file has no table of Mera, or is damaged.
pub fn row(
    file: &MeraFile,
    question: &Question,
    threads: usize,
    watch: &dyn Fn(u64) -> Result<(), NumbersError>,
) -> Result<Row, NumbersError> {
    let mut groups = file.groups()?;
    if groups.is_empty() {
        return Err(file.not_mera());
    }
    let columns = &question.columns;
    let mut answers = Answers::new(columns.len());
    for (place, column) in columns.iter().enumerate() {
        if let What::Fact(fact) = column.what {
            match self::fact(fact, &groups, column.unit.as_deref(), question.selection.like_mera)? {
                Ok(cell) => answers.put(place, cell),
                Err(why) => answers.missing(place, &why),
            }
        }
    }
    let reader = Reader { file, question, threads, watch };
    for kind in TableKind::ALL {
        let wanted: Wanted<'_> = columns
            .iter()
            .enumerate()
            .filter(|(_, column)| column.is_of_rows() && column.table == Some(kind))
            .collect();
        if wanted.is_empty() {
            continue;
        }
        let group = groups.iter().position(|group| group.kind == kind);
        let group = group.map(|i| groups.swap_remove(i));
        let why = match &group {
            None => Some(format!("there is no table {}", kind.name())),
            Some(group) if group.table.is_none() => Some(format!("{} has no rows", kind.name())),
            Some(_) => None,
        };
        match (why, group) {
            (None, Some(group)) => {
                answer(reader, &Relation::of_group(group), wanted, &mut answers)?;
            }
            (why, _) => {
                for (place, _) in wanted {
                    answers.missing(place, why.as_deref().unwrap_or_default());
                }
            }
        }
    }
    Ok(answers.row())
}

/// What stands beside the rows, or why it does not.
fn fact(
    fact: Fact,
    groups: &[MeraGroup<'_>],
    unit: Option<&str>,
    like_mera: bool,
) -> Result<Result<Cell, String>, NumbersError> {
    // All tables of a file are of one output.
    let Some(first) = groups.first() else { return Ok(Err(String::new())) };
    let (info, clock) = (&first.info, first.info.clock());
    let expands = if like_mera { clock.is_cosmological() } else { clock.expands() };
    let still = || Err("the box does not expand".to_owned());
    Ok(match fact {
        Fact::Time => {
            let unit = unit.unwrap_or("Myr");
            let time = if like_mera { clock.time_in(unit) } else { clock.true_time_in(unit) };
            Ok(Cell::Float(time?))
        }
        Fact::Redshift if expands || like_mera => Ok(Cell::Float(clock.redshift())),
        Fact::Aexp if expands || like_mera => Ok(Cell::Float(info.aexp)),
        Fact::Redshift | Fact::Aexp => still(),
        Fact::BoxLength => {
            let factor = unit_factor(unit.unwrap_or("standard"), &info.units())?;
            Ok(Cell::Float(first.boxlen * factor))
        }
        Fact::LevelMin => Ok(Cell::Integer(info.levelmin)),
        Fact::LevelMax => Ok(Cell::Integer(info.levelmax)),
        Fact::Rows(kind) => match groups.iter().find(|group| group.kind == kind) {
            Some(group) => Ok(Cell::count(group.rows())),
            None => Err(format!("there is no table {}", kind.name())),
        },
    })
}

//! Tells what the rules of a target make of the types of a file, whatever values there are.

use super::error::PlanError;
use super::fate::Outcome;
use super::groups::groups;
use super::survey::Survey;
use super::target::Target;
use crate::h5::File;
use crate::julia::{JuliaType, TypeTable};

/// What becomes of values of one stored type.
#[derive(Debug, Clone)]
pub struct Becoming {
    /// The stored type.
    pub from: JuliaType,
    /// The type afterwards.
    pub to: JuliaType,
    /// The names of its fields afterwards, in order.
    pub fields: Vec<String>,
}

/// What the rules of `target` make of each type of `file` that they change, but for values that give way to
/// others and arrays that are turned.
///
/// # Errors
/// The file cannot be read, or a rule cannot be carried out.
pub fn becoming(file: &File, target: &Target) -> Result<Vec<Becoming>, PlanError> {
    let (for_file, _) = target.for_file(file.superblock().text.as_ref());
    let types = TypeTable::new(file);
    let survey = Survey::run(&types, &for_file)?;
    let mut out = Vec::new();
    for group in groups(&types, &for_file, &survey, false)?.into_values() {
        let fates = group.fate.iter().chain(group.ruled.iter().map(|(_, fate)| fate));
        let Some(Outcome::Retyped(to)) = fates.map(|fate| &fate.outcome).next() else { continue };
        let from = group.committed.julia_type.clone();
        out.push(Becoming {
            to: to.to.of(from.params().to_vec()),
            from,
            fields: to.fields.iter().map(|(name, _)| name.clone()).collect(),
        });
    }
    Ok(out)
}

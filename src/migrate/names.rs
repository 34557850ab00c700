//! Renames types that stand somewhere as values, as element types or as parameters, and go by
//! another name afterwards.

use super::fate::Outcome;
use super::groups::Group;
use super::survey::{Survey, TypeValue};
use super::target::Target;
use crate::h5::{RelAddr, Result};
use crate::julia::{JuliaType, TypeTable};
use std::collections::BTreeMap;

/// A stored type under its new name.
pub(super) struct NewName {
    pub(super) value: TypeValue,
    /// Full name without parameters.
    pub(super) name: String,
    /// The rule that says so.
    pub(super) rule: String,
}

/// The stored types whose name rules change.
///
/// Such a value tells a name and parameters, but no fields. If the file has a committed type of that
/// name, both go by the same name afterwards; else those rules count that ask for no fields.
pub(super) fn new_names(
    types: &TypeTable<'_>,
    target: &Target,
    survey: &Survey,
    groups: &BTreeMap<RelAddr, Group<'_>>,
    rewriting: bool,
) -> Result<Vec<NewName>> {
    let mut committed = BTreeMap::<String, Vec<(JuliaType, RelAddr)>>::new();
    if !survey.type_values.is_empty() {
        for &addr in &survey.committed {
            let t = types.committed(addr)?.julia_type.clone();
            committed.entry(t.name().to_owned()).or_default().push((t, addr));
        }
    }
    let mut out = Vec::new();
    for value in &survey.type_values {
        let bytes = types.file().source().read(value.at, 32, "DataType value")?;
        let t = types.datatype_value(&bytes, value.at)?;
        let known = committed.get(&value.name).map(Vec::as_slice).unwrap_or_default();
        let same: Vec<_> = known.iter().filter(|(other, _)| *other == t).collect();
        let known = if same.is_empty() { known.iter().collect() } else { same };
        let name = if known.is_empty() {
            renamed(target, &t, rewriting)
        } else {
            let new = known.iter().map(|(_, addr)| {
                let fate = groups.get(addr)?.fate.as_ref()?;
                match &fate.outcome {
                    Outcome::Retyped(to) => Some((to.name.clone(), fate.id())),
                    Outcome::Replaced(_) => None,
                }
            });
            let mut new = new.collect::<Vec<_>>();
            new.dedup();
            // Where types of one name and the same parameters part, a name cannot tell which it is.
            if new.len() == 1 { new.pop().flatten() } else { None }
        };
        if let Some((name, rule)) = name.filter(|(name, _)| *name != value.name) {
            out.push(NewName { value: value.clone(), name, rule });
        }
    }
    Ok(out)
}

/// What a type is called after all rules that ask for nothing but its name and parameters, and the
/// first of these.
fn renamed(target: &Target, t: &JuliaType, rewriting: bool) -> Option<(String, String)> {
    let params: Vec<_> = t.params().iter().map(ToString::to_string).collect();
    let params: Vec<_> = params.iter().map(String::as_str).collect();
    let mut name = t.name().to_owned();
    let mut done: Vec<&str> = Vec::new();
    loop {
        let next = target.rules.iter().find_map(|rule| {
            let to = rule.renames(&name, &params, rewriting)?;
            (!done.contains(&rule.id.as_str())).then_some((rule, to))
        });
        let Some((rule, to)) = next else { break };
        done.push(&rule.id);
        to.clone_into(&mut name);
    }
    done.first().map(|rule| (name, (*rule).to_owned()))
}

//! Renames types that stand somewhere as values, as element types or as parameters, and go by
//! another name afterwards.

use super::error::PlanError;
use super::fate::{Outcome, after};
use super::groups::Group;
use super::leftover;
use super::rule::Action;
use super::survey::{Survey, TypeValue};
use super::target::Target;
use super::turn::{Turns, called_alone};
use crate::h5::RelAddr;
use crate::julia::{JuliaType, NewName, TypeTable};
use std::collections::BTreeMap;

/// A stored type that is called otherwise.
pub(super) struct Called {
    pub(super) value: TypeValue,
    /// How.
    pub(super) to: NewName,
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
    turns: &Turns<'_>,
    rewriting: bool,
) -> Result<Vec<Called>, PlanError> {
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
        if let Some((to, rule)) = turns.called(types, &t)? {
            if survey.committed.contains(&value.addr) {
                let problem = format!("a type is stored as {t}, which the rule turns");
                return Err(PlanError::unsupported(&value.place, &rule, problem));
            }
            out.push(Called { value: value.clone(), to, rule });
            continue;
        }
        let known = committed.get(&value.name).map(Vec::as_slice).unwrap_or_default();
        let element = t.type_param(0).filter(|_| value.name == "Core.Array");
        let described = match element {
            Some(element) => committed.contains_key(element.name()),
            None => !known.is_empty(),
        };
        if !described
            && !survey.committed.contains(&value.addr)
            && let Some((to, rule)) = called_alone(target, &t, rewriting)
        {
            let refused = |problem| PlanError::unsupported(&value.place, &rule, problem);
            let to = to.map_err(refused)?;
            out.push(Called { value: value.clone(), to, rule });
            continue;
        }
        let same: Vec<_> = known.iter().filter(|(other, _)| *other == t).collect();
        // A leftover tells itself what it was, each another thing.
        let alone = same.is_empty() && leftover::is_leftover(&value.name);
        let known = if same.is_empty() { known.iter().collect() } else { same };
        let to = if known.is_empty() || alone {
            renamed(target, &t, rewriting)
        } else {
            let new = known.iter().map(|(_, addr)| {
                let fate = groups.get(addr)?.fate.as_ref()?;
                match &fate.outcome {
                    Outcome::Retyped(to) => Some((to.to.clone(), fate.id())),
                    Outcome::Replaced(_) => None,
                }
            });
            let mut new = new.collect::<Vec<_>>();
            new.dedup();
            // Where types of one name and the same parameters part, a name cannot tell which it is.
            if new.len() == 1 { new.pop().flatten() } else { None }
        };
        let changes = |to: &NewName| to.name != value.name || to.params.is_some();
        if let Some((to, rule)) = to.filter(|(to, _)| changes(to)) {
            out.push(Called { value: value.clone(), to, rule });
        }
    }
    Ok(out)
}

/// What a type is called after all rules that ask for nothing but its name and parameters, and the
/// first of these.
fn renamed(target: &Target, t: &JuliaType, rewriting: bool) -> Option<(NewName, String)> {
    let mut now = NewName { name: t.name().to_owned(), params: None };
    let mut done: Vec<&str> = Vec::new();
    loop {
        let named = now.of(t.params().to_vec());
        let params: Vec<_> = named.params().iter().map(ToString::to_string).collect();
        let params: Vec<_> = params.iter().map(String::as_str).collect();
        let next = target.rules.iter().find_map(|rule| {
            let to = match &rule.action {
                Action::Unwrap(to) if done.is_empty() && rule.is_for(&now.name, &params) => {
                    leftover::new_name(t, to)
                }
                Action::Unwrap(_) => None,
                _ => rule.renames(&now.name, &params, rewriting),
            };
            to.filter(|_| !done.contains(&rule.id.as_str())).map(|to| (rule, to))
        });
        let Some((rule, to)) = next else { break };
        done.push(&rule.id);
        let params = after(now.params.as_deref(), to.params);
        now = NewName { name: to.name, params };
    }
    done.first().map(|rule| (now, (*rule).to_owned()))
}

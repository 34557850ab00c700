//! Tells what rules make of types, in words: for whoever tries rules.

use super::fate::{Fate, Outcome};
use super::groups::Group;
use super::rule::{FieldSource, Way};
use super::survey::Survey;
use super::turn::Turns;
use crate::h5::{self, RelAddr};
use crate::julia::{Committed, Derived, TypeTable};
use serde::Serialize;
use std::collections::BTreeMap;
use std::rc::Rc;

/// What becomes of the values of one stored type.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Carried {
    /// The ids of the rules that are carried out, in this order.
    pub rules: Vec<String>,
    /// The stored type.
    pub from: String,
    /// The type afterwards, or that of the value that takes its place.
    pub to: String,
    /// What changes of the fields: `old -> new`, `+ added`, `- dropped`, `converted`.
    pub fields: Vec<String>,
    /// Objects of their own that change.
    pub objects: u64,
    /// Whether values inside others change, too.
    pub inside: bool,
    /// The dataset that is, or leads to, the first object.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first: Option<String>,
}

/// What rules make of the types of a file.
pub(super) fn carried(
    types: &TypeTable<'_>,
    groups: &BTreeMap<RelAddr, Group<'_>>,
    turns: &Turns<'_>,
    survey: &Survey,
) -> h5::Result<Vec<Carried>> {
    let mut out = Vec::new();
    // Of structs of arrays without values there is nothing to tell.
    for turned in turns.types.values().filter(|t| t.way() == Way::Columns || t.is_used()) {
        let [from, to] = turned.told(types)?;
        out.push(Carried {
            rules: vec![turned.rule.id.clone()],
            from,
            to,
            fields: Vec::new(),
            objects: turned.objects,
            inside: turned.inside,
            first: turned.first.as_ref().map(ToString::to_string),
        });
    }
    for (addr, group) in groups {
        let mut fates: Vec<(&Rc<Fate<'_>>, u64, Option<String>)> = Vec::new();
        for (instance, fate) in &group.ruled {
            match fates.iter_mut().find(|(known, ..)| known.is_same(fate)) {
                Some((_, count, _)) => *count += 1,
                None => fates.push((fate, 1, Some(instance.place.to_string()))),
            }
        }
        if let Some(whole) = &group.fate
            && !fates.iter().any(|(known, ..)| known.is_same(whole))
        {
            fates.push((whole, 0, None));
        }
        for (fate, objects, first) in fates {
            let whole = group.fate.as_ref().is_some_and(|whole| whole.is_same(fate));
            let c = &group.committed;
            let (to, fields) = match &fate.outcome {
                Outcome::Replaced(value) => (value.julia_type(), Vec::new()),
                Outcome::Retyped(to) => {
                    let t = to.to.of(c.julia_type.params().to_vec());
                    (t.to_string(), fields(c, &to.fields))
                }
            };
            out.push(Carried {
                rules: fate.rules.iter().map(|rule| rule.id.clone()).collect(),
                from: c.julia_type.to_string(),
                to,
                fields,
                objects,
                inside: whole && survey.embedded.contains_key(addr),
                first,
            });
        }
    }
    Ok(out)
}

fn fields(c: &Committed, new: &[(String, FieldSource<'_>)]) -> Vec<String> {
    let mut out = Vec::new();
    let mut kept = Vec::new();
    let old = |field: usize| c.fields.get(field).map_or("", |f| f.name.as_str());
    for (name, source) in new {
        match source {
            FieldSource::Stored(i) => {
                kept.push(*i);
                if old(*i) != name {
                    out.push(format!("{} -> {name}", old(*i)));
                }
            }
            FieldSource::Derived(Derived::Converted { field, to }) => {
                kept.push(*field);
                out.push(format!("{name} as {}", to.name()));
            }
            FieldSource::Derived(Derived::Text { field, symbol }) => {
                kept.push(*field);
                out.push(format!(
                    "{name} as {}",
                    if *symbol { "Core.Symbol" } else { "Core.String" }
                ));
            }
            FieldSource::Derived(Derived::Part { field, .. } | Derived::Element { field, .. }) => {
                kept.push(*field);
                out.push(format!("{name} of {}", old(*field)));
            }
            FieldSource::Constant(value) => out.push(format!("+ {name}::{}", value.julia_type())),
            FieldSource::Derived(_) | FieldSource::Computed(_) => out.push(format!("+ {name}")),
        }
    }
    let gone = (0..c.fields.len()).filter(|i| !kept.contains(i));
    out.extend(gone.map(|i| format!("- {}", old(i))));
    if !kept.is_sorted() {
        let names: Vec<_> = new.iter().map(|(name, _)| name.as_str()).collect();
        out.push(format!("in the order {}", names.join(", ")));
    }
    out
}

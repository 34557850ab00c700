//! Refuses values that rules put into a file where another rule would change them there: what a
//! conversion makes needs no other one.

use super::error::PlanError;
use super::fate::{Fate, Outcome};
use super::groups::Group;
use super::literal::Literal;
use super::objects;
use super::rule::{FieldSource, Member, MemberKind, Rule, Seen};
use super::target::Target;
use crate::h5::RelAddr;
use crate::julia::NumberType;
use std::collections::BTreeMap;
use std::rc::Rc;

/// Holds the values that the rules of `groups` give against the rules of `target`.
///
/// # Errors
/// One of them is of a type that a rule changes.
pub(super) fn check(
    target: &Target,
    groups: &BTreeMap<RelAddr, Group<'_>>,
    rewriting: bool,
) -> Result<(), PlanError> {
    for group in groups.values() {
        let all = group.fate.iter().map(|fate| (None, fate));
        let own = group.ruled.iter().map(|(i, fate)| (Some(&*i.place), fate));
        // Most objects share a fate: it is looked at once.
        let mut last: Option<&Rc<Fate<'_>>> = None;
        for (place, fate) in all.chain(own) {
            if last.is_some_and(|last| Rc::ptr_eq(last, fate)) {
                continue;
            }
            last = Some(fate);
            let values: Vec<_> = match &fate.outcome {
                Outcome::Replaced(value) => vec![*value],
                Outcome::Retyped(to) => {
                    let constants = to.fields.iter().filter_map(|(_, source)| match source {
                        FieldSource::Constant(value) => Some(*value),
                        _ => None,
                    });
                    constants.collect()
                }
            };
            let found = values.into_iter().find_map(|value| changed(target, value, rewriting));
            if let Some((t, rule)) = found {
                let stored = format!("values of {}", group.committed.julia_type);
                return Err(PlanError::unsupported(
                    place.unwrap_or(&stored),
                    &fate.id(),
                    format!(
                        "it gives a value of {t}, which the rule {} would change; give what that \
                         rule makes of it",
                        rule.id
                    ),
                ));
            }
        }
    }
    Ok(())
}

/// The type of a value, or of one inside it, that a rule changes, and the rule.
fn changed<'t>(target: &'t Target, value: &Literal, rewriting: bool) -> Option<(String, &'t Rule)> {
    let t = objects::julia_type(value);
    let parameters: Vec<_> = t.params().iter().map(ToString::to_string).collect();
    let parameters: Vec<_> = parameters.iter().map(String::as_str).collect();
    let fields = value.fields();
    let in_struct = matches!(value, Literal::Struct(_));
    let members: Vec<_> = fields
        .iter()
        .map(|(name, value)| Member {
            name,
            content: in_struct || !value.is_empty(),
            kind: kind(value),
        })
        .collect();
    let seen = Seen {
        type_name: t.name(),
        parameters: &parameters,
        members: &members,
        places: &[],
        rewriting,
    };
    match target.rule_for(&seen) {
        Some(rule) => Some((t.name().to_owned(), rule)),
        None => fields.iter().find_map(|(_, value)| changed(target, value, rewriting)),
    }
}

/// What a field holds that a value stands in.
fn kind(value: &Literal) -> MemberKind {
    let number = |t| MemberKind::Number(t);
    match value {
        Literal::Bool(_) => number(NumberType::Bool),
        Literal::Int8(_) => number(NumberType::Int8),
        Literal::Int16(_) => number(NumberType::Int16),
        Literal::Int32(_) => number(NumberType::Int32),
        Literal::Int64(_) => number(NumberType::Int64),
        Literal::UInt8(_) => number(NumberType::UInt8),
        Literal::UInt16(_) => number(NumberType::UInt16),
        Literal::UInt32(_) => number(NumberType::UInt32),
        Literal::UInt64(_) => number(NumberType::UInt64),
        Literal::Float32(_) => number(NumberType::Float32),
        Literal::Float64(_) => number(NumberType::Float64),
        Literal::String(_) => MemberKind::Text { symbol: false },
        Literal::Symbol(_) => MemberKind::Text { symbol: true },
        value if value.is_empty() || value.is_mutable() => MemberKind::Reference(None),
        _ => MemberKind::Other,
    }
}

//! Tries drafted rules: whether the target takes them, and whether the old file can be converted with them.

use super::changed::Drafted;
use crate::h5::File;
use crate::migrate::rule::FieldError;
use crate::migrate::target::Target;
use crate::migrate::{PlanError, plan, userrules};
use std::collections::BTreeSet;

/// Rules that were tried.
pub(super) struct Tried {
    /// The text of each, and why it cannot stand, if it cannot.
    pub(super) rules: Vec<(String, Option<String>)>,
    /// Why the old file cannot be converted with those that can, where that is of none of them.
    pub(super) problem: Option<String>,
}

/// A rule in the making.
struct Candidate<'d> {
    id: String,
    text: String,
    drafted: &'d Drafted,
    problem: Option<String>,
}

/// Tries rules on the old file.
pub(super) fn tried(old: &File, target: &Target, drafted: &[Drafted]) -> Tried {
    let mut ids = BTreeSet::new();
    let mut rules: Vec<Candidate<'_>> = Vec::with_capacity(drafted.len());
    for drafted in drafted {
        let (text, id) = drafted.named(&mut ids);
        let problem = match drafted.lacks.as_slice() {
            [] => alone(target, &text),
            lacks => Some(format!("it lacks values: {}", lacks.join("; "))),
        };
        rules.push(Candidate { id, text, drafted, problem });
    }
    let mut problem = None;
    // Each time one rule goes.
    while rules.iter().any(|rule| rule.problem.is_none()) {
        let text: Vec<_> = rules.iter().filter(|r| r.problem.is_none()).map(|r| &*r.text).collect();
        let Err(error) = together(old, target, &text.join("\n")) else { break };
        let told = error.to_string();
        let at_fault = match &error {
            PlanError::Unsupported { rule: id, .. } => {
                rules.iter_mut().find(|rule| rule.problem.is_none() && rule.id == *id)
            }
            PlanError::NoValue { source, .. } => {
                let of = type_of(source).to_owned();
                let is = |name: &String| *name == of || of.starts_with(&format!("{name}{{"));
                rules
                    .iter_mut()
                    .find(|rule| rule.problem.is_none() && rule.drafted.types.iter().any(is))
            }
            _ => None,
        };
        let Some(rule) = at_fault else {
            problem = Some(told);
            break;
        };
        let later = "; convert with the others first, and then with this one";
        let later = if rule.drafted.follows { later } else { "" };
        rule.problem = Some(format!("the old file cannot be converted with it: {told}{later}"));
    }
    let rules = rules.into_iter().map(|rule| (rule.text, rule.problem)).collect();
    Tried { rules, problem }
}

/// Why the target refuses a rule, if it does.
fn alone(target: &Target, text: &str) -> Option<String> {
    let parsed = userrules::parse(text, "the draft");
    let error = parsed.and_then(|rules| target.clone().with_rules(rules, "the draft")).err()?;
    let error = error.to_string();
    Some(format!("{} refuses it: {}", target.name, error.lines().last().unwrap_or_default()))
}

/// Whether the old file can be converted with these rules.
fn together(old: &File, target: &Target, text: &str) -> Result<(), PlanError> {
    let internal = |error: crate::migrate::TargetError| PlanError::Internal(error.to_string());
    let rules = userrules::parse(text, "the draft").map_err(internal)?;
    let target = target.clone().with_rules(rules, "the draft").map_err(internal)?;
    plan(old, &target, false).map(|_| ())
}

/// The type of whose fields an error tells.
fn type_of(error: &FieldError) -> &str {
    match error {
        FieldError::NoValue { type_name, .. }
        | FieldError::Twice { type_name, .. }
        | FieldError::Unknown { type_name, .. }
        | FieldError::Unfit { type_name, .. }
        | FieldError::Parameter { type_name, .. } => type_name,
    }
}

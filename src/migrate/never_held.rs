//! Tells which of the user's rules are for types that a file has, but for none of their values, since what
//! `when` asks for does not hold.

use super::groups::Group;
use super::names::Called;
use super::rule::{Member, MemberKind, Rule, Seen};
use super::survey::Survey;
use super::target::Target;
use super::turn::Turns;
use crate::h5::{self, RelAddr};
use crate::julia::{Committed, TypeTable};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// A rule for types that a file has, whose conditions hold for none of their values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NeverHeld {
    /// Its id.
    pub rule: String,
    /// The first of the types.
    pub r#type: String,
    /// What there is instead of what the rule asks for, in words about the type: `has no field a`.
    pub found: String,
}

impl NeverHeld {
    const SAYS: [&str; 2] = ["what the rule ", " asks for holds for nothing in the file: "];

    /// The rule, and what there is instead, of a finding as it is displayed that says this.
    pub fn told(finding: &str) -> Option<(&str, &str)> {
        let [before, behind] = Self::SAYS;
        let (_, rest) = finding.split_once(before)?;
        rest.split_once(behind)
    }
}

impl fmt::Display for NeverHeld {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [before, behind] = Self::SAYS;
        write!(f, "{before}{}{behind}{} {}", self.rule, self.r#type, self.found)
    }
}

/// What is made of a file by rules.
pub(super) struct Made<'m, 'r> {
    pub(super) groups: &'m BTreeMap<RelAddr, Group<'r>>,
    pub(super) turns: &'m Turns<'r>,
    pub(super) names: &'m [Called],
    /// Whether columns are encoded again.
    pub(super) rewriting: bool,
}

/// The user's rules whose conditions hold for nothing.
pub(super) fn never_held(
    types: &TypeTable<'_>,
    target: &Target,
    survey: &Survey,
    made: &Made<'_, '_>,
) -> h5::Result<Vec<NeverHeld>> {
    let mut out = Vec::new();
    let conditional = target.user_rules().filter(|rule| rule.when.asks());
    for rule in conditional.filter(|rule| !made.carried_out(rule)) {
        let mut first = None;
        for &addr in &survey.committed {
            let c = types.committed(addr)?;
            if !rule.concerns(c.julia_type.name()) {
                continue;
            }
            let Some(found) = missed(rule, &c, survey, made.rewriting) else {
                // It holds, and there is nothing to change.
                first = None;
                break;
            };
            first.get_or_insert_with(|| NeverHeld {
                rule: rule.id.clone(),
                r#type: c.julia_type.name().to_owned(),
                found,
            });
        }
        out.extend(first);
    }
    Ok(out)
}

impl Made<'_, '_> {
    fn carried_out(&self, rule: &Rule) -> bool {
        let fates = self.groups.values().flat_map(|group| {
            let own = group.ruled.iter().map(|(_, fate)| fate);
            own.chain(&group.fate)
        });
        fates.flat_map(|fate| &fate.rules).any(|done| done.id == rule.id)
            || self.turns.types.values().any(|turned| turned.rule.id == rule.id)
            || self.names.iter().any(|called| called.rule == rule.id)
    }
}

/// Why a rule is not for values of a type.
fn missed(rule: &Rule, c: &Committed, survey: &Survey, rewriting: bool) -> Option<String> {
    let params: Vec<_> = c.julia_type.params().iter().map(ToString::to_string).collect();
    let params: Vec<_> = params.iter().map(String::as_str).collect();
    let stored = |f: &crate::julia::Field| f.offset.is_some();
    let members: Vec<_> = c
        .fields
        .iter()
        .map(|f| Member { name: &f.name, content: stored(f), kind: MemberKind::Other })
        .collect();
    let places: Vec<_> = if rule.when.at.is_empty() {
        Vec::new()
    } else {
        let own = survey.instances.iter().filter(|instance| instance.datatype == c.addr);
        own.map(|instance| &*instance.place).collect()
    };
    rule.when.missed(&Seen {
        type_name: c.julia_type.name(),
        parameters: &params,
        members: &members,
        places: &places,
        rewriting,
    })
}

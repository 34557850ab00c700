//! Decides what rules make of the values of one stored type: which rules, one after the other, and
//! what the fields come to.

use super::error::PlanError;
use super::literal::Literal;
use super::rule::{Action, FieldError, FieldSource, Member, Rule, Seen};
use super::target::Target;
use crate::julia::Committed;

/// What becomes of values of a stored type.
#[derive(Debug, Clone)]
pub(super) struct Fate<'r> {
    /// The rules that are carried out, in this order; at least one.
    pub(super) rules: Vec<&'r Rule>,
    pub(super) outcome: Outcome<'r>,
}

/// What they come to.
#[derive(Debug, Clone)]
pub(super) enum Outcome<'r> {
    /// Values with these fields, of the type of this name.
    Retyped(Retyped<'r>),
    /// This value stands in their place.
    Replaced(&'r Literal),
}

/// A type's new name and fields.
#[derive(Debug, Clone)]
pub(super) struct Retyped<'r> {
    /// Full name without parameters.
    pub(super) name: String,
    /// Fields in order; [`FieldSource::Stored`] counts the fields of the stored type.
    pub(super) fields: Vec<(String, FieldSource<'r>)>,
}

impl<'r> Fate<'r> {
    /// What becomes of values of the type `c` that are reached from `place`, or stand inside other
    /// values if there is none; `None` if they stay. The rules that fit what the first one makes
    /// follow at once, so that the output needs nothing more.
    ///
    /// # Errors
    /// A field has no value, or the rules never come to an end.
    pub(super) fn of(
        target: &'r Target,
        c: &Committed,
        place: Option<&str>,
        rewriting: bool,
    ) -> Result<Option<Self>, PlanError> {
        let object = || match place {
            Some(place) => place.to_owned(),
            None => format!("values of {}", c.julia_type),
        };
        let params: Vec<_> = c.julia_type.params().iter().map(ToString::to_string).collect();
        let params: Vec<_> = params.iter().map(String::as_str).collect();
        let places = place.as_slice();
        let mut rules: Vec<&'r Rule> = Vec::new();
        let mut now = Retyped {
            name: c.julia_type.name().to_owned(),
            fields: (0..)
                .zip(&c.fields)
                .map(|(i, f)| (f.name.clone(), FieldSource::Stored(i)))
                .collect(),
        };
        loop {
            let content = |source: &FieldSource<'_>| match source {
                FieldSource::Stored(i) => c.fields.get(*i).is_some_and(|f| f.offset.is_some()),
                FieldSource::Constant(_) | FieldSource::Computed(_) => true,
            };
            let members: Vec<_> = now
                .fields
                .iter()
                .map(|(name, source)| Member { name, content: content(source) })
                .collect();
            let seen = Seen {
                type_name: &now.name,
                parameters: &params,
                members: &members,
                places,
                rewriting,
            };
            let Some(rule) = target.rule_for(&seen) else { break };
            if rules.iter().any(|done| done.id == rule.id) {
                return Err(PlanError::Unsupported {
                    object: object(),
                    rule: rule.id.clone(),
                    problem: "it would change again what it has made, and so each time a file is \
                              converted; let `when` tell what is still to be changed from what is \
                              done"
                        .to_owned(),
                });
            }
            rules.push(rule);
            let retype = match &rule.action {
                Action::Replace(value) => {
                    return Ok(Some(Self { rules, outcome: Outcome::Replaced(value) }));
                }
                Action::Retype(retype) => retype,
            };
            let to = retype.to.clone().unwrap_or_else(|| now.name.clone());
            let fields = {
                let plan = retype
                    .plan(&now.name, &members, target.type_def(&to))
                    .map_err(|source| PlanError::NoValue { object: object(), source })?;
                let mut fields = Vec::with_capacity(plan.fields.len());
                for (name, source) in &plan.fields {
                    if fields.iter().any(|(other, _)| other == name) {
                        let source =
                            FieldError::Twice { type_name: to.clone(), field: (*name).to_owned() };
                        return Err(PlanError::NoValue { object: object(), source });
                    }
                    let source = match source {
                        FieldSource::Stored(i) => now.fields.get(*i).map_or(*source, |(_, s)| *s),
                        FieldSource::Constant(_) | FieldSource::Computed(_) => *source,
                    };
                    fields.push(((*name).to_owned(), source));
                }
                fields
            };
            now = Retyped { name: to, fields };
        }
        let outcome = Outcome::Retyped(now);
        Ok((!rules.is_empty()).then_some(Self { rules, outcome }))
    }

    /// Whether the same rules are carried out.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.rules.iter().map(|r| &r.id).eq(other.rules.iter().map(|r| &r.id))
    }

    /// The name that the type has afterwards, if values keep a type.
    pub(super) fn name(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Retyped(to) => Some(&to.name),
            Outcome::Replaced(_) => None,
        }
    }

    /// The rule to name in messages: the first.
    pub(super) fn id(&self) -> String {
        self.rules.first().map_or(String::new(), |rule| rule.id.clone())
    }
}

//! Decides what rules make of the values of one stored type: which rules, one after the other, and
//! what the fields come to.

use super::error::PlanError;
use super::leftover::{self, Leftover};
use super::literal::Literal;
use super::look::Look;
use super::rule::{Action, FieldError, FieldSource, Member, MemberKind, Rule, Seen};
use super::target::Target;
use crate::h5::Class;
use crate::julia::{Committed, Derived, Element, JuliaType, NewName, NewParam, NumberType, Param};

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
    /// Full name without parameters, and parameters if they are others.
    pub(super) to: NewName,
    /// Fields in order; [`FieldSource::Stored`] and [`FieldSource::Derived`] count the fields of the
    /// stored type.
    pub(super) fields: Vec<(String, FieldSource<'r>)>,
}

/// Where values are of which it is asked what becomes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'p> {
    /// The dataset from which they are reached; none if they stand inside others.
    pub(super) place: Option<&'p str>,
    /// Whether columns are encoded again.
    pub(super) rewriting: bool,
}

impl<'r> Fate<'r> {
    /// What becomes of values of the type `c`; `None` if they stay. The rules that fit what the
    /// first one makes follow at once, so that the output needs nothing more.
    ///
    /// # Errors
    /// A field has no value, or the rules never come to an end.
    pub(super) fn of(
        target: &'r Target,
        c: &Committed,
        look: &Look<'_>,
        asked: Asked<'_>,
    ) -> Result<Option<Self>, PlanError> {
        let object = || match asked.place {
            Some(place) => place.to_owned(),
            None => format!("values of {}", c.julia_type),
        };
        let no_value = |source| PlanError::NoValue { object: object(), source };
        let places = asked.place.as_slice();
        let mut rules: Vec<&'r Rule> = Vec::new();
        let mut now = Retyped {
            to: NewName { name: c.julia_type.name().to_owned(), params: None },
            fields: (0..)
                .zip(&c.fields)
                .map(|(i, f)| (f.name.clone(), FieldSource::Stored(i)))
                .collect(),
        };
        loop {
            let named = now.to.of(c.julia_type.params().to_vec());
            let params: Vec<_> = named.params().iter().map(ToString::to_string).collect();
            let params: Vec<_> = params.iter().map(String::as_str).collect();
            let mut members = Vec::with_capacity(now.fields.len());
            for (name, source) in &now.fields {
                members.push(member(target, c, look, name, source)?);
            }
            let seen = Seen {
                type_name: &now.to.name,
                parameters: &params,
                members: &members,
                places,
                rewriting: asked.rewriting,
            };
            let Some(rule) = target.rule_for(&seen) else { break };
            let refuse = |problem: String| PlanError::unsupported(&object(), &rule.id, problem);
            if rules.iter().any(|done| done.id == rule.id) {
                return Err(refuse(
                    "it would change again what it has made, and so each time a file is \
                     converted; let `when` tell what is still to be changed from what is done"
                        .to_owned(),
                ));
            }
            let first = rules.is_empty();
            rules.push(rule);
            let retype = match &rule.action {
                Action::Replace(value) => {
                    return Ok(Some(Self { rules, outcome: Outcome::Replaced(value) }));
                }
                Action::Unwrap(to) => {
                    if !first {
                        return Err(refuse("it is for what another rule has made".to_owned()));
                    }
                    now = unwrapped(c, to, look).map_err(|e| e.or_refused(refuse))?;
                    continue;
                }
                Action::Extract => {
                    now = extracted(target, c, &now, look).map_err(|e| e.or_refused(refuse))?;
                    continue;
                }
                Action::Retype(retype) => retype,
                // Of these it is asked elsewhere: they are for arrays.
                Action::Turn(_) => break,
            };
            let to = rule.new_name(&now.to.name).unwrap_or_else(|| now.to.name.clone());
            let params = retype.edited(&now.to.name, &params).map_err(no_value)?;
            let plan = retype
                .plan(&now.to.name, &members, seen.parameters, target.type_def(&to))
                .map_err(no_value)?;
            let mut fields = Vec::with_capacity(plan.fields.len());
            for (name, source) in &plan.fields {
                if fields.iter().any(|(other, _)| other == name) {
                    let (type_name, field) = (to.clone(), (*name).to_owned());
                    return Err(no_value(FieldError::Twice { type_name, field }));
                }
                let source = of_the_stored(&now, source).ok_or_else(|| {
                    no_value(FieldError::Unfit {
                        type_name: to.clone(),
                        field: (*name).to_owned(),
                        problem: "it follows from what another rule makes; say both in one rule, \
                                  or convert with one and then with the other"
                            .to_owned(),
                    })
                })?;
                fields.push(((*name).to_owned(), source));
            }
            let params = after(now.to.params.as_deref(), params);
            now = Retyped { to: NewName { name: to, params }, fields };
        }
        let outcome = Outcome::Retyped(now);
        Ok((!rules.is_empty()).then_some(Self { rules, outcome }))
    }

    /// Whether the same rules are carried out.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.rules.iter().map(|r| &r.id).eq(other.rules.iter().map(|r| &r.id))
    }

    /// What the type is called afterwards, if values keep a type.
    pub(super) fn name(&self) -> Option<&NewName> {
        match &self.outcome {
            Outcome::Retyped(to) => Some(&to.to),
            Outcome::Replaced(_) => None,
        }
    }

    /// The rule to name in messages: the first.
    pub(super) fn id(&self) -> String {
        self.rules.first().map_or(String::new(), |rule| rule.id.clone())
    }
}

/// Parameters that were edited twice.
pub(super) fn after(
    before: Option<&[NewParam]>,
    new: Option<Vec<NewParam>>,
) -> Option<Vec<NewParam>> {
    match (before, new) {
        (None, new) => new,
        (Some(before), None) => Some(before.to_vec()),
        (Some(before), Some(new)) => {
            let through = |param: NewParam| match param {
                NewParam::Stored(i) => before.get(i).cloned(),
                NewParam::Value(_) => Some(param),
            };
            Some(new.into_iter().filter_map(through).collect())
        }
    }
}

/// What rules are told of a field.
fn member<'m>(
    target: &Target,
    c: &Committed,
    look: &Look<'_>,
    name: &'m str,
    source: &FieldSource<'_>,
) -> Result<Member<'m>, PlanError> {
    let content = |field: usize| c.fields.get(field).is_some_and(|f| f.offset.is_some());
    let (content, kind) = match source {
        FieldSource::Stored(i) => {
            let kind = if target.converts_arrays(c.julia_type.name(), name) {
                kind_of(c, *i, look)?
            } else {
                plain_kind_of(c, *i, look)?
            };
            (content(*i), kind)
        }
        FieldSource::Constant(_) => (true, MemberKind::Other),
        FieldSource::Computed(_) => (true, MemberKind::Number(NumberType::Float64)),
        FieldSource::Derived(derived) => match derived {
            Derived::Converted { field, to } => {
                let array = matches!(plain_kind_of(c, *field, look)?, MemberKind::Reference(_));
                let kind = MemberKind::Number(*to);
                (true, if array { MemberKind::Reference(Some(*to)) } else { kind })
            }
            Derived::Text { symbol, .. } => (true, MemberKind::Text { symbol: *symbol }),
            Derived::Length { .. } => (true, MemberKind::Number(NumberType::Int64)),
            Derived::SplitState { .. } => (true, MemberKind::Number(NumberType::UInt64)),
            Derived::Indices { of, .. } => (true, MemberKind::Reference(Some(*of))),
            Derived::Live { .. } => (true, MemberKind::Reference(Some(NumberType::Bool))),
            Derived::Part { field, part } => {
                let part = c.part(look.types, *field, *part)?;
                (part.is_some_and(|part| part.offset.is_some()), MemberKind::Other)
            }
            Derived::Element { .. } => (true, MemberKind::Other),
        },
    };
    Ok(Member { name, content, kind })
}

/// What a field of the type `c` holds, by its type alone.
fn plain_kind_of(c: &Committed, field: usize, look: &Look<'_>) -> Result<MemberKind, PlanError> {
    let Some(field) = c.fields.get(field) else { return Ok(MemberKind::Other) };
    let Some(datatype) = &field.datatype else { return Ok(MemberKind::Other) };
    let text = matches!(&datatype.class, Class::Vlen { string: true, .. });
    Ok(match (&datatype.class, field.committed) {
        (Class::Reference, None) => MemberKind::Reference(None),
        (_, None) if text => MemberKind::Text { symbol: false },
        (_, None) => NumberType::of(datatype).map_or(MemberKind::Other, MemberKind::Number),
        (_, Some(addr)) if text => {
            let symbol = look.types.committed(addr)?.julia_type.name() == "Core.Symbol";
            if symbol { MemberKind::Text { symbol } } else { MemberKind::Other }
        }
        (_, Some(_)) => MemberKind::Other,
    })
}

/// What a field of the type `c` holds, and if it is a reference, what it leads to.
fn kind_of(c: &Committed, field: usize, look: &Look<'_>) -> Result<MemberKind, PlanError> {
    Ok(match plain_kind_of(c, field, look)? {
        MemberKind::Reference(_) => look.arrays(c, field)?,
        kind => kind,
    })
}

/// A source that counts the fields of the stored type, for one that counts those of `now`.
fn of_the_stored<'r>(now: &Retyped<'r>, source: &FieldSource<'r>) -> Option<FieldSource<'r>> {
    let stored = |i: usize| match now.fields.get(i)?.1 {
        FieldSource::Stored(i) => Some(i),
        _ => None,
    };
    Some(match *source {
        FieldSource::Stored(i) => now.fields.get(i)?.1,
        FieldSource::Derived(derived) => FieldSource::Derived(match derived {
            Derived::Converted { field, to } => Derived::Converted { field: stored(field)?, to },
            Derived::Text { field, symbol } => Derived::Text { field: stored(field)?, symbol },
            Derived::Length { field } => Derived::Length { field: stored(field)? },
            Derived::Indices { field, of } => Derived::Indices { field: stored(field)?, of },
            Derived::Live { slots, keys } => {
                Derived::Live { slots: stored(slots)?, keys: stored(keys)? }
            }
            Derived::SplitState { words: [a, b, c, d] } => {
                Derived::SplitState { words: [stored(a)?, stored(b)?, stored(c)?, stored(d)?] }
            }
            Derived::Part { .. } | Derived::Element { .. } => return None,
        }),
        FieldSource::Constant(_) | FieldSource::Computed(_) => *source,
    })
}

/// Why something cannot be made: the file, or what is wanted.
enum Obstacle {
    File(PlanError),
    Refused(String),
}

impl Obstacle {
    fn or_refused(self, refuse: impl FnOnce(String) -> PlanError) -> PlanError {
        match self {
            Self::File(error) => error,
            Self::Refused(problem) => refuse(problem),
        }
    }
}

impl From<crate::h5::Error> for Obstacle {
    fn from(error: crate::h5::Error) -> Self {
        Self::File(error.into())
    }
}

/// What a leftover was before JLD2 made it up.
fn unwrapped<'r>(c: &Committed, to: &str, look: &Look<'_>) -> Result<Retyped<'r>, Obstacle> {
    let refused = |problem: &str| Obstacle::Refused(problem.to_owned());
    let Some(Leftover { names, .. }) = Leftover::of(&c.julia_type) else {
        return Err(refused("it is not one of the types that JLD2 makes up"));
    };
    let new = leftover::new_name(&c.julia_type, to)
        .ok_or_else(|| refused("the name of the type that it was cannot be read"))?;
    let count = names.len();
    let fields = match c.fields.iter().position(|f| f.name == "fields") {
        Some(field) => {
            let inner = c.fields.get(field).and_then(|f| f.committed);
            let inner = inner.map(|addr| look.types.committed(addr)).transpose()?;
            let mut fields = Vec::with_capacity(count);
            for (index, name) in names.iter().enumerate() {
                let source = match &inner {
                    None => Some(Derived::Element { field, index, count }),
                    Some(inner) => {
                        let number = (index + 1).to_string();
                        let is = |f: &crate::julia::Field| f.name == *name || f.name == number;
                        // A part without content is told by the type of the tuple alone.
                        inner.fields.iter().position(is).map(|part| Derived::Part { field, part })
                    }
                };
                fields.extend(source.map(|source| (name.clone(), FieldSource::Derived(source))));
            }
            fields
        }
        None if count == 0 => Vec::new(),
        None => return Err(refused("it holds no fields")),
    };
    Ok(Retyped { to: new, fields })
}

/// A named tuple of all fields.
fn extracted<'r>(
    target: &Target,
    c: &Committed,
    now: &Retyped<'r>,
    look: &Look<'_>,
) -> Result<Retyped<'r>, Obstacle> {
    if c.written_type.is_some() || (c.datatype.members().is_none() && !c.empty) {
        let problem = format!("{} is not stored as its fields", c.julia_type);
        return Err(Obstacle::Refused(problem));
    }
    let (mut names, mut types, mut fields) = (Vec::new(), Vec::new(), Vec::new());
    for (name, source) in &now.fields {
        let FieldSource::Stored(i) = source else {
            let problem = format!("the field {name} is made by another rule");
            return Err(Obstacle::Refused(problem));
        };
        let Some(field) = c.fields.get(*i) else { continue };
        let t = match (field.committed, &field.datatype) {
            (Some(addr), _) => {
                let t = look.types.committed(addr)?.julia_type.clone();
                // Of a type that changes, too, it is not known here what it is called.
                if target.concerns_in(&t) { JuliaType::any() } else { t }
            }
            (None, Some(d)) if matches!(d.class, Class::Reference) => JuliaType::any(),
            (None, Some(d)) => Element::plain(d.clone()).julia_type(),
            (None, None) => continue,
        };
        names.push(name.clone());
        types.push(Param::Type(t));
        fields.push((name.clone(), *source));
    }
    let tuple = JuliaType::Named { name: "Core.Tuple".to_owned(), params: types };
    let params = vec![NewParam::Value(Param::Symbols(names)), NewParam::Value(Param::Type(tuple))];
    let to = NewName { name: "Core.NamedTuple".to_owned(), params: Some(params) };
    Ok(Retyped { to, fields })
}

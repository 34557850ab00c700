//! Defines rules: how objects of one stored Julia type become what the target reads.
//!
//! A rule is data and knows nothing of files. The engine asks [`Target::rule_for`] for each object
//! what is to become of it, and [`Retype::plan`] where each field of the new object comes from.
//!
//! [`Target::rule_for`]: super::target::Target::rule_for

use super::{
    literal::Literal,
    pattern::{PathPattern, TypePattern},
    typedef::TypeDef,
};
use crate::mera::{constants, scales};
use serde::Deserialize;
use std::collections::BTreeMap;

/// One rule of a target or of a user.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Short name, shown in findings and reports: `mera-scales`.
    pub id: String,
    /// Why the target needs it, as a sentence for a person; may be empty in a user's rule.
    pub why: String,
    /// The stored types that it is for.
    pub from: Vec<TypePattern>,
    /// What else must hold.
    pub when: When,
    /// What becomes of a matching object.
    pub action: Action,
}

/// Conditions beside the type's name. Those that are left empty always hold.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct When {
    /// Members that the stored type has, all of them.
    pub has: Vec<String>,
    /// Members that it lacks, all of them.
    pub lacks: Vec<String>,
    /// The number of its members.
    pub members: Option<usize>,
    /// First type parameters, one of which it has: a leftover of an earlier conversion carries the
    /// name of the type it once was (`JLD2.ReconstructedMutable{:CodecLz4.LZ4FrameCompressor,...}`).
    pub parameter: Vec<TypeParameter>,
    /// Datasets from one of which the object is reached: it is the dataset's own value, or that
    /// value leads to it through references (as `/convertstat` does through its dictionaries).
    pub at: Vec<PathPattern>,
    /// Only if the columns are encoded again, so that the rule would be untrue in patch mode.
    pub rewriting: bool,
}

/// The first type parameter in canonical form, in which `*` stands for any characters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct TypeParameter(TypePattern);

/// What becomes of an object that a rule matches.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Its fields are carried over by name into another layout, or another type.
    Retype(Retype),
    /// It gives way to this value.
    Replace(Literal),
}

/// How an object's fields are carried over.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Retype {
    /// The new type's full name; none keeps the name.
    pub to: Option<String>,
    /// New names of stored fields, by the old ones.
    pub rename: BTreeMap<String, String>,
    /// Stored fields that are left out.
    pub drop: Vec<String>,
    /// Fields with constant values, for objects that lack them.
    pub add: Vec<(String, Literal)>,
    /// Where the values of all other missing fields come from.
    pub fill: Option<Formula>,
}

/// A source of values that are computed by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Deserialize)]
pub enum Formula {
    /// [`scales::scale`], from the units of the [`Formula::OWNER`] that refers to the object.
    #[serde(rename = "mera.scales")]
    MeraScales,
    /// [`constants::constant`], from nothing.
    #[serde(rename = "mera.constants")]
    MeraConstants,
}

/// What is known of an object when its rule is looked for.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The full name of its committed type, without parameters.
    pub type_name: &'a str,
    /// The type's parameters in canonical form.
    pub parameters: &'a [&'a str],
    /// The fields that its committed type tells of, in order.
    pub members: &'a [Member<'a>],
    /// The paths of all datasets from which it is reached.
    pub places: &'a [&'a str],
    /// Whether the columns of this file are encoded again.
    pub rewriting: bool,
}

/// A field of a stored type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Member<'a> {
    /// Its name.
    pub name: &'a str,
    /// Whether it takes bytes; those that do not (`Nothing`, `Missing`, pointers, structs without
    /// fields) are told of by JLD2 from 0.5 on only.
    pub content: bool,
}

impl<'a> Member<'a> {
    /// A field that takes bytes.
    pub fn stored(name: &'a str) -> Self {
        Self { name, content: true }
    }
}

/// Where the fields of a new object come from.
#[derive(Debug, Clone, PartialEq)]
pub struct Plan<'a, 'r> {
    /// Its fields in the order in which they are stored.
    pub fields: Vec<(&'a str, FieldSource<'r>)>,
    /// Stored members that it no longer has.
    pub dropped: Vec<&'a str>,
}

/// Where one field's value comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum FieldSource<'a> {
    /// The member with this index, byte for byte.
    Stored(usize),
    /// A constant.
    Constant(&'a Literal),
    /// A formula, asked for the field's name.
    Computed(Formula),
}

/// Why the fields of a new object cannot be given.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FieldError {
    /// A field of the new type has no value: neither stored, nor added, nor computed.
    #[error("no value for field {field:?} of {type_name}")]
    NoValue {
        /// The new type.
        type_name: String,
        /// The field.
        field: String,
    },
    /// Two fields get one name.
    #[error("two fields of {type_name} would be called {field:?}")]
    Twice {
        /// The type.
        type_name: String,
        /// The field.
        field: String,
    },
    /// A rule gives a field that the target's definition of the type does not have.
    #[error("{type_name} has no field {field:?} in the target, so that no rule can give it one")]
    Unknown {
        /// The type.
        type_name: String,
        /// The field.
        field: String,
    },
}

impl When {
    fn holds(&self, seen: &Seen<'_>) -> bool {
        let has = |name: &String| seen.members.iter().any(|member| member.name == *name);
        let contents = seen.members.iter().filter(|member| member.content);
        self.has.iter().all(has)
            && !self.lacks.iter().any(has)
            && self.members.is_none_or(|count| count == contents.count())
            && (self.parameter.is_empty()
                || seen.parameters.first().is_some_and(|first| {
                    self.parameter.iter().any(|TypeParameter(pattern)| pattern.matches(first))
                }))
            && (self.at.is_empty()
                || self.at.iter().any(|at| seen.places.iter().any(|place| at.matches(place))))
            && (seen.rewriting || !self.rewriting)
    }
}

impl Rule {
    /// Whether the rule is for this object.
    pub fn matches(&self, seen: &Seen<'_>) -> bool {
        self.from.iter().any(|from| from.matches(seen.type_name)) && self.when.holds(seen)
    }

    /// The new name of a type of which only the name and parameters are known; none if the rule
    /// keeps the name, is not for the type, or asks for more than these.
    pub(super) fn renames(
        &self,
        type_name: &str,
        parameters: &[&str],
        rewriting: bool,
    ) -> Option<&str> {
        let When { has, lacks, members, parameter: _, at, rewriting: _ } = &self.when;
        let Action::Retype(Retype { to: Some(to), .. }) = &self.action else { return None };
        let seen = Seen { type_name, parameters, members: &[], places: &[], rewriting };
        let asks_more = !has.is_empty() || !lacks.is_empty() || members.is_some() || !at.is_empty();
        (!asks_more && to != type_name && self.matches(&seen)).then_some(to.as_str())
    }

    /// Whether carrying the rule out would leave the object as it is, so that a file which was
    /// converted before needs nothing.
    pub(super) fn is_idle(&self, seen: &Seen<'_>, target: Option<&TypeDef>) -> bool {
        let Action::Retype(retype) = &self.action else { return false };
        let same_name = retype.to.as_deref().is_none_or(|to| to == seen.type_name);
        same_name
            && retype.plan(seen.type_name, seen.members, target).is_ok_and(|plan| {
                plan.fields.len() == seen.members.len()
                    && plan.fields.iter().zip(seen.members).enumerate().all(
                        |(at, ((name, source), member))| {
                            *name == member.name && *source == FieldSource::Stored(at)
                        },
                    )
            })
    }
}

impl Retype {
    /// Where each field of the new object comes from.
    ///
    /// With a `target` definition of the new type, its fields are the fields: what is stored under
    /// their name (after renaming) stays bit for bit, else they are added or computed, and members
    /// that the target does not know are dropped; so are those that the rule drops by name. Without
    /// a definition, the members keep their order, renamed and dropped as told, and added fields
    /// follow.
    ///
    /// # Errors
    /// A field of the target type has no value, or the rule gives one that the target type lacks.
    /// Fields that JLD2 does not store (pointers) need no value and are left out where the file
    /// does not tell of them.
    pub fn plan<'r: 'a, 'a>(
        &'r self,
        type_name: &str,
        members: &[Member<'a>],
        target: Option<&'a TypeDef>,
    ) -> Result<Plan<'a, 'r>, FieldError> {
        let new_name = || self.to.clone().unwrap_or_else(|| type_name.to_owned());
        let kept: Vec<(usize, &'a str, bool)> = members
            .iter()
            .enumerate()
            .filter(|(_, member)| !self.drops(member.name))
            .map(|(at, member)| {
                let name = self.rename.get(member.name).map_or(member.name, String::as_str);
                (at, name, member.content)
            })
            .collect();
        let stored = |name: &str| {
            kept.iter().find(|(_, kept, _)| *kept == name).map(|(at, ..)| FieldSource::Stored(*at))
        };
        let with_content = |name: &str| {
            let member = kept.iter().find(|(_, kept, content)| *kept == name && *content);
            member.map(|(at, ..)| FieldSource::Stored(*at))
        };
        let added = |name: &str| {
            let constant = self.add.iter().find(|(added, _)| added == name);
            constant.map(|(_, value)| FieldSource::Constant(value))
        };
        let computed =
            |name: &str| self.fill.filter(|fill| fill.provides(name)).map(FieldSource::Computed);

        let mut fields: Vec<(&'a str, FieldSource<'r>)> = Vec::new();
        if let Some(target) = target {
            let unknown = self.given(members).find(|name| !target.has(name));
            if let Some(field) = unknown {
                let (type_name, field) = (new_name(), field.to_owned());
                return Err(FieldError::Unknown { type_name, field });
            }
            for field in &target.fields {
                let name = field.name.as_str();
                let source = if field.is_stored() {
                    with_content(name).or_else(|| added(name)).or_else(|| computed(name))
                } else {
                    stored(name)
                };
                match source {
                    Some(source) => fields.push((name, source)),
                    None if !field.is_stored() || self.drops(name) => {}
                    None => {
                        let (type_name, field) = (new_name(), name.to_owned());
                        return Err(FieldError::NoValue { type_name, field });
                    }
                }
            }
        } else {
            fields.extend(kept.iter().map(|(at, name, _)| (*name, FieldSource::Stored(*at))));
            for (name, value) in &self.add {
                if stored(name).is_none() {
                    fields.push((name, FieldSource::Constant(value)));
                }
            }
        }
        let used = |at| fields.iter().any(|(_, source)| *source == FieldSource::Stored(at));
        let dropped = members.iter().enumerate().filter(|(at, _)| !used(*at)).map(|(_, m)| m.name);
        let dropped = dropped.collect();
        Ok(Plan { fields, dropped })
    }

    fn drops(&self, name: &str) -> bool {
        self.drop.iter().any(|dropped| dropped == name)
    }

    /// Names that the rule gives fields of objects with these members.
    fn given<'a>(&'a self, members: &[Member<'a>]) -> impl Iterator<Item = &'a str> {
        let renamed = members.iter().filter_map(|m| self.rename.get(m.name)).map(String::as_str);
        let renamed: Vec<_> = renamed.collect();
        renamed.into_iter().chain(self.add.iter().map(|(name, _)| name.as_str()))
    }
}

impl Formula {
    /// The type whose fields hold the units that [`Formula::MeraScales`] computes from. It refers
    /// to the scales object through its field `scale`.
    pub const OWNER: &'static str = "Mera.InfoType";

    /// The [`Formula::OWNER`]'s fields of units, all Float64: length, density, time, mass.
    pub const UNIT_FIELDS: [&'static str; 4] = ["unit_l", "unit_d", "unit_t", "unit_m"];

    /// Whether the formula has a value for a field of this name.
    pub fn provides(self, name: &str) -> bool {
        match self {
            Self::MeraScales => scales::is_scale(name),
            Self::MeraConstants => constants::constant(name).is_some(),
        }
    }

    /// Whether [`Formula::value`] needs the units of a simulation.
    pub fn needs_units(self) -> bool {
        self == Self::MeraScales
    }

    /// The Float64 for the field of this name; none if there is no such field, or no units where
    /// they are needed.
    pub fn value(self, name: &str, units: Option<&scales::Units>) -> Option<f64> {
        match self {
            Self::MeraScales => units.and_then(|units| scales::scale(name, units)),
            Self::MeraConstants => constants::constant(name),
        }
    }
}

/// A rule as it is written in TOML.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawRule {
    id: String,
    #[serde(default)]
    why: String,
    from: Vec<TypePattern>,
    #[serde(default)]
    when: When,
    to: Option<String>,
    #[serde(default)]
    rename: BTreeMap<String, String>,
    #[serde(default)]
    drop: Vec<String>,
    #[serde(default)]
    add: Vec<(String, Literal)>,
    fill: Option<Formula>,
    replace: Option<Literal>,
}

impl RawRule {
    /// The rule, or what is wrong with it.
    pub(super) fn check(self) -> Result<Rule, String> {
        let Self { id, why, from, when, to, rename, drop, add, fill, replace } = self;
        let named = |problem: String| format!("rule {id:?}: {problem}");
        if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Err(named("an id is made of letters, digits and hyphens".to_owned()));
        }
        if from.is_empty() {
            return Err(named("it is for no type: `from` is empty".to_owned()));
        }
        let patterns = from.iter().find_map(TypePattern::problem);
        if let Some(problem) = patterns.or_else(|| when.at.iter().find_map(PathPattern::problem)) {
            return Err(named(problem));
        }
        let retype = Retype { to, rename, drop, add, fill };
        let action = match replace {
            Some(_) if retype != Retype::default() => {
                Err("`replace` puts a whole value in the object's place; it stands alone, without \
                 `to`, `rename`, `drop`, `add` and `fill`"
                    .to_owned())
            }
            Some(value) => value.problem().map_or(Ok(Action::Replace(value)), Err),
            None if retype == Retype::default() => {
                Err("it does nothing: give `to`, `rename`, `drop`, `add` or `replace`".to_owned())
            }
            None => retype.problem().map_or(Ok(Action::Retype(retype)), Err),
        }
        .map_err(named)?;
        Ok(Rule { id, why, from, when, action })
    }
}

impl Retype {
    fn problem(&self) -> Option<String> {
        if let Some(to) = &self.to
            && (!to.contains('.') || to.contains(['{', '*', ' ']))
        {
            return Some(format!("{to:?} is not the full name of a type"));
        }
        for (old, new) in &self.rename {
            if self.drop.contains(old) {
                return Some(format!("the field {old:?} is both renamed and dropped"));
            }
            if self.rename.iter().any(|(other, same)| other != old && same == new) {
                return Some(format!("two fields are renamed to {new:?}"));
            }
            if new.is_empty() {
                return Some(format!("the field {old:?} is renamed to nothing"));
            }
        }
        for (at, (name, value)) in self.add.iter().enumerate() {
            if self.add.iter().skip(at + 1).any(|(other, _)| other == name) {
                return Some(format!("the field {name:?} is added twice"));
            }
            if self.rename.values().any(|new| new == name) {
                return Some(format!("the field {name:?} is both added and a new name"));
            }
            if let Some(problem) = value.problem() {
                return Some(problem);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests;

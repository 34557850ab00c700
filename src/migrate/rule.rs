//! Defines rules: how objects of one stored Julia type become what the target reads.
//!
//! A rule is data and knows nothing of files. The engine asks [`Target::rule_for`] for each object
//! what is to become of it, and [`Retype::plan`] where each field of the new object comes from.
//!
//! [`Target::rule_for`]: super::target::Target::rule_for

use super::{
    literal::Literal,
    operation::{Conversion, Edited, Operation, ParamEdit},
    pattern::{PathPattern, TypePattern},
    typedef::TypeDef,
    versions::{Jld2Versions, Versions, WrittenBy},
};
use crate::julia::{Derived, JuliaType, NewName, NewParam, NumberType, STRUCT_ARRAY};
use crate::mera::{constants, scales};
use crate::text::count;
use serde::Deserialize;
use std::collections::BTreeMap;

mod fields;
mod raw;

pub(super) use raw::RawRule;

/// One rule of a target or of a user.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// Short name, shown in findings and reports: `mera-scales`.
    pub id: String,
    /// Why the target needs it, as a sentence for a person; may be empty in a user's rule.
    pub why: String,
    /// The stored types that it is for.
    pub from: Vec<TypePattern>,
    /// Of these, those that it is not for.
    pub except: Vec<TypePattern>,
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
    /// The number of its type parameters.
    pub parameters: Option<usize>,
    /// Datasets from one of which the object is reached: it is the dataset's own value, or that
    /// value leads to it through references (as `/convertstat` does through its dictionaries).
    pub at: Vec<PathPattern>,
    /// Only if the columns are encoded again, so that the rule would be untrue in patch mode.
    pub rewriting: bool,
    /// The versions of JLD2 that wrote the file. This and the next are asked once for a file, and
    /// not for each object ([`Target::for_file`](super::target::Target::for_file)).
    pub jld2: Jld2Versions,
    /// The versions of Julia that did.
    pub julia: Versions,
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
    /// It is a leftover that JLD2 made up for a type that it could not resolve, and becomes of that
    /// type again: of this full name, in which `*` stands for the name that the leftover tells.
    Unwrap(String),
    /// It becomes a named tuple of its fields, which every session has.
    Extract,
    /// Arrays of it become structs of arrays, or it, a struct of arrays, an array of structs.
    Turn(Turn),
}

/// An array of structs for a struct of arrays, or the other way.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    /// Which of the two.
    pub way: Way,
    /// The type of the struct, of the arrays or in the array. A `Core.NamedTuple` and a `StructArray`
    /// have no parameters here: they follow from the fields.
    pub to: JuliaType,
}

impl Turn {
    /// Whether the parameters of the struct of arrays follow from what is in it.
    pub(super) fn follows(&self) -> bool {
        self.to.is_named_tuple() || self.to.name() == STRUCT_ARRAY
    }
}

/// Which way a [`Turn`] goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// An array of structs becomes a struct of arrays.
    Columns,
    /// A struct of arrays becomes an array of structs.
    Rows,
}

impl Way {
    /// What a rule calls it.
    pub(super) fn key(self) -> &'static str {
        match self {
            Self::Columns => "columns",
            Self::Rows => "rows",
        }
    }
}

/// How an object's fields are carried over.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Retype {
    /// The new type's full name; none keeps the name. A `*` in it stands for what that of `from`
    /// takes.
    pub to: Option<String>,
    /// The new type's parameters; none keeps them.
    pub parameters: Option<Vec<ParamEdit>>,
    /// New names of stored fields, by the old ones.
    pub rename: BTreeMap<String, String>,
    /// Stored fields that are left out.
    pub drop: Vec<String>,
    /// Fields with constant values, for objects that lack them.
    pub add: Vec<(String, Literal)>,
    /// Fields with values that follow from others, for objects that lack them.
    pub compute: Vec<(String, Operation)>,
    /// What types the values of fields become of, by the new names of the fields.
    pub convert: BTreeMap<String, Conversion>,
    /// Fields that come first, in this order.
    pub order: Vec<String>,
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
    /// What it holds.
    pub kind: MemberKind,
}

/// What a field holds, as far as rules ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberKind {
    /// A number.
    Number(NumberType),
    /// A string or, if so, a symbol.
    Text {
        /// Whether it is a symbol.
        symbol: bool,
    },
    /// A reference. If all that are not null lead to arrays of one type of number, it is that.
    Reference(Option<NumberType>),
    /// A reference to nothing, in all values.
    Null,
    /// Anything else.
    Other,
}

impl<'a> Member<'a> {
    /// A field that takes bytes.
    pub fn stored(name: &'a str) -> Self {
        Self { name, content: true, kind: MemberKind::Other }
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
    /// What follows from members, which are told by their index.
    Derived(Derived),
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
    /// A value cannot be made of what is stored.
    #[error("field {field:?} of {type_name}: {problem}")]
    Unfit {
        /// The type.
        type_name: String,
        /// The field.
        field: String,
        /// What stands in its way.
        problem: String,
    },
    /// The parameters of a type cannot be edited as a rule says.
    #[error("{type_name} has {found} parameters, and a rule keeps number {kept}")]
    Parameter {
        /// The type.
        type_name: String,
        /// How many it has.
        found: usize,
        /// Which one is to be kept.
        kept: usize,
    },
}

impl When {
    fn holds(&self, seen: &Seen<'_>) -> bool {
        let has = |name: &String| seen.members.iter().any(|member| member.name == *name);
        let contents = seen.members.iter().filter(|member| member.content);
        self.has.iter().all(has)
            && !self.lacks.iter().any(has)
            && self.members.is_none_or(|count| count == contents.count())
            && self.parameters.is_none_or(|count| count == seen.parameters.len())
            && (self.parameter.is_empty()
                || seen.parameters.first().is_some_and(|first| {
                    self.parameter.iter().any(|TypeParameter(pattern)| pattern.matches(first))
                }))
            && (self.at.is_empty()
                || self.at.iter().any(|at| seen.places.iter().any(|place| at.matches(place))))
            && (seen.rewriting || !self.rewriting)
    }
}

impl When {
    /// Whether it asks anything of values.
    pub(super) fn asks(&self) -> bool {
        let versions =
            Self { jld2: self.jld2.clone(), julia: self.julia.clone(), ..Self::default() };
        *self != versions
    }

    /// Why it does not hold for values of a type, in words about that type: the first of its conditions
    /// that does not; none if all do.
    pub(super) fn missed(&self, seen: &Seen<'_>) -> Option<String> {
        let has = |name: &&String| seen.members.iter().any(|member| member.name == **name);
        if let Some(name) = self.has.iter().find(|name| !has(name)) {
            return Some(format!("has no field {name}"));
        }
        if let Some(name) = self.lacks.iter().find(has) {
            return Some(format!("has the field {name}"));
        }
        let contents = seen.members.iter().filter(|member| member.content).count();
        if self.members.is_some_and(|wanted| wanted != contents) {
            return Some(format!("has {}", count(contents as u64, "field with content")));
        }
        if self.parameters.is_some_and(|wanted| wanted != seen.parameters.len()) {
            return Some(format!("has {}", count(seen.parameters.len() as u64, "type parameter")));
        }
        if self.holds(seen) {
            return None;
        }
        if self.rewriting && !seen.rewriting {
            return Some("is in a file whose columns are not encoded again".to_owned());
        }
        if !self.at.is_empty() {
            let at = self.at.iter().any(|at| seen.places.iter().any(|place| at.matches(place)));
            return match seen.places.first() {
                _ if at => Some(Self::first_parameter(seen)),
                Some(place) => Some(format!("is at {place}")),
                None => Some("has no object of its own".to_owned()),
            };
        }
        Some(Self::first_parameter(seen))
    }

    fn first_parameter(seen: &Seen<'_>) -> String {
        match seen.parameters.first() {
            Some(first) => format!("has the first type parameter {first}"),
            None => "has no type parameter".to_owned(),
        }
    }
}

impl When {
    /// What it asks of the file.
    pub(super) fn written_by(&self) -> WrittenBy {
        WrittenBy { jld2: self.jld2.clone(), julia: self.julia.clone() }
    }

    /// The same, and that.
    pub(super) fn and(&mut self, other: &WrittenBy) {
        let mut both = self.written_by();
        both.and(other);
        (self.jld2, self.julia) = (both.jld2, both.julia);
    }
}

/// Whether values of this type are Julia's own, which stores them as numbers, texts and arrays, and
/// not as fields: no rule is for them. Named tuples have fields.
pub(super) fn is_julias_own(type_name: &str) -> bool {
    type_name.starts_with("Core.") && type_name != "Core.NamedTuple"
}

impl Rule {
    /// Whether the rule is for types of this name.
    pub fn concerns(&self, type_name: &str) -> bool {
        !is_julias_own(type_name)
            && self.from.iter().any(|from| from.matches(type_name))
            && !self.except.iter().any(|except| except.matches(type_name))
    }

    /// Whether the rule is for this object.
    pub fn matches(&self, seen: &Seen<'_>) -> bool {
        self.concerns(seen.type_name) && self.when.holds(seen)
    }

    /// The full name that the type `type_name` has afterwards, if the rule retypes it.
    pub fn new_name(&self, type_name: &str) -> Option<String> {
        let Action::Retype(retype) = &self.action else { return None };
        let Some(to) = &retype.to else { return Some(type_name.to_owned()) };
        if !to.contains('*') {
            return Some(to.clone());
        }
        let from = self.from.iter().find(|from| from.matches(type_name))?;
        Some(to.replace('*', from.taken(type_name)?))
    }

    /// What a type is called of which only the name and parameters are known; none if the rule
    /// leaves it as it is, is not for the type, or asks for more than these.
    pub(super) fn renames(
        &self,
        type_name: &str,
        parameters: &[&str],
        rewriting: bool,
    ) -> Option<NewName> {
        let Action::Retype(retype) = &self.action else { return None };
        let seen = Seen { type_name, parameters, members: &[], places: &[], rewriting };
        if self.asks_more() || !self.matches(&seen) {
            return None;
        }
        let name = self.new_name(type_name)?;
        let params = retype.edited(type_name, parameters).ok()?;
        (name != type_name || params.is_some()).then_some(NewName { name, params })
    }

    /// Whether the rule is for types of which only the name and parameters are known.
    pub(super) fn is_for(&self, type_name: &str, parameters: &[&str]) -> bool {
        let seen = Seen { type_name, parameters, members: &[], places: &[], rewriting: false };
        !self.asks_more() && self.matches(&seen)
    }

    /// Whether it asks for more than a name and parameters.
    fn asks_more(&self) -> bool {
        let When { has, lacks, members, at, .. } = &self.when;
        !has.is_empty() || !lacks.is_empty() || members.is_some() || !at.is_empty()
    }

    /// Whether carrying the rule out would leave the object as it is, so that a file which was
    /// converted before needs nothing.
    pub(super) fn is_idle(&self, seen: &Seen<'_>, target: Option<&TypeDef>) -> bool {
        let Action::Retype(retype) = &self.action else { return false };
        self.new_name(seen.type_name).is_some_and(|name| name == seen.type_name)
            && retype.edited(seen.type_name, seen.parameters).is_ok_and(|params| params.is_none())
            && retype.plan(seen.type_name, seen.members, seen.parameters, target).is_ok_and(
                |plan| {
                    plan.fields.len() == seen.members.len()
                        && plan.fields.iter().zip(seen.members).enumerate().all(
                            |(at, ((name, source), member))| {
                                *name == member.name && *source == FieldSource::Stored(at)
                            },
                        )
                },
            )
    }
}

impl Retype {
    /// The parameters that the type has afterwards; none if they are what they are.
    ///
    /// # Errors
    /// The rule keeps one that the type does not have.
    pub(super) fn edited(
        &self,
        type_name: &str,
        parameters: &[&str],
    ) -> Result<Option<Vec<NewParam>>, FieldError> {
        let Some(edits) = &self.parameters else { return Ok(None) };
        let (mut out, mut same) = (Vec::with_capacity(edits.len()), true);
        for (i, edit) in edits.iter().enumerate() {
            match edit.value(parameters) {
                Ok(Edited::Value(value)) => {
                    same &= parameters.get(i).is_some_and(|p| *p == value.to_string());
                    out.push(NewParam::Value(value));
                }
                Ok(Edited::Kept(kept)) => {
                    same &= parameters.get(i) == parameters.get(kept);
                    out.push(NewParam::Stored(kept));
                }
                Ok(Edited::Unwritten(made)) => {
                    let (type_name, field) = (type_name.to_owned(), format!("parameter {}", i + 1));
                    let problem = format!("no type {made:?} can be made of its parameters");
                    return Err(FieldError::Unfit { type_name, field, problem });
                }
                Err(kept) => {
                    let (type_name, found) = (type_name.to_owned(), parameters.len());
                    return Err(FieldError::Parameter { type_name, found, kept });
                }
            }
        }
        same &= edits.len() == parameters.len();
        Ok((!same).then_some(out))
    }

    fn drops(&self, name: &str) -> bool {
        self.drop.iter().any(|dropped| dropped == name)
    }

    /// Names that the rule gives fields of objects with these members.
    fn given<'a>(&'a self, members: &[Member<'a>]) -> impl Iterator<Item = &'a str> {
        let renamed = members.iter().filter_map(|m| self.rename.get(m.name)).map(String::as_str);
        let renamed: Vec<_> = renamed.collect();
        let added = self.add.iter().map(|(name, _)| name.as_str());
        let computed = self.compute.iter().map(|(name, _)| name.as_str());
        renamed.into_iter().chain(added).chain(computed)
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

#[cfg(test)]
mod tests;

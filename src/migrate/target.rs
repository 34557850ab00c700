//! Reads targets: the package versions that an output is for, and all that follows from them.
//!
//! A target is data (`targets/*.toml`, carried in the program): the types that its Julia session
//! knows, the filters it reads, the codec object that belongs to each way of encoding columns, and
//! the rules that bring older objects up to date. Nothing in it is about one file.
//!
//! For the engine: per object, [`Target::rule_for`]; per rule of kind [`Action::Retype`],
//! [`Retype::plan`] with [`Target::type_def`] of the new name; per committed type that no rule
//! takes, [`Target::resolve`] for the findings; per filter of a pipeline, [`Target::filter`].
//!
//! [`Action::Retype`]: super::rule::Action::Retype
//! [`Retype::plan`]: super::rule::Retype::plan

use super::{
    error::TargetError,
    literal::Literal,
    operation::Conversion,
    pattern::TypePattern,
    rule::{Action, RawRule, Retype, Rule, Seen, Turn, When},
    typedef::{PartlyKnown, RawType, TypeDef},
    userrules,
};
use crate::h5::FormatText;
use crate::julia::{JuliaType, Param};
use serde::Deserialize;
use std::{borrow::Cow, collections::BTreeMap, path::PathBuf};

mod codec;
mod filter;
mod merge;
mod modules;
mod source;

pub use codec::{Codec, CodecObject, Encoding};
pub use filter::{ClientValue, Filter, Setting};
pub use modules::Module;
pub use source::is_file;

/// The package versions that an output is for.
#[derive(Debug, Clone, PartialEq)]
pub struct Target {
    /// Its name on the command line: `mera-1.9`.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// The packages whose behaviour it describes, with their versions.
    pub packages: BTreeMap<String, String>,
    /// Filters and what the target makes of them.
    pub filters: Vec<Filter>,
    /// Codec objects.
    pub codec: Codec,
    /// The rules, in the order in which they are tried.
    pub rules: Vec<Rule>,
    modules: Modules,
    types: BTreeMap<String, TypeDef>,
    partly: BTreeMap<String, PartlyKnown>,
    /// The ids of the user's rules.
    user_rules: Vec<String>,
}

/// What a reader of the target makes of the name of a stored type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resolution<'a> {
    /// It is there, with these fields.
    Defined(&'a TypeDef),
    /// Its package is loaded, and nothing says that it lacks the type; fields are not known here.
    Loaded,
    /// Its package is loaded but has no such type: reading warns and reconstructs.
    Gone,
    /// Its package is not part of the target: reading warns and reconstructs unless the user loads
    /// it first.
    Foreign,
}

#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Modules {
    /// Loaded, and taken to have every type that a file may name.
    open: Vec<String>,
    /// Loaded; of these only the types under `types` and `names` exist.
    closed: Vec<String>,
    /// Types of closed modules whose fields no rule and no finding needs.
    names: Vec<String>,
    /// Types that open modules do not have.
    gone: Vec<TypePattern>,
}

impl Target {
    /// The target of this name.
    ///
    /// # Errors
    /// There is none.
    pub fn builtin(name: &str) -> Result<Self, TargetError> {
        if source::is_joined(name) {
            return Self::of_table(source::named(name)?, name);
        }
        Self::parse(source::builtin(name)?, name)
    }

    /// The target of this name, or in this file ([`is_file`]).
    ///
    /// # Errors
    /// There is none of this name; the file cannot be read, is not TOML, says something unknown, or
    /// contradicts itself.
    pub fn named(target: &str) -> Result<Self, TargetError> {
        if source::is_file(target) {
            return Self::parse(&source::read(target)?, target);
        }
        Self::builtin(target)
    }

    /// The texts that define the target of this name or in this file: its own, and those of the
    /// target and the modules on which it builds.
    ///
    /// # Errors
    /// There is none of this name, the file cannot be read, or is not TOML.
    pub fn definition(target: &str) -> Result<Vec<Cow<'static, str>>, TargetError> {
        source::texts(target)
    }

    /// The target of this name or in this file, or the default, with the rules of some files. Those of later files go
    /// first: what is given last on the command line has the last word.
    ///
    /// # Errors
    /// There is no such target, or a rules file cannot be read or contradicts the target.
    pub fn with_rule_files(name: Option<&str>, files: &[PathBuf]) -> Result<Self, TargetError> {
        let target = Self::named(name.unwrap_or(Self::default_name()))?;
        files.iter().try_fold(target, |target, path| {
            target.with_rules(userrules::read(path)?, &path.display().to_string())
        })
    }

    /// The target that a user gets who names none.
    pub fn default_name() -> &'static str {
        source::BUILTIN.last().map_or("", |(name, _)| name)
    }

    /// The modules for packages that can be named behind a target, `julia-2026+DataFrames@1.7`.
    pub fn modules() -> impl Iterator<Item = Module> {
        modules::MODULES.into_iter()
    }

    /// The names of all targets, newest last.
    pub fn names() -> impl Iterator<Item = &'static str> {
        source::BUILTIN.iter().map(|(name, _)| *name)
    }

    /// Reads the text of a target that is called `origin` in errors.
    ///
    /// # Errors
    /// It is not TOML, says something unknown, or contradicts itself.
    pub fn parse(text: &str, origin: &str) -> Result<Self, TargetError> {
        let syntax = |source| TargetError::Syntax { origin: origin.to_owned(), source };
        if source::is_based(text, origin)? {
            return Self::of_table(source::whole(text, origin)?, origin);
        }
        // Read from the text where it can be: then errors tell the line.
        Self::checked(toml::from_str(text).map_err(syntax)?, origin)
    }

    fn of_table(table: toml::Table, origin: &str) -> Result<Self, TargetError> {
        let syntax = |source| TargetError::Syntax { origin: origin.to_owned(), source };
        Self::checked(table.try_into().map_err(syntax)?, origin)
    }

    fn checked(raw: RawTarget, origin: &str) -> Result<Self, TargetError> {
        let rules = userrules::check(raw.rule, origin)?;
        let (mut types, mut partly) = (BTreeMap::new(), BTreeMap::new());
        let invalid = |problem| TargetError::Invalid { origin: origin.to_owned(), problem };
        for (name, raw) in raw.types {
            let of_type = |problem| invalid(format!("type {name}: {problem}"));
            if let Some(known) = raw.partly().map_err(of_type)? {
                partly.insert(name, known);
            } else {
                let def = raw.check().map_err(of_type)?;
                types.insert(name, def);
            }
        }
        let target = Self {
            name: raw.name,
            title: raw.title,
            packages: raw.packages,
            filters: raw.filter,
            codec: raw.codec,
            rules,
            modules: raw.modules,
            types,
            partly,
            user_rules: Vec::new(),
        };
        target.problem().map_or(Ok(target), |problem| Err(invalid(problem)))
    }

    /// Adds a user's rules, which go before the target's own.
    ///
    /// # Errors
    /// A rule gives a type that the target defines a field that this type does not have, or takes
    /// a name that is taken. `origin` names the rules in the error.
    pub fn with_rules(mut self, mut rules: Vec<Rule>, origin: &str) -> Result<Self, TargetError> {
        self.user_rules.extend(rules.iter().map(|rule| rule.id.clone()));
        rules.append(&mut self.rules);
        self.rules = rules;
        let problem = self.problem();
        problem.map_or(Ok(self), |problem| {
            Err(TargetError::Invalid { origin: origin.to_owned(), problem })
        })
    }

    /// The rule that changes this object; none if it stays as it is. Of several rules for it, the
    /// first that would change something.
    pub fn rule_for(&self, seen: &Seen<'_>) -> Option<&Rule> {
        let changes = |rule: &&Rule| !matches!(rule.action, Action::Turn(_)) && rule.matches(seen);
        self.rules.iter().filter(changes).find(|rule| {
            let to = rule.new_name(seen.type_name);
            !rule.is_idle(seen, to.and_then(|to| self.type_def(&to)))
        })
    }

    /// The first rule that turns arrays of values like this one into a struct of arrays, or this one, a
    /// struct of arrays, into an array.
    pub(super) fn turn_for(&self, seen: &Seen<'_>) -> Option<(&Rule, &Turn)> {
        self.rules.iter().find_map(|rule| match &rule.action {
            Action::Turn(turn) if rule.matches(seen) => Some((rule, turn)),
            _ => None,
        })
    }

    /// Whether some rule turns arrays.
    pub(super) fn turns(&self) -> bool {
        self.rules.iter().any(|rule| matches!(rule.action, Action::Turn(_)))
    }

    /// The rules that are a user's and not the target's own.
    pub fn user_rules(&self) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(|rule| self.user_rules.contains(&rule.id))
    }

    /// This target for a file with this text in front of the superblock: without the rules that are
    /// for files of other versions, which are told by their ids, each with the reason.
    pub fn for_file(&self, text: Option<&FormatText>) -> (Cow<'_, Self>, Vec<(String, String)>) {
        let mut missed = Vec::new();
        for rule in &self.rules {
            let asked = rule.when.written_by();
            if !asked.is_empty()
                && let Some(why) = asked.missed(text)
            {
                missed.push((rule.id.clone(), why));
            }
        }
        if missed.is_empty() {
            return (Cow::Borrowed(self), missed);
        }
        let mut out = self.clone();
        out.rules.retain(|rule| !missed.iter().any(|(id, _)| *id == rule.id));
        (Cow::Owned(out), missed)
    }

    /// This target with one more rule: codec objects give way to `value`.
    #[must_use]
    pub fn with_codec(&self, value: &Literal) -> Self {
        let mut out = self.clone();
        let rule = Rule {
            id: "codec".to_owned(),
            why: "the codec object has to say how the columns are encoded now".to_owned(),
            from: self.codec.types.clone(),
            except: Vec::new(),
            when: When { at: self.codec.at.clone(), ..When::default() },
            action: Action::Replace(value.clone()),
        };
        out.rules.insert(0, rule);
        out
    }

    /// Whether some rule is for stored types of this name.
    pub fn concerns(&self, type_name: &str) -> bool {
        self.rules.iter().any(|rule| rule.concerns(type_name))
    }

    /// Whether some rule is for a type, or for one among its parameters.
    pub(super) fn concerns_in(&self, t: &JuliaType) -> bool {
        let inside = |param: &Param| matches!(param, Param::Type(t) if self.concerns_in(t));
        let members = match t {
            JuliaType::Union(members) => members.as_slice(),
            _ => &[],
        };
        self.concerns(t.name())
            || t.params().iter().any(inside)
            || members.iter().any(|member| self.concerns_in(member))
    }

    /// Whether some rule converts the arrays in a field of this name, for types of this name or for
    /// what becomes of them.
    pub(super) fn converts_arrays(&self, type_name: &str, field: &str) -> bool {
        let converts = |rule: &Rule| match &rule.action {
            Action::Retype(retype) => {
                let field = retype.rename.get(field).map_or(field, String::as_str);
                matches!(retype.convert.get(field), Some(Conversion::Array(_)))
            }
            _ => false,
        };
        self.concerns(type_name) && self.rules.iter().any(converts)
    }

    /// Whether a rule asks where an object is that is for stored types of this name, or for what
    /// another rule may make of them.
    pub fn asks_for_places(&self, type_name: &str) -> bool {
        let asking: Vec<_> = self.rules.iter().filter(|rule| !rule.when.at.is_empty()).collect();
        if asking.is_empty() {
            return false;
        }
        let made = self.rules.iter().filter_map(|rule| match &rule.action {
            Action::Retype(Retype { to: Some(to), .. }) if !to.contains('*') => Some(to.as_str()),
            Action::Unwrap(to) if !to.contains('*') => Some(to.as_str()),
            _ => None,
        });
        let names: Vec<_> = made.chain([type_name]).collect();
        let open = self.rules.iter().any(|rule| match &rule.action {
            Action::Retype(Retype { to: Some(to), .. }) | Action::Unwrap(to) => {
                to.contains('*') && rule.concerns(type_name)
            }
            _ => false,
        });
        open || asking.iter().any(|rule| names.iter().any(|name| rule.concerns(name)))
    }

    /// The target's definition of a type, by its full name without parameters.
    pub fn type_def(&self, name: &str) -> Option<&TypeDef> {
        self.types.get(name)
    }

    /// What the target knows of a type whose fields it does not all tell.
    pub(super) fn partly_known(&self, name: &str) -> Option<&PartlyKnown> {
        self.partly.get(name)
    }

    /// The types that the target defines, by their full names.
    pub fn types(&self) -> impl Iterator<Item = (&str, &TypeDef)> {
        self.types.iter().map(|(name, def)| (name.as_str(), def))
    }

    /// Full names of further types that the target has, whose fields it does not tell.
    pub fn further_types(&self) -> impl Iterator<Item = &str> {
        self.modules.names.iter().map(String::as_str)
    }

    /// Packages of which the target has no types but those that it names.
    pub fn closed_packages(&self) -> impl Iterator<Item = &str> {
        self.modules.closed.iter().map(String::as_str)
    }

    /// The fields that only take objects of the type `name`: each with the type that has it.
    pub fn holders_of(&self, name: &str) -> impl Iterator<Item = (&str, &str)> {
        self.types.iter().filter_map(move |(holder, def)| {
            let field = def.fields.iter().find(|field| field.julia_type == name)?;
            Some((holder.as_str(), field.name.as_str()))
        })
    }

    /// What the target makes of a stored type's full name (without parameters).
    pub fn resolve(&self, name: &str) -> Resolution<'_> {
        if let Some(def) = self.type_def(name) {
            return Resolution::Defined(def);
        }
        let module = name.split('.').next().unwrap_or_default();
        let is = |known: &String| known == module;
        if self.modules.closed.iter().any(is) {
            let listed = self.modules.names.iter().any(|known| known == name);
            if listed { Resolution::Loaded } else { Resolution::Gone }
        } else if self.modules.open.iter().any(is) {
            let gone = self.modules.gone.iter().any(|gone| gone.matches(name));
            if gone { Resolution::Gone } else { Resolution::Loaded }
        } else {
            Resolution::Foreign
        }
    }

    /// Why the target does not read data with this filter and so many client values; none if it does.
    pub fn misread(&self, id: u16, values: usize) -> Option<String> {
        match self.filter(id) {
            None => Some("the target does not know this filter".to_owned()),
            Some(known) => known.misread(values),
        }
    }

    /// How many of a filter's client values the target takes, of those that are there.
    pub fn taken(&self, id: u16, client: &[u32]) -> usize {
        self.filter(id).map_or(client.len(), |known| known.taken(client))
    }

    /// The client values that a session of the target writes, where JLD2 0.6.5 would write `client`.
    pub fn written(&self, id: u16, client: &[u32]) -> Vec<u32> {
        self.filter(id).map_or_else(|| client.to_vec(), |known| known.written(client))
    }

    /// The level that a filter's client values tell, if they tell any.
    pub fn level_in(&self, id: u16, client: &[u32]) -> Option<i64> {
        self.filter(id)?.level_in(client)
    }

    /// What is known of a filter; one that is not listed cannot be read.
    pub fn filter(&self, id: u16) -> Option<&Filter> {
        self.filters.iter().find(|filter| filter.id == id)
    }

    fn problem(&self) -> Option<String> {
        for (at, rule) in self.rules.iter().enumerate() {
            if self.rules.iter().skip(at + 1).any(|other| other.id == rule.id) {
                return Some(format!("two rules are called {:?}", rule.id));
            }
            if let Some(problem) = self.contradiction(rule) {
                return Some(format!("rule {:?}: {problem}", rule.id));
            }
        }
        let objects = self.codec.objects.values().map(|object| (object, object.value.fields()));
        for (object, fields) in objects {
            if let Some(problem) = object.value.problem().or_else(|| self.misfit(&object.value)) {
                return Some(format!("codec: {problem}"));
            }
            if let Some(level) = &object.level
                && !fields.iter().any(|(name, _)| name == level)
            {
                return Some(format!("codec: there is no field {level:?} for the level"));
            }
        }
        if let Some(problem) = self.filters.iter().find_map(Filter::problem) {
            return Some(problem);
        }
        if !self.codec.objects.contains_key(&self.codec.default) {
            return Some("codec: the default encoding has no object".to_owned());
        }
        None
    }

    /// What in a rule does not fit the target's types.
    fn contradiction(&self, rule: &Rule) -> Option<String> {
        match &rule.action {
            Action::Replace(value) => self.misfit(value),
            Action::Unwrap(_) | Action::Extract | Action::Turn(_) => None,
            Action::Retype(retype) => {
                let names = || {
                    let added = retype.add.iter().map(|(name, _)| name);
                    let computed = retype.compute.iter().map(|(name, _)| name);
                    retype.rename.values().chain(added).chain(computed)
                };
                let lacking = |to: &str| {
                    let def = self.type_def(to)?;
                    let name = names().find(|name| !def.has(name))?;
                    Some(format!("{to} has no field {name:?} in the target"))
                };
                match &retype.to {
                    Some(to) if self.type_def(to).is_some() => lacking(to),
                    _ if retype.fill.is_some() => {
                        Some("`fill` needs a `to` that the target defines".to_owned())
                    }
                    Some(_) => None,
                    // Of patterns each type is asked when it is met.
                    None => rule.from.iter().filter_map(TypePattern::exact).find_map(lacking),
                }
            }
        }
    }

    /// What in a struct's value does not fit the target's definition of its type.
    fn misfit(&self, value: &Literal) -> Option<String> {
        let Literal::Struct(made) = value else {
            return value.fields().iter().find_map(|(_, value)| self.misfit(value));
        };
        let t = made.julia_type();
        let name = t.name();
        let defined = self.type_def(name)?.fields.iter().filter(|field| field.is_stored());
        let defined: Vec<_> =
            defined.map(|field| (field.name.clone(), field.julia_type.clone())).collect();
        let given: Vec<_> =
            value.fields().iter().map(|(name, value)| (name.clone(), value.julia_type())).collect();
        (defined != given).then(|| format!("{name} has the fields {defined:?}, not {given:?}"))
    }
}

/// A target as it is written in TOML.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTarget {
    name: String,
    title: String,
    packages: BTreeMap<String, String>,
    modules: Modules,
    types: BTreeMap<String, RawType>,
    filter: Vec<Filter>,
    codec: Codec,
    rule: Vec<RawRule>,
}

#[cfg(test)]
mod tests;

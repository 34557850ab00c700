//! Reads a rule as it is written in TOML, and says what is wrong with it.

use super::{Action, Formula, Retype, Rule, Turn, Way, When, is_julias_own};
use crate::julia::STRUCT_ARRAY;
use crate::migrate::literal::Literal;
use crate::migrate::operation::{
    Conversion, Indices, Operation, ParamEdit, RawOperation, default_value,
};
use crate::migrate::pattern::{PathPattern, TypePattern};
use crate::migrate::type_text::full_type;
use serde::Deserialize;
use std::collections::BTreeMap;

/// A rule as it is written in TOML.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(in crate::migrate) struct RawRule {
    id: String,
    #[serde(default)]
    why: String,
    from: Vec<TypePattern>,
    #[serde(default)]
    except: Vec<TypePattern>,
    #[serde(default)]
    when: When,
    to: Option<String>,
    parameters: Option<Vec<ParamEdit>>,
    #[serde(default)]
    rename: BTreeMap<String, String>,
    #[serde(default)]
    drop: Vec<String>,
    #[serde(default)]
    add: Vec<(String, Literal)>,
    #[serde(default)]
    compute: Vec<(String, RawOperation)>,
    #[serde(default)]
    convert: BTreeMap<String, Conversion>,
    #[serde(default)]
    order: Vec<String>,
    fill: Option<Formula>,
    replace: Option<Literal>,
    unwrap: Option<String>,
    #[serde(default)]
    extract: bool,
    columns: Option<String>,
    rows: Option<String>,
}

impl RawRule {
    /// The rule, or what is wrong with it.
    pub(in crate::migrate) fn check(self) -> Result<Rule, String> {
        let Self { id, why, from, except, when, .. } = &self;
        let (id, why, from) = (id.clone(), why.clone(), from.clone());
        let (except, when) = (except.clone(), when.clone());
        let named = |problem: String| format!("rule {id:?}: {problem}");
        if id.is_empty() || !id.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
            return Err(named("an id is made of letters, digits and hyphens".to_owned()));
        }
        if from.is_empty() {
            return Err(named("it is for no type: `from` is empty".to_owned()));
        }
        let patterns = from.iter().chain(&except).find_map(TypePattern::problem);
        if let Some(problem) = patterns.or_else(|| when.at.iter().find_map(PathPattern::problem)) {
            return Err(named(problem));
        }
        let julias = from.iter().find(|from| is_julias_own(from.as_str()));
        if let Some(own) = julias {
            return Err(named(format!(
                "it is for {own}, and what Julia itself defines is not stored as fields that a rule \
                 could change; a rule for the type that holds such values can, with `convert`, `drop` \
                 and `add`",
                own = own.as_str()
            )));
        }
        let action = self.action().map_err(named)?;
        Ok(Rule { id, why, from, except, when, action })
    }

    fn action(self) -> Result<Action, String> {
        let Self { from, to, parameters, rename, drop, mut add, convert, order, fill, .. } = self;
        let mut compute = Vec::new();
        for (name, operation) in self.compute {
            match operation {
                RawOperation::Operation(operation) => compute.push((name, operation)),
                RawOperation::Default(t) => {
                    let value = default_value(&t);
                    let none = || format!("there is no default value of {t:?} for {name:?}");
                    add.push((name.clone(), value.ok_or_else(none)?));
                }
            }
        }
        let turn = match (&self.columns, &self.rows) {
            (None, None) => None,
            (Some(to), None) => Some(Turn::read(Way::Columns, to)?),
            (None, Some(to)) => Some(Turn::read(Way::Rows, to)?),
            (Some(_), Some(_)) => return Err("`columns` and `rows` exclude one another".to_owned()),
        };
        let retype = Retype { to, parameters, rename, drop, add, compute, convert, order, fill };
        let alone = |key: &str, does: &str| {
            format!(
                "`{key}` {does}; it stands alone, without `to`, `parameters`, `rename`, `drop`, \
                 `add`, `compute`, `convert`, `order` and `fill`"
            )
        };
        let plain = retype == Retype::default();
        if let Some(turn) = turn {
            let key = turn.way.key();
            if !plain {
                return Err(alone(key, "turns arrays of structs and structs of arrays"));
            }
            if self.replace.is_some() || self.unwrap.is_some() || self.extract {
                return Err(format!(
                    "`{key}` excludes `replace`, `unwrap` and `extract`; it stands alone"
                ));
            }
            if !self.when.at.is_empty() {
                return Err(format!(
                    "`{key}` is for all of a type, and cannot ask `at` which place it is"
                ));
            }
            return Ok(Action::Turn(turn));
        }
        match (self.replace, self.unwrap, self.extract) {
            (None, None, false) if plain => Err("it does nothing: give `to`, `parameters`, \
                 `rename`, `drop`, `add`, `compute`, `convert`, `order`, `unwrap`, `extract`, \
                 `columns`, `rows` or `replace`"
                .to_owned()),
            (None, None, false) => retype.problem(&from).map_or(Ok(Action::Retype(retype)), Err),
            (Some(_), ..) if !plain => {
                Err(alone("replace", "puts a whole value in the object's place"))
            }
            (Some(value), None, false) => value.problem().map_or(Ok(Action::Replace(value)), Err),
            (None, Some(_), false) if !plain => {
                Err(alone("unwrap", "makes an object of the type that it once was"))
            }
            (None, Some(to), false) => {
                let bare = to.replace('*', "x");
                if !bare.contains('.') || bare.contains(['{', ' ']) || to.matches('*').count() > 1 {
                    return Err(format!("{to:?} is not the full name of a type"));
                }
                Ok(Action::Unwrap(to))
            }
            (None, None, true) if !plain => {
                Err(alone("extract", "makes a named tuple of an object"))
            }
            (None, None, true) => Ok(Action::Extract),
            _ => Err("`replace`, `unwrap` and `extract` exclude one another".to_owned()),
        }
    }
}

impl Turn {
    /// A turn to the type that is written out so.
    fn read(way: Way, to: &str) -> Result<Self, String> {
        let refused = |problem: &str| Err(format!("{to:?} {problem}"));
        let Some(t) = full_type(to).filter(|t| t.name().contains('.')) else {
            return refused("is not a type whose name is written in full");
        };
        if t.is_named_tuple() || t.name() == STRUCT_ARRAY {
            if !t.params().is_empty() {
                return refused(
                    "has parameters, which follow from the fields: leave it at the name alone",
                );
            }
            if way == Way::Rows && t.name() == STRUCT_ARRAY {
                return refused("is a struct of arrays, and no element of an array of structs");
            }
        } else if is_julias_own(t.name()) {
            return refused("is defined by Julia itself, and is no struct");
        }
        Ok(Self { way, to: t })
    }
}

impl Retype {
    fn problem(&self, from: &[TypePattern]) -> Option<String> {
        if let Some(to) = &self.to {
            if !to.contains('.') || to.contains(['{', ' ']) || to.matches('*').count() > 1 {
                return Some(format!("{to:?} is not the full name of a type"));
            }
            if to.contains('*') && from.iter().any(|from| from.stars() != 1) {
                return Some(format!(
                    "the `*` of {to:?} stands for what one `*` takes in each pattern of `from`"
                ));
            }
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
        let computed = self.compute.iter().map(|(name, _)| name);
        let given: Vec<_> = self.add.iter().map(|(name, _)| name).chain(computed).collect();
        for (at, name) in given.iter().enumerate() {
            if given.iter().skip(at + 1).any(|other| other == name) {
                return Some(format!("the field {name:?} is added twice"));
            }
            if self.rename.values().any(|new| new == *name) {
                return Some(format!("the field {name:?} is both added and a new name"));
            }
            if self.convert.contains_key(*name) {
                return Some(format!("the field {name:?} is both added and converted"));
            }
        }
        let operations = self.compute.iter().find_map(|(name, operation)| match operation {
            Operation::Indices(Indices { number: Some(_), parameter: Some(_), .. }) => {
                Some(format!("the indices in {name:?} have a `type` or a `parameter`, not both"))
            }
            _ => None,
        });
        operations.or_else(|| self.add.iter().find_map(|(_, value)| value.problem()))
    }
}

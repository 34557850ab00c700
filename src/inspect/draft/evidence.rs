//! Looks at values of a file: what the fields of some types hold, and what follows from what.

use super::literal::{is_neutral, told, written};
use super::shapes::left_of;
use super::ways::{Objects, Of, Way, element_name};
use crate::h5::{File, Result};
use crate::julia::{JuliaType, TypeTable, Value, Walk, readable};
use std::collections::{BTreeMap, BTreeSet};

/// Elements of an array, and pairs of a dictionary, that are looked at.
const ELEMENTS: u64 = 1 << 16;
/// Bytes that the values of one dataset may take.
const MEMORY: usize = 64 << 20;
/// Of what a field holds no more kinds are told apart.
const KINDS: usize = 32;

/// What was seen of values.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    /// By type and field.
    types: BTreeMap<String, OfType>,
    /// Datasets that could not be looked at: how many, with the first and the reason.
    pub(super) passed_over: Option<(u64, String, String)>,
}

/// What was seen of a type, by field.
#[derive(Debug, Default)]
struct OfType {
    fields: BTreeMap<String, OfField>,
}

/// What was seen of a field.
#[derive(Debug, Default)]
pub(super) struct OfField {
    /// In how many values it is defined.
    pub(super) seen: u64,
    /// What it holds, with how often.
    pub(super) kinds: BTreeMap<Kind, u64>,
    /// What it holds in all of them, if it is the same.
    pub(super) constant: Option<Constant>,
    /// How it may follow from other fields.
    pub(super) ways: Vec<Way>,
}

/// A value that a field holds always.
#[derive(Debug)]
pub(super) struct Constant {
    /// As a rule says it.
    pub(super) written: String,
    /// For people.
    pub(super) told: String,
    /// See [`is_neutral`].
    pub(super) neutral: bool,
}

/// What a field holds.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Nothing,
    Missing,
    /// A number of this type.
    Number(String),
    Text,
    Symbol,
    /// An array of numbers of this type.
    Numbers(String),
    /// Anything else, by the name of its type.
    Other(String),
}

impl Kind {
    /// Whether it says by itself what it is; one of another type may be the same under another name.
    pub(super) fn is_plain(&self) -> bool {
        !matches!(self, Self::Other(_))
    }

    /// Whether two fields that hold these may be the same: types can have other names, and elements of
    /// arrays another type.
    pub(super) fn may_be(&self, other: &Self) -> bool {
        let array = |kind: &Self| match kind {
            Self::Numbers(_) => true,
            Self::Other(name) => name == "Core.Array",
            _ => false,
        };
        let named = |kind: &Self| matches!(kind, Self::Other(_)) && !array(kind);
        self == other || (array(self) && array(other)) || (named(self) && named(other))
    }

    /// It for people.
    pub(super) fn told(&self) -> String {
        match self {
            Self::Nothing => "nothing".to_owned(),
            Self::Missing => "missing".to_owned(),
            Self::Number(t) => format!("a {t}"),
            Self::Text => "a string".to_owned(),
            Self::Symbol => "a symbol".to_owned(),
            Self::Numbers(t) => format!("an array of {t}"),
            Self::Other(t) => format!("a {t}"),
        }
    }

    fn of(value: &Value) -> Self {
        let other = || value.julia_type().map_or_else(String::new, |t| t.name().to_owned());
        match value {
            Value::Nothing => Self::Nothing,
            Value::Missing => Self::Missing,
            Value::Number(scalar) => {
                Self::Number(scalar.julia_name().unwrap_or("number").to_owned())
            }
            Value::String(_) => Self::Text,
            Value::Symbol(_) => Self::Symbol,
            Value::Numbers(array) => match element_name(array) {
                Some(element) => Self::Numbers(element),
                None => Self::Other(other()),
            },
            _ => Self::Other(other()),
        }
    }
}

impl Evidence {
    /// What there is to see of values of the types of these names, if so also what follows from what. What JLD2
    /// `left` of a type, by its bare name, counts as of that type.
    pub(super) fn of(
        file: &File,
        names: &BTreeSet<&str>,
        left: &BTreeMap<&str, &str>,
        deduce: bool,
    ) -> Result<Self> {
        let mut out = Self::default();
        if names.is_empty() {
            return Ok(out);
        }
        let types = TypeTable::new(file);
        let walk = Walk::new(&types).abridged(ELEMENTS);
        for listed in &readable(file)? {
            let listed = listed?;
            match Value::read(&walk, listed.addr, MEMORY) {
                Ok(value) => out.look_at(&value, names, left, deduce),
                Err(error) => match &mut out.passed_over {
                    Some((count, ..)) => *count += 1,
                    none => *none = Some((1, listed.path, error.to_string())),
                },
            }
        }
        Ok(out)
    }

    /// What was seen of a field.
    pub(super) fn field(&self, name: &str, field: &str) -> Option<&OfField> {
        self.types.get(name)?.fields.get(field).filter(|field| field.seen > 0)
    }

    fn look_at(
        &mut self,
        root: &Value,
        names: &BTreeSet<&str>,
        left: &BTreeMap<&str, &str>,
        deduce: bool,
    ) {
        let mut objects = Objects::new();
        each(root, &mut |value| {
            if let Some(id) = id(value) {
                objects.insert(id, value);
            }
        });
        each(root, &mut |value| {
            let (t, fields): (&JuliaType, _) = match value {
                Value::Struct(s) => (&s.julia_type, s.fields.as_slice()),
                _ => return,
            };
            if names.contains(t.name()) {
                let of = Of { julia_type: t, fields, objects: &objects };
                self.take(&of, deduce);
            } else if let Some((bare, names)) = left_of(t)
                && let Some(name) = left.get(bare)
            {
                let of = Of { julia_type: t, fields, objects: &objects };
                self.take_left(&of, name, names);
            }
        });
    }

    /// Takes in what JLD2 left of a value of the type `name`, which had the fields `names`.
    fn take_left(&mut self, of: &Of<'_>, name: &str, names: &[String]) {
        let values: Vec<&Value> = match of.field("fields") {
            Some(Value::Array(array)) => array.items.iter().collect(),
            Some(Value::Tuple(tuple)) => tuple.items.iter().collect(),
            Some(Value::Struct(s)) => s.fields.iter().map(|(_, value)| value).collect(),
            _ => return,
        };
        let here = self.types.entry(name.to_owned()).or_default();
        for (name, value) in names.iter().zip(values) {
            let Some(value) = of.met(value) else { continue };
            here.fields.entry(name.clone()).or_default().take(of, name, value, false);
        }
    }

    fn take(&mut self, of: &Of<'_>, deduce: bool) {
        let here = self.types.entry(of.julia_type.name().to_owned()).or_default();
        for (name, value) in of.fields {
            let Some(value) = of.met(value) else { continue };
            here.fields.entry(name.clone()).or_default().take(of, name, value, deduce);
        }
    }
}

impl OfField {
    fn take(&mut self, of: &Of<'_>, name: &str, value: &Value, deduce: bool) {
        let kind = Kind::of(value);
        if self.kinds.len() < KINDS || self.kinds.contains_key(&kind) {
            *self.kinds.entry(kind).or_default() += 1;
        }
        self.seen += 1;
        if !deduce {
            return;
        }
        if self.seen == 1 {
            let (neutral, told) = (is_neutral(value), told(value));
            self.ways = of.ways(name, value);
            self.constant = written(value).map(|written| Constant { written, told, neutral });
            return;
        }
        self.ways.retain_mut(|way| of.holds(way, value));
        self.constant.take_if(|constant| written(value).as_ref() != Some(&constant.written));
    }
}

fn id(value: &Value) -> Option<u64> {
    match value {
        Value::Numbers(array) => array.id,
        Value::Array(array) => array.id,
        Value::Tuple(tuple) => tuple.id,
        Value::Struct(s) => s.id,
        Value::Dict(dict) => dict.id,
        _ => None,
    }
}

/// Tells of a value and all in it.
fn each<'v>(root: &'v Value, visit: &mut dyn FnMut(&'v Value)) {
    let mut left = vec![root];
    while let Some(value) = left.pop() {
        visit(value);
        match value {
            Value::Array(array) => left.extend(&array.items),
            Value::Tuple(tuple) => left.extend(&tuple.items),
            Value::Struct(s) => left.extend(s.fields.iter().map(|(_, value)| value)),
            Value::Dict(dict) => dict.pairs.iter().for_each(|(key, of)| left.extend([key, of])),
            _ => {}
        }
    }
}

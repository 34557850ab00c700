//! What the names of types mean in a source, and whether two types are one.

use crate::migrate::definitions::{DefinedType, Definitions, TypeExpr};
use crate::migrate::type_text::{KNOWN, bare, full_name};

/// Names that stand for others nest less deeply than this.
const MAX_DEPTH: u32 = 64;

/// Names that every Julia session has besides [`KNOWN`], which fields can be declared with.
const DECLARED: [(&str, &[&str]); 1] = [("Core", &["Union", "Vararg"])];

/// Other names of numbers, on machines of 64 bits under Unix.
const NUMBERS: [(&str, &str); 17] = [
    ("Int", "Int64"),
    ("UInt", "UInt64"),
    ("Cchar", "Int8"),
    ("Cuchar", "UInt8"),
    ("Cshort", "Int16"),
    ("Cushort", "UInt16"),
    ("Cint", "Int32"),
    ("Cuint", "UInt32"),
    ("Clong", "Int64"),
    ("Culong", "UInt64"),
    ("Clonglong", "Int64"),
    ("Culonglong", "UInt64"),
    ("Csize_t", "UInt64"),
    ("Cssize_t", "Int64"),
    ("Cfloat", "Float32"),
    ("Cdouble", "Float64"),
    ("Cvoid", "Nothing"),
];

/// A type with the names of a source made full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A type whose name is full, with its parameters.
    Known(String, Vec<Self>),
    /// A name that comes from elsewhere (`using`), with its parameters.
    Elsewhere(String, Vec<Self>),
    /// A parameter of the struct itself.
    Parameter,
    /// A number or symbol among parameters.
    Value(String),
    /// What only Julia could tell.
    Unclear(String),
}

/// Where a name stands.
pub(super) struct Scope<'a> {
    pub(super) definitions: &'a Definitions,
    /// The module, for instance `JLD2.Filters`; empty outside of all.
    pub(super) module: &'a str,
    /// The struct whose parameters may be meant.
    pub(super) within: &'a DefinedType,
}

impl Scope<'_> {
    /// What a type means that a field is declared with; without a type a field takes anything.
    pub(super) fn meaning(&self, written: Option<&TypeExpr>) -> Meaning {
        let any = || Meaning::Known("Core.Any".to_owned(), Vec::new());
        written.map_or_else(any, |written| self.at_depth(written, 0))
    }

    fn at_depth(&self, written: &TypeExpr, depth: u32) -> Meaning {
        let (name, parameters) = match written {
            TypeExpr::Value(text) => return Meaning::Value(text.clone()),
            TypeExpr::Named { name, parameters } if depth < MAX_DEPTH => (name, parameters),
            other => return Meaning::Unclear(other.to_string()),
        };
        if parameters.is_empty() && self.within.parameters.contains(name) {
            return Meaning::Parameter;
        }
        let mut inner: Vec<_> = parameters.iter().map(|p| self.at_depth(p, depth + 1)).collect();
        if let Some(full) = self.find(name, |full| self.definitions.types.contains_key(full)) {
            return Meaning::Known(full, inner);
        }
        if let Some(full) = self.find(name, |full| self.definitions.aliases.contains_key(full))
            && let Some(to) = self.definitions.aliases.get(&full)
            && inner.is_empty()
        {
            return self.at_depth(to, depth + 1);
        }
        let bare = bare(name);
        if let Some((_, number)) = NUMBERS.iter().find(|(other, _)| *other == bare) {
            return Meaning::Known(format!("Core.{number}"), inner);
        }
        for (other, array, dimensions) in [
            ("Vector", "Array", "1"),
            ("Matrix", "Array", "2"),
            ("AbstractVector", "AbstractArray", "1"),
            ("AbstractMatrix", "AbstractArray", "2"),
        ] {
            if bare == other && inner.len() == 1 {
                inner.push(Meaning::Value(dimensions.to_owned()));
                return Meaning::Known(format!("Core.{array}"), inner);
            }
        }
        match full_name(&KNOWN, bare).or_else(|| full_name(&DECLARED, bare)) {
            Some(full) => Meaning::Known(full, inner),
            None => Meaning::Elsewhere(name.clone(), inner),
        }
    }

    /// The full name that a name has in this module or in those around it.
    fn find(&self, name: &str, is_there: impl Fn(&str) -> bool) -> Option<String> {
        let mut module = self.module;
        loop {
            let full = if module.is_empty() { name.to_owned() } else { format!("{module}.{name}") };
            if is_there(&full) {
                return Some(full);
            }
            if module.is_empty() {
                return None;
            }
            module = module.rsplit_once('.').map_or("", |(around, _)| around);
        }
    }
}

impl Meaning {
    /// Whether it is the target's type; none if only Julia could tell.
    pub(super) fn is(&self, target: &TypeExpr) -> Option<bool> {
        let (name, parameters) = match (self, target) {
            (Self::Unclear(_), _) | (_, TypeExpr::Other(_)) => return None,
            (Self::Parameter, _) => return Some(true),
            (Self::Value(a), TypeExpr::Value(b)) => return Some(a == b),
            (Self::Value(_), _) | (_, TypeExpr::Value(_)) => return Some(false),
            (Self::Known(name, inner), TypeExpr::Named { name: wanted, parameters }) => {
                // A file of definitions may leave modules out.
                let given = name.contains('.');
                let same = if given { name == wanted } else { name == last(wanted) };
                (same.then_some(inner), parameters)
            }
            (Self::Elsewhere(name, inner), TypeExpr::Named { name: wanted, parameters }) => {
                let same = name == wanted || last(name) == last(wanted);
                (same.then_some(inner), parameters)
            }
        };
        let Some(inner) = name else { return Some(false) };
        if inner.len() != parameters.len() {
            return Some(false);
        }
        let mut all = Some(true);
        for (inner, wanted) in inner.iter().zip(parameters) {
            match inner.is(wanted) {
                Some(true) => {}
                Some(false) => return Some(false),
                None => all = None,
            }
        }
        all
    }

    /// Whether it is a type of this full name.
    pub(super) fn is_named(&self, names: &[&str]) -> bool {
        matches!(self, Self::Known(name, _) if names.contains(&name.as_str()))
    }
}

/// A name without its modules.
pub(super) fn last(name: &str) -> &str {
    name.rsplit_once('.').map_or(name, |(_, last)| last)
}

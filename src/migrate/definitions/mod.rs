//! Struct definitions in Julia's own syntax: those of a text, or of a package's sources.
//!
//! This is a scanner, not Julia: it reads modules, `struct`s and their fields, and follows plain
//! `include`s. What a macro makes, or what only running the code would tell, it does not know, and
//! says so ([`Unclear`]).

mod frames;
mod lexer;
mod packages;
mod scan;
mod structs;
mod type_expr;

pub use packages::{PackageError, PackageSeen, definitions_in, packages};
pub use scan::scan_text;
pub use type_expr::TypeExpr;

use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What some sources define.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Definitions {
    /// Types by their full names, for instance `JLD2Lz4.Lz4Filter`.
    pub types: BTreeMap<String, DefinedType>,
    /// Other names of types (`const A = B`) by their full names, as they are written.
    pub aliases: BTreeMap<String, TypeExpr>,
    /// Modules that stand in no other.
    pub modules: BTreeSet<String>,
    /// What was not understood.
    pub unclear: Vec<Unclear>,
}

/// A type as its source defines it.
#[derive(Debug, Clone, PartialEq)]
pub struct DefinedType {
    /// Whether it is a struct, and what kind of one.
    pub kind: TypeKind,
    /// The names of its parameters, in order.
    pub parameters: Vec<String>,
    /// Its fields, in order.
    pub fields: Vec<DefinedField>,
    /// Where it is defined.
    pub place: Place,
    /// What stands in the way of knowing its fields for sure.
    pub doubt: Option<String>,
}

/// The kinds of types.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeKind {
    /// `struct`.
    Struct,
    /// `mutable struct`.
    Mutable,
    /// `abstract type` or `primitive type`: no fields.
    Bare,
}

/// A field of a struct.
#[derive(Debug, Clone, PartialEq)]
pub struct DefinedField {
    /// Its name.
    pub name: String,
    /// The type it is declared with, as it is written; without one, it takes anything.
    pub julia_type: Option<TypeExpr>,
}

/// A line of a source.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Place {
    /// The file, or what the text was called.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
}

/// Something that was not understood.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unclear {
    /// Where.
    pub place: Place,
    /// What, for a person.
    pub text: String,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.file, self.line)
    }
}

impl Definitions {
    /// Adds what another source defines. What both define is taken from neither side for sure.
    pub fn add(&mut self, other: Self) {
        for (name, defined) in other.types {
            self.define(name, defined);
        }
        self.aliases.extend(other.aliases);
        self.modules.extend(other.modules);
        self.unclear.extend(other.unclear);
    }

    /// Adds a type. A second definition of one name, with other fields, leaves doubt.
    fn define(&mut self, name: String, mut defined: DefinedType) {
        if let Some(known) = self.types.get(&name) {
            let same = known.kind == defined.kind && known.fields == defined.fields;
            if !same {
                let text = format!("it is defined at {}, too, with other fields", known.place);
                defined.doubt.get_or_insert(text);
            }
        }
        self.types.insert(name, defined);
    }
}

#[cfg(test)]
mod tests;

//! A target held against definitions of its types: what differs, and what JLD2 would make of it.

mod compare;
mod names;
mod what_depends;

pub use compare::check;

use super::definitions::{Place, Unclear};
use serde::Serialize;

/// What came of a comparison.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Check {
    /// Each type of the target, by name.
    pub types: Vec<TypeCheck>,
    /// Types that the target's closed packages have and the target does not list: it takes them for
    /// types that do not exist.
    pub unlisted: Vec<String>,
    /// What of the definitions was not understood.
    pub unclear: Vec<Unclear>,
}

/// What the definitions make of one type of the target.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TypeCheck {
    /// Its full name.
    #[serde(rename = "type")]
    pub name: String,
    /// The outcome.
    pub verdict: Verdict,
    /// Where it is defined.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What differs.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
    /// What JLD2 does when it loads an object that was written for the target.
    pub effect: Effect,
    /// The same in words; empty where it loads without a word.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub on_load: String,
    /// Why it is not clear.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
    /// What in the target's file speaks of the type and has to change.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub to_change: Vec<String>,
}

/// The outcomes for one type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// As the target says.
    Same,
    /// Defined otherwise.
    Differs,
    /// Its package is there, but not the type.
    NotFound,
    /// It could not be told.
    Unclear,
    /// Nothing is there of its package.
    NotGiven,
}

/// What JLD2 does when it loads an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// It loads without a word.
    Silent,
    /// It warns, and makes up a type or leaves something out.
    Warning,
    /// Loading ends with an error.
    Failure,
}

/// One thing that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// What kind of thing.
    pub kind: ChangeKind,
    /// The field, as the definitions call it, or where they lack it, as the target does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What the target says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// What the definitions say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defined: Option<String>,
    /// What JLD2 does because of it.
    pub effect: Effect,
}

/// The kinds of changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ChangeKind {
    /// A field that the target does not know.
    FieldAdded,
    /// A field that only the target knows.
    FieldRemoved,
    /// A field at the same place and of the same type has another name.
    FieldRenamed,
    /// The fields are the same in another order.
    FieldsReordered,
    /// A field has another type.
    FieldTypeChanged,
    /// `struct` became `mutable struct`, or the other way.
    MutabilityChanged,
    /// Another type looks like this one under a new name.
    TypeRenamed,
}

impl Check {
    /// How many types came out so.
    pub fn count(&self, verdict: Verdict) -> usize {
        self.types.iter().filter(|t| t.verdict == verdict).count()
    }

    /// Whether every type that is given is as the target says.
    pub fn is_same(&self) -> bool {
        let fine = |t: &TypeCheck| matches!(t.verdict, Verdict::Same | Verdict::NotGiven);
        self.types.iter().all(fine)
    }
}

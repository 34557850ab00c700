//! Makes an edit list of findings, rules and a target.
//!
//! [`plan`] reads a file once, asks the [`target`] for the rule of each object, and says what a
//! reader of the target would meet ([`Finding`]s) and which bytes to append and replace
//! ([`edit::EditList`]) so that it meets nothing any more.
//!
//! How a type is carried over was settled by experiment (docs/jld2-format.md, section 11): a new
//! committed type takes the old one's slot in `_types`, new instances are appended, and every
//! reference to an old instance is patched. Nothing is unlinked, so a later append by JLD2 numbers
//! its types rightly.

mod additions;
mod along;
mod becoming;
mod carried;
pub mod check;
mod client_values;
mod container;
pub mod definitions;
mod diagnose;
pub mod edit;
mod edit_show;
mod engine;
mod error;
mod examine;
mod fate;
mod finding;
mod flat;
mod given;
mod groups;
mod large_columns;
mod left;
mod leftover;
pub mod literal;
mod look;
mod names;
mod never_held;
mod objects;
pub mod operation;
mod patches;
pub mod pattern;
mod plan;
mod portable;
mod references;
pub mod rule;
mod session;
mod survey;
pub mod target;
mod turn;
mod type_text;
mod typedef;
pub mod userrules;
mod versions;

pub use along::Along;
pub use becoming::{Becoming, becoming};
pub use carried::Carried;
pub use container::is_merafile;
pub use error::{PlanError, TargetError};
pub use examine::Examiner;
pub use finding::{Finding, Remedy, Severity, When};
pub use flat::{FlatState, FlatTable, flat_groups, flat_tables};
pub use groups::{HeldBack, Unmet};
pub use large_columns::LargeColumns;
pub use never_held::NeverHeld;
pub use plan::{Migration, Request, plan, plan_along, plan_for};
pub use portable::Readers;
pub use survey::Survey;
pub use type_text::full_type;
pub use typedef::{FieldDef, TypeDef};

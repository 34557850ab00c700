//! Reads numbers out of files: tables of Mera files with what Mera computes of them, other tables,
//! and plain arrays.
//!
//! A [`MeraFile`] has a [`MeraGroup`] for each table; a [`Relation`] is what rows are taken from; a
//! [`Query`] reads some columns and quantities of the rows that a [`Selection`] chooses, in windows,
//! so that memory does not grow with the rows.

mod condition;
mod error;
mod mera_file;
mod query;
mod reductions;
mod relation;
mod selection;
mod sum;

pub use condition::{Condition, ConditionError, Number, Variable, parse as parse_condition};
pub use error::NumbersError;
pub use mera_file::{MeraFile, MeraGroup, RunInfo};
pub use query::{Batch, Query, Values};
pub use reductions::{bulk_velocity, center_of_mass, levels, total_mass};
pub use relation::{Place, Relation};
pub use selection::{Ask, Selection};
pub use sum::Sum;

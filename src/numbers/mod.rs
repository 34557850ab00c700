//! Reads numbers out of files: tables of Mera files with what Mera computes of them, other tables,
//! and plain arrays.
//!
//! A [`MeraFile`] has a [`MeraGroup`] for each table; a [`Relation`] is what rows are taken from; a
//! [`Query`] reads some columns and quantities of the rows that a [`Selection`] chooses, in windows,
//! so that memory does not grow with the rows.
//! [`Statistics`] and [`overview`] are made of that.

mod condition;
mod error;
mod floats;
mod histogram;
mod key;
mod make_file;
pub mod map;
mod mera_file;
mod new_file;
mod npy;
mod overview;
pub mod picture;
mod query;
mod ranks;
mod reductions;
mod relation;
mod selection;
pub mod series;
mod show;
mod statistics;
mod sum;

pub use condition::{Condition, ConditionError, Number, Variable, parse as parse_condition};
pub use error::NumbersError;
pub use histogram::{Histogram, Spacing};
pub use make_file::make_file;
pub(crate) use make_file::sealed_file;
pub use mera_file::{MeraFile, MeraGroup, RunInfo};
pub use new_file::NewFile;
pub(crate) use npy::{NpyLength, npy_header};
pub use overview::{ColumnOverview, Overview, TableOverview, overview, usual_unit};
pub use query::{Batch, Query, Values};
pub use reductions::{bulk_velocity, center_of_mass, levels, total_mass};
pub use relation::{Place, Relation};
pub use selection::{Ask, Selection};
pub use show::short;
pub use statistics::{Asked, MOST_PERCENTILES, Statistics, Told, USUAL_PERCENTILES};
pub use sum::Sum;

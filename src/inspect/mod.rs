//! What one file is, holds and needs; how two files differ; values as text.
//!
//! [`inspect`] looks into a file without reading its columns and gives an [`Inspection`], or a
//! [`Refusal`] that says what the file is instead. [`compare`] tells two files apart by types and
//! values, whatever their codecs and layouts. [`dump`] writes values. All of them stream: memory
//! grows with the number of objects, never with their data.

mod columns;
mod compare;
mod difference;
mod dump;
mod examine;
mod groups;
mod lockstep;
mod model;
mod natural;
mod numbers;
mod refusal;
mod show;
mod show_tree;
mod show_value;
mod tree;
mod type_name;
mod usage;

pub use compare::{Comparison, Difference, compare};
pub use difference::What;
pub use dump::{DumpError, Form, dump, dump_with};
pub use examine::{Detail, inspect, inspect_with};
pub use model::{
    Action, ColumnInfo, Container, DataGroup, EraGuess, Format, Inspection, Kind, NodeKind,
    Refusal, TreeNode,
};
pub use show::{Tally, details, line, line_head};

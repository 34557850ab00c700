//! Tells what one file is, holds and needs; how two files differ; values as text.
//!
//! [`inspect`] looks into a file without reading its columns and gives an [`Inspection`], or a
//! [`Refusal`] that says what the file is instead. [`compare`] tells two files apart by types and
//! values, whatever their codecs and layouts; [`verify`] does so for a file and what a conversion
//! made of it, and lets rules explain what they change. [`dump`] writes values. All of them stream: memory
//! grows with the number of objects, never with their data.

mod attributes;
mod columns;
mod compare;
mod comparison;
mod contents;
mod draft;
mod dump;
mod encodings;
mod examine;
mod explain;
mod glance;
mod group_diff;
mod groups;
mod health;
mod identity;
mod layouts;
mod let_pass;
mod model;
mod numbers;
mod outlook;
mod packages;
mod pairs;
mod plain_json;
mod raw;
mod seen;
mod show;
mod show_comparison;
mod show_tree;
mod show_value;
mod side;
mod stream_diff;
mod tree;
mod type_name;
mod types;
mod unread;
mod unread_elements;
mod unreadable;
mod usage;
mod value_builder;
mod value_diff;
mod value_tree;
mod verdict;
mod view;

pub use comparison::{Comparison, Difference, Unread, Verdict, What};
pub use draft::{Draft, draft};
pub use dump::{DumpError, Form, dump, dump_with};
pub use examine::{Detail, inspect, inspect_with};
pub use explain::{compare, verify, verify_by, verify_with};
pub use glance::{Glance, LastTypes, glance};
pub use health::{DamagedDataset, Health, health};
pub use model::{
    Action, ColumnInfo, Container, DataGroup, EraGuess, Format, Inspection, Kind, NodeKind,
    Refusal, TreeNode,
};
pub use outlook::{Case, Outlook};
pub use pairs::{FilePair, PairListener, PairOutcome, PairTally, file_pairs, verify_pairs};
pub use show::{Tally, details, line, line_head, width};
pub use types::{StoredField, StoredType, StoredTypes, stored_types};

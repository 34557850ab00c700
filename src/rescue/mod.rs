//! Rescues what is whole in damaged files: files that were never closed, cut short or partly zeroed.
//!
//! One pass over all bytes finds object headers by their signatures and checksums (`h5::Scan`); those
//! of version 1, which have neither, are found from the root (`unsigned`). Each
//! is then looked at by itself (`examine`): whether its data and heap objects are there and can be
//! decoded, and which others it refers to. Losses go on to all that need what is lost (`judge`).
//! With `--partial`, arrays of which some chunks are lost are kept without them (`in_part`), with an index
//! of the others (`new_index`).
//! Groups that are left give names; what has none gets a new one (`tree`). The file as it would be
//! with that is an overlay of the damaged one (`assemble`), which is laid out afresh, checked and
//! published as any output. docs/rescue.md has the rule of wholeness.
//!
//! Memory grows with the number of objects (some hundred bytes each) and references (sixteen bytes
//! each), not with data.

mod assemble;
mod catalogue;
mod claims;
mod describe;
mod elements;
mod examine;
mod hints;
mod in_part;
mod judge;
mod new_index;
mod passing;
mod report;
mod run;
mod tell;
mod tree;
mod unsigned;
mod wholes;

pub use report::{
    Doubtful, Filled, Found, GroupCut, LeftOut, Lost, Outcome, Report, Rescued, UndefinedElements,
    What,
};
pub use run::{Assessment, RescueOptions, assess, rescue};
pub use tell::tell;

//! Rescues what is whole in damaged files: files that were never closed, cut short or partly zeroed.
//!
//! One pass over all bytes finds object headers by their signatures and checksums (`h5::Scan`); those
//! of version 1, which have neither, are found from the root (`unsigned`). Each
//! is then looked at by itself (`examine`): whether its data and heap objects are there and can be
//! decoded, and which others it refers to. Losses go on to all that need what is lost (`judge`).
//! Groups that are left give names; what has none gets a new one (`tree`). The file as it would be
//! with that is an overlay of the damaged one (`assemble`), which is laid out afresh, checked and
//! published as any output. docs/rescue.md has the rule of wholeness.
//!
//! Memory grows with the number of objects (some hundred bytes each) and references (sixteen bytes
//! each), not with data.

mod assemble;
mod catalogue;
mod describe;
mod elements;
mod examine;
mod hints;
mod judge;
mod passing;
mod report;
mod run;
mod tell;
mod tree;
mod unsigned;

pub use report::{
    Doubtful, Found, GroupCut, LeftOut, Lost, Outcome, Report, Rescued, UndefinedElements, What,
};
pub use run::{Assessment, assess, rescue};
pub use tell::tell;

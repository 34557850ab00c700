//! Upgrades archives of JLD2 files (Julia's HDF5 subset) without Julia.
//!
//! The crate is a stack of rooms; each may use those below it and none above:
//!
//! | room | what it does |
//! |---|---|
//! | [`cli`] | arguments, config file, environment |
//! | [`dashboard`] | a run shown to browsers while it goes |
//! | [`doctor`] | what this machine and an archive's places give a run |
//! | [`tasks`] | what workers do with files: convert, verify: each in a folder of its own |
//! | [`report`] | events to progress, summary, JSON |
//! | [`supervisor`] | plan, slots, governor, retry policy, journal |
//! | [`worker`] | the child's side: take a task, measure itself, report |
//! | [`protocol`] | messages between supervisor and worker |
//! | [`inspect`] | what one file is, holds and needs; how two files differ |
//! | [`export`] | tables and arrays in the formats of others |
//! | [`numbers`] | columns, quantities and statistics of files' tables |
//! | [`rescue`] | what is whole in a damaged file, written anew |
//! | [`archive`] | discovery, numbering, ranges, gaps, shards |
//! | [`convert`] | one file: choose a mode, carry it out, verify, publish |
//! | [`migrate`] | findings, rules and targets; what they give is an edit list |
//! | [`mera`] | what Mera files mean: eras, units, scales |
//! | [`julia`] | Julia's type system as JLD2 stores it |
//! | [`codec`] | filter payloads, streamed |
//! | [`h5`] | the HDF5 container; knows nothing of Julia |
//! | [`sys`] | the operating system; the only home of `unsafe` |
//! | [`text`] | numbers, lists, times and foreign texts in words |

pub use jld2::{codec, h5, julia};

pub mod archive;
pub mod cli;
pub mod convert;
pub mod dashboard;
pub mod doctor;
pub mod export;
pub mod inspect;
pub mod mera;
pub mod migrate;
pub mod numbers;
pub mod protocol;
pub mod report;
pub mod rescue;
pub mod supervisor;
pub mod sys;
pub mod tasks;
pub mod text;
pub mod worker;

#[cfg(test)]
mod test_random;

//! `jldconv export` and `jldconv-supervisor export`: what they write, read back by others' readers and
//! held against what Julia read of the same files.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../common/python.rs"]
mod python;

mod archive;
#[cfg(feature = "arrow")]
mod columnar;
mod numpy;
mod places;
#[cfg(feature = "arrow")]
mod reference_sets;
mod refs;
mod setting;
mod vtk;

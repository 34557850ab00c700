//! `jldconv rescue`: what is whole in damaged files is saved with the value that it had, what is not is
//! told, and no file costs more than it is worth.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[expect(
    unreachable_pub,
    clippy::cast_possible_truncation,
    clippy::trivially_copy_pass_by_ref,
    reason = "it belongs to the fuzz targets, which run on 64 bits"
)]
#[path = "../../fuzz/src/repair.rs"]
mod repair;

mod damaged;
mod forged;
mod hdf5;
mod partial;
mod samples;
mod truth;

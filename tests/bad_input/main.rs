//! Damaged, cut and foreign files: each is read or refused with an error that says what is wrong,
//! in little memory and time, and no run of the supervisor suffers from one.
//!
//! Looks at the files in `tests/data` and, where it is there, at the shared directory
//! (`JLDCONV_SHARED`, else `../shared`).

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../common/clean.rs"]
mod clean;
#[path = "../../examples/generate/mera/mod.rs"]
mod mera;

mod archive;
mod array;
mod payloads;
mod places;
mod reading;
mod run;
mod samples;

use peak_alloc::PeakAlloc;
use std::sync::{Mutex, PoisonError};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// One at a time: memory is measured for the whole process.
static TURN: Mutex<()> = Mutex::new(());

/// Waits for the others; they wait for what is returned.
fn turn() -> impl Drop {
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

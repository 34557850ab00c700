//! What each level of checks notices: one bit flipped in each kind of byte of an output, between
//! writing and checking, in the real programs.
//!
//! `JLDCONV_FLIP` (feature `fault`) changes the byte on the disk; a preloaded `pwrite` changes it on
//! its way there. Both directions are asserted: what a level promises is noticed, and what it does
//! not promise passes, so that the table here is the one in the documentation.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod behind;
#[cfg(feature = "fault")]
#[path = "../common/clean.rs"]
mod clean;
#[cfg(feature = "fault")]
mod flips;
mod preload;
#[cfg(feature = "fault")]
mod reflink;
mod sample;

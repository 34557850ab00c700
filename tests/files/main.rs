//! Tests on whole files, real ones and ones made at random: what they hold, and what they keep
//! through every conversion.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test fails by panicking"
)]

#[path = "../common/clean.rs"]
mod clean;
#[path = "../common/mod.rs"]
mod common;
#[path = "../common/memory.rs"]
mod memory;
#[path = "../common/python.rs"]
mod runner;

mod appendable;
mod chunks;
mod drafts;
mod generated;
mod graph_file;
mod graphs;
mod large_values;
mod mera_expected;
mod packages;
mod real;
mod releases;
mod rewritten_chunks;
mod roundtrip;
mod rule_graphs;
mod rule_powers;
mod rule_turns;
mod rules;
mod targets;
#[cfg(feature = "fault")]
mod turned_kills;
mod written_like_jld2;

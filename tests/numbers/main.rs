//! Numbers of Mera files: what real Mera computed of them, and what the programs print.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../common/memory.rs"]
mod memory;
#[allow(dead_code, unused_imports, reason = "what makes files of other kinds")]
#[path = "../../examples/generate/mera/mod.rs"]
mod mera;

mod commands;
mod forged;
mod maps;
mod memory_bounds;
mod radiation;
mod truth;

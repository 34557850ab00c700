//! Numbers of Mera files: what real Mera computed of them, and what the programs print.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod commands;
mod maps;
mod radiation;
mod truth;

//! Decoding and encoding against the crates themselves on the same bytes, in the same run.
//!
//! `cargo bench --bench codec [-- decode]`; the columns are those of simulation data.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a bench that cannot run should say so loudly"
)]

#[path = "codec/columns.rs"]
mod columns;
#[path = "codec/decode.rs"]
mod decode;
#[path = "codec/encode.rs"]
mod encode;

fn main() {
    divan::main();
}

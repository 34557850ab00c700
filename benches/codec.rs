//! Decoding and encoding against the crates themselves on the same bytes, in the same run.
//!
//! `cargo bench --bench codec [-- decode]`; the columns are those of simulation data.

#[path = "codec/columns.rs"]
mod columns;
#[path = "codec/decode.rs"]
mod decode;

fn main() {
    divan::main();
}

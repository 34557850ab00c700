//! Julia's type system as JLD2 stores it: signatures, committed types, values
//! (docs/jld2-format.md, section 6).
//!
//! Everything is driven by what the file says of itself. A value is read with the field map and the
//! layout that its committed datatype carries, never with a definition taken from elsewhere, since
//! each JLD2 release made its own choices.

mod array;
mod bounded;
pub mod builder;
mod data;
mod datasets;
mod dump;
mod element;
#[cfg(test)]
mod grown;
mod node;
mod number;
mod record;
#[cfg(test)]
mod sample;
mod signature;
mod stack;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod types;

pub use data::{Column, Decoded};
pub use datasets::datasets;
pub use dump::{Digest, Digests, Dumper, FieldValue, Override, Overrides, Watch};
pub use element::Element;
pub use node::Node;
pub use record::Record;
pub use signature::is_type;
pub use stack::{DEEP_STACK, on_deep_stack};
pub use table::{Committed, Field, Renames, TypeTable};
pub use types::{JuliaType, Param};

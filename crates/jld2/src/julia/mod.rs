//! Reads and builds Julia's types and values as JLD2 stores them: signatures, committed types,
//! values (docs/jld2-format.md, section 6).
//!
//! Everything is driven by what the file says of itself. A value is read with the field map and the
//! layout that its committed datatype carries, never with a definition taken from elsewhere, since
//! each JLD2 release made its own choices.

mod array;
mod bounded;
pub mod builder;
mod chunks;
mod columns;
mod committed;
mod data;
mod datasets;
mod datasets_along;
mod derived;
mod dump;
mod element;
mod footprint;
#[cfg(test)]
mod grown;
mod held;
mod node;
mod number;
mod number_type;
mod record;
#[cfg(test)]
mod sample;
mod signature;
mod stack;
mod stored;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod turned;
mod types;
mod unwritten;
mod value;
mod walk;

pub use crate::h5::{Listed, Paths};
pub use bounded::Bounded;
pub use columns::{Columns, TableKind};
pub use committed::{Committed, Field};
pub use data::{Column, Decoded};
pub use datasets::{Linked, datasets, linked, listed, readable};
pub use datasets_along::DatasetsAlong;
pub use derived::{Derived, Worked};
pub use dump::{Canonical, Digest, Digests, Dumper, Entry, FormDigest};
pub use element::Element;
pub use node::Node;
pub use number::{big_integer, written_big};
pub use number_type::{NumberBytes, NumberType};
pub use record::Record;
pub use signature::is_type;
pub use stack::{DEEP_STACK, on_deep_stack};
pub use table::{KnownTypes, NewName, NewParam, Renames, TypeTable};
pub use turned::{
    EachElement, EachPart, Lane, Lanes, STRUCT_ARRAY, Structs, columns_in, element_type,
    named_tuple, struct_array,
};
pub use types::{JuliaType, Param};
pub use value::{
    Array, DEFAULT_LIMIT, Dict, NumberArray, Numeric, Scalar, Struct, Tuple, Value, ValueBuilder,
    Vector,
};
pub(crate) use value::{extend, is_little_endian};
pub(crate) use walk::kind_of;
pub use walk::{
    FieldValue, Number, NumberKind, Numbers, Override, Overrides, Parts, Shape, TextStream,
    TypeName, Visitor, Walk, Watch, half,
};

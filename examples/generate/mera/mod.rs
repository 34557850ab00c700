//! Mera files of any size: the objects of a small real one, with columns that are made up.
//!
//! A [`Template`] is a file that real Julia wrote. [`Template::write`] lays its objects out anew, in
//! their old order and byte for byte but for addresses and checksums, and puts generated columns
//! where its own were. What comes out is what JLD2 would have written of a larger table: the same
//! types, instances and heaps, no unused bytes, and a header before each column.

mod cells;
mod column;
mod field;
mod parts;
mod payload;
mod reduce;
mod template;

pub(crate) use payload::Packing;
pub(crate) use template::{TABLES, Template};

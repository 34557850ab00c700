//! Builds new objects for a file: types, and values of them, encoded as JLD2 would append them.
//!
//! Objects are put together first and laid out afterwards, so that they may refer to one another
//! and to heap objects in any order. Nothing of the file itself changes here.

mod data;
mod finish;
mod objects;
mod pending;
mod types;

pub use data::{Data, ObjectRef};
pub use finish::Built;
pub use pending::{Build, FieldStyle, LaterPart};
pub use types::{NewField, record};

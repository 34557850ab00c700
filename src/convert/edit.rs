//! Edit lists as this room uses them: the value, holding it against a file, carrying it out.

pub use super::apply::{ApplyError, State};
pub use crate::migrate::edit::{EditBuilder, EditError, EditList, Replace};

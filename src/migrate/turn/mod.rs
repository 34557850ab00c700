//! Decides which arrays of structs become structs of arrays, and which structs of arrays become arrays
//! of structs.

mod alone;
mod find;
mod holders;
mod refuse;
mod turned;

pub(super) use alone::called_alone;
pub(super) use holders::check_holders;
pub(super) use refuse::shared;
pub(super) use turned::{Turned, Turns};

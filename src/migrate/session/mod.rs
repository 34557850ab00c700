//! Foretells what a Julia session of the target makes of a file: what JLD2 0.6.5 prints, and where it
//! ends with an error.
//!
//! JLD2 compares each committed type with the session's type of that name when it first meets it, be it
//! as the type of an object, of a field or of a parameter, and prints what it finds then: once for each
//! committed type, however many objects there are (docs/jld2-format.md, section 10; `jltype` and
//! `constructrr` in its `src/data/reconstructing_datatypes.jl`). What it makes up in the place of a type
//! is of no type but `Any`: whatever declares another ends the loading of the dataset. So types are
//! resolved ([`resolved`]) and compared ([`layout`]) as JLD2 does it, and objects are followed from each
//! linked dataset ([`load`]), in the order and as far as JLD2 gets.
//!
//! A session may have more packages than the target names: the user's own. So all is done twice, without
//! and with the types that the target does not name ([`forecast`]); in the second case they are taken to
//! be as they were when the file was written. What a conversion leaves is foretold in the same way, with
//! the types that rules change taken to be the session's own ([`mended`]).

mod arrays;
mod committed;
mod forecast;
mod lacks;
mod layout;
mod load;
mod mended;
mod reading;
mod repr;
mod resolved;
#[cfg(test)]
mod tests;
mod types;
mod walk;

pub(super) use arrays::Arrays;
pub(super) use forecast::Forecast;
pub(super) use mended::Mended;

//! Knows what Mera files mean: eras, units, scales.
//!
//! Mera (a Julia package) writes one JLD2 file for each output of a simulation. Two of its types,
//! the scale factors and the physical constants, changed their layout over the years; much
//! here serves to say which layout a file has ([`types`], [`era`]) and what stands in the fields
//! that an old layout lacked ([`scales`], [`constants`]). The rest is what Mera computes of a
//! file's tables ([`quantity`], [`region`], [`time`], [`formation`]) and in
//! which units ([`unit`]).

pub mod constants;
pub mod era;
pub mod formation;
mod history;
pub mod quantity;
pub mod region;
pub mod scales;
pub mod time;
pub mod types;
pub mod unit;

#[cfg(test)]
mod testdata;

//! Files of very many small things, as JLD2 0.6 lays them out: for measurements of what grows with
//! their number. Everything is written once, from front to back, so that no number is too large
//! for the memory; addresses are reckoned before.

mod boxes;
mod dict;
mod file;
mod groups;
mod strings;
mod types;

use anyhow::Result;
use std::fs::File;

/// What there is very much of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// `data::Vector{Any}` of `Float64`: each is an object of its own.
    Boxed,
    /// `data::Vector{Any}` of `String`: each is an object of its own.
    Texts,
    /// `data::Vector{String}`: strings in global heaps.
    Strings,
    /// `data = [a short string, one of so many bytes]`, in a heap each; the long one is a hole of the file.
    Long,
    /// Integers in the root group: links of one group.
    Links,
    /// The same under names of 20 characters that say nothing of one another.
    Names,
    /// Groups in the root group, with an integer in each.
    Groups,
    /// Groups inside one another, an integer in the innermost.
    Nested,
    /// `data::Dict{String, Int}`: an object for each pair, keys in global heaps.
    Dict,
    /// `data = Any[Any[...Any[1.0]...]]`: references so many levels deep.
    Deep,
}

/// Writes a file with `count` of them; gives its length.
pub(crate) fn write(out: &File, kind: Kind, count: u64) -> Result<u64> {
    let mut file = file::Writer::new(out)?;
    match kind {
        Kind::Boxed => boxes::numbers(&mut file, count)?,
        Kind::Texts => boxes::texts(&mut file, count)?,
        Kind::Deep => boxes::deep(&mut file, count)?,
        Kind::Strings => strings::vector(&mut file, count)?,
        Kind::Long => strings::long(&mut file, count)?,
        Kind::Links => groups::links(&mut file, count)?,
        Kind::Names => groups::names(&mut file, count)?,
        Kind::Groups => groups::wide(&mut file, count)?,
        Kind::Nested => groups::nested(&mut file, count)?,
        Kind::Dict => dict::dict(&mut file, count)?,
    }
    file.finish()
}

//! Finds and divides an archive's files: discovery, numbering, ranges, gaps, shards.
//!
//! An archive is a directory, or a tree, of files named `<prefix>NNNNN.jld2`, or as a [`Selection`]
//! says. What is found in it is data: [`discover`] lists, [`Ranges`] chooses, [`gaps`] tells what is missing between the first and the
//! last, and [`Shard`] takes one task's part. Nothing here opens a file of the archive (only journals
//! of earlier runs, where they are met below), and nothing that looks like an output is passed over in
//! silence.

mod discover;
mod earlier;
mod gaps;
mod listing;
mod name;
mod place;
mod range;
mod selection;
mod shard;
mod walk;

pub use discover::{Archive, ArchiveError, Found, Ignored, Obstacle, Unlisted, Why, dir_of};
pub use gaps::{Gaps, gaps};
pub use listing::Listing;
pub use name::{Name, Numbered, classify, is_jld2, joined};
pub use place::{Placement, nearest_dir, same_place};
pub use range::{RangeError, Ranges};
pub use selection::{DEFAULT_PREFIX, Glob, GlobError, Selection};
pub use shard::{ArrayVars, Shard, ShardError, Weigh};
pub use walk::{Below, below, directories, discover, discover_all};

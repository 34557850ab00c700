//! Says how a conversion is to be done.

use crate::h5::Checksums;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How a conversion is carried out (docs/architecture.md, section 3).
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Patch unless a payload or an option needs a rewrite.
    #[default]
    Auto,
    /// Copy the bytes, then append and replace a few hundred of them.
    Patch,
    /// Lay all live objects out again.
    Rewrite,
    /// Change the file itself, with an undo file beside it.
    InPlace,
}

impl Mode {
    /// The mode's name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Patch => "patch",
            Self::Rewrite => "rewrite",
            Self::InPlace => "in-place",
        }
    }
}

/// How well an output is checked before it gets its name.
///
/// Each level holds all that those before it do.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    clap::ValueEnum,
)]
#[serde(rename_all = "kebab-case")]
pub enum VerifyLevel {
    /// It is a file that can be read: all objects can be reached, all checksums hold, and of a file
    /// that was changed no two objects share bytes. Nothing is compared with the input.
    None,
    /// All metadata are those of the input with the planned changes: every dataset's path, type,
    /// shape, layout and place, attributes, links, heaps and references; nothing is left to be done.
    Structure,
    /// Every byte that was written is what the disk gives back, read past the page cache: a copy is
    /// the input's bytes and the edits, a rewrite's payloads are what was encoded. In place, where
    /// nothing is copied, these are the appended and the replaced bytes.
    Bytes,
    /// Every dataset's logical values, digested on both sides, too.
    Content,
    /// Content, and the output re-read through libhdf5 (needs the `hdf5` feature).
    Hdf5,
}

impl VerifyLevel {
    /// The level's name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Structure => "structure",
            Self::Bytes => "bytes",
            Self::Content => "content",
            Self::Hdf5 => "hdf5",
        }
    }

    /// What is said of a file that passed it; `changed` is whether anything was.
    pub fn told(self, changed: bool) -> String {
        match self {
            Self::None if changed => "not checked".to_owned(),
            Self::None => "nothing was written".to_owned(),
            level => format!("checked by {}", level.name()),
        }
    }

    /// The level for a mode where none is asked for: a rewrite encodes values anew, so all of them
    /// are compared; a patch and a change in place only move bytes.
    pub fn of_mode(mode: Mode) -> Self {
        match mode {
            Mode::Rewrite => Self::Content,
            Mode::Auto | Mode::Patch | Mode::InPlace => Self::Bytes,
        }
    }
}

/// What becomes of a file that needs no change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Unchanged {
    /// Copy it bit for bit.
    #[default]
    Copy,
    /// Hard-link it where the file system allows, else copy.
    Link,
    /// Leave it out of the output directory.
    Skip,
}

/// The codec of an output's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Compress {
    /// As the input has them; only what the target cannot read is encoded again.
    #[default]
    Keep,
    /// The registered HDF5 LZ4 block format.
    Lz4,
    /// LZ4 frames, for JLD2 before 0.6.
    Lz4Frame,
    /// Zstandard at this level.
    Zstd(i32),
    /// Deflate (zlib) at this level.
    Deflate(u32),
    /// No filter.
    None,
}

/// How a rewrite cuts columns that it compresses into chunks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Chunking {
    /// Into chunks of about [`Chunking::AUTO`] bytes; columns that are copied stay as they are.
    #[default]
    Auto,
    /// Not at all: each is one chunk, as JLD2 writes it.
    One,
    /// Into chunks of at most so many bytes, before compression.
    Of(u64),
}

impl Chunking {
    /// Bytes of a chunk, before compression, where nothing else is asked for (docs/performance.md).
    pub const AUTO: u64 = 1 << 20;
    /// Least and most that can be asked for.
    pub const BOUNDS: std::ops::RangeInclusive<u64> = 1 << 10..=64 << 20;

    /// Bytes of a chunk before compression; none for columns as one chunk.
    pub fn goal(self) -> Option<u64> {
        match self {
            Self::Auto => Some(Self::AUTO),
            Self::One => None,
            Self::Of(bytes) => Some(bytes),
        }
    }
}

/// Everything a conversion needs to know beside its [`Job`](super::Job).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Options {
    /// How it is carried out.
    pub mode: Mode,
    /// The target's name, e.g. `mera-1.9`, or a file that defines one.
    pub target: String,
    /// Files with further rules.
    pub rules: Vec<PathBuf>,
    /// How well the output is checked; by [`VerifyLevel::of_mode`] where it is not said. What was
    /// done to a file stands in its [`FileReport::verify`](super::FileReport::verify).
    pub verify: Option<VerifyLevel>,
    /// Bytes of the largest chunk that [`VerifyLevel::Hdf5`] has decoded by libhdf5, which holds it
    /// in memory as a whole, stored and decoded.
    pub hdf5_limit: u64,
    /// What becomes of files that need nothing.
    pub unchanged: Unchanged,
    /// The codec of the output's columns.
    pub compress: Compress,
    /// Shuffle bytes before compression.
    pub shuffle: bool,
    /// Uncompressed size of a block in bytes, where it is not left to the codec.
    pub block_size: Option<u64>,
    /// How compressed columns are cut.
    #[serde(default)]
    pub chunk: Chunking,
    /// Lay the file out again even where nothing else asks for it.
    pub repack: bool,
    /// Add a group with hard links to each table's columns by name.
    pub flat_links: bool,
    /// Write what not every HDF5 opens so that it does, where metadata can do that.
    #[serde(default)]
    pub portable: bool,
    /// Where undo files of [`Mode::InPlace`] go; beside the file where it is not said.
    pub backup_dir: Option<PathBuf>,
    /// Keep an output that failed its check under `.jldconv/quarantine/`.
    pub keep_bad: bool,
    /// Whether a wrong checksum of an input's metadata is damage; else it is told and mended.
    #[serde(default = "trusting")]
    pub trust_checksums: bool,
    /// Replace an output that exists.
    pub force: bool,
    /// Threads one file may use.
    pub threads: usize,
}

/// Where nothing is said, and in what was stored before there was a choice.
fn trusting() -> bool {
    true
}

impl Options {
    /// Whether checksums of inputs decide.
    pub fn checksums(&self) -> Checksums {
        if self.trust_checksums { Checksums::Trusted } else { Checksums::Ignored }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            mode: Mode::Auto,
            target: "mera-1.9".to_owned(),
            rules: Vec::new(),
            verify: None,
            // A column of 32 million rows, as large simulations have them.
            hdf5_limit: 256 << 20,
            unchanged: Unchanged::Copy,
            compress: Compress::Keep,
            shuffle: false,
            block_size: None,
            chunk: Chunking::Auto,
            repack: false,
            flat_links: false,
            portable: false,
            backup_dir: None,
            keep_bad: false,
            trust_checksums: trusting(),
            force: false,
            threads: 1,
        }
    }
}

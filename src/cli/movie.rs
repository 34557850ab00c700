//! Defines the command line of `jldconv-supervisor look`.

use super::limits::LimitFlags;
use super::look::{DrawFlags, ViewFlags};
use super::scratch::ScratchFlag;
use super::trust::TrustFlag;
use super::value;
use crate::archive::{Glob, Ranges};
use std::path::PathBuf;

const AFTER: &str = "\
Each file is looked at by a worker process. With --movie pictures are numbered from 1 in the order of \
the files, and have one scale of colours: from the smallest to the largest number of all files, which \
are read once more for that unless --limits says both. Run again, it goes on where it was; pictures \
of files, or of a scale, that changed are made again.

Examples:
  jldconv-supervisor look snapshots frames --movie
  jldconv-supervisor look snapshots frames --movie --var T --limits 1e2:1e7 --scale log --outputs 100-300

Exit codes: 0 every file has its picture, 1 one has not, 2 usage, 3 interrupted (run again to go on), \
4 no files, 5 internal error.";

/// The arguments of `jldconv-supervisor look`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct LookAllArgs {
    /// The directory with the archive; nothing is written there
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// The directory for pictures; it is made where it is missing
    #[arg(value_name = "OUT")]
    pub output: PathBuf,
    /// Make frames of a movie: frame_00001.png and so on, with one scale of colours [default: a picture
    /// of each file, named after it]
    #[arg(long)]
    pub movie: bool,
    /// Enter directories below, too
    #[arg(short = 'r', long)]
    pub recursive: bool,
    /// Only files that this pattern matches, in quotes, for instance 'map_*.jld2' (may be given
    /// several times) [default: *.jld2]
    #[arg(long = "match", value_name = "GLOB")]
    pub globs: Vec<Glob>,
    /// Output numbers, inclusive, for instance 100-200,250,300- [default: all files]
    #[arg(long, value_name = "RANGES")]
    pub outputs: Option<Ranges>,
    /// What is shown.
    #[command(flatten)]
    pub view: ViewFlags,
    /// How it is drawn.
    #[command(flatten)]
    pub draw: DrawFlags,
    /// Make pictures also where something else has their names; it is kept under .jldconv/replaced/
    #[arg(long)]
    pub force: bool,
    /// Print JSON: one object a file and line, the last with the counts
    #[arg(long)]
    pub json: bool,
    /// Files that are looked at at once [default: all cores]
    #[arg(short = 'j', long, value_name = "N", value_parser = value::at_least_one)]
    pub workers: Option<usize>,
    /// What workers may take.
    #[command(flatten)]
    pub limits: LimitFlags,
    /// Which checksums are believed.
    #[command(flatten)]
    pub trust: TrustFlag,
    /// Where lists go that are too long for the memory.
    #[command(flatten)]
    pub scratch: ScratchFlag,
}

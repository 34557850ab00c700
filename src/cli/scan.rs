//! Defines the command line of `jldconv-supervisor scan`.

use super::value::{self, Share, Size, Span};
use crate::archive::{Glob, Ranges};
use crate::tasks::scan::ScanCall;
use std::path::PathBuf;

const AFTER: &str = "\
Each file is looked into by a worker process: what it is, which Mera wrote it, what today's Julia \
would warn of or fail on, what a conversion would do, what h5py can open, what is damaged. A block \
sums up the archive: eras, gaps, numbers that occur twice, damaged files, and what a conversion \
takes, estimated from a few files that are converted into a temporary directory.

Nothing is written into the archive.

Exit codes: 0 every file can be read and converted, 1 one cannot, or is damaged, 2 usage, 3 interrupted \
(with --journal, run again to go on), 4 no files, 5 internal error.";

/// The arguments of `scan`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct ScanArgs {
    /// Directories of *.jld2 files, or files
    #[arg(value_name = "DIR", required = true)]
    pub dirs: Vec<PathBuf>,
    /// Enter directories below, too
    #[arg(short = 'r', long)]
    pub recursive: bool,
    /// Only files that this pattern matches, in quotes, for instance 'map_*.jld2' (may be given
    /// several times) [default: *.jld2]
    #[arg(long = "match", value_name = "GLOB")]
    pub globs: Vec<Glob>,
    /// Output numbers, inclusive, for instance 100-200,250,300-; files without a number are left out
    /// then [default: all files]
    #[arg(long, value_name = "RANGES")]
    pub range: Option<Ranges>,
    /// How much is read: headers, or content, which is all data
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = Depth::Headers)]
    pub verify: Depth,
    /// The package versions that findings are about: a target's name, or a file that defines one
    /// [default: mera-1.9]
    #[arg(long, value_name = "NAME|FILE")]
    pub target: Option<String>,
    /// Further rules, for your own types (may be given several times)
    #[arg(long, value_name = "FILE")]
    pub rules: Vec<PathBuf>,
    /// Where outputs would go: there a sample is converted for the estimate, and removed again
    /// [default: the directory for temporary files]
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
    /// Convert no sample, and estimate nothing
    #[arg(long, conflicts_with = "output")]
    pub no_estimate: bool,
    /// One line for each file
    #[arg(short, long)]
    pub verbose: bool,
    /// Print JSON: one object a file and line, the last with the archive's
    #[arg(long)]
    pub json: bool,
    /// Write a table for spreadsheets, too
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Write a page that needs nothing else, too
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Keep results in DIR/.jldconv/ and go on from there when run again [default: nothing is kept]
    #[arg(long, value_name = "DIR")]
    pub journal: Option<PathBuf>,
    /// Files that are looked into at once [default: all cores]
    #[arg(short = 'j', long, value_name = "N", value_parser = value::at_least_one)]
    pub workers: Option<usize>,
    /// Share of the memory limit that may be used [default: 0.8]
    #[arg(long, value_name = "SHARE")]
    pub safety_margin: Option<Share>,
    /// Memory limit, for instance 24GiB; never above what the system grants [default: detected]
    #[arg(long, value_name = "SIZE")]
    pub memory_limit: Option<Size>,
    /// A worker that shows no life for so long is stopped [default: 10min]
    #[arg(long, value_name = "TIME")]
    pub stall_timeout: Option<Span>,
}

impl ScanArgs {
    /// What of it a conversion of the same files is told, too.
    pub fn call(&self) -> ScanCall {
        ScanCall {
            paths: self.dirs.clone(),
            recursive: self.recursive,
            globs: self.globs.clone(),
            range: self.range.clone(),
            target: self.target.clone(),
            rules: self.rules.clone(),
        }
    }
}

/// How much of each file is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Depth {
    /// All but data.
    Headers,
    /// All data, decoded.
    Content,
}

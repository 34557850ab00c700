//! Defines the command line of `jldconv-supervisor tune`.

use super::flags::ConversionFlags;
use super::value::{self, Size, Span};
use crate::archive::{Glob, Ranges};
use std::path::PathBuf;
use std::time::Duration;

const AFTER: &str = "\
A sample of the archive is converted with 1, 2, 4 ... workers (and threads, where files are laid out \
again), several times each, into a temporary directory below OUT, which is removed again. A number \
of workers is recommended only where it is faster than the defaults by more than the same setting \
differs from itself.

Exit codes: 0 measured, 1 a file of the sample cannot be converted, 2 usage, 3 interrupted, 4 no \
file fits into the sample, 5 internal error.";

/// The arguments of `tune`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = AFTER)]
pub struct TuneArgs {
    /// The archive's directory
    #[arg(value_name = "IN")]
    pub input: PathBuf,
    /// Where outputs would go, or a directory on the same file system [default: the directory for
    /// temporary files]
    #[arg(value_name = "OUT")]
    pub output: Option<PathBuf>,
    /// How files are converted.
    #[command(flatten)]
    pub conversion: ConversionFlags,
    /// What the names of the archive's files begin with [default: output_]
    #[arg(long, value_name = "TEXT")]
    pub prefix: Vec<String>,
    /// Files that this pattern matches, in quotes, for instance 'map_*.jld2'
    #[arg(long = "match", value_name = "GLOB")]
    pub globs: Vec<Glob>,
    /// Enter directories below, too
    #[arg(short = 'r', long)]
    pub recursive: bool,
    /// Output numbers, inclusive, of which the sample is taken [default: all files]
    #[arg(long, value_name = "RANGES")]
    pub range: Option<Ranges>,
    /// Bytes of the sample
    #[arg(long, value_name = "SIZE", default_value_t = Size(512 << 20))]
    pub sample: Size,
    /// Files of the sample
    #[arg(long, value_name = "N", value_parser = value::at_least_one, default_value_t = 32)]
    pub files: usize,
    /// Most workers [default: twice the cores]
    #[arg(long, value_name = "N", value_parser = value::at_least_one)]
    pub max_workers: Option<usize>,
    /// How often each setting is measured
    #[arg(long, value_name = "N", value_parser = value::at_least_one, default_value_t = 3)]
    pub rounds: usize,
    /// Time for all of it
    #[arg(long, value_name = "TIME", default_value_t = Span(Duration::from_secs(60)))]
    pub time: Span,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Write a page with a picture, too
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
}

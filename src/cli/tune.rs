//! Defines the command line of `jldconv-supervisor tune`.

use super::flags::ConversionFlags;
use super::help;
use super::scratch::ScratchFlag;
use super::value::{self, Size, Span};
use crate::archive::{Glob, Ranges};
use std::path::PathBuf;
use std::time::Duration;

/// The arguments of `tune`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = help::TUNE)]
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
    /// Where lists go that are too long for the memory.
    #[command(flatten, next_help_heading = "Workers and memory")]
    pub scratch: ScratchFlag,
    /// What the names of the archive's files begin with [default: output_]
    #[arg(long, value_name = "TEXT", help_heading = "Files")]
    pub prefix: Vec<String>,
    /// Files that this pattern matches, in quotes, for instance 'map_*.jld2'
    #[arg(long = "match", value_name = "GLOB", help_heading = "Files")]
    pub globs: Vec<Glob>,
    /// Enter directories below, too
    #[arg(short = 'r', long, help_heading = "Files")]
    pub recursive: bool,
    /// Output numbers, inclusive, of which the sample is taken [default: all files]
    #[arg(long, value_name = "RANGES", help_heading = "Files")]
    pub range: Option<Ranges>,
    /// Bytes of the sample
    #[arg(long, value_name = "SIZE", default_value_t = Size(512 << 20), help_heading = "Sample")]
    pub sample: Size,
    /// Files of the sample
    #[arg(long, value_name = "N", value_parser = value::at_least_one, default_value_t = 32, help_heading = "Sample")]
    pub files: usize,
    /// Most workers [default: twice the cores]
    #[arg(long, value_name = "N", value_parser = value::at_least_one, help_heading = "Sample")]
    pub max_workers: Option<usize>,
    /// How often each setting is measured
    #[arg(long, value_name = "N", value_parser = value::at_least_one, default_value_t = 3, help_heading = "Sample")]
    pub rounds: usize,
    /// Time for all of it
    #[arg(long, value_name = "TIME", default_value_t = Span(Duration::from_secs(60)), help_heading = "Sample")]
    pub time: Span,
    /// Print JSON
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Write a page with a picture, too
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub html: Option<PathBuf>,
}

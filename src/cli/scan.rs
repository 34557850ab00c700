//! Defines the command line of `jldconv-supervisor scan`.

use super::help;
use super::limits::LimitFlags;
use super::scratch::ScratchFlag;
use super::value;
use crate::archive::{Glob, Ranges};
use crate::tasks::scan::ScanCall;
use std::collections::HashSet;
use std::fs;
use std::path::PathBuf;

/// The arguments of `scan`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = help::SCAN)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct ScanArgs {
    /// Directories of *.jld2 files, or files
    #[arg(value_name = "DIR", required = true)]
    pub dirs: Vec<PathBuf>,
    /// Enter directories below, too
    #[arg(short = 'r', long, help_heading = "Files")]
    pub recursive: bool,
    /// Only files that this pattern matches, in quotes, for instance 'map_*.jld2' (may be given
    /// several times) [default: *.jld2]
    #[arg(long = "match", value_name = "GLOB", help_heading = "Files")]
    pub globs: Vec<Glob>,
    /// Output numbers, inclusive, for instance 100-200,250,300-; files without a number are left out
    /// then [default: all files]
    #[arg(long, value_name = "RANGES", help_heading = "Files")]
    pub range: Option<Ranges>,
    /// How much is read: headers, or content, which is all data
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = Depth::Headers, help_heading = "What is looked for")]
    pub verify: Depth,
    /// The package versions that findings are about: a target's name, or a file that defines one
    /// [default: mera-1.9]
    #[arg(long, value_name = "NAME|FILE", help_heading = "What is looked for")]
    pub target: Option<String>,
    /// Further rules, for your own types (may be given several times)
    #[arg(long, value_name = "FILE", help_heading = "What is looked for")]
    pub rules: Vec<PathBuf>,
    /// Where outputs would go: there a sample is converted for the estimate, and removed again
    /// [default: the directory for temporary files]
    #[arg(long, value_name = "DIR", help_heading = "Estimate")]
    pub output: Option<PathBuf>,
    /// Convert no sample, and estimate nothing
    #[arg(long, conflicts_with = "output", help_heading = "Estimate")]
    pub no_estimate: bool,
    /// One line for each file
    #[arg(short, long, help_heading = "Output")]
    pub verbose: bool,
    /// Print JSON: one object a file and line, the last with the archive's
    #[arg(long, help_heading = "Output")]
    pub json: bool,
    /// Write a table for spreadsheets, too
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub csv: Option<PathBuf>,
    /// Write a page that needs nothing else, too
    #[arg(long, value_name = "FILE", help_heading = "Output")]
    pub html: Option<PathBuf>,
    /// Keep results in DIR/.jldconv/ and go on from there when run again [default: nothing is kept]
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub journal: Option<PathBuf>,
    /// Files that are looked into at once [default: all cores]
    #[arg(short = 'j', long, value_name = "N", value_parser = value::at_least_one, help_heading = "Workers and memory")]
    pub workers: Option<usize>,
    /// What workers may take.
    #[command(flatten, next_help_heading = "Workers and memory")]
    pub limits: LimitFlags,
    /// Where lists go that are too long for the memory.
    #[command(flatten, next_help_heading = "Workers and memory")]
    pub scratch: ScratchFlag,
}

impl ScanArgs {
    /// What of it a conversion of the same files is told, too.
    pub fn call(&self) -> ScanCall {
        let mut known = HashSet::new();
        let once = |path: &&PathBuf| {
            known.insert(fs::canonicalize(path).unwrap_or_else(|_| (*path).clone()))
        };
        ScanCall {
            paths: self.dirs.iter().filter(once).cloned().collect(),
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

//! Defines the arguments of `status`, `drain` and `stop`.

use super::help;
use crate::archive::Shard;
use std::path::PathBuf;

/// The arguments of `status`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = help::STATUS)]
pub struct StatusArgs {
    /// The output directory of the runs
    #[arg(value_name = "OUTPUT_DIR")]
    pub output_dir: PathBuf,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `drain` and `stop`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = help::ORDER)]
pub struct OrderArgs {
    /// The output directory of the runs
    #[arg(value_name = "OUTPUT_DIR")]
    pub output_dir: PathBuf,
    /// Only the run on part I of N [default: all that are at work]
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
}

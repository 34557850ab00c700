//! Defines the arguments of `status`, `drain` and `stop`.

use crate::archive::Shard;
use std::path::PathBuf;

const STATUS_CODES: &str = "\
Exit codes: 0 every shard is done, 1 some files failed, 2 no such output directory, 3 shards run,
wait or were interrupted.";

const ORDER_CODES: &str = "\
Exit codes: 0 every run that is at work was told, 1 one could not be told (it says why, and what
does), 2 no such output directory, 4 nothing is at work.";

/// The arguments of `status`.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = STATUS_CODES)]
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
#[command(after_help = ORDER_CODES)]
pub struct OrderArgs {
    /// The output directory of the runs
    #[arg(value_name = "OUTPUT_DIR")]
    pub output_dir: PathBuf,
    /// Only the run on part I of N [default: all that are at work]
    #[arg(long, value_name = "I/N")]
    pub shard: Option<Shard>,
}

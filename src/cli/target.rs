//! The arguments of `jldconv target`.

use super::help;
use std::path::PathBuf;

/// What `jldconv target` does.
#[derive(Debug, Clone, clap::Subcommand)]
pub enum TargetCommand {
    /// Say which targets there are
    #[command(after_help = help::TARGET_LIST)]
    List(TargetListArgs),
    /// Say what a target is for: packages, types, filters, rules
    #[command(after_help = help::TARGET_SHOW)]
    Show(TargetShowArgs),
    /// Hold a target against definitions of its types, and say what JLD2 would warn of
    #[command(after_help = help::TARGET_CHECK)]
    Check(TargetCheckArgs),
}

/// The arguments of `target list`.
#[derive(Debug, Clone, clap::Args)]
pub struct TargetListArgs {
    /// Print JSON, one object a target and line
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `target show`.
#[derive(Debug, Clone, clap::Args)]
pub struct TargetShowArgs {
    /// The target's name, or a file that defines one [default: mera-1.9]
    #[arg(value_name = "NAME|FILE")]
    pub target: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// The arguments of `target check`.
#[derive(Debug, Clone, clap::Args)]
pub struct TargetCheckArgs {
    /// The target's name, or a file that defines one [default: mera-1.9]
    #[arg(long, value_name = "NAME|FILE")]
    pub target: Option<String>,
    /// Struct definitions in Julia's syntax (may be given several times)
    #[arg(long, value_name = "FILE", required_unless_present = "packages")]
    pub definitions: Vec<PathBuf>,
    /// A Julia package, or a directory of packages such as ~/.julia/packages; of several versions of
    /// a package the newest counts
    #[arg(long, value_name = "DIR")]
    pub packages: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

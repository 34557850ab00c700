//! Defines the flag that says where lists go that are too long for the memory.

use std::path::PathBuf;

/// Where such lists go.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct ScratchFlag {
    /// Where lists of links and paths go that are too long for the memory (12 MiB), in files without a
    /// name [default: beside the output, else the directory for temporary files]
    #[arg(long, value_name = "DIR")]
    pub scratch: Option<PathBuf>,
}

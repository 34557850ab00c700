//! Defines what the workers may take of commands that read files and convert none.

use super::value::{Share, Size, Span};

/// What workers may take.
#[derive(Debug, Clone, clap::Args)]
pub struct LimitFlags {
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

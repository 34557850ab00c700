//! Defines what is varied.

use serde::Serialize;

/// How a run is started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Number of workers.
    pub workers: usize,
    /// Threads of each.
    pub threads: usize,
}

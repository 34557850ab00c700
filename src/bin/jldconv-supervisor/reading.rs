//! What the commands share that read files with workers and make none.

use super::Stop;
use jldconv::cli::{Share, Size, Span};
use jldconv::supervisor::{Count, ExitCode, Settings};
use std::io;
use std::path::Path;
use std::time::Duration;

/// How long reading may go on after a signal: nothing is lost where it is stopped.
const GRACE: Duration = Duration::from_secs(1);

/// What the command line says of workers.
pub(super) struct Bounds {
    pub(super) workers: Option<usize>,
    pub(super) memory_limit: Option<Size>,
    pub(super) safety_margin: Option<Share>,
    pub(super) stall_timeout: Option<Span>,
}

/// How a run goes that reads in these directories.
pub(super) fn settings([a, b]: [&Path; 2], bounds: &Bounds) -> Settings {
    let mut settings = Settings::new(a, b);
    // Each file is read with one thread.
    settings.threads_per_worker = Count::Exactly(1);
    settings.workers = bounds.workers.map_or(Count::Auto, Count::Exactly);
    settings.grace = GRACE;
    settings.memory_limit = bounds.memory_limit.map(|size| size.0);
    if let Some(share) = bounds.safety_margin {
        settings.safety_margin = share.0;
    }
    if let Some(span) = bounds.stall_timeout {
        settings.stall_timeout = span.0;
    }
    settings
}

/// How it ends where standard output cannot be written to.
pub(super) fn unwritten(error: &io::Error) -> Result<ExitCode, Stop> {
    match error.kind() {
        // Whoever read it went away, as `head` does: nobody is left to be told anything.
        io::ErrorKind::BrokenPipe => Ok(ExitCode::Done),
        _ => Err(Stop(ExitCode::SomeFailed, format!("cannot write: {error}"))),
    }
}

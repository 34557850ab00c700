//! What the commands share that read files with workers and make none.

use super::Stop;
use jldconv::cli::LimitFlags;
use jldconv::supervisor::{Count, ExitCode, Settings};
use std::io;
use std::path::Path;
use std::time::Duration;

/// How long reading may go on after a signal: nothing is lost where it is stopped.
const GRACE: Duration = Duration::from_secs(1);

/// How a run goes that reads in these directories with so many workers.
pub(super) fn settings(
    [a, b]: [&Path; 2],
    workers: Option<usize>,
    limits: &LimitFlags,
) -> Settings {
    let mut settings = Settings::new(a, b);
    // Each file is read with one thread.
    settings.threads_per_worker = Count::Exactly(1);
    settings.workers = workers.map_or(Count::Auto, Count::Exactly);
    settings.grace = GRACE;
    settings.memory_limit = limits.memory_limit.map(|size| size.0);
    if let Some(share) = limits.safety_margin {
        settings.safety_margin = share.0;
    }
    if let Some(span) = limits.stall_timeout {
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

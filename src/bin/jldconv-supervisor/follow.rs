//! Opens the page that browsers follow a run on, where one is asked for.

use super::{Stop, usage};
use jldconv::cli::Run;
use jldconv::dashboard::Dashboard;
use jldconv::report::Circumstances;
use jldconv::supervisor::LiveHandle;
use std::io::{self, Write as _};

/// Opens the page. An address that cannot be had ends the command before anything is done, but not a
/// task of a job array: tasks on one node cannot all have the same.
pub(super) fn open(
    run: &Run,
    live: &LiveHandle,
    about: Circumstances,
) -> Result<Option<Dashboard>, Stop> {
    let Some(address) = run.view.dashboard else { return Ok(None) };
    match Dashboard::start(address, live.clone(), about) {
        Ok(page) => Ok(Some(page)),
        Err(error) => {
            let why = format!("--dashboard {address}: {error}; a port that is free: --dashboard");
            if std::env::var_os("SLURM_ARRAY_TASK_ID").is_none() {
                return Err(usage(why));
            }
            let _ = writeln!(io::stderr(), "warning: {why}; the run goes on without");
            Ok(None)
        }
    }
}

/// Tells where the page is. It goes to standard error: the address is a secret, and an account of
/// the run is kept for longer than the page.
pub(super) fn tell(page: Option<&Dashboard>) {
    let Some(page) = page else { return };
    let remote =
        ["SLURM_JOB_ID", "SSH_CONNECTION"].iter().any(|name| std::env::var_os(name).is_some());
    let notice = page.notice(remote);
    let _ = io::stderr().write_all(notice.as_bytes());
}

//! Runs the child's side: takes a job, measures itself, reports.
//!
//! A worker is the supervisor's own executable started again with the hidden subcommand
//! [`SUBCOMMAND`]. It reads its address and secret from the environment, says hello, and then
//! carries out what it is given until it is sent home or its supervisor is gone. It never chooses a
//! path.

mod fault;
mod launch;
mod log;
mod measure;
mod session;
mod task;
mod watch;

pub use fault::around_a_look;
pub use launch::{Launch, LaunchError, SUBCOMMAND};
pub use session::shortened;
pub use task::{Runner, Task};
pub use watch::WATCHER;

use crate::convert::scratch;
use crate::sys::process;
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

/// The `main` of a worker that knows `tasks`; `args` are those behind the subcommand. To be called
/// first in the program's own `main`, before any thread was started.
pub fn main(args: impl IntoIterator<Item = OsString>, tasks: &[&dyn Runner]) -> ExitCode {
    match live(args, tasks) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The supervisor keeps the last words of a worker; there is nobody else to tell.
            let _ = writeln!(std::io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

/// Workers are offered to the kernel's out-of-memory killer before anything else of the user's.
const OOM_SCORE: i32 = 800;

fn live(
    args: impl IntoIterator<Item = OsString>,
    tasks: &[&dyn Runner],
) -> Result<(), LaunchError> {
    let launch = Launch::receive(args)?;
    scratch::inherit();
    // SLURM and terminals signal whole groups; a worker answers to its supervisor only.
    for signal in [libc::SIGINT, libc::SIGTERM, libc::SIGHUP, libc::SIGUSR1, libc::SIGUSR2] {
        process::ignore(signal);
    }
    if !process::die_with(launch.parent).map_err(LaunchError::Setup)? {
        return Err(LaunchError::Orphan { parent: launch.parent });
    }
    // Where it cannot be set (some containers), the run is only less protected.
    let _ = process::offer_to_oom_killer(OOM_SCORE);
    if !launch.cores.is_empty() {
        process::stay_on(&launch.cores).map_err(LaunchError::Setup)?;
    }
    let faults = fault::Faults::from_env().map_err(LaunchError::FailureKind)?;
    let stream = launch.address.connect().map_err(LaunchError::Connect)?;
    session::run(stream, launch.token, launch.log, tasks, &faults).map_err(LaunchError::Lost)
}

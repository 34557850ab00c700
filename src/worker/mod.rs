//! The child's side: take a job, measure itself, report.
//!
//! A worker is the supervisor's own executable started again with the hidden subcommand
//! [`SUBCOMMAND`]. It reads its address and secret from the environment, says hello, and then
//! converts what it is given until it is sent home or its supervisor is gone. It never chooses a
//! path.

mod fault;
mod launch;
mod log;
mod measure;
mod session;
mod watch;

pub use launch::{Launch, LaunchError, SUBCOMMAND};
pub use session::Convert;
pub use watch::WATCHER;

use crate::convert::publish::Existing;
use crate::convert::{
    Claim, Converter, Examined, Failure, FileReport, Job, Observer, Options, Recheck, Wanted,
};
use crate::sys::process;
use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

/// The conversion of this crate. Keeps what it made of the options for the next file, whose are
/// mostly the same.
#[derive(Debug, Default)]
pub struct Engine {
    last: Mutex<Option<Arc<Converter>>>,
}

impl Engine {
    fn converter(&self, options: &Options) -> Result<Arc<Converter>, Failure> {
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(converter) = last.as_ref().filter(|last| last.options() == options) {
            return Ok(Arc::clone(converter));
        }
        let fresh = Arc::new(Converter::new(options.clone())?);
        *last = Some(Arc::clone(&fresh));
        Ok(fresh)
    }
}

impl Convert for Engine {
    fn convert(
        &self,
        job: &Job,
        existing: &Existing,
        options: &Options,
        observer: &dyn Observer,
    ) -> Result<FileReport, Failure> {
        self.converter(options)?.convert_over(job, existing, observer)
    }

    fn examine(
        &self,
        job: &Job,
        wanted: &Wanted,
        options: &Options,
        observer: &dyn Observer,
    ) -> Result<Examined, Failure> {
        self.converter(options)?.examine(job, wanted, observer)
    }

    fn recheck(
        &self,
        job: &Job,
        claim: &Claim,
        existing: &Existing,
        options: &Options,
        observer: &dyn Observer,
    ) -> Result<Recheck, Failure> {
        self.converter(options)?.recheck(job, claim, existing, observer)
    }
}

/// The `main` of a worker; `args` are those behind the subcommand. To be called first in the
/// program's own `main`, before any thread was started.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    main_with(args, &Engine::default())
}

/// [`main`] with another conversion.
pub fn main_with(args: impl IntoIterator<Item = OsString>, convert: &dyn Convert) -> ExitCode {
    match live(args, convert) {
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
    convert: &dyn Convert,
) -> Result<(), LaunchError> {
    let launch = Launch::receive(args)?;
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
    session::run(stream, launch.token, launch.log, convert, &faults).map_err(LaunchError::Lost)
}

//! Starts the process of a worker.

use super::super::event::SlotId;
use super::super::scheduler::WorkerId;
use super::exit::LastOutput;
use super::handshake::Handshake;
use super::live::LiveWorker;
use super::load::Load;
use crate::protocol::{Address, Token};
use crate::sys::process::Child;
use crate::worker::Launch;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tracing::level_filters::LevelFilter;

/// How workers are started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerProgram {
    /// The executable.
    pub program: PathBuf,
    /// Its first arguments.
    pub args: Vec<OsString>,
}

impl Default for WorkerProgram {
    /// This executable itself, even if its file was replaced in the meantime.
    fn default() -> Self {
        Self { program: "/proc/self/exe".into(), args: vec![crate::worker::SUBCOMMAND.into()] }
    }
}

/// What a worker's thread needs.
#[derive(Debug)]
pub(in crate::supervisor) struct Birth {
    pub(in crate::supervisor) slot: SlotId,
    pub(in crate::supervisor) worker: WorkerId,
    pub(in crate::supervisor) program: WorkerProgram,
    pub(in crate::supervisor) address: Address,
    pub(in crate::supervisor) cores: Vec<usize>,
    pub(in crate::supervisor) handshake_timeout: Duration,
    /// What it will have to do.
    pub(in crate::supervisor) load: Load,
}

/// Starts the worker, which has until its deadline to say hello.
pub(super) fn born(birth: &Birth) -> io::Result<LiveWorker> {
    let listener = birth.address.listen()?;
    let token = Token::random()?;
    let (stderr, write) = io::pipe()?;
    rustix::io::ioctl_fionbio(&stderr, true)?;
    let launch = Launch {
        address: birth.address.clone(),
        token: token.clone(),
        parent: std::process::id(),
        cores: birth.cores.clone(),
        log: LevelFilter::current(),
    };
    let mut command = launch.command(&birth.program.program, &birth.program.args);
    command.stdout(write.try_clone()?).stderr(write);
    let child = Child::spawn(&mut command).map_err(|why| not_there(why, &birth.program.program))?;
    // The command holds the writing ends, without whose closing the reading end never ends.
    drop(command);
    let (output, handshake) = (LastOutput::new(stderr), Handshake::new(listener, token));
    let (patience, load) = (birth.handshake_timeout, birth.load.clone());
    Ok(LiveWorker::new(child, output, handshake, patience, load))
}

/// The system does not say which file is missing.
fn not_there(why: io::Error, program: &Path) -> io::Error {
    if why.kind() != io::ErrorKind::NotFound {
        return why;
    }
    let message = format!("{why}: {} or /dev/null is not there", program.display());
    io::Error::new(io::ErrorKind::NotFound, message)
}

//! Converts one file: chooses a mode, carries it out, verifies, publishes.
//!
//! [`convert_file`] is the whole contract: a [`Job`], [`Options`] and an [`Observer`] go in, a
//! [`FileReport`] or a [`Failure`] comes out. The output appears under its final name only when it
//! is complete, synced and checked; the input is never written to.

mod apply;
mod beside;
mod claim;
mod converter;
mod examine;
mod failure;
#[cfg(test)]
mod flat_tests;
pub mod inplace;
mod job;
mod laid_out;
mod options;
mod phase_log;
mod planned;
pub mod publish;
mod rewrite;
pub mod scratch;
pub mod temp;
mod verify;
mod write_output;

pub use apply::{ApplyError, State};
pub use claim::{Claim, ClaimedFile, Recipe, outputs_hold};
pub use examine::{Depth, Examined, Recheck, Wanted};
pub use failure::{Failure, FailureKind, help, is_unsupported};
pub use job::{FileReport, Job, Observer, Outcome, Phase, Silent};
pub use options::{Chunking, Compress, Mode, Options, Unchanged, VerifyLevel};

pub use converter::Converter;
pub(crate) use laid_out::{LaidOut, LayOut};
pub(crate) use planned::{fault_of_read, read_failure};

/// Converts one file.
///
/// For many files with the same options, a [`Converter`] spares reading the target anew.
///
/// # Errors
/// A [`Failure`] tells what is at fault (the input, the output's place, the result) and whether
/// another try can help. Nothing is left under the output's name then.
pub fn convert_file(
    job: &Job,
    options: &Options,
    observer: &dyn Observer,
) -> Result<FileReport, Failure> {
    Converter::new(options.clone())?.convert(job, observer)
}

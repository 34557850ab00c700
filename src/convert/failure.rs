//! Says why a conversion did not give an output.

use crate::codec;
use crate::h5;
use crate::sys::file::may_pass;
use serde::{Deserialize, Serialize};
use std::io;

/// What is at fault; decides whether another try can help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FailureKind {
    /// The input is unreadable, not JLD2, corrupt, truncated or foreign: no retry can help.
    Input,
    /// The input needs what this version or these options cannot do: no retry can help.
    Unsupported,
    /// No space or quota left where the output goes.
    Full,
    /// The output's place cannot be written to (permission, I/O error).
    Output,
    /// Something that may not be replaced has the output's name: no retry can help.
    Conflict,
    /// A change of the file in place is not complete: another process is at it, or it was
    /// interrupted and this conversion may not touch the file.
    Unfinished,
    /// The output was not what was planned.
    Verify,
    /// An allocation failed.
    Memory,
    /// Somebody asked the conversion to stop.
    Cancelled,
    /// A defect of this program.
    Internal,
    /// The input could not be read for a reason that may pass: an I/O error, a file server that is
    /// away or forgot the file.
    Read,
}

impl FailureKind {
    /// What a failed read of an input is: the system's word on the way to the bytes, or a fault of
    /// the file itself (it is gone, forbidden, shorter than it was).
    pub fn of_read(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::OutOfMemory => Self::Memory,
            _ if may_pass(error) => Self::Read,
            _ => Self::Input,
        }
    }
}

/// What helps against an error in reading a file, to be put behind it; often nothing.
pub fn help(error: &h5::Error) -> &'static str {
    match error.kind() {
        _ if error.is_checksum() => {
            " (--trust-checksums no lets it pass; jldconv rescue saves what is whole)"
        }
        // A filter that is not known is no damage.
        h5::ErrorKind::Payload(e) if is_unsupported(&**e) => "",
        h5::ErrorKind::Unclosed { rescuable: true, .. }
        | h5::ErrorKind::Corrupt { .. }
        | h5::ErrorKind::Payload(_) => " (jldconv rescue saves what is whole)",
        h5::ErrorKind::NotJld2 { reason } if reason.contains("JLD.jl") => {
            " (load it in Julia with JLD.jl and save it with JLD2; jldconv inspect and dump show what \
             is in it)"
        }
        h5::ErrorKind::Scratch { .. } => {
            " (--scratch DIR, or the environment's TMPDIR, names another directory, with room)"
        }
        _ => "",
    }
}

/// Whether data are of a form that is not read here, as far as an error or what caused it says.
pub fn is_unsupported(error: &(dyn std::error::Error + 'static)) -> bool {
    let own = match (error.downcast_ref::<codec::Error>(), error.downcast_ref::<io::Error>()) {
        (Some(codec::Error::UnknownFilter { .. } | codec::Error::Unsupported { .. }), _) => true,
        (_, Some(e)) => e.kind() == io::ErrorKind::Unsupported,
        _ => false,
    };
    own || error.source().is_some_and(is_unsupported)
}

/// A conversion that failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[error("{message}")]
#[non_exhaustive]
pub struct Failure {
    /// What is at fault.
    pub fault: FailureKind,
    /// Names the file, and for bad input the object path, the byte offset, what was expected and
    /// what was found.
    pub message: String,
}

impl Failure {
    /// A failure of kind `fault`, told by `message`.
    pub fn new(fault: FailureKind, message: impl Into<String>) -> Self {
        Self { fault, message: message.into() }
    }
}

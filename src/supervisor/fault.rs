//! Says why an attempt did not succeed, as the supervisor sees it.

use crate::convert::FailureKind;
use serde::{Deserialize, Serialize};

/// Why an attempt did not succeed; what happens then is in docs/reliability.md.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// Killed for memory, or an allocation failed.
    #[serde(rename = "out of memory")]
    OutOfMemory,
    /// SIGKILL by somebody else.
    Killed,
    /// Died otherwise: another signal, an unexpected end.
    Crashed,
    /// Showed no life for the stall timeout.
    Stalled,
    /// The input cannot be converted by anybody.
    Input,
    /// The input needs what this version or these options cannot do.
    Unsupported,
    /// No space left where the output goes. A job never ends with it: see [`Fault::Output`].
    Full,
    /// The output's place cannot be written to.
    Output,
    /// Something that may not be replaced has the output's name.
    Conflict,
    /// A change of the file in place is not complete, and cannot be ended here and now.
    Unfinished,
    /// The output was not what was planned.
    Verify,
    /// Said what no worker says, or nothing.
    Protocol,
    /// No worker could be started.
    Spawn,
    /// A defect of this program that the worker survived.
    Internal,
    /// Stopped on purpose: memory was short, or the run ends.
    Stopped,
    /// The input could not be read for a reason that may pass: an I/O error, a stale handle.
    Read,
}

impl Fault {
    /// The word used in reports.
    pub const fn word(self) -> &'static str {
        match self {
            Self::OutOfMemory => "out of memory",
            Self::Killed => "killed",
            Self::Crashed => "crashed",
            Self::Stalled => "stalled",
            Self::Input => "input",
            Self::Unsupported => "unsupported",
            Self::Full => "full",
            Self::Output => "output",
            Self::Conflict => "conflict",
            Self::Unfinished => "unfinished",
            Self::Verify => "verify",
            Self::Protocol => "protocol",
            Self::Spawn => "spawn",
            Self::Internal => "internal",
            Self::Stopped => "stopped",
            Self::Read => "read",
        }
    }

    /// What a job's record says: a disk that is full is a fault of the output's place.
    #[must_use]
    pub const fn of_record(self) -> Self {
        match self {
            Self::Full => Self::Output,
            other => other,
        }
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

impl From<FailureKind> for Fault {
    fn from(fault: FailureKind) -> Self {
        match fault {
            FailureKind::Input => Self::Input,
            FailureKind::Unsupported => Self::Unsupported,
            FailureKind::Full => Self::Full,
            FailureKind::Output => Self::Output,
            FailureKind::Conflict => Self::Conflict,
            FailureKind::Unfinished => Self::Unfinished,
            FailureKind::Verify => Self::Verify,
            FailureKind::Memory => Self::OutOfMemory,
            FailureKind::Cancelled => Self::Stopped,
            FailureKind::Internal => Self::Internal,
            FailureKind::Read => Self::Read,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_word_is_what_json_says() {
        for cause in [
            Fault::OutOfMemory,
            Fault::Killed,
            Fault::Crashed,
            Fault::Stalled,
            Fault::Input,
            Fault::Unsupported,
            Fault::Full,
            Fault::Output,
            Fault::Conflict,
            Fault::Unfinished,
            Fault::Verify,
            Fault::Protocol,
            Fault::Spawn,
            Fault::Internal,
            Fault::Stopped,
            Fault::Read,
        ] {
            assert_eq!(serde_json::to_value(cause).unwrap(), cause.word());
            // The manual says what each means.
            let manual = include_str!("../../docs/troubleshooting.md");
            let rows = manual.lines().filter(|line| line.starts_with("| `"));
            let heads = rows.filter_map(|row| row.split('|').nth(1));
            let word = format!("`{}`", cause.word());
            assert_eq!(heads.filter(|head| head.contains(&word)).count(), 1, "{word}");
        }
    }
}

//! Defines the exit codes.

use super::summary::RunSummary;

/// The exit codes, as README.md lists them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum ExitCode {
    /// Every job is done.
    Done = 0,
    /// Some jobs failed.
    SomeFailed = 1,
    /// The command line or the configuration is wrong, or another run owns the output directory.
    Usage = 2,
    /// Interrupted; the same command resumes. Of a report: not all is done yet.
    Interrupted = 3,
    /// Nothing to do matched the range.
    Nothing = 4,
    /// A defect of this program, or the machine refused what no run can do without.
    Internal = 5,
    /// A damaged file was rescued in part: something is lost, or in doubt.
    RescuedInPart = 6,
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        Self::from(code as u8)
    }
}

impl RunSummary {
    /// What the process that made this run should exit with.
    pub fn exit_code(&self) -> ExitCode {
        if self.error.is_some() {
            ExitCode::Internal
        } else if self.interrupted
            || self.under_way.as_ref().is_some_and(|it| it.runs() || it.waits())
            || self.others.is_some_and(|others| others.pending > 0)
        {
            ExitCode::Interrupted
        } else if self.failed > 0
            || self.others.is_some_and(|others| others.failed > 0)
            || !self.unlisted.is_empty()
        {
            ExitCode::SomeFailed
        } else if self.pending > 0 {
            ExitCode::Internal
        } else if self.files.is_empty() {
            ExitCode::Nothing
        } else {
            ExitCode::Done
        }
    }
}

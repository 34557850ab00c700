//! One file at a time. All of it is in the library: this parses, calls, and maps to exit codes.

mod back;
mod convert;
mod dump;

use clap::Parser as _;
use jldconv::cli::{JldconvCli, JldconvCommand};
use jldconv::convert::{Failure, Fault};
use jldconv::report::start_log;
use jldconv::supervisor::ExitCode;
use std::fmt::Display;
use std::io::{self, Write as _};

fn main() -> std::process::ExitCode {
    let cli = match JldconvCli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            let fine = error.exit_code() == 0;
            return if fine { ExitCode::Done } else { ExitCode::Usage }.into();
        }
    };
    let _ = start_log(cli.verbose, None, None);
    let ended = match cli.command {
        JldconvCommand::Convert(args) => convert::convert(*args),
        JldconvCommand::Dump(args) => dump::dump(&args),
        JldconvCommand::Undo(args) => back::undo(&args),
        JldconvCommand::Commit(args) => back::commit(&args),
        JldconvCommand::Inspect(_) | JldconvCommand::Verify(_) => {
            Err(Stop(ExitCode::Internal, "not built yet".to_owned()))
        }
    };
    ended.unwrap_or_else(Stop::end).into()
}

/// Why a command did not come to its end: the exit code, and what to say.
struct Stop(ExitCode, String);

impl Stop {
    fn end(self) -> ExitCode {
        complain(&self.1);
        self.0
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        let code = match failure.fault {
            Fault::Cancelled => ExitCode::Interrupted,
            Fault::Internal => ExitCode::Internal,
            _ => ExitCode::SomeFailed,
        };
        Self(code, failure.message)
    }
}

/// For what is wrong with the command line.
fn usage(error: impl Display) -> Stop {
    Stop(ExitCode::Usage, error.to_string())
}

/// For what is wrong with a file.
fn failed(error: impl Display) -> Stop {
    Stop(ExitCode::SomeFailed, error.to_string())
}

fn complain(message: &str) {
    let _ = writeln!(io::stderr(), "error: {}", message.trim_end());
}

/// Writes to standard output; a reader that went away is no error.
fn put(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush());
}

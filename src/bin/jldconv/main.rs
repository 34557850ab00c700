//! Works on one file at a time. All of it is in the library: this parses, calls, and maps to exit
//! codes.

mod back;
mod convert;
mod export;
mod look;
mod maps;
mod numbers;
mod rescue;
mod rules;
mod target;
mod terminal;
mod unfinished;
mod verify;
mod watch;

use clap::Parser as _;
use indicatif::MultiProgress;
use jldconv::cli::{
    JldconvCli, JldconvCommand, asked_for_in_vain, completions, jldconv_meant, refuse,
};
use jldconv::convert::{Failure, FailureKind, scratch};
use jldconv::julia::on_deep_stack;
use jldconv::report::start_log;
use jldconv::supervisor::ExitCode;
use jldconv::sys::bounded::Bounded;
use jldconv::text;
use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, Write as _};
use std::path::Path;

/// `convert` can have a limit.
#[global_allocator]
static MEMORY: Bounded = Bounded;

fn main() -> std::process::ExitCode {
    let args: Vec<OsString> = std::env::args_os().collect();
    let cli = match JldconvCli::try_parse_from(&args) {
        Ok(cli) => cli,
        Err(error) => {
            let meant = jldconv_meant(&error, &args);
            return refuse("jldconv", error, &args, meant).into();
        }
    };
    if let Some(message) = asked_for_in_vain(std::env::vars_os()) {
        return usage(message).end().into();
    }
    scratch::obey_test();
    if let Some(dir) = cli.command.scratch()
        && let Err(error) = scratch::name(dir)
    {
        return usage(error).end().into();
    }
    let bars = MultiProgress::new();
    let _log = start_log(cli.verbose, None, Some(&bars));
    let verbose = cli.verbose > 0;
    // Values nest more deeply than an ordinary stack is made for.
    let ended = on_deep_stack(|| match cli.command {
        JldconvCommand::Convert(args) => convert::convert(*args, &bars),
        JldconvCommand::Dump(args) => look::dump(&args),
        JldconvCommand::Info(args) => numbers::info(&args),
        JldconvCommand::Stats(args) => numbers::stats(&args),
        JldconvCommand::Export(args) => export::run(&args, &bars),
        JldconvCommand::Look(args) => maps::look(&args, &bars),
        JldconvCommand::Inspect(args) => look::inspect_files(&args, verbose),
        JldconvCommand::Verify(args) => verify::verify(&args, verbose),
        JldconvCommand::Types(args) => rules::types(&args),
        JldconvCommand::Rules(command) => rules::rules(&command),
        JldconvCommand::Target(command) => target::target(&command, verbose),
        JldconvCommand::Rescue(args) => rescue::run(args, &bars),
        JldconvCommand::Undo(args) => back::undo(&args),
        JldconvCommand::Commit(args) => back::commit(&args),
        JldconvCommand::Doctor(args) => look::doctor(&args),
        JldconvCommand::Completions(args) => {
            put(&completions::<JldconvCli>(args.shell));
            Ok(ExitCode::Done)
        }
    });
    let ended = ended.unwrap_or_else(|error| Err(Stop(ExitCode::Internal, error.to_string())));
    if let Some(told) = scratch::told() {
        let _ = writeln!(io::stderr(), "note: {told}");
    }
    ended.unwrap_or_else(Stop::end).into()
}

/// Why a command did not come to its end: the exit code, and what to say.
struct Stop(ExitCode, String);

impl Stop {
    fn end(self) -> ExitCode {
        if !self.1.is_empty() {
            complain(&self.1);
        }
        self.0
    }
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        let code = match failure.fault {
            FailureKind::Cancelled => ExitCode::Interrupted,
            FailureKind::Internal => ExitCode::Internal,
            _ => ExitCode::SomeFailed,
        };
        Self(code, failure.message)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => unheard(),
            _ => failed(format!("cannot write: {error}")),
        }
    }
}

/// Whoever read the output went away, as `head` does: nobody is left to be told anything.
fn unheard() -> Stop {
    Stop(ExitCode::Done, String::new())
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
    let _ = writeln!(io::stderr(), "error: {}", text::tame_lines(message.trim_end()));
}

/// Says where what had an output's name is kept now.
fn tell_kept(dir: &Path) {
    let _ = writeln!(io::stderr(), "note: what was there is kept in {}", text::path(dir));
}

/// Writes to standard output; a reader that went away is not an error.
fn put(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes()).and_then(|()| io::stdout().flush());
}

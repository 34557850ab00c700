//! Answers a command line that is not one: help, a version, a mistake and what was probably meant.

use super::build_info::{asks_build_info, build_info};
use super::slips::Meant;
use crate::supervisor::ExitCode;
use crate::text;
use clap::error::{ContextKind, ErrorKind};
use std::ffi::OsString;
use std::io::{self, Write as _};

/// Says what clap made of the `args` of `program`, and what was probably `meant`. A reader that went
/// away is not an error.
pub fn refuse(
    program: &str,
    mut error: clap::Error,
    args: &[OsString],
    meant: Option<Meant>,
) -> ExitCode {
    if asks_build_info(&error, args) {
        let _ = io::stdout().write_all(build_info(program).as_bytes());
        return ExitCode::Done;
    }
    if meant.is_some() && error.kind() == ErrorKind::InvalidSubcommand {
        // One guess is enough, and ours knows both programs.
        for guess in [ContextKind::SuggestedSubcommand, ContextKind::Suggested] {
            error.remove(guess);
        }
    }
    let rendered = error.render().to_string();
    let tamed = text::tame_lines(&rendered);
    match &meant {
        Some(Meant { wrong: Some(wrong), .. }) => {
            let _ = writeln!(io::stderr(), "error: {}", text::tame_lines(wrong));
        }
        // Arguments are quoted in it as they are: no terminal is to obey them.
        _ if error.use_stderr() && tamed != rendered.trim_end() => {
            let _ = writeln!(io::stderr(), "{tamed}");
        }
        _ => drop(error.print()),
    }
    if let Some(Meant { meant, .. }) = meant {
        let _ = writeln!(io::stderr(), "{}", text::tame_lines(&meant));
    }
    if error.exit_code() == 0 { ExitCode::Done } else { ExitCode::Usage }
}

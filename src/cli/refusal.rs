//! Answers a command line that is not one: help, a version, a mistake and what was probably meant.

use super::build_info::{asks_build_info, build_info};
use crate::supervisor::ExitCode;
use crate::text;
use std::ffi::OsString;
use std::io::{self, Write as _};

/// Says what clap made of the `args` of `program`, and what was probably `meant`. A reader that went
/// away is not an error.
pub fn refuse(
    program: &str,
    error: &clap::Error,
    args: &[OsString],
    meant: Option<String>,
) -> ExitCode {
    if asks_build_info(error, args) {
        let _ = io::stdout().write_all(build_info(program).as_bytes());
        return ExitCode::Done;
    }
    let _ = error.print();
    if let Some(meant) = meant {
        let _ = writeln!(io::stderr(), "\n{}", text::tame_lines(&meant));
    }
    if error.exit_code() == 0 { ExitCode::Done } else { ExitCode::Usage }
}

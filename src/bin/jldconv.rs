//! One file at a time: look into it, convert it, compare, dump, undo.

use clap::Parser;
use jldconv::cli::{DumpArgs, InspectArgs, JldconvCli, JldconvCommand, VerifyArgs};
use jldconv::inspect::{self, Detail, DumpError, Form, Inspection, Refusal, Tally};
use jldconv::julia::on_deep_stack;
use jldconv::migrate::target::Target;
use jldconv::report::start_log;
use jldconv::supervisor::ExitCode;
use std::io::{self, BufWriter, Write};

/// Files of which `inspect` tells all unless asked for less.
const FEW: usize = 3;
/// Characters of the longest name in a list.
const WIDEST: usize = 44;

/// Why a command ended early.
enum Stop {
    /// The command line asks for something that there is not.
    Usage(String),
    /// It could not be done.
    Failed(String),
    /// Whoever read the output went away, as `head` does: nobody is left to be told anything.
    Unheard,
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::Unheard,
            _ => Self::Failed(format!("cannot write: {error}")),
        }
    }
}

fn main() -> std::process::ExitCode {
    let cli = JldconvCli::parse();
    let done = start_log(cli.verbose, None, None)
        .and_then(|()| on_deep_stack(|| run(&cli)))
        .unwrap_or_else(|error| Err(Stop::Failed(format!("cannot start: {error}"))));
    let (code, message) = match done {
        Ok(code) => (code, None),
        Err(Stop::Unheard) => (ExitCode::Done, None),
        Err(Stop::Usage(message)) => (ExitCode::Usage, Some(message)),
        Err(Stop::Failed(message)) => (ExitCode::SomeFailed, Some(message)),
    };
    if let Some(message) = message {
        // Standard error may be gone as well; the exit code tells.
        let _ = writeln!(io::stderr(), "jldconv: {message}");
    }
    code.into()
}

fn run(cli: &JldconvCli) -> Result<ExitCode, Stop> {
    match &cli.command {
        JldconvCommand::Inspect(args) => inspect_files(args, cli.verbose > 0),
        JldconvCommand::Verify(args) => verify(args),
        JldconvCommand::Dump(args) => dump(args),
        JldconvCommand::Convert(_) | JldconvCommand::Undo(_) | JldconvCommand::Commit(_) => {
            Err(Stop::Usage("this command is not there yet".to_owned()))
        }
    }
}

fn inspect_files(args: &InspectArgs, verbose: bool) -> Result<ExitCode, Stop> {
    let target = Target::with_rule_files(args.target.as_deref(), &args.rules)
        .map_err(|error| Stop::Usage(error.to_string()))?;
    let detail = if args.full { Detail::Full } else { Detail::Usual };
    let lines = args.files.len() > FEW && !verbose && !args.full;
    let mut out = BufWriter::new(io::stdout());
    let mut tally = Tally::default();
    let names = args.files.iter().filter_map(|path| path.file_name());
    let width = names.map(|name| name.to_string_lossy().chars().count()).max().unwrap_or(0);
    let width = width.clamp(16, WIDEST);
    if lines && !args.json {
        out.write_all(inspect::line_head(width).as_bytes())?;
    }
    for (i, path) in args.files.iter().enumerate() {
        let seen = inspect::inspect(path, &target, detail);
        tally.add(&seen);
        let text = match &seen {
            _ if args.json => json(&seen)?,
            _ if lines => inspect::line(&seen, width),
            Ok(seen) => {
                let gap = if i > 0 { "\n" } else { "" };
                format!("{gap}{}", inspect::details(seen, args.full))
            }
            Err(refusal) => format!("{}: {}: {}\n", refusal.path, refusal.kind, refusal.error),
        };
        out.write_all(text.as_bytes())?;
        // A list grows file by file before the reader's eyes.
        out.flush()?;
    }
    if lines && !args.json {
        writeln!(out, "{tally}")?;
    }
    out.flush()?;
    Ok(if tally.is_fine() { ExitCode::Done } else { ExitCode::SomeFailed })
}

fn json(seen: &Result<Inspection, Box<Refusal>>) -> Result<String, Stop> {
    let json = match seen {
        Ok(seen) => serde_json::to_string(seen),
        Err(refusal) => serde_json::to_string(refusal),
    };
    json.map(|json| json + "\n").map_err(|error| Stop::Failed(error.to_string()))
}

fn verify(args: &VerifyArgs) -> Result<ExitCode, Stop> {
    let compared = inspect::compare(&args.a, &args.b)
        .map_err(|refusal| Stop::Failed(format!("{}: {}", refusal.path, refusal.error)))?;
    let mut out = BufWriter::new(io::stdout());
    if args.json {
        let json = serde_json::to_string(&compared);
        writeln!(out, "{}", json.map_err(|error| Stop::Failed(error.to_string()))?)?;
    } else {
        write!(out, "{compared}")?;
    }
    out.flush()?;
    Ok(if compared.equal { ExitCode::Done } else { ExitCode::SomeFailed })
}

fn dump(args: &DumpArgs) -> Result<ExitCode, Stop> {
    let form = if args.json { Form::Json } else { Form::Text };
    let mut out = BufWriter::new(io::stdout());
    match inspect::dump(&args.file, args.path.as_deref(), form, &mut out) {
        Ok(()) => Ok(ExitCode::Done),
        Err(error) if error.is_broken_pipe() => Err(Stop::Unheard),
        Err(DumpError::Output(error)) => Err(error.into()),
        Err(error) => Err(Stop::Failed(error.to_string())),
    }
}

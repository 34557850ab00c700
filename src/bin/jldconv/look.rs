//! Looks into files: what they hold, and what Julia meets in them; and at the machine.

use crate::unfinished::{self, Noted};
use crate::{Stop, failed, unheard, usage};
use jldconv::archive::directories;
use jldconv::cli::{DoctorArgs, DumpArgs, InspectArgs};
use jldconv::doctor::{self, Verdict};
use jldconv::inspect::{self, Detail, DumpError, Form, Inspection, Refusal, Tally};
use jldconv::migrate::target::Target;
use jldconv::supervisor::ExitCode;
use jldconv::text;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Files of which `inspect` tells all unless asked for less.
const FEW: usize = 3;
/// Characters of the longest name in a list.
const WIDEST: usize = 44;

pub(crate) fn inspect_files(args: &InspectArgs, verbose: bool) -> Result<ExitCode, Stop> {
    let target = Target::with_rule_files(args.target.as_deref(), &args.rules).map_err(usage)?;
    let detail = if args.full { Detail::Full } else { Detail::Usual };
    let files = files_below(&args.files, args.recursive)?;
    let lines = files.len() > FEW && !verbose && !args.full;
    let mut out = BufWriter::new(io::stdout());
    let mut tally = Tally::default();
    let names = files.iter().filter_map(|path| path.file_name());
    let width = names.map(|name| name.to_string_lossy().chars().count()).max().unwrap_or(0);
    let width = width.clamp(16, WIDEST);
    if lines && !args.json {
        out.write_all(inspect::line_head(width).as_bytes())?;
    }
    for (i, path) in files.iter().enumerate() {
        let undo = unfinished::warn(path, args.backup_dir.as_deref());
        let seen = inspect::inspect_with(path, &target, detail, args.trust.checksums());
        tally.add(&seen);
        let text = match &seen {
            _ if args.json => json(&seen, undo)?,
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

/// The files that are named, and those with a JLD2 file's name in directories that are.
fn files_below(named: &[PathBuf], recursive: bool) -> Result<Vec<PathBuf>, Stop> {
    let mut files = Vec::new();
    for path in named {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        let dirs = if recursive { directories(path).map_err(failed)? } else { vec![path.clone()] };
        for dir in &dirs {
            files.append(&mut jld2_in(dir)?);
        }
        if files.len() == before {
            let none = format!("{}: no file in it ends in .jld2", text::path(path));
            let deeper = !recursive && directories(path).is_ok_and(|dirs| dirs.len() > 1);
            let help = if deeper { " (--recursive looks into its directories)" } else { "" };
            return Err(failed(format!("{none}{help}")));
        }
    }
    Ok(files)
}

/// The files in a directory that have a JLD2 file's name, sorted.
fn jld2_in(dir: &Path) -> Result<Vec<PathBuf>, Stop> {
    let unlisted = |error| failed(format!("{}: {error}", text::path(dir)));
    let entries: io::Result<Vec<_>> = fs::read_dir(dir).and_then(Iterator::collect);
    let paths = entries.map_err(unlisted)?.into_iter().map(|entry| entry.path());
    let is_jld2 = |path: &PathBuf| {
        path.extension().is_some_and(|it| it.eq_ignore_ascii_case("jld2")) && !path.is_dir()
    };
    let mut found: Vec<_> = paths.filter(is_jld2).collect();
    found.sort();
    Ok(found)
}

fn json(seen: &Result<Inspection, Box<Refusal>>, undo: Option<String>) -> Result<String, Stop> {
    let json = match seen {
        Ok(seen) => serde_json::to_value(seen),
        Err(refusal) => serde_json::to_value(refusal),
    };
    Ok(format!("{}\n", unfinished::noted(json.map_err(failed)?, undo)))
}

pub(crate) fn doctor(args: &DoctorArgs) -> Result<ExitCode, Stop> {
    let checkup = doctor::examine(args.input.as_deref(), args.output.as_deref(), &args.prefix);
    let mut out = io::stdout();
    if args.json {
        writeln!(out, "{}", serde_json::to_string(&checkup).map_err(failed)?)?;
    } else {
        out.write_all(doctor::show(&checkup).as_bytes())?;
    }
    let fine = checkup.verdict() < Verdict::Problem;
    Ok(if fine { ExitCode::Done } else { ExitCode::SomeFailed })
}

pub(crate) fn dump(args: &DumpArgs) -> Result<ExitCode, Stop> {
    let form = if args.json { Form::Json } else { Form::Text };
    let undo = unfinished::warn(&args.file, args.backup_dir.as_deref());
    let mut out = Noted::new(BufWriter::new(io::stdout()), undo.filter(|_| args.json));
    let (below, checksums) = (args.path.as_deref(), args.trust.checksums());
    match inspect::dump_with(&args.file, below, form, checksums, &mut out) {
        Ok(()) => Ok(ExitCode::Done),
        Err(error) if error.is_broken_pipe() => Err(unheard()),
        Err(DumpError::Output(error)) => Err(error.into()),
        Err(error) => Err(failed(error)),
    }
}

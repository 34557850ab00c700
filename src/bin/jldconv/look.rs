//! Looks into files: what they hold, and what Julia meets in them; and at the machine.

use crate::numbers;
use crate::unfinished::{self, Noted};
use crate::{Stop, complain, failed, unheard, usage};
use jldconv::archive::directories;
use jldconv::cli::{DoctorArgs, DumpArgs, InspectArgs, config_file, from_file, path_like};
use jldconv::doctor::{self, Verdict};
use jldconv::inspect::{self, Detail, DumpError, Form, Inspection, Refusal, Tally};
use jldconv::migrate::target::Target;
use jldconv::supervisor::ExitCode;
use jldconv::text;
use serde_json::Value;
use std::fmt::Write as _;
use std::fs;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// Files of which `inspect` tells all unless asked for less.
const FEW: usize = 3;

pub(crate) fn inspect_files(args: &InspectArgs, verbose: bool) -> Result<ExitCode, Stop> {
    let target = Target::with_rule_files(args.target.as_deref(), &args.rules).map_err(usage)?;
    let detail = if args.full { Detail::Full } else { Detail::Usual };
    let (files, all) = files_below(&args.files, args.recursive)?;
    let lines = files.len() > FEW && !verbose && !args.full;
    let flags = flags(args);
    let mut out = BufWriter::new(io::stdout());
    let mut tally = Tally::default();
    let width = inspect::width(files.iter().map(PathBuf::as_path));
    if lines && !args.json {
        out.write_all(inspect::line_head(width).as_bytes())?;
    }
    for (i, path) in files.iter().enumerate() {
        let undo = unfinished::warn(path, args.backup_dir.as_deref());
        let mut seen = inspect::inspect_with(path, &target, detail, args.trust.checksums());
        if let Ok(seen) = &mut seen {
            seen.with_flags(&flags);
        }
        tally.add(&seen);
        let text = match &seen {
            _ if args.json => json(path, &seen, undo)?,
            _ if lines => inspect::line(&seen, width),
            Ok(seen) => {
                let gap = if i > 0 { "\n" } else { "" };
                format!("{gap}{}", inspect::details(seen, args.full))
            }
            Err(_) => String::new(),
        };
        out.write_all(text.as_bytes())?;
        // A list grows file by file before the reader's eyes.
        out.flush()?;
        if let (Err(refusal), false) = (&seen, args.json) {
            complain(&refused(path, refusal));
        }
    }
    if lines && !args.json {
        writeln!(out, "{tally}")?;
    }
    out.flush()?;
    Ok(if tally.is_fine() && all { ExitCode::Done } else { ExitCode::SomeFailed })
}

/// What is wrong with a file, and what helps.
fn refused(path: &Path, refusal: &Refusal) -> String {
    if let Some(missing) = missing(path) {
        return missing;
    }
    let outlook = refusal.outlook(&text::shell_path(path));
    let run = outlook.run.map_or_else(String::new, |run| format!("\nrun: {run}"));
    format!("{}: {}: {}{run}", refusal.path, refusal.kind, refusal.error)
}

/// What to say of a path where nothing is: what is there that has nearly its name.
fn missing(path: &Path) -> Option<String> {
    let error = path.symlink_metadata().err()?;
    let gone = matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
    let near = path_like(path).map(|near| format!("; did you mean: {}", text::shell_path(&near)));
    let near = near.unwrap_or_default();
    gone.then(|| format!("{}: there is no such file{near}", text::path(path)))
}

/// What was asked of findings, as options of the conversion that mends them.
fn flags(args: &InspectArgs) -> String {
    let mut flags = String::new();
    if let Some(target) = &args.target {
        let _ = write!(flags, " --target {}", text::shell_path(Path::new(target)));
    }
    for rules in &args.rules {
        let _ = write!(flags, " --rules {}", text::shell_path(rules));
    }
    if args.trust.trust_checksums == Some(false) {
        flags.push_str(" --trust-checksums no");
    }
    flags
}

/// A directory and, if `recursive`, those below it; and whether all could be listed, which is told where
/// they could not.
pub(crate) fn dirs(path: &Path, recursive: bool) -> Result<(Vec<PathBuf>, bool), Stop> {
    if !recursive {
        return Ok((vec![path.to_owned()], true));
    }
    let (dirs, unlisted) = directories(path).map_err(failed)?;
    for error in &unlisted {
        complain(&format!("{error}: nobody knows what is in it; the rest goes on"));
    }
    Ok((dirs, unlisted.is_empty()))
}

/// The files that are named, and those with a JLD2 file's name in directories that are; and whether all
/// directories could be listed.
fn files_below(named: &[PathBuf], recursive: bool) -> Result<(Vec<PathBuf>, bool), Stop> {
    let (mut files, mut all) = (Vec::new(), true);
    for path in named {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        let (dirs, listed) = dirs(path, recursive)?;
        all &= listed;
        for dir in &dirs {
            files.append(&mut jld2_in(dir)?);
        }
        if files.len() == before {
            let none = format!("{}: no file in it ends in .jld2", text::path(path));
            let deeper = !recursive && directories(path).is_ok_and(|(dirs, _)| dirs.len() > 1);
            let help = if deeper { " (--recursive looks into its directories)" } else { "" };
            return Err(failed(format!("{none}{help}")));
        }
    }
    Ok((files, all))
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

fn json(
    path: &Path,
    seen: &Result<Inspection, Box<Refusal>>,
    undo: Option<String>,
) -> Result<String, Stop> {
    let mut json = match seen {
        Ok(seen) => serde_json::to_value(seen),
        Err(refusal) => serde_json::to_value(refusal),
    }
    .map_err(failed)?;
    if let (Err(refusal), Value::Object(json)) = (seen, &mut json) {
        let outlook = refusal.outlook(&text::shell_path(path));
        json.insert("verdict".to_owned(), serde_json::to_value(outlook).map_err(failed)?);
    }
    Ok(format!("{}\n", unfinished::noted(json, undo)))
}

pub(crate) fn doctor(args: &DoctorArgs) -> Result<ExitCode, Stop> {
    let mut checkup = doctor::examine(args.input.as_deref(), args.output.as_deref(), &args.prefix);
    let vars: Vec<_> = std::env::vars_os().collect();
    if let Some(file) = config_file(&vars, Path::new("")) {
        let read = from_file(&file).map(|_| text::path(&file)).map_err(|error| error.to_string());
        checkup.settings(read);
    }
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
    if let (true, Some(path)) = (args.raw, &args.path) {
        return numbers::raw(args, path);
    }
    let form = if args.json { Form::Json } else { Form::Text };
    let undo = unfinished::warn(&args.file, args.backup_dir.as_deref());
    let mut out = Noted::new(BufWriter::new(io::stdout()), undo.filter(|_| args.json));
    let (below, checksums) = (args.path.as_deref(), args.trust.checksums());
    match inspect::dump_with(&args.file, below, form, checksums, &mut out) {
        Ok(()) => Ok(ExitCode::Done),
        Err(error) if error.is_broken_pipe() => Err(unheard()),
        Err(DumpError::Output(error)) => Err(error.into()),
        Err(error) => Err(missing(&args.file).map_or_else(|| failed(error), failed)),
    }
}

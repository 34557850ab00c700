//! Carries out `jldconv convert`.

use super::watch::Watch;
use super::{Stop, failed, put, tell_kept, usage};
use indicatif::MultiProgress;
use jldconv::cli::{ConvertArgs, limit_of_one, options};
use jldconv::convert::publish::IS_INPUT;
use jldconv::convert::{Converter, Failure, FailureKind, FileReport, Mode, Outcome, scratch};
use jldconv::julia::DEEP_STACK;
use jldconv::report::dry_run;
use jldconv::supervisor::{ExitCode, Plan, PlannedJob};
use jldconv::sys::bounded;
use jldconv::tasks::convert::{OneFile, OneResult};
use jldconv::text;
use std::ffi::OsStr;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// `bars` is what the log goes around.
pub(super) fn convert(args: ConvertArgs, bars: &MultiProgress) -> Result<ExitCode, Stop> {
    let dry = args.conversion.dry_run.unwrap_or(false);
    let discard = args.conversion.discard_replaced.unwrap_or(false);
    if let Some(limit) = args.memory_limit {
        let limit = limit_of_one(limit.0).map_err(usage)?;
        let limited = bounded::limit(limit, DEEP_STACK as u64);
        limited.map_err(|e| failed(format!("--memory-limit: {e}")))?;
    }
    if args.input.is_dir() {
        let input = text::shell_path(&args.input);
        let output = args.output.as_deref().map_or_else(|| "OUT".to_owned(), text::shell_path);
        let mode =
            if args.conversion.mode == Some(Mode::InPlace) { " --mode in-place" } else { "" };
        let output = if mode.is_empty() { format!(" {output}") } else { String::new() };
        return Err(usage(format!(
            "{}: a directory; for a whole archive: jldconv-supervisor {input}{output}{mode}",
            text::path(&args.input)
        )));
    }
    let mut options = options(args.conversion).map_err(usage)?;
    options.threads = threads(args.threads);
    let in_place = options.mode == Mode::InPlace;
    let force = options.force;
    let converter = Converter::new(options).map_err(|failure| usage(failure.message))?;
    let output = match (in_place, args.output) {
        (true, None) => args.input.clone(),
        (true, Some(_)) => return Err(usage("--mode in-place changes the file itself: no OUT")),
        // Nothing is written: what the conversion would do is the same wherever it goes.
        (false, None) if dry => args.input.clone(),
        (false, None) => return Err(usage("where does the output go? Name OUT")),
        (false, Some(out)) if out.is_dir() => match args.input.file_name() {
            Some(name) => out.join(name),
            None => return Err(usage(format!("{}: not the name of a file", args.input.display()))),
        },
        (false, Some(out)) => out,
    };
    if dry {
        return foresee(&args.input, output, &converter);
    }
    let mut one = OneFile::new(args.input, output.clone(), converter.options().mode)?;
    scratch::beside_output(&one.job.temp_dir);
    if args.memory_limit.is_some()
        && let Some(dir) = one.temp_dir.take()
    {
        let (name, places) = (OsStr::new(&one.job.temp_name), [&*one.job.temp_dir, &*one.own]);
        bounded::leave_nothing(dir, name, &places).map_err(failed)?;
    }
    let watch = Watch::new(bars).map_err(failed)?;
    let made = one.run(&converter, discard, &watch);
    watch.finish();
    let OneResult { report, set_aside } = made.map_err(|mut failure| {
        if failure.fault == FailureKind::Memory && args.memory_limit.is_some() {
            failure.message.push_str("; a higher --memory-limit helps, or none");
        }
        told_of(failure, force)
    })?;
    if let Some(dir) = set_aside {
        tell_kept(&dir);
    }
    if args.json {
        let json = serde_json::to_string_pretty(&report).map_err(failed)?;
        put(&format!("{json}\n"));
    } else {
        put(&told(&output, &report, converter.options().portable));
    }
    Ok(ExitCode::Done)
}

/// How many threads work. More than cores would take turns, and memory.
fn threads(asked: Option<usize>) -> usize {
    // Affinity mask and cgroup quota are in it.
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let asked = asked.unwrap_or(cores);
    if asked > cores {
        let cores = text::count(cores as u64, "core");
        let _ = writeln!(io::stderr(), "note: --threads {asked} is for {cores}: one thread each");
    }
    asked.min(cores)
}

/// A failure with what helps.
pub(super) fn told_of(failure: Failure, force: bool) -> Failure {
    let hopeless = force || failure.message.ends_with(IS_INPUT);
    if failure.fault != FailureKind::Conflict || hopeless {
        return failure;
    }
    let message = format!(
        "{}; name another file, or --force makes it again (what is there and was not made by \
         jldconv is kept under .jldconv/replaced/ beside it)",
        failure.message
    );
    Failure::new(failure.fault, message)
}

fn foresee(input: &Path, output: PathBuf, converter: &Converter) -> Result<ExitCode, Stop> {
    let name = input.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let job = PlannedJob {
        name,
        number: None,
        input: input.to_owned(),
        output,
        bytes: 0,
        mtime_ns: 0,
        obstacle: None,
    };
    let plan = Plan { jobs: std::sync::Arc::new(vec![job]), ..Plan::default() };
    let force = converter.options().force;
    let there = |_: usize, job: &PlannedJob| {
        let there = job.output.symlink_metadata().is_ok() && job.output != job.input;
        there.then(|| {
            if force { "replaces what is there" } else { "fails: its output exists" }.to_owned()
        })
    };
    let mut out = io::stdout().lock();
    let foreseen = dry_run(&plan, converter, true, &there, &mut out)?;
    Ok(if foreseen.failed > 0 { ExitCode::SomeFailed } else { ExitCode::Done })
}

fn told(output: &Path, report: &FileReport, portable: bool) -> String {
    let outcome = match report.outcome {
        Outcome::Converted => "converted",
        Outcome::Unchanged => "unchanged",
    };
    let mode = match report.mode {
        Mode::Auto => "auto",
        Mode::Patch => "patch",
        Mode::Rewrite => "rewrite",
        Mode::InPlace => "in place",
    };
    let [before, after, appended, replaced] =
        [report.bytes_in, report.bytes_out, report.bytes_appended, report.bytes_replaced]
            .map(text::bytes);
    let mut told = format!(
        "{}: {outcome} ({mode}), {before} to {after}, {appended} appended, {replaced} replaced, {}\n",
        text::path(output),
        report.verify.told(report.outcome == Outcome::Converted)
    );
    let mut readers = report.readers;
    if report.mode == Mode::Rewrite {
        // Its own notes say which columns are in one chunk, why, and what helps.
        (readers.hdf5_1, readers.hdf5_2) = (0, 0);
    }
    let readers = readers.told(portable).into_iter().map(|what| format!("note: {what}"));
    for line in report.findings.iter().cloned().chain(readers) {
        told.push_str("  ");
        told.push_str(&text::tame(&line));
        told.push('\n');
    }
    told
}

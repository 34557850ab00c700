//! Carries out `jldconv convert`.

use super::watch::Watch;
use super::{Stop, failed, put, usage};
use indicatif::MultiProgress;
use jldconv::cli::{ConvertArgs, limit_of_one, options};
use jldconv::convert::publish::{Destination, Existing, IS_INPUT};
use jldconv::convert::temp::{Owner, TempName, clean_run};
use jldconv::convert::{
    Converter, Depth, Failure, FailureKind, FileReport, Job, Mode, Observer, Outcome, Wanted,
};
use jldconv::julia::DEEP_STACK;
use jldconv::report::dry_run;
use jldconv::supervisor::{ExitCode, Plan, PlannedJob, run_id};
use jldconv::sys::bounded;
use jldconv::sys::dir::{Missing, OWN};
use jldconv::sys::stat::StatData;
use jldconv::tasks::convert::is_claimed;
use jldconv::text;
use std::ffi::OsStr;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The run that temporary files are named after.
const RUN: &str = "one";

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
    let parent = match output.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let own = parent.join(OWN);
    let temp_dir = own.join("tmp");
    let name = Owner::myself().map_err(failed)?;
    let name = TempName::new(RUN, name, 0).map_err(failed)?;
    let job = Job { input: args.input, output, temp_dir, temp_name: name.to_string() };
    if !in_place {
        let to = Destination::open(&job.output).map_err(failed)?;
        let dir = to.own(&job.temp_dir, Missing::Create).map_err(failed)?;
        // What one left that was killed. That it cannot be removed is no reason not to convert.
        let _ = clean_run(&dir, RUN);
        if args.memory_limit.is_some() {
            bounded::leave_nothing(dir, OsStr::new(&job.temp_name), &[&job.temp_dir, &own])
                .map_err(failed)?;
        }
    }
    let watch = Watch::new(bars).map_err(failed)?;
    let report = existing(&job, &converter, &own, discard, &watch)
        .and_then(|existing| Ok((converter.convert_over(&job, &existing, &watch)?, existing)));
    watch.finish();
    // They stay only where somebody else has something in them.
    let _ = fs::remove_dir(&job.temp_dir).and_then(|()| fs::remove_dir(&own));
    let (report, existing) = report.map_err(|mut failure| {
        if failure.fault == FailureKind::Memory && args.memory_limit.is_some() {
            failure.message.push_str("; a higher --memory-limit helps, or none");
        }
        told_of(failure, force)
    })?;
    if let Existing::SetAside { dir, .. } = existing {
        let kept = text::path(&dir);
        let _ = writeln!(io::stderr(), "note: what was there is kept in {kept}");
    }
    if args.json {
        let json = serde_json::to_string_pretty(&report).map_err(failed)?;
        put(&format!("{json}\n"));
    } else {
        put(&told(&job.output, &report, converter.options().portable));
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

/// What may be replaced. Without `--force` nothing; with it everything, but what this program did
/// not make is kept.
fn existing(
    job: &Job,
    converter: &Converter,
    own: &Path,
    discard: bool,
    observer: &dyn Observer,
) -> Result<Existing, Failure> {
    let odd = |e: String| Failure::new(FailureKind::Output, e);
    let there =
        StatData::entry(&job.output).map_err(|e| odd(format!("{}: {e}", job.output.display())))?;
    let options = converter.options();
    let (Some((now, kind)), true) = (there, options.force && options.mode != Mode::InPlace) else {
        return Ok(Existing::Keep);
    };
    let input = fs::metadata(&job.input);
    let itself = fs::metadata(&job.output).is_ok_and(|out| {
        input.as_ref().is_ok_and(|it| (it.dev(), it.ino()) == (out.dev(), out.ino()))
    });
    if itself {
        return Ok(Existing::Keep);
    }
    let regular = kind.is_file();
    let ours = || {
        if is_claimed(&job.output, &now).unwrap_or(false) {
            return true;
        }
        let wanted = Wanted {
            input_digest: false,
            output_digest: false,
            compare: Some(Depth::Metadata),
            made: None,
        };
        let examined = converter.examine(job, &wanted, observer);
        examined.is_ok_and(|it| {
            matches!(it.compared, Some(Ok(_)))
                && it.input.stat.mtime_ns == now.mtime_ns
                && it.output.stat == now
        })
    };
    if regular && (discard || ours()) {
        return Ok(Existing::Replace(now));
    }
    let name = run_id(SystemTime::now()).map_err(|e| odd(e.to_string()))?;
    Ok(Existing::SetAside { what: now, dir: own.join("replaced").join(name) })
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

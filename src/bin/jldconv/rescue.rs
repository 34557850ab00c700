//! `jldconv rescue`.

use super::convert::told_of;
use super::watch::Watch;
use super::{Stop, failed, put, unfinished, usage};
use indicatif::MultiProgress;
use jldconv::cli::RescueArgs;
use jldconv::convert::publish::{Destination, Existing};
use jldconv::convert::temp::{Owner, TempName};
use jldconv::convert::{Failure, FailureKind, Job};
use jldconv::rescue::{Outcome, RescueOptions, rescue, tell};
use jldconv::supervisor::{ExitCode, run_id};
use jldconv::sys::dir::{Missing, OWN};
use jldconv::sys::stat::StatData;
use jldconv::text;
use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// `bars` is what the log goes around.
pub(super) fn run(args: RescueArgs, bars: &MultiProgress) -> Result<ExitCode, Stop> {
    let output = if args.output.is_dir() {
        match args.input.file_name() {
            Some(name) => args.output.join(name),
            None => return Err(usage(format!("{}: no name of a file", args.input.display()))),
        }
    } else {
        args.output
    };
    let undo = unfinished::warn(&args.input, args.backup_dir.as_deref());
    let parent = match output.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    };
    let own = parent.join(OWN);
    let name = TempName::new("one", Owner::myself().map_err(failed)?, 0).map_err(failed)?;
    let temp_dir = own.join("tmp");
    let job = Job { input: args.input, output, temp_dir, temp_name: name.to_string() };
    let to = Destination::open(&job.output).map_err(failed)?;
    to.own(&job.temp_dir, Missing::Create).map_err(failed)?;
    let watch = Watch::new(bars).map_err(failed)?;
    let options = RescueOptions { partial: args.partial };
    let rescued = existing(&job, &own, args.force, args.discard_replaced)
        .and_then(|existing| Ok((rescue(&job, options, &existing, &watch)?, existing)));
    watch.finish();
    // They stay only where somebody else has something in them.
    let _ = fs::remove_dir(&job.temp_dir).and_then(|()| fs::remove_dir(&own));
    let (report, existing) = rescued.map_err(|failure| told_of(failure, args.force))?;
    if let (Existing::SetAside { dir, .. }, Some(_)) = (existing, &report.output) {
        let kept = text::tame(&dir.display().to_string());
        let _ = writeln!(io::stderr(), "note: what was there is kept in {kept}");
    }
    if args.json {
        let json = serde_json::to_value(&report).map_err(failed)?;
        put(&format!("{:#}\n", unfinished::noted(json, undo)));
    } else {
        put(&tell(&report));
    }
    Ok(match report.outcome {
        Outcome::NothingToRescue | Outcome::Rescued => ExitCode::Done,
        Outcome::RescuedInPart => ExitCode::RescuedInPart,
        Outcome::NothingLeft => ExitCode::SomeFailed,
    })
}

/// What may be replaced: without `--force` nothing, with it whatever is there, which is kept unless
/// it is to be discarded.
fn existing(job: &Job, own: &Path, force: bool, discard: bool) -> Result<Existing, Failure> {
    let odd = |e: String| Failure::new(FailureKind::Output, e);
    let there =
        StatData::entry(&job.output).map_err(|e| odd(format!("{}: {e}", job.output.display())))?;
    let (Some((now, kind)), true) = (there, force) else { return Ok(Existing::Keep) };
    let input = fs::metadata(&job.input);
    let itself = fs::metadata(&job.output).is_ok_and(|out| {
        input.as_ref().is_ok_and(|it| (it.dev(), it.ino()) == (out.dev(), out.ino()))
    });
    if itself {
        return Ok(Existing::Keep);
    }
    if kind.is_file() && discard {
        return Ok(Existing::Replace(now));
    }
    let name = run_id(SystemTime::now()).map_err(|e| odd(e.to_string()))?;
    Ok(Existing::SetAside { what: now, dir: own.join("replaced").join(name) })
}

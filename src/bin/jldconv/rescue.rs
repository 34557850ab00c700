//! `jldconv rescue`.

use super::convert::told_of;
use super::watch::Watch;
use super::{Stop, failed, put, tell_kept, unfinished, usage};
use indicatif::MultiProgress;
use jldconv::cli::RescueArgs;
use jldconv::convert::scratch;
use jldconv::rescue::{Outcome, RescueOptions, rescue, tell};
use jldconv::supervisor::ExitCode;
use jldconv::tasks::convert::OneFile;

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
    let one = OneFile::beside(args.input, output)?;
    scratch::beside_output(&one.job.temp_dir);
    let watch = Watch::new(bars).map_err(failed)?;
    let options = RescueOptions { partial: args.partial };
    let rescued = one.make(args.force, args.discard_replaced, |job, existing| {
        rescue(job, options, existing, &watch)
    });
    watch.finish();
    let (report, set_aside) = rescued.map_err(|failure| told_of(failure, args.force))?;
    if let (Some(dir), Some(_)) = (set_aside, &report.output) {
        tell_kept(&dir);
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

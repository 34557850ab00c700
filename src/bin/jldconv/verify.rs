//! Carries out `jldconv verify`: compares a file with what became of it, or two directories of
//! them.

use crate::{Stop, complain, failed, unfinished, usage};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use jldconv::cli::VerifyArgs;
use jldconv::inspect;
use jldconv::migrate::target::Target;
use jldconv::supervisor::ExitCode;
use jldconv::tasks::verify::{Teller, nothing_to_compare, undo_files, unlisted_told};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub(crate) fn verify(args: &VerifyArgs, verbose: bool) -> Result<ExitCode, Stop> {
    let target = if args.strict {
        None
    } else {
        Some(Target::with_rule_files(args.target.as_deref(), &args.rules).map_err(usage)?)
    };
    match (args.a.is_dir(), args.b.is_dir()) {
        (true, true) => directories(args, target.as_ref(), verbose),
        // A file is looked for in the other's directory, as `convert` puts it there.
        (true, false) => {
            file(args, (&inside(&args.a, &args.b)?, &args.b), target.as_ref(), verbose)
        }
        (false, true) => {
            file(args, (&args.a, &inside(&args.b, &args.a)?), target.as_ref(), verbose)
        }
        (false, false) => file(args, (&args.a, &args.b), target.as_ref(), verbose),
    }
}

/// The cores that this process may use.
fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

fn inside(directory: &Path, file: &Path) -> Result<PathBuf, Stop> {
    let name = file.file_name();
    let name = name.ok_or_else(|| usage(format!("{}: not the name of a file", file.display())))?;
    Ok(directory.join(name))
}

fn file(
    args: &VerifyArgs,
    (old, new): (&Path, &Path),
    target: Option<&Target>,
    verbose: bool,
) -> Result<ExitCode, Stop> {
    let undo = warn(args, [old, new]);
    // Nothing is drawn where standard error is not a terminal.
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    let style = ProgressStyle::with_template("{binary_bytes} of data compared");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    let progress = |bytes| {
        bar.inc(bytes);
        Ok(())
    };
    let threads = args.jobs.unwrap_or_else(cores);
    let compared = inspect::verify_by(threads, old, new, target, args.trust.checksums(), &progress);
    bar.finish_and_clear();
    let compared =
        compared.map_err(|refusal| failed(format!("{}: {}", refusal.path, refusal.error)))?;
    let text = if args.json {
        let json = serde_json::to_value(&compared).map_err(failed)?;
        format!("{}\n", unfinished::noted(json, undo))
    } else {
        compared.details(verbose)
    };
    let mut out = io::stdout();
    out.write_all(text.as_bytes())?;
    out.flush()?;
    Ok(if compared.equal { ExitCode::Done } else { ExitCode::SomeFailed })
}

fn directories(
    args: &VerifyArgs,
    target: Option<&Target>,
    verbose: bool,
) -> Result<ExitCode, Stop> {
    let (pairs, unlisted) =
        inspect::file_pairs(&args.a, &args.b, args.recursive).map_err(failed)?;
    unlisted.iter().for_each(|told| complain(&unlisted_told(told)));
    if let Some(message) = nothing_to_compare(&pairs, &args.a, &args.b) {
        return Err(Stop(ExitCode::Nothing, message));
    }
    let jobs = args.jobs.unwrap_or_else(cores);
    let undo_of = undo_files(&pairs, args.backup_dir.as_deref());
    let mut teller = Teller::new(pairs.len() as u64, args.json, verbose, undo_of);
    let ended = inspect::verify_pairs(&pairs, target, args.trust.checksums(), jobs, &mut teller);
    teller.finish();
    let tally = ended?;
    teller.end(&tally)?;
    let fine = tally.is_fine(args.allow_missing) && unlisted.is_empty();
    Ok(if fine { ExitCode::Done } else { ExitCode::SomeFailed })
}

/// Warns of files in the middle of a change in place, and gives the first one's undo file.
fn warn<'a>(args: &VerifyArgs, files: impl IntoIterator<Item = &'a Path>) -> Option<String> {
    let undo = |path| unfinished::warn(path, args.backup_dir.as_deref());
    files.into_iter().map(undo).fold(None, Option::or)
}

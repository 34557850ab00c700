//! Compares two directories with a worker for each pair of files.

use super::batch::var;
use super::reading::{self, unwritten};
use super::{Stop, complain, usage};
use jldconv::archive::{ArrayVars, Placement, Shard, same_place};
use jldconv::cli::VerifyPairsArgs;
use jldconv::inspect::file_pairs;
use jldconv::supervisor::{Count, ExitCode, Hooks, Settings};
use jldconv::tasks::verify::{
    PairsPart, Teller, Verification, VerifyError, VerifyOptions, nothing_to_compare, undo_files,
    unlisted_told, verify as compare,
};
use std::path::Path;

pub(super) fn verify(args: &VerifyPairsArgs) -> Result<ExitCode, Stop> {
    let given = &args.verify;
    let (old, new) = (given.a.as_path(), given.b.as_path());
    for path in [old, new] {
        if !path.is_dir() {
            let path = path.display();
            let message =
                format!("{path} is not a directory (`jldconv verify` compares two files)");
            return Err(usage(message));
        }
    }
    if let Some(dir) = &args.journal {
        writes_elsewhere(dir, [old, new])?;
    }
    let options = if given.strict {
        VerifyOptions::strict()
    } else {
        VerifyOptions::explained(given.target.as_deref(), &given.rules)
            .map_err(|error| Stop(error.exit_code(), error.to_string()))?
    }
    .with_checksums(given.trust.checksums());
    let failed = |error: &dyn std::fmt::Display| Stop(ExitCode::SomeFailed, error.to_string());
    let (pairs, unlisted) =
        file_pairs(old, new, given.recursive).map_err(|error| failed(&error))?;
    for told in &unlisted {
        complain(&unlisted_told(told));
    }
    if let Some(message) = nothing_to_compare(&pairs, old, new) {
        return Err(Stop(ExitCode::Nothing, message));
    }
    let shard = match args.shard {
        Some(shard) => shard,
        None => Shard::from_slurm(&ArrayVars::from_env(var))
            .map_err(|error| usage(error.to_string()))?
            .unwrap_or_default(),
    };
    let PairsPart { pairs, all, .. } = PairsPart::of(pairs, args.range.as_ref(), shard);
    if let (0, Some(range)) = (all, &args.range) {
        let (old, new) = (old.display(), new.display());
        let message = format!("neither {old} nor {new} has an output in the range {range}");
        return Err(Stop(ExitCode::Nothing, message));
    }
    let undo_of = undo_files(&pairs, given.backup_dir.as_deref());
    let teller = Teller::new(pairs.len() as u64, given.json, args.verbose, undo_of);
    let mut teller = teller.of_shard(shard, all);
    let settings = reading::settings([old, new], given.jobs, &args.limits);
    let mut settings = Settings { shard, ..settings };
    if given.jobs.is_none() {
        // Both files of a pair are read at once where cores would be idle.
        settings.threads_per_worker = Count::Auto;
    }
    let hooks = Hooks::default();
    let journal = args.journal.as_deref();
    let verification = Verification { settings: &settings, options, journal, hooks: &hooks };
    let ended = compare(pairs, verification, &mut teller);
    teller.finish();
    let (tally, summary) = match ended {
        Ok(ended) => ended,
        Err(VerifyError::Listener(error)) => return unwritten(&error),
        Err(VerifyError::Run(error)) => {
            return Err(Stop(error.exit_code(), error.to_string()));
        }
        Err(error) => return Err(failed(&error)),
    };
    if let Err(error) = teller.end(&tally) {
        return unwritten(&error);
    }
    if let Some(error) = summary.error {
        return Err(Stop(ExitCode::Internal, error));
    }
    if summary.pending > 0 {
        let message = format!("interrupted: {} pairs were not compared", summary.pending);
        return Err(Stop(ExitCode::Interrupted, message));
    }
    let fine = tally.is_fine(given.allow_missing) && unlisted.is_empty();
    Ok(if fine { ExitCode::Done } else { ExitCode::SomeFailed })
}

/// Refuses to write into the directories that are compared.
fn writes_elsewhere(journal: &Path, dirs: [&Path; 2]) -> Result<(), Stop> {
    for dir in dirs {
        if matches!(same_place(dir, journal), Ok(Placement::Same)) {
            let message = format!(
                "--journal {}: that is one of the directories to compare, where nothing is written",
                journal.display()
            );
            return Err(usage(message));
        }
    }
    Ok(())
}

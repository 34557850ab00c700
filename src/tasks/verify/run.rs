//! Compares the files of two directories in a run, pair by pair.

use super::task::{VerifyOptions, VerifyTask};
use crate::inspect::{FilePair, PairListener, PairOutcome, PairTally};
use crate::supervisor::{Hooks, Plan, PlannedJob, RunError, RunSummary, Settings};
use crate::tasks::in_order::{InOrder, Listener, Watching};
use crate::tasks::reading::{Reading, read};
use crate::tasks::rules;
use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What the run is given beside its pairs.
pub struct Verification<'a> {
    /// How the run goes; its directories are the old and the new one. Its options of conversions do
    /// not matter.
    pub settings: &'a Settings,
    /// What may explain differences.
    pub options: VerifyOptions,
    /// Where results are kept, and taken from if they still count; nothing is written without it.
    pub journal: Option<&'a Path>,
    /// How workers are started.
    pub hooks: &'a Hooks,
}

/// Why there are no counts of a verification.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The run could not begin.
    #[error(transparent)]
    Run(#[from] RunError),
    /// The listener cannot be told any more.
    #[error(transparent)]
    Listener(#[from] io::Error),
}

impl VerifyOptions {
    /// The rules of `target` and of the files `rules` explain differences. Reads the files.
    ///
    /// # Errors
    /// There is no such target, or a file cannot be read or makes no sense.
    pub fn explained(target: Option<&str>, rules: &[PathBuf]) -> Result<Self, RunError> {
        let digest = rules::digest(target, rules)?;
        let rules = rules.iter().map(|path| path.as_path().into()).collect();
        let target = target.map(str::to_owned);
        Ok(Self { target, rules, digest, strict: false, let_pass: false })
    }

    /// Nothing explains differences.
    pub fn strict() -> Self {
        let (rules, digest) = (Vec::new(), String::new());
        Self { target: None, rules, digest, strict: true, let_pass: false }
    }
}

/// Compares all pairs. `listener` hears of them in their order; pairs that the end of the run left
/// undone are not told and are in no count.
///
/// # Errors
/// The run cannot begin; the listener's, which end the run.
pub fn verify(
    pairs: &[FilePair],
    verification: Verification<'_>,
    listener: &mut dyn PairListener,
) -> Result<(PairTally, RunSummary), VerifyError> {
    let Verification { settings, options, journal, hooks } = verification;
    let mut jobs = Vec::new();
    let mut places = Vec::new();
    let mut waiting = BTreeMap::new();
    for (index, pair) in pairs.iter().enumerate() {
        match (&pair.old, &pair.new) {
            (Some(old), Some(new)) => {
                jobs.push(job(pair, old, new));
                places.push(index);
            }
            (Some(_), None) => drop(waiting.insert(index, PairOutcome::OnlyOld)),
            (None, _) => drop(waiting.insert(index, PairOutcome::OnlyNew)),
        }
    }
    let plan = Plan { jobs: Arc::new(jobs), ..Plan::default() };
    let named = Named { pairs, listener, tally: PairTally::default() };
    let telling = InOrder::new(named, waiting);
    let each = &mut |place: usize, result: Result<super::PairResult, _>| {
        let Some(index) = places.get(place) else { return };
        let outcome = match result {
            Ok(result) => result.0,
            Err((cause, message)) => PairOutcome::Crashed(format!("{cause}: {message}")),
        };
        telling.borrow_mut().take(*index, outcome);
    };
    let mut watching = Watching::new(&telling);
    let reading = Reading::<VerifyTask> { settings, plan: &plan, options, journal, hooks };
    let summary = read(reading, &mut watching, each);
    let mut telling = telling.into_inner();
    telling.heard()?;
    let summary = summary?;
    let (named, told) = telling.finish();
    told?;
    Ok((named.tally, summary))
}

fn job(pair: &FilePair, old: &Path, new: &Path) -> PlannedJob {
    let sizes = [old, new].map(|path| path.metadata().map_or(0, |it| it.len()));
    PlannedJob {
        name: pair.name.to_string_lossy().into_owned(),
        number: None,
        input: old.to_owned(),
        output: new.to_owned(),
        bytes: sizes.into_iter().fold(0, u64::saturating_add),
        mtime_ns: 0,
        obstacle: None,
    }
}

/// Names pairs to their listener, and counts what became of them.
struct Named<'a> {
    pairs: &'a [FilePair],
    listener: &'a mut dyn PairListener,
    tally: PairTally,
}

impl Listener<PairOutcome> for Named<'_> {
    fn ended(&mut self, place: usize, outcome: &PairOutcome) -> io::Result<()> {
        self.tally.add(outcome);
        self.pairs.get(place).map_or(Ok(()), |pair| self.listener.ended(pair, outcome))
    }

    fn progress(&mut self, through: u64, bytes: u64) {
        self.listener.progress(through, bytes);
    }

    fn warning(&mut self, message: &str) {
        self.listener.warning(message);
    }
}

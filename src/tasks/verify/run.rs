//! Compares the files of two directories in a run, pair by pair.

use super::task::{VerifyOptions, VerifyTask};
use crate::convert::{Options, Recipe};
use crate::inspect::{FilePair, PairListener, PairOutcome, PairTally};
use crate::migrate::target::Target;
use crate::supervisor::{
    Hooks, JobId, Plan, PlannedJob, Reporter, RunError, RunEvent, RunSummary, Settings,
};
use crate::tasks::reading::{Reading, read};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::collections::btree_map::OccupiedEntry;
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
        let recipe = |message: String| RunError::Recipe(message);
        // What is wrong with the rules would be wrong with every pair.
        Target::with_rule_files(target, rules).map_err(|error| recipe(error.to_string()))?;
        let mut options = Options { rules: rules.to_owned(), ..Options::default() };
        if let Some(target) = target {
            target.clone_into(&mut options.target);
        }
        let digest = Recipe::of(&options).map_err(|error| recipe(error.message))?.rules;
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
    let plan = Plan { jobs: Arc::new(jobs), listing: None };
    let telling = RefCell::new(Telling {
        pairs,
        listener,
        waiting,
        told: 0,
        through: 0,
        tally: PairTally::default(),
        error: None,
    });
    let each = &mut |place: usize, result: Result<super::PairResult, _>| {
        let Some(index) = places.get(place) else { return };
        let outcome = match result {
            Ok(result) => result.0,
            Err((cause, message)) => PairOutcome::Crashed(format!("{cause}: {message}")),
        };
        let mut telling = telling.borrow_mut();
        telling.waiting.insert(*index, outcome);
        telling.tell(false);
    };
    let mut watching = Watching { telling: &telling, bytes: BTreeMap::new() };
    let reading = Reading::<VerifyTask> { settings, plan: &plan, options, journal, hooks };
    let summary = read(reading, &mut watching, each);
    let mut telling = telling.into_inner();
    let summary = match telling.error {
        None => summary?,
        Some(error) => return Err(error.into()),
    };
    telling.tell(true);
    match telling.error {
        None => Ok((telling.tally, summary)),
        Some(error) => Err(error.into()),
    }
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

/// Tells a listener of pairs in their order.
struct Telling<'a> {
    pairs: &'a [FilePair],
    listener: &'a mut dyn PairListener,
    waiting: BTreeMap<usize, PairOutcome>,
    told: usize,
    through: u64,
    tally: PairTally,
    /// Why the listener hears nothing any more.
    error: Option<io::Error>,
}

impl Telling<'_> {
    /// Tells what is next; in the end, all there is.
    fn tell(&mut self, all: bool) {
        while self.error.is_none() {
            let next = self.waiting.first_entry().filter(|next| all || *next.key() == self.told);
            let Some((index, outcome)) = next.map(OccupiedEntry::remove_entry) else { return };
            self.told = index + 1;
            self.through += 1;
            self.tally.add(&outcome);
            let Some(pair) = self.pairs.get(index) else { continue };
            if let Err(error) = self.listener.ended(pair, &outcome) {
                self.error = Some(error);
                // Nobody wants to know any more: the run ends as it does for a user's signal.
                let this = rustix::process::getpid();
                let _ = rustix::process::kill_process(this, rustix::process::Signal::TERM);
            }
        }
    }
}

/// Counts bytes for the listener.
struct Watching<'a, 'b> {
    telling: &'a RefCell<Telling<'b>>,
    /// Data read of each job.
    bytes: BTreeMap<JobId, u64>,
}

impl Reporter for Watching<'_, '_> {
    fn event(&mut self, event: &RunEvent) {
        let mut telling = self.telling.borrow_mut();
        match event {
            RunEvent::Progress { job, done, .. } => {
                let known = self.bytes.entry(*job).or_default();
                *known = (*known).max(*done);
                let bytes = self.bytes.values().copied().fold(0, u64::saturating_add);
                let through = telling.through + telling.waiting.len() as u64;
                telling.listener.progress(through, bytes);
            }
            RunEvent::Warning { message } => telling.listener.warning(message),
            _ => {}
        }
    }
}

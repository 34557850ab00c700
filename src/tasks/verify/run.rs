//! Compares the files of two directories in a run, pair by pair.

use super::task::{VerifyOptions, VerifyTask};
use crate::inspect::{FilePair, PairListener, PairOutcome, PairTally};
use crate::supervisor::{Hooks, Plan, PlannedJob, RunError, RunSummary, Settings};
use crate::tasks::in_order::{InOrder, Listener, Watching};
use crate::tasks::reading::{Reading, read};
use crate::tasks::rules;
use std::collections::BTreeMap;
use std::ffi::OsString;
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
    pairs: Vec<FilePair>,
    verification: Verification<'_>,
    listener: &mut dyn PairListener,
) -> Result<(PairTally, RunSummary), VerifyError> {
    let Verification { settings, options, journal, hooks } = verification;
    let Sorted { jobs, pairs, waiting } = Sorted::of(pairs);
    let plan = Plan { jobs: Arc::new(jobs), ..Plan::default() };
    let named = Named { plan: &plan, pairs: &pairs, listener, tally: PairTally::default() };
    let telling = InOrder::new(named, waiting);
    let each = &mut |place: usize, result: Result<super::PairResult, _>| {
        let Some(index) = pairs.index(place) else { return };
        let outcome = match result {
            Ok(result) => result.0,
            Err((cause, message)) => PairOutcome::Crashed(format!("{cause}: {message}")),
        };
        telling.borrow_mut().take(index, outcome);
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

/// Pairs as jobs, of which there may be 100,000: their paths are held once.
struct Sorted {
    jobs: Vec<PlannedJob>,
    pairs: Pairs,
    /// What is known of those that need no look.
    waiting: BTreeMap<usize, PairOutcome>,
}

/// What is not in the jobs of pairs.
#[derive(Default)]
struct Pairs {
    /// Those with one file, by index, in order.
    single: BTreeMap<usize, FilePair>,
    /// The index of each job's pair, where these are not the jobs' places.
    indices: Vec<usize>,
    /// Names that are not UTF-8, by the job's place.
    odd_names: BTreeMap<usize, OsString>,
}

impl Sorted {
    fn of(all: Vec<FilePair>) -> Self {
        let mut sorted =
            Self { jobs: Vec::new(), pairs: Pairs::default(), waiting: BTreeMap::new() };
        // Paths move one by one; both lists at once would be twice as much.
        sorted.jobs.reserve_exact(all.len());
        let whole = all.iter().all(|pair| pair.old.is_some() && pair.new.is_some());
        for (index, pair) in all.into_iter().enumerate() {
            let outcome = match (pair.old, pair.new) {
                (Some(old), Some(new)) => {
                    if !whole {
                        sorted.pairs.indices.push(index);
                    }
                    let name = pair.name.into_string().unwrap_or_else(|odd| {
                        let name = odd.to_string_lossy().into_owned();
                        sorted.pairs.odd_names.insert(sorted.jobs.len(), odd);
                        name
                    });
                    sorted.jobs.push(job(name, pair.number, old, new));
                    continue;
                }
                (old, new) => {
                    let outcome =
                        if old.is_some() { PairOutcome::OnlyOld } else { PairOutcome::OnlyNew };
                    sorted.pairs.single.insert(index, FilePair { old, new, ..pair });
                    outcome
                }
            };
            sorted.waiting.insert(index, outcome);
        }
        sorted
    }
}

impl Pairs {
    /// The index of the pair of the job at `place`.
    fn index(&self, place: usize) -> Option<usize> {
        if self.single.is_empty() { Some(place) } else { self.indices.get(place).copied() }
    }

    /// The pair of that index.
    fn pair(&self, index: usize, plan: &Plan) -> Option<FilePair> {
        if let Some(pair) = self.single.get(&index) {
            return Some(pair.clone());
        }
        let place =
            if self.single.is_empty() { index } else { self.indices.binary_search(&index).ok()? };
        let job = plan.jobs.get(place)?;
        let name = self.odd_names.get(&place).cloned();
        Some(FilePair {
            name: name.unwrap_or_else(|| job.name.clone().into()),
            number: job.number,
            old: Some(job.input.clone()),
            new: Some(job.output.clone()),
        })
    }
}

fn job(name: String, number: Option<u64>, old: PathBuf, new: PathBuf) -> PlannedJob {
    let sizes = [&old, &new].map(|path| path.metadata().map_or(0, |it| it.len()));
    PlannedJob {
        name,
        number,
        input: old,
        output: new,
        bytes: sizes.into_iter().fold(0, u64::saturating_add),
        mtime_ns: 0,
        obstacle: None,
    }
}

/// Names pairs to their listener, and counts what became of them.
struct Named<'a> {
    plan: &'a Plan,
    pairs: &'a Pairs,
    listener: &'a mut dyn PairListener,
    tally: PairTally,
}

impl Listener<PairOutcome> for Named<'_> {
    fn ended(&mut self, index: usize, outcome: &PairOutcome) -> io::Result<()> {
        self.tally.add(outcome);
        let pair = self.pairs.pair(index, self.plan);
        pair.map_or(Ok(()), |pair| self.listener.ended(&pair, outcome))
    }

    fn progress(&mut self, through: u64, bytes: u64) {
        self.listener.progress(through, bytes);
    }

    fn warning(&mut self, message: &str) {
        self.listener.warning(message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStringExt as _;

    #[test]
    fn pairs_come_back_as_they_were() {
        let odd = OsString::from_vec(b"output_\xff.jld2".to_vec());
        let pair = |name: &OsString, number, sides: [bool; 2]| {
            let [old, new] = ["/old", "/new"].map(|dir| Path::new(dir).join(name));
            let [old, new] =
                [(old, sides[0]), (new, sides[1])].map(|(it, there)| there.then_some(it));
            FilePair { name: name.clone(), number, old, new }
        };
        let both = [pair(&"a".into(), Some(3), [true; 2]), pair(&odd, None, [true; 2])];
        let single = [pair(&"b".into(), None, [false, true]), pair(&odd, None, [true, false])];
        let mixed = [single.clone(), both.clone()].concat();
        for pairs in [both.to_vec(), mixed, single.to_vec()] {
            let Sorted { jobs, pairs: sorted, waiting } = Sorted::of(pairs.clone());
            let plan = Plan { jobs: Arc::new(jobs), ..Plan::default() };
            let back = (0..pairs.len()).map(|index| sorted.pair(index, &plan).unwrap());
            assert!(back.eq(pairs.iter().cloned()));
            assert_eq!(sorted.pair(pairs.len(), &plan), None);
            for place in 0..plan.jobs.len() {
                let index = sorted.index(place).unwrap();
                assert_eq!(pairs[index].old.as_ref(), Some(&plan.jobs[place].input));
                assert!(!waiting.contains_key(&index));
            }
            assert_eq!(waiting.len() + plan.jobs.len(), pairs.len());
        }
    }
}

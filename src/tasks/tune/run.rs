//! Measures settings, one after the other, in rounds.

use super::judge::{Advice, Trial, advise};
use super::setting::Setting;
use crate::convert::Options;
use crate::supervisor::{Count, Hooks, RunError};
use crate::tasks::sample::{Chosen, SamplePlace, convert};
use serde::Serialize;
use std::time::{Duration, Instant};

/// What is measured.
pub struct Tuning<'a> {
    /// The files.
    pub sample: &'a Chosen,
    /// How each is converted.
    pub options: &'a Options,
    /// Where outputs go.
    pub place: &'a SamplePlace,
    /// Cores that may be used.
    pub cores: usize,
    /// Most workers.
    pub most: usize,
    /// How often each setting is measured.
    pub rounds: usize,
    /// No setting is begun that would end later.
    pub time: Duration,
    /// How workers are started.
    pub hooks: &'a Hooks,
}

/// What was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Tuned {
    /// Files of the sample.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Cores that may be used.
    pub cores: usize,
    /// Where outputs went.
    pub place: String,
    /// The kind of file system there.
    pub file_system: String,
    /// Whether files were laid out again, so that threads matter.
    pub rewritten: bool,
    /// Each setting with its times.
    pub trials: Vec<Trial>,
    /// Whether time ran out before all rounds were measured.
    pub cut: bool,
    /// What follows.
    pub advice: Advice,
}

/// Why nothing was found out.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TuneError {
    /// A run could not begin.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A file of the sample cannot be converted.
    #[error(
        "{failed} of {files} files of the sample could not be converted, so times would say nothing: \
         `jldconv-supervisor scan` tells what is wrong with them; nothing was changed"
    )]
    Failed {
        /// How many.
        failed: u64,
        /// Of how many.
        files: u64,
    },
    /// Somebody ended it.
    #[error("interrupted; nothing was changed")]
    Interrupted,
}

/// The settings that are worth a try: 1, 2, 4 ... workers, as many as there are cores, and twice that,
/// up to `most`; where files are laid out again, also with more threads each, as far as `cores` go.
pub fn settings(cores: usize, most: usize, rewritten: bool) -> Vec<Setting> {
    let powers = |most: usize| {
        let mut counts: Vec<usize> = (0..16).map(|i| 1_usize << i).collect();
        counts.extend([cores.max(1), cores.max(1).saturating_mul(2)]);
        counts.retain(|count| *count <= most.max(1));
        counts.sort_unstable();
        counts.dedup();
        counts
    };
    let mut out = Vec::new();
    for workers in powers(most) {
        let threads = if rewritten { powers((cores / workers).max(1)) } else { vec![1] };
        out.extend(threads.into_iter().map(|threads| Setting { workers, threads }));
    }
    out
}

/// Measures. `told` hears of each setting before it is measured, with the round.
///
/// # Errors
/// [`TuneError`].
pub fn tune(tuning: &Tuning<'_>, told: &mut dyn FnMut(usize, Setting)) -> Result<Tuned, TuneError> {
    let Tuning { sample, options, place, cores, most, rounds, time, hooks } = tuning;
    let begun = Instant::now();
    let one = |workers, threads| {
        let measured = convert(sample, (workers, threads), options, place, hooks)?;
        if measured.interrupted {
            return Err(TuneError::Interrupted);
        }
        if measured.failed > 0 {
            let files = sample.files.len() as u64;
            return Err(TuneError::Failed { failed: measured.failed, files });
        }
        Ok(measured)
    };
    // The first run finds programs and directories that later ones have in memory: it does not count.
    let first = one(Count::Auto, Count::Auto)?;
    let rewritten = first.rewritten > 0;
    let settings = settings(*cores, *most, rewritten);
    let mut trials: Vec<Trial> = settings.iter().map(|it| Trial::new(*it)).collect();
    let mut cut = false;
    let mut longest = first.seconds;
    'rounds: for round in 0..*rounds {
        // Each round begins somewhere else: what changes with time meets all of them.
        let from = round * settings.len() / rounds.max(&1);
        for place in (0..settings.len()).map(|i| (i + from) % settings.len()) {
            let Some(setting) = settings.get(place) else { continue };
            if begun.elapsed().as_secs_f64() + longest > time.as_secs_f64() {
                cut = true;
                break 'rounds;
            }
            told(round, *setting);
            let measured = one(Count::Exactly(setting.workers), Count::Exactly(setting.threads))?;
            longest = longest.max(measured.seconds);
            if let Some(trial) = trials.get_mut(place) {
                trial.add(&measured);
            }
        }
    }
    trials.retain(|trial| !trial.seconds.is_empty());
    let workers = first.slots.max(1);
    let threads = if rewritten { (*cores / workers).max(1) } else { 1 };
    let advice = advise(&trials, Setting { workers, threads });
    Ok(Tuned {
        files: sample.files.len() as u64,
        bytes: sample.bytes(),
        cores: *cores,
        place: place.path().parent().unwrap_or(place.path()).display().to_string(),
        file_system: place.kind.clone(),
        rewritten,
        trials,
        cut,
        advice,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_powers_of_two_and_all_cores() {
        let told = |cores, most, rewritten| {
            let all = settings(cores, most, rewritten);
            all.iter().map(|it| (it.workers, it.threads)).collect::<Vec<_>>()
        };
        assert_eq!(told(2, 4, false), [(1, 1), (2, 1), (4, 1)]);
        assert_eq!(told(6, 6, false), [(1, 1), (2, 1), (4, 1), (6, 1)]);
        assert_eq!(told(6, 12, false), [(1, 1), (2, 1), (4, 1), (6, 1), (8, 1), (12, 1)]);
        assert_eq!(told(4, 8, true), [(1, 1), (1, 2), (1, 4), (2, 1), (2, 2), (4, 1), (8, 1)]);
        assert_eq!(told(1, 0, true), [(1, 1)]);
    }
}

//! Tells from outside what the runs of an output directory are doing now, and hands them orders.
//!
//! Runs on this machine are asked themselves; of those elsewhere the journals tell, and how old that
//! is.

use super::control::{Ask, AskError, Place, ask, place};
use super::error::RunError;
use super::journal::division::{current, look};
use super::journal::{Past, RunLine, file_name};
use super::live::{Live, LiveState};
use super::run_dir::{Held, held, lock_name};
use super::shards::ShardRecord;
use super::under_way::{PartUnderWay, ShardState, UnderWay};
use crate::archive::Shard;
use crate::sys::dir::{Dir, Missing, OWN};
use crate::text::{self, float};
use serde::Serialize;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A run that says nothing of where it can be asked is tried again so often, after so long.
const TRIES: u32 = 4;
const AGAIN: Duration = Duration::from_millis(50);

/// How it is known what a shard is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Asked {
    /// Its supervisor said so.
    Run,
    /// Its journal tells.
    Journal,
}

/// One shard of an output directory.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ShardStatus {
    /// What its lock and its journal tell.
    #[serde(flatten)]
    pub record: ShardRecord,
    /// How it is known.
    pub asked: Asked,
    /// Seconds since that was so: since the journal was written to last.
    pub age_seconds: Option<f64>,
    /// Why a run that is at work was not asked itself.
    pub unasked: Option<String>,
    /// How much is through, 0 to 100: by bytes where the run says so, else by files.
    pub percent: Option<f64>,
    /// Seconds that the rest takes if it goes on as lately.
    pub eta_seconds: Option<f64>,
    /// All that the run says.
    pub live: Option<Live>,
}

/// An output directory at a moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ArchiveStatus {
    /// When (RFC 3339, UTC).
    pub at: String,
    /// The output directory.
    pub output_dir: String,
    /// Where the archive is.
    pub input_dir: Option<String>,
    /// How much is through, 0 to 100, by files; none where shards wait whose files nobody counted.
    pub percent: Option<f64>,
    /// Seconds until what runs now is done.
    pub eta_seconds: Option<f64>,
    /// The SLURM job array that the last run was a task of.
    pub array: Option<u64>,
    /// Every shard of the last division; one where the archive was not divided.
    pub shards: Vec<ShardStatus>,
    /// Shards that failed in part or were interrupted, by number: to be submitted again.
    pub again: Vec<u64>,
    /// Shards that have not run, by number.
    pub waiting: Vec<u64>,
}

/// Tells what the runs in `output_dir` are doing.
///
/// # Errors
/// Nothing ever ran there, or its journals cannot be read.
pub fn status(output_dir: &Path) -> Result<ArchiveStatus, RunError> {
    let own = own(output_dir)?;
    let (past, records) = look(&own)?;
    let runs = current(&past);
    let last = runs.values().max_by(|a, b| a.head.started.cmp(&b.head.started)).copied();
    let shards = asked_all(records, &own, &runs);
    let those = |wanted: &[ShardState]| -> Vec<u64> {
        let numbered = (1..).zip(&shards).filter(|(_, it)| wanted.contains(&it.record.state));
        numbered.map(|(index, _)| index).collect()
    };
    Ok(ArchiveStatus {
        at: text::rfc3339(SystemTime::now()),
        output_dir: std::path::absolute(output_dir)
            .unwrap_or_else(|_| output_dir.to_owned())
            .to_string_lossy()
            .into_owned(),
        input_dir: last.map(|run| run.input_dir.clone()),
        percent: through(&shards),
        eta_seconds: eta(&shards),
        array: last.and_then(|run| run.array),
        again: those(&[ShardState::Failed, ShardState::Interrupted]),
        waiting: those(&[ShardState::Waiting]),
        shards,
    })
}

/// Each shard with what its run says, where it is at work and can be asked.
pub(super) fn asked_all(
    records: Vec<ShardRecord>,
    own: &Dir,
    runs: &BTreeMap<Shard, &RunLine>,
) -> Vec<ShardStatus> {
    let count = runs.keys().next().map_or(1, |shard| shard.count);
    let each = (1..).zip(records).map(|(index, record)| {
        let shard = Shard { index, count };
        of(shard, record, own, runs.get(&shard).copied())
    });
    each.collect()
}

/// What a report tells of shards that are not over; none where all are.
pub(super) fn under_way(shards: &[ShardStatus], last: Option<&RunLine>) -> Option<UnderWay> {
    let over = |it: &ShardStatus| matches!(it.record.state, ShardState::Done | ShardState::Failed);
    if shards.iter().all(over) {
        return None;
    }
    let parts = (1..).zip(shards).map(|(number, it)| PartUnderWay {
        number,
        state: it.record.state,
        files: it.record.jobs,
        done: it.record.ended,
        failed: it.record.failed,
        percent: it.percent,
        eta_seconds: it.eta_seconds,
        busy: it.live.as_ref().map(|live| live.workers.busy.into()),
        host: it.record.host.clone(),
        age_seconds: it.age_seconds.filter(|_| it.live.is_none()),
    });
    Some(UnderWay {
        at: text::rfc3339(SystemTime::now()),
        percent: through(shards),
        eta_seconds: eta(shards),
        array: last.and_then(|run| run.array),
        shards: parts.collect(),
    })
}

/// Seconds until all that runs now is done, where that is known of each.
fn eta(shards: &[ShardStatus]) -> Option<f64> {
    let running = shards.iter().filter(|it| it.record.state == ShardState::Running);
    let etas: Option<Vec<f64>> = running.map(|it| it.eta_seconds).collect();
    etas.and_then(|etas| etas.into_iter().reduce(f64::max))
}

fn own(output_dir: &Path) -> Result<Dir, RunError> {
    Ok(Dir::open(output_dir)?.below(Path::new(OWN), Missing::Fail)?)
}

/// How much of all shards is through: each counts as it has files.
fn through(shards: &[ShardStatus]) -> Option<f64> {
    let mut files = (0.0, 0.0);
    for shard in shards {
        let jobs = float(shard.record.jobs?);
        files = (files.0 + jobs * shard.percent?, files.1 + jobs);
    }
    (files.1 > 0.0).then(|| files.0 / files.1)
}

fn of(shard: Shard, record: ShardRecord, own: &Dir, run: Option<&RunLine>) -> ShardStatus {
    let by_files = |record: &ShardRecord| {
        Some(float(record.ended?) / float(record.jobs.filter(|jobs| *jobs > 0)?) * 100.0)
    };
    let percent = if record.state == ShardState::Done { Some(100.0) } else { by_files(&record) };
    let mut status = ShardStatus {
        asked: Asked::Journal,
        age_seconds: None,
        unasked: None,
        percent,
        eta_seconds: None,
        live: None,
        record,
    };
    if status.record.state != ShardState::Running {
        return status;
    }
    match asked(own, shard, Ask::Live) {
        Ok(live) => {
            // What it found done before counts as files do.
            let found = float(live.files.saturating_sub(live.jobs));
            let all = float(live.files.max(1));
            status.percent = Some((found * 100.0 + live.percent * float(live.jobs)) / all);
            status.eta_seconds = live.eta_seconds;
            status.record.ended = Some(live.files.saturating_sub(live.jobs) + live.ended);
            status.record.jobs = Some(live.files);
            status.record.failed = Some(live.failed);
            (status.record.host, status.record.pid) = (Some(live.host.clone()), Some(live.pid));
            (status.asked, status.age_seconds, status.live) = (Asked::Run, Some(0.0), Some(live));
        }
        Err(why) => {
            status.unasked = Some(why.to_string());
            let written = own.entry(OsStr::new(&file_name(shard))).ok().flatten();
            let written = written.and_then(|entry| u64::try_from(entry.stat.mtime_ns).ok());
            let written = written.map(|nanos| UNIX_EPOCH + Duration::from_nanos(nanos));
            let age = written.and_then(|at| at.elapsed().ok());
            status.age_seconds = age.map(|age| age.as_secs_f64());
            status.eta_seconds =
                written.zip(run).and_then(|(at, run)| by_journal(&status.record, run, at));
        }
    }
    status
}

/// Seconds that the rest of a run takes, by what its journal had at `written`.
fn by_journal(record: &ShardRecord, run: &RunLine, written: SystemTime) -> Option<f64> {
    let begun = humantime::parse_rfc3339(&run.head.started).ok()?;
    let took = written.duration_since(begun).ok()?.as_secs_f64();
    let ended = record.ended?.saturating_sub(run.settled?);
    let rest = run.jobs.saturating_sub(record.ended?);
    (ended > 0 && took > 0.5).then(|| float(rest) * took / float(ended))
}

/// Why a run cannot be asked.
#[derive(Debug, thiserror::Error)]
enum Unasked {
    #[error("it runs on {0}, this is another machine")]
    Elsewhere(String),
    #[error("it does not say where it can be asked")]
    Unsaid,
    #[error(transparent)]
    Ask(#[from] AskError),
}

fn asked(own: &Dir, shard: Shard, what: Ask) -> Result<Live, Unasked> {
    let once = || match place(own, shard) {
        Place::Here(address) => Ok(ask(&address, what)?),
        Place::Elsewhere(host) => Err(Unasked::Elsewhere(host)),
        Place::Unsaid => Err(Unasked::Unsaid),
    };
    let mut answer = once();
    for _ in 0..TRIES {
        // A run that begins, or goes over to other files, has no socket for a moment.
        if !matches!(answer, Err(Unasked::Unsaid | Unasked::Ask(AskError::Dead))) {
            break;
        }
        std::thread::sleep(AGAIN);
        answer = once();
    }
    answer
}

/// What a run is told to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Finish what runs, take no more.
    Drain,
    /// Stop what runs.
    Stop,
}

/// What became of an order to the run on one shard.
#[derive(Debug, Clone, PartialEq)]
pub struct OrderGiven {
    /// Which shard, e.g. `3/20`.
    pub shard: String,
    /// What the run was doing when the order came, or why it did not reach it.
    pub run: Result<Live, String>,
}

/// Tells the runs that are at work in `output_dir` to end; `only` the one on this shard. Empty where
/// nothing is at work.
///
/// # Errors
/// Nothing ever ran there, or its journals cannot be read.
pub fn give_order(
    output_dir: &Path,
    order: Order,
    only: Option<Shard>,
) -> Result<Vec<OrderGiven>, RunError> {
    let own = own(output_dir)?;
    let past = Past::of(&own)?;
    let runs = current(&past);
    let count = runs.keys().next().map_or(1, |shard| shard.count);
    let what = match order {
        Order::Drain => Ask::Drain,
        Order::Stop => Ask::Stop,
    };
    let shards = (1..=count).map(|index| Shard { index, count });
    let shards = shards.filter(|shard| only.is_none_or(|only| only == *shard));
    let at_work = shards.filter(|shard| match held(&own, &lock_name(*shard)) {
        Held::Yes => true,
        Held::No => false,
        // Without locks, who answers is at work.
        Held::Unknown => asked(&own, *shard, Ask::Live).is_ok(),
    });
    let given = at_work.map(|shard| {
        let array = runs.get(&shard).and_then(|run| run.array);
        let run = asked(&own, shard, what).map_err(|why| refused(&why, order, shard, array));
        OrderGiven { shard: shard.to_string(), run }
    });
    Ok(given.collect())
}

/// Why an order did not reach a run, and what does.
fn refused(why: &Unasked, order: Order, shard: Shard, array: Option<u64>) -> String {
    let (word, signal, scancel) = match order {
        Order::Drain => ("drain", "USR1", "scancel --batch --signal=USR1"),
        Order::Stop => ("stop", "INT (twice)", "scancel"),
    };
    let index = shard.index;
    match (why, array) {
        (Unasked::Elsewhere(host), Some(job)) => format!(
            "{why}; say {scancel} {job}_{index}, or on {host}: jldconv-supervisor {word} OUT"
        ),
        (Unasked::Elsewhere(host), None) => {
            format!("{why}; there: ssh {host} jldconv-supervisor {word} OUT")
        }
        (_, Some(job)) => format!("{why}; say {scancel} {job}_{index}"),
        (_, None) => format!("{why}; a signal to its process does the same: SIG{signal}"),
    }
}

impl Live {
    /// Whether an order to drain changes nothing any more.
    pub fn ends_already(&self) -> bool {
        matches!(self.state, LiveState::Draining | LiveState::Stopping | LiveState::Finished)
    }
}

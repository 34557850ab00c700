//! Merges what all runs and shards of an output directory did: the last word of their journals on
//! each file.

use super::division::{current, ends, look};
use super::{EndLine, Past, RunLine, TaskRan};
use crate::archive::{Shard, Unlisted};
use crate::supervisor::error::RunError;
use crate::supervisor::layout::{Layout, Stretch};
use crate::supervisor::others::OthersSummary;
use crate::supervisor::record::JobOutcome;
use crate::supervisor::records::Records;
use crate::supervisor::run_stats::{Sums, balance};
use crate::supervisor::shards::ShardRecord;
use crate::supervisor::status::{ShardStatus, asked_all, under_way};
use crate::supervisor::summary::RunSummary;
use crate::supervisor::under_way::{ShardState, UnderWay};
use crate::supervisor::untaken::{Untaken, untaken};
use crate::sys::dir::{Dir, Missing, OWN};
use crate::text;
use serde::Serialize;
use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Most names of a list in a note.
const FEW: usize = 10;

/// What journals tell together.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Merged {
    /// As of one run. Times are summed over all runs; a file counts as its last record says.
    #[serde(flatten)]
    pub summary: RunSummary,
    /// What a user has to know beside it.
    pub notes: Vec<String>,
    /// Every shard of the last division, by its number; one where the archive was not divided.
    pub shards: Vec<ShardRecord>,
    /// Files that are in the archive now and that no shard took.
    pub not_taken: Vec<String>,
    /// Whether all outputs were asked to be made for readers that are built on HDF5, too.
    #[serde(skip)]
    pub portable: bool,
    /// All runs on one axis of time.
    #[serde(skip)]
    pub layout: Layout,
}

/// Merges the journals below `output_dir`, and holds them against the archive as it is now. Of runs
/// that are at work now it tells what they have done so far, and asks those on this machine.
///
/// # Errors
/// There are no journals, or they cannot be read.
pub fn merged(output_dir: &Path) -> Result<Merged, RunError> {
    let own = Dir::open(output_dir)?.below(Path::new(OWN), Missing::Fail)?;
    let (past, shards) = look(&own)?;
    merge(past, shards, &own)
}

/// What ran in `output_dir` beside conversions, by the tasks' names: of each the last.
///
/// # Errors
/// There are no journals, or they cannot be read.
pub fn tasks_ran(output_dir: &Path) -> Result<BTreeMap<String, TaskRan>, RunError> {
    let own = Dir::open(output_dir)?.below(Path::new(OWN), Missing::Fail)?;
    Ok(Past::of(&own)?.tasks)
}

fn merge(mut past: Past, shards: Vec<ShardRecord>, own: &Dir) -> Result<Merged, RunError> {
    let runs = current(&past);
    let count = runs.keys().next().map_or(0, |shard| shard.count);
    let mut asked = asked_all(shards.clone(), own, &runs);
    // Files are counted as the journals told, of which the rest is made: a run may be further by now.
    for (told, shard) in asked.iter_mut().zip(&shards) {
        told.record = shard.clone();
    }
    let mut notes = Vec::new();
    if past.odd > 0 {
        let lines = text::count(past.odd, "line");
        notes.push(format!("not understood in the journals: {lines}"));
    }
    for (state, what) in [
        (ShardState::Waiting, ["has not run", "have not run"]),
        (ShardState::Running, ["is at work", "are at work"]),
        (ShardState::Interrupted, ["was interrupted", "were interrupted"]),
    ] {
        notes.extend(told(&shards, state, count, what));
    }
    let last = runs.values().max_by(|a, b| a.head.started.cmp(&b.head.started)).copied();
    let under_way = under_way(&asked, last);
    let Untaken { open, not_taken, .. } = hold_against(&runs, count, last, &past, &mut notes)?;
    let pending = open.unwrap_or_else(|| pending(&runs, &past));
    // One that was killed behind its last file has nothing left to do, but for other files.
    let broken = |it: &ShardRecord| {
        it.state == ShardState::Interrupted && (it.jobs > it.ended || it.behind())
    };
    let goes_on = under_way.as_ref().is_some_and(|it| it.runs() || it.waits());
    let interrupted = shards.iter().any(broken) || (pending > 0 && !goes_on);
    let started = past.runs.iter().map(|run| run.head.started.clone()).min().unwrap_or_default();
    let others = shards.iter().filter_map(|it| it.others).reduce(OthersSummary::plus);
    let unlisted = unlisted(&runs);
    let portable = runs.values().all(|run| run.options.portable);
    let last = last.cloned();
    let mut files = Records::default();
    let numbers: HashMap<*const RunLine, usize> =
        past.runs.iter().enumerate().map(|(number, run)| (Arc::as_ptr(run), number)).collect();
    let mut of_files = Vec::new();
    let mut of_runs = vec![OfRun::default(); past.runs.len()];
    for name in past.names() {
        let Some(known) = past.known(name)? else { continue };
        let number = numbers.get(&Arc::as_ptr(&known.run)).copied().unwrap_or(0);
        if let Some(of_run) = of_runs.get_mut(number) {
            of_run.seconds = of_run.seconds.max(known.record.ended.unwrap_or(0.0));
            if of_run.at < known.at {
                of_run.at = known.at;
            }
            of_run.places.push(u32::try_from(files.len()).unwrap_or(u32::MAX));
        }
        of_files.push(u32::try_from(number).unwrap_or(u32::MAX));
        files.push(&known.record);
    }
    let ended = std::mem::take(&mut past.ends);
    let ends = with_unended(&past.runs, ended, &asked, (&files, &of_runs));
    let finished = if under_way.as_ref().is_some_and(UnderWay::runs) {
        String::new()
    } else {
        ends.iter().map(|end| end.at.clone()).max().unwrap_or_default()
    };
    let layout = Layout::of_runs(stretches(&past.runs, &ends, &of_runs), of_files);
    let mut summary = RunSummary {
        started,
        finished,
        interrupted,
        pending,
        shard: if count == 1 { "1/1".to_owned() } else { format!("{count} shards") },
        faults: past.faults,
        retries: past.retries,
        others,
        unlisted,
        under_way,
        ..sums(&ends, files)
    };
    if let Some(RunLine { head, input_dir, output_dir, options, .. }) = last {
        (summary.run_id, summary.version) = (head.run_id, head.version);
        (summary.input_dir, summary.output_dir) = (input_dir, output_dir);
        (summary.target, summary.mode) = (options.target.clone(), Some(options.mode));
        summary.options = Some(options);
    }
    Ok(Merged { summary, notes, shards, not_taken, portable, layout })
}

/// What the records of files tell of a run.
#[derive(Debug, Clone, Default)]
struct OfRun {
    /// How long it was, at least.
    seconds: f64,
    /// When the last of them was written.
    at: String,
    /// Their places among all records.
    places: Vec<u32>,
}

/// The ends of all runs: those that came to one, and of each other what is known so far.
fn with_unended(
    runs: &[Arc<RunLine>],
    mut ended: Vec<EndLine>,
    asked: &[ShardStatus],
    (files, of_runs): (&Records, &[OfRun]),
) -> Vec<EndLine> {
    let now = SystemTime::now();
    let known = ends(&ended);
    let open = runs.iter().zip(of_runs);
    let open = open.filter(|(run, _)| !known.contains_key(run.head.run_id.as_str()));
    let open: Vec<EndLine> = open
        .map(|(run, of_run)| {
            let running = asked.iter().find(|it| {
                it.record.state == ShardState::Running
                    && it.record.run_id.as_deref() == Some(&run.head.run_id)
            });
            let live = running.and_then(|it| it.live.as_ref());
            let live = live.filter(|live| live.run_id == run.head.run_id);
            let since =
                || now.duration_since(humantime::parse_rfc3339(&run.head.started).ok()?).ok();
            let seconds = match running.and_then(|_| since()) {
                Some(since) => since.as_secs_f64().max(of_run.seconds),
                None => of_run.seconds,
            };
            let places = of_run.places.iter().filter_map(|place| usize::try_from(*place).ok());
            let records = places.filter_map(|place| files.get(place));
            EndLine {
                run_id: run.head.run_id.clone(),
                at: if running.is_some() { text::rfc3339(now) } else { of_run.at.clone() },
                summary: RunSummary::unended(run, live, seconds, records),
            }
        })
        .collect();
    ended.extend(open);
    ended
}

/// Directories that one of the runs could not list.
fn unlisted(runs: &BTreeMap<Shard, &RunLine>) -> Vec<Unlisted> {
    let all = runs.values().flat_map(|run| &run.unlisted);
    let by_name: BTreeMap<&str, &Unlisted> = all.map(|it| (it.name.as_str(), it)).collect();
    by_name.into_values().cloned().collect()
}

/// All runs, each with where it began on the clock.
fn stretches(runs: &[Arc<RunLine>], all: &[EndLine], of_runs: &[OfRun]) -> Vec<Stretch> {
    let ends = ends(all);
    let each = runs.iter().zip(of_runs).map(|(run, of_run)| {
        let end = ends.get(run.head.run_id.as_str()).map(|end| &end.summary);
        let began = humantime::parse_rfc3339(&run.head.started).ok();
        let began = began.and_then(|at| at.duration_since(SystemTime::UNIX_EPOCH).ok());
        let last = of_run.seconds;
        Stretch {
            run_id: run.head.run_id.clone(),
            shard: run.head.shard.clone(),
            begin: began.unwrap_or_default().as_secs_f64(),
            seconds: end.map_or(last, |end| end.conversion_time.max(last)),
            row: 0,
            slots: end.map_or(1, |end| u32::try_from(end.slots.len()).unwrap_or(u32::MAX)),
            timeline: end.map(|end| end.timeline.clone()).unwrap_or_default(),
        }
    });
    each.collect()
}

/// The shards in a state, as `2 of 20 shards have not run: 3, 7`; `what` they did, of one and of
/// many.
fn told(
    shards: &[ShardRecord],
    state: ShardState,
    count: u32,
    [one, many]: [&str; 2],
) -> Option<String> {
    let index = |it: &ShardRecord| it.shard.split('/').next().unwrap_or_default().to_owned();
    let all: Vec<String> = shards.iter().filter(|it| it.state == state).map(index).collect();
    if all.is_empty() {
        return None;
    }
    if count == 1 {
        return Some(format!("the run {one}"));
    }
    let what = if all.len() == 1 { one } else { many };
    Some(format!("{} of {count} shards {what}: {}", all.len(), text::few(&all, FEW)))
}

/// What is still to do, by the journals alone.
fn pending(runs: &BTreeMap<Shard, &RunLine>, past: &Past) -> u64 {
    let left = |run: &&RunLine| {
        let lines = past.ended.get(&run.head.run_id).map_or(0, |ended| ended.jobs);
        Some(run.jobs.saturating_sub(run.settled?).saturating_sub(lines))
    };
    let all: Option<Vec<u64>> = runs.values().map(left).collect();
    if let Some(left) = all {
        return left.into_iter().fold(0, u64::saturating_add);
    }
    // Journals of earlier versions do not tell how many jobs a run found done.
    let planned = runs.values().fold(0_u64, |sum, run| sum.saturating_add(run.jobs));
    planned.saturating_sub(past.count())
}

/// What the archive holds now beside what the journals tell, with words for the user. Without a
/// listing, or where the archive cannot be listed, the journals' word has to do.
fn hold_against(
    runs: &BTreeMap<Shard, &RunLine>,
    count: u32,
    last: Option<&RunLine>,
    past: &Past,
    notes: &mut Vec<String>,
) -> Result<Untaken, RunError> {
    let Some((run, listing)) = last.and_then(|run| Some((run, run.listing.as_ref()?))) else {
        return Ok(Untaken::default());
    };
    let (found, now) = match listing.again(Path::new(&run.input_dir), Path::new(&run.output_dir)) {
        // What is not mounted looks empty.
        Ok((found, _)) if found.is_empty() && listing.files > 0 => {
            notes.push(format!("{} holds no files of the archive any more", run.input_dir));
            return Ok(Untaken::default());
        }
        Ok(listed) => listed,
        Err(error) => {
            notes.push(format!("the archive is not there to be compared with: {error}"));
            return Ok(Untaken::default());
        }
    };
    let held = untaken(runs, count, &found, &now, past)?;
    if !held.not_taken.is_empty() {
        let count = held.not_taken.len() as u64;
        notes.push(format!(
            "{} {} in the archive that no shard took: {}; run the same command again (all tasks of \
             an array)",
            text::count(count, "file"),
            text::is_are(count),
            text::few(&held.not_taken, FEW)
        ));
    }
    if held.changed > 0 {
        notes.push(format!(
            "{} of the archive's files changed after they were converted",
            held.changed
        ));
    }
    Ok(held)
}

/// What adds up.
fn sums(ends: &[EndLine], files: Records) -> RunSummary {
    let mut all = Sums::default();
    for file in &files {
        all.add(&file, &mut [], |file| file.bytes_out);
    }
    let count = |outcome| all.outcomes.get(&outcome).copied().unwrap_or(0);
    let sum = |of: fn(&RunSummary) -> u64| {
        ends.iter().map(|end| of(&end.summary)).fold(0, u64::saturating_add)
    };
    let most =
        |of: fn(&RunSummary) -> u64| ends.iter().map(|end| of(&end.summary)).max().unwrap_or(0);
    let seconds = |of: fn(&RunSummary) -> f64| ends.iter().map(|end| of(&end.summary)).sum::<f64>();
    // Runs that found nothing to do have slots that were never busy.
    let busy = ends.iter().filter(|end| end.summary.workers_used > 0);
    let slots: Vec<_> = busy.flat_map(|end| end.summary.slots.clone()).collect();
    let each: f64 = slots.iter().map(|slot| slot.busy_seconds + slot.idle_seconds).sum();
    #[expect(clippy::cast_precision_loss, reason = "there are few slots")]
    let mean = each / (slots.len().max(1) as f64);
    let took = Duration::try_from_secs_f64(mean).unwrap_or_default();
    let (load_balance, parallel_efficiency) = balance(&slots, took);
    let last = ends.iter().max_by(|a, b| a.at.cmp(&b.at));
    RunSummary {
        success: count(JobOutcome::Converted),
        failed: count(JobOutcome::Failed),
        skipped: count(JobOutcome::Skipped),
        unchanged: count(JobOutcome::Unchanged),
        safety_violations: sum(|run| run.safety_violations),
        conversion_time: seconds(|run| run.conversion_time),
        workers_used: most(|run| run.workers_used),
        final_memory_usage_percent: last.map_or(0.0, |end| end.summary.final_memory_usage_percent),
        bytes_read: sum(|run| run.bytes_read),
        bytes_written: sum(|run| run.bytes_written),
        memory_limit: most(|run| run.memory_limit),
        peak_rss_max: all.peak_rss_max,
        attempts: sum(|run| run.attempts),
        oom_restarts: sum(|run| run.oom_restarts),
        slots,
        load_balance,
        parallel_efficiency,
        files,
        paused_seconds: seconds(|run| run.paused_seconds),
        threads_used: most(|run| run.workers_used),
        average_seconds: all.average(),
        bytes_saved: all.saved,
        findings_mended: all.mended,
        warnings_mended: all.warnings,
        cpu_seconds: all.cpu_seconds,
        queued_seconds: all.queued_seconds,
        memory_peak: most(|run| run.memory_peak),
        budget: last.map_or(0, |end| end.summary.budget),
        cores: most(|run| run.cores),
        threads_per_worker: most(|run| run.threads_per_worker),
        command: last.map(|end| end.summary.command.clone()).unwrap_or_default(),
        ..RunSummary::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::Options;
    use crate::supervisor::JobRecord;
    use crate::supervisor::journal::HeadLine;
    use crate::supervisor::journal::{FORMAT, Fingerprint, JobLine, Line, file_name};
    use std::fs;

    /// One run of a shard: its name, when it began, its jobs by number and outcome, and whether it
    /// came to its end.
    struct Run {
        id: &'static str,
        at: &'static str,
        shard: (u32, u32),
        planned: u64,
        jobs: &'static [(u64, JobOutcome)],
        ended: bool,
    }

    fn lines(run: &Run) -> Vec<u8> {
        let shard = Shard { index: run.shard.0, count: run.shard.1 };
        let mut lines = vec![Line::Run(Box::new(RunLine {
            head: HeadLine {
                journal: FORMAT,
                run_id: run.id.into(),
                version: "1".into(),
                started: run.at.into(),
                host: "h".into(),
                pid: 1,
                shard: shard.to_string(),
            },
            input_dir: "/in".into(),
            output_dir: "/out".into(),
            options: Options::default(),
            recipe: None,
            jobs: run.planned,
            settled: Some(0),
            listing: None,
            array: None,
            others: None,
            unlisted: Vec::new(),
            means: None,
        }))];
        lines.extend(run.jobs.iter().map(|(number, outcome)| {
            let name = format!("output_{number:05}.jld2");
            Line::Job(Box::new(JobLine {
                run_id: run.id.into(),
                at: run.at.into(),
                input: Fingerprint {
                    path: format!("/in/{name}"),
                    size: 1,
                    mtime_ns: 2,
                    stat: None,
                },
                claim: None,
                record: JobRecord::bare(&name, Some(*number), *outcome, 1),
            }))
        }));
        if run.ended {
            let mut summary = sums(&[], Records::default());
            summary.run_id = run.id.into();
            summary.conversion_time = 1.5;
            summary.safety_violations = 1;
            lines.push(Line::End(Box::new(EndLine {
                run_id: run.id.into(),
                at: run.at.into(),
                summary,
            })));
        }
        lines.iter().flat_map(|line| line.to_bytes().unwrap()).collect()
    }

    fn merged_of(runs: &[Run]) -> Merged {
        let dir = tempfile::tempdir().unwrap();
        let own = dir.path().join(OWN);
        fs::create_dir(&own).unwrap();
        for run in runs {
            let shard = Shard { index: run.shard.0, count: run.shard.1 };
            let path = own.join(file_name(shard));
            let mut journal = fs::read(&path).unwrap_or_default();
            journal.extend(lines(run));
            fs::write(path, journal).unwrap();
        }
        merged(dir.path()).unwrap()
    }

    use JobOutcome::{Converted, Failed, Unchanged};

    #[test]
    fn shards_are_one_archive() {
        let run = |id, shard, jobs| Run { id, at: "t1", shard, planned: 2, jobs, ended: true };
        let all = merged_of(&[
            run("a", (1, 2), &[(3, Converted), (1, Unchanged)]),
            run("b", (2, 2), &[(2, Converted), (4, Failed)]),
        ]);
        let summary = all.summary;
        let numbers: Vec<_> = summary.files.iter().filter_map(|file| file.number).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
        assert_eq!((summary.success, summary.unchanged, summary.failed), (2, 1, 1));
        assert_eq!((summary.pending, summary.interrupted), (0, false));
        assert_eq!((summary.safety_violations, summary.shard.as_str()), (2, "2 shards"));
        assert!((summary.conversion_time - 3.0).abs() < 1e-9);
        assert!(all.notes.is_empty());
    }

    #[test]
    fn what_is_missing_is_told() {
        let run = |id, at, shard, jobs, ended| Run { id, at, shard, planned: 3, jobs, ended };
        let all = merged_of(&[
            // An older division, which does not count but for its files.
            run("o", "t0", (1, 1), &[(9, Converted)], true),
            run("a", "t1", (1, 3), &[(1, Failed)], true),
            run("b", "t2", (1, 3), &[(1, Converted), (2, Converted)], true),
            run("c", "t1", (2, 3), &[(3, Converted)], false),
        ]);
        assert_eq!(
            all.notes,
            ["1 of 3 shards has not run: 3", "1 of 3 shards was interrupted: 2"],
            "nobody holds the second one's lock"
        );
        let summary = all.summary;
        assert_eq!((summary.success, summary.failed, summary.pending), (4, 0, 3));
        assert!(summary.interrupted);
        assert_eq!(summary.run_id, "b");
    }

    #[test]
    fn where_nothing_ran_there_is_nothing_to_merge() {
        let dir = tempfile::tempdir().unwrap();
        assert!(merged(dir.path()).is_err());
        assert!(merged(&dir.path().join("none")).is_err());
    }
}

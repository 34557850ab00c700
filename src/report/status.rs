//! Prints what the runs of an output directory are doing, as a block of text.

use super::shards::shards;
use super::under_way::array;
use crate::convert::Phase;
use crate::supervisor::{
    ArchiveStatus, Asked, Happened, Live, LiveSlot, LiveState, ShardRecord, ShardState, ShardStatus,
};
use crate::text;
use std::fmt::Write as _;

/// Most shards and failures that are listed.
const FEW: usize = 20;
const FAILURES: usize = 5;

/// The block of `status`.
pub fn status(status: &ArchiveStatus) -> String {
    let mut block = String::new();
    let whole = status.shards.len() == 1;
    if !whole {
        let records: Vec<ShardRecord> = status.shards.iter().map(|it| it.record.clone()).collect();
        block.push_str(shards(&records).trim_end());
        block.push('\n');
        let mut all = vec![of_all(status)];
        all.extend(status.eta_seconds.map(|eta| format!("ETA of those that run {}", time(eta))));
        let _ = writeln!(block, "  in all      {}", all.join(", "));
    }
    let at_work = status.shards.iter().filter(|it| it.record.state == ShardState::Running);
    let mut shown = 0;
    for shard in at_work.clone().take(FEW) {
        one(&mut block, shard, whole);
        shown += 1;
    }
    let more = at_work.count().saturating_sub(shown);
    if more > 0 {
        let _ = writeln!(block, "  and {more} more at work, all of them in --json");
    }
    if whole && shown == 0 {
        for shard in &status.shards {
            over(&mut block, shard);
        }
    }
    if !whole {
        again(&mut block, status);
    }
    block
}

fn of_all(status: &ArchiveStatus) -> String {
    status.percent.map_or_else(|| "not all shards have begun".to_owned(), percent)
}

fn percent(percent: f64) -> String {
    format!("{percent:.1} %")
}

fn time(seconds: f64) -> String {
    text::seconds(seconds)
}

/// A run that is not at work.
fn over(block: &mut String, shard: &ShardStatus) {
    let ShardRecord { state, jobs, ended, failed, finished, others, .. } = &shard.record;
    let what = match state {
        ShardState::Running => "running",
        ShardState::Waiting => "not begun",
        ShardState::Done => "done",
        ShardState::Failed => "done but for files that failed",
        ShardState::Interrupted => "interrupted: the same command goes on",
    };
    let _ = write!(block, "No run is at work here. The last: {what}");
    if let (Some(jobs), Some(ended)) = (jobs, ended) {
        let _ = write!(block, ", {ended} of {}", text::count(*jobs, "file"));
    }
    if let Some(failed @ 1..) = failed {
        let _ = write!(block, ", {failed} failed");
    }
    if let Some(finished) = finished {
        let _ = write!(block, ", at {}", text::tame(finished));
    }
    block.push('\n');
    if let Some(others) = others {
        let _ = writeln!(block, "  others      {others}");
    }
}

fn one(block: &mut String, shard: &ShardStatus, whole: bool) {
    let ShardRecord { shard: name, host, pid, .. } = &shard.record;
    let mut title = if whole { String::from("Run") } else { format!("Shard {name}") };
    if let Some(live) = &shard.live {
        let _ = write!(title, " {}", state(live));
    } else {
        title.push_str(" running");
    }
    if let (Some(host), Some(pid)) = (host, pid) {
        let _ = write!(title, ", process {pid} on {}", text::tame(host));
    }
    let _ = writeln!(block, "{title}");
    match &shard.live {
        Some(live) => live_lines(block, live),
        None => journal_lines(block, shard),
    }
}

fn state(live: &Live) -> String {
    let state = match live.state {
        LiveState::Starting => "starting",
        LiveState::Running => "running",
        LiveState::Paused => "paused",
        LiveState::Draining => "finishing what runs, takes no more",
        LiveState::Stopping => "stopping",
        LiveState::TakingAlong => "taking other files along",
        LiveState::Finished => "over",
    };
    match &live.why {
        Some(why) => format!("{state} ({})", text::tame(why)),
        None => state.to_owned(),
    }
}

fn live_lines(block: &mut String, live: &Live) {
    let mut parts = vec![percent(live.percent), format!("after {}", time(live.elapsed))];
    parts.extend(live.eta_seconds.map(|eta| format!("ETA {}", time(eta))));
    parts.push(format!("{} of {}", text::bytes(live.bytes_done), text::bytes(live.bytes)));
    parts.extend(live.rate.map(text::pace));
    let _ = writeln!(block, "  progress    {}", parts.join(", "));
    let mut files = format!(
        "{} of {} done: {} converted, {} unchanged, {} skipped, {} failed; {} wait",
        live.ended,
        text::count(live.jobs, "file"),
        live.converted,
        live.unchanged,
        live.skipped,
        live.failed,
        live.waiting
    );
    if live.retries > 0 {
        let _ = write!(files, "; {} tried again", text::count(live.retries, "attempt"));
    }
    let _ = writeln!(block, "  files       {files}");
    if let Some(taking) = &live.others {
        let _ = writeln!(block, "  others      {}", super::line::taking_along(taking));
    }
    let memory = &live.memory;
    let _ = writeln!(
        block,
        "  memory      {} in use, margin {} of {}; violations {}",
        text::bytes(memory.used),
        text::bytes(memory.budget),
        text::bytes(memory.limit),
        live.safety_violations
    );
    let workers = &live.workers;
    let _ = write!(
        block,
        "  workers     {} of {} busy ({})",
        workers.busy,
        workers.slots,
        text::tame(&workers.reason)
    );
    if let Some(reason) = workers.fewer {
        let _ = write!(block, "; {} allowed: {}", workers.allowed, reason.why());
    }
    block.push('\n');
    let busy = live.slots.iter().filter(|slot| slot.name.is_some());
    for slot in busy.clone().take(FEW) {
        let _ = writeln!(block, "  slot {:<6} {}", slot.slot.shown(), slot_line(slot));
    }
    let more = busy.count().saturating_sub(FEW);
    if more > 0 {
        let _ = writeln!(block, "  and {more} more busy, all of them in --json");
    }
    let skipped = live.failures.len().saturating_sub(FAILURES);
    for failure in live.failures.iter().skip(skipped) {
        let _ = writeln!(block, "  failed      {}", happened(failure));
    }
}

fn happened(it: &Happened) -> String {
    let name = it.name.as_deref().unwrap_or_default();
    format!("{}  {}", text::tame(name), text::tame(&it.message))
}

fn slot_line(slot: &LiveSlot) -> String {
    let name = text::tame(slot.name.as_deref().unwrap_or_default());
    let phase = slot.phase.map_or("start", Phase::name);
    let mut line = format!(
        "{name}  {phase} {:.0} % of {}, {}, memory {}",
        slot.percent,
        text::bytes(slot.bytes),
        time(slot.seconds),
        text::bytes(slot.anon)
    );
    if slot.attempt > 1 {
        let _ = write!(line, ", attempt {}", slot.attempt);
    }
    if slot.still >= super::line::STILL {
        let _ = write!(line, ", nothing moved for {}", time(slot.still));
    }
    line
}

/// What a journal tells of a run that was not asked.
fn journal_lines(block: &mut String, shard: &ShardStatus) {
    if let (Asked::Journal, Some(why)) = (shard.asked, &shard.unasked) {
        let _ = write!(block, "  by journal  {}", text::tame(why));
        if let Some(age) = shard.age_seconds {
            let _ = write!(block, "; what follows is {} old", time(age));
        }
        block.push('\n');
    }
    let ShardRecord { jobs, ended, failed, .. } = &shard.record;
    let (Some(jobs), Some(ended)) = (jobs, ended) else {
        let _ = writeln!(block, "  progress    its journal has not begun");
        return;
    };
    let mut parts: Vec<String> = shard.percent.map(percent).into_iter().collect();
    parts.push(format!("{ended} of {}", text::count(*jobs, "file")));
    parts.extend(failed.filter(|failed| *failed > 0).map(|failed| format!("{failed} failed")));
    parts.extend(shard.eta_seconds.map(|eta| format!("ETA {}", time(eta))));
    let _ = writeln!(block, "  progress    {}", parts.join(", "));
}

/// What to submit again, of an archive that is divided.
fn again(block: &mut String, status: &ArchiveStatus) {
    let count = status.shards.len();
    let (input, output) = (status.input_dir.as_deref().unwrap_or("IN"), &status.output_dir);
    let all = array(&status.again);
    if !status.again.is_empty() {
        let _ = writeln!(
            block,
            "Submit again: sbatch --array={all} SCRIPT\n  SCRIPT is the one of the first time, or \
             what this prints, with its options: jldconv-supervisor slurm {} {} --tasks {count}",
            text::tame(input),
            text::tame(output)
        );
        if let Some(job) = status.array {
            let _ = writeln!(
                block,
                "  (not those that SLURM has put back into its queue by itself: squeue -j {job})"
            );
        }
        let failed = status.shards.iter().any(|it| it.record.state == ShardState::Failed);
        if failed {
            let _ = writeln!(
                block,
                "  (inputs that were found bad are left alone unless it says --resume-failed)"
            );
        }
    }
    if !status.waiting.is_empty() {
        let which = array(&status.waiting);
        let job = status.array.map_or_else(String::new, |job| format!(" -j {job}"));
        let _ = writeln!(
            block,
            "Not begun: {which}; if squeue{job} has no such tasks: sbatch --array={which} SCRIPT"
        );
    }
}

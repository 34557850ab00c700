//! Advises on workers, threads and storage, as far as a run's measured times say what would help.

use super::again::Again;
use super::figures::{Bound, Figures};
use crate::convert::Mode;
use crate::supervisor::{JobOutcome, JobRecord, Recommendation, RunSummary};
use crate::text::{self, float};

/// Adds what follows from the figures, if anything does.
pub(super) fn advise(run: &RunSummary, again: Option<&Again>, advice: &mut Vec<Recommendation>) {
    if run.interrupted || run.error.is_some() {
        return;
    }
    let Some(figures) = Figures::of(run) else { return };
    let before = advice.len();
    match figures.bound() {
        Some(Bound::Workers) => more_workers(run, &figures, again, advice),
        Some(Bound::Cores) => fewer_workers(run, &figures, again, advice),
        Some(Bound::Storage) => storage(run, &figures, again, advice),
        None => {}
    }
    last_alone(run, again, advice);
    if advice.len() > before && run.mode != Some(Mode::InPlace) {
        tune(again, advice);
    }
}

/// What follows from one run is a guess; measuring several settings tells.
fn tune(again: Option<&Again>, advice: &mut Vec<Recommendation>) {
    let text = "before a long run: tune measures on a sample how many workers and threads suit this \
                place";
    advice.push(Recommendation::new("tune", text, again.and_then(Again::tune)));
}

/// Files that this run worked on.
fn busy(run: &RunSummary) -> u64 {
    run.files.iter().filter(|file| file.attempts > 0).count() as u64
}

fn with_workers(again: Option<&Again>, workers: u64) -> Option<String> {
    again.map(|again| again.clone().with("workers", &workers.to_string()).line())
}

/// Workers kept a core each at work, and cores, memory and files are left for more.
fn more_workers(
    run: &RunSummary,
    figures: &Figures,
    again: Option<&Again>,
    advice: &mut Vec<Recommendation>,
) {
    let peak = run.worker_peak();
    let room = run.budget.saturating_sub(run.memory_peak) / peak.max(1);
    let workers = run.workers_used;
    // Cores that others, or threads, do not have already.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a small number of cores"
    )]
    let idle = (float(run.cores) - figures.cores_at_work).max(0.0) as u64;
    let more = idle.min(room).min(run.cores.saturating_sub(workers));
    let best = workers.saturating_add(more).min(busy(run));
    if workers == 0 || best <= workers || run.parallel_efficiency <= 0.8 {
        return;
    }
    let took = run.conversion_time - run.paused_seconds;
    let text = format!(
        "{} kept {:.1} of {} cores at work, and memory has room for {} more of {} each: --workers \
         {best} may take {} instead of {}",
        text::count(workers, "worker"),
        figures.cores_at_work,
        run.cores,
        more,
        text::bytes(peak),
        text::seconds(took * float(workers) / float(best)),
        text::seconds(took)
    );
    advice.push(Recommendation::new("more-workers", text, with_workers(again, best)));
}

/// All cores were at work, and workers waited for them.
fn fewer_workers(
    run: &RunSummary,
    figures: &Figures,
    again: Option<&Again>,
    advice: &mut Vec<Recommendation>,
) {
    // Those that stand still for storage as well are there to compute meanwhile.
    let idle = figures.still() > 0.1;
    if run.workers_used <= run.cores || figures.waited() < 0.25 || idle {
        return;
    }
    let text = format!(
        "{} waited {} of their time for one of {}: --workers {} does as much with less memory",
        text::count(run.workers_used, "worker"),
        text::percent(figures.waited(), 1.0),
        text::count(run.cores, "core"),
        run.cores
    );
    advice.push(Recommendation::new("fewer-workers", text, with_workers(again, run.cores)));
}

/// Workers stood still.
fn storage(
    run: &RunSummary,
    figures: &Figures,
    again: Option<&Again>,
    advice: &mut Vec<Recommendation>,
) {
    let wall = run.conversion_time - run.paused_seconds;
    let text = format!(
        "workers stood still {} of their time, at {} read and {} written: more cores or threads \
         would not help, faster storage would",
        text::percent(figures.still(), 1.0),
        text::rate(run.bytes_read, wall),
        text::rate(run.bytes_written, wall),
    );
    advice.push(Recommendation::new("storage-bound", text, None));
    // What a patch writes but for the copy is what a change in place would write.
    let (mut patched, mut needed) = (0_u64, 0_u64);
    for file in run.files.iter().filter(|file| file.attempts > 0 && made(file)) {
        if file.outcome == JobOutcome::Converted && file.mode != Some(Mode::Patch) {
            return;
        }
        patched = patched.saturating_add(file.bytes_out);
        let changed = file.bytes_appended.saturating_add(file.bytes_replaced);
        needed = needed.saturating_add(changed);
    }
    if run.mode.is_some_and(|mode| mode != Mode::InPlace) && needed < patched / 10 {
        let text = format!(
            "where the old files need not stay, --mode in-place writes {} instead of {} (undo files \
             bring the old bytes back)",
            text::bytes(needed),
            text::bytes(patched)
        );
        let line = again.map(|again| again.clone().with("mode", "in-place").first_dir().line());
        advice.push(Recommendation::new("in-place", text, line));
    }
}

fn made(file: &JobRecord) -> bool {
    matches!(file.outcome, JobOutcome::Converted | JobOutcome::Unchanged)
}

/// One rewrite went on alone at the end, on one thread because that was asked for.
fn last_alone(run: &RunSummary, again: Option<&Again>, advice: &mut Vec<Recommendation>) {
    let asked = run.command.iter().any(|arg| arg == "--threads-per-worker=1");
    if !asked || run.cores < 2 || run.slots.len() < 2 {
        return;
    }
    let mut last: Option<JobRecord> = None;
    let mut before = 0.0_f64;
    for file in run.files.iter().filter(|file| file.attempts > 0) {
        let Some(ended) = file.ended else { continue };
        let latest = last.as_ref().and_then(|last| last.ended).unwrap_or(0.0);
        if ended > latest {
            before = before.max(latest);
            last = Some(file);
        } else {
            before = before.max(ended);
        }
    }
    let Some(file) = last.filter(|file| file.mode == Some(Mode::Rewrite)) else { return };
    let alone = (file.ended.unwrap_or(0.0) - before).min(file.seconds);
    if alone < 2.0 || alone < 0.2 * run.conversion_time || file.cpu_seconds < 0.75 * file.seconds {
        return;
    }
    let text = format!(
        "{} went on alone for the last {} on one thread, which is what --threads-per-worker 1 says: \
         with auto it would have had {}",
        text::tame(&file.name),
        text::seconds(alone),
        text::count(run.cores, "core")
    );
    let line = again.map(|again| again.clone().with("threads-per-worker", "auto").line());
    advice.push(Recommendation::new("more-threads", text, line));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::line::tests::record;
    use crate::report::sample::measured;
    use crate::supervisor::Records;

    fn told(cpu: f64, queued: f64, change: impl FnOnce(&mut RunSummary)) -> String {
        let mut run = measured(cpu, queued);
        run.mode = Some(Mode::Auto);
        run.command =
            ["jldconv-supervisor", "--workers=2", "--", "old", "new"].map(str::to_owned).into();
        change(&mut run);
        let mut advice = Vec::new();
        advise(&run, Again::of(&run).as_ref(), &mut advice);
        let told = advice.into_iter().map(|it| match it.command {
            Some(command) => format!("{}: {}\n  $ {command}", it.what, it.text),
            None => format!("{}: {}", it.what, it.text),
        });
        told.collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn room_is_offered_where_there_is_some() {
        insta::assert_snapshot!(told(0.9, 0.02, |_| {}), @r"
        more-workers: 2 workers kept 1.8 of 8 cores at work, and memory has room for 6 more of 9.0 MiB each: --workers 8 may take 2.5 s instead of 10.0 s
          $ jldconv-supervisor old new --workers=8
        tune: before a long run: tune measures on a sample how many workers and threads suit this place
          $ jldconv-supervisor tune old new
        ");
        // Bound by memory, by files, by cores that others have, by idle workers.
        insta::assert_snapshot!(told(0.9, 0.02, |run| run.memory_peak = run.budget - (19 << 20)), @r"
        more-workers: 2 workers kept 1.8 of 8 cores at work, and memory has room for 2 more of 9.0 MiB each: --workers 4 may take 5.0 s instead of 10.0 s
          $ jldconv-supervisor old new --workers=4
        tune: before a long run: tune measures on a sample how many workers and threads suit this place
          $ jldconv-supervisor tune old new
        ");
        assert_eq!(told(0.9, 0.02, |run| run.memory_peak = run.budget), "");
        assert_eq!(told(0.9, 0.02, |run| run.workers_used = 20), "");
        assert_eq!(told(0.8, 0.19, |_| {}), "");
        assert_eq!(told(0.9, 0.02, |run| run.parallel_efficiency = 0.5), "");
        assert_eq!(told(0.9, 0.02, |run| run.interrupted = true), "");
    }

    #[test]
    fn too_many_workers_are_told_so() {
        let crowded = |run: &mut RunSummary| (run.cores, run.workers_used) = (1, 4);
        insta::assert_snapshot!(told(0.5, 0.48, crowded), @r"
        fewer-workers: 4 workers waited 48.0 % of their time for one of 1 core: --workers 1 does as much with less memory
          $ jldconv-supervisor old new --workers=1
        tune: before a long run: tune measures on a sample how many workers and threads suit this place
          $ jldconv-supervisor tune old new
        ");
        assert_eq!(told(0.9, 0.05, |run| (run.cores, run.workers_used) = (2, 4)), "");
    }

    #[test]
    fn storage_is_named_where_workers_stood_still() {
        insta::assert_snapshot!(told(0.1, 0.0, |_| {}), @r"
        storage-bound: workers stood still 90.0 % of their time, at 921.6 MiB/s read and 921.6 MiB/s written: more cores or threads would not help, faster storage would
        in-place: where the old files need not stay, --mode in-place writes 469.1 KiB instead of 17.6 MiB (undo files bring the old bytes back)
          $ jldconv-supervisor old --workers=2 --mode=in-place
        tune: before a long run: tune measures on a sample how many workers and threads suit this place
          $ jldconv-supervisor tune old new
        ");
        let in_place = told(0.1, 0.0, |run| run.mode = Some(Mode::InPlace));
        assert!(!in_place.contains("in-place:"), "{in_place}");
        assert_eq!(told(0.6, 0.0, |_| {}), "");
    }

    #[test]
    fn a_last_file_on_one_thread_is_told() {
        let tail = |threads: &str, cpu: f64| {
            told(0.6, 0.0, |run| {
                run.command.insert(1, format!("--threads-per-worker={threads}"));
                let mut last = record(7, JobOutcome::Converted);
                last.mode = Some(Mode::Rewrite);
                (last.seconds, last.cpu_seconds, last.ended) = (8.0, cpu, Some(10.0));
                let mut other = record(8, JobOutcome::Converted);
                other.ended = Some(4.0);
                run.files = [other, last].into_iter().collect::<Records>();
            })
        };
        insta::assert_snapshot!(tail("1", 7.9), @r"
        more-threads: output_00007.jld2 went on alone for the last 6.0 s on one thread, which is what --threads-per-worker 1 says: with auto it would have had 8 cores
          $ jldconv-supervisor old new --workers=2 --threads-per-worker=auto
        tune: before a long run: tune measures on a sample how many workers and threads suit this place
          $ jldconv-supervisor tune old new
        ");
        assert_eq!(tail("2", 7.9), "");
        assert!(!tail("1", 0.5).contains("more-threads"), "it waited");
    }
}

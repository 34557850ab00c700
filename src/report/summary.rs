//! Prints the end of a run as a block of text.

use super::advice::{Circumstances, advice};
use super::figures::Figures;
use super::idle_rules::unmet;
use super::known::Known;
use super::line::short;
use super::lists::{conflicts, failures, unlisted, unread};
use super::under_way::told;
use super::workers::workers;
use crate::convert::VerifyLevel;
use crate::migrate::Readers;
use crate::supervisor::{Fault, JobOutcome, RunSummary, UnderWay};
use crate::text;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Most files that are named on one line.
const NAMED: usize = 5;
/// Why no worker was at work.
pub(super) const IDLE: &str = "no file was to be worked on";

/// How a run ended, or what it is doing, in a word or two.
pub(crate) fn title(summary: &RunSummary) -> &'static str {
    if summary.error.is_some() {
        "Broken off"
    } else if summary.under_way.as_ref().is_some_and(UnderWay::runs) {
        "Running"
    } else if summary.interrupted || summary.others.is_some_and(|others| others.pending > 0) {
        "Interrupted"
    } else if summary.under_way.as_ref().is_some_and(UnderWay::waits) {
        "Waiting"
    } else if summary.failed > 0
        || summary.others.is_some_and(|others| others.failed > 0)
        || summary.pending > 0
        || !summary.unlisted.is_empty()
    {
        "Done in part"
    } else {
        "Done"
    }
}

/// A run on one line: how it ended, and how many files ended how.
pub(super) fn summary_line(summary: &RunSummary) -> String {
    let title = title(summary);
    let RunSummary { success, unchanged, skipped, failed, pending, .. } = summary;
    let left = match pending {
        0 => String::new(),
        left => format!(", {left} not begun or not finished"),
    };
    format!(
        "{title}: {success} converted, {unchanged} unchanged, {skipped} skipped, {failed} failed{left}"
    )
}

/// The block at the end of a run.
pub fn summary(summary: &RunSummary, about: Circumstances) -> String {
    let mut block = format!("{}\n", summary_line(summary));
    let RunSummary { success, unchanged, .. } = summary;
    if let Some(error) = &summary.error {
        let _ = writeln!(block, "  because     {}", short(error));
    }
    if let Some(under) = &summary.under_way {
        let _ = writeln!(block, "  progress    {}", told(under));
    }
    let known = Known(summary);
    if known.time() {
        let done = success.saturating_add(*unchanged);
        let _ = writeln!(block, "  time        {}", time(summary, done));
    }
    if known.work() {
        let (read, written) = (text::bytes(summary.bytes_read), text::bytes(summary.bytes_written));
        let _ = writeln!(block, "  bytes       {read} read, {written} written{}", saved(summary));
    }
    if let Some(modes) = modes(summary) {
        let _ = writeln!(block, "  mode        {modes}");
    }
    if summary.findings_mended > 0 {
        let findings = text::count(summary.findings_mended, "finding");
        let target = match summary.target.as_str() {
            "" => String::new(),
            target => format!(" for {}", text::tame(target)),
        };
        let warnings = match summary.warnings_mended {
            0 => String::new(),
            some => format!(", {} among them", text::count(some, "warning")),
        };
        let _ = writeln!(block, "  mended      {findings}{target}{warnings}");
    }
    for unmet in unmet(summary) {
        let _ = writeln!(block, "  warning     {}", text::tame(&unmet));
    }
    if let Some(levels) = checked(summary) {
        let _ = writeln!(block, "  checked     {levels}");
    }
    if let Some(memory) = memory(summary, known) {
        let _ = writeln!(block, "  memory      {memory}");
    }
    if known.memory() {
        let _ = writeln!(block, "  violations  {}", summary.safety_violations);
    }
    if known.workers() {
        let _ = writeln!(block, "  workers     {}", slots(summary));
    } else if known.idle() {
        let _ = writeln!(block, "  workers     none: {IDLE}");
    }
    if let Some(figures) = Figures::of(summary) {
        let label = if figures.bound().is_some() { "limited by" } else { "time went" };
        let _ = writeln!(block, "  {label:<10}  {}", figures.told());
    }
    if known.work() {
        let _ = writeln!(
            block,
            "  attempts    {}{}{}",
            summary.attempts,
            causes("; ", &summary.faults),
            causes("; tried again: ", &summary.retries)
        );
    }
    if let Some(others) = &summary.others {
        let _ = writeln!(block, "  others      {others}");
    }
    readers(summary, about.portable, &mut block);
    unread(summary, &mut block);
    unlisted(summary, &mut block);
    workers(summary, &mut block);
    failures(summary, &mut block);
    conflicts(summary, &mut block);
    let advice = advice(summary, about);
    if !advice.is_empty() {
        let _ = writeln!(block, "\nRecommended:");
        for item in advice {
            let _ = writeln!(block, "  {}", item.text);
            if let Some(command) = item.command {
                let _ = writeln!(block, "    {command}");
            }
        }
    }
    block
}

fn time(summary: &RunSummary, done: u64) -> String {
    let seconds = summary.conversion_time;
    let mut time = text::seconds(seconds);
    // Times of a merged report are sums, so that rates are those of one run.
    let merged = is_merged(summary);
    if merged {
        time.push_str(" of all runs together");
    }
    if let Some([files, bytes]) = Known(summary).rates() {
        let _ = write!(time, ", {files}, {bytes} read");
        time.push_str(if merged { " in each" } else { "" });
    }
    if done > 1 && summary.average_seconds > 0.0 {
        let _ = write!(time, "; {} a file on average", text::seconds(summary.average_seconds));
    }
    if summary.paused_seconds > 0.0 {
        let _ = write!(time, ", {} of it paused", text::seconds(summary.paused_seconds));
    }
    time
}

/// Whether it is of many shards.
pub(super) fn is_merged(summary: &RunSummary) -> bool {
    summary.shard.ends_with(" shards")
}

/// A worker's peak, and what was in use; nothing where neither is known.
fn memory(summary: &RunSummary, known: Known<'_>) -> Option<String> {
    let mut parts = Vec::new();
    if known.peak() {
        let (peak, pages) = (text::bytes(summary.worker_peak()), text::bytes(summary.peak_rss_max));
        parts.push(format!("a worker's peak {peak} ({pages} with file pages)"));
    }
    if summary.final_memory_usage_percent > 0.0 {
        let runs = summary.under_way.as_ref().is_some_and(UnderWay::runs);
        parts.push(format!(
            "{}{:.1} % of {} {}",
            at_most(summary),
            summary.final_memory_usage_percent,
            text::bytes(summary.memory_limit),
            if runs { "now" } else { "at the end" }
        ));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn slots(summary: &RunSummary) -> String {
    // A merged report has the slots of all runs.
    let slots = match text::count(summary.slots.len() as u64, "slot") {
        slots if is_merged(summary) => {
            format!("a run's slots busy, {slots} in all runs")
        }
        slots => format!("{slots} busy"),
    };
    format!(
        "at most {} of {slots}; load balance {:.2}, parallel efficiency {:.2}",
        summary.workers_used, summary.load_balance, summary.parallel_efficiency,
    )
}

/// How much smaller, or larger, the outputs are.
pub(super) fn saved(summary: &RunSummary) -> String {
    let share = text::percent(
        text::float(summary.bytes_saved.unsigned_abs()),
        text::float(summary.bytes_read),
    );
    let bytes = text::bytes(summary.bytes_saved.unsigned_abs());
    match summary.bytes_saved.signum() {
        1 => format!("; outputs are {bytes} ({share}) smaller"),
        -1 => format!("; outputs are {bytes} ({share}) larger"),
        _ => String::new(),
    }
}

/// How many files were converted in which mode.
fn modes(summary: &RunSummary) -> Option<String> {
    let mut modes: BTreeMap<&str, u64> = BTreeMap::new();
    let converted = summary.files.iter().filter(|file| file.outcome == JobOutcome::Converted);
    for mode in converted.filter_map(|file| file.mode) {
        *modes.entry(mode.name()).or_default() += 1;
    }
    let modes: Vec<String> = modes
        .into_iter()
        .map(|(mode, files)| format!("{} by {mode}", text::count(files, "file")))
        .collect();
    (!modes.is_empty()).then(|| modes.join(", "))
}

/// The most memory that was in use, where that is known.
fn at_most(summary: &RunSummary) -> String {
    if summary.memory_peak == 0 || summary.memory_limit == 0 {
        return String::new();
    }
    let share = text::percent(text::float(summary.memory_peak), text::float(summary.memory_limit));
    format!("at most {} in use ({share}), ", text::bytes(summary.memory_peak))
}

/// How often what happened.
fn causes(label: &str, causes: &BTreeMap<Fault, u64>) -> String {
    if causes.is_empty() {
        return String::new();
    }
    let causes: Vec<String> =
        causes.iter().map(|(cause, times)| format!("{times} {cause}")).collect();
    format!("{label}{}", causes.join(", "))
}

/// How many outputs passed which check; what needed none because nothing was written is left out.
fn checked(summary: &RunSummary) -> Option<String> {
    let mut levels = BTreeMap::new();
    for file in &summary.files {
        if let (JobOutcome::Converted | JobOutcome::Unchanged, Some(level)) =
            (file.outcome, file.verify)
        {
            let nothing = level == VerifyLevel::None && file.outcome == JobOutcome::Unchanged;
            *levels.entry(level).or_insert(0_u64) += u64::from(!nothing);
        }
    }
    levels.retain(|_, files| *files > 0);
    let levels: Vec<_> = levels
        .into_iter()
        .map(|(level, files)| match level {
            VerifyLevel::None => format!("{} not", text::count(files, "file")),
            level => format!("{} by {}", text::count(files, "file"), level.name()),
        })
        .collect();
    (!levels.is_empty()).then(|| levels.join(", "))
}

/// What readers that are built on HDF5 cannot open of the outputs.
fn readers(summary: &RunSummary, portable: bool, block: &mut String) {
    let (mut files, mut all) = (Vec::new(), Readers::default());
    for file in summary.files.iter().filter(|file| file.readers != Readers::default()) {
        files.push(text::tame(&file.name));
        all.add(&file.readers);
    }
    for (i, what) in all.told(portable).into_iter().enumerate() {
        let label = if i == 0 { "HDF5" } else { "" };
        let _ = writeln!(block, "  {label:<10}  {what}");
    }
    if !files.is_empty() {
        let count = text::count(files.len() as u64, "file");
        let _ = writeln!(block, "              (in {count}: {})", text::few(&files, NAMED));
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::convert::Mode;
    use crate::report::line::tests::record;
    use crate::supervisor::{SlotRecord, Timeline};

    pub(in crate::report) fn summary() -> RunSummary {
        RunSummary {
            success: 10,
            failed: 0,
            skipped: 1,
            unchanged: 2,
            safety_violations: 0,
            conversion_time: 12.3,
            workers_used: 2,
            final_memory_usage_percent: 8.4,
            run_id: "20261121-001122-a1b2".into(),
            version: "0.1.0".into(),
            started: "2026-11-21T00:11:22Z".into(),
            finished: "2026-11-21T00:11:34Z".into(),
            input_dir: "/data/old".into(),
            output_dir: "/data/new".into(),
            bytes_read: 9 << 30,
            bytes_written: 9 << 30,
            memory_limit: 24 << 30,
            peak_rss_max: 12 << 20,
            attempts: 12,
            oom_restarts: 0,
            interrupted: false,
            slots: vec![
                SlotRecord {
                    busy_seconds: 12.0,
                    idle_seconds: 0.3,
                    jobs: 6,
                    bytes: 9 << 29,
                    peak_anon: 9 << 20,
                    cpu_seconds: 7.0,
                };
                2
            ],
            load_balance: 0.98,
            parallel_efficiency: 0.95,
            files: (100..113).map(|number| record(number, JobOutcome::Converted)).collect(),
            pending: 0,
            shard: "1/1".into(),
            faults: BTreeMap::new(),
            paused_seconds: 0.0,
            others: None,
            unlisted: Vec::new(),
            under_way: None,
            error: None,
            threads_used: 2,
            average_seconds: 2.0,
            bytes_saved: -(300 << 20),
            findings_mended: 36,
            warnings_mended: 12,
            retries: BTreeMap::new(),
            cpu_seconds: 0.0,
            queued_seconds: 0.0,
            memory_peak: 5 << 30,
            budget: (24 << 30) / 5 * 4,
            cores: 2,
            threads_per_worker: 1,
            target: "mera-1.9".into(),
            mode: Some(Mode::Auto),
            options: None,
            command: Vec::new(),
            recommendations: Vec::new(),
            timeline: Timeline::default(),
        }
    }

    const ABOUT: Circumstances = Circumstances { cores: 2, safety_margin: 0.8, portable: false };

    #[test]
    fn a_run_that_went_well() {
        insta::assert_snapshot!(super::summary(&summary(), ABOUT), @r"
        Done: 10 converted, 2 unchanged, 1 skipped, 0 failed
          time        12.3 s, 1.0 files/s, 749.3 MiB/s read; 2.0 s a file on average
          bytes       9.0 GiB read, 9.0 GiB written; outputs are 300.0 MiB (3.3 %) larger
          mode        13 files by patch
          mended      36 findings for mera-1.9, 12 warnings among them
          checked     13 files by structure
          memory      a worker's peak 9.0 MiB (12.0 MiB with file pages); at most 5.0 GiB in use (20.8 %), 8.4 % of 24.0 GiB at the end
          violations  0
          workers     at most 2 of 2 slots busy; load balance 0.98, parallel efficiency 0.95
          attempts    12

          slot   files       bytes      busy      idle  computed  peak memory
             1       6     4.5 GiB    97.6 %     2.4 %    58.3 %      9.0 MiB
             2       6     4.5 GiB    97.6 %     2.4 %    58.3 %      9.0 MiB
        ");
    }

    #[test]
    fn a_run_that_did_not() {
        let mut run = summary();
        run.interrupted = true;
        run.failed = 12;
        run.pending = 3;
        run.safety_violations = 4;
        run.paused_seconds = 75.0;
        run.error = Some("/data/new: another directory is in its place".into());
        run.faults = BTreeMap::from([(Fault::OutOfMemory, 2), (Fault::Input, 12)]);
        run.files.extend((200..212).map(|number| record(number, JobOutcome::Failed)));
        insta::assert_snapshot!(super::summary(&run, ABOUT), @r"
        Broken off: 10 converted, 2 unchanged, 1 skipped, 12 failed, 3 not begun or not finished
          because     /data/new: another directory is in its place
          time        12.3 s, 1.0 files/s, 749.3 MiB/s read; 2.0 s a file on average, 1:15 of it paused
          bytes       9.0 GiB read, 9.0 GiB written; outputs are 300.0 MiB (3.3 %) larger
          mode        13 files by patch
          mended      36 findings for mera-1.9, 12 warnings among them
          checked     13 files by structure
          memory      a worker's peak 9.0 MiB (12.0 MiB with file pages); at most 5.0 GiB in use (20.8 %), 8.4 % of 24.0 GiB at the end
          violations  4
          workers     at most 2 of 2 slots busy; load balance 0.98, parallel efficiency 0.95
          attempts    12; 2 out of memory, 12 input

          slot   files       bytes      busy      idle  computed  peak memory
             1       6     4.5 GiB    97.6 %     2.4 %    58.3 %      9.0 MiB
             2       6     4.5 GiB    97.6 %     2.4 %    58.3 %      9.0 MiB

        Failed:
          output_00200.jld2  input: not a JLD2 file: no signature at byte 0
          output_00201.jld2  input: not a JLD2 file: no signature at byte 0
          output_00202.jld2  input: not a JLD2 file: no signature at byte 0
          output_00203.jld2  input: not a JLD2 file: no signature at byte 0
          output_00204.jld2  input: not a JLD2 file: no signature at byte 0
          output_00205.jld2  input: not a JLD2 file: no signature at byte 0
          output_00206.jld2  input: not a JLD2 file: no signature at byte 0
          output_00207.jld2  input: not a JLD2 file: no signature at byte 0
          output_00208.jld2  input: not a JLD2 file: no signature at byte 0
          output_00209.jld2  input: not a JLD2 file: no signature at byte 0
          and 2 more, all of them in the JSON report (--report FILE)

        Recommended:
          run the same command again: it goes on where this run stopped
          jldconv inspect FILE says what is wrong with an input; --resume-failed tries it again
            jldconv inspect /data/old/output_00200.jld2
          memory in use went above the margin 4 times: try --workers 1, or --safety-margin 0.9 if nothing else needs the memory
        ");
    }

    #[test]
    fn a_run_with_nothing_to_do() {
        let mut run = summary();
        (run.success, run.unchanged, run.skipped) = (0, 0, 13);
        (run.bytes_read, run.bytes_written, run.attempts, run.workers_used) = (0, 0, 0, 0);
        (run.bytes_saved, run.findings_mended) = (0, 0);
        (run.conversion_time, run.peak_rss_max, run.parallel_efficiency) = (0.0, 0, 0.0);
        run.slots = Vec::new();
        run.files = (100..113).map(|number| record(number, JobOutcome::Skipped)).collect();
        insta::assert_snapshot!(super::summary(&run, ABOUT), @r"
        Done: 0 converted, 0 unchanged, 13 skipped, 0 failed
          memory      at most 5.0 GiB in use (20.8 %), 8.4 % of 24.0 GiB at the end
          violations  0
          workers     none: no file was to be worked on
        ");
    }
}

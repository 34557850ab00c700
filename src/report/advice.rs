//! Advises what a user may do next. Said only where the run's own numbers say it.

use crate::supervisor::{Fault, JobOutcome, RunSummary};
use crate::text::{self, float};
use std::fmt::Write as _;

/// What advice needs to know beside the summary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Circumstances {
    /// Cores that this process may use.
    pub cores: u64,
    /// Share of the memory limit that might be used.
    pub safety_margin: f64,
    /// Whether the outputs were made for readers that are built on HDF5, too.
    pub portable: bool,
}

/// Advice, one item a line, most important first.
pub fn advice(summary: &RunSummary, about: Circumstances) -> Vec<String> {
    let mut advice = Vec::new();
    if summary.interrupted {
        advice.push("run the same command again: it goes on where this run stopped".to_owned());
    }
    let of = |cause: Fault| summary.files.iter().filter(move |file| file.fault == Some(cause));
    if let Some(worst) = of(Fault::OutOfMemory).map(|file| file.peak_anon).max() {
        let limit = summary.memory_limit;
        advice.push(format!(
            "a file that ran out of memory had used {} when it stopped; the limit is {}: give the \
             run more memory, then the same command again",
            text::bytes(worst),
            text::bytes(limit)
        ));
    }
    if of(Fault::Full).next().is_some() {
        advice.push("make space where the outputs go, then run the same command again".to_owned());
    }
    if of(Fault::Output).next().is_some() {
        advice.push(
            "check the output directory (permission, quota, disk), then run the same command again"
                .into(),
        );
    }
    if of(Fault::Read).next().is_some() {
        advice.push(
            "check the file system of the inputs (disk, network), then run the same command again"
                .into(),
        );
    }
    if of(Fault::Unfinished).next().is_some() {
        advice.push(
            "jldconv undo FILE takes an interrupted change in place back; then run the same \
             command again"
                .into(),
        );
    }
    if of(Fault::Input).next().is_some() {
        advice.push(
            "jldconv inspect FILE says what is wrong with an input; --resume-failed tries it again"
                .to_owned(),
        );
    }
    let again = [Fault::Killed, Fault::Crashed, Fault::Stalled, Fault::Protocol, Fault::Spawn];
    if again.iter().any(|cause| of(*cause).next().is_some()) {
        advice.push("the same command tries files again whose workers died or hung".to_owned());
    }
    memory(summary, about, &mut advice);
    advice
}

fn memory(summary: &RunSummary, about: Circumstances, advice: &mut Vec<String>) {
    let done = summary.success.saturating_add(summary.unchanged).saturating_add(summary.failed);
    let workers = summary.workers_used;
    if summary.safety_violations > 0 {
        let rate = float(summary.safety_violations) / float(done.max(1));
        let fewer = match rate {
            rate if rate > 0.2 => workers / 2,
            rate if rate > 0.1 => workers - workers / 4,
            _ => workers.saturating_sub(1),
        };
        let times = text::count(summary.safety_violations, "time");
        let mut say = format!("memory in use went above the margin {times}");
        if workers > 1 {
            let _ = write!(say, ": try --workers {}", fewer.clamp(1, workers - 1));
        }
        if about.safety_margin < 0.9 && rate > 0.1 {
            say.push_str(if workers > 1 { ", or " } else { ": try " });
            say.push_str("--safety-margin 0.9 if nothing else needs the memory");
        }
        advice.push(say);
        return;
    }
    let busy = summary.files.iter().filter(|file| file.outcome != JobOutcome::Skipped).count();
    let room = summary.final_memory_usage_percent < 60.0;
    let more = workers < about.cores && workers > 0 && busy as u64 > workers;
    if room && more && summary.parallel_efficiency > 0.8 && !summary.interrupted {
        advice.push(format!(
            "workers were busy {} of the time and memory has room: up to --workers {} may be faster",
            text::percent(summary.parallel_efficiency, 1.0),
            about.cores
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::line::tests::record;
    use crate::report::summary::tests::summary;

    const ABOUT: Circumstances = Circumstances { cores: 8, safety_margin: 0.8, portable: false };

    fn lines(change: impl FnOnce(&mut RunSummary)) -> String {
        let mut summary = summary();
        summary.workers_used = 8;
        change(&mut summary);
        advice(&summary, ABOUT).join("\n")
    }

    #[test]
    fn a_run_that_went_well_needs_none() {
        assert_eq!(lines(|_| {}), "");
    }

    #[test]
    fn violations_ask_for_fewer_workers() {
        insta::assert_snapshot!(lines(|it| it.safety_violations = 1), @"memory in use went above the margin 1 time: try --workers 7");
        insta::assert_snapshot!(lines(|it| it.safety_violations = 2), @"memory in use went above the margin 2 times: try --workers 6, or --safety-margin 0.9 if nothing else needs the memory");
        insta::assert_snapshot!(lines(|it| it.safety_violations = 9), @"memory in use went above the margin 9 times: try --workers 4, or --safety-margin 0.9 if nothing else needs the memory");
        insta::assert_snapshot!(lines(|it| (it.safety_violations, it.workers_used) = (9, 1)), @"memory in use went above the margin 9 times: try --safety-margin 0.9 if nothing else needs the memory");
    }

    #[test]
    fn room_is_offered_where_there_is_some() {
        insta::assert_snapshot!(lines(|it| it.workers_used = 2), @"workers were busy 95.0 % of the time and memory has room: up to --workers 8 may be faster");
        assert_eq!(lines(|it| (it.workers_used, it.parallel_efficiency) = (2, 0.5)), "");
        assert_eq!(lines(|it| (it.workers_used, it.final_memory_usage_percent) = (2, 70.0)), "");
    }

    #[test]
    fn failures_are_followed_by_what_helps() {
        let all = lines(|it| {
            it.interrupted = true;
            for cause in [
                Fault::OutOfMemory,
                Fault::Full,
                Fault::Output,
                Fault::Unfinished,
                Fault::Input,
                Fault::Killed,
            ] {
                let mut file = record(1, JobOutcome::Failed);
                file.fault = Some(cause);
                it.files.push(file);
            }
        });
        insta::assert_snapshot!(all, @r"
        run the same command again: it goes on where this run stopped
        a file that ran out of memory had used 9.0 MiB when it stopped; the limit is 24.0 GiB: give the run more memory, then the same command again
        make space where the outputs go, then run the same command again
        check the output directory (permission, quota, disk), then run the same command again
        jldconv undo FILE takes an interrupted change in place back; then run the same command again
        jldconv inspect FILE says what is wrong with an input; --resume-failed tries it again
        the same command tries files again whose workers died or hung
        ");
    }
}

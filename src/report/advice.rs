//! Advises what a user may do next. Said only where the run's own figures say it.

use super::again::Again;
use super::{speed, under_way};
use crate::migrate::target::Target;
use crate::supervisor::{Fault, Recommendation, RunSummary, UnderWay};
use crate::text::{self, float, shell_path};
use std::path::Path;

/// Most numbers of files that a command line names.
const FEW: usize = 20;

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

/// Advice, most important first.
pub fn advice(summary: &RunSummary, about: Circumstances) -> Vec<Recommendation> {
    let mut advice = Vec::new();
    let again = Again::of(summary);
    let same = again.as_ref().map(Again::line);
    under_way::advise(summary, &mut advice);
    let runs = summary.under_way.as_ref().is_some_and(UnderWay::runs);
    // Meanwhile it would be refused.
    let then = if runs { ", when what runs now is over" } else { "" };
    let same = same.filter(|_| !runs);
    let mut same_command = |what: &str, text: &str| {
        advice.push(Recommendation::new(what, format!("{text}{then}"), same.clone()));
    };
    let told = summary.under_way.as_ref().is_some_and(|under| !under.is_whole());
    if summary.interrupted && !told && !runs {
        same_command("go-on", "run the same command again: it goes on where this run stopped");
    }
    let of = |cause: Fault| summary.files.of_fault(cause);
    if let Some(worst) = of(Fault::OutOfMemory).map(|file| file.peak_anon).max() {
        let limit = summary.memory_limit;
        let text = format!(
            "a file that ran out of memory had used {} when it stopped; the limit is {}: give the \
             run more memory, then the same command again",
            text::bytes(worst),
            text::bytes(limit)
        );
        same_command("more-memory", &text);
    }
    if of(Fault::Full).next().is_some() {
        let text = "make space where the outputs go, then run the same command again";
        same_command("make-space", text);
    }
    if of(Fault::Output).next().is_some() {
        let text = "check the output directory (permission, quota, disk), then run the same command \
                    again";
        same_command("check-output", text);
    }
    if of(Fault::Read).next().is_some() {
        let text = "check the file system of the inputs (disk, network), then run the same command \
                    again";
        same_command("check-input", text);
    }
    if let Some(file) = of(Fault::Unfinished).next() {
        let text = "jldconv undo FILE takes an interrupted change in place back; then run the same \
                    command again";
        advice.push(Recommendation::new(
            "undo",
            text,
            Some(about_file("undo", &file.name, summary)),
        ));
    }
    let inputs: Vec<_> = of(Fault::Input).collect();
    if let Some(first) = inputs.first() {
        let text = "jldconv inspect FILE says what is wrong with an input; --resume-failed tries it \
                    again";
        advice.push(Recommendation::new(
            "inspect",
            text,
            Some(about_file("inspect", &first.name, summary)),
        ));
        let numbers: Option<Vec<u64>> = inputs.iter().map(|file| file.number).collect();
        let numbers = numbers.filter(|numbers| numbers.len() <= FEW);
        if let (Some(numbers), Some(again)) = (numbers, &again) {
            let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
            let line = again.clone().with("range", &numbers.join(",")).having("resume-failed");
            let text = "when they are mended, this tries these files again and no others";
            advice.push(Recommendation::new("run-again", text, Some(line.line())));
        }
    }
    let dead = [Fault::Killed, Fault::Crashed, Fault::Stalled, Fault::Protocol, Fault::Spawn];
    if dead.iter().any(|cause| of(*cause).next().is_some()) {
        let text = "the same command tries files again whose workers died or hung";
        let text = format!("{text}{then}");
        advice.push(Recommendation::new("run-again", text, same));
    }
    // What follows from all of a run is not known before its end.
    if !runs && !violations(summary, about, again.as_ref(), &mut advice) {
        speed::advise(summary, again.as_ref(), &mut advice);
    }
    advice
}

/// What helps against a cause.
pub(super) fn remedy(cause: Fault) -> &'static str {
    match cause {
        Fault::OutOfMemory => "more memory for the run, or fewer workers (--workers)",
        Fault::Killed | Fault::Crashed | Fault::Protocol | Fault::Spawn => {
            "the same command tries it again; the log (--log FILE) tells more"
        }
        Fault::Stalled => "--stall-timeout gives slow storage more time",
        Fault::Input => "jldconv inspect FILE says what is wrong, jldconv rescue what can be saved",
        Fault::Unsupported => "jldconv inspect FILE says what it needs",
        Fault::Full => "space where the outputs go; the run waits for it",
        Fault::Output => "permission, quota and disk of the output directory",
        Fault::Conflict => "--on-conflict says what becomes of files in the way",
        Fault::Unfinished => "jldconv undo FILE takes the interrupted change back",
        Fault::Verify => "a defect of storage or of this program: --keep-bad keeps such outputs",
        Fault::Internal => "a defect of this program: please report it with the log (--log FILE)",
        Fault::Stopped => "the same command goes on where it stopped",
        Fault::Read => "the file system of the inputs (disk, network)",
    }
}

/// `jldconv undo FILE` or the like, with the input's path, and what of the run's options it needs.
fn about_file(what: &str, name: &str, summary: &RunSummary) -> String {
    let path = Path::new(&summary.input_dir).join(name);
    let mut line = format!("jldconv {what} {}", shell_path(&path));
    let Some(options) = &summary.options else { return line };
    if what == "undo" {
        let backup = options.backup_dir.iter();
        line.extend(backup.map(|dir| format!(" --backup-dir {}", shell_path(dir))));
    } else {
        if options.target != Target::default_name() {
            let target = shell_path(Path::new(&options.target));
            line.extend([" --target ", &target]);
        }
        line.extend(options.rules.iter().map(|path| format!(" --rules {}", shell_path(path))));
    }
    line
}

/// What follows from memory above the margin; gives whether there was any.
fn violations(
    summary: &RunSummary,
    about: Circumstances,
    again: Option<&Again>,
    advice: &mut Vec<Recommendation>,
) -> bool {
    if summary.safety_violations == 0 {
        return false;
    }
    let done = summary.success.saturating_add(summary.unchanged).saturating_add(summary.failed);
    let workers = summary.workers_used;
    let rate = float(summary.safety_violations) / float(done.max(1));
    let fewer = match rate {
        rate if rate > 0.2 => workers / 2,
        rate if rate > 0.1 => workers - workers / 4,
        _ => workers.saturating_sub(1),
    };
    let fewer = (workers > 1).then(|| fewer.clamp(1, workers - 1));
    let times = text::count(summary.safety_violations, "time");
    let say = format!("memory in use went above the margin {times}");
    let wide = about.safety_margin < 0.9 && rate > 0.1;
    let also = "--safety-margin 0.9 if nothing else needs the memory";
    if let Some(fewer) = fewer {
        let or = if wide { format!(", or {also}") } else { String::new() };
        let line = again.map(|again| again.clone().with("workers", &fewer.to_string()).line());
        advice.push(Recommendation::new(
            "fewer-workers",
            format!("{say}: try --workers {fewer}{or}"),
            line,
        ));
    } else if wide {
        let line = again.map(|again| again.clone().with("safety-margin", "0.9").line());
        advice.push(Recommendation::new("wider-margin", format!("{say}: try {also}"), line));
    } else {
        advice.push(Recommendation::new("more-memory", say, None));
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::line::tests::record;
    use crate::report::summary::tests::summary;
    use crate::supervisor::JobOutcome;

    const ABOUT: Circumstances = Circumstances { cores: 8, safety_margin: 0.8, portable: false };

    fn lines(change: impl FnOnce(&mut RunSummary)) -> String {
        let mut summary = summary();
        summary.workers_used = 8;
        change(&mut summary);
        let advice = advice(&summary, ABOUT).into_iter();
        let lines = advice
            .map(|it| it.text + &it.command.map_or_else(String::new, |it| format!("\n  $ {it}")));
        lines.collect::<Vec<_>>().join("\n")
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
                it.files.push(&file);
            }
        });
        insta::assert_snapshot!(all, @r"
        run the same command again: it goes on where this run stopped
        a file that ran out of memory had used 9.0 MiB when it stopped; the limit is 24.0 GiB: give the run more memory, then the same command again
        make space where the outputs go, then run the same command again
        check the output directory (permission, quota, disk), then run the same command again
        jldconv undo FILE takes an interrupted change in place back; then run the same command again
          $ jldconv undo /data/old/output_00001.jld2
        jldconv inspect FILE says what is wrong with an input; --resume-failed tries it again
          $ jldconv inspect /data/old/output_00001.jld2
        the same command tries files again whose workers died or hung
        ");
    }
}

//! Runs the command for the end of a run, however that came to be.

use super::Stop;
use jldconv::cli::Run;
use jldconv::report::{Circumstances, OnFinish, RunEnd, write_report};
use jldconv::supervisor::{ExitCode, Layout, RunSummary};
use jldconv::sys::scratch::Scratch;
use jldconv::text;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// How a run ended that was to begin.
pub(super) enum Ended {
    /// Nobody wanted it in the end: it was shown only, or the answer was no.
    Unwanted(ExitCode),
    /// It came to a summary; and with what the program ends, or why it ends otherwise.
    Summed(Box<RunSummary>, Result<ExitCode, Stop>),
}

/// Runs the command that `run` names, if it names one, for a run that ended so; what goes wrong with it
/// is told and no more.
pub(super) fn finish(
    run: &Run,
    ended: Result<Ended, Stop>,
    about: Circumstances,
) -> Result<ExitCode, Stop> {
    let (summary, code) = match ended {
        Ok(Ended::Unwanted(code)) => return Ok(code),
        Ok(Ended::Summed(summary, code)) => (Some(summary), code),
        Err(stop) => (None, Err(stop)),
    };
    // What was only to be shown is no run.
    let command = run.view.on_finish.as_ref().filter(|_| !run.settings.dry_run);
    let Some(command) = command else { return code };
    let mut end = match &summary {
        Some(summary) => RunEnd::of(summary),
        None => nothing_done(run, &code),
    };
    if let Err(Stop(stopped, _)) = &code {
        end.code = *stopped;
    }
    // What is written for the command alone is removed behind it.
    let (report, _scratch) = if let Some(summary) = &summary {
        place(run, summary, code.is_ok(), about)
    } else {
        let message = code.as_ref().err().map_or("", |Stop(_, message)| message);
        elsewhere(&unbegun(run, &end, message), about)
    };
    end.report = report;
    tell(command, &end);
    code
}

fn tell(command: &OnFinish, end: &RunEnd) {
    if end.report.is_none() {
        warn("--on-finish: there is no report for it: it cannot be written anywhere");
    }
    if let Err(error) = command.run(end) {
        warn(&error.to_string());
    }
}

fn warn(message: &str) {
    let _ = writeln!(io::stderr(), "warning: {}", text::tame(message));
}

/// Of a run that came to no summary.
fn nothing_done(run: &Run, code: &Result<ExitCode, Stop>) -> RunEnd {
    let (code, message) = match code {
        Ok(code) => (*code, ""),
        Err(Stop(code, message)) => (*code, message.as_str()),
    };
    let first = message.lines().next().unwrap_or_default().trim_end_matches(':');
    RunEnd {
        report: None,
        code,
        summary: text::tame(&format!("Nothing was done: {first}")),
        output: run.settings.output_dir.to_string_lossy().into_owned(),
        id: String::new(),
        shard: run.settings.shard.to_string(),
    }
}

/// The report of such a run.
fn unbegun(run: &Run, end: &RunEnd, message: &str) -> RunSummary {
    RunSummary {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        input_dir: run.settings.input_dir.to_string_lossy().into_owned(),
        output_dir: end.output.clone(),
        shard: end.shard.clone(),
        command: run.settings.command.clone(),
        error: (end.code != ExitCode::Nothing).then(|| text::tame_lines(message.trim_end())),
        ..RunSummary::default()
    }
}

/// Where the report is: where it was asked for, beside the journal, or where nothing is kept.
fn place(
    run: &Run,
    summary: &RunSummary,
    written: bool,
    about: Circumstances,
) -> (Option<PathBuf>, Option<Scratch>) {
    if let Some(path) = run.view.report.as_ref().filter(|_| written) {
        return (Some(path.clone()), None);
    }
    let shard = run.settings.shard;
    let name = format!("report-{}-of-{}.json", shard.index, shard.count);
    let path = run.settings.output_dir.join(jldconv::sys::dir::OWN).join(name);
    match write_report(&path, summary, &Layout::of_run(summary), about) {
        Ok(()) => (Some(path), None),
        // The output directory may be gone, or full.
        Err(_) => elsewhere(summary, about),
    }
}

fn elsewhere(summary: &RunSummary, about: Circumstances) -> (Option<PathBuf>, Option<Scratch>) {
    let Ok(scratch) = Scratch::new(&std::env::temp_dir()) else { return (None, None) };
    let path: &Path = scratch.path();
    let path = path.join("report.json");
    match write_report(&path, summary, &Layout::of_run(summary), about) {
        Ok(()) => (Some(path), Some(scratch)),
        Err(_) => (None, None),
    }
}

//! Tells how a run went: its outcome, its figures, what to do next.

use super::super::figures::Figures;
use super::super::known::Known;
use super::super::summary::{IDLE, is_merged, saved};
use super::Shown;
use super::escape::escaped;
use crate::supervisor::RunSummary;
use crate::text;
use std::io::{self, Write};

/// What a run is doing that takes files along which are not JLD2.
pub(crate) const TAKING_ALONG: &str = "Taking other files along";

/// How the run ended, where and when it was.
pub(super) fn head(shown: &Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    let summary = shown.summary;
    let verdict = shown.verdict;
    let class = match verdict {
        "Done" => "good",
        "Interrupted" | "Running" | "Waiting" | "Starting" | "Ending" | "Paused" | "Finishing"
        | "Stopping" | TAKING_ALONG => "warn",
        _ => "bad",
    };
    let pending = summary.pending;
    let left = if pending > 0 { format!(", {pending} left") } else { String::new() };
    writeln!(
        out,
        "<h1><span id=\"verdict\" class=\"{class}\">{verdict}</span> <span id=\"outcomes\">{} \
         converted, {} unchanged, {} skipped, {} failed{left}</span></h1>",
        summary.success, summary.unchanged, summary.skipped, summary.failed
    )?;
    let shard = match summary.shard.as_str() {
        "" | "1/1" => String::new(),
        shards if shards.ends_with(" shards") => format!(", {shards}"),
        shard => format!(", shard {shard}"),
    };
    let finished = match summary.finished.as_str() {
        "" => String::new(),
        finished => format!(" to {finished}"),
    };
    let target = match summary.target.as_str() {
        "" => String::new(),
        target => format!(", for {target}"),
    };
    writeln!(
        out,
        "<p class=\"where\">{} &rarr; {}<br>{}{} (UTC), run {}, version {}{}{}</p>",
        escaped(&summary.input_dir),
        escaped(&summary.output_dir),
        escaped(&summary.started),
        escaped(&finished),
        escaped(&summary.run_id),
        escaped(&summary.version),
        escaped(&target),
        escaped(&shard),
    )?;
    if let Some(others) = &summary.others {
        let class = if others.failed > 0 { "bad" } else { "note" };
        writeln!(out, "<p class=\"{class}\">Files that are not JLD2: {others}.</p>")?;
    }
    match &summary.error {
        Some(error) => writeln!(out, "<p class=\"bad\">{}</p>", escaped(error)),
        None => Ok(()),
    }
}

/// The run's figures.
pub(super) fn cards(shown: &Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    let summary = shown.summary;
    let known = Known(summary);
    let figures = Figures::of(summary);
    let cards = [
        known.time().then(|| time(summary)),
        known.work().then(|| bytes(summary)),
        known.peak().then(|| peak(summary, known)),
        known.workers().then(|| workers(summary)),
        known.idle().then(|| ("workers", "none".to_owned(), IDLE.to_owned())),
        known.work().then(|| attempts(summary)),
        known.work().then(|| mended(summary)),
    ];
    writeln!(out, "<div class=\"cards\">")?;
    for (what, value, more) in cards.into_iter().flatten() {
        writeln!(
            out,
            "<div><small>{what}</small><b>{}</b><small>{}</small></div>",
            escaped(&value),
            escaped(&more)
        )?;
    }
    writeln!(out, "</div>")?;
    let Some(figures) = figures else { return Ok(()) };
    let label = if figures.bound().is_some() { "Limited by " } else { "" };
    writeln!(out, "<p class=\"note\">{label}{}.</p>", escaped(&figures.told()))
}

/// A figure: what it is of, its value, and more about it.
type Card = (&'static str, String, String);

fn time(summary: &RunSummary) -> Card {
    let seconds = summary.conversion_time;
    let mut rates = Vec::new();
    if let Some([files, bytes]) = Known(summary).rates() {
        let each = if is_merged(summary) { " in each" } else { "" };
        rates.push(format!("{files}, {bytes}{each}"));
    }
    if summary.average_seconds > 0.0 {
        rates.push(format!("{} a file", text::seconds(summary.average_seconds)));
    }
    let what = if is_merged(summary) { "time of all runs" } else { "time" };
    (what, text::seconds(seconds), rates.join("; "))
}

fn bytes(summary: &RunSummary) -> Card {
    let written = text::bytes(summary.bytes_written);
    let more = format!("read; {written} written{}", saved(summary));
    ("bytes", text::bytes(summary.bytes_read), more)
}

fn peak(summary: &RunSummary, known: Known<'_>) -> Card {
    let peak = summary.worker_peak();
    let mut more = Vec::new();
    if summary.memory_limit > 0 {
        more.push(format!("of {}", text::bytes(summary.memory_limit)));
    }
    if known.memory() {
        more.push(format!("margin exceeded {}", text::times(summary.safety_violations)));
    }
    ("a worker's peak memory", text::bytes(peak), more.join("; "))
}

fn workers(summary: &RunSummary) -> Card {
    // A merged report has the slots of all runs.
    let (slots, all) = match summary.slots.len() {
        count if is_merged(summary) => {
            ("a run's".to_owned(), format!("{count} slots in all runs, "))
        }
        count => (count.to_string(), String::new()),
    };
    let more = format!(
        "{all}balance {:.2}, efficiency {:.2}",
        summary.load_balance, summary.parallel_efficiency
    );
    ("workers", format!("{} of {slots}", summary.workers_used), more)
}

fn attempts(summary: &RunSummary) -> Card {
    let tried: u64 = summary.retries.values().sum();
    let more = format!("{tried} tried again, {} of them for memory", summary.oom_restarts);
    ("attempts", summary.attempts.to_string(), more)
}

fn mended(summary: &RunSummary) -> Card {
    let more = format!("{} a reader would have warned of", summary.warnings_mended);
    ("findings mended", summary.findings_mended.to_string(), more)
}

/// What to do next.
pub(super) fn advice(shown: &Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    if shown.advice.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>What to do next</h2>\n<ul class=\"advice\">")?;
    for item in shown.advice {
        let command = match &item.command {
            Some(command) => format!("<br><code>{}</code>", escaped(command)),
            None => String::new(),
        };
        writeln!(out, "<li>{}{command}</li>", escaped(&item.text))?;
    }
    writeln!(out, "</ul>")
}

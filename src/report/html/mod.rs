//! Writes a run as one page that needs nothing else: pictures are SVG, styles and the few lines of
//! script are in it, and it may load nothing.

mod charts;
mod escape;
mod frame;
mod table;

use super::advice::{Circumstances, advice};
use super::summary::title;
use crate::supervisor::RunSummary;
use crate::text;
pub use escape::escaped;
pub use frame::frame;
use std::io::{self, Write};

/// Most files that get a line in the table; a browser is slow with more.
const MOST_ROWS: usize = 20_000;

/// Writes the page.
pub(super) fn write(
    summary: &RunSummary,
    about: Circumstances,
    out: &mut dyn Write,
) -> io::Result<()> {
    let name = format!("jldconv: {}", summary.output_dir);
    write!(
        out,
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; \
         style-src 'unsafe-inline'; script-src 'unsafe-inline'\">\n\
         <title>{}</title>\n<style>\n{}</style>\n</head>\n<body>\n",
        escaped(&name),
        include_str!("page.css")
    )?;
    head(summary, out)?;
    cards(summary, out)?;
    let advised = advice(summary, about);
    if !advised.is_empty() {
        writeln!(out, "<h2>What to do next</h2>\n<ul class=\"advice\">")?;
        for item in advised {
            writeln!(out, "<li>{}</li>", escaped(&item))?;
        }
        writeln!(out, "</ul>")?;
    }
    charts::timeline(summary, out)?;
    charts::slots(summary, out)?;
    charts::sizes(summary, out)?;
    table::failures(summary, out)?;
    table::files(summary, MOST_ROWS, out)?;
    write!(out, "<script>\n{}</script>\n</body>\n</html>\n", include_str!("page.js"))
}

fn head(summary: &RunSummary, out: &mut dyn Write) -> io::Result<()> {
    let RunSummary { success, unchanged, skipped, failed, pending, .. } = summary;
    let verdict = title(summary);
    let class = match verdict {
        "Done" => "good",
        "Interrupted" => "warn",
        _ => "bad",
    };
    let left = if *pending > 0 { format!(", {pending} left") } else { String::new() };
    writeln!(
        out,
        "<h1><span class=\"{class}\">{verdict}</span> {success} converted, {unchanged} unchanged, \
         {skipped} skipped, {failed} failed{left}</h1>"
    )?;
    let shard = match summary.shard.as_str() {
        "" | "1/1" => String::new(),
        shard => format!(", shard {shard}"),
    };
    writeln!(
        out,
        "<p class=\"where\">{} &rarr; {}<br>{} to {} (UTC), run {}, version {}{shard}</p>",
        escaped(&summary.input_dir),
        escaped(&summary.output_dir),
        escaped(&summary.started),
        escaped(&summary.finished),
        escaped(&summary.run_id),
        escaped(&summary.version),
    )?;
    match &summary.error {
        Some(error) => writeln!(out, "<p class=\"bad\">{}</p>", escaped(error)),
        None => Ok(()),
    }
}

fn cards(summary: &RunSummary, out: &mut dyn Write) -> io::Result<()> {
    let seconds = summary.conversion_time;
    let done = summary.success.saturating_add(summary.unchanged);
    let rate = if seconds > 1e-3 {
        let files = text::float(done) / seconds;
        format!("{files:.1} files/s, {}", text::rate(summary.bytes_read, seconds))
    } else {
        String::new()
    };
    let peak = summary.files.iter().map(|file| file.peak_anon).max().unwrap_or(0);
    let restarts = format!("{} for memory", summary.oom_restarts);
    let cards = [
        ("time", text::seconds(seconds), rate),
        (
            "bytes",
            text::bytes(summary.bytes_read),
            format!("read; {} written", text::bytes(summary.bytes_written)),
        ),
        (
            "a worker's peak memory",
            text::bytes(peak),
            format!(
                "of {}; margin exceeded {} times",
                text::bytes(summary.memory_limit),
                summary.safety_violations
            ),
        ),
        (
            "workers",
            format!("{} of {}", summary.workers_used, summary.slots.len()),
            format!(
                "balance {:.2}, efficiency {:.2}",
                summary.load_balance, summary.parallel_efficiency
            ),
        ),
        ("attempts", summary.attempts.to_string(), restarts),
    ];
    writeln!(out, "<section class=\"cards\">")?;
    for (what, value, more) in cards {
        writeln!(
            out,
            "<div><small>{what}</small><b>{}</b><small>{}</small></div>",
            escaped(&value),
            escaped(&more)
        )?;
    }
    writeln!(out, "</section>")
}

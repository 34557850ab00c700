//! Lists a run's files: those that failed with their reasons, and all of them to sort and search.

use super::super::advice::remedy;
use super::super::csv::word;
use super::Shown;
use super::escape::escaped;
use super::frame::{Head, heads};
use crate::supervisor::{JobOutcome, JobRecord, RunSummary};
use crate::text;
use std::io::{self, Write};

/// Most failures that are told one by one.
const MOST_FAILURES: usize = 1000;
/// Most files that are named at a cause.
const FEW: usize = 10;

/// The files that failed, each with its reason.
pub(super) fn failures(shown: &Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    let summary = shown.summary;
    tried_again(shown, out)?;
    let failed = || summary.files.iter().filter(|file| file.outcome == JobOutcome::Failed);
    let count = failed().count();
    if count == 0 {
        return Ok(());
    }
    writeln!(out, "<h2>Failed</h2>\n<dl class=\"failed\">")?;
    for file in failed().take(MOST_FAILURES) {
        let message = file.message.as_deref().unwrap_or("no reason is known");
        let cause = word(&file.fault);
        writeln!(
            out,
            "<dt>{}</dt><dd><b>{}</b> {}<br><small>{}</small></dd>",
            escaped(&file.name),
            escaped(&cause),
            escaped(message),
            escaped(file.fault.map_or("", remedy))
        )?;
    }
    writeln!(out, "</dl>")?;
    match count.checked_sub(MOST_FAILURES) {
        Some(more) if more > 0 => writeln!(out, "<p class=\"note\">and {more} more.</p>"),
        _ => Ok(()),
    }
}

/// Attempts that failed and were followed by another, by cause.
fn tried_again(shown: &Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    if shown.summary.retries.is_empty() {
        return Ok(());
    }
    writeln!(out, "<h2>Tried again</h2>\n<dl>")?;
    for (cause, times) in &shown.summary.retries {
        let mut files = shown.summary.files.iter().filter(|file| file.faults.contains(cause));
        let few: Vec<String> = files.by_ref().take(FEW).map(|file| file.name).collect();
        let more = files.count() as u64;
        writeln!(
            out,
            "<dt>{cause}, {}</dt><dd>{}{}<br><small>{}</small></dd>",
            text::times(*times),
            escaped(&few.join(", ")),
            text::and_more(more),
            escaped(remedy(*cause))
        )?;
    }
    writeln!(out, "</dl>")
}

/// All files; of more than `most`, the first ones and where the others are.
pub(super) fn files(summary: &RunSummary, most: usize, out: &mut dyn Write) -> io::Result<()> {
    let all = summary.files.len();
    table_head(out)?;
    for file in summary.files.iter().take(most) {
        row(&file, out)?;
    }
    writeln!(out, "</tbody></table></div>")?;
    if all > most {
        writeln!(
            out,
            "<p class=\"note\">The first {most} of {all} files; all are in the JSON and CSV reports \
             (--report x.json, --report x.csv).</p>"
        )?;
    }
    Ok(())
}

/// All of the table of files that is above its lines.
pub(crate) fn table_head(out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "<h2>Files</h2>\n<p class=\"tools\"><input id=\"search\" type=\"search\" \
         placeholder=\"name, outcome, reason\" aria-label=\"search\"> <select id=\"only\" \
         aria-label=\"outcome\"><option value=\"\">all</option>"
    )?;
    for outcome in ["converted", "unchanged", "skipped", "failed"] {
        writeln!(out, "<option>{outcome}</option>")?;
    }
    writeln!(
        out,
        "</select> <span id=\"shown\"></span></p>\n<div class=\"wide\"><table id=\"files\"><thead><tr>"
    )?;
    let columns = [
        Head::Text("file"),
        Head::Text("outcome"),
        Head::Number("in"),
        Head::Number("out"),
        Head::Number("time"),
        Head::Number("computed"),
        Head::Number("memory"),
        Head::Number("attempts"),
        Head::Number("slot"),
        Head::Text("checked"),
        Head::Text("remark"),
    ];
    heads(&columns, out)
}

/// The line of one file.
pub(crate) fn row(file: &JobRecord, out: &mut dyn Write) -> io::Result<()> {
    let outcome = word(&file.outcome);
    let remark = file.message.as_deref().or(file.stale.as_deref()).unwrap_or("");
    let slot = file.slot.map_or_else(String::new, |slot| slot.saturating_add(1).to_string());
    // What is sorted by stands beside what is read.
    writeln!(
        out,
        "<tr><td>{}</td><td class=\"{outcome}\">{outcome}</td><td data-v=\"{}\">{}</td>\
         <td data-v=\"{}\">{}</td><td data-v=\"{:.6}\">{}</td><td data-v=\"{:.6}\">{}</td>\
         <td data-v=\"{}\">{}</td><td data-v=\"{}\">{}</td><td data-v=\"{slot}\">{slot}</td>\
         <td>{}</td><td>{}</td></tr>",
        escaped(&file.name),
        file.bytes_in,
        text::bytes(file.bytes_in),
        file.bytes_out,
        text::bytes(file.bytes_out),
        file.seconds,
        escaped(&text::seconds(file.seconds)),
        file.cpu_seconds,
        escaped(&text::seconds(file.cpu_seconds)),
        file.peak_anon,
        text::bytes(file.peak_anon),
        file.attempts,
        file.attempts,
        word(&file.verify),
        escaped(remark)
    )
}

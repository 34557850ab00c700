//! Lists a run's files: those that failed with their reasons, and all of them to sort and search.

use super::super::csv::word;
use super::escape::escaped;
use crate::supervisor::{JobOutcome, RunSummary};
use crate::text;
use std::io::{self, Write};

/// Most failures that are told one by one.
const MOST_FAILURES: usize = 1000;

/// The files that failed, each with its reason.
pub(super) fn failures(summary: &RunSummary, out: &mut dyn Write) -> io::Result<()> {
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
            "<dt>{}</dt><dd><b>{}</b> {}</dd>",
            escaped(&file.name),
            escaped(&cause),
            escaped(message)
        )?;
    }
    writeln!(out, "</dl>")?;
    match count.checked_sub(MOST_FAILURES) {
        Some(more) if more > 0 => writeln!(out, "<p class=\"note\">and {more} more.</p>"),
        _ => Ok(()),
    }
}

/// All files; of more than `most`, the first ones and where the others are.
pub(super) fn files(summary: &RunSummary, most: usize, out: &mut dyn Write) -> io::Result<()> {
    let all = summary.files.len();
    writeln!(
        out,
        "<h2>Files</h2>\n<p class=\"tools\"><input id=\"search\" type=\"search\" \
         placeholder=\"name, outcome, reason\" aria-label=\"search\"> <span id=\"shown\"></span></p>\n\
         <table id=\"files\"><thead><tr>"
    )?;
    let heads =
        ["file", "outcome", "in", "out", "time", "memory", "attempts", "slot", "checked", "remark"];
    for head in heads {
        writeln!(out, "<th><button type=\"button\">{head}</button></th>")?;
    }
    writeln!(out, "</tr></thead><tbody>")?;
    for file in summary.files.iter().take(most) {
        let outcome = word(&file.outcome);
        let remark = file.message.as_deref().or(file.stale.as_deref()).unwrap_or("");
        let slot = file.slot.map_or_else(String::new, |slot| slot.saturating_add(1).to_string());
        // What is sorted by stands beside what is read.
        writeln!(
            out,
            "<tr><td>{}</td><td class=\"{outcome}\">{outcome}</td><td data-v=\"{}\">{}</td>\
             <td data-v=\"{}\">{}</td><td data-v=\"{:.6}\">{}</td><td data-v=\"{}\">{}</td>\
             <td data-v=\"{}\">{}</td><td data-v=\"{slot}\">{slot}</td><td>{}</td><td>{}</td></tr>",
            escaped(&file.name),
            file.bytes_in,
            text::bytes(file.bytes_in),
            file.bytes_out,
            text::bytes(file.bytes_out),
            file.seconds,
            escaped(&text::seconds(file.seconds)),
            file.peak_anon,
            text::bytes(file.peak_anon),
            file.attempts,
            file.attempts,
            word(&file.verify),
            escaped(remark)
        )?;
    }
    writeln!(out, "</tbody></table>")?;
    if all > most {
        writeln!(
            out,
            "<p class=\"note\">The first {most} of {all} files; all are in the JSON and CSV reports \
             (--report x.json, --report x.csv).</p>"
        )?;
    }
    Ok(())
}

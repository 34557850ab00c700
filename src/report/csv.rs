//! Writes a run's files as a table for spreadsheets (RFC 4180).

use crate::supervisor::{JobRecord, RunSummary};
use serde::Serialize;
use std::borrow::Cow;
use std::io::{self, Write};

/// The columns, in order; their names are those of the JSON report.
const COLUMNS: [&str; 20] = [
    "name",
    "number",
    "outcome",
    "fault",
    "message",
    "mode",
    "bytes_in",
    "bytes_out",
    "bytes_appended",
    "bytes_replaced",
    "seconds",
    "ended",
    "slot",
    "peak_rss",
    "peak_anon",
    "attempts",
    "verify",
    "digest",
    "cpu_seconds",
    "queued_seconds",
];

/// Writes a head and one line for each file.
pub(super) fn write(summary: &RunSummary, out: &mut dyn Write) -> io::Result<()> {
    line(out, &COLUMNS.map(str::to_owned))?;
    for file in &summary.files {
        line(out, &cells(&file))?;
    }
    Ok(())
}

fn cells(file: &JobRecord) -> [String; COLUMNS.len()] {
    let number = |number: Option<u64>| number.map_or_else(String::new, |it| it.to_string());
    [
        file.name.clone(),
        number(file.number),
        word(&file.outcome),
        word(&file.fault),
        file.message.clone().unwrap_or_default(),
        word(&file.mode),
        file.bytes_in.to_string(),
        file.bytes_out.to_string(),
        file.bytes_appended.to_string(),
        file.bytes_replaced.to_string(),
        format!("{:.3}", file.seconds),
        file.ended.map_or_else(String::new, |it| format!("{it:.3}")),
        number(file.slot.map(u64::from)),
        file.peak_rss.to_string(),
        file.peak_anon.to_string(),
        file.attempts.to_string(),
        word(&file.verify),
        file.digest.clone().unwrap_or_default(),
        format!("{:.6}", file.cpu_seconds),
        format!("{:.6}", file.queued_seconds),
    ]
}

/// The word that the JSON report has for a value; empty for none.
pub(super) fn word<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(word)) => word,
        _ => String::new(),
    }
}

/// Writes a line of a table for spreadsheets.
///
/// # Errors
/// The writer's own.
pub fn line(out: &mut dyn Write, cells: &[String]) -> io::Result<()> {
    let cells: Vec<_> = cells.iter().map(|cell| quoted(cell)).collect();
    write!(out, "{}\r\n", cells.join(","))
}

/// A cell. What a spreadsheet would take for a formula gets an apostrophe in front: names and
/// messages hold what files brought along.
fn quoted(cell: &str) -> Cow<'_, str> {
    let formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !formula && !cell.contains([',', '"', '\n', '\r']) {
        return cell.into();
    }
    let mark = if formula { "'" } else { "" };
    format!("\"{mark}{}\"", cell.replace('"', "\"\"")).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_have_to_be() {
        assert_eq!(quoted("output_00001.jld2"), "output_00001.jld2");
        assert_eq!(quoted("a, \"b\"\nc"), "\"a, \"\"b\"\"\nc\"");
        assert_eq!(quoted("=HYPERLINK(1)"), "\"'=HYPERLINK(1)\"");
    }
}

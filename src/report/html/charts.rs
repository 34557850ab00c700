//! Draws a run: what each slot did when, how busy it was, and time by size.

use super::escape::escaped;
use crate::supervisor::{JobOutcome, JobRecord, RunSummary};
use crate::text;
use std::io::{self, Write};

/// Width of a picture in its own units; it is scaled to the page.
const WIDTH: f64 = 1000.0;
const ROW: f64 = 22.0;
/// Room for the slots' numbers.
const LEFT: f64 = 40.0;
/// Most bars and points of a picture; a browser is slow with more.
const MOST: usize = 5_000;
/// Most slots that are drawn.
const MOST_SLOTS: usize = 256;

/// The class of a file's colour.
fn class(file: &JobRecord) -> &'static str {
    match file.outcome {
        JobOutcome::Failed => "failed",
        JobOutcome::Unchanged => "unchanged",
        JobOutcome::Converted | JobOutcome::Skipped => "converted",
    }
}

fn tip(file: &JobRecord) -> String {
    let (bytes, time) = (text::bytes(file.bytes_in), text::seconds(file.seconds));
    escaped(&format!("{}: {bytes}, {time}", file.name))
}

/// What was left out of a picture, in words.
fn left_out(out: &mut dyn Write, drawn: usize, all: usize) -> io::Result<()> {
    if all <= drawn {
        return Ok(());
    }
    writeln!(out, "<p class=\"note\">{drawn} of {all} files are drawn, the longest ones.</p>")
}

/// A bar for each file, in its slot's row, from the begin of its last attempt to its end.
pub(super) fn timeline(summary: &RunSummary, out: &mut dyn Write) -> io::Result<()> {
    let mut files: Vec<(u32, f64, JobRecord)> = summary
        .files
        .iter()
        .filter_map(|file| Some((file.slot?, file.ended?, file)))
        .filter(|(slot, ..)| usize::try_from(*slot).is_ok_and(|slot| slot < MOST_SLOTS))
        .collect();
    let whole = summary.conversion_time.max(files.iter().fold(0.0, |most, it| it.1.max(most)));
    if files.is_empty() || whole <= 0.0 {
        return Ok(());
    }
    let all = files.len();
    files.sort_by(|a, b| b.2.seconds.total_cmp(&a.2.seconds));
    files.truncate(MOST);
    let rows = summary.slots.len().min(MOST_SLOTS);
    let height = text::float(rows as u64) * ROW + ROW;
    let x = |seconds: f64| LEFT + (WIDTH - LEFT) * (seconds / whole).clamp(0.0, 1.0);
    writeln!(out, "<h2>What the workers did</h2>")?;
    writeln!(out, "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"timeline\">")?;
    for row in 0..rows {
        let y = text::float(row as u64) * ROW;
        writeln!(out, "<text x=\"0\" y=\"{:.0}\">{}</text>", y + 15.0, row.saturating_add(1))?;
        writeln!(
            out,
            "<rect class=\"idle\" x=\"{LEFT}\" y=\"{}\" width=\"{}\" height=\"16\"/>",
            y + 3.0,
            WIDTH - LEFT
        )?;
    }
    for (slot, ended, file) in &files {
        let begin = (ended - file.seconds).max(0.0);
        let (from, to) = (x(begin), x(*ended));
        writeln!(
            out,
            "<rect class=\"{}\" x=\"{from:.2}\" y=\"{}\" width=\"{:.2}\" height=\"16\"><title>{}</title></rect>",
            class(file),
            f64::from(*slot) * ROW + 3.0,
            (to - from).max(0.5),
            tip(file)
        )?;
    }
    for tick in 0..=4_u32 {
        let at = whole * f64::from(tick) / 4.0;
        let anchor = ["start", "middle", "middle", "middle", "end"];
        let anchor = anchor.get(usize::try_from(tick).unwrap_or(0)).unwrap_or(&"middle");
        writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.0}\" text-anchor=\"{anchor}\">{}</text>",
            x(at),
            height - 5.0,
            escaped(&text::seconds(at))
        )?;
    }
    writeln!(out, "</svg>")?;
    left_out(out, files.len(), all)
}

/// How long each slot was busy, and with how many files.
pub(super) fn slots(summary: &RunSummary, out: &mut dyn Write) -> io::Result<()> {
    if summary.slots.is_empty() {
        return Ok(());
    }
    writeln!(
        out,
        "<h2>Workers</h2>\n<table class=\"slots\"><thead><tr><th>slot</th><th>files</th><th>busy</th><th>idle</th><th></th></tr></thead><tbody>"
    )?;
    for (number, slot) in summary.slots.iter().enumerate() {
        let whole = slot.busy_seconds + slot.idle_seconds;
        let share = if whole > 0.0 { 100.0 * slot.busy_seconds / whole } else { 0.0 };
        writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td class=\"bar\"><i style=\"width:{share:.1}%\"></i>{share:.0} %</td></tr>",
            number.saturating_add(1),
            slot.jobs,
            escaped(&text::seconds(slot.busy_seconds)),
            escaped(&text::seconds(slot.idle_seconds)),
        )?;
    }
    writeln!(out, "</tbody></table>")
}

/// A point for each file: its size and the time it took.
pub(super) fn sizes(summary: &RunSummary, out: &mut dyn Write) -> io::Result<()> {
    let mut files: Vec<JobRecord> =
        summary.files.iter().filter(|file| file.attempts > 0 && file.seconds > 0.0).collect();
    let all = files.len();
    files.sort_by(|a, b| b.seconds.total_cmp(&a.seconds));
    files.truncate(MOST);
    let widest = files.iter().map(|file| file.bytes_in).max().unwrap_or(0);
    let longest = files.first().map_or(0.0, |file| file.seconds);
    if widest == 0 || longest <= 0.0 {
        return Ok(());
    }
    let height = 240.0;
    writeln!(
        out,
        "<h2>Time by size</h2>\n<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"time by size\">"
    )?;
    writeln!(out, "<path class=\"axis\" d=\"M{LEFT} 5V{b}H{WIDTH}\"/>", b = height - 20.0)?;
    for file in &files {
        writeln!(
            out,
            "<circle class=\"{}\" r=\"4\" cx=\"{:.1}\" cy=\"{:.1}\"><title>{}</title></circle>",
            class(file),
            LEFT + (WIDTH - LEFT - 10.0) * text::float(file.bytes_in) / text::float(widest),
            (height - 20.0) - (height - 35.0) * file.seconds / longest,
            tip(file)
        )?;
    }
    writeln!(
        out,
        "<text x=\"{LEFT}\" y=\"14\">&nbsp;{}</text><text x=\"{WIDTH}\" y=\"{}\" text-anchor=\"end\">{}</text></svg>",
        escaped(&text::seconds(longest)),
        height - 5.0,
        escaped(&text::bytes(widest))
    )?;
    left_out(out, files.len(), all)
}

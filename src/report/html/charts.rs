//! Draws a run: what each slot did when, and time by size.

use super::Shown;
use super::escape::escaped;
use crate::supervisor::{JobOutcome, JobRecord};
use crate::text;
use std::io::{self, Write};

/// Width of a picture in its own units; it is scaled to the page.
pub(super) const WIDTH: f64 = 1000.0;
const ROW: f64 = 22.0;
/// Room for the slots' numbers.
pub(super) const LEFT: f64 = 40.0;
/// Most bars and points of a picture; a browser is slow with more.
const MOST: usize = 5_000;
/// Most slots that are drawn.
const MOST_SLOTS: u32 = 256;

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

/// Times below a picture of `height` whose axis is `whole` seconds long.
pub(super) fn ticks(whole: f64, height: f64, out: &mut dyn Write) -> io::Result<()> {
    for (tick, anchor) in (0_u32..).zip(["start", "middle", "middle", "middle", "end"]) {
        let at = whole * f64::from(tick) / 4.0;
        writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.0}\" text-anchor=\"{anchor}\">{}</text>",
            LEFT + (WIDTH - LEFT) * f64::from(tick) / 4.0,
            height - 5.0,
            escaped(&text::seconds(at))
        )?;
    }
    Ok(())
}

/// A bar for each file, in its slot's row, from the begin of its last attempt to its end.
pub(super) fn timeline(shown: &Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    let Shown { summary, layout, .. } = shown;
    let mut files: Vec<(u32, f64, JobRecord)> = summary
        .files
        .iter()
        .enumerate()
        .filter_map(|(place, file)| {
            let run = layout.run_of(place)?;
            Some((run.row.saturating_add(file.slot?), run.begin + file.ended?, file))
        })
        .filter(|(row, ..)| *row < MOST_SLOTS)
        .collect();
    let whole = layout.seconds();
    if files.is_empty() || whole <= 0.0 {
        return Ok(());
    }
    let all = files.len();
    files.sort_by(|a, b| b.2.seconds.total_cmp(&a.2.seconds));
    files.truncate(MOST);
    let highest = files.iter().map(|(row, ..)| row.saturating_add(1)).max().unwrap_or(0);
    let rows = layout.rows().max(highest).min(MOST_SLOTS);
    let height = f64::from(rows) * ROW + ROW;
    let x = |seconds: f64| LEFT + (WIDTH - LEFT) * (seconds / whole).clamp(0.0, 1.0);
    writeln!(out, "<h2>What the workers did</h2>")?;
    writeln!(out, "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"timeline\">")?;
    for row in 0..rows {
        let y = f64::from(row) * ROW;
        writeln!(
            out,
            "<text x=\"0\" y=\"{:.0}\">{}</text>",
            y + 15.0,
            escaped(&label(shown, row))
        )?;
        writeln!(
            out,
            "<rect class=\"idle\" x=\"{LEFT}\" y=\"{}\" width=\"{}\" height=\"16\"/>",
            y + 3.0,
            WIDTH - LEFT
        )?;
    }
    for (row, ended, file) in &files {
        let begin = (ended - file.seconds).max(0.0);
        let (from, to) = (x(begin), x(*ended));
        writeln!(
            out,
            "<rect class=\"{}\" x=\"{from:.2}\" y=\"{}\" width=\"{:.2}\" height=\"16\"><title>{}</title></rect>",
            class(file),
            f64::from(*row) * ROW + 3.0,
            (to - from).max(0.5),
            tip(file)
        )?;
    }
    ticks(whole, height, out)?;
    writeln!(out, "</svg>")?;
    if layout.stretches.len() > 1 {
        writeln!(
            out,
            "<p class=\"note\">{} runs; each file stands where it was done last; times in which none ran are left out.</p>",
            layout.stretches.len()
        )?;
    }
    left_out(out, files.len(), all)
}

/// What stands before a row: its slot, or its shard where there are some.
fn label(shown: &Shown<'_>, row: u32) -> String {
    let first = shown.layout.stretches.iter().find(|run| run.row == row);
    match first {
        Some(run) if !matches!(run.shard.as_str(), "" | "1/1") => run.shard.clone(),
        _ if shown.layout.stretches.iter().all(|run| run.row == 0) => {
            row.saturating_add(1).to_string()
        }
        _ => String::new(),
    }
}

/// A point for each file: its size and the time it took.
pub(super) fn sizes(shown: &Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    let summary = shown.summary;
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

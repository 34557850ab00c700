//! Lists how long each slot was busy, and with what.

use super::Shown;
use super::escape::escaped;
use crate::supervisor::SlotRecord;
use crate::text;
use std::io::{self, Write};

/// Most slots that get a line.
const MOST: usize = 256;

/// Stands for a figure that is not known.
const NONE: &str = "-";

/// What is known of a slot's files, where it had some.
fn of_files(slot: &SlotRecord, figure: String) -> String {
    if slot.jobs > 0 { figure } else { NONE.to_owned() }
}

/// The table of slots.
pub(super) fn slots(shown: &Shown<'_>, out: &mut dyn Write) -> io::Result<()> {
    let slots = &shown.summary.slots;
    if slots.iter().all(|slot| slot.jobs == 0 && slot.busy_seconds <= 0.0) {
        return Ok(());
    }
    writeln!(
        out,
        "<h2>Workers</h2>\n<div class=\"wide\"><table class=\"slots\"><thead><tr><th>slot</th>\
         <th>files</th><th>bytes</th><th>peak memory</th><th>computed</th><th>busy</th>\
         <th>idle</th><th></th></tr></thead><tbody>"
    )?;
    for (number, slot) in slots.iter().enumerate().take(MOST) {
        let whole = slot.busy_seconds + slot.idle_seconds;
        let share = if whole > 0.0 { 100.0 * slot.busy_seconds / whole } else { 0.0 };
        writeln!(
            out,
            "<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td><td>{}</td>\
             <td class=\"bar\"><i style=\"width:{share:.1}%\"></i>{share:.0} %</td></tr>",
            number.saturating_add(1),
            slot.jobs,
            of_files(slot, text::bytes(slot.bytes)),
            if slot.peak_anon > 0 { text::bytes(slot.peak_anon) } else { NONE.to_owned() },
            of_files(slot, text::percent(slot.cpu_seconds, slot.busy_seconds)),
            escaped(&text::seconds(slot.busy_seconds)),
            escaped(&text::seconds(slot.idle_seconds)),
        )?;
    }
    writeln!(out, "</tbody></table></div>")?;
    match slots.len().checked_sub(MOST) {
        Some(more @ 1..) => writeln!(out, "<p class=\"note\">and {more} more.</p>"),
        _ => Ok(()),
    }
}

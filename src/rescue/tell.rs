//! Tells people what a rescue did.

use super::report::{
    Doubtful, Filled, Lost, Outcome, Report, Rescued, UndefinedElements, What, rows_said,
};
use crate::text::{bytes, count, tame};
use std::fmt::Write as _;

/// Entries of each list that people are shown.
const SHOWN: usize = 40;

/// The report as text, with a newline at its end.
pub fn tell(report: &Report) -> String {
    let mut lines = Lines(String::new());
    let doubtful: Vec<_> = report.rescued.iter().filter(|it| !it.doubtful.is_empty()).collect();
    head(&mut lines, report, doubtful.is_empty());
    for cut in &report.groups_cut {
        let (path, at, reason) = (&cut.path, cut.offset, &cut.reason);
        lines.add(&format!("  names may be lost of group {path}, at byte {at}: {reason}"));
    }
    lines.list(&format!("lost: {}", report.lost.len()), &report.lost, lost);
    let renamed: Vec<_> = report.rescued.iter().filter(|it| it.renamed).collect();
    lines.list("under a new name, since no group is left that names them:", &renamed, |it| new(it));
    let partly: Vec<_> = report.rescued.iter().filter(|it| !it.undefined.is_empty()).collect();
    lines.list("in part, with undefined elements where something is lost:", &partly, |it| {
        format!(
            "{}: {}",
            it.path,
            it.undefined.iter().map(undefined).collect::<Vec<_>>().join("; ")
        )
    });
    let filled: Vec<_> = report.rescued.iter().filter(|it| !it.filled.is_empty()).collect();
    let title = "in part, with the fill value (mostly 0) where chunks are lost:";
    lines.list(title, &filled, |it| {
        format!("{}: {}", it.path, it.filled.iter().map(rows).collect::<Vec<_>>().join("; "))
    });
    let title = "in doubt: part of the data is in blocks of zeros, which may have been stored or lost \
                 (data have no checksums):";
    lines.list(title, &doubtful, |it| {
        format!("{}: {}", it.path, it.doubtful.iter().map(zeros).collect::<Vec<_>>().join("; "))
    });
    if !report.left_out.is_empty() {
        lines.add(&format!(
            "  left out: {} that no group names although all groups are there: what was replaced or \
             deleted",
            count(report.left_out.len() as u64, "dataset")
        ));
    }
    for note in &report.notes {
        lines.add(&format!("  note: {note}"));
    }
    lines.0
}

/// Lines of text.
struct Lines(String);

impl Lines {
    fn add(&mut self, line: &str) {
        self.0.push_str(&tame(line));
        self.0.push('\n');
    }

    /// A title and some of a list, if there is anything in it.
    fn list<T>(&mut self, title: &str, all: &[T], tell: impl Fn(&T) -> String) {
        if all.is_empty() {
            return;
        }
        self.add(&format!("  {title}"));
        for it in all.iter().take(SHOWN) {
            self.add(&format!("    {}", tell(it)));
        }
        if all.len() > SHOWN {
            self.add(&format!("    … and {} more; --json has all", all.len() - SHOWN));
        }
    }
}

fn head(lines: &mut Lines, report: &Report, certain: bool) {
    let kept = count(report.rescued.len() as u64, "dataset");
    let head = match report.outcome {
        Outcome::NothingToRescue if certain => {
            format!("nothing to rescue: the file is whole, with {kept}")
        }
        Outcome::NothingToRescue => {
            format!("nothing to rescue: no damage can be told, {kept}; see what is in doubt")
        }
        Outcome::NothingLeft => "nothing is left that could be rescued".to_owned(),
        Outcome::Rescued => format!("{kept} rescued, nothing lost"),
        Outcome::RescuedInPart => format!("{kept} rescued; see what is lost or in doubt"),
    };
    lines.add(&format!("{}: {head}", report.input));
    if let (Some(output), Some(len)) = (&report.output, report.bytes_out) {
        lines.add(&format!("  written to {output}, {}, checked by content", bytes(len)));
    }
    if let Some(front) = &report.front {
        lines.add(&format!("  front: {front}"));
    }
    let found = &report.found;
    lines.add(&format!(
        "  found: {}, {} damaged, {}; {} in blocks of zeros",
        count(found.headers, "whole object header"),
        found.damaged_headers,
        count(found.heaps, "heap"),
        bytes(found.zero_bytes)
    ));
}

fn lost(it: &Lost) -> String {
    let named = it.path.as_deref().unwrap_or("without a name");
    format!("{named}, {} at byte {}{}: {}", it.kind, it.offset, of(&it.what), it.reason)
}

fn new(it: &Rescued) -> String {
    let hint = it.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    format!("{}{} (byte {}){hint}", it.path, of(&it.what), it.offset)
}

fn undefined(it: &UndefinedElements) -> String {
    let first: Vec<_> = it.first.iter().map(ToString::to_string).collect();
    let more = if it.count > it.first.len() as u64 { ", …" } else { "" };
    let first = first.join(", ");
    format!("{} of {} elements of the array at byte {} ({first}{more})", it.count, it.of, it.offset)
}

/// Ranges of elements that people are shown of each array.
const ROWS: usize = 8;

fn rows(it: &Filled) -> String {
    let first = rows_said(it.rows.get(..ROWS).unwrap_or(&it.rows));
    let more = it.rows.len().saturating_sub(ROWS);
    let more =
        if more > 0 { format!(" and {more} more ranges; --json has all") } else { String::new() };
    let field = it.field.as_ref().map(|field| format!("{field}, ")).unwrap_or_default();
    let unlisted = match it.unlisted.as_slice() {
        [] => String::new(),
        some => format!(
            "; not in the index, so perhaps lost: {}",
            rows_said(some.get(..ROWS).unwrap_or(some))
        ),
    };
    format!(
        "{field}{} of {} elements of the array at byte {}: {first}{more}{unlisted} ({})",
        it.count, it.of, it.offset, it.reason
    )
}

fn zeros(it: &Doubtful) -> String {
    let (len, start, at) = (bytes(it.bytes), it.first.0, it.offset);
    format!("{len} from byte {start} on, of the object at byte {at}")
}

/// Type, dimensions and bytes, as far as they are known.
fn of(what: &What) -> String {
    let mut out = String::new();
    if let Some(t) = &what.julia_type {
        let _ = write!(out, ", {t}");
    }
    if let Some(dims) = &what.dims {
        let dims: Vec<_> = dims.iter().map(ToString::to_string).collect();
        let _ = write!(out, " {}", dims.join("×"));
    }
    if let Some(len) = what.bytes {
        let _ = write!(out, ", {}", bytes(len));
    }
    out
}

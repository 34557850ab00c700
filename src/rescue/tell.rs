//! A rescue's report for people.

use super::report::{Lost, Outcome, Report, Rescued, What};
use crate::report::text::{bytes, count, tame};
use std::fmt::Write as _;

/// Entries of each list that people are shown.
const SHOWN: usize = 40;

/// The report as text, with a newline at its end.
pub fn tell(report: &Report) -> String {
    let mut out = String::new();
    let name = tame(&report.input);
    let doubtful: Vec<_> = report.rescued.iter().filter(|it| !it.doubtful.is_empty()).collect();
    let mut line = |text: String| {
        out.push_str(&tame(&text));
        out.push('\n');
    };
    let kept = count(report.rescued.len() as u64, "dataset");
    let lost = report.lost.len() as u64;
    let head = match report.outcome {
        Outcome::NothingToRescue if doubtful.is_empty() => {
            format!("nothing to rescue: the file is whole, with {kept}")
        }
        Outcome::NothingToRescue => format!("nothing to rescue: no damage can be told, {kept}"),
        Outcome::NothingLeft => "nothing is left that could be rescued".to_owned(),
        Outcome::Rescued => format!("{kept} rescued, nothing lost"),
        Outcome::RescuedInPart => format!("{kept} rescued; see what is lost or in doubt"),
    };
    line(format!("{name}: {head}"));
    if let (Some(output), Some(len)) = (&report.output, report.bytes_out) {
        line(format!("  written to {output}, {}, checked by content", bytes(len)));
    }
    if let Some(front) = &report.front {
        line(format!("  front: {front}"));
    }
    let found = &report.found;
    line(format!(
        "  found: {} whole object headers, {} damaged, {} heaps; {} in blocks of zeros",
        found.headers,
        found.damaged_headers,
        found.heaps,
        bytes(found.zero_bytes)
    ));
    for cut in &report.groups_cut {
        line(format!(
            "  names may be lost of group {}, at byte {}: {}",
            cut.path, cut.offset, cut.reason
        ));
    }
    if lost > 0 {
        line(format!("  lost: {lost}"));
    }
    list(&mut line, &report.lost, "lost", |lost: &Lost| {
        let named = lost.path.clone().unwrap_or_else(|| "without a name".to_owned());
        format!(
            "    {named}, {} at byte {}{}: {}",
            lost.kind,
            lost.offset,
            of(&lost.what),
            lost.reason
        )
    });
    let renamed: Vec<_> = report.rescued.iter().filter(|it| it.renamed).collect();
    if !renamed.is_empty() {
        line("  under a new name, since no group is left that names them:".to_owned());
    }
    list(&mut line, &renamed, "renamed", |it: &&Rescued| {
        let hint = it.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
        format!("    {}{} (byte {}){hint}", it.path, of(&it.what), it.offset)
    });
    let partly: Vec<_> = report.rescued.iter().filter(|it| !it.undefined.is_empty()).collect();
    if !partly.is_empty() {
        line("  in part, with undefined elements where something is lost:".to_owned());
    }
    list(&mut line, &partly, "in part", |it: &&Rescued| {
        let each = it.undefined.iter().map(|u| {
            let first: Vec<_> = u.first.iter().map(ToString::to_string).collect();
            let more = if u.count > u.first.len() as u64 { ", …" } else { "" };
            format!(
                "{} of {} elements of the array at byte {} ({}{more})",
                u.count,
                u.of,
                u.offset,
                first.join(", ")
            )
        });
        format!("    {}: {}", it.path, each.collect::<Vec<_>>().join("; "))
    });
    if !doubtful.is_empty() {
        line(
            "  in doubt: part of the data is in blocks of zeros, which may have been stored or lost \
             (data have no checksums):"
                .to_owned(),
        );
    }
    list(&mut line, &doubtful, "in doubt", |it: &&Rescued| {
        let each = it.doubtful.iter().map(|d| {
            format!(
                "{} from byte {} on, of the object at byte {}",
                bytes(d.bytes),
                d.first.0,
                d.offset
            )
        });
        format!("    {}: {}", it.path, each.collect::<Vec<_>>().join("; "))
    });
    if !report.left_out.is_empty() {
        line(format!(
            "  left out: {} that no group names although all groups are there: what was replaced or \
             deleted",
            count(report.left_out.len() as u64, "dataset")
        ));
    }
    for note in &report.notes {
        line(format!("  note: {note}"));
    }
    out
}

fn list<T>(line: &mut dyn FnMut(String), all: &[T], what: &str, tell: impl Fn(&T) -> String) {
    all.iter().take(SHOWN).for_each(|it| line(tell(it)));
    if all.len() > SHOWN {
        line(format!("    … and {} more {what}; --json has all", all.len() - SHOWN));
    }
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

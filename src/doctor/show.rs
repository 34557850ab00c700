//! Prints a checkup for people: a line for each thing, and what to do about it below.

use super::{Checkup, Verdict};
use crate::text;
use std::fmt::Write as _;

/// One line for each check, with advice below it, and a last line that sums up.
pub fn show(checkup: &Checkup) -> String {
    let mut out = String::new();
    let width = checkup.checks.iter().map(|check| check.what.len()).max().unwrap_or(0);
    for check in &checkup.checks {
        let (word, what, found) = (word(check.verdict), &check.what, text::tame(&check.found));
        let _ = writeln!(out, "{word:<8}{what:<width$}  {found}");
        if !check.advice.is_empty() {
            let _ = writeln!(out, "{:<8}{:<width$}  -> {}", "", "", text::tame(&check.advice));
        }
    }
    let count =
        |verdict| checkup.checks.iter().filter(|check| check.verdict == verdict).count() as u64;
    let (problems, notes) = (count(Verdict::Problem), count(Verdict::Note));
    let _ = match (problems, notes) {
        (0, 0) => writeln!(out, "\nAll is well."),
        (0, notes) => writeln!(out, "\nAll works; {}.", text::count(notes, "note")),
        (problems, notes) => {
            let (problems, notes) = (text::count(problems, "problem"), text::count(notes, "note"));
            writeln!(out, "\n{problems}, {notes}.")
        }
    };
    out
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Ok => "ok",
        Verdict::Note => "note",
        Verdict::Problem => "problem",
    }
}

//! Lists what has a name at the end of a run: the files that failed or were in the way, and what
//! could not be read.

use super::line::{said, short};
use crate::supervisor::{JobOutcome, JobRecord, RunSummary};
use crate::text;
use std::fmt::Write as _;

/// Most files that are listed.
const FEW: usize = 10;

/// What a reader of the target fails on in the inputs of files that went well.
pub(super) fn unread(summary: &RunSummary, block: &mut String) {
    let mut files = summary.files.iter().filter(|file| file.failures().next().is_some());
    let few: Vec<_> = files.by_ref().take(FEW).collect();
    if few.is_empty() {
        return;
    }
    let _ = writeln!(block, "\nFailures that a reader of the target meets in the inputs:");
    for file in few {
        let mut failures = file.failures();
        let first = short(failures.next().unwrap_or_default());
        let more = text::and_more(failures.count() as u64);
        let _ = writeln!(block, "  {}{more}  {first}", text::tame(&file.name));
    }
    further(files.count(), block);
}

/// Directories whose files nobody knows.
pub(super) fn unlisted(summary: &RunSummary, block: &mut String) {
    if summary.unlisted.is_empty() {
        return;
    }
    let _ = writeln!(
        block,
        "\nDirectories that could not be listed, so that what is in them is missing:"
    );
    for dir in summary.unlisted.iter().take(FEW) {
        let _ = writeln!(block, "  {}", text::tame(&dir.to_string()));
    }
    further(summary.unlisted.len().saturating_sub(FEW), block);
}

/// Files that failed, and why.
pub(super) fn failures(summary: &RunSummary, block: &mut String) {
    let mut failed = summary.files.iter().filter(|file| file.outcome == JobOutcome::Failed);
    let few: Vec<_> = failed.by_ref().take(FEW).collect();
    if few.is_empty() {
        return;
    }
    let _ = writeln!(block, "\nFailed:");
    for file in few {
        let cause = file.fault.map_or_else(String::new, |cause| format!("{cause}: "));
        let _ = writeln!(block, "  {}  {cause}{}", text::tame(&file.name), said(&file));
    }
    further(failed.count(), block);
}

/// Files that were in the way and what became of them.
pub(super) fn conflicts(summary: &RunSummary, block: &mut String) {
    let told = |file: &JobRecord| file.conflict.is_some() && file.outcome != JobOutcome::Failed;
    let mut files = summary.files.iter().filter(told);
    let few: Vec<_> = files.by_ref().take(FEW).collect();
    if few.is_empty() {
        return;
    }
    let _ = writeln!(block, "\nIn the way:");
    for file in few {
        let _ = writeln!(block, "  {}  {}", text::tame(&file.name), said(&file));
    }
    further(files.count(), block);
}

/// How many files a list leaves out, and where they are.
fn further(more: usize, block: &mut String) {
    if more > 0 {
        let _ =
            writeln!(block, "  and {more} more, all of them in the JSON report (--report FILE)");
    }
}

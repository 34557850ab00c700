//! Tells which rules did nothing in a whole run.

use crate::migrate::{NeverHeld, Unmet};
use crate::supervisor::{JobOutcome, RunSummary};
use std::collections::BTreeMap;

/// What is told of a rule by the files in which it did nothing.
#[derive(Default)]
struct Idle {
    /// How many have no type that it is for, and what may be meant.
    unmet: u64,
    near: String,
    /// In how many its conditions hold for nothing, and what there is instead in the first.
    never_held: u64,
    found: String,
}

/// Rules that did nothing in any file of the run. Nothing is said where files were done by an earlier
/// run: what rules met in these is not known here.
pub(super) fn unmet(summary: &RunSummary) -> Vec<String> {
    if summary.files.iter().any(|file| file.outcome == JobOutcome::Skipped) {
        return Vec::new();
    }
    let (mut told, mut files) = (BTreeMap::<String, Idle>::new(), 0_u64);
    let mut failed = false;
    for file in &summary.files {
        if !matches!(file.outcome, JobOutcome::Converted | JobOutcome::Unchanged) {
            failed = true;
            continue;
        }
        files += 1;
        for (rule, near) in file.findings.iter().filter_map(|finding| Unmet::told(finding)) {
            let known = told.entry(rule.to_owned()).or_default();
            known.unmet += 1;
            if known.near.is_empty() {
                near.clone_into(&mut known.near);
            }
        }
        for (rule, found) in file.findings.iter().filter_map(|finding| NeverHeld::told(finding)) {
            let known = told.entry(rule.to_owned()).or_default();
            known.never_held += 1;
            if known.found.is_empty() {
                found.clone_into(&mut known.found);
            }
        }
    }
    let everywhere = told.into_iter().filter(|(_, idle)| idle.unmet + idle.never_held == files);
    // Of files that are not there yet, and of other shards, nothing is known.
    let part = match (failed || summary.pending > 0, matches!(&*summary.shard, "" | "1/1")) {
        (false, true) => "",
        (true, true) => " that was converted",
        (false, false) => " of this shard",
        (true, false) => " of this shard that was converted",
    };
    let line = |(rule, idle): (String, Idle)| match idle.never_held {
        0 => format!("no file{part} has a type that the rule {rule} is for{}", idle.near),
        _ => format!(
            "what the rule {rule} asks for holds for nothing in any file{part}: {}",
            idle.found
        ),
    };
    everywhere.map(line).collect()
}

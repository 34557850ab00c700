//! Sorts a plan out, job by job.

use super::fate::{Fate, Sorter};
use super::model::{Inquiry, Sorted, ToRecord, Todo};
use crate::supervisor::{Plan, RunError};

/// Sorts a plan out: what is up to date is skipped, what failed under the same circumstances is left
/// alone, what is in the way is dealt with as the settings say. Files are not opened here.
///
/// # Errors
/// Journals of other shards cannot be read.
pub(in crate::tasks::convert) fn sort_out(
    plan: &Plan,
    inquiry: &Inquiry<'_>,
) -> Result<Sorted, RunError> {
    let mut sorted = Sorted::default();
    let mut sorter = Sorter::new(inquiry);
    for (place, job) in plan.jobs.iter().enumerate() {
        match sorter.fate(place, job)? {
            Fate::Do(order) => {
                let stale = order.stale.iter().map(|why| (job.name.clone(), why.clone()));
                sorted.stale.extend(stale);
                sorted.todo.push(Todo { place, order: *order });
            }
            Fate::Settle(record, to_record) => {
                sorted.settled.insert(place, *record);
                sorted.to_record.extend(to_record.map(|it| (place, it)));
            }
            Fate::Hindered(record) => {
                sorted.hindered += 1;
                sorted.settled.insert(place, *record);
                sorted.to_record.insert(place, ToRecord { input: None, claim: None });
            }
            Fate::Failed(record) => {
                sorted.failed_before.push(job.name.clone());
                sorted.settled.insert(place, *record);
            }
            Fate::Ask(wanted) => sorted.questions.push((place, wanted)),
            Fate::Stuck => {}
        }
    }
    sorted.conflicts = sorter.conflicts;
    Ok(sorted)
}

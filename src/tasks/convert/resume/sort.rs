//! Sorts a plan out, job by job.

use super::fate::{Fate, Sorter};
use super::model::ToRecord;
use super::sorted::{Inquiry, Sorted};
use crate::supervisor::records::Ledger;
use crate::supervisor::{JobRecord, Plan, RunError};

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
    let jobs = plan.jobs.len();
    let settle = |settled: &mut Ledger, place: usize, record: &JobRecord| {
        settled.reserve(jobs);
        settled.insert(place, record);
    };
    let mut sorter = Sorter::new(inquiry);
    for (place, job) in plan.jobs.iter().enumerate() {
        match sorter.fate(place, job)? {
            Fate::Do(order) => {
                sorted.todo.push(place);
                sorted.orders.push(place, *order);
            }
            Fate::Settle(record, to_record) => {
                settle(&mut sorted.settled, place, &record);
                if let Some(to_record) = to_record {
                    sorted.to_record.push(place, job, to_record);
                }
            }
            Fate::Hindered(record) => {
                sorted.hindered += 1;
                settle(&mut sorted.settled, place, &record);
                sorted.to_record.push(place, job, ToRecord { input: None, claim: None });
            }
            Fate::Failed(record) => {
                sorted.failed_before.push(job.name.clone());
                settle(&mut sorted.settled, place, &record);
            }
            Fate::Ask(wanted) => sorted.questions.push((place, wanted)),
            Fate::Stuck => {}
        }
    }
    sorted.conflicts = sorter.conflicts;
    sorted.todo.shrink_to_fit();
    sorted.orders.close();
    Ok(sorted)
}

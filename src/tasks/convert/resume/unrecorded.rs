//! Keeps what a journal does not have yet of jobs that are over before a run, in little memory: after a
//! journal was lost, or an archive moved, these are all jobs.

use super::model::ToRecord;
use super::packed_claim::{ClaimPacker, PackedClaim};
use crate::supervisor::PlannedJob;
use crate::sys::stat::StatData;
use std::sync::Arc;

/// What is to be recorded, by the jobs' places in the plan.
#[derive(Debug, Clone, Default)]
pub(in crate::tasks::convert) struct Unrecorded {
    rows: Vec<Row>,
    packer: ClaimPacker,
}

#[derive(Debug, Clone)]
struct Row {
    place: usize,
    input: Option<StatData>,
    claim: Option<Box<PackedClaim>>,
}

impl Unrecorded {
    /// Adds that of `job`, which is at `place`.
    pub(super) fn push(&mut self, place: usize, job: &PlannedJob, to_record: ToRecord) {
        let ToRecord { input, claim } = to_record;
        let claim = claim.map(|claim| self.packer.pack(*claim, job));
        self.rows.push(Row { place, input, claim });
    }

    /// How many there are.
    pub(in crate::tasks::convert) fn len(&self) -> usize {
        self.rows.len()
    }

    /// All of them, of the same `jobs`.
    pub(in crate::tasks::convert) fn into_each(
        self,
        jobs: Arc<Vec<PlannedJob>>,
    ) -> impl Iterator<Item = (usize, ToRecord)> {
        self.rows.into_iter().filter_map(move |Row { place, input, claim }| {
            let job = jobs.get(place)?;
            let claim = claim.map(|packed| Box::new(packed.unpack(job)));
            Some((place, ToRecord { input, claim }))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::packed_claim::tests::{claim, job, stat};
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let to_record = |place: usize| ToRecord {
            input: (!place.is_multiple_of(6)).then(|| stat(place as u64)),
            claim: (!place.is_multiple_of(5)).then(|| Box::new(claim(place))),
        };
        let places = || (0..40).filter(|place| place % 3 > 0);
        let mut unrecorded = Unrecorded::default();
        places().for_each(|place| unrecorded.push(place, &job(place), to_record(place)));
        assert_eq!(unrecorded.len(), 26);
        let back: Vec<_> = unrecorded.into_each(Arc::new((0..40).map(job).collect())).collect();
        assert!(back.into_iter().eq(places().map(|place| (place, to_record(place)))));
    }
}

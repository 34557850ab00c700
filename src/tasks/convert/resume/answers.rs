//! Keeps what workers found out before a run, in little memory: where an archive was copied, or its
//! journal lost, all of its files are looked into.

use super::model::Answer;
use super::packed_claim::{ClaimPacker, PackedClaim, PackedFile};
use crate::convert::Examined;
use crate::supervisor::PlannedJob;
use crate::sys::stat::StatData;
use std::collections::BTreeMap;

/// Answers by the jobs' places in the plan.
#[derive(Debug, Default)]
pub(in crate::tasks::convert) struct Answers {
    rows: BTreeMap<usize, Row>,
    packer: ClaimPacker,
}

#[derive(Debug)]
struct Row {
    /// What was looked into.
    files: (StatData, StatData),
    result: Result<Box<Packed>, String>,
}

#[derive(Debug)]
struct Packed {
    input: PackedFile,
    output: PackedFile,
    compared: Option<Result<Box<PackedClaim>, String>>,
}

impl Answers {
    /// Adds that on `job`, which is at `place`, or replaces it.
    pub(in crate::tasks::convert) fn insert(
        &mut self,
        place: usize,
        job: &PlannedJob,
        answer: Answer,
    ) {
        let Answer { input, output, result } = answer;
        let files = (input, output);
        let result = result.map(|Examined { input, output, compared }| {
            let compared = compared.map(|it| it.map(|claim| self.packer.pack(claim, job)));
            let input = PackedFile::of(input, &job.input);
            let output = PackedFile::of(output, &job.output);
            Box::new(Packed { input, output, compared })
        });
        self.rows.insert(place, Row { files, result });
    }

    /// That on `job`, which is at `place`, if there is one.
    pub(super) fn get(&self, place: usize, job: &PlannedJob) -> Option<Answer> {
        let Row { files: (input, output), result } = self.rows.get(&place)?;
        let unpack = |packed: &Packed| {
            let compared = packed.compared.as_ref().map(|it| match it {
                Ok(claim) => Ok(claim.unpack(job)),
                Err(why) => Err(why.clone()),
            });
            Examined {
                input: packed.input.unpack(&job.input),
                output: packed.output.unpack(&job.output),
                compared,
            }
        };
        let result = result.as_deref().map(unpack).map_err(Clone::clone);
        Some(Answer { input: *input, output: *output, result })
    }
}

#[cfg(test)]
mod tests {
    use super::super::packed_claim::tests::{claim, job, stat};
    use super::*;

    #[test]
    fn what_goes_in_comes_out() {
        let answer = |place: usize| {
            let claim = claim(place);
            let compared = match place % 3 {
                0 => None,
                1 => Some(Ok(claim.clone())),
                _ => Some(Err(format!("why {place}"))),
            };
            let examined = Examined { input: claim.input.clone(), output: claim.input, compared };
            let result = if place % 8 == 5 { Err("crashed".to_owned()) } else { Ok(examined) };
            Answer { input: stat(place as u64), output: stat(place as u64 + 100), result }
        };
        let mut answers = Answers::default();
        for place in [7, 1, 2, 3, 5, 6, 7, 13, 21] {
            answers.insert(place, &job(place), answer(place));
        }
        for place in 0..30 {
            let there = [1, 2, 3, 5, 6, 7, 13, 21].contains(&place).then(|| answer(place));
            assert_eq!(answers.get(place, &job(place)), there);
        }
        answers.insert(7, &job(7), answer(5));
        assert_eq!(answers.get(7, &job(7)), Some(answer(5)), "the last one counts");
    }
}

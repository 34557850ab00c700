//! Words for runs that are not over: how far they are, and what to do about shards that wait or were
//! interrupted.

use crate::supervisor::{Recommendation, RunSummary, ShardState, UnderWay};
use crate::text;

/// How far it is, as one line.
pub(super) fn told(under: &UnderWay) -> String {
    let mut parts = Vec::new();
    if !under.is_whole() {
        let all = under.shards.len();
        for (state, [one, many]) in [
            (ShardState::Running, ["is at work", "are at work"]),
            (ShardState::Waiting, ["has not begun", "have not begun"]),
            (ShardState::Interrupted, ["was interrupted", "were interrupted"]),
        ] {
            let numbers = under.numbers(state);
            let verb = if numbers.len() == 1 { one } else { many };
            if !numbers.is_empty() {
                let which = array(&numbers);
                parts.push(format!("{} of {all} shards {verb} ({which})", numbers.len()));
            }
        }
    }
    let sum = |of: &dyn Fn(usize) -> Option<u64>| -> Option<u64> {
        (0..under.shards.len()).map(of).sum::<Option<u64>>()
    };
    let files = sum(&|place| under.shards.get(place)?.files);
    let done = sum(&|place| under.shards.get(place)?.done);
    if let (Some(files), Some(done)) = (files, done) {
        parts.push(format!("{done} of {} done", text::count(files, "file")));
    }
    let busy: u64 = under.shards.iter().filter_map(|it| it.busy).sum();
    if busy > 0 {
        parts.push(format!("{busy} at work"));
    }
    parts.extend(under.percent.map(|percent| format!("{percent:.1} %")));
    if let Some(eta) = under.eta_seconds {
        let of = if under.waits() { " of what runs" } else { "" };
        parts.push(format!("ETA{of} {}", text::seconds(eta)));
    }
    let oldest = under.shards.iter().filter(|it| it.state == ShardState::Running);
    let oldest = oldest.filter_map(|it| it.age_seconds).reduce(f64::max);
    if let Some(age) = oldest {
        parts.push(format!("of runs elsewhere as of {} ago", text::seconds(age)));
    }
    parts.join(", ")
}

/// What to do about shards that no run is at.
pub(super) fn advise(summary: &RunSummary, advice: &mut Vec<Recommendation>) {
    let Some(under) = summary.under_way.as_ref().filter(|under| !under.is_whole()) else {
        return;
    };
    let broken = under.numbers(ShardState::Interrupted);
    if !broken.is_empty() {
        let which = array(&broken);
        let (shards, goes_on) = match broken.len() {
            1 => ("shard", "was interrupted and goes on where it stopped"),
            _ => ("shards", "were interrupted and go on where they stopped"),
        };
        let text = format!(
            "{shards} {which} {goes_on}; not those that SLURM has put back into its queue by itself{}",
            queue(under)
        );
        advice.push(Recommendation::new("go-on", text, Some(submit(&which))));
    }
    let waiting = under.numbers(ShardState::Waiting);
    if !waiting.is_empty() {
        let which = array(&waiting);
        let begun = match waiting.len() {
            1 => "shard {} has not begun",
            _ => "shards {} have not begun",
        };
        let begun = begun.replace("{}", &which);
        let text = format!("{begun}; where SLURM has no such tasks{}, submit them", queue(under));
        advice.push(Recommendation::new("begin", text, Some(submit(&which))));
    }
}

/// SCRIPT is the one of the first time.
fn submit(which: &str) -> String {
    format!("sbatch --array={which} SCRIPT")
}

/// What lists an array's tasks, where it is known.
fn queue(under: &UnderWay) -> String {
    under.array.map_or_else(String::new, |job| format!(" (squeue -j {job})"))
}

/// Task numbers as `sbatch --array` takes them: `3,7-9`.
pub(super) fn array(numbers: &[u64]) -> String {
    let mut ranges: Vec<std::ops::RangeInclusive<u64>> = Vec::new();
    for &number in numbers {
        match ranges.last_mut() {
            Some(last) if last.end().checked_add(1) == Some(number) => {
                *last = *last.start()..=number;
            }
            _ => ranges.push(number..=number),
        }
    }
    text::ranges(&ranges).replace(", ", ",")
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::supervisor::PartUnderWay;

    pub(in crate::report) fn shard(number: u64, state: ShardState) -> PartUnderWay {
        let ran = state != ShardState::Waiting;
        let running = state == ShardState::Running;
        PartUnderWay {
            number,
            state,
            files: ran.then_some(12),
            done: ran.then_some(7),
            failed: ran.then_some(0),
            percent: ran.then_some(58.0),
            eta_seconds: running.then_some(90.0),
            busy: running.then_some(2),
            host: ran.then(|| "node5".to_owned()),
            age_seconds: None,
        }
    }

    pub(in crate::report) fn under(states: &[ShardState]) -> UnderWay {
        UnderWay {
            at: "2026-11-21T00:11:34Z".into(),
            percent: None,
            eta_seconds: Some(90.0),
            array: Some(77),
            shards: (1..).zip(states).map(|(number, state)| shard(number, *state)).collect(),
        }
    }

    #[test]
    fn task_numbers_are_written_as_sbatch_takes_them() {
        assert_eq!(array(&[1, 2, 3, 7, 9, 10]), "1-3,7,9-10");
        assert_eq!(array(&[4]), "4");
    }

    #[test]
    fn how_far_it_is() {
        use ShardState::{Done, Interrupted, Running, Waiting};
        insta::assert_snapshot!(told(&under(&[Running])), @"7 of 12 files done, 2 at work, ETA 1:30");
        insta::assert_snapshot!(
            told(&under(&[Running, Done, Running, Interrupted, Waiting])),
            @"2 of 5 shards are at work (1,3), 1 of 5 shards has not begun (5), 1 of 5 shards was interrupted (4), 4 at work, ETA of what runs 1:30"
        );
        let mut elsewhere = under(&[Running]);
        elsewhere.shards[0].age_seconds = Some(4.0);
        (elsewhere.shards[0].busy, elsewhere.percent) = (None, Some(58.33));
        insta::assert_snapshot!(told(&elsewhere), @"7 of 12 files done, 58.3 %, ETA 1:30, of runs elsewhere as of 4.0 s ago");
    }
}

//! Lays runs beside and behind each other on one axis of time, for pictures of all of them: runs of
//! one shard share rows, and times in which nothing ran are left out.

use super::summary::RunSummary;
use super::timeline::Timeline;
use std::collections::BTreeMap;

/// One run on the axis.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Stretch {
    /// Which run.
    pub run_id: String,
    /// Which part of the plan it was, e.g. `3/20`.
    pub shard: String,
    /// Where it begins on the axis, in seconds.
    pub begin: f64,
    /// How long it was.
    pub seconds: f64,
    /// The row of its first slot.
    pub row: u32,
    /// How many slots it had.
    pub slots: u32,
    /// How it went; empty where that is not known.
    pub timeline: Timeline,
}

/// Runs on one axis, and which of them each file's record is of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Layout {
    /// The runs.
    pub stretches: Vec<Stretch>,
    /// By the place of a file's record; empty where all are of the only run.
    of_files: Vec<u32>,
}

impl Layout {
    /// Of one run alone.
    pub fn of_run(run: &RunSummary) -> Self {
        let ended = run.files.iter().filter_map(|file| file.ended).fold(0.0, f64::max);
        let stretch = Stretch {
            run_id: run.run_id.clone(),
            shard: run.shard.clone(),
            seconds: run.conversion_time.max(ended),
            slots: u32::try_from(run.slots.len()).unwrap_or(u32::MAX),
            timeline: run.timeline.clone(),
            ..Stretch::default()
        };
        Self { stretches: vec![stretch], of_files: Vec::new() }
    }

    /// Of many; the `begin` of each is given in seconds since any time that they have in common.
    /// `of_files` names, by its place, the run of each file's record.
    pub(super) fn of_runs(mut stretches: Vec<Stretch>, of_files: Vec<u32>) -> Self {
        let mut order: Vec<usize> = (0..stretches.len()).collect();
        let begin = |place: &usize| stretches.get(*place).map_or(0.0, |run| run.begin);
        order.sort_by(|a, b| begin(a).total_cmp(&begin(b)));
        // Where the time in which something ran ends, on the clock and on the axis.
        let (mut clock, mut axis) = (f64::NEG_INFINITY, 0.0);
        for place in order {
            let Some(run) = stretches.get_mut(place) else { continue };
            let idle = run.begin - clock;
            let end = run.begin + run.seconds;
            // What overlaps stays beside each other.
            let at = if idle >= 0.0 { axis } else { axis + idle };
            run.begin = at;
            if end > clock {
                (clock, axis) = (end, at + run.seconds);
            }
        }
        let mut rows: BTreeMap<String, u32> = BTreeMap::new();
        for run in &stretches {
            let most = rows.entry(run.shard.clone()).or_default();
            *most = run.slots.max(*most);
        }
        let mut first = 0_u32;
        let mut keys: Vec<String> = rows.keys().cloned().collect();
        keys.sort_by_key(|shard| shard.split('/').next().and_then(|it| it.parse::<u32>().ok()));
        for shard in keys {
            for run in stretches.iter_mut().filter(|run| run.shard == shard) {
                run.row = first;
            }
            first = first.saturating_add(rows.get(&shard).copied().unwrap_or(0));
        }
        Self { stretches, of_files }
    }

    /// The run of the file whose record is at `place`.
    pub fn run_of(&self, place: usize) -> Option<&Stretch> {
        if self.of_files.is_empty() {
            return self.stretches.first().filter(|_| self.stretches.len() == 1);
        }
        self.stretches.get(usize::try_from(*self.of_files.get(place)?).ok()?)
    }

    /// Length of the axis in seconds.
    pub fn seconds(&self) -> f64 {
        self.stretches.iter().map(|run| run.begin + run.seconds).fold(0.0, f64::max)
    }

    /// Number of rows.
    pub fn rows(&self) -> u32 {
        let ends = self.stretches.iter().map(|run| run.row.saturating_add(run.slots));
        ends.max().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(shard: &str, begin: f64, seconds: f64, slots: u32) -> Stretch {
        Stretch { shard: shard.into(), begin, seconds, slots, ..Stretch::default() }
    }

    #[test]
    fn shards_are_beside_each_other_and_gaps_are_left_out() {
        let layout = Layout::of_runs(
            vec![
                run("1/10", 1000.0, 60.0, 2),
                run("2/10", 1010.0, 30.0, 4),
                run("10/10", 1055.0, 20.0, 1),
                run("1/10", 9000.0, 5.0, 3),
            ],
            vec![0, 3, 1],
        );
        let at: Vec<(f64, u32)> = layout.stretches.iter().map(|it| (it.begin, it.row)).collect();
        assert_eq!(at, [(0.0, 0), (10.0, 3), (55.0, 7), (75.0, 0)]);
        assert_eq!((layout.seconds(), layout.rows()), (80.0, 8));
        assert_eq!(layout.run_of(1).map(|run| run.begin), Some(75.0));
        assert_eq!(layout.run_of(9), None);
    }

    #[test]
    fn one_run_holds_all_files() {
        let mut alone = Layout { stretches: vec![run("1/1", 0.0, 3.0, 2)], ..Layout::default() };
        assert_eq!(alone.run_of(7), alone.stretches.first());
        alone.stretches.clear();
        assert_eq!((alone.run_of(7), alone.rows()), (None, 0));
    }
}

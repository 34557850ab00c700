//! Prints what each shard is doing, as a block of text.

use crate::supervisor::{ShardRecord, ShardState};
use crate::text;
use std::fmt::Write as _;

/// Most shards that are listed.
const FEW: usize = 20;

/// The block before the summary of many runs: how many shards are in which state, and each that is
/// not done. Nothing where one run did it all.
pub fn shards(shards: &[ShardRecord]) -> String {
    let mut open = shards.iter().filter(|it| it.state != ShardState::Done);
    let running = shards.iter().any(|it| it.state == ShardState::Running);
    if shards.len() < 2 && !running {
        return String::new();
    }
    let states = [
        ShardState::Running,
        ShardState::Waiting,
        ShardState::Done,
        ShardState::Failed,
        ShardState::Interrupted,
    ];
    let counts: Vec<String> = states
        .iter()
        .map(|state| (shards.iter().filter(|it| it.state == *state).count(), state))
        .filter(|(count, _)| *count > 0)
        .map(|(count, state)| format!("{count} {}", word(*state)))
        .collect();
    let mut block = format!("Shards: {}\n", counts.join(", "));
    for shard in open.by_ref().take(FEW) {
        let _ = writeln!(block, "{}", line(shard).trim_end());
    }
    let more = open.count();
    if more > 0 {
        let _ = writeln!(block, "  and {more} more, all of them in --json");
    }
    block.push('\n');
    block
}

fn line(shard: &ShardRecord) -> String {
    let mut line = format!("  {:<9} {:<12}", shard.shard, word(shard.state));
    if let (Some(jobs), Some(ended)) = (shard.jobs, shard.ended) {
        let _ = write!(line, "{ended} of {}", text::count(jobs, "file"));
        if let Some(failed @ 1..) = shard.failed {
            let _ = write!(line, ", {failed} failed");
        }
    }
    if let (ShardState::Running, Some(pid), Some(host)) = (shard.state, shard.pid, &shard.host) {
        let _ = write!(line, ", process {pid} on {}", text::tame(host));
    }
    line
}

/// A state in a word.
pub(super) fn word(state: ShardState) -> &'static str {
    match state {
        ShardState::Running => "running",
        ShardState::Waiting => "waiting",
        ShardState::Done => "done",
        ShardState::Failed => "failed",
        ShardState::Interrupted => "interrupted",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shard(index: u32, state: ShardState) -> ShardRecord {
        let ran = state != ShardState::Waiting;
        ShardRecord {
            shard: format!("{index}/5"),
            state,
            jobs: ran.then_some(12),
            ended: ran.then_some(7),
            failed: ran.then(|| u64::from(state == ShardState::Failed)),
            run_id: None,
            started: None,
            finished: None,
            host: ran.then(|| "node5".to_owned()),
            pid: ran.then_some(77),
            others: None,
            others_planned: None,
        }
    }

    #[test]
    fn every_shard_that_is_not_done_has_a_line() {
        let all = [
            shard(1, ShardState::Done),
            shard(2, ShardState::Running),
            shard(3, ShardState::Waiting),
            shard(4, ShardState::Failed),
            shard(5, ShardState::Interrupted),
        ];
        insta::assert_snapshot!(shards(&all), @r"
        Shards: 1 running, 1 waiting, 1 done, 1 failed, 1 interrupted
          2/5       running     7 of 12 files, process 77 on node5
          3/5       waiting
          4/5       failed      7 of 12 files, 1 failed
          5/5       interrupted 7 of 12 files
        ");
        assert_eq!(shards(&all[..1]), "");
        assert!(shards(&all[1..2]).starts_with("Shards: 1 running\n"));
        let many: Vec<_> = (1..=40).map(|index| shard(index, ShardState::Waiting)).collect();
        assert!(shards(&many).ends_with("  and 20 more, all of them in --json\n\n"));
    }
}

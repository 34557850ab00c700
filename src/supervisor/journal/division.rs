//! Tells the last division into shards from the journals, and what each shard is doing.

use super::all::seen;
use super::{EndLine, Ended, Past, RunLine, file_name};
use crate::archive::Shard;
use crate::supervisor::error::RunError;
use crate::supervisor::run_dir::{Held, held, lock_name};
use crate::supervisor::shards::ShardRecord;
use crate::supervisor::under_way::ShardState;
use crate::sys::dir::Dir;
use crate::sys::stat::StatData;
use std::collections::BTreeMap;
use std::ffi::OsString;

/// So often at most the journals are read, where runs end meanwhile.
const TRIES: u32 = 5;

/// What the journals in `own` tell, and what each shard is doing.
///
/// Locks are looked at behind the journals. Where nobody holds that of a shard whose run has no end
/// there, and its journal is another by now, the run ended while it was read, and all are read again.
///
/// # Errors
/// The journals cannot be read.
pub(in crate::supervisor) fn look(own: &Dir) -> Result<(Past, Vec<ShardRecord>), RunError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let before: BTreeMap<OsString, StatData> = seen(own)?.into_iter().collect();
        let past = Past::of(own)?;
        let mut shards = shards(&current(&past), &past, own);
        if shards.is_empty() && held(own, &lock_name(Shard::default())) == Held::Yes {
            // The first run has not written its first line.
            let whole = Shard::default();
            shards.push(ShardRecord::of(whole, own, None, None, Ended::default(), None));
        }
        let now: BTreeMap<OsString, StatData> = seen(own)?.into_iter().collect();
        let sure = shards.iter().all(|it| {
            let over = it.state == ShardState::Running || it.finished.is_some();
            let name = it.shard.parse().map(|shard| OsString::from(file_name(shard)));
            over || name.is_ok_and(|name| before.get(&name) == now.get(&name))
        });
        if sure || tries >= TRIES {
            return Ok((past, shards));
        }
    }
}

/// The runs of the last division into shards: the last one of each shard.
pub(in crate::supervisor) fn current(past: &Past) -> BTreeMap<Shard, &RunLine> {
    let shard = |run: &RunLine| run.head.shard.parse::<Shard>().ok();
    let last = past.runs.iter().max_by(|a, b| a.head.started.cmp(&b.head.started));
    let Some(count) = last.and_then(|run| shard(run)).map(|shard| shard.count) else {
        return BTreeMap::new();
    };
    let mut runs: BTreeMap<Shard, &RunLine> = BTreeMap::new();
    for run in &past.runs {
        if let Some(shard) = shard(run).filter(|shard| shard.count == count) {
            let newer = runs.get(&shard).is_none_or(|known| known.head.started <= run.head.started);
            if newer {
                runs.insert(shard, run);
            }
        }
    }
    runs
}

/// What each shard of the last division is doing; `runs` are the last ones.
fn shards(runs: &BTreeMap<Shard, &RunLine>, past: &Past, own: &Dir) -> Vec<ShardRecord> {
    let count = runs.keys().next().map_or(0, |shard| shard.count);
    let ends = ends(&past.ends);
    let lines = |run: &RunLine| past.ended.get(&run.head.run_id).copied().unwrap_or_default();
    (1..=count)
        .map(|index| {
            let shard = Shard { index, count };
            let last = runs.get(&shard).copied();
            let end = last.and_then(|run| ends.get(run.head.run_id.as_str()).copied());
            let others = last.and_then(|run| past.others.get(&run.head.run_id)).copied();
            ShardRecord::of(shard, own, last, end, last.map(lines).unwrap_or_default(), others)
        })
        .collect()
}

/// The ends of the runs that came to one, by their ids.
pub(super) fn ends(ends: &[EndLine]) -> BTreeMap<&str, &EndLine> {
    ends.iter().map(|end| (end.run_id.as_str(), end)).collect()
}

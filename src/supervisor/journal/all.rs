//! Reads the journals of an output directory, as they are when a run begins.

use super::super::error::RunError;
use super::replay::{Past, heads, journals};
use crate::archive::Shard;
use crate::sys::dir::{Dir, DirError};
use crate::sys::stat::StatData;
use std::cell::OnceCell;
use std::ffi::{OsStr, OsString};

/// What journals tell: that of one shard at once, those of others when they are asked for.
#[derive(Debug, Default)]
pub(crate) struct Journals {
    dir: Option<Dir>,
    own_name: OsString,
    /// What this shard's own journal tells.
    pub(crate) own: Past,
    all: OnceCell<Past>,
    /// Which journals there were, and what `stat` told of them.
    seen: Vec<(OsString, StatData)>,
}

impl Journals {
    /// Reads the journal of `shard` in `dir`, the run's own directory, if there is one.
    ///
    /// # Errors
    /// They cannot be opened.
    pub(crate) fn read(dir: Option<Dir>, shard: Shard) -> Result<Self, DirError> {
        let own_name = OsString::from(super::file_name(shard));
        let mut read = Self { dir, own_name, ..Self::default() };
        if let Some(dir) = &read.dir {
            read.seen = seen(dir)?;
            read.own.read(dir, &read.own_name)?;
        }
        Ok(read)
    }

    /// Whether there was none.
    pub(crate) fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Whether the journals in `dir` are still those that were read.
    pub(crate) fn are_those_in(&self, dir: &Dir) -> bool {
        self.dir.is_some() && seen(dir).is_ok_and(|now| now == self.seen)
    }

    /// The directories whose files the runs of all shards converted, the latest last.
    ///
    /// # Errors
    /// They cannot be opened.
    pub(crate) fn input_dirs(&self) -> Result<Vec<String>, DirError> {
        let mut runs: Vec<(String, String)> = Vec::new();
        if let Some(dir) = &self.dir {
            for (name, _) in &self.seen {
                let heads = heads(dir, name)?.into_iter();
                runs.extend(heads.map(|run| (run.head.started, run.input_dir)));
            }
        }
        runs.sort();
        Ok(runs.into_iter().map(|(_, dir)| dir).collect())
    }

    /// What the journals of all shards tell.
    ///
    /// # Errors
    /// They cannot be opened.
    pub(crate) fn all(&self) -> Result<&Past, RunError> {
        if let Some(all) = self.all.get() {
            return Ok(all);
        }
        // A copy of very much would be made for nothing.
        if self.seen.iter().all(|(name, _)| *name == self.own_name) {
            return Ok(&self.own);
        }
        let mut all = self.own.clone();
        if let Some(dir) = &self.dir {
            let others = self.seen.iter().map(|(name, _)| name);
            for name in others.filter(|name| **name != self.own_name) {
                all.read(dir, name)?;
            }
        }
        Ok(self.all.get_or_init(|| all))
    }
}

/// The journals in `dir`, and what `stat` tells of them.
pub(super) fn seen(dir: &Dir) -> Result<Vec<(OsString, StatData)>, DirError> {
    let mut seen = Vec::new();
    for name in journals(dir)? {
        if let Some(entry) = dir.entry(OsStr::new(&name))? {
            seen.push((name, entry.stat));
        }
    }
    Ok(seen)
}

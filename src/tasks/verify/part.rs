//! Picks the pairs that a run compares: those of a range of outputs, and of these one shard's part.

use crate::archive::{Found, Ranges, Shard, Weigh};
use crate::inspect::FilePair;
use std::path::Path;

/// A part of the pairs of two directories.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairsPart {
    /// The pairs, in their order.
    pub pairs: Vec<FilePair>,
    /// The shard that they are the part of.
    pub shard: Shard,
    /// How many pairs all shards have together.
    pub all: usize,
}

impl PairsPart {
    /// The part of `shard` of those `pairs` whose outputs' numbers are in `range`; with a range, files
    /// that are not named as outputs are left out.
    ///
    /// Parts are made equal by the sizes of the old files, which do not change: so each task of a job
    /// array comes to the same parts, even while new files are still being made.
    pub fn of(mut pairs: Vec<FilePair>, range: Option<&Ranges>, shard: Shard) -> Self {
        if let Some(range) = range {
            pairs.retain(|pair| pair.number.is_some_and(|number| range.contains(number)));
        }
        let all = pairs.len();
        if !shard.is_whole() {
            let found: Vec<_> = pairs.iter().map(found).collect();
            let parts = Shard::divide(&found, shard.count(), Weigh::Bytes);
            let taken = pairs.into_iter().zip(parts).filter(|(_, part)| *part == shard);
            pairs = taken.map(|(pair, _)| pair).collect();
        }
        Self { pairs, shard, all }
    }
}

/// A pair as archives are divided by.
fn found(pair: &FilePair) -> Found {
    let path = pair.old.clone().or_else(|| pair.new.clone()).unwrap_or_default();
    Found {
        // What is lost of a name does not matter: among equals the order of the pairs decides.
        name: pair.name.to_string_lossy().into_owned(),
        number: pair.number,
        head: None,
        bytes: size(&path),
        path,
        modified: None,
        obstacle: None,
    }
}

fn size(path: &Path) -> u64 {
    path.metadata().map_or(0, |it| it.len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::fs;

    #[test]
    fn shards_take_every_pair_once_and_about_the_same_bytes() {
        let dir = tempfile::tempdir().unwrap();
        let pairs: Vec<_> = (0..40)
            .map(|n: u64| {
                let path = dir.path().join(n.to_string());
                fs::write(&path, vec![0; usize::try_from(n * 100).unwrap()]).unwrap();
                let number = (n != 13).then_some(n);
                FilePair { name: n.to_string().into(), number, old: Some(path), new: None }
            })
            .collect();
        let mut seen = BTreeSet::new();
        for index in 1..=3 {
            let part = PairsPart::of(pairs.clone(), None, Shard::new(index, 3).unwrap());
            let bytes: u64 = part.pairs.iter().filter_map(|it| it.old.as_deref()).map(size).sum();
            assert!((25_000..27_500).contains(&bytes), "{bytes}");
            assert_eq!(part.all, 40);
            for pair in part.pairs {
                assert!(seen.insert(pair.name), "two shards have it");
            }
        }
        assert_eq!(seen.len(), 40);
        let range = "10-15".parse().unwrap();
        let part = PairsPart::of(pairs, Some(&range), Shard::default());
        let numbers: Vec<_> = part.pairs.iter().filter_map(|pair| pair.number).collect();
        assert_eq!(numbers, [10, 11, 12, 14, 15]);
    }
}

//! Lists the bytes outside a header that hold an object's links or attributes: blocks and nodes, of
//! which a group of millions has as many.

use super::Result;
use super::scratch::{Log, LogReader};
use super::tokens::{get, put, unzigzag, zigzag};
use std::sync::{Arc, OnceLock};

/// Bytes that are put in at once.
const YOUNG: usize = 4 << 10;

/// Bytes outside the header that hold an object's links or attributes, or lead to them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storage {
    /// Absolute offset of its first byte.
    pub start: u64,
    /// Absolute offset behind its last byte.
    pub end: u64,
    /// Absolute offset of its checksum, if it has one and messages inside: that of all its bytes,
    /// with zeros in the place of the checksum.
    pub checksum: Option<u64>,
}

/// All of them, in the order in which they were met. Objects that keep everything in their headers, as
/// nearly all do, take no memory for it.
#[derive(Debug, Clone, Default)]
pub struct StorageList(Option<Arc<Listed>>);

/// A list that is complete.
#[derive(Debug, Default)]
struct Listed {
    log: Log,
    len: u64,
    /// The one that ends last.
    furthest: Option<Storage>,
}

/// A list that grows.
#[derive(Debug, Default)]
pub(super) struct StorageBuilder {
    listed: Listed,
    young: Vec<u8>,
    /// The end of the last one.
    end: u64,
}

impl StorageBuilder {
    /// Puts one more behind the others; one without bytes is left out.
    pub(super) fn push(&mut self, storage: Storage) -> Result<()> {
        let Storage { start, end, checksum } = storage;
        let Some(len) = end.checked_sub(start).filter(|&len| len > 0) else { return Ok(()) };
        put(&mut self.young, zigzag(start.wrapping_sub(self.end)).into());
        put(&mut self.young, u128::from(len) << 1 | u128::from(checksum.is_some()));
        if let Some(at) = checksum {
            put(&mut self.young, zigzag(at.wrapping_sub(start)).into());
        }
        self.end = end;
        self.listed.len += 1;
        if self.listed.furthest.is_none_or(|furthest| furthest.end < end) {
            self.listed.furthest = Some(storage);
        }
        if self.young.len() >= YOUNG { self.settle() } else { Ok(()) }
    }

    fn settle(&mut self) -> Result<()> {
        self.listed.log.append(&self.young)?;
        self.young.clear();
        Ok(())
    }

    /// All are in.
    pub(super) fn finish(mut self) -> Result<StorageList> {
        if self.listed.len == 0 {
            return Ok(StorageList::default());
        }
        self.settle()?;
        Ok(StorageList(Some(Arc::new(self.listed))))
    }
}

impl StorageList {
    /// How many there are.
    pub fn len(&self) -> u64 {
        self.0.as_ref().map_or(0, |listed| listed.len)
    }

    /// Whether there are none: the header has all of the object.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    /// The one that ends last.
    pub(super) fn furthest(&self) -> Option<Storage> {
        self.0.as_ref().and_then(|listed| listed.furthest)
    }

    /// Bytes that it takes in memory at most, but for what all lists share.
    pub(super) fn weight(&self) -> u64 {
        self.0.as_ref().map_or(0, |listed| 128 + listed.log.len().min(64 << 10))
    }

    /// All of them, in order.
    pub fn iter(&self) -> StorageIter<'_> {
        static NONE: OnceLock<Log> = OnceLock::new();
        let (log, left) = match &self.0 {
            Some(listed) => (&listed.log, listed.len),
            None => (NONE.get_or_init(Log::default), 0),
        };
        StorageIter { log, reader: LogReader::new(0, log.len()), left, end: 0 }
    }
}

impl PartialEq for StorageList {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && self.iter().zip(other).all(|pair| matches!(pair, (Ok(a), Ok(b)) if a == b))
    }
}

impl Eq for StorageList {}

impl<'a> IntoIterator for &'a StorageList {
    type Item = Result<Storage>;
    type IntoIter = StorageIter<'a>;

    fn into_iter(self) -> StorageIter<'a> {
        self.iter()
    }
}

/// See [`StorageList::iter`].
#[derive(Debug)]
pub struct StorageIter<'a> {
    log: &'a Log,
    reader: LogReader,
    left: u64,
    end: u64,
}

impl StorageIter<'_> {
    fn step(&mut self) -> Result<Storage> {
        // The longest numbers of 64 bits and a mark.
        const LONGEST: usize = 30;
        let (bytes, mut at) = (self.reader.peek(self.log, LONGEST)?, 0);
        let number = |n: u128| u64::try_from(n).unwrap_or(0);
        let start = self.end.wrapping_add(unzigzag(number(get(bytes, &mut at))));
        let len = get(bytes, &mut at);
        let checksum =
            (len & 1 == 1).then(|| start.wrapping_add(unzigzag(number(get(bytes, &mut at)))));
        self.reader.skip(at);
        self.end = start.wrapping_add(number(len >> 1));
        Ok(Storage { start, end: self.end, checksum })
    }
}

impl Iterator for StorageIter<'_> {
    type Item = Result<Storage>;

    fn next(&mut self) -> Option<Result<Storage>> {
        self.left = self.left.checked_sub(1)?;
        let next = self.step();
        if next.is_err() {
            // Nothing is left to go on with.
            self.left = 0;
        }
        Some(next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn a_list_gives_what_was_put_in(
            all in proptest::collection::vec(
                (any::<u64>(), 0..1000_u64, proptest::option::of(any::<u64>())), 0..80,
            ),
            spilled in any::<bool>(),
        ) {
            let mut builder = StorageBuilder::default();
            let mut expected = Vec::new();
            for (start, len, checksum) in all {
                let storage = Storage { start, end: start.saturating_add(len), checksum };
                builder.push(storage).unwrap();
                if storage.end > start {
                    expected.push(storage);
                }
                if spilled && expected.len() % 7 == 3 {
                    builder.settle().unwrap();
                    builder.listed.log.spill().unwrap();
                }
            }
            let list = builder.finish().unwrap();
            prop_assert_eq!(&list, &list.clone());
            let furthest = list.furthest().map(|storage| storage.end);
            prop_assert_eq!(furthest, expected.iter().map(|storage| storage.end).max());
            prop_assert_eq!(list.iter().collect::<Result<Vec<_>>>().unwrap(), expected);
        }
    }
}

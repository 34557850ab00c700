//! What a walk has still to visit, and under which paths.
//!
//! The objects that are waited for are those that some objects on the way to the present one lead
//! to. Their addresses are kept as an [`AddressLog`], their names without what stands in front of
//! them, and the path of the present object once: memory grows with neither the number of
//! references nor the depth of groups beyond a few bytes for each. The links of a long header are
//! read again when it is their turn; what is kept of each is one bit. Very many links that are to be
//! visited in another order than they stand in are kept as a list, which may be in a file.

use super::name::as_text;
use super::paths::{Paths, RunCursor};
use super::tokens::{get, put};
use super::{AddressLog, Error, File, HardLink, LinkCursor, LinkRuns, RelAddr, Result};
use crate::h5::budget::{Budget, Cost};
use std::sync::Arc;

/// The objects to be visited, in an order: what an object leads to comes before all else, as it was
/// found.
#[derive(Debug, Default)]
pub struct ToVisit<'f> {
    /// One for each object on the way that leads to more than was visited.
    levels: Vec<Level<'f>>,
    /// What the present object leads to.
    found: Level<'f>,
    /// Whether the present object is what a link leads to.
    by_link: bool,
}

/// What one object leads to.
#[derive(Debug, Default)]
struct Level<'f> {
    /// Bytes of the object's own path.
    path: usize,
    targets: AddressLog,
    /// So many of the next targets hang off the object itself, the others off its links.
    own: u64,
    names: Names,
    /// Links that come behind all others.
    later: Option<Later<'f>>,
}

/// Links that are not held.
#[derive(Debug)]
enum Later<'f> {
    Stored(Stored<'f>),
    /// By name, and where they are gone through.
    Listed(Paths, Box<RunCursor>),
}

/// Links of a long header.
#[derive(Debug)]
struct Stored<'f> {
    file: &'f File,
    cursor: LinkCursor,
    wanted: Wanted,
    at: u64,
}

/// Which links of a long header are to be visited: a bit for each.
#[derive(Debug, Default)]
pub struct Wanted {
    bits: Vec<u64>,
    len: u64,
    /// How many there are.
    count: u64,
}

impl Wanted {
    /// Asks of each link in order whether it is to be visited.
    ///
    /// # Errors
    /// If the links cannot be read again, and those of `ask`.
    pub fn of(
        file: &File,
        runs: &Arc<LinkRuns>,
        mut ask: impl FnMut(HardLink<'_>) -> Result<bool>,
    ) -> Result<Self> {
        let (mut cursor, mut wanted) = (LinkCursor::new(runs), Self::default());
        while let Some(link) = cursor.next_hard(file)? {
            wanted.push(ask(link)?);
        }
        Ok(wanted)
    }

    fn push(&mut self, wanted: bool) {
        if self.len.is_multiple_of(64) {
            self.bits.push(0);
        }
        if let Some(last) = self.bits.last_mut() {
            *last |= u64::from(wanted) << (self.len % 64);
        }
        self.len += 1;
        self.count += u64::from(wanted);
    }

    fn get(&self, at: u64) -> bool {
        let word = usize::try_from(at / 64).ok().and_then(|i| self.bits.get(i));
        word.is_some_and(|word| word >> (at % 64) & 1 == 1)
    }
}

/// Names in order, with their lengths.
#[derive(Debug, Default)]
struct Names {
    bytes: Vec<u8>,
    at: usize,
}

impl<'f> ToVisit<'f> {
    /// The present object leads to `target`, which has the same path.
    pub fn own(&mut self, target: RelAddr) {
        // What is behind a link has its own path; no object has both in another order.
        if self.found.names.bytes.is_empty() {
            self.found.own += 1;
        } else {
            self.found.names.push(None);
        }
        self.found.targets.push(target.0);
    }

    /// The present group has a link of this name to `target`, which stands at `at`. Its name is kept
    /// until it is visited.
    ///
    /// # Errors
    /// If `budget` allows no more names.
    pub fn link(
        &mut self,
        name: &str,
        target: RelAddr,
        at: u64,
        budget: &mut Budget,
    ) -> Result<()> {
        budget.take(Cost::Paths, name.len() as u64, at)?;
        self.found.names.push(Some(name));
        self.found.targets.push(target.0);
        Ok(())
    }

    /// The present group has these links, of which those that are `wanted` are to be visited. They come
    /// behind all that the group leads to otherwise.
    pub fn stored(&mut self, file: &'f File, runs: &Arc<LinkRuns>, wanted: Wanted) {
        if wanted.count > 0 {
            let cursor = LinkCursor::new(runs);
            self.found.later = Some(Later::Stored(Stored { file, cursor, wanted, at: 0 }));
        }
    }

    /// The present group, which stands at `at`, has these links, to be visited by name. They come behind
    /// all that it leads to otherwise.
    ///
    /// # Errors
    /// If `budget` allows no more names, or a list that is too long for the memory cannot be kept.
    pub fn by_name(&mut self, links: Paths, at: u64, budget: &mut Budget) -> Result<()> {
        if links.kept() > 0 {
            let links = links.merged()?;
            let cursor = Box::new(links.cursor());
            self.found.later = Some(Later::Listed(links, cursor));
            return Ok(());
        }
        for listed in &links.sorted()? {
            let listed = listed?;
            self.link(&listed.path, listed.addr, at, budget)?;
        }
        Ok(())
    }

    /// Whether it was a link that led to the present object.
    pub fn is_by_link(&self) -> bool {
        self.by_link
    }

    /// Goes on to the next object; `path` is that of the present one and becomes that of the next.
    /// `join` puts a link's name behind the path of its group.
    ///
    /// # Errors
    /// If the links of a long header cannot be read again.
    pub fn next(
        &mut self,
        path: &mut String,
        budget: &mut Budget,
        join: impl FnOnce(&mut String, &str),
    ) -> Result<Option<RelAddr>> {
        if !self.found.targets.is_empty() || self.found.later.is_some() {
            let mut level = std::mem::take(&mut self.found);
            level.path = path.len();
            self.levels.push(level);
        }
        // Those of a list are known to be all visited only when there is no next one.
        let (level, target) = loop {
            let Some(level) = self.levels.last_mut() else { return Ok(None) };
            if let Some(target) = level.targets.pop() {
                break (level, target);
            }
            path.truncate(level.path);
            match &mut level.later {
                Some(Later::Stored(_)) => return self.next_stored(path, join),
                Some(Later::Listed(links, cursor)) => {
                    if let Some(listed) = links.next_of(cursor)? {
                        self.by_link = true;
                        join(path, &listed.path);
                        return Ok(Some(listed.addr));
                    }
                    self.levels.pop();
                }
                None => return Ok(None),
            }
        };
        path.truncate(level.path);
        self.by_link = false;
        if let Some(own) = level.own.checked_sub(1) {
            level.own = own;
        } else if let Some(name) = level.names.pop() {
            self.by_link = true;
            budget.give_back(Cost::Paths, name.len() as u64);
            join(path, name);
        }
        // A chain of any length takes no memory.
        if level.targets.is_empty() && level.later.is_none() {
            self.levels.pop();
        }
        Ok(Some(RelAddr(target)))
    }

    /// The next of the last level's links in a long header.
    fn next_stored(
        &mut self,
        path: &mut String,
        join: impl FnOnce(&mut String, &str),
    ) -> Result<Option<RelAddr>> {
        let Some(level) = self.levels.last_mut() else { return Ok(None) };
        let Some(Later::Stored(Stored { file, cursor, wanted, at })) = &mut level.later else {
            return Ok(None);
        };
        while let Some(link) = cursor.next_hard(file)? {
            *at += 1;
            if !wanted.get(*at - 1) {
                continue;
            }
            let target = link.target;
            self.by_link = true;
            join(path, &as_text(link.name));
            wanted.count -= 1;
            if wanted.count == 0 {
                self.levels.pop();
            }
            return Ok(Some(target));
        }
        let (expected, found) = ("as many links as before", "fewer");
        Err(Error::corrupt(cursor.offset(), "links of a group", expected, found))
    }
}

/// Puts a link's name behind a path, with a slash between them, if there is none.
pub fn join(path: &mut String, name: &str) {
    if !path.ends_with('/') {
        path.push('/');
    }
    path.push_str(name);
}

impl Names {
    /// None stands for no name at all.
    fn push(&mut self, name: Option<&str>) {
        put(&mut self.bytes, name.map_or(0, |name| name.len() as u128 + 1));
        self.bytes.extend_from_slice(name.unwrap_or_default().as_bytes());
    }

    fn pop(&mut self) -> Option<&str> {
        let len = usize::try_from(get(&self.bytes, &mut self.at)).ok()?;
        let start = self.at;
        self.at = start.saturating_add(len.checked_sub(1)?);
        std::str::from_utf8(self.bytes.get(start..self.at)?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5::paths::Listed;
    use proptest::prelude::*;

    /// What one object leads to: names, or none for what it leads to itself.
    type Leads = Vec<(Option<String>, u64)>;

    fn leads() -> impl Strategy<Value = Leads> {
        let own = any::<u64>().prop_map(|addr| (None, addr));
        let link = ("[a-c/é]{0,3}", any::<u64>()).prop_map(|(name, addr)| (Some(name), addr));
        let links = proptest::collection::vec(prop_oneof![9 => link, 1 => own.clone()], 0..5);
        (proptest::collection::vec(own, 0..5), links)
            .prop_map(|(own, links)| own.into_iter().chain(links).collect())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(256))]
        /// As a stack of addresses with their whole paths.
        #[test]
        fn paths_and_order_are_those_of_a_stack(objects in proptest::collection::vec(leads(), 1..40)) {
            let (mut ours, mut budget) = (ToVisit::default(), Budget::new(0, 1 << 20));
            let mut path = "/".to_owned();
            let mut theirs: Vec<(RelAddr, String)> = Vec::new();
            let mut objects = objects.into_iter();
            loop {
                let mut found = Vec::new();
                for (name, addr) in objects.next().unwrap_or_default() {
                    let mut of = path.clone();
                    match &name {
                        None => ours.own(RelAddr(addr)),
                        Some(name) => {
                            ours.link(name, RelAddr(addr), 0, &mut budget).unwrap();
                            join(&mut of, name);
                        }
                    }
                    found.push((RelAddr(addr), of));
                }
                theirs.extend(found.into_iter().rev());
                let (next, expected) = (ours.next(&mut path, &mut budget, join).unwrap(), theirs.pop());
                prop_assert_eq!(next, expected.as_ref().map(|(addr, _)| *addr));
                let Some((_, expected)) = expected else { break };
                prop_assert_eq!(&path, &expected);
            }
            prop_assert_eq!(budget.used(Cost::Paths), 0);
        }
    }

    #[test]
    fn very_many_links_are_visited_by_name_in_front_of_what_waits() {
        const MANY: u64 = 100_000;
        let (mut all, mut path) = (ToVisit::default(), "/".to_owned());
        let mut budget = Budget::new(0, 1 << 10);
        all.link("a", RelAddr(u64::MAX - 1), 0, &mut budget).unwrap();
        all.link("z", RelAddr(u64::MAX), 0, &mut budget).unwrap();
        let mut next = |all: &mut ToVisit<'_>| {
            let found = all.next(&mut path, &mut budget, join).unwrap()?;
            Some((found.0, path.clone()))
        };
        assert_eq!(next(&mut all), Some((u64::MAX - 1, "/a".to_owned())));
        let mut links = Paths::default();
        for number in 0..MANY {
            let path = format!("{:016x}", number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            links.put_in(Listed { path, addr: RelAddr(number), more: Vec::new() }).unwrap();
        }
        let mut expected: Vec<Listed> = links.iter().map(Result::unwrap).collect();
        expected.sort();
        all.by_name(links, 0, &mut Budget::new(0, 0)).unwrap();
        for (number, listed) in expected.into_iter().enumerate() {
            assert_eq!(next(&mut all), Some((listed.addr.0, format!("/a/{}", listed.path))));
            // What is below one comes before the next.
            if number == 7 {
                all.own(RelAddr(MANY));
                assert_eq!(next(&mut all), Some((MANY, format!("/a/{}", listed.path))));
            }
        }
        assert_eq!(next(&mut all), Some((u64::MAX, "/z".to_owned())));
        assert_eq!((next(&mut all), path.as_str()), (None, "/z"));
    }

    #[test]
    fn a_chain_of_any_length_takes_no_memory() {
        let (mut all, mut path) = (ToVisit::default(), "/".to_owned());
        let mut budget = Budget::new(0, 0);
        for i in 0..10_000 {
            all.own(RelAddr(i * i));
            assert_eq!(all.next(&mut path, &mut budget, join).unwrap(), Some(RelAddr(i * i)));
            assert!(all.levels.is_empty());
        }
        assert_eq!((all.next(&mut path, &mut budget, join).unwrap(), path.as_str()), (None, "/"));
    }
}

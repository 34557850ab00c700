//! Tells which bytes of a file are in use, and by what: one trace.

use super::model::{NodeKind, TreeNode};
use super::tree::below;
use crate::h5::{Error, HEAP_HEAD, Object, ObjectKind, Region, RegionKind, Result, Visitor};
use crate::migrate::Examiner;
use std::collections::{BTreeMap, HashMap};

/// Ranges that are kept apart; more are merged where they touch.
const MANY: usize = 1 << 16;

/// Bytes in use, in all and by the linked object that leads to them, if it is asked for.
pub(super) struct Usage<'a> {
    /// Looks into each object on the same walk.
    pub(super) examiner: Examiner<'a>,
    /// Where the container ends.
    end: u64,
    ranges: Vec<(u64, u64)>,
    /// Ranges after the last merge.
    merged: usize,
    /// Those that are asked for by path, and the bytes of each: all paths of a file may be longer than
    /// the file.
    asked: HashMap<String, usize>,
    bytes: Vec<u64>,
    /// Bytes of the longest path that is asked for.
    longest: usize,
    /// Whose regions are being told: its path, and which of those asked for it is.
    current: String,
    current_is: Option<usize>,
    pub(super) bytes_data: u64,
    pub(super) groups: u64,
    pub(super) datasets: u64,
    pub(super) types: u64,
    /// Objects that JLD2 does not read, by path, and why.
    pub(super) foreign: BTreeMap<String, Error>,
}

impl<'a> Usage<'a> {
    /// For a container that ends at `end`.
    pub(super) fn new(examiner: Examiner<'a>, end: u64) -> Self {
        Self {
            examiner,
            end,
            ranges: Vec::new(),
            merged: 0,
            asked: HashMap::new(),
            bytes: Vec::new(),
            longest: 0,
            current: String::new(),
            current_is: None,
            bytes_data: 0,
            groups: 0,
            datasets: 0,
            types: 0,
            foreign: BTreeMap::new(),
        }
    }

    /// Counts what the nodes of a tree take.
    pub(super) fn ask_for(&mut self, tree: &TreeNode) {
        self.ask("/", tree);
    }

    fn ask(&mut self, path: &str, node: &TreeNode) {
        self.longest = self.longest.max(path.len());
        let next = self.bytes.len();
        if *self.asked.entry(path.to_owned()).or_insert(next) == next {
            self.bytes.push(0);
        }
        node.children.iter().for_each(|child| self.ask(&below(path, &child.name), child));
    }

    /// Bytes of what was met through the linked object at `path` first, which was asked for.
    pub(super) fn of(&self, path: &str) -> u64 {
        self.asked.get(path).and_then(|i| self.bytes.get(*i)).copied().unwrap_or(0)
    }

    /// Fills in what the nodes of a tree take, with what is below them, and what is amiss inside them.
    pub(super) fn fill(&self, tree: &mut TreeNode) {
        self.fill_in("/", tree);
    }

    fn fill_in(&self, path: &str, node: &mut TreeNode) {
        if matches!(node.kind, NodeKind::Foreign | NodeKind::SoftLink | NodeKind::ExternalLink) {
            return;
        }
        node.bytes = self.of(path);
        if let Some(error) = self.foreign.get(path) {
            node.problem = Some(error.to_string());
        }
        for child in &mut node.children {
            self.fill_in(&below(path, &child.name), child);
            node.bytes = node.bytes.saturating_add(child.bytes);
        }
    }

    /// Bytes below `end` that are not in use.
    pub(super) fn unreachable(&mut self, end: u64) -> u64 {
        self.merge();
        let used: u64 =
            self.ranges.iter().map(|(from, to)| (*to).min(end).saturating_sub(*from)).sum();
        end.saturating_sub(used)
    }

    fn merge(&mut self) {
        self.ranges.sort_unstable();
        let mut merged: Vec<(u64, u64)> = Vec::new();
        for &(from, to) in &self.ranges {
            match merged.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => merged.push((from, to)),
            }
        }
        self.merged = merged.len();
        self.ranges = merged;
    }
}

impl Visitor for Usage<'_> {
    fn object(&mut self, object: &Object, path: &str) -> Result<()> {
        if path.len() > self.longest {
            self.current_is = None;
            self.current.clear();
        } else if self.current != path {
            path.clone_into(&mut self.current);
            self.current_is = self.asked.get(path).copied();
        }
        match object.kind {
            ObjectKind::Group(_) => self.groups += 1,
            ObjectKind::Dataset(_) => self.datasets += 1,
            ObjectKind::Datatype(_) => self.types += 1,
        }
        self.examiner.object(object, path)
    }

    fn foreign(&mut self, path: &str, error: Error) -> Result<()> {
        self.foreign.entry(path.to_owned()).or_insert(error);
        Ok(())
    }

    fn region(&mut self, mut region: Region) -> Result<()> {
        if region.kind == RegionKind::Heap {
            // JLD2 reserves so many bytes behind it.
            region.end = region.end.saturating_add(HEAP_HEAD).min(self.end);
        }
        self.ranges.push((region.start, region.end));
        if self.ranges.len() > MANY.max(self.merged * 2) {
            self.merge();
        }
        if region.kind != RegionKind::Superblock {
            let bytes = region.end.saturating_sub(region.start);
            if matches!(region.kind, RegionKind::Payload | RegionKind::References) {
                self.bytes_data += bytes;
            }
            if let Some(known) = self.current_is.and_then(|i| self.bytes.get_mut(i)) {
                *known += bytes;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5::{File, Trace};
    use crate::inspect::tree::Trees;
    use crate::julia::TypeTable;
    use crate::migrate::target::Target;
    use std::path::Path;

    #[test]
    fn the_bytes_of_a_file_are_in_use_and_those_of_a_hole_are_not() {
        let path =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera/e4b-lz4/output_00100.jld2");
        let file = File::open(&path).unwrap();
        let types = TypeTable::new(&file);
        let target = Target::builtin(Target::default_name()).unwrap();
        let end = file.superblock().end_of_file;
        let mut usage = Usage::new(Examiner::new(&types, &target, Vec::new()), end);
        usage.ask_for(&Trees::new(&types, false).root().unwrap());
        Trace::run(&file, &mut usage).unwrap();
        let unused = usage.unreachable(end);
        assert!(unused < end / 20, "{unused} of {end}");
        assert_eq!(usage.unreachable(end + 1000), unused + 1000);
        assert!(usage.of("/hydro/data") > 100_000);
        assert_eq!(usage.of("/nowhere"), 0);
    }
}

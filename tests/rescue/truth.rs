//! What a whole file holds, and on which bytes each dataset of it depends.

use jldconv::h5::{
    Edge, EdgeKind, File, ObjectKind, Region, RegionKind, RelAddr, Result, Sequence, Source, Trace,
    Visitor,
};
use jldconv::julia::{Digest, Dumper, TypeTable, datasets, on_deep_stack};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// A range of bytes.
pub(crate) type Range = (u64, u64);

/// A whole file.
pub(crate) struct Truth {
    pub(crate) bytes: Vec<u8>,
    file: File,
    /// Linked datasets.
    linked: Vec<Linked>,
}

struct Linked {
    path: String,
    offset: u64,
    /// The bytes that its value depends on.
    value: Vec<Range>,
    /// Those that its name depends on: the headers of the groups down to it.
    name: Vec<Range>,
}

/// What one object is made of.
struct Parts<'a> {
    file: &'a File,
    ranges: Vec<Range>,
    needs: Vec<RelAddr>,
}

impl Visitor for Parts<'_> {
    fn edge(&mut self, edge: Edge) -> Result<()> {
        if !matches!(edge.kind, EdgeKind::Heap | EdgeKind::Link) {
            self.needs.push(edge.target);
        }
        Ok(())
    }

    fn follow(&mut self, _: &Edge) -> bool {
        false
    }

    fn region(&mut self, region: Region) -> Result<()> {
        if !matches!(region.kind, RegionKind::Superblock | RegionKind::Heap) {
            self.ranges.push((region.start, region.end));
        }
        Ok(())
    }

    fn sequence(&mut self, sequence: Sequence<'_>) -> Result<()> {
        let heap = self.file.heap(sequence.heap)?;
        self.ranges.push((heap.offset, heap.offset + 16));
        // Objects are found by going through the heads of those before.
        for object in heap.objects.iter().filter(|o| u32::from(o.index) <= sequence.index) {
            self.ranges.push((object.offset - 16, object.offset));
        }
        self.ranges.push((sequence.offset, sequence.offset + sequence.len));
        Ok(())
    }
}

impl Truth {
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let file = File::from_source(Source::from_bytes(bytes.to_vec())).unwrap();
        let mut out = Self { bytes: bytes.to_vec(), file, linked: Vec::new() };
        let mut pending = vec![(String::new(), out.file.superblock().root, Vec::new())];
        while let Some((path, addr, mut name)) = pending.pop() {
            let object = out.file.object(addr).unwrap();
            match &object.kind {
                ObjectKind::Group(group) => {
                    name.extend(object.header.chunks.iter().map(|c| (c.offset, c.end())));
                    name.extend(
                        object.header.storage.iter().map(Result::unwrap).map(|s| (s.start, s.end)),
                    );
                    let links = group.held.iter().filter(|l| l.name != "_types");
                    pending.extend(
                        links.map(|l| (format!("{path}/{}", l.name), l.target, name.clone())),
                    );
                }
                ObjectKind::Dataset(_) => {
                    let offset = out.file.offset(addr, "dataset").unwrap();
                    let value = out.closure(addr);
                    out.linked.push(Linked { path, offset, value, name });
                }
                ObjectKind::Datatype(_) => {}
            }
        }
        out
    }

    /// Where the header of the root group stands.
    pub(crate) fn root_offset(&self) -> u64 {
        self.file.offset(self.file.superblock().root, "root").unwrap()
    }

    pub(crate) fn slice(&self, range: Range) -> &[u8] {
        &self.bytes[usize::try_from(range.0).unwrap()..usize::try_from(range.1).unwrap()]
    }

    /// All bytes that a value depends on.
    fn closure(&self, addr: RelAddr) -> Vec<Range> {
        let mut seen = BTreeSet::from([addr]);
        let mut pending = vec![addr];
        let mut out = Vec::new();
        while let Some(addr) = pending.pop() {
            let mut parts = Parts { file: &self.file, ranges: Vec::new(), needs: Vec::new() };
            Trace::one(&self.file, addr, self.file.allowance(), &mut parts).unwrap();
            out.extend(parts.ranges);
            pending.extend(parts.needs.into_iter().filter(|&to| seen.insert(to)));
        }
        out
    }

    /// Holds what a rescue made and told against what was there. `intact` says of ranges whether
    /// they are as they were.
    pub(crate) fn hold(
        &self,
        what: &str,
        code: i32,
        report: &Value,
        output: &Path,
        intact: &dyn Fn(Range) -> bool,
    ) {
        let rescued: BTreeMap<&str, &Value> = list(report, "rescued")
            .iter()
            .map(|entry| (entry["path"].as_str().unwrap(), entry))
            .collect();
        let outcome = report["outcome"].as_str().unwrap();
        let expected = match outcome {
            "nothing-to-rescue" | "rescued" => 0,
            "rescued-in-part" => 6,
            "nothing-left" => 1,
            other => panic!("{other}"),
        };
        assert_eq!(code, expected, "{what}");
        assert_eq!(output.exists(), matches!(outcome, "rescued" | "rescued-in-part"), "{what}");
        if output.exists() {
            self.values(what, &rescued, output);
        }
        let offsets: BTreeSet<u64> =
            rescued.values().map(|entry| entry["offset"].as_u64().unwrap()).collect();
        let lost = list(report, "lost");
        let lost_at: BTreeSet<u64> = lost.iter().map(|l| l["offset"].as_u64().unwrap()).collect();
        for Linked { path, offset, value, name } in &self.linked {
            let whole = value.iter().all(|&range| intact(range));
            let named = name.iter().all(|&range| intact(range)) && self.has_root(intact);
            if whole && named {
                let found = rescued.get(path.as_str());
                assert!(
                    found.is_some_and(|e| e["offset"] == *offset),
                    "{what}: {path} is missed: {report:#}"
                );
            } else if whole && !self.is_unsigned(*offset) && outcome != "nothing-to-rescue" {
                assert!(
                    offsets.contains(offset),
                    "{what}: {path} at {offset} is missed: {report:#}"
                );
            } else if named && !offsets.contains(offset) {
                let told =
                    lost.iter().any(|l| l["path"] == path.as_str() && l["offset"] == *offset);
                assert!(told, "{what}: {path} is lost and not told: {report:#}");
            } else if !offsets.contains(offset)
                && !self.is_unsigned(*offset)
                && self.starts_intact(*offset, intact)
            {
                assert!(
                    lost_at.contains(offset),
                    "{what}: {path} is lost and not told: {report:#}"
                );
            }
        }
        // What is said to be whole must be.
        if outcome == "nothing-to-rescue" {
            let doubtful = |entry: &&Value| !list(entry, "doubtful").is_empty();
            let sure = !rescued.values().any(doubtful);
            let all = self.linked.iter().flat_map(|l| l.value.iter().chain(&l.name));
            assert!(!sure || all.into_iter().all(|&range| intact(range)), "{what}: not whole");
        }
    }

    /// Whether something is left that tells which group is the root: the superblock, or `_types`.
    fn has_root(&self, intact: &dyn Fn(Range) -> bool) -> bool {
        let root = self.file.object(self.file.superblock().root).unwrap();
        let ObjectKind::Group(group) = &root.kind else { panic!("no root") };
        let superblock = self.file.superblock();
        intact((superblock.offset, superblock.offset + superblock.size()))
            || group.held.iter().any(|link| link.name == "_types")
    }

    /// Whether nothing but names and references tells where an object stands.
    fn is_unsigned(&self, offset: u64) -> bool {
        self.file.object(self.file.addr(offset)).unwrap().header.version == 1
    }

    /// Whether the whole header at an offset is as it was.
    fn starts_intact(&self, offset: u64, intact: &dyn Fn(Range) -> bool) -> bool {
        let object = self.file.object(self.file.addr(offset)).unwrap();
        object.header.chunks.iter().all(|chunk| intact((chunk.offset, chunk.end())))
    }

    /// Each rescued dataset has the value that it had, and the name if it is not a new one.
    fn values(&self, what: &str, rescued: &BTreeMap<&str, &Value>, output: &Path) {
        let new = File::open(output).unwrap();
        let found = datasets(&new).unwrap();
        let paths: Vec<&str> = found.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(paths, rescued.keys().copied().collect::<Vec<_>>(), "{what}");
        for (path, addr) in &found {
            let entry = rescued[path.as_str()];
            let offset = entry["offset"].as_u64().unwrap();
            let old = self.file.addr(offset);
            if entry["renamed"] == false {
                let known = self.linked.iter().any(|l| l.path == *path && l.offset == offset);
                assert!(known, "{what}: {path} never was at {offset}");
            }
            let was = canonical(&self.file, old);
            let is = canonical(&new, *addr);
            if was == is {
                continue;
            }
            let undefined = !list(entry, "undefined").is_empty();
            let doubtful = !list(entry, "doubtful").is_empty();
            assert!(undefined || doubtful, "{what}: {path} has another value: {was:#} {is:#}");
            if !doubtful {
                assert!(only_undefined(&was, &is), "{what}: {path}: {was:#} {is:#}");
            }
        }
    }
}

fn list<'v>(value: &'v Value, key: &str) -> &'v [Value] {
    value[key].as_array().map_or(&[], Vec::as_slice)
}

fn canonical(file: &File, addr: RelAddr) -> Value {
    let json = on_deep_stack(|| {
        let mut out = Vec::new();
        let types = TypeTable::new(file);
        Dumper::new(&types, Digest::Xxh3).node(addr, &mut out).map(|()| out)
    });
    match json.unwrap() {
        Ok(json) => serde_json::from_slice(&json).unwrap(),
        Err(error) => Value::from(format!("unreadable: {}", error.to_string().len())),
    }
}

/// Whether a value is another one with some elements undefined. Numbers of objects that are met again
/// do not count, since elements that are gone are not counted.
fn only_undefined(was: &Value, is: &Value) -> bool {
    match (was, is) {
        (_, Value::Null) => true,
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| only_undefined(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            if a.contains_key("ref") || b.contains_key("ref") {
                return true;
            }
            a.keys().filter(|k| *k != "id").eq(b.keys().filter(|k| *k != "id"))
                && a.iter().filter(|(k, _)| *k != "id").all(|(k, v)| only_undefined(v, &b[k]))
        }
        _ => was == is,
    }
}

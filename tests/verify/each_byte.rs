//! One byte of a file after the other is damaged, and `verify` must tell: whatever is not said to be
//! free in [`is_free`] is information.
//!
//! A byte of a header gets the checksum that goes with it, so that it is its meaning that decides.

use crate::{data, jldconv, poke, verify};
use jldconv::h5::{
    Chunk, File, Message, Object, ObjectKind, Region, RegionKind, RelAddr, Result, Sequence, Trace,
    Visitor, kind,
};
use jldconv::inspect::{Verdict, compare};
use jldconv::julia::{TypeTable, on_deep_stack};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

/// What a byte of a header is part of.
#[derive(Default)]
struct Map {
    headers: Vec<(Chunk, Vec<Message>, u8)>,
    regions: Vec<Region>,
    /// Objects of heaps: where the data of each start and end.
    sequences: Vec<(u64, u64)>,
    heaps: BTreeSet<u64>,
    superblock: u64,
    /// What types are called, by the offsets of their headers.
    names: BTreeMap<u64, String>,
}

impl Visitor for Map {
    fn object(&mut self, object: &Object, _: &str) -> Result<()> {
        let header = &object.header;
        for (i, chunk) in header.chunks.iter().enumerate() {
            let own = header.messages.iter().filter(|m| m.chunk == i).cloned().collect();
            self.headers.push((chunk.clone(), own, header.version));
        }
        Ok(())
    }

    fn sequence(&mut self, s: Sequence<'_>) -> Result<()> {
        self.sequences.push((s.offset, s.offset + s.len));
        self.heaps.insert(s.heap.0);
        Ok(())
    }

    fn region(&mut self, region: Region) -> Result<()> {
        self.regions.push(region);
        Ok(())
    }
}

impl Map {
    fn of(path: &Path) -> Self {
        let file = File::open(path).unwrap();
        let mut map = Self { superblock: file.superblock().offset, ..Self::default() };
        Trace::run(&file, &mut map).unwrap();
        map.heaps = map.heaps.iter().map(|a| file.offset(RelAddr(*a), "heap").unwrap()).collect();
        let types = TypeTable::new(&file);
        for (chunk, _, _) in &map.headers {
            let addr = RelAddr(chunk.offset - file.superblock().offset);
            if let Ok(c) = types.committed(addr) {
                map.names.insert(chunk.offset, c.julia_type.to_string());
            }
        }
        map
    }

    fn word(&self, at: u64) -> String {
        let inside = |(c, _, _): &&(Chunk, Vec<Message>, u8)| (c.offset..c.end()).contains(&at);
        if let Some((chunk, messages, version)) = self.headers.iter().find(inside) {
            if at >= chunk.checksum {
                return "header: checksum".to_owned();
            }
            if at < chunk.messages {
                return format!("header v{version}: prefix byte {}", at - chunk.offset);
            }
            let of = |m: &&Message| (m.offset..m.body + u64::from(m.len)).contains(&at);
            return match messages.iter().find(of) {
                Some(m) if at < m.body => {
                    format!("message {}: head byte {}", m.kind, at - m.offset)
                }
                Some(m) => {
                    let of = if self.names.contains_key(&chunk.offset) { " of a type" } else { "" };
                    format!("message {}{of}: body byte {}", m.kind, (at - m.body).min(24))
                }
                None => "header: gap".to_owned(),
            };
        }
        let region = self.regions.iter().find(|r| (r.start..r.end).contains(&at));
        region.map_or("nobody's".to_owned(), |r| match r.kind {
            RegionKind::Superblock if at < self.superblock => "user block".to_owned(),
            RegionKind::Superblock => format!("superblock {}", at - self.superblock),
            RegionKind::Heap => {
                let inside = |(start, end): &&(u64, u64)| (*start..*end).contains(&at);
                let head = |(start, _): &&(u64, u64)| (start - 16..*start).contains(&at);
                let heap = |start: &&u64| (**start..*start + 16).contains(&at);
                if self.sequences.iter().any(|s| inside(&s)) {
                    "heap: data".to_owned()
                } else if let Some((start, _)) = self.sequences.iter().find(head) {
                    format!("heap: object's head {}", at + 16 - start)
                } else if let Some(start) = self.heaps.iter().find(heap) {
                    format!("heap: head {}", at - start)
                } else {
                    "heap: unused".to_owned()
                }
            }
            kind => format!("{kind:?}"),
        })
    }
}

/// What verify says of `file` and of the same with another byte.
fn told(a: &Path, b: &Path) -> String {
    let work = || on_deep_stack(|| compare(a, b));
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(Ok(c))) if c.verdict == Verdict::Equal => "equal".to_owned(),
        Ok(Ok(Ok(_) | Err(_))) => "told".to_owned(),
        Ok(Err(e)) => format!("no thread: {e}"),
        Err(_) => "panic".to_owned(),
    }
}

/// The files below a directory.
fn below(dir: &Path, out: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(dir) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() { below(&path, out) } else { out.push(path) }
    }
}

#[test]
#[ignore = "minutes"]
fn each_byte_counts() {
    let most: u64 = std::env::var("JLDCONV_MOST").map_or(8192, |v| v.parse().unwrap());
    let step: usize = std::env::var("JLDCONV_STEP").map_or(1, |v| v.parse().unwrap());
    let only = std::env::var("JLDCONV_ONLY").unwrap_or_default();
    let mut files = Vec::new();
    below(&data(""), &mut files);
    let kept = |p: &PathBuf| {
        p.extension().is_some_and(|e| e == "jld2")
            && p.display().to_string().contains(&only)
            && fs::metadata(p).unwrap().len() <= most
    };
    files.retain(kept);
    files.sort();
    let temp = tempfile::tempdir_in("/dev/shm").unwrap();
    let mut equal: BTreeMap<String, (u64, Vec<String>)> = BTreeMap::new();
    let mut tried = 0_u64;
    for path in files {
        if told(&path, &path) != "equal" {
            println!("not equal to itself: {}", path.display());
            continue;
        }
        let map = Map::of(&path);
        let bytes = fs::read(&path).unwrap();
        let b = temp.path().join("b.jld2");
        for at in (0..bytes.len()).step_by(step) {
            let mut values = vec![bytes[at] ^ 1, bytes[at] ^ 0x80, 0, bytes[at] ^ 0xff];
            values.dedup();
            for value in values.into_iter().filter(|v| *v != bytes[at]) {
                let mut changed = bytes.clone();
                changed[at] = value;
                poke::mend(&mut changed, at as u64, &map.chunks());
                fs::write(&b, changed).unwrap();
                tried += 1;
                let said = told(&path, &b);
                if said != "told" {
                    let (n, some) =
                        equal.entry(format!("{said}: {}", map.word(at as u64))).or_default();
                    *n += 1;
                    if some.len() < 4 {
                        let name = path.file_name().unwrap().to_string_lossy();
                        some.push(format!("{name}@{at}: {} -> {value}", bytes[at]));
                    }
                }
            }
        }
        println!("{} done, {tried} tried", path.display());
    }
    for (word, (n, some)) in equal {
        println!("{n:6} {word}: {}", some.join(", "));
    }
}

impl Map {
    fn chunks(&self) -> Vec<(u64, u64)> {
        let with = self.headers.iter().filter(|(c, _, _)| c.has_checksum);
        with.map(|(c, _, _)| (c.offset, c.checksum)).collect()
    }
}

/// The offsets of all that reads `text`.
fn all(bytes: &[u8], text: &[u8]) -> Vec<u64> {
    let windows = bytes.windows(text.len()).enumerate();
    windows.filter(|(_, window)| *window == text).map(|(at, _)| at as u64).collect()
}

/// Verify with the real program says that the copy of `path` with `bytes` at `offset` is another file.
fn is_told(path: &Path, offset: u64, bytes: &[u8], what: &str) -> String {
    let temp = tempfile::tempdir().unwrap();
    let new = temp.path().join("new.jld2");
    fs::copy(path, &new).unwrap();
    poke::poke(&new, offset, bytes);
    for options in [&["--strict"][..], &[]] {
        let ended = verify(path, &new, options);
        assert_eq!(ended.code, 1, "{what} {options:?}: {}{}", ended.out, ended.err);
    }
    jldconv(&["dump", new.to_str().unwrap(), "--json"]).out
}

/// The type of a dictionary's pairs is told by two names: that of the array which it is written as, and
/// that of the elements of the array which is stored. A third one is of a type that has no value.
#[test]
fn the_type_of_pairs() {
    let path = data("small/0.4.17-none-dict-empty.jld2");
    let places = all(&fs::read(&path).unwrap(), b"Base.Pair");
    assert_eq!(places.len(), 3);
    let sound = jldconv(&["dump", path.to_str().unwrap(), "--json"]).out;
    assert!(sound.contains("pairs") && !sound.contains("pair_type"), "{sound}");
    is_told(&path, places[0] + 5, b"Q", "what a dictionary is written as");
    let dump = is_told(&path, places[1] + 5, b"Q", "elements");
    let told = "\"pair_type\":\"Base.Qair{Core.String,Core.Int64}\"";
    assert!(dump.contains(told), "{dump}");
}

/// What types are described with, how they are found, and what other readers go by.
#[test]
fn what_no_value_shows() {
    let path = data("small/0.4.17-none-dict-empty.jld2");
    let bytes = fs::read(&path).unwrap();
    is_told(&path, all(&bytes, b"julia_type\0")[0], b"k", "the type that describes types");
    let info = all(&bytes, b"\x02\x12\0\0\0\0\xff");
    is_told(&path, *info.last().unwrap(), &[0], "where the links of a group are");

    let path = data("verify/structs.jld2");
    let file = File::open(&path).unwrap();
    let group = file.object(poke::find(&file, "/_types").0).unwrap();
    let ObjectKind::Group(group) = &group.kind else { panic!("no group") };
    for link in group.held.iter().skip(1) {
        let first = group.held[0].target.0.to_le_bytes();
        is_told(&path, link.at, &first, "a type that is not in its group");
    }

    let path = data("small/0.6.5-none-misc-complex.jld2");
    let bytes = fs::read(&path).unwrap();
    let float = all(&bytes, b"\x31\x20\x3f\0\x08")[0];
    is_told(&path, float + 1, &[0x10], "the mantissa of a number");
    is_told(&path, float + 2, &[0x3e], "the sign of a number");

    let path = data("small/0.4.17-deflate-arr-Int64.jld2");
    let file = File::open(&path).unwrap();
    let mut chunked = Map::default();
    Trace::run(&file, &mut chunked).unwrap();
    let layout = chunked.headers.iter().flat_map(|(_, messages, _)| messages);
    let layout = layout.filter(|m| m.kind == kind::LAYOUT).map(|m| m.body).next().unwrap();
    // Version, class, flags, number of dimensions, and bytes of each stand in front of them.
    is_told(&path, layout + 5, &[bytes_of(&path, layout + 5) ^ 1], "a chunk's size");
}

fn bytes_of(path: &Path, at: u64) -> u8 {
    fs::read(path).unwrap()[usize::try_from(at).unwrap()]
}

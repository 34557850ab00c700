//! Files, conversions of them, and where in an output which kind of byte stands.

use jldconv::h5::{
    File, Layout, Object, ObjectKind, Region, RegionKind, Result, Sequence, Trace, Visitor,
};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The levels that every build has.
pub(crate) const LEVELS: [&str; 4] = ["none", "structure", "bytes", "content"];

/// A way to carry out a conversion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Patch,
    /// A copy of a file that needs nothing, with bytes behind its container's end.
    Unchanged,
    Rewrite,
    InPlace,
}

impl Way {
    pub(crate) const ALL: [Self; 4] = [Self::Patch, Self::Unchanged, Self::Rewrite, Self::InPlace];

    pub(crate) fn flags(self) -> &'static [&'static str] {
        match self {
            Self::Patch | Self::Unchanged => &[],
            Self::Rewrite => &["--compress", "lz4"],
            Self::InPlace => &["--mode", "in-place"],
        }
    }

    /// The level where none is asked for.
    pub(crate) fn default_level(self) -> &'static str {
        if self == Self::Rewrite { "content" } else { "bytes" }
    }

    /// The bytes of a file for it.
    pub(crate) fn input(self) -> Vec<u8> {
        let name = match self {
            Self::Unchanged => "e8-lz4filter/output_00400.jld2",
            _ => "e6-lz4/output_00300.jld2",
        };
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera");
        let mut bytes = fs::read(data.join(name)).unwrap();
        if self == Self::Unchanged {
            bytes.extend([0x77; 100]);
        }
        bytes
    }

    /// What a conversion gives that nobody disturbs.
    pub(crate) fn output(self, dir: &Path) -> Vec<u8> {
        let input = dir.join("clean.jld2");
        fs::write(&input, self.input()).unwrap();
        let output = dir.join("clean-out.jld2");
        let mut command = Command::new(env!("CARGO_BIN_EXE_jldconv"));
        command.arg("convert").arg(&input).args(self.flags());
        if self != Self::InPlace {
            command.arg(&output);
        }
        let ended = run(&mut command);
        assert!(ended.status.success(), "{ended:?}");
        let made = if self == Self::InPlace { &input } else { &output };
        let bytes = fs::read(made).unwrap();
        for path in [input, output, dir.join("clean.jld2.jldconv-undo")] {
            let _ = fs::remove_file(path);
        }
        bytes
    }
}

/// Runs a program without settings of this environment.
pub(crate) fn run(command: &mut Command) -> Output {
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        let kept = text == "JLDCONV_FLIP";
        if (text.starts_with("JLDCONV_") && !kept) || text.starts_with("SLURM_") {
            command.env_remove(&name);
        }
    }
    command.output().unwrap()
}

/// A kind of byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// In front of the superblock.
    Userblock,
    Superblock,
    /// A link in a group's header.
    Link,
    /// The filler that a header keeps for later.
    HeaderFiller,
    /// The checksum of a header.
    Checksum,
    /// An attribute's value, in a header.
    Attribute,
    /// A committed type.
    Datatype,
    /// A dataset's layout, in its header.
    Layout,
    /// Data in a dataset's header.
    Compact,
    /// A reference in an array of them.
    Reference,
    /// A string in a heap.
    Heap,
    /// What a heap has left.
    HeapRest,
    /// A column.
    Payload,
    /// Bytes below the old end that nothing leads to any more.
    Gap,
    /// An object behind the old end.
    Appended,
    /// Bytes between objects behind the old end.
    AppendedGap,
    /// Bytes behind the container's end.
    Behind,
}

/// The lowest level that notices a bit flipped in a byte of a kind; `None` if none does.
pub(crate) fn promised(way: Way, kind: Kind) -> Option<&'static str> {
    let in_place = way == Way::InPlace;
    Some(match kind {
        Kind::Superblock
        | Kind::Link
        | Kind::HeaderFiller
        | Kind::Checksum
        | Kind::Attribute
        | Kind::Datatype
        | Kind::Layout
        | Kind::Compact
        | Kind::Reference
        | Kind::Appended => "none",
        Kind::Userblock | Kind::Heap | Kind::AppendedGap => "structure",
        Kind::HeapRest if way == Way::Rewrite => "bytes",
        Kind::HeapRest => "structure",
        Kind::Payload if in_place => "content",
        Kind::Payload | Kind::Behind => "bytes",
        // Bytes without a meaning, which are not copied in place, and not compared.
        Kind::Gap if in_place => return None,
        Kind::Gap => "bytes",
    })
}

/// Whether a level notices it.
pub(crate) fn notices(way: Way, kind: Kind, level: &str) -> bool {
    let rank = |name| LEVELS.iter().position(|level| *level == name).unwrap();
    promised(way, kind).is_some_and(|least| rank(level) >= rank(least))
}

#[derive(Default)]
struct Map {
    kinds: BTreeMap<Kind, u64>,
    regions: Vec<Region>,
    largest: u64,
    old_end: u64,
    string: Option<u64>,
}

impl Map {
    fn met(&mut self, kind: Kind, at: u64) {
        self.kinds.entry(kind).or_insert(at);
    }
}

impl Visitor for Map {
    fn object(&mut self, object: &Object, _: &str) -> Result<()> {
        let first = object.header.chunks.first().unwrap();
        if self.old_end > 0 && first.offset >= self.old_end {
            self.met(Kind::Appended, first.offset + 9);
            return Ok(());
        }
        self.met(Kind::Checksum, first.checksum + 1);
        for a in &object.attributes {
            if !a.data.is_empty() {
                self.met(Kind::Attribute, a.offset);
            }
        }
        if let Some(nil) = object.header.messages.iter().find(|m| m.kind == 0 && m.len > 0) {
            self.met(Kind::HeaderFiller, nil.body);
        }
        match &object.kind {
            ObjectKind::Group(group) => {
                if let Some(link) = group.held.first() {
                    self.met(Kind::Link, link.at);
                }
            }
            ObjectKind::Datatype(datatype) => self.met(Kind::Datatype, datatype.offset + 1),
            ObjectKind::Dataset(dataset) => match &dataset.layout {
                Layout::Compact { offset, size: 1.. } => self.met(Kind::Compact, *offset),
                Layout::Chunked(chunked) => self.met(Kind::Layout, chunked.at),
                _ => {}
            },
        }
        Ok(())
    }

    fn sequence(&mut self, sequence: Sequence<'_>) -> Result<()> {
        // A string: of one byte each, and leading nowhere. The last letter may be any other.
        if sequence.base.is_empty() && sequence.base.size == 1 && sequence.len > 2 {
            self.string.get_or_insert(sequence.offset + sequence.len - 1);
        }
        Ok(())
    }

    fn region(&mut self, region: Region) -> Result<()> {
        self.regions.push(region);
        let size = region.end - region.start;
        match region.kind {
            RegionKind::Payload if size > self.largest => {
                self.largest = size;
                self.kinds.insert(Kind::Payload, region.start + size / 2);
            }
            RegionKind::References => self.met(Kind::Reference, region.start),
            _ => {}
        }
        Ok(())
    }
}

/// Where in `output` a byte of each kind stands that it has.
pub(crate) fn kinds(way: Way, dir: &Path, output: &[u8]) -> Vec<(Kind, u64)> {
    let path: PathBuf = dir.join("to-be-mapped.jld2");
    fs::write(&path, output).unwrap();
    let file = File::open(&path).unwrap();
    let mut map = Map::default();
    if matches!(way, Way::Patch | Way::InPlace) {
        map.old_end = way.input().len() as u64;
    }
    Trace::run(&file, &mut map).unwrap();
    let superblock = file.superblock();
    map.met(Kind::Userblock, 300);
    map.met(Kind::Superblock, superblock.offset + 37);
    if let Some(at) = map.string {
        map.met(Kind::Heap, at);
    }
    map.regions.sort_by_key(|r| r.start);
    let mut end = 0;
    let container = superblock.end_of_file;
    let last = Region { start: container, end: container, kind: RegionKind::Header };
    for region in map.regions.clone().into_iter().chain([last]) {
        if region.start > end {
            let kind = match map.old_end {
                1.. if region.start > map.old_end => Kind::AppendedGap,
                _ => Kind::Gap,
            };
            map.met(kind, region.start - 1);
        }
        if region.kind == RegionKind::Heap {
            map.met(Kind::HeapRest, region.end - 1);
        }
        end = region.end;
    }
    if output.len() as u64 > container {
        map.met(Kind::Behind, container + 50);
    }
    fs::remove_file(path).unwrap();
    map.kinds.into_iter().collect()
}

/// The report of a file in a JSON report.
pub(crate) fn file_of<'a>(report: &'a Value, name: &str) -> &'a Value {
    let files = report["files"].as_array().unwrap();
    files.iter().find(|file| file["name"] == name).unwrap()
}

//! What is built here, held byte for byte against what JLD2 of each generation wrote: every
//! committed type, scalar dataset and group of real files is read, built anew from what was read,
//! and compared with its original. Only heap ids, the addresses of new objects and checksums may
//! differ, and the room for additions that JLD2 puts behind datasets since 0.4.51.
//!
//! Looks at the files in `tests/data/mera` and, where it is there, at the shared directory
//! (`JLDCONV_SHARED`, else `../shared`).

use crate::real::real_files;
use jldconv::h5::encode::NewMessage;
use jldconv::h5::{
    Extent, File, Layout, Object, ObjectHeader, ObjectKind, RelAddr, Result, Source, Trace,
    TypeRef, Visitor, kind,
};
use jldconv::julia::builder::{Build, Data, FieldStyle, NewField, ObjectRef};
use jldconv::julia::{Committed, JuliaType, Param, TypeTable};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// All objects of a file.
#[derive(Default)]
struct All(Vec<Object>);

impl Visitor for All {
    fn object(&mut self, object: &Object, _: &str) -> Result<()> {
        self.0.push(object.clone());
        Ok(())
    }
}

/// A file with its objects and the links of `_types`.
struct Original {
    path: PathBuf,
    file: File,
    objects: Vec<Object>,
    types: Vec<RelAddr>,
}

impl Original {
    fn read(path: PathBuf) -> Self {
        let file = File::open(&path).unwrap();
        let mut all = All::default();
        Trace::run(&file, &mut all).unwrap();
        let links = |addr: RelAddr| match &file.object(addr).unwrap().kind {
            ObjectKind::Group(group) => group.held.clone(),
            _ => panic!("{addr} is not a group"),
        };
        let root = links(file.superblock().root);
        let group = root.iter().find(|l| l.name == "_types").unwrap().target;
        let types = links(group).iter().map(|l| l.target).collect();
        Self { path, objects: all.0, types, file }
    }

    /// The file with `built` objects behind its end.
    fn with(&self, start: u64, appended: &[u8]) -> File {
        let mut bytes = std::fs::read(&self.path).unwrap();
        bytes.resize(usize::try_from(start).unwrap(), 0);
        bytes.extend(appended);
        let superblock = self.file.superblock();
        let at = usize::try_from(superblock.offset).unwrap();
        let new = superblock.with_end_of_file(bytes.len() as u64);
        bytes[at..at + new.len()].copy_from_slice(&new);
        File::from_source(Source::from_bytes(bytes)).unwrap()
    }

    fn start(&self) -> u64 {
        self.file.superblock().end_of_file.next_multiple_of(8)
    }
}

/// A header as bytes, without its checksum; heap ids are blanked.
fn comparable(object: &Object) -> Vec<u8> {
    let header = &object.header;
    assert_eq!(header.chunks.len(), 1, "a continued header");
    let mut bytes = header.chunks[0].bytes.clone();
    let at = |offset: u64| usize::try_from(offset - header.chunks[0].offset).unwrap();
    for attribute in &object.attributes {
        let step = match attribute.name.as_str() {
            "julia_type" | "field_names" => 16,
            _ => continue,
        };
        if matches!(attribute.datatype, TypeRef::Inline(ref d) if d.size == 8) {
            continue;
        }
        for (i, vlen) in attribute.data.chunks(step).enumerate() {
            if vlen != [0; 16] {
                let id = at(attribute.offset) + i * step + 4;
                bytes[id..id + 12].fill(0);
            }
        }
    }
    bytes
}

/// Whether a type can be spelled by [`Build::type_value`].
fn spelled(t: &JuliaType) -> bool {
    matches!(t, JuliaType::Named { .. })
        && t.params().iter().all(|p| match p {
            Param::Type(t) => spelled(t),
            Param::Int(i) => i64::try_from(*i).is_ok(),
            Param::Symbol(_) => true,
            // Longer tuples are stored as vectors.
            Param::Symbols(names) => names.len() <= 10,
            Param::Other(_) => false,
        })
}

/// Builds a committed type anew.
fn commit(build: &mut Build<'_>, c: &Committed) -> ObjectRef {
    if c.empty {
        return build.find_or_commit_empty(&c.julia_type).unwrap();
    }
    if c.julia_type == JuliaType::plain("Core.Symbol") {
        return build.symbol_type().unwrap();
    }
    let fields: Vec<_> = c
        .fields
        .iter()
        .map(|f| NewField {
            name: f.name.clone(),
            datatype: f.offset.and(f.datatype.clone()),
            committed: f.committed.map(ObjectRef::Existing),
        })
        .collect();
    let value = build.type_value(&c.julia_type).unwrap();
    build.commit(&value, &c.datatype, &fields).unwrap()
}

#[test]
fn committed_types_are_those_that_jld2_wrote() {
    let mut compared = BTreeMap::<String, usize>::new();
    for original in real_files(&["mera", "zoo"]).into_iter().map(Original::read) {
        let table = TypeTable::new(&original.file);
        let name = original.path.display();
        for object in &original.objects {
            if !original.types.contains(&object.addr()) || object.header.chunks.len() > 1 {
                continue;
            }
            let c = table.committed(object.addr()).unwrap();
            // What is written as another type is never built.
            let skipped = c.julia_type.short_name() == "DataType" || c.written_type.is_some();
            if skipped || !spelled(&c.julia_type) {
                continue;
            }
            let style = match object.attribute("field_names") {
                Some(_) => FieldStyle::NamesAndTypes,
                None => FieldStyle::Datatypes,
            };
            // Only DataType is told of, so that nothing is found and all is built.
            let first = original.types[0];
            let mut build = Build::new(&table, &[first], style).unwrap();
            let made = commit(&mut build, &c);
            let start = original.start();
            let built = build.finish(start, &[]);
            let ObjectRef::New(n) = made else { panic!("{}: not new", c.julia_type) };
            let file = original.with(start, &built.bytes);
            let mine = &file.object(built.addresses[n]).unwrap();
            assert_eq!(
                comparable(mine),
                comparable(object),
                "{name}: {} at {}",
                c.julia_type,
                object.addr()
            );
            let read = TypeTable::new(&file).committed(built.addresses[n]).unwrap();
            assert_eq!(read.julia_type.to_string(), c.julia_type.to_string(), "{name}");
            *compared.entry(c.julia_type.name().to_owned()).or_default() += 1;
        }
    }
    for must in [
        "Base.VersionNumber",
        "Core.NamedTuple",
        "Core.Nothing",
        "Core.Symbol",
        "Core.Tuple",
        "JLD2Lz4.Lz4Filter",
        "Mera.PhysicalUnitsType002",
        "Mera.ScalesType003",
        "NTuple",
        "Tuple",
    ] {
        assert!(compared.contains_key(must), "no {must} in {compared:?}");
    }
}

#[test]
fn scalar_datasets_are_those_that_jld2_wrote() {
    let (mut with_room, mut without) = (0, 0);
    for original in real_files(&["mera", "zoo"]).into_iter().map(Original::read) {
        let table = TypeTable::new(&original.file);
        for object in &original.objects {
            let Some(d) = object.dataset() else { continue };
            let scalar = d.dataspace.extent != Extent::Simple;
            let Layout::Compact { .. } = d.layout else { continue };
            if !scalar || !object.attributes.is_empty() || object.header.chunks.len() > 1 {
                continue;
            }
            let layout = object.header.of_kind(kind::LAYOUT).next().unwrap();
            let data = Data::new(&object.header.body(layout)[4..]);
            if data.len() >= 8192 {
                continue;
            }
            let (committed, plain) = match &d.datatype {
                TypeRef::Shared { addr, .. } => (Some(ObjectRef::Existing(*addr)), None),
                TypeRef::Inline(t) => (None, Some(&**t)),
            };
            let mut build =
                Build::new(&table, &[original.types[0]], FieldStyle::Datatypes).unwrap();
            let made = build.any_dataset(committed, plain, d.dataspace.extent, &[], &data);
            let ObjectRef::New(n) = made else { panic!("not new") };
            let start = original.start();
            let built = build.finish(start, &[]);
            let file = original.with(start, &built.bytes);
            let mine = &file.object(built.addresses[n]).unwrap().header;
            let theirs = &object.header;
            let messages = |h: &ObjectHeader| -> Vec<NewMessage> {
                let all = h.messages.iter();
                all.map(|m| NewMessage::new(m.kind, m.flags, h.body(m).to_vec())).collect()
            };
            let mut left = messages(mine);
            let right = messages(theirs);
            if right.last().unwrap().kind == kind::NIL {
                assert_eq!(mine.chunks[0].bytes, theirs.chunks[0].bytes, "{}", theirs.addr);
                with_room += 1;
            } else {
                assert_eq!(left.pop().unwrap(), NewMessage::placeholder());
                assert_eq!(left, right, "{}", theirs.addr);
                without += 1;
            }
        }
    }
    assert!(with_room > 100 && without > 100, "{with_room} {without}");
}

#[test]
fn groups_are_those_that_jld2_wrote() {
    let (mut fresh, mut continued) = (0, 0);
    for original in real_files(&["mera", "zoo"]).into_iter().map(Original::read) {
        let table = TypeTable::new(&original.file);
        let modern = original.file.superblock().text.as_ref().unwrap().version == "0.2.0";
        for object in &original.objects {
            let ObjectKind::Group(group) = &object.kind else { continue };
            let header = &object.header;
            let in_chunk = |n: usize| {
                let links = header.of_kind(kind::LINK).zip(&group.held);
                let links = links.filter(move |(m, _)| m.chunk == n);
                links.map(|(_, l)| (l.name.clone(), ObjectRef::Existing(l.target))).collect()
            };
            let room = header.of_kind(kind::NIL).filter(|m| m.chunk > 0).count();
            let mut build =
                Build::new(&table, &[original.types[0]], FieldStyle::Datatypes).unwrap();
            if let [chunk] = header.chunks.as_slice() {
                let all: Vec<_> = in_chunk(0);
                build.group(&all);
                let mine = build.finish(0, &[]).bytes;
                // Links that came later stand in the room for them.
                if mine[..mine.len() - 4] == chunk.bytes {
                    fresh += 1;
                }
            } else if modern && room == 1 {
                let last = header.chunks.len() - 1;
                let links: Vec<_> = in_chunk(last);
                let (_, len) = build.group_continuation(&links);
                let mine = build.finish(0, &[]).bytes;
                let theirs = &header.chunks[last];
                assert_eq!(mine[..mine.len() - 4], theirs.bytes, "{}", header.addr);
                assert_eq!(len, theirs.bytes.len() as u64 + 4);
                continued += 1;
            }
        }
    }
    assert!(fresh >= 50 && continued >= 2, "{fresh} {continued}");
}

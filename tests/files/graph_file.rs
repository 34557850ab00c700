//! Puts a file together that holds a graph of objects: the types of a real file, and what a test
//! builds.

use jldconv::h5::{File, ObjectKind, RelAddr};
use jldconv::julia::TypeTable;
use jldconv::julia::builder::{Build, FieldStyle, ObjectRef};
use std::fs;
use std::path::{Path, PathBuf};

/// Which committed types of the real file stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Types {
    /// All.
    All,
    /// The one of types.
    OfTypes,
}

/// A real file whose writer stated the types of fields so.
pub(crate) fn base(style: FieldStyle) -> PathBuf {
    let name = match style {
        FieldStyle::Datatypes => "e4b-none/output_00021.jld2",
        FieldStyle::NamesAndTypes => "real-mera-1.9/output_00001.jld2",
    };
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera").join(name)
}

/// Writes the file at `base` to `path` with nothing but its types and, in the group `graph`, the
/// `count` objects that `build` gives, called `n0`, `n1` ... `build` gets the objects that they may
/// refer to, and is called twice: objects get the same numbers whatever they refer to.
pub(crate) fn write(
    base: &Path,
    types: Types,
    style: FieldStyle,
    count: usize,
    path: &Path,
    build: impl Fn(&mut Build<'_>, &[ObjectRef]) -> Vec<ObjectRef>,
) {
    let file = File::open(base).unwrap();
    let table = TypeTable::new(&file);
    let links = |addr: RelAddr| match &file.object(addr).unwrap().kind {
        ObjectKind::Group(group) => group.held.clone(),
        _ => Vec::new(),
    };
    let root = links(file.superblock().root);
    let mut named = links(root.iter().find(|l| l.name == "_types").unwrap().target);
    if types == Types::OfTypes {
        named.truncate(1);
    }
    let committed: Vec<_> = named.iter().map(|l| l.target).collect();
    let start = || Build::new(&table, &committed, style).unwrap();
    let nowhere = vec![ObjectRef::Existing(RelAddr::NULL); count];
    let all = build(&mut start(), &nowhere);
    let mut builder = start();
    assert_eq!(build(&mut builder, &all), all);
    let names: Vec<_> = all.iter().enumerate().map(|(i, o)| (format!("n{i}"), *o)).collect();
    let graph = builder.group(&names);
    let old = committed.iter().map(|addr| ObjectRef::Existing(*addr));
    let numbered = old.chain(builder.added().to_vec()).zip(1..);
    let numbered: Vec<_> = numbered.map(|(t, n)| (format!("{n:08}"), t)).collect();
    let numbered = builder.group(&numbered);
    let top = builder.group(&[("_types", numbered), ("graph", graph)]);
    let start = file.superblock().end_of_file.next_multiple_of(8);
    let built = builder.finish(start, &[]);
    let mut bytes = fs::read(base).unwrap();
    bytes.resize(usize::try_from(start).unwrap(), 0);
    bytes.extend(&built.bytes);
    let mut superblock = file.superblock().clone();
    let ObjectRef::New(top) = top else { panic!("the group is new") };
    superblock.root = built.addresses[top];
    let at = usize::try_from(superblock.offset).unwrap();
    let head = superblock.with_end_of_file(built.end);
    bytes[at..at + head.len()].copy_from_slice(&head);
    fs::write(path, bytes).unwrap();
    // What is built without bytes is a hole.
    fs::File::options().write(true).open(path).unwrap().set_len(built.end).unwrap();
}

/// The canonical form of everything in the file at `path`.
pub(crate) fn dump(path: &Path) -> String {
    use jldconv::julia::{Digest, Dumper, datasets};
    let file = File::open(path).unwrap();
    let types = TypeTable::new(&file);
    let mut json = Vec::new();
    let all = datasets(&file).unwrap();
    Dumper::new(&types, Digest::Sha256).all(&all, &mut json).unwrap();
    String::from_utf8(json).unwrap()
}

//! Groups whose headers are too long to be held.

use crate::h5::encode::{self, NewMessage};
use crate::h5::sample::Sample;
use crate::h5::{
    Checked, Edge, EdgeKind, File, Group, Object, ObjectKind, RelAddr, Result, Source, Symbolic,
    SymbolicLink, Trace, Visitor, kind, metadata_digest,
};
use crate::julia::{datasets, listed};
use std::sync::Arc;

/// Enough for a long header.
const COUNT: u64 = 44_000;

fn name(i: u64) -> String {
    format!("x{i:08}")
}

fn link(i: u64, target: RelAddr) -> NewMessage {
    NewMessage::new(kind::LINK, 0, encode::link(&name(i), target))
}

fn soft() -> NewMessage {
    let to = Symbolic::Soft("elsewhere".into());
    let link = SymbolicLink { name: "soft".into(), to, at: 0 };
    NewMessage::new(kind::LINK, 0, encode::symbolic_link(&link))
}

fn continuation(addr: RelAddr, len: u64) -> NewMessage {
    let body = [addr.0.to_le_bytes(), len.to_le_bytes()].concat();
    NewMessage::new(kind::CONTINUATION, 0, body)
}

/// A value, and its address.
fn value(sample: &mut Sample) -> RelAddr {
    let datatype = encode::datatype(&crate::h5::Datatype::integer(8, true));
    sample.object(&[
        NewMessage::new(kind::DATASPACE, 0, encode::dataspace(crate::h5::Extent::Scalar, &[])),
        NewMessage::new(kind::DATATYPE, 1, datatype),
        NewMessage::new(kind::LAYOUT, 0, encode::compact(&7_u64.to_le_bytes())),
    ])
}

/// A file whose root has links to so many values, of which those from `first` on are in a continuation.
fn sample(count: u64, first: u64) -> Vec<u8> {
    let mut sample = Sample::new();
    let at: Vec<_> = (0..count).map(|_| value(&mut sample)).collect();
    let links = |range: std::ops::Range<u64>| {
        range.map(|i| link(i, at[usize::try_from(i).unwrap()])).collect::<Vec<_>>()
    };
    let mut later = links(first..count);
    later.push(soft());
    later.push(NewMessage::placeholder());
    let (more, len) = sample.continuation(&later);
    let mut root = encode::group(&[] as &[(&str, RelAddr)]);
    root.retain(|m| m.kind != kind::NIL);
    root.extend(links(0..first));
    root.push(continuation(more, len));
    let root = sample.object(&root);
    sample.finish(root)
}

fn root(file: &File) -> Result<Arc<Object>> {
    file.object(file.superblock().root)
}

fn group(object: &Object) -> &Group {
    let ObjectKind::Group(group) = &object.kind else { panic!("a group") };
    group
}

#[derive(Default)]
struct Met {
    edges: Vec<(RelAddr, u64)>,
    paths: Vec<String>,
    headers: u64,
}

impl Visitor for Met {
    fn object(&mut self, _: &Object, path: &str) -> Result<()> {
        self.paths.push(path.to_owned());
        Ok(())
    }

    fn edge(&mut self, edge: Edge) -> Result<()> {
        if edge.kind == EdgeKind::Link {
            self.edges.push((edge.target, edge.at));
        }
        Ok(())
    }

    fn region(&mut self, region: crate::h5::Region) -> Result<()> {
        self.headers += region.end - region.start;
        Ok(())
    }
}

#[test]
fn links_are_those_of_a_held_group_wherever_they_stand() {
    for first in [10, COUNT] {
        let file = File::from_source(Source::from_bytes(sample(COUNT, first))).unwrap();
        let object = root(&file).unwrap();
        let group = group(&object);
        assert!(group.held.is_empty() && group.stored.is_some(), "{first}");
        assert_eq!((group.len(), group.symbolic.len()), (COUNT, 1));
        let whole = file.with_links(Arc::clone(&object)).unwrap();
        let ObjectKind::Group(held) = &whole.kind else { panic!("a group") };
        assert_eq!((held.len(), held.stored.is_none()), (COUNT, true));
        for (i, (link, held)) in (0..).zip(group.links(&file).zip(&held.held)) {
            let link = link.unwrap();
            assert_eq!(*link, *held);
            assert_eq!(link.name, name(i));
            let stored = file.source().read(link.at, 8, "link").unwrap();
            assert_eq!(stored, link.target.0.to_le_bytes());
        }
        let last = group.find(&file, &name(COUNT - 1)).unwrap().unwrap();
        assert_eq!(Some(&last), held.held.last());
        assert_eq!(group.find(&file, "none").unwrap(), None);
        // A walk meets all of them, in order, under their names.
        let mut met = Met::default();
        Trace::run(&file, &mut met).unwrap();
        let links: Vec<_> = held.held.iter().map(|l| (l.target, l.at)).collect();
        assert_eq!(met.edges, links);
        let paths: Vec<_> = (0..COUNT).map(|i| format!("/{}", name(i))).collect();
        assert_eq!((met.paths[0].as_str(), &met.paths[1..]), ("/", &paths[..]));
        assert_eq!(met.headers, file.source().len(), "every byte has an owner");
        let listed = listed(&file).unwrap();
        let listed: Vec<_> = listed.iter().map(Result::unwrap).collect();
        assert!(listed.iter().map(|l| l.path.clone()).eq(paths));
        assert!(listed.into_iter().map(|l| (l.path, l.addr)).eq(datasets(&file).unwrap()));
        // Fillers and what stands in front of the links are there as in a short header.
        let kinds: Vec<_> = object.header.messages.iter().map(|m| m.kind).collect();
        let expected = [kind::LINK_INFO, kind::GROUP_INFO, kind::CONTINUATION, kind::NIL];
        assert_eq!(kinds, expected);
        let lens: Vec<_> =
            object.header.messages.iter().map(|m| object.header.body(m).len()).collect();
        assert_eq!(lens, [18, 2, 16, 16]);
    }
}

#[test]
fn every_byte_of_a_long_header_counts() {
    let bytes = sample(COUNT, COUNT - 5);
    let file = File::from_source(Source::from_bytes(bytes.clone())).unwrap();
    let whole = metadata_digest(&file).unwrap();
    let object = root(&file).unwrap();
    for chunk in &object.header.chunks {
        assert_eq!(chunk.checked, Checked::Right);
        let (start, end) = (chunk.offset, chunk.end());
        for at in [start + 6, u64::midpoint(start, end), end - 30, end - 2] {
            let mut bytes = bytes.clone();
            bytes[usize::try_from(at).unwrap()] ^= 0x10;
            let file = File::from_source(Source::from_bytes(bytes)).unwrap();
            let error = root(&file).unwrap_err().to_string();
            assert!(error.contains("checksum") || error.contains("size"), "{at}: {error}");
            assert!(metadata_digest(&file).is_err());
        }
    }
    // What follows the headers moves, so that the digest is another.
    let other = File::from_source(Source::from_bytes(sample(COUNT, COUNT - 4))).unwrap();
    assert_ne!(metadata_digest(&other).unwrap(), whole);
}

#[test]
fn what_makes_no_sense_is_refused_or_passed_over_and_told() {
    let mut links: Vec<_> = (0..COUNT).map(|i| link(i, RelAddr(64))).collect();
    links[777].body[0] = 9;
    let mut sample = Sample::new();
    let mut messages = encode::group(&[] as &[(&str, RelAddr)]);
    messages.extend(links);
    let root = sample.object(&messages);
    let file = File::from_source(Source::from_bytes(sample.finish(root))).unwrap();
    let error = file.object(root).unwrap_err().to_string();
    assert!(error.contains("link version"), "{error}");
    let (object, lost) = file.object_left(root).unwrap();
    assert_eq!(lost.len(), 1);
    let left: Result<Vec<_>> = group(&object).links(&file).collect();
    assert_eq!(left.unwrap().len() as u64, COUNT - 1);
}

#[test]
fn continuations_of_a_long_header_in_a_circle_are_cut() {
    let mut sample = Sample::new();
    let here = sample.next();
    let mut links: Vec<_> = (0..COUNT).map(|i| link(i, RelAddr(64))).collect();
    let len = 4 + links.iter().map(|m| m.len() as u64).sum::<u64>() + 20 + 4;
    links.push(continuation(here, len));
    assert_eq!(sample.continuation(&links), (here, len));
    let root = sample.object(&[continuation(here, len)]);
    let file = File::from_source(Source::from_bytes(sample.finish(root))).unwrap();
    let error = file.object(root).unwrap_err().to_string();
    assert!(error.contains("again"), "{error}");
}

/// A chunk that is damaged costs its own links; those of the chunks that it leads to are left, of a long
/// header and of others.
#[test]
fn a_damaged_chunk_costs_its_own_links_only() {
    for count in [60, COUNT] {
        let mut sample = Sample::new();
        let links =
            |range: std::ops::Range<u64>| range.map(|i| link(i, RelAddr(64))).collect::<Vec<_>>();
        let last = sample.continuation(&links(2 * count / 3..count));
        let mut middle = links(count / 3..2 * count / 3);
        middle.push(continuation(last.0, last.1));
        let middle = sample.continuation(&middle);
        let mut messages = encode::group(&[] as &[(&str, RelAddr)]);
        messages.retain(|m| m.kind != kind::NIL);
        messages.extend(links(0..count / 3));
        messages.push(continuation(middle.0, middle.1));
        let root = sample.object(&messages);
        let mut bytes = sample.finish(root);
        // The last letter of the first name.
        bytes[usize::try_from(Sample::BASE + middle.0.0).unwrap() + 4 + 4 + 3 + 8] ^= 1;
        let file = File::from_source(Source::from_bytes(bytes)).unwrap();
        let error = file.object(root).unwrap_err().to_string();
        assert!(error.contains("checksum"), "{error}");
        let (object, lost) = file.object_left(root).unwrap();
        assert_eq!(lost.len(), 1, "{lost:?}");
        let left = group(&object).links(&file).map(|link| link.unwrap().name.as_str().to_owned());
        assert!(left.eq((0..count / 3).chain(2 * count / 3..count).map(name)), "{count}");
    }
}

/// Damaged chunks that lead to one another are each looked at once.
#[test]
fn damaged_chunks_in_a_circle_are_left() {
    let mut sample = Sample::new();
    let here = sample.next();
    let mut links: Vec<_> = (0..9).map(|i| link(i, RelAddr(64))).collect();
    let len = 4 + links.iter().map(|m| m.len() as u64).sum::<u64>() + 20 + 4;
    links.push(continuation(here, len));
    assert_eq!(sample.continuation(&links), (here, len));
    let mut messages = encode::group(&[] as &[(&str, RelAddr)]);
    messages.push(continuation(here, len));
    let root = sample.object(&messages);
    let mut bytes = sample.finish(root);
    bytes[usize::try_from(Sample::BASE + here.0).unwrap() + 4 + 4 + 3 + 8] ^= 1;
    let file = File::from_source(Source::from_bytes(bytes)).unwrap();
    let (_, lost) = file.object_left(root).unwrap();
    let said: Vec<_> = lost.iter().map(ToString::to_string).collect();
    assert!(
        said.len() == 2 && said[0].contains("checksum") && said[1].contains("again"),
        "{said:?}"
    );
}

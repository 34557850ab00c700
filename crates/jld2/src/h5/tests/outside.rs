//! Links and attributes that objects keep outside their headers: read, and bounded where forged.

use crate::h5::encode::NewMessage;
use crate::h5::sample::Sample;
use crate::h5::{
    Checksums, Edge, Error, File, Group, Link, Object, ObjectKind, Region, RelAddr, Result, Source,
    Symbolic, Trace, Visitor, kind,
};
use crate::julia::datasets;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

fn sample(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/hdf5").join(name);
    std::fs::read(path).unwrap()
}

fn opened(bytes: Vec<u8>, checksums: Checksums) -> File {
    File::with_checksums(Source::from_bytes(bytes), checksums).unwrap()
}

fn group(object: &Object) -> &Group {
    let ObjectKind::Group(group) = &object.kind else { panic!("not a group") };
    group
}

/// The object of this name in the root group.
fn named(file: &File, name: &str) -> Result<Arc<Object>> {
    let root = file.object(file.superblock().root)?;
    let link = group(&root).held.iter().find(|l| l.name == name);
    file.object(link.expect("a link of this name").target)
}

struct Nothing;

impl Visitor for Nothing {}

fn trace(bytes: Vec<u8>, checksums: Checksums) -> Result<()> {
    Trace::run(&File::with_checksums(Source::from_bytes(bytes), checksums)?, &mut Nothing)
}

fn put(bytes: &mut [u8], at: u64, value: &[u8]) {
    let at = usize::try_from(at).unwrap();
    bytes[at..at + value.len()].copy_from_slice(value);
}

/// Offsets of a signature.
fn find(bytes: &[u8], signature: &[u8]) -> Vec<u64> {
    let windows = (0..).zip(bytes.windows(signature.len()));
    windows.filter(|(_, w)| *w == signature).map(|(at, _)| at).collect()
}

fn names(group: &Group) -> Vec<&str> {
    group.held.iter().map(|l| l.name.as_str()).collect()
}

#[test]
fn a_symbol_table_leads_to_what_libhdf5_put_there() {
    let file = opened(sample("old.h5"), Checksums::Trusted);
    assert_eq!((file.superblock().version, file.superblock().is_old()), (0, true));
    let root = file.object(file.superblock().root).unwrap();
    assert_eq!(root.header.version, 1);
    assert_eq!(names(group(&root)), ["a", "data", "many", "refs", "switch", "type", "typed"]);
    let soft: Vec<_> = group(&root).symbolic.iter().map(|l| (&*l.name, l.to.clone())).collect();
    let to = |path: &str| Symbolic::Soft(path.into());
    assert_eq!(soft, [("nowhere", to("/not/there")), ("soft", to("/many/own"))]);
    let many = named(&file, "many").unwrap();
    assert_eq!(group(&many).held.len(), 26);
    // Attributes of headers of version 1 are filled up to a multiple of eight.
    let data = named(&file, "data").unwrap();
    let sizes = data.attributes.iter().map(|a| (a.name.as_str(), a.data.len()));
    let sizes: BTreeMap<_, _> = sizes.collect();
    assert_eq!(sizes.into_values().collect::<Vec<_>>(), [0, 2, 4, 6, 8]);
    let typed = named(&file, "typed").unwrap();
    assert_eq!(typed.attributes[0].data, [7, 0]);
    trace(sample("old.h5"), Checksums::Trusted).unwrap();
}

#[test]
fn fractal_heaps_lead_to_what_libhdf5_put_there() {
    let file = opened(sample("dense.h5"), Checksums::Trusted);
    let many = named(&file, "many").unwrap();
    assert_eq!((group(&many).held.len(), many.header.pieces.len()), (121, 123));
    let symbolic: Vec<_> = group(&many).symbolic.iter().map(|l| l.to.to_string()).collect();
    assert_eq!(symbolic, ["other.h5:/x", "/many/own"]);
    // One by creation, the other by name, as libhdf5 lists them.
    let order = named(&file, "order").unwrap();
    assert_eq!(names(group(&order)).concat(), "zyxwvutsrqpo");
    let attributes: Vec<_> = order.attributes.iter().map(|a| a.name.as_str()).collect();
    assert_eq!(attributes.concat(), "zyxwvutsrqpo");
    let data = named(&file, "data").unwrap();
    assert_eq!(data.attributes.len(), 13);
    assert_eq!(data.attribute("large").unwrap().data.len(), 5600);
    assert_eq!(data.attribute("attribute 11").unwrap().data.len(), 88);
    trace(sample("dense.h5"), Checksums::Trusted).unwrap();
}

#[test]
fn no_byte_of_an_index_changes_without_notice() {
    let bytes = sample("dense.h5");
    let file = opened(bytes.clone(), Checksums::Trusted);
    for name in ["many", "order", "data"] {
        let object = named(&file, name).unwrap();
        let large = object.attribute("large").map(|a| a.offset);
        let storage = object.header.storage.iter().map(Result::unwrap);
        // A large object of a heap is the one thing without a checksum.
        let summed = storage.filter(|s| large.is_none_or(|at| !(s.start..s.end).contains(&at)));
        let mut changed = 0;
        for storage in summed {
            for at in (storage.start..storage.end).step_by(13) {
                let mut other = bytes.clone();
                other[usize::try_from(at).unwrap()] ^= 0x10;
                let other = opened(other, Checksums::Trusted);
                assert!(named(&other, name).is_err(), "{name}: byte {at} of {storage:?}");
                changed += 1;
            }
        }
        assert!(changed > 100, "{name}: {changed}");
    }
}

#[test]
fn whatever_bytes_an_index_has_it_is_read_to_an_end() {
    for name in ["dense.h5", "old.h5"] {
        let bytes = sample(name);
        let file = opened(bytes.clone(), Checksums::Trusted);
        let mut storage = Vec::new();
        for object in ["many", "data", "order"] {
            let root = file.object(file.superblock().root).unwrap();
            if group(&root).held.iter().any(|l| l.name == object) {
                let object = named(&file, object).unwrap();
                storage.extend(object.header.storage.iter().map(Result::unwrap));
            }
        }
        assert!(storage.len() > 4, "{name}");
        for at in storage.iter().flat_map(|s| (s.start..s.end).step_by(11)) {
            for value in [0, 1, 0x7f, 0xff] {
                let mut other = bytes.clone();
                put(&mut other, at, &[value]);
                let _ = trace(other, Checksums::Ignored);
            }
        }
    }
}

#[test]
fn a_tree_of_a_group_that_leads_to_itself_is_cut() {
    let bytes = sample("old.h5");
    let trees = find(&bytes, b"TREE\0");
    assert!(trees.len() > 2);
    let many = named(&opened(bytes.clone(), Checksums::Trusted), "many").unwrap();
    let mut storage = many.header.storage.iter().map(Result::unwrap);
    let own = storage.find(|s| trees.contains(&s.start)).unwrap().start;
    let say = |at: u64, value: u64| {
        let mut other = bytes.clone();
        put(&mut other, at, &value.to_le_bytes());
        trace(other, Checksums::Trusted).unwrap_err().to_string()
    };
    // The level says that its children are symbol table nodes.
    let first = own + 24 + 8;
    assert!(say(first, own).contains("again"), "{}", say(first, own));
    let second = first + 16;
    let child =
        u64::from_le_bytes(bytes[usize::try_from(first).unwrap()..][..8].try_into().unwrap());
    assert!(say(second, child).contains("again"));
    assert!(say(first, 1 << 40).contains("address"));
    // One level more than it has.
    let mut other = bytes.clone();
    put(&mut other, own + 5, &[1]);
    assert!(trace(other, Checksums::Trusted).unwrap_err().to_string().contains("B-tree"));
}

#[test]
fn names_have_an_end_inside_their_heap() {
    let bytes = sample("old.h5");
    let file = opened(bytes.clone(), Checksums::Trusted);
    let many = named(&file, "many").unwrap();
    let heap = many.header.storage.iter().nth(1).unwrap().unwrap();
    let mut other = bytes.clone();
    for at in heap.start..heap.end {
        put(&mut other, at, b"x");
    }
    let error = trace(other, Checksums::Trusted).unwrap_err().to_string();
    assert!(error.starts_with("/many: ") && error.contains("without an end"), "{error}");
}

#[test]
fn blocks_of_a_heap_that_hold_one_another_are_cut() {
    let bytes = sample("dense.h5");
    let indirect = find(&bytes, b"FHIB\0");
    let many = named(&opened(bytes.clone(), Checksums::Trusted), "many").unwrap();
    let mut storage = many.header.storage.iter().map(Result::unwrap);
    let own = storage.find(|s| indirect.contains(&s.start)).unwrap().start;
    // Behind signature, version, the heap's address and four bytes for its place.
    let at = own + 5 + 8 + 4;
    let say = |value: u64, at: u64| {
        let mut other = bytes.clone();
        put(&mut other, at, &value.to_le_bytes());
        trace(other, Checksums::Ignored).unwrap_err().to_string()
    };
    let first = u64::from_le_bytes(bytes[usize::try_from(at).unwrap()..][..8].try_into().unwrap());
    assert!(say(first, at + 8).contains("again"));
    assert!(say(own, at).contains("again"));
    assert!(say(first - 8, at).contains("signature"), "{}", say(first - 8, at));
    assert!(say(1 << 40, at).contains("address"));
}

#[test]
fn a_tree_of_records_that_leads_to_itself_is_cut() {
    let bytes = sample("dense.h5");
    let inner = find(&bytes, b"BTIN\0");
    assert!(!inner.is_empty());
    let many = named(&opened(bytes.clone(), Checksums::Trusted), "many").unwrap();
    let mut storage = many.header.storage.iter().map(Result::unwrap);
    let node = storage.find(|s| inner.contains(&s.start)).unwrap();
    // The pointers stand at the end, in front of the checksum: address and one byte for records.
    let last = node.end - 4 - 9;
    let say = |value: u64, at: u64| {
        let mut other = bytes.clone();
        put(&mut other, at, &value.to_le_bytes());
        trace(other, Checksums::Ignored).unwrap_err().to_string()
    };
    let before = last - 9;
    let child =
        u64::from_le_bytes(bytes[usize::try_from(before).unwrap()..][..8].try_into().unwrap());
    assert!(say(child, last).contains("not met before"), "{}", say(child, last));
    assert!(say(node.start, last).contains("node"));
    // More records than a node takes, and fewer than the tree says.
    for count in [0xff, 1] {
        let mut other = bytes.clone();
        put(&mut other, last + 8, &[count]);
        let error = trace(other, Checksums::Ignored).unwrap_err().to_string();
        assert!(error.contains("records"), "{error}");
    }
}

/// The messages of a group with a symbol table.
fn symbol_table(tree: RelAddr, heap: RelAddr) -> Vec<NewMessage> {
    let body = [tree.0.to_le_bytes(), heap.0.to_le_bytes()].concat();
    vec![NewMessage::new(kind::SYMBOL_TABLE, 0, body)]
}

#[test]
fn a_table_that_many_groups_share_is_not_read_without_end() {
    let mut sample = Sample::new();
    let text = sample.raw(&vec![0; 1 << 20]);
    let mut heap = b"HEAP\0\0\0\0".to_vec();
    for number in [1 << 20, u64::MAX, text.0] {
        heap.extend(number.to_le_bytes());
    }
    let heap = sample.raw(&heap);
    let mut tree = b"TREE\0\0\0\0".to_vec();
    tree.extend([0xff; 16]);
    tree.extend([0; 8]);
    let tree = sample.raw(&tree);
    let paths: Vec<_> = (0..300).map(|i| i.to_string()).collect();
    let links: Vec<_> =
        paths.iter().map(|n| (n.as_str(), sample.object(&symbol_table(tree, heap)))).collect();
    let root = sample.group(&links);
    let error = trace(sample.finish(root), Checksums::Trusted).unwrap_err();
    assert!(error.to_string().contains("each byte to belong to one object"), "{error}");
}

/// Passes over what is foreign.
struct Lenient;

impl Visitor for Lenient {
    fn foreign(&mut self, _: &str, _: Error) -> Result<()> {
        Ok(())
    }
}

#[test]
fn a_table_that_many_groups_share_in_vain_is_not_read_without_end() {
    let mut sample = Sample::new();
    let mut name = vec![b'a'; 1 << 20];
    name.push(0);
    let text = sample.raw(&name);
    let mut heap = b"HEAP\0\0\0\0".to_vec();
    for number in [name.len() as u64, u64::MAX, text.0] {
        heap.extend(number.to_le_bytes());
    }
    let heap = sample.raw(&heap);
    // The same name again and again: more than a group has.
    let mut node = b"SNOD\x01\0".to_vec();
    node.extend(20_u16.to_le_bytes());
    node.extend([0; 20 * 40]);
    let node = sample.raw(&node);
    let mut tree = b"TREE\0\0\x01\0".to_vec();
    tree.extend([0xff; 16]);
    for number in [0, node.0, 0] {
        tree.extend(number.to_le_bytes());
    }
    let tree = sample.raw(&tree);
    let paths: Vec<_> = (0..10).map(|i| i.to_string()).collect();
    let links: Vec<_> =
        paths.iter().map(|n| (n.as_str(), sample.object(&symbol_table(tree, heap)))).collect();
    let root = sample.group(&links);
    let file = opened(sample.finish(root), Checksums::Trusted);
    let error = named(&file, "0").unwrap_err();
    assert!(error.is_foreign() && error.to_string().contains("16777216 bytes of names"), "{error}");
    let error = Trace::run(&file, &mut Lenient).unwrap_err();
    assert!(error.to_string().contains("each byte to belong to one object"), "{error}");
    // What is left of them is counted as well.
    let before = file.allowance();
    let root = file.object(file.superblock().root).unwrap();
    for link in &group(&root).held {
        assert_eq!(file.object_left(link.target).unwrap().1.len(), 1);
    }
    assert!(before.check(&file, 0).is_err());
}

#[test]
fn what_jld2_does_not_read_is_named() {
    let say = |at: usize, value: &[u8]| -> Option<Error> {
        let mut bytes = sample("dense.h5");
        put(&mut bytes, at as u64, value);
        trace(bytes, Checksums::Ignored).err()
    };
    let heap = usize::try_from(find(&sample("dense.h5"), b"FRHP\0")[0]).unwrap();
    let error = say(heap + 7, &[1, 0]).unwrap();
    assert!(error.is_foreign() && error.to_string().contains("with filters"), "{error}");
}

/// All links of an object that is a group: held, and as they are listed.
fn links_of(file: &File, object: &Object) -> (Vec<Link>, Vec<Link>) {
    let group = group(object);
    let listed = group.links(file).map(|link| link.unwrap().into_owned()).collect();
    (group.held.clone(), listed)
}

/// What a walk meets: edges, objects with their paths, and bytes in use.
#[derive(Default, PartialEq, Debug)]
struct Met {
    edges: Vec<(RelAddr, u64)>,
    paths: Vec<String>,
    regions: Vec<(u64, u64)>,
}

impl Visitor for Met {
    fn object(&mut self, _: &Object, path: &str) -> Result<()> {
        self.paths.push(path.to_owned());
        Ok(())
    }

    fn edge(&mut self, edge: Edge) -> Result<()> {
        self.edges.push((edge.target, edge.at));
        Ok(())
    }

    fn region(&mut self, region: Region) -> Result<()> {
        self.regions.push((region.start, region.end));
        Ok(())
    }
}

#[test]
fn links_that_are_not_held_are_the_same() {
    for name in ["dense.h5", "old.h5"] {
        let held = opened(sample(name), Checksums::Trusted);
        let listed = opened(sample(name), Checksums::Trusted).holding(0);
        let root = held.superblock().root;
        for object in ["", "many", "order", "empty"] {
            let of = |file: &File| match object {
                "" => file.object(root).unwrap(),
                _ => named(file, object).unwrap(),
            };
            // Where a file has no such group, there is nothing to compare.
            let there = links_of(&held, &held.object(root).unwrap());
            if !object.is_empty() && !there.1.iter().any(|link| link.name == object) {
                continue;
            }
            let (one, other) = (of(&held), {
                let root = listed.object(root).unwrap();
                let link = group(&root).find(&listed, object).unwrap();
                link.map_or(root, |link| listed.object(link.target).unwrap())
            });
            let ((all, same), (none, found)) = (links_of(&held, &one), links_of(&listed, &other));
            assert_eq!(all, same);
            assert_eq!(all, found, "{name}: {object}");
            assert_eq!(group(&one).symbolic.len(), group(&other).symbolic.len());
            assert_eq!(group(&one).len(), group(&other).len());
            assert_eq!(one.header.storage, other.header.storage);
            if !one.header.storage.is_empty() && !all.is_empty() {
                assert!(none.is_empty() && other.header.pieces.len() <= one.attributes.len());
                assert!(group(&other).stored.is_some());
            }
            assert_eq!(other.header, listed.object(other.addr()).unwrap().header);
        }
        let met = [&held, &listed].map(|file| {
            let mut met = Met::default();
            Trace::run(file, &mut met).unwrap();
            // Those that are not held come behind all others.
            met.edges.sort_unstable();
            met.paths.sort_unstable();
            met.regions.sort_unstable();
            met
        });
        assert_eq!(met[0], met[1]);
        let [one, other] = [&held, &listed].map(|file| datasets(file).unwrap());
        assert_eq!(one, other);
    }
}

#[test]
fn whatever_bytes_an_index_has_a_list_is_read_to_an_end() {
    for name in ["dense.h5", "old.h5"] {
        let bytes = sample(name);
        let file = opened(bytes.clone(), Checksums::Trusted);
        let storage = named(&file, "many").unwrap().header.storage.clone();
        for storage in storage.iter().map(Result::unwrap) {
            for at in (storage.start..storage.end).step_by(7) {
                for value in [1, 0xff] {
                    let mut other = bytes.clone();
                    put(&mut other, at, &[value]);
                    let held = opened(other.clone(), Checksums::Ignored);
                    let listed = opened(other, Checksums::Ignored).holding(0);
                    let [one, two] = [&held, &listed]
                        .map(|file| Trace::run(file, &mut Nothing).map_err(|e| e.to_string()));
                    assert_eq!(one.is_ok(), two.is_ok(), "{name}: {at}: {one:?} and {two:?}");
                }
            }
        }
    }
}

//! Chunks and their indexes: forged ones that would have no end, and how they are refused.

use crate::h5::encode::{self, NewMessage};
use crate::h5::sample::Sample;
use crate::h5::{
    Checksums, Dataset, Datatype, Error, Extent, File, Object, Region, RegionKind, RelAddr, Result,
    Source, Trace, Visitor, kind,
};
use std::path::Path;

/// A layout of version 3: chunks of 64-bit numbers in a version 1 B-tree.
fn btree1(dims: &[u32], addr: RelAddr) -> Vec<u8> {
    let mut out = vec![3, 2, u8::try_from(dims.len() + 1).unwrap()];
    out.extend(addr.0.to_le_bytes());
    out.extend(dims.iter().chain([&8]).flat_map(|d| d.to_le_bytes()));
    out
}

/// A node: chunk size, start and address of each entry, and the key behind the last.
fn node(level: u8, entries: &[(u32, &[u64], RelAddr)], last: &[u64]) -> Vec<u8> {
    let mut out = b"TREE\x01".to_vec();
    out.push(level);
    out.extend(u16::try_from(entries.len()).unwrap().to_le_bytes());
    out.extend([0xff; 16]);
    let key = |out: &mut Vec<u8>, size: u32, start: &[u64]| {
        out.extend(size.to_le_bytes());
        out.extend(0_u32.to_le_bytes());
        out.extend(start.iter().chain([&0]).flat_map(|s| s.to_le_bytes()));
    };
    for (size, start, child) in entries {
        key(&mut out, *size, start);
        out.extend(child.0.to_le_bytes());
    }
    key(&mut out, 0, last);
    out
}

/// With a byte in place of another.
fn with(mut bytes: Vec<u8>, at: usize, byte: u8) -> Vec<u8> {
    bytes[at] = byte;
    bytes
}

/// A file whose one dataset, of 64-bit numbers, has this shape and layout.
fn file(mut sample: Sample, dims: &[u64], layout: Vec<u8>) -> File {
    let number = Datatype::float64();
    let dataset = sample.object(&[
        NewMessage::fill_value(),
        NewMessage::new(kind::DATASPACE, 0, encode::dataspace(Extent::Simple, dims)),
        NewMessage::new(kind::DATATYPE, 1, encode::datatype(&number)),
        NewMessage::new(kind::LAYOUT, 0, layout),
    ]);
    let root = sample.group(&[("d", dataset)]);
    File::from_source(Source::from_bytes(sample.finish(root))).unwrap()
}

fn dataset(file: &File) -> Dataset {
    let root = file.object(file.superblock().root).unwrap();
    let crate::h5::ObjectKind::Group(group) = &root.kind else { panic!("no group") };
    file.object(group.links[0].target).unwrap().dataset().unwrap().clone()
}

/// The numbers of all stored chunks.
fn walk(file: &File) -> Result<Vec<u64>> {
    let dataset = dataset(file);
    let table = file.chunks(&dataset)?.unwrap();
    let mut iter = table.stored(0..u64::MAX)?;
    let mut out = Vec::new();
    while let Some(chunk) = iter.next()? {
        out.push(chunk.number);
    }
    Ok(out)
}

fn refused(file: &File) -> String {
    walk(file).map_err(|e: Error| e.to_string()).unwrap_err()
}

const UNDEF: RelAddr = RelAddr::UNDEF;

#[test]
fn chunks_come_in_order_from_any_place() {
    let mut sample = Sample::new();
    let data = sample.raw(&[1; 32]);
    // A grid of 3 by 4 chunks, of which some are stored.
    let leaf = |sample: &mut Sample, starts: &[[u64; 2]], last: &[u64]| {
        let entries: Vec<_> = starts.iter().map(|s| (32, &s[..], data)).collect();
        sample.raw(&node(0, &entries, last))
    };
    let first = leaf(&mut sample, &[[0, 2], [0, 6], [2, 0]], &[2, 4]);
    let second = leaf(&mut sample, &[[2, 4], [4, 6]], &[6, 8]);
    let root = node(1, &[(32, &[0, 2], first), (32, &[2, 4], second)], &[6, 8]);
    let root = sample.raw(&root);
    let file = file(sample, &[5, 7], btree1(&[2, 2], root));
    assert_eq!(walk(&file).unwrap(), [1, 3, 4, 6, 11]);
    let dataset = dataset(&file);
    let table = file.chunks(&dataset).unwrap().unwrap();
    for number in 0..12 {
        let stored = [1, 3, 4, 6, 11].contains(&number);
        assert_eq!(table.get(number).unwrap().is_some(), stored, "{number}");
        assert_eq!(table.grid().is_partial(number), number % 4 == 3 || number > 7, "{number}");
    }
    // Forwards, backwards, and to where nothing is.
    let mut iter = table.stored(0..12).unwrap();
    for (from, found) in [(0, 1), (2, 3), (11, 11), (5, 6), (4, 4), (7, 11), (1, 1), (2, 3)] {
        iter.seek(from);
        assert_eq!(iter.next().unwrap().map(|chunk| chunk.number), Some(found), "{from}");
    }
    iter.seek(12);
    assert_eq!(iter.next().unwrap(), None);
    let some = |range| {
        let mut iter = table.stored(range).unwrap();
        std::iter::from_fn(|| iter.next().unwrap().map(|c| c.number)).collect::<Vec<_>>()
    };
    assert_eq!(some(2..6), [3, 4]);
    assert!(some(7..11).is_empty());
}

#[test]
fn a_tree_that_goes_round_in_circles_is_refused() {
    let mut sample = Sample::new();
    let own = sample.next();
    let root = sample.raw(&node(1, &[(64, &[0], own)], &[8]));
    assert_eq!(own, root);
    let error = refused(&file(sample, &[100], btree1(&[8], root)));
    assert!(error.contains("level of a B-tree node: expected 0, found 1"), "{error}");
}

#[test]
fn nodes_that_several_share_are_refused() {
    let mut sample = Sample::new();
    let data = sample.raw(&[1; 64]);
    let mut child = sample.raw(&node(0, &[(64, &[0], data)], &[8]));
    // Thirty levels, each with two ways down: a thousand million chunks.
    for level in 1..31 {
        child = sample.raw(&node(level, &[(64, &[0], child), (64, &[8], child)], &[16]));
    }
    let error = refused(&file(sample, &[1 << 40], btree1(&[8], child)));
    assert!(error.contains("in this place"), "{error}");
}

#[test]
fn what_a_tree_must_not_say_is_refused() {
    type Case = (&'static str, fn(&mut Sample, RelAddr) -> Vec<u8>);
    let cases: [Case; 13] = [
        ("signature of a B-tree node", |_, _| vec![0; 100]),
        ("type of a B-tree node", |_, data| {
            let mut bytes = node(0, &[(64, &[0], data)], &[8]);
            bytes[4] = 0;
            bytes
        }),
        ("level of a B-tree node", |_, data| node(200, &[(64, &[0], data)], &[8])),
        ("chunk 0 to", |_, data| node(0, &[(64, &[8], data), (64, &[0], data)], &[8])),
        ("in this place", |_, data| node(0, &[(64, &[8], data), (64, &[8], data)], &[8])),
        ("a multiple of 8", |_, data| node(0, &[(64, &[4], data)], &[8])),
        ("a multiple of 8", |_, data| node(0, &[(64, &[0], data)], &[9])),
        ("start of a chunk inside an element: expected 0, found 8", |_, data| {
            // Behind signature, size, mask and start.
            with(node(0, &[(64, &[0], data)], &[8]), 40, 8)
        }),
        ("expected 0 or a multiple of 8, found 12", |_, data| {
            with(node(0, &[(64, &[0], data)], &[8]), 72, 12)
        }),
        ("expected 0 or a multiple of 8, found 1", |sample, data| {
            let leaf = sample.raw(&node(0, &[(64, &[0], data)], &[8]));
            with(node(1, &[(64, &[0], leaf)], &[8]), 40, 1)
        }),
        ("one inside [100]", |_, data| node(0, &[(64, &[800], data)], &[8])),
        ("64 bytes without filters", |_, data| node(0, &[(63, &[0], data)], &[8])),
        ("a node with entries", |sample, _| {
            let empty = sample.raw(&node(0, &[], &[0]));
            node(1, &[(64, &[0], empty)], &[8])
        }),
    ];
    for (what, make) in cases {
        let mut sample = Sample::new();
        let data = sample.raw(&[1; 64]);
        let bytes = make(&mut sample, data);
        let root = sample.raw(&bytes);
        let error = refused(&file(sample, &[100], btree1(&[8], root)));
        let what = if what == "chunk 0 to" { "found chunk 0" } else { what };
        assert!(error.contains(what), "{what}: {error}");
    }
    for addr in [RelAddr(1 << 40), RelAddr(u64::MAX - 8)] {
        let mut sample = Sample::new();
        let root = sample.raw(&node(0, &[(64, &[0], addr)], &[8]));
        let error = refused(&file(sample, &[100], btree1(&[8], root)));
        assert!(error.contains("chunk"), "{error}");
    }
    let error = refused(&file(Sample::new(), &[100], btree1(&[8], RelAddr(1 << 40))));
    assert!(error.contains("B-tree of chunks"), "{error}");
}

/// Found by fuzzing: so many entries that their pages are more than 64 bits count.
#[test]
fn a_fixed_array_of_all_entries_there_can_be_is_refused() {
    for entries in [u64::MAX, u64::MAX - 1, u64::MAX / 8, 1 << 40] {
        let mut sample = Sample::new();
        let data = sample.raw(&[0; 64]);
        // Elements of 8 bytes without filters; pages of one entry.
        let mut header = b"FAHD\0\0\x08\0".to_vec();
        header.extend(entries.to_le_bytes());
        header.extend(data.0.to_le_bytes());
        let sum = crate::h5::checksum::lookup3(&header);
        header.extend(sum.to_le_bytes());
        let header = sample.raw(&header);
        let mut layout = vec![4, 2, 0, 2, 8];
        layout.extend([8_u64, 8].iter().flat_map(|n| n.to_le_bytes()));
        layout.extend([3, 0]);
        layout.extend(header.0.to_le_bytes());
        let error = refused(&file(sample, &[100], layout));
        assert!(error.contains("fixed array of chunks"), "{entries}: {error}");
    }
}

#[test]
fn grids_that_cannot_be_are_refused() {
    for (dims, chunk, what) in [
        (vec![100], vec![0], "size of a chunk"),
        (vec![100], vec![8, 8], "chunk rank"),
        (vec![100, 100, 100], vec![u32::MAX, u32::MAX, u32::MAX], "size of a chunk"),
        (vec![u64::MAX, u64::MAX], vec![1, 1], "number of chunks"),
    ] {
        let error = refused(&file(Sample::new(), &dims, btree1(&chunk, UNDEF)));
        assert!(error.contains(what), "{error}");
    }
    // Nothing is stored, and nothing has to be read to know that.
    let file = file(Sample::new(), &[u64::MAX], btree1(&[1], UNDEF));
    assert!(walk(&file).unwrap().is_empty());
}

/// Datasets and index parts of a file.
#[derive(Default)]
struct Parts {
    datasets: Vec<Dataset>,
    /// Each with the number of the dataset that it is of.
    indexes: Vec<(usize, Region)>,
}

impl Visitor for Parts {
    fn object(&mut self, object: &Object, _: &str) -> Result<()> {
        self.datasets.extend(object.dataset().filter(|d| d.layout.chunked().is_some()).cloned());
        Ok(())
    }

    fn region(&mut self, region: Region) -> Result<()> {
        if region.kind == RegionKind::Index {
            self.indexes.push((self.datasets.len() - 1, region));
        }
        Ok(())
    }
}

/// Walks a table, also from some places in the middle.
fn walk_from_everywhere(file: &File, dataset: &Dataset) -> Result<()> {
    let table = file.chunks(dataset)?.unwrap();
    let total = table.grid().total();
    for start in [total / 2, total.saturating_sub(1), 0] {
        let mut iter = table.stored(start..total)?;
        let mut next = start;
        while let Some(chunk) = iter.next()? {
            assert!((next..total).contains(&chunk.number));
            next = chunk.number + 1;
        }
    }
    Ok(())
}

#[test]
fn damage_in_an_index_ends_in_errors() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/chunks");
    let (mut noticed, mut passed) = (0, 0);
    for name in ["btree1", "arrays", "layout5"] {
        let bytes = std::fs::read(data.join(name).with_extension("h5")).unwrap();
        let file = File::from_source(Source::from_bytes(bytes.clone())).unwrap();
        let mut parts = Parts::default();
        Trace::run(&file, &mut parts).unwrap();
        for dataset in &parts.datasets {
            walk_from_everywhere(&file, dataset).unwrap();
        }
        assert!(parts.indexes.len() > 20, "{name}");
        for (dataset, region) in &parts.indexes {
            let dataset = &parts.datasets[*dataset];
            // The head of each part, and some of what follows.
            let head = (region.start..region.end.min(region.start + 60)).step_by(3);
            let body = (region.start + 60..region.end.min(region.start + 700)).step_by(71);
            for (at, by) in head.chain(body).zip([0x01, 0x80, 0xff].iter().cycle()) {
                let mut changed = bytes.clone();
                changed[usize::try_from(at).unwrap()] ^= by;
                let source = Source::from_bytes(changed);
                let file = File::with_checksums(source, Checksums::Ignored).unwrap();
                match walk_from_everywhere(&file, dataset) {
                    Ok(()) => passed += 1,
                    Err(error) => {
                        noticed += 1;
                        assert!(error.offset().is_some(), "{error}");
                    }
                }
            }
        }
    }
    assert!(noticed > 300 && passed > 300, "{noticed} {passed}");
}

struct Any;

impl Visitor for Any {}

/// A fuzzed file: an extensible array without most of its very many chunks, which stand in another
/// order than the data; a walk chunk by chunk took longer than ten seconds.
#[test]
fn chunks_that_are_missing_are_passed_over_in_any_order() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data/h5py/sparse.h5");
    let source = Source::from_bytes(std::fs::read(path).unwrap());
    let file = File::with_checksums(source, Checksums::Ignored).unwrap();
    Trace::run(&file, &mut Any).unwrap();
    let spent = file.spent().0.load(std::sync::atomic::Ordering::Relaxed);
    assert!(spent < 1 << 20, "{spent}");
}

//! Small files that describe walks without end.

use crate::h5::encode::{self, NewMessage};
use crate::h5::sample::Sample;
use crate::h5::{
    Datatype, Edge, Error, Extent, File, RelAddr, Result, Source, Trace, Visitor, kind,
};

#[derive(Default)]
struct Count {
    edges: u64,
}

impl Visitor for Count {
    fn edge(&mut self, _: Edge) -> Result<()> {
        self.edges += 1;
        Ok(())
    }
}

fn trace(sample: Sample, root: RelAddr) -> std::result::Result<u64, Error> {
    let file = File::from_source(Source::from_bytes(sample.finish(root)))?;
    let mut count = Count::default();
    Trace::run(&file, &mut count)?;
    Ok(count.edges)
}

/// A dataset of `n` elements of this type, its data at `addr`.
fn contiguous(d: &Datatype, n: u64, addr: RelAddr) -> Vec<NewMessage> {
    vec![
        NewMessage::fill_value(),
        NewMessage::new(kind::DATASPACE, 0, encode::dataspace(Extent::Simple, &[n])),
        NewMessage::new(kind::DATATYPE, 1, encode::datatype(d)),
        NewMessage::new(kind::LAYOUT, 0, encode::contiguous(addr, n * u64::from(d.size))),
    ]
}

#[test]
fn data_that_many_datasets_share_are_not_read_without_end() {
    let mut sample = Sample::new();
    let data = sample.raw(&vec![0; 400_000]);
    let names: Vec<_> = (0..2000).map(|i| i.to_string()).collect();
    let links: Vec<_> = names
        .iter()
        .map(|n| {
            let d = sample.object(&contiguous(&Datatype::reference(), 50_000, data));
            (n.as_str(), d)
        })
        .collect();
    let root = sample.group(&links);
    let error = trace(sample, root).unwrap_err();
    assert!(error.to_string().contains("each byte to belong to one object"), "{error}");
}

#[test]
fn a_heap_object_that_many_sequences_share_is_not_read_without_end() {
    let mut sample = Sample::new();
    let heap = sample.raw(&encode::heap(&[vec![0; 200_000]]));
    let mut vlen = 25_000_u32.to_le_bytes().to_vec();
    vlen.extend(heap.0.to_le_bytes());
    vlen.extend(1_u32.to_le_bytes());
    let data = sample.raw(&vlen.repeat(20_000));
    let d = sample.object(&contiguous(&Datatype::vlen_references(), 20_000, data));
    let root = sample.group(&[("d", d)]);
    assert!(trace(sample, root).is_err());
}

#[test]
fn long_paths_to_many_objects_are_not_kept_and_those_that_are_take_no_more_than_the_file() {
    let made = |layout: &[NewMessage]| {
        let mut sample = Sample::new();
        let names: Vec<_> = (0..3000).map(|i| i.to_string()).collect();
        let links: Vec<_> = names.iter().map(|n| (n.as_str(), sample.object(layout))).collect();
        let group = sample.group(&links);
        let long = "x".repeat(60_000);
        let root = sample.group(&[(&long, group)]);
        (sample, root)
    };
    let (sample, root) = made(&contiguous(&Datatype::float64(), 0, RelAddr::UNDEF));
    assert_eq!(trace(sample, root).unwrap(), 3001);
    // Who is told of what cannot be read keeps the path.
    let mut foreign = contiguous(&Datatype::float64(), 0, RelAddr::UNDEF);
    foreign.push(NewMessage::new(kind::EXTERNAL_FILES, 0, vec![0; 8]));
    let (sample, root) = made(&foreign);
    let file = File::from_source(Source::from_bytes(sample.finish(root))).unwrap();
    let error = Trace::run(&file, &mut PassesOver).unwrap_err();
    assert!(error.to_string().contains("paths"), "{error}");
    assert!(error.to_string().len() < 1000);
}

/// Goes on without what is foreign.
struct PassesOver;

impl Visitor for PassesOver {
    fn foreign(&mut self, _: &str, _: Error) -> Result<()> {
        Ok(())
    }
}

#[test]
fn groups_in_a_circle_are_visited_once() {
    let mut sample = Sample::new();
    // A group's size does not depend on where its links lead.
    let here = sample.next();
    let size = encode::object_header(&encode::group(&[("self", here)])).bytes.len() as u64;
    let next = RelAddr(here.0 + size);
    let first = sample.group(&[("next", next)]);
    let second = sample.group(&[("back", first)]);
    assert_eq!((first, second), (here, next));
    assert_eq!(trace(sample, first).unwrap(), 2);
}

#[test]
fn references_to_nowhere_are_told_with_their_place() {
    for target in [1_u64, 40, 48 + 3, 1 << 40, u64::MAX - 512, u64::MAX] {
        let mut sample = Sample::new();
        let data = sample.raw(&target.to_le_bytes());
        let d = sample.object(&contiguous(&Datatype::reference(), 1, data));
        let root = sample.group(&[("d", d)]);
        let error = trace(sample, root).unwrap_err();
        assert!(error.to_string().starts_with("/d: at byte "), "{error}");
    }
}

#[test]
fn shapes_that_contradict_the_data_are_told() {
    let mut sample = Sample::new();
    let data = sample.raw(&[0; 64]);
    for (n, size) in [(9, 64), (8, 72), (u64::MAX, 64), (1 << 61, 0), (8, u64::MAX), (0, 64)] {
        let mut messages = contiguous(&Datatype::float64(), 8, data);
        messages[1].body = encode::dataspace(Extent::Simple, &[n]);
        messages[3].body = encode::contiguous(data, size);
        let mut sample = Sample::new();
        assert_eq!(sample.raw(&[0; 64]), data);
        let d = sample.object(&messages);
        let root = sample.group(&[("d", d)]);
        assert!(trace(sample, root).is_err(), "{n} elements, {size} bytes");
    }
}

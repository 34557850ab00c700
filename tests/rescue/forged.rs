//! Forged and randomly changed files: what `jldconv rescue` would keep of them can be read, and finding
//! that out takes no longer than the file is worth.

use crate::repair::repair;
use crate::samples::{made, small};
use jldconv::convert::Silent;
use jldconv::h5::encode::{self, NewMessage};
use jldconv::h5::{Datatype, Extent, RelAddr, Source, Trace, Visitor, checksum::lookup3, kind};
use jldconv::julia::{Digest, Dumper, TypeTable, datasets, on_deep_stack};
use jldconv::rescue::{Lost, Outcome, Report, RescueOptions, assess};
use std::time::{Duration, Instant};

struct Any;

impl Visitor for Any {}

/// What would be rescued: all of it can be read, and is what the report says.
fn sound(what: &str, bytes: Vec<u8>) -> Option<Report> {
    sound_with(what, bytes, RescueOptions::default())
}

fn sound_with(what: &str, bytes: Vec<u8>, options: RescueOptions) -> Option<Report> {
    let start = Instant::now();
    let assessed = assess(&Source::from_bytes(bytes), options, &Silent);
    let most = Duration::from_secs(30);
    assert!(start.elapsed() < most, "{what}: {:?}", start.elapsed());
    let assessed = assessed.ok()?;
    let worth = matches!(assessed.report.outcome, Outcome::Rescued | Outcome::RescuedInPart);
    assert_eq!(assessed.file.is_some(), worth, "{what}");
    if let Some(file) = &assessed.file {
        Trace::run(file, &mut Any).unwrap_or_else(|e| panic!("{what}: {e}"));
        let found = datasets(file).unwrap_or_else(|e| panic!("{what}: {e}"));
        let found: Vec<_> = found.into_iter().collect();
        let told: Vec<_> = assessed.report.rescued.iter().map(|it| it.path.as_str()).collect();
        assert_eq!(found.iter().map(|(p, _)| p.as_str()).collect::<Vec<_>>(), told, "{what}");
        on_deep_stack(|| {
            let types = TypeTable::new(file);
            for (_, addr) in &found {
                let _ = Dumper::new(&types, Digest::Xxh3).node(*addr, &mut std::io::sink());
            }
        })
        .unwrap();
    }
    Some(assessed.report)
}

/// A generator that needs no more than to be the same each time.
struct Random(u64);

impl Random {
    fn next(&mut self, below: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % below.max(1)
    }
}

/// Found by fuzzing: the data of an array that has lost elements stand where another object's header
/// does, so that making them undefined would destroy that one.
#[test]
fn arrays_that_share_bytes_with_others_are_not_changed() {
    let whole = made("shares-bytes.jld2");
    let mut cut = whole.clone();
    cut.truncate(whole.len() / 3 * 2);
    let mut hole = whole.clone();
    let start = whole.len() / 1024 * 512;
    hole[start..start + 512].fill(0);
    let mut without_front = whole.clone();
    without_front[..560].fill(0);
    let mut told = 0;
    for bytes in [whole, cut, hole, without_front] {
        sound_with("shares bytes", bytes.clone(), RescueOptions { partial: true });
        let report = sound("shares bytes", bytes);
        let lost = report.map(|it| it.lost).unwrap_or_default();
        told += lost.iter().filter(|it| it.reason.contains("share bytes with the object")).count();
    }
    assert!(told > 0, "it is told");
}

/// Found by fuzzing: the data of an array that has lost an element stand in its own header, so that
/// making it undefined would destroy the array itself.
#[test]
fn arrays_that_share_bytes_with_their_own_header_are_not_changed() {
    let mut bytes = made("shares-own-bytes.jld2");
    bytes[..560].fill(0);
    sound_with("shares its own bytes", bytes.clone(), RescueOptions { partial: true });
    let report = sound("shares its own bytes", bytes).unwrap();
    let own = |it: &&Lost| it.reason.contains("share bytes with its own header");
    assert_eq!(report.lost.iter().filter(own).count(), 1, "{:?}", report.lost);
    assert!(!report.rescued.is_empty(), "others are kept");
}

/// A string stands in a heap that is part of the data of an array of references. That an element of this
/// is lost must not cost the string.
#[test]
fn arrays_whose_data_hold_the_heap_of_another_are_not_changed() {
    let mut bytes = unclosed();
    let kept = here(&bytes);
    bytes.extend(dataset(encode::compact(&[1; 8]), 1, &Datatype::float64(), &[]));
    let data = here(&bytes);
    bytes.extend(kept.0.to_le_bytes());
    let heap = here(&bytes);
    let text = b"a text that is left".to_vec();
    let mut entry = u32::try_from(text.len()).unwrap().to_le_bytes().to_vec();
    entry.extend(heap.0.to_le_bytes());
    entry.extend(1_u32.to_le_bytes());
    bytes.extend(encode::heap(&[text]));
    let size = (here(&bytes).0 - data.0) / 8 * 8;
    let strings = here(&bytes).0 + 512;
    bytes.extend(dataset(encode::compact(&entry), 1, &Datatype::vlen_string(), &[]));
    let references = here(&bytes).0 + 512;
    let layout = encode::contiguous(data, size);
    bytes.extend(dataset(layout, size / 8, &Datatype::reference(), &[]));
    let report = sound("holds a heap", bytes).unwrap();
    let rescued: Vec<_> = report.rescued.iter().map(|it| it.offset).collect();
    assert_eq!(rescued, [560, strings]);
    let lost: Vec<_> = report.lost.iter().map(|it| (it.offset, it.reason.as_str())).collect();
    let reason = format!(
        "some of its elements are lost, and its data share bytes with the object at byte {strings}"
    );
    assert_eq!(lost, [(references, reason.as_str())]);
}

/// An attribute leads to the group `_types`, and a link of that to nothing.
#[test]
fn groups_that_objects_refer_to_are_made_anew() {
    let mut bytes = made("refers-to-types.jld2");
    bytes[..560].fill(0);
    let report = sound("refers to _types", bytes).unwrap();
    let paths: Vec<_> = report.rescued.iter().map(|it| it.path.as_str()).collect();
    assert_eq!(paths, ["/ms"]);
}

#[test]
fn what_is_kept_of_random_bytes_can_be_read() {
    let mut random = Random(7);
    let mut kept = 0;
    for (name, bytes) in small() {
        for round in 0..60 {
            let mut bytes = bytes.clone();
            for _ in 0..=random.next(4) {
                let at = 512 + random.next(bytes.len() - 512);
                bytes[at] = match random.next(4) {
                    0 => 0,
                    1 => 0xff,
                    2 => bytes[random.next(bytes.len())],
                    _ => bytes[at].wrapping_add(1),
                };
            }
            // Behind checksums that are right again, anything goes.
            if round % 3 != 0 {
                repair(&mut bytes);
            }
            match round % 4 {
                0 => bytes[..560].fill(0),
                1 => bytes.truncate(600 + random.next(bytes.len())),
                _ => {}
            }
            let report = sound(&format!("{name}, {round}"), bytes);
            kept += u64::from(report.is_some_and(|report| !report.rescued.is_empty()));
        }
    }
    assert!(kept > 300, "{kept}");
}

fn dataset(layout: Vec<u8>, elements: u64, datatype: &Datatype, more: &[NewMessage]) -> Vec<u8> {
    let mut messages = vec![
        NewMessage::fill_value(),
        NewMessage::new(kind::DATASPACE, 0, encode::dataspace(Extent::Simple, &[elements])),
        NewMessage::new(kind::DATATYPE, 1, encode::datatype(datatype)),
        NewMessage::new(kind::LAYOUT, 0, layout),
    ];
    messages.extend_from_slice(more);
    encode::object_header(&messages).bytes
}

/// A front of zeros, so that everything is found by the scan.
fn unclosed() -> Vec<u8> {
    vec![0; 560]
}

fn here(bytes: &[u8]) -> RelAddr {
    RelAddr(bytes.len() as u64 - 512)
}

#[test]
fn many_arrays_of_the_same_references_cost_no_more_than_the_file() {
    let mut bytes = unclosed();
    let target = here(&bytes);
    bytes.extend(dataset(encode::compact(&[1; 8]), 1, &Datatype::float64(), &[]));
    let data = here(&bytes);
    let count = 1 << 15;
    bytes.extend((0..count).flat_map(|_| target.0.to_le_bytes()));
    for _ in 0..4000 {
        let layout = encode::contiguous(data, 8 * count);
        bytes.extend(dataset(layout, count, &Datatype::reference(), &[]));
    }
    sound("references", bytes);
}

#[test]
fn many_headers_with_one_continuation_cost_no_more_than_the_file() {
    let mut bytes = unclosed();
    let chunk = here(&bytes);
    let mut body = b"OCHK".to_vec();
    for _ in 0..200 {
        NewMessage::new(kind::NIL, 0, vec![0xee; 2000]).write(&mut body);
    }
    body.extend(lookup3(&body).to_le_bytes());
    let len = body.len() as u64;
    bytes.extend(body);
    // Every second one does not make sense in the end.
    for i in 0..5000_u64 {
        let mut to = chunk.0.to_le_bytes().to_vec();
        to.extend(len.to_le_bytes());
        let more = [
            NewMessage::new(kind::CONTINUATION, 0, to),
            NewMessage::new(kind::LAYOUT, 0, vec![9; usize::from(i % 2 == 0)]),
        ];
        let more = &more[..=usize::from(i % 2 == 0)];
        bytes.extend(dataset(encode::compact(&[1; 8]), 1, &Datatype::float64(), more));
    }
    sound("continuations", bytes);
}

#[test]
fn groups_in_circles_and_very_long_paths_end() {
    let mut bytes = unclosed();
    let value = here(&bytes);
    bytes.extend(dataset(encode::compact(&[1; 8]), 1, &Datatype::float64(), &[]));
    // Each group leads to the next one by many names, and the last to the first.
    let header = |to: RelAddr, types: bool| {
        let mut links: Vec<_> = (0..40).map(|n| (format!("{n}{}", "x".repeat(200)), to)).collect();
        links.push(("value".to_owned(), value));
        if types {
            links.push(("_types".to_owned(), value));
        }
        encode::object_header(&encode::group(&links)).bytes
    };
    let size = header(value, false).len() as u64;
    let first = here(&bytes);
    for n in 1..=200 {
        let to = if n == 200 { first } else { RelAddr(first.0 + n * size) };
        bytes.extend(header(to, n == 200));
    }
    // Or it is refused, for paths that are longer than the file.
    sound("groups", bytes);
}

#[test]
fn signatures_alone_are_nothing() {
    let mut bytes = unclosed();
    for signature in [&b"OHDR\x02\0\xff"[..], b"OCHK\0\0\0\0", b"GCOL\x01\0\0\0"] {
        for _ in 0..20_000 {
            bytes.extend(signature);
        }
    }
    let report = sound("signatures", bytes).unwrap();
    assert_eq!(report.outcome, Outcome::NothingLeft);
}

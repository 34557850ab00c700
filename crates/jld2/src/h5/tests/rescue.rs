//! Files that were never closed.

use crate::h5::encode::{self, NewMessage};
use crate::h5::sample::Sample;
use crate::h5::{Datatype, ErrorKind, File, Source, kind};
use std::time::{Duration, Instant};

fn say(bytes: Vec<u8>) -> String {
    let error = File::from_source(Source::from_bytes(bytes)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unclosed { .. }), "{error}");
    assert!(error.offset().is_some());
    error.to_string()
}

/// Two datasets and a type, with a group if it got so far, and a front that was never written.
fn killed(with_group: bool) -> Vec<u8> {
    let mut sample = Sample::new();
    let datatype = encode::datatype(&Datatype::float64());
    let value = |sample: &mut Sample| {
        sample.object(&[
            NewMessage::new(kind::DATATYPE, 1, datatype.clone()),
            NewMessage::new(kind::LAYOUT, 0, encode::compact(&[1; 8])),
        ])
    };
    let first = value(&mut sample);
    value(&mut sample);
    sample.object(&[NewMessage::new(kind::DATATYPE, 0x40, datatype.clone())]);
    if with_group {
        sample.group(&[("x", first)]);
    }
    let mut bytes = sample.finish(first);
    bytes[..560].fill(0);
    bytes
}

#[test]
fn what_could_be_rescued_is_counted() {
    let said = say(killed(false));
    assert!(said.starts_with("its writer was killed before the file was closed"), "{said}");
    assert!(said.contains("bytes 0 to 559"), "{said}");
    assert!(said.contains("data begin at byte 560"), "{said}");
    assert!(said.contains("datasets 2, types 1, groups 0; names are lost"), "{said}");
    let said = say(killed(true));
    assert!(said.contains("datasets 2, types 1, groups 1"), "{said}");
    assert!(!said.contains("names"), "{said}");
}

#[test]
fn headers_do_not_count_without_their_checksums_and_are_found_anywhere() {
    let mut bytes = killed(false);
    let end = bytes.len();
    bytes[end - 1] ^= 1;
    assert!(say(bytes.clone()).contains("datasets 2, types 0"));
    bytes[end - 4..].fill(0);
    assert!(say(bytes).contains("datasets 2, types 0"));
    // Across the border of what is read at once.
    let header = encode::object_header(&[NewMessage::new(kind::LAYOUT, 0, encode::compact(&[7]))]);
    for at in (256 << 10) - 8..(256 << 10) + 8 {
        let mut bytes = vec![0; 560 + at];
        bytes.extend(&header.bytes);
        bytes.extend(vec![0; 5000]);
        let said = say(bytes);
        assert!(said.contains(&format!("data begin at byte {}", 560 + at)), "{said}");
        assert!(said.contains("datasets 1, types 0"), "{at}: {said}");
    }
}

#[test]
fn nothing_but_zeros_is_said_to_be_that() {
    for len in [1, 100, 559, 560, 561, 5000, 300_000] {
        assert!(say(vec![0; len]).contains("nothing can be rescued"), "{len}");
    }
    let mut bytes = vec![0; 5000];
    bytes[700] = 1;
    let said = say(bytes.clone());
    assert!(said.contains("data begin at byte 700"), "{said}");
    assert!(said.contains("nothing can be rescued"), "{said}");
    // A front that is not zero is another matter.
    bytes[3] = 1;
    let error = File::from_source(Source::from_bytes(bytes)).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotJld2 { .. }), "{error}");
}

#[test]
fn headers_inside_one_another_cost_no_more_than_the_file() {
    // Each claims the rest of the file, and has no checksum.
    let mut bytes = vec![0; 560];
    while bytes.len() < 1 << 20 {
        bytes.extend(b"OHDR\x02\x02");
        bytes.extend(500_000_u32.to_le_bytes());
    }
    bytes.resize(bytes.len() + 500_000, 1);
    let start = Instant::now();
    let said = say(bytes);
    assert!(said.contains("nothing can be rescued"), "{said}");
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

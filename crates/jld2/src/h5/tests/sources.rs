//! Reading through the cache and past it.

use crate::h5::{ErrorKind, Source};
use proptest::collection::vec;
use proptest::prelude::*;
use std::io::{Read as _, Write as _};

const LEN: u64 = 300_000;

fn index(offset: u64) -> usize {
    usize::try_from(offset).unwrap()
}

fn bytes() -> Vec<u8> {
    (0..LEN).map(|i| (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
}

fn file() -> Source {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes()).unwrap();
    Source::from_file(file).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn cached_reads_equal_plain_ones(
        reads in vec((0..LEN + 50, prop_oneof![0_usize..200, 0_usize..70_000]), 1..40),
    ) {
        let (cached, plain) = (file(), Source::from_bytes(bytes()));
        for (offset, len) in reads {
            let inside = offset + len as u64 <= LEN;
            let (a, b) = (cached.read(offset, len, "it"), plain.read(offset, len, "it"));
            prop_assert_eq!(a.is_ok(), inside);
            prop_assert_eq!(b.is_ok(), inside);
            if let (Ok(a), Ok(b)) = (a, b) {
                prop_assert!(a == b);
                prop_assert!(a == bytes()[index(offset)..][..len]);
            }
        }
    }

    #[test]
    fn streams_equal_plain_reads(offset in 0..LEN, len in 0..LEN, step in 1_usize..300_000) {
        let source = file();
        let stream = source.stream(offset, len, "it");
        prop_assert_eq!(stream.is_ok(), offset + len <= LEN);
        let Ok(mut stream) = stream else { return Ok(()) };
        let mut out: Vec<u8> = Vec::new();
        let mut buffer = vec![0; step];
        loop {
            let n = stream.read(&mut buffer).unwrap();
            if n == 0 {
                break;
            }
            out.extend(&buffer[..n]);
        }
        prop_assert!(out == bytes()[index(offset)..][..index(len)]);
    }

    #[test]
    fn an_overlay_reads_as_the_edited_bytes(
        end in 0..LEN, append in vec(any::<u8>(), 0..500),
        edits in vec((0_u64..1000, vec(any::<u8>(), 1..40)), 0..20),
        reads in vec((0..LEN, 0_usize..2000), 1..20),
    ) {
        let mut edited = bytes()[..index(end)].to_vec();
        edited.extend(&append);
        let mut at = 0;
        let mut replace = Vec::new();
        for (gap, bytes) in edits {
            let next = at + gap + bytes.len() as u64;
            if next > end {
                break;
            }
            edited[index(at + gap)..index(next)].copy_from_slice(&bytes);
            replace.push((at + gap, bytes));
            at = next;
        }
        let source = Source::overlay(file(), end, append, replace);
        prop_assert_eq!(source.len(), edited.len() as u64);
        for (offset, len) in reads {
            let want = edited.get(index(offset)..).and_then(|b| b.get(..len));
            let read = source.read(offset, len, "it").ok();
            prop_assert_eq!(read.as_deref(), want);
        }
    }
}

#[test]
fn lengths_that_overflow_are_refused() {
    for source in [file(), Source::from_bytes(bytes())] {
        for (offset, len) in
            [(u64::MAX, 1), (1, u64::MAX), (u64::MAX - 3, 8), (LEN, 1), (LEN + 1, 0)]
        {
            assert!(source.check(offset, len, "it").is_err());
            assert!(source.stream(offset, len, "it").is_err());
        }
        assert!(source.read(0, usize::MAX, "it").is_err());
        assert!(source.read(LEN, 0, "it").unwrap().is_empty());
    }
}

#[test]
fn a_file_that_shrinks_meanwhile_gives_an_error() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&bytes()).unwrap();
    let source = Source::from_file(file.try_clone().unwrap()).unwrap();
    file.set_len(1000).unwrap();
    let error = source.read(200_000, 10, "it").unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Io(_)), "{error}");
    let mut stream = source.stream(200_000, 10, "it").unwrap();
    assert!(stream.read(&mut [0; 4]).is_err());
}

#[test]
fn what_a_shared_source_has_read_is_not_read_again() {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&vec![7; 100_000]).unwrap();
    let source = Source::from_file(file).unwrap();
    source.read(10, 5, "some").unwrap();
    let read = source.bytes_read();
    let (shared, again) = (source.shared().unwrap(), source.again().unwrap());
    assert_eq!(shared.read(20, 5, "some").unwrap(), [7; 5]);
    assert_eq!(source.bytes_read(), read);
    assert_eq!(again.read(20, 5, "some").unwrap(), [7; 5]);
    assert!(source.bytes_read() > read);
    // The other way round, and without a file.
    shared.read(90_000, 5, "some").unwrap();
    let read = shared.bytes_read();
    source.read(90_000, 5, "some").unwrap();
    assert_eq!(source.bytes_read(), read);
    let memory = Source::from_bytes(vec![3; 9]).shared().unwrap();
    assert_eq!(memory.read(8, 1, "some").unwrap(), [3]);
}

//! Object headers: messages in order, gaps, continuations.

use crate::h5::encode::{self, HeaderForm, NewMessage};
use crate::h5::sample::Sample;
use crate::h5::{
    Checked, Checksums, Error, File, ObjectHeader, RelAddr, Source, checksum::lookup3, header_flag,
    kind,
};
use proptest::collection::vec;
use proptest::prelude::*;

fn open(sample: Sample, root: RelAddr) -> File {
    File::from_source(Source::from_bytes(sample.finish(root))).unwrap()
}

fn read(file: &File, addr: RelAddr) -> Result<ObjectHeader, Error> {
    ObjectHeader::read(file.source(), file.superblock(), addr, Checksums::Trusted)
}

fn message() -> impl Strategy<Value = NewMessage> {
    let body = prop_oneof![4 => vec(any::<u8>(), 0..60), 1 => vec(any::<u8>(), 0..2000)];
    (0_u8..=kind::LAST, any::<u8>(), body)
        .prop_filter("continuations lead elsewhere", |(k, ..)| *k != kind::CONTINUATION)
        .prop_map(|(k, flags, body)| NewMessage::new(k, flags, body))
}

fn continuation(addr: RelAddr, len: u64) -> NewMessage {
    let mut body = addr.0.to_le_bytes().to_vec();
    body.extend(len.to_le_bytes());
    NewMessage::new(kind::CONTINUATION, 0, body)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn messages_are_read_as_written(messages in vec(message(), 0..40)) {
        let mut sample = Sample::new();
        let addr = sample.object(&messages);
        let file = open(sample, addr);
        let header = read(&file, addr).unwrap();
        prop_assert_eq!(header.messages.len(), messages.len());
        for (read, written) in header.messages.iter().zip(&messages) {
            prop_assert_eq!((read.kind, read.flags), (written.kind, written.flags));
            prop_assert_eq!(header.body(read), &written.body[..]);
            prop_assert_eq!(read.body, read.offset + 4);
        }
        prop_assert_eq!(header.chunks[0].end(), file.source().len());
    }

    #[test]
    fn a_changed_byte_of_a_header_is_told(
        messages in vec(message(), 1..5), at in any::<prop::sample::Index>(), bit in 0_u8..8,
    ) {
        let mut sample = Sample::new();
        let addr = sample.object(&messages);
        let mut bytes = sample.finish(addr);
        let at = 560 + at.index(bytes.len() - 560);
        bytes[at] ^= 1 << bit;
        let file = File::from_source(Source::from_bytes(bytes)).unwrap();
        let error = read(&file, addr).unwrap_err();
        prop_assert!(error.offset().is_some());
    }

    #[test]
    fn what_a_header_keeps_beside_messages_is_read_as_written(
        messages in vec((message(), any::<u16>()), 0..40), flags in any::<u8>(),
    ) {
        let flags = flags & header_flag::KEPT;
        let times = if flags & header_flag::TIMES != 0 { 16 } else { 0 };
        let bounds = if flags & header_flag::PHASE_CHANGE != 0 { 4 } else { 0 };
        let form = HeaderForm { flags, extra: (0..times + bounds).collect() };
        let messages: Vec<_> =
            messages.into_iter().map(|(m, order)| NewMessage { order, ..m }).collect();
        let encoded = encode::object_header_as(&form, &messages);
        let mut sample = Sample::new();
        let addr = sample.unaligned(&encoded.bytes);
        let file = open(sample, addr);
        let header = read(&file, addr).unwrap();
        prop_assert_eq!(header.flags & header_flag::KEPT, flags);
        prop_assert_eq!(&header.extra, &form.extra);
        prop_assert_eq!(header.messages.len(), messages.len());
        let tracked = flags & header_flag::ORDER_TRACKED != 0;
        for ((read, written), body) in header.messages.iter().zip(&messages).zip(encoded.bodies) {
            prop_assert_eq!((read.kind, read.flags), (written.kind, written.flags));
            prop_assert_eq!(read.order, tracked.then_some(written.order));
            prop_assert_eq!(header.body(read), &written.body[..]);
            prop_assert_eq!(read.body, 560 + body as u64);
        }
    }

    /// Whatever a hole in the file takes of a header, its checksum was not lost on the way to it.
    #[test]
    fn a_header_with_a_hole_is_damaged(
        compact in vec(1_u8.., 0..3000), shift in 0_usize..600, from in 0_usize..8, many in 1_usize..4,
    ) {
        let mut sample = Sample::new();
        sample.unaligned(&vec![0xaa; shift]);
        let addr = sample.object(&[
            NewMessage::fill_value(),
            NewMessage::new(kind::LAYOUT, 0, encode::compact(&compact)),
            NewMessage::placeholder(),
        ]);
        sample.unaligned(&[0xbb; 700]);
        let mut bytes = sample.finish(addr);
        let at = 512 * (from + 2);
        let end = (at + 512 * many).min(bytes.len());
        prop_assume!(at < end);
        bytes[at..end].fill(0);
        let file = File::from_source(Source::from_bytes(bytes)).unwrap();
        let start = usize::try_from(addr.0).unwrap() + 512;
        let area = 6 + 8 + compact.len() + 20;
        let checksum = start + if area < 256 { 7 } else { 8 } + area;
        // The filler at the end is zero anyway.
        let hit = start < end && at < checksum - 18;
        prop_assert!(!hit || read(&file, addr).is_err(), "{at} to {end} of {start} to {checksum}");
    }

    /// Zeros up to the checksum that are not a block of a disk, in a header as JLD2 writes it.
    #[test]
    fn zeros_up_to_the_checksum_are_damage(len in 25_usize..200) {
        let mut sample = Sample::new();
        let addr = sample.object(&[
            NewMessage::fill_value(),
            NewMessage::new(kind::LAYOUT, 0, encode::compact(&[7; 300])),
            NewMessage::placeholder(),
        ]);
        sample.unaligned(&[1; 512]);
        let mut bytes = sample.finish(addr);
        let end = bytes.len() - 512;
        bytes[end - len..end].fill(0);
        let file = File::from_source(Source::from_bytes(bytes)).unwrap();
        prop_assert!(read(&file, addr).unwrap_err().is_checksum());
    }

    #[test]
    fn a_lost_checksum_is_no_damage(
        compact in vec(any::<u8>(), 0..400), shift in 0_usize..1200, group in any::<bool>(),
    ) {
        let mut sample = Sample::new();
        sample.unaligned(&vec![1; shift]);
        let addr = if group {
            sample.group(&[("a", RelAddr(48)), ("b", RelAddr(48))])
        } else {
            sample.object(&[
                NewMessage::fill_value(),
                NewMessage::new(kind::LAYOUT, 0, encode::compact(&compact)),
                NewMessage::placeholder(),
            ])
        };
        let mut bytes = sample.finish(addr);
        let end = bytes.len();
        bytes[end - 4..].fill(0);
        let at = |checksums, bytes: &[u8]| {
            let file = File::from_source(Source::from_bytes(bytes.to_vec())).unwrap();
            let header = ObjectHeader::read(file.source(), file.superblock(), addr, checksums);
            header.map(|h| h.chunks[0].checked)
        };
        prop_assert_eq!(at(Checksums::Trusted, &bytes).unwrap(), Checked::Lost);
        prop_assert_eq!(at(Checksums::Ignored, &bytes).unwrap(), Checked::Lost);
        // Any other wrong one is.
        bytes[end - 2] ^= 0x55;
        prop_assert!(at(Checksums::Trusted, &bytes).unwrap_err().is_checksum());
        prop_assert_eq!(at(Checksums::Ignored, &bytes).unwrap(), Checked::Wrong);
    }

    #[test]
    fn a_gap_of_less_than_a_message_is_legal(gap in 1_usize..4, messages in vec(message(), 0..4)) {
        let mut header = encode::object_header(&messages).bytes;
        // One chunk of a known width: 4 bytes of size.
        let area: Vec<u8> = header.split_off(6 + (1 << (header[5] & 3)));
        let area = &area[..area.len() - 4];
        let mut bytes = b"OHDR\x02\x02".to_vec();
        bytes.extend(u32::try_from(area.len() + gap).unwrap().to_le_bytes());
        bytes.extend(area);
        bytes.extend(vec![0xee; gap]);
        bytes.extend(lookup3(&bytes).to_le_bytes());
        let mut sample = Sample::new();
        let addr = sample.unaligned(&bytes);
        let file = open(sample, addr);
        prop_assert_eq!(read(&file, addr).unwrap().messages.len(), messages.len());
    }
}

#[test]
fn continuations_are_read_where_they_belong() {
    let nil = |n: usize| NewMessage::new(kind::NIL, 0, vec![0; n]);
    let mut sample = Sample::new();
    let (third, third_len) = sample.continuation(&[nil(3)]);
    let (second, second_len) = sample.continuation(&[nil(2), continuation(third, third_len)]);
    let (fourth, fourth_len) = sample.continuation(&[nil(4)]);
    let first = sample.object(&[
        nil(1),
        continuation(second, second_len),
        continuation(fourth, fourth_len),
    ]);
    let file = open(sample, first);
    let header = read(&file, first).unwrap();
    let lengths: Vec<_> = header.of_kind(kind::NIL).map(|m| m.len).collect();
    assert_eq!(lengths, [1, 2, 3, 4]);
    assert_eq!(header.chunks.len(), 4);
}

#[test]
fn continuations_in_a_circle_are_cut() {
    // A block that leads to itself: its checksum covers its own address, which is known before.
    let mut sample = Sample::new();
    let here = sample.next();
    let (block, len) = sample.continuation(&[continuation(here, 28)]);
    assert_eq!((block, len), (here, 28));
    let first = sample.object(&[continuation(block, len)]);
    let file = open(sample, first);
    let error = read(&file, first).unwrap_err();
    assert!(error.to_string().contains("again"), "{error}");

    // A header that leads to itself is not a continuation block.
    let mut sample = Sample::new();
    let here = sample.next();
    let first = sample.object(&[continuation(here, 31)]);
    assert!(read(&open(sample, first), first).is_err());
}

#[test]
fn overlapping_continuations_end() {
    // Each block holds all those before it in a spare message, so that a file of n bytes describes
    // n² / 64 of them.
    let total = 2000;
    let base = RelAddr(560 - 512);
    let mut bytes = b"OCHK".to_vec();
    bytes.extend(lookup3(&bytes).to_le_bytes());
    for level in (0..total).rev() {
        let mut block = b"OCHK".to_vec();
        let inside = RelAddr(base.0 + 28 * (level + 1));
        continuation(inside, bytes.len() as u64).write(&mut block);
        NewMessage::new(kind::NIL, 0, bytes).write(&mut block);
        block.extend(lookup3(&block).to_le_bytes());
        bytes = block;
    }
    let mut sample = Sample::new();
    let outermost = sample.unaligned(&bytes);
    let first = sample.object(&[continuation(outermost, bytes.len() as u64)]);
    let file = open(sample, first);
    let error = read(&file, first).unwrap_err();
    assert!(error.to_string().contains("each byte once"), "{error}");
}

#[test]
fn lengths_beyond_the_container_are_told() {
    for (flags, size) in [(0, 0xff_u64), (1, 0xffff), (2, 0xffff_ffff), (3, u64::MAX), (3, 1 << 62)]
    {
        let mut bytes = vec![b'O', b'H', b'D', b'R', 2, flags];
        bytes.extend(&size.to_le_bytes()[..1 << flags]);
        let mut sample = Sample::new();
        let addr = sample.unaligned(&bytes);
        let error = read(&open(sample, addr), addr).unwrap_err();
        assert!(error.offset().is_some_and(|o| (560..570).contains(&o)), "{error}");
    }
    // A header whose size field ends behind the container, but inside the file.
    let mut sample = Sample::new();
    let addr = sample.unaligned(b"OHDR\x02\x03");
    let mut bytes = sample.finish(addr);
    bytes.extend([0xff; 64]);
    let file = File::from_source(Source::from_bytes(bytes)).unwrap();
    assert!(read(&file, addr).is_err());
    // Continuations of impossible lengths.
    for len in [0, 1, 7, 8, 1 << 20, u64::MAX, u64::MAX - 511, u64::MAX - 600] {
        let mut sample = Sample::new();
        let (block, _) = sample.continuation(&[]);
        let first = sample.object(&[continuation(block, len)]);
        let result = read(&open(sample, first), first);
        assert_eq!(result.is_ok(), len == 8, "{len}");
    }
}

#[test]
fn more_messages_than_any_writer_makes_are_refused() {
    let mut bytes = b"OHDR\x02\x02".to_vec();
    let count = (1_usize << 19) + 1;
    bytes.extend(u32::try_from(4 * count).unwrap().to_le_bytes());
    bytes.resize(bytes.len() + 4 * count, 0);
    bytes.extend(lookup3(&bytes).to_le_bytes());
    let mut sample = Sample::new();
    let addr = sample.unaligned(&bytes);
    assert!(read(&open(sample, addr), addr).unwrap_err().to_string().contains("2^19"));
}

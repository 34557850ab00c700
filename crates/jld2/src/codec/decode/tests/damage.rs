//! Damaged payloads cost an error, never a panic, a wrong length or much memory.

use super::{Dribble, VECTORS, decode, decode_by, one, vectors};
use crate::codec::{Error, Filter, Payload, decoder, ids};
use proptest::prelude::*;
use std::io::{self, BufRead as _, Read as _};

#[test]
fn cut_off_everywhere() {
    let data = vectors::data();
    for (id, payload) in VECTORS {
        for end in 0..payload.len() {
            let error = decode(&one(id), &payload[..end], data.len()).unwrap_err();
            assert!(
                matches!(error, Error::Truncated { at, .. } if at == end as u64),
                "{id} at {end}: {error}"
            );
        }
    }
}

/// Formats with a checksum over all: no flipped bit may go unnoticed.
#[test]
fn every_bit_flipped() {
    let data = vectors::data();
    for (id, payload) in VECTORS {
        let sure = id != ids::LZ4 && payload != vectors::ZSTD_STREAM || payload == vectors::LZ4_ALL;
        for bit in 0..payload.len() * 8 {
            let mut damaged = payload.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            if let Ok(decoded) = decode(&one(id), &damaged, data.len()) {
                assert_eq!(decoded.len(), data.len());
                assert!(!sure || decoded == data, "{id} bit {bit}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn mutated(
        which in 0_usize..9, changes in proptest::collection::vec((any::<u32>(), any::<u8>()), 1..6),
        cut in proptest::option::of(any::<u32>()), most in 1_usize..400, len in 0_usize..300_000,
    ) {
        let (id, payload) = VECTORS[which];
        let mut damaged = payload.to_vec();
        for (at, byte) in changes {
            let at = at as usize % damaged.len();
            damaged[at] = byte;
        }
        if let Some(cut) = cut {
            damaged.truncate(cut as usize % payload.len());
        }
        let len = if len < 250_000 { vectors::data().len() } else { len };
        let quick = decode(&one(id), &damaged, len);
        let slow = decode_by(&one(id), &Dribble { bytes: &damaged, most }, len, 5000);
        match (quick, slow) {
            (Ok(quick), Ok(slow)) => prop_assert!(quick == slow && quick.len() == len),
            (Err(_), Err(_)) => {}
            (quick, slow) => prop_assert!(false, "{:?} {:?}", quick.err(), slow.err()),
        }
    }

    #[test]
    fn noise(
        payload in proptest::collection::vec(any::<u8>(), 0..400), len in 0_usize..5000,
        pipeline in proptest::collection::vec((0_usize..5, 0_u32..70), 0..4), mask in 0_u32..16,
        frame in any::<bool>(),
    ) {
        let known = [ids::DEFLATE, ids::SHUFFLE, ids::BZIP2, ids::LZ4, ids::ZSTD];
        let filters: Vec<Filter> = pipeline
            .into_iter()
            .map(|(which, value)| Filter::new(known[which], [value], None))
            .collect();
        let mut payload = payload;
        if frame {
            payload.splice(0..0, vectors::LZ4_LINKED[..7].iter().copied());
        }
        if let Ok(mut reader) = decoder(&filters, mask, &payload, len as u64) {
            let mut out = Vec::new();
            if reader.read_to_end(&mut out).is_ok() {
                prop_assert_eq!(out.len(), len);
            }
        }
    }

    /// A raw block decodes here to what `lz4_flex` makes of it, or fails where that fails.
    #[test]
    fn raw_blocks_as_lz4_flex(
        block in proptest::collection::vec(prop_oneof![Just(0_u8), Just(255), Just(1), any::<u8>()], 1..200),
        size in 1_usize..2000, most in 1_usize..50,
    ) {
        prop_assume!(block.len() != size);
        let mut payload = (size as u64).to_be_bytes().to_vec();
        payload.extend_from_slice(&u32::try_from(size).unwrap().to_be_bytes());
        payload.extend_from_slice(&u32::try_from(block.len()).unwrap().to_be_bytes());
        payload.extend_from_slice(&block);
        let mut theirs = vec![0; size];
        let n = lz4_flex::block::decompress_into(&block, &mut theirs);
        let ours = decode(&one(ids::LZ4), &payload, size);
        let slow = decode_by(&one(ids::LZ4), &Dribble { bytes: &payload, most }, size, 100);
        if matches!(n, Ok(n) if n == size) {
            prop_assert_eq!(&ours.unwrap(), &theirs);
            prop_assert_eq!(&slow.unwrap(), &theirs);
        } else {
            prop_assert!(ours.is_err() && slow.is_err(), "{:?}", n);
        }
    }
}

/// A payload that is computed as it is read: a raw LZ4 block of zeros without an end.
struct Endless {
    head: Vec<u8>,
    len: u64,
}

impl Payload for Endless {
    fn len(&self) -> u64 {
        self.len
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        if offset < self.head.len() as u64 {
            return (&self.head[usize::try_from(offset).unwrap()..]).read(buf);
        }
        buf.fill(255);
        Ok(buf.len())
    }
}

/// 16 bytes of header, a literal 0, then one match of offset 1 whose length never ends.
fn endless(total: u64) -> Endless {
    let mut head = total.to_be_bytes().to_vec();
    head.extend_from_slice(&u32::MAX.to_be_bytes());
    head.extend_from_slice(&0xffff_fff0_u32.to_be_bytes());
    head.extend_from_slice(&[0x1f, 0, 1, 0]);
    Endless { head, len: total / 255 }
}

#[test]
fn a_bomb_of_a_megabyte_that_declares_a_terabyte() {
    let total = 1 << 40;
    let bomb = endless(total);
    assert!(bomb.len() > 1 << 30, "the declared length is backed, but nothing holds it");
    let filters = one(ids::LZ4);
    let small = decoder(&filters, 0, &bomb, 1000).unwrap().read(&mut [0; 10]).unwrap_err();
    assert!(matches!(Error::from(small), Error::Declared { expected: 1000, .. }));

    let bytes: Vec<u8> =
        (0..1 << 20).map(|i| endless(total).head.get(i).copied().unwrap_or(255)).collect();
    let mut reader = decoder(&filters, 0, &bytes, total).unwrap();
    let error = loop {
        match reader.fill_buf().map(<[u8]>::len) {
            Ok(0) => panic!("it has no end"),
            Ok(n) => reader.consume(n),
            Err(error) => break Error::from(error),
        }
    };
    assert!(matches!(error, Error::Truncated { .. }), "{error}");
}

#[test]
fn a_match_longer_than_its_block() {
    let mut payload = 100_u64.to_be_bytes().to_vec();
    payload.extend_from_slice(&100_u32.to_be_bytes());
    let block = [0x1f, 7, 1, 0, 200, 0x10, 7];
    payload.extend_from_slice(&u32::try_from(block.len()).unwrap().to_be_bytes());
    payload.extend_from_slice(&block);
    let error = decode(&one(ids::LZ4), &payload, 100).unwrap_err();
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
}

#[test]
fn shuffles_of_absurd_sizes() {
    let payload = vec![0; 3 << 20];
    for (client, len) in
        [(vec![], 10), (vec![0], 10), (vec![u32::MAX], 3 << 20), (vec![65], 3 << 20)]
    {
        let filters = [Filter::new(ids::SHUFFLE, client.clone(), None)];
        let result = decode(&filters, &payload[..len], len);
        match client.first() {
            None | Some(0) => assert!(matches!(result, Err(Error::Corrupt { .. }))),
            Some(_) => assert_eq!(result.unwrap().len(), len),
        }
    }
}

/// Sixty-four streams for each of sixty-four streams, and so on, of which each has a decoder.
#[test]
fn shuffles_of_shuffles_are_refused() {
    let shuffle = Filter::new(ids::SHUFFLE, [64], None);
    for filters in [vec![shuffle; 6], vec![Filter::new(ids::ZSTD, [], None); 5]] {
        let error = decoder(&filters, 0, &vec![0; 100], 1 << 40).map(|_| ()).unwrap_err();
        assert!(matches!(error, Error::Unsupported { codec: "pipeline", .. }), "{error}");
    }
}

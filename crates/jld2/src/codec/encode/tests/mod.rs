//! What is encoded comes back, through our decoders and through the crates'.

mod faults;

use super::{ChunkEncoder, Codec, Encoded, LZ4_BLOCK_SIZE, encode};
use crate::codec::{Decoded, Filter, StreamSource, decode::bytes_of_columns, decoder, ids};
use proptest::prelude::*;
use std::{
    io::{Read as _, Write as _},
    ops::ControlFlow,
};

pub(super) fn encoded(
    codec: Codec,
    shuffle: Option<u32>,
    input: &dyn StreamSource,
    threads: usize,
) -> (Vec<u8>, Encoded) {
    let mut out = Vec::new();
    let mut last = 0;
    let mut progress = |done| {
        assert!(done >= last, "progress goes back from {last} to {done}");
        last = done;
        ControlFlow::Continue(())
    };
    let encoded = encode(codec, shuffle, input, &mut out, threads, &mut progress).unwrap();
    assert_eq!(encoded.written, out.len() as u64);
    assert_eq!(last, input.total());
    (out, encoded)
}

fn decoded(filters: &[Filter], payload: &[u8], len: usize) -> Vec<u8> {
    let mut out = Vec::new();
    decoder(filters, 0, &payload, len as u64).unwrap().read_to_end(&mut out).unwrap();
    out
}

/// Doubles that LZ4 does and does not compress, in turns.
pub(super) fn mixed(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let words = (0_u64..).flat_map(|i| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        let word = if i >> 16 & 1 == 0 { i / 3 } else { state };
        word.to_le_bytes()
    });
    words.take(length).collect()
}

fn codecs() -> impl Strategy<Value = Codec> {
    prop_oneof![
        Just(Codec::None),
        (1_u32..100_000).prop_map(|block_size| Codec::Lz4 { block_size }),
        Just(Codec::Lz4Frame),
        prop_oneof![-5_i32..8, Just(19)].prop_map(Codec::Zstd),
        (0_u32..10).prop_map(Codec::Deflate),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn comes_back_whatever_the_threads(
        data in bytes_of_columns(700_000), codec in codecs(),
        shuffle in proptest::option::of(1_u32..20), threads in 2_usize..5,
    ) {
        let codec = match codec {
            // Not more blocks than a test has patience for.
            Codec::Lz4 { block_size } => {
                Codec::Lz4 { block_size: block_size.max(u32::try_from(data.len() / 100).unwrap()) }
            }
            other => other,
        };
        let (payload, first) = encoded(codec, shuffle, &data, 1);
        prop_assert!(decoded(&first.filters, &payload, data.len()) == data);
        let (again, second) = encoded(codec, shuffle, &data, threads);
        prop_assert!(again == payload, "{threads} threads differ");
        prop_assert_eq!(second, first);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    /// A chunk's bytes do not depend on those that the same encoder had before.
    #[test]
    fn chunks_come_back_and_depend_on_nothing_else(
        chunks in proptest::collection::vec(bytes_of_columns(200_000), 1..4), codec in codecs(),
        shuffle in proptest::option::of(1_u32..20),
    ) {
        let mut encoder = ChunkEncoder::new(codec, shuffle).unwrap();
        let filters = codec.pipeline(shuffle);
        let mut out = Vec::new();
        for chunk in &chunks {
            let used = encoder.encode(chunk, &mut out).unwrap();
            prop_assert!(decoded(&filters, &out[..used], chunk.len()) == *chunk);
            let mut alone = Vec::new();
            let once = ChunkEncoder::new(codec, shuffle).unwrap().encode(chunk, &mut alone).unwrap();
            prop_assert!(out[..used] == alone[..once], "{codec:?}");
        }
    }
}

/// What compresses in no way grows by no more than the formats' own heads.
#[test]
fn noise_hardly_grows() {
    let mut state = 7_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    })
    .take(1 << 20)
    .collect();
    for codec in [
        Codec::Lz4 { block_size: LZ4_BLOCK_SIZE },
        Codec::Lz4Frame,
        Codec::Zstd(3),
        Codec::Deflate(6),
    ] {
        let used = ChunkEncoder::new(codec, None).unwrap().encode(&noise, &mut Vec::new()).unwrap();
        assert!(used < noise.len() + 400, "{codec:?}: {used}");
    }
}

#[test]
fn large_inputs_are_the_same_for_any_threads() {
    let data = mixed(12_345_678);
    for codec in [
        Codec::Lz4 { block_size: LZ4_BLOCK_SIZE },
        Codec::Lz4Frame,
        Codec::Zstd(3),
        Codec::Zstd(1),
        Codec::Deflate(1),
    ] {
        for shuffle in [None, Some(8)] {
            let (payload, first) = encoded(codec, shuffle, &data, 1);
            for threads in 2..=3 {
                let (again, _) = encoded(codec, shuffle, &data, threads);
                assert!(again == payload, "{codec:?} {shuffle:?} with {threads} threads differs");
            }
            assert!(decoded(&first.filters, &payload, data.len()) == data, "{codec:?} {shuffle:?}");
            assert!(payload.len() < data.len() / 10 * 8, "{codec:?} {shuffle:?} {}", payload.len());
        }
    }
}

/// Each format is one stream as its own library takes it.
#[test]
fn other_decoders_read_it() {
    for data in [mixed(3_000_001), mixed(10), Vec::new()] {
        let (zlib, _) = encoded(Codec::Deflate(6), None, &data, 2);
        let mut inflater = flate2::bufread::ZlibDecoder::new(&zlib[..]);
        let mut out = Vec::new();
        inflater.read_to_end(&mut out).unwrap();
        assert!(out == data);
        assert!(inflater.into_inner().is_empty(), "one stream");

        let (frame, _) = encoded(Codec::Zstd(3), None, &data, 2);
        assert!(zstd::decode_all(&frame[..]).unwrap() == data);
        assert_eq!(zstd::zstd_safe::find_frame_compressed_size(&frame), Ok(frame.len()));
        let size = zstd::zstd_safe::get_frame_content_size(&frame).unwrap();
        assert_eq!(size, Some(data.len() as u64));

        let (frame, _) = encoded(Codec::Lz4Frame, None, &data, 2);
        out.clear();
        lz4_flex::frame::FrameDecoder::new(&frame[..]).read_to_end(&mut out).unwrap();
        assert!(out == data);
    }
}

#[test]
fn hdf5_blocks_are_those_of_the_format() {
    let data = mixed(2_500_000);
    let (payload, _) = encoded(Codec::Lz4 { block_size: 1_000_000 }, None, &data, 2);
    let word = |at: usize| u32::from_be_bytes(payload[at..at + 4].try_into().unwrap());
    assert_eq!(payload[..8], 2_500_000_u64.to_be_bytes());
    assert_eq!(word(8), 1_000_000);
    let mut at = 12;
    for block in data.chunks(1_000_000) {
        let size = word(at) as usize;
        let stored = &payload[at + 4..at + 4 + size];
        if size == block.len() {
            assert!(stored == block);
        } else {
            assert!(size < block.len());
            assert!(lz4_flex::block::decompress(stored, block.len()).unwrap() == block);
        }
        at += 4 + size;
    }
    assert_eq!(at, payload.len());

    // A block that does not shrink is stored, and small data has small blocks.
    let noise: Vec<u8> = mixed(1 << 20)[1 << 19..][..1000].to_vec();
    let (payload, encoded) = encoded(Codec::Lz4 { block_size: LZ4_BLOCK_SIZE }, None, &noise, 1);
    assert_eq!(payload[8..16], [0, 0, 3, 232, 0, 0, 3, 232]);
    assert!(payload[16..] == noise);
    assert_eq!(encoded.filters, [Filter::new(ids::LZ4, [LZ4_BLOCK_SIZE], Some("LZ4H5"))]);
}

#[test]
fn pipelines_are_those_of_jld2() {
    let data: &[u8] = &[1, 2, 3, 4];
    let filters = |codec, shuffle| encoded(codec, shuffle, &data, 1).1.filters;
    let shuffle = Filter::new(ids::SHUFFLE, [2], None);
    assert_eq!(
        filters(Codec::Deflate(5), Some(2)),
        [shuffle, Filter::new(ids::DEFLATE, [5], None)]
    );
    assert_eq!(
        filters(Codec::Zstd(-3), Some(1)),
        [Filter::new(ids::ZSTD, [0xffff_fffd], Some("ZSTD"))]
    );
    assert_eq!(filters(Codec::Lz4Frame, None), [Filter::new(ids::LZ4, [5], Some("LZ4"))]);
    assert_eq!(filters(Codec::None, Some(8)), []);
}

/// From one codec to another without the bytes ever being whole.
#[test]
fn recodes_a_payload() {
    let data = mixed(3_000_000);
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    bzip2.write_all(&data).unwrap();
    let payload = bzip2.finish().unwrap();
    let filters = [Filter::new(ids::BZIP2, [5], Some("BZIP2"))];
    let source = Decoded {
        filters: &filters,
        filter_mask: 0,
        payload: &payload,
        decoded_len: data.len() as u64,
    };
    let (out, done) = encoded(Codec::Lz4 { block_size: 1 << 18 }, Some(8), &source, 2);
    assert!(decoded(&done.filters, &out, data.len()) == data);
}

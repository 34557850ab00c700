//! What the crates' encoders write comes back.

use super::{Dribble, decode, decode_by, decode_looking, one};
use crate::codec::{Error, Filter, ids};
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
use proptest::prelude::*;
use std::io::Write as _;

/// Bytes as columns have them: runs, repeats at many distances, noise.
pub(in crate::codec) fn bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        (any::<u8>(), 1_usize..3000).prop_map(|(byte, n)| vec![byte; n]),
        proptest::collection::vec(any::<u8>(), 1..600),
        (proptest::collection::vec(any::<u8>(), 1..40), 1_usize..400)
            .prop_map(|(unit, n)| unit.repeat(n)),
        (any::<u32>(), 1_u32..2000).prop_map(|(from, n)| {
            (0..n).flat_map(|i| f64::from(from % 1000 + i / 7).to_le_bytes()).collect()
        }),
    ];
    (proptest::collection::vec(piece, 0..12), 0_usize..3).prop_map(move |(pieces, again)| {
        let once = pieces.concat();
        let mut all = once.repeat(again + 1);
        all.truncate(most);
        all
    })
}

fn hdf5(data: &[u8], block_size: usize) -> Vec<u8> {
    let mut out = (data.len() as u64).to_be_bytes().to_vec();
    out.extend_from_slice(&u32::try_from(block_size).unwrap().to_be_bytes());
    for block in data.chunks(block_size) {
        let packed = lz4_flex::block::compress(block);
        let stored = if packed.len() < block.len() { &packed } else { block };
        out.extend_from_slice(&u32::try_from(stored.len()).unwrap().to_be_bytes());
        out.extend_from_slice(stored);
    }
    out
}

fn shuffled(data: &[u8], size: usize) -> Vec<u8> {
    let whole = data.len() / size * size;
    let planes = (0..size).flat_map(|k| data[..whole].iter().skip(k).step_by(size).copied());
    planes.chain(data[whole..].iter().copied()).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn lz4_hdf5(data in bytes(600_000), size in 1_usize..400_000, most in 1_usize..5000) {
        let payload = hdf5(&data, size.max(data.len() / 50 + 1));
        prop_assert!(decode_looking(&one(ids::LZ4), &payload, data.len()).unwrap() == data);
        let dribble = Dribble { bytes: &payload, most };
        prop_assert!(decode_by(&one(ids::LZ4), &dribble, data.len(), 4096).unwrap() == data);
    }

    #[test]
    fn lz4_frame(
        data in bytes(600_000), size in 0_usize..4, linked in any::<bool>(),
        checksums in any::<(bool, bool)>(), sized in any::<bool>(), most in 1_usize..5000,
    ) {
        let sizes =
            [BlockSize::Max64KB, BlockSize::Max256KB, BlockSize::Max1MB, BlockSize::Max4MB];
        let info = FrameInfo::new()
            .block_size(sizes[size])
            .block_mode(if linked { BlockMode::Linked } else { BlockMode::Independent })
            .block_checksums(checksums.0)
            .content_checksum(checksums.1)
            .content_size(sized.then_some(data.len() as u64));
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
        encoder.write_all(&data).unwrap();
        let payload = encoder.finish().unwrap();
        prop_assert!(decode_looking(&one(ids::LZ4), &payload, data.len()).unwrap() == data);
        let dribble = Dribble { bytes: &payload, most };
        prop_assert!(decode_by(&one(ids::LZ4), &dribble, data.len(), 4096).unwrap() == data);
    }

    #[test]
    fn libraries(data in bytes(200_000), most in 1_usize..5000, step in 1_usize..5000) {
        let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        deflate.write_all(&data).unwrap();
        let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
        bzip2.write_all(&data).unwrap();
        for (id, payload) in [
            (ids::DEFLATE, deflate.finish().unwrap()),
            (ids::BZIP2, bzip2.finish().unwrap()),
            (ids::ZSTD, zstd::encode_all(&data[..], 1).unwrap()),
        ] {
            prop_assert!(decode_looking(&one(id), &payload, data.len()).unwrap() == data);
            let dribble = Dribble { bytes: &payload, most };
            prop_assert!(decode_by(&one(id), &dribble, data.len(), step).unwrap() == data);
        }
    }

    #[test]
    fn shuffles(data in bytes(100_000), size in 1_usize..200) {
        let filters = [Filter::new(ids::SHUFFLE, [u32::try_from(size).unwrap()], None)];
        let payload = shuffled(&data, size);
        prop_assert!(decode(&filters, &payload, data.len()).unwrap() == data);
        prop_assert!(decode_looking(&filters, &payload, data.len()).unwrap() == data);
    }
}

/// More than a megabyte, so that planes are read by cursors of their own.
#[test]
fn large_shuffles_under_every_compressor() {
    for size in [1_usize, 2, 3, 4, 7, 8, 16, 24, 64, 100] {
        let length = 1_500_000 + size + 1;
        let data: Vec<u8> =
            (0..length as u64).flat_map(|i| (i * i / 1000).to_le_bytes()).take(length).collect();
        let planes = shuffled(&data, size);
        let mut deflate = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
        deflate.write_all(&planes).unwrap();
        for (id, payload) in [
            (ids::DEFLATE, deflate.finish().unwrap()),
            (ids::ZSTD, zstd::encode_all(&planes[..], 1).unwrap()),
            (ids::LZ4, hdf5(&planes, 100_000)),
            (ids::LZ4, hdf5(&planes, planes.len())),
            (ids::LZ4, lz4_frame_default(&planes)),
        ] {
            let shuffle = Filter::new(ids::SHUFFLE, [u32::try_from(size).unwrap()], None);
            let filters = [shuffle, Filter::new(id, [5], None)];
            assert!(decode(&filters, &payload, length).unwrap() == data, "{id} {size}");
            let short = decode(&filters, &payload, length + 8 * size).unwrap_err();
            assert!(
                matches!(short, Error::Short { .. } | Error::Declared { .. }),
                "{id} {size} {short}"
            );
            let long = decode(&filters, &payload, length - 1).unwrap_err();
            assert!(
                matches!(long, Error::Long { .. } | Error::Declared { .. }),
                "{id} {size} {long}"
            );
        }
    }
}

fn lz4_frame_default(data: &[u8]) -> Vec<u8> {
    let mut encoder = FrameEncoder::new(Vec::new());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn two_compressors_and_a_shuffle() {
    let data: Vec<u8> = (0..3_000_000_u32).flat_map(|i| (i / 5).to_le_bytes()).collect();
    let inner = lz4_frame_default(&shuffled(&data, 4));
    let payload = zstd::encode_all(&inner[..], 1).unwrap();
    let filters = [
        Filter::new(ids::SHUFFLE, [4], None),
        Filter::new(ids::LZ4, [5], None),
        Filter::new(ids::ZSTD, [5], None),
    ];
    assert!(decode(&filters, &payload, data.len()).unwrap() == data);
    let between = [filters[1].clone(), filters[0].clone(), filters[2].clone()];
    let error = decode(&between, &payload, data.len()).unwrap_err();
    assert!(matches!(error, Error::Unsupported { codec: "shuffle", .. }), "{error}");
}

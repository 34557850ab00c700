//! Our streams, and what the crates do on the same bytes.

use crate::columns::{ALL, Column, LEN, bytes};
use divan::{Bencher, black_box, counter::BytesCount};
use jldconv::codec::{Filter, decoder, ids};
use lz4_flex::frame::{BlockMode, BlockSize, FrameDecoder, FrameEncoder, FrameInfo};
use std::io::{BufRead as _, Read, Write as _};

/// Looks at every buffer of our stream.
fn ours(bencher: Bencher, filters: &[Filter], payload: &[u8]) {
    bencher.counter(BytesCount::new(LEN)).bench_local(|| {
        let payload = black_box(payload);
        let mut reader = decoder(filters, 0, &payload, LEN as u64).unwrap();
        loop {
            let n = black_box(reader.fill_buf().unwrap()).len();
            if n == 0 {
                break;
            }
            reader.consume(n);
        }
    });
}

/// Reads a crate's stream into a buffer of 128 KiB.
fn theirs<R: Read>(bencher: Bencher, open: impl Fn() -> R) {
    let mut buf = vec![0; 128 << 10];
    bencher.counter(BytesCount::new(LEN)).bench_local(|| {
        let mut reader = open();
        while reader.read(black_box(&mut buf)).unwrap() > 0 {}
    });
}

fn one(id: u16) -> [Filter; 1] {
    [Filter::new(id, [5], None)]
}

fn one_block(column: Column) -> Vec<u8> {
    let data = bytes(column);
    let packed = lz4_flex::block::compress(&data);
    let mut payload = (LEN as u64).to_be_bytes().to_vec();
    payload.extend_from_slice(&u32::try_from(LEN).unwrap().to_be_bytes());
    payload.extend_from_slice(&u32::try_from(packed.len()).unwrap().to_be_bytes());
    payload.extend_from_slice(&packed);
    payload
}

fn frame(column: Column, checksum: bool) -> Vec<u8> {
    let info = FrameInfo::new()
        .block_size(BlockSize::Max64KB)
        .block_mode(BlockMode::Linked)
        .content_checksum(checksum);
    let mut encoder = FrameEncoder::with_frame_info(info, Vec::new());
    encoder.write_all(&bytes(column)).unwrap();
    encoder.finish().unwrap()
}

#[divan::bench(args = ALL)]
fn lz4_one_block_ours(bencher: Bencher, column: Column) {
    ours(bencher, &one(ids::LZ4), &one_block(column));
}

/// The peer has all in memory on both sides.
#[divan::bench(args = ALL)]
fn lz4_one_block_flex(bencher: Bencher, column: Column) {
    let payload = one_block(column);
    let mut out = vec![0; LEN];
    bencher.counter(BytesCount::new(LEN)).bench_local(|| {
        lz4_flex::block::decompress_into(black_box(&payload[16..]), &mut out).unwrap()
    });
}

#[divan::bench(args = ALL)]
fn lz4_frame_ours(bencher: Bencher, column: Column) {
    ours(bencher, &one(ids::LZ4), &frame(column, false));
}

#[divan::bench(args = ALL)]
fn lz4_frame_flex(bencher: Bencher, column: Column) {
    let payload = frame(column, false);
    theirs(bencher, || FrameDecoder::new(&payload[..]));
}

#[divan::bench(args = [Column::Cell])]
fn lz4_frame_checksum_ours(bencher: Bencher, column: Column) {
    ours(bencher, &one(ids::LZ4), &frame(column, true));
}

#[divan::bench(args = [Column::Cell])]
fn lz4_frame_checksum_flex(bencher: Bencher, column: Column) {
    let payload = frame(column, true);
    theirs(bencher, || FrameDecoder::new(&payload[..]));
}

const SOME: [Column; 2] = [Column::Cell, Column::Single];

#[divan::bench(args = SOME)]
fn zstd_ours(bencher: Bencher, column: Column) {
    ours(bencher, &one(ids::ZSTD), &zstd::encode_all(&bytes(column)[..], 3).unwrap());
}

#[divan::bench(args = SOME)]
fn zstd_crate(bencher: Bencher, column: Column) {
    let payload = zstd::encode_all(&bytes(column)[..], 3).unwrap();
    theirs(bencher, || zstd::stream::read::Decoder::with_buffer(&payload[..]).unwrap());
}

fn deflated(column: Column) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::new(5));
    encoder.write_all(&bytes(column)).unwrap();
    encoder.finish().unwrap()
}

#[divan::bench(args = SOME, sample_count = 20)]
fn deflate_ours(bencher: Bencher, column: Column) {
    ours(bencher, &one(ids::DEFLATE), &deflated(column));
}

#[divan::bench(args = SOME, sample_count = 20)]
fn deflate_crate(bencher: Bencher, column: Column) {
    let payload = deflated(column);
    theirs(bencher, || flate2::bufread::ZlibDecoder::new(&payload[..]));
}

fn bzipped(column: Column) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(&bytes(column)).unwrap();
    encoder.finish().unwrap()
}

#[divan::bench(args = [Column::Cell], sample_count = 4)]
fn bzip2_ours(bencher: Bencher, column: Column) {
    ours(bencher, &one(ids::BZIP2), &bzipped(column));
}

#[divan::bench(args = [Column::Cell], sample_count = 4)]
fn bzip2_crate(bencher: Bencher, column: Column) {
    let payload = bzipped(column);
    theirs(bencher, || bzip2::bufread::MultiBzDecoder::new(&payload[..]));
}

#[divan::bench]
fn unshuffle_plain(bencher: Bencher) {
    ours(bencher, &[Filter::new(ids::SHUFFLE, [8], None)], &bytes(Column::SingleShuffled));
}

#[divan::bench]
fn unshuffle_lz4_one_block(bencher: Bencher) {
    let filters = [Filter::new(ids::SHUFFLE, [8], None), Filter::new(ids::LZ4, [5], None)];
    ours(bencher, &filters, &one_block(Column::SingleShuffled));
}

#[divan::bench(sample_count = 20)]
fn unshuffle_zstd(bencher: Bencher) {
    let filters = [Filter::new(ids::SHUFFLE, [8], None), Filter::new(ids::ZSTD, [5], None)];
    let payload = zstd::encode_all(&bytes(Column::SingleShuffled)[..], 3).unwrap();
    ours(bencher, &filters, &payload);
}

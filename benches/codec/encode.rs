//! Our encoders with one and two threads, and what the crates do with one.

use crate::columns::{Column, LEN, bytes};
use divan::{Bencher, black_box, counter::BytesCount};
use jldconv::codec::{Codec, LZ4_BLOCK_SIZE, encode};
use std::{
    io::{self, Write as _},
    ops::ControlFlow,
};

const COLUMNS: [Column; 4] = [Column::Rho, Column::Cell, Column::Single, Column::SingleShuffled];

fn ours(bencher: Bencher, codec: Codec, column: Column, threads: usize) {
    let data = bytes(column);
    bencher.counter(BytesCount::new(LEN)).bench_local(|| {
        let mut go_on = |_| ControlFlow::Continue(());
        encode(codec, None, black_box(&data), &mut io::sink(), threads, &mut go_on).unwrap()
    });
}

const LZ4: Codec = Codec::Lz4 { block_size: LZ4_BLOCK_SIZE };

#[divan::bench(args = COLUMNS, consts = [1, 2], sample_count = 40)]
fn lz4_ours<const THREADS: usize>(bencher: Bencher, column: Column) {
    ours(bencher, LZ4, column, THREADS);
}

/// One block for all.
#[divan::bench(args = COLUMNS, sample_count = 40)]
fn lz4_flex(bencher: Bencher, column: Column) {
    let data = bytes(column);
    let mut out = vec![0; lz4_flex::block::get_maximum_output_size(LEN)];
    bencher
        .counter(BytesCount::new(LEN))
        .bench_local(|| lz4_flex::block::compress_into(black_box(&data), &mut out).unwrap());
}

#[divan::bench(args = COLUMNS, consts = [1, 2], sample_count = 20)]
fn zstd_ours<const THREADS: usize>(bencher: Bencher, column: Column) {
    ours(bencher, Codec::Zstd(3), column, THREADS);
}

#[divan::bench(args = COLUMNS, sample_count = 20)]
fn zstd_crate(bencher: Bencher, column: Column) {
    let data = bytes(column);
    bencher.counter(BytesCount::new(LEN)).bench_local(|| {
        let mut encoder = zstd::stream::write::Encoder::new(io::sink(), 3).unwrap();
        encoder.set_pledged_src_size(Some(LEN as u64)).unwrap();
        encoder.write_all(black_box(&data)).unwrap();
        encoder.finish().unwrap()
    });
}

const DEFLATED: [Column; 2] = [Column::Cell, Column::SingleShuffled];

#[divan::bench(args = DEFLATED, consts = [1, 2], sample_count = 6)]
fn deflate_ours<const THREADS: usize>(bencher: Bencher, column: Column) {
    ours(bencher, Codec::Deflate(5), column, THREADS);
}

#[divan::bench(args = DEFLATED, sample_count = 6)]
fn deflate_crate(bencher: Bencher, column: Column) {
    let data = bytes(column);
    bencher.counter(BytesCount::new(LEN)).bench_local(|| {
        let level = flate2::Compression::new(5);
        let mut encoder = flate2::write::ZlibEncoder::new(io::sink(), level);
        encoder.write_all(black_box(&data)).unwrap();
        encoder.finish().unwrap()
    });
}

#[divan::bench(sample_count = 40)]
fn shuffle_only(bencher: Bencher) {
    let data = bytes(Column::Constant);
    bencher.counter(BytesCount::new(LEN)).bench_local(|| {
        let mut go_on = |_| ControlFlow::Continue(());
        encode(LZ4, Some(8), black_box(&data), &mut io::sink(), 1, &mut go_on).unwrap()
    });
}

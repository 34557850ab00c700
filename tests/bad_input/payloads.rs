//! Damaged payloads of each codec: refused with file, object and offset, in little memory.

use crate::array::file;
use crate::run::{Archive, Ended};
use crate::samples::Sample;
use crate::turn;
use jldconv::codec::{self, Codec, ids};
use jldconv::h5::File;
use jldconv::h5::checksum::lookup3;
use jldconv::julia::{Digest, Dumper, TypeTable, datasets};
use std::io::Write as _;
use std::ops::ControlFlow;
use std::path::Path;

/// Numbers in the array of each file.
const COUNT: u64 = 60_000;

/// One codec's files.
struct Kind {
    name: &'static str,
    filter: u16,
    payload: Vec<u8>,
}

/// Bytes of the array: compressible, but not in a block or two.
fn plain() -> Vec<u8> {
    (0..COUNT).flat_map(|i| (i * i / 7 % 1000).to_le_bytes()).collect()
}

fn encoded(codec: Codec) -> Vec<u8> {
    let mut out = Vec::new();
    codec::encode(codec, None, &plain(), &mut out, 1, &mut |_| ControlFlow::Continue(())).unwrap();
    out
}

fn kinds() -> Vec<Kind> {
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    bzip2.write_all(&plain()).unwrap();
    let kind = |name, filter, payload| Kind { name, filter, payload };
    vec![
        kind("lz4 blocks", ids::LZ4, encoded(Codec::Lz4 { block_size: 1 << 16 })),
        kind("lz4 frame", ids::LZ4, encoded(Codec::Lz4Frame)),
        kind("deflate", ids::DEFLATE, encoded(Codec::Deflate(6))),
        kind("zstd", ids::ZSTD, encoded(Codec::Zstd(3))),
        kind("bzip2", ids::BZIP2, bzip2.finish().unwrap()),
    ]
}

/// Changes some bytes of a payload.
fn with(payload: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut out = payload.to_vec();
    out[at..at + bytes.len()].copy_from_slice(bytes);
    out
}

/// Damage that none of the codecs may overlook.
fn for_all(kind: &Kind) -> Vec<Sample> {
    let Kind { name, filter, payload } = kind;
    let n = payload.len();
    let half = &payload[..n / 2];
    let twice = [&payload[..], &payload[..]].concat();
    let noise: Vec<u8> = (0..n).map(|i| lookup3(&i.to_le_bytes()).to_le_bytes()[0]).collect();
    let other = if *name == "zstd" { encoded(Codec::Deflate(1)) } else { encoded(Codec::Zstd(1)) };
    let mut out = vec![
        ("nothing", COUNT, Vec::new()),
        ("one byte", COUNT, payload[..1].to_vec()),
        ("a half", COUNT, half.to_vec()),
        ("all but the last byte", COUNT, payload[..n - 1].to_vec()),
        ("noise", COUNT, noise),
        ("zeros", COUNT, vec![0; n]),
        ("0xff", COUNT, vec![0xff; n]),
        ("another codec's payload", COUNT, other),
        ("zeros at the beginning", COUNT, with(payload, 0, &[0; 16])),
        ("zeros from the middle on", COUNT, [half, &vec![0; n - n / 2]].concat()),
        ("the array is smaller", COUNT - 1, payload.clone()),
        ("the array is larger", COUNT + 1, payload.clone()),
        ("the array is a terabyte", 1 << 37, payload.clone()),
        ("the array is an exabyte", 1 << 57, payload.clone()),
    ];
    // What follows a whole frame or stream is another one to some decoders.
    if matches!(*name, "lz4 blocks" | "deflate") {
        out.push(("twice", 2 * COUNT, twice));
    }
    let made = |(what, count, payload): (&str, u64, Vec<u8>)| {
        (format!("{name}: {what}"), file(*filter, count, &payload))
    };
    out.into_iter().map(made).collect()
}

/// Wrong sizes where the formats have them.
fn for_each(kinds: &[Kind]) -> Vec<Sample> {
    let mut out = Vec::new();
    let mut add = |kind: &Kind, what: &str, payload: Vec<u8>| {
        out.push((format!("{}: {what}", kind.name), file(kind.filter, COUNT, &payload)));
        // A bomb where the array is of the size that the payload declares.
        if what.contains("terabyte") {
            let name = format!("{}: {what}, and so is the array", kind.name);
            out.push((name, file(kind.filter, 1 << 37, &payload)));
        }
    };
    let [blocks, frame, deflate, zstd, bzip2] = kinds else { unreachable!() };

    // Total (8), size of a block (4), then each block with its stored size (4); all big-endian.
    let p = &blocks.payload;
    let stored = u32::from_be_bytes(p[12..16].try_into().unwrap());
    add(blocks, "a terabyte in all", with(p, 0, &(1_u64 << 40).to_be_bytes()));
    add(blocks, "less in all", with(p, 0, &(8 * COUNT - 8).to_be_bytes()));
    add(blocks, "blocks of no bytes", with(p, 8, &[0; 4]));
    add(blocks, "blocks of 4 GiB", with(p, 8, &[0xff; 4]));
    add(blocks, "blocks of half the size", with(p, 8, &(1_u32 << 15).to_be_bytes()));
    add(blocks, "a stored block of no bytes", with(p, 12, &[0; 4]));
    add(blocks, "a stored block of 4 GiB", with(p, 12, &[0xff; 4]));
    add(blocks, "a block that is too short", with(p, 12, &(stored - 1).to_be_bytes()));
    add(blocks, "a block that is too long", with(p, 12, &(stored + 1).to_be_bytes()));
    // One literal, then a match that goes on and on.
    let mut bomb = (1_u64 << 40).to_be_bytes().to_vec();
    bomb.extend((1_u32 << 30).to_be_bytes());
    bomb.extend(0xffff_u32.to_be_bytes());
    bomb.extend([0x1f, 7, 1, 0]);
    bomb.resize(16 + 0xffff, 0xff);
    add(blocks, "a terabyte of one byte", bomb);

    // Magic (4), flags, block descriptor, checksum of these, then each block with its size (4).
    let p = &frame.payload;
    let at = if p[4] & 8 == 0 { 7 } else { 15 };
    let stored = u32::from_le_bytes(p[at..at + 4].try_into().unwrap());
    add(frame, "another version", with(p, 4, &[p[4] ^ 0xc0]));
    add(frame, "a wrong header checksum", with(p, at - 1, &[p[at - 1] ^ 1]));
    add(frame, "a block of 4 GiB", with(p, at, &0x7fff_ffff_u32.to_le_bytes()));
    add(frame, "a block that is too short", with(p, at, &(stored - 1).to_le_bytes()));
    add(frame, "a block that is too long", with(p, at, &(stored + 1).to_le_bytes()));
    add(frame, "an end at once", with(p, at, &[0; 4]));
    // Version 1, independent blocks, content size; 4 MiB blocks.
    let mut bomb = vec![0x04, 0x22, 0x4d, 0x18, 0x68, 0x70];
    bomb.extend((1_u64 << 40).to_le_bytes());
    let check = xxhash_rust::xxh32::xxh32(&bomb[4..], 0).to_le_bytes()[1];
    bomb.push(check);
    bomb.extend(0xffff_u32.to_le_bytes());
    bomb.extend([0x1f, 7, 1, 0]);
    bomb.resize(bomb.len() + 0xffff - 4, 0xff);
    add(frame, "a terabyte of one byte", bomb);

    let p = &deflate.payload;
    add(deflate, "a reserved kind of block", with(p, 2, &[p[2] | 6]));
    add(deflate, "a wrong sum", with(p, p.len() - 4, &[p[p.len() - 4] ^ 1]));
    add(deflate, "a preset dictionary", with(p, 0, &[0x78, 0xbb]));
    add(deflate, "a stored block of wrong size", vec![0x78, 0x9c, 1, 0xff, 0xff, 0xff, 0xff]);
    let bomb = zipped(|out| {
        let mut encoder = flate2::write::ZlibEncoder::new(out, flate2::Compression::best());
        zeros(&mut encoder);
        encoder.finish().unwrap();
    });
    add(deflate, "a terabyte, after 16 MiB of zeros the end", bomb);

    // Magic (4), descriptor; here with a window of any size and the size of the content.
    let p = &zstd.payload;
    let head = |descriptor: &[u8]| [&[0x28, 0xb5, 0x2f, 0xfd], descriptor].concat();
    let terabyte = (1_u64 << 40).to_le_bytes();
    // Blocks of 128 KiB that repeat one byte; none is the last.
    let repeated = [0x02, 0x00, 0x10, 0x07].repeat(100);
    add(zstd, "a reserved bit", with(p, 4, &[p[4] | 8]));
    let single = [head(&[0xe0]), terabyte.to_vec(), repeated.clone()].concat();
    add(zstd, "a terabyte in one segment", single);
    let wide = [head(&[0xc0, 0xff]), terabyte.to_vec(), repeated.clone()].concat();
    add(zstd, "a terabyte with a window of 3.75 TiB", wide);
    let large = [head(&[0xc0, 0xa8]), terabyte.to_vec(), repeated].concat();
    add(zstd, "a terabyte with a window of 2 GiB", large);
    add(zstd, "a dictionary", [head(&[0x23, 0xff, 0x10, 7]), vec![1, 0, 0]].concat());

    let p = &bzip2.payload;
    add(bzip2, "blocks of no bytes", with(p, 3, b"0"));
    add(bzip2, "a wrong sum of a block", with(p, 10, &[p[10] ^ 1]));
    add(bzip2, "an end at once", [b"BZh9\x17\x72\x45\x38\x50\x90", &[0; 4][..]].concat());
    let bomb = zipped(|out| {
        let mut encoder = bzip2::write::BzEncoder::new(out, bzip2::Compression::best());
        zeros(&mut encoder);
        encoder.finish().unwrap();
    });
    add(bzip2, "a terabyte, after 16 MiB of zeros the end", bomb);
    out
}

fn zeros(out: &mut dyn std::io::Write) {
    for _ in 0..16 {
        out.write_all(&vec![0; 1 << 20]).unwrap();
    }
}

fn zipped(write: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    write(&mut out);
    out
}

/// The array in a file, in the canonical form.
fn array(path: &Path) -> Vec<u8> {
    let file = File::open(path).unwrap();
    let types = TypeTable::new(&file);
    let mut out = Vec::new();
    Dumper::new(&types, Digest::Sha256).all(&datasets(&file).unwrap(), &mut out).unwrap();
    out
}

/// Whole files are read, damaged ones refused with file, object and offset.
fn judge(kinds: &[Kind], ended: &[Ended]) {
    let (wholes, damaged) = ended.split_at(kinds.len());
    let first = array(&wholes[0].input);
    for whole in wholes {
        assert!(!whole.failed(), "{whole:?}");
        assert!(array(&whole.output) == first, "{}: another array", whole.what);
    }
    for Ended { what, message, outcome, .. } in damaged {
        assert_eq!(outcome, "failed", "{what}");
        let (_, said) = message.split_once(".jld2: ").expect(message);
        assert!(said.starts_with("/x: at byte "), "{what}: {message}");
    }
}

fn archive(kinds: &[Kind]) -> Archive {
    let whole = |kind: &Kind| (kind.name.to_owned(), file(kind.filter, COUNT, &kind.payload));
    let wholes = kinds.iter().map(whole);
    Archive::of(wholes.chain(kinds.iter().flat_map(for_all)).chain(for_each(kinds)))
}

#[test]
fn damaged_payloads_are_refused() {
    let _turn = turn();
    let kinds = kinds();
    let archive = archive(&kinds);
    judge(&kinds, &archive.convert("new", &["--verify", "content"]));
}

#[test]
fn damaged_payloads_are_not_encoded_anew() {
    let _turn = turn();
    let kinds = kinds();
    let archive = archive(&kinds);
    judge(&kinds, &archive.convert("new", &["--compress", "zstd"]));
}

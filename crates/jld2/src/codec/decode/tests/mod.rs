//! Decoding is checked against payloads of other programs, against the crates' own encoders, and
//! with damaged payloads.

mod damage;
mod vectors;
mod written;

pub(in crate::codec) use written::bytes as bytes_of_columns;

use super::decoder;
use crate::codec::{Error, Filter, Payload, ids};
use std::io::{self, BufRead as _, Read as _};

/// A payload that gives a few bytes at a time and is not in memory.
pub(super) struct Dribble<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) most: usize,
}

impl Payload for Dribble<'_> {
    fn len(&self) -> u64 {
        self.bytes.len() as u64
    }

    fn read_at(&self, offset: u64, buf: &mut [u8]) -> io::Result<usize> {
        let n = buf.len().min(self.most);
        self.bytes.read_at(offset, &mut buf[..n])
    }
}

/// Decodes all of a payload through `read` with a buffer of `step` bytes.
pub(super) fn decode_by(
    filters: &[Filter],
    payload: &dyn Payload,
    len: usize,
    step: usize,
) -> Result<Vec<u8>, Error> {
    let mut reader = decoder(filters, 0, payload, len as u64)?;
    let mut out = Vec::new();
    let mut buf = vec![0; step];
    loop {
        match reader.read(&mut buf)? {
            0 => return Ok(out),
            n => out.extend_from_slice(&buf[..n]),
        }
    }
}

/// Decodes all of a payload by looking into the buffers.
pub(super) fn decode_looking(
    filters: &[Filter],
    payload: &dyn Payload,
    len: usize,
) -> Result<Vec<u8>, Error> {
    let mut reader = decoder(filters, 0, payload, len as u64)?;
    let mut out = Vec::new();
    loop {
        let n = {
            let chunk = reader.fill_buf()?;
            out.extend_from_slice(chunk);
            chunk.len()
        };
        if n == 0 {
            return Ok(out);
        }
        reader.consume(n);
    }
}

/// Decodes a payload in memory.
pub(super) fn decode(filters: &[Filter], payload: &[u8], len: usize) -> Result<Vec<u8>, Error> {
    decode_by(filters, &payload, len, 100_000)
}

/// A pipeline of one compressor with the value that JLD2 before 0.6 wrote.
pub(super) fn one(id: u16) -> Vec<Filter> {
    vec![Filter::new(id, [5], None)]
}

const VECTORS: [(u16, &[u8]); 9] = [
    (ids::LZ4, vectors::LZ4_LINKED),
    (ids::LZ4, vectors::LZ4_ALL),
    (ids::LZ4, vectors::LZ4_LINKED_256K),
    (ids::LZ4, vectors::LZ4_HDF5),
    (ids::LZ4, vectors::LZ4_HDF5_64K),
    (ids::ZSTD, vectors::ZSTD),
    (ids::ZSTD, vectors::ZSTD_STREAM),
    (ids::DEFLATE, vectors::ZLIB),
    (ids::BZIP2, vectors::BZIP2),
];

#[test]
fn payloads_of_other_programs() {
    let data = vectors::data();
    for (i, (id, payload)) in VECTORS.into_iter().enumerate() {
        let filters = one(id);
        let len = data.len();
        assert!(decode(&filters, payload, len).unwrap() == data, "vector {i}");
        assert!(decode_looking(&filters, &payload, len).unwrap() == data, "vector {i}");
        for most in [1, 3, 17, 1000] {
            let dribble = Dribble { bytes: payload, most };
            assert!(decode_by(&filters, &dribble, len, 777).unwrap() == data, "vector {i}");
            assert!(decode_looking(&filters, &dribble, len).unwrap() == data, "vector {i}");
        }
    }
}

#[test]
fn lengths_are_exact() {
    let data = vectors::data();
    for (id, payload) in VECTORS {
        let filters = one(id);
        let declared = matches!(payload, p if p == vectors::LZ4_HDF5 || p == vectors::LZ4_HDF5_64K);
        let short = decode(&filters, payload, data.len() + 1).unwrap_err();
        let long = decode(&filters, payload, data.len() - 1).unwrap_err();
        if declared {
            assert!(matches!(short, Error::Declared { .. }), "{id}: {short}");
            assert!(matches!(long, Error::Declared { .. }), "{id}: {long}");
        } else {
            let (more, less) = (data.len() as u64 + 1, data.len() as u64 - 1);
            assert!(
                matches!(short, Error::Short { expected, found } if expected == more && found == more - 1),
                "{id}: {short}"
            );
            assert!(matches!(long, Error::Long { expected } if expected == less), "{id}: {long}");
        }
    }
}

#[test]
fn the_last_read_checks_the_end() {
    let data = vectors::data();
    let mut payload = vectors::ZLIB.to_vec();
    *payload.last_mut().unwrap() ^= 1;
    let filters = one(ids::DEFLATE);
    let mut reader = decoder(&filters, 0, &payload, data.len() as u64).unwrap();
    let mut buf = vec![0; data.len()];
    let error = Error::from(reader.read_exact(&mut buf).unwrap_err());
    assert!(matches!(error, Error::Corrupt { codec: "deflate", .. }), "{error}");
    let again = Error::from(reader.read(&mut buf).unwrap_err());
    assert!(matches!(again, Error::Failed), "{again}");
}

#[test]
fn bytes_behind_the_end() {
    let data = vectors::data();
    for (id, payload) in VECTORS {
        let mut payload = payload.to_vec();
        let end = payload.len() as u64;
        payload.extend_from_slice(b"more");
        let error = decode(&one(id), &payload, data.len()).unwrap_err();
        assert!(matches!(error, Error::Trailing { at, .. } if at == end), "{id}: {error}");
    }
}

#[test]
fn streams_behind_streams() {
    let data = vectors::data();
    let twice = [data.clone(), data].concat();
    for (id, payload) in VECTORS {
        let payload = [payload, payload].concat();
        let result = decode(&one(id), &payload, twice.len());
        if id == ids::DEFLATE {
            assert!(matches!(result, Err(Error::Trailing { .. })));
        } else if payload[..4] != [0; 4] {
            assert!(result.unwrap() == twice, "{id}");
        }
    }
    let skippable = [&[0x51, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 9, 9, 9], vectors::LZ4_LINKED].concat();
    let both = [vectors::LZ4_ALL, &skippable].concat();
    assert!(decode(&one(ids::LZ4), &both, twice.len()).unwrap() == twice);
}

#[test]
fn filters_that_were_skipped() {
    let filters = [Filter::new(ids::SHUFFLE, [8], None), Filter::new(ids::DEFLATE, [5], None)];
    let plain: &[u8] = b"0123456789abcdef";
    let mut out = Vec::new();
    decoder(&filters, 0b11, &plain, 16).unwrap().read_to_end(&mut out).unwrap();
    assert_eq!(out, plain);
    out.clear();
    decoder(&filters, 0b10, &plain, 16).unwrap().read_to_end(&mut out).unwrap();
    assert_eq!(
        out,
        b"02468ace13579bdf"
            .map(|_| 0)
            .iter()
            .enumerate()
            .map(|(i, _)| { plain[i / 8 + i % 8 * 2] })
            .collect::<Vec<u8>>()
    );
    let many = vec![Filter::new(ids::SHUFFLE, [1], None); 33];
    out.clear();
    decoder(&many, u32::MAX, &plain, 16).unwrap().read_to_end(&mut out).unwrap();
    assert_eq!(out, plain);
}

#[test]
fn nothing_at_all() {
    let none: &[u8] = &[];
    assert!(decode(&one(ids::LZ4), none, 0).unwrap().is_empty());
    assert!(decode(&[], none, 0).unwrap().is_empty());
    for (id, _) in VECTORS {
        let error = decode(&one(id), none, 1).unwrap_err();
        assert!(matches!(error, Error::Truncated { at: 0, decoded: 0, .. }), "{id}: {error}");
    }
    assert!(matches!(decode(&[], none, 1), Err(Error::Short { expected: 1, found: 0 })));
    assert!(matches!(decode(&[], &[1], 0), Err(Error::Long { expected: 0 })));
}

#[test]
fn unknown_filters_are_named() {
    let named = [Filter::new(32001, [], Some("blosc\0\0\0"))];
    let error = decode(&named, &[1], 1).unwrap_err();
    assert!(matches!(&error, Error::UnknownFilter { id: 32001, name } if name == "blosc"));
    let error = decode(&one(32008), &[1], 1).unwrap_err();
    assert!(matches!(&error, Error::UnknownFilter { id: 32008, name } if name == "bitshuffle"));
}

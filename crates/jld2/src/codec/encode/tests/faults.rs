//! Inputs that fail, outputs that fail, callers that stop.

use super::mixed;
use crate::codec::{Codec, Error, Reader, StreamSource, encode};
use std::{
    io::{self, Write},
    ops::ControlFlow,
};

const CODECS: [Codec; 5] = [
    Codec::None,
    Codec::Lz4 { block_size: 10_000 },
    Codec::Lz4Frame,
    Codec::Zstd(1),
    Codec::Deflate(1),
];

/// Says one length and has another.
struct Liar {
    bytes: Vec<u8>,
    total: u64,
}

impl StreamSource for Liar {
    fn total(&self) -> u64 {
        self.total
    }

    fn open(&self) -> Result<Reader<'_>, Error> {
        Ok(Box::new(&self.bytes[..]))
    }
}

fn run(codec: Codec, shuffle: Option<u32>, input: &dyn StreamSource, threads: usize) -> Error {
    let mut go_on = |_| ControlFlow::Continue(());
    encode(codec, shuffle, input, &mut io::sink(), threads, &mut go_on).unwrap_err()
}

#[test]
fn inputs_of_another_length() {
    for codec in CODECS {
        for threads in [1, 3] {
            let bytes = mixed(3_000_000);
            let less = Liar { bytes: bytes.clone(), total: 3_000_001 };
            let error = run(codec, None, &less, threads);
            assert!(
                matches!(error, Error::Short { expected: 3_000_001, found: 3_000_000 }),
                "{codec:?}: {error}"
            );
            let more = Liar { bytes, total: 2_999_999 };
            let error = run(codec, None, &more, threads);
            assert!(matches!(error, Error::Long { expected: 2_999_999 }), "{codec:?}: {error}");
            if codec != Codec::None {
                let error = run(codec, Some(8), &less, threads);
                assert!(matches!(error, Error::Short { .. }), "{codec:?}: {error}");
            }
        }
    }
}

/// Takes some bytes, then is full.
struct Full(usize);

impl Write for Full {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(buf.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn outputs_that_fill_up() {
    let data = mixed(3_000_000);
    for codec in CODECS {
        for (threads, room) in [(1, 0), (1, 500_000), (3, 500_000), (2, 100)] {
            let mut go_on = |_| ControlFlow::Continue(());
            let error =
                encode(codec, None, &data, &mut Full(room), threads, &mut go_on).unwrap_err();
            let Error::Output { at, source } = error else { panic!("{codec:?}: {error}") };
            assert!(at <= room as u64);
            assert_eq!(source.kind(), io::ErrorKind::StorageFull);
        }
    }
}

#[test]
fn callers_that_stop() {
    let data = mixed(5_000_000);
    for codec in CODECS {
        for threads in [1, 2, 4] {
            let mut calls = 0;
            let mut stop = |_| {
                calls += 1;
                if calls == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            };
            let error =
                encode(codec, None, &data, &mut io::sink(), threads, &mut stop).unwrap_err();
            assert!(matches!(error, Error::Cancelled), "{codec:?}: {error}");
            assert_eq!(calls, 2);
        }
    }
}

#[test]
fn levels_and_sizes_that_do_not_exist() {
    let data = mixed(10);
    for codec in [
        Codec::Deflate(10),
        Codec::Zstd(23),
        Codec::Zstd(i32::MIN),
        Codec::Lz4 { block_size: 0 },
        Codec::Lz4 { block_size: (64 << 20) + 1 },
    ] {
        let error = run(codec, None, &data, 1);
        assert!(matches!(error, Error::Unsupported { .. }), "{codec:?}: {error}");
    }
}

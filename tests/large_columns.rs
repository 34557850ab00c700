//! A column of more than 4 GiB, where other readers have their limits: it is rewritten in little
//! memory, as one chunk, of which is told who cannot read it, and in chunks, which all read.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "bad_input/array.rs"]
mod array;

use jldconv::codec::{self, Codec, Error, Reader, StreamSource, ids};
use jldconv::convert::{
    Chunking, Compress, Job, Options, Outcome, Silent, VerifyLevel, convert_file,
};
use jldconv::inspect::compare;
use peak_alloc::PeakAlloc;
use std::fs;
use std::io::{self, BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Numbers in the column: 4 GiB and 24 bytes.
const COUNT: u64 = (1 << 29) + 3;
/// More than a conversion with two threads takes, less than a hundredth of the column.
const MOST: f32 = 24.0;

/// Bytes that tell which MiB they are in.
struct Steps {
    at: u64,
    len: u64,
}

impl Read for Steps {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let to_edge = (1 << 20) - self.at % (1 << 20);
        let n = (buf.len() as u64).min(self.len - self.at).min(to_edge);
        let byte = u8::try_from((self.at >> 20) % 251).unwrap();
        buf.iter_mut().take(usize::try_from(n).unwrap()).for_each(|to| *to = byte);
        self.at += n;
        Ok(usize::try_from(n).unwrap())
    }
}

impl StreamSource for Steps {
    fn total(&self) -> u64 {
        self.len
    }

    fn open(&self) -> Result<Reader<'_>, Error> {
        Ok(Box::new(BufReader::with_capacity(1 << 20, Self { at: 0, len: self.len })))
    }
}

/// Converts a file with all that can be checked in a stream; what was said.
fn convert(input: &Path, output: &Path, compress: Compress, chunk: Chunking) -> Vec<String> {
    let dir = output.parent().unwrap();
    let job = Job {
        input: input.to_owned(),
        output: output.to_owned(),
        temp_dir: dir.to_owned(),
        temp_name: "temporary".to_owned(),
    };
    let verify = if cfg!(feature = "hdf5") { VerifyLevel::Hdf5 } else { VerifyLevel::Structure };
    let options =
        Options { verify: Some(verify), compress, chunk, threads: 2, ..Options::default() };
    let report = convert_file(&job, &options, &Silent).unwrap();
    assert_eq!(report.outcome, Outcome::Converted);
    report.findings
}

#[test]
fn more_than_4_gib_in_a_few_megabytes() {
    let dir = tempfile::tempdir().unwrap();
    let [frames, blocks, stream] =
        ["frames.jld2", "blocks.jld2", "stream.jld2"].map(|name| dir.path().join(name));
    let mut payload = Vec::new();
    let steps = Steps { at: 0, len: 8 * COUNT };
    let on = &mut |_| ControlFlow::Continue(());
    codec::encode(Codec::Lz4Frame, None, &steps, &mut payload, 2, on).unwrap();
    fs::write(&frames, array::file(ids::LZ4, COUNT, &payload)).unwrap();
    drop(payload);
    HEAP.reset_peak_usage();
    let before = HEAP.current_usage_as_mb();
    for (input, output, compress, chunk) in [
        (&frames, &blocks, Compress::Lz4, Chunking::One),
        (&blocks, &stream, Compress::Zstd(1), Chunking::Auto),
    ] {
        let said = convert(input, output, compress, chunk);
        let of_4_gib = |s: &&String| s.contains("columns are of 4 GiB or more");
        let told = said.iter().any(|s| of_4_gib(&s));
        assert_eq!(told, chunk == Chunking::One, "{compress:?}: {said:?}");
    }
    let taken = HEAP.peak_usage_as_mb() - before;
    assert!(taken < MOST, "{taken} MiB");
    let comparison = compare(&frames, &stream).unwrap();
    assert!(comparison.differences.is_empty(), "{:?}", comparison.differences);
}

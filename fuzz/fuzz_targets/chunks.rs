//! Walks any bytes as an index of chunks, of each kind, and reads what it leads to. The input starts
//! with a description of the dataset (`jldconv_fuzz::chunks`); the rest stands behind a superblock.
#![no_main]

use jldconv::h5::{Checksums, Datatype, Error, File, Result, Source};
use jldconv::julia::Column;
use jldconv_fuzz::{chunks, memory};
use libfuzzer_sys::fuzz_target;
use std::io::Read;

/// More is not asked for.
const MOST: u64 = 8 << 20;

fn run(file: &File, dataset: &jldconv::h5::Dataset, datatype: &Datatype) -> Result<()> {
    let Some(table) = file.chunks(dataset)? else { return Ok(()) };
    let total = table.grid().total();
    for start in [0, total / 2] {
        let mut iter = table.stored(start..total)?;
        let mut next = start;
        for _ in 0..10_000 {
            let Some(chunk) = iter.next()? else { break };
            assert!((next..total).contains(&chunk.number), "{chunk:?}");
            next = chunk.number + 1;
        }
        for part in iter.take_parts() {
            assert!(part.start < part.end && part.end <= file.superblock().end_of_file, "{part:?}");
        }
    }
    let column = Column::new(file, dataset, datatype)?;
    let mut stream = column.open()?;
    let mut read = 0;
    let mut buffer = vec![0; 64 << 10];
    while read < MOST {
        let Ok(n) = stream.read(&mut buffer) else { break };
        if n == 0 {
            assert_eq!(read, column.len(), "a wrong count is never quiet");
            break;
        }
        read += n as u64;
    }
    let len = column.len().min(MOST);
    let mut part = column.open_range(len / 3..len / 2)?;
    let mut read = 0;
    while let Ok(n @ 1..) = part.read(&mut buffer) {
        read += n as u64;
    }
    assert!(read <= len / 2 - len / 3);
    Ok(())
}

/// An error about the file says where.
fn placed(error: &Error) {
    use jldconv::h5::ErrorKind;
    assert!(
        error.offset().is_some() || matches!(error.kind(), ErrorKind::TooLarge { .. }),
        "{error}"
    );
    assert!(error.to_string().len() < 2000);
}

fuzz_target!(|data: &[u8]| {
    let Some((dataset, datatype, bytes)) = chunks::read(data) else { return };
    let Ok(file) = File::with_checksums(Source::from_bytes(bytes), Checksums::Ignored) else {
        return;
    };
    if let Err(error) = memory::bounded(|| run(&file, &dataset, &datatype)) {
        placed(&error);
    }
});

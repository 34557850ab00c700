//! Writes out all values of any bytes, and looks for the columns of tables.
#![no_main]

use jldconv::h5::{File, Object, Result, Source, Trace, Visitor};
use jldconv::julia::{Columns, Digest, Dumper, Record, TypeTable, datasets};
use jldconv_fuzz::{memory, mutate};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use std::io::{self, Write};

/// Takes so many bytes.
struct Sink(usize);

impl Write for Sink {
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        self.0 = self.0.checked_sub(buf.len()).ok_or(io::ErrorKind::StorageFull)?;
        Ok(buf.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Payloads that unpack to very much take their time: that is not a defect.
struct Logical<'a>(&'a File, u64);

impl Visitor for Logical<'_> {
    fn object(&mut self, object: &Object, _: &str) -> Result<()> {
        if let Some(dataset) = object.dataset() {
            let datatype = self.0.resolve(&dataset.datatype)?;
            self.1 = self.1.saturating_add(self.0.data_len(dataset, &datatype)?);
        }
        Ok(())
    }
}

fn run(data: &[u8]) -> Result<()> {
    let file = File::from_source(Source::from_bytes(data.to_vec()))?;
    let mut logical = Logical(&file, 0);
    // Values are written though the walk fails: `dump` does not walk first.
    let _ = Trace::run(&file, &mut logical);
    if logical.1 > 16 << 20 {
        return Ok(());
    }
    let types = TypeTable::new(&file);
    let paths = datasets(&file)?;
    // One by one, so that a damaged one does not hide the others.
    let dumper = Dumper::new(&types, Digest::Xxh3);
    for (_, addr) in &paths {
        let _ = dumper.node(*addr, &mut Sink(1 << 20));
        if let Ok(Some(record)) = Record::at(&types, *addr) {
            let _ = Columns::of(&record);
        }
    }
    dumper.all(&paths, &mut Sink(4 << 20))
}

fuzz_target!(|data: &[u8]| {
    if let Err(error) = memory::bounded(|| run(data)) {
        assert!(error.to_string().len() < 2000);
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::container(data, size, max_size, seed, fuzzer_mutate)
});

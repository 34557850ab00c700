//! Opens any bytes as a container and walks over all of it.
#![no_main]

use jldconv::h5::{Checksums, Edge, Error, File, Object, Region, Result, Source, Trace, Visitor};
use jldconv_fuzz::{memory, mutate};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

struct Check {
    len: u64,
}

impl Visitor for Check {
    fn object(&mut self, object: &Object, path: &str) -> Result<()> {
        assert!(path.starts_with('/'));
        for m in &object.header.messages {
            assert_eq!(object.header.body(m).len(), m.len as usize);
            assert!(m.body + u64::from(m.len) <= self.len);
        }
        Ok(())
    }

    fn edge(&mut self, edge: Edge) -> Result<()> {
        assert!(edge.at + 8 <= self.len);
        Ok(())
    }

    fn region(&mut self, region: Region) -> Result<()> {
        assert!(region.start < region.end && region.end <= self.len, "{region:?}");
        Ok(())
    }
}

fn run(data: &[u8], checksums: Checksums) -> Result<()> {
    let file = File::with_checksums(Source::from_bytes(data.to_vec()), checksums)?;
    Trace::run(&file, &mut Check { len: file.superblock().end_of_file })
}

/// An error about the file says where.
fn placed(error: &Error) {
    use jldconv::h5::ErrorKind;
    assert!(
        error.offset().is_some() || matches!(error.kind(), ErrorKind::NotJld2 { .. }),
        "{error}"
    );
    assert!(error.to_string().len() < 2000);
}

fuzz_target!(|data: &[u8]| {
    for checksums in [Checksums::Trusted, Checksums::Ignored] {
        if let Err(error) = memory::bounded(|| run(data, checksums)) {
            placed(&error);
            assert!(checksums == Checksums::Trusted || !error.is_checksum(), "{error}");
        }
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::container(data, size, max_size, seed, fuzzer_mutate)
});

//! Opens any bytes as a container and walks over all of it.
#![no_main]

use jldconv::h5::{
    Checksums, Edge, Error, File, Object, ObjectHeader, Region, Result, Source, Trace, Visitor,
    set_scratch_budget,
};
use jldconv_fuzz::{memory, mutate};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

struct Check<'a> {
    file: &'a File,
    len: u64,
}

impl Check<'_> {
    /// What was made of an object that others resemble is what is made of it alone.
    fn alone(&self, object: &Object) -> Result<()> {
        let header = &object.header;
        if header.version == 1 || !header.storage.is_empty() || header.runs.is_some() {
            return Ok(());
        }
        let (source, superblock) = (self.file.source(), self.file.superblock());
        let alone = ObjectHeader::read(source, superblock, header.addr, self.file.checksums());
        let alone = Object::parse(alone?)?;
        assert_eq!(format!("{alone:?}"), format!("{object:?}"));
        Ok(())
    }
}

impl Visitor for Check<'_> {
    fn object(&mut self, object: &Object, path: &str) -> Result<()> {
        assert!(path.starts_with('/'));
        for m in &object.header.messages {
            assert_eq!(object.header.body(m).len(), m.len as usize);
            assert!(m.body + u64::from(m.len) <= self.len);
        }
        self.alone(object)
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
    Trace::run(&file, &mut Check { file: &file, len: file.superblock().end_of_file })
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
    // Once with lists in memory, once with most of them in files.
    for (checksums, lists) in [(Checksums::Trusted, 12 << 20), (Checksums::Ignored, 256)] {
        set_scratch_budget(lists);
        if let Err(error) = memory::bounded(|| run(data, checksums)) {
            placed(&error);
            assert!(checksums == Checksums::Trusted || !error.is_checksum(), "{error}");
        }
    }
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::container(data, size, max_size, seed, fuzzer_mutate)
});

//! Plans the migration of any bytes, and checks that a file that could be read can be read
//! afterwards.
#![no_main]

use jldconv::h5::{Checked, Checksums, Error, File, Object, Result, Source, Trace, Visitor};
use jldconv::julia::{Digest, Dumper, TypeTable, datasets};
use jldconv::migrate::{Request, plan_for, target::Target};
use jldconv_fuzz::{memory, mutate};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};
use std::sync::LazyLock;

static TARGET: LazyLock<Target> = LazyLock::new(|| {
    Target::builtin(Target::default_name()).unwrap_or_else(|error| panic!("{error}"))
});

/// Whatever checksums were lost, they are put right.
struct Sound;

impl Visitor for Sound {
    fn object(&mut self, object: &Object, path: &str) -> Result<()> {
        assert!(object.header.chunks.iter().all(|c| c.checked == Checked::Right), "{path}");
        Ok(())
    }

    /// What cannot be read stays as it is.
    fn foreign(&mut self, _: &str, error: Error) -> Result<()> {
        if error.is_foreign_dataset() { Ok(()) } else { Err(error) }
    }
}

fn run(data: &[u8]) {
    for checksums in [Checksums::Trusted, Checksums::Ignored] {
        for portable in [false, true] {
            migrate(data, checksums, portable);
        }
    }
}

fn migrate(data: &[u8], checksums: Checksums, portable: bool) {
    let source = Source::from_bytes(data.to_vec());
    let Ok(file) = File::with_checksums(source, checksums) else { return };
    let request = Request { portable, ..Request::default() };
    let Ok(migration) = plan_for(&file, &TARGET, &request) else { return };
    let Some(edits) = migration.edits else { return };
    let replace = edits.replace().iter().map(|r| (r.offset, r.new.clone())).collect();
    let below = Source::from_bytes(data.to_vec());
    let after = Source::overlay(below, edits.append_at(), edits.append().to_vec(), replace);
    let unread = !migration.survey.unread.is_empty();
    let checksums = if unread { checksums } else { Checksums::Trusted };
    let after = File::with_checksums(after, checksums);
    let after = after.unwrap_or_else(|e| panic!("after migration: {e}"));
    if let Err(e) = Trace::run(&after, &mut Sound) {
        panic!("after migration: {e}");
    }
    // What is read afterwards is what was planned.
    let write = |file: &File, expected: bool| -> Option<Vec<u8>> {
        let types = if expected {
            TypeTable::with_renames(file, migration.renames.clone())
        } else {
            TypeTable::new(file)
        };
        let paths = datasets(file).ok()?;
        let mut dumper = Dumper::new(&types, Digest::Xxh3);
        if expected {
            dumper = dumper.with_overrides(&migration.overrides);
        }
        let mut out = Vec::new();
        dumper.all(&paths, &mut out).ok()?;
        Some(out)
    };
    if let Some(expected) = write(&file, true) {
        let found = write(&after, false);
        assert!(found == Some(expected), "other values after migration");
    }
}

fuzz_target!(|data: &[u8]| {
    memory::bounded(|| run(data));
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::container(data, size, max_size, seed, fuzzer_mutate)
});

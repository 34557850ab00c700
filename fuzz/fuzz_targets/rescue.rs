//! Finds out what is left of any bytes, and checks that what is kept can be read: every object that can
//! be reached, and under each name what the report says.
#![no_main]

use jldconv::convert::Silent;
use jldconv::h5::{Source, Trace, Visitor};
use jldconv::julia::{Digest, Dumper, TypeTable, datasets};
use jldconv::rescue::{RescueOptions, assess};
use jldconv_fuzz::{memory, mutate};
use libfuzzer_sys::{fuzz_mutator, fuzz_target, fuzzer_mutate};

struct Any;

impl Visitor for Any {}

fn run(data: &[u8]) {
    // As it is, without a front, cut in the middle, and with a hole.
    let mut damaged = vec![data.to_vec(); 4];
    damaged[1].iter_mut().take(560).for_each(|b| *b = 0);
    damaged[2].truncate(data.len() / 3 * 2);
    damaged[3].iter_mut().skip(data.len() / 1024 * 512).take(512).for_each(|b| *b = 0);
    for (bytes, partial) in damaged.into_iter().flat_map(|it| [(it.clone(), false), (it, true)]) {
        let options = RescueOptions { partial };
        let Ok(assessed) = assess(&Source::from_bytes(bytes), options, &Silent) else { continue };
        let Some(file) = assessed.file else { continue };
        if let Err(error) = Trace::run(&file, &mut Any) {
            panic!("what is kept: {error}");
        }
        let found = datasets(&file).unwrap_or_else(|error| panic!("what is kept: {error}"));
        // A group that two others lead to has two paths, of which either may be told.
        let names = |paths: &mut dyn Iterator<Item = &str>| {
            let mut names: Vec<_> =
                paths.map(|path| path.rsplit('/').next().unwrap_or(path).to_owned()).collect();
            names.sort();
            names
        };
        let told = names(&mut assessed.report.rescued.iter().map(|it| it.path.as_str()));
        assert_eq!(names(&mut found.iter().map(|(path, _)| path.as_str())), told);
        let types = TypeTable::new(&file);
        for (_, addr) in found {
            let _ = Dumper::new(&types, Digest::Xxh3).node(addr, &mut std::io::sink());
        }
    }
}

fuzz_target!(|data: &[u8]| {
    memory::bounded(|| run(data));
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::container(data, size, max_size, seed, fuzzer_mutate)
});

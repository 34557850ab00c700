//! Rewrites in chunks, as a user meets them: the program on files with arrays of many shapes and
//! types, read again by the program and by h5py, h5dump, and in any number of threads.

use super::runner;
use jldconv::convert::{Chunking, Compress, Job, Options, Silent, VerifyLevel, convert_file};
use jldconv::h5::encode::{self, NewMessage};
use jldconv::h5::sample::Sample;
use jldconv::h5::{
    ChunkIndex, Datatype, Extent, File, Layout, Object, ObjectKind, RelAddr, Trace, Visitor, kind,
};
use jldconv::julia::{Digest, Digests, Dumper, TypeTable, readable};
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that compress, and differ all over.
fn bytes(len: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let words = (0_u64..).flat_map(|i| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (i * 1000 + (state >> 60)).to_le_bytes()
    });
    words.take(len).collect()
}

/// Puts a contiguous array of this shape (in HDF5's order) and type into a file.
fn array(sample: &mut Sample, dims: &[u64], datatype: &Datatype, data: &[u8]) -> RelAddr {
    let at = sample.raw(data);
    sample.object(&[
        NewMessage::fill_value(),
        NewMessage::new(kind::DATASPACE, 0, encode::dataspace(Extent::Simple, dims)),
        NewMessage::new(kind::DATATYPE, 1, encode::datatype(datatype)),
        NewMessage::new(kind::LAYOUT, 0, encode::contiguous(at, data.len() as u64)),
        NewMessage::placeholder(),
    ])
}

/// A file with contiguous arrays, by name.
fn arrays(path: &Path, arrays: &[(&str, &[u64], Datatype)]) {
    let mut sample = Sample::new();
    let links: Vec<(&str, RelAddr)> = arrays
        .iter()
        .map(|(name, dims, datatype)| {
            let count = usize::try_from(dims.iter().product::<u64>()).unwrap();
            let data = bytes(count * datatype.size as usize);
            (*name, array(&mut sample, dims, datatype, &data))
        })
        .collect();
    let root = sample.group(&links);
    fs::write(path, sample.finish(root)).unwrap();
}

/// Arrays of all kinds that are compressed.
fn kinds(path: &Path) {
    let pair = Datatype::record([
        ("a".to_owned(), Datatype::float64()),
        ("b".to_owned(), Datatype::integer(1, false)),
    ]);
    arrays(
        path,
        &[
            // Three levels of an index, with chunks of 1 KiB.
            ("long", &[530_001], Datatype::float64()),
            ("matrix", &[301, 77], Datatype::float32()),
            ("wide", &[3, 50_000], Datatype::integer(2, true)),
            ("cube", &[7, 90, 33], Datatype::float64()),
            ("records", &[20_003], pair),
            ("flags", &[70_001], Datatype::boolean()),
            ("bytes", &[100_000], Datatype::integer(1, false)),
            ("few", &[100], Datatype::float64()),
            ("one", &[1], Datatype::integer(8, true)),
        ],
    );
}

fn jldconv(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_jldconv")).args(args).output().unwrap()
}

/// Rewrites a file; what was said.
fn rewrite(input: &Path, output: &Path, flags: &[&str]) -> String {
    let paths = [input, output].map(|path| path.to_str().unwrap());
    let done =
        jldconv(&[&["convert", paths[0], paths[1], "--verify", "structure"], flags].concat());
    let said = String::from_utf8(done.stdout).unwrap() + &String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{flags:?}: {said}");
    said
}

/// Each dataset's path, layout, and how many chunks are stored, in the order of the walk.
fn layouts(path: &Path) -> Vec<(String, Layout, usize)> {
    struct Layouts<'a>(&'a File, Vec<(String, Layout, usize)>);
    impl Visitor for Layouts<'_> {
        fn object(&mut self, object: &jldconv::h5::Object, path: &str) -> jldconv::h5::Result<()> {
            if let ObjectKind::Dataset(dataset) = &object.kind {
                let mut count = 0;
                if let Some(table) = self.0.chunks(dataset)? {
                    let mut chunks = table.stored(0..u64::MAX)?;
                    while chunks.next()?.is_some() {
                        count += 1;
                    }
                }
                self.1.push((path.to_owned(), dataset.layout.clone(), count));
            }
            Ok(())
        }
    }
    let file = File::open(path).unwrap();
    let mut all = Layouts(&file, Vec::new());
    Trace::run(&file, &mut all).unwrap();
    all.1
}

/// How the data of a dataset are stored, and in how many chunks.
fn stored(path: &Path, name: &str) -> (&'static str, usize) {
    let all = layouts(path);
    let (_, layout, count) = all.iter().find(|(path, ..)| path == name).unwrap();
    let how = match layout {
        Layout::Compact { .. } => "compact",
        Layout::Contiguous { .. } => "plain",
        Layout::Chunked(chunked) => match chunked.index {
            ChunkIndex::Single { .. } => "single",
            ChunkIndex::BTreeV1 => "tree",
            _ => "another index",
        },
    };
    (how, *count)
}

/// Pythons with h5py: on HDF5 1.14, and the newest where there is one.
fn pythons() -> Vec<PathBuf> {
    let newest = std::env::var_os("JLDCONV_PYTHON_NEW").map(PathBuf::from);
    runner::python().into_iter().chain(newest).collect()
}

const CODECS: [&str; 4] = ["lz4", "lz4-frame", "zstd", "deflate:1"];

#[test]
fn what_is_cut_comes_back_in_every_codec_and_size() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    kinds(&at("in"));
    let mut outputs = Vec::new();
    for (n, codec) in CODECS.iter().enumerate() {
        for (chunk, shuffle) in [("1KiB", false), ("10KiB", true), ("auto", false)] {
            // One codec is enough for three levels of an index.
            if chunk == "1KiB" && !codec.starts_with("deflate") {
                continue;
            }
            let output = at(&format!("{codec}-{chunk}"));
            let shuffle = if shuffle { "--shuffle=yes" } else { "--shuffle=no" };
            let flags = ["--compress", codec, "--chunk", chunk, shuffle];
            rewrite(&at("in"), &output, &flags);
            let paths = [&at("in"), &output].map(|path| path.to_str().unwrap().to_owned());
            let same = jldconv(&["verify", &paths[0], &paths[1]]);
            assert!(same.status.success(), "{codec} {chunk}");
            let (how, count) = stored(&output, "/long");
            let wanted = match chunk {
                "1KiB" => 4141,
                "10KiB" => 415,
                _ => 5,
            };
            assert_eq!((how, count), ("tree", wanted), "{codec} {chunk}");
            // What is one chunk needs no index.
            assert_eq!(stored(&output, "/few").0, "single", "{codec} {chunk}");
            // What would grow stays as it is.
            assert_eq!(stored(&output, "/one").0, "plain", "{codec} {chunk}");
            // Of frames libhdf5's plugin decodes nothing.
            if n != 1 {
                outputs.push(output);
            }
        }
    }
    for python in pythons() {
        let files: Vec<_> = std::iter::once(at("in")).chain(outputs.clone()).collect();
        let said = runner::printed(&runner::run(&python, "chunked.py", &files));
        assert!(said.ends_with(&format!("{} equal\n", 9 * outputs.len())), "{said}");
        // The slowest dimension is cut, and the next one where a step along it is too large.
        let files = [at("in"), at("deflate:1-10KiB")];
        let said = runner::printed(&runner::run(&python, "chunked.py", &files));
        for line in ["matrix (31, 77)", "wide (1, 5000)", "cube (1, 30, 33)"] {
            assert!(said.lines().any(|l| l == line), "{line} is not in\n{said}");
        }
    }
    if Command::new("h5dump").arg("--version").output().is_ok() {
        for name in ["deflate:1-1KiB", "deflate:1-auto"] {
            let dumps = [&at("in"), &at(name)].map(|path| {
                let dumped =
                    Command::new("h5dump").args(["-d", "/long"]).arg(path).output().unwrap();
                assert!(dumped.status.success() && dumped.stderr.is_empty());
                // The first line names the file.
                dumped.stdout.splitn(2, |byte| *byte == b'\n').nth(1).unwrap().to_vec()
            });
            assert!(dumps[0].len() > 4_000_000 && dumps[0] == dumps[1], "{name}");
        }
    } else {
        eprintln!("skipped: no h5dump (Debian: hdf5-tools)");
    }
}

#[test]
fn bytes_do_not_depend_on_the_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    kinds(&at("plain"));
    rewrite(&at("plain"), &at("frames"), &["--compress", "lz4-frame", "--chunk", "one"]);
    rewrite(&at("plain"), &at("chunks"), &["--compress", "zstd", "--chunk", "4KiB"]);
    for input in ["plain", "frames", "chunks"] {
        for (compress, chunk) in [
            (Compress::Zstd(3), Chunking::Of(2048)),
            (Compress::Lz4, Chunking::Of(10_000)),
            (Compress::Deflate(1), Chunking::Auto),
        ] {
            let bytes_of = |threads: usize| {
                let output = at(&format!("{threads}"));
                let job = Job {
                    input: at(input),
                    output: output.clone(),
                    temp_dir: at("temporary"),
                    temp_name: "temporary".to_owned(),
                };
                let verify = Some(VerifyLevel::Structure);
                let options = Options { compress, chunk, threads, verify, ..Options::default() };
                convert_file(&job, &Options { force: true, ..options }, &Silent).unwrap();
                fs::read(&output).unwrap()
            };
            let one = bytes_of(1);
            for threads in [2, 3, 7] {
                assert!(bytes_of(threads) == one, "{input} {compress:?} {threads} threads");
            }
        }
    }
}

/// Bytes of seven random bits: zstd makes them shorter, LZ4 cannot.
fn noise(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (state >> 57).to_le_bytes()[0]
    };
    std::iter::repeat_with(next).take(len).collect()
}

/// A column of which no chunk shrinks is written as it is at once. Where the first chunk tells nothing
/// of the others, it is begun again, and what was written of it is gone, also where it was the end of
/// the file.
#[test]
fn columns_that_do_not_shrink_are_plain_in_the_same_bytes_for_any_number_of_threads() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let mut sample = Sample::new();
    let number = Datatype::float64();
    // Some 8 MB: enough that values are compared by more than one thread.
    let names =
        ["a noise", "b", "c turns", "d noise", "e nearly", "f fades", "g", "h noise", "i noise"];
    let links = names.map(|name| {
        let (seed, rows) = (u64::from(name.as_bytes()[0]), 180_001);
        let mut data = noise(rows * 8, seed);
        match name.split_once(' ').map(|(_, kind)| kind) {
            Some("noise") => {}
            // Its first chunk grows, the last one shrinks, and so does the column.
            Some("turns") => data[1_100_000..].fill(7),
            // The last one shrinks by less than the index takes.
            Some("nearly") => data[rows * 8 - 300..].fill(7),
            // The first one shrinks, the others grow.
            Some("fades") => data[..400_000].fill(7),
            _ => data = bytes(rows * 8),
        }
        (name, array(&mut sample, &[rows as u64], &number, &data))
    });
    let root = sample.group(&links);
    fs::write(at("plain"), sample.finish(root)).unwrap();
    rewrite(&at("plain"), &at("stream"), &["--compress", "zstd", "--chunk", "one"]);
    rewrite(&at("plain"), &at("chunks"), &["--compress", "zstd", "--chunk", "64KiB"]);
    let digest = |path: &Path| {
        let done = jldconv(&["dump", "--json", path.to_str().unwrap()]);
        assert!(done.status.success());
        done.stdout
    };
    let values = digest(&at("plain"));
    for input in ["plain", "stream", "chunks"] {
        for (compress, chunk, plain) in [
            (Compress::Lz4, Chunking::Auto, 5),
            (Compress::Lz4, Chunking::Of(32 << 10), 5),
            (Compress::None, Chunking::Auto, 9),
        ] {
            let bytes_of = |threads: usize| {
                let job = Job {
                    input: at(input),
                    output: at(&threads.to_string()),
                    temp_dir: at("temporary"),
                    temp_name: "temporary".to_owned(),
                };
                let verify = Some(VerifyLevel::Content);
                let options = Options { compress, chunk, threads, verify, ..Options::default() };
                let report =
                    convert_file(&job, &Options { force: true, ..options }, &Silent).unwrap();
                (fs::read(&job.output).unwrap(), report.digest.unwrap())
            };
            let one = bytes_of(1);
            for threads in [2, 7] {
                assert!(bytes_of(threads) == one, "{input} {compress:?} {chunk:?} {threads}");
            }
            let is_plain = |layout: &Layout| matches!(layout, Layout::Contiguous { .. });
            let found = layouts(&at("7")).iter().filter(|(_, l, _)| is_plain(l)).count();
            assert_eq!(found, plain, "{input} {compress:?} {chunk:?}");
            assert!(digest(&at("7")) == values, "{input} {compress:?} {chunk:?}");
        }
    }
}

#[test]
fn threads_that_have_no_core_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    arrays(&at("in"), &[("x", &[300_000], Datatype::float64())]);
    let said = rewrite(&at("in"), &at("all"), &["--compress", "lz4", "--threads", "4096"]);
    assert!(said.contains("note: --threads 4096 is for "), "{said}");
    let said = rewrite(&at("in"), &at("one"), &["--compress", "lz4", "--threads", "1"]);
    assert!(!said.contains("--threads"), "{said}");
    assert!(fs::read(at("all")).unwrap() == fs::read(at("one")).unwrap());
}

#[test]
fn chunks_that_are_there_are_copied_and_cut_anew_only_where_that_is_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    arrays(&at("in"), &[("x", &[300_000], Datatype::float64())]);
    rewrite(&at("in"), &at("cut"), &["--compress", "zstd", "--chunk", "64KiB"]);
    assert_eq!(stored(&at("cut"), "/x"), ("tree", 37));
    // As they are.
    rewrite(&at("cut"), &at("repacked"), &["--repack"]);
    assert!(fs::read(at("cut")).unwrap() == fs::read(at("repacked")).unwrap());
    // Cut otherwise, in the codec that they have.
    rewrite(&at("cut"), &at("smaller"), &["--chunk", "16KiB"]);
    assert_eq!(stored(&at("smaller"), "/x"), ("tree", 147));
    rewrite(&at("smaller"), &at("one"), &["--chunk", "one"]);
    assert_eq!(stored(&at("one"), "/x"), ("single", 1));
    // A chunk as JLD2 writes it gets an index, and is not encoded again.
    let said = rewrite(&at("in"), &at("old"), &["--compress", "zstd", "--chunk", "one"]);
    assert!(said.contains("note: 1 columns are one chunk each in the form of JLD2"), "{said}");
    let said = rewrite(&at("old"), &at("indexed"), &["--repack"]);
    assert_eq!(stored(&at("indexed"), "/x"), ("tree", 1));
    let [old, new] = ["old", "indexed"].map(|name| fs::metadata(at(name)).unwrap().len());
    assert!(new > old && new < old + 2200, "{old} {new}");
    // Which is told.
    let more = format!("note: the output is {} bytes larger: ", new - old);
    assert!(said.contains(&more), "{said}");
}

/// JLD2 makes an array of each reference to one in chunks with an index: what is one array in Julia
/// would be two.
#[test]
fn an_array_that_is_referred_to_twice_is_one_chunk_or_plain() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let mut sample = Sample::new();
    let number = Datatype::float64();
    let of = |sample: &mut Sample, rows: u64| {
        array(sample, &[rows], &number, &bytes(usize::try_from(rows * 8).unwrap()))
    };
    let [large, small, alone] = [200_000, 1000, 200_000].map(|rows| of(&mut sample, rows));
    let twice = [large, large, small, small, alone].map(|addr| addr.0.to_le_bytes()).concat();
    let twice = array(&mut sample, &[5], &Datatype::reference(), &twice);
    // A link in a group `columns`, as --flat-links makes it, is no second array.
    let columns = sample.group(&[("alone", alone)]);
    let group = sample.group(&[("columns", columns)]);
    let root = sample.group(&[("twice", twice), ("table", group)]);
    fs::write(at("in"), sample.finish(root)).unwrap();
    let said = rewrite(&at("in"), &at("out"), &["--compress", "zstd", "--chunk", "64KiB"]);
    assert!(said.contains("note: 1 columns are stored without compression"), "{said}");
    // Found by their sizes: they have no links of their own.
    let mut found: Vec<_> = layouts(&at("out"))
        .into_iter()
        .filter(|(path, ..)| path.starts_with("/twice") || path.starts_with("/table"))
        .map(|(_, layout, count)| match layout {
            Layout::Contiguous { size, .. } => ("plain", usize::try_from(size).unwrap()),
            Layout::Chunked(chunked) if chunked.single().is_some() => ("single", count),
            Layout::Chunked(_) => ("tree", count),
            Layout::Compact { .. } => ("compact", 0),
        })
        .collect();
    found.sort_unstable();
    assert_eq!(found, [("plain", 40), ("plain", 1_600_000), ("single", 1), ("tree", 25)]);
}

#[test]
fn what_cannot_be_a_size_of_chunks_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    arrays(&dir.path().join("in"), &[("x", &[3], Datatype::float64())]);
    let input = dir.path().join("in");
    let convert = |flags: &[&str]| {
        let done = jldconv(&[&["convert", input.to_str().unwrap(), "out"], flags].concat());
        (done.status.code(), String::from_utf8(done.stderr).unwrap())
    };
    for bad in ["0", "100B", "1GiB", "many"] {
        let (code, said) = convert(&["--chunk", bad]);
        assert_eq!(code, Some(2), "{bad}");
        assert!(said.contains("write auto, one, or a size from 1KiB to 64MiB"), "{said}");
    }
    let (code, said) = convert(&["--chunk", "1MiB", "--mode", "patch"]);
    assert_eq!(code, Some(2));
    assert!(said.contains("--chunk and --mode patch exclude each other"), "{said}");
}

/// Addresses of all datasets.
#[derive(Default)]
struct Datasets(Vec<RelAddr>);

impl Visitor for Datasets {
    fn object(&mut self, object: &Object, _: &str) -> jldconv::h5::Result<()> {
        if matches!(object.kind, ObjectKind::Dataset(_)) {
            self.0.push(object.addr());
        }
        Ok(())
    }
}

/// The value at `/table` as a dump writes it, and how many bytes it read for that; first as it is,
/// then with digests that were made ahead.
fn dumped_twice(path: &Path) -> [(Result<Vec<u8>, String>, u64); 2] {
    let file = File::open(path).unwrap();
    let types = TypeTable::new(&file);
    let mut datasets = Datasets::default();
    Trace::run(&file, &mut datasets).unwrap();
    let table = readable(&file)
        .unwrap()
        .iter()
        .map(Result::unwrap)
        .find(|listed| listed.path == "/table")
        .unwrap()
        .addr;
    let ahead = Digests::ahead(&types, Digest::Xxh3, &datasets.0, 3, &|_| Ok(()));
    [None, Some(&ahead)].map(|ahead| {
        let read = AtomicU64::new(0);
        let tick = |bytes| {
            read.fetch_add(bytes, Ordering::Relaxed);
            Ok(())
        };
        let mut dumper = Dumper::new(&types, Digest::Xxh3).with_progress(&tick);
        if let Some(ahead) = ahead {
            dumper = dumper.with_digests(ahead);
        }
        let mut out = Vec::new();
        let told = dumper.node(table, &mut out).map(|()| out).map_err(|e| e.to_string());
        (told, read.load(Ordering::Relaxed))
    })
}

/// Columns that one value holds are read by several threads before a dump comes to them: it then says
/// what it says anyway, also of damaged ones.
#[test]
fn digests_of_columns_made_ahead_are_those_of_a_dump() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    let mut sample = Sample::new();
    let number = Datatype::float64();
    let columns = [0, 1, 2, 3, 4].map(|i| {
        let mut data = bytes(1_600_000);
        // All of one length, so that only their places tell them apart.
        data[i * 1000] ^= 1;
        array(&mut sample, &[200_000], &number, &data)
    });
    let refs = columns.map(|addr| addr.0.to_le_bytes()).concat();
    let refs = array(&mut sample, &[5], &Datatype::reference(), &refs);
    let root = sample.group(&[("table", refs)]);
    fs::write(at("plain"), sample.finish(root)).unwrap();
    rewrite(&at("plain"), &at("chunks"), &["--compress", "zstd", "--chunk", "64KiB"]);
    rewrite(&at("plain"), &at("frames"), &["--compress", "lz4-frame", "--chunk", "one"]);
    let mut whole = Vec::new();
    for name in ["plain", "chunks", "frames"] {
        let [(as_it_is, read), (ahead, read_again)] = dumped_twice(&at(name));
        assert!(as_it_is.is_ok() && ahead == as_it_is, "{name}: {ahead:?}");
        assert_eq!((read, read_again), (8_000_000, 0), "{name}");
        let text = String::from_utf8(as_it_is.unwrap()).unwrap();
        let digests = text.split("\"sha256\":\"").skip(1).map(|rest| rest.split_once('"'));
        let digests: HashSet<_> = digests.flatten().map(|(digest, _)| digest).collect();
        assert_eq!(digests.len(), 5, "{text}");
        whole.push(text);
    }
    assert!(whole.iter().all(|text| *text == whole[0]));
    for name in ["plain", "chunks", "frames"] {
        let mut damaged = fs::read(at(name)).unwrap();
        damaged[20_000] ^= 0x10;
        fs::write(at("damaged"), damaged).unwrap();
        let [(as_it_is, _), (ahead, _)] = dumped_twice(&at("damaged"));
        assert_eq!(ahead, as_it_is, "{name}");
        assert!(as_it_is.map_or(true, |text| text != whole[0].as_bytes()), "{name}");
    }
}

//! Real files keep their values through every codec: each is patched, repacked, and led from codec
//! to codec in a chain, and each step is held against the input and against what Julia read.
//!
//! Looks at the files in `tests/data/mera` and, where it is there, at the shared directory
//! (`JLDCONV_SHARED`, else `../shared`).

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

mod common;

use common::{files, shared, truth};
use jldconv::codec::{Lz4Format, ids, sniff_lz4};
use jldconv::convert::{
    Compress, Converter, Failure, FileReport, Job, Options, Outcome, Silent, VerifyLevel,
};
use jldconv::h5::{self, Class, Extent, File, Layout, Object, RefPlan, Trace, Visitor};
use jldconv::inspect::{Difference, compare};
use jldconv::julia::{Digest, Dumper, TypeTable, datasets, on_deep_stack};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The codecs of a chain. Their number is a prime: chains of each stride lead through all of them,
/// and those of all strides from each to each other.
const CODECS: [(Compress, bool); 7] = [
    (Compress::None, false),
    (Compress::Lz4, false),
    (Compress::Lz4, true),
    (Compress::Lz4Frame, false),
    (Compress::Zstd(3), false),
    (Compress::Zstd(1), true),
    (Compress::Deflate(1), false),
];
/// Files of the corpus that are damaged or were never JLD2's; `inspect` has their list.
const REFUSED: usize = 8;
const PATCH: How = How { compress: Compress::Keep, shuffle: false, repack: false };
const REPACK: How = How { repack: true, ..PATCH };

/// The options that differ between steps.
#[derive(Debug, Clone, Copy)]
struct How {
    compress: Compress,
    shuffle: bool,
    repack: bool,
}

/// What was done.
#[derive(Debug, Default)]
struct Done {
    refused: Vec<String>,
    converted: usize,
    steps: usize,
    truths: usize,
    /// Columns that were encoded, for each codec, and those that would have grown.
    encoded: [usize; 7],
    grown: usize,
    /// Pairs of codecs, from one to the next.
    pairs: BTreeSet<(usize, usize)>,
}

fn convert(input: &Path, output: &Path, how: How, threads: usize) -> Result<FileReport, Failure> {
    let How { compress, shuffle, repack } = how;
    let verify = VerifyLevel::Content;
    let options = Options { compress, shuffle, repack, verify, threads, ..Options::default() };
    let job = Job {
        input: input.to_owned(),
        output: output.to_owned(),
        temp_dir: output.parent().unwrap().to_owned(),
        temp_name: "temporary".into(),
    };
    Converter::new(options).unwrap().convert(&job, &Silent)
}

/// How the columns of a file are stored: the numbers of their filters, none of contiguous ones.
/// LZ4 frames count as filter 0.
fn columns(path: &Path) -> Vec<Vec<u16>> {
    struct Columns<'a>(&'a File, Vec<Vec<u16>>);
    impl Visitor for Columns<'_> {
        fn object(&mut self, object: &Object, _: &str) -> h5::Result<()> {
            let Some(dataset) = object.dataset() else { return Ok(()) };
            let datatype = self.0.resolve(&dataset.datatype)?;
            let elements = dataset.dataspace.elements().unwrap_or(0);
            let array = dataset.dataspace.extent == Extent::Simple && elements > 0;
            let fixed = !matches!(datatype.class, Class::String) && datatype.size > 0;
            let outside = !matches!(dataset.layout, Layout::Compact { .. });
            if !(array && fixed && outside && RefPlan::new(&datatype)?.is_empty()) {
                return Ok(());
            }
            let mut filters: Vec<_> = dataset.filters.iter().map(|f| f.id).collect();
            // Single bytes have no planes.
            if datatype.size == 1 && filters.len() == 1 {
                filters.insert(0, ids::SHUFFLE);
            }
            if filters.last() == Some(&ids::LZ4) {
                let at = self.0.stored_offset(dataset)?.unwrap();
                let head = self.0.source().read(at, 4, "payload")?;
                if sniff_lz4(head.try_into().unwrap()) == Lz4Format::Frame {
                    *filters.last_mut().unwrap() = 0;
                }
            }
            self.1.push(filters);
            Ok(())
        }
    }
    let file = File::open(path).unwrap();
    let mut columns = Columns(&file, Vec::new());
    Trace::run(&file, &mut columns).unwrap();
    columns.1
}

fn dump(path: &Path) -> Value {
    let file = File::open(path).unwrap();
    let types = TypeTable::new(&file);
    let mut json = Vec::new();
    Dumper::new(&types, Digest::Sha256).all(&datasets(&file).unwrap(), &mut json).unwrap();
    serde_json::from_slice(&json).unwrap()
}

/// Takes the codec objects out of a dump; gives those of the data. What `convertstat` notes of one
/// is a plain `false` for good once it was that.
fn codecs_of(dump: &mut Value) -> Vec<Value> {
    fn in_pairs(node: &mut Value) {
        for pair in node["pairs"].as_array_mut().into_iter().flatten() {
            if pair[0]["v"] == "compression" {
                pair[1].take();
            } else if pair[1].get("pairs").is_some() {
                in_pairs(&mut pair[1]);
            }
        }
    }
    let mut found = Vec::new();
    for (path, node) in dump.as_object_mut().unwrap() {
        if path.ends_with("/information/compression") {
            found.push(node.take());
        } else if path == "/convertstat" && node.get("pairs").is_some() {
            in_pairs(node);
        }
    }
    found
}

/// Whether it is the codec object alone, which says how columns are encoded.
fn is_codec(difference: &Difference) -> bool {
    difference.path.ends_with("/information/compression")
        || difference.path == "/convertstat" && difference.at.contains("[compression]")
}

fn differences(a: &Path, b: &Path) -> Vec<Difference> {
    let compared = compare(a, b).unwrap();
    assert_eq!(compared.more, 0, "{compared}");
    compared.differences
}

/// Columns are encoded as `codec` says, but for those that would have grown.
fn check_columns(report: &FileReport, path: &Path, codec: usize, done: &mut Done, at: &str) {
    let (compress, shuffle) = CODECS[codec];
    let id = match compress {
        Compress::Lz4 => ids::LZ4,
        Compress::Lz4Frame => 0,
        Compress::Zstd(_) => ids::ZSTD,
        Compress::Deflate(_) => ids::DEFLATE,
        Compress::None | Compress::Keep => u16::MAX,
    };
    let (with, without) = (vec![ids::SHUFFLE, id], vec![id]);
    let all = columns(path);
    let plain = all.iter().filter(|f| f.is_empty()).count();
    // A column of single bytes reads as shuffled either way.
    let is_right = |f: &&Vec<u16>| **f == with || (!shuffle && **f == without);
    let encoded = all.iter().filter(is_right).count();
    assert_eq!(plain + encoded, all.len(), "{at}: {all:?}");
    if compress != Compress::None {
        let grown = report.findings.iter().find_map(|f| {
            f.strip_suffix(" columns would have grown and are stored plain")?
                .rsplit_once(' ')?
                .1
                .parse()
                .ok()
        });
        assert_eq!(plain, grown.unwrap_or(0), "{at}: {:?}", report.findings);
        done.grown += plain;
    }
    done.encoded[codec] += encoded;
}

/// Leads the file at `input` through all modes; `n` chooses the order of codecs.
fn chain(input: &Path, dir: &Path, n: usize, done: &mut Done) {
    let name = input.display().to_string();
    let [patched, repacked] = ["patched", "repacked"].map(|n| dir.join(n));
    let (start, stride, threads) = (n / 6 % 7, n % 6 + 1, n % 2 + 1);
    let order = (0..7).map(|k| (start + k * stride) % 7);
    let chosen = |codec: usize| {
        let (compress, shuffle) = CODECS[codec];
        How { compress, shuffle, repack: false }
    };
    let report = match convert(input, &patched, PATCH, 1) {
        Ok(report) => report,
        Err(failure) => {
            assert!(failure.message.contains(&name), "{failure}");
            for how in order.map(chosen).chain([REPACK]) {
                assert_eq!(convert(input, &patched, how, threads), Err(failure.clone()), "{name}");
                assert_eq!(fs::read_dir(dir).unwrap().count(), 0, "{name}: something is left");
            }
            done.refused.push(failure.message);
            return;
        }
    };
    let expected = ["expected", "truth"].iter().find_map(|kind| {
        let bytes = fs::read(format!("{name}.{kind}.json")).ok()?;
        Some(serde_json::from_slice::<Value>(&bytes).unwrap())
    });
    if report.outcome == Outcome::Unchanged {
        assert!(fs::read(input).unwrap() == fs::read(&patched).unwrap(), "{name}");
    } else if expected.is_none() {
        // Only Mera's files, whose expectations are known, get other values.
        assert_eq!(differences(input, &patched), [], "{name}");
    }
    let same_as = |wanted: &Value, dump: &Value, at: &str| {
        let differ = truth::differences(wanted, dump);
        assert!(differ.is_empty(), "{name} {at}:\n{}", differ.join("\n"));
    };
    if let Some(expected) = &expected {
        same_as(expected, &dump(&patched), "patched");
    }

    convert(input, &repacked, REPACK, threads).unwrap();
    assert_eq!(differences(&patched, &repacked), [], "{name}");
    assert_eq!(columns(&patched), columns(&repacked), "{name}");
    let mut last = input.to_owned();
    for (k, codec) in order.clone().enumerate() {
        let at = format!("{name}, step {k}: {:?}", CODECS[codec]);
        let next = dir.join(format!("{k}"));
        let report =
            convert(&last, &next, chosen(codec), threads).unwrap_or_else(|e| failed(&at, &e));
        let other: Vec<_> =
            differences(&patched, &next).into_iter().filter(|d| !is_codec(d)).collect();
        assert_eq!(other, [], "{at}");
        check_columns(&report, &next, codec, done, &at);
        if k > 0 {
            fs::remove_file(&last).unwrap();
        }
        last = next;
    }
    done.pairs.extend(order.clone().zip(order.clone().skip(1)));
    fs::remove_file(&repacked).unwrap();
    convert(&last, &repacked, REPACK, threads).unwrap();
    assert_eq!(differences(&last, &repacked), [], "{name}");
    assert_eq!(columns(&last), columns(&repacked), "{name}");

    let mut found = dump(&repacked);
    let (kind, _) = CODECS[(start + 6 * stride) % 7];
    let kind = match kind {
        Compress::None | Compress::Keep => "Core.Bool",
        Compress::Lz4 | Compress::Lz4Frame => "JLD2Lz4.Lz4Filter",
        Compress::Zstd(_) => "JLD2.Filters.ZstdFilter",
        Compress::Deflate(_) => "JLD2.Filters.Deflate",
    };
    for object in codecs_of(&mut found) {
        assert_eq!(object["t"], kind, "{name}");
    }
    if let Some(mut expected) = expected {
        codecs_of(&mut expected);
        same_as(&expected, &found, "at the end");
        done.truths += 1;
    }
    done.converted += 1;
    done.steps += 10;
}

#[expect(clippy::panic, reason = "a test fails by panicking")]
fn failed(at: &str, failure: &Failure) -> ! {
    panic!("{at}: {failure}")
}

/// Leads all files through all modes, two at a time.
fn all(files: &[PathBuf]) -> Done {
    let (next, sum) = (AtomicUsize::new(0), Mutex::new(Done::default()));
    let work = || {
        let mut done = Done::default();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = files.get(n) else { break };
            let dir = tempfile::tempdir().unwrap();
            on_deep_stack(|| chain(file, dir.path(), n, &mut done)).unwrap();
        }
        let mut sum = sum.lock().unwrap();
        sum.refused.extend(done.refused);
        sum.pairs.extend(done.pairs);
        sum.encoded.iter_mut().zip(done.encoded).for_each(|(sum, n)| *sum += n);
        sum.converted += done.converted;
        sum.steps += done.steps;
        sum.truths += done.truths;
        sum.grown += done.grown;
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let mut done = sum.into_inner().unwrap();
    done.refused.sort();
    eprintln!("{} files: {done:#?}", files.len());
    done
}

#[test]
fn mera_files_keep_their_values_through_every_codec() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera");
    let files = files(&data, ".jld2");
    let done = all(&files);
    assert_eq!((done.converted, done.truths), (files.len(), files.len()), "{:?}", done.refused);
    assert_eq!(done.pairs.len(), 42, "each codec to each other");
    assert!(done.encoded[1..].iter().all(|n| *n > 50), "{:?}", done.encoded);
}

#[test]
fn shared_files_keep_their_values_through_every_codec() {
    let Some(shared) = shared() else { return };
    let of = |dirs: &[&str]| -> Vec<_> {
        dirs.iter().flat_map(|dir| files(&shared.join(dir), ".jld2")).collect()
    };
    let known = of(&["mera", "zoo", "mera-patched"]);
    let corpus = files(&shared.join("corpus/files"), "");
    let done = all(&[&known[..], &corpus[..]].concat());
    assert_eq!(done.refused.len(), REFUSED, "{:#?}", done.refused);
    assert!(done.refused.iter().all(|message| message.contains("/corpus/files/")));
    assert_eq!(done.converted, known.len() + corpus.len() - REFUSED);
    // Of mera-patched no truth is known.
    assert!(done.truths >= 35 && done.converted > 140, "{} {}", done.truths, done.converted);
    assert!(done.encoded[1..].iter().all(|n| *n > 500), "{:?}", done.encoded);
}

//! Real files keep their values through every codec: each is patched, repacked, and led from codec
//! to codec in a chain, and each step is held against the input and against what Julia read.
//!
//! Looks at the files in `tests/data/mera` and, where it is there, at the shared directory
//! (`JLDCONV_SHARED`, else `../shared`).

use crate::common::{files, shared, truth};
use jldconv::codec::{Lz4Format, ids, sniff_lz4};
use jldconv::convert::{
    Compress, Converter, Failure, FileReport, Job, Mode, Options, Outcome, Silent, VerifyLevel,
};
use jldconv::h5::{self, Class, Extent, File, Layout, Object, RefPlan, Trace, Visitor};
use jldconv::inspect::{Difference, compare};
use jldconv::julia::{Digest, Dumper, TypeTable, datasets, on_deep_stack};
use serde::Deserialize as _;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// The codecs of a chain: what is asked for, the filter that it gives (LZ4 frames count as 0), and
/// the codec object. Their number is a prime: chains of each stride lead through all of them, and
/// those of all strides from each to each other.
const CODECS: [(Compress, bool, u16, &str); 7] = [
    (Compress::None, false, u16::MAX, "Core.Bool"),
    (Compress::Lz4, false, ids::LZ4, "JLD2Lz4.Lz4Filter"),
    (Compress::Lz4, true, ids::LZ4, "JLD2Lz4.Lz4Filter"),
    (Compress::Lz4Frame, false, 0, "JLD2Lz4.Lz4Filter"),
    (Compress::Zstd(3), false, ids::ZSTD, "JLD2.Filters.ZstdFilter"),
    (Compress::Zstd(1), true, ids::ZSTD, "JLD2.Filters.ZstdFilter"),
    (Compress::Deflate(1), false, ids::DEFLATE, "JLD2.Filters.Deflate"),
];
/// Files of the corpus that are damaged or were never JLD2's; `inspect` has their list.
const REFUSED: usize = 8;
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

fn convert(input: &Path, output: &Path, options: Options) -> Result<FileReport, Failure> {
    let job = Job {
        input: input.to_owned(),
        output: output.to_owned(),
        temp_dir: output.parent().unwrap().to_owned(),
        temp_name: "temporary".into(),
    };
    let report = Converter::new(options).unwrap().convert(&job, &Silent)?;
    // A rewrite may be larger than its input, but not without a word.
    let larger = report.mode == Mode::Rewrite && report.bytes_out > report.bytes_in;
    let told = report.findings.iter().filter(|f| f.contains("bytes larger: ")).count();
    assert_eq!(told, usize::from(larger), "{}: {:?}", job.input.display(), report.findings);
    Ok(report)
}

/// How the columns of a file are stored: the size of an element, and the numbers of their filters,
/// none of contiguous ones.
fn columns(path: &Path) -> Vec<(u32, Vec<u16>)> {
    struct Columns<'a>(&'a File, Vec<(u32, Vec<u16>)>);
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
            if filters.last() == Some(&ids::LZ4) {
                let at = self.0.stored_offset(dataset)?.unwrap();
                let head = self.0.source().read(at, 4, "payload")?;
                if sniff_lz4(head.try_into().unwrap()) == Lz4Format::Frame {
                    *filters.last_mut().unwrap() = 0;
                }
            }
            self.1.push((datatype.size, filters));
            Ok(())
        }
    }
    let file = File::open(path).unwrap();
    let mut columns = Columns(&file, Vec::new());
    Trace::run(&file, &mut columns).unwrap();
    columns.1
}

/// The canonical form of everything.
fn canonical(path: &Path) -> Vec<u8> {
    let file = File::open(path).unwrap();
    let types = TypeTable::new(&file);
    let mut json = Vec::new();
    Dumper::new(&types, Digest::Sha256).all(&datasets(&file).unwrap(), &mut json).unwrap();
    json
}

fn parsed(json: &[u8]) -> Value {
    let mut json = serde_json::Deserializer::from_slice(json);
    json.disable_recursion_limit();
    Value::deserialize(&mut json).unwrap()
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
    let (compress, shuffle, id, _) = CODECS[codec];
    let all = columns(path);
    let (plain, encoded): (Vec<_>, Vec<_>) = all.into_iter().partition(|(_, f)| f.is_empty());
    for (size, filters) in &encoded {
        // Single bytes have no planes.
        let planes = (shuffle && *size > 1).then_some(ids::SHUFFLE);
        assert_eq!(*filters, planes.into_iter().chain([id]).collect::<Vec<_>>(), "{at}");
    }
    if compress == Compress::None {
        assert!(encoded.is_empty(), "{at}");
        return;
    }
    let note = format!("note: {} columns would have grown and are stored plain", plain.len());
    let noted = report.findings.iter().any(|f| f.contains("columns would have grown"));
    assert_eq!(noted, !plain.is_empty(), "{at}");
    assert!(!noted || report.findings.contains(&note), "{at}: {note}, not {:?}", report.findings);
    done.grown += plain.len();
    done.encoded[codec] += encoded.len();
}

/// Leads the file at `input` through all modes; `n` chooses the order of codecs, of which it takes
/// `steps`.
fn chain(input: &Path, dir: &Path, (n, steps): (usize, usize), sum: &Mutex<Done>) {
    let name = input.display().to_string();
    let [patched, repacked] = ["patched", "repacked"].map(|n| dir.join(n));
    let (start, stride, threads) = (n / 6 % 7, n % 6 + 1, n % 2 + 1);
    let order: Vec<_> = (0..steps).map(|k| (start + k * stride) % 7).collect();
    let content = Options { verify: Some(VerifyLevel::Content), ..Options::default() };
    let repack = Options { repack: true, threads, ..content.clone() };
    let chosen = |codec: usize| {
        let (compress, shuffle, ..) = CODECS[codec];
        // The checks below are as good, and take half the time.
        let verify = if (codec + n).is_multiple_of(3) {
            VerifyLevel::Content
        } else {
            VerifyLevel::Structure
        };
        Options { compress, shuffle, threads, verify: Some(verify), ..Options::default() }
    };
    let report = match convert(input, &patched, content) {
        Ok(report) => report,
        Err(failure) => {
            assert!(failure.message.contains(&name), "{failure}");
            for options in order.into_iter().map(chosen).chain([repack]) {
                assert_eq!(convert(input, &patched, options), Err(failure.clone()), "{name}");
                assert_eq!(fs::read_dir(dir).unwrap().count(), 0, "{name}: something is left");
            }
            sum.lock().unwrap().refused.push(failure.message);
            return;
        }
    };
    let expected = ["expected", "truth"].iter().find_map(|kind| {
        let bytes = fs::read(format!("{name}.{kind}.json")).ok()?;
        Some(serde_json::from_slice::<Value>(&bytes).unwrap())
    });
    let wanted = canonical(&patched);
    if report.outcome == Outcome::Unchanged {
        assert!(fs::read(input).unwrap() == fs::read(&patched).unwrap(), "{name}");
    } else if expected.is_none() {
        // Only Mera's files, whose expectations are known, get other values.
        assert_eq!(differences(input, &patched), [], "{name}");
    }
    let same_as = |wanted: &Value, found: &Value| {
        let differ = truth::differences(wanted, found);
        assert!(differ.is_empty(), "{name}:\n{}", differ.join("\n"));
    };
    if let Some(expected) = &expected {
        same_as(expected, &parsed(&wanted));
    }

    convert(input, &repacked, repack.clone()).unwrap();
    assert_eq!(differences(&patched, &repacked), [], "{name}");
    assert_eq!(columns(&patched), columns(&repacked), "{name}");
    let mut last = input.to_owned();
    for (k, codec) in order.iter().copied().enumerate() {
        let at = format!("{name}, step {k}: {:?}", CODECS[codec]);
        let next = dir.join(format!("{k}"));
        let report = convert(&last, &next, chosen(codec)).unwrap_or_else(|e| panic!("{at}: {e}"));
        if canonical(&next) != wanted {
            let mut differ = differences(&patched, &next);
            assert!(!differ.is_empty(), "{at}: verify finds no difference");
            differ.retain(|d| !is_codec(d));
            assert_eq!(differ, [], "{at}");
        }
        check_columns(&report, &next, codec, &mut sum.lock().unwrap(), &at);
        if k > 0 {
            fs::remove_file(&last).unwrap();
        }
        last = next;
    }
    fs::remove_file(&repacked).unwrap();
    convert(&last, &repacked, repack).unwrap();
    assert_eq!(differences(&last, &repacked), [], "{name}");
    assert_eq!(columns(&last), columns(&repacked), "{name}");

    let mut found = parsed(&canonical(&repacked));
    let (.., kind) = CODECS[order[steps - 1]];
    for object in codecs_of(&mut found) {
        assert_eq!(object["t"], kind, "{name}");
    }
    if let Some(mut expected) = expected {
        codecs_of(&mut expected);
        same_as(&expected, &found);
        sum.lock().unwrap().truths += 1;
    }
    let mut done = sum.lock().unwrap();
    done.pairs.extend(order.windows(2).map(|pair| (pair[0], pair[1])));
    done.converted += 1;
    done.steps += steps + 3;
}

/// Leads all files through all modes, two at a time.
fn all(files: &[PathBuf], steps: usize) -> Done {
    let (next, sum) = (Mutex::new(files.iter().enumerate()), Mutex::new(Done::default()));
    let take = || next.lock().unwrap().next();
    let work = || {
        while let Some((n, file)) = take() {
            let dir = tempfile::tempdir().unwrap();
            on_deep_stack(|| chain(file, dir.path(), (n, steps), &sum)).unwrap();
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        scope.spawn(work);
    });
    let mut done = sum.into_inner().unwrap();
    done.refused.sort();
    eprintln!(
        "{} files: {} refused, {} converted in {} steps, {} held against a truth; columns of each \
         codec: {:?}, plain: {}",
        files.len(),
        done.refused.len(),
        done.converted,
        done.steps,
        done.truths,
        done.encoded,
        done.grown
    );
    done
}

#[test]
fn mera_files_keep_their_values_through_every_codec() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera");
    let files = files(&data, ".jld2");
    let done = all(&files, CODECS.len());
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
    // A build that is not optimized takes minutes for all.
    let (steps, every) = if cfg!(debug_assertions) { (2, 5) } else { (CODECS.len(), 1) };
    let chosen: Vec<_> = known.into_iter().chain(corpus).step_by(every).collect();
    let done = all(&chosen, steps);
    let refused = done.refused.len();
    assert!(refused == REFUSED || every > 1 && refused < REFUSED, "{:#?}", done.refused);
    assert!(done.refused.iter().all(|message| message.contains("/corpus/files/")));
    assert_eq!(done.converted, chosen.len() - refused);
    // Of mera-patched and of the corpus no truth is known.
    assert!(done.truths >= 35 / every, "{}", done.truths);
    assert!(done.encoded[1..].iter().all(|n| *n > 100 / every), "{:?}", done.encoded);
}

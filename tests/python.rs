//! Outputs read by h5py with hdf5plugin, and by `h5dump`: implementations that are not ours.
//!
//! `scripts/test` makes two Pythons with h5py, hdf5plugin and numpy and names them in
//! `JLDCONV_PYTHON` (HDF5 1.14) and `JLDCONV_PYTHON_NEW` (the newest h5py, HDF5 2); without them,
//! those in `target/python` and `target/python-new` are used if they are there, and else these tests
//! are skipped.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "common/python.rs"]
mod runner;

use jldconv::convert::{Compress, Job, Options, Silent, VerifyLevel, convert_file};
use runner::{printed, python, pythons, run};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The Mera files, by name.
fn samples() -> Vec<PathBuf> {
    let eras = fs::read_dir(root().join("tests/data/mera")).unwrap();
    let files = eras.flat_map(|era| fs::read_dir(era.unwrap().path()).unwrap());
    let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|e| e == "jld2"));
    files.sort();
    assert!(files.len() > 8);
    files
}

fn convert(dir: &Path, input: &Path, name: &str, options: &Options) -> PathBuf {
    let job = Job {
        input: input.to_owned(),
        output: dir.join(name),
        temp_dir: dir.to_owned(),
        temp_name: format!("temporary-{name}"),
    };
    convert_file(&job, options, &Silent).unwrap();
    job.output
}

fn encoded(compress: Compress, shuffle: bool) -> Options {
    let verify = Some(VerifyLevel::None);
    Options { compress, shuffle, verify, flat_links: true, ..Options::default() }
}

fn truth(sample: &Path) -> PathBuf {
    PathBuf::from(format!("{}.truth.json", sample.display()))
}

/// Checks that h5py reads all columns of the samples once they went through these codecs.
fn check_columns(codecs: &[(Compress, bool)], samples: &[PathBuf]) {
    let temp = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for (compress, shuffle) in codecs {
        for sample in samples {
            let name = format!("{}.jld2", files.len());
            let options = encoded(*compress, *shuffle);
            files.push(convert(temp.path(), sample, &name, &options));
            files.push(truth(sample));
        }
    }
    for python in pythons() {
        let count = printed(&run(&python, "columns.py", &files));
        let count: usize = count.trim_end().strip_suffix(" columns").unwrap().parse().unwrap();
        assert!(count > 8 * files.len() / 2, "{count}");
    }
}

#[test]
fn h5py_reads_every_column_of_every_sample() {
    check_columns(&[(Compress::Lz4, false), (Compress::Zstd(3), true)], &samples());
}

#[test]
fn h5py_reads_columns_in_every_codec() {
    let mut samples = samples();
    samples.retain(|s| s.ends_with("output_00100.jld2") || s.ends_with("output_00020.jld2"));
    assert_eq!(samples.len(), 2);
    let codecs = [
        (Compress::None, false),
        (Compress::Lz4, true),
        (Compress::Zstd(1), false),
        (Compress::Deflate(1), false),
        (Compress::Deflate(6), true),
    ];
    check_columns(&codecs, &samples);
}

#[cfg(feature = "hdf5")]
#[test]
fn plugins_let_the_check_through_libhdf5_decode_every_codec() {
    let Some(python) = python() else { return };
    let plugins = Command::new(&python)
        .args(["-c", "import hdf5plugin; print(hdf5plugin.PLUGIN_PATH)"])
        .output()
        .unwrap();
    let plugins = printed(&plugins);
    let temp = tempfile::tempdir().unwrap();
    let samples = samples();
    let sample = samples.iter().find(|s| s.ends_with("output_00100.jld2")).unwrap();
    for codec in ["lz4", "zstd", "deflate"] {
        // libhdf5 looks for plugins as it starts, in a process of its own therefore.
        let check = |plugins: &str| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_jldconv"));
            command.env("HDF5_PLUGIN_PATH", plugins).arg("convert").arg(sample);
            command.arg(temp.path().join("output.jld2"));
            command.args(["--force", "--verify", "hdf5", "--compress", codec]);
            !printed(&command.output().unwrap()).contains("libhdf5 has no filter")
        };
        assert!(check(plugins.trim_end()), "{codec}");
        assert_eq!(check("/nonexistent"), codec == "deflate", "{codec}");
    }
}

#[test]
fn another_value_would_be_noticed() {
    let Some(python) = python() else { return };
    let temp = tempfile::tempdir().unwrap();
    let samples = samples();
    let sample = samples.iter().find(|s| s.ends_with("output_00100.jld2")).unwrap();
    let other = samples.iter().find(|s| s.ends_with("output_00101.jld2")).unwrap();
    let file = convert(temp.path(), sample, "file", &encoded(Compress::Zstd(1), false));
    let output = run(&python, "columns.py", &[file, truth(other)]);
    assert!(!output.status.success());
}

#[test]
fn what_h5py_reads_of_a_sample_it_reads_of_the_output() {
    let Some(python) = python() else { return };
    let temp = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    for sample in samples() {
        let options = Options { verify: Some(VerifyLevel::None), ..Options::default() };
        let output = convert(temp.path(), &sample, &format!("{}.jld2", files.len()), &options);
        files.extend([sample, output]);
    }
    assert!(printed(&run(&python, "readable.py", &files)).ends_with(" datasets\n"));
}

#[test]
fn h5dump_reads_headers_and_what_it_can_decode() {
    if Command::new("h5dump").arg("--version").output().is_err() {
        eprintln!("skipped: no h5dump (Debian: hdf5-tools)");
        return;
    }
    let temp = tempfile::tempdir().unwrap();
    let dump = |file: &Path, headers: bool| {
        let flags: &[&str] = if headers { &["-H"] } else { &[] };
        let dumped = Command::new("h5dump").args(flags).arg(file).output().unwrap();
        let error = String::from_utf8_lossy(&dumped.stderr);
        assert!(dumped.status.success() && error.is_empty(), "{}: {error}", file.display());
        assert!(dumped.stdout.len() > 1000);
    };
    for (i, sample) in samples().iter().enumerate() {
        for (name, compress, headers) in [
            ("kept", Compress::Keep, true),
            ("lz4", Compress::Lz4, true),
            ("zstd", Compress::Zstd(1), true),
            ("deflate", Compress::Deflate(1), false),
            ("none", Compress::None, false),
        ] {
            let options = encoded(compress, false);
            dump(&convert(temp.path(), sample, &format!("{name}{i}"), &options), headers);
        }
    }
}

/// What a Python reads of a file: a line for each dataset, with a digest of its values.
fn digests(python: &Path, file: &Path) -> Vec<String> {
    let output = run(python, "digests.py", &[file.to_owned()]);
    printed(&output).lines().map(str::to_owned).collect()
}

#[test]
fn with_portable_every_h5py_reads_what_the_older_reads_of_the_original() {
    let Some(python) = python() else { return };
    let temp = tempfile::tempdir().unwrap();
    let mut inputs = samples();
    // These need a rewrite.
    inputs.retain(|sample| !sample.to_string_lossy().contains("bzip2"));
    let data = root().join("tests/data");
    inputs.push(data.join("portable/0.6.5-deflate-kinds.jld2"));
    inputs.push(data.join("zoo/jld2-0.6.5-zstd.jld2"));
    for name in ["0.6.5-lz4filter-arr-Int64", "0.6.5-shuffle-deflate-arr-Int32"] {
        inputs.push(data.join(format!("small/{name}.jld2")));
    }
    let (mut opened, mut plain) = (0, 0);
    for (i, input) in inputs.iter().enumerate() {
        let options = Options { portable: true, ..Options::default() };
        let output = convert(temp.path(), input, &format!("{i}.jld2"), &options);
        let now = Options { verify: Some(VerifyLevel::None), ..Options::default() };
        let without = convert(temp.path(), input, &format!("plain{i}.jld2"), &now);
        let wanted = digests(&python, &without);
        let readable = |lines: &[String]| lines.iter().filter(|l| !l.contains("cannot")).count();
        for python in pythons() {
            let found = digests(&python, &output);
            for (old, new) in wanted.iter().zip(&found) {
                // Arrays that JLD2 would not read any more stay as they are.
                let kept = old.starts_with("/large/union ") && new.contains("cannot");
                let mended = old == "/long/string cannot be read";
                assert!(old == new || kept || mended, "{}: {old} became {new}", input.display());
            }
            assert_eq!(wanted.len(), found.len());
            opened += readable(&found);
            plain += readable(&digests(&python, &without));
        }
    }
    assert!(opened > 100);
    if pythons().len() > 1 {
        assert!(opened > plain + 20, "HDF5 2 reads {opened}, without --portable {plain}");
    }
}

#[test]
fn with_portable_every_h5py_reads_every_column_of_tables() {
    let temp = tempfile::tempdir().unwrap();
    let mut files = Vec::new();
    // LZ4 frames are what no h5py decodes; these are deflate, HDF5's LZ4, and nothing at all.
    for sample in samples() {
        let name = sample.to_string_lossy().into_owned();
        if ["e0-", "e8-", "real-", "e4b-none"].iter().any(|era| name.contains(era)) {
            let options = Options { portable: true, flat_links: true, ..Options::default() };
            files.push(convert(temp.path(), &sample, &format!("{}.jld2", files.len()), &options));
            files.push(truth(&sample));
        }
    }
    assert!(files.len() >= 8, "{files:?}");
    for python in pythons() {
        let count = printed(&run(&python, "columns.py", &files));
        let count: usize = count.trim_end().strip_suffix(" columns").unwrap().parse().unwrap();
        assert!(count > 8 * files.len() / 2, "{count}");
    }
}

/// The blocks of a page in a language, in order.
fn blocks(page: &str, language: &str) -> String {
    let opened = format!("```{language}\n");
    let blocks = page.split(&opened).skip(1).map(|rest| rest.split("```").next().unwrap());
    blocks.collect()
}

#[test]
fn the_page_for_python_users_works_as_written() {
    let page = fs::read_to_string(root().join("docs/python.md")).unwrap();
    let temp = tempfile::tempdir().unwrap();
    fs::create_dir_all(temp.path().join("old")).unwrap();
    fs::create_dir(temp.path().join("new")).unwrap();
    let sample = root().join("tests/data/mera/e4b-lz4/output_00100.jld2");
    fs::copy(&sample, temp.path().join("old/output_00100.jld2")).unwrap();
    let programs = Path::new(env!("CARGO_BIN_EXE_jldconv")).parent().unwrap();
    let path = format!("{}:{}", programs.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("sh");
    command.args(["-ec", &blocks(&page, "sh")]).env("PATH", path).current_dir(temp.path());
    printed(&command.output().unwrap());
    // What the page calls rho and hydro is what Julia read.
    let check = format!(
        "\nimport hashlib, json\n\
         truth = json.load(open({:?}))['/hydro/data']['fields']['data']['fields']['columns']\n\
         truth = truth['fields']['fieldarrays']['fields']\n\
         assert sorted(hydro) == sorted(truth) and len(first) == 1000\n\
         for name, values in hydro.items():\n    \
             assert hashlib.sha256(values.tobytes()).hexdigest() == truth[name]['sha256'], name\n",
        truth(&sample)
    );
    let snippet = blocks(&page, "python") + &check;
    for python in pythons() {
        let mut command = Command::new(python);
        let output = command.args(["-c", &snippet]).current_dir(temp.path()).output().unwrap();
        assert!(printed(&output).starts_with("1000 cells, largest density"));
    }
}

/// Runs `scripts/readers --quick` against a page.
fn held(page: &Path) -> Option<(bool, String)> {
    let python = python()?;
    let output = Command::new(&python)
        .arg(root().join("scripts/readers"))
        .args(["--quick", "--only", "h5py", "--hold"])
        .arg(page)
        .env("JLDCONV", env!("CARGO_BIN_EXE_jldconv"))
        .env("JLDCONV_PYTHON", &python)
        .env_remove("JLDCONV_JULIA")
        .output()
        .unwrap();
    let told = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&told).into_owned()))
}

#[test]
fn the_page_of_readers_promises_what_is_true() {
    let page = root().join("docs/readers.md");
    let Some((holds, told)) = held(&page) else { return };
    assert!(holds, "{told}");

    // A page that promised that HDF5 reads LZ4 frames would be found out.
    let text = std::fs::read_to_string(&page).unwrap();
    let row = text.lines().find(|line| line.starts_with("| rewrite, lz4-frame |")).unwrap();
    let cells = row.matches('|').count() - 2;
    let lie = format!("| rewrite, lz4-frame |{}", " 7/7 |".repeat(cells));
    let dir = tempfile::tempdir().unwrap();
    let other = dir.path().join("readers.md");
    std::fs::write(&other, text.replace(row, &lie)).unwrap();
    let (holds, told) = held(&other).unwrap();
    assert!(!holds && told.contains("says 7/7 of rewrite, lz4-frame"), "{told}");
}

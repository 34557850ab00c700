//! Tells what a program was built from, for `--version -v`: who reports a fault can paste it.

use clap::error::ErrorKind;
use std::ffi::OsString;
use std::fmt::Write as _;

/// What `name --version -v` prints: version, commit, platform, optional features and the codecs'
/// versions, which decide the bytes of an output.
///
/// ```
/// let told = jldconv::cli::build_info("jldconv");
/// assert!(told.starts_with("jldconv "));
/// assert!(told.contains("\ncodecs: "));
/// ```
pub fn build_info(name: &str) -> String {
    let mut text = format!("{name} {}\n", env!("CARGO_PKG_VERSION"));
    let commit = match env!("BUILT_FROM_COMMIT") {
        "" if cfg!(debug_assertions) => "not kept in a debug build",
        "" => "unknown: not built from a checkout",
        commit => commit,
    };
    let all = [
        ("arrow", cfg!(feature = "arrow")),
        ("fault", cfg!(feature = "fault")),
        ("hdf5", cfg!(feature = "hdf5")),
    ];
    let features: Vec<&str> =
        all.into_iter().filter_map(|(feature, built)| built.then_some(feature)).collect();
    let features = if features.is_empty() { "none".to_owned() } else { features.join(", ") };
    let lines = [
        ("commit", commit),
        ("platform", env!("BUILT_FOR")),
        ("optional features", &features),
        ("codecs", env!("BUILT_WITH_CODECS")),
    ];
    for (what, told) in lines {
        let _ = writeln!(text, "{what}: {told}");
    }
    text
}

/// Whether `error` is the answer to `--version` on a command line that has `-v`, too.
pub(super) fn asks_build_info(error: &clap::Error, args: &[OsString]) -> bool {
    let verbose = |arg: &OsString| {
        let arg = arg.as_encoded_bytes();
        let short = arg.strip_prefix(b"-").filter(|letters| !letters.starts_with(b"-"));
        arg == b"--verbose" || short.is_some_and(|letters| letters.contains(&b'v'))
    };
    error.kind() == ErrorKind::DisplayVersion && args.iter().any(verbose)
}

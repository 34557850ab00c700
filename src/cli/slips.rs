//! Guesses what was meant by a command line that makes no sense, so that the answer to a slip is the
//! command that does.

use super::one_file::JldconvCli;
use super::quote::quote;
use super::supervisor::SupervisorCli;
use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Letters that a slip of the fingers leaves out, doubles, swaps or hits beside.
const SLIPS: usize = 2;

/// What was probably meant by an input of `jldconv-supervisor` that is not a directory; `output` is
/// what stands behind it.
pub fn input_meant(input: &Path, output: Option<&Path>) -> Option<String> {
    let behind = output.map_or_else(String::new, |output| format!(" {}", shown(output)));
    if input.is_file() {
        let to = if behind.is_empty() { " OUT" } else { &behind };
        return Some(format!("for one file: jldconv convert {}{to}", shown(input)));
    }
    if input.exists() {
        return None;
    }
    let word = input.to_str().filter(|word| !word.contains('/'))?;
    if let Some(name) = nearest(word, &SupervisorCli::command()) {
        return Some(format!("did you mean: jldconv-supervisor {name}{behind}"));
    }
    let name = nearest(word, &JldconvCli::command())?;
    Some(format!("did you mean: jldconv {name}{behind}"))
}

/// What was probably meant by arguments of `jldconv-supervisor` that clap refuses with `error`.
pub fn supervisor_meant(error: &clap::Error, args: &[OsString]) -> Option<String> {
    let files =
        args.iter().skip(1).filter(|arg| Path::new(arg).extension() == Some(OsStr::new("jld2")));
    let files: Vec<_> = files.collect();
    let words = args.iter().skip(1).filter(|arg| !arg.as_encoded_bytes().starts_with(b"-"));
    if error.kind() == ErrorKind::ArgumentConflict && words.count() > 2 && !files.is_empty() {
        let dir = files.first().and_then(|file| Path::new(file).parent())?;
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        return Some(format!(
            "the shell made {} names of a pattern; name the directory: jldconv-supervisor {} OUT \
             --range FIRST-LAST",
            files.len(),
            shown(dir)
        ));
    }
    range_meant(error)
}

/// What was probably meant by arguments of `jldconv` that clap refuses with `error`.
pub fn jldconv_meant(error: &clap::Error) -> Option<String> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return range_meant(error);
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    let path = Path::new(word);
    if path.is_dir() {
        return Some(format!("for a whole archive: jldconv-supervisor {} OUT", shown(path)));
    }
    if path.is_file() {
        let file = shown(path);
        return Some(format!("jldconv inspect {file}, or jldconv convert {file} OUT"));
    }
    let name = nearest(word, &SupervisorCli::command())?;
    Some(format!("did you mean: jldconv-supervisor {name}"))
}

/// `100..200` and `100:200` are ranges elsewhere.
fn range_meant(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(arg)) = error.get(ContextKind::InvalidArg) else { return None };
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) else {
        return None;
    };
    let fixed = value.replace("..=", "-").replace("...", "-").replace("..", "-").replace(':', "-");
    let asked = arg.starts_with("--range") && fixed != *value;
    (asked && fixed.parse::<crate::archive::Ranges>().is_ok())
        .then(|| format!("write it as --range {fixed}"))
}

/// The subcommand whose name `word` is, or nearly.
fn nearest(word: &str, command: &clap::Command) -> Option<String> {
    let names = command.get_subcommands().map(|it| it.get_name().to_owned());
    let slips = |name: &str| strsim::damerau_levenshtein(word, name);
    names
        .filter(|name| name == word || (word.len() > 3 && slips(name) <= SLIPS))
        .min_by_key(|name| slips(name))
}

fn shown(path: &Path) -> String {
    let plain = |c: char| c.is_alphanumeric() || "/._-+@%=:,".contains(c);
    match path.to_str() {
        Some(text) if text.chars().all(plain) => text.to_owned(),
        _ => quote(path.as_os_str()),
    }
}

//! Guesses what was meant by a command line that makes no sense, so that the answer to a slip is the
//! command that does.

use super::one_file::JldconvCli;
use super::places::is_missing;
use super::supervisor::SupervisorCli;
use super::typed::as_path;
use crate::archive::Ranges;
use crate::text::shell_path;
use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};

/// Letters that a slip of the fingers leaves out, doubles, swaps or hits beside.
const SLIPS: usize = 2;

/// Names beside a path that are looked at for one like it.
const MOST_BESIDE: usize = 10_000;

/// What was probably meant by the paths of `jldconv-supervisor`, of which one does not exist or cannot
/// be what it stands for; `in_place` tells how they were to be converted.
pub fn paths_meant(paths: &[&Path], in_place: bool) -> Option<Meant> {
    let (first, rest) = paths.split_first()?;
    let behind: Vec<String> = rest.iter().map(|path| shell_path(path)).collect();
    if is_missing(first.as_os_str()) {
        let word = first.to_str().filter(|word| !word.contains('/'));
        let Some((word, meant)) = word.zip(word.and_then(|word| word_meant(word, &behind))) else {
            return path_meant(first, &behind, in_place).map(Meant::beside);
        };
        return Some(if behind.len() > 1 {
            let no = format!("jldconv-supervisor has no subcommand {word:?}");
            Meant::instead(&no, meant)
        } else {
            Meant::beside(meant)
        });
    }
    let (last, inputs) = paths.split_last()?;
    if let [input, output] = inputs
        && let Some(range) = last.to_str().filter(|_| is_missing(last.as_os_str())).map(as_range)
        && range.parse::<Ranges>().is_ok()
    {
        let [input, output] = [input, output].map(|path| shell_path(path));
        let meant = format!("did you mean: jldconv-supervisor {input} {output} --range {range}");
        let taken = "jldconv-supervisor takes the archive and then the directory for the outputs";
        return Some(Meant::instead(taken, meant));
    }
    // One file for one file.
    let is_jld2 = last.extension().is_some_and(|it| it.eq_ignore_ascii_case("jld2"));
    match inputs {
        [] if last.is_file() && !in_place => {
            let file = shell_path(last);
            Some(Meant::beside(format!(
                "for one file: jldconv convert {file} OUT, or jldconv inspect {file}"
            )))
        }
        [input] if input.is_file() && is_jld2 && !last.exists() && !in_place => {
            let [input, output] = [input, last].map(|path| shell_path(path));
            Some(Meant::beside(format!("for one file: jldconv convert {input} {output}")))
        }
        [.., missing] if is_missing(missing.as_os_str()) => Some(Meant::beside(format!(
            "of several paths all but the last are files to convert: {} is not there",
            shell_path(missing)
        ))),
        _ => None,
    }
}

/// What was probably meant by a path that is not there: the same as a shell or a question would have
/// read it, or one beside it with nearly that name.
fn path_meant(missing: &Path, behind: &[String], in_place: bool) -> Option<String> {
    let typed = as_path(missing.as_os_str());
    let path = if typed.exists() { typed } else { path_like(missing)? };
    let path = shell_path(&path);
    let words = std::iter::once(path.as_str()).chain(behind.iter().map(String::as_str));
    let words = words.collect::<Vec<_>>().join(" ");
    let mode = if in_place { " --mode in-place" } else { "" };
    Some(format!("did you mean: jldconv-supervisor {words}{mode}"))
}

/// The path beside one that is not there which has nearly its name.
pub fn path_like(missing: &Path) -> Option<PathBuf> {
    let parent = missing.parent().filter(|it| !it.as_os_str().is_empty());
    let name = missing.file_name()?.to_str()?;
    let there = fs::read_dir(parent.unwrap_or(Path::new("."))).ok()?.take(MOST_BESIDE);
    let names = there.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let near = names.filter(|it| it != name && is_like(name, it));
    let near = near.min_by_key(|it| (strsim::damerau_levenshtein(name, it), it.clone()))?;
    Some(parent.map_or_else(|| near.clone().into(), |parent| parent.join(&near)))
}

/// What was probably meant by `word`, which stands where `jldconv-supervisor` takes an archive, with
/// `behind` behind it.
fn word_meant(word: &str, behind: &[String]) -> Option<String> {
    // A conversion of an archive has no word of its own.
    if is_nearly(word, "convert") {
        let run = match behind {
            [] => "jldconv-supervisor IN OUT".to_owned(),
            [one] if Path::new(one).is_file() => format!("jldconv convert {one} OUT"),
            [one] => format!("jldconv-supervisor {one} OUT"),
            [one, ..] if Path::new(one).is_file() => {
                format!("jldconv convert {}", behind.join(" "))
            }
            _ => format!("jldconv-supervisor {}", behind.join(" ")),
        };
        return Some(format!("did you mean: {run}"));
    }
    let (ours, other) = (SupervisorCli::command(), JldconvCli::command());
    let (program, command, name) = match (nearest(word, &ours), nearest(word, &other)) {
        (Some(name), _) => ("jldconv-supervisor", ours, name),
        (None, Some(name)) => ("jldconv", other, name),
        (None, None) => return None,
    };
    Some(format!("did you mean: {program} {name}{}", arguments(&command, &name, behind)))
}

/// The arguments of the subcommand `name`: those that were given, or else what it needs.
fn arguments(command: &clap::Command, name: &str, given: &[String]) -> String {
    if !given.is_empty() {
        return format!(" {}", given.join(" "));
    }
    let command = command.get_subcommands().find(|it| it.get_name() == name);
    let needed = command.into_iter().flat_map(clap::Command::get_positionals);
    let needed = needed.filter(|it| it.is_required_set());
    let names = needed.filter_map(|it| it.get_value_names()?.first().map(ToString::to_string));
    std::iter::once(String::new()).chain(names).collect::<Vec<_>>().join(" ")
}

/// What was probably meant by arguments of `jldconv-supervisor` that clap refuses with `error`.
pub fn supervisor_meant(error: &clap::Error, args: &[OsString]) -> Option<Meant> {
    if error.kind() != ErrorKind::ArgumentConflict {
        return range_meant(error).map(Meant::beside);
    }
    let words = args.iter().skip(1).filter(|arg| !arg.as_encoded_bytes().starts_with(b"-"));
    let words: Vec<&Path> = words.map(Path::new).collect();
    paths_meant(&words, false)
}

/// What was probably meant by `args` of `jldconv` that clap refuses with `error`.
pub fn jldconv_meant(error: &clap::Error, args: &[OsString]) -> Option<Meant> {
    if error.kind() != ErrorKind::InvalidSubcommand {
        return range_meant(error).map(Meant::beside);
    }
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else {
        return None;
    };
    let path = Path::new(word);
    if path.is_dir() {
        return Some(Meant::beside(format!(
            "for a whole archive: jldconv-supervisor {} OUT",
            shell_path(path)
        )));
    }
    if path.is_file() {
        let file = shell_path(path);
        return Some(Meant::beside(format!(
            "jldconv inspect {file}, or jldconv convert {file} OUT"
        )));
    }
    let (ours, other) = (JldconvCli::command(), SupervisorCli::command());
    let slips = |name: &String| strsim::damerau_levenshtein(word, name);
    let (here, there) = (nearest(word, &ours), nearest(word, &other));
    let (program, command, name) = match (here, there) {
        (Some(here), there) if there.as_ref().is_none_or(|there| slips(&here) <= slips(there)) => {
            ("jldconv", ours, here)
        }
        (_, there) => ("jldconv-supervisor", other, there?),
    };
    let behind = args.iter().skip_while(|arg| *arg != OsStr::new(word)).skip(1);
    let behind: Vec<String> = behind.map(|arg| shell_path(Path::new(arg))).collect();
    let arguments = arguments(&command, &name, &behind);
    Some(Meant::beside(format!("did you mean: {program} {name}{arguments}")))
}

/// What was probably meant by a command line that makes no sense.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meant {
    /// What is wrong, if that is better told so than by clap.
    pub wrong: Option<String>,
    /// What was probably meant.
    pub meant: String,
}

impl Meant {
    fn beside(meant: String) -> Self {
        Self { wrong: None, meant }
    }

    fn instead(wrong: &str, meant: String) -> Self {
        Self { wrong: Some(wrong.to_owned()), meant }
    }
}

/// `100..200` and `100:200` are ranges elsewhere.
fn range_meant(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(arg)) = error.get(ContextKind::InvalidArg) else { return None };
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) else {
        return None;
    };
    let fixed = as_range(value);
    let asked = arg.starts_with("--range") && fixed != *value;
    (asked && fixed.parse::<Ranges>().is_ok()).then(|| format!("write it as --range {fixed}"))
}

/// A range as it is written here.
fn as_range(text: &str) -> String {
    text.replace("..=", "-").replace("...", "-").replace("..", "-").replace(':', "-")
}

/// The subcommand whose name `word` is, or nearly.
fn nearest(word: &str, command: &clap::Command) -> Option<String> {
    let names = command.get_subcommands().map(|it| it.get_name().to_owned());
    let slips = |name: &str| strsim::damerau_levenshtein(word, name);
    names.filter(|name| is_nearly(word, name)).min_by_key(|name| slips(name))
}

/// Of short names one slip is much.
fn is_like(name: &str, there: &str) -> bool {
    is_nearly(name, there) || (name.len() == 3 && strsim::damerau_levenshtein(name, there) == 1)
}

fn is_nearly(word: &str, name: &str) -> bool {
    name == word || (word.len() > 3 && strsim::damerau_levenshtein(word, name) <= SLIPS)
}

//! Guesses what was meant by a command line that makes no sense, so that the answer to a slip is the
//! command that does.

use super::one_file::JldconvCli;
use super::supervisor::SupervisorCli;
use crate::archive::Ranges;
use crate::text::shell_path;
use clap::CommandFactory;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// Letters that a slip of the fingers leaves out, doubles, swaps or hits beside.
const SLIPS: usize = 2;

/// What was probably meant by an input of `jldconv-supervisor` that is not a directory; `output` is
/// what stands behind it, and `in_place` how it was to be converted.
pub fn input_meant(input: &Path, output: Option<&Path>, in_place: bool) -> Option<String> {
    let behind: Vec<String> = output.into_iter().map(shell_path).collect();
    if input.is_file() {
        let to = behind.first().map_or("OUT", String::as_str);
        let file = shell_path(input);
        return Some(if in_place {
            format!("for one file: jldconv convert --mode in-place {file}")
        } else {
            format!("for one file: jldconv convert {file} {to}")
        });
    }
    if input.exists() {
        return None;
    }
    let word = input.to_str().filter(|word| !word.contains('/'))?;
    word_meant(word, &behind)
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
    let words: Vec<&OsString> =
        args.iter().skip(1).filter(|arg| !arg.as_encoded_bytes().starts_with(b"-")).collect();
    let is_jld2 = |arg: &&&OsString| Path::new(arg).extension() == Some(OsStr::new("jld2"));
    let files: Vec<_> = words.iter().filter(is_jld2).collect();
    let (first, rest) = words.split_first()?;
    if rest.len() < 2 {
        return None;
    }
    if files.len() > 1 {
        let dir = files.first().and_then(|file| Path::new(file).parent())?;
        let dir = if dir.as_os_str().is_empty() { Path::new(".") } else { dir };
        return Some(Meant::instead(
            "jldconv-supervisor takes the archive's directory and one for the outputs",
            format!(
                "the shell made {} names of a pattern; name the directory: jldconv-supervisor {} \
                 OUT --range FIRST-LAST",
                files.len(),
                shell_path(dir)
            ),
        ));
    }
    let behind: Vec<String> = rest.iter().map(|word| shell_path(Path::new(word))).collect();
    if let Some(word) =
        first.to_str().filter(|word| !word.contains('/') && !Path::new(word).exists())
        && let Some(meant) = word_meant(word, &behind)
    {
        let no = format!("jldconv-supervisor has no subcommand {word:?}");
        return Some(Meant::instead(&no, meant));
    }
    let [output, third] = rest else { return None };
    let taken = "jldconv-supervisor takes the archive's directory and one for the outputs";
    let (input, to) = (shell_path(Path::new(first)), shell_path(Path::new(output)));
    let range = third.to_str().map(as_range).filter(|range| range.parse::<Ranges>().is_ok());
    if let Some(range) = range {
        let meant = format!("did you mean: jldconv-supervisor {input} {to} --range {range}");
        return Some(Meant::instead(taken, meant));
    }
    let third = shell_path(Path::new(third));
    Some(Meant::instead(taken, format!("one name is too many: {third}")))
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
    let command = SupervisorCli::command();
    let name = nearest(word, &command)?;
    let behind = args.iter().skip_while(|arg| *arg != OsStr::new(word)).skip(1);
    let behind: Vec<String> = behind.map(|arg| shell_path(Path::new(arg))).collect();
    let arguments = arguments(&command, &name, &behind);
    Some(Meant::beside(format!("did you mean: jldconv-supervisor {name}{arguments}")))
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

fn is_nearly(word: &str, name: &str) -> bool {
    name == word || (word.len() > 3 && strsim::damerau_levenshtein(word, name) <= SLIPS)
}

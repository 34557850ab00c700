//! Holds what the command line, `JLDCONV_*` and `jldconv.toml` say, as texts by key.
//!
//! Texts are laid over each other, read by the command line's own parser, and said again where a
//! job array is made: a value means the same wherever it is written.

use crate::cli::flags::Layer;
use crate::migrate::target::is_file;
use clap::parser::ValueSource;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;

/// Settings that are not flags.
const DIRS: [&str; 3] = ["input-dir", "output-dir", MORE];
/// Paths behind the first two of a command line; nowhere else can they be said.
const MORE: &str = "more-paths";

/// Settings that hold paths: those in a config file are relative to it.
const PATHS: [&str; 8] =
    ["input-dir", "output-dir", MORE, "rules", "backup-dir", "report", "log", "scratch"];

/// Whether the `value` of a setting is a path; a target is a name or a path.
pub(in crate::cli) fn is_path(key: &str, value: &OsStr) -> bool {
    PATHS.contains(&key) || key == "target" && value.to_str().is_none_or(is_file)
}

/// Settings as texts, by key; a key is a flag's long name, `input-dir` or `output-dir`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Said(BTreeMap<String, Vec<OsString>>);

impl Said {
    /// What a parsed command line says.
    pub fn from_matches(matches: &ArgMatches) -> Self {
        let command = command();
        let said = command.get_arguments().filter_map(|arg| {
            let id = arg.get_id().as_str();
            let here = matches.value_source(id) == Some(ValueSource::CommandLine);
            let key = key_of(arg)?;
            here.then(|| matches.get_raw(id))?
                .map(|values| (key, values.map(OsStr::to_owned).collect()))
        });
        Self(said.collect())
    }

    /// What this says, and where it says nothing what `lower` says.
    #[must_use]
    pub fn over(mut self, lower: Self) -> Self {
        for (key, values) in lower.0 {
            self.0.entry(key).or_insert(values);
        }
        self
    }

    /// Whether `key` is said.
    pub fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }

    /// What is said first for `key`, as far as it is text.
    pub(in crate::cli) fn first(&self, key: &str) -> Option<String> {
        Some(self.0.get(key)?.first()?.to_string_lossy().into_owned())
    }

    /// Says `value` for `key`.
    pub fn set(&mut self, key: &str, value: impl Into<OsString>) {
        self.0.insert(key.to_owned(), vec![value.into()]);
    }

    /// Forgets what is said for `key`.
    pub fn unset(&mut self, key: &str) {
        self.0.remove(key);
    }

    /// Makes paths absolute, so that they hold in any directory.
    ///
    /// # Errors
    /// Where there is no current directory.
    pub fn make_absolute(&mut self) -> io::Result<()> {
        for (key, values) in &mut self.0 {
            for value in values.iter_mut().filter(|value| is_path(key, value)) {
                *value = std::path::absolute(&*value)?.into_os_string();
            }
        }
        Ok(())
    }

    /// The command line that says the same, directories last.
    pub fn args(&self) -> Vec<OsString> {
        let mut args = self.flags();
        args.push("--".into());
        args.extend(DIRS.iter().filter_map(|key| self.0.get(*key)).flatten().cloned());
        args
    }

    /// The same as texts, behind the name of `program`; nothing where some of it is not text.
    pub fn command(&self, program: &str) -> Vec<String> {
        let texts = self.args().into_iter().map(|arg| arg.into_string().ok());
        std::iter::once(Some(program.to_owned()))
            .chain(texts)
            .collect::<Option<_>>()
            .unwrap_or_default()
    }

    /// What all of it means.
    ///
    /// # Errors
    /// Where a value cannot be what its key wants; not for what `from_file` and `from_env` gave
    /// or a command line held, for those are checked.
    pub fn layer(&self) -> Result<Layer, String> {
        let mut layer = command()
            .try_get_matches_from(self.flags())
            .and_then(|matches| Layer::from_arg_matches(&matches))
            .map_err(|error| first_paragraph(&error.to_string()))?;
        let [input_dir, output_dir, more] =
            DIRS.map(|key| self.0.get(key).into_iter().flatten().map(PathBuf::from));
        layer.input_dir = { input_dir }.next();
        layer.output_dir = { output_dir }.next();
        layer.more_paths = more.collect();
        Ok(layer)
    }

    fn flags(&self) -> Vec<OsString> {
        let flags = self.0.iter().filter(|(key, _)| !DIRS.contains(&key.as_str()));
        let bare = bare_keys();
        let flag_text = |key: &str, value: &OsStr| {
            let alone = value == "true" && bare.iter().any(|bare| bare == key);
            if alone { OsString::from(format!("--{key}")) } else { flag_text(key, value) }
        };
        flags
            .flat_map(|(key, values)| values.iter().map(move |value| flag_text(key, value)))
            .collect()
    }

    /// Says `values` for `key`, where they are what it wants.
    pub(in crate::cli) fn add(&mut self, key: &str, values: Vec<OsString>) -> Result<(), String> {
        let said = Self(BTreeMap::from([(key.to_owned(), values)]));
        if DIRS.contains(&key) && said.0.values().any(|values| values.len() != 1) {
            return Err("write one directory".to_owned());
        }
        said.layer()?;
        self.0.extend(said.0);
        Ok(())
    }
}

/// A parser of settings only.
pub(in crate::cli) fn command() -> Command {
    Layer::augment_args(Command::new("settings").no_binary_name(true).disable_help_flag(true))
}

/// The keys of settings: the long flags, and the two directories.
pub(in crate::cli) fn keys() -> Vec<String> {
    command().get_arguments().filter_map(key_of).filter(|key| key != MORE).collect()
}

fn key_of(arg: &clap::Arg) -> Option<String> {
    let key = match arg.get_long() {
        Some(long) => long.to_owned(),
        None => arg.get_id().as_str().replace('_', "-"),
    };
    (key != "verbose").then_some(key)
}

/// Those of yes and no, which stand for yes without a value.
fn bare_keys() -> Vec<String> {
    let command = command();
    let bare = command
        .get_arguments()
        .filter(|arg| arg.get_num_args().is_some_and(|values| values.min_values() == 0));
    bare.filter_map(key_of).collect()
}

fn flag_text(key: &str, value: &OsStr) -> OsString {
    let mut arg = OsString::from("--");
    arg.push(key);
    arg.push("=");
    arg.push(value);
    arg
}

/// What a parser's error says, without its advice about the command line.
fn first_paragraph(error: &str) -> String {
    let text = error.strip_prefix("error: ").unwrap_or(error);
    let end = text.find("\n\nFor more").or_else(|| text.find("\n\nUsage")).unwrap_or(text.len());
    text.get(..end).unwrap_or(text).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_is_said_again() {
        let args = [
            "in dir",
            "./-out'",
            "--force",
            "--pin=false",
            "-j4",
            "--rules",
            "a",
            "--rules=b",
            "-vv",
            "--range",
            "1-5,9",
        ];
        let matches = command().try_get_matches_from(args).unwrap();
        let said = Said::from_matches(&matches);
        let again = Said::from_matches(&command().try_get_matches_from(said.args()).unwrap());
        assert_eq!(again, said);
        insta::assert_debug_snapshot!(said.args(), @r#"
        [
            "--force",
            "--pin=false",
            "--range=1-5,9",
            "--rules=a",
            "--rules=b",
            "--workers=4",
            "--",
            "in dir",
            "./-out'",
        ]
        "#);
    }
}

//! Reads settings that do not come from the command line: `JLDCONV_*` and `jldconv.toml`.
//!
//! Both are read by the command line's own parser: errors name the place where a value was.

use crate::cli::raw_settings::{Said, is_path, keys};
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The config file that is read where none is named.
pub const CONFIG_FILE: &str = "jldconv.toml";

const ENV_PREFIX: &str = "JLDCONV_";

/// Variables that are not settings: the config file's name, what tests say, and what a supervisor tells its
/// workers.
const NO_SETTINGS: [&str; 6] = ["CONFIG", "FAULT", "SCRATCH_BUDGET", "TOKEN", "SOCKET", "SLOT"];

/// Most bytes of a config file.
const MOST: u64 = 1 << 20;

/// What is wrong with settings from elsewhere.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// The config file cannot be read.
    #[error("{}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The config file is not TOML, or too large.
    #[error("{}: {message}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        message: String,
    },
    /// A key that means nothing.
    #[error("{place}: unknown key `{key}`; known are {known}")]
    Unknown {
        /// The file.
        place: String,
        /// The key.
        key: String,
        /// The keys that mean something.
        known: String,
    },
    /// A value that cannot be what its key wants.
    #[error("{place}: {message}")]
    Value {
        /// The file and key, or the variable.
        place: String,
        /// Why.
        message: String,
    },
}

/// What the environment says, and which of its variables mean nothing.
#[derive(Debug, Default, PartialEq)]
pub struct FromEnv {
    /// The settings.
    pub said: Said,
    /// Variables that begin with `JLDCONV_` and are not settings, sorted.
    pub unknown: Vec<String>,
}

/// Reads a config file.
///
/// # Errors
/// Where it cannot be read, is not TOML, or holds a key or value that means nothing.
pub fn from_file(path: &Path) -> Result<Said, SourceError> {
    use io::Read as _;
    let read = |source| SourceError::Read { path: path.to_owned(), source };
    let syntax = |message| SourceError::Syntax { path: path.to_owned(), message };
    let mut text = String::new();
    let file = fs::File::open(path).map_err(read)?;
    file.take(MOST + 1).read_to_string(&mut text).map_err(read)?;
    if text.len() as u64 > MOST {
        return Err(syntax(format!("larger than {MOST} bytes")));
    }
    let table: Table = text.parse().map_err(|error: toml::de::Error| syntax(error.to_string()))?;
    let place = path.display().to_string();
    from_table(&table, &place, path.parent().unwrap_or(Path::new("")))
}

/// Reads a config file's table; relative paths in it are below `base`.
fn from_table(table: &Table, place: &str, base: &Path) -> Result<Said, SourceError> {
    let mut said = Said::default();
    for (key, value) in table {
        let wrong = |message: &str| SourceError::Value {
            place: format!("{place}: {key}"),
            message: message.to_owned(),
        };
        if !keys().contains(key) {
            let known = keys().join(", ");
            return Err(SourceError::Unknown { place: place.to_owned(), key: key.clone(), known });
        }
        let mut texts = match value {
            Value::Array(values) => values.iter().map(scalar).collect::<Option<Vec<_>>>(),
            value => scalar(value).map(|text| vec![text]),
        }
        .ok_or_else(|| wrong("write a text, a number, true or false"))?;
        for text in texts.iter_mut().filter(|text| is_path(key, text)) {
            *text = base.join(&*text).into_os_string();
        }
        said.add(key, texts).map_err(|message| wrong(&message))?;
    }
    Ok(said)
}

/// Reads the environment's `vars`.
///
/// # Errors
/// Where a variable holds a value that means nothing.
pub fn from_env(
    vars: impl IntoIterator<Item = (OsString, OsString)>,
) -> Result<FromEnv, SourceError> {
    let mut found = FromEnv::default();
    for (name, value) in vars {
        let Some(name) = name.to_str() else { continue };
        let Some(rest) = name.strip_prefix(ENV_PREFIX) else { continue };
        // What a run tells the command at its end is no setting of a run that this starts.
        if NO_SETTINGS.contains(&rest) || rest.starts_with("RUN_") {
            continue;
        }
        let key = rest.to_ascii_lowercase().replace('_', "-");
        if !keys().contains(&key) || rest.chars().any(|c| c.is_ascii_lowercase()) {
            found.unknown.push(name.to_owned());
            continue;
        }
        if value.is_empty() {
            continue;
        }
        let values: Vec<OsString> = if key == "rules" {
            std::env::split_paths(&value).map(PathBuf::into_os_string).collect()
        } else {
            vec![value]
        };
        found
            .said
            .add(&key, values)
            .map_err(|message| SourceError::Value { place: name.to_owned(), message })?;
    }
    found.unknown.sort();
    Ok(found)
}

fn scalar(value: &Value) -> Option<OsString> {
    match value {
        Value::String(text) => Some(text.into()),
        Value::Integer(number) => Some(number.to_string().into()),
        Value::Float(number) => Some(number.to_string().into()),
        Value::Boolean(truth) => Some(truth.to_string().into()),
        Value::Datetime(_) | Value::Array(_) | Value::Table(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Shard;
    use crate::cli::flags::Layer;
    use crate::cli::raw_settings::command;
    use crate::cli::value::{Share, Size, Span};
    use crate::convert::{Compress, Mode};
    use crate::supervisor::Count;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::time::Duration;

    fn said(text: &str) -> Result<Said, SourceError> {
        from_table(&text.parse().unwrap(), "jldconv.toml", Path::new("/etc/runs"))
    }

    fn table(text: &str) -> Result<Layer, SourceError> {
        said(text).map(|said| said.layer().unwrap())
    }

    fn env(vars: &[(&str, &str)]) -> Result<FromEnv, SourceError> {
        from_env(vars.iter().map(|(name, value)| ((*name).into(), (*value).into())))
    }

    #[test]
    fn a_file_says_what_flags_say() {
        let layer = table(
            r#"
            input-dir = "old"
            output-dir = "/data/new"
            workers = 8
            threads-per-worker = "auto"
            safety-margin = 0.5
            memory-limit = "24GiB"
            range = "100-200,250"
            stall-timeout = "1h30m"
            compress = "zstd:7"
            mode = "rewrite"
            force = false
            yes = true
            shard = "2/3"
            rules = ["mine.toml", "/opt/theirs.toml"]
            "#,
        )
        .unwrap();
        assert_eq!(layer.input_dir, Some("/etc/runs/old".into()));
        assert_eq!(layer.output_dir, Some("/data/new".into()));
        assert_eq!(layer.batch.workers, Some(Count::Exactly(8)));
        assert_eq!(layer.batch.threads_per_worker, Some(Count::Auto));
        assert_eq!(layer.batch.safety_margin, Some(Share(0.5)));
        assert_eq!(layer.batch.memory_limit, Some(Size(24 << 30)));
        assert_eq!(layer.batch.range.unwrap().to_string(), "100-200,250");
        assert_eq!(layer.batch.stall_timeout, Some(Span(Duration::from_mins(90))));
        assert_eq!(layer.batch.shard, Some(Shard { index: 2, count: 3 }));
        assert_eq!(layer.conversion.compress, Some(Compress::Zstd(7)));
        assert_eq!(layer.conversion.mode, Some(Mode::Rewrite));
        assert_eq!(layer.conversion.force, Some(false));
        assert_eq!(layer.yes, Some(true));
        let rules: Vec<PathBuf> = vec!["/etc/runs/mine.toml".into(), "/opt/theirs.toml".into()];
        assert_eq!(layer.conversion.rules, rules);
    }

    #[test]
    fn a_file_that_is_wrong_says_where() {
        let message = |text: &str| table(text).unwrap_err().to_string();
        insta::assert_snapshot!(message("wrokers = 8"), @"jldconv.toml: unknown key `wrokers`; known are input-dir, output-dir, range, prefix, match, recursive, others, shard, on-conflict, resume-failed, workers, min-workers, max-workers, threads-per-worker, pin, safety-margin, memory-limit, scratch, retries, stall-timeout, grace, on-full, drain-on-usr1, report, dashboard, progress, log, color, heartbeat, on-finish, on-finish-timeout, mode, target, rules, verify, hdf5-limit, unchanged, compress, shuffle, block-size, chunk, repack, flat-links, portable, keep-bad, trust-checksums, backup-dir, force, discard-replaced, dry-run, yes");
        insta::assert_snapshot!(message("workers = 0"), @r#"jldconv.toml: workers: invalid value '0' for '--workers <auto|N>': write "auto" or a number from 1 to 4096"#);
        insta::assert_snapshot!(message("mode = 'fast'"), @r"
        jldconv.toml: mode: invalid value 'fast' for '--mode <MODE>'
          [possible values: auto, patch, rewrite, in-place]
        ");
        insta::assert_snapshot!(message("range = '5-1'"), @r#"
        jldconv.toml: range: invalid value '5-1' for '--range <RANGES>': the range ends before it begins at character 3 of "5-1"
          5-1
            ^
        "#);
        insta::assert_snapshot!(message("workers = { a = 1 }"), @"jldconv.toml: workers: write a text, a number, true or false");
        insta::assert_snapshot!(message("workers = [1, 2]"), @"jldconv.toml: workers: the argument '--workers <auto|N>' cannot be used multiple times");
        insta::assert_snapshot!(message("config = 'x'"), @"jldconv.toml: unknown key `config`; known are input-dir, output-dir, range, prefix, match, recursive, others, shard, on-conflict, resume-failed, workers, min-workers, max-workers, threads-per-worker, pin, safety-margin, memory-limit, scratch, retries, stall-timeout, grace, on-full, drain-on-usr1, report, dashboard, progress, log, color, heartbeat, on-finish, on-finish-timeout, mode, target, rules, verify, hdf5-limit, unchanged, compress, shuffle, block-size, chunk, repack, flat-links, portable, keep-bad, trust-checksums, backup-dir, force, discard-replaced, dry-run, yes");
    }

    #[test]
    fn files_that_cannot_be_read() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("jldconv.toml");
        assert!(matches!(from_file(&path), Err(SourceError::Read { .. })));
        fs::write(&path, "workers = = 8\n").unwrap();
        let message = from_file(&path).unwrap_err().to_string();
        assert!(message.contains("line 1, column 11"), "{message}");
        fs::write(&path, " ".repeat(1 << 21)).unwrap();
        assert!(matches!(from_file(&path), Err(SourceError::Syntax { .. })));
        fs::write(&path, "output-dir = 'new'\n").unwrap();
        assert_eq!(
            from_file(&path).unwrap().layer().unwrap().output_dir,
            Some(dir.path().join("new"))
        );
    }

    #[test]
    fn the_environment_says_what_flags_say() {
        let found = env(&[
            ("PATH", "/bin"),
            ("JLDCONV_WORKERS", "4"),
            ("JLDCONV_INPUT_DIR", "old"),
            ("JLDCONV_RULES", "a.toml:b.toml"),
            ("JLDCONV_FORCE", "yes"),
            ("JLDCONV_RANGE", ""),
            ("JLDCONV_TOKEN", "secret"),
            ("JLDCONV_WROKERS", "4"),
            ("JLDCONV_workers", "4"),
        ])
        .unwrap();
        let layer = found.said.layer().unwrap();
        assert_eq!(layer.batch.workers, Some(Count::Exactly(4)));
        assert_eq!(layer.input_dir, Some("old".into()), "relative to where one is");
        assert_eq!(layer.conversion.rules.len(), 2);
        assert_eq!(layer.conversion.force, Some(true));
        assert_eq!(layer.batch.range, None, "empty is unset");
        assert_eq!(found.unknown, ["JLDCONV_WROKERS", "JLDCONV_workers"]);
        insta::assert_snapshot!(env(&[("JLDCONV_SAFETY_MARGIN", "2")]).unwrap_err(), @"JLDCONV_SAFETY_MARGIN: invalid value '2' for '--safety-margin <SHARE>': write a share of the limit above 0 and at most 1, for instance 0.8");
    }

    #[test]
    fn paths_in_the_environment_need_not_be_text() {
        let name = OsStr::from_bytes(b"/data/\xff");
        let found = from_env([("JLDCONV_OUTPUT_DIR".into(), name.to_owned())]).unwrap();
        assert_eq!(found.said.layer().unwrap().output_dir.unwrap().as_os_str(), name);
        let found = from_env([("JLDCONV_REPORT".into(), name.to_owned())]).unwrap();
        assert_eq!(found.said.layer().unwrap().batch.report.unwrap().as_os_str(), name);
        assert!(from_env([("JLDCONV_WORKERS".into(), name.to_owned())]).is_err());
    }

    #[test]
    fn each_layer_lies_over_the_next() {
        let matches = command().try_get_matches_from(["--workers=1", "--rules=x"]).unwrap();
        let flags = Said::from_matches(&matches);
        let vars = env(&[("JLDCONV_WORKERS", "2"), ("JLDCONV_RETRIES", "2")]).unwrap().said;
        let file = said("workers = 3\nretries = 3\ngrace = '3s'\nrules = ['y', 'z']").unwrap();
        let all = flags.over(vars).over(file).layer().unwrap();
        assert_eq!(all.batch.workers, Some(Count::Exactly(1)));
        assert_eq!(all.batch.retries, Some(2));
        assert_eq!(all.batch.grace, Some(Span(Duration::from_secs(3))));
        assert_eq!(all.conversion.rules, [PathBuf::from("x")], "lists are replaced, not joined");
    }
}

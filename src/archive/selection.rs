//! Says which files below a directory are an archive's: by numbered names, by patterns, or one by
//! one.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;

/// Beginning of numbered names where nobody says otherwise.
pub const DEFAULT_PREFIX: &str = "output_";

/// How the names of JLD2 files end.
pub(super) const SUFFIX: &[u8] = b".jld2";

/// What of a directory is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Selection {
    /// Files named `<prefix>NNNNN.jld2`, with one of these prefixes, are taken.
    pub prefixes: Vec<String>,
    /// Whether other text may stand before a prefix, as Mera's own converter has it
    /// (`run5_output_00100.jld2`).
    #[serde(default)]
    pub text_before: bool,
    /// Files whose names one of these patterns matches are taken, too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub globs: Vec<Glob>,
    /// Whether directories below are entered.
    #[serde(default)]
    pub recursive: bool,
    /// These only, by their paths relative to the directory: a file is taken whatever its name is, of
    /// a directory what the rest of this says. Everything if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub named: Vec<String>,
}

impl Default for Selection {
    /// `output_NNNNN.jld2`, with any text before, directly in the directory.
    fn default() -> Self {
        Self { text_before: true, ..Self::prefix(DEFAULT_PREFIX) }
    }
}

impl Selection {
    /// The files named exactly `<prefix>NNNNN.jld2`, directly in the directory.
    pub fn prefix(prefix: &str) -> Self {
        Self {
            prefixes: vec![prefix.to_owned()],
            text_before: false,
            globs: Vec::new(),
            recursive: false,
            named: Vec::new(),
        }
    }

    /// What `--prefix`, `--match` and `--recursive` say together. Patterns alone put no numbered names
    /// beside them.
    pub fn of(prefixes: Vec<String>, globs: Vec<Glob>, recursive: bool) -> Self {
        let usual = prefixes.is_empty() && globs.is_empty();
        let rest = if usual { Self::default() } else { Self::prefix("") };
        let prefixes = if usual { rest.prefixes.clone() } else { prefixes };
        Self { prefixes, globs, recursive, ..rest }
    }

    /// Whether the pattern of any name matches `relative`, a file's path below the directory.
    pub(super) fn matches(&self, relative: &str) -> bool {
        self.globs.iter().any(|glob| glob.matches(relative))
    }

    /// What is looked for, in words: `output_NNNNN.jld2, '*.h5'`.
    pub fn shown(&self) -> String {
        let numbered = self.prefixes.iter().map(|prefix| format!("{prefix}NNNNN.jld2"));
        let globs = self.globs.iter().map(|glob| format!("'{glob}'"));
        numbered.chain(globs).collect::<Vec<_>>().join(", ")
    }
}

/// A pattern of names as a shell has them: `*`, `?`, `[a-z]`, and `**` for directories.
///
/// One without a slash is about a file's own name, one with a slash about its path below the
/// directory. An extension `.jld2` in any case counts as `.jld2`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Glob(glob::Pattern);

/// Why a text is not a pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} at character {at} of \"{text}\"")]
pub struct GlobError {
    what: &'static str,
    text: String,
    at: usize,
}

/// Most characters of a pattern: more than any path has.
const LONGEST: usize = 4096;
/// Most `*` in a pattern: what it costs to try one grows with each.
const STARS: usize = 16;

const OPTIONS: glob::MatchOptions = glob::MatchOptions {
    case_sensitive: true,
    require_literal_separator: true,
    require_literal_leading_dot: true,
};

impl Glob {
    /// Whether it matches the path `relative`.
    pub fn matches(&self, relative: &str) -> bool {
        let whole = self.0.as_str().contains('/');
        let name = relative.rsplit('/').next().unwrap_or_default();
        let tried = if whole { relative } else { name };
        if self.0.matches_with(tried, OPTIONS) {
            return true;
        }
        let lower = tried.split_at_checked(tried.len().saturating_sub(SUFFIX.len()));
        lower.is_some_and(|(stem, end)| {
            end.as_bytes().eq_ignore_ascii_case(SUFFIX)
                && self.0.matches_with(&format!("{stem}.jld2"), OPTIONS)
        })
    }
}

impl FromStr for Glob {
    type Err = GlobError;

    fn from_str(text: &str) -> Result<Self, GlobError> {
        let error = |what, at| GlobError { what, text: text.to_owned(), at };
        if text.is_empty() {
            return Err(error("a pattern is needed", 1));
        }
        if text.chars().count() > LONGEST || text.matches('*').count() > STARS {
            return Err(error("the pattern is too long, or has too many stars,", 1));
        }
        glob::Pattern::new(text).map(Self).map_err(|bad| error(bad.msg, bad.pos.saturating_add(1)))
    }
}

impl TryFrom<String> for Glob {
    type Error = GlobError;

    fn try_from(text: String) -> Result<Self, GlobError> {
        text.parse()
    }
}

impl From<Glob> for String {
    fn from(glob: Glob) -> Self {
        glob.0.as_str().to_owned()
    }
}

impl fmt::Display for Glob {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_a_shells() {
        let matches = |glob: &str, path: &str| glob.parse::<Glob>().unwrap().matches(path);
        assert!(matches("*.jld2", "a.jld2") && matches("*.jld2", "sim/a.jld2"));
        assert!(matches("*.jld2", "a.JLD2") && !matches("*.jld2", "a.jld2.part"));
        assert!(matches("*.JLD2", "a.JLD2") && !matches("*.JLD2", "a.jld2"));
        assert!(matches("sim*/*.jld2", "sim1/a.jld2") && !matches("sim*/*.jld2", "a.jld2"));
        assert!(!matches("sim*/*.jld2", "sim1/deep/a.jld2"));
        assert!(matches("**/maps/*", "sim1/deep/maps/x") && matches("map[0-9].jld2", "map7.jld2"));
        assert!(!matches("*", ".hidden"), "as in a shell");
        assert!(matches("*.jld2", "ä.JLD2") && !matches("*.jld2", "äää"));
    }

    #[test]
    fn what_is_no_pattern_says_where() {
        let message = |text: &str| text.parse::<Glob>().unwrap_err().to_string();
        insta::assert_snapshot!(message("a[b"), @r#"invalid range pattern at character 2 of "a[b""#);
        insta::assert_snapshot!(message("a***"), @r#"wildcards are either regular `*` or recursive `**` at character 4 of "a***""#);
        insta::assert_snapshot!(message(""), @r#"a pattern is needed at character 1 of """#);
        assert!("*a".repeat(17).parse::<Glob>().is_err());
    }

    #[test]
    fn what_is_said_replaces_the_usual() {
        let glob = || vec!["*.h5".parse().unwrap()];
        assert_eq!(Selection::of(Vec::new(), Vec::new(), false), Selection::default());
        assert_eq!(Selection::of(vec!["a_".into()], Vec::new(), false), Selection::prefix("a_"));
        assert_eq!(Selection::of(Vec::new(), glob(), true).shown(), "'*.h5'");
        assert_eq!(Selection::of(vec!["a_".into()], glob(), true).shown(), "a_NNNNN.jld2, '*.h5'");
        assert_eq!(Selection::default().shown(), "output_NNNNN.jld2");
        let said = Selection::of(vec!["a_".into()], glob(), true);
        let json = serde_json::to_string(&said).unwrap();
        assert_eq!(serde_json::from_str::<Selection>(&json).unwrap(), said);
        assert!(serde_json::from_str::<Selection>(&json.replace("*.h5", "a[")).is_err());
    }
}

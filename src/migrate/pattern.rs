//! Matches patterns for type names and for places in a file.

use serde::Deserialize;

/// A Julia type's full name without parameters, in which `*` stands for any characters.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(from = "String")]
pub struct TypePattern {
    text: String,
    /// Bytes in front of the first `*`.
    fixed: usize,
}

impl From<String> for TypePattern {
    fn from(text: String) -> Self {
        let fixed = text.find('*').unwrap_or(text.len());
        Self { text, fixed }
    }
}

impl TypePattern {
    /// Whether a type's full name, for instance `Mera.ScalesType001`, is meant.
    pub fn matches(&self, type_name: &str) -> bool {
        // Most patterns are for other names from the first characters on.
        let fixed = self.text.as_bytes().get(..self.fixed).unwrap_or_default();
        type_name.as_bytes().starts_with(fixed) && matches(&self.text, type_name, |_| true)
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The one name that it stands for, if it has no `*`.
    pub(super) fn exact(&self) -> Option<&str> {
        (!self.text.contains('*')).then_some(self.text.as_str())
    }

    /// What the only `*` takes of a name that fits.
    pub(super) fn taken<'n>(&self, type_name: &'n str) -> Option<&'n str> {
        let (before, behind) = self.text.split_once('*').filter(|(_, b)| !b.contains('*'))?;
        type_name.strip_prefix(before)?.strip_suffix(behind)
    }

    /// How many `*` it has.
    pub(super) fn stars(&self) -> usize {
        self.text.matches('*').count()
    }

    /// What is wrong with the pattern, if anything.
    pub(super) fn problem(&self) -> Option<String> {
        let bare = self.text.replace('*', "");
        if self.text.is_empty() {
            Some("a type name is empty".to_owned())
        } else if bare.contains(['{', '}', ',', ' ', ':']) {
            Some(format!("{:?} has parameters; name the type alone", self.text))
        } else if !self.text.contains('.') {
            Some(format!("{:?} lacks its module, as in \"Main.{}\"", self.text, self.text))
        } else if bare.chars().all(|c| c == '.') {
            Some(format!("{:?} would match every type", self.text))
        } else {
            None
        }
    }
}

/// The absolute path of a dataset, in which `*` stands for any characters within one name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct PathPattern(String);

impl PathPattern {
    /// Whether the dataset at this path, for instance `/hydro/information/compression`, is meant.
    pub fn matches(&self, path: &str) -> bool {
        matches(&self.0, path, |c| c != '/')
    }

    /// The pattern as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What is wrong with the pattern, if anything.
    pub(super) fn problem(&self) -> Option<String> {
        (!self.0.starts_with('/')).then(|| format!("the path {:?} must begin with /", self.0))
    }
}

/// Whether `text` fits `pattern`, where a `*` takes any number of characters that `may` allows.
///
/// Only the last star is ever reconsidered, so the time is bounded by the product of the lengths.
/// That suffices: what an earlier star could take in addition, the last one can take too, and past
/// a character that no star may take, none of them helps.
fn matches(pattern: &str, text: &str, may: impl Fn(char) -> bool) -> bool {
    // Most patterns are for other names from the first characters on.
    let fixed = pattern.split_once('*').map_or(pattern, |(fixed, _)| fixed);
    if !text.starts_with(fixed) {
        return false;
    }
    let (mut pattern, mut text) = (pattern, text);
    let mut retry: Option<(&str, &str)> = None;
    loop {
        let next = text.chars().next();
        if let Some(rest) = pattern.strip_prefix('*') {
            retry = Some((rest, text));
            pattern = rest;
        } else if let (Some(p), Some(t)) = (pattern.chars().next(), next)
            && p == t
        {
            pattern = pattern.get(p.len_utf8()..).unwrap_or_default();
            text = text.get(t.len_utf8()..).unwrap_or_default();
        } else if pattern.is_empty() && text.is_empty() {
            return true;
        } else {
            let Some((after_star, from)) = retry else { return false };
            let Some(taken) = from.chars().next().filter(|c| may(*c)) else { return false };
            let from = from.get(taken.len_utf8()..).unwrap_or_default();
            retry = Some((after_star, from));
            (pattern, text) = (after_star, from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ty(pattern: &str, name: &str) -> bool {
        TypePattern::from(pattern.to_owned()).matches(name)
    }

    fn path(pattern: &str, name: &str) -> bool {
        PathPattern(pattern.to_owned()).matches(name)
    }

    #[test]
    fn a_star_takes_any_characters_of_a_type_name() {
        assert!(ty("Mera.ScalesType", "Mera.ScalesType"));
        assert!(!ty("Mera.ScalesType", "Mera.ScalesType001"));
        let leftover = "JLD2.ReconstructedTypes.##CodecLz4.LZ4FrameCompressor#312";
        assert!(ty("JLD2.ReconstructedTypes.*LZ4FrameCompressor*", leftover));
        assert!(!ty("JLD2.ReconstructedTypes.*ZlibCompressor*", leftover));
        assert!(ty("*.aθ*", "Mera.aθ_sphere"));
        assert!(!ty("", "x") && ty("", ""));
    }

    #[test]
    fn what_a_star_takes() {
        let taken = |pattern: &str, name| TypePattern::from(pattern.to_owned()).taken(name);
        assert_eq!(taken("Old.*", "Old.A.B"), Some("A.B"));
        assert_eq!(taken("Old.*Type", "Old.MyType"), Some("My"));
        assert_eq!(taken("Old.*", "New.A"), None);
        assert_eq!(taken("Old.A", "Old.A"), None);
        assert_eq!(taken("*.A*", "Old.A"), None);
    }

    #[test]
    fn a_star_stays_within_one_name_of_a_path() {
        let compression = "/*/information/compression";
        assert!(path(compression, "/hydro/information/compression"));
        assert!(!path(compression, "/a/b/information/compression"));
        assert!(!path(compression, "/hydro/information/compression/x"));
        assert!(path("/a*b/*", "/axxbxb/"));
        assert!(!path("/a*b/*", "/ax/b/"));
    }

    #[test]
    fn bad_patterns_are_named() {
        for bad in ["", "Int64", "Core.Array{Float64,1}", "*", "*.*"] {
            assert!(TypePattern::from(bad.to_owned()).problem().is_some(), "{bad}");
        }
        assert_eq!(TypePattern::from("Main.Grid".to_owned()).problem(), None);
        assert!(PathPattern("hydro".to_owned()).problem().is_some());
    }

    /// The plain definition, exponential in the number of stars.
    fn slow(pattern: &[char], text: &[char], stop: char) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => {
                slow(rest, text, stop)
                    || text.split_first().is_some_and(|(c, t)| *c != stop && slow(pattern, t, stop))
            }
            Some((c, rest)) => {
                text.split_first().is_some_and(|(t, more)| t == c && slow(rest, more, stop))
            }
        }
    }

    proptest! {
        #[test]
        fn the_fast_way_agrees_with_the_plain_definition(pattern in "[ab/*]{0,8}", text in "[ab/]{0,10}") {
            let (p, t): (Vec<_>, Vec<_>) = (pattern.chars().collect(), text.chars().collect());
            prop_assert_eq!(path(&pattern, &text), slow(&p, &t, '/'));
            prop_assert_eq!(ty(&pattern, &text), slow(&p, &t, '\0'));
        }
    }
}

//! Conditions on the versions that wrote a file, as far as it tells them (docs/jld2-format.md, 1.1).
//!
//! A file names the Julia of whoever closed it last after a change, and the version of JLD2's format,
//! which tells three steps of the package: 0.2, 0.3 and 0.5.

use crate::h5::FormatText;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use std::fmt;

/// The versions of JLD2 that began to write another text in front of the superblock.
const STEPS: [Numbers; 3] = [[0, 2, 0], [0, 3, 0], [0, 5, 0]];

/// Major, minor and patch.
type Numbers = [u32; 3];

/// What must hold of the versions that wrote a file; nothing if both are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct WrittenBy {
    /// Of JLD2's.
    pub jld2: Jld2Versions,
    /// Of Julia's.
    pub julia: Versions,
}

/// Bounds on a version, as in `>=1.6, <1.9`; all must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Versions(Vec<Bound>);

/// [`Versions`] whose bounds are such that files tell on which side of them they are.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Jld2Versions(Versions);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    AtLeast(Numbers),
    Below(Numbers),
}

impl WrittenBy {
    /// Whether nothing is asked.
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The same with further conditions, all of which must hold.
    pub(super) fn and(&mut self, other: &Self) {
        self.jld2.0.0.extend(&other.jld2.0.0);
        self.julia.0.extend(&other.julia.0);
    }

    /// Why it does not hold of a file with this text in front of the superblock; none if it holds.
    pub(super) fn missed(&self, text: Option<&FormatText>) -> Option<String> {
        let jld2 = text.map(step);
        let julia = text.and_then(|text| julia(&text.writer));
        let told = |is: Option<Numbers>, asked: &Versions, name: &str, how: &str| {
            if asked.0.is_empty() || is.is_some_and(|is| asked.holds(is)) {
                return None;
            }
            Some(match is {
                Some(is) => {
                    format!("{name} {how}{} wrote it, and `when` asks for {asked}", shown(is))
                }
                None => {
                    format!("it does not say which {name} wrote it, and `when` asks for {asked}")
                }
            })
        };
        let since =
            if jld2.is_some_and(|is| is < [0, 2, 0]) { "before 0.2, like " } else { "since " };
        told(jld2, &self.jld2.0, "JLD2", since).or_else(|| told(julia, &self.julia, "Julia", ""))
    }
}

/// The first version of JLD2 that writes this text.
fn step(text: &FormatText) -> Numbers {
    match (text.legacy, text.version.as_str()) {
        (true, _) => [0, 1, 0],
        (false, "0.1.0") => [0, 2, 0],
        (false, "0.1.1") => [0, 3, 0],
        (false, _) => [0, 5, 0],
    }
}

/// The version in `Julia 1.10.8 64-bit LE`; of one that was not released yet (`1.12.0-rc1`) that to be.
fn julia(writer: &str) -> Option<Numbers> {
    let version = writer.strip_prefix("Julia ")?.split_whitespace().next()?;
    let end = version.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(version.len());
    numbers(version.get(..end)?)
}

/// One to three numbers; those that are left out are 0.
fn numbers(text: &str) -> Option<Numbers> {
    let mut out = Numbers::default();
    let mut parts = text.split('.');
    for (i, to) in out.iter_mut().enumerate() {
        match parts.next() {
            Some(part) => *to = part.parse().ok()?,
            None if i > 0 => break,
            None => return None,
        }
    }
    parts.next().is_none().then_some(out)
}

fn shown(version: Numbers) -> String {
    match version {
        [major, minor, 0] => format!("{major}.{minor}"),
        [major, minor, patch] => format!("{major}.{minor}.{patch}"),
    }
}

impl Versions {
    fn holds(&self, version: Numbers) -> bool {
        self.0.iter().all(|bound| match *bound {
            Bound::AtLeast(least) => version >= least,
            Bound::Below(end) => version < end,
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let bound = |part: &str| {
            let part = part.trim();
            let (version, make): (_, fn(Numbers) -> Bound) = match part.strip_prefix(">=") {
                Some(version) => (version, Bound::AtLeast),
                None => (part.strip_prefix('<').unwrap_or_default(), Bound::Below),
            };
            numbers(version.trim()).map(make).ok_or_else(|| {
                format!("{part:?} is no bound on a version; there are \"<1.6\" and \">=1.6.2\", and both, with a comma")
            })
        };
        text.split(',').map(bound).collect::<Result<_, _>>().map(Self)
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, bound) in self.0.iter().enumerate() {
            let (sign, version) = match *bound {
                Bound::AtLeast(least) => (">=", least),
                Bound::Below(end) => ("<", end),
            };
            write!(f, "{}{sign}{}", if i > 0 { ", " } else { "" }, shown(version))?;
        }
        Ok(())
    }
}

impl<'de> Deserialize<'de> for Versions {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Self::parse(&String::deserialize(from)?).map_err(D::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Jld2Versions {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let versions = Versions::deserialize(from)?;
        let untold = versions.0.iter().find_map(|bound| match bound {
            Bound::AtLeast(version) | Bound::Below(version) if !STEPS.contains(version) => {
                Some(shown(*version))
            }
            _ => None,
        });
        match untold {
            None => Ok(Self(versions)),
            Some(version) => Err(D::Error::custom(format!(
                "files do not tell JLD2 {version} from the version before it: bounds are 0.2, 0.3 and 0.5"
            ))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(legacy: bool, version: &str, writer: &str) -> FormatText {
        FormatText { legacy, version: version.to_owned(), writer: writer.to_owned() }
    }

    fn asked(toml: &str) -> Result<WrittenBy, String> {
        toml::from_str(toml).map_err(|e: toml::de::Error| e.message().to_owned())
    }

    #[test]
    fn versions_are_those_that_the_file_tells() {
        let files = [
            text(true, "0.2.0", "Julia 0.7.0 64-bit LE"),
            text(false, "0.1.0", "Julia 1.4.2 64-bit LE"),
            text(false, "0.1.1", "Julia 1.6.7 64-bit LE"),
            text(false, "0.2.0", "Julia 1.12.0-rc1 64-bit LE"),
        ];
        for (toml, holds) in [
            ("", [true; 4]),
            ("jld2 = \"<0.5\"", [true, true, true, false]),
            ("jld2 = \">=0.2, <0.3\"", [false, true, false, false]),
            ("jld2 = \"<0.2\"", [true, false, false, false]),
            ("julia = \">=1.6.7\"", [false, false, true, true]),
            ("julia = \"<1.12\"", [true, true, true, false]),
            ("jld2 = \">=0.3\"\njulia = \"<1.7\"", [false, false, true, false]),
        ] {
            let asked = asked(toml).unwrap();
            let held = files.iter().map(|file| asked.missed(Some(file)).is_none());
            assert!(held.eq(holds), "{toml}");
            assert_eq!(asked.missed(None).is_none(), toml.is_empty(), "{toml}");
        }
        let julia = asked("julia = \"<1.6\"").unwrap();
        assert_eq!(
            julia.missed(files.get(2)).unwrap(),
            "Julia 1.6.7 wrote it, and `when` asks for <1.6"
        );
        assert!(
            julia.missed(Some(&text(false, "0.2.0", "h5py"))).unwrap().contains("does not say")
        );
    }

    #[test]
    fn bounds_that_no_file_tells_are_refused() {
        for (toml, reason) in [
            ("jld2 = \"<0.4.11\"", "0.4.11"),
            ("julia = \"1.6\"", "no bound"),
            ("julia = \"<1.6.7.8\"", "no bound"),
            ("julia = \"\"", "no bound"),
            ("julia = \">=x\"", "no bound"),
            ("julia = 1.6", "invalid type"),
            ("package = \"<1\"", "unknown field"),
        ] {
            let error = asked(toml).unwrap_err();
            assert!(error.contains(reason), "{toml}: {error}");
        }
    }
}

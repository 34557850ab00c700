//! Records what is known of an output that this program made: from which input, how, and what it
//! was then. Journals keep it, so that a later run tells its own outputs from other files, and
//! those that are up to date from those that are not, without reading any.

use super::{Chunking, Compress, Failure, FailureKind, Mode, Options, VerifyLevel};
use crate::migrate::target::Target;
use crate::sys::stat::StatData;
use serde::{Deserialize, Serialize};
use std::fs;
use xxhash_rust::xxh3::Xxh3;

/// A file as it was when its claim was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClaimedFile {
    /// As far as it is UTF-8.
    pub path: String,
    /// What `stat` told.
    pub stat: StatData,
    /// [`metadata_digest`](crate::h5::metadata_digest) of it, where it could be taken.
    pub digest: Option<String>,
}

/// What an output was made of and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// What it was made of.
    pub input: ClaimedFile,
    /// What came out; none where a file that needed nothing was left out.
    pub output: Option<ClaimedFile>,
    /// Version of this program.
    pub version: String,
    /// How.
    pub recipe: Recipe,
    /// The highest check that it passed.
    pub verify: VerifyLevel,
}

/// All that shapes an output's bytes beside its input.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub struct Recipe {
    /// The target's name.
    pub target: String,
    /// xxh3-128, in hexadecimal, of the target's definition and the contents of all rules files.
    pub rules: String,
    /// The mode: that which was asked for, or in a claim that which was carried out.
    pub mode: Mode,
    /// See [`Options::compress`].
    pub compress: Compress,
    /// See [`Options::shuffle`].
    pub shuffle: bool,
    /// See [`Options::block_size`].
    pub block_size: Option<u64>,
    /// See [`Options::chunk`].
    #[serde(default)]
    pub chunk: Chunking,
    /// See [`Options::repack`].
    pub repack: bool,
    /// See [`Options::flat_links`].
    pub flat_links: bool,
    /// See [`Options::portable`].
    #[serde(default)]
    pub portable: bool,
}

impl Recipe {
    /// The recipe that `options` ask for. Reads the rules files.
    ///
    /// # Errors
    /// There is no such target, or a rules file cannot be read.
    pub fn of(options: &Options) -> Result<Self, Failure> {
        let unsupported = |message: String| Failure::new(FailureKind::Unsupported, message);
        let definition =
            Target::definition(&options.target).map_err(|error| unsupported(error.to_string()))?;
        let mut hash = Xxh3::new();
        let mut add = |bytes: &[u8]| {
            hash.update(&(bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        };
        definition.iter().for_each(|text| add(text.as_bytes()));
        for path in &options.rules {
            let text = fs::read(path)
                .map_err(|error| unsupported(format!("cannot read {}: {error}", path.display())))?;
            add(&text);
        }
        Ok(Self {
            target: options.target.clone(),
            rules: format!("{:032x}", hash.digest128()),
            mode: options.mode,
            compress: options.compress,
            shuffle: options.shuffle,
            block_size: options.block_size,
            chunk: options.chunk,
            repack: options.repack,
            flat_links: options.flat_links,
            portable: options.portable,
        })
    }

    /// What this asks for that an output made as `made` does not have; none if it will do. What is
    /// left to this program (`auto`) is content with what was chosen.
    pub fn missed_by(&self, made: &Self) -> Option<String> {
        if self.target != made.target {
            return Some(format!("made for target {}, not {}", made.target, self.target));
        }
        if self.rules != made.rules {
            return Some("made by other rules".to_owned());
        }
        let differs = [
            ("--compress", self.compress != made.compress),
            ("--shuffle", self.shuffle != made.shuffle),
            ("--block-size", self.block_size != made.block_size),
            ("--chunk", self.chunk != Chunking::Auto && self.chunk != made.chunk),
            ("--flat-links", self.flat_links != made.flat_links),
            ("--portable", self.portable != made.portable),
        ];
        if let Some((flag, _)) = differs.iter().find(|(_, differs)| *differs) {
            return Some(format!("made with another {flag}"));
        }
        let wanted = match self.mode {
            _ if self.repack => Some(Mode::Rewrite),
            Mode::Auto => None,
            mode => Some(mode),
        };
        (wanted.is_some_and(|wanted| wanted != made.mode))
            .then(|| "made in another mode (--mode, --repack)".to_owned())
    }
}

/// Versions of which it became known that they made wrong outputs; what they made is made again.
const WRONG: &[&str] = &[];

/// Whether outputs of this version of the program are held right.
pub fn outputs_hold(version: &str) -> bool {
    !WRONG.contains(&version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recipe_follows_what_is_in_rules_files_not_their_names() {
        let dir = tempfile::tempdir().unwrap();
        let [one, two] = ["one.toml", "two.toml"].map(|name| dir.path().join(name));
        fs::write(&one, "a").unwrap();
        fs::write(&two, "a").unwrap();
        let recipe = |rules: Vec<_>| Recipe::of(&Options { rules, ..Options::default() }).unwrap();
        let first = recipe(vec![one.clone()]);
        assert_eq!(first, recipe(vec![two.clone()]));
        assert_ne!(first, recipe(vec![]));
        assert_ne!(first, recipe(vec![one.clone(), two.clone()]));
        fs::write(&two, "b").unwrap();
        assert_ne!(first, recipe(vec![two.clone()]));
        assert_ne!(recipe(vec![one.clone(), two.clone()]), recipe(vec![two, one.clone()]));
        fs::remove_file(&one).unwrap();
        assert!(Recipe::of(&Options { rules: vec![one], ..Options::default() }).is_err());
    }

    #[test]
    fn auto_is_content_with_what_was_chosen() {
        let asked =
            |mode, repack| Recipe::of(&Options { mode, repack, ..Options::default() }).unwrap();
        let made = |mode| asked(mode, false);
        let patch = made(Mode::Patch);
        let rewrite = made(Mode::Rewrite);
        for (wanted, patched, rewritten) in [
            (asked(Mode::Auto, false), true, true),
            (asked(Mode::Patch, false), true, false),
            (asked(Mode::Rewrite, false), false, true),
            (asked(Mode::Auto, true), false, true),
        ] {
            assert_eq!(wanted.missed_by(&patch).is_none(), patched, "{wanted:?}");
            assert_eq!(wanted.missed_by(&rewrite).is_none(), rewritten, "{wanted:?}");
        }
        let zstd = Recipe { compress: Compress::Zstd(3), ..rewrite.clone() };
        assert_eq!(zstd.missed_by(&rewrite).as_deref(), Some("made with another --compress"));
        assert!(rewrite.missed_by(&zstd).is_some());
    }
}

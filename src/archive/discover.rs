//! What is found in an archive's directory.
//!
//! Every entry whose name is an output's is found, whatever it is: a directory or a pipe of that
//! name comes with its [`Obstacle`], so that it ends as a failed job and not as a silent gap.

use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// One file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its path below the archive's directory, with `/` between names: of a file directly in it, the
    /// name.
    pub name: String,
    /// Its output number, where its name has one.
    pub number: Option<u64>,
    /// Bytes of [`name`](Self::name) before the number, where it is one of a series of outputs.
    pub head: Option<usize>,
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes; 0 where there is an obstacle.
    pub bytes: u64,
    /// When it was last written to, where the file system tells.
    pub modified: Option<SystemTime>,
    /// Why it cannot be converted, where that shows from outside.
    pub obstacle: Option<Obstacle>,
}

impl Found {
    /// The directory that it is in, below the archive's; empty for that itself.
    pub fn dir(&self) -> &str {
        dir_of(&self.name)
    }

    /// What the names of its series begin with, the directory included; none if it is not numbered
    /// as an output.
    pub fn series(&self) -> Option<&str> {
        self.name.get(..self.head?)
    }
}

/// The directory in a relative path; empty if it has none.
pub fn dir_of(name: &str) -> &str {
    name.rsplit_once('/').map_or("", |(dir, _)| dir)
}

/// Why an entry with an output's name is not a file that can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// It is something else: `a directory`, `a pipe` ...
    NotAFile(&'static str),
    /// A symbolic link to something else.
    LinkTo(&'static str),
    /// A symbolic link to nothing.
    Dangling,
    /// The system would not tell about it.
    Unknown(String),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAFile(what) => write!(out, "it is {what}, not a file"),
            Self::LinkTo(what) => write!(out, "it is a symbolic link to {what}, not to a file"),
            Self::Dangling => out.write_str("it is a symbolic link to nothing"),
            Self::Unknown(why) => out.write_str(why),
        }
    }
}

/// An entry that may have been meant as an output but is not named as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// Its path below the archive's directory, which need not be UTF-8.
    pub name: OsString,
    /// Why it is left out.
    pub why: Why,
}

/// Why an entry is left out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Why {
    /// Its name is not UTF-8.
    NotText,
    /// Its number does not fit 64 bits.
    TooLarge,
    /// A directory whose name is not UTF-8.
    DirNotText,
    /// A symbolic link to a directory, of which all are left out below an archive.
    DirLink,
    /// A directory that was entered before, by another path.
    DirTwice,
    /// The directory of the outputs.
    Outputs,
    /// The directory of an earlier run's outputs, whose inputs lie in the archive, too.
    EarlierOutputs,
    /// Its name ends in `.jld2` but is not an output's.
    Foreign,
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::NotText => "the name is not UTF-8",
            Self::TooLarge => "the number does not fit 64 bits",
            Self::DirNotText => "a directory whose name is not UTF-8: not entered",
            Self::DirLink => "a symbolic link to a directory: not followed",
            Self::DirTwice => "the same directory as another one: not entered again",
            Self::Outputs => "the directory of the outputs: not entered",
            Self::EarlierOutputs => {
                "an earlier run made its files from others of this archive: not entered (as input of \
                 its own it is taken)"
            }
            Self::Foreign => "not named as an output of this archive",
        })
    }
}

/// A directory below the archive's that could not be listed: nobody knows what is in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unlisted {
    /// Its path below the archive's directory, as far as it is UTF-8.
    pub name: String,
    /// What the system says.
    pub error: String,
}

impl fmt::Display for Unlisted {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.name, self.error)
    }
}

/// What was found in a directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Archive {
    /// The files, directory by directory, by number and then by name.
    pub files: Vec<Found>,
    /// What may have been meant as an output, by reason and name.
    pub ignored: Vec<Ignored>,
    /// Files that are neither taken nor named as JLD2 files; those of [`Archive::others`] where they
    /// were asked for.
    pub other_files: u64,
    /// Paths of such files below the archive's directory, by name; empty unless they were asked for.
    pub others: Vec<OsString>,
    /// Directories in it that were not entered, for nobody asked for it; hidden ones left out.
    pub dirs: u64,
    /// Directories below it that could not be listed, by name.
    pub unlisted: Vec<Unlisted>,
}

/// Why a directory could not be listed.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct ArchiveError {
    pub(super) path: PathBuf,
    pub(super) source: io::Error,
}

impl ArchiveError {
    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Archive {
    /// The output numbers, file by file; one that several files carry appears as often.
    pub fn numbers(&self) -> Vec<u64> {
        self.files.iter().filter_map(|file| file.number).collect()
    }

    /// Files of one series that share their number with others, in groups of two and more.
    pub fn twins(&self) -> Vec<Vec<&Found>> {
        let mut groups: std::collections::BTreeMap<(&str, u64), Vec<&Found>> =
            std::collections::BTreeMap::new();
        for file in &self.files {
            if let (Some(series), Some(number)) = (file.series(), file.number) {
                groups.entry((series, number)).or_default().push(file);
            }
        }
        groups.into_values().filter(|group| group.len() > 1).collect()
    }

    /// Sum of the files' sizes in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes))
    }
}

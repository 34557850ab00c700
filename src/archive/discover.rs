//! Finds what is in an archive's directory.
//!
//! Every entry whose name is an output's is found, whatever it is: a directory or a pipe of that
//! name comes with its [`Obstacle`], so that it ends as a failed job and not as a silent gap.
//! Nothing is opened here: opening a pipe would block, and the worker that converts a file meets
//! whatever is wrong inside.

use super::{Name, classify};
use crate::sys::file::{may_pass, patiently};
use std::ffi::OsString;
use std::fmt;
use std::fs::{self, FileType};
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// One output file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Its name without the directory.
    pub name: String,
    /// Its output number.
    pub number: u64,
    /// Where it is.
    pub path: PathBuf,
    /// Its size in bytes; 0 where there is an obstacle.
    pub bytes: u64,
    /// When it was last written to, where the file system tells.
    pub modified: Option<SystemTime>,
    /// Why it cannot be converted, where that shows from outside.
    pub obstacle: Option<Obstacle>,
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
    /// Its name, which need not be UTF-8.
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
    /// Its name ends in `.jld2` but is not an output's.
    Foreign,
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::NotText => "the name is not UTF-8",
            Self::TooLarge => "the number does not fit 64 bits",
            Self::Foreign => "not named as an output of this archive",
        })
    }
}

/// What was found in a directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Archive {
    /// The outputs, by number and then by name.
    pub files: Vec<Found>,
    /// What may have been meant as an output, by name.
    pub ignored: Vec<Ignored>,
}

/// Why a directory could not be listed.
#[derive(Debug, thiserror::Error)]
#[error("{}: {source}", path.display())]
pub struct ArchiveError {
    path: PathBuf,
    source: io::Error,
}

impl Archive {
    /// The output numbers, ascending; one that several files carry appears as often.
    pub fn numbers(&self) -> Vec<u64> {
        self.files.iter().map(|file| file.number).collect()
    }

    /// Files that share their number with others, in groups of two and more.
    pub fn twins(&self) -> impl Iterator<Item = &[Found]> {
        self.files.chunk_by(|a, b| a.number == b.number).filter(|group| group.len() > 1)
    }

    /// Sum of the files' sizes in bytes.
    pub fn bytes(&self) -> u64 {
        self.files.iter().fold(0, |sum, file| sum.saturating_add(file.bytes))
    }
}

/// Lists the outputs named `<prefix>NNNNN.jld2` in `directory`. Hidden files are left out.
///
/// # Errors
/// Where the directory cannot be listed to its end.
pub fn discover(directory: &Path, prefix: &str) -> Result<Archive, ArchiveError> {
    let error = |source| ArchiveError { path: directory.to_owned(), source };
    let mut archive = Archive::default();
    // A listing that broke off half-way begins anew: file servers lose their place.
    let list = || fs::read_dir(directory)?.collect::<io::Result<Vec<_>>>();
    for entry in patiently(list).map_err(error)? {
        let name = entry.file_name();
        let why = match classify(&name, prefix) {
            Name::Output(number) => {
                archive.files.push(look_at(&entry, &name.to_string_lossy(), number));
                continue;
            }
            Name::Other => continue,
            Name::TooLarge => Why::TooLarge,
            Name::NotText => Why::NotText,
            Name::Foreign => Why::Foreign,
        };
        archive.ignored.push(Ignored { name, why });
    }
    archive.files.sort_by(|a, b| (a.number, &a.name).cmp(&(b.number, &b.name)));
    archive.ignored.sort_by(|a, b| (a.why, &a.name).cmp(&(b.why, &b.name)));
    Ok(archive)
}

fn look_at(entry: &fs::DirEntry, name: &str, number: u64) -> Found {
    let path = entry.path();
    let link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
    let mut found =
        Found { name: name.to_owned(), number, bytes: 0, modified: None, obstacle: None, path };
    match patiently(|| fs::metadata(&found.path)) {
        Ok(meta) if meta.is_file() => {
            found.bytes = meta.len();
            found.modified = meta.modified().ok();
        }
        Ok(meta) => {
            let what = kind_of(meta.file_type());
            found.obstacle =
                Some(if link { Obstacle::LinkTo(what) } else { Obstacle::NotAFile(what) });
        }
        Err(error) if link && error.kind() == io::ErrorKind::NotFound => {
            found.obstacle = Some(Obstacle::Dangling);
        }
        // Whoever converts it tries again, and says what is wrong.
        Err(error) if may_pass(&error) => {}
        Err(error) => found.obstacle = Some(Obstacle::Unknown(error.to_string())),
    }
    found
}

fn kind_of(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "a directory"
    } else if kind.is_fifo() {
        "a pipe"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_block_device() || kind.is_char_device() {
        "a device"
    } else {
        "something unknown"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::fs::symlink;
    use std::os::unix::net::UnixListener;

    fn found<'a>(archive: &'a Archive, name: &str) -> &'a Found {
        archive.files.iter().find(|file| file.name == name).unwrap()
    }

    #[test]
    fn lists_by_number() {
        let dir = tempfile::tempdir().unwrap();
        for (name, bytes) in
            [("output_00100.jld2", 3), ("output_00020.jld2", 5), ("output_3.jld2", 7)]
        {
            fs::write(dir.path().join(name), vec![0; bytes]).unwrap();
        }
        fs::write(dir.path().join("notes.txt"), "").unwrap();
        fs::write(dir.path().join(".output_00001.jld2"), "").unwrap();
        fs::create_dir(dir.path().join(".jldconv")).unwrap();
        let archive = discover(dir.path(), "output_").unwrap();
        assert_eq!(archive.numbers(), [3, 20, 100]);
        assert_eq!(archive.bytes(), 15);
        assert_eq!(archive.files[1].path, dir.path().join("output_00020.jld2"));
        assert!(archive.files.iter().all(|file| file.modified.is_some()));
        assert_eq!(archive.ignored, []);
        assert_eq!(discover(dir.path(), "other_").unwrap().ignored.len(), 3);
    }

    #[test]
    fn two_names_of_one_number_are_both_kept() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["output_42.jld2", "output_00042.jld2", "output_00043.jld2"] {
            fs::write(dir.path().join(name), "x").unwrap();
        }
        let archive = discover(dir.path(), "output_").unwrap();
        assert_eq!(archive.numbers(), [42, 42, 43]);
        let twins: Vec<_> = archive.twins().collect();
        assert_eq!(twins.len(), 1);
        assert_eq!(twins[0][0].name, "output_00042.jld2");
        assert_eq!(twins[0][1].name, "output_42.jld2");
    }

    #[test]
    fn what_is_no_file_comes_with_its_obstacle() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("output_00001.jld2")).unwrap();
        nix::unistd::mkfifo(&at("output_00002.jld2"), nix::sys::stat::Mode::S_IRWXU).unwrap();
        let _socket = UnixListener::bind(at("output_00003.jld2")).unwrap();
        symlink("nowhere", at("output_00004.jld2")).unwrap();
        symlink("output_00001.jld2", at("output_00005.jld2")).unwrap();
        symlink("output_00006.jld2", at("output_00006.jld2")).unwrap();
        symlink("/dev/null", at("output_00007.jld2")).unwrap();
        fs::write(at("elsewhere"), "four").unwrap();
        symlink("elsewhere", at("output_00008.jld2")).unwrap();
        let archive = discover(dir.path(), "output_").unwrap();
        let obstacles: Vec<_> = archive
            .files
            .iter()
            .map(|file| file.obstacle.as_ref().map_or_else(String::new, ToString::to_string))
            .collect();
        insta::assert_debug_snapshot!(obstacles, @r#"
        [
            "it is a directory, not a file",
            "it is a pipe, not a file",
            "it is a socket, not a file",
            "it is a symbolic link to nothing",
            "it is a symbolic link to a directory, not to a file",
            "Too many levels of symbolic links (os error 40)",
            "it is a symbolic link to a device, not to a file",
            "",
        ]
        "#);
        assert_eq!(found(&archive, "output_00008.jld2").bytes, 4);
    }

    #[test]
    fn tells_what_it_leaves_out() {
        let dir = tempfile::tempdir().unwrap();
        for name in [
            b"output_0000\xff.jld2".as_slice(),
            b"output_99999999999999999999.jld2",
            b"clumps.jld2",
            b"output_00001.JLD2",
            b"output_00001.jld2.tmp",
        ] {
            fs::write(dir.path().join(OsStr::from_bytes(name)), "").unwrap();
        }
        let archive = discover(dir.path(), "output_").unwrap();
        assert_eq!(archive.files, []);
        let ignored: Vec<_> =
            archive.ignored.iter().map(|it| (it.name.as_bytes(), it.why)).collect();
        assert_eq!(
            ignored,
            [
                (b"output_0000\xff.jld2".as_slice(), Why::NotText),
                (b"output_99999999999999999999.jld2", Why::TooLarge),
                (b"clumps.jld2", Why::Foreign),
                (b"output_00001.JLD2", Why::Foreign),
            ]
        );
    }

    #[test]
    fn a_directory_that_is_none_is_an_error_with_its_path() {
        let error = discover(Path::new("/nowhere/at/all"), "output_").unwrap_err();
        assert_eq!(error.to_string(), "/nowhere/at/all: No such file or directory (os error 2)");
    }
}

//! Mirrors the directories of an archive below the output directory.

use super::error::RunError;
use crate::sys::dir::{Dir, DirError, Missing};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs::File;
use std::path::{Component, Path};

/// The directories in which files of these relative `names` lie, and those above them, each before
/// those in it; without the directory itself.
fn dirs<'a>(names: impl Iterator<Item = &'a str>) -> BTreeSet<&'a Path> {
    let mut dirs = BTreeSet::new();
    for name in names {
        for dir in Path::new(name).ancestors().skip(1) {
            if dir.as_os_str().is_empty() || !dirs.insert(dir) {
                break;
            }
        }
    }
    dirs
}

/// Checks that nothing is in the way of directories for outputs of these `names` below `output`:
/// what is there of them are directories, not links. Nothing is written.
///
/// # Errors
/// What is in the way.
pub(crate) fn check<'a>(
    output: &Path,
    names: impl Iterator<Item = &'a str>,
) -> Result<(), RunError> {
    let dirs = dirs(names);
    if dirs.is_empty() || !output.exists() {
        return Ok(());
    }
    let root = Dir::open(output)?;
    for dir in dirs {
        match root.below(dir, Missing::Fail) {
            Ok(_) => {}
            Err(error) if error.is_missing() => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Makes what is missing of the directories for outputs of these `names` below `output`, each with
/// the permissions of the directory of that name below `input`, and waits until they are on the disk.
///
/// # Errors
/// Something is in the way; what the system says.
pub(crate) fn make<'a>(
    input: &Path,
    output: &Path,
    names: impl Iterator<Item = &'a str>,
) -> Result<(), RunError> {
    let dirs = dirs(names);
    if dirs.is_empty() {
        return Ok(());
    }
    let root = Dir::open(output)?;
    for dir in dirs {
        let Some(name) = dir.file_name() else { continue };
        let above = root.below(dir.parent().unwrap_or(Path::new("")), Missing::Fail)?;
        let path = input.join(dir);
        let like = File::open(&path).map_err(|source| DirError::Io {
            what: "open the directory",
            path,
            source,
        })?;
        above.make_like(name, &like)?;
    }
    Ok(())
}

/// Whether a path is one below a directory: plain names only, not those of our own files.
pub(crate) fn is_below(relative: &Path, own: &str) -> bool {
    let plain = |part: Component<'_>| matches!(part, Component::Normal(_));
    let first = relative.components().next();
    first.is_some_and(|first| first != Component::Normal(OsStr::new(own)))
        && relative.components().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn directories_come_with_their_permissions() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        fs::create_dir_all(at("in/a/b")).unwrap();
        fs::create_dir_all(at("in/c")).unwrap();
        fs::create_dir(at("out")).unwrap();
        for (name, mode) in [("in/a", 0o2750), ("in/a/b", 0o777), ("in/c", 0o555)] {
            fs::set_permissions(at(name), fs::Permissions::from_mode(mode)).unwrap();
        }
        let names = ["x.jld2", "a/x.jld2", "a/b/x.jld2", "a/b/y.jld2", "c/x.jld2"];
        make(&at("in"), &at("out"), names.into_iter()).unwrap();
        assert_eq!(mode(&at("out/a")), mode(&at("in/a")));
        assert_eq!(mode(&at("out/a/b")), 0o777, "whatever the umask");
        assert_eq!(mode(&at("out/c")), 0o755, "its owner has to write there");
        // What is there stays as it is, empty or in use.
        fs::write(at("out/a/b/x.jld2"), "x").unwrap();
        for name in ["out/a/b", "out/c"] {
            fs::set_permissions(at(name), fs::Permissions::from_mode(0o700)).unwrap();
        }
        make(&at("in"), &at("out"), names.into_iter()).unwrap();
        assert_eq!([mode(&at("out/a/b")), mode(&at("out/c"))], [0o700, 0o700]);
    }

    #[test]
    fn links_and_files_are_in_the_way() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for name in ["in/a/b", "out", "elsewhere"] {
            fs::create_dir_all(at(name)).unwrap();
        }
        let names = || ["a/b/x.jld2"].into_iter();
        check(&at("out"), names()).unwrap();
        check(&at("not/there"), names()).unwrap();
        symlink(at("elsewhere"), at("out/a")).unwrap();
        let error = check(&at("out"), names()).unwrap_err().to_string();
        assert!(error.ends_with("out/a: is a symbolic link"), "{error}");
        assert!(make(&at("in"), &at("out"), names()).is_err());
        assert!(!at("elsewhere/b").exists());
        fs::remove_file(at("out/a")).unwrap();
        fs::write(at("out/a"), "x").unwrap();
        assert!(
            check(&at("out"), names()).is_err() && make(&at("in"), &at("out"), names()).is_err()
        );
    }

    #[test]
    fn names_that_lead_elsewhere_are_none() {
        let below = |name: &str| is_below(Path::new(name), ".jldconv");
        assert!(below("a") && below("a/b") && below("a/.jldconv/b"));
        for name in ["", "/a", "..", "a/../b", ".jldconv/a", "./../a"] {
            assert!(!below(name), "{name}");
        }
    }
}

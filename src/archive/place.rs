//! Tells whether two directories are one, however they are spelled, and where one that is not there yet
//! would be.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// How an output directory lies to its input directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// They are the same directory.
    Same,
    /// They are two.
    Apart,
}

/// Tells whether `a` and `b` are the same directory: through links, `..`, bind mounts and all. One
/// that does not exist yet is another than one that does.
///
/// # Errors
/// Where the system will not tell about one that exists.
pub fn same_place(a: &Path, b: &Path) -> io::Result<Placement> {
    let identity = |path: &Path| match fs::metadata(path) {
        Ok(meta) => Ok(Some((meta.dev(), meta.ino()))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    Ok(match (identity(a)?, identity(b)?) {
        (Some(a), Some(b)) if a == b => Placement::Same,
        _ => Placement::Apart,
    })
}

/// The directory at `path`, or that in which it, or what leads to it, would be made; nothing if not even
/// the first of these is there.
pub fn nearest_dir(path: &Path) -> Option<PathBuf> {
    let named = |path| if path == Path::new("") { Path::new(".") } else { path };
    path.ancestors().map(named).find(|path| path.is_dir()).map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn what_is_not_there_would_be_in_something() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("in")).unwrap();
        assert_eq!(nearest_dir(&at("in")), Some(at("in")));
        assert_eq!(nearest_dir(&at("in/a/b")), Some(at("in")));
        assert_eq!(nearest_dir(Path::new("not/there")), Some(PathBuf::from(".")));
    }

    #[test]
    fn sees_through_spellings() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        fs::create_dir(at("in")).unwrap();
        fs::create_dir(at("in/out")).unwrap();
        symlink("in", at("link")).unwrap();
        let place = |a: &str, b: &str| same_place(&at(a), &at(b)).unwrap();
        assert_eq!(place("in", "in/"), Placement::Same);
        assert_eq!(place("in", "./in/../link/."), Placement::Same);
        assert_eq!(place("in", "in/out"), Placement::Apart);
        assert_eq!(place("in", "not/there/yet"), Placement::Apart);
        assert_eq!(place("not", "not"), Placement::Apart);
    }
}

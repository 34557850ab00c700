//! Records what `stat` tells of a file: enough to know, without reading it, that nobody touched it.

use rustix::fs::{AtFlags, CWD, Stat};
use serde::{Deserialize, Serialize};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Inode number, size and times of a file. Device numbers are left out: they change when a file
/// system is mounted anew, and these data are kept in journals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct StatData {
    /// Inode number.
    pub ino: u64,
    /// Length in bytes.
    pub size: u64,
    /// When the content was last changed, in nanoseconds since 1970. Programs can set it.
    pub mtime_ns: i64,
    /// When content or inode were last changed, in nanoseconds since 1970. Nobody can set it.
    pub ctime_ns: i64,
}

fn nanoseconds(seconds: i64, nanos: i64) -> i64 {
    seconds.saturating_mul(1_000_000_000).saturating_add(nanos)
}

impl StatData {
    /// Those of an open file.
    ///
    /// # Errors
    /// What the system says.
    pub fn of(file: &File) -> io::Result<Self> {
        file.metadata().map(|metadata| Self::from_metadata(&metadata))
    }

    /// Those of the file at `path`, links followed.
    ///
    /// # Errors
    /// What the system says.
    pub fn at(path: &Path) -> io::Result<Self> {
        std::fs::metadata(path).map(|metadata| Self::from_metadata(&metadata))
    }

    /// Those of whatever is at `path`, a link not followed, and whether it is a regular file;
    /// `None` if nothing is there.
    ///
    /// # Errors
    /// What the system says.
    pub fn entry(path: &Path) -> io::Result<Option<(Self, rustix::fs::FileType)>> {
        match rustix::fs::statat(CWD, path, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => {
                let kind = rustix::fs::FileType::from_raw_mode(stat.st_mode);
                Ok(Some((Self::from_stat(&stat), kind)))
            }
            Err(rustix::io::Errno::NOENT | rustix::io::Errno::NOTDIR) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Those that `metadata` tells.
    pub fn from_metadata(metadata: &Metadata) -> Self {
        Self {
            ino: metadata.ino(),
            size: metadata.len(),
            mtime_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
            ctime_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    #[expect(
        clippy::useless_conversion,
        clippy::cast_possible_wrap,
        reason = "the fields' types differ from platform to platform"
    )]
    pub(super) fn from_stat(stat: &Stat) -> Self {
        Self {
            ino: stat.st_ino.into(),
            size: u64::try_from(stat.st_size).unwrap_or(0),
            mtime_ns: nanoseconds(stat.st_mtime.into(), stat.st_mtime_nsec as i64),
            ctime_ns: nanoseconds(stat.st_ctime.into(), stat.st_ctime_nsec as i64),
        }
    }

    /// Whether both are of one inode with one size and one time of modification: a rename or a
    /// link changes no more than the rest.
    pub fn same_but_for_ctime(&self, other: &Self) -> bool {
        self.ino == other.ino && self.same_size_and_mtime(other)
    }

    /// Whether size and time of modification are equal, as a careful copy leaves them.
    pub fn same_size_and_mtime(&self, other: &Self) -> bool {
        self.size == other.size && self.mtime_ns == other.mtime_ns
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::FileType;
    use std::fs;

    #[test]
    fn all_ways_tell_the_same() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, b"abc").unwrap();
        let open = StatData::of(&File::open(&path).unwrap()).unwrap();
        assert_eq!(StatData::at(&path).unwrap(), open);
        assert_eq!(StatData::entry(&path).unwrap(), Some((open, FileType::RegularFile)));
        assert_eq!(open.size, 3);
        assert_eq!(StatData::entry(&dir.path().join("none")).unwrap(), None);
        std::os::unix::fs::symlink(&path, dir.path().join("link")).unwrap();
        let (link, kind) = StatData::entry(&dir.path().join("link")).unwrap().unwrap();
        assert_eq!(kind, FileType::Symlink);
        assert_ne!(link.ino, open.ino);
    }

    #[test]
    fn a_content_under_the_old_time_shows() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, b"abc").unwrap();
        let before = StatData::at(&path).unwrap();
        let mtime = fs::metadata(&path).unwrap().modified().unwrap();
        // The kernel's clock for files ticks some hundred times a second.
        std::thread::sleep(std::time::Duration::from_millis(30));
        fs::write(&path, b"abd").unwrap();
        File::options().write(true).open(&path).unwrap().set_modified(mtime).unwrap();
        let after = StatData::at(&path).unwrap();
        assert!(before.same_but_for_ctime(&after) && before != after);
    }
}

//! A directory for the outputs of a sample, on the file system where the real ones go.

use crate::archive::nearest_dir;
use crate::sys::file_system::FileSystem;
use crate::sys::random;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// The directory; it is removed with all that is in it.
#[derive(Debug)]
pub struct SamplePlace {
    path: PathBuf,
    /// What kind of file system it is on, for instance `ext4`.
    pub kind: String,
    /// Bytes free there.
    pub free: u64,
}

impl SamplePlace {
    /// A directory below `dir`, or below what is there of the path to it.
    ///
    /// # Errors
    /// None can be made there.
    pub fn new(dir: &Path) -> io::Result<Self> {
        let parent = nearest_dir(dir).ok_or(io::ErrorKind::NotFound)?;
        let system = FileSystem::of(&parent)?;
        let name = format!(".jldconv-sample-{:016x}", u64::from_ne_bytes(random::bytes()?));
        let path = std::path::absolute(parent.join(name))?;
        DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { path, kind: system.kind.clone(), free: system.free })
    }

    /// A directory in it that is not there yet.
    pub fn below(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes what is in it.
    pub fn clear(&self) {
        for entry in fs::read_dir(&self.path).into_iter().flatten().flatten() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

impl Drop for SamplePlace {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

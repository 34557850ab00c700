//! A directory for the outputs of a sample, on the file system where the real ones go.

use crate::archive::nearest_dir;
use crate::sys::file_system::FileSystem;
use crate::sys::scratch::{Scratch, remove_left};
use std::io;
use std::path::{Path, PathBuf};

/// The directory; it is removed with all that is in it.
#[derive(Debug)]
pub struct SamplePlace {
    scratch: Scratch,
    /// What kind of file system it is on, for instance `ext4`.
    pub kind: String,
    /// Bytes free there.
    pub free: u64,
}

impl SamplePlace {
    /// A directory below `dir`, or below what is there of the path to it. What killed processes left
    /// there goes before.
    ///
    /// # Errors
    /// None can be made there.
    pub fn new(dir: &Path) -> io::Result<Self> {
        let parent = nearest_dir(dir).ok_or(io::ErrorKind::NotFound)?;
        remove_left(dir);
        let system = FileSystem::of(&parent)?;
        let scratch = Scratch::new(&parent)?;
        Ok(Self { scratch, kind: system.kind.clone(), free: system.free })
    }

    /// A directory in it that is not there yet.
    pub fn below(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.scratch.path()
    }

    /// Removes what is in it.
    pub fn clear(&self) {
        self.scratch.clear();
    }
}

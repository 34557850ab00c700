//! A file that appears under its name only when it is whole and on the disk.

use crate::convert::temp::{Owner, TempName};
use crate::sys::dir::Dir;
use crate::sys::failpoint::Step;
use crate::sys::file::usual_mode;
use std::ffi::OsString;
use std::fs::{File, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// Bytes that are written at once.
const BUFFER: usize = 256 << 10;

/// A file in the making, beside the name that it will have.
#[derive(Debug)]
pub struct NewFile {
    dir: Dir,
    temp: OsString,
    name: OsString,
    out: BufWriter<File>,
    published: bool,
}

impl NewFile {
    /// Begins a file that will be called `path`.
    ///
    /// # Errors
    /// If something has that name already, or the directory cannot be written to.
    pub fn create(path: &Path) -> io::Result<Self> {
        let odd = || io::Error::other(format!("{}: not the name of a file", path.display()));
        let name = path.file_name().ok_or_else(odd)?.to_owned();
        let parent = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let dir = Dir::open(parent).map_err(io::Error::other)?;
        if dir.entry(&name).map_err(io::Error::other)?.is_some() {
            return Err(io::Error::other(taken(path)));
        }
        let temp = TempName::new("one", Owner::myself()?, 0).map_err(io::Error::other)?;
        let temp = OsString::from(format!(".{temp}"));
        let file = dir.create(&temp, Step::Create).map_err(io::Error::other)?;
        let out = BufWriter::with_capacity(BUFFER, file);
        Ok(Self { dir, temp, name, out, published: false })
    }

    /// Puts it on the disk and gives it its name.
    ///
    /// # Errors
    /// If it cannot be written, or the name was taken meanwhile.
    pub fn publish(mut self) -> io::Result<()> {
        self.out.flush()?;
        let file = self.out.get_ref();
        file.set_permissions(Permissions::from_mode(usual_mode()))?;
        file.sync_all()?;
        let renamed = self.dir.rename_new(&self.temp, &self.dir, &self.name);
        renamed.map_err(io::Error::other)?;
        self.published = true;
        self.dir.sync().map_err(io::Error::other)
    }
}

fn taken(path: &Path) -> String {
    format!("{}: it exists; nothing is replaced, name another file", path.display())
}

impl Write for NewFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for NewFile {
    fn drop(&mut self) {
        if !self.published {
            let _ = self.dir.remove(&self.temp);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn it_is_there_when_it_is_whole_and_replaces_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        let mut file = NewFile::create(&path).unwrap();
        file.write_all(b"whole").unwrap();
        assert!(!path.exists());
        file.publish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole");
        let error = NewFile::create(&path).unwrap_err().to_string();
        assert!(error.ends_with("it exists; nothing is replaced, name another file"), "{error}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_name_that_is_taken_meanwhile_stays_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.txt");
        let mut file = NewFile::create(&path).unwrap();
        file.write_all(b"mine").unwrap();
        fs::write(&path, "another's").unwrap();
        assert!(file.publish().is_err());
        assert_eq!(fs::read(&path).unwrap(), b"another's");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn what_is_given_up_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        drop(NewFile::create(&dir.path().join("a.txt")).unwrap());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}

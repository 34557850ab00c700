//! Holds an input that is open, and what is to be done to it; says why it cannot be read.

use super::{Failure, FailureKind, help, scratch};
use crate::h5::{self, ErrorKind, File, Region, Source};
use crate::julia::{KnownTypes, Paths, TypeTable};
use crate::migrate::Migration;
use crate::sys::file::{Identity, may_pass};
use crate::sys::stat::StatData;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;

/// An input that is open, and what is to be done to it.
pub(super) struct Planned {
    pub(super) file: File,
    pub(super) identity: Identity,
    /// What `stat` told when it was opened.
    pub(super) stat: StatData,
    pub(super) migration: Migration,
    /// Digest of its metadata, if it was asked for and could be taken.
    pub(super) digest: Option<String>,
    /// The committed types that were read of it, and from what.
    pub(super) types: Arc<KnownTypes>,
    /// Which bytes are in use, of a small file that is not to be changed; else none.
    pub(super) regions: Vec<Region>,
    /// The linked datasets that can be read, if they were listed while it was planned.
    pub(super) datasets: Option<Arc<Paths>>,
    /// Whether all of it is laid out again.
    pub(super) rewritten: bool,
    /// Whether each table must have a group with links to its columns afterwards.
    pub(super) flat_links: bool,
    /// Whether all must be open to HDF5 afterwards that metadata can open.
    pub(super) portable: bool,
}

impl Planned {
    /// The file as the edits would leave it.
    pub(super) fn as_planned(&self) -> h5::Result<File> {
        if self.migration.edits.is_none() {
            return self.file.again();
        }
        self.file.revised(self.edited(self.file.source().again()?))
    }

    /// The bytes of the file as the edits would leave it. What planning has read of it is not read
    /// again.
    pub(super) fn planned_bytes(&self) -> h5::Result<Source> {
        Ok(self.edited(self.file.source().shared()?))
    }

    /// The bytes of `source`, which is the file, as the edits would leave it.
    pub(super) fn edited(&self, source: Source) -> Source {
        match &self.migration.edits {
            Some(edits) => edits.laid_over(source),
            None => source,
        }
    }

    /// The types of the file as it is, under the names that the edits give them.
    pub(super) fn renamed_types(&self) -> TypeTable<'_> {
        if self.migration.renames.names.is_empty() {
            TypeTable::with_known(&self.file, Arc::clone(&self.types))
        } else {
            TypeTable::with_renames(&self.file, self.migration.renames.clone())
        }
    }
}

/// A file that cannot be read as it must be.
pub(crate) fn read_failure(path: &Path, error: &h5::Error) -> Failure {
    Failure::new(fault_of_read(error), format!("{}: {error}{}", path.display(), help(error)))
}

/// What is at fault if an input cannot be read.
pub(crate) fn fault_of_read(error: &h5::Error) -> FailureKind {
    match error.kind() {
        ErrorKind::Io(e) | ErrorKind::Scratch { error: e, .. }
            if e.kind() == std::io::ErrorKind::OutOfMemory =>
        {
            FailureKind::Memory
        }
        ErrorKind::Scratch { directory, error, .. } => scratch::fault(directory, error),
        _ if cause_may_pass(error) => FailureKind::Read,
        ErrorKind::Cancelled => FailureKind::Cancelled,
        ErrorKind::Output(_) => FailureKind::Internal,
        _ => FailureKind::Input,
    }
}

/// Fails if an input that is open is not what it was: one that somebody wrote to meanwhile gives an
/// output that never was.
pub(super) fn check_unchanged(
    path: &Path,
    input: &fs::File,
    identity: &Identity,
) -> Result<(), Failure> {
    let now = Identity::of(input)
        .map_err(|e| Failure::new(FailureKind::of_read(&e), format!("{}: {e}", path.display())))?;
    if now == *identity {
        return Ok(());
    }
    let message = format!("{}: somebody changed it while it was read", path.display());
    Err(Failure::new(FailureKind::Input, message))
}

/// Whether at the bottom of an error there is one of reading that may pass. A decoder in between
/// only knows that its input failed.
fn cause_may_pass(error: &(dyn std::error::Error + 'static)) -> bool {
    if let Some(error) = error.downcast_ref::<io::Error>() {
        let inner = error.get_ref().map(|inner| inner as &(dyn std::error::Error + 'static));
        return may_pass(error) || inner.is_some_and(cause_may_pass);
    }
    error.source().is_some_and(cause_may_pass)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec;
    use std::fs;
    use std::io::Read as _;

    /// A source of 4 MiB whose every byte is a real I/O error: nothing is mapped there.
    fn unreadable() -> Source {
        Source::of_len(fs::File::open("/proc/self/mem").unwrap(), 4 << 20)
    }

    #[test]
    fn an_error_of_reading_is_known_through_all_that_is_above_it() {
        let source = unreadable();
        let fault = |error: h5::Error| read_failure(Path::new("x"), &error).fault;
        assert_eq!(
            fault(source.read(0, 8, "header").unwrap_err()),
            FailureKind::Read,
            "by the cache"
        );
        assert_eq!(
            fault(source.read(0, 1 << 20, "heap").unwrap_err()),
            FailureKind::Read,
            "past it"
        );
        assert_eq!(fault(File::from_source(unreadable()).unwrap_err()), FailureKind::Read);
        for (len, piece) in [(100, 10), (1 << 20, 10), (1 << 20, 1 << 20)] {
            let read = source.stream(0, len, "data").unwrap().read(&mut vec![0; piece]);
            let error = read.unwrap_err();
            assert_eq!(fault(h5::Error::payload(0, error)), FailureKind::Read, "{len} {piece}");
            let error = source.stream(0, len, "data").unwrap().read(&mut vec![0; piece]);
            let codec = codec::Error::Io { at: None, source: error.unwrap_err() };
            assert_eq!(fault(h5::Error::payload(0, codec)), FailureKind::Read, "{len} {piece}");
        }
        assert_eq!(source.read_error().unwrap().raw_os_error(), Some(libc::EIO));
        let above = Source::overlay(unreadable(), 1 << 20, Vec::new(), Vec::new());
        assert!(above.read_error().is_none() && above.read(0, 8, "header").is_err());
        assert!(above.read_error().is_some(), "it is known above an overlay, too");
        let missing = Source::open(Path::new("/nowhere")).unwrap_err();
        assert_eq!(fault(missing), FailureKind::Input);
        let short = Source::from_bytes(vec![0; 3]).read(0, 8, "header").unwrap_err();
        assert_eq!(fault(short), FailureKind::Input);
        let error = codec::Error::Io { at: None, source: io::ErrorKind::UnexpectedEof.into() };
        assert_eq!(fault(h5::Error::payload(0, error)), FailureKind::Input, "it was cut");
    }
}

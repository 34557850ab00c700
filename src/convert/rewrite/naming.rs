//! Finds which object an error is about.

use super::RewriteError;
use crate::h5::{Error, File, Layout, Object, Result, Trace, Visitor};

/// Looks for the object whose stored data an offset is in.
struct Search<'a> {
    file: &'a File,
    offset: u64,
    path: Option<String>,
}

impl Visitor for Search<'_> {
    fn object(&mut self, object: &Object, path: &str) -> Result<()> {
        let Some(dataset) = object.dataset() else { return Ok(()) };
        let size = match &dataset.layout {
            Layout::Chunk(chunk) => chunk.size,
            Layout::Contiguous { size, .. } => *size,
            Layout::Compact { .. } => return Ok(()),
        };
        let Some(start) = self.file.stored_offset(dataset)? else { return Ok(()) };
        if self.offset.checked_sub(start).is_some_and(|n| n < size.max(1)) {
            self.path = Some(path.to_owned());
            return Err(Error::cancelled());
        }
        Ok(())
    }
}

/// Names the object whose data cannot be read. Only an error costs this walk over the file.
pub(super) fn named(file: &File, error: RewriteError) -> RewriteError {
    let RewriteError::Input(error) = error else { return error };
    let Some(offset) = error.offset() else { return error.into() };
    let mut search = Search { file, offset, path: None };
    let _ = Trace::run(file, &mut search);
    match search.path {
        Some(path) => error.in_object(&path).into(),
        None => error.into(),
    }
}

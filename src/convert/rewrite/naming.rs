//! Finds which object an error is about.

use super::RewriteError;
use crate::h5::{Error, File, Layout, Object, Region, RegionKind, Result, Trace, Visitor};

/// Looks for the object whose header or stored data an offset is in.
struct Search<'a> {
    file: &'a File,
    offset: u64,
    /// The dataset that the walk is at.
    current: String,
    path: Option<String>,
}

impl Search<'_> {
    /// Whether the offset is in the header of an object, or in what it keeps elsewhere.
    fn is_inside(&self, object: &Object) -> bool {
        let chunks = object.header.chunks.iter().map(|c| (c.offset, c.end()));
        let storage = object.header.storage.iter().filter_map(Result::ok);
        chunks
            .chain(storage.map(|s| (s.start, s.end)))
            .any(|(start, end)| (start..end).contains(&self.offset))
    }
}

impl Visitor for Search<'_> {
    fn object(&mut self, object: &Object, path: &str) -> Result<()> {
        if self.is_inside(object) {
            self.path = Some(path.to_owned());
            return Err(Error::cancelled());
        }
        let Some(dataset) = object.dataset() else { return Ok(()) };
        if matches!(dataset.layout, Layout::Compact { .. }) {
            return Ok(());
        }
        path.clone_into(&mut self.current);
        // Errors may be about the address of the data, too.
        let at = self.file.stored_offset(dataset)?;
        if at == Some(self.offset) { self.found() } else { Ok(()) }
    }

    fn region(&mut self, region: Region) -> Result<()> {
        let data =
            matches!(region.kind, RegionKind::Payload | RegionKind::References | RegionKind::Index);
        if data && (region.start..region.end).contains(&self.offset) {
            return self.found();
        }
        Ok(())
    }
}

impl Search<'_> {
    fn found(&mut self) -> Result<()> {
        self.path = Some(std::mem::take(&mut self.current));
        Err(Error::cancelled())
    }
}

/// Names the object whose data cannot be read. Only an error costs this walk over the file.
pub(super) fn named(file: &File, error: RewriteError) -> RewriteError {
    let RewriteError::Input(error) = error else { return error };
    let Some(offset) = error.offset() else { return error.into() };
    let mut search = Search { file, offset, current: String::new(), path: None };
    let _ = Trace::run(file, &mut search);
    match search.path {
        Some(path) => error.in_object(&path).into(),
        None => error.into(),
    }
}

//! Counts the wrong checksums of a file that were let pass.

use crate::h5::{Checked, Error, File, Object, Result, Trace, Visitor};

/// How many wrong checksums there are in all that is linked and can be read. What cannot be read is not
/// in the count: its own error says so.
pub(super) fn count(file: &File) -> u64 {
    let mut headers = Headers::default();
    // Where the walk ends early, the comparison has told why.
    let _ = Trace::run(file, &mut headers);
    let superblock = u64::from(file.superblock().checked == Checked::Wrong);
    headers.wrong + file.wrong_checksums().len() as u64 + superblock
}

#[derive(Default)]
struct Headers {
    wrong: u64,
}

impl Visitor for Headers {
    fn object(&mut self, object: &Object, _: &str) -> Result<()> {
        let chunks = object.header.chunks.iter();
        self.wrong += chunks.filter(|chunk| chunk.checked == Checked::Wrong).count() as u64;
        Ok(())
    }

    fn foreign(&mut self, _: &str, error: Error) -> Result<()> {
        if error.is_foreign_dataset() { Ok(()) } else { Err(error) }
    }
}

//! Finds the holes of a sparse file: stretches that were never written, read as zeros, and take no
//! space. Who knows where they are need not read them.

use rustix::fs::SeekFrom;
use rustix::io::Errno;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::MetadataExt;

/// Whether a file may have holes: only one with fewer blocks than bytes can. One without answers
/// nothing else is asked about.
///
/// # Errors
/// What the system says.
pub fn may_have(file: &File) -> io::Result<bool> {
    let metadata = file.metadata()?;
    Ok(metadata.blocks().saturating_mul(512) < metadata.len())
}

/// The next stretch from `offset` on that is not a hole, up to `end`: all of it where the file system
/// does not tell; none if only a hole is left. What the file was last written is taken into account,
/// synced or not.
pub fn next_data(file: &File, offset: u64, end: u64) -> Option<Range<u64>> {
    if offset >= end {
        return None;
    }
    let start = match rustix::fs::seek(file, SeekFrom::Data(offset)) {
        Ok(start) => start.max(offset),
        Err(Errno::NXIO) => return None,
        Err(_) => return Some(offset..end),
    };
    let stop = rustix::fs::seek(file, SeekFrom::Hole(start)).unwrap_or(end);
    (start < end).then_some(start..stop.max(start).min(end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::FileExt;

    #[test]
    fn holes_and_data_follow_one_another() {
        let file = tempfile::tempfile_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        file.write_all_at(&[1; 100], 8 << 20).unwrap();
        file.set_len(32 << 20).unwrap();
        let len = 32 << 20;
        if next_data(&file, 0, len).is_some_and(|data| data.start == 0) {
            eprintln!("the file system has no holes: skipped");
            return;
        }
        assert!(may_have(&file).unwrap());
        let data = next_data(&file, 0, len).unwrap();
        assert!(data.start <= 8 << 20 && data.end >= (8 << 20) + 100 && data.end < len, "{data:?}");
        assert_eq!(next_data(&file, data.end, len), None);
        assert_eq!(
            next_data(&file, (8 << 20) + 50, (8 << 20) + 60),
            Some((8 << 20) + 50..(8 << 20) + 60)
        );
        assert_eq!(next_data(&file, 0, 100), None);
        let full = tempfile::tempfile_in(env!("CARGO_MANIFEST_DIR")).unwrap();
        full.write_all_at(&[0; 1 << 16], 0).unwrap();
        assert_eq!(next_data(&full, 5, 1 << 16), Some(5..1 << 16));
    }
}

//! Keeps data from being replaced by what a run tells of itself: a report, a table, a log.

use crate::h5::{JLD2_OFFSET, SIGNATURE};
use std::fs::OpenOptions;
use std::io::{self, Read as _};
use std::iter;
use std::os::unix::fs::{FileExt as _, OpenOptionsExt as _};
use std::path::Path;

/// How JLD2 files begin, those too that were never closed but for their first bytes.
const JLD2: &[u8] = b"HDF5-based Julia Data Format";
/// How names of data files end.
const ENDINGS: [&str; 5] = ["jld2", "jld", "h5", "hdf5", "mat"];

/// Refuses a path that is named as a data file, or where one is.
///
/// # Errors
/// If it is; if a file is there that cannot be looked at.
pub(super) fn spare(path: &Path) -> io::Result<()> {
    let ending = path.extension().map(std::ffi::OsStr::to_ascii_lowercase);
    if ending.is_some_and(|it| ENDINGS.iter().any(|known| it == *known)) {
        return Err(refused("its name is that of a data file"));
    }
    // What blocks is a pipe, and no data file.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) if file.metadata()?.is_file() => file,
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        // What may be written but not read was made to be written.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut text = Vec::new();
    (&file).take(JLD2.len() as u64).read_to_end(&mut text)?;
    let mut data = text == JLD2;
    // HDF5 looks for its signature at the beginning and at all powers of two from 512 on.
    let behind = iter::successors(Some(JLD2_OFFSET), |place| place.checked_mul(2));
    for place in iter::once(0).chain(behind) {
        let mut found = vec![0; SIGNATURE.len()];
        match file.read_exact_at(&mut found, place) {
            Ok(()) => data |= found == SIGNATURE,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => break,
            Err(error) => return Err(error),
        }
    }
    if data { Err(refused("a data file is there")) } else { Ok(()) }
}

fn refused(why: &str) -> io::Error {
    let message = format!("{why}, and nothing else is put in its place: name another file");
    io::Error::new(io::ErrorKind::AlreadyExists, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn data_are_spared_and_reports_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let put = |name: &str, bytes: &[u8]| {
            let path = dir.path().join(name);
            fs::write(&path, bytes).unwrap();
            spare(&path).is_ok()
        };
        assert!(put("report.json", b"{}") && put("empty.html", b"") && put("log", &[0; 9000]));
        assert!(!put("renamed.json", &[&[0; 512][..], SIGNATURE].concat()));
        assert!(!put("plain.csv", SIGNATURE) && !put("far", &[&[0; 2048][..], SIGNATURE].concat()));
        assert!(!put("never-closed.json", &[JLD2, &[0; 100]].concat()));
        assert!(!put("output_00001.JLD2", b"") && spare(&dir.path().join("new.h5")).is_err());
        assert!(spare(&dir.path().join("new.json")).is_ok());
        assert!(spare(Path::new("/dev/null")).is_ok());
    }
}

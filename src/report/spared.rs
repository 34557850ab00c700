//! Keeps data from being replaced by what a run tells of itself: a report, a table, a log.

use std::fs::OpenOptions;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// How HDF5 files begin, behind a block of the user's own if they have one.
const SIGNATURE: [u8; 8] = *b"\x89HDF\r\n\x1a\n";
/// How JLD2 files begin, those too that were never closed but for their first bytes.
const JLD2: &[u8] = b"HDF5-based Julia Data Format";
/// Where the signature may stand: at the beginning, or so far behind it. JLD2 has 512.
const PLACES: [u64; 6] = [0, 512, 1024, 2048, 4096, 8192];
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
    let mut file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Ok(file) if file.metadata()?.is_file() => file,
        Ok(_) => return Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        // What may be written but not read was made to be written.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => return Ok(()),
        Err(error) => return Err(error),
    };
    let len = file.metadata()?.len();
    for place in PLACES {
        let mut found = vec![0; JLD2.len()];
        file.seek(SeekFrom::Start(place))?;
        let mut read = 0;
        while let Some(rest @ [_, ..]) = found.get_mut(read..) {
            match file.read(rest)? {
                0 => break,
                count => read += count,
            }
        }
        let julia = place == 0 && found == JLD2;
        if found.starts_with(&SIGNATURE) || julia {
            return Err(refused("a data file is there"));
        }
        if len <= place {
            break;
        }
    }
    Ok(())
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
        assert!(!put("renamed.json", &[&[0; 512][..], &SIGNATURE].concat()));
        assert!(
            !put("plain.csv", &SIGNATURE) && !put("far", &[&[0; 2048][..], &SIGNATURE].concat())
        );
        assert!(!put("never-closed.json", &[JLD2, &[0; 100]].concat()));
        assert!(!put("output_00001.JLD2", b"") && spare(&dir.path().join("new.h5")).is_err());
        assert!(spare(&dir.path().join("new.json")).is_ok());
        assert!(spare(Path::new("/dev/null")).is_ok());
    }
}

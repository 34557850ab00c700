//! Tells what a file is that cannot be read as JLD2.

use crate::convert::help;
use crate::h5::{Checksums, Error, ErrorKind, File, SIGNATURE, Source, Superblock};
use crate::inspect::model::{Kind, Refusal};
use std::io::ErrorKind::NotFound;
use std::path::Path;

/// Opens the file at `path`, with checksums that decide or not, or says what it is instead.
pub(in crate::inspect) fn open_with(path: &Path, checksums: Checksums) -> Result<File, Refusal> {
    let source = Source::open(path).map_err(|e| of(path, None, Kind::Unreadable, &e))?;
    let bytes = source.len();
    let instead = Superblock::read(&source, checksums).err().map(|e| (unlike(&source, &e), e));
    match instead {
        Some((kind, error)) => Err(of(path, Some(bytes), kind, &error)),
        None => File::with_checksums(source, checksums)
            .map_err(|e| of(path, Some(bytes), Kind::Damaged, &e)),
    }
}

/// As [`open_with`], and files of JLD.jl, too.
pub(in crate::inspect) fn open_any(path: &Path, checksums: Checksums) -> Result<File, Refusal> {
    match open_with(path, checksums) {
        Err(refusal) if refusal.kind == Kind::Jld1 => Source::open(path)
            .and_then(|source| File::of_any_julia(source, checksums))
            .map_err(|error| of(path, refusal.bytes, Kind::Damaged, &error)),
        opened => opened,
    }
}

/// A refusal of a file that opened well, for something in it.
pub(in crate::inspect) fn inside(path: &Path, bytes: u64, error: &Error) -> Refusal {
    let kind = match error.kind() {
        ErrorKind::Io(_) | ErrorKind::Scratch { .. } | ErrorKind::TooLarge { .. } => {
            Kind::Unreadable
        }
        ErrorKind::Foreign { .. } => Kind::Hdf5,
        _ => Kind::Damaged,
    };
    of(path, Some(bytes), kind, error)
}

fn of(path: &Path, bytes: Option<u64>, kind: Kind, error: &Error) -> Refusal {
    let error = match (kind, error.kind()) {
        (_, ErrorKind::Io(e)) if bytes.is_none() && e.kind() == NotFound => {
            missing(path).to_owned()
        }
        (_, ErrorKind::Io(e)) if bytes.is_none() => format!("cannot be opened: {e}"),
        (_, _) => format!("{error}{}", help(error)),
    };
    Refusal { path: path.display().to_string(), bytes, kind, error }
}

/// What to say of a path that leads nowhere.
fn missing(path: &Path) -> &'static str {
    if path.is_symlink() { "it is a symbolic link to nothing" } else { "there is no such file" }
}

/// What a file without a superblock of JLD2's is.
fn unlike(source: &Source, error: &Error) -> Kind {
    match error.kind() {
        ErrorKind::Io(_) => return Kind::Unreadable,
        ErrorKind::Corrupt { .. } | ErrorKind::Unclosed { .. } => return Kind::Damaged,
        ErrorKind::NotJld2 { reason } if reason.contains("JLD.jl") => return Kind::Jld1,
        _ => {}
    }
    let start = source.read(0, SIGNATURE.len(), "signature").unwrap_or_default();
    let hdf5 = start == SIGNATURE || error.is_foreign();
    if hdf5 { Kind::Hdf5 } else { Kind::Unknown }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_are_none_of_jld2s_are_told_apart() {
        let open = |path: &Path| open_with(path, Checksums::Trusted);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("output_00001.jld2");
        let kind = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            open(&path).map(|_| ()).unwrap_err().kind
        };
        assert_eq!(kind(b""), Kind::Unknown);
        assert_eq!(kind(&[0; 2000]), Kind::Damaged);
        assert_eq!(kind(b"hello, world"), Kind::Unknown);
        // In several parts, as the driver information block says.
        let mut parts = vec![0; 128];
        parts[..8].copy_from_slice(SIGNATURE);
        parts[13..15].copy_from_slice(&[8, 8]);
        parts[40] = 128;
        assert_eq!(kind(&parts), Kind::Hdf5);
        assert_eq!(open(&dir.path().join("none")).map(|_| ()).unwrap_err().kind, Kind::Unreadable);
        let refusal = open(dir.path()).map(|_| ()).unwrap_err();
        assert!(refusal.error.contains("a directory"), "{}", refusal.error);
    }
}

//! Tells what a file is that cannot be read as JLD2.

use crate::convert::help;
use crate::h5::{Checksums, Cursor, Error, ErrorKind, File, RelAddr, Source, Superblock};
use crate::inspect::model::{Kind, Refusal};
use std::path::Path;

const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";
/// Names that are looked at in an old root group.
const MAX_NAMES: usize = 64 << 10;
/// Groups of a file that Mera wrote before it turned to JLD2.
const MERAFILE: [&str; 4] = ["hydro", "gravity", "particles", "clumps"];

/// Opens the file at `path`, or says what it is instead.
pub(in crate::inspect) fn open(path: &Path) -> Result<File, Refusal> {
    open_with(path, Checksums::Trusted)
}

/// As [`open`], with checksums that decide or not.
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

/// A refusal of a file that opened well, for something in it.
pub(in crate::inspect) fn inside(path: &Path, bytes: u64, error: &Error) -> Refusal {
    let kind = match error.kind() {
        ErrorKind::Io(_) => Kind::Unreadable,
        ErrorKind::Foreign { .. } => Kind::Hdf5,
        _ => Kind::Damaged,
    };
    of(path, Some(bytes), kind, error)
}

fn of(path: &Path, bytes: Option<u64>, kind: Kind, error: &Error) -> Refusal {
    let error = match (kind, error.kind()) {
        (_, ErrorKind::Io(e)) if bytes.is_none() => format!("cannot be opened: {e}"),
        (Kind::Merafile, _) => {
            "a merafile of Mera before 1.2: plain HDF5, not JLD2; load it with the \
                           Mera of that time and save it again"
                .to_owned()
        }
        (_, _) => format!("{error}{}", help(error)),
    };
    Refusal { path: path.display().to_string(), bytes, kind, error }
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
    if start != SIGNATURE {
        let hdf5 = matches!(error.kind(), ErrorKind::Foreign { .. });
        return if hdf5 { Kind::Hdf5 } else { Kind::Unknown };
    }
    let names = root_names(source).unwrap_or_default();
    let mera = MERAFILE.iter().any(|name| names.iter().any(|n| n == name));
    if mera { Kind::Merafile } else { Kind::Hdf5 }
}

/// The names in the root group of a file with a superblock of version 0 (HDF5 specification II.A,
/// III.C and III.D): they stand in the local heap that the root's symbol table entry caches.
fn root_names(source: &Source) -> crate::h5::Result<Vec<String>> {
    let start = source.read(0, 96, "superblock")?;
    let mut c = Cursor::new(&start, 0, "superblock");
    c.expect(SIGNATURE, "superblock signature")?;
    if c.u8()? != 0 {
        return Ok(Vec::new());
    }
    // The root entry stands at 56; its cached addresses are the B-tree and the heap.
    c.take(71)?;
    let _tree = c.addr()?;
    let RelAddr(names) = c.addr()?;
    let heap = source.read(names, 32, "local heap")?;
    let mut c = Cursor::new(&heap, names, "local heap");
    c.expect(b"HEAP", "local heap signature")?;
    c.take(4)?;
    let size = usize::try_from(c.u64()?).unwrap_or(usize::MAX).min(MAX_NAMES);
    let _free = c.u64()?;
    let RelAddr(data) = c.addr()?;
    let names = source.read(data, size, "local heap")?;
    let names = names.split(|&b| b == 0).filter(|name| !name.is_empty());
    Ok(names.map(|name| String::from_utf8_lossy(name).into_owned()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn old_hdf5(names: &[&str]) -> Vec<u8> {
        let mut bytes = vec![0; 96];
        bytes[..8].copy_from_slice(SIGNATURE);
        bytes[13..15].copy_from_slice(&[8, 8]);
        bytes[88..96].copy_from_slice(&96_u64.to_le_bytes());
        let data: Vec<u8> = names.iter().flat_map(|n| [n.as_bytes(), b"\0"].concat()).collect();
        bytes.extend(b"HEAP\0\0\0\0");
        bytes.extend((data.len() as u64).to_le_bytes());
        bytes.extend(u64::MAX.to_le_bytes());
        bytes.extend(128_u64.to_le_bytes());
        bytes.extend(data);
        bytes
    }

    #[test]
    fn files_that_are_none_of_jld2s_are_told_apart() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("output_00001.jld2");
        let kind = |bytes: &[u8]| {
            std::fs::write(&path, bytes).unwrap();
            open(&path).map(|_| ()).unwrap_err().kind
        };
        assert_eq!(kind(b""), Kind::Unknown);
        assert_eq!(kind(&[0; 2000]), Kind::Damaged);
        assert_eq!(kind(b"hello, world"), Kind::Unknown);
        assert_eq!(kind(&old_hdf5(&["", "hydro", "info"])), Kind::Merafile);
        assert_eq!(kind(&old_hdf5(&["", "x"])), Kind::Hdf5);
        assert_eq!(open(&dir.path().join("none")).map(|_| ()).unwrap_err().kind, Kind::Unreadable);
        let refusal = open(dir.path()).map(|_| ()).unwrap_err();
        assert!(refusal.error.contains("a directory"), "{}", refusal.error);
    }
}

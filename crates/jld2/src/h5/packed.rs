//! Names files that are no container themselves but perhaps hold one: compressed or packed ones.

use super::Source;

/// What the first bytes are of, and what unpacks it.
const KNOWN: [(&[u8], &str, &str); 9] = [
    (b"\x1f\x8b", "gzip", "gunzip -k"),
    (b"\x28\xb5\x2f\xfd", "Zstandard", "zstd -dk"),
    (b"\xfd7zXZ\0", "xz", "unxz -k"),
    (b"BZh", "bzip2", "bunzip2 -k"),
    (b"\x04\x22\x4d\x18", "LZ4", "lz4 -dk"),
    (b"PK\x03\x04", "zip", "unzip"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip", "7z x"),
    (b"LZIP", "lzip", "lzip -dk"),
    (b"\x1f\x9d", "compress", "uncompress -k"),
];
/// Where a tar archive says that it is one.
const TAR: (u64, &[u8]) = (257, b"ustar");

/// Says that a file is compressed or packed, and what undoes that; none if it is not known to be.
pub(super) fn packed(source: &Source) -> Option<String> {
    let starts = |at: u64, with: &[u8]| {
        source.read(at, with.len(), "start").is_ok_and(|bytes| bytes == with)
    };
    for (magic, name, tool) in KNOWN {
        if starts(0, magic) {
            return Some(format!("it is compressed with {name}: unpack it first ({tool} FILE)"));
        }
    }
    starts(TAR.0, TAR.1).then(|| "it is a tar archive: unpack it first (tar -xf FILE)".to_owned())
}

#[cfg(test)]
mod tests {
    use crate::h5::{ErrorKind, File, Source};

    #[test]
    fn packed_files_are_named_with_what_helps() {
        let mut tar = vec![b'a'; 1024];
        tar[257..262].copy_from_slice(b"ustar");
        let starts: [(&[u8], &str); 6] = [
            (b"\x1f\x8b\x08\0", "gunzip"),
            (b"\x28\xb5\x2f\xfd\0", "zstd"),
            (b"\xfd7zXZ\0", "unxz"),
            (b"BZh91AY", "bunzip2"),
            (b"PK\x03\x04", "unzip"),
            (&tar, "tar -xf"),
        ];
        for (start, tool) in starts {
            let mut bytes = start.to_vec();
            bytes.resize(3000, 7);
            let error = File::from_source(Source::from_bytes(bytes)).unwrap_err();
            assert!(matches!(error.kind(), ErrorKind::NotJld2 { .. }), "{error}");
            assert!(error.to_string().contains(tool), "{error}");
        }
        let error = File::from_source(Source::from_bytes(b"BZ".to_vec())).unwrap_err();
        assert!(error.to_string().contains("no HDF5 signature"), "{error}");
    }
}

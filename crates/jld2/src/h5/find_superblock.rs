//! Finds the superblock of a file, or says what the file is instead.

use super::checksum::Checksums;
use super::packed::packed;
use super::superblock::{JLD2_OFFSET, LOOKED_AT, SIGNATURE, read_text};
use super::{Error, Result, Source, Superblock, rescue};

impl Superblock {
    /// Finds and reads the superblock.
    ///
    /// # Errors
    /// If there is none, if it is not JLD2's, or if it is damaged.
    pub fn read(source: &Source, checksums: Checksums) -> Result<Self> {
        let superblock = Self::read_any(source, checksums)?;
        superblock.not_jld1().map_or(Ok(superblock), Err)
    }

    /// As [`Self::read`], and that of JLD.jl, too.
    ///
    /// # Errors
    /// As of [`Self::read`], but for files of JLD.jl.
    pub fn read_any(source: &Source, checksums: Checksums) -> Result<Self> {
        if source.is_empty() {
            return Err(Error::not_jld2("the file is empty"));
        }
        Self::find(source, checksums)?.map_or_else(|| Err(missing(source)), Ok)
    }
}

/// Why `source` is not read: no HDF5 at all, packed, never closed, or with a user block of another
/// size than JLD2's.
fn missing(source: &Source) -> Error {
    what_instead(source).unwrap_or_else(|failed| failed)
}

fn what_instead(source: &Source) -> Result<Error> {
    if read_text(source)?.is_some() {
        return Ok(Error::corrupt(
            JLD2_OFFSET,
            "superblock signature",
            "89 48 44 46 0d 0a 1a 0a",
            "other bytes (the text in front is JLD2's)",
        ));
    }
    if let Some(offset) = far_superblock(source)? {
        return Ok(Error::foreign(
            offset,
            format!(
                "a user block of {offset} bytes: JLD2 writes one of {JLD2_OFFSET}, and looks for \
                 the superblock at 0, 512, 1024, 2048 and 4096 only"
            ),
        ));
    }
    Ok(rescue::unclosed(source)?.unwrap_or_else(|| {
        Error::not_jld2(
            packed(source).unwrap_or_else(|| {
                "no HDF5 signature at 0 or any power of two from 512 on".to_owned()
            }),
        )
    }))
}

/// Where a superblock stands further behind than JLD2 looks: HDF5 allows any power of two.
fn far_superblock(source: &Source) -> Result<Option<u64>> {
    let len = SIGNATURE.len();
    let mut offset = LOOKED_AT.into_iter().max().unwrap_or(JLD2_OFFSET);
    while let Some(next) = offset.checked_mul(2) {
        offset = next;
        if source.check(offset, len as u64, "superblock").is_err() {
            break;
        }
        if source.read(offset, len, "superblock")? == SIGNATURE {
            return Ok(Some(offset));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_empty_killed_and_other_files_apart() {
        let read = |bytes| Superblock::read(&Source::from_bytes(bytes), Checksums::Trusted);
        let say = |bytes: Vec<u8>| read(bytes).unwrap_err().to_string();
        assert!(say(vec![]).contains("empty"));
        assert!(say(vec![0; 2048]).contains("killed"));
        assert!(say(vec![0; 100]).contains("killed"));
        assert!(say(b"hello".to_vec()).contains("no HDF5 signature"));
    }
}

//! Reads the userblock text and the superblock (docs/jld2-format.md, section 1; HDF5 specification
//! II.A).

use super::bytes::Cursor;
use super::checksum::{Checked, Checksums, lookup3};
use super::{Error, RelAddr, Result, Source};
use serde::{Deserialize, Serialize};

/// The first bytes of a superblock (HDF5 specification II.A).
pub const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";
/// Bytes of a superblock of version 2 or 3.
pub(super) const SIZE: usize = 48;
/// Bytes of a superblock of version 0; version 1 has four more.
const OLD_SIZE: usize = 96;
/// Bytes of the largest one.
pub(super) const LARGEST: usize = OLD_SIZE + 4;
/// Where JLD2 puts the superblock: behind a user block that holds its text.
pub const JLD2_OFFSET: u64 = 512;
/// Where JLD2 looks for a superblock.
pub(super) const LOOKED_AT: [u64; 5] = [JLD2_OFFSET, 0, 1024, 2048, 4096];

/// The text in front of the superblock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormatText {
    /// Whether it is the text of JLD2 before 0.2 (`Julia data file (HDF5), version 0.2.0`).
    pub legacy: bool,
    /// The format version, as written, e.g. `0.1.1`.
    pub version: String,
    /// What the writer said of itself, e.g. `Julia 1.10.0 64-bit LE`.
    pub writer: String,
}

/// The superblock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Superblock {
    /// Where it stands in the file.
    pub offset: u64,
    /// 0 to 3.
    pub version: u8,
    /// The offset that stored addresses count from.
    pub base: u64,
    /// End of the container, counted from the start of the file.
    pub end_of_file: u64,
    /// Object header of the root group.
    pub root: RelAddr,
    /// Object header of the extension, which JLD2 does not look at; [`RelAddr::UNDEF`] if there is
    /// none.
    pub extension: RelAddr,
    /// The text in front, if it is one of JLD2's.
    pub text: Option<FormatText>,
    /// What its checksum says; one that was lost does not occur, since JLD2 compares this one.
    pub checked: Checked,
}

impl Superblock {
    /// Finds and reads the superblock, also that of JLD.jl ([`Self::jld1`]); nothing if none stands
    /// where JLD2 looks for it.
    ///
    /// # Errors
    /// If it is damaged, or of HDF5 that JLD2 does not read.
    pub(super) fn find(source: &Source, checksums: Checksums) -> Result<Option<Self>> {
        let text = read_text(source)?;
        for offset in LOOKED_AT {
            if source.check(offset, SIZE as u64, "superblock").is_err() {
                continue;
            }
            let bytes = source.read(offset, SIZE, "superblock")?;
            if bytes.starts_with(SIGNATURE) {
                return Self::parse(source, offset, &bytes, text, checksums).map(Some);
            }
        }
        Ok(None)
    }

    fn parse(
        source: &Source,
        offset: u64,
        bytes: &[u8],
        text: Option<FormatText>,
        checksums: Checksums,
    ) -> Result<Self> {
        let mut c = Cursor::new(bytes, offset, "superblock");
        c.expect(SIGNATURE, "superblock signature")?;
        let version = c.u8()?;
        let Fields { base, extension, end_of_file, root, checked } = match version {
            0 | 1 => {
                let len = OLD_SIZE + if version == 0 { 0 } else { 4 };
                let bytes = source.read(offset, len, "superblock")?;
                Fields::old(&bytes, offset, version)?
            }
            2 | 3 => Fields::new(bytes, offset, checksums)?,
            other => {
                let found = other.to_string();
                return Err(Error::corrupt(offset + 8, "superblock version", "0 to 3", found));
            }
        };
        let at = Places::of(version);
        // JLD2 counts from the base address that is stored, so what stands elsewhere is not read.
        let extra = offset.checked_sub(base).filter(|&extra| {
            extra > 0 && end_of_file.checked_add(extra).is_some_and(|end| end <= source.len())
        });
        if let Some(extra) = extra {
            return Err(Error::foreign(
                offset + at.base,
                format!(
                    "a user block of {offset} bytes, where the superblock says {base}: {extra} \
                     bytes were put in front of the file, and it reads again without them \
                     (tail -c +{})",
                    extra + 1
                ),
            ));
        }
        if base != offset {
            return Err(Error::corrupt(
                offset + at.base,
                "base address",
                offset.to_string(),
                base.to_string(),
            ));
        }
        if end_of_file > source.len() {
            return Err(Error::corrupt(
                offset + at.end_of_file,
                "end of file",
                format!("{end_of_file} bytes (the file is truncated)"),
                format!("{} bytes", source.len()),
            ));
        }
        if end_of_file < offset + size_of(version) {
            return Err(Error::corrupt(
                offset + at.end_of_file,
                "end of file",
                "a place behind the superblock",
                format!("{end_of_file} bytes"),
            ));
        }
        Ok(Self { offset, version, base, end_of_file, root, extension, text, checked })
    }

    /// What the bytes at `offset` say, if they are a superblock that stands where it says, with its
    /// own checksum if it is of a version that has one: also of a file that is shorter.
    pub(super) fn lenient(offset: u64, bytes: &[u8]) -> Option<Self> {
        if !bytes.starts_with(SIGNATURE) {
            return None;
        }
        let version = *bytes.get(SIGNATURE.len())?;
        let fields = match version {
            0 | 1 => Fields::old(bytes, offset, version),
            2 | 3 => Fields::new(bytes, offset, Checksums::Trusted),
            _ => return None,
        };
        let Fields { base, extension, end_of_file, root, checked } = fields.ok()?;
        let text = None;
        (base == offset).then_some(Self {
            offset,
            version,
            base,
            end_of_file,
            root,
            extension,
            text,
            checked,
        })
    }

    /// Bytes of it.
    pub fn size(&self) -> u64 {
        size_of(self.version)
    }

    /// The version of JLD.jl's format, if the file is one of that package, JLD2's predecessor: HDF5
    /// of another structure behind nearly the same text.
    pub fn jld1(&self) -> Option<&str> {
        let text = self.text.as_ref().filter(|text| self.is_old() && text.legacy)?;
        text.version.starts_with("0.1").then_some(&*text.version)
    }

    /// Why it is not read as JLD2, if it is JLD.jl's.
    pub fn not_jld1(&self) -> Option<Error> {
        let version = self.jld1()?;
        Some(Error::not_jld2(format!("it was written by JLD.jl (JLD version {version}), not JLD2")))
    }

    /// Whether it is of a kind that JLD2 reads, but does not add to (`src/JLD2.jl`): without a
    /// checksum, and with the names of the root group in a symbol table.
    pub fn is_old(&self) -> bool {
        self.version < 2
    }

    /// Where and which bytes give this superblock another end of file.
    pub fn new_end_of_file(&self, end_of_file: u64) -> (u64, Vec<u8>) {
        if self.is_old() {
            let at = self.offset + Places::of(self.version).end_of_file;
            return (at, end_of_file.to_le_bytes().to_vec());
        }
        (self.offset, self.with_end_of_file(end_of_file))
    }

    /// The bytes of a superblock like this one with another end of file; of version 2 if this one is
    /// older.
    pub fn with_end_of_file(&self, end_of_file: u64) -> Vec<u8> {
        let mut out = SIGNATURE.to_vec();
        out.extend([self.version.max(2), 8, 8, 0]);
        out.extend(self.base.to_le_bytes());
        out.extend(self.extension.0.to_le_bytes());
        out.extend(end_of_file.to_le_bytes());
        out.extend(self.root.0.to_le_bytes());
        out.extend(lookup3(&out).to_le_bytes());
        out
    }
}

fn size_of(version: u8) -> u64 {
    match version {
        0 => OLD_SIZE as u64,
        1 => OLD_SIZE as u64 + 4,
        _ => SIZE as u64,
    }
}

/// Where fields stand, counted from the signature.
struct Places {
    base: u64,
    end_of_file: u64,
}

impl Places {
    fn of(version: u8) -> Self {
        match version {
            0 => Self { base: 24, end_of_file: 40 },
            1 => Self { base: 28, end_of_file: 44 },
            _ => Self { base: 12, end_of_file: 28 },
        }
    }
}

/// What a superblock of any version says.
struct Fields {
    base: u64,
    extension: RelAddr,
    end_of_file: u64,
    root: RelAddr,
    checked: Checked,
}

impl Fields {
    /// Of version 0 or 1: ends in the symbol table entry of the root group.
    fn old(bytes: &[u8], offset: u64, version: u8) -> Result<Self> {
        let mut c = Cursor::new(bytes, offset, "superblock");
        c.take(9)?;
        let at = c.offset();
        // Of the free space storage, the root entry and, behind a reserved byte, shared messages.
        let versions = [c.u8()?, c.u8()?, c.u8().map(|_| 0)?, c.u8()?];
        if versions != [0; 4] {
            let found = format!("{versions:?}");
            return Err(Error::corrupt(at, "versions in the superblock", "0", found));
        }
        sizes(&mut c)?;
        // A reserved byte, how many entries nodes of groups have, flags, and in version 1 how many
        // entries nodes of chunk indexes have.
        c.take(if version == 0 { 9 } else { 13 })?;
        let base = c.u64()?;
        let _free_space = c.addr()?;
        let end_of_file = c.u64()?;
        let at = c.offset();
        if !c.addr()?.is_undef() {
            return Err(Error::foreign(at, "a file in several parts (driver information block)"));
        }
        let _name = c.u64()?;
        let root = c.addr()?;
        let (extension, checked) = (RelAddr::UNDEF, Checked::Right);
        Ok(Self { base, extension, end_of_file, root, checked })
    }

    /// Of version 2 or 3.
    fn new(bytes: &[u8], offset: u64, checksums: Checksums) -> Result<Self> {
        let mut c = Cursor::new(bytes, offset, "superblock");
        c.take(9)?;
        sizes(&mut c)?;
        let _consistency_flags = c.u8()?;
        let base = c.u64()?;
        let extension = c.addr()?;
        let end_of_file = c.u64()?;
        let root = c.addr()?;
        let stored = c.u32()?;
        let computed = lookup3(bytes.get(..SIZE - 4).unwrap_or_default());
        let checked = match (stored == computed, checksums) {
            (true, _) => Checked::Right,
            (false, Checksums::Ignored) => Checked::Wrong,
            (false, Checksums::Trusted) => {
                return Err(Error::checksum(offset + 44, "superblock", computed, stored));
            }
        };
        Ok(Self { base, extension, end_of_file, root, checked })
    }
}

/// Sizes of addresses and lengths: JLD2 reads eight bytes only.
fn sizes(c: &mut Cursor<'_>) -> Result<()> {
    let at = c.offset();
    match (c.u8()?, c.u8()?) {
        (8, 8) => Ok(()),
        (offsets, lengths) => {
            Err(Error::foreign(at, format!("offsets of {offsets} and lengths of {lengths} bytes")))
        }
    }
}

pub(super) fn read_text(source: &Source) -> Result<Option<FormatText>> {
    let len = usize::try_from(source.len().min(512)).unwrap_or(0);
    let head = source.read(0, len, "userblock")?;
    Ok(parse_text(&head))
}

/// Two NUL-terminated strings: format and version, and the Julia that wrote it.
fn parse_text(head: &[u8]) -> Option<FormatText> {
    let mut parts = head.split(|&b| b == 0);
    let first = std::str::from_utf8(parts.next()?).ok()?;
    let writer = parts.next().and_then(|w| std::str::from_utf8(w).ok()).unwrap_or_default();
    let (legacy, version) =
        if let Some(v) = first.strip_prefix("HDF5-based Julia Data Format, version ") {
            (false, v)
        } else {
            (true, first.strip_prefix("Julia data file (HDF5), version ")?)
        };
    // JLD.jl and legacy JLD2 put the Julia version into the same line.
    let version = version.split([' ', '(']).next().unwrap_or_default();
    let writer = writer.trim().trim_start_matches('(').trim_end_matches(')');
    Some(FormatText { legacy, version: version.to_owned(), writer: writer.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_texts() {
        let modern = b"HDF5-based Julia Data Format, version 0.2.0\0 (Julia 1.12.6 64-bit LE)\0\0";
        assert_eq!(
            parse_text(modern),
            Some(FormatText {
                legacy: false,
                version: "0.2.0".into(),
                writer: "Julia 1.12.6 64-bit LE".into()
            })
        );
        let legacy =
            parse_text(b"Julia data file (HDF5), version 0.2.0\0 (Julia 0.6.0 64-bit LE)\0");
        assert!(legacy.is_some_and(|t| t.legacy && t.version == "0.2.0"));
        assert_eq!(parse_text(b"\x89HDF\r\n\x1a\n"), None);
    }
}

//! Digests all that describes a file, without its payloads.

use super::{Error, File, Object, Region, RegionKind, Result, Trace, Visitor};
use xxhash_rust::xxh3::Xxh3;

/// Payloads of at most so many bytes count as metadata: they cost no more than their header.
const SMALL: u64 = 4 << 10;
/// Of a longer path only the end counts: those of groups inside one another would else be longer, all
/// together, than any file. The links themselves count wherever they are.
const PATH: usize = 4 << 10;

/// xxh3-128, in hexadecimal, of a file's metadata: superblock, object headers with all that is
/// stored in them, heaps, references, small payloads, and where the other payloads stand. Two files
/// of one digest differ at most in the bytes of payloads above 4 KiB. What it costs does not grow
/// with these.
///
/// # Errors
/// If anything reachable is damaged or foreign, but for the headers of foreign datasets.
pub fn metadata_digest(file: &File) -> Result<String> {
    let mut digest = MetadataDigest::new(file);
    Trace::run(file, &mut digest)?;
    Ok(digest.finish())
}

/// Takes the [`metadata_digest`] of a file along a [`Trace`] that is made for another purpose: a
/// visitor that has to be told of every object, region and foreign object of the trace, in order.
pub struct MetadataDigest<'a> {
    file: &'a File,
    hash: Gathered,
}

/// A hash of bytes that mostly come a few at a time.
struct Gathered {
    hash: Xxh3,
    /// What came last, and is not in the hash yet.
    last: Vec<u8>,
}

impl Gathered {
    /// Bytes that are put into the hash at once.
    const MANY: usize = 4 << 10;

    fn new() -> Self {
        Self { hash: Xxh3::new(), last: Vec::with_capacity(Self::MANY) }
    }

    #[inline]
    fn update(&mut self, bytes: &[u8]) {
        if self.last.len() + bytes.len() > Self::MANY {
            self.hash.update(&self.last);
            self.last.clear();
            if bytes.len() > Self::MANY {
                return self.hash.update(bytes);
            }
        }
        self.last.extend_from_slice(bytes);
    }

    fn digest(&self) -> u128 {
        let mut hash = self.hash.clone();
        hash.update(&self.last);
        hash.digest128()
    }
}

impl std::fmt::Debug for MetadataDigest<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MetadataDigest").finish_non_exhaustive()
    }
}

impl<'a> MetadataDigest<'a> {
    /// Nothing of `file` is digested yet but its length.
    pub fn new(file: &'a File) -> Self {
        let mut out = Self { file, hash: Gathered::new() };
        out.number(file.source().len());
        out
    }

    /// The digest, once the trace is over.
    pub fn finish(&self) -> String {
        format!("{:032x}", self.hash.digest())
    }

    /// Takes in a dataset that JLD2 does not read: nothing is known of it but that it is there.
    pub fn unread(&mut self, path: &str) {
        self.path(path);
    }

    fn number(&mut self, number: u64) {
        self.hash.update(&number.to_le_bytes());
    }

    fn path(&mut self, path: &str) {
        let more = path.len().saturating_sub(PATH);
        if more > 0 {
            self.number(more as u64);
        }
        self.hash.update(path.as_bytes().get(more..).unwrap_or_default());
    }

    fn bytes(&mut self, start: u64, end: u64) -> Result<()> {
        let Self { file, hash } = self;
        file.source().each(start, end.saturating_sub(start), "metadata", &mut |piece| {
            hash.update(piece);
            true
        })
    }
}

impl Visitor for MetadataDigest<'_> {
    fn object(&mut self, object: &Object, path: &str) -> Result<()> {
        self.path(path);
        for chunk in &object.header.chunks {
            self.number(chunk.offset);
            if object.header.runs.is_some() {
                self.bytes(chunk.offset, chunk.checksum)?;
            }
            self.hash.update(&chunk.bytes);
            if chunk.has_checksum {
                self.hash.update(&chunk.stored_checksum.to_le_bytes());
            }
        }
        Ok(())
    }

    fn foreign(&mut self, path: &str, error: Error) -> Result<()> {
        if !error.is_foreign_dataset() {
            return Err(error);
        }
        self.unread(path);
        Ok(())
    }

    fn region(&mut self, region: Region) -> Result<()> {
        let Region { start, end, kind } = region;
        match kind {
            // Chunks come with their objects.
            RegionKind::Header => Ok(()),
            RegionKind::Superblock
            | RegionKind::Heap
            | RegionKind::Index
            | RegionKind::References => {
                self.number(start);
                self.bytes(start, end)
            }
            RegionKind::Payload => {
                self.number(start);
                self.number(end);
                if end.saturating_sub(start) <= SMALL { self.bytes(start, end) } else { Ok(()) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Source;
    use super::*;
    use std::path::Path;

    fn digest(bytes: Vec<u8>) -> Option<String> {
        File::from_source(Source::from_bytes(bytes)).and_then(|file| metadata_digest(&file)).ok()
    }

    #[derive(Default)]
    struct Regions(Vec<Region>);

    impl Visitor for Regions {
        fn region(&mut self, region: Region) -> Result<()> {
            self.0.push(region);
            Ok(())
        }
    }

    #[test]
    fn every_byte_but_those_of_large_payloads_counts() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"));
        let path = path.join("../../tests/data/mera/e4b-none/output_00021.jld2");
        let bytes = std::fs::read(&path).unwrap();
        let whole = digest(bytes.clone()).unwrap();
        let mut regions = Regions::default();
        Trace::run(&File::open(&path).unwrap(), &mut regions).unwrap();
        let (mut large, mut others) = (0, 0);
        for Region { start, end, kind } in regions.0 {
            // Some bytes of each.
            for at in [start, u64::midpoint(start, end), end - 1] {
                let mut changed = bytes.clone();
                changed[usize::try_from(at).unwrap()] ^= 0x10;
                let same = digest(changed).as_ref() == Some(&whole);
                let payload = kind == RegionKind::Payload && end - start > SMALL;
                assert_eq!(same, payload, "{kind:?} {start} to {end} at {at}");
                if payload { large += 1 } else { others += 1 }
            }
        }
        assert!(large > 10 && others > 100, "{large} {others}");
        let mut longer = bytes;
        longer.push(0);
        assert_ne!(digest(longer), Some(whole));
    }
}

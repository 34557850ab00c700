//! Reads the output through libhdf5, object by object, and compares that with what we read
//! ourselves.
//!
//! Every object that can be reached is opened by its address, every link looked up by its name, and
//! of each dataset element type, shape and data are compared. Data that hold heap ids (strings) mean
//! something else in memory, so of these only type and shape are. What libhdf5 decodes itself it
//! decodes as a whole, a column being one chunk: of those above a limit the place is compared, and
//! those with filters that it has not are compared as they are stored.

use super::boxes::Boxes;
use crate::codec::{Lz4Format, ids, sniff_lz4};
use crate::h5::{
    Class, Dataset, Datatype, Error, Extent, File, Group, HDF5_1_CHUNK_MAX, Object, ObjectKind,
    RefPlan, RefSlot, Result, StoredChunk, Trace, Visitor,
};
use crate::julia::Column;
use crate::sys::hdf5::{Kind, Library, LibraryError, LibraryObject, Shape, TypeClass};
use crate::text;
use std::io::Read;

/// Data are compared in windows of about this many bytes.
const WINDOW: usize = 1 << 20;
/// In larger groups not every link is looked up by name: each look-up goes through all of them.
const MAX_LINKS: usize = 4096;

/// Compares everything that libhdf5 reads of `file`, which we read as `output`. Tells what is worth
/// telling of it. Chunks that take more than `limit` bytes, stored or decoded, are not read through
/// libhdf5, which holds them as a whole.
///
/// # Errors
/// The first difference, with the object's path.
pub(super) fn compare(
    output: &File,
    file: &std::fs::File,
    limit: u64,
    tick: &dyn Fn(u64) -> Result<()>,
) -> Result<Vec<String>> {
    let cached = usize::try_from(limit).unwrap_or(usize::MAX);
    let library =
        Library::open(file, cached).map_err(|e| theirs(output.superblock().offset, &e))?;
    let mut comparison =
        Comparison { output, library, limit, tick, as_stored: 0, too_large: 0, unread: 0 };
    Trace::run(output, &mut comparison)?;
    let mut remarks = Vec::new();
    if comparison.as_stored > 0 {
        remarks.push(format!(
            "note: libhdf5 has no filter for {} columns: their chunks were compared as stored",
            comparison.as_stored
        ));
    }
    if comparison.too_large > 0 {
        remarks.push(format!(
            "note: {} columns are larger than --hdf5-limit, which is {}: the places of their \
             chunks were compared, their values were not read through libhdf5",
            comparison.too_large,
            text::bytes(limit)
        ));
    }
    if comparison.unread > 0 {
        remarks.push(format!(
            "note: {} columns are of 4 GiB or more, which this libhdf5 does not read where they \
             are compressed",
            comparison.unread
        ));
    }
    Ok(remarks)
}

struct Comparison<'a> {
    output: &'a File,
    library: Library,
    /// Bytes of the largest chunk that libhdf5 is asked to read.
    limit: u64,
    tick: &'a dyn Fn(u64) -> Result<()>,
    /// Columns that libhdf5 cannot decode.
    as_stored: u64,
    /// Columns that it is not asked to decode.
    too_large: u64,
    /// Columns that it does not open.
    unread: u64,
}

/// What libhdf5 cannot read, as an error at an offset.
fn theirs(at: u64, error: &LibraryError) -> Error {
    Error::corrupt(at, "libhdf5", "that it reads the object", error.to_string())
}

fn differs(at: u64, what: &str, ours: impl Into<String>, theirs: impl Into<String>) -> Error {
    Error::corrupt(at, format!("{what} read through libhdf5"), ours, theirs)
}

impl Visitor for Comparison<'_> {
    /// A copy keeps what JLD2 does not read; there is nothing of ours to compare.
    fn foreign(&mut self, _: &str, error: Error) -> Result<()> {
        if error.is_foreign_dataset() { Ok(()) } else { Err(error) }
    }

    fn object(&mut self, object: &Object, _: &str) -> Result<()> {
        (self.tick)(0)?;
        let at = self.output.offset(object.addr(), "object")?;
        let other = match self.library.object(object.addr().0) {
            Ok(other) => other,
            Err(_) if self.is_beyond(object)? => {
                self.unread += 1;
                return Ok(());
            }
            Err(e) => return Err(theirs(at, &e)),
        };
        let kind = match &object.kind {
            ObjectKind::Group(_) => Kind::Group,
            ObjectKind::Dataset(_) => Kind::Dataset,
            ObjectKind::Datatype(_) => Kind::Datatype,
        };
        if other.kind() != kind {
            return Err(differs(at, "object", format!("{kind:?}"), format!("{:?}", other.kind())));
        }
        match &object.kind {
            ObjectKind::Group(group) => links(self.output, group, &other, at),
            ObjectKind::Datatype(datatype) => element(datatype, &other, at).map(|_| ()),
            ObjectKind::Dataset(dataset) => self.dataset(dataset, &other, at),
        }
    }
}

fn links(output: &File, group: &Group, other: &LibraryObject, at: u64) -> Result<()> {
    let count = other.links().map_err(|e| theirs(at, &e))?;
    let ours = group.len() + group.symbolic.len() as u64;
    if count != ours {
        let ours = ours.to_string();
        return Err(differs(at, "number of links", ours, count.to_string()));
    }
    for link in group.links(output).take(MAX_LINKS) {
        let link = link?;
        // libhdf5 takes such a name for a path.
        if link.name.contains('/') || link.name == "." {
            continue;
        }
        let addr = other.linked(&link.name).map_err(|e| theirs(link.at, &e))?;
        if addr != link.target.0 {
            let what = format!("link {}", link.name);
            return Err(differs(link.at, &what, link.target.to_string(), format!("{addr:#x}")));
        }
    }
    Ok(())
}

fn has_sequences(plan: &RefPlan) -> bool {
    plan.slots.iter().any(|(_, slot)| matches!(slot, RefSlot::Vlen(_)))
}

/// Compares an element's class and size; whether its bytes can be compared, too.
fn element(datatype: &Datatype, other: &LibraryObject, at: u64) -> Result<bool> {
    let (class, size) = other.element().map_err(|e| theirs(at, &e))?;
    let ours = match &datatype.class {
        Class::FixedPoint { .. } => TypeClass::FixedPoint,
        Class::Float { .. } => TypeClass::Float,
        Class::Time => TypeClass::Time,
        Class::String | Class::Vlen { string: true, .. } => TypeClass::String,
        Class::Bitfield => TypeClass::Bitfield,
        Class::Opaque => TypeClass::Opaque,
        Class::Compound(_) => TypeClass::Compound,
        Class::Reference => TypeClass::Reference,
        Class::Enum(_) => TypeClass::Enum,
        Class::Vlen { string: false, .. } => TypeClass::Vlen,
        Class::Array { .. } => TypeClass::Array,
    };
    if class != ours {
        return Err(differs(at, "element type", format!("{ours:?}"), format!("{class:?}")));
    }
    // In memory a heap id is a pointer.
    if has_sequences(&RefPlan::new(datatype)?) {
        return Ok(false);
    }
    if size as u64 != u64::from(datatype.size) {
        let ours = format!("{} bytes", datatype.size);
        return Err(differs(at, "element size", ours, format!("{size} bytes")));
    }
    Ok(true)
}

impl Comparison<'_> {
    fn dataset(&mut self, dataset: &Dataset, other: &LibraryObject, at: u64) -> Result<()> {
        let datatype = self.output.resolve(&dataset.datatype)?;
        let comparable = element(&datatype, other, at)?;
        let ours = match dataset.dataspace.extent {
            Extent::Null => Shape::Null,
            Extent::Scalar => Shape::Scalar,
            Extent::Simple => Shape::Simple(dataset.dataspace.dims.clone()),
        };
        let shape = other.shape().map_err(|e| theirs(at, &e))?;
        if shape != ours {
            return Err(differs(at, "shape", format!("{ours:?}"), format!("{shape:?}")));
        }
        let column = Column::new(self.output, dataset, &datatype)?;
        if !comparable || column.is_empty() || shape == Shape::Null {
            return Ok(());
        }
        if let Some(chunked) = dataset.layout.chunked() {
            let single = chunked.single();
            if let Some(chunk) = &single {
                self.place(chunk, other, at)?;
            }
            let stored = single.map_or(0, |chunk| chunk.size);
            let decoded = if single.is_some() {
                column.len()
            } else {
                chunked.chunk_bytes().unwrap_or(u64::MAX)
            };
            if stored.max(decoded) > self.limit {
                self.too_large += 1;
                return (self.tick)(self.output.stored_len(dataset)?);
            }
            let whole = single.is_none() || chunked.dims == dataset.dataspace.dims;
            let can_decode = other.can_decode().map_err(|e| theirs(at, &e))?;
            if !(whole && can_decode) || self.is_lz4_frame(dataset)? {
                self.as_stored += 1;
                return match &single {
                    Some(chunk) => self.stored(dataset, chunk, other, at),
                    None => Ok(()),
                };
            }
        }
        self.values(&column, &datatype, &shape, other, at)
    }

    /// Whether an object is a column in a chunk of a size that not every libhdf5 opens.
    fn is_beyond(&self, object: &Object) -> Result<bool> {
        let Some(dataset) = object.dataset() else { return Ok(false) };
        let Some(chunked) = dataset.layout.chunked() else { return Ok(false) };
        if chunked.single().is_none() {
            return Ok(chunked.chunk_bytes().is_none_or(|bytes| bytes > HDF5_1_CHUNK_MAX));
        }
        let datatype = self.output.resolve(&dataset.datatype)?;
        Ok(self.output.data_len(dataset, &datatype)? > HDF5_1_CHUNK_MAX)
    }

    /// Whether libhdf5 sees the chunk where we do.
    fn place(&self, chunk: &StoredChunk, other: &LibraryObject, at: u64) -> Result<()> {
        let found = other.first_chunk().map_err(|e| theirs(at, &e))?;
        let base = self.output.superblock().base;
        // Up to 1.10 it counts from the superblock, later from the start of the file.
        let addr = found.addr == chunk.addr.0 || found.addr == chunk.addr.0.wrapping_add(base);
        if addr && (found.size, found.filter_mask) == (chunk.size, chunk.filter_mask) {
            return Ok(());
        }
        let ours = format!("{} bytes at {}", chunk.size, chunk.addr);
        Err(differs(at, "chunk", ours, format!("{} bytes at {:#x}", found.size, found.addr)))
    }

    /// LZ4 frames go by the number of another LZ4 format: a plugin fails on them.
    fn is_lz4_frame(&self, dataset: &Dataset) -> Result<bool> {
        if !dataset.filters.iter().any(|f| f.id == ids::LZ4) {
            return Ok(false);
        }
        let Some(start) = self.output.first_chunk(dataset)? else { return Ok(false) };
        let first = self.output.source().read(start.0, 4, "chunk");
        let first = first.ok().and_then(|bytes| bytes.first_chunk::<4>().copied());
        Ok(first.is_some_and(|first| sniff_lz4(first) == Lz4Format::Frame))
    }

    /// Compares the bytes of a chunk as they are stored.
    fn stored(
        &self,
        dataset: &Dataset,
        chunk: &StoredChunk,
        other: &LibraryObject,
        at: u64,
    ) -> Result<()> {
        let len = usize::try_from(chunk.size).unwrap_or(usize::MAX);
        let mut found = vec![0; len];
        other.read_first_chunk(&mut found).map_err(|e| theirs(at, &e))?;
        let mut stream = self.output.stored(dataset)?;
        let mut ours = Vec::new();
        for piece in found.chunks(WINDOW) {
            ours.resize(piece.len(), 0);
            stream.read_exact(&mut ours).map_err(|e| Error::io(at, e))?;
            if ours != piece {
                return Err(differs(at, "stored chunk", "the bytes of the file", "others"));
            }
            (self.tick)(piece.len() as u64)?;
        }
        Ok(())
    }

    /// Compares values, box by box.
    fn values(
        &self,
        column: &Column<'_>,
        datatype: &Datatype,
        shape: &Shape,
        other: &LibraryObject,
        at: u64,
    ) -> Result<()> {
        let dims = match shape {
            Shape::Simple(dims) => dims.as_slice(),
            Shape::Null | Shape::Scalar => &[],
        };
        let mut stream = column.open()?;
        let (mut ours, mut found) = (Vec::new(), Vec::new());
        for (start, count) in Boxes::new(dims, u64::from(datatype.size), WINDOW as u64) {
            let bytes = count.iter().product::<u64>().saturating_mul(u64::from(datatype.size));
            found.resize(usize::try_from(bytes).unwrap_or(usize::MAX), 0);
            other.read(&start, &count, &mut found).map_err(|e| theirs(at, &e))?;
            for piece in found.chunks(WINDOW) {
                ours.resize(piece.len(), 0);
                stream.fill(&mut ours)?;
                if ours != piece {
                    let what = format!("values from {start:?} on");
                    return Err(differs(at, &what, "those that we read", "others"));
                }
                (self.tick)(piece.len() as u64)?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::convert::{Compress, Job, Options, Silent, VerifyLevel, convert_file};
    use crate::h5::Layout;
    use std::fs;
    use std::path::{Path, PathBuf};

    const LIMIT: u64 = 256 << 20;

    fn sample(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera").join(name)
    }

    /// Converts a sample with all checks; gives the output and what was said.
    fn converted(dir: &Path, name: &str, compress: Compress) -> (PathBuf, Vec<String>) {
        let job = Job {
            input: sample(name),
            output: dir.join("output"),
            temp_dir: dir.to_owned(),
            temp_name: "temporary".to_owned(),
        };
        let verify = Some(VerifyLevel::Hdf5);
        let options = Options { verify, compress, force: true, ..Options::default() };
        let report = convert_file(&job, &options, &Silent).unwrap();
        (job.output, report.findings)
    }

    /// What is said where the file that libhdf5 reads has another byte at the middle of the largest
    /// chunk, or of the largest column if there are no chunks, than the one that we read.
    fn damaged(path: &Path) -> String {
        struct Largest(u64, (bool, u64));
        impl Visitor for Largest {
            fn object(&mut self, object: &Object, _: &str) -> Result<()> {
                let (at, size) = match object.dataset().map(|d| &d.layout) {
                    Some(Layout::Contiguous { addr, size, .. }) => (addr.0, (false, *size)),
                    Some(Layout::Chunked(chunked)) => {
                        (chunked.addr.0, (true, chunked.single().unwrap().size))
                    }
                    _ => return Ok(()),
                };
                if size > self.1 {
                    *self = Self(at, size);
                }
                Ok(())
            }
        }
        let ours = File::open(path).unwrap();
        let mut largest = Largest(0, (false, 0));
        Trace::run(&ours, &mut largest).unwrap();
        let mut bytes = fs::read(path).unwrap();
        let at = ours.superblock().base + largest.0 + largest.1.1 / 2;
        bytes[usize::try_from(at).unwrap()] ^= 0x10;
        let other = path.with_extension("other");
        fs::write(&other, bytes).unwrap();
        compare(&ours, &fs::File::open(other).unwrap(), LIMIT, &|_| Ok(())).unwrap_err().to_string()
    }

    #[test]
    fn outputs_in_every_codec_pass_and_damaged_ones_do_not() {
        let temp = tempfile::tempdir().unwrap();
        for (compress, note, found) in [
            (Compress::None, false, "values from [0] on read through libhdf5"),
            (Compress::Lz4, true, "stored chunk read through libhdf5"),
            (Compress::Zstd(1), true, "stored chunk read through libhdf5"),
            // libhdf5 decodes it: to other values, or to none.
            (Compress::Deflate(1), false, "libhdf5"),
        ] {
            let (output, said) = converted(temp.path(), "e4b-lz4/output_00100.jld2", compress);
            let noted = said.iter().any(|s| s.starts_with("note: libhdf5 has no filter"));
            assert_eq!(noted, note, "{compress:?}: {said:?}");
            let error = damaged(&output);
            assert!(error.contains("/data: at byte "), "{compress:?}: {error}");
            assert!(error.contains(found), "{compress:?}: {error}");
        }
    }

    #[test]
    fn what_is_over_the_limit_is_told_and_not_read() {
        let temp = tempfile::tempdir().unwrap();
        let (output, _) = converted(temp.path(), "e4b-lz4/output_00100.jld2", Compress::Deflate(1));
        let ours = File::open(&output).unwrap();
        for (limit, told) in [(1 << 20, 0), (100, 1)] {
            let theirs = fs::File::open(&output).unwrap();
            let said = compare(&ours, &theirs, limit, &|_| Ok(())).unwrap();
            let over = |s: &&String| s.contains("larger than --hdf5-limit, which is 100 B");
            assert_eq!(said.iter().filter(over).count(), told, "{said:?}");
        }
    }

    #[test]
    fn every_sample_is_read_by_libhdf5() {
        let temp = tempfile::tempdir().unwrap();
        for name in [
            "e0-zlib/output_00007.jld2",
            "e4b-bzip2/output_00020.jld2",
            "e4d-lz4/output_00200.jld2",
            "e6-lz4/output_00300.jld2",
            "e8-lz4filter/output_00400.jld2",
            "mixed/output_00500.jld2",
            "real-mera-1.9/output_00001.jld2",
        ] {
            let _ = converted(temp.path(), name, Compress::Keep);
        }
    }

    #[test]
    fn another_file_is_told_from_the_output() {
        let ours = File::open(&sample("e4b-none/output_00021.jld2")).unwrap();
        let other = fs::File::open(sample("e4b-lz4/output_00100.jld2")).unwrap();
        let error = compare(&ours, &other, LIMIT, &|_| Ok(())).unwrap_err().to_string();
        assert!(error.contains("libhdf5"), "{error}");
        let none = tempfile::tempfile().unwrap();
        let error = compare(&ours, &none, LIMIT, &|_| Ok(())).unwrap_err().to_string();
        assert!(error.contains("libhdf5: expected that it reads the object"), "{error}");
        let stopped = |_| Err(Error::cancelled());
        let ours_again = fs::File::open(sample("e4b-none/output_00021.jld2")).unwrap();
        let error = compare(&ours, &ours_again, LIMIT, &stopped).unwrap_err().to_string();
        assert!(error.contains("cancelled"), "{error}");
    }
}

//! Calls libhdf5: the few calls by which a file is read through an implementation that is not ours.
//!
//! Objects are opened by their addresses and data are read as the bytes that are stored, which
//! hdf5-metno does not offer. Its lock is held around every call, since libhdf5 as Debian builds it
//! knows nothing of threads, and its error stack stays silent: what went wrong comes back as an
//! error.

#![expect(unsafe_code, reason = "hdf5-metno neither opens by address nor reads bytes as stored")]

#[cfg(test)]
mod tests;

use hdf5_sys::h5::{haddr_t, hsize_t};
use hdf5_sys::h5d::{
    H5Dget_chunk_info_by_coord, H5Dget_create_plist, H5Dget_space, H5Dget_type, H5Dread,
    H5Dread_chunk1,
};
use hdf5_sys::h5g::{H5G_info_t, H5Gget_info};
use hdf5_sys::h5i::{H5I_type_t, H5Idec_ref, H5Iget_type, hid_t};
use hdf5_sys::h5o::{H5O_info1_t, H5Oget_info_by_name2, H5Oopen_by_addr};
use hdf5_sys::h5p::{H5P_DEFAULT, H5Pget_filter2, H5Pget_nfilters};
use hdf5_sys::h5s::{
    H5S_ALL, H5S_class_t, H5S_seloper_t, H5Screate_simple, H5Sget_select_npoints,
    H5Sget_simple_extent_dims, H5Sget_simple_extent_ndims, H5Sget_simple_extent_type,
    H5Sselect_hyperslab,
};
use hdf5_sys::h5t::{H5T_class_t, H5Tget_class, H5Tget_size};
use hdf5_sys::h5z::H5Zfilter_avail;
use std::ffi::CString;
use std::os::fd::AsRawFd;
use std::ptr::{null, null_mut};

/// More dimensions than libhdf5 knows.
const MAX_RANK: usize = 32;
/// Chunks that are cached: there is one for each dataset.
const CACHE_SLOTS: usize = 3;
/// Ask for an object's address and type only.
const INFO_BASIC: u32 = 1;

/// What libhdf5 says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LibraryError(String);

type Result<T> = std::result::Result<T, LibraryError>;

impl LibraryError {
    /// What the last call left on the error stack.
    fn last() -> Self {
        Self(hdf5::Error::query().map_or_else(|e| e.to_string(), |e| e.to_string()))
    }

    fn told(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

/// Calls libhdf5, alone and silently; a negative value is an error.
fn call<T: Copy + PartialOrd + Default>(call: impl FnOnce() -> T) -> Result<T> {
    hdf5::sync::sync(|| {
        let value = call();
        if value < T::default() { Err(LibraryError::last()) } else { Ok(value) }
    })
}

/// An identifier, given back when dropped.
#[derive(Debug)]
struct Id(hid_t);

impl Id {
    fn new(open: impl FnOnce() -> hid_t) -> Result<Self> {
        call(open).map(Self)
    }
}

impl Drop for Id {
    fn drop(&mut self) {
        // SAFETY: the identifier is ours and was not given back yet.
        hdf5::sync::sync(|| unsafe { H5Idec_ref(self.0) });
    }
}

/// A file, open for reading.
#[derive(Debug)]
pub struct Library(hdf5::File);

/// What an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A group.
    Group,
    /// A dataset.
    Dataset,
    /// A committed datatype.
    Datatype,
    /// Nothing of these.
    Other,
}

/// What elements are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TypeClass {
    /// An integer.
    FixedPoint,
    /// A floating-point number.
    Float,
    /// A time.
    Time,
    /// A string, of fixed or variable length.
    String,
    /// Bits.
    Bitfield,
    /// Bytes without meaning.
    Opaque,
    /// A record.
    Compound,
    /// A reference.
    Reference,
    /// An enumeration.
    Enum,
    /// A sequence of variable length.
    Vlen,
    /// An array.
    Array,
    /// Nothing of these.
    Other,
}

const CLASSES: [(H5T_class_t, TypeClass); 11] = [
    (H5T_class_t::H5T_INTEGER, TypeClass::FixedPoint),
    (H5T_class_t::H5T_FLOAT, TypeClass::Float),
    (H5T_class_t::H5T_TIME, TypeClass::Time),
    (H5T_class_t::H5T_STRING, TypeClass::String),
    (H5T_class_t::H5T_BITFIELD, TypeClass::Bitfield),
    (H5T_class_t::H5T_OPAQUE, TypeClass::Opaque),
    (H5T_class_t::H5T_COMPOUND, TypeClass::Compound),
    (H5T_class_t::H5T_REFERENCE, TypeClass::Reference),
    (H5T_class_t::H5T_ENUM, TypeClass::Enum),
    (H5T_class_t::H5T_VLEN, TypeClass::Vlen),
    (H5T_class_t::H5T_ARRAY, TypeClass::Array),
];

/// The shape of a dataset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// No elements at all.
    Null,
    /// One element.
    Scalar,
    /// So many elements, slowest dimension first.
    Simple(Vec<u64>),
}

/// Where a chunk is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredChunk {
    /// Its address. Counts from the superblock or from the start of the file, depending on libhdf5.
    pub addr: u64,
    /// Its stored bytes.
    pub size: u64,
    /// Filters that were left out, as bits.
    pub filter_mask: u32,
}

impl Library {
    /// Opens the file behind a handle. It is not locked, so that it may be locked by ourselves.
    /// Of each open dataset a chunk of up to `cached` bytes is kept decoded.
    ///
    /// # Errors
    /// If libhdf5 does not take it for an HDF5 file.
    pub fn open(file: &std::fs::File, cached: usize) -> Result<Self> {
        // The file may have no name yet, or another one than a moment ago.
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        hdf5::sync::sync(|| {
            hdf5::File::with_options()
                .with_fapl(|access| {
                    access.file_locking(false).chunk_cache(CACHE_SLOTS, cached, 1.0)
                })
                .open(path)
                .map(Self)
                .map_err(|e| LibraryError::told(e.to_string()))
        })
    }

    /// The object at an address that counts from the superblock.
    ///
    /// # Errors
    /// If libhdf5 cannot open it.
    pub fn object(&self, addr: u64) -> Result<LibraryObject> {
        let file = self.0.id();
        // SAFETY: the file is open; the address is checked by libhdf5.
        let id = Id::new(|| unsafe { H5Oopen_by_addr(file, addr as haddr_t) })?;
        // SAFETY: the identifier is valid.
        let kind = match hdf5::sync::sync(|| unsafe { H5Iget_type(id.0) }) {
            H5I_type_t::H5I_GROUP => Kind::Group,
            H5I_type_t::H5I_DATASET => Kind::Dataset,
            H5I_type_t::H5I_DATATYPE => Kind::Datatype,
            _ => Kind::Other,
        };
        Ok(LibraryObject { id, kind })
    }
}

/// An open object.
#[derive(Debug)]
pub struct LibraryObject {
    id: Id,
    kind: Kind,
}

impl LibraryObject {
    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The number of a group's links.
    ///
    /// # Errors
    /// If libhdf5 cannot tell.
    pub fn links(&self) -> Result<u64> {
        let mut info = H5G_info_t::default();
        // SAFETY: the identifier is valid, and there is room for what is told.
        call(|| unsafe { H5Gget_info(self.id.0, &raw mut info) })?;
        Ok(info.nlinks)
    }

    /// The address of the object that a group's link leads to.
    ///
    /// # Errors
    /// If there is no such link, or it leads nowhere.
    pub fn linked(&self, name: &str) -> Result<u64> {
        let name = CString::new(name).map_err(|e| LibraryError::told(e.to_string()))?;
        let mut info = H5O_info1_t::default();
        // SAFETY: identifier and name are valid, and there is room for what is told.
        call(|| unsafe {
            let (id, out) = (self.id.0, &raw mut info);
            H5Oget_info_by_name2(id, name.as_ptr(), out, INFO_BASIC, H5P_DEFAULT)
        })?;
        Ok(info.addr)
    }

    /// A dataset's elements, or what a committed datatype describes.
    fn datatype(&self) -> Result<Option<Id>> {
        match self.kind {
            // SAFETY: the identifier is that of a dataset.
            Kind::Dataset => Id::new(|| unsafe { H5Dget_type(self.id.0) }).map(Some),
            _ => Ok(None),
        }
    }

    /// Class and size in memory, in bytes, of a dataset's elements, or of a committed datatype.
    ///
    /// # Errors
    /// If libhdf5 cannot tell.
    pub fn element(&self) -> Result<(TypeClass, usize)> {
        let own = self.datatype()?;
        let id = own.as_ref().map_or(self.id.0, |t| t.0);
        // SAFETY: the identifier is valid; one that is not a datatype's gives an error.
        let class = hdf5::sync::sync(|| unsafe { H5Tget_class(id) });
        if class == H5T_class_t::H5T_NO_CLASS {
            return Err(LibraryError::last());
        }
        // SAFETY: as above. Zero would be an error, if there were no empty strings.
        let size = hdf5::sync::sync(|| unsafe { H5Tget_size(id) });
        let known = CLASSES.iter().find(|(theirs, _)| *theirs == class);
        Ok((known.map_or(TypeClass::Other, |(_, ours)| *ours), size))
    }

    fn space(&self) -> Result<Id> {
        // SAFETY: the identifier is valid; one that is not a dataset's gives an error.
        Id::new(|| unsafe { H5Dget_space(self.id.0) })
    }

    /// A dataset's shape.
    ///
    /// # Errors
    /// If libhdf5 cannot tell.
    pub fn shape(&self) -> Result<Shape> {
        let space = self.space()?;
        // SAFETY: the identifier is that of a dataspace.
        match hdf5::sync::sync(|| unsafe { H5Sget_simple_extent_type(space.0) }) {
            H5S_class_t::H5S_NULL => Ok(Shape::Null),
            H5S_class_t::H5S_SCALAR => Ok(Shape::Scalar),
            H5S_class_t::H5S_SIMPLE => dims(&space).map(Shape::Simple),
            H5S_class_t::H5S_NO_CLASS => Err(LibraryError::last()),
        }
    }

    /// Whether libhdf5 has all filters of a dataset.
    ///
    /// # Errors
    /// If libhdf5 cannot tell which they are.
    pub fn can_decode(&self) -> Result<bool> {
        // SAFETY: the identifier is valid; one that is not a dataset's gives an error.
        let plist = Id::new(|| unsafe { H5Dget_create_plist(self.id.0) })?;
        // SAFETY: the identifier is that of a property list.
        let count = call(|| unsafe { H5Pget_nfilters(plist.0) })?;
        for i in 0..count.unsigned_abs() {
            let (mut flags, mut values, mut config) = (0, 0, 0);
            // SAFETY: there is room for the flags, for no client values and for no name.
            let filter = call(|| unsafe {
                let (flags, values) = (&raw mut flags, &raw mut values);
                let config = &raw mut config;
                H5Pget_filter2(plist.0, i, flags, values, null_mut(), 0, null_mut(), config)
            })?;
            // SAFETY: any number may be asked for.
            if call(|| unsafe { H5Zfilter_avail(filter) })? == 0 {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Reads the elements of a box as they are stored; a scalar's with no start and no count.
    ///
    /// # Errors
    /// If the box is not inside the dataset, `out` has not just the room that it takes, or libhdf5
    /// cannot read it.
    pub fn read(&self, start: &[u64], count: &[u64], out: &mut [u8]) -> Result<()> {
        let t = self.datatype()?.ok_or_else(|| LibraryError::told("no dataset"))?;
        let space = self.space()?;
        let rank = dims(&space)?.len();
        if rank != start.len() || rank != count.len() {
            return Err(LibraryError::told(format!("{rank} dimensions")));
        }
        if rank > 0 {
            // SAFETY: start and count have an entry for each dimension; without stride and block
            // both are one.
            call(|| unsafe {
                let set = H5S_seloper_t::H5S_SELECT_SET;
                let (start, count) = (start.as_ptr(), count.as_ptr());
                H5Sselect_hyperslab(space.0, set, start.cast(), null(), count.cast(), null())
            })?;
        }
        // SAFETY: both identifiers are valid.
        let points = call(|| unsafe { H5Sget_select_npoints(space.0) })?;
        // SAFETY: as above.
        let size = hdf5::sync::sync(|| unsafe { H5Tget_size(t.0) });
        let points = usize::try_from(points).unwrap_or(usize::MAX);
        if size == 0 || points.checked_mul(size) != Some(out.len()) {
            let text = format!("{points} elements of {size} bytes for {} bytes", out.len());
            return Err(LibraryError::told(text));
        }
        let len = points as hsize_t;
        let memory = match rank {
            0 => None,
            // SAFETY: one dimension and its length.
            _ => Some(Id::new(|| unsafe { H5Screate_simple(1, &raw const len, null()) })?),
        };
        let memory = memory.as_ref().map_or(H5S_ALL, |m| m.0);
        let selected = if rank == 0 { H5S_ALL } else { space.0 };
        // SAFETY: the selection has as many elements as the memory space, and they take as many
        // bytes in the dataset's own type as `out` has.
        call(|| unsafe {
            H5Dread(self.id.0, t.0, memory, selected, H5P_DEFAULT, out.as_mut_ptr().cast())
        })?;
        Ok(())
    }

    /// Where a dataset's first chunk is stored.
    ///
    /// # Errors
    /// If there is none.
    pub fn first_chunk(&self) -> Result<StoredChunk> {
        let origin = [0; MAX_RANK];
        let rank = dims(&self.space()?)?.len();
        if rank > MAX_RANK {
            return Err(LibraryError::told(format!("{rank} dimensions")));
        }
        let (mut mask, mut addr, mut size) = (0, 0, 0);
        // SAFETY: the origin has at least as many entries as the dataset has dimensions, and there
        // is room for what is told.
        call(|| unsafe {
            let (mask, addr, size) = (&raw mut mask, &raw mut addr, &raw mut size);
            H5Dget_chunk_info_by_coord(self.id.0, origin.as_ptr(), mask, addr, size)
        })?;
        Ok(StoredChunk { addr, size, filter_mask: mask })
    }

    /// Reads the stored bytes of a dataset's first chunk.
    ///
    /// # Errors
    /// If `out` has not just the room that it takes, or libhdf5 cannot read it.
    pub fn read_first_chunk(&self, out: &mut [u8]) -> Result<()> {
        let StoredChunk { size, .. } = self.first_chunk()?;
        if size != out.len() as u64 {
            return Err(LibraryError::told(format!("a chunk of {size} bytes for {}", out.len())));
        }
        let origin = [0; MAX_RANK];
        let mut mask = 0;
        // SAFETY: the origin is long enough, see above, and `out` has room for the chunk.
        call(|| unsafe {
            let (mask, out) = (&raw mut mask, out.as_mut_ptr().cast());
            H5Dread_chunk1(self.id.0, H5P_DEFAULT, origin.as_ptr(), mask, out)
        })?;
        Ok(())
    }
}

/// The dimensions of a dataspace; none for a scalar.
fn dims(space: &Id) -> Result<Vec<u64>> {
    // SAFETY: the identifier is that of a dataspace.
    let rank = call(|| unsafe { H5Sget_simple_extent_ndims(space.0) })?;
    let mut dims: Vec<hsize_t> = vec![0; usize::try_from(rank).unwrap_or(0)];
    // SAFETY: there is room for each dimension; the largest sizes are not asked for.
    call(|| unsafe { H5Sget_simple_extent_dims(space.0, dims.as_mut_ptr(), null_mut()) })?;
    Ok(dims)
}

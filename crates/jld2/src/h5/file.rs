//! Opens a container and reads its objects by address; keeps heaps and committed datatypes at hand.

use super::address::absolute;
use super::alike::{Header, Models};
use super::checksum::{Checked, Checksums, lookup3};
use super::dense;
use super::effort::{Access, Effort};
use super::header::{self, Peeked};
use super::message::layout::Layout;
use super::object_cache::ObjectCache;
use super::sequence::sequence;
use super::{
    AddressHashMap, Class, Dataset, Datatype, Error, Extent, Group, Heap, HeapObject, Object,
    ObjectHeader, ObjectKind, RelAddr, Result, Source, SourceReader, StoredChunk, Superblock,
    TypeRef,
};
use crate::h5::budget::Spent;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// Heap objects in each of two generations that are remembered: about 5 MB together.
const MAX_CACHED_HEAP_OBJECTS: usize = 100_000;
/// Committed datatypes that are remembered, in bytes of their encoding: about 15 MB of memory.
const MAX_CACHED_TYPES: u64 = 1 << 20;
/// Links of a group that stand outside its header and are held: some 4 MB of memory.
const FEW_LINKS: u64 = 8192;
/// What reading an object costs besides its bytes, in bytes.
const OBJECT_COST: u64 = 128;
/// What reading the place of a heap object costs, in bytes.
const HEAP_OBJECT_COST: u64 = 16;

/// An open container.
#[derive(Debug)]
pub struct File {
    source: Source,
    superblock: Superblock,
    checksums: Checksums,
    heaps: Mutex<HeapCache>,
    types: Mutex<TypeCache>,
    objects: Arc<ObjectCache>,
    /// Objects that others may be like.
    models: Models,
    /// What was read of a file that this one came from: many objects are as they were.
    before: Option<ReadObjects>,
    wrong: Mutex<BTreeMap<u64, u32>>,
    spent: Spent,
    /// So many links of a group that stand outside its header are held.
    few: u64,
}

/// Heaps in two generations: what was not used while the younger one filled up is forgotten.
#[derive(Debug, Default)]
struct HeapCache {
    young: AddressHashMap<Arc<Heap>>,
    old: AddressHashMap<Arc<Heap>>,
    young_objects: usize,
    /// The one that was asked for last: mostly the next one, too.
    last: Option<(RelAddr, Arc<Heap>)>,
}

#[derive(Debug, Default)]
struct TypeCache {
    known: AddressHashMap<Arc<Datatype>>,
    bytes: u64,
    /// The one that was asked for last: mostly the next one, too.
    last: Option<(RelAddr, Arc<Datatype>)>,
}

/// Objects that were read of a file, for one that is like it ([`File::beside`]).
#[derive(Debug, Clone)]
pub struct ReadObjects {
    known: Arc<ObjectCache>,
    /// Absolute offset of address 0 there.
    base: u64,
    /// Where the container ends there.
    end_of_file: u64,
}

/// What was read of an object.
enum Read {
    /// Its header, which is still to be made sense of.
    Header(Box<ObjectHeader>),
    /// All of it.
    Object(Arc<Object>),
}

impl HeapCache {
    /// The heap at `addr`, which `read` reads if it is not known.
    fn get(&mut self, addr: RelAddr, read: impl FnOnce() -> Result<Heap>) -> Result<&Arc<Heap>> {
        let last = match self.last.take() {
            Some(last) if last.0 == addr => last,
            _ => (addr, self.find(addr, read)?),
        };
        Ok(&self.last.insert(last).1)
    }

    fn find(&mut self, addr: RelAddr, read: impl FnOnce() -> Result<Heap>) -> Result<Arc<Heap>> {
        if let Some(known) = self.young.get(&addr) {
            return Ok(Arc::clone(known));
        }
        let heap = self.old.remove(&addr).map_or_else(|| read().map(Arc::new), Ok)?;
        self.insert(addr, &heap);
        Ok(heap)
    }

    fn insert(&mut self, addr: RelAddr, heap: &Arc<Heap>) {
        if self.young_objects > MAX_CACHED_HEAP_OBJECTS {
            self.old = std::mem::take(&mut self.young);
            self.young_objects = 0;
        }
        self.young_objects += heap.objects.len() + 4;
        self.young.insert(addr, Arc::clone(heap));
    }
}

impl TypeCache {
    fn get(&mut self, addr: RelAddr) -> Option<Arc<Datatype>> {
        if let Some((last, known)) = &self.last
            && *last == addr
        {
            return Some(Arc::clone(known));
        }
        let known = Arc::clone(self.known.get(&addr)?);
        self.last = Some((addr, Arc::clone(&known)));
        Some(known)
    }
}

impl File {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read or is not a JLD2 container.
    pub fn open(path: &Path) -> Result<Self> {
        Self::from_source(Source::open(path)?)
    }

    /// Opens a container.
    ///
    /// # Errors
    /// If it is not a JLD2 container.
    pub fn from_source(source: Source) -> Result<Self> {
        Self::with_checksums(source, Checksums::Trusted)
    }

    /// Opens a container whose checksums decide or not.
    ///
    /// # Errors
    /// If it is not a JLD2 container.
    pub fn with_checksums(source: Source, checksums: Checksums) -> Result<Self> {
        let superblock = Superblock::read(&source, checksums)?;
        Ok(Self::behind(source, superblock, checksums))
    }

    /// As [`Self::with_checksums`], and files of JLD.jl, too, as what they are to HDF5
    /// ([`Superblock::jld1`]): nothing of what Julia makes of them is known.
    ///
    /// # Errors
    /// If it is neither.
    pub fn of_any_julia(source: Source, checksums: Checksums) -> Result<Self> {
        let superblock = Superblock::read_any(&source, checksums)?;
        Ok(Self::behind(source, superblock, checksums))
    }

    fn behind(source: Source, superblock: Superblock, checksums: Checksums) -> Self {
        Self {
            source,
            superblock,
            checksums,
            heaps: Mutex::default(),
            types: Mutex::default(),
            objects: Arc::default(),
            models: Models::default(),
            before: None,
            wrong: Mutex::default(),
            spent: Spent::default(),
            few: FEW_LINKS,
        }
    }

    /// The same file, if so many links of a group that stand outside its header are held, and no more.
    #[cfg(test)]
    pub(super) fn holding(self, few: u64) -> Self {
        Self { few, ..self }
    }

    /// Opens a container that came from this one by some changes. An object that this one has read,
    /// and whose bytes are the same there, is not parsed again: its header is compared, byte for
    /// byte with its checksum, and nothing but these bytes decides what an object is. Everything
    /// else is read as [`Self::from_source`] reads it.
    ///
    /// # Errors
    /// If it is not a JLD2 container.
    pub fn revised(&self, source: Source) -> Result<Self> {
        let file = Self::from_source(source)?;
        let Superblock { base, end_of_file, .. } = self.superblock;
        let read = ReadObjects { known: Arc::clone(&self.objects), base, end_of_file };
        // What was inside the container still is.
        Ok(if end_of_file <= file.superblock.end_of_file { file.beside(&read) } else { file })
    }

    /// The same file for another thread, read through a cache of its own. Objects that were read of either
    /// are those of both.
    ///
    /// # Errors
    /// As [`Source::again`].
    pub fn again(&self) -> Result<Self> {
        let source = self.source.again()?;
        let file = Self::behind(source, self.superblock.clone(), self.checksums);
        Ok(Self { objects: Arc::clone(&self.objects), few: self.few, ..file })
    }

    /// The same file, which takes over of another one what is the same here, as one does that
    /// [came from it](Self::revised). Files that one program wrote one after another mostly begin with
    /// the same types.
    #[must_use]
    pub fn beside(self, other: &ReadObjects) -> Self {
        // Addresses count from the same place.
        let before = (other.base == self.superblock.base).then(|| other.clone());
        Self { before, ..self }
    }

    /// Committed datatypes that were read so far, and objects that somebody else holds.
    pub fn read_types(&self) -> ReadObjects {
        let Superblock { base, end_of_file, .. } = self.superblock;
        let kept = self.objects.only(|object| {
            matches!(object.kind, ObjectKind::Datatype(_)) || Arc::strong_count(object) > 1
        });
        ReadObjects { known: Arc::new(kept), base, end_of_file }
    }

    pub(super) fn spent(&self) -> &Spent {
        &self.spent
    }

    /// Whether the checksums of its metadata are believed.
    pub fn checksums(&self) -> Checksums {
        self.checksums
    }

    /// The bytes.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The superblock.
    pub fn superblock(&self) -> &Superblock {
        &self.superblock
    }

    /// The offset that `addr` stands for.
    ///
    /// # Errors
    /// If it is outside the container.
    pub fn offset(&self, addr: RelAddr, what: &str) -> Result<u64> {
        absolute(&self.superblock, addr, what)
    }

    /// The address of `offset`.
    pub fn addr(&self, offset: u64) -> RelAddr {
        RelAddr(offset.wrapping_sub(self.superblock.base))
    }

    /// Reads the object at `addr`.
    ///
    /// # Errors
    /// If there is none, or it is damaged or foreign.
    pub fn object(&self, addr: RelAddr) -> Result<Arc<Object>> {
        if let Some(known) = self.objects.get(addr) {
            self.spend(OBJECT_COST);
            return Ok(known);
        }
        let object = match self.unchanged(addr)? {
            Some(same) => same,
            None => match self.like_known(addr) {
                Some(object) => object,
                None => self.read(addr)?,
            },
        };
        self.objects.keep(addr, &object, || cost_of(&object));
        Ok(object)
    }

    /// The same object; if it is a group, one that holds all its links in memory, however many there
    /// are.
    ///
    /// # Errors
    /// If its links cannot be read again.
    pub fn with_links(&self, object: Arc<Object>) -> Result<Arc<Object>> {
        let ObjectKind::Group(group) = &object.kind else { return Ok(object) };
        if group.stored.is_none() {
            return Ok(object);
        }
        let held = group.links(self).map(|link| link.map(Cow::into_owned));
        let held = held.collect::<Result<_>>()?;
        let group = Group { held, stored: None, symbolic: group.symbolic.clone() };
        Ok(Arc::new(Object { kind: ObjectKind::Group(group), ..Object::clone(&object) }))
    }

    /// The object at `addr`, if its header is at hand and like one that was read before. Its bytes are
    /// compared where they stand.
    fn like_known(&self, addr: RelAddr) -> Option<Arc<Object>> {
        let offset = self.offset(addr, "object header").ok()?;
        let left = self.superblock.end_of_file.saturating_sub(offset);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(header::AT_ONCE);
        let mut object = None;
        self.source.at_hand(offset, most, &mut |bytes| {
            object = Header::within(addr, offset, bytes)
                .and_then(|new| self.models.like(new, || lookup3(new.bytes) == new.stored));
        });
        self.spend(cost_of(object.as_deref()?));
        object
    }

    /// Reads the object at `addr`, whether or not it is known.
    fn read(&self, addr: RelAddr) -> Result<Arc<Object>> {
        let read = self.counted(self.checksums, |from| {
            let mut room = [0; header::AT_ONCE];
            let peeked = Peeked::at(from, addr, &mut room)?;
            if let Some(object) = Header::within(addr, peeked.offset, peeked.bytes)
                .and_then(|new| self.models.like(new, || lookup3(new.bytes) == new.stored))
            {
                from.effort.add(object.header.weight());
                return Ok(Read::Object(object));
            }
            let begun = peeked.begin(from)?;
            // Those that were not read at once.
            if let Some(object) = begun.first().and_then(|first| {
                let is_right = || first.has_checksum && first.checked == Checked::Right;
                self.models.like(Header::of(addr, first), is_right)
            }) {
                return Ok(Read::Object(object));
            }
            let mut header = begun.rest(from, None)?;
            dense::gather(from, &mut header, self.few)?;
            Ok(Read::Header(Box::new(header)))
        })?;
        let header = match read {
            Read::Object(object) => return Ok(object),
            Read::Header(header) => header,
        };
        // Those of what can be read are put right; nothing is changed in what cannot.
        let passed = header.chunks.iter().find(|chunk| chunk.checked != Checked::Right);
        let passed = passed.map(|chunk| (chunk.checksum, chunk.stored_checksum));
        let mut object = Object::parse(*header).map_err(|error| match passed {
            None => error,
            Some((at, stored)) => error.also(&format!(
                "the checksum of its header, at byte {at}, is wrong as well ({stored:#010x}), and stays \
                 so: HDF5 does not open it"
            )),
        })?;
        if object.header.version == 1 {
            self.unpad(&mut object)?;
        }
        let object = Arc::new(object);
        self.models.keep(&object);
        Ok(object)
    }

    /// The object at `addr` of the file that this one came from, if all its bytes are the same here.
    ///
    /// Only one that is described by its own header is: what is kept elsewhere, and headers of version
    /// 1, whose attributes depend on their types, are read again. It costs what its bytes cost.
    fn unchanged(&self, addr: RelAddr) -> Result<Option<Arc<Object>>> {
        let Some(ReadObjects { known, end_of_file, .. }) = &self.before else { return Ok(None) };
        let Some(object) = known.get(addr) else { return Ok(None) };
        // How much all chunks of a header may take together depends on the container's size.
        let smaller = self.superblock.end_of_file < *end_of_file;
        if smaller && object.header.chunks.len() != 1 || !self.holds(&object)? {
            return Ok(None);
        }
        self.spend(cost_of(&object));
        Ok(Some(object))
    }

    /// Whether an object of the file that this one came from is the same here, at the same place: all its
    /// bytes, with its checksums. Never one that is described by more than its own header, nor one with
    /// a header of version 1.
    ///
    /// # Errors
    /// If the bytes cannot be read.
    pub fn holds(&self, object: &Object) -> Result<bool> {
        let header = &object.header;
        if !header.is_alone() || self.before.is_none() {
            return Ok(false);
        }
        for chunk in &header.chunks {
            let sum = chunk.stored_checksum.to_le_bytes();
            let same = chunk.checked == Checked::Right
                && chunk.has_checksum
                && chunk.end() <= self.superblock.end_of_file
                && self.source.holds(chunk.offset, &chunk.bytes, "object header")?
                && self.source.holds(chunk.checksum, &sum, "header checksum")?;
            if !same {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// What is left of the object at `addr`: what the first chunk of its header says, and each
    /// continuation, link and attribute elsewhere that can be read. Gives the errors of the others.
    ///
    /// # Errors
    /// If the first chunk cannot be read, or makes no sense without what is lost.
    pub fn object_left(&self, addr: RelAddr) -> Result<(Object, Vec<Error>)> {
        let (header, mut lost) = self.counted(Checksums::Trusted, |from| {
            let (mut header, mut lost) = ObjectHeader::read_left(from, addr)?;
            lost.extend(dense::gather_left(from, &mut header, self.few));
            Ok((header, lost))
        })?;
        let object = Object::parse_left(header, &mut lost)?;
        Ok((object, lost))
    }

    /// Spends what `read` takes. What fails counts as well: walks that pass over it would else meet
    /// the same bytes without end.
    fn counted<T>(
        &self,
        checksums: Checksums,
        read: impl FnOnce(Access<'_>) -> Result<T>,
    ) -> Result<T> {
        let effort = Effort::default();
        let Self { source, superblock, .. } = self;
        let read = read(Access { source, superblock, checksums, effort: &effort });
        self.spend(effort.total().saturating_add(OBJECT_COST));
        let wrong = effort.into_wrong();
        if !wrong.is_empty() {
            self.wrong.lock().unwrap_or_else(PoisonError::into_inner).extend(wrong);
        }
        read
    }

    /// Takes note of a wrong checksum outside object headers that was let pass.
    pub(super) fn note_wrong(&self, at: u64, computed: u32) {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).insert(at, computed);
    }

    /// The wrong checksums that were let pass so far in what objects keep outside their headers: trees
    /// and heaps of links and attributes, indexes of chunks. Gives their offsets, and what they should
    /// be.
    pub fn wrong_checksums(&self) -> BTreeMap<u64, u32> {
        self.wrong.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Attributes of committed types are filled up, too, in headers of version 1. The type's own
    /// attributes, which can be of this very type, are not looked at.
    fn unpad(&self, object: &mut Object) -> Result<()> {
        for attribute in &mut object.attributes {
            let TypeRef::Shared { addr, .. } = attribute.datatype else { continue };
            let header = ObjectHeader::read(&self.source, &self.superblock, addr, self.checksums)?;
            self.spend(header.weight().saturating_add(OBJECT_COST));
            let message = header.single(header::kind::DATATYPE, "committed datatype")?;
            let Some(m) = message.filter(|m| m.flags & 2 == 0) else { continue };
            let datatype = Datatype::parse(&mut header.cursor(m, "committed datatype"))?;
            attribute.unpad(datatype.size);
        }
        Ok(())
    }

    /// The committed datatype at `addr`.
    ///
    /// # Errors
    /// If there is none.
    pub fn committed(&self, addr: RelAddr) -> Result<Arc<Datatype>> {
        let lock = || self.types.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().get(addr) {
            return Ok(known);
        }
        let ObjectKind::Datatype(datatype) = &self.object(addr)?.kind else {
            return Err(Error::corrupt(
                self.offset(addr, "committed datatype")?,
                "shared datatype",
                "a committed datatype",
                "another object",
            ));
        };
        let datatype = Arc::clone(datatype);
        let mut types = lock();
        if types.bytes > MAX_CACHED_TYPES {
            *types = TypeCache::default();
        }
        types.last = Some((addr, Arc::clone(&datatype)));
        types.bytes += u64::from(datatype.len) + OBJECT_COST;
        types.known.insert(addr, Arc::clone(&datatype));
        Ok(datatype)
    }

    /// The datatype behind a reference to one.
    ///
    /// # Errors
    /// If a committed datatype cannot be read.
    pub fn resolve(&self, datatype: &TypeRef) -> Result<Arc<Datatype>> {
        match datatype {
            TypeRef::Inline(datatype) => Ok(Arc::clone(datatype)),
            TypeRef::Shared { addr, .. } => self.committed(*addr),
        }
    }

    /// The global heap collection at `addr`.
    ///
    /// # Errors
    /// If there is none, or it is damaged.
    pub fn heap(&self, addr: RelAddr) -> Result<Arc<Heap>> {
        let mut heaps = self.heaps.lock().unwrap_or_else(PoisonError::into_inner);
        heaps.get(addr, || self.read_heap(addr)).cloned()
    }

    /// The object of this index of the global heap collection at `addr`.
    ///
    /// # Errors
    /// If there is no such collection, or it is damaged.
    pub fn heap_object(&self, addr: RelAddr, index: u32) -> Result<Option<HeapObject>> {
        let mut heaps = self.heaps.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(heaps.get(addr, || self.read_heap(addr))?.object(index))
    }

    fn read_heap(&self, addr: RelAddr) -> Result<Heap> {
        let heap = Heap::read(&self.source, &self.superblock, addr)?;
        self.spend(heap.objects.len() as u64 * HEAP_OBJECT_COST + OBJECT_COST);
        Ok(heap)
    }

    /// Where the data of a sequence of variable length stand: absolute offset and bytes. `vlen` are
    /// the sixteen bytes at offset `at`; `base` is the size of an element. `None` for a null one.
    ///
    /// # Errors
    /// If there is no such heap object, or its size does not fit.
    pub fn vlen(&self, vlen: &[u8], at: u64, base: u32) -> Result<Option<(u64, u64)>> {
        sequence(vlen, at, base, |heap, index| self.heap_object(heap, index))
    }

    /// Bytes that a dataset's unfiltered data take, checked against its layout.
    ///
    /// # Errors
    /// If shape, type and layout contradict each other.
    pub fn data_len(&self, dataset: &Dataset, datatype: &Datatype) -> Result<u64> {
        let declared =
            dataset.dataspace.elements().and_then(|n| n.checked_mul(u64::from(datatype.size)));
        let (at, stored) = match &dataset.layout {
            Layout::Compact { offset, size } => (*offset, *size),
            Layout::Contiguous { addr, size, at } => {
                // Of data that were never written there is no address.
                if *size > 0 && !addr.is_undef() {
                    let offset = self.offset(*addr, "contiguous data")?;
                    self.extent(offset, *size, "contiguous data")?;
                }
                (*at, *size)
            }
            Layout::Chunked(chunked) => {
                if let Some(chunk) = chunked.single().filter(|chunk| !chunk.addr.is_undef()) {
                    let offset = self.offset(chunk.addr, "chunk")?;
                    self.extent(offset, chunk.size, "chunk")?;
                }
                return declared.ok_or_else(|| {
                    Error::corrupt(chunked.at, "dataspace", "a size below 2^64 bytes", "more")
                });
            }
        };
        if declared == Some(stored) {
            return Ok(stored);
        }
        // JLD2 0.1.12 to 0.3.1 declared a string of n bytes as n strings of n bytes.
        let old_string = matches!(datatype.class, Class::String)
            && dataset.dataspace.extent == Extent::Simple
            && dataset.dataspace.dims.as_slice() == [stored];
        // A null dataspace holds nothing, whatever its layout says.
        if old_string || (dataset.dataspace.extent == Extent::Null && stored == 0) {
            return Ok(stored);
        }
        Err(Error::corrupt(
            at,
            "size of the data",
            declared.map_or("less than 2^64 bytes".to_owned(), |d| format!("{d} bytes")),
            format!("{stored} bytes"),
        ))
    }

    pub(super) fn extent(&self, offset: u64, len: u64, what: &str) -> Result<()> {
        let end = self.superblock.end_of_file;
        if offset.checked_add(len).is_some_and(|e| e <= end) {
            return Ok(());
        }
        Err(Error::corrupt(
            offset,
            what,
            format!("at most {} bytes", end.saturating_sub(offset)),
            format!("{len}"),
        ))
    }

    /// Bytes that the data of a dataset take outside its header, without an index of chunks.
    ///
    /// # Errors
    /// If an index of chunks is damaged.
    pub fn stored_len(&self, dataset: &Dataset) -> Result<u64> {
        match &dataset.layout {
            Layout::Compact { .. } => Ok(0),
            Layout::Contiguous { addr, size, .. } => Ok(if addr.is_undef() { 0 } else { *size }),
            Layout::Chunked(chunked) => {
                if let Some(chunk) = chunked.single() {
                    return Ok(if chunk.addr.is_undef() { 0 } else { chunk.size });
                }
                let Some(table) = self.chunks(dataset)? else { return Ok(0) };
                let mut chunks = table.stored(0..u64::MAX)?;
                let mut sum = 0_u64;
                while let Some(chunk) = chunks.next()? {
                    sum = sum.saturating_add(chunk.size);
                }
                Ok(sum)
            }
        }
    }

    /// A stream of the stored bytes of a dataset whose data are in one piece, which may be a chunk.
    ///
    /// # Errors
    /// If they are outside the container, or in several chunks.
    pub fn stored(&self, dataset: &Dataset) -> Result<SourceReader<'_>> {
        match &dataset.layout {
            Layout::Compact { offset, size } => self.source.stream(*offset, *size, "compact data"),
            Layout::Contiguous { size: 0, .. } => self.source.stream(0, 0, "no data"),
            Layout::Contiguous { addr, size, .. } => {
                let offset = self.offset(*addr, "contiguous data")?;
                self.extent(offset, *size, "contiguous data")?;
                self.source.stream(offset, *size, "contiguous data")
            }
            Layout::Chunked(chunked) => {
                let Some(chunk) = chunked.single() else {
                    let what = "data in several chunks where one piece is asked for";
                    return Err(Error::foreign(chunked.at, what));
                };
                let offset = self.offset(chunk.addr, "chunk")?;
                self.extent(offset, chunk.size, "chunk")?;
                self.source.stream(offset, chunk.size, "chunk")
            }
        }
    }

    /// The first chunk of a dataset that is stored, with its absolute offset; `None` if there is none.
    ///
    /// # Errors
    /// If an index of chunks is damaged, or the chunk is outside the container.
    pub fn first_chunk(&self, dataset: &Dataset) -> Result<Option<(u64, StoredChunk)>> {
        let Some(chunked) = dataset.layout.chunked().filter(|c| !c.addr.is_undef()) else {
            return Ok(None);
        };
        let first = match chunked.single() {
            Some(chunk) => Some(chunk),
            None => match self.chunks(dataset)? {
                Some(table) => table.stored(0..u64::MAX)?.next()?,
                None => None,
            },
        };
        first.map(|chunk| Ok((self.offset(chunk.addr, "chunk")?, chunk))).transpose()
    }

    /// Absolute offset of the first stored byte of a dataset, or of the index of its chunks; `None`
    /// where nothing is stored.
    ///
    /// # Errors
    /// If it is outside the container.
    pub fn stored_offset(&self, dataset: &Dataset) -> Result<Option<u64>> {
        match &dataset.layout {
            Layout::Compact { offset, size } => Ok((*size > 0).then_some(*offset)),
            Layout::Contiguous { size: 0, .. } => Ok(None),
            Layout::Contiguous { addr, .. } if addr.is_undef() => Ok(None),
            Layout::Contiguous { addr, .. } => self.offset(*addr, "contiguous data").map(Some),
            Layout::Chunked(chunked) if chunked.addr.is_undef() => Ok(None),
            Layout::Chunked(chunked) => self.offset(chunked.addr, "chunk").map(Some),
        }
    }
}

/// What an object that is held costs, in bytes.
fn cost_of(object: &Object) -> u64 {
    object.header.weight().saturating_add(OBJECT_COST)
}

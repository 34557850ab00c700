//! Walks once over everything that can be reached from the root: who refers to whom, from where,
//! and which bytes belong to what (docs/jld2-format.md, section 9).

use super::budget::{Budget, Cost, ELEMENT};
use super::to_visit::{ToVisit, Wanted, join};
use super::{
    AddressHashMap, AddressSet, Cursor, Dataset, Dataspace, Datatype, Error, ErrorKind, File,
    FillValue, HeapAtHand, Object, ObjectKind, RefPlan, RefSlot, RelAddr, Result, Storage, TypeRef,
};
use std::io::Read;
use std::ops::Range;
use std::sync::Arc;

/// Data with references is read in windows of about this many bytes.
const WINDOW: usize = 64 << 10;
/// No more bytes of it are read at once, through the cache.
const SMALL: usize = 8 << 10;
/// Committed types of which it is remembered where their elements lead elsewhere.
const MAX_PLANS: usize = 4096;
/// Those with more places are not remembered.
const SMALL_PLAN: usize = 64;

/// What one reference is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EdgeKind {
    /// A link of a group.
    Link,
    /// The committed datatype of a dataset.
    DatasetType,
    /// The committed datatype of an attribute.
    AttributeType,
    /// A reference in the data of an attribute.
    AttributeReference,
    /// A reference in the data of a dataset.
    DataReference,
    /// A reference in the fill value of a dataset.
    FillReference,
    /// A reference inside a heap object.
    HeapReference,
    /// The address inside a heap id; leads to a heap, not to an object.
    Heap,
}

/// One reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    /// What it is.
    pub kind: EdgeKind,
    /// The object that it belongs to.
    pub from: RelAddr,
    /// Absolute offset of the eight bytes that hold the address.
    pub at: u64,
    /// Where it leads.
    pub target: RelAddr,
}

/// A sequence of variable length, as it is met.
#[derive(Debug, Clone, Copy)]
pub struct Sequence<'a> {
    /// The heap collection.
    pub heap: RelAddr,
    /// Its object.
    pub index: u32,
    /// Absolute offset of the data.
    pub offset: u64,
    /// Bytes of the data.
    pub len: u64,
    /// What in an element leads elsewhere.
    pub base: &'a RefPlan,
}

/// What bytes are used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegionKind {
    /// Userblock text and superblock.
    Superblock,
    /// A chunk of an object header.
    Header,
    /// A global heap collection.
    Heap,
    /// An index of chunks, or what an object keeps outside its header: its links or attributes, and
    /// the way to them.
    Index,
    /// Contiguous data or chunks, which lead nowhere.
    Payload,
    /// Contiguous data with references or heap ids.
    References,
}

/// A range of bytes in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region {
    /// Absolute offset of its first byte.
    pub start: u64,
    /// Absolute offset behind its last byte.
    pub end: u64,
    /// What it is.
    pub kind: RegionKind,
}

/// Whoever wants to know what a [`Trace`] meets.
pub trait Visitor {
    /// An object, met once; `path` is its own or that of the linked object it hangs off.
    ///
    /// # Errors
    /// The visitor's own, which end the walk.
    fn object(&mut self, object: &Object, path: &str) -> Result<()> {
        let _ = (object, path);
        Ok(())
    }

    /// The object that was [told of](Self::object) last, which is at `path` itself: a link led to it.
    ///
    /// # Errors
    /// The visitor's own, which end the walk.
    fn linked(&mut self, object: &Object, path: &str) -> Result<()> {
        let _ = (object, path);
        Ok(())
    }

    /// A link, of which the object was met or told of before; told behind its [`Self::edge`].
    fn linked_again(&mut self, edge: &Edge) {
        let _ = edge;
    }

    /// A reference that is not null.
    ///
    /// # Errors
    /// The visitor's own, which end the walk.
    fn edge(&mut self, edge: Edge) -> Result<()> {
        let _ = edge;
        Ok(())
    }

    /// Whether the walk goes on along this reference.
    fn follow(&mut self, edge: &Edge) -> bool {
        let _ = edge;
        true
    }

    /// A sequence of variable length: the object of a heap collection that holds it, where its data
    /// stand, and what in them leads elsewhere. Told for each reference to it.
    ///
    /// # Errors
    /// The visitor's own, which end the walk.
    fn sequence(&mut self, sequence: Sequence<'_>) -> Result<()> {
        let _ = sequence;
        Ok(())
    }

    /// The dataset at `path` has a fill value that leads nowhere. It is not followed.
    fn broken_fill(&mut self, path: &str) {
        let _ = path;
    }

    /// A sequence of variable length at offset `at` that leads to no heap object. It is not followed.
    ///
    /// # Errors
    /// `error`, unless whoever asks goes on without it.
    fn broken_sequence(&mut self, kind: EdgeKind, at: u64, error: Error) -> Result<()> {
        let _ = (kind, at);
        Err(error)
    }

    /// The object at `path` is of a kind that JLD2 does not read. The walk goes on if this does not
    /// fail; what the object leads to is passed over.
    ///
    /// # Errors
    /// `error`, unless the visitor can do without the object.
    fn foreign(&mut self, path: &str, error: Error) -> Result<()> {
        let _ = path;
        Err(error)
    }

    /// A dataset in chunks of which `missing` are not stored: they read as the fill value.
    ///
    /// # Errors
    /// The visitor's own, which end the walk.
    fn missing_chunks(&mut self, path: &str, missing: u64) -> Result<()> {
        let _ = (path, missing);
        Ok(())
    }

    /// Bytes in use; those of a heap are told once.
    ///
    /// # Errors
    /// The visitor's own, which end the walk.
    fn region(&mut self, region: Region) -> Result<()> {
        let _ = region;
        Ok(())
    }
}

/// The walk.
pub struct Trace<'a> {
    file: &'a File,
    visitor: &'a mut dyn Visitor,
    seen: AddressSet,
    heaps: AddressSet,
    heap: HeapAtHand,
    to_visit: ToVisit<'a>,
    /// Where elements of committed types lead elsewhere.
    plans: AddressHashMap<Arc<RefPlan>>,
    /// The same of the type met last that is not committed.
    inline: Arc<RefPlan>,
    /// For the data of one dataset at a time.
    buffer: Vec<u8>,
    allowance: Budget,
}

impl<'a> Trace<'a> {
    /// Walks all of `file`.
    ///
    /// # Errors
    /// If any reachable object is damaged or foreign, with its path.
    pub fn run(file: &'a File, visitor: &'a mut dyn Visitor) -> Result<()> {
        let superblock = file.superblock();
        let end = superblock.offset + superblock.size();
        visitor.region(Region { start: 0, end, kind: RegionKind::Superblock })?;
        let mut trace = Self::new(file, file.allowance(), visitor);
        trace.seen.insert(superblock.root.0);
        let (mut next, mut path) = (Some(superblock.root), "/".to_owned());
        while let Some(addr) = next {
            match trace.visit(addr, &path).map_err(|e| e.in_object(&path)) {
                Err(error) if error.is_foreign() && addr != superblock.root => {
                    // What cannot be read is not free.
                    let at = error.offset().unwrap_or(superblock.offset);
                    trace.allowance.check(file, at)?;
                    // Whoever is told keeps the path.
                    trace.allowance.take(Cost::Paths, path.len() as u64, at)?;
                    // What leads to such a dataset may have been seen in part.
                    let error = match file.object(addr) {
                        Err(own) if own.is_foreign_dataset() => error,
                        _ => error.of_dataset(false),
                    };
                    trace.visitor.foreign(&path, error)?;
                }
                visited => visited?,
            }
            next = trace.to_visit.next(&mut path, &mut trace.allowance, join)?;
        }
        Ok(())
    }

    /// Visits one object alone, which nothing needs to lead to. The visitor follows nothing.
    ///
    /// # Errors
    /// If it is damaged or foreign, or `allowance` is used up.
    pub fn one(
        file: &'a File,
        addr: RelAddr,
        allowance: Budget,
        visitor: &'a mut dyn Visitor,
    ) -> Result<()> {
        Self::new(file, allowance, visitor).visit(addr, "/")
    }

    fn new(file: &'a File, allowance: Budget, visitor: &'a mut dyn Visitor) -> Self {
        Self {
            file,
            visitor,
            seen: AddressSet::default(),
            heaps: AddressSet::default(),
            heap: HeapAtHand::default(),
            to_visit: ToVisit::default(),
            plans: AddressHashMap::default(),
            inline: Arc::new(RefPlan { size: 0, slots: Vec::new() }),
            buffer: Vec::new(),
            allowance,
        }
    }

    fn visit(&mut self, addr: RelAddr, path: &str) -> Result<()> {
        let object = self.file.object(addr)?;
        self.allowance.check(self.file, self.file.offset(addr, "object")?)?;
        self.visitor.object(&object, path)?;
        if self.to_visit.is_by_link() {
            self.visitor.linked(&object, path)?;
        }
        for chunk in &object.header.chunks {
            let region = Region { start: chunk.offset, end: chunk.end(), kind: RegionKind::Header };
            self.visitor.region(region)?;
        }
        for storage in &object.header.storage {
            let Storage { start, end, .. } = storage?;
            self.visitor.region(Region { start, end, kind: RegionKind::Index })?;
        }
        for a in &object.attributes {
            let datatype = self.typed(addr, &a.datatype, EdgeKind::AttributeType)?;
            let plan = self.plan(&a.datatype, &datatype)?;
            check_attribute(&a.dataspace, datatype.size, a.offset, a.data.len())?;
            let kind = EdgeKind::AttributeReference;
            self.elements(addr, &plan, &a.data, a.offset, kind)?;
        }
        match &object.kind {
            ObjectKind::Group(group) => {
                if let Some(runs) = &group.stored {
                    let wanted = Wanted::of(self.file, runs, |link| {
                        let (target, at) = (link.target, link.at);
                        self.leads_on(&Edge { kind: EdgeKind::Link, from: addr, at, target })
                    })?;
                    self.to_visit.stored(self.file, runs, wanted);
                }
                for link in &group.held {
                    let (target, at) = (link.target, link.at);
                    if self.leads_on(&Edge { kind: EdgeKind::Link, from: addr, at, target })? {
                        self.to_visit.link(&link.name, target, at, &mut self.allowance)?;
                    }
                }
            }
            ObjectKind::Dataset(dataset) => self.dataset(&object, dataset, path)?,
            ObjectKind::Datatype(_) => {}
        }
        Ok(())
    }

    /// A fill value is one element, and leads where an element leads.
    fn fill_values(&mut self, object: &Object, plan: &RefPlan, path: &str) -> Result<()> {
        for fill in FillValue::all(&object.header)? {
            if u64::from(plan.size) != fill.bytes.len() as u64 {
                return Err(Error::corrupt(
                    fill.offset,
                    "fill value",
                    format!("an element of {} bytes", plan.size),
                    format!("{} bytes", fill.bytes.len()),
                ));
            }
            let (bytes, at, kind) = (fill.bytes, fill.offset, EdgeKind::FillReference);
            // JLD2 does not look at it, so that it may be the only thing that is amiss.
            match self.leads_somewhere(plan, bytes, at) {
                Err(e)
                    if matches!(
                        e.kind(),
                        ErrorKind::Corrupt { .. } | ErrorKind::Foreign { .. }
                    ) =>
                {
                    self.visitor.broken_fill(path);
                    continue;
                }
                led => led?,
            }
            self.elements(object.addr(), plan, bytes, at, kind)?;
        }
        Ok(())
    }

    /// Where elements of a datatype, which is `of`, lead elsewhere. Each committed one is looked at
    /// once.
    fn plan(&mut self, of: &TypeRef, datatype: &Datatype) -> Result<Arc<RefPlan>> {
        let TypeRef::Shared { addr, .. } = of else {
            let plan = RefPlan::new(datatype)?;
            // Mostly that of the object before.
            if *self.inline != plan {
                self.inline = Arc::new(plan);
            }
            return Ok(Arc::clone(&self.inline));
        };
        if let Some(known) = self.plans.get(addr) {
            return Ok(Arc::clone(known));
        }
        let plan = Arc::new(RefPlan::new(datatype)?);
        if self.plans.len() >= MAX_PLANS {
            self.plans.clear();
        }
        // The few that are large are not worth their memory.
        if plan.slots.len() <= SMALL_PLAN {
            self.plans.insert(*addr, Arc::clone(&plan));
        }
        Ok(plan)
    }

    fn typed(
        &mut self,
        from: RelAddr,
        datatype: &TypeRef,
        kind: EdgeKind,
    ) -> Result<Arc<Datatype>> {
        if let TypeRef::Shared { addr, at } = *datatype {
            self.edge(Edge { kind, from, at, target: addr })?;
        }
        self.file.resolve(datatype)
    }

    /// Fails if a reference or a heap id of an element does not lead to an object.
    fn leads_somewhere(&self, plan: &RefPlan, element: &[u8], at: u64) -> Result<()> {
        for (offset, slot) in &plan.slots {
            let at = at + u64::from(*offset);
            let rest = usize::try_from(*offset).ok().and_then(|o| element.get(o..));
            let mut c = Cursor::new(rest.unwrap_or_default(), at, "fill value");
            match slot {
                RefSlot::Reference => {
                    let target = c.addr()?;
                    if !target.is_null() {
                        self.file.object(target)?;
                    }
                }
                RefSlot::Vlen(base) => {
                    self.file.vlen(c.take(16)?, at, base.size)?;
                }
            }
        }
        Ok(())
    }

    fn dataset(&mut self, object: &Object, dataset: &Dataset, path: &str) -> Result<()> {
        let addr = object.addr();
        let datatype = self.typed(addr, &dataset.datatype, EdgeKind::DatasetType)?;
        let len = self.file.data_len(dataset, &datatype)?;
        let plan = self.plan(&dataset.datatype, &datatype)?;
        let kind = if plan.is_empty() { RegionKind::Payload } else { RegionKind::References };
        if !dataset.is_in_one_piece() {
            self.chunks(dataset, kind, path)?;
        } else if let (Some(start), stored @ 1..) =
            (self.file.stored_offset(dataset)?, self.file.stored_len(dataset)?)
        {
            self.visitor.region(Region { start, end: start + stored, kind })?;
        }
        if plan.is_empty() {
            return Ok(());
        }
        self.fill_values(object, &plan, path)?;
        if len == 0 {
            return Ok(());
        }
        let Some(at) = self.file.stored_offset(dataset)? else { return Ok(()) };
        if u64::from(plan.size) > ELEMENT as u64 {
            return Err(Error::foreign(at, format!("an element of {} bytes", plan.size)));
        }
        if let Some(chunked) = dataset.layout.chunked() {
            if !dataset.filters.is_empty() {
                return Err(Error::foreign(chunked.at, "references inside a filtered chunk"));
            }
            return self.elements_of_chunks(addr, dataset, &plan);
        }
        self.data_elements(addr, &plan, at, len)
    }

    /// Follows all that leads elsewhere from `len` bytes of data that stand at `at`.
    fn data_elements(
        &mut self,
        addr: RelAddr,
        plan: &RefPlan,
        mut at: u64,
        len: u64,
    ) -> Result<()> {
        let source = self.file.source();
        let mut buffer = std::mem::take(&mut self.buffer);
        if len <= SMALL as u64 {
            buffer.resize(usize::try_from(len).unwrap_or(SMALL), 0);
            source.read_into(at, &mut buffer, "data")?;
            self.elements(addr, plan, &buffer, at, EdgeKind::DataReference)?;
            self.buffer = buffer;
            return Ok(());
        }
        let mut stream = source.stream(at, len, "data")?;
        let size = usize::try_from(plan.size).unwrap_or(usize::MAX).max(1);
        let window = (WINDOW / size).max(1).saturating_mul(size);
        let mut left = len;
        while left > 0 {
            let n = usize::try_from(left).unwrap_or(usize::MAX).min(window);
            buffer.resize(n, 0);
            stream.read_exact(&mut buffer).map_err(|e| Error::io(at, e))?;
            self.elements(addr, plan, &buffer, at, EdgeKind::DataReference)?;
            at += n as u64;
            left -= n as u64;
        }
        self.buffer = buffer;
        Ok(())
    }

    /// Tells of the index of chunks and of what is stored; of chunks that follow one another as one.
    fn chunks(&mut self, dataset: &Dataset, kind: RegionKind, path: &str) -> Result<()> {
        let Some(table) = self.file.chunks(dataset)? else { return Ok(()) };
        let mut chunks = table.stored(0..u64::MAX)?;
        let mut stored = 0_u64;
        let mut pending: Option<Region> = None;
        loop {
            let chunk = chunks.next()?;
            for part in chunks.take_parts() {
                self.allowance.check(self.file, part.start)?;
                let Range { start, end } = part;
                self.visitor.region(Region { start, end, kind: RegionKind::Index })?;
            }
            let Some(chunk) = chunk else { break };
            stored += 1;
            let start = self.file.offset(chunk.addr, "chunk")?;
            let end = start.saturating_add(chunk.size);
            match &mut pending {
                Some(region) if region.end == start => region.end = end,
                _ => {
                    if let Some(region) = pending.replace(Region { start, end, kind }) {
                        self.visitor.region(region)?;
                    }
                }
            }
        }
        if stored < table.grid().total() {
            self.visitor.missing_chunks(path, table.grid().total() - stored)?;
        }
        pending.map_or(Ok(()), |region| self.visitor.region(region))
    }

    /// Follows all that leads elsewhere from chunks without filters. What they hold beyond the
    /// dataset's edge does not count.
    fn elements_of_chunks(
        &mut self,
        addr: RelAddr,
        dataset: &Dataset,
        plan: &RefPlan,
    ) -> Result<()> {
        let Some(table) = self.file.chunks(dataset)? else { return Ok(()) };
        let (grid, size) = (table.grid(), u64::from(plan.size));
        let mut chunks = table.stored(0..u64::MAX)?;
        while let Some(chunk) = chunks.next()? {
            let offset = self.file.offset(chunk.addr, "chunk")?;
            for run in grid.runs(chunk.number) {
                let (at, len) = (run.start.saturating_mul(size), run.end - run.start);
                let at = offset.saturating_add(at);
                self.data_elements(addr, plan, at, len.saturating_mul(size))?;
            }
        }
        Ok(())
    }

    /// Follows all that leads elsewhere from `bytes`, whole elements that stand at `at`.
    fn elements(
        &mut self,
        from: RelAddr,
        plan: &RefPlan,
        bytes: &[u8],
        at: u64,
        kind: EdgeKind,
    ) -> Result<()> {
        if plan.is_empty() || plan.size == 0 {
            return Ok(());
        }
        // Members may overlap: each place counts, too.
        let size = usize::try_from(plan.size).unwrap_or(usize::MAX);
        let places = (bytes.len() / size).saturating_mul(plan.slots.len());
        self.file.spend((bytes.len() as u64).max(places as u64));
        self.allowance.check(self.file, at)?;
        for (element, start) in bytes.chunks(size).zip((at..).step_by(size)) {
            for (offset, slot) in &plan.slots {
                let at = start + u64::from(*offset);
                let rest = usize::try_from(*offset).ok().and_then(|o| element.get(o..));
                let rest = rest.unwrap_or_default();
                match slot {
                    RefSlot::Reference => {
                        let Some((address, _)) = rest.split_first_chunk::<8>() else {
                            return Err(Error::corrupt(at, "reference", "8 bytes", "fewer"));
                        };
                        let target = RelAddr(u64::from_le_bytes(*address));
                        if !target.is_null() {
                            self.edge(Edge { kind, from, at, target })?;
                        }
                    }
                    RefSlot::Vlen(base) => {
                        let vlen = rest.get(..16).unwrap_or(rest);
                        if let Err(error) = self.sequence(from, base, vlen, at) {
                            self.visitor.broken_sequence(kind, at, error)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn sequence(&mut self, from: RelAddr, base: &RefPlan, vlen: &[u8], at: u64) -> Result<()> {
        let found = self.heap.vlen(self.file, vlen, at, base.size)?;
        let Some((offset, len)) = found else { return Ok(()) };
        if let Some(address) = vlen.get(4..12).and_then(|a| a.first_chunk::<8>()) {
            let heap = RelAddr(u64::from_le_bytes(*address));
            self.visitor.edge(Edge { kind: EdgeKind::Heap, from, at: at + 4, target: heap })?;
            let index = vlen.get(12..16).and_then(|i| i.first_chunk::<4>());
            let index = index.map_or(0, |i| u32::from_le_bytes(*i));
            self.visitor.sequence(Sequence { heap, index, offset, len, base })?;
            if self.heaps.insert(heap.0) {
                let heap = self.file.heap(heap)?;
                let end = heap.end().min(self.file.superblock().end_of_file);
                let region = Region { start: heap.offset, end, kind: RegionKind::Heap };
                self.visitor.region(region)?;
            }
        }
        if base.is_empty() || len == 0 {
            return Ok(());
        }
        let size = u64::from(base.size).max(1);
        let window = (WINDOW as u64 / size).max(1).saturating_mul(size);
        let (mut at, end) = (offset, offset.saturating_add(len));
        while at < end {
            let n = usize::try_from(window.min(end - at)).unwrap_or(usize::MAX);
            let bytes = self.file.source().read(at, n, "heap object")?;
            self.elements(from, base, &bytes, at, EdgeKind::HeapReference)?;
            at += n as u64;
        }
        Ok(())
    }

    fn edge(&mut self, edge: Edge) -> Result<()> {
        if self.leads_on(&edge)? {
            self.to_visit.own(edge.target);
        }
        Ok(())
    }

    /// Tells of a reference; whether what it leads to is to be visited because of it.
    fn leads_on(&mut self, edge: &Edge) -> Result<bool> {
        self.visitor.edge(*edge)?;
        if !self.visitor.follow(edge) {
            return Ok(false);
        }
        if !self.seen.insert(edge.target.0) {
            if edge.kind == EdgeKind::Link {
                self.visitor.linked_again(edge);
            }
            return Ok(false);
        }
        // Refuse here, where the offset of the bad reference is known.
        if self.file.offset(edge.target, "object").is_err() {
            return Err(Error::corrupt(
                edge.at,
                "address of an object",
                format!("an address below {}", self.file.superblock().end_of_file),
                edge.target.to_string(),
            ));
        }
        Ok(true)
    }
}

fn check_attribute(space: &Dataspace, size: u32, at: u64, len: usize) -> Result<()> {
    let want = space.elements().and_then(|n| n.checked_mul(u64::from(size)));
    if want == Some(len as u64) {
        return Ok(());
    }
    Err(Error::corrupt(
        at,
        "size of an attribute",
        want.map_or("less than 2^64 bytes".to_owned(), |w| format!("{w} bytes")),
        format!("{len} bytes"),
    ))
}

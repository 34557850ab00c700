//! Compares a file that was laid out again with what it was laid out from: the same objects, linked
//! and referring to one another in the same way, with the same types, shapes, attributes, strings
//! and small values. Only where things stand differs, and how columns are encoded.

use crate::convert::rewrite::user_block;
use crate::h5::{
    AddressMap, AddressSet, AddressStack, Attribute, Dataset, Dataspace, Datatype, Extent, File,
    Group, HeapAtHand, Layout, Name, Object, ObjectKind, RefPlan, RefSlot, RelAddr, Trace, TypeRef,
    Visitor,
};
use crate::julia::Column;
use std::sync::Arc;

/// Data with references are read in windows of about this many bytes.
const WINDOW: usize = 64 << 10;
/// No more bytes are read at once.
const SMALL: usize = 128;

/// What differs, in words.
type Outcome<T = ()> = Result<T, String>;

/// The comparison of `output`, laid out again, with `planned`. It is made on a walk through the output,
/// which it is a [`Visitor`] of: each object is compared with its original when the walk is at it. The walk
/// comes to it by a reference of another object, which was compared before, so that the original is known;
/// only types can be met before anything refers to them, through `_types`, and are read again at the end.
/// What is compared are the same pairs, in the same way, as on a walk of its own: each reference of each
/// object has to lead to the same on both sides, and that each pair was compared is counted.
pub(super) struct Comparison<'a> {
    walk: Walk<'a>,
    /// What differs first.
    differs: Option<String>,
}

impl<'a> Comparison<'a> {
    /// Nothing is compared yet but what stands in front of all objects.
    pub(super) fn new(planned: &'a File, output: &'a File) -> Self {
        let mut walk = Walk {
            sides: [planned, output],
            originals: Became::default(),
            taken: AddressSet::default(),
            datatypes: Became::default(),
            early: AddressSet::default(),
            compared: 0,
            alike: AddressSet::default(),
            sequences: Became::default(),
            heaps: Default::default(),
            empty_strings: AddressSet::default(),
            found: Pending::default(),
            types: None,
        };
        let [root, new_root] = walk.sides.map(|file| file.superblock().root);
        let begun = walk.front().and_then(|()| walk.pair(root, new_root));
        Self { walk, differs: begun.err() }
    }

    /// To be called when the walk is over: whether the output is what was planned. Gives what is known
    /// of its datasets.
    pub(super) fn finish(self) -> Outcome<SameForm> {
        let Self { mut walk, differs } = self;
        differs.map_or(Ok(()), Err)?;
        let [planned, output] = walk.sides;
        while let Some((old, new)) = walk.found.pop() {
            let object =
                output.object(new).map_err(|e| read(&e)).and_then(|new| walk.objects(old, &new));
            object.map_err(|what| named(planned, old, what))?;
        }
        if walk.compared != walk.originals.0.len() {
            return Err("not every object of it can be reached".to_owned());
        }
        walk.type_links()?;
        Ok(SameForm { originals: walk.originals, alike: walk.alike })
    }
}

impl Visitor for Comparison<'_> {
    fn object(&mut self, object: &Object, _: &str) -> crate::h5::Result<()> {
        if self.differs.is_none() {
            let new = object.addr();
            match self.walk.originals.get(new.0).map(RelAddr) {
                Some(old) => {
                    let same = self.walk.objects(old, object);
                    self.differs = same.err().map(|what| named(self.walk.sides[0], old, what));
                }
                None => {
                    self.walk.early.insert(new.0);
                }
            }
        }
        Ok(())
    }
}

/// Datasets of the output that have type, shape and size of their originals, where these are spelled out.
#[derive(Default)]
pub(super) struct SameForm {
    originals: Became,
    alike: AddressSet,
}

impl SameForm {
    /// Whether the dataset at `new` is such a one, and `old` its original.
    pub(super) fn knows(&self, old: RelAddr, new: RelAddr) -> bool {
        self.alike.contains(new.0) && self.originals.get(new.0) == Some(old.0)
    }
}

/// What differs, with the path of the object at `old`.
fn named(planned: &File, old: RelAddr, what: String) -> String {
    match path(planned, old) {
        Some(path) => format!("{path}: {what}"),
        None => what,
    }
}

/// Pairs of objects that are still to be compared.
#[derive(Default)]
struct Pending {
    old: AddressStack,
    new: AddressStack,
}

impl Pending {
    fn push(&mut self, (old, new): (RelAddr, RelAddr)) {
        self.old.push(old.0);
        self.new.push(new.0);
    }

    fn pop(&mut self) -> Option<(RelAddr, RelAddr)> {
        Some((RelAddr(self.old.pop()?), RelAddr(self.new.pop()?)))
    }
}

/// The path of an object, or of the one that leads to it. Only a difference costs this walk.
fn path(file: &File, addr: RelAddr) -> Option<String> {
    struct Search(RelAddr, Option<String>);
    impl Visitor for Search {
        fn object(&mut self, object: &Object, path: &str) -> crate::h5::Result<()> {
            if object.addr() != self.0 {
                return Ok(());
            }
            self.1 = Some(path.to_owned());
            Err(crate::h5::Error::cancelled())
        }
    }
    let mut search = Search(addr, None);
    let _ = Trace::run(file, &mut search);
    search.1
}

/// What places became, or what they were. Kept is how far these are from one another, modulo 2^64: of
/// places that are near one another that is mostly the same.
#[derive(Default)]
struct Became(AddressMap);

impl Became {
    fn get(&self, old: u64) -> Option<u64> {
        self.0.get(old).map(|far| old.wrapping_add(far))
    }

    /// What `old` became, if that is known; it became `new` otherwise.
    fn get_or_insert(&mut self, old: u64, new: u64) -> Option<u64> {
        let known = self.0.get_or_insert(old, new.wrapping_sub(old));
        known.map(|far| old.wrapping_add(far))
    }
}

struct Walk<'a> {
    /// What was planned, and the output.
    sides: [&'a File; 2],
    /// Old addresses of objects by their new ones.
    originals: Became,
    /// Old addresses that became something.
    taken: AddressSet,
    /// New addresses of committed types by their old ones.
    datatypes: Became,
    /// New addresses of objects that were met before it was known what they were.
    early: AddressSet,
    /// Pairs that were compared.
    compared: u64,
    /// New addresses of datasets that are known to be of the same form.
    alike: AddressSet,
    /// New offsets of heap objects by their old ones.
    sequences: Became,
    /// The heaps of both sides that were asked for last.
    heaps: [HeapAtHand; 2],
    /// Offsets of the heap objects of the output that empty strings got.
    empty_strings: AddressSet,
    /// Pairs that are still to be compared, as the walk has passed them.
    found: Pending,
    /// `_types` on both sides.
    types: Option<(RelAddr, RelAddr)>,
}

fn read(error: &crate::h5::Error) -> String {
    format!("cannot be compared: {error}")
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, planned: &T, found: &T) -> Outcome {
    if planned == found {
        return Ok(());
    }
    Err(format!("{what}: planned {planned:?}, found {found:?}"))
}

/// Where the data of a dataset stand that are stored as they are; none of others.
fn stored_at(file: &File, dataset: &Dataset) -> Outcome<Option<u64>> {
    if dataset.layout.chunked().is_some() {
        return Ok(None);
    }
    file.stored_offset(dataset).map_err(|e| read(&e))
}

fn shape(planned: &Dataspace, found: &Dataspace) -> Outcome {
    same("shape", &(planned.extent, &planned.dims), &(found.extent, &found.dims))
}

fn layout(what: &str, planned: &Datatype, found: &Datatype) -> Outcome {
    if planned.same_layout(found) {
        return Ok(());
    }
    Err(format!("{what}: planned {:?}, found {:?}", planned.class, found.class))
}

impl Walk<'_> {
    /// Userblock and superblock.
    fn front(&self) -> Outcome {
        let [planned, output] = self.sides;
        let block = user_block(planned).map_err(|e| read(&e))?;
        let new = output.superblock();
        same("offset of the superblock", &(block.len() as u64), &new.offset)?;
        same("superblock version", &planned.superblock().version.max(2), &new.version)?;
        let found = output.source().read(0, block.len(), "userblock").map_err(|e| read(&e))?;
        if block == found {
            return Ok(());
        }
        Err("the userblock is not the one that was planned".to_owned())
    }

    /// Two addresses that have to stand for the same object.
    fn pair(&mut self, addr: RelAddr, new: RelAddr) -> Outcome {
        match self.originals.get_or_insert(new.0, addr.0).map(RelAddr) {
            Some(known) if known == addr => Ok(()),
            Some(known) => Err(format!("{known} and {addr} became {new}")),
            None if !self.taken.insert(addr.0) => Err(format!("{addr} became {new} and another")),
            None => {
                if self.early.contains(new.0) {
                    self.found.push((addr, new));
                }
                Ok(())
            }
        }
    }

    /// The object of the output that was the one at `addr`.
    fn objects(&mut self, addr: RelAddr, new: &Object) -> Outcome {
        let [planned, _] = self.sides;
        self.compared += 1;
        let old = planned.object(addr).map_err(|e| read(&e))?;
        self.attributes(&old, new)?;
        match (&old.kind, &new.kind) {
            (ObjectKind::Group(a), ObjectKind::Group(b)) => {
                let root = addr == planned.superblock().root;
                self.links(a, b, root)
            }
            (ObjectKind::Dataset(a), ObjectKind::Dataset(b)) => self.datasets(a, b, new.addr()),
            (ObjectKind::Datatype(a), ObjectKind::Datatype(b)) => {
                self.datatypes.get_or_insert(addr.0, new.addr().0);
                layout("type", a, b)
            }
            _ => Err("became an object of another kind".to_owned()),
        }
    }

    fn links(&mut self, old: &Group, new: &Group, root: bool) -> Outcome {
        same("links", &old.len(), &new.len())?;
        let symbolic = |group: &Group| -> Vec<_> {
            group.symbolic.iter().map(|l| (l.name.clone(), l.to.clone())).collect()
        };
        same("soft and external links", &symbolic(old), &symbolic(new))?;
        let [planned, output] = self.sides;
        for (a, b) in old.links(planned).zip(new.links(output)) {
            let (a, b) = (a.map_err(|e| read(&e))?, b.map_err(|e| read(&e))?);
            same("link", &a.name, &b.name)?;
            if root && a.name == "_types" {
                self.types = Some((a.target, b.target));
                continue;
            }
            self.pair(a.target, b.target)?;
        }
        Ok(())
    }

    /// The types in use and no others, in the old order, numbered without gaps.
    fn type_links(&self) -> Outcome {
        let Some((old, new)) = self.types else { return Ok(()) };
        let links = |file: &File, addr: RelAddr| -> Outcome<Vec<(Name, RelAddr)>> {
            let object = file.object(addr).map_err(|e| read(&e))?;
            let ObjectKind::Group(group) = &object.kind else {
                return Err("/_types: is not a group".to_owned());
            };
            let links = group.all(file, addr.0).map_err(|e| read(&e))?;
            Ok(links.into_iter().map(|l| (l.name, l.target)).collect())
        };
        let [planned, output] = self.sides;
        let (old, new) = (links(planned, old)?, links(output, new)?);
        let used = old.iter().filter_map(|(_, addr)| self.datatypes.get(addr.0).map(RelAddr));
        let planned: Vec<_> =
            (1..).zip(used).map(|(n, addr)| (Name::from(format!("{n:08}")), addr)).collect();
        same("/_types", &planned, &new)
    }

    fn attributes(&mut self, old: &Object, new: &Object) -> Outcome {
        same("attributes", &old.attributes.len(), &new.attributes.len())?;
        for a in &old.attributes {
            let Some(b) = new.attribute(&a.name) else {
                return Err(format!("attribute {} is missing", a.name));
            };
            self.attribute(a, b).map_err(|what| format!("attribute {}: {what}", a.name))?;
        }
        Ok(())
    }

    fn attribute(&mut self, a: &Attribute, b: &Attribute) -> Outcome {
        shape(&a.dataspace, &b.dataspace)?;
        let datatype = self.typed(&a.datatype, &b.datatype)?;
        let plan = RefPlan::new(&datatype).map_err(|e| read(&e))?;
        self.elements(&plan, (&a.data, a.offset), (&b.data, b.offset))
    }

    fn typed(&mut self, a: &TypeRef, b: &TypeRef) -> Outcome<Arc<Datatype>> {
        let [planned, output] = self.sides;
        let old = planned.resolve(a).map_err(|e| read(&e))?;
        match (a, b) {
            (TypeRef::Shared { addr, .. }, TypeRef::Shared { addr: new, .. }) => {
                self.pair(*addr, *new)?;
            }
            (TypeRef::Inline(_), TypeRef::Inline(new)) => layout("type", &old, new)?,
            _ => return Err("a committed type became an inline one, or the reverse".to_owned()),
        }
        output.resolve(b).map_err(|e| read(&e))?;
        Ok(old)
    }

    fn datasets(&mut self, a: &Dataset, b: &Dataset, new: RelAddr) -> Outcome {
        let [planned, output] = self.sides;
        let old = planned.resolve(&a.datatype).map_err(|e| read(&e))?;
        if a.is_empty_string(&old) {
            return self.empty_string(b);
        }
        // What is one string became a scalar.
        if a.is_old_string(&old) {
            same("extent", &Extent::Scalar, &b.dataspace.extent)?;
        } else {
            shape(&a.dataspace, &b.dataspace)?;
        }
        let datatype = self.typed(&a.datatype, &b.datatype)?;
        let len = planned.data_len(a, &datatype).map_err(|e| read(&e))?;
        same("bytes", &len, &output.data_len(b, &datatype).map_err(|e| read(&e))?)?;
        if let TypeRef::Inline(_) = a.datatype
            && !a.is_old_string(&old)
        {
            self.alike.insert(new.0);
        }
        let plan = RefPlan::new(&datatype).map_err(|e| read(&e))?;
        // Columns are compared by the higher levels.
        if a.is_unwritten() != b.is_unwritten() && a.layout.chunked().is_none() {
            return Err("what was never written was, or the reverse".to_owned());
        }
        if len == 0
            || a.is_unwritten()
            || (plan.is_empty() && !matches!(a.layout, Layout::Compact { .. }))
        {
            return Ok(());
        }
        if let (Some(at), Some(new_at)) = (stored_at(planned, a)?, stored_at(output, b)?)
            && let Some(n) = usize::try_from(len).ok().filter(|n| *n <= SMALL)
        {
            let (a, b) = (small(planned, at, n, "data")?, small(output, new_at, n, "data")?);
            return self.elements(&plan, (a.bytes(), at), (b.bytes(), new_at));
        }
        let places = [(planned, a), (output, b)]
            .map(|(file, dataset)| Column::new(file, dataset, &datatype).map_err(|e| read(&e)));
        let [old, new] = places;
        let (old, new) = (old?, new?);
        let (at, new_at) = (old.offset(), new.offset());
        let (mut old, mut new) =
            (old.open().map_err(|e| read(&e))?, new.open().map_err(|e| read(&e))?);
        let size = usize::try_from(plan.size).unwrap_or(usize::MAX).max(1);
        let window = (WINDOW / size).max(1).saturating_mul(size);
        let (mut done, mut bytes, mut new_bytes) = (0, Vec::new(), Vec::new());
        while done < len {
            let n = usize::try_from(len - done).unwrap_or(usize::MAX).min(window);
            bytes.resize(n, 0);
            new_bytes.resize(n, 0);
            let both = old.fill(&mut bytes).and_then(|()| new.fill(&mut new_bytes));
            both.map_err(|e| read(&e))?;
            let (at, new_at) = (at.saturating_add(done), new_at.saturating_add(done));
            self.elements(&plan, (&bytes, at), (&new_bytes, new_at))?;
            done += n as u64;
        }
        Ok(())
    }

    /// An empty string became one of variable length, with a heap object of its own.
    fn empty_string(&mut self, found: &Dataset) -> Outcome {
        let [_, output] = self.sides;
        same("extent", &Extent::Scalar, &found.dataspace.extent)?;
        let TypeRef::Inline(datatype) = &found.datatype else {
            return Err("the type of an empty string became a committed one".to_owned());
        };
        layout("type", &Datatype::vlen_string(), datatype)?;
        let Layout::Compact { offset, size: 16 } = found.layout else {
            return Err(format!("an empty string has the layout {:?}", found.layout));
        };
        let id = output.source().read(offset, 16, "heap id").map_err(|e| read(&e))?;
        let place = output.vlen(&id, offset, 1).map_err(|e| read(&e))?;
        match place {
            Some((offset, 0)) if self.empty_strings.insert(offset) => Ok(()),
            Some((_, 0)) => Err("two strings have the same heap object".to_owned()),
            _ => Err("an empty string has no heap object of no bytes".to_owned()),
        }
    }

    /// Compares elements, with the offset at which they stand on each side.
    fn elements(
        &mut self,
        plan: &RefPlan,
        (old, at): (&[u8], u64),
        (new, new_at): (&[u8], u64),
    ) -> Outcome {
        same("bytes", &old.len(), &new.len())?;
        let size = usize::try_from(plan.size).unwrap_or(usize::MAX).max(1);
        if plan.is_empty() {
            return plain(old, new, 0, new_at);
        }
        for (i, (a, b)) in (0_u64..).zip(old.chunks(size).zip(new.chunks(size))) {
            let start = i * size as u64;
            let mut from = 0;
            for (offset, slot) in &plan.slots {
                let offset = usize::try_from(*offset).unwrap_or(usize::MAX);
                // Between the slots. Members of damaged types overlap; then there is nothing.
                if let (Some(x), Some(y)) = (a.get(from..offset), b.get(from..offset)) {
                    plain(x, y, from as u64, new_at + start)?;
                }
                let (x, y) = (a.get(offset..).unwrap_or(&[]), b.get(offset..).unwrap_or(&[]));
                let places = [at + start + offset as u64, new_at + start + offset as u64];
                let length = match slot {
                    RefSlot::Reference => {
                        self.reference(x, y, places)?;
                        8
                    }
                    RefSlot::Vlen(base) => {
                        self.sequence(base, x, y, places)?;
                        16
                    }
                };
                from = from.max(offset.saturating_add(length));
            }
            if let (Some(x), Some(y)) = (a.get(from..), b.get(from..)) {
                plain(x, y, from as u64, new_at + start)?;
            }
        }
        Ok(())
    }

    fn reference(&mut self, x: &[u8], y: &[u8], at: [u64; 2]) -> Outcome {
        let (Some(x), Some(y)) = (address(x, 0), address(y, 0)) else {
            return Err(format!("no reference at {}", at[1]));
        };
        match (x.is_null(), y.is_null()) {
            (true, true) => Ok(()),
            (false, false) => self.pair(x, y),
            _ => Err(format!("the reference at {} is {y}, planned was {x}", at[1])),
        }
    }

    fn sequence(&mut self, base: &RefPlan, x: &[u8], y: &[u8], at: [u64; 2]) -> Outcome {
        let [planned, output] = self.sides;
        let (x, y) = (x.get(..16).unwrap_or(x), y.get(..16).unwrap_or(y));
        let [of_old, of_new] = &mut self.heaps;
        let old = of_old.vlen(planned, x, at[0], base.size).map_err(|e| read(&e))?;
        let new = of_new.vlen(output, y, at[1], base.size).map_err(|e| read(&e))?;
        let ((offset, len), (new_offset, new_len)) = match (old, new) {
            (None, None) => return Ok(()),
            (Some(old), Some(new)) => (old, new),
            _ => return Err(format!("the sequence at {} is not the planned one", at[1])),
        };
        same("bytes of a sequence", &len, &new_len)?;
        match self.sequences.get_or_insert(offset, new_offset) {
            Some(known) => return same("offset of a heap object", &known, &new_offset),
            None if len == 0 => return Ok(()),
            None => {}
        }
        let n = usize::try_from(len).unwrap_or(usize::MAX);
        let sides = [(planned, offset), (output, new_offset)];
        if n <= SMALL {
            let [a, b] = sides.map(|(file, at)| small(file, at, n, "heap object"));
            let (a, b) = (a?, b?);
            return self.elements(base, (a.bytes(), offset), (b.bytes(), new_offset));
        }
        let size = usize::try_from(base.size).unwrap_or(WINDOW).max(1);
        let window = n.min((WINDOW / size).max(1) * size);
        let (mut a, mut b) = (vec![0; window], vec![0; window]);
        let mut done = 0;
        while done < n {
            let more = window.min(n - done);
            a.truncate(more);
            b.truncate(more);
            let places = [offset, new_offset].map(|at| at.saturating_add(done as u64));
            for ((file, _), (at, bytes)) in
                sides.into_iter().zip(places.into_iter().zip([&mut a, &mut b]))
            {
                file.source().read_into(at, bytes, "heap object").map_err(|e| read(&e))?;
            }
            self.elements(base, (&a, places[0]), (&b, places[1]))?;
            done += more;
        }
        Ok(())
    }
}

/// Up to [`SMALL`] bytes.
struct Small {
    room: [u8; SMALL],
    len: usize,
}

impl Small {
    fn bytes(&self) -> &[u8] {
        self.room.get(..self.len).unwrap_or_default()
    }
}

/// So many bytes of a file, which are no more than [`SMALL`].
fn small(file: &File, at: u64, len: usize, what: &str) -> Outcome<Small> {
    let mut small = Small { room: [0; SMALL], len };
    let bytes = small.room.get_mut(..len).unwrap_or_default();
    file.source().read_into(at, bytes, what).map_err(|e| read(&e))?;
    Ok(small)
}

fn address(bytes: &[u8], at: usize) -> Option<RelAddr> {
    let address = bytes.get(at..)?.first_chunk::<8>()?;
    Some(RelAddr(u64::from_le_bytes(*address)))
}

/// Compares bytes that lead nowhere; `at` plus `from` is where they stand in the output.
fn plain(old: &[u8], new: &[u8], from: u64, at: u64) -> Outcome {
    if old == new {
        return Ok(());
    }
    match (0_u64..).zip(old.iter().zip(new)).find(|(_, (a, b))| a != b) {
        None => Ok(()),
        Some((i, (a, b))) => {
            Err(format!("byte {} is {b:#04x}, planned was {a:#04x}", at + from + i))
        }
    }
}

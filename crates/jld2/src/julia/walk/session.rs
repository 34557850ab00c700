//! Walks through one dataset and all it leads to: which objects, and how deeply.

use super::super::node::FLOAT64;
use super::super::{Column, Element, JuliaType, TypeTable};
use super::super::{Committed, NewName, Node};
use super::visitor::{Parts, Shape, TextStream, TypeName, Visitor};
use super::{FieldValue, Override, Walk};
use crate::h5::budget::{Budget, Cost, ELEMENT};
use crate::h5::{
    AddressMap, Class, Dataset, Datatype, Error, Extent, File, HeapAtHand, Object, ObjectKind,
    RelAddr, Result, TypeRef,
};
use std::io::Read;

/// What telling of a value costs besides its bytes, in bytes.
const VALUE_COST: u64 = 8;
/// Arrays inside so many bytes of other objects are read in small windows.
const CROWDED: u64 = 4 << 20;
/// Values of no more bytes are read at once.
pub(super) const SMALL: usize = 128;
/// Values may nest more deeply than the stack of a thread allows: with less than this many bytes
/// left it goes on elsewhere. More than a value takes, even without optimization.
const RED_ZONE: usize = 128 << 10;
/// Bytes of each further piece of stack.
const STACK: usize = 2 << 20;

/// The walk through one dataset and all it leads to.
pub(super) struct DatasetWalk<'s> {
    pub(super) walk: &'s Walk<'s>,
    pub(super) visitor: &'s mut dyn Visitor,
    ids: AddressMap,
    next: u64,
    budget: Budget,
    /// The heap that was asked for last.
    pub(super) heap: HeapAtHand,
}

impl<'s> DatasetWalk<'s> {
    pub(super) fn new(walk: &'s Walk<'s>, budget: Budget, visitor: &'s mut dyn Visitor) -> Self {
        let ids = AddressMap::default();
        Self { walk, visitor, ids, next: 1, budget, heap: HeapAtHand::default() }
    }
}

impl DatasetWalk<'_> {
    pub(super) fn types(&self) -> &TypeTable<'_> {
        self.walk.types
    }

    /// The number of what is made of the object at `addr` in the way `tag`, from 1; and whether it was
    /// met before.
    pub(super) fn made_id(&mut self, addr: RelAddr, tag: u64) -> (u64, bool) {
        // No file is that long.
        let key = addr.0 ^ (tag << 56);
        if let Some(known) = self.ids.get(key) {
            return (known, true);
        }
        let id = self.next_id();
        self.ids.get_or_insert(key, id);
        (id, false)
    }

    pub(super) fn new_id(&mut self, addr: RelAddr) -> u64 {
        let id = self.next;
        self.next += 1;
        self.ids.get_or_insert(addr.0, id);
        if let Some(watch) = self.walk.watch {
            watch.identity(addr);
        }
        id
    }

    /// Tells of a value that the file does not hold.
    fn node(&mut self, node: &Node, own: bool) -> Result<()> {
        let id = (own && node.is_tracked()).then(|| self.next_id());
        self.node_parts(node, id)
    }

    /// The next number; nothing can be met again under it.
    pub(super) fn next_id(&mut self) -> u64 {
        let id = self.next;
        self.next += 1;
        id
    }

    fn node_parts(&mut self, node: &Node, id: Option<u64>) -> Result<()> {
        match node {
            Node::Object(node) => {
                let id = node.is_tracked().then(|| self.next_id());
                self.node_parts(node, id)
            }
            Node::Value { julia_type, json } => {
                self.visitor.known(TypeName::Name(julia_type), json)
            }
            Node::Float64(bits) => {
                self.visitor.known(TypeName::Name(FLOAT64), &format!("\"0x{bits:016x}\""))
            }
            Node::Struct { julia_type, fields } => {
                self.visitor.enter(TypeName::Name(julia_type), id, Shape::Struct)?;
                for (i, (name, node)) in fields.iter().enumerate() {
                    self.visitor.field(i, name)?;
                    self.node_parts(node, None)?;
                }
                self.visitor.leave(Parts::Fields, 0)
            }
            Node::Tuple { julia_type, items } => {
                self.visitor.enter(TypeName::Name(julia_type), id, Shape::Tuple)?;
                for (i, node) in (0..).zip(items) {
                    self.visitor.item(i)?;
                    self.node_parts(node, None)?;
                }
                self.visitor.leave(Parts::Items, 0)
            }
        }
    }

    pub(super) fn object(&mut self, addr: RelAddr) -> Result<()> {
        if let Some(id) = self.ids.get(addr.0) {
            return self.visitor.again(id);
        }
        self.inside(addr, |s| s.here(addr))
    }

    /// Does `tell` for an object that the present one refers to.
    fn inside(&mut self, addr: RelAddr, tell: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let at = self.types().file().offset(addr, "object")?;
        self.budget.check(self.types().file(), at)?;
        self.budget.take(Cost::References, 1, at)?;
        let records = self.budget.set(Cost::Records, 0);
        let result = stacker::maybe_grow(RED_ZONE, STACK, || tell(self));
        self.budget.set(Cost::Records, records);
        self.budget.give_back(Cost::References, 1);
        result
    }

    /// Does `tell` for a part of the present object; `cost` is what it takes to read it, in bytes.
    pub(super) fn part(
        &mut self,
        cost: usize,
        at: u64,
        tell: impl FnOnce(&mut Self) -> Result<()>,
    ) -> Result<()> {
        let file = self.types().file();
        file.spend(cost as u64 + VALUE_COST);
        self.budget.check(file, at)?;
        self.budget.take(Cost::Records, 1, at)?;
        let result = stacker::maybe_grow(RED_ZONE, STACK, || tell(self));
        self.budget.give_back(Cost::Records, 1);
        result
    }

    /// Does `tell` while `bytes` of memory are taken.
    pub(super) fn holding<T>(
        &mut self,
        bytes: usize,
        at: u64,
        tell: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        self.budget.take(Cost::Held, bytes as u64, at)?;
        let result = tell(self);
        self.budget.give_back(Cost::Held, bytes as u64);
        result
    }

    /// Bytes of a window for the elements of an array.
    pub(super) fn window(&self) -> usize {
        if self.budget.used(Cost::Held) > CROWDED { 4 << 10 } else { 64 << 10 }
    }

    fn here(&mut self, addr: RelAddr) -> Result<()> {
        let walk = self.walk;
        match walk.overrides.and_then(|o| o.objects.get(&addr)) {
            Some(Override::Value(node)) => {
                if node.is_tracked() {
                    self.ids.get_or_insert(addr.0, self.next);
                }
                return self.node(node, true);
            }
            Some(Override::Retyped { to, fields }) => return self.retyped(addr, to, fields),
            Some(Override::Columns { of, to }) => return self.columns(addr, of, to),
            Some(Override::Rows) => return self.rows_at(addr),
            Some(Override::Moved) | None => {}
        }
        let object = walk.types.file().object(addr)?;
        let at = offset(&object);
        self.met(&object)?;
        self.holding(cost(&object), at, |s| match &object.kind {
            ObjectKind::Dataset(dataset) => s.dataset(&object, dataset),
            ObjectKind::Datatype(_) => {
                s.visitor.type_value("Core.DataType", &walk.types.committed(addr)?.julia_type)
            }
            // JLD2 gives the group itself; it is told by its path.
            ObjectKind::Group(_) => {
                let path = walk.types.group_path(addr);
                s.visitor.text(TypeName::Name("JLD2.Group"), path.as_bytes())
            }
        })
    }

    /// Tells whoever watches of an object.
    fn met(&self, object: &Object) -> Result<()> {
        self.walk.watch.map_or(Ok(()), |watch| watch.object(object))
    }

    /// Does `tell` for the dataset at `addr`, which something at `at` refers to as `what`.
    pub(super) fn referred(
        &mut self,
        addr: RelAddr,
        at: u64,
        what: &'static str,
        tell: impl FnOnce(&mut Self, &Object, &Dataset, &Element) -> Result<()>,
    ) -> Result<()> {
        let types = self.walk.types;
        self.inside(addr, |s| {
            let object = types.file().object(addr)?;
            let Some(dataset) = object.dataset() else {
                return Err(Error::corrupt(at, what, "a dataset", "another object"));
            };
            s.met(&object)?;
            let element = types.element(&dataset.datatype)?;
            s.holding(cost(&object), at, |s| tell(s, &object, dataset, &element))
        })
    }

    fn dataset(&mut self, object: &Object, dataset: &Dataset) -> Result<()> {
        let types = self.walk.types;
        let element = types.element(&dataset.datatype)?;
        let dims = types.julia_dims(object, dataset)?;
        let string = matches!(element.datatype().class, Class::String);
        match dims {
            Some(dims) if !string => self.array(object, dataset, &element, &dims),
            _ if dataset.dataspace.extent == Extent::Null => {
                let id = tracked(&element).then(|| self.new_id(object.addr()));
                if let Element::Committed(c) = &element
                    && let Some(fields) = self.walk.changed_fields(c)
                {
                    return self.changed(&c.julia_type, c, fields, &[], offset(object), id);
                }
                self.singleton(&element.julia_type(), id)
            }
            _ => match &element {
                Element::Plain(d) if string => self.string(dataset, d),
                _ => {
                    let id = tracked(&element).then(|| self.new_id(object.addr()));
                    self.whole(dataset, element.datatype(), |s, bytes, at| {
                        s.value(&element, bytes, at, id)
                    })
                }
            },
        }
    }

    /// Does `tell` for all data of a dataset that is one value, with their offset.
    pub(super) fn whole(
        &mut self,
        dataset: &Dataset,
        datatype: &Datatype,
        tell: impl FnOnce(&mut Self, &[u8], u64) -> Result<()>,
    ) -> Result<()> {
        let file = self.walk.types.file();
        if let Some((at, len)) = plain_place(file, dataset, datatype)? {
            let mut bytes = [0; SMALL];
            let bytes = bytes.get_mut(..len).unwrap_or_default();
            file.source().read_into(at, bytes, "data")?;
            return self.holding(len, at, |s| tell(s, bytes, at));
        }
        let column = Column::new(file, dataset, datatype)?;
        let mut stream = column.open()?;
        let at = stream.offset();
        let len = usize::try_from(column.len()).ok().filter(|&n| n <= ELEMENT);
        let Some(len) = len else {
            return Err(Error::corrupt(at, "value", "at most 16 MiB", column.len().to_string()));
        };
        self.holding(len, at, |s| {
            let mut bytes = vec![0; len];
            stream.fill(&mut bytes)?;
            stream.finish()?;
            drop(stream);
            tell(s, &bytes, at)
        })
    }

    /// A string that is an object of its own.
    fn string(&mut self, dataset: &Dataset, datatype: &Datatype) -> Result<()> {
        let (file, t) = (self.walk.types.file(), TypeName::Name("Core.String"));
        if let Some((at, len)) = plain_place(file, dataset, datatype)? {
            let mut bytes = [0; SMALL];
            let bytes = bytes.get_mut(..len).unwrap_or_default();
            file.source().read_into(at, bytes, "string")?;
            return self.visitor.text(t, bytes);
        }
        let column = Column::new(file, dataset, datatype)?;
        let mut stream = column.open()?;
        self.long_text(t, stream.offset(), column.len(), stream.reader())?;
        stream.finish()
    }

    /// Tells of text: `len` bytes of a stream, which stand at `at`.
    pub(super) fn long_text(
        &mut self,
        t: TypeName<'_>,
        at: u64,
        len: u64,
        input: &mut dyn Read,
    ) -> Result<()> {
        self.visitor.long_text(t, &mut TextStream::new(input, len, at))
    }

    /// Tells of the object at `addr`, a struct of arrays, as the array that it becomes.
    fn rows_at(&mut self, addr: RelAddr) -> Result<()> {
        let types = self.walk.types;
        let object = types.file().object(addr)?;
        let wrong =
            || Error::corrupt(offset(&object), "turned object", "a record", "another value");
        let dataset = object.dataset().ok_or_else(wrong)?;
        let Element::Committed(c) = types.element(&dataset.datatype)? else { return Err(wrong()) };
        let to = self.walk.rows_of(&c).ok_or_else(wrong)?;
        let id = self.new_id(addr);
        self.whole(dataset, &c.datatype, |s, bytes, at| s.rows(to, &c, bytes, at, id))
    }

    /// Tells of the object at `addr` as one of the type `to` with these fields.
    fn retyped(
        &mut self,
        addr: RelAddr,
        to: &NewName,
        fields: &[(String, FieldValue)],
    ) -> Result<()> {
        let types = self.walk.types;
        let object = types.file().object(addr)?;
        let at = offset(&object);
        let wrong = || Error::corrupt(at, "retyped object", "a record", "another value");
        let dataset = object.dataset().ok_or_else(wrong)?;
        let Element::Committed(c) = types.element(&dataset.datatype)? else {
            return Err(wrong());
        };
        let t = to.of(c.julia_type.params().to_vec());
        let id = self.new_id(addr);
        if dataset.dataspace.extent == Extent::Null {
            return self.changed(&t, &c, fields, &[], at, Some(id));
        }
        self.whole(dataset, &c.datatype, |s, bytes, at| {
            s.changed(&t, &c, fields, bytes, at, Some(id))
        })
    }

    /// Tells of the value `bytes` of the type `c` as one of the type `t` with these fields.
    pub(super) fn changed(
        &mut self,
        t: &JuliaType,
        c: &Committed,
        fields: &[(String, FieldValue)],
        bytes: &[u8],
        at: u64,
        id: Option<u64>,
    ) -> Result<()> {
        self.visitor.enter(TypeName::Type(t), id, Shape::Struct)?;
        let mut count = 0;
        for (name, value) in fields {
            match value {
                FieldValue::Value(node) => {
                    self.field_name(name, &mut count)?;
                    self.node(node, false)?;
                }
                FieldValue::Stored(old) => {
                    let field = c.fields.iter().find(|f| f.name == *old).ok_or_else(|| {
                        Error::corrupt(at, "changed value", format!("a field {old}"), "none")
                    })?;
                    self.named_field(name, field, bytes, at, &mut count)?;
                }
                FieldValue::Derived(derived) => {
                    self.derived(name, *derived, c, bytes, at, &mut count)?;
                }
            }
        }
        self.visitor.leave(Parts::Fields, 0)
    }
}

/// Where the data of a dataset stand, and how many bytes they take, if they are stored as they are and
/// no more than [`SMALL`].
fn plain_place(
    file: &File,
    dataset: &Dataset,
    datatype: &Datatype,
) -> Result<Option<(u64, usize)>> {
    if dataset.layout.chunked().is_some() || dataset.is_unwritten() {
        return Ok(None);
    }
    let len = file.data_len(dataset, datatype)?;
    let len = usize::try_from(len).ok().filter(|len| (1..=SMALL).contains(len));
    Ok(file.stored_offset(dataset)?.zip(len))
}

/// Where an object stands.
pub(super) fn offset(object: &Object) -> u64 {
    object.header.chunks.first().map_or(0, |c| c.offset)
}

/// The memory that an object takes, at least roughly, in bytes.
fn cost(object: &Object) -> usize {
    let header = &object.header;
    let bytes: usize = header.chunks.iter().map(|c| c.bytes.len()).sum();
    let encoded = |t: &TypeRef| match t {
        TypeRef::Inline(d) => d.len as usize,
        TypeRef::Shared { .. } => 0,
    };
    let attributes: usize =
        object.attributes.iter().map(|a| 200 + 16 * encoded(&a.datatype) + a.data.len()).sum();
    let dataset = object.dataset().map_or(0, |d| 32 * encoded(&d.datatype));
    bytes + 32 * header.messages.len() + attributes + dataset
}

/// Whether an object can be met again as the same one: strings, symbols and types never are.
fn tracked(element: &Element) -> bool {
    match element {
        Element::Plain(_) => false,
        Element::Committed(c) => !matches!(
            c.julia_type.short_name(),
            "DataType"
                | "Union"
                | "UnionAll"
                | "TypeVar"
                | "TypeofBottom"
                | "Symbol"
                | "Tuple"
                | "NTuple"
        ),
    }
}

//! New objects for a file: types, and values of them, encoded as JLD2 would append them.
//!
//! Objects are put together first and laid out afterwards, so that they may refer to one another
//! and to heap objects in any order. Nothing of the file itself changes here.

use super::{JuliaType, Param, TypeTable};
use crate::h5::encode::{self, EncodedHeader, MAX_HEAP_OBJECTS, NewMessage};
use crate::h5::{Class, Datatype, Error, Extent, RelAddr, Result, checksum::lookup3, kind};
use std::collections::HashMap;

/// Larger scalars are stored outside their header.
const MAX_COMPACT: usize = 8192;

/// An object to refer to: of the file, or new.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ObjectRef {
    /// An object of the file.
    Existing(RelAddr),
    /// The object with this number of a [`Build`].
    New(usize),
}

/// What is still to be filled in once addresses are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fill {
    /// Eight bytes: the address of a new object.
    Object(usize),
    /// Twelve bytes: heap address and index of a new heap object.
    Heap(usize),
}

/// Bytes, some of which are addresses that are not known yet.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Data {
    bytes: Vec<u8>,
    fills: Vec<(usize, Fill)>,
}

impl Data {
    /// Bytes without addresses, or with addresses of the file.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self { bytes: bytes.into(), fills: Vec::new() }
    }

    /// A reference.
    pub fn reference(to: ObjectRef) -> Self {
        match to {
            ObjectRef::Existing(addr) => Self::new(addr.0.to_le_bytes()),
            ObjectRef::New(n) => Self { bytes: vec![0; 8], fills: vec![(0, Fill::Object(n))] },
        }
    }

    /// Puts `other` behind.
    pub fn push(&mut self, other: &Self) {
        let at = self.bytes.len();
        self.bytes.extend(&other.bytes);
        self.fills.extend(other.fills.iter().map(|&(p, f)| (at + p, f)));
    }

    /// How many bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }
}

/// A member of a type to be committed.
#[derive(Debug, Clone)]
pub struct NewField {
    /// Its name.
    pub name: String,
    /// Its layout; `None` for a field without data.
    pub datatype: Option<Datatype>,
    /// Its committed datatype, if it has one.
    pub committed: Option<ObjectRef>,
}

/// How committed types state the types of their fields.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldStyle {
    /// `field_datatypes`: JLD2 before 0.5.
    Datatypes,
    /// `field_names` and `field_types`: JLD2 from 0.5 on.
    NamesAndTypes,
}

#[derive(Debug)]
struct Blob {
    data: Data,
    /// Whether the last four bytes are a checksum over the others.
    header: bool,
    /// Raw data that stands behind, at a multiple of eight, and the place of its address.
    contiguous: Option<(usize, Data)>,
}

/// New objects in the making.
#[derive(Debug)]
pub struct Build<'a> {
    types: &'a TypeTable<'a>,
    /// Address of the committed `Core.DataType`.
    datatype_type: RelAddr,
    style: FieldStyle,
    placeholder: bool,
    blobs: Vec<Blob>,
    heap: Vec<Data>,
    /// Committed types of the file by their written-out names.
    existing: HashMap<String, RelAddr>,
    made: HashMap<String, ObjectRef>,
    /// New types that still need a name in `_types`.
    added: Vec<ObjectRef>,
    empty_tuple: Option<ObjectRef>,
}

/// What a [`Build`] comes to.
#[derive(Debug)]
pub struct Built {
    /// The bytes to append.
    pub bytes: Vec<u8>,
    /// The address of each new object.
    pub addresses: Vec<RelAddr>,
    /// The extra data with everything filled in.
    pub extra: Vec<Vec<u8>>,
}

impl<'a> Build<'a> {
    /// Starts to build for the file of `types`, whose committed types stand at `committed`, in the
    /// order of `_types`.
    ///
    /// # Errors
    /// If a committed type is damaged, or none is `Core.DataType`.
    pub fn new(types: &'a TypeTable<'a>, committed: &[RelAddr], style: FieldStyle) -> Result<Self> {
        let mut existing = HashMap::new();
        let mut datatype_type = None;
        for &addr in committed {
            let c = types.committed(addr)?;
            if c.julia_type.short_name() == "DataType" {
                datatype_type = datatype_type.or(Some(addr));
            }
            existing.entry(c.julia_type.to_string()).or_insert(addr);
        }
        let Some(datatype_type) = datatype_type else {
            let at = types.file().superblock().offset;
            return Err(Error::corrupt(at, "_types", "a committed Core.DataType", "none"));
        };
        Ok(Self {
            types,
            datatype_type,
            style,
            placeholder: true,
            blobs: Vec::new(),
            heap: Vec::new(),
            existing,
            made: HashMap::new(),
            added: Vec::new(),
            empty_tuple: None,
        })
    }

    /// New types that have no name in `_types` yet, in the order made.
    pub fn added(&self) -> &[ObjectRef] {
        &self.added
    }

    /// Lets a committed type be named in `_types`.
    pub fn add_type(&mut self, t: ObjectRef) {
        self.added.push(t);
    }

    /// Whether nothing was built.
    pub fn is_empty(&self) -> bool {
        self.blobs.is_empty()
    }

    /// The sixteen bytes of a sequence of `count` elements with these bytes.
    fn sequence(&mut self, count: usize, data: Data) -> Data {
        let mut out = Data::new(u32::try_from(count).unwrap_or(u32::MAX).to_le_bytes());
        out.push(&Data { bytes: vec![0; 12], fills: vec![(0, Fill::Heap(self.heap.len()))] });
        self.heap.push(data);
        out
    }

    /// A string of variable length.
    pub fn text(&mut self, text: &str) -> Data {
        self.sequence(text.len(), Data::new(text.as_bytes()))
    }

    /// A sequence of references.
    fn references(&mut self, refs: &[ObjectRef]) -> Data {
        let mut data = Data::default();
        for &r in refs {
            data.push(&Data::reference(r));
        }
        self.sequence(refs.len(), data)
    }

    /// The 32 bytes of a DataType value.
    ///
    /// # Errors
    /// If a parameter is of a kind that cannot be written.
    pub fn type_value(&mut self, t: &JuliaType) -> Result<Data> {
        let JuliaType::Named { name, params } = t else {
            return Err(self.cannot_write(t));
        };
        let mut out = self.text(name);
        if params.is_empty() {
            out.push(&Data::new([0; 16]));
        } else {
            let refs = params.iter().map(|p| self.param(p)).collect::<Result<Vec<_>>>()?;
            let refs = self.references(&refs);
            out.push(&refs);
        }
        Ok(out)
    }

    fn cannot_write(&self, t: &dyn std::fmt::Display) -> Error {
        let at = self.types.file().superblock().end_of_file;
        Error::corrupt(at, "new type", "a type that can be written", t.to_string())
    }

    fn param(&mut self, param: &Param) -> Result<ObjectRef> {
        match param {
            Param::Type(t) => match self.find(&t.to_string()) {
                Some(known) => Ok(known),
                None => {
                    let value = self.type_value(t)?;
                    let shared = ObjectRef::Existing(self.datatype_type);
                    Ok(self.dataset(Some(shared), None, &value))
                }
            },
            Param::Int(i) => match i64::try_from(*i) {
                Ok(i) => {
                    let data = Data::new(i.to_le_bytes());
                    Ok(self.dataset(None, Some(&Datatype::integer(8, true)), &data))
                }
                Err(_) => Err(self.cannot_write(param)),
            },
            Param::Symbol(name) => self.symbol(name),
            Param::Symbols(names) => self.symbols(names),
            Param::Other(_) => Err(self.cannot_write(param)),
        }
    }

    /// A committed type of the file or a new one.
    pub fn find(&self, name: &str) -> Option<ObjectRef> {
        let made = self.made.get(name).copied();
        made.or_else(|| self.existing.get(name).map(|&a| ObjectRef::Existing(a)))
    }

    /// The committed `Core.Symbol`.
    ///
    /// # Errors
    /// If the file's types cannot be read.
    pub fn symbol_type(&mut self) -> Result<ObjectRef> {
        let t = JuliaType::plain("Core.Symbol");
        self.find_or_commit(&t, &Datatype::vlen_string(), &[])
    }

    fn symbol(&mut self, name: &str) -> Result<ObjectRef> {
        let t = self.symbol_type()?;
        let data = self.text(name);
        Ok(self.dataset(Some(t), None, &data))
    }

    fn symbols(&mut self, names: &[String]) -> Result<ObjectRef> {
        let symbol = self.symbol_type()?;
        let params = names.iter().map(|_| Param::Type(JuliaType::plain("Core.Symbol"))).collect();
        let t = JuliaType::Named { name: "Core.Tuple".into(), params };
        let fields: Vec<_> = (1..=names.len())
            .map(|i| NewField {
                name: i.to_string(),
                datatype: Some(Datatype::vlen_string()),
                committed: Some(symbol),
            })
            .collect();
        let tuple = self.find_or_commit_record(&t, &fields)?;
        let mut data = Data::default();
        for name in names {
            let text = self.text(name);
            data.push(&text);
        }
        Ok(self.dataset(Some(tuple), None, &data))
    }

    /// A committed compound of this type: the file's, if it has the same layout, or a new one.
    ///
    /// # Errors
    /// If the file's types cannot be read or the new one cannot be written.
    pub fn find_or_commit_record(
        &mut self,
        t: &JuliaType,
        fields: &[NewField],
    ) -> Result<ObjectRef> {
        self.find_or_commit(t, &record(fields), fields)
    }

    fn find_or_commit(
        &mut self,
        t: &JuliaType,
        layout: &Datatype,
        fields: &[NewField],
    ) -> Result<ObjectRef> {
        match self.find(&t.to_string()) {
            Some(ObjectRef::Existing(addr)) => {
                if self.types.committed(addr)?.datatype.same_layout(layout) {
                    return Ok(ObjectRef::Existing(addr));
                }
            }
            Some(made) => return Ok(made),
            None => {}
        }
        let value = self.type_value(t)?;
        let made = self.commit(&value, layout, fields)?;
        self.made.insert(t.to_string(), made);
        self.added.push(made);
        Ok(made)
    }

    /// The committed type of instances without data.
    ///
    /// # Errors
    /// If the file's types cannot be read.
    pub fn find_or_commit_empty(&mut self, t: &JuliaType) -> Result<ObjectRef> {
        let name = t.to_string();
        if let Some(known) = self.find(&name) {
            return Ok(known);
        }
        let value = self.type_value(t)?;
        let mut messages = vec![self.committed_datatype(&Datatype::new(Class::Opaque, 1))];
        let mut fills = Vec::new();
        self.attribute(&mut messages, &mut fills, "julia_type", &value);
        let body = encode::attribute(
            "empty",
            false,
            &encode::datatype(&Datatype::integer(1, false)),
            &encode::dataspace(Extent::Scalar, &[]),
            &[1],
        );
        messages.push(NewMessage::new(kind::ATTRIBUTE, 0, body));
        let made = self.header(&messages, fills, None);
        self.made.insert(name, made);
        self.added.push(made);
        Ok(made)
    }

    /// A `()`; immutable, so that one serves all.
    ///
    /// # Errors
    /// If the file's types cannot be read.
    pub fn empty_tuple(&mut self) -> Result<ObjectRef> {
        if let Some(known) = self.empty_tuple {
            return Ok(known);
        }
        let t = self.find_or_commit_empty(&JuliaType::plain("Core.Tuple"))?;
        let made = self.empty_dataset(t);
        self.empty_tuple = Some(made);
        Ok(made)
    }

    /// Commits a type whose DataType value is `value`. The caller sees to its name in `_types`.
    ///
    /// # Errors
    /// If its description is too long for a header message.
    pub fn commit(
        &mut self,
        value: &Data,
        layout: &Datatype,
        fields: &[NewField],
    ) -> Result<ObjectRef> {
        let mut messages = vec![self.committed_datatype(layout)];
        let mut fills = Vec::new();
        self.attribute(&mut messages, &mut fills, "julia_type", value);
        let stated = |f: &NewField| match self.style {
            FieldStyle::Datatypes => f.committed.is_some() && f.datatype.is_some(),
            FieldStyle::NamesAndTypes => f.committed.is_some() || f.datatype.is_none(),
        };
        if fields.iter().any(stated) {
            self.field_attributes(&mut messages, &mut fills, fields);
        }
        if messages.iter().any(|m| m.body.len() > usize::from(u16::MAX)) {
            return Err(self.cannot_write(&"a type with over 64 KiB of description"));
        }
        Ok(self.header(&messages, fills, None))
    }

    fn committed_datatype(&self, layout: &Datatype) -> NewMessage {
        NewMessage::new(kind::DATATYPE, 0x40, encode::datatype(layout))
    }

    /// An attribute of type DataType.
    fn attribute(
        &self,
        messages: &mut Vec<NewMessage>,
        fills: &mut Vec<(usize, usize, Fill)>,
        name: &str,
        value: &Data,
    ) {
        let shared = encode::shared(self.datatype_type);
        let space = encode::dataspace(Extent::Scalar, &[]);
        push_attribute(messages, fills, name, true, &shared, &space, value);
    }

    fn field_attributes(
        &mut self,
        messages: &mut Vec<NewMessage>,
        fills: &mut Vec<(usize, usize, Fill)>,
        fields: &[NewField],
    ) {
        let null = ObjectRef::Existing(RelAddr::NULL);
        let mut refs = Data::default();
        let mut names = Data::default();
        let mut count = 0_u64;
        for f in fields {
            if self.style == FieldStyle::Datatypes && f.datatype.is_none() {
                continue;
            }
            count += 1;
            refs.push(&Data::reference(f.committed.unwrap_or(null)));
            if self.style == FieldStyle::NamesAndTypes {
                let name = self.text(&f.name);
                names.push(&name);
            }
        }
        let space = encode::dataspace(Extent::Simple, &[count]);
        let reference = encode::datatype(&Datatype::reference());
        match self.style {
            FieldStyle::Datatypes => {
                push_attribute(
                    messages,
                    fills,
                    "field_datatypes",
                    false,
                    &reference,
                    &space,
                    &refs,
                );
            }
            FieldStyle::NamesAndTypes => {
                let text = encode::datatype(&Datatype::vlen_string());
                push_attribute(messages, fills, "field_names", false, &text, &space, &names);
                push_attribute(messages, fills, "field_types", false, &reference, &space, &refs);
            }
        }
    }

    /// A scalar dataset: of a committed type, or of a plain one.
    pub fn dataset(
        &mut self,
        committed: Option<ObjectRef>,
        plain: Option<&Datatype>,
        data: &Data,
    ) -> ObjectRef {
        self.any_dataset(committed, plain, Extent::Scalar, &[], data)
    }

    /// A dataset of a type without data.
    pub fn empty_dataset(&mut self, committed: ObjectRef) -> ObjectRef {
        self.any_dataset(Some(committed), None, Extent::Null, &[], &Data::default())
    }

    /// A dataset of any shape, its data unfiltered; `dims` in HDF5's order.
    pub fn any_dataset(
        &mut self,
        committed: Option<ObjectRef>,
        plain: Option<&Datatype>,
        extent: Extent,
        dims: &[u64],
        data: &Data,
    ) -> ObjectRef {
        let mut fills = Vec::new();
        let mut messages = vec![
            NewMessage::fill_value(),
            NewMessage::new(kind::DATASPACE, 0, encode::dataspace(extent, dims)),
        ];
        let datatype = match (committed, plain) {
            (Some(ObjectRef::Existing(addr)), _) => {
                NewMessage::new(kind::DATATYPE, 3, encode::shared(addr))
            }
            (Some(ObjectRef::New(n)), _) => {
                fills.push((messages.len(), 2, Fill::Object(n)));
                NewMessage::new(kind::DATATYPE, 3, encode::shared(RelAddr::NULL))
            }
            (None, Some(d)) => NewMessage::new(kind::DATATYPE, 1, encode::datatype(d)),
            (None, None) => {
                NewMessage::new(kind::DATATYPE, 1, encode::datatype(&Datatype::boolean()))
            }
        };
        messages.push(datatype);
        let inside = data.len() < MAX_COMPACT;
        let layout = if inside {
            fills.extend(data.fills.iter().map(|&(p, f)| (messages.len(), 4 + p, f)));
            encode::compact(&data.bytes)
        } else {
            encode::contiguous(RelAddr::UNDEF, data.len() as u64)
        };
        messages.push(NewMessage::new(kind::LAYOUT, 0, layout));
        let layout_at = messages.len() - 1;
        if self.placeholder {
            messages.push(NewMessage::placeholder());
        }
        self.header(&messages, fills, (!inside).then(|| (layout_at, data.clone())))
    }

    /// A group.
    pub fn group(&mut self, links: &[(String, ObjectRef)]) -> ObjectRef {
        let named: Vec<_> = links
            .iter()
            .map(|(name, to)| match to {
                ObjectRef::Existing(addr) => (name.clone(), *addr),
                ObjectRef::New(_) => (name.clone(), RelAddr::UNDEF),
            })
            .collect();
        let messages = encode::group(&named);
        let link_messages =
            (0..messages.len()).filter(|&i| messages.get(i).is_some_and(|m| m.kind == kind::LINK));
        let mut fills = Vec::new();
        for (i, (_, to)) in link_messages.zip(links) {
            if let (ObjectRef::New(n), Some(m)) = (to, messages.get(i)) {
                fills.push((i, m.body.len() - 8, Fill::Object(*n)));
            }
        }
        self.header(&messages, fills, None)
    }

    /// A header chunk that continues a group: links and a placeholder. Gives its length in bytes.
    pub fn group_continuation(&mut self, links: &[(String, ObjectRef)]) -> (ObjectRef, u64) {
        let mut bytes = b"OCHK".to_vec();
        let mut fills = Vec::new();
        for (name, to) in links {
            let addr = match to {
                ObjectRef::Existing(addr) => *addr,
                ObjectRef::New(_) => RelAddr::UNDEF,
            };
            NewMessage::new(kind::LINK, 0, encode::link(name, addr)).write(&mut bytes);
            if let ObjectRef::New(n) = to {
                fills.push((bytes.len() - 8, Fill::Object(*n)));
            }
        }
        NewMessage::placeholder().write(&mut bytes);
        bytes.extend([0; 4]);
        let len = bytes.len() as u64;
        let data = Data { bytes, fills };
        self.blobs.push(Blob { data, header: true, contiguous: None });
        (ObjectRef::New(self.blobs.len() - 1), len)
    }

    /// Takes a header in; fills are given by message and position in its body.
    fn header(
        &mut self,
        messages: &[NewMessage],
        fills: Vec<(usize, usize, Fill)>,
        contiguous: Option<(usize, Data)>,
    ) -> ObjectRef {
        let EncodedHeader { bytes, bodies } = encode::object_header(messages);
        let place = |message: usize, at: usize| bodies.get(message).map_or(at, |b| b + at);
        let fills = fills.into_iter().map(|(m, at, f)| (place(m, at), f)).collect();
        let contiguous = contiguous.map(|(m, data)| (place(m, 2), data));
        self.blobs.push(Blob { data: Data { bytes, fills }, header: true, contiguous });
        ObjectRef::New(self.blobs.len() - 1)
    }

    /// Lays everything out from the absolute offset `start` on; `extra` are data that go elsewhere
    /// and refer to what was built.
    pub fn finish(self, start: u64, extra: &[Data]) -> Built {
        let base = self.types.file().superblock().base;
        let mut at = start;
        let mut places = Vec::with_capacity(self.blobs.len());
        for blob in &self.blobs {
            let data_at =
                blob.contiguous.as_ref().map(|_| (at + blob.data.len() as u64).next_multiple_of(8));
            places.push((at, data_at));
            at = match (&blob.contiguous, data_at) {
                (Some((_, data)), Some(data_at)) => data_at + data.len() as u64,
                _ => at + blob.data.len() as u64,
            };
        }
        let rel = |offset: u64| RelAddr(offset.wrapping_sub(base));
        let addresses: Vec<_> = places.iter().map(|&(at, _)| rel(at)).collect();
        // Heaps come last: their sizes do not depend on addresses.
        let mut heaps = Vec::new();
        for objects in self.heap.chunks(MAX_HEAP_OBJECTS) {
            at = at.next_multiple_of(8);
            heaps.push(rel(at));
            let plain: Vec<_> = objects.iter().map(|o| o.bytes.clone()).collect();
            at += encode::heap(&plain).len() as u64;
        }
        let fill = |data: &Data| -> Vec<u8> {
            let mut bytes = data.bytes.clone();
            for &(p, f) in &data.fills {
                let value = match f {
                    Fill::Object(n) => {
                        addresses.get(n).copied().unwrap_or(RelAddr::NULL).0.to_le_bytes().to_vec()
                    }
                    Fill::Heap(i) => {
                        let heap = heaps.get(i / MAX_HEAP_OBJECTS).copied();
                        let index = u32::try_from(i % MAX_HEAP_OBJECTS + 1).unwrap_or(u32::MAX);
                        let mut v = heap.unwrap_or(RelAddr::NULL).0.to_le_bytes().to_vec();
                        v.extend(index.to_le_bytes());
                        v
                    }
                };
                if let Some(to) = bytes.get_mut(p..p + value.len()) {
                    to.copy_from_slice(&value);
                }
            }
            bytes
        };
        let mut out = Vec::new();
        let pad = |out: &mut Vec<u8>, to: u64| {
            out.resize(usize::try_from(to - start).unwrap_or(out.len()), 0);
        };
        for (blob, &(at, data_at)) in self.blobs.iter().zip(&places) {
            pad(&mut out, at);
            let mut bytes = fill(&blob.data);
            if let (Some((p, _)), Some(data_at)) = (&blob.contiguous, data_at) {
                if let Some(to) = bytes.get_mut(*p..*p + 8) {
                    to.copy_from_slice(&rel(data_at).0.to_le_bytes());
                }
            }
            if blob.header {
                let body = bytes.len() - 4;
                let sum = lookup3(bytes.get(..body).unwrap_or_default());
                bytes.truncate(body);
                bytes.extend(sum.to_le_bytes());
            }
            out.extend(bytes);
            if let (Some((_, data)), Some(data_at)) = (&blob.contiguous, data_at) {
                pad(&mut out, data_at);
                out.extend(fill(data));
            }
        }
        for (objects, addr) in self.heap.chunks(MAX_HEAP_OBJECTS).zip(&heaps) {
            pad(&mut out, addr.0.wrapping_add(base));
            let filled: Vec<_> = objects.iter().map(fill).collect();
            out.extend(encode::heap(&filled));
        }
        let extra = extra.iter().map(fill).collect();
        Built { bytes: out, addresses, extra }
    }
}

/// The packed compound of fields that have data.
pub fn record(fields: &[NewField]) -> Datatype {
    Datatype::record(fields.iter().filter_map(|f| f.datatype.clone().map(|d| (f.name.clone(), d))))
}

fn push_attribute(
    messages: &mut Vec<NewMessage>,
    fills: &mut Vec<(usize, usize, Fill)>,
    name: &str,
    shared: bool,
    datatype: &[u8],
    space: &[u8],
    value: &Data,
) {
    let body = encode::attribute(name, shared, datatype, space, &value.bytes);
    let data_at = body.len() - value.len();
    fills.extend(value.fills.iter().map(|&(p, f)| (messages.len(), data_at + p, f)));
    messages.push(NewMessage::new(kind::ATTRIBUTE, 0, body));
}

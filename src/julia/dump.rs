//! The canonical form of values: the JSON of `dump --json`, and what content digests are made of.
//!
//! One object at a time is written as it is read, arrays of numbers only as a digest, so memory
//! does not grow with the data.

use super::array::{MAX_ELEMENT, each_element};
use super::bounded::Bounded;
use super::node::{comma, head};
use super::number::{big_integer, code_point, digits, hex, number};
use super::text::{self, text};
use super::{Column, Committed, Element, Field, JuliaType, Node, Param, TypeTable};
use crate::h5::{
    Allowance, Class, Cursor, Dataset, Datatype, Error, Extent, File, Object, ObjectKind, RelAddr,
    Result,
};
use sha2::{Digest as _, Sha256};
use std::collections::HashMap;
use std::io::{Read, Write};
use xxhash_rust::xxh3::Xxh3;

/// References nest less deeply than this; a longer chain would exhaust the stack.
const MAX_OBJECTS: u32 = 3000;
/// Values inside one object nest less deeply than this; a forged type can be a part of itself.
const MAX_VALUES: u32 = 64;
/// What writing a value costs besides its bytes, in bytes.
const VALUE_COST: u64 = 8;

/// How arrays of numbers are digested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Digest {
    /// SHA-256: the public form.
    Sha256,
    /// xxh3-128: for comparing two files, ten times faster.
    Xxh3,
}

/// What stands in for objects of the file: what rules make of them. The names of types that change
/// with them are the [`TypeTable`]'s business ([`TypeTable::with_renames`]).
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// By address of the object.
    pub objects: HashMap<RelAddr, Override>,
}

/// What stands in for one object.
#[derive(Debug, Clone)]
pub enum Override {
    /// A value.
    Value(Node),
    /// The object itself, as another type.
    Retyped {
        /// The other type's full name.
        julia_type: String,
        /// Its fields in order.
        fields: Vec<(String, FieldValue)>,
    },
}

/// Where a field of an [`Override::Retyped`] comes from.
#[derive(Debug, Clone)]
pub enum FieldValue {
    /// The field with this name of the stored object.
    Stored(String),
    /// A value.
    Value(Node),
}

/// Writes values in the canonical form.
pub struct Dumper<'a> {
    types: &'a TypeTable<'a>,
    digest: Digest,
    overrides: Option<&'a Overrides>,
    progress: Option<&'a dyn Fn(u64) -> Result<()>>,
    limit: Option<u64>,
}

impl<'a> Dumper<'a> {
    /// A dumper of the values of a file.
    pub fn new(types: &'a TypeTable<'a>, digest: Digest) -> Self {
        Self { types, digest, overrides: None, progress: None, limit: None }
    }

    /// Leaves out all but the first `limit` elements of arrays and dictionaries, and reads no more
    /// of the data than it needs for that. What is left out is counted under `more`; arrays of
    /// numbers carry their first values under `head` in place of a digest.
    #[must_use]
    pub fn abridged(mut self, limit: u64) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Tells `progress` of each window of logical bytes that was read; its error ends the dump.
    #[must_use]
    pub fn with_progress(mut self, progress: &'a dyn Fn(u64) -> Result<()>) -> Self {
        self.progress = Some(progress);
        self
    }

    /// Lets other values stand in for some objects.
    #[must_use]
    pub fn with_overrides(mut self, overrides: &'a Overrides) -> Self {
        self.overrides = Some(overrides);
        self
    }

    /// Writes the value at `addr` as one JSON object.
    ///
    /// # Errors
    /// If it is damaged or cannot be written.
    pub fn node(&self, addr: RelAddr, out: &mut dyn Write) -> Result<()> {
        let file = self.types.file();
        self.value(addr, file.allowance(), &mut Bounded::new(out, file.source().len()))
    }

    /// Writes the datasets of `paths` as one JSON object from path to value.
    ///
    /// # Errors
    /// If one is damaged or cannot be written.
    pub fn all(&self, paths: &[(String, RelAddr)], out: &mut dyn Write) -> Result<()> {
        let file = self.types.file();
        let allowance = file.allowance();
        let out = &mut Bounded::new(out, file.source().len());
        put(out.write_all(b"{"))?;
        for (i, (path, addr)) in paths.iter().enumerate() {
            put(comma(out, i).and_then(|()| out.write_all(b"\n")))?;
            put(text(out, path.as_bytes()).and_then(|()| out.write_all(b":")))?;
            self.value(*addr, allowance, out).map_err(|e| e.in_object(path))?;
        }
        put(out.write_all(b"\n}\n"))
    }

    fn value(&self, addr: RelAddr, allowance: Allowance, out: &mut dyn Write) -> Result<()> {
        let ids = HashMap::new();
        Session { dumper: self, out, ids, next: 1, objects: 0, values: 0, allowance }.object(addr)
    }
}

fn put(result: std::io::Result<()>) -> Result<()> {
    result.map_err(Error::output)
}

/// The writing of one dataset and all it leads to.
struct Session<'s> {
    dumper: &'s Dumper<'s>,
    out: &'s mut dyn Write,
    ids: HashMap<RelAddr, u64>,
    next: u64,
    /// Objects that the present one is inside of.
    objects: u32,
    /// Values of the present object that the present one is inside of.
    values: u32,
    allowance: Allowance,
}

impl Session<'_> {
    fn types(&self) -> &TypeTable<'_> {
        self.dumper.types
    }

    fn raw(&mut self, s: &str) -> Result<()> {
        put(self.out.write_all(s.as_bytes()))
    }

    fn head(&mut self, t: &JuliaType, id: Option<u64>) -> Result<()> {
        put(head(self.out, &t.to_string(), id))
    }

    /// `{"t":…,"v":…}` with `v` given as JSON.
    fn value_json(&mut self, t: &str, json: &str) -> Result<()> {
        put(head(self.out, t, None))?;
        put(write!(self.out, ",\"v\":{json}}}"))
    }

    fn value_text(&mut self, t: &str, v: &[u8]) -> Result<()> {
        if let ("Base.GMP.BigInt", Some(number)) = (t, big_integer(v)) {
            return self.value_json(t, &number);
        }
        put(head(self.out, t, None))?;
        self.raw(",\"v\":")?;
        put(text(self.out, v))?;
        self.raw("}")
    }

    fn new_id(&mut self, addr: RelAddr) -> u64 {
        let id = self.next;
        self.next += 1;
        self.ids.insert(addr, id);
        id
    }

    fn object(&mut self, addr: RelAddr) -> Result<()> {
        if let Some(id) = self.ids.get(&addr) {
            let reference = format!("{{\"ref\":{id}}}");
            return self.raw(&reference);
        }
        self.inside(addr, |s| s.here(addr))
    }

    /// Does `write` for an object that the present one refers to.
    fn inside(&mut self, addr: RelAddr, write: impl FnOnce(&mut Self) -> Result<()>) -> Result<()> {
        let at = self.types().file().offset(addr, "object")?;
        self.allowance.check(self.types().file(), at)?;
        if self.objects >= MAX_OBJECTS {
            return Err(Error::corrupt(at, "value", "at most 3000 levels of references", "more"));
        }
        self.objects += 1;
        let values = std::mem::take(&mut self.values);
        let result = write(self);
        self.values = values;
        self.objects -= 1;
        result
    }

    fn here(&mut self, addr: RelAddr) -> Result<()> {
        let dumper = self.dumper;
        if let Some(node) = dumper.overrides.and_then(|o| o.objects.get(&addr)) {
            self.overridden(addr, node)?;
        } else {
            let object = dumper.types.file().object(addr)?;
            match &object.kind {
                ObjectKind::Dataset(dataset) => self.dataset(&object, dataset)?,
                ObjectKind::Datatype(_) => {
                    let t = self.types().committed(addr)?.julia_type.to_string();
                    self.value_text("Core.DataType", t.as_bytes())?;
                }
                ObjectKind::Group(_) => {
                    let at = self.types().file().offset(addr, "object")?;
                    return Err(Error::corrupt(at, "value", "a dataset", "a group"));
                }
            }
        }
        Ok(())
    }

    fn dataset(&mut self, object: &Object, dataset: &Dataset) -> Result<()> {
        let dumper = self.dumper;
        let element = dumper.types.element(&dataset.datatype)?;
        let dims = dumper.types.julia_dims(object, dataset)?;
        let old_string = matches!(element.datatype().class, Class::String);
        match dims {
            Some(dims) if !old_string => self.array(object, dataset, &element, &dims),
            _ if dataset.dataspace.extent == Extent::Null => {
                let id = self.tracked(&element).then(|| self.new_id(object.addr()));
                self.singleton(&element.julia_type(), id)
            }
            _ => {
                let id = self.tracked(&element).then(|| self.new_id(object.addr()));
                if let (Element::Plain(d), true) = (&element, old_string) {
                    return self.string(dataset, d);
                }
                let (bytes, at) = whole(dumper.types.file(), dataset, element.datatype())?;
                self.value(&element, &bytes, at, id)
            }
        }
    }

    /// A string that is an object of its own.
    fn string(&mut self, dataset: &Dataset, datatype: &Datatype) -> Result<()> {
        let column = Column::new(self.dumper.types.file(), dataset, datatype)?;
        let mut stream = column.open()?;
        self.long_text("Core.String", stream.offset(), column.len(), stream.reader())?;
        stream.finish()
    }

    /// As [`Self::value_text`], for `len` bytes of a stream that stand at `at`.
    fn long_text(&mut self, t: &str, at: u64, len: u64, input: &mut dyn Read) -> Result<()> {
        put(head(self.out, t, None))?;
        self.raw(",\"v\":")?;
        text::stream(self.out, input, len).map_err(|e| match e {
            text::Failed::Input(e) => Error::payload(at, e),
            text::Failed::Output(e) => Error::output(e),
        })?;
        self.raw("}")
    }

    /// Writes what stands in for the object at `addr`.
    fn overridden(&mut self, addr: RelAddr, by: &Override) -> Result<()> {
        let (julia_type, fields) = match by {
            Override::Value(node) => {
                let id = node.is_tracked().then(|| self.new_id(addr));
                return put(node.write(self.out, id));
            }
            Override::Retyped { julia_type, fields } => (julia_type, fields),
        };
        let dumper = self.dumper;
        let object = dumper.types.file().object(addr)?;
        let at = object.header.chunks.first().map_or(0, |c| c.offset);
        let wrong = || Error::corrupt(at, "retyped object", "a record", "another value");
        let dataset = object.dataset().ok_or_else(wrong)?;
        let Element::Committed(c) = dumper.types.element(&dataset.datatype)? else {
            return Err(wrong());
        };
        let id = self.new_id(addr);
        let (bytes, at) = whole(dumper.types.file(), dataset, &c.datatype)?;
        put(head(self.out, julia_type, Some(id)))?;
        self.raw(",\"fields\":{")?;
        for (i, (name, value)) in fields.iter().enumerate() {
            put(comma(self.out, i))?;
            put(text(self.out, name.as_bytes()))?;
            self.raw(":")?;
            match value {
                FieldValue::Value(node) => put(node.write(self.out, None))?,
                FieldValue::Stored(stored) => {
                    let field = c.fields.iter().find(|f| f.name == *stored).ok_or_else(wrong)?;
                    self.field(field, &bytes, at)?;
                }
            }
        }
        self.raw("}}")
    }

    /// Whether an object can be met again as the same one: strings, symbols and types never are.
    fn tracked(&self, element: &Element) -> bool {
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

    fn array(
        &mut self,
        object: &Object,
        dataset: &Dataset,
        element: &Element,
        dims: &[u64],
    ) -> Result<()> {
        let dumper = self.dumper;
        let id = self.new_id(object.addr());
        let eltype = dumper.types.element_type(object, element)?;
        let t = JuliaType::array(eltype, dims.len());
        self.head(&t, Some(id))?;
        put(write!(self.out, ",\"dims\":{dims:?}"))?;
        if element.is_number() {
            if self.dumper.limit.is_some() {
                return self.number_head(dataset, element);
            }
            let digest = self.number_digest(dataset, element.datatype())?;
            put(write!(self.out, ",\"sha256\":\"{digest}\"}}"))?;
            return Ok(());
        }
        self.raw(",\"items\":[")?;
        if dataset.dataspace.extent == Extent::Null {
            let n = dims.iter().try_fold(1_u64, |n, &d| n.checked_mul(d)).unwrap_or(u64::MAX);
            let at = object.header.chunks.first().map_or(0, |c| c.offset);
            // Elements without data take no space: any number could be claimed.
            if n > 1 << 24 {
                return Err(Error::corrupt(
                    at,
                    "dimensions",
                    "at most 2^24 empty elements",
                    n.to_string(),
                ));
            }
            let Some(Param::Type(eltype)) = t.params().first().cloned() else { return Ok(()) };
            let wanted = self.dumper.limit.unwrap_or(n).min(n);
            for i in 0..wanted {
                put(comma(self.out, usize::from(i > 0)))?;
                self.singleton(&eltype, None)?;
            }
            self.end(n - wanted)
        } else {
            self.items(dataset, element)
        }
    }

    /// The items of an array, and the end of both.
    fn items(&mut self, dataset: &Dataset, element: &Element) -> Result<()> {
        let column = Column::new(self.dumper.types.file(), dataset, element.datatype())?;
        let n = dataset.dataspace.elements().unwrap_or(0);
        let limit = self.dumper.limit;
        let more = each_element(&column, element.size(), n, limit, |i, bytes, at| {
            put(comma(self.out, usize::from(i > 0)))?;
            self.value(element, bytes, at, None)
        })?;
        self.end(more)
    }

    /// `],"more":…}`
    fn end(&mut self, more: u64) -> Result<()> {
        if more > 0 {
            return put(write!(self.out, "],\"more\":{more}}}"));
        }
        self.raw("]}")
    }

    /// `,"head":[…]}`: the first of many numbers.
    fn number_head(&mut self, dataset: &Dataset, element: &Element) -> Result<()> {
        self.raw(",\"head\":[")?;
        let column = Column::new(self.dumper.types.file(), dataset, element.datatype())?;
        let n = dataset.dataspace.elements().unwrap_or(0);
        let class = &element.datatype().class;
        let limit = self.dumper.limit;
        let more = each_element(&column, element.size(), n, limit, |i, bytes, _| {
            put(comma(self.out, usize::from(i > 0)))?;
            let json = match class {
                Class::FixedPoint { signed, .. } => number(bytes, *signed),
                Class::Bitfield => bytes.iter().any(|&b| b != 0).to_string(),
                _ => format!("\"0x{}\"", digits(bytes)),
            };
            self.raw(&json)
        })?;
        self.end(more)
    }

    fn number_digest(&self, dataset: &Dataset, datatype: &Datatype) -> Result<String> {
        let column = Column::new(self.types().file(), dataset, datatype)?;
        let mut stream = column.open()?;
        let mut sha = Sha256::new();
        let mut xxh = Xxh3::new();
        let boolean = matches!(datatype.class, Class::Bitfield);
        let mut buffer =
            vec![0; usize::try_from(stream.left()).unwrap_or(usize::MAX).min(256 << 10)];
        while stream.left() > 0 {
            let n = usize::try_from(stream.left()).unwrap_or(usize::MAX).min(buffer.len());
            let Some(window) = buffer.get_mut(..n) else { break };
            stream.fill(window)?;
            if let Some(progress) = self.dumper.progress {
                progress(window.len() as u64)?;
            }
            if boolean {
                window.iter_mut().for_each(|b| *b = u8::from(*b != 0));
            }
            match self.dumper.digest {
                Digest::Sha256 => sha.update(window),
                Digest::Xxh3 => xxh.update(window),
            }
        }
        stream.finish()?;
        Ok(match self.dumper.digest {
            Digest::Sha256 => hex(sha.finalize().iter()),
            Digest::Xxh3 => format!("{:032x}", xxh.digest128()),
        })
    }

    /// A value of a type without data.
    fn singleton(&mut self, t: &JuliaType, id: Option<u64>) -> Result<()> {
        self.head(t, id)?;
        match t.tuple_elements() {
            Some(elements) => {
                self.raw(",\"items\":[")?;
                for (i, e) in elements.iter().enumerate() {
                    put(comma(self.out, i))?;
                    self.singleton(e, None)?;
                }
                self.raw("]}")
            }
            None => self.raw(",\"fields\":{}}"),
        }
    }

    fn value(&mut self, element: &Element, bytes: &[u8], at: u64, id: Option<u64>) -> Result<()> {
        self.types().file().spend(bytes.len() as u64 + VALUE_COST);
        self.allowance.check(self.types().file(), at)?;
        if self.values >= MAX_VALUES {
            return Err(Error::corrupt(at, "value", "at most 64 levels of records", "more"));
        }
        self.values += 1;
        let result = match element {
            Element::Plain(d) => self.plain(d, &element.julia_type(), bytes, at),
            Element::Committed(c) => self.committed(c, bytes, at, id),
        };
        self.values -= 1;
        result
    }

    fn plain(&mut self, d: &Datatype, t: &JuliaType, bytes: &[u8], at: u64) -> Result<()> {
        let name = t.to_string();
        match &d.class {
            Class::FixedPoint { signed, .. } => {
                let number = number(bytes, *signed);
                self.value_json(&name, &number)
            }
            Class::Float { .. } => self.value_json(&name, &format!("\"0x{}\"", digits(bytes))),
            Class::Bitfield => {
                let on = bytes.iter().any(|&b| b != 0);
                self.value_json(&name, if on { "true" } else { "false" })
            }
            Class::String => self.value_text(&name, bytes),
            Class::Vlen { string: true, .. } => self.vlen_text(&name, bytes, at),
            Class::Reference => {
                let addr = Cursor::new(bytes, at, "reference").addr()?;
                if addr.is_null() { self.raw("null") } else { self.object(addr) }
            }
            Class::Opaque => {
                let number = number(bytes, true);
                self.value_json(&name, &number)
            }
            Class::Compound(members) => {
                let fields: Vec<_> = members
                    .iter()
                    .map(|m| Field {
                        name: m.name.clone(),
                        offset: Some(m.offset),
                        datatype: Some(m.datatype.clone()),
                        committed: None,
                    })
                    .collect();
                self.head(&JuliaType::plain("Core.NamedTuple"), None)?;
                self.fields(&fields, bytes, at)
            }
            Class::Time | Class::Enum(_) | Class::Vlen { .. } | Class::Array { .. } => {
                Err(Error::foreign(d.offset, "a time, enumeration, array or plain sequence"))
            }
        }
    }

    fn committed(&mut self, c: &Committed, bytes: &[u8], at: u64, id: Option<u64>) -> Result<()> {
        let t = &c.julia_type;
        let name = t.to_string();
        match t.short_name() {
            "DataType" => {
                let v = self.types().datatype_value(bytes, at)?.to_string();
                return self.value_text("Core.DataType", v.as_bytes());
            }
            "Union" => {
                let v = self.types().union_value(&c.datatype, bytes, at)?.to_string();
                return self.value_text("Core.Union", v.as_bytes());
            }
            "UnionAll" => {
                let mut cursor = Cursor::new(bytes, at, "UnionAll");
                cursor.u64()?;
                let body = self.types().type_object(cursor.addr()?, at + 8)?.to_string();
                return self.value_text("Core.UnionAll", body.as_bytes());
            }
            "InlineUnionEl" => return self.inline_union(c, bytes, at),
            _ => {}
        }
        if c.empty {
            return self.singleton(t, id);
        }
        if is_dict(c) {
            self.head(t, id)?;
            return self.dict(c, bytes, at);
        }
        if let ("IdDict", Some(table)) = (t.short_name(), c.fields.iter().find(|f| f.name == "ht"))
        {
            self.head(t, id)?;
            return self.id_dict(table, bytes, at);
        }
        match &c.datatype.class {
            Class::Compound(_) => {
                if let Some(elements) = t.tuple_elements() {
                    self.head(t, id)?;
                    return self.tuple(c, &elements, bytes, at);
                }
                self.head(t, id)?;
                self.fields(&c.fields, bytes, at)
            }
            // Written as another object: long tuples as vectors, simple vectors as vectors.
            Class::Reference => {
                let addr = Cursor::new(bytes, at, "reference").addr()?;
                if addr.is_null() {
                    return self.raw("null");
                }
                self.inside(addr, |s| s.written_as(addr, t, at, id))
            }
            Class::Vlen { string: true, .. } => self.vlen_text(&name, bytes, at),
            Class::Opaque if t.name() == "Core.Char" || t.name() == "Core.Core.Char" => {
                self.value_json(&name, &code_point(bytes).to_string())
            }
            _ => self.plain(&c.datatype, t, bytes, at),
        }
    }

    /// A value of type `t` that is stored as the object at `addr`, which is of another type.
    fn written_as(&mut self, addr: RelAddr, t: &JuliaType, at: u64, id: Option<u64>) -> Result<()> {
        let dumper = self.dumper;
        let object = dumper.types.file().object(addr)?;
        let Some(dataset) = object.dataset() else {
            return Err(Error::corrupt(at, "reference", "a dataset", "another object"));
        };
        let element = dumper.types.element(&dataset.datatype)?;
        if dumper.types.julia_dims(&object, dataset)?.is_some() {
            self.head(t, id)?;
            self.raw(",\"items\":[")?;
            return self.items(dataset, &element);
        }
        let (bytes, at) = whole(dumper.types.file(), dataset, element.datatype())?;
        self.value(&element, &bytes, at, id)
    }

    fn inline_union(&mut self, c: &Committed, bytes: &[u8], at: u64) -> Result<()> {
        let member = |name: &str| c.fields.iter().find(|f| f.name == name);
        let mask = member("mask").and_then(|f| field_bytes(f, bytes)).and_then(|b| b.first());
        let (which, index) = if mask.copied() == Some(0) { ("t1", 0) } else { ("t2", 1) };
        let Some(t) = c.julia_type.type_param(index).cloned() else {
            return Err(Error::corrupt(at, "inline union", "two type parameters", "fewer"));
        };
        match member(which) {
            Some(f) if f.offset.is_some() => self.field(f, bytes, at),
            _ => self.singleton(&t, None),
        }
    }

    fn field(&mut self, field: &Field, bytes: &[u8], at: u64) -> Result<()> {
        let dumper = self.dumper;
        let (Some(element), Some(offset)) = (dumper.types.field(field)?, field.offset) else {
            return self.raw("null");
        };
        let Some(part) = field_bytes(field, bytes).filter(|b| b.len() == element.size()) else {
            return Err(Error::corrupt(
                at,
                format!("field {}", field.name),
                format!("{} bytes", element.size()),
                "another size in the enclosing type",
            ));
        };
        self.value(&element, part, at + u64::from(offset), None)
    }

    /// `,"fields":{…}}`
    fn fields(&mut self, fields: &[Field], bytes: &[u8], at: u64) -> Result<()> {
        self.raw(",\"fields\":{")?;
        let mut count = 0;
        for f in fields {
            let ghost = match (f.offset, f.committed) {
                (Some(_), _) => None,
                (None, Some(addr)) => Some(self.dumper.types.committed(addr)?.julia_type.clone()),
                // A field without data or stated type: nothing is known of it.
                (None, None) => continue,
            };
            put(comma(self.out, count))?;
            count += 1;
            put(text(self.out, f.name.as_bytes()))?;
            self.raw(":")?;
            match ghost {
                Some(t) => self.singleton(&t, None)?,
                None => self.field(f, bytes, at)?,
            }
        }
        self.raw("}}")
    }

    /// `,"items":[…]}`; members are named by position, elements without data have none.
    fn tuple(
        &mut self,
        c: &Committed,
        elements: &[&JuliaType],
        bytes: &[u8],
        at: u64,
    ) -> Result<()> {
        let mut stored = c.fields.iter().filter(|f| f.offset.is_some()).peekable();
        self.raw(",\"items\":[")?;
        for (i, t) in elements.iter().enumerate() {
            put(comma(self.out, i))?;
            let name = (i + 1).to_string();
            match stored.next_if(|f| f.name == name) {
                Some(f) => self.field(f, bytes, at)?,
                None => self.singleton(t, None)?,
            }
        }
        if let Some(f) = stored.next() {
            let want = format!("members 1 to {}, in order", elements.len());
            return Err(Error::corrupt(at, "tuple", want, format!("member {}", f.name)));
        }
        self.raw("]}")
    }

    /// `,"pairs":[…]}`
    fn dict(&mut self, c: &Committed, bytes: &[u8], at: u64) -> Result<()> {
        // The only member, or the datum itself, is a reference to a vector of pairs.
        let part = match c.fields.first() {
            Some(f) => field_bytes(f, bytes).unwrap_or_default(),
            None => bytes,
        };
        let addr = Cursor::new(part, at, "pairs of a Dict").addr()?;
        self.raw(",\"pairs\":[")?;
        if !addr.is_null() {
            let dumper = self.dumper;
            let object = dumper.types.file().object(addr)?;
            let Some(dataset) = object.dataset() else {
                return Err(Error::corrupt(at, "pairs of a Dict", "a dataset", "another object"));
            };
            let element = dumper.types.element(&dataset.datatype)?;
            let column = Column::new(dumper.types.file(), dataset, element.datatype())?;
            let n = dataset.dataspace.elements().unwrap_or(0);
            let limit = dumper.limit;
            let more = each_element(&column, element.size(), n, limit, |i, bytes, at| {
                put(comma(self.out, usize::from(i > 0)))?;
                self.pair(&element, bytes, at)
            })?;
            return self.end(more);
        }
        self.raw("]}")
    }

    /// `,"pairs":[…]}` of an IdDict before JLD2 0.4.42: its hash table, key and value by turns.
    fn id_dict(&mut self, table: &Field, bytes: &[u8], at: u64) -> Result<()> {
        let part = field_bytes(table, bytes).unwrap_or_default();
        let addr = Cursor::new(part, at, "hash table").addr()?;
        self.raw(",\"pairs\":[")?;
        if !addr.is_null() {
            let object = self.dumper.types.file().object(addr)?;
            let Some(dataset) = object.dataset() else {
                return Err(Error::corrupt(at, "hash table", "a dataset", "another object"));
            };
            let element = self.dumper.types.element(&dataset.datatype)?;
            let column = Column::new(self.dumper.types.file(), dataset, element.datatype())?;
            let n = dataset.dataspace.elements().unwrap_or(0);
            let mut key = None;
            let mut count = 0;
            each_element(&column, element.size(), n, None, |i, bytes, at| {
                let addr = Cursor::new(bytes, at, "hash table").addr()?;
                if i % 2 == 0 {
                    key = Some(addr).filter(|a| !a.is_null());
                    return Ok(());
                }
                let (Some(key), false) = (key.take(), addr.is_null()) else { return Ok(()) };
                put(comma(self.out, count))?;
                count += 1;
                self.raw("[")?;
                self.object(key)?;
                self.raw(",")?;
                self.object(addr)?;
                self.raw("]")
            })?;
        }
        self.raw("]}")
    }

    fn pair(&mut self, element: &Element, bytes: &[u8], at: u64) -> Result<()> {
        let dumper = self.dumper;
        match element {
            Element::Committed(c)
                if !c.fields.is_empty() || c.julia_type.short_name() == "Pair" =>
            {
                self.raw("[")?;
                for (i, name) in ["first", "second"].into_iter().enumerate() {
                    put(comma(self.out, i))?;
                    match c.fields.iter().find(|f| f.name == name && f.offset.is_some()) {
                        Some(f) => self.field(f, bytes, at)?,
                        None => {
                            let t = c.julia_type.type_param(i).cloned();
                            self.singleton(&t.unwrap_or_else(JuliaType::any), None)?;
                        }
                    }
                }
                self.raw("]")
            }
            _ if matches!(element.datatype().class, Class::Reference) => {
                let addr = Cursor::new(bytes, at, "pair").addr()?;
                if addr.is_null() {
                    return self.raw("null");
                }
                self.inside(addr, |s| {
                    let object = dumper.types.file().object(addr)?;
                    let Some(dataset) = object.dataset() else {
                        return Err(Error::corrupt(at, "pair", "a dataset", "another object"));
                    };
                    let inner = dumper.types.element(&dataset.datatype)?;
                    let (bytes, at) = whole(dumper.types.file(), dataset, inner.datatype())?;
                    if matches!(inner, Element::Plain(_)) {
                        return Err(Error::corrupt(at, "pair", "a Pair", "another type"));
                    }
                    s.pair(&inner, &bytes, at)
                })
            }
            _ => Err(Error::corrupt(at, "pair", "a Pair", element.julia_type().to_string())),
        }
    }

    fn vlen_text(&mut self, t: &str, vlen: &[u8], at: u64) -> Result<()> {
        let file = self.dumper.types.file();
        match file.vlen(vlen, at, 1)? {
            Some((at, len @ 0..=1024)) => self.value_text(
                t,
                &file.source().read(at, usize::try_from(len).unwrap_or(0), "string")?,
            ),
            Some((at, len)) => {
                self.long_text(t, at, len, &mut file.source().stream(at, len, "string")?)
            }
            None => self.raw("null"),
        }
    }
}

/// Dictionaries are written as their pairs, under one of three disguises.
fn is_dict(c: &Committed) -> bool {
    let Some(written) = &c.written_type else { return false };
    match written.short_name() {
        "SerializedDict" => true,
        "Array" => written.type_param(0).is_some_and(|t| t.short_name() == "Pair"),
        _ => false,
    }
}

/// The bytes of a field inside its instance.
fn field_bytes<'b>(field: &Field, bytes: &'b [u8]) -> Option<&'b [u8]> {
    let start = usize::try_from(field.offset?).ok()?;
    let size = usize::try_from(field.datatype.as_ref()?.size).ok()?;
    bytes.get(start..)?.get(..size)
}

/// All data of a dataset that is one value, with their offset.
fn whole(file: &File, dataset: &Dataset, datatype: &Datatype) -> Result<(Vec<u8>, u64)> {
    let column = Column::new(file, dataset, datatype)?;
    let mut stream = column.open()?;
    let at = stream.offset();
    let len = usize::try_from(column.len()).ok().filter(|&n| n <= MAX_ELEMENT);
    let Some(len) = len else {
        return Err(Error::corrupt(at, "value", "at most 16 MiB", column.len().to_string()));
    };
    let mut bytes = vec![0; len];
    stream.fill(&mut bytes)?;
    stream.finish()?;
    Ok((bytes, at))
}

//! Reads committed datatypes with what Julia attaches to them (docs/jld2-format.md, sections 5 and
//! 6.1).

use super::committed::{Committed, Field};
use super::datasets::group_paths;
use super::element::plain_type;
use super::footprint::{Footprint, Reading, Step};
use super::signature::{deeper, is_type};
use super::{Element, JuliaType, Param};
use crate::h5::{
    AddressHashMap, Attribute, Cursor, Datatype, Error, File, Object, ObjectKind, RelAddr, Result,
    TypeRef,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// Types are remembered up to this weight: about 15 MB of memory.
const MAX_KNOWN: u64 = 1 << 17;

/// The committed datatypes of a file, read when first asked for.
#[derive(Debug)]
pub struct TypeTable<'a> {
    file: &'a File,
    known: Arc<KnownTypes>,
    /// Types of the file that this one came from.
    before: Option<Arc<KnownTypes>>,
    /// Whether it is taken down what each type is read from.
    recording: bool,
    renames: Renames,
    /// Paths of the linked groups, once somebody asks.
    groups: OnceLock<HashMap<RelAddr, String>>,
}

/// Committed datatypes of one file that were read before: what several [`TypeTable`]s of it share.
#[derive(Debug, Default)]
pub struct KnownTypes(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    types: AddressHashMap<(Arc<Committed>, Option<Arc<Footprint>>)>,
    weight: u64,
}

impl KnownTypes {
    fn get(&self, addr: RelAddr) -> Option<(Arc<Committed>, Option<Arc<Footprint>>)> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).types.get(&addr).cloned()
    }

    fn insert(&self, addr: RelAddr, read: &Arc<Committed>, footprint: Option<Arc<Footprint>>) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.weight > MAX_KNOWN {
            *known = Known::default();
        }
        known.weight += read.weight() + footprint.as_ref().map_or(0, |f| f.weight());
        known.types.insert(addr, (Arc::clone(read), footprint));
    }
}

/// Types that are read as others.
#[derive(Debug, Clone, Default)]
pub struct Renames {
    /// What they are called, by absolute offset of the `DataType` value that holds the name: a name
    /// may stand for another type in each place.
    pub names: HashMap<u64, NewName>,
}

/// What a type is called in the place of a stored one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewName {
    /// Full name without parameters.
    pub name: String,
    /// Its parameters; none if they are those of the stored one.
    pub params: Option<Vec<NewParam>>,
}

/// A parameter of a type that is called otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NewParam {
    /// The one of the stored type at this place.
    Stored(usize),
    /// Another one.
    Value(Param),
}

impl NewName {
    /// The type of this name, in the place of one with these parameters; those that are not there
    /// are left out.
    pub fn of(&self, stored: Vec<Param>) -> JuliaType {
        let params = match &self.params {
            None => stored,
            Some(new) => {
                let param = |new: &NewParam| match new {
                    NewParam::Stored(i) => stored.get(*i).cloned(),
                    NewParam::Value(param) => Some(param.clone()),
                };
                new.iter().filter_map(param).collect()
            }
        };
        JuliaType::Named { name: self.name.clone(), params }
    }
}

impl<'a> TypeTable<'a> {
    /// The types of `file`.
    pub fn new(file: &'a File) -> Self {
        Self::with_known(file, Arc::default())
    }

    /// The types of `file`, of which `known` were read before, by a table of this file without other
    /// names.
    pub fn with_known(file: &'a File, known: Arc<KnownTypes>) -> Self {
        let (before, recording, renames) = (None, false, Renames::default());
        Self { file, known, before, recording, renames, groups: OnceLock::new() }
    }

    /// The types of `file`, some of them under other names.
    pub fn with_renames(file: &'a File, renames: Renames) -> Self {
        Self { renames, ..Self::new(file) }
    }

    /// The types of `file`, which can serve another file that comes from this one
    /// ([`Self::revised`]).
    pub fn recording(file: &'a File) -> Self {
        Self { recording: true, ..Self::new(file) }
    }

    /// The types of `file`, which is a [revision](File::revised) of a file of which `before` were read
    /// by a table that [took down](Self::recording) what they were read from. A type of which all that
    /// is the same here, byte for byte, is not read again.
    pub fn revised(file: &'a File, before: Arc<KnownTypes>) -> Self {
        Self { before: Some(before), ..Self::new(file) }
    }

    /// The types of `file`, which is [beside](File::beside) one of which `before` were read by a table
    /// that took down what they were read from; this one does so, too.
    pub fn beside(file: &'a File, before: Option<Arc<KnownTypes>>) -> Self {
        Self { before, ..Self::recording(file) }
    }

    /// The types that were read so far, for another table of the same file.
    pub fn known(&self) -> Arc<KnownTypes> {
        Arc::clone(&self.known)
    }

    /// The type that has this name and these parameters in the `DataType` value at `at`.
    pub(super) fn renamed(&self, name: String, params: Vec<Param>, at: u64) -> JuliaType {
        match self.renames.names.get(&at) {
            Some(new) => new.of(params),
            None => JuliaType::Named { name, params },
        }
    }

    /// The file.
    pub fn file(&self) -> &'a File {
        self.file
    }

    /// The path of the group at `addr`: the first by name if there are several; of one that no group
    /// leads to, as much is said.
    pub(super) fn group_path(&self, addr: RelAddr) -> &str {
        let groups = self.groups.get_or_init(|| group_paths(self.file));
        groups.get(&addr).map_or("(not linked)", String::as_str)
    }

    /// The committed datatype at `addr`.
    ///
    /// # Errors
    /// If there is none, or what Julia attaches to it is damaged.
    pub fn committed(&self, addr: RelAddr) -> Result<Arc<Committed>> {
        self.committed_within(addr, &Reading::new(self.file.allowance()))
    }

    /// Whether arrays of this type hold inline unions ([`Committed::is_inline_union`]).
    ///
    /// # Errors
    /// As [`Self::committed`].
    pub fn is_inline_union(&self, datatype: &TypeRef) -> Result<bool> {
        match datatype {
            TypeRef::Inline(_) => Ok(false),
            TypeRef::Shared { addr, .. } => Ok(self.committed(*addr)?.is_inline_union()),
        }
    }

    /// As [`Self::committed`], for a type that others are made of.
    pub(super) fn committed_within(
        &self,
        addr: RelAddr,
        reading: &Reading,
    ) -> Result<Arc<Committed>> {
        if let Some((known, _)) = self.known.get(addr) {
            return Ok(known);
        }
        let at = self.file.offset(addr, "committed datatype")?;
        let mut own = reading.within(self.recording);
        if let Some((before, Some(footprint))) = self.before.as_ref().and_then(|b| b.get(addr))
            && deeper(&mut own, at, |own| Ok(self.is_same(&footprint, own)))?
        {
            self.known.insert(addr, &before, self.recording.then_some(footprint));
            return Ok(before);
        }
        let read = Arc::new(deeper(&mut own, at, |own| self.read(addr, own))?);
        self.known.insert(addr, &read, own.into_footprint().map(Arc::new));
        Ok(read)
    }

    /// Whether all that a type was read from is the same here. What cannot be read is not.
    fn is_same(&self, footprint: &Footprint, reading: &Reading) -> bool {
        footprint.steps().iter().all(|step| match step {
            Step::Object(object) => {
                let found = self.file.object(object.addr());
                found.is_ok_and(|found| Arc::ptr_eq(&found, object))
            }
            Step::Type(committed) => {
                let found = self.committed_within(committed.addr, reading);
                found.is_ok_and(|found| Arc::ptr_eq(&found, committed))
            }
            Step::Sequence { id, base, found } => {
                self.file.vlen(id, 0, *base).is_ok_and(|sequence| sequence == *found)
            }
            Step::Bytes { offset, bytes } => {
                self.file.source().holds(*offset, bytes, "type signature").is_ok_and(|same| same)
            }
        })
    }

    /// What the elements of a dataset or a member of type `datatype` are.
    ///
    /// # Errors
    /// If a committed datatype cannot be read.
    pub fn element(&self, datatype: &TypeRef) -> Result<Element> {
        match datatype {
            TypeRef::Inline(datatype) => Ok(Element::plain(Arc::clone(datatype))),
            TypeRef::Shared { addr, .. } => {
                let committed = self.committed(*addr)?;
                // A name of what HDF5 itself expresses, which other programs give.
                if committed.is_plain {
                    return Ok(Element::plain(Arc::clone(&committed.datatype)));
                }
                Ok(Element::committed(committed))
            }
        }
    }

    /// What a field with data is; `None` for one without.
    ///
    /// # Errors
    /// If its committed datatype cannot be read.
    pub fn field(&self, field: &Field) -> Result<Option<Element>> {
        let Some(datatype) = &field.datatype else { return Ok(None) };
        match field.committed {
            // The copy in the parent rules the layout; the committed datatype gives the meaning.
            Some(addr) => Ok(Some(Element::committed(self.committed(addr)?))),
            None => Ok(Some(Element::plain(datatype.clone()))),
        }
    }

    fn read(&self, addr: RelAddr, budget: &mut Reading) -> Result<Committed> {
        let object = self.file.object(addr)?;
        budget.object(&object);
        let ObjectKind::Datatype(datatype) = &object.kind else {
            let at = self.file.offset(addr, "committed datatype")?;
            return Err(Error::corrupt(at, "type", "a committed datatype", "another object"));
        };
        let julia_type = match object.attribute("julia_type") {
            Some(a) => self.attribute_type(&object, a, budget)?,
            // Plain HDF5, or JLD2's `plain` types: records are read as named tuples.
            None if datatype.members().is_some() => JuliaType::plain("Core.NamedTuple"),
            None => plain_type(datatype).into_owned(),
        };
        if julia_type.name() == "Core.DataType" {
            is_type_value(datatype, self.file.offset(addr, "committed datatype")?)?;
        }
        let written_type = match object.attribute("written_type") {
            Some(a) => Some(self.attribute_type(&object, a, budget)?),
            None => None,
        };
        let (fields, typed_fields) = self.fields(&object, datatype, budget)?;
        Ok(Committed {
            addr,
            julia_type,
            written_type,
            empty: object.attribute("empty").is_some(),
            datatype: Arc::clone(datatype),
            fields,
            typed_fields,
            is_plain: datatype.members().is_none() && object.attribute("julia_type").is_none(),
        })
    }

    fn attribute_type(
        &self,
        object: &Object,
        a: &Attribute,
        budget: &mut Reading,
    ) -> Result<JuliaType> {
        match &a.datatype {
            // The DataType that describes itself: everything else is described through it.
            TypeRef::Shared { addr, .. } if *addr == object.addr() => {
                Ok(JuliaType::plain(self.own_name(a, budget)?))
            }
            TypeRef::Shared { .. } => {
                is_type_value(&*self.layout(&a.datatype, budget)?, a.offset)?;
                self.named_type(&a.data, a.offset, budget)
            }
            TypeRef::Inline(_) => {
                let addr = Cursor::new(&a.data, a.offset, "type reference").addr()?;
                self.type_within(addr, a.offset, budget)
            }
        }
    }

    fn own_name(&self, a: &Attribute, budget: &mut Reading) -> Result<String> {
        self.string(a.data.get(..16).unwrap_or(&a.data), a.offset, budget)
    }

    fn fields(
        &self,
        object: &Object,
        datatype: &Datatype,
        budget: &mut Reading,
    ) -> Result<(Vec<Field>, bool)> {
        let Some(members) = datatype.members() else { return Ok((Vec::new(), false)) };
        let stored = |m: &crate::h5::Member, committed: Option<RelAddr>| Field {
            name: m.name.clone(),
            offset: Some(m.offset),
            datatype: Some(m.datatype.clone()),
            committed,
        };
        let refs = |a: &Attribute| -> Result<Vec<Option<RelAddr>>> {
            let mut c = Cursor::new(&a.data, a.offset, "field types");
            let mut out = Vec::new();
            while c.remaining() >= 8 {
                let addr = c.addr()?;
                out.push((!addr.is_null()).then_some(addr));
            }
            Ok(out)
        };
        let mismatch = |a: &Attribute, want: usize, got: usize| {
            Error::corrupt(a.offset, "field types", format!("{want} types"), got.to_string())
        };
        if let (Some(names), Some(types)) =
            (object.attribute("field_names"), object.attribute("field_types"))
        {
            let types_of = refs(types)?;
            let mut c = Cursor::new(&names.data, names.offset, "field names");
            let mut fields = Vec::new();
            while c.remaining() >= 16 {
                let at = c.offset();
                let name = self.string(c.take(16)?, at, budget)?;
                let Some(committed) = types_of.get(fields.len()).copied() else {
                    return Err(mismatch(types, fields.len() + 1, types_of.len()));
                };
                fields.push(match members.iter().find(|m| m.name == name) {
                    Some(m) => stored(m, committed),
                    None => Field { name, offset: None, datatype: None, committed },
                });
            }
            if fields.iter().filter(|f| f.offset.is_some()).count() != members.len() {
                return Err(Error::corrupt(
                    names.offset,
                    "field names",
                    "the name of each member",
                    "other names",
                ));
            }
            return Ok((fields, true));
        }
        let stated = object.attribute("field_datatypes");
        let types_of = match stated {
            Some(a) => {
                let types = refs(a)?;
                if types.len() != members.len() {
                    return Err(mismatch(a, members.len(), types.len()));
                }
                types
            }
            None => vec![None; members.len()],
        };
        let fields = members.iter().zip(types_of).map(|(m, t)| stored(m, t)).collect();
        Ok((fields, stated.is_some()))
    }
}

/// Fails unless what is read as a type, which stands at `at`, is declared as one: whoever goes by the
/// declaration of its parameters, as a rewrite does, would else take them for something else.
fn is_type_value(datatype: &Datatype, at: u64) -> Result<()> {
    if datatype.members().is_some_and(is_type) {
        return Ok(());
    }
    let expected = "a name and a sequence of references, as a DataType is stored";
    Err(Error::corrupt(at, "declaration of a type", expected, "another declaration"))
}

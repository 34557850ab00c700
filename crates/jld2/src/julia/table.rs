//! Reads committed datatypes with what Julia attaches to them (docs/jld2-format.md, sections 5 and
//! 6.1).

use super::datasets::group_paths;
use super::element::plain_type;
use super::signature::deeper;
use super::{Element, JuliaType};
use crate::h5::budget::{Budget, Cost};
use crate::h5::{
    Attribute, Cursor, Datatype, Error, File, Object, ObjectKind, RelAddr, Result, TypeRef,
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
    renames: Renames,
    /// Paths of the linked groups, once somebody asks.
    groups: OnceLock<HashMap<RelAddr, String>>,
}

/// Committed datatypes of one file that were read before.
#[derive(Debug, Default)]
pub(crate) struct KnownTypes(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    types: HashMap<RelAddr, Arc<Committed>>,
    weight: u64,
}

/// Names of types that are read as others.
#[derive(Debug, Clone, Default)]
pub struct Renames {
    /// Full names without parameters, by absolute offset of the `DataType` value that holds the
    /// name: a name may stand for another type in each place.
    pub names: HashMap<u64, String>,
}

/// A committed datatype.
#[derive(Debug, Clone)]
pub struct Committed {
    /// Its object header.
    pub addr: RelAddr,
    /// What instances are read as.
    pub julia_type: JuliaType,
    /// The type whose fields are stored, where that is another (custom serialization).
    pub written_type: Option<JuliaType>,
    /// Whether instances hold no data.
    pub empty: bool,
    /// The layout of an instance.
    pub datatype: Datatype,
    /// Its fields in Julia's order, if it is a compound.
    pub fields: Vec<Field>,
    /// Whether the types of its fields are stated (`field_types` or `field_datatypes`).
    pub typed_fields: bool,
    /// Whether it only gives a name to a number, a string or the like: Julia attached nothing.
    pub is_plain: bool,
}

/// A field of a compound.
#[derive(Debug, Clone)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Byte offset inside the instance; `None` for a field without data.
    pub offset: Option<u32>,
    /// The layout of the field, if it has data.
    pub datatype: Option<Datatype>,
    /// Its committed datatype, if it has one.
    pub committed: Option<RelAddr>,
}

impl Committed {
    /// Whether it is an element of an array that stores a union of two bits types inline: both
    /// values, and which of them counts. JLD2 reads such arrays by a way of their own (v0.6.5,
    /// `src/inlineunion.jl`).
    pub fn is_inline_union(&self) -> bool {
        self.julia_type.short_name() == "InlineUnionEl"
    }

    /// How much memory it takes, in units of some hundred bytes.
    fn weight(&self) -> u64 {
        let types = [Some(&self.julia_type), self.written_type.as_ref()];
        let parts = types.into_iter().flatten().map(|t| {
            let extent = t.extent();
            extent.parts + extent.bytes / 100
        });
        parts.sum::<u64>() + 2 * self.fields.len() as u64 + u64::from(self.datatype.len) / 4 + 8
    }
}

impl<'a> TypeTable<'a> {
    /// The types of `file`.
    pub fn new(file: &'a File) -> Self {
        Self::with_known(file, Arc::default())
    }

    /// The types of `file`, of which `known` were read before.
    pub(crate) fn with_known(file: &'a File, known: Arc<KnownTypes>) -> Self {
        Self { file, known, renames: Renames::default(), groups: OnceLock::new() }
    }

    /// The types of `file`, some of them under other names.
    pub fn with_renames(file: &'a File, renames: Renames) -> Self {
        Self { file, known: Arc::default(), renames, groups: OnceLock::new() }
    }

    /// The name that a type goes by, which is called `name` in the `DataType` value at `at`.
    pub(super) fn renamed(&self, name: String, at: u64) -> String {
        self.renames.names.get(&at).cloned().unwrap_or(name)
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
        self.committed_within(addr, &self.file.allowance())
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
        budget: &Budget,
    ) -> Result<Arc<Committed>> {
        let lock = || self.known.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = lock().types.get(&addr) {
            return Ok(Arc::clone(known));
        }
        let at = self.file.offset(addr, "committed datatype")?;
        let mut own = *budget;
        // A type of its own, met on the way, may be as large as any other.
        own.set(Cost::TypeParts, 0);
        own.set(Cost::TypeBytes, 0);
        let read = Arc::new(deeper(&mut own, at, |budget| self.read(addr, budget))?);
        let mut known = lock();
        if known.weight > MAX_KNOWN {
            *known = Known::default();
        }
        known.weight += read.weight();
        known.types.insert(addr, Arc::clone(&read));
        Ok(read)
    }

    /// What the elements of a dataset or a member of type `datatype` are.
    ///
    /// # Errors
    /// If a committed datatype cannot be read.
    pub fn element(&self, datatype: &TypeRef) -> Result<Element> {
        match datatype {
            TypeRef::Inline(datatype) => Ok(Element::plain(datatype.clone())),
            TypeRef::Shared { addr, .. } => {
                let committed = self.committed(*addr)?;
                // A name of what HDF5 itself expresses, which other programs give.
                if committed.is_plain {
                    return Ok(Element::plain(committed.datatype.clone()));
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

    fn read(&self, addr: RelAddr, budget: &mut Budget) -> Result<Committed> {
        let object = self.file.object(addr)?;
        let ObjectKind::Datatype(datatype) = &object.kind else {
            let at = self.file.offset(addr, "committed datatype")?;
            return Err(Error::corrupt(at, "type", "a committed datatype", "another object"));
        };
        let julia_type = match object.attribute("julia_type") {
            Some(a) => self.attribute_type(&object, a, budget)?,
            // Plain HDF5, or JLD2's `plain` types: records are read as named tuples.
            None if datatype.members().is_some() => JuliaType::plain("Core.NamedTuple"),
            None => plain_type(datatype),
        };
        let written_type = match object.attribute("written_type") {
            Some(a) => Some(self.attribute_type(&object, a, budget)?),
            None => None,
        };
        let (fields, typed_fields) = self.fields(&object, datatype)?;
        Ok(Committed {
            addr,
            julia_type,
            written_type,
            empty: object.attribute("empty").is_some(),
            datatype: datatype.clone(),
            fields,
            typed_fields,
            is_plain: datatype.members().is_none() && object.attribute("julia_type").is_none(),
        })
    }

    fn attribute_type(
        &self,
        object: &Object,
        a: &Attribute,
        budget: &mut Budget,
    ) -> Result<JuliaType> {
        match &a.datatype {
            // The DataType that describes itself: everything else is described through it.
            TypeRef::Shared { addr, .. } if *addr == object.addr() => {
                Ok(JuliaType::plain(self.own_name(a)?))
            }
            TypeRef::Shared { .. } => self.named_type(&a.data, a.offset, budget),
            TypeRef::Inline(_) => {
                let addr = Cursor::new(&a.data, a.offset, "type reference").addr()?;
                self.type_within(addr, a.offset, budget)
            }
        }
    }

    fn own_name(&self, a: &Attribute) -> Result<String> {
        self.string(a.data.get(..16).unwrap_or(&a.data), a.offset)
    }

    fn fields(&self, object: &Object, datatype: &Datatype) -> Result<(Vec<Field>, bool)> {
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
                let name = self.string(c.take(16)?, at)?;
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

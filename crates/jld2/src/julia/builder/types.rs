//! Builds types: committed ones, and values of them.

use crate::h5::encode::{self, NewMessage};
use crate::h5::{Class, Datatype, Error, Extent, RelAddr, Result, kind};
use crate::julia::builder::data::{Data, Fill, ObjectRef};
use crate::julia::builder::pending::bare;
use crate::julia::builder::{Build, FieldStyle};
use crate::julia::{JuliaType, Param};

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

/// The packed compound of fields that have data.
pub fn record(fields: &[NewField]) -> Datatype {
    Datatype::record(fields.iter().filter_map(|f| f.datatype.clone().map(|d| (f.name.clone(), d))))
}

impl Build<'_> {
    /// The 32 bytes of a `DataType` value.
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

    /// The object that a parameter of a type refers to.
    ///
    /// # Errors
    /// If it is of a kind that cannot be written.
    pub fn param(&mut self, param: &Param) -> Result<ObjectRef> {
        match param {
            Param::Type(t) => {
                if let Some(known) = self.find(t) {
                    return Ok(known);
                }
                let value = self.type_value(t)?;
                let shared = ObjectRef::Existing(self.datatype_type);
                Ok(self.dataset(Some(shared), None, &value))
            }
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
    ///
    /// Types are told apart by how they are written out.
    pub fn find(&self, t: &JuliaType) -> Option<ObjectRef> {
        let name = t.to_string();
        if let Some(made) = self.made.get(&name) {
            return Some(*made);
        }
        let mut alike = self.existing.get(bare(t))?.iter();
        let known = alike.find(|c| c.julia_type.to_string() == name)?;
        Some(ObjectRef::Existing(known.addr))
    }

    /// The committed `Core.Symbol`.
    ///
    /// # Errors
    /// If the file's types cannot be read.
    pub fn symbol_type(&mut self) -> Result<ObjectRef> {
        let t = JuliaType::plain("Core.Symbol");
        self.find_or_commit(&t, &Datatype::vlen_string(), &[])
    }

    /// The committed `BigInt`, which is stored as a string.
    ///
    /// # Errors
    /// If the file's types cannot be read.
    pub fn big_integer_type(&mut self) -> Result<ObjectRef> {
        let t = JuliaType::plain("Base.GMP.BigInt");
        if let Some(known) = self.find(&t) {
            return Ok(known);
        }
        let value = self.type_value(&t)?;
        let written = self.type_value(&JuliaType::plain("Core.String"))?;
        let layout = Datatype::vlen_string();
        let made = self.commit_as(&value, Some(&written), self.style, &layout, &[])?;
        self.made.insert(t.to_string(), made);
        self.added.push(made);
        Ok(made)
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
        if fields.is_empty() {
            return self.empty_tuple();
        }
        let tuple = self.find_or_commit_record(&t, &fields)?;
        let mut data = Data::default();
        for name in names {
            let text = self.text(name);
            data.push(&text);
        }
        Ok(self.dataset(Some(tuple), None, &data))
    }

    /// A committed compound of this type: the file's, if it has the same layout, or a new one. A
    /// type none of whose fields has data is one without data.
    ///
    /// # Errors
    /// If the file's types cannot be read or the new one cannot be written.
    pub fn find_or_commit_record(
        &mut self,
        t: &JuliaType,
        fields: &[NewField],
    ) -> Result<ObjectRef> {
        if fields.iter().all(|f| f.datatype.is_none()) {
            return self.find_or_commit_empty(t);
        }
        self.find_or_commit(t, &record(fields), fields)
    }

    fn find_or_commit(
        &mut self,
        t: &JuliaType,
        layout: &Datatype,
        fields: &[NewField],
    ) -> Result<ObjectRef> {
        match self.find(t) {
            Some(ObjectRef::Existing(addr))
                if !self.types.committed(addr)?.datatype.same_layout(layout) => {}
            Some(known) => return Ok(known),
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
        match self.find(t) {
            Some(ObjectRef::Existing(addr)) if !self.types.committed(addr)?.empty => {}
            Some(known) => return Ok(known),
            None => {}
        }
        let value = self.type_value(t)?;
        let made = self.commit_empty(&value);
        self.made.insert(name, made);
        self.added.push(made);
        Ok(made)
    }

    /// Commits a type without data whose `DataType` value is `value`. The caller sees to its name
    /// in `_types`.
    pub fn commit_empty(&mut self, value: &Data) -> ObjectRef {
        let mut messages = vec![committed_datatype(&Datatype::new(Class::Opaque, 1))];
        let mut fills = Vec::new();
        self.attribute(&mut messages, &mut fills, "julia_type", value);
        let body = encode::attribute(
            "empty",
            false,
            &encode::datatype(&Datatype::integer(1, false)),
            &encode::dataspace(Extent::Scalar, &[]),
            &[1],
        );
        messages.push(NewMessage::new(kind::ATTRIBUTE, 0, body));
        self.header(&messages, fills, None)
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

    /// Commits a type whose `DataType` value is `value`. The caller sees to its name in `_types`.
    ///
    /// # Errors
    /// If its description is too long for a header message.
    pub fn commit(
        &mut self,
        value: &Data,
        layout: &Datatype,
        fields: &[NewField],
    ) -> Result<ObjectRef> {
        self.commit_as(value, None, self.style, layout, fields)
    }

    /// As [`Build::commit`], with the `DataType` value of the type whose fields are stored
    /// (`written`), if that is another, and the types of fields stated in this style.
    ///
    /// # Errors
    /// As of [`Build::commit`].
    pub fn commit_as(
        &mut self,
        value: &Data,
        written: Option<&Data>,
        style: FieldStyle,
        layout: &Datatype,
        fields: &[NewField],
    ) -> Result<ObjectRef> {
        let mut messages = vec![committed_datatype(layout)];
        let mut fills = Vec::new();
        self.attribute(&mut messages, &mut fills, "julia_type", value);
        if let Some(written) = written {
            self.attribute(&mut messages, &mut fills, "written_type", written);
        }
        let stated = |f: &NewField| match style {
            FieldStyle::Datatypes => f.committed.is_some() && f.datatype.is_some(),
            FieldStyle::NamesAndTypes => f.committed.is_some() || f.datatype.is_none(),
        };
        if fields.iter().any(stated) {
            self.field_attributes(&mut messages, &mut fills, style, fields);
        }
        if messages.iter().any(|m| m.body.len() > usize::from(u16::MAX)) {
            return Err(self.cannot_write(&"a type with over 64 KiB of description"));
        }
        Ok(self.header(&messages, fills, None))
    }

    /// An attribute of type `DataType`.
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
        style: FieldStyle,
        fields: &[NewField],
    ) {
        let null = ObjectRef::Existing(RelAddr::NULL);
        let mut refs = Data::default();
        let mut names = Data::default();
        let mut count = 0_u64;
        for f in fields {
            if style == FieldStyle::Datatypes && f.datatype.is_none() {
                continue;
            }
            count += 1;
            refs.push(&Data::reference(f.committed.unwrap_or(null)));
            if style == FieldStyle::NamesAndTypes {
                let name = self.text(&f.name);
                names.push(&name);
            }
        }
        let space = encode::dataspace(Extent::Simple, &[count]);
        let reference = encode::datatype(&Datatype::reference());
        match style {
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
}

fn committed_datatype(layout: &Datatype) -> NewMessage {
    NewMessage::new(kind::DATATYPE, 0x40, encode::datatype(layout))
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

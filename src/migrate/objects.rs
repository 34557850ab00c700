//! Rules' values as new objects, and as what a reader must find in their place.

use super::literal::{Literal, Version};
use crate::h5::{Class, Datatype, Result};
use crate::julia::build::{Build, Data, NewField, ObjectRef, record};
use crate::julia::{JuliaType, Node, Param};

/// A value as a member of a record.
struct Inline {
    field: NewField,
    data: Data,
}

/// Which committed type a new object is of.
#[derive(Debug, Clone, Copy)]
pub(super) enum Slot {
    /// The file's, or a new one with a name of its own.
    Find,
    /// A new one, to take an old type's place.
    Make,
    /// This one.
    Use(ObjectRef),
}

/// A rule's value as an object of its own.
pub(super) struct Replacement {
    /// The object.
    pub(super) object: ObjectRef,
    /// The type made for the slot, if there is one.
    pub(super) slot: Option<ObjectRef>,
}

/// The Julia type of a value.
pub(super) fn julia_type(value: &Literal) -> JuliaType {
    match value {
        Literal::NamedTuple(fields) => {
            let names = fields.iter().map(|(name, _)| name.clone()).collect();
            JuliaType::Named {
                name: "Core.NamedTuple".into(),
                params: vec![Param::Symbols(names), Param::Type(tuple_type(fields))],
            }
        }
        // Types without parameters: the canonical form is the name.
        other => JuliaType::plain(other.julia_type()),
    }
}

fn tuple_type(fields: &[(String, Literal)]) -> JuliaType {
    let params = fields.iter().map(|(_, v)| Param::Type(julia_type(v))).collect();
    JuliaType::Named { name: "Core.Tuple".into(), params }
}

/// Builds an object that holds a rule's value.
pub(super) fn replacement(
    build: &mut Build<'_>,
    value: &Literal,
    slot: Slot,
) -> Result<Replacement> {
    let done = |object| Ok(Replacement { object, slot: None });
    match value {
        Literal::Nothing => {
            let t = build.find_or_commit_empty(&JuliaType::plain("Core.Nothing"))?;
            done(build.empty_dataset(t))
        }
        Literal::String(text) => {
            let size = u32::try_from(text.len()).unwrap_or(u32::MAX);
            let datatype = Datatype::new(Class::String, size);
            done(build.dataset(None, Some(&datatype), &Data::new(text.as_bytes())))
        }
        Literal::NamedTuple(_) | Literal::Struct(_) | Literal::Version(_) => {
            let (fields, data) = members(build, value)?;
            let t = julia_type(value);
            let committed = match slot {
                Slot::Use(t) => t,
                Slot::Find => build.find_or_commit_record(&t, &fields)?,
                Slot::Make => {
                    // Helper types first, so that they are found when the signature names them.
                    if let Literal::NamedTuple(named) = value {
                        let (elements, _) = tuple(build, named)?;
                        build.find_or_commit_record(&tuple_type(named), &elements)?;
                    }
                    let signature = build.type_value(&t)?;
                    build.commit(&signature, &record(&fields), &fields)?
                }
            };
            let object = build.dataset(Some(committed), None, &data);
            let slot = matches!(slot, Slot::Make).then_some(committed);
            Ok(Replacement { object, slot })
        }
        _ => {
            let Inline { field, data } = inline(build, "", value)?;
            let object = match (field.committed, field.datatype) {
                (Some(t), _) => build.dataset(Some(t), None, &data),
                (None, datatype) => build.dataset(None, datatype.as_ref(), &data),
            };
            done(object)
        }
    }
}

/// A rule's value as a member called `name`.
pub(super) fn member(
    build: &mut Build<'_>,
    name: &str,
    value: &Literal,
) -> Result<(NewField, Data)> {
    inline(build, name, value).map(|Inline { field, data }| (field, data))
}

fn inline(build: &mut Build<'_>, name: &str, value: &Literal) -> Result<Inline> {
    let plain = |datatype: Datatype, bytes: &[u8]| Inline {
        field: NewField { name: name.to_owned(), datatype: Some(datatype), committed: None },
        data: Data::new(bytes),
    };
    Ok(match value {
        Literal::Nothing => {
            let t = build.find_or_commit_empty(&JuliaType::plain("Core.Nothing"))?;
            let field = NewField { name: name.to_owned(), datatype: None, committed: Some(t) };
            Inline { field, data: Data::default() }
        }
        Literal::Bool(v) => plain(Datatype::boolean(), &[u8::from(*v)]),
        Literal::Int8(v) => plain(Datatype::integer(1, true), &v.to_le_bytes()),
        Literal::Int16(v) => plain(Datatype::integer(2, true), &v.to_le_bytes()),
        Literal::Int32(v) => plain(Datatype::integer(4, true), &v.to_le_bytes()),
        Literal::Int64(v) => plain(Datatype::integer(8, true), &v.to_le_bytes()),
        Literal::UInt8(v) => plain(Datatype::integer(1, false), &v.to_le_bytes()),
        Literal::UInt16(v) => plain(Datatype::integer(2, false), &v.to_le_bytes()),
        Literal::UInt32(v) => plain(Datatype::integer(4, false), &v.to_le_bytes()),
        Literal::UInt64(v) => plain(Datatype::integer(8, false), &v.to_le_bytes()),
        Literal::Float32(v) => plain(Datatype::float32(), &v.to_le_bytes()),
        Literal::Float64(v) => plain(Datatype::float64(), &v.to_le_bytes()),
        Literal::String(v) => {
            let data = build.text(v);
            Inline { data, ..plain(Datatype::vlen_string(), &[]) }
        }
        Literal::Symbol(v) => {
            let committed = Some(build.symbol_type()?);
            let data = build.text(v);
            let Inline { field, .. } = plain(Datatype::vlen_string(), &[]);
            Inline { field: NewField { committed, ..field }, data }
        }
        Literal::Version(_) | Literal::NamedTuple(_) | Literal::Struct(_) => {
            let (fields, data) = members(build, value)?;
            let t = build.find_or_commit_record(&julia_type(value), &fields)?;
            let Inline { field, .. } = plain(record(&fields), &[]);
            Inline { field: NewField { committed: Some(t), ..field }, data }
        }
    })
}

/// The members of a value that is a record.
fn members(build: &mut Build<'_>, value: &Literal) -> Result<(Vec<NewField>, Data)> {
    if let Literal::Version(version) = value {
        return version_members(build, *version);
    }
    let mut fields = Vec::new();
    let mut data = Data::default();
    for (name, value) in value.fields() {
        let part = inline(build, name, value)?;
        data.push(&part.data);
        fields.push(part.field);
    }
    Ok((fields, data))
}

/// The members of the tuple of a named tuple's values.
fn tuple(build: &mut Build<'_>, named: &[(String, Literal)]) -> Result<(Vec<NewField>, Data)> {
    let mut fields = Vec::new();
    let mut data = Data::default();
    for (i, (_, value)) in (1..).zip(named) {
        let part = inline(build, &i.to_string(), value)?;
        data.push(&part.data);
        fields.push(part.field);
    }
    Ok((fields, data))
}

/// `Base.VersionNumber`: three numbers, and two references to empty tuples.
fn version_members(build: &mut Build<'_>, version: Version) -> Result<(Vec<NewField>, Data)> {
    let number = |name: &str| NewField {
        name: name.to_owned(),
        datatype: Some(Datatype::integer(4, false)),
        committed: None,
    };
    let reference = |name: &str| NewField {
        name: name.to_owned(),
        datatype: Some(Datatype::reference()),
        committed: None,
    };
    let fields = vec![
        number("major"),
        number("minor"),
        number("patch"),
        reference("prerelease"),
        reference("build"),
    ];
    let empty = build.empty_tuple()?;
    let mut data = Data::default();
    for part in [version.major, version.minor, version.patch] {
        data.push(&Data::new(part.to_le_bytes()));
    }
    for _ in 0..2 {
        data.push(&Data::reference(empty));
    }
    Ok((fields, data))
}

/// What a reader must find where a rule puts this value.
pub(super) fn node(value: &Literal) -> Node {
    let t = julia_type(value).to_string();
    let json = |json: String| Node::Value { julia_type: t.clone(), json };
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    match value {
        Literal::Nothing => Node::Struct { julia_type: t, fields: Vec::new() },
        Literal::Bool(v) => json(v.to_string()),
        Literal::Int8(v) => json(v.to_string()),
        Literal::Int16(v) => json(v.to_string()),
        Literal::Int32(v) => json(v.to_string()),
        Literal::Int64(v) => json(v.to_string()),
        Literal::UInt8(v) => json(v.to_string()),
        Literal::UInt16(v) => json(v.to_string()),
        Literal::UInt32(v) => json(v.to_string()),
        Literal::UInt64(v) => json(v.to_string()),
        Literal::Float32(v) => json(format!("\"0x{:08x}\"", v.to_bits())),
        Literal::Float64(v) => Node::float(*v),
        Literal::String(v) | Literal::Symbol(v) => json(quoted(v)),
        Literal::Version(v) => {
            let part = |name: &str, v: u32| (name.to_owned(), Node::uint32(v));
            let empty = |name: &str| {
                let t = JuliaType::plain("Core.Tuple").to_string();
                (name.to_owned(), Node::Tuple { julia_type: t, items: Vec::new() })
            };
            Node::Struct {
                julia_type: t,
                fields: vec![
                    part("major", v.major),
                    part("minor", v.minor),
                    part("patch", v.patch),
                    empty("prerelease"),
                    empty("build"),
                ],
            }
        }
        Literal::NamedTuple(fields) => {
            let fields = fields.iter().map(|(n, v)| (n.clone(), node(v))).collect();
            Node::Struct { julia_type: t, fields }
        }
        Literal::Struct(value) => {
            let fields = value.fields.iter().map(|(n, v)| (n.clone(), node(v))).collect();
            Node::Struct { julia_type: t, fields }
        }
    }
}

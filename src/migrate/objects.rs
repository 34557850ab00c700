//! Makes new objects of rules' values, and tells what a reader must find in their place.

use super::literal::{Literal, Version};
use crate::h5::{Class, Datatype, Result};
use crate::julia::builder::{Build, Data, NewField, ObjectRef, record};
use crate::julia::{JuliaType, Node, Param, written_big};

/// Which committed type a new object is of.
#[derive(Debug, Clone, Copy)]
pub(super) enum TypeChoice {
    /// The file's, or a new one with a name of its own.
    Find,
    /// This one.
    Use(ObjectRef),
}

/// Whether a value has a committed type that can take the place of another.
pub(super) fn has_record_type(value: &Literal) -> bool {
    matches!(value, Literal::NamedTuple(_) | Literal::Struct(_) | Literal::Version(_))
}

/// Commits a type for a value, to take the place of another.
pub(super) fn make_type(build: &mut Build<'_>, value: &Literal) -> Result<ObjectRef> {
    let fields = fields(build, value)?;
    // First those that the signature names, so that they are found.
    helper_types(build, value)?;
    let signature = build.type_value(&julia_type(value))?;
    if value.is_empty() {
        return Ok(build.commit_empty(&signature));
    }
    build.commit(&signature, &record(&fields), &fields)
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
        Literal::Struct(value) => value.julia_type(),
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
    slot: TypeChoice,
) -> Result<ObjectRef> {
    if value.is_empty() {
        let committed = match slot {
            TypeChoice::Use(t) => t,
            TypeChoice::Find => {
                helper_types(build, value)?;
                build.find_or_commit_empty(&julia_type(value))?
            }
        };
        return Ok(build.empty_dataset(committed));
    }
    if let Literal::String(text) = value {
        let size = u32::try_from(text.len()).unwrap_or(u32::MAX);
        let datatype = Datatype::new(Class::String, size);
        return Ok(build.dataset(None, Some(&datatype), &Data::new(text.as_bytes())));
    }
    let field = match slot {
        TypeChoice::Use(t) => NewField { name: String::new(), datatype: None, committed: Some(t) },
        TypeChoice::Find => content(build, String::new(), value)?,
    };
    let data = content_data(build, value)?;
    Ok(build.dataset(field.committed, field.datatype.as_ref(), &data))
}

/// Whether what holds a value knows its type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum InField {
    /// The type says so: an element of a named tuple. A value without content takes no bytes.
    Typed,
    /// A field of a struct, of which rules do not tell the declared type. `nothing` stands in
    /// fields that may hold something else, so that values without content are referred to, as
    /// JLD2 does for such fields.
    Open,
}

/// The member called `name` of a struct that holds a rule's value.
pub(super) fn member(build: &mut Build<'_>, name: &str, value: &Literal) -> Result<NewField> {
    member_at(build, name, value, InField::Open)
}

/// The bytes of a rule's value as a member of a struct.
pub(super) fn member_data(build: &mut Build<'_>, value: &Literal) -> Result<Data> {
    data(build, value, InField::Open)
}

fn member_at(
    build: &mut Build<'_>,
    name: &str,
    value: &Literal,
    place: InField,
) -> Result<NewField> {
    let name = name.to_owned();
    if value.is_empty() {
        return Ok(match place {
            InField::Open => {
                NewField { name, datatype: Some(Datatype::reference()), committed: None }
            }
            InField::Typed => {
                helper_types(build, value)?;
                let t = build.find_or_commit_empty(&julia_type(value))?;
                NewField { name, datatype: None, committed: Some(t) }
            }
        });
    }
    if value.is_mutable() {
        return Ok(NewField { name, datatype: Some(Datatype::reference()), committed: None });
    }
    content(build, name, value)
}

/// The member that holds a value with content itself.
fn content(build: &mut Build<'_>, name: String, value: &Literal) -> Result<NewField> {
    let plain = |name, datatype| NewField { name, datatype: Some(datatype), committed: None };
    Ok(match value {
        Literal::Bool(_) => plain(name, Datatype::boolean()),
        Literal::Int8(_) => plain(name, Datatype::integer(1, true)),
        Literal::Int16(_) => plain(name, Datatype::integer(2, true)),
        Literal::Int32(_) => plain(name, Datatype::integer(4, true)),
        Literal::Int64(_) => plain(name, Datatype::integer(8, true)),
        Literal::UInt8(_) => plain(name, Datatype::integer(1, false)),
        Literal::UInt16(_) => plain(name, Datatype::integer(2, false)),
        Literal::UInt32(_) => plain(name, Datatype::integer(4, false)),
        Literal::UInt64(_) => plain(name, Datatype::integer(8, false)),
        Literal::Float32(_) => plain(name, Datatype::float32()),
        Literal::Float64(_) => plain(name, Datatype::float64()),
        Literal::String(_) => plain(name, Datatype::vlen_string()),
        Literal::BigInt(_) => {
            let committed = Some(build.big_integer_type()?);
            NewField { name, datatype: Some(Datatype::vlen_string()), committed }
        }
        Literal::Symbol(_) => {
            let committed = Some(build.symbol_type()?);
            NewField { name, datatype: Some(Datatype::vlen_string()), committed }
        }
        Literal::Nothing
        | Literal::Missing
        | Literal::Version(_)
        | Literal::NamedTuple(_)
        | Literal::Struct(_) => {
            let fields = fields(build, value)?;
            let committed = Some(record_type(build, value, &fields)?);
            NewField { name, datatype: Some(record(&fields)), committed }
        }
    })
}

/// The bytes of a value that is part of another.
fn data(build: &mut Build<'_>, value: &Literal, place: InField) -> Result<Data> {
    if value.is_empty() {
        return Ok(match place {
            InField::Open => Data::reference(replacement(build, value, TypeChoice::Find)?),
            InField::Typed => Data::default(),
        });
    }
    if value.is_mutable() {
        return Ok(Data::reference(replacement(build, value, TypeChoice::Find)?));
    }
    content_data(build, value)
}

/// The bytes of a value with content, wherever they stand.
fn content_data(build: &mut Build<'_>, value: &Literal) -> Result<Data> {
    if let Some(bytes) = number_bytes(value) {
        return Ok(Data::new(bytes));
    }
    Ok(match value {
        Literal::String(v) | Literal::Symbol(v) => build.text(v),
        Literal::BigInt(v) => build.text(&written_big(*v)),
        Literal::Version(version) => version_data(build, *version)?,
        _ => {
            let mut out = Data::default();
            for (_, part) in value.fields() {
                out.push(&data(build, part, part_place(value))?);
            }
            out
        }
    })
}

/// The bytes of a number, which are the same wherever it stands; none of another value.
pub(super) fn number_bytes(value: &Literal) -> Option<Vec<u8>> {
    Some(match value {
        Literal::Bool(v) => vec![u8::from(*v)],
        Literal::Int8(v) => v.to_le_bytes().to_vec(),
        Literal::Int16(v) => v.to_le_bytes().to_vec(),
        Literal::Int32(v) => v.to_le_bytes().to_vec(),
        Literal::Int64(v) => v.to_le_bytes().to_vec(),
        Literal::UInt8(v) => v.to_le_bytes().to_vec(),
        Literal::UInt16(v) => v.to_le_bytes().to_vec(),
        Literal::UInt32(v) => v.to_le_bytes().to_vec(),
        Literal::UInt64(v) => v.to_le_bytes().to_vec(),
        Literal::Float32(v) => v.to_le_bytes().to_vec(),
        Literal::Float64(v) => v.to_le_bytes().to_vec(),
        _ => return None,
    })
}

/// What the parts of a value are in.
fn part_place(value: &Literal) -> InField {
    if matches!(value, Literal::NamedTuple(_)) { InField::Typed } else { InField::Open }
}

/// The members of a value that is a record.
fn fields(build: &mut Build<'_>, value: &Literal) -> Result<Vec<NewField>> {
    if let Literal::Version(_) = value {
        return Ok(version_members());
    }
    let place = part_place(value);
    value.fields().iter().map(|(name, part)| member_at(build, name, part, place)).collect()
}

/// The committed type of a value that is a record.
fn record_type(build: &mut Build<'_>, value: &Literal, fields: &[NewField]) -> Result<ObjectRef> {
    helper_types(build, value)?;
    build.find_or_commit_record(&julia_type(value), fields)
}

/// Commits the types that a value's type names, so that they are found when it is written.
fn helper_types(build: &mut Build<'_>, value: &Literal) -> Result<()> {
    if let Literal::NamedTuple(named) = value {
        let elements = tuple(build, named)?;
        build.find_or_commit_record(&tuple_type(named), &elements)?;
    }
    Ok(())
}

/// The members of the tuple of a named tuple's values.
fn tuple(build: &mut Build<'_>, named: &[(String, Literal)]) -> Result<Vec<NewField>> {
    (1..)
        .zip(named)
        .map(|(i, (_, v))| member_at(build, &i.to_string(), v, InField::Typed))
        .collect()
}

/// `Base.VersionNumber`: three numbers, and two references to empty tuples.
fn version_members() -> Vec<NewField> {
    let field = |name: &str, datatype| NewField {
        name: name.to_owned(),
        datatype: Some(datatype),
        committed: None,
    };
    let number = |name| field(name, Datatype::integer(4, false));
    let reference = |name| field(name, Datatype::reference());
    vec![
        number("major"),
        number("minor"),
        number("patch"),
        reference("prerelease"),
        reference("build"),
    ]
}

fn version_data(build: &mut Build<'_>, version: Version) -> Result<Data> {
    let empty = build.empty_tuple()?;
    let mut data = Data::default();
    for part in [version.major, version.minor, version.patch] {
        data.push(&Data::new(part.to_le_bytes()));
    }
    for _ in 0..2 {
        data.push(&Data::reference(empty));
    }
    Ok(data)
}

/// What a reader must find in a field of a struct where a rule puts this value.
pub(super) fn member_node(value: &Literal) -> Node {
    let elsewhere = value.is_empty() || value.is_mutable();
    if elsewhere { Node::Object(Box::new(node(value))) } else { node(value) }
}

/// What a reader must find where a rule puts this value.
pub(super) fn node(value: &Literal) -> Node {
    let t = julia_type(value).to_string();
    let json = |json: String| Node::Value { julia_type: t.clone(), json };
    let quoted = |text: &str| serde_json::Value::from(text).to_string();
    match value {
        Literal::Nothing | Literal::Missing => Node::Struct { julia_type: t, fields: Vec::new() },
        Literal::Bool(v) => json(v.to_string()),
        Literal::Int8(v) => json(v.to_string()),
        Literal::Int16(v) => json(v.to_string()),
        Literal::Int32(v) => json(v.to_string()),
        Literal::Int64(v) => json(v.to_string()),
        Literal::UInt8(v) => json(v.to_string()),
        Literal::UInt16(v) => json(v.to_string()),
        Literal::UInt32(v) => json(v.to_string()),
        Literal::UInt64(v) => json(v.to_string()),
        Literal::BigInt(v) => json(v.to_string()),
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
            // Of a value without content its reader learns from the type alone.
            let fields = if value.is_empty() { &[] } else { fields.as_slice() };
            let part = |v: &Literal| if v.is_mutable() { member_node(v) } else { node(v) };
            let fields = fields.iter().map(|(n, v)| (n.clone(), part(v))).collect();
            Node::Struct { julia_type: t, fields }
        }
        Literal::Struct(value) => {
            let fields = value.fields.iter().map(|(n, v)| (n.clone(), member_node(v))).collect();
            Node::Struct { julia_type: t, fields }
        }
    }
}

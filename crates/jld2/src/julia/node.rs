//! Canonical values that are known without a file: what a rule makes of an object.

use super::text::text;
use std::io::{self, Write};

/// A value in the canonical form of `dump --json`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A number, string, symbol or type: type name and JSON text of the value.
    Value {
        /// Type name.
        julia_type: String,
        /// JSON of `v`.
        json: String,
    },
    /// A struct.
    Struct {
        /// Type name.
        julia_type: String,
        /// Fields in order.
        fields: Vec<(String, Node)>,
    },
    /// A tuple.
    Tuple {
        /// Type name.
        julia_type: String,
        /// Items in order.
        items: Vec<Node>,
    },
    /// A value that is an object of its own, behind a reference.
    Object(Box<Node>),
}

impl Node {
    /// A Float64, by its bits.
    pub fn float(value: f64) -> Self {
        Self::Value {
            julia_type: "Core.Float64".into(),
            json: format!("\"0x{:016x}\"", value.to_bits()),
        }
    }

    /// An unsigned 32-bit number.
    pub fn uint32(value: u32) -> Self {
        Self::Value { julia_type: "Core.UInt32".into(), json: value.to_string() }
    }

    /// Its type's name.
    pub fn julia_type(&self) -> &str {
        match self {
            Self::Value { julia_type, .. }
            | Self::Struct { julia_type, .. }
            | Self::Tuple { julia_type, .. } => julia_type,
            Self::Object(node) => node.julia_type(),
        }
    }

    /// Whether the node is of a kind that can be met again as the same object.
    pub(super) fn is_tracked(&self) -> bool {
        matches!(self, Self::Struct { .. })
    }

    /// Writes the node; `id` is given where its object is met first, and `next` gives those of the
    /// objects inside.
    pub(super) fn write(
        &self,
        out: &mut dyn Write,
        id: Option<u64>,
        next: &mut dyn FnMut() -> u64,
    ) -> io::Result<()> {
        match self {
            Self::Object(node) => {
                let id = node.is_tracked().then(&mut *next);
                node.write(out, id, next)
            }
            Self::Value { julia_type, json } => {
                head(out, julia_type, None)?;
                write!(out, ",\"v\":{json}}}")
            }
            Self::Struct { julia_type, fields } => {
                head(out, julia_type, id)?;
                out.write_all(b",\"fields\":{")?;
                for (i, (name, node)) in fields.iter().enumerate() {
                    comma(out, i)?;
                    text(out, name.as_bytes())?;
                    out.write_all(b":")?;
                    node.write(out, None, next)?;
                }
                out.write_all(b"}}")
            }
            Self::Tuple { julia_type, items } => {
                head(out, julia_type, id)?;
                out.write_all(b",\"items\":[")?;
                for (i, node) in items.iter().enumerate() {
                    comma(out, i)?;
                    node.write(out, None, next)?;
                }
                out.write_all(b"]}")
            }
        }
    }
}

/// `{"t":…` and the id, if there is one.
pub(super) fn head(out: &mut dyn Write, julia_type: &str, id: Option<u64>) -> io::Result<()> {
    out.write_all(b"{\"t\":")?;
    text(out, julia_type.as_bytes())?;
    match id {
        Some(id) => write!(out, ",\"id\":{id}"),
        None => Ok(()),
    }
}

/// A comma in front of all but the first of a list.
pub(super) fn comma(out: &mut dyn Write, i: usize) -> io::Result<()> {
    if i == 0 { Ok(()) } else { out.write_all(b",") }
}

//! Codec objects: what a target writes into a file to say how its columns are encoded.

use crate::migrate::literal::Literal;
use crate::migrate::pattern::{PathPattern, TypePattern};
use serde::Deserialize;
use std::collections::BTreeMap;

/// How columns can be encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// As they are.
    None,
    /// The registered HDF5 LZ4 block format.
    Lz4,
    /// LZ4 frames.
    Lz4Frame,
    /// Zstandard.
    Zstd,
    /// Deflate.
    Deflate,
}

impl Encoding {
    /// Its name in a target's file.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lz4 => "lz4",
            Self::Lz4Frame => "lz4-frame",
            Self::Zstd => "zstd",
            Self::Deflate => "deflate",
        }
    }
}

/// The objects that say how a file's columns are encoded.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Codec {
    /// What columns become that the target cannot read.
    pub default: Encoding,
    /// Datasets that hold, or lead to, a codec object.
    pub at: Vec<PathPattern>,
    /// The types of codec objects of all times. When columns are encoded again, each object of
    /// these types at these places gives way to the one of the new encoding.
    pub types: Vec<TypePattern>,
    /// The codec object of each encoding that the target can read.
    pub objects: BTreeMap<Encoding, CodecObject>,
}

/// A codec object that the target writes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct CodecObject {
    /// Its value.
    pub value: Literal,
    /// The field that holds the level, if the encoding has levels; the value's is the default.
    pub level: Option<String>,
}

impl Codec {
    /// The object that says that columns are encoded so, at this level where the encoding has
    /// levels; none if the target has no such encoding.
    pub fn object(&self, encoding: Encoding, level: Option<i64>) -> Option<Literal> {
        let object = self.objects.get(&encoding)?;
        let mut value = object.value.clone();
        if let (Some(level), Some(name), Literal::Struct(made)) = (level, &object.level, &mut value)
        {
            for (_, value) in made.fields.iter_mut().filter(|(field, _)| field == name) {
                match value {
                    Literal::Int32(v) => *v = i32::try_from(level).unwrap_or(*v),
                    Literal::UInt32(v) => *v = u32::try_from(level).unwrap_or(*v),
                    Literal::Int64(v) => *v = level,
                    _ => {}
                }
            }
        }
        Some(value)
    }
}

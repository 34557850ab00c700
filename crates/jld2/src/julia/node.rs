//! Holds canonical values that are known without a file: what a rule makes of an object.

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
    /// A Float64, by its bits.
    Float64(u64),
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

/// Name of the type of [`Node::Float64`].
pub(super) const FLOAT64: &str = "Core.Float64";

impl Node {
    /// A Float64.
    pub fn float(value: f64) -> Self {
        Self::Float64(value.to_bits())
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
            Self::Float64(_) => FLOAT64,
            Self::Object(node) => node.julia_type(),
        }
    }

    /// Whether the node is of a kind that can be met again as the same object.
    pub(super) fn is_tracked(&self) -> bool {
        matches!(self, Self::Struct { .. })
    }
}

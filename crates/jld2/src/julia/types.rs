//! Holds Julia types as values, and writes them out.

use std::borrow::Cow;
use std::fmt;

/// Longer homogeneous tuples are not spelled out.
const MAX_SPELLED: usize = 4096;

/// A Julia type as a file names it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum JuliaType {
    /// A type with its module path, e.g. `Core.Array` with parameters.
    Named {
        /// Module path and name.
        name: String,
        /// Parameters in order.
        params: Vec<Param>,
    },
    /// A union.
    Union(Vec<JuliaType>),
    /// A type variable of an enclosing `where`.
    Var(String),
}

/// A parameter of a type.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Param {
    /// A type.
    Type(JuliaType),
    /// An integer.
    Int(i128),
    /// A symbol.
    Symbol(String),
    /// A tuple of symbols: the names of a named tuple.
    Symbols(Vec<String>),
    /// Any other value, spelled out.
    Other(String),
}

impl JuliaType {
    /// A type without parameters.
    pub fn plain(name: impl Into<String>) -> Self {
        Self::Named { name: name.into(), params: Vec::new() }
    }

    /// `Core.Any`.
    pub fn any() -> Self {
        Self::plain("Core.Any")
    }

    /// `Core.Array{element,rank}`.
    pub fn array(element: Self, rank: usize) -> Self {
        let params = vec![Param::Type(element), Param::Int(rank as i128)];
        Self::Named { name: "Core.Array".into(), params }
    }

    /// Module path and name, without parameters.
    pub fn name(&self) -> &str {
        match self {
            Self::Named { name, .. } | Self::Var(name) => name,
            Self::Union(_) => "Union",
        }
    }

    /// The last part of the name: `Dict` for `Base.Dict`.
    pub fn short_name(&self) -> &str {
        let name = self.name();
        name.rsplit('.').next().unwrap_or(name)
    }

    /// The parameters.
    pub fn params(&self) -> &[Param] {
        match self {
            Self::Named { params, .. } => params,
            Self::Union(_) | Self::Var(_) => &[],
        }
    }

    /// The element types, if this is a concrete tuple type. JLD2 writes tuples of one type since
    /// 0.4.19 as `NTuple` with length and type.
    pub fn tuple_elements(&self) -> Option<Vec<&JuliaType>> {
        match self.short_name() {
            "Tuple" => self
                .params()
                .iter()
                .map(|p| match p {
                    Param::Type(t) => Some(t),
                    _ => None,
                })
                .collect(),
            "NTuple" => self.homogeneous().map(|(n, t)| vec![t; n]),
            _ => None,
        }
    }

    /// Length and element of an `NTuple` that is spelled out.
    fn homogeneous(&self) -> Option<(usize, &JuliaType)> {
        match self.params() {
            [Param::Int(n), Param::Type(t)] if self.short_name() == "NTuple" => {
                let n = usize::try_from(*n).ok().filter(|&n| n <= MAX_SPELLED)?;
                Some((n, t))
            }
            _ => None,
        }
    }

    /// How large the type is: parts, bytes of memory behind them, and bytes when written out.
    pub(super) fn extent(&self) -> TypeSize {
        let list = |parts: TypeSize, item: TypeSize| parts.and(item).spelled(1);
        if let Some((n, t)) = self.homogeneous() {
            let one = t.extent();
            let spelled = (one.spelled + 1).saturating_mul(n as u64).saturating_add(12);
            return TypeSize { spelled, parts: one.parts.saturating_add(2), bytes: one.bytes };
        }
        match self {
            Self::Named { name, params } => {
                params.iter().map(Param::extent).fold(TypeSize::of(name).spelled(12), list)
            }
            Self::Union(members) => {
                members.iter().map(Self::extent).fold(TypeSize::of("Union").spelled(2), list)
            }
            Self::Var(name) => TypeSize::of(name),
        }
    }

    /// Whether this is a named tuple.
    pub fn is_named_tuple(&self) -> bool {
        matches!(self.name(), "Core.NamedTuple" | "NamedTuple")
    }

    /// It written out; of most types that is their name.
    pub fn spelled(&self) -> Cow<'_, str> {
        match self {
            Self::Named { name, params } if params.is_empty() && self.short_name() != "Tuple" => {
                Cow::Borrowed(name)
            }
            Self::Named { .. } | Self::Union(_) | Self::Var(_) => Cow::Owned(self.to_string()),
        }
    }

    /// The parameter at `i`, if it is a type.
    pub fn type_param(&self, i: usize) -> Option<&JuliaType> {
        match self.params().get(i) {
            Some(Param::Type(t)) => Some(t),
            _ => None,
        }
    }
}

/// How large a type is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TypeSize {
    /// Types and values that it is made of.
    pub(super) parts: u64,
    /// Bytes of their names.
    pub(super) bytes: u64,
    /// Bytes when written out, or a little more.
    pub(super) spelled: u64,
}

impl TypeSize {
    pub(super) fn of(name: &str) -> Self {
        let bytes = name.len() as u64;
        Self { parts: 1, bytes, spelled: bytes }
    }

    fn and(self, other: Self) -> Self {
        Self {
            parts: self.parts.saturating_add(other.parts),
            bytes: self.bytes.saturating_add(other.bytes),
            spelled: self.spelled.saturating_add(other.spelled),
        }
    }

    fn spelled(self, more: u64) -> Self {
        Self { spelled: self.spelled.saturating_add(more), ..self }
    }
}

impl Param {
    pub(super) fn extent(&self) -> TypeSize {
        match self {
            Self::Type(t) => t.extent(),
            Self::Int(_) => TypeSize { parts: 1, bytes: 0, spelled: 40 },
            Self::Symbol(s) | Self::Other(s) => TypeSize::of(s).spelled(1),
            Self::Symbols(names) => names
                .iter()
                .map(|n| TypeSize::of(n).spelled(2))
                .fold(TypeSize { parts: 1, bytes: 0, spelled: 2 }, TypeSize::and),
        }
    }
}

/// Items in braces.
fn list<T: fmt::Display>(
    f: &mut fmt::Formatter<'_>,
    items: impl IntoIterator<Item = T>,
) -> fmt::Result {
    let mut before = "{";
    for item in items {
        write!(f, "{before}{item}")?;
        before = ",";
    }
    // Of no items there is no first brace yet.
    f.write_str(if before == "{" { "{}" } else { "}" })
}

impl fmt::Display for JuliaType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(elements) = self.tuple_elements() {
            f.write_str("Core.Tuple")?;
            return list(f, elements);
        }
        match self {
            Self::Named { name, params } => {
                f.write_str(name)?;
                if params.is_empty() {
                    return Ok(());
                }
                list(f, params)
            }
            Self::Union(members) => {
                let mut items: Vec<_> = members.iter().map(ToString::to_string).collect();
                items.sort();
                f.write_str("Union")?;
                list(f, items)
            }
            Self::Var(name) => f.write_str(name),
        }
    }
}

impl fmt::Display for Param {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(t) => t.fmt(f),
            Self::Int(i) => i.fmt(f),
            Self::Symbol(s) => write!(f, ":{s}"),
            Self::Symbols(names) => {
                let names: Vec<_> = names.iter().map(|n| format!(":{n}")).collect();
                write!(f, "({})", names.join(","))
            }
            Self::Other(s) => f.write_str(s),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spells_types_as_julia_does() {
        let int = JuliaType::plain("Core.Int64");
        let pair = JuliaType::Named {
            name: "NTuple".into(),
            params: vec![Param::Int(2), Param::Type(int.clone())],
        };
        assert_eq!(pair.to_string(), "Core.Tuple{Core.Int64,Core.Int64}");
        let one = JuliaType::Named { name: "Tuple".into(), params: vec![Param::Type(int.clone())] };
        assert_eq!(one.to_string(), "Core.Tuple{Core.Int64}");
        assert_eq!(JuliaType::plain("Core.Tuple").to_string(), "Core.Tuple{}");
        assert_eq!(
            JuliaType::array(pair, 3).to_string(),
            "Core.Array{Core.Tuple{Core.Int64,Core.Int64},3}"
        );
        let union = JuliaType::Union(vec![int, JuliaType::plain("Base.Missing")]);
        assert_eq!(union.to_string(), "Union{Base.Missing,Core.Int64}");
        let named = JuliaType::Named {
            name: "Core.NamedTuple".into(),
            params: vec![
                Param::Symbols(vec!["a".into(), "b".into()]),
                Param::Type(JuliaType::plain("Core.Tuple")),
            ],
        };
        assert_eq!(named.to_string(), "Core.NamedTuple{(:a,:b),Core.Tuple{}}");
    }
}

//! Reads Julia types as text: as a rule names them, and as Julia prints them.

use crate::julia::{JuliaType, Param};
use std::cell::Cell;

/// Types nest less deeply than this; ends forged texts.
const MAX_DEPTH: u32 = 32;

/// Names that every session of Julia 1.10 or 1.12 has, without their module (the types among what `Core`
/// and `Base` export), and the module under which JLD2 stores them.
pub(super) const KNOWN: [(&str, &[&str]); 12] = [
    (
        "Core",
        &[
            "AbstractArray",
            "AbstractChar",
            "AbstractFloat",
            "AbstractString",
            "Any",
            "ArgumentError",
            "Array",
            "AssertionError",
            "Bool",
            "BoundsError",
            "Char",
            "ConcurrencyViolationError",
            "DataType",
            "DenseArray",
            "DivideError",
            "DomainError",
            "ErrorException",
            "Exception",
            "Expr",
            "FieldError",
            "Float16",
            "Float32",
            "Float64",
            "Function",
            "GenericMemory",
            "GenericMemoryRef",
            "GlobalRef",
            "IO",
            "InexactError",
            "InitError",
            "Int128",
            "Int16",
            "Int32",
            "Int64",
            "Int8",
            "Integer",
            "InterruptException",
            "LineNumberNode",
            "LoadError",
            "Method",
            "MethodError",
            "Module",
            "NamedTuple",
            "Nothing",
            "Number",
            "OutOfMemoryError",
            "OverflowError",
            "Ptr",
            "QuoteNode",
            "ReadOnlyMemoryError",
            "Real",
            "Ref",
            "SegmentationFault",
            "Signed",
            "StackOverflowError",
            "String",
            "Symbol",
            "Task",
            "Tuple",
            "Type",
            "TypeError",
            "TypeVar",
            "UInt128",
            "UInt16",
            "UInt32",
            "UInt64",
            "UInt8",
            "UndefInitializer",
            "UndefKeywordError",
            "UndefRefError",
            "UndefVarError",
            "UnionAll",
            "Unsigned",
            "VecElement",
            "WeakRef",
        ],
    ),
    (
        "Base",
        &[
            "AbstractChannel",
            "AbstractDict",
            "AbstractIrrational",
            "AbstractLock",
            "AbstractMatch",
            "AbstractPattern",
            "AbstractRange",
            "AbstractSet",
            "AbstractSlices",
            "AbstractUnitRange",
            "BitArray",
            "BitSet",
            "CanonicalIndexError",
            "CapturedException",
            "Channel",
            "Cmd",
            "Colon",
            "Complex",
            "ComposedFunction",
            "CompositeException",
            "Cstring",
            "Cwstring",
            "Dict",
            "DimensionMismatch",
            "EOFError",
            "Event",
            "ExponentialBackOff",
            "Fix1",
            "Fix2",
            "IOContext",
            "IOStream",
            "IdDict",
            "IndexCartesian",
            "IndexLinear",
            "IndexStyle",
            "InvalidStateException",
            "Irrational",
            "KeyError",
            "LazyString",
            "LinRange",
            "LinearIndices",
            "Lockable",
            "Missing",
            "MissingException",
            "OncePerProcess",
            "OncePerTask",
            "OncePerThread",
            "OrdinalRange",
            "Pair",
            "Pipe",
            "ProcessFailedException",
            "Rational",
            "ReentrantLock",
            "RefValue",
            "Regex",
            "RegexMatch",
            "Returns",
            "Set",
            "Slices",
            "Some",
            "StepRange",
            "StepRangeLen",
            "StringIndexError",
            "SubArray",
            "SubString",
            "SubstitutionString",
            "SystemError",
            "TaskFailedException",
            "Timer",
            "UnitRange",
            "Val",
            "VersionNumber",
            "WeakKeyDict",
        ],
    ),
    ("Base.MPFR", &["BigFloat"]),
    ("Base.GMP", &["BigInt"]),
    ("Base.IteratorsMD", &["CartesianIndex", "CartesianIndices"]),
    ("Base.Enums", &["Enum"]),
    ("Base.PermutedDimsArrays", &["PermutedDimsArray"]),
    ("Base.Rounding", &["RoundingMode"]),
    ("Base.Sort", &["PartialQuickSort"]),
    ("Base.Libc", &["RawFD", "TmStruct"]),
    ("Base.Docs", &["HTML", "Text"]),
    ("Base.Multimedia", &["AbstractDisplay", "TextDisplay", "MIME"]),
];

/// A name without the module, if that is one of those that every session has.
pub(super) fn bare(name: &str) -> &str {
    name.strip_prefix("Core.").or(name.strip_prefix("Base.")).unwrap_or(name)
}

/// The full name of one without a module, if it is among these.
pub(super) fn full_name(known: &[(&str, &[&str])], bare: &str) -> Option<String> {
    let (module, _) = known.iter().find(|(_, names)| names.contains(&bare))?;
    Some(format!("{module}.{bare}"))
}

/// The type that a text names in full, its parameters too, as a rule has to: `Main.Box{Core.Int64}`.
pub fn full_type(text: &str) -> Option<JuliaType> {
    TypeText::parse(text)?.to_full_type()
}

/// A type as text has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TypeText {
    /// Its name as it stands there.
    pub(super) name: String,
    /// Its parameters.
    pub(super) params: Vec<ParamText>,
}

/// A parameter as text has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum ParamText {
    /// A type.
    Type(TypeText),
    /// Anything else.
    Value(Param),
}

impl TypeText {
    /// Reads `Generic{Float64, 2}`; none if it is something else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut parser = Parser { rest: text };
        let t = parser.named(0)?;
        parser.rest.trim().is_empty().then_some(t)
    }

    /// The type, with `full` giving what other types are than those that every session has.
    pub(super) fn to_type(&self, full: &dyn Fn(&Self) -> JuliaType) -> JuliaType {
        if self.name == "Union" {
            let members = self.params.iter().filter_map(|p| match p {
                ParamText::Type(t) => Some(t.to_type(full)),
                ParamText::Value(_) => None,
            });
            return JuliaType::Union(members.collect());
        }
        let params = || self.params.iter().map(|p| p.to_param(full)).collect::<Vec<_>>();
        let bare = bare(&self.name);
        for (name, rank) in [("Vector", 1), ("Matrix", 2)] {
            if let (true, [Param::Type(element)]) = (bare == name, params().as_slice()) {
                return JuliaType::array(element.clone(), rank);
            }
        }
        let bare = match bare {
            "Int" => "Int64",
            "UInt" => "UInt64",
            other => other,
        };
        match full_name(&KNOWN, bare) {
            Some(name) => JuliaType::Named { name, params: params() },
            None => full(self),
        }
    }

    /// A type whose name is written in full, or is one that every session has.
    pub(super) fn to_full_type(&self) -> Option<JuliaType> {
        let doubtful = Cell::new(false);
        let t = self.to_full(&doubtful);
        (!doubtful.get()).then_some(t)
    }

    fn to_full(&self, doubtful: &Cell<bool>) -> JuliaType {
        self.to_type(&|t| {
            doubtful.set(doubtful.get() || !t.name.contains('.'));
            t.plainly(&|t| t.to_full(doubtful))
        })
    }

    /// The type under the name as it stands there.
    pub(super) fn plainly(&self, full: &dyn Fn(&Self) -> JuliaType) -> JuliaType {
        let params = self.params.iter().map(|p| p.to_param(full)).collect();
        JuliaType::Named { name: self.name.clone(), params }
    }
}

impl ParamText {
    pub(super) fn to_param(&self, full: &dyn Fn(&TypeText) -> JuliaType) -> Param {
        match self {
            Self::Type(t) => Param::Type(t.to_type(full)),
            Self::Value(param) => param.clone(),
        }
    }
}

struct Parser<'t> {
    rest: &'t str,
}

impl Parser<'_> {
    fn take(&mut self, token: &str) -> bool {
        let Some(rest) = self.rest.trim_start().strip_prefix(token) else { return false };
        self.rest = rest;
        true
    }

    /// The characters in front of the first that is none of a name.
    fn word(&mut self) -> Option<String> {
        let rest = self.rest.trim_start();
        let end = rest.find(['{', '}', '(', ')', ',', ' ', '"']).unwrap_or(rest.len());
        let (word, rest) = rest.split_at_checked(end)?;
        self.rest = rest;
        (!word.is_empty()).then(|| word.to_owned())
    }

    fn named(&mut self, depth: u32) -> Option<TypeText> {
        let name = self.word()?;
        let mut params = Vec::new();
        if depth < MAX_DEPTH && self.take("{") && !self.take("}") {
            loop {
                params.push(self.param(depth + 1)?);
                if self.take("}") {
                    break;
                }
                if !self.take(",") {
                    return None;
                }
            }
        }
        Some(TypeText { name, params })
    }

    fn param(&mut self, depth: u32) -> Option<ParamText> {
        if let Some(symbol) = self.symbol() {
            return Some(ParamText::Value(Param::Symbol(symbol)));
        }
        if self.take("(") {
            let mut names = Vec::new();
            while !self.take(")") {
                names.push(self.symbol()?);
                if !self.take(",") && !self.rest.trim_start().starts_with(')') {
                    return None;
                }
            }
            return Some(ParamText::Value(Param::Symbols(names)));
        }
        let number = self.rest.trim_start();
        let end = number.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(number.len());
        let (digits, rest) = number.split_at_checked(end)?;
        if let Ok(number) = digits.parse() {
            self.rest = rest;
            return Some(ParamText::Value(Param::Int(number)));
        }
        self.named(depth).map(ParamText::Type)
    }

    /// `:name`, or `Symbol("any text")`.
    fn symbol(&mut self) -> Option<String> {
        if self.take(":") {
            return self.word();
        }
        if !self.take("Symbol(\"") {
            return None;
        }
        let (name, rest) = self.rest.split_once("\")")?;
        let name = name.to_owned();
        self.rest = rest;
        Some(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_are_read_as_julia_prints_them() {
        let full = |t: &TypeText| t.plainly(&|t| t.plainly(&|_| JuliaType::any()));
        for (text, wanted) in [
            ("Added", "Added"),
            ("Generic{Float64}", "Generic{Core.Float64}"),
            ("A.B{Vector{Int}, 2, :x}", "A.B{Core.Array{Core.Int64,1},2,:x}"),
            ("Matrix{Base.Dict{Symbol, Any}}", "Core.Array{Base.Dict{Core.Symbol,Core.Any},2}"),
            ("NamedTuple{(:r, :m),Tuple}", "Core.NamedTuple{(:r,:m),Core.Tuple{}}"),
            ("Box{Union{Nothing, Int32}}", "Box{Union{Core.Int32,Core.Nothing}}"),
            ("S{Symbol(\"a b\"), (:x,)}", "S{:a b,(:x)}"),
            ("Box{AbstractFloat}", "Box{Core.AbstractFloat}"),
            (
                "Box{AbstractDict{Signed, BigInt}}",
                "Box{Base.AbstractDict{Core.Signed,Base.GMP.BigInt}}",
            ),
        ] {
            let t = TypeText::parse(text).unwrap_or_else(|| panic!("{text}"));
            assert_eq!(t.to_type(&full).to_string(), wanted, "{text}");
        }
        for bad in ["", "A{", "A{B", "A{B}}", "A{(:x", "A B", "A{B C}"] {
            assert_eq!(TypeText::parse(bad), None, "{bad}");
        }
        let deep = "A{".repeat(5000);
        assert_eq!(TypeText::parse(&deep), None);
        let named = |text| TypeText::parse(text).and_then(|t| t.to_full_type());
        assert_eq!(named("Float64"), Some(JuliaType::plain("Core.Float64")));
        assert_eq!(named("Main.A{B}"), None);
        assert_eq!(named("Main.A{Int8}").unwrap().to_string(), "Main.A{Core.Int8}");
    }
}

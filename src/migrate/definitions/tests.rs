//! Tests of [`super`].

use super::*;
use proptest::collection::vec;
use proptest::prelude::*;
use std::fmt::Write as _;

fn scanned(text: &str) -> Definitions {
    scan_text(text, "text")
}

/// `name::Type` of each field, with `?` where there is no type.
fn fields(text: &str, name: &str) -> Vec<String> {
    let defined = scanned(text);
    let defined = defined.types.get(name).unwrap_or_else(|| panic!("{name} in {defined:?}"));
    let field = |f: &DefinedField| {
        let julia_type = f.julia_type.as_ref().map_or("?".to_owned(), ToString::to_string);
        format!("{}::{julia_type}", f.name)
    };
    defined.fields.iter().map(field).collect()
}

#[test]
fn structs_are_read_however_they_are_written() {
    for (text, want) in [
        ("struct A end", vec![]),
        ("struct A; end", vec![]),
        ("struct A; x; end", vec!["x::?"]),
        ("struct A; x::Int; y::Vector{Float64}; end", vec!["x::Int", "y::Vector{Float64}"]),
        ("struct A <:\n  B\n x::Int\nend", vec!["x::Int"]),
        ("struct A{T<:Real, N} <: B{T,\nN}\n x::T\nend", vec!["x::T"]),
        (
            "struct A\n \"\"\"says \"end\" $(f(\"x)\"))\"\"\"\n x::Int # end\n #= end\n#= =# =#\nend",
            vec!["x::Int"],
        ),
        ("mutable struct A\n const x::Int\n @atomic y::Bool\nend", vec!["x::Int", "y::Bool"]),
        (
            "@kwdef struct A\n x::Int = 3\n y = [1][end]\n z::Char = ')'\nend",
            vec!["x::Int", "y::?", "z::Char"],
        ),
        (
            "struct A\n x::Int\n A(x) = new(x)\n A{T}(x) where T = new{T}(x)\n function A(x, y)\n  if x\n   y\n  end\n  new(x)\n end\nend",
            vec!["x::Int"],
        ),
        (
            "struct A\n x::Core.Array{Core.Float64, 1}\n f′::NTuple{3,Int}\nend",
            vec!["x::Core.Array{Core.Float64,1}", "f′::NTuple{3,Int}"],
        ),
        ("struct A\n x::Union{Nothing,\n  Int}\nend", vec!["x::Union{Nothing,Int}"]),
        ("struct A\n μm::Float64\n x₁\nend", vec!["μm::Float64", "x₁::?"]),
        (
            "struct A\n x::Dict{Symbol,Any}\n y::Val{:end}\nend",
            vec!["x::Dict{Symbol,Any}", "y::Val{:end}"],
        ),
    ] {
        assert_eq!(fields(text, "A"), want, "{text}");
        assert!(scanned(text).unclear.is_empty(), "{text}");
        assert_eq!(scanned(text).types["A"].doubt, None, "{text}");
    }
}

#[test]
fn code_around_structs_does_not_mislead() {
    let text = r#"
        module Outer
        x = a' * b'
        y = [i for i in 1:3 if i > 1]
        z = y[end-1]; s = :end; t = d.begin
        f(x) = map(x) do y; y end
        w = """ struct No end """
        r = r"\"struct"
        function hidden()
            struct_like = 1
        end
        macro m() quote struct InQuote end end end
        struct Seen; a; end
        module Inner
            abstract type T end
            struct Deep; b; end
        end
        c = '"'
        if VERSION > v"1.10"
            struct Maybe; c; end
        end
        const Other = Seen
        baremodule Bare struct D end end
        end
        struct Outside end
    "#;
    let defined = scanned(text);
    let names: Vec<_> = defined.types.keys().map(String::as_str).collect();
    let want = [
        "Outer.Bare.D",
        "Outer.Inner.Deep",
        "Outer.Inner.T",
        "Outer.Maybe",
        "Outer.Seen",
        "Outside",
    ];
    assert_eq!(names, want);
    assert!(defined.types["Outer.Maybe"].doubt.is_some());
    assert_eq!(defined.types["Outer.Seen"].doubt, None);
    assert_eq!(defined.types["Outer.Inner.T"].kind, TypeKind::Bare);
    assert_eq!(defined.aliases["Outer.Other"], TypeExpr::parse("Seen"));
    assert_eq!(defined.modules, BTreeSet::from(["Outer".to_owned()]));
}

#[test]
fn what_is_not_understood_is_said() {
    for text in [
        "struct A x",
        "\"no end",
        "#= no end",
        "struct $name end",
        "x = 1; include(file)",
        "include(\"a.jl\")",
        "struct A; x; x; end",
    ] {
        assert!(!scanned(text).unclear.is_empty(), "{text}");
    }
    for text in [
        "@made_up struct A; x; end",
        "struct A; @static if true; x; end; end",
        "struct A; if true; x; end; end",
        "struct A; x; end; struct A; y; end",
        "begin; struct A; x; end; end",
    ] {
        assert!(scanned(text).types["A"].doubt.is_some(), "{text}");
    }
}

/// Nothing that is nested, repeated or left open takes more than a moment.
#[test]
fn hostile_sources_are_read_in_linear_time() {
    let n = 60_000;
    let start = std::time::Instant::now();
    for piece in [
        "(",
        "begin ",
        "struct a ",
        "struct ( ",
        "struct a; x; ",
        "const a = ",
        "a.",
        "a ",
        "'\\",
        "\"$(",
        "#=",
        "module m ",
        ") ",
        "end ",
        "[x for ",
        "{",
        "x::A{",
        "@a ",
        "`",
        "struct a{",
        "struct a end ",
    ] {
        let _ = scanned(&piece.repeat(n));
        let _ = scanned(&format!("{}{}", "begin ".repeat(n), piece.repeat(n)));
    }
    let mut many = "struct A\n".to_owned();
    for i in 0..n {
        let _ = writeln!(many, "x{i}::Int");
    }
    assert_eq!(scanned(&format!("{many}end")).types["A"].fields.len(), n);
    assert!(start.elapsed().as_secs() < 300, "{:?}", start.elapsed());
}

const PIECES: [&str; 36] = [
    "struct", "mutable", "end", "module", "begin", "if", "for", "function", "const", "include",
    "A", "x", "::", "=", "{", "}", "(", ")", "[", "]", ",", ";", "\n", " ", "\"", "'", "`", "$(",
    "#=", "=#", "#", "@", ".", ":", "\\", "é",
];

proptest! {
    #[test]
    fn no_text_makes_it_fail(pieces in vec(prop::sample::select(&PIECES[..]), 0..200)) {
        let _ = scanned(&pieces.concat());
        let _ = TypeExpr::parse(&pieces.concat());
    }

    #[test]
    fn any_characters_do(text in ".{0,300}") {
        let _ = scanned(&text);
        let _ = TypeExpr::parse(&text);
    }

    /// Whatever stands between, a struct's fields come out as they were written.
    #[test]
    fn fields_come_back(
        names in prop::collection::btree_set("[a-z][a-z0-9_]{2,9}z", 0..20),
        types in vec(prop::sample::select(&["", "::Int", "::Vector{Float64}", "::Dict{Any,Any}"][..]), 20),
        noise in prop::sample::select(&["", " # end\n", ";", "\n\"doc\"\n", "\n#= end =#\n"][..]),
    ) {
        let mut text = "module M\nstruct A\n".to_owned();
        let mut want = Vec::new();
        for (name, julia_type) in names.iter().zip(types) {
            let _ = writeln!(text, "{name}{julia_type}{noise}");
            let shown = if julia_type.is_empty() { "::?" } else { julia_type };
            want.push(format!("{name}{shown}"));
        }
        text.push_str("end\nend\n");
        prop_assert_eq!(fields(&text, "M.A"), want);
    }
}

//! One struct: its name, its parameters and its fields.

use super::frames::Frames;
use super::lexer::{Kind, Token};
use super::type_expr::joined;
use super::{DefinedField, DefinedType, Place, TypeExpr, TypeKind};
use std::collections::HashSet;

/// A struct that was read.
pub(super) struct Read {
    pub(super) name: String,
    pub(super) defined: DefinedType,
    /// How many tokens it takes, from its name to its `end`.
    pub(super) len: usize,
}

/// Reads the struct whose name is the first of `tokens`; an error says what was not understood. Takes
/// the tokens that were looked at off `left`.
pub(super) fn read(
    tokens: &[Token<'_>],
    kind: TypeKind,
    place: Place,
    left: &mut usize,
) -> Result<Read, String> {
    let mut head = 0;
    let mut frames = Frames::default();
    while let Some(token) = tokens.get(head) {
        let goes_on = head > 0 && tokens.get(head - 1).is_some_and(continues);
        let over = token.kind == Kind::End && frames.is_empty() && !goes_on;
        // A struct on one line: `struct A end`.
        if over || (token.is("end") && frames.is_empty()) {
            break;
        }
        frames.step(head.checked_sub(1).and_then(|at| tokens.get(at)), token, tokens.get(head + 1));
        head += 1;
    }
    *left = left.saturating_sub(head);
    let (name, parameters) = header(tokens.get(..head).unwrap_or_default())?;
    let mut defined = DefinedType { kind, parameters, fields: Vec::new(), place, doubt: None };
    let mut names = HashSet::new();
    let mut at = head;
    loop {
        let (statement, ended) = statement(tokens.get(at..).unwrap_or_default());
        if let Some(field) = field(statement, &name) {
            match field {
                Ok(field) if !names.insert(field.name.clone()) => {
                    return Err(format!("the struct {name} has two fields {}", field.name));
                }
                Ok(field) => defined.fields.push(field),
                Err(text) => {
                    defined.doubt.get_or_insert(text);
                }
            }
        }
        at += statement.len() + 1;
        *left = left.saturating_sub(statement.len() + 1);
        match ended {
            Some(true) => return Ok(Read { name, defined, len: at }),
            Some(false) => {}
            None => return Err(format!("the struct {name} has no end")),
        }
    }
}

/// Whether what follows such a token on the next line still belongs to it.
fn continues(token: &Token<'_>) -> bool {
    token.kind == Kind::Mark && !token.is("'")
}

/// The name and the parameters of `Name{T<:Real,N} <: Super{T}`.
fn header(tokens: &[Token<'_>]) -> Result<(String, Vec<String>), String> {
    let unclear = || format!("a struct whose name is not plain: {}", joined(tokens));
    let (first, rest) = tokens.split_first().ok_or_else(unclear)?;
    if first.kind != Kind::Word {
        return Err(unclear());
    }
    let mut parameters = Vec::new();
    if rest.first().is_some_and(|open| open.is("{")) {
        let mut depth = 0_i64;
        let mut fresh = false;
        for token in rest {
            match token.kind {
                Kind::Open => {
                    depth += 1;
                    fresh = depth == 1;
                    continue;
                }
                Kind::Close => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                break;
            }
            if depth == 1 && token.is(",") {
                fresh = true;
            } else if std::mem::take(&mut fresh) && token.kind == Kind::Word {
                parameters.push(token.text.to_owned());
            }
        }
    }
    Ok((first.text.to_owned(), parameters))
}

/// The tokens up to the end of a statement, and whether the struct ends with it; none if the source
/// ends first.
fn statement<'t, 'a>(tokens: &'t [Token<'a>]) -> (&'t [Token<'a>], Option<bool>) {
    let mut frames = Frames::default();
    let mut before: Option<&Token<'_>> = None;
    for (at, token) in tokens.iter().enumerate() {
        let upto = || tokens.get(..at).unwrap_or_default();
        if frames.is_empty() {
            if token.is("end") && !before.is_some_and(|t| t.is(".") || t.is(":")) {
                return (upto(), Some(true));
            }
            if token.kind == Kind::End && !before.is_some_and(continues) {
                return (upto(), Some(false));
            }
        }
        frames.step(before, token, tokens.get(at + 1));
        before = Some(token);
    }
    (tokens, None)
}

/// The field that a statement in a struct declares; none if it declares none. An error says what
/// leaves the fields in doubt.
fn field(statement: &[Token<'_>], struct_name: &str) -> Option<Result<DefinedField, String>> {
    let mut rest = statement;
    loop {
        let (first, tail) = rest.split_first()?;
        let next = tail.first();
        match first.kind {
            // What stands in front of a field, or alone, as its documentation.
            Kind::Text | Kind::End => rest = tail,
            Kind::Word if first.is("const") => rest = tail,
            Kind::Mark if first.is("@") && next.is_some_and(|n| n.is("atomic") || n.is("doc")) => {
                rest = tail.get(1..).unwrap_or_default();
            }
            Kind::Mark if first.is("@") => {
                let name = next.map_or("", |n| n.text);
                return Some(Err(format!("a macro in it, @{name}, may declare fields")));
            }
            Kind::Word if first.is("if") => {
                return Some(Err("fields in it may depend on a condition".to_owned()));
            }
            Kind::Word => break,
            _ => return None,
        }
    }
    let (name, tail) = rest.split_first()?;
    match tail.first() {
        None => {}
        Some(mark) if mark.is("::") || (mark.is("=") && name.text != struct_name) => {}
        // Constructors: `Name(x) = new(x)`, `Name{T}() where T = ...`, `function Name() ... end`.
        Some(_) => return None,
    }
    if BLOCKS.contains(&name.text) || name.is("function") {
        return None;
    }
    let declared = tail.split_first().filter(|(mark, _)| mark.is("::")).map(|(_, t)| t);
    let julia_type = declared.map(|tokens| {
        let mut depth = 0_i64;
        let default = tokens.iter().position(|token| {
            match token.kind {
                Kind::Open => depth += 1,
                Kind::Close => depth -= 1,
                _ => {}
            }
            depth == 0 && token.is("=")
        });
        TypeExpr::of(tokens.get(..default.unwrap_or(tokens.len())).unwrap_or_default())
    });
    Some(Ok(DefinedField { name: name.text.to_owned(), julia_type }))
}

const BLOCKS: [&str; 12] = [
    "begin",
    "let",
    "for",
    "while",
    "try",
    "quote",
    "macro",
    "module",
    "baremodule",
    "struct",
    "abstract",
    "primitive",
];

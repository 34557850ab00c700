//! Types as they are written: `Vector{Float64}`, `Dict{Any,Any}`, `Core.Array{Core.Float64,1}`.

use super::lexer::{Kind, Token, tokens};

/// Types nest less deeply than this in any honest source.
const MAX_DEPTH: u32 = 64;

/// A type, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TypeExpr {
    /// A name, with its modules as far as they are written, and its parameters.
    Named {
        /// For instance `Dates.DateTime`.
        name: String,
        /// Its parameters, in order.
        parameters: Vec<TypeExpr>,
    },
    /// A number, a symbol or a text among parameters.
    Value(String),
    /// Something else, which only Julia could tell the meaning of.
    Other(String),
}

impl std::fmt::Display for TypeExpr {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Value(text) | Self::Other(text) => f.write_str(text),
            Self::Named { name, parameters } => {
                f.write_str(name)?;
                for (at, parameter) in parameters.iter().enumerate() {
                    f.write_str(if at == 0 { "{" } else { "," })?;
                    parameter.fmt(f)?;
                }
                if parameters.is_empty() { Ok(()) } else { f.write_str("}") }
            }
        }
    }
}

impl TypeExpr {
    /// Reads a type; what is no name with parameters is [`Other`](Self::Other).
    pub fn parse(text: &str) -> Self {
        tokens(text).map_or_else(|_| Self::Other(text.to_owned()), |tokens| Self::of(&tokens))
    }

    pub(super) fn of(tokens: &[Token<'_>]) -> Self {
        let lines: Vec<_> = tokens.iter().filter(|t| t.text != "\n").copied().collect();
        let mut rest = lines.as_slice();
        match read(&mut rest, 0) {
            Some(read) if rest.is_empty() => read,
            _ => Self::Other(joined(&lines)),
        }
    }
}

fn read(rest: &mut &[Token<'_>], depth: u32) -> Option<TypeExpr> {
    let (first, mut after) = rest.split_first()?;
    if depth > MAX_DEPTH {
        return None;
    }
    match first.kind {
        Kind::Number | Kind::Text => {
            *rest = after;
            return Some(TypeExpr::Value(first.text.to_owned()));
        }
        Kind::Mark if first.text == ":" => {
            let (word, after) = after.split_first()?;
            *rest = after;
            return (word.kind == Kind::Word).then(|| TypeExpr::Value(format!(":{}", word.text)));
        }
        Kind::Word => {}
        _ => return None,
    }
    let mut name = first.text.to_owned();
    while let [dot, part, tail @ ..] = after
        && dot.is(".")
        && part.kind == Kind::Word
    {
        name.push('.');
        name.push_str(part.text);
        after = tail;
    }
    let mut parameters = Vec::new();
    if let [open, tail @ ..] = after
        && open.is("{")
    {
        after = tail;
        loop {
            if let [close, tail @ ..] = after
                && close.is("}")
            {
                after = tail;
                break;
            }
            parameters.push(read(&mut after, depth + 1)?);
            match after {
                [comma, tail @ ..] if comma.is(",") => after = tail,
                [close, ..] if close.is("}") => {}
                _ => return None,
            }
        }
    }
    *rest = after;
    Some(TypeExpr::Named { name, parameters })
}

/// The tokens as they were, with single spaces where there were spaces.
pub(super) fn joined(tokens: &[Token<'_>]) -> String {
    let mut out = String::new();
    for token in tokens {
        if !token.glued && !out.is_empty() {
            out.push(' ');
        }
        out.push_str(token.text);
    }
    out
}

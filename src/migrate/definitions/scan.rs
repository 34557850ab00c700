//! From tokens to definitions: modules, the blocks in them, and what is defined at their top.

use super::frames::{Frames, MODULE, is_name};
use super::lexer::{Kind, Token, tokens};
use super::structs::{self, Read};
use super::{DefinedType, Definitions, Place, TypeExpr, TypeKind, Unclear};

/// Reads a text that is called `origin`. `module` is the module that it stands in, if it is part of
/// one. Plain `include`s are told by `include`, with their line and the module that they stand in.
pub(super) fn scan(
    source: &str,
    origin: &str,
    module: &[String],
    include: &mut dyn FnMut(&str, u32, &[String]),
) -> Definitions {
    let mut out = Definitions::default();
    match tokens(source) {
        Ok(tokens) => {
            let left = tokens.len().saturating_mul(4);
            Scanner { tokens: &tokens, origin, include, out: &mut out, left }.run(module);
        }
        Err(endless) => out.unclear.push(Unclear {
            place: Place { file: origin.to_owned(), line: endless.line },
            text: "a text or comment without an end; nothing of this file is read".to_owned(),
        }),
    }
    out
}

/// What a text defines that is called `origin` in places.
pub fn scan_text(source: &str, origin: &str) -> Definitions {
    let mut included = Vec::new();
    let mut out = scan(source, origin, &[], &mut |path, line, _| {
        included.push((path.to_owned(), line));
    });
    for (path, line) in included {
        let place = Place { file: origin.to_owned(), line };
        let text = format!("include({path:?}) is not followed in a file of definitions");
        out.unclear.push(Unclear { place, text });
    }
    out
}

struct Scanner<'s, 'a> {
    tokens: &'s [Token<'a>],
    origin: &'s str,
    include: &'s mut dyn FnMut(&str, u32, &[String]),
    out: &'s mut Definitions,
    /// Tokens that may still be looked at for structs: each is part of few in an honest source.
    left: usize,
}

impl<'a> Scanner<'_, 'a> {
    fn run(mut self, module: &[String]) {
        let mut path: Vec<String> = module.to_vec();
        let mut frames = Frames::default();
        // Blocks whose code runs when the module is loaded, so that definitions in them count.
        let mut hidden = Vec::new();
        let mut at = 0;
        while let Some(token) = self.token(at) {
            let before = at.checked_sub(1).and_then(|at| self.token(at));
            let after = self.token(at + 1);
            let name = token.kind == Kind::Word && !is_name(before.as_ref(), &token);
            let visible = hidden.is_empty() && !frames.in_brackets();
            if name && visible {
                if let Some(len) =
                    self.definition(at, &path, frames.len() > path.len() - module.len())
                {
                    at += len;
                    continue;
                }
                if matches!(token.text, "module" | "baremodule")
                    && let Some(next) = after.filter(|next| next.kind == Kind::Word)
                {
                    if path.is_empty() {
                        self.out.modules.insert(next.text.to_owned());
                    }
                    path.push(next.text.to_owned());
                    frames.module();
                    at += 2;
                    continue;
                }
            }
            let depth = frames.len();
            if frames.step(before.as_ref(), &token, after.as_ref()) == Some(MODULE) {
                path.pop();
            }
            hidden.retain(|hidden| *hidden < frames.len());
            if frames.len() > depth
                && matches!(
                    token.text,
                    "function" | "macro" | "quote" | "do" | "let" | "for" | "while"
                )
            {
                hidden.push(depth);
            }
            at += 1;
        }
    }

    fn token(&self, at: usize) -> Option<Token<'a>> {
        self.tokens.get(at).copied()
    }

    /// Reads what is defined or included at a token, and tells how many tokens that takes.
    fn definition(&mut self, at: usize, path: &[String], in_block: bool) -> Option<usize> {
        let (first, next) = (self.token(at)?, self.token(at + 1));
        match first.text {
            "struct" => self.a_struct(at, at, TypeKind::Struct, path, in_block),
            "mutable" if next.is_some_and(|n| n.is("struct")) => {
                self.a_struct(at, at + 1, TypeKind::Mutable, path, in_block)
            }
            "abstract" | "primitive" if next.is_some_and(|n| n.is("type")) => {
                let name = self.token(at + 2).filter(|name| name.kind == Kind::Word)?;
                let place = self.place(first.line);
                let defined = DefinedType {
                    kind: TypeKind::Bare,
                    parameters: Vec::new(),
                    fields: Vec::new(),
                    place,
                    doubt: None,
                };
                self.out.define(full(path, name.text), defined);
                None
            }
            "const" => {
                let (name, mark) = (next?, self.token(at + 2)?);
                let rest = self.tokens.get(at + 3..)?;
                let end = rest.iter().take(LONGEST).position(|t| t.kind == Kind::End)?;
                let to = TypeExpr::of(rest.get(..end)?);
                let begins = rest.first().is_some_and(|t| t.kind == Kind::Word);
                if name.kind == Kind::Word
                    && mark.is("=")
                    && begins
                    && matches!(to, TypeExpr::Named { .. })
                {
                    self.out.aliases.insert(full(path, name.text), to);
                }
                None
            }
            "include" if next.is_some_and(|n| n.is("(") && n.glued) => {
                let (file, close) = (self.token(at + 2)?, self.token(at + 3)?);
                let plain = file.kind == Kind::Text && close.is(")");
                let text = file.text.trim_matches('"');
                if plain && !text.contains(['$', '\\', '"']) {
                    (self.include)(text, first.line, path);
                } else {
                    let text = "an include whose file only running the code would tell".to_owned();
                    self.unclear(first.line, text);
                }
                None
            }
            _ => None,
        }
    }

    /// Reads a struct; `keyword` is where `struct` stands, `from` where the definition begins.
    fn a_struct(
        &mut self,
        from: usize,
        keyword: usize,
        kind: TypeKind,
        path: &[String],
        in_block: bool,
    ) -> Option<usize> {
        let line = self.token(from)?.line;
        let place = self.place(line);
        let rest = self.tokens.get(keyword + 1..)?;
        let rest = rest.get(..rest.len().min(self.left)).filter(|_| self.left > 0)?;
        let read = structs::read(rest, kind, place, &mut self.left);
        if self.left == 0 {
            self.unclear(line, "structs in structs without an end: no more are read".to_owned());
        }
        match read {
            Ok(Read { name, mut defined, len }) => {
                let macros = self.macro_before(from);
                if let Some(name) = macros.filter(|name| !KNOWN_MACROS.contains(name)) {
                    let text = format!("the macro @{name} may change its fields");
                    defined.doubt.get_or_insert(text);
                }
                if in_block {
                    let text = "it is defined in a block, which may depend on a condition";
                    defined.doubt.get_or_insert(text.to_owned());
                }
                self.out.define(full(path, &name), defined);
                Some(keyword + 1 - from + len)
            }
            Err(text) => {
                self.unclear(line, text);
                None
            }
        }
    }

    /// The macro right in front of a definition, without its modules.
    fn macro_before(&self, at: usize) -> Option<&'a str> {
        let mut at = at.checked_sub(1)?;
        let farthest = at.saturating_sub(LONGEST);
        let name = self.token(at).filter(|name| name.kind == Kind::Word)?;
        // `Base.@kwdef`, `@Base.kwdef`, `@kwdef`.
        loop {
            at = at.checked_sub(1).filter(|at| *at >= farthest)?;
            let token = self.token(at)?;
            if token.is("@") {
                return Some(name.text);
            }
            if !(token.is(".") || token.kind == Kind::Word) || token.kind == Kind::End {
                return None;
            }
        }
    }

    fn place(&self, line: u32) -> Place {
        Place { file: self.origin.to_owned(), line }
    }

    fn unclear(&mut self, line: u32, text: String) {
        let place = self.place(line);
        self.out.unclear.push(Unclear { place, text });
    }
}

/// Tokens of a name with its modules, or of the type that another name stands for.
const LONGEST: usize = 256;

/// Macros that leave a struct's fields as they are written.
const KNOWN_MACROS: [&str; 6] =
    ["kwdef", "with_kw", "with_kw_noshow", "doc", "auto_hash_equals", "eval"];

fn full(path: &[String], name: &str) -> String {
    let mut full = path.join(".");
    if !full.is_empty() {
        full.push('.');
    }
    full.push_str(name);
    full
}

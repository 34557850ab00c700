//! Which brackets and blocks are open at a place of a source.

use super::lexer::{Kind, Token};

/// Open brackets and blocks, by what opened them.
#[derive(Debug, Default)]
pub(super) struct Frames<'a> {
    open: Vec<&'a str>,
    /// How many of them are brackets.
    brackets: usize,
}

/// What stands for a module whose name is known.
pub(super) const MODULE: &str = "named module";

impl<'a> Frames<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.open.len()
    }

    /// Whether a bracket is open.
    pub(super) fn in_brackets(&self) -> bool {
        self.brackets > 0
    }

    /// Opens a module, of which the keyword and the name are taken.
    pub(super) fn module(&mut self) {
        self.open.push(MODULE);
    }

    /// Takes a token, of which `before` and `after` are the neighbours, and tells what opened the
    /// frame that it closes, if it closes one.
    pub(super) fn step(
        &mut self,
        before: Option<&Token<'a>>,
        token: &Token<'a>,
        after: Option<&Token<'a>>,
    ) -> Option<&'a str> {
        let bracket = |frame: &&str| matches!(*frame, "(" | "[" | "{");
        match token.kind {
            Kind::Open => {
                self.open.push(token.text);
                self.brackets += 1;
            }
            // A block in brackets that never ended ends with them.
            Kind::Close if self.brackets > 0 => {
                let at = self.open.iter().rposition(bracket)?;
                self.open.truncate(at);
                self.brackets -= 1;
            }
            Kind::Word if is_name(before, token) => {}
            // In brackets, `end` is the last index.
            Kind::Word if token.text == "end" => {
                return self
                    .open
                    .last()
                    .is_some_and(|frame| !bracket(frame))
                    .then(|| self.open.pop())?;
            }
            Kind::Word if opens(token.text, after) => {
                // `x for x in y if z` in brackets is no block.
                let generator = matches!(token.text, "for" | "if")
                    && self.open.last().is_some_and(bracket)
                    && before.is_some_and(Token::ends_value);
                if !generator {
                    self.open.push(token.text);
                }
            }
            _ => {}
        }
        None
    }
}

/// Whether a keyword is a name here: `:end`, `x.end`.
pub(super) fn is_name(before: Option<&Token<'_>>, token: &Token<'_>) -> bool {
    before.is_some_and(|before| token.glued && (before.is(".") || before.is(":") || before.is("@")))
}

/// Whether a word opens a block that `end` closes.
fn opens(word: &str, after: Option<&Token<'_>>) -> bool {
    match word {
        "abstract" | "primitive" => after.is_some_and(|next| next.is("type")),
        "begin" | "let" | "if" | "for" | "while" | "try" | "quote" | "do" | "function"
        | "macro" | "module" | "baremodule" | "struct" => true,
        _ => false,
    }
}

//! Julia's source as tokens: enough of them to tell where blocks, brackets and texts begin and end.

/// Texts may hold code, which may hold texts; no honest source nests them so deeply.
const MAX_DEPTH: u32 = 64;

/// A piece of source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    /// Its line, from 1.
    pub(super) line: u32,
    /// Whether it follows the token before without a space.
    pub(super) glued: bool,
}

/// The kinds of tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A name or a keyword.
    Word,
    Number,
    /// A text, a command or a character, whole.
    Text,
    /// One of `( [ {`.
    Open,
    /// One of `) ] }`.
    Close,
    /// The end of a line or `;`.
    End,
    /// Anything else: `::`, `=`, `,`.
    Mark,
}

/// A text or comment without an end, or texts in texts without one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Endless {
    /// The line on which it begins.
    pub(super) line: u32,
}

impl Token<'_> {
    /// Whether it is this word or mark.
    pub(super) fn is(&self, text: &str) -> bool {
        self.text == text && !matches!(self.kind, Kind::Text)
    }

    /// Whether a value ends here, so that what follows goes on with it.
    pub(super) fn ends_value(&self) -> bool {
        match self.kind {
            Kind::Word | Kind::Number | Kind::Text | Kind::Close => true,
            Kind::Mark => self.text == "'",
            Kind::Open | Kind::End => false,
        }
    }
}

/// All tokens of a source; comments and spaces are left out.
pub(super) fn tokens(source: &str) -> Result<Vec<Token<'_>>, Endless> {
    let mut lexer = Lexer { rest: source, line: 1 };
    let mut out: Vec<Token<'_>> = Vec::new();
    loop {
        let before = lexer.rest.len();
        lexer.skip_spaces()?;
        let glued = before == lexer.rest.len() && !out.is_empty();
        let line = lexer.line;
        let (from, last) = (lexer.rest, out.last());
        let Some(kind) = lexer.token(last, glued)? else { return Ok(out) };
        let text = from.get(..from.len() - lexer.rest.len()).unwrap_or_default();
        out.push(Token { kind, text, line, glued });
    }
}

struct Lexer<'a> {
    rest: &'a str,
    line: u32,
}

const MARKS: [&str; 22] = [
    "...", "===", "!==", ">>>", "|=>", "::", "<:", ">:", "->", "=>", "==", "!=", "<=", ">=", "&&",
    "||", "|>", "<<", ">>", "+=", "-=", "..",
];

impl<'a> Lexer<'a> {
    fn bump(&mut self, bytes: usize) {
        let (taken, rest) = self.rest.split_at_checked(bytes).unwrap_or((self.rest, ""));
        let lines = taken.bytes().filter(|b| *b == b'\n').count();
        self.line = self.line.saturating_add(u32::try_from(lines).unwrap_or(u32::MAX));
        self.rest = rest;
    }

    fn skip_spaces(&mut self) -> Result<(), Endless> {
        loop {
            let blank = self.rest.find(|c: char| c == '\n' || !c.is_whitespace());
            self.bump(blank.unwrap_or(self.rest.len()));
            if self.rest.starts_with("#=") {
                self.comment()?;
            } else if self.rest.starts_with('#') {
                self.bump(self.rest.find('\n').unwrap_or(self.rest.len()));
            } else {
                return Ok(());
            }
        }
    }

    /// A comment of several lines; they nest.
    fn comment(&mut self) -> Result<(), Endless> {
        let line = self.line;
        let mut depth = 0_u64;
        loop {
            if self.rest.starts_with("#=") {
                depth += 1;
                self.bump(2);
            } else if self.rest.starts_with("=#") {
                depth -= 1;
                self.bump(2);
                if depth == 0 {
                    return Ok(());
                }
            } else {
                let next = self.rest.chars().next().ok_or(Endless { line })?;
                self.bump(next.len_utf8());
            }
        }
    }

    fn token(&mut self, last: Option<&Token<'a>>, glued: bool) -> Result<Option<Kind>, Endless> {
        let Some(first) = self.rest.chars().next() else { return Ok(None) };
        let after = last.filter(|_| glued);
        let kind = match first {
            '\n' | ';' => self.one(first, Kind::End),
            '(' | '[' | '{' => self.one(first, Kind::Open),
            ')' | ']' | '}' => self.one(first, Kind::Close),
            '"' | '`' => {
                // A word right in front makes it a text in which `$` means nothing: r"\d$".
                let plain = after.is_some_and(|last| last.kind == Kind::Word);
                self.text(first, plain, 0)?;
                Kind::Text
            }
            '\'' if after.is_some_and(Token::ends_value) => self.one(first, Kind::Mark),
            '\'' => self.character(),
            _ if is_word_start(first) => {
                let end = self.rest.char_indices().find(|(at, c)| {
                    let equals = || self.rest.get(at + 1..).is_some_and(|r| r.starts_with('='));
                    !is_word(*c) && (*c != '!' || equals())
                });
                self.bump(end.map_or(self.rest.len(), |(at, _)| at));
                Kind::Word
            }
            _ if first.is_ascii_digit() => {
                let end = self.rest.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
                self.bump(end.unwrap_or(self.rest.len()));
                Kind::Number
            }
            _ => {
                let known = MARKS.iter().find(|mark| self.rest.starts_with(**mark));
                self.bump(known.map_or(first.len_utf8(), |mark| mark.len()));
                Kind::Mark
            }
        };
        Ok(Some(kind))
    }

    fn one(&mut self, c: char, kind: Kind) -> Kind {
        self.bump(c.len_utf8());
        kind
    }

    /// `'x'`, `'\n'`, `'\u20ac'`; a `'` that begins none stands for itself.
    fn character(&mut self) -> Kind {
        let body = self.rest.get(1..).unwrap_or_default();
        // Behind a backslash stand one character, which may be a quote, and up to eight digits.
        let (first, longest) = if body.starts_with('\\') { (2, 9) } else { (1, 1) };
        let mut ends = body.char_indices().skip(first).take(longest);
        if let Some((at, _)) = ends.find(|(_, c)| *c == '\'') {
            self.bump(1 + at + 1);
            Kind::Text
        } else {
            self.one('\'', Kind::Mark)
        }
    }

    /// A text up to its end, with the code that stands in it as `$(...)` unless it is `plain`.
    fn text(&mut self, quote: char, plain: bool, depth: u32) -> Result<(), Endless> {
        let line = self.line;
        let endless = Endless { line };
        if depth > MAX_DEPTH {
            return Err(endless);
        }
        let one: &str = if quote == '"' { "\"" } else { "`" };
        let three: &str = if quote == '"' { "\"\"\"" } else { "```" };
        let end = if self.rest.starts_with(three) { three } else { one };
        self.bump(end.len());
        loop {
            if self.rest.starts_with(end) {
                self.bump(end.len());
                return Ok(());
            }
            if !plain && self.rest.starts_with("$(") {
                self.bump(2);
                self.code(line, depth)?;
                continue;
            }
            let mut chars = self.rest.chars();
            let first = chars.next().ok_or(endless)?;
            let escaped = if first == '\\' { chars.next().map_or(0, char::len_utf8) } else { 0 };
            self.bump(first.len_utf8() + escaped);
        }
    }

    /// Code in a text, up to the `)` that ends it.
    fn code(&mut self, line: u32, depth: u32) -> Result<(), Endless> {
        let mut open = 1_u64;
        while open > 0 {
            let first = self.rest.chars().next().ok_or(Endless { line })?;
            match first {
                '"' | '`' => {
                    self.text(first, false, depth + 1)?;
                    continue;
                }
                '(' => open += 1,
                ')' => open -= 1,
                _ => {}
            }
            self.bump(first.len_utf8());
        }
        Ok(())
    }
}

/// Julia's names hold letters of all scripts, marks like `′`, indices like `₁`.
fn is_word_start(c: char) -> bool {
    c.is_alphabetic() || c == '_' || (!c.is_ascii() && !is_operator(c) && !c.is_whitespace())
}

fn is_word(c: char) -> bool {
    is_word_start(c) || c.is_numeric()
}

/// The common operators outside ASCII; one that is missing here is taken for a name.
fn is_operator(c: char) -> bool {
    matches!(c, '×' | '÷' | '±' | '⋅' | '∘' | '√' | '∛')
        || matches!(u32::from(c), 0x2190..=0x21ff | 0x2208..=0x220d | 0x2227..=0x222a | 0x2248..=0x228b | 0x2295..=0x22a1)
}

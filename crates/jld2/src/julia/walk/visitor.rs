//! Says what a walk through a value tells of it, step by step.

use super::number::Number;
use super::numbers::Numbers;
use crate::h5::Result;
use crate::julia::JuliaType;
use std::borrow::Cow;
use std::fmt;
use std::io::Read;

/// Whoever wants to know what a value is made of, in order and without holding it whole: one that
/// writes it, builds something of it, or compares it.
///
/// A value is one call ([`number`](Self::number), [`text`](Self::text), …) or an
/// [`enter`](Self::enter), its parts, each announced by [`field`](Self::field) or
/// [`item`](Self::item), and a [`leave`](Self::leave). An error ends the walk.
pub trait Visitor {
    /// A number, Bool, Char, or instance of another primitive type.
    ///
    /// # Errors
    /// The visitor's own.
    fn number(&mut self, t: TypeName<'_>, number: Number<'_>) -> Result<()>;

    /// A string or symbol; bytes that are not UTF-8 may occur.
    ///
    /// # Errors
    /// The visitor's own.
    fn text(&mut self, t: TypeName<'_>, text: &[u8]) -> Result<()>;

    /// As [`text`](Self::text), for text that may be too long to hold.
    ///
    /// # Errors
    /// The visitor's own, and what goes wrong with reading.
    fn long_text(&mut self, t: TypeName<'_>, text: &mut TextStream<'_>) -> Result<()>;

    /// A type as a value; `kind` is `Core.DataType`, `Core.Union` or `Core.UnionAll`.
    ///
    /// # Errors
    /// The visitor's own.
    fn type_value(&mut self, kind: &'static str, value: &JuliaType) -> Result<()>;

    /// A value that an override brought along: `json` is what the canonical form says of it.
    ///
    /// # Errors
    /// The visitor's own.
    fn known(&mut self, t: TypeName<'_>, json: &str) -> Result<()>;

    /// An array of numbers, whose data wait to be read or not.
    ///
    /// # Errors
    /// The visitor's own, and what goes wrong with reading.
    fn numbers(
        &mut self,
        t: TypeName<'_>,
        id: Option<u64>,
        dims: &[u64],
        numbers: &Numbers<'_>,
    ) -> Result<()>;

    /// A value with parts begins. The object gets the number `id` if it can be met again.
    ///
    /// # Errors
    /// The visitor's own.
    fn enter(&mut self, t: TypeName<'_>, id: Option<u64>, shape: Shape<'_>) -> Result<()>;

    /// A key and a value begin: two items of a dictionary's item. The pair is of type `t` where that is
    /// another one than the dictionary tells.
    ///
    /// # Errors
    /// The visitor's own.
    fn enter_pair(&mut self, t: Option<&JuliaType>) -> Result<()>;

    /// The part numbered `index`, from 0, of what was entered last comes next: a field.
    ///
    /// # Errors
    /// The visitor's own.
    fn field(&mut self, index: usize, name: &str) -> Result<()>;

    /// As [`field`](Self::field), for what has parts without names.
    ///
    /// # Errors
    /// The visitor's own.
    fn item(&mut self, index: u64) -> Result<()>;

    /// What was entered last ends; `more` parts were left out.
    ///
    /// # Errors
    /// The visitor's own.
    fn leave(&mut self, parts: Parts, more: u64) -> Result<()>;

    /// The object that has the number `id`, met again.
    ///
    /// # Errors
    /// The visitor's own.
    fn again(&mut self, id: u64) -> Result<()>;

    /// Nothing: an element that is not assigned, or an undefined field.
    ///
    /// # Errors
    /// The visitor's own.
    fn undefined(&mut self) -> Result<()>;
}

/// The type of a value, as a type or by its name alone.
#[derive(Debug, Clone, Copy)]
pub enum TypeName<'t> {
    /// A type.
    Type(&'t JuliaType),
    /// A type's full name, with parameters if it has some.
    Name(&'t str),
}

impl TypeName<'_> {
    /// The type; of one that is known by name, that name.
    pub fn to_type(self) -> JuliaType {
        match self {
            Self::Type(t) => t.clone(),
            Self::Name(name) => JuliaType::plain(name),
        }
    }
}

impl<'t> TypeName<'t> {
    /// It written out.
    pub fn spelled(self) -> Cow<'t, str> {
        match self {
            Self::Type(t) => t.spelled(),
            Self::Name(name) => Cow::Borrowed(name),
        }
    }
}

impl fmt::Display for TypeName<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Type(t) => t.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// What is entered.
#[derive(Debug, Clone, Copy)]
pub enum Shape<'d> {
    /// A struct or named tuple.
    Struct,
    /// A tuple.
    Tuple,
    /// An array that is none of numbers; its dimensions in Julia's order.
    Array(&'d [u64]),
    /// A dictionary, whose items are pairs.
    Dict {
        /// The type of all of them, where that is another one than the dictionary's type tells.
        pairs: Option<&'d JuliaType>,
    },
}

/// What kind of parts end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parts {
    /// The fields of a struct.
    Fields,
    /// The items of a tuple, an array or a dictionary.
    Items,
    /// The key and the value of a dictionary.
    Pair,
}

/// Text that is read as it is asked for.
pub struct TextStream<'r> {
    input: &'r mut dyn Read,
    len: u64,
    at: u64,
}

impl<'r> TextStream<'r> {
    /// `len` bytes of `input`, which stand at `at` in the file.
    pub(super) fn new(input: &'r mut dyn Read, len: u64, at: u64) -> Self {
        Self { input, len, at }
    }

    /// Length in bytes, from where it begins.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Offset in the file of the stored text.
    pub fn offset(&self) -> u64 {
        self.at
    }

    /// The bytes; no more than [`len`](Self::len) are part of the text.
    pub fn reader(&mut self) -> &mut dyn Read {
        self.input
    }
}

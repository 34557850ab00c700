//! Writes what a walk tells of a value as JSON.

use super::{Digest, Digests, put};
use crate::h5::{Error, Result};
use crate::julia::number::big_integer;
use crate::julia::text::{self, text};
use crate::julia::{JuliaType, Number, Numbers, Parts, Shape, TextStream, TypeName, Visitor};
use std::io::{self, Write};

/// The visitor that writes a value in the canonical form. Whoever walks with it bounds what comes
/// out, see [`Bounded`](crate::julia::Bounded).
pub struct Canonical<'o> {
    out: &'o mut dyn Write,
    digest: Digest,
    known: Option<&'o Digests>,
    /// Pairs that were entered, and the types of those of them which their dictionaries do not tell.
    depth: usize,
    odd: Vec<(usize, String)>,
}

impl<'o> Canonical<'o> {
    /// Writes to `out`, with digests of columns from `known` where it has them.
    pub fn new(out: &'o mut dyn Write, digest: Digest, known: Option<&'o Digests>) -> Self {
        Self { out, digest, known, depth: 0, odd: Vec::new() }
    }

    fn raw(&mut self, s: &str) -> Result<()> {
        put(self.out.write_all(s.as_bytes()))
    }

    /// `{"t":…` and the id, if there is one.
    fn head(&mut self, t: &str, id: Option<u64>) -> Result<()> {
        put(text::between(self.out, "{\"t\":", t.as_bytes(), ""))?;
        match id {
            Some(id) => put(write!(self.out, ",\"id\":{id}")),
            None => Ok(()),
        }
    }

    /// `{"t":…,"v":`
    fn head_of_value(&mut self, t: &str) -> Result<()> {
        put(text::between(self.out, "{\"t\":", t.as_bytes(), ",\"v\":"))
    }

    /// `{"t":…,"v":…}` with `v` given as JSON.
    fn value(&mut self, t: &str, json: &str) -> Result<()> {
        self.head(t, None)?;
        put(write!(self.out, ",\"v\":{json}}}"))
    }

    /// As [`Self::value`], of a number.
    fn plain_number(&mut self, t: &str, number: Number<'_>) -> Result<()> {
        self.head_of_value(t)?;
        put(number.write(self.out))?;
        self.raw("}")
    }

    fn quoted(&mut self, t: &str, v: &[u8]) -> Result<()> {
        self.head_of_value(t)?;
        put(text::between(self.out, "", v, "}"))
    }

    /// `],"more":…}`
    fn end(&mut self, more: u64) -> Result<()> {
        if more > 0 {
            return put(write!(self.out, "],\"more\":{more}}}"));
        }
        self.raw("]}")
    }
}

/// A comma in front of all but the first of a list.
pub(super) fn comma(out: &mut dyn Write, i: u64) -> io::Result<()> {
    if i == 0 { Ok(()) } else { out.write_all(b",") }
}

impl Visitor for Canonical<'_> {
    fn number(&mut self, t: TypeName<'_>, number: Number<'_>) -> Result<()> {
        match number.without_sign() {
            // Both readings, where the file does not say which it is.
            Some(other) => {
                let both = format!("{},\"unsigned\":{other}", number.canonical());
                self.value(&t.spelled(), &both)
            }
            None => self.plain_number(&t.spelled(), number),
        }
    }

    fn text(&mut self, t: TypeName<'_>, text: &[u8]) -> Result<()> {
        let t = t.spelled();
        if &*t == "Base.GMP.BigInt"
            && let Some(number) = big_integer(text)
        {
            return self.value(&t, &number);
        }
        self.quoted(&t, text)
    }

    fn long_text(&mut self, t: TypeName<'_>, text: &mut TextStream<'_>) -> Result<()> {
        self.head(&t.spelled(), None)?;
        self.raw(",\"v\":")?;
        let (at, len) = (text.offset(), text.len());
        text::stream(self.out, text.reader(), len).map_err(|e| match e {
            text::Failed::Input(e) => Error::payload(at, e),
            text::Failed::Output(e) => Error::output(e),
        })?;
        self.raw("}")
    }

    fn type_value(&mut self, kind: &'static str, value: &JuliaType) -> Result<()> {
        self.quoted(kind, value.to_string().as_bytes())
    }

    fn known(&mut self, t: TypeName<'_>, json: &str) -> Result<()> {
        self.value(&t.spelled(), json)
    }

    fn numbers(
        &mut self,
        t: TypeName<'_>,
        id: Option<u64>,
        dims: &[u64],
        numbers: &Numbers<'_>,
    ) -> Result<()> {
        self.head(&t.spelled(), id)?;
        put(write!(self.out, ",\"dims\":{dims:?}"))?;
        if numbers.limit().is_none() {
            let digest = self.digest.of(numbers, self.known)?;
            return put(write!(self.out, ",\"sha256\":\"{digest}\"}}"));
        }
        self.raw(",\"head\":[")?;
        let more = numbers.each(&mut |i, number| {
            put(comma(self.out, i))?;
            put(number.write(self.out))
        })?;
        self.end(more)
    }

    fn enter(&mut self, t: TypeName<'_>, id: Option<u64>, shape: Shape<'_>) -> Result<()> {
        self.head(&t.spelled(), id)?;
        match shape {
            Shape::Struct => self.raw(",\"fields\":{"),
            Shape::Tuple => self.raw(",\"items\":["),
            Shape::Array(dims) => put(write!(self.out, ",\"dims\":{dims:?},\"items\":[")),
            Shape::Dict { pairs: None } => self.raw(",\"pairs\":["),
            Shape::Dict { pairs: Some(t) } => {
                self.raw(",\"pair_type\":")?;
                put(text(self.out, t.spelled().as_bytes()))?;
                self.raw(",\"pairs\":[")
            }
        }
    }

    fn enter_pair(&mut self, t: Option<&JuliaType>) -> Result<()> {
        self.depth += 1;
        if let Some(t) = t {
            self.odd.push((self.depth, t.to_string()));
        }
        self.raw("[")
    }

    fn field(&mut self, index: usize, name: &str) -> Result<()> {
        put(comma(self.out, index as u64))?;
        put(text(self.out, name.as_bytes()))?;
        self.raw(":")
    }

    fn item(&mut self, index: u64) -> Result<()> {
        put(comma(self.out, index))
    }

    fn leave(&mut self, parts: Parts, more: u64) -> Result<()> {
        match parts {
            Parts::Fields => self.raw("}}"),
            Parts::Items => self.end(more),
            Parts::Pair => {
                let depth = self.depth;
                self.depth = depth.saturating_sub(1);
                if let Some((_, t)) = self.odd.pop_if(|(of, _)| *of == depth) {
                    self.raw(",")?;
                    self.quoted("Core.DataType", t.as_bytes())?;
                }
                self.raw("]")
            }
        }
    }

    fn again(&mut self, id: u64) -> Result<()> {
        put(write!(self.out, "{{\"ref\":{id}}}"))
    }

    fn undefined(&mut self) -> Result<()> {
        self.raw("null")
    }
}

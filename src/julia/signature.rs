//! Types as values: `DataType`, `Union`, `UnionAll` and `TypeVar` objects, and the parameters of types
//! (format note section 5.3).

use super::number::{digits, integer};
use super::types::Extent as Size;
use super::{JuliaType, Param, TypeTable};
use crate::h5::{
    Allowance, Class, Cursor, Dataset, Datatype, Error, Extent, File, ObjectKind, RelAddr, Result,
    TypeRef,
};

/// Types nest less deeply than this; ends forged cycles.
const MAX_DEPTH: u32 = 64;
/// Longer names, parameter lists and parameter values do not occur.
const MAX_BYTES: u64 = 1 << 20;
/// No type has more parts; a forged one can double with each level.
const MAX_PARTS: u64 = 1 << 15;

/// What is left of the bounds on a type while it is read.
#[derive(Debug)]
pub(super) struct Reach {
    depth: u32,
    parts: u64,
    bytes: u64,
    allowance: Allowance,
}

impl Reach {
    /// The bounds on a whole type of `file`.
    pub(super) fn new(file: &File) -> Self {
        let allowance = file.allowance();
        Self { depth: MAX_DEPTH, parts: MAX_PARTS, bytes: MAX_BYTES, allowance }
    }

    /// The bounds on a type of its own, met on the way.
    pub(super) fn afresh(&self) -> Self {
        Self { parts: MAX_PARTS, bytes: MAX_BYTES, ..*self }
    }

    /// Does `read` one level further down.
    pub(super) fn deeper<T>(
        &mut self,
        at: u64,
        read: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let Some(depth) = self.depth.checked_sub(1) else {
            return Err(Error::corrupt(at, "type signature", "at most 64 levels", "more"));
        };
        self.depth = depth;
        let result = read(self);
        self.depth += 1;
        result
    }

    /// Counts what becomes part of the type.
    fn take(&mut self, more: Size, at: u64) -> Result<()> {
        let parts = self.parts.checked_sub(more.parts);
        let (Some(parts), Some(bytes)) = (parts, self.bytes.checked_sub(more.bytes)) else {
            let most = format!("at most {MAX_PARTS} parts with {MAX_BYTES} bytes of names");
            return Err(Error::corrupt(at, "type signature", most, "more"));
        };
        (self.parts, self.bytes) = (parts, bytes);
        Ok(())
    }
}

/// Refuses a type that is endless when written out.
fn spelled(t: JuliaType, at: u64) -> Result<JuliaType> {
    match t.extent().spelled {
        0..=MAX_BYTES => Ok(t),
        more => Err(Error::corrupt(at, "type", "at most 1 MiB written out", more.to_string())),
    }
}

impl TypeTable<'_> {
    /// The type that the `DataType` value `bytes` at offset `at` stands for: a name and parameters.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn datatype_value(&self, bytes: &[u8], at: u64) -> Result<JuliaType> {
        // At the top stands a value, further down the name of a type.
        self.named_type(bytes, at, false, &mut Reach::new(self.file()))
    }

    /// The type that the object at `addr` stands for: a committed datatype, or a dataset that holds
    /// a type.
    ///
    /// # Errors
    /// If it stands for none.
    pub fn type_object(&self, addr: RelAddr, at: u64) -> Result<JuliaType> {
        self.type_within(addr, at, &mut Reach::new(self.file()))
    }

    /// The type that a Union object stands for.
    pub(super) fn union_value(
        &self,
        datatype: &Datatype,
        bytes: &[u8],
        at: u64,
    ) -> Result<JuliaType> {
        self.union_within(datatype, bytes, at, &mut Reach::new(self.file()))
    }

    /// As [`Self::datatype_value`]; `renamed` lets the type go by its other name.
    pub(super) fn named_type(
        &self,
        bytes: &[u8],
        at: u64,
        renamed: bool,
        reach: &mut Reach,
    ) -> Result<JuliaType> {
        let mut c = Cursor::new(bytes, at, "DataType value");
        let name_at = c.offset();
        let name = self.name(c.take(16)?, name_at, reach)?;
        let name = if renamed { self.renamed(name) } else { name };
        let params_at = c.offset();
        let refs = self.references(c.take(16)?, params_at)?;
        let params = reach.deeper(at, |reach| {
            refs.into_iter().map(|(at, addr)| self.param(addr, at, reach)).collect::<Result<_>>()
        })?;
        spelled(JuliaType::Named { name, params }, at)
    }

    /// As [`Self::type_object`].
    pub(super) fn type_within(
        &self,
        addr: RelAddr,
        at: u64,
        reach: &mut Reach,
    ) -> Result<JuliaType> {
        match self.param(addr, at, reach)? {
            Param::Type(t) => Ok(t),
            other => Err(Error::corrupt(at, "type", "an object that is a type", other.to_string())),
        }
    }

    /// A name that becomes part of a type.
    fn name(&self, vlen: &[u8], at: u64, reach: &mut Reach) -> Result<String> {
        let name = self.string(vlen, at)?;
        reach.take(Size::of(&name), at)?;
        Ok(name)
    }

    fn param(&self, addr: RelAddr, at: u64, reach: &mut Reach) -> Result<Param> {
        reach.deeper(at, |reach| self.param_here(addr, at, reach))
    }

    fn param_here(&self, addr: RelAddr, at: u64, reach: &mut Reach) -> Result<Param> {
        let object = self.file().object(addr)?;
        reach.allowance.check(self.file(), at)?;
        let dataset = match &object.kind {
            ObjectKind::Datatype(_) => {
                let t = self.committed_within(addr, reach)?.julia_type.clone();
                reach.take(t.extent(), at)?;
                return Ok(Param::Type(t));
            }
            ObjectKind::Dataset(dataset) => dataset,
            ObjectKind::Group(_) => {
                return Err(Error::corrupt(at, "type parameter", "a type or a value", "a group"));
            }
        };
        let committed = match dataset.datatype {
            TypeRef::Shared { addr, .. } => Some(self.committed_within(addr, reach)?),
            TypeRef::Inline(_) => None,
        };
        let name = committed.as_ref().map_or("", |c| c.julia_type.short_name());
        if dataset.dataspace.extent == Extent::Null {
            let t = committed.as_ref().map(|c| &c.julia_type);
            let param = match t {
                // Union{} is a singleton of this type.
                Some(t) if t.short_name() == "TypeofBottom" => {
                    Param::Type(JuliaType::Union(vec![]))
                }
                Some(t) => Param::Other(format!("{t}()")),
                None => Param::Other("nothing".to_owned()),
            };
            reach.take(param.extent(), at)?;
            return Ok(param);
        }
        let (bytes, at) = self.small_data(dataset)?;
        match name {
            "DataType" => self.named_type(&bytes, at, true, reach).map(Param::Type),
            "Union" => {
                let datatype = self.file().resolve(&dataset.datatype)?;
                self.union_within(&datatype, &bytes, at, reach).map(Param::Type)
            }
            // `where` is not spelled: the body, with its variables by name.
            "UnionAll" => {
                let mut c = Cursor::new(&bytes, at, "UnionAll");
                c.u64()?;
                let at = c.offset();
                self.type_within(c.addr()?, at, reach).map(Param::Type)
            }
            "TypeVar" => {
                let name = self.name(bytes.get(..16).unwrap_or(&bytes), at, reach)?;
                Ok(Param::Type(JuliaType::Var(name)))
            }
            "Symbol" => self.name(&bytes, at, reach).map(Param::Symbol),
            _ => self.value_param(dataset, &bytes, at, reach),
        }
    }

    /// A union: a description (informative), then sequences of references to its members. JLD2
    /// before 0.2 wrote one sequence of `DataType` values instead.
    fn union_within(
        &self,
        datatype: &Datatype,
        bytes: &[u8],
        at: u64,
        reach: &mut Reach,
    ) -> Result<JuliaType> {
        let mut members = Vec::new();
        reach.take(Size::of(""), at)?;
        if let Class::Vlen { base, .. } = &datatype.class {
            if let Some((offset, len)) = self.file().vlen(bytes, at, base.size)? {
                let values = self.heap_bytes(offset, len)?;
                let size = usize::try_from(base.size).unwrap_or(usize::MAX).max(1);
                for (value, at) in values.chunks(size).zip((offset..).step_by(size)) {
                    members.push(self.named_type(value, at, true, reach)?);
                }
            }
            return spelled(JuliaType::Union(members), at);
        }
        let mut c = Cursor::new(bytes, at, "Union");
        c.take(16)?;
        while c.remaining() >= 16 {
            let at = c.offset();
            for (at, addr) in self.references(c.take(16)?, at)? {
                members.push(self.type_within(addr, at, reach)?);
            }
        }
        spelled(JuliaType::Union(members), at)
    }

    /// A number, a Bool, a Char or a tuple of symbols as a parameter.
    fn value_param(
        &self,
        dataset: &Dataset,
        bytes: &[u8],
        at: u64,
        reach: &mut Reach,
    ) -> Result<Param> {
        let datatype = self.file().resolve(&dataset.datatype)?;
        reach.take(Size { parts: 1, bytes: 2 * bytes.len() as u64, spelled: 0 }, at)?;
        let hex = || Param::Other(digits(bytes));
        Ok(match &datatype.class {
            Class::FixedPoint { signed, .. } => {
                integer(bytes, *signed).map_or_else(hex, Param::Int)
            }
            Class::Bitfield => Param::Other((bytes.iter().any(|&b| b != 0)).to_string()),
            Class::Float { .. } => Param::Other(format!("0x{}", digits(bytes))),
            Class::Compound(members) => {
                let mut names = Vec::new();
                for m in members {
                    let start = usize::try_from(m.offset).unwrap_or(usize::MAX);
                    let part = bytes.get(start..).and_then(|b| b.get(..m.datatype.size as usize));
                    match (&m.datatype.class, part) {
                        (Class::Vlen { string: true, .. }, Some(part)) => {
                            names.push(self.name(part, at + u64::from(m.offset), reach)?);
                        }
                        _ => return Ok(hex()),
                    }
                }
                Param::Symbols(names)
            }
            // Tuples of over ten elements are written as a vector.
            Class::Reference => self.symbols(bytes, at, reach)?.map_or_else(hex, Param::Symbols),
            _ => hex(),
        })
    }

    /// The vector of symbols that the reference `bytes` leads to.
    fn symbols(&self, bytes: &[u8], at: u64, reach: &mut Reach) -> Result<Option<Vec<String>>> {
        let addr = Cursor::new(bytes, at, "reference").addr()?;
        if addr.is_null() {
            return Ok(None);
        }
        let object = self.file().object(addr)?;
        let Some(dataset) = object.dataset() else { return Ok(None) };
        let datatype = self.file().resolve(&dataset.datatype)?;
        if !matches!(datatype.class, Class::Vlen { string: true, .. }) {
            return Ok(None);
        }
        let (data, at) = self.small_data(dataset)?;
        let mut c = Cursor::new(&data, at, "symbols");
        let mut names = Vec::new();
        while c.remaining() >= 16 {
            let at = c.offset();
            names.push(self.name(c.take(16)?, at, reach)?);
        }
        Ok(Some(names))
    }

    /// The text of a sequence of variable length.
    pub(super) fn string(&self, vlen: &[u8], at: u64) -> Result<String> {
        let Some((offset, len)) = self.file().vlen(vlen, at, 1)? else { return Ok(String::new()) };
        Ok(String::from_utf8_lossy(&self.heap_bytes(offset, len)?).into_owned())
    }

    /// The full name in the `DataType` value at the absolute `offset`.
    ///
    /// # Errors
    /// If there is none.
    pub fn type_name_at(&self, offset: u64) -> Result<String> {
        let vlen = self.file().source().read(offset, 16, "DataType value")?;
        self.string(&vlen, offset)
    }

    fn heap_bytes(&self, offset: u64, len: u64) -> Result<Vec<u8>> {
        match usize::try_from(len) {
            Ok(n) if len <= MAX_BYTES => self.file().source().read(offset, n, "type signature"),
            _ => Err(Error::corrupt(
                offset,
                "type signature",
                "at most 1 MiB",
                format!("{len} bytes"),
            )),
        }
    }

    /// The references of a sequence of variable length, with the offset of each.
    fn references(&self, vlen: &[u8], at: u64) -> Result<Vec<(u64, RelAddr)>> {
        let Some((offset, len)) = self.file().vlen(vlen, at, 8)? else { return Ok(Vec::new()) };
        let bytes = self.heap_bytes(offset, len)?;
        let mut c = Cursor::new(&bytes, offset, "type parameters");
        let mut out = Vec::new();
        while c.remaining() >= 8 {
            out.push((c.offset(), c.addr()?));
        }
        Ok(out)
    }

    /// All data of a dataset that is known to be small, with their offset.
    pub(super) fn small_data(&self, dataset: &Dataset) -> Result<(Vec<u8>, u64)> {
        let datatype = self.file().resolve(&dataset.datatype)?;
        let column = super::Column::new(self.file(), dataset, &datatype)?;
        let mut stream = column.open()?;
        let at = stream.offset();
        if column.len() > MAX_BYTES {
            return Err(Error::corrupt(
                at,
                "type parameter",
                "at most 1 MiB",
                column.len().to_string(),
            ));
        }
        let mut bytes = vec![0; usize::try_from(column.len()).unwrap_or(0)];
        stream.fill(&mut bytes)?;
        Ok((bytes, at))
    }
}

//! Types as values: DataType, Union, UnionAll and TypeVar objects, and the parameters of types
//! (format note section 5.3).

use super::{JuliaType, Param, TypeTable};
use crate::h5::{
    Class, Cursor, Dataset, Datatype, Error, Extent, ObjectKind, RelAddr, Result, TypeRef,
};

/// Types nest less deeply than this; ends forged cycles.
const MAX_DEPTH: u32 = 64;
/// Longer names, parameter lists and parameter values do not occur.
const MAX_BYTES: u64 = 1 << 20;

impl TypeTable<'_> {
    /// The type that the DataType value `bytes` at offset `at` stands for: a name and parameters.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn datatype_value(&self, bytes: &[u8], at: u64, depth: u32) -> Result<JuliaType> {
        if depth > MAX_DEPTH {
            return Err(Error::corrupt(at, "type signature", "at most 64 levels", "more"));
        }
        let mut c = Cursor::new(bytes, at, "DataType value");
        let name_at = c.offset();
        let name = self.string(c.take(16)?, name_at)?;
        // At the top stands a value, further down the name of a type.
        let name = if depth > 0 { self.renamed(name) } else { name };
        let params_at = c.offset();
        let refs = self.references(c.take(16)?, params_at)?;
        let params = refs
            .into_iter()
            .map(|(at, addr)| self.param(addr, at, depth + 1))
            .collect::<Result<Vec<_>>>()?;
        Ok(JuliaType::Named { name, params })
    }

    /// The type that the object at `addr` stands for: a committed datatype, or a dataset that holds
    /// a type.
    ///
    /// # Errors
    /// If it stands for none.
    pub fn type_object(&self, addr: RelAddr, at: u64, depth: u32) -> Result<JuliaType> {
        match self.param(addr, at, depth)? {
            Param::Type(t) => Ok(t),
            other => Err(Error::corrupt(at, "type", "an object that is a type", other.to_string())),
        }
    }

    fn param(&self, addr: RelAddr, at: u64, depth: u32) -> Result<Param> {
        if depth > MAX_DEPTH {
            return Err(Error::corrupt(at, "type signature", "at most 64 levels", "more"));
        }
        let object = self.file().object(addr)?;
        let dataset = match &object.kind {
            ObjectKind::Datatype(_) => {
                return Ok(Param::Type(self.committed_at_depth(addr, depth)?.julia_type.clone()));
            }
            ObjectKind::Dataset(dataset) => dataset,
            ObjectKind::Group(_) => {
                return Err(Error::corrupt(at, "type parameter", "a type or a value", "a group"));
            }
        };
        let committed = match dataset.datatype {
            TypeRef::Shared { addr, .. } => Some(self.committed_at_depth(addr, depth)?),
            TypeRef::Inline(_) => None,
        };
        let name = committed.as_ref().map_or("", |c| c.julia_type.short_name());
        if dataset.dataspace.extent == Extent::Null {
            let t = committed.as_ref().map(|c| c.julia_type.clone());
            return Ok(match t {
                // Union{} is a singleton of this type.
                Some(t) if t.short_name() == "TypeofBottom" => {
                    Param::Type(JuliaType::Union(vec![]))
                }
                Some(t) => Param::Other(format!("{t}()")),
                None => Param::Other("nothing".to_owned()),
            });
        }
        let (bytes, at) = self.small_data(dataset)?;
        match name {
            "DataType" => self.datatype_value(&bytes, at, depth + 1).map(Param::Type),
            "Union" => {
                let datatype = self.file().resolve(&dataset.datatype)?;
                self.union_value(&datatype, &bytes, at, depth + 1).map(Param::Type)
            }
            // `where` is not spelled: the body, with its variables by name.
            "UnionAll" => {
                let mut c = Cursor::new(&bytes, at, "UnionAll");
                c.u64()?;
                let at = c.offset();
                self.type_object(c.addr()?, at, depth + 1).map(Param::Type)
            }
            "TypeVar" => {
                let name = self.string(bytes.get(..16).unwrap_or(&bytes), at)?;
                Ok(Param::Type(JuliaType::Var(name)))
            }
            "Symbol" => self.string(&bytes, at).map(Param::Symbol),
            _ => self.value_param(dataset, &bytes, at),
        }
    }

    /// A union: a description (informative), then sequences of references to its members. JLD2
    /// before 0.2 wrote one sequence of DataType values instead.
    pub(super) fn union_value(
        &self,
        datatype: &Datatype,
        bytes: &[u8],
        at: u64,
        depth: u32,
    ) -> Result<JuliaType> {
        let mut members = Vec::new();
        if let Class::Vlen { base, .. } = &datatype.class {
            if let Some((offset, len)) = self.file().vlen(bytes, at, base.size)? {
                let values = self.heap_bytes(offset, len)?;
                let size = usize::try_from(base.size).unwrap_or(usize::MAX).max(1);
                for (value, at) in values.chunks(size).zip((offset..).step_by(size)) {
                    members.push(self.datatype_value(value, at, depth)?);
                }
            }
            return Ok(JuliaType::Union(members));
        }
        let mut c = Cursor::new(bytes, at, "Union");
        c.take(16)?;
        while c.remaining() >= 16 {
            let at = c.offset();
            for (at, addr) in self.references(c.take(16)?, at)? {
                members.push(self.type_object(addr, at, depth)?);
            }
        }
        Ok(JuliaType::Union(members))
    }

    /// A number, a Bool, a Char or a tuple of symbols as a parameter.
    fn value_param(&self, dataset: &Dataset, bytes: &[u8], at: u64) -> Result<Param> {
        let datatype = self.file().resolve(&dataset.datatype)?;
        let hex = || Param::Other(bytes.iter().rev().map(|b| format!("{b:02x}")).collect());
        Ok(match &datatype.class {
            Class::FixedPoint { signed, .. } => {
                integer(bytes, *signed).map_or_else(hex, Param::Int)
            }
            Class::Bitfield => Param::Other((bytes.iter().any(|&b| b != 0)).to_string()),
            Class::Float { .. } => {
                let digits: String = bytes.iter().rev().map(|b| format!("{b:02x}")).collect();
                Param::Other(format!("0x{digits}"))
            }
            Class::Compound(members) => {
                let mut names = Vec::new();
                for m in members {
                    let start = usize::try_from(m.offset).unwrap_or(usize::MAX);
                    let part = bytes.get(start..).and_then(|b| b.get(..m.datatype.size as usize));
                    match (&m.datatype.class, part) {
                        (Class::Vlen { string: true, .. }, Some(part)) => {
                            names.push(self.string(part, at + u64::from(m.offset))?);
                        }
                        _ => return Ok(hex()),
                    }
                }
                Param::Symbols(names)
            }
            // Tuples of over ten elements are written as a vector.
            Class::Reference => self.symbols(bytes, at)?.map_or_else(hex, Param::Symbols),
            _ => hex(),
        })
    }

    /// The vector of symbols that the reference `bytes` leads to.
    fn symbols(&self, bytes: &[u8], at: u64) -> Result<Option<Vec<String>>> {
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
            names.push(self.string(c.take(16)?, at)?);
        }
        Ok(Some(names))
    }

    /// The text of a sequence of variable length.
    pub(super) fn string(&self, vlen: &[u8], at: u64) -> Result<String> {
        let Some((offset, len)) = self.file().vlen(vlen, at, 1)? else { return Ok(String::new()) };
        Ok(String::from_utf8_lossy(&self.heap_bytes(offset, len)?).into_owned())
    }

    /// The full name in the DataType value at the absolute `offset`.
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

/// Up to 16 little-endian bytes as a number; `None` for an unsigned one above the range.
pub(super) fn integer(bytes: &[u8], signed: bool) -> Option<i128> {
    let last = *bytes.last()?;
    if bytes.len() > 16 || (!signed && bytes.len() == 16 && last >= 0x80) {
        return None;
    }
    let fill = if signed && last >= 0x80 { 0xff } else { 0 };
    let mut wide = [fill; 16];
    for (to, from) in wide.iter_mut().zip(bytes) {
        *to = *from;
    }
    Some(i128::from_le_bytes(wide))
}

//! Reads types as values: `DataType`, `Union`, `UnionAll` and `TypeVar` objects, and the parameters
//! of types (docs/jld2-format.md, section 6.2).

use super::footprint::Reading;
use super::number::{digits, integer};
use super::types::TypeSize;
use super::{JuliaType, Param, TypeTable};
use crate::h5::budget::{Cost, TYPE_BYTES};
use crate::h5::{
    Class, Cursor, Dataset, Datatype, Error, Extent, Layout, Member, ObjectKind, RelAddr, Result,
    TypeRef,
};
use std::sync::Arc;

/// Does `read` one level further down.
pub(super) fn deeper<T>(
    budget: &mut Reading,
    at: u64,
    read: impl FnOnce(&mut Reading) -> Result<T>,
) -> Result<T> {
    budget.take(Cost::TypeSteps, 1, at)?;
    let result = read(budget);
    budget.give_back(Cost::TypeSteps, 1);
    result
}

/// Counts what becomes part of a type.
fn take(budget: &mut Reading, more: TypeSize, at: u64) -> Result<()> {
    budget.take(Cost::TypeParts, more.parts, at)?;
    budget.take(Cost::TypeBytes, more.bytes, at)
}

/// Refuses a type that is endless when written out.
fn spelled(t: JuliaType, at: u64) -> Result<JuliaType> {
    match t.extent().spelled {
        0..=TYPE_BYTES => Ok(t),
        more => Err(Error::corrupt(at, "type", "at most 1 MiB written out", more.to_string())),
    }
}

/// Whether a compound with these members is a DataType value: a name and parameters.
pub fn is_type(members: &[Member]) -> bool {
    let [name, parameters] = members else { return false };
    let vlen = |m: &Member, strings| {
        matches!(&m.datatype.class, Class::Vlen { string, base, .. }
        if *string == strings && (strings || matches!(base.class, Class::Reference)))
    };
    (name.name == "name" && vlen(name, true))
        && (parameters.name == "parameters" && vlen(parameters, false))
}

impl TypeTable<'_> {
    /// The type that the `DataType` value `bytes` at offset `at` stands for: a name and parameters.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn datatype_value(&self, bytes: &[u8], at: u64) -> Result<JuliaType> {
        self.named_type(bytes, at, &mut Reading::new(self.file().allowance()))
    }

    /// The full name in the `DataType` value `bytes` at offset `at`, and where its parameters stand:
    /// committed datatypes, and datasets that hold types or other values. Each comes with the offset of
    /// the reference to it.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn signature(&self, bytes: &[u8], at: u64) -> Result<(String, Vec<(u64, RelAddr)>)> {
        let mut reading = Reading::new(self.file().allowance());
        let mut c = Cursor::new(bytes, at, "DataType value");
        let name_at = c.offset();
        let name = self.name(c.take(16)?, name_at, &mut reading)?;
        let params_at = c.offset();
        Ok((name, self.references(c.take(16)?, params_at, &mut reading)?))
    }

    /// The type that the object at `addr` stands for: a committed datatype, or a dataset that holds
    /// a type.
    ///
    /// # Errors
    /// If it stands for none.
    pub fn type_object(&self, addr: RelAddr, at: u64) -> Result<JuliaType> {
        self.type_within(addr, at, &mut Reading::new(self.file().allowance()))
    }

    /// The type that a Union object stands for.
    pub(super) fn union_value(
        &self,
        datatype: &Datatype,
        bytes: &[u8],
        at: u64,
    ) -> Result<JuliaType> {
        self.union_within(datatype, bytes, at, &mut Reading::new(self.file().allowance()))
    }

    /// As [`Self::datatype_value`].
    pub(super) fn named_type(
        &self,
        bytes: &[u8],
        at: u64,
        budget: &mut Reading,
    ) -> Result<JuliaType> {
        let mut c = Cursor::new(bytes, at, "DataType value");
        let name_at = c.offset();
        let name = self.name(c.take(16)?, name_at, budget)?;
        let params_at = c.offset();
        let refs = self.references(c.take(16)?, params_at, budget)?;
        let params = deeper(budget, at, |budget| {
            refs.into_iter().map(|(at, addr)| self.param(addr, at, budget)).collect::<Result<_>>()
        })?;
        spelled(self.renamed(name, params, at), at)
    }

    /// As [`Self::type_object`].
    pub(super) fn type_within(
        &self,
        addr: RelAddr,
        at: u64,
        budget: &mut Reading,
    ) -> Result<JuliaType> {
        match self.param(addr, at, budget)? {
            Param::Type(t) => Ok(t),
            other => Err(Error::corrupt(at, "type", "an object that is a type", other.to_string())),
        }
    }

    /// A name that becomes part of a type.
    fn name(&self, vlen: &[u8], at: u64, budget: &mut Reading) -> Result<String> {
        let name = self.string(vlen, at, budget)?;
        take(budget, TypeSize::of(&name), at)?;
        Ok(name)
    }

    fn param(&self, addr: RelAddr, at: u64, budget: &mut Reading) -> Result<Param> {
        deeper(budget, at, |budget| self.param_here(addr, at, budget))
    }

    fn param_here(&self, addr: RelAddr, at: u64, budget: &mut Reading) -> Result<Param> {
        let object = self.file().object(addr)?;
        budget.object(&object);
        budget.check(self.file(), at)?;
        let dataset = match &object.kind {
            ObjectKind::Datatype(_) => {
                let committed = self.committed_within(addr, budget)?;
                budget.committed(&committed);
                let t = committed.julia_type.clone();
                take(budget, t.extent(), at)?;
                return Ok(Param::Type(t));
            }
            ObjectKind::Dataset(dataset) => dataset,
            ObjectKind::Group(_) => {
                return Err(Error::corrupt(at, "type parameter", "a type or a value", "a group"));
            }
        };
        let committed = match dataset.datatype {
            TypeRef::Shared { addr, .. } => Some(self.committed_within(addr, budget)?),
            TypeRef::Inline(_) => None,
        };
        if let Some(committed) = &committed {
            budget.committed(committed);
        }
        let name = committed.as_ref().map_or("", |c| c.julia_type.short_name());
        if dataset.dataspace.extent == Extent::Null {
            let t = committed.as_ref().map(|c| &c.julia_type);
            let param = match t {
                // Union{} is a singleton of this type.
                Some(t) if t.short_name() == "TypeofBottom" => {
                    Param::Type(JuliaType::Union(vec![]))
                }
                // The names of a named tuple without elements.
                Some(t) if t.tuple_elements().is_some_and(|elements| elements.is_empty()) => {
                    Param::Symbols(Vec::new())
                }
                Some(t) => Param::Other(format!("{t}()")),
                None => Param::Other("nothing".to_owned()),
            };
            take(budget, param.extent(), at)?;
            return Ok(param);
        }
        let (bytes, at) = self.small_data(dataset, budget)?;
        match name {
            "DataType" => self.named_type(&bytes, at, budget).map(Param::Type),
            "Union" => {
                let datatype = self.layout(&dataset.datatype, budget)?;
                self.union_within(&datatype, &bytes, at, budget).map(Param::Type)
            }
            // `where` is not spelled: the body, with its variables by name.
            "UnionAll" => {
                let mut c = Cursor::new(&bytes, at, "UnionAll");
                c.u64()?;
                let at = c.offset();
                self.type_within(c.addr()?, at, budget).map(Param::Type)
            }
            "TypeVar" => {
                let name = self.name(bytes.get(..16).unwrap_or(&bytes), at, budget)?;
                Ok(Param::Type(JuliaType::Var(name)))
            }
            "Symbol" => self.name(&bytes, at, budget).map(Param::Symbol),
            _ => self.value_param(dataset, &bytes, at, budget),
        }
    }

    /// A union: a description (informative), then sequences of references to its members. JLD2
    /// before 0.2 wrote one sequence of `DataType` values instead.
    fn union_within(
        &self,
        datatype: &Datatype,
        bytes: &[u8],
        at: u64,
        budget: &mut Reading,
    ) -> Result<JuliaType> {
        let mut members = Vec::new();
        take(budget, TypeSize::of(""), at)?;
        if let Class::Vlen { base, .. } = &datatype.class {
            if let Some((offset, len)) = self.sequence(bytes, at, base.size, budget)? {
                let values = self.heap_bytes(offset, len, budget)?;
                let size = usize::try_from(base.size).unwrap_or(usize::MAX).max(1);
                for (value, at) in values.chunks(size).zip((offset..).step_by(size)) {
                    members.push(self.named_type(value, at, budget)?);
                }
            }
            return spelled(JuliaType::Union(members), at);
        }
        let mut c = Cursor::new(bytes, at, "Union");
        c.take(16)?;
        while c.remaining() >= 16 {
            let at = c.offset();
            for (at, addr) in self.references(c.take(16)?, at, budget)? {
                members.push(self.type_within(addr, at, budget)?);
            }
        }
        spelled(JuliaType::Union(members), at)
    }

    /// A value as a parameter: a number, a Bool, a Char, a tuple of such and of symbols and types.
    fn value_param(
        &self,
        dataset: &Dataset,
        bytes: &[u8],
        at: u64,
        budget: &mut Reading,
    ) -> Result<Param> {
        let datatype = self.layout(&dataset.datatype, budget)?;
        take(budget, TypeSize { parts: 1, bytes: 2 * bytes.len() as u64, spelled: 0 }, at)?;
        let size = usize::try_from(datatype.size).unwrap_or(usize::MAX).max(1);
        if bytes.len() <= size {
            return self.part(&datatype, bytes, at, budget);
        }
        let parts = bytes.chunks_exact(size).zip((at..).step_by(size));
        self.parts(parts.map(|(part, at)| (&*datatype, part, at)), budget)
    }

    /// The parts of a tuple.
    fn parts<'b>(
        &self,
        parts: impl Iterator<Item = (&'b Datatype, &'b [u8], u64)>,
        budget: &mut Reading,
    ) -> Result<Param> {
        let (mut shown, mut names) = (Vec::new(), Vec::new());
        for (datatype, bytes, at) in parts {
            let part = deeper(budget, at, |budget| self.part(datatype, bytes, at, budget))?;
            shown.push(part.to_string());
            if let Param::Symbol(name) = part {
                names.push(name);
            }
        }
        Ok(if names.len() == shown.len() {
            Param::Symbols(names)
        } else {
            Param::Other(format!("({})", shown.join(",")))
        })
    }

    /// One value in a parameter, by what it is and not by where it is stored.
    fn part(
        &self,
        datatype: &Datatype,
        bytes: &[u8],
        at: u64,
        budget: &mut Reading,
    ) -> Result<Param> {
        let hex = || Param::Other(digits(bytes));
        Ok(match &datatype.class {
            Class::FixedPoint { signed, .. } => {
                integer(bytes, *signed).map_or_else(hex, Param::Int)
            }
            Class::Bitfield => Param::Other((bytes.iter().any(|&b| b != 0)).to_string()),
            Class::Float { .. } => Param::Other(format!("0x{}", digits(bytes))),
            Class::Vlen { string: true, .. } => Param::Symbol(self.name(bytes, at, budget)?),
            Class::Compound(members) if is_type(members) => {
                Param::Type(self.named_type(bytes, at, budget)?)
            }
            Class::Compound(members) => {
                let parts = members.iter().filter_map(|m| {
                    let start = usize::try_from(m.offset).ok()?;
                    let part = bytes.get(start..)?.get(..m.datatype.size as usize)?;
                    Some((&m.datatype, part, at + u64::from(m.offset)))
                });
                self.parts(parts, budget)?
            }
            // Tuples of over ten elements are written as a vector.
            Class::Reference => match self.symbols(bytes, at, budget)? {
                Some(names) => Param::Symbols(names),
                None => match Cursor::new(bytes, at, "reference").addr()? {
                    addr if addr.is_null() => Param::Other("undef".to_owned()),
                    addr => self.param(addr, at, budget)?,
                },
            },
            _ => hex(),
        })
    }

    /// The vector of symbols that the reference `bytes` leads to.
    fn symbols(&self, bytes: &[u8], at: u64, budget: &mut Reading) -> Result<Option<Vec<String>>> {
        let addr = Cursor::new(bytes, at, "reference").addr()?;
        if addr.is_null() {
            return Ok(None);
        }
        let object = self.file().object(addr)?;
        budget.object(&object);
        let Some(dataset) = object.dataset() else { return Ok(None) };
        let datatype = self.layout(&dataset.datatype, budget)?;
        if !matches!(datatype.class, Class::Vlen { string: true, .. }) {
            return Ok(None);
        }
        let (data, at) = self.small_data(dataset, budget)?;
        let mut c = Cursor::new(&data, at, "symbols");
        let mut names = Vec::new();
        while c.remaining() >= 16 {
            let at = c.offset();
            names.push(self.name(c.take(16)?, at, budget)?);
        }
        Ok(Some(names))
    }

    /// The text of a sequence of variable length.
    pub(super) fn string(&self, vlen: &[u8], at: u64, budget: &mut Reading) -> Result<String> {
        let Some((offset, len)) = self.sequence(vlen, at, 1, budget)? else {
            return Ok(String::new());
        };
        let bytes = self.heap_bytes(offset, len, budget)?;
        // The bytes become the text where they are one.
        Ok(String::from_utf8(bytes)
            .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
    }

    /// The full name in the `DataType` value at the absolute `offset`.
    ///
    /// # Errors
    /// If there is none.
    pub fn type_name_at(&self, offset: u64) -> Result<String> {
        let mut vlen = [0; 16];
        self.file().source().read_into(offset, &mut vlen, "DataType value")?;
        self.string(&vlen, offset, &mut Reading::new(self.file().allowance()))
    }

    /// Where a sequence of variable length stands: see [`File::vlen`](crate::h5::File::vlen).
    fn sequence(
        &self,
        vlen: &[u8],
        at: u64,
        base: u32,
        budget: &mut Reading,
    ) -> Result<Option<(u64, u64)>> {
        let found = self.file().vlen(vlen, at, base)?;
        budget.sequence(vlen, base, found);
        Ok(found)
    }

    /// The layout of elements of a type.
    pub(super) fn layout(&self, datatype: &TypeRef, budget: &mut Reading) -> Result<Arc<Datatype>> {
        if let TypeRef::Shared { addr, .. } = datatype {
            budget.object(&self.file().object(*addr)?);
        }
        self.file().resolve(datatype)
    }

    fn heap_bytes(&self, offset: u64, len: u64, budget: &mut Reading) -> Result<Vec<u8>> {
        match usize::try_from(len) {
            Ok(n) if len <= TYPE_BYTES => {
                let bytes = self.file().source().read(offset, n, "type signature")?;
                budget.bytes(offset, &bytes);
                Ok(bytes)
            }
            _ => Err(Error::corrupt(
                offset,
                "type signature",
                "at most 1 MiB",
                format!("{len} bytes"),
            )),
        }
    }

    /// The references of a sequence of variable length, with the offset of each.
    fn references(
        &self,
        vlen: &[u8],
        at: u64,
        budget: &mut Reading,
    ) -> Result<Vec<(u64, RelAddr)>> {
        let Some((offset, len)) = self.sequence(vlen, at, 8, budget)? else {
            return Ok(Vec::new());
        };
        let bytes = self.heap_bytes(offset, len, budget)?;
        let mut c = Cursor::new(&bytes, offset, "type parameters");
        let mut out = Vec::new();
        while c.remaining() >= 8 {
            out.push((c.offset(), c.addr()?));
        }
        Ok(out)
    }

    /// All data of a dataset that is known to be small, with their offset.
    fn small_data(&self, dataset: &Dataset, budget: &mut Reading) -> Result<(Vec<u8>, u64)> {
        let datatype = self.layout(&dataset.datatype, budget)?;
        let column = super::Column::new(self.file(), dataset, &datatype)?;
        let mut stream = column.open()?;
        let at = stream.offset();
        if column.len() > TYPE_BYTES {
            return Err(Error::corrupt(
                at,
                "type parameter",
                "at most 1 MiB",
                column.len().to_string(),
            ));
        }
        let mut bytes = vec![0; usize::try_from(column.len()).unwrap_or(0)];
        stream.fill(&mut bytes)?;
        match &dataset.layout {
            Layout::Compact { .. } => budget.bytes(at, &bytes),
            Layout::Contiguous { .. } if !dataset.is_unwritten() => budget.bytes(at, &bytes),
            // What chunks are decoded from is not taken down.
            Layout::Contiguous { .. } | Layout::Chunked(_) => budget.lose(),
        }
        Ok((bytes, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5::{File, Source};
    use crate::julia::builder::{Build, Data, NewField, ObjectRef, record};
    use crate::julia::grown::grown;

    /// Reads `Chain{Chain{...}}` with this many levels, each of them committed.
    fn chain(levels: usize) -> Result<JuliaType> {
        let (bytes, last) = grown(|build| {
            let mut t = JuliaType::plain("Core.Float64");
            let mut made = None;
            for _ in 0..levels {
                t = JuliaType::Named { name: "Main.Chain".into(), params: vec![Param::Type(t)] };
                let datatype = Some(Datatype::float64());
                let field = NewField { name: "x".into(), datatype, committed: None };
                made = Some(build.find_or_commit_record(&t, &[field]).unwrap());
            }
            made.unwrap()
        });
        let file = File::from_source(Source::from_bytes(bytes)).unwrap();
        TypeTable::new(&file).type_object(last, 0)
    }

    #[test]
    fn types_nest_deeply_but_not_without_end() {
        let t = chain(60).unwrap().to_string();
        assert_eq!(t.matches("Main.Chain{").count(), 60);
        assert!(t.ends_with(&format!("Core.Float64{}", "}".repeat(60))));
        let error = chain(80).unwrap_err().to_string();
        assert!(error.contains("type signature: expected at most 200 steps"), "{error}");
    }

    /// What Julia writes for `Val((7, :a, 2.0, Int64))`'s parameter, and for such a tuple of over
    /// ten elements: a vector.
    fn mixed(build: &mut Build<'_>) -> ObjectRef {
        let field = |name: &str, datatype| NewField {
            name: name.into(),
            datatype: Some(datatype),
            committed: None,
        };
        let references =
            Datatype::new(Class::Vlen { string: false, base: Box::new(Datatype::reference()) }, 16);
        let a_type =
            record(&[field("name", Datatype::vlen_string()), field("parameters", references)]);
        let fields = [
            field("1", Datatype::integer(8, true)),
            field("2", Datatype::vlen_string()),
            field("3", Datatype::float64()),
            field("4", a_type),
        ];
        let mut data = Data::new(7_i64.to_le_bytes());
        data.push(&build.text("a"));
        data.push(&Data::new(2.0_f64.to_le_bytes()));
        data.push(&build.text("Core.Int64"));
        data.push(&Data::new([0; 16]));
        let tuple = build.any_dataset(None, Some(&record(&fields)), Extent::Scalar, &[], &data);
        let mut twice = Data::reference(tuple);
        twice.push(&Data::reference(ObjectRef::Existing(RelAddr::NULL)));
        let datatype = Datatype::reference();
        build.any_dataset(None, Some(&datatype), Extent::Simple, &[2], &twice)
    }

    #[test]
    fn parameters_do_not_depend_on_where_they_are_stored() {
        let read = |before: &[&str]| {
            let (bytes, addr) = grown(|build| {
                for text in before {
                    let data = build.text(text);
                    build.any_dataset(
                        None,
                        Some(&Datatype::vlen_string()),
                        Extent::Scalar,
                        &[],
                        &data,
                    );
                }
                mixed(build)
            });
            let file = File::from_source(Source::from_bytes(bytes)).unwrap();
            let table = TypeTable::new(&file);
            table.param(addr, 0, &mut Reading::new(file.allowance())).unwrap()
        };
        let param = read(&[]);
        assert_eq!(param.to_string(), "((7,:a,0x4000000000000000,Core.Int64),undef)");
        assert_eq!(read(&["more", "before"]), param);
    }
}

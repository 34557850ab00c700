//! Finds what only a look into each object shows. It costs a walk over the file, so that
//! conversions go without.

use super::finding::{Finding, Findings, Remedy, Severity, When};
use super::session::Arrays;
use super::target::Target;
use crate::h5::{Class, Cursor, Dataset, Extent, Object, ObjectKind, Result, TypeRef, Visitor};
use crate::julia::{Column, Committed, Element, TypeTable};

/// Larger objects of types that must have all fields do not occur.
const MAX_OBJECT: u64 = 1 << 20;

/// A [`Visitor`] that looks for what the target's readers fail on, object by object.
#[derive(Debug)]
pub struct Examiner<'a> {
    types: &'a TypeTable<'a>,
    target: &'a Target,
    findings: Findings,
    arrays: Arrays<'a>,
    /// JLD2 says this once, whatever the number of arrays and types.
    said_of_arrays: bool,
}

impl<'a> Examiner<'a> {
    /// An examiner that adds to `findings`.
    pub fn new(types: &'a TypeTable<'a>, target: &'a Target, findings: Vec<Finding>) -> Self {
        let (findings, arrays) = (Findings::of(findings), Arrays::new(types, target));
        Self { types, target, findings, arrays, said_of_arrays: false }
    }

    /// All findings, the worst first.
    pub fn into_findings(self) -> Vec<Finding> {
        self.findings.into_sorted()
    }

    fn record(&mut self, c: &Committed, dataset: &Dataset, path: &str) -> Result<()> {
        let column = Column::new(self.types.file(), dataset, &c.datatype)?;
        if column.len() > MAX_OBJECT {
            return Ok(());
        }
        let mut bytes = vec![0; usize::try_from(column.len()).unwrap_or(0)];
        let mut stream = column.open()?;
        let at = stream.offset();
        stream.fill(&mut bytes)?;
        for field in &c.fields {
            let (Some(offset), Some(datatype)) = (field.offset, &field.datatype) else { continue };
            let part = bytes.get(usize::try_from(offset).unwrap_or(usize::MAX)..);
            let part = part.unwrap_or_default();
            let at = at + u64::from(offset);
            let undefined = match &datatype.class {
                Class::Reference => Cursor::new(part, at, "reference").addr()?.is_null(),
                Class::Vlen { base, .. } => {
                    let vlen = part.get(..16).unwrap_or(part);
                    self.types.file().vlen(vlen, at, base.size)?.is_none()
                }
                _ => false,
            };
            if undefined {
                let name = c.julia_type.name();
                self.findings.add(Finding {
                    severity: Severity::Failure,
                    object: path.to_owned(),
                    julia_type: Some(name.to_owned()),
                    rule: None,
                    text: format!(
                        "the field {} of {name} has no value: the loader of {} ends with an \
                         UndefinedFieldException",
                        field.name, self.target.title
                    ),
                    said: None,
                    printed: 0,
                    count: 1,
                    remedy: Remedy::None,
                    when: When::Load,
                });
            }
        }
        Ok(())
    }

    fn references(&mut self, object: &Object, dataset: &Dataset, path: &str) -> Result<()> {
        let Some(found) = self.arrays.look(object)? else { return Ok(()) };
        let t = self.types.element_type(object, &self.types.element(&dataset.datatype)?)?;
        self.findings.add(Finding {
            severity: if found.foreign { Severity::Note } else { Severity::Warning },
            object: path.to_owned(),
            julia_type: Some(t.to_string()),
            rule: None,
            text: format!("{}: its arrays become Array{{Any}}", found.text),
            said: Some(found.said),
            printed: u64::from(!std::mem::replace(&mut self.said_of_arrays, true)),
            count: 1,
            remedy: Remedy::None,
            when: When::Load,
        });
        Ok(())
    }
}

impl Visitor for Examiner<'_> {
    fn object(&mut self, object: &Object, path: &str) -> Result<()> {
        let ObjectKind::Dataset(dataset) = &object.kind else { return Ok(()) };
        match (&dataset.datatype, dataset.dataspace.extent) {
            (TypeRef::Shared { .. }, Extent::Scalar) => {
                let Element::Committed(c) = self.types.element(&dataset.datatype)? else {
                    return Ok(());
                };
                let def = self.target.type_def(c.julia_type.name());
                if def.is_some_and(|def| def.all_defined) {
                    self.record(&c, dataset, path)?;
                }
                Ok(())
            }
            (TypeRef::Inline(d), Extent::Simple) if matches!(d.class, Class::Reference) => {
                self.references(object, dataset, path)
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5::checksum::lookup3;
    use crate::h5::{File, RelAddr, Source, Trace};
    use std::path::Path;

    const FILE: &str = "tests/data/mera/real-mera-1.9/output_00001.jld2";

    /// The address of the value at /hydro/info.
    fn info(file: &File) -> RelAddr {
        let link = |addr, name: &str| {
            let object = file.object(addr).unwrap();
            let ObjectKind::Group(group) = &object.kind else { panic!() };
            group.held.iter().find(|l| l.name == name).unwrap().target
        };
        link(link(file.superblock().root, "hydro"), "info")
    }

    #[test]
    fn fields_without_a_value_are_failures() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
        let mut bytes = std::fs::read(path).unwrap();
        let target = Target::builtin("mera-1.9").unwrap();
        let findings = |bytes: &[u8]| {
            let file = File::from_source(Source::from_bytes(bytes.to_vec())).unwrap();
            let types = TypeTable::new(&file);
            let mut examiner = Examiner::new(&types, &target, Vec::new());
            Trace::run(&file, &mut examiner).unwrap();
            examiner.into_findings()
        };
        assert_eq!(findings(&bytes), []);
        // Take the reference `fnames` and the string `path` away.
        let file = File::from_source(Source::from_bytes(bytes.clone())).unwrap();
        let types = TypeTable::new(&file);
        let object = file.object(info(&file)).unwrap();
        let dataset = object.dataset().unwrap();
        let Element::Committed(c) = types.element(&dataset.datatype).unwrap() else { panic!() };
        let start = file.stored_offset(dataset).unwrap().unwrap();
        for (name, size) in [("fnames", 8), ("path", 16)] {
            let field = c.fields.iter().find(|f| f.name == name).unwrap();
            let at = usize::try_from(start).unwrap() + field.offset.unwrap() as usize;
            bytes[at..at + size].fill(0);
        }
        for chunk in &object.header.chunks {
            let [from, to] = [chunk.offset, chunk.checksum].map(|at| usize::try_from(at).unwrap());
            let sum = lookup3(&bytes[from..to]);
            bytes[to..to + 4].copy_from_slice(&sum.to_le_bytes());
        }
        let found = findings(&bytes);
        let said: Vec<_> = found.iter().map(|f| (f.severity, f.object.as_str())).collect();
        assert_eq!(said, [(Severity::Failure, "/hydro/info"); 2]);
        assert!(found[0].text.starts_with("the field path of Mera.InfoType has no value"));
        assert!(found[1].text.starts_with("the field fnames of Mera.InfoType has no value"));
    }
}

//! Compares what is stored of a type with what the target knows of the session's.

use super::reading::{TypeReading, other_count, shown, without};
use super::resolved::{MadeUp, Resolved, State};
use super::walk::{Loaded, Session};
use crate::h5::Class;
use crate::julia::{Committed, Field};
use crate::migrate::target::{Resolution, Target};
use crate::migrate::typedef::{FieldDef, TypeDef};

/// What comes of a comparison: what is said, and what is made up for it if something inside is.
pub(super) type Compared = (TypeReading, Option<MadeUp>);

impl Session<'_> {
    /// Compares what is stored as `t` with the session's type of that name.
    pub(super) fn compare(&mut self, c: &Committed, t: &Resolved) -> Loaded<Compared> {
        let target = self.target;
        match target.resolve(&t.name) {
            Resolution::Defined(def) => self.compare_all(c, t, def),
            Resolution::Loaded | Resolution::Gone | Resolution::Foreign => {
                if let Some(known) = target.partly_known(&t.name) {
                    if let Some(reading) = other_count(c, known.parameters) {
                        return Ok((reading, None));
                    }
                    let stored = |name: &&String| {
                        c.fields.iter().any(|f| f.name == **name && f.offset.is_some())
                    };
                    if let Some(lacking) = known.has.iter().find(|name| !stored(name)) {
                        return Ok((without(c, lacking), None));
                    }
                }
                self.compare_parts(c, t)
            }
        }
    }

    /// Compares the stored fields with those of the session's type.
    fn compare_all(&mut self, c: &Committed, t: &Resolved, def: &TypeDef) -> Loaded<Compared> {
        if let Some(reading) = other_count(c, def.parameters) {
            return Ok((reading, None));
        }
        let name = c.julia_type.name();
        let wanted: Vec<_> = def.fields.iter().filter(|f| f.is_stored()).collect();
        // Mostly they stand in the same order.
        let mut in_order = c.fields.iter().filter(|f| f.offset.is_some());
        // Neighbours are mostly declared alike.
        let mut last: Option<(&str, Option<Declared>)> = None;
        for field in &wanted {
            let is = |f: &&Field| f.name == field.name && f.offset.is_some();
            let stored = in_order.next().filter(is).or_else(|| c.fields.iter().find(is));
            let Some(stored) = stored else {
                return Ok((without(c, &field.name), None));
            };
            let want = match last.filter(|(canonical, _)| *canonical == field.julia_type) {
                Some((_, want)) => want,
                None => Declared::of(&field.julia_type, self.target),
            };
            last = Some((&field.julia_type, want));
            if let Some((read_as, made_up)) = self.misfit(stored, field, want, t)? {
                return Ok((misfitting(c, &field.name, &read_as, &field.julia_type), made_up));
            }
        }
        // As many, and all of them were found.
        if c.fields.iter().filter(|f| f.offset.is_some()).count() == wanted.len() {
            return Ok(Compared::default());
        }
        let extra: Vec<_> = c
            .fields
            .iter()
            .filter(|f| f.offset.is_some() && !wanted.iter().any(|w| w.name == f.name))
            .map(|f| f.name.as_str())
            .collect();
        if extra.is_empty() {
            return Ok(Compared::default());
        }
        let extra = extra.join(", ");
        let reading = TypeReading {
            said: Some(format!(
                "the following fields are present in type {} saved in the file but not \
                 present in the type in the workspace: {extra}, Data in these fields will not be \
                 accessible",
                shown(&c.julia_type)
            )),
            text: Some(format!("{name} is stored with fields that are gone; they are left out")),
            ..TypeReading::default()
        };
        Ok((reading, None))
    }

    /// Finds a value inside that is made up where the type declares the true one. A field whose values
    /// are stored inside declares a type that has no others, or a parameter.
    fn compare_parts(&mut self, c: &Committed, t: &Resolved) -> Loaded<Compared> {
        for field in c.fields.iter().filter(|f| f.offset.is_some()) {
            let Some(addr) = field.committed else { continue };
            let inner = self.committed(addr)?;
            let Some(made_up) = inner.out.made_up() else { continue };
            if !t.mentions(made_up.of) {
                let own = self.types.committed(addr)?.julia_type.clone();
                let read_as = format!("JLD2.Reconstructed{{{}}}", own.name());
                return Ok((misfitting(c, &field.name, &read_as, &shown(&own)), Some(made_up)));
            }
        }
        Ok(Compared::default())
    }

    /// What JLD2 reads a stored field as, if that neither is nor becomes what is declared. Behind
    /// a reference can be anything, so these always pass here.
    fn misfit(
        &mut self,
        stored: &Field,
        wanted: &FieldDef,
        want: Option<Declared>,
        t: &Resolved,
    ) -> Loaded<Option<(String, Option<MadeUp>)>> {
        if let Some(addr) = stored.committed {
            let inner = self.committed(addr)?;
            let own = self.types.committed(addr)?.julia_type.clone();
            if let Some(made_up) = inner.out.made_up() {
                let takes = wanted.julia_type == "Core.Any" || t.mentions(made_up.of);
                let read_as = format!("JLD2.Reconstructed{{{}}}", own.name());
                return Ok((!takes).then_some((read_as, Some(made_up))));
            }
            if want.is_none() || inner.out.state == State::AnyTuple {
                return Ok(None);
            }
            let other = own.name() != bare(&wanted.julia_type);
            return Ok(other.then(|| (shown(&own), None)));
        }
        let Some(want) = want else { return Ok(None) };
        let class = stored.datatype.as_ref().map(|d| &d.class);
        Ok(match (class, want) {
            (Some(Class::Vlen { string: true, .. } | Class::String), Declared::Number) => {
                Some(("String".to_owned(), None))
            }
            (
                Some(Class::FixedPoint { .. } | Class::Float { .. } | Class::Bitfield),
                Declared::Text | Declared::Other,
            ) => Some(("Number".to_owned(), None)),
            _ => None,
        })
    }
}

/// What becomes of a type that is stored with another type of a field.
fn misfitting(c: &Committed, field: &str, read_as: &str, wanted: &str) -> TypeReading {
    TypeReading::made_up(
        format!(
            "{} is stored with another type of field {field}: it is reconstructed",
            c.julia_type.name()
        ),
        format!(
            "saved type {} has field {field}::{read_as}, but workspace type has field {field}::{}, and \
             no applicable convert method exists; reconstructing",
            shown(&c.julia_type),
            declared(wanted),
        ),
    )
}

/// Declared types that leave no doubt about what fits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Declared {
    /// Every number converts to every other.
    Number,
    Text,
    /// An array or a struct.
    Other,
}

impl Declared {
    /// None for abstract types, and for those of which nothing is known here.
    fn of(canonical: &str, target: &Target) -> Option<Self> {
        const NUMBERS: [&str; 12] = [
            "Bool", "Int8", "Int16", "Int32", "Int64", "UInt8", "UInt16", "UInt32", "UInt64",
            "Float16", "Float32", "Float64",
        ];
        let name = bare(canonical);
        match name.strip_prefix("Core.") {
            Some("String") => Some(Self::Text),
            Some("Array") => Some(Self::Other),
            Some(number) if NUMBERS.contains(&number) => Some(Self::Number),
            _ => target.type_def(name).map(|_| Self::Other),
        }
    }
}

fn bare(canonical: &str) -> &str {
    canonical.split('{').next().unwrap_or(canonical)
}

/// A declared type as Julia prints it: `Vector{UInt8}` for `Core.Array{Core.UInt8,1}`.
fn declared(canonical: &str) -> String {
    let plain = canonical.replace("Core.", "").replace("Base.Dict", "Dict");
    let vector = plain.strip_prefix("Array{").and_then(|rest| rest.strip_suffix(",1}"));
    vector.map_or(plain.clone(), |element| format!("Vector{{{element}}}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn declared_types_as_julia_prints_them() {
        assert_eq!(declared("Core.Array{Core.UInt8,1}"), "Vector{UInt8}");
        assert_eq!(declared("Base.Dict{Core.Any,Core.Any}"), "Dict{Any,Any}");
    }
}

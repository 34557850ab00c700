//! Tells what a Julia session of the target makes of stored types, in JLD2's own words
//! (docs/jld2-format.md, section 10; `constructrr` of JLD2).
//!
//! JLD2 compares each committed type with the session's type of that name when it first meets an
//! object of it, and prints what it finds then: once for each committed type, however many objects
//! there are. Files that were appended to have several committed types of one name.

use crate::h5::{self, AddressHashMap, Class, RelAddr};
use crate::julia::{Committed, Field, JuliaType, Param, TypeTable};
use crate::migrate::finding::Severity;
use crate::migrate::leftover::{Leftover, is_leftover};
use crate::migrate::target::{Resolution, Target};
use crate::migrate::typedef::{FieldDef, TypeDef};
use std::cell::RefCell;
use std::rc::Rc;

/// Types nest less deeply than this; ends forged cycles.
const MAX_DEPTH: u32 = 64;

/// A Julia session with the target's packages loaded, and a file open in it.
pub(in crate::migrate) struct JuliaSession<'a> {
    pub(in crate::migrate) types: &'a TypeTable<'a>,
    pub(in crate::migrate) target: &'a Target,
    known: RefCell<AddressHashMap<Rc<TypeReading>>>,
}

/// What the session makes of a committed type.
#[derive(Debug, Clone, Default, PartialEq)]
pub(in crate::migrate) struct TypeReading {
    /// What happens, for a person; none if objects are read as they are.
    pub(in crate::migrate) text: Option<String>,
    /// What JLD2 prints.
    pub(in crate::migrate) said: Option<String>,
    /// Whether objects come out as objects of a type that JLD2 makes up.
    pub(in crate::migrate) reconstructed: bool,
    /// Whether that depends on a package that the target does not load, but the user may.
    pub(in crate::migrate) foreign: bool,
    /// How bad it is, where that does not follow from the rest.
    level: Option<Severity>,
}

impl TypeReading {
    /// How bad it is.
    pub(in crate::migrate) fn severity(&self) -> Severity {
        let warns = self.said.is_some() && !self.foreign;
        self.level.unwrap_or(if warns { Severity::Warning } else { Severity::Note })
    }

    /// How often it is printed.
    pub(in crate::migrate) fn printed(&self) -> u64 {
        u64::from(self.said.is_some())
    }
}

impl<'a> JuliaSession<'a> {
    pub(in crate::migrate) fn new(types: &'a TypeTable<'a>, target: &'a Target) -> Self {
        Self { types, target, known: RefCell::default() }
    }

    /// What the session makes of the committed type at `addr`.
    pub(in crate::migrate) fn of(&self, addr: RelAddr) -> h5::Result<Rc<TypeReading>> {
        self.at_depth(addr, 0)
    }

    fn at_depth(&self, addr: RelAddr, depth: u32) -> h5::Result<Rc<TypeReading>> {
        if let Some(known) = self.known.borrow().get(&addr) {
            return Ok(Rc::clone(known));
        }
        if depth > MAX_DEPTH {
            return Ok(Rc::default());
        }
        let committed = self.types.committed(addr)?;
        let reading = Rc::new(self.read(&committed, depth)?);
        self.known.borrow_mut().insert(addr, Rc::clone(&reading));
        Ok(reading)
    }

    fn read(&self, c: &Committed, depth: u32) -> h5::Result<TypeReading> {
        let name = c.julia_type.name();
        // Tuples of today are written without a module.
        if !name.contains('.') {
            return Ok(TypeReading::default());
        }
        if is_leftover(name) {
            return Ok(leftover(&c.julia_type));
        }
        let resolution = self.target.resolve(name);
        if matches!(resolution, Resolution::Gone | Resolution::Foreign) {
            return Ok(self.unknown(c, matches!(resolution, Resolution::Foreign)));
        }
        if let Some((parameter, foreign)) = unknown_parameter(&c.julia_type, self.target, depth) {
            let shown = shown(&c.julia_type);
            let said = if c.written_type.is_some() {
                unconverted(&shown)
            } else if name == "Core.Tuple" {
                missing(&shown)
            } else {
                format!("some parameters could not be resolved for type {shown}")
            };
            return Ok(TypeReading {
                text: Some(format!(
                    "the parameter {parameter} of {shown} {}",
                    self.absence(foreign)
                )),
                said: Some(said),
                reconstructed: true,
                foreign,
                ..TypeReading::default()
            });
        }
        match resolution {
            Resolution::Defined(def) => self.compare(c, def, depth),
            _ => Ok(self.compare_partly(c)),
        }
    }

    /// Compares what is stored with what is known of a type whose fields are not all told.
    fn compare_partly(&self, c: &Committed) -> TypeReading {
        let name = c.julia_type.name();
        let Some(known) = self.target.partly_known(name) else { return TypeReading::default() };
        if let Some(reading) = other_count(c, known.parameters) {
            return reading;
        }
        if c.written_type.is_some() || c.datatype.members().is_none() {
            return TypeReading::default();
        }
        let stored = |name: &str| c.fields.iter().any(|f| f.name == name && f.offset.is_some());
        let lacking = known.has.iter().find(|name| !stored(name));
        lacking.map(|field| without(c, field)).unwrap_or_default()
    }

    /// What becomes of a type that the session does not have.
    fn unknown(&self, c: &Committed, foreign: bool) -> TypeReading {
        let shown = shown(&c.julia_type);
        let said = if c.written_type.is_some() { unconverted(&shown) } else { missing(&shown) };
        let text = format!("{} {}", c.julia_type.name(), self.absence(foreign));
        let (text, said) = (Some(text), Some(said));
        TypeReading { text, said, reconstructed: true, foreign, ..TypeReading::default() }
    }

    fn absence(&self, foreign: bool) -> String {
        let title = &self.target.title;
        if foreign {
            format!("is none of {title}: load its package first, or it is reconstructed")
        } else {
            format!("does not exist in {title}: it is reconstructed")
        }
    }

    /// Compares the stored fields with those of the session's type.
    fn compare(&self, c: &Committed, def: &TypeDef, depth: u32) -> h5::Result<TypeReading> {
        if c.written_type.is_some() || c.datatype.members().is_none() {
            return Ok(TypeReading::default());
        }
        let shown = shown(&c.julia_type);
        let reconstructed = |said: String, text: String| TypeReading {
            text: Some(text),
            said: Some(said),
            reconstructed: true,
            ..TypeReading::default()
        };
        let name = c.julia_type.name();
        if let Some(reading) = other_count(c, def.parameters) {
            return Ok(reading);
        }
        let wanted: Vec<_> = def.fields.iter().filter(|f| f.is_stored()).collect();
        // Mostly they stand in the same order.
        let mut in_order = c.fields.iter().filter(|f| f.offset.is_some());
        // Neighbours are mostly declared alike.
        let mut last: Option<(&str, Option<Declared>)> = None;
        for field in &wanted {
            let is = |f: &&Field| f.name == field.name && f.offset.is_some();
            let stored = in_order.next().filter(is).or_else(|| c.fields.iter().find(is));
            let Some(stored) = stored else {
                return Ok(without(c, &field.name));
            };
            let want = match last.filter(|(canonical, _)| *canonical == field.julia_type) {
                Some((_, want)) => want,
                None => Declared::of(&field.julia_type, self.target),
            };
            last = Some((&field.julia_type, want));
            if let Some(read_as) = self.misfit(stored, field, want, depth)? {
                return Ok(reconstructed(
                    format!(
                        "saved type {shown} has field {0}::{read_as}, but workspace type has field \
                         {0}::{1}, and no applicable convert method exists; reconstructing",
                        field.name,
                        declared(&field.julia_type),
                    ),
                    format!(
                        "{name} is stored with another type of field {}: it is reconstructed",
                        field.name
                    ),
                ));
            }
        }
        // As many, and all of them were found.
        if c.fields.iter().filter(|f| f.offset.is_some()).count() == wanted.len() {
            return Ok(TypeReading::default());
        }
        let extra: Vec<_> = c
            .fields
            .iter()
            .filter(|f| f.offset.is_some() && !wanted.iter().any(|w| w.name == f.name))
            .map(|f| f.name.as_str())
            .collect();
        if extra.is_empty() {
            return Ok(TypeReading::default());
        }
        let extra = extra.join(", ");
        Ok(TypeReading {
            said: Some(format!(
                "the following fields are present in type {shown} saved in the file but not \
                 present in the type in the workspace: {extra}, Data in these fields will not be \
                 accessible"
            )),
            text: Some(format!("{name} is stored with fields that are gone; they are left out")),
            ..TypeReading::default()
        })
    }

    /// What JLD2 reads a stored field as, if that neither is nor becomes what is declared. Behind
    /// a reference can be anything, so these always pass.
    fn misfit(
        &self,
        stored: &Field,
        wanted: &FieldDef,
        want: Option<Declared>,
        depth: u32,
    ) -> h5::Result<Option<String>> {
        let Some(want) = want else { return Ok(None) };
        if let Some(addr) = stored.committed {
            let reading = self.at_depth(addr, depth + 1)?;
            let t = self.types.committed(addr)?.julia_type.clone();
            if reading.reconstructed && !reading.foreign {
                return Ok(Some(format!("JLD2.Reconstructed{{{}}}", t.name())));
            }
            return Ok((t.name() != bare(&wanted.julia_type)).then(|| shown(&t)));
        }
        let class = stored.datatype.as_ref().map(|d| &d.class);
        Ok(match (class, want) {
            (Some(Class::Vlen { string: true, .. } | Class::String), Declared::Number) => {
                Some("String".to_owned())
            }
            (
                Some(Class::FixedPoint { .. } | Class::Float { .. } | Class::Bitfield),
                Declared::Text | Declared::Other,
            ) => Some("Number".to_owned()),
            _ => None,
        })
    }
}

/// A type among the parameters that a session of the target does not have, and whether a package of
/// the user's may have it.
pub(in crate::migrate) fn unknown_parameter(
    t: &JuliaType,
    target: &Target,
    depth: u32,
) -> Option<(String, bool)> {
    if depth > MAX_DEPTH {
        return None;
    }
    t.params().iter().find_map(|param| {
        let Param::Type(inner) = param else { return None };
        let unknown = match inner {
            JuliaType::Named { name, .. } if name.contains('.') => match target.resolve(name) {
                Resolution::Gone => Some((name.clone(), false)),
                Resolution::Foreign => Some((name.clone(), true)),
                Resolution::Defined(_) | Resolution::Loaded => None,
            },
            _ => None,
        };
        unknown.or_else(|| unknown_parameter(inner, target, depth + 1))
    })
}

/// What JLD2 prints of a type that was written as another and that the session lacks.
fn unconverted(shown: &str) -> String {
    format!(
        "custom serialization of {shown} encountered, but the type does not exist in the workspace; \
         the data will be read unconverted"
    )
}

/// What JLD2 prints of a type that the session lacks.
fn missing(shown: &str) -> String {
    format!("type {shown} does not exist in workspace; reconstructing")
}

/// What becomes of a type that is stored with another number of parameters than the session's has.
fn other_count(c: &Committed, wanted: Option<usize>) -> Option<TypeReading> {
    let (t, found) = (&c.julia_type, c.julia_type.params().len());
    let wanted = wanted.filter(|wanted| *wanted != found)?;
    let (name, short) = (t.name(), t.short_name());
    let stored = format!("{name} is stored with {found} parameters");
    // With too few, JLD2 finds a type that leaves the others open, for which it has no way to read a
    // value that has no fields.
    if found < wanted && c.datatype.members().is_none() {
        return Some(TypeReading {
            text: Some(format!("{stored}; JLD2.load ends with a MethodError here")),
            level: Some(Severity::Failure),
            ..TypeReading::default()
        });
    }
    let said = if found < wanted {
        format!("read type {} is not a leaf type in workspace; reconstructing", shown(t))
    } else {
        format!(
            "read type {short} has a different number of parameters from type {short} in \
             workspace; reconstructing"
        )
    };
    Some(TypeReading {
        text: Some(format!("{stored}: it is reconstructed")),
        said: Some(said),
        reconstructed: true,
        ..TypeReading::default()
    })
}

/// What becomes of a type that is stored without a field of the session's.
fn without(c: &Committed, field: &str) -> TypeReading {
    // The wording is JLD2's: it is the saved type that lacks the field.
    let said = format!(
        "saved type {} is missing field {field} in workspace type; reconstructing",
        shown(&c.julia_type)
    );
    let name = c.julia_type.name();
    TypeReading {
        text: Some(format!("{name} is stored without the field {field}: it is reconstructed")),
        said: Some(said),
        reconstructed: true,
        ..TypeReading::default()
    }
}

/// What JLD2 0.6.5 makes of what JLD2 once made up, where that was saved.
fn leftover(t: &JuliaType) -> TypeReading {
    let of = Leftover::of(t).map_or("a type", |leftover| leftover.name);
    let nested = t.params().get(2).is_some_and(mentions_leftover);
    let shown = shown(t);
    let wrapped = format!("an object that JLD2 made up for {of}, which it could not resolve then");
    let help = "a rule with `unwrap` makes it one of its type again, one with `unwrap = \
                \"Core.NamedTuple\"` a named tuple";
    match (t.short_name(), nested) {
        ("ReconstructedStatic", true) => TypeReading {
            said: Some(format!(
                "the following fields are present in type {shown} saved in the file but not \
                 present in the type in the workspace: fields, Data in these fields will not be \
                 accessible"
            )),
            text: Some(format!("{wrapped}; JLD2.load ends with a TypeError here; {help}")),
            level: Some(Severity::Failure),
            ..TypeReading::default()
        },
        ("ReconstructedStatic", false) => {
            let text = Some(format!("{wrapped}, comes back as that; {help}"));
            TypeReading { text, level: Some(Severity::Warning), ..TypeReading::default() }
        }
        (_, nested) => TypeReading {
            text: Some(format!(
                "{wrapped}, comes back wrapped once more each time it is loaded and saved; {help}"
            )),
            said: nested.then(|| format!("some parameters could not be resolved for type {shown}")),
            level: Some(Severity::Warning),
            ..TypeReading::default()
        },
    }
}

fn mentions_leftover(param: &Param) -> bool {
    matches!(param, Param::Type(t) if is_leftover(t.name()) || t.params().iter().any(mentions_leftover))
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

/// A type as Julia prints it in a message, its parameters left out.
fn shown(t: &JuliaType) -> String {
    let name = t.name();
    let name = name.strip_prefix("Core.").unwrap_or(name);
    if t.params().is_empty() { name.to_owned() } else { format!("{name}{{…}}") }
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
    use crate::h5::{Datatype, File};
    use std::path::Path;

    const FILE: &str = "tests/data/mera/e4b-lz4/output_00100.jld2";

    fn committed(name: &str, fields: &[(&str, Datatype)]) -> Committed {
        let datatype = Datatype::record(fields.iter().map(|(n, d)| ((*n).to_owned(), d.clone())));
        let members = datatype.members().unwrap().to_vec();
        let fields = members.into_iter().map(|m| Field {
            name: m.name,
            offset: Some(m.offset),
            datatype: Some(m.datatype),
            committed: None,
        });
        Committed {
            addr: RelAddr::NULL,
            julia_type: JuliaType::plain(name),
            written_type: None,
            empty: false,
            fields: fields.collect(),
            typed_fields: false,
            is_plain: false,
            datatype: datatype.into(),
        }
    }

    fn reading(c: &Committed) -> TypeReading {
        let file = File::open(&Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE)).unwrap();
        let types = TypeTable::new(&file);
        let target = Target::builtin("mera-1.9").unwrap();
        JuliaSession::new(&types, &target).read(c, 0).unwrap()
    }

    fn scales(count: usize) -> Committed {
        let name = "Mera.ScalesType001";
        let layouts = crate::mera::types::layouts();
        let layout = layouts.iter().rfind(|l| l.name == name && l.fields.len() == count).unwrap();
        let fields: Vec<_> =
            layout.fields.iter().map(|f| (f.as_str(), Datatype::float64())).collect();
        committed(name, &fields)
    }

    #[test]
    fn layouts_between_releases_are_read_with_warnings() {
        assert_eq!(reading(&scales(52)), TypeReading::default());
        let fewer = reading(&scales(50));
        assert!(fewer.reconstructed);
        assert_eq!(
            fewer.said.unwrap(),
            "saved type Mera.ScalesType001 is missing field K_mu in workspace type; reconstructing"
        );
        let more = reading(&scales(75));
        assert!(!more.reconstructed);
        let said = more.said.unwrap();
        assert!(
            said.contains("not present in the type in the workspace: erg_g_K, keV_cm2"),
            "{said}"
        );
    }

    #[test]
    fn types_that_are_not_there_are_told_by_where_they_could_be() {
        let gone = reading(&committed("Mera.ScalesType", &[]));
        assert_eq!(
            gone.said.as_deref().unwrap(),
            "type Mera.ScalesType does not exist in workspace; reconstructing"
        );
        assert!(gone.reconstructed && gone.severity() == Severity::Warning);
        let foreign = reading(&committed("Main.Foo", &[]));
        assert!(foreign.foreign && foreign.severity() == Severity::Note);
        let mut inside = committed("Base.RefValue", &[]);
        let params = vec![Param::Type(JuliaType::plain("Mera.ScalesType"))];
        inside.julia_type = JuliaType::Named { name: "Base.RefValue".into(), params };
        let said = reading(&inside).said.unwrap();
        assert_eq!(said, "some parameters could not be resolved for type Base.RefValue{…}");
        assert_eq!(reading(&committed("Dates.DateTime", &[])), TypeReading::default());
    }

    #[test]
    fn fields_must_fit_what_is_declared() {
        let text = ("blocksize", Datatype::vlen_string());
        let said = reading(&committed("JLD2Lz4.Lz4Filter", &[text])).said.unwrap();
        assert!(
            said.contains(
                "has field blocksize::String, but workspace type has field \
                               blocksize::UInt32"
            ),
            "{said}"
        );
        // Numbers convert, and behind a reference can be anything.
        for fits in [Datatype::float64(), Datatype::reference()] {
            let c = committed("JLD2Lz4.Lz4Filter", &[("blocksize", fits)]);
            assert_eq!(reading(&c), TypeReading::default());
        }
    }

    #[test]
    fn declared_types_as_julia_prints_them() {
        assert_eq!(declared("Core.Array{Core.UInt8,1}"), "Vector{UInt8}");
        assert_eq!(declared("Base.Dict{Core.Any,Core.Any}"), "Dict{Any,Any}");
    }
}

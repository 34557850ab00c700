//! Tells the types of a file as far as a draft of rules asks.

use crate::h5::{Class, File, Object, ObjectKind, RelAddr, Result, Trace, Visitor};
use crate::julia::{Committed, Field, JuliaType, NumberType, Param, TypeTable};
use crate::migrate::full_type;
use std::collections::{BTreeMap, BTreeSet};

/// Modules whose types packages do not change.
const SETTLED: [&str; 3] = ["Core", "Base", "JLD2"];
/// What JLD2 0.4 put in front of the names of types that it made up, each with two signs and a number.
const MADE_UP: &str = "JLD2.ReconstructedTypes.";
/// Of types that differ in their parameters alone no more are kept.
const MANY: usize = 1 << 12;

/// The types of a file.
#[derive(Debug, Default)]
pub(super) struct Types {
    /// Those of packages and users, by their full names without parameters.
    pub(super) shapes: BTreeMap<String, Shape>,
    /// What JLD2 made up for types that it could not resolve, by the names that these had, without module
    /// and parameters.
    pub(super) leftovers: BTreeMap<String, Shape>,
    /// Those that JLD2 0.4 made up, by their full names; with the names that these types had, which may lack the module.
    pub(super) made_up: BTreeMap<String, String>,
    /// Types of Julia's own that are not stored by their fields: as what, without parameters.
    pub(super) written: BTreeMap<String, BTreeSet<String>>,
}

/// Names of fields, and what they hold.
pub(super) type Fields = Vec<(String, Holds)>;

/// A type.
#[derive(Debug, Clone, Default)]
pub(super) struct Shape {
    /// The parameters of each type of this name.
    pub(super) params: BTreeSet<Vec<Param>>,
    /// The fields of that which has most of them.
    pub(super) fields: Fields,
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    Number(NumberType),
    Text,
    Symbol,
    Reference,
    Inside,
    NoContent,
}

impl Shape {
    /// Its fields, but for those without content, which older JLD2 does not tell of.
    pub(super) fn with_content(&self) -> Fields {
        self.fields.iter().filter(|(_, holds)| *holds != Holds::NoContent).cloned().collect()
    }

    fn add(&mut self, params: &[Param], fields: Fields) {
        if self.params.len() < MANY {
            self.params.insert(params.to_vec());
        }
        if self.fields.len() <= fields.len() {
            self.fields = fields;
        }
    }
}

/// The types of a file.
pub(super) fn types(file: &File) -> Result<Types> {
    struct Found(Vec<RelAddr>);
    impl Visitor for Found {
        fn object(&mut self, object: &Object, _: &str) -> Result<()> {
            if let ObjectKind::Datatype(_) = &object.kind {
                self.0.push(object.addr());
            }
            Ok(())
        }
        fn foreign(&mut self, _: &str, error: crate::h5::Error) -> Result<()> {
            if error.is_foreign_dataset() { Ok(()) } else { Err(error) }
        }
    }
    let mut found = Found(Vec::new());
    Trace::run(file, &mut found)?;
    let table = TypeTable::new(file);
    let mut out = Types::default();
    for addr in found.0 {
        out.add(&table, &*table.committed(addr)?)?;
    }
    Ok(out)
}

impl Types {
    fn add(&mut self, table: &TypeTable<'_>, c: &Committed) -> Result<()> {
        let name = c.julia_type.name();
        let module = name.split('.').next().unwrap_or_default();
        if let Some(written) = c.written_type.as_ref().filter(|_| SETTLED.contains(&module)) {
            self.written.entry(name.to_owned()).or_default().insert(written.name().to_owned());
        }
        if let Some((bare, params, fields)) = leftover(&c.julia_type) {
            self.leftovers.entry(bare).or_default().add(&params, fields);
            return Ok(());
        }
        let made_up = name.strip_prefix(MADE_UP).and_then(made_up);
        let record = c.datatype.members().is_some() || c.empty;
        let settled = SETTLED.contains(&module) && made_up.is_none();
        if !name.contains('.') || settled || c.written_type.is_some() || !record {
            return Ok(());
        }
        if let Some(was) = made_up {
            self.made_up.insert(name.to_owned(), was.to_owned());
        }
        let mut fields = Vec::with_capacity(c.fields.len());
        for field in &c.fields {
            fields.push((field.name.clone(), holds(table, field)?));
        }
        self.shapes.entry(name.to_owned()).or_default().add(c.julia_type.params(), fields);
        Ok(())
    }
}

/// The name of which JLD2 0.4 made `##Main.Sim.Grid#257`.
fn made_up(name: &str) -> Option<&str> {
    let (was, number) = name.trim_start_matches('#').rsplit_once('#')?;
    let was = was.split('{').next().unwrap_or_default();
    (!was.is_empty() && number.bytes().all(|b| b.is_ascii_digit())).then_some(was)
}

/// The name that a type had for which JLD2 made up this one, without module and parameters, and the names of its
/// fields.
pub(super) fn left_of(t: &JuliaType) -> Option<(&str, &[String])> {
    let ("JLD2.ReconstructedMutable" | "JLD2.ReconstructedStatic") = t.name() else { return None };
    let [Param::Symbol(name), Param::Symbols(names), ..] = t.params() else { return None };
    Some((last(name.split('{').next().unwrap_or_default()), names))
}

/// The bare name, the parameters and the fields of what JLD2 0.5 and 0.6 made up a type for.
fn leftover(t: &JuliaType) -> Option<(String, Vec<Param>, Fields)> {
    let (bare, names) = left_of(t)?;
    let [Param::Symbol(name), _, rest @ ..] = t.params() else { return None };
    let params = full_type(&format!("Main.{name}")).map(|t| t.params().to_vec());
    let bare = bare.to_owned();
    if bare.is_empty() || bare.contains('*') || bare.starts_with("Reconstructed") {
        return None;
    }
    let types = match rest {
        [Param::Type(tuple), ..] => tuple.tuple_elements().unwrap_or_default(),
        _ => Vec::new(),
    };
    let mutable = t.name() == "JLD2.ReconstructedMutable";
    let holds = |i: usize| match types.get(i).map(|t| t.name()) {
        // Its values are elements of a vector of anything.
        Some(name) if mutable && !matches!(name, "Core.Nothing" | "Base.Missing") => {
            Holds::Reference
        }
        Some("Core.String") => Holds::Text,
        Some("Core.Symbol") => Holds::Symbol,
        Some("Core.Nothing" | "Base.Missing") => Holds::NoContent,
        Some("Core.Any" | "Core.Array") | None => Holds::Reference,
        Some(name) => NumberType::named(name).map_or(Holds::Inside, Holds::Number),
    };
    let fields = names.iter().enumerate().map(|(i, name)| (name.clone(), holds(i))).collect();
    Some((bare, params.unwrap_or_default(), fields))
}

fn holds(types: &TypeTable<'_>, field: &Field) -> Result<Holds> {
    let Some(datatype) = &field.datatype else { return Ok(Holds::NoContent) };
    let text = matches!(datatype.class, Class::Vlen { string: true, .. });
    Ok(match (field.committed, &datatype.class) {
        (None, Class::Reference) => Holds::Reference,
        (None, _) if text => Holds::Text,
        (None, _) => NumberType::of(datatype).map_or(Holds::Inside, Holds::Number),
        (Some(addr), _) if text => {
            let symbol = types.committed(addr)?.julia_type.name() == "Core.Symbol";
            if symbol { Holds::Symbol } else { Holds::Inside }
        }
        (Some(_), _) => Holds::Inside,
    })
}

/// A name without its module.
pub(super) fn last(name: &str) -> &str {
    name.rsplit('.').next().unwrap_or(name)
}

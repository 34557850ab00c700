//! The comparison of a target's types with their definitions (what JLD2 does on load:
//! docs/jld2-format.md, section 10).

use super::names::{Meaning, Scope, last};
use super::what_depends::what_depends;
use super::{Change, ChangeKind, Check, Effect, TypeCheck, Verdict};
use crate::migrate::definitions::{DefinedField, DefinedType, Definitions, TypeExpr, TypeKind};
use crate::migrate::target::Target;
use crate::migrate::{FieldDef, TypeDef};
use std::collections::{BTreeSet, HashMap, HashSet};

/// Numbers, each of which converts to each.
const NUMBERS: [&str; 14] = [
    "Core.Bool",
    "Core.Int8",
    "Core.Int16",
    "Core.Int32",
    "Core.Int64",
    "Core.Int128",
    "Core.UInt8",
    "Core.UInt16",
    "Core.UInt32",
    "Core.UInt64",
    "Core.UInt128",
    "Core.Float16",
    "Core.Float32",
    "Core.Float64",
];
/// Types that every number fits into.
const ANY_NUMBER: [&str; 3] = ["Core.Any", "Core.Number", "Core.Real"];

/// Holds a target against definitions.
pub fn check(target: &Target, definitions: &Definitions) -> Check {
    let mut types = Vec::new();
    for (name, def) in target.types() {
        let mut seen = match definition(definitions, name) {
            Found::Defined(full, defined) => {
                compared(&Given { target, definitions }, (name, def), &full, defined)
            }
            Found::Missing => missing(definitions, target, name, Some(def)),
            Found::NotGiven => outcome(name, Verdict::NotGiven),
        };
        worsen(target, &mut seen);
        types.push(seen);
    }
    for name in target.further_types().filter(|name| target.type_def(name).is_none()) {
        types.push(match definition(definitions, name) {
            Found::Defined(_, defined) => {
                TypeCheck { place: Some(defined.place.clone()), ..outcome(name, Verdict::Same) }
            }
            Found::Missing => missing(definitions, target, name, None),
            Found::NotGiven => outcome(name, Verdict::NotGiven),
        });
    }
    for seen in types.iter_mut().filter(|seen| seen.verdict != Verdict::Same) {
        if seen.verdict != Verdict::NotGiven {
            seen.to_change = what_depends(target, &seen.name);
        }
    }
    types.sort_by(|a, b| a.name.cmp(&b.name));
    let known: HashSet<&str> = types.iter().map(|seen| seen.name.as_str()).collect();
    let closed: BTreeSet<&str> = target.closed_packages().collect();
    let unlisted = definitions.types.iter().filter(|(name, defined)| {
        let package = name.split('.').next().unwrap_or_default();
        defined.kind != TypeKind::Bare && closed.contains(package) && !known.contains(name.as_str())
    });
    let unlisted = unlisted.map(|(name, _)| name.clone()).collect();
    Check { types, unlisted, unclear: definitions.unclear.clone() }
}

enum Found<'a> {
    /// Under this full name.
    Defined(String, &'a DefinedType),
    /// Its package is there without it.
    Missing,
    /// Nothing is there of its package.
    NotGiven,
}

/// A type by its full name, or where the definitions name no modules by its last part.
fn definition<'a>(definitions: &'a Definitions, name: &str) -> Found<'a> {
    let get = |name: &str| definitions.types.get_key_value(name);
    if let Some((full, defined)) = get(name).or_else(|| get(last(name))) {
        return Found::Defined(full.clone(), defined);
    }
    if let Some(to) = definitions.aliases.get(name)
        && let TypeExpr::Named { name: to, .. } = to
        && let module = name.rsplit_once('.').map_or("", |(module, _)| module)
        && let Some((full, defined)) = get(&format!("{module}.{to}"))
    {
        return Found::Defined(full.clone(), defined);
    }
    let package = name.split('.').next().unwrap_or_default();
    if definitions.modules.contains(package) { Found::Missing } else { Found::NotGiven }
}

fn outcome(name: &str, verdict: Verdict) -> TypeCheck {
    TypeCheck {
        name: name.to_owned(),
        verdict,
        place: None,
        changes: Vec::new(),
        effect: Effect::Silent,
        on_load: String::new(),
        doubt: None,
        to_change: Vec::new(),
    }
}

/// A type whose package does not have it any more, with the one that looks most like it.
fn missing(
    definitions: &Definitions,
    target: &Target,
    name: &str,
    def: Option<&TypeDef>,
) -> TypeCheck {
    let module = name.rsplit_once('.').map_or("", |(module, _)| module);
    let likeness = |defined: &DefinedType| {
        let fields = &def?.fields;
        let shared = fields.iter().filter(|f| defined.fields.iter().any(|d| d.name == f.name));
        let (shared, most) = (shared.count(), fields.len().max(defined.fields.len()));
        (shared > 0 && 2 * shared >= most).then_some((shared, usize::MAX - most))
    };
    let others = definitions.types.iter().filter(|(other, _)| {
        other.rsplit_once('.').map_or("", |(module, _)| module) == module
            && target.type_def(other).is_none()
    });
    let likest = others
        .filter_map(|(other, defined)| Some((likeness(defined)?, other)))
        .max_by(|a, b| a.0.cmp(&b.0).then(b.1.cmp(a.1)));
    let changes = likest.map(|(_, other)| Change {
        kind: ChangeKind::TypeRenamed,
        field: None,
        target: Some(name.to_owned()),
        defined: Some(other.clone()),
        effect: Effect::Warning,
    });
    TypeCheck {
        changes: changes.into_iter().collect(),
        effect: Effect::Warning,
        on_load: "JLD2 warns that the type does not exist, and reconstructs".to_owned(),
        ..outcome(name, Verdict::NotFound)
    }
}

/// What is compared.
struct Given<'a> {
    target: &'a Target,
    definitions: &'a Definitions,
}

/// A type that is defined, under the name `full`.
fn compared(
    given: &Given<'_>,
    (name, def): (&str, &TypeDef),
    full: &str,
    defined: &DefinedType,
) -> TypeCheck {
    let module = full.rsplit_once('.').map_or("", |(module, _)| module);
    let scope = Scope { definitions: given.definitions, module, within: defined };
    let mut doubt = defined.doubt.clone();
    let mut changes = fields(given.target, def, defined, &scope, &mut doubt);
    let mutable = defined.kind == TypeKind::Mutable;
    if mutable != def.mutable || defined.kind == TypeKind::Bare {
        let shown = |mutable: bool| if mutable { "mutable struct" } else { "struct" }.to_owned();
        let bare = defined.kind == TypeKind::Bare;
        let kind = if bare { "a type without fields".to_owned() } else { shown(mutable) };
        changes.push(Change {
            kind: ChangeKind::MutabilityChanged,
            field: None,
            target: Some(shown(def.mutable)),
            defined: Some(kind),
            effect: if bare { Effect::Warning } else { Effect::Silent },
        });
    }
    let verdict = match (changes.is_empty(), &doubt) {
        (false, _) => Verdict::Differs,
        (true, Some(_)) => Verdict::Unclear,
        (true, None) => Verdict::Same,
    };
    let effect = changes.iter().map(|change| change.effect).max().unwrap_or(Effect::Silent);
    let on_load = on_load(&changes);
    let place = Some(defined.place.clone());
    TypeCheck { place, changes, effect, on_load, doubt, ..outcome(name, verdict) }
}

/// What differs among the fields.
fn fields(
    target: &Target,
    def: &TypeDef,
    defined: &DefinedType,
    scope: &Scope<'_>,
    doubt: &mut Option<String>,
) -> Vec<Change> {
    let mut changes = Vec::new();
    let places: HashMap<&str, usize> =
        defined.fields.iter().enumerate().map(|(at, field)| (field.name.as_str(), at)).collect();
    let known: HashSet<&str> = def.fields.iter().map(|field| field.name.as_str()).collect();
    let mut renamed = HashSet::new();
    let mut order = Vec::new();
    for (at, field) in def.fields.iter().enumerate() {
        let wanted = TypeExpr::parse(&field.julia_type);
        if let Some(there) = places.get(field.name.as_str()) {
            order.push(*there);
            let Some(found) = defined.fields.get(*there) else { continue };
            let meaning = scope.meaning(found.julia_type.as_ref());
            match meaning.is(&wanted) {
                Some(true) => {}
                Some(false) => changes.push(Change {
                    kind: ChangeKind::FieldTypeChanged,
                    field: Some(field.name.clone()),
                    target: Some(field.julia_type.clone()),
                    defined: Some(written(found)),
                    effect: retyped(target, field, &meaning),
                }),
                None => {
                    let text = format!("the type of the field {}: {}", field.name, written(found));
                    doubt.get_or_insert(text);
                }
            }
            continue;
        }
        let stand_in = defined.fields.get(at).filter(|found| {
            !known.contains(found.name.as_str())
                && scope.meaning(found.julia_type.as_ref()).is(&wanted) == Some(true)
        });
        changes.push(match stand_in {
            Some(found) => {
                renamed.insert(found.name.as_str());
                Change {
                    kind: ChangeKind::FieldRenamed,
                    field: Some(found.name.clone()),
                    target: Some(field.name.clone()),
                    defined: Some(found.name.clone()),
                    effect: if field.is_stored() { Effect::Warning } else { Effect::Silent },
                }
            }
            None => Change {
                kind: ChangeKind::FieldRemoved,
                field: Some(field.name.clone()),
                target: Some(field.julia_type.clone()),
                defined: None,
                effect: if field.is_stored() { Effect::Warning } else { Effect::Silent },
            },
        });
    }
    for found in &defined.fields {
        let name = found.name.as_str();
        if known.contains(name) || renamed.contains(name) {
            continue;
        }
        let nothing = scope.meaning(found.julia_type.as_ref());
        let empty = nothing.is_named(&["Core.Nothing", "Base.Missing", "Core.Ptr"]);
        changes.push(Change {
            kind: ChangeKind::FieldAdded,
            field: Some(found.name.clone()),
            target: None,
            defined: Some(written(found)),
            effect: if empty { Effect::Silent } else { Effect::Warning },
        });
    }
    if !order.is_sorted() {
        let names = |names: Vec<&str>| Some(names.join(", "));
        changes.push(Change {
            kind: ChangeKind::FieldsReordered,
            field: None,
            target: names(def.fields.iter().map(|field| field.name.as_str()).collect()),
            defined: names(defined.fields.iter().map(|field| field.name.as_str()).collect()),
            effect: Effect::Silent,
        });
    }
    changes
}

fn written(field: &DefinedField) -> String {
    field.julia_type.as_ref().map_or_else(|| "Any".to_owned(), ToString::to_string)
}

/// What JLD2 does with a value of the target's type where another is declared.
fn retyped(target: &Target, field: &FieldDef, meaning: &Meaning) -> Effect {
    let bare = field.julia_type.split('{').next().unwrap_or_default();
    let number = NUMBERS.contains(&bare);
    let takes_all = meaning.is_named(&["Core.Any"]);
    let takes_numbers = meaning.is_named(&NUMBERS) || meaning.is_named(&ANY_NUMBER);
    if takes_all || !field.is_stored() || (number && takes_numbers) {
        return Effect::Silent;
    }
    let record = target.type_def(bare).is_some_and(|def| !def.mutable);
    let inline = number || record || matches!(bare, "Core.String" | "Core.Symbol");
    // What is stored behind a reference is met only when the object is made of its fields.
    if inline { Effect::Warning } else { Effect::Failure }
}

/// What JLD2 does, in words: the worst of it.
fn on_load(changes: &[Change]) -> String {
    let says = |kinds: &[ChangeKind]| {
        changes.iter().any(|c| c.effect != Effect::Silent && kinds.contains(&c.kind))
    };
    let text = if changes.iter().any(|c| c.effect == Effect::Failure) {
        "JLD2.load ends with a MethodError, unless a convert method turns one type into the other"
    } else if says(&[ChangeKind::FieldAdded, ChangeKind::FieldRenamed]) {
        "JLD2 warns that the saved type is missing a field, and reconstructs"
    } else if says(&[ChangeKind::FieldTypeChanged]) {
        "JLD2 warns that the type of a field does not fit, and reconstructs, unless a convert method \
         turns one into the other"
    } else if says(&[ChangeKind::FieldRemoved]) {
        "JLD2 warns that the data in fields that are gone will not be accessible"
    } else if says(&[ChangeKind::MutabilityChanged]) {
        "JLD2 warns, and reconstructs"
    } else {
        ""
    };
    text.to_owned()
}

/// A reconstructed object does not fit into a field that takes its type only.
fn worsen(target: &Target, seen: &mut TypeCheck) {
    let reconstructs = seen.on_load.contains("reconstructs");
    let Some((holder, field)) = target.holders_of(&seen.name).next().filter(|_| reconstructs)
    else {
        return;
    };
    let told = std::mem::take(&mut seen.on_load);
    let takes = format!("the field {field} of {holder} takes no reconstructed object");
    // Only objects of mutable types stand on their own; others are part of those that hold them.
    seen.on_load = if target.type_def(&seen.name).is_some_and(|def| !def.mutable) {
        format!("{told}, as it does {holder}: {takes}")
    } else {
        seen.effect = Effect::Failure;
        format!("{told}; then JLD2.load ends with a MethodError, since {takes}")
    };
}

//! What a session makes of a committed type, for a person and in JLD2's own words.

use crate::julia::{Committed, JuliaType, Param};
use crate::migrate::finding::Severity;
use crate::migrate::leftover::{Leftover, is_leftover};

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
    pub(super) level: Option<Severity>,
}

impl TypeReading {
    /// How bad it is.
    pub(in crate::migrate) fn severity(&self) -> Severity {
        let warns = self.said.is_some() && !self.foreign;
        self.level.unwrap_or(if warns { Severity::Warning } else { Severity::Note })
    }

    /// Of objects that are made up.
    pub(super) fn made_up(text: String, said: String) -> Self {
        let (text, said) = (Some(text), Some(said));
        Self { text, said, reconstructed: true, ..Self::default() }
    }
}

/// What JLD2 prints of a type that was written as another and that the session lacks.
pub(super) fn unconverted(shown: &str) -> String {
    format!(
        "custom serialization of {shown} encountered, but the type does not exist in the workspace; \
         the data will be read unconverted"
    )
}

/// What JLD2 prints of a type that the session lacks.
pub(super) fn missing(shown: &str) -> String {
    format!("type {shown} does not exist in workspace; reconstructing")
}

/// What becomes of a type that is stored with another number of parameters than the session's has.
pub(super) fn other_count(c: &Committed, wanted: Option<usize>) -> Option<TypeReading> {
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
pub(super) fn without(c: &Committed, field: &str) -> TypeReading {
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
pub(super) fn leftover(t: &JuliaType) -> TypeReading {
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

/// A type as Julia prints it in a message, its parameters left out.
pub(super) fn shown(t: &JuliaType) -> String {
    let name = t.name();
    let name = name.strip_prefix("Core.").unwrap_or(name);
    if t.params().is_empty() { name.to_owned() } else { format!("{name}{{…}}") }
}

/// A type by its full name, its parameters left out.
pub(super) fn named(t: &JuliaType) -> String {
    let name = t.name();
    if t.params().is_empty() { name.to_owned() } else { format!("{name}{{…}}") }
}

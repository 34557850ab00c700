//! Defines struct types as a target has them, and reads them from TOML.

use super::pattern::TypePattern;
use serde::Deserialize;

/// A struct type as the target defines it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TypeDef {
    /// Whether its values are stored as objects of their own and referred to.
    pub mutable: bool,
    /// Whether the reader fails on an object with a field that has no value.
    pub all_defined: bool,
    /// How many parameters it has, where that has changed.
    pub parameters: Option<usize>,
    /// Types that it does not take as a parameter.
    pub refuses: Vec<TypePattern>,
    /// What helps where a stored object cannot be read.
    pub help: Option<String>,
    /// Its fields in order.
    pub fields: Vec<FieldDef>,
}

/// A field of a struct type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldDef {
    /// Its name.
    pub name: String,
    /// The declared type in canonical form, for instance `Core.Array{Core.Float64,1}`.
    pub julia_type: String,
    /// Whether JLD2 stores the field: pointers and values of types without content take no bytes.
    stored: bool,
}

impl TypeDef {
    /// Whether it has a field of this name.
    pub fn has(&self, name: &str) -> bool {
        self.fields.iter().any(|field| field.name == name)
    }
}

impl FieldDef {
    fn new(name: String, julia_type: String) -> Self {
        let is = |name: &str| {
            let parameters = julia_type.strip_prefix(name);
            parameters.is_some_and(|rest| rest.is_empty() || rest.starts_with('{'))
        };
        let stored = !["Core.Ptr", "Core.Nothing", "Base.Missing"].into_iter().any(is);
        Self { name, julia_type, stored }
    }

    /// Whether JLD2 stores the field: pointers and values of types without content take no bytes.
    pub fn is_stored(&self) -> bool {
        self.stored
    }
}

/// A struct type as it is written in TOML.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct RawType {
    #[serde(default)]
    mutable: bool,
    #[serde(default)]
    all_defined: bool,
    parameters: Option<usize>,
    #[serde(default)]
    refuses: Vec<TypePattern>,
    help: Option<String>,
    /// The type of all fields that name none.
    field_type: Option<String>,
    /// `name` or `name::Type`. Left out where the fields depend on the parameters.
    fields: Option<Vec<String>>,
    /// Fields with content that it has at least, where not all are told.
    #[serde(default)]
    has: Vec<String>,
}

/// What is known of a struct type whose fields are not all told, since which of them have content
/// depends on its parameters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PartlyKnown {
    /// How many parameters it has.
    pub parameters: Option<usize>,
    /// Fields with content that it always has.
    pub has: Vec<String>,
}

impl RawType {
    /// What it says of a type whose fields it does not tell; none if it does.
    pub(super) fn partly(&self) -> Result<Option<PartlyKnown>, String> {
        match (&self.fields, self.has.is_empty() && self.parameters.is_none()) {
            (Some(_), _) if !self.has.is_empty() => {
                Err("`fields` tells all fields; `has` is for types that have none".to_owned())
            }
            (None, _) if !self.refuses.is_empty() || self.help.is_some() => {
                Err("`refuses` and `help` are for types whose `fields` are told".to_owned())
            }
            (Some(_), _) => Ok(None),
            (None, true) => Err("it tells neither fields nor parameters".to_owned()),
            (None, false) => {
                Ok(Some(PartlyKnown { parameters: self.parameters, has: self.has.clone() }))
            }
        }
    }

    /// What it defines, or what is wrong with it.
    pub(super) fn check(self) -> Result<TypeDef, String> {
        let texts = self.fields.unwrap_or_default();
        let mut fields: Vec<FieldDef> = Vec::with_capacity(texts.len());
        for text in &texts {
            let (name, julia_type) = match text.split_once("::") {
                Some((name, julia_type)) => (name, julia_type.to_owned()),
                None => (
                    text.as_str(),
                    self.field_type.clone().ok_or_else(|| format!("{text:?} has no type"))?,
                ),
            };
            if fields.iter().any(|field| field.name == name) {
                return Err(format!("two fields are called {name:?}"));
            }
            fields.push(FieldDef::new(name.to_owned(), julia_type));
        }
        let Self { mutable, all_defined, parameters, refuses, help, .. } = self;
        if let Some(problem) = refuses.iter().find_map(TypePattern::problem) {
            return Err(format!("refuses: {problem}"));
        }
        Ok(TypeDef { mutable, all_defined, parameters, refuses, help, fields })
    }
}

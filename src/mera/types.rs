//! Knows every layout that Mera's scale factors and physical constants ever had in a file.
//!
//! All other Mera types kept the layout that they had when JLD2 files began (2022-09-12). The
//! history is data, in `history.toml`: each layout is told as the change from the one before it.

use super::history;
use serde::Deserialize;
use std::sync::LazyLock;

/// Which of the two changing types a layout belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Scale factors: `ScalesType` and its successors.
    Scales,
    /// Physical constants: `PhysicalUnitsType` and its successors.
    Units,
}

/// The fields that a Mera type had for some time. All of them are Float64.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// Scales or units.
    pub kind: Kind,
    /// The Julia type's full name, for instance `Mera.ScalesType001`.
    pub name: String,
    /// The field names in the order in which they are stored.
    pub fields: Vec<String>,
    /// The day of Mera's history that brought this layout, as `YYYY-MM-DD`.
    pub since: String,
    /// What is special about it, if anything.
    pub note: Option<String>,
}

/// All layouts, scales first, each kind oldest first.
pub fn layouts() -> &'static [Layout] {
    static LAYOUTS: LazyLock<Vec<Layout>> = LazyLock::new(|| {
        let history = history::part::<Changes>();
        let mut all = unfold(Kind::Scales, &history.scales);
        all.extend(unfold(Kind::Units, &history.units));
        all
    });
    &LAYOUTS
}

/// The layout of this type with exactly these fields in this order, if Mera ever had it.
pub fn find<S: AsRef<str>>(name: &str, fields: &[S]) -> Option<&'static Layout> {
    layouts().iter().find(|layout| {
        layout.name == name
            && layout.fields.iter().map(String::as_str).eq(fields.iter().map(AsRef::as_ref))
    })
}

/// Whether a Julia type's full name is that of scales or units of any time.
pub fn kind(name: &str) -> Option<Kind> {
    layouts().iter().find(|layout| layout.name == name).map(|layout| layout.kind)
}

/// The layouts in `history.toml`.
#[derive(Debug, Default, Deserialize)]
struct Changes {
    scales: Vec<Change>,
    units: Vec<Change>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Change {
    r#type: String,
    since: String,
    note: Option<String>,
    #[serde(default)]
    fields: Vec<String>,
    #[serde(default)]
    remove: Vec<String>,
    #[serde(default)]
    insert: Vec<Insertion>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Insertion {
    after: String,
    fields: Vec<String>,
}

fn unfold(kind: Kind, steps: &[Change]) -> Vec<Layout> {
    let mut fields: Vec<String> = Vec::new();
    let mut layouts = Vec::with_capacity(steps.len());
    for step in steps {
        fields.extend_from_slice(&step.fields);
        fields.retain(|field| !step.remove.contains(field));
        for insertion in &step.insert {
            if let Some(at) = fields.iter().position(|field| *field == insertion.after) {
                let behind = fields.split_off(at + 1);
                fields.extend_from_slice(&insertion.fields);
                fields.extend(behind);
            }
        }
        layouts.push(Layout {
            kind,
            name: step.r#type.clone(),
            fields: fields.clone(),
            since: step.since.clone(),
            note: step.note.clone(),
        });
    }
    layouts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mera::testdata::Vectors;

    #[test]
    fn the_embedded_history_parses() {
        let parsed: Result<Changes, _> = toml::from_str(history::TEXT);
        assert_eq!(parsed.err().map(|error| error.to_string()), None);
    }

    #[test]
    fn every_revision_of_the_types_in_mera_is_here() {
        let recorded = Vectors::read().layouts;
        for (name, revisions) in &recorded {
            let mine: Vec<_> =
                layouts().iter().filter(|layout| layout.name == *name).map(|l| &l.fields).collect();
            assert_eq!(mine, revisions.iter().collect::<Vec<_>>(), "{name}");
        }
        let known: usize = recorded.values().map(Vec::len).sum();
        assert_eq!(layouts().len(), known);
    }

    #[test]
    fn a_layout_is_found_by_name_and_fields() {
        let newest = layouts().iter().rfind(|layout| layout.kind == Kind::Scales).unwrap();
        assert_eq!(newest.name, "Mera.ScalesType003");
        assert_eq!(find(&newest.name, &newest.fields), Some(newest));
        assert_eq!(find(&newest.name, &newest.fields[1..]), None);
        assert_eq!(find::<&str>("Mera.InfoType", &[]), None);
        assert_eq!(kind("Mera.PhysicalUnitsType001"), Some(Kind::Units));
        assert_eq!(kind("Mera.InfoType"), None);
    }
}

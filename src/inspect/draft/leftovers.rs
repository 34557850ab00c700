//! Drafts rules for what JLD2 left of types that it could not resolve: the new file tells in which module
//! they are.

use super::changed::Drafted;
use super::literal::toml_text;
use super::shapes::{Shape, Types, last};
use std::collections::BTreeMap;

/// What the file's leftovers come to.
#[derive(Default)]
pub(super) struct Leftovers<'t> {
    pub(super) rules: Vec<Drafted>,
    /// The types that they become of, which may have changed as well, as they were.
    pub(super) become_of: Vec<(String, &'t Shape)>,
    /// Names of which the new file has no type.
    pub(super) left: Vec<String>,
    /// What is to be said of others.
    pub(super) said: Vec<String>,
}

/// What JLD2 gives a type that it makes up for a named tuple.
const NAMED_TUPLE: &str = "NamedTuple";

/// Rules for the leftovers of the file with the types `old`.
pub(super) fn leftovers<'t>(old: &'t Types, new: &Types) -> Leftovers<'t> {
    let mut out = Leftovers::default();
    let mut modules: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (bare, shape) in old.leftovers.iter().filter(|(bare, _)| *bare != NAMED_TUPLE) {
        let found: Vec<_> = new.shapes.keys().filter(|name| last(name) == bare).collect();
        match found.as_slice() {
            [] => out.left.push(format!("{bare}, for which JLD2 made up a type")),
            [one] => {
                let module = one.rsplit_once('.').map_or("Main", |(module, _)| module);
                modules.entry(module).or_default().push(bare);
                out.become_of.push(((*one).clone(), shape));
            }
            several => {
                let several: Vec<_> = several.iter().map(|name| name.as_str()).collect();
                out.said.push(format!(
                    "FILL IN: JLD2 made up a type for {bare}, which may be {}: give a rule with `unwrap` \
                     the one that it was",
                    several.join(" or ")
                ));
            }
        }
    }
    let tuples = old.leftovers.contains_key(NAMED_TUPLE);
    if tuples && modules.is_empty() {
        modules.insert("Core", Vec::new());
    }
    for (i, (module, names)) in modules.into_iter().enumerate() {
        let tuples = (tuples && i == 0).then_some(NAMED_TUPLE);
        let patterns =
            names.iter().copied().chain(tuples).flat_map(|name| {
                [toml_text(&format!(":{name}")), toml_text(&format!(":{name}{{*"))]
            });
        let patterns: Vec<_> = patterns.collect();
        let to =
            if names.is_empty() { "Core.NamedTuple".to_owned() } else { format!("{module}.*") };
        let body = format!(
            "why = \"JLD2 made up types for what the new file has in {module}\"\n\
             from = [\"JLD2.ReconstructedMutable\", \"JLD2.ReconstructedStatic\"]\n\
             when = {{ parameter = [{}] }}\n\
             unwrap = {}\n",
            patterns.join(", "),
            toml_text(&to)
        );
        let types = ["JLD2.Reconstructed".to_owned(), to];
        let id = format!("leftovers-of-{}", Drafted::id_of(module));
        out.rules.push(Drafted { id, body, types, lacks: Vec::new(), follows: false });
    }
    out
}

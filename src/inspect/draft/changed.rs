//! Drafts the rule from a type of the old file to what it is in the new one.

use super::alike::{Fates, Pair};
use super::evidence::{Constant, Kind, OfField};
use super::literal::toml_text;
use super::params;
use super::shapes::{Holds, last};
use super::ways::Way;
use crate::text::{count, tame, times};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// A rule that still lacks its id.
pub(super) struct Drafted {
    /// The id that it should have.
    pub(super) id: String,
    /// What follows it.
    pub(super) body: String,
    /// The type that it is for, and that which it makes.
    pub(super) types: [String; 2],
    /// Fields that it cannot give a value, each with the reason: it is not whole.
    pub(super) lacks: Vec<String>,
    /// Whether it is for what another rule of the draft makes.
    pub(super) follows: bool,
}

impl Drafted {
    /// An id for what is done to a type.
    pub(super) fn id_of(name: &str) -> String {
        let plain = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' };
        name.chars().map(plain).collect()
    }

    /// The text of the rule under an id that none of `taken` is, and the id; names that differ in signs or
    /// case alone would have the same.
    pub(super) fn named(&self, taken: &mut BTreeSet<String>) -> (String, String) {
        let mut id = self.id.clone();
        let mut number = 1;
        while !taken.insert(id.clone()) {
            number += 1;
            id = format!("{}-{number}", self.id);
        }
        (format!("[[rule]]\nid = {}\n{}", toml_text(&id), self.body), id)
    }
}

/// Lists texts as TOML writes them.
fn list<'t>(texts: impl IntoIterator<Item = &'t str>) -> String {
    texts.into_iter().map(toml_text).collect::<Vec<_>>().join(", ")
}

impl Pair<'_> {
    /// The rule; none if nothing changes.
    pub(super) fn rule(&self, why: &str) -> Option<Drafted> {
        let fates = self.fates();
        let mut body = String::new();
        if self.to != self.name {
            let _ = writeln!(body, "to = {}", toml_text(self.to));
        }
        let parameters = params::edits(self.was, self.is);
        for line in parameters.iter().flatten() {
            let told = line.starts_with('#');
            let _ = writeln!(body, "{}", if told { tame(line) } else { line.clone() });
        }
        if !fates.renamed.is_empty() {
            let pair = |(a, b): &(String, String)| format!("{} = {}", toml_text(a), toml_text(b));
            let pairs: Vec<_> = fates.renamed.iter().map(pair).collect();
            let _ = writeln!(body, "# A guess: these go, and those come and hold the same");
            let _ = writeln!(body, "rename = {{ {} }}", pairs.join(", "));
        }
        if !fates.gone.is_empty() {
            let names = list(fates.gone.iter().map(String::as_str));
            let _ = writeln!(body, "drop = [{names}]");
        }
        let mut lacks = Vec::new();
        body.push_str(&self.given(&fates, &mut lacks));
        body.push_str(&self.converted(&fates));
        let stay = fates.stay().map(|(_, new)| new);
        let made: Vec<&str> = stay.chain(fates.come.iter().map(|(n, _)| n.as_str())).collect();
        let order: Vec<&str> = fates.is.iter().map(|(n, _)| n.as_str()).collect();
        if made != order {
            let _ = writeln!(body, "order = [{}]", list(order));
        }
        let changes = body.lines().any(|line| !line.starts_with('#'));
        if !changes && lacks.is_empty() {
            return None;
        }
        let mut when = String::new();
        let counts: BTreeSet<usize> = self.was.params.iter().map(Vec::len).collect();
        if let (Some(_), Some(count)) = (&parameters, counts.first().filter(|_| counts.len() == 1))
        {
            let _ = writeln!(when, "when = {{ parameters = {count} }}");
        }
        let why = format!("{why}{} is another type in the new file", last(self.name));
        let (why, from) = (toml_text(&why), toml_text(self.name));
        let body = format!("why = {why}\nfrom = [{from}]\n{when}{body}");
        let types = [self.name.to_owned(), self.to.to_owned()];
        let follows = self.was_left;
        Some(Drafted { id: Drafted::id_of(self.name), body, types, lacks, follows })
    }

    /// What fields are worth that come, with what says so.
    fn given(&self, fates: &Fates, lacks: &mut Vec<String>) -> String {
        let (mut add, mut compute, mut said) = (Vec::new(), Vec::new(), String::new());
        for (name, holds) in &fates.come {
            let seen = self.new.field(self.to, name);
            let carried =
                |way: &&Way| way.sources().iter().all(|of| fates.stay().any(|(_, new)| new == *of));
            let ways: Vec<&Way> = seen.iter().flat_map(|seen| &seen.ways).filter(carried).collect();
            let constant = seen.and_then(|seen| seen.constant.as_ref());
            let field = toml_text(name);
            let mut say = |what: String| {
                let _ = writeln!(said, "# {}", tame(&format!("{name}: {what}")));
            };
            match worth(seen, constant, &ways) {
                Worth::Constant(constant, all) => {
                    say(format!("{} in {all}{}", constant.told, instead(&ways)));
                    add.push(format!("[{field}, {}]", constant.written));
                }
                Worth::Way(way, all) => {
                    let others: Vec<&Way> = ways.iter().copied().filter(|w| *w != way).collect();
                    say(format!("{} in {all}{}", way.told(), instead(&others)));
                    if let Way::Live { hole: false, .. } = way {
                        say("FILL IN, if that is not so where something was deleted: in none of them \
                             it was"
                            .to_owned());
                    }
                    compute.push(format!("[{field}, {}]", way.written()));
                }
                Worth::Unknown(why) => {
                    let default = default(*holds, seen);
                    let told =
                        default.as_ref().map_or(String::new(), |(_, told)| format!("; {told}"));
                    say(format!("FILL IN: {why}{told}"));
                    let Some((value, _)) = default else {
                        lacks.push(tame(&format!("{name}: {why}")));
                        continue;
                    };
                    add.push(format!("[{field}, {value}]"));
                }
            }
        }
        for (key, fields) in [("add", add), ("compute", compute)] {
            if !fields.is_empty() {
                let _ = writeln!(said, "{key} = [{}]", fields.join(", "));
            }
        }
        said
    }

    /// Fields whose values become of other types.
    fn converted(&self, fates: &Fates) -> String {
        let (mut out, mut said) = (Vec::new(), String::new());
        for (was, is) in fates.stay() {
            let holds = |fields: &[(String, Holds)], name: &str| {
                fields.iter().find(|(n, _)| n == name).map(|(_, holds)| *holds)
            };
            let (Some(before), Some(after)) = (holds(&fates.was, was), holds(&fates.is, is)) else {
                continue;
            };
            let bare = |t: &str| t.trim_start_matches("Core.").to_owned();
            let to = match (before, after) {
                (Holds::Number(a), Holds::Number(b)) if a != b => bare(b.name()),
                (Holds::Text, Holds::Symbol) => "Symbol".to_owned(),
                (Holds::Symbol, Holds::Text) => "String".to_owned(),
                (Holds::Reference, Holds::Reference) => {
                    let [old, new] = self.kinds(was, is);
                    match (old.as_slice(), new.as_slice()) {
                        ([Kind::Numbers(a)], [Kind::Numbers(b)]) if a != b => {
                            format!("Array{{{}}}", bare(b))
                        }
                        _ => {
                            if let Some(told) = otherwise(&old, &new) {
                                let told = tame(&format!("{is}: {told}"));
                                let _ = writeln!(said, "# {told}");
                            }
                            continue;
                        }
                    }
                }
                (Holds::Reference, Holds::Number(t)) if self.was_left => {
                    let told = format!(
                        "{is}: refers to a number, of which JLD2 makes a {} on load",
                        t.name()
                    );
                    let _ = writeln!(said, "# {}", tame(&told));
                    continue;
                }
                // JLD2 decides what stands inside a value and what it refers to.
                (Holds::Reference | Holds::Inside, _) | (_, Holds::Reference | Holds::Inside) => {
                    continue;
                }
                (a, b) if a != b => {
                    let told = format!(
                        "{is}: stored otherwise in the new file, which JLD2 converts on load if it can"
                    );
                    let _ = writeln!(said, "# {}", tame(&told));
                    continue;
                }
                _ => continue,
            };
            out.push(format!("{} = {}", toml_text(is), toml_text(&to)));
        }
        if !out.is_empty() {
            let _ = writeln!(said, "convert = {{ {} }}", out.join(", "));
        }
        said
    }
}

/// What a field is worth.
enum Worth<'s> {
    /// This, in so many values.
    Constant(&'s Constant, String),
    /// What follows this way, in so many values.
    Way(&'s Way, String),
    /// It cannot be told, and why.
    Unknown(String),
}

fn worth<'s>(
    seen: Option<&'s OfField>,
    constant: Option<&'s Constant>,
    ways: &[&'s Way],
) -> Worth<'s> {
    let Some(seen) = seen else {
        return Worth::Unknown("the new file has no value that would tell".to_owned());
    };
    let all = match seen.seen {
        1 => "the only value of the new file".to_owned(),
        n => format!("all {} of the new file", count(n, "value")),
    };
    match (constant, ways.first()) {
        (Some(constant), None) => Worth::Constant(constant, all),
        (Some(constant), Some(_)) if constant.neutral => Worth::Constant(constant, all),
        (_, Some(way)) => Worth::Way(way, all),
        (None, None) => {
            let kinds: Vec<_> = seen
                .kinds
                .iter()
                .map(|(kind, n)| format!("{} {}", kind.told(), times(*n)))
                .collect();
            Worth::Unknown(format!(
                "the new file has {}: neither one value that a rule can say, nor what an operation gives",
                kinds.join(", ")
            ))
        }
    }
}

/// What else would do.
fn instead(ways: &[&Way]) -> String {
    match ways {
        [] => String::new(),
        [one] => format!("; so is {}", one.told()),
        [one, more @ ..] => {
            format!("; so is {}, and {} more", one.told(), count(more.len() as u64, "operation"))
        }
    }
}

/// What stands in the place of a value that nothing tells, and how that is said; none where nothing could.
fn default(holds: Holds, seen: Option<&OfField>) -> Option<(String, String)> {
    let held = |kind| seen.is_some_and(|seen| seen.kinds.contains_key(&kind));
    if held(Kind::Nothing) {
        return Some(("\"nothing\"".to_owned(), "nothing is what the rule says".to_owned()));
    }
    if held(Kind::Missing) {
        return Some(("\"missing\"".to_owned(), "missing is what the rule says".to_owned()));
    }
    let told = || "the rule says what stands for nothing in particular".to_owned();
    Some(match holds {
        Holds::Number(t) => {
            let name = t.name().trim_start_matches("Core.").to_lowercase();
            let zero = match name.as_str() {
                "bool" => "false",
                "float32" | "float64" => "0.0",
                _ => "0",
            };
            (format!("{{ {name} = {zero} }}"), told())
        }
        Holds::Text => ("{ string = \"\" }".to_owned(), told()),
        Holds::Symbol => ("{ symbol = \"\" }".to_owned(), told()),
        Holds::Reference | Holds::Inside | Holds::NoContent => return None,
    })
}

/// What to say of a field that holds something else in the new file, which no rule makes of what the old
/// one has.
fn otherwise(old: &[&Kind], new: &[&Kind]) -> Option<String> {
    let plain = |kinds: &[&Kind]| !kinds.is_empty() && kinds.iter().all(|kind| kind.is_plain());
    if !plain(old) || !plain(new) || old.iter().any(|kind| new.contains(kind)) {
        return None;
    }
    let told = |kinds: &[&Kind]| kinds.iter().map(|k| k.told()).collect::<Vec<_>>().join(" or ");
    Some(format!(
        "the old file has {}, the new one {}; where that is a change, no rule makes it",
        told(old),
        told(new)
    ))
}

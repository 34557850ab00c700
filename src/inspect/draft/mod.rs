//! Proposes rules from a file that old packages wrote and one that new ones did.
//!
//! Types go by their names. What a field is worth that only the new type has is taken from what values of
//! the new file show; what they do not show, and which of several guesses is right, a person has to say: the
//! draft marks such places.

mod alike;
mod changed;
mod evidence;
mod leftovers;
mod literal;
mod params;
mod shapes;
mod shipped;
mod tried;
mod ways;

use super::model::Refusal;
use super::unreadable;
use crate::h5::{Checksums, File};
use crate::migrate::target::Target;
use crate::text::{and_more, tame};
use alike::{Pair, likest};
use evidence::Evidence;
use leftovers::leftovers;
use shapes::{Shape, Types, types};
use shipped::Shipped;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

/// What a draft comes to.
#[derive(Debug)]
pub struct Draft {
    /// The text of a rules file.
    pub text: String,
    /// How many rules it has.
    pub rules: usize,
    /// Types of the old file which nothing in the new one looks like, by name.
    pub left: Vec<String>,
    /// Rules that stand in the text as comments alone: the target refuses them, they lack values, or the old
    /// file cannot be converted with them.
    pub refused: usize,
    /// A target of the program that does what the rules are for.
    pub shipped: Option<String>,
}

/// A file that is read.
struct Read {
    file: File,
    types: Types,
}

/// A draft of a rules file that brings the types of the file at `old` to those of the file at `new`,
/// as far as the two tell, and such that `target` takes its rules.
///
/// # Errors
/// A [`Refusal`] of the file that cannot be read.
pub fn draft(
    old: &Path,
    new: &Path,
    target: &Target,
    checksums: Checksums,
) -> std::result::Result<Draft, Box<Refusal>> {
    let read = |path: &Path| {
        let file = unreadable::open_with(path, checksums)?;
        let bytes = file.source().len();
        let types = types(&file).map_err(|e| unreadable::inside(path, bytes, &e))?;
        Ok::<_, Refusal>(Read { file, types })
    };
    let (before, after) = (read(old)?, read(new)?);
    let (was, is) = (&before.types.shapes, &after.types.shapes);
    let found = leftovers(&before.types, &after.types);
    // Which types of the old file are which of the new one.
    let mut pairs: Vec<(&str, &Shape, &str, &str)> = Vec::new();
    let mut left = found.left.clone();
    for (name, shape) in was {
        let made_up = before.types.made_up.get(name).and_then(|was| of_the_name(was, is));
        match (is.get_key_value(name), made_up) {
            (Some((to, _)), _) => pairs.push((name, shape, to, "")),
            (None, Some(to)) => pairs.push((name, shape, to, "JLD2 made up a type: ")),
            (None, None) => match likest(name, shape, was, is) {
                Some(to) => pairs.push((name, shape, to, "a guess: ")),
                None => left.push(name.clone()),
            },
        }
    }
    for (name, shape) in &found.become_of {
        if let (Some((to, _)), false) = (is.get_key_value(name), was.contains_key(name)) {
            pairs.push((to, shape, to, "what JLD2 made up a type for: "));
        }
    }
    let left_of: BTreeMap<&str, &str> =
        found.become_of.iter().map(|(name, _)| (shapes::last(name), name.as_str())).collect();
    let looked = |path: &Path, read: &Read, names: BTreeSet<&str>, deduce| {
        Evidence::of(&read.file, &names, &left_of, deduce)
            .map_err(|e| unreadable::inside(path, read.file.source().len(), &e))
    };
    let seen = [
        looked(old, &before, pairs.iter().map(|pair| pair.0).collect(), false)?,
        looked(new, &after, pairs.iter().map(|pair| pair.2).collect(), true)?,
    ];
    let [seen_old, seen_new] = &seen;
    let pairs = pairs.into_iter().filter_map(|(name, was, to, why)| {
        let was_left = !before.types.shapes.contains_key(name);
        let is = is.get(to)?;
        let pair = Pair { name, was, to, is, was_left, old: seen_old, new: seen_new };
        Some((pair, why))
    });
    let (mut changed, mut rules) = (Vec::new(), found.rules);
    for (pair, why) in pairs {
        if let Some(rule) = pair.rule(why) {
            rules.push(rule);
            changed.push(pair);
        }
    }
    let shipped = Shipped::find(&before.file, target, &changed);
    let mut text = head([old, new], &shipped, &left, &found.said, &seen);
    text.push_str(&stored_otherwise(&before.types, &after.types));
    let mut out = Draft { text, rules: 0, left, refused: 0, shipped: shipped.target };
    out.take(tried::tried(&before.file, target, &rules));
    Ok(out)
}

impl Draft {
    /// Takes in rules that were tried.
    fn take(&mut self, tried: tried::Tried) {
        for (text, problem) in tried.rules {
            match problem {
                None => {
                    self.rules += 1;
                    let _ = write!(self.text, "\n{text}");
                }
                Some(problem) => {
                    self.refused += 1;
                    let _ = writeln!(self.text, "\n# Left out, since {}", tame(&problem));
                    text.lines().for_each(|line| {
                        let _ = writeln!(self.text, "# {line}");
                    });
                }
            }
        }
        if let Some(problem) = tried.problem {
            let _ = writeln!(
                self.text,
                "\n# With these rules the old file cannot be converted: {}",
                tame(&problem)
            );
        }
    }
}

/// The type of the new file of which JLD2 0.4 tells this name, with or without a module.
fn of_the_name<'t>(was: &str, new: &'t BTreeMap<String, Shape>) -> Option<&'t str> {
    let same = |name: &&String| *name == was || name.ends_with(&format!(".{was}"));
    let mut found = new.keys().filter(same);
    let first = found.next()?;
    found.next().is_none().then_some(first.as_str())
}

/// What stands in front of the rules.
fn head(
    paths: [&Path; 2],
    shipped: &Shipped,
    left: &[String],
    said: &[String],
    seen: &[Evidence; 2],
) -> String {
    let [old, new] = paths.map(|path| tame(&path.display().to_string()));
    let mut out =
        format!("# Drafted from {old} and {new}: look it over, above all what is marked.\n");
    let mut say = |line: &str| {
        let _ = writeln!(out, "# {}", tame(line));
    };
    shipped.said().iter().for_each(|line| say(line));
    if !left.is_empty() {
        say(&format!("Nothing in the new file looks like: {}", left.join(", ")));
    }
    said.iter().for_each(|line| say(line));
    for (seen, which) in seen.iter().zip(["old", "new"]) {
        if let Some((number, path, problem)) = &seen.passed_over {
            let more = and_more(number - 1);
            say(&format!(
                "Values of the {which} file that were not looked at: {path}{more} ({problem})"
            ));
        }
    }
    out
}

/// What to say of Julia's own types that are stored otherwise in the new file: nothing is to be done.
fn stored_otherwise(old: &Types, new: &Types) -> String {
    let mut out = String::new();
    for (name, was) in &old.written {
        let Some(is) = new.written.get(name).filter(|is| *is != was) else { continue };
        let list = |of: &BTreeSet<String>| of.iter().cloned().collect::<Vec<_>>().join(" or ");
        let told = format!(
            "{name} is stored as {} in the old file and as {} in the new one; JLD2 reads both, and there \
             is nothing to do",
            list(was),
            list(is)
        );
        let _ = writeln!(out, "# {}", tame(&told));
    }
    out
}

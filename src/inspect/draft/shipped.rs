//! Finds targets of the program that do what a draft is asked for: they know what packages did, where two
//! files only show it.

use super::alike::Pair;
use crate::h5::File;
use crate::migrate::target::Target;
use crate::migrate::{Becoming, becoming};
use crate::text::few;
use std::collections::BTreeMap;

/// The target that modules are tried on, and that is told where the user's cannot have them.
const PLAIN: &str = "julia-2026";
/// Names that are told.
const TOLD: usize = 6;

/// Targets that do what the new file shows.
#[derive(Debug, Default)]
pub(super) struct Shipped {
    /// The name of a target that does some of it, if there is one.
    pub(super) target: Option<String>,
    /// Whether that is the one that the draft is for.
    pub(super) is_given: bool,
    /// The types that it brings to what they are in the new file.
    pub(super) does: Vec<String>,
    /// Those that it does not.
    pub(super) lacks: Vec<String>,
}

impl Shipped {
    /// The target of the program that does most of `changes` to the old file, for whom `given` is named.
    pub(super) fn find(old: &File, given: &Target, changes: &[Pair<'_>]) -> Self {
        if changes.is_empty() {
            return Self::default();
        }
        let names = |of: &dyn Fn(&Pair<'_>) -> bool| -> Vec<String> {
            changes.iter().filter(|pair| of(pair)).map(|pair| pair.name.to_owned()).collect()
        };
        let told = |target: &str, done: &[bool], is_given| {
            let is_done = |pair: &Pair<'_>| {
                changes.iter().zip(done).any(|(other, done)| *done && other.name == pair.name)
            };
            let (does, lacks) = (names(&is_done), names(&|pair| !is_done(pair)));
            Self { target: Some(target.to_owned()), is_given, does, lacks }
        };
        let count = |done: &[bool]| done.iter().filter(|done| **done).count();
        let own = done(old, given, changes);
        if count(&own) == changes.len() {
            return told(&given.name, &own, true);
        }
        let Ok(plain) = Target::named(PLAIN) else { return Self::default() };
        let mut all = done(old, &plain, changes);
        let mut modules = Vec::new();
        let mut packages: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for module in Target::modules() {
            packages.entry(module.package).or_default().push(module.from);
        }
        for (package, versions) in packages {
            // Of modules for one package that which does most of it, the newest of several.
            let mut best: Option<(usize, String, Vec<bool>)> = None;
            for version in versions.iter().rev() {
                let name = format!("{package}@{version}");
                let Ok(target) = Target::named(&format!("{PLAIN}+{name}")) else { continue };
                let more = done(old, &target, changes);
                let more: Vec<bool> = more.iter().zip(&all).map(|(a, b)| *a && !*b).collect();
                let most = best.as_ref().map_or(0, |(most, ..)| *most);
                if count(&more) > most {
                    best = Some((count(&more), name, more));
                }
            }
            if let Some((_, name, more)) = best {
                modules.push(name);
                all.iter_mut().zip(more).for_each(|(all, more)| *all |= more);
            }
        }
        if count(&all) == 0 {
            return Self::default();
        }
        let with = |base: &str| -> String {
            modules.iter().fold(base.to_owned(), |name, module| format!("{name}+{module}"))
        };
        let base = given.name.split('+').next().unwrap_or_default();
        let own = with(base);
        let fits = Target::named(&own).is_ok_and(|target| count(&done(old, &target, changes)) > 0);
        told(&if fits { own } else { with(PLAIN) }, &all, false)
    }

    /// What to say of it at the head of a draft, line by line.
    pub(super) fn said(&self) -> Vec<String> {
        let Some(target) = &self.target else { return Vec::new() };
        let does = few(&self.does, TOLD);
        let mut lines = if self.is_given {
            vec![format!(
                "The target {target} does this by itself, without any rules of yours: {does}."
            )]
        } else {
            vec![
                format!("--target {target} does this, without any rules of yours: {does}."),
                "It knows what the packages did, where these files only show it; what follows says the \
                 same as far as they do."
                    .to_owned(),
            ]
        };
        if !self.lacks.is_empty() {
            lines.push(format!("It does not: {}.", few(&self.lacks, TOLD)));
        }
        lines
    }
}

/// Which changes a target makes of the old file.
fn done(old: &File, target: &Target, changes: &[Pair<'_>]) -> Vec<bool> {
    let concerned = changes.iter().any(|pair| target.concerns(pair.name));
    let made = if concerned { becoming(old, target).unwrap_or_default() } else { Vec::new() };
    changes.iter().map(|pair| is_made(pair, &made)).collect()
}

/// Whether values of a type come to what they are in the new file.
fn is_made(pair: &Pair<'_>, made: &[Becoming]) -> bool {
    let is = pair.is.with_content();
    let ghost = |name: &String| !is.iter().any(|(field, _)| field == name);
    let mut of = made.iter().filter(|made| made.from.name() == pair.name).peekable();
    of.peek().is_some()
        && of.all(|made| {
            let fields = made.fields.iter().filter(|name| {
                // Of fields without content not every file tells.
                !(ghost(name) && pair.is.fields.iter().any(|(field, _)| field == *name))
            });
            let counts = pair.is.params.iter().any(|p| p.len() == made.to.params().len());
            made.to.name() == pair.to && counts && fields.eq(is.iter().map(|(name, _)| name))
        })
}

//! Compares an old file with the new one that a conversion made of it: what rules explain, and what
//! not.
//!
//! Rules need no second implementation here. The old file is planned for the target, with the same
//! planner as for a conversion, and read with the edits laid over it: that is the file which the new
//! one must equal in every value, type, attribute and link, whatever its layout and codecs. How
//! many changes that explains is then what the expected file differs in from the old one, which
//! costs no second look at columns.
//!
//! Some requests leave traces in the new file only: another codec, links to columns by name. They
//! are taken from what the new file holds, and it must hold to them throughout.

use super::compare::differences;
use super::comparison::{Comparison, Difference, Differences, Verdict, What};
use super::encodings::{self, Codecs, Encodings};
use super::let_pass;
use super::model::Refusal;
use super::side::at_once;
use super::view::{Progress, View};
use crate::h5::{self, Checksums, File, Source};
use crate::inspect::unreadable;
use crate::julia::Digests;
use crate::migrate::edit::EditList;
use crate::migrate::target::Target;
use crate::migrate::{Migration, PlanError, flat_tables, plan_for};
use crate::text::count;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

/// Compares the file at `old` with what became of it, at `new`. Rules of `target` explain
/// differences; without one, nothing does. Values may nest deeply;
/// [`on_deep_stack`](crate::julia::on_deep_stack) is the place for this.
///
/// `progress` is told of logical bytes that were read.
///
/// # Errors
/// A [`Refusal`] of the file that cannot be read. A dataset that cannot be read is a difference.
pub fn verify(
    old: &Path,
    new: &Path,
    target: Option<&Target>,
    progress: &(dyn Fn(u64) -> h5::Result<()> + Sync),
) -> Result<Comparison, Box<Refusal>> {
    verify_with(old, new, target, Checksums::Trusted, progress)
}

/// As [`verify`], with checksums that decide or not.
///
/// # Errors
/// As [`verify`].
pub fn verify_with(
    old: &Path,
    new: &Path,
    target: Option<&Target>,
    checksums: Checksums,
    progress: &(dyn Fn(u64) -> h5::Result<()> + Sync),
) -> Result<Comparison, Box<Refusal>> {
    verify_by(1, old, new, target, checksums, progress)
}

/// As [`verify_with`], by so many `threads`; of more than two the others have nothing to do. What is told
/// does not depend on their number.
///
/// # Errors
/// As [`verify`].
pub fn verify_by(
    threads: usize,
    old: &Path,
    new: &Path,
    target: Option<&Target>,
    checksums: Checksums,
    progress: &(dyn Fn(u64) -> h5::Result<()> + Sync),
) -> Result<Comparison, Box<Refusal>> {
    let open = |path| unreadable::open_with(path, checksums);
    let files = [open(old)?, open(new)?];
    let digests = [Digests::default(), Digests::default()];
    let views = at_once(
        threads,
        || View::of(old, &files[0], &digests[0]),
        || View::of(new, &files[1], &digests[1]),
    );
    let (views, digests) = (&[views.0?, views.1?], &digests[0]);
    let pair = Pair { old, new, files: &files, views, digests, threads, progress };
    let mut comparison = match target {
        None => pair.bare(),
        Some(target) => pair.explained(target),
    }?;
    if checksums == Checksums::Ignored {
        let [in_old, in_new] = &files;
        comparison.let_pass(let_pass::count(in_old), let_pass::count(in_new));
    }
    Ok(comparison)
}

/// Compares the files at `a` and `b`, and lets nothing explain their differences: [`verify`] without
/// a target.
///
/// # Errors
/// As [`verify`].
pub fn compare(a: &Path, b: &Path) -> Result<Comparison, Box<Refusal>> {
    verify(a, b, None, &|_| Ok(()))
}

/// Both files.
struct Pair<'p> {
    old: &'p Path,
    new: &'p Path,
    files: &'p [File; 2],
    views: &'p [View<'p>; 2],
    /// Of columns of the old file, and of what lies over it.
    digests: &'p Digests,
    threads: usize,
    progress: Progress<'p>,
}

/// What the old file may have been made into.
struct Attempt {
    differences: Differences,
    /// What rules do to it; none where it is taken as it is.
    changed: Option<Changed>,
}

struct Changed {
    migration: Migration,
    file: File,
    codecs: Codecs,
}

impl Pair<'_> {
    fn named(&self, differences: Differences) -> Comparison {
        differences.of(self.old.display().to_string(), self.new.display().to_string())
    }

    fn bare(&self) -> Result<Comparison, Box<Refusal>> {
        self.compare(&self.views[0], &self.views[1], &HashSet::new()).map(|d| self.named(d))
    }

    fn compare(
        &self,
        a: &View<'_>,
        b: &View<'_>,
        added: &HashSet<String>,
    ) -> Result<Differences, Box<Refusal>> {
        differences(a, b, added, self.threads, self.progress)
            .map_err(|e| self.refused(0, &e).into())
    }

    fn refused(&self, which: usize, error: &h5::Error) -> Refusal {
        let [old, new] = self.files;
        let (path, file) = if which == 0 { (self.old, old) } else { (self.new, new) };
        unreadable::inside(path, file.source().len(), error)
    }

    fn explained(&self, target: &Target) -> Result<Comparison, Box<Refusal>> {
        let [old, new] = self.files;
        let [old_view, new_view] = self.views;
        let (before, after) = at_once(self.threads, || Encodings::of(old), || Encodings::of(new));
        let columns =
            [before.map_err(|e| self.refused(0, &e))?, after.map_err(|e| self.refused(1, &e))?];
        let levels = encodings::levels(target, new_view.types(), new_view.contents())
            .map_err(|e| self.refused(1, &e))?;
        let flat = self.gained_links()?;
        let mut best: Option<Attempt> = None;
        let mut unplanned = None;
        let mut as_it_is = false;
        let candidates = encodings::expected(target, &columns[0], &columns[1], &levels);
        for codecs in candidates.into_iter().map(Some).chain([None]) {
            let changed = match codecs {
                None => None,
                Some(codecs) => match plan_for(old, target, &codecs.request(flat)) {
                    Ok(migration) => self.changed(migration, codecs)?,
                    Err(PlanError::Read(e)) => return Err(self.refused(0, &e).into()),
                    Err(error) => {
                        unplanned.get_or_insert_with(|| error.to_string());
                        continue;
                    }
                },
            };
            // What no rule concerns is compared as it is, once.
            if changed.is_none() && std::mem::replace(&mut as_it_is, true) {
                continue;
            }
            let attempt = self.attempt(changed, target, &columns)?;
            let total = attempt.differences.total();
            if best.as_ref().is_none_or(|best| total < best.differences.total()) {
                best = Some(attempt);
            }
            if total == 0 {
                break;
            }
        }
        let Some(best) = best else {
            // Taking the file as it is was the last attempt, so there is one.
            return self.bare();
        };
        self.told(best, target, &columns[1], unplanned, old_view)
    }

    /// Whether the new file has groups of links to columns that the old one lacks.
    fn gained_links(&self) -> Result<bool, Box<Refusal>> {
        let [old, new] = self.views;
        // To look for tables takes a look at every dataset.
        if !new.contents().may_link_to_columns() {
            return Ok(false);
        }
        let tables = flat_tables(old.types()).map_err(|e| self.refused(0, &e))?;
        if tables.is_empty() {
            return Ok(false);
        }
        let groups: HashSet<&str> = tables.iter().map(|table| &*table.group).collect();
        let has = |view: &View<'_>| -> h5::Result<HashSet<Arc<str>>> {
            let mut found = HashSet::new();
            for linked in view.contents().iter() {
                let path = linked?.path;
                if groups.contains(&*path) {
                    found.insert(path);
                }
            }
            Ok(found)
        };
        let before = has(old).map_err(|e| self.refused(0, &e))?;
        let after = has(new).map_err(|e| self.refused(1, &e))?;
        Ok(after.iter().any(|group| !before.contains(group)))
    }

    /// The old file with what a migration does to it laid over; none if that is nothing.
    fn changed(
        &self,
        migration: Migration,
        codecs: Codecs,
    ) -> Result<Option<Changed>, Box<Refusal>> {
        let Some(edits) = &migration.edits else { return Ok(None) };
        let file = overlaid(&self.files[0], edits).map_err(|e| self.refused(0, &e))?;
        Ok(Some(Changed { migration, file, codecs }))
    }

    fn attempt(
        &self,
        changed: Option<Changed>,
        target: &Target,
        columns: &[Encodings; 2],
    ) -> Result<Attempt, Box<Refusal>> {
        let [old_view, new_view] = self.views;
        let none = HashSet::new();
        let [before, after] = columns;
        let (mut differences, fits) = match &changed {
            None => {
                let fits = before == after || after.kept(before, target);
                (self.compare(old_view, new_view, &none)?, fits)
            }
            Some(changed) => {
                let expected = View::of(self.old, &changed.file, self.digests)?;
                let differences = self.compare(&expected, new_view, &none)?;
                let fits = match changed.codecs {
                    Codecs::Kept => {
                        let expected = Encodings::of(&changed.file);
                        after.kept(&expected.map_err(|e| self.refused(0, &e))?, target)
                    }
                    // The request was taken from the columns.
                    Codecs::Name(_) => true,
                };
                (differences, fits)
            }
        };
        if !fits && let Some(object) = encodings::objects(target, new_view.contents()).next() {
            let object = object.map_err(|e| self.refused(1, &e))?;
            let sides =
                [before, after].map(|e| Some(format!("codec of the columns: {}", e.describe())));
            differences.add(&object.path, "", What::Encoding, sides);
        }
        Ok(Attempt { differences, changed })
    }

    fn told(
        &self,
        best: Attempt,
        target: &Target,
        columns: &Encodings,
        unplanned: Option<String>,
        old_view: &View<'_>,
    ) -> Result<Comparison, Box<Refusal>> {
        let mut out = self.named(best.differences);
        out.strict = false;
        if let Some(changed) = &best.changed {
            let links = &changed.migration.links;
            let added: HashSet<String> = links
                .iter()
                .flat_map(|link| {
                    let group = link.rsplit_once('/').map(|(group, _)| group.to_owned());
                    [Some(link.clone()), group]
                })
                .flatten()
                .collect();
            let expected = View::of(self.old, &changed.file, self.digests)?;
            let changes = self.compare(old_view, &expected, &added)?;
            out.explained = changes.total();
            out.changes = changes.found;
            out.links_added = links.len() as u64;
            // Links are told as such, not as datasets.
            out.compared = out.compared.saturating_sub(out.links_added);
            if out.explained > 0 {
                out.rules = rules(&changed.migration);
            }
            if matches!(changed.codecs, Codecs::Name(_)) {
                out.recoded = Some(columns.describe());
            }
            if out.equal && out.explained + out.links_added > 0 {
                out.verdict = Verdict::Explained;
            }
        }
        if !out.equal {
            out.expected = Some(match &best.changed {
                Some(_) => format!(
                    "as the rules for {} make it ({})",
                    target.name,
                    count(out.explained, "change")
                ),
                None => "as it is".to_owned(),
            });
            // No rule gives objects another order, or makes them unreadable.
            let ruled = |d: &Difference| {
                !matches!(
                    d.what,
                    What::Unreadable
                        | What::NotCompared
                        | What::Order
                        | What::Sharing
                        | What::Encoding
                )
            };
            out.hint = match unplanned {
                Some(problem) => Some(format!(
                    "the rules cannot be carried out on A, so what they would change is not known: \
                     {problem}"
                )),
                None if out.differences.iter().any(ruled) => Some(
                    "where B was made with rules of your own or for another target, give them: \
                     --rules FILE, --target NAME; --strict compares without any"
                        .to_owned(),
                ),
                None => None,
            };
        }
        Ok(out)
    }
}

/// A file with edits laid over it.
fn overlaid(file: &File, edits: &EditList) -> h5::Result<File> {
    let Some(handle) = file.source().file() else {
        return Err(h5::Error::io(0, std::io::ErrorKind::Unsupported.into()));
    };
    let handle = handle.try_clone().map_err(|e| h5::Error::io(0, e))?;
    File::with_checksums(edits.laid_over(Source::from_file(handle)?), file.checksums())
}

/// How many objects each rule changes.
fn rules(migration: &Migration) -> BTreeMap<String, u64> {
    let mut out = BTreeMap::new();
    for finding in &migration.findings {
        // Links are told by themselves.
        if let Some(rule) = finding.rule.as_ref().filter(|rule| *rule != "flat-links") {
            *out.entry(rule.clone()).or_default() += finding.count;
        }
    }
    out
}

//! Checks an output's structure: what is in it is what was planned, and where it was planned.

use super::expected::old;
use super::graph::SameForm;
use super::known::{Checker, Known, Unlike};
use super::linked::LinkedOnce;
use super::{Check, MadeBy, bytes, form, graph, metadata, walk};
use crate::convert::planned::read_failure;
use crate::convert::{Failure, VerifyLevel};
use crate::h5::{self, Checksums, File, Region};
use crate::julia::{Paths, TypeTable};
use crate::migrate::{Along, LargeColumns, Readers, Request, Survey, plan_along};
use std::borrow::Cow;
use std::fs;

/// What the check of an output's structure finds.
pub(super) struct Structure<'a> {
    /// What readers that are built on HDF5 make of it.
    pub(super) readers: Readers,
    /// Which of its columns are large.
    pub(super) columns: Cow<'a, LargeColumns>,
    /// Digest of its metadata, see [`Checked::metadata`](super::Checked::metadata).
    pub(super) metadata: Option<String>,
}

impl Check<'_> {
    /// Of a small file that is copied as it is, and whose copy was compared with it in whole: checks
    /// that it is also what was read when it was planned that nothing is to be done. There is no
    /// more to be found in it then; what readers make of it is what they make of the input. `None`
    /// for all others.
    pub(super) fn same_file(&self, output: &File) -> Result<Option<Structure<'_>>, Failure> {
        let planned = self.planned;
        let whole = matches!(self.made_by, MadeBy::Copy { .. }) && self.level >= VerifyLevel::Bytes;
        // All that planning read is kept in the source, and is what is compared here.
        // Where checksums of the input were not believed, the output's still have to hold.
        let believed = planned.file.checksums() == Checksums::Trusted;
        if !whole || !believed || self.changed() || planned.regions.is_empty() {
            return Ok(None);
        }
        metadata::compare(planned.file.source(), output.source(), &planned.regions)
            .map_err(|what| self.bad(what))?;
        let Survey { portable, large_columns, .. } = &planned.migration.survey;
        let columns = Cow::Borrowed(large_columns);
        Ok(Some(Structure { readers: portable.readers, columns, metadata: None }))
    }

    /// What is taken down on the walk through the output.
    pub(super) fn along<'f>(&self, output: &'f File) -> Along<'f> {
        let along = Along::default().with_regions();
        // Of a copy it is the input's; in place nobody asks for it.
        let other = !matches!(self.made_by, MadeBy::InPlace) && self.changed();
        if other { along.with_digest(output) } else { along }
    }

    /// Whether the output is to be another file than the input.
    fn changed(&self) -> bool {
        self.planned.rewritten || self.planned.migration.edits.is_some()
    }

    /// All invariants and checksums hold, no two objects share bytes, all metadata and the linked
    /// datasets are as planned, and nothing is left to be done. Says what readers that are built on
    /// HDF5 make of it, which columns are large, and gives the digest of the metadata. If `alone`, nobody
    /// lists the datasets meanwhile.
    pub(super) fn structure(
        &self,
        types: &TypeTable<'_>,
        file: &fs::File,
        (listed, alone): (&LinkedOnce, bool),
    ) -> Result<Structure<'_>, Failure> {
        let (planned, output) = (self.planned, types.file());
        // A rewrite chooses layouts itself; what HDF5 makes of them is told.
        let (flat_links, portable) = (planned.flat_links, planned.portable && !planned.rewritten);
        let request = Request { flat_links, portable, ..Request::default() };
        let uncompared = |e: h5::Error| self.bad(format!("metadata cannot be compared: {e}"));
        let laid_out = match self.made_by {
            MadeBy::Rewrite { .. } => Some(planned.as_planned().map_err(uncompared)?),
            MadeBy::Copy { .. } | MadeBy::InPlace => None,
        };
        let mut graph = laid_out.as_ref().map(|laid_out| graph::Comparison::new(laid_out, output));
        let along = self.along(output);
        let along = if alone { along.with_datasets(output) } else { along };
        let along = match &mut graph {
            Some(graph) => along.with_objects_for(graph),
            None => along,
        };
        let again = plan_along(types, self.target, &request, along);
        let (again, mut along) = again.map_err(|e| self.bad(format!("the output: {e}")))?;
        if !unread(&again.survey).eq(unread(&planned.migration.survey)) {
            return Err(self.bad("other datasets than before cannot be read"));
        }
        listed.known(along.take_datasets());
        let digest = along.digest();
        let regions = self.disjoint(along.into_regions()).map_err(|what| self.bad(what))?;
        let same = match graph {
            Some(graph) => graph.finish(),
            None => self.metadata(output, file, &regions).map(|()| SameForm::default()),
        };
        let same = same.map_err(|what| self.bad(what))?;
        let linked = listed.of(output, |new| self.linked(types, new, &same));
        linked.map_err(|e| self.bad(format!("the output is damaged: {e}")))??;
        if again.edits.is_some() || (planned.rewritten && again.rewrite.is_some()) {
            // What a rule is for is what is left to do.
            let by_rule = again.findings.iter().find(|finding| finding.rule.is_some());
            let left = by_rule.or(again.findings.first()).map(ToString::to_string);
            let left = left.unwrap_or_default();
            return Err(self.bad(format!("the output still needs changes: {left}")));
        }
        let Survey { portable, large_columns, .. } = again.survey;
        let columns = Cow::Owned(large_columns);
        Ok(Structure { readers: portable.readers, columns, metadata: digest })
    }

    /// Sorts the bytes in use. We let no two objects share any; an input that does and is not
    /// changed is copied as it is.
    pub(super) fn disjoint(&self, regions: Vec<Region>) -> Result<Vec<Region>, String> {
        let overlap = walk::disjoint(&regions);
        if self.changed() {
            overlap?;
        }
        Ok(regions)
    }

    /// The metadata are those of the input with the planned changes.
    fn metadata(&self, output: &File, file: &fs::File, regions: &[Region]) -> Result<(), String> {
        let unread = |e: h5::Error| format!("metadata cannot be compared: {e}");
        match self.made_by {
            MadeBy::Copy { .. } => {
                let planned = self.planned.planned_bytes().map_err(unread)?;
                metadata::compare(&planned, output.source(), regions)?;
            }
            // Its objects are compared one by one.
            MadeBy::Rewrite { .. } => return Ok(()),
            MadeBy::InPlace => {
                let found = metadata::digest(output.source(), regions).map_err(unread)?;
                if self.expected.metadata != Some(found) {
                    return Err("the metadata are not those that were planned".to_owned());
                }
            }
        }
        if self.level >= VerifyLevel::Bytes {
            // All that was appended and replaced was compared when it was read back from the disk.
            return Ok(());
        }
        // Between appended objects there are bytes, too.
        self.planned.migration.edits.as_ref().map_or(Ok(()), |e| bytes::applied(file, e))
    }

    /// The linked datasets are the planned ones, of the planned type, shape and place.
    fn linked(&self, types: &TypeTable<'_>, new: &Paths, same: &SameForm) -> Result<(), Failure> {
        let output = types.file();
        let damaged = |e: h5::Error| self.bad(format!("the output is damaged: {e}"));
        let (planned, expected) = (self.planned, &self.expected.datasets);
        if expected.len() != new.len() {
            return Err(self.bad(format!("{} datasets became {}", expected.len(), new.len())));
        }
        let old_types = planned.renamed_types();
        let end = planned.file.superblock().end_of_file;
        let mut forms = self.expected.forms.as_ref().map(Known::check);
        for (linked, found) in expected.iter().zip(new) {
            let linked = linked.map_err(|e| read_failure(self.path, &e))?;
            let found = found.map_err(damaged)?;
            let (old_path, old_addr) = (&linked.path, old(&linked));
            let (new_path, new_addr) = (&found.path, found.addr);
            if old_path != new_path {
                return Err(self.bad(format!("dataset {old_path} became {new_path}")));
            }
            let Some(old_addr) = old_addr else { continue };
            let replaced = planned.migration.overrides.objects.contains_key(&old_addr);
            let appended = output.offset(new_addr, "dataset").map_err(damaged)? >= end;
            let stayed = old_addr == new_addr;
            if !planned.rewritten && (replaced != appended || !(replaced || stayed)) {
                return Err(self.bad(format!(
                    "dataset {old_path} was to stay at {old_addr}, not at {new_addr}"
                )));
            }
            // Type, shape and size of the two were compared where nothing but the layout changes.
            if !replaced && planned.migration.edits.is_none() && same.knows(old_addr, new_addr) {
                continue;
            }
            if let Some(forms) = &mut forms {
                let found = form::found(planned, types, old_addr, new_addr).map_err(damaged)?;
                forms.next(old_path, &found).map_err(|e| self.unlike(old_path, &found, &e))?;
                continue;
            }
            let (sides, addrs) = ([&old_types, types], [old_addr, new_addr]);
            if form::is_same(planned, sides, addrs).is_ok_and(|same| same) {
                continue;
            }
            let form = form::planned(planned, &old_types, old_addr);
            let form = form.map_err(|e| read_failure(self.path, &e.in_object(old_path)))?;
            let found = form::found(planned, types, old_addr, new_addr).map_err(damaged)?;
            if form != found {
                return Err(self.unlike(old_path, &found, &Unlike::This(Some(&form))));
            }
        }
        match forms.map(Checker::finish) {
            Some(Err(Unlike::From(path))) => Err(self.unlike("", "", &Unlike::From(path))),
            _ => Ok(()),
        }
    }

    /// The dataset at `path` is not what was planned.
    fn unlike(&self, path: &str, found: &str, unlike: &Unlike<'_, String>) -> Failure {
        self.bad(match unlike {
            Unlike::This(form) => {
                let form = form.map_or("nothing", String::as_str);
                format!("dataset {path} is {found}, planned was {form}")
            }
            Unlike::From(first) => {
                format!("dataset {first}, or one of the next 255, is not what was planned")
            }
        })
    }
}

/// Paths of the datasets that JLD2 does not read.
fn unread(survey: &Survey) -> impl Iterator<Item = &str> {
    survey.unread.iter().map(|(path, _)| &**path)
}

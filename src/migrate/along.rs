//! What else is taken down on the one walk through a file that a plan is made from.

use super::examine::Examiner;
use super::finding::{Finding, Findings};
use crate::h5::{Edge, Error, File, MetadataDigest, Object, Region, Regions, Result, Visitor};
use crate::julia::{DatasetsAlong, Paths};

/// What is taken down beside the survey, where it is asked for.
#[derive(Default)]
pub struct Along<'a> {
    regions: Option<Regions>,
    digest: Option<MetadataDigest<'a>>,
    examiner: Option<Examiner<'a>>,
    datasets: Option<DatasetsAlong<'a>>,
    visitor: Option<&'a mut dyn Visitor>,
}

impl std::fmt::Debug for Along<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { regions, digest, examiner, datasets, visitor: _ } = self;
        let mut told = f.debug_struct("Along");
        told.field("regions", regions).field("digest", digest).field("examiner", examiner);
        told.field("datasets", datasets);
        told.finish_non_exhaustive()
    }
}

impl<'a> Along<'a> {
    /// Also takes down which bytes are in use.
    #[must_use]
    pub fn with_regions(self) -> Self {
        Self { regions: Some(Regions::default()), ..self }
    }

    /// Also takes the digest of the metadata of `file`, which is the one that is walked.
    #[must_use]
    pub fn with_digest(self, file: &'a File) -> Self {
        Self { digest: Some(MetadataDigest::new(file)), ..self }
    }

    /// Also looks into each object for what only that shows; `examiner` is of the file that is walked.
    #[must_use]
    pub fn with_examiner(self, examiner: Examiner<'a>) -> Self {
        Self { examiner: Some(examiner), ..self }
    }

    /// Also lists the linked datasets of `file`, which is the one that is walked.
    #[must_use]
    pub fn with_datasets(self, file: &'a File) -> Self {
        Self { datasets: Some(DatasetsAlong::new(file)), ..self }
    }

    /// Also tells `visitor` of each object that is met, and of nothing else.
    #[must_use]
    pub fn with_objects_for(self, visitor: &'a mut dyn Visitor) -> Self {
        Self { visitor: Some(visitor), ..self }
    }

    /// What was found in objects, with the findings of the plan, the worst first.
    pub fn into_findings(self, planned: Vec<Finding>) -> Vec<Finding> {
        let mut all = Findings::of(planned);
        let found = self.examiner.map(Examiner::into_findings).unwrap_or_default();
        found.into_iter().for_each(|finding| all.add(finding));
        all.into_sorted()
    }

    /// The bytes in use, sorted by their first byte; empty if they were not asked for.
    pub fn into_regions(self) -> Vec<Region> {
        self.regions.map(Regions::sorted).unwrap_or_default()
    }

    /// [`metadata_digest`](crate::h5::metadata_digest) of the file; `None` if it was not asked
    /// for or could not be taken.
    pub fn digest(&self) -> Option<String> {
        self.digest.as_ref().map(MetadataDigest::finish)
    }

    /// The linked datasets that can be read, sorted by path; `None` if they were not asked for, or have to
    /// be listed on a walk of their own. To be called once.
    pub fn take_datasets(&mut self) -> Option<Paths> {
        self.datasets.take().and_then(DatasetsAlong::finish)
    }

    /// Takes down a dataset that JLD2 does not read.
    pub(super) fn unread(&mut self, path: &str) {
        self.digested(|digest| {
            digest.unread(path);
            Ok(())
        });
    }

    /// A file of which some byte cannot be digested is like no other, and may yet be planned for.
    fn digested(&mut self, take: impl FnOnce(&mut MetadataDigest<'a>) -> Result<()>) {
        if self.digest.as_mut().is_some_and(|digest| take(digest).is_err()) {
            self.digest = None;
        }
    }
}

/// Datasets that JLD2 does not read are passed over: files are copied with what they have of them.
impl Visitor for Along<'_> {
    fn object(&mut self, object: &Object, path: &str) -> Result<()> {
        self.digested(|digest| digest.object(object, path));
        self.visitor.as_mut().map_or(Ok(()), |visitor| visitor.object(object, path))?;
        self.examiner.as_mut().map_or(Ok(()), |examiner| examiner.object(object, path))
    }

    fn linked(&mut self, object: &Object, path: &str) -> Result<()> {
        self.datasets.as_mut().map_or(Ok(()), |datasets| datasets.linked(object, path))
    }

    fn linked_again(&mut self, edge: &Edge) {
        if let Some(datasets) = &mut self.datasets {
            datasets.linked_again(edge);
        }
    }

    fn foreign(&mut self, path: &str, error: Error) -> Result<()> {
        if !error.is_foreign_dataset() {
            return Err(error);
        }
        self.unread(path);
        Ok(())
    }

    fn region(&mut self, region: Region) -> Result<()> {
        if let Some(regions) = &mut self.regions {
            regions.push(region);
        }
        self.digested(|digest| digest.region(region));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::h5::metadata_digest;
    use crate::julia::TypeTable;
    use crate::migrate::target::Target;
    use crate::migrate::{Request, plan_along};
    use std::path::Path;

    #[test]
    fn the_digest_along_a_plan_is_that_of_a_walk_of_its_own() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera");
        let target = Target::builtin(Target::default_name()).unwrap();
        for name in ["e4b-lz4/output_00100.jld2", "e4b-none/output_00021.jld2"] {
            let file = File::open(&root.join(name)).unwrap();
            let types = TypeTable::new(&file);
            let along = Along::default().with_digest(&file).with_regions();
            let planned = plan_along(&types, &target, &Request::default(), along);
            let (_, along) = planned.unwrap();
            assert_eq!(along.digest(), metadata_digest(&file).ok(), "{name}");
            assert!(along.into_regions().len() > 10, "{name}");
            let planned =
                plan_along(&types, &target, &Request::default(), Along::default()).unwrap();
            assert_eq!(planned.1.digest(), None);
        }
    }
}

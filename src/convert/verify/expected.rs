//! Tells what an output must hold, by the plan for its input.

use super::super::planned::{Planned, read_failure};
use super::super::{Failure, Observer, Phase, VerifyLevel};
use super::{content, form, metadata};
use crate::h5::{self, Region, RelAddr, Trace, Visitor};
use crate::julia::{Digest, Dumper, TypeTable, readable};
use std::cell::Cell;
use std::path::Path;

/// What the output must hold. Taken before the input changes, if it is changed in place.
pub(in super::super) struct Expected {
    /// By path.
    pub(super) datasets: Vec<Linked>,
    /// Digest of the metadata as planned, if the input does not stay to be compared with.
    pub(super) metadata: Option<u128>,
}

/// A linked dataset of the output.
pub(super) struct Linked {
    pub(super) path: String,
    /// Where it is in the input, and what it is; none if this link to it is new.
    pub(super) old: Option<(RelAddr, String)>,
    /// Digest of the value if contents are compared.
    pub(super) value: Option<u128>,
}

impl Expected {
    /// What the plan for the input at `path` makes of it.
    pub(in super::super) fn of(
        path: &Path,
        planned: &Planned,
        level: VerifyLevel,
        in_place: bool,
        observer: &dyn Observer,
    ) -> Result<Self, Failure> {
        let failed = |e: h5::Error| read_failure(path, &e);
        if level == VerifyLevel::None {
            return Ok(Self { datasets: Vec::new(), metadata: None });
        }
        let migration = &planned.migration;
        let types = TypeTable::with_renames(&planned.file, migration.renames.clone());
        let tick = Ticker::new(migration.survey.payload_bytes, observer);
        let tick = |bytes| tick.tick(bytes);
        let dumper = Dumper::new(&types, Digest::Xxh3)
            .with_overrides(&migration.overrides)
            .with_progress(&tick);
        let mut out = Vec::new();
        for (name, addr) in readable(&planned.file).map_err(failed)? {
            let failed = |e: h5::Error| failed(e.in_object(&name));
            let form = form::planned(planned, &types, addr).map_err(failed)?;
            let value = if level >= VerifyLevel::Content {
                Some(content::digest(&dumper, addr).map_err(failed)?)
            } else {
                None
            };
            out.push(Linked { path: name, old: Some((addr, form)), value });
        }
        // These lead to objects whose values are compared where they were linked before; that they
        // lead there is known when the output needs no more links.
        let added = migration.links.iter();
        out.extend(added.map(|path| Linked { path: path.clone(), old: None, value: None }));
        out.sort_by(|a, b| a.path.cmp(&b.path));
        let metadata =
            if in_place { Some(planned_metadata(planned).map_err(failed)?) } else { None };
        Ok(Self { datasets: out, metadata })
    }
}

/// Digest of the metadata as the plan leaves them.
fn planned_metadata(planned: &Planned) -> h5::Result<u128> {
    struct Regions(Vec<Region>);
    impl Visitor for Regions {
        fn foreign(&mut self, _: &str, error: h5::Error) -> h5::Result<()> {
            if error.is_foreign_dataset() { Ok(()) } else { Err(error) }
        }
        fn region(&mut self, region: Region) -> h5::Result<()> {
            self.0.push(region);
            Ok(())
        }
    }
    let file = planned.as_planned()?;
    let mut regions = Regions(Vec::new());
    Trace::run(&file, &mut regions)?;
    regions.0.sort_by_key(|r| (r.start, r.end));
    metadata::digest(file.source(), &regions.0)
}

/// Counts bytes for an observer.
pub(super) struct Ticker<'a> {
    done: Cell<u64>,
    total: u64,
    observer: &'a dyn Observer,
}

impl<'a> Ticker<'a> {
    pub(super) fn new(total: u64, observer: &'a dyn Observer) -> Self {
        Self { done: Cell::new(0), total, observer }
    }

    pub(super) fn tick(&self, bytes: u64) -> h5::Result<()> {
        self.done.set(self.done.get() + bytes);
        self.observer.progress(Phase::Verify, self.done.get().min(self.total), self.total);
        if self.observer.cancelled() { Err(h5::Error::cancelled()) } else { Ok(()) }
    }
}

//! Tells what an output must hold, by the plan for its input.

use super::super::planned::{Planned, read_failure};
use super::super::{Failure, Observer, Phase, VerifyLevel};
use super::{content, form, metadata};
use crate::h5::{self, RelAddr, Trace};
use crate::julia::{Digest, Dumper, readable};
use crate::migrate::Along;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

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
    /// Where it is in the input; none if this link to it is new.
    pub(super) old: Option<RelAddr>,
    /// What it has to be, in words, where the input does not stay to be asked.
    pub(super) form: Option<String>,
    /// Digest of the value if contents are compared.
    pub(super) value: Option<u128>,
}

impl Expected {
    /// What the plan for the input at `path` makes of it; `threads` may work at that.
    pub(in super::super) fn of(
        path: &Path,
        planned: &Planned,
        level: VerifyLevel,
        in_place: bool,
        threads: usize,
        observer: &dyn Observer,
    ) -> Result<Self, Failure> {
        let failed = |e: h5::Error| read_failure(path, &e);
        if level == VerifyLevel::None {
            return Ok(Self { datasets: Vec::new(), metadata: None });
        }
        let migration = &planned.migration;
        let types = planned.renamed_types();
        let tick = Ticker::new(migration.survey.payload_bytes, observer);
        let tick = |bytes| tick.tick(bytes);
        let mut out = Vec::new();
        for (name, addr) in readable(&planned.file).map_err(failed)? {
            let form = in_place.then(|| form::planned(planned, &types, addr)).transpose();
            let form = form.map_err(|e| failed(e.in_object(&name)))?;
            out.push(Linked { path: name, old: Some(addr), form, value: None });
        }
        if level >= VerifyLevel::Content {
            let addrs: Vec<_> = out.iter().filter_map(|l| l.old).collect();
            let columns = &migration.survey.large_columns;
            let ahead = content::ahead(&types, columns, threads, &tick);
            let one = |addr| {
                let dumper = Dumper::new(&types, Digest::Xxh3)
                    .with_overrides(&migration.overrides)
                    .with_progress(&tick);
                content::digest(&content::knowing(dumper, ahead.as_ref()), addr)
            };
            let bytes = migration.survey.payload_bytes;
            let values = content::of_each(&addrs, threads, bytes, &one);
            for (linked, value) in out.iter_mut().zip(values) {
                linked.value = Some(value.map_err(|e| failed(e.in_object(&linked.path)))?);
            }
        }
        // These lead to objects whose values are compared where they were linked before; that they
        // lead there is known when the output needs no more links.
        let added = migration.links.iter();
        out.extend(added.map(|path| Linked {
            path: path.clone(),
            old: None,
            form: None,
            value: None,
        }));
        out.sort_by(|a, b| a.path.cmp(&b.path));
        let metadata =
            if in_place { Some(planned_metadata(planned).map_err(failed)?) } else { None };
        Ok(Self { datasets: out, metadata })
    }
}

/// Digest of the metadata as the plan leaves them.
fn planned_metadata(planned: &Planned) -> h5::Result<u128> {
    let file = planned.as_planned()?;
    let mut along = Along::default().with_regions();
    Trace::run(&file, &mut along)?;
    metadata::digest(file.source(), &along.into_regions())
}

/// Counts bytes for an observer, whichever thread they are from.
pub(super) struct Ticker<'a> {
    done: Mutex<u64>,
    total: u64,
    observer: &'a dyn Observer,
}

impl<'a> Ticker<'a> {
    pub(super) fn new(total: u64, observer: &'a dyn Observer) -> Self {
        Self { done: Mutex::new(0), total, observer }
    }

    pub(super) fn tick(&self, bytes: u64) -> h5::Result<()> {
        let mut done = self.done.lock().unwrap_or_else(PoisonError::into_inner);
        *done = done.saturating_add(bytes);
        // Told under the lock, so that it never goes back.
        self.observer.progress(Phase::Verify, (*done).min(self.total), self.total);
        drop(done);
        if self.observer.cancelled() { Err(h5::Error::cancelled()) } else { Ok(()) }
    }
}

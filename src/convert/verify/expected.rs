//! Tells what an output must hold, by the plan for its input.

use super::super::beside::Aside;
use super::super::planned::{Planned, read_failure};
use super::super::{Failure, Observer, Phase, VerifyLevel};
use super::known::Known;
use super::{content, form, metadata};
use crate::h5::{self, ErrorKind, RelAddr, Trace};
use crate::julia::{Digest, Dumper, Listed, Paths, readable};
use crate::migrate::Along;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// What the output must hold. Taken before the input changes, if it is changed in place.
pub(in super::super) struct Expected {
    /// Its linked datasets by path, and where each is in the input; those to which the output has a
    /// new link are nowhere there.
    pub(super) datasets: Arc<Paths>,
    /// What each has to be, in words, where the input does not stay to be asked; without those with
    /// new links.
    pub(super) forms: Option<Known<String>>,
    /// Digests of the values if contents are compared; without those with new links.
    pub(super) values: Option<Known<u128>>,
    /// Digest of the metadata as planned, if the input does not stay to be compared with.
    pub(super) metadata: Option<u128>,
}

/// Where a dataset is in the input; none if this link to it is new.
pub(super) fn old(listed: &Listed) -> Option<RelAddr> {
    (!listed.addr.is_undef()).then_some(listed.addr)
}

impl Expected {
    /// What the plan for the input at `path` makes of it; `threads` may work at that. `aside` ends it
    /// early.
    pub(in super::super) fn of(
        path: &Path,
        planned: &Planned,
        level: VerifyLevel,
        in_place: bool,
        threads: usize,
        aside: Option<&Aside<'_>>,
        observer: &dyn Observer,
    ) -> Result<Self, Failure> {
        let failed = |e: h5::Error| read_failure(path, &e);
        if level == VerifyLevel::None {
            let datasets = Arc::default();
            return Ok(Self { datasets, forms: None, values: None, metadata: None });
        }
        let migration = &planned.migration;
        let types = planned.renamed_types();
        let tick = Ticker::new(migration.survey.payload_bytes, observer);
        let tick = |bytes| tick.tick(bytes);
        let mut datasets = match &planned.datasets {
            Some(listed) => Arc::clone(listed),
            None => Arc::new(readable(&planned.file).map_err(failed)?),
        };
        let mut forms = in_place.then(|| Known::of(datasets.len()));
        if let Some(forms) = &mut forms {
            for listed in &*datasets {
                let Listed { path, addr, .. } = listed.map_err(failed)?;
                let form = form::planned(planned, &types, addr);
                forms.push(form.map_err(|e| failed(e.in_object(&path)))?);
            }
            forms.finish();
        }
        let mut values = (level >= VerifyLevel::Content).then(|| Known::of(datasets.len()));
        if let Some(values) = &mut values {
            let columns = &migration.survey.large_columns;
            let ahead = content::ahead(&types, columns, threads, &tick);
            let one = |addr| {
                let dumper = Dumper::new(&types, Digest::Xxh3)
                    .with_overrides(&migration.overrides)
                    .with_progress(&tick);
                content::digest(&content::knowing(dumper, ahead.as_ref(), aside), addr)
            };
            let bytes = migration.survey.payload_bytes;
            let mut lost = None;
            let all = h5::until_error(&*datasets, &mut lost);
            let all = all.map(|listed| (listed.addr, listed.path));
            content::in_order(all, threads, bytes, &one, |path, value| {
                values.push(value.map_err(|e| unlike_any(failed, e.in_object(path)))?);
                Ok(())
            })?;
            if let Some(error) = lost {
                return Err(failed(error));
            }
            values.finish();
        }
        // These lead to objects whose values are compared where they were linked before; that they
        // lead there is known when the output needs no more links.
        if !migration.links.is_empty() {
            datasets = Arc::new(datasets.with(&migration.links).map_err(failed)?);
        }
        let metadata =
            if in_place { Some(planned_metadata(planned).map_err(failed)?) } else { None };
        Ok(Self { datasets, forms, values, metadata })
    }
}

/// Why a value cannot be compared; where it only takes too much, what does without values.
fn unlike_any(failed: impl Fn(h5::Error) -> Failure, error: h5::Error) -> Failure {
    let too_large = matches!(error.kind(), ErrorKind::TooLarge { .. });
    let mut failure = failed(error);
    if too_large {
        failure.message.push_str(" (--verify bytes compares all but values)");
    }
    failure
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

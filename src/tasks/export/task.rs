//! Exports one file, in a worker.

use crate::convert::publish::Existing;
use crate::convert::{Failure, FailureKind, Job, Observer};
use crate::export::{ExportError, Exported, Reading, Request, export};
use crate::h5::Checksums;
use crate::julia::DEEP_STACK;
use crate::supervisor::{JobOutcome, JobRecord};
use crate::sys::stat::StatData;
use crate::tasks::in_worker::{Errand, may_give_way, set_aside};
use crate::tasks::reading::ReadingTask;
use crate::text;
use crate::worker::Task;
use jld2::ChunkCache;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Anonymous memory that an export takes beside its cache, in bytes.
const FIRST_GUESS: u64 = 96 << 20;

/// What is exported of each file, and how.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ExportOptions {
    /// What is wanted.
    pub request: Request,
    /// Bytes for decoded chunks that may be needed again.
    pub cache: u64,
    /// Whether wrong checksums of metadata count.
    pub trust: bool,
    /// Whether outputs are made also where something else has their names, which is kept.
    pub force: bool,
}

/// Exports files.
#[derive(Debug, Default)]
pub struct ExportTask;

impl Task for ExportTask {
    type Options = Errand<ExportOptions>;
    type Output = Exported;
    const NAME: &'static str = "export";
    const DEEP: bool = true;

    fn run(
        &self,
        job: &Job,
        Errand { options, outdated }: Errand<ExportOptions>,
        observer: &dyn Observer,
    ) -> Result<Exported, Failure> {
        let cache = usize::try_from(options.cache).unwrap_or(usize::MAX);
        let reading = Reading {
            threads: Some(observer.threads().unwrap_or(1)),
            cache: Arc::new(ChunkCache::new(cache)),
        };
        let checksums = if options.trust { Checksums::Trusted } else { Checksums::Ignored };
        let existing = existing(job, outdated, options.force)?;
        let exported = export(job, &options.request, &existing, reading, checksums, observer);
        let mut exported = exported.map_err(ExportError::failure)?;
        exported.again = matches!(existing, Existing::Replace(_)) && !exported.already;
        Ok(exported)
    }
}

/// What may be replaced: what an earlier run made, and with `force` whatever is there, which is kept.
fn existing(job: &Job, outdated: Option<StatData>, force: bool) -> Result<Existing, Failure> {
    let otherwise =
        |what, _| Ok(if force { set_aside(job, what, ExportTask::NAME) } else { Existing::Keep });
    may_give_way(job, outdated, otherwise).map_err(|error| {
        Failure::new(FailureKind::Output, format!("{}: {error}", job.output.display()))
    })
}

impl ReadingTask for ExportTask {
    type Request = ExportOptions;

    fn first_guess(options: &ExportOptions) -> u64 {
        FIRST_GUESS.saturating_add(options.cache)
    }

    const RESERVED: u64 = DEEP_STACK as u64;
    const MAKES: bool = true;

    fn tell(exported: &Exported, record: &mut JobRecord) {
        record.outcome = JobOutcome::Unchanged;
        record.bytes_out = exported.bytes.unwrap_or(0);
        record.message = Some(exported_text(exported));
    }

    fn made(exported: &Exported) -> Option<StatData> {
        exported.file
    }
}

/// What was exported, in words.
pub(super) fn exported_text(exported: &Exported) -> String {
    let already = match exported {
        Exported { already: true, .. } => ", there already",
        Exported { again: true, .. } => ", made again",
        _ => "",
    };
    format!(
        "{}, {}{already}",
        text::count(exported.rows, "row"),
        text::bytes(exported.bytes.unwrap_or(0))
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::export::{ColumnUnit, Format};
    use crate::mera::region::{Center, RegionWish};
    use crate::protocol::{decode, encode_payload};

    #[test]
    fn options_come_over_and_come_back_from_a_journal() {
        let request = Request {
            columns: vec!["rho".to_owned()],
            units: vec![ColumnUnit { column: None, unit: "nH".to_owned() }],
            condition: Some("level == 10".to_owned()),
            region: RegionWish {
                ranges: [[Some(-0.1), None], [None, None], [None, Some(1e-300)]],
                center: Some([Center::Middle, Center::At(0.3), Center::Middle]),
                unit: Some("kpc".to_owned()),
            },
            rows: Some(3..7),
            level: Some(3),
            ..Request::new("hydro", Format::Npz)
        };
        let options = ExportOptions { request, cache: 1 << 20, trust: true, force: false };
        let over: ExportOptions = decode(&encode_payload(&options).unwrap()).unwrap();
        assert_eq!(over, options);
        let json = serde_json::to_value(&options).unwrap();
        assert_eq!(serde_json::from_value::<ExportOptions>(json).unwrap(), options);
    }
}

//! What several tasks do alike in their workers.

use crate::convert::publish::Existing;
use crate::convert::{Job, Observer, Phase};
use crate::h5;
use crate::sys::dir::OWN;
use crate::sys::stat::StatData;
use rustix::fs::FileType;
use serde::{Deserialize, Serialize};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a worker is told beside the files of a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Errand<O> {
    /// What is asked for, of every file of the run alike.
    pub options: O,
    /// The file under the output's name, where a journal says that an earlier run made it, and that it
    /// is no longer what is asked for: it gives way.
    pub outdated: Option<StatData>,
}

/// Is to be called with how many bytes, or rows, were read since the last time; tells `observer` how
/// many that are by now, and ends the reading where it is to stop.
pub(super) fn amount_read(
    observer: &dyn Observer,
    total: u64,
) -> impl Fn(u64) -> h5::Result<()> + Sync {
    let read = AtomicU64::new(0);
    move |more: u64| {
        let done = read.fetch_add(more, Ordering::Relaxed).saturating_add(more);
        // Files hold more data than bytes where these are encoded.
        observer.progress(Phase::Verify, done, total.max(done));
        if observer.cancelled() { Err(h5::Error::cancelled()) } else { Ok(()) }
    }
}

/// What may be replaced: what was `outdated` before the run, if it still is what has the output's name.
/// Of what else is there, `otherwise` says it.
///
/// # Errors
/// What the system says.
pub(super) fn may_give_way(
    job: &Job,
    outdated: Option<StatData>,
    otherwise: impl FnOnce(StatData, FileType) -> io::Result<Existing>,
) -> io::Result<Existing> {
    match StatData::entry(&job.output)? {
        None => Ok(Existing::Keep),
        Some((what, FileType::RegularFile)) if outdated == Some(what) => {
            Ok(Existing::Replace(what))
        }
        Some((what, kind)) => otherwise(what, kind),
    }
}

/// What is there under the output's name, of which `stat` tells `what`, may be replaced by what `task`
/// makes, and is kept; it stays where no directory of our own is there to keep it in.
pub(super) fn set_aside(job: &Job, what: StatData, task: &str) -> Existing {
    // Temporary files are below the directory of our own files.
    match job.temp_dir.parent().filter(|own| own.ends_with(OWN)) {
        Some(own) => Existing::SetAside { what, dir: own.join("replaced").join(task) },
        None => Existing::Keep,
    }
}

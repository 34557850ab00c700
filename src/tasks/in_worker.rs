//! What several tasks do alike in their workers.

use crate::convert::publish::Existing;
use crate::convert::{Job, Observer, Phase};
use crate::h5;
use crate::sys::dir::OWN;
use crate::sys::stat::StatData;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// What is there under the output's name, of which `stat` tells `what`, may be replaced by what `task`
/// makes, and is kept; it stays where no directory of our own is there to keep it in.
pub(super) fn set_aside(job: &Job, what: StatData, task: &str) -> Existing {
    // Temporary files are below the directory of our own files.
    match job.temp_dir.parent().filter(|own| own.ends_with(OWN)) {
        Some(own) => Existing::SetAside { what, dir: own.join("replaced").join(task) },
        None => Existing::Keep,
    }
}

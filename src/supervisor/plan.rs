//! Says what a run is going to do: data, made before anything starts.

use crate::archive::{Found, Listing, Unlisted, joined};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// A job's place in its plan.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct JobId(pub u32);

/// One input file and its output, before anybody opened it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedJob {
    /// The file's path below the archive's directory, as far as it is UTF-8: of a file directly in
    /// it, the name.
    pub name: String,
    /// Its output number, where the name has one.
    pub number: Option<u64>,
    /// The file to read.
    pub input: PathBuf,
    /// The file to make.
    pub output: PathBuf,
    /// Size of the input in bytes.
    pub bytes: u64,
    /// Modification time of the input in nanoseconds since 1970.
    pub mtime_ns: i64,
    /// Why it cannot be converted, where that shows from outside (a directory, a pipe): such a job
    /// fails without an attempt.
    pub obstacle: Option<String>,
}

/// The ordered jobs of one run (of one shard, where the plan is divided).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Plan {
    /// Directory by directory, in the order of their numbers; the scheduler takes the largest first. Copies of a plan share
    /// them.
    pub jobs: Arc<Vec<PlannedJob>>,
    /// The archive's files when this was made, before a part of them was taken; nothing where the
    /// jobs do not come from an archive.
    pub listing: Option<Listing>,
    /// Directories below the archive's that could not be listed: what is in them is not in the plan.
    pub unlisted: Arc<Vec<Unlisted>>,
}

impl Plan {
    /// The plan that makes the outputs of `files` in `output_dir`.
    pub fn of(files: Vec<Found>, output_dir: &Path) -> Self {
        let job = |file: Found| PlannedJob {
            output: joined(output_dir, file.name.as_ref()),
            name: file.name,
            number: file.number,
            input: file.path,
            bytes: file.bytes,
            mtime_ns: file.modified.map_or(0, nanoseconds),
            obstacle: file.obstacle.map(|obstacle| obstacle.to_string()),
        };
        Self { jobs: Arc::new(files.into_iter().map(job).collect()), ..Self::default() }
    }

    /// Sum of the inputs' sizes in bytes.
    pub fn bytes(&self) -> u64 {
        self.jobs.iter().fold(0, |sum, job| sum.saturating_add(job.bytes))
    }

    /// The job of that id.
    pub fn get(&self, id: JobId) -> Option<&PlannedJob> {
        self.jobs.get(usize::try_from(id.0).ok()?)
    }
}

/// Nanoseconds since 1970, negative before.
fn nanoseconds(time: SystemTime) -> i64 {
    let count = |span: std::time::Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => count(since),
        Err(before) => -count(before.duration()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::Obstacle;
    use std::time::Duration;

    #[test]
    fn every_file_is_a_job() {
        let file = |number: u64, modified, obstacle| Found {
            name: format!("output_{number}.jld2"),
            number: Some(number),
            head: Some(7),
            path: format!("/in/output_{number}.jld2").into(),
            bytes: number,
            modified,
            obstacle,
        };
        let plan = Plan::of(
            vec![
                file(3, Some(UNIX_EPOCH + Duration::from_millis(5)), None),
                file(4, Some(UNIX_EPOCH - Duration::from_nanos(7)), None),
                file(5, None, Some(Obstacle::Dangling)),
            ],
            Path::new("/out"),
        );
        assert_eq!(plan.bytes(), 12);
        assert_eq!(plan.jobs[0].input, Path::new("/in/output_3.jld2"));
        assert_eq!(plan.jobs[0].output, Path::new("/out/output_3.jld2"));
        assert_eq!((plan.jobs[0].mtime_ns, plan.jobs[1].mtime_ns), (5_000_000, -7));
        assert_eq!(plan.jobs[2].obstacle.as_deref(), Some("it is a symbolic link to nothing"));
        assert_eq!(plan.get(JobId(2)), plan.jobs.get(2));
        assert_eq!(plan.get(JobId(3)), None);
    }
}

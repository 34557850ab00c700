//! A task of its own: counts the objects of each file. All that a new task takes is here.

use super::setting::{entry, plan};
use jldconv::convert::{Failure, FailureKind, Job, Observer, Phase};
use jldconv::h5::{self, File, Object, Trace, Visitor};
use jldconv::supervisor::{Fault, Hooks, JobOutcome, JobRecord, Quiet, RunSummary, Settings};
use jldconv::tasks::reading::{Errand, Reading, ReadingTask, read};
use jldconv::worker::Task;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

pub(crate) struct CountObjects;

/// Counts what a walk meets.
struct Counter<'a>(u64, &'a dyn Observer);

impl Visitor for Counter<'_> {
    fn object(&mut self, _: &Object, _: &str) -> h5::Result<()> {
        self.0 += 1;
        self.1.progress(Phase::Verify, self.0, u64::MAX);
        if self.1.cancelled() { Err(h5::Error::cancelled()) } else { Ok(()) }
    }
}

impl Task for CountObjects {
    type Options = Errand<u64>;
    type Output = u64;
    const NAME: &'static str = "count-objects";

    fn run(
        &self,
        job: &Job,
        Errand { options: first, .. }: Errand<u64>,
        observer: &dyn Observer,
    ) -> Result<u64, Failure> {
        if job.input.to_string_lossy().contains("crash") {
            std::process::abort();
        }
        let mut counter = Counter(first, observer);
        let walked = File::open(&job.input).and_then(|file| Trace::run(&file, &mut counter));
        walked.map_err(|error| Failure::new(FailureKind::Input, error.to_string()))?;
        Ok(counter.0)
    }
}

impl ReadingTask for CountObjects {
    type Request = u64;

    fn first_guess(_: &u64) -> u64 {
        16 << 20
    }

    fn tell(objects: &u64, record: &mut JobRecord) {
        record.message = Some(format!("{objects} objects"));
    }
}

type Counts = BTreeMap<usize, Result<u64, Fault>>;

/// Counts what is in `dir`, starting from `first`, with a journal there.
fn count(dir: &Path, first: u64) -> (Counts, RunSummary) {
    let settings = Settings::new(dir, dir);
    let reading = Reading::<CountObjects> {
        settings: &settings,
        plan: &plan(&settings),
        options: first,
        journal: Some(dir),
        hooks: &Hooks { program: entry("counting_entry"), ..Hooks::default() },
    };
    let mut counts = Counts::new();
    let summary = read(reading, &mut Quiet, &mut |place, result| {
        let before = counts.insert(place, result.map_err(|(fault, _)| fault));
        assert_eq!(before, None, "a result is told once");
    });
    (counts, summary.unwrap())
}

#[test]
fn a_task_of_a_hundred_lines_has_isolation_resume_and_a_report() {
    let dir = tempfile::tempdir().unwrap();
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera");
    let good = dir.path().join("a.jld2");
    fs::copy(data.join("real-mera-1.9/output_00001.jld2"), &good).unwrap();
    fs::copy(&good, dir.path().join("b-crash.jld2")).unwrap();
    fs::write(dir.path().join("c.jld2"), "nothing of ours").unwrap();
    let (counts, summary) = count(dir.path(), 0);
    let Ok(objects) = counts[&0] else { panic!("{counts:?}") };
    assert!(objects > 10, "{objects}");
    assert_eq!((&counts[&1], &counts[&2]), (&Err(Fault::Crashed), &Err(Fault::Input)));
    assert_eq!((summary.unchanged, summary.failed, summary.pending), (1, 2, 0));
    let file = summary.files.get(0).unwrap();
    assert_eq!(file.message, Some(format!("{objects} objects")));
    assert!(file.outcome == JobOutcome::Unchanged && file.peak_anon > 0 && file.attempts == 1);

    // A result is kept as long as the options and the file are the same; a failure is tried again.
    let (again, summary) = count(dir.path(), 0);
    assert_eq!(again, counts);
    let faults = [(Fault::Crashed, 2), (Fault::Input, 1)];
    assert_eq!(summary.faults, BTreeMap::from(faults), "the good file took no attempt");
    assert_eq!(summary.attempts, 3);
    assert_eq!(count(dir.path(), 5).0[&0], Ok(objects + 5));
    fs::copy(data.join("e4b-lz4/output_00100.jld2"), &good).unwrap();
    assert_ne!(count(dir.path(), 0).0[&0], Ok(objects), "another file");
}

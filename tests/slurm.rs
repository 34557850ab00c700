//! Job arrays on a real Slurm: slurmctld, slurmd and munged on this one machine.
//!
//! Takes about two minutes, since Slurm's shortest wall time is one. Where Slurm cannot run, the
//! test says why and is over.

#![cfg(feature = "fault")]
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "common/clean.rs"]
mod clean;

use clean::clean;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

const FILES: u64 = 24;

/// A cluster of one node, stopped in the end.
struct Slurm(tempfile::TempDir);

impl Slurm {
    /// Starts it, or says why there is none.
    fn start() -> Result<Self, String> {
        let slurm = Self(tempfile::tempdir().unwrap());
        let output = slurm.tool("start", &["4", "4000"]);
        match output.status.code() {
            Some(0) => Ok(slurm),
            Some(77) => Err(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
            _ => panic!("{output:?}"),
        }
    }

    fn tool(&self, what: &str, more: &[&str]) -> Output {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/slurm-one-node");
        Command::new(script).arg(what).arg(self.0.path()).args(more).output().unwrap()
    }

    /// Runs one of Slurm's commands; gives what it says.
    fn say(&self, name: &str, args: &[&str]) -> String {
        let output = self.command(name).args(args).output().unwrap();
        assert!(output.status.success(), "{name} {args:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn command(&self, name: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(name);
        clean(&mut command).env("SLURM_CONF", self.0.path().join("slurm.conf"));
        command
    }

    /// Tasks of the array that wait or run: their numbers and states.
    fn tasks(&self, job: &str) -> Vec<(String, String)> {
        let args = ["--noheader", "--array", "--format=%K %t", "--jobs", job];
        let output = self.command("squeue").args(args).output().unwrap();
        // A job that is over for a while is unknown.
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let pair = |line: &str| line.split_once(' ').map(|(k, t)| (k.to_owned(), t.to_owned()));
        text.lines().filter_map(pair).collect()
    }

    /// What Slurm knows of a task.
    fn task(&self, job: &str, task: &str) -> String {
        self.say("scontrol", &["show", "job", &format!("{job}_{task}")])
    }
}

impl Drop for Slurm {
    fn drop(&mut self) {
        self.tool("stop", &[]);
    }
}

#[track_caller]
fn wait(what: &str, limit: Duration, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < limit, "{what} takes longer than {limit:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
}

struct Archive(tempfile::TempDir);

impl Archive {
    fn new() -> Self {
        let archive = Self(tempfile::tempdir().unwrap());
        fs::create_dir(archive.at("old")).unwrap();
        let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mera/e4b-none");
        let bytes = fs::read(data.join("output_00021.jld2")).unwrap();
        for number in 1..=FILES {
            fs::write(archive.at(&format!("old/output_{number:05}.jld2")), &bytes).unwrap();
        }
        archive
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn supervisor(&self, slurm: &Slurm, args: &[&str]) -> Output {
        let mut command = slurm.command(assert_cmd::cargo::cargo_bin("jldconv-supervisor"));
        command.args(args).current_dir(self.0.path()).output().unwrap()
    }

    /// The merged report of all tasks, and its exit code.
    fn report(&self, slurm: &Slurm) -> (serde_json::Value, Option<i32>) {
        let told = self.supervisor(slurm, &["report", "new", "--json"]);
        (serde_json::from_slice(&told.stdout).unwrap_or_default(), told.status.code())
    }

    /// What a task printed, in all its runs.
    fn printed(&self, job: &str, task: u32) -> String {
        fs::read_to_string(self.at(&format!("jldconv-{job}_{task}.out"))).unwrap_or_default()
    }

    fn done(&self) -> usize {
        let entries = fs::read_dir(self.at("new")).into_iter().flatten();
        entries.filter(|entry| entry.as_ref().unwrap().file_name() != ".jldconv").count()
    }
}

/// The supervisor of a shard, from the lock that it holds.
fn supervisor_of(archive: &Archive, task: u32) -> Option<String> {
    let lock = archive.at(&format!("new/.jldconv/lock-{task}-of-4"));
    let text = fs::read_to_string(lock).ok()?;
    Some(text.strip_prefix("process ")?.split(' ').next()?.to_owned())
}

/// Moves a task's supervisor and its workers, those to come included, into a memory cgroup. Without
/// the right to do so the fault of that task does not happen, and the test says so.
fn into_small_cgroup(pid: &str, bytes: u64) -> Option<PathBuf> {
    let (root, limit) =
        [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")]
            .into_iter()
            .find(|(root, _)| {
                let root = Path::new(root);
                root.join("memory.limit_in_bytes").exists()
                    || root.join("cgroup.controllers").exists()
            })?;
    let group = Path::new(root).join(format!("jldconv-slurm-test-{}", std::process::id()));
    fs::create_dir(&group).ok()?;
    let mut moved = fs::write(group.join(limit), bytes.to_string());
    for pid in std::iter::once(pid.to_owned()).chain(children(pid)) {
        moved = moved.and_then(|()| fs::write(group.join("cgroup.procs"), pid));
    }
    if moved.is_err() {
        let _ = fs::remove_dir(&group);
    }
    moved.ok().map(|()| group)
}

/// The processes that a process, by whichever of its threads, has started.
fn children(pid: &str) -> Vec<String> {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten();
    let lists = threads.map(|thread| {
        fs::read_to_string(thread.unwrap().path().join("children")).unwrap_or_default()
    });
    lists.flat_map(|list| list.split_whitespace().map(str::to_owned).collect::<Vec<_>>()).collect()
}

/// Four tasks: one is cancelled, one runs out of wall time and queues itself again, one has a
/// worker killed for memory, one is requeued from outside. Submitted once more, the array ends with
/// a complete archive, byte for byte that of an undisturbed run.
#[test]
fn an_array_of_four_in_bad_weather() {
    let slurm = match Slurm::start() {
        Ok(slurm) => slurm,
        Err(why) => {
            eprintln!("skipped: {why}");
            return;
        }
    };
    let archive = Archive::new();
    assert!(archive.supervisor(&slurm, &["old", "calm", "--yes"]).status.success());
    // Part 3 of equal files holds 3, 7, 11 ... Each task's six files take half a minute.
    let fault = "slow=5s@*,alloc=700MiB@output_00007#1";
    let args = [
        "slurm",
        "old",
        "new",
        "--tasks=4",
        "--time=1",
        "--warn=40",
        "--grace=2s",
        "--mem=900M",
        "--workers=1",
        "--submit",
    ];
    let mut submit = slurm.command(assert_cmd::cargo::cargo_bin("jldconv-supervisor"));
    submit.args(args).current_dir(archive.0.path()).env("JLDCONV_FAULT", fault);
    let submitted = String::from_utf8(submit.output().unwrap().stdout).unwrap();
    let job = submitted.strip_prefix("submitted job array ").unwrap();
    let job = job.split(':').next().unwrap().to_owned();

    let minute = Duration::from_mins(1);
    wait("the beginning", minute, || (1..=4).all(|task| supervisor_of(&archive, task).is_some()));
    // The heads of their journals follow their locks at once.
    wait("all four at work", minute, || {
        let (report, _) = archive.report(&slurm);
        report["shards"].as_array().is_some_and(|shards| {
            shards.len() == 4 && shards.iter().all(|shard| shard["state"] == "running")
        })
    });
    let group = supervisor_of(&archive, 3).and_then(|pid| into_small_cgroup(&pid, 300 << 20));
    if group.is_none() {
        eprintln!("no memory cgroup can be made here: no worker is killed for memory");
    }
    slurm.say("scancel", &[&format!("{job}_1")]);
    slurm.say("scontrol", &["requeue", &format!("{job}_4")]);
    wait("the array", 8 * minute, || slurm.tasks(&job).is_empty());
    if let Some(group) = &group {
        let _ = fs::remove_dir(group);
    }

    let [cancelled, warned, starved, requeued] =
        [1, 2, 3, 4].map(|task| archive.printed(&job, task));
    let interrupted = |text: &str| text.matches("Interrupted: ").count();
    assert_eq!(interrupted(&cancelled), 1, "{cancelled}");
    assert!(slurm.task(&job, "1").contains("JobState=CANCELLED"));
    assert!(warned.contains("SIGUSR1"), "{warned}");
    assert!(interrupted(&warned) >= 1 && warned.contains("\nDone: "), "{warned}");
    assert!(requeued.contains("\nDone: "), "{requeued}");
    assert!(!slurm.task(&job, "4").contains("Restarts=0"));
    if group.is_some() {
        assert!(starved.contains("output_00007.jld2: out of memory in attempt 1"), "{starved}");
    }
    assert!(archive.done() < usize::try_from(FILES).unwrap(), "the cancelled task left files");

    let (report, code) = archive.report(&slurm);
    let states: Vec<_> = (0..4).map(|shard| report["shards"][shard]["state"].clone()).collect();
    assert_eq!(states, ["interrupted", "done", "done", "done"]);
    assert_eq!((code, &report["not_taken"]), (Some(3), &serde_json::json!([])));
    // Overnight the simulation wrote one more.
    let late = format!("output_{:05}.jld2", FILES + 1);
    fs::copy(archive.at("old/output_00001.jld2"), archive.at("old").join(&late)).unwrap();
    let (report, code) = archive.report(&slurm);
    assert_eq!(code, Some(3));
    assert!(report["not_taken"].as_array().unwrap().contains(&late.clone().into()), "{report}");

    // The user's second evening: the same command, in good weather.
    let again = archive.supervisor(&slurm, &args);
    let again = String::from_utf8(again.stdout).unwrap();
    let job = again.strip_prefix("submitted job array ").unwrap().split(':').next().unwrap();
    wait("the second array", 5 * minute, || slurm.tasks(job).is_empty());
    for number in 1..=FILES {
        let name = format!("output_{number:05}.jld2");
        let [calm, new] = ["calm", "new"].map(|dir| fs::read(archive.at(dir).join(&name)));
        assert!(calm.unwrap() == new.unwrap(), "{name}");
    }
    assert!(archive.at("new").join(&late).exists());
    for task in 1..=4 {
        let printed = archive.printed(job, task);
        assert!(!printed.contains("another archive"), "the first array is over: {printed}");
    }
    let (report, code) = archive.report(&slurm);
    assert_eq!(report["success"], FILES + 1);
    assert_eq!((&report["failed"], &report["pending"]), (&0.into(), &0.into()));
    assert_eq!((code, &report["not_taken"]), (Some(0), &serde_json::json!([])));
    assert!(report["shards"].as_array().unwrap().iter().all(|shard| shard["state"] == "done"));
    let left = fs::read_dir(archive.at("new/.jldconv/tmp")).unwrap().count();
    assert_eq!(left, 0, "no temporary file is left");
}

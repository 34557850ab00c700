//! An archive, a run over it, and what became of it.

use jldconv::convert::VerifyLevel;
use jldconv::supervisor::{
    Count, Hooks, JobOutcome, JobRecord, OnFull, Plan, PlannedJob, Quiet, Reporter, RunError,
    RunEvent, RunSummary, Settings, WorkerProgram,
};
use jldconv::tasks::convert::{Survey, run};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// An input and an output directory.
pub(crate) struct Setting {
    dir: tempfile::TempDir,
    pub(crate) settings: Settings,
}

/// What happened.
pub(crate) struct Done {
    pub(crate) result: Result<RunSummary, RunError>,
    pub(crate) events: Vec<RunEvent>,
}

struct Collector<'a> {
    events: Vec<RunEvent>,
    then: &'a mut dyn FnMut(&RunEvent),
}

impl Reporter for Collector<'_> {
    fn event(&mut self, event: &RunEvent) {
        (self.then)(event);
        self.events.push(event.clone());
    }
}

pub(crate) fn program() -> WorkerProgram {
    entry("worker_entry")
}

/// This executable, to live in that test.
pub(crate) fn entry(test: &str) -> WorkerProgram {
    let args = [test, "--exact", "--nocapture", "--test-threads=1"];
    WorkerProgram {
        program: std::env::current_exe().unwrap(),
        args: args.iter().map(Into::into).collect(),
    }
}

pub(crate) fn name(number: usize) -> String {
    format!("output_{number:05}.jld2")
}

pub(crate) fn plan(settings: &Settings) -> Plan {
    let mut jobs: Vec<PlannedJob> = fs::read_dir(&settings.input_dir)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().extension().is_some_and(|ext| ext == "jld2"))
        .map(|entry| {
            let (meta, name) = (entry.metadata().unwrap(), entry.file_name());
            PlannedJob {
                number: None,
                input: entry.path(),
                output: settings.output_dir.join(&name),
                name: name.into_string().unwrap(),
                bytes: meta.len(),
                mtime_ns: meta.mtime() * 1_000_000_000 + meta.mtime_nsec(),
                obstacle: None,
            }
        })
        .collect();
    jobs.sort_by(|a, b| a.name.cmp(&b.name));
    Plan { jobs: jobs.into(), ..Plan::default() }
}

impl Setting {
    /// One file for each script.
    pub(crate) fn new(scripts: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (input, output) = (dir.path().join("in"), dir.path().join("out"));
        fs::create_dir(&input).unwrap();
        for (number, script) in (1..).zip(scripts) {
            fs::write(input.join(name(number)), script).unwrap();
        }
        let mut settings = Settings::new(input, output);
        settings.workers = Count::Exactly(2);
        settings.quiet_interval = Duration::from_secs(1);
        settings.sample_interval = Duration::from_millis(20);
        settings.options.verify = Some(VerifyLevel::None);
        Self { dir, settings }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    pub(crate) fn run(&self) -> Done {
        self.run_with(&mut |_| {})
    }

    /// Runs, and calls `then` on each event.
    pub(crate) fn run_with(&self, then: &mut dyn FnMut(&RunEvent)) -> Done {
        let mut collector = Collector { events: Vec::new(), then };
        let hooks = Hooks { program: program(), ..Hooks::default() };
        let result =
            run(&self.settings, &plan(&self.settings), Survey::default(), &hooks, &mut collector);
        Done { result, events: collector.events }
    }

    /// Runs with another program as workers.
    pub(crate) fn run_program(&self, program: WorkerProgram) -> RunSummary {
        let hooks = Hooks { program, ..Hooks::default() };
        run(&self.settings, &plan(&self.settings), Survey::default(), &hooks, &mut Quiet).unwrap()
    }

    pub(crate) fn output(&self, number: usize) -> PathBuf {
        self.settings.output_dir.join(name(number))
    }

    /// Every output that is there equals its input, and nothing temporary is left.
    pub(crate) fn nothing_is_half_done(&self) {
        for entry in fs::read_dir(&self.settings.output_dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let input = self.settings.input_dir.join(path.file_name().unwrap());
                let (output, input) = (fs::read(&path).unwrap(), fs::read(input).unwrap());
                assert_eq!(output, input, "{}", path.display());
            }
        }
    }

    pub(crate) fn no_temporary_file_is_left(&self) {
        let temps = self.settings.output_dir.join(".jldconv/tmp");
        let left: Vec<_> = fs::read_dir(temps).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(left, Vec::<std::ffi::OsString>::new());
    }

    /// What a run left that was a process of its own.
    pub(crate) fn summary(&self) -> RunSummary {
        serde_json::from_slice(&fs::read(self.path().join("summary")).unwrap()).unwrap()
    }

    /// Starts the run as a process of its own.
    pub(crate) fn start(&self) -> Running {
        self.start_in(None)
    }

    /// The same, in a control group.
    pub(crate) fn start_in(&self, group: Option<&Path>) -> Running {
        let mut command = Command::new("/bin/sh");
        let procs = group.map_or("/dev/null".into(), |group| group.join("cgroup.procs"));
        command
            .args(["-c", "echo $$ > \"$0\" && exec \"$@\""])
            .arg(procs)
            .arg(std::env::current_exe().unwrap())
            .args(["supervisor_entry", "--exact", "--nocapture", "--test-threads=1"])
            .env("SUPERVISION_DIR", self.dir.path())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0);
        Running(command.spawn().unwrap())
    }
}

/// A supervisor that runs as a process of its own.
pub(crate) struct Running(pub(crate) Child);

impl Running {
    /// Processes that it started and that live.
    pub(crate) fn workers(&self) -> Vec<u32> {
        children(self.0.id())
    }

    pub(crate) fn wait_for_workers(&self, count: usize) -> Vec<u32> {
        wait_until("workers", || Some(self.workers()).filter(|workers| workers.len() >= count))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Live children of a process.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let Ok(tasks) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    tasks
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("children")).ok())
        .flat_map(|text| {
            text.split_whitespace().map(|pid| pid.parse().unwrap()).collect::<Vec<_>>()
        })
        .filter(|pid| alive(*pid))
        .collect()
}

/// Whether a process runs (a zombie does not).
pub(crate) fn alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .is_ok_and(|stat| !stat.rsplit(") ").next().unwrap_or("Z").starts_with('Z'))
}

pub(crate) fn wait_until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_mins(1);
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < end, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

pub(crate) fn signal(pid: u32, signal: i32) {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).unwrap());
    let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::try_from(signal).unwrap());
}

/// The run in `dir`, in a process of its own. The summary is left in `dir`.
pub(crate) fn supervise(dir: &Path) {
    let mut settings = Settings::new(dir.join("in"), dir.join("out"));
    settings.workers = Count::Exactly(3);
    settings.grace = Duration::from_secs(5);
    settings.options.verify = Some(VerifyLevel::None);
    settings.on_full = OnFull::Pause;
    let text = fs::read_to_string(dir.join("settings")).unwrap_or_default();
    for (key, value) in text.lines().filter_map(|line| line.split_once('=')) {
        match key {
            "workers" => settings.workers = Count::Exactly(value.parse().unwrap()),
            "retries" => settings.retries = value.parse().unwrap(),
            "grace" => settings.grace = Duration::from_millis(value.parse().unwrap()),
            "limit" => settings.memory_limit = Some(value.parse::<u64>().unwrap() << 20),
            "nofile" => {
                // Tests beside this one may have passed some of theirs on.
                let open = fs::read_dir("/proc/self/fd").unwrap();
                let open: Vec<u64> =
                    open.map(|e| name_as_number(&e.unwrap().file_name())).collect();
                let free = (0..).filter(|number| !open.contains(number));
                let limit = free.take(value.parse().unwrap()).last().unwrap() + 1;
                nix::sys::resource::setrlimit(
                    nix::sys::resource::Resource::RLIMIT_NOFILE,
                    limit,
                    limit,
                )
                .unwrap();
            }
            "usr1" => settings.drain_on_usr1 = true,
            other => panic!("{other}"),
        }
    }
    let events = fs::File::options().create(true).append(true).open(dir.join("events")).unwrap();
    let mut then = |event: &RunEvent| {
        use std::io::Write;
        let mut line = serde_json::to_vec(event).unwrap();
        line.push(b'\n');
        (&events).write_all(&line).unwrap();
    };
    let mut collector = Collector { events: Vec::new(), then: &mut then };
    let hooks = Hooks { program: program(), ..Hooks::default() };
    let result = run(&settings, &plan(&settings), Survey::default(), &hooks, &mut collector);
    let code = match result {
        Ok(summary) => {
            fs::write(dir.join("summary"), serde_json::to_vec(&summary).unwrap()).unwrap();
            summary.exit_code()
        }
        Err(error) => {
            fs::write(dir.join("error"), error.to_string()).unwrap();
            error.exit_code()
        }
    };
    std::process::exit(code as i32);
}

impl Done {
    pub(crate) fn summary(&self) -> &RunSummary {
        self.result.as_ref().unwrap()
    }

    pub(crate) fn file(&self, number: usize) -> JobRecord {
        let name = name(number);
        self.summary().files.iter().find(|file| file.name == name).unwrap()
    }

    pub(crate) fn outcomes(&self) -> Vec<JobOutcome> {
        self.summary().files.iter().map(|file| file.outcome).collect()
    }
}

fn name_as_number(name: &std::ffi::OsStr) -> u64 {
    name.to_str().unwrap().parse().unwrap()
}
